//! Says so when this browser does not keep what it should.

use crate::picture::Saving;
use yew::{Html, html};

pub fn notice(saving: &Saving) -> Html {
    let (tone, sentence) = match saving {
        Saving::Kept => return Html::default(),
        Saving::ThisVisit(why) => (
            "notice warn",
            [
                "Nothing is kept after this visit: ",
                why,
                ". You can play; your identity and your chips end with this tab.",
            ]
            .concat(),
        ),
        Saving::Broken(why) => (
            "notice bad",
            [
                "This browser refuses to store any more (",
                why,
                "). A vote must survive a crash, so this tab now watches and votes no more. \
                 Free some space, or allow this site to store data, then reload.",
            ]
            .concat(),
        ),
    };
    html! { <p class={tone} role="alert" data-testid="saving-notice">{ sentence }</p> }
}

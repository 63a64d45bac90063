//! What was said lately: read out by screen readers, shown above the bottom edge for a while.

use crate::model::story::{Saying, Tone};
use yew::{Html, html};

/// The region is always there: one that appears together with its text is often not read.
pub fn region<'a>(sayings: impl Iterator<Item = &'a Saying>) -> Html {
    html! {
        <div class="sayings" role="log" aria-live="polite" data-testid="sayings">
            { for sayings.map(saying) }
        </div>
    }
}

fn saying(saying: &Saying) -> Html {
    let tone = match saying.tone {
        Tone::Plain => "saying",
        Tone::Good => "saying good",
        Tone::Bad => "saying bad",
    };
    html! { <p key={saying.number.to_string()} class={tone}>{ saying.text.clone() }</p> }
}

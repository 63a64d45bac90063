//! What is seen before there is a peer, or when there cannot be one.

use crate::{
    boot::{BootError, Step},
    slot::SLOTS_MAX,
};
use bitcraps_core::crypto::identity::WORK_BITS_DEFAULT;
use yew::{Html, html};

pub fn page(step: Result<&Step, &BootError>) -> Html {
    let body = match step {
        Ok(step) => under_way(step),
        Err(error) => failed(error),
    };
    html! {
        <main class="starting">
            <h1 class="brand-large">{ "BitCraps" }</h1>
            { body }
        </main>
    }
}

fn under_way(step: &Step) -> Html {
    let expected = 1u64 << WORK_BITS_DEFAULT;
    let (sentence, progress) = match step {
        Step::Claiming => ("Looking for a free identity in this browser.".to_owned(), None),
        Step::Opening => ("Opening what this browser keeps for you.".to_owned(), None),
        Step::Working { tries } => {
            let sentence = [
                "Making a new identity: ",
                &tries.to_string(),
                " hashes tried, about ",
                &expected.to_string(),
                " are needed.",
            ];
            (sentence.concat(), Some((*tries).min(expected)))
        }
    };
    html! {
        <>
            <p role="status" data-testid="join-state" data-state="starting">{ sentence }</p>
            if let Some(tries) = progress {
                <progress max={expected.to_string()} value={tries.to_string()}
                    aria-label="Proof of work" />
            }
        </>
    }
}

fn failed(error: &BootError) -> Html {
    let sentence = match error {
        BootError::AllTaken => [
            "All ",
            &SLOTS_MAX.to_string(),
            " identities of this browser are in use by other tabs. Close one and reload.",
        ]
        .concat(),
        BootError::NoRandomness => {
            "This browser gives no secure random numbers, so no key can be made. Try another one."
                .to_owned()
        }
        BootError::Unreadable(why) => [
            "What this browser keeps for you cannot be read: ",
            why,
            ". Nothing was changed. Reload to try again; clearing the site’s data starts anew \
             with a new identity and no chips.",
        ]
        .concat(),
    };
    html! {
        <p role="alert" class="notice bad" data-testid="join-state" data-state="failed">
            { sentence }
        </p>
    }
}

//! Whose view a page shows: that of the peer in this tab, or of the node that served the page.
//!
//! The node is asked every few seconds while its view is looked at, and not otherwise.

use crate::report::{self, Past, Report};
use yew::{Html, UseStateHandle, hook, html, use_effect_with, use_state};

/// Between two questions to the node.
const ASK_EVERY_MS: u32 = 5_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    ThisTab,
    TheNode,
}

/// What was chosen, and what the node has said so far.
pub struct Chosen {
    whose: UseStateHandle<Whose>,
    told: UseStateHandle<Option<Result<Report, String>>>,
}

/// What to show.
#[derive(Clone, PartialEq)]
pub enum Seen {
    ThisTab,
    TheNode(Report),
    /// Nothing yet; says why.
    Nothing(Html),
}

#[hook]
pub fn use_whose(past: Past) -> Chosen {
    let whose = use_state(|| Whose::ThisTab);
    let told = use_state(|| None);
    {
        let told = told.clone();
        use_effect_with(*whose, move |whose| {
            let asking = (*whose == Whose::TheNode)
                .then(|| report::ask_every(ASK_EVERY_MS, past, move |said| told.set(Some(said))));
            move || drop(asking)
        });
    }
    Chosen { whose, told }
}

impl Chosen {
    /// The two buttons.
    pub fn buttons(&self) -> Html {
        let choose = |to: Whose, label: &'static str, id: &'static str| {
            let whose = self.whose.clone();
            let pressed = (*whose == to).to_string();
            html! {
                <button type="button" class="button" aria-pressed={pressed} data-testid={id}
                    onclick={move |_| whose.set(to)}>{ label }</button>
            }
        };
        html! {
            <div class="inline-form" role="group" aria-label="Whose view">
                { choose(Whose::ThisTab, "As this tab sees it", "whose-tab") }
                { choose(Whose::TheNode, "As the node sees it", "whose-node") }
            </div>
        }
    }

    pub fn seen(&self) -> Seen {
        match (*self.whose, &*self.told) {
            (Whose::ThisTab, _) => Seen::ThisTab,
            (Whose::TheNode, None) => Seen::Nothing(html! {
                <p class="quiet" role="status">{ "Asking the node for its view." }</p>
            }),
            (Whose::TheNode, Some(Err(why))) => Seen::Nothing(html! {
                <p class="notice bad" role="alert" data-testid="node-silent">
                    { ["The node did not answer: ", why, ". It is asked again in a moment."]
                        .concat() }
                </p>
            }),
            (Whose::TheNode, Some(Ok(report))) => Seen::TheNode(report.clone()),
        }
    }
}

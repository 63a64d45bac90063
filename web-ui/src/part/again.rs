//! "Verify again": recomputes one roll from this tab's own log, every line up to it.

use crate::{
    checking::{self, Checked, Progress, Source},
    model::transcript,
};
use bitcraps_core::{craps::Dice, id::TableId};
use std::{cell::Cell, rc::Rc};
use yew::{Component, Context, Html, Properties, html};

/// The roll as the page shows it.
#[derive(Clone, PartialEq, Properties)]
pub struct VerifyAgainProps {
    pub table: TableId,
    pub roll: u64,
    pub height: u64,
    pub dice: Dice,
    /// The opened element, hex.
    pub opened: String,
}

pub struct VerifyAgain {
    said: Option<Said>,
    /// Becomes false when nobody looks any more.
    wanted: Rc<Cell<bool>>,
}

struct Said {
    state: &'static str,
    text: String,
}

pub enum Msg {
    Start,
    Progress(Progress),
    Ended(Result<Box<Checked>, String>),
}

impl Component for VerifyAgain {
    type Message = Msg;
    type Properties = VerifyAgainProps;

    fn create(_: &Context<Self>) -> Self {
        VerifyAgain { said: None, wanted: Rc::new(Cell::new(true)) }
    }

    fn update(&mut self, context: &Context<Self>, message: Msg) -> bool {
        let props = context.props();
        self.said = Some(match message {
            Msg::Start => {
                let (link, wanted) = (context.link().clone(), Rc::clone(&self.wanted));
                let (source, until) = (Source::Own(props.table), props.height);
                wasm_bindgen_futures::spawn_local(async move {
                    let told = |progress| {
                        link.send_message(Msg::Progress(progress));
                        wanted.get()
                    };
                    if let Some(ended) = checking::check(&source, until, told).await {
                        link.send_message(Msg::Ended(ended));
                    }
                });
                Said { state: "checking", text: "Recomputing…".to_owned() }
            }
            Msg::Progress(Progress { line, .. }) => {
                let [line, all] = [line, props.height].map(|n| n.to_string());
                let text = ["Recomputing: line ", &line, " of ", &all, "."].concat();
                Said { state: "checking", text }
            }
            Msg::Ended(Err(why)) => Said { state: "unreadable", text: why },
            Msg::Ended(Ok(checked)) => judge(props, &checked),
        });
        true
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let state = self.said.as_ref().map(|said| said.state);
        html! {
            <div class="again">
                <button type="button" class="button" disabled={state == Some("checking")}
                    data-testid="verify-again" onclick={context.link().callback(|_| Msg::Start)}>
                    { "Verify again" }
                </button>
                <p role="status" data-testid="verify-again-result" data-state={state}>
                    { self.said.as_ref().map_or("", |said| &said.text).to_owned() }
                </p>
            </div>
        }
    }

    fn destroy(&mut self, _: &Context<Self>) {
        self.wanted.set(false);
    }
}

fn judge(props: &VerifyAgainProps, checked: &Checked) -> Said {
    if let Some(fault) = &checked.wrong {
        return Said { state: "wrong", text: transcript::wrong(fault) };
    }
    let rolls = checked.found.as_ref().map_or(&[][..], |found| &found.rolls);
    let proven = rolls.iter().find(|proven| proven.rolled.roll == props.roll);
    let same = proven.is_some_and(|proven| {
        let opened = TableId::from_bytes(proven.rolled.opened).to_string();
        proven.rolled.dice == props.dice && opened == props.opened
    });
    if !same {
        let text = "The log gives another roll than is shown here: do not trust this page.";
        return Said { state: "wrong", text: text.to_owned() };
    }
    let [first, second] = [props.dice.0, props.dice.1].map(|face| face.to_string());
    let lines = props.height.saturating_add(1).to_string();
    let text = [
        "Recomputed from ",
        &lines,
        " lines of the log: ",
        &first,
        " and ",
        &second,
        ", as shown.",
    ];
    Said { state: "true", text: text.concat() }
}

//! The box for bets as typed words.

use crate::model::typed::{self, Typed};
use bitcraps_core::craps::{Spot, TYPED_BYTES_MAX};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Callback, Html, NodeRef, Properties, function_component, html, use_node_ref, use_state};

const EXAMPLES: &str = "pass 10 · odds 20 · place 6 12 · hard 8 5 · hop 1 2 5 · roll";

#[derive(PartialEq, Properties)]
pub struct TypedBetProps {
    /// Where this seat has chips: `odds` alone means the odds behind them.
    pub held: Vec<Spot>,
    pub on_typed: Callback<Typed>,
}

#[function_component]
pub fn TypedBet(props: &TypedBetProps) -> Html {
    let input = use_node_ref();
    let misread = use_state(|| None::<String>);
    let on_submit = {
        let (input, misread) = (input.clone(), misread.clone());
        let held = props.held.clone();
        let on_typed = props.on_typed.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(field) = field(&input) else {
                return;
            };
            match typed::parse(&field.value(), &held) {
                Ok(typed) => {
                    on_typed.emit(typed);
                    field.set_value("");
                    misread.set(None);
                }
                Err(why) => misread.set(Some(why)),
            }
        })
    };
    html! {
        <form class="typed" onsubmit={on_submit}>
            <label for="typed-bet">{ "Type a bet" }</label>
            <div class="typed-line">
                <input id="typed-bet" ref={input} type="text" autocomplete="off"
                    autocapitalize="none" spellcheck="false" maxlength={TYPED_BYTES_MAX.to_string()}
                    placeholder="pass 10" data-testid="typed-bet"
                    aria-describedby="typed-help" aria-invalid={misread.is_some().to_string()} />
                <button type="submit" class="button">{ "Bet" }</button>
            </div>
            <p id="typed-help" class={if misread.is_some() { "misread" } else { "quiet" }}
                aria-live="polite">
                { (*misread).clone().unwrap_or_else(|| EXAMPLES.to_owned()) }
            </p>
        </form>
    }
}

fn field(input: &NodeRef) -> Option<HtmlInputElement> {
    input.cast::<HtmlInputElement>()
}

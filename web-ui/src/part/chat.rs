//! What is said at a table, and the box to say something.
//!
//! Screen readers hear new lines when they have nothing else to read; names and words are isolated
//! from each other, so that a text that runs from right to left moves nothing but itself.

use bitcraps_core::{
    id::PeerId,
    limits::LINE_BYTES_MAX,
    node::{ChatView, TableView},
};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Callback, Html, Properties, classes, function_component, html, use_node_ref, use_state};

#[derive(PartialEq, Properties)]
pub struct ChatProps {
    pub lines: Vec<ChatView>,
    pub me: PeerId,
    pub on_say: Callback<String>,
}

impl ChatProps {
    pub fn of(table: &TableView, me: PeerId, on_say: Callback<String>) -> ChatProps {
        ChatProps { lines: table.chat.clone(), me, on_say }
    }
}

#[function_component]
pub fn Chat(props: &ChatProps) -> Html {
    let input = use_node_ref();
    let too_long = use_state(|| false);
    let on_submit = {
        let (input, too_long, on_say) = (input.clone(), too_long.clone(), props.on_say.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let Some(field) = input.cast::<HtmlInputElement>() else { return };
            let text = field.value().trim().to_owned();
            too_long.set(text.len() > LINE_BYTES_MAX);
            if !text.is_empty() && text.len() <= LINE_BYTES_MAX {
                on_say.emit(text);
                field.set_value("");
            }
        })
    };
    let help = if *too_long {
        "Too long: a line is at most 256 bytes."
    } else {
        "Everybody at the table and everybody who looks on can read it. It is not kept."
    };
    html! {
        <section class="panel chat" aria-labelledby="chat-title">
            <h2 id="chat-title">{ "Talk" }</h2>
            <ol class="lines" aria-live="polite" aria-relevant="additions" tabindex="0"
                aria-labelledby="chat-title" data-testid="chat-lines">
                // The newest comes first in the tree and last on the page: the list keeps its end
                // in view without a script.
                { for props.lines.iter().rev().map(|line| said(line, &props.me)) }
            </ol>
            <form class="typed-line" onsubmit={on_submit}>
                <label class="sr-only" for="chat-line">{ "Say something" }</label>
                <input id="chat-line" ref={input} type="text" autocomplete="off"
                    maxlength={LINE_BYTES_MAX.to_string()} placeholder="Say something"
                    data-testid="chat-line" aria-describedby="chat-help" />
                <button type="submit" class="button" data-testid="chat-say">{ "Say" }</button>
            </form>
            <p id="chat-help" class={if *too_long { "misread" } else { "quiet" }}>{ help }</p>
        </section>
    }
}

fn said(line: &ChatView, me: &PeerId) -> Html {
    let own = line.peer_id == *me;
    html! {
        <li key={[&line.peer_id.to_string(), "/", &line.number.to_string()].concat()}
            class={classes!("line", own.then_some("own"))} data-testid="chat-said">
            <bdi class="line-who" title={line.peer_id.to_string()}>{ line.name.clone() }</bdi>
            <bdi class="line-text">{ line.text.clone() }</bdi>
        </li>
    }
}

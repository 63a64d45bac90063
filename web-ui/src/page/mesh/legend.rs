//! What the signs of the picture mean, drawn with the same shapes.

use crate::model::text;
use bitcraps_core::node::{NodeKind, Transport};
use yew::{Html, html};

pub fn legend() -> Html {
    html! {
        <ul class="legend" aria-label="Legend">
            { kind(NodeKind::Regular) }
            { kind(NodeKind::Gateway) }
            { kind(NodeKind::Browser) }
            { sign("own", "this node", html! { <circle class="core" r="4" /> }) }
            { sign("", "at your table", html! { <circle class="ring table" r="16" /> }) }
            { sign("", "cut node", html! { <circle class="ring cut" r="16" /> }) }
            { sign("", "picked", html! { <circle class="ring picked" r="17" /> }) }
            { sign("gone", "out of reach", Html::default()) }
            { line("", text::transport(Transport::Tcp)) }
            { line("dashed", text::transport(Transport::WebSocket)) }
            { line("unmeasured", "not measured") }
            <li>
                <svg viewBox="0 0 40 10" class="stroke" aria-hidden="true">
                    <path class="edge" d="M1 3H39M1 7H39" />
                </svg>
                { "bridge" }
            </li>
            <li><span class="ramp" aria-hidden="true"></span>{ "1 ms to 256 ms and above" }</li>
            <li><span class="hull" aria-hidden="true"></span>{ "cluster" }</li>
        </ul>
    }
}

fn kind(kind: NodeKind) -> Html {
    let mark = match kind {
        NodeKind::Regular => html! { <circle class="mark regular" r="10" /> },
        NodeKind::Gateway => {
            html! { <rect class="mark gateway" x="-9" y="-9" width="18" height="18" /> }
        }
        NodeKind::Browser => html! { <path class="mark browser" d="M0-12 12 0 0 12-12 0Z" /> },
    };
    html! {
        <li>
            <svg viewBox="-20 -20 40 40" aria-hidden="true">{ mark }</svg>
            { text::kind(kind) }
        </li>
    }
}

/// A node with a mark.
fn sign(class: &'static str, label: &'static str, mark: Html) -> Html {
    html! {
        <li>
            <svg viewBox="-20 -20 40 40" aria-hidden="true">
                <circle class={["mark regular ", class].concat()} r="10" />
                { mark }
            </svg>
            { label }
        </li>
    }
}

fn line(class: &'static str, label: &'static str) -> Html {
    html! {
        <li>
            <svg viewBox="0 0 40 10" class="stroke" aria-hidden="true">
                <path class={["edge ", class].concat()} d="M1 5H39" />
            </svg>
            { label }
        </li>
    }
}

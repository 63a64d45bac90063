//! What the signs of the picture mean, drawn with the same shapes.

use crate::{model::text, part::mesh_canvas};
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
            { for Transport::ALL.into_iter().map(|kind| line(Some(kind), text::transport(kind))) }
            { line(None, "not measured") }
            <li><b aria-hidden="true">{ "+2" }</b>{ "so many more links between the two" }</li>
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

/// A line as the picture has it for such a link, or for one of any kind without figures.
fn line(kind: Option<Transport>, label: &'static str) -> Html {
    let class = if kind.is_some() { "edge" } else { "edge unmeasured" };
    html! {
        <li>
            { stroke(kind, class) }
            { label }
        </li>
    }
}

/// The line of a link of this kind, as a sign beside its name.
pub fn stroke(kind: Option<Transport>, class: &'static str) -> Html {
    let cells = kind.map_or(&[][..], mesh_canvas::dashes).iter();
    let dashes: Vec<String> = cells.map(|cells| (cells * 3 / 2).max(1).to_string()).collect();
    html! {
        <svg viewBox="0 0 40 10" class="stroke" aria-hidden="true">
            <path {class} stroke-dasharray={dashes.join(" ")} d="M1 5H39" />
        </svg>
    }
}

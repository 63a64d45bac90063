//! What is known of one node, and this tab's own links.

use crate::model::{
    mesh::{self, Dot, Scene},
    text,
};
use bitcraps_core::node::{LinkState, NodeView};
use yew::{Html, html};

/// Links of a node that are listed.
const LINKS_LISTED_MAX: usize = 40;

/// Nothing picked.
pub fn none() -> Html {
    html! { <p class="quiet">{ "Pick a node to see what is known of it." }</p> }
}

/// The card of the dot at this place.
pub fn card(view: &NodeView, scene: &Scene, place: u32) -> Html {
    let Some(dot) = scene.dots.get(place as usize) else { return none() };
    let members = view.tables.iter().filter(|table| table.members.contains(&dot.id));
    let tables: Vec<String> = members.map(|table| table.name.clone()).collect();
    let reach = match (dot.own, dot.reachable) {
        (true, _) => "this node",
        (false, true) => "in reach",
        (false, false) => "out of reach",
    };
    let links = scene.links_of(place).take(LINKS_LISTED_MAX);
    let more = (dot.links as usize).saturating_sub(LINKS_LISTED_MAX);
    html! {
        <section class="panel" aria-labelledby="card-title" data-testid="peer-card">
            <h2 id="card-title">{ dot.name.clone() }</h2>
            <dl class="facts">
                <dt>{ "Peer" }</dt>
                <dd><code class="hash">{ dot.id.to_string() }</code></dd>
                <dt>{ "Kind" }</dt>
                <dd>{ text::kind(dot.kind) }</dd>
                <dt>{ "Role" }</dt>
                <dd>{ text::role(dot.role) }</dd>
                <dt>{ "Reach" }</dt>
                <dd>{ [reach, ", part ", &mesh::part_name(dot.part)].concat() }</dd>
                <dt>{ "Round trip, own link" }</dt>
                <dd>{ text::latency(dot.round_trip_ms) }</dd>
                <dt>{ "Last heard of" }</dt>
                <dd>{ text::age(dot.age_ms) }</dd>
                <dt>{ "At your tables" }</dt>
                <dd>{ if tables.is_empty() { "none".to_owned() } else { text::list(&tables) } }</dd>
                <dt>{ "Without it" }</dt>
                <dd data-testid="without-it">{ without(view, dot) }</dd>
            </dl>
            <h3>{ "Links" }</h3>
            <ul class="plain">
                { for links.map(|(other, line)| {
                    let bridge = if line.cuts_off > 0 { ", a bridge" } else { "" };
                    let said = [&other.name, ", ", text::transport(line.transport), ", ",
                        &text::latency(line.latency_ms), bridge].concat();
                    html! { <li>{ said }</li> }
                }) }
                if more > 0 {
                    <li class="quiet">{ [&more.to_string(), " more"].concat() }</li>
                }
            </ul>
        </section>
    }
}

/// What would be lost without this node, as far as the mesh has been analysed.
fn without(view: &NodeView, dot: &Dot) -> String {
    match (dot.cuts_off, view.health.snapshot.is_some()) {
        (0, false) => text::UNKNOWN.to_owned(),
        (0, true) => "all others still reach each other".to_owned(),
        (cut, _) => [&text::counted(cut as usize, "node", "nodes"), " would be cut off"].concat(),
    }
}

/// The links of the node itself, measured here.
pub fn own_links(view: &NodeView) -> Html {
    html! {
        <section class="panel" aria-labelledby="links-title">
            <h2 id="links-title">{ "Own links" }</h2>
            if view.links.is_empty() {
                <p class="quiet">{ "None." }</p>
            } else {
                <ul class="plain">
                    { for view.links.iter().map(|link| {
                        let who = link.peer_id.map_or_else(
                            || "someone who has not said who it is".to_owned(),
                            |id| mesh::name_of(view, &id),
                        );
                        let state = match link.state {
                            LinkState::Handshaking => "saying hello",
                            LinkState::Open => "open",
                        };
                        let said = [&who, ", ", text::transport(link.transport), ", ", state,
                            ", round trip ", &text::latency(link.rtt_ms)].concat();
                        html! { <li key={link.link.0.to_string()}>{ said }</li> }
                    }) }
                </ul>
            }
        </section>
    }
}

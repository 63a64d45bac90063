//! What is known of one node, with every own link to it.

use super::legend;
use crate::{
    model::{
        links::{self, Switch},
        mesh::{self, Dot, Scene},
        text,
    },
    part::chart::{self, Room},
};
use bitcraps_core::{
    id::PeerId,
    node::{LinkView, NodeView},
};
use yew::{Html, classes, html};

/// Links of a node that are listed.
const LINKS_LISTED_MAX: usize = 40;

/// Nothing picked.
pub fn none() -> Html {
    html! { <p class="quiet">{ "Pick a node to see what is known of it." }</p> }
}

/// Whether it leads, and by whose word.
fn leads(view: &NodeView, dot: &Dot) -> String {
    match view.leader.as_ref().filter(|leader| leader.peer_id == dot.id) {
        Some(leader) => [
            "yes, for housekeeping only: term ",
            &leader.term.to_string(),
            ", ",
            &leader.votes.to_string(),
            " of ",
            &text::counted(leader.electors, "vote", "votes"),
        ]
        .concat(),
        None => "no".to_owned(),
    }
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
                <dt>{ "Leads" }</dt>
                <dd data-testid="leads">{ leads(view, dot) }</dd>
                <dt>{ "Without it" }</dt>
                <dd data-testid="without-it">{ without(view, dot) }</dd>
            </dl>
            { own(view, dot) }
            <h3>{ "Its links on the map" }</h3>
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

/// The links to it from here and their last changes; nothing where there never was one.
fn own(view: &NodeView, dot: &Dot) -> Html {
    let found = links::links_to(view, &dot.id);
    let switches = links::switches(view, Some(&dot.id));
    if found.is_empty() && switches.is_empty() {
        return Html::default();
    }
    let title = ["Links from here (", &found.len().to_string(), ")"].concat();
    html! {
        <>
            <h3>{ title }</h3>
            <ul class="plain" data-testid="card-links">
                { for found.iter().map(|link| own_link(link)) }
            </ul>
            if !switches.is_empty() {
                <h3>{ "Last switches" }</h3>
                { switched(&switches, |_| None) }
            }
        </>
    }
}

fn own_link(link: &LinkView) -> Html {
    let (trust, class, means) = links::breaker(link.breaker);
    let charts = links::charts(link);
    let kind = link.transport;
    let mut figures = vec![["Round trip ", &links::round_trip(link)].concat()];
    figures.push(["loss ", &links::loss(link.measured.loss)].concat());
    figures.push(["delivered ", &links::delivered(link)].concat());
    if link.measured.rssi_dbm.is_some() {
        figures.push(["signal ", &links::signal(link.measured.rssi_dbm)].concat());
    }
    figures.push(["open for ", &links::age(link)].concat());
    html! {
        <li key={link.link.0.to_string()} class="own-link">
            <p class="own-link-head">
                { legend::stroke(Some(kind), "edge") }
                <strong>{ text::transport(kind) }</strong>
                <span class={classes!("tag", class)}>{ trust }</span>
            </p>
            <p>{ [&links::way(link), " ", means].concat() }</p>
            <p class="quiet">{ [&figures.join(", "), "."].concat() }</p>
            <div class="small-charts">
                { for charts.iter().map(|drawn| chart::draw(drawn, Room::Shared)) }
            </div>
            { charts.first().map(|drawn| html! {
                <p class="quiet">{ ["The last ", &text::span(drawn.span_ms), "."].concat() }</p>
            }) }
        </li>
    }
}

/// Changes of link, newest first.
pub fn switched(switches: &[Switch], name: impl Fn(&PeerId) -> Option<String>) -> Html {
    html! {
        <ul class="plain" data-testid="switches">
            { for switches.iter().map(|switch| {
                let to = name(&switch.peer).map(|name| [&name, ": "].concat());
                html! {
                    <li>
                        { to }
                        { switch.said.clone() }
                        <span class="quiet">{ [" ", &text::age(switch.age_ms)].concat() }</span>
                    </li>
                }
            }) }
        </ul>
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

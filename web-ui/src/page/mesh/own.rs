//! The node's own links as a table, with their last switches; who is nearby, and how Bluetooth is.
//! Everything that the cards show of links is here too, for those who cannot see the picture.

use super::card;
use crate::model::{links, mesh, nearby, text};
use bitcraps_core::{
    id::PeerId,
    node::{LinkView, NodeView},
};
use yew::{Callback, Html, classes, html};

/// Links and sightings that are listed, of each.
const LISTED_MAX: usize = 64;

const TITLES: [&str; 10] = [
    "Peer",
    "Kind",
    "Over",
    "In use for",
    "Round trip",
    "Loss",
    "Delivered",
    "Signal",
    "Trust",
    "Open for",
];

/// All links of this node, and why messages changed from one to another.
pub fn own_links(view: &NodeView, on_pick: &Callback<Option<PeerId>>) -> Html {
    let switches = links::switches(view, None);
    let more = view.links.len().saturating_sub(LISTED_MAX);
    html! {
        <section class="panel" aria-labelledby="links-title" data-testid="own-links">
            <h2 id="links-title">{ "Own links" }</h2>
            if view.links.is_empty() {
                <p class="quiet">
                    { "None yet. The first comes when a peer is dialled or dials this one; until \
                       then only what was learned before is shown." }
                </p>
            } else {
                <div class="wide">
                    <table>
                        <thead>
                            <tr>
                                { for TITLES.iter().map(|t| html! { <th scope="col">{ *t }</th> }) }
                            </tr>
                        </thead>
                        <tbody>
                            { for view.links.iter().take(LISTED_MAX).map(|link| {
                                row(view, link, on_pick)
                            }) }
                        </tbody>
                    </table>
                </div>
            }
            if more > 0 {
                <p class="quiet">{ [&more.to_string(), " more"].concat() }</p>
            }
            if !switches.is_empty() {
                <h3>{ "Last switches" }</h3>
                { card::switched(&switches, |peer| Some(mesh::name_of(view, peer))) }
            }
        </section>
    }
}

fn row(view: &NodeView, link: &LinkView, on_pick: &Callback<Option<PeerId>>) -> Html {
    let who = link.peer_id.map_or_else(
        || html! { "someone who has not said who it is" },
        |id| picks(mesh::name_of(view, &id), id, on_pick),
    );
    let (trust, class, _) = links::breaker(link.breaker);
    let figures = [
        text::transport(link.transport).to_owned(),
        links::path(link.path).to_owned(),
        links::used_for(link),
        links::round_trip(link),
        links::loss(link.measured.loss),
        links::delivered(link),
        links::signal(link.measured.rssi_dbm),
    ];
    html! {
        <tr key={link.link.0.to_string()} data-testid="own-link">
            <th scope="row">{ who }</th>
            { for figures.into_iter().map(|figure| html! { <td>{ figure }</td> }) }
            <td><span class={classes!("tag", class)}>{ trust }</span></td>
            <td>{ links::age(link) }</td>
        </tr>
    }
}

/// A name that shows its card.
fn picks(name: String, id: PeerId, on_pick: &Callback<Option<PeerId>>) -> Html {
    let pick = on_pick.clone();
    html! {
        <button type="button" class="as-link" onclick={move |_| pick.emit(Some(id))}>
            { name }
        </button>
    }
}

/// Who is heard, and what the radio can do.
pub fn nearby(view: &NodeView, on_pick: &Callback<Option<PeerId>>) -> Html {
    let (word, class, said) = nearby::bluetooth(view.radio.as_ref());
    let more = view.nearby.len().saturating_sub(LISTED_MAX);
    html! {
        <section class="panel" aria-labelledby="nearby-title" data-testid="nearby">
            <h2 id="nearby-title">{ "Nearby" }</h2>
            if view.nearby.is_empty() {
                <p class="quiet">{ nearby::nobody(view.radio.as_ref()) }</p>
            }
            <ul class="plain">
                { for view.nearby.iter().take(LISTED_MAX).map(|near| {
                    let who = nearby::who(view, near);
                    let on_map =
                        |id: &PeerId| view.map.nodes.iter().any(|node| node.peer_id == *id);
                    let known = near.peer_id.filter(on_map);
                    html! {
                        <li key={near.address.clone()} data-testid="near">
                            { match known {
                                Some(id) => picks(who, id, on_pick),
                                None => html! { who },
                            } }
                            <span class="quiet">{ [": ", &nearby::how(near)].concat() }</span>
                        </li>
                    }
                }) }
                if more > 0 {
                    <li class="quiet">{ [&more.to_string(), " more"].concat() }</li>
                }
            </ul>
            <p data-testid="bluetooth">
                <strong>{ "Bluetooth" }</strong>
                <span class={classes!("tag", class)}>{ word }</span>
                { [" ", &said].concat() }
            </p>
        </section>
    }
}

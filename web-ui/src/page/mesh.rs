//! The mesh: the living graph, the card of a picked node, and all of it as rows.

use crate::{
    model::{
        mesh::{self, DRAWN_NODES_MAX, Dot, Scene},
        text,
    },
    part::map_picture::{MapPicture, shape},
    picture::Shown,
};
use bitcraps_core::{
    id::PeerId,
    node::{EdgeView, NodeKind, NodeView},
};
use std::rc::Rc;
use web_sys::HtmlInputElement;
use yew::{
    Callback, Html, InputEvent, Properties, TargetCast, function_component, html, use_memo,
    use_state,
};

#[derive(PartialEq, Properties)]
pub struct MeshProps {
    pub picture: Shown,
}

#[function_component]
pub fn Mesh(props: &MeshProps) -> Html {
    let view = &props.picture.view;
    let scene: Rc<Scene> = use_memo(props.picture.clone(), |picture| Scene::of(&picture.view));
    let picked = use_state(|| None::<PeerId>);
    let wanted = use_state(String::new);
    let on_pick = {
        let picked = picked.clone();
        Callback::from(move |id: PeerId| picked.set((*picked != Some(id)).then_some(id)))
    };
    let on_find = {
        let wanted = wanted.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                wanted.set(input.value().to_lowercase());
            }
        })
    };
    let card = picked.and_then(|id| scene.find(&id));
    html! {
        <div class="room mesh-room">
            <div class="table-head">
                <h1 id="main-title" tabindex="-1">{ "Mesh" }</h1>
                <p class="quiet" data-testid="mesh-summary">{ summary(view) }</p>
            </div>
            { partition_notice(view) }
            <div class="mesh-main">
                <div class="mesh-picture">
                    if scene.dots.is_empty() {
                        <p class="quiet empty">
                            { "The map is empty: nobody has been heard of yet." }
                        </p>
                    } else {
                        <MapPicture scene={scene.clone()} picked={*picked}
                            on_pick={on_pick.clone()} />
                    }
                    { legend() }
                </div>
                <div class="mesh-card" aria-live="polite">
                    { card.map_or_else(hint, |dot| peer_card(view, dot)) }
                </div>
            </div>
            { links(view) }
            <section class="panel" aria-labelledby="nodes-title">
                <h2 id="nodes-title">{ "All of it as a table" }</h2>
                <div class="inline-form">
                    <label for="find-node">{ "Find" }</label>
                    <input id="find-node" type="search" oninput={on_find} autocomplete="off"
                        placeholder="name or id" />
                </div>
                { rows(view, &scene, &wanted, &on_pick) }
            </section>
        </div>
    }
}

fn summary(view: &NodeView) -> String {
    let parts = match view.partitions.len() {
        0 => text::UNKNOWN.to_owned(),
        1 => "one whole mesh".to_owned(),
        many => [&many.to_string(), " parts"].concat(),
    };
    [
        &text::counted(view.map.nodes.len(), "node", "nodes"),
        ", ",
        &text::counted(view.map.edges.len(), "link", "links"),
        ", ",
        &parts,
    ]
    .concat()
}

fn partition_notice(view: &NodeView) -> Html {
    if view.partitions.len() < 2 {
        return Html::default();
    }
    let sizes: Vec<String> = view.partitions.iter().map(|part| part.len().to_string()).collect();
    let said = [
        "As seen from here the mesh has fallen into ",
        &view.partitions.len().to_string(),
        " parts of ",
        &text::list(&sizes),
        " nodes. It heals by itself when a link between them comes back.",
    ]
    .concat();
    html! { <p class="notice warn" role="status" data-testid="partition-banner">{ said }</p> }
}

fn legend() -> Html {
    let sign = |kind: NodeKind, class: &'static str| {
        html! {
            <li class={["dot ", class].concat()}>
                <svg viewBox="-20 -20 40 40" aria-hidden="true">{ shape(kind) }</svg>
                { text::kind(kind) }
            </li>
        }
    };
    let stroke = |class: &'static str, label: &'static str| {
        html! {
            <li>
                <svg viewBox="0 0 40 10" class="stroke" aria-hidden="true">
                    <line class={["edge ", class].concat()} x1="1" y1="5" x2="39" y2="5" />
                </svg>
                { label }
            </li>
        }
    };
    html! {
        <ul class="legend" aria-label="Legend">
            { sign(NodeKind::Regular, "regular") }
            { sign(NodeKind::Gateway, "gateway") }
            { sign(NodeKind::Browser, "browser") }
            <li class="dot own">
                <svg viewBox="-20 -20 40 40" aria-hidden="true">{ shape(NodeKind::Browser) }</svg>
                { "this tab" }
            </li>
            <li class="dot">
                <svg viewBox="-28 -28 56 56" aria-hidden="true"><circle class="ring" r="22" /></svg>
                { "at your table" }
            </li>
            { stroke("tcp", "TCP") }
            { stroke("websocket", "WebSocket") }
        </ul>
    }
}

fn hint() -> Html {
    html! { <p class="quiet">{ "Pick a node to see what is known of it." }</p> }
}

fn peer_card(view: &NodeView, dot: &Dot) -> Html {
    let peer = &dot.peer;
    let tables: Vec<String> = view
        .tables
        .iter()
        .filter(|table| table.members.contains(&peer.peer_id))
        .map(|table| table.name.clone())
        .collect();
    let reach = match (dot.own, peer.reachable) {
        (true, _) => "this tab",
        (false, true) => "in reach",
        (false, false) => "out of reach",
    };
    html! {
        <section class="panel" aria-labelledby="card-title" data-testid="peer-card">
            <h2 id="card-title">{ mesh::name_of(view, &peer.peer_id) }</h2>
            <dl class="facts">
                <dt>{ "Peer" }</dt>
                <dd><code class="hash">{ peer.peer_id.to_string() }</code></dd>
                <dt>{ "Kind" }</dt>
                <dd>{ text::kind(peer.kind) }</dd>
                <dt>{ "Role" }</dt>
                <dd>{ text::role(peer.role) }</dd>
                <dt>{ "Reach" }</dt>
                <dd>{ reach }</dd>
                <dt>{ "Round trip, own link" }</dt>
                <dd>{ text::latency(mesh::round_trip(view, &peer.peer_id)) }</dd>
                <dt>{ "Last heard of" }</dt>
                <dd>{ text::age(peer.age_ms) }</dd>
                <dt>{ "At your tables" }</dt>
                <dd>{ if tables.is_empty() { "none".to_owned() } else { text::list(&tables) } }</dd>
            </dl>
            <h3>{ "Links" }</h3>
            <ul class="plain">
                { for view.map.edges.iter().filter_map(|edge| {
                    link_line(view, edge, &peer.peer_id)
                }) }
            </ul>
        </section>
    }
}

fn link_line(view: &NodeView, edge: &EdgeView, id: &PeerId) -> Option<Html> {
    let other = match *id {
        id if id == edge.a => edge.b,
        id if id == edge.b => edge.a,
        _ => return None,
    };
    let said = [
        &mesh::name_of(view, &other),
        ", ",
        text::transport(edge.transport),
        ", ",
        &text::latency(edge.latency_ms),
    ]
    .concat();
    Some(html! { <li>{ said }</li> })
}

/// This tab's own links, measured here.
fn links(view: &NodeView) -> Html {
    use bitcraps_core::node::LinkState;
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

fn rows(view: &NodeView, scene: &Scene, wanted: &str, on_pick: &Callback<PeerId>) -> Html {
    let found = scene.dots.iter().filter(|dot| {
        wanted.is_empty()
            || dot.peer.name.to_lowercase().contains(wanted)
            || dot.peer.peer_id.to_string().starts_with(wanted)
    });
    html! {
        <>
            <div class="wide">
                <table data-testid="mesh-rows">
                    <thead>
                        <tr>
                            <th scope="col">{ "Name" }</th>
                            <th scope="col">{ "Kind" }</th>
                            <th scope="col">{ "Role" }</th>
                            <th scope="col">{ "Round trip" }</th>
                            <th scope="col">{ "Links" }</th>
                            <th scope="col">{ "Part" }</th>
                            <th scope="col">{ "Heard of" }</th>
                        </tr>
                    </thead>
                    <tbody>{ for found.map(|dot| row(view, dot, on_pick)) }</tbody>
                </table>
            </div>
            if scene.left_out > 0 {
                <p class="quiet">
                    { ["The first ", &DRAWN_NODES_MAX.to_string(), " nodes; ",
                        &scene.left_out.to_string(), " more are known."].concat() }
                </p>
            }
        </>
    }
}

fn row(view: &NodeView, dot: &Dot, on_pick: &Callback<PeerId>) -> Html {
    let id = dot.peer.peer_id;
    let pick = on_pick.clone();
    let heard = match (dot.own, dot.peer.reachable) {
        (true, _) => "this tab".to_owned(),
        (false, true) => text::age(dot.peer.age_ms),
        (false, false) => ["out of reach, ", &text::age(dot.peer.age_ms)].concat(),
    };
    html! {
        <tr key={id.to_string()} data-testid="mesh-row" data-peer={id.to_string()}>
            <th scope="row">
                <button type="button" class="as-link" onclick={move |_| pick.emit(id)}>
                    { mesh::name_of(view, &id) }
                </button>
            </th>
            <td>{ text::kind(dot.peer.kind) }</td>
            <td>{ text::role(dot.peer.role) }</td>
            <td>{ text::latency(mesh::round_trip(view, &id)) }</td>
            <td>{ dot.links.to_string() }</td>
            <td>{ (dot.part + 1).to_string() }</td>
            <td>{ heard }</td>
        </tr>
    }
}

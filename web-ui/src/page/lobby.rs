//! The lobby: play at once, tables to join, who is in reach, and the own name.

use super::asked::Asked;
use crate::{
    model::{bluetooth::Ask, mesh, names, text},
    part::bluetooth,
    picture::Shown,
    route::Room,
};
use bitcraps_core::{
    craps::Rules,
    limits::{NAME_BYTES_MAX, TABLE_MEMBERS_MIN},
    node::{Command, LobbyView, NodeView, PeerView, SeatRole, TableState, TableView},
};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{Callback, Html, Properties, function_component, html, use_node_ref};

/// Peers listed; the mesh page finds the others.
const LISTED_PEERS_MAX: usize = 24;

#[derive(Clone, PartialEq, Properties)]
pub struct LobbyProps {
    pub picture: Shown,
    pub asked: Vec<Asked>,
    pub on_do: Callback<Command>,
    pub on_bluetooth: Callback<Ask>,
}

pub fn page(props: &LobbyProps) -> Html {
    let view = &props.picture.view;
    html! {
        <div class="room lobby">
            <h1 id="main-title" class="sr-only" tabindex="-1">{ "Lobby" }</h1>
            <Create ..props.clone() />
            { my_tables(view) }
            { announced(props) }
            { peers(view) }
            { bluetooth::panel(&props.picture.bluetooth, &props.on_bluetooth) }
            <OwnName ..props.clone() />
            { invitation() }
        </div>
    }
}

/// The node that served this page draws the code and knows the link (`/invitation`).
fn invitation() -> Html {
    html! {
        <details class="panel" data-testid="invitation">
            <summary>{ "Invite a phone on this network" }</summary>
            <a href="/invitation">
                <img src="/api/v1/invitation.svg" loading="lazy" width="240" height="240"
                    alt="QR code of this node's invitation" />
            </a>
            <p class="quiet"><a href="/invitation">{ "The link, and what to look out for" }</a></p>
        </details>
    }
}

/// One click seats this peer with every bot and witness in reach.
#[function_component]
fn Create(props: &LobbyProps) -> Html {
    let view = &props.picture.view;
    let name = use_node_ref();
    let suggestion = names::suggested_table(&view.peer_id, view.tables.len());
    let asking = props.asked.contains(&Asked::Create);
    let on_submit = {
        let (name, on_do, suggestion) = (name.clone(), props.on_do.clone(), suggestion.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let typed = name.cast::<HtmlInputElement>().map(|input| input.value());
            let typed = typed.filter(|name| !name.trim().is_empty());
            let name = typed.map_or_else(|| suggestion.clone(), |name| name.trim().to_owned());
            on_do.emit(Command::CreateTable { name, invite: Vec::new(), rules: Rules::default() });
        })
    };
    html! {
        <form class="hero" onsubmit={on_submit}>
            <div class="hero-text">
                <h2>{ "Craps with nobody in the middle" }</h2>
                <p data-testid="who-is-asked">{ who_is_asked(view) }</p>
            </div>
            <div class="hero-form">
                <label for="table-name">{ "Name of the table" }</label>
                <input id="table-name" ref={name} type="text" maxlength={NAME_BYTES_MAX.to_string()}
                    autocomplete="off" placeholder={suggestion} data-testid="table-name" />
                <button type="submit" class="button primary" disabled={asking}
                    data-testid="create-table">
                    { if asking { "Asking the others…" } else { "Play now" } }
                </button>
            </div>
        </form>
    }
}

fn willing(view: &NodeView) -> impl Iterator<Item = &PeerView> {
    view.map.nodes.iter().filter(|peer| {
        let invited = match peer.role {
            SeatRole::Bot | SeatRole::Witness => true,
            SeatRole::Player => false,
        };
        invited && peer.reachable && peer.peer_id != view.peer_id
    })
}

fn who_is_asked(view: &NodeView) -> String {
    let names: Vec<String> = willing(view).map(|peer| mesh::name_of(view, &peer.peer_id)).collect();
    let others = TABLE_MEMBERS_MIN - 1;
    if names.len() >= others {
        return ["Play now asks ", &text::list(&names), " to sit down with you."].concat();
    }
    let missing = others - names.len();
    let known = if names.is_empty() {
        "No bot or witness is in reach yet".to_owned()
    } else {
        ["In reach so far: ", &text::list(&names)].concat()
    };
    [
        &known,
        ". Fair dice need ",
        &TABLE_MEMBERS_MIN.to_string(),
        " members with you among them: ",
        &text::counted(missing, "more bot or witness is", "more bots or witnesses are"),
        " needed.",
    ]
    .concat()
}

fn my_tables(view: &NodeView) -> Html {
    let mine: Vec<&TableView> =
        view.tables.iter().filter(|table| table.state != TableState::Left).collect();
    if mine.is_empty() {
        return Html::default();
    }
    html! {
        <section class="panel" aria-labelledby="mine-title">
            <h2 id="mine-title">{ "Your tables" }</h2>
            <ul class="cards">{ for mine.into_iter().map(|table| my_table(view, table)) }</ul>
        </section>
    }
}

fn my_table(view: &NodeView, table: &TableView) -> Html {
    let state = match table.state {
        TableState::Joining => "taking in the log",
        TableState::Playing => "playing",
        TableState::Frozen => "frozen",
        TableState::Watching => "looking on",
        TableState::Left => "left",
        TableState::Halted => "halted",
    };
    let stack = crate::model::table::seat(table, &view.peer_id)
        .map_or_else(|| text::UNKNOWN.to_owned(), |seat| seat.stack.0.to_string());
    html! {
        <li key={table.table_id.to_string()} class="card" data-testid="my-table"
            data-table={table.table_id.to_string()}>
            <h3>{ table.name.clone() }</h3>
            <p class="quiet">
                { [
                    state,
                    " · ",
                    &text::counted(table.members.len(), "member", "members"),
                    " · ",
                    &stack,
                    " chips · height ",
                    &table.height.to_string(),
                ].concat() }
            </p>
            <a class="button" href={Room::Table(table.table_id).hash()}>{ "Go to the table" }</a>
        </li>
    }
}

fn announced(props: &LobbyProps) -> Html {
    let lobby = &props.picture.view.lobby;
    html! {
        <section class="panel" aria-labelledby="announced-title">
            <h2 id="announced-title">{ "Tables on the mesh" }</h2>
            if lobby.is_empty() {
                <p class="quiet">
                    { "Nobody announces a table right now. Play now opens one." }
                </p>
            } else {
                <ul class="cards">
                    { for lobby.iter().map(|table| announced_table(props, table)) }
                </ul>
            }
        </section>
    }
}

fn announced_table(props: &LobbyProps, table: &LobbyView) -> Html {
    let view = &props.picture.view;
    let id = table.table_id;
    let asking = props.asked.contains(&Asked::Join(id));
    let full = table.members >= table.members_max;
    let hosts: Vec<String> = table.hosts.iter().map(|host| mesh::name_of(view, host)).collect();
    let round_trip =
        table.hosts.iter().filter_map(|host| mesh::round_trip(view, host)).min_by(f64::total_cmp);
    let on_do = props.on_do.clone();
    let join = move |_| on_do.emit(Command::JoinTable { table: id });
    html! {
        <li key={id.to_string()} class="card" data-testid="announced-table"
            data-table={id.to_string()}>
            <h3>{ table.name.clone() }</h3>
            <p class="quiet">
                { [
                    &table.members.to_string(),
                    " of ",
                    &table.members_max.to_string(),
                    " seats · round trip ",
                    &text::latency(round_trip),
                ].concat() }
            </p>
            <p class="quiet">{ ["Announced by ", &text::list(&hosts)].concat() }</p>
            <button type="button" class="button" disabled={asking || full} onclick={join}
                data-testid="join-table" aria-label={["Join ", &table.name].concat()}>
                { if full { "Full" } else if asking { "Joining…" } else { "Join" } }
            </button>
            { super::table::watch(&props.asked, &props.on_do, id) }
        </li>
    }
}

fn peers(view: &NodeView) -> Html {
    let others: Vec<&PeerView> =
        view.map.nodes.iter().filter(|peer| peer.peer_id != view.peer_id).collect();
    let more = others.len().saturating_sub(LISTED_PEERS_MAX);
    html! {
        <section class="panel" aria-labelledby="peers-title">
            <h2 id="peers-title">{ "Peers" }</h2>
            if others.is_empty() {
                <p class="quiet">{ "No other peer is known yet." }</p>
            } else {
                <ul class="peers">
                    { for others.iter().take(LISTED_PEERS_MAX).map(|peer| peer_row(view, peer)) }
                </ul>
            }
            if more > 0 {
                <p class="quiet">{ ["and ", &more.to_string(), " more on the "].concat() }
                    <a href={Room::Mesh.hash()}>{ "mesh page" }</a>
                </p>
            }
        </section>
    }
}

fn peer_row(view: &NodeView, peer: &PeerView) -> Html {
    let lamp = if peer.reachable { "lamp ok" } else { "lamp gone" };
    let reach = if peer.reachable {
        text::latency(mesh::round_trip(view, &peer.peer_id))
    } else {
        ["out of reach, heard of ", &text::age(peer.age_ms)].concat()
    };
    html! {
        <li key={peer.peer_id.to_string()} class="peer" data-testid="peer-row">
            <span class={lamp} aria-hidden="true"></span>
            <span class="peer-name" title={peer.peer_id.to_string()}>
                { mesh::name_of(view, &peer.peer_id) }
            </span>
            <span class="quiet">
                { [text::role(peer.role), ", ", text::kind(peer.kind)].concat() }
            </span>
            <span class="peer-reach">{ reach }</span>
        </li>
    }
}

#[function_component]
fn OwnName(props: &LobbyProps) -> Html {
    let view = &props.picture.view;
    let name = use_node_ref();
    let asking = props.asked.contains(&Asked::Rename);
    let on_submit = {
        let (name, on_do) = (name.clone(), props.on_do.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let input = name.cast::<HtmlInputElement>();
            if let Some(input) = input.filter(|input| !input.value().trim().is_empty()) {
                on_do.emit(Command::Rename { name: input.value().trim().to_owned() });
                input.set_value("");
            }
        })
    };
    html! {
        <section class="panel" aria-labelledby="name-title">
            <h2 id="name-title">{ "You" }</h2>
            <p>
                { "Others see you as " }
                <strong data-testid="own-name">{ view.name.clone() }</strong>
                { "." }
            </p>
            <form class="inline-form" onsubmit={on_submit}>
                <label for="own-name">{ "Another name" }</label>
                <input id="own-name" ref={name} type="text" autocomplete="nickname"
                    maxlength={NAME_BYTES_MAX.to_string()} data-testid="rename" />
                <button type="submit" class="button" disabled={asking}>{ "Rename" }</button>
            </form>
        </section>
    }
}

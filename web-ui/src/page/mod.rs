//! The rooms of the page, and the frame around them: where one is, how the connection is, what
//! was said lately.

pub mod asked;
pub mod health;
pub mod lobby;
pub mod mesh;
pub mod starting;
pub mod table;
pub mod verify;

use crate::{
    model::{bluetooth, story::Saying, text},
    part::{saving, sayings, status},
    picture::Shown,
    route::Room,
};
use asked::Asked;
use bitcraps_core::node::{Command, TableState};
use lobby::LobbyProps;
use table::TableRoom;
use yew::{Callback, Html, classes, html};

/// Everything between the top and the bottom of the window.
pub struct Frame<'a> {
    pub picture: &'a Shown,
    pub room: Room,
    pub asked: Vec<Asked>,
    /// What the page itself refused last.
    pub refused: Option<&'a Saying>,
    pub on_do: Callback<Command>,
    pub on_bluetooth: Callback<bluetooth::Ask>,
}

/// Header, room, footer.
pub fn frame(frame: Frame<'_>) -> Html {
    let Frame { picture, room, asked, refused, on_do, on_bluetooth } = frame;
    let page = match room {
        Room::Lobby => {
            lobby::page(&LobbyProps { picture: picture.clone(), asked, on_do, on_bluetooth })
        }
        Room::Table(id) => table::page(&TableRoom { picture, id, asked: &asked, on_do: &on_do }),
        Room::Mesh => html! { <mesh::Mesh picture={picture.clone()} example={None} /> },
        Room::Example(nodes) => {
            html! { <mesh::Mesh picture={picture.clone()} example={Some(nodes)} /> }
        }
        Room::Verify(table) => html! { <verify::Verify picture={picture.clone()} {table} /> },
        Room::Health => html! { <health::Health picture={picture.clone()} {asked} {on_do} /> },
    };
    html! {
        <>
            <a class="skip" href="#main-title">{ "Skip to the page" }</a>
            <header class="top">
                <a class="brand" href={Room::Lobby.hash()}>{ "BitCraps" }</a>
                { tabs(picture, room) }
                { status::line(picture) }
            </header>
            { saving::notice(&picture.saving) }
            <main key={room.hash()}>{ page }</main>
            { sayings::region(picture.story.sayings.iter().chain(refused)) }
            <footer class="foot">
                <p>
                    { "Play money only. Chips have no value and cannot be bought, sold or \
                       paid out." }
                </p>
                <p class="quiet">
                    { "BitCraps: the players run the table; nobody is in the middle. " }
                    { "Licensed MIT or Apache-2.0." }
                </p>
            </footer>
        </>
    }
}

fn tabs(picture: &Shown, room: Room) -> Html {
    let seated = picture.view.tables.iter().filter(|t| t.state != TableState::Left);
    let tab = |to: Room, label: &str, extra: Option<&'static str>| {
        let is_here = match room {
            Room::Example(_) => to == Room::Mesh,
            Room::Verify(_) => to == Room::Verify(None),
            other => to == other,
        };
        let here = is_here.then_some("page");
        html! {
            <a class={classes!("tab", extra)} href={to.hash()} aria-current={here}>
                { label.to_owned() }
            </a>
        }
    };
    let nodes = picture.view.map.nodes.len();
    html! {
        <nav class="tabs" aria-label="Rooms">
            { tab(Room::Lobby, "Lobby", None) }
            { for seated.map(|t| tab(Room::Table(t.table_id), &t.name, Some("tab-table"))) }
            { tab(Room::Mesh, "Mesh", None) }
            { tab(Room::Health, "Health", None) }
            { tab(Room::Verify(None), "Verify", None) }
            <span class="sr-only">{ text::counted(nodes, "peer known", "peers known") }</span>
        </nav>
    }
}

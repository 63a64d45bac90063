//! The rooms of the page, and the frame around them: where one is, how the connection is, what
//! was said lately.

pub mod asked;
pub mod lobby;
pub mod mesh;
pub mod starting;
pub mod table;

use crate::{
    model::{story::Saying, text},
    part::{saving::SavingNotice, sayings::Sayings, status::Status},
    picture::Shown,
    route::Room,
};
use asked::Asked;
use bitcraps_core::node::{Command, TableState};
use yew::{Callback, Html, Properties, classes, function_component, html};

#[derive(PartialEq, Properties)]
pub struct FrameProps {
    pub picture: Shown,
    pub room: Room,
    pub asked: Vec<Asked>,
    #[prop_or_default]
    pub refused: Option<Saying>,
    pub on_do: Callback<Command>,
}

/// Header, room, footer.
#[function_component]
pub fn Frame(props: &FrameProps) -> Html {
    let FrameProps { picture, room, asked, refused, on_do } = props;
    let page = match room {
        Room::Lobby => html! {
            <lobby::Lobby picture={picture.clone()} asked={asked.clone()} {on_do} />
        },
        Room::Table(id) => html! {
            <table::TableRoom key={id.to_string()} picture={picture.clone()} id={*id}
                asked={asked.clone()} {on_do} />
        },
        Room::Mesh => html! { <mesh::Mesh picture={picture.clone()} /> },
    };
    html! {
        <>
            <a class="skip" href="#main-title">{ "Skip to the page" }</a>
            <header class="top">
                <a class="brand" href={Room::Lobby.hash()}>{ "BitCraps" }</a>
                { tabs(picture, *room) }
                <Status picture={picture.clone()} />
            </header>
            <SavingNotice saving={picture.saving.clone()} />
            <main>{ page }</main>
            <Sayings sayings={picture.story.sayings.iter().chain(refused).cloned().collect::<Vec<_>>()} />
            <footer class="foot">
                <p>
                    { "Play money only. Chips have no value and cannot be bought, sold or paid out." }
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
        let here = (to == room).then_some("page");
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
            <span class="sr-only">{ text::counted(nodes, "peer known", "peers known") }</span>
        </nav>
    }
}

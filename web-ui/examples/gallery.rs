//! The pages drawn from test fixtures, to look at: `?show=point#/table/…`.
//!
//! It is no part of what ships: no node runs here, and commands go nowhere.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use bitcraps_web::{
    page::{self, Frame},
    route::Room,
};
use fixture::Sample;
use yew::{Callback, Html, function_component};

#[function_component]
fn Gallery() -> Html {
    let search = web_sys::window().and_then(|w| w.location().search().ok()).unwrap_or_default();
    let sample = match search.as_str() {
        "?show=empty" => Sample::Empty,
        "?show=come-out" => Sample::ComeOut,
        "?show=frozen" => Sample::Frozen,
        "?show=unknown" => Sample::Unknown,
        _ => Sample::Point,
    };
    let room = match Room::current() {
        Room::Table(_) => Room::Table(fixture::table_id()),
        other => other,
    };
    page::frame(Frame {
        picture: &fixture::picture(sample),
        room,
        asked: Vec::new(),
        refused: None,
        on_do: Callback::noop(),
        on_bluetooth: Callback::noop(),
    })
}

fn main() {
    let root = web_sys::window()
        .and_then(|w| w.document())
        .and_then(|d| d.get_element_by_id("app"))
        .expect("the page has an #app");
    yew::Renderer::<Gallery>::with_root(root).render();
}

//! The browser shell: a tab as a full peer, and the page to play on.
//!
//! It owns one [`bitcraps_core::node::Node`] and drives it with the same loop as every other shell
//! ([`driver`]): drain outputs until *wait*, wait for one thing, hand it in with the time. What is
//! drawn comes from [`picture::Picture`] alone, a value that is published at most once per
//! animation frame, so a page can be rendered in a test without a mesh.
//!
//! Rules. No decision about the mesh or the game is made here: they are the core's. Nothing is
//! drawn that was not measured. Modules under [`model`] are pure, so they are tested natively; the
//! rest touches the browser and is tested in one.
//!
//! What it does not do: listen for links, work without a page (there is no service worker), or
//! keep its key where the page's own scripts cannot read it: the core signs with Ed25519 itself,
//! so the secret must be readable from here.

pub mod app;
pub mod boot;
pub mod checking;
pub mod clock;
pub mod driver;
pub mod inbox;
pub mod model;
pub mod page;
pub mod part;
pub mod picture;
pub mod report;
pub mod route;
pub mod slot;
pub mod store;
pub mod transport;

use bitcraps_core::id::TableId;
use wasm_bindgen::prelude::wasm_bindgen;

/// Mounts the page on `#app`, or on the body when there is none, and starts the peer.
#[wasm_bindgen]
pub fn bitcraps_start() {
    app::mount();
}

/// The node's view as JSON, the same as `GET /api/v1/view` of a native node; nothing while the
/// peer is starting.
#[wasm_bindgen]
pub fn bitcraps_view() -> Option<String> {
    let view = driver::current_view()?;
    serde_json::to_string(&view).ok()
}

/// The decided log of a table that this peer knows, byte for byte the same on every member at the
/// same height; nothing when the id is none or the table is unknown here.
#[wasm_bindgen]
pub fn bitcraps_table_log(table: &str) -> Option<Vec<u8>> {
    driver::current_log(table.parse::<TableId>().ok()?)
}

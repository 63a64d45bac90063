//! Which room the address bar names: `#/lobby`, `#/table/ID`, `#/mesh`, `#/mesh/example/N`,
//! `#/health`, `#/verify`, `#/verify/ID`.

use crate::model::example;
use bitcraps_core::id::TableId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Lobby,
    Table(TableId),
    Mesh,
    Health,
    /// Transcripts are checked here; of this table, this tab's own log at once.
    Verify(Option<TableId>),
    /// A made-up mesh of so many nodes.
    Example(u32),
}

impl Room {
    /// Anything unknown leads to the lobby.
    pub fn parse(hash: &str) -> Room {
        let path = hash.strip_prefix('#').unwrap_or(hash);
        if let Some(Ok(table)) = path.strip_prefix("/table/").map(str::parse) {
            return Room::Table(table);
        }
        if let Some(Ok(table)) = path.strip_prefix("/verify/").map(str::parse) {
            return Room::Verify(Some(table));
        }
        match path.strip_prefix("/mesh/example/").map(str::parse) {
            Some(Ok(nodes @ 1..=example::NODES_MAX)) => Room::Example(nodes),
            _ if path == "/mesh" => Room::Mesh,
            _ if path == "/health" => Room::Health,
            _ if path == "/verify" => Room::Verify(None),
            _ => Room::Lobby,
        }
    }

    pub fn hash(&self) -> String {
        match self {
            Room::Lobby => "#/lobby".to_owned(),
            Room::Mesh => "#/mesh".to_owned(),
            Room::Health => "#/health".to_owned(),
            Room::Verify(None) => "#/verify".to_owned(),
            Room::Verify(Some(table)) => ["#/verify/", &table.to_string()].concat(),
            Room::Example(nodes) => ["#/mesh/example/", &nodes.to_string()].concat(),
            Room::Table(table) => ["#/table/", &table.to_string()].concat(),
        }
    }

    /// The room in the address bar now.
    pub fn current() -> Room {
        let hash = web_sys::window().and_then(|w| w.location().hash().ok());
        Room::parse(&hash.unwrap_or_default())
    }

    pub fn enter(&self) {
        if let Some(window) = web_sys::window() {
            // Only a page that is being closed refuses.
            let _ = window.location().set_hash(&self.hash());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_comes_back_from_its_address_and_the_rest_is_the_lobby() {
        let table = Room::Table(TableId::from_bytes([9; 32]));
        let verify = [Room::Verify(None), Room::Verify(Some(TableId::from_bytes([8; 32])))];
        let examples = [Room::Example(1), Room::Example(10_000)];
        for room in
            [Room::Lobby, Room::Mesh, Room::Health, table].into_iter().chain(examples).chain(verify)
        {
            assert_eq!(Room::parse(&room.hash()), room);
        }
        for hash in [
            "",
            "#",
            "#/table/",
            "#/table/12",
            "#/mesh/1",
            "#/nowhere",
            "#/mesh/example/0",
            "#/verify/1",
        ] {
            assert_eq!(Room::parse(hash), Room::Lobby, "{hash}");
        }
    }
}

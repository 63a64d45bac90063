//! Which room the address bar names: `#/lobby`, `#/table/ID`, `#/mesh`, `#/health`.

use bitcraps_core::id::TableId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Lobby,
    Table(TableId),
    Mesh,
    Health,
}

impl Room {
    /// Anything unknown leads to the lobby.
    pub fn parse(hash: &str) -> Room {
        let path = hash.strip_prefix('#').unwrap_or(hash);
        match path.strip_prefix("/table/").map(str::parse) {
            Some(Ok(table)) => Room::Table(table),
            _ if path == "/mesh" => Room::Mesh,
            _ if path == "/health" => Room::Health,
            _ => Room::Lobby,
        }
    }

    pub fn hash(&self) -> String {
        match self {
            Room::Lobby => "#/lobby".to_owned(),
            Room::Mesh => "#/mesh".to_owned(),
            Room::Health => "#/health".to_owned(),
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
        for room in
            [Room::Lobby, Room::Mesh, Room::Health, Room::Table(TableId::from_bytes([9; 32]))]
        {
            assert_eq!(Room::parse(&room.hash()), room);
        }
        for hash in ["", "#", "#/table/", "#/table/12", "#/mesh/1", "#/nowhere"] {
            assert_eq!(Room::parse(hash), Room::Lobby, "{hash}");
        }
    }
}

//! What a node attaches to its announcement for the layers above the map.

use crate::game::{Ad, SeatRole};
use serde::{Deserialize, Serialize};

/// Postcard in the announcement's `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// How this peer behaves when it is asked to a table.
    pub role: SeatRole,
    pub tables: Vec<Ad>,
}

impl Announced {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("plain data always encodes into a growing buffer")
    }

    /// A peer whose attachment does not decode counts as one that was not asked: a player.
    pub fn decode(bytes: &[u8]) -> Announced {
        postcard::from_bytes(bytes)
            .unwrap_or(Announced { role: SeatRole::Player, tables: Vec::new() })
    }
}

//! What a node is told once, at its start.

use super::{Address, NodeKind};
use crate::{game::SeatRole, health};

/// Settings of one node. Every field has a working default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shown to others; at most 32 bytes of UTF-8.
    pub name: String,
    pub kind: NodeKind,
    pub role: SeatRole,
    /// Leading zero bits of work that every peer must show.
    pub work_bits: u8,
    /// Links to keep up, redialled with back-off.
    pub dial: Vec<Address>,
    /// How the mesh is watched.
    pub health: health::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "peer".to_owned(),
            kind: NodeKind::Regular,
            role: SeatRole::Player,
            work_bits: 16,
            dial: Vec::new(),
            health: health::Config::default(),
        }
    }
}

//! What a node is told once, at its start.

use super::{Address, NodeKind};
use crate::{
    game::{SeatRole, Strategy},
    heal, health,
};

/// Settings of one node. Every field has a working default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shown to others; at most 32 bytes of UTF-8.
    pub name: String,
    pub kind: NodeKind,
    pub role: SeatRole,
    /// How it bets in the role of a bot.
    pub strategy: Strategy,
    /// Leading zero bits of work that every peer must show.
    pub work_bits: u8,
    /// Links to keep up, redialled with back-off.
    pub dial: Vec<Address>,
    /// Where others can dial this node; the first four of at most 128 bytes are announced.
    pub addresses: Vec<Address>,
    /// What this node's driver can dial, as the part of an address in front of `://`. Without any,
    /// no links are made but those to keep up.
    pub dials: Vec<String>,
    /// Whether planned repairs are made without being asked for.
    pub healing: heal::Mode,
    /// How the mesh is watched.
    pub health: health::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "peer".to_owned(),
            kind: NodeKind::Regular,
            role: SeatRole::Player,
            strategy: Strategy::default(),
            work_bits: 16,
            dial: Vec::new(),
            addresses: Vec::new(),
            dials: Vec::new(),
            healing: heal::Mode::Automatic,
            health: health::Config::default(),
        }
    }
}

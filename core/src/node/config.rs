//! What a node is told once, at its start.

use super::{Address, NodeKind};
use serde::{Deserialize, Serialize};

/// How this node behaves at a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatRole {
    /// A person decides; invitations are not accepted without one.
    Player,
    /// Accepts every invitation, bets the pass line and shoots when its turn comes.
    Bot,
    /// Accepts every invitation, votes, deals and opens dice, never bets and never shoots.
    Witness,
}

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
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "peer".to_owned(),
            kind: NodeKind::Regular,
            role: SeatRole::Player,
            work_bits: 16,
            dial: Vec::new(),
        }
    }
}

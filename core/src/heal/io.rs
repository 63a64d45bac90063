//! What the healing room is told at its start, what it asks for and what it shows.

use super::words::{Goal, Mode, State};
use crate::{id::PeerId, time::Instant, transport::Transport};

/// Settings. Every field has a working default, which dials nothing.
#[derive(Clone, Debug)]
pub struct Config {
    pub mode: Mode,
    /// What this node's driver can dial, as the part of an address in front of `://`.
    pub schemes: Vec<String>,
    /// Addresses that somebody else keeps up.
    pub kept: Vec<String>,
    pub listening: Listening,
    /// Links of the mesh with repairs, in percent of those without.
    pub growth: u32,
    /// Longest shortest path that needs no shortcut, in hops. `health` warns above it.
    pub diameter_max: u32,
    /// Clustering that needs no triangle, in thousandths. `health` warns below it.
    pub clustering_min: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            mode: Mode::Automatic,
            schemes: Vec::new(),
            kept: Vec::new(),
            listening: Listening::Nowhere,
            growth: 150,
            diameter_max: 8,
            clustering_min: 300,
        }
    }
}

/// Where this node can be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    Nowhere,
    /// On loopback: all nodes of the mesh may be on this machine.
    OnThisMachine,
    ForOthers,
}

impl Listening {
    /// By the addresses that are announced.
    pub fn at(addresses: &[String]) -> Listening {
        match addresses {
            [] => Listening::Nowhere,
            all if all.iter().all(|address| is_loopback(address)) => Listening::OnThisMachine,
            _ => Listening::ForOthers,
        }
    }
}

/// Whether an address leads every machine to itself.
pub(super) fn is_loopback(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, host)| host);
    ["127.", "[::1]", "[::ffff:127.", "localhost"].iter().any(|start| host.starts_with(start))
}

/// What to do, or what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// To be answered by [`Heal::on_up`] or [`Heal::on_dial_failed`].
    Dial {
        address: String,
    },
    Tried {
        repair: u64,
        peer: PeerId,
        goal: Goal,
    },
    /// It helped, did not, failed or was given up.
    Ended {
        repair: u64,
        peer: PeerId,
        goal: Goal,
        state: State,
    },
}

/// A repair as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub id: u64,
    pub peer: PeerId,
    /// What would carry it, by its address.
    pub transport: Option<Transport>,
    pub goal: Goal,
    /// What it gains, as a sentence.
    pub gain: String,
    pub state: State,
    /// When it came to be in this state.
    pub since: Instant,
}

/// There is no repair of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

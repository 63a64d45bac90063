//! What a router is told at its start, what it says, and why it refuses.

use super::{FloodKey, Message};
use crate::{id::PeerId, time::Duration};

/// Settings. Every field has a working default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Hops a message may take; what arrives with more is cut down to it. Guess: four times the
    /// diameter of a mesh worth having.
    pub hops_max: u8,
    /// Sendings of one datagram before it is given up. Guess.
    pub tries_max: u32,
    /// A datagram is given up after this time even if tries are left. Guess.
    pub give_up_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config { hops_max: 32, tries_max: 12, give_up_after: Duration::from_secs(15) }
    }
}

/// Whether a payload is worth repeating. Either way it is delivered at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Sent once; nothing is heard of it.
    Once,
    /// Repeated until acknowledged; ends in [`Output::Delivered`] or [`Output::Undeliverable`].
    Acked,
}

/// The sender's own number for a payload; unique for the life of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(pub u64);

/// Why a payload was not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("a payload has at most {max} bytes, got {got}")]
    TooLong { got: usize, max: usize },
    #[error("no key of {to} is known")]
    UnknownPeer { to: PeerId },
    #[error("the key that {to} announced cannot be sealed to")]
    BadKey { to: PeerId },
    #[error("there is no path to {to}")]
    Unreachable { to: PeerId },
    #[error("{max} payloads wait for their acknowledgement already")]
    TooManyWaiting { max: usize },
    #[error("{max} payloads wait for this peer's acknowledgement already")]
    TooManyWaitingForPeer { max: usize },
    #[error("{max} bytes wait for their acknowledgement already")]
    TooManyBytesWaiting { max: usize },
    #[error("a payload to this peer that is {max} behind is still unacknowledged")]
    TooFarAhead { max: u64 },
}

/// What to do, or what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Hand this to a neighbour.
    Forward { to: PeerId, message: Message },
    /// A payload for this node, its source proved.
    Deliver { from: PeerId, body: Vec<u8> },
    /// A flood came by from neighbour `from`: judge the body, then say relay or drop.
    Flooded { from: PeerId, key: FloodKey, body: Vec<u8> },
    /// `rtt` is from the first sending to the acknowledgement.
    Delivered { id: PacketId, to: PeerId, rtt: Duration },
    /// Given up. It may have arrived all the same.
    Undeliverable { id: PacketId, to: PeerId, tries: u32 },
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Payloads of ours: sent, repeated, acknowledged, given up.
    pub sent: u64,
    pub retried: u64,
    pub acknowledged: u64,
    pub given_up: u64,
    /// Payloads for us: delivered, seen before, broken or forged.
    pub delivered: u64,
    pub duplicate: u64,
    pub refused: u64,
    /// Datagrams of others.
    pub forwarded: u64,
    /// Datagrams that had nowhere to go, or no hops left.
    pub unreachable: u64,
    pub hops_exceeded: u64,
    pub floods_sent: u64,
    pub floods_relayed: u64,
    pub floods_duplicate: u64,
    /// Floods that nobody judged in time.
    pub floods_unjudged: u64,
    /// Outputs lost because nobody drained them.
    pub outputs_dropped: u64,
}

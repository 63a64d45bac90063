//! What the links give to the node: outputs, pictures and counts.

use crate::{
    crypto::identity::VerifiedCard,
    id::{LinkId, PeerId},
    time::{Duration, Instant},
    transport::{CloseReason, LinkRole, Transport},
};
use std::collections::BTreeMap;

/// What to do or to know next. Drain after every input.
#[derive(Clone, Debug)]
pub enum Output {
    /// Hand one frame to the driver.
    Send { link: LinkId, bytes: Vec<u8> },
    /// Close the connection after what was sent before.
    Hangup { link: LinkId, reason: CloseReason },
    /// A neighbour proved who it is. `link_key` is its X25519 key, to which others seal.
    Opened { link: LinkId, peer: Box<VerifiedCard>, link_key: [u8; 32], transport: Transport },
    /// Exactly once for each connection that was reported up. `peer` is set when it was proven;
    /// it is this node's own id when the connection reached this node. The peer may have another
    /// link, so ask [`super::Links::is_linked`] before mourning it.
    Closed { link: LinkId, peer: Option<PeerId>, reason: CloseReason },
    /// A neighbour sent a packet.
    Received { from: PeerId, packet: Vec<u8> },
    /// Round trip or reliability moved by more than a fifth.
    Measured { peer: PeerId },
}

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("no open link to that peer")]
    NotLinked,
    #[error("a packet of {got} bytes, {max} is the most")]
    TooLong { got: usize, max: usize },
    #[error("too many outputs wait for the driver")]
    Busy,
}

/// A proven peer with an open link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub peer: PeerId,
    pub link: LinkId,
    pub transport: Transport,
    /// Smoothed round trip and its deviation; missing until measured.
    pub rtt: Option<Duration>,
    pub rtt_variation: Option<Duration>,
    /// Share of pings answered, 0 to 1.
    pub reliability: f32,
    /// What arrived since it was connected, repeated and stale frames too.
    pub frames_in: u64,
    pub bytes_in: u64,
    /// Frames to it that the driver dropped.
    pub congested: u64,
    pub link_key: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    Handshaking,
    Open,
}

/// A connection as people see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkInfo {
    pub link: LinkId,
    /// Missing until the handshake is done.
    pub peer: Option<PeerId>,
    pub transport: Transport,
    pub role: LinkRole,
    pub phase: LinkPhase,
    pub since: Instant,
    pub rtt: Option<Duration>,
    pub reliability: Option<f32>,
    /// Frames that the driver dropped.
    pub congested: u64,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub frames_in: u64,
    pub frames_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub opened: u64,
    pub closed: BTreeMap<CloseReason, u64>,
    /// Connections that ended before they were open.
    pub handshakes_failed: u64,
    /// Frames or packets dropped because a queue was full.
    pub congested: u64,
    /// Sealed packets that came twice.
    pub replayed: u64,
    /// Sealed packets too old or too far ahead for the keys kept.
    pub stale: u64,
    /// Packets given up with pieces missing.
    pub unfinished: u64,
    /// Frames that came before or after their time in the handshake.
    pub early: u64,
    /// Inputs about a connection that is not there.
    pub stray: u64,
}

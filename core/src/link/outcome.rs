//! What the links give to the node: outputs, pictures and counts.

use super::{neighbour::Switch, quality::Sample};
use crate::{
    crypto::identity::VerifiedCard,
    id::{LinkId, PeerId},
    time::{Duration, Instant},
    transport::{BreakerState, Class, CloseReason, LinkRole, PathClass, SwitchReason, Transport},
};
use core::fmt;
use std::collections::BTreeMap;

/// What to do or to know next. Drain after every input.
#[derive(Clone, Debug)]
pub enum Output {
    /// Hand one frame to the driver.
    Send { link: LinkId, bytes: Vec<u8> },
    /// Close the connection after what was sent before.
    Hangup { link: LinkId, reason: CloseReason },
    /// A peer proved who it is on one more link. `link_key` is its X25519 key, to which others
    /// seal. `first`: no other link to this run of the peer was open.
    Opened {
        link: LinkId,
        peer: Box<VerifiedCard>,
        link_key: [u8; 32],
        transport: Transport,
        first: bool,
    },
    /// Exactly once for each connection that was reported up. `peer` is set when it was proven;
    /// it is this node's own id when the connection reached this node. The peer may have another
    /// link, so ask [`super::Links::is_linked`] before mourning it.
    Closed { link: LinkId, peer: Option<PeerId>, reason: CloseReason },
    /// A neighbour sent a packet.
    Received { from: PeerId, packet: Vec<u8> },
    /// Round trip or reliability moved by more than a fifth, or the dice take another link.
    Measured { peer: PeerId },
    /// A class of messages took another link; said when it is known how long that interrupted it.
    Switched { peer: PeerId, switch: Switch },
    /// No link to this peer works well: another one is worth dialling before the last one dies.
    Prepare { peer: PeerId },
}

/// Why a packet was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("no open link to that peer")]
    NotLinked,
    #[error("a packet of {got} bytes, {max} is the most")]
    TooLong { got: usize, max: usize },
    #[error("too much waits for the driver or for this peer's acknowledgement: send less")]
    Busy,
    #[error("no link to that peer answers; tried {}", Listed(tried))]
    NoneWorks { tried: Vec<Tried> },
}

/// A link that was considered for a packet, in the order of trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    pub link: LinkId,
    pub transport: Transport,
    /// Answers in a row that did not come.
    pub failures: u32,
}

struct Listed<'a>(&'a [Tried]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, tried) in self.0.iter().enumerate() {
            let (comma, name) = (if at > 0 { ", " } else { "" }, tried.transport.name());
            write!(f, "{comma}{name} ({} answers overdue in a row)", tried.failures)?;
        }
        Ok(())
    }
}

/// A proven peer with an open link. What was measured is of the link that the dice take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub peer: PeerId,
    pub link: LinkId,
    pub transport: Transport,
    /// Smoothed round trip and its deviation; missing until measured.
    pub rtt: Option<Duration>,
    pub rtt_variation: Option<Duration>,
    /// Share that got through, 0 to 1.
    pub reliability: f32,
    /// What arrived over all its links since the first opened, repeated and stale frames too.
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

/// A peer across all its links, as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerInfo {
    pub peer: PeerId,
    /// Messages sent and not acknowledged.
    pub unacknowledged: usize,
    /// Oldest first.
    pub switches: Vec<Switch>,
}

/// A connection as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkInfo {
    pub link: LinkId,
    /// Missing until the handshake is done.
    pub peer: Option<PeerId>,
    pub transport: Transport,
    pub path: PathClass,
    pub role: LinkRole,
    pub phase: LinkPhase,
    pub since: Instant,
    pub rtt: Option<Duration>,
    pub rtt_variation: Option<Duration>,
    pub reliability: Option<f32>,
    /// Messages lost, in a million.
    pub loss_ppm: Option<u64>,
    /// Acknowledged bytes per second while some were under way.
    pub bytes_per_s: Option<u64>,
    pub rssi_dbm: Option<i8>,
    pub breaker: BreakerState,
    /// The classes of messages that take it now.
    pub serves: Vec<Class>,
    /// Numbered messages sent over it.
    pub messages_out: u64,
    /// The last minutes, oldest first.
    pub history: Vec<Sample>,
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
    /// Datagrams on open UDP links that were no frame or did not verify.
    pub forged: u64,
    /// Packets given up with pieces missing.
    pub unfinished: u64,
    /// Frames that came before or after their time in the handshake.
    pub early: u64,
    /// Inputs about a connection that is not there.
    pub stray: u64,
    /// Changes of link.
    pub switches: BTreeMap<SwitchReason, u64>,
    /// Numbered messages that were overtaken and so count as lost.
    pub lost: u64,
    /// Numbered messages sent again, by whatever link.
    pub resent: u64,
    /// Numbered messages that left a link which did not answer or ended.
    pub moved: u64,
    /// Numbered messages that came twice and went up once.
    pub again: u64,
    /// Numbered messages, or their acknowledgements, from before a beginning or past the window.
    pub overdue: u64,
    /// Numbered messages given up because their peer was gone for too long.
    pub given_up: u64,
}

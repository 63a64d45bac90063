//! All encrypted links of one node: from frames to packets of proven neighbours, and back.
//!
//! One connection of the driver is one [`LinkId`]. A handshake proves who is at the other end
//! (`handshake`); after it, packets are sealed (`session`), cut to the size of a frame and put
//! together again (`frame`, `pieces`). Pings measure the link (`quality`).
//!
//! Rules.
//! - Whoever sends what is no frame, handshake or packet of this protocol loses that connection
//!   with a reason, and nothing else changes. Transports keep frames whole, so a tag that does
//!   not verify is tampering, not noise.
//! - Frames may be lost, repeated and reordered. Handshake messages are repeated until answered;
//!   packets are not: the layers above know what is worth repeating.
//! - At most one open link per peer. Of two, both ends keep the same one by the same rule
//!   ([`Links`] § duplicates), so that they never close both.
//! - Strangers in a handshake have places of their own: when those run out, the oldest stranger
//!   goes, never a neighbour. A listener spends no arithmetic before a message 1 arrived.
//!
//! Not here: which address to dial ([`redial`] decides when, the node which), what packets mean.

mod connection;
mod frame;
mod greet;
mod handshake;
mod message;
mod open;
mod outcome;
mod pieces;
mod quality;
pub mod redial;
mod session;
mod window;

#[cfg(test)]
mod tests;

pub use frame::{HANDSHAKE_BYTES_MAX, SEALED_BYTES_MAX};
pub use message::VERSION;
pub use outcome::{Counters, LinkInfo, LinkPhase, Neighbour, Output, SendError};
pub use pieces::{UNFINISHED_AGE_MAX, UNFINISHED_BYTES_MAX, UNFINISHED_MAX};
pub use window::WINDOW_PACKETS;

use crate::{
    crypto::identity::Identity,
    id::{LinkId, PeerId},
    limits::{FRAME_BYTES_MIN, LINKS_MAX, OUTPUTS_MAX, PACKET_BYTES_MAX},
    seed::{Rng, Seed},
    sorted::SortedMap,
    time::{Duration, Instant},
    transport::{CloseReason, LinkRole, Transport},
};
use connection::{Connection, Greeting, Phase, Session, Stage};
use frame::{FrameError, Step};
use handshake::Own;
use message::Message;
use pieces::PieceError;
use std::collections::VecDeque;

/// Strangers that may be in a handshake with this node at once. Guess: at 5 s each it lets a
/// dozen new peers a second in while it is under attack, and costs 200 KiB.
pub const STRANGERS_MAX: usize = 64;

/// Timings and strictness.
#[derive(Clone, Debug)]
pub struct Config {
    /// Leading zero bits of work that a peer must show.
    pub work_bits: u8,
    /// Packets under one key, per direction. Both ends must have the same; at least 1. The
    /// default changes the key every few minutes of heavy traffic, at no measurable cost.
    pub epoch_packets: u64,
    /// Between two pings, give or take a tenth.
    pub ping_every: Duration,
    /// A link on which nothing opened for this long is closed. Four pings by default.
    pub idle_max: Duration,
    pub handshake_max: Duration,
    /// A handshake message is repeated after this long without an answer.
    pub resend_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            work_bits: crate::crypto::identity::WORK_BITS_DEFAULT,
            epoch_packets: 1 << 16,
            ping_every: Duration::from_secs(2),
            idle_max: Duration::from_secs(8),
            handshake_max: Duration::from_secs(5),
            resend_every: Duration::from_millis(500),
        }
    }
}

/// The links of one node.
///
/// # Duplicates
///
/// Of two links to the same peer stays: the newer one, when the peer restarted in between; else
/// the one dialled by the peer with the smaller id; else the one with the greater number at its
/// dialer. Both ends know all of this, so they choose the same.
pub struct Links {
    own: Own,
    config: Config,
    seed: Seed,
    /// Handshakes begun; each has its own fork of the seed.
    handshakes: u64,
    /// Ping tokens and jitter.
    rng: Rng,
    connections: SortedMap<LinkId, Connection>,
    /// The open link of each neighbour.
    peers: SortedMap<PeerId, LinkId>,
    outputs: VecDeque<Output>,
    counters: Counters,
    /// No deadline is earlier.
    wake: Instant,
}

/// How a link is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    /// The other side is told why, then the driver hangs up.
    Say,
    /// The other side said so first; the driver hangs up.
    Heard,
    /// The driver says that the connection is gone.
    Gone,
}

impl Links {
    /// `seed` is another one in every run of a node: it makes the ephemeral keys, and it is how
    /// peers tell that this node restarted.
    pub fn new(config: Config, identity: &Identity, seed: Seed) -> Links {
        let config = Config { epoch_packets: config.epoch_packets.max(1), ..config };
        let rng = seed.fork("pings").rng();
        let mut instance = seed.fork("instance").rng();
        let own = Own::new(identity, config.work_bits, config.epoch_packets, &mut instance);
        Links {
            own,
            config,
            seed,
            handshakes: 0,
            rng,
            connections: SortedMap::new(),
            peers: SortedMap::new(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            wake: Instant::NEVER,
        }
    }

    /// A connection stands; `mtu` is its largest frame in bytes. A number that is in use already
    /// is ignored and counted as stray.
    pub fn on_up(
        &mut self,
        link: LinkId,
        transport: Transport,
        role: LinkRole,
        mtu: usize,
        now: Instant,
    ) {
        if self.connections.contains_key(&link) {
            self.counters.stray += 1;
            return;
        }
        let full = self.make_room(role);
        let until = now + self.config.handshake_max;
        let resend_at = now + self.config.resend_every;
        let stage = Stage::First;
        let greeting = Greeting { stage, pieces: None, sent: None, resend_at, until };
        let phase = Phase::Greeting(Box::new(greeting));
        let connection = Connection {
            transport,
            role,
            mtu,
            since: now,
            frames_in: 0,
            bytes_in: 0,
            congested: 0,
            phase,
        };
        self.connections.insert(link, connection);
        if full == Room::Full || mtu < FRAME_BYTES_MIN {
            return self.close(link, CloseReason::Limit, None, Goodbye::Say);
        }
        self.wake_by(until);
        if role == LinkRole::Dialer {
            let (dialled, first) = self.own.dial(handshake_seed(&self.seed, &mut self.handshakes));
            self.next_stage(link, Stage::Second(dialled), Step::One, first, now);
        }
    }

    /// One whole frame arrived.
    pub fn on_frame(&mut self, link: LinkId, bytes: &[u8], now: Instant) {
        self.counters.frames_in += 1;
        self.counters.bytes_in += bytes.len() as u64;
        let Some(connection) = self.connections.get_mut(&link) else {
            self.counters.stray += 1;
            return;
        };
        connection.frames_in += 1;
        connection.bytes_in += bytes.len() as u64;
        let frame = match frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let reason = match error {
                    FrameError::Version { .. } => CloseReason::WrongVersion,
                    FrameError::Garbage => CloseReason::Garbage,
                    FrameError::TooLong { .. } => CloseReason::Limit,
                };
                return self.close(link, reason, None, Goodbye::Say);
            }
        };
        match connection.phase {
            Phase::Greeting(_) => self.on_greeting_frame(link, frame, now),
            Phase::Open(_) => self.on_open_frame(link, frame, now),
        }
    }

    /// The driver lost the connection. Nothing is asked of it any more.
    pub fn on_down(&mut self, link: LinkId, reason: CloseReason, _now: Instant) {
        self.close(link, reason, None, Goodbye::Gone);
    }

    /// The driver dropped a frame because the link's queue was full. What the frame belonged to
    /// is lost: pieces age, pings go unanswered, handshake messages are repeated.
    pub fn on_congested(&mut self, link: LinkId, _now: Instant) {
        self.counters.congested += 1;
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.congested += 1;
        }
    }

    pub fn on_timeout(&mut self, now: Instant) {
        if now < self.wake {
            return;
        }
        let due = self.connections.iter().filter(|(_, c)| c.deadline(&self.config) <= now);
        let due: Vec<LinkId> = due.map(|(link, _)| *link).collect();
        for link in due {
            self.on_due(link, now);
        }
        let deadlines = self.connections.values().map(|c| c.deadline(&self.config));
        self.wake = deadlines.min().unwrap_or(Instant::NEVER);
    }

    /// When [`Links::on_timeout`] is next due. May be early after traffic, never late.
    pub fn deadline(&self) -> Option<Instant> {
        (self.wake < Instant::NEVER).then_some(self.wake)
    }

    /// Seals one packet for a neighbour. On an error nothing was sent.
    pub fn send(&mut self, peer: PeerId, packet: &[u8], _now: Instant) -> Result<(), SendError> {
        let link = *self.peers.get(&peer).ok_or(SendError::NotLinked)?;
        if packet.len() > PACKET_BYTES_MAX {
            return Err(SendError::TooLong { got: packet.len(), max: PACKET_BYTES_MAX });
        }
        if self.outputs.len() >= OUTPUTS_MAX {
            self.counters.congested += 1;
            return Err(SendError::Busy);
        }
        self.counters.packets_out += 1;
        self.say(link, &Message::Packet(packet));
        Ok(())
    }

    /// Says goodbye on every link.
    pub fn close_all(&mut self, reason: CloseReason, _now: Instant) {
        while let Some((link, _)) = self.connections.first_key_value() {
            self.close(*link, reason, None, Goodbye::Say);
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn is_linked(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    /// Proven peers with an open link, by peer id.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        self.peers.iter().filter_map(|(peer, link)| {
            let connection = self.connections.get(link)?;
            let session = connection.session()?;
            Some(Neighbour {
                peer: *peer,
                link: *link,
                transport: connection.transport,
                rtt: session.quality.rtt(),
                rtt_variation: session.quality.rtt_variation(),
                reliability: session.quality.reliability(),
                frames_in: connection.frames_in,
                bytes_in: connection.bytes_in,
                congested: connection.congested,
                link_key: session.link_key,
            })
        })
    }

    /// Every connection, those in a handshake too, by number.
    pub fn links(&self) -> impl Iterator<Item = LinkInfo> {
        self.connections.iter().map(|(link, connection)| {
            let session = connection.session();
            LinkInfo {
                link: *link,
                peer: session.map(Session::peer),
                transport: connection.transport,
                role: connection.role,
                phase: if session.is_some() { LinkPhase::Open } else { LinkPhase::Handshaking },
                since: connection.since,
                rtt: session.and_then(|s| s.quality.rtt()),
                reliability: session.map(|s| s.quality.reliability()),
                congested: connection.congested,
            }
        })
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn make_room(&mut self, role: LinkRole) -> Room {
        let strangers = || self.connections.iter().filter(|(_, c)| c.is_half_open_stranger());
        let crowded = role == LinkRole::Listener && strangers().count() >= STRANGERS_MAX;
        if !crowded && self.connections.len() < LINKS_MAX {
            return Room::Free;
        }
        let oldest = strangers().min_by_key(|(link, c)| (c.since, **link)).map(|(link, _)| *link);
        match oldest {
            Some(oldest) => {
                self.close(oldest, CloseReason::Limit, None, Goodbye::Say);
                Room::Free
            }
            None => Room::Full,
        }
    }

    fn on_due(&mut self, link: LinkId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        match &mut connection.phase {
            Phase::Greeting(greeting) if greeting.until <= now => {
                self.close(link, CloseReason::HandshakeTimeout, None, Goodbye::Say);
            }
            Phase::Greeting(greeting) => {
                greeting.resend_at = now + self.config.resend_every;
                if let Some((step, message)) = greeting.sent.clone() {
                    self.say_handshake(link, step, &message);
                }
            }
            Phase::Open(session) if session.heard + self.config.idle_max <= now => {
                self.close(link, CloseReason::Silent, None, Goodbye::Say);
            }
            Phase::Open(session) => {
                session.unfinished.on_timeout(now);
                self.counters.unfinished += session.unfinished.take_forgotten();
                if session.ping_at <= now {
                    if session.asked.take().is_some() {
                        session.quality.on_loss();
                        self.tell_if_moved(link);
                    }
                    self.ping(link, now);
                }
            }
        }
    }

    /// Forgets a connection and says so. `proven` is the peer where the handshake got that far
    /// without opening the link.
    fn close(
        &mut self,
        link: LinkId,
        reason: CloseReason,
        proven: Option<PeerId>,
        goodbye: Goodbye,
    ) {
        if goodbye == Goodbye::Say {
            match self.connections.get(&link).map(|c| &c.phase) {
                Some(Phase::Open(_)) => self.say(link, &Message::Close { reason }),
                Some(Phase::Greeting(_)) => {
                    let refusal = frame::refusal(reason);
                    emit(&mut self.outputs, &mut self.counters, link, refusal);
                }
                None => {}
            }
        }
        let Some(connection) = self.connections.remove(&link) else {
            self.counters.stray += 1;
            return;
        };
        let peer = match connection.session() {
            Some(session) => {
                let peer = session.peer();
                if self.peers.get(&peer) == Some(&link) {
                    self.peers.remove(&peer);
                }
                Some(peer)
            }
            None => {
                self.counters.handshakes_failed += 1;
                proven
            }
        };
        *self.counters.closed.entry(reason).or_default() += 1;
        if goodbye != Goodbye::Gone {
            self.outputs.push_back(Output::Hangup { link, reason });
        }
        self.outputs.push_back(Output::Closed { link, peer, reason });
    }

    fn wake_by(&mut self, at: Instant) {
        self.wake = self.wake.min(at);
    }
}

/// Whether a new connection may stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Free,
    Full,
}

/// A seed of its own for each handshake, so that no two draw the same ephemeral key.
fn handshake_seed(seed: &Seed, handshakes: &mut u64) -> Seed {
    *handshakes += 1;
    seed.fork(&format!("handshake {handshakes}"))
}

fn emit(outputs: &mut VecDeque<Output>, counters: &mut Counters, link: LinkId, bytes: Vec<u8>) {
    counters.frames_out += 1;
    counters.bytes_out += bytes.len() as u64;
    outputs.push_back(Output::Send { link, bytes });
}

fn piece_reason(error: PieceError) -> CloseReason {
    match error {
        PieceError::OtherCount { .. } => CloseReason::Garbage,
        PieceError::TooLong { .. } => CloseReason::Limit,
    }
}

/// The reason for this side when the other side closes with `reason`: what it found wrong with
/// this side keeps its name, everything else is its own affair.
fn told(reason: CloseReason) -> CloseReason {
    match reason {
        CloseReason::WrongVersion
        | CloseReason::BadSignature
        | CloseReason::NoWork
        | CloseReason::Duplicate
        | CloseReason::Limit => reason,
        CloseReason::TransportClosed
        | CloseReason::TooSlow
        | CloseReason::Silent
        | CloseReason::HandshakeTimeout
        | CloseReason::Garbage
        | CloseReason::PeerLeft
        | CloseReason::Stopping => CloseReason::PeerLeft,
    }
}

//! All encrypted links of one node: from frames to packets of proven neighbours, and back.
//!
//! One connection of the driver is one [`LinkId`]. A handshake proves who is at the other end
//! (`handshake`); after it, packets are sealed (`session`), cut to the size of a frame and put
//! together again (`frame`, `pieces`). A peer may have several links at once: each class of
//! messages takes the one its policy puts first (`policy`, `choose`), and what is to be
//! acknowledged takes another when that one fails (`deliver`, `stream`, `flight`). Pings and
//! acknowledgements measure each link (`quality`, `signal`) and trip its breaker (`breaker`).
//!
//! Rules.
//! - Whoever sends what is no frame, handshake or packet of this protocol loses that connection
//!   with a reason, and nothing else changes. Transports keep frames whole, so a tag that does
//!   not verify is tampering, not noise.
//! - Frames may be lost, repeated and reordered. Handshake messages are repeated until answered,
//!   messages of acknowledged classes until they arrived; each is handed up once. The others are
//!   not repeated: the layers above know what is worth it.
//! - Each link has its keys; numbers of messages belong to the peer, so that any link can carry
//!   any of them.
//! - Of two links of one kind that were dialled by different ends, both ends keep the same one
//!   ([`Links`] § duplicates), so that they never close both.
//! - Strangers in a handshake have places of their own: when those run out, the oldest stranger
//!   goes, never a neighbour. A listener spends no arithmetic before a message 1 arrived.
//!
//! Not here: which address to dial ([`redial`] decides when, the node which), what packets mean.

mod breaker;
mod choose;
mod connection;
mod deliver;
mod flight;
mod frame;
mod greet;
mod handshake;
mod message;
mod neighbour;
mod open;
mod outcome;
mod pieces;
mod policy;
mod quality;
pub mod redial;
mod session;
mod signal;
mod stream;
mod window;

#[cfg(test)]
mod tests;

pub use breaker::{FAILURES, OPEN_MAX, OPEN_MIN, PROBES_MAX, SUCCESSES};
pub use deliver::{KEEP, REMEMBER, REMEMBERED_MAX};
pub use frame::{HANDSHAKE_BYTES_MAX, SEALED_BYTES_MAX};
pub use message::VERSION;
pub use neighbour::{SWITCHES_MAX, Switch};
pub use outcome::{Counters, LinkInfo, LinkPhase, Neighbour, Output, PeerInfo, SendError, Tried};
pub use pieces::{UNFINISHED_AGE_MAX, UNFINISHED_BYTES_MAX, UNFINISHED_MAX};
pub use policy::{HYSTERESIS, Hysteresis, Policy, SERVICES, SMALL_BYTES, Service, Services};
pub use quality::{Documents, Loss, SAMPLE_EVERY, SAMPLES_MAX, Sample};
pub use stream::{UNACKNOWLEDGED_BYTES_MAX, WINDOW_MESSAGES};
pub use window::WINDOW_PACKETS;

use crate::{
    crypto::identity::Identity,
    id::{LinkId, PeerId},
    limits::{FRAME_BYTES_MIN, LINKS_MAX},
    seed::{Rng, Seed},
    sorted::SortedMap,
    time::{Duration, Instant},
    transport::{CloseReason, LinkRole, PathClass, Transport},
};
use connection::{Connection, Greeting, Phase, Session, Stage};
use frame::{FrameError, Step};
use handshake::Own;
use message::Message;
use neighbour::Peer;
use pieces::PieceError;
use std::collections::VecDeque;

/// Strangers that may be in a handshake with this node at once. Guess: at 5 s each it lets a
/// dozen new peers a second in while it is under attack, and costs 200 KiB.
pub const STRANGERS_MAX: usize = 64;

/// Links to one peer. Guess: each kind once and a few of two addresses.
pub const LINKS_PER_PEER_MAX: usize = 8;

/// A link that nothing went over for this long, to a peer that has others, makes room for a new
/// one. Guess: longer than a pause in a game.
pub const IDLE_EVICT: Duration = Duration::from_secs(30);

/// Between two pings of a peer that is watched, and how long it may be silent: five pings. Guess:
/// with one packet in twenty lost a live peer is taken for dead once in some days.
pub const WATCHED_PING_EVERY: Duration = Duration::from_millis(600);
pub const WATCHED_IDLE_MAX: Duration = Duration::from_secs(3);

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
    /// What is owed to each class of messages.
    pub services: Services,
    /// When a link is left for a better one.
    pub hysteresis: Hysteresis,
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
            services: SERVICES,
            hysteresis: HYSTERESIS,
        }
    }
}

/// The links of one node.
///
/// # Duplicates
///
/// Two links of one kind to one peer, dialled one from each end, are one too many: the one dialled
/// by the peer with the smaller id stays. Both ends know all of this, so they choose the same. A
/// link of another run of the peer ends those of the earlier run.
pub struct Links {
    own: Own,
    config: Config,
    seed: Seed,
    /// Handshakes begun; each has its own fork of the seed.
    handshakes: u64,
    /// Ping tokens and jitter.
    rng: Rng,
    connections: SortedMap<LinkId, Connection>,
    /// Neighbours, and those who were lately.
    peers: SortedMap<PeerId, Peer>,
    /// Beginnings of numbering so far.
    eras: u32,
    on_battery: bool,
    /// Whose end is to be noticed soon.
    watched: Option<PeerId>,
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
            eras: 0,
            on_battery: false,
            watched: None,
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
        (transport, path): (Transport, PathClass),
        role: LinkRole,
        mtu: usize,
        now: Instant,
    ) {
        if self.connections.contains_key(&link) {
            self.counters.stray += 1;
            return;
        }
        let full = self.make_room(role, now);
        let until = now + self.config.handshake_max;
        let resend_at = now + self.config.resend_every;
        let stage = Stage::First;
        let greeting = Greeting { stage, pieces: None, sent: None, resend_at, until };
        let phase = Phase::Greeting(Box::new(greeting));
        let connection = Connection {
            transport,
            path,
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
            return self.close(link, CloseReason::Limit, None, Goodbye::Say, now);
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
        if let Phase::Open(session) = &connection.phase
            && let Some(peer) = self.peers.get_mut(&session.peer())
        {
            peer.frames_in += 1;
            peer.bytes_in += bytes.len() as u64;
        }
        let frame = match frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let reason = match error {
                    FrameError::Version { .. } => CloseReason::WrongVersion,
                    FrameError::Garbage => CloseReason::Garbage,
                    FrameError::TooLong { .. } => CloseReason::Limit,
                };
                return self.refuse(link, reason, now);
            }
        };
        match connection.phase {
            Phase::Greeting(_) => self.on_greeting_frame(link, frame, now),
            Phase::Open(_) => self.on_open_frame(link, frame, now),
        }
    }

    /// The driver lost the connection. Nothing is asked of it any more.
    pub fn on_down(&mut self, link: LinkId, reason: CloseReason, now: Instant) {
        self.close(link, reason, None, Goodbye::Gone, now);
    }

    /// The driver dropped a frame because the link's queue was full. What the frame belonged to
    /// is lost: pieces age, pings go unanswered, handshake messages are repeated.
    pub fn on_congested(&mut self, link: LinkId, _now: Instant) {
        self.counters.congested += 1;
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.congested += 1;
            if let Phase::Open(session) = &connection.phase
                && let Some(peer) = self.peers.get_mut(&session.peer())
            {
                peer.congested += 1;
            }
        }
    }

    /// How strongly the other end of a link is heard.
    pub fn on_signal(&mut self, link: LinkId, rssi_dbm: i8, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let before = session.signal.is_fading();
        session.signal.on_rssi(rssi_dbm, now);
        if before != session.signal.is_fading() {
            let peer = session.peer();
            self.choose(peer, now);
        }
    }

    /// What feeds this device.
    pub fn on_power(&mut self, battery_percent: Option<u8>, charging: bool, now: Instant) {
        let on_battery = battery_percent.is_some() && !charging;
        if self.on_battery != on_battery {
            self.on_battery = on_battery;
            let peers: Vec<PeerId> = self.peers.keys().copied().collect();
            for peer in peers {
                self.choose(peer, now);
            }
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
        self.on_peers_due(now);
        let links = self.connections.values().map(|c| c.deadline(&self.config));
        let peers = self.peers.values().map(|p| p.deadline(&self.config));
        self.wake = links.chain(peers).min().unwrap_or(Instant::NEVER);
    }

    /// When [`Links::on_timeout`] is next due. May be early after traffic, never late.
    pub fn deadline(&self) -> Option<Instant> {
        (self.wake < Instant::NEVER).then_some(self.wake)
    }

    /// Says goodbye on every link.
    pub fn close_all(&mut self, reason: CloseReason, now: Instant) {
        while let Some((link, _)) = self.connections.first_key_value() {
            self.close(*link, reason, None, Goodbye::Say, now);
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn is_linked(&self, peer: &PeerId) -> bool {
        self.peers.get(peer).is_some_and(Peer::is_linked)
    }

    /// Proven peers with an open link, by peer id.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> {
        self.peers.iter().filter_map(|(id, peer)| {
            let link = peer.primary()?;
            let connection = self.connections.get(&link)?;
            let session = connection.session()?;
            Some(Neighbour {
                peer: *id,
                link,
                transport: connection.transport,
                rtt: session.quality.rtt(),
                rtt_variation: session.quality.rtt_variation(),
                reliability: session.quality.reliability(),
                frames_in: peer.frames_in,
                bytes_in: peer.bytes_in,
                congested: peer.congested,
                link_key: session.link_key,
            })
        })
    }

    /// Peers with a link, or with messages that wait for one.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> {
        let shown = self.peers.iter().filter(|(_, p)| p.is_linked() || p.unacknowledged() > 0);
        shown.map(|(id, peer)| PeerInfo {
            peer: *id,
            unacknowledged: peer.unacknowledged(),
            switches: peer.switches.iter().copied().collect(),
        })
    }

    /// Kinds of the open links to a peer.
    pub fn transports(&self, peer: &PeerId) -> impl Iterator<Item = Transport> {
        let links = self.peers.get(peer).map_or(&[][..], |p| &p.links);
        links.iter().filter_map(|link| Some(self.connections.get(link)?.transport))
    }

    /// Every connection, those in a handshake too, by number.
    pub fn links(&self) -> impl Iterator<Item = LinkInfo> {
        self.connections.iter().map(|(link, connection)| {
            let session = connection.session();
            let quality = session.map(|s| &s.quality);
            LinkInfo {
                link: *link,
                peer: session.map(Session::peer),
                transport: connection.transport,
                path: connection.path,
                role: connection.role,
                phase: if session.is_some() { LinkPhase::Open } else { LinkPhase::Handshaking },
                since: connection.since,
                rtt: quality.and_then(|q| q.rtt()),
                rtt_variation: quality.and_then(|q| q.rtt_variation()),
                reliability: quality.map(|q| q.reliability()),
                loss_ppm: quality.map(|q| q.loss().ppm()),
                bytes_per_s: quality.and_then(|q| q.bytes_per_s()),
                rssi_dbm: session.and_then(|s| s.signal.rssi_dbm()),
                breaker: session.map(|s| s.breaker.state()).unwrap_or_default(),
                serves: self.serves(*link),
                messages_out: session.map_or(0, |s| s.flight.sent),
                history: quality.map_or(Vec::new(), |q| q.samples().iter().copied().collect()),
                congested: connection.congested,
            }
        })
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn make_room(&mut self, role: LinkRole, now: Instant) -> Room {
        let strangers = || self.connections.iter().filter(|(_, c)| c.is_half_open_stranger());
        let crowded = role == LinkRole::Listener && strangers().count() >= STRANGERS_MAX;
        if !crowded && self.connections.len() < LINKS_MAX {
            return Room::Free;
        }
        let oldest = strangers().min_by_key(|(link, c)| (c.since, **link)).map(|(link, _)| *link);
        match oldest.or_else(|| self.idlest(now)) {
            Some(oldest) => {
                self.close(oldest, CloseReason::Limit, None, Goodbye::Say, now);
                Room::Free
            }
            None => Room::Full,
        }
    }

    /// The link used longest ago, among those that their peers can spare.
    fn idlest(&self, now: Instant) -> Option<LinkId> {
        let spared = self.connections.iter().filter_map(|(link, connection)| {
            let session = connection.session()?;
            let others = self.peers.get(&session.peer())?.links.len() > 1;
            let idle = others && session.active_at + IDLE_EVICT <= now;
            idle.then_some((session.active_at, *link))
        });
        spared.min().map(|(_, link)| link)
    }

    fn on_due(&mut self, link: LinkId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        match &mut connection.phase {
            Phase::Greeting(greeting) if greeting.until <= now => {
                self.close(link, CloseReason::HandshakeTimeout, None, Goodbye::Say, now);
            }
            Phase::Greeting(greeting) => {
                greeting.resend_at = now + self.config.resend_every;
                if let Some((step, message)) = greeting.sent.clone() {
                    self.say_handshake(link, step, &message);
                }
            }
            Phase::Open(session) if session.heard + session.idle_max(&self.config) <= now => {
                self.close(link, CloseReason::Silent, None, Goodbye::Say, now);
            }
            Phase::Open(session) => {
                session.unfinished.on_timeout(now);
                self.counters.unfinished += session.unfinished.take_forgotten();
                if session.breaker.on_timeout(now) {
                    session.ping_at = now;
                }
                let bytes_per_s = policy::profile(connection.transport).bytes_per_s;
                let overdue = session.flight.deadline(&session.quality, bytes_per_s) <= now;
                let ping = session.ping_at <= now;
                if overdue {
                    self.on_overdue(link, now);
                }
                if ping {
                    self.on_ping_due(link, now);
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
        now: Instant,
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
                self.left(peer, link, now);
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

    /// A link of a peer is gone.
    fn left(&mut self, peer: PeerId, link: LinkId, now: Instant) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        known.links.retain(|other| *other != link);
        known.credits.retain(|(other, _)| *other != link);
        if !known.is_linked() && known.gone_at.is_none() {
            known.gone_at = Some(now);
            self.forget_surplus();
        }
        self.choose(peer, now);
        self.move_away(peer, link, now);
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

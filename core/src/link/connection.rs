//! One connection: what it is busy with, and when that is due.
//!
//! Not here: what to do about it; [`super::Links`] decides, because most decisions look at other
//! connections too.

use super::{
    Config, WATCHED_IDLE_MAX,
    breaker::Breaker,
    flight::Flight,
    frame::Step,
    handshake::{Answered, Dialled, Proven},
    pieces::{Assembly, Unfinished},
    policy::profile,
    quality::Quality,
    session::{Opener, Sealer},
    signal::Signal,
};
use crate::{
    crypto::identity::VerifiedCard,
    id::PeerId,
    time::{Duration, Instant},
    transport::{LinkRole, PathClass, Transport},
};

pub struct Connection {
    pub transport: Transport,
    pub path: PathClass,
    pub role: LinkRole,
    /// Bytes of the largest frame.
    pub mtu: usize,
    /// When the driver reported it.
    pub since: Instant,
    /// What arrived, whether it opened or not.
    pub frames_in: u64,
    pub bytes_in: u64,
    /// Frames that the driver dropped.
    pub congested: u64,
    pub phase: Phase,
}

pub enum Phase {
    Greeting(Box<Greeting>),
    Open(Box<Session>),
}

/// A handshake under way.
pub struct Greeting {
    pub stage: Stage,
    /// The message awaited, as far as it came.
    pub pieces: Option<Assembly>,
    /// The message sent last, repeated until the answer comes.
    pub sent: Option<(Step, Vec<u8>)>,
    pub resend_at: Instant,
    pub until: Instant,
}

/// The handshake message that is awaited.
pub enum Stage {
    First,
    Second(Dialled),
    Third(Answered),
}

impl Stage {
    pub fn awaits(&self) -> Step {
        match self {
            Stage::First => Step::One,
            Stage::Second(_) => Step::Two,
            Stage::Third(_) => Step::Three,
        }
    }
}

/// A link whose peer is proven.
pub struct Session {
    pub card: VerifiedCard,
    pub link_key: [u8; 32],
    pub sealer: Sealer,
    pub opener: Opener,
    pub unfinished: Unfinished,
    pub next_piece_id: u16,
    pub quality: Quality,
    pub breaker: Breaker,
    pub signal: Signal,
    pub flight: Flight,
    /// An answer was overdue and none has come since.
    pub silent: bool,
    /// Answers in a row that did not come.
    pub failures: u32,
    /// When a packet last came or went.
    pub active_at: Instant,
    pub ping_at: Instant,
    /// Its peer is asked more often, so that its end is noticed sooner.
    pub watched: bool,
    /// The token of the last ping and when it left, until it is answered.
    pub asked: Option<(u64, Instant)>,
    /// Pings in a row without an answer.
    pub unanswered: u32,
    /// When something last opened.
    pub heard: Instant,
    /// A dialer's message 3, until something sealed shows that it arrived.
    pub unconfirmed: Option<Unconfirmed>,
}

pub struct Unconfirmed {
    pub third: Vec<u8>,
    /// Not repeated before this.
    pub resend_at: Instant,
}

impl Session {
    pub fn new(proven: Proven, unconfirmed: Option<Unconfirmed>, now: Instant) -> Session {
        Session {
            card: proven.card,
            link_key: proven.link_key,
            sealer: proven.sealer,
            opener: proven.opener,
            unfinished: Unfinished::default(),
            next_piece_id: 0,
            quality: Quality::new(),
            breaker: Breaker::new(),
            signal: Signal::default(),
            flight: Flight::new(now),
            silent: false,
            failures: 0,
            active_at: now,
            ping_at: now,
            watched: false,
            asked: None,
            unanswered: 0,
            heard: now,
            unconfirmed,
        }
    }

    pub fn peer(&self) -> PeerId {
        self.card.id()
    }

    /// How long nothing may open before the link is given up.
    pub fn idle_max(&self, config: &Config) -> Duration {
        if self.watched { config.idle_max.min(WATCHED_IDLE_MAX) } else { config.idle_max }
    }

    /// Something was answered. Whether that ends a silence.
    pub fn on_success(&mut self) -> bool {
        let before = (self.silent, self.breaker.state());
        self.silent = false;
        self.failures = 0;
        self.breaker.on_success();
        self.quality.on_success();
        before != (self.silent, self.breaker.state())
    }

    /// An answer did not come.
    pub fn on_failure(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.breaker.on_failure(now);
        self.quality.on_loss();
    }
}

impl Connection {
    pub fn session(&self) -> Option<&Session> {
        match &self.phase {
            Phase::Open(session) => Some(session),
            Phase::Greeting(_) => None,
        }
    }

    /// A stranger that has not proven itself: the first to go when room is needed.
    pub fn is_half_open_stranger(&self) -> bool {
        matches!(self.phase, Phase::Greeting(_)) && self.role == LinkRole::Listener
    }

    /// When this connection next needs attention.
    pub fn deadline(&self, config: &Config) -> Instant {
        match &self.phase {
            Phase::Greeting(greeting) if greeting.sent.is_some() => {
                greeting.until.min(greeting.resend_at)
            }
            Phase::Greeting(greeting) => greeting.until,
            Phase::Open(session) => {
                let pieces = session.unfinished.deadline().unwrap_or(Instant::NEVER);
                let bytes_per_s = profile(self.transport).bytes_per_s;
                let answer = session.flight.deadline(&session.quality, bytes_per_s);
                let own = session.ping_at.min(session.heard + session.idle_max(config));
                own.min(pieces).min(answer).min(session.breaker.deadline())
            }
        }
    }
}

//! One repair of this node: a peer to link to, what for, and how far that is.
//!
//! Rules. After a failure the next try comes between half a bound and the bound, which doubles
//! with each failure; after [`TRIES_MAX`] failures the repair is given up for [`GIVEN_UP_FOR`],
//! because who is out of reach now may walk nearer.

use super::words::{Gain, State};
use crate::{
    id::{LinkId, PeerId},
    seed::Rng,
    time::{Duration, Instant},
};

/// Bound of the first wait after a failure. Guess.
pub const BACKOFF_BASE: Duration = Duration::from_secs(8);

/// No wait is longer. Guess.
pub const BACKOFF_MAX: Duration = Duration::from_secs(120);

/// Failures in a row after which a repair is given up. Guess.
pub const TRIES_MAX: u32 = 3;

/// How long it stays given up. Guess: the time in which people walk out of a room.
pub const GIVEN_UP_FOR: Duration = Duration::from_secs(300);

/// Who wants a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Nobody; it is only remembered.
    No,
    /// The newest plan.
    Planned,
    /// Somebody who applied it.
    Asked,
}

pub(super) struct Repair {
    pub id: u64,
    pub peer: PeerId,
    pub gain: Gain,
    pub state: State,
    /// When it came to be in this state.
    pub since: Instant,
    /// When it is tried.
    pub due: Instant,
    pub wanted: Wanted,
    /// Where it is dialled, or was.
    pub address: String,
    /// The connection that answers its dial.
    pub link: Option<LinkId>,
    /// In a row.
    failures: u32,
}

impl Repair {
    pub fn new(id: u64, peer: PeerId, gain: Gain, now: Instant, due: Instant) -> Repair {
        Repair {
            id,
            peer,
            gain,
            state: State::Planned,
            since: now,
            due,
            wanted: Wanted::Planned,
            address: String::new(),
            link: None,
            failures: 0,
        }
    }

    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Planned | State::Failed)
    }

    /// Failures in a row: which of its peer's addresses is next.
    pub fn failures(&self) -> usize {
        self.failures as usize
    }

    /// The newest plan has it, to be tried at `due` unless that is settled already.
    pub fn plan(&mut self, gain: Gain, due: Instant, now: Instant) {
        match self.state {
            State::Planned => self.due = self.due.min(due),
            State::Failed | State::Trying => {}
            State::GivenUp if now.since(self.since) >= GIVEN_UP_FOR => self.start_anew(due, now),
            State::NoGain if self.gain.goal() != gain.goal() => self.start_anew(due, now),
            // Settled; or the link is there, and the snapshot is older than it.
            State::GivenUp | State::NoGain | State::Linked | State::Verified => return,
        }
        self.gain = gain;
        if self.wanted == Wanted::No {
            self.wanted = Wanted::Planned;
        }
    }

    /// To be tried at `due` as if it never had been.
    pub fn start_anew(&mut self, due: Instant, now: Instant) {
        self.failures = 0;
        self.due = due;
        self.enter(State::Planned, now);
    }

    /// It could not be linked, or the link ended.
    pub fn fail(&mut self, rng: &mut Rng, now: Instant) {
        let bound = BACKOFF_BASE.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        let half = bound / 2;
        self.due = now + half + Duration::from_micros(rng.below(half.as_micros() as u64 + 1));
        self.failures += 1;
        self.link = None;
        self.wanted = Wanted::No;
        let state = if self.failures < TRIES_MAX { State::Failed } else { State::GivenUp };
        self.enter(state, now);
    }

    /// Its peer answered.
    pub fn succeed(&mut self) {
        self.failures = 0;
        self.wanted = Wanted::No;
    }

    pub fn enter(&mut self, state: State, now: Instant) {
        self.state = state;
        self.since = now;
    }
}

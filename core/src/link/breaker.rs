//! The circuit breaker of one link: whether it is trusted with messages.
//!
//! Closed → open after [`FAILURES`] in a row → half open after a time-out → closed after
//! [`SUCCESSES`] probes in a row. A failed probe opens it again, for twice as long.
//!
//! Rules. Only pings are probes, at most [`PROBES_MAX`] in one half-open time: a message is worth
//! more than what it would teach. Not here: what a failure is; [`super::Links`] knows.

use crate::{
    time::{Duration, Instant},
    transport::BreakerState,
};

/// Failures in a row that open it. Guess: with answers due within a second, a link that lost five
/// in a row is dead or as good as dead, and one that loses a fifth does so once in 3000.
pub const FAILURES: u32 = 5;
/// Answered probes in a row that close it.
pub const SUCCESSES: u32 = 2;
/// Unanswered probes of one half-open time.
pub const PROBES_MAX: u32 = 3;
/// First time-out of an open breaker. Guess: a radio that is switched on again needs as long.
pub const OPEN_MIN: Duration = Duration::from_secs(1);
/// No time-out is longer.
pub const OPEN_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    state: BreakerState,
    /// In a row: failures while closed, unanswered probes while half open.
    failures: u32,
    successes: u32,
    open_for: Duration,
    open_until: Instant,
}

impl Breaker {
    pub fn new() -> Breaker {
        Breaker {
            state: BreakerState::Closed,
            failures: 0,
            successes: 0,
            open_for: OPEN_MIN,
            open_until: Instant::NEVER,
        }
    }

    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// When [`Breaker::on_timeout`] half opens it.
    pub fn deadline(&self) -> Instant {
        match self.state {
            BreakerState::Open => self.open_until,
            BreakerState::Closed | BreakerState::HalfOpen => Instant::NEVER,
        }
    }

    /// An answer did not come.
    pub fn on_failure(&mut self, now: Instant) {
        self.successes = 0;
        self.failures = self.failures.saturating_add(1);
        match self.state {
            BreakerState::Closed if self.failures >= FAILURES => self.open(now),
            BreakerState::HalfOpen if self.failures >= PROBES_MAX => {
                self.open_for = (self.open_for * 2).min(OPEN_MAX);
                self.open(now);
            }
            BreakerState::Closed | BreakerState::HalfOpen | BreakerState::Open => {}
        }
    }

    /// An answer came.
    pub fn on_success(&mut self) {
        self.failures = 0;
        match self.state {
            BreakerState::Closed => self.open_for = OPEN_MIN,
            BreakerState::HalfOpen => {
                self.successes += 1;
                if self.successes >= SUCCESSES {
                    self.state = BreakerState::Closed;
                }
            }
            // An answer to something sent before it opened.
            BreakerState::Open => {}
        }
    }

    /// Whether it half opened just now.
    pub fn on_timeout(&mut self, now: Instant) -> bool {
        let due = self.deadline() <= now;
        if due {
            self.state = BreakerState::HalfOpen;
            self.failures = 0;
            self.successes = 0;
        }
        due
    }

    fn open(&mut self, now: Instant) {
        self.state = BreakerState::Open;
        self.failures = 0;
        self.open_until = now + self.open_for;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BreakerState::*;

    const NOW: Instant = Instant::from_millis(1);

    fn open() -> Breaker {
        let mut b = Breaker::new();
        (0..FAILURES).for_each(|_| b.on_failure(NOW));
        b
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_success_starts_the_row_anew() {
        let mut b = Breaker::new();
        for _ in 0..FAILURES - 1 {
            b.on_failure(NOW);
        }
        b.on_success();
        for _ in 0..FAILURES - 1 {
            b.on_failure(NOW);
        }
        assert_eq!(b.state(), Closed);
        b.on_failure(NOW);
        assert_eq!((b.state(), b.deadline()), (Open, NOW + OPEN_MIN));
    }

    #[test]
    fn it_half_opens_after_its_time_and_closes_after_enough_successes() {
        let mut b = open();
        b.on_success();
        assert_eq!(b.state(), Open, "a late answer");
        assert!(!b.on_timeout(NOW));
        assert!(b.on_timeout(NOW + OPEN_MIN));
        assert_eq!((b.state(), b.deadline()), (HalfOpen, Instant::NEVER));
        for _ in 0..SUCCESSES {
            assert_eq!(b.state(), HalfOpen);
            b.on_success();
        }
        assert_eq!(b.state(), Closed);
    }

    #[test]
    fn unanswered_probes_open_it_again_for_twice_as_long_up_to_a_bound() {
        let (mut b, mut now) = (open(), NOW);
        let mut waits = Vec::new();
        for _ in 0..7 {
            waits.push(b.deadline() - now);
            now = b.deadline();
            assert!(b.on_timeout(now));
            for _ in 0..PROBES_MAX {
                assert_eq!(b.state(), HalfOpen);
                b.on_failure(now);
            }
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30].map(Duration::from_secs));
    }
}

//! Betting rests while the members are likely to lose each other.
//!
//! Rules. Each member judges for itself, on the risk that its own map shows: it takes no bets of
//! its own, asks for no dice and does nothing by habit while betting rests. It votes on as always,
//! so a roll whose bets are closed is opened, and what others put on the log is agreed. Nothing on
//! the felt moves, so nobody loses a chip. Between the two thresholds things stay as they are, so
//! that a risk that trembles around one of them does not make the table stutter.

use super::{Output, Session, Standing};
use crate::{crypto::identity::Identity, game::refused::CommandError, health::Risk, time::Instant};

/// Betting rests above this risk: row B7 of the systems asked for.
pub const PAUSE_ABOVE: f64 = 0.8;
/// It goes on below this one. Guess: a clear step down, and well above what a calm mesh shows.
pub const RESUME_BELOW: f64 = 0.6;

/// Why and since when betting rests here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause {
    /// As it is now.
    pub risk: Risk,
    pub since: Instant,
}

impl Pause {
    /// Rounded down, so that it never claims certainty that is not there.
    pub fn percent(&self) -> u8 {
        (self.risk.probability * 100.0) as u8
    }
}

impl Session {
    /// That the members split within the horizon; `None` when nobody can say.
    pub(in crate::game) fn on_risk(
        &mut self,
        risk: Option<Risk>,
        identity: &Identity,
        now: Instant,
    ) {
        let seated = self.standing == Standing::Seated;
        let risk = risk.filter(|_| seated);
        let rests = self.paused.is_some();
        let next = risk.filter(|r| r.probability > if rests { RESUME_BELOW } else { PAUSE_ABOVE });
        let since = self.paused.map_or(now, |pause| pause.since);
        self.paused = next.map(|risk| Pause { risk, since });
        match (rests, self.paused) {
            (false, Some(pause)) => {
                self.out.push_back(Output::Paused { percent: pause.percent() });
            }
            (true, None) => {
                self.out.push_back(Output::Resumed);
                self.advance(identity, now);
            }
            (false, None) | (true, Some(_)) => {}
        }
    }

    /// Set while betting rests.
    pub fn pause(&self) -> Option<Pause> {
        self.paused
    }

    pub(super) fn check_pause(&self) -> Result<(), CommandError> {
        match &self.paused {
            Some(pause) => Err(CommandError::Paused { percent: pause.percent() }),
            None => Ok(()),
        }
    }
}

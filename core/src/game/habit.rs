//! What a seat without a person does: a bot bets by its strategy and shoots, a witness only helps
//! an absent shooter's table along.
//!
//! Rules. Nothing happens at a table where no person acts, so an idle table stays quiet and its
//! log short. A bot shoots as soon as a person says that they are done, or when the betting
//! window after the first bet has passed. For a shooter out of reach the others close the bets
//! as soon as a person says so, for one that only hesitates after a longer window.

use super::{
    ledger::{Ledger, Phase, SeatState},
    message::{Action, SeatRole},
    strategy::{Situation, Strategy},
};
use crate::{
    craps::{Chips, Seat, Spot},
    id::PeerId,
    time::{Duration, Instant},
};

/// From a person's first deed in a roll until a bot shoots. Guess: time to put a few bets down.
pub const BOT_WINDOW: Duration = Duration::from_secs(8);
/// From a person's first deed in a roll until members close the bets without the shooter. Guess.
pub const ABSENT_WINDOW: Duration = Duration::from_secs(20);

/// Whether the seat that has the dice can be reached from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shooter {
    InReach,
    OutOfReach,
}

/// What one seat remembers about the roll in progress.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    /// The roll this is about.
    roll: u64,
    /// When a person first bet or was ready in it.
    acted_at: Option<Instant>,
    /// Whether a person acted in the roll before.
    acted_before: bool,
    strategy: Strategy,
    /// The stack beside this seat's pass bet that is not decided yet.
    pass_stack: Option<Chips>,
    /// Pass bets lost in a row.
    losses: u32,
}

impl Watch {
    pub fn play_by(&mut self, strategy: Strategy) {
        self.strategy = strategy;
    }

    /// Call after every change of the ledger.
    pub fn observe(&mut self, ledger: &Ledger, me: PeerId, now: Instant) {
        self.count_losses(ledger, me);
        if ledger.roll() != self.roll {
            self.acted_before = self.acted_at.is_some();
            self.acted_at = None;
            self.roll = ledger.roll();
        }
        if ledger.phase() == Phase::Betting && self.acted_at.is_none() {
            let acted = |s: &SeatState| s.role == SeatRole::Player && (s.ready || s.acted);
            self.acted_at = ledger.seats().any(|(_, s)| acted(s)).then_some(now);
        }
    }

    fn count_losses(&mut self, ledger: &Ledger, me: PeerId) {
        let Some((seat, state)) = ledger.seat(me) else { return };
        let lies = ledger.felt().chips_on(seat, Spot::Pass);
        if let (Some(stack), Chips::ZERO) = (self.pass_stack, lies) {
            // A won bet comes back with its winnings; a lost one leaves the stack as it was.
            self.losses = if state.stack > stack { 0 } else { self.losses.saturating_add(1) };
        }
        self.pass_stack = (lies > Chips::ZERO).then_some(state.stack);
    }

    /// When a seat of this role has something to do without anybody else moving.
    pub fn deadline(&self, ledger: &Ledger, me: &SeatState) -> Option<Instant> {
        if ledger.phase() != Phase::Betting || me.ready || me.leaving {
            return None;
        }
        let window = match (me.role, ledger.shooter() == Some(me.peer)) {
            (SeatRole::Bot, true) => BOT_WINDOW,
            (SeatRole::Bot | SeatRole::Witness, _) => ABSENT_WINDOW,
            (SeatRole::Player, _) => return None,
        };
        self.acted_at.map(|at| at + window)
    }

    /// The next thing this seat does by itself, if it is due.
    pub fn action(
        &self,
        ledger: &Ledger,
        seat: Seat,
        shooter: Shooter,
        now: Instant,
    ) -> Option<Action> {
        let (_, me) = ledger.seats().find(|(n, _)| *n == seat)?;
        if ledger.phase() != Phase::Betting || me.ready || me.leaving {
            return None;
        }
        let roll = ledger.roll();
        let awake = self.acted_at.is_some() || self.acted_before;
        if me.role == SeatRole::Bot && awake {
            let situation = Situation {
                felt: ledger.felt(),
                bank: ledger.bank(),
                seat,
                stack: me.stack,
                losses: self.losses,
                log_hash: ledger.log_hash(),
            };
            if let Some((wager, chips)) = self.strategy.bet(situation) {
                return Some(Action::Bet { roll, wager, chips });
            }
        }
        let shooting = me.role == SeatRole::Bot && ledger.shooter() == Some(me.peer);
        let stands_in = me.role != SeatRole::Player && shooter == Shooter::OutOfReach;
        let prompted = ledger.seats().any(|(_, s)| s.role == SeatRole::Player && s.ready);
        let due = self.deadline(ledger, me).is_some_and(|at| at <= now);
        (due || (shooting || stands_in) && prompted).then_some(Action::Ready { roll })
    }
}

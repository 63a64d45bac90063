//! The scripted player who opens a table and plays at it.
//!
//! It does what a person would: asks again when refused, bets ten chips on the pass line when the
//! come-out roll is open, and says that it has no more bets. It sees its node's view and nothing
//! else, and starts over when its node was restarted.

use crate::machine::Life;
use bitcraps_core::{
    craps::{Chips, Rules, Wager},
    id::{PeerId, TableId},
    node::{Command, CommandError, NodeView, RequestId, TablePhase, TableState},
    time::{Duration, Instant},
};

/// What it puts on the pass line.
const STAKE: Chips = Chips(10);

/// After a refusal it waits this long. Guess: a patient person.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A command must be answered within this. Guess: longer than any time-out inside a node.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    Nothing,
    Open,
    Play,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Open,
    Bet { roll: u64 },
    Roll { roll: u64 },
}

pub(crate) struct Host {
    pub node: usize,
    pub table: Option<TableId>,
    /// The last refusal, for whoever asks why nothing moves.
    pub refused: Option<CommandError>,
    name: &'static str,
    guests: Vec<PeerId>,
    pace: Duration,
    wish: Wish,
    life: Option<Life>,
    waiting: Option<(RequestId, Asked, Instant)>,
    bet_on: Option<u64>,
    done_with: Option<u64>,
    not_before: Instant,
}

impl Host {
    pub fn new(node: usize, name: &'static str, guests: Vec<PeerId>, pace: Duration) -> Host {
        Host {
            node,
            table: None,
            refused: None,
            name,
            guests,
            pace,
            wish: Wish::Nothing,
            life: None,
            waiting: None,
            bet_on: None,
            done_with: None,
            not_before: Instant::ZERO,
        }
    }

    pub fn wish_open(&mut self) {
        self.wish = self.wish.max(Wish::Open);
    }

    pub fn wish_play(&mut self) {
        self.wish = Wish::Play;
    }

    /// What to ask next, if anything. The caller reports the request's number with
    /// [`Host::on_asked`].
    pub fn next(&mut self, now: Instant, life: Life, view: &NodeView) -> Option<Command> {
        if self.life != Some(life) {
            self.life = Some(life);
            self.waiting = None;
            self.bet_on = None;
            self.done_with = None;
        }
        if self.waiting.is_some() || now < self.not_before || self.wish == Wish::Nothing {
            return None;
        }
        let Some(table) = self.table else {
            return Some(Command::CreateTable {
                name: self.name.to_owned(),
                invite: self.guests.clone(),
                rules: Rules::default(),
            });
        };
        let shown = view.tables.iter().find(|t| t.table_id == table)?;
        let open = shown.state == TableState::Playing && shown.phase == TablePhase::Betting;
        if self.wish != Wish::Play || !open || self.done_with == Some(shown.roll) {
            return None;
        }
        if shown.point.is_none() && self.bet_on != Some(shown.roll) {
            return Some(Command::PlaceBet { table, wager: Wager::Pass, chips: STAKE });
        }
        Some(Command::Roll { table })
    }

    pub fn on_asked(
        &mut self,
        now: Instant,
        request: RequestId,
        command: &Command,
        view: &NodeView,
    ) {
        let shown = |table| view.tables.iter().find(|t| t.table_id == table);
        let roll = self.table.and_then(shown).map_or(0, |t| t.roll);
        let asked = match command {
            Command::PlaceBet { .. } => Asked::Bet { roll },
            Command::Roll { .. } => Asked::Roll { roll },
            Command::CreateTable { .. }
            | Command::JoinTable { .. }
            | Command::LeaveTable { .. }
            | Command::WatchTable { .. }
            | Command::Say { .. }
            | Command::Repair { .. }
            | Command::Rename { .. } => Asked::Open,
        };
        self.waiting = Some((request, asked, now));
    }

    pub fn on_answer(
        &mut self,
        now: Instant,
        request: RequestId,
        result: &Result<Option<TableId>, CommandError>,
    ) {
        let Some((_, asked, _)) = self.waiting.filter(|(waiting, ..)| *waiting == request) else {
            return;
        };
        self.waiting = None;
        self.refused = result.as_ref().err().cloned();
        match (asked, result) {
            (Asked::Open, Ok(table)) => self.table = *table,
            // Refused or not, there is one try per roll: a poor player rolls without a bet.
            (Asked::Bet { roll }, _) => self.bet_on = Some(roll),
            (Asked::Roll { roll }, Ok(_)) => {
                self.done_with = Some(roll);
                self.not_before = now + self.pace;
            }
            (Asked::Open | Asked::Roll { .. }, Err(_)) => self.not_before = now + RETRY_AFTER,
        }
    }

    /// A command that was not answered in time; told once.
    pub fn overdue(&mut self, now: Instant) -> Option<RequestId> {
        let (request, _, _) =
            self.waiting.filter(|(_, _, since)| now.since(*since) > ANSWER_WITHIN)?;
        self.waiting = None;
        Some(request)
    }
}

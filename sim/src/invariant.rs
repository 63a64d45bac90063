//! What may never happen, checked against what nodes show and tell.
//!
//! Rules. Only the public face of a node is used: its views and its events. The checker remembers
//! the first answer it saw to each question that all honest nodes must answer alike (the log hash
//! at a height, the dice of a roll, the bets under a roll) and reports every later answer that
//! differs. The numbers are those of `docs/ARCHITECTURE.md`.
//!
//! Memory is bounded by the length of a run (`case::STEPS_MAX`); a run that goes wrong stops
//! adding after [`VIOLATIONS_MAX`].

use crate::{liar::DoubleVote, machine::Life, world::Breach};
use bitcraps_core::{
    craps::{Chips, Dice},
    id::{PeerId, TableId},
    limits::{LINKS_MAX, MAP_NODES_MAX, TABLE_MEMBERS_MAX},
    node::{Event, HistoryView, NodeView, RequestId, TablePhase, TableView},
    time::Instant,
};
use core::fmt;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Violations kept in one report. The first is what matters; the rest is its echo.
pub const VIOLATIONS_MAX: usize = 50;

/// The spot on which liars bet in others' names.
const FORGED: &str = "field";

/// Which promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// 1: bank, stacks, felt and cashed-out chips add up to what was minted.
    ChipsConserved,
    /// 2: one entry per height, one outcome per roll.
    OneLog,
    /// 3: no outcome before its bets are fixed.
    BetsBeforeDice,
    /// 4: nothing happens twice.
    AtMostOnce,
    /// 5: what has a limit stays within it.
    Bounded,
    /// Nobody bets in an honest node's name.
    OwnBets,
    /// No honest node is accused.
    NoFalseAccusation,
    /// No honest node votes twice in one step of one round, or is heard doing so.
    OneVote,
    /// After the faults end, things go on within their deadline.
    Live,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub at_ms: u64,
    pub node: Option<usize>,
    pub invariant: Invariant,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.at_ms)?;
        if let Some(node) = self.node {
            write!(f, ", node {node}")?;
        }
        write!(f, ": {:?}: {}", self.invariant, self.what)
    }
}

/// Who is speaking, and when.
#[derive(Clone, Copy, Debug)]
pub struct Witness {
    pub at: Instant,
    pub node: usize,
    pub life: Life,
}

/// The bets on a felt: seat, spot and chips in the view's order.
type Felt = Vec<(PeerId, String, Chips)>;

#[derive(Default)]
pub struct Checker {
    violations: Vec<Violation>,
    /// Nodes of which nothing is promised.
    liars: BTreeSet<PeerId>,
    /// Liars that some honest node accused.
    accused: BTreeSet<PeerId>,
    /// Liars that some table expelled.
    expelled: BTreeSet<PeerId>,
    log: BTreeMap<(TableId, u64), String>,
    dice: BTreeMap<(TableId, u64), Dice>,
    outcomes: BTreeMap<(TableId, u64), HistoryView>,
    felts: BTreeMap<(TableId, u64), Felt>,
    heights: BTreeMap<(usize, Life, TableId), u64>,
    answered: BTreeSet<(usize, RequestId)>,
    rolled: BTreeSet<(usize, Life, TableId, u64)>,
    paid: BTreeSet<(usize, Life, TableId, u64)>,
    opened: BTreeSet<(usize, Life, TableId)>,
}

impl Checker {
    /// A checker for a world in which these nodes lie.
    pub fn with_liars(liars: BTreeSet<PeerId>) -> Checker {
        Checker { liars, ..Checker::default() }
    }

    /// How many liars were expelled from a table.
    pub fn expelled(&self) -> u64 {
        self.expelled.len() as u64
    }

    /// How many liars honest nodes accused of equivocation.
    pub fn accused(&self) -> u64 {
        self.accused.len() as u64
    }

    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// Different rolls that any node told of, over all tables.
    pub fn rolls(&self) -> u64 {
        self.dice.len() as u64
    }

    /// Different tables that any node showed.
    pub fn tables(&self) -> u64 {
        self.log.keys().map(|(table, _)| table).collect::<BTreeSet<_>>().len() as u64
    }

    pub fn report(&mut self, at: Instant, node: Option<usize>, invariant: Invariant, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { at_ms: at.as_millis(), node, invariant, what });
        }
    }

    fn found(&mut self, by: Witness, invariant: Invariant, what: String) {
        self.report(by.at, Some(by.node), invariant, what);
    }

    pub fn on_breach(&mut self, at: Instant, node: usize, breach: &Breach) {
        self.report(at, Some(node), Invariant::Bounded, format!("{breach:?}"));
    }

    /// Takes one event. [`Checker::on_view`] of the same node must follow before its next event
    /// of a table, because outcomes are judged by the phases that views show.
    pub fn on_event(&mut self, by: Witness, event: &Event) {
        let key = |table: &TableId, roll: &u64| (by.node, by.life, *table, *roll);
        let first = match event {
            Event::CommandDone { request, .. } => self.answered.insert((by.node, *request)),
            Event::Rolled { table, roll, dice } => {
                self.check_dice(by, *table, *roll, *dice);
                self.rolled.insert(key(table, roll))
            }
            Event::Paid { table, roll, .. } => self.paid.insert(key(table, roll)),
            Event::TableOpened { table } => self.opened.insert((by.node, by.life, *table)),
            Event::Equivocation { culprit, .. } if self.liars.contains(culprit) => {
                self.accused.insert(*culprit);
                true
            }
            Event::Equivocation { table, culprit } => {
                let what = format!("{culprit:?} is accused at {table:?}");
                self.found(by, Invariant::NoFalseAccusation, what);
                true
            }
            Event::DoubleVote { culprit, term } => {
                let what = format!("{culprit:?} is said to have voted twice in term {term}");
                self.found(by, Invariant::NoFalseAccusation, what);
                true
            }
            Event::MemberExpelled { peer_id, .. } if self.liars.contains(peer_id) => {
                self.expelled.insert(*peer_id);
                true
            }
            Event::MemberExpelled { table, peer_id, .. } => {
                let what = format!("{peer_id:?} is expelled from {table:?}");
                self.found(by, Invariant::NoFalseAccusation, what);
                true
            }
            Event::LinkOpened { .. }
            | Event::LinkClosed { .. }
            | Event::LinkSwitched { .. }
            | Event::PeerSighted { .. }
            | Event::PeerRangeChanged { .. }
            | Event::PeerGone { .. }
            | Event::DialFailed { .. }
            | Event::MapChanged
            | Event::PartitionFormed { .. }
            | Event::PartitionHealed
            | Event::RepairTried { .. }
            | Event::LeaderElected { .. }
            | Event::LeaderLost { .. }
            | Event::RepairEnded { .. }
            | Event::TableChanged { .. }
            | Event::MemberAway { .. }
            | Event::Said { .. }
            | Event::TableFrozen { .. }
            | Event::TableThawed { .. }
            | Event::BettingPaused { .. }
            | Event::BettingResumed { .. }
            | Event::AlertRaised { .. }
            | Event::AlertCleared { .. }
            | Event::AnomalyFound { .. } => true,
        };
        if !first {
            self.found(by, Invariant::AtMostOnce, format!("told twice: {event:?}"));
        }
    }

    /// `heard`: what a liar at the table heard of a node that voted twice.
    pub fn on_double_vote(&mut self, at: Instant, listener: usize, heard: &DoubleVote) {
        if !self.liars.contains(&heard.member) {
            self.report(at, Some(listener), Invariant::OneVote, format!("heard {heard:?}"));
        }
    }

    pub fn on_view(&mut self, by: Witness, view: &NodeView) {
        for (name, got, max) in [
            ("links", view.links.len(), LINKS_MAX),
            ("map nodes", view.map.nodes.len(), MAP_NODES_MAX),
        ] {
            if got > max {
                self.found(by, Invariant::Bounded, format!("{got} {name}, the limit is {max}"));
            }
        }
        for table in &view.tables {
            self.check_chips(by, table);
            self.check_own_bets(by, table);
            self.check_log(by, table);
            self.check_felt(by, table);
            for past in &table.history {
                self.check_outcome(by, table.table_id, past);
            }
        }
    }

    /// Liars bet the field in others' names, and where there are any nobody else bets it.
    fn check_own_bets(&mut self, by: Witness, table: &TableView) {
        if self.liars.is_empty() {
            return;
        }
        let honest = table.seats.iter().filter(|seat| !self.liars.contains(&seat.peer_id));
        let forged = honest.filter(|seat| seat.bets.iter().any(|bet| bet.spot == FORGED));
        if let Some(peer) = forged.map(|seat| seat.peer_id).next() {
            let what = format!("{:?}: {peer:?} did not bet on {FORGED}", table.table_id);
            self.found(by, Invariant::OwnBets, what);
        }
    }

    fn check_chips(&mut self, by: Witness, table: &TableView) {
        let stacks = table.seats.iter().map(|s| s.stack);
        let bets = table.seats.iter().flat_map(|s| s.bets.iter().map(|b| b.chips));
        let rest = [table.bank, table.cashed_out];
        let sum: u128 = stacks.chain(bets).chain(rest).map(|c| u128::from(c.0)).sum();
        if sum != u128::from(table.minted.0) {
            let what = format!(
                "{:?} at height {}: {sum} chips are there, {} were minted",
                table.table_id, table.height, table.minted
            );
            self.found(by, Invariant::ChipsConserved, what);
        }
    }

    fn check_log(&mut self, by: Witness, table: &TableView) {
        let (id, height) = (table.table_id, table.height);
        if table.members.len() > TABLE_MEMBERS_MAX {
            let what = format!("{id:?} has {} members", table.members.len());
            self.found(by, Invariant::Bounded, what);
        }
        let hash = self.log.entry((id, height)).or_insert_with(|| table.log_hash.clone());
        if *hash != table.log_hash {
            let what = format!("{id:?} at height {height}: {} and {hash}", table.log_hash);
            self.found(by, Invariant::OneLog, what);
        }
        let highest = self.heights.entry((by.node, by.life, id)).or_insert(height);
        if height < *highest {
            let what = format!("{id:?} went back from height {highest} to {height}");
            self.found(by, Invariant::OneLog, what);
        } else {
            *highest = height;
        }
    }

    /// While a roll is being opened its bets stand still, and they are the same everywhere; but
    /// whoever is expelled meanwhile loses all of its own to the house.
    fn check_felt(&mut self, by: Witness, table: &TableView) {
        if table.phase != TablePhase::Opening {
            return;
        }
        let felt: Felt = table
            .seats
            .iter()
            .flat_map(|s| s.bets.iter().map(|b| (s.peer_id, b.spot.clone(), b.chips)))
            .collect();
        let key = (table.table_id, table.roll);
        let first = self.felts.entry(key).or_insert_with(|| felt.clone());
        // Without the bets of those who were expelled and have none any more in the other.
        let kept = |bets: &Felt, other: &Felt| -> Felt {
            let lost = |peer| self.expelled.contains(peer) && other.iter().all(|b| b.0 != *peer);
            bets.iter().filter(|(peer, ..)| !lost(peer)).cloned().collect()
        };
        if kept(first, &felt) != kept(&felt, first) {
            let what = format!(
                "{:?} roll {}: bets changed after they were closed: {felt:?}, first {first:?}",
                table.table_id, table.roll
            );
            self.found(by, Invariant::BetsBeforeDice, what);
        } else if felt.len() > first.len() {
            *first = felt;
        }
    }

    fn check_dice(&mut self, by: Witness, table: TableId, roll: u64, dice: Dice) {
        let first = *self.dice.entry((table, roll)).or_insert(dice);
        if first != dice {
            let what = format!("{table:?} roll {roll}: {dice:?}, elsewhere {first:?}");
            self.found(by, Invariant::OneLog, what);
        }
        if !self.felts.contains_key(&(table, roll)) {
            let what = format!("{table:?} roll {roll}: dice before any node had fixed its bets");
            self.found(by, Invariant::BetsBeforeDice, what);
        }
        if !(1..=6).contains(&dice.0) || !(1..=6).contains(&dice.1) {
            self.found(by, Invariant::Bounded, format!("{table:?} roll {roll}: {dice:?}"));
        }
    }

    fn check_outcome(&mut self, by: Witness, table: TableId, past: &HistoryView) {
        // Any t shares open the same sum, so whose they were may differ from node to node.
        let past = HistoryView { openers: Vec::new(), ..past.clone() };
        let first = self.outcomes.entry((table, past.roll)).or_insert_with(|| past.clone());
        if *first != past {
            let what = format!("{table:?} roll {}: {past:?}, elsewhere {first:?}", past.roll);
            self.found(by, Invariant::OneLog, what);
        }
    }
}

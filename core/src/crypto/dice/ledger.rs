//! The order of entries within one epoch, and the check of a whole transcript.
//!
//! ```text
//!     Deal(r, i) …      ahead of time, at most one per roll and member
//!     BetsOpen(r)       freezes the deals of r; at least t of them are needed
//!     (bets)
//!     BetsClosed(r)     once it is final, every member publishes its share
//!     Share(r, i) × t   in any order; the t-th makes the roll
//! ```
//!
//! Rolls are used strictly in order. The state is a value: cloning it to judge a proposed batch
//! copies one running sum per roll in stock (at most 64 of at most 4 KiB), and keeping the judged
//! clone saves verifying the batch again. Shares arrive one by one before they stand in an entry:
//! [`Ledger::check_share`] verifies each once and remembers it.

use super::{
    Deal, DiceTable, Fault, Pot, Share, VerifiedShare, draw::draw, proof::Batch, share::Stock,
};
use crate::sorted::{SortedMap, SortedSet};
use core::mem;

/// Rolls a deal may be ahead of the next one, which bounds the state. Guess: many times the stock
/// that a table needs to play on without a pause.
pub const ROLLS_AHEAD_MAX: u64 = 64;

/// Equations that a transcript check collects before it computes, which bounds its memory. Guess:
/// the multiplication gains little beyond a few thousand.
const BATCH_EQUATIONS_MAX: usize = 2000;

/// What the table's log says about the dice.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    Deal(&'a Deal),
    BetsOpen { roll: u64 },
    BetsClosed { roll: u64 },
    Share(&'a Share),
}

/// A roll and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    pub roll: u64,
    /// Two faces, each 1 to 6.
    pub dice: [u8; 2],
    /// The opened element, from which alone the dice derive.
    pub opened: [u8; 32],
    /// Whose secrets were summed, ascending.
    pub dealers: Vec<u8>,
    /// Whose shares opened the sum, ascending.
    pub openers: Vec<u8>,
}

/// Where the next roll stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollPhase {
    Dealing,
    Betting,
    Opening,
}

/// Replayed by every member and every spectator of one epoch.
#[derive(Clone, Debug)]
pub struct Ledger {
    stock: SortedMap<u64, Stock>,
    phase: Phase,
    next: u64,
    /// Shares of the roll being opened that were verified already; at most one per member.
    checked: Vec<(Share, VerifiedShare)>,
}

#[derive(Clone, Debug)]
enum Phase {
    Dealing,
    Betting(Pot),
    Opening(Pot, Vec<VerifiedShare>),
}

/// Whether a proof is checked at once or left in the batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checking {
    AtOnce,
    Later,
}

impl Ledger {
    /// `first` is the epoch's first roll.
    pub fn new(first: u64) -> Ledger {
        Ledger { stock: SortedMap::new(), phase: Phase::Dealing, next: first, checked: Vec::new() }
    }

    /// The first roll that is not done.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn phase(&self) -> RollPhase {
        match self.phase {
            Phase::Dealing => RollPhase::Dealing,
            Phase::Betting(_) => RollPhase::Betting,
            Phase::Opening(..) => RollPhase::Opening,
        }
    }

    /// What members have to open, once the bets are closed.
    pub fn to_open(&self) -> Option<&Pot> {
        match &self.phase {
            Phase::Opening(pot, _) => Some(pot),
            Phase::Dealing | Phase::Betting(_) => None,
        }
    }

    /// Whose deals for `roll` are in, in ascending order; frozen or not.
    pub fn dealers(&self, roll: u64) -> Vec<u8> {
        match &self.phase {
            Phase::Betting(pot) | Phase::Opening(pot, _) if pot.roll() == roll => {
                pot.dealers().collect()
            }
            _ => self.stock.get(&roll).map_or(Vec::new(), |stock| stock.dealers().collect()),
        }
    }

    /// Deals of this member in stock for rolls whose deals are not frozen yet.
    pub fn stock_of(&self, member: u8) -> usize {
        self.stock.values().filter(|stock| stock.dealers().any(|d| d == member)).count()
    }

    /// Whether this member's share of the roll being opened is in.
    pub fn has_opened(&self, member: u8) -> bool {
        match &self.phase {
            Phase::Opening(_, shares) => shares.iter().any(|s| s.member == member),
            Phase::Dealing | Phase::Betting(_) => false,
        }
    }

    /// Checks one entry and takes it; the t-th share gives the roll.
    pub fn apply(&mut self, table: &DiceTable, entry: Entry<'_>) -> Result<Option<Roll>, Fault> {
        self.step(table, entry, &mut table.batch(), Checking::AtOnce)
    }

    /// Takes the deals of one member, all or none, with one check for all of their proofs.
    pub fn apply_deals(&mut self, table: &DiceTable, deals: &[Deal]) -> Result<(), Fault> {
        let (mut next, mut batch) = (self.clone(), table.batch());
        for deal in deals {
            next.step(table, Entry::Deal(deal), &mut batch, Checking::Later)?;
        }
        if !batch.holds() {
            // One by one, to name the one that is bad.
            next = self.clone();
            for deal in deals {
                next.apply(table, Entry::Deal(deal))?;
            }
        }
        *self = next;
        Ok(())
    }

    /// Verifies a share of the roll being opened without taking it, and remembers that it is good.
    pub fn check_share(&mut self, table: &DiceTable, share: &Share) -> Result<(), Fault> {
        let (roll, next) = (share.roll, self.next);
        let pot = self.to_open().ok_or(Fault::OutOfOrder { roll, next })?;
        if self.checked.iter().any(|(known, _)| known == share) {
            return Ok(());
        }
        let verified = table.verify_share(pot, share)?;
        // A member's share is unique but for its proof; the newest will do.
        self.checked.retain(|(known, _)| known.member != share.member);
        self.checked.push((*share, verified));
        Ok(())
    }

    fn step(
        &mut self,
        table: &DiceTable,
        entry: Entry<'_>,
        batch: &mut Batch,
        checking: Checking,
    ) -> Result<Option<Roll>, Fault> {
        match entry {
            Entry::Deal(deal) => {
                self.on_deal(table, deal, batch, checking)?;
                Ok(None)
            }
            Entry::BetsOpen { roll } => {
                self.on_bets_open(table, roll)?;
                Ok(None)
            }
            Entry::BetsClosed { roll } => {
                self.on_bets_closed(roll)?;
                Ok(None)
            }
            Entry::Share(share) => self.on_share(table, share, batch, checking),
        }
    }

    fn out_of_order(&self, roll: u64) -> Fault {
        Fault::OutOfOrder { roll, next: self.next }
    }

    fn on_deal(
        &mut self,
        table: &DiceTable,
        deal: &Deal,
        batch: &mut Batch,
        checking: Checking,
    ) -> Result<(), Fault> {
        let (roll, dealer) = (deal.roll, deal.dealer);
        let last = self.next.saturating_add(ROLLS_AHEAD_MAX - 1);
        let frozen = roll == self.next && self.phase() != RollPhase::Dealing;
        if !(self.next..=last).contains(&roll) || frozen {
            return Err(self.out_of_order(roll));
        }
        let dealt = self.stock.get(&roll).is_some_and(|s| s.dealers().any(|d| d == dealer));
        if dealt || self.uses(&deal.ephemeral) {
            return Err(Fault::RepeatedDeal { roll, dealer });
        }
        let verified = table.queue_deal(deal, batch)?;
        holds(table, batch, checking, Fault::BadDeal { roll, dealer })?;
        let members = table.params().members();
        self.stock.or_insert_with(roll, || Stock::empty(members)).add(&verified);
        Ok(())
    }

    /// Two deals under one ephemeral key give the difference of their secrets away. Honest members
    /// derive a key per roll; this catches one whose derivation broke. Keys of finished rolls are
    /// forgotten: a dealer who repeats one on purpose tells others about its own secrets alone,
    /// and counts among the colluders anyway.
    fn uses(&self, ephemeral: &[u8; 32]) -> bool {
        let frozen = match &self.phase {
            Phase::Dealing => false,
            Phase::Betting(pot) | Phase::Opening(pot, _) => pot.uses(ephemeral),
        };
        frozen || self.stock.values().any(|stock| stock.uses(ephemeral))
    }

    fn on_bets_open(&mut self, table: &DiceTable, roll: u64) -> Result<(), Fault> {
        if roll != self.next || self.phase() != RollPhase::Dealing {
            return Err(self.out_of_order(roll));
        }
        // Fewer than t colluders can then be neither all dealers nor enough openers.
        let (have, need) = (self.dealers(roll).len(), table.params().threshold());
        if have < need {
            return Err(Fault::TooFew { have, need });
        }
        if let Some(stock) = self.stock.remove(&roll) {
            self.phase = Phase::Betting(table.freeze(roll, stock));
        }
        Ok(())
    }

    fn on_bets_closed(&mut self, roll: u64) -> Result<(), Fault> {
        if roll != self.next {
            return Err(self.out_of_order(roll));
        }
        match mem::replace(&mut self.phase, Phase::Dealing) {
            Phase::Betting(pot) => {
                self.phase = Phase::Opening(pot, Vec::new());
                Ok(())
            }
            other => {
                self.phase = other;
                Err(self.out_of_order(roll))
            }
        }
    }

    fn on_share(
        &mut self,
        table: &DiceTable,
        share: &Share,
        batch: &mut Batch,
        checking: Checking,
    ) -> Result<Option<Roll>, Fault> {
        let (roll, member) = (share.roll, share.member);
        let next = self.next;
        let Phase::Opening(pot, shares) = &mut self.phase else {
            return Err(Fault::OutOfOrder { roll, next });
        };
        if roll != next {
            return Err(Fault::OutOfOrder { roll, next });
        }
        if shares.iter().any(|s| s.member == member) {
            return Err(Fault::RepeatedShare { roll, member });
        }
        let known = self.checked.iter().find(|(known, _)| known == share);
        let verified = match known {
            Some((_, verified)) => *verified,
            None => {
                let verified = table.queue_share(pot, share, batch)?;
                holds(table, batch, checking, Fault::BadShare { roll, member })?;
                verified
            }
        };
        shares.push(verified);
        if shares.len() < table.params().threshold() {
            return Ok(None);
        }
        let opened = table.combine(shares)?;
        let openers: SortedSet<u8> = shares.iter().map(|s| s.member).collect();
        let openers = openers.into_iter().collect();
        let dice = draw(table.context(), roll, &opened);
        let made = Roll { roll, dice, opened, dealers: pot.dealers().collect(), openers };
        self.phase = Phase::Dealing;
        self.checked.clear();
        self.next = next.saturating_add(1);
        Ok(Some(made))
    }
}

fn holds(
    table: &DiceTable,
    batch: &mut Batch,
    checking: Checking,
    fault: Fault,
) -> Result<(), Fault> {
    let good = match checking {
        Checking::Later => true,
        Checking::AtOnce => mem::replace(batch, table.batch()).holds(),
    };
    if good { Ok(()) } else { Err(fault) }
}

/// Checks a whole epoch again, for a spectator: every proof, in batches. Gives the rolls, or the
/// place of the first bad entry and what is wrong with it. Shows that these deals gave these
/// rolls; that they were agreed in this order is for the log's certificates to show.
pub fn verify_transcript(
    table: &DiceTable,
    first: u64,
    entries: &[Entry<'_>],
) -> Result<Vec<Roll>, (usize, Fault)> {
    // Trouble in a batch may be the consequence of a forged entry before it (a forged share makes
    // the honest one look repeated), so it is judged one by one from the start.
    match replay_in_batches(table, first, entries) {
        Some(rolls) => Ok(rolls),
        None => replay_one_by_one(table, first, entries),
    }
}

fn replay_in_batches(table: &DiceTable, first: u64, entries: &[Entry<'_>]) -> Option<Vec<Roll>> {
    let (mut ledger, mut batch, mut rolls) = (Ledger::new(first), table.batch(), Vec::new());
    for entry in entries {
        rolls.extend(ledger.step(table, *entry, &mut batch, Checking::Later).ok()?);
        if batch.len() >= BATCH_EQUATIONS_MAX && !mem::replace(&mut batch, table.batch()).holds() {
            return None;
        }
    }
    batch.holds().then_some(rolls)
}

fn replay_one_by_one(
    table: &DiceTable,
    first: u64,
    entries: &[Entry<'_>],
) -> Result<Vec<Roll>, (usize, Fault)> {
    let (mut ledger, mut rolls) = (Ledger::new(first), Vec::new());
    for (place, entry) in entries.iter().enumerate() {
        rolls.extend(ledger.apply(table, *entry).map_err(|fault| (place, fault))?);
    }
    Ok(rolls)
}

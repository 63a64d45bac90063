//! Makes a batch of what waits: evidence, shares, wishes, and what follows from the ledger's state.

use super::{Session, deciding::Judged};
use crate::{
    agree,
    crypto::dice,
    game::{
        ledger::{BatchError, Happened, Ledger, Phase},
        message::{BATCH_ENTRIES_MAX, Batch, Entry, Key, Message},
    },
    id::PeerId,
    limits::BATCH_BYTES_MAX,
    sorted::SortedMap,
    time::Instant,
};

/// The batch that could be proposed now.
pub(super) enum Draft {
    /// Something changed since it was made.
    Stale,
    Empty,
    Ready(Vec<u8>),
}

impl Session {
    /// A share often overtakes the last votes of the decision that it follows from: it is kept, or
    /// this peer would lack it until it is sent again. One per member.
    pub(super) fn on_share(&mut self, from: PeerId, share: dice::Share) {
        if self.ledger.phase() == Phase::Opening {
            self.take_share(from, share);
        } else if share.roll == self.ledger.roll() && self.ledger.seat(from).is_some() {
            self.early_shares.insert(from, share);
        }
    }

    /// The log grew: shares that were too early may be due now.
    pub(super) fn take_early_shares(&mut self) {
        if self.ledger.phase() != Phase::Opening {
            return;
        }
        for (from, share) in std::mem::take(&mut self.early_shares) {
            self.take_share(from, share);
        }
    }

    /// Everybody sends its own share, so a wrong one is its sender's and nobody else's, and its
    /// sender is not heard again on this roll: looking at a share costs more than sending one.
    fn take_share(&mut self, from: PeerId, share: dice::Share) {
        if share.roll != self.ledger.roll() {
            return;
        }
        let author = self.ledger.opener(&share);
        let seat = self.ledger.seat(from).map(|(seat, _)| seat).filter(|s| author == Some(*s));
        let Some(seat) = seat.filter(|seat| !self.bad_openers.contains(seat)) else {
            self.counters.ops_refused += 1;
            return;
        };
        if self.shares.contains_key(&seat) {
            return;
        }
        if self.ledger.check_share(&share).is_some() {
            self.shares.insert(seat, share);
            self.draft = Draft::Stale;
        } else {
            self.bad_openers.insert(seat);
            self.counters.ops_refused += 1;
        }
    }

    /// Rule 3 of the module.
    pub(super) fn open_share(&mut self) -> bool {
        let Some(seat) = self.my_seat() else { return false };
        if self.ledger.phase() != Phase::Opening || self.shared.is_some() {
            return false;
        }
        let made = self.ledger.make_share(seat, &self.secret, &self.dice_entropy);
        let Some(share) = made else { return false };
        self.ledger.check_share(&share);
        self.shared = Some(share);
        self.shares.insert(seat, share);
        self.draft = Draft::Stale;
        self.broadcast(&Message::Share { table: self.id(), share });
        true
    }

    /// Starts a height when there is something to agree on, and answers for our turn. A draft costs
    /// as much as judging it, so none is made while nobody asks for one.
    pub(super) fn propose(&mut self, now: Instant) -> bool {
        if self.is_deciding() && self.owed_round.is_none() {
            return false;
        }
        if matches!(self.draft, Draft::Stale) {
            self.draft = self.compose();
        }
        let Draft::Ready(value) = &self.draft else { return false };
        if !self.is_deciding() {
            self.start_height(&[], now);
            return true;
        }
        let Some(round) = self.owed_round.take() else { return false };
        let (height, value) = (self.ledger.height() + 1, value.clone());
        self.with_agree(now, agree::Input::Value { height, round, value });
        true
    }

    /// The largest batch that fits the ledger: proof of lies, then, in an order that makes a roll
    /// as short as it can be, the last roll's shares, bets open, the wishes, bets closed. What it
    /// leads to is kept as judged: members that heard the same make the same batch.
    fn compose(&mut self) -> Draft {
        let trial = self.ledger.clone();
        let mut draft = Composer { trial, entries: Vec::new(), happened: Vec::new(), bytes: 0 };
        // What does not fit is left out; only of deals it matters why.
        for evidence in self.evidence.values() {
            let _ = draft.add(Entry::Evidence(evidence.clone()));
        }
        if draft.trial.phase() == Phase::Opening && self.shares.len() >= draft.trial.threshold() {
            for share in self.shares.values().take(draft.trial.threshold()) {
                let _ = draft.add(Entry::Share(*share));
            }
        }
        let _ = draft.add_due();
        let mut forged = Vec::new();
        for op in self.pool.values().flat_map(SortedMap::values) {
            // Other refusals may pass; a deal that does not verify never will, and costs each time.
            if let Err(BatchError::Dice(dice::Fault::BadDeal { .. })) =
                draft.add(Entry::Op(op.clone()))
            {
                forged.push((op.author, op.seq));
            }
        }
        self.forget_forged(&forged);
        let _ = draft.add_due();
        if draft.entries.is_empty() {
            return Draft::Empty;
        }
        let Composer { trial: mut ledger, entries, mut happened, .. } = draft;
        let value = Batch(entries).encode();
        if ledger.finish(&value, &mut happened).is_err() {
            return Draft::Empty;
        }
        self.keep_judged(Judged { value: value.clone(), ledger, happened });
        Draft::Ready(value)
    }

    fn forget_forged(&mut self, forged: &[(Key, u64)]) {
        for (author, seq) in forged {
            if let Some(ops) = self.pool.get_mut(author) {
                ops.remove(seq);
                self.counters.ops_refused += 1;
            }
        }
        self.pool.retain(|_, ops| !ops.is_empty());
    }
}

/// Tries entries on a copy of the ledger and keeps those that fit.
struct Composer {
    trial: Ledger,
    entries: Vec<Entry>,
    happened: Vec<Happened>,
    bytes: usize,
}

impl Composer {
    /// Leaves an entry out for which there is no room or which the ledger refuses.
    fn add(&mut self, entry: Entry) -> Result<(), BatchError> {
        let bytes = postcard_len(&entry);
        let full =
            self.entries.len() >= BATCH_ENTRIES_MAX || self.bytes + bytes + 8 > BATCH_BYTES_MAX;
        if full {
            return Ok(());
        }
        self.happened.extend(self.trial.try_entry(&entry)?);
        self.bytes += bytes;
        self.entries.push(entry);
        Ok(())
    }

    /// What follows from the state alone.
    fn add_due(&mut self) -> Result<(), BatchError> {
        let roll = self.trial.roll();
        if self.trial.open_due() {
            self.add(Entry::BetsOpen { roll })?;
        }
        if self.trial.close_due() {
            self.add(Entry::BetsClosed { roll })?;
        }
        Ok(())
    }
}

fn postcard_len(entry: &Entry) -> usize {
    Batch(vec![entry.clone()]).encode().len()
}

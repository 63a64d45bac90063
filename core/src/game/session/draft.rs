//! Makes a batch of what waits: evidence, shares, wishes, and what follows from the ledger's state.

use super::{Session, deciding::Judged};
use crate::{
    agree,
    crypto::dice,
    game::{
        ledger::{Happened, Ledger, Phase},
        message::{BATCH_ENTRIES_MAX, Batch, Entry, Message},
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
            self.take_share(share);
        } else if share.roll == self.ledger.roll() && self.ledger.seat(from).is_some() {
            self.early_shares.insert(from, share);
        }
    }

    /// The log grew: shares that were too early may be due now.
    pub(super) fn take_early_shares(&mut self) {
        if self.ledger.phase() != Phase::Opening {
            return;
        }
        for share in std::mem::take(&mut self.early_shares).into_values() {
            self.take_share(share);
        }
    }

    fn take_share(&mut self, share: dice::Share) {
        if self.shares.len() >= self.members() {
            return;
        }
        match self.ledger.check_share(&share) {
            Some(seat) => {
                if self.shares.insert(seat, share).is_none() {
                    self.draft = Draft::Stale;
                }
            }
            None => self.counters.ops_refused += 1,
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

    /// The largest batch that fits the ledger: proof of lies, then what makes a roll as short as
    /// it can be: shares of the last roll, bets open, the wishes, bets closed. What it leads to is
    /// kept as judged: members that heard the same make the same batch.
    fn compose(&mut self) -> Draft {
        let trial = self.ledger.clone();
        let mut draft = Composer { trial, entries: Vec::new(), happened: Vec::new(), bytes: 0 };
        for evidence in self.evidence.values() {
            draft.add(Entry::Evidence(evidence.clone()));
        }
        if draft.trial.phase() == Phase::Opening && self.shares.len() >= draft.trial.threshold() {
            for share in self.shares.values().take(draft.trial.threshold()) {
                draft.add(Entry::Share(*share));
            }
        }
        draft.add_due();
        for op in self.pool.values().flat_map(SortedMap::values) {
            draft.add(Entry::Op(op.clone()));
        }
        draft.add_due();
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
}

/// Tries entries on a copy of the ledger and keeps those that fit.
struct Composer {
    trial: Ledger,
    entries: Vec<Entry>,
    happened: Vec<Happened>,
    bytes: usize,
}

impl Composer {
    fn add(&mut self, entry: Entry) {
        let bytes = postcard_len(&entry);
        let full =
            self.entries.len() >= BATCH_ENTRIES_MAX || self.bytes + bytes + 8 > BATCH_BYTES_MAX;
        if full {
            return;
        }
        if let Ok(happened) = self.trial.try_entry(&entry) {
            self.happened.extend(happened);
            self.bytes += bytes;
            self.entries.push(entry);
        }
    }

    /// What follows from the state alone.
    fn add_due(&mut self) {
        let roll = self.trial.roll();
        if self.trial.open_due() {
            self.add(Entry::BetsOpen { roll });
        }
        if self.trial.close_due() {
            self.add(Entry::BetsClosed { roll });
        }
    }
}

fn postcard_len(entry: &Entry) -> usize {
    Batch(vec![entry.clone()]).encode().len()
}

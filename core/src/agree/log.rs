//! The write-ahead log: what the driver took, in order, so that a restart takes it again.
//!
//! The driver cannot be restored from a snapshot (its lock has no setter), so the log holds its
//! inputs at the current height. Fed again in order they give the same state and the same votes;
//! Ed25519 is deterministic, so even the signatures are the same.
//!
//! A record matters only once something we signed follows from it: until then, losing it is the
//! same as never having heard it. So records are held back until we sign the next time, and then
//! go out together, which costs the disk one flush per signature. What is still held when the
//! height is decided is never written.

use super::{
    Agree, Output, Stage,
    certificate::Polka,
    context::{Ctx, Height, Proposal, SignedProposal, Value, lift_proposal, lift_vote, number},
    filter::value_held,
    message::{Bytes, Message, Record, Timer, ValueId},
};
use malachite_driver::Input as Drive;
use malachite_types::{Round, Timeout, TimeoutKind, Validity};

/// How far the log got.
#[derive(Default)]
pub(super) struct Log {
    /// Records asked to be stored in this life; each record's number.
    last: u64,
    durable: u64,
    /// Records of the current height, this life's and those replayed.
    place: u64,
    replaying: bool,
    /// Records that nothing signed follows from yet, oldest first.
    held: Vec<Output>,
    /// The last record that was asked to be stored: nothing we signed follows from a later one.
    written: u64,
}

impl Log {
    /// A height starts with so many records stored.
    pub(super) fn on_height(&mut self, stored: u64) {
        self.place = stored;
        self.held.clear();
    }

    /// The height is decided: what nothing follows from is not needed any more.
    pub(super) fn on_decided(&mut self) {
        self.held.clear();
    }

    pub(super) fn on_persisted(&mut self, seq: u64) {
        self.durable = self.durable.max(seq.min(self.last));
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Nothing that we signed may be seen before this record is durable.
    pub(super) fn written(&self) -> u64 {
        self.written
    }
}

impl Agree {
    /// Note `record` before the driver takes what it says.
    pub(super) fn persist(&mut self, record: &Record<'_>) {
        if self.log.replaying {
            return;
        }
        self.log.last += 1;
        self.log.held.push(Output::Persist {
            seq: self.log.last,
            height: self.height,
            place: self.log.place,
            record: record.encode(),
        });
        self.log.place += 1;
    }

    /// Queue an output that follows from what was noted: it leaves when all of that is durable.
    /// Nothing is sent during replay: what was sent before the crash is repeated when peers ask.
    pub(super) fn push_logged(&mut self, output: Output) {
        if self.log.replaying {
            return;
        }
        if !self.log.held.is_empty() {
            self.log.written = self.log.last;
        }
        for record in core::mem::take(&mut self.log.held) {
            self.push(record);
        }
        self.push_after(self.log.written, output);
    }

    pub(super) fn persist_message(&mut self, message: &[u8]) {
        self.persist(&Record::Message { sound: true, message: Bytes(message) });
    }

    /// Take `first` and then what was logged, as if for the first time, but say nothing.
    pub(super) fn replay(&mut self, first: Drive<Ctx>, records: &[Vec<u8>]) {
        self.log.replaying = true;
        self.drive(first);
        for record in records {
            match Record::decode(record) {
                Ok(record) => self.replay_one(&record),
                Err(_) => self.refused.garbled += 1,
            }
        }
        self.log.replaying = false;
    }

    fn replay_one(&mut self, record: &Record<'_>) {
        match record {
            Record::Message { sound, message } => match Message::decode(message.0) {
                Ok(message) if message.height() == self.height => {
                    self.replay_message(&message, *sound);
                }
                _ => self.refused.garbled += 1,
            },
            Record::TimedOut { round, timer } => {
                let timeout = Timeout::new(Round::new(*round), kind_of(*timer));
                self.timers.retain(|(_, running)| *running != timeout);
                self.drive(Drive::TimeoutElapsed(timeout));
            }
            Record::Value { round, value } => {
                self.drive(Drive::ProposeValue(Round::new(*round), Value::new(value.0)));
            }
            Record::ValueAgain { round, value } => {
                if let Some(value) = self.value_logged(value) {
                    self.drive(Drive::ProposeValue(Round::new(*round), value));
                }
            }
            Record::Again { sound, round, lock_round, value, signature } => {
                let Some(value) = self.value_logged(value) else { return };
                let proposal = Proposal {
                    height: Height(self.height),
                    round: Round::new(*round),
                    value,
                    lock_round: lock_round.map_or(Round::Nil, Round::new),
                    member: self.members.proposer(self.height, *round),
                };
                let proposal = SignedProposal::new(proposal, *signature);
                self.drive(Drive::Proposal(proposal, Validity::from_bool(*sound)));
            }
        }
    }

    /// The value of an earlier record. Always there, unless the host lost one.
    fn value_logged(&mut self, id: &ValueId) -> Option<Value> {
        let Stage::Voting(driver) = &self.stage else { return None };
        let value = value_held(driver, id);
        if value.is_none() {
            self.refused.garbled += 1;
        }
        value
    }

    fn replay_message(&mut self, message: &Message<'_>, sound: bool) {
        let input = match message {
            Message::Vote(vote) => lift_vote(vote, &self.members).map(Drive::Vote),
            Message::Proposal(proposal) => lift_proposal(proposal, &self.members)
                .filter(|proposal| self.is_by_proposer(proposal))
                .map(|proposal| Drive::Proposal(proposal, Validity::from_bool(sound))),
            Message::Polka(polka) => {
                let polka = Polka::of_message(polka).for_driver(&self.members);
                Some(Drive::PolkaCertificate(polka))
            }
            // None of these is ever logged.
            Message::Decided(_) | Message::Status(_) | Message::Resting(_) => None,
        };
        match input {
            Some(input) => self.drive(input),
            None => self.refused.garbled += 1,
        }
    }

    /// After a replay: ask again for the value we still owe.
    pub(super) fn resume(&mut self) {
        let Stage::Voting(driver) = &self.stage else { return };
        let round = driver.round();
        let owed = driver.step_is_propose()
            && self.members.proposer(self.height, number(round)) == self.me
            && driver.valid_value().is_none()
            && driver.proposals_and_validities_for_round(round).is_empty();
        if owed {
            self.push(Output::NeedValue { height: self.height, round: number(round) });
        }
    }

    pub(super) fn is_by_proposer(&self, proposal: &SignedProposal) -> bool {
        let proposal = &proposal.message;
        proposal.member == self.members.proposer(self.height, number(proposal.round))
    }
}

fn kind_of(timer: Timer) -> TimeoutKind {
    match timer {
        Timer::Propose => TimeoutKind::Propose,
        Timer::Prevote => TimeoutKind::Prevote,
        Timer::Precommit => TimeoutKind::Precommit,
    }
}

/// The timers this room runs; the other kinds belong to an engine that is not used.
pub(super) fn timer_of(kind: TimeoutKind) -> Option<Timer> {
    match kind {
        TimeoutKind::Propose => Some(Timer::Propose),
        TimeoutKind::Prevote => Some(Timer::Prevote),
        TimeoutKind::Precommit => Some(Timer::Precommit),
        TimeoutKind::Rebroadcast | TimeoutKind::FinalizeHeight(_) => None,
    }
}

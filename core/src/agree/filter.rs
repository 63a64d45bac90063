//! What is refused before the driver sees it, cheapest reason first.
//!
//! Order matters: bounds and duplicates cost nothing, a signature costs 30 µs, a judgement costs
//! whatever the table does with it. Only what passed all of it is logged and driven.

use super::{
    Agree, EARLY_BYTES_PER_PEER, EARLY_PER_PEER, Judge, LOOKAHEAD, LOOKBACK, Output,
    PROPOSALS_PER_ROUND, Stage, VALUE_BYTES_PER_MEMBER, Waiting,
    certificate::{Decision, Polka},
    context::{Ctx, SignedProposal, Value, lift_proposal, lift_vote, number},
    members::MemberKey,
    message::{self, Bytes, Message, Record, ValueId},
};
use crate::sorted::SortedMap;
use malachite_driver::{Driver, Input as Drive};
use malachite_types::{NilOrVal, Round, Validity, Value as _, VoteType};

impl Agree {
    pub(super) fn on_message(&mut self, from: MemberKey, bytes: &[u8], judge: Judge<'_>) {
        let Ok(message) = Message::decode(bytes) else {
            self.refused.garbled += 1;
            return;
        };
        let height = message.height();
        match message {
            Message::Status(status) => self.on_status(from, &status),
            Message::Resting(resting) => self.on_resting(from, resting.height),
            _ if height > self.height => {
                self.keep_early(from, height, bytes);
                self.on_ahead(from, height);
            }
            Message::Decided(decided) if height == self.height && self.is_resting() => {
                self.on_decided_again(&decided);
            }
            _ if height < self.height || self.is_resting() => self.refused.other_height += 1,
            Message::Decided(decided) => self.on_decided(&decided),
            Message::Vote(vote) => self.on_vote(&vote, bytes),
            Message::Proposal(proposal) => self.on_proposal(&proposal, bytes, judge),
            Message::Polka(polka) => self.on_polka(&polka, bytes),
        }
    }

    /// Keep a little of the very next height; the rest is asked for when we get there.
    fn keep_early(&mut self, from: MemberKey, height: u64, bytes: &[u8]) {
        let next = self.height.checked_add(1) == Some(height);
        if !next || self.members.place(&from).is_none() {
            self.refused.other_height += 1;
            return;
        }
        let kept = self.early.or_default(from);
        let size: usize = kept.iter().map(Vec::len).sum();
        if kept.len() >= EARLY_PER_PEER || size + bytes.len() > EARLY_BYTES_PER_PEER {
            self.refused.early += 1;
        } else {
            kept.push_back(bytes.to_vec());
        }
    }

    fn on_decided(&mut self, decided: &message::Decided<'_>) {
        let decision = Decision::lift(decided);
        if decision.verify(&self.group, &self.members).is_ok() {
            // Whoever had to be told may lack more than this.
            self.sync.on_told();
            self.decide(decision, 0);
        } else {
            self.refused.signature += 1;
        }
    }

    /// Our own decision waits for our records to be durable; that of others need not, since it
    /// holds no vote of ours that is not.
    fn on_decided_again(&mut self, decided: &message::Decided<'_>) {
        let decision = Decision::lift(decided);
        let durable = self.log.durable();
        let waits = |waiting: &&mut Waiting| {
            waiting.after > durable && matches!(waiting.output, Output::Decided(_))
        };
        match self.out.iter_mut().find(waits) {
            None => self.refused.other_height += 1,
            Some(_) if decision.verify(&self.group, &self.members).is_err() => {
                self.refused.signature += 1;
            }
            Some(waiting) => *waiting = Waiting { after: 0, output: Output::Decided(decision) },
        }
    }

    fn on_vote(&mut self, vote: &message::Vote, bytes: &[u8]) {
        let Some(vote) = lift_vote(vote, &self.members) else {
            self.refused.garbled += 1;
            return;
        };
        if !self.is_in_window(vote.message.round) {
            self.refused.round += 1;
            return;
        }
        let Stage::Voting(driver) = &self.stage else { return };
        let member = vote.message.member;
        // Our own votes come from our own driver alone. Of a known liar, no second lie is needed.
        let votes = driver.votes();
        let known = member == self.me
            || votes.has_vote(&vote)
            || self.accused.contains(&member) && votes.conflicting_vote(&vote).is_some();
        if known {
            self.refused.duplicate += 1;
        } else if !self.domain().verifies_vote(&vote) {
            self.refused.signature += 1;
        } else {
            self.persist_message(bytes);
            self.drive(Drive::Vote(vote));
        }
    }

    fn on_polka(&mut self, polka: &message::Polka<'_>, bytes: &[u8]) {
        let Stage::Voting(driver) = &self.stage else { return };
        let round = Round::new(polka.round);
        if number(round) > self.horizon().saturating_add(LOOKAHEAD) {
            self.refused.round += 1;
            return;
        }
        // Only one value per round can have a polka, so what is kept stays bounded.
        if driver.polka_certificate(round, &polka.value).is_some() {
            self.refused.duplicate += 1;
            return;
        }
        let polka = Polka::of_message(polka);
        if polka.verify(self.domain()).is_err() {
            self.refused.signature += 1;
            return;
        }
        self.persist_message(bytes);
        self.drive(Drive::PolkaCertificate(polka.for_driver(&self.members)));
    }

    fn on_proposal(&mut self, proposal: &message::Proposal<'_>, bytes: &[u8], judge: Judge<'_>) {
        let Some(mut proposal) = lift_proposal(proposal, &self.members) else {
            self.refused.garbled += 1;
            return;
        };
        let round = proposal.message.round;
        if !self.is_in_window(round) {
            self.refused.round += 1;
            return;
        }
        // The driver panics on two proposers in one round.
        if !self.is_by_proposer(&proposal) || proposal.message.member == self.me {
            self.refused.wrong_proposer += 1;
            return;
        }
        let Stage::Voting(driver) = &self.stage else { return };
        let held = driver.proposals_and_validities_for_round(round);
        if held.iter().any(|(other, _)| other.message == proposal.message) {
            self.refused.duplicate += 1;
            return;
        }
        if !self.has_room_for(driver, &proposal) {
            self.refused.proposals += 1;
            return;
        }
        if !self.domain().verifies_proposal(&proposal) {
            self.refused.signature += 1;
            return;
        }
        let held = value_held(driver, &proposal.message.value.id());
        if let Some(value) = &held {
            proposal.message.value = value.clone();
        }
        let sound = judge(self.height, proposal.message.value.bytes());
        let again = Record::Again {
            sound,
            round: number(round),
            lock_round: proposal.message.lock_round.as_u32(),
            value: proposal.message.value.id(),
            signature: proposal.signature,
        };
        let whole = Record::Message { sound, message: Bytes(bytes) };
        self.persist(if held.is_some() { &again } else { &whole });
        self.drive(Drive::Proposal(proposal, Validity::from_bool(sound)));
    }

    /// A proposer may sign any number of values. Keep two per round and so many bytes in all; more
    /// only when an honest member was among those who prevoted for it.
    fn has_room_for(&self, driver: &Driver<Ctx>, proposal: &SignedProposal) -> bool {
        let proposal = &proposal.message;
        let rounds = driver.proposals().all_rounds().values();
        // Values offered again are kept once, so they count once.
        let values: SortedMap<ValueId, usize> = rounds
            .flat_map(|round| round.get_proposals_and_validities())
            .map(|(held, _)| &held.message)
            .filter(|held| held.member == proposal.member)
            .chain([proposal])
            .map(|proposal| (proposal.value.id(), proposal.value.bytes().len()))
            .collect();
        let bytes: usize = values.values().sum();
        let held = driver.proposals_and_validities_for_round(proposal.round).len();
        let room = held < PROPOSALS_PER_ROUND && bytes <= VALUE_BYTES_PER_MEMBER;
        let vouched = || {
            let id = NilOrVal::Val(proposal.value.id());
            driver.votes().per_round(proposal.round).is_some_and(|round| {
                round.votes().get_weight(VoteType::Prevote, &id) as usize
                    > self.members.faulty_max()
            })
        };
        room || vouched()
    }

    /// Whether messages of this round are taken.
    fn is_in_window(&self, round: Round) -> bool {
        let round = number(round);
        round <= self.horizon().saturating_add(LOOKAHEAD)
            && round.saturating_add(LOOKBACK) >= self.round()
    }

    /// The latest round that more than f members say they are in: at least one of them is honest,
    /// so an honest member is there. Never before our own.
    fn horizon(&self) -> u32 {
        self.sync.claimed(self.members.faulty_max()).max(self.round())
    }
}

/// The value of this name, when it was proposed before: it is kept once.
pub(super) fn value_held(driver: &Driver<Ctx>, id: &ValueId) -> Option<Value> {
    let rounds = driver.proposals().all_rounds().values();
    let mut held = rounds.flat_map(|round| round.get_proposals_and_validities());
    held.find(|(held, _)| held.message.value.id() == *id)
        .map(|(held, _)| held.message.value.clone())
}

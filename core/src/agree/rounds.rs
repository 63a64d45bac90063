//! Heights and rounds: what goes into the driver, and what follows from what it says.

use super::{
    Agree, Judge, Output, Stage,
    certificate::{Decision, Evidence, Quorum},
    context::{Ctx, Height, Proposal, Value, number, proposal_message, vote_message},
    filter::value_held,
    log::timer_of,
    members::Members,
    message::{Bytes, Record, Timer},
};
use crate::{limits::BATCH_BYTES_MAX, time::Duration};
use malachite_driver::{Driver, Input as Drive, Output as Driven, ThresholdParams};
use malachite_types::{Round, Timeout, Validity, Value as _};
use std::collections::VecDeque;

impl Agree {
    pub(super) fn on_height(
        &mut self,
        height: u64,
        members: Members,
        replay: &[Vec<u8>],
        judge: Judge<'_>,
    ) {
        // Starting a height twice would forget its votes.
        if height <= self.height || self.has_undrained_decision() {
            self.refused.other_height += 1;
            return;
        }
        // What the old height still wants to say is pointless: its decision says it all.
        let durable = self.log.durable();
        self.out.retain(|waiting| match waiting.output {
            Output::PeerAhead { .. } | Output::NeedValue { .. } => false,
            Output::Broadcast { .. } => waiting.after <= durable,
            _ => true,
        });
        let next = self.height.checked_add(1) == Some(height);
        let early = core::mem::take(&mut self.early);
        self.height = height;
        self.members = members;
        self.timers.clear();
        self.accused.clear();
        self.log.on_height(replay.len() as u64);
        self.sync.on_height(self.now, self.config.sync, replay.is_empty());
        if self.members.place(&self.me).is_none() {
            self.stage = Stage::Watching;
        } else {
            self.stage = Stage::Voting(Box::new(Driver::new(
                Ctx,
                Height(height),
                self.members.clone(),
                self.me,
                ThresholdParams::default(),
            )));
            self.enter_first_round(replay);
        }
        if next {
            for (from, messages) in early {
                for bytes in messages {
                    self.on_message(from, &bytes, &mut *judge);
                }
            }
        }
    }

    fn enter_first_round(&mut self, replay: &[Vec<u8>]) {
        let first = Drive::NewRound(
            Height(self.height),
            Round::ZERO,
            self.members.proposer(self.height, 0),
        );
        if replay.is_empty() {
            self.drive(first);
        } else {
            self.replay(first, replay);
            self.resume();
        }
    }

    /// Feed the driver and everything that follows, until it is quiet.
    pub(super) fn drive(&mut self, first: Drive<Ctx>) {
        let mut inputs = VecDeque::from([first]);
        while let Some(input) = inputs.pop_front() {
            let Stage::Voting(driver) = &mut self.stage else { return };
            match driver.process(input) {
                Ok(outputs) => {
                    for output in outputs {
                        self.on_driven(output, &mut inputs);
                    }
                }
                Err(_) => self.refused.driver += 1,
            }
        }
        self.accuse();
    }

    fn on_driven(&mut self, output: Driven<Ctx>, inputs: &mut VecDeque<Drive<Ctx>>) {
        if self.is_resting() {
            return;
        }
        match output {
            Driven::NewRound(height, round) => {
                self.timers.retain(|(_, timeout)| timeout.round >= round);
                self.forget_old_votes(round);
                self.sync.on_round(self.now, self.config.sync);
                let proposer = self.members.proposer(height.0, number(round));
                inputs.push_back(Drive::NewRound(height, round, proposer));
            }
            // The driver does not count our own messages by itself: they go back in.
            Driven::Propose(proposal) => {
                let proposal = self.domain().sign_proposal(&self.signing, proposal);
                let bytes = proposal_message(&proposal, &self.members).encode();
                self.push_logged(Output::Broadcast { bytes });
                inputs.push_back(Drive::Proposal(proposal, Validity::Valid));
            }
            Driven::Vote(vote) => {
                let vote = self.domain().sign_vote(&self.signing, vote);
                let bytes = vote_message(&vote, &self.members).encode();
                self.push_logged(Output::Broadcast { bytes });
                inputs.push_back(Drive::Vote(vote));
            }
            Driven::ScheduleTimeout(timeout) => {
                if let Some(timer) = timer_of(timeout.kind) {
                    let at = self.now + self.patience(timer, number(timeout.round));
                    self.timers.push((at, timeout));
                }
            }
            Driven::GetValue(height, round, _) => {
                self.push_logged(Output::NeedValue { height: height.0, round: number(round) });
            }
            // The round in `Decide` is the one we are in. The precommits are of the proposal's.
            Driven::Decide(_, proposal) => {
                if let Some(decision) = self.certify(&proposal) {
                    // Its certificate may hold our own precommit, which must not be seen before
                    // its cause is durable: a crash could make us forget a lock that others rely
                    // on.
                    self.decide(decision, self.log.written());
                }
            }
        }
    }

    fn patience(&self, timer: Timer, round: u32) -> Duration {
        let base = match timer {
            Timer::Propose => self.config.propose,
            Timer::Prevote => self.config.prevote,
            Timer::Precommit => self.config.precommit,
        };
        let grown = base.saturating_add(self.config.delta.saturating_mul(round));
        // Never zero: a lone member would run through its rounds within one input.
        grown.min(self.config.longest).max(Duration::from_millis(1))
    }

    fn certify(&self, proposal: &Proposal) -> Option<Decision> {
        let Stage::Voting(driver) = &self.stage else { return None };
        let precommits = driver.restore_precommits(proposal.round, &proposal.value.id());
        let votes = precommits.into_iter().map(|vote| (vote.message.member, vote.signature));
        Some(Decision {
            height: proposal.height.0,
            round: number(proposal.round),
            value: proposal.value.bytes().to_vec(),
            quorum: Quorum::collect(votes, &self.members),
        })
    }

    /// `after`: the record that must be durable before anybody hears of it.
    pub(super) fn decide(&mut self, decision: Decision, after: u64) {
        self.accuse();
        self.stage = Stage::Resting;
        self.timers.clear();
        self.sync.on_rest(self.now, self.config.rest);
        self.recent.insert(decision.height, decision.clone());
        while self.recent.len() > self.config.keep {
            self.recent.pop_first();
        }
        self.log.on_decided();
        self.push_after(after, Output::Decided(decision));
    }

    /// Votes of long past rounds do nothing but take memory. Polkas back to that of our valid
    /// value stay: with them we can show others why they may follow it.
    fn forget_old_votes(&mut self, round: Round) {
        let Stage::Voting(driver) = &mut self.stage else { return };
        let oldest = Round::new(number(round).saturating_sub(super::LOOKBACK));
        let valid = driver.valid_value().map_or(oldest, |valid| valid.round);
        driver.prune_votes_and_certificates(valid.min(oldest));
        driver.votes_mut().prune_votes(oldest);
    }

    /// Report each liar once per height.
    fn accuse(&mut self) {
        let Stage::Voting(driver) = &self.stage else { return };
        let votes = driver.votes().evidence().iter().map(|(_, pairs)| pairs);
        let proposals = driver.proposals().evidence().iter().map(|(_, pairs)| pairs);
        let votes = votes.filter_map(|pairs| pairs.first());
        let proposals = proposals.filter_map(|pairs| pairs.first());
        let found: Vec<Evidence> = votes
            .filter_map(|(a, b)| Evidence::of_votes(a, b))
            .chain(proposals.filter_map(|(a, b)| Evidence::of_proposals(a, b)))
            .collect();
        for evidence in found {
            if self.accused.insert(evidence.culprit) {
                self.push(Output::Evidence(evidence));
            }
        }
    }

    pub(super) fn on_value(&mut self, height: u64, round: u32, value: &[u8], judge: Judge<'_>) {
        // The driver asserts that a value comes from the proposer, and a second one before the
        // first was fed back would be a second proposal.
        let due = match &self.stage {
            Stage::Voting(driver) => {
                let current = Round::new(round);
                height == self.height
                    && driver.round() == current
                    && driver.step_is_propose()
                    && self.members.proposer(height, round) == self.me
                    && driver.proposals_and_validities_for_round(current).is_empty()
            }
            Stage::Resting | Stage::Watching => false,
        };
        if !due || value.len() > BATCH_BYTES_MAX || !judge(height, value) {
            self.refused.value += 1;
            return;
        }
        let value = Value::new(value);
        let id = value.id();
        let Stage::Voting(driver) = &self.stage else { return };
        let record = match value_held(driver, &id) {
            Some(_) => Record::ValueAgain { round, value: id },
            None => Record::Value { round, value: Bytes(value.bytes()) },
        };
        self.persist(&record);
        self.drive(Drive::ProposeValue(Round::new(round), value));
    }

    pub(super) fn on_time(&mut self) {
        while let Some(timeout) = self.next_timeout() {
            self.on_timeout(timeout);
        }
        if self.now >= self.sync.next() {
            self.ask_some();
        }
    }

    /// In the order of their deadlines, so that one whose clock stood still, a page in the
    /// background, takes the steps it would have taken.
    fn next_timeout(&mut self) -> Option<Timeout> {
        let first = self.timers.iter().map(|(at, _)| *at).min().filter(|at| *at <= self.now)?;
        let place = self.timers.iter().position(|(at, _)| *at == first)?;
        Some(self.timers.remove(place).1)
    }

    fn on_timeout(&mut self, timeout: Timeout) {
        if let Some(timer) = timer_of(timeout.kind) {
            self.persist(&Record::TimedOut { round: number(timeout.round), timer });
            self.drive(Drive::TimeoutElapsed(timeout));
        }
    }
}

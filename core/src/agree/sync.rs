//! Repair: say what we hold, answer with what the other lacks.
//!
//! Members pull. While a height is undecided each says now and then what it holds to f + 1 others
//! in turn, so that an honest one is among them; the interval grows while nothing changes, so a
//! frozen table is quiet. At rest they say which height comes next. Answers are limited per peer,
//! so a question is no amplifier.

use super::{
    ANSWER_VALUE_BYTES, ASKING_PEERS_MAX, Agree, CATCH_UP, LOOKAHEAD, Output, PROPOSALS_PER_ROUND,
    Stage,
    certificate::Polka,
    context::{number, proposal_message, vote_message},
    members::MemberKey,
    message::{Held, Message, Resting, STATUS_ROUNDS_MAX, Status},
};
use crate::{
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
};
use malachite_types::{Round, Value as _, VoteType};

/// When to ask, whom, and whom we answered when.
pub(super) struct Pace {
    next: Instant,
    interval: Duration,
    /// The last log record when we asked last: no new one means that nothing moved.
    seen: u64,
    /// Questions asked, which is also whose turn it is.
    turn: usize,
    /// The last decision came from outside, so more may have been missed.
    told: bool,
    answered: SortedMap<MemberKey, Instant>,
    /// When the host was last told that a peer is ahead.
    ahead: SortedMap<MemberKey, Instant>,
    /// The round each member says it is in.
    claims: SortedMap<MemberKey, u32>,
}

impl Pace {
    pub(super) fn new(next: Instant, interval: Duration) -> Self {
        Pace {
            next,
            interval,
            seen: 0,
            turn: 0,
            told: false,
            answered: SortedMap::new(),
            ahead: SortedMap::new(),
            claims: SortedMap::new(),
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// A height starts. After a restart, or when we had to be told the last one, ask at once.
    pub(super) fn on_height(&mut self, now: Instant, interval: Duration, fresh: bool) {
        self.interval = interval;
        self.claims.clear();
        self.ahead.clear();
        let behind = core::mem::take(&mut self.told) || !fresh;
        self.next = if behind { now } else { now + interval };
    }

    /// A height is decided. When we had to be told, ask soon whether there is more.
    pub(super) fn on_rest(&mut self, now: Instant, rest: Duration) {
        self.claims.clear();
        self.next = now + if self.told { self.interval } else { rest };
    }

    pub(super) fn on_told(&mut self) {
        self.told = true;
    }

    /// The latest round that more than `faulty` members claim; 0 when there is none.
    pub(super) fn claimed(&self, faulty: usize) -> u32 {
        let rounds = self.claims.values().copied();
        let reached = |round: u32| rounds.clone().filter(|claimed| *claimed >= round).count();
        rounds.clone().filter(|round| reached(*round) > faulty).max().unwrap_or(0)
    }
}

impl Agree {
    /// Members came back: ask everyone now, and go back to the shortest interval.
    pub(super) fn on_nudge(&mut self) {
        self.sync.interval = self.config.sync;
        self.ask(usize::MAX);
        self.set_next_question();
    }

    pub(super) fn ask_some(&mut self) {
        if self.log.last() == self.sync.seen {
            let longer = self.sync.interval.saturating_mul(3) / 2;
            self.sync.interval = longer.min(self.config.sync_longest);
        } else {
            self.sync.interval = self.config.sync;
        }
        self.ask(self.members.faulty_max() + 1);
        self.set_next_question();
    }

    fn set_next_question(&mut self) {
        self.sync.seen = self.log.last();
        let interval = if self.is_resting() { self.config.rest } else { self.sync.interval };
        // Members that started together should not ask together: up to a quarter more, by key
        // and turn.
        let share = u32::from(self.me.0[0] ^ (self.sync.turn as u8));
        // Never zero, or one tick would never end.
        let interval = (interval + interval / 4 * share / 256).max(Duration::from_millis(1));
        self.sync.next = self.now + interval;
    }

    fn ask(&mut self, most: usize) {
        let others: Vec<MemberKey> = self.members.keys().filter(|key| *key != self.me).collect();
        let bytes = self.question().encode();
        for _ in 0..most.min(others.len()) {
            let to = others[self.sync.turn % others.len()];
            self.sync.turn = self.sync.turn.wrapping_add(1);
            self.push(Output::Send { to, bytes: bytes.clone() });
        }
    }

    fn question(&self) -> Message<'static> {
        match &self.stage {
            Stage::Resting => Message::Resting(Resting { height: self.height.saturating_add(1) }),
            Stage::Watching => {
                Message::Status(Status { height: self.height, round: 0, held: Vec::new() })
            }
            Stage::Voting(driver) => {
                let round = self.round();
                let mut rounds = SortedSet::from_iter([round, round.saturating_sub(1)]);
                // A proposal that leans on an older round needs the polka of that round.
                let proposals = driver.proposals_and_validities_for_round(driver.round());
                rounds.extend(proposals.iter().filter_map(|(p, _)| p.message.lock_round.as_u32()));
                rounds.extend(driver.valid_value().map(|valid| number(valid.round)));
                let newest = rounds.into_iter().rev().take(STATUS_ROUNDS_MAX);
                let held = newest.map(|round| self.held(round)).collect();
                Message::Status(Status { height: self.height, round, held })
            }
        }
    }

    fn held(&self, round: u32) -> Held {
        let mut held = Held { round, ..Held::default() };
        let Stage::Voting(driver) = &self.stage else { return held };
        let round = Round::new(round);
        for vote in driver.votes().per_round(round).into_iter().flat_map(|r| r.received_votes()) {
            let bit = self.bit(&vote.message.member);
            match vote.message.step {
                VoteType::Prevote => held.prevotes |= bit,
                VoteType::Precommit => held.precommits |= bit,
            }
        }
        held.polka = driver.polka_certificates().iter().any(|polka| polka.round == round);
        held.proposal = !driver.proposals_and_validities_for_round(round).is_empty();
        held
    }

    fn bit(&self, member: &MemberKey) -> u16 {
        self.members.place(member).map_or(0, |place| 1 << place)
    }

    pub(super) fn on_status(&mut self, from: MemberKey, status: &Status) {
        if status.height > self.height {
            self.on_ahead(from, status.height);
        } else if status.height <= self.decided() {
            if self.may_answer(from) {
                self.serve(from, status.height);
            }
        } else {
            if self.members.place(&from).is_some() {
                self.sync.claims.insert(from, status.round);
            }
            if self.may_answer(from) {
                self.answer(from, status);
            }
        }
    }

    pub(super) fn on_resting(&mut self, from: MemberKey, height: u64) {
        let next = self.decided().saturating_add(1);
        if height > next {
            self.on_ahead(from, height - 1);
        } else if height < next && self.may_answer(from) {
            self.serve(from, height);
        }
    }

    /// A peer speaks of a height past ours.
    pub(super) fn on_ahead(&mut self, peer: MemberKey, height: u64) {
        if !self.is_resting() {
            self.sync.next = self.sync.next.min(self.now + self.config.sync / 4);
        } else if may(&mut self.sync.ahead, peer, self.now, self.config.sync) {
            // Behind the decision that still waits for the log, if there is one.
            self.push_logged(Output::PeerAhead { peer, height });
        }
    }

    fn may_answer(&mut self, peer: MemberKey) -> bool {
        let may = may(&mut self.sync.answered, peer, self.now, self.config.sync / 2);
        if !may {
            self.refused.questions += 1;
        }
        may
    }

    /// Send the decisions we keep from `height` on, or have the host do it.
    fn serve(&mut self, to: MemberKey, height: u64) {
        if self.recent.contains_key(&height) {
            let until = height.saturating_add(CATCH_UP);
            let found: Vec<Vec<u8>> =
                self.recent.range(height..until).map(|(_, decision)| decision.encode()).collect();
            for bytes in found {
                self.push_logged(Output::Send { to, bytes });
            }
        } else {
            self.push(Output::WantsHistory { peer: to, from: height });
        }
    }

    fn answer(&mut self, to: MemberKey, status: &Status) {
        // One who is far behind takes our votes only once f + 1 members told it where they are.
        if status.round.saturating_add(LOOKAHEAD) < self.round() {
            let bytes = self.question().encode();
            self.push(Output::Send { to, bytes });
        }
        // Our own votes may be among these: they wait for the log like everything signed.
        for bytes in self.missing(status) {
            self.push_logged(Output::Send { to, bytes });
        }
    }

    /// What we hold and the asking member does not, encoded.
    fn missing(&self, status: &Status) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let Stage::Voting(driver) = &self.stage else { return found };
        let has = |round: u32| status.held.iter().find(|held| held.round == round);
        let valid = driver.valid_value();
        let polka =
            valid.and_then(|valid| driver.polka_certificate(valid.round, &valid.value.id()));
        if let Some(polka) = polka
            && !has(number(polka.round)).is_some_and(|held| held.polka)
        {
            found.push(Polka::of_driver(polka, &self.members).encode());
        }
        let mine = self.round();
        let asked = status.held.iter().map(|held| held.round).filter(|round| *round <= mine);
        let mut rounds: SortedSet<u32> = asked.collect();
        rounds.extend([mine, mine.min(status.round.saturating_add(1))]);
        let mut room = ANSWER_VALUE_BYTES;
        for round in rounds {
            let has = has(round).copied().unwrap_or(Held { round, ..Held::default() });
            let round = Round::new(round);
            if !has.proposal {
                let proposals = driver.proposals_and_validities_for_round(round);
                for (proposal, _) in proposals.iter().take(PROPOSALS_PER_ROUND) {
                    let size = proposal.message.value.bytes().len();
                    if let Some(left) = room.checked_sub(size) {
                        room = left;
                        found.push(proposal_message(proposal, &self.members).encode());
                    }
                }
            }
            let votes = driver.votes().per_round(round);
            for vote in votes.into_iter().flat_map(|votes| votes.received_votes()) {
                let held = match vote.message.step {
                    VoteType::Prevote => has.prevotes,
                    VoteType::Precommit => has.precommits,
                };
                if held & self.bit(&vote.message.member) == 0 {
                    found.push(vote_message(vote, &self.members).encode());
                }
            }
        }
        found
    }
}

/// Whether `peer` may have something again after `pause`. Remembers a bounded number of peers.
fn may(
    times: &mut SortedMap<MemberKey, Instant>,
    peer: MemberKey,
    now: Instant,
    pause: Duration,
) -> bool {
    if times.get(&peer).is_some_and(|last| now < *last + pause) {
        return false;
    }
    if times.len() >= ASKING_PEERS_MAX {
        times.retain(|_, last| now < *last + pause);
    }
    if times.len() >= ASKING_PEERS_MAX && !times.contains_key(&peer) {
        return false;
    }
    times.insert(peer, now);
    true
}

//! Repair: say what we hold, answer with what the other lacks.
//!
//! Members pull. While a height is undecided each says now and then what it holds to f + 1 others
//! in turn, so that an honest one is among them; the interval grows while nothing changes, so a
//! frozen table is quiet. At rest they say which height comes next. Answers are limited per peer,
//! so a question is no amplifier.
//!
//! Votes are short and come from everyone asked. Values may be 64 KiB long and come from one
//! member at a time: only that one is told that the proposal is missing. Those who voted for a
//! value are asked first, because they have it; every second one is given twice as long, because a
//! slow link is not to carry the same value many times over. One who waits at a height that
//! is decided is first sent the precommits: most often they are all it lacks.

use super::{
    ANSWER_VALUE_BYTES, ASKING_PEERS_MAX, Agree, CATCH_UP, LOOKAHEAD, Output, PROPOSALS_PER_ROUND,
    Stage,
    certificate::Polka,
    context::{Ctx, id_of, number, proposal_message, vote_message},
    members::MemberKey,
    message::{Held, Message, Resting, STATUS_ROUNDS_MAX, Status, ValueId},
};
use crate::{
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
};
use malachite_driver::Driver;
use malachite_types::{NilOrVal, Round, Value as _, VoteType};

/// From whom to have the value that is missing.
#[derive(Default)]
struct Fetch {
    /// When the next member may be asked for it.
    due: Instant,
    /// The members that were, until all were.
    tried: SortedSet<MemberKey>,
    /// How often one was in this round.
    tries: u32,
}

/// What a peer was answered last.
#[derive(Clone, Copy)]
struct Answered {
    at: Instant,
    /// The height it was sent the precommits of. Asked about again, it is sent the decision whole.
    height: u64,
}

/// When to ask, whom, and whom we answered when.
pub(super) struct Pace {
    next: Instant,
    interval: Duration,
    /// The last log record when we asked last: no new one means that nothing moved.
    seen: u64,
    /// Questions asked, which is also whose turn it is.
    turn: usize,
    /// Questions that may follow at the shortest interval.
    hurry: usize,
    /// The last decision came from outside, so more may have been missed.
    told: bool,
    fetch: Fetch,
    answered: SortedMap<MemberKey, Answered>,
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
            hurry: 0,
            told: false,
            fetch: Fetch::default(),
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
        let patience = if behind { Duration::ZERO } else { interval };
        self.next = now + patience;
        self.on_round(now, patience);
    }

    /// A round starts: its proposal is on its way.
    pub(super) fn on_round(&mut self, now: Instant, patience: Duration) {
        self.fetch = Fetch { due: now + patience, ..Fetch::default() };
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
        self.sync.hurry = self.members.count();
        self.sync.fetch.due = self.now;
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
        let hurry = self.sync.hurry.checked_sub(1);
        self.sync.hurry = hurry.unwrap_or(0);
        let rests = self.is_resting() && hurry.is_none();
        let mut interval = if rests { self.config.rest } else { self.sync.interval };
        if !self.is_voting() {
            // One at a time, as often as it takes to ask an honest member per interval.
            interval /= self.members.faulty_max() as u32 + 1;
        }
        // Members that started together should not ask together: up to a quarter more, by key
        // and turn.
        let share = u32::from(self.me.0[0] ^ (self.sync.turn as u8));
        // Never zero, or one tick would never end.
        let interval = (interval + interval / 4 * share / 256).max(Duration::from_millis(1));
        self.sync.next = self.now + interval;
    }

    fn is_voting(&self) -> bool {
        matches!(self.stage, Stage::Voting(_))
    }

    fn ask(&mut self, most: usize) {
        let others: Vec<MemberKey> = self.members.keys().filter(|key| *key != self.me).collect();
        // What is answered to one who does not vote is decisions, and each has its value.
        let mut left = if self.is_voting() { most.min(others.len()) } else { 1 };
        let source = self.next_source(&others);
        if let Some(to) = source {
            let bytes = self.question(true).encode();
            self.push(Output::Send { to, bytes });
            left = left.saturating_sub(1);
        }
        let bytes = self.question(false).encode();
        for _ in 0..others.len() {
            if left == 0 {
                break;
            }
            let to = others[self.sync.turn % others.len()];
            self.sync.turn = self.sync.turn.wrapping_add(1);
            if source != Some(to) {
                left -= 1;
                self.push(Output::Send { to, bytes: bytes.clone() });
            }
        }
    }

    /// Whom to ask for a value now, if one is missing and it is time to ask.
    fn next_source(&mut self, others: &[MemberKey]) -> Option<MemberKey> {
        if self.now < self.sync.fetch.due {
            return None;
        }
        let Stage::Voting(driver) = &self.stage else { return None };
        let missing: Vec<u32> =
            self.rounds_spoken_of(driver).into_iter().filter(|round| self.lacks(*round)).collect();
        if missing.is_empty() {
            return None;
        }
        if others.iter().all(|key| self.sync.fetch.tried.contains(key)) {
            self.sync.fetch.tried.clear();
        }
        let holds = |key: &MemberKey| missing.iter().any(|round| self.should_hold(key, *round));
        // Members begin with different ones, so that nobody has to serve all of them.
        let first = self.members.place(&self.me).unwrap_or(0);
        let turns = (0..others.len()).map(|turn| others[(first + turn) % others.len()]);
        let fresh: Vec<MemberKey> =
            turns.filter(|key| !self.sync.fetch.tried.contains(key)).collect();
        let to = fresh.iter().find(|key| holds(key)).or(fresh.first()).copied()?;
        let doubled = (self.sync.fetch.tries / 2).min(8);
        let patience = self.config.sync.saturating_mul(1 << doubled).min(self.config.longest);
        self.sync.fetch.tries += 1;
        self.sync.fetch.tried.insert(to);
        self.sync.fetch.due = self.now + patience;
        Some(to)
    }

    /// Whether the member must have the value of this round, unless it lies.
    fn should_hold(&self, key: &MemberKey, round: u32) -> bool {
        let Stage::Voting(driver) = &self.stage else { return false };
        let votes = driver.votes().per_round(Round::new(round));
        self.members.proposer(self.height, round) == *key
            || votes.is_some_and(|votes| {
                votes
                    .received_votes()
                    .iter()
                    .any(|vote| vote.message.member == *key && id_of(&vote.message.value).is_some())
            })
    }

    /// Whether a proposal of this round is missing: there is none, or more than f members voted
    /// for another.
    fn lacks(&self, round: u32) -> bool {
        let Stage::Voting(driver) = &self.stage else { return false };
        let of = Round::new(round);
        let held = driver.proposals_and_validities_for_round(of);
        if held.is_empty() {
            return true;
        }
        let votes = driver.votes().per_round(of);
        votes.is_some_and(|round| {
            let known = |id: &ValueId| held.iter().any(|(p, _)| p.message.value.id() == *id);
            round.received_votes().iter().any(|vote| {
                id_of(&vote.message.value).is_some_and(|id| {
                    let weight = round.votes().get_weight(vote.message.step, &NilOrVal::Val(id));
                    !known(&id) && weight as usize > self.members.faulty_max()
                })
            })
        })
    }

    /// The rounds a question lists.
    fn rounds_spoken_of(&self, driver: &Driver<Ctx>) -> SortedSet<u32> {
        let round = self.round();
        let mut rounds = SortedSet::from_iter([round, round.saturating_sub(1)]);
        // A proposal that leans on an older round needs the polka of that round.
        let proposals = driver.proposals_and_validities_for_round(driver.round());
        rounds.extend(proposals.iter().filter_map(|(p, _)| p.message.lock_round.as_u32()));
        rounds.extend(driver.valid_value().map(|valid| number(valid.round)));
        rounds.into_iter().rev().take(STATUS_ROUNDS_MAX).collect()
    }

    /// `whole`: the answer may bring a value.
    fn question(&self, whole: bool) -> Message<'static> {
        match &self.stage {
            Stage::Resting => Message::Resting(Resting { height: self.height.saturating_add(1) }),
            Stage::Watching => {
                Message::Status(Status { height: self.height, round: 0, held: Vec::new() })
            }
            Stage::Voting(driver) => {
                let rounds = self.rounds_spoken_of(driver).into_iter().rev();
                let held = rounds.map(|round| self.held(round, whole)).collect();
                Message::Status(Status { height: self.height, round: self.round(), held })
            }
        }
    }

    fn held(&self, round: u32, whole: bool) -> Held {
        let mut held = Held { round, ..Held::default() };
        held.proposal = !(whole && self.lacks(round));
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
        held
    }

    fn bit(&self, member: &MemberKey) -> u16 {
        self.members.place(member).map_or(0, |place| 1 << place)
    }

    pub(super) fn on_status(&mut self, from: MemberKey, status: &Status) {
        if status.height > self.height {
            self.on_ahead(from, status.height);
        } else if status.height <= self.decided() {
            if self.may_answer(from) && !self.serve_precommits(from, status) {
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
        } else if may(&mut self.sync.ahead, peer, self.now, |last| {
            self.now < *last + self.config.sync
        }) {
            // Behind the decision that still waits for the log, if there is one.
            self.push_logged(Output::PeerAhead { peer, height });
        }
    }

    fn may_answer(&mut self, peer: MemberKey) -> bool {
        let height = self.sync.answered.get(&peer).map_or(0, |last| last.height);
        let answered = Answered { at: self.now, height };
        let pause = self.config.sync / 2;
        let may = may(&mut self.sync.answered, peer, answered, |last| self.now < last.at + pause);
        if !may {
            self.refused.questions += 1;
        }
        may
    }

    /// One who votes at a height that is decided, and holds its value or has it from somebody
    /// else, lacks precommits alone. False when that is not so, or they did not help: a
    /// liar among them may have told it something else.
    fn serve_precommits(&mut self, to: MemberKey, status: &Status) -> bool {
        let holds_value = !status.held.is_empty() && status.held.iter().all(|held| held.proposal);
        let Some(decision) = self.recent.get(&status.height).filter(|_| holds_value) else {
            return false;
        };
        let Some(answered) = self.sync.answered.get_mut(&to) else { return false };
        if answered.height == status.height {
            return false;
        }
        answered.height = status.height;
        let held = status.held.iter().find(|held| held.round == decision.round);
        let found = decision.precommits(held.map_or(0, |held| held.precommits));
        let helps = !found.is_empty();
        for bytes in found {
            self.push_logged(Output::Send { to, bytes });
        }
        helps
    }

    /// Send the decisions we keep from `height` on, or have the host do it.
    fn serve(&mut self, to: MemberKey, height: u64) {
        if self.recent.contains_key(&height) {
            let until = height.saturating_add(CATCH_UP);
            let mut room = ANSWER_VALUE_BYTES;
            let mut found = Vec::new();
            for (_, decision) in self.recent.range(height..until) {
                let Some(left) = room.checked_sub(decision.value.len()) else { break };
                room = left;
                found.push(decision.encode());
            }
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
            let bytes = self.question(false).encode();
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
            // Values are sent for rounds that were asked for alone.
            let none = Held { round, proposal: true, ..Held::default() };
            let has = has(round).copied().unwrap_or(none);
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

/// Whether `peer` may have something again: not while its last time is `recent`. Remembers a
/// bounded number of peers.
fn may<T>(
    times: &mut SortedMap<MemberKey, T>,
    peer: MemberKey,
    time: T,
    recent: impl Fn(&T) -> bool,
) -> bool {
    if times.get(&peer).is_some_and(&recent) {
        return false;
    }
    if times.len() >= ASKING_PEERS_MAX {
        times.retain(|_, last| recent(last));
    }
    if times.len() >= ASKING_PEERS_MAX && !times.contains_key(&peer) {
        return false;
    }
    times.insert(peer, time);
    true
}

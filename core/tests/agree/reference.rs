//! A second, small Tendermint, written from the paper (arXiv:1807.04938, Algorithm 1) for the
//! tests: a store of what was received, and rules that are tried again until none applies. Line
//! numbers are the paper's.
//!
//! It decides nothing that ships. `differential` feeds it what `Agree` takes and compares what
//! both do; `locks` plants each [`Fault`] into it to see the script of that rule fail.
//!
//! Two readings of the paper are Malachite's, so that both can be compared. Of two votes of one
//! member in one step the first counts, in the paper both. In line 55 votes count, in the paper
//! proposals as well. Signatures are not its business: who feeds it has checked them.

use bitcraps_core::agree::message::{Step, Timer, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// What it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    Proposal {
        round: u32,
        lock: Option<u32>,
        id: ValueId,
        sound: bool,
    },
    Vote {
        step: Step,
        round: u32,
        by: usize,
        id: Option<ValueId>,
    },
    /// A certificate: these members prevoted for it, whatever they told us.
    Polka {
        round: u32,
        by: Vec<usize>,
        id: ValueId,
    },
    /// Our own value for a round.
    Value {
        round: u32,
        id: ValueId,
    },
    TimedOut {
        round: u32,
        timer: Timer,
    },
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Vote { step: Step, round: u32, id: Option<ValueId> },
    Propose { round: u32, lock: Option<u32>, id: ValueId },
    AskValue { round: u32 },
    Wait { round: u32, timer: Timer },
    Start { round: u32 },
    Decide { round: u32, id: ValueId },
}

/// A way to get one rule wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    L16ForgetsTheValidValue,
    L16HidesTheValidRound,
    L22IgnoresTheLock,
    L22RefusesItsOwnLock,
    L22VotesForUnsoundValues,
    L28NeedsNoPolka,
    L28TakesAPolkaOfAnotherValue,
    L28TakesAPolkaOfAnotherRound,
    L28TakesAnOlderPolka,
    L28ForgetsWhatItIsLockedOn,
    L28NeverUnlocks,
    L28IgnoresCertificates,
    L36NeedsNoProposal,
    L36TakesAQuorumOfAny,
    L36LocksBeforeThePrevote,
    L36LeavesTheLockBehind,
    L36VotesAgainAfterPrecommit,
    L42ForgetsTheValue,
    L42Locks,
    L44Unlocks,
    L44Waits,
    L47WaitsForOneValue,
    L49NeedsTheCurrentRound,
    L49CountsAnyPrecommits,
    L49TakesFewer,
    L55FollowsOne,
    L55CountsVotesInsteadOfMembers,
    L55Unlocks,
    L57VotesTwice,
    L61VotesTwice,
    L61Unlocks,
    L65TakesAnyRoundsTimer,
    L65Unlocks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    Propose,
    Prevote,
    Precommit,
}

#[derive(Clone, Debug)]
pub struct Reference {
    members: usize,
    me: usize,
    /// Its remainder says who begins.
    height: usize,
    fault: Option<Fault>,
    round: u32,
    at: At,
    locked: Option<(u32, ValueId)>,
    valid: Option<(u32, ValueId)>,
    decided: bool,
    /// Lock round, value and soundness, in the order of arrival.
    proposals: BTreeMap<u32, Vec<(Option<u32>, ValueId, bool)>>,
    votes: BTreeMap<(u32, Step, usize), Option<ValueId>>,
    polkas: BTreeSet<(u32, ValueId)>,
    /// Rules that apply once per round: the timers of lines 34 and 47, and line 36.
    once: BTreeSet<(u32, u8)>,
    acts: Vec<Act>,
}

impl Reference {
    pub fn new(members: usize, me: usize, height: usize, fault: Option<Fault>) -> Reference {
        let mut reference = Reference {
            members,
            me,
            height,
            fault,
            round: 0,
            at: At::Propose,
            locked: None,
            valid: None,
            decided: false,
            proposals: BTreeMap::new(),
            votes: BTreeMap::new(),
            polkas: BTreeSet::new(),
            once: BTreeSet::new(),
            acts: Vec::new(),
        };
        reference.start(0);
        reference
    }

    /// Takes one input and everything that follows from it.
    pub fn take(&mut self, take: Take) {
        if self.decided {
            return;
        }
        match take {
            Take::Proposal { round, lock, id, sound } => {
                let held = self.proposals.entry(round).or_default();
                if !held.contains(&(lock, id, sound)) {
                    held.push((lock, id, sound));
                }
            }
            Take::Vote { step, round, by, id } => {
                self.votes.entry((round, step, by)).or_insert(id);
            }
            Take::Polka { round, by, id } => {
                self.polkas.insert((round, id));
                for by in by {
                    self.votes.entry((round, Step::Prevote, by)).or_insert(Some(id));
                }
            }
            Take::Value { round, id } => {
                if round == self.round && self.at == At::Propose && self.is_proposer() {
                    self.propose(None, id);
                }
            }
            Take::TimedOut { round, timer } => self.timed_out(round, timer),
        }
        while !self.decided && self.rule() {}
    }

    /// What it did since it was asked last.
    pub fn acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Round, step, lock and valid value.
    pub fn standing(&self) -> impl std::fmt::Debug + use<> {
        (self.round, self.at, self.locked, self.valid)
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn faulty(&self) -> usize {
        (self.members - 1) / 3
    }

    fn is_proposer(&self) -> bool {
        (self.height + self.round as usize) % self.members == self.me
    }

    fn count(&self, round: u32, step: Step, counts: impl Fn(Option<ValueId>) -> bool) -> usize {
        let votes = self.votes.range((round, step, 0)..=(round, step, usize::MAX));
        votes.filter(|(_, id)| counts(**id)).count()
    }

    fn quorum(&self, round: u32, step: Step, counts: impl Fn(Option<ValueId>) -> bool) -> bool {
        self.count(round, step, counts) > self.members * 2 / 3
    }

    fn polka(&self, round: u32, id: ValueId) -> bool {
        self.polkas.contains(&(round, id)) || self.quorum(round, Step::Prevote, |v| v == Some(id))
    }

    fn start(&mut self, round: u32) {
        // 11
        self.round = round;
        self.at = At::Propose;
        self.acts.push(Act::Start { round });
        self.acts.push(Act::Wait { round, timer: Timer::Propose });
        if self.is_proposer() {
            match self.valid.filter(|_| !self.has(Fault::L16ForgetsTheValidValue)) {
                Some((_, id)) if self.has(Fault::L16HidesTheValidRound) => self.propose(None, id),
                Some((lock, id)) => self.propose(Some(lock), id), // 16
                None => self.acts.push(Act::AskValue { round }),  // 18
            }
        }
    }

    /// Own messages arrive at once.
    fn propose(&mut self, lock: Option<u32>, id: ValueId) {
        let round = self.round;
        let held = self.proposals.entry(round).or_default();
        if held.is_empty() {
            held.push((lock, id, true));
            self.acts.push(Act::Propose { round, lock, id });
        }
    }

    fn vote(&mut self, step: Step, id: Option<ValueId>) {
        let round = self.round;
        self.at = if step == Step::Prevote { At::Prevote } else { At::Precommit };
        self.votes.entry((round, step, self.me)).or_insert(id);
        self.acts.push(Act::Vote { step, round, id });
    }

    fn timed_out(&mut self, round: u32, timer: Timer) {
        let current = round == self.round;
        let proposing = self.at == At::Propose || self.has(Fault::L57VotesTwice);
        let prevoting = self.at == At::Prevote || self.has(Fault::L61VotesTwice);
        match timer {
            Timer::Propose if current && proposing => self.vote(Step::Prevote, None), // 57
            Timer::Prevote if current && prevoting => {
                self.vote(Step::Precommit, None); // 61
                self.unlock_if(Fault::L61Unlocks);
            }
            Timer::Precommit if current || self.has(Fault::L65TakesAnyRoundsTimer) => {
                self.unlock_if(Fault::L65Unlocks);
                self.start(self.round + 1); // 65
            }
            _ => {}
        }
    }

    fn unlock_if(&mut self, fault: Fault) {
        if self.has(fault) {
            self.locked = None;
        }
    }

    /// Applies the first rule that fits; false when none does.
    fn rule(&mut self) -> bool {
        self.decide() || self.skip() || self.prevote() || self.precommit() || self.wait()
    }

    fn decide(&mut self) -> bool {
        // 49
        let mut proposed = self.proposals.iter().flat_map(|(round, held)| {
            held.iter().filter(|(_, _, sound)| *sound).map(move |(_, id, _)| (*round, *id))
        });
        let found = proposed.find(|(round, id)| {
            if self.has(Fault::L49NeedsTheCurrentRound) && *round != self.round {
                return false;
            }
            let any = self.has(Fault::L49CountsAnyPrecommits);
            let votes = self.count(*round, Step::Precommit, |v| any || v == Some(*id));
            let fewer = usize::from(self.has(Fault::L49TakesFewer));
            votes + fewer > self.members * 2 / 3
        });
        let Some((round, id)) = found else { return false };
        self.decided = true;
        self.acts.push(Act::Decide { round, id });
        true
    }

    fn skip(&mut self) -> bool {
        // 55
        let mut heard: BTreeMap<u32, BTreeSet<(usize, u8)>> = BTreeMap::new();
        for (round, step, by) in self.votes.keys().filter(|(round, ..)| *round > self.round) {
            let each = self.has(Fault::L55CountsVotesInsteadOfMembers);
            heard.entry(*round).or_default().insert((*by, if each { *step as u8 } else { 0 }));
        }
        let needed = self.faulty() + usize::from(!self.has(Fault::L55FollowsOne));
        let by_votes = heard.iter().filter(|(_, who)| who.len() >= needed).map(|(round, _)| *round);
        let by_polka = self.polkas.iter().map(|(round, _)| *round);
        let Some(round) = by_votes.chain(by_polka).max().filter(|round| *round > self.round) else {
            return false;
        };
        self.unlock_if(Fault::L55Unlocks);
        self.start(round);
        true
    }

    fn prevote(&mut self) -> bool {
        if self.at != At::Propose {
            return false;
        }
        let held = self.proposals.get(&self.round).cloned().unwrap_or_default();
        for (lock, id, sound) in held {
            let free = match lock {
                None => self.may_follow_fresh(id), // 22
                Some(lock) if lock < self.round && self.shows(lock, id) => {
                    self.may_follow(lock, id)
                }
                Some(_) => continue,
            };
            let sound = sound || self.has(Fault::L22VotesForUnsoundValues);
            self.vote(Step::Prevote, (sound && free).then_some(id));
            return true;
        }
        false
    }

    fn may_follow_fresh(&self, id: ValueId) -> bool {
        let own = !self.has(Fault::L22RefusesItsOwnLock);
        self.has(Fault::L22IgnoresTheLock)
            || self.locked.is_none_or(|(_, locked)| own && locked == id)
    }

    /// Whether the polka that a proposal points at is there.
    fn shows(&self, lock: u32, id: ValueId) -> bool {
        // 28
        let votes = |round| self.quorum(round, Step::Prevote, |v| v == Some(id));
        self.has(Fault::L28NeedsNoPolka)
            || self.has(Fault::L28TakesAPolkaOfAnotherRound)
                && (0..self.round).any(|round| self.polka(round, id))
            || self.has(Fault::L28TakesAPolkaOfAnotherValue)
                && self.votes.values().flatten().any(|other| self.polka(lock, *other))
            || if self.has(Fault::L28IgnoresCertificates) {
                votes(lock)
            } else {
                self.polka(lock, id)
            }
    }

    fn may_follow(&self, lock: u32, id: ValueId) -> bool {
        // 29
        self.locked.is_none_or(|(round, locked)| {
            let newer = round <= lock && !self.has(Fault::L28NeverUnlocks);
            let same = locked == id && !self.has(Fault::L28ForgetsWhatItIsLockedOn);
            newer || same || self.has(Fault::L28TakesAnOlderPolka)
        })
    }

    fn precommit(&mut self) -> bool {
        let round = self.round;
        let early = self.has(Fault::L36LocksBeforeThePrevote);
        if (self.at >= At::Prevote || early) && !self.once.contains(&(round, 36)) {
            let mut sound: Vec<ValueId> = self.proposals.get(&round).map_or(vec![], |held| {
                held.iter().filter(|(_, _, sound)| *sound).map(|(_, id, _)| *id).collect()
            });
            if self.has(Fault::L36NeedsNoProposal) {
                sound.extend(self.votes.values().flatten());
            }
            let any = self.has(Fault::L36TakesAQuorumOfAny)
                && self.quorum(round, Step::Prevote, |v| v.is_some());
            if let Some(id) = sound.into_iter().find(|id| any || self.polka(round, *id)) {
                // 36
                self.once.insert((round, 36));
                let again = self.has(Fault::L36VotesAgainAfterPrecommit);
                let first = self.at < At::Precommit;
                let stays = self.has(Fault::L36LeavesTheLockBehind) && self.locked.is_some();
                if first && !stays || self.has(Fault::L42Locks) {
                    self.locked = Some((round, id));
                }
                if first || !self.has(Fault::L42ForgetsTheValue) {
                    self.valid = Some((round, id)); // 42
                }
                if first || again {
                    self.vote(Step::Precommit, Some(id));
                }
                return true;
            }
        }
        let nil = self.quorum(round, Step::Prevote, |v| v.is_none());
        if self.at == At::Prevote && nil && !self.has(Fault::L44Waits) {
            self.vote(Step::Precommit, None); // 44
            self.unlock_if(Fault::L44Unlocks);
            return true;
        }
        false
    }

    fn wait(&mut self) -> bool {
        let round = self.round;
        let any = |step| self.quorum(round, step, |_| true);
        let polka = any(Step::Prevote) || self.polkas.iter().any(|(of, _)| *of == round);
        let precommits = if self.has(Fault::L47WaitsForOneValue) {
            self.quorum(round, Step::Precommit, |v| v.is_none())
        } else {
            any(Step::Precommit)
        };
        // 34 and 47
        let due = [
            (self.at == At::Prevote && polka, 34, Timer::Prevote),
            (precommits, 47, Timer::Precommit),
        ];
        for (due, line, timer) in due {
            if due && self.once.insert((round, line)) {
                self.acts.push(Act::Wait { round, timer });
                return true;
            }
        }
        false
    }
}

//! Every run of four members, one of them a liar, over two rounds and two values, on the reference
//! engine: no two honest members decide differently, and with a fault about locks some do.
//!
//! The liar says anything to anybody at any time, and its vote completes every certificate it can.
//! Messages are as late as one likes and in any order. What an honest member hears is handed over
//! in bundles that make a rule apply (a proposal, a certificate, a quorum of votes), each with all
//! it needs; so two states are the same when nobody's round, step, lock, valid value and words
//! differ, whatever was heard before. Time-outs come whenever two honest members have voted, since
//! the liar makes three. Rounds end at the second: what needs three is in `locks`. It is a check of
//! the rules, not a proof: the bundles are ours.

use crate::{
    reference::{Act, Fault, Reference, Take},
    script::id,
};
use bitcraps_core::agree::message::{Step, Timer, ValueId};
use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    rc::Rc,
};

const HONEST: usize = 3;
const LIAR: usize = 3;

type Vote = (u32, Step, Option<ValueId>);
type Proposal = (u32, Option<u32>, ValueId);

/// An honest member and what it said.
#[derive(Clone, Debug)]
struct Node {
    engine: Reference,
    round: u32,
    votes: Vec<Vote>,
    proposals: Vec<Proposal>,
    decided: Option<ValueId>,
}

impl Node {
    fn new(place: usize, height: usize, fault: Option<Fault>) -> Node {
        let mut node = Node {
            engine: Reference::new(HONEST + 1, place, height, fault),
            round: 0,
            votes: Vec::new(),
            proposals: Vec::new(),
            decided: None,
        };
        node.note();
        node
    }

    fn note(&mut self) {
        for act in self.engine.acts() {
            match act {
                Act::Vote { step, round, id } => self.votes.push((round, step, id)),
                Act::Propose { round, lock, id } => self.proposals.push((round, lock, id)),
                Act::Start { round } => self.round = round,
                Act::Decide { id, .. } => self.decided = Some(id),
                // Whoever is asked offers x in the first round and y in the second.
                Act::AskValue { round } => {
                    let id = id(if round == 0 { "x" } else { "y" });
                    self.engine.take(Take::Value { round, id });
                    self.note();
                }
                Act::Wait { .. } => {}
            }
        }
    }

    fn voted(&self, round: u32, step: Step) -> bool {
        self.votes.iter().any(|vote| (vote.0, vote.1) == (round, step))
    }

    /// What its future depends on. What it heard is none of it: every bundle brings its proofs.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let Node { engine, votes, proposals, decided, .. } = self;
        format!("{:?} {votes:?} {proposals:?} {decided:?}", engine.standing()).hash(&mut hasher);
        hasher.finish()
    }
}

/// All honest members, each with its key.
type State = [(u64, Rc<Node>); HONEST];

/// The honest members that cast this vote.
fn voters(state: &State, vote: Vote) -> Vec<usize> {
    (0..HONEST).filter(|place| state[*place].1.votes.contains(&vote)).collect()
}

/// What may happen to one member next.
fn moves(state: &State, me: usize, height: usize) -> Vec<Vec<Take>> {
    let node = &state[me].1;
    let mut moves = Vec::new();
    let vote = |(round, step, id): Vote, by| Take::Vote { step, round, by, id };
    let of = |(round, lock, id): Proposal| Take::Proposal { round, lock, id, sound: true };
    let votes = |cast: Vote| {
        let by = voters(state, cast);
        let takes = by.iter().copied().chain([LIAR]).map(|by| vote(cast, by)).collect::<Vec<_>>();
        (by.len() + 1 >= HONEST).then_some(takes)
    };
    let polka = |round, id| {
        let by = voters(state, (round, Step::Prevote, Some(id)));
        let whole = by.len() + 1 >= HONEST;
        whole.then(|| Take::Polka { round, by: by.into_iter().chain([LIAR]).collect(), id })
    };
    for round in [0, 1] {
        let proposer = (height + round as usize) % (HONEST + 1);
        let proposals = match state.get(proposer) {
            Some((_, proposer)) => proposer.proposals.clone(),
            None => {
                let locks: &[Option<u32>] = if round == 0 { &[None] } else { &[None, Some(0)] };
                locks
                    .iter()
                    .flat_map(|lock| ["x", "y"].map(|word| (round, *lock, id(word))))
                    .collect()
            }
        };
        for proposal in proposals.into_iter().filter(|proposal| proposal.0 == round) {
            let id = proposal.2;
            if round == node.round && !node.voted(round, Step::Prevote) {
                moves.push(vec![of(proposal)]);
                if let Some(proof) = proposal.1.and_then(|lock| polka(lock, id)) {
                    moves.push(vec![proof, of(proposal)]);
                }
            }
            if round == node.round
                && let Some(polka) = polka(round, id)
            {
                moves.push(vec![of(proposal), polka]);
            }
            if let Some(mut quorum) = votes((round, Step::Precommit, Some(id))) {
                quorum.insert(0, of(proposal));
                moves.push(quorum);
            }
        }
    }
    let round = node.round;
    if !node.voted(round, Step::Precommit) {
        moves.extend(votes((round, Step::Prevote, None)));
    }
    for (step, timer) in [(Step::Prevote, Timer::Prevote), (Step::Precommit, Timer::Precommit)] {
        let voted = (0..HONEST).filter(|other| state[*other].1.voted(round, step)).count();
        if voted >= 2 && (round == 0 || step == Step::Prevote) {
            moves.push(vec![Take::TimedOut { round, timer }]);
        }
    }
    moves.push(vec![Take::TimedOut { round, timer: Timer::Propose }]);
    // One honest member in the second round, and the liar says that it is there as well.
    let ahead = state.iter().enumerate().find_map(|(by, (_, other))| {
        other.votes.iter().find(|vote| vote.0 == 1).map(|vote| (by, *vote))
    });
    if let Some((by, ahead)) = ahead.filter(|_| round == 0) {
        moves.push(vec![vote(ahead, by), vote((1, Step::Prevote, None), LIAR)]);
    }
    moves
}

/// The states there are, and whether two honest members decided differently in one.
fn explore(height: usize, fault: Option<Fault>) -> (usize, bool) {
    let start = std::array::from_fn(|place| {
        let node = Node::new(place, height, fault);
        (node.key(), Rc::new(node))
    });
    let mut seen: HashSet<[u64; HONEST]> = HashSet::new();
    let mut open: Vec<State> = vec![start];
    while let Some(state) = open.pop() {
        if !seen.insert(state.each_ref().map(|(key, _)| *key)) {
            continue;
        }
        let decided: BTreeSet<ValueId> = state.iter().filter_map(|(_, n)| n.decided).collect();
        if decided.len() > 1 {
            return (seen.len(), true);
        }
        for me in (0..HONEST).filter(|me| state[*me].1.decided.is_none()) {
            for takes in moves(&state, me, height) {
                let mut node = Node::clone(&state[me].1);
                for take in takes {
                    node.engine.take(take);
                }
                node.note();
                let key = node.key();
                if key != state[me].0 {
                    let mut next = state.clone();
                    next[me] = (key, Rc::new(node));
                    open.push(next);
                }
            }
        }
    }
    (seen.len(), false)
}

#[test]
fn no_run_of_two_rounds_with_a_liar_decides_two_values() {
    for height in [2, 3, 0] {
        let (states, split) = explore(height, None);
        println!("{states} states");
        assert!(!split);
    }
}

#[test]
fn with_a_fault_about_locks_some_run_decides_two_values() {
    let faults = [
        Fault::L22IgnoresTheLock,
        Fault::L28NeedsNoPolka,
        Fault::L28TakesAPolkaOfAnotherValue,
        Fault::L55Unlocks,
        Fault::L65Unlocks,
    ];
    for fault in faults {
        let (states, split) = explore(2, Some(fault));
        println!("{fault:?}: {states} states");
        assert!(split, "{fault:?} goes unnoticed");
    }
}

//! Scripted attacks: each rule about locks and limits has its own.

use crate::{
    forge::{GROUP, Person},
    world::people,
};
use bitcraps_core::{
    agree::{
        Agree, Config, Decision, Evidence, EvidenceError, Input, Members, Output, digest,
        message::{Bytes, EVIDENCE_BYTES_MAX, Message, Polka, Resting, Status, Step, ValueId},
    },
    limits::BATCH_BYTES_MAX,
    time::Instant,
};

fn sound(_height: u64, value: &[u8]) -> bool {
    !value.starts_with(b"bad")
}

/// One honest member of four that proposes in neither of the first two rounds of height 1.
pub struct Rig {
    pub agree: Agree,
    pub people: Vec<Person>,
    pub members: Members,
    pub me: usize,
    pub now: Instant,
    pub records: Vec<Vec<u8>>,
    pub said: Vec<Output>,
}

type Cast = (Step, Option<ValueId>);

impl Rig {
    pub fn resting() -> Rig {
        let (people, members) = people(4);
        let me = (0..4)
            .find(|place| {
                (0..2).all(|round| members.proposer(1, round) != members.key(*place).unwrap())
            })
            .unwrap();
        let (group, identity) = (GROUP, &people[me].identity);
        let now = Instant::ZERO;
        let agree = Agree::new(Config::default(), group, identity, 0, members.clone(), now);
        Rig { agree, people, members, me, now, records: Vec::new(), said: Vec::new() }
    }

    pub fn new() -> Rig {
        let mut rig = Rig::resting();
        rig.start(1);
        rig
    }

    pub fn start(&mut self, height: u64) {
        let members = self.members.clone();
        self.input(Input::Height { height, members, replay: &[] });
    }

    pub fn others(&self) -> Vec<usize> {
        (0..4).filter(|place| *place != self.me).collect()
    }

    pub fn proposer(&self, round: u32) -> usize {
        self.members.place(&self.members.proposer(1, round)).unwrap()
    }

    /// Everything is durable at once; returns the votes we cast.
    pub fn input(&mut self, input: Input<'_>) -> Vec<Cast> {
        self.agree.handle(self.now, input, &mut sound);
        let mut cast = Vec::new();
        while let Some(output) = self.agree.poll_output() {
            match &output {
                Output::Persist { seq, record, .. } => {
                    self.records.push(record.clone());
                    self.agree.handle(self.now, Input::Persisted { seq: *seq }, &mut sound);
                }
                Output::Broadcast { bytes } => {
                    if let Ok(Message::Vote(vote)) = Message::decode(bytes) {
                        cast.push((vote.step, vote.value));
                    }
                }
                _ => {}
            }
            self.said.push(output);
        }
        cast
    }

    pub fn feed(&mut self, from: usize, bytes: &[u8]) -> Vec<Cast> {
        let from = self.people[from].key;
        self.input(Input::Message { from, bytes })
    }

    pub fn vote(&mut self, by: usize, step: Step, round: u32, value: Option<ValueId>) -> Vec<Cast> {
        let bytes = self.people[by].vote(&GROUP, &self.members, step, (1, round), value);
        self.feed(by, &bytes)
    }

    pub fn propose(&mut self, round: u32, lock: Option<u32>, value: &[u8]) -> Vec<Cast> {
        let by = self.proposer(round);
        let bytes = self.people[by].proposal(&self.members, (1, round), lock, value);
        self.feed(by, &bytes)
    }

    /// Runs the timers out until `until` says stop.
    pub fn wait(&mut self, until: impl Fn(&Rig) -> bool) {
        for _ in 0..1000 {
            if until(self) {
                return;
            }
            self.now = self.agree.deadline();
            self.input(Input::Tick);
        }
        panic!("it never happened");
    }
}

fn id(value: &[u8]) -> ValueId {
    digest::value_id(value)
}

/// Forks Malachite 0.5.0: we are locked on X, which round 0 may have decided; the proposer of
/// round 1 offers Y and points at round 0 as its proof of lock. There was a polka, but for X.
#[test]
fn a_polka_of_another_value_does_not_unlock() {
    let mut rig = Rig::new();
    let (x, y) = (id(b"x"), id(b"y"));
    assert_eq!(rig.propose(0, None, b"x"), [(Step::Prevote, Some(x))]);
    let others = rig.others();
    let mut cast = rig.vote(others[0], Step::Prevote, 0, Some(x));
    cast.extend(rig.vote(others[1], Step::Prevote, 0, Some(x)));
    assert_eq!(cast, [(Step::Precommit, Some(x))], "locked on x");
    // No decision here: one precommit for x, one for nil, ours; then the timer.
    rig.vote(others[0], Step::Precommit, 0, Some(x));
    rig.vote(others[1], Step::Precommit, 0, None);
    rig.wait(|rig| rig.agree.round() == 1);
    let cast = rig.propose(1, Some(0), b"y");
    assert!(!cast.contains(&(Step::Prevote, Some(y))), "prevoted against our lock: {cast:?}");
}

/// A polka for X is known; the lying proposer's Y of the same round comes late. Precommitting Y
/// would lock a value nobody voted for.
#[test]
fn a_polka_of_another_value_does_not_lock() {
    let mut rig = Rig::new();
    for other in rig.others() {
        rig.vote(other, Step::Prevote, 0, Some(id(b"x")));
    }
    let patience = Instant::ZERO + Config::default().propose;
    rig.wait(|rig| rig.now >= patience);
    let cast = rig.propose(0, None, b"y");
    assert!(!cast.contains(&(Step::Precommit, Some(id(b"y")))), "without a polka: {cast:?}");
}

/// A lock yields to a newer polka, and only a whole certificate can show one that rests on a
/// member who told everyone something else.
#[test]
fn a_whole_polka_convinces_where_single_votes_cannot() {
    let mut rig = Rig::new();
    let x = id(b"x");
    let others = rig.others();
    // The liar's prevote reached us as nil, so its prevote for x will not be taken.
    rig.vote(others[0], Step::Prevote, 0, None);
    let signed: Vec<_> = others
        .iter()
        .map(|by| {
            let bytes = rig.people[*by].vote(&GROUP, &rig.members, Step::Prevote, (1, 0), Some(x));
            match Message::decode(&bytes) {
                Ok(Message::Vote(vote)) => (vote.member, vote.signature),
                _ => unreachable!(),
            }
        })
        .collect();
    let signers = signed.iter().fold(0u16, |bits, (place, _)| bits | 1 << place);
    let signatures: Vec<u8> = signed.iter().flat_map(|(_, signature)| signature.0).collect();
    let polka = |signatures: &[u8]| {
        Message::Polka(Polka {
            height: 1,
            round: 0,
            value: x,
            signers,
            signatures: Bytes(signatures),
        })
        .encode()
    };
    let mut forged = signatures.clone();
    forged[5] ^= 1;
    rig.feed(others[1], &polka(&forged));
    assert_eq!(rig.agree.refused().signature, 1);
    let mut cast = rig.propose(0, None, b"x");
    cast.extend(rig.feed(others[1], &polka(&signatures)));
    assert!(cast.contains(&(Step::Precommit, Some(x))), "{cast:?}");
    let before = rig.agree.refused().duplicate;
    rig.feed(others[1], &polka(&signatures));
    assert_eq!(rig.agree.refused().duplicate, before + 1);
}

#[test]
fn no_vote_leaves_before_its_cause_is_durable() {
    let mut rig = Rig::new();
    let by = rig.proposer(0);
    let bytes = rig.people[by].proposal(&rig.members, (1, 0), None, b"x");
    let from = rig.people[by].key;
    rig.agree.handle(rig.now, Input::Message { from, bytes: &bytes }, &mut sound);
    let first = rig.agree.poll_output();
    let Some(Output::Persist { seq, height: 1, place: 0, .. }) = first else { panic!("{first:?}") };
    assert_eq!(rig.agree.poll_output(), None);
    rig.agree.handle(rig.now, Input::Persisted { seq }, &mut sound);
    assert!(matches!(rig.agree.poll_output(), Some(Output::Broadcast { .. })));
}

#[test]
fn a_decision_waits_for_the_log_as_well() {
    let mut rig = Rig::new();
    rig.propose(0, None, b"x");
    let others = rig.others();
    rig.vote(others[0], Step::Prevote, 0, Some(id(b"x")));
    let said_before = rig.said.clone();
    let late = [(1, Step::Prevote), (0, Step::Precommit), (1, Step::Precommit)];
    for (by, step) in late {
        let person = &rig.people[others[by]];
        let bytes = person.vote(&GROUP, &rig.members, step, (1, 0), Some(id(b"x")));
        let from = person.key;
        rig.agree.handle(rig.now, Input::Message { from, bytes: &bytes }, &mut sound);
    }
    // Our precommit follows from the prevotes, so those are written; nothing follows from the
    // precommits of others.
    let mut seq = 0;
    while let Some(output) = rig.agree.poll_output() {
        let Output::Persist { seq: written, .. } = output else { panic!("{output:?}") };
        seq = written;
    }
    assert!(seq > 0);
    // The next height cannot be started before the host has this decision, and a peer that
    // is ahead is reported after it.
    assert!(rig.agree.is_deciding());
    rig.start(2);
    assert_eq!(rig.agree.height(), 1);
    rig.feed(others[0], &Message::Resting(Resting { height: 9 }).encode());
    assert_eq!(rig.said, said_before);
    rig.agree.handle(rig.now, Input::Persisted { seq }, &mut sound);
    assert!(matches!(rig.agree.poll_output(), Some(Output::Broadcast { .. })), "our precommit");
    let Some(Output::Decided(decision)) = rig.agree.poll_output() else { panic!() };
    assert_eq!(decision.verify(&GROUP, &rig.members), Ok(()));
    assert!(decision.verify(&[8; 32], &rig.members).is_err(), "another group");
    let mut other = decision.clone();
    other.value = b"y".to_vec();
    assert!(other.verify(&GROUP, &rig.members).is_err(), "another value");
    // With signatures missing it is no certificate, whoever sends it.
    let encoded = decision.encode();
    let Ok(Message::Decided(mut short)) = Message::decode(&encoded) else { panic!() };
    short.signers &= short.signers - 1;
    short.signatures = Bytes(&short.signatures.0[64..]);
    let short = Message::Decided(short).encode();
    assert!(Decision::decode(&short).unwrap().verify(&GROUP, &rig.members).is_err());
    let mut fresh = Rig::new();
    fresh.feed(others[0], &short);
    assert!(fresh.agree.is_deciding());
    fresh.feed(others[0], &encoded);
    assert!(!fresh.agree.is_deciding());
}

#[test]
fn a_restart_casts_the_same_votes_and_no_others() {
    let mut rig = Rig::new();
    rig.propose(0, None, b"x");
    let others = rig.others();
    rig.vote(others[0], Step::Prevote, 0, Some(id(b"x")));
    rig.vote(others[1], Step::Prevote, 0, Some(id(b"x")));
    let records = rig.records.clone();
    let mut again = Rig::resting();
    let members = again.members.clone();
    let said = again.input(Input::Height { height: 1, members, replay: &records });
    assert_eq!(said, [], "peers ask for what they lack");
    // The lying proposer tries another value on the one that came back.
    assert_eq!(again.propose(0, None, b"y"), []);
    // What it had said before the crash it says again when asked, and nothing else.
    let status = Message::Status(Status { height: 1, round: 0, held: vec![] }).encode();
    again.feed(others[0], &status);
    let mut own: Vec<Cast> = Vec::new();
    for output in &again.said {
        if let Output::Send { bytes, .. } = output
            && let Ok(Message::Vote(vote)) = Message::decode(bytes)
            && usize::from(vote.member) == again.me
        {
            own.push((vote.step, vote.value));
        }
    }
    let x = Some(id(b"x"));
    assert_eq!(own, [(Step::Prevote, x), (Step::Precommit, x)]);
    assert_eq!(again.agree.refused().garbled, 0);
}

/// Two proposers in one round would make the driver panic.
#[test]
fn a_proposal_by_the_wrong_member_is_refused() {
    let mut rig = Rig::new();
    rig.propose(0, None, b"x");
    let wrong = rig.others().into_iter().find(|by| *by != rig.proposer(0)).unwrap();
    let bytes = rig.people[wrong].proposal(&rig.members, (1, 0), None, b"z");
    rig.feed(wrong, &bytes);
    assert_eq!(rig.agree.refused().wrong_proposer, 1);
}

#[test]
fn a_value_the_table_does_not_like_is_not_voted_for() {
    let mut rig = Rig::new();
    assert_eq!(rig.propose(0, None, b"bad"), [(Step::Prevote, None)]);
}

#[test]
fn votes_do_not_cross_groups_or_member_sets() {
    let mut rig = Rig::new();
    let by = rig.others()[0];
    let other = rig.people[by].vote(&[8; 32], &rig.members, Step::Prevote, (1, 0), None);
    rig.feed(by, &other);
    assert_eq!(rig.agree.refused().signature, 1);
    // A larger set in which this member has the same place.
    let (_, seven) = people(7);
    let mut bytes = rig.people[by].vote(&GROUP, &seven, Step::Prevote, (1, 0), None);
    let mine = rig.people[by].vote(&GROUP, &rig.members, Step::Prevote, (1, 0), None);
    let place = bytes.len() - 65;
    bytes[place] = mine[place];
    rig.feed(by, &bytes);
    assert_eq!(rig.agree.refused().signature, 2);
}

#[test]
fn our_own_vote_never_comes_from_outside() {
    let mut rig = Rig::new();
    let (me, other) = (rig.me, rig.others()[0]);
    let bytes = rig.people[me].vote(&GROUP, &rig.members, Step::Prevote, (1, 0), None);
    rig.feed(other, &bytes);
    assert_eq!(rig.agree.refused().duplicate, 1);
    assert_eq!(rig.records.len(), 0);
}

#[test]
fn a_second_value_for_one_round_is_refused() {
    let mut rig = Rig::new();
    // Round 2 or 3 is ours: three nil rounds bring us there.
    let mine = (2..6).find(|round| rig.proposer(*round) == rig.me).unwrap();
    for round in 0..mine {
        for by in rig.others() {
            rig.vote(by, Step::Prevote, round, None);
            rig.vote(by, Step::Precommit, round, None);
        }
        rig.wait(|rig| rig.agree.round() > round);
    }
    assert!(rig.said.contains(&Output::NeedValue { height: 1, round: mine }));
    assert!(asks_after_restart(&rig, mine), "a restart asks for the value again");
    let wrong_height = Input::Value { height: 2, round: mine, value: b"v".to_vec() };
    rig.input(wrong_height);
    rig.input(Input::Value { height: 1, round: mine, value: b"bad".to_vec() });
    assert_eq!(rig.agree.refused().value, 2);
    // Late, but the round still waits for it.
    rig.now = rig.now + core::time::Duration::from_millis(400);
    let value = b"v".to_vec();
    let cast = rig.input(Input::Value { height: 1, round: mine, value: value.clone() });
    assert_eq!(cast, [(Step::Prevote, Some(id(b"v")))]);
    assert_eq!(rig.input(Input::Value { height: 1, round: mine, value }), []);
    rig.input(Input::Value { height: 1, round: mine, value: b"w".to_vec() });
    assert_eq!(rig.agree.refused().value, 4);
    let proposals = rig.said.iter().filter(|output| match output {
        Output::Broadcast { bytes } => matches!(Message::decode(bytes), Ok(Message::Proposal(_))),
        _ => false,
    });
    assert_eq!(proposals.count(), 1);
    assert!(!asks_after_restart(&rig, mine), "it has proposed already");
}

/// Whether a member restarted from this one's log asks for a value in `round`.
fn asks_after_restart(rig: &Rig, round: u32) -> bool {
    let mut again = Rig::resting();
    let members = again.members.clone();
    again.input(Input::Height { height: 1, members, replay: &rig.records });
    assert_eq!(again.agree.round(), round);
    again.said.contains(&Output::NeedValue { height: 1, round })
}

#[test]
fn a_height_is_never_started_twice() {
    let mut rig = Rig::new();
    rig.propose(0, None, b"x");
    rig.start(1);
    assert_eq!(rig.agree.refused().other_height, 1);
    assert_eq!(rig.propose(0, None, b"y"), [], "we have voted already");
}

#[test]
fn a_liar_is_accused_once_with_proof_that_names_nobody_else() {
    let mut rig = Rig::new();
    let (liar, honest) = (rig.others()[0], rig.others()[1]);
    for value in [None, Some(id(b"x")), Some(id(b"y"))] {
        rig.vote(liar, Step::Prevote, 0, value);
    }
    let proofs: Vec<Evidence> = rig
        .said
        .iter()
        .filter_map(|output| match output {
            Output::Evidence(evidence) => Some(evidence.clone()),
            _ => None,
        })
        .collect();
    let [proof] = &proofs[..] else { panic!("{proofs:?}") };
    assert_eq!(proof.culprit, rig.people[liar].key);
    assert_eq!(proof.step(), Some(Step::Prevote));
    assert_eq!(proof.verify(&GROUP, &rig.members), Ok(()));
    let culprit = rig.people[honest].key;
    let mut framed = proof.clone();
    framed.culprit = culprit;
    let unsigned = Err(EvidenceError::Signature { culprit });
    assert_eq!(framed.verify(&GROUP, &rig.members), unsigned);
    let (mut higher, mut later) = (proof.clone(), proof.clone());
    higher.height += 1;
    later.round += 1;
    assert!(higher.verify(&GROUP, &rig.members).is_err());
    assert!(later.verify(&GROUP, &rig.members).is_err());
    assert!(proof.verify(&[8; 32], &rig.members).is_err(), "another group");
    let without = Members::new(&[culprit]).unwrap();
    let stranger = EvidenceError::NotMember { culprit: proof.culprit, height: 1 };
    assert_eq!(proof.verify(&GROUP, &without), Err(stranger));
}

#[test]
fn two_proposals_of_one_round_are_proof_as_well_and_short_for_the_longest_values() {
    let mut rig = Rig::new();
    rig.propose(0, None, &[1; BATCH_BYTES_MAX]);
    rig.propose(0, None, &[2; BATCH_BYTES_MAX]);
    let proof = rig.said.iter().find_map(|output| match output {
        Output::Evidence(evidence) => Some(evidence),
        _ => None,
    });
    let proof = proof.unwrap();
    assert_eq!(proof.step(), None);
    assert_eq!(proof.verify(&GROUP, &rig.members), Ok(()));
    assert!(proof.encode().len() <= EVIDENCE_BYTES_MAX);
    assert_eq!(Evidence::decode(&proof.encode()).as_ref(), Ok(proof));
}

#[test]
fn at_rest_a_peer_that_is_ahead_is_reported_and_its_messages_are_kept() {
    let mut rig = Rig::resting();
    assert!(!rig.agree.is_deciding());
    let by = rig.proposer(0);
    assert_eq!(rig.propose(0, None, b"x"), []);
    let peer = rig.people[by].key;
    assert!(rig.said.contains(&Output::PeerAhead { peer, height: 1 }));
    let members = rig.members.clone();
    let cast = rig.input(Input::Height { height: 1, members, replay: &[] });
    assert_eq!(cast, [(Step::Prevote, Some(id(b"x")))]);
}

#[test]
fn a_peer_that_rests_where_we_rest_wakes_nobody() {
    let mut rig = Rig::resting();
    rig.feed(rig.others()[0], &Message::Resting(Resting { height: 1 }).encode());
    assert_eq!(rig.said, []);
    rig.feed(rig.others()[0], &Message::Resting(Resting { height: 5 }).encode());
    let peer = rig.people[rig.others()[0]].key;
    assert_eq!(rig.said, [Output::PeerAhead { peer, height: 4 }]);
}

/// Rounds 0 to 40 passed without us. Two members of four say so, one of them honest: then their
/// votes bring us there in one step.
#[test]
fn a_member_far_behind_follows_f_plus_one() {
    let mut rig = Rig::new();
    let others = rig.others();
    rig.vote(others[0], Step::Prevote, 40, None);
    assert_eq!(rig.agree.refused().round, 1, "one vote alone is too far ahead");
    let status = Message::Status(Status { height: 1, round: 40, held: vec![] }).encode();
    rig.feed(others[0], &status);
    rig.vote(others[0], Step::Prevote, 40, None);
    assert_eq!(rig.agree.refused().round, 2, "one member alone may lie");
    rig.feed(others[1], &status);
    rig.vote(others[0], Step::Prevote, 40, None);
    rig.vote(others[1], Step::Prevote, 40, None);
    assert_eq!(rig.agree.round(), 40);
}

#[test]
fn a_member_far_behind_is_told_where_we_are() {
    let mut rig = Rig::new();
    let others = rig.others();
    let status = |round| Message::Status(Status { height: 1, round, held: vec![] }).encode();
    rig.feed(others[0], &status(40));
    rig.feed(others[1], &status(40));
    rig.vote(others[0], Step::Prevote, 40, None);
    rig.vote(others[1], Step::Prevote, 40, None);
    rig.said.clear();
    rig.feed(others[2], &status(0));
    let told = rig.said.iter().any(|output| match output {
        Output::Send { bytes, .. } => {
            matches!(Message::decode(bytes), Ok(Message::Status(status)) if status.round == 40)
        }
        _ => false,
    });
    assert!(told, "{:?}", rig.said);
}

#[test]
fn a_frozen_table_grows_quiet_and_a_nudge_asks_everyone_at_once() {
    let mut rig = Rig::new();
    let minute = Instant::ZERO + core::time::Duration::from_secs(60);
    rig.wait(|rig| rig.now >= minute);
    assert_eq!(rig.agree.round(), 0, "alone, the round stands still");
    rig.said.clear();
    let two = minute + core::time::Duration::from_secs(60);
    rig.wait(|rig| rig.now >= two);
    // Two questions each 2.0 to 2.5 seconds.
    assert!((40..=62).contains(&rig.said.len()), "{}", rig.said.len());
    rig.said.clear();
    rig.input(Input::Nudge);
    assert_eq!(rig.said.len(), 3);
    assert!(rig.agree.deadline() <= rig.now + core::time::Duration::from_millis(320));
}

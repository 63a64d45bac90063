//! Each limit is filled, and what comes past it is refused and counted.

use crate::{
    attacks::Rig,
    forge::{self, GROUP, Person},
};
use bitcraps_core::{
    agree::{
        ANSWER_VALUE_BYTES, ASKING_PEERS_MAX, CATCH_UP, Config, EARLY_PER_PEER, Input, LOOKAHEAD,
        LOOKBACK, MemberKey, Members, MembersError, Output, PROPOSALS_PER_ROUND,
        VALUE_BYTES_PER_MEMBER, WAITING_MAX, digest,
        message::{Message, ROUND_MAX, Resting, Status, Step},
    },
    limits::{BATCH_BYTES_MAX, TABLE_MEMBERS_MAX},
    seed::Seed,
    time::Duration,
};

#[test]
fn votes_too_far_ahead_are_refused() {
    let mut rig = Rig::new();
    let by = rig.others()[0];
    rig.vote(by, Step::Prevote, LOOKAHEAD, None);
    rig.vote(by, Step::Prevote, LOOKAHEAD, None);
    assert_eq!((rig.agree.refused().duplicate, rig.agree.refused().round), (1, 0));
    for round in [LOOKAHEAD + 1, 1000, ROUND_MAX - 1] {
        rig.vote(by, Step::Prevote, round, None);
    }
    assert_eq!((rig.agree.refused().duplicate, rig.agree.refused().round), (1, 3));
    for round in [ROUND_MAX, u32::MAX] {
        rig.vote(by, Step::Prevote, round, None);
    }
    assert_eq!(rig.agree.refused().garbled, 2);
}

#[test]
fn votes_of_long_past_rounds_are_refused() {
    let mut rig = Rig::new();
    let others = rig.others();
    let status = Message::Status(Status { height: 1, round: 60, held: vec![] }).encode();
    for by in &others[..2] {
        rig.feed(*by, &status);
    }
    for by in &others[..2] {
        rig.vote(*by, Step::Prevote, 60, None);
    }
    assert_eq!(rig.agree.round(), 60);
    rig.vote(others[2], Step::Prevote, 60 - LOOKBACK, None);
    assert_eq!(rig.agree.refused().round, 0);
    rig.vote(others[2], Step::Prevote, 60 - LOOKBACK - 1, None);
    assert_eq!(rig.agree.refused().round, 1);
}

#[test]
fn a_proposer_that_floods_is_cut_off_unless_others_vouch() {
    let mut rig = Rig::new();
    for n in 0..20u8 {
        rig.propose(0, None, &[n]);
    }
    let cut_off = 20 - PROPOSALS_PER_ROUND as u64;
    assert_eq!(rig.agree.refused().proposals, cut_off);
    // One honest member among f + 1 prevoted for it: the value may be needed.
    let wanted = digest::value_id(&[15]);
    for by in rig.others().into_iter().take(2) {
        rig.vote(by, Step::Prevote, 0, Some(wanted));
    }
    rig.propose(0, None, &[15]);
    assert_eq!(rig.agree.refused().proposals, cut_off);
    rig.propose(0, None, &[15]);
    assert_eq!(rig.agree.refused().duplicate, 1);
}

#[test]
fn the_bytes_of_one_proposer_are_bounded_over_all_rounds() {
    let mut rig = Rig::new();
    let liar = rig.proposer(0);
    let mut value = vec![0; BATCH_BYTES_MAX];
    let mut sent = 0usize;
    let mut round = 0;
    while sent < VALUE_BYTES_PER_MEMBER + 4 * BATCH_BYTES_MAX {
        if rig.proposer(round) == liar {
            for _ in 0..PROPOSALS_PER_ROUND {
                value[..8].copy_from_slice(&(sent as u64).to_le_bytes());
                rig.propose(round, None, &value);
                sent += value.len();
            }
        }
        round += 1;
        let status = Message::Status(Status { height: 1, round, held: vec![] }).encode();
        for by in rig.others().into_iter().take(2) {
            rig.now = rig.now + Duration::from_millis(200);
            rig.feed(by, &status);
            rig.vote(by, Step::Prevote, round, None);
        }
        assert_eq!(rig.agree.round(), round);
    }
    assert_eq!(rig.agree.refused().proposals, 4);
}

#[test]
fn little_is_kept_of_the_next_height() {
    let mut rig = Rig::new();
    let by = rig.others()[0];
    for round in 0..EARLY_PER_PEER as u32 + 3 {
        let at = (2, round);
        let bytes = rig.people[by].vote(&GROUP, &rig.members, Step::Prevote, at, None);
        rig.feed(by, &bytes);
    }
    assert_eq!(rig.agree.refused().early, 3);
    let (a, b) = (rig.others()[1], vec![0; BATCH_BYTES_MAX]);
    for round in 0..2 {
        let bytes = rig.people[a].proposal(&rig.members, (2, round), None, &b);
        rig.feed(a, &bytes);
    }
    assert_eq!(rig.agree.refused().early, 4, "by bytes, before their number");
    let far = rig.people[a].vote(&GROUP, &rig.members, Step::Prevote, (3, 0), None);
    rig.feed(a, &far);
    assert_eq!(rig.agree.refused().other_height, 1);
}

#[test]
fn questions_are_answered_so_often_and_to_so_many() {
    let mut rig = Rig::new();
    let by = rig.others()[0];
    let status = Message::Status(Status { height: 1, round: 0, held: vec![] }).encode();
    rig.feed(by, &status);
    rig.feed(by, &status);
    assert_eq!(rig.agree.refused().questions, 1);
    for n in 0..ASKING_PEERS_MAX as u8 {
        let from = MemberKey([n; 32]);
        rig.input(Input::Message { from, bytes: &status });
    }
    assert_eq!(rig.agree.refused().questions, 2);
    // Later the early askers are forgotten.
    rig.now = rig.now + Duration::from_secs(1);
    rig.input(Input::Message { from: MemberKey([255; 32]), bytes: &status });
    assert_eq!(rig.agree.refused().questions, 2);
}

#[test]
fn outputs_that_wait_for_a_stuck_disk_are_bounded() {
    let mut rig = Rig::new();
    let mut judge = |_: u64, _: &[u8]| true;
    let (people, by) = (&rig.people, rig.others()[0]);
    let vote = people[by].vote(&GROUP, &rig.members, Step::Prevote, (1, 0), None);
    let status = Message::Status(Status { height: 1, round: 0, held: vec![] }).encode();
    let from = people[by].key;
    rig.agree.handle(rig.now, Input::Message { from, bytes: &vote }, &mut judge);
    for _ in 0..2 * WAITING_MAX {
        rig.now = rig.now + Duration::from_millis(130);
        rig.agree.handle(rig.now, Input::Message { from, bytes: &status }, &mut judge);
    }
    assert!(rig.agree.refused().waiting > 0);
    let mut left = 0;
    while let Some(output) = rig.agree.poll_output() {
        if let Output::Persist { seq, .. } = output {
            rig.agree.handle(rig.now, Input::Persisted { seq }, &mut judge);
        }
        left += 1;
    }
    assert!(left <= WAITING_MAX + 2, "{left}");
}

#[test]
fn decisions_no_longer_in_memory_are_asked_of_the_host() {
    let mut rig = Rig::resting();
    rig.start(70);
    let peer = rig.people[rig.others()[0]].key;
    rig.feed(rig.others()[0], &Message::Resting(Resting { height: 3 }).encode());
    assert!(rig.said.contains(&Output::WantsHistory { peer, from: 3 }));
}

/// Of one member two votes per round are kept, within the window, and of its lies one.
#[test]
fn a_member_that_votes_for_everything_is_kept_two_votes_per_round() {
    let mut rig = Rig::new();
    let by = rig.others()[0];
    let values = [None, Some(digest::value_id(b"x")), Some(digest::value_id(b"y"))];
    for round in 0..=LOOKAHEAD {
        for step in [Step::Prevote, Step::Precommit] {
            for value in values {
                rig.vote(by, step, round, value);
            }
        }
    }
    let rounds = u64::from(LOOKAHEAD) + 1;
    assert_eq!(rig.agree.refused().duplicate, rounds * 2 * 3 - (rounds * 2 + 1));
    assert_eq!(rig.said.iter().filter(|o| matches!(o, Output::Evidence(_))).count(), 1);
    // All of it follows nothing we sign: it is written when we do.
    assert_eq!(rig.records.len(), 0);
    rig.wait(|rig| !rig.records.is_empty());
    assert_eq!(rig.records.len() as u64, rounds * 2 + 1 + 1, "and the timer that ran out");
}

#[test]
fn one_polka_per_round_is_kept_and_none_too_far_ahead() {
    let mut rig = Rig::new();
    let others = rig.others();
    let x = digest::value_id(b"x");
    let polka = |rig: &Rig, round| forge::polka(&rig.people, &rig.members, (1, round), &others, x);
    for round in [LOOKAHEAD + 1, 1000] {
        let bytes = polka(&rig, round);
        rig.feed(others[0], &bytes);
    }
    assert_eq!((rig.agree.refused().round, rig.agree.round()), (2, 0));
    for round in 0..=LOOKAHEAD {
        let bytes = polka(&rig, round);
        rig.feed(others[0], &bytes);
        assert_eq!(rig.agree.round(), round, "it shows that a quorum was there");
        rig.feed(others[1], &bytes);
    }
    assert_eq!(rig.agree.refused().duplicate, u64::from(LOOKAHEAD) + 1);
}

#[test]
fn at_rest_so_many_peers_are_reported_to_be_ahead() {
    let mut rig = Rig::resting();
    let status = Message::Status(Status { height: 5, round: 0, held: vec![] }).encode();
    for n in 0..ASKING_PEERS_MAX as u8 + 9 {
        rig.input(Input::Message { from: MemberKey([n; 32]), bytes: &status });
    }
    assert_eq!(rig.said.len(), ASKING_PEERS_MAX);
    rig.now = rig.now + Duration::from_secs(1);
    rig.input(Input::Message { from: MemberKey([255; 32]), bytes: &status });
    assert_eq!(rig.said.len(), ASKING_PEERS_MAX + 1);
}

/// What we answer to one who rests before `height`.
fn served(rig: &mut Rig, height: u64) -> usize {
    rig.said.clear();
    rig.now = rig.now + Duration::from_secs(1);
    rig.feed(rig.others()[0], &Message::Resting(Resting { height }).encode());
    let decided = |bytes: &[u8]| matches!(Message::decode(bytes), Ok(Message::Decided(_)));
    let sent = rig.said.iter();
    sent.filter(|output| matches!(output, Output::Send { bytes, .. } if decided(bytes))).count()
}

fn decide(rig: &mut Rig, height: u64, value: &[u8]) {
    rig.start(height);
    let others = rig.others();
    let bytes = forge::decision(&rig.people, &rig.members, (height, 0), &others, value);
    rig.feed(others[0], &bytes);
    assert!(!rig.agree.is_deciding());
}

#[test]
fn so_many_decisions_are_kept_and_so_many_sent_at_once() {
    let mut rig = Rig::resting();
    let keep = Config::default().keep as u64;
    for height in 1..=keep + 1 {
        decide(&mut rig, height, b"short");
    }
    assert_eq!(served(&mut rig, 2), CATCH_UP as usize);
    assert_eq!(served(&mut rig, 1), 0, "the first is forgotten");
    let peer = rig.people[rig.others()[0]].key;
    assert!(rig.said.contains(&Output::WantsHistory { peer, from: 1 }));
    for height in keep + 2..keep + 6 {
        decide(&mut rig, height, &vec![height as u8; BATCH_BYTES_MAX]);
    }
    assert_eq!(served(&mut rig, keep + 2), ANSWER_VALUE_BYTES / BATCH_BYTES_MAX);
}

/// Nobody ever agrees for three hundred rounds, in each of which the same long value is offered.
/// It is kept and written once, no proposer is cut off for it, and a restart gets there again.
#[test]
fn a_stalled_height_keeps_each_value_once_and_little_for_every_round() {
    const ROUNDS: u32 = 300;
    let mut rig = Rig::new();
    let value = vec![7; BATCH_BYTES_MAX];
    for round in 0..ROUNDS {
        if rig.proposer(round) == rig.me {
            rig.input(Input::Value { height: 1, round, value: value.clone() });
        } else {
            rig.propose(round, None, &value);
        }
        for step in [Step::Prevote, Step::Precommit] {
            for by in rig.others() {
                rig.vote(by, step, round, None);
            }
        }
        rig.wait(|rig| rig.agree.round() > round);
    }
    assert_eq!(rig.agree.refused().proposals, 0);
    let whole = rig.records.iter().filter(|record| record.len() > BATCH_BYTES_MAX).count();
    assert_eq!(whole, 1);
    let small: usize =
        rig.records.iter().map(Vec::len).filter(|bytes| *bytes <= BATCH_BYTES_MAX).sum();
    println!("{} records, {} bytes a round", rig.records.len(), small / ROUNDS as usize);
    assert!(small / (ROUNDS as usize) < 1_500, "{small} bytes");
    assert!(rig.records.len() < 11 * ROUNDS as usize, "{} records", rig.records.len());
    let mut again = Rig::resting();
    let members = again.members.clone();
    again.input(Input::Height { height: 1, members, replay: &rig.records });
    // Nothing follows yet from the last timer, so it was not written.
    assert_eq!((again.agree.round(), again.agree.refused().garbled), (ROUNDS - 1, 0));
}

#[test]
fn a_member_set_is_one_to_sixteen_distinct_sound_keys() {
    let keys: Vec<MemberKey> = (1..=17).map(|n| Person::numbered(n).key).collect();
    assert_eq!(Members::new(&[]), Err(MembersError::Count { got: 0, max: TABLE_MEMBERS_MAX }));
    assert_eq!(Members::new(&keys), Err(MembersError::Count { got: 17, max: TABLE_MEMBERS_MAX }));
    assert_eq!(
        Members::new(&[keys[0], keys[1], keys[0]]),
        Err(MembersError::Twice { key: keys[0] })
    );
    let mut low = [0; 32];
    low[0] = 1;
    let key = MemberKey(low);
    assert_eq!(Members::new(&[key]), Err(MembersError::BadKey { key }));
    let figures = |n: usize| {
        let set = Members::new(&keys[..n]).unwrap();
        (set.quorum(), set.faulty_max())
    };
    let expected = [(1, 0), (2, 0), (3, 0), (3, 1), (4, 1), (5, 1), (5, 2)];
    for (n, expected) in (1..).zip(expected) {
        assert_eq!(figures(n), expected, "{n} members");
    }
    assert_eq!(figures(16), (11, 5));
}

/// Properly signed but hostile messages of one member, and plain noise: nothing panics, and one
/// liar cannot make us log without end.
#[test]
fn hostile_input_neither_panics_nor_fills_the_log() {
    let mut rng = Seed::from_number(42).rng();
    for _ in 0..6 {
        let mut rig = Rig::new();
        let by = rig.others()[rng.below(3) as usize];
        for _ in 0..1500 {
            rig.now = rig.now + Duration::from_millis(rng.below(40));
            let round = [0, 1, 2, 3, 9, 10, 11, 1000, ROUND_MAX - 1, ROUND_MAX, u32::MAX]
                [rng.below(11) as usize];
            let height = [1, 1, 1, 1, 0, 2, 3, u64::MAX][rng.below(8) as usize];
            let value = vec![rng.below(256) as u8; rng.below(300) as usize];
            let id = rng.chance(0.7).then(|| digest::value_id(&value));
            let lock = rng.chance(0.5).then(|| rng.below(12) as u32);
            let step = if rng.chance(0.5) { Step::Prevote } else { Step::Precommit };
            let at = (height, round);
            let mut bytes = match rng.below(4) {
                0 => rig.people[by].proposal(&rig.members, at, lock, &value),
                1 => Message::Status(Status { height, round, held: vec![] }).encode(),
                2 => Message::Resting(Resting { height }).encode(),
                _ => rig.people[by].vote(&GROUP, &rig.members, step, at, id),
            };
            if rng.chance(0.2) {
                let place = rng.below(bytes.len() as u64) as usize;
                bytes[place] = rng.below(256) as u8;
            }
            if rng.chance(0.05) {
                bytes.truncate(rng.below(bytes.len() as u64) as usize);
            }
            rig.feed(by, &bytes);
        }
        assert!(rig.records.len() < 200, "{} records", rig.records.len());
        assert!(rig.agree.is_deciding());
    }
    for _ in 0..100_000 {
        let mut noise = vec![0; rng.below(200) as usize];
        rng.fill(&mut noise);
        if let Some(tag) = noise.first_mut() {
            *tag %= 7;
        }
        let _ = Message::decode(&noise);
    }
}

//! Who is asked for a value that did not arrive, and what is answered.

use crate::{attacks::Rig, forge::GROUP};
use bitcraps_core::{
    agree::{
        Input, Output, digest,
        message::{Held, Message, Status, Step},
    },
    time::Duration,
};

/// Whom we asked for the proposal of `round` since the last time.
fn asked_for_value(rig: &mut Rig, round: u32) -> Vec<usize> {
    let said = std::mem::take(&mut rig.said);
    let asks = |bytes: &[u8]| match Message::decode(bytes) {
        Ok(Message::Status(status)) => {
            status.held.iter().any(|held| held.round == round && !held.proposal)
        }
        _ => false,
    };
    said.iter()
        .filter_map(|output| match output {
            Output::Send { to, bytes } if asks(bytes) => rig.members.place(to),
            _ => None,
        })
        .collect()
}

fn wait_ms(rig: &mut Rig, ms: u64) {
    let until = rig.now + Duration::from_millis(ms);
    while rig.agree.deadline() <= until {
        rig.now = rig.agree.deadline();
        rig.input(Input::Tick);
    }
    rig.now = until;
}

/// Two questions leave at a time, so that an honest member is among those asked; the value is asked
/// of one of them, the one that has voted for it, and of the next only after a while.
#[test]
fn one_who_lacks_the_value_asks_one_member_at_a_time() {
    let mut rig = Rig::new();
    let holder = rig.others().into_iter().rfind(|by| *by != rig.proposer(0)).unwrap();
    let third =
        rig.others().into_iter().find(|by| ![holder, rig.proposer(0)].contains(by)).unwrap();
    rig.vote(holder, Step::Prevote, 0, Some(digest::value_id(b"x")));
    wait_ms(&mut rig, 300);
    let first = asked_for_value(&mut rig, 0);
    assert_eq!(first.len(), 1, "{first:?}");
    wait_ms(&mut rig, 350);
    let second = asked_for_value(&mut rig, 0);
    assert_eq!(second.len(), 1, "{second:?}");
    let mut both = [first, second].concat();
    both.sort_unstable();
    let mut holders = [holder, rig.proposer(0)];
    holders.sort_unstable();
    assert_eq!(both, holders, "the proposer and one who voted for it have it");
    // Neither answers: the last one has its turn, and then they begin again, ever more slowly.
    wait_ms(&mut rig, 800);
    assert_eq!(asked_for_value(&mut rig, 0), [third]);
    wait_ms(&mut rig, 12_000);
    let later = asked_for_value(&mut rig, 0);
    assert!((3..=8).contains(&later.len()), "{later:?}");
    rig.propose(0, None, b"x");
    wait_ms(&mut rig, 5_000);
    assert_eq!(asked_for_value(&mut rig, 0), [0usize; 0], "it has come");
}

/// The proposer gave us y and the others x: f + 1 votes say that there is something we lack.
#[test]
fn the_other_value_of_a_lying_proposer_is_asked_for_as_well() {
    let mut rig = Rig::new();
    rig.propose(0, None, b"y");
    let others = rig.others();
    rig.vote(others[0], Step::Precommit, 0, Some(digest::value_id(b"x")));
    wait_ms(&mut rig, 1_000);
    assert_eq!(asked_for_value(&mut rig, 0), [0usize; 0], "one member alone may have made it up");
    rig.vote(others[1], Step::Precommit, 0, Some(digest::value_id(b"x")));
    wait_ms(&mut rig, 600);
    assert_eq!(asked_for_value(&mut rig, 0).len(), 1);
}

/// What a member that has decided answers to a question about that height.
fn answers(rig: &mut Rig, from: usize, held: &[Held]) -> Vec<&'static str> {
    rig.now = rig.now + Duration::from_secs(1);
    rig.said.clear();
    let status = Message::Status(Status { height: 1, round: 0, held: held.to_vec() }).encode();
    let from = rig.people[from].key;
    rig.input(Input::Message { from, bytes: &status });
    let sent = rig.said.iter().filter_map(|output| match output {
        Output::Send { to, bytes } if *to == from => Message::decode(bytes).ok(),
        _ => None,
    });
    sent.filter_map(|message| match message {
        Message::Decided(_) => Some("decision"),
        Message::Vote(vote) if vote.step == Step::Precommit => Some("precommit"),
        _ => None,
    })
    .collect()
}

#[test]
fn one_who_lacks_only_precommits_is_sent_precommits_and_then_the_decision() {
    let mut rig = Rig::new();
    let x = Some(digest::value_id(b"x"));
    rig.propose(0, None, b"x");
    let others = rig.others();
    for step in [Step::Prevote, Step::Precommit] {
        for by in &others[..2] {
            let bytes = rig.people[*by].vote(&GROUP, &rig.members, step, (1, 0), x);
            rig.feed(*by, &bytes);
        }
    }
    assert!(!rig.agree.is_deciding());
    let lacking = Held { round: 0, ..Held::default() };
    let holding = Held { proposal: true, ..lacking };
    let some = Held { precommits: 1 << others[0], ..holding };
    let all = Held { precommits: 0b1111, ..holding };
    assert_eq!(answers(&mut rig, others[0], &[lacking]), ["decision"]);
    assert_eq!(answers(&mut rig, others[0], &[some]), ["precommit"; 2]);
    // It asks again, so they did not help: it may have been told another precommit by a liar.
    assert_eq!(answers(&mut rig, others[0], &[some]), ["decision"]);
    assert_eq!(answers(&mut rig, others[1], &[all]), ["decision"]);
    assert_eq!(answers(&mut rig, others[2], &[]), ["decision"], "it only watches");
}

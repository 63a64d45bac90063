//! A member dies at every single write of a short game, and comes back from what was on its disk.
//!
//! Whatever lies between "decided", "stored" and "sent" is thereby cut in two once: nobody may
//! hear it vote twice, its log must be the others', and the game must go on with it. The fourth
//! at the table keeps every vote it hears and makes it hard: it never votes, so that all others are
//! needed in every round, and shows them different proposals, so that whoever forgot its vote for
//! one of them would cast another for the next.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::time::Duration;
use bitcraps_sim::{
    Report,
    liar::Lie,
    run_scenario,
    scenario::{Among, Goal, TableKey},
    world::{CrashAt, Moment},
};

/// Two rolls at a table of four: the host, the one who dies, a bot and the liar.
fn with_a_crash(node: usize, write: u64, moment: Moment) -> Report {
    let game = Among { rolls: 2, ..Among::liars(4, 1, &[Lie::TwoProposals, Lie::NoVotes]) };
    let mut scenario = game.scenario();
    let back_after = Duration::from_millis(100);
    scenario.crash = Some(CrashAt { node, write, moment, back_after });
    run_scenario(scenario, 1)
}

/// Dies at every write from `first` until the game is over before it; gives how many there were.
fn at_every_write(node: usize, moment: Moment, first: u64) -> u64 {
    let mut broken = Vec::new();
    for write in first.. {
        let report = with_a_crash(node, write, moment);
        assert!(report.votes > 0, "the liar heard nothing\n{report}");
        if !report.violations.is_empty() {
            println!("node {node}, write {write}, {moment:?}\n{report}");
            broken.push(write);
        }
        if report.crashes == 0 {
            assert_eq!(broken, [], "node {node}, {moment:?}");
            println!("node {node} died at each of {write} writes, {moment:?}");
            return write;
        }
    }
    unreachable!("a game has an end")
}

#[test]
fn a_member_that_dies_before_any_of_its_writes_reaches_the_disk_never_votes_twice() {
    assert!(at_every_write(1, Moment::Asked, 1) > 10);
}

#[test]
fn a_member_that_dies_after_a_write_and_before_it_hears_of_it_never_votes_twice() {
    assert!(at_every_write(1, Moment::Written, 0) > 10);
}

#[test]
fn a_member_that_dies_right_after_it_sent_what_a_write_allowed_never_votes_twice() {
    assert!(at_every_write(1, Moment::Told, 0) > 10);
}

/// The first write is the table's genesis. Whoever loses it has never voted, and forgot the table:
/// the others play on without it, and it votes no more.
#[test]
fn a_member_that_loses_its_first_write_has_no_seat_and_the_others_play_on() {
    let mut scenario = Among { rolls: 3, ..Among::liars(4, 1, &[]) }.scenario();
    let back_after = Duration::from_millis(300);
    scenario.crash = Some(CrashAt { node: 1, write: 0, moment: Moment::Asked, back_after });
    let by = vec![0, 2];
    scenario.stages[1].until = vec![Goal::Rolled { table: TableKey(0), more: 0, by: by.clone() }];
    scenario.stages[2].until = vec![Goal::Rolled { table: TableKey(0), more: 3, by }];
    let report = run_scenario(scenario, 1);
    assert_eq!(report.violations, [], "\n{report}");
    assert_eq!((report.crashes, report.rolls), (1, 3), "\n{report}");
}

/// The host also loses its commands, and asks again.
#[test]
fn a_host_that_dies_at_any_write_never_votes_twice() {
    for moment in [Moment::Asked, Moment::Written, Moment::Told] {
        assert!(at_every_write(0, moment, 1) > 10);
    }
}

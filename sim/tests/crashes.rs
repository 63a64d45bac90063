//! A member dies at every single write of a short game, and comes back from what was on its disk.
//!
//! Whatever lies between "decided", "stored" and "sent" is thereby cut in two once: nobody may
//! hear it vote twice, its log must be the others', and the game must go on with it. A listener
//! who sits at the table and tells no lies keeps every vote it hears.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::time::Duration;
use bitcraps_sim::{
    Report, run_scenario,
    scenario::Among,
    world::{CrashAt, Moment},
};

/// One roll at a table of four: the host, the one who dies, a bot and the listener.
fn with_a_crash(node: usize, write: u64, moment: Moment) -> Report {
    let game = Among { rolls: 1, ..Among::liars(4, 1, &[]) };
    let mut scenario = game.scenario();
    let back_after = Duration::from_millis(300);
    scenario.crash = Some(CrashAt { node, write, moment, back_after });
    run_scenario(scenario, 1)
}

/// Dies at every write from `first` until the game is over before it; gives how many there were.
fn at_every_write(node: usize, moment: Moment, first: u64) -> u64 {
    let mut broken = Vec::new();
    for write in first.. {
        let report = with_a_crash(node, write, moment);
        assert!(report.votes > 0, "the listener heard nothing\n{report}");
        if !report.violations.is_empty() {
            println!("node {node}, write {write}, {moment:?}\n{report}");
            broken.push(write);
        }
        if report.crashes == 0 {
            assert_eq!(broken, [], "node {node}, {moment:?}");
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

/// The host also loses its commands, and asks again.
#[test]
fn a_host_that_dies_at_any_write_never_votes_twice() {
    for moment in [Moment::Asked, Moment::Written, Moment::Told] {
        assert!(at_every_write(0, moment, 1) > 10);
    }
}

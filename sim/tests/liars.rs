//! Liars at the table: each kind of lie in one test, and worlds in which all of them are mixed.
//!
//! In each the honest members agree, roll and keep their chips. The names of failing worlds carry
//! all that a replay needs: `bitcraps sim --scenario byzantine --seed S`.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::time::Duration;
use bitcraps_sim::{
    Report, Topology,
    invariant::Invariant,
    liar::Lie,
    run, run_scenario,
    scenario::{Among, Goal},
};

/// Five rolls at a table of four and at one of seven with as many liars of this kind as they
/// stand. Nothing may break, and the lie must have been told.
fn withstood(lie: Lie) -> [Report; 2] {
    [(4, 1), (7, 2)].map(|(members, liars)| {
        let report = run_scenario(Among::liars(members, liars, &[lie]).scenario(), 1);
        println!("{report}");
        assert_eq!(report.violations, [], "\n{report}");
        // Of four, three are left when the liar is expelled: they wait for a fourth.
        assert!(report.rolls >= 5 || (members, report.expelled) == (4, 1), "\n{report}");
        assert!(report.lies[&lie] > 0, "nothing was told: the test says nothing\n{report}");
        report
    })
}

/// What liars say but their lies is what everybody says: otherwise nobody would listen to them.
#[test]
fn a_liar_that_tells_no_lie_is_read_like_anybody_else() {
    for (members, liars) in [(4, 1), (7, 2)] {
        let report = run_scenario(Among::liars(members, liars, &[]).scenario(), 1);
        assert_eq!(report.violations, [], "\n{report}");
        assert_eq!(report.unread, 0, "\n{report}");
    }
}

#[test]
fn two_proposals_at_one_height_are_told_from_each_other_and_their_author_is_expelled() {
    for report in withstood(Lie::TwoProposals) {
        assert_eq!(report.expelled, report.liars.len() as u64, "\n{report}");
    }
}

#[test]
fn two_votes_in_one_round_expel_whoever_cast_them_and_decide_nothing_twice() {
    for report in withstood(Lie::TwoVotes) {
        assert_eq!(report.expelled, report.liars.len() as u64, "\n{report}");
    }
}

#[test]
fn votes_that_half_of_the_members_never_hear_hold_nobody_up() {
    withstood(Lie::WithheldVotes);
}

#[test]
fn a_member_that_never_votes_holds_nobody_up() {
    withstood(Lie::NoVotes);
}

#[test]
fn what_was_said_before_changes_nothing_when_it_is_said_again() {
    withstood(Lie::Replays);
}

#[test]
fn votes_for_another_table_do_not_count_here() {
    withstood(Lie::AnotherTable);
}

#[test]
fn votes_of_another_membership_do_not_count_here() {
    withstood(Lie::AnotherEpoch);
}

#[test]
fn votes_forged_in_the_name_of_others_count_for_nobody_and_accuse_nobody() {
    withstood(Lie::ForgedVotes);
}

#[test]
fn certificates_made_of_ones_own_signatures_decide_nothing() {
    withstood(Lie::ForgedCertificates);
}

#[test]
fn proposals_larger_than_a_batch_are_refused_and_the_next_round_goes_on() {
    withstood(Lie::HugeProposals);
}

#[test]
fn a_proposer_that_never_proposes_costs_its_rounds_and_no_more() {
    withstood(Lie::NoProposals);
}

#[test]
fn a_flood_of_well_formed_messages_does_not_stop_the_table() {
    withstood(Lie::Flood);
}

#[test]
fn deals_whose_proofs_do_not_hold_are_left_out() {
    withstood(Lie::BadDeals);
}

#[test]
fn shares_whose_proofs_do_not_hold_are_left_out() {
    withstood(Lie::BadShares);
}

#[test]
fn shares_that_are_withheld_are_not_needed() {
    withstood(Lie::WithheldShares);
}

#[test]
fn bets_of_chips_that_are_not_there_never_reach_the_log() {
    withstood(Lie::Overspending);
}

#[test]
fn bets_in_another_members_name_never_reach_the_log() {
    withstood(Lie::OthersName);
}

#[test]
fn a_member_with_two_faces_cannot_split_the_table() {
    withstood(Lie::TwoFaces);
}

#[test]
fn all_kinds_of_lies_at_once_are_withstood() {
    for (members, liars) in [(4, 1), (7, 2), (10, 3)] {
        let report = run_scenario(Among::liars(members, liars, &Lie::DRAWN).scenario(), 2);
        assert_eq!(report.violations, [], "\n{report}");
    }
}

/// `cargo xtask test` runs two thousand with the shipped simulator; these are for `cargo test`.
#[test]
fn drawn_worlds_of_lies_and_faults_break_no_invariant() {
    let range = std::env::var("BITCRAPS_SEEDS").unwrap_or_else(|_| "0..20".to_owned());
    let (from, to) = range.split_once("..").unwrap();
    for seed in from.parse::<u64>().unwrap()..to.parse().unwrap() {
        println!("bitcraps sim --scenario byzantine --seed {seed}");
        let report = run("byzantine", None, seed).unwrap();
        println!(
            "nodes {} ms {} rolls {} events {}",
            report.nodes, report.virtual_ms, report.rolls, report.events
        );
        assert_eq!(report.violations, [], "\n{report}");
    }
}

/// One more liar than a table stands, each with two faces and in step with the others, and a mesh
/// in which the two halves can only talk through them: the checks must see the table split.
#[test]
fn with_one_liar_more_than_the_table_stands_the_checks_see_two_logs() {
    let mut scenario = Among::liars(4, 2, &[Lie::TwoFaces, Lie::NoRelaying]).scenario();
    scenario.topology = Topology::AllBut { a: 0, b: 1 };
    let rolls = scenario.stages.last_mut().unwrap();
    rolls.until = vec![Goal::Elapsed(Duration::from_secs(5))];
    let report = run_scenario(scenario, 1);
    println!("{report}");
    let split = report.violations.iter().any(|v| v.invariant == Invariant::OneLog);
    assert!(split, "two logs were to be seen\n{report}");
}

//! One test per way to lie, by members whose signatures are good. In each, over a net that loses a
//! tenth of all messages and is cut in two for five seconds: one value per height, no honest
//! member signs twice or is accused (`world` checks that), every honest member decides every
//! height, and where a lie can be proved it is.

use crate::world::{Cut, Plan, Report, Trick, World};

const HEIGHTS: u64 = 12;

/// One of four, then two of seven.
fn lie(trick: Trick) -> Report {
    let mut total = Report::default();
    for (members, liars, seed) in [(4, 1, 1), (4, 1, 2), (7, 2, 3)] {
        let cut = Cut { until_ms: 5_000, side: 0b0011 };
        let plan = Plan { liars, cut, loss: 0.1, ..Plan::new(members, HEIGHTS, seed) };
        let report = World::new(Plan { trick: Some(trick), ..plan }).run(HEIGHTS * 30_000);
        println!("{trick:?}: {report:?}");
        total.evidence += report.evidence;
        total.garbled += report.garbled;
        total.unsigned += report.unsigned;
        total.duplicates += report.duplicates;
        total.records += report.records;
        total.rounds += report.rounds;
        total.bytes += report.bytes;
    }
    total
}

#[test]
fn a_member_that_proposes_two_values_is_proved_a_liar() {
    assert!(lie(Trick::TwoProposals).evidence > 0);
}

#[test]
fn a_member_that_votes_both_ways_is_proved_a_liar() {
    assert!(lie(Trick::TwoVotes).evidence > 0);
}

#[test]
fn a_member_that_withholds_its_votes_from_some_holds_nobody_up() {
    assert_eq!(lie(Trick::Withhold).evidence, 0);
}

#[test]
fn messages_that_are_replayed_change_nothing_and_incriminate_nobody() {
    let report = lie(Trick::Replay);
    assert_eq!(report.evidence, 0);
    assert!(report.duplicates > 100, "{report:?}");
}

/// What is signed for another table or member set is no second vote here, nor proof of one.
#[test]
fn votes_of_another_table_or_epoch_are_neither_votes_nor_proof() {
    let report = lie(Trick::OtherTable);
    assert_eq!(report.evidence, 0);
    assert!(report.unsigned > 100, "{report:?}");
}

#[test]
fn votes_in_the_name_of_others_are_refused_and_incriminate_nobody() {
    let report = lie(Trick::ForgedSignatures);
    assert_eq!(report.evidence, 0);
    assert!(report.unsigned > 100, "{report:?}");
}

#[test]
fn certificates_with_forged_signatures_decide_nothing() {
    let report = lie(Trick::ForgedCertificates);
    assert_eq!(report.evidence, 0);
    assert!(report.unsigned > 100, "{report:?}");
}

#[test]
fn values_ten_times_too_long_are_not_even_read() {
    let report = lie(Trick::TooLong);
    assert_eq!(report.evidence, 0);
    assert!(report.garbled > 0, "{report:?}");
}

/// Every height it begins takes a round more, and no longer.
#[test]
fn a_member_that_never_proposes_costs_its_own_rounds() {
    let report = lie(Trick::NeverProposes);
    assert_eq!(report.evidence, 0);
    assert!(report.rounds > 0, "{report:?}");
}

/// It is answered no more than others are, and makes nobody write more than its place in the
/// window of rounds.
#[test]
fn a_member_that_floods_is_neither_logged_nor_answered_without_end() {
    let (flooded, quiet) = (lie(Trick::Flood), lie(Trick::Withhold));
    assert!(flooded.duplicates > 1_000, "{flooded:?}");
    assert!(flooded.records < 4 * quiet.records, "{flooded:?} {quiet:?}");
    assert!(flooded.bytes < 4 * quiet.bytes, "{flooded:?} {quiet:?}");
}

#[test]
fn all_of_it_at_random_breaks_nothing() {
    let report = lie(Trick::Mixed);
    assert!(report.evidence > 0, "{report:?}");
}

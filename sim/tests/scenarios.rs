//! Every scenario, over several seeds: no invariant is violated and every goal is met in time.
//!
//! The names of failing cases carry all that a replay needs:
//! `bitcraps sim --scenario NAME --nodes N --seed S`.

use bitcraps_sim::{Report, run};

/// Runs a case that must be clean.
fn clean(scenario: &str, nodes: Option<usize>, seed: u64) -> Report {
    let n = nodes.map_or("default".to_owned(), |n| n.to_string());
    println!("bitcraps sim --scenario {scenario} --nodes {n} --seed {seed}");
    let report = run(scenario, nodes, seed).expect("the tests name known scenarios");
    println!("{report}");
    assert_eq!(report.violations, [], "\n{report}");
    report
}

#[test]
fn a_mesh_converges_within_ten_virtual_seconds() {
    for (nodes, seed) in [(2, 1), (8, 2), (20, 3), (20, 4)] {
        let report = clean("converge", Some(nodes), seed);
        let converged_ms = report.converged_ms.unwrap();
        assert!(converged_ms < 10_000, "{nodes} nodes took {converged_ms} ms");
        assert_eq!(report.congested, 0);
    }
}

#[test]
fn the_first_of_a_line_plays_five_rolls_with_the_last_through_the_others() {
    for seed in 1..=3 {
        let report = clean("line", None, seed);
        assert!(report.rolls >= 5);
        assert_eq!(report.tables, 1);
    }
}

#[test]
fn a_mesh_and_its_table_come_back_after_a_minute_of_churn() {
    for seed in 1..=5 {
        assert!(clean("churn", None, seed).rolls >= 4);
    }
}

#[test]
fn tables_on_both_sides_of_a_split_go_on_and_the_one_across_thaws() {
    for seed in 1..=3 {
        let report = clean("partition", None, seed);
        assert_eq!(report.tables, 3);
        assert!(report.rolls >= 3 * 4 + 4);
    }
}

#[test]
fn five_rolls_are_played_while_one_frame_in_five_is_lost() {
    for seed in 1..=3 {
        let report = clean("lossy", None, seed);
        assert!(report.rolls >= 5);
        let lost = report.lost * 100 / report.messages;
        assert!((15..=25).contains(&lost), "{lost} % were lost");
        assert!(report.duplicated > 0);
    }
}

#[test]
fn a_table_is_played_on_while_three_of_four_kinds_of_link_die_one_after_the_other() {
    for seed in 1..=3 {
        let report = clean("links", None, seed);
        assert!(report.rolls >= 10);
        assert_eq!(report.tables, 1);
    }
}

/// A host that died gave its next wish the number of one that it had sent and forgotten. The older
/// took its place on the log, and the newer was answered as done: nobody rolled any more.
#[test]
fn a_wish_whose_number_a_forgotten_one_took_is_made_again() {
    clean("byzantine", None, 612);
}

//! `bitcraps craps odds`, as scripts and people read it.

use crate::cli::run;
use serde_json::Value;

fn odds(more: &[&str]) -> Vec<Value> {
    let output = run(&[&["craps", "odds", "--json"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn edge<'a>(list: &'a [Value], bet: &str) -> &'a str {
    let line = list.iter().find(|line| line["bet"] == bet);
    line.unwrap_or_else(|| panic!("no {bet}"))["house_edge"].as_str().unwrap()
}

#[test]
fn every_bet_is_in_the_table_of_odds_with_its_edge() {
    let list = odds(&[]);
    assert_eq!(list.len(), 93);
    for (bet, expected) in [
        ("pass", "7/495"),
        ("dont_pass", "3/220"),
        ("come", "7/495"),
        ("dont_come", "3/220"),
        ("pass_odds_4", "0/1"),
        ("dont_pass_odds_10", "0/1"),
        ("come_odds_6", "0/1"),
        ("place_6", "1/66"),
        ("buy_4", "1/60"),
        ("lay_10", "1/60"),
        ("hard_8", "1/11"),
        ("any_seven", "1/6"),
        ("any_craps", "1/9"),
        ("craps_2", "5/36"),
        ("eleven", "1/9"),
        ("big_6", "1/11"),
        ("horn", "1/8"),
        ("c_and_e", "1/9"),
        ("field", "1/36"),
        ("hop_1_2", "1/9"),
        ("hop_6_6", "5/36"),
        ("repeater_2", "9/49"),
    ] {
        assert_eq!(edge(&list, bet), expected, "{bet}");
    }
    // Every fraction is one, and every name is its own.
    let mut names = Vec::new();
    for line in &list {
        let (above, below) = line["house_edge"].as_str().unwrap().split_once('/').unwrap();
        assert!(above.bytes().chain(below.bytes()).all(|digit| digit.is_ascii_digit()));
        assert!(!line["pays"].as_str().unwrap().is_empty());
        names.push(line["bet"].as_str().unwrap());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), list.len());
}

#[test]
fn the_odds_follow_the_rules_that_are_given() {
    let list = odds(&["--rules", r#"{"field": "double", "commission": "on_bet"}"#]);
    let edges = ["field", "buy_4", "lay_4", "pass"].map(|bet| edge(&list, bet));
    assert_eq!(edges, ["1/18", "1/21", "1/41", "7/495"]);
    for (rules, why) in [
        (r#"{"min": 0}"#, "the smallest bet is 0 chips"),
        (r#"{"feild": "double"}"#, "unknown field `feild`"),
    ] {
        let refused = run(&["craps", "odds", "--rules", rules]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn people_read_the_odds_as_a_table() {
    let output = run(&["craps", "odds"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in ["pass", "hard_8", "fire"] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{text}");
    }
    assert!(text.contains("1/11   9.09 %  9:1"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 600), "{text}");
}

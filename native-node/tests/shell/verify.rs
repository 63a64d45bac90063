//! `bitcraps verify`, through the built program, on the transcript that the core's tests keep.

use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

const TRANSCRIPT: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/data/transcript-1.bin");

fn verify(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bitcraps"))
        .arg("verify")
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has seen enough closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_true_transcript_says_who_rolled_what_and_who_has_what() {
    let output = verify(&[TRANSCRIPT, "--rolls"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let text = stdout(&output);
    for said in [
        "table ",
        "  lines    8 batches, 0.0 MB, every one true, ",
        "  rolls    3\n",
        "  members  from line 6: m0 ",
        ", has left\n",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    assert_eq!(text.matches("secrets of").count(), 3, "{text}");

    let output = verify(&["-", "--json"], &std::fs::read(TRANSCRIPT).unwrap());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&found["verified"], &found["height"]), (&json!(true), &json!(8)));
    let rolls = found["rolls"].as_array().unwrap();
    assert_eq!(rolls.len(), 3);
    assert_eq!((&rolls[2]["height"], &rolls[2]["dealt_at"]), (&json!(7), &json!([6, 6, 6, 6, 6])));
    let sum = |key: &str| -> u64 {
        let accounts = found["accounts"].as_array().unwrap();
        accounts.iter().map(|account| account[key].as_u64().unwrap()).sum()
    };
    let number = |key: &str| found[key].as_u64().unwrap();
    assert_eq!(sum("holds") + number("bank"), number("minted"));
    assert_eq!(sum("bought_in") + number("bank_at_first"), number("minted"));
}

#[test]
fn a_wrong_line_is_named_and_ends_with_1() {
    let mut bytes = std::fs::read(TRANSCRIPT).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 4;
    let output = verify(&["-", "--json"], &bytes);
    assert_eq!(output.status.code(), Some(1));
    let error = stderr(&output);
    assert!(error.starts_with("bitcraps: standard input: line 8 (at byte "), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["verified"], &told["line"]), (&json!(false), &json!(8)));
    assert_eq!(told["before"]["height"], 7, "what stands before is told");
}

#[test]
fn what_is_cut_short_foreign_missing_or_of_another_table_ends_with_1() {
    let bytes = std::fs::read(TRANSCRIPT).unwrap();
    let cut = verify(&["-"], &bytes[..bytes.len() - 1]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(stderr(&cut).contains("the file ends in the middle of this line"), "{}", stderr(&cut));
    let foreign = verify(&["-"], b"GIF89a");
    assert_eq!(foreign.status.code(), Some(1));
    assert!(stderr(&foreign).contains("this is no transcript"), "{}", stderr(&foreign));
    let missing = verify(&["/nowhere/at.all"], b"");
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).starts_with("bitcraps: cannot read /nowhere/at.all"));
    let other = verify(&[TRANSCRIPT, "--table", &"0".repeat(64)], b"");
    assert_eq!(other.status.code(), Some(1));
    assert!(stderr(&other).contains("is a true transcript, but of table"), "{}", stderr(&other));
    assert_eq!(verify(&[], b"").status.code(), Some(2), "usage");
}

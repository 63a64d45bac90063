//! One seed, one run: twice on this machine, and the same on every machine and in a browser tab.
//!
//! `golden/converge-8-seed-1.txt` holds the state hash of one run and is compared natively and in
//! wasm. After a change that is meant to alter what nodes do, write it anew:
//! `BITCRAPS_GOLDEN=write cargo test -p bitcraps-sim --test determinism`, and commit it with that
//! change.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::run;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

const GOLDEN: &str = include_str!("golden/converge-8-seed-1.txt");

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn the_golden_run_ends_in_the_golden_state() {
    let report = run("converge", Some(8), 1).unwrap();
    assert_eq!(report.violations, [], "a run that failed is no golden run\n{report}");
    #[cfg(not(target_arch = "wasm32"))]
    if std::env::var("BITCRAPS_GOLDEN").as_deref() == Ok("write") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/converge-8-seed-1.txt");
        std::fs::write(path, format!("{}\n", report.state_hash)).unwrap();
        return;
    }
    assert_eq!(
        report.state_hash,
        GOLDEN.trim(),
        "the run is not the one that was recorded; if that is meant, this file says how to \
         record it anew\n{report}"
    );
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn the_same_seed_gives_the_same_report_and_another_seed_another_state() {
    let first = run("converge", Some(5), 7).unwrap();
    assert_eq!(first, run("converge", Some(5), 7).unwrap());
    assert_ne!(first.state_hash, run("converge", Some(5), 8).unwrap().state_hash);
}

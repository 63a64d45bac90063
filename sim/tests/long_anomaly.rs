//! Faults and quiet meshes, in a form that takes seconds: one episode of each kind is found, and
//! twenty quiet minutes tell nothing. What they are worth in the long run is in
//! docs/SIMULATION.md.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::long::{EXPERIMENTS, Length};

#[test]
fn one_fault_of_each_kind_is_found_and_a_quiet_mesh_tells_nothing() {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == "anomaly").unwrap();
    let outcome = experiment.run(2, Length::Short, &mut |words| println!("{words}"));
    assert!(outcome.is_met(), "{:#?}\n{}", outcome.figures, outcome.tables.join("\n"));
}

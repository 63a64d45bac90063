//! The healing experiment in its short form: what its full form promises, for a few small meshes.
//! What it is worth in the long run is in docs/SIMULATION.md.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::long::{EXPERIMENTS, Length};

#[test]
fn splits_and_cut_nodes_are_mended_and_nobody_fights_over_a_link() {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == "heal").unwrap();
    let outcome = experiment.run(1, Length::Short, &mut |_| {});
    assert!(outcome.is_met(), "{:#?}\n{}", outcome.figures, outcome.tables.join("\n"));
}

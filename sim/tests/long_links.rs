//! Estimators and hysteresis of links, in a form that takes seconds. What was found in the long
//! run is in docs/SIMULATION.md.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::long::{EXPERIMENTS, Length};

#[test]
fn our_estimator_beats_the_documents_and_hysteresis_spares_changes_at_little_cost() {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == "links").unwrap();
    let outcome = experiment.run(1, Length::Short, &mut |_| {});
    assert!(outcome.is_met(), "{:#?}\n{}", outcome.figures, outcome.tables.join("\n"));
}

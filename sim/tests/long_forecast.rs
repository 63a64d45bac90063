//! Forecasts in a form that takes seconds: where nodes are confident, they are not far off "the
//! same as now". What they are worth in the long run is in docs/SIMULATION.md.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::long::{EXPERIMENTS, Length};

#[test]
fn forecasts_with_confidence_are_not_far_off_the_same_as_now() {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == "forecast").unwrap();
    let outcome = experiment.run(2, Length::Short, &mut |words| println!("{words}"));
    assert!(outcome.is_met(), "{:#?}\n{}", outcome.figures, outcome.tables.join("\n"));
}

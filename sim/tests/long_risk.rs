//! The forecasts of a split, in a form that takes seconds: better than the best constant guess
//! even before much was learned. What they are worth in the long run is in docs/SIMULATION.md.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_sim::long::{EXPERIMENTS, Length};

#[test]
fn forecasts_of_a_split_beat_the_best_constant_guess() {
    let experiment = EXPERIMENTS.iter().find(|e| e.name == "risk").unwrap();
    let outcome = experiment.run(1, Length::Short, &mut |_| {});
    assert!(outcome.is_met(), "{:#?}\n{}", outcome.figures, outcome.tables.join("\n"));
}

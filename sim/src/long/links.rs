//! How a node judges its links, and when it leaves one for another: two questions in one.
//!
//! *Judging* (`links/judging.rs`): the documents' estimator and ours are told the same outcomes of
//! links whose quality changes, and each says before every one how likely it is to get through.
//! *Leaving* (`links/leaving.rs`): two shipped nodes with three links between them, whose qualities
//! change, under the hysteresis that ships and under others.
//!
//! Rules, fixed before the judged seed was run; what they were fixed by came from other seeds.

mod judging;
mod leaving;

use super::{Experiment, Length, Outcome};
use bitcraps_core::seed::{Rng, Seed};

pub(super) const LINKS: Experiment = Experiment {
    name: "links",
    about: "estimators of a link's losses, and when a better link is worth a change",
    run,
};

fn run(seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let seed = Seed::from_number(seed).fork("links");
    let mut outcome = judging::run(&seed.fork("judging"), length);
    says("estimators judged");
    let left = leaving::run(&seed.fork("leaving"), length, says);
    outcome.figures.extend(left.figures);
    outcome.tables.extend(left.tables);
    outcome
}

/// Above 0, up to 1.
fn uniform(rng: &mut Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    -mean * uniform(rng).ln()
}

fn log_uniform((low, high): (f64, f64), rng: &mut Rng) -> f64 {
    low * (high / low).powf(uniform(rng))
}

//! The shipped node in a seeded world: virtual time, a virtual network with faults, invariants.
//!
//! Rules. Nothing here reads a clock, draws randomness of its own, starts a thread or touches a
//! file, so one seed gives one run on every machine and in a browser tab; [`Report::state_hash`]
//! says whether it did. The nodes are those that ship: nothing in the core knows that it is
//! simulated. `docs/SIMULATION.md` explains the model and how to replay a seed.
//!
//! ```
//! let report = bitcraps_sim::run("converge", Some(3), 1).expect("a known scenario");
//! println!("{report}");
//! ```

#![forbid(unsafe_code)]

pub mod invariant;
pub mod liar;
pub mod long;
pub mod net;
pub mod scenario;
pub mod world;

mod case;
mod digest;
mod fault;
mod host;
mod machine;
mod report;
mod topology;

pub use machine::{Death, Life};
pub use report::{Report, StageReport};
pub use scenario::{SCENARIOS, Scenario, UnknownScenario};
pub use topology::{Plane, Topology};

/// Runs one scenario to its end or to its first missed goal. Nothing is printed: say the seed
/// before the call, so that a panic inside a node can be replayed.
pub fn run(scenario: &str, nodes: Option<usize>, seed: u64) -> Result<Report, UnknownScenario> {
    Ok(run_scenario(scenario::named(scenario, nodes, seed)?, seed))
}

/// Runs a scenario of one's own making.
pub fn run_scenario(scenario: Scenario, seed: u64) -> Report {
    case::Case::new(scenario, seed).run()
}

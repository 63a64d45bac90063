//! `bitcraps sim`: one scenario of the simulator, and its report.

use crate::{cli, terminal};
use anyhow::ensure;

/// The scenarios, for the end of the help.
pub fn scenarios() -> String {
    let width = bitcraps_sim::SCENARIOS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    bitcraps_sim::SCENARIOS.iter().fold("Scenarios:".to_owned(), |text, s| {
        let (name, about) = (s.name, s.about);
        let (least, most, usual) = (s.nodes_min, s.nodes_max, s.nodes_default);
        format!("{text}\n  {name:width$}  {about} ({least} to {most} nodes, {usual} by default)")
    })
}

/// Fails when an invariant was violated or a goal was missed.
pub fn run(flags: &cli::Sim) -> anyhow::Result<()> {
    // Said before the run, so that whatever happens in it can be replayed.
    let (scenario, seed) = (&flags.scenario, flags.seed);
    terminal::complain(&format!("simulating {scenario} with seed {seed}"));
    let report = bitcraps_sim::run(scenario, flags.nodes, seed)?;
    match flags.json {
        true => terminal::say(&serde_json::to_string(&report)?),
        false => terminal::say(&report.to_string()),
    }
    let found = report.violations.len();
    ensure!(found == 0, "{found} violations; the same scenario, nodes and seed show them again");
    Ok(())
}

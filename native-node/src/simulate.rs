//! `bitcraps sim`: one scenario of the simulator and its report, many seeds of it, or the long
//! experiments.

mod worlds;

use crate::{cli, terminal};
use anyhow::{bail, ensure};
use bitcraps_sim::long::{EXPERIMENTS, Length};

/// The scenarios, for the end of the help.
pub fn scenarios() -> String {
    let width = bitcraps_sim::SCENARIOS.iter().map(|s| s.name.len()).max().unwrap_or(0);
    bitcraps_sim::SCENARIOS.iter().fold("Scenarios:".to_owned(), |text, s| {
        let (name, about) = (s.name, s.about);
        let (least, most) = (s.nodes_min, s.nodes_max);
        let usual = s.nodes_default.map_or("drawn".to_owned(), |n| n.to_string());
        format!("{text}\n  {name:width$}  {about} ({least} to {most} nodes, {usual} by default)")
    })
}

/// Fails when an invariant was violated, a goal was missed or a promise was not kept.
pub fn run(flags: &cli::Sim) -> anyhow::Result<()> {
    match (&flags.scenario, &flags.long) {
        (_, Some(name)) => experiments(name, flags.seed),
        (Some(scenario), None) => match flags.worlds {
            Some(count) => many_worlds(scenario, count, flags),
            None => one_scenario(scenario, flags),
        },
        (None, None) => bail!("say which: --scenario NAME, or --long"),
    }
}

fn one_scenario(scenario: &str, flags: &cli::Sim) -> anyhow::Result<()> {
    // Said before the run, so that whatever happens in it can be replayed.
    let seed = flags.seed;
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

fn many_worlds(scenario: &str, count: u64, flags: &cli::Sim) -> anyhow::Result<()> {
    let sum = worlds::run(scenario, flags.nodes, flags.seed, count)?;
    match flags.json {
        true => terminal::say(&serde_json::to_string(&sum)?),
        false => terminal::say(&sum.line()),
    }
    let broken: Vec<String> = sum.broken.iter().map(u64::to_string).collect();
    ensure!(
        broken.is_empty(),
        "these seeds show violations again, one by one with --seed: {}",
        broken.join(", ")
    );
    Ok(())
}

/// All experiments, or the one of this name.
fn experiments(name: &str, seed: u64) -> anyhow::Result<()> {
    let chosen = || EXPERIMENTS.iter().filter(|e| name == "all" || e.name == name);
    if chosen().next().is_none() {
        let names: Vec<&str> = EXPERIMENTS.iter().map(|e| e.name).collect();
        bail!("no experiment is called {name:?}; there are: {}", names.join(", "));
    }
    let mut missed = 0;
    for experiment in chosen() {
        let mut says = |what: &str| terminal::complain(&format!("{}: {what}", experiment.name));
        says(&format!("{}; seed {seed}", experiment.about));
        let outcome = experiment.run(seed, Length::Full, &mut says);
        terminal::say(&format!("\n### {}: {}\n", experiment.name, experiment.about));
        terminal::say("| what | measured | promised | kept |\n|---|---|---|---|");
        for figure in &outcome.figures {
            terminal::say(&figure.to_string());
            missed += usize::from(!figure.is_met());
        }
        for table in &outcome.tables {
            terminal::say(&format!("\n{table}"));
        }
    }
    ensure!(missed == 0, "{missed} promises were not kept; the same seed shows it again");
    Ok(())
}

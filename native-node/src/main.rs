//! The program `bitcraps`: reads what was asked, does it, and turns the outcome into an exit code
//! (0 done, 1 failed, 2 wrong usage or configuration).

#![forbid(unsafe_code)]

mod ask;
mod cli;
mod client;
mod craps;
mod graph;
mod lines;
mod run;
mod simulate;
mod terminal;

use bitcraps_node::{config::Problems, start};
use clap::Parser as _;
use cli::{Cli, Task};
use std::{process::ExitCode, time::Instant};

fn main() -> ExitCode {
    let since = Instant::now();
    let cli = Cli::parse();
    let done = match cli.task {
        Task::Run(flags) => run::run(*flags, since),
        Task::Id(flags) => id(&flags),
        Task::Status(flags) => ask::status(&flags),
        Task::Table(task) => ask::table(&task),
        Task::Sim(flags) => simulate::run(&flags),
        Task::Graph(flags) => graph::run(&flags),
        Task::Craps(task) => craps::run(&task),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let wrong_usage = e.is::<Problems>() || e.is::<bitcraps_sim::UnknownScenario>();
            match e.downcast_ref::<Problems>() {
                Some(problems) => terminal::complain(&problems.to_string()),
                None => terminal::complain(&format!("bitcraps: {e:#}")),
            }
            if wrong_usage { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn id(flags: &cli::Id) -> anyhow::Result<()> {
    let settings = cli::settings(None, &[("data", flags.data.iter().cloned().collect())])?;
    let id = start::peer_id(&settings.data, settings.work_bits)?;
    match flags.json {
        true => terminal::say(&serde_json::json!({ "peer_id": id }).to_string()),
        false => terminal::say(&id.to_string()),
    }
    Ok(())
}

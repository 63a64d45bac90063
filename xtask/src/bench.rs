//! `cargo xtask bench`: the benchmarks, on what is shipped.

use crate::{
    run,
    steps::{self, Shown},
    workspace::Workspace,
};
use anyhow::Result;
use std::process::ExitCode;

/// Builds the web client and the node in release, then runs the benchmarks with `args`.
pub fn bench(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    run::build(workspace)?;
    steps::announce(3, 3, "running the benchmarks");
    let mut command = workspace.cargo(&["bench", "--package", "bitcraps-tests"]);
    command.args(args).env("BITCRAPS_BIN", workspace.node_binary());
    let finished = steps::run(&mut command, Shown::Live)?;
    Ok(if finished.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

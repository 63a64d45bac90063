//! `cargo xtask bench`: the benchmarks, on what is shipped.

use crate::{
    run,
    steps::{self, Shown},
    workspace::Workspace,
};
use anyhow::Result;
use std::process::ExitCode;

/// The parts first, so that the table of figures that people notice ends what is printed.
const BENCHES: [&str; 2] = ["micro", "figures"];

/// Builds the web client and the node in release, then runs the benchmarks with `args`: names of
/// benchmarks or of sections of the table.
pub fn bench(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    run::build(workspace)?;
    steps::announce(3, 3, "running the benchmarks");
    let mut success = true;
    for name in BENCHES {
        let mut command =
            workspace.cargo(&["bench", "--package", "bitcraps-tests", "--bench", name, "--"]);
        command.args(args).env("BITCRAPS_BIN", workspace.node_binary());
        command.env("CARGO_TARGET_DIR", &workspace.target);
        success &= steps::run(&mut command, Shown::Live)?.success;
    }
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

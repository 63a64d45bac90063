//! `cargo xtask run`: the web client, the node in release, and the node started.

use crate::{
    steps::{self, Shown},
    web,
    workspace::Workspace,
};
use anyhow::{Context as _, Result};
use std::{
    process::{Command, ExitCode},
    time::Instant,
};

/// Builds, then becomes `bitcraps run ARGS`: its signals and its exit code are the node's.
pub fn run(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    build(workspace)?;
    steps::announce(3, 3, "the node");
    let mut node = Command::new(workspace.node_binary());
    // The `--` that ends xtask's own arguments is not the node's.
    node.arg("run").args(args.strip_prefix(&["--"]).unwrap_or(args));
    become_program(&mut node)
}

/// Builds, then becomes `bitcraps sim ARGS`.
pub fn simulate(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    build(workspace)?;
    steps::announce(3, 3, "the simulator");
    let mut simulator = Command::new(workspace.node_binary());
    simulator.arg("sim").args(args.strip_prefix(&["--"]).unwrap_or(args));
    become_program(&mut simulator)
}

/// The web client and the node, as both are shipped.
pub fn build(workspace: &Workspace) -> Result<()> {
    steps::announce(1, 3, "building the web client");
    web::build(workspace, Shown::Live)?;
    steps::announce(2, 3, "building the node");
    let started = Instant::now();
    build_node(workspace, Shown::Live)?;
    println!("      node: {}", steps::seconds(started.elapsed()));
    Ok(())
}

/// The node alone. The web client must be there, because it is embedded.
pub fn build_node(workspace: &Workspace, shown: Shown) -> Result<String> {
    let mut command = workspace.cargo(&["build", "--release", "--package", "bitcraps-node"]);
    if workspace.target != workspace.root.join("target") {
        // The node looks for the client in the workspace unless it is told otherwise.
        command.env("BITCRAPS_WEB_DIST", workspace.target.join("web"));
    }
    steps::must(&mut command, shown)
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).with_context(|| format!("cannot run {:?}", command.get_program()))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

//! The house rules that no compiler knows, as checks.
//!
//! - `lines`: form of every file: columns, blanks, module docs, length.
//! - `words`: what says that something is pretended, and paths of somebody's machine.
//! - `purity`: the core does no I/O, reads no clock, shares nothing.
//! - `manifests`: a reason for every dependency, versions that must agree.
//! - `status`: every system of the project has its row.
//!
//! Formatting and lints are left to rustfmt and clippy.

mod lines;
mod manifests;
mod purity;
mod status;
mod words;

use crate::{
    source::{Finding, files},
    workspace::Workspace,
};
use anyhow::Result;

/// Formats that are written by hand.
const EXTENSIONS: [&str; 9] =
    ["rs", "toml", "md", "html", "css", "js", "json", "webmanifest", "svg"];

pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let sources = files(&workspace.root, &EXTENSIONS)?;
    let mut findings = Vec::new();
    for source in &sources {
        findings.extend(lines::findings(source));
        findings.extend(words::findings(source));
        findings.extend(purity::findings(source));
        findings.extend(manifests::findings(source));
    }
    findings.extend(manifests::agreement(&sources, workspace.locked_version("wasm-bindgen")?));
    findings.extend(status::findings(&sources));
    Ok(findings)
}

//! What a run was like: the JSON of `bitcraps sim --json`, and a few lines for people.

use crate::invariant::Violation;
use core::fmt;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub scenario: String,
    pub nodes: usize,
    pub seed: u64,
    /// Virtual time at the end.
    pub virtual_ms: u64,
    /// The first time at which every node's map was the whole truth.
    pub converged_ms: Option<u64>,
    /// Frames that nodes sent, and their bytes.
    pub messages: u64,
    pub bytes: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub congested: u64,
    pub rolls: u64,
    pub tables: u64,
    /// Entries of the world's calendar that happened.
    pub events: u64,
    pub stages: Vec<StageReport>,
    /// Empty when all is well.
    pub violations: Vec<Violation>,
    /// BLAKE3 over every node's final view and everything that happened, hex.
    pub state_hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageReport {
    pub name: String,
    /// Virtual time from the stage's start until its goals held; missing when they never did.
    pub took_ms: Option<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} with {} nodes, seed {}", self.scenario, self.nodes, self.seed)?;
        for stage in &self.stages {
            match stage.took_ms {
                Some(ms) => writeln!(f, "  {:>8} ms  {}", ms, stage.name)?,
                None => writeln!(f, "    missed    {}", stage.name)?,
            }
        }
        match self.converged_ms {
            Some(ms) => writeln!(f, "converged after {ms} ms")?,
            None => writeln!(f, "never converged")?,
        }
        writeln!(
            f,
            "{} ms of virtual time, {} messages, {} bytes ({} lost, {} doubled, {} congested)",
            self.virtual_ms, self.messages, self.bytes, self.lost, self.duplicated, self.congested
        )?;
        writeln!(f, "{} tables, {} rolls, {} events", self.tables, self.rolls, self.events)?;
        match self.violations.len() {
            0 => writeln!(f, "no invariant was violated")?,
            n => writeln!(f, "{n} violations:")?,
        }
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        write!(f, "state {}", self.state_hash)
    }
}

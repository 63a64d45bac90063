//! What a run was like: the JSON of `bitcraps sim --json`, and a few lines for people.

use crate::{invariant::Violation, liar::Lie};
use core::fmt;
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// Nodes that lied, how often in which way, and how many of them were accused and expelled.
    pub liars: Vec<usize>,
    pub lies: BTreeMap<Lie, u64>,
    pub accused: u64,
    pub expelled: u64,
    /// Votes of others that liars listened to.
    pub votes: u64,
    /// What honest nodes could not read or open, in their last lives.
    pub unread: u64,
    /// Deaths of nodes.
    pub crashes: u64,
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
        writeln!(
            f,
            "{} tables, {} rolls, {} crashes, {} events",
            self.tables, self.rolls, self.crashes, self.events
        )?;
        if !self.liars.is_empty() {
            let liars: Vec<String> = self.liars.iter().map(usize::to_string).collect();
            let lies: Vec<String> =
                self.lies.iter().map(|(lie, times)| format!("{lie:?} {times}")).collect();
            let (who, what) = (liars.join(", "), lies.join(", "));
            let (accused, expelled) = (self.accused, self.expelled);
            writeln!(f, "lied: {who}; {accused} accused; {expelled} expelled; {what}")?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariant::Invariant;

    #[test]
    fn the_json_and_the_text_show_what_others_rely_on() {
        let violation = Violation {
            at_ms: 7,
            node: Some(3),
            invariant: Invariant::OneLog,
            what: "two".to_owned(),
        };
        let stages = vec![StageReport { name: "the mesh forms".to_owned(), took_ms: None }];
        let report = Report {
            scenario: "line".to_owned(),
            nodes: 5,
            seed: 9,
            virtual_ms: 1,
            converged_ms: None,
            messages: 2,
            bytes: 3,
            lost: 0,
            duplicated: 0,
            congested: 0,
            rolls: 0,
            tables: 0,
            liars: vec![2],
            lies: [(Lie::TwoVotes, 9)].into(),
            accused: 1,
            expelled: 1,
            votes: 4,
            unread: 0,
            crashes: 0,
            events: 4,
            stages,
            violations: vec![violation],
            state_hash: "ab".to_owned(),
        };
        let json = serde_json::to_value(&report).unwrap();
        for field in [
            "scenario",
            "nodes",
            "seed",
            "virtual_ms",
            "converged_ms",
            "messages",
            "bytes",
            "violations",
            "state_hash",
        ] {
            assert!(json.get(field).is_some(), "{field}");
        }
        assert_eq!(json["converged_ms"], serde_json::Value::Null);
        assert_eq!(json["lies"]["two_votes"], 9);
        assert_eq!(json["violations"][0]["invariant"], "one_log");
        let text = report.to_string();
        assert!(text.contains("missed    the mesh forms"), "{text}");
        assert!(text.contains("lied: 2; 1 accused; 1 expelled; TwoVotes 9"), "{text}");
        assert!(text.contains("7 ms, node 3: OneLog: two"), "{text}");
    }
}

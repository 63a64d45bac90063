//! What a repair is for and how far it is: words of the view (`docs/API.md`).

use crate::id::PeerId;
use serde::{Deserialize, Serialize};

/// What a repair is for, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Joins two parts of a fallen-apart mesh.
    JoinParts,
    /// Leads around a cut node or a cut edge.
    Bypass,
    /// Brings a seated player nearer to its table's leader.
    Table,
    /// Shortens the longest paths.
    Shortcut,
    /// Closes triangles.
    Thicken,
}

/// How far a repair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Found; waits for its turn or for somebody to apply it.
    Planned,
    /// Being dialled.
    Trying,
    /// Linked; the next snapshot will tell whether it helped.
    Linked,
    /// A snapshot showed the gain.
    Verified,
    /// Linked, but the figures are no better.
    NoGain,
    /// Could not be linked; tried again later.
    Failed,
    /// Failed too often.
    GivenUp,
}

/// Every state, in order.
pub const STATES: [State; 7] = [
    State::Planned,
    State::Trying,
    State::Linked,
    State::Verified,
    State::NoGain,
    State::Failed,
    State::GivenUp,
];

/// Whether planned repairs are made without being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Automatic,
    /// Only those that somebody applies.
    OnRequest,
}

/// What a link would change, by the map it was planned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gain {
    /// A peer that no path leads to any more.
    Reaches,
    /// A path around a node whose loss would cut others off.
    Around { node: PeerId, cuts_off: u32 },
    /// Hops to the table's leader.
    Nearer { leader: PeerId, from: u32, to: u32 },
    /// Hops of the longest shortest path.
    Shorter { from: u32, to: u32 },
    /// Mean local clustering in thousandths.
    Thicker { from: u32, to: u32 },
}

impl Gain {
    pub fn goal(self) -> Goal {
        match self {
            Gain::Reaches => Goal::JoinParts,
            Gain::Around { .. } => Goal::Bypass,
            Gain::Nearer { .. } => Goal::Table,
            Gain::Shorter { .. } => Goal::Shortcut,
            Gain::Thicker { .. } => Goal::Thicken,
        }
    }

    pub fn sentence(self) -> String {
        let from_to = |what: &str, from: String, to: String| {
            [what, " falls from ", &from, " to ", &to].concat()
        };
        match self {
            Gain::Reaches => "reaches a part of the mesh that no path leads to".to_owned(),
            Gain::Around { node, cuts_off } => {
                let (node, lost) = (node.short(), cuts_off.to_string());
                ["leads around ", &node, ", whose loss cuts ", &lost, " nodes off"].concat()
            }
            Gain::Nearer { leader, from, to } => {
                let what = ["the way to ", &leader.short(), ", who leads the table,"].concat();
                from_to(&what, from.to_string(), [&to.to_string(), " hops"].concat())
            }
            Gain::Shorter { from, to } => {
                from_to("the diameter", from.to_string(), [&to.to_string(), " hops"].concat())
            }
            Gain::Thicker { from, to } => {
                let (from, to) = (thousandths(from), thousandths(to));
                ["the clustering rises from ", &from, " to ", &to].concat()
            }
        }
    }
}

fn thousandths(n: u32) -> String {
    let digits = (1000 + n % 1000).to_string();
    [&(n / 1000).to_string(), ".", &digits[1..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_listed_once_in_order() {
        assert!(STATES.iter().enumerate().all(|(i, state)| *state as usize == i));
    }

    #[test]
    fn gains_are_sentences_with_their_figures() {
        let node = PeerId::from_bytes([7; 32]);
        let short = node.short();
        assert_eq!(
            Gain::Around { node, cuts_off: 3 }.sentence(),
            format!("leads around {short}, whose loss cuts 3 nodes off")
        );
        assert_eq!(
            Gain::Nearer { leader: node, from: 4, to: 1 }.sentence(),
            format!("the way to {short}, who leads the table, falls from 4 to 1 hops")
        );
        assert_eq!(
            Gain::Shorter { from: 12, to: 7 }.sentence(),
            "the diameter falls from 12 to 7 hops"
        );
        assert_eq!(
            Gain::Thicker { from: 50, to: 1000 }.sentence(),
            "the clustering rises from 0.050 to 1.000"
        );
    }
}

//! What the election room is shown, what it says, and what it counts.

use super::Mark;
use crate::{
    id::{NodeKind, PeerId},
    sorted::SortedMap,
    time::Instant,
};

/// One who may vote and be voted for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elector {
    pub peer: PeerId,
    pub key: [u8; 32],
    pub kind: NodeKind,
    /// Links that both ends announce.
    pub links: usize,
    /// From 0 to 1; 0.5 for whoever nothing is known of.
    pub trust: f64,
}

/// What to do, or what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Flood(Vec<u8>),
    Send {
        to: PeerId,
        bytes: Vec<u8>,
    },
    /// This one leads from now on.
    Elected {
        leader: PeerId,
        term: u64,
    },
    /// Nobody leads any more.
    Lost {
        leader: PeerId,
        term: u64,
    },
    /// It voted twice in one term.
    DoubleVote {
        culprit: PeerId,
        term: u64,
    },
}

/// What is to be done with a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It told something: pass it on.
    Relay,
    /// Known, void or false.
    Drop,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub stood: u64,
    pub voted: u64,
    pub elected: u64,
    pub lost: u64,
    pub refused: u64,
    pub double_votes: u64,
}

/// Who leads, by whose votes, since when.
#[derive(Clone, Debug)]
pub struct Leader {
    pub peer: PeerId,
    pub term: u64,
    pub since: Instant,
    pub(super) votes: SortedMap<PeerId, Mark>,
}

impl Leader {
    pub fn votes(&self) -> usize {
        self.votes.len()
    }
}

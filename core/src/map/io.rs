//! What a map is told at its start, what it says, and what it counts.

use super::Message;
use crate::{
    crypto::identity::WORK_BITS_DEFAULT,
    id::{NodeKind, PeerId},
    time::Duration,
};

/// Settings. Every field has a working default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Leading zero bits of work that every announcement's author must show.
    pub work_bits: u8,
    /// 1 to 32 bytes of UTF-8 without control characters; otherwise the short peer id is used.
    pub name: String,
    pub kind: NodeKind,
    /// A node not heard for this long is forgotten. Three refreshes and a digest period.
    pub expiry: Duration,
    /// Announce at least this often; the gap varies from 4/5 of it to all of it.
    pub refresh: Duration,
    /// Least time between two announcements, unless a neighbour is lost.
    pub quiet_gap: Duration,
    /// Least time before an announcement that only brings new figures for the same links. Guess.
    pub figures_gap: Duration,
    /// Compare maps with every neighbour this often; varies as `refresh` does.
    pub digest_every: Duration,
    /// Compare maps this long after a change, so that a lost flood is made good soon. Guess.
    pub digest_after_change: Duration,
    /// A split shorter than this is not told. Guess: the time to redial.
    pub settling_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            work_bits: WORK_BITS_DEFAULT,
            name: "peer".to_owned(),
            kind: NodeKind::Regular,
            expiry: Duration::from_secs(90),
            refresh: Duration::from_secs(25),
            quiet_gap: Duration::from_millis(100),
            figures_gap: Duration::from_secs(5),
            digest_every: Duration::from_secs(10),
            digest_after_change: Duration::from_secs(1),
            settling_time: Duration::from_secs(1),
        }
    }
}

/// Whether an announcement told something. Relay the new, drop the stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    New,
    Stale,
}

/// What to do, or what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Flood this signed announcement of ours.
    Flood(Vec<u8>),
    /// To a neighbour.
    Send { to: PeerId, message: Message },
    /// Nodes, links, names or attachments are not what they were.
    Changed,
    /// What was one mesh fell into these parts, largest first.
    PartitionFormed { parts: Vec<Vec<PeerId>> },
    /// One mesh again; or the missing were forgotten.
    PartitionHealed,
    /// Others hold a newer word of an earlier life of this node, so its clock has gone back:
    /// whoever else numbers by the clock has to start from this version too.
    EarlierLifeHeard { version: u64 },
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Announcements of ours.
    pub announced: u64,
    /// Announcements of others: news, old news, and refused.
    pub accepted: u64,
    pub stale: u64,
    pub refused: u64,
    /// Times a newer word of an earlier life of this node was heard.
    pub own_word_overtaken: u64,
    pub digests_sent: u64,
    /// Messages between neighbours that broke a bound or came from nobody we know.
    pub messages_refused: u64,
    /// Digests that came too soon after the last.
    pub digests_unanswered: u64,
    pub expired: u64,
    /// Unreachable nodes that made room for new ones.
    pub evicted: u64,
    /// Outputs lost because nobody drained them.
    pub outputs_dropped: u64,
    pub partitions_formed: u64,
}

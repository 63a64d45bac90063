//! Settings of the health room, and what it is told of.

use crate::{
    id::{PeerId, TableId},
    time::Duration,
};

/// Settings. Every field has a working default.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Between two snapshots of a mesh in which nothing happens.
    pub interval: Duration,
    /// A change is looked at once nothing more changed for this long. Guess: a flood has reached
    /// everybody by then.
    pub debounce: Duration,
    /// Under steady change a snapshot waits no longer than this. Guess.
    pub change_wait_max: Duration,
    /// Two snapshots are at least so far apart.
    pub gap_min: Duration,
    /// How far ahead the risk of a split looks. Guess: a roll of the dice is over by then.
    pub horizon: Duration,
    pub thresholds: Thresholds,
}

/// What raises an alert or earns an advice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Probability of a split, above.
    pub risk: f64,
    /// Hops, above.
    pub diameter: u32,
    /// Mean local clustering, below.
    pub clustering: f64,
    /// Share of pairs that one cut node joins, above.
    pub cut_node_load: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            interval: Duration::from_secs(5),
            debounce: Duration::from_millis(500),
            change_wait_max: Duration::from_secs(2),
            gap_min: Duration::from_secs(1),
            horizon: Duration::from_secs(60),
            thresholds: Thresholds { risk: 0.7, diameter: 8, clustering: 0.3, cut_node_load: 0.8 },
        }
    }
}

/// The mesh as the map shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Ascending.
    pub nodes: Vec<PeerId>,
    /// Those of them that say they have no links: they left by their own word. Ascending.
    pub left: Vec<PeerId>,
    /// Ascending by `a`, then `b`; one per pair of nodes.
    pub links: Vec<Link>,
}

/// A pair of nodes that are linked, by whatever transports; `a` is the smaller id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub a: PeerId,
    pub b: PeerId,
    /// One way, of the fastest transport; missing until measured.
    pub latency: Option<Duration>,
    /// Of the most reliable transport, 0 to 1.
    pub reliability: f32,
}

/// What this node measures itself, as it stands when a snapshot is taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// Counts since the start.
    pub bytes_in: u64,
    pub packets_in: u64,
    pub congested: u64,
    /// Ascending by peer.
    pub neighbours: Vec<NeighbourReading>,
    /// Who sits at the tables of this node.
    pub tables: Vec<(TableId, Vec<PeerId>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NeighbourReading {
    pub peer: PeerId,
    pub rtt: Option<Duration>,
    pub reliability: f32,
    /// Packets since its link opened.
    pub packets_in: u64,
}

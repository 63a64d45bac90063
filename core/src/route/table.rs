//! Which way: costs of links, cheapest paths, and another way when the first fails.
//!
//! The cost of a link is the time a message is expected to take over it, in microseconds: (latency
//! plus a fixed share per hop) divided by reliability, since a link that loses every second message
//! takes two sendings (ETX: De Couto, Aguayo, Bicket, Morris, "A high-throughput path metric for
//! multi-hop wireless routing", MobiCom 2003). Integers, so that every node computes the same
//! costs; all above zero, so that hop-by-hop forwarding over one map has no loops.
//!
//! Our own links are taken from those who can be handed a message now, not from the map: a link
//! that just broke is not used, one that just came up is.

use super::message::VIA_HOPS_MAX;
use crate::{
    graph::{self, Graph, Tree},
    id::PeerId,
    sorted::SortedSet,
    time::Duration,
};

/// What a link is taken to cost in time until it was measured: slower than any wire, so that
/// measured links come first. Guess.
pub const LATENCY_UNMEASURED: Duration = Duration::from_millis(20);
/// Added per hop: handling a message costs something even on loopback. Guess.
const HOP_US: u64 = 500;
/// Reliability counts in thousandths and not below this: twenty sendings is as bad as it gets.
const RELIABILITY_MIN: u64 = 50;

/// A link between two nodes, the same in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub a: PeerId,
    pub b: PeerId,
    /// One way; missing until measured.
    pub latency: Option<Duration>,
    /// The share of messages that get through, 0 to 1.
    pub reliability: f32,
}

/// The mesh as the map has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Every node and its X25519 public key.
    pub nodes: Vec<(PeerId, [u8; 32])>,
    pub edges: Vec<Edge>,
}

/// Expected microseconds over one link; at least 1.
fn cost(latency: Option<Duration>, reliability: f32) -> u32 {
    let latency_us = latency.unwrap_or(LATENCY_UNMEASURED).as_micros().min(u128::from(u32::MAX));
    // A float that is no number casts to 0 and is lifted to the minimum.
    let reliability = ((reliability * 1000.0) as u64).clamp(RELIABILITY_MIN, 1000);
    let cost = (latency_us as u64 + HOP_US) * 1000 / reliability;
    u32::try_from(cost).unwrap_or(u32::MAX)
}

/// Cheapest paths from one node.
pub(super) struct Table {
    own: u32,
    /// Ascending; the graph's nodes by index.
    ids: Vec<PeerId>,
    graph: Graph,
    tree: Tree,
}

impl Table {
    /// O((n + m) log (n + m)). `neighbours` ascends.
    pub(super) fn new(own: PeerId, topology: &Topology, neighbours: &[PeerId]) -> Table {
        let mut ids: SortedSet<PeerId> = topology.nodes.iter().map(|(id, _)| *id).collect();
        ids.extend(neighbours.iter().copied());
        ids.insert(own);
        let ids: Vec<PeerId> = ids.into_iter().collect();
        let mut charted = vec![false; neighbours.len()];
        let mut edges = Vec::with_capacity(topology.edges.len() + neighbours.len());
        for edge in &topology.edges {
            let ends = (ids.binary_search(&edge.a), ids.binary_search(&edge.b));
            let (Ok(a), Ok(b)) = ends else { continue };
            if edge.a == own || edge.b == own {
                let other = if edge.a == own { edge.b } else { edge.a };
                let Ok(at) = neighbours.binary_search(&other) else { continue };
                charted[at] = true;
            }
            let cost = cost(edge.latency, edge.reliability);
            edges.push(graph::Edge { a: a as u32, b: b as u32, cost });
        }
        // Ourselves and every neighbour were put into `ids` above.
        let index = |id: &PeerId| ids.binary_search(id).map_or(u32::MAX, |i| i as u32);
        for (neighbour, _) in neighbours.iter().zip(&charted).filter(|(_, charted)| !**charted) {
            edges.push(graph::Edge { a: index(&own), b: index(neighbour), cost: cost(None, 1.0) });
        }
        let graph = Graph::new(ids.len() as u32, &edges);
        let own = index(&own);
        let tree = graph::shortest_paths(&graph, own);
        Table { own, ids, graph, tree }
    }

    fn index(&self, id: PeerId) -> Option<u32> {
        self.ids.binary_search(&id).ok().map(|i| i as u32)
    }

    fn names(&self, path: &[u32]) -> Vec<PeerId> {
        path.iter().map(|i| self.ids[*i as usize]).collect()
    }

    pub(super) fn distance(&self, to: PeerId) -> Option<Duration> {
        self.tree.distance(self.index(to)?).map(Duration::from_micros)
    }

    pub(super) fn next_hop(&self, to: PeerId) -> Option<PeerId> {
        self.tree.first_hop(self.index(to)?).map(|hop| self.ids[hop as usize])
    }

    /// The first hop of the cheapest path that does not start towards `barred`.
    pub(super) fn next_hop_not_to(&self, to: PeerId, barred: PeerId) -> Option<PeerId> {
        let avoid = [(self.own, self.index(barred)?)];
        let path = graph::path_avoiding(&self.graph, self.own, self.index(to)?, &avoid)?;
        path.get(1).map(|hop| self.ids[*hop as usize])
    }

    /// Both ends included.
    pub(super) fn path(&self, to: PeerId) -> Option<Vec<PeerId>> {
        self.tree.path(self.index(to)?).map(|path| self.names(&path))
    }

    /// The hops after ourselves to `to` on the cheapest path that shares no link with `failed`, or
    /// else not its first link. `None` when there is neither, or it is too long to write down.
    pub(super) fn other_hops(&self, failed: &[PeerId], to: PeerId) -> Option<Vec<PeerId>> {
        let to = self.index(to)?;
        let avoid: Vec<(u32, u32)> = failed
            .windows(2)
            .filter_map(|link| Some((self.index(link[0])?, self.index(link[1])?)))
            .collect();
        let around = |avoid: &[(u32, u32)]| graph::path_avoiding(&self.graph, self.own, to, avoid);
        let path = around(&avoid).or_else(|| around(avoid.get(..1)?))?;
        (path.len() <= VIA_HOPS_MAX + 1).then(|| self.names(&path[1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_link_is_its_expected_time() {
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(cost(ms(10), 1.0), 10_500);
        assert_eq!(cost(ms(10), 0.5), 21_000);
        assert_eq!(cost(None, 1.0), 20_500);
        for nonsense in [0.0, -1.0, f32::NAN, f32::NEG_INFINITY] {
            assert_eq!(cost(ms(10), nonsense), 210_000);
        }
        assert_eq!(cost(Some(Duration::MAX), 0.0), u32::MAX);
        assert_eq!(cost(Some(Duration::ZERO), f32::INFINITY), 500);
    }
}

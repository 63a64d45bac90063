//! The topology as an index graph with its figures, kept from one snapshot to the next.
//!
//! Costs of the graph are latencies in microseconds, 1 where nothing was measured.

use super::{Link, Topology};
use crate::{
    graph::{Analyser, Edge, Figures, Graph},
    id::PeerId,
};

/// What the figures of a snapshot belong to.
#[derive(Clone, Copy)]
pub struct Mesh<'a> {
    /// Ascending; the node of the graph with the same index.
    pub ids: &'a [PeerId],
    pub graph: &'a Graph,
    pub figures: &'a Figures,
}

pub(super) struct Kept {
    ids: Vec<PeerId>,
    edges: Vec<Edge>,
    graph: Graph,
    analyser: Analyser,
}

impl Kept {
    pub(super) fn new() -> Kept {
        Kept {
            ids: Vec::new(),
            edges: Vec::new(),
            graph: Graph::default(),
            analyser: Analyser::new(),
        }
    }

    pub(super) fn mesh(&self) -> Mesh<'_> {
        Mesh { ids: &self.ids, graph: &self.graph, figures: self.analyser.figures() }
    }

    pub(super) fn index(&self, id: &PeerId) -> Option<u32> {
        self.ids.binary_search(id).ok().map(|index| index as u32)
    }

    /// One per link of the topology that was taken last, in its order.
    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Becomes the graph of this topology.
    pub(super) fn take(&mut self, topology: &Topology) {
        self.ids.clone_from(&topology.nodes);
        let edge = |link: &Link| {
            let index = |id| self.ids.binary_search(id).map_or(u32::MAX, |at| at as u32);
            let cost = link.latency.map_or(1, |latency| latency.as_micros().max(1) as u32);
            Edge { a: index(&link.a), b: index(&link.b), cost }
        };
        self.edges.clear();
        self.edges.extend(topology.links.iter().map(edge));
        self.graph.rebuild(self.ids.len() as u32, &self.edges);
        self.analyser.analyse(&self.graph);
    }
}

//! The topology as an index graph with its figures, kept from one snapshot to the next.
//!
//! A handful of links that came or went is edited into the figures; more than that, or another set
//! of nodes, is computed anew. Both give the same figures.
//!
//! Costs of the graph are latencies in microseconds, 1 where nothing was measured.

use super::{Link, Topology};
use crate::{
    graph::{Edge, Figures, Graph, Live},
    id::PeerId,
};
use core::cmp::Ordering;

/// Up to so many links that came or went are edited in. Guess: a node that lost all its links.
const EDITS_MAX: usize = 8;

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
    /// Those of the topology before.
    before: Vec<Edge>,
    graph: Graph,
    live: Live,
    edits: Vec<(Edge, Edit)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Link,
    Unlink,
}

impl Kept {
    pub(super) fn new() -> Kept {
        Kept {
            ids: Vec::new(),
            edges: Vec::new(),
            before: Vec::new(),
            graph: Graph::default(),
            live: Live::new(0),
            edits: Vec::new(),
        }
    }

    pub(super) fn mesh(&self) -> Mesh<'_> {
        Mesh { ids: &self.ids, graph: &self.graph, figures: self.live.figures() }
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
        let same_nodes = self.ids == topology.nodes;
        if !same_nodes {
            self.ids.clone_from(&topology.nodes);
        }
        core::mem::swap(&mut self.before, &mut self.edges);
        let edge = |link: &Link| {
            let index = |id| self.ids.binary_search(id).map_or(u32::MAX, |at| at as u32);
            let cost = link.latency.map_or(1, |latency| latency.as_micros().max(1) as u32);
            Edge { a: index(&link.a), b: index(&link.b), cost }
        };
        self.edges.clear();
        self.edges.extend(topology.links.iter().map(edge));
        self.graph.rebuild(self.ids.len() as u32, &self.edges);
        if same_nodes && self.find_edits() {
            for (edge, edit) in &self.edits {
                match edit {
                    Edit::Link => self.live.link(edge.a, edge.b),
                    Edit::Unlink => self.live.unlink(edge.a, edge.b),
                };
            }
        } else {
            self.live.rebuild(&self.graph);
        }
    }

    /// Whether there are few enough.
    fn find_edits(&mut self) -> bool {
        self.edits.clear();
        let (mut old, mut new) = (self.before.iter().peekable(), self.edges.iter().peekable());
        while self.edits.len() <= EDITS_MAX {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return true,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(o), Some(n)) => (o.a, o.b).cmp(&(n.a, n.b)),
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            match (gone, come) {
                (Some(gone), None) => self.edits.push((*gone, Edit::Unlink)),
                (None, Some(come)) => self.edits.push((*come, Edit::Link)),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        false
    }
}

//! How much of the mesh hangs on each cut node.
//!
//! A cut node splits the rest of its part into pieces. Its load is the share of the pairs of other
//! nodes of the part that end in different pieces: 1 for the middle of a star, small for a node
//! that holds one leaf of a large mesh.

use crate::graph::{Figures, Graph};

const NONE: u32 = u32::MAX;

/// Buffers of one depth-first search.
#[derive(Default)]
pub(super) struct Loads {
    reached: Vec<u32>,
    low: Vec<u32>,
    above: Vec<u32>,
    size: Vec<u32>,
    /// Nodes in pieces below that only this node joins to the rest, and pairs within each piece.
    cut_off: Vec<u32>,
    pairs: Vec<f64>,
    path: Vec<(u32, u32)>,
    loads: Vec<f64>,
}

impl Loads {
    /// The load of each of `figures.cut_nodes`, in that order. O(nodes + edges), and nothing when
    /// there is no cut node. Low points as in Hopcroft and Tarjan 1973, algorithm 447.
    pub(super) fn measure(&mut self, graph: &Graph, figures: &Figures) -> &[f64] {
        self.loads.clear();
        if figures.cut_nodes.is_empty() {
            return &self.loads;
        }
        let nodes = graph.nodes() as usize;
        for list in [&mut self.reached, &mut self.low, &mut self.above, &mut self.size] {
            list.clear();
            list.resize(nodes, NONE);
        }
        self.cut_off.clear();
        self.cut_off.resize(nodes, 0);
        self.pairs.clear();
        self.pairs.resize(nodes, 0.0);
        let mut time = 0;
        for root in 0..graph.nodes() {
            if self.reached[root as usize] == NONE {
                self.search(graph, root, &mut time);
            }
        }
        for cut in &figures.cut_nodes {
            let node = cut.node as usize;
            let others = figures.component_sizes[figures.component[node] as usize] - 1;
            let rest = others - self.cut_off[node];
            let joined = pairs_of(others) - self.pairs[node] - pairs_of(rest);
            self.loads.push(joined / pairs_of(others));
        }
        &self.loads
    }

    fn search(&mut self, graph: &Graph, root: u32, time: &mut u32) {
        self.enter(root, NONE, time);
        while let Some((node, next)) = self.path.last_mut() {
            let (node, arc) = (*node, *next as usize);
            if let Some(to) = graph.neighbours(node).get(arc).copied() {
                *next += 1;
                if self.reached[to as usize] == NONE {
                    self.enter(to, node, time);
                } else if to != self.above[node as usize] {
                    let low = &mut self.low[node as usize];
                    *low = (*low).min(self.reached[to as usize]);
                }
                continue;
            }
            self.path.pop();
            let above = self.above[node as usize];
            if above != NONE {
                self.leave(node as usize, above as usize);
            }
        }
    }

    fn enter(&mut self, node: u32, above: u32, time: &mut u32) {
        let index = node as usize;
        (self.reached[index], self.low[index]) = (*time, *time);
        (self.above[index], self.size[index]) = (above, 1);
        *time += 1;
        self.path.push((node, 0));
    }

    fn leave(&mut self, node: usize, above: usize) {
        let size = self.size[node];
        self.size[above] += size;
        self.low[above] = self.low[above].min(self.low[node]);
        if self.low[node] >= self.reached[above] {
            self.cut_off[above] += size;
            self.pairs[above] += pairs_of(size);
        }
    }
}

fn pairs_of(nodes: u32) -> f64 {
    f64::from(nodes) * (f64::from(nodes) - 1.0) / 2.0
}

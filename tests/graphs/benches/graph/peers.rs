//! The same work by petgraph and rustworkx-core.
//!
//! Where a library has a function for a part, that is what runs. Neither has the clustering of
//! single nodes, and petgraph has no diameter: there the obvious loops over petgraph's own graph
//! run, with marks in arrays, which is better than most would write.

use anyhow::{Result, ensure};
use bitcraps_graph::{Edge, Figures};
use petgraph::{
    algo::{articulation_points::articulation_points, bridges::bridges, connected_components},
    graph::{NodeIndex, UnGraph},
    visit::EdgeRef as _,
};
use rustworkx_core::{connectivity, shortest_path::distance_matrix};
use std::{collections::BTreeSet, hint::black_box};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Petgraph,
    Rustworkx,
}

pub const LIBRARIES: [Library; 2] = [Library::Petgraph, Library::Rustworkx];

/// A part of the whole look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Components,
    CutNodes,
    CutEdges,
    Clustering,
    /// Over all distances, which is what both offer.
    Diameter,
}

/// A matrix of more nodes than this does not fit beside everything else: n² · 8 bytes.
pub const MATRIX_NODES_MAX: u32 = 4_000;

impl Part {
    pub const ALL: [Part; 5] =
        [Part::Components, Part::CutNodes, Part::CutEdges, Part::Clustering, Part::Diameter];
    pub const NEAR_LINEAR: [Part; 4] =
        [Part::Components, Part::CutNodes, Part::CutEdges, Part::Clustering];

    pub fn name(self) -> &'static str {
        match self {
            Part::Components => "components",
            Part::CutNodes => "cut nodes",
            Part::CutEdges => "cut edges",
            Part::Clustering => "clustering",
            Part::Diameter => "diameter",
        }
    }
}

/// A graph as the peers hold it; parallel edges and loops are left out as ours does.
pub struct Peers(UnGraph<(), ()>);

impl Peers {
    pub fn new(nodes: u32, edges: &[Edge]) -> Peers {
        let unique: BTreeSet<(u32, u32)> = edges
            .iter()
            .filter(|edge| edge.a != edge.b)
            .map(|edge| (edge.a.min(edge.b), edge.a.max(edge.b)))
            .collect();
        let mut graph = UnGraph::with_capacity(nodes as usize, unique.len());
        (0..nodes).for_each(|_| {
            graph.add_node(());
        });
        for (a, b) in unique {
            graph.add_edge(NodeIndex::new(a as usize), NodeIndex::new(b as usize), ());
        }
        Peers(graph)
    }

    /// Whether a library has something for a part.
    pub fn can(&self, library: Library, part: Part) -> bool {
        match (part, library) {
            (Part::Clustering, Library::Rustworkx) => false,
            (Part::Diameter, Library::Rustworkx) => {
                self.0.node_count() <= MATRIX_NODES_MAX as usize
            }
            _ => true,
        }
    }

    /// Does a part that this library can do.
    pub fn run(&self, library: Library, part: Part) {
        let graph = black_box(&self.0);
        match (part, library) {
            (Part::Components, Library::Petgraph) => {
                black_box(connected_components(graph));
            }
            (Part::Components, Library::Rustworkx) => {
                black_box(connectivity::number_connected_components(graph));
            }
            (Part::CutNodes, Library::Petgraph) => {
                black_box(articulation_points(graph));
            }
            (Part::CutNodes, Library::Rustworkx) => {
                black_box(connectivity::articulation_points(graph, None));
            }
            (Part::CutEdges, Library::Petgraph) => {
                bridges(graph).for_each(|edge| {
                    black_box(edge);
                });
            }
            (Part::CutEdges, Library::Rustworkx) => {
                black_box(connectivity::bridges(graph));
            }
            (Part::Clustering, _) => {
                black_box(self.clustering());
            }
            (Part::Diameter, Library::Petgraph) => {
                black_box(self.longest());
            }
            (Part::Diameter, Library::Rustworkx) => {
                // The second argument is the size from which it would use more threads.
                black_box(distance_matrix(graph, usize::MAX, false, 0.0));
            }
        }
    }

    /// An error when ours and theirs differ.
    pub fn check(&self, part: Part, ours: &Figures) -> Result<()> {
        let graph = &self.0;
        let pair = |a: NodeIndex, b: NodeIndex| {
            (a.index().min(b.index()) as u32, a.index().max(b.index()) as u32)
        };
        match part {
            Part::Components => {
                let count = ours.component_sizes.len();
                let counts =
                    [connected_components(graph), connectivity::number_connected_components(graph)];
                same(part, [count; 2], counts)?;
                let mut sizes: Vec<_> = ours.component_sizes.iter().map(|n| *n as usize).collect();
                let mut theirs: Vec<_> =
                    connectivity::connected_components(graph).iter().map(|set| set.len()).collect();
                sizes.sort_unstable();
                theirs.sort_unstable();
                same(part, [sizes], [theirs])
            }
            Part::CutNodes => {
                let ours: BTreeSet<u32> = ours.cut_nodes.iter().map(|cut| cut.node).collect();
                let number = |node: NodeIndex| node.index() as u32;
                let theirs = [
                    articulation_points(graph).into_iter().map(number).collect(),
                    connectivity::articulation_points(graph, None)
                        .into_iter()
                        .map(number)
                        .collect(),
                ];
                same(part, [ours.clone(), ours], theirs)
            }
            Part::CutEdges => {
                let ours: BTreeSet<_> = ours.cut_edges.iter().map(|cut| (cut.a, cut.b)).collect();
                let theirs = [
                    bridges(graph).map(|edge| pair(edge.source(), edge.target())).collect(),
                    connectivity::bridges(graph).into_iter().map(|(a, b)| pair(a, b)).collect(),
                ];
                same(part, [ours.clone(), ours], theirs)
            }
            Part::Clustering => {
                let (local, global) = self.clustering();
                same(part, [&ours.local_clustering], [&local])?;
                same(part, [ours.global_clustering], [global])
            }
            Part::Diameter => {
                same(part, [ours.diameter], [self.longest()])?;
                if self.can(Library::Rustworkx, part) {
                    let matrix = distance_matrix(graph, usize::MAX, false, 0.0);
                    let longest = matrix.iter().copied().fold(0.0, f64::max);
                    same(part, [f64::from(ours.diameter)], [longest])?;
                }
                Ok(())
            }
        }
    }

    /// Hops between all pairs; `u32::MAX` where there is no path.
    pub fn all_distances(&self) -> Vec<u32> {
        let mut all = Vec::new();
        let mut queue = Vec::new();
        for from in self.0.node_indices() {
            let mut hops = vec![u32::MAX; self.0.node_count()];
            self.search(from, &mut hops, &mut queue);
            all.append(&mut hops);
        }
        all
    }

    fn longest(&self) -> u32 {
        let mut hops = vec![u32::MAX; self.0.node_count()];
        let mut queue = Vec::new();
        let mut longest = 0;
        for from in self.0.node_indices() {
            longest = longest.max(self.search(from, &mut hops, &mut queue));
            queue.iter().for_each(|node: &NodeIndex| hops[node.index()] = u32::MAX);
        }
        longest
    }

    /// Breadth first; gives the largest distance and leaves all that were reached in `queue`.
    fn search(&self, from: NodeIndex, hops: &mut [u32], queue: &mut Vec<NodeIndex>) -> u32 {
        queue.clear();
        queue.push(from);
        hops[from.index()] = 0;
        let (mut next, mut longest) = (0, 0);
        while next < queue.len() {
            let node = queue[next];
            next += 1;
            longest = hops[node.index()];
            for near in self.0.neighbors(node) {
                if hops[near.index()] == u32::MAX {
                    hops[near.index()] = longest + 1;
                    queue.push(near);
                }
            }
        }
        longest
    }

    fn clustering(&self) -> (Vec<f64>, Option<f64>) {
        let graph = &self.0;
        let mut marked = vec![false; graph.node_count()];
        let (mut sum, mut counted) = (0.0, 0u32);
        let mut local = Vec::with_capacity(graph.node_count());
        for node in graph.node_indices() {
            let mut degree = 0u32;
            for near in graph.neighbors(node) {
                marked[near.index()] = true;
                degree += 1;
            }
            // Each triangle is seen from both of its other corners.
            let twice: usize = graph
                .neighbors(node)
                .map(|near| graph.neighbors(near).filter(|far| marked[far.index()]).count())
                .sum();
            graph.neighbors(node).for_each(|near| marked[near.index()] = false);
            let share = match degree {
                0 | 1 => 0.0,
                _ => twice as f64 / (f64::from(degree) * f64::from(degree - 1)),
            };
            if degree >= 2 {
                sum += share;
                counted += 1;
            }
            local.push(share);
        }
        (local, (counted > 0).then(|| sum / f64::from(counted)))
    }
}

fn same<T: PartialEq, const N: usize>(part: Part, ours: [T; N], theirs: [T; N]) -> Result<()> {
    ensure!(ours == theirs, "{}: ours is not what the peers found", part.name());
    Ok(())
}

//! Algorithms on compact index graphs; no ids, no protocol.
//!
//! Rules. Nodes are `0..nodes` as `u32`, arcs lie in compressed sparse rows (one array of offsets,
//! one of arcs), so a graph of n nodes and m edges takes 4(n + 1) + 16m bytes and is walked in
//! memory order. A graph is built once and never changed. Equal graphs give equal answers on every
//! machine: ties are broken by index, never by address or hash.
//!
//! What is not here: names, weights as floats, anything that is kept up to date by edits.

mod components;
mod shortest;

pub use components::components;
pub use shortest::{Tree, path_avoiding, shortest_paths};

/// An undirected edge with its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub a: u32,
    pub b: u32,
    /// Any unit, as long as it is the same for all; distances are sums of it.
    pub cost: u32,
}

#[derive(Clone, Copy, Debug)]
struct Arc {
    to: u32,
    cost: u32,
}

/// An undirected graph in compressed sparse rows.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Where each node's arcs start, and one past the end.
    first: Vec<u32>,
    arcs: Vec<Arc>,
}

impl Graph {
    /// Edges whose ends are not below `nodes`, and loops, are left out. O(nodes + edges).
    pub fn new(nodes: u32, edges: &[Edge]) -> Graph {
        let sound = |e: &&Edge| e.a < nodes && e.b < nodes && e.a != e.b;
        let mut first = vec![0u32; nodes as usize + 1];
        for edge in edges.iter().filter(sound) {
            first[edge.a as usize + 1] += 1;
            first[edge.b as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            first[node + 1] += first[node];
        }
        let mut free = first.clone();
        let mut arcs = vec![Arc { to: 0, cost: 0 }; first[nodes as usize] as usize];
        for edge in edges.iter().filter(sound) {
            for (from, to) in [(edge.a, edge.b), (edge.b, edge.a)] {
                let slot = &mut free[from as usize];
                arcs[*slot as usize] = Arc { to, cost: edge.cost };
                *slot += 1;
            }
        }
        Graph { first, arcs }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        (self.first.len() - 1) as u32
    }

    fn arcs(&self, node: u32) -> &[Arc] {
        let node = node as usize;
        &self.arcs[self.first[node] as usize..self.first[node + 1] as usize]
    }
}

//! Shortest paths by Dijkstra's algorithm.
//!
//! A binary heap with lazy deletion (Dijkstra 1959; Chen et al. 2007 found it the fastest heap in
//! practice): O((n + m) log m). Distances are `u64` sums of `u32` costs and cannot overflow. Ties
//! go to the node with the lower index.

use super::Graph;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

const NOBODY: u32 = u32::MAX;
const FAR: u64 = u64::MAX;

/// The shortest-path tree from one node.
#[derive(Clone, Debug)]
pub struct Tree {
    from: u32,
    distance: Vec<u64>,
    parent: Vec<u32>,
    first_hop: Vec<u32>,
}

/// The tree of cheapest paths from `from` to every node. `from` must be a node of the graph.
pub fn shortest_paths(graph: &Graph, from: u32) -> Tree {
    search(graph, from, None, |_, _| true)
}

/// The cheapest path `from, …, to` that uses none of the edges `avoid` in either direction;
/// `None` when there is none. O((n + m) (log m + log a)) for a avoided edges.
pub fn path_avoiding(graph: &Graph, from: u32, to: u32, avoid: &[(u32, u32)]) -> Option<Vec<u32>> {
    let mut barred: Vec<(u32, u32)> = avoid.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
    barred.sort_unstable();
    let open = |a: u32, b: u32| barred.binary_search(&(a.min(b), a.max(b))).is_err();
    search(graph, from, Some(to), open).path(to)
}

impl Tree {
    /// Sum of costs, or `None` when there is no path.
    pub fn distance(&self, to: u32) -> Option<u64> {
        self.distance.get(to as usize).copied().filter(|d| *d != FAR)
    }

    /// The first node after the start on the way to `to`; `None` for the start itself and for
    /// nodes without a path.
    pub fn first_hop(&self, to: u32) -> Option<u32> {
        self.first_hop.get(to as usize).copied().filter(|hop| *hop != NOBODY)
    }

    /// The nodes from the start to `to`, both included.
    pub fn path(&self, to: u32) -> Option<Vec<u32>> {
        self.distance(to)?;
        let mut path = vec![to];
        let mut node = to;
        while node != self.from {
            node = self.parent[node as usize];
            path.push(node);
        }
        path.reverse();
        Some(path)
    }
}

/// Settles nodes in order of distance until all are, or `goal` is.
fn search(graph: &Graph, from: u32, goal: Option<u32>, open: impl Fn(u32, u32) -> bool) -> Tree {
    let nodes = graph.nodes() as usize;
    let mut tree = Tree {
        from,
        distance: vec![FAR; nodes],
        parent: vec![NOBODY; nodes],
        first_hop: vec![NOBODY; nodes],
    };
    let mut heap = BinaryHeap::new();
    tree.distance[from as usize] = 0;
    heap.push(Reverse((0u64, from)));
    while let Some(Reverse((distance, node))) = heap.pop() {
        if distance > tree.distance[node as usize] {
            continue;
        }
        if goal == Some(node) {
            break;
        }
        for (to, cost) in graph.neighbours(node).iter().zip(graph.costs(node)) {
            let through = distance + u64::from(*cost);
            if through < tree.distance[*to as usize] && open(node, *to) {
                tree.distance[*to as usize] = through;
                tree.parent[*to as usize] = node;
                tree.first_hop[*to as usize] =
                    if node == from { *to } else { tree.first_hop[node as usize] };
                heap.push(Reverse((through, *to)));
            }
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::{super::Edge, *};

    fn graph(nodes: u32, edges: &[(u32, u32, u32)]) -> Graph {
        let edges: Vec<Edge> =
            edges.iter().map(|(a, b, cost)| Edge { a: *a, b: *b, cost: *cost }).collect();
        Graph::new(nodes, &edges)
    }

    #[test]
    fn a_detour_is_taken_when_it_is_cheaper() {
        let tree = shortest_paths(&graph(5, &[(0, 1, 10), (0, 2, 3), (2, 3, 3), (3, 1, 3)]), 0);
        assert_eq!(tree.path(1), Some(vec![0, 2, 3, 1]));
        assert_eq!((tree.distance(1), tree.first_hop(1)), (Some(9), Some(2)));
        assert_eq!((tree.distance(4), tree.first_hop(4), tree.path(4)), (None, None, None));
        assert_eq!((tree.distance(0), tree.first_hop(0)), (Some(0), None));
        assert_eq!(tree.distance(99), None);
    }

    #[test]
    fn the_largest_costs_do_not_overflow() {
        let line: Vec<_> = (0..9).map(|n| (n, n + 1, u32::MAX)).collect();
        let tree = shortest_paths(&graph(10, &line), 0);
        assert_eq!(tree.distance(9), Some(9 * u64::from(u32::MAX)));
    }

    #[test]
    fn an_avoided_edge_is_avoided_in_both_directions() {
        let ring = graph(4, &[(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1)]);
        assert_eq!(path_avoiding(&ring, 0, 1, &[(1, 0)]), Some(vec![0, 3, 2, 1]));
        assert_eq!(path_avoiding(&ring, 0, 1, &[(0, 1), (3, 2)]), None);
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod against_petgraph {
        use super::*;
        use petgraph::{algo::dijkstra, graph::UnGraph, visit::EdgeRef as _};
        use proptest::prelude::*;
        use std::collections::BTreeSet;

        fn mesh() -> impl Strategy<Value = (u32, Vec<(u32, u32, u32)>)> {
            (1u32..30).prop_flat_map(|nodes| {
                (Just(nodes), prop::collection::vec((0..nodes, 0..nodes, 0u32..1000), 0..80))
            })
        }

        fn oracle(nodes: u32, edges: &[(u32, u32, u32)], from: u32) -> Vec<Option<u64>> {
            let mut g = UnGraph::<(), u64>::new_undirected();
            let ids: Vec<_> = (0..nodes).map(|_| g.add_node(())).collect();
            for (a, b, cost) in edges {
                g.add_edge(ids[*a as usize], ids[*b as usize], u64::from(*cost));
            }
            let found = dijkstra(&g, ids[from as usize], None, |e| *e.weight());
            assert!(g.edge_references().all(|e| e.source().index() < nodes as usize));
            ids.iter().map(|id| found.get(id).copied()).collect()
        }

        /// The cost of a path by its cheapest parallel edges.
        fn walk(edges: &[(u32, u32, u32)], path: &[u32]) -> u64 {
            path.windows(2)
                .map(|step| {
                    let joins = |e: &&(u32, u32, u32)| {
                        (e.0, e.1) == (step[0], step[1]) || (e.1, e.0) == (step[0], step[1])
                    };
                    u64::from(edges.iter().filter(joins).map(|e| e.2).min().unwrap())
                })
                .sum()
        }

        proptest! {
            #[test]
            fn paths_agree_with_the_oracle((nodes, edges) in mesh(), from in 0u32..30) {
                let from = from % nodes;
                let tree = shortest_paths(&graph(nodes, &edges), from);
                let expected = oracle(nodes, &edges, from);
                for to in 0..nodes {
                    prop_assert_eq!(tree.distance(to), expected[to as usize]);
                    if let Some(path) = tree.path(to) {
                        prop_assert_eq!(walk(&edges, &path), tree.distance(to).unwrap());
                        prop_assert_eq!(tree.first_hop(to), path.get(1).copied());
                    }
                }
            }

            #[test]
            fn an_avoiding_path_is_the_cheapest_in_what_is_left(
                (nodes, edges) in mesh(), from in 0u32..30, to in 0u32..30,
                barred in prop::collection::vec((0u32..30, 0u32..30), 0..20),
            ) {
                let (from, to) = (from % nodes, to % nodes);
                let barred_set: BTreeSet<(u32, u32)> =
                    barred.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).collect();
                let left: Vec<_> =
                    edges.iter().copied().filter(|e| !barred_set.contains(&(e.0, e.1))).collect();
                let path = path_avoiding(&graph(nodes, &edges), from, to, &barred);
                prop_assert_eq!(
                    path.map(|p| walk(&left, &p)),
                    oracle(nodes, &left, from)[to as usize]
                );
            }
        }
    }
}

//! Connected components by union-find: O((n + m) α(n)).

use super::{Graph, joined::Joined};

/// The component of every node: components are numbered 0, 1, … in the order of their smallest
/// node.
pub fn components(graph: &Graph) -> Vec<u32> {
    let nodes = graph.nodes();
    let mut joined = Joined::new(nodes);
    for node in 0..nodes {
        for to in graph.neighbours(node).iter().filter(|to| **to > node) {
            joined.join(node, *to);
        }
    }
    let mut number = vec![None; nodes as usize];
    let mut next = 0;
    (0..nodes)
        .map(|node| {
            *number[joined.root(node) as usize].get_or_insert_with(|| {
                next += 1;
                next - 1
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Edge, *};

    #[test]
    fn components_are_numbered_by_their_smallest_node() {
        let edge = |a, b| Edge { a, b, cost: 1 };
        let graph = Graph::new(6, &[edge(5, 0), edge(1, 3), edge(3, 1), edge(2, 2), edge(9, 0)]);
        assert_eq!(components(&graph), [0, 1, 2, 1, 3, 0]);
        assert!(components(&Graph::new(0, &[])).is_empty());
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod against_petgraph {
        use super::*;
        use petgraph::unionfind::UnionFind;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn two_nodes_share_a_component_exactly_when_the_oracle_says_so(
                nodes in 1u32..40,
                ends in prop::collection::vec((0u32..40, 0u32..40), 0..60),
            ) {
                let edges: Vec<Edge> = ends
                    .iter()
                    .map(|(a, b)| Edge { a: a % nodes, b: b % nodes, cost: 1 })
                    .collect();
                let mut oracle = UnionFind::<usize>::new(nodes as usize);
                for edge in &edges {
                    oracle.union(edge.a as usize, edge.b as usize);
                }
                let found = components(&Graph::new(nodes, &edges));
                for a in 0..nodes as usize {
                    for b in 0..nodes as usize {
                        prop_assert_eq!(found[a] == found[b], oracle.equiv(a, b));
                    }
                }
            }
        }
    }
}

//! Spanning forests against petgraph's.

#![cfg(not(target_arch = "wasm32"))]

mod families;

use bitcraps_graph::{Edge, Graph, SpanningForest, components, minimum_spanning_forest};
use families::any_graph;
use petgraph::{
    algo::min_spanning_tree,
    data::Element,
    graph::{NodeIndex, UnGraph},
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_forest_costs_what_the_oracles_does_and_joins_what_the_graph_joins(case in any_graph(120)) {
        let forest = minimum_spanning_forest(&case.graph);
        let mut peer = UnGraph::<(), u32>::default();
        (0..case.nodes).for_each(|_| { peer.add_node(()); });
        for edge in &case.edges {
            let [a, b] = [edge.a, edge.b].map(|node| NodeIndex::new(node as usize));
            peer.add_edge(a, b, edge.cost);
        }
        let expected: u64 = min_spanning_tree(&peer)
            .filter_map(|element| match element {
                Element::Edge { weight, .. } => Some(u64::from(weight)),
                Element::Node { .. } => None,
            })
            .sum();
        prop_assert_eq!(forest.cost, expected);
        prop_assert_eq!(forest.edges.iter().map(|e| u64::from(e.cost)).sum::<u64>(), expected);
        prop_assert!(forest.edges.iter().all(|edge| case.edges.contains(edge)));
        let pieces = components(&case.graph);
        prop_assert_eq!(&components(&Graph::new(case.nodes, &forest.edges)), &pieces);
        let trees = pieces.iter().max().map_or(0, |last| last + 1);
        prop_assert_eq!(forest.edges.len() as u32, case.nodes - trees);
    }
}

#[test]
fn of_equal_edges_those_with_smaller_ends_are_taken() {
    let edge = |a, b, cost| Edge { a, b, cost };
    let ring = [edge(3, 0, 2), edge(2, 3, 2), edge(1, 2, 2), edge(0, 1, 7)];
    let forest = minimum_spanning_forest(&Graph::new(4, &ring));
    assert_eq!(forest.edges, [edge(0, 3, 2), edge(1, 2, 2), edge(2, 3, 2)]);
    assert_eq!(minimum_spanning_forest(&Graph::new(0, &[])), SpanningForest::default());
}

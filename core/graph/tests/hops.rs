//! Next hops and backups against plain searches, and against packets that walk.

#![cfg(not(target_arch = "wasm32"))]
// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod families;

use bitcraps_graph::{Edge, Graph, HOP_NODES_MAX, HopTable, TooManyNodes};
use families::{Case, any_graph};
use petgraph::{algo::dijkstra, graph::UnGraph};
use proptest::prelude::*;
use rustworkx_core::shortest_path::distance_matrix;

fn peer(case: &Case) -> UnGraph<(), ()> {
    let mut peer = UnGraph::default();
    let ids: Vec<_> = (0..case.nodes).map(|_| peer.add_node(())).collect();
    for edge in &case.edges {
        peer.add_edge(ids[edge.a as usize], ids[edge.b as usize], ());
    }
    peer
}

fn table(graph: &Graph) -> HopTable {
    let mut table = HopTable::new();
    table.fill(graph).unwrap();
    table
}

fn path(nodes: u32) -> Graph {
    let edges: Vec<Edge> = (1..nodes).map(|b| Edge { a: b - 1, b, cost: 1 }).collect();
    Graph::new(nodes, &edges)
}

/// What the definition says, by the distances of the table.
fn backup_by_definition(graph: &Graph, table: &HopTable, from: u32, to: u32) -> Option<u32> {
    let next = table.next(from, to)?;
    let limit = table.distance(from, to)? + 1;
    let candidates = graph.neighbours(from).iter().copied().filter(|node| *node != next);
    let distances = candidates.filter_map(|node| Some((table.distance(node, to)?, node)));
    distances.filter(|(distance, _)| *distance < limit).min().map(|(_, node)| node)
}

proptest! {
    // Large enough for several blocks of targets.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn distances_are_those_of_petgraph_and_rustworkx(case in any_graph(700)) {
        let (table, peer) = (table(&case.graph), peer(&case));
        let matrix = distance_matrix(&peer, usize::MAX, true, f64::INFINITY);
        for from in 0..case.nodes {
            for to in 0..case.nodes {
                let expected = matrix[[from as usize, to as usize]];
                let expected = expected.is_finite().then_some(expected as u16);
                prop_assert_eq!(table.distance(from, to), expected, "{} {}", from, to);
            }
        }
        let start = petgraph::graph::NodeIndex::new(case.nodes as usize / 2);
        let found = dijkstra(&peer, start, None, |_| 1u16);
        for to in peer.node_indices() {
            let ours = table.distance(case.nodes / 2, to.index() as u32);
            prop_assert_eq!(ours, found.get(&to).copied());
        }
    }

    #[test]
    fn a_next_hop_is_the_smallest_neighbour_one_hop_nearer(case in any_graph(400)) {
        let table = table(&case.graph);
        for from in 0..case.nodes {
            for to in 0..case.nodes {
                let nearer = table.distance(from, to).and_then(|d| d.checked_sub(1));
                let mut row = case.graph.neighbours(from).iter().copied();
                let expected =
                    nearer.and_then(|_| row.find(|node| table.distance(*node, to) == nearer));
                prop_assert_eq!(table.next(from, to), expected, "{} {}", from, to);
                prop_assert_eq!(expected.is_none(), from == to || nearer.is_none());
            }
        }
    }

    #[test]
    fn a_backup_is_what_the_inequality_of_rfc_5286_allows(case in any_graph(400)) {
        let table = table(&case.graph);
        for from in 0..case.nodes {
            for to in 0..case.nodes {
                let expected = backup_by_definition(&case.graph, &table, from, to);
                prop_assert_eq!(table.backup(from, to), expected, "{} {}", from, to);
            }
        }
    }

    #[test]
    fn a_packet_sent_to_a_backup_arrives_and_never_comes_back(case in any_graph(120)) {
        let table = table(&case.graph);
        for from in 0..case.nodes {
            for to in 0..case.nodes {
                let Some(backup) = table.backup(from, to) else { continue };
                prop_assert!(case.graph.neighbours(from).contains(&backup));
                prop_assert_ne!(Some(backup), table.next(from, to));
                let (mut at, mut hops) = (backup, 1);
                while at != to {
                    prop_assert_ne!(at, from, "back at the sender on the way to {}", to);
                    at = table.next(at, to).unwrap();
                    hops += 1;
                    prop_assert!(hops <= case.nodes, "{} to {} goes in circles", from, to);
                }
                prop_assert!(hops <= u32::from(table.distance(from, to).unwrap()) + 1);
            }
        }
    }

    #[test]
    fn a_table_that_is_filled_again_forgets_what_it_was(
        before in any_graph(300), after in any_graph(300),
    ) {
        let mut used = table(&before.graph);
        used.fill(&after.graph).unwrap();
        let fresh = table(&after.graph);
        // One past the last node too.
        for from in 0..=after.nodes {
            for to in 0..=after.nodes {
                let look =
                    |t: &HopTable| (t.distance(from, to), t.next(from, to), t.backup(from, to));
                prop_assert_eq!(look(&used), look(&fresh));
            }
        }
    }
}

#[test]
fn a_ring_of_four_has_a_backup_across_and_none_to_a_neighbour() {
    let ring = [(0, 1), (1, 2), (2, 3), (3, 0)].map(|(a, b)| Edge { a, b, cost: 1 });
    let table = table(&Graph::new(4, &ring));
    assert_eq!(
        (table.distance(0, 2), table.next(0, 2), table.backup(0, 2)),
        (Some(2), Some(1), Some(3))
    );
    assert_eq!(
        (table.distance(0, 1), table.next(0, 1), table.backup(0, 1)),
        (Some(1), Some(1), None)
    );
    assert_eq!((table.distance(3, 3), table.next(3, 3), table.backup(3, 3)), (Some(0), None, None));
}

#[test]
fn no_nodes_and_one_node_have_tables_too() {
    let mut table = table(&Graph::new(0, &[]));
    assert_eq!((table.distance(0, 0), table.next(0, 0)), (None, None));
    table.fill(&Graph::new(1, &[])).unwrap();
    assert_eq!((table.distance(0, 0), table.next(0, 0), table.backup(0, 0)), (Some(0), None, None));
    assert_eq!((table.distance(0, 1), table.next(1, 0)), (None, None));
}

#[test]
fn the_largest_table_holds_the_longest_distances_and_one_node_more_is_refused() {
    let mut table = table(&path(HOP_NODES_MAX));
    let last = HOP_NODES_MAX - 1;
    assert_eq!(table.distance(0, last), Some(last as u16));
    assert_eq!(table.distance(last, 7), Some(last as u16 - 7));
    assert_eq!(table.next(last, 0), Some(last - 1));
    let refused = TooManyNodes { nodes: HOP_NODES_MAX + 1, limit: HOP_NODES_MAX };
    assert_eq!(table.fill(&path(HOP_NODES_MAX + 1)), Err(refused));
    assert_eq!((table.distance(0, 0), table.next(0, 1), table.backup(0, 1)), (None, None, None));
}

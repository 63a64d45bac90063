//! Flows and cuts against petgraph's and rustworkx-core's.

#![cfg(not(target_arch = "wasm32"))]
// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod families;

use bitcraps_graph::{
    CapacityEdge, Cut, Edge, Flow, Graph, components, edge_connectivity, max_flow,
};
use families::{Case, any_graph};
use petgraph::{
    algo::{dinics, ford_fulkerson},
    graph::{DiGraph, NodeIndex, UnGraph},
};
use proptest::prelude::*;
use rustworkx_core::connectivity::stoer_wagner_min_cut;

fn capacities(edges: &[Edge]) -> Vec<CapacityEdge> {
    edges.iter().map(|e| CapacityEdge { a: e.a, b: e.b, capacity: e.cost }).collect()
}

/// The nodes that are left with the first one when some edges are gone.
fn pieces_without(case: &Case, gone: &[(u32, u32)]) -> Vec<u32> {
    let left: Vec<Edge> =
        case.edges.iter().copied().filter(|e| !gone.contains(&(e.a, e.b))).collect();
    components(&Graph::new(case.nodes, &left))
}

fn flow_of(case: &Case, from: u32, to: u32) -> Flow {
    max_flow(case.nodes, &capacities(&case.edges), from, to)
}

/// Few nodes and many edges of few capacities, where one path often has to undo another.
fn small_graph() -> impl Strategy<Value = Case> {
    let ends = prop::collection::vec((0u32..14, 0u32..14, 1u32..4), 8..45);
    (8u32..14, ends).prop_map(|(nodes, ends)| {
        let edges: Vec<Edge> =
            ends.iter().map(|(a, b, cost)| Edge { a: *a, b: *b, cost: *cost }).collect();
        let graph = Graph::new(nodes, &edges);
        Case { edges: graph.each_edge().collect(), graph, nodes }
    })
}

/// Clusters of shuffled rings and matchings over each other, with a few links between: every node
/// has several links, and the thinnest cut may run anywhere.
fn clusters() -> impl Strategy<Value = Case> {
    let order = Just((0..12u32).collect::<Vec<_>>()).prop_shuffle();
    let rings = prop::collection::vec((order, 0..4u32, 1..3usize), 2..10);
    let links = prop::collection::vec((0..48u32, 0..48u32), 0..24);
    (1..5u32, rings, links).prop_map(|(clusters, rings, links)| {
        let nodes = 12 * clusters;
        let around = |(order, cluster, step): &(Vec<u32>, u32, usize)| {
            let first = 12 * (cluster % clusters);
            let ends: Vec<_> =
                (0..12).step_by(*step).map(|at| (order[at], order[(at + 1) % 12])).collect();
            ends.into_iter().map(move |(a, b)| (first + a, first + b))
        };
        let pairs = rings.iter().flat_map(around);
        let pairs = pairs.chain(links.iter().map(|(a, b)| (a % nodes, b % nodes)));
        let edges: Vec<Edge> = pairs.map(|(a, b)| Edge { a, b, cost: 1 }).collect();
        let graph = Graph::new(nodes, &edges);
        Case { edges: graph.each_edge().collect(), graph, nodes }
    })
}

/// Three links for every node, two along a ring and one across, less a few: sparse, with long
/// ways round.
fn ring_with_chords() -> impl Strategy<Value = Case> {
    let order = Just((0..64u32).collect::<Vec<_>>()).prop_shuffle();
    (order, 0..3usize).prop_map(|(order, missing)| {
        let ring = (0..64).map(|a| (a, (a + 1) % 64));
        let chords = order.chunks(2).skip(missing).map(|ends| (ends[0], ends[1]));
        let edges: Vec<Edge> = ring.chain(chords).map(|(a, b)| Edge { a, b, cost: 1 }).collect();
        let graph = Graph::new(64, &edges);
        Case { edges: graph.each_edge().collect(), graph, nodes: 64 }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    #[test]
    fn a_flow_is_as_large_as_the_oracles_say_and_its_cut_as_heavy(
        case in prop_oneof![any_graph(60), small_graph()], ends in any::<(u32, u32)>(),
    ) {
        let (from, to) = (ends.0 % case.nodes, ends.1 % case.nodes);
        prop_assume!(from != to);
        let flow = flow_of(&case, from, to);
        let mut peer = DiGraph::<(), u64>::new();
        (0..case.nodes).for_each(|_| { peer.add_node(()); });
        for edge in &case.edges {
            let [a, b] = [edge.a, edge.b].map(|node| NodeIndex::new(node as usize));
            peer.add_edge(a, b, u64::from(edge.cost));
            peer.add_edge(b, a, u64::from(edge.cost));
        }
        let [source, sink] = [from, to].map(|node| NodeIndex::new(node as usize));
        prop_assert_eq!(flow.value, dinics(&peer, source, sink).0);
        prop_assert_eq!(flow.value, ford_fulkerson(&peer, source, sink).0);

        let cut = case.edges.iter().filter(|e| flow.cut.contains(&(e.a, e.b)));
        prop_assert_eq!(cut.map(|e| u64::from(e.cost)).sum::<u64>(), flow.value);
        prop_assert!(flow.cut.is_sorted() && flow.source_side.is_sorted());
        prop_assert!(flow.source_side.contains(&from) && !flow.source_side.contains(&to));
        let crosses = |e: &&Edge| {
            e.cost > 0 && flow.source_side.contains(&e.a) != flow.source_side.contains(&e.b)
        };
        let crossing: Vec<_> = case.edges.iter().filter(crosses).map(|e| (e.a, e.b)).collect();
        prop_assert_eq!(&flow.cut, &crossing);
    }

    #[test]
    fn connectivity_is_the_smallest_cut_of_stoer_and_wagner(
        case in prop_oneof![any_graph(60), small_graph(), clusters(), ring_with_chords()],
    ) {
        let cut = edge_connectivity(&case.graph);
        let mut peer = UnGraph::<(), ()>::default();
        (0..case.nodes).for_each(|_| { peer.add_node(()); });
        for edge in &case.edges {
            let [a, b] = [edge.a, edge.b].map(|node| NodeIndex::new(node as usize));
            peer.add_edge(a, b, ());
        }
        let oracle = stoer_wagner_min_cut(&peer, |_| Ok::<u32, ()>(1)).unwrap();
        prop_assert_eq!(cut.edges, oracle.map_or(0, |(value, _)| value));

        prop_assert_eq!(cut.edges as usize, cut.cut.len());
        prop_assert!(cut.cut.is_sorted() && cut.side.is_sorted());
        prop_assert!(cut.side.len() <= case.nodes as usize / 2);
        prop_assert_eq!(cut.side.is_empty(), case.nodes < 2);
        let crosses = |e: &&Edge| cut.side.contains(&e.a) != cut.side.contains(&e.b);
        let crossing: Vec<_> = case.edges.iter().filter(crosses).map(|e| (e.a, e.b)).collect();
        prop_assert_eq!(&cut.cut, &crossing);
        if case.nodes > 1 {
            prop_assert!(pieces_without(&case, &cut.cut).iter().any(|piece| *piece > 0));
        }
    }
}

/// Two dense halves of `half` nodes with `between` edges from one to the other.
fn dumbbell(half: u32, between: u32) -> Graph {
    let inside =
        |first: u32| (0..half).flat_map(move |b| (0..b).map(move |a| (first + a, first + b)));
    let edges: Vec<Edge> = inside(0)
        .chain(inside(half))
        .chain((0..between).map(|n| (n, half + n)))
        .map(|(a, b)| Edge { a, b, cost: 1 })
        .collect();
    Graph::new(2 * half, &edges)
}

#[test]
fn a_thin_waist_is_found_though_every_node_has_many_links() {
    let cut = edge_connectivity(&dumbbell(9, 3));
    assert_eq!(cut.cut, [(0, 9), (1, 10), (2, 11)]);
    assert_eq!((cut.edges, cut.side), (3, (0..9).collect()));
}

#[test]
fn of_a_graph_in_pieces_the_smallest_is_named() {
    let edges = [(0, 1), (1, 2), (3, 4), (5, 6)].map(|(a, b)| Edge { a, b, cost: 1 });
    let cut = edge_connectivity(&Graph::new(7, &edges));
    assert_eq!(cut, Cut { edges: 0, cut: vec![], side: vec![3, 4] });
    assert_eq!(edge_connectivity(&Graph::new(1, &[])), Cut::default());
    assert_eq!(edge_connectivity(&Graph::new(0, &[])), Cut::default());
}

#[test]
fn parallel_edges_add_up_and_the_largest_capacities_do_not_overflow() {
    let edge = |a, b, capacity| CapacityEdge { a, b, capacity };
    let most = u32::MAX;
    let edges =
        [edge(0, 1, most), edge(1, 0, most), edge(1, 2, most), edge(2, 2, 5), edge(0, 9, 5)];
    let flow = max_flow(3, &edges, 0, 1);
    assert_eq!((flow.value, &flow.cut[..]), (2 * u64::from(most), &[(0, 1)][..]));
    let flow = max_flow(3, &edges, 0, 2);
    assert_eq!((flow.value, flow.source_side), (u64::from(most), vec![0, 1]));
}

#[test]
fn nothing_flows_from_a_node_to_itself_or_to_nowhere() {
    let edges = [CapacityEdge { a: 0, b: 1, capacity: 1 }];
    for (from, to) in [(0, 0), (0, 2), (2, 0)] {
        assert_eq!(max_flow(2, &edges, from, to), Flow::default());
    }
    let apart = max_flow(3, &edges, 0, 2);
    assert_eq!((apart.value, apart.cut, apart.source_side), (0, vec![], vec![0, 1]));
}

#[test]
fn a_long_path_does_not_exhaust_the_stack() {
    let nodes = 200_000;
    let edges: Vec<_> = (1..nodes).map(|b| CapacityEdge { a: b - 1, b, capacity: b }).collect();
    let flow = max_flow(nodes, &edges, 0, nodes - 1);
    assert_eq!((flow.value, flow.cut), (1, vec![(0, 1)]));
}

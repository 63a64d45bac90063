//! Disjoint paths: as many as a flow says, and no set of as many costs less.

#![cfg(not(target_arch = "wasm32"))]
// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod families;

use bitcraps_graph::{CapacityEdge, Disjoint, Edge, Graph, disjoint_paths, max_flow};
use families::{Case, any_graph};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn cost(graph: &Graph, path: &[u32]) -> u64 {
    let step = |pair: &[u32]| {
        let at = graph.neighbours(pair[0]).binary_search(&pair[1]).unwrap();
        u64::from(graph.costs(pair[0])[at])
    };
    path.windows(2).map(step).sum()
}

/// What a path takes away from others: its edges, or its nodes between the ends and, for the edge
/// straight from end to end, that edge.
fn taken(path: &[u32], disjoint: Disjoint) -> Vec<(u32, u32)> {
    match disjoint {
        Disjoint::Nodes if path.len() > 2 => {
            path[1..path.len() - 1].iter().map(|node| (*node, *node)).collect()
        }
        _ => path.windows(2).map(|s| (s[0].min(s[1]), s[0].max(s[1]))).collect(),
    }
}

/// How many paths without a shared edge there are, by a flow.
fn most(case: &Case, from: u32, to: u32) -> u64 {
    let edges: Vec<CapacityEdge> =
        case.edges.iter().map(|e| CapacityEdge { a: e.a, b: e.b, capacity: 1 }).collect();
    max_flow(case.nodes, &edges, from, to).value
}

/// Every simple path.
fn all_paths(graph: &Graph, from: u32, to: u32) -> Vec<Vec<u32>> {
    let (mut found, mut open) = (Vec::new(), vec![vec![from]]);
    while let Some(path) = open.pop() {
        let last = path[path.len() - 1];
        if last == to {
            found.push(path);
            continue;
        }
        for next in graph.neighbours(last).iter().filter(|node| !path.contains(node)) {
            open.push([&path[..], &[*next]].concat());
        }
    }
    found
}

/// The least total cost of one, two, … disjoint paths, by trying all sets.
fn cheapest_sets(graph: &Graph, from: u32, to: u32, disjoint: Disjoint) -> Vec<u64> {
    let paths: Vec<(u64, BTreeSet<(u32, u32)>)> = all_paths(graph, from, to)
        .iter()
        .map(|path| (cost(graph, path), taken(path, disjoint).into_iter().collect()))
        .collect();
    let mut best = Vec::new();
    try_sets(&paths, 0, &BTreeSet::new(), 0, 0, &mut best);
    best
}

fn try_sets(
    paths: &[(u64, BTreeSet<(u32, u32)>)],
    first: usize,
    gone: &BTreeSet<(u32, u32)>,
    sum: u64,
    count: usize,
    best: &mut Vec<u64>,
) {
    if count > 0 {
        if best.len() < count {
            best.push(sum);
        }
        best[count - 1] = best[count - 1].min(sum);
    }
    for (at, (cost, taken)) in paths.iter().enumerate().skip(first) {
        if taken.is_disjoint(gone) {
            try_sets(paths, at + 1, &(gone | taken), sum + cost, count + 1, best);
        }
    }
}

fn is_sound(case: &Case, paths: &[Vec<u32>], from: u32, to: u32, disjoint: Disjoint) -> bool {
    let shared: Vec<_> = paths.iter().flat_map(|path| taken(path, disjoint)).collect();
    let distinct: BTreeSet<_> = shared.iter().collect();
    let simple = |path: &Vec<u32>| path.iter().collect::<BTreeSet<_>>().len() == path.len();
    let joins = |path: &Vec<u32>| path.first() == Some(&from) && path.last() == Some(&to);
    shared.len() == distinct.len()
        && paths.iter().all(|path| simple(path) && joins(path))
        && paths.is_sorted_by_key(|path| cost(&case.graph, path))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn on_small_graphs_no_set_of_as_many_paths_costs_less(
        nodes in 2u32..8,
        ends in prop::collection::vec((0u32..8, 0u32..8, 0u32..12), 0..16),
        wanted in 0u32..6,
    ) {
        let edges =
            ends.iter().map(|(a, b, cost)| Edge { a: a % nodes, b: b % nodes, cost: *cost });
        let edges: Vec<Edge> = edges.collect();
        let graph = Graph::new(nodes, &edges);
        let case = Case { edges: graph.each_edge().collect(), graph, nodes };
        for disjoint in [Disjoint::Edges, Disjoint::Nodes] {
            let paths = disjoint_paths(&case.graph, 0, 1, wanted, disjoint);
            let best = cheapest_sets(&case.graph, 0, 1, disjoint);
            prop_assert_eq!(paths.len(), best.len().min(wanted as usize), "{:?}", disjoint);
            prop_assert!(is_sound(&case, &paths, 0, 1, disjoint), "{:?}", paths);
            if !paths.is_empty() {
                let sum: u64 = paths.iter().map(|path| cost(&case.graph, path)).sum();
                prop_assert_eq!(sum, best[paths.len() - 1], "{:?} {:?}", disjoint, paths);
            }
        }
    }

    #[test]
    fn there_are_as_many_as_a_flow_says(case in any_graph(60), ends in any::<(u32, u32)>()) {
        let (from, to) = (ends.0 % case.nodes, ends.1 % case.nodes);
        prop_assume!(from != to);
        let edges = disjoint_paths(&case.graph, from, to, u32::MAX, Disjoint::Edges);
        prop_assert!(is_sound(&case, &edges, from, to, Disjoint::Edges));
        prop_assert_eq!(edges.len() as u64, most(&case, from, to));
        let nodes = disjoint_paths(&case.graph, from, to, u32::MAX, Disjoint::Nodes);
        prop_assert!(is_sound(&case, &nodes, from, to, Disjoint::Nodes));
        prop_assert_eq!(nodes.len(), node_disjoint_by_petgraph(&case, from, to));
    }
}

/// Unit flow through nodes split into an entry and an exit.
fn node_disjoint_by_petgraph(case: &Case, from: u32, to: u32) -> usize {
    use petgraph::graph::{DiGraph, NodeIndex};
    let mut split = DiGraph::<(), u32>::new();
    (0..2 * case.nodes).for_each(|_| {
        split.add_node(());
    });
    let [entry, exit] =
        [0, case.nodes].map(|base| move |node: u32| NodeIndex::<u32>::new((base + node) as usize));
    for node in 0..case.nodes {
        split.add_edge(entry(node), exit(node), 1);
    }
    for edge in &case.edges {
        split.add_edge(exit(edge.a), entry(edge.b), 1);
        split.add_edge(exit(edge.b), entry(edge.a), 1);
    }
    petgraph::algo::dinics(&split, exit(from), entry(to)).0 as usize
}

#[test]
fn the_cheapest_path_gives_way_when_that_makes_the_pair_cheaper() {
    // 0-1-2-3 is the cheapest, and leaves no second path; the best pair goes round it.
    let edges = [(0, 1, 1), (1, 2, 1), (2, 3, 1), (0, 2, 5), (1, 3, 6)].map(|(a, b, cost)| Edge {
        a,
        b,
        cost,
    });
    let graph = Graph::new(4, &edges);
    let one = disjoint_paths(&graph, 0, 3, 1, Disjoint::Nodes);
    assert_eq!(one, [[0, 1, 2, 3]]);
    for disjoint in [Disjoint::Nodes, Disjoint::Edges] {
        let two = disjoint_paths(&graph, 0, 3, 9, disjoint);
        assert_eq!(two, [[0, 2, 3], [0, 1, 3]]);
    }
}

#[test]
fn there_are_no_paths_to_oneself_to_nowhere_or_none_wanted() {
    let graph = Graph::new(2, &[Edge { a: 0, b: 1, cost: 0 }]);
    for (from, to, wanted) in [(0, 0, 3), (0, 2, 3), (2, 0, 3), (0, 1, 0)] {
        assert!(disjoint_paths(&graph, from, to, wanted, Disjoint::Edges).is_empty());
    }
    assert_eq!(disjoint_paths(&graph, 1, 0, 3, Disjoint::Nodes), [[1, 0]]);
}

//! All-pairs hops, distances, connectivity, disjoint paths and spanning forests beside petgraph
//! and rustworkx-core.
//!
//! Random geometric graphs of mean degree 8, 32 of each size visited in turn: looping over one
//! graph lets the branch predictor learn it and flatters everybody. Prints the median and the
//! fastest, in microseconds; the fastest is what other load on the machine disturbs least.
//! Adjacency is built beforehand for all. Slow peers see fewer graphs.

#![cfg(not(target_arch = "wasm32"))]

use bitcraps_graph::{
    CapacityEdge, Disjoint, Distances, Edge, Graph, HopTable, disjoint_paths, edge_connectivity,
    max_flow, minimum_spanning_forest,
};
use petgraph::{algo, graph::UnGraph, visit::EdgeRef as _};
use rustworkx_core::{connectivity::stoer_wagner_min_cut, shortest_path::distance_matrix};
use std::{hint::black_box, time::Instant};

const GRAPHS: usize = 32;

struct Case {
    ours: Graph,
    edges: Vec<CapacityEdge>,
    peer: UnGraph<(), u32>,
}

fn main() {
    for nodes in [100, 1000] {
        println!("{nodes} nodes");
        compare(nodes);
    }
    println!("4096 nodes");
    let cases: Vec<Case> = (0..4).map(|seed| case(4096, 8.0, seed)).collect();
    let (mut table, mut distances) = (HopTable::new(), Distances::new());
    time("hop table", &cases, 3, |case| table.fill(&case.ours).is_ok());
    time("distances", &cases, 3, |case| distances.measure(&case.ours).diameter);
    time("edge connectivity", &cases, 3, |case| edge_connectivity(&case.ours).edges);
}

fn compare(nodes: u32) {
    let cases: Vec<Case> = (0..GRAPHS as u64).map(|seed| case(nodes, 8.0, seed)).collect();
    let rounds = if nodes > 500 { 5 } else { 30 };
    let few = if nodes > 500 { 8 } else { GRAPHS };
    let (mut table, mut distances) = (HopTable::new(), Distances::new());
    time("hop table: distances, next hops, backups", &cases, rounds, |case| {
        table.fill(&case.ours).is_ok()
    });
    time("  rustworkx distance matrix alone", &cases[..few], 1, |case| {
        distance_matrix(&case.peer, usize::MAX, true, f64::NAN).sum()
    });
    time("  petgraph dijkstra from each node", &cases[..few], 1, |case| {
        case.peer
            .node_indices()
            .map(|n| algo::dijkstra(&case.peer, n, None, |_| 1u32).len())
            .sum::<usize>()
    });
    time("distances: eccentricities, mean path", &cases, rounds, |case| {
        distances.measure(&case.ours).diameter
    });
    time("edge connectivity", &cases, rounds, |case| edge_connectivity(&case.ours).edges);
    if nodes <= 100 {
        time("  rustworkx Stoer-Wagner", &cases[..few], 1, |case| {
            stoer_wagner_min_cut(&case.peer, |_| Ok::<u32, ()>(1)).ok().flatten().map(|cut| cut.0)
        });
    }
    let dense: Vec<Case> = (0..GRAPHS as u64).map(|seed| case(nodes, 24.0, seed)).collect();
    time("edge connectivity, mean degree 24", &dense, rounds, |case| {
        edge_connectivity(&case.ours).edges
    });
    let torus = [torus(nodes.isqrt())];
    time("edge connectivity, torus", &torus, rounds, |case| edge_connectivity(&case.ours).edges);
    time("max flow", &cases, rounds, |case| max_flow(nodes, &case.edges, 0, nodes - 1).value);
    time("  petgraph dinics, both directions", &cases[..few], 1, |case| {
        let directed = case.peer.clone().into_edge_type::<petgraph::Directed>();
        let mut both = directed.clone();
        for edge in directed.edge_references() {
            both.add_edge(edge.target(), edge.source(), *edge.weight());
        }
        let ends = [0, nodes - 1].map(|n| petgraph::graph::NodeIndex::new(n as usize));
        algo::dinics(&both, ends[0], ends[1]).0
    });
    for disjoint in [Disjoint::Edges, Disjoint::Nodes] {
        time(&format!("3 disjoint paths, {disjoint:?}"), &cases, rounds, |case| {
            disjoint_paths(&case.ours, 0, nodes - 1, 3, disjoint).len()
        });
    }
    time("spanning forest", &cases, rounds, |case| minimum_spanning_forest(&case.ours).cost);
    time("  petgraph min_spanning_tree", &cases, 1, |case| {
        algo::min_spanning_tree(&case.peer).count()
    });
}

fn time<T>(what: &str, cases: &[Case], rounds: usize, mut run: impl FnMut(&Case) -> T) {
    // What cargo hands over, apart from its own `--bench`, is part of a name.
    if !std::env::args().skip(1).filter(|a| a != "--bench").all(|part| what.contains(&part)) {
        return;
    }
    for case in cases {
        black_box(run(case));
    }
    let mut micros = Vec::new();
    for _ in 0..rounds {
        for case in cases {
            let start = Instant::now();
            black_box(run(black_box(case)));
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.sort_by(f64::total_cmp);
    println!("  {what:<44}{:>12.1}{:>12.1}", micros[micros.len() / 2], micros[0]);
}

/// A square grid whose sides are joined: every node has four links, and no cut is smaller.
fn torus(width: u32) -> Case {
    let node = |x: u32, y: u32| y % width * width + x % width;
    let edges: Vec<Edge> = (0..width * width)
        .flat_map(|a| {
            let (x, y) = (a % width, a / width);
            [node(x + 1, y), node(x, y + 1)].map(|b| Edge { a, b, cost: 1 })
        })
        .collect();
    case_of(width * width, &edges)
}

/// Points in the unit square, joined when they are near enough for that mean degree.
fn case(nodes: u32, degree: f64, seed: u64) -> Case {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
    let mut unit = || {
        // xorshift64*, Vigna 2016.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    };
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (unit(), unit())).collect();
    let reach = degree / (core::f64::consts::PI * f64::from(nodes));
    let mut edges = Vec::new();
    for a in 0..nodes {
        for b in a + 1..nodes {
            let (p, q) = (points[a as usize], points[b as usize]);
            if (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2) < reach {
                edges.push(Edge { a, b, cost: 1 + (unit() * 1000.0) as u32 });
            }
        }
    }
    case_of(nodes, &edges)
}

fn case_of(nodes: u32, edges: &[Edge]) -> Case {
    let mut peer = UnGraph::with_capacity(nodes as usize, edges.len());
    let ids: Vec<_> = (0..nodes).map(|_| peer.add_node(())).collect();
    for edge in edges {
        peer.add_edge(ids[edge.a as usize], ids[edge.b as usize], edge.cost);
    }
    Case {
        ours: Graph::new(nodes, edges),
        edges: edges.iter().map(|e| CapacityEdge { a: e.a, b: e.b, capacity: e.cost }).collect(),
        peer,
    }
}

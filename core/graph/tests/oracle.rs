//! The full pass against petgraph, rustworkx-core and the definitions.
//!
//! Cut nodes, cut edges, components and hops come from the two libraries; triangles and what a cut
//! takes off are counted as they are defined, since neither library says. Sizes stand on and
//! beside word boundaries, and every shape states whether it takes rows of bits or lists.

#![cfg(not(target_arch = "wasm32"))]

use bitcraps_graph::{Analyser, CutEdge, CutNode, Edge, Figures, Graph, Layout, components};
use petgraph::graph::UnGraph;
use petgraph::visit::{EdgeRef as _, NodeIndexable as _};
use proptest::prelude::*;
use rustworkx_core::connectivity::{articulation_points, bridges, connected_components};
use std::collections::{BTreeSet, VecDeque};

/// A small generator, so that a case is a shape, a size and a seed.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(2) + 1)
    }

    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: u32) -> u32 {
        (self.unit() * f64::from(end)) as u32
    }
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Geometric {
        degree: u32,
    },
    ScaleFree,
    SmallWorld,
    Random {
        degree: u32,
    },
    Grid,
    Ring,
    Path,
    Star,
    Complete,
    /// Several small ones of the others, with lone nodes between.
    Scattered,
    Edgeless,
}

const SHAPES: [Shape; 14] = [
    Shape::Geometric { degree: 8 },
    Shape::Geometric { degree: 3 },
    Shape::Geometric { degree: 14 },
    Shape::ScaleFree,
    Shape::SmallWorld,
    Shape::Random { degree: 2 },
    Shape::Random { degree: 6 },
    Shape::Grid,
    Shape::Ring,
    Shape::Path,
    Shape::Star,
    Shape::Complete,
    Shape::Scattered,
    Shape::Edgeless,
];

fn edges_of(shape: Shape, nodes: u32, seed: u64) -> Vec<(u32, u32)> {
    let mut chance = Chance::new(seed);
    let nodes_at_least_one = nodes.max(1);
    match shape {
        Shape::Geometric { degree } => {
            let area = f64::from(degree) / f64::from(nodes_at_least_one);
            let at: Vec<_> = (0..nodes).map(|_| (chance.unit(), chance.unit())).collect();
            let near = |a: u32, b: u32| {
                let ((ax, ay), (bx, by)) = (at[a as usize], at[b as usize]);
                ((ax - bx).powi(2) + (ay - by).powi(2)) * std::f64::consts::PI < area
            };
            let pairs = (0..nodes).flat_map(|a| (0..a).map(move |b| (a, b)));
            pairs.filter(|(a, b)| near(*a, *b)).collect()
        }
        Shape::ScaleFree => {
            let mut ends = vec![0, 1, 1, 0];
            let mut edges = vec![(0, 1)];
            for node in 2..nodes {
                for _ in 0..3 {
                    let to = ends[chance.below(ends.len() as u32) as usize];
                    edges.push((node, to));
                    ends.extend([node, to]);
                }
            }
            edges
        }
        Shape::SmallWorld => (0..nodes)
            .flat_map(|a| (1..4).map(move |step| (a, (a + step) % nodes)))
            .map(|(a, b)| if chance.unit() < 0.1 { (a, chance.below(nodes)) } else { (a, b) })
            .collect(),
        Shape::Random { degree } => {
            (0..nodes * degree / 2).map(|_| (chance.below(nodes), chance.below(nodes))).collect()
        }
        Shape::Grid => {
            let side = f64::from(nodes).sqrt() as u32;
            let rows = (0..side * side).filter(|at| (at + 1) % side != 0).map(|at| (at, at + 1));
            rows.chain((side..side * side).map(|at| (at - side, at))).collect()
        }
        Shape::Ring => (0..nodes).map(|at| (at, (at + 1) % nodes)).collect(),
        Shape::Path => (1..nodes).map(|at| (at - 1, at)).collect(),
        Shape::Star => (1..nodes).map(|at| (0, at)).collect(),
        Shape::Complete => (0..nodes).flat_map(|a| (0..a).map(move |b| (a, b))).collect(),
        Shape::Scattered => {
            let size = nodes / 7;
            let part = |at: u32| {
                let shape = SHAPES[(seed as u32 + at) as usize % 12];
                let edges = edges_of(shape, size, seed + u64::from(at)).into_iter();
                edges.map(move |(a, b)| (a + at * (size + 1), b + at * (size + 1)))
            };
            (0..6).flat_map(part).collect()
        }
        Shape::Edgeless => Vec::new(),
    }
}

/// The shape with its nodes in random order.
fn mesh(shape: Shape, nodes: u32, seed: u64) -> Graph {
    let mut chance = Chance::new(seed + 77);
    let mut name: Vec<u32> = (0..nodes).collect();
    for at in (1..nodes).rev() {
        name.swap(at as usize, chance.below(at + 1) as usize);
    }
    let mut edges = edges_of(shape, nodes, seed);
    edges.retain(|(a, b)| *a < nodes && *b < nodes);
    let edge = |(a, b): &(u32, u32)| Edge { a: name[*a as usize], b: name[*b as usize], cost: 1 };
    Graph::new(nodes, &edges.iter().map(edge).collect::<Vec<_>>())
}

/// Component number of every node without `lost` node and edge, and how many there are.
fn pieces(graph: &Graph, lost: Option<u32>, cut: Option<(u32, u32)>) -> Vec<u32> {
    let mut sizes = Vec::new();
    let mut seen = vec![false; graph.nodes() as usize];
    for start in (0..graph.nodes()).filter(|node| Some(*node) != lost) {
        if std::mem::replace(&mut seen[start as usize], true) {
            continue;
        }
        let mut queue = VecDeque::from([start]);
        let mut size = 0;
        while let Some(node) = queue.pop_front() {
            size += 1;
            for to in graph.neighbours(node) {
                let gone = Some(*to) == lost || cut == Some((node.min(*to), node.max(*to)));
                if !gone && !std::mem::replace(&mut seen[*to as usize], true) {
                    queue.push_back(*to);
                }
            }
        }
        sizes.push(size);
    }
    sizes.sort_unstable();
    sizes
}

/// What is in `after` and was not in `before`, without its largest.
fn cut_off(before: &[u32], after: &[u32]) -> u32 {
    let mut rest = after.to_vec();
    let mut changed = before.to_vec();
    changed.retain(|size| match rest.iter().position(|other| other == size) {
        Some(at) => {
            rest.remove(at);
            false
        }
        None => true,
    });
    assert!(changed.len() <= 1, "one loss changes one component");
    rest.iter().sum::<u32>() - rest.iter().max().unwrap_or(&0)
}

fn farthest(graph: &Graph, from: u32) -> u32 {
    let mut hops = vec![u32::MAX; graph.nodes() as usize];
    hops[from as usize] = 0;
    let mut queue = VecDeque::from([from]);
    let mut last = 0;
    while let Some(node) = queue.pop_front() {
        last = hops[node as usize];
        for to in graph.neighbours(node) {
            if hops[*to as usize] == u32::MAX {
                hops[*to as usize] = last + 1;
                queue.push_back(*to);
            }
        }
    }
    last
}

/// Every figure by its definition or by a library; the libraries must agree with each other.
fn expected(graph: &Graph) -> Figures {
    let nodes = graph.nodes();
    let mut peer = UnGraph::<(), ()>::from_edges(graph.each_edge().map(|edge| (edge.a, edge.b)));
    while peer.node_count() < nodes as usize {
        peer.add_node(());
    }
    let mut cut_nodes: Vec<u32> = petgraph::algo::articulation_points::articulation_points(&peer)
        .iter()
        .map(|node| node.index() as u32)
        .collect();
    cut_nodes.sort_unstable();
    let same: BTreeSet<u32> =
        articulation_points(&peer, None).iter().map(|node| node.index() as u32).collect();
    assert_eq!(cut_nodes, same.into_iter().collect::<Vec<_>>());
    let span = |a: usize, b: usize| (a.min(b) as u32, a.max(b) as u32);
    let cut_edges: BTreeSet<(u32, u32)> = petgraph::algo::bridges::bridges(&peer)
        .map(|edge| span(peer.to_index(edge.source()), peer.to_index(edge.target())))
        .collect();
    let same = bridges(&peer).into_iter().map(|(a, b)| span(a.index(), b.index())).collect();
    assert_eq!(cut_edges, same);

    let mut figures = Figures {
        nodes,
        edges: graph.edges() as u32,
        component: components(graph),
        ..Figures::default()
    };
    let parts = connected_components(&peer);
    figures.component_sizes = vec![0; parts.len()];
    for part in &figures.component {
        figures.component_sizes[*part as usize] += 1;
    }
    let mut sizes: Vec<u32> = parts.iter().map(|part| part.len() as u32).collect();
    sizes.sort_unstable();
    let mut ours = figures.component_sizes.clone();
    ours.sort_unstable();
    assert_eq!(sizes, ours);

    figures.cut_nodes = cut_nodes
        .into_iter()
        .map(|node| CutNode { node, cuts_off: cut_off(&sizes, &pieces(graph, Some(node), None)) })
        .collect();
    figures.cut_edges = cut_edges
        .into_iter()
        .map(|(a, b)| CutEdge {
            a,
            b,
            cuts_off: cut_off(&sizes, &pieces(graph, None, Some((a, b)))),
        })
        .collect();
    let linked = |a: u32, b: u32| graph.neighbours(a).binary_search(&b).is_ok();
    let (mut sum, mut counted) = (0.0, 0.0);
    for node in 0..nodes {
        let row = graph.neighbours(node);
        let of = |(at, a): (usize, &u32)| row[..at].iter().filter(|b| linked(*a, **b)).count();
        let triangles: usize = row.iter().enumerate().map(of).sum();
        let pairs = (row.len() * row.len().saturating_sub(1)) as f64;
        let local = if pairs == 0.0 { 0.0 } else { 2.0 * triangles as f64 / pairs };
        figures.triangles.push(triangles as u32);
        figures.local_clustering.push(local);
        sum += local;
        counted += f64::from(u8::from(pairs > 0.0));
    }
    figures.global_clustering = (counted > 0.0).then(|| sum / counted);
    figures.diameter = (0..nodes).map(|node| farthest(graph, node)).max().unwrap_or(0);
    figures
}

const EDGES_OF_WORDS: [u32; 16] = [0, 1, 2, 3, 4, 7, 31, 33, 63, 64, 65, 127, 128, 129, 191, 193];

#[test]
fn every_figure_of_every_shape_is_what_the_oracles_say_at_word_boundaries() {
    let mut analyser = Analyser::new();
    for nodes in EDGES_OF_WORDS {
        for shape in SHAPES {
            let graph = mesh(shape, nodes, u64::from(nodes));
            assert_eq!(*analyser.analyse(&graph), expected(&graph), "{shape:?} {nodes}");
        }
    }
}

#[test]
fn shapes_take_rows_of_every_width_and_lists() {
    let cases = [
        (Shape::Path, 2_000, Layout::Rows { words: 2 }),
        (Shape::Geometric { degree: 8 }, 100, Layout::Rows { words: 2 }),
        (Shape::Geometric { degree: 8 }, 900, Layout::Rows { words: 4 }),
        (Shape::Random { degree: 6 }, 400, Layout::Rows { words: 8 }),
        (Shape::Star, 500, Layout::Rows { words: 8 }),
        (Shape::Complete, 300, Layout::Rows { words: 8 }),
        (Shape::SmallWorld, 800, Layout::Rows { words: 16 }),
        (Shape::ScaleFree, 1_023, Layout::Rows { words: 16 }),
        (Shape::Star, 1_500, Layout::Lists),
        (Shape::Random { degree: 6 }, 1_500, Layout::Lists),
        (Shape::ScaleFree, 1_500, Layout::Lists),
        (Shape::Random { degree: 2 }, 6_000, Layout::Lists),
    ];
    let mut analyser = Analyser::new();
    for (shape, nodes, layout) in cases {
        let graph = mesh(shape, nodes, 5);
        assert_eq!(*analyser.analyse(&graph), expected(&graph), "{shape:?} {nodes}");
        assert_eq!(analyser.layout(), layout, "{shape:?} {nodes}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn every_figure_is_what_the_oracles_say(
        cases in prop::collection::vec((0..SHAPES.len(), 0u32..260, 0u64..1 << 40), 1..4),
    ) {
        // One analyser for all of them: what a graph leaves behind must not reach the next.
        let mut analyser = Analyser::new();
        for (shape, nodes, seed) in cases {
            let graph = mesh(SHAPES[shape], nodes, seed);
            prop_assert_eq!(analyser.analyse(&graph), &expected(&graph));
        }
    }

    #[test]
    fn random_tangles_of_a_few_nodes_are_exact(
        nodes in 1u32..14,
        ends in prop::collection::vec((0u32..14, 0u32..14), 0..28),
    ) {
        let edges: Vec<Edge> =
            ends.iter().map(|(a, b)| Edge { a: a % nodes, b: b % nodes, cost: 1 }).collect();
        let graph = Graph::new(nodes, &edges);
        let mut analyser = Analyser::new();
        prop_assert_eq!(analyser.analyse(&graph), &expected(&graph));
    }
}

#[test]
fn a_diameter_that_bounds_cannot_settle_is_exact_too() {
    // On a ring and a torus all nodes are equal, so that no search settles another node.
    let side = 24;
    let torus = (0..side * side).flat_map(|at| {
        let (row, column) = (at / side, at % side);
        [(at, row * side + (column + 1) % side), (at, (row + 1) % side * side + column)]
    });
    let edges: Vec<Edge> = torus.map(|(a, b)| Edge { a, b, cost: 1 }).collect();
    let mut analyser = Analyser::new();
    assert_eq!(analyser.analyse(&Graph::new(side * side, &edges)).diameter, side);
    assert_eq!(analyser.analyse(&mesh(Shape::Ring, 1_001, 1)).diameter, 500);
    assert_eq!(analyser.analyse(&mesh(Shape::Path, 70_000, 1)).diameter, 69_999);
}

//! The graphs that every property is tried on: meshes as they are, and shapes that break things.

use bitcraps_graph::{Edge, Graph};
use proptest::prelude::*;

/// A graph and what it was made from: no loops, no parallel edges.
#[derive(Clone, Debug)]
pub struct Case {
    pub graph: Graph,
    pub nodes: u32,
    pub edges: Vec<Edge>,
}

/// Graphs of up to `nodes_max` nodes, at least 1: geometric, scale-free, random (often in pieces),
/// grid, path, ring, star, complete, without edges. Their nodes are shuffled, so that no index
/// tells anything.
pub fn any_graph(nodes_max: u32) -> impl Strategy<Value = Case> {
    let ends = prop::collection::vec((any::<u32>(), any::<u32>()), 0..2 * nodes_max as usize);
    (1..=nodes_max, 0..9u32, ends, 1..=1000u32, any::<u64>()).prop_map(
        |(nodes, family, ends, cost_max, seed)| {
            let pairs = match family {
                0 => geometric(nodes, seed),
                1 => scale_free(nodes, seed),
                2 => ends.iter().map(|(a, b)| (a % nodes, b % nodes)).collect(),
                3 => grid(nodes),
                4 => (1..nodes).map(|b| (b - 1, b)).collect(),
                5 => (0..nodes).map(|a| (a, (a + 1) % nodes)).collect(),
                6 => (1..nodes).map(|b| (0, b)).collect(),
                7 => (0..nodes.min(40)).flat_map(|b| (0..b).map(move |a| (a, b))).collect(),
                _ => Vec::new(),
            };
            case(nodes, &pairs, cost_max, seed)
        },
    )
}

/// Those pairs as edges with costs from 0 to `cost_max`, their nodes shuffled.
fn case(nodes: u32, pairs: &[(u32, u32)], cost_max: u32, seed: u64) -> Case {
    let mut random = Random(seed | 1);
    let mut name: Vec<u32> = (0..nodes).collect();
    for at in (1..nodes).rev() {
        name.swap(at as usize, random.below(at + 1) as usize);
    }
    let edges: Vec<Edge> = pairs
        .iter()
        .map(|(a, b)| Edge {
            a: name[*a as usize],
            b: name[*b as usize],
            cost: random.below(cost_max + 1),
        })
        .collect();
    let graph = Graph::new(nodes, &edges);
    let edges = graph.each_edge().collect();
    Case { graph, nodes, edges }
}

fn geometric(nodes: u32, seed: u64) -> Vec<(u32, u32)> {
    let mut random = Random(seed | 1);
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (random.unit(), random.unit())).collect();
    let reach = 6.0 / (core::f64::consts::PI * f64::from(nodes));
    let near = |a: &u32, b: &u32| {
        let (p, q) = (points[*a as usize], points[*b as usize]);
        (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2) < reach
    };
    (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))).filter(|(a, b)| near(a, b)).collect()
}

/// Barabási and Albert 1999: each newcomer joins the ends of two random edges.
fn scale_free(nodes: u32, seed: u64) -> Vec<(u32, u32)> {
    let mut random = Random(seed | 1);
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for node in 1..nodes {
        for _ in 0..2 {
            let to = match pairs.len() as u32 {
                0 => 0,
                edges => pairs[random.below(edges) as usize].0,
            };
            pairs.push((to, node));
        }
    }
    pairs
}

fn grid(nodes: u32) -> Vec<(u32, u32)> {
    let width = nodes.isqrt();
    let right = (1..nodes).filter(|b| b % width != 0).map(|b| (b - 1, b));
    right.chain((width..nodes).map(|b| (b - width, b))).collect()
}

/// xorshift64*, Vigna 2016.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }
}

//! The cheapest edges that hold a graph together.

use super::{Edge, Graph, joined::Joined};

/// A minimum spanning forest: one tree for each component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanningForest {
    /// With `a < b`, ascending by cost, then `a`, then `b`.
    pub edges: Vec<Edge>,
    pub cost: u64,
}

/// Of edges of equal cost the one with the smaller `a`, then the smaller `b`, goes first. Kruskal
/// 1956: O(m log m).
pub fn minimum_spanning_forest(graph: &Graph) -> SpanningForest {
    let mut edges: Vec<Edge> = graph.each_edge().collect();
    edges.sort_unstable_by_key(|edge| (edge.cost, edge.a, edge.b));
    let mut joined = Joined::new(graph.nodes());
    edges.retain(|edge| joined.join(edge.a, edge.b));
    let cost = edges.iter().map(|edge| u64::from(edge.cost)).sum();
    SpanningForest { edges, cost }
}

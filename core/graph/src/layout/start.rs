//! Where nodes start: where they were, beside a neighbour, or, when a whole part is new, where
//! pivot scaling puts them.
//!
//! Pivot scaling (Brandes and Pich 2007) takes the hops from a few nodes that are far from each
//! other and projects them to the two directions in which they differ most. It shows the whole of
//! a large mesh at once where forces from a random start would leave it folded. O(k·m + k²·n) for
//! k pivots.

use super::{EDGE_LENGTH, groups, length, scatter};
use crate::Graph;

/// More gain little (Brandes and Pich: 50 for difficult graphs; meshes are not).
const PIVOTS: usize = 24;

/// Rounds of the power iteration; what is left over is for the forces.
const ROUNDS: usize = 60;

const NOWHERE: f32 = f32::NAN;

/// 2⁶⁴ over the golden ratio: keys that are alike end in different slots (Knuth, 6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// x and y of every node, and how many were known. `before` are keys and places of the last graph.
pub(super) fn places(
    graph: &Graph,
    parts: &[u32],
    keys: &[u64],
    before: (&[u64], &[f32]),
) -> (Vec<f32>, usize) {
    let (mut at, kept) = remembered(keys, before);
    let mut reach: f32 = 0.0;
    for place in at.chunks_exact(2).filter(|place| !place[0].is_nan()) {
        reach = reach.max(length(place[0], place[1]));
    }
    beside_neighbours(graph, &mut at);
    let rank = groups::ranks(parts);
    // The group above, the node below.
    let mut members: Vec<u64> = (0..graph.nodes())
        .filter(|node| at[2 * *node as usize].is_nan())
        .map(|node| u64::from(rank[node as usize]) << 32 | u64::from(node))
        .collect();
    members.sort_unstable();
    for (new, group) in (0..).zip(members.chunk_by(|a, b| a >> 32 == b >> 32)) {
        let nodes: Vec<u32> = group.iter().map(|member| *member as u32).collect();
        let size = unfold(graph, &nodes, &mut at);
        if reach > 0.0 {
            // Around all that stands already, each in a direction of its own.
            let (x, y) = scatter(new);
            let away = (reach + size + EDGE_LENGTH) / length(x, y).max(0.01);
            nodes.iter().for_each(|node| {
                at[2 * *node as usize] += x * away;
                at[2 * *node as usize + 1] += y * away;
            });
        }
        if new == 0 {
            reach = reach.max(size);
        }
    }
    (at, kept)
}

/// Known nodes where they were, the others nowhere. By a table of keys with open addressing
/// (Knuth, volume 3, 6.4): O(n) for keys that differ.
fn remembered(keys: &[u64], before: (&[u64], &[f32])) -> (Vec<f32>, usize) {
    let mut at = vec![NOWHERE; 2 * keys.len()];
    let slots = (2 * before.0.len()).next_power_of_two();
    let mut table = vec![u32::MAX; slots];
    let start = |key: u64| (key.wrapping_mul(SPREAD) >> 32) as usize & (slots - 1);
    for (key, old) in before.0.iter().zip(0..) {
        let mut slot = start(*key);
        while table[slot] != u32::MAX {
            slot = (slot + 1) & (slots - 1);
        }
        table[slot] = old;
    }
    let (mut taken, mut kept) = (vec![false; before.0.len()], 0);
    for (key, place) in keys.iter().zip(at.chunks_exact_mut(2)) {
        let mut slot = start(*key);
        while let Some(known) = before.0.get(table[slot] as usize) {
            let old = table[slot] as usize;
            if known == key && !taken[old] {
                place.copy_from_slice(&before.1[2 * old..2 * old + 2]);
                taken[old] = true;
                kept += 1;
                break;
            }
            slot = (slot + 1) & (slots - 1);
        }
    }
    (at, kept)
}

/// Puts each new node that is joined to known ones amid those, breadth first.
fn beside_neighbours(graph: &Graph, at: &mut [f32]) {
    let known = |at: &[f32], node: u32| !at[2 * node as usize].is_nan();
    let mut queue: Vec<u32> = (0..graph.nodes()).filter(|node| known(at, *node)).collect();
    let mut next = 0;
    while let Some(node) = queue.get(next).copied() {
        next += 1;
        for &new in graph.neighbours(node) {
            if known(at, new) {
                continue;
            }
            let (mut x, mut y, mut count) = (0.0, 0.0, 0.0);
            for &near in graph.neighbours(new).iter().filter(|near| known(at, **near)) {
                x += at[2 * near as usize];
                y += at[2 * near as usize + 1];
                count += 1.0;
            }
            let (dx, dy) = scatter(new);
            at[2 * new as usize] = x / count + dx * EDGE_LENGTH;
            at[2 * new as usize + 1] = y / count + dy * EDGE_LENGTH;
            queue.push(new);
        }
    }
}

/// Places nodes that are all new around the origin; gives the radius they take. They are one part,
/// or many small ones that share a group and are scattered.
fn unfold(graph: &Graph, nodes: &[u32], at: &mut [f32]) -> f32 {
    let wide = (nodes.len() as f32).sqrt() * EDGE_LENGTH;
    let mut hops = Hops::of(graph, nodes);
    let flat = if nodes.len() > 2 && hops.whole { Some(hops.flattened()) } else { None };
    let mut radius = 0.0_f32;
    for (i, node) in nodes.iter().enumerate() {
        let (x, y) = scatter(i as u32);
        let (x, y) = match &flat {
            // A little aside: nodes that are alike would lie in one place.
            Some((xs, ys)) => (xs[i] + x * EDGE_LENGTH * 0.5, ys[i] + y * EDGE_LENGTH * 0.5),
            None => (x * wide, y * wide),
        };
        at[2 * *node as usize] = x;
        at[2 * *node as usize + 1] = y;
        radius = radius.max(length(x, y));
    }
    radius
}

/// Hops from each pivot to each node, pivot by pivot.
struct Hops {
    nodes: usize,
    from: Vec<f32>,
    /// Whether every node was reached.
    whole: bool,
    /// Ends of each edge among the nodes, as places in `from`'s rows.
    edges: Vec<(u32, u32)>,
}

impl Hops {
    fn of(graph: &Graph, nodes: &[u32]) -> Hops {
        let mut place = vec![u32::MAX; graph.nodes() as usize];
        for (node, i) in nodes.iter().zip(0..) {
            place[*node as usize] = i;
        }
        let mut edges = Vec::new();
        for (node, a) in nodes.iter().zip(0..) {
            let near = graph.neighbours(*node).iter().map(|to| place[*to as usize]);
            edges.extend(near.filter(|b| a < *b && *b != u32::MAX).map(|b| (a, b)));
        }
        let mut hops = Hops { nodes: nodes.len(), from: Vec::new(), whole: true, edges };
        let mut nearest = vec![f32::INFINITY; nodes.len()];
        let (mut pivot, mut queue) = (0, Vec::with_capacity(nodes.len()));
        for _ in 0..PIVOTS.min(nodes.len()) {
            let row = hops.from.len();
            hops.from.resize(row + nodes.len(), f32::INFINITY);
            let row = &mut hops.from[row..];
            row[pivot] = 0.0;
            queue.clear();
            queue.push(pivot as u32);
            let mut next = 0;
            while let Some(i) = queue.get(next).copied() {
                next += 1;
                for to in graph.neighbours(nodes[i as usize]) {
                    let to = place[*to as usize];
                    if to != u32::MAX && row[to as usize].is_infinite() {
                        row[to as usize] = row[i as usize] + 1.0;
                        queue.push(to);
                    }
                }
            }
            hops.whole = queue.len() == nodes.len();
            if !hops.whole {
                break;
            }
            let mut farthest = 0.0;
            for (i, (near, hops)) in nearest.iter_mut().zip(row).enumerate() {
                *near = near.min(*hops);
                if *near > farthest {
                    (farthest, pivot) = (*near, i);
                }
            }
            if farthest == 0.0 {
                break;
            }
        }
        hops
    }

    /// x and y of every node, edges being [`EDGE_LENGTH`] long on the mean.
    fn flattened(&mut self) -> (Vec<f32>, Vec<f32>) {
        self.centre();
        let pivots = self.from.len() / self.nodes;
        let row = |pivot: usize| &self.from[pivot * self.nodes..(pivot + 1) * self.nodes];
        let mut product = vec![0.0; pivots * pivots];
        for a in 0..pivots {
            for b in 0..=a {
                let dot: f32 = row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
                product[a * pivots + b] = dot;
                product[b * pivots + a] = dot;
            }
        }
        let first = main_direction(&product, pivots, None);
        let second = main_direction(&product, pivots, Some(&first));
        let mut axes = [first, second].map(|direction| {
            let mut axis = vec![0.0; self.nodes];
            for (pivot, share) in direction.iter().enumerate() {
                axis.iter_mut().zip(row(pivot)).for_each(|(sum, value)| *sum += value * share);
            }
            // As long as classical scaling would make it: the root of its singular value.
            let length: f32 = axis.iter().map(|value| value * value).sum::<f32>().sqrt();
            let scale = 1.0 / length.sqrt().max(1e-6);
            axis.iter_mut().for_each(|value| *value *= scale);
            axis
        });
        let [xs, ys] = &mut axes;
        let long = |(a, b): &(u32, u32)| {
            let (a, b) = (*a as usize, *b as usize);
            length(xs[a] - xs[b], ys[a] - ys[b])
        };
        let mean = self.edges.iter().map(long).sum::<f32>() / self.edges.len().max(1) as f32;
        let scale = EDGE_LENGTH / mean.max(1e-6);
        xs.iter_mut().chain(ys.iter_mut()).for_each(|value| *value *= scale);
        let [xs, ys] = axes;
        (xs, ys)
    }

    /// Squares, and takes the means of pivots and nodes out of them.
    fn centre(&mut self) {
        let pivots = self.from.len() / self.nodes;
        let mut of_node = vec![0.0; self.nodes];
        for row in self.from.chunks_exact_mut(self.nodes) {
            row.iter_mut().for_each(|hops| *hops *= *hops);
            let mean = row.iter().sum::<f32>() / self.nodes as f32;
            row.iter_mut().for_each(|value| *value -= mean);
            of_node.iter_mut().zip(row).for_each(|(sum, value)| *sum += *value);
        }
        for row in self.from.chunks_exact_mut(self.nodes) {
            row.iter_mut().zip(&of_node).for_each(|(value, sum)| *value -= sum / pivots as f32);
        }
    }
}

/// The eigenvector of the largest eigenvalue of a symmetric matrix, at right angles to another
/// one: by power iteration.
fn main_direction(matrix: &[f32], size: usize, besides: Option<&[f32]>) -> Vec<f32> {
    let mut direction: Vec<f32> = (0..size as u32).map(|i| scatter(i).0 + 0.6).collect();
    for _ in 0..ROUNDS {
        if let Some(besides) = besides {
            let along: f32 = direction.iter().zip(besides).map(|(a, b)| a * b).sum();
            direction.iter_mut().zip(besides).for_each(|(value, b)| *value -= along * b);
        }
        let mut next = vec![0.0; size];
        for (sum, row) in next.iter_mut().zip(matrix.chunks_exact(size)) {
            *sum = row.iter().zip(&direction).map(|(a, b)| a * b).sum();
        }
        let length = next.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length < 1e-12 {
            return vec![0.0; size];
        }
        next.iter_mut().for_each(|value| *value /= length);
        direction = next;
    }
    direction
}

//! What a component falls into without one of its nodes, and who stands near that node.
//!
//! Breadth-first searches: O(n + m) each for n nodes and m edges.

use crate::graph::Graph;
use std::collections::VecDeque;

/// Not in the component, or the node itself.
const NOWHERE: u32 = 0;

/// Hops from `from` to every node; `u32::MAX` where no path leads.
pub(super) fn hops_from(graph: &Graph, from: u32) -> Vec<u32> {
    let mut hops = vec![u32::MAX; graph.nodes() as usize];
    let mut queue = VecDeque::from([from]);
    hops[from as usize] = 0;
    while let Some(node) = queue.pop_front() {
        for to in graph.neighbours(node) {
            if hops[*to as usize] == u32::MAX {
                hops[*to as usize] = hops[node as usize] + 1;
                queue.push_back(*to);
            }
        }
    }
    hops
}

/// The pieces that are left without one node.
pub(super) struct Pieces {
    /// By node, from 1.
    piece: Vec<u32>,
    pub count: u32,
}

impl Pieces {
    pub fn without(graph: &Graph, node: u32) -> Pieces {
        let mut piece = vec![NOWHERE; graph.nodes() as usize];
        let mut count = 0;
        let mut stack = Vec::new();
        for start in graph.neighbours(node) {
            if piece[*start as usize] != NOWHERE {
                continue;
            }
            count += 1;
            piece[*start as usize] = count;
            stack.push(*start);
            while let Some(at) = stack.pop() {
                for to in graph.neighbours(at) {
                    if *to != node && piece[*to as usize] == NOWHERE {
                        piece[*to as usize] = count;
                        stack.push(*to);
                    }
                }
            }
        }
        Pieces { piece, count }
    }

    /// Whether every path between the two leads through the node.
    pub fn part(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.piece[a as usize], self.piece[b as usize]);
        a != b && a != NOWHERE && b != NOWHERE
    }
}

/// The first `max` nodes around `node` that are at most `hops_max` away, with their hops; nearest
/// first.
pub(super) fn around(graph: &Graph, node: u32, hops_max: u32, max: usize) -> Vec<(u32, u32)> {
    let mut found: Vec<(u32, u32)> = Vec::new();
    let mut seen = vec![false; graph.nodes() as usize];
    seen[node as usize] = true;
    let mut ring = vec![node];
    for hops in 1..=hops_max {
        let mut next = Vec::new();
        for to in ring.iter().flat_map(|at| graph.neighbours(*at)) {
            if !core::mem::replace(&mut seen[*to as usize], true) {
                next.push(*to);
            }
        }
        next.sort_unstable();
        found.extend(next.iter().map(|to| (hops, *to)));
        ring = next;
    }
    found.truncate(max);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Edge;

    /// 0-1-2 with 3 hanging off 1, and 4-5 apart.
    fn graph() -> Graph {
        let edge = |(a, b)| Edge { a, b, cost: 1 };
        Graph::new(6, &[(0, 1), (1, 2), (1, 3), (4, 5)].map(edge))
    }

    #[test]
    fn a_star_falls_into_its_rays() {
        let pieces = Pieces::without(&graph(), 1);
        assert_eq!(pieces.count, 3);
        assert!(pieces.part(0, 2) && pieces.part(2, 3));
        assert!(!pieces.part(0, 0) && !pieces.part(0, 1) && !pieces.part(0, 4));
        assert_eq!(Pieces::without(&graph(), 4).count, 1);
    }

    #[test]
    fn the_nearest_come_first_and_no_more_than_asked() {
        assert_eq!(around(&graph(), 0, 3, 9), [(1, 1), (2, 2), (2, 3)]);
        assert_eq!(around(&graph(), 0, 1, 9), [(1, 1)]);
        assert_eq!(around(&graph(), 0, 3, 2), [(1, 1), (2, 2)]);
        let far = u32::MAX;
        assert_eq!(hops_from(&graph(), 0), [0, 1, 2, 2, far, far]);
    }
}

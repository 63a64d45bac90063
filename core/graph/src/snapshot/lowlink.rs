//! Cut nodes and cut edges by low links, with how much each cuts off.
//!
//! Hopcroft and Tarjan 1973, with arrays for the call stack: one depth-first search numbers the
//! nodes, then one pass against that numbering finds for every node the earliest that its subtree
//! reaches other than by the edge to its parent, and the size of the subtree. O(n + m).

use super::fill;
use super::order::Order;
use crate::{CutEdge, CutNode, Figures};

/// What is known of the node found as the i-th; i is called its time.
#[derive(Clone, Copy, Default)]
struct Found {
    /// The time of its parent; its own for the first of a component.
    parent: u32,
    /// Its position.
    position: u32,
    /// The earliest time that its subtree reaches.
    low: u32,
    /// Nodes in its subtree.
    size: u32,
    /// The pieces below it that reach nothing above: their sum, and the largest.
    below: u32,
    largest: u32,
}

#[derive(Default)]
pub(super) struct LowLink {
    found: Vec<Found>,
    /// The time of each position.
    time: Vec<u32>,
    /// How far each row has been read.
    read: Vec<u32>,
    /// By position: what its loss cuts off, and what the loss of the edge to its parent does.
    node_cuts: Vec<u32>,
    edges: Vec<CutEdge>,
}

const NEVER: u32 = u32::MAX;

impl LowLink {
    pub fn find(&mut self, order: &Order, figures: &mut Figures) {
        let nodes = order.position.len();
        fill(&mut self.found, nodes, Found::default());
        fill(&mut self.time, nodes, NEVER);
        fill(&mut self.node_cuts, nodes, 0);
        self.read.clear();
        self.read.extend_from_slice(&order.first[..nodes]);
        for start in &order.starts[..order.starts.len() - 1] {
            self.dive(order, *start);
        }
        self.link(order, figures);
        self.report(order, figures);
    }

    /// Numbers one component.
    fn dive(&mut self, order: &Order, start: u32) {
        // Components are numbered one after the other, so its first time is its first position.
        let (mut at, mut now) = (start, start);
        let mut time = start;
        self.found[at as usize] = Found { parent: at, position: at, ..Found::default() };
        self.time[at as usize] = at;
        loop {
            let (from, to) = (self.read[at as usize], order.first[at as usize + 1]);
            let row = &order.near[from as usize..to as usize];
            let fresh = row.iter().position(|near| self.time[*near as usize] == NEVER);
            if let Some(skipped) = fresh {
                self.read[at as usize] = from + skipped as u32 + 1;
                at = row[skipped];
                time += 1;
                self.found[time as usize] = Found { parent: now, position: at, ..Found::default() };
                self.time[at as usize] = time;
                now = time;
            } else {
                self.read[at as usize] = to;
                let parent = self.found[now as usize].parent;
                if parent == now {
                    return;
                }
                now = parent;
                at = self.found[now as usize].position;
            }
        }
    }

    /// Low links, last found first; notes the cut nodes by position and the cut edges.
    fn link(&mut self, order: &Order, figures: &Figures) {
        self.edges.clear();
        let parts = order.starts.windows(2).zip(&figures.component_sizes).rev();
        for (ends, part) in parts {
            for time in (ends[0]..ends[1]).rev() {
                let mut node = self.found[time as usize];
                let mut low = node.low.wrapping_sub(1).min(time);
                for near in order.near(node.position as usize) {
                    let reached = self.time[*near as usize];
                    low = low.min(if reached == node.parent { NEVER } else { reached });
                }
                node.size += 1;
                let above = part - 1 - node.below;
                self.node_cuts[node.position as usize] = part - 1 - node.largest.max(above);
                if node.parent == time {
                    continue;
                }
                let parent = &mut self.found[node.parent as usize];
                parent.low = (parent.low.wrapping_sub(1).min(low)).wrapping_add(1);
                parent.size += node.size;
                let piece = if low >= node.parent { node.size } else { 0 };
                parent.below += piece;
                parent.largest = parent.largest.max(piece);
                if low == time {
                    let (a, b) =
                        (order.node[node.position as usize], order.node[parent.position as usize]);
                    let cuts_off = node.size.min(part - node.size);
                    self.edges.push(CutEdge { a: a.min(b), b: a.max(b), cuts_off });
                }
            }
        }
    }

    fn report(&mut self, order: &Order, figures: &mut Figures) {
        figures.cut_nodes.clear();
        for (node, position) in order.position.iter().enumerate() {
            let cuts_off = self.node_cuts[*position as usize];
            if cuts_off > 0 {
                figures.cut_nodes.push(CutNode { node: node as u32, cuts_off });
            }
        }
        self.edges.sort_unstable();
        figures.cut_edges.clear();
        figures.cut_edges.extend_from_slice(&self.edges);
    }
}

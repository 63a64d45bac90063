//! Cut nodes and cut edges by low links, with how much each cuts off.
//!
//! Hopcroft and Tarjan 1973, with arrays for the call stack: one depth-first search numbers the
//! nodes, then one pass against that numbering finds for every node the earliest that its subtree
//! reaches other than by the edge to its parent, and the size of the subtree. O(n + m).

use super::order::Order;
use super::{fill, held};
use crate::{CutEdge, CutNode, Figures};
use core::ops::Range;

/// What is known of the node found as the i-th; i is called its time.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    /// The time of its parent; its own for the first of a component.
    pub parent: u32,
    /// Its position.
    pub position: u32,
    /// The earliest time that its subtree reaches.
    low: u32,
    /// Nodes in its subtree.
    size: u32,
    /// The pieces below it that reach nothing above: their sum, and the largest.
    below: u32,
    largest: u32,
}

impl Found {
    pub fn new(parent: usize, position: usize) -> Found {
        Found { parent: parent as u32, position: position as u32, ..Found::default() }
    }
}

#[derive(Default)]
pub(super) struct LowLink {
    found: Vec<Found>,
    /// The time of each position.
    time: Vec<u32>,
}

const NEVER: u32 = u32::MAX;

impl LowLink {
    /// `dive` is asked for a depth-first search of each component: its positions, and where to put
    /// who was found and when. Times within a component are its positions.
    pub fn find(
        &mut self,
        order: &Order,
        figures: &mut Figures,
        mut dive: impl FnMut(Range<usize>, &mut [Found], &mut [u32]),
    ) {
        let nodes = order.position.len();
        fill(&mut self.found, nodes, Found::default());
        fill(&mut self.time, nodes, 0);
        for ends in order.starts.windows(2) {
            dive(ends[0] as usize..ends[1] as usize, &mut self.found, &mut self.time);
        }
        self.link(order, figures);
        figures.cut_nodes.sort_unstable();
        figures.cut_edges.sort_unstable();
    }

    pub fn bytes(&self) -> usize {
        held(&self.found) + held(&self.time)
    }

    /// Low links, last found first, and the cuts that follow from them.
    fn link(&mut self, order: &Order, figures: &mut Figures) {
        figures.cut_nodes.clear();
        figures.cut_edges.clear();
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
                let cuts_off = part - 1 - node.largest.max(above);
                if cuts_off > 0 {
                    let node = order.node[node.position as usize];
                    figures.cut_nodes.push(CutNode { node, cuts_off });
                }
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
                    figures.cut_edges.push(CutEdge { a: a.min(b), b: a.max(b), cuts_off });
                }
            }
        }
    }
}

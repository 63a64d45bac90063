//! Searches and triangles on the rows of the renumbered graph, where its band is too wide for bits.

use super::lowlink::Found;
use super::order::Order;
use super::{Search, fill, held};
use core::ops::Range;

#[derive(Default)]
pub(super) struct Lists {
    queue: Vec<u32>,
    /// Where each row of `later` starts, and one past the last.
    first: Vec<u32>,
    /// The neighbours of each position that rank behind it.
    later: Vec<u32>,
    /// One more than the last position that had this one for a neighbour.
    mark: Vec<u32>,
    /// Triangles found through each position.
    found: Vec<u32>,
}

impl Lists {
    pub fn bytes(&self) -> usize {
        held(&self.queue)
            + held(&self.first)
            + held(&self.later)
            + held(&self.mark)
            + held(&self.found)
    }

    /// Hops from `from` to every position of its component, which is `size` positions large.
    /// O(n + m).
    pub fn search(&mut self, order: &Order, from: usize, size: usize, hops: &mut [u32]) -> Search {
        fill(&mut self.queue, size + 1, 0);
        hops.fill(u32::MAX);
        self.queue[0] = from as u32;
        hops[from] = 0;
        let (mut head, mut tail) = (0, 1);
        while tail < size {
            let at = self.queue[head] as usize;
            head += 1;
            let level = hops[at] + 1;
            for near in order.near(at) {
                self.queue[tail] = *near;
                let slot = &mut hops[*near as usize];
                tail += usize::from(*slot == u32::MAX);
                *slot = level.min(*slot);
            }
        }
        Search { farthest: hops[self.queue[size - 1] as usize] }
    }

    /// Before the first dive: nothing is read.
    pub fn forget(&mut self, order: &Order) {
        let nodes = order.position.len();
        self.first.clear();
        self.first.extend_from_slice(&order.first[..nodes]);
        fill(&mut self.mark, nodes, 0);
    }

    /// A depth-first search of the component at these positions: who was found when, by whom.
    pub fn dive(
        &mut self,
        order: &Order,
        ends: Range<usize>,
        found: &mut [Found],
        time: &mut [u32],
    ) {
        let (mut at, mut now, mut last) = (ends.start, ends.start, ends.start);
        found[now] = Found::new(now, at);
        time[at] = now as u32;
        self.mark[at] = 1;
        while last + 1 < ends.end {
            let (from, to) = (self.first[at] as usize, order.first[at + 1] as usize);
            let row = &order.near[from..to];
            if let Some(skipped) = row.iter().position(|near| self.mark[*near as usize] == 0) {
                self.first[at] = (from + skipped + 1) as u32;
                at = row[skipped] as usize;
                last += 1;
                found[last] = Found::new(now, at);
                time[at] = last as u32;
                self.mark[at] = 1;
                now = last;
            } else {
                self.first[at] = to as u32;
                now = found[now].parent as usize;
                at = found[now].position as usize;
            }
        }
    }

    /// Triangles through every node.
    ///
    /// Every edge points to its end of higher degree, which leaves no row longer than √(2m); each
    /// triangle is found once, at the node that points to both others (Schank and Wagner 2005:
    /// "forward", with a mark in place of the merge). O(m^1.5).
    pub fn triangles(&mut self, order: &Order, triangles: &mut Vec<u32>) {
        let nodes = order.position.len();
        self.point(order, nodes);
        fill(&mut self.mark, nodes, 0);
        fill(&mut self.found, nodes, 0);
        for at in 0..nodes {
            let row = &self.later[self.first[at] as usize..self.first[at + 1] as usize];
            let stamp = at as u32 + 1;
            for near in row {
                self.mark[*near as usize] = stamp;
            }
            let mut all = 0;
            for near in row {
                let near = *near as usize;
                let (from, to) = (self.first[near] as usize, self.first[near + 1] as usize);
                let mut closed = 0;
                for third in &self.later[from..to] {
                    let hit = u32::from(self.mark[*third as usize] == stamp);
                    self.found[*third as usize] += hit;
                    closed += hit;
                }
                self.found[near] += closed;
                all += closed;
            }
            self.found[at] += all;
        }
        triangles.clear();
        let counts = order.position.iter().map(|at| self.found[*at as usize]);
        triangles.extend(counts);
    }

    /// Directs every edge from lower to higher (degree, position).
    fn point(&mut self, order: &Order, nodes: usize) {
        fill(&mut self.first, nodes + 1, 0);
        fill(&mut self.later, order.near.len() / 2 + 1, 0);
        let mut end = 0;
        for at in 0..nodes {
            let row = order.near(at);
            let rank = (row.len(), at as u32);
            for near in row {
                self.later[end] = *near;
                end += usize::from((order.near(*near as usize).len(), *near) > rank);
            }
            self.first[at + 1] = end as u32;
        }
    }
}

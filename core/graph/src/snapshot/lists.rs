//! Searches and triangles on the rows of the renumbered graph, where its band is too wide for bits.

use super::order::Order;
use super::{Search, fill};

#[derive(Default)]
pub(super) struct Lists {
    queue: Vec<u32>,
    /// Where each row of `later` starts, and one past the last.
    first: Vec<u32>,
    /// The neighbours of each position that rank behind it.
    later: Vec<u32>,
    /// One more than the last position that had this one for a neighbour.
    mark: Vec<u32>,
}

impl Lists {
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

    /// Triangles through every position.
    ///
    /// Every edge points to its end of higher degree, which leaves no row longer than √(2m); each
    /// triangle is found once, at the node that points to both others (Schank and Wagner 2005:
    /// "forward", with a mark in place of the merge). O(m^1.5).
    pub fn triangles(&mut self, order: &Order, triangles: &mut [u32]) {
        let nodes = triangles.len();
        self.point(order, nodes);
        fill(&mut self.mark, nodes, 0);
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
                    triangles[*third as usize] += hit;
                    closed += hit;
                }
                triangles[near] += closed;
                all += closed;
            }
            triangles[at] += all;
        }
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

//! Eccentricities of 64 nodes at a time, a bit for each (Then et al., VLDB 2015).
//!
//! O(levels in which something is new · edges) for each 64, which is far less than 64 searches
//! where the graph is shallow: that is where bounds fail to prove a diameter. While few nodes have
//! news, they pass it on; then every node asks its neighbours.

use super::adjacency::Rows;

/// See the module: what it needs for itself.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    seen: Vec<u64>,
    now: Vec<u64>,
    next: Vec<u64>,
    upcoming: Vec<u32>,
}

/// How many nodes go side by side.
pub const WIDTH: usize = 64;

/// Where more than one node in so many has news, all nodes are looked at. Of 4, 8, 16 and 32 the
/// last two were fastest.
const DENSE: usize = 16;

impl Sweep {
    pub fn rebuild(&mut self, nodes: usize) {
        for bits in [&mut self.seen, &mut self.now, &mut self.next] {
            bits.clear();
            bits.resize(nodes, 0);
        }
        self.upcoming.clear();
        self.upcoming.reserve_exact(nodes);
    }

    /// The eccentricities of at most [`WIDTH`] different nodes, in their order. `active` is room
    /// for all nodes.
    pub fn run(&mut self, rows: &Rows, starts: &[u32], active: &mut Vec<u32>) -> [u32; WIDTH] {
        assert!(starts.len() <= WIDTH, "{} starts, the limit is {WIDTH}", starts.len());
        let mut found = [0; WIDTH];
        self.seen.fill(0);
        let upcoming = &mut self.upcoming;
        active.clear();
        for (bit, start) in starts.iter().enumerate() {
            self.seen[*start as usize] = 1 << bit;
            self.now[*start as usize] = 1 << bit;
            active.push(*start);
        }
        let mut level = 0;
        while !active.is_empty() {
            if active.len() * DENSE > self.seen.len() {
                for node in active.drain(..) {
                    self.now[node as usize] = 0;
                }
                self.pull(rows, level, &mut found);
                break;
            }
            level += 1;
            upcoming.clear();
            for node in active.drain(..) {
                let bits = core::mem::take(&mut self.now[node as usize]);
                for to in rows.of(node) {
                    let new = bits & !self.seen[*to as usize];
                    if new != 0 {
                        let slot = &mut self.next[*to as usize];
                        if *slot == 0 {
                            upcoming.push(*to);
                        }
                        *slot |= new;
                    }
                }
            }
            let mut all = 0;
            for node in upcoming.iter() {
                self.seen[*node as usize] |= self.next[*node as usize];
                all |= self.next[*node as usize];
            }
            while all != 0 {
                found[all.trailing_zeros() as usize] = level;
                all &= all - 1;
            }
            core::mem::swap(&mut self.now, &mut self.next);
            core::mem::swap(active, upcoming);
        }
        found
    }

    /// The levels after this one, each node from its neighbours: no list to keep, no branch to
    /// guess.
    fn pull(&mut self, rows: &Rows, mut level: u32, found: &mut [u32; WIDTH]) {
        loop {
            level += 1;
            let mut fresh = 0;
            for (node, (next, seen)) in (0..).zip(self.next.iter_mut().zip(&self.seen)) {
                let known =
                    rows.of(node).iter().fold(*seen, |all, to| all | self.seen[*to as usize]);
                fresh |= known & !seen;
                *next = known;
            }
            core::mem::swap(&mut self.seen, &mut self.next);
            if fresh == 0 {
                break;
            }
            while fresh != 0 {
                found[fresh.trailing_zeros() as usize] = level;
                fresh &= fresh - 1;
            }
        }
        self.next.fill(0);
    }

    pub fn bytes(&self) -> usize {
        let bits = self.seen.capacity() + self.now.capacity() + self.next.capacity();
        bits * size_of::<u64>() + self.upcoming.capacity() * size_of::<u32>()
    }
}

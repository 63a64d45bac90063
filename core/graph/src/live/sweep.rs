//! Eccentricities of 64 nodes at a time, a bit for each (Then et al., VLDB 2015).
//!
//! O(levels in which something is new · edges) for each 64, which is far less than 64 searches
//! where the graph is shallow: that is where bounds fail to prove a diameter.

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

    pub fn bytes(&self) -> usize {
        let bits = self.seen.capacity() + self.now.capacity() + self.next.capacity();
        bits * size_of::<u64>() + self.upcoming.capacity() * size_of::<u32>()
    }
}

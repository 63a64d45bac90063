//! Two short paths between two nodes that share no other node.
//!
//! The first is a shortest path, the second one that avoids its inner nodes. This may miss a pair
//! that exists, so "no" means "not found": whoever asks must then look properly. With one common
//! neighbour, the path through it is the first.

use super::adjacency::Rows;

/// How many nodes a search may reach from each end. A guess: few detours of a mesh are longer, and
/// a full search of a thousand nodes costs several times as much.
const REACH: usize = 96;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Detour {
    /// Who reached each node, in which search.
    mark: Vec<u32>,
    /// The last mark in use.
    last: u32,
    reached: [Vec<Reached>; 2],
}

#[derive(Clone, Copy, Debug)]
struct Reached {
    node: u32,
    /// Index of the node it was reached from; its own for an end.
    from: u32,
}

impl Detour {
    pub fn rebuild(&mut self, nodes: usize) {
        self.mark.clear();
        self.mark.resize(nodes, 0);
        self.last = 0;
        for reached in &mut self.reached {
            reached.clear();
            reached.reserve_exact(REACH);
        }
    }

    /// Whether two paths were found between nodes that are not linked and share at most one
    /// neighbour. O(REACH · degree).
    pub fn two_paths(&mut self, rows: &Rows, a: u32, b: u32, shared: &[u32]) -> bool {
        if self.last > u32::MAX - 8 {
            self.mark.fill(0);
            self.last = 0;
        }
        // Marks up to here are of the past; 1 and 2 above are the first search, 5 and 6 the second,
        // and 7 bars a node from it.
        let base = self.last;
        self.last += 8;
        let barred = base + 7;
        if let [third, ..] = shared {
            self.mark[*third as usize] = barred;
        } else {
            let Some(meeting) = self.path(rows, a, b, base) else { return false };
            for (side, mut at) in meeting.into_iter().enumerate() {
                while self.reached[side][at as usize].from != at {
                    self.mark[self.reached[side][at as usize].node as usize] = barred;
                    at = self.reached[side][at as usize].from;
                }
            }
        }
        self.path(rows, a, b, base + 4).is_some()
    }

    /// Searches from both ends in turn; where they met, as an index into each end's list. Marks
    /// above `base` are taken.
    fn path(&mut self, rows: &Rows, a: u32, b: u32, base: u32) -> Option<[u32; 2]> {
        for (side, end) in [a, b].into_iter().enumerate() {
            self.mark[end as usize] = base + 1 + side as u32;
            self.reached[side].clear();
            self.reached[side].push(Reached { node: end, from: 0 });
        }
        let mut next = 0;
        loop {
            for side in 0..2 {
                let node = self.reached[side].get(next)?.node;
                for to in rows.of(node) {
                    let mark = &mut self.mark[*to as usize];
                    if *mark <= base {
                        if self.reached[side].len() == REACH {
                            return None;
                        }
                        *mark = base + 1 + side as u32;
                        self.reached[side].push(Reached { node: *to, from: next as u32 });
                    } else if *mark == base + 2 - side as u32 {
                        let at = self.reached[1 - side].iter().position(|r| r.node == *to)?;
                        let here = next as u32;
                        return Some(if side == 0 { [here, at as u32] } else { [at as u32, here] });
                    }
                }
            }
            next += 1;
        }
    }

    pub fn bytes(&self) -> usize {
        self.mark.capacity() * size_of::<u32>()
            + self.reached.iter().map(|r| r.capacity() * size_of::<Reached>()).sum::<usize>()
    }
}

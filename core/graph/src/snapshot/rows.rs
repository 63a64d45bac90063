//! The adjacency matrix as short runs of machine words.
//!
//! In the numbering of [`Order`] the neighbours of a node stand close together, so that one row of
//! the matrix is `W` words from a word of its own on. One level of a breadth-first search is then
//! the union of the rows of the level before, and the common neighbours of two nodes are the
//! intersection of two rows. A search takes O(n W) however many edges there are.

use super::lowlink::Found;
use super::order::Order;
use super::{Search, fill, held};
use core::ops::Range;

#[derive(Default)]
pub(super) struct Rows {
    bits: Vec<u64>,
    /// Sets of positions, with room behind for a row that starts in the last word.
    seen: Vec<u64>,
    front: Vec<u64>,
    next: Vec<u64>,
}

impl Rows {
    pub fn bytes(&self) -> usize {
        held(&self.bits) + held(&self.seen) + held(&self.front) + held(&self.next)
    }

    /// Empty rows of `W` words.
    pub fn clear<const W: usize>(&mut self, nodes: usize) -> &mut [[u64; W]] {
        fill(&mut self.bits, nodes * W, 0);
        let words = nodes / 64 + 1 + W;
        fill(&mut self.seen, words, 0);
        fill(&mut self.front, words, 0);
        fill(&mut self.next, words, 0);
        self.bits.as_chunks_mut::<W>().0
    }

    /// Fills in the rows of `W` words; the band must fit.
    pub fn build<const W: usize>(&mut self, order: &Order) {
        let rows = self.clear::<W>(order.position.len());
        let ends = order.first.windows(2).zip(&order.word);
        for (row, (ends, word)) in rows.iter_mut().zip(ends) {
            for near in &order.near[ends[0] as usize..ends[1] as usize] {
                row[((near / 64 - word) as usize) % W] |= 1 << (near % 64);
            }
        }
    }

    /// Hops from `from` to every position of its component, which is `size` positions large.
    pub fn search<const W: usize>(
        &mut self,
        order: &Order,
        from: usize,
        size: usize,
        hops: &mut [u32],
    ) -> Search {
        let (rows, _) = self.bits.as_chunks::<W>();
        let word = &order.word[..rows.len()];
        let hops = &mut hops[..rows.len()];
        let seen = &mut self.seen;
        seen.fill(0);
        let (mut front, mut next) = (&mut self.front, &mut self.next);
        front[from / 64] = 1 << (from % 64);
        let (mut low, mut high) = (from / 64, from / 64 + 1);
        let (mut found, mut level) = (0, 0);
        loop {
            let (mut first, mut last) = (usize::MAX, 0);
            for at in low..high {
                let mut fresh = front[at] & !seen[at];
                seen[at] |= fresh;
                front[at] = 0;
                while fresh != 0 {
                    let node = at * 64 + fresh.trailing_zeros() as usize;
                    fresh &= fresh - 1;
                    hops[node] = level;
                    found += 1;
                    last = word[node] as usize;
                    first = first.min(last);
                    for (to, from) in next[last..last + W].iter_mut().zip(&rows[node]) {
                        *to |= *from;
                    }
                }
            }
            if found == size {
                next[first..last + W].fill(0);
                return Search { farthest: level };
            }
            level += 1;
            (low, high) = (first, last + W);
            (front, next) = (next, front);
        }
    }

    /// The not yet seen neighbour of a position with the lowest word, for a depth-first search.
    fn fresh<const W: usize>(row: &[u64; W], word: usize, unseen: &[u64]) -> Option<usize> {
        let unseen = &unseen[word..word + W];
        let (mut bits, mut place) = (0, 0);
        for at in (0..W).rev() {
            let open = row[at] & unseen[at];
            if open != 0 {
                (bits, place) = (open, at);
            }
        }
        (bits != 0).then(|| (word + place) * 64 + bits.trailing_zeros() as usize)
    }

    /// A depth-first search of the component at these positions: who was found when, by whom.
    pub fn dive<const W: usize>(
        &mut self,
        order: &Order,
        ends: Range<usize>,
        found: &mut [Found],
        time: &mut [u32],
    ) {
        let (rows, _) = self.bits.as_chunks::<W>();
        let word = &order.word[..rows.len()];
        let time = &mut time[..rows.len()];
        let unseen = &mut self.seen;
        let (mut at, mut now, mut last) = (ends.start, ends.start, ends.start);
        found[now] = Found::new(now, at);
        time[at] = now as u32;
        unseen[at / 64] &= !(1 << (at % 64));
        while last + 1 < ends.end {
            if let Some(next) = Rows::fresh(&rows[at], word[at] as usize, unseen) {
                at = next;
                last += 1;
                found[last] = Found::new(now, at);
                time[at] = last as u32;
                unseen[at / 64] &= !(1 << (at % 64));
                now = last;
            } else {
                now = found[now].parent as usize;
                at = found[now].position as usize;
            }
        }
    }

    /// Before the first dive: nothing is seen.
    pub fn forget(&mut self) {
        self.seen.fill(u64::MAX);
    }

    /// Triangles through every node.
    pub fn triangles<const W: usize>(&mut self, order: &Order, triangles: &mut [u32]) {
        let (rows, _) = self.bits.as_chunks::<W>();
        let mask = &mut self.front;
        for (at, row) in rows.iter().enumerate() {
            let word = order.word[at] as usize;
            mask[word..word + W].copy_from_slice(row);
            let mut twice = 0;
            for batch in order.near(at).chunks(BATCH) {
                let mut counts = [0u64; W];
                for near in batch {
                    let place = order.word[*near as usize] as usize;
                    let common = &mask[place..place + W];
                    for ((count, a), b) in counts.iter_mut().zip(common).zip(&rows[*near as usize])
                    {
                        *count += bits_per_byte(a & b);
                    }
                }
                twice += counts.iter().map(|count| sum_of_bytes(*count)).sum::<u64>();
            }
            triangles[order.node[at] as usize] = (twice / 2) as u32;
            mask[word..word + W].fill(0);
        }
    }
}

/// So many bytes of at most eight are summed up without overflow.
const BATCH: usize = 31;

/// The number of bits set in each byte.
fn bits_per_byte(x: u64) -> u64 {
    let pairs = x - ((x >> 1) & 0x5555_5555_5555_5555);
    let fours = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    (fours + (fours >> 4)) & 0x0f0f_0f0f_0f0f_0f0f
}

/// The sum of eight bytes, which may not fit one.
fn sum_of_bytes(x: u64) -> u64 {
    let pairs = (x & 0x00ff_00ff_00ff_00ff) + ((x >> 8) & 0x00ff_00ff_00ff_00ff);
    pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48
}

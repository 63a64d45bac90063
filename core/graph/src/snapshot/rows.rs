//! The adjacency matrix as short runs of machine words.
//!
//! In the numbering of [`Order`] the neighbours of a node stand close together, so that one row of
//! the matrix is `W` words from a word of its own on. One level of a breadth-first search is then
//! the union of the rows of the level before, and the common neighbours of two nodes are the
//! intersection of two rows. A search takes O(n W) however many edges there are.

use super::order::Order;
use super::{Search, fill};

#[derive(Default)]
pub(super) struct Rows {
    bits: Vec<u64>,
    /// Sets of positions, with room behind for a row that starts in the last word.
    seen: Vec<u64>,
    front: Vec<u64>,
    next: Vec<u64>,
}

impl Rows {
    /// Fills in the rows of `W` words; the band must fit.
    pub fn build<const W: usize>(&mut self, order: &Order, nodes: usize) {
        fill(&mut self.bits, nodes * W, 0);
        let words = nodes / 64 + 1 + W;
        fill(&mut self.seen, words, 0);
        fill(&mut self.front, words, 0);
        fill(&mut self.next, words, 0);
        let (rows, _) = self.bits.as_chunks_mut::<W>();
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
                    let run = &mut next[last..last + W];
                    for (to, from) in run.iter_mut().zip(&rows[node]) {
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

    /// Triangles through every position.
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
            triangles[at] = (twice / 2) as u32;
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

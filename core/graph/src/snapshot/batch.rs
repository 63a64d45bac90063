//! Searches from 64 starts at once, and what they settle between them.
//!
//! One word per node holds a bit per start (Then et al., VLDB 2015), and the words of the `L`
//! levels about the middle of the longest path are kept: two nodes are at most `longest` apart
//! when some start has reached one of them by level `a` and the other by level `longest - a`,
//! which is a few words to compare for all starts together. Each start lists the open nodes
//! farthest from it. A node is settled when a start is so near that only a few of those could be
//! too far, and each of them is near enough through some other start.

use super::order::Order;
use super::{fill, held};
use core::ops::Range;

/// Starts of a batch: the bits of a word.
pub(super) const STARTS: usize = 64;

/// The first levels, in which a batch reaches few nodes of a large component.
const SPARSE: usize = 3;

/// The most nodes that a start lists.
const FAR: usize = 32;

/// How many far nodes a start may leave to be checked one by one. Few come first: they cost least.
const CLASSES: [usize; 2] = [0, FAR];

/// The starts that reached a position by each level that is kept.
type Reached<const L: usize> = [u64; L];

#[derive(Default)]
pub(super) struct Batch<const L: usize> {
    seen: Vec<u64>,
    next: Vec<u64>,
    /// `L` words per position.
    pub reached: Vec<u64>,
    /// The first level that is kept.
    lowest: usize,
    /// The open positions farthest from each start, farthest first.
    far: Vec<[u32; FAR]>,
    /// How many of those each start has not reached by each level that is kept.
    beyond: Vec<[u8; STARTS]>,
    /// How often a position kept another open.
    blocks: Vec<u32>,
    /// A bit for each start.
    all: u64,
    /// The largest eccentricity of a start.
    deepest: usize,
}

impl<const L: usize> Batch<L> {
    pub fn bytes(&self) -> usize {
        held(&self.seen)
            + held(&self.next)
            + held(&self.reached)
            + held(&self.far)
            + held(&self.beyond)
            + held(&self.blocks)
    }

    /// Before the first batch of a component.
    pub fn forget(&mut self, size: usize) {
        fill(&mut self.blocks, size, 0);
    }

    /// In how many cases an open position kept another open after the last batch.
    pub fn blocked_by(&self, position: u32) -> u32 {
        self.blocks[position as usize]
    }

    /// Searches a component from at most 64 of its positions, which count from its first. Gives the
    /// largest eccentricity of them. O(m · that).
    pub fn run(&mut self, order: &Order, part: Range<usize>, starts: &[u32], longest: u32) -> u32 {
        let size = part.len();
        fill(&mut self.seen, size, 0);
        fill(&mut self.next, size, 0);
        if self.reached.len() < size * L {
            fill(&mut self.reached, size * L, 0);
        }
        for (bit, start) in starts.iter().enumerate() {
            self.seen[*start as usize] = 1 << bit;
        }
        self.all = u64::MAX >> (STARTS - starts.len());
        self.lowest = ((longest as usize + 1).saturating_sub(L) / 2).max(1);
        self.deepest = 0;
        loop {
            let common = if self.deepest < SPARSE && size > STARTS * 4 {
                self.push(order, part.start)
            } else {
                self.pull(order, part.start)
            };
            core::mem::swap(&mut self.seen, &mut self.next);
            self.deepest += 1;
            let at = self.deepest.wrapping_sub(self.lowest);
            if at < L {
                for (reached, seen) in self.reached.chunks_exact_mut(L).zip(&self.seen) {
                    reached[at] = *seen;
                }
            }
            if common == self.all {
                return self.deepest as u32;
            }
        }
    }

    /// One level while few nodes have been reached: from those to their neighbours. Gives the
    /// starts that have reached all nodes.
    fn push(&mut self, order: &Order, start: usize) -> u64 {
        self.next.copy_from_slice(&self.seen);
        for (at, seen) in self.seen.iter().enumerate() {
            if *seen != 0 {
                for near in order.near(start + at) {
                    self.next[*near as usize - start] |= seen;
                }
            }
        }
        self.next.iter().fold(self.all, |common, next| common & next)
    }

    /// One level, each node from its neighbours. Gives the starts that have reached all nodes.
    fn pull(&mut self, order: &Order, start: usize) -> u64 {
        let mut common = self.all;
        let rows = order.first[start..].windows(2);
        for ((next, seen), ends) in self.next.iter_mut().zip(&self.seen).zip(rows) {
            let mut known = *seen;
            if known != self.all {
                for near in &order.near[ends[0] as usize..ends[1] as usize] {
                    known |= self.seen[*near as usize - start];
                }
                common &= known;
            }
            *next = known;
        }
        common
    }

    /// Drops from the open nodes those that the last batch settles: no open node is farther than
    /// `longest` from them. What is settled has 0 in `upper`.
    pub fn settle(&mut self, longest: u32, open: &mut Vec<u32>, upper: &mut [u32]) {
        fill(&mut self.blocks, upper.len(), 0);
        let masks = self.list(open);
        open.retain(|x| {
            let settled = self.settles(*x, &masks, longest as usize, upper);
            if settled {
                upper[*x as usize] = 0;
            }
            !settled
        });
    }

    /// Lists the far nodes. Gives for every class and level the starts that leave no more nodes
    /// than the class allows.
    fn list(&mut self, open: &[u32]) -> [Reached<L>; CLASSES.len()] {
        if self.far.is_empty() {
            fill(&mut self.far, STARTS, [0; FAR]);
            fill(&mut self.beyond, L, [0; STARTS]);
        }
        // By the levels above, all nodes have been reached.
        let top = self.deepest.saturating_sub(self.lowest).min(L);
        let mut masks = [[0; L]; CLASSES.len()];
        let mut length = [0u8; STARTS];
        // The starts that leave more than each class allows.
        let mut more = [0; CLASSES.len()];
        for at in (0..top).rev() {
            let enough = self.all & !more[CLASSES.len() - 1];
            if enough == 0 {
                break;
            }
            for y in open {
                let reached = self.reached(*y);
                let before = if at + 1 < top { reached[at + 1] } else { self.all };
                let mut fresh = before & !reached[at] & enough;
                while fresh != 0 {
                    let start = fresh.trailing_zeros() as usize;
                    let bit = 1 << start;
                    fresh ^= bit;
                    let length = &mut length[start];
                    for (more, most) in more.iter_mut().zip(CLASSES) {
                        *more |= if usize::from(*length) >= most { bit } else { 0 };
                    }
                    if usize::from(*length) < FAR {
                        self.far[start][usize::from(*length)] = *y;
                        *length += 1;
                    }
                }
            }
            self.beyond[at] = length;
            for (mask, more) in masks.iter_mut().zip(more) {
                mask[at] = self.all & !more;
            }
        }
        masks
    }

    fn reached(&self, position: u32) -> &Reached<L> {
        &self.reached.as_chunks().0[position as usize]
    }

    /// The starts that have reached a position by a level, or some of them.
    fn by_level(&self, position: u32, level: usize) -> u64 {
        match level.checked_sub(self.lowest) {
            _ if level >= self.deepest => self.all,
            Some(at) => self.reached(position)[at.min(L - 1)],
            None => 0,
        }
    }

    fn settles(&mut self, x: u32, masks: &[Reached<L>], longest: usize, upper: &[u32]) -> bool {
        if self.by_level(x, longest - self.deepest) != 0 {
            return true;
        }
        // The starts that are near enough if they have reached the other node by each level.
        let mut rest: Reached<L> = [0; L];
        let top = self.deepest.saturating_sub(self.lowest).min(L);
        for (at, rest) in rest.iter_mut().enumerate().take(top) {
            *rest = self.by_level(x, longest - self.lowest - at);
        }
        for mask in masks {
            let hits = rest.iter().zip(mask).map(|(rest, mask)| rest & mask);
            let Some((at, hits)) = hits.enumerate().find(|(_, hits)| *hits != 0) else {
                continue;
            };
            let start = hits.trailing_zeros() as usize;
            let listed = usize::from(self.beyond[at][start]);
            let blocked = self.far[start][..listed].iter().find(|y| {
                let other = self.reached(**y);
                let common = rest.iter().zip(other).fold(0, |common, (a, b)| common | (a & b));
                common == 0 && **y != x && upper[**y as usize] > longest as u32
            });
            let Some(y) = blocked else { return true };
            self.blocks[*y as usize] += 1;
            return false;
        }
        false
    }
}

//! Searches from 64 starts at once, and what they settle between them.
//!
//! One word per node holds a bit per start (Then et al., VLDB 2015), and the words of the first
//! levels are kept: two nodes are at most `longest` apart when some start has reached one of them by
//! level `a` and the other by level `longest - a`, which is a few words to compare for all starts
//! together. Each start lists the open nodes farthest from it; a node is settled when a start is so
//! near that only a few listed nodes could be too far, and each of those is near enough through
//! another start.

use super::order::Order;
use super::{fill, held};
use core::ops::Range;

/// Starts of one batch: bits of a word.
pub(super) const STARTS: usize = 64;

/// Levels whose words are kept; 128 bytes per node.
const LEVELS: usize = 16;

/// A batch can settle pairs when each half of the longest path is within the levels kept.
pub(super) const LONGEST_MAX: u32 = LEVELS as u32 + 1;

/// The most nodes that a start lists.
const FAR: usize = 64;

/// How many far nodes a start may leave to be checked one by one: few first, as they cost least.
const CLASSES: [u8; 3] = [0, 8, FAR as u8];

/// The starts that reached a position by level 1, 2, ...
type Reached = [u64; LEVELS];

#[derive(Default)]
pub(super) struct Batch {
    seen: Vec<u64>,
    next: Vec<u64>,
    reached: Vec<Reached>,
    /// The open positions farthest from each start, farthest first.
    far: Vec<[u32; FAR]>,
    /// How many of those have not been reached by level 1, 2, ...
    beyond: Vec<[u8; LEVELS]>,
    /// How often a position kept another open.
    pub blocks: Vec<u32>,
}

impl Batch {
    pub fn bytes(&self) -> usize {
        held(&self.seen)
            + held(&self.next)
            + held(&self.reached)
            + held(&self.far)
            + held(&self.beyond)
            + held(&self.blocks)
    }

    /// Searches a component from at most 64 of its positions, counted from its first. Gives the
    /// largest eccentricity of them. O(m · that).
    pub fn run(&mut self, order: &Order, part: Range<usize>, starts: &[u32]) -> usize {
        let size = part.len();
        fill(&mut self.seen, size, 0);
        fill(&mut self.next, size, 0);
        self.reached.resize(size.max(self.reached.len()), [0; LEVELS]);
        let all = all(starts);
        for (bit, start) in starts.iter().enumerate() {
            self.seen[*start as usize] = 1 << bit;
        }
        let mut level = 0;
        loop {
            let mut common = all;
            let seen = &self.seen[..size];
            let rows = order.first[part.start..].windows(2);
            for ((at, next), ends) in self.next.iter_mut().enumerate().zip(rows) {
                let mut known = seen[at];
                if known != all {
                    for near in &order.near[ends[0] as usize..ends[1] as usize] {
                        known |= seen[*near as usize - part.start];
                    }
                    common &= known;
                }
                *next = known;
            }
            if level < LEVELS {
                for (reached, next) in self.reached.iter_mut().zip(&self.next) {
                    reached[level] = *next;
                }
            }
            level += 1;
            core::mem::swap(&mut self.seen, &mut self.next);
            if common == all {
                return level;
            }
        }
    }

    /// Drops from the open nodes those that the last batch settles: no open node is farther than
    /// `longest` from them.
    pub fn settle(
        &mut self,
        starts: &[u32],
        deepest: usize,
        longest: u32,
        open: &mut Vec<u32>,
        upper: &mut [u32],
    ) {
        let all = all(starts);
        let masks = self.list(all, deepest, open);
        fill(&mut self.blocks, upper.len(), 0);
        open.retain(|x| {
            let settled = self.settles(*x as usize, &masks, all, deepest, longest, upper);
            if settled {
                upper[*x as usize] = 0;
            }
            !settled
        });
    }

    /// Lists the far nodes. Gives for every class and level the starts that have listed all nodes
    /// they have not reached by then, and that these are no more than the class allows.
    fn list(&mut self, all: u64, deepest: usize, open: &[u32]) -> [Reached; CLASSES.len()] {
        fill(&mut self.far, STARTS, [0; FAR]);
        fill(&mut self.beyond, STARTS, [0; LEVELS]);
        let top = deepest.min(LEVELS);
        let mut masks = [[0; LEVELS]; CLASSES.len()];
        for mask in &mut masks {
            mask[top..].fill(if deepest <= LEVELS { all } else { 0 });
        }
        let mut length = [0u8; STARTS];
        let mut full = 0u64;
        for at in (0..top).rev() {
            for y in open {
                let reached = &self.reached[*y as usize];
                let before = if at + 1 < top { reached[at + 1] } else { all };
                let mut fresh = before & !reached[at] & !full;
                while fresh != 0 {
                    let start = fresh.trailing_zeros() as usize;
                    fresh &= fresh - 1;
                    if usize::from(length[start]) == FAR {
                        full |= 1 << start;
                    } else {
                        self.far[start][usize::from(length[start])] = *y;
                        length[start] += 1;
                    }
                }
            }
            for (start, length) in length.iter().enumerate() {
                self.beyond[start][at] = *length;
                for (mask, most) in masks.iter_mut().zip(CLASSES) {
                    mask[at] |= u64::from(*length <= most) << start;
                }
            }
            masks.iter_mut().for_each(|mask| mask[at] &= all & !full);
            if full == all {
                break;
            }
        }
        masks
    }

    fn settles(
        &mut self,
        x: usize,
        masks: &[Reached],
        all: u64,
        deepest: usize,
        longest: u32,
        upper: &[u32],
    ) -> bool {
        // The starts that must have reached the other node by level 1, 2, ...
        let mut rest: Reached = [0; LEVELS];
        let own = &self.reached[x];
        for (at, rest) in rest.iter_mut().enumerate().take((longest as usize).saturating_sub(1)) {
            let level = (longest as usize - 1 - at).min(LEVELS);
            *rest = if level >= deepest { all } else { own[level - 1] };
        }
        for mask in masks {
            let hits = rest.iter().zip(mask).map(|(rest, mask)| rest & mask);
            let Some((at, hits)) = hits.enumerate().find(|(_, hits)| *hits != 0) else {
                continue;
            };
            let start = hits.trailing_zeros() as usize;
            let listed = usize::from(self.beyond[start][at]);
            if at >= deepest {
                return true;
            }
            let blocked = self.far[start][..listed].iter().find(|y| {
                let other = &self.reached[**y as usize];
                let both = rest.iter().zip(other).fold(0, |all, (a, b)| all | (a & b));
                both == 0 && **y as usize != x && upper[**y as usize] > longest
            });
            match blocked {
                Some(y) => self.blocks[*y as usize] += 1,
                None => return true,
            }
            return false;
        }
        false
    }
}

/// A bit for each start.
fn all(starts: &[u32]) -> u64 {
    u64::MAX >> (STARTS - starts.len())
}

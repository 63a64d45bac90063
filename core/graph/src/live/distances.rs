//! Distances in hops: from one node by breadth-first search, and kept up by edits.
//!
//! Kept distances are `i16`, so that bounds over all nodes are a few vector instructions and a
//! thousand nodes with all their sources stay in the cache. A lost link can lengthen a distance to
//! at most three times the depth plus one, so a depth up to [`DEEPEST`] cannot overflow before it
//! is looked at again.
//!
//! Repair (Ramalingam and Reps 1996, unit weights): O(nodes whose distance changes · degree). When
//! too many have lost their way, a new search is cheaper.

use super::adjacency::Rows;

/// No path, in kept distances.
pub const FAR: i16 = i16::MAX;
/// The deepest tree whose distances are kept. See the module.
pub const DEEPEST: u32 = 10_000;
/// No path, in those of a search.
pub const UNREACHED: u32 = u32::MAX;

/// A repair looks at the neighbours of a lost node three times as often as a search does, and
/// sorts: it is given up when more than one node in so many is lost. A guess.
const LOST_AT_MOST: usize = 8;

/// A breadth-first search and its buffers.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// From the start, or [`UNREACHED`].
    pub hops: Vec<u32>,
    /// The nodes reached, nearest first.
    pub reached: Vec<u32>,
}

impl Search {
    pub fn rebuild(&mut self, nodes: usize) {
        self.hops.clear();
        self.hops.resize(nodes, UNREACHED);
        self.reached.clear();
        self.reached.reserve_exact(nodes + 1);
    }

    /// The eccentricity of `start`. O(nodes + edges).
    pub fn run(&mut self, rows: &Rows, start: u32) -> u32 {
        measure_hops(rows, start, &mut self.hops, &mut self.reached)
    }

    pub fn bytes(&self) -> usize {
        (self.hops.capacity() + self.reached.capacity()) * size_of::<u32>()
    }
}

/// [`Search::run`] in other buffers; `hops` must have a place for every node.
///
/// Every neighbour is written to the end of the list, which moves on only when it was new: the
/// processor cannot foresee which are, and a wrong guess costs more than the writes.
pub fn measure_hops(rows: &Rows, start: u32, hops: &mut [u32], reached: &mut Vec<u32>) -> u32 {
    hops.fill(UNREACHED);
    reached.clear();
    reached.resize(hops.len() + 1, start);
    hops[start as usize] = 0;
    let (mut next, mut end) = (0, 1);
    let mut depth = 0;
    while next < end {
        let node = reached[next];
        next += 1;
        depth = hops[node as usize];
        for to in rows.of(node) {
            let slot = &mut hops[*to as usize];
            reached[end] = *to;
            end += usize::from(*slot == UNREACHED);
            *slot = (*slot).min(depth + 1);
        }
    }
    reached.truncate(end);
    depth
}

/// The greatest distance that is one.
pub fn eccentricity(kept: &[i16]) -> u32 {
    kept.iter().map(|d| if *d == FAR { 0 } else { *d }).max().unwrap_or_default() as u32
}

/// What an edit did to the distances from one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaired {
    Same,
    Changed,
    /// Too much: they are no distances now, and must be searched anew.
    Lost,
}

/// Buffers of a repair.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    queue: Vec<u32>,
    /// Nodes that lost their way, with the best way in from those that did not.
    lost: Vec<(i16, u32)>,
}

impl Repair {
    pub fn rebuild(&mut self, nodes: usize) {
        self.queue.clear();
        self.queue.reserve_exact(nodes);
        self.lost.clear();
        self.lost.reserve_exact(nodes);
    }

    /// After `a` and `b` have been linked.
    pub fn linked(&mut self, rows: &Rows, kept: &mut [i16], a: u32, b: u32) -> Repaired {
        let (near, far) = if kept[a as usize] < kept[b as usize] { (a, b) } else { (b, a) };
        // Not `+ 1`: both may be far.
        if kept[far as usize] - kept[near as usize] < 2 {
            return Repaired::Same;
        }
        kept[far as usize] = kept[near as usize] + 1;
        self.queue.clear();
        self.queue.push(far);
        self.relax(rows, kept, 0);
        Repaired::Changed
    }

    /// After they have been unlinked.
    pub fn unlinked(&mut self, rows: &Rows, kept: &mut [i16], a: u32, b: u32) -> Repaired {
        let (near, far) = if kept[a as usize] < kept[b as usize] { (a, b) } else { (b, a) };
        if kept[near as usize] == kept[far as usize] || held(rows, kept, far) {
            return Repaired::Same;
        }
        if !self.lose(rows, kept, far) {
            return Repaired::Lost;
        }
        for (way, node) in &mut self.lost {
            let ways = rows.of(*node).iter().map(|to| kept[*to as usize]);
            *way = ways.filter(|d| *d >= 0).min().map_or(FAR, |d| d + 1);
        }
        self.lost.sort_unstable();
        self.queue.clear();
        let mut next = 0;
        for lost in 0..self.lost.len() {
            let (way, node) = self.lost[lost];
            // What is nearer than this way in passes its distance on first.
            while self.queue.get(next).is_some_and(|head| kept[*head as usize] < way) {
                self.step(rows, kept, next);
                next += 1;
            }
            if kept[node as usize] < 0 {
                kept[node as usize] = way;
                if way != FAR {
                    self.queue.push(node);
                }
            }
        }
        self.relax(rows, kept, next);
        Repaired::Changed
    }

    /// Collects the nodes all of whose shortest ways led through `first`, which has none left, and
    /// turns their distances negative; whether they were few.
    fn lose(&mut self, rows: &Rows, kept: &mut [i16], first: u32) -> bool {
        self.lost.clear();
        let lose = |kept: &mut [i16], lost: &mut Vec<(i16, u32)>, node: u32| {
            lost.push((kept[node as usize], node));
            kept[node as usize] = -1;
        };
        lose(kept, &mut self.lost, first);
        let mut next = 0;
        while let Some((distance, node)) = self.lost.get(next).copied() {
            if self.lost.len() > kept.len() / LOST_AT_MOST {
                return false;
            }
            next += 1;
            for to in rows.of(node) {
                if kept[*to as usize] == distance + 1 && !held(rows, kept, *to) {
                    lose(kept, &mut self.lost, *to);
                }
            }
        }
        true
    }

    fn relax(&mut self, rows: &Rows, kept: &mut [i16], mut next: usize) {
        while next < self.queue.len() {
            self.step(rows, kept, next);
            next += 1;
        }
    }

    /// Passes on the distance of one node of the queue.
    fn step(&mut self, rows: &Rows, kept: &mut [i16], at: usize) {
        let node = self.queue[at];
        let through = kept[node as usize] + 1;
        for to in rows.of(node) {
            let slot = &mut kept[*to as usize];
            if *slot < 0 || *slot > through {
                *slot = through;
                self.queue.push(*to);
            }
        }
    }

    pub fn bytes(&self) -> usize {
        self.queue.capacity() * size_of::<u32>() + self.lost.capacity() * size_of::<(i16, u32)>()
    }
}

/// Whether a neighbour is one nearer.
fn held(rows: &Rows, kept: &[i16], node: u32) -> bool {
    let nearer = kept[node as usize] - 1;
    rows.of(node).iter().any(|to| kept[*to as usize] == nearer)
}

//! The exact diameter from a few searches.
//!
//! An upper bound on the eccentricity of every node is kept: through a node `s` that was searched
//! from, it is at most ecc(s) + d(s, v) (Takes and Kosters 2011). Sources alternate between far
//! ends and centres (the idea of the four sweeps of Crescenzi et al. 2013). What the bounds
//! leave open is settled in pairs: a longer path than the longest known has both ends among the
//! open nodes, so a node is settled when each other open node is near enough through one of the
//! sources; else it is searched from. Where paths are short and bounds settle little, as in small
//! worlds, 64 searches run at once instead (`batch.rs`). Worst case n searches.

use super::batch::{Batch, LONGEST_MAX, STARTS};
use super::order::{Order, SMALL};
use super::{Search, fill, held};

/// Searches kept to bound the distance of pairs.
const SOURCES: usize = 12;

/// Hops from every source; far more than any sum that counts where there is none yet.
type Hops = [u32; SOURCES];

const NOT_YET: u32 = 1 << 30;

/// How the next source is chosen.
enum Step {
    /// In the middle of the sources so far.
    Middle,
    /// Far from the last one.
    Farthest,
}

/// The sources after the first search, which the numbering has done, and the second, from the node
/// it reached last. Both lists were the fastest of those tried on random geometric graphs.
const FROM_THE_RIM: &[Step] = &[Step::Middle, Step::Farthest, Step::Farthest, Step::Middle];
const FROM_ANYWHERE: &[Step] = &[Step::Farthest, Step::Middle];

/// So few open nodes are settled pair by pair at once.
const FEW: usize = 256;

/// The most far nodes that are checked for one near node of a source.
const FAR: usize = 256;

#[derive(Default)]
pub(super) struct Diameter {
    /// From every source, by position within the component.
    kept: Vec<Hops>,
    /// From the last source, by position.
    hops: Vec<u32>,
    /// Upper bound of the eccentricity; 0 when settled.
    upper: Vec<u32>,
    open: Vec<u32>,
    /// The open nodes by hops from a source, farthest first, and where the rest begins.
    sorted: Vec<u32>,
    ends: Vec<u32>,
    starts: Vec<u32>,
    batch: Batch,
    pub searches: u32,
    pub batches: u32,
}

impl Diameter {
    /// The longest shortest path within a component. `search` is asked for hops from a position
    /// within a component of so many positions, and writes them by position.
    pub fn find(
        &mut self,
        order: &Order,
        mut search: impl FnMut(usize, usize, &mut [u32]) -> Search,
    ) -> u32 {
        let mut longest = 0;
        (self.searches, self.batches) = (0, 0);
        fill(&mut self.hops, order.position.len(), 0);
        for ends in order.starts.windows(2) {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            if (end - start - 1) as u32 > longest {
                longest = self.of_component(order, start, end, longest, &mut search);
            }
        }
        longest
    }

    pub fn bytes(&self) -> usize {
        held(&self.kept)
            + held(&self.hops)
            + held(&self.upper)
            + held(&self.open)
            + held(&self.sorted)
            + held(&self.ends)
            + held(&self.starts)
            + self.batch.bytes()
    }

    fn of_component(
        &mut self,
        order: &Order,
        start: usize,
        end: usize,
        mut longest: u32,
        search: &mut impl FnMut(usize, usize, &mut [u32]) -> Search,
    ) -> u32 {
        let size = end - start;
        fill(&mut self.upper, size, size as u32 - 1);
        fill(&mut self.kept, size, [NOT_YET; SOURCES]);
        // The search that numbered the component is the first source.
        self.hops[start..end].copy_from_slice(&order.level[start..end]);
        let far = order.level[end - 1];
        longest = longest.max(far);
        self.note(start, 0, 0, far);
        let mut plan = if order.position.len() <= SMALL { FROM_ANYWHERE } else { FROM_THE_RIM };
        let mut from = size - 1;
        let mut sources = 1;
        loop {
            let far = search(start + from, size, &mut self.hops).farthest;
            self.searches += 1;
            longest = longest.max(far);
            self.note(start, sources.min(SOURCES - 1), from, far);
            sources += 1;
            if sources == 2 && size > STARTS && (longest * longest) < size as u32 {
                plan = &[];
            }
            let next = match plan.split_first() {
                Some((Step::Middle, rest)) => {
                    plan = rest;
                    self.middle()
                }
                Some((Step::Farthest, rest)) => {
                    plan = rest;
                    self.farthest(start, longest)
                }
                None => self.rest(order, start, sources, &mut longest),
            };
            match next {
                Some(next) => from = next,
                None => return longest,
            }
        }
    }

    /// Takes in the hops of a source.
    fn note(&mut self, start: usize, list: usize, source: usize, far: u32) {
        let hops = &self.hops[start..];
        for ((hops, upper), kept) in hops.iter().zip(&mut self.upper).zip(&mut self.kept) {
            *upper = (*upper).min(far + hops);
            kept[list] = *hops;
        }
        self.upper[source] = 0;
    }

    /// The node nearest to all sources by the longest way, then by the sum of ways.
    fn middle(&self) -> Option<usize> {
        (0..self.upper.len()).min_by_key(|at| centrality(&self.kept[*at]))
    }

    /// The open node farthest from the last source.
    fn farthest(&self, start: usize, longest: u32) -> Option<usize> {
        let all = self.hops[start..].iter().zip(&self.upper).enumerate();
        let open = all.filter(|(_, (_, upper))| **upper > longest);
        open.max_by_key(|(_, (hops, _))| **hops).map(|(at, _)| at)
    }

    /// Settles what it can; the next source when something stays open.
    fn rest(
        &mut self,
        order: &Order,
        start: usize,
        sources: usize,
        longest: &mut u32,
    ) -> Option<usize> {
        self.list_open(*longest);
        while self.open.len() > STARTS / 4 && *longest <= LONGEST_MAX {
            self.run_batch(order, start, longest);
        }
        if self.open.len() > FEW {
            if sources < SOURCES {
                return if sources.is_multiple_of(2) {
                    self.open.iter().min_by_key(|at| centrality(&self.kept[**at as usize]))
                } else {
                    self.open.iter().max_by_key(|at| centrality(&self.kept[**at as usize]).1)
                }
                .map(|at| *at as usize);
            }
            if sources == SOURCES {
                for source in 0..SOURCES {
                    self.settle_around(|kept, _| kept[source], start, *longest);
                }
            } else {
                self.settle_around(|_, last| last, start, *longest);
            }
            self.list_open(*longest);
            if self.open.len() > FEW {
                let nearest = |at: &&u32| self.kept[**at as usize].iter().copied().min();
                return self.open.iter().max_by_key(nearest).map(|at| *at as usize);
            }
        }
        self.unsettled(*longest)
    }

    fn list_open(&mut self, longest: u32) {
        self.open.clear();
        let open = (0..self.upper.len() as u32).filter(|at| self.upper[*at as usize] > longest);
        self.open.extend(open);
    }

    /// 64 searches at once, from open nodes all over the component and those that kept most others
    /// open.
    fn run_batch(&mut self, order: &Order, start: usize, longest: &mut u32) {
        let size = self.upper.len();
        self.starts.clear();
        if self.open.len() <= STARTS {
            self.starts.extend_from_slice(&self.open);
        } else {
            let blocks = &self.batch.blocks;
            for at in 0..STARTS {
                let (from, to) =
                    (at * self.open.len() / STARTS, (at + 1) * self.open.len() / STARTS);
                let among = self.open[from..to].iter();
                let first = self.batches == 0;
                let best = among.min_by_key(|at| {
                    let blocked = if first { 0 } else { blocks[**at as usize] };
                    (core::cmp::Reverse(blocked), centrality(&self.kept[**at as usize]))
                });
                self.starts.extend(best);
            }
        }
        self.batches += 1;
        let deepest = self.batch.run(order, start..start + size, &self.starts);
        for start in &self.starts {
            self.upper[*start as usize] = 0;
        }
        *longest = (*longest).max(deepest as u32);
        let upper = &self.upper;
        self.open.retain(|at| upper[*at as usize] > *longest);
        self.batch.settle(&self.starts, deepest, *longest, &mut self.open, &mut self.upper);
    }

    /// Settles the nodes near a source, from which only a few others are too far.
    fn settle_around(&mut self, of: impl Fn(&Hops, u32) -> u32, start: usize, longest: u32) {
        self.list_open(longest);
        let (kept, hops) = (&self.kept, &self.hops[start..]);
        let of = |at: u32| of(&kept[at as usize], hops[at as usize]);
        // Counted by hops, then put in place: farthest first.
        let most = self.open.iter().map(|at| of(*at)).max().unwrap_or(0) as usize;
        fill(&mut self.ends, most + 2, 0);
        for at in &self.open {
            self.ends[most - of(*at) as usize + 1] += 1;
        }
        for at in 1..most + 2 {
            self.ends[at] += self.ends[at - 1];
        }
        fill(&mut self.sorted, self.open.len(), 0);
        for at in &self.open {
            let slot = &mut self.ends[most - of(*at) as usize];
            self.sorted[*slot as usize] = *at;
            *slot += 1;
        }
        let mut far = 0;
        for at in (0..self.sorted.len()).rev() {
            let x = self.sorted[at];
            let hops = of(x);
            while far < self.sorted.len() && of(self.sorted[far]) + hops > longest {
                far += 1;
            }
            if far > FAR {
                return;
            }
            let row = &kept[x as usize];
            let upper = &self.upper;
            let too_far = |y: &u32| {
                !near(row, &kept[*y as usize], longest) && *y != x && upper[*y as usize] > longest
            };
            if !self.sorted[..far].iter().any(too_far) {
                self.upper[x as usize] = 0;
            }
        }
    }

    /// An open node that the pairs leave open too; settles others on the way.
    fn unsettled(&mut self, longest: u32) -> Option<usize> {
        let upper = &self.upper;
        self.open.sort_unstable_by_key(|at| core::cmp::Reverse(upper[*at as usize]));
        for (done, at) in self.open.iter().enumerate() {
            let row = &self.kept[*at as usize];
            let is_near = |other: &u32| near(row, &self.kept[*other as usize], longest);
            if !self.open[done..].iter().all(|other| other == at || is_near(other)) {
                return Some(*at as usize);
            }
            self.upper[*at as usize] = 0;
        }
        None
    }
}

/// Whether two nodes are near enough through some source.
fn near(a: &Hops, b: &Hops, longest: u32) -> bool {
    a.iter().zip(b).fold(false, |near, (a, b)| near | (a + b <= longest))
}

/// The longest way to a source, then the sum of ways.
fn centrality(row: &Hops) -> (u32, u32) {
    let known = row.iter().filter(|hops| **hops < NOT_YET);
    known.fold((0, 0), |(worst, sum), hops| (worst.max(*hops), sum + *hops))
}

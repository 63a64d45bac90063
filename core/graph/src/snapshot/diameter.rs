//! The exact diameter from a few searches.
//!
//! An upper bound on the eccentricity of every node is kept: through a node `s` that was searched
//! from, it is at most ecc(s) + d(s, v) (Takes and Kosters 2011). Sources alternate between far
//! ends and centres (the idea of the four sweeps of Crescenzi et al. 2013). What the bounds
//! leave open is settled in pairs: a longer path than the longest known has both ends among the
//! open nodes, so a node is settled when each other open node is near enough through one of the
//! sources. What keeps a node open is remembered: it is looked at first when its turn comes again,
//! and the node that keeps most others open is searched from next. While many are open, only nodes
//! near a source are tried, which leave few others too far from that source. Where paths are short
//! and bounds settle little, as in small worlds, 64 searches run at once instead (`batch.rs`).
//! Worst case n searches.

use super::batch::{Batch, STARTS};
use super::order::{Order, SMALL};
use super::{Search, Searches, Storage, fill, held};
use core::{cmp::Reverse, ops::Range};

/// Searches kept to bound the distance of pairs.
const SOURCES: usize = 8;

/// Hops from every source.
type Hops = [i16; SOURCES];

/// No source yet, or so many hops or more: such a pair never counts as near, and two add up.
const NOT_YET: i16 = i16::MAX / 2;

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
const FEW: usize = 128;

/// So few open nodes of a small graph are searched from one by one rather than in a batch.
const FEW_OF_SMALL: usize = 32;

/// Batches of components up to here keep fewer levels, for the sake of memory.
const NARROW: usize = 2_000;

/// On rows of bits, batches of larger components would cost more memory than they save time.
const ON_ROWS_MAX: usize = 768;

/// The most far nodes that are checked for one near node of a source: an eighth of all, within
/// these bounds. The fastest of those tried on graphs of mean degree 3.
const FAR: Range<usize> = 64..768;

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
    /// The open node that was last seen to be too far from each, or its own position.
    pub blocker: Vec<u32>,
    starts: Vec<u32>,
    narrow: Batch<8>,
    wide: Batch<16>,
    pub searches: Searches,
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
        self.searches = Searches::default();
        fill(&mut self.hops, order.position.len(), 0);
        for ends in order.starts.windows(2) {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            if (end - start - 1) as u32 > longest {
                longest = self.of_component(order, start, end, longest, &mut search);
            }
        }
        longest
    }

    /// Swaps the memory of batches for other.
    pub fn swap_memory(&mut self, words: &mut Vec<u64>) {
        core::mem::swap(words, &mut self.narrow.reached);
    }

    pub fn bytes(&self) -> usize {
        held(&self.kept)
            + held(&self.hops)
            + held(&self.upper)
            + held(&self.open)
            + held(&self.sorted)
            + held(&self.ends)
            + held(&self.blocker)
            + held(&self.starts)
            + self.narrow.bytes()
            + self.wide.bytes()
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
        // The search that numbered the component is the first source.
        let far = order.level[end - 1];
        longest = longest.max(far);
        self.bound(&order.level[start..end], 0, far);
        let mut from = size - 1;
        let far = search(start + from, size, &mut self.hops).farthest;
        self.searches.single += 1;
        longest = longest.max(far);
        let hops = core::mem::take(&mut self.hops);
        self.bound(&hops[start..end], from, far);
        self.hops = hops;
        let on_lists = order.storage() == Storage::Lists;
        let mut plan = if order.position.len() <= SMALL { FROM_ANYWHERE } else { FROM_THE_RIM };
        if size > STARTS
            && u64::from(longest).pow(2) < size as u64
            && (on_lists || size <= ON_ROWS_MAX)
        {
            self.run_batches(order, start, &mut longest);
            if self.open.is_empty() {
                return longest;
            }
            plan = &[];
        }
        fill(&mut self.kept, size, [NOT_YET; SOURCES]);
        fill(&mut self.blocker, size, 0);
        self.blocker.iter_mut().zip(0..).for_each(|(blocker, at)| *blocker = at);
        self.keep(&order.level[start..end], 0);
        let mut sources = 1;
        loop {
            let hops = core::mem::take(&mut self.hops);
            self.keep(&hops[start..end], sources.min(SOURCES - 1));
            self.hops = hops;
            sources += 1;
            let next = match plan.split_first() {
                Some((Step::Middle, rest)) => {
                    plan = rest;
                    self.middle(sources)
                }
                Some((Step::Farthest, rest)) => {
                    plan = rest;
                    self.farthest(start, longest)
                }
                None => self.rest(start, sources, longest),
            };
            match next {
                Some(next) => from = next,
                None => return longest,
            }
            let far = search(start + from, size, &mut self.hops).farthest;
            self.searches.single += 1;
            longest = longest.max(far);
            let hops = core::mem::take(&mut self.hops);
            self.bound(&hops[start..end], from, far);
            self.hops = hops;
        }
    }

    /// Bounds eccentricities by the hops from a source.
    fn bound(&mut self, hops: &[u32], source: usize, far: u32) {
        for (hops, upper) in hops.iter().zip(&mut self.upper) {
            *upper = (*upper).min(far + hops);
        }
        self.upper[source] = 0;
    }

    /// Keeps the hops from a source, for pairs.
    fn keep(&mut self, hops: &[u32], list: usize) {
        for (hops, kept) in hops.iter().zip(&mut self.kept) {
            kept[list] = (*hops).min(NOT_YET as u32) as i16;
        }
    }

    /// The node nearest to all sources by the longest way, then by the sum of ways.
    fn middle(&self, sources: usize) -> Option<usize> {
        (0..self.upper.len()).min_by_key(|at| centrality(&self.kept[*at][..sources.min(SOURCES)]))
    }

    /// The open node farthest from the last source.
    fn farthest(&self, start: usize, longest: u32) -> Option<usize> {
        let all = self.hops[start..].iter().zip(&self.upper).enumerate();
        let open = all.filter(|(_, (_, upper))| **upper > longest);
        open.max_by_key(|(_, (hops, _))| **hops).map(|(at, _)| at)
    }

    /// Settles what it can; the next source when something stays open.
    fn rest(&mut self, start: usize, sources: usize, longest: u32) -> Option<usize> {
        self.list_open(longest);
        if self.open.len() > FEW {
            if sources < SOURCES {
                return if sources.is_multiple_of(2) {
                    self.open.iter().min_by_key(|at| {
                        centrality(&self.kept[**at as usize][..sources.min(SOURCES)])
                    })
                } else {
                    self.open.iter().max_by_key(|at| {
                        centrality(&self.kept[**at as usize][..sources.min(SOURCES)]).1
                    })
                }
                .map(|at| *at as usize);
            }
            if sources == SOURCES && longest < NOT_YET as u32 {
                for source in 0..SOURCES {
                    self.settle_around(|kept, _| kept[source] as u32, start, longest);
                }
            } else {
                self.settle_around(|_, last| last, start, longest);
            }
            if self.open.len() > FEW {
                return self.worst_blocker();
            }
        }
        self.unsettled(longest)
    }

    /// The node that keeps most others open.
    fn worst_blocker(&mut self) -> Option<usize> {
        // The sorted list is not needed any more.
        let times = &mut self.sorted;
        fill(times, self.upper.len(), 0);
        for at in &self.open {
            times[self.blocker[*at as usize] as usize] += 1;
        }
        self.open.iter().max_by_key(|at| times[**at as usize]).map(|at| *at as usize)
    }

    fn list_open(&mut self, longest: u32) {
        self.open.clear();
        let open = (0..self.upper.len() as u32).filter(|at| self.upper[*at as usize] > longest);
        self.open.extend(open);
    }

    /// Batches until few nodes are open.
    fn run_batches(&mut self, order: &Order, start: usize, longest: &mut u32) {
        self.list_open(*longest);
        let size = self.upper.len();
        if size <= NARROW {
            let mut batch = core::mem::take(&mut self.narrow);
            batch.forget(size);
            while self.open.len() > if size <= SMALL { FEW_OF_SMALL } else { 0 } {
                self.run_batch(&mut batch, order, start, longest);
            }
            self.narrow = batch;
        } else {
            let mut batch = core::mem::take(&mut self.wide);
            batch.forget(size);
            while !self.open.is_empty() {
                self.run_batch(&mut batch, order, start, longest);
            }
            self.wide = batch;
        }
    }

    /// 64 searches at once, from open nodes all over the component: those that kept most others
    /// open, or else have most nodes about them.
    fn run_batch<const L: usize>(
        &mut self,
        batch: &mut Batch<L>,
        order: &Order,
        start: usize,
        longest: &mut u32,
    ) {
        let (open, upper) = (&self.open, &self.upper);
        let count = open.len().min(STARTS);
        self.starts.clear();
        for at in 0..count {
            let among = &open[at * open.len() / count..(at + 1) * open.len() / count];
            let best = among.iter().max_by_key(|at| {
                let row = order.near(start + **at as usize);
                let about: usize = row.iter().map(|near| order.near(*near as usize).len()).sum();
                (batch.blocked_by(**at), about, Reverse(upper[**at as usize]))
            });
            self.starts.extend(best);
        }
        self.searches.batches += 1;
        let deepest = batch.run(order, start..start + upper.len(), &self.starts, *longest);
        for start in &self.starts {
            self.upper[*start as usize] = 0;
        }
        *longest = deepest.max(*longest);
        let upper = &self.upper;
        self.open.retain(|at| upper[*at as usize] > *longest);
        batch.settle(*longest, &mut self.open, &mut self.upper);
    }

    /// Settles the nodes near a source, from which only a few others are too far.
    fn settle_around(&mut self, of: impl Fn(&Hops, u32) -> u32, start: usize, longest: u32) {
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
        let most_far = (self.upper.len() / 8).clamp(FAR.start, FAR.end);
        let mut far = 0;
        // The longest ways from each source to any of the far.
        let mut worst = [0; SOURCES];
        for at in (0..self.sorted.len()).rev() {
            let x = self.sorted[at];
            let hops = of(x);
            while far < self.sorted.len() && of(self.sorted[far]) + hops > longest {
                let row = &kept[self.sorted[far] as usize];
                worst.iter_mut().zip(row).for_each(|(worst, hops)| *worst = *hops.max(worst));
                far += 1;
            }
            if far > most_far {
                break;
            }
            if far == 0 || near(&kept[x as usize], &worst, longest) {
                self.upper[x as usize] = 0;
                continue;
            }
            let too_far = |y: &&u32| keeps_open(kept, &self.upper, x, **y, longest);
            if too_far(&&self.blocker[x as usize]) {
                continue;
            }
            match self.sorted[..far].iter().find(too_far) {
                Some(y) => self.blocker[x as usize] = *y,
                None => self.upper[x as usize] = 0,
            }
        }
        self.open.retain(|at| self.upper[*at as usize] > longest);
    }

    /// Settles what the pairs settle; of the rest the node that keeps most others open.
    fn unsettled(&mut self, longest: u32) -> Option<usize> {
        self.open.sort_unstable_by_key(|at| Reverse(self.upper[*at as usize]));
        for at in 0..self.open.len() {
            let x = self.open[at];
            let too_far = |y: &&u32| keeps_open(&self.kept, &self.upper, x, **y, longest);
            if too_far(&&self.blocker[x as usize]) {
                continue;
            }
            match self.open.iter().find(too_far) {
                Some(y) => self.blocker[x as usize] = *y,
                None => self.upper[x as usize] = 0,
            }
        }
        self.open.retain(|at| self.upper[*at as usize] > longest);
        self.worst_blocker()
    }
}

/// Whether `y` is open and may be farther from `x` than the longest path known.
fn keeps_open(kept: &[Hops], upper: &[u32], x: u32, y: u32, longest: u32) -> bool {
    !near(&kept[x as usize], &kept[y as usize], longest) && y != x && upper[y as usize] > longest
}

/// Whether two nodes are near enough through some source.
fn near(a: &Hops, b: &Hops, longest: u32) -> bool {
    let longest = longest.min(NOT_YET as u32 - 1) as i16;
    a.iter().zip(b).fold(0, |near, (a, b)| near | i16::from(a + b <= longest)) != 0
}

/// The longest way to a source, then the sum of ways.
fn centrality(row: &[i16]) -> (i16, i32) {
    let add = |(worst, sum): (i16, i32), hops: &i16| (worst.max(*hops), sum + i32::from(*hops));
    row.iter().fold((0, 0), add)
}

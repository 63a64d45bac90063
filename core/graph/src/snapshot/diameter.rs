//! The exact diameter from a few searches.
//!
//! An upper bound on the eccentricity of every node is kept: through a node `s` that was searched
//! from, it is at most ecc(s) + d(s, v) (Takes and Kosters 2011). Sources alternate between far ends
//! and centres (the idea of the four sweeps of Crescenzi et al. 2013). What the bounds leave open
//! is settled in pairs: a longer path than the longest known has both ends among the open nodes, so
//! a node is settled when each other open node is near enough through one of the sources; else it
//! is searched from. Worst case n searches.

use super::order::{Order, SMALL};
use super::{Search, fill, held};

/// Searches kept to bound the distance of pairs.
const SOURCES: usize = 5;

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

#[derive(Default)]
pub(super) struct Diameter {
    /// Hops from each source, one list after the other.
    hops: Vec<u32>,
    /// Upper bound of the eccentricity.
    upper: Vec<u32>,
    open: Vec<u32>,
}

impl Diameter {
    /// The longest shortest path within a component. `search` is asked for hops from a position
    /// within a component of so many positions, and writes them by position.
    pub fn find(
        &mut self,
        order: &Order,
        mut search: impl FnMut(usize, usize, &mut [u32]) -> Search,
    ) -> u32 {
        let nodes = order.position.len();
        let mut longest = 0;
        fill(&mut self.hops, SOURCES * nodes, 0);
        for ends in order.starts.windows(2) {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            if (end - start - 1) as u32 > longest {
                longest = self.of_component(order, start, end, longest, &mut search);
            }
        }
        longest
    }

    pub fn bytes(&self) -> usize {
        held(&self.hops) + held(&self.upper) + held(&self.open)
    }

    fn of_component(
        &mut self,
        order: &Order,
        start: usize,
        end: usize,
        mut longest: u32,
        search: &mut impl FnMut(usize, usize, &mut [u32]) -> Search,
    ) -> u32 {
        let nodes = order.position.len();
        let size = end - start;
        fill(&mut self.upper, size, size as u32 - 1);
        // The search that numbered the component is the first source.
        self.hops[start..end].copy_from_slice(&order.level[start..end]);
        let far = order.level[end - 1];
        longest = longest.max(far);
        self.note(start, end, 0, far);
        let mut sources = 1;
        let mut plan = if nodes <= SMALL { FROM_ANYWHERE } else { FROM_THE_RIM }.iter();
        let mut from = end - 1;
        loop {
            let list = sources.min(SOURCES - 1);
            let hops = &mut self.hops[list * nodes..(list + 1) * nodes];
            let far = search(from, size, hops).farthest;
            longest = longest.max(far);
            self.note(start + list * nodes, end + list * nodes, from - start, far);
            sources += 1;
            let next = match plan.next() {
                Some(Step::Middle) => self.middle(start, nodes, sources),
                Some(Step::Farthest) => self.farthest(start + list * nodes, longest),
                None => self.unsettled(start, nodes, sources.min(SOURCES), longest),
            };
            match next {
                Some(next) => from = start + next,
                None => return longest,
            }
        }
    }

    /// Takes in the hops of a source.
    fn note(&mut self, from: usize, to: usize, source: usize, far: u32) {
        for (hops, upper) in self.hops[from..to].iter().zip(&mut self.upper) {
            *upper = (*upper).min(far + hops);
        }
        self.upper[source] = 0;
    }

    /// The node nearest to all sources by the longest way, then by the sum of ways.
    fn middle(&self, start: usize, nodes: usize, sources: usize) -> Option<usize> {
        (0..self.upper.len()).min_by_key(|at| {
            let hops = self.hops[start + at..].iter().step_by(nodes).take(sources);
            hops.fold((0, 0u64), |(worst, sum), hops| (worst.max(*hops), sum + u64::from(*hops)))
        })
    }

    /// The open node farthest from the last source.
    fn farthest(&self, from: usize, longest: u32) -> Option<usize> {
        let all = self.hops[from..].iter().zip(&self.upper).enumerate();
        let open = all.filter(|(_, (_, upper))| **upper > longest);
        open.max_by_key(|(_, (hops, _))| **hops).map(|(at, _)| at)
    }

    /// An open node that the pairs leave open too; settles others on the way.
    fn unsettled(
        &mut self,
        start: usize,
        nodes: usize,
        sources: usize,
        longest: u32,
    ) -> Option<usize> {
        self.open.clear();
        let open = (0..self.upper.len() as u32).filter(|at| self.upper[*at as usize] > longest);
        self.open.extend(open);
        let upper = &self.upper;
        self.open.sort_unstable_by_key(|at| core::cmp::Reverse(upper[*at as usize]));
        let hops = &self.hops[start..];
        for (done, at) in self.open.iter().enumerate() {
            let near = |other: &u32| {
                (0..sources).any(|source| {
                    let hops = &hops[source * nodes..];
                    hops[*at as usize] + hops[*other as usize] <= longest
                })
            };
            if !self.open[done..].iter().all(|other| other == at || near(other)) {
                return Some(*at as usize);
            }
            self.upper[*at as usize] = 0;
        }
        None
    }
}

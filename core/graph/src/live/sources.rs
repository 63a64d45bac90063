//! The kept sources of the diameter's proof: nodes with the distances from them.

use super::{
    adjacency::Rows,
    distances::{DEEPEST, FAR, Repair, Repaired, eccentricity, measure_hops},
};

/// Sources kept at most. Measured: geometric meshes of 100 to 10 000 nodes prove their diameter
/// with 2 to 25.
pub const SOURCES: usize = 28;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
    /// A row of distances for each source, in their order.
    kept: Vec<i16>,
    nodes: usize,
    repair: Repair,
    /// By node: how many sources prove it.
    times: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    node: u32,
    eccentricity: u32,
}

impl Sources {
    /// None, of a graph with so many nodes.
    pub fn rebuild(&mut self, nodes: usize) {
        self.nodes = nodes;
        self.list.clear();
        self.list.reserve_exact(SOURCES);
        self.kept.clear();
        self.kept.resize(SOURCES * nodes, FAR);
        self.repair.rebuild(nodes);
        self.times.clear();
        self.times.resize(nodes, 0);
    }

    /// Repairs the distances of all sources; whether any changed. Sources that have become too deep
    /// are forgotten. `hops` and `queue` are room for a search.
    pub fn repair(
        &mut self,
        rows: &Rows,
        (hops, queue): (&mut [u32], &mut Vec<u32>),
        mut change: impl FnMut(&mut Repair, &mut [i16]) -> Repaired,
    ) -> bool {
        let mut touched = false;
        let all = self.kept.chunks_exact_mut(self.nodes.max(1));
        for (source, kept) in self.list.iter_mut().zip(all) {
            match change(&mut self.repair, kept) {
                Repaired::Same => continue,
                Repaired::Changed => source.eccentricity = eccentricity(kept),
                Repaired::Lost => {
                    source.eccentricity = measure_hops(rows, source.node, hops, queue);
                    write(kept, hops);
                }
            }
            touched = true;
        }
        for at in (0..self.list.len()).rev() {
            if self.list[at].eccentricity > DEEPEST {
                self.forget(at);
            }
        }
        touched
    }

    /// The greatest known eccentricity.
    pub fn witnessed(&self) -> u32 {
        self.list.iter().map(|source| source.eccentricity).max().unwrap_or_default()
    }

    /// By node, the least d(s, v) + ecc(s). O(sources · nodes), vectorised.
    pub fn bind(&self, bound: &mut [i16]) {
        bound.fill(FAR);
        for (source, kept) in self.each() {
            let eccentricity = source.eccentricity as i16;
            for (bound, distance) in bound.iter_mut().zip(kept) {
                *bound = (*bound).min(distance.saturating_add(eccentricity));
            }
        }
    }

    /// Upper and lower bounds of all eccentricities.
    pub fn bounds(&self, upper: &mut [u32], lower: &mut [u32]) {
        upper.fill(u32::MAX);
        lower.fill(0);
        for (source, kept) in self.each() {
            let bounds = upper.iter_mut().zip(&mut *lower);
            for ((upper, lower), distance) in bounds.zip(kept) {
                if *distance != FAR {
                    let hops = *distance as u32;
                    *upper = (*upper).min(hops + source.eccentricity);
                    *lower = (*lower).max(hops.max(source.eccentricity - hops));
                }
            }
        }
    }

    /// Whether a source proves two nodes to be no farther apart than this.
    pub fn near(&self, v: u32, w: u32, limit: u32) -> bool {
        self.each().any(|(_, kept)| {
            let (v, w) = (kept[v as usize], kept[w as usize]);
            v != FAR && v as u32 + w as u32 <= limit
        })
    }

    /// Keeps the distances that a search from `node` found; whether there was room.
    pub fn keep(&mut self, node: u32, eccentricity: u32, hops: &[u32], floor: u32) -> bool {
        if self.list.len() == SOURCES {
            self.prune(floor);
        }
        if self.list.len() == SOURCES || eccentricity > DEEPEST {
            return false;
        }
        let row = self.list.len() * self.nodes..;
        write(&mut self.kept[row], hops);
        self.list.push(Source { node, eccentricity });
        true
    }

    /// Forgets all but so many sources with this eccentricity, and no less.
    pub fn keep_witnesses(&mut self, eccentricity: u32, most: usize) {
        let mut witnesses = 0;
        for at in (0..self.list.len()).rev() {
            witnesses += usize::from(self.list[at].eccentricity == eccentricity);
            if self.list[at].eccentricity < eccentricity || witnesses > most {
                self.forget(at);
            }
        }
    }

    pub fn bytes(&self) -> usize {
        self.kept.capacity() * size_of::<i16>()
            + self.list.capacity() * size_of::<Source>()
            + self.times.capacity()
            + self.repair.bytes()
    }

    fn each(&self) -> impl Iterator<Item = (&Source, &[i16])> {
        self.list.iter().zip(self.kept.chunks_exact(self.nodes.max(1)))
    }

    /// Forgets sources that prove nothing below `limit` which others do not, as long as a witness
    /// stays. O(sources · nodes).
    fn prune(&mut self, limit: u32) {
        let proves =
            |source: &Source, hops: i16| hops != FAR && hops as u32 + source.eccentricity <= limit;
        self.times.fill(0);
        for (source, kept) in self.list.iter().zip(self.kept.chunks_exact(self.nodes)) {
            for (times, hops) in self.times.iter_mut().zip(kept) {
                *times += u8::from(proves(source, *hops));
            }
        }
        let deepest = self.witnessed();
        let mut witnesses = self.list.iter().filter(|s| s.eccentricity == deepest).count();
        for at in (0..self.list.len()).rev() {
            let source = self.list[at];
            let witness = usize::from(source.eccentricity == deepest);
            let kept = &self.kept[at * self.nodes..(at + 1) * self.nodes];
            let needed = (witness == 1 && witnesses == 1)
                || kept.iter().zip(&self.times).any(|(hops, n)| *n == 1 && proves(&source, *hops));
            if !needed {
                for (times, hops) in self.times.iter_mut().zip(kept) {
                    *times -= u8::from(proves(&source, *hops));
                }
                witnesses -= witness;
                self.forget(at);
            }
        }
    }

    fn forget(&mut self, at: usize) {
        let last = self.list.len() - 1;
        self.list.swap_remove(at);
        let row = |at: usize| at * self.nodes..(at + 1) * self.nodes;
        self.kept.copy_within(row(last), row(at).start);
    }
}

/// Keeps what a search measured.
fn write(kept: &mut [i16], hops: &[u32]) {
    for (kept, hops) in kept.iter_mut().zip(hops) {
        // Deeper than an `i16` only where the source is about to be forgotten.
        *kept = (*hops).min(FAR as u32) as i16;
    }
}

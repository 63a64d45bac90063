//! The exact diameter, and why it is what it is.
//!
//! Distances from a few sources are kept up by edits. A source whose eccentricity is the diameter
//! is a witness that it is no less. That it is no more is proved for a node v by a source s with
//! d(s, v) + ecc(s) ≤ diameter (Takes and Kosters 2011), and for all nodes of a component of no
//! more than diameter + 1. A longer path would have both ends among the nodes still open: so it
//! suffices that each two of them, v and w, have a source with d(s, v) + d(s, w) ≤ diameter. Then:
//! - An edit that changes no kept distance leaves the proof as it is.
//! - A link inside a component can only shorten, so one witness settles it. A lost link that is no
//!   bridge can only lengthen, so the proof does.
//! - Where proof or witness is gone, more sources are searched from until it is back.
//! - A lost link lengthens only distances between nodes that had their shortest ways through it: x
//!   with d(x, a) + 1 < d(x, b) now, and y the other way round. So where sources do not suffice,
//!   two searches and the eccentricities of the fewer of these that could exceed the diameter do.
//! - Where the bounds are no good (all eccentricities are about the same, as in rings and random
//!   graphs), no proof is kept for a while, only witnesses; and when they are gone, eccentricities
//!   are swept 64 at a time.
//!
//! O(sources + changed distances · degree) for most edits, plus O(sources · nodes) vectorised
//! where a distance changed.

use super::{
    super::Figures,
    adjacency::Rows,
    distances::{FAR, Search, measure_hops},
    sources::{SOURCES, Sources},
    sweep::{Sweep, WIDTH},
};

/// Open nodes that are looked at in pairs, at most. A guess: it bounds the time by that of a
/// search.
const PAIRED: usize = 64;
/// Kept where proof is hopeless. A guess: each is one chance that the next link spares.
const WITNESSES: usize = 4;
/// Searches for a proof when two would show how much the lost link lengthened. Measured: one is
/// enough on geometric meshes, and elsewhere more seldom find a proof.
const FEW: u32 = 1;
/// And so many more for each hop of the diameter, before sweeping what they leave. Measured: a
/// sweep of 64 nodes costs less than a search for each hop.
const MORE_PER_HOP: u32 = 1;
/// For so many lost links no proof is sought where it was hopeless, so that trying again costs
/// less than a search for four of them.
const PATIENCE: u32 = 4 * SOURCES as u32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Proof {
    /// Every node is proved by a kept source or the size of its component, or in pairs.
    Held,
    #[default]
    Lost,
    /// It is not sought again for so many lost links.
    Hopeless(u32),
}

/// What settled an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// No kept distance changed, and the proof held.
    Untouched,
    /// Distances were repaired; they still prove the diameter, or what it is now.
    Repaired,
    /// More sources had to be searched from.
    Searched,
    /// Only what the link could touch was measured.
    Measured,
    /// Eccentricities were swept.
    Swept,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Diameter {
    sources: Sources,
    proof: Proof,
    from: Search,
    sweep: Sweep,
    /// By node: the least d(s, v) + ecc(s) of kept sources.
    bound: Vec<i16>,
    /// Bounds of eccentricities during a search for a proof; else the upper ones are room for
    /// distances from a second node.
    upper: Vec<u32>,
    lower: Vec<u32>,
    list: Vec<u32>,
}

impl Diameter {
    /// From scratch; the components must be known.
    pub fn rebuild(&mut self, rows: &Rows, figures: &mut Figures) {
        let nodes = rows.nodes() as usize;
        self.sources.rebuild(nodes);
        self.from.rebuild(nodes);
        self.sweep.rebuild(nodes);
        self.bound.clear();
        self.bound.resize(nodes, FAR);
        for list in [&mut self.upper, &mut self.lower] {
            list.clear();
            list.resize(nodes, 0);
        }
        self.list.clear();
        self.list.reserve_exact(nodes + 1);
        self.proof = Proof::Lost;
        (figures.diameter, _) = self.search(rows, figures, 0, u32::MAX);
    }

    /// After a link inside a component.
    pub fn linked(&mut self, rows: &Rows, figures: &mut Figures, a: u32, b: u32) -> Settled {
        let old = figures.diameter;
        let touched =
            self.sources.repair(rows, (&mut self.upper, &mut self.list), |repair, kept| {
                repair.linked(rows, kept, a, b)
            });
        let floor = self.sources.witnessed();
        if floor == old {
            return if touched { Settled::Repaired } else { Settled::Untouched };
        }
        let settled;
        (figures.diameter, settled) = self.search(rows, figures, floor, old);
        settled
    }

    /// After a link that merged two components.
    pub fn merged(&mut self, rows: &Rows, figures: &mut Figures, a: u32, b: u32) -> Settled {
        let old = figures.diameter;
        self.sources.repair(rows, (&mut self.upper, &mut self.list), |repair, kept| {
            repair.linked(rows, kept, a, b)
        });
        let floor = old.max(self.sources.witnessed());
        figures.diameter = floor;
        if self.prove(figures, floor) {
            return Settled::Repaired;
        }
        // The longest way through the link has the farthest node of each side at its ends.
        self.from.run(rows, a);
        measure_hops(rows, b, &mut self.upper, &mut self.list);
        let depth = |own: &[u32], other: &[u32], reached: &[u32]| {
            let last = reached.iter().rev().find(|v| own[**v as usize] < other[**v as usize]);
            last.map_or(0, |v| own[*v as usize])
        };
        let through = depth(&self.from.hops, &self.upper, &self.from.reached)
            + 1
            + depth(&self.upper, &self.from.hops, &self.list);
        figures.diameter = floor.max(through);
        self.prove(figures, figures.diameter);
        Settled::Measured
    }

    /// After a lost link that was no bridge.
    pub fn unlinked(&mut self, rows: &Rows, figures: &mut Figures, a: u32, b: u32) -> Settled {
        let old = figures.diameter;
        let touched =
            self.sources.repair(rows, (&mut self.upper, &mut self.list), |repair, kept| {
                repair.unlinked(rows, kept, a, b)
            });
        if self.proof == Proof::Held && !touched {
            return Settled::Untouched;
        }
        let floor = old.max(self.sources.witnessed());
        figures.diameter = floor;
        if self.prove(figures, floor) {
            return Settled::Repaired;
        }
        let floor = if self.hopeless() {
            floor
        } else {
            match self.seek(rows, figures, floor, u32::MAX, 0) {
                Ok(found) => {
                    figures.diameter = found;
                    return Settled::Searched;
                }
                Err(floor) => floor,
            }
        };
        figures.diameter = self.measure(rows, [a, b], floor);
        Settled::Measured
    }

    /// After a lost link that was a bridge.
    pub fn split(&mut self, rows: &Rows, figures: &mut Figures, a: u32, b: u32) -> Settled {
        let old = figures.diameter;
        self.sources.repair(rows, (&mut self.upper, &mut self.list), |repair, kept| {
            repair.unlinked(rows, kept, a, b)
        });
        let floor = self.sources.witnessed();
        if floor == old {
            self.prove(figures, old);
            return Settled::Repaired;
        }
        let settled;
        (figures.diameter, settled) = self.search(rows, figures, floor, old);
        settled
    }

    pub fn bytes(&self) -> usize {
        let lists = [&self.upper, &self.lower, &self.list];
        lists.iter().map(|list| list.capacity() * size_of::<u32>()).sum::<usize>()
            + self.bound.capacity() * size_of::<i16>()
            + self.sources.bytes()
            + self.from.bytes()
            + self.sweep.bytes()
    }

    fn hopeless(&mut self) -> bool {
        if let Proof::Hopeless(left) = &mut self.proof {
            *left = left.saturating_sub(1);
            if *left > 0 {
                return true;
            }
            self.proof = Proof::Lost;
        }
        false
    }

    /// Whether kept sources prove that no eccentricity is above `limit`; remembered.
    fn prove(&mut self, figures: &Figures, limit: u32) -> bool {
        if matches!(self.proof, Proof::Hopeless(_)) {
            return false;
        }
        self.sources.bind(&mut self.bound);
        let open = i16::try_from(limit).unwrap_or(FAR - 1).min(FAR - 1);
        let mut proved = self.bound.iter().copied().max().unwrap_or_default() <= open;
        if !proved {
            self.list.clear();
            let bounds = (0..).zip(&self.bound).filter(|(_, bound)| **bound > open);
            self.list.extend(bounds.map(|(v, _)| v).filter(|v| roomy(figures, *v, limit)));
            proved = self.list.len() <= PAIRED && self.open_pair(figures, limit).is_none();
        }
        self.proof = if proved { Proof::Held } else { Proof::Lost };
        proved
    }

    /// The diameter, known to lie between two bounds.
    fn search(
        &mut self,
        rows: &Rows,
        figures: &Figures,
        floor: u32,
        ceiling: u32,
    ) -> (u32, Settled) {
        match self.seek(rows, figures, floor, ceiling, MORE_PER_HOP) {
            Ok(found) => (found, Settled::Searched),
            Err(floor) => (self.sweep_rest(rows, figures, floor, ceiling), Settled::Swept),
        }
    }

    /// Searches from more nodes until the bounds meet: the diameter, or as an error a lower bound
    /// after [`FEW`] searches and so many more for each hop.
    fn seek(
        &mut self,
        rows: &Rows,
        figures: &Figures,
        mut floor: u32,
        ceiling: u32,
        more_per_hop: u32,
    ) -> Result<u32, u32> {
        self.sources.bounds(&mut self.upper, &mut self.lower);
        let mut full = false;
        for turn in 0.. {
            let next = if floor >= ceiling { None } else { self.pick(rows, figures, floor, turn) };
            let Some(start) = next else {
                if !self.prove(figures, floor) && full {
                    self.give_up(floor);
                }
                return Ok(floor);
            };
            if turn >= FEW.saturating_add(floor.saturating_mul(more_per_hop)) {
                break;
            }
            let eccentricity = self.from.run(rows, start);
            floor = floor.max(eccentricity);
            for node in &self.from.reached {
                let (at, hops) = (*node as usize, self.from.hops[*node as usize]);
                self.upper[at] = self.upper[at].min(hops + eccentricity);
                self.lower[at] = self.lower[at].max(hops.max(eccentricity - hops));
            }
            full |= !self.sources.keep(start, eccentricity, &self.from.hops, floor);
        }
        if full {
            self.give_up(floor);
        }
        Err(floor)
    }

    /// The node to search from next: in turns one in the middle, whose bounds reach far, and one
    /// that may be the end of a longest path; where few are left, only such.
    fn pick(&mut self, rows: &Rows, figures: &Figures, floor: u32, turn: u32) -> Option<u32> {
        self.list.clear();
        let open = |v: &u32| self.upper[*v as usize] > floor && roomy(figures, *v, floor);
        self.list.extend((0..rows.nodes()).filter(open));
        let bounds = |v: u32| (self.lower[v as usize], self.upper[v as usize]);
        if self.list.len() <= PAIRED {
            self.list.sort_unstable_by_key(|v| (u32::MAX - bounds(*v).1, *v));
            return self.open_pair(figures, floor);
        }
        let nodes = self.list.iter().copied();
        if turn.is_multiple_of(2) {
            nodes.min_by_key(|v| (bounds(*v).0, u32::MAX - rows.degree(*v)))
        } else {
            nodes.max_by_key(|v| (bounds(*v).1, bounds(*v).0))
        }
    }

    /// The first node of the list that no source proves near enough to one behind it.
    fn open_pair(&self, figures: &Figures, limit: u32) -> Option<u32> {
        let component = |v: u32| figures.component[v as usize];
        let open = |(at, v): &(usize, &u32)| {
            let rest = &self.list[at + 1..];
            rest.iter()
                .any(|w| component(**v) == component(*w) && !self.sources.near(**v, *w, limit))
        };
        self.list.iter().enumerate().find(open).map(|(_, v)| *v)
    }

    /// Keeps witnesses only, and seeks no proof for a while.
    fn give_up(&mut self, diameter: u32) {
        self.sources.keep_witnesses(diameter, WITNESSES);
        if !matches!(self.proof, Proof::Hopeless(_)) {
            self.proof = Proof::Hopeless(PATIENCE);
        }
    }

    /// The diameter after the link between `ends`, no bridge, was lost, where it is known to be at
    /// least `floor` and not to have been more before. See the module.
    fn measure(&mut self, rows: &Rows, ends: [u32; 2], floor: u32) -> u32 {
        self.sources.bind(&mut self.bound);
        self.from.run(rows, ends[0]);
        measure_hops(rows, ends[1], &mut self.upper, &mut self.list);
        let hops = [&self.from.hops, &self.upper];
        let side = |v: &u32| {
            let [a, b] = hops.map(|hops| hops[*v as usize]);
            if a + 1 < b {
                Some(0)
            } else if b + 1 < a {
                Some(1)
            } else {
                None
            }
        };
        // How deep each side is, from either end.
        let mut depth = [[0; 2]; 2];
        let mut suspects = [0; 2];
        for v in &self.from.reached {
            if let Some(own) = side(v) {
                for end in 0..2 {
                    depth[own][end] = hops[end][*v as usize].max(depth[own][end]);
                }
            }
        }
        let suspect = |v: &u32, own: usize| {
            let beyond = depth[1 - own];
            let through = |end: usize| hops[end][*v as usize] + beyond[end];
            through(0).min(through(1)) > floor
                && u32::from(self.bound[*v as usize].unsigned_abs()) > floor
        };
        for v in &self.from.reached {
            if let Some(own) = side(v) {
                suspects[own] += u32::from(suspect(v, own));
            }
        }
        let fewer = usize::from(suspects[1] < suspects[0]);
        self.list.clear();
        let chosen = |v: &&u32| side(v) == Some(fewer) && suspect(v, fewer);
        self.list.extend(self.from.reached.iter().filter(chosen));
        let mut diameter = floor;
        for starts in self.list.chunks(WIDTH) {
            let found = self.sweep.run(rows, starts, &mut self.from.reached);
            diameter = found.into_iter().fold(diameter, u32::max);
        }
        diameter
    }

    /// The diameter, after a search for a proof has left these bounds, by the eccentricities of all
    /// nodes that are not proved.
    fn sweep_rest(&mut self, rows: &Rows, figures: &Figures, floor: u32, ceiling: u32) -> u32 {
        let mut diameter = floor;
        let mut list = core::mem::take(&mut self.list);
        list.clear();
        let open = |v: &u32| self.upper[*v as usize] > floor && roomy(figures, *v, floor);
        list.extend((0..rows.nodes()).filter(open));
        list.sort_unstable_by_key(|v| (u32::MAX - self.upper[*v as usize], *v));
        let mut witness = None;
        for starts in list.chunks(WIDTH) {
            if diameter >= ceiling {
                break;
            }
            let found = self.sweep.run(rows, starts, &mut self.from.reached);
            for (start, eccentricity) in starts.iter().zip(found) {
                if eccentricity > diameter {
                    (witness, diameter) = (Some(*start), eccentricity);
                }
            }
        }
        self.list = list;
        self.give_up(diameter);
        if let Some(start) = witness {
            let eccentricity = self.from.run(rows, start);
            self.sources.keep(start, eccentricity, &self.from.hops, diameter);
        }
        diameter
    }
}

/// Whether the component of a node is large enough for a path longer than `limit`.
fn roomy(figures: &Figures, node: u32, limit: u32) -> bool {
    let size = figures.component_sizes[figures.component[node as usize] as usize];
    size - 1 > limit
}

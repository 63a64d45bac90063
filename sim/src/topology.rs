//! Who can reach whom, before anything goes wrong.

use bitcraps_core::seed::Rng;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// 0–1–2–… up to `length`; nodes past it hang off the middle one.
    Line { length: usize },
    /// A ring and so many random chords: survives any one cut, and any two halves of the ring
    /// are each connected.
    RingWithChords { chords: usize },
    /// Everybody is linked to everybody, except these two with each other.
    AllBut { a: usize, b: usize },
}

impl Topology {
    /// Pairs with the smaller number first, in order.
    pub fn edges(self, nodes: usize, rng: &mut Rng) -> BTreeSet<(usize, usize)> {
        if let Topology::AllBut { a, b } = self {
            let all = (0..nodes).flat_map(|one| (one + 1..nodes).map(move |other| (one, other)));
            return all.filter(|edge| *edge != (a.min(b), a.max(b))).collect();
        }
        let before = |n: usize| match self {
            Topology::Line { length } if n >= length => length / 2,
            Topology::Line { .. } | Topology::RingWithChords { .. } | Topology::AllBut { .. } => {
                n - 1
            }
        };
        let mut edges: BTreeSet<(usize, usize)> = (1..nodes).map(|n| (before(n), n)).collect();
        let Topology::RingWithChords { chords } = self else { return edges };
        if nodes > 2 {
            edges.insert((0, nodes - 1));
        }
        let possible = nodes * nodes.saturating_sub(1) / 2;
        let wanted = (edges.len() + chords).min(possible);
        while edges.len() < wanted {
            let a = rng.below(nodes as u64) as usize;
            let b = rng.below(nodes as u64) as usize;
            if a != b {
                edges.insert((a.min(b), a.max(b)));
            }
        }
        edges
    }
}

/// The side of the square on which nodes are strewn, in steps.
pub const PLANE: u64 = 10_000;

/// Nodes strewn over a square, as radios are over a floor: who is near enough reaches whom.
/// Whole numbers, so that it is the same plane on every machine.
#[derive(Clone, Debug)]
pub struct Plane {
    places: Vec<(i64, i64)>,
}

impl Plane {
    pub fn strewn(nodes: usize, rng: &mut Rng) -> Plane {
        let mut step = || rng.below(PLANE) as i64;
        Plane { places: (0..nodes).map(|_| (step(), step())).collect() }
    }

    /// Pairs that are at most `reach` steps apart, the smaller number first.
    pub fn within(&self, reach: u64) -> BTreeSet<(usize, usize)> {
        let near = |(a, b): &(usize, usize)| self.square(*a, *b) <= (reach * reach) as i64;
        self.pairs().filter(near).collect()
    }

    /// These pairs and, shortest first, as many more as it takes to join all nodes (Kruskal 1956).
    pub fn joined(&self, mut pairs: BTreeSet<(usize, usize)>) -> BTreeSet<(usize, usize)> {
        let mut part: Vec<usize> = (0..self.places.len()).collect();
        let mut all: Vec<(usize, usize)> = self.pairs().collect();
        all.sort_by_key(|(a, b)| (!pairs.contains(&(*a, *b)), self.square(*a, *b), *a, *b));
        for (a, b) in all {
            let (from, to) = (part[a], part[b]);
            if from != to {
                part.iter_mut().filter(|p| **p == from).for_each(|p| *p = to);
                pairs.insert((a, b));
            }
        }
        pairs
    }

    /// The `count` nodes that lie farthest in a random direction.
    pub fn side(&self, count: usize, rng: &mut Rng) -> BTreeSet<usize> {
        let mut slope = || rng.below(2 * PLANE + 1) as i64 - PLANE as i64;
        let (x, y) = (slope(), slope());
        let mut nodes: Vec<usize> = (0..self.places.len()).collect();
        nodes.sort_by_key(|n| (x * self.places[*n].0 + y * self.places[*n].1, *n));
        nodes.into_iter().take(count).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let nodes = self.places.len();
        (0..nodes).flat_map(move |a| (a + 1..nodes).map(move |b| (a, b)))
    }

    fn square(&self, a: usize, b: usize) -> i64 {
        let ((ax, ay), (bx, by)) = (self.places[a], self.places[b]);
        (ax - bx) * (ax - bx) + (ay - by) * (ay - by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::seed::Seed;

    #[test]
    fn a_ring_with_chords_has_as_many_edges_as_fit() {
        let mut rng = Seed::from_number(1).rng();
        let mut count =
            |nodes, chords| Topology::RingWithChords { chords }.edges(nodes, &mut rng).len();
        assert_eq!(count(20, 10), 30);
        assert_eq!(count(2, 5), 1);
        assert_eq!(count(4, 9), 6);
    }

    #[test]
    fn a_line_has_its_length_and_the_rest_hangs_off_its_middle() {
        let line = Topology::Line { length: 3 }.edges(4, &mut Seed::from_number(1).rng());
        assert_eq!(line.into_iter().collect::<Vec<_>>(), [(0, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn a_plane_joins_what_is_near_and_then_the_nearest_of_what_is_left() {
        let places = vec![(0, 0), (3, 4), (100, 0), (104, 0), (104, 3)];
        let plane = Plane { places };
        let near = plane.within(5);
        assert_eq!(near.iter().copied().collect::<Vec<_>>(), [(0, 1), (2, 3), (2, 4), (3, 4)]);
        let joined = plane.joined(near.clone());
        assert_eq!(joined.difference(&near).collect::<Vec<_>>(), [&(1, 2)]);
        let side = plane.side(2, &mut Seed::from_number(1).rng());
        assert!(side.len() == 2 && !(side.contains(&0) && side.contains(&4)));
    }
}

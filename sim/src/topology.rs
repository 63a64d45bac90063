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
}

impl Topology {
    /// Pairs with the smaller number first, in order.
    pub fn edges(self, nodes: usize, rng: &mut Rng) -> BTreeSet<(usize, usize)> {
        let before = |n: usize| match self {
            Topology::Line { length } if n >= length => length / 2,
            Topology::Line { .. } | Topology::RingWithChords { .. } => n - 1,
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
}

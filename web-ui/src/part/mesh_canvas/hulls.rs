//! Convex hulls around clusters, by Andrew's monotone chain (1979): O(n log n) for n nodes.

/// How far a hull stands off its nodes, in the layout's units.
const ROOM: f32 = 0.7;

/// Hulls that are drawn. More clusters than this are crumbs.
const HULLS_MAX: usize = 64;

/// Nodes of the smallest cluster with a hull.
const NODES_MIN: usize = 3;

#[derive(Clone, Debug, Default)]
pub struct Hulls {
    /// x and y of the corners of all hulls, one after the other.
    pub corners: Vec<f32>,
    /// The first corner of each hull and how many it has; which cluster it is.
    pub hulls: Vec<(u32, u32, usize)>,
    points: Vec<u64>,
    chain: Vec<(f32, f32)>,
}

impl Hulls {
    /// Draws them anew around clusters of nodes that stand at `places`.
    pub fn take(&mut self, clusters: &[Vec<u32>], places: &[f32]) {
        self.corners.clear();
        self.hulls.clear();
        let large = clusters.iter().enumerate().filter(|(_, nodes)| nodes.len() >= NODES_MIN);
        for (number, cluster) in large.take(HULLS_MAX) {
            self.points.clear();
            self.points.extend(cluster.iter().filter_map(|node| {
                let place = places.get(2 * *node as usize..2 * *node as usize + 2)?;
                Some(packed(place[0], place[1]))
            }));
            self.close();
            let first = self.corners.len() / 2;
            self.stand_off();
            let corners = self.corners.len() / 2 - first;
            self.hulls.push((first as u32, corners as u32, number));
        }
    }

    /// Makes `chain` the hull of `points`.
    fn close(&mut self) {
        self.points.sort_unstable();
        self.chain.clear();
        for turn in 0..2 {
            let base = self.chain.len();
            for i in 0..self.points.len() {
                let i = if turn == 0 { i } else { self.points.len() - 1 - i };
                let point = unpacked(self.points[i]);
                while let [.., a, b] = self.chain[base..]
                    && (b.0 - a.0) * (point.1 - a.1) <= (b.1 - a.1) * (point.0 - a.0)
                {
                    self.chain.pop();
                }
                self.chain.push(point);
            }
            // The last point of a turn is the first of the other.
            self.chain.pop();
        }
    }

    /// Moves each corner out along the middle of its two sides, cut off flat so that sharp corners
    /// do not become thorns.
    fn stand_off(&mut self) {
        let count = self.chain.len();
        for i in 0..count {
            let (before, at) = (self.chain[(i + count - 1) % count], self.chain[i]);
            let after = self.chain[(i + 1) % count];
            for (from, to) in [(before, at), (at, after)] {
                let (dx, dy) = (to.0 - from.0, to.1 - from.1);
                let length = dx.hypot(dy).max(1e-6);
                self.corners.extend([at.0 + dy / length * ROOM, at.1 - dx / length * ROOM]);
            }
        }
    }
}

/// A point as a number that sorts by x, then y: the bits of floats sort like their values once
/// negative ones are turned around.
fn packed(x: f32, y: f32) -> u64 {
    let sorted = |v: f32| {
        let bits = v.to_bits();
        u64::from(bits ^ if bits >> 31 == 1 { u32::MAX } else { 1 << 31 })
    };
    sorted(x) << 32 | sorted(y)
}

fn unpacked(point: u64) -> (f32, f32) {
    let value = |bits: u32| f32::from_bits(bits ^ if bits >> 31 == 0 { u32::MAX } else { 1 << 31 });
    (value((point >> 32) as u32), value(point as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_holds_its_nodes_and_is_convex() {
        let places: Vec<f32> = (0u32..200)
            .flat_map(|i| [i.wrapping_mul(7919) % 97, i.wrapping_mul(104_729) % 89])
            .map(|v| v as f32 / 10.0)
            .collect();
        let mut hulls = Hulls::default();
        hulls.take(&[vec![0, 1], (0..150).collect(), (150..200).collect()], &places);
        assert_eq!(hulls.hulls.iter().map(|hull| hull.2).collect::<Vec<_>>(), [1, 2]);
        for (first, count, cluster) in &hulls.hulls {
            let corner = |i: u32| {
                let i = 2 * (first + i % count) as usize;
                (hulls.corners[i], hulls.corners[i + 1])
            };
            let nodes = if *cluster == 1 { 0..150 } else { 150..200 };
            for i in 0..*count {
                let (a, b) = (corner(i), corner(i + 1));
                for node in nodes.clone() {
                    let at = (places[2 * node], places[2 * node + 1]);
                    let side = (b.0 - a.0) * (at.1 - a.1) - (b.1 - a.1) * (at.0 - a.0);
                    assert!(side > -0.01, "node {node} is outside: {side}");
                }
            }
        }
    }

    #[test]
    fn nodes_in_a_row_or_in_one_place_give_a_hull_too() {
        for places in [vec![1.0; 8], vec![0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0]] {
            let mut hulls = Hulls::default();
            hulls.take(&[vec![0, 1, 2, 3]], &places);
            assert_eq!(hulls.hulls.len(), 1);
            assert!(hulls.corners.iter().all(|v| v.is_finite()), "{:?}", hulls.corners);
        }
    }
}

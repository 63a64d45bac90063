//! Triangles and clustering, of which a link changes only its ends and their common neighbours.
//!
//! The mean is a sum in the order of the nodes, and must be the same to the last bit as that of a
//! full pass: the sum before every 64th node is kept, and summing goes on from the one before the
//! first node that changed. O(common neighbours + nodes / 2) on average, the second part being one
//! addition each.

use super::{super::Figures, adjacency::Rows};

/// So many nodes between two kept sums.
const STRIDE: usize = 64;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Clustering {
    /// The sum of local clustering before node 0, 64, 128, …
    sums: Vec<f64>,
    /// How many nodes have degree 2 or more.
    counted: u32,
}

impl Clustering {
    /// O(sum of squared degrees).
    pub fn rebuild(&mut self, rows: &Rows, figures: &mut Figures, shared: &mut Vec<u32>) {
        let nodes = rows.nodes() as usize;
        figures.triangles.clear();
        figures.triangles.resize(nodes, 0);
        figures.local_clustering.clear();
        figures.local_clustering.resize(nodes, 0.0);
        for a in 0..rows.nodes() {
            for b in rows.of(a).iter().filter(|b| **b > a) {
                rows.shared(a, *b, shared);
                for third in shared.iter() {
                    figures.triangles[*third as usize] += 1;
                }
            }
        }
        self.sums.clear();
        self.sums.resize(nodes.div_ceil(STRIDE).max(1), 0.0);
        self.counted = (0..rows.nodes()).filter(|node| rows.degree(*node) >= 2).count() as u32;
        for node in 0..rows.nodes() {
            refresh(rows, figures, node);
        }
        self.sum_from(0, figures);
    }

    /// After `a` and `b`, which share these neighbours, have been linked.
    pub fn linked(&mut self, rows: &Rows, figures: &mut Figures, ends: [u32; 2], shared: &[u32]) {
        for end in ends {
            self.counted += u32::from(rows.degree(end) == 2);
            figures.triangles[end as usize] += shared.len() as u32;
        }
        for third in shared {
            figures.triangles[*third as usize] += 1;
        }
        self.settle(rows, figures, ends, shared);
    }

    /// After they have been unlinked.
    pub fn unlinked(&mut self, rows: &Rows, figures: &mut Figures, ends: [u32; 2], shared: &[u32]) {
        for end in ends {
            self.counted -= u32::from(rows.degree(end) == 1);
            figures.triangles[end as usize] -= shared.len() as u32;
        }
        for third in shared {
            figures.triangles[*third as usize] -= 1;
        }
        self.settle(rows, figures, ends, shared);
    }

    pub fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<f64>()
    }

    fn settle(&mut self, rows: &Rows, figures: &mut Figures, ends: [u32; 2], shared: &[u32]) {
        for node in ends.iter().chain(shared) {
            refresh(rows, figures, *node);
        }
        let least = shared.first().map_or(ends[0], |third| *third.min(&ends[0])).min(ends[1]);
        self.sum_from(least as usize / STRIDE, figures);
    }

    fn sum_from(&mut self, stride: usize, figures: &mut Figures) {
        let mut sum = self.sums[stride];
        let rest = figures.local_clustering.get(stride * STRIDE..).unwrap_or_default();
        for (at, local) in rest.chunks(STRIDE).zip(stride..).map(|(local, at)| (at, local)) {
            self.sums[at] = sum;
            for value in local {
                sum += value;
            }
        }
        figures.global_clustering = (self.counted > 0).then(|| sum / f64::from(self.counted));
    }
}

fn refresh(rows: &Rows, figures: &mut Figures, node: u32) {
    let degree = u64::from(rows.degree(node));
    let triangles = u64::from(figures.triangles[node as usize]);
    figures.local_clustering[node as usize] =
        if degree < 2 { 0.0 } else { (2 * triangles) as f64 / (degree * (degree - 1)) as f64 };
}

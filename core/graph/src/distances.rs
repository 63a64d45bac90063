//! How far everything is from everything: eccentricities, radius, centre, diameter, mean path.
//!
//! [Searches](super::waves) from many starts at once. The graph is undirected, so the last level at
//! which any start reaches a node is that node's own eccentricity, and no start is told apart from
//! another.

use super::{
    Graph,
    waves::{Waves, is_empty},
};

/// Distances in hops of one graph, all exact. Nodes without a path between them have no distance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DistanceFigures {
    /// For every node, the distance of the farthest node that it reaches; 0 when there is none.
    pub eccentricity: Vec<u32>,
    /// The smallest eccentricity in the largest component (of equals, the one with the smallest
    /// node): over all nodes it would say 0 as soon as one node stands alone.
    pub radius: u32,
    /// The nodes of that component with that eccentricity, ascending.
    pub centre: Vec<u32>,
    /// The mean distance over all pairs of different nodes that have one; missing when none has.
    pub mean_path: Option<f64>,
    /// The largest eccentricity in any component.
    pub diameter: u32,
}

/// Measures graphs one after the other in the same buffers.
#[derive(Clone, Debug, Default)]
pub struct Distances {
    figures: DistanceFigures,
    waves: Waves,
}

impl Distances {
    pub fn new() -> Distances {
        Distances::default()
    }

    /// O(nodes · edges · levels / 256), where `levels` is from the first to the last of 256 waves
    /// that reaches a node: a dozen on a mesh of 1 000, at most the diameter. Allocates only when
    /// it has never been so large.
    pub fn measure(&mut self, graph: &Graph) -> &DistanceFigures {
        self.waves.arrange(graph);
        let eccentricity = &mut self.figures.eccentricity;
        eccentricity.clear();
        eccentricity.resize(graph.nodes() as usize, 0);
        let mut sum = 0;
        for block in 0..self.waves.blocks() {
            self.waves.run(graph, block, |node, level, fresh| {
                if !is_empty(fresh) {
                    let count: u32 = fresh.iter().map(|word| word.count_ones()).sum();
                    sum += u64::from(level) * u64::from(count);
                    let farthest = &mut eccentricity[node as usize];
                    *farthest = level.max(*farthest);
                }
            });
        }
        self.conclude(sum);
        &self.figures
    }

    /// `sum` is of all distances over ordered pairs.
    fn conclude(&mut self, sum: u64) {
        let DistanceFigures { eccentricity, radius, centre, mean_path, diameter } =
            &mut self.figures;
        *diameter = eccentricity.iter().copied().max().unwrap_or(0);
        let largest = self.waves.largest();
        *radius = largest.iter().map(|node| eccentricity[*node as usize]).min().unwrap_or(0);
        centre.clear();
        centre.extend(largest.iter().filter(|node| eccentricity[**node as usize] == *radius));
        centre.sort_unstable();
        let pairs = self.waves.pairs();
        *mean_path = (pairs > 0).then(|| sum as f64 / pairs as f64);
    }
}

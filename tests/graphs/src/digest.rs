//! One number for all results of a piece of work, so that two runs can be compared.

use bitcraps_graph::{DistanceFigures, Figures, HopTable};

/// FNV-1a over numbers (Fowler, Noll and Vo 1991).
pub struct Digest(u64);

impl Digest {
    pub fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    pub fn finish(&self) -> u64 {
        self.0
    }

    pub fn number(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub fn figures(&mut self, figures: &Figures) {
        self.number(u64::from(figures.nodes) << 32 | u64::from(figures.edges));
        for list in [&figures.component, &figures.component_sizes, &figures.triangles] {
            list.iter().for_each(|number| self.number(u64::from(*number)));
        }
        self.number(u64::from(figures.diameter));
        self.number(figures.global_clustering.unwrap_or(-1.0).to_bits());
        figures.local_clustering.iter().for_each(|local| self.number(local.to_bits()));
        for node in &figures.cut_nodes {
            self.number(u64::from(node.node) << 32 | u64::from(node.cuts_off));
        }
        for edge in &figures.cut_edges {
            self.number(u64::from(edge.a) << 32 | u64::from(edge.b));
            self.number(u64::from(edge.cuts_off));
        }
    }

    pub fn distances(&mut self, distances: &DistanceFigures) {
        distances.eccentricity.iter().for_each(|hops| self.number(u64::from(*hops)));
        distances.centre.iter().for_each(|node| self.number(u64::from(*node)));
        self.number(u64::from(distances.radius) << 32 | u64::from(distances.diameter));
        self.number(distances.mean_path.unwrap_or(-1.0).to_bits());
    }

    /// Every 17th row and every 13th column of it: looking all up would take longer than the rest.
    pub fn hops(&mut self, table: &HopTable, nodes: u32) {
        let hop = |hop: Option<u32>| u64::from(hop.unwrap_or(u32::MAX));
        for from in (0..nodes).step_by(17) {
            for to in (0..nodes).step_by(13) {
                self.number(table.distance(from, to).map_or(u64::MAX, u64::from));
                self.number(hop(table.next(from, to)) << 32 | hop(table.backup(from, to)));
            }
        }
    }
}

//! Which links every node has.

use super::reduce::Link;

/// The links of each node as (neighbour, index of the link), in the order of the links.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Where each row starts, and one past the last.
    pub first: Vec<u32>,
    pub arcs: Vec<(u32, u32)>,
}

impl Rows {
    /// O(nodes + links).
    pub fn index(&mut self, nodes: usize, links: &[Link]) {
        self.first.clear();
        self.first.resize(nodes + 2, 0);
        for link in links {
            self.first[link.a as usize + 2] += 1;
            self.first[link.b as usize + 2] += 1;
        }
        let mut sum = 0;
        for start in &mut self.first {
            sum += *start;
            *start = sum;
        }
        self.arcs.clear();
        self.arcs.resize(sum as usize, (0, 0));
        for (index, link) in links.iter().enumerate() {
            for (from, to) in [(link.a, link.b), (link.b, link.a)] {
                let slot = &mut self.first[from as usize + 1];
                self.arcs[*slot as usize] = (to, index as u32);
                *slot += 1;
            }
        }
        self.first.truncate(nodes + 1);
    }

    pub fn of(&self, node: u32) -> &[(u32, u32)] {
        &self.arcs[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }
}

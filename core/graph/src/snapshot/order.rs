//! The numbering that a pass works in: breadth first, from the rim of every component.
//!
//! Two breadth-first searches per component. The first starts at its smallest node and so finds the
//! components in their order; the second starts at the node the first reached last, which lies on
//! the rim, and numbers the nodes. In a small graph the first does both. O(n + m).
//!
//! In that numbering (Cuthill and McKee 1969, without their sorting by degree) the first neighbour
//! of a node is the one that found it, and no neighbour lies behind the end of the queue when
//! the node leaves it. Both bounds ascend with the nodes, so every row of the adjacency matrix is a
//! short run of words whose place is known before the row is read.

use super::{Storage, fill, held};
use crate::{Figures, Graph};

/// A graph renumbered by its second searches. Indices are positions unless said otherwise.
#[derive(Default)]
pub(super) struct Order {
    /// The node at each position. Components lie one after the other.
    pub node: Vec<u32>,
    /// The position of each node.
    pub position: Vec<u32>,
    /// Where each row starts in `near`, and one past the last.
    pub first: Vec<u32>,
    /// All rows, one after the other; not sorted.
    pub near: Vec<u32>,
    /// Hops from the first position of the component; ascends within it.
    pub level: Vec<u32>,
    /// The word of 64 positions in which each row starts.
    pub word: Vec<u32>,
    /// Words of the widest row, from its word on.
    pub band: usize,
    /// Where each component starts, and one past the last.
    pub starts: Vec<u32>,
    /// Not needed once the nodes are numbered.
    pub queue: Vec<u32>,
}

/// How far the numbering has come.
struct Reached {
    nodes: usize,
    arcs: usize,
}

/// So many nodes fit rows of two words in any order, so that one search numbers them.
pub(super) const SMALL: usize = 128;

/// No position: the node has not been found.
const UNFOUND: u32 = u32::MAX;

impl Order {
    /// Finds components and numbers all nodes; writes what the figures say of components, and the
    /// rows of bits as far as their band is within `W` words.
    pub fn find<const W: usize>(
        &mut self,
        graph: &Graph,
        figures: &mut Figures,
        rows: &mut [[u64; W]],
    ) {
        let nodes = graph.nodes() as usize;
        fill(&mut self.position, nodes, UNFOUND);
        fill(&mut self.node, nodes + 1, 0);
        fill(&mut self.level, nodes + 1, 0);
        fill(&mut self.word, nodes + 1, 0);
        fill(&mut self.first, nodes + 1, 0);
        fill(&mut self.near, graph.targets().len(), 0);
        figures.component_sizes.clear();
        self.starts.clear();
        self.starts.push(0);
        self.band = 0;
        let mut reached = Reached { nodes: 0, arcs: 0 };
        if nodes <= SMALL {
            fill(&mut figures.component, nodes, 0);
            for seed in 0..nodes {
                if self.position[seed] == UNFOUND {
                    let start = reached.nodes;
                    reached = self.number(graph, seed as u32, reached, rows);
                    let part = figures.component_sizes.len() as u32;
                    for node in &self.node[start..reached.nodes] {
                        figures.component[*node as usize] = part;
                    }
                    figures.component_sizes.push((reached.nodes - start) as u32);
                    self.starts.push(reached.nodes as u32);
                }
            }
        } else {
            self.find_components(graph, figures);
            for part in 0..figures.component_sizes.len() {
                let rim = self.queue[self.starts[part + 1] as usize - 1];
                reached = self.number(graph, rim, reached, rows);
            }
        }
        self.first[nodes] = reached.arcs as u32;
    }

    pub fn bytes(&self) -> usize {
        held(&self.node)
            + held(&self.position)
            + held(&self.first)
            + held(&self.near)
            + held(&self.level)
            + held(&self.word)
            + held(&self.starts)
            + held(&self.queue)
    }

    /// Components and their sizes, by a search from the smallest node that none has reached yet.
    fn find_components(&mut self, graph: &Graph, figures: &mut Figures) {
        let nodes = graph.nodes() as usize;
        // One look in memory order brings the graph near; the search would fetch it piece by piece.
        self.near.copy_from_slice(graph.targets());
        let (offsets, targets) = (graph.offsets(), &self.near[..]);
        let component = &mut figures.component;
        fill(component, nodes, UNFOUND);
        fill(&mut self.queue, nodes + 1, 0);
        let (mut head, mut tail) = (0, 0);
        for seed in 0..nodes {
            if component[seed] != UNFOUND {
                continue;
            }
            let part = figures.component_sizes.len() as u32;
            component[seed] = part;
            self.queue[tail] = seed as u32;
            tail += 1;
            let start = head;
            while head < tail {
                let node = self.queue[head] as usize;
                head += 1;
                for to in &targets[offsets[node] as usize..offsets[node + 1] as usize] {
                    // Written whether new or not, and kept by moving the end: no branch to guess.
                    self.queue[tail] = *to;
                    let slot = &mut component[*to as usize];
                    tail += usize::from(*slot == UNFOUND);
                    *slot = part;
                }
            }
            figures.component_sizes.push((tail - start) as u32);
            self.starts.push(tail as u32);
        }
    }

    /// Numbers the component of `seed` from there on.
    fn number<const W: usize>(
        &mut self,
        graph: &Graph,
        seed: u32,
        reached: Reached,
        rows: &mut [[u64; W]],
    ) -> Reached {
        let (offsets, targets) = (graph.offsets(), graph.targets());
        let Reached { nodes: start, mut arcs } = reached;
        self.node[start] = seed;
        self.level[start] = 0;
        self.word[start] = start as u32 / 64;
        self.position[seed as usize] = start as u32;
        let (mut head, mut tail) = (start, start + 1);
        while head < tail {
            let node = self.node[head] as usize;
            let row = &targets[offsets[node] as usize..offsets[node + 1] as usize];
            let near = &mut self.near[arcs..arcs + row.len()];
            self.first[head] = arcs as u32;
            arcs += row.len();
            let level = self.level[head] + 1;
            let word = self.word[head];
            let bits = &mut rows[head];
            for (to, near) in row.iter().zip(near) {
                let slot = &mut self.position[*to as usize];
                let found = *slot != UNFOUND;
                let position = if found { *slot } else { tail as u32 };
                *slot = position;
                *near = position;
                bits[((position / 64 - word) as usize) % W] |= 1 << (position % 64);
                self.node[tail] = *to;
                self.level[tail] = level;
                self.word[tail] = head as u32 / 64;
                tail += usize::from(!found);
            }
            let last = (tail - 1) / 64;
            self.band = self.band.max(last + 1 - self.word[head] as usize);
            head += 1;
        }
        Reached { nodes: tail, arcs }
    }

    /// What the band is narrow enough for.
    pub fn storage(&self) -> Storage {
        match self.band {
            0..=2 => Storage::Rows { words: 2 },
            3..=4 => Storage::Rows { words: 4 },
            5..=8 => Storage::Rows { words: 8 },
            _ => Storage::Lists,
        }
    }

    /// The row of a position.
    pub fn near(&self, position: usize) -> &[u32] {
        &self.near[self.first[position] as usize..self.first[position + 1] as usize]
    }
}

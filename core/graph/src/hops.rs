//! Who is the next hop from everywhere to everywhere, and who else would do without a loop.
//!
//! Distances are hops, by [searches](super::waves) from 256 targets at once. The table is
//! bit-sliced: bit k of 256 distances lies in four neighbouring words, and the same for the slots
//! that the two hops have in the row of neighbours. So one vector operation works on many entries,
//! and an entry takes about two bytes where three `u16` would take six. A lookup gathers its bits.
//!
//! Distances of neighbours to one target differ by at most one. So their two lowest bits say which
//! is nearer, and next hops and backups of 256 targets come out of a dozen operations for each
//! neighbour.

use super::{
    Graph,
    waves::{Bits, NONE, Waves, both},
};

/// Nodes a [`HopTable`] holds: as many as the map of the mesh. The table takes nodes²/8 · (bits of
/// twice the longest distance + 2 · bits of the largest degree) bytes, so 34 MB for 4 096 nodes
/// with at most 31 hops and 31 links.
pub const HOP_NODES_MAX: u32 = 4096;

/// Why a table was not filled; it is empty then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyNodes {
    pub nodes: u32,
    /// [`HOP_NODES_MAX`].
    pub limit: u32,
}

/// See the module. Its buffers stay when it is filled again.
#[derive(Clone, Debug, Default)]
pub struct HopTable {
    nodes: usize,
    /// The rows of the graph.
    first: Vec<u32>,
    to: Vec<u32>,
    waves: Waves,
    /// For each block of targets, for each node, the planes of its entries.
    planes: Vec<Bits>,
    shape: Shape,
}

/// How many planes an entry has: bits of its distance first, at least two; then of the slot of the
/// next hop, counted from 1; then of the slot of the backup. No distance and no slot are 0.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    distance: usize,
    slot: usize,
}

impl Shape {
    fn planes(self) -> usize {
        self.distance + 2 * self.slot
    }
}

impl HopTable {
    pub fn new() -> HopTable {
        HopTable::default()
    }

    /// Becomes the table of this graph. O(nodes · edges · levels / 256), where `levels` is from the
    /// first to the last of 256 waves that reaches a node: a dozen on a mesh of 1 000, at most the
    /// diameter. Allocates only when it has never been so large.
    ///
    /// # Errors
    ///
    /// When there are more than [`HOP_NODES_MAX`] nodes. The table is then empty, whatever it was.
    pub fn fill(&mut self, graph: &Graph) -> Result<(), TooManyNodes> {
        self.nodes = 0;
        if graph.nodes() > HOP_NODES_MAX {
            return Err(TooManyNodes { nodes: graph.nodes(), limit: HOP_NODES_MAX });
        }
        self.nodes = graph.nodes() as usize;
        self.first.clear();
        self.first.extend_from_slice(graph.offsets());
        self.to.clear();
        self.to.extend_from_slice(graph.targets());
        self.waves.arrange(graph);
        let degree_max = (0..graph.nodes()).map(|node| graph.degree(node)).max().unwrap_or(0);
        let distance = bits(self.waves.hops_max()).max(2);
        self.shape = Shape { distance, slot: bits(degree_max) };
        let stride = self.shape.planes();
        self.planes.clear();
        self.planes.resize(self.waves.blocks() * self.nodes * stride, NONE);
        for block in 0..self.waves.blocks() {
            let planes = &mut self.planes[block * self.nodes * stride..][..self.nodes * stride];
            self.waves.run(graph, block, |node, level, fresh| {
                write(&mut planes[node as usize * stride..], level, fresh);
            });
            for node in 0..graph.nodes() {
                find_hops(graph, node, self.shape, planes);
            }
        }
        Ok(())
    }

    /// Hops, or `None` when there is no path or no such node.
    pub fn distance(&self, from: u32, to: u32) -> Option<u16> {
        let (planes, at) = self.entry(from, to)?;
        let distance = number(&planes[..self.shape.distance], at);
        (distance > 0 || from == to).then_some(distance as u16)
    }

    /// The neighbour of `from` to send to: the smallest of those one hop nearer to `to`. `None`
    /// when there is no path, no such node, or `from` is `to`.
    pub fn next(&self, from: u32, to: u32) -> Option<u32> {
        self.hop(from, to, self.shape.distance)
    }

    /// The neighbour of `from` to send to when [`HopTable::next`] cannot: a loop-free alternate by
    /// inequality 1 of RFC 5286, which does not send back. It is not farther from `to` than `from`
    /// is; of several the nearest, then the smallest.
    pub fn backup(&self, from: u32, to: u32) -> Option<u32> {
        self.hop(from, to, self.shape.distance + self.shape.slot)
    }

    fn hop(&self, from: u32, to: u32, plane: usize) -> Option<u32> {
        let (planes, at) = self.entry(from, to)?;
        let slot = number(&planes[plane..plane + self.shape.slot], at);
        let before = slot.checked_sub(1)?;
        Some(self.to[(self.first[from as usize] + before) as usize])
    }

    /// The planes of `from` in the block of `to`, and where in them `to` is.
    fn entry(&self, from: u32, to: u32) -> Option<(&[Bits], usize)> {
        if from as usize >= self.nodes || to as usize >= self.nodes {
            return None;
        }
        let (block, at) = self.waves.place(to);
        let stride = self.shape.planes();
        Some((&self.planes[(block * self.nodes + from as usize) * stride..][..stride], at))
    }
}

/// How many bits it takes to write `number`.
fn bits(number: u32) -> usize {
    (u32::BITS - number.leading_zeros()) as usize
}

/// The number at one place of the planes.
fn number(planes: &[Bits], at: usize) -> u32 {
    let (word, bit) = (at / 64, at % 64);
    planes.iter().rev().fold(0, |sum, plane| (sum << 1) | ((plane[word] >> bit) & 1) as u32)
}

/// Writes `number` at the places in `mask`, which hold 0.
fn write(planes: &mut [Bits], number: u32, mask: &Bits) {
    let mut rest = number;
    while rest != 0 {
        let plane = &mut planes[rest.trailing_zeros() as usize];
        *plane = both(plane, mask, |a, b| a | b);
        rest &= rest - 1;
    }
}

/// Writes the next hops and backups of `node` to one block of targets, all of whose distances are
/// in `planes`.
fn find_hops(graph: &Graph, node: u32, shape: Shape, planes: &mut [Bits]) {
    let stride = shape.planes();
    let start = node as usize * stride;
    let low = planes[start];
    // The second bit of one hop less is the opposite of this.
    let mixed = both(&low, &planes[start + 1], |low, high| low ^ high);
    let reachable = planes[start..start + shape.distance]
        .iter()
        .fold(NONE, |any, plane| both(&any, plane, |a, b| a | b));
    // Places that have a next hop, and a second one as near.
    let (mut found, mut spared) = (NONE, NONE);
    for (slot, to) in (1..).zip(graph.neighbours(node)) {
        let [to_low, to_high] = [0, 1].map(|plane| planes[*to as usize * stride + plane]);
        let other = both(&to_low, &low, |a, b| a ^ b);
        let nearer = both(&other, &both(&to_high, &mixed, |a, b| a ^ b), |a, b| a & b);
        let first = both(&nearer, &found, |near, found| near & !found);
        let second = both(&both(&nearer, &found, |a, b| a & b), &spared, |a, b| a & !b);
        found = both(&found, &first, |a, b| a | b);
        spared = both(&spared, &second, |a, b| a | b);
        let hops = &mut planes[start + shape.distance..start + stride];
        write(hops, slot, &first);
        write(&mut hops[shape.slot..], slot, &second);
    }
    let mut lacking = both(&reachable, &spared, |a, b| a & !b);
    for (slot, to) in (1..).zip(graph.neighbours(node)) {
        let to_low = planes[*to as usize * stride];
        let level = both(&both(&to_low, &low, |a, b| !(a ^ b)), &lacking, |a, b| a & b);
        lacking = both(&lacking, &level, |a, b| a & !b);
        write(&mut planes[start + shape.distance + shape.slot..start + stride], slot, &level);
    }
}

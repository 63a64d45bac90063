//! Breadth-first search from 256 starts at once, for all starts.
//!
//! Four words per node hold a bit per start, and one step of one node serves all of them (Then et
//! al., VLDB 2015). What its neighbours have seen and it has not is new to a node; a level is two
//! passes over the nodes that are still learning, the first reads, the second writes.
//!
//! The starts of one search lie near each other: each block is grown as a ball around the first
//! node that has no block yet. So their waves pass a node within a few levels, and it is looked at
//! only between the first and the last: a third of all levels at 1 000 nodes. With starts from
//! everywhere it would be looked at nearly all the time. Any order gives right answers; this one
//! makes them cheap.

use super::Graph;
use core::{array, ops::Range};

/// Starts that one search serves. Measured at 1 000 nodes: 128 and 512 are a fifth slower.
pub(crate) const BLOCK: usize = 64 * WIDTH;

const WIDTH: usize = 4;

/// A bit for each start of a block.
pub(crate) type Bits = [u64; WIDTH];

pub(crate) const NONE: Bits = [0; WIDTH];

/// Combines two word by word, which compilers turn into vector instructions.
pub(crate) fn both(a: &Bits, b: &Bits, combine: impl Fn(u64, u64) -> u64) -> Bits {
    array::from_fn(|at| combine(a[at], b[at]))
}

pub(crate) fn is_empty(bits: &Bits) -> bool {
    bits.iter().fold(0, |all, word| all | word) == 0
}

const NOWHERE: u32 = u32::MAX;

/// See the module. Buffers are reused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waves {
    /// All nodes, block after block; only the last block can have fewer than [`BLOCK`].
    order: Vec<u32>,
    /// Where in `order` a node is.
    place: Vec<u32>,
    /// All nodes by breadth-first search, component after component, from the smallest node of
    /// each; and how deep they are, which component they are in.
    walk: Vec<u32>,
    depth: Vec<u32>,
    component: Vec<u32>,
    /// Where in `walk` the largest component is; of equals, the one with the smallest node.
    largest: Range<usize>,
    /// Ordered pairs of different nodes with a path between them.
    pairs: u64,
    depth_max: u32,
    search: Search,
}

/// One search.
#[derive(Clone, Debug, Default)]
struct Search {
    /// The starts that each node has been reached from.
    seen: Vec<Bits>,
    /// The starts in each component, which is all that its nodes can be reached from.
    all: Vec<Bits>,
    /// Nodes that have been reached from some start, but not yet from all that they can be.
    learning: Vec<u32>,
    /// What they learn at this level.
    fresh: Vec<Bits>,
    /// Nodes in the order in which the first wave reaches them.
    reached: Vec<u32>,
    is_reached: Vec<bool>,
}

impl Waves {
    /// Puts the nodes in blocks. O(nodes + edges).
    pub(crate) fn arrange(&mut self, graph: &Graph) {
        self.explore(graph);
        let nodes = graph.nodes() as usize;
        self.order.clear();
        self.place.clear();
        self.place.resize(nodes, NOWHERE);
        let mut rest = 0;
        while self.order.len() < nodes {
            let end = nodes.min((self.order.len() / BLOCK + 1) * BLOCK);
            while self.order.len() < end {
                // There is one: fewer nodes have a place than there are.
                while self.place[self.walk[rest] as usize] != NOWHERE {
                    rest += 1;
                }
                self.grow(graph, self.walk[rest], end);
            }
        }
    }

    fn explore(&mut self, graph: &Graph) {
        let nodes = graph.nodes();
        self.walk.clear();
        self.depth.clear();
        self.depth.resize(nodes as usize, NOWHERE);
        self.component.clear();
        self.component.resize(nodes as usize, 0);
        (self.largest, self.pairs, self.depth_max) = (0..0, 0, 0);
        let mut components = 0;
        for start in 0..nodes {
            if self.depth[start as usize] != NOWHERE {
                continue;
            }
            let first = self.walk.len();
            self.depth[start as usize] = 0;
            self.walk.push(start);
            let mut head = first;
            while let Some(node) = self.walk.get(head).copied() {
                head += 1;
                self.component[node as usize] = components;
                let depth = self.depth[node as usize];
                self.depth_max = self.depth_max.max(depth);
                for to in graph.neighbours(node) {
                    if self.depth[*to as usize] == NOWHERE {
                        self.depth[*to as usize] = depth + 1;
                        self.walk.push(*to);
                    }
                }
            }
            components += 1;
            let size = (head - first) as u64;
            self.pairs += size * (size - 1);
            if head - first > self.largest.len() {
                self.largest = first..head;
            }
        }
        self.search.all.clear();
        self.search.all.resize(components as usize, NONE);
    }

    /// Gives places to the nodes around `start`, nearest first, up to place `end`.
    fn grow(&mut self, graph: &Graph, start: u32, end: usize) {
        let mut head = self.order.len();
        self.put(start);
        while let Some(node) = self.order.get(head).copied() {
            head += 1;
            for to in graph.neighbours(node) {
                if self.order.len() == end {
                    return;
                }
                if self.place[*to as usize] == NOWHERE {
                    self.put(*to);
                }
            }
        }
    }

    fn put(&mut self, node: u32) {
        self.place[node as usize] = self.order.len() as u32;
        self.order.push(node);
    }

    /// Searches from all nodes of a block of the graph that was arranged. Tells of every node and
    /// every level at which waves reach it, and from which starts. O(edges · levels), where
    /// `levels` is from the first to the last wave that reaches a node.
    pub(crate) fn run(
        &mut self,
        graph: &Graph,
        block: usize,
        mut visit: impl FnMut(u32, u32, &Bits),
    ) {
        let starts = &self.order[block * BLOCK..self.order.len().min((block + 1) * BLOCK)];
        let component = &self.component;
        self.search.begin(starts, component);
        let (mut level, mut new) = (0, 0);
        loop {
            level += 1;
            new = self.search.admit(graph, new);
            if self.search.learning.is_empty() {
                break;
            }
            self.search.read(graph);
            self.search.write(component, |node, fresh| visit(node, level, fresh));
        }
        for start in starts {
            self.search.all[component[*start as usize] as usize] = NONE;
        }
    }

    pub(crate) fn blocks(&self) -> usize {
        self.order.len().div_ceil(BLOCK)
    }

    /// The block of a node and which of its starts it is.
    pub(crate) fn place(&self, node: u32) -> (usize, usize) {
        let place = self.place[node as usize] as usize;
        (place / BLOCK, place % BLOCK)
    }

    /// The nodes of the largest component; of equals, of the one with the smallest node.
    pub(crate) fn largest(&self) -> &[u32] {
        &self.walk[self.largest.clone()]
    }

    /// Ordered pairs of different nodes with a path between them.
    pub(crate) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// No shortest path has more hops.
    pub(crate) fn hops_max(&self) -> u32 {
        (2 * self.depth_max).min((self.place.len() as u32).saturating_sub(1))
    }
}

impl Search {
    fn begin(&mut self, starts: &[u32], component: &[u32]) {
        self.seen.clear();
        self.seen.resize(component.len(), NONE);
        self.is_reached.clear();
        self.is_reached.resize(component.len(), false);
        self.reached.clear();
        self.learning.clear();
        for (bit, start) in starts.iter().enumerate() {
            let word = 1 << (bit % 64);
            self.seen[*start as usize][bit / 64] = word;
            self.all[component[*start as usize] as usize][bit / 64] |= word;
            self.is_reached[*start as usize] = true;
        }
        self.reached.extend_from_slice(starts);
        self.learning.extend_from_slice(starts);
    }

    /// Lets those learn that the first wave reaches at this level: the neighbours of the nodes from
    /// place `new` on. Gives where the next ones start.
    fn admit(&mut self, graph: &Graph, new: usize) -> usize {
        let end = self.reached.len();
        for at in new..end {
            for to in graph.neighbours(self.reached[at]) {
                if !core::mem::replace(&mut self.is_reached[*to as usize], true) {
                    self.reached.push(*to);
                }
            }
        }
        self.learning.extend_from_slice(&self.reached[end..]);
        end
    }

    fn read(&mut self, graph: &Graph) {
        self.fresh.clear();
        let seen = &self.seen;
        self.fresh.extend(self.learning.iter().map(|node| {
            let around = graph
                .neighbours(*node)
                .iter()
                .fold(NONE, |around, to| both(&around, &seen[*to as usize], |a, b| a | b));
            both(&around, &seen[*node as usize], |around, own| around & !own)
        }));
    }

    /// Adds what was read. Who knows all there is to know learns no more.
    fn write(&mut self, component: &[u32], mut visit: impl FnMut(u32, &Bits)) {
        let mut kept = 0;
        for at in 0..self.learning.len() {
            let (node, fresh) = (self.learning[at], &self.fresh[at]);
            let seen = &mut self.seen[node as usize];
            *seen = both(seen, fresh, |a, b| a | b);
            self.learning[kept] = node;
            kept += usize::from(*seen != self.all[component[node as usize] as usize]);
            visit(node, fresh);
        }
        self.learning.truncate(kept);
    }
}

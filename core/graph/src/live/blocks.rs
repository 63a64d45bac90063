//! Cut nodes and cut edges, kept up through the blocks (biconnected components) of the graph.
//!
//! Blocks and cut nodes form a forest. Each node but a root lies in one block that hangs below
//! another of its nodes, its home; so two arrays say which nodes share a block, and:
//! - A link inside a block changes no block.
//! - A lost link leaves its block whole exactly when two paths between its ends remain that share
//!   no other node (Menger 1927). Two common neighbours are such paths; else two short ones are
//!   looked for nearby.
//! - Otherwise the blocks of the components touched are found anew by one low-link search (Hopcroft
//!   and Tarjan 1973, Algorithm 447), iterative: O(nodes + edges) of those components, and O(nodes)
//!   to write the list.

use super::{
    super::{CutEdge, CutNode, Figures},
    adjacency::Rows,
    detour::Detour,
};

const NONE: u32 = u32::MAX;

/// Why a lost link cut nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    ByCommonNeighbours,
    ByTwoPaths,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// The block in which a node is not the top: named after the first of its nodes below the top.
    home: Vec<u32>,
    /// The highest node of a block, by name of the block.
    top: Vec<u32>,
    /// What each node would cut off; during a search, the largest part of what hangs below it.
    cuts: Vec<u32>,
    /// When each node was entered: now or in a search before.
    entered: Vec<u32>,
    clock: u32,
    visits: Vec<Visit>,
    detour: Detour,
}

#[derive(Clone, Copy, Debug)]
struct Visit {
    parent: u32,
    /// How many neighbours were looked at.
    looked: u32,
    /// The earliest node that the subtree reaches by one step back.
    low: u32,
    /// Nodes of the subtree.
    size: u32,
    /// Nodes that hang below this one in blocks of their own.
    hanging: u32,
}

impl Blocks {
    /// All blocks from scratch; the components must be known. `open` is room for all nodes, here
    /// and below.
    pub fn rebuild(&mut self, rows: &Rows, figures: &mut Figures, open: &mut Vec<u32>) {
        let nodes = rows.nodes() as usize;
        for list in [&mut self.home, &mut self.top] {
            list.clear();
            list.resize(nodes, NONE);
        }
        for list in [&mut self.cuts, &mut self.entered] {
            list.clear();
            list.resize(nodes, 0);
        }
        let unseen = Visit { parent: 0, looked: 0, low: 0, size: 0, hanging: 0 };
        self.visits.clear();
        self.visits.resize(nodes, unseen);
        self.detour.rebuild(nodes);
        self.clock = 0;
        figures.cut_edges.clear();
        for root in 0..rows.nodes() {
            if self.entered[root as usize] == 0 {
                self.explore(rows, figures, [root, 0], open);
            }
        }
        self.list(figures);
    }

    /// Whether one block holds both nodes.
    pub fn together(&self, a: u32, b: u32) -> bool {
        let (home_a, home_b) = (self.home[a as usize], self.home[b as usize]);
        let below = |home: u32, other| home != NONE && self.top[home as usize] == other;
        (home_a == home_b && home_a != NONE) || below(home_a, b) || below(home_b, a)
    }

    /// Whether the block that lost the link between these two, which share these neighbours and
    /// had no bridge between them, is surely still one block.
    pub fn whole(&mut self, rows: &Rows, a: u32, b: u32, shared: &[u32]) -> Option<Whole> {
        if shared.len() >= 2 {
            return Some(Whole::ByCommonNeighbours);
        }
        self.detour.two_paths(rows, a, b, shared).then_some(Whole::ByTwoPaths)
    }

    /// Finds the blocks of the components of these two nodes anew.
    pub fn search(
        &mut self,
        rows: &Rows,
        figures: &mut Figures,
        [a, b]: [u32; 2],
        open: &mut Vec<u32>,
    ) {
        if self.clock > NONE - rows.nodes() {
            self.clock = 0;
            self.entered.fill(0);
        }
        let touched = [figures.component[a as usize], figures.component[b as usize]];
        let component = &figures.component;
        figures.cut_edges.retain(|edge| !touched.contains(&component[edge.a as usize]));
        let start = self.clock;
        self.explore(rows, figures, [a, start], open);
        if self.entered[b as usize] <= start {
            self.explore(rows, figures, [b, start], open);
        }
        self.list(figures);
    }

    pub fn bytes(&self) -> usize {
        let lists = [&self.home, &self.top, &self.cuts, &self.entered];
        lists.iter().map(|list| list.capacity() * size_of::<u32>()).sum::<usize>()
            + self.visits.capacity() * size_of::<Visit>()
            + self.detour.bytes()
    }

    /// Depth first from `root`; nodes entered after `start` have been seen.
    fn explore(
        &mut self,
        rows: &Rows,
        figures: &mut Figures,
        [root, start]: [u32; 2],
        open: &mut Vec<u32>,
    ) {
        let all = figures.component_sizes[figures.component[root as usize] as usize];
        self.home[root as usize] = NONE;
        open.clear();
        self.enter(root, NONE, open);
        let mut node = root;
        loop {
            let visit = &mut self.visits[node as usize];
            let mut child = NONE;
            for to in &rows.of(node)[visit.looked as usize..] {
                visit.looked += 1;
                let entered = self.entered[*to as usize];
                if entered <= start {
                    child = *to;
                    break;
                }
                if *to != visit.parent {
                    visit.low = visit.low.min(entered);
                }
            }
            if child != NONE {
                self.enter(child, node, open);
                node = child;
                continue;
            }
            // The largest piece without this node is one that hangs from it, or the rest.
            let rest = all - 1 - visit.hanging;
            self.cuts[node as usize] = all - 1 - rest.max(self.cuts[node as usize]);
            let parent = visit.parent;
            if parent == NONE {
                break;
            }
            self.leave(figures, [node, parent], all, open);
            node = parent;
        }
    }

    fn enter(&mut self, node: u32, parent: u32, open: &mut Vec<u32>) {
        self.clock += 1;
        self.entered[node as usize] = self.clock;
        let low = self.clock;
        self.visits[node as usize] = Visit { parent, looked: 0, low, size: 1, hanging: 0 };
        self.cuts[node as usize] = 0;
        open.push(node);
    }

    /// Closes the block between `node` and its parent, if the subtree reaches no further back.
    fn leave(&mut self, figures: &mut Figures, arc: [u32; 2], all: u32, open: &mut Vec<u32>) {
        let [node, parent] = arc;
        let Visit { low, size, .. } = self.visits[node as usize];
        let above = &mut self.visits[parent as usize];
        above.low = above.low.min(low);
        above.size += size;
        if low < self.entered[parent as usize] {
            return;
        }
        above.hanging += size;
        let most = &mut self.cuts[parent as usize];
        *most = (*most).max(size);
        self.top[node as usize] = parent;
        while let Some(member) = open.pop() {
            self.home[member as usize] = node;
            if member == node {
                break;
            }
        }
        if low == self.entered[node as usize] {
            let (a, b) = (node.min(parent), node.max(parent));
            figures.cut_edges.push(CutEdge { a, b, cuts_off: size.min(all - size) });
        }
    }

    fn list(&self, figures: &mut Figures) {
        figures.cut_edges.sort_unstable();
        figures.cut_nodes.clear();
        for (node, cuts_off) in (0..).zip(&self.cuts) {
            if *cuts_off > 0 {
                figures.cut_nodes.push(CutNode { node, cuts_off: *cuts_off });
            }
        }
    }
}

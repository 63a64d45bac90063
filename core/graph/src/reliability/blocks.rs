//! Into blocks: the parts that share at most a node, and so fail independently.
//!
//! Edges that cannot fail are contracted, edges that always do are dropped. What is left is cut
//! at its cut nodes by one depth-first search (Hopcroft and Tarjan 1973, algorithm 447) from a
//! terminal: O(n + m). A block matters when there is a terminal in it or below it; the nodes where
//! it hangs and where others that matter hang below it must be connected through it, so they are
//! terminals of it.

use super::{
    FailingEdge,
    reduce::{Block, Link},
    rows::Rows,
};

const NONE: u32 = u32::MAX;

/// What became of a graph.
pub enum Found {
    /// Fewer than two terminals are left to be connected.
    Together,
    /// Two terminals have no path between them.
    Apart,
    /// So many blocks that matter.
    Blocks(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// Union-find over edges that cannot fail.
    parent: Vec<u32>,
    /// The node is a terminal, or the search has found one beyond it.
    needed: Vec<bool>,
    links: Vec<Link>,
    rows: Rows,
    search: Search,
    /// Links of blocks that matter, one block after the other, and where each ends.
    found: Vec<Link>,
    ends: Vec<usize>,
    /// Numbers within the block that is being copied.
    local: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Search {
    /// When each node was reached, from 1; 0 before.
    reached: Vec<u32>,
    /// The earliest node that it and those below it have an edge to.
    low: Vec<u32>,
    next_arc: Vec<u32>,
    /// The edge by which it was reached.
    via: Vec<u32>,
    path: Vec<u32>,
    trail: Vec<u32>,
}

impl Blocks {
    pub fn find(&mut self, nodes: u32, edges: &[FailingEdge], terminals: Option<&[u32]>) -> Found {
        self.contract(nodes, edges);
        self.needed.clear();
        self.needed.resize(nodes as usize, terminals.is_none());
        let mut nowhere = None;
        for terminal in terminals.unwrap_or_default() {
            match self.needed.get_mut(*terminal as usize) {
                Some(needed) => *needed = true,
                None if nowhere.is_some_and(|other| other != *terminal) => return Found::Apart,
                None => nowhere = Some(*terminal),
            }
        }
        let Some(root) = self.gather_terminals() else { return Found::Together };
        if nowhere.is_some() {
            return Found::Apart;
        }
        self.rows.index(nodes as usize, &self.links);
        self.search(root);
        let mut needed = self.needed.iter().zip(&self.search.reached);
        match needed.any(|(needed, reached)| *needed && *reached == 0) {
            true => Found::Apart,
            false if self.ends.is_empty() => Found::Together,
            false => Found::Blocks(self.ends.len()),
        }
    }

    /// Gives the block its links and terminals, numbered from 0.
    pub fn copy(&mut self, index: usize, block: &mut Block) {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let links = &self.found[start..self.ends[index]];
        block.clear();
        self.local.resize(self.parent.len(), NONE);
        for link in links {
            let [a, b] = [link.a, link.b].map(|node| {
                let local = &mut self.local[node as usize];
                if *local == NONE {
                    *local = block.add_node(self.needed[node as usize]);
                }
                *local
            });
            block.links.push(Link { a, b, failure: link.failure });
        }
        for link in links {
            self.local[link.a as usize] = NONE;
            self.local[link.b as usize] = NONE;
        }
    }

    fn contract(&mut self, nodes: u32, edges: &[FailingEdge]) {
        self.parent.clear();
        self.parent.extend(0..nodes);
        let sound = |e: &&FailingEdge| e.a < nodes && e.b < nodes;
        for edge in edges.iter().filter(sound).filter(|e| e.failure <= 0.0) {
            let (a, b) = (self.root(edge.a), self.root(edge.b));
            self.parent[a.max(b) as usize] = a.min(b);
        }
        self.links.clear();
        for edge in edges.iter().filter(sound).filter(|e| e.failure > 0.0 && e.failure < 1.0) {
            let (a, b) = (self.root(edge.a), self.root(edge.b));
            if a != b {
                self.links.push(Link { a, b, failure: edge.failure });
            }
        }
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }

    /// Moves the terminals to the nodes that they were contracted into, and gives the first.
    fn gather_terminals(&mut self) -> Option<u32> {
        let mut first = None;
        for node in 0..self.parent.len() as u32 {
            if !self.needed[node as usize] {
                continue;
            }
            let root = self.root(node);
            if root != node {
                // The root is the smallest of them, so it has been looked at before.
                self.needed[node as usize] = false;
                self.needed[root as usize] = true;
            }
            first = Some(first.map_or(root, |first: u32| first.min(root)));
        }
        first
    }

    fn search(&mut self, root: u32) {
        self.found.clear();
        self.ends.clear();
        let nodes = self.parent.len();
        let s = &mut self.search;
        s.reached.clear();
        s.reached.resize(nodes, 0);
        s.low.resize(nodes, 0);
        s.via.resize(nodes, NONE);
        s.next_arc.clear();
        s.next_arc.extend_from_slice(&self.rows.first[..nodes]);
        s.path.clear();
        s.trail.clear();
        let mut time = 0;
        self.enter(root, NONE, &mut time);
        while let Some(node) = self.search.path.last().copied() {
            let s = &mut self.search;
            let arc = s.next_arc[node as usize];
            if arc == self.rows.first[node as usize + 1] {
                s.path.pop();
                self.leave(node);
                continue;
            }
            s.next_arc[node as usize] += 1;
            let (to, link) = self.rows.arcs[arc as usize];
            if link == s.via[node as usize] {
                continue;
            }
            if s.reached[to as usize] == 0 {
                s.trail.push(link);
                self.enter(to, link, &mut time);
            } else if s.reached[to as usize] < s.reached[node as usize] {
                s.trail.push(link);
                s.low[node as usize] = s.low[node as usize].min(s.reached[to as usize]);
            }
        }
    }

    fn enter(&mut self, node: u32, via: u32, time: &mut u32) {
        *time += 1;
        let s = &mut self.search;
        s.reached[node as usize] = *time;
        s.low[node as usize] = *time;
        s.via[node as usize] = via;
        s.path.push(node);
    }

    /// Closes the block between a finished node and the node above it, if there is one.
    fn leave(&mut self, node: u32) {
        let s = &mut self.search;
        let Some(above) = s.path.last().copied() else { return };
        let low = s.low[node as usize];
        s.low[above as usize] = s.low[above as usize].min(low);
        if low < s.reached[above as usize] {
            return;
        }
        let mut matters = false;
        let before = self.found.len();
        while let Some(link) = s.trail.pop() {
            let edge = self.links[link as usize];
            let ends = [edge.a, edge.b];
            matters |= ends.iter().any(|end| *end != above && self.needed[*end as usize]);
            self.found.push(edge);
            if link == s.via[node as usize] {
                break;
            }
        }
        if matters {
            self.needed[above as usize] = true;
            self.ends.push(self.found.len());
        } else {
            self.found.truncate(before);
        }
    }
}

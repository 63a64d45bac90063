//! In which order the links of a block are looked at, so that few nodes are in between.
//!
//! Nodes are finished one by one: all links of a node are looked at, then it needs no longer be
//! remembered. The frontier, those begun and not finished, decides what counting costs: nothing is
//! known that finds the smallest one fast (pathwidth is NP-hard; Arnborg, Corneil and Proskurowski
//! 1987), so the next to finish is the one that brings the fewest new nodes in, from several
//! starts, and the cheapest order wins.

use super::{reduce::Block, rows::Rows};

/// Nodes in the frontier at most: one byte each makes a state of 128 bits.
pub const FRONTIER_MAX: usize = 16;

/// Nodes to start from at most.
const STARTS_MAX: usize = 24;

/// By how much a node more in the frontier multiplies the states; measured on geometric graphs.
const STATES_PER_NODE: f64 = 2.6;

/// One link is looked at; its ends are places in the frontier.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub ends: [u8; 2],
    /// For each end whether it was not in the frontier before.
    pub enters: [bool; 2],
    pub terminal: [bool; 2],
    /// For each end whether this was its last link.
    pub leaves: [bool; 2],
    pub failure: f64,
    /// Terminals that have not entered by then.
    pub unseen: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Order {
    rows: Rows,
    walk: Walk,
    steps: Vec<Step>,
}

/// One way through the block.
#[derive(Clone, Debug, Default)]
struct Walk {
    frontier: Vec<u32>,
    begun: Vec<bool>,
    done: Vec<bool>,
    /// Neighbours that have not begun, and links not looked at, of every node.
    fresh: Vec<u32>,
    open: Vec<u32>,
    links: Vec<u32>,
    /// Where in the frontier those that have begun are.
    place: Vec<u32>,
    cost: f64,
}

impl Order {
    /// The links in a good order; `None` when none of the orders tried fits the frontier.
    pub fn steps(&mut self, block: &Block) -> Option<&[Step]> {
        self.rows.index(block.nodes(), &block.links);
        let nodes = block.nodes();
        let stride = nodes.div_ceil(STARTS_MAX);
        let mut best: Option<(f64, u32)> = None;
        for start in (0..nodes as u32).step_by(stride) {
            let limit = best.map_or(f64::INFINITY, |(cost, _)| cost);
            if self.walk(block, start, limit) {
                best = Some((self.walk.cost, start));
            }
        }
        let (_, start) = best?;
        self.walk(block, start, f64::INFINITY);
        self.write_steps(block);
        Some(&self.steps)
    }

    /// Goes from `start` through all links; `false` as soon as it costs `limit` or is too wide.
    fn walk(&mut self, block: &Block, start: u32, limit: f64) -> bool {
        let Order { rows, walk: w, .. } = self;
        let row = |node: u32| rows.of(node);
        w.frontier.clear();
        w.links.clear();
        w.begun.clear();
        w.begun.resize(block.nodes(), false);
        w.done.clear();
        w.done.resize(block.links.len(), false);
        w.open.clear();
        w.open.extend((0..block.nodes() as u32).map(|node| row(node).len() as u32));
        w.fresh.clear();
        w.fresh.extend_from_slice(&w.open);
        w.cost = 0.0;
        w.begin(start, row(start));
        while let Some(node) = w.frontier.iter().copied().min_by_key(|n| w.fresh[*n as usize]) {
            // Those already there first: what enters late is remembered for a shorter time.
            for begun in [true, false] {
                for (to, link) in row(node) {
                    if w.done[*link as usize] || w.begun[*to as usize] != begun {
                        continue;
                    }
                    w.begin(*to, row(*to));
                    if w.frontier.len() > FRONTIER_MAX {
                        return false;
                    }
                    w.look_at(*link, [node, *to]);
                }
            }
            if w.cost >= limit {
                return false;
            }
        }
        true
    }

    fn write_steps(&mut self, block: &Block) {
        let w = &mut self.walk;
        self.steps.clear();
        w.begun.fill(false);
        w.place.resize(block.nodes(), 0);
        w.open.fill(0);
        for link in &block.links {
            w.open[link.a as usize] += 1;
            w.open[link.b as usize] += 1;
        }
        let mut taken = [false; FRONTIER_MAX];
        let mut unseen = block.terminal.iter().filter(|terminal| **terminal).count() as u32;
        for link in &w.links {
            let link = block.links[*link as usize];
            let mut step = Step {
                ends: [0; 2],
                enters: [false; 2],
                terminal: [false; 2],
                leaves: [false; 2],
                failure: link.failure,
                unseen: 0,
            };
            for (side, node) in [link.a as usize, link.b as usize].into_iter().enumerate() {
                step.enters[side] = !w.begun[node];
                step.terminal[side] = block.terminal[node];
                if step.enters[side] {
                    w.begun[node] = true;
                    let free = taken.iter().position(|taken| !taken);
                    let free = free.expect("the walk was no wider than the frontier");
                    taken[free] = true;
                    w.place[node] = free as u32;
                    unseen -= u32::from(block.terminal[node]);
                }
                step.ends[side] = w.place[node] as u8;
            }
            step.unseen = unseen;
            for (side, node) in [link.a as usize, link.b as usize].into_iter().enumerate() {
                w.open[node] -= 1;
                step.leaves[side] = w.open[node] == 0;
                if step.leaves[side] {
                    taken[w.place[node] as usize] = false;
                }
            }
            self.steps.push(step);
        }
    }
}

impl Walk {
    fn begin(&mut self, node: u32, row: &[(u32, u32)]) {
        if self.begun[node as usize] {
            return;
        }
        self.begun[node as usize] = true;
        self.frontier.push(node);
        row.iter().for_each(|(to, _)| self.fresh[*to as usize] -= 1);
    }

    fn look_at(&mut self, link: u32, ends: [u32; 2]) {
        self.done[link as usize] = true;
        self.links.push(link);
        self.cost += STATES_PER_NODE.powi(self.frontier.len() as i32);
        for end in ends {
            self.open[end as usize] -= 1;
            if self.open[end as usize] == 0 {
                self.frontier.retain(|node| *node != end);
            }
        }
    }
}

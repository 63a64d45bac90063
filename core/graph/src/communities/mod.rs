//! Communities: groups of nodes with more edges among them than chance would give.
//!
//! Leiden (Traag, Waltman and van Eck 2019) for modularity (Newman and Girvan 2004): nodes move to
//! the group where they gain most; each group is then built anew from its nodes, so that it falls
//! into connected parts; the parts become the nodes of a smaller graph, and so on until nothing
//! moves. Every edge counts 1, whatever it costs. About O(m) a pass, and few passes.
//!
//! Rules. Gains are integers, so a gain is a gain on every machine. Where the paper draws the part
//! to merge into at random, the best is taken: its draw needs exponentials, which differ between
//! machines. A move must gain, so what was found before stays unless something is better: starting
//! from the communities of the last tick, a small change changes little.

mod level;
mod numbers;

use super::Graph;
use crate::random::Random;
use level::{Around, Groups, Level, Members};
use numbers::Numbers;

const NONE: u32 = u32::MAX;

/// Passes over the whole graph; each starts from what the one before found. Most graphs take two
/// or three.
const PASSES_MAX: u32 = 10;

/// Finds communities; keeps its buffers from one time to the next.
#[derive(Clone, Debug)]
pub struct Communities {
    seed: u64,
    level: Level,
    coarser: Level,
    /// For every node of the graph, which node of the level it is part of.
    part_of: Vec<u32>,
    groups: Groups,
    parts: Groups,
    /// For every part, the weight from it to the rest of its group.
    outward: Vec<i64>,
    around: Around,
    members: Members,
    queue: Vec<u32>,
    is_queued: Vec<bool>,
    found: Vec<u32>,
    numbers: Numbers,
}

impl Communities {
    pub fn new(seed: u64) -> Communities {
        Communities {
            seed,
            level: Level::default(),
            coarser: Level::default(),
            part_of: Vec::new(),
            groups: Groups::default(),
            parts: Groups::default(),
            outward: Vec::new(),
            around: Around::default(),
            members: Members::default(),
            queue: Vec::new(),
            is_queued: Vec::new(),
            found: Vec::new(),
            numbers: Numbers::default(),
        }
    }

    /// The number of the community of every node. Every community is connected.
    ///
    /// Given the communities of a graph that was much the same as `previous` (any numbers; nodes
    /// beyond its end are new), the search starts from them, and a community gets the number of the
    /// previous one that it shares most nodes with, the largest shares first. Those that share with
    /// none that is left get the smallest numbers that are not in `previous`; so without `previous`
    /// they are numbered from 0 in the order of their smallest nodes.
    ///
    /// Equal arguments give equal answers: every call starts from the seed. Exact up to 2³⁰ edges.
    pub fn find(&mut self, graph: &Graph, previous: Option<&[u32]>) -> &[u32] {
        let mut random = Random::new(self.seed);
        let previous = previous.unwrap_or_default();
        self.numbers.group(graph.nodes(), previous, &mut self.found);
        for _ in 0..PASSES_MAX {
            if !self.pass(graph, &mut random) {
                break;
            }
        }
        self.split_at_gaps(graph);
        self.numbers.give(&mut self.found, previous);
        &self.found
    }

    /// From what was found to something better; `false` when there is nothing better.
    fn pass(&mut self, graph: &Graph, random: &mut Random) -> bool {
        let twice_edges = graph.targets().len() as i64;
        self.level.copy(graph);
        self.groups.of.clone_from(&self.found);
        self.part_of.clear();
        self.part_of.extend(0..graph.nodes());
        let mut moved = false;
        loop {
            self.groups.sum_up(&self.level);
            self.around.make_room(self.level.nodes());
            moved |= self.move_nodes(twice_edges, random);
            let parts = self.refine(twice_edges);
            if parts == self.level.nodes() {
                break;
            }
            self.aggregate(parts);
        }
        for (found, part) in self.found.iter_mut().zip(&self.part_of) {
            *found = self.groups.of[*part as usize];
        }
        moved
    }

    /// Moves nodes to where they gain most until none gains: the fast local move of the paper.
    fn move_nodes(&mut self, twice_edges: i64, random: &mut Random) -> bool {
        self.queue_all(random);
        let Communities { level, groups, around, queue, is_queued, .. } = self;
        let mut moved = false;
        let mut head = 0;
        while let Some(node) = queue.get(head).copied() {
            head += 1;
            is_queued[node as usize] = false;
            let from = groups.of[node as usize];
            let strength = level.strength[node as usize];
            groups.take_out(node, strength);
            for (to, weight) in level.row(node) {
                around.add(groups.of[to as usize], weight);
            }
            let gain = |group: u32| {
                twice_edges * around.weight[group as usize]
                    - strength * groups.strength[group as usize]
            };
            let mut best = (gain(from), from);
            for group in around.groups.iter().copied() {
                // Of equal gains the first: that of the lowest neighbour.
                if gain(group) > best.0 {
                    best = (gain(group), group);
                }
            }
            if best.0 < 0 {
                // On its own. There is an empty group, because this node just left a full one.
                best.1 = groups.empty.last().copied().unwrap_or(from);
            }
            around.forget();
            groups.put_in(node, strength, best.1);
            if best.1 == from {
                continue;
            }
            moved = true;
            for (to, _) in level.row(node) {
                let at = to as usize;
                if groups.of[at] != best.1 && !std::mem::replace(&mut is_queued[at], true) {
                    queue.push(to);
                }
            }
        }
        moved
    }

    /// In an order drawn by Fisher and Yates.
    fn queue_all(&mut self, random: &mut Random) {
        let nodes = self.level.nodes() as u32;
        self.queue.clear();
        self.queue.extend(0..nodes);
        for last in (1..nodes).rev() {
            self.queue.swap(last as usize, random.below(last + 1) as usize);
        }
        self.is_queued.clear();
        self.is_queued.resize(nodes as usize, true);
    }

    /// Builds every group anew from single nodes, as parts that are connected; gives how many.
    /// Only nodes and parts that hold well to the rest of their group are merged, and only where
    /// that does not lose.
    fn refine(&mut self, twice_edges: i64) -> usize {
        let Communities { level, groups, parts, around, members, outward, .. } = self;
        let nodes = level.nodes();
        parts.of.clear();
        parts.of.extend(0..nodes as u32);
        parts.sum_up(level);
        members.sort(&groups.of, nodes);
        outward.clear();
        outward.extend((0..nodes).map(|node| {
            let own = |arc: &(u32, i64)| groups.of[arc.0 as usize] == groups.of[node];
            level.row(node as u32).filter(own).map(|(_, weight)| weight).sum::<i64>()
        }));
        for node in members.nodes.iter().copied() {
            let group = groups.of[node as usize];
            let whole = groups.strength[group as usize];
            let holds = |outward: i64, part: i64| twice_edges * outward >= part * (whole - part);
            let strength = level.strength[node as usize];
            let alone = parts.of[node as usize];
            if parts.size[alone as usize] > 1 || !holds(outward[alone as usize], strength) {
                continue;
            }
            for (to, weight) in level.row(node) {
                if groups.of[to as usize] == group {
                    around.add(parts.of[to as usize], weight);
                }
            }
            let mut best = (-1, NONE);
            for to in around.groups.iter().copied() {
                let other = parts.strength[to as usize];
                let gain = twice_edges * around.weight[to as usize] - strength * other;
                if gain > best.0 && holds(outward[to as usize], other) {
                    best = (gain, to);
                }
            }
            if best.1 != NONE {
                let to = best.1 as usize;
                outward[to] += outward[alone as usize] - 2 * around.weight[to];
                parts.take_out(node, strength);
                parts.put_in(node, strength, best.1);
            }
            around.forget();
        }
        parts.compact()
    }

    /// The parts become nodes; they stay in the groups that their nodes were in.
    fn aggregate(&mut self, count: usize) {
        let Communities { level, coarser, groups, parts, around, members, .. } = self;
        members.sort(&parts.of, count);
        coarser.clear();
        for part in 0..count as u32 {
            let nodes = members.of(part);
            for (to, weight) in nodes.iter().flat_map(|node| level.row(*node)) {
                let to = parts.of[to as usize];
                if to != part {
                    around.add(to, weight);
                }
            }
            let strength = nodes.iter().map(|node| level.strength[*node as usize]).sum();
            coarser.push(around, strength);
            around.forget();
        }
        groups.inherit(members, count);
        for part in &mut self.part_of {
            *part = parts.of[*part as usize];
        }
        std::mem::swap(level, coarser);
    }

    /// Makes communities of the pieces of those that are not connected: there may be some when the
    /// last pass allowed was not the last wanted.
    fn split_at_gaps(&mut self, graph: &Graph) {
        let piece = &mut self.part_of;
        piece.clear();
        piece.resize(graph.nodes() as usize, NONE);
        for start in 0..graph.nodes() {
            if piece[start as usize] != NONE {
                continue;
            }
            piece[start as usize] = start;
            self.queue.clear();
            self.queue.push(start);
            while let Some(node) = self.queue.pop() {
                for to in graph.neighbours(node) {
                    let same = self.found[*to as usize] == self.found[start as usize];
                    if same && piece[*to as usize] == NONE {
                        piece[*to as usize] = start;
                        self.queue.push(*to);
                    }
                }
            }
        }
        self.found.clone_from(&self.part_of);
    }
}

/// How much more edges there are within the communities than chance would give: the share of edges
/// within, less Σ (share of edge ends in a community)² (Newman and Girvan 2004). From −1/2 to 1; 0
/// for a graph without edges. `community` has a number for every node. O(n log n + m).
///
/// # Panics
///
/// When `community` is shorter than the graph.
pub fn modularity(graph: &Graph, community: &[u32]) -> f64 {
    let ends = graph.targets().len() as f64;
    if ends == 0.0 {
        return 0.0;
    }
    let mut nodes: Vec<u32> = (0..graph.nodes()).collect();
    nodes.sort_unstable_by_key(|node| community[*node as usize]);
    let same = |a: &u32, b: &u32| community[*a as usize] == community[*b as usize];
    let (mut within, mut chance) = (0, 0.0);
    for members in nodes.chunk_by(same) {
        let mut strength = 0;
        for node in members {
            let row = graph.neighbours(*node);
            strength += row.len();
            within += row.iter().filter(|to| same(node, to)).count();
        }
        chance += (strength as f64 / ends).powi(2);
    }
    within as f64 / ends - chance
}

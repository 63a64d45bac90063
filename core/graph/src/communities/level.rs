//! What a pass works on: a weighted graph, groups of its nodes, and the way from one to the other.

use crate::Graph;

const NONE: u32 = u32::MAX;

/// A weighted graph. Loops count in the strength alone.
#[derive(Clone, Debug, Default)]
pub struct Level {
    first: Vec<u32>,
    to: Vec<u32>,
    weight: Vec<i64>,
    /// For every node, the sum of the degrees of what it is made of.
    pub strength: Vec<i64>,
}

/// Which group every node of a level is in.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    pub of: Vec<u32>,
    pub strength: Vec<i64>,
    pub size: Vec<u32>,
    /// Numbers of groups without nodes.
    pub empty: Vec<u32>,
    /// New numbers while groups get them.
    renumbered: Vec<u32>,
}

/// Weights of the arcs to what is around something, added up by where they go.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// For every group; 0 for those that are not around.
    pub weight: Vec<i64>,
    /// Those that are, in the order in which they were met.
    pub groups: Vec<u32>,
}

/// The nodes of each group, one group after the other.
#[derive(Clone, Debug, Default)]
pub struct Members {
    first: Vec<u32>,
    pub nodes: Vec<u32>,
}

impl Level {
    pub fn nodes(&self) -> usize {
        self.strength.len()
    }

    pub fn copy(&mut self, graph: &Graph) {
        self.clear();
        self.first.clear();
        self.first.extend_from_slice(graph.offsets());
        self.to.extend_from_slice(graph.targets());
        self.weight.resize(self.to.len(), 1);
        self.strength.extend((0..graph.nodes()).map(|node| i64::from(graph.degree(node))));
    }

    pub fn clear(&mut self) {
        self.first.clear();
        self.first.push(0);
        self.to.clear();
        self.weight.clear();
        self.strength.clear();
    }

    /// Adds a node with arcs to what is around it.
    pub fn push(&mut self, around: &Around, strength: i64) {
        self.to.extend_from_slice(&around.groups);
        let weights = around.groups.iter().map(|group| around.weight[*group as usize]);
        self.weight.extend(weights);
        self.first.push(self.to.len() as u32);
        self.strength.push(strength);
    }

    pub fn row(&self, node: u32) -> impl Iterator<Item = (u32, i64)> {
        let row = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
        self.to[row.clone()].iter().copied().zip(self.weight[row].iter().copied())
    }
}

impl Groups {
    /// Sizes and strengths from `of`, whose numbers are below the number of nodes.
    pub fn sum_up(&mut self, level: &Level) {
        self.strength.clear();
        self.strength.resize(level.nodes(), 0);
        self.size.clear();
        self.size.resize(level.nodes(), 0);
        for (group, strength) in self.of.iter().zip(&level.strength) {
            self.strength[*group as usize] += strength;
            self.size[*group as usize] += 1;
        }
        self.empty.clear();
        self.empty.extend((0..).zip(&self.size).filter(|(_, size)| **size == 0).map(|(g, _)| g));
    }

    /// Leaves the node without a group until [`Groups::put_in`], but for the number in `of`.
    pub fn take_out(&mut self, node: u32, strength: i64) {
        let group = self.of[node as usize] as usize;
        self.strength[group] -= strength;
        self.size[group] -= 1;
        if self.size[group] == 0 {
            self.empty.push(group as u32);
        }
    }

    /// `group` has nodes or is the last of the empty ones.
    pub fn put_in(&mut self, node: u32, strength: i64, group: u32) {
        if self.size[group as usize] == 0 {
            self.empty.pop();
        }
        self.of[node as usize] = group;
        self.strength[group as usize] += strength;
        self.size[group as usize] += 1;
    }

    /// Numbers the groups from 0 in the order of their first nodes; gives how many there are.
    pub fn compact(&mut self) -> usize {
        self.renumbered.clear();
        self.renumbered.resize(self.of.len(), NONE);
        let mut count = 0;
        for group in &mut self.of {
            let number = &mut self.renumbered[*group as usize];
            if *number == NONE {
                *number = count;
                count += 1;
            }
            *group = *number;
        }
        count as usize
    }

    /// Becomes the groups of `count` parts of nodes, each of which was within one group.
    pub fn inherit(&mut self, parts: &Members, count: usize) {
        self.renumbered.clear();
        self.renumbered.resize(self.of.len(), NONE);
        self.empty.clear();
        for part in 0..count as u32 {
            let group = self.of[parts.of(part)[0] as usize];
            let number = &mut self.renumbered[group as usize];
            *number = part.min(*number);
            self.empty.push(*number);
        }
        // What was the list of empty groups is the new `of`; the list is made again by `sum_up`.
        std::mem::swap(&mut self.of, &mut self.empty);
    }
}

impl Around {
    pub fn make_room(&mut self, groups: usize) {
        self.weight.clear();
        self.weight.resize(groups, 0);
        self.groups.clear();
    }

    pub fn add(&mut self, group: u32, weight: i64) {
        let sum = &mut self.weight[group as usize];
        if *sum == 0 {
            self.groups.push(group);
        }
        *sum += weight;
    }

    pub fn forget(&mut self) {
        for group in self.groups.drain(..) {
            self.weight[group as usize] = 0;
        }
    }
}

impl Members {
    /// By counting; nodes ascend within a group. Numbers of groups are below `groups`.
    pub fn sort(&mut self, group_of: &[u32], groups: usize) {
        self.first.clear();
        self.first.resize(groups + 2, 0);
        group_of.iter().for_each(|group| self.first[*group as usize + 2] += 1);
        let mut sum = 0;
        for start in &mut self.first {
            sum += *start;
            *start = sum;
        }
        self.nodes.clear();
        self.nodes.resize(group_of.len(), 0);
        for (node, group) in (0..).zip(group_of) {
            let slot = &mut self.first[*group as usize + 1];
            self.nodes[*slot as usize] = node;
            *slot += 1;
        }
    }

    pub fn of(&self, group: u32) -> &[u32] {
        &self.nodes[self.first[group as usize] as usize..self.first[group as usize + 1] as usize]
    }
}

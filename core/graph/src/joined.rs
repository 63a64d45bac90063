//! Which nodes have been joined: a union-find.
//!
//! Union by size with path halving (Tarjan and van Leeuwen 1984): O(α(n)) a step.

/// See the module.
pub(crate) struct Joined {
    parent: Vec<u32>,
    size: Vec<u32>,
}

impl Joined {
    /// Every node alone.
    pub(crate) fn new(nodes: u32) -> Joined {
        Joined { parent: (0..nodes).collect(), size: vec![1; nodes as usize] }
    }

    /// Joins the sets of two nodes; false when they are one already.
    pub(crate) fn join(&mut self, a: u32, b: u32) -> bool {
        let (mut a, mut b) = (self.root(a), self.root(b));
        if a == b {
            return false;
        }
        if self.size[a as usize] < self.size[b as usize] {
            (a, b) = (b, a);
        }
        self.parent[b as usize] = a;
        self.size[a as usize] += self.size[b as usize];
        true
    }

    /// The same node for all that are joined, until more are.
    pub(crate) fn root(&mut self, mut node: u32) -> u32 {
        while self.parent[node as usize] != node {
            let above = self.parent[self.parent[node as usize] as usize];
            self.parent[node as usize] = above;
            node = above;
        }
        node
    }
}

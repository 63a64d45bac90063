//! Reductions: a smaller block with the same risk.
//!
//! Parallel links become one, a node with two links becomes one link when it is no terminal (in
//! series) or when both its neighbours are terminals too, and a node with one link goes
//! (Satyanarayana and Wood 1985; Wood 1986 for the terminals). What series and parallel links made
//! shrinks to nothing.

use super::either;

/// Passes over a block. Each takes away chains of any length; what shrinks from its ends alone,
/// like a ladder, is left to counting, where it is cheap anyway.
const PASSES_MAX: usize = 32;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub a: u32,
    pub b: u32,
    /// Above 0 and below 1 at first; products may round to either.
    pub failure: f64,
}

/// A graph whose terminals are to stay connected.
#[derive(Clone, Debug, Default)]
pub struct Block {
    pub links: Vec<Link>,
    /// For every node whether it is a terminal.
    pub terminal: Vec<bool>,
}

impl Block {
    pub fn clear(&mut self) {
        self.links.clear();
        self.terminal.clear();
    }

    pub fn add_node(&mut self, terminal: bool) -> u32 {
        self.terminal.push(terminal);
        self.terminal.len() as u32 - 1
    }

    pub fn nodes(&self) -> usize {
        self.terminal.len()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Reduction {
    degree: Vec<u32>,
    /// The links of nodes that have one or two.
    links_of: Vec<[u32; 2]>,
    terminals: usize,
    risk: f64,
}

impl Reduction {
    /// Takes away what it can. The risk of the block as it was is that of either what is returned
    /// or what is left; nothing is left when there are no links.
    pub fn reduce(&mut self, block: &mut Block) -> f64 {
        self.risk = 0.0;
        self.terminals = block.terminal.iter().filter(|terminal| **terminal).count();
        for _ in 0..PASSES_MAX {
            merge_parallel(&mut block.links);
            self.index(block);
            let gone = (0..block.nodes()).filter(|node| self.reduce_node(block, *node)).count();
            if self.terminals < 2 || self.risk >= 1.0 {
                block.clear();
                return self.risk;
            }
            if gone == 0 {
                break;
            }
        }
        merge_parallel(&mut block.links);
        self.renumber(block);
        self.risk
    }

    fn index(&mut self, block: &Block) {
        self.degree.clear();
        self.degree.resize(block.nodes(), 0);
        self.links_of.clear();
        self.links_of.resize(block.nodes(), [NONE; 2]);
        for (index, link) in block.links.iter().enumerate() {
            for end in [link.a as usize, link.b as usize] {
                if let Some(slot) = self.links_of[end].get_mut(self.degree[end] as usize) {
                    *slot = index as u32;
                }
                self.degree[end] += 1;
            }
        }
    }

    /// Whether the node could be taken away.
    fn reduce_node(&mut self, block: &mut Block, node: usize) -> bool {
        let [one, two] = self.links_of[node];
        match self.degree[node] {
            1 if one != NONE => {
                self.drop_end(block, node, one as usize);
                true
            }
            2 if two != NONE => self.join_two(block, node, [one as usize, two as usize]),
            _ => false,
        }
    }

    fn drop_end(&mut self, block: &mut Block, node: usize, link: usize) {
        let Link { a, b, failure } = block.links[link];
        let other = (a ^ b) as usize ^ node;
        if block.terminal[node] && self.terminals > 1 {
            self.risk = either(self.risk, failure);
            block.terminal[node] = false;
            // The neighbour is a terminal in its stead.
            self.terminals -= usize::from(block.terminal[other]);
            block.terminal[other] = true;
        }
        close(&mut block.links[link]);
        self.degree[node] = 0;
        self.degree[other] -= 1;
        // Which links are left to it is looked up in the next pass.
        self.links_of[other] = [NONE; 2];
    }

    fn join_two(&mut self, block: &mut Block, node: usize, links: [usize; 2]) -> bool {
        let [one, two] = links.map(|link| block.links[link]);
        let [a, b] = [one, two].map(|link| (link.a ^ link.b) as usize ^ node);
        if a == b {
            return false;
        }
        let failure = if !block.terminal[node] {
            either(one.failure, two.failure)
        } else if block.terminal[a] && block.terminal[b] {
            let both = one.failure * two.failure;
            self.risk = either(self.risk, both);
            block.terminal[node] = false;
            self.terminals -= 1;
            if self.risk >= 1.0 {
                return true;
            }
            // Given that one of them works: that they do not both.
            (one.failure * (1.0 - two.failure) + two.failure * (1.0 - one.failure)) / (1.0 - both)
        } else {
            return false;
        };
        block.links[links[0]] = Link { a: a as u32, b: b as u32, failure };
        close(&mut block.links[links[1]]);
        self.degree[node] = 0;
        for slot in &mut self.links_of[b] {
            if *slot == links[1] as u32 {
                *slot = links[0] as u32;
            }
        }
        true
    }

    /// Drops nodes without links.
    fn renumber(&mut self, block: &mut Block) {
        self.index(block);
        let mut nodes = 0;
        for node in 0..block.nodes() {
            if self.degree[node] > 0 {
                block.terminal[nodes] = block.terminal[node];
                self.degree[node] = nodes as u32;
                nodes += 1;
            }
        }
        block.terminal.truncate(nodes);
        for link in &mut block.links {
            link.a = self.degree[link.a as usize];
            link.b = self.degree[link.b as usize];
        }
    }
}

/// Makes the link a loop, which the next merging takes away.
fn close(link: &mut Link) {
    link.b = link.a;
}

fn merge_parallel(links: &mut Vec<Link>) {
    links.retain(|link| link.a != link.b);
    for link in links.iter_mut() {
        (link.a, link.b) = (link.a.min(link.b), link.a.max(link.b));
    }
    links.sort_unstable_by_key(|link| (link.a, link.b));
    links.dedup_by(|next, kept| {
        let parallel = (next.a, next.b) == (kept.a, kept.b);
        if parallel {
            kept.failure *= next.failure;
        }
        parallel
    });
}

//! Network reliability: how likely it is that some nodes do not all stay connected when every edge
//! fails by itself.
//!
//! Exact where that is affordable. Edges that cannot fail are contracted, the rest falls into its
//! blocks, and what the blocks cost is multiplied up, because they fail independently; each block
//! is reduced (`reduce`), and what is left of it is counted out by states (`states`) along a good
//! order of its edges (`order`). Only a block that is too entangled for that is sampled (`sample`).
//! All of it adds positive terms, so tiny risks keep their leading digits.
//!
//! The problem is #P-complete (Valiant 1979), hence [`Effort`]: time is bounded by it and by the
//! size of the graph, whatever the graph.

mod blocks;
mod order;
mod reduce;
mod rows;
mod sample;
mod states;

use blocks::Blocks;
use order::Order;
use reduce::{Block, Reduction};
use sample::Sampler;
use states::States;

/// An undirected edge and how likely it is to fail within the horizon that the caller has in mind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailingEdge {
    pub a: u32,
    pub b: u32,
    /// From 0 to 1. What is below counts as 0, what is above and what is no number counts as 1:
    /// nobody can rely on an edge of which nothing is known.
    pub failure: f64,
}

/// How a [`Risk`] was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Exact,
    /// At least one block was sampled, this often.
    Sampled {
        samples: u32,
    },
}

/// See [`Reliability::split_risk`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// From 0 to 1.
    pub probability: f64,
    /// Half the width of the 95 % interval; 0 when exact.
    pub error: f64,
    pub method: Method,
}

/// How much work one answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// State transitions of exact counting, over all blocks. Each takes some 30 ns.
    pub transitions: u32,
    /// Edges drawn in 64 samples at once, over all blocks that are sampled. Each takes some 50 ns.
    pub draws: u32,
}

/// A few milliseconds: measured on one core of a small server, see `docs/GRAPH.md`.
pub const EFFORT: Effort = Effort { transitions: 100_000, draws: 80_000 };

/// Rounds of 64 samples that any sampled block gets, whatever [`Effort::draws`] says.
const ROUNDS_MIN: u32 = 4;

/// Rounds after which more would not change a decision: the error is below 0.0031.
const ROUNDS_MAX: u32 = 1 << 11;

/// Computes risks; keeps its buffers from one to the next.
#[derive(Clone, Debug)]
pub struct Reliability {
    seed: u64,
    effort: Effort,
    blocks: Blocks,
    reduction: Reduction,
    order: Order,
    states: States,
    sampler: Sampler,
    /// Blocks to be sampled; only the first `entangled_len` of them are.
    entangled: Vec<Block>,
    entangled_len: usize,
}

impl Reliability {
    /// With the usual [`EFFORT`].
    pub fn new(seed: u64) -> Reliability {
        Reliability::with_effort(seed, EFFORT)
    }

    pub fn with_effort(seed: u64, effort: Effort) -> Reliability {
        Reliability {
            seed,
            effort,
            blocks: Blocks::default(),
            reduction: Reduction::default(),
            order: Order::default(),
            states: States::default(),
            sampler: Sampler::default(),
            entangled: Vec::new(),
            entangled_len: 0,
        }
    }

    /// The probability that not all `terminals` (all nodes, when there are none given) are
    /// connected once every edge has failed or not. 0 for fewer than two of them; 1 when they are
    /// apart already, or when one is not a node of the graph. Loops and edges to nowhere are left
    /// out; parallel edges fail independently.
    ///
    /// Equal arguments give equal answers: every call starts from the seed.
    pub fn split_risk(
        &mut self,
        nodes: u32,
        edges: &[FailingEdge],
        terminals: Option<&[u32]>,
    ) -> Risk {
        let exact = |probability| Risk { probability, error: 0.0, method: Method::Exact };
        let apart = match self.blocks.find(nodes, edges, terminals) {
            blocks::Found::Together => return exact(0.0),
            blocks::Found::Apart => return exact(1.0),
            blocks::Found::Blocks(count) => self.counted(count),
        };
        if self.entangled_len == 0 || apart >= 1.0 {
            return exact(apart);
        }
        self.sampled(apart)
    }

    /// The risk of all blocks that can be counted out; the others are kept for sampling.
    fn counted(&mut self, blocks: usize) -> f64 {
        let mut transitions = self.effort.transitions;
        let mut apart = 0.0;
        self.entangled_len = 0;
        for index in 0..blocks {
            if self.entangled_len == self.entangled.len() {
                self.entangled.push(Block::default());
            }
            let block = &mut self.entangled[self.entangled_len];
            self.blocks.copy(index, block);
            apart = either(apart, self.reduction.reduce(block));
            if block.links.is_empty() {
                continue;
            }
            let steps = self.order.steps(block);
            match steps.and_then(|steps| self.states.count(steps, &mut transitions)) {
                Some(risk) => apart = either(apart, risk),
                None => self.entangled_len += 1,
            }
        }
        apart
    }

    fn sampled(&mut self, apart: f64) -> Risk {
        let blocks = &self.entangled[..self.entangled_len];
        let links: usize = blocks.iter().map(|block| block.links.len()).sum();
        let rounds = (self.effort.draws / links as u32).clamp(ROUNDS_MIN, ROUNDS_MAX);
        let mut random = crate::random::Random::new(self.seed);
        let mut probability = apart;
        // The variance of a product of independent estimates, to first order.
        let mut relative = 0.0;
        for block in blocks {
            let (risk, error) = self.sampler.estimate(block, rounds, &mut random);
            probability = either(probability, risk);
            relative += (error / (1.0 - risk).max(error)).powi(2);
        }
        let error = (relative.sqrt() * (1.0 - probability)).max(self.sampler.unseen(rounds));
        Risk { probability, error, method: Method::Sampled { samples: rounds * 64 } }
    }
}

/// The probability that at least one of two independent things happens.
fn either(a: f64, b: f64) -> f64 {
    a + (1.0 - a) * b
}

/// The partition risk of the documents that asked for this program: (cut nodes / nodes) ×
/// max(0, (2 − mean degree) / 2).
///
/// It is theirs and is kept for comparison. It is 0 for every mesh of mean degree 2 or more,
/// however fragile, so nothing may be decided by it: that is what [`Reliability`] is for.
pub fn documents_risk(cut_nodes: usize, nodes: usize, mean_degree: f64) -> f64 {
    if nodes == 0 {
        return 0.0;
    }
    cut_nodes as f64 / nodes as f64 * ((2.0 - mean_degree) / 2.0).max(0.0)
}

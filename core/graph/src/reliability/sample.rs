//! Sampling: an estimate for a block that cannot be counted out, 64 samples at a time.
//!
//! Every link gets a word with a bit for each sample that says whether it works there, and one
//! search goes through all 64 at once (bit-parallel; Then et al. 2014). Most splits of a mesh cut
//! off a single node, and how often that happens is known without sampling: the expected number
//! of isolated terminals is a sum of products. So the number of isolated terminals in the samples
//! is the control variate (Glynn and Szechtman 2002), and what is sampled is only what it does not
//! explain. When the risk is too small to be seen in any sample, that sum is the estimate.

use super::{reduce::Block, rows::Rows};
use crate::random::Random;

/// Of a normal distribution, 95 % lies within so many standard deviations.
const DEVIATIONS_95: f64 = 1.96;

/// What was seen in none of n samples happens, with 95 % certainty, less often than 3/n (Hanley
/// and Lippman-Hand 1983). Added to every error, because the rarest of what was seen in few
/// samples is no better known.
const UNSEEN_95: f64 = 3.0;

#[derive(Clone, Debug, Default)]
pub struct Sampler {
    rows: Rows,
    /// For every link, in which samples it works.
    works: Vec<u64>,
    /// For every node, in which samples it is reached.
    reached: Vec<u64>,
    queue: Vec<u32>,
    is_queued: Vec<bool>,
}

/// Sums over samples: split or not (x), terminals isolated (c).
#[derive(Default)]
struct Sums {
    x: u64,
    c: u64,
    cc: u64,
    xc: u64,
}

impl Sampler {
    /// The risk of the block and half the width of its 95 % interval, from 64 · `rounds` samples.
    /// O(rounds · links · passes), where a pass goes over what changed in the one before.
    pub fn estimate(&mut self, block: &Block, rounds: u32, random: &mut Random) -> (f64, f64) {
        self.rows.index(block.nodes(), &block.links);
        let mut sums = Sums::default();
        for _ in 0..rounds {
            self.works.clear();
            self.works.extend(block.links.iter().map(|link| !random.lanes(link.failure)));
            self.add_round(block, &mut sums);
        }
        let (mut isolated, mut likeliest) = (0.0, 0.0f64);
        for node in terminals(block) {
            let links = self.rows.of(node).iter();
            let alone: f64 = links.map(|(_, link)| block.links[*link as usize].failure).product();
            isolated += alone;
            likeliest = likeliest.max(alone);
        }
        let samples = f64::from(rounds) * 64.0;
        let (risk, variance) = sums.regressed(samples, isolated);
        let error = DEVIATIONS_95 * (variance / samples).sqrt() + self.unseen(rounds);
        (risk.clamp(likeliest, 1.0), error.min(1.0))
    }

    /// The error below which no estimate from so many rounds is.
    pub fn unseen(&self, rounds: u32) -> f64 {
        UNSEEN_95 / (f64::from(rounds) * 64.0)
    }

    fn add_round(&mut self, block: &Block, sums: &mut Sums) {
        self.search(block);
        let (mut split, mut isolated) = (0, [0u32; 64]);
        for node in terminals(block) {
            split |= !self.reached[node as usize];
            let links = self.rows.of(node).iter();
            let linked = links.fold(0, |any, (_, link)| any | self.works[*link as usize]);
            let mut alone = !linked;
            while alone != 0 {
                isolated[alone.trailing_zeros() as usize] += 1;
                alone &= alone - 1;
            }
        }
        sums.x += u64::from(split.count_ones());
        for (sample, count) in isolated.iter().enumerate() {
            let count = u64::from(*count);
            sums.c += count;
            sums.cc += count * count;
            sums.xc += count * (split >> sample & 1);
        }
    }

    /// What the first terminal reaches.
    fn search(&mut self, block: &Block) {
        self.reached.clear();
        self.reached.resize(block.nodes(), 0);
        self.is_queued.clear();
        self.is_queued.resize(block.nodes(), false);
        self.queue.clear();
        if let Some(node) = terminals(block).next() {
            self.reached[node as usize] = u64::MAX;
            self.queue.push(node);
        }
        let mut head = 0;
        while let Some(node) = self.queue.get(head).copied() {
            head += 1;
            self.is_queued[node as usize] = false;
            let here = self.reached[node as usize];
            for (to, link) in self.rows.of(node) {
                let there = &mut self.reached[*to as usize];
                let more = here & self.works[*link as usize] & !*there;
                if more != 0 {
                    *there |= more;
                    if !std::mem::replace(&mut self.is_queued[*to as usize], true) {
                        self.queue.push(*to);
                    }
                }
            }
        }
    }
}

fn terminals(block: &Block) -> impl Iterator<Item = u32> {
    (0..).zip(&block.terminal).filter(|(_, terminal)| **terminal).map(|(node, _)| node)
}

impl Sums {
    /// The mean of x corrected by how far the mean of c is from its `expected` value, and the
    /// variance of one sample of that.
    fn regressed(&self, samples: f64, expected: f64) -> (f64, f64) {
        let [x, c, cc, xc] = [self.x, self.c, self.cc, self.xc].map(|sum| sum as f64 / samples);
        let spread = cc - c * c;
        let both = xc - x * c;
        let slope = if spread > 0.0 { both / spread } else { 1.0 };
        let variance = if spread > 0.0 { both * both / spread } else { 0.0 };
        (x - slope * (c - expected), (x * (1.0 - x) - variance).max(0.0))
    }
}

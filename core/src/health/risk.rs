//! How likely it is that nodes that reach each other now do not at some time within the horizon.
//!
//! The model. Every link fails at a constant rate and returns at another, all independent of each
//! other. The nodes split when, at some moment, links that are away together separate them; so two
//! failures that do not overlap in time do no harm, which no product of per-link probabilities can
//! tell.
//!
//! Rules.
//! - A cut edge that no link which is away now could bridge splits by its first failure, whatever
//!   else happens: that part is exact.
//! - All else is simulated, for those courses only that can split: with no bridged cut edge it
//!   takes two failures. The rest is a known share of no split, which makes quiet meshes cheap and
//!   exact to many digits.
//! - Every question draws the same chances, so that an answer moves only when what it is about does.
//! - A failure can split only what it tears apart, so one search from both ends of the failed link
//!   decides; most meet after a few steps.

use super::{
    logarithm::{exp, ln},
    watched::Habit,
    words::{Risk, RiskMethod},
};
use crate::graph::Graph;

/// Simulated courses: the fewest and the most. The most keep the error below 4.4 %.
const SAMPLES_MIN: u32 = 32;
const SAMPLES_MAX: u32 = 512;

/// The error that is good enough, as half of a 95 % interval.
const ERROR_WANTED: f64 = 0.02;

/// Above so many expected failures nearly every course has two, so that none is left out.
const CONDITIONED_MEAN_MAX: f64 = 8.0;

/// Links away now that may return, in one simulation; those that return soonest count.
pub(super) const AWAY_MAX: usize = 64;

/// Failures in one course; more is a mesh that has long split. Guess.
const FAILURES_MAX: usize = 4096;

/// Failures in all courses, beyond which no more than the fewest courses are simulated: at about
/// half a microsecond each they take 25 ms.
const FAILURES_SIMULATED_MAX: f64 = 50_000.0;

const NONE: u32 = u32::MAX;

/// A link that is up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub a: u32,
    pub b: u32,
    pub habit: Habit,
    pub is_cut: bool,
}

/// A link that is away and returns at this rate per second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub a: u32,
    pub b: u32,
    pub returns: f64,
}

/// What all questions of one snapshot have in common.
pub(super) struct Links<'a> {
    pub graph: &'a Graph,
    /// Those of the asked part of the mesh, at least.
    pub standing: &'a [Standing],
    pub missing: &'a [Missing],
    pub horizon_s: f64,
}

/// Buffers, and the stream of chance: SplitMix64 (Steele, Lea and Flood 2014).
pub(super) struct RiskSampler {
    seed: u64,
    random: u64,
    tree: Tree,
    course: Course,
}

/// A breadth-first tree from the first of the nodes that are asked about.
#[derive(Default)]
struct Tree {
    above: Vec<u32>,
    depth: Vec<u32>,
    order: Vec<u32>,
    /// Asked nodes at or below.
    asked: Vec<u32>,
    /// The edge to the node above could be bridged by a link that is away.
    bridged: Vec<bool>,
}

/// One simulated course and what decides it.
#[derive(Default)]
struct Course {
    /// Rates summed up, one entry per failing link.
    sums: Vec<f64>,
    failing: Vec<Standing>,
    times: Vec<f64>,
    /// Failing links that are away with the time of their return, latest first.
    away: Vec<(f64, usize)>,
    /// How many links of each node are away.
    hurt: Vec<u16>,
    /// When each missing link returns; drawn when it first matters.
    back: Vec<(f64, u32, u32)>,
    mark: Vec<u32>,
    stamp: u32,
    sides: [Vec<u32>; 2],
}

impl RiskSampler {
    pub(super) fn new(seed: u64) -> RiskSampler {
        RiskSampler { seed, random: seed, tree: Tree::default(), course: Course::default() }
    }

    /// That the `asked` nodes, which reach each other now, split. O(nodes + links) and the
    /// simulation, whose courses cost their failures times a search each.
    pub(super) fn split(&mut self, links: &Links<'_>, asked: &[u32]) -> Risk {
        let horizon_ms = (links.horizon_s * 1000.0) as u64;
        let exact =
            |probability| Risk { probability, error: 0.0, method: RiskMethod::Exact, horizon_ms };
        let Some(root) = asked.first().filter(|_| asked.len() > 1) else { return exact(0.0) };
        self.tree.grow(links.graph, *root, asked);
        links.missing.iter().for_each(|m| self.tree.bridge(m.a, m.b));
        let (mut sure, mut total) = (0.0, 0.0);
        let mut failures_needed = 2;
        self.course.sums.clear();
        self.course.failing.clear();
        self.course.away.clear();
        self.course.hurt.clear();
        self.course.hurt.resize(links.graph.nodes() as usize, 0);
        for link in links.standing.iter().filter(|l| self.tree.depth[l.a as usize] != NONE) {
            if link.is_cut {
                let below = self.tree.lower(link.a, link.b) as usize;
                if self.tree.asked[below] == 0 {
                    continue;
                }
                if !self.tree.bridged[below] {
                    sure += link.habit.fails;
                    continue;
                }
                failures_needed = 1;
            }
            total += link.habit.fails;
            self.course.sums.push(total);
            self.course.failing.push(*link);
        }
        let at_once = 1.0 - exp(-sure * links.horizon_s);
        let mean = total * links.horizon_s;
        if self.course.failing.is_empty() || mean <= 0.0 {
            return exact(at_once);
        }
        let (share, hits, samples) = self.simulate(links, asked, mean, failures_needed);
        let left = share * (1.0 - at_once);
        // Agresti and Coull 1998: two successes and two failures more keep the interval honest
        // when all courses ended alike.
        let moderate = (f64::from(hits) + 2.0) / (f64::from(samples) + 4.0);
        let deviation = (moderate * (1.0 - moderate) / (f64::from(samples) + 4.0)).sqrt();
        Risk {
            probability: at_once + left * f64::from(hits) / f64::from(samples),
            error: 1.96 * left * deviation,
            method: RiskMethod::Sampled,
            horizon_ms,
        }
    }

    /// The share of courses with enough failures, and how many of those that were tried split.
    fn simulate(
        &mut self,
        links: &Links<'_>,
        asked: &[u32],
        mean: f64,
        needed: usize,
    ) -> (f64, u32, u32) {
        let none = exp(-mean);
        let too_few = if needed == 1 { none } else { none * (1.0 + mean) };
        let conditioned = mean <= CONDITIONED_MEAN_MAX;
        let share = if conditioned { 1.0 - too_few } else { 1.0 };
        let wanted = 0.98 * share / ERROR_WANTED;
        let samples = (wanted * wanted).min(FAILURES_SIMULATED_MAX / mean);
        let samples = (samples as u32).clamp(SAMPLES_MIN, SAMPLES_MAX);
        let mut hits = 0;
        self.random = self.seed;
        for sample in 0..samples {
            if conditioned {
                // One course of each of equally likely kinds: less left to chance.
                let kind = (f64::from(sample) + self.uniform()) / f64::from(samples);
                let drawn = too_few + (1.0 - too_few) * kind;
                self.draw_at_least(needed, mean, (too_few, drawn), links.horizon_s);
            } else {
                self.draw_any(mean, links.horizon_s);
            }
            hits += u32::from(self.splits(links, asked));
        }
        (share, hits, samples)
    }

    /// Times of a Poisson number of failures, given that there are at least `needed`.
    /// Their number is where the chances of `needed`, of one more and so on, added to that of too
    /// few, reach what was drawn.
    fn draw_at_least(
        &mut self,
        needed: usize,
        mean: f64,
        (too_few, drawn): (f64, f64),
        horizon_s: f64,
    ) {
        let mut count = needed;
        let mut chance = exp(-mean) * if needed == 1 { mean } else { mean * mean / 2.0 };
        let mut below = too_few + chance;
        while below < drawn && count < FAILURES_MAX {
            count += 1;
            chance *= mean / count as f64;
            below += chance;
            if chance < 1e-18 {
                break;
            }
        }
        self.course.times.clear();
        for _ in 0..count {
            let time = self.uniform() * horizon_s;
            let at = self.course.times.partition_point(|t| *t < time);
            self.course.times.insert(at, time);
        }
    }

    fn draw_any(&mut self, mean: f64, horizon_s: f64) {
        self.course.times.clear();
        let mut time = 0.0;
        while self.course.times.len() < FAILURES_MAX {
            time += self.wait(mean / horizon_s);
            if time > horizon_s {
                return;
            }
            self.course.times.push(time);
        }
    }

    /// Lets one course happen.
    fn splits(&mut self, links: &Links<'_>, asked: &[u32]) -> bool {
        self.course.return_until(f64::INFINITY);
        self.course.back.clear();
        let mut back_is_drawn = false;
        let total = self.course.sums.last().copied().unwrap_or_default();
        for step in 0..self.course.times.len() {
            let time = self.course.times[step];
            let drawn = self.uniform() * total;
            let last = self.course.failing.len() - 1;
            let link = self.course.sums.partition_point(|sum| *sum <= drawn).min(last);
            self.course.return_until(time);
            let failed = self.course.failing[link];
            if self.course.is_away(failed.a, failed.b) {
                continue;
            }
            let until = time + self.wait(failed.habit.returns);
            self.course.go_away(link, until);
            if !self.course.tears(links.graph, failed, time) {
                continue;
            }
            if !core::mem::replace(&mut back_is_drawn, true) {
                self.draw_back(links);
                if !self.course.tears(links.graph, failed, time) {
                    continue;
                }
            }
            if self.course.separates(links.graph, asked, self.tree.order.len(), time) {
                return true;
            }
        }
        false
    }

    fn draw_back(&mut self, links: &Links<'_>) {
        for missing in links.missing {
            let at = self.wait(missing.returns);
            if at < links.horizon_s {
                self.course.back.push((at, missing.a, missing.b));
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, up to 1.
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential, in seconds.
    fn wait(&mut self, rate: f64) -> f64 {
        -ln(self.uniform()) / rate.max(1e-9)
    }
}

impl Tree {
    fn grow(&mut self, graph: &Graph, root: u32, asked: &[u32]) {
        let nodes = graph.nodes() as usize;
        for list in [&mut self.above, &mut self.depth] {
            list.clear();
            list.resize(nodes, NONE);
        }
        self.asked.clear();
        self.asked.resize(nodes, 0);
        self.bridged.clear();
        self.bridged.resize(nodes, false);
        self.order.clear();
        self.order.push(root);
        self.depth[root as usize] = 0;
        let mut next = 0;
        while let Some(node) = self.order.get(next).copied() {
            next += 1;
            for to in graph.neighbours(node) {
                if self.depth[*to as usize] == NONE {
                    self.depth[*to as usize] = self.depth[node as usize] + 1;
                    self.above[*to as usize] = node;
                    self.order.push(*to);
                }
            }
        }
        asked.iter().for_each(|node| self.asked[*node as usize] = 1);
        for node in self.order.iter().skip(1).rev() {
            let above = self.above[*node as usize];
            self.asked[above as usize] += self.asked[*node as usize];
        }
    }

    /// A link between these two closes a ring with the way between them in the tree.
    fn bridge(&mut self, mut a: u32, mut b: u32) {
        if [a, b].iter().any(|end| self.depth[*end as usize] == NONE) {
            return;
        }
        while a != b {
            let low =
                if self.depth[a as usize] >= self.depth[b as usize] { &mut a } else { &mut b };
            self.bridged[*low as usize] = true;
            *low = self.above[*low as usize];
        }
    }

    /// The end of a cut edge that is farther from the root.
    fn lower(&self, a: u32, b: u32) -> u32 {
        if self.above[a as usize] == b { a } else { b }
    }
}

impl Course {
    fn go_away(&mut self, link: usize, until: f64) {
        let at = self.away.partition_point(|(later, _)| *later > until);
        self.away.insert(at, (until, link));
        let Standing { a, b, .. } = self.failing[link];
        [a, b].iter().for_each(|end| self.hurt[*end as usize] += 1);
    }

    fn return_until(&mut self, time: f64) {
        while let Some((until, link)) = self.away.last().copied()
            && until <= time
        {
            self.away.pop();
            let Standing { a, b, .. } = self.failing[link];
            [a, b].iter().for_each(|end| self.hurt[*end as usize] -= 1);
        }
    }

    fn is_away(&self, a: u32, b: u32) -> bool {
        let hurt = self.hurt[a as usize] > 0 && self.hurt[b as usize] > 0;
        hurt && self.away.iter().any(|(_, link)| {
            let failed = &self.failing[*link];
            (failed.a, failed.b) == (a, b) || (failed.a, failed.b) == (b, a)
        })
    }

    /// Whether the ends of the link that failed do not reach each other any more: searches from
    /// both at once, so it costs no more than twice the smaller side.
    fn tears(&mut self, graph: &Graph, failed: Standing, time: f64) -> bool {
        let stamps = self.fresh_stamps(graph);
        for (side, end) in [failed.a, failed.b].into_iter().enumerate() {
            self.sides[side].clear();
            self.sides[side].push(end);
            self.mark[end as usize] = stamps[side];
        }
        for next in 0.. {
            for side in 0..2 {
                let Some(node) = self.sides[side].get(next).copied() else { return true };
                if self.visit(graph, node, time, side, stamps) {
                    return false;
                }
            }
        }
        false
    }

    /// Whether some asked node is not reached from the first. `part` nodes reach each other when
    /// no link is away.
    fn separates(&mut self, graph: &Graph, asked: &[u32], part: usize, time: f64) -> bool {
        if asked.len() == part {
            return true;
        }
        let stamps = self.fresh_stamps(graph);
        self.sides[0].clear();
        self.sides[0].push(asked[0]);
        self.mark[asked[0] as usize] = stamps[0];
        let mut next = 0;
        while let Some(node) = self.sides[0].get(next).copied() {
            next += 1;
            self.visit(graph, node, time, 0, stamps);
        }
        asked.iter().any(|node| self.mark[*node as usize] != stamps[0])
    }

    /// Adds the neighbours of a node to a side; true when the other side is met.
    fn visit(
        &mut self,
        graph: &Graph,
        node: u32,
        time: f64,
        side: usize,
        stamps: [u32; 2],
    ) -> bool {
        let returned = self.back.len();
        for at in 0..graph.neighbours(node).len() + returned {
            let to = match graph.neighbours(node).get(at) {
                Some(to) if self.is_away(node, *to) => continue,
                Some(to) => *to,
                None => {
                    let (back, a, b) = self.back[at - graph.neighbours(node).len()];
                    match () {
                        () if back > time => continue,
                        () if a == node => b,
                        () if b == node => a,
                        () => continue,
                    }
                }
            };
            let mark = &mut self.mark[to as usize];
            if *mark == stamps[1 - side] {
                return true;
            }
            if *mark != stamps[side] {
                *mark = stamps[side];
                self.sides[side].push(to);
            }
        }
        false
    }

    fn fresh_stamps(&mut self, graph: &Graph) -> [u32; 2] {
        if self.mark.len() < graph.nodes() as usize || self.stamp > u32::MAX - 4 {
            self.mark.clear();
            self.mark.resize(graph.nodes() as usize, 0);
            self.stamp = 0;
        }
        self.stamp += 2;
        [self.stamp - 1, self.stamp]
    }
}

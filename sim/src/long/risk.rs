//! How much the risk of a split is worth: forecasts of shipped nodes against what happened.
//!
//! Many small meshes live side by side in time, each in a world of its own: trees, rings and denser
//! ones of 8 to 16 nodes. Every link fails and returns at rates of its own, drawn once and hidden
//! from the nodes; some cuts are silent. In each mesh one node at a time is asked, in turn, for the
//! risk in each of its regular snapshots, from the first one it dares to give. A forecast came true
//! when, at some moment within its horizon, two nodes that the asked node saw in its part had no
//! way to each other over links that stood at both ends.
//!
//! The Brier score is the mean of (forecast − outcome)²; it is compared with that of the best
//! constant guess, which is how often splits happened in these same runs and which nobody could
//! have known.

use super::{Experiment, Figure, Length, Outcome, Target};
use crate::{
    net::{Cut, Quality},
    topology::Topology,
    world::{Fault, Step, World},
};
use bitcraps_core::{
    id::{LinkId, PeerId},
    node::{Config, Event},
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::{collections::BTreeMap, fmt::Write as _};

pub(super) const RISK: Experiment = Experiment {
    name: "risk",
    about: "forecasts of a split against what happened, in meshes whose links fail and return",
    run,
};

/// Forecasts of one mesh are at least so far apart: the interval of the snapshots.
const FORECAST_EVERY: Duration = Duration::from_secs(5);

/// Each node of a mesh is asked for so long.
const TURN: Duration = Duration::from_secs(60);

/// The asked node is looked at this often.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Work that a simulated identity has to show, in bits.
const WORK_BITS: u8 = 4;

/// One in so many cuts is silent.
const SILENT: u64 = 4;

/// One in so many meshes is made of radio links that lose a frame in seven.
const RADIO: u64 = 6;
const RADIO_LOSS_PERMILLE: u32 = 140;

/// Mean time between two failures of a mesh's links, and of one link as parts of it.
const BETWEEN_FAILURES_S: (f64, f64) = (60.0, 3600.0);
const LINK_FACTOR: (f64, f64) = (0.25, 4.0);

/// Mean outage of a link.
const OUTAGE_S: (f64, f64) = (3.0, 120.0);

/// What the mean squared error may be of that of the best constant guess.
const BRIER_SHARE_MAX: f64 = 0.7;

/// A short run has few forecasts to learn from and to be judged by.
const BRIER_SHARE_MAX_SHORT: f64 = 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Density {
    Tree,
    Ring,
    Chords,
    Dense,
}

const DENSITIES: [(Density, &str); 4] = [
    (Density::Tree, "tree"),
    (Density::Ring, "ring"),
    (Density::Chords, "ring with a chord for every third node"),
    (Density::Dense, "twice as many links as nodes"),
];

/// A forecast and what became of it.
#[derive(Clone, Copy, Debug)]
struct Judged {
    density: Density,
    probability: f64,
    split: bool,
}

struct Pending {
    /// Bit set of the nodes that reached each other.
    part: u32,
    until: Instant,
    probability: f64,
}

fn run(seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let (meshes, minutes) = match length {
        Length::Short => (8, 6),
        Length::Full => (120, 45),
    };
    let mut judged = Vec::new();
    for number in 0..meshes {
        let density = DENSITIES[number % DENSITIES.len()].0;
        let seed = Seed::from_number(seed).fork("risk").fork(&number.to_string());
        let lasting = Duration::from_secs(minutes * 60);
        Trial::new(density, &seed, lasting).run(lasting, &mut judged);
        if (number + 1) % 10 == 0 {
            says(&format!("{} of {meshes} meshes, {} forecasts", number + 1, judged.len()));
        }
    }
    let share = match length {
        Length::Short => BRIER_SHARE_MAX_SHORT,
        Length::Full => BRIER_SHARE_MAX,
    };
    outcome(&judged, meshes as u64 * minutes, share)
}

/// One mesh and the forecasts made in it.
struct Trial {
    world: World,
    density: Density,
    ids: BTreeMap<PeerId, usize>,
    /// Open links: whose, and to whom.
    open: BTreeMap<(usize, LinkId), usize>,
    /// The part of each node, as a bit set.
    parts: Vec<u32>,
    pending: Vec<Pending>,
    told_at: Option<Instant>,
}

impl Trial {
    fn new(density: Density, seed: &Seed, lasting: Duration) -> Trial {
        let mut rng = seed.fork("mesh").rng();
        let nodes = 8 + rng.below(9) as usize;
        let pairs = pairs(density, nodes, &mut rng);
        let mut world = World::new(seed);
        for node in 0..nodes {
            world.add_node(Config {
                name: format!("node {node}"),
                work_bits: WORK_BITS,
                dial: pairs.iter().filter(|p| p.0 == node).map(|p| World::address(p.1)).collect(),
                ..Config::default()
            });
        }
        let radio = rng.below(RADIO) == 0;
        let between = log_uniform(BETWEEN_FAILURES_S, &mut rng);
        for (a, b) in pairs {
            let quality =
                if radio { Quality::radio(RADIO_LOSS_PERMILLE) } else { Quality::wired() };
            let edge = world.add_edge(a, b, quality);
            let fails_s = between * log_uniform(LINK_FACTOR, &mut rng);
            let away_s = log_uniform(OUTAGE_S, &mut rng);
            let mut at = exponential(fails_s, &mut rng);
            while at < lasting.as_secs_f64() {
                let how = if rng.below(SILENT) == 0 { Cut::Silent } else { Cut::Loud };
                world.plan(instant(at), Fault::Cut { edge, how });
                at += exponential(away_s, &mut rng);
                world.plan(instant(at), Fault::Restore { edge });
                at += exponential(fails_s, &mut rng);
            }
        }
        Trial {
            ids: (0..nodes).map(|node| (world.peer_id(node), node)).collect(),
            world,
            density,
            open: BTreeMap::new(),
            parts: (0..nodes).map(|node| 1 << node).collect(),
            pending: Vec::new(),
            told_at: None,
        }
    }

    fn run(mut self, lasting: Duration, judged: &mut Vec<Judged>) {
        for node in 0..self.world.nodes() {
            let step = self.world.inflict(Fault::Restart { node });
            self.take(&step, judged);
        }
        let end = Instant::ZERO + lasting;
        while self.world.now() < end {
            let look = self.world.now() + LOOK_EVERY;
            while let Some(step) = self.world.step(look) {
                self.take(&step, judged);
            }
            self.settle(judged);
            self.ask(end);
        }
        self.settle(judged);
    }

    /// Keeps up with the links, and judges what came true.
    fn take(&mut self, step: &Step, judged: &mut Vec<Judged>) {
        let mut moved = false;
        for (node, event) in &step.events {
            match event {
                Event::LinkOpened { link, peer_id, .. } => {
                    self.open.insert((*node, *link), self.ids[peer_id]);
                    moved = true;
                }
                Event::LinkClosed { link, .. } => {
                    moved |= self.open.remove(&(*node, *link)).is_some();
                }
                _ => {}
            }
        }
        if !moved {
            return;
        }
        self.find_parts();
        let (parts, density) = (&self.parts, self.density);
        self.pending.retain(|forecast| {
            let split = is_split(parts, forecast.part);
            if split {
                judged.push(Judged { density, probability: forecast.probability, split });
            }
            !split
        });
    }

    fn find_parts(&mut self) {
        let mut linked = vec![0_u32; self.parts.len()];
        for ((node, _), peer) in &self.open {
            linked[*node] |= 1 << peer;
        }
        for node in 0..self.parts.len() {
            let (mut part, mut frontier) = (1_u32 << node, 1_u32 << node);
            while frontier != 0 {
                let at = frontier.trailing_zeros() as usize;
                frontier &= frontier - 1;
                let both = (0..linked.len()).filter(|to| linked[*to] >> at & 1 == 1);
                let both = both.fold(0, |set, to| set | (1 << to)) & linked[at];
                frontier |= both & !part;
                part |= both;
            }
            self.parts[node] = part;
        }
    }

    /// Judges what can no longer come true.
    fn settle(&mut self, judged: &mut Vec<Judged>) {
        let (now, density) = (self.world.now(), self.density);
        self.pending.retain(|forecast| {
            let over = forecast.until <= now;
            if over {
                judged.push(Judged { density, probability: forecast.probability, split: false });
            }
            !over
        });
    }

    /// Takes down the forecast of a new snapshot, if its horizon ends before the run does.
    fn ask(&mut self, end: Instant) {
        let now = self.world.now();
        if self.told_at.is_some_and(|at| at + FORECAST_EVERY > now) {
            return;
        }
        let turn = now.as_micros() / TURN.as_micros() as u64;
        let node = (turn % self.world.nodes() as u64) as usize;
        let Some(view) = self.world.view(node) else { return };
        let is_new = view.health.age_ms.is_some_and(|age| u128::from(age) < LOOK_EVERY.as_millis());
        let Some(risk) = view.health.snapshot.and_then(|s| s.risk).filter(|_| is_new) else {
            return;
        };
        let until = now + Duration::from_millis(risk.horizon_ms);
        let part = view.partitions.iter().find(|part| part.contains(&view.peer_id));
        let part = part.into_iter().flatten().fold(0, |set, id| set | (1 << self.ids[id]));
        if until > end || u32::count_ones(part) < 2 {
            return;
        }
        self.told_at = Some(now);
        self.pending.push(Pending { part, until, probability: risk.probability });
    }
}

fn is_split(parts: &[u32], part: u32) -> bool {
    part & !parts[part.trailing_zeros() as usize] != 0
}

fn pairs(density: Density, nodes: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
    let ring = |chords| Topology::RingWithChords { chords };
    let edges = match density {
        Density::Tree => return (1..nodes).map(|n| (rng.below(n as u64) as usize, n)).collect(),
        Density::Ring => ring(0).edges(nodes, rng),
        Density::Chords => ring(nodes / 3).edges(nodes, rng),
        Density::Dense => ring(nodes).edges(nodes, rng),
    };
    edges.into_iter().collect()
}

/// Above 0, up to 1.
fn uniform(rng: &mut Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    -mean * uniform(rng).ln()
}

fn log_uniform((low, high): (f64, f64), rng: &mut Rng) -> f64 {
    low * (high / low).powf(uniform(rng))
}

fn instant(seconds: f64) -> Instant {
    Instant::from_micros((seconds * 1e6) as u64)
}

/// Count, share that split, Brier score, and that of the best constant guess.
fn score(judged: impl Iterator<Item = Judged>) -> (f64, f64, f64, f64) {
    let (mut count, mut splits, mut square) = (0.0, 0.0, 0.0);
    for forecast in judged {
        let outcome = if forecast.split { 1.0 } else { 0.0 };
        let off = forecast.probability - outcome;
        (count, splits, square) = (count + 1.0, splits + outcome, square + off * off);
    }
    let rate = splits / count;
    (count, rate, square / count, rate * (1.0 - rate))
}

fn outcome(judged: &[Judged], mesh_minutes: u64, share: f64) -> Outcome {
    let (count, rate, brier, constant) = score(judged.iter().copied());
    let figures = vec![
        Figure::new("mesh-minutes simulated", mesh_minutes as f64, "min"),
        Figure::new("forecasts judged", count, ""),
        Figure::new("share that came true", rate, ""),
        Figure::new("Brier score", brier, ""),
        Figure::new("Brier score of the best constant guess", constant, ""),
        Figure::new("Brier score as a share of that", brier / constant, "")
            .promised(Target::AtMost(share)),
    ];
    Outcome { figures, tables: vec![reliability(judged), by_density(judged)] }
}

fn reliability(judged: &[Judged]) -> String {
    let mut table = "Forecast risk and how often it came true\n\n| forecast | mean forecast | \
                     came true | forecasts |\n|---|---|---|---|\n"
        .to_owned();
    for bin in 0..10 {
        let inside =
            judged.iter().filter(|j| ((j.probability * 10.0) as usize).min(9) == bin).copied();
        let mean: f64 = inside.clone().map(|j| j.probability).sum();
        let (count, rate, ..) = score(inside);
        let (from, to) = (bin * 10, bin * 10 + 10);
        let row = if count > 0.0 {
            writeln!(table, "| {from}–{to} % | {:.3} | {rate:.3} | {count} |", mean / count)
        } else {
            writeln!(table, "| {from}–{to} % | | | 0 |")
        };
        row.expect("a String takes all");
    }
    table
}

fn by_density(judged: &[Judged]) -> String {
    let mut table = "The same by kind of mesh\n\n| mesh | forecasts | came true | Brier score | \
                     best constant guess |\n|---|---|---|---|---|\n"
        .to_owned();
    for (density, name) in DENSITIES {
        let (count, rate, brier, constant) =
            score(judged.iter().filter(|j| j.density == density).copied());
        writeln!(table, "| {name} | {count} | {rate:.3} | {brier:.4} | {constant:.4} |")
            .expect("a String takes all");
    }
    table
}

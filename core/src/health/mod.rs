//! What the mesh is like now, what is unusual about it, and what is likely to come.
//!
//! Rules. A snapshot is taken every [`Config::interval`], and after a burst of changes once the
//! map has been quiet for [`Config::debounce`], never more often than every [`Config::gap_min`].
//! All figures of a snapshot belong to one topology. What is not measured is missing, never 0.
//! Equal inputs give equal figures on every machine, as far as the last bit.
//!
//! The room hears of every change of the map at once, because how long links live is what the risk
//! of a split is learned from; the graph is looked at only when a snapshot is due.
//!
//! Nothing here acts: `heal` does, on what is found here.

mod advice;
mod alert;
mod config;
mod detect;
mod forecast;
mod load;
mod logarithm;
mod mesh;
mod pace;
mod risk;
mod watched;
mod words;

#[cfg(test)]
mod tests;

pub use advice::{About, Advice};
pub use alert::{Alert, AlertChange, Alerts, CLEARED_MAX, SHAPE_NODES_MIN};
pub use config::{Config, Link, NeighbourReading, Readings, Thresholds, Topology};
pub use detect::{Anomaly, Config as DetectConfig, Detectors, INCIDENTS_MAX, SERIES_MAX};
pub use forecast::{Band, Forecast, Forecasts};
pub use mesh::Mesh;
pub use watched::LINKS_WATCHED_MAX;
pub use words::{
    AlertKind, Detector, METRICS, Metric, Risk, RiskMethod, Severity, Snapshot, Subject,
};

use crate::{
    id::{PeerId, TableId},
    seed::Seed,
    time::Instant,
};
use load::Loads;
use mesh::Kept;
use risk::{AWAY_MAX, Links, Missing, RiskSampler, Standing};
use std::collections::VecDeque;
use watched::Watched;

/// Snapshots kept: an hour of quiet, some 200 kB. Guess.
pub const HISTORY_MAX: usize = 720;

/// What happened, for the node to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// There are new figures: [`Health::snapshot`] and [`Health::mesh`].
    SnapshotTaken,
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub snapshots: u64,
}

/// See the module.
pub struct Health {
    config: Config,
    own: PeerId,
    topology: Topology,
    /// The graph is not that of the topology.
    is_stale: bool,
    watched: Watched,
    kept: Kept,
    loads: Loads,
    sampler: RiskSampler,
    standing: Vec<Standing>,
    missing: Vec<Missing>,
    cut_loads: Vec<f64>,
    tables: Vec<(TableId, Risk)>,
    history: VecDeque<(Instant, Snapshot)>,
    /// The last readings and when they were taken; rates are differences.
    before: (Instant, Readings),
    /// Links that came or went since the last snapshot.
    changes: u32,
    taken_at: Option<Instant>,
    /// The first and the last change since the last snapshot.
    changed: Option<(Instant, Instant)>,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Health {
    /// `own` is this node: the risk of a split is that of the part it is in.
    pub fn new(config: Config, own: PeerId, seed: &Seed, now: Instant) -> Health {
        Health {
            config,
            own,
            topology: Topology::default(),
            is_stale: true,
            watched: Watched::new(now),
            kept: Kept::new(),
            loads: Loads::default(),
            sampler: RiskSampler::new(seed.fork("risk").rng().next_u64()),
            standing: Vec::new(),
            missing: Vec::new(),
            cut_loads: Vec::new(),
            tables: Vec::new(),
            history: VecDeque::new(),
            before: (now, Readings::default()),
            changes: 0,
            taken_at: None,
            changed: Some((now, now)),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The map shows this now. O(links) when nothing changed.
    pub fn on_topology(&mut self, topology: Topology, now: Instant) {
        let changes = self.watched.on_topology(&self.topology.links, &topology, now);
        self.changes = self.changes.saturating_add(changes);
        if changes > 0 || self.topology.nodes != topology.nodes {
            let first = self.changed.map_or(now, |(first, _)| first);
            self.changed = Some((first, now));
        }
        self.is_stale |= self.topology != topology;
        self.topology = topology;
    }

    /// Takes a snapshot when one is due; `readings` are of now.
    pub fn on_timeout(&mut self, readings: Readings, now: Instant) {
        if self.deadline().is_none_or(|due| due > now) {
            return;
        }
        if core::mem::take(&mut self.is_stale) {
            self.kept.take(&self.topology);
            let mesh = self.kept.mesh();
            self.cut_loads.clear();
            self.cut_loads.extend_from_slice(self.loads.measure(mesh.graph, mesh.figures));
        }
        let snapshot = self.look(&readings, now);
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back((now, snapshot));
        self.before = (now, readings);
        (self.changes, self.changed, self.taken_at) = (0, None, Some(now));
        self.counters.snapshots += 1;
        self.outputs.push_back(Output::SnapshotTaken);
    }

    /// When the next snapshot is due.
    pub fn deadline(&self) -> Option<Instant> {
        let regular = self.taken_at.map(|at| at + self.config.interval);
        let Some((first, last)) = self.changed else { return regular };
        let quiet = (last + self.config.debounce).min(first + self.config.change_wait_max);
        let quiet = self.taken_at.map_or(quiet, |at| quiet.max(at + self.config.gap_min));
        Some(regular.map_or(quiet, |regular| regular.min(quiet)))
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The graph and the figures of the newest snapshot; empty before the first.
    pub fn mesh(&self) -> Mesh<'_> {
        self.kept.mesh()
    }

    /// The newest snapshot and when it was taken.
    pub fn snapshot(&self) -> Option<(Instant, &Snapshot)> {
        self.history.back().map(|(at, snapshot)| (*at, snapshot))
    }

    /// Oldest first, at most [`HISTORY_MAX`].
    pub fn history(&self) -> impl ExactSizeIterator<Item = (Instant, &Snapshot)> {
        self.history.iter().map(|(at, snapshot)| (*at, snapshot))
    }

    /// The load of each of the cut nodes of [`Health::mesh`], in their order: see
    /// [`Snapshot::cut_node_load`].
    pub fn cut_node_loads(&self) -> &[f64] {
        &self.cut_loads
    }

    /// That the members of a table that reach each other now split, by table. Missing until links
    /// were watched for long enough.
    pub fn table_risks(&self) -> &[(TableId, Risk)] {
        &self.tables
    }

    /// What to do about the newest snapshot, most urgent first, at most [`advice::ADVICE_MAX`].
    /// `name` is what people call a peer.
    pub fn advice(&self, name: &dyn Fn(PeerId) -> String) -> Vec<Advice> {
        let Some((_, snapshot)) = self.snapshot() else { return Vec::new() };
        let loads = &self.cut_loads;
        advice::advise(&self.config.thresholds, snapshot, self.mesh(), loads, name)
    }

    /// Links whose past is remembered, at most [`LINKS_WATCHED_MAX`].
    pub fn links_watched(&self) -> usize {
        self.watched.len()
    }

    pub fn thresholds(&self) -> &Thresholds {
        &self.config.thresholds
    }

    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn look(&mut self, readings: &Readings, now: Instant) -> Snapshot {
        let links = &self.topology.links;
        let mean = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
        let timed = links.iter().filter_map(|link| link.latency);
        let latency_ms = timed.clone().map(|l| l.as_micros() as f64 / 1000.0).sum();
        let reliability = links.iter().map(|link| f64::from(link.reliability)).sum();
        let (since, before) = &self.before;
        let elapsed_s = now.since(*since).as_secs_f64();
        let per_s = |now: u64, before: u64| {
            if elapsed_s > 0.0 { now.saturating_sub(before) as f64 / elapsed_s } else { 0.0 }
        };
        let (bytes_in, packets_in, congested) = (
            per_s(readings.bytes_in, before.bytes_in),
            per_s(readings.packets_in, before.packets_in),
            per_s(readings.congested, before.congested),
        );
        let (latency_ms, reliability) =
            (mean(latency_ms, timed.count()), mean(reliability, links.len()));
        let risk = self.judge(&readings.tables, now);
        let mesh = self.kept.mesh();
        let (nodes, cut_nodes) = (mesh.ids.len(), mesh.figures.cut_nodes.len());
        let mean_degree = 2.0 * links_of(mesh) as f64 / nodes.max(1) as f64;
        Snapshot {
            nodes,
            links: links_of(mesh),
            parts: mesh.figures.component_sizes.len(),
            mean_latency_ms: latency_ms,
            mean_reliability: reliability,
            diameter: mesh.figures.diameter,
            clustering: mesh.figures.global_clustering,
            cut_nodes,
            cut_edges: mesh.figures.cut_edges.len(),
            clusters: 0,
            cut_node_load: self.cut_loads.iter().copied().reduce(f64::max),
            documents_risk: cut_nodes as f64 / nodes.max(1) as f64
                * (0.0_f64.max(2.0 - mean_degree) / 2.0),
            risk,
            link_changes: per_s(u64::from(self.changes), 0) * 60.0,
            bytes_in,
            packets_in,
            congested,
        }
    }

    /// The risk of this node's part, and of each table's members that are in it.
    fn judge(&mut self, tables: &[(TableId, Vec<PeerId>)], now: Instant) -> Option<Risk> {
        self.watched.fit(now);
        self.tables.clear();
        if !self.watched.knows_enough() {
            return None;
        }
        let horizon_s = self.config.horizon.as_secs_f64();
        let own = self.kept.index(&self.own)? as usize;
        let mesh = self.kept.mesh();
        let part = &mesh.figures.component;
        let own_part = part.get(own).copied()?;
        let ours = |node: u32| part.get(node as usize) == Some(&own_part);
        let is_cut = |a, b| {
            let cut_edges = &mesh.figures.cut_edges;
            cut_edges.binary_search_by_key(&(a, b), |edge| (edge.a, edge.b)).is_ok()
        };
        self.standing.clear();
        for (edge, link) in self.kept.edges().iter().zip(&self.topology.links) {
            if ours(edge.a) {
                let (a, b) = (edge.a, edge.b);
                let habit = self.watched.habit(link, horizon_s);
                self.standing.push(Standing { a, b, habit, is_cut: is_cut(a, b) });
            }
        }
        let missing = self.watched.away().filter_map(|((a, b), returns)| {
            let (a, b) = (self.kept.index(&a)?, self.kept.index(&b)?);
            (ours(a) && ours(b)).then_some(Missing { a, b, returns })
        });
        self.missing.clear();
        self.missing.extend(missing);
        self.missing.sort_unstable_by(|x, y| y.returns.total_cmp(&x.returns));
        self.missing.truncate(AWAY_MAX);
        let links = Links {
            graph: mesh.graph,
            standing: &self.standing,
            missing: &self.missing,
            horizon_s,
        };
        for (table, members) in tables {
            let seated = members.iter().filter_map(|member| self.kept.index(member));
            let seated: Vec<u32> = seated.filter(|node| ours(*node)).collect();
            self.tables.push((*table, self.sampler.split(&links, &seated)));
        }
        let all: Vec<u32> = (0..mesh.graph.nodes()).filter(|node| ours(*node)).collect();
        Some(self.sampler.split(&links, &all))
    }
}

fn links_of(mesh: Mesh<'_>) -> usize {
    mesh.graph.edges()
}

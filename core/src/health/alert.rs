//! Alerts: figures of the mesh that passed a threshold, raised once and cleared once.
//!
//! Rules. An alert is raised when its figure was past the threshold in every snapshot for
//! [`RAISE_AFTER`], and cleared when it was better than it by a margin for [`CLEAR_AFTER`]:
//! a figure that swings about one line makes one alert, not many. A figure that was not measured
//! changes nothing, except where its absence is good news (no cut node has no load).
//!
//! Clustering and the load of cut nodes are judged from [`SHAPE_NODES_MIN`] nodes on: three nodes
//! in a line have a cut node with all the load and no triangle, and nobody can do anything about
//! it. The thresholds are settings; how much better than them is well again is a guess.

use super::{
    config::Thresholds,
    words::{AlertKind, Severity, Snapshot},
};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Two snapshots, so that one odd look at the mesh raises nothing.
const RAISE_AFTER: Duration = Duration::from_secs(5);

/// Four snapshots.
const CLEAR_AFTER: Duration = Duration::from_secs(20);

/// How far past its threshold a figure is well again.
const RISK_MARGIN: f64 = 0.1;
const DIAMETER_MARGIN: f64 = 1.0;
const CLUSTERING_MARGIN: f64 = 0.05;
const CUT_NODE_LOAD_MARGIN: f64 = 0.1;

/// Guess: the least mesh in which no node needs to be a cut node and triangles are affordable.
pub const SHAPE_NODES_MIN: usize = 8;

/// Cleared alerts that are remembered.
pub const CLEARED_MAX: usize = 32;

const KINDS: [AlertKind; 5] = [
    AlertKind::Risk,
    AlertKind::Diameter,
    AlertKind::Clustering,
    AlertKind::CutNodeLoad,
    AlertKind::Partitioned,
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alert {
    pub kind: AlertKind,
    pub severity: Severity,
    /// The figure when it was raised, and what it must not pass.
    pub value: f64,
    pub threshold: f64,
    pub raised: Instant,
    /// Missing while it stands.
    pub cleared: Option<Instant>,
}

/// What one snapshot changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlertChange {
    Raised(Alert),
    Cleared(Alert),
}

pub struct Alerts {
    thresholds: Thresholds,
    watches: [Watch; KINDS.len()],
    /// Newest first.
    cleared: VecDeque<Alert>,
}

/// One kind.
#[derive(Clone, Copy, Default)]
struct Watch {
    standing: Option<Alert>,
    /// Since when every snapshot spoke for a change: bad while none stands, well while one does.
    since: Option<Instant>,
}

/// What a snapshot says about one kind.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Bad {
        value: f64,
        threshold: f64,
    },
    /// Between the two thresholds, or not measured.
    Between,
    Well,
}

impl Alerts {
    pub fn new(thresholds: Thresholds) -> Alerts {
        Alerts { thresholds, watches: [Watch::default(); KINDS.len()], cleared: VecDeque::new() }
    }

    /// What was raised and cleared by this snapshot, at most one change of each kind.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot, now: Instant) -> Vec<AlertChange> {
        let mut changes = Vec::new();
        for (kind, watch) in KINDS.into_iter().zip(&mut self.watches) {
            let state = state(&self.thresholds, kind, snapshot);
            let Some(change) = watch.on_state(kind, state, now) else { continue };
            if let AlertChange::Cleared(alert) = change {
                self.cleared.truncate(CLEARED_MAX - 1);
                self.cleared.push_front(alert);
            }
            changes.push(change);
        }
        changes
    }

    /// In the order of [`AlertKind`].
    pub fn standing(&self) -> impl Iterator<Item = &Alert> {
        self.watches.iter().filter_map(|watch| watch.standing.as_ref())
    }

    /// The last [`CLEARED_MAX`], newest first.
    pub fn cleared(&self) -> impl Iterator<Item = &Alert> {
        self.cleared.iter()
    }
}

impl Watch {
    fn on_state(&mut self, kind: AlertKind, state: State, now: Instant) -> Option<AlertChange> {
        let wanted = match (&self.standing, state) {
            (None, State::Bad { .. }) => RAISE_AFTER,
            (Some(_), State::Well) => CLEAR_AFTER,
            (None, State::Between | State::Well)
            | (Some(_), State::Bad { .. } | State::Between) => {
                self.since = None;
                return None;
            }
        };
        let since = *self.since.get_or_insert(now);
        if now.since(since) < wanted {
            return None;
        }
        self.since = None;
        match (self.standing.take(), state) {
            (None, State::Bad { value, threshold }) => {
                let severity = severity(kind);
                let alert = Alert { kind, severity, value, threshold, raised: now, cleared: None };
                self.standing = Some(alert);
                Some(AlertChange::Raised(alert))
            }
            (Some(alert), _) => Some(AlertChange::Cleared(Alert { cleared: Some(now), ..alert })),
            (None, State::Between | State::Well) => None,
        }
    }
}

fn state(thresholds: &Thresholds, kind: AlertKind, snapshot: &Snapshot) -> State {
    let large = snapshot.nodes >= SHAPE_NODES_MIN;
    match kind {
        AlertKind::Risk => match &snapshot.risk {
            Some(risk) => above(thresholds.risk, RISK_MARGIN, risk.probability),
            None => State::Between,
        },
        AlertKind::Diameter => {
            let threshold = f64::from(thresholds.diameter);
            above(threshold, DIAMETER_MARGIN, f64::from(snapshot.diameter))
        }
        AlertKind::Clustering => match snapshot.clustering.filter(|_| large) {
            Some(value) if value < thresholds.clustering => {
                State::Bad { value, threshold: thresholds.clustering }
            }
            Some(value) if value < thresholds.clustering + CLUSTERING_MARGIN => State::Between,
            Some(_) | None => State::Well,
        },
        AlertKind::CutNodeLoad => match snapshot.cut_node_load.filter(|_| large) {
            Some(value) => above(thresholds.cut_node_load, CUT_NODE_LOAD_MARGIN, value),
            None => State::Well,
        },
        AlertKind::Partitioned => above(1.0, 0.0, snapshot.parts as f64),
    }
}

fn above(threshold: f64, margin: f64, value: f64) -> State {
    if value > threshold {
        State::Bad { value, threshold }
    } else if value > threshold - margin {
        State::Between
    } else {
        State::Well
    }
}

fn severity(kind: AlertKind) -> Severity {
    match kind {
        AlertKind::Risk | AlertKind::Partitioned => Severity::Critical,
        AlertKind::Diameter | AlertKind::Clustering | AlertKind::CutNodeLoad => Severity::Warning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Config, Risk, RiskMethod};

    /// A mesh about which nothing is to be said.
    fn sound() -> Snapshot {
        Snapshot {
            nodes: 20,
            links: 60,
            parts: 1,
            diameter: 4,
            clustering: Some(0.5),
            risk: Some(risk(0.1)),
            ..Snapshot::default()
        }
    }

    fn risk(probability: f64) -> Risk {
        Risk { probability, error: 0.0, method: RiskMethod::Exact, horizon_ms: 60_000 }
    }

    /// Snapshots every 5 s: for each that changed something its number, the kind and whether it
    /// was raised.
    fn run(snapshots: impl IntoIterator<Item = Snapshot>) -> Vec<(usize, AlertKind, bool)> {
        let mut alerts = Alerts::new(Config::default().thresholds);
        let mut seen = Vec::new();
        for (n, snapshot) in snapshots.into_iter().enumerate() {
            let now = Instant::from_millis(5000 * n as u64 + 3);
            for change in alerts.on_snapshot(&snapshot, now) {
                seen.push(match change {
                    AlertChange::Raised(alert) => (n, alert.kind, true),
                    AlertChange::Cleared(alert) => (n, alert.kind, false),
                });
            }
        }
        seen
    }

    #[test]
    fn each_kind_is_raised_by_its_second_snapshot_and_cleared_by_its_fifth() {
        let bad = [
            (AlertKind::Risk, Snapshot { risk: Some(risk(0.71)), ..sound() }),
            (AlertKind::Diameter, Snapshot { diameter: 9, ..sound() }),
            (AlertKind::Clustering, Snapshot { clustering: Some(0.29), ..sound() }),
            (AlertKind::CutNodeLoad, Snapshot { cut_node_load: Some(0.81), ..sound() }),
            (AlertKind::Partitioned, Snapshot { parts: 2, ..sound() }),
        ];
        for (kind, bad) in bad {
            let course = [vec![sound(); 3], vec![bad; 4], vec![sound(); 9]].concat();
            assert_eq!(run(course), [(4, kind, true), (11, kind, false)]);
        }
    }

    #[test]
    fn figures_at_their_thresholds_are_no_alert() {
        let at = Snapshot {
            risk: Some(risk(0.7)),
            diameter: 8,
            clustering: Some(0.3),
            cut_node_load: Some(0.8),
            ..sound()
        };
        assert_eq!(run(vec![at; 50]), []);
    }

    #[test]
    fn a_figure_that_swings_about_its_threshold_makes_one_alert() {
        let swing = (0..200).map(|n| {
            let probability = if n % 3 == 2 { 0.65 } else { 0.75 };
            Snapshot { risk: Some(risk(probability)), ..sound() }
        });
        assert_eq!(run(swing), [(1, AlertKind::Risk, true)]);
        let spikes = (0..200).map(|n| {
            let probability = if n % 2 == 0 { 0.9 } else { 0.1 };
            Snapshot { risk: Some(risk(probability)), ..sound() }
        });
        assert_eq!(run(spikes), [], "never bad for long enough");
    }

    #[test]
    fn a_risk_that_was_not_measured_neither_raises_nor_clears() {
        let bad = Snapshot { risk: Some(risk(0.9)), ..sound() };
        let unknown = Snapshot { risk: None, ..sound() };
        let course = [vec![unknown.clone(); 9], vec![bad; 2], vec![unknown; 50]].concat();
        assert_eq!(run(course), [(10, AlertKind::Risk, true)]);
    }

    #[test]
    fn the_shape_of_a_small_mesh_is_no_alert() {
        let line =
            |nodes| Snapshot { nodes, clustering: Some(0.0), cut_node_load: Some(1.0), ..sound() };
        assert_eq!(run(vec![line(SHAPE_NODES_MIN - 1); 50]), []);
        assert_eq!(run(vec![line(SHAPE_NODES_MIN); 50]).len(), 2);
    }

    #[test]
    fn what_stands_and_what_was_cleared_is_told_and_bounded() {
        let mut alerts = Alerts::new(Config::default().thresholds);
        let mut now = Instant::from_millis(1);
        let split = Snapshot { parts: 3, ..sound() };
        for _ in 0..CLEARED_MAX + 5 {
            for snapshot in [[&split; 6], [&sound(); 6]].concat() {
                alerts.on_snapshot(snapshot, now);
                now = now + Duration::from_secs(5);
            }
        }
        assert_eq!((alerts.standing().count(), alerts.cleared().count()), (0, CLEARED_MAX));
        let cleared: Vec<Option<Instant>> = alerts.cleared().map(|a| a.cleared).collect();
        assert!(cleared.windows(2).all(|pair| pair[0] > pair[1]), "newest first");
        alerts.on_snapshot(&split, now);
        alerts.on_snapshot(&split, now + Duration::from_secs(5));
        let standing: Vec<&Alert> = alerts.standing().collect();
        assert_eq!(standing.len(), 1);
        assert_eq!((standing[0].value, standing[0].threshold), (3.0, 1.0));
        assert_eq!((standing[0].severity, standing[0].cleared), (Severity::Critical, None));
    }
}

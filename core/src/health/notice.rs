//! What one snapshot gives to notice: alerts, anomalies, forecasts.
//!
//! Figures of the mesh go to all three; figures of each neighbour only to the search for anomalies.
//! A rate is the difference of two counts by the time between them, so it has no value at the first
//! snapshot that shows a neighbour.

use super::{
    Config, Link, NeighbourReading, Output, Readings,
    alert::{Alert, AlertChange, Alerts},
    detect::{self, Anomaly, Detectors},
    forecast::{Forecast, Forecasts},
    words::{METRICS, Metric, Snapshot, Subject},
};
use crate::{
    id::PeerId,
    limits::NODE_LINKS_MAX,
    sorted::SortedMap,
    time::{Duration, Instant},
};
use std::collections::VecDeque;

/// Anomalies kept. Guess: those of a bad hour.
pub const ANOMALIES_MAX: usize = 64;

/// A neighbour that is away is watched for so long after its link last changed. Guess: the two
/// minutes over which changes of one link are counted.
const AWAY_MAX: Duration = Duration::from_secs(120);

/// Neighbours whose links changed since the last snapshot or that are away; more are not told
/// apart.
const CHANGED_MAX: usize = NODE_LINKS_MAX;

pub(super) struct Notices {
    alerts: Alerts,
    detectors: Detectors,
    forecasts: Forecasts,
    /// Newest first.
    anomalies: VecDeque<Anomaly>,
    /// Changes since the last snapshot, and when the last was.
    changed: SortedMap<PeerId, (u32, Instant)>,
}

impl Notices {
    pub(super) fn new(config: &Config) -> Notices {
        let detect = detect::Config { multiplier: config.anomaly_multiplier };
        Notices {
            alerts: Alerts::new(config.thresholds),
            detectors: Detectors::new(detect),
            forecasts: Forecasts::new(config.forecast_horizon),
            anomalies: VecDeque::new(),
            changed: SortedMap::new(),
        }
    }

    /// A link came or went.
    pub(super) fn on_link(&mut self, own: PeerId, link: &Link, now: Instant) {
        let neighbour = match own {
            own if own == link.a => link.b,
            own if own == link.b => link.a,
            _ => return,
        };
        if self.changed.len() < CHANGED_MAX || self.changed.contains_key(&neighbour) {
            let (changes, at) = self.changed.or_insert_with(neighbour, || (0, now));
            (*changes, *at) = (*changes + 1, now);
        }
    }

    /// A neighbour is gone from the map.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.detectors.forget(Subject::Neighbour(peer));
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.standing().chain(self.alerts.cleared())
    }

    pub(super) fn anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        self.anomalies.iter()
    }

    pub(super) fn forecast(&self, metric: Metric) -> Option<Forecast> {
        self.forecasts.forecast(metric)
    }

    /// `before` are the readings of the last snapshot and their time.
    pub(super) fn on_snapshot(
        &mut self,
        snapshot: &Snapshot,
        before: (Instant, &Readings),
        readings: &Readings,
        now: Instant,
        mut tell: impl FnMut(Output),
    ) {
        for change in self.alerts.on_snapshot(snapshot, now) {
            tell(match change {
                AlertChange::Raised(alert) => Output::AlertRaised(alert),
                AlertChange::Cleared(alert) => Output::AlertCleared(alert),
            });
        }
        self.forecasts.on_snapshot(snapshot, now);
        for metric in METRICS {
            self.read(Subject::Mesh, metric, snapshot.value(metric), now);
        }
        let elapsed_s = now.since(before.0).as_secs_f64();
        for reading in &readings.neighbours {
            let earlier = &before.1.neighbours;
            let earlier = earlier.binary_search_by_key(&reading.peer, |n| n.peer);
            let earlier = earlier.ok().map(|at| &before.1.neighbours[at]);
            self.read_neighbour(reading, earlier.filter(|_| elapsed_s > 0.0), elapsed_s, now);
        }
        // Who is away at this moment may be so because its link flaps.
        for (neighbour, (changes, at)) in core::mem::take(&mut self.changed) {
            let is_away = readings.neighbours.binary_search_by_key(&neighbour, |n| n.peer).is_err();
            if is_away && now.since(at) < AWAY_MAX {
                let rate = per_minute(changes, elapsed_s);
                self.read(Subject::Neighbour(neighbour), Metric::LinkChanges, rate, now);
                self.changed.insert(neighbour, (0, at));
            }
        }
        // Two snapshots are never of one instant, so these are all new.
        let fresh = self.anomalies.iter().take_while(|anomaly| anomaly.at == now);
        fresh.for_each(|anomaly| tell(Output::AnomalyFound(anomaly.clone())));
    }

    fn read_neighbour(
        &mut self,
        reading: &NeighbourReading,
        earlier: Option<&NeighbourReading>,
        elapsed_s: f64,
        now: Instant,
    ) {
        let rate = |count: fn(&NeighbourReading) -> u64| {
            let more = count(reading).saturating_sub(count(earlier?));
            Some(more as f64 / elapsed_s)
        };
        let changes = self.changed.get(&reading.peer).map_or(0, |(changes, _)| *changes);
        let figures = [
            (Metric::MeanLatency, reading.rtt.map(|rtt| rtt.as_micros() as f64 / 2000.0)),
            (Metric::MeanReliability, Some(f64::from(reading.reliability))),
            (Metric::LinkChanges, per_minute(changes, elapsed_s)),
            (Metric::BytesIn, rate(|n| n.bytes_in)),
            (Metric::PacketsIn, rate(|n| n.frames_in)),
            (Metric::Congested, rate(|n| n.congested)),
        ];
        for (metric, value) in figures {
            self.read(Subject::Neighbour(reading.peer), metric, value, now);
        }
    }

    fn read(&mut self, subject: Subject, metric: Metric, value: Option<f64>, now: Instant) {
        let Some(value) = value else { return };
        if let Some(anomaly) = self.detectors.on_reading(subject, metric, value, now) {
            self.anomalies.truncate(ANOMALIES_MAX - 1);
            self.anomalies.push_front(anomaly);
        }
    }
}

fn per_minute(changes: u32, elapsed_s: f64) -> Option<f64> {
    (elapsed_s > 0.0).then(|| f64::from(changes) * 60.0 / elapsed_s)
}

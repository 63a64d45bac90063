//! What the snapshots and the neighbours' figures give to say: anomalies, alerts, forecasts.
//!
//! Feeds the three machines with the same figures at the same time and keeps what they found last.

use super::{
    alert::{AlertChange, Alerts},
    config::{NeighbourReading, Thresholds},
    detect::{Anomaly, Config, Detectors},
    forecast::{Forecast, Forecasts},
    pace::PAUSE_MAX,
    words::{METRICS, Metric, Snapshot, Subject},
};
use crate::{
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};
use std::collections::VecDeque;

/// Anomalies remembered.
pub const ANOMALIES_MAX: usize = 64;

/// How far ahead the figures are forecast.
const FORECAST_HORIZON: Duration = Duration::from_secs(30);

/// Neighbours whose counts are remembered: those of now, and those gone for less than
/// [`PAUSE_MAX`]. The one that was silent longest makes room.
pub const NEIGHBOURS_MAX: usize = crate::limits::LINKS_MAX;

pub struct Findings {
    detectors: Detectors,
    alerts: Alerts,
    forecasts: Forecasts,
    /// Newest first.
    anomalies: VecDeque<Anomaly>,
    neighbours: SortedMap<PeerId, Counted>,
}

/// A neighbour's counts at the last snapshot that had it, `at`; `looked` is the last that did or
/// did not.
struct Counted {
    frames_in: u64,
    congested: u64,
    at: Instant,
    looked: Instant,
}

impl Findings {
    pub fn new(thresholds: Thresholds) -> Findings {
        Findings {
            detectors: Detectors::new(Config::default()),
            alerts: Alerts::new(thresholds),
            forecasts: Forecasts::new(FORECAST_HORIZON),
            anomalies: VecDeque::new(),
            neighbours: SortedMap::new(),
        }
    }

    /// `neighbours` are those of now. Gives the alerts that were raised or cleared.
    pub fn on_snapshot(
        &mut self,
        snapshot: &Snapshot,
        neighbours: &[NeighbourReading],
        now: Instant,
    ) -> Vec<AlertChange> {
        self.forecasts.on_snapshot(snapshot, now);
        for metric in METRICS {
            if let Some(value) = snapshot.value(metric) {
                self.read(Subject::Mesh, metric, value, now);
            }
        }
        for neighbour in neighbours {
            self.on_neighbour(neighbour, now);
        }
        self.on_absent(now);
        self.alerts.on_snapshot(snapshot, now)
    }

    /// Newest first, at most [`ANOMALIES_MAX`].
    pub fn anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        self.anomalies.iter()
    }

    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Of every figure that was measured, in the order of [`METRICS`].
    pub fn forecasts(&self) -> impl Iterator<Item = (Metric, Forecast)> {
        METRICS.into_iter().filter_map(|metric| Some((metric, self.forecasts.forecast(metric)?)))
    }

    fn read(&mut self, subject: Subject, metric: Metric, value: f64, now: Instant) {
        let Some(anomaly) = self.detectors.on_reading(subject, metric, value, now) else { return };
        self.anomalies.truncate(ANOMALIES_MAX - 1);
        self.anomalies.push_front(anomaly);
    }

    fn on_neighbour(&mut self, reading: &NeighbourReading, now: Instant) {
        let subject = Subject::Neighbour(reading.peer);
        if self.neighbours.len() >= NEIGHBOURS_MAX && !self.neighbours.contains_key(&reading.peer) {
            let silent = self.neighbours.iter().min_by_key(|(_, counted)| counted.at);
            if let Some(peer) = silent.map(|(peer, _)| *peer) {
                self.neighbours.remove(&peer);
            }
        }
        let NeighbourReading { frames_in, congested, .. } = *reading;
        let counted = Counted { frames_in, congested, at: now, looked: now };
        if let Some(before) = self.neighbours.insert(reading.peer, counted) {
            let per_s = per_s(before.looked, now);
            let was_away = before.at < before.looked;
            // A link that was connected again counts from nothing.
            let (changes, frames, congested) = match frames_in.checked_sub(before.frames_in) {
                _ if was_away => (1, 0, 0),
                None => (2, 0, 0),
                Some(frames) => (0, frames, congested.saturating_sub(before.congested)),
            };
            self.read(subject, Metric::Congested, congested as f64 * per_s, now);
            self.read(subject, Metric::PacketsIn, frames as f64 * per_s, now);
            self.read(subject, Metric::LinkChanges, f64::from(changes) * per_s * 60.0, now);
        }
        let reliability = f64::from(reading.reliability);
        self.read(subject, Metric::MeanReliability, reliability, now);
        if let Some(rtt) = reading.rtt {
            let latency_ms = rtt.as_micros() as f64 / 2000.0;
            self.read(subject, Metric::MeanLatency, latency_ms, now);
        }
    }

    /// Neighbours that are not linked now: their links changed, or did not. One that stays away is
    /// forgotten.
    fn on_absent(&mut self, now: Instant) {
        let absent = self.neighbours.iter().filter(|(_, counted)| counted.looked < now);
        let absent: Vec<PeerId> = absent.map(|(peer, _)| *peer).collect();
        for peer in absent {
            let subject = Subject::Neighbour(peer);
            let Some(counted) = self.neighbours.get_mut(&peer) else { continue };
            if now.since(counted.at) > PAUSE_MAX {
                self.neighbours.remove(&peer);
                self.detectors.forget(subject);
                continue;
            }
            let has_left = counted.at == counted.looked;
            let per_s = per_s(counted.looked, now);
            counted.looked = now;
            let changes = if has_left { 1.0 } else { 0.0 };
            self.read(subject, Metric::LinkChanges, changes * per_s * 60.0, now);
        }
    }
}

/// One over the seconds between two looks; 0 when they are the same.
fn per_s(then: Instant, now: Instant) -> f64 {
    match now.since(then).as_secs_f64() {
        elapsed_s if elapsed_s > 0.0 => 1.0 / elapsed_s,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health;

    fn peer(number: u64) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        PeerId::from_bytes(bytes)
    }

    fn reading(number: u64, frames_in: u64) -> NeighbourReading {
        let rtt = Some(Duration::from_millis(40));
        NeighbourReading { peer: peer(number), rtt, reliability: 1.0, frames_in, congested: 0 }
    }

    fn findings() -> Findings {
        Findings::new(health::Config::default().thresholds)
    }

    #[test]
    fn a_neighbour_that_floods_is_named_and_a_new_connection_is_no_flood() {
        let mut findings = findings();
        let mut now = Instant::from_millis(1);
        let mut frames = [1000, 1_000_000];
        for n in 0..60 {
            frames = [frames[0] + if n < 50 { 10 } else { 5000 }, frames[1] + 10];
            if n == 40 {
                frames[1] = 3;
            }
            let neighbours = [reading(1, frames[0]), reading(2, frames[1])];
            findings.on_snapshot(&Snapshot::default(), &neighbours, now);
            now = now + Duration::from_secs(5);
        }
        let found: Vec<(Subject, Metric)> =
            findings.anomalies().map(|a| (a.subject, a.metric)).collect();
        assert_eq!(found, [(Subject::Neighbour(peer(1)), Metric::PacketsIn)]);
    }

    #[test]
    fn a_neighbour_whose_link_goes_twice_flaps_and_one_that_restarts_does_not() {
        for (outages, told) in [(vec![50, 51], 0), (vec![50, 51, 54], 1), (vec![50, 52, 54, 56], 1)]
        {
            let mut findings = findings();
            for n in 0..80_u64 {
                let there = (!outages.contains(&n)).then(|| reading(1, n * 10));
                let neighbours: Vec<NeighbourReading> = there.into_iter().collect();
                let now = Instant::from_millis(1 + n * 5000);
                findings.on_snapshot(&Snapshot::default(), &neighbours, now);
            }
            let found = findings.anomalies().map(|a| (a.subject, a.metric));
            let flapping = (Subject::Neighbour(peer(1)), Metric::LinkChanges);
            assert_eq!(found.collect::<Vec<_>>(), vec![flapping; told], "{outages:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_neighbours_that_stay_away_are_forgotten() {
        let mut findings = findings();
        let mut now = Instant::from_millis(1);
        for n in 0..60 {
            let many = 0..NEIGHBOURS_MAX as u64 + 20;
            let frames = if n < 50 { n * 50 } else { n * 500_000 };
            let neighbours: Vec<NeighbourReading> = many.map(|p| reading(p, frames)).collect();
            findings.on_snapshot(&Snapshot::default(), &neighbours, now);
            assert!(findings.neighbours.len() <= NEIGHBOURS_MAX);
            assert!(findings.anomalies.len() <= ANOMALIES_MAX);
            now = now + Duration::from_secs(5);
        }
        findings.on_snapshot(&Snapshot::default(), &[], now + PAUSE_MAX);
        assert_eq!(findings.neighbours.len(), 0);
        assert_eq!(findings.detectors.series(), METRICS.len() - 5);
    }
}

use super::*;
use crate::{
    health::pace::PAUSE_MAX,
    id::PeerId,
    seed::{Rng, Seed},
    time::Duration,
};

const PEER: Subject = Subject::Neighbour(PeerId::from_bytes([7; 32]));

/// A node's readings, one every 5 s.
struct Watch {
    detectors: Detectors,
    now: Instant,
    rng: Rng,
}

impl Watch {
    fn new(seed: u64) -> Watch {
        Watch {
            detectors: Detectors::new(Config::default()),
            now: Instant::from_millis(77),
            rng: Seed::from_number(seed).rng(),
        }
    }

    fn noise(&mut self) -> f64 {
        // The sum of four is bell-shaped enough; its deviation is 1.
        (0..4).map(|_| self.rng.below(2001) as f64 / 1000.0 - 1.0).sum::<f64>() * 0.866
    }

    fn wait(&mut self) {
        self.now = self.now + Duration::from_secs(5);
    }

    fn read(&mut self, subject: Subject, metric: Metric, value: f64) -> Option<Anomaly> {
        self.wait();
        self.detectors.on_reading(subject, metric, value, self.now)
    }

    /// Readings that must all be usual.
    fn quiet(
        &mut self,
        subject: Subject,
        metric: Metric,
        readings: usize,
        value: f64,
        spread: f64,
    ) {
        for _ in 0..readings {
            let reading = value + spread * self.noise();
            assert_eq!(self.read(subject, metric, reading), None, "{metric:?} {reading}");
        }
    }

    /// How many readings at `value` it takes to tell, and what is told.
    fn found(&mut self, subject: Subject, metric: Metric, value: f64) -> (usize, Anomaly) {
        for readings in 1..=60 {
            if let Some(anomaly) = self.read(subject, metric, value) {
                return (readings, anomaly);
            }
        }
        panic!("{metric:?} at {value} was not told");
    }
}

#[test]
fn a_week_of_noise_is_not_told() {
    let week = 7 * 24 * 720;
    Watch::new(1).quiet(PEER, Metric::MeanLatency, week, 25.0, 3.0);
    Watch::new(2).quiet(PEER, Metric::MeanLatency, week, 300.0, 80.0);
    Watch::new(3).quiet(Subject::Mesh, Metric::PacketsIn, week, 500.0, 100.0);
    Watch::new(4).quiet(Subject::Mesh, Metric::Clustering, week, 0.5, 0.1);
}

#[test]
fn a_slow_link_is_told_once_with_its_figures_and_a_cause() {
    let mut watch = Watch::new(5);
    watch.quiet(PEER, Metric::MeanLatency, 50, 20.0, 1.0);
    let (readings, anomaly) = watch.found(PEER, Metric::MeanLatency, 90.0);
    assert_eq!(readings, 2, "a step that stays");
    assert_eq!((anomaly.subject, anomaly.metric), (PEER, Metric::MeanLatency));
    assert_eq!((anomaly.detector, anomaly.severity), (Detector::RateOfChange, Severity::Warning));
    assert!((anomaly.expected - 20.0).abs() < 2.0 && anomaly.value == 90.0);
    assert!(anomaly.score > 10.0);
    let start = "The link to 07070707 has become slower: latency in ms is 90, usually 2";
    assert!(anomaly.cause.starts_with(start), "{}", anomaly.cause);
    for _ in 0..500 {
        assert_eq!(watch.read(PEER, Metric::MeanLatency, 90.0), None);
    }
    watch.quiet(PEER, Metric::MeanLatency, 100, 20.0, 1.0);
    let again = watch.found(PEER, Metric::MeanLatency, 90.0);
    assert_eq!(again.0, 2, "it is told again when it was over");
}

#[test]
fn a_link_that_slows_little_by_little_is_found_by_the_persistence_of_its_readings() {
    let mut watch = Watch::new(6);
    watch.quiet(PEER, Metric::MeanLatency, 50, 20.0, 0.5);
    let found = (1..100).find_map(|n| {
        let anomaly = watch.read(PEER, Metric::MeanLatency, 20.0 + 2.0 * f64::from(n))?;
        Some((n, anomaly.detector))
    });
    let (readings, detector) = found.unwrap();
    assert!(readings <= 14, "{readings}");
    assert_ne!(detector, Detector::RateOfChange);
}

#[test]
fn a_small_shift_that_lasts_is_a_change_point() {
    let mut watch = Watch::new(7);
    watch.quiet(PEER, Metric::MeanLatency, 60, 20.0, 0.5);
    let (readings, anomaly) = watch.found(PEER, Metric::MeanLatency, 31.0);
    assert_eq!(anomaly.detector, Detector::ChangePoint);
    assert!((6..=12).contains(&readings), "{readings}");
}

#[test]
fn what_gets_better_is_no_anomaly() {
    let mut watch = Watch::new(8);
    for (metric, usual, better) in [
        (Metric::MeanLatency, 100.0, 5.0),
        (Metric::MeanReliability, 0.5, 1.0),
        (Metric::PacketsIn, 1000.0, 0.0),
    ] {
        watch.quiet(PEER, metric, 50, usual, 0.0);
        watch.quiet(PEER, metric, 50, better, 0.0);
    }
    watch.quiet(Subject::Mesh, Metric::Nodes, 50, 10.0, 0.0);
    watch.quiet(Subject::Mesh, Metric::Nodes, 50, 12.0, 0.0);
    watch.quiet(Subject::Mesh, Metric::Parts, 50, 2.0, 0.0);
    watch.quiet(Subject::Mesh, Metric::Parts, 50, 1.0, 0.0);
}

#[test]
fn one_wild_reading_is_not_told() {
    let mut watch = Watch::new(9);
    for metric in METRICS {
        watch.quiet(Subject::Mesh, metric, 50, 10.0, 0.0);
        for wild in [1e12, -1e12, f64::MAX, f64::MIN] {
            assert_eq!(watch.read(Subject::Mesh, metric, wild), None, "{metric:?}");
            watch.quiet(Subject::Mesh, metric, 90, 10.0, 0.0);
        }
    }
}

#[test]
fn one_lost_node_is_told_by_its_second_reading() {
    let mut watch = Watch::new(10);
    watch.quiet(Subject::Mesh, Metric::Nodes, 50, 8.0, 0.0);
    let (readings, anomaly) = watch.found(Subject::Mesh, Metric::Nodes, 7.0);
    assert_eq!((readings, anomaly.expected), (2, 8.0));
    assert!(anomaly.cause.starts_with("Nodes left the mesh or died: nodes is 7"));
}

#[test]
fn a_split_is_critical_and_covers_the_figures_it_moves() {
    let mut watch = Watch::new(11);
    let read = |watch: &mut Watch, parts: f64, links: f64| {
        watch.wait();
        let now = watch.now;
        let readings = [(Metric::Parts, parts), (Metric::Links, links)];
        let found = readings
            .map(|(metric, value)| watch.detectors.on_reading(Subject::Mesh, metric, value, now));
        found.into_iter().flatten().collect::<Vec<_>>()
    };
    for _ in 0..50 {
        assert_eq!(read(&mut watch, 1.0, 12.0), []);
    }
    let told: Vec<Anomaly> = (0..50).flat_map(|_| read(&mut watch, 2.0, 9.0)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].metric, told[0].severity), (Metric::Parts, Severity::Critical));
}

#[test]
fn links_that_come_and_go_for_a_minute_flap_and_one_lost_link_does_not() {
    let mut watch = Watch::new(12);
    watch.quiet(Subject::Mesh, Metric::LinkChanges, 50, 0.0, 0.0);
    for changes in [48.0, 12.0, 0.0, 0.0] {
        assert_eq!(watch.read(Subject::Mesh, Metric::LinkChanges, changes), None);
    }
    watch.quiet(Subject::Mesh, Metric::LinkChanges, 80, 0.0, 0.0);
    let found = (0..12).find_map(|n| {
        let changes = if n % 2 == 0 { 12.0 } else { 0.0 };
        watch.read(Subject::Mesh, Metric::LinkChanges, changes)
    });
    assert!(found.unwrap().cause.starts_with("Links come and go"));
}

#[test]
fn figures_that_move_together_have_one_cause() {
    let mut watch = Watch::new(13);
    let read = |watch: &mut Watch, congested: f64, latency: f64| {
        watch.wait();
        let now = watch.now;
        let readings = [(Metric::Congested, congested), (Metric::MeanLatency, latency)];
        let found =
            readings.map(|(metric, value)| watch.detectors.on_reading(PEER, metric, value, now));
        found.into_iter().flatten().collect::<Vec<_>>()
    };
    for _ in 0..50 {
        assert_eq!(read(&mut watch, 0.0, 20.0), []);
    }
    let told: Vec<Anomaly> = (0..10).flat_map(|_| read(&mut watch, 9.0, 400.0)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].cause.contains("carries all it can"), "{}", told[0].cause);
}

#[test]
fn a_neighbour_that_sends_too_much_floods() {
    let mut watch = Watch::new(14);
    watch.quiet(PEER, Metric::PacketsIn, 50, 20.0, 5.0);
    let (readings, anomaly) = watch.found(PEER, Metric::PacketsIn, 500.0);
    assert!(readings <= 3);
    assert!(anomaly.cause.starts_with("07070707 floods this node"));
}

#[test]
fn a_growing_mesh_may_change_its_shape() {
    let mut watch = Watch::new(15);
    let read = |watch: &mut Watch, nodes: f64, cut_nodes: f64| {
        watch.wait();
        let now = watch.now;
        watch.detectors.on_reading(Subject::Mesh, Metric::Nodes, nodes, now);
        watch.detectors.on_reading(Subject::Mesh, Metric::CutNodes, cut_nodes, now)
    };
    for _ in 0..50 {
        assert_eq!(read(&mut watch, 5.0, 0.0), None);
    }
    for _ in 0..10 {
        assert_eq!(read(&mut watch, 9.0, 4.0), None);
    }
}

#[test]
fn readings_that_come_too_soon_count_once_and_lose_nothing() {
    let mut watch = Watch::new(16);
    watch.quiet(PEER, Metric::PacketsIn, 50, 20.0, 1.0);
    // A thousand times one event in a millisecond each, within what is one reading.
    for _ in 0..1000 {
        watch.now = watch.now + Duration::from_millis(1);
        assert_eq!(watch.detectors.on_reading(PEER, Metric::PacketsIn, 1000.0, watch.now), None);
    }
    watch.quiet(PEER, Metric::PacketsIn, 50, 20.0, 1.0);
}

#[test]
fn after_a_pause_what_was_usual_is_learnt_anew() {
    let mut watch = Watch::new(17);
    watch.quiet(PEER, Metric::MeanLatency, 50, 20.0, 1.0);
    watch.now = watch.now + PAUSE_MAX;
    watch.quiet(PEER, Metric::MeanLatency, 50, 200.0, 1.0);
}

#[test]
fn what_is_not_finite_is_refused() {
    let mut watch = Watch::new(18);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(watch.read(PEER, Metric::Risk, value), None);
    }
    assert_eq!(watch.detectors.series(), 0);
}

#[test]
fn series_and_incidents_are_bounded_and_can_be_forgotten() {
    let mut watch = Watch::new(19);
    let subject = |n: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
        Subject::Neighbour(PeerId::from_bytes(bytes))
    };
    let peers = SERIES_MAX / METRICS.len() + 10;
    for value in [10.0, 1e6] {
        for _ in 0..30 {
            watch.wait();
            for n in 0..peers {
                for metric in METRICS {
                    watch.detectors.on_reading(subject(n), metric, value, watch.now);
                    assert!(watch.detectors.series() <= SERIES_MAX);
                    assert!(watch.detectors.incidents.len() <= INCIDENTS_MAX);
                }
            }
        }
    }
    assert_eq!(watch.detectors.series(), SERIES_MAX);
    for n in 0..400 {
        watch.detectors.is_news(subject(n), Cause::Slow, watch.now);
    }
    assert_eq!(watch.detectors.incidents.len(), INCIDENTS_MAX);
    (0..peers).for_each(|n| watch.detectors.forget(subject(n)));
    assert_eq!(watch.detectors.series(), 0);
}

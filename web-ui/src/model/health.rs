//! Figures of a mesh as people read them: names, units, and which are drawn over time.

use super::{
    chart::{self, Chart, Words},
    text::{self, decimal},
};
use bitcraps_core::node::{
    AlertKind, ComponentState, Detector, HealthView, Metric, RepairGoal, RepairState, Severity,
    Subject,
};

/// How a figure is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    /// Two decimals.
    Share,
    Percent,
    Millis,
    BytesPerSecond,
    PerSecond,
    PerMinute,
}

pub fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Nodes => "Nodes",
        Metric::Links => "Links",
        Metric::Parts => "Parts",
        Metric::MeanLatency => "Mean latency",
        Metric::MeanReliability => "Mean reliability",
        Metric::Diameter => "Diameter",
        Metric::Clustering => "Clustering",
        Metric::CutNodes => "Cut nodes",
        Metric::CutEdges => "Bridges",
        Metric::CutNodeLoad => "Load of the busiest cut node",
        Metric::Risk => "Risk of a split",
        Metric::LinkChanges => "Links that came or went",
        Metric::BytesIn => "Received here",
        Metric::PacketsIn => "Packets received here",
        Metric::Congested => "Frames dropped here",
    }
}

/// What a figure means, in a few words.
pub fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Nodes => "peers on the map",
        Metric::Links => "pairs of peers that are linked",
        Metric::Parts => "1 is a whole mesh",
        Metric::MeanLatency => "one way, over all measured links",
        Metric::MeanReliability => "share of pings that are answered",
        Metric::Diameter => "hops between the two peers farthest apart",
        Metric::Clustering => "how often two neighbours of a peer are linked themselves",
        Metric::CutNodes => "peers whose loss cuts others off",
        Metric::CutEdges => "links whose loss cuts others off",
        Metric::CutNodeLoad => "share of pairs that only it joins",
        Metric::Risk => "that what is one part now falls apart soon",
        Metric::LinkChanges => "flapping links show here",
        Metric::BytesIn => "over all links of this peer",
        Metric::PacketsIn => "over all links of this peer",
        Metric::Congested => "its links could not take them",
    }
}

fn unit(metric: Metric) -> Unit {
    match metric {
        Metric::Nodes
        | Metric::Links
        | Metric::Parts
        | Metric::Diameter
        | Metric::CutNodes
        | Metric::CutEdges => Unit::Count,
        Metric::Clustering => Unit::Share,
        Metric::MeanReliability | Metric::CutNodeLoad | Metric::Risk => Unit::Percent,
        Metric::MeanLatency => Unit::Millis,
        Metric::LinkChanges => Unit::PerMinute,
        Metric::BytesIn => Unit::BytesPerSecond,
        Metric::PacketsIn | Metric::Congested => Unit::PerSecond,
    }
}

/// The figure with its unit; "–" when it was not measured.
pub fn figure(metric: Metric, value: Option<f64>) -> String {
    let Some(value) = value.filter(|v| v.is_finite()) else { return text::UNKNOWN.to_owned() };
    let value = value.max(0.0);
    match unit(metric) {
        Unit::Count if value.fract() == 0.0 => decimal(value, 0),
        Unit::Count => decimal(value, 1),
        Unit::Share => decimal(value, 2),
        Unit::Percent => text::percent(value),
        Unit::Millis => text::latency(Some(value)),
        Unit::BytesPerSecond => text::bytes_per_second(value),
        Unit::PerSecond => [&decimal(value, usize::from(value < 10.0)), " /s"].concat(),
        Unit::PerMinute => [&decimal(value, usize::from(value < 10.0)), " /min"].concat(),
    }
}

/// `None` when the figure was never measured.
pub fn chart(metric: Metric, health: &HealthView) -> Option<Chart> {
    let history = health.history.iter();
    let past = history.map(|sample| (sample.age_ms, sample.snapshot.value(metric)));
    let mut past = chart::thin(past.collect());
    let now = health.snapshot.as_ref().and_then(|snapshot| snapshot.value(metric));
    past.push((health.age_ms.unwrap_or(0).min(past.last().map_or(u64::MAX, |p| p.0)), now));
    let forecast = health.forecasts.iter().find(|forecast| forecast.metric == metric);
    let ahead = forecast.and_then(|f| Some((f.horizon_ms, f.expected?)));
    let write = |value| figure(metric, value);
    Chart::of(Words { name: name(metric), meaning: meaning(metric) }, &past, ahead, &write)
}

pub fn alert(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Risk => "The mesh may fall apart",
        AlertKind::Diameter => "Messages need many hops",
        AlertKind::Clustering => "Few neighbours are linked among themselves",
        AlertKind::CutNodeLoad => "Too much depends on one peer",
        AlertKind::Partitioned => "The mesh has fallen apart",
    }
}

/// The figure that an alert is about.
pub fn alert_metric(kind: AlertKind) -> Metric {
    match kind {
        AlertKind::Risk => Metric::Risk,
        AlertKind::Diameter => Metric::Diameter,
        AlertKind::Clustering => Metric::Clustering,
        AlertKind::CutNodeLoad => Metric::CutNodeLoad,
        AlertKind::Partitioned => Metric::Parts,
    }
}

pub fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Info => ("note", "info"),
        Severity::Warning => ("warning", "warn"),
        Severity::Critical => ("critical", "bad"),
    }
}

pub fn detector(detector: Detector) -> &'static str {
    match detector {
        Detector::ZScore => "standard deviations from the mean",
        Detector::Median => "deviations from the median",
        Detector::ChangePoint => "on the scale of lasting shifts",
        Detector::RateOfChange => "times the usual step",
    }
}

/// `names` puts a name to a peer.
pub fn subject(subject: Subject, names: impl Fn(&bitcraps_core::id::PeerId) -> String) -> String {
    match subject {
        Subject::Mesh => "the mesh".to_owned(),
        Subject::Neighbour(peer) => ["the link to ", &names(&peer)].concat(),
    }
}

pub fn goal(goal: RepairGoal) -> &'static str {
    match goal {
        RepairGoal::JoinParts => "joins two parts",
        RepairGoal::Bypass => "leads around a weak point",
        RepairGoal::Shortcut => "shortens the longest ways",
        RepairGoal::Thicken => "links two neighbours",
        RepairGoal::Table => "brings a player nearer to its table",
    }
}

pub fn repair_state(state: RepairState) -> &'static str {
    match state {
        RepairState::Planned => "planned",
        RepairState::Trying => "being dialled",
        RepairState::Linked => "linked, being checked",
        RepairState::Verified => "done, it helped",
        RepairState::NoGain => "linked, but it did not help",
        RepairState::Failed => "failed, tried again later",
        RepairState::GivenUp => "given up",
    }
}

/// A word, a class, and what is wrong if anything is.
pub fn component(state: &ComponentState) -> (&'static str, &'static str, &str) {
    match state {
        ComponentState::Healthy => ("healthy", "good", ""),
        ComponentState::Off { why } => ("off", "info", why),
        ComponentState::Degraded { why } => ("degraded", "warn", why),
        ComponentState::Unhealthy { error } => ("unhealthy", "bad", error),
        ComponentState::Unknown => ("not heard of yet", "info", ""),
    }
}

/// The sentence at the top.
pub fn headline(health: &HealthView) -> String {
    let standing = health.alerts.iter().filter(|alert| alert.cleared_ms.is_none()).count();
    match (&health.snapshot, standing) {
        (None, _) => "No look at the mesh yet; the first comes within seconds.".to_owned(),
        (Some(_), 0) => "All is well: no alert stands.".to_owned(),
        (Some(_), n) => [&text::counted(n, "alert stands", "alerts stand"), "."].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::node::{BandView, ForecastView, METRICS, SampleView, Snapshot};

    fn sample(age_ms: u64, diameter: u32, clustering: Option<f64>) -> SampleView {
        let snapshot = Snapshot { diameter, clustering, ..Snapshot::default() };
        SampleView { age_ms, snapshot }
    }

    fn health(history: Vec<SampleView>) -> HealthView {
        let snapshot = history.last().map(|sample| sample.snapshot.clone());
        HealthView { snapshot, age_ms: Some(0), history, ..HealthView::default() }
    }

    #[test]
    fn figures_are_written_with_their_unit_and_the_unknown_as_unknown() {
        for (metric, value, said) in [
            (Metric::Diameter, Some(4.0), "4"),
            (Metric::Diameter, Some(4.25), "4.3"),
            (Metric::Clustering, Some(0.456), "0.46"),
            (Metric::Clustering, Some(1.02), "1.02"),
            (Metric::Risk, Some(0.034), "3.4 %"),
            (Metric::Risk, Some(0.5), "50 %"),
            (Metric::MeanLatency, Some(12.0), "12 ms"),
            (Metric::BytesIn, Some(900.0), "900 B/s"),
            (Metric::BytesIn, Some(12_345.0), "12 kB/s"),
            (Metric::LinkChanges, Some(0.5), "0.5 /min"),
            (Metric::Risk, None, "–"),
            (Metric::Risk, Some(f64::NAN), "–"),
        ] {
            assert_eq!(figure(metric, value), said);
        }
    }

    #[test]
    fn a_line_runs_from_left_to_right_and_stops_where_nothing_was_measured() {
        let shares = [Some(0.0), Some(1.0), None, Some(0.5), Some(1.0)];
        let ages = [40_000, 30_000, 20_000, 10_000, 0];
        let past = ages.into_iter().zip(shares).map(|(age, share)| sample(age, 1, share));
        let chart = chart(Metric::Clustering, &health(past.collect())).unwrap();
        assert_eq!(chart.lines, ["0,117 150,16 ", "450,67 600,16 600,16 "]);
        assert_eq!((&*chart.low, &*chart.high, chart.span_ms), ("0.00", "1.00", 40_000));
        assert!(chart.said().starts_with("Clustering over the last 40 s: 1.00 now"));
    }

    #[test]
    fn what_was_never_measured_has_no_chart_and_a_flat_line_is_inside_the_drawing() {
        let flat = health((0..900).rev().map(|n| sample(n * 5000, 3, None)).collect());
        assert_eq!(chart(Metric::Clustering, &flat), None);
        let flat = chart(Metric::Diameter, &flat).unwrap();
        assert_eq!(flat.lines.len(), 1);
        assert!(flat.lines[0].split_whitespace().count() <= chart::POINTS_MAX + 1);
        assert!(flat.lines[0].split_whitespace().all(|point| point.ends_with(",16")));
        assert_eq!(chart(Metric::Risk, &health(Vec::new())), None);
    }

    #[test]
    fn a_forecast_opens_to_the_right_of_now() {
        let mut health = health((0..5).rev().map(|n| sample(n * 10_000, 4, None)).collect());
        let expected = Some(BandView { value: 6.0, low: 4.0, high: 8.0 });
        let forecast =
            ForecastView { metric: Metric::Diameter, now: 4.0, horizon_ms: 30_000, expected };
        health.forecasts.push(forecast.clone());
        let drawn = chart(Metric::Diameter, &health).unwrap();
        let band = drawn.band.as_ref().unwrap();
        assert_eq!(band.outline, "480,67 600,16 600,67 ");
        assert_eq!(band.said, "in 30 s probably 6, between 4 and 8");
        assert!(drawn.said().ends_with("; in 30 s probably 6, between 4 and 8."));
        health.forecasts = vec![ForecastView { expected: None, ..forecast }];
        assert_eq!(chart(Metric::Diameter, &health).unwrap().band, None, "no confidence, no band");
    }

    #[test]
    fn every_metric_has_words() {
        assert!(METRICS.iter().all(|m| !name(*m).is_empty() && !meaning(*m).is_empty()));
    }
}

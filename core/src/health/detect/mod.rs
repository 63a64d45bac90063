//! Finds what is unusual in the figures of the mesh and of each neighbour.
//!
//! Rules. A series is one figure of one subject. What is usual is told by the readings of the last
//! minutes without those of the last one ([`ring`]); every score is a distance from it on the side
//! that is bad for the figure, in units of its spread, which is never less than the figure's noise
//! floor ([`rule`]).
//!
//! A z-score of [`Config::multiplier`] (2.0) makes a reading *unusual*. One reading in forty is
//! that by chance alone, so it is never enough. A reading is *out* when it is unusual and the
//! robust score reaches [`ROBUST_LIMIT`]. An anomaly is one of
//! - enough of the last readings out, as the figure's rule says ([`Detector::ZScore`] or
//!   [`Detector::Median`], whichever shows it more clearly);
//! - a step of [`STEP_LIMIT`] spreads from one reading to the next, and the reading after it is
//!   out, too ([`Detector::RateOfChange`]): found sooner than the above;
//! - a cumulative sum of [`CUSUM_LIMIT`] while the reading is unusual ([`Detector::ChangePoint`]):
//!   a small shift that lasts.
//!
//! A series tells its anomaly once, until none of its last readings is out; a subject tells each
//! cause once in [`REFRACTORY`]. Growth is no fault: while the number of nodes is above what was
//! usual, figures of the mesh's shape are not judged.
//!
//! It does not know what became of an anomaly, nor act on it.

mod cause;
mod ring;
mod rule;
mod score;

#[cfg(test)]
mod tests;

use super::{
    pace::{Kind, Pace, Paced},
    words::{Detector, METRICS, Metric, Severity, Subject},
};
use crate::{
    limits::NODE_LINKS_MAX,
    sorted::SortedMap,
    time::{Duration, Instant},
};
use cause::Cause;
use ring::{Baseline, Ring};
use rule::{Rule, rule};
use score::{Score, cumulate};
use std::collections::VecDeque;

/// Robust scores of a reading that is out. Iglewicz and Hoaglin 1993 say 3.5 for single outliers;
/// more because noise on links has heavier tails than theirs.
const ROBUST_LIMIT: f64 = 4.0;

/// Guess: twice and a half what makes a reading out.
const STEP_LIMIT: f64 = 10.0;

/// Twelve readings, a minute, at two spreads; four at any distance.
const CUSUM_LIMIT: f64 = 12.0;

/// A cause is told once in this time for one subject. Guess.
const REFRACTORY: Duration = Duration::from_secs(120);

/// Figures of a neighbour: latency, reliability, link changes, bytes, packets, congestion.
const NEIGHBOUR_METRICS: usize = 6;

/// Series watched at once: those of the mesh and of as many neighbours as a node announces. The
/// one that was silent longest makes room.
pub const SERIES_MAX: usize = METRICS.len() + NODE_LINKS_MAX * NEIGHBOUR_METRICS;

/// Causes told lately. Guess: more in [`REFRACTORY`] is one big incident; the oldest makes room.
pub const INCIDENTS_MAX: usize = 128;

#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Standard deviations from the mean that make a reading unusual.
    pub multiplier: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { multiplier: 2.0 }
    }
}

/// Something unusual, with the figures behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    pub subject: Subject,
    pub metric: Metric,
    pub detector: Detector,
    pub severity: Severity,
    /// In the metric's unit.
    pub value: f64,
    /// What was usual, in the metric's unit.
    pub expected: f64,
    /// In the detector's unit: standard deviations, scaled median deviations or spreads summed up.
    pub score: f64,
    pub at: Instant,
    /// What probably happened, as a sentence.
    pub cause: String,
    /// What to do about it, as a sentence.
    pub action: &'static str,
}

/// All series of one node.
pub struct Detectors {
    config: Config,
    series: SortedMap<(Subject, Metric), Series>,
    /// Oldest first.
    incidents: VecDeque<(Subject, Cause, Instant)>,
}

#[derive(Default)]
struct Series {
    ring: Ring,
    pace: Pace,
    /// Which of the last readings were out, the newest in the lowest bit.
    out: u32,
    /// Whether the newest reading was a step.
    stepped: bool,
    cusum: f64,
    /// Above what was usual.
    grown: bool,
    /// Whether its anomaly was told and is not over.
    told: bool,
}

/// What the newest reading of a series shows.
struct Finding {
    detector: Detector,
    score: f64,
    expected: f64,
}

impl Detectors {
    pub fn new(config: Config) -> Detectors {
        Detectors { config, series: SortedMap::new(), incidents: VecDeque::new() }
    }

    /// One reading, in the metric's unit, at every snapshot. What is not finite is refused and
    /// changes nothing. Tell all figures of a subject at the same `now`: a cause is
    /// seen in those that moved together. O(readings kept).
    pub fn on_reading(
        &mut self,
        subject: Subject,
        metric: Metric,
        value: f64,
        now: Instant,
    ) -> Option<Anomaly> {
        if !value.is_finite() {
            return None;
        }
        let key = (subject, metric);
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            self.make_room();
        }
        let rule = rule(subject, metric);
        let series = self.series.or_default(key);
        let value = series.gather(Kind::of(metric), value, now)?;
        let finding = series.judge(&rule, Kind::of(metric), self.config.multiplier, value)?;
        if is_shape(metric) && self.is_growing() {
            return None;
        }
        let cause = Cause::of(subject, metric, |other| {
            self.series.get(&(subject, other)).is_some_and(|s| s.out & 0b11 != 0)
        });
        // Told from here on, also when another figure of the subject spoke of it first.
        self.series.get_mut(&key)?.told = true;
        if !self.is_news(subject, cause, now) {
            return None;
        }
        let Finding { detector, score, expected } = finding;
        Some(Anomaly {
            subject,
            metric,
            detector,
            severity: cause.severity(),
            value,
            expected,
            score,
            at: now,
            cause: cause.sentence(subject, metric, value, expected),
            action: cause.action(),
        })
    }

    /// Forgets what was usual of a subject: a neighbour that is gone for good.
    pub fn forget(&mut self, subject: Subject) {
        self.series.retain(|(of, _), _| *of != subject);
    }

    /// Series watched now.
    pub fn series(&self) -> usize {
        self.series.len()
    }

    fn make_room(&mut self) {
        let silent = self.series.iter().min_by_key(|(_, series)| series.pace.heard());
        if let Some(key) = silent.map(|(key, _)| *key) {
            self.series.remove(&key);
        }
    }

    fn is_growing(&self) -> bool {
        self.series.get(&(Subject::Mesh, Metric::Nodes)).is_some_and(|nodes| nodes.grown)
    }

    fn is_news(&mut self, subject: Subject, cause: Cause, now: Instant) -> bool {
        self.incidents.retain(|(.., told)| now.since(*told) < REFRACTORY);
        if self.incidents.iter().any(|(of, told, _)| *of == subject && told.covers(cause)) {
            return false;
        }
        if self.incidents.len() >= INCIDENTS_MAX {
            self.incidents.pop_front();
        }
        self.incidents.push_back((subject, cause, now));
        true
    }
}

impl Series {
    /// The next reading, once enough time has passed since the last one.
    fn gather(&mut self, kind: Kind, value: f64, now: Instant) -> Option<f64> {
        match self.pace.on_value(kind, value, now) {
            Paced::TooSoon => None,
            Paced::Reading(value) => Some(value).filter(|value| value.is_finite()),
            Paced::Afresh(value) => {
                *self = Series { pace: self.pace, ..Series::default() };
                Some(value)
            }
        }
    }

    /// Takes one reading and says what is unusual about it, if that is new.
    fn judge(&mut self, rule: &Rule, kind: Kind, multiplier: f64, value: f64) -> Option<Finding> {
        let before = self.ring.newest().unwrap_or(value);
        self.ring.push(value);
        let usual = self.ring.baseline()?;
        let score = Score::new(rule, &usual, before, value);
        let unusual = score.z >= multiplier;
        let out = unusual && score.robust >= ROBUST_LIMIT;
        let follows_step = self.stepped;
        self.stepped = kind == Kind::Level && score.step >= STEP_LIMIT;
        self.out = (self.out << 1) | u32::from(out);
        self.cusum = cumulate(self.cusum, score.robust);
        self.grown = value > usual.median;
        let finding = self.decide(rule, &usual, &score, follows_step, unusual);
        if self.told && self.out & last(rule.last) == 0 && self.cusum < CUSUM_LIMIT / 2.0 {
            self.told = false;
        }
        finding.filter(|_| !self.told)
    }

    fn decide(
        &self,
        rule: &Rule,
        usual: &Baseline,
        score: &Score,
        follows_step: bool,
        unusual: bool,
    ) -> Option<Finding> {
        let out = self.out & 1 != 0;
        let found = |detector, score, expected| Some(Finding { detector, score, expected });
        if out && (self.out & last(rule.last)).count_ones() >= rule.needed {
            return if score.z > score.robust {
                found(Detector::ZScore, score.z, usual.mean)
            } else {
                found(Detector::Median, score.robust, usual.median)
            };
        }
        if out && follows_step {
            return found(Detector::RateOfChange, score.robust, usual.median);
        }
        if unusual && self.cusum >= CUSUM_LIMIT {
            return found(Detector::ChangePoint, self.cusum, usual.median);
        }
        None
    }
}

/// The lowest bits, one for each of the last readings.
fn last(readings: u32) -> u32 {
    (1 << readings) - 1
}

/// Figures that change with every node that joins.
fn is_shape(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Diameter
            | Metric::Clustering
            | Metric::CutNodes
            | Metric::CutEdges
            | Metric::CutNodeLoad
            | Metric::Risk
    )
}

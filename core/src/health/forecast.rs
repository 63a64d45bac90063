//! What the figures of the mesh will be in half a minute, with a band, or that nobody can tell.
//!
//! Rules. Several simple models forecast every figure at every reading. When the time has come,
//! each is marked by how wrong it was, and so is "as now". The model with the least mean absolute
//! error of late is the one that speaks, and only while it and what was chosen in its place before
//! were better than "as now" by [`BETTER`]: a model that happened to fit in hindsight has not
//! shown that it can be picked in time. The band is where nine in ten of the model's own late
//! errors lie.
//!
//! The models: the mean and the median of the last minutes; the same level with an exponential
//! memory; a first-order autoregression, which goes back to the mean as fast as the figure did
//! before; and Holt's trend, damped (Gardner and McKenzie 1985). A figure that never moves has no
//! forecast: "as now" cannot be beaten there.

use super::{
    pace::{Kind, Pace, Paced},
    words::{METRICS, Metric, Snapshot},
};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Between two readings.
const STEP: Duration = Duration::from_secs(5);

/// Readings kept: four minutes for the autoregression, of which the mean and the median see two.
pub const WINDOW_MAX: usize = 48;
const LATE: usize = 24;

/// Marks kept: twenty minutes. Forecasts that overlap by all but a reading are nearly the same, so
/// some forty of them are independent.
pub const MARKS_MAX: usize = 240;
/// Marks a forecast needs. Guess.
const MARKS_MIN: usize = 48;

/// The newest marks, two minutes of them, have to be no worse than "as now": after a change of the
/// mesh a good record of before is worth nothing.
const NEWEST: usize = 24;

/// Mean absolute error, in that of "as now": what the issue promises is 0.8.
const BETTER: f64 = 0.75;

/// Share of late errors left out on either side of the band.
const TAIL: f64 = 0.05;

/// Memory of the exponential level; of Holt's level and trend, and its damping. Guesses, common in
/// the literature for short horizons.
const EWMA_ALPHA: f64 = 0.2;
const HOLT_ALPHA: f64 = 0.4;
const HOLT_BETA: f64 = 0.3;
const HOLT_PHI: f64 = 0.9;

/// Longest horizon, in readings: two minutes.
pub const STEPS_MAX: usize = 24;

/// Same as now, mean, median, exponential level, autoregression, damped trend.
const MODELS: usize = 6;
const AS_NOW: usize = 0;
/// The column of what was chosen when the forecast was made.
const CHOSEN: usize = MODELS;
const COLUMNS: usize = MODELS + 1;

/// In the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// The newest reading.
    pub now: f64,
    pub horizon: Duration,
    /// Nothing while the late record is not better than "as now".
    pub expected: Option<Band>,
}

pub struct Forecasts {
    steps: usize,
    courses: [Course; METRICS.len()],
}

#[derive(Default)]
struct Course {
    pace: Pace,
    readings: VecDeque<f32>,
    level: f64,
    holt_level: f64,
    holt_trend: f64,
    /// Forecasts whose time has not come, oldest first.
    open: VecDeque<[f32; COLUMNS]>,
    /// What came minus what was forecast, oldest first.
    marks: VecDeque<[f32; COLUMNS]>,
}

impl Forecasts {
    /// `horizon` is rounded to readings of 5 s, from one to [`STEPS_MAX`].
    pub fn new(horizon: Duration) -> Forecasts {
        let steps = (horizon.as_millis() + STEP.as_millis() / 2) / STEP.as_millis();
        Forecasts {
            steps: (steps as usize).clamp(1, STEPS_MAX),
            courses: core::array::from_fn(|_| Course::default()),
        }
    }

    /// A figure that is missing or not finite is forgotten: what comes after a gap has no past.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot, now: Instant) {
        for (metric, course) in METRICS.into_iter().zip(&mut self.courses) {
            match snapshot.value(metric).filter(|value| value.is_finite()) {
                Some(value) => course.on_value(metric, value, self.steps, now),
                None => *course = Course::default(),
            }
        }
    }

    /// Nothing for what was not measured in the last snapshot. O(marks kept).
    pub fn forecast(&self, metric: Metric) -> Option<Forecast> {
        let course = &self.courses[metric as usize];
        let now = f64::from(*course.readings.back()?);
        Some(Forecast {
            now,
            horizon: STEP * self.steps as u32,
            expected: course.expected(metric, self.steps),
        })
    }
}

impl Course {
    fn on_value(&mut self, metric: Metric, value: f64, steps: usize, now: Instant) {
        let value = value.clamp(-1e30, 1e30);
        match self.pace.on_value(Kind::of(metric), value, now) {
            Paced::TooSoon => return,
            Paced::Reading(value) => self.take(value, steps),
            Paced::Afresh(value) => {
                *self = Course { pace: self.pace, ..Course::default() };
                (self.level, self.holt_level) = (value, value);
                self.readings.push_back(value as f32);
            }
        }
        let mut made = self.models(metric, steps);
        made[CHOSEN] = made[self.best()];
        self.open.push_back(made);
    }

    fn take(&mut self, value: f64, steps: usize) {
        if self.open.len() == steps
            && let Some(made) = self.open.pop_front()
        {
            if self.marks.len() == MARKS_MAX {
                self.marks.pop_front();
            }
            self.marks.push_back(made.map(|forecast| value as f32 - forecast));
        }
        if self.readings.len() == WINDOW_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back(value as f32);
        self.level += EWMA_ALPHA * (value - self.level);
        let before = self.holt_level;
        let expected = before + HOLT_PHI * self.holt_trend;
        self.holt_level = expected + HOLT_ALPHA * (value - expected);
        self.holt_trend =
            HOLT_BETA * (self.holt_level - before) + (1.0 - HOLT_BETA) * HOLT_PHI * self.holt_trend;
    }

    /// What each model expects after so many steps; the last column is not filled.
    fn models(&self, metric: Metric, steps: usize) -> [f32; COLUMNS] {
        let newest = self.readings.back().copied().unwrap_or_default();
        let mut late = [0.0_f32; LATE];
        let count = self.readings.len().min(LATE);
        let late = &mut late[..count];
        for (place, reading) in late.iter_mut().zip(self.readings.iter().rev()) {
            *place = *reading;
        }
        let mean = late.iter().map(|v| f64::from(*v)).sum::<f64>() / count.max(1) as f64;
        let median = match count {
            0 => newest,
            _ => *late.select_nth_unstable_by(count / 2, f32::total_cmp).1,
        };
        let mut damping = (1.0, 0.0);
        for _ in 0..steps {
            damping.0 *= HOLT_PHI;
            damping.1 += damping.0;
        }
        let trend = self.holt_level + self.holt_trend * damping.1;
        let back = self.autoregression(steps);
        let bound = |value: f64| bounded(metric, value) as f32;
        [newest, bound(mean), median, bound(self.level), bound(back), bound(trend), newest]
    }

    /// Back to the mean of the window, as far as the correlation of neighbouring readings says.
    fn autoregression(&self, steps: usize) -> f64 {
        let values = || self.readings.iter().map(|v| f64::from(*v));
        let mean = values().sum::<f64>() / self.readings.len().max(1) as f64;
        let (mut along, mut square) = (0.0, 0.0);
        for (a, b) in values().zip(values().skip(1)) {
            along += (a - mean) * (b - mean);
            square += (a - mean) * (a - mean);
        }
        let correlation = if square > 0.0 { (along / square).clamp(0.0, 1.0) } else { 0.0 };
        let kept = (0..steps).fold(1.0, |kept, _| kept * correlation);
        let newest = self.readings.back().map_or(mean, |v| f64::from(*v));
        mean + kept * (newest - mean)
    }

    /// The model that was wrong by the least of late; "as now" before anything is known.
    fn best(&self) -> usize {
        let wrong = self.wrong(MARKS_MAX);
        (0..MODELS)
            .fold(AS_NOW, |best, model| if wrong[model] < wrong[best] { model } else { best })
    }

    /// Sums of the absolute errors of the newest marks.
    fn wrong(&self, marks: usize) -> [f64; COLUMNS] {
        let mut sums = [0.0; COLUMNS];
        for mark in self.marks.iter().rev().take(marks) {
            for (sum, error) in sums.iter_mut().zip(mark) {
                *sum += f64::from(error.abs());
            }
        }
        sums
    }

    fn expected(&self, metric: Metric, steps: usize) -> Option<Band> {
        if self.marks.len() < MARKS_MIN {
            return None;
        }
        let (wrong, best) = (self.wrong(MARKS_MAX), self.best());
        let enough = wrong[AS_NOW] * BETTER;
        let newest = self.wrong(NEWEST);
        if wrong[AS_NOW] <= 0.0
            || wrong[best] > enough
            || wrong[CHOSEN] > enough
            || newest[CHOSEN] > newest[AS_NOW]
        {
            return None;
        }
        let value = f64::from(self.models(metric, steps)[best]);
        let mut errors: Vec<f32> = self.marks.iter().map(|mark| mark[best]).collect();
        errors.sort_unstable_by(f32::total_cmp);
        // One more than there are: the next error is as likely to lie between any two of them.
        let below = ((errors.len() + 1) as f64 * TAIL) as usize;
        let below = below.saturating_sub(1);
        let (low, high) = (errors[below], errors[errors.len() - 1 - below]);
        Some(Band {
            value,
            low: bounded(metric, (value + f64::from(low)).min(value)),
            high: bounded(metric, (value + f64::from(high)).max(value)),
        })
    }
}

/// No figure is negative, and shares end at 1.
fn bounded(metric: Metric, value: f64) -> f64 {
    match metric {
        Metric::MeanReliability | Metric::Clustering | Metric::CutNodeLoad | Metric::Risk => {
            value.clamp(0.0, 1.0)
        }
        Metric::Nodes
        | Metric::Links
        | Metric::Parts
        | Metric::MeanLatency
        | Metric::Diameter
        | Metric::CutNodes
        | Metric::CutEdges
        | Metric::LinkChanges
        | Metric::BytesIn
        | Metric::PacketsIn
        | Metric::Congested => value.max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Rng, Seed};

    const HORIZON: Duration = Duration::from_secs(30);
    const AHEAD: usize = 6;

    fn rng(seed: u64) -> Rng {
        Seed::from_number(seed).rng()
    }

    fn noise(rng: &mut Rng) -> f64 {
        (0..4).map(|_| rng.below(2001) as f64 / 1000.0 - 1.0).sum::<f64>() * 0.866
    }

    struct Judged {
        confident: usize,
        covered: usize,
        error: f64,
        error_as_now: f64,
        of: usize,
    }

    /// Feeds packets per second and marks what was said.
    fn judge(values: &[f64]) -> Judged {
        let mut forecasts = Forecasts::new(HORIZON);
        let mut judged =
            Judged { confident: 0, covered: 0, error: 0.0, error_as_now: 0.0, of: values.len() };
        for (n, value) in values.iter().enumerate() {
            let snapshot = Snapshot { packets_in: *value, ..Snapshot::default() };
            forecasts.on_snapshot(&snapshot, Instant::from_millis(5000 * n as u64));
            let said = forecasts.forecast(Metric::PacketsIn).unwrap();
            assert_eq!(said.horizon, HORIZON);
            let Some((band, came)) = said.expected.zip(values.get(n + AHEAD)) else { continue };
            assert!(band.low <= band.value && band.value <= band.high && band.low >= 0.0);
            judged.confident += 1;
            judged.covered += usize::from((band.low..=band.high).contains(came));
            judged.error += (came - band.value).abs();
            judged.error_as_now += (came - said.now).abs();
        }
        judged
    }

    #[test]
    fn noise_about_a_level_is_forecast_by_the_level_with_an_honest_band() {
        let mut rng = rng(1);
        let values: Vec<f64> = (0..5000).map(|_| 100.0 + 10.0 * noise(&mut rng)).collect();
        let judged = judge(&values);
        assert!(judged.confident > judged.of / 2, "{}", judged.confident);
        assert!(judged.error < 0.8 * judged.error_as_now);
        let share = judged.covered as f64 / judged.confident as f64;
        assert!((0.86..0.95).contains(&share), "{share}");
    }

    #[test]
    fn what_goes_back_to_its_mean_is_forecast_better_than_as_now() {
        let mut rng = rng(2);
        let mut x = 0.0;
        let values: Vec<f64> = (0..5000)
            .map(|_| {
                x = 0.75 * x + noise(&mut rng);
                50.0 + x
            })
            .collect();
        let judged = judge(&values);
        assert!(judged.confident > judged.of / 10, "{}", judged.confident);
        let ratio = judged.error / judged.error_as_now;
        assert!(ratio < 0.8, "{ratio}");
    }

    #[test]
    fn a_steady_climb_is_forecast_by_its_trend() {
        let values: Vec<f64> = (0..500).map(|n| 10.0 + 0.5 * f64::from(n)).collect();
        let judged = judge(&values);
        assert!(judged.confident > 400);
        assert!(judged.error < 0.8 * judged.error_as_now);
    }

    #[test]
    fn nobody_forecasts_a_random_walk_or_what_never_moves() {
        let mut rng = rng(3);
        let mut x = 1e6;
        let walk: Vec<f64> = (0..20_000)
            .map(|_| {
                x += noise(&mut rng);
                x
            })
            .collect();
        let judged = judge(&walk);
        assert!(judged.confident * 20 < judged.of, "{} of {}", judged.confident, judged.of);
        assert_eq!(judge(&vec![5.0; 1000]).confident, 0);
    }

    #[test]
    fn nothing_is_said_before_there_is_a_record_and_after_a_gap() {
        let mut rng = rng(4);
        let mut forecasts = Forecasts::new(HORIZON);
        let mut now = Instant::ZERO;
        let mut run = |forecasts: &mut Forecasts, readings: usize| {
            let mut said = 0;
            for _ in 0..readings {
                let latency = Some(20.0 + noise(&mut rng));
                let snapshot = Snapshot { mean_latency_ms: latency, ..Snapshot::default() };
                now = now + STEP;
                forecasts.on_snapshot(&snapshot, now);
                let forecast = forecasts.forecast(Metric::MeanLatency).unwrap();
                said += usize::from(forecast.expected.is_some());
            }
            let missing = Snapshot { mean_latency_ms: Some(f64::NAN), ..Snapshot::default() };
            forecasts.on_snapshot(&missing, now + STEP);
            said
        };
        assert_eq!(run(&mut forecasts, MARKS_MIN + AHEAD - 1), 0);
        assert_eq!(forecasts.forecast(Metric::MeanLatency), None);
        assert!(run(&mut forecasts, 200) > 50);
    }

    #[test]
    fn what_is_kept_is_bounded_and_wild_numbers_do_no_harm() {
        let mut forecasts = Forecasts::new(Duration::from_secs(100_000));
        assert_eq!(forecasts.steps, STEPS_MAX);
        let mut rng = rng(5);
        for n in 0..2000 {
            let wild = [0.0, f64::MAX, f64::MIN, 1e-300][rng.below(4) as usize];
            let snapshot = Snapshot { bytes_in: wild, congested: wild, ..Snapshot::default() };
            forecasts.on_snapshot(&snapshot, Instant::from_millis(5000 * n));
            for course in &forecasts.courses {
                assert!(course.readings.len() <= WINDOW_MAX && course.marks.len() <= MARKS_MAX);
                assert!(course.open.len() <= STEPS_MAX);
            }
            let band = forecasts.forecast(Metric::BytesIn).unwrap().expected;
            assert!(band.is_none_or(|b| b.value.is_finite() && b.low <= b.high));
        }
    }
}

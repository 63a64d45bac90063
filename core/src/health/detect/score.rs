//! The four detectors: how far from usual a reading is, each in its own way.
//!
//! Every score is in spreads and counts on the bad side only. None of them alone decides; see
//! [`super::Detectors`].

use super::{ring::Baseline, rule::Rule};

/// The median absolute deviation of normal noise times this is its standard deviation
/// (Rousseeuw and Croux 1993).
const MAD_TO_DEVIATION: f64 = 1.4826;

/// A cumulative sum gives each reading so many spreads for free, and counts none for more than
/// this, so that it takes several readings to fill it. Page 1954; the reference value of 1 finds
/// shifts of two spreads soonest.
const CUSUM_SLACK: f64 = 1.0;
const CUSUM_READING_MAX: f64 = 4.0;

/// It never holds more than this, so that it empties within a minute of an end. Guess.
const CUSUM_MAX: f64 = 24.0;

#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    /// Distance from the mean in standard deviations.
    pub z: f64,
    /// Distance from the median in scaled median absolute deviations (Iglewicz and Hoaglin 1993).
    pub robust: f64,
    /// Change since the reading before, in the spread of `robust`.
    pub step: f64,
}

impl Score {
    pub fn new(rule: &Rule, usual: &Baseline, before: f64, value: f64) -> Score {
        let floor = rule.floor + rule.floor_share * usual.median.abs();
        let spread = (usual.mad * MAD_TO_DEVIATION).max(floor);
        Score {
            z: rule.bad.distance(value, usual.mean) / usual.deviation.max(floor),
            robust: rule.bad.distance(value, usual.median) / spread,
            step: rule.bad.distance(value, before) / spread,
        }
    }
}

/// One side of a cumulative sum after one more reading.
pub(super) fn cumulate(sum: f64, robust: f64) -> f64 {
    (sum + robust.min(CUSUM_READING_MAX) - CUSUM_SLACK).clamp(0.0, CUSUM_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Metric, Subject, detect::rule::rule};

    const USUAL: Baseline = Baseline { mean: 50.0, deviation: 10.0, median: 48.0, mad: 8.0 };

    #[test]
    fn scores_are_the_published_ones_when_the_spread_is_above_the_floor() {
        let rule = rule(Subject::Mesh, Metric::MeanLatency);
        let score = Score::new(&rule, &USUAL, 60.0, 80.0);
        assert!((score.z - 3.0).abs() < 1e-12);
        assert!((score.robust - 32.0 / (8.0 * 1.4826)).abs() < 1e-12);
        assert!((score.step - 20.0 / (8.0 * 1.4826)).abs() < 1e-12);
    }

    #[test]
    fn a_figure_that_never_moved_is_measured_by_its_floor() {
        let still = Baseline { mean: 20.0, deviation: 0.0, median: 20.0, mad: 0.0 };
        let rule = rule(Subject::Mesh, Metric::MeanLatency);
        let score = Score::new(&rule, &still, 20.0, 28.0);
        assert!((score.z - 2.0).abs() < 1e-12 && (score.robust - 2.0).abs() < 1e-12);
        assert!(Score::new(&rule, &still, 20.0, 1.0).z < 0.0, "faster is not bad");
    }

    #[test]
    fn a_cumulative_sum_finds_a_small_shift_that_lasts_and_forgets_single_readings() {
        let mut sum = 0.0;
        for robust in [4.0, 0.0, 0.5, -1.0, 0.0] {
            sum = cumulate(sum, robust);
        }
        assert!(sum < 0.5);
        let readings = (1..).find(|_| {
            sum = cumulate(sum, 2.0);
            sum >= 12.0
        });
        assert_eq!(readings, Some(12));
        (0..1000).for_each(|_| sum = cumulate(sum, 1e9));
        assert_eq!(sum, CUSUM_MAX);
    }
}

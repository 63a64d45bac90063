//! The last readings of one figure, oldest first, in a place of fixed size.

use std::collections::VecDeque;

/// Readings kept of one series: six minutes at one every 5 s.
pub const READINGS_MAX: usize = 72;

/// The newest readings say nothing of what is usual: a change must not hide itself. A minute.
pub(super) const RECENT: usize = 12;

/// Readings before the recent ones that a judgement needs. A minute. Guess: enough for a median,
/// few enough that a node speaks up two minutes after its start.
pub(super) const BASELINE_MIN: usize = 12;

const BASELINE_MAX: usize = READINGS_MAX - RECENT;

/// Past this, f32 squares would not fit in later arithmetic; nothing measured comes near it.
const LARGEST: f64 = 1e30;

#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    readings: VecDeque<f32>,
}

/// What was usual before the recent readings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Baseline {
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    pub median: f64,
    /// Median of the distances from the median.
    pub mad: f64,
}

impl Ring {
    /// `value` is finite.
    pub fn push(&mut self, value: f64) {
        if self.readings.len() == READINGS_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back(value.clamp(-LARGEST, LARGEST) as f32);
    }

    pub fn newest(&self) -> Option<f64> {
        self.readings.back().map(|value| f64::from(*value))
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// `None` until there are [`BASELINE_MIN`] readings older than the recent ones. O(readings).
    pub fn baseline(&self) -> Option<Baseline> {
        let count = self.readings.len().checked_sub(RECENT).filter(|n| *n >= BASELINE_MIN)?;
        let mut room = [0.0_f32; BASELINE_MAX];
        let old = room.get_mut(..count)?;
        for (place, reading) in old.iter_mut().zip(&self.readings) {
            *place = *reading;
        }
        let mean = old.iter().map(|v| f64::from(*v)).sum::<f64>() / count as f64;
        let squares: f64 = old.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
        let middle = median(old);
        old.iter_mut().for_each(|v| *v = (*v - middle).abs());
        Some(Baseline {
            mean,
            deviation: (squares / count as f64).sqrt(),
            median: f64::from(middle),
            mad: f64::from(median(old)),
        })
    }
}

/// The upper median of at least one value; puts them out of order.
fn median(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_readings_and_no_more() {
        let mut ring = Ring::default();
        (0..1000).for_each(|n| ring.push(f64::from(n)));
        assert_eq!(ring.len(), READINGS_MAX);
        assert_eq!(ring.newest(), Some(999.0));
        let usual = ring.baseline().unwrap();
        let expected = (1000 - READINGS_MAX..1000 - RECENT).sum::<usize>() / BASELINE_MAX;
        assert!((usual.mean - expected as f64).abs() < 1.0);
    }

    #[test]
    fn what_is_usual_is_told_without_the_recent_readings() {
        let mut ring = Ring::default();
        (0..RECENT + BASELINE_MIN - 1).for_each(|_| ring.push(3.0));
        assert!(ring.baseline().is_none());
        ring.push(1e9);
        let usual = ring.baseline().unwrap();
        assert_eq!((usual.mean, usual.deviation), (3.0, 0.0));
        assert_eq!((usual.median, usual.mad), (3.0, 0.0));
    }

    #[test]
    fn one_wild_reading_moves_the_mean_and_not_the_median() {
        let mut ring = Ring::default();
        (0..30).for_each(|n| ring.push(if n == 4 { 1000.0 } else { f64::from(n % 3) }));
        let usual = ring.baseline().unwrap();
        assert!(usual.mean > 50.0);
        assert_eq!((usual.median, usual.mad), (1.0, 1.0));
    }

    #[test]
    fn the_largest_numbers_do_no_harm() {
        let mut ring = Ring::default();
        (0..40).for_each(|n| ring.push(if n % 2 == 0 { f64::MAX } else { f64::MIN }));
        let usual = ring.baseline().unwrap();
        assert!(usual.deviation.is_finite() && usual.mad.is_finite());
    }
}

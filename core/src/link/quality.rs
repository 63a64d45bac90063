//! How good a link is, measured by acknowledgements and, where there is nothing to acknowledge, by
//! pings: round trip, jitter, loss, delivery rate.
//!
//! The round trip is smoothed as in RFC 6298, section 2. Two estimators watch the same outcomes:
//! [`Documents`] is the documents' rule, shown and announced as reliability; [`Loss`] is ours, by
//! which links are chosen. docs/SIMULATION.md compares them.
//!
//! Rules. Whole numbers where something is decided, so that every machine decides alike.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// A change by this share is worth telling.
const MOVED_SHARE: f64 = 0.2;

/// A round trip that moved by less is not worth telling: on loopback that is noise.
const MOVED_RTT_MIN: Duration = Duration::from_millis(1);

/// Between two samples kept for people.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// Samples kept: five minutes.
pub const SAMPLES_MAX: usize = 60;

/// The documents' estimator: r ← 0.95 r + 0.05 with each success, r ← 0.9 r and
/// loss ← 0.9 loss + 0.1 with each failure. They say nothing of loss at a success; here it decays
/// as the failure's rule without its failure: loss ← 0.9 loss.
#[derive(Clone, Copy, Debug)]
pub struct Documents {
    reliability: f32,
    loss: f32,
}

/// Of a link that just answered.
impl Default for Documents {
    fn default() -> Documents {
        Documents { reliability: 1.0, loss: 0.0 }
    }
}

impl Documents {
    pub fn on_success(&mut self) {
        self.reliability = self.reliability * 0.95 + 0.05;
        self.loss *= 0.9;
    }

    pub fn on_failure(&mut self) {
        self.reliability *= 0.9;
        self.loss = self.loss * 0.9 + 0.1;
    }

    /// Share that got through, 0 to 1.
    pub fn reliability(&self) -> f32 {
        self.reliability
    }

    /// Share lost, 0 to 1, which nothing is chosen by.
    pub fn loss(&self) -> f32 {
        self.loss
    }
}

/// Ours: two exponential averages of lost or not, in millionths. The slow one is what links are
/// compared by, the fast one sees trouble coming.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loss {
    fast_ppm: i64,
    slow_ppm: i64,
}

/// The averages span this many outcomes, as a power of two. Of the slow one's neighbours, 16 came
/// out alike and 64 behind in simulation.
const FAST_SHIFT: u32 = 3;
const SLOW_SHIFT: u32 = 5;

/// Below this share of successes a link is left at once: 30 %, the number.
const EMERGENCY_SUCCESS_PPM: i64 = 300_000;

/// Loss that is a sign of fading when it is also twice what it used to be. Guess: two lost of
/// three, or four of eight.
const FADING_LOSS_PPM: i64 = 230_000;

impl Loss {
    pub fn on_outcome(&mut self, lost: bool) {
        let outcome = if lost { 1_000_000 } else { 0 };
        self.fast_ppm += (outcome - self.fast_ppm) >> FAST_SHIFT;
        self.slow_ppm += (outcome - self.slow_ppm) >> SLOW_SHIFT;
    }

    /// What links are compared by.
    pub fn ppm(&self) -> u64 {
        self.slow_ppm.clamp(0, 1_000_000) as u64
    }

    /// What sees trouble coming.
    pub fn fast_ppm(&self) -> u64 {
        self.fast_ppm.clamp(0, 1_000_000) as u64
    }

    pub fn is_emergency(&self) -> bool {
        1_000_000 - self.fast_ppm < EMERGENCY_SUCCESS_PPM
    }

    pub fn is_fading(&self) -> bool {
        self.fast_ppm > FADING_LOSS_PPM && self.fast_ppm > 2 * self.slow_ppm
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub at: Instant,
    pub rtt: Option<Duration>,
    pub loss_ppm: u64,
    pub rssi_dbm: Option<i8>,
}

#[derive(Clone, Debug)]
pub struct Quality {
    rtt: Option<Rtt>,
    documents: Documents,
    loss: Loss,
    /// Bytes acknowledged per second while some were under way.
    bytes_per_s: Option<u64>,
    samples: VecDeque<Sample>,
    told_rtt: Option<Duration>,
    told_reliability: f32,
}

#[derive(Clone, Copy, Debug)]
struct Rtt {
    smoothed: Duration,
    variation: Duration,
}

impl Quality {
    /// A handshake was answered just now, so the link is taken to be reliable.
    pub fn new() -> Quality {
        Quality {
            rtt: None,
            documents: Documents::default(),
            loss: Loss::default(),
            bytes_per_s: None,
            samples: VecDeque::new(),
            told_rtt: None,
            told_reliability: 1.0,
        }
    }

    /// Smoothed round trip; `None` until the first answer.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt.map(|rtt| rtt.smoothed)
    }

    /// Smoothed deviation of the round trip.
    pub fn rtt_variation(&self) -> Option<Duration> {
        self.rtt.map(|rtt| rtt.variation)
    }

    /// Share that got through, 0 to 1, by the documents' rule.
    pub fn reliability(&self) -> f32 {
        self.documents.reliability()
    }

    pub fn loss(&self) -> &Loss {
        &self.loss
    }

    pub fn bytes_per_s(&self) -> Option<u64> {
        self.bytes_per_s
    }

    pub fn samples(&self) -> &VecDeque<Sample> {
        &self.samples
    }

    /// Something was answered after this time on the way.
    pub fn on_round_trip(&mut self, sample: Duration) {
        self.rtt = Some(match self.rtt {
            None => Rtt { smoothed: sample, variation: sample / 2 },
            Some(Rtt { smoothed, variation }) => Rtt {
                smoothed: (smoothed * 7 + sample) / 8,
                variation: (variation * 3 + smoothed.abs_diff(sample)) / 4,
            },
        });
    }

    /// Something was answered.
    pub fn on_success(&mut self) {
        self.documents.on_success();
        self.loss.on_outcome(false);
    }

    pub fn on_loss(&mut self) {
        self.documents.on_failure();
        self.loss.on_outcome(true);
    }

    /// `bytes` were acknowledged within `time`.
    pub fn on_delivered(&mut self, bytes: u64, time: Duration) {
        let micros = time.as_micros() as u64;
        let Some(rate) = (bytes * 1_000_000).checked_div(micros) else { return };
        self.bytes_per_s = Some(self.bytes_per_s.map_or(rate, |old| (old * 7 + rate) / 8));
    }

    /// Keeps a sample for people, if the last one is old enough.
    pub fn sample(&mut self, rssi_dbm: Option<i8>, now: Instant) {
        if self.samples.back().is_some_and(|last| now.since(last.at) < SAMPLE_EVERY) {
            return;
        }
        if self.samples.len() >= SAMPLES_MAX {
            self.samples.pop_front();
        }
        let (rtt, loss_ppm) = (self.rtt(), self.loss.ppm());
        self.samples.push_back(Sample { at: now, rtt, loss_ppm, rssi_dbm });
    }

    /// Whether round trip or reliability moved noticeably since this last said so.
    pub fn take_moved(&mut self) -> bool {
        let rtt_moved = match (self.told_rtt, self.rtt()) {
            (Some(old), Some(new)) => {
                let by = old.abs_diff(new);
                by >= MOVED_RTT_MIN && by.as_secs_f64() > old.as_secs_f64() * MOVED_SHARE
            }
            (old, new) => old != new,
        };
        let by = f64::from((self.reliability() - self.told_reliability).abs());
        let moved = rtt_moved || by > f64::from(self.told_reliability) * MOVED_SHARE;
        if moved {
            self.told_rtt = self.rtt();
            self.told_reliability = self.reliability();
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_round_trip_is_smoothed_as_in_rfc_6298() {
        let mut q = Quality::new();
        assert_eq!(q.rtt(), None);
        q.on_round_trip(ms(100));
        assert_eq!((q.rtt(), q.rtt_variation()), (Some(ms(100)), Some(ms(50))));
        q.on_round_trip(ms(180));
        assert_eq!(
            (q.rtt(), q.rtt_variation()),
            (Some(ms(110)), Some(Duration::from_micros(57_500)))
        );
    }

    #[test]
    fn reliability_falls_with_losses_and_climbs_with_answers() {
        let mut q = Quality::new();
        q.on_loss();
        assert!((q.reliability() - 0.9).abs() < 1e-6);
        q.on_success();
        assert!((q.reliability() - 0.905).abs() < 1e-6);
        (0..1000).for_each(|_| q.on_loss());
        assert!((0.0..1e-6).contains(&q.reliability()));
    }

    #[test]
    fn only_noticeable_moves_are_told() {
        let mut q = Quality::new();
        assert!(!q.take_moved());
        q.on_round_trip(Duration::from_micros(100));
        assert!(q.take_moved(), "the first measurement");
        q.on_round_trip(Duration::from_micros(900));
        assert!(!q.take_moved(), "less than a millisecond");
        q.on_round_trip(ms(50));
        assert!(q.take_moved());
        q.on_loss();
        q.on_loss();
        assert!(!q.take_moved(), "19 %");
        q.on_loss();
        assert!(q.take_moved());
    }

    #[test]
    fn the_documents_rule_is_what_the_documents_say() {
        let mut d = Documents::default();
        d.on_failure();
        assert!((d.reliability() - 0.9).abs() < 1e-6 && (d.loss() - 0.1).abs() < 1e-6);
        d.on_failure();
        assert!((d.reliability() - 0.81).abs() < 1e-6 && (d.loss() - 0.19).abs() < 1e-6);
        d.on_success();
        assert!((d.reliability() - 0.8195).abs() < 1e-6 && (d.loss() - 0.171).abs() < 1e-6);
    }

    #[test]
    fn losses_in_a_row_are_fading_and_then_an_emergency() {
        let mut loss = Loss::default();
        loss.on_outcome(true);
        assert!(!loss.is_fading(), "one is none");
        loss.on_outcome(true);
        assert!(loss.is_fading() && !loss.is_emergency());
        let more = (0..20).take_while(|_| {
            loss.on_outcome(true);
            !loss.is_emergency()
        });
        assert_eq!(more.count() + 3, 10, "lost in all");
        (0..200).for_each(|_| loss.on_outcome(false));
        assert!(!loss.is_fading() && !loss.is_emergency() && loss.ppm() < 10_000);
    }

    #[test]
    fn the_history_is_sparse_and_limited() {
        let mut q = Quality::new();
        for second in 0..1000 {
            q.sample(None, Instant::from_millis(second * 1000));
        }
        assert_eq!(q.samples().len(), SAMPLES_MAX);
        assert_eq!(q.samples()[1].at - q.samples()[0].at, SAMPLE_EVERY);
        assert_eq!(q.samples()[59].at, Instant::from_millis(995_000));
    }

    #[test]
    fn the_delivery_rate_is_what_was_acknowledged_over_time() {
        let mut q = Quality::new();
        q.on_delivered(1000, Duration::ZERO);
        assert_eq!(q.bytes_per_s(), None);
        (0..50).for_each(|_| q.on_delivered(1000, ms(10)));
        assert_eq!(q.bytes_per_s(), Some(100_000));
    }
}

//! How good a link is: round trip and reliability, measured by its pings.
//!
//! The round trip is smoothed as in RFC 6298, section 2. Reliability is the share of pings that
//! were answered, as an exponential average: r ← 0.95 r + 0.05 with each answer, r ← 0.9 r
//! without one.

use crate::time::Duration;

/// A change by this share is worth telling.
const MOVED_SHARE: f64 = 0.2;

/// A round trip that moved by less is not worth telling: on loopback that is noise.
const MOVED_RTT_MIN: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug)]
pub struct Quality {
    rtt: Option<Rtt>,
    reliability: f32,
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
        Quality { rtt: None, reliability: 1.0, told_rtt: None, told_reliability: 1.0 }
    }

    /// Smoothed round trip; `None` until the first answer.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt.map(|rtt| rtt.smoothed)
    }

    /// Smoothed deviation of the round trip.
    pub fn rtt_variation(&self) -> Option<Duration> {
        self.rtt.map(|rtt| rtt.variation)
    }

    /// Share of pings answered, 0 to 1.
    pub fn reliability(&self) -> f32 {
        self.reliability
    }

    pub fn on_answer(&mut self, sample: Duration) {
        self.reliability = self.reliability * 0.95 + 0.05;
        self.rtt = Some(match self.rtt {
            None => Rtt { smoothed: sample, variation: sample / 2 },
            Some(Rtt { smoothed, variation }) => Rtt {
                smoothed: (smoothed * 7 + sample) / 8,
                variation: (variation * 3 + smoothed.abs_diff(sample)) / 4,
            },
        });
    }

    pub fn on_loss(&mut self) {
        self.reliability *= 0.9;
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
        let by = f64::from((self.reliability - self.told_reliability).abs());
        let moved = rtt_moved || by > f64::from(self.told_reliability) * MOVED_SHARE;
        if moved {
            self.told_rtt = self.rtt();
            self.told_reliability = self.reliability;
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
        q.on_answer(ms(100));
        assert_eq!((q.rtt(), q.rtt_variation()), (Some(ms(100)), Some(ms(50))));
        q.on_answer(ms(180));
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
        q.on_answer(ms(1));
        assert!((q.reliability() - 0.905).abs() < 1e-6);
        (0..1000).for_each(|_| q.on_loss());
        assert!((0.0..1e-6).contains(&q.reliability()));
    }

    #[test]
    fn only_noticeable_moves_are_told() {
        let mut q = Quality::new();
        assert!(!q.take_moved());
        q.on_answer(Duration::from_micros(100));
        assert!(q.take_moved(), "the first measurement");
        q.on_answer(Duration::from_micros(900));
        assert!(!q.take_moved(), "less than a millisecond");
        q.on_answer(ms(50));
        assert!(q.take_moved());
        q.on_loss();
        q.on_loss();
        assert!(!q.take_moved(), "19 %");
        q.on_loss();
        assert!(q.take_moved());
    }
}

//! Makes one reading every 5 s of figures that come with every snapshot.
//!
//! Rules. Snapshots come every 5 s and after bursts of change. A detector that took each for 5 s
//! would see time run faster in a burst, so what comes too soon is one reading with what comes
//! next: of a level the newest counts, of a rate the mean over the time, so that no event is lost.

use super::words::Metric;
use crate::time::{Duration, Instant};

/// Less than the 5 s between snapshots, so that none is lost to a timer that is early.
const EVERY_MIN: Duration = Duration::from_secs(4);

/// After so long without a snapshot, what was usual before says nothing: the device slept.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What a figure is between two looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands at a moment.
    Level,
    /// Events per time since the last snapshot.
    Rate,
}

impl Kind {
    pub fn of(metric: Metric) -> Kind {
        match metric {
            Metric::LinkChanges | Metric::BytesIn | Metric::PacketsIn | Metric::Congested => {
                Kind::Rate
            }
            Metric::Nodes
            | Metric::Links
            | Metric::Parts
            | Metric::MeanLatency
            | Metric::MeanReliability
            | Metric::Diameter
            | Metric::Clustering
            | Metric::CutNodes
            | Metric::CutEdges
            | Metric::CutNodeLoad
            | Metric::Risk => Kind::Level,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Paced {
    TooSoon,
    Reading(f64),
    /// The first, or the first after a pause.
    Afresh(f64),
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    heard: Instant,
    taken: Option<Instant>,
    /// Value times seconds since the last reading, and the seconds.
    sum: f64,
    seconds: f64,
}

impl Pace {
    /// When something was told last.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// `value` is finite; so is what comes out, unless values near the largest numbers are told.
    pub fn on_value(&mut self, kind: Kind, value: f64, now: Instant) -> Paced {
        let since = now.since(self.heard).as_secs_f64();
        self.heard = now;
        let Some(taken) = self.taken.filter(|taken| now.since(*taken) < PAUSE_MAX) else {
            *self = Pace { heard: now, taken: Some(now), sum: 0.0, seconds: 0.0 };
            return Paced::Afresh(value);
        };
        self.sum += value * since;
        self.seconds += since;
        if now.since(taken) < EVERY_MIN {
            return Paced::TooSoon;
        }
        let mean = self.sum / self.seconds;
        *self = Pace { heard: now, taken: Some(now), sum: 0.0, seconds: 0.0 };
        Paced::Reading(match kind {
            Kind::Level => value,
            Kind::Rate => mean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_told_in_bits_is_its_mean_over_time_and_a_level_the_newest() {
        for (kind, expected) in [(Kind::Rate, (2.0 * 1.0 + 10.0 * 3.0) / 4.0), (Kind::Level, 10.0)]
        {
            let mut pace = Pace::default();
            let at = Instant::from_millis;
            assert_eq!(pace.on_value(kind, 7.0, at(1000)), Paced::Afresh(7.0));
            assert_eq!(pace.on_value(kind, 2.0, at(2000)), Paced::TooSoon);
            assert_eq!(pace.on_value(kind, 10.0, at(5000)), Paced::Reading(expected));
            assert_eq!(pace.on_value(kind, 5.0, at(9000)), Paced::Reading(5.0));
            assert_eq!(pace.on_value(kind, 5.0, at(69_000)), Paced::Afresh(5.0));
        }
    }
}

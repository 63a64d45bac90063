//! Whether a radio link fades: how strongly its other end is heard, and where that leads.
//!
//! A line is fitted through the last samples; a link fades when it is too weak already or the line
//! says that it will be within [`LOOK_AHEAD`]. It takes a clearly stronger signal to be sound
//! again, so that somebody who stands at the edge is not handed to and fro.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Samples the line goes through. Guess: at two a second, four seconds of walking.
const SAMPLES_MAX: usize = 8;
/// Fewer say nothing about a trend.
const SAMPLES_MIN: usize = 4;
/// Below this, Bluetooth loses packets. Guess from the sensitivity of common chips, −90 dBm to
/// −95 dBm.
const WEAK_DBM: f64 = -88.0;
/// Sound again above this.
const SOUND_DBM: f64 = -80.0;
/// Guess: longer than a handshake takes.
const LOOK_AHEAD: Duration = Duration::from_secs(4);
/// Older samples say nothing about now.
const SAMPLE_AGE_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct Signal {
    samples: VecDeque<(Instant, i8)>,
    fading: bool,
}

impl Signal {
    pub fn rssi_dbm(&self) -> Option<i8> {
        self.samples.back().map(|(_, rssi)| *rssi)
    }

    pub fn is_fading(&self) -> bool {
        self.fading
    }

    pub fn on_rssi(&mut self, rssi_dbm: i8, now: Instant) {
        let old = |(at, _): &(Instant, i8)| now.since(*at) > SAMPLE_AGE_MAX;
        while self.samples.len() >= SAMPLES_MAX || self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, rssi_dbm));
        let (level, slope) = self.line(now);
        let ahead = level + slope.min(0.0) * LOOK_AHEAD.as_secs_f64();
        let trusted = self.samples.len() >= SAMPLES_MIN;
        if trusted && (level < WEAK_DBM || ahead < WEAK_DBM) {
            self.fading = true;
        } else if trusted && level > SOUND_DBM && ahead > WEAK_DBM {
            self.fading = false;
        }
    }

    /// Where the fitted line is now, in dBm, and its slope, in dB per second.
    fn line(&self, now: Instant) -> (f64, f64) {
        let n = self.samples.len() as f64;
        let points = self.samples.iter().map(|(at, rssi)| {
            let ago = now.since(*at).as_micros() as f64 / 1e6;
            (-ago, f64::from(*rssi))
        });
        let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
        for (t, rssi) in points {
            x += t;
            y += rssi;
            xx += t * t;
            xy += t * rssi;
        }
        let spread = n * xx - x * x;
        let slope = if spread > 1e-9 { (n * xy - x * y) / spread } else { 0.0 };
        ((y - slope * x) / n, slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(signal: &mut Signal, from_ms: u64, rssi: impl IntoIterator<Item = i8>) {
        for (n, rssi) in (0..).zip(rssi) {
            signal.on_rssi(rssi, Instant::from_millis(from_ms + n * 500));
        }
    }

    #[test]
    fn a_steady_signal_does_not_fade_and_a_weak_one_does() {
        let mut signal = Signal::default();
        hear(&mut signal, 0, [-70, -72, -69, -71, -70, -71, -69, -70]);
        assert!(!signal.is_fading());
        let mut signal = Signal::default();
        hear(&mut signal, 0, [-91, -90, -92, -90]);
        assert!(signal.is_fading());
    }

    #[test]
    fn a_falling_signal_fades_before_it_is_weak() {
        let mut signal = Signal::default();
        hear(&mut signal, 0, [-66, -68, -70, -72, -74, -76, -78, -80]);
        assert!(signal.is_fading());
        assert_eq!(signal.rssi_dbm(), Some(-80));
    }

    #[test]
    fn it_takes_a_clearly_stronger_signal_to_be_sound_again() {
        let mut signal = Signal::default();
        hear(&mut signal, 0, [-90; 4]);
        hear(&mut signal, 20_000, [-84; 8]);
        assert!(signal.is_fading());
        hear(&mut signal, 40_000, [-75; 8]);
        assert!(!signal.is_fading());
    }

    #[test]
    fn samples_are_limited_in_number_and_age() {
        let mut signal = Signal::default();
        hear(&mut signal, 0, [-70; 100]);
        assert_eq!(signal.samples.len(), SAMPLES_MAX);
        hear(&mut signal, 200_000, [-90]);
        assert_eq!((signal.samples.len(), signal.is_fading()), (1, false));
    }
}

//! How far away a radio is, by how strongly it is heard.
//!
//! The log-distance model: d = 10^((p − rssi) / (10·n)) metres, with the strength p at one metre
//! and the path loss exponent n of free space. Walls and bodies move it by a factor of three; it
//! tells near from far and no more. Readings are smoothed in dB, where their noise is symmetric.

/// Strength at one metre, in dBm; a common calibration of beacons.
const RSSI_AT_ONE_METRE: f64 = -59.0;

/// The path loss exponent of free space.
const PATH_LOSS: f64 = 2.0;

/// What a platform says when it does not know (Bluetooth Core Specification 5.4, volume 4, part E,
/// section 7.7.65.2).
const RSSI_UNKNOWN: i8 = 127;

/// Weight of a new reading. Guess: steady within about eight advertisements.
const WEIGHT: f64 = 0.25;

/// Bounds of what the model is good for, in metres.
pub const DISTANCE_MIN_M: f64 = 0.1;
pub const DISTANCE_MAX_M: f64 = 100.0;

/// The smoothed strength of one radio.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strength {
    smoothed: Option<f64>,
}

impl Strength {
    /// Takes a reading; what says nothing changes nothing.
    pub fn hear(&mut self, rssi_dbm: Option<i8>) {
        let Some(rssi) = rssi_dbm.filter(|rssi| *rssi != RSSI_UNKNOWN).map(f64::from) else {
            return;
        };
        self.smoothed = Some(match self.smoothed {
            Some(smoothed) => smoothed + WEIGHT * (rssi - smoothed),
            None => rssi,
        });
    }

    /// Rounded.
    pub fn rssi_dbm(&self) -> Option<i8> {
        self.smoothed.map(|rssi| rssi.round() as i8)
    }

    /// In metres; `None` while nothing is known.
    pub fn distance_m(&self) -> Option<f64> {
        self.smoothed.map(distance_m)
    }
}

/// By the model of this file.
pub fn distance_m(rssi_dbm: f64) -> f64 {
    let exponent = (RSSI_AT_ONE_METRE - rssi_dbm) / (10.0 * PATH_LOSS);
    ten_to_the(exponent.clamp(-1.0, 2.0)).clamp(DISTANCE_MIN_M, DISTANCE_MAX_M)
}

/// 10^x for |x| ≤ 16 to four digits, the same on every machine: only products and square roots,
/// which IEEE 754 defines to the last bit (the C library's `pow` it does not).
fn ten_to_the(x: f64) -> f64 {
    /// Binary digits of the fraction.
    const DIGITS: u32 = 16;
    let scaled = (x * f64::from(1 << DIGITS)).round() as i64;
    let (whole, fraction) = (scaled >> DIGITS, scaled & ((1 << DIGITS) - 1));
    let mut power = (0..whole.abs()).fold(1.0, |power, _| power * 10.0);
    if whole < 0 {
        power = 1.0 / power;
    }
    let mut root: f64 = 10.0;
    for digit in (0..DIGITS).rev() {
        root = root.sqrt();
        if fraction >> digit & 1 == 1 {
            power *= root;
        }
    }
    power
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use crate::seed::Seed;

    #[test]
    fn the_model_gives_these_distances_and_stays_within_its_bounds() {
        let table = [
            (-59.0, 1.0),
            (-79.0, 10.0),
            (-69.0, 3.1623),
            (-65.0, 1.9953),
            (-99.0, 100.0),
            (-120.0, 100.0),
            (-39.0, 0.1),
            (20.0, 0.1),
        ];
        for (rssi, metres) in table {
            let got = distance_m(rssi);
            assert!((got / metres - 1.0).abs() < 1e-3, "{rssi} dBm: {got} m");
        }
        assert!((-1270..200).map(|r| distance_m(f64::from(r) / 10.0)).is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn powers_of_ten_agree_with_the_library_of_this_machine() {
        for x in -2000..2000 {
            let x = f64::from(x) / 997.0;
            assert!((ten_to_the(x) / 10f64.powf(x) - 1.0).abs() < 1e-4, "{x}");
        }
    }

    #[test]
    fn smoothing_halves_the_noise_and_an_unknown_reading_changes_nothing() {
        let mut rng = Seed::from_number(1).rng();
        let mut strength = Strength::default();
        strength.hear(None);
        strength.hear(Some(127));
        assert_eq!((strength.rssi_dbm(), strength.distance_m()), (None, None));
        let (mut raw, mut smooth) = (0.0, 0.0);
        for n in 0..2000 {
            let reading = -70 + (0..4).map(|_| rng.below(7) as i8 - 3).sum::<i8>();
            strength.hear(Some(reading));
            if n > 20 {
                raw += (f64::from(reading) + 70.0).powi(2);
                smooth += (strength.smoothed.unwrap() + 70.0).powi(2);
            }
        }
        assert!(smooth * 4.0 < raw, "variance {smooth} of {raw}");
        strength.hear(Some(127));
        assert!((strength.distance_m().unwrap() / 3.5 - 1.0).abs() < 0.4);
    }
}

//! How long something took, on this thread.
//!
//! Where the system tells it, the time that the thread ran counts, not the time that passed: on a
//! machine with other work, the latter would be mostly about that work, and worst for whatever
//! takes longest.

use bitcraps_graphs::Prepared;

/// Samples of what can be repeated, and how many are enough once they took [`ENOUGH_MS`].
const SAMPLES: usize = 15;
const SAMPLES_MIN: usize = 3;
pub const ENOUGH_MS: f64 = 1_000.0;
/// Least length of one.
pub const SAMPLE_MS: f64 = 20.0;

/// Milliseconds since some moment.
#[cfg(unix)]
pub fn now_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Milliseconds since some moment.
#[cfg(not(unix))]
pub fn now_ms() -> f64 {
    use std::{sync::OnceLock, time::Instant};
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}

/// Microseconds for one piece: the median over samples of whole turns, after one that warms up.
pub fn micros(prepared: &mut Prepared) -> f64 {
    let start = now_ms();
    prepared.turn();
    let mut samples = Vec::new();
    while samples.len() < SAMPLES_MIN || (samples.len() < SAMPLES && now_ms() - start < ENOUGH_MS) {
        samples.push(sample(prepared));
    }
    median(&mut samples)
}

/// Microseconds for one piece, over whole turns for [`SAMPLE_MS`].
pub fn sample(prepared: &mut Prepared) -> f64 {
    let start = now_ms();
    let mut turns = 0;
    loop {
        prepared.turn();
        turns += 1;
        let elapsed = now_ms() - start;
        if elapsed >= SAMPLE_MS {
            return elapsed * 1e3 / (turns * prepared.pieces()) as f64;
        }
    }
}

/// The middle one, or the larger of two in the middle; NaN when there is none.
pub fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

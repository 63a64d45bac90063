//! The node's clock: microseconds since the shell started.
//!
//! Rules. Time spent in suspend counts (`CLOCK_BOOTTIME` on Linux; `std::time::Instant` would leave
//! it out), so that after a laptop's sleep every idle limit and back-off is seen to be over at
//! once. Timers themselves run on tokio's clock, which does stop: after a resume a sleeping node
//! wakes late by at most the rest of its sleep, or with the first byte that arrives.

use bitcraps_core::time::{Duration, Instant};
use rustix::time::{ClockId, clock_gettime};

#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
// Elsewhere (macOS) the monotonic clock itself counts suspend.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Reads the time since [`Clock::start`].
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Duration,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { origin: reading() }
    }

    pub fn now(&self) -> Instant {
        let micros = reading().saturating_sub(self.origin).as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

fn reading() -> Duration {
    let time = clock_gettime(CLOCK);
    // The kernel gives no negative time on these clocks.
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Milliseconds since 1970, for numbering announcements across restarts.
pub fn wall_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_starts_near_zero_and_never_goes_back() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(first.as_millis() < 60_000);
        assert!(clock.now() >= first);
    }
}

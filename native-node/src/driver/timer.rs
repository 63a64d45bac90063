//! The loop's one timer, kept from turn to turn.
//!
//! A turn that moves no deadline leaves the runtime's timer as it is: making and dropping one per
//! turn costs every packet a third of a microsecond.

use crate::clock::Clock;
use bitcraps_core::time::{Duration, Instant};
use std::pin::Pin;
use tokio::time::Sleep;

/// Made inside a runtime.
pub struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// What `sleep` is set to, unless it has rung.
    at: Option<Instant>,
}

impl Timer {
    #[expect(clippy::new_without_default, reason = "a default needs no runtime")]
    pub fn new() -> Timer {
        Timer { sleep: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)), at: None }
    }

    /// Resolves at `at`, at once when that is over, never without one. Dropping the future keeps
    /// the timer.
    pub async fn until(&mut self, at: Option<Instant>, clock: &Clock) {
        let Some(at) = at else { return std::future::pending().await };
        if self.at != Some(at) {
            let left = at.since(clock.now());
            if left == Duration::ZERO {
                return tokio::task::yield_now().await;
            }
            // Tokio's timers have milliseconds: rounding up ends in one wake, not in two.
            self.sleep.as_mut().reset(tokio::time::Instant::now() + left);
            self.at = Some(at);
        }
        self.sleep.as_mut().await;
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant as Tokio, timeout};

    const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_others_interrupted_still_rings_and_an_earlier_deadline_counts() {
        let clock = Clock::start();
        let (mut timer, started) = (Timer::new(), Tokio::now());
        let minute = clock.now() + Duration::from_secs(60);
        for _ in 0..3 {
            assert!(timeout(SECOND, timer.until(Some(minute), &clock)).await.is_err());
        }
        timer.until(Some(minute), &clock).await;
        assert_eq!(started.elapsed().as_secs(), 60);
        // Virtual time moved tokio's clock alone, so one that has rung can be set again.
        timer.until(Some(minute), &clock).await;
        assert!(timeout(SECOND * 3600, timer.until(None, &clock)).await.is_err());
        let soon = clock.now() + Duration::from_secs(2);
        assert!(timeout(SECOND, timer.until(Some(minute), &clock)).await.is_err());
        assert!(timeout(SECOND * 3, timer.until(Some(soon), &clock)).await.is_ok());
        timer.until(Some(Instant::ZERO), &clock).await;
    }
}

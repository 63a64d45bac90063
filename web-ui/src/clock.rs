//! The time of a tab: `performance.now()` for the core, `Date.now()` for numbering announcements.
//!
//! While a laptop sleeps some browsers stop `performance.now()`. The core then sees no time pass:
//! links that died meanwhile are found by its idle limit after the wake-up, not before.

use bitcraps_core::time::Instant;

/// Microseconds since the page was opened; never goes backwards.
pub fn now() -> Instant {
    let millis = web_sys::window().and_then(|w| w.performance()).map_or(0.0, |p| p.now());
    // A float above zero converts by truncation and saturates; the page is never that old.
    Instant::from_micros((millis * 1000.0) as u64)
}

/// Unix time in milliseconds, as the device believes it.
pub fn wall_ms() -> u64 {
    js_sys::Date::now() as u64
}

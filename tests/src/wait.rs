//! Waiting for something to become true.

use anyhow::{Result, bail};
use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// What one look saw.
pub enum Look<T, S> {
    /// What was waited for.
    Yes(T),
    /// Not yet; said when the time is over.
    NotYet(S),
}

/// Looks again and again until it is there. An error when `limit` is over, with the last look, or
/// as soon as a look itself fails.
pub async fn until<T, S, F>(what: &str, limit: Duration, mut look: F) -> Result<T>
where
    S: Debug,
    F: AsyncFnMut() -> Result<Look<T, S>>,
{
    let started = Instant::now();
    loop {
        let seen = match look().await? {
            Look::Yes(found) => return Ok(found),
            Look::NotYet(seen) => seen,
        };
        if started.elapsed() > limit {
            bail!("waited {} s for {what}; last seen: {seen:?}", limit.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_looks_until_it_is_there() {
        let mut looks = 0;
        let found = until("three looks", Duration::from_secs(60), async || {
            looks += 1;
            Ok(if looks == 3 { Look::Yes("there") } else { Look::NotYet(looks) })
        });
        assert_eq!(found.await.unwrap(), "there");
    }

    #[tokio::test]
    async fn a_deadline_says_what_was_seen_last() {
        let error = until("rain", Duration::ZERO, async || Ok(Look::<(), _>::NotYet("sun"))).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("rain") && error.contains("sun"), "{error}");
    }
}

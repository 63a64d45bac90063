//! How fast a transcript is checked: by the core on this machine, and by the page in a browser.
//!
//! The transcript is of four members who all bet on every roll: two lines a roll, deals for four
//! rolls at a time. A real table has a line or two more for each roll, with three signatures each.

#[path = "../../../core/tests/transcript/play.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "the core's tests share it; a benchmark stops at the first surprise"
)]
mod play;

use crate::figures::{Figure, Samples};
use anyhow::{Context as _, Result, ensure};
use bitcraps_core::game::transcript;
use bitcraps_tests::{
    browser::Browser,
    process::{NodeProcess, Setup},
};
use play::Play;
use std::time::{Duration, Instant};

const ROLLS: usize = 1000;
const NATIVE_RUNS: usize = 3;
const PAGE_MAX: Duration = Duration::from_secs(300);

pub async fn measure() -> Result<Vec<Figure>> {
    let mut play = Play::new(4, 1);
    play.deals_at_once = 4;
    (0..ROLLS).for_each(|_| play.roll());
    let bytes = play.transcript();
    let mut samples = Samples::default();
    for _ in 0..NATIVE_RUNS {
        let started = Instant::now();
        let verified = transcript::verify(&bytes, |_| ()).context("a sound transcript")?;
        samples.push(started.elapsed());
        ensure!(verified.rolls.len() == ROLLS);
    }
    let native = samples.quantile(0.5).as_secs_f64();
    let page = in_page(&bytes).await?;
    let rate = |seconds: f64| ROLLS as f64 / seconds;
    let size = bytes.len() as f64 / 1000.0;
    Ok(vec![
        Figure::new(format!("transcript of {ROLLS} rolls"), "KB", size, None),
        Figure::new("verified natively, one thread".to_owned(), "rolls/s", rate(native), None),
        Figure::new("verified in a page".to_owned(), "rolls/s", rate(page), None),
    ])
}

/// Seconds that the page itself says it took, its pauses for drawing included.
async fn in_page(bytes: &[u8]) -> Result<f64> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    let mut node = NodeProcess::start(Setup::named("bench")).await?;
    let browser = Browser::start().await?;
    let tab = browser.tab(&format!("http://{}/#/verify", node.http())).await?;
    tab.wait_shown("verify-file", PAGE_MAX).await?;
    tab.choose_file("verify-file", file.path()).await?;
    let done = "document.querySelector('[data-testid=verify-result][data-state=true]')?.dataset.ms";
    let millis = tab.wait_for(done, PAGE_MAX).await?;
    tab.close().await?;
    node.stop().await?;
    let millis: f64 = millis.as_str().context("the page tells no time")?.parse()?;
    Ok(millis / 1000.0)
}

//! The web client: its size on the wire, and how long a browser takes to be a peer.

use crate::figures::{Figure, Samples, Target};
use anyhow::{Context as _, Result};
use bitcraps_tests::{
    browser::{Browser, Tab},
    process::{NodeProcess, Setup},
    workspace,
};
use std::{env, fs, path::PathBuf, time::Duration};

const VISITS: usize = 11;
const JOINED_MAX: Duration = Duration::from_secs(30);

/// Milliseconds since the navigation began, once the page says that it joined. Asked for in the
/// page, at every frame; the question itself arrives up to one look of the test later, so the
/// figure is never too small.
const JOINED_AT: &str = "new Promise(done => {
    const look = () => document.querySelector('[data-testid=join-state][data-state=joined]')
        ? done(performance.now()) : requestAnimationFrame(look);
    look();
})";

/// The wasm as it is served.
pub async fn size() -> Result<Vec<Figure>> {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = target.unwrap_or_else(|| workspace().join("target")).join("web");
    let mut figures = Vec::new();
    for (what, name, target) in
        [("raw", "bitcraps_web_bg.wasm", 1600.0), ("brotli", "bitcraps_web_bg.wasm.br", 500.0)]
    {
        let path = folder.join(name);
        let bytes = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        let size = bytes as f64 / 1000.0;
        let target = Some(Target::below(target));
        figures.push(Figure::new(format!("wasm, {what}"), "KB", size, target));
    }
    Ok(figures)
}

/// First visits have an empty cache and no key; later ones have both.
pub async fn joined() -> Result<Vec<Figure>> {
    let mut node = NodeProcess::start(Setup::named("bench")).await?;
    let browser = Browser::start().await?;
    let url = format!("http://{}/", node.http());
    let (mut first, mut again) = (Samples::default(), Samples::default());
    for _ in 0..VISITS {
        let tab = browser.tab(&url).await?;
        first.push(joined_at(&tab).await?);
        tab.open(&url).await?;
        again.push(joined_at(&tab).await?);
        tab.close().await?;
    }
    node.stop().await?;
    let mut figures = Vec::new();
    for (what, samples) in [("first visit", first), ("later visit", again)] {
        let target = Some(Target::below(1000.0));
        let what = format!("navigation to joined, {what}, p50");
        figures.push(Figure::ms(what, samples.quantile(0.5), target));
    }
    Ok(figures)
}

async fn joined_at(tab: &Tab) -> Result<Duration> {
    let ms = tab.wait_for(JOINED_AT, JOINED_MAX).await?;
    Ok(Duration::from_secs_f64(ms.as_f64().context("the page tells no time")? / 1e3))
}

//! From the start of the process to the line that says it serves, and what it holds in memory.

use crate::figures::{Figure, Samples, Target};
use anyhow::{Context as _, Result, ensure};
use bitcraps_core::node::Address;
use bitcraps_node::{config::Settings, start};
use bitcraps_tests::{
    process::{NodeProcess, Setup},
    wait::{Look, until},
};
use std::time::{Duration, Instant};

const STARTS: usize = 21;

/// Until timers, pages and buffers of the start have settled.
const IDLE: Duration = Duration::from_secs(3);

const PEERS: usize = 32;
const JOINED_MAX: Duration = Duration::from_secs(60);

/// Spawning, reading the files, looking for proof of work, listening.
pub async fn start() -> Result<Vec<Figure>> {
    let (mut existing, mut fresh) = (Samples::default(), Samples::default());
    for _ in 0..STARTS {
        let asked = Instant::now();
        let mut node = NodeProcess::start(Setup::named("bench")).await?;
        fresh.push(asked.elapsed());
        node.stop().await?;
        let asked = Instant::now();
        node.restart().await?;
        existing.push(asked.elapsed());
        node.stop().await?;
    }
    let mut figures = Vec::new();
    for (what, samples, target_ms) in [("existing", existing, 30.0), ("new", fresh, 300.0)] {
        let what = format!("start to ready, {what} identity");
        let target = Some(Target::below(target_ms));
        figures.push(Figure::ms(format!("{what}, p50"), samples.quantile(0.5), target));
        figures.push(Figure::ms(format!("{what}, p95"), samples.quantile(0.95), None));
    }
    Ok(figures)
}

/// Resident memory of the process: alone, and with peers that each hold one TCP link to it.
pub async fn memory() -> Result<Vec<Figure>> {
    let node = NodeProcess::start(Setup::named("bench")).await?;
    tokio::time::sleep(IDLE).await;
    let idle = resident(&node)?;
    let mut peers = Vec::new();
    for _ in 0..PEERS {
        let data = tempfile::tempdir()?;
        let settings = Settings {
            http: None,
            listen: Some(Vec::new()),
            connect: vec![Address(node.url())],
            bots: 0,
            ..Settings::new(data.path().to_path_buf())
        };
        peers.push((start::start(&settings, Instant::now()).await?, data));
    }
    until("every peer to be linked and on the map", JOINED_MAX, async || {
        let view = node.view().await?;
        let count = |list: &serde_json::Value| list.as_array().map_or(0, Vec::len);
        let seen = (count(&view["links"]), count(&view["map"]["edges"]));
        Ok(if seen == (PEERS, PEERS) { Look::Yes(()) } else { Look::NotYet(seen) })
    })
    .await?;
    tokio::time::sleep(IDLE).await;
    let crowded = resident(&node)?;
    for (peer, _data) in peers {
        peer.stop().await?;
    }
    ensure!(crowded > idle, "{PEERS} peers took no memory");
    let per_peer = (crowded - idle) / PEERS as f64 * 1024.0;
    Ok(vec![
        Figure::new("memory, idle without bots".to_owned(), "MB", idle, Some(Target::below(12.0))),
        Figure::new(format!("memory per peer, of {PEERS}"), "KB", per_peer, None),
    ])
}

/// In MB.
fn resident(node: &NodeProcess) -> Result<f64> {
    let bytes = node.resident_bytes().context("this system does not tell resident memory")?;
    Ok(bytes as f64 / 1024.0 / 1024.0)
}

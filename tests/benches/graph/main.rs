//! Graph algorithms beside those of petgraph and rustworkx-core, natively and in a browser:
//! `cargo xtask bench graph`.
//!
//! Rules. Peers do the same work on the same graphs in the same run, each in the way its own
//! documentation shows, and for every part of the work the faster of the two counts. Results are
//! compared for equality before any time is. What is printed are medians and ratios; a machine
//! under load moves both sides. One thread, no unsafe code of ours.

mod browser;
mod memory;
mod peers;

use anyhow::{Result, ensure};
use bitcraps_graph::{Analyser, Graph, HopTable};
use bitcraps_graphs::{GRAPHS, KINDS, Kind, Measured, Work, edges, measure};
use peers::{Part, Peers};
use std::time::Instant;

/// Least length of a sample: a browser's clock ticks every tenth of a millisecond.
const SAMPLE_MS: f64 = 20.0;

/// Nodes, graphs that the peers are given, and what was promised of the whole look at a graph.
const SIZES: [(u32, u64, f64); 3] = [(100, GRAPHS, 25.0), (1_000, GRAPHS, 60.0), (10_000, 2, 1000.0)];
const CHANGE: (u32, f64) = (1_000, 280.0);
const HOPS: (u32, f64) = (1_000, 10.0);
/// Where only what takes near-linear time is compared.
const LARGE: (u32, u64) = (100_000, 2);

/// How often the peers go around, at least.
const PEER_TURNS: usize = 5;
/// And for how long at most, once they have gone around once.
const PEER_MS_MAX: f64 = 20_000.0;

#[tokio::main]
async fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("graph") {
        native()?;
        memory::state()?;
        browser::beside_native().await?;
    }
    if is_wanted("graph") || is_wanted("layout") {
        browser::layout().await?;
    }
    Ok(())
}

/// Milliseconds since the start of the process.
pub fn clock() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3
}

fn native() -> Result<()> {
    println!("\n{GRAPHS} graphs of a kind in turn; microseconds, medians; `petgraph | rustworkx-core`");
    println!("{:<12} {:>7}  {:<24} {:>12} {:>12}  {:>9}  promised", "", "nodes", "", "ours", "theirs", "ratio");
    for kind in KINDS {
        for (nodes, graphs, promised) in SIZES {
            let theirs = full_pass(kind, nodes, graphs, &Part::ALL)?;
            let ours = measure(Work::Snapshot, kind, nodes, &clock, SAMPLE_MS);
            row(kind, nodes, "whole look", ours.micros, theirs, Some(promised));
            if nodes == CHANGE.0 {
                let ours = measure(Work::OneChange, kind, nodes, &clock, SAMPLE_MS);
                row(kind, nodes, "after one change", ours.micros, theirs, Some(CHANGE.1));
            }
        }
        let (nodes, promised) = HOPS;
        let theirs = distances(kind, nodes)?;
        let ours = measure(Work::Hops, kind, nodes, &clock, SAMPLE_MS);
        row(kind, nodes, "hops, backups : distances", ours.micros, theirs, Some(promised));
        let ours = measure(Work::Distances, kind, nodes, &clock, SAMPLE_MS);
        row(kind, nodes, "eccentricities", ours.micros, theirs, None);
        let (nodes, graphs) = LARGE;
        let theirs = full_pass(kind, nodes, graphs, &Part::NEAR_LINEAR)?;
        let ours = once(kind, nodes, graphs);
        row(kind, nodes, "whole look : all but diameter", ours, theirs, None);
    }
    Ok(())
}

fn row(kind: Kind, nodes: u32, what: &str, ours: f64, theirs: f64, promised: Option<f64>) {
    let ratio = theirs / ours;
    let verdict = match promised {
        Some(promised) if ratio >= promised => format!("≥ {promised:.0}  ok"),
        Some(promised) => format!("≥ {promised:.0}  under"),
        None => String::new(),
    };
    let kind = kind.name();
    println!("{kind:<12} {nodes:>7}  {what:<30} {ours:>10.1} {theirs:>14.1}  {ratio:>8.1}x  {verdict}");
}

/// What the peers need for a graph, each part by the faster of the two, after all three agreed.
fn full_pass(kind: Kind, nodes: u32, graphs: u64, parts: &[Part]) -> Result<f64> {
    let mut analyser = Analyser::new();
    let mut peers = Vec::new();
    for number in 0..graphs {
        let list = edges(kind, nodes, number);
        let (graph, peer) = (Graph::new(nodes, &list), Peers::new(nodes, &list));
        let ours = analyser.analyse(&graph);
        for part in parts {
            peer.check(*part, ours)?;
        }
        peers.push(peer);
    }
    let mut sum = 0.0;
    let mut told = Vec::new();
    for part in parts {
        let [a, b] = peers::LIBRARIES.map(|library| {
            timed(peers.len(), &mut |n| peers[n].run(library, *part))
        });
        told.push(format!("{} {} | {}", part.name(), shown(a), shown(b)));
        sum += a.min(b);
    }
    println!("{:<12} {nodes:>7}  {}", kind.name(), told.join(", "));
    Ok(sum)
}

fn shown(micros: f64) -> String {
    if micros.is_finite() { format!("{micros:.0}") } else { "–".to_owned() }
}

/// What the peers need for all distances, after they agreed with ours.
fn distances(kind: Kind, nodes: u32) -> Result<f64> {
    let lists: Vec<_> = (0..GRAPHS).map(|number| edges(kind, nodes, number)).collect();
    let peers: Vec<Peers> = lists.iter().map(|list| Peers::new(nodes, list)).collect();
    let mut table = HopTable::new();
    for (list, peer) in lists.iter().zip(&peers).take(4) {
        table.fill(&Graph::new(nodes, list));
        let theirs = peer.all_distances();
        for from in 0..nodes {
            for to in 0..nodes {
                let hops = theirs[(from * nodes + to) as usize];
                let hops = (hops != u32::MAX).then_some(hops);
                ensure!(
                    table.distance(from, to).map(u32::from) == hops,
                    "distance from {from} to {to}: ours {:?}, theirs {hops:?}",
                    table.distance(from, to)
                );
            }
        }
    }
    let [a, b] = peers::LIBRARIES
        .map(|library| timed(peers.len(), &mut |n| peers[n].run(library, Part::Diameter)));
    println!("{:<12} {nodes:>7}  all distances {} | {}", kind.name(), shown(a), shown(b));
    Ok(a.min(b))
}

/// Microseconds per graph: the median over whole turns. Infinite where a library cannot do it.
fn timed(graphs: usize, run: &mut dyn FnMut(usize) -> bool) -> f64 {
    let start = clock();
    let mut samples = Vec::new();
    while samples.len() < PEER_TURNS && (samples.is_empty() || clock() - start < PEER_MS_MAX) {
        let before = clock();
        for n in 0..graphs {
            if !run(n) {
                return f64::INFINITY;
            }
        }
        samples.push((clock() - before) * 1000.0 / graphs as f64);
    }
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// The whole look at graphs too large for whole turns of all.
fn once(kind: Kind, nodes: u32, graphs: u64) -> f64 {
    let graphs: Vec<Graph> =
        (0..graphs).map(|number| Graph::new(nodes, &edges(kind, nodes, number))).collect();
    let mut analyser = Analyser::new();
    timed(graphs.len(), &mut |n| {
        std::hint::black_box(analyser.analyse(&graphs[n]));
        true
    })
}

/// Natively, for the page to be compared with.
pub fn here(work: Work, kind: Kind, nodes: u32) -> Measured {
    measure(work, kind, nodes, &clock, SAMPLE_MS)
}

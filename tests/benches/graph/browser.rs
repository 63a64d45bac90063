//! The same measurements as wasm in Chromium, and the layout beside ngraph.forcelayout's.

use crate::here;
use anyhow::{Context as _, Result, ensure};
use bitcraps_graphs::{KINDS, Kind, Work};
use bitcraps_tests::browser::{Browser, Tab};
use data_encoding::BASE64;
use std::{env, fs, path::PathBuf};

/// A browser's clock ticks every tenth of a millisecond.
const SAMPLE_MS: f64 = 20.0;
const SLOWER_MAX: f64 = 1.6;
const LAYOUT_MAX: f64 = 0.5;

/// What is compared: what, and for how many nodes.
const COMPARED: [(Work, u32); 6] = [
    (Work::Snapshot, 100),
    (Work::Snapshot, 1_000),
    (Work::Snapshot, 10_000),
    (Work::OneChange, 1_000),
    (Work::Hops, 1_000),
    (Work::Distances, 1_000),
];

const LAYOUT_NODES: [u32; 2] = [1_000, 10_000];

/// Where `cargo xtask bench` put the wasm and the peers' scripts.
fn prepared() -> Result<PathBuf> {
    let dir = env::var_os("BITCRAPS_GRAPH_WEB");
    dir.map(PathBuf::from).context("BITCRAPS_GRAPH_WEB is not set; run: cargo xtask bench graph")
}

fn script(name: &str) -> Result<String> {
    let path = prepared()?.join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A page that has the wasm.
async fn page(browser: &Browser) -> Result<Tab> {
    let tab = browser.tab("about:blank").await?;
    tab.eval(&script("bitcraps_graphs.js")?).await?;
    let path = prepared()?.join("bitcraps_graphs_bg.wasm");
    let wasm = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let start = format!(
        "(async () => {{
            const bytes = Uint8Array.from(atob('{}'), c => c.charCodeAt(0));
            await wasm_bindgen({{ module_or_path: bytes }});
        }})()",
        BASE64.encode(&wasm)
    );
    tab.eval(&start).await?;
    Ok(tab)
}

/// Microseconds and the digest, as the page found them.
async fn there(tab: &Tab, work: Work, kind: Kind, nodes: u32) -> Result<(f64, u64)> {
    let (work, kind) = (work.name(), kind.name());
    let asked = format!("wasm_bindgen.micros('{work}', '{kind}', {nodes}, {SAMPLE_MS})");
    let told = tab.eval(&asked).await?;
    let told = told.as_str().unwrap_or_default();
    let (micros, digest) = told.split_once(' ').with_context(|| format!("{asked}: {told:?}"))?;
    Ok((micros.parse()?, u64::from_str_radix(digest, 16)?))
}

pub async fn beside_native() -> Result<()> {
    let browser = Browser::start().await?;
    let tab = page(&browser).await?;
    println!("\nin Chromium, microseconds, medians (promised: at most {SLOWER_MAX} times native)");
    for kind in KINDS {
        for (work, nodes) in COMPARED {
            let native = here(work, kind, nodes);
            let (micros, digest) = there(&tab, work, kind, nodes).await?;
            let (kind, work) = (kind.name(), work.name());
            ensure!(
                digest == native.digest,
                "{work} of {kind} graphs with {nodes} nodes differs between native code and wasm"
            );
            let ratio = micros / native.micros;
            let verdict = if ratio <= SLOWER_MAX { "ok" } else { "over" };
            println!(
                "{kind:<12} {nodes:>7}  {work:<12} {micros:>10.1} native {:>10.1}  {ratio:.2}x  {verdict}",
                native.micros
            );
        }
    }
    tab.close().await
}

/// One step of ngraph's layout as its manual shows it, timed as ours is.
const THEIRS: &str = "(kind, nodes, sampleMs) => {
    const WARM = 30, SAMPLES = 15, GRAPHS = 4;
    const layouts = [];
    for (let number = 0; number < GRAPHS; number++) {
        const graph = createGraph();
        for (let node = 0; node < nodes; node++) graph.addNode(node);
        const ends = wasm_bindgen.ends(kind, nodes, number);
        for (let i = 0; i < ends.length; i += 2) {
            if (ends[i] !== ends[i + 1] && !graph.hasLink(ends[i], ends[i + 1])
                && !graph.hasLink(ends[i + 1], ends[i])) graph.addLink(ends[i], ends[i + 1]);
        }
        const layout = ngraphCreateLayout(graph);
        for (let step = 0; step < WARM; step++) layout.step();
        layouts.push(layout);
    }
    const samples = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
        const start = performance.now();
        let turns = 0, elapsed = 0;
        do {
            for (const layout of layouts) layout.step();
            turns++;
            elapsed = performance.now() - start;
        } while (elapsed < sampleMs);
        samples.push(elapsed * 1000 / (turns * GRAPHS));
    }
    samples.sort((a, b) => a - b);
    return samples[SAMPLES >> 1];
}";

pub async fn layout() -> Result<()> {
    let browser = Browser::start().await?;
    let tab = page(&browser).await?;
    for peer in ["ngraph.graph.js", "ngraph.forcelayout.js"] {
        tab.eval(&script(peer)?).await?;
    }
    println!("\nlayout, one step in Chromium, microseconds, medians (promised: at most half)");
    for kind in [Kind::Geometric, Kind::SmallWorld] {
        for nodes in LAYOUT_NODES {
            let (ours, _) = there(&tab, Work::LayoutStep, kind, nodes).await?;
            let asked = format!("({THEIRS})('{}', {nodes}, {SAMPLE_MS})", kind.name());
            let theirs = tab.eval(&asked).await?.as_f64().context("ngraph told no time")?;
            let ratio = ours / theirs;
            let verdict = if ratio <= LAYOUT_MAX { "ok" } else { "over" };
            let kind = kind.name();
            println!(
                "{kind:<12} {nodes:>7}  {ours:>10.1}  ngraph.forcelayout {theirs:>10.1}  {ratio:.2}  {verdict}"
            );
        }
    }
    tab.close().await
}

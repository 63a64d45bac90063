//! The same work as wasm in Chromium, and the layout beside ngraph.forcelayout's.
//!
//! What is timed is what the page's thread ran, like natively; the browser tells it by its
//! DevTools.

use crate::clock::{ENOUGH_MS, SAMPLE_MS, median, now_ms, sample};
use anyhow::{Context as _, Result, ensure};
use bitcraps_graphs::{KINDS, Kind, Prepared, Work};
use bitcraps_tests::browser::{Browser, Tab};
use data_encoding::BASE64;
use serde_json::json;
use std::{env, fs, path::PathBuf};

const SLOWER_MAX: f64 = 1.6;
const LAYOUT_MAX: f64 = 0.5;

/// What is compared, and for how many nodes.
const COMPARED: [(Work, u32); 6] = [
    (Work::Snapshot, 100),
    (Work::Snapshot, 1_000),
    (Work::Snapshot, 10_000),
    (Work::OneChange, 1_000),
    (Work::Hops, 1_000),
    (Work::Distances, 1_000),
];

const LAYOUT_NODES: [u32; 2] = [1_000, 10_000];

/// Until a browser has compiled for speed what runs often.
const WARM_MS: f64 = 1_500.0;
/// Samples of either side, in turn, and how many are enough once ours took [`ENOUGH_MS`].
const ROUNDS: usize = 9;
const ROUNDS_MIN: usize = 3;

/// Where `cargo xtask bench` put the wasm and the peer's scripts.
fn prepared() -> Result<PathBuf> {
    let dir = env::var_os("BITCRAPS_GRAPH_WEB");
    dir.map(PathBuf::from).context("BITCRAPS_GRAPH_WEB is not set; type: cargo xtask bench graph")
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

/// Something in a page whose `turns` can be timed.
struct Paged<'a> {
    tab: &'a Tab,
    pieces: f64,
    /// In a sample.
    turns: u32,
}

impl Paged<'_> {
    /// `make` is an expression that gives an object with `turns(count)` and `pieces()`.
    async fn new<'a>(tab: &'a Tab, make: &str) -> Result<Paged<'a>> {
        tab.eval(&format!("globalThis.bench?.free(); globalThis.bench = {make}; null")).await?;
        let pieces = tab.eval("bench.pieces()").await?;
        let pieces = pieces.as_f64().with_context(|| format!("{make} has no pieces"))?;
        let mut paged = Paged { tab, pieces, turns: 1 };
        let mut warm = 0.0;
        while warm < WARM_MS {
            let ms = paged.run().await?;
            warm += ms;
            if ms < SAMPLE_MS {
                paged.turns *= 2;
            }
        }
        Ok(paged)
    }

    /// Microseconds for one piece.
    async fn sample(&self) -> Result<f64> {
        Ok(self.run().await? * 1e3 / (f64::from(self.turns) * self.pieces))
    }

    async fn run(&self) -> Result<f64> {
        let before = self.tab.thread_seconds().await?;
        self.tab.eval(&format!("bench.turns({})", self.turns)).await?;
        Ok((self.tab.thread_seconds().await? - before) * 1e3)
    }
}

/// An expression that gives our work in a page.
fn ours(work: Work, kind: Kind, nodes: u32) -> String {
    format!("wasm_bindgen.Bench.prepare({}, {}, {nodes})", json!(work.name()), json!(kind.name()))
}

pub async fn beside_native() -> Result<()> {
    let browser = Browser::start().await?;
    let tab = page(&browser).await?;
    println!(
        "\nas wasm in Chromium, microseconds, medians (promised: at most {SLOWER_MAX} times \
         native)\n"
    );
    println!("{:<12} {:>7}  {:<14} {:>10} {:>10}", "", "nodes", "", "wasm", "native");
    for kind in KINDS {
        for (work, nodes) in COMPARED {
            let mut native = Prepared::new(work, kind, nodes);
            let paged = Paged::new(&tab, &ours(work, kind, nodes)).await?;
            let digest = tab.eval("bench.digest()").await?;
            let (kind, work) = (kind.name(), work.name());
            ensure!(
                digest == format!("{:016x}", native.digest()),
                "{work} of {kind} graphs with {nodes} nodes differs between native code and wasm"
            );
            let (mut here, mut there) = (Vec::new(), Vec::new());
            let start = now_ms();
            native.turn();
            while here.len() < ROUNDS_MIN || (here.len() < ROUNDS && now_ms() - start < ENOUGH_MS) {
                here.push(sample(&mut native));
                there.push(paged.sample().await?);
            }
            let (here, there) = (median(&mut here), median(&mut there));
            let ratio = there / here;
            let verdict = if ratio <= SLOWER_MAX { "ok" } else { "over" };
            println!(
                "{kind:<12} {nodes:>7}  {work:<14} {there:>10.1} {here:>10.1} {ratio:>6.2}x  \
                 {verdict}"
            );
        }
    }
    tab.close().await
}

/// ngraph's layout as its manual shows it, on our graphs.
const THEIRS: &str = "(kind, nodes) => {
    const GRAPHS = 4;
    const layouts = [];
    for (let number = 0; number < GRAPHS; number++) {
        const graph = createGraph();
        for (let node = 0; node < nodes; node++) graph.addNode(node);
        const ends = wasm_bindgen.ends(kind, nodes, number);
        for (let i = 0; i < ends.length; i += 2) {
            if (ends[i] !== ends[i + 1] && !graph.hasLink(ends[i], ends[i + 1])
                && !graph.hasLink(ends[i + 1], ends[i])) graph.addLink(ends[i], ends[i + 1]);
        }
        // Its own default; the file for pages still takes the set of links for an array.
        const nodeMass = node => 1 + (graph.getLinks(node)?.size ?? 0) / 3;
        layouts.push(ngraphCreateLayout(graph, { nodeMass }));
    }
    return {
        free() {},
        pieces: () => GRAPHS,
        turns(count) {
            for (let turn = 0; turn < count; turn++) {
                for (const layout of layouts) layout.step();
            }
        },
    };
}";

/// Steps of either layout before the first that counts.
const WARM_STEPS: u32 = 30;

pub async fn layout() -> Result<()> {
    let browser = Browser::start().await?;
    let tab = page(&browser).await?;
    for peer in ["ngraph.graph.js", "ngraph.forcelayout.js"] {
        tab.eval(&script(peer)?).await?;
    }
    println!(
        "\none step of the layout in Chromium, microseconds, medians (promised: at most \
         {LAYOUT_MAX} times ngraph.forcelayout's)\n"
    );
    println!("{:<12} {:>7}  {:>10} {:>10}", "", "nodes", "ours", "ngraph's");
    for kind in KINDS {
        for nodes in LAYOUT_NODES {
            let native = Prepared::new(Work::LayoutStep, kind, nodes);
            let mut paged = Paged::new(&tab, &ours(Work::LayoutStep, kind, nodes)).await?;
            let digest = tab.eval("bench.digest()").await?;
            let kind_name = kind.name();
            ensure!(
                digest == format!("{:016x}", native.digest()),
                "{kind_name} graphs with {nodes} nodes stand elsewhere natively and as wasm"
            );
            let ours = samples(&paged).await?;
            let make = format!("({THEIRS})({}, {nodes})", json!(kind_name));
            paged = Paged::new(&tab, &make).await?;
            for _ in 0..WARM_STEPS {
                tab.eval("bench.turns(1)").await?;
            }
            let theirs = samples(&paged).await?;
            let ratio = ours / theirs;
            let verdict = if ratio <= LAYOUT_MAX { "ok" } else { "over" };
            println!(
                "{kind_name:<12} {nodes:>7}  {ours:>10.1} {theirs:>10.1} {ratio:>6.2}x  {verdict}"
            );
        }
    }
    tab.close().await
}

async fn samples(paged: &Paged<'_>) -> Result<f64> {
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        samples.push(paged.sample().await?);
    }
    Ok(median(&mut samples))
}

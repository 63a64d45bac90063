//! The mesh page with hundreds and thousands of nodes, in a real browser.
//!
//! It draws made-up meshes and prints how long frames take while the layout moves, once it stands
//! still and while the picture is dragged: on this machine, whose browser has no graphics
//! processor. No time is asserted, only that everything is drawn.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    browser::{Browser, Tab},
    pictures,
    process::{NodeProcess, Setup},
};
use serde_json::Value;
use std::time::Duration;

const SIZES: [u32; 3] = [500, 2_000, 10_000];

const SHOWN_MAX: Duration = Duration::from_secs(60);
const SETTLED_MAX: Duration = Duration::from_secs(240);

/// Frames of one measurement, and the longest it may last.
const FRAMES: u32 = 90;
const MEASURE_MS: u32 = 20_000;

/// Colours that a drawn mesh has at least: dots, links at several latencies, the ground.
const COLOURS_MIN: u64 = 12;

/// Collects times of frames while the picture is dragged around, or only watched. What the page
/// itself counts is read before and after. Colours are counted in the frame that was just drawn,
/// where it still lies in the drawing buffer.
const MEASURE: &str = "(drag) => new Promise(done => {
    const map = document.querySelector('[data-testid=map]');
    const canvas = map.querySelector('canvas');
    const box = map.getBoundingClientRect();
    const point = (name, x) => map.dispatchEvent(new PointerEvent(name, {
        pointerId: 7, button: 0, bubbles: true,
        clientX: box.x + box.width / 2 + x, clientY: box.y + box.height / 2 + x / 3 }));
    const count = name => Number(map.getAttribute('data-' + name) ?? 0);
    const spent = () => ({ frames: count('frames'), steps: count('steps'),
        layout: count('layout-micros'), draw: count('draw-micros') });
    const sample = document.createElement('canvas');
    sample.width = sample.height = 96;
    const pen = sample.getContext('2d', { willReadFrequently: true });
    let colours = 0;
    const look = () => {
        pen.clearRect(0, 0, 96, 96);
        pen.drawImage(canvas, 0, 0, 96, 96);
        const seen = new Set(new Uint32Array(pen.getImageData(0, 0, 96, 96).data.buffer));
        colours = Math.max(colours, seen.size);
    };
    const before = spent(), times = [], start = performance.now();
    let last = start;
    if (drag) point('pointerdown', 0);
    const frame = now => {
        times.push(now - last);
        last = now;
        const over = times.length >= FRAMES || now - start > LIMIT ||
            (!drag && map.getAttribute('data-motion') === 'settled');
        if (drag) point('pointermove', 120 * Math.sin(times.length / 9) + (over ? 3 : 9));
        // After the page's own work of this frame, which runs when the callbacks have returned.
        queueMicrotask(() => queueMicrotask(() => setTimeout(() => {
            if (!over) return requestAnimationFrame(frame);
            if (drag) point('pointerup', 0);
            requestAnimationFrame(() => {
                look();
                const after = spent();
                for (const key in after) after[key] -= before[key];
                times.shift();
                times.sort((a, b) => a - b);
                done({ ...after, colours, times: times.length,
                    median: times[times.length >> 1] ?? 0,
                    high: times[Math.floor(times.length * 0.95)] ?? 0 });
            });
        })));
    };
    map.scrollIntoView();
    requestAnimationFrame(frame);
})";

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_nodes_are_drawn_and_can_be_dragged() -> Result<()> {
    let node = NodeProcess::start(Setup::named("Mesh")).await?;
    let browser = Browser::start().await?;
    let mut table =
        "      nodes  what     frames  p50 ms  p95 ms  layout ms  draw ms  steps  brush\n"
            .to_owned();
    for size in SIZES {
        let url = format!("http://{}/#/mesh/example/{size}", node.http());
        let tab = browser.tab(&url).await?;
        let drawn = "Number(document.querySelector('[data-testid=map]')?.dataset.frames) > 0";
        tab.wait_for(drawn, SHOWN_MAX).await?;
        let notice = tab.text("example-notice").await?.context("it does not say it is made up")?;
        ensure!(notice.contains(&size.to_string()) && notice.contains("not your mesh"), "{notice}");
        let moving = measure(&tab, Hand::Off).await?;
        table += &row(&tab, size, "settling", &moving).await?;
        let settled = "document.querySelector('[data-testid=map]').dataset.motion === 'settled'";
        tab.wait_for(settled, SETTLED_MAX).await?;
        let dragged = measure(&tab, Hand::On).await?;
        table += &row(&tab, size, "dragged", &dragged).await?;
        ensure!(dragged["frames"].as_u64() > Some(5), "hardly a frame was drawn: {dragged}");
        ensure!(dragged["steps"] == 0, "what has settled moves: {dragged}");
        let colours = dragged["colours"].as_u64().context("no colours")?;
        ensure!(colours >= COLOURS_MIN, "the picture of {size} nodes is blank: {dragged}");
        let counted = tab.eval("document.querySelector('[data-testid=map]').dataset.nodes").await?;
        ensure!(counted.as_str() == Some(&size.to_string()), "{counted} nodes of {size}");
        tab.picture(&pictures().join(format!("mesh-{size}.png"))).await?;
        tab.assert_no_complaints()?;
        tab.close().await?;
    }
    print!("{table}");
    // `cargo xtask test` prints it: what a test that passes prints is not shown.
    std::fs::write(pictures().join("mesh-frames.txt"), table)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calm_mesh_asks_for_no_frames_and_a_search_finds_a_node() -> Result<()> {
    let node = NodeProcess::start(Setup::named("Mesh")).await?;
    let browser = Browser::start().await?;
    let tab = browser.tab(&format!("http://{}/#/mesh/example/500", node.http())).await?;
    let settled = "document.querySelector('[data-testid=map]')?.dataset.motion === 'settled'";
    tab.wait_for(settled, SETTLED_MAX).await?;
    let still = "new Promise(done => {
        const frames = () => document.querySelector('[data-testid=map]').dataset.frames;
        const before = frames();
        let left = 20;
        const next = () => --left > 0 ? requestAnimationFrame(next) : done(before === frames());
        next();
    })";
    tab.wait_for(still, SETTLED_MAX).await?;
    tab.click("find-node", SHOWN_MAX).await?;
    tab.type_text("example 123").await?;
    tab.press("Enter").await?;
    let card = "document.querySelector('[data-testid=peer-card]')?.textContent";
    let card = tab.wait_for(card, SHOWN_MAX).await?;
    ensure!(card.as_str().is_some_and(|card| card.contains("Example 123")), "{card}");
    tab.wait_for(still, SETTLED_MAX).await?;
    tab.picture(&pictures().join("mesh-found.png")).await?;
    tab.assert_no_complaints()?;
    tab.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_links_to_one_peer_are_shown_with_what_takes_each() -> Result<()> {
    let far = NodeProcess::start(Setup::named("Far")).await?;
    let socket = format!("ws://{}/mesh", far.http());
    let near =
        NodeProcess::start(Setup { connect: vec![far.url(), socket], ..Setup::named("Near") })
            .await?;
    let browser = Browser::start().await?;
    let tab = browser.tab(&format!("http://{}/#/mesh", near.http())).await?;
    tab.click("whose-node", SHOWN_MAX).await?;
    let both = "(() => {
        const rows = [...document.querySelectorAll('[data-testid=own-link]')]
            .map(row => row.textContent).filter(row => row.startsWith('Far'));
        return ['TCP', 'WebSocket'].every(kind => rows.some(row => row.includes(kind))) && rows;
    })()";
    tab.wait_for(both, SHOWN_MAX).await?;
    // What is in use is said for one of them at least, and every class goes somewhere.
    let used = "(() => {
        const said = document.querySelector('[data-testid=own-links]').textContent;
        return ['dice', 'bets', 'chat', 'logs'].every(w => said.includes(w))
            || said.includes('everything');
    })()";
    tab.wait_for(used, SHOWN_MAX).await?;
    let pick = "[...document.querySelectorAll('[data-testid=own-link] button')]
        .find(button => button.textContent.trim() === 'Far').click() ?? true";
    tab.eval(pick).await?;
    let links = "document.querySelectorAll('[data-testid=card-links] > li').length";
    tab.wait_for(&format!("{links} === 2"), SHOWN_MAX).await?;
    let drawn = "!!document.querySelector('[data-testid=card-links] svg[role=img]')";
    tab.wait_for(drawn, SHOWN_MAX).await?;
    tab.picture(&pictures().join("mesh-links.png")).await?;
    let metrics = near.metrics().await?;
    for transport in ["tcp", "websocket"] {
        let row = format!("bitcraps_link_rtt_seconds{{transport=\"{transport}\",peer=");
        ensure!(metrics.contains(&row), "{row} is missing in {metrics}");
    }
    ensure!(metrics.contains("bitcraps_link_in_use{"), "{metrics}");
    tab.assert_no_complaints()?;
    tab.close().await
}

/// Whether the picture is dragged while it is measured.
#[derive(Clone, Copy)]
enum Hand {
    Off,
    On,
}

async fn measure(tab: &Tab, hand: Hand) -> Result<Value> {
    let script =
        MEASURE.replace("FRAMES", &FRAMES.to_string()).replace("LIMIT", &MEASURE_MS.to_string());
    tab.eval(&format!("({script})({})", matches!(hand, Hand::On))).await
}

/// One line of the table of frame times.
async fn row(tab: &Tab, size: u32, what: &str, measured: &Value) -> Result<String> {
    let number = |key: &str| measured[key].as_f64().unwrap_or(f64::NAN);
    let each = |key: &str| number(key) / number("frames").max(1.0) / 1000.0;
    let brush = tab.eval("document.querySelector('[data-testid=map]').dataset.brush").await?;
    Ok(format!(
        "      {size:>5}  {what:<8} {:>6}  {:>6.1}  {:>6.1}  {:>9.2}  {:>7.2}  {:>5}  {}\n",
        number("frames"),
        number("median"),
        number("high"),
        each("layout"),
        each("draw"),
        number("steps"),
        brush.as_str().unwrap_or("?"),
    ))
}

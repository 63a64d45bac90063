//! A mesh of real processes knows its weak point, says so to people and to machines, and mends it.

use anyhow::{Context as _, Result};
use bitcraps_tests::{
    browser::{Browser, PHONE},
    http::{json, metric},
    process::{Healing, NodeProcess, Setup},
    wait::{Look, until},
    workspace,
};
use serde_json::Value;
use std::time::Duration;

const JOINED_MAX: Duration = Duration::from_secs(30);
/// Snapshots come every five seconds.
const SEEN_MAX: Duration = Duration::from_secs(60);
/// A repair is planned from a snapshot, dialled, and judged by later ones.
const MENDED_MAX: Duration = Duration::from_secs(120);

/// Waits until the view of a node is as `wanted` says.
async fn until_view(
    node: &NodeProcess,
    what: &str,
    limit: Duration,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    until(what, limit, async || {
        let view = node.view().await?;
        Ok(if wanted(&view) { Look::Yes(view) } else { Look::NotYet(view["health"].clone()) })
    })
    .await
}

#[tokio::test]
async fn a_line_of_three_nodes_becomes_a_triangle_and_outlives_its_middle() -> Result<()> {
    let healing = |name| Setup { healing: Healing::Automatic, ..Setup::named(name) };
    let a = NodeProcess::start(healing("A")).await?;
    let to_a = Setup { connect: vec![a.url()], ..healing("B") };
    let mut b = NodeProcess::start(to_a).await?;
    let to_b = Setup { connect: vec![b.url()], ..healing("C") };
    let c = NodeProcess::start(to_b).await?;

    let linked = |view: &Value| {
        view["health"]["snapshot"]["links"] == 3 && view["health"]["snapshot"]["cut_nodes"] == 0
    };
    for node in [&a, &b, &c] {
        until_view(node, "A and C to be linked", MENDED_MAX, linked).await?;
    }
    let verified = |view: &Value| {
        let repairs = view["health"]["repairs"].as_array();
        repairs.is_some_and(|all| all.iter().any(|repair| repair["state"] == "verified"))
    };
    until("one end to say that its repair helped", MENDED_MAX, async || {
        let views = [a.view().await?, c.view().await?];
        let done = views.iter().any(verified);
        Ok(if done {
            Look::Yes(())
        } else {
            Look::NotYet(views.map(|v| v["health"]["repairs"].clone()))
        })
    })
    .await?;

    b.kill().await?;
    let whole = |view: &Value| {
        let edges = view["map"]["edges"].as_array().map_or(0, Vec::len);
        let (mine, other) = (&view["peer_id"], [a.peer_id(), c.peer_id()]);
        let nodes = view["map"]["nodes"].as_array();
        let reachable = nodes.into_iter().flatten().filter(|node| node["reachable"] == true);
        let ids: Vec<&str> = reachable.filter_map(|node| node["peer_id"].as_str()).collect();
        edges == 1 && other.iter().all(|id| mine == id || ids.contains(id))
    };
    for node in [&a, &c] {
        until_view(node, "A and C to reach each other without B", MENDED_MAX, whole).await?;
        node.logged_no_error()?;
    }
    Ok(())
}

#[tokio::test]
async fn the_health_page_shows_the_tab_and_the_node_that_served_it() -> Result<()> {
    let node = NodeProcess::start(Setup { bots: 2, ..Setup::named("home") }).await?;
    let browser = Browser::start().await?;
    let tab = browser.tab(&format!("http://{}/#/health", node.http())).await?;
    let charts = "document.querySelectorAll('[data-testid=chart]').length";
    // Without latencies and risks that were measured, a dozen figures would be missing.
    let drawn = format!("{charts} >= 12 && {charts}");
    tab.wait_for(&drawn, JOINED_MAX + SEEN_MAX).await.context("the tab's own figures")?;
    let said = tab.text("health-headline").await?.context("no headline")?;
    assert!(said.contains("alert"), "{said}");

    tab.click("whose-node", SEEN_MAX).await?;
    let parts = "[...document.querySelectorAll('[data-testid=component]')].map(e => e.innerText)";
    let parts =
        tab.wait_for(&format!("{parts}.length >= 6 && {parts}.join('|')"), SEEN_MAX).await?;
    let parts = parts.as_str().unwrap_or_default();
    for part in ["bot 1", "bot 2", "http", "node", "store", "tcp 127.0.0.1"] {
        assert!(parts.contains(part), "{part} is missing in {parts}");
    }
    assert!(!parts.contains("unhealthy"), "{parts}");

    tab.resize(PHONE).await?;
    let wide = "document.documentElement.scrollWidth <= innerWidth";
    tab.wait_for(wide, SEEN_MAX).await.context("the page is wider than a phone")?;
    tab.picture(&workspace().join("target/screenshots/health-phone.png")).await?;
    tab.assert_no_complaints()?;

    let history = json(node.http(), "/api/v1/history").await?;
    assert!(history.as_array().is_some_and(|h| !h.is_empty()), "{history}");
    let metrics = node.metrics().await?;
    assert!(metric(&metrics, "bitcraps_mesh_nodes") >= 3.0, "{metrics}");
    assert!(metric(&metrics, "bitcraps_analysis_seconds_count") >= 1.0, "{metrics}");
    node.logged_no_error()?;
    tab.close().await
}

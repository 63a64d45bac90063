//! A whole evening, real parts only: three nodes in a line, a tab at each end, one table.
//!
//! A – B – C over TCP, one tab joined to A and one to C. They play twenty rolls with a bot while
//! the node in the middle is killed and comes back. At every height that anybody shows, everybody
//! shows the same log and the same chips. Then one tab leaves and the others play on.
//!
//! It also takes the pictures of the README: they show this table and this mesh.

use anyhow::{Result, ensure};
use bitcraps_tests::{
    browser::{Browser, Tab},
    ledger::Ledger,
    pictures,
    player::{Player, agree, play, reachable, rolls_of},
    process::{NodeProcess, Setup},
    wait::{Look, until},
};
use serde_json::Value;
use std::time::Duration;

const MAP_MAX: Duration = Duration::from_secs(60);
const TABLE_MAX: Duration = Duration::from_secs(60);
/// A lost neighbour is noticed, a lost quorum is shown.
const FROZEN_MAX: Duration = Duration::from_secs(90);
/// Redial with back-off, handshakes, catching up.
const THAWED_MAX: Duration = Duration::from_secs(120);
const PLAY_MAX: Duration = Duration::from_secs(300);
const ROLLS: u64 = 20;
const ROLLS_BEFORE_THE_KILL: u64 = 7;
const ROLLS_AFTER_THE_CLOSE: u64 = 3;
/// Different rolls on which each tab must have had chips on the felt.
const ROLLS_BET_ON: usize = 3;

/// A tab that plays, without WebRTC: tabs that link to each other keep a table from freezing.
async fn join(browser: &Browser, name: &str, node: &NodeProcess) -> Result<Player> {
    let tab = browser.tab("about:blank").await?;
    tab.before_pages("delete window.RTCPeerConnection").await?;
    tab.open(&format!("http://{}/", node.http())).await?;
    let player = Player::in_tab(tab, name).await?;
    player.joined().await?;
    Ok(player)
}

/// Waits until the map of every node shows this many other peers within reach.
async fn meshed(nodes: &[&NodeProcess], peers: usize) -> Result<()> {
    for node in nodes {
        until(&format!("{} to see {peers} peers", node.name()), MAP_MAX, async || {
            let seen = reachable(&node.view().await?);
            Ok(if seen >= peers { Look::Yes(()) } else { Look::NotYet(seen) })
        })
        .await?;
    }
    Ok(())
}

fn height_of(table: &Value) -> u64 {
    table["height"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_nodes_and_two_tabs_play_twenty_rolls_and_survive_a_kill() -> Result<()> {
    let a = NodeProcess::start(Setup { bots: 1, ..Setup::named("A") }).await?;
    let b = Setup { connect: vec![a.url()], ..Setup::named("B") };
    let mut b = NodeProcess::start(b).await?;
    let c = NodeProcess::start(Setup { connect: vec![b.url()], ..Setup::named("C") }).await?;
    meshed(&[&a, &b, &c], 3).await?;

    let browser = Browser::start().await?;
    let mut anna = join(&browser, "Anna's tab", &a).await?;
    let mut carl = join(&browser, "Carl's tab", &c).await?;
    meshed(&[&a, &b, &c], 5).await?;
    until("Anna's tab to see everybody", MAP_MAX, async || {
        let seen = reachable(&anna.view().await?);
        Ok(if seen >= 5 { Look::Yes(()) } else { Look::NotYet(seen) })
    })
    .await?;

    // Anna opens a table with every witness and the bot, Carl finds it in his lobby.
    anna.tab.click("create-table", TABLE_MAX).await?;
    let table = anna.table_state("playing", TABLE_MAX).await?;
    let members = table["members"].as_array().map_or(0, Vec::len);
    ensure!(members == 5, "Anna, A, B, C and the bot are 5 members, not {members}");
    carl.tab.click("join-table", TABLE_MAX).await?;
    let joined = carl.table_state("playing", TABLE_MAX).await?;
    ensure!(joined["table_id"] == table["table_id"], "Carl sits at another table");

    let mut ledger = Ledger::default();
    play(
        &mut [&mut anna, &mut carl],
        &[&a, &b, &c],
        &mut ledger,
        ROLLS_BEFORE_THE_KILL,
        PLAY_MAX,
        async |_| Ok(()),
    )
    .await?;

    // Without B neither side has a quorum, and both say so.
    b.kill().await?;
    for player in [&anna, &carl] {
        player.table_state("frozen", FROZEN_MAX).await?;
        player.tab.wait_shown("frozen-banner", FROZEN_MAX).await?;
    }
    let frozen = rolls_of(&anna.table().await?);
    b.restart().await?;
    for player in [&anna, &carl] {
        player.table_state("playing", THAWED_MAX).await?;
    }
    play(
        &mut [&mut anna, &mut carl],
        &[&a, &b, &c],
        &mut ledger,
        ROLLS.max(frozen + 1),
        PLAY_MAX,
        async |_| Ok(()),
    )
    .await?;
    for player in [&anna, &carl] {
        let bets = player.bet_on.len();
        ensure!(bets >= ROLLS_BET_ON, "{} had chips on {bets} rolls", player.name);
    }
    take_pictures(&anna.tab).await?;
    let height = height_of(&anna.table().await?);
    agree(&mut ledger, &[&anna, &carl], &[&a, &b, &c], height.saturating_sub(1)).await?;

    // Carl's tab is closed; the others carry on.
    carl.tab.assert_no_complaints()?;
    carl.tab.close().await?;
    let rolls = rolls_of(&anna.table().await?) + ROLLS_AFTER_THE_CLOSE;
    play(&mut [&mut anna], &[&a, &b, &c], &mut ledger, rolls, PLAY_MAX, async |_| Ok(())).await?;
    let height = height_of(&anna.table().await?);
    agree(&mut ledger, &[&anna], &[&a, &b, &c], height.saturating_sub(1)).await?;

    anna.tab.assert_no_complaints()?;
    for node in [&a, &b, &c] {
        node.logged_no_error()?;
    }
    Ok(())
}

/// The table as it lies, then the mesh once its picture stands still.
async fn take_pictures(tab: &Tab) -> Result<()> {
    tab.eval("scrollTo(0, 0)").await?;
    let said = "document.querySelector('[data-testid=sayings]').children.length";
    until("what was said to go", TABLE_MAX, async || {
        let left = tab.eval(said).await?;
        Ok(if left == 0 { Look::Yes(()) } else { Look::NotYet(left) })
    })
    .await?;
    tab.picture(&pictures().join("table.png")).await?;
    let table = tab.eval("location.hash").await?;
    tab.eval("location.hash = '#/mesh'").await?;
    tab.wait_shown("map", TABLE_MAX).await?;
    // The dots glide to their places; wait for two equal looks.
    let mut last = Value::Null;
    until("the picture of the mesh to stand still", TABLE_MAX, async || {
        let dots = "new Promise(done => setTimeout(() => done(JSON.stringify(
            [...document.querySelectorAll('[data-testid=map] circle')].map(dot => {
                const box = dot.getBoundingClientRect();
                return [Math.round(box.x), Math.round(box.y)];
            }))), 500))";
        let now = tab.eval(dots).await?;
        let still = now == last;
        last = now;
        Ok(if still { Look::Yes(()) } else { Look::NotYet("moving") })
    })
    .await?;
    tab.picture(&pictures().join("mesh.png")).await?;
    tab.eval(&format!("location.hash = {table}")).await?;
    Ok(())
}

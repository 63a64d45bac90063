//! A whole evening, real parts only: three nodes in a line, a tab at each end, one table.
//!
//! A – B – C over TCP, one tab joined to A and one to C. They play twenty rolls with a bot while
//! the node in the middle is killed and comes back. At every height that anybody shows, everybody
//! shows the same log and the same chips. Then one tab leaves and the others play on.
//!
//! It also takes the pictures of the README: they show this table and this mesh.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    browser::{Browser, Tab},
    http::fetch,
    ledger::Ledger,
    pictures,
    process::{NodeProcess, Setup},
    wait::{Look, until},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const JOINED_MAX: Duration = Duration::from_secs(30);
const MAP_MAX: Duration = Duration::from_secs(60);
const TABLE_MAX: Duration = Duration::from_secs(60);
/// A lost neighbour is noticed, a lost quorum is shown.
const FROZEN_MAX: Duration = Duration::from_secs(90);
/// Redial with back-off, handshakes, catching up.
const THAWED_MAX: Duration = Duration::from_secs(120);
const PLAY_MAX: Duration = Duration::from_secs(300);
const EQUAL_MAX: Duration = Duration::from_secs(60);

const ROLLS: u64 = 20;
const ROLLS_BEFORE_THE_KILL: u64 = 7;
const ROLLS_AFTER_THE_CLOSE: u64 = 3;
/// Different rolls on which each tab must have had chips on the felt.
const ROLLS_BET_ON: usize = 3;

const PAUSE: Duration = Duration::from_millis(50);

/// A tab with a seat.
struct Player {
    name: &'static str,
    tab: Tab,
    peer_id: String,
    /// The rolls on which it was seen to have chips on the felt.
    bet_on: BTreeSet<u64>,
    /// The roll it has said to have no more bets for.
    done_with: Option<u64>,
}

impl Player {
    async fn join(browser: &Browser, name: &'static str, node: &NodeProcess) -> Result<Player> {
        let tab = browser.tab("about:blank").await?;
        // Or the tabs would link to each other, and no table would freeze.
        tab.before_pages("delete window.RTCPeerConnection").await?;
        tab.open(&format!("http://{}/", node.http())).await?;
        let joined =
            "document.querySelector('[data-testid=join-state][data-state=joined]') !== null";
        tab.wait_for(joined, JOINED_MAX).await.with_context(|| format!("{name} does not join"))?;
        let peer_id = view_of(&tab).await?["peer_id"].as_str().context("no peer id")?.to_owned();
        Ok(Player { name, tab, peer_id, bet_on: BTreeSet::new(), done_with: None })
    }

    async fn view(&self) -> Result<Value> {
        view_of(&self.tab).await
    }

    /// The only table this tab sits at.
    async fn table(&self) -> Result<Value> {
        Ok(self.view().await?["tables"][0].clone())
    }

    /// Does what can be done now: bets once on each roll, then says that this was all.
    async fn act(&mut self, table: &Value) -> Result<()> {
        let Some(seat) = seat_of(table, &self.peer_id) else { return Ok(()) };
        let roll = table["roll"].as_u64().context("a table without a roll")?;
        let has_chips = seat["bets"].as_array().is_some_and(|bets| !bets.is_empty());
        if has_chips {
            self.bet_on.insert(roll);
        }
        if table["phase"] != "betting" || table["state"] != "playing" {
            return Ok(());
        }
        if seat["ready"] == true || self.done_with == Some(roll) || table["pending"] != 0 {
            return Ok(());
        }
        if !has_chips && self.tab.click_if_offered("bet-pass").await? {
            let peer_id = self.peer_id.clone();
            until("the bet to lie on the felt", TABLE_MAX, async || {
                let table = self.table().await?;
                let bets = seat_of(&table, &peer_id).map(|seat| seat["bets"].clone());
                let lies = bets.as_ref().and_then(Value::as_array).is_some_and(|b| !b.is_empty());
                // The bets may have been closed by somebody else in the meantime.
                let over = table["roll"].as_u64() != Some(roll) || table["phase"] != "betting";
                Ok(if lies || over { Look::Yes(()) } else { Look::NotYet(table) })
            })
            .await?;
            return Ok(());
        }
        if self.tab.click_if_offered("roll").await? {
            self.done_with = Some(roll);
        }
        Ok(())
    }
}

async fn view_of(tab: &Tab) -> Result<Value> {
    let text = tab.eval("window.bitcraps_view()").await?;
    Ok(serde_json::from_str(text.as_str().context("bitcraps_view() gives no text")?)?)
}

fn seat_of<'a>(table: &'a Value, peer_id: &str) -> Option<&'a Value> {
    table["seats"].as_array()?.iter().find(|seat| seat["peer_id"] == peer_id)
}

/// Rolls that have fallen: the table counts the one being played.
fn rolls_of(table: &Value) -> u64 {
    table["history"][0]["roll"].as_u64().unwrap_or(0)
}

/// How many others a view has a path to.
fn reachable(view: &Value) -> usize {
    let nodes = view["map"]["nodes"].as_array().into_iter().flatten();
    let others = nodes.filter(|node| node["peer_id"] != view["peer_id"]);
    others.filter(|node| node["reachable"] == true).count()
}

/// Records the table as each of these shows it now.
async fn observe(ledger: &mut Ledger, players: &[&Player], nodes: &[&NodeProcess]) -> Result<()> {
    for player in players {
        let table = player.table().await?;
        if table["state"] == "playing" || table["state"] == "frozen" {
            ledger.record(player.name, &table)?;
        }
    }
    for node in nodes {
        let table = node.view().await?["tables"][0].clone();
        if table["state"] == "playing" || table["state"] == "frozen" {
            ledger.record(node.name(), &table)?;
        }
    }
    Ok(())
}

/// Plays until the first player shows this many rolls.
async fn play(
    players: &mut [&mut Player],
    nodes: &[&NodeProcess],
    ledger: &mut Ledger,
    rolls: u64,
) -> Result<()> {
    let started = Instant::now();
    loop {
        let mut tables = Vec::new();
        for player in players.iter_mut() {
            let table = player.table().await?;
            player.act(&table).await.with_context(|| format!("{} acts", player.name))?;
            tables.push(table);
        }
        let seen: Vec<&Player> = players.iter().map(|player| &**player).collect();
        observe(ledger, &seen, nodes).await?;
        let fallen = tables.first().map_or(0, rolls_of);
        if fallen >= rolls {
            return Ok(());
        }
        ensure!(
            started.elapsed() < PLAY_MAX,
            "{fallen} of {rolls} rolls in {} s: {tables:#?}",
            PLAY_MAX.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
    }
}

async fn table_state(player: &Player, state: &str, limit: Duration) -> Result<Value> {
    until(&format!("{} to see its table {state}", player.name), limit, async || {
        let table = player.table().await?;
        Ok(if table["state"] == state { Look::Yes(table) } else { Look::NotYet(table) })
    })
    .await
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

/// Waits until all of these have shown the same page of the log.
async fn agree(
    ledger: &mut Ledger,
    players: &[&Player],
    nodes: &[&NodeProcess],
    above: u64,
) -> Result<()> {
    let all = players.len() + nodes.len();
    until("everybody to show one height", EQUAL_MAX, async || {
        observe(ledger, players, nodes).await?;
        let agreed = ledger.agreed_by(all);
        Ok(if agreed > Some(above) { Look::Yes(()) } else { Look::NotYet(agreed) })
    })
    .await
}

/// The logs themselves, byte for byte: what each tab and each node holds, not what it says of it.
async fn same_bytes(id: &str, players: &[&Player], nodes: &[&NodeProcess]) -> Result<()> {
    until("all logs to hold the same bytes", EQUAL_MAX, async || {
        let mut logs = BTreeSet::new();
        for node in nodes {
            let answer = fetch(node.http(), &format!("/api/v1/tables/{id}/log")).await?;
            ensure!(answer.status == 200, "{} has no log: {}", node.name(), answer.text());
            logs.insert(answer.body);
        }
        for player in players {
            let js = format!("JSON.stringify(Array.from(window.bitcraps_table_log('{id}') ?? []))");
            let bytes = player.tab.eval(&js).await?;
            logs.insert(serde_json::from_str(bytes.as_str().context("no log in the tab")?)?);
        }
        let lengths: Vec<usize> = logs.iter().map(Vec::len).collect();
        let same = lengths.len() == 1 && lengths[0] > 1000;
        Ok(if same { Look::Yes(()) } else { Look::NotYet(lengths) })
    })
    .await
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
    let mut anna = Player::join(&browser, "Anna's tab", &a).await?;
    let mut carl = Player::join(&browser, "Carl's tab", &c).await?;
    meshed(&[&a, &b, &c], 5).await?;
    until("Anna's tab to see everybody", MAP_MAX, async || {
        let seen = reachable(&anna.view().await?);
        Ok(if seen >= 5 { Look::Yes(()) } else { Look::NotYet(seen) })
    })
    .await?;

    // Anna opens a table with every witness and the bot, Carl finds it in his lobby.
    anna.tab.click("create-table", TABLE_MAX).await?;
    let table = table_state(&anna, "playing", TABLE_MAX).await?;
    let members = table["members"].as_array().map_or(0, Vec::len);
    ensure!(members == 5, "Anna, A, B, C and the bot are 5 members, not {members}");
    carl.tab.click("join-table", TABLE_MAX).await?;
    let joined = table_state(&carl, "playing", TABLE_MAX).await?;
    ensure!(joined["table_id"] == table["table_id"], "Carl sits at another table");

    let mut ledger = Ledger::default();
    play(&mut [&mut anna, &mut carl], &[&a, &b, &c], &mut ledger, ROLLS_BEFORE_THE_KILL).await?;

    // Without B neither side has a quorum, and both say so.
    b.kill().await?;
    for player in [&anna, &carl] {
        table_state(player, "frozen", FROZEN_MAX).await?;
        player.tab.wait_shown("frozen-banner", FROZEN_MAX).await?;
    }
    let frozen = rolls_of(&anna.table().await?);
    b.restart().await?;
    for player in [&anna, &carl] {
        table_state(player, "playing", THAWED_MAX).await?;
    }
    play(&mut [&mut anna, &mut carl], &[&a, &b, &c], &mut ledger, ROLLS.max(frozen + 1)).await?;
    for player in [&anna, &carl] {
        let bets = player.bet_on.len();
        ensure!(bets >= ROLLS_BET_ON, "{} had chips on {bets} rolls", player.name);
    }
    take_pictures(&anna.tab).await?;
    let height = height_of(&anna.table().await?);
    agree(&mut ledger, &[&anna, &carl], &[&a, &b, &c], height.saturating_sub(1)).await?;
    let id = table["table_id"].as_str().context("a table without an id")?;
    same_bytes(id, &[&anna, &carl], &[&a, &b, &c]).await?;

    // Carl's tab is closed; the others carry on.
    carl.tab.assert_no_complaints()?;
    carl.tab.close().await?;
    let rolls = rolls_of(&anna.table().await?) + ROLLS_AFTER_THE_CLOSE;
    play(&mut [&mut anna], &[&a, &b, &c], &mut ledger, rolls).await?;
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

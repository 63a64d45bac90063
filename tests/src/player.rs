//! A tab with a seat at a table, and the habits of whoever sits in front of it.
//!
//! - It bets once on each roll, by a click, and then says that this was all.
//! - What it shows is recorded in the [`Ledger`], beside what nodes at the same table show, so that
//!   two that differ are an error.

use crate::{
    browser::{Browser, Tab},
    http::fetch,
    ledger::Ledger,
    process::NodeProcess,
    wait::{Look, until},
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const JOINED_MAX: Duration = Duration::from_secs(30);
const TABLE_MAX: Duration = Duration::from_secs(60);
const EQUAL_MAX: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(50);

/// A tab and who plays in it.
pub struct Player {
    pub name: String,
    pub tab: Tab,
    pub peer_id: String,
    /// The rolls on which it was seen to have chips on the felt.
    pub bet_on: BTreeSet<u64>,
    /// The roll it has said to have no more bets for.
    done_with: Option<u64>,
}

impl Player {
    /// Opens a page and waits until its peer runs, joined or not.
    pub async fn open(browser: &Browser, name: &str, url: &str) -> Result<Player> {
        Player::in_tab(browser.tab(url).await?, name).await
    }

    /// The same for a page that is open.
    pub async fn in_tab(tab: Tab, name: &str) -> Result<Player> {
        let runs = "window.bitcraps_view?.() ?? null";
        tab.wait_for(runs, JOINED_MAX).await.with_context(|| format!("{name} does not start"))?;
        let peer_id = view_of(&tab).await?["peer_id"].as_str().context("no peer id")?.to_owned();
        let name = name.to_owned();
        Ok(Player { name, tab, peer_id, bet_on: BTreeSet::new(), done_with: None })
    }

    /// Waits until the page says that it is joined.
    pub async fn joined(&self) -> Result<()> {
        let joined =
            "document.querySelector('[data-testid=join-state][data-state=joined]') !== null";
        let waited = self.tab.wait_for(joined, JOINED_MAX).await;
        waited.with_context(|| format!("{} does not join", self.name))?;
        Ok(())
    }

    pub async fn view(&self) -> Result<Value> {
        view_of(&self.tab).await
    }

    /// The only table this tab sits at.
    pub async fn table(&self) -> Result<Value> {
        Ok(self.view().await?["tables"][0].clone())
    }

    /// Open links by what carries them: peer ids.
    pub async fn linked_by(&self, transport: &str) -> Result<BTreeSet<String>> {
        let view = self.view().await?;
        let links = view["links"].as_array().context("a view without links")?;
        let open = links.iter().filter(|l| l["transport"] == transport && l["state"] == "open");
        Ok(open.filter_map(|link| link["peer_id"].as_str().map(str::to_owned)).collect())
    }

    pub async fn table_state(&self, state: &str, limit: Duration) -> Result<Value> {
        until(&format!("{} to see its table {state}", self.name), limit, async || {
            let table = self.table().await?;
            Ok(if table["state"] == state { Look::Yes(table) } else { Look::NotYet(table) })
        })
        .await
    }

    /// Does what can be done now: bets once on each roll, then says that this was all.
    async fn act(&mut self, table: &Value) -> Result<()> {
        let Some(seat) = seat_of(table, &self.peer_id) else { return Ok(()) };
        let roll = table["roll"].as_u64().context("a table without a roll")?;
        let has_chips = seat["bets"].as_array().is_some_and(|bets| !bets.is_empty());
        if has_chips {
            self.bet_on.insert(roll);
        }
        let busy = table["phase"] != "betting" || table["state"] != "playing";
        let done = seat["ready"] == true || self.done_with == Some(roll) || table["pending"] != 0;
        if busy || done {
            return Ok(());
        }
        if !has_chips && self.tab.click_if_offered("bet-pass").await? {
            let peer_id = self.peer_id.clone();
            return until("the bet to lie on the felt", TABLE_MAX, async || {
                let table = self.table().await?;
                let bets = seat_of(&table, &peer_id).map(|seat| seat["bets"].clone());
                let lies = bets.as_ref().and_then(Value::as_array).is_some_and(|b| !b.is_empty());
                // The bets may have been closed by somebody else in the meantime.
                let over = table["roll"].as_u64() != Some(roll) || table["phase"] != "betting";
                // Or the link is gone; the core repeats the bet when it is back.
                let frozen = table["state"] != "playing";
                Ok(if lies || over || frozen { Look::Yes(()) } else { Look::NotYet(table) })
            })
            .await;
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

pub fn seat_of<'a>(table: &'a Value, peer_id: &str) -> Option<&'a Value> {
    table["seats"].as_array()?.iter().find(|seat| seat["peer_id"] == peer_id)
}

/// Rolls that have fallen: the table counts the one being played.
pub fn rolls_of(table: &Value) -> u64 {
    table["history"][0]["roll"].as_u64().unwrap_or(0)
}

/// How many others a view has a path to.
pub fn reachable(view: &Value) -> usize {
    let nodes = view["map"]["nodes"].as_array().into_iter().flatten();
    let others = nodes.filter(|node| node["peer_id"] != view["peer_id"]);
    others.filter(|node| node["reachable"] == true).count()
}

/// Records the table as each of these shows it now.
async fn observe(ledger: &mut Ledger, players: &[&Player], nodes: &[&NodeProcess]) -> Result<()> {
    let mut shown = Vec::new();
    for player in players {
        shown.push((player.name.as_str(), player.table().await?));
    }
    for node in nodes {
        shown.push((node.name(), node.view().await?["tables"][0].clone()));
    }
    for (name, table) in shown {
        if table["state"] == "playing" || table["state"] == "frozen" {
            ledger.record(name, &table)?;
        }
    }
    Ok(())
}

/// Plays until every player shows this many rolls; `meanwhile` hears of each count.
pub async fn play(
    players: &mut [&mut Player],
    nodes: &[&NodeProcess],
    ledger: &mut Ledger,
    rolls: u64,
    limit: Duration,
    mut meanwhile: impl AsyncFnMut(u64) -> Result<()>,
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
        let fallen = tables.iter().map(rolls_of).min().unwrap_or(0);
        if fallen >= rolls {
            return Ok(());
        }
        meanwhile(fallen).await?;
        ensure!(
            started.elapsed() < limit,
            "{fallen} of {rolls} rolls in {} s: {tables:#?}",
            limit.as_secs()
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until all of these have shown the same page of the log, and hold the same bytes: what each
/// tab and each node has, not what it says of it.
pub async fn agree(
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
    .await?;
    until("all logs to hold the same bytes", EQUAL_MAX, async || {
        let mut logs = BTreeSet::new();
        for player in players {
            let table = player.table().await?;
            let id = table["table_id"].as_str().context("a table without an id")?;
            let js = format!("JSON.stringify(Array.from(window.bitcraps_table_log('{id}') ?? []))");
            let bytes = player.tab.eval(&js).await?;
            let log: Vec<u8> = serde_json::from_str(bytes.as_str().context("no log in the tab")?)?;
            logs.insert(log);
        }
        for node in nodes {
            let view = node.view().await?;
            let id = view["tables"][0]["table_id"].as_str().context("a node without a table")?;
            let answer = fetch(node.http(), &format!("/api/v1/tables/{id}/log")).await?;
            ensure!(answer.status == 200, "{} has no log: {}", node.name(), answer.text());
            logs.insert(answer.body);
        }
        let lengths: Vec<usize> = logs.iter().map(Vec::len).collect();
        let same = lengths.len() == 1 && lengths[0] > 1000;
        Ok(if same { Look::Yes(()) } else { Look::NotYet(lengths) })
    })
    .await
}

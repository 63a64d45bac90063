//! Nodes that share only Bluetooth play a table: two of them, and three in a line.
//!
//! The air is the virtual radio, or real BlueZ (`cargo xtask ble-vm`): with
//! `BITCRAPS_BLUETOOTH_ADAPTERS` set to names of adapters on the system bus (`hci0,hci1,hci2`) each
//! node takes one of those; of three, the first and the third must not hear each other. The nodes'
//! HTTP servers listen on loopback for the test alone; their bots join over it, which is why every
//! decision is made to need both sides of the air: with two thirds of the members on neither.
//!
//! Lines that begin with "--" say how far it is; the console of the machine shows them.

#![cfg(target_os = "linux")]

use anyhow::{Context as _, Result, bail, ensure};
use bitcraps_radio::{Adapter, Radio};
use bitcraps_tests::{
    http::{fetch, metric},
    ledger::Ledger,
    process::{Bluetooth, NodeProcess, Place, Setup},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    env,
    time::{Duration, Instant},
};

const MEET_MAX: Duration = Duration::from_secs(120);
const TABLE_MAX: Duration = Duration::from_secs(90);
const PLAY_MAX: Duration = Duration::from_secs(400);
const EQUAL_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// What others are told to dial: nobody listens there. A node whose link fades dials what its peer
/// advertises, and on one machine that would lead to the peer without Bluetooth.
const NOWHERE: &str = "tcp://127.0.0.1:9";

const ROLLS: u64 = 20;
/// Rolls between two words on how far it is.
const ROLLS_TOLD: u64 = 5;
/// Different rolls on which each player must have had chips on the felt.
const ROLLS_BET_ON: usize = 3;

/// A node that somebody plays at.
struct Player {
    node: NodeProcess,
    bet_on: BTreeSet<u64>,
    /// The roll it has said to have no more bets for.
    done_with: Option<u64>,
}

impl Player {
    fn new(node: NodeProcess) -> Player {
        Player { node, bet_on: BTreeSet::new(), done_with: None }
    }

    async fn table(&self) -> Result<Value> {
        Ok(self.node.view().await?["tables"][0].clone())
    }

    /// Does what can be done now: bets once on each roll, then says that this was all.
    async fn act(&mut self, table: &Value) -> Result<()> {
        let Some(seat) = seat_of(table, self.node.peer_id()) else { return Ok(()) };
        let roll = table["roll"].as_u64().context("a table without a roll")?;
        let has_chips = seat["bets"].as_array().is_some_and(|bets| !bets.is_empty());
        if has_chips {
            self.bet_on.insert(roll);
        }
        let betting = table["phase"] == "betting" && table["state"] == "playing";
        let waits = seat["ready"] == true || self.done_with == Some(roll) || table["pending"] != 0;
        if !betting || waits {
            return Ok(());
        }
        let id = &table["table_id"];
        if !has_chips {
            let bet = json!({"do": "place_bet", "table": id, "wager": "pass", "chips": 10});
            let (status, _) = self.node.order(&bet).await?;
            if status == 200 {
                return Ok(());
            }
            // Out of time or of chips, or no bet for this moment: the roll goes on.
        }
        let (status, _) = self.node.order(&json!({"do": "roll", "table": id})).await?;
        if status == 200 {
            self.done_with = Some(roll);
        }
        Ok(())
    }
}

fn seat_of<'a>(table: &'a Value, peer_id: &str) -> Option<&'a Value> {
    table["seats"].as_array()?.iter().find(|seat| seat["peer_id"] == peer_id)
}

/// Rolls that have fallen: the table counts the one being played.
fn rolls_of(table: &Value) -> u64 {
    table["history"][0]["roll"].as_u64().unwrap_or(0)
}

/// The transports of the open links from a node to a peer.
async fn links(from: &NodeProcess, to: &str) -> Result<Vec<String>> {
    let view = from.view().await?;
    let links = view["links"].as_array().into_iter().flatten();
    let open = links.filter(|link| link["peer_id"] == to && link["state"] == "open");
    Ok(open.map(|link| link["transport"].as_str().unwrap_or("?").to_owned()).collect())
}

/// Waits until two nodes have a link, and checks that Bluetooth carries it.
async fn met(a: &NodeProcess, b: &NodeProcess) -> Result<()> {
    let transports = until(&format!("{} to meet {}", a.name(), b.name()), MEET_MAX, async || {
        let links = links(a, b.peer_id()).await?;
        Ok(if links.is_empty() { Look::NotYet(bluetooth_of(a).await?) } else { Look::Yes(links) })
    })
    .await?;
    ensure!(transports.iter().all(|name| name == "ble"), "not by Bluetooth alone: {transports:?}");
    Ok(())
}

/// What a node says of its Bluetooth.
async fn bluetooth_of(node: &NodeProcess) -> Result<Value> {
    let health: Value = serde_json::from_slice(&fetch(node.http(), "/health").await?.body)?;
    let parts = health["components"].as_array().into_iter().flatten();
    Ok(parts.filter(|part| part["name"] == "bluetooth").cloned().collect())
}

/// Waits until a node has a path to this many others.
async fn reaches(node: &NodeProcess, others: usize) -> Result<()> {
    until(&format!("{} to reach {others} others", node.name()), MEET_MAX, async || {
        let view = node.view().await?;
        let nodes = view["map"]["nodes"].as_array().into_iter().flatten();
        let seen = nodes.filter(|n| n["peer_id"] != view["peer_id"] && n["reachable"] == true);
        let seen = seen.count();
        Ok(if seen >= others { Look::Yes(()) } else { Look::NotYet(seen) })
    })
    .await
}

/// The first opens a table with every bot and witness, the second joins, and both play. Gives them
/// back.
async fn play(first: NodeProcess, second: NodeProcess, members: usize) -> Result<[NodeProcess; 2]> {
    let (mut first, mut second) = (Player::new(first), Player::new(second));
    let table = until("the table to open", TABLE_MAX, async || {
        let table = first.table().await?;
        if table["state"] == "playing" {
            return Ok(Look::Yes(table));
        }
        if !table.is_null() {
            return Ok(Look::NotYet(table));
        }
        let order = json!({"do": "create_table", "name": "Garden"});
        let (status, said) = first.node.order(&order).await?;
        if status != 200 {
            // On a slow machine it may be at work on it still.
            tokio::time::sleep(PAUSE * 60).await;
        }
        Ok(Look::NotYet(said))
    })
    .await?;
    let seated = table["members"].as_array().map_or(0, Vec::len);
    ensure!(seated == members - 1, "{seated} of {} sat down at first", members - 1);
    let id = table["table_id"].as_str().context("a table without an id")?.to_owned();
    until("the second player to sit down", TABLE_MAX, async || {
        if seat_of(&second.table().await?, second.node.peer_id()).is_some() {
            return Ok(Look::Yes(()));
        }
        let (_, said) = second.node.order(&json!({"do": "join_table", "table": id})).await?;
        tokio::time::sleep(PAUSE * 10).await;
        Ok(Look::NotYet(said))
    })
    .await?;

    println!("-- both sit at the table");
    let (mut ledger, started, mut told) = (Ledger::default(), Instant::now(), 0);
    loop {
        let mut fallen = Vec::new();
        for player in [&mut first, &mut second] {
            let table = player.table().await?;
            if table["state"] == "playing" || table["state"] == "frozen" {
                ledger.record(player.node.name(), &table)?;
            }
            player.act(&table).await?;
            fallen.push(rolls_of(&table));
        }
        let least = fallen.into_iter().min().unwrap_or(0);
        if least >= ROLLS {
            break;
        }
        if least >= told + ROLLS_TOLD {
            told = least;
            println!("-- {told} of {ROLLS} rolls");
        }
        if started.elapsed() > PLAY_MAX {
            let table = first.table().await?;
            bail!("{least} of {ROLLS} rolls in {} s: {table:#}", PLAY_MAX.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
    println!("-- {ROLLS} rolls in {:.1} s", started.elapsed().as_secs_f64());
    for player in [&first, &second] {
        let bets = player.bet_on.len();
        ensure!(bets >= ROLLS_BET_ON, "{} had chips on {bets} rolls", player.node.name());
    }
    until("both logs to hold the same bytes", EQUAL_MAX, async || {
        let mut logs = Vec::new();
        for player in [&first, &second] {
            let answer = fetch(player.node.http(), &format!("/api/v1/tables/{id}/log")).await?;
            ensure!(answer.status == 200, "{} has no log", player.node.name());
            logs.push(answer.body);
        }
        let same = logs[0] == logs[1] && logs[0].len() > 1000;
        Ok(if same { Look::Yes(()) } else { Look::NotYet((logs[0].len(), logs[1].len())) })
    })
    .await?;
    for player in [&first, &second] {
        let metrics = player.node.metrics().await?;
        let lost = metric(&metrics, "bitcraps_shell_ble_frames_lost_total");
        ensure!(lost == 0.0, "{} lost {lost} frames", player.node.name());
        player.node.logged_no_error()?;
    }
    Ok([first.node, second.node])
}

fn node(name: &str, role: &'static str, bots: usize, bluetooth: Bluetooth) -> Setup {
    let place = Place { advertise: Some(NOWHERE), ..Place::default() };
    Setup { bots, role: Some(role), bluetooth, place, ..Setup::named(name) }
}

fn on(adapter: &Adapter) -> Bluetooth {
    Bluetooth::Bus(adapter.bus().to_owned())
}

/// Names adapters of this machine to be used instead of virtual ones.
const REAL: &str = "BITCRAPS_BLUETOOTH_ADAPTERS";

/// The first of the adapters that are named; `None` without any.
fn real<const N: usize>() -> Result<Option<[Bluetooth; N]>> {
    let names = env::var(REAL).unwrap_or_default();
    if names.is_empty() {
        return Ok(None);
    }
    let adapters = names.split(',').map(|name| Bluetooth::Adapter(name.to_owned()));
    let first: Vec<Bluetooth> = adapters.take(N).collect();
    match first.try_into() {
        Ok(adapters) => Ok(Some(adapters)),
        Err(_) => bail!("{REAL} must name {N} adapters, not {names:?}"),
    }
}

/// Two nodes with this between them.
async fn two(at_a: Bluetooth, at_b: Bluetooth) -> Result<()> {
    let a = NodeProcess::start(node("A", "player", 2, at_a)).await?;
    let b = NodeProcess::start(node("B", "player", 1, at_b)).await?;
    println!("-- both nodes run");
    met(&a, &b).await?;
    reaches(&a, 4).await?;
    reaches(&b, 4).await?;
    println!("-- both have met over Bluetooth");
    // Of five members a decision needs four: three on this side are not enough.
    play(a, b, 5).await?;
    Ok(())
}

/// Three nodes, of which the first and the third do not hear each other.
async fn line([at_a, at_b, at_c]: [Bluetooth; 3]) -> Result<()> {
    let a = NodeProcess::start(node("A", "player", 1, at_a)).await?;
    let b = NodeProcess::start(node("B", "witness", 0, at_b)).await?;
    let c = NodeProcess::start(node("C", "player", 1, at_c)).await?;
    println!("-- all nodes run");
    met(&a, &b).await?;
    met(&b, &c).await?;
    for node in [&a, &b, &c] {
        reaches(node, 4).await?;
    }
    println!("-- all have met over Bluetooth");
    let [a, c] = play(a, c, 5).await?;
    // Now and not before: who hears somebody may take half a minute to dial.
    ensure!(links(&a, c.peer_id()).await?.is_empty(), "A and C have a link of their own");
    ensure!(!links(&b, c.peer_id()).await?.is_empty(), "C has lost its only link");
    b.logged_no_error()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_share_only_bluetooth_play_twenty_rounds() -> Result<()> {
    if let Some([a, b]) = real()? {
        return two(a, b).await;
    }
    let radio = Radio::start()?;
    two(on(&radio.adapter()?), on(&radio.adapter()?)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_node_in_the_middle_lets_two_play_that_do_not_hear_each_other() -> Result<()> {
    if let Some(adapters) = real()? {
        return line(adapters).await;
    }
    let radio = Radio::start()?;
    let (at_a, at_b, at_c) = (radio.adapter()?, radio.adapter()?, radio.adapter()?);
    radio.set_range(&at_a, &at_c, false)?;
    line([&at_a, &at_b, &at_c].map(on)).await?;
    ensure!(!radio.is_linked(&at_a, &at_c)?, "A and C have a connection of their own");
    Ok(())
}

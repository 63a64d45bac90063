//! Two machines with several cables between them, in the middle of a game.
//!
//! The machines are network namespaces, the sockets and the processes are real. Neither machine
//! has a quorum alone, so every roll that falls crossed a cable. At the end both hold the same log,
//! byte for byte, and at every height both showed the same chips.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    cables::{Lab, Side},
    http::fetch,
    ledger::Ledger,
    process::{NodeProcess, Place, Setup},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

/// The transport of each cable, as views name it, and the scheme and port it is dialled at.
const CABLES: [(&str, &str, u16); 3] =
    [("tcp", "tcp", 9000), ("quic", "quic", 9000), ("websocket", "ws", 8080)];

const MESHED_MAX: Duration = Duration::from_secs(60);
const PLAY_MAX: Duration = Duration::from_secs(180);
const EQUAL_MAX: Duration = Duration::from_secs(60);

/// Rolls before and after a change.
const ROLLS: u64 = 2;

/// Bots of each machine. With its node that is half of a table of six, whose quorum is five.
const BOTS: usize = 2;

struct Game {
    lab: Lab,
    left: NodeProcess,
    right: NodeProcess,
    ledger: Ledger,
}

impl Game {
    /// Starts both machines, the left one dialling over these cables, and forms the table. `None`
    /// where there are no namespaces.
    async fn start(cables: &[usize]) -> Result<Option<Game>> {
        let Some(lab) = Lab::new(CABLES.len() as u8)? else { return Ok(None) };
        let place = |side| Place {
            prefix: lab.prefix(side),
            http: "0.0.0.0:8080".to_owned(),
            seen_at: Some(IpAddr::V4(lab.test_address_of(side))),
            listen: ["tcp", "quic", "udp"].map(|s| format!("{s}://0.0.0.0:9000")).to_vec(),
        };
        let setup = |side, name| Setup { bots: BOTS, place: place(side), ..Setup::named(name) };
        let right = NodeProcess::start(setup(Side::Right, "right")).await?;
        let url = |cable: &usize| {
            let (_, scheme, port) = CABLES[*cable];
            format!("{scheme}://{}:{port}", lab.address(Side::Right, *cable as u8))
        };
        let connect = cables.iter().map(url).collect();
        let left = Setup { connect, role: Some("player"), ..setup(Side::Left, "left") };
        let left = NodeProcess::start(left).await?;
        let mut game = Game { lab, left, right, ledger: Ledger::default() };
        for node in [&game.left, &game.right] {
            until("both machines to see all six peers", MESHED_MAX, async || {
                let view = node.view().await?;
                let nodes = view["map"]["nodes"].as_array().into_iter().flatten();
                let seen = nodes.filter(|node| node["reachable"] == true).count();
                Ok(if seen == 2 * (BOTS + 1) { Look::Yes(()) } else { Look::NotYet(view) })
            })
            .await?;
        }
        game.left.program(&["table", "create", "cables"]).await?;
        game.play(ROLLS).await?;
        Ok(Some(game))
    }

    /// Plays this many more rolls, as the right machine counts them.
    async fn play(&mut self, rolls: u64) -> Result<()> {
        let before = rolls_of(&self.right.view().await?);
        let Game { left, right, ledger, .. } = self;
        until(&format!("{rolls} rolls after roll {before}"), PLAY_MAX, async || {
            let mut fallen = 0;
            for node in [&*left, &*right] {
                let view = node.view().await?;
                let table = &view["tables"][0];
                if table["state"] == "playing" || table["state"] == "frozen" {
                    ledger.record(node.name(), table)?;
                }
                fallen = rolls_of(&view);
                if node.name() == left.name() {
                    act(left, table).await;
                }
            }
            Ok(if fallen >= before + rolls { Look::Yes(()) } else { Look::NotYet(fallen) })
        })
        .await
    }

    /// The open links of the left machine to the right one: number and transport.
    async fn links(&self) -> Result<Vec<(u64, String)>> {
        let view = self.left.view().await?;
        let links = view["links"].as_array().into_iter().flatten();
        let across =
            links.filter(|link| link["peer_id"] == self.right.peer_id() && link["state"] == "open");
        let read =
            |link: &Value| Some((link["link"].as_u64()?, link["transport"].as_str()?.to_owned()));
        across.map(|link| read(link).context("a link without number or transport")).collect()
    }

    /// Both logs hold the same bytes, and both machines have agreed on some height.
    async fn end(mut self) -> Result<()> {
        let view = self.left.view().await?;
        let id = view["tables"][0]["table_id"].as_str().context("no table")?.to_owned();
        until("both logs to hold the same bytes", EQUAL_MAX, async || {
            let mut logs = BTreeSet::new();
            for node in [&self.left, &self.right] {
                let answer = fetch(node.http(), &format!("/api/v1/tables/{id}/log")).await?;
                ensure!(answer.status == 200, "{} has no log: {}", node.name(), answer.text());
                logs.insert(answer.body);
            }
            let lengths: Vec<usize> = logs.iter().map(Vec::len).collect();
            let same = lengths.len() == 1 && lengths[0] > 1000;
            Ok(if same { Look::Yes(()) } else { Look::NotYet(lengths) })
        })
        .await?;
        ensure!(self.ledger.agreed_by(2).is_some(), "the machines never showed one height");
        for node in [&mut self.left, &mut self.right] {
            node.logged_no_error()?;
            node.stop().await?;
        }
        Ok(())
    }
}

/// Bots play when a person does: the left machine bets once on each roll and has no more bets.
async fn act(player: &NodeProcess, table: &Value) {
    let seats = table["seats"].as_array().into_iter().flatten();
    let mut own = seats.filter(|seat| seat["peer_id"] == player.peer_id());
    let Some(seat) = own.next() else { return };
    let open = table["state"] == "playing" && table["phase"] == "betting";
    if !open || seat["ready"] == true || table["pending"] != 0 {
        return;
    }
    let id = &table["table_id"];
    let has_bet = seat["bets"].as_array().is_some_and(|bets| !bets.is_empty());
    if !has_bet {
        let bet = json!({ "do": "place_bet", "table": id, "wager": "pass", "chips": 10 });
        // Refused when the bets were closed in this moment, or a point stands.
        let _ = player.post(&bet).await;
    }
    let _ = player.post(&json!({ "do": "roll", "table": id })).await;
}

/// Rolls that have fallen.
fn rolls_of(view: &Value) -> u64 {
    view["tables"][0]["history"][0]["roll"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_changes_its_address_keeps_its_quic_link_and_the_game() -> Result<()> {
    let Some(mut game) = Game::start(&[1]).await? else { return Ok(()) };
    let before = game.links().await?;
    ensure!(matches!(&before[..], [(_, quic)] if quic == "quic"), "{before:?}");
    game.lab.readdress(Side::Left, 1)?;
    game.play(ROLLS).await?;
    let after = game.links().await?;
    ensure!(before == after, "it was another link: {before:?}, then {after:?}");
    game.end().await
}

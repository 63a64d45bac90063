//! Two machines with several cables between them, in the middle of a game.
//!
//! Each cable carries one transport, and each is cut in turn while the game goes on: the machines
//! are network namespaces, the sockets and the processes are real. Neither machine has a quorum
//! alone, so every roll that falls crossed a cable that is still whole. At the end both hold the
//! same log, byte for byte, and at every height both showed the same chips.
//!
//! A transport that needs more than an IP cable joins by one entry in [`CABLES`].

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    cables::{Lab, Side},
    http::fetch,
    ledger::Ledger,
    process::{NodeProcess, Place, Setup},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Write as _, net::IpAddr, time::Duration};

/// The transport of each cable, as views name it, and the scheme and port it is dialled at.
const CABLES: [(&str, &str, u16); 3] =
    [("tcp", "tcp", 9000), ("quic", "quic", 9000), ("websocket", "ws", 8080)];

const MESHED_MAX: Duration = Duration::from_secs(60);
/// Redial with back-off, and handshakes.
const UP_MAX: Duration = Duration::from_secs(120);
const PLAY_MAX: Duration = Duration::from_secs(180);
const EQUAL_MAX: Duration = Duration::from_secs(60);

/// Rolls between two cuts.
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

    /// Waits until links over these cables are open.
    async fn up(&self, cables: &[usize]) -> Result<()> {
        until("the cables to carry links", UP_MAX, async || {
            let links = self.links().await?;
            let up = |cable: &usize| links.iter().any(|(_, name)| name == CABLES[*cable].0);
            Ok(if cables.iter().all(up) { Look::Yes(()) } else { Look::NotYet(links) })
        })
        .await
    }

    /// The cable that carries what is most urgent.
    async fn in_use(&self) -> Result<Option<usize>> {
        let view = self.left.view().await?;
        let links = view["links"].as_array().into_iter().flatten();
        let serves = |link: &&Value| {
            let classes = link["serves"].as_array().into_iter().flatten();
            link["peer_id"] == self.right.peer_id() && classes.into_iter().any(|c| c == "dice")
        };
        let link = links.into_iter().find(serves);
        Ok(link.and_then(|link| CABLES.iter().position(|cable| link["transport"] == cable.0)))
    }

    /// Cuts the cable in use and plays on over another.
    async fn lose_the_one_in_use(&mut self) -> Result<usize> {
        let lost = self.in_use().await?.context("no cable carries the dice")?;
        self.lab.cut(lost as u8)?;
        self.play(ROLLS).await?;
        Ok(lost)
    }

    /// What both machines told of messages that took another link to the other machine.
    fn switches(&self) -> Vec<Switch> {
        let told = [(&self.left, &self.right), (&self.right, &self.left)].map(|(node, other)| {
            let events = node.events("link_switched").into_iter();
            let across = events.filter(|event| event["peer_id"] == other.peer_id());
            across.map(|event| Switch::read(node.name(), &event)).collect::<Vec<_>>()
        });
        told.into_iter().flatten().collect()
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
        // Nobody plays any more, so both come to rest at one height.
        let Game { left, right, ledger, .. } = &mut self;
        until("both machines to show one height", EQUAL_MAX, async || {
            for node in [&*left, &*right] {
                ledger.record(node.name(), &node.view().await?["tables"][0])?;
            }
            let agreed = ledger.agreed_by(2);
            Ok(if agreed.is_some() { Look::Yes(()) } else { Look::NotYet(agreed) })
        })
        .await?;
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

/// Messages of one class that took another link.
struct Switch {
    from: Option<String>,
    /// `None` when nothing waited.
    interruption_ms: Option<u64>,
    /// The old link was lost, not left.
    forced: bool,
    line: String,
}

impl Switch {
    fn read(node: &str, event: &Value) -> Switch {
        let text = |key: &str| event[key].as_str().unwrap_or("nothing").to_owned();
        let interruption_ms = event["interruption_ms"].as_u64();
        let reason = text("reason");
        let waited = interruption_ms.map_or("nothing waited".to_owned(), |ms| format!("{ms} ms"));
        let (from, to, class) = (text("from"), text("to"), text("class"));
        let line = format!("{node:<6} {class:<5} {from:>9} -> {to:<9} {reason:<8} {waited}");
        let forced = ["silent", "ended", "lossy"].contains(&reason.as_str());
        Switch { from: event["from"].as_str().map(str::to_owned), interruption_ms, forced, line }
    }
}

/// Every switch, and how long those that were forced held up messages. Not `print`: what a test
/// that passes prints is not shown.
fn report(switches: &[Switch]) -> Result<()> {
    let mut text: String =
        switches.iter().map(|switch| format!("      {}\n", switch.line)).collect();
    let forced = switches.iter().filter(|switch| switch.forced);
    let mut waited: Vec<u64> = forced.filter_map(|switch| switch.interruption_ms).collect();
    waited.sort_unstable();
    let at = |share: f64| waited.get((waited.len().saturating_sub(1) as f64 * share) as usize);
    text += &format!(
        "      {} forced switches held messages up: p50 {:?} ms, p95 {:?} ms, most {:?} ms\n",
        waited.len(),
        at(0.5).unwrap_or(&0),
        at(0.95).unwrap_or(&0),
        at(1.0).unwrap_or(&0),
    );
    std::io::stderr().write_all(text.as_bytes())?;
    Ok(())
}

/// Rolls that have fallen.
fn rolls_of(view: &Value) -> u64 {
    view["tables"][0]["history"][0]["roll"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_game_goes_on_over_what_is_left_while_every_cable_is_cut_in_turn() -> Result<()> {
    let Some(mut game) = Game::start(&[0, 1, 2]).await? else { return Ok(()) };
    game.up(&[0, 1, 2]).await?;
    let first = game.lose_the_one_in_use().await?;
    let second = game.lose_the_one_in_use().await?;
    ensure!(first != second, "it went back to {}", CABLES[first].0);
    // The first comes back, and the third is lost.
    game.lab.heal(first as u8)?;
    game.up(&[first]).await?;
    let third = game.lose_the_one_in_use().await?;
    ensure!(![first, second].contains(&third), "{} carried what was cut", CABLES[third].0);
    ensure!(game.in_use().await? == Some(first), "{} does not carry", CABLES[first].0);
    [second, third].into_iter().try_for_each(|cable| game.lab.heal(cable as u8))?;
    game.up(&[0, 1, 2]).await?;
    let switches = game.switches();
    for (transport, ..) in CABLES {
        let left = |switch: &Switch| switch.forced && switch.from.as_deref() == Some(transport);
        ensure!(switches.iter().any(left), "nobody told that {transport} was lost");
    }
    report(&switches)?;
    game.end().await
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

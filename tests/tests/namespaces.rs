//! Two machines with several cables and an air between them, in the middle of a game.
//!
//! Each cable carries one transport, the air carries Bluetooth, and each is cut in turn while the
//! game goes on: the machines are network namespaces, the sockets and the processes are real, the
//! air is the virtual radio. Neither machine has a quorum alone, so every roll that falls crossed
//! something that is still whole. At the end both hold the same log, byte for byte, and at every
//! height both showed the same chips.
//!
//! The message bus of an adapter is a file, and namespaces of the network share files: that is how
//! a node reaches its adapter from a machine of its own.

#![cfg(target_os = "linux")]

use anyhow::{Context as _, Result, ensure};
use bitcraps_radio::{Adapter, Radio};
use bitcraps_tests::{
    cables::{Lab, Side},
    http::fetch,
    ledger::Ledger,
    process::{Bluetooth, NodeProcess, Place, Setup},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Write as _, net::IpAddr, time::Duration};

/// The transport of each cable, as views name it, and the scheme and port it is dialled at.
const CABLES: [(&str, &str, u16); 3] =
    [("tcp", "tcp", 9000), ("quic", "quic", 9000), ("websocket", "ws", 8080)];

/// The air's number and name among what joins the machines, after all cables.
const AIR: usize = CABLES.len();
const AIR_NAME: &str = "ble";

/// How long a value is on its way through the air. A short connection interval; without any the
/// air would be as fast as a cable.
const AIR_DELAY: Duration = Duration::from_millis(15);

const MESHED_MAX: Duration = Duration::from_secs(60);
/// Redial with back-off, and handshakes.
const UP_MAX: Duration = Duration::from_secs(120);
const PLAY_MAX: Duration = Duration::from_secs(180);
const EQUAL_MAX: Duration = Duration::from_secs(60);

/// Rolls between two cuts.
const ROLLS: u64 = 2;

/// Bots of each machine. With its node that is half of a table of six, whose quorum is five.
const BOTS: usize = 2;

/// A piece of air with an adapter for each machine.
struct Air {
    radio: Radio,
    left: Adapter,
    right: Adapter,
}

impl Air {
    fn new() -> Result<Air> {
        let radio = Radio::start()?;
        radio.set_delay(AIR_DELAY)?;
        let (left, right) = (radio.adapter()?, radio.adapter()?);
        Ok(Air { radio, left, right })
    }

    fn adapter(&self, side: Side) -> &Adapter {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

/// What carries this number, as views name it.
fn name_of(way: usize) -> &'static str {
    CABLES.get(way).map_or(AIR_NAME, |(name, ..)| name)
}

struct Game {
    lab: Lab,
    /// Missing where it is not among what joins the machines.
    air: Option<Air>,
    left: NodeProcess,
    right: NodeProcess,
    ledger: Ledger,
}

impl Game {
    /// Starts both machines, the left one dialling over these cables, and forms the table. With
    /// the air among them both find each other there too. `None` where there are no namespaces.
    async fn start(ways: &[usize]) -> Result<Option<Game>> {
        let Some(lab) = Lab::new(CABLES.len() as u8)? else { return Ok(None) };
        let air = ways.contains(&AIR).then(Air::new).transpose()?;
        let place = |side| Place {
            prefix: lab.prefix(side),
            http: "0.0.0.0:8080".to_owned(),
            seen_at: Some(IpAddr::V4(lab.test_address_of(side))),
            listen: ["tcp", "quic", "udp"].map(|s| format!("{s}://0.0.0.0:9000")).to_vec(),
            advertise: None,
        };
        let bluetooth = |side| match &air {
            Some(air) => Bluetooth::Bus(air.adapter(side).bus().to_owned()),
            None => Bluetooth::Off,
        };
        let setup = |side, name| Setup {
            bots: BOTS,
            place: place(side),
            bluetooth: bluetooth(side),
            ..Setup::named(name)
        };
        let right = NodeProcess::start(setup(Side::Right, "right")).await?;
        let url = |way: &usize| {
            let (_, scheme, port) = CABLES.get(*way)?;
            Some(format!("{scheme}://{}:{port}", lab.address(Side::Right, *way as u8)))
        };
        let connect = ways.iter().filter_map(url).collect();
        let left = Setup { connect, role: Some("player"), ..setup(Side::Left, "left") };
        let left = NodeProcess::start(left).await?;
        let mut game = Game { lab, air, left, right, ledger: Ledger::default() };
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

    fn cut(&self, way: usize) -> Result<()> {
        match &self.air {
            Some(Air { radio, left, right }) if way == AIR => radio.set_range(left, right, false),
            _ => self.lab.cut(way as u8),
        }
    }

    fn heal(&self, way: usize) -> Result<()> {
        match &self.air {
            Some(Air { radio, left, right }) if way == AIR => radio.set_range(left, right, true),
            _ => self.lab.heal(way as u8),
        }
    }

    /// Waits until there are links over these.
    async fn up(&self, ways: &[usize]) -> Result<()> {
        until("the ways between the machines to carry links", UP_MAX, async || {
            let links = self.links().await?;
            let up = |way: &usize| links.iter().any(|(_, name)| name == name_of(*way));
            Ok(if ways.iter().all(up) { Look::Yes(()) } else { Look::NotYet(links) })
        })
        .await
    }

    /// What carries the most urgent.
    async fn in_use(&self) -> Result<Option<usize>> {
        let view = self.left.view().await?;
        let links = view["links"].as_array().into_iter().flatten();
        let serves = |link: &&Value| {
            let classes = link["serves"].as_array().into_iter().flatten();
            link["peer_id"] == self.right.peer_id() && classes.into_iter().any(|c| c == "dice")
        };
        let link = links.into_iter().find(serves);
        Ok(link.and_then(|link| (0..=AIR).find(|way| link["transport"] == name_of(*way))))
    }

    /// Cuts the cable in use and plays on over what is left.
    async fn lose_the_cable_in_use(&mut self) -> Result<usize> {
        // On a busy machine the air may be measured as better than a cable for a while.
        let lost = until("a cable to carry the dice", UP_MAX, async || {
            let way = self.in_use().await?;
            Ok(match way.filter(|way| *way != AIR) {
                Some(cable) => Look::Yes(cable),
                None => Look::NotYet(way.map(name_of)),
            })
        })
        .await?;
        self.cut(lost)?;
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
    to: String,
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
        let from = event["from"].as_str().map(str::to_owned);
        Switch { from, to, interruption_ms, forced, line }
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
    let all = [0, 1, 2, AIR];
    let Some(mut game) = Game::start(&all).await? else { return Ok(()) };
    game.up(&all).await?;
    let mut lost = Vec::new();
    for _ in CABLES {
        let cable = game.lose_the_cable_in_use().await?;
        ensure!(!lost.contains(&cable), "{} carried what was cut", name_of(cable));
        lost.push(cable);
    }
    // No cable is whole: what fell since the last cut, fell over Bluetooth.
    let in_use = game.in_use().await?.map(name_of);
    ensure!(in_use == Some(AIR_NAME), "{in_use:?} carries");
    game.play(ROLLS).await?;
    let links = game.links().await?;
    ensure!(links.iter().any(|(_, name)| name == AIR_NAME), "it played over {links:?}");
    // One cable comes back, and both walk out of each other's range.
    game.heal(lost[0])?;
    game.up(&lost[..1]).await?;
    game.cut(AIR)?;
    game.play(ROLLS).await?;
    ensure!(game.in_use().await? == Some(lost[0]), "{} does not carry", name_of(lost[0]));
    // Everything comes back.
    all.into_iter().try_for_each(|way| game.heal(way))?;
    game.up(&all).await?;
    game.play(ROLLS).await?;
    let switches = game.switches();
    for (transport, ..) in CABLES {
        let left = |switch: &Switch| switch.forced && switch.from.as_deref() == Some(transport);
        ensure!(switches.iter().any(left), "nobody told that {transport} was lost");
    }
    let taken = |switch: &Switch| switch.forced && switch.to == AIR_NAME;
    ensure!(switches.iter().any(taken), "nobody told that {AIR_NAME} took over");
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

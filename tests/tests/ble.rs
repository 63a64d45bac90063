//! The Bluetooth driver by itself: bytes over the virtual radio, and what may go wrong there.
//!
//! Each end is a process of its own with this test's own driver in it (a [`Desk`]), because a
//! process has one system bus and each virtual adapter one bus of its own. The test tells a desk
//! what to do by lines of JSON and reads what it was told by the same way.

#![cfg(target_os = "linux")]

use anyhow::{Context as _, Result, bail, ensure};
use bitcraps_core::{
    discover::RadioPlan,
    id::LinkId,
    node::{Address, Input},
};
use bitcraps_node::{
    components::Components,
    counters::ShellCounters,
    driver::Mail,
    transport::{LinkQueue, Ports, Pushed, Trust, ble},
};
use bitcraps_radio::{Adapter, Radio};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    env,
    process::Stdio,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::{sleep, timeout},
};

/// Longer than anything takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Set for a process that is to be a desk.
const DESK: &str = "BITCRAPS_BLE_DESK";

/// Between two writes to somebody who may be gone.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// Frames each way of the tests that count them: fewer than [`ble::FRAMES_WAITING_MAX`], since a
/// notification cannot be held back and one that finds no room is lost.
const FRAMES: u64 = 200;

/// One end of the radio.
struct Desk {
    child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
    /// Told, but not what was waited for.
    later: VecDeque<Value>,
}

impl Desk {
    /// Starts one at this bus.
    fn at(bus: &str) -> Result<Desk> {
        let mut child = Command::new(env::current_exe()?)
            .args(["--exact", "a_desk_for_the_other_tests", "--nocapture"])
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus)
            .env(DESK, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().context("no stdin")?;
        let told = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        Ok(Desk { child, orders, told, later: VecDeque::new() })
    }

    /// Starts one that is found and looks for others.
    async fn on_air(adapter: &Adapter, record: u8) -> Result<Desk> {
        let mut desk = Desk::at(adapter.bus())?;
        desk.radio("on").await?;
        desk.order(json!({"do": "plan", "record": record})).await?;
        Ok(desk)
    }

    async fn order(&mut self, order: Value) -> Result<()> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        Ok(())
    }

    /// The next news of this kind; others are kept for later.
    async fn next(&mut self, kind: &str) -> Result<Value> {
        if let Some(at) = self.later.iter().position(|news| news["is"] == kind) {
            return self.later.remove(at).context("it was there");
        }
        let reading = async {
            while let Some(line) = self.told.next_line().await? {
                let Ok(news) = serde_json::from_str::<Value>(&line) else { continue };
                if news["is"] == kind {
                    return Ok(news);
                }
                if news["is"] != "sighted" {
                    self.later.push_back(news);
                }
            }
            bail!("the desk ended");
        };
        match timeout(DEADLINE, reading).await {
            Ok(news) => news,
            Err(_) => bail!("no {kind} in time; told: {:?}", self.later),
        }
    }

    /// Waits until the radio is in this state.
    async fn radio(&mut self, state: &str) -> Result<Value> {
        loop {
            let news = self.next("radio").await?;
            if news["report"]["adapter"]["state"] == state {
                return Ok(news["report"].clone());
            }
        }
    }

    /// Waits until a device is heard, and tells what it advertises.
    async fn sees(&mut self, adapter: &Adapter) -> Result<Value> {
        loop {
            let news = self.next("sighted").await?;
            if news["address"] == format!("ble://{}", adapter.address()) {
                return Ok(news);
            }
        }
    }

    /// Dials until it stands; gives this side's link.
    async fn dials(&mut self, adapter: &Adapter) -> Result<Value> {
        self.sees(adapter).await?;
        let mut refused = Vec::new();
        for _ in 0..10 {
            let address = format!("ble://{}", adapter.address());
            self.order(json!({"do": "dial", "address": address})).await?;
            let answer = self.next("dialled").await?;
            if answer["why"].is_null() {
                return self.next("up").await;
            }
            refused.push(answer);
            sleep(Duration::from_millis(500)).await;
        }
        bail!("dialled in vain: {refused:?}");
    }

    async fn sends(&mut self, link: &Value, bytes: usize, count: u64) -> Result<()> {
        let link = link["link"].clone();
        self.order(json!({"do": "send", "link": link, "bytes": bytes, "count": count})).await
    }

    /// Takes frames `0..count` of a link, each of this length, in this order.
    async fn receives(&mut self, link: &Value, bytes: usize, count: u64) -> Result<()> {
        for number in 0..count {
            let frame = self.next("frame").await?;
            let right = frame["link"] == link["link"]
                && frame["bytes"] == bytes
                && frame["number"] == number;
            ensure!(right, "frame {number} of {bytes} bytes is {frame}");
        }
        Ok(())
    }
}

/// Two ends with a link: the one that dialled first.
async fn pair(radio: &Radio) -> Result<((Adapter, Desk, Value), (Adapter, Desk, Value))> {
    let (a, b) = (radio.adapter()?, radio.adapter()?);
    let mut dialler = Desk::on_air(&a, 1).await?;
    let mut found = Desk::on_air(&b, 2).await?;
    let up = dialler.dials(&b).await?;
    // The other end is told once the first frame is written.
    dialler.sends(&up, 20, 1).await?;
    let accepted = found.next("up").await?;
    found.receives(&accepted, 20, 1).await?;
    Ok(((a, dialler, up), (b, found, accepted)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_20_244_and_512_bytes_go_both_ways_in_order() -> Result<()> {
    for (mtu, bytes) in [(23, 20), (247, 244), (517, 512)] {
        let radio = Radio::start()?;
        radio.set_mtu(mtu)?;
        let ((_, mut a, at_a), (_, mut b, at_b)) = pair(&radio).await?;
        ensure!(at_a["mtu"] == bytes && at_b["mtu"] == bytes, "{at_a} and {at_b}, not {bytes}");
        ensure!(at_a["role"] == "Dialer" && at_b["role"] == "Listener");
        a.sends(&at_a, bytes, FRAMES).await?;
        b.sends(&at_b, bytes, FRAMES).await?;
        a.receives(&at_a, bytes, FRAMES).await?;
        b.receives(&at_b, bytes, FRAMES).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sighting_tells_record_and_strength_and_links_have_a_signal() -> Result<()> {
    let radio = Radio::start()?;
    let ((a, _a, _), (_b, mut found, at_b)) = pair(&radio).await?;
    radio.set_rssi(&a, &_b, -71)?;
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        let seen = found.sees(&a).await?;
        ensure!(seen["record"] == "01", "{seen}");
        if seen["rssi"] == -71 {
            break;
        }
        ensure!(std::time::Instant::now() < deadline, "{seen}");
    }
    let signal = found.next("signal").await?;
    ensure!(signal["link"] == at_b["link"], "{signal}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peripheral_serves_a_second_central_and_tells_the_two_apart() -> Result<()> {
    let radio = Radio::start()?;
    let ((_a, mut first, at_first), (b, mut found, at_b)) = pair(&radio).await?;
    let c = radio.adapter()?;
    let mut second = Desk::on_air(&c, 3).await?;
    let at_second = second.dials(&b).await?;
    second.sends(&at_second, 30, 1).await?;
    let also = found.next("up").await?;
    found.receives(&also, 30, 1).await?;
    for _ in 0..3 {
        found.sends(&at_b, 21, 10).await?;
        found.sends(&also, 22, 10).await?;
        first.receives(&at_first, 21, 10).await?;
        second.receives(&at_second, 22, 10).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peripheral_that_serves_as_many_as_it_may_refuses_one_more_and_keeps_them() -> Result<()>
{
    let radio = Radio::start()?;
    let b = radio.adapter()?;
    let mut found = Desk::on_air(&b, 1).await?;
    let mut served = Vec::new();
    for record in 0..u8::try_from(ble::SESSIONS_MAX)? {
        let adapter = radio.adapter()?;
        let mut desk = Desk::on_air(&adapter, 2 + record).await?;
        let up = desk.dials(&b).await?;
        desk.sends(&up, 20, 1).await?;
        let accepted = found.next("up").await?;
        found.receives(&accepted, 20, 1).await?;
        served.push((adapter, desk, accepted));
    }
    let surplus = radio.adapter()?;
    let mut refused = Desk::on_air(&surplus, 99).await?;
    refused.sees(&b).await?;
    refused.order(json!({"do": "dial", "address": format!("ble://{}", b.address())})).await?;
    let answer = refused.next("dialled").await?;
    ensure!(answer["why"].is_string(), "{answer}");
    for (_adapter, desk, at_found) in &mut served {
        found.sends(at_found, 21, 1).await?;
        let frame = desk.next("frame").await?;
        ensure!(frame["bytes"] == 21, "{frame}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_ends_the_link_at_both_ends_after_what_was_sent() -> Result<()> {
    let radio = Radio::start()?;
    let ((_a, mut dialler, at_a), (_b, mut found, at_b)) = pair(&radio).await?;
    dialler.sends(&at_a, 40, 5).await?;
    dialler.order(json!({"do": "hang up", "link": at_a["link"]})).await?;
    found.receives(&at_b, 40, 5).await?;
    found.next("down").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_ends_at_both_ends_and_can_be_made_again() -> Result<()> {
    let radio = Radio::start()?;
    let ((a, mut dialler, _), (b, mut found, _)) = pair(&radio).await?;
    ensure!(radio.cut(&a, &b)?, "there was no connection to cut");
    dialler.next("down").await?;
    found.next("down").await?;
    let again = dialler.dials(&b).await?;
    dialler.sends(&again, 60, 3).await?;
    let accepted = found.next("up").await?;
    found.receives(&accepted, 60, 3).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peripheral_whose_process_dies_is_noticed_and_met_again_after_its_restart() -> Result<()>
{
    let radio = Radio::start()?;
    let ((_a, mut dialler, at_a), (b, mut found, _)) = pair(&radio).await?;
    found.child.kill().await?;
    // The connection of the radio stays: only a write shows that nobody is there.
    // One may still go out before the bus has noticed the end, so more follow, as pings would.
    let noticed = async {
        loop {
            dialler.sends(&at_a, 30, 1).await?;
            if let Ok(down) = timeout(WRITE_EVERY, dialler.next("down")).await {
                return down;
            }
        }
    };
    timeout(DEADLINE, noticed).await.context("the end is not noticed")??;
    let mut restarted = Desk::on_air(&b, 9).await?;
    let again = dialler.dials(&b).await?;
    dialler.sends(&again, 60, 3).await?;
    let accepted = restarted.next("up").await?;
    restarted.receives(&accepted, 60, 3).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_that_is_switched_off_and_on_is_used_again() -> Result<()> {
    let radio = Radio::start()?;
    let ((a, mut dialler, _), (b, mut found, _)) = pair(&radio).await?;
    for (adapter, here) in [(&b, false), (&a, true)] {
        radio.set_power(adapter, false)?;
        let desk = if here { &mut dialler } else { &mut found };
        let report = desk.radio("off").await?;
        let why = report["adapter"]["why"].as_str().unwrap_or_default();
        ensure!(why.contains("switch Bluetooth on"), "{report}");
        dialler.next("down").await?;
        found.next("down").await?;
        radio.set_power(adapter, true)?;
        let desk = if here { &mut dialler } else { &mut found };
        desk.radio("on").await?;
        let again = dialler.dials(&b).await?;
        dialler.sends(&again, 60, 3).await?;
        let accepted = found.next("up").await?;
        found.receives(&accepted, 60, 3).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bus_or_an_adapter_it_says_why_and_comes_alive_when_there_is_one() -> Result<()> {
    let mut nowhere = Desk::at("unix:path=/nonexistent/bus")?;
    let report = nowhere.radio("absent").await?;
    let why = report["adapter"]["why"].as_str().unwrap_or_default();
    ensure!(why.contains("no D-Bus system bus"), "{report}");
    nowhere.order(json!({"do": "dial", "address": "ble://00:00:00:00:00:01"})).await?;
    let answer = nowhere.next("dialled").await?;
    ensure!(answer["why"] == why, "{answer}");

    let radio = Radio::start()?;
    let adapter = radio.adapter()?;
    radio.set_present(&adapter, false)?;
    let mut waiting = Desk::at(adapter.bus())?;
    let report = waiting.radio("absent").await?;
    ensure!(report["adapter"]["why"] == "this machine has no Bluetooth adapter", "{report}");
    ensure!(report["peripheral"] == false);
    radio.set_present(&adapter, true)?;
    // An adapter that was just plugged in may not be ready to serve at once.
    while waiting.radio("on").await?["peripheral"] != true {}
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_never_heard_is_not_dialled() -> Result<()> {
    let radio = Radio::start()?;
    let adapter = radio.adapter()?;
    let mut desk = Desk::on_air(&adapter, 1).await?;
    desk.order(json!({"do": "dial", "address": "ble://00:00:00:00:00:99"})).await?;
    let answer = desk.next("dialled").await?;
    ensure!(answer["why"] == "it has not been heard lately", "{answer}");
    Ok(())
}

/// No test by itself: the far end of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_for_the_other_tests() -> Result<()> {
    if env::var_os(DESK).is_none() {
        return Ok(());
    }
    let (sender, mut mail) = mpsc::channel(256);
    let (_alive, _) = mpsc::channel(1);
    let counters = Arc::new(ShellCounters::default());
    let ports = Ports::new(sender, 16, Trust::default(), counters, _alive.downgrade());
    let options =
        ble::Options { mode: ble::Mode::On, adapter: env::var("BITCRAPS_BLE_ADAPTER").ok() };
    let part = Components::default().part("bluetooth");
    let (bluetooth, _radio) = ble::start(options, ports.clone(), part);
    ensure!(ports.bluetooth.set(bluetooth.clone()).is_ok());
    let mut links = BTreeMap::<u64, LinkQueue>::new();
    let (ordered, mut orders) = mpsc::channel(64);
    std::thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        // It ends with the test that gives the orders.
        lines.map_while(|line| ordered.blocking_send(line).ok()).for_each(drop);
    });
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order else { return Ok(()) };
                let order: Value = serde_json::from_str(&order)?;
                obey(&order, &ports, &bluetooth, &mut mail, &mut links).await?;
            }
            Some(mail) = mail.recv() => tell(mail, &mut links)?,
        }
    }
}

async fn obey(
    order: &Value,
    ports: &Ports,
    bluetooth: &ble::Bluetooth,
    mail: &mut mpsc::Receiver<Mail>,
    links: &mut BTreeMap<u64, LinkQueue>,
) -> Result<()> {
    let number = |key: &str| order[key].as_u64().unwrap_or_default();
    match order["do"].as_str() {
        Some("plan") => bluetooth.plan(plan(u8::try_from(number("record"))?)),
        Some("dial") => {
            let address = order["address"].as_str().context("no address")?.to_owned();
            tokio::spawn(ports.clone().dial(Address(address)));
        }
        Some("hang up") => drop(links.remove(&number("link"))),
        Some("send") => {
            for count in 0..number("count") {
                let mut frame = vec![0; usize::try_from(number("bytes"))?];
                frame[..8].copy_from_slice(&count.to_be_bytes());
                while let Some(queue) = links.get(&number("link"))
                    && queue.push(frame.clone()) == Pushed::Full
                {
                    // What comes in meanwhile must not wait: a notification that finds no room
                    // is lost.
                    while let Ok(mail) = mail.try_recv() {
                        tell(mail, links)?;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            }
        }
        _ => bail!("cannot {order}"),
    }
    Ok(())
}

fn tell(mail: Mail, links: &mut BTreeMap<u64, LinkQueue>) -> Result<()> {
    let said = match mail {
        Mail::LinkUp { link: LinkId(link), mtu, role, address, queue, .. } => {
            links.insert(link, queue);
            if address.is_some() {
                println!("{}", json!({"is": "dialled"}));
            }
            json!({"is": "up", "link": link, "mtu": mtu, "role": format!("{role:?}")})
        }
        Mail::Frame { link, bytes } => {
            let number = bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            json!({"is": "frame", "link": link.0, "bytes": bytes.len(), "number": number})
        }
        Mail::LinkDown { link, reason } => {
            links.remove(&link.0);
            json!({"is": "down", "link": link.0, "reason": reason.name()})
        }
        Mail::DialFailed { why, .. } => json!({"is": "dialled", "why": why}),
        Mail::Noticed(Input::Radio(report)) => json!({"is": "radio", "report": report}),
        Mail::Noticed(Input::LinkSignal { link, rssi_dbm }) => {
            json!({"is": "signal", "link": link.0, "rssi": rssi_dbm})
        }
        Mail::Noticed(Input::Sighted(seen)) => json!({
            "is": "sighted",
            "address": seen.address,
            "record": seen.record.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "rssi": seen.rssi_dbm,
        }),
        other => bail!("{other:?}"),
    };
    println!("{said}");
    Ok(())
}

/// Seen often and looking always.
fn plan(record: u8) -> RadioPlan {
    RadioPlan {
        advertisement: Some(vec![record]),
        advertise_every: Duration::from_millis(100),
        scan_on: Duration::from_secs(1),
        scan_period: Duration::from_secs(1),
        connection_interval: Duration::from_millis(20),
        peripheral_latency: 0,
        supervision_timeout: Duration::from_secs(4),
        tx_power_dbm: 0,
        channels: (1 << 37) - 1,
    }
}

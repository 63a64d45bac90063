//! The processes of the benchmark: two ends, and the one that starts and asks them.

use anyhow::{Context as _, Result, bail, ensure};
use bitcraps_core::{
    crypto::identity::Identity,
    discover::RadioPlan,
    id::{LinkId, PeerId},
    link::{Config, Links, Output, SendError},
    node::{Address, Class, Input},
    seed::Seed,
};
use bitcraps_node::{
    clock::Clock,
    components::Components,
    counters::ShellCounters,
    driver::{INBOX_MAX, Mail, Timer},
    transport::{LinkQueue, Ports, Pushed, Trust, ble},
};
use bitcraps_radio::{Adapter, Radio};
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Set for a process that is an end: the address that it dials, or nothing where it answers.
const END: &str = "BITCRAPS_BLE_BENCH";

const MTUS: [u16; 3] = [23, 247, 517];

/// Bytes of a message, and how many of them are streamed.
const SIZES: [(usize, u32); 2] = [(64, 1000), (1024, 200)];
const ROUND_TRIPS: u32 = 100;

/// An end that has said nothing for so long has failed. A stream of kilobytes in values of 20
/// bytes takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// First byte of a message: to be echoed, one of a stream, its last, how many came.
const ECHO: u8 = 0;
const STREAM: u8 = 1;
const LAST: u8 = 2;
const CAME: u8 = 3;

pub fn main() -> Result<()> {
    if let Ok(address) = env::var(END) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        // On the worker, where the tasks of links are too.
        let end = async { tokio::spawn(be_an_end(address)).await? };
        return runtime.block_on(async { tokio::time::timeout(PATIENCE, end).await? });
    }
    let args: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let is_wanted = |name: &str| args.is_empty() || args.iter().any(|arg| arg == name);
    if is_wanted("ble") {
        compare()?;
    }
    Ok(())
}

// ---- asking ------------------------------------------------------------------------------

fn compare() -> Result<()> {
    println!("Bluetooth in the virtual radio, both ends on this machine");
    println!("  mtu  bytes   half ≤ µs   99 % ≤ µs   messages/s      bytes/s");
    for mtu in MTUS {
        for figures in measure(mtu)? {
            println!("{mtu:>5}  {figures}");
        }
    }
    Ok(())
}

/// A line for each size.
fn measure(mtu: u16) -> Result<Vec<String>> {
    let radio = Radio::start()?;
    radio.set_mtu(mtu)?;
    let (answers, dials) = (radio.adapter()?, radio.adapter()?);
    let mut dialling = start(&dials, &format!("ble://{}", answers.address()))?;
    // Ended before the other, whose end it would report.
    let _answering = start(&answers, "")?;
    let said = dialling.0.stdout.take().context("its output is ours")?;
    let lines = BufReader::new(said).lines().take(SIZES.len());
    let figures = lines.collect::<Result<Vec<String>, _>>()?;
    ensure!(figures.len() == SIZES.len(), "an end ended early; its last words are above");
    Ok(figures)
}

/// Ends with whoever started it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(adapter: &Adapter, dials: &str) -> Result<Process> {
    let mut command = Command::new(env::current_exe()?);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", adapter.bus()).env(END, dials);
    Ok(Process(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?))
}

// ---- one end -----------------------------------------------------------------------------

async fn be_an_end(dials: String) -> Result<()> {
    let mut end = End::new(&dials)?;
    if dials.is_empty() {
        return end.answer().await;
    }
    while end.peer.is_none() {
        end.turn().await?;
    }
    for (bytes, streamed) in SIZES {
        let mut times = Vec::new();
        for number in 0..ROUND_TRIPS {
            let sent = message(ECHO, number, bytes);
            let started = Instant::now();
            end.say(&sent).await?;
            let got = end.hear().await?;
            times.push(started.elapsed());
            ensure!(got == sent, "the echo differs: sent {sent:?}, got {got:?}");
        }
        times.sort_unstable();
        let at =
            |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e6;
        let started = Instant::now();
        for number in 0..streamed {
            let kind = if number + 1 == streamed { LAST } else { STREAM };
            end.say(&message(kind, number, bytes)).await?;
        }
        let came = end.hear().await?;
        let rate = f64::from(streamed) / started.elapsed().as_secs_f64();
        ensure!(came == message(CAME, streamed, 5), "of {streamed} came {came:?}");
        let (half, most, per_s) = (at(50), at(99), rate * bytes as f64);
        println!("{bytes:>5} {half:>11.0} {most:>11.0} {rate:>12.0} {per_s:>12.0}");
    }
    // Ended by who started it.
    std::future::pending().await
}

/// A kind, a number, and bytes that follow from the number.
fn message(kind: u8, number: u32, bytes: usize) -> Vec<u8> {
    let mut message = vec![number as u8; bytes];
    message[0] = kind;
    message[1..5].copy_from_slice(&number.to_le_bytes());
    message
}

struct End {
    links: Links,
    clock: Clock,
    ports: Ports,
    inbox: mpsc::Receiver<Mail>,
    timer: Timer,
    queues: BTreeMap<LinkId, LinkQueue>,
    peer: Option<PeerId>,
    arrived: VecDeque<Vec<u8>>,
    /// Whom to dial once it is heard.
    dials: Option<String>,
    _alive: mpsc::Sender<Infallible>,
}

impl End {
    fn new(dials: &str) -> Result<End> {
        let number = if dials.is_empty() { 1 } else { 2 };
        let seed = Seed::from_number(number);
        let config = Config { work_bits: 0, ..Config::default() };
        let links = Links::new(config, &Identity::generate(&seed, 0), seed.fork("links"));
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let (alive, _) = mpsc::channel(1);
        let counters = Arc::new(ShellCounters::default());
        let ports = Ports::new(sender, 16, Trust::default(), counters, alive.downgrade());
        let options = ble::Options { mode: ble::Mode::On, adapter: None };
        let part = Components::default().part("bluetooth");
        let (bluetooth, _radio) = ble::start(options, ports.clone(), part);
        bluetooth.plan(plan(u8::try_from(number)?));
        ensure!(ports.bluetooth.set(bluetooth).is_ok(), "there is a radio already");
        Ok(End {
            links,
            clock: Clock::start(),
            ports,
            inbox,
            timer: Timer::new(),
            queues: BTreeMap::new(),
            peer: None,
            arrived: VecDeque::new(),
            dials: Some(dials.to_owned()).filter(|dials| !dials.is_empty()),
            _alive: alive,
        })
    }

    async fn answer(&mut self) -> Result<()> {
        let mut came = 0;
        loop {
            let message = self.hear().await?;
            let number = message[1..].first_chunk().map(|number| u32::from_le_bytes(*number));
            let number = number.context("a message without a number")?;
            if message[0] == ECHO {
                self.say(&message).await?;
                continue;
            }
            ensure!(number == came, "after {came} messages came number {number}");
            ensure!(message[5..].iter().all(|byte| *byte == number as u8), "{number} changed");
            came += 1;
            if message[0] == LAST {
                self.say(&self::message(CAME, came, 5)).await?;
                came = 0;
            }
        }
    }

    async fn say(&mut self, message: &[u8]) -> Result<()> {
        let peer = self.peer.context("nobody is linked")?;
        loop {
            match self.links.send(peer, Class::Bets, message, self.clock.now()) {
                Err(SendError::Busy) => self.turn().await?,
                sent => {
                    sent?;
                    return self.drain();
                }
            }
        }
    }

    async fn hear(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(message);
            }
            self.turn().await?;
        }
    }

    /// Waits for mail or the links' deadline, and does what follows.
    async fn turn(&mut self) -> Result<()> {
        self.drain()?;
        tokio::select! {
            mail = self.inbox.recv() => self.take(mail.context("the ports are gone")?)?,
            () = self.timer.until(self.links.deadline(), &self.clock) => {
                self.links.on_timeout(self.clock.now());
            }
        }
        self.drain()
    }

    fn take(&mut self, mail: Mail) -> Result<()> {
        let now = self.clock.now();
        match mail {
            Mail::LinkUp { link, transport, path, mtu, role, queue, .. } => {
                self.queues.insert(link, queue);
                self.links.on_up(link, (transport, path), role, mtu, now);
            }
            Mail::Frame { link, bytes } => self.links.on_frame(link, &bytes, now),
            Mail::LinkDown { reason, .. } => bail!("the link ended: {}", reason.name()),
            Mail::DialFailed { why, .. } => bail!("the dial failed: {why}"),
            Mail::Noticed(Input::Sighted(seen)) => {
                if let Some(address) = self.dials.take_if(|address| *address == seen.address) {
                    tokio::spawn(self.ports.clone().dial(Address(address)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        while let Some(output) = self.links.poll_output() {
            match output {
                Output::Send { link, bytes } => {
                    let queue = self.queues.get(&link).context("no such link")?;
                    if queue.push(bytes) != Pushed::Queued {
                        self.links.on_congested(link, self.clock.now());
                    }
                }
                Output::Opened { peer, .. } => self.peer = Some(peer.id()),
                Output::Received { packet, .. } => self.arrived.push_back(packet),
                Output::Hangup { reason, .. } => bail!("the link ended: {}", reason.name()),
                Output::Closed { .. }
                | Output::Measured { .. }
                | Output::Switched { .. }
                | Output::Prepare { .. } => {}
            }
        }
        Ok(())
    }
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

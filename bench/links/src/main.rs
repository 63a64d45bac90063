//! `cargo xtask bench links`: our links beside published ones.
//!
//! Two processes per system on loopback, both pinned to one processor and then each to its own;
//! the placement is printed, because it moves every figure. All processes of one placement live
//! side by side, and every repetition asks each system in turn, so that what else the machine
//! does meets all of them. Figures are medians over the repetitions.
//!
//! Every process runs one worker of tokio's usual runtime, as a node does on one processor.
//! zenoh brings runtimes of its own.

mod exchange;
mod libp2p_peers;
mod ours;
mod quic;
mod raw;
mod relay;
mod signatures;
mod zenoh_peer;

use anyhow::{Context as _, Result, bail, ensure};
use bitcraps_core::node::{Class, Transport};
use exchange::Client;
use ours::{Signed, Way};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

const SYSTEMS: [&str; 11] = [
    "raw tcp",
    "ours tcp",
    "ours tcp acked",
    "ours tcp signed",
    "ours ws",
    "ours quic acked",
    "ours udp acked",
    "quinn",
    "libp2p rr",
    "libp2p gossip",
    "zenoh",
];

/// The way of ours that a name stands for.
fn way(system: &str) -> Option<Way> {
    let words: Vec<&str> = system.split(' ').collect();
    let ["ours", transport, ref rest @ ..] = words[..] else { return None };
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "ws" => Transport::WebSocket,
        "quic" => Transport::Quic,
        "udp" => Transport::Udp,
        _ => return None,
    };
    // Bets are acknowledged and kept in order, the mesh's own messages neither.
    let class = if rest.contains(&"acked") { Class::Bets } else { Class::Mesh };
    let signed = if rest.contains(&"signed") { Signed::Yes } else { Signed::No };
    Some(Way { transport, class, signed })
}

/// Bytes of a message.
const SIZES: [usize; 2] = [64, 1024];
const REPETITIONS: usize = 15;
const ROUND_TRIPS: u64 = 300;
const STREAMED: u64 = 6400;
const RELAY_ROUNDS: usize = 41;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["serve", system, processor] => in_process(processor, serve(system.to_owned())),
        ["time", system, processor, address] => {
            in_process(processor, time(system.to_owned(), address.to_owned()))
        }
        ["relay"] => print_relay(),
        ["signatures"] => print_signatures(),
        [] => compare(REPETITIONS),
        ["quick"] => compare(1),
        _ => bail!("`quick` is the only argument"),
    }
}

// ---- one process -------------------------------------------------------------------------

fn in_process(
    processor: &str,
    work: impl Future<Output = Result<()>> + Send + 'static,
) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor.parse()?);
    sched_setaffinity(None, &set)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    // On the worker, where the tasks of links are too.
    runtime.block_on(async { tokio::spawn(work).await })?
}

fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // The comparing process is gone: nobody is left to be told.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn serve(system: String) -> Result<()> {
    let ready = |address: String| say(address);
    if let Some(way) = way(&system) {
        return ours::serve(way, ready).await;
    }
    match system.as_str() {
        "raw tcp" => raw::serve(ready).await,
        "quinn" => quic::serve(ready).await,
        "libp2p rr" => libp2p_peers::serve_requests(ready).await,
        "libp2p gossip" => libp2p_peers::serve_gossip(ready).await,
        "zenoh" => zenoh_peer::serve(ready).await,
        _ => bail!("there is no system {system}"),
    }
}

async fn time(system: String, address: String) -> Result<()> {
    if let Some(way) = way(&system) {
        return orders(ours::connect(&address, way).await?).await;
    }
    match system.as_str() {
        "raw tcp" => orders(raw::connect(&address).await?).await,
        "quinn" => orders(quic::connect(&address).await?).await,
        "libp2p rr" => orders(libp2p_peers::request_from(&address).await?).await,
        "libp2p gossip" => orders(libp2p_peers::gossip_with(&address).await?).await,
        "zenoh" => orders(zenoh_peer::connect(&address).await?).await,
        _ => bail!("there is no system {system}"),
    }
}

/// Takes orders line by line, one figure or two for each, until there are no more.
async fn orders(mut client: impl Client) -> Result<()> {
    say("ready");
    let (sender, mut orders) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        // An end of input, or of the receiver, ends the thread.
        std::io::stdin().lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            ended = client.idle() => return ended,
        };
        let Some(line) = order else { return Ok(()) };
        let words: Vec<&str> = line.split_whitespace().collect();
        let [what, size, count] = words[..] else { bail!("no order: {line:?}") };
        let (size, count) = (size.parse()?, count.parse()?);
        if what == "trips" {
            let times = exchange::round_trips(&mut client, size, count).await?;
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
            say(format!("{} {}", at(0.5), at(0.99)));
        } else {
            let took = exchange::stream(&mut client, size, count).await?;
            say(count as f64 / took.as_secs_f64());
        }
    }
}

// ---- comparing ---------------------------------------------------------------------------

/// Two processes of one system.
struct Pair {
    children: [Child; 2],
    orders: ChildStdin,
    figures: BufReader<ChildStdout>,
}

impl Pair {
    fn start(system: &str, [server, client]: [usize; 2]) -> Result<Pair> {
        let run = |args: &[&str]| {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn()?;
            let out = child.stdout.take().context("its output is ours")?;
            Ok::<_, anyhow::Error>((child, BufReader::new(out)))
        };
        let (server, mut said) = run(&["serve", system, &server.to_string()])?;
        let mut address = String::new();
        said.read_line(&mut address)?;
        let (mut client, mut figures) =
            run(&["time", system, &client.to_string(), address.trim()])?;
        let mut ready = String::new();
        figures.read_line(&mut ready)?;
        let orders = client.stdin.take().context("its input is ours")?;
        ensure!(ready.trim() == "ready", "{system} did not connect");
        Ok(Pair { children: [server, client], orders, figures })
    }

    fn ask(&mut self, what: &str, size: usize, count: u64) -> Result<Vec<f64>> {
        writeln!(self.orders, "{what} {size} {count}")?;
        let mut line = String::new();
        self.figures.read_line(&mut line)?;
        ensure!(!line.is_empty(), "a process ended: its last words are above");
        line.split_whitespace().map(|word| Ok(word.parse()?)).collect()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Median figures of one system and one size.
#[derive(Clone, Copy, Default)]
struct Figures {
    /// Microseconds.
    half: f64,
    most: f64,
    /// Messages per second.
    rate: f64,
}

type Table = BTreeMap<(usize, &'static str), Figures>;

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn measure(placement: [usize; 2], repetitions: usize) -> Result<Table> {
    let mut pairs = Vec::new();
    for system in SYSTEMS {
        pairs.push((system, Pair::start(system, placement)?));
    }
    // What is compared is right before it is fast, and caches are warm.
    let is_right = |pair: &mut Pair| {
        SIZES.iter().try_for_each(|size| {
            pair.ask("trips", *size, 50)?;
            pair.ask("stream", *size, 640).map(drop)
        })
    };
    pairs.retain_mut(|(system, pair)| match is_right(pair) {
        Ok(()) => true,
        Err(error) => {
            println!("left out, because it does not carry what it is given: {system}: {error}");
            false
        }
    });
    let mut all: BTreeMap<(usize, &str), [Vec<f64>; 3]> = BTreeMap::new();
    for _ in 0..repetitions {
        for size in SIZES {
            for (system, pair) in &mut pairs {
                let trips = pair.ask("trips", size, ROUND_TRIPS)?;
                let rate = pair.ask("stream", size, STREAMED)?;
                let figures = all.entry((size, system)).or_default();
                for (at, figure) in trips.into_iter().chain(rate).enumerate() {
                    figures[at].push(figure);
                }
            }
        }
    }
    let table = all.into_iter().map(|(key, [half, most, rate])| {
        (key, Figures { half: median(half), most: median(most), rate: median(rate) })
    });
    Ok(table.collect())
}

fn compare(repetitions: usize) -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| allowed.is_set(*at)).collect();
    let last = *processors.last().context("no processor")?;
    println!("medians of {repetitions} repetitions; {ROUND_TRIPS} round trips and {STREAMED}");
    println!("streamed messages each, at most {} on their way", exchange::WINDOW);
    let one = measure([last, last], repetitions)?;
    show(&format!("both processes on processor {last}"), &one);
    let of = |table: &Table, system| table.get(&(64, system)).copied().unwrap_or_default();
    let (raw, ours) = (of(&one, "raw tcp"), of(&one, "ours tcp"));
    let (rr, signed) = (of(&one, "libp2p rr"), of(&one, "ours tcp signed"));
    println!("\n64 bytes over TCP                                     promised");
    promise("round trip : raw TCP, one processor", ours.half / raw.half, "≤", 1.25);
    promise("libp2p request-response : round trip", rr.half / ours.half, "≥", 8.0);
    let gossip = of(&one, "libp2p gossip");
    promise("signed stream : gossipsub, one processor", signed.rate / gossip.rate, "≥", 2.0);
    match processors[..] {
        [first, second, ..] => {
            let two = measure([first, second], repetitions)?;
            let (raw, ours) = (of(&two, "raw tcp"), of(&two, "ours tcp"));
            let (signed, gossip) = (of(&two, "ours tcp signed"), of(&two, "libp2p gossip"));
            promise("round trip : raw TCP, two processors", ours.half / raw.half, "≤", 1.10);
            promise(
                "signed stream : gossipsub, two processors",
                signed.rate / gossip.rate,
                "≥",
                2.0,
            );
            promise("signed messages per second, two processors", signed.rate, "≥", 70_000.0);
            show(&format!("servers on processor {first}, clients on processor {second}"), &two);
        }
        _ => println!("two processors: skipped, this machine lends one"),
    }
    print_relay()?;
    print_signatures()
}

fn show(placement: &str, table: &Table) {
    println!("\n{placement}");
    println!("bytes                     half ≤ µs   99 % ≤ µs   messages/s");
    for size in SIZES {
        for system in SYSTEMS {
            let Some(Figures { half, most, rate }) = table.get(&(size, system)) else { continue };
            println!("{size:>5}  {system:<16} {half:>11.1} {most:>11.1} {rate:>12.0}");
        }
    }
}

fn promise(what: &str, got: f64, sign: &str, promised: f64) {
    let kept = if sign == "≤" { got <= promised } else { got >= promised };
    let verdict = if kept { "ok" } else { "not reached" };
    println!("{what:<44} {got:>10.2}  {sign} {promised}  {verdict}");
}

fn print_relay() -> Result<()> {
    println!("\na relay hop in a whole node, CPU time");
    for size in SIZES {
        let micros = relay::hop(size, Class::Mesh, RELAY_ROUNDS)? / 1e3;
        match size {
            64 => promise("64 bytes, µs", micros, "≤", 1.5),
            _ => println!("{:<44} {micros:>10.2}", format!("{size} bytes, µs")),
        }
    }
    Ok(())
}

fn print_signatures() -> Result<()> {
    println!("\nsignatures over 64 bytes, CPU time in µs of each");
    for (what, micros) in signatures::costs()? {
        println!("{what:<44} {micros:>10.2}");
    }
    Ok(())
}

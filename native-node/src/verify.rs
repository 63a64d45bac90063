//! `bitcraps verify`: recomputes a table's transcript. It needs no node and no network.
//!
//! The file is read piece by piece, so a transcript may come through a pipe and be of any length.
//! A wrong line is an error like any other, so the exit code is 1; with `--json` standard output
//! says it too.

use crate::{
    cli,
    terminal::{StatusLine, say},
};
use anyhow::{Context as _, bail};
use bitcraps_core::{
    id::{PeerId, TableId},
    node::{
        HistoryView,
        transcript::{Check, Fault, ProvenRoll, Verified},
    },
};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    time::{Duration, Instant},
};

/// Bytes read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// What is checked by then needs no word.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line of a terminal changes.
const TICK: Duration = Duration::from_millis(200);

pub fn run(flags: &cli::Verify) -> anyhow::Result<()> {
    let is_stdin = flags.file == Path::new("-");
    let name = if is_stdin { "standard input".into() } else { flags.file.display().to_string() };
    let unreadable = || format!("cannot read {name}");
    let (source, size): (Box<dyn Read>, _) = if is_stdin {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(&flags.file).with_context(unreadable)?;
        let size = file.metadata().ok().filter(|about| about.is_file()).map(|about| about.len());
        (Box::new(file), size)
    };
    let mut check = Check::new();
    let started = Instant::now();
    let outcome = check_all(source, size, &mut check).with_context(unreadable)?;
    let (took, bytes) = (started.elapsed(), check.bytes());
    let found = check.found();
    let other = flags.table.zip(found).filter(|(meant, found)| *meant != found.table);
    if let Err(fault) = outcome {
        if flags.json {
            let before = found.map(summary);
            say(&wrong(&fault, before).to_string());
        }
        return Err(anyhow::Error::new(*fault).context(name));
    }
    if let Some((meant, found)) = other {
        bail!("{name} is a true transcript, but of table {}, not of {meant}", found.table);
    }
    let found = found.context("a transcript that ended well has a table")?;
    if flags.json {
        let mut json = summary(found);
        json["verified"] = true.into();
        json["bytes"] = bytes.into();
        json["took_ms"] = (took.as_secs_f64() * 1000.0).into();
        say(&json.to_string());
        return Ok(());
    }
    tell(found, flags.rolls, bytes, took);
    Ok(())
}

/// Reads and checks until the end or the first wrong line.
fn check_all(
    mut source: Box<dyn Read>,
    size: Option<u64>,
    check: &mut Check,
) -> io::Result<Result<(), Box<Fault>>> {
    let status = StatusLine::is_wanted().then(StatusLine::default);
    let mut piece = vec![0; PIECE_BYTES];
    let mut next = Instant::now() + PATIENCE;
    let outcome = loop {
        let read = match source.read(&mut piece) {
            Ok(0) => break check.finish().map(drop),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        check.feed(&piece[..read]);
        let stopped = loop {
            let line = match check.step() {
                Ok(Some(line)) => line.number,
                Ok(None) => break Ok(()),
                Err(fault) => break Err(fault),
            };
            if let Some(status) = &status
                && Instant::now() >= next
            {
                next = Instant::now() + TICK;
                let of = size.map_or_else(String::new, |size| format!(" of {}", megabytes(size)));
                let so_far = megabytes(check.bytes());
                status.show(&format!("checking: line {line}, {so_far}{of} true so far"));
            }
        };
        if stopped.is_err() {
            break stopped;
        }
    };
    if let Some(status) = &status {
        status.show("");
    }
    Ok(outcome)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// For people.
fn tell(found: &Verified, with_rolls: bool, bytes: u64, took: Duration) {
    let Verified { table, name, height, .. } = found;
    say(&format!("{name} {table}"));
    say(&format!(
        "  lines    {height} batches, {}, every one true, checked in {:.1} s",
        megabytes(bytes),
        took.as_secs_f64()
    ));
    say(&format!("  log      {}", hex(found.log_hash)));
    say(&format!("  rolls    {}", found.rolls.len()));
    if with_rolls {
        for roll in &found.rolls {
            say(&format!("           {}", roll_line(found, roll)));
        }
    }
    for membership in &found.memberships {
        let named: Vec<String> = membership.members.iter().map(|id| who(found, id)).collect();
        say(&format!("  members  from line {}: {}", membership.from, named.join(", ")));
    }
    say(&format!("  house    {} at first, {} now", found.bank_at_first, found.bank));
    say("           granted      bet     paid      has   result");
    for (peer, account) in found.accounts.iter() {
        let result = i128::from(account.holds.0) - i128::from(account.bought_in.0);
        let gone = if account.seated { "" } else { ", has left" };
        say(&format!(
            "          {:>8} {:>8} {:>8} {:>8} {result:>+8}  {}{gone}",
            account.bought_in.0,
            account.bet.0,
            account.paid.0,
            account.holds.0,
            who(found, peer)
        ));
    }
    say("  These members agreed on all of this. Who they are, it does not say: compare ids.");
}

fn roll_line(found: &Verified, roll: &ProvenRoll) -> String {
    let rolled = &roll.rolled;
    let dealt: Vec<String> = rolled
        .dealers
        .iter()
        .zip(&roll.dealt_at)
        .map(|(peer, line)| format!("{} (line {line})", who(found, peer)))
        .collect();
    let openers: Vec<String> = rolled.openers.iter().map(|peer| who(found, peer)).collect();
    format!(
        "#{}  {} and {} on line {}; secrets of {}; opened by {}",
        rolled.roll + 1,
        rolled.dice.0,
        rolled.dice.1,
        rolled.height,
        dealt.join(", "),
        openers.join(", ")
    )
}

/// A name with the start of the id: a name alone proves nothing.
fn who(found: &Verified, peer: &PeerId) -> String {
    let name = found.accounts.get(peer).map_or("", |account| &account.name);
    format!("{name} {}", peer.short())
}

/// For programs: `docs/TRANSCRIPT.md` lists the keys.
fn summary(found: &Verified) -> Value {
    let rolls: Vec<Value> = found
        .rolls
        .iter()
        .map(|roll| {
            let mut json = json!(HistoryView::from(&roll.rolled));
            json["dealt_at"] = json!(roll.dealt_at);
            json
        })
        .collect();
    let accounts: Vec<Value> = found
        .accounts
        .iter()
        .map(|(peer, account)| {
            json!({
                "peer_id": peer,
                "name": account.name,
                "seated": account.seated,
                "bought_in": account.bought_in,
                "bet": account.bet,
                "paid": account.paid,
                "holds": account.holds,
            })
        })
        .collect();
    let memberships: Vec<Value> = found
        .memberships
        .iter()
        .map(|membership| json!({ "from": membership.from, "members": membership.members }))
        .collect();
    json!({
        "table": found.table,
        "name": found.name,
        "height": found.height,
        "log_hash": hex(found.log_hash),
        "rolls": rolls,
        "accounts": accounts,
        "memberships": memberships,
        "bank_at_first": found.bank_at_first,
        "bank": found.bank,
        "minted": found.minted,
    })
}

fn wrong(fault: &Fault, before: Option<Value>) -> Value {
    json!({
        "verified": false,
        "line": fault.line,
        "offset": fault.offset,
        "entry": fault.entry.map(|(entry, _)| entry),
        "author": fault.entry.and_then(|(_, author)| author),
        "why": fault.why.to_string(),
        "before": before,
    })
}

fn hex(digest: [u8; 32]) -> String {
    TableId::from_bytes(digest).to_string()
}

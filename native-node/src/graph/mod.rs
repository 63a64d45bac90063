//! `bitcraps graph`: the figures of any edge list. It needs no node and no network.

pub mod figures;
mod read;
mod table;
mod watch;

use crate::{cli, terminal::say};
use anyhow::anyhow;
use figures::Report;
use read::{EDGES_MAX, EdgeList, Unreadable};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};
use watch::{READING, Watch};

/// Prints the figures, or nothing at all when the list cannot be read as a whole.
pub fn run(flags: &cli::Graph) -> anyhow::Result<()> {
    let watch = Watch::start();
    watch.stage(READING);
    let is_stdin = flags.file == Path::new("-");
    let name = if is_stdin { "standard input".into() } else { flags.file.display().to_string() };
    let source: io::Result<Box<dyn BufRead>> = match is_stdin {
        true => Ok(Box::new(io::stdin().lock())),
        false => File::open(&flags.file).map(|file| Box::new(BufReader::new(file)) as _),
    };
    let list = source
        .map_err(Unreadable::Io)
        .and_then(|source| EdgeList::read(source, &watch.lines))
        .map_err(|e| no_list(&name, &e))?;
    let report = Report::of(&list, &flags.what, &watch);
    drop(watch);
    match flags.json {
        true => say(&serde_json::to_string(&report)?),
        false => say(&table::lines(&report, flags.what.is_empty())),
    }
    Ok(())
}

fn no_list(name: &str, why: &Unreadable) -> anyhow::Error {
    match why {
        Unreadable::Io(e) => anyhow!("cannot read {name}: {}", in_words(e)),
        Unreadable::TooMany => anyhow!("{name} has more than {EDGES_MAX} edges"),
        Unreadable::Lines(bad) => {
            let lines = if bad.count == 1 { "line is" } else { "lines are" };
            anyhow!("{} {lines} not `u v [weight]` in {name}:\n{bad}", bad.count)
        }
    }
}

fn in_words(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => e.to_string(),
    }
}

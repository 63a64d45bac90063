//! A table that processes play, and its transcript as others get it: over HTTP, by the program and
//! into a page, each checked by what has nothing to do with the node that served it.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    http,
    process::{NodeProcess, Setup, binary},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{path::Path, process::Output, time::Duration};
use tokio::process::Command;

const MEET_MAX: Duration = Duration::from_secs(30);
const ROLLS_MAX: Duration = Duration::from_secs(120);

/// Rolls that a transcript of these tests holds at least.
const ROLLS: u64 = 5;

/// A witness and three bots, each a process of its own, and their table.
struct Played {
    nodes: Vec<NodeProcess>,
    table: String,
}

impl Played {
    async fn start() -> Result<Played> {
        let host = NodeProcess::start(Setup::named("host")).await?;
        let mut nodes = vec![host];
        for name in ["ada", "blaise", "carl"] {
            let connect = nodes.iter().map(NodeProcess::url).collect();
            let setup = Setup { connect, role: Some("bot"), ..Setup::named(name) };
            nodes.push(NodeProcess::start(setup).await?);
        }
        until("all four on the host's map", MEET_MAX, async || {
            let view = nodes[0].view().await?;
            let known = view["map"]["nodes"].as_array().map_or(0, Vec::len);
            Ok(if known == nodes.len() { Look::Yes(()) } else { Look::NotYet(known) })
        })
        .await?;
        let made = json!({"do": "create_table", "name": "Friday"});
        let (status, answer) = nodes[0].order(&made).await?;
        let table = answer["table"].as_str();
        let table = table.with_context(|| format!("{status}: {answer}"))?.to_owned();
        Ok(Played { nodes, table })
    }

    /// The transcript that this node serves, once it holds so many rolls.
    async fn transcript(&self, node: usize, rolls: u64) -> Result<Vec<u8>> {
        let node = &self.nodes[node];
        until("rolls of the bots", ROLLS_MAX, async || {
            let view = node.view().await?;
            let thrown = view["tables"][0]["roll"].as_u64().unwrap_or(0);
            Ok(if thrown >= rolls { Look::Yes(()) } else { Look::NotYet(thrown) })
        })
        .await?;
        let path = format!("/api/v1/tables/{}/transcript", self.table);
        let answer = http::fetch(node.http(), &path).await?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(answer.body)
    }
}

async fn verify(file: &Path) -> Result<(Output, Value)> {
    let output = Command::new(binary()).arg("verify").arg(file).arg("--json").output().await?;
    let told = serde_json::from_slice(&output.stdout).context("no JSON")?;
    Ok((output, told))
}

#[tokio::test]
async fn what_processes_played_is_true_and_with_one_bit_flipped_it_is_not() -> Result<()> {
    let played = Played::start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("friday.transcript");
    for node in [0, 2] {
        let bytes = played.transcript(node, ROLLS).await?;
        std::fs::write(&file, &bytes)?;
        let (output, told) = verify(&file).await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        ensure!(told["verified"] == true && told["table"] == played.table.as_str(), "{told}");
        let rolls = told["rolls"].as_array().context("no rolls")?;
        ensure!(rolls.len() as u64 >= ROLLS, "{} rolls", rolls.len());
        // What the node shows of a roll is what follows from its transcript.
        let view = played.nodes[node].view().await?;
        let history = view["tables"][0]["history"].as_array().context("no history")?.clone();
        let shown = history.iter().filter_map(|shown| {
            let proven = rolls.iter().find(|proven| proven["roll"] == shown["roll"])?;
            Some((proven, shown))
        });
        let shown: Vec<_> = shown.collect();
        ensure!(!shown.is_empty(), "the node shows none of these rolls");
        for (proven, shown) in shown {
            for key in ["dice", "height", "opened", "dealers", "openers", "paid", "shooter"] {
                ensure!(proven[key] == shown[key], "{key}: {proven} and {shown}");
            }
        }

        // Somewhere in the middle, so that lines before and behind it are sound.
        let mut flipped = bytes.clone();
        let at = bytes.len() / 2;
        flipped[at] ^= 0x10;
        std::fs::write(&file, &flipped)?;
        let (output, told) = verify(&file).await?;
        ensure!(output.status.code() == Some(1), "{told}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let (line, offset) = (told["line"].as_u64(), told["offset"].as_u64());
        let (line, offset) = (line.context("no line")?, offset.context("no offset")?);
        ensure!(error.contains(&format!("line {line} (at byte {offset})")), "{error}");
        ensure!(line > 0 && offset <= at as u64, "{error}: the flipped byte is {at}");
        ensure!(told["before"]["height"] == line - 1, "{told}");
    }
    for node in &played.nodes {
        node.logged_no_error()?;
    }
    Ok(())
}

#[tokio::test]
async fn the_program_writes_the_transcript_of_a_running_node() -> Result<()> {
    let played = Played::start().await?;
    played.transcript(1, 1).await?;
    let url = format!("http://{}", played.nodes[1].http());
    let start = &played.table[..8];
    let args = ["table", "transcript", start, "--http", &url];
    let written = Command::new(binary()).args(args).output().await?;
    let error = String::from_utf8_lossy(&written.stderr);
    ensure!(written.status.success() && error.is_empty(), "{error}");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &written.stdout)?;
    let (_, told) = verify(file.path()).await?;
    ensure!(told["verified"] == true && told["name"] == "Friday", "{told}");
    Ok(())
}

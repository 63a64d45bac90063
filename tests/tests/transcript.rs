//! A table that processes play, and its transcript as others get it: over HTTP, by the program and
//! into a page, each checked by what has nothing to do with the node that served it.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    browser::{Browser, DESKTOP, PHONE, Tab},
    http,
    ledger::Ledger,
    pictures,
    player::{Player, play, reachable},
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

/// A player and three bots, each a process of its own, and their table: bots play with somebody.
struct Played {
    nodes: Vec<NodeProcess>,
    table: String,
}

impl Played {
    async fn start() -> Result<Played> {
        let host =
            NodeProcess::start(Setup { role: Some("player"), ..Setup::named("host") }).await?;
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
        until("rolls of the table", ROLLS_MAX, async || {
            let view = node.view().await?;
            let thrown = view["tables"][0]["roll"].as_u64().unwrap_or(0);
            // The player has no more bets; refused while the dice are opened, and asked again.
            self.nodes[0].order(&json!({"do": "roll", "table": self.table})).await?;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_verifies_its_own_table_each_roll_and_any_file() -> Result<()> {
    let node = NodeProcess::start(Setup { bots: 3, ..Setup::named("host") }).await?;
    let browser = Browser::start().await?;
    let mut anna = Player::open(&browser, "Anna", &format!("http://{}/", node.http())).await?;
    anna.joined().await?;
    until("Anna to see the node and its three bots", MEET_MAX, async || {
        let seen = reachable(&anna.view().await?);
        Ok(if seen == 4 { Look::Yes(()) } else { Look::NotYet(seen) })
    })
    .await?;
    anna.tab.click("create-table", MEET_MAX).await?;
    let table = anna.table_state("playing", MEET_MAX).await?;
    let id = table["table_id"].as_str().context("a table without an id")?.to_owned();
    let mut ledger = Ledger::default();
    play(&mut [&mut anna], &[&node], &mut ledger, ROLLS, ROLLS_MAX, async |_| Ok(())).await?;

    // One roll of the history.
    let opened = "document.querySelector('[data-testid=history-row] details').open = true";
    anna.tab.eval(opened).await?;
    anna.tab.click("verify-again", MEET_MAX).await?;
    let again = "document.querySelector('[data-testid=verify-again-result][data-state=true]')\
                 ?.textContent";
    let said = anna.tab.wait_for(again, ROLLS_MAX).await?;
    ensure!(said.as_str().is_some_and(|said| said.ends_with("as shown.")), "{said}");

    // The whole log of the tab.
    anna.tab.click("verify-table", MEET_MAX).await?;
    ensure!(result(&anna.tab, "true").await?.contains("Every line is true"));
    let rolls = "document.querySelectorAll('[data-testid=proven-roll]').length";
    let rolls = anna.tab.eval(rolls).await?.as_u64().unwrap_or(0);
    ensure!(rolls >= ROLLS, "{rolls} rolls are listed");
    for (viewport, name) in [(DESKTOP, "verify.png"), (PHONE, "verify-phone.png")] {
        anna.tab.resize(viewport).await?;
        let narrow = "document.documentElement.scrollWidth <= innerWidth";
        anna.tab.wait_for(narrow, MEET_MAX).await.context("wider than the window")?;
        anna.tab.picture(&pictures().join(name)).await?;
    }

    // A file from somebody else, true and with one bit flipped.
    let path = format!("/api/v1/tables/{id}/transcript");
    let mut bytes = http::fetch(node.http(), &path).await?.body;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("friday.transcript");
    std::fs::write(&file, &bytes)?;
    anna.tab.choose_file("verify-file", &file).await?;
    ensure!(result(&anna.tab, "true").await?.contains("friday.transcript"));
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(&file, &bytes)?;
    anna.tab.choose_file("verify-file", &file).await?;
    let wrong = result(&anna.tab, "wrong").await?;
    ensure!(wrong.contains(" is wrong (at byte "), "{wrong}");
    anna.tab.picture(&pictures().join("verify-wrong-phone.png")).await?;
    anna.tab.assert_no_complaints()?;
    anna.tab.close().await?;
    node.logged_no_error()
}

/// What the page says once its check has ended so.
async fn result(tab: &Tab, state: &str) -> Result<String> {
    let js = format!(
        "document.querySelector('[data-testid=verify-result][data-state={state}]')?.textContent"
    );
    let said = tab.wait_for(&js, ROLLS_MAX).await?;
    Ok(said.as_str().unwrap_or_default().to_owned())
}

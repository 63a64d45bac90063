//! Tabs that stay together when the node that served them dies.
//!
//! Three tabs and their node are the four members of one table: the fewest that a table may have,
//! and just one more than its quorum. Two other nodes found the table with them and leave again,
//! because only bots and witnesses take an invitation. Then the node is killed, and every roll
//! after that is carried between the tabs by WebRTC alone.

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    browser::Browser,
    ledger::Ledger,
    pictures,
    player::{Player, agree, play, reachable, rolls_of, seat_of},
    process::{NodeProcess, Setup},
    wait::{Look, until},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

const MAP_MAX: Duration = Duration::from_secs(60);
const TABLE_MAX: Duration = Duration::from_secs(60);
const LINKED_MAX: Duration = Duration::from_secs(60);
/// A dead neighbour is noticed by its silence.
const NOTICED_MAX: Duration = Duration::from_secs(60);
const PLAY_MAX: Duration = Duration::from_secs(240);

const ROLLS_BEFORE: u64 = 2;
const ROLLS_AFTER: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tabs_keep_playing_over_webrtc_after_their_node_is_killed() -> Result<()> {
    let mut home = NodeProcess::start(Setup::named("Home")).await?;
    let founder = |name: &str| Setup { connect: vec![home.url()], ..Setup::named(name) };
    let founders =
        [NodeProcess::start(founder("X")).await?, NodeProcess::start(founder("Y")).await?];

    let browser = Browser::start().await?;
    let url = format!("http://{}/", home.http());
    let mut tabs = Vec::new();
    for name in ["Anna", "Bert", "Carl"] {
        let player = Player::open(&browser, name, &url).await?;
        player.joined().await?;
        tabs.push(player);
    }
    for player in &tabs {
        until(&format!("{} to see everybody", player.name), MAP_MAX, async || {
            let seen = reachable(&player.view().await?);
            Ok(if seen == 5 { Look::Yes(()) } else { Look::NotYet(seen) })
        })
        .await?;
    }

    // Every two tabs are linked, signalled through the mesh and through nothing else.
    let everybody: BTreeSet<String> = tabs.iter().map(|player| player.peer_id.clone()).collect();
    for player in &tabs {
        let mut others = everybody.clone();
        others.remove(&player.peer_id);
        until(&format!("{} to be linked to the other tabs", player.name), LINKED_MAX, async || {
            let linked = player.linked_by("webrtc").await?;
            Ok(if linked == others { Look::Yes(()) } else { Look::NotYet(player.view().await?) })
        })
        .await?;
    }

    // The table is founded, the tabs sit down, the founders leave.
    tabs[0].tab.click("create-table", TABLE_MAX).await?;
    let table = tabs[0].table_state("playing", TABLE_MAX).await?;
    let id = table["table_id"].as_str().context("a table without an id")?.to_owned();
    for player in &tabs[1..] {
        player.tab.click("join-table", TABLE_MAX).await?;
        player.table_state("playing", TABLE_MAX).await?;
    }
    let mut ledger = Ledger::default();
    let mut players: Vec<&mut Player> = tabs.iter_mut().collect();
    for node in &founders {
        let (status, answer) = node.order(&json!({"do": "leave_table", "table": id})).await?;
        ensure!(status == 200, "the founder stays: {answer}");
    }
    play(&mut players, &[], &mut ledger, ROLLS_BEFORE, PLAY_MAX, async |_| Ok(())).await?;
    let members: BTreeSet<String> =
        everybody.iter().cloned().chain([home.peer_id().to_owned()]).collect();
    let mut rolls = ROLLS_BEFORE;
    // Seats are given up between two rolls, so it may take some.
    while members_of(&players[0].table().await?) != members {
        rolls += 1;
        play(&mut players, &[], &mut ledger, rolls, PLAY_MAX, async |_| Ok(())).await?;
        ensure!(
            rolls < ROLLS_BEFORE + 6,
            "the founders do not leave: {}",
            players[0].table().await?
        );
    }

    home.kill().await?;
    let fallen = rolls_of(&tabs[0].table().await?);
    for player in &tabs {
        until(&format!("{} to miss its node", player.name), NOTICED_MAX, async || {
            let view = player.view().await?;
            let gone = player.linked_by("websocket").await?.is_empty();
            let seat = seat_of(&view["tables"][0], home.peer_id()).cloned().unwrap_or_default();
            let missed = gone && seat["reachable"] == false;
            Ok(if missed { Look::Yes(()) } else { Look::NotYet((gone, seat)) })
        })
        .await?;
    }
    let mut players: Vec<&mut Player> = tabs.iter_mut().collect();
    play(&mut players, &[], &mut ledger, fallen + ROLLS_AFTER, PLAY_MAX, async |_| Ok(())).await?;
    for player in &tabs {
        let after = player.bet_on.iter().filter(|roll| **roll > fallen).count();
        ensure!(after >= 2, "{} had chips on {after} rolls after the kill", player.name);
        let state = player.tab.text("join-sentence").await?.unwrap_or_default();
        ensure!(state.starts_with("Joined through"), "{}: {state}", player.name);
    }
    let all: Vec<&Player> = tabs.iter().collect();
    let height = all[0].table().await?["height"].as_u64().unwrap_or(0);
    agree(&mut ledger, &all, &[], height.saturating_sub(1)).await?;
    tabs[0].tab.picture(&pictures().join("after-the-node.png")).await?;
    Ok(())
}

fn members_of(table: &Value) -> BTreeSet<String> {
    let members = table["members"].as_array().into_iter().flatten();
    members.filter_map(|member| member.as_str().map(str::to_owned)).collect()
}

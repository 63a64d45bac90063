//! A tab without any network, joined over Bluetooth.
//!
//! A real Chromium and a real node share a virtual radio and nothing else. The page came from a
//! node that is gone by the time the tab plays. Every failure that a browser can have with
//! Bluetooth is shown as a sentence with a next step.
#![cfg(target_os = "linux")]

use anyhow::{Context as _, Result, ensure};
use bitcraps_radio::Radio;
use bitcraps_tests::{
    browser::{Browser, DESKTOP, PHONE},
    ledger::Ledger,
    pictures,
    player::{Player, agree, play, reachable, rolls_of},
    process::{Bluetooth, NodeProcess, Setup},
    wait::{Look, until},
};
use std::{collections::BTreeSet, time::Duration};

const SHOWN_MAX: Duration = Duration::from_secs(60);
const MAP_MAX: Duration = Duration::from_secs(90);
const TABLE_MAX: Duration = Duration::from_secs(90);
const PLAY_MAX: Duration = Duration::from_secs(240);

const ROLLS: u64 = 10;
/// Rolls after which the link is dropped.
const CUTS: [u64; 2] = [3, 6];

/// An ATT MTU that phones often have; frames are three bytes shorter.
const MTU: u16 = 247;

/// Gives the tab a page, and takes its node away.
async fn page_without_a_node(browser: &Browser, name: &str) -> Result<Player> {
    let mut giver = NodeProcess::start(Setup::named("Giver")).await?;
    let player = Player::open(browser, name, &format!("http://{}/", giver.http())).await?;
    giver.kill().await?;
    // The page changes once more when its link is gone.
    let apart = "document.querySelector('[data-testid=join-state]').dataset.state !== 'joined'";
    player.tab.wait_for(apart, SHOWN_MAX).await?;
    player.tab.expect_choosers().await?;
    Ok(player)
}

async fn sentence(player: &Player, words: &str) -> Result<String> {
    until(&format!("the words {words:?}"), SHOWN_MAX, async || {
        let said = player.tab.text("bluetooth-sentence").await?.unwrap_or_default();
        Ok(if said.contains(words) { Look::Yes(said) } else { Look::NotYet(said) })
    })
    .await
}

async fn device(player: &Player, state: &str) -> Result<String> {
    let js = format!(
        "document.querySelector('[data-testid=bluetooth-device][data-state={state}]')?.textContent"
    );
    let text = player.tab.wait_for(&js, SHOWN_MAX).await?;
    Ok(text.as_str().unwrap_or_default().to_owned())
}

async fn linked(player: &Player, node: &NodeProcess) -> Result<()> {
    let only = BTreeSet::from([node.peer_id().to_owned()]);
    until("the link over Bluetooth", SHOWN_MAX, async || {
        let linked = player.linked_by("ble").await?;
        let said = player.tab.text("bluetooth").await?;
        Ok(if linked == only { Look::Yes(()) } else { Look::NotYet((linked, said)) })
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_with_bluetooth_alone_plays_with_a_peer_three_hops_away() -> Result<()> {
    let radio = Radio::start()?;
    radio.set_mtu(MTU)?;
    let (phone, garden) = (radio.adapter()?, radio.adapter()?);
    let setup =
        Setup { bluetooth: Bluetooth::Bus(garden.bus().to_owned()), ..Setup::named("Garden") };
    let near = NodeProcess::start(setup).await?;
    let middle = Setup { connect: vec![near.url()], ..Setup::named("Middle") };
    let middle = NodeProcess::start(middle).await?;
    let far = Setup { connect: vec![middle.url()], ..Setup::named("Far") };
    let far = NodeProcess::start(far).await?;

    let browser = Browser::start_with_bluetooth(phone.bus()).await?;
    let mut anna = page_without_a_node(&browser, "Anna").await?;
    anna.tab.click("bluetooth-join", SHOWN_MAX).await?;
    anna.tab.choose_device(SHOWN_MAX).await?;
    linked(&anna, &near).await?;
    let said = device(&anna, "linked").await?;
    ensure!(said.contains("244 bytes"), "the link says {said}");
    anna.joined().await?;
    until("Anna to see the far end", MAP_MAX, async || {
        let view = anna.view().await?;
        let seen = reachable(&view);
        Ok(if seen == 3 { Look::Yes(()) } else { Look::NotYet((seen, view["map"].clone())) })
    })
    .await?;
    ensure!(anna.linked_by("websocket").await?.is_empty(), "Anna has another link");
    take_pictures(&anna, "bluetooth-linked").await?;

    anna.tab.click("create-table", TABLE_MAX).await?;
    let table = anna.table_state("playing", TABLE_MAX).await?;
    let members = table["members"].as_array().context("a table without members")?;
    ensure!(members.len() == 4, "Anna and the line are 4 members, not {}", members.len());
    ensure!(members.iter().any(|id| id == far.peer_id()), "the far end has no seat");

    let mut ledger = Ledger::default();
    let mut cuts = CUTS.into_iter().peekable();
    let before = radio.counters()?.links;
    let played = play(&mut [&mut anna], &[], &mut ledger, ROLLS, PLAY_MAX, async |fallen| {
        if cuts.next_if(|after| fallen >= *after).is_some() {
            ensure!(radio.cut(&phone, &garden)?, "there was no link to drop");
        }
        Ok(())
    })
    .await;
    if let Err(error) = played {
        anna.tab.eval("location.hash = '#/'").await?;
        let said = anna.tab.text("bluetooth").await?;
        let links = anna.view().await?["links"].clone();
        return Err(error.context(format!("Bluetooth says {said:?}, the links are {links}")));
    }
    ensure!(cuts.next().is_none(), "the link was not dropped twice");
    let links = radio.counters()?.links - before;
    ensure!(links >= CUTS.len() as u64, "the tab connected {links} times after the first");
    ensure!(anna.bet_on.len() >= 3, "Anna had chips on {} rolls", anna.bet_on.len());
    agree(&mut ledger, &[&anna], &[], 0).await?;
    let table = anna.table().await?;
    for node in [&near, &middle, &far] {
        until(&format!("{} to hold Anna's log", node.name()), TABLE_MAX, async || {
            let theirs = node.view().await?["tables"][0].clone();
            ledger.record(node.name(), &theirs)?;
            let there = rolls_of(&theirs) >= rolls_of(&table);
            Ok(if there { Look::Yes(()) } else { Look::NotYet(rolls_of(&theirs)) })
        })
        .await?;
    }
    anna.tab.eval("location.hash = '#/'").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_bluetooth_is_a_sentence_and_ends() -> Result<()> {
    let radio = Radio::start()?;
    let (phone, garden) = (radio.adapter()?, radio.adapter()?);
    let browser = Browser::start_with_bluetooth(phone.bus()).await?;
    let anna = page_without_a_node(&browser, "Anna").await?;
    sentence(&anna, "without Wi-Fi").await?;
    take_pictures(&anna, "bluetooth-offered").await?;

    // No adapter.
    radio.set_present(&phone, false)?;
    anna.tab.click("bluetooth-join", SHOWN_MAX).await?;
    sentence(&anna, "no Bluetooth that the browser can use").await?;
    radio.set_present(&phone, true)?;

    // An adapter that is off: browsers say nothing, so the page has a way out of its own.
    radio.set_power(&phone, false)?;
    anna.tab.click("bluetooth-join", SHOWN_MAX).await?;
    sentence(&anna, "switched off").await?;
    take_pictures(&anna, "bluetooth-off").await?;
    // The browser may give up by itself in the same moment.
    anna.tab.click_if_offered("bluetooth-stop").await?;
    let stopped = "document.querySelector('[data-testid=bluetooth-stop]') === null";
    anna.tab.wait_for(stopped, SHOWN_MAX).await?;
    radio.set_power(&phone, true)?;

    // Nobody is there, and the list is closed.
    anna.tab.click("bluetooth-join", SHOWN_MAX).await?;
    sentence(&anna, "Choose a BitCraps peer").await?;
    anna.tab.cancel_chooser(SHOWN_MAX).await?;
    sentence(&anna, "No peer was chosen").await?;
    take_pictures(&anna, "bluetooth-cancelled").await?;

    // Seen, but out of reach when it is called.
    let setup =
        Setup { bluetooth: Bluetooth::Bus(garden.bus().to_owned()), ..Setup::named("Garden") };
    let near = NodeProcess::start(setup).await?;
    anna.tab.click("bluetooth-join", SHOWN_MAX).await?;
    until("the node in the list", SHOWN_MAX, async || {
        let list = anna.tab.chooser();
        let seen = list.as_ref().is_some_and(|list| !list.devices.is_empty());
        Ok(if seen { Look::Yes(()) } else { Look::NotYet(list) })
    })
    .await?;
    radio.set_range(&phone, &garden, false)?;
    anna.tab.choose_device(SHOWN_MAX).await?;
    let said = device(&anna, "waiting").await?;
    ensure!(said.contains("come closer") || said.contains("did not answer"), "{said}");
    take_pictures(&anna, "bluetooth-refused").await?;

    // In reach again it comes by itself, without a click.
    radio.set_range(&phone, &garden, true)?;
    linked(&anna, &near).await?;

    // Lost, and back.
    radio.set_range(&phone, &garden, false)?;
    let said = device(&anna, "waiting").await?;
    ensure!(said.contains("Trying again"), "{said}");
    radio.set_range(&phone, &garden, true)?;
    linked(&anna, &near).await?;

    // An end on request.
    anna.tab.click("bluetooth-forget", SHOWN_MAX).await?;
    let gone = "document.querySelector('[data-testid=bluetooth-device]') === null";
    anna.tab.wait_for(gone, SHOWN_MAX).await?;
    until("the link to end", SHOWN_MAX, async || {
        let linked = radio.is_linked(&phone, &garden)?;
        Ok(if linked { Look::NotYet(linked) } else { Look::Yes(()) })
    })
    .await?;
    Ok(())
}

/// The lobby as a phone and as a desktop show it.
async fn take_pictures(player: &Player, name: &str) -> Result<()> {
    player.tab.eval("location.hash = '#/'").await?;
    for (viewport, size) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
        player.tab.resize(viewport).await?;
        let look = "document.querySelector('[data-testid=bluetooth]')?.scrollIntoView() ?? true";
        player.tab.eval(look).await?;
        player.tab.picture(&pictures().join(format!("{name}-{size}.png"))).await?;
    }
    Ok(())
}

//! A node that ends, however it ends, comes back as the same peer on the same ports.

use anyhow::{Result, ensure};
use bitcraps_tests::process::{NodeProcess, Setup};

#[tokio::test]
async fn a_killed_node_comes_back_as_the_same_peer() -> Result<()> {
    let mut node = NodeProcess::start(Setup::named("phoenix")).await?;
    let peer_id = node.peer_id().to_owned();
    node.kill().await?;
    ensure!(node.view().await.is_err(), "it still answers");
    node.restart().await?;
    ensure!(node.peer_id() == peer_id);
    ensure!(node.view().await?["peer_id"] == peer_id.as_str());
    node.logged_no_error()
}

#[tokio::test]
async fn a_node_that_is_asked_to_stop_ends_well_and_starts_again() -> Result<()> {
    let mut node = NodeProcess::start(Setup { bots: 1, ..Setup::named("sleeper") }).await?;
    let status = node.stop().await?;
    ensure!(status.success(), "it ended with {status}");
    node.restart().await?;
    ensure!(node.view().await?["name"] == "sleeper");
    node.logged_no_error()
}

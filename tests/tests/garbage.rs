//! Whatever is thrown at the ports of a node, it goes on serving within its limits.
//!
//! Each test throws one kind of rubbish at the mesh's TCP port, at HTTP and at the WebSocket, and
//! then asks: does the node answer, has it counted, has its memory stayed bounded?

use anyhow::{Context as _, Result, ensure};
use bitcraps_tests::{
    http::{self, metric},
    process::{NodeProcess, Setup},
    wait::{Look, until},
};
use futures_util::{SinkExt as _, StreamExt as _};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// Longest time in which a node must have closed what is rubbish or sits there for nothing.
const CLOSED_MAX: Duration = Duration::from_secs(60);

/// Connections opened one after the other and left half-open.
const HALF_OPEN: usize = 10_000;

/// How many of them at once: this process has a limit of open files too.
const HALF_OPEN_AT_ONCE: usize = 500;

/// Memory a node may have gained, in bytes. Guess: its buffers for every connection it allows.
const GAINED_BYTES_MAX: u64 = 64 * 1024 * 1024;

const CLOSED: &str = "bitcraps_links_closed_total";

async fn node() -> Result<NodeProcess> {
    NodeProcess::start(Setup::named("target")).await
}

fn tcp_addr(node: &NodeProcess) -> Result<SocketAddr> {
    let url = node.url();
    url.strip_prefix("tcp://").and_then(|addr| addr.parse().ok()).with_context(|| url.clone())
}

/// Bytes that look like nothing, the same in every run.
fn noise(len: usize, mut state: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        // xorshift64, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

async fn still_serves(node: &NodeProcess) -> Result<()> {
    let health = http::fetch(node.http(), "/health").await?;
    ensure!(health.status == 200, "/health: {} {}", health.status, health.text());
    node.view().await?;
    node.logged_no_error()
}

/// Waits until the sum of a counter has grown by at least `by` since `before`.
async fn counted(node: &NodeProcess, name: &str, before: f64, by: f64) -> Result<()> {
    until(&format!("{name} to grow by {by}"), CLOSED_MAX, async || {
        let now = metric(&node.metrics().await?, name);
        Ok(if now >= before + by { Look::Yes(()) } else { Look::NotYet(now) })
    })
    .await
}

/// Reads to the end; an error when the other side does not close in time.
async fn until_closed(stream: &mut TcpStream) -> Result<()> {
    let mut rest = Vec::new();
    // A reset is a close too.
    let _ = timeout(CLOSED_MAX, stream.read_to_end(&mut rest)).await.context("left open")?;
    Ok(())
}

#[tokio::test]
async fn random_bytes_on_every_port_are_closed_and_counted() -> Result<()> {
    let node = node().await?;
    let before = metric(&node.metrics().await?, CLOSED);
    for round in 1..=20 {
        for addr in [tcp_addr(&node)?, node.http()] {
            let mut stream = TcpStream::connect(addr).await?;
            // The node may close while this is still being written.
            let _ = stream.write_all(&noise(8192, round)).await;
            let _ = stream.shutdown().await;
            until_closed(&mut stream).await?;
        }
    }
    counted(&node, CLOSED, before, 20.0).await?;
    still_serves(&node).await
}

#[tokio::test]
async fn truncated_and_oversized_frames_are_closed_and_counted() -> Result<()> {
    let node = node().await?;
    let addr = tcp_addr(&node)?;
    let before = metric(&node.metrics().await?, CLOSED);
    let oversized = [&[0xff, 0xff][..], &noise(65_535, 7)].concat();
    let empty = vec![0, 0];
    let truncated = [&[0x04, 0x00][..], &noise(100, 7)].concat();
    for bytes in [oversized, empty, truncated] {
        let mut stream = TcpStream::connect(addr).await?;
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        until_closed(&mut stream).await?;
    }
    counted(&node, CLOSED, before, 3.0).await?;
    still_serves(&node).await
}

#[tokio::test]
async fn rubbish_over_a_websocket_is_closed_and_counted() -> Result<()> {
    let node = node().await?;
    let before = metric(&node.metrics().await?, CLOSED);
    let messages = [
        Message::binary(noise(512, 3)),
        Message::text("hello"),
        Message::binary(noise(200_000, 5)),
    ];
    for message in messages {
        let (mut socket, _) = connect_async(format!("ws://{}/mesh", node.http())).await?;
        let _ = socket.send(message).await;
        let drained = async { while let Some(Ok(_)) = socket.next().await {} };
        timeout(CLOSED_MAX, drained).await.context("left open")?;
    }
    counted(&node, CLOSED, before, 3.0).await?;
    still_serves(&node).await
}

#[tokio::test]
async fn ten_thousand_half_open_connections_cost_their_sender() -> Result<()> {
    let node = node().await?;
    let resident = node.resident_bytes();
    let ports = [tcp_addr(&node)?, node.http()];
    for port in ports {
        for _ in 0..HALF_OPEN / ports.len() / HALF_OPEN_AT_ONCE {
            let mut open = Vec::with_capacity(HALF_OPEN_AT_ONCE);
            for _ in 0..HALF_OPEN_AT_ONCE {
                open.push(TcpStream::connect(port).await?);
            }
            // While all of these hang there, somebody with a request is served.
            still_serves(&node).await?;
        }
    }
    still_serves(&node).await?;
    if let (Some(before), Some(after)) = (resident, node.resident_bytes()) {
        let gained = after.saturating_sub(before);
        ensure!(gained <= GAINED_BYTES_MAX, "{gained} bytes gained");
    }
    Ok(())
}

#[tokio::test]
async fn slow_writers_are_dropped_and_others_are_served() -> Result<()> {
    let node = node().await?;
    let mut slow = Vec::new();
    for addr in [tcp_addr(&node)?, node.http()] {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(b"G").await?;
        slow.push(stream);
    }
    let mut upgrading = TcpStream::connect(node.http()).await?;
    upgrading.write_all(b"GET /mesh HTTP/1.1\r\nHost: x\r\nUpgr").await?;
    slow.push(upgrading);
    let dripping = async {
        for stream in &mut slow {
            let mut rest = [0; 1024];
            let drip = async {
                // One byte a second until the node has had enough of it.
                while stream.write_all(b"E").await.is_ok() {
                    let pause = Duration::from_secs(1);
                    if matches!(timeout(pause, stream.read(&mut rest)).await, Ok(Ok(0) | Err(_))) {
                        return;
                    }
                }
            };
            timeout(CLOSED_MAX, drip).await.context("a slow writer is tolerated for ever")?;
        }
        anyhow::Ok(())
    };
    let asking = async {
        for _ in 0..20 {
            still_serves(&node).await?;
        }
        anyhow::Ok(())
    };
    let (dripped, asked) = tokio::join!(dripping, asking);
    dripped?;
    asked
}

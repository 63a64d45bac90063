//! Whole nodes that meet over loopback: they see each other, come back, and answer commands.

use crate::{
    cli::{self, Process},
    rig::{self, DEADLINE, get, request, until},
};
use bitcraps_core::{
    id::PeerId,
    node::{Address, LinkState, NodeView, Transport},
};
use bitcraps_node::{driver::NodeHandle, start::Started};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Whether `view` has an open link to `peer` over `transport`, and `peer` on its map.
fn sees(view: &NodeView, peer: PeerId, transport: Transport) -> bool {
    let linked = view.links.iter().any(|link| {
        link.peer_id == Some(peer)
            && link.transport == transport
            && link.state == LinkState::Open
            && link.rtt_ms.is_some()
    });
    linked && view.map.nodes.iter().any(|node| node.peer_id == peer && node.reachable)
}

async fn until_sees(node: &NodeHandle, peer: PeerId, transport: Transport) {
    until("one node sees the other", async || sees(&node.view().await.unwrap(), peer, transport))
        .await;
}

async fn two_nodes_meet(transport: Transport, url: impl Fn(&Started) -> String) {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut settings = rig::settings(there.path());
    let every = ["tcp", "quic", "udp"].map(|scheme| Address(format!("{scheme}://127.0.0.1:0")));
    settings.listen = Some(every.to_vec());
    let listener = rig::start(&settings).await;
    assert_eq!(listener.listen.quic, listener.listen.udp, "one port carries both");
    let mut settings = rig::settings(here.path());
    settings.connect = vec![Address(url(&listener))];
    let dialer = rig::start(&settings).await;
    until_sees(&dialer.node, listener.node.peer_id(), transport).await;
    until_sees(&listener.node, dialer.node.peer_id(), transport).await;
    until("both ends announced the link, and the mesh is whole", async || {
        let view = listener.node.view().await.unwrap();
        view.partitions.len() == 1 && view.map.edges.len() == 1
    })
    .await;
    dialer.stop().await.unwrap();
    until("the listener notices the goodbye", async || {
        listener.node.view().await.unwrap().links.is_empty()
    })
    .await;
    listener.stop().await.unwrap();
}

#[tokio::test]
async fn two_nodes_see_each_other_over_tcp() {
    two_nodes_meet(Transport::Tcp, |node| format!("tcp://{}", node.listen.tcp[0])).await;
}

#[tokio::test]
async fn two_nodes_see_each_other_over_quic() {
    two_nodes_meet(Transport::Quic, |node| format!("quic://{}", node.listen.quic[0])).await;
}

#[tokio::test]
async fn two_nodes_see_each_other_over_udp() {
    two_nodes_meet(Transport::Udp, |node| format!("udp://{}", node.listen.udp[0])).await;
}

#[tokio::test]
async fn two_nodes_see_each_other_over_websocket() {
    two_nodes_meet(Transport::WebSocket, |node| format!("ws://{}", node.http.unwrap())).await;
}

#[tokio::test]
async fn a_killed_node_comes_back_under_its_id_and_is_linked_again() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = Process::start(there.path(), &["--bots", "0"]);
    let id = first.text("peer_id");
    let url = first.ready["listen"][0].as_str().unwrap().to_owned();
    let mut settings = rig::settings(here.path());
    settings.connect = vec![Address(url.clone())];
    let node = rig::start(&settings).await;
    let peer = id.parse().unwrap();
    until_sees(&node.node, peer, Transport::Tcp).await;
    first.signal(Signal::KILL);
    first.exit_code();
    until("the link is gone", async || {
        !sees(&node.node.view().await.unwrap(), peer, Transport::Tcp)
    })
    .await;
    let second = Process::start_at(there.path(), &url, &["--bots", "0"]);
    assert_eq!(second.text("peer_id"), id);
    until_sees(&node.node, peer, Transport::Tcp).await;
    node.stop().await.unwrap();
}

#[test]
fn bots_join_the_node_they_were_started_with() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["--bots", "3"]);
    let give_up = Instant::now() + DEADLINE;
    loop {
        let output = cli::run(&["status", "--json", "--http", &process.text("http")]);
        let view: NodeView = serde_json::from_slice(&output.stdout).unwrap();
        if view.map.nodes.len() == 4 && view.links.iter().all(|l| l.state == LinkState::Open) {
            let bots = view.map.nodes.iter().filter(|node| node.name != "node").count();
            assert_eq!(bots, 3);
            return;
        }
        assert!(Instant::now() < give_up, "{view:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_command_is_carried_out_or_refused_and_told_to_those_who_listen() {
    let data = tempfile::tempdir().unwrap();
    let node = rig::start(&rig::settings(data.path())).await;
    let http = node.http.unwrap();
    let mut events = event_stream(http).await;
    let bearer = format!("Authorization: Bearer {}\r\n", node.token.as_str());
    let command = async |body: &str| request(http, "POST", "/api/v1/command", &bearer, body).await;
    let done = command(r#"{"do":"rename","name":"kitchen"}"#).await;
    assert_eq!((done.status, done.json()), (200, serde_json::json!({ "table": null })));
    assert_eq!(get(http, "/api/v1/view").await.json()["name"], "kitchen");
    let refused = command(r#"{"do":"create_table","name":"alone"}"#).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["error"], "too_few_members");
    assert!(refused.json()["message"].as_str().unwrap().contains("start bots"));
    let mut text = String::new();
    while !(text.contains("command_done") && text.contains("too_few_members")) {
        let mut part = [0; 1024];
        let n = tokio::time::timeout(DEADLINE, events.read(&mut part)).await.unwrap().unwrap();
        assert!(n > 0, "the stream ended: {text}");
        text.push_str(&String::from_utf8_lossy(&part[..n]));
    }
    let line = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert!(serde_json::from_str::<Value>(line).unwrap()["event"].is_string(), "{line}");
    node.stop().await.unwrap();
}

async fn event_stream(http: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(http).await.unwrap();
    let text = format!("GET /api/v1/events HTTP/1.1\r\nHost: {http}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    // The head has arrived: from here on nothing is missed.
    let mut head = [0; 15];
    tokio::time::timeout(DEADLINE, stream.read_exact(&mut head)).await.unwrap().unwrap();
    stream
}

#[tokio::test]
async fn a_peer_of_another_protocol_is_closed_and_counted_and_others_are_still_served() {
    let data = tempfile::tempdir().unwrap();
    let node = rig::start(&rig::settings(data.path())).await;
    let mut stranger = TcpStream::connect(node.listen.tcp[0]).await.unwrap();
    stranger.write_all(&[0, 64]).await.unwrap();
    stranger.write_all(&[0x5a; 64]).await.unwrap();
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = tokio::time::timeout(DEADLINE, stranger.read_to_end(&mut rest)).await.unwrap();
    until("the refusal is counted", async || {
        let view = node.node.view().await.unwrap();
        view.links.is_empty() && view.counters.links_closed.values().sum::<u64>() == 1
    })
    .await;
    node.stop().await.unwrap();
}

#[tokio::test]
async fn four_nodes_form_a_table_whose_log_reads_the_same_on_each() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = rig::settings(data.path());
    settings.bots = 3;
    let node = rig::start(&settings).await;
    let guest_data = tempfile::tempdir().unwrap();
    let mut settings = rig::settings(guest_data.path());
    settings.connect = vec![Address(format!("tcp://{}", node.listen.tcp[0]))];
    let guest = rig::start(&settings).await;
    for node in [&node, &guest] {
        until("all five nodes are on the map", async || {
            let view = node.node.view().await.unwrap();
            view.map.nodes.iter().filter(|node| node.reachable).count() == 5
        })
        .await;
    }
    let http = node.http.unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", node.token.as_str());
    let body = r#"{"do":"create_table","name":"loopback"}"#;
    let made = request(http, "POST", "/api/v1/command", &bearer, body).await;
    assert_eq!(made.status, 200, "{made:?}");
    let id = made.json()["table"].as_str().unwrap().parse().unwrap();
    let both_logs = async || {
        let (mine, theirs) = (node.node.table_log(id).await, guest.node.table_log(id).await);
        (mine.unwrap().unwrap_or_default(), theirs.unwrap().unwrap_or_default())
    };
    until("both have decided something", async || {
        let (mine, theirs) = both_logs().await;
        !mine.is_empty() && !theirs.is_empty()
    })
    .await;
    let (mine, theirs) = both_logs().await;
    let common = mine.len().min(theirs.len());
    assert_eq!(mine[..common], theirs[..common]);
    let head = format!("GET /api/v1/tables/{id}/log HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut stream = TcpStream::connect(http).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 15];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200 OK");
    for what in ["log", "transcript"] {
        assert_eq!(get(http, &format!("/api/v1/tables/xyz/{what}")).await.status, 400);
        let unknown = format!("/api/v1/tables/{}/{what}", "0".repeat(64));
        assert_eq!(get(http, &unknown).await.status, 404);
    }
    guest.stop().await.unwrap();
    node.stop().await.unwrap();
}

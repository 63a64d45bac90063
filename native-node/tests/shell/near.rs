//! Nodes that find each other on a network, and guests that come by an invitation.

use crate::{
    cli,
    rig::{self, DEADLINE, get, until},
};
use bitcraps_core::{
    id::PeerId,
    node::{Address, ComponentState, LinkState, NearbyView, NodeView, Transport},
};
use bitcraps_node::{
    config::{LanDiscovery, Settings},
    http::certificate::PEM_FILE,
    start::{StartError, Started},
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// A node that can be dialled from elsewhere and tells so on the network.
fn on_the_lan(data: &tempfile::TempDir) -> Settings {
    Settings {
        listen: Some(vec![Address("tcp://0.0.0.0:0".to_owned())]),
        lan_discovery: LanDiscovery::On,
        ..rig::settings(data.path())
    }
}

async fn discovery_of(node: &Started) -> Option<ComponentState> {
    let view = get(node.http.unwrap(), "/api/v1/view").await.json();
    let view: NodeView = serde_json::from_value(view).unwrap();
    view.components.into_iter().find(|c| c.name == "lan discovery").map(|c| c.state)
}

fn is_linked(view: &NodeView, peer: PeerId) -> bool {
    view.links.iter().any(|l| l.peer_id == Some(peer) && l.state == LinkState::Open)
}

/// Whether this machine lets a datagram out to the group of multicast DNS.
fn has_multicast() -> bool {
    let sends = |from: &str| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.send_to(&[0; 12], "224.0.0.251:5353").ok()
    };
    sends("0.0.0.0:0").is_some()
}

#[tokio::test]
async fn two_nodes_on_one_network_find_each_other_without_being_told() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = rig::start(&on_the_lan(&here)).await;
    until("discovery has said how it is", async || {
        discovery_of(&a).await.is_some_and(|state| state != ComponentState::Unknown)
    })
    .await;
    let state = discovery_of(&a).await.unwrap();
    if state != ComponentState::Healthy || !has_multicast() {
        println!("SKIPPED: this machine has no network for multicast: {state:?}");
        return a.stop().await.unwrap();
    }
    let b = rig::start(&on_the_lan(&there)).await;
    let (a_id, b_id) = (a.node.peer_id(), b.node.peer_id());
    until("they are linked", async || {
        is_linked(&a.node.view().await.unwrap(), b_id)
            && is_linked(&b.node.view().await.unwrap(), a_id)
    })
    .await;
    until("it is shown as near", async || {
        let view = a.node.view().await.unwrap();
        let is_b = |n: &NearbyView| n.peer_id == Some(b_id) && n.transport == Transport::Tcp;
        view.nearby.iter().any(is_b)
    })
    .await;
    b.stop().await.unwrap();
    a.stop().await.unwrap();
}

#[tokio::test]
async fn a_node_that_listens_on_this_machine_alone_says_why_it_does_not_look_around() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { lan_discovery: LanDiscovery::On, ..rig::settings(data.path()) };
    let node = rig::start(&settings).await;
    until("discovery is off", async || {
        let state = discovery_of(&node).await.unwrap();
        matches!(state, ComponentState::Off { why } if why.contains("this machine alone"))
    })
    .await;
    assert_eq!(get(node.http.unwrap(), "/health").await.status, 200);
    node.stop().await.unwrap();
}

// ---- invitations ---------------------------------------------------------------------------

#[tokio::test]
async fn an_invitation_that_nobody_could_open_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let node = rig::start(&rig::settings(data.path())).await;
    let http = node.http.unwrap();
    let invitation = get(http, "/api/v1/invitation").await.json();
    assert!(invitation["link"].is_null());
    assert!(invitation["why"].as_str().unwrap().contains("--http 0.0.0.0:8080"));
    assert!(get(http, "/invitation").await.body.contains("this machine alone"));
    node.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_that_is_open_to_the_network_has_a_link_and_a_code() {
    let data = tempfile::tempdir().unwrap();
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let settings = Settings { http: Some(everywhere), ..rig::settings(data.path()) };
    let node = rig::start(&settings).await;
    let http = SocketAddr::from(([127, 0, 0, 1], node.http.unwrap().port()));
    let invitation = get(http, "/api/v1/invitation").await.json();
    let Some(link) = invitation["link"].as_str() else {
        println!("SKIPPED: this machine has no network: {}", invitation["why"]);
        return node.stop().await.unwrap();
    };
    assert!(link.starts_with("http://") && link.ends_with(&format!(":{}/", http.port())));
    let guest: SocketAddr = link["http://".len()..link.len() - 1].parse().unwrap();
    assert_eq!(get(guest, "/").await.status, 200, "the link opens");
    assert!(invitation["modules"].as_array().unwrap().len() >= 21);
    let svg = get(guest, "/api/v1/invitation.svg").await;
    assert!(svg.head.contains("image/svg+xml") && svg.body.starts_with("<svg"));
    assert!(get(guest, "/invitation").await.body.contains(link));
    node.stop().await.unwrap();
}

/// A node that serves the same over TLS, and what a guest trusts who compared the fingerprint.
async fn with_tls(data: &tempfile::TempDir) -> (Started, SocketAddr) {
    let https = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let node = rig::start(&Settings { https, ..rig::settings(data.path()) }).await;
    let at = node.https.unwrap();
    (node, at)
}

fn trusting(roots: RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn fetch(at: SocketAddr, connector: TlsConnector, path: &str) -> std::io::Result<String> {
    let exchange = async {
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, stream).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(DEADLINE, exchange).await.unwrap()
}

#[tokio::test]
async fn pages_over_tls_open_for_who_trusts_the_certificate_and_for_nobody_else() {
    let data = tempfile::tempdir().unwrap();
    let (node, at) = with_tls(&data).await;
    let kept = std::fs::read(data.path().join("https.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    let der: Vec<u8> = serde_json::from_value(kept["certificate"].clone()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der.into()).unwrap();
    let ready = fetch(at, trusting(roots.clone()), "/ready").await.unwrap();
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("ready"), "{ready}");
    let page = fetch(at, trusting(roots), "/").await.unwrap();
    assert!(page.contains(&format!("wss://{at}")), "the page may open wss links: {page}");

    let stranger = fetch(at, trusting(RootCertStore::empty()), "/ready").await;
    assert!(stranger.is_err());
    until("the failed handshake is counted", async || node.node.counters.tls_failed.value() == 1)
        .await;
    node.stop().await.unwrap();
}

#[tokio::test]
async fn a_link_over_wss_stands_with_the_certificate_that_the_node_made() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (host, at) = with_tls(&there).await;
    let settings = Settings {
        connect: vec![Address(format!("wss://{at}/mesh"))],
        trust: Some(there.path().join(PEM_FILE)),
        ..rig::settings(here.path())
    };
    let guest = rig::start(&settings).await;
    let (host_id, guest_id) = (host.node.peer_id(), guest.node.peer_id());
    until("both see the other on the map", async || {
        let knows = |view: &NodeView, peer: PeerId| {
            is_linked(view, peer) && view.map.nodes.iter().any(|n| n.peer_id == peer && n.reachable)
        };
        knows(&host.node.view().await.unwrap(), guest_id)
            && knows(&guest.node.view().await.unwrap(), host_id)
    })
    .await;
    let view = guest.node.view().await.unwrap();
    assert_eq!(view.links[0].transport, Transport::WebSocket);
    guest.stop().await.unwrap();
    host.stop().await.unwrap();
}

#[tokio::test]
async fn two_servers_on_one_address_are_refused_in_a_sentence() {
    let data = tempfile::tempdir().unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], 8443));
    let settings = Settings { http: Some(at), https: Some(at), ..rig::settings(data.path()) };
    let error = bitcraps_node::start::start(&settings, Instant::now()).await.err().unwrap();
    assert!(matches!(error, StartError::SharedAddress { .. }));
    assert_eq!(
        error.to_string(),
        "http and https cannot share 127.0.0.1:8443; give one of them another port"
    );
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "it leaves no trace");
    let output = cli::run(&["run", "--https", "localhost", "--data", "/tmp/x"]);
    assert_eq!(output.status.code(), Some(2));
}

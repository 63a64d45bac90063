//! QUIC and UDP over real sockets, with this test in the place of the driver: frames, forgers,
//! floods and limits.

use crate::{rig::DEADLINE, transport::Desk};
use bitcraps_core::node::{Address, CloseReason, LinkRole, PathClass, Transport};
use bitcraps_node::{
    components::Components,
    driver::Mail,
    transport::{FRAME_BYTES_MAX, Pushed, quic, udp},
};
use quinn::crypto::rustls::QuicClientConfig;
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket},
    sync::Arc,
};
use tokio::{net::UdpSocket, time::timeout};

fn bind() -> (StdSocket, SocketAddr) {
    let socket = StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn quic_desk(connections_max: usize) -> (Desk, SocketAddr) {
    let desk = Desk::new(connections_max);
    let (socket, address) = bind();
    let endpoint = quic::adopt(socket).unwrap();
    let part = Components::default().part("quic");
    tokio::spawn(quic::listen(endpoint, desk.ports.clone(), part));
    (desk, address)
}

async fn udp_desk(connections_max: usize) -> (Desk, SocketAddr) {
    let desk = Desk::new(connections_max);
    let (socket, address) = bind();
    let socket = udp::adopt(socket).unwrap();
    let received = udp::receive(socket.clone());
    let part = Components::default().part("udp");
    tokio::spawn(udp::listen(socket, received, desk.ports.clone(), part));
    (desk, address)
}

/// Frames of these lengths, each with bytes of its own.
fn frames(lengths: &[usize]) -> BTreeSet<Vec<u8>> {
    let frame = |(i, len): (usize, &usize)| vec![i as u8 + 1; *len];
    lengths.iter().enumerate().map(frame).collect()
}

/// Dials, sends these frames both ways and hangs up at one end.
async fn moves_frames(transport: Transport, there: (Desk, SocketAddr), sent: BTreeSet<Vec<u8>>) {
    let (mut there, address) = there;
    let mut here = Desk::new(4);
    let url = Address(format!("{}://{address}", transport.name()));
    here.ports.clone().dial(url.clone()).await;
    let up = here.link_up().await;
    assert_eq!((up.1, up.2, up.3), (transport, LinkRole::Dialer, Some(url)));
    let (queue, mut replies) = (up.0, None);
    sent.iter().for_each(|frame| assert_eq!(queue.push(frame.clone()), Pushed::Queued));
    let mut got = BTreeSet::new();
    while got.len() < sent.len() {
        match there.next().await {
            Mail::LinkUp { transport: told, role, path, queue, .. } => {
                let expected = (transport, LinkRole::Listener, PathClass::Lan);
                assert_eq!((told, role, path), expected);
                sent.iter().for_each(|frame| assert_eq!(queue.push(frame.clone()), Pushed::Queued));
                replies = Some(queue);
            }
            Mail::Frame { bytes, .. } => assert!(got.insert(bytes)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(got, sent);
    let mut back = BTreeSet::new();
    while back.len() < sent.len() {
        assert!(back.insert(here.frame().await));
    }
    assert_eq!(back, sent);
    if transport == Transport::Quic {
        drop(replies);
        assert_eq!(here.link_down().await, CloseReason::TransportClosed);
    }
}

#[tokio::test]
async fn a_quic_link_moves_short_frames_and_the_longest_and_ends_when_one_side_does() {
    let sent = frames(&[40, 40, 1, 64, 1000, 1200, 1500, 5000, FRAME_BYTES_MAX]);
    moves_frames(Transport::Quic, quic_desk(4).await, sent).await;
}

#[tokio::test]
async fn a_udp_link_moves_short_frames_and_the_longest() {
    moves_frames(Transport::Udp, udp_desk(4).await, frames(&[1, 40, 64, 1000, 1191])).await;
}

/// A QUIC client that trusts anybody and says what it likes.
fn foreign_client(alpn: &[u8]) -> quinn::Endpoint {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(quic::AnyCertificate { provider }))
        .with_no_client_auth();
    tls.alpn_protocols = vec![alpn.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

async fn connect(client: &quinn::Endpoint, to: SocketAddr) -> quinn::Connection {
    timeout(DEADLINE, client.connect(to, "x").unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_no_frame_ends_a_quic_link_and_other_protocols_get_none() {
    let (mut desk, address) = quic_desk(4).await;
    let client = foreign_client(b"bitcraps/1");
    for garbage in [&[0xff, 0xff, 1][..], &[0, 0], b"GET / HTTP/1.1\r\n\r\n"] {
        let connection = connect(&client, address).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        send.write_all(garbage).await.unwrap();
        let (_queue, ..) = desk.link_up().await;
        assert_eq!(desk.link_down().await, CloseReason::Garbage);
        timeout(DEADLINE, connection.closed()).await.unwrap();
    }
    // An empty datagram is no frame either.
    let connection = connect(&client, address).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&[0, 1, 7]).await.unwrap();
    let (_queue, ..) = desk.link_up().await;
    assert_eq!(desk.frame().await, [7]);
    connection.send_datagram(Vec::new().into()).unwrap();
    assert_eq!(desk.link_down().await, CloseReason::Garbage);
    // Bytes that are no QUIC are ignored, and other protocols are turned away.
    let raw = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    raw.send_to(&[0xff; 1200], address).await.unwrap();
    raw.send_to(b"", address).await.unwrap();
    let web = foreign_client(b"h3").connect(address, "x").unwrap();
    assert!(timeout(DEADLINE, web).await.unwrap().is_err());
    let mut here = Desk::new(1);
    here.ports.clone().dial(Address(format!("quic://{address}"))).await;
    let (queue, ..) = here.link_up().await;
    queue.push(b"still served".to_vec());
    let (_queue, ..) = desk.link_up().await;
    assert_eq!(desk.frame().await, b"still served");
}

#[tokio::test]
async fn half_open_quic_connections_prove_their_address_and_give_their_seats_to_others() {
    let (mut desk, address) = quic_desk(40).await;
    let client = foreign_client(b"bitcraps/1");
    let mut idle = Vec::new();
    // None of them opens its stream, so each is half open. One address may have 64.
    for _ in 0..64 {
        idle.push(connect(&client, address).await);
    }
    assert!(desk.ports.counters.quic_retried.value() > 0, "nobody had to prove an address");
    assert_eq!(desk.ports.counters.connections_evicted.value(), 24);
    assert_eq!(desk.ports.admission.taken(), 40);
    timeout(DEADLINE, idle[0].closed()).await.unwrap();
    // The evicted give back their places, and a newcomer from the same address gets in.
    let mut here = Desk::new(1);
    here.ports.clone().dial(Address(format!("quic://{address}"))).await;
    let (queue, ..) = here.link_up().await;
    queue.push(b"hello".to_vec());
    let (_queue, ..) = desk.link_up().await;
    assert_eq!(desk.frame().await, b"hello");
}

#[tokio::test]
async fn one_address_has_a_limit_of_quic_connections() {
    let (desk, address) = quic_desk(100).await;
    let client = foreign_client(b"bitcraps/1");
    let mut idle = Vec::new();
    for _ in 0..64 {
        idle.push(connect(&client, address).await);
    }
    let refused = timeout(DEADLINE, client.connect(address, "x").unwrap()).await.unwrap();
    assert!(refused.is_err());
    assert_eq!(desk.ports.counters.quic_refused.value(), 1);
    let mut here = Desk::new(1);
    let url = Address(format!("quic://{address}"));
    here.ports.clone().dial(url.clone()).await;
    match here.next().await {
        Mail::DialFailed { address, why } => {
            assert_eq!((address, why.as_str()), (url, "the node has no room"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_quic_link_whose_dialer_changes_its_address_goes_on() {
    let (mut desk, address) = quic_desk(4).await;
    let client = foreign_client(b"bitcraps/1");
    let connection = connect(&client, address).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&[0, 1, 7]).await.unwrap();
    let (queue, ..) = desk.link_up().await;
    assert_eq!(desk.frame().await, [7]);
    client.rebind(StdSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
    send.write_all(&[0, 1, 8]).await.unwrap();
    assert_eq!(desk.frame().await, [8]);
    (0..3).for_each(|i| assert_eq!(queue.push(vec![i; 40]), Pushed::Queued));
    let third = timeout(DEADLINE, connection.read_datagram()).await.unwrap().unwrap();
    assert_eq!(third, vec![2; 40], "the first two frames took the stream");
}

/// A dialer by hand: its socket, and the listener's name for the link.
struct Hand {
    socket: UdpSocket,
    listener: [u8; 8],
}

async fn answer(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 2000];
    let len = timeout(DEADLINE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    buffer.truncate(len);
    buffer
}

async fn say_hello(to: SocketAddr) -> Hand {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(to).await.unwrap();
    socket.send(&[b"\x01\x01dialer..", &[0; 32][..]].concat()).await.unwrap();
    let cookie = answer(&socket).await;
    assert!(cookie.starts_with(b"\x02\x01dialer..") && cookie.len() == 42);
    let hello = [b"\x01\x01dialer..", &cookie[10..]].concat();
    socket.send(&hello).await.unwrap();
    let welcome = answer(&socket).await;
    assert!(welcome.starts_with(b"\x03\x01dialer.."));
    // The welcome was lost, says the dialer; it is the same link.
    socket.send(&hello).await.unwrap();
    assert_eq!(answer(&socket).await, welcome);
    Hand { socket, listener: welcome[10..].try_into().unwrap() }
}

#[tokio::test]
async fn hellos_that_show_no_cookie_cost_the_listener_nothing() {
    let (mut desk, address) = udp_desk(2).await;
    let flood = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for i in 0..2000_u64 {
        let hello = [b"\x01\x01", &i.to_le_bytes()[..], &[9; 32]].concat();
        flood.send_to(&hello, address).await.unwrap();
    }
    let hand = say_hello(address).await;
    let (_queue, ..) = desk.link_up().await;
    assert_eq!(desk.ports.counters.udp_accepted.value(), 1);
    assert_eq!(desk.ports.admission.taken(), 1);
    hand.socket.send(&[b"\x04", &hand.listener[..], b"first"].concat()).await.unwrap();
    assert_eq!(desk.frame().await, b"first");
}

#[tokio::test]
async fn forged_and_foreign_datagrams_end_no_udp_link() {
    let (mut desk, address) = udp_desk(4).await;
    let hand = say_hello(address).await;
    let (queue, ..) = desk.link_up().await;
    let frame = |text: &[u8]| [b"\x04", &hand.listener[..], text].concat();
    let elsewhere = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    elsewhere.send_to(&frame(b"from another address"), address).await.unwrap();
    for garbage in [&b""[..], b"\x04", b"\x04somebodyelse", &[0x01; 60], &[0x05; 9], &[4; 1300]] {
        hand.socket.send(garbage).await.unwrap();
    }
    hand.socket.send(&frame(b"real")).await.unwrap();
    assert_eq!(desk.frame().await, b"real");
    assert!(desk.ports.counters.udp_dropped.value() >= 5);
    assert_eq!(queue.push(b"back".to_vec()), Pushed::Queued);
    assert_eq!(answer(&hand.socket).await, b"\x04dialer..back");
}

#[tokio::test]
async fn a_vanished_udp_dialer_leaves_its_seat_to_others_and_one_address_has_a_limit() {
    let (mut desk, address) = udp_desk(1).await;
    let first = say_hello(address).await;
    let (_first_queue, ..) = desk.link_up().await;
    drop(first);
    let _second = say_hello(address).await;
    let mut reasons = Vec::new();
    while reasons.len() < 2 {
        match desk.next().await {
            Mail::LinkUp { .. } => reasons.push("up"),
            Mail::LinkDown { reason, .. } => {
                assert_eq!(reason, CloseReason::Limit);
                reasons.push("down");
            }
            other => panic!("{other:?}"),
        }
    }
    let (mut desk, address) = udp_desk(100).await;
    let mut kept = Vec::new();
    for _ in 0..64 {
        kept.push((say_hello(address).await, desk.link_up().await));
    }
    let more = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    more.connect(address).await.unwrap();
    more.send(&[b"\x01\x01dialer..", &[0; 32][..]].concat()).await.unwrap();
    let cookie = answer(&more).await;
    more.send(&[b"\x01\x01dialer..", &cookie[10..]].concat()).await.unwrap();
    let refused = async {
        while desk.ports.counters.udp_refused.value() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, refused).await.unwrap();
    assert_eq!(desk.ports.counters.udp_accepted.value(), 64);
}

#[tokio::test]
async fn nobody_at_the_other_end_of_a_udp_dial_is_told_at_once() {
    let (socket, address) = bind();
    drop(socket);
    let mut desk = Desk::new(1);
    desk.ports.clone().dial(Address(format!("udp://{address}"))).await;
    match desk.next().await {
        Mail::DialFailed { why, .. } => assert_eq!(why, "connection refused"),
        other => panic!("{other:?}"),
    }
}

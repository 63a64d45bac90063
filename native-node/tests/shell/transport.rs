//! Links over real sockets, with this test in the place of the driver.

use crate::rig::{self, DEADLINE};
use bitcraps_core::node::{Address, CloseReason, LinkRole, Transport};
use bitcraps_node::{
    components::Components,
    counters::ShellCounters,
    driver::Mail,
    http::{self, Dashboard, invitation::Invitation},
    start::Started,
    transport::{FRAME_BYTES_MAX, LinkQueue, Ports, Pushed, Trust, frame, tcp},
};
use futures_util::{SinkExt as _, StreamExt as _};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

/// The driver's side of some transports.
pub struct Desk {
    pub ports: Ports,
    mail: mpsc::Receiver<Mail>,
    _alive: mpsc::Sender<Infallible>,
}

impl Desk {
    pub fn new(connections_max: usize) -> Desk {
        let (sender, mail) = mpsc::channel(64);
        let (alive, _) = mpsc::channel(1);
        let counters = Arc::new(ShellCounters::default());
        let trust = Trust::default();
        let ports = Ports::new(sender, connections_max, trust, counters, alive.downgrade());
        Desk { ports, mail, _alive: alive }
    }

    async fn listening(connections_max: usize) -> (Desk, SocketAddr) {
        let desk = Desk::new(connections_max);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(tcp::listen(listener, desk.ports.clone(), Components::default().part("tcp")));
        (desk, address)
    }

    pub async fn next(&mut self) -> Mail {
        timeout(DEADLINE, self.mail.recv()).await.unwrap().unwrap()
    }

    pub async fn link_up(&mut self) -> (LinkQueue, Transport, LinkRole, Option<Address>) {
        match self.next().await {
            Mail::LinkUp { queue, transport, role, address, .. } => {
                (queue, transport, role, address)
            }
            other => panic!("{other:?}"),
        }
    }

    pub async fn frame(&mut self) -> Vec<u8> {
        match self.next().await {
            Mail::Frame { bytes, .. } => bytes,
            other => panic!("{other:?}"),
        }
    }

    pub async fn link_down(&mut self) -> CloseReason {
        match self.next().await {
            Mail::LinkDown { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// The HTTP server of a real node, whose WebSockets arrive at the desk.
struct WebDesk {
    desk: Desk,
    address: SocketAddr,
    node: Started,
    _data: tempfile::TempDir,
    _stopping: watch::Sender<bool>,
}

impl WebDesk {
    async fn new() -> WebDesk {
        let desk = Desk::new(16);
        let data = tempfile::tempdir().unwrap();
        let node = rig::start(&rig::settings(data.path())).await;
        let (stopping, stop_seen) = watch::channel(false);
        let router = http::router(Dashboard {
            components: Components::default(),
            node: node.node.clone(),
            ports: desk.ports.clone(),
            token: node.token.clone(),
            allowed_origins: Vec::new(),
            invitation: Arc::new(Invitation::new(None, None, None, |_| None)),
            startup: Arc::new(OnceLock::new()),
            stopping: stop_seen.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(http::serve::serve(
            listener,
            http::serve::Security::Clear,
            router,
            (Arc::default(), Components::default().part("http")),
            stop_seen,
        ));
        WebDesk { desk, address, node, _data: data, _stopping: stopping }
    }

    async fn end(self) {
        self.node.stop().await.unwrap();
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(frame, &mut bytes);
    bytes
}

#[tokio::test]
async fn a_tcp_link_echoes_the_largest_frame_and_closes_after_what_was_queued() {
    let (mut desk, address) = Desk::listening(4).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    let sent: Vec<u8> = (0..FRAME_BYTES_MAX).map(|i| i as u8).collect();
    client.write_all(&framed(&sent)).await.unwrap();
    let (queue, transport, role, address) = desk.link_up().await;
    assert_eq!((transport, role, address), (Transport::Tcp, LinkRole::Listener, None));
    assert_eq!(desk.frame().await, sent);
    assert_eq!(queue.push(sent.clone()), Pushed::Queued);
    assert_eq!(queue.push(b"last".to_vec()), Pushed::Queued);
    drop(queue);
    let mut got = Vec::new();
    timeout(DEADLINE, client.read_to_end(&mut got)).await.unwrap().unwrap();
    assert_eq!(got, [framed(&sent), framed(b"last")].concat());
}

#[tokio::test]
async fn a_dialled_tcp_link_tells_both_ends_their_role() {
    let (mut there, address) = Desk::listening(4).await;
    let mut here = Desk::new(4);
    let url = Address(format!("tcp://{address}"));
    here.ports.clone().dial(url.clone()).await;
    let (queue, transport, role, dialled) = here.link_up().await;
    assert_eq!((transport, role, dialled), (Transport::Tcp, LinkRole::Dialer, Some(url)));
    queue.push(b"hello".to_vec());
    let (_queue, ..) = there.link_up().await;
    assert_eq!(there.frame().await, b"hello");
    drop(queue);
    assert_eq!(there.link_down().await, CloseReason::TransportClosed);
}

#[tokio::test]
async fn a_dial_that_fails_says_why() {
    let mut desk = Desk::new(4);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("tcp://{closed}"), "connection refused"),
        (format!("ws://{closed}"), "connection refused"),
        (
            "gopher://x:1".to_owned(),
            "an address starts with tcp:// or quic:// or udp:// or ws:// or wss:// or ble://",
        ),
    ] {
        desk.ports.clone().dial(Address(url.clone())).await;
        match desk.next().await {
            Mail::DialFailed { address, why } => {
                assert_eq!((address.0, why.as_str()), (url, expected));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(desk.ports.counters.dials_failed.value(), 3);
}

#[tokio::test]
async fn what_is_no_frame_closes_the_link_as_garbage_and_is_counted() {
    let (mut desk, address) = Desk::listening(4).await;
    for garbage in [&[0xff, 0xff, 1][..], &[0, 0], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(garbage).await.unwrap();
        let (_queue, ..) = desk.link_up().await;
        assert_eq!(desk.link_down().await, CloseReason::Garbage);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }
    assert_eq!(desk.ports.counters.frames_oversize.value(), 2);
    assert_eq!(desk.ports.counters.frames_garbage.value(), 1);
}

#[tokio::test]
async fn a_truncated_frame_is_nothing_but_the_end_of_the_link() {
    let (mut desk, address) = Desk::listening(4).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&[0, 9, 1, 2]).await.unwrap();
    drop(client);
    let (_queue, ..) = desk.link_up().await;
    assert_eq!(desk.link_down().await, CloseReason::TransportClosed);
}

#[tokio::test]
async fn half_open_connections_give_their_seats_to_newcomers() {
    let (seats, flood) = (8, 300);
    let (mut desk, address) = Desk::listening(seats).await;
    let counting = tokio::spawn(async move {
        let (mut up, mut evicted, mut queues) = (0, 0, Vec::new());
        while evicted < flood - seats {
            match desk.next().await {
                Mail::LinkUp { queue, .. } => {
                    up += 1;
                    queues.push(queue);
                }
                Mail::LinkDown { reason, .. } => {
                    assert_eq!(reason, CloseReason::Limit);
                    evicted += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        (desk, up, queues)
    });
    let mut held = Vec::new();
    for _ in 0..flood {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    let (desk, up, _queues) = timeout(DEADLINE, counting).await.unwrap().unwrap();
    assert_eq!((up, desk.ports.admission.taken()), (flood, seats));
    assert_eq!(desk.ports.counters.connections_evicted.value() as usize, flood - seats);
}

#[tokio::test]
async fn settled_links_keep_their_seats_and_newcomers_are_refused() {
    let (mut desk, address) = Desk::listening(1).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let Mail::LinkUp { queue, key, .. } = desk.next().await else { panic!("no link") };
    key.unwrap().settle();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(timeout(DEADLINE, second.read(&mut [0; 1])).await.unwrap().unwrap_or(0), 0);
    assert_eq!(desk.ports.counters.tcp_refused.value(), 1);
    queue.push(b"still here".to_vec());
    let mut got = [0; 12];
    first.read_exact(&mut got).await.unwrap();
    assert_eq!(got, framed(b"still here")[..]);
}

#[tokio::test]
async fn a_websocket_link_carries_frames_both_ways_and_closes_politely() {
    let mut web = WebDesk::new().await;
    let (there, address) = (&mut web.desk, web.address);
    let mut here = Desk::new(4);
    here.ports.clone().dial(Address(format!("ws://{address}"))).await;
    let (here_queue, transport, role, _) = here.link_up().await;
    assert_eq!((transport, role), (Transport::WebSocket, LinkRole::Dialer));
    let (there_queue, transport, role, _) = there.link_up().await;
    assert_eq!((transport, role), (Transport::WebSocket, LinkRole::Listener));
    here_queue.push(vec![1; FRAME_BYTES_MAX]);
    assert_eq!(there.frame().await, vec![1; FRAME_BYTES_MAX]);
    there_queue.push(vec![2; FRAME_BYTES_MAX]);
    assert_eq!(here.frame().await, vec![2; FRAME_BYTES_MAX]);
    drop(there_queue);
    assert_eq!(here.link_down().await, CloseReason::TransportClosed);
    web.end().await;
}

#[tokio::test]
async fn text_empty_and_oversized_messages_are_garbage() {
    let mut web = WebDesk::new().await;
    let (desk, address) = (&mut web.desk, web.address);
    for message in [
        Message::text("hello"),
        Message::binary(Vec::new()),
        Message::binary(vec![0; FRAME_BYTES_MAX + 1]),
    ] {
        let url = format!("ws://{address}/mesh");
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut client, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let (_queue, ..) = desk.link_up().await;
        client.send(message).await.unwrap();
        assert_eq!(desk.link_down().await, CloseReason::Garbage);
        let rest = timeout(DEADLINE, client.collect::<Vec<_>>()).await.unwrap();
        assert!(rest.iter().all(|message| !matches!(message, Ok(Message::Binary(_)))));
    }
    assert_eq!(desk.ports.counters.frames_garbage.value(), 2);
    assert_eq!(desk.ports.counters.frames_oversize.value(), 1);
    web.end().await;
}

#[tokio::test]
async fn bytes_that_are_no_websocket_frame_close_the_link() {
    let mut web = WebDesk::new().await;
    let (desk, address) = (&mut web.desk, web.address);
    let mut client = TcpStream::connect(address).await.unwrap();
    let upgrade = format!(
        "GET /mesh HTTP/1.1\r\nHost: {address}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    client.write_all(upgrade.as_bytes()).await.unwrap();
    let (_queue, ..) = desk.link_up().await;
    // Reserved opcode, and a client must mask.
    client.write_all(&[0xff; 64]).await.unwrap();
    assert_eq!(desk.link_down().await, CloseReason::Garbage);
    web.end().await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_closed_as_too_slow() {
    let (mut desk, address) = Desk::listening(4).await;
    let _client = TcpStream::connect(address).await.unwrap();
    let (queue, ..) = desk.link_up().await;
    // From here on time jumps to the next timer whenever the sockets have nothing to do.
    tokio::time::pause();
    let reason = loop {
        while queue.push(vec![0; FRAME_BYTES_MAX]) == Pushed::Queued {}
        match timeout(Duration::from_millis(100), desk.mail.recv()).await {
            Ok(Some(Mail::LinkDown { reason, .. })) => break reason,
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    };
    assert_eq!(reason, CloseReason::TooSlow);
    assert_eq!(desk.ports.counters.writes_timed_out.value(), 1);
}

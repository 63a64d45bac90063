//! `quic://host:port`: one bidirectional stream and datagrams.
//!
//! Rules. TLS below proves nothing and is not asked to: the certificate is made anew by every
//! process and none is checked, because the Noise handshake inside says who is at the other end
//! ([ADR 9](../../../docs/adr/0009-quic-and-udp.md)). The dialer opens the one stream there is and
//! speaks first.
//!
//! The first frames of each side take the stream: they are the handshake, which repeats itself
//! only after a while. From then on a frame that fits a datagram goes as one, and only longer
//! ones take the stream. Every frame is sealed and numbered by the core, which takes them in any
//! order and repeats what must arrive on whichever link is best then; repetition by QUIC as well
//! would hold up what came behind a lost packet. So the loss that the core measures is the path's.
//!
//! A dialer whose address changes keeps its connection: the socket is bound to every interface,
//! and the listener follows once the new path has answered a challenge. When many handshakes are
//! under way a newcomer has to prove its address first (Retry), and one address has a limit of
//! connections.

use super::{
    Connection, DIAL_TIMEOUT, Dialled, FRAME_BYTES_MAX, Incoming, LINK_QUEUE_BYTES_MAX, LinkEnd,
    LinkEnds, NO_ANSWER, Outgoing, Ports, WRITE_TIMEOUT, crowd::Crowd, describe, first_answer,
    frame, shared::Shared, stream,
};
use crate::{
    admission::Seat,
    components::{REPORT_EVERY, Reporter},
    counters::ShellCounters,
};
use bitcraps_core::node::{CloseReason, LinkRole, PathClass, Transport};
use quinn::{
    ClientConfig, ConnectionError, Endpoint, EndpointConfig, IdleTimeout, RecvStream, SendStream,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket},
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::io::AsyncWriteExt as _;

/// What both ends say they speak; another version of the framing would be another name.
const ALPN: &[u8] = b"bitcraps/1";

/// The name in every certificate. Nobody checks it.
const SERVER_NAME: &str = "bitcraps";

/// A connection on which nothing is heard for longer is gone. The core notices far earlier and
/// takes another link; this frees what is left.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Something is sent at least this often: routers forget a UDP flow after 30 s (RFC 4787).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Frames of each side that take the stream: its part of the handshake.
const HANDSHAKE_FRAMES: u32 = 2;

/// Handshakes under way from which on a newcomer must prove its address. Guess: a busy evening
/// has fewer, and each costs a signature.
const UNPROVEN_MAX: usize = 16;

/// Connections from one address. Guess: a household behind one router, and then some.
const PER_ADDRESS_MAX: usize = 64;

/// Connection attempts that may wait to be looked at, and bytes kept for them.
const WAITING_MAX: usize = 256;
const WAITING_BYTES_MAX: u64 = 1 << 20;

/// Frames written together.
const FRAMES_PER_WRITE: usize = 16;

/// How long the other end may take to acknowledge the last words. Below the driver's own limit.
const LINGER: Duration = Duration::from_millis(500);

/// Codes that end a connection, for whoever looks at the wire.
const DONE: VarInt = VarInt::from_u32(0);
const FOREIGN: VarInt = VarInt::from_u32(1);
const LIMIT: VarInt = VarInt::from_u32(2);

/// The endpoints that dial, one for each family of addresses, made when first needed. Clones
/// share them.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    v4: Arc<OnceLock<Endpoint>>,
    v6: Arc<OnceLock<Endpoint>>,
}

impl Dialer {
    fn endpoint(&self, to: SocketAddr) -> Result<&Endpoint, String> {
        let (kept, any) = match to {
            SocketAddr::V4(_) => (&self.v4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            SocketAddr::V6(_) => (&self.v6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        if let Some(endpoint) = kept.get() {
            return Ok(endpoint);
        }
        let socket = StdSocket::bind(SocketAddr::new(any, 0)).map_err(|e| describe(&e))?;
        let mut made = Endpoint::new(endpoint_config(), None, socket, Arc::new(TokioRuntime))
            .map_err(|e| describe(&e))?;
        made.set_default_client_config(client_config()?);
        // Of two that were made at once one is dropped.
        Ok(kept.get_or_init(|| made))
    }
}

/// Connects. The error is for people.
pub async fn dial(ports: &Ports, authority: &str) -> Result<Dialled, String> {
    let connect = |to| connect(ports.quic.clone(), to);
    let (connection, send, receive) = first_answer(authority, connect).await?;
    let path = path_of(&connection, ports);
    let carry = |ends| carry(connection, send, receive, ends);
    Ok(Dialled::new(Transport::Quic, path, FRAME_BYTES_MAX, carry))
}

async fn connect(
    dialer: Dialer,
    to: SocketAddr,
) -> Result<(quinn::Connection, SendStream, RecvStream), String> {
    let connecting = dialer.endpoint(to)?.connect(to, SERVER_NAME).map_err(|e| e.to_string())?;
    let connection = connecting.await.map_err(|e| why(&e))?;
    let (send, receive) = connection.open_bi().await.map_err(|e| why(&e))?;
    Ok((connection, send, receive))
}

/// Listens on a socket of its own. Must run inside a runtime.
pub fn adopt(socket: StdSocket) -> io::Result<Endpoint> {
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(endpoint_config(), Some(server_config()?), socket, runtime)
}

/// Listens on a socket that also carries `udp` links. Must run inside a runtime.
pub fn adopt_shared(socket: Arc<Shared>) -> io::Result<Endpoint> {
    let (config, runtime) = (endpoint_config(), Arc::new(TokioRuntime));
    Endpoint::new_with_abstract_socket(config, Some(server_config()?), socket, runtime)
}

/// Accepts until the task is aborted, and reports that it does.
pub async fn listen(endpoint: Endpoint, ports: Ports, reporter: Reporter) {
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    let crowd = Crowd::new(PER_ADDRESS_MAX);
    let handshakes = Arc::new(());
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            _ = ticks.tick() => {
                reporter.healthy();
                continue;
            }
        };
        // The endpoint is gone, and with it every connection.
        let Some(incoming) = incoming else { return };
        let under_way = Arc::strong_count(&handshakes) - 1;
        if under_way >= UNPROVEN_MAX && !incoming.remote_address_validated() {
            ports.counters.quic_retried.one();
            // Whoever has a token already is not asked again.
            let _ = incoming.retry();
            continue;
        }
        let counters = &ports.counters;
        let Some(place) = crowd.enter(incoming.remote_address().ip()) else {
            counters.quic_refused.one();
            incoming.refuse();
            continue;
        };
        let Some(seat) = ports.admit(&counters.quic_accepted, &counters.quic_refused) else {
            incoming.refuse();
            continue;
        };
        let (ports, handshake) = (ports.clone(), handshakes.clone());
        tokio::spawn(async move {
            let greeted = greet(incoming, seat).await;
            drop(handshake);
            if let Some((connection, send, receive, seat)) = greeted {
                let path = path_of(&connection, &ports);
                let (transport, role, address) = (Transport::Quic, LinkRole::Listener, None);
                let (mtu, seat) = (FRAME_BYTES_MAX, Some(seat));
                let announced = Connection { transport, path, mtu, role, address, seat };
                if let Some(ends) = ports.open(announced).await {
                    carry(connection, send, receive, ends).await;
                }
            }
            drop(place);
        });
    }
}

type Greeted = (quinn::Connection, SendStream, RecvStream, Seat);

/// Waits for the handshake of TLS and for the stream, unless the seat goes to somebody else.
async fn greet(incoming: quinn::Incoming, mut seat: Seat) -> Option<Greeted> {
    let stand = async {
        let connection = incoming.accept().ok()?.await.ok()?;
        let (send, receive) = connection.accept_bi().await.ok()?;
        Some((connection, send, receive))
    };
    let stood = tokio::select! {
        stood = tokio::time::timeout(DIAL_TIMEOUT, stand) => stood.ok()?,
        () = seat.evicted() => None,
    };
    let (connection, send, receive) = stood?;
    Some((connection, send, receive, seat))
}

fn path_of(connection: &quinn::Connection, ports: &Ports) -> PathClass {
    let local = connection.local_ip().map(|ip| SocketAddr::new(ip, 0));
    ports.interfaces.class(connection.remote_address(), local)
}

async fn carry(
    connection: quinn::Connection,
    send: SendStream,
    receive: RecvStream,
    ends: LinkEnds,
) {
    let LinkEnds { incoming, outgoing, guard } = ends;
    let counters = guard.counters.clone();
    let reading = async {
        tokio::select! {
            end = stream::read_frames(receive, incoming.clone(), counters.clone()) => end,
            end = read_datagrams(&connection, &incoming, &counters) => end,
        }
    };
    let writing = write_frames(&connection, send, outgoing);
    let end = guard.run(reading, writing).await;
    let code = match end {
        LinkEnd::Broken(CloseReason::Garbage) => FOREIGN,
        LinkEnd::Broken(CloseReason::Limit) => LIMIT,
        LinkEnd::Broken(_) | LinkEnd::HungUp => DONE,
    };
    connection.close(code, b"");
}

async fn read_datagrams(
    connection: &quinn::Connection,
    incoming: &Incoming,
    counters: &ShellCounters,
) -> LinkEnd {
    loop {
        match connection.read_datagram().await {
            Ok(bytes) if bytes.is_empty() => {
                counters.frames_garbage.one();
                return LinkEnd::Broken(CloseReason::Garbage);
            }
            Ok(bytes) => {
                if incoming.frame(bytes.to_vec()).await.is_err() {
                    return LinkEnd::HungUp;
                }
            }
            Err(_) => return LinkEnd::Broken(CloseReason::TransportClosed),
        }
    }
}

async fn write_frames(
    connection: &quinn::Connection,
    mut stream: SendStream,
    mut outgoing: Outgoing,
) -> LinkEnd {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    let mut written: u32 = 0;
    while outgoing.take(&mut batch, FRAMES_PER_WRITE).await > 0 {
        let write = async {
            // Discovery of the path's MTU and other paths move it.
            let fits = connection.max_datagram_size().unwrap_or(0);
            for frame in batch.drain(..) {
                if written < HANDSHAKE_FRAMES || frame.len() > fits {
                    frame::encode(&frame, &mut bytes);
                } else {
                    // What became too long in this moment is lost, as on the way.
                    match connection.send_datagram_wait(frame.into()).await {
                        Ok(()) | Err(quinn::SendDatagramError::TooLarge) => {}
                        Err(_) => return false,
                    }
                }
                written = written.saturating_add(1);
            }
            bytes.is_empty() || stream.write_all(&bytes).await.is_ok()
        };
        match tokio::time::timeout(WRITE_TIMEOUT, write).await {
            Ok(true) => {}
            Ok(false) => return LinkEnd::Broken(CloseReason::TransportClosed),
            Err(_) => return LinkEnd::Broken(CloseReason::TooSlow),
        }
        bytes.clear();
    }
    // Closing drops what is not sent yet; the end of the stream is acknowledged after it.
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(LINGER, stream.stopped()).await;
    LinkEnd::HungUp
}

/// What ended a connection that did not come to stand, for people.
fn why(error: &ConnectionError) -> String {
    match error {
        ConnectionError::TimedOut => NO_ANSWER.to_owned(),
        ConnectionError::ConnectionClosed(close)
            if close.error_code == quinn::TransportErrorCode::CONNECTION_REFUSED =>
        {
            "the node has no room".to_owned()
        }
        ConnectionError::ApplicationClosed(_) | ConnectionError::ConnectionClosed(_) => {
            "the other end closed the connection".to_owned()
        }
        _ => "the other end does not speak this protocol".to_owned(),
    }
}

fn endpoint_config() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config.grease_quic_bit(false);
    config
}

fn transport_config() -> Arc<TransportConfig> {
    let window = VarInt::from_u32(LINK_QUEUE_BYTES_MAX as u32);
    let idle_ms = VarInt::from_u32(IDLE_MAX.as_millis() as u32);
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(window)
        .receive_window(window)
        .send_window(LINK_QUEUE_BYTES_MAX as u64)
        .datagram_receive_buffer_size(Some(LINK_QUEUE_BYTES_MAX))
        .datagram_send_buffer_size(LINK_QUEUE_BYTES_MAX)
        .max_idle_timeout(Some(IdleTimeout::from(idle_ms)))
        .keep_alive_interval(Some(KEEP_ALIVE));
    Arc::new(config)
}

fn client_config() -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).map_err(|e| e.to_string())?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(transport_config());
    Ok(config)
}

fn server_config() -> io::Result<ServerConfig> {
    let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()]);
    let made = made.map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut tls = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .map_err(io::Error::other)?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(transport_config())
        .migration(true)
        .max_incoming(WAITING_MAX)
        .incoming_buffer_size_total(WAITING_BYTES_MAX);
    Ok(config)
}

/// Takes any certificate, and checks only that the other end holds its key.
#[derive(Debug)]
pub struct AnyCertificate {
    pub provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! There and back: a payload between two peers, beside the same bytes over plain TCP.
//!
//! Each peer is what a node is made of below its tables: `route::Router` seals the payload for
//! its recipient, `link::Links` seals the packet for the neighbour, the shell's framing puts it on
//! a loopback `TcpStream`; the other side undoes all of that and sends the payload back. The
//! driver's queues and the other rooms of a node are not in it: no command sends arbitrary bytes.
//! The plain echo uses the same framing and the same payload on the same kind of socket. Both run
//! here, one after the other, one message at a time.

use crate::figures::{Figure, Samples};
use anyhow::{Context as _, Result, bail};
use bitcraps_core::{
    crypto::identity::Identity,
    id::{LinkId, PeerId},
    link::{self, Links},
    node::{Class, LinkRole, PathClass, Transport},
    route::{self, Delivery, Edge, Router, Topology},
    seed::Seed,
    time::Instant as CoreInstant,
    wire::Packet,
};
use bitcraps_node::transport::{
    FRAME_BYTES_MAX,
    frame::{self, FrameDecoder},
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const WARM_UP: usize = 500;
const MESSAGES: usize = 5_000;
const LINK: LinkId = LinkId(0);

/// Median and 95th percentile for 64 bytes and 1 KiB, and how many times a plain echo that is.
pub async fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for bytes in [64, 1024] {
        let plain = plain_echo(bytes).await?;
        let sealed = sealed_echo(bytes).await?;
        let what = format!("round trip, {bytes} bytes");
        for (kind, samples) in [("sealed", &sealed), ("plain TCP", &plain)] {
            let [median, high] = [0.5, 0.95].map(|share| micros(samples.quantile(share)));
            figures.push(Figure::new(format!("{what}, {kind}, p50"), "us", median, None));
            figures.push(Figure::new(format!("{what}, {kind}, p95"), "us", high, None));
        }
        let ratio = micros(sealed.quantile(0.5)) / micros(plain.quantile(0.5));
        figures.push(Figure::new(format!("{what}, sealed / plain, p50"), "x", ratio, None));
    }
    Ok(figures)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

async fn sockets() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (near, far) =
        tokio::try_join!(TcpStream::connect(listener.local_addr()?), listener.accept())?;
    near.set_nodelay(true)?;
    far.0.set_nodelay(true)?;
    Ok((near, far.0))
}

/// A socket that carries frames.
struct Frames {
    stream: TcpStream,
    decoder: FrameDecoder,
    arrived: VecDeque<Vec<u8>>,
    buffer: Vec<u8>,
}

impl Frames {
    fn new(stream: TcpStream) -> Frames {
        let (decoder, arrived) = (FrameDecoder::default(), VecDeque::new());
        Frames { stream, decoder, arrived, buffer: Vec::new() }
    }

    async fn send(&mut self, frames: impl Iterator<Item = Vec<u8>>) -> Result<()> {
        self.buffer.clear();
        frames.for_each(|frame| frame::encode(&frame, &mut self.buffer));
        Ok(self.stream.write_all(&self.buffer).await?)
    }

    /// `None` when the other side has closed.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while self.arrived.is_empty() {
            if self.stream.read_buf(self.decoder.buffer()).await? == 0 {
                return Ok(None);
            }
            let mut frames = Vec::new();
            self.decoder.frames(&mut frames)?;
            self.arrived.extend(frames);
        }
        Ok(self.arrived.pop_front())
    }
}

async fn plain_echo(bytes: usize) -> Result<Samples> {
    let (near, far) = sockets().await?;
    let echo = tokio::spawn(async move {
        let mut far = Frames::new(far);
        while let Some(frame) = far.next().await? {
            far.send([frame].into_iter()).await?;
        }
        anyhow::Ok(())
    });
    let mut near = Frames::new(near);
    let payload = vec![7; bytes];
    let mut samples = Samples::default();
    for message in 0..WARM_UP + MESSAGES {
        let sent = Instant::now();
        near.send([payload.clone()].into_iter()).await?;
        let back = near.next().await?.context("the echo ended")?;
        if back != payload {
            bail!("the echo changed what it was sent");
        }
        if message >= WARM_UP {
            samples.push(sent.elapsed());
        }
    }
    drop(near);
    echo.await??;
    Ok(samples)
}

/// Links and routes of one peer, on one socket.
struct Peer {
    id: PeerId,
    links: Links,
    router: Router,
    frames: Frames,
    started: Instant,
    opened: bool,
    delivered: VecDeque<Vec<u8>>,
}

impl Peer {
    fn new(identity: &Identity, other: &Identity, stream: TcpStream, role: LinkRole) -> Peer {
        let config = link::Config { work_bits: 0, ..link::Config::default() };
        let seed = Seed::from_number(u64::from(role == LinkRole::Dialer));
        let mut links = Links::new(config, identity, seed.fork("link"));
        let router = route::Config::default();
        let mut router = Router::new(router, identity, &seed.fork("route"), 1);
        let (a, b) = (identity.id(), other.id());
        let nodes = vec![(a, identity.link_key()), (b, other.link_key())];
        let edges = vec![Edge { a, b, latency: None, reliability: 1.0 }];
        router.set_topology(Topology { nodes, edges });
        router.set_neighbours(vec![b]);
        let started = Instant::now();
        links.on_up(
            LINK,
            (Transport::Tcp, PathClass::Lan),
            role,
            FRAME_BYTES_MAX,
            CoreInstant::ZERO,
        );
        let (opened, delivered) = (false, VecDeque::new());
        Peer { id: a, links, router, frames: Frames::new(stream), started, opened, delivered }
    }

    fn now(&self) -> CoreInstant {
        CoreInstant::ZERO + self.started.elapsed()
    }

    /// Moves everything that waits, and writes what leaves.
    async fn settle(&mut self) -> Result<()> {
        let now = self.now();
        let mut leaving = Vec::new();
        loop {
            let mut busy = false;
            while let Some(output) = self.links.poll_output() {
                busy = true;
                match output {
                    link::Output::Send { bytes, .. } => leaving.push(bytes),
                    link::Output::Opened { .. } => self.opened = true,
                    link::Output::Received { from, packet } => match Packet::decode(&packet)? {
                        Packet::Route(message) => self.router.on_message(from, message, now),
                        Packet::Map(_) => bail!("nobody here speaks of a map"),
                    },
                    link::Output::Measured { .. }
                    | link::Output::Switched { .. }
                    | link::Output::Prepare { .. } => {}
                    link::Output::Hangup { reason, .. } | link::Output::Closed { reason, .. } => {
                        bail!("the link ended: {}", reason.name())
                    }
                }
            }
            while let Some(output) = self.router.poll_output() {
                busy = true;
                match output {
                    route::Output::Forward { to, message } => {
                        let packet = Packet::Route(message);
                        self.links.send(to, packet.class(), &packet.encode(), now)?;
                    }
                    route::Output::Deliver { body, .. } => self.delivered.push_back(body),
                    other => bail!("{} did not expect {other:?}", self.id),
                }
            }
            if !busy {
                break;
            }
        }
        if leaving.is_empty() { Ok(()) } else { self.frames.send(leaving.into_iter()).await }
    }

    /// Takes one frame. `false` when the other side has closed.
    async fn turn(&mut self) -> Result<bool> {
        let Some(frame) = self.frames.next().await? else { return Ok(false) };
        let now = self.now();
        self.links.on_frame(LINK, &frame, now);
        self.settle().await?;
        Ok(true)
    }

    async fn send(&mut self, to: PeerId, body: &[u8]) -> Result<()> {
        self.router.send(to, body, Class::Bets, Delivery::Once, self.now())?;
        self.settle().await
    }
}

async fn sealed_echo(bytes: usize) -> Result<Samples> {
    let (near, far) = sockets().await?;
    let [mine, theirs] = [1, 2].map(|n| Identity::generate(&Seed::from_number(n), 0));
    let mut far = Peer::new(&theirs, &mine, far, LinkRole::Listener);
    let mut near = Peer::new(&mine, &theirs, near, LinkRole::Dialer);
    let (mine, theirs) = (mine.id(), theirs.id());
    let echo = tokio::spawn(async move {
        while far.turn().await? {
            while let Some(body) = far.delivered.pop_front() {
                far.send(mine, &body).await?;
            }
        }
        anyhow::Ok(())
    });
    near.settle().await?;
    while !near.opened {
        near.turn().await?;
    }
    let payload = vec![7; bytes];
    let mut samples = Samples::default();
    for message in 0..WARM_UP + MESSAGES {
        let sent = Instant::now();
        near.send(theirs, &payload).await?;
        while near.delivered.is_empty() {
            if !near.turn().await? {
                bail!("the echo ended");
            }
        }
        if near.delivered.pop_front().as_ref() != Some(&payload) {
            bail!("the echo changed what it was sent");
        }
        if message >= WARM_UP {
            samples.push(sent.elapsed());
        }
    }
    drop(near);
    echo.await??;
    Ok(samples)
}

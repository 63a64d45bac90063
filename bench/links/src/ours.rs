//! Ours: `Ports`, listener, framing and link task of the native node, sessions of core's `Links`.
//!
//! What is measured is the way of a packet through a node without what the node does with it:
//! socket → link task → the driver's inbox → `Links` (open) → here → `Links` (seal) → the link's
//! queue → link task → socket, both ends alike. The inbox, the queues, the limits and the tasks
//! are those of `bitcraps run`; the loop here stands in for its driver, with the same clock, the
//! same waiting for a deadline and the same batches.
//!
//! Signed: each message also carries the source's Ed25519 signature, made when it is sent; the
//! receiver checks all that its inbox holds together and takes none that does not hold.

use crate::exchange::{Answering, Client};
use anyhow::{Context as _, Result, bail, ensure};
use bitcraps_core::{
    crypto::{
        batch,
        identity::{Identity, Signature, VerifiedCard},
    },
    id::{LinkId, PeerId},
    link::{Config, Links, Output, SendError},
    node::{Address, Class, LinkRole, PathClass, Transport},
    seed::Seed,
};
use bitcraps_node::{
    clock::Clock,
    components::Components,
    counters::ShellCounters,
    driver::{INBOX_MAX, Mail, Timer},
    transport::{
        Connection, FRAME_BYTES_MAX, LinkQueue, Ports, Pushed, Trust, quic, tcp, udp, websocket,
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    net::{TcpListener, UdpSocket},
    sync::Arc,
};
use tokio::sync::mpsc;

const PURPOSE: &str = "bench message";
const SIGNATURE_BYTES: usize = 64;
/// Messages of the inbox taken at once, as the driver does.
const MAIL_MAX: usize = 32;
/// Signatures checked together, at most.
const HEAP_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    No,
    Yes,
}

/// One of our ways.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub transport: Transport,
    /// Says whether the neighbour acknowledges what it gets.
    pub class: Class,
    pub signed: Signed,
}

pub async fn serve(way: Way, ready: impl FnOnce(String)) -> Result<()> {
    let mut end = End::new(2, way);
    let (ports, reporter) = (end.ports.clone(), Components::default().part("bench"));
    let address = match way.transport {
        Transport::Tcp => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = format!("tcp://{}", listener.local_addr()?);
            tokio::spawn(tcp::listen(tcp::adopt(listener)?, ports, reporter));
            address
        }
        Transport::Quic => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            let address = format!("quic://{}", socket.local_addr()?);
            tokio::spawn(quic::listen(quic::adopt(socket)?, ports, reporter));
            address
        }
        Transport::Udp => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            let address = format!("udp://{}", socket.local_addr()?);
            let socket = udp::adopt(socket)?;
            let received = udp::receive(socket.clone());
            tokio::spawn(udp::listen(socket, received, ports, reporter));
            address
        }
        Transport::WebSocket => {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let address = format!("ws://{}", listener.local_addr()?);
            tokio::spawn(accept(listener, ports));
            address
        }
        other => bail!("{other:?} is not compared here"),
    };
    ready(address);
    let mut answering = Answering::default();
    loop {
        for message in end.receive().await? {
            if let Some(answer) = answering.answer(&message)? {
                end.say(answer).await?;
            }
        }
    }
}

/// Takes one WebSocket without the HTTP server in front of it.
async fn accept(listener: tokio::net::TcpListener, ports: Ports) -> Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let stream = tokio_tungstenite::accept_async(stream).await?;
    let connection = Connection {
        transport: Transport::WebSocket,
        path: PathClass::Lan,
        mtu: FRAME_BYTES_MAX,
        role: LinkRole::Listener,
        address: None,
        seat: None,
    };
    let ends = ports.open(connection).await.context("the driver is gone")?;
    websocket::carry(stream, ends).await;
    Ok(())
}

pub async fn connect(address: &str, way: Way) -> Result<End> {
    let mut end = End::new(1, way);
    tokio::spawn(end.ports.clone().dial(Address(address.to_owned())));
    while end.peer.is_none() {
        end.turn().await?;
    }
    Ok(end)
}

pub struct End {
    identity: Identity,
    way: Way,
    links: Links,
    clock: Clock,
    ports: Ports,
    _alive: mpsc::Sender<Infallible>,
    inbox: mpsc::Receiver<Mail>,
    mail: Vec<Mail>,
    timer: Timer,
    queues: BTreeMap<LinkId, LinkQueue>,
    peer: Option<VerifiedCard>,
    /// Opened, in order; signatures not checked yet.
    arrived: Vec<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
}

impl End {
    fn new(number: u64, way: Way) -> End {
        let seed = Seed::from_number(number);
        let identity = Identity::generate(&seed, 0);
        let config = Config { work_bits: 0, ..Config::default() };
        let links = Links::new(config, &identity, seed.fork("links"));
        let (sender, inbox) = mpsc::channel(INBOX_MAX);
        let (alive, _) = mpsc::channel(1);
        let counters = Arc::new(ShellCounters::default());
        let ports = Ports::new(sender, 16, Trust::default(), counters, alive.downgrade());
        End {
            identity,
            way,
            links,
            clock: Clock::start(),
            ports,
            _alive: alive,
            inbox,
            mail: Vec::with_capacity(MAIL_MAX),
            timer: Timer::new(),
            queues: BTreeMap::new(),
            peer: None,
            arrived: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    fn peer(&self) -> Result<PeerId> {
        Ok(self.peer.context("nobody is linked")?.id())
    }

    /// Signs if it is to be signed, seals, and hands to the link's task.
    async fn say(&mut self, mut message: Vec<u8>) -> Result<()> {
        if self.way.signed == Signed::Yes {
            let signature = self.identity.sign(PURPOSE, &message);
            message.extend(signature.to_bytes());
        }
        loop {
            match self.links.send(self.peer()?, self.way.class, &message, self.clock.now()) {
                Err(SendError::Busy) => self.turn().await?,
                sent => {
                    sent?;
                    return self.drain();
                }
            }
        }
    }

    /// Waits for mail or the links' deadline, and does what follows.
    async fn turn(&mut self) -> Result<()> {
        tokio::select! {
            _ = self.inbox.recv_many(&mut self.mail, MAIL_MAX) => {}
            () = self.timer.until(self.links.deadline(), &self.clock) => {
                self.links.on_timeout(self.clock.now());
            }
        }
        self.drain()?;
        self.take_mail()
    }

    fn take_mail(&mut self) -> Result<()> {
        let mut taken = std::mem::take(&mut self.mail);
        for mail in taken.drain(..) {
            let now = self.clock.now();
            match mail {
                Mail::LinkUp { link, transport, path, mtu, role, queue, .. } => {
                    self.queues.insert(link, queue);
                    self.links.on_up(link, (transport, path), role, mtu, now);
                    ensure!(role == LinkRole::Listener || self.queues.len() == 1, "two links");
                }
                Mail::Frame { link, bytes } => self.links.on_frame(link, &bytes, now),
                Mail::LinkDown { reason, .. } => bail!("the link ended: {}", reason.name()),
                Mail::DialFailed { why, .. } => bail!("the dial failed: {why}"),
                _ => {}
            }
            self.drain()?;
        }
        self.mail = taken;
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        while let Some(output) = self.links.poll_output() {
            match output {
                Output::Send { link, bytes } => {
                    let queue = self.queues.get(&link).context("no such link")?;
                    // Nobody but an acknowledged class sends again what is dropped here.
                    if queue.push(bytes) != Pushed::Queued {
                        ensure!(self.way.class == Class::Bets, "a frame was dropped");
                        self.links.on_congested(link, self.clock.now());
                    }
                }
                Output::Opened { peer, .. } => self.peer = Some(*peer),
                Output::Received { packet, .. } => self.arrived.push(packet),
                Output::Hangup { reason, .. } => bail!("the link ended: {}", reason.name()),
                Output::Closed { .. }
                | Output::Measured { .. }
                | Output::Switched { .. }
                | Output::Prepare { .. } => {}
            }
        }
        Ok(())
    }

    /// What arrived next, at least one message, every signature checked.
    async fn receive(&mut self) -> Result<Vec<Vec<u8>>> {
        while self.arrived.is_empty() {
            self.turn().await?;
        }
        if self.way.signed == Signed::No {
            return Ok(std::mem::take(&mut self.arrived));
        }
        // As much as is there, so that it is checked together.
        tokio::task::yield_now().await;
        while self.arrived.len() < HEAP_MAX && !self.inbox.is_empty() {
            self.turn().await?;
            tokio::task::yield_now().await;
        }
        let card = self.peer.context("nobody is linked")?;
        let mut claims = Vec::with_capacity(self.arrived.len());
        for message in &mut self.arrived {
            let split = message.split_last_chunk::<SIGNATURE_BYTES>();
            let (said, signature) = split.context("a message without a signature")?;
            claims.push(card.claim(PURPOSE, said, &Signature::from_bytes(signature)));
            message.truncate(message.len() - SIGNATURE_BYTES);
        }
        let holds = batch::which_hold(&claims);
        ensure!(holds.iter().all(|holds| *holds), "a signature does not hold");
        Ok(std::mem::take(&mut self.arrived))
    }
}

impl Client for End {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        for message in batch {
            self.say(message).await?;
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<()> {
        loop {
            self.turn().await?;
        }
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            let received = self.receive().await?;
            self.waiting.extend(received);
        }
    }
}

//! libp2p over TCP, Noise and Yamux: request-response, and gossipsub with signed messages.
//!
//! Rules. Request-response sends each message as a request, and the response to one of a stream is
//! its number. Gossipsub signs everything and checks every signature
//! (`ValidationMode::Strict`); both peers are in each other's mesh before anything is timed.

use crate::exchange::{self, Answering, Client};
use anyhow::{Result, bail};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder,
    gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode},
    identity::Keypair,
    noise, request_response as rr,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use std::{
    collections::{BTreeSet, VecDeque},
    io,
    time::Duration,
};

/// Longer than any message here.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

fn swarm<B: NetworkBehaviour>(make: impl FnOnce(&Keypair) -> B) -> Result<Swarm<B>> {
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let tcp = tcp::Config::default().nodelay(true);
    let swarm = builder
        .with_tcp(tcp, noise::Config::new, yamux::Config::default)?
        .with_behaviour(|key| make(key))
        .map_err(|_| anyhow::anyhow!("the behaviour cannot be made"))?
        .with_swarm_config(|c| c.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    Ok(swarm)
}

async fn listen<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> Result<Multiaddr> {
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return Ok(address);
        }
    }
}

async fn dial<B: NetworkBehaviour>(swarm: &mut Swarm<B>, address: &str) -> Result<PeerId> {
    swarm.dial(address.parse::<Multiaddr>()?)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => return Ok(peer_id),
            SwarmEvent::OutgoingConnectionError { error, .. } => bail!("libp2p: {error}"),
            _ => {}
        }
    }
}

// ---- request-response --------------------------------------------------------------------

/// A message is all the bytes up to the end of its half of the stream.
#[derive(Clone, Default)]
pub struct Bytes;

async fn read_all(io: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(MESSAGE_BYTES_MAX as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

#[async_trait::async_trait]
impl rr::Codec for Bytes {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_all(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_all(io).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

type Requests = rr::Behaviour<Bytes>;

fn requests(_: &Keypair) -> Requests {
    let config = rr::Config::default().with_max_concurrent_streams(1024);
    rr::Behaviour::new([(StreamProtocol::new("/bench/1"), rr::ProtocolSupport::Full)], config)
}

pub async fn serve_requests(ready: impl FnOnce(String)) -> Result<()> {
    let mut swarm = swarm(requests)?;
    ready(listen(&mut swarm).await?.to_string());
    loop {
        if let SwarmEvent::Behaviour(rr::Event::Message {
            message: rr::Message::Request { request, channel, .. },
            ..
        }) = swarm.select_next_some().await
        {
            let answer = match exchange::number(&request)? {
                None => request,
                Some(number) => number.to_le_bytes().to_vec(),
            };
            if swarm.behaviour_mut().send_response(channel, answer).is_err() {
                bail!("the requester is gone");
            }
        }
    }
}

pub struct Requesting {
    swarm: Swarm<Requests>,
    peer: PeerId,
    waiting: VecDeque<Vec<u8>>,
    /// Requests overtake each other: which of a stream were answered, and up to where all were.
    answered: BTreeSet<u64>,
    all_below: u64,
}

pub async fn request_from(address: &str) -> Result<Requesting> {
    let mut swarm = swarm(requests)?;
    let peer = dial(&mut swarm, address).await?;
    let (waiting, answered) = (VecDeque::new(), BTreeSet::new());
    Ok(Requesting { swarm, peer, waiting, answered, all_below: 0 })
}

impl Requesting {
    fn on_answered(&mut self, number: u64) {
        self.answered.insert(number);
        while self.answered.remove(&self.all_below) {
            self.all_below += 1;
            if self.all_below.is_multiple_of(exchange::ACK_EVERY) {
                let sum = self.all_below * (self.all_below - 1) / 2;
                self.waiting.push_back(exchange::word(self.all_below, sum));
            }
        }
    }
}

impl Client for Requesting {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        for message in batch {
            self.swarm.behaviour_mut().send_request(&self.peer, message);
        }
        Ok(())
    }

    fn is_streaming(&mut self, _: bool) {
        self.all_below = 0;
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(answer) = self.waiting.pop_front() {
                return Ok(answer);
            }
            match self.swarm.select_next_some().await {
                SwarmEvent::Behaviour(rr::Event::Message {
                    message: rr::Message::Response { response, .. },
                    ..
                }) => match response.as_slice().try_into() {
                    Ok(number) => self.on_answered(u64::from_le_bytes(number)),
                    Err(_) => self.waiting.push_back(response),
                },
                SwarmEvent::Behaviour(rr::Event::OutboundFailure { error, .. }) => {
                    bail!("libp2p: {error}")
                }
                _ => {}
            }
        }
    }
}

// ---- gossipsub ---------------------------------------------------------------------------

fn gossip(key: &Keypair) -> gossipsub::Behaviour {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .heartbeat_interval(Duration::from_millis(500))
        .build()
        .expect("the other settings are its own");
    gossipsub::Behaviour::new(MessageAuthenticity::Signed(key.clone()), config)
        .expect("signing and strictness go together")
}

fn topics() -> [IdentTopic; 2] {
    ["to", "back"].map(IdentTopic::new)
}

pub async fn serve_gossip(ready: impl FnOnce(String)) -> Result<()> {
    let mut swarm = swarm(gossip)?;
    let [to, back] = topics();
    swarm.behaviour_mut().subscribe(&to)?;
    ready(listen(&mut swarm).await?.to_string());
    let mut answering = Answering::default();
    loop {
        if let SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) =
            swarm.select_next_some().await
            && let Some(answer) = answering.answer(&message.data)?
        {
            swarm.behaviour_mut().publish(back.hash(), answer)?;
        }
    }
}

pub struct Gossiping {
    swarm: Swarm<gossipsub::Behaviour>,
    to: IdentTopic,
}

pub async fn gossip_with(address: &str) -> Result<Gossiping> {
    let mut swarm = swarm(gossip)?;
    let [to, back] = topics();
    swarm.behaviour_mut().subscribe(&back)?;
    dial(&mut swarm, address).await?;
    // Until the other end has said what it subscribes to, there is nobody to publish to; and
    // until two heartbeats passed, neither mesh is made.
    let until = tokio::time::Instant::now() + Duration::from_secs(2);
    while tokio::time::timeout_at(until, swarm.select_next_some()).await.is_ok() {}
    Ok(Gossiping { swarm, to })
}

impl Client for Gossiping {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        for message in batch {
            self.swarm.behaviour_mut().publish(self.to.hash(), message)?;
        }
        Ok(())
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            match self.swarm.select_next_some().await {
                SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) => {
                    return Ok(message.data);
                }
                SwarmEvent::ConnectionClosed { .. } => bail!("the other end is gone"),
                _ => {}
            }
        }
    }
}

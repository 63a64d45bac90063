//! How a packet gets there: cheapest path, flood, acknowledgement, retry.
//!
//! Rules. Datagrams go hop by hop over the cheapest path, each relay deciding for itself; a relay
//! forwards what it cannot read, lowers the hop count, and never hands a datagram back to whom it
//! came from. Payloads are sealed end to end (`crypto::seal`), acknowledgements too, so a relay can
//! drop or delay but not read, forge or imitate. What is to be acknowledged is repeated: first over
//! another path, written down in the datagram and sharing no link with the first if there is such
//! a one, then in turns; the acknowledgement of a datagram with a written path goes back along it.
//! Above, everything arrives at most once ([`Delivery`]).
//!
//! Floods are handed to the layer above once, which says [`Router::relay`] or
//! [`Router::drop_flood`], so that nobody spreads what it does not believe.
//!
//! What this room does not do: order packets, cut large ones (`link` does), tell relays' failures
//! to the source (its own timer does), or authenticate floods (their bodies are signed).

mod io;
pub mod message;
mod outstanding;
mod peers;
mod seen;
mod table;
mod window;

pub use io::{Config, Counters, Delivery, Output, PacketId, SendError};
pub use message::Message;
pub use outstanding::{OUTSTANDING_BYTES_MAX, OUTSTANDING_MAX, OUTSTANDING_PER_PEER_MAX};
pub use peers::PEERS_MAX;
pub use seen::{FLOODS_HELD_MAX, FLOODS_SEEN_MAX, FloodKey};
pub use table::{Edge, LATENCY_UNMEASURED, Topology};

use crate::{
    crypto::{identity::Identity, seal::SEAL_BYTES},
    id::PeerId,
    limits,
    seed::{Rng, Seed},
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
    transport::Class,
};
use core::cell::OnceCell;
use message::{BODY_BYTES_MAX, Datagram, Flood, Kind, clear};
use outstanding::{Outstanding, Waiting};
use peers::Peers;
use seen::{Held, Seen, Sighting};
use std::collections::VecDeque;
use table::Table;
use window::Arrival;
use zeroize::Zeroizing;

/// See the module.
pub struct Router {
    config: Config,
    own: PeerId,
    secret: Zeroizing<[u8; 32]>,
    /// Nonces of seals.
    rng: Rng,
    /// Its nodes ascend.
    topology: Topology,
    /// Ascending.
    neighbours: Vec<PeerId>,
    /// Computed on first use after a change of the two above.
    table: OnceCell<Table>,
    peers: Peers,
    outstanding: Outstanding,
    /// No number below it is given out.
    numbered_from: u64,
    next_packet: u64,
    next_flood: u64,
    seen: Seen,
    held: Held,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Router {
    /// A router that knows nobody. `wall_ms` is Unix time; `seed` must be fresh in every run,
    /// since the nonces of seals are drawn from it.
    pub fn new(config: Config, identity: &Identity, seed: &Seed, wall_ms: u64) -> Router {
        Router {
            config,
            own: identity.id(),
            secret: Zeroizing::new(*identity.link_secret()),
            rng: seed.fork("route").rng(),
            topology: Topology::default(),
            neighbours: Vec::new(),
            table: OnceCell::new(),
            peers: Peers::new(wall_ms),
            outstanding: Outstanding::default(),
            numbered_from: peers::first_id(wall_ms),
            next_packet: 0,
            next_flood: peers::first_id(wall_ms),
            seen: Seen::default(),
            held: Held::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// The mesh as it is now. Paths are computed when they are next needed.
    pub fn set_topology(&mut self, mut topology: Topology) {
        let nodes: SortedMap<_, _> = topology.nodes.into_iter().collect();
        topology.nodes = nodes.into_iter().collect();
        self.topology = topology;
        self.table = OnceCell::new();
    }

    /// Whom we can hand a message to right now. This outranks what the topology says of our links.
    pub fn set_neighbours(&mut self, neighbours: Vec<PeerId>) {
        let mut neighbours: SortedSet<PeerId> = neighbours.into_iter().collect();
        neighbours.remove(&self.own);
        let neighbours: Vec<PeerId> = neighbours.into_iter().collect();
        if neighbours != self.neighbours {
            self.neighbours = neighbours;
            self.table = OnceCell::new();
        }
    }

    /// Others remember an earlier life of this node whose numbers, from its start on, may have
    /// come up to those of `wall_ms`: go on above them, or they take us for a replay. What waits
    /// for its acknowledgement keeps its number.
    pub fn number_from(&mut self, wall_ms: u64) {
        self.peers.number_from(wall_ms);
        self.numbered_from = self.numbered_from.max(peers::first_id(wall_ms));
        self.next_flood = self.next_flood.max(self.numbered_from);
    }

    /// Seals a payload and sends it on its way; what goes to ourselves is delivered here.
    pub fn send(
        &mut self,
        to: PeerId,
        body: &[u8],
        class: Class,
        delivery: Delivery,
        now: Instant,
    ) -> Result<PacketId, SendError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(SendError::TooLong { got: body.len(), max: BODY_BYTES_MAX });
        }
        let packet = PacketId(self.next_packet);
        if to == self.own {
            self.counters.delivered += 1;
            self.push(Output::Deliver { from: to, body: body.to_vec() });
            if delivery == Delivery::Acked {
                self.push(Output::Delivered { id: packet, to, rtt: Duration::ZERO });
            }
        } else {
            self.send_away(packet, to, body, (class, delivery), now)?;
        }
        self.next_packet += 1;
        self.counters.sent += 1;
        Ok(packet)
    }

    /// Spreads a body to everyone in reach. Too long a one is dropped: at most
    /// [`message::BODY_BYTES_MAX`].
    pub fn flood(&mut self, body: Vec<u8>) {
        let flood =
            Flood { origin: self.own, id: self.next_flood, ttl: self.config.hops_max, body };
        let message = Message::Flood(flood);
        if !message.is_sound() {
            self.counters.refused += 1;
            return;
        }
        self.next_flood += 1;
        self.counters.floods_sent += 1;
        for at in 0..self.neighbours.len() {
            self.push(Output::Forward { to: self.neighbours[at], message: message.clone() });
        }
    }

    /// A message from a neighbour. What breaks a bound or is forged is counted and changes nothing.
    pub fn on_message(&mut self, from: PeerId, message: Message, now: Instant) {
        if !message.is_sound() {
            self.counters.refused += 1;
            return;
        }
        match message {
            Message::Flood(flood) => self.on_flood(from, flood),
            Message::Datagram(datagram) if datagram.dst != self.own => self.pass_on(from, datagram),
            Message::Datagram(datagram) => self.on_datagram(&datagram, now),
        }
    }

    /// The flood is good: spread it, except to whom it came from.
    pub fn relay(&mut self, key: FloodKey) {
        let Some((from, mut flood)) = self.held.take(key) else { return };
        if flood.ttl <= 1 {
            self.counters.hops_exceeded += 1;
            return;
        }
        flood.ttl -= 1;
        self.counters.floods_relayed += 1;
        let origin = flood.origin;
        let message = Message::Flood(flood);
        for at in 0..self.neighbours.len() {
            let to = self.neighbours[at];
            if to != from && to != origin {
                self.push(Output::Forward { to, message: message.clone() });
            }
        }
    }

    /// The flood is not worth spreading.
    pub fn drop_flood(&mut self, key: FloodKey) {
        self.held.take(key);
    }

    /// Repeats or gives up what was not acknowledged in time.
    pub fn on_timeout(&mut self, now: Instant) {
        while let Some((to, id, mut waiting)) = self.outstanding.take_due(now) {
            let give_up_at = waiting.sent_at + self.config.give_up_after;
            if waiting.tries >= self.config.tries_max || now >= give_up_at {
                self.counters.given_up += 1;
                let (id, tries) = (waiting.packet, waiting.tries);
                self.push(Output::Undeliverable { id, to, tries });
                continue;
            }
            waiting.tries += 1;
            waiting.timeout = peers::back_off(waiting.timeout);
            waiting.due = (now + waiting.timeout).min(give_up_at);
            self.counters.retried += 1;
            let via = if waiting.tries.is_multiple_of(2) {
                self.table().other_hops(&waiting.first_path, to).unwrap_or_default()
            } else {
                Vec::new()
            };
            let datagram =
                self.datagram(to, id, (Kind::Acked, waiting.class), via, waiting.sealed.clone());
            self.outstanding.insert(to, id, waiting);
            self.start(datagram);
        }
    }

    /// When [`Router::on_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.outstanding.deadline()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether there is a path now. True for ourselves.
    pub fn reachable(&self, peer: PeerId) -> bool {
        self.table().distance(peer).is_some()
    }

    /// Expected time one way over the cheapest path, losses included; unmeasured links count with
    /// [`LATENCY_UNMEASURED`].
    pub fn distance(&self, peer: PeerId) -> Option<Duration> {
        self.table().distance(peer)
    }

    /// The cheapest path, both ends included.
    pub fn path(&self, to: PeerId) -> Option<Vec<PeerId>> {
        self.table().path(to)
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| Table::new(self.own, &self.topology, &self.neighbours))
    }

    fn link_key(&self, peer: PeerId) -> Option<[u8; 32]> {
        let nodes = &self.topology.nodes;
        nodes.binary_search_by_key(&peer, |(id, _)| *id).ok().map(|at| nodes[at].1)
    }

    fn send_away(
        &mut self,
        packet: PacketId,
        to: PeerId,
        body: &[u8],
        (class, delivery): (Class, Delivery),
        now: Instant,
    ) -> Result<(), SendError> {
        let link_key = self.link_key(to).ok_or(SendError::UnknownPeer { to })?;
        let distance = self.table().distance(to).ok_or(SendError::Unreachable { to })?;
        let nonce = self.rng.bytes();
        let peer = self
            .peers
            .meet(self.own, &self.secret, to, &link_key, now)
            .ok_or(SendError::BadKey { to })?;
        let (kind, id) = match delivery {
            Delivery::Once => (Kind::Once, &mut peer.next_once),
            Delivery::Acked => {
                let bytes = body.len() + SEAL_BYTES;
                let from = self.numbered_from;
                self.outstanding.check_room(to, peer.next_acked, from, bytes)?;
                (Kind::Acked, &mut peer.next_acked)
            }
        };
        let number = *id;
        *id += 1;
        let sealed = peer.key.seal(nonce, &clear(self.own, to, number, kind, class), body);
        if delivery == Delivery::Acked {
            let timeout = peer.timeout(distance);
            let waiting = Waiting {
                packet,
                class,
                sealed: sealed.clone(),
                first_path: self.table().path(to).unwrap_or_default(),
                sent_at: now,
                tries: 1,
                timeout,
                due: now + timeout,
            };
            self.outstanding.insert(to, number, waiting);
        }
        let datagram = self.datagram(to, number, (kind, class), Vec::new(), sealed);
        self.start(datagram);
        Ok(())
    }

    fn datagram(
        &self,
        dst: PeerId,
        id: u64,
        (kind, class): (Kind, Class),
        via: Vec<PeerId>,
        body: Vec<u8>,
    ) -> Datagram {
        let (src, ttl) = (self.own, self.config.hops_max);
        Datagram { src, dst, id, ttl, kind, class, via, hop: 0, body }
    }

    /// Hands a datagram of ours to its first hop.
    fn start(&mut self, mut datagram: Datagram) {
        let written = datagram.via.first().copied();
        let next = match written {
            Some(first) if self.is_neighbour(first) => Some(first),
            _ => {
                datagram.via.clear();
                self.table().next_hop(datagram.dst)
            }
        };
        match next {
            Some(to) => {
                self.push(Output::Forward { to, message: Message::Datagram(datagram) });
            }
            None => self.counters.unreachable += 1,
        }
    }

    /// Hands on a datagram that is not for us.
    fn pass_on(&mut self, from: PeerId, mut datagram: Datagram) {
        datagram.ttl = datagram.ttl.min(self.config.hops_max);
        if datagram.ttl <= 1 {
            self.counters.hops_exceeded += 1;
            return;
        }
        datagram.ttl -= 1;
        let next = self.written_hop(&datagram).or_else(|| {
            // From here on every relay decides, because the written path does not hold.
            datagram.via.clear();
            datagram.hop = 0;
            let next = self.table().next_hop(datagram.dst)?;
            if next == from { self.table().next_hop_not_to(datagram.dst, from) } else { Some(next) }
        });
        let Some(to) = next else {
            self.counters.unreachable += 1;
            return;
        };
        if !datagram.via.is_empty() {
            datagram.hop += 1;
        }
        self.counters.forwarded += 1;
        self.push(Output::Forward { to, message: Message::Datagram(datagram) });
    }

    /// The next hop of a written path, if the path leads through us to a neighbour.
    fn written_hop(&self, datagram: &Datagram) -> Option<PeerId> {
        let at = usize::from(datagram.hop);
        if *datagram.via.get(at)? != self.own {
            return None;
        }
        datagram.via.get(at + 1).copied().filter(|next| self.is_neighbour(*next))
    }

    /// A datagram for us.
    fn on_datagram(&mut self, datagram: &Datagram, now: Instant) {
        let Some(body) = self.unsealed(datagram, now) else {
            self.counters.refused += 1;
            return;
        };
        let (from, id) = (datagram.src, datagram.id);
        // `unsealed` met the source just now.
        let Some(peer) = self.peers.known(&from) else { return };
        let arrival = match datagram.kind {
            Kind::Once => peer.seen_once.note(id),
            Kind::Acked => peer.seen_acked.note(id),
            Kind::Ack => return self.on_acknowledged(from, id, now),
        };
        match arrival {
            Arrival::New => {
                self.counters.delivered += 1;
                self.push(Output::Deliver { from, body });
            }
            Arrival::Duplicate => self.counters.duplicate += 1,
            // Whether it was delivered is not known any more, so it is not acknowledged either.
            Arrival::TooOld => {
                self.counters.refused += 1;
                return;
            }
        }
        if datagram.kind == Kind::Acked {
            self.acknowledge(datagram);
        }
    }

    fn unsealed(&mut self, datagram: &Datagram, now: Instant) -> Option<Vec<u8>> {
        let Datagram { src, dst, id, kind, class, .. } = *datagram;
        if src == self.own {
            return None;
        }
        let link_key = self.link_key(src)?;
        let peer = self.peers.meet(self.own, &self.secret, src, &link_key, now)?;
        peer.key.open(&clear(src, dst, id, kind, class), &datagram.body)
    }

    fn acknowledge(&mut self, datagram: &Datagram) {
        let (to, id, class) = (datagram.src, datagram.id, datagram.class);
        let nonce = self.rng.bytes();
        let Some(peer) = self.peers.known(&to) else { return };
        let sealed = peer.key.seal(nonce, &clear(self.own, to, id, Kind::Ack, class), &[]);
        // Back along the written path: its last hop is us, and it ends at the source.
        let back = datagram.via.iter().rev().skip(1).copied();
        let via = if datagram.via.is_empty() { Vec::new() } else { back.chain([to]).collect() };
        let ack = self.datagram(to, id, (Kind::Ack, class), via, sealed);
        self.start(ack);
    }

    fn on_acknowledged(&mut self, from: PeerId, id: u64, now: Instant) {
        let Some(waiting) = self.outstanding.remove(from, id) else {
            self.counters.duplicate += 1;
            return;
        };
        let rtt = now.since(waiting.sent_at);
        // Karn's rule (RFC 6298, section 3): a repeated datagram measures nothing.
        if waiting.tries == 1
            && let Some(peer) = self.peers.known(&from)
        {
            peer.on_round_trip(rtt);
        }
        self.counters.acknowledged += 1;
        self.push(Output::Delivered { id: waiting.packet, to: from, rtt });
    }

    fn on_flood(&mut self, from: PeerId, mut flood: Flood) {
        let key = FloodKey::of(&flood);
        if flood.origin == self.own || self.seen.note(key) == Sighting::Again {
            self.counters.floods_duplicate += 1;
            return;
        }
        flood.ttl = flood.ttl.min(self.config.hops_max);
        let body = flood.body.clone();
        self.counters.floods_unjudged += self.held.put(key, from, flood);
        self.push(Output::Flooded { from, key, body });
    }

    fn is_neighbour(&self, peer: PeerId) -> bool {
        self.neighbours.binary_search(&peer).is_ok()
    }

    fn push(&mut self, output: Output) {
        if self.outputs.len() >= limits::OUTPUTS_MAX {
            self.counters.outputs_dropped += 1;
            return;
        }
        self.outputs.push_back(output);
    }
}

#[cfg(test)]
mod tests;

//! The virtual network: edges over which connections can be opened, and how frames travel.
//!
//! Rules. An *edge* is the possibility of a connection between two nodes and carries its quality;
//! a *connection* is one dial over it, with two ends and one pipe in each direction. Nothing here
//! knows a node's state or keeps a calendar: every call returns what will arrive and when, and the
//! world puts it into its own. Probabilities are whole parts per thousand, so that a scenario is
//! plain data and the same on every machine.
//!
//! Two kinds of delivery. [`Delivery::Reliable`] is TCP-like: each frame arrives once and in
//! order, so a loss shows as the time of its retransmission and a silent cut as a stall.
//! [`Delivery::Unreliable`] is radio-like: frames are lost, doubled and overtake each other.
//!
//! It does not model routes shared by several edges, nor the size of headers.

use bitcraps_core::{
    node::Transport,
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::collections::{BTreeMap, VecDeque};

/// First retransmission of a reliable link; doubles each time. Linux's `TCP_RTO_MIN`.
const RETRANSMIT_MIN: Duration = Duration::from_millis(200);

/// Retransmissions in a row that a frame can need before it passes anyhow. Guess: 200 ms doubled
/// six times is as long as a node waits before it calls a link silent.
const RETRANSMITS_MAX: u32 = 6;

/// What arrives, how often and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Reliable,
    Unreliable,
}

/// How an edge treats the frames it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    pub delivery: Delivery,
    /// One way.
    pub latency: Duration,
    /// Added to the latency, uniform from zero to this.
    pub jitter: Duration,
    /// Frames in a thousand that are lost.
    pub loss_permille: u32,
    /// Frames in a thousand that arrive twice. Unreliable links only.
    pub duplicate_permille: u32,
    /// Frames in a thousand that are held back by up to `reorder_by`. Unreliable links only.
    pub reorder_permille: u32,
    pub reorder_by: Duration,
    /// Bytes per second in each direction; missing: as fast as they come.
    pub bytes_per_s: Option<u64>,
    /// Largest frame, in bytes.
    pub mtu: usize,
    /// Frames on the way in one direction; one more is congestion.
    pub queue_frames_max: usize,
}

impl Quality {
    /// A good wired link: 10 ms, 2 ms of jitter, nothing lost.
    pub fn wired() -> Quality {
        Quality {
            delivery: Delivery::Reliable,
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(2),
            loss_permille: 0,
            duplicate_permille: 0,
            reorder_permille: 0,
            reorder_by: Duration::ZERO,
            bytes_per_s: None,
            mtu: 64 * 1024,
            queue_frames_max: 1024,
        }
    }

    /// Bluetooth that works: narrow and slow. Its link layer repeats what is lost, so that a loss
    /// shows as time here too. The rate is that of LE 2M with long packets, roughly. Measured: a
    /// table of four still rolls at 80 kB/s and no more at 40.
    pub fn bluetooth() -> Quality {
        Quality {
            latency: Duration::from_millis(30),
            jitter: Duration::from_millis(15),
            mtu: 182,
            bytes_per_s: Some(40_000),
            ..Quality::wired()
        }
    }

    /// A bad radio: frames are lost at this rate, one in fifty doubled, one in twenty late.
    pub fn radio(loss_permille: u32) -> Quality {
        Quality {
            delivery: Delivery::Unreliable,
            jitter: Duration::from_millis(5),
            loss_permille,
            duplicate_permille: 20,
            reorder_permille: 50,
            reorder_by: Duration::from_millis(30),
            ..Quality::wired()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeId(pub usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Dialer,
    Listener,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Dialer => Side::Listener,
            Side::Listener => Side::Dialer,
        }
    }

    fn index(self) -> usize {
        match self {
            Side::Dialer => 0,
            Side::Listener => 1,
        }
    }
}

/// How an edge is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing arrives any more and nobody is told.
    Silent,
    /// Both ends hear at once that their connections are gone.
    Loud,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeState {
    Up,
    Down(Cut),
}

#[derive(Clone, Debug)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
    /// What its connections are said to be carried by. Two nodes may have an edge of each kind.
    pub transport: Transport,
    pub quality: Quality,
    pub state: EdgeState,
}

/// What a pipe carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The other end wants the connection, or accepted it.
    Open,
    Frame(Vec<u8>),
    /// The other end closed.
    End,
}

/// Something on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transit {
    pub at: Instant,
    pub connection: ConnectionId,
    pub to: Side,
    pub item: Item,
}

/// Something that came to an end which can take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub node: usize,
    pub connection: ConnectionId,
    pub to: Side,
    pub item: Item,
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// None of it, once or twice.
    OnItsWay(Vec<Transit>),
    /// The queue of this direction is full; the frame is dropped.
    Congested,
    /// The connection is gone; the frame is dropped.
    Gone,
    /// Larger than the link's MTU, in bytes; the frame is dropped.
    TooLarge { mtu: usize },
}

/// What the network did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames taken from nodes.
    pub frames: u64,
    pub bytes: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub congested: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndPhase {
    Opening,
    Open,
    Closed,
}

#[derive(Debug, Default)]
struct Pipe {
    in_flight: usize,
    free_at: Instant,
    last_arrival: Instant,
    /// What reached a silent cut on a reliable link.
    held: VecDeque<Item>,
}

#[derive(Debug)]
struct Connection {
    edge: EdgeId,
    nodes: [usize; 2],
    phases: [EndPhase; 2],
    /// Indexed by the end they lead to.
    pipes: [Pipe; 2],
}

pub struct Net {
    edges: Vec<Edge>,
    connections: BTreeMap<ConnectionId, Connection>,
    next: u64,
    rng: Rng,
    counts: Counts,
}

impl Net {
    pub fn new(seed: &Seed) -> Net {
        Net {
            edges: Vec::new(),
            connections: BTreeMap::new(),
            next: 0,
            rng: seed.fork("net").rng(),
            counts: Counts::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub fn add_edge(
        &mut self,
        a: usize,
        b: usize,
        transport: Transport,
        quality: Quality,
    ) -> EdgeId {
        self.edges.push(Edge { a, b, transport, quality, state: EdgeState::Up });
        EdgeId(self.edges.len() - 1)
    }

    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id.0]
    }

    /// From now on the edge treats frames like this; what is on its way arrives as it was sent.
    /// Delivery and MTU stay: connections were opened with them.
    pub fn set_quality(&mut self, edge: EdgeId, quality: Quality) {
        let old = &mut self.edges[edge.0].quality;
        let (delivery, mtu) = (old.delivery, old.mtu);
        *old = Quality { delivery, mtu, ..quality };
    }

    /// The edge of this kind between two nodes.
    pub fn edge_between(&self, a: usize, b: usize, kind: Transport) -> Option<EdgeId> {
        let joins = |e: &Edge| (e.a, e.b) == (a, b) || (e.a, e.b) == (b, a);
        self.edges.iter().position(|e| joins(e) && e.transport == kind).map(EdgeId)
    }

    /// What carries a connection that still exists.
    pub fn transport(&self, connection: ConnectionId) -> Option<Transport> {
        self.connections.get(&connection).map(|c| self.edges[c.edge.0].transport)
    }

    /// The quality of the edge under a connection that still exists.
    pub fn quality(&self, connection: ConnectionId) -> Option<&Quality> {
        self.connections.get(&connection).map(|c| &self.edges[c.edge.0].quality)
    }

    /// The first step of a connection: a knock that arrives at the listener.
    pub fn dial(
        &mut self,
        now: Instant,
        edge: EdgeId,
        dialer: usize,
        listener: usize,
    ) -> (ConnectionId, Option<Transit>) {
        let id = ConnectionId(self.next);
        self.next += 1;
        self.connections.insert(
            id,
            Connection {
                edge,
                nodes: [dialer, listener],
                phases: [EndPhase::Opening; 2],
                pipes: Default::default(),
            },
        );
        (id, self.signal(now, id, Side::Listener, Item::Open))
    }

    /// The listener takes the connection; the answer travels to the dialer.
    pub fn accept(&mut self, now: Instant, id: ConnectionId) -> Option<Transit> {
        let connection = self.connections.get_mut(&id)?;
        connection.phases[Side::Listener.index()] = EndPhase::Open;
        self.signal(now, id, Side::Dialer, Item::Open)
    }

    /// Whether the dialer still waits for its answer.
    pub fn is_opening(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_some_and(|c| c.phases[Side::Dialer.index()] == EndPhase::Opening)
    }

    /// One frame from this end.
    pub fn send(&mut self, now: Instant, id: ConnectionId, from: Side, bytes: Vec<u8>) -> Sent {
        let Some(connection) = self.connections.get_mut(&id) else { return Sent::Gone };
        let Edge { quality, state, .. } = &self.edges[connection.edge.0];
        if bytes.len() > quality.mtu {
            return Sent::TooLarge { mtu: quality.mtu };
        }
        let to = from.other();
        let pipe = &mut connection.pipes[to.index()];
        if pipe.in_flight >= quality.queue_frames_max {
            self.counts.congested += 1;
            return Sent::Congested;
        }
        self.counts.frames += 1;
        self.counts.bytes += bytes.len() as u64;
        let departs = departure(pipe, quality, now, bytes.len());
        let mut times = arrivals(pipe, quality, departs, &mut self.rng);
        if quality.delivery == Delivery::Unreliable && *state != EdgeState::Up {
            times.clear();
        }
        match times.len() {
            0 => self.counts.lost += 1,
            1 => {}
            _ => self.counts.duplicated += 1,
        }
        pipe.in_flight += times.len();
        let item = Item::Frame(bytes);
        Sent::OnItsWay(
            times
                .into_iter()
                .map(|at| Transit { at, connection: id, to, item: item.clone() })
                .collect(),
        )
    }

    /// This end is closed from now on; the other end hears of it after what was sent before.
    pub fn close(&mut self, now: Instant, id: ConnectionId, side: Side) -> Option<Transit> {
        let connection = self.connections.get_mut(&id)?;
        connection.phases[side.index()] = EndPhase::Closed;
        if connection.phases[side.other().index()] == EndPhase::Closed {
            self.connections.remove(&id);
            return None;
        }
        self.signal(now, id, side.other(), Item::End)
    }

    /// A transit's time has come. Nothing when it was lost, is held at a cut, or its end is gone.
    pub fn arrive(&mut self, transit: Transit) -> Option<Arrival> {
        let Transit { connection: id, to, item, .. } = transit;
        let connection = self.connections.get_mut(&id)?;
        let edge = &self.edges[connection.edge.0];
        let pipe = &mut connection.pipes[to.index()];
        if edge.state != EdgeState::Up {
            match edge.quality.delivery {
                Delivery::Reliable => pipe.held.push_back(item),
                Delivery::Unreliable => {
                    pipe.in_flight = pipe.in_flight.saturating_sub(1);
                    self.counts.lost += 1;
                }
            }
            return None;
        }
        pipe.in_flight = pipe.in_flight.saturating_sub(1);
        self.admit(id, to, item)
    }

    fn admit(&mut self, id: ConnectionId, to: Side, item: Item) -> Option<Arrival> {
        let connection = self.connections.get_mut(&id)?;
        let node = connection.nodes[to.index()];
        let phase = &mut connection.phases[to.index()];
        match (&item, *phase) {
            // The listener's end opens when its node accepts.
            (Item::Open, EndPhase::Opening) if to == Side::Dialer => *phase = EndPhase::Open,
            (Item::Open, EndPhase::Opening) => {}
            (Item::Frame(_), EndPhase::Open) => {}
            (Item::End, EndPhase::Opening | EndPhase::Open) => {
                *phase = EndPhase::Closed;
                if connection.phases[to.other().index()] == EndPhase::Closed {
                    self.connections.remove(&id);
                }
            }
            (Item::Open, EndPhase::Open | EndPhase::Closed)
            | (Item::Frame(_), EndPhase::Opening | EndPhase::Closed)
            | (Item::End, EndPhase::Closed) => return None,
        }
        Some(Arrival { node, connection: id, to, item })
    }

    /// Cuts an edge. A loud cut ends its connections: those ends that were not closed are told.
    pub fn cut(&mut self, edge: EdgeId, how: Cut) -> Vec<Arrival> {
        self.edges[edge.0].state = EdgeState::Down(how);
        if how == Cut::Silent {
            return Vec::new();
        }
        let gone: Vec<ConnectionId> =
            self.connections.iter().filter(|(_, c)| c.edge == edge).map(|(id, _)| *id).collect();
        let mut told = Vec::new();
        for id in gone {
            let Some(connection) = self.connections.remove(&id) else { continue };
            for to in [Side::Dialer, Side::Listener] {
                if connection.phases[to.index()] != EndPhase::Closed {
                    let node = connection.nodes[to.index()];
                    told.push(Arrival { node, connection: id, to, item: Item::End });
                }
            }
        }
        told
    }

    /// Restores an edge. What a reliable link held at the cut arrives now, in order.
    pub fn restore(&mut self, edge: EdgeId) -> Vec<Arrival> {
        self.edges[edge.0].state = EdgeState::Up;
        let mut held = Vec::new();
        for (id, connection) in self.connections.iter_mut().filter(|(_, c)| c.edge == edge) {
            for to in [Side::Dialer, Side::Listener] {
                let pipe = &mut connection.pipes[to.index()];
                pipe.in_flight = pipe.in_flight.saturating_sub(pipe.held.len());
                held.extend(pipe.held.drain(..).map(|item| (*id, to, item)));
            }
        }
        held.into_iter().filter_map(|(id, to, item)| self.admit(id, to, item)).collect()
    }

    /// Ends that this node opened and did not close. A knock on its way to it is none yet.
    pub fn ends_of(&self, node: usize) -> Vec<(ConnectionId, Side)> {
        let mut ends = Vec::new();
        for (id, connection) in &self.connections {
            for side in [Side::Dialer, Side::Listener] {
                let open = match connection.phases[side.index()] {
                    EndPhase::Opening => side == Side::Dialer,
                    EndPhase::Open => true,
                    EndPhase::Closed => false,
                };
                if open && connection.nodes[side.index()] == node {
                    ends.push((*id, side));
                }
            }
        }
        ends
    }

    /// Opens and closes travel like a frame of no size, but are not congested: they are the
    /// transport's own. An unreliable link may lose a close; its other end finds out by silence.
    fn signal(&mut self, now: Instant, id: ConnectionId, to: Side, item: Item) -> Option<Transit> {
        let connection = self.connections.get_mut(&id)?;
        let quality = &self.edges[connection.edge.0].quality;
        let pipe = &mut connection.pipes[to.index()];
        let departs = departure(pipe, quality, now, 0);
        let at = match item {
            Item::End => arrivals(pipe, quality, departs, &mut self.rng).first().copied()?,
            Item::Open | Item::Frame(_) => {
                pipe.last_arrival = pipe.last_arrival.max(departs + quality.latency);
                pipe.last_arrival
            }
        };
        pipe.in_flight += 1;
        Some(Transit { at, connection: id, to, item })
    }
}

/// When the last byte has left, on a link of this speed.
fn departure(pipe: &mut Pipe, quality: &Quality, now: Instant, bytes: usize) -> Instant {
    let Some(rate) = quality.bytes_per_s else { return now };
    let micros = (bytes as u64).saturating_mul(1_000_000) / rate.max(1);
    pipe.free_at = pipe.free_at.max(now) + Duration::from_micros(micros);
    pipe.free_at
}

/// When one frame arrives: never, once or twice.
fn arrivals(pipe: &mut Pipe, quality: &Quality, departs: Instant, rng: &mut Rng) -> Vec<Instant> {
    let first = departs + quality.latency + up_to(quality.jitter, rng);
    match quality.delivery {
        Delivery::Reliable => {
            let mut at = first;
            let mut tries = 0;
            while tries < RETRANSMITS_MAX && happens(quality.loss_permille, rng) {
                at = at + RETRANSMIT_MIN * (1 << tries);
                tries += 1;
            }
            pipe.last_arrival = pipe.last_arrival.max(at);
            vec![pipe.last_arrival]
        }
        Delivery::Unreliable => {
            if happens(quality.loss_permille, rng) {
                return Vec::new();
            }
            let mut at = first;
            if happens(quality.reorder_permille, rng) {
                at = at + up_to(quality.reorder_by, rng);
            }
            let mut times = vec![at];
            if happens(quality.duplicate_permille, rng) {
                times.push(departs + quality.latency + up_to(quality.jitter, rng));
            }
            times
        }
    }
}

fn happens(permille: u32, rng: &mut Rng) -> bool {
    rng.below(1000) < u64::from(permille)
}

fn up_to(span: Duration, rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.below(span.as_micros() as u64 + 1))
}

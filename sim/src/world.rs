//! The world: every machine, the network between them and one calendar.
//!
//! Rules. Time moves only from one entry of the calendar to the next; entries of the same instant
//! happen in the order they were made. A node is driven exactly as by the other drivers: hand one
//! input in, drain to `Wait`, and what it asks for becomes entries of the calendar. Everything
//! that is handed to a node or told by it goes into a running digest, so two runs that differ
//! anywhere differ in [`World::digest`].
//!
//! It judges nothing: what may not happen is `invariant`'s business. A panic inside a node is not
//! caught, because it is a bug whose trace is worth more than a line in a report.

pub use crate::fault::{Breach, CrashAt, Fault, Moment, Step};
use crate::{
    digest::Digest,
    liar::{Liar, Plot},
    machine::{Death, Life, Machine, State},
    net::{
        Arrival, ConnectionId, Counts, Cut, Edge, EdgeId, EdgeState, Item, Net, Quality, Sent,
        Side, Transit,
    },
};
use bitcraps_core::{
    id::{LinkId, PeerId, TableId},
    limits::OUTPUTS_MAX,
    node::{
        Address, CloseReason, Command, Config, Input, LinkRole, NodeView, Output, PathClass,
        RequestId, Transport, Write,
    },
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::collections::BTreeMap;

/// A dial that nobody answers is given up after this. Guess: shorter than most systems' minute,
/// so that a scenario need not wait for it.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A disk needs between these to write. A consumer SSD's flush.
const WRITE_MIN: Duration = Duration::from_millis(1);
const WRITE_MAX: Duration = Duration::from_millis(4);

/// Calendar entries of one instant before time counts as standing still. Guess: far above every
/// node of the largest scenario being handed its full inbox at once.
const SAME_INSTANT_MAX: u64 = 100_000;

enum Entry {
    Transit(Transit),
    Fault(Fault),
    /// Something for one life of one node; ignored when that life is over.
    Local(usize, Life, Local),
}

enum Local {
    Wake,
    DialTimeout { connection: ConnectionId, address: Address },
    Written { ticket: u64, writes: Vec<Write> },
    Input(Input),
}

pub struct World {
    now: Instant,
    sequence: u64,
    calendar: BTreeMap<(Instant, u64), Entry>,
    machines: Vec<Machine>,
    net: Net,
    seed: Seed,
    disk: Rng,
    dials: BTreeMap<ConnectionId, Address>,
    next_request: u64,
    /// How often each frame of these nodes is sent again.
    flooders: BTreeMap<usize, u32>,
    crash_at: Option<CrashAt>,
    crashes: u64,
    steps: u64,
    same_instant: u64,
    digest: Digest,
    step: Step,
}

impl World {
    pub fn new(seed: &Seed) -> World {
        World {
            now: Instant::ZERO,
            sequence: 0,
            calendar: BTreeMap::new(),
            machines: Vec::new(),
            net: Net::new(seed),
            seed: seed.clone(),
            disk: seed.fork("disk").rng(),
            dials: BTreeMap::new(),
            next_request: 0,
            flooders: BTreeMap::new(),
            crash_at: None,
            crashes: 0,
            steps: 0,
            same_instant: 0,
            digest: Digest::new(),
            step: Step::default(),
        }
    }

    /// The address under which other nodes dial this one.
    pub fn address(node: usize) -> Address {
        Address(format!("sim://{node}"))
    }

    /// Where it is dialled by this kind of link.
    pub fn address_by(node: usize, transport: Transport) -> Address {
        match transport {
            Transport::Tcp => World::address(node),
            other => Address(format!("{}://{node}", other.name())),
        }
    }

    /// Adds a machine that is not running yet; see [`Fault::Restart`].
    pub fn add_node(&mut self, config: Config) -> usize {
        let index = self.machines.len();
        self.machines.push(Machine::new(config, self.seed.fork(&format!("node {index}"))));
        index
    }

    /// Lets `a` and `b` reach each other. Whoever has the other's address dials.
    pub fn add_edge(&mut self, a: usize, b: usize, quality: Quality) -> EdgeId {
        self.add_edge_by(a, b, Transport::Tcp, quality)
    }

    pub fn add_edge_by(
        &mut self,
        a: usize,
        b: usize,
        transport: Transport,
        quality: Quality,
    ) -> EdgeId {
        self.net.add_edge(a, b, transport, quality)
    }

    pub fn now(&self) -> Instant {
        self.now
    }

    pub fn nodes(&self) -> usize {
        self.machines.len()
    }

    pub fn edges(&self) -> &[Edge] {
        self.net.edges()
    }

    pub fn counts(&self) -> Counts {
        self.net.counts()
    }

    /// Calendar entries that have happened.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    pub fn peer_id(&self, node: usize) -> PeerId {
        self.machines[node].peer_id()
    }

    /// Which life of a node this is, and whether it runs.
    pub fn life(&self, node: usize) -> Option<Life> {
        self.machines[node].actor().map(|_| self.machines[node].life)
    }

    /// A liar runs on this machine from its next start on, instead of the shipped node.
    pub fn corrupt(&mut self, node: usize, plot: Plot) {
        self.machines[node].plot = Some(plot);
    }

    /// The liar on this machine, if one runs there.
    pub fn liar(&self, node: usize) -> Option<&Liar> {
        self.machines[node].liar()
    }

    /// What a node knows; nothing while it is dead, or of a liar.
    pub fn view(&self, node: usize) -> Option<NodeView> {
        let machine = &self.machines[node];
        machine.node().map(|n| n.view(machine.local(self.now)))
    }

    /// The decided batches of a table on one node; see [`Node::table_log`].
    ///
    /// [`Node::table_log`]: bitcraps_core::node::Node::table_log
    pub fn table_log(&self, node: usize, table: TableId) -> Option<Vec<u8>> {
        self.machines[node].node()?.table_log(table)
    }

    /// A digest of everything that was handed to nodes and told by them.
    pub fn digest(&self) -> blake3::Hash {
        self.digest.finish()
    }

    pub fn plan(&mut self, at: Instant, fault: Fault) {
        self.enter(at, Entry::Fault(fault));
    }

    /// A fault that happens now.
    pub fn inflict(&mut self, fault: Fault) -> Step {
        self.on_fault(fault);
        core::mem::take(&mut self.step)
    }

    /// See [`Net::set_quality`].
    pub fn set_quality(&mut self, edge: EdgeId, quality: Quality) {
        self.net.set_quality(edge, quality);
    }

    /// A liar: whatever the node sends is sent so many times more; 0 makes it honest again. The
    /// node knows nothing of it.
    pub fn flood(&mut self, node: usize, times: u32) {
        self.flooders.insert(node, times);
    }

    /// Plans a death at one write, by its number instead of by time.
    pub fn crash_at(&mut self, plan: CrashAt) {
        self.crash_at = Some(plan);
    }

    /// Deaths so far.
    pub fn crashes(&self) -> u64 {
        self.crashes
    }

    /// Asks a running node for something, at once. Nothing when it is dead.
    pub fn command(&mut self, node: usize, command: Command) -> Option<RequestId> {
        self.machines[node].node()?;
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let input = Input::Command { request, command };
        self.enter_local(self.now, node, Local::Input(input));
        Some(request)
    }

    /// The next entry, if there is one up to and including `limit`; else time moves to `limit`.
    pub fn step(&mut self, limit: Instant) -> Option<Step> {
        let next = self.calendar.first_key_value().map(|(key, _)| *key);
        let Some(key) = next.filter(|(at, _)| *at <= limit) else {
            self.now = self.now.max(limit);
            return None;
        };
        let entry = self.calendar.remove(&key)?;
        self.same_instant = if key.0 == self.now { self.same_instant + 1 } else { 0 };
        self.now = key.0;
        self.steps += 1;
        if self.same_instant > SAME_INSTANT_MAX {
            let node = if let Entry::Local(node, ..) = entry { node } else { 0 };
            self.step.breaches.push((node, Breach::TimeStandsStill));
        }
        match entry {
            Entry::Transit(transit) => {
                if let Some(arrival) = self.net.arrive(transit) {
                    self.on_arrival(arrival);
                }
            }
            Entry::Fault(fault) => self.on_fault(fault),
            Entry::Local(node, life, what) if self.life(node) == Some(life) => {
                self.on_local(node, what);
            }
            Entry::Local(..) => {}
        }
        Some(core::mem::take(&mut self.step))
    }

    fn enter(&mut self, at: Instant, entry: Entry) -> (Instant, u64) {
        let key = (at.max(self.now), self.sequence);
        self.sequence += 1;
        self.calendar.insert(key, entry);
        key
    }

    fn enter_local(&mut self, at: Instant, node: usize, what: Local) -> (Instant, u64) {
        let life = self.machines[node].life;
        self.enter(at, Entry::Local(node, life, what))
    }

    fn enter_transit(&mut self, transit: Option<Transit>) {
        if let Some(transit) = transit {
            self.enter(transit.at, Entry::Transit(transit));
        }
    }

    fn on_local(&mut self, node: usize, what: Local) {
        match what {
            Local::Wake => {
                self.machines[node].wake = None;
                self.hand(node, Input::Wake);
            }
            Local::DialTimeout { connection, address } => {
                if self.net.is_opening(connection) {
                    self.close(connection, Side::Dialer);
                    let why = "nobody answered in time".to_owned();
                    self.hand(node, Input::DialFailed { address, why });
                }
            }
            Local::Written { ticket, writes } => {
                let lag = self.draw(WRITE_MIN);
                let machine = &mut self.machines[node];
                machine.write(writes);
                machine.written += 1;
                let written = machine.written;
                if self.crash_if_due(node, written, Moment::Written) {
                    return;
                }
                let machine = &mut self.machines[node];
                machine.reported_at = machine.reported_at.max(self.now + lag);
                let at = machine.reported_at;
                self.enter_local(at, node, Local::Input(Input::Stored { ticket }));
            }
            Local::Input(input) => {
                let stored = matches!(input, Input::Stored { .. });
                self.hand(node, input);
                if stored {
                    self.machines[node].told += 1;
                    let told = self.machines[node].told;
                    self.crash_if_due(node, told, Moment::Told);
                }
            }
        }
    }

    /// `count` writes of this life have come as far as `moment`.
    fn crash_if_due(&mut self, node: usize, count: u64, moment: Moment) -> bool {
        let first = self.life(node) == Some(Life(1));
        let due = |plan: &CrashAt| {
            (plan.node, plan.write + 1, plan.moment) == (node, count, moment) && first
        };
        let Some(plan) = self.crash_at.take_if(|plan| due(plan)) else { return false };
        self.crash(node, Death::Killed);
        self.enter(self.now + plan.back_after, Entry::Fault(Fault::Restart { node }));
        true
    }

    fn on_fault(&mut self, fault: Fault) {
        match fault {
            Fault::Cut { edge, how } => {
                for arrival in self.net.cut(edge, how) {
                    self.on_arrival(arrival);
                }
            }
            Fault::Restore { edge } => {
                for arrival in self.net.restore(edge) {
                    self.on_arrival(arrival);
                }
            }
            Fault::Crash { node, how } => self.crash(node, how),
            Fault::Restart { node } => self.restart(node),
        }
    }

    fn crash(&mut self, node: usize, how: Death) {
        if self.life(node).is_none() {
            return;
        }
        self.crashes += 1;
        let machine = &mut self.machines[node];
        machine.die(how);
        if let Some(key) = machine.wake.take() {
            self.calendar.remove(&key);
        }
        if how == Death::Killed {
            self.close_all(node);
        }
        self.step.lives.push(node);
    }

    fn restart(&mut self, node: usize) {
        if self.life(node).is_some() {
            return;
        }
        // The machine answers for connections it no longer knows by refusing them.
        self.close_all(node);
        self.machines[node].start(self.now);
        self.step.lives.push(node);
        self.drain(node);
    }

    fn close_all(&mut self, node: usize) {
        for (connection, side) in self.net.ends_of(node) {
            self.close(connection, side);
        }
    }

    fn close(&mut self, connection: ConnectionId, side: Side) {
        if side == Side::Dialer {
            self.dials.remove(&connection);
        }
        let transit = self.net.close(self.now, connection, side);
        self.enter_transit(transit);
    }

    fn on_arrival(&mut self, Arrival { node, connection, to, item }: Arrival) {
        match (item, &self.machines[node].state) {
            (Item::Open, State::Running(_)) => self.on_open(node, connection, to),
            (Item::Open, State::Dead(Death::Killed)) => self.close(connection, to),
            (Item::Frame(bytes), State::Running(_)) => {
                if let Some(link) = self.machines[node].link_of(connection, to) {
                    self.hand(node, Input::LinkBytes { link, bytes });
                }
            }
            (Item::End, State::Running(_) | State::Dead(_)) => self.on_end(node, connection, to),
            // Nobody is there to hear it; a dialer gives up by its own time-out.
            (Item::Open, State::Dead(Death::PowerLost)) | (Item::Frame(_), State::Dead(_)) => {}
        }
    }

    fn on_open(&mut self, node: usize, connection: ConnectionId, side: Side) {
        let Some(mtu) = self.net.quality(connection).map(|q| q.mtu) else { return };
        let (role, address) = match side {
            Side::Listener => {
                let transit = self.net.accept(self.now, connection);
                self.enter_transit(transit);
                (LinkRole::Listener, None)
            }
            Side::Dialer => (LinkRole::Dialer, self.dials.remove(&connection)),
        };
        let link = self.machines[node].attach(connection, side);
        let Some(transport) = self.net.transport(connection) else { return };
        let path = match transport {
            Transport::Ble => PathClass::Bluetooth,
            _ => PathClass::Lan,
        };
        self.hand(node, Input::LinkUp { link, transport, path, role, mtu, address });
    }

    fn on_end(&mut self, node: usize, connection: ConnectionId, side: Side) {
        let dialled = match side {
            Side::Dialer => self.dials.remove(&connection),
            Side::Listener => None,
        };
        if let Some(address) = dialled {
            let why = "connection refused".to_owned();
            self.hand(node, Input::DialFailed { address, why });
        }
        if let Some(link) = self.machines[node].link_of(connection, side) {
            self.machines[node].links.remove(&link);
            let reason = CloseReason::TransportClosed;
            self.hand(node, Input::LinkDown { link, reason });
        }
    }

    fn hand(&mut self, node: usize, input: Input) {
        self.digest.input(self.now, node, &input);
        let machine = &mut self.machines[node];
        let local = machine.local(self.now);
        if let Some(running) = machine.actor_mut() {
            running.handle(input, local);
            self.drain(node);
        }
    }

    fn drain(&mut self, node: usize) {
        let mut asked_now = Vec::new();
        for _ in 0..OUTPUTS_MAX {
            let Some(running) = self.machines[node].actor_mut() else { return };
            match running.poll_output() {
                Output::Send { link, bytes } => {
                    for _ in 0..self.flooders.get(&node).copied().unwrap_or_default() {
                        self.send(node, link, bytes.clone());
                    }
                    self.send(node, link, bytes);
                }
                Output::Hangup { link, reason: _ } => self.hang_up(node, link),
                Output::Dial { address } => self.dial(node, address),
                Output::Radio(_) | Output::Signal { .. } => {}
                Output::Persist { ticket, writes } => {
                    let delay = WRITE_MIN + self.draw(WRITE_MAX - WRITE_MIN);
                    let machine = &mut self.machines[node];
                    machine.disk_free_at = machine.disk_free_at.max(self.now + delay);
                    machine.asked += 1;
                    let (at, asked) = (machine.disk_free_at, machine.asked);
                    self.enter_local(at, node, Local::Written { ticket, writes });
                    asked_now.push(asked);
                }
                Output::Event(event) => {
                    self.digest.event(self.now, node, &event);
                    self.step.events.push((node, event));
                }
                Output::Wait(wakeup) => {
                    self.wait(node, wakeup.map(|w| w.at));
                    for asked in asked_now {
                        self.crash_if_due(node, asked, Moment::Asked);
                    }
                    return;
                }
            }
        }
        self.step.breaches.push((node, Breach::TooManyOutputs));
    }

    fn wait(&mut self, node: usize, at: Option<Instant>) {
        if let Some(key) = self.machines[node].wake.take() {
            self.calendar.remove(&key);
        }
        if let Some(at) = at {
            let at = self.machines[node].world(at);
            self.machines[node].wake = Some(self.enter_local(at, node, Local::Wake));
        }
    }

    fn send(&mut self, node: usize, link: LinkId, bytes: Vec<u8>) {
        let got = bytes.len();
        let Some((connection, side)) = self.machines[node].links.get(&link).copied() else {
            self.step.breaches.push((node, Breach::UnknownLink { link }));
            return;
        };
        match self.net.send(self.now, connection, side, bytes) {
            Sent::OnItsWay(transits) => {
                for transit in transits {
                    self.enter_transit(Some(transit));
                }
            }
            Sent::Congested => {
                self.enter_local(self.now, node, Local::Input(Input::Congested { link }));
            }
            // Its end is on the way to this node.
            Sent::Gone => {}
            Sent::TooLarge { mtu } => {
                self.step.breaches.push((node, Breach::FrameTooLarge { got, mtu }));
            }
        }
    }

    fn hang_up(&mut self, node: usize, link: LinkId) {
        match self.machines[node].links.remove(&link) {
            Some((connection, side)) => self.close(connection, side),
            None => self.step.breaches.push((node, Breach::UnknownLink { link })),
        }
    }

    fn dial(&mut self, node: usize, address: Address) {
        let target = address.0.split_once("://").and_then(|(scheme, number)| {
            let kinds = Transport::ALL.into_iter();
            let kind = match scheme {
                "sim" => Transport::Tcp,
                scheme => kinds.into_iter().find(|kind| kind.name() == scheme)?,
            };
            let target = number.parse::<usize>().ok()?;
            Some((target, self.net.edge_between(node, target, kind)?))
        });
        let Some((target, edge)) = target else {
            let why = "no way to that address".to_owned();
            self.enter_local(
                self.now + WRITE_MIN,
                node,
                Local::Input(Input::DialFailed { address, why }),
            );
            return;
        };
        let timeout = self.now + DIAL_TIMEOUT;
        match self.net.edge(edge).state {
            EdgeState::Up => {
                let (connection, knock) = self.net.dial(self.now, edge, node, target);
                self.enter_transit(knock);
                self.dials.insert(connection, address.clone());
                self.enter_local(timeout, node, Local::DialTimeout { connection, address });
            }
            EdgeState::Down(how) => {
                let (at, why) = match how {
                    Cut::Silent => (timeout, "nobody answered in time"),
                    Cut::Loud => (self.now + self.net.edge(edge).quality.latency, "unreachable"),
                };
                let why = why.to_owned();
                self.enter_local(at, node, Local::Input(Input::DialFailed { address, why }));
            }
        }
    }

    fn draw(&mut self, span: Duration) -> Duration {
        Duration::from_micros(self.disk.below(span.as_micros() as u64 + 1))
    }
}

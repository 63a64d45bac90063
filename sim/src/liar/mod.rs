//! A member that lies: the rooms of the core as they ship, put together by a root that does not
//! keep the rules.
//!
//! `Node` seals what it says end to end, so a liar cannot be a wrapper around its frames. It is a
//! second composition root, as `node/dispatch.rs` is the first: the same links, map, router and
//! tables, with its own keys, and a [`tongue::Tongue`] where the tables' messages are still plain.
//! Nothing in the core knows that there are liars, and honest nodes meet them over the same wire.
//!
//! A liar has no disk, does not crash, has no health, repairs nothing and looks for nobody. With
//! [`Lie::TwoFaces`] it has two sets of tables, and each member talks to one of them.

mod ear;
mod lie;
mod pen;
mod tongue;

pub use bitcraps_core::agree::message::Step;
pub use ear::DoubleVote;
pub use lie::{Lie, Plot};

use bitcraps_core::{
    crypto::identity::Identity,
    game::{self, Tables, message::Message},
    id::{NodeKind, PeerId},
    link::{self, Links, redial::Redial},
    map::{self, AnnouncedLink, Freshness, Map},
    node::{Address, Config, Input, Output, WakeReason, Wakeup},
    route::{self, Delivery, Router, Topology},
    seed::Seed,
    time::{Duration, Instant},
    transport::Class,
    wire::{Body, News, Packet},
};
use ear::Ear;
use std::collections::{BTreeMap, VecDeque};
use tongue::{Scene, Tongue};

/// Between two chances to say something unasked.
const INTERJECT_EVERY: Duration = Duration::from_millis(200);

/// See the module.
pub struct Liar {
    identity: Identity,
    plot: Plot,
    links: Links,
    redial: Redial,
    map: Map,
    router: Router,
    /// One set of tables, or one for each face.
    faces: Vec<Tables>,
    tongue: Tongue,
    ear: Ear,
    links_stale: bool,
    topology_stale: bool,
    interject_at: Instant,
    out: VecDeque<Output>,
}

impl Liar {
    /// As [`bitcraps_core::node::Node::new`], with an empty disk.
    pub fn new(
        config: &Config,
        plot: Plot,
        identity: Identity,
        seed: &Seed,
        now: Instant,
        wall_ms: u64,
    ) -> Liar {
        let links = Links::new(
            link::Config { work_bits: config.work_bits, ..link::Config::default() },
            &identity,
            seed.fork("link"),
        );
        let map_config = map::Config {
            work_bits: config.work_bits,
            name: config.name.clone(),
            kind: NodeKind::Regular,
            ..map::Config::default()
        };
        let map = Map::new(map_config, &identity, &seed.fork("map"), now, wall_ms);
        let router = Router::new(route::Config::default(), &identity, &seed.fork("route"), wall_ms);
        let faces = if plot.has(Lie::TwoFaces) { 2 } else { 1 };
        let faces = (0..faces).map(|face| {
            let settings = game::Config { role: config.role, ..game::Config::default() };
            Tables::new(settings, config.name.clone(), &seed.fork(&format!("game {face}")))
        });
        let dial = config.dial.iter().map(|address| address.0.clone());
        let redial = Redial::new(identity.id(), dial, seed.fork("redial"), now);
        let mut liar = Liar {
            tongue: Tongue::new(plot.clone(), &identity, seed.fork("tongue").rng()),
            faces: faces.collect(),
            identity,
            plot,
            links,
            redial,
            map,
            router,
            ear: Ear::default(),
            links_stale: true,
            topology_stale: true,
            interject_at: now,
            out: VecDeque::new(),
        };
        liar.settle(now);
        liar
    }

    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::LinkUp { link, transport, path, role, mtu, address } => {
                if let Some(address) = address {
                    self.redial.on_up(link, &address.0);
                }
                self.links.on_up(link, (transport, path), role, mtu, now);
            }
            Input::LinkBytes { link, bytes } => self.links.on_frame(link, &bytes, now),
            Input::LinkDown { link, reason } => self.links.on_down(link, reason, now),
            Input::Congested { link } => self.links.on_congested(link, now),
            Input::DialFailed { address, .. } => {
                self.redial.on_dial_failed(&address.0, now);
            }
            // It takes no commands and has no disk, no radio and no shell.
            _ => {}
        }
        self.on_timeout(now);
        self.settle(now);
    }

    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.wakeup()))
    }

    /// What it told, by kind.
    pub fn told(&self) -> &BTreeMap<Lie, u64> {
        self.tongue.told()
    }

    /// Members it heard voting twice.
    pub fn doubles(&self) -> &[DoubleVote] {
        &self.ear.doubles
    }

    /// Different votes of others that it heard.
    pub fn heard(&self) -> u64 {
        self.ear.heard
    }

    fn wakeup(&self) -> Option<Wakeup> {
        let due = [
            (self.links.deadline(), WakeReason::Link),
            (self.redial.deadline(), WakeReason::Redial),
            (self.map.deadline(), WakeReason::Map),
            (self.router.deadline(), WakeReason::Route),
            (self.faces.iter().filter_map(Tables::deadline).min(), WakeReason::Table),
            (self.plays().then_some(self.interject_at), WakeReason::Table),
        ];
        let wakeups = due.into_iter().filter_map(|(at, why)| Some(Wakeup { at: at?, why }));
        wakeups.min_by_key(|wakeup| wakeup.at)
    }

    fn plays(&self) -> bool {
        self.faces.iter().any(|tables| tables.sessions().next().is_some())
    }

    fn on_timeout(&mut self, now: Instant) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.links.deadline()) {
            self.links.on_timeout(now);
        }
        if due(self.map.deadline()) {
            self.map.on_timeout(now);
        }
        if due(self.router.deadline()) {
            self.router.on_timeout(now);
        }
        for tables in self.faces.iter_mut().filter(|tables| due(tables.deadline())) {
            tables.on_timeout(&self.identity, now);
        }
        if self.plays() && self.interject_at <= now {
            self.interject_at = now + INTERJECT_EVERY;
            self.interject(now);
        }
    }

    fn settle(&mut self, now: Instant) {
        loop {
            let busy = self.drain_links(now)
                | self.drain_redial(now)
                | self.drain_map(now)
                | self.drain_router(now)
                | self.drain_faces(now)
                | self.refresh(now);
            if !busy {
                return;
            }
        }
    }

    fn drain_links(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.links.poll_output() {
            busy = true;
            match output {
                link::Output::Send { link, bytes } => {
                    self.out.push_back(Output::Send { link, bytes });
                }
                link::Output::Hangup { link, reason } => {
                    self.out.push_back(Output::Hangup { link, reason });
                }
                link::Output::Opened { link, peer, first, .. } => {
                    self.links_stale = true;
                    self.redial.on_opened(link, peer.id());
                    self.refresh(now);
                    if first {
                        self.map.on_neighbour_up(peer.id(), now);
                    }
                }
                link::Output::Closed { link, peer, reason } => {
                    self.redial.on_closed(link, peer, reason, now);
                    if let Some(peer) = peer {
                        self.links_stale = true;
                        self.refresh(now);
                        if !self.links.is_linked(&peer) {
                            self.map.on_neighbour_down(peer, now);
                        }
                    }
                }
                link::Output::Received { from, packet } => match Packet::decode(&packet) {
                    Ok(Packet::Map(message)) => self.map.on_message(from, message, now),
                    Ok(Packet::Route(message)) => self.router.on_message(from, message, now),
                    Err(_) => {}
                },
                link::Output::Measured { .. } => self.links_stale = true,
                link::Output::Switched { .. } | link::Output::Prepare { .. } => {}
            }
        }
        busy
    }

    fn drain_redial(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(address) = self.redial.poll_dial(now) {
            busy = true;
            self.out.push_back(Output::Dial { address: Address(address) });
        }
        busy
    }

    fn drain_map(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.map.poll_output() {
            busy = true;
            match output {
                map::Output::Flood(announcement) => {
                    self.router.flood(News::Announcement(&announcement).encode());
                }
                map::Output::Send { to, message } => {
                    self.hand_over(to, &Packet::Map(message), now);
                }
                map::Output::Changed => self.topology_stale = true,
                map::Output::EarlierLifeHeard { version } => self.router.number_from(version),
                map::Output::PartitionFormed { .. } | map::Output::PartitionHealed => {}
            }
        }
        busy
    }

    fn drain_router(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.router.poll_output() {
            busy = true;
            match output {
                route::Output::Forward { to, message } => {
                    let own = self.identity.id();
                    let others = matches!(&message, route::Message::Datagram(d) if d.src != own);
                    if others && self.plot.has(Lie::NoRelaying) && self.plays() {
                        self.tongue.count(Lie::NoRelaying);
                    } else {
                        self.hand_over(to, &Packet::Route(message), now);
                    }
                }
                route::Output::Deliver { from, body } => self.delivered(from, &body, now),
                route::Output::Flooded { key, body, .. } => match self.is_news(&body, now) {
                    true => self.router.relay(key),
                    false => self.router.drop_flood(key),
                },
                route::Output::Delivered { .. } | route::Output::Undeliverable { .. } => {}
            }
        }
        busy
    }

    /// It votes for no leader, but lets others hear of one.
    fn is_news(&mut self, body: &[u8], now: Instant) -> bool {
        match News::decode(body) {
            Ok(News::Announcement(bytes)) => {
                matches!(self.map.on_announcement(bytes, now), Ok(Freshness::New))
            }
            Ok(News::Election(_)) => true,
            Err(_) => false,
        }
    }

    /// Accomplices say between which faces they talk; everybody else talks to one face, and both
    /// are asked to the table.
    fn delivered(&mut self, from: PeerId, body: &[u8], now: Instant) {
        let (bytes, faces) = match Body::decode(body) {
            Ok(Body::Game(bytes)) => {
                let face = self.face_for(from);
                (bytes, face..face + 1)
            }
            Ok(Body::Signal(body)) if self.plot.accomplices.contains(&from) => {
                let Some((face, bytes)) = body.split_first() else { return };
                let face = usize::from(*face).min(self.faces.len() - 1);
                (bytes, face..face + 1)
            }
            _ => return,
        };
        let Ok(message) = Message::decode(bytes) else { return };
        let forming = matches!(message, Message::Invite(_) | Message::Start(_));
        let faces = if forming { 0..self.faces.len() } else { faces };
        self.tongue.remember(&message);
        for face in faces {
            self.listen(face, &message);
            self.faces[face].on_message(from, message.clone(), &self.identity, now);
        }
    }

    fn listen(&mut self, face: usize, message: &Message) {
        let Message::Agree { table, bytes } = message else { return };
        let Some(session) = self.faces[face].session(*table) else { return };
        let scene = Scene { identity: &self.identity, session };
        if let Some(members) = scene.members() {
            self.ear.hear(table.as_bytes(), &members, scene.next(), bytes);
        }
    }

    fn face_for(&self, peer: PeerId) -> usize {
        usize::from(self.faces.len() > 1 && self.plot.second_half.contains(&peer))
    }

    fn drain_faces(&mut self, now: Instant) -> bool {
        let mut busy = false;
        for face in 0..self.faces.len() {
            while let Some(output) = self.faces[face].poll_output() {
                busy = true;
                match output {
                    game::Output::Send { to, message } => self.say(face, to, message, now),
                    // There is no disk: it claims to have stored everything.
                    game::Output::Store { ticket, .. } => {
                        self.faces[face].on_stored(ticket, &self.identity, now);
                    }
                    // Nobody looks at a liar's screen.
                    _ => {}
                }
            }
        }
        busy
    }

    fn say(&mut self, face: usize, to: PeerId, message: Message, now: Instant) {
        if self.faces.len() > 1 {
            if self.plot.accomplices.contains(&to) {
                let class = delivery(&message);
                let body = [&[face as u8][..], &message.encode()].concat();
                return self.send(to, &Body::Signal(&body), class, now);
            }
            if self.face_for(to) != face {
                return;
            }
            self.tongue.count(Lie::TwoFaces);
        }
        let table = match &message {
            Message::Agree { table, .. }
            | Message::Submit { table, .. }
            | Message::Share { table, .. } => self.faces[face].session(*table),
            _ => None,
        };
        let told = match table {
            Some(session) => {
                let scene = Scene { identity: &self.identity, session };
                self.tongue.speak(&scene, to, message)
            }
            None => vec![message],
        };
        for message in told {
            self.tell(to, &message, now);
        }
    }

    fn interject(&mut self, now: Instant) {
        for face in 0..self.faces.len() {
            let Some(session) = self.faces[face].sessions().next() else { continue };
            let scene = Scene { identity: &self.identity, session };
            let said = self.tongue.interject(&scene);
            for (to, message) in said {
                self.tell(to, &message, now);
            }
        }
    }

    fn tell(&mut self, to: PeerId, message: &Message, now: Instant) {
        self.send(to, &Body::Game(&message.encode()), delivery(message), now);
    }

    fn send(&mut self, to: PeerId, body: &Body, (class, how): (Class, Delivery), now: Instant) {
        // Whom it cannot reach it cannot lie to.
        let _ = self.router.send(to, &body.encode(), class, how, now);
    }

    fn refresh(&mut self, now: Instant) -> bool {
        if self.links_stale {
            self.links_stale = false;
            let announced = self.links.neighbours().map(|n| AnnouncedLink {
                peer: n.peer,
                transport: n.transport,
                latency_us: n.rtt.map(|rtt| u32::try_from(rtt.as_micros() / 2).unwrap_or(u32::MAX)),
                reliability: (n.reliability.clamp(0.0, 1.0) * 65_535.0) as u16,
            });
            self.map.set_links(announced.collect(), now);
            self.router.set_neighbours(self.links.neighbours().map(|n| n.peer).collect());
            self.topology_stale = true;
            return true;
        }
        if !self.topology_stale {
            return false;
        }
        self.topology_stale = false;
        let edge = |e: &map::Edge| route::Edge {
            a: e.a,
            b: e.b,
            latency: e.latency,
            reliability: e.reliability,
        };
        let topology = Topology {
            nodes: self.map.peers().map(|p| (p.id(), p.link_key())).collect(),
            edges: self.map.edges().iter().map(edge).collect(),
        };
        self.router.set_topology(topology);
        let own = self.identity.id();
        let peers = self.map.peers().map(map::KnownPeer::id);
        let reach: game::Reach =
            peers.filter(|peer| *peer != own && self.router.reachable(*peer)).collect();
        for tables in &mut self.faces {
            tables.on_reach(reach.clone(), &self.identity, now);
        }
        true
    }

    fn hand_over(&mut self, to: PeerId, packet: &Packet, now: Instant) {
        // A neighbour that is gone by now is no error: the map will say so.
        let _ = self.links.send(to, packet.class(), &packet.encode(), now);
    }
}

/// As honest nodes send it.
fn delivery(message: &Message) -> (Class, Delivery) {
    match message {
        Message::Agree { .. } | Message::Share { .. } => (Class::Dice, Delivery::Once),
        Message::GetLog { .. } | Message::Log { .. } => (Class::Sync, Delivery::Once),
        _ => (Class::Bets, Delivery::Acked),
    }
}

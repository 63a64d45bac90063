//! Where the rooms meet: the output of one becomes the input of another, in one visible order.
//!
//! Links deliver packets; the map and the router take them; the router hands floods to the map
//! and datagrams to the tables; what the map knows becomes the router's topology and the tables'
//! reach. [`Node::settle`] runs until every room is quiet.
//! Long because the order in which rooms hear of each other is read in one place.

use super::{
    Address, Command, CommandError, Config, Counters, Event, Input, Output, RequestId, WakeReason,
    Wakeup, mending, message::Announced, nearby,
};
use crate::{
    crypto::identity::Identity,
    discover::Discover,
    elect::Elect,
    game::{self, Tables},
    heal::Heal,
    health::Health,
    id::{LinkId, PeerId, TableId},
    limits::NAME_BYTES_MAX,
    link::{self, Links, redial::Redial},
    map::{self, AnnouncedLink, Freshness, Map},
    route::{self, Router, Topology},
    seed::Seed,
    time::{Duration, Instant},
    transport::{CloseReason, Transport},
    trust::{Deed, Trust},
    wire::{News, Packet},
};
use std::collections::VecDeque;

/// One peer.
pub struct Node {
    pub(super) identity: Identity,
    pub(super) config: Config,
    pub(super) started: Instant,
    pub(super) links: Links,
    redial: Redial,
    pub(super) map: Map,
    pub(super) router: Router,
    pub(super) tables: Tables,
    pub(super) health: Health,
    pub(super) heal: Heal,
    pub(super) discover: Discover,
    pub(super) elect: Elect,
    pub(super) trust: Trust,
    /// The tables that the healing room was shown last, in its order.
    pub(super) tables_shown: Vec<TableId>,
    stopping: bool,
    /// Links or the map moved since the router last heard of them.
    stale: Stale,
    pub(super) counted: Counted,
    pub(super) out: VecDeque<Output>,
}

/// What has to be told on before the rooms are quiet.
#[derive(Default)]
struct Stale {
    links: bool,
    topology: bool,
}

/// Figures that no room keeps.
#[derive(Default)]
pub(super) struct Counted {
    pub decode_refused: u64,
    pub tables_lost: u64,
}

impl Node {
    /// A node as it was stored, or a new one when `stored` is empty. `stored` is every key and
    /// value that was asked to be persisted, in key order. `wall_ms` is Unix time, used only to
    /// number announcements and packets so that a restart is newer than what came before.
    pub fn new(
        config: Config,
        identity: Identity,
        seed: &Seed,
        stored: Vec<(Vec<u8>, Vec<u8>)>,
        now: Instant,
        wall_ms: u64,
    ) -> Node {
        let links = Links::new(
            link::Config {
                work_bits: config.work_bits,
                hysteresis: config.hysteresis,
                ..link::Config::default()
            },
            &identity,
            seed.fork("link"),
        );
        let map_config = map::Config {
            work_bits: config.work_bits,
            name: config.name.clone(),
            kind: config.kind,
            ..map::Config::default()
        };
        let map = Map::new(map_config, &identity, &seed.fork("map"), now, wall_ms);
        let router = Router::new(route::Config::default(), &identity, &seed.fork("route"), wall_ms);
        let game = game::Config {
            role: config.role,
            strategy: config.strategy,
            ..game::Config::default()
        };
        let mut tables = Tables::new(game, config.name.clone(), &seed.fork("game"));
        let (_, tables_lost) = tables.restore(&stored, &identity, now);
        let redial = Redial::new(
            identity.id(),
            config.dial.iter().map(|a| a.0.clone()),
            seed.fork("redial"),
            now,
        );
        let health = Health::new(config.health.clone(), identity.id(), &seed.fork("health"), now);
        let heal = Heal::new(mending::settings(&config), identity.id(), &seed.fork("heal"));
        let discover =
            Discover::new(nearby::settings(&config, identity.id()), &seed.fork("discover"));
        let elect = Elect::new(identity.id(), wall_ms, &seed.fork("elect"), now);
        let mut node = Node {
            identity,
            config,
            started: now,
            links,
            redial,
            map,
            router,
            tables,
            health,
            heal,
            discover,
            elect,
            trust: Trust::default(),
            tables_shown: Vec::new(),
            stopping: false,
            stale: Stale { links: true, topology: true },
            counted: Counted { tables_lost: tables_lost as u64, ..Counted::default() },
            out: VecDeque::new(),
        };
        node.announce_attached(now);
        node.settle(now);
        node
    }

    pub fn peer_id(&self) -> PeerId {
        self.identity.id()
    }

    /// Takes one input. Then drain [`Node::poll_output`] to [`Output::Wait`].
    pub fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::LinkUp { link, transport, path, role, mtu, address } => {
                if let Some(address) = address {
                    self.redial.on_up(link, &address.0);
                    self.heal.on_up(link, &address.0);
                    self.discover.on_up(link, &address.0);
                }
                self.links.on_up(link, (transport, path), role, mtu, now);
            }
            Input::LinkBytes { link, bytes } => self.links.on_frame(link, &bytes, now),
            Input::LinkDown { link, reason } => self.links.on_down(link, reason, now),
            Input::Congested { link } => self.links.on_congested(link, now),
            Input::DialFailed { address, why } => self.dial_failed(address, why, now),
            Input::LinkSignal { link, rssi_dbm } => {
                self.links.on_signal(link, rssi_dbm, now);
                self.discover.on_signal(link, rssi_dbm);
            }
            Input::Power { battery_percent, charging } => {
                self.links.on_power(battery_percent, charging, now);
                self.discover.on_power(battery_percent, charging);
            }
            Input::Sighted(sighting) => self.sighted(sighting, now),
            Input::Radio(report) => self.discover.on_radio(report),
            Input::Interference { lost_percent } => self.discover.on_interference(&lost_percent),
            Input::Signal { to, body } => self.signal(to, &body, now),
            Input::Stored { ticket } => self.tables.on_stored(ticket, &self.identity, now),
            Input::Command { request, command } => self.command(request, command, now),
            Input::Wake => {}
            Input::Stop => {
                self.stopping = true;
                // Leave by our own word, so that nobody takes it for a failure.
                self.map.set_links(Vec::new(), now);
                self.settle(now);
                self.links.close_all(CloseReason::Stopping, now);
            }
        }
        self.on_timeout(now);
        self.settle(now);
    }

    /// The next thing to do; [`Output::Wait`] when there is nothing left.
    pub fn poll_output(&mut self) -> Output {
        self.out.pop_front().unwrap_or_else(|| Output::Wait(self.wakeup()))
    }

    /// The decided batches of a table, oldest first, each with its length in front. Equal on every
    /// member at the same height.
    pub fn table_log(&self, table: TableId) -> Option<Vec<u8>> {
        let session = self.tables.session(table)?;
        Some(game::message::encode_log(session.log().map(|decision| decision.value.as_slice())))
    }

    /// Lines of a table's transcript from `from` on; ask again from `next` until none come.
    pub fn transcript(&self, table: TableId, from: u64) -> Option<game::transcript::Part> {
        let session = self.tables.session(table)?;
        Some(game::transcript::part(session.genesis(), session.log(), from))
    }

    fn wakeup(&self) -> Option<Wakeup> {
        let due = [
            (self.links.deadline(), WakeReason::Link),
            (self.redial.deadline().filter(|_| !self.stopping), WakeReason::Redial),
            (self.map.deadline(), WakeReason::Map),
            (self.router.deadline(), WakeReason::Route),
            (self.tables.deadline(), WakeReason::Table),
            (self.health.deadline().filter(|_| !self.stopping), WakeReason::Health),
            (self.heal.deadline().filter(|_| !self.stopping), WakeReason::Heal),
            (self.discover.deadline().filter(|_| !self.stopping), WakeReason::Discover),
            (self.elect.deadline().filter(|_| !self.stopping), WakeReason::Elect),
        ];
        let wakeups = due.into_iter().filter_map(|(at, why)| Some(Wakeup { at: at?, why }));
        wakeups.min_by_key(|w| (w.at, w.why))
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
        if due(self.tables.deadline()) {
            self.tables.on_timeout(&self.identity, now);
        }
        if due(self.health.deadline()) && !self.stopping {
            self.take_snapshot(now);
        }
        if due(self.heal.deadline()) && !self.stopping {
            self.heal.on_timeout(now);
        }
        if due(self.discover.deadline()) {
            self.discover.on_timeout(now);
        }
        if due(self.elect.deadline()) && !self.stopping {
            self.elect.on_timeout(&self.identity, now);
        }
    }

    // ---- commands ------------------------------------------------------------------------

    fn command(&mut self, request: RequestId, command: Command, now: Instant) {
        let identity = &self.identity;
        match command {
            Command::CreateTable { name, invite, rules } => {
                let willing = self.willing(now);
                self.tables.create(request, (name, rules), invite, willing, identity, now);
            }
            Command::JoinTable { table } => {
                let hosts = self.hosts_of(table);
                self.tables.join(request, table, hosts, now);
            }
            Command::WatchTable { table } => {
                let hosts = self.hosts_of(table);
                self.tables.watch(request, table, hosts, now);
            }
            Command::Say { table, text } => {
                self.tables.say(request, table, text, identity, now);
            }
            Command::LeaveTable { table } => self.tables.leave(request, table, identity, now),
            Command::PlaceBet { table, wager, chips } => {
                self.tables.bet(request, table, (wager, chips), identity, now);
            }
            Command::Roll { table } => self.tables.ready(request, table, identity, now),
            Command::Repair { repair } => {
                let result = self.repair(repair, now);
                self.tell(Event::CommandDone { request, result });
            }
            Command::Rename { name } => {
                let result = self.rename(name, now);
                self.tell(Event::CommandDone { request, result });
            }
        }
    }

    fn rename(&mut self, name: String, now: Instant) -> Result<Option<TableId>, CommandError> {
        let refused = CommandError::BadName { got: name.len(), max: NAME_BYTES_MAX };
        if !game::name_is_sound(&name) || self.map.rename(name.clone(), now).is_err() {
            return Err(refused);
        }
        self.tables.rename(name.clone());
        self.config.name = name;
        Ok(None)
    }

    // ---- the rooms -----------------------------------------------------------------------

    /// Moves outputs to inputs until every room is quiet.
    fn settle(&mut self, now: Instant) {
        loop {
            let busy = self.drain_links(now)
                | self.drain_redial(now)
                | self.drain_map(now)
                | self.drain_router(now)
                | self.drain_tables(now)
                | self.drain_health(now)
                | self.drain_heal()
                | (!self.stopping && self.drain_discover(now))
                | self.drain_elect(now)
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
                link::Output::Opened { link, peer, transport, first, .. } => {
                    self.stale.links = true;
                    self.redial.on_opened(link, peer.id());
                    self.heal.on_opened(link, peer.id(), now);
                    self.discover.on_opened(link, peer.id(), transport);
                    self.announce_attached(now);
                    self.refresh(now);
                    if first {
                        self.map.on_neighbour_up(peer.id(), now);
                    }
                    self.tell(Event::LinkOpened { link, peer_id: peer.id(), transport });
                }
                link::Output::Closed { link, peer, reason } => {
                    self.link_closed(link, peer, reason, now);
                }
                link::Output::Received { from, packet } => self.packet(from, &packet, now),
                link::Output::Measured { .. } => self.stale.links = true,
                link::Output::Switched { peer, switch } => self.link_switched(peer, &switch),
                link::Output::Prepare { peer } => self.prepare_link(peer),
            }
        }
        busy
    }

    fn link_closed(
        &mut self,
        link: LinkId,
        peer: Option<PeerId>,
        reason: CloseReason,
        now: Instant,
    ) {
        self.redial.on_closed(link, peer, reason, now);
        self.heal.on_closed(link, peer, reason, now);
        self.discover.on_closed(link, peer, now);
        self.announce_attached(now);
        if let Some(peer) = peer {
            self.stale.links = true;
            self.refresh(now);
            if !self.links.is_linked(&peer) {
                self.map.on_neighbour_down(peer, now);
            }
        }
        self.tell(Event::LinkClosed { link, peer_id: peer, reason });
    }

    fn link_switched(&mut self, peer_id: PeerId, switch: &link::Switch) {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.tell(Event::LinkSwitched {
            peer_id,
            class: switch.class,
            from: switch.from,
            to: switch.to,
            reason: switch.reason,
            interruption_ms: switch.interruption.map(ms),
        });
    }

    /// Dials a neighbour whose link weakens by another kind of link, if it announced one that this
    /// node can dial and does not keep up anyhow.
    fn prepare_link(&mut self, peer: PeerId) {
        let Some(known) = self.map.peers().find(|known| known.id() == peer) else { return };
        let open: Vec<Transport> = self.links.transports(&peer).collect();
        let wanted = |address: &String| {
            let scheme = address.split("://").next().unwrap_or_default();
            let other = Transport::of_scheme(scheme).is_none_or(|kind| !open.contains(&kind));
            let kept = self.config.dial.iter().any(|kept| kept.0 == *address);
            other && !kept && self.config.dials.iter().any(|dials| dials == scheme)
        };
        let addresses = Announced::decode(known.extra()).addresses;
        if let Some(address) = addresses.into_iter().find(wanted) {
            self.out.push_back(Output::Dial { address: Address(address) });
        }
    }

    fn packet(&mut self, from: PeerId, bytes: &[u8], now: Instant) {
        match Packet::decode(bytes) {
            Ok(Packet::Map(message)) => self.map.on_message(from, message, now),
            Ok(Packet::Route(message)) => self.router.on_message(from, message, now),
            Err(_) => self.counted.decode_refused += 1,
        }
    }

    fn drain_redial(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while !self.stopping {
            let Some(address) = self.redial.poll_dial(now) else { break };
            busy = true;
            self.out.push_back(Output::Dial { address: Address(address) });
        }
        busy
    }

    fn dial_failed(&mut self, address: Address, why: String, now: Instant) {
        self.heal.on_dial_failed(&address.0, now);
        let kept = self.redial.on_dial_failed(&address.0, now);
        let found = self.discover.on_dial_failed(&address.0, now);
        let Some(retry) = kept.or(found) else { return };
        let retry_ms = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
        self.tell(Event::DialFailed { address, why, retry_ms });
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
                map::Output::Changed => {
                    self.stale.topology = true;
                    self.tell(Event::MapChanged);
                }
                map::Output::EarlierLifeHeard { version } => self.router.number_from(version),
                map::Output::PartitionFormed { parts } => {
                    self.tell(Event::PartitionFormed { parts });
                }
                map::Output::PartitionHealed => self.tell(Event::PartitionHealed),
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
                    self.hand_over(to, &Packet::Route(message), now);
                }
                route::Output::Deliver { from, body } => self.delivered(from, &body, now),
                route::Output::Flooded { key, body, .. } => match self.is_news(&body, now) {
                    true => self.router.relay(key),
                    false => self.router.drop_flood(key),
                },
                // The tables send again what matters to them; the router counts both.
                route::Output::Delivered { to, .. } => {
                    self.trust.on_deed(to, Deed::Delivered, now);
                }
                route::Output::Undeliverable { to, .. } => {
                    self.trust.on_deed(to, Deed::Undelivered, now);
                }
            }
        }
        busy
    }

    /// Whether a flood told anything.
    fn is_news(&mut self, body: &[u8], now: Instant) -> bool {
        match News::decode(body) {
            Ok(News::Announcement(bytes)) => {
                matches!(self.map.on_announcement(bytes, now), Ok(Freshness::New))
            }
            Ok(News::Election(bytes)) => self.election(bytes, now),
            Err(_) => {
                self.counted.decode_refused += 1;
                false
            }
        }
    }

    /// Tells the map about the links, and the router and the tables about the map.
    fn refresh(&mut self, now: Instant) -> bool {
        if self.stale.links {
            self.stale.links = false;
            let announced = self.links.neighbours().map(|n| AnnouncedLink {
                peer: n.peer,
                transport: n.transport,
                latency_us: n.rtt.map(|rtt| u32::try_from(rtt.as_micros() / 2).unwrap_or(u32::MAX)),
                reliability: (n.reliability.clamp(0.0, 1.0) * 65_535.0) as u16,
            });
            self.map.set_links(announced.collect(), now);
            self.router.set_neighbours(self.links.neighbours().map(|n| n.peer).collect());
            self.stale.topology = true;
            return true;
        }
        if !self.stale.topology {
            return false;
        }
        self.stale.topology = false;
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
        self.watch_topology(now);
        self.mend_parts(now);
        self.meet();
        self.show_electors(now);
        let reach = self
            .map
            .peers()
            .map(map::KnownPeer::id)
            .filter(|peer| *peer != self.identity.id() && self.router.reachable(*peer))
            .collect();
        self.tables.on_reach(reach, &self.identity, now);
        true
    }

    pub(super) fn announce_attached(&mut self, now: Instant) {
        let announced = Announced {
            role: self.config.role,
            tables: self.tables.ads(),
            addresses: self.config.addresses.iter().map(|address| address.0.clone()).collect(),
            mended: self.heal.made(),
            meets: nearby::meets(&self.config),
        };
        // At most sixteen tables and four addresses are named, which always fits.
        let _ = self.map.set_extra(announced.encode(), now);
    }

    /// A neighbour that is gone by now is no error: the map will say so.
    fn hand_over(&mut self, to: PeerId, packet: &Packet, now: Instant) {
        let _ = self.links.send(to, packet.class(), &packet.encode(), now);
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn counters(&self) -> Counters {
        super::picture::counters(self, &self.counted)
    }
}

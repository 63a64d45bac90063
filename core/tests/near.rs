//! Whole nodes that find each other: sightings that lead to links, and tabs that meet through the
//! mesh and stay together when the node between them dies. Frames take five milliseconds.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::{
    crypto::identity::Identity,
    discover::{Advertisement, BLE_PATIENCE, Capabilities, prefix_of},
    id::{LinkId, NodeKind, PeerId},
    node::{
        Adapter, Address, CloseReason, Config, Event, Input, LinkRole, LinkState, Node, Output,
        PathClass, RadioPlan, RadioReport, SIGNAL_BYTES_MAX, Sighting, Transport,
    },
    seed::Seed,
    time::{Duration, Instant},
};
use std::collections::BTreeMap;

const HOP: Duration = Duration::from_millis(5);
const SECOND: Duration = Duration::from_secs(1);
const WALL_MS: u64 = 1_700_000_000_000;

/// What the test's shells say to each other to open a data channel.
const OFFER: &[u8] = b"offer";
const ANSWER: &[u8] = b"answer";

struct Room {
    now: Instant,
    sequence: u64,
    due: BTreeMap<(Instant, u64), (usize, Input)>,
    nodes: Vec<Option<Node>>,
    ids: Vec<PeerId>,
    wires: BTreeMap<(usize, LinkId), (usize, LinkId)>,
    next_link: u64,
    /// Who dialled what.
    dials: Vec<(Instant, usize, String)>,
    events: Vec<(usize, Event)>,
    plans: BTreeMap<usize, RadioPlan>,
    signals: usize,
    /// Whether radios can be connected to.
    radios_answer: bool,
}

impl Room {
    fn new(configs: Vec<Config>) -> Room {
        let now = Instant::from_millis(1000);
        let mut room = Room {
            now,
            sequence: 0,
            due: BTreeMap::new(),
            nodes: Vec::new(),
            ids: Vec::new(),
            wires: BTreeMap::new(),
            next_link: 0,
            dials: Vec::new(),
            events: Vec::new(),
            plans: BTreeMap::new(),
            signals: 0,
            radios_answer: true,
        };
        for (n, config) in (0..).zip(configs) {
            let seed = Seed::from_number(n);
            let identity = Identity::generate(&seed, 0);
            room.ids.push(identity.id());
            let node = Node::new(config, identity, &seed.fork("run"), Vec::new(), now, WALL_MS);
            room.nodes.push(Some(node));
            room.drain(n as usize);
        }
        room
    }

    fn enter(&mut self, after: Duration, node: usize, input: Input) {
        self.sequence += 1;
        self.due.insert((self.now + after, self.sequence), (node, input));
    }

    fn hand(&mut self, node: usize, input: Input) {
        if let Some(running) = &mut self.nodes[node] {
            running.handle(input, self.now);
            self.drain(node);
        }
    }

    fn drain(&mut self, node: usize) {
        while let Some(running) = &mut self.nodes[node] {
            match running.poll_output() {
                Output::Send { link, bytes } => {
                    if let Some((to, link)) = self.wires.get(&(node, link)).copied() {
                        self.enter(HOP, to, Input::LinkBytes { link, bytes });
                    }
                }
                Output::Hangup { link, .. } => self.cut(node, link, HOP),
                Output::Dial { address } => self.dial(node, address),
                Output::Signal { from, body } => self.signal(node, from, &body),
                Output::Radio(plan) => {
                    self.plans.insert(node, plan);
                }
                Output::Persist { ticket, .. } => {
                    self.enter(Duration::ZERO, node, Input::Stored { ticket });
                }
                Output::Event(event) => self.events.push((node, event)),
                Output::Wait(_) => return,
            }
        }
    }

    fn dial(&mut self, node: usize, address: Address) {
        self.dials.push((self.now, node, address.0.clone()));
        let (scheme, rest) = address.0.split_once("://").unwrap();
        if scheme == "webrtc" {
            let to = rest.parse().unwrap();
            return self.enter(HOP, node, Input::Signal { to, body: OFFER.to_vec() });
        }
        let transport = if scheme == "ble" { Transport::Ble } else { Transport::Tcp };
        let to: usize = rest.parse().unwrap();
        if self.nodes[to].is_none() || (scheme == "ble" && !self.radios_answer) {
            let why = "nobody answers".to_owned();
            return self.enter(HOP, node, Input::DialFailed { address, why });
        }
        self.connect(node, to, transport, address);
    }

    fn connect(&mut self, dialer: usize, listener: usize, transport: Transport, address: Address) {
        let path = PathClass::Lan;
        let links = [0, 1].map(|n| LinkId(self.next_link + n));
        self.next_link += 2;
        self.wires.insert((dialer, links[0]), (listener, links[1]));
        self.wires.insert((listener, links[1]), (dialer, links[0]));
        let ends = [
            (dialer, links[0], LinkRole::Dialer, Some(address)),
            (listener, links[1], LinkRole::Listener, None),
        ];
        for (node, link, role, address) in ends {
            let up = Input::LinkUp { link, transport, path, role, mtu: 512, address };
            self.enter(HOP, node, up);
        }
    }

    /// A shell hears another one's word.
    fn signal(&mut self, node: usize, from: PeerId, body: &[u8]) {
        self.signals += 1;
        let other = self.ids.iter().position(|id| *id == from).unwrap();
        match body {
            OFFER => self.enter(HOP, node, Input::Signal { to: from, body: ANSWER.to_vec() }),
            ANSWER => {
                let address = Address(format!("webrtc://{from}"));
                self.connect(node, other, Transport::WebRtc, address);
            }
            _ => panic!("a shell said something else"),
        }
    }

    fn cut(&mut self, node: usize, link: LinkId, after: Duration) {
        if let Some((other, theirs)) = self.wires.remove(&(node, link)) {
            self.wires.remove(&(other, theirs));
            let reason = CloseReason::TransportClosed;
            self.enter(after, other, Input::LinkDown { link: theirs, reason });
        }
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        let ends: Vec<_> = self.wires.keys().filter(|(n, _)| *n == node).copied().collect();
        ends.into_iter().for_each(|(node, link)| self.cut(node, link, HOP));
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let wakes = self.nodes.iter_mut().enumerate().filter_map(|(n, node)| {
                match node.as_mut()?.poll_output() {
                    Output::Wait(wakeup) => Some((wakeup?.at, n)),
                    output => panic!("not drained: {output:?}"),
                }
            });
            let wake = wakes.min();
            let next = self.due.first_key_value().map(|(key, _)| *key);
            match (next, wake) {
                (Some(key), wake) if key.0 <= end && wake.is_none_or(|(at, _)| key.0 <= at) => {
                    let (node, input) = self.due.remove(&key).unwrap();
                    self.now = key.0;
                    self.hand(node, input);
                }
                (_, Some((at, node))) if at <= end => {
                    self.now = self.now.max(at);
                    self.hand(node, Input::Wake);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Everybody in `who` hears everybody else's advertisement.
    fn advertise(&mut self, who: &[usize], rssi_dbm: i8) {
        for (a, b) in who.iter().flat_map(|a| who.iter().map(move |b| (*a, *b))) {
            if a != b {
                let said = Advertisement {
                    prefix: prefix_of(self.ids[b]),
                    capabilities: Capabilities::ALL,
                };
                let sighting = Sighting {
                    address: format!("ble://{b}"),
                    transport: Transport::Ble,
                    record: said.encode(),
                    rssi_dbm: Some(rssi_dbm),
                };
                self.hand(a, Input::Sighted(sighting));
            }
        }
    }

    fn open(&self, node: usize, over: Transport) -> Vec<PeerId> {
        let view = self.nodes[node].as_ref().unwrap().view(self.now);
        let open = view.links.iter().filter(|l| l.state == LinkState::Open);
        let mut open: Vec<_> =
            open.filter(|l| l.transport == over).filter_map(|l| l.peer_id).collect();
        open.sort_unstable();
        open.dedup();
        open
    }
}

fn config(kind: NodeKind, dial: &[usize], dials: &[&str]) -> Config {
    Config {
        kind,
        work_bits: 0,
        dial: dial.iter().map(|n| Address(format!("sim://{n}"))).collect(),
        dials: dials.iter().map(|s| (*s).to_owned()).collect(),
        ..Config::default()
    }
}

/// A node at 0 and tabs around it.
fn tabs(count: usize) -> Room {
    let node = [config(NodeKind::Gateway, &[], &[])];
    let tabs = (0..count).map(|_| config(NodeKind::Browser, &[0], &["ws", "webrtc"]));
    Room::new(node.into_iter().chain(tabs).collect())
}

#[test]
fn tabs_meet_through_their_node_and_stay_one_mesh_when_it_dies() {
    let mut room = tabs(5);
    room.run(SECOND * 10);
    for tab in 1..=5 {
        assert_eq!(room.open(tab, Transport::WebRtc).len(), 4, "tab {tab}");
    }
    assert_eq!(room.open(0, Transport::WebRtc), []);
    let meetings = room.dials.iter().filter(|(.., address)| address.starts_with("webrtc"));
    for (_, node, address) in meetings.clone() {
        let other: PeerId = address.strip_prefix("webrtc://").unwrap().parse().unwrap();
        assert!(room.ids[*node] < other, "the smaller id dials");
    }
    assert_eq!((meetings.count(), room.signals), (10, 20));

    room.kill(0);
    room.run(SECOND * 20);
    for tab in 1..=5 {
        assert_eq!(room.open(tab, Transport::WebRtc).len(), 4, "tab {tab}");
        let view = room.nodes[tab].as_ref().unwrap().view(room.now);
        let reachable = view.map.nodes.iter().filter(|n| n.reachable).count();
        assert_eq!(reachable, 5, "tab {tab} reaches all tabs and not the node");
    }
}

#[test]
fn shells_signal_to_tabs_alone_and_what_is_too_long_or_too_much_is_dropped() {
    let mut room = tabs(2);
    room.run(SECOND * 10);
    let heard = room.signals;
    let (node, tab, other) = (room.ids[0], 1, room.ids[2]);
    room.hand(tab, Input::Signal { to: node, body: ANSWER.to_vec() });
    room.hand(tab, Input::Signal { to: other, body: vec![0; SIGNAL_BYTES_MAX + 1] });
    room.hand(tab, Input::Signal { to: other, body: Vec::new() });
    room.hand(tab, Input::Signal { to: PeerId::from_bytes([7; 32]), body: ANSWER.to_vec() });
    room.hand(0, Input::Signal { to: other, body: ANSWER.to_vec() });
    room.run(SECOND);
    assert_eq!(room.signals, heard);
    let counters = |room: &Room, n: usize| room.nodes[n].as_ref().unwrap().view(room.now).counters;
    assert_eq!(counters(&room, tab).signals_refused, 4);
    assert_eq!(counters(&room, 0).signals_refused, 1, "a node does not meet");
    for _ in 0..100 {
        room.hand(tab, Input::Signal { to: other, body: vec![1; SIGNAL_BYTES_MAX] });
    }
    assert!(counters(&room, tab).signals_refused > 40);
}

#[test]
fn two_radios_in_reach_link_once_and_again_after_the_link_is_lost() {
    let radio = || config(NodeKind::Regular, &[], &["ble"]);
    let mut room = Room::new(vec![radio(), radio()]);
    for _ in 0..10 {
        room.advertise(&[0, 1], -60);
        room.run(SECOND);
    }
    assert_eq!(room.dials.len(), 1, "{:?}", room.dials);
    let smaller = usize::from(prefix_of(room.ids[1]) < prefix_of(room.ids[0]));
    assert_eq!(room.dials[0].1, smaller);
    assert_eq!(room.open(0, Transport::Ble), [room.ids[1]]);
    let view = room.nodes[0].as_ref().unwrap().view(room.now);
    assert_eq!(view.nearby[0].peer_id, Some(room.ids[1]));
    assert!((1.0..1.3).contains(&view.nearby[0].distance_m.unwrap()));

    let (&(node, link), _) = room.wires.first_key_value().unwrap();
    room.cut(node, link, HOP);
    room.hand(node, Input::LinkDown { link, reason: CloseReason::TransportClosed });
    for _ in 0..10 {
        room.advertise(&[0, 1], -60);
        room.run(SECOND);
    }
    assert_eq!(room.open(0, Transport::Ble), [room.ids[1]]);
    assert!(room.dials.iter().all(|(_, node, _)| *node == smaller), "{:?}", room.dials);
}

#[test]
fn the_larger_prefix_steps_in_when_the_smaller_one_cannot_dial() {
    let mut room = Room::new(vec![
        config(NodeKind::Regular, &[], &["ble"]),
        config(NodeKind::Regular, &[], &["ble"]),
    ]);
    let larger = usize::from(prefix_of(room.ids[1]) > prefix_of(room.ids[0]));
    let said =
        Advertisement { prefix: prefix_of(room.ids[1 - larger]), capabilities: Capabilities::ALL };
    let start = room.now;
    for _ in 0..60 {
        // Only the larger one hears the other.
        let sighting = Sighting {
            address: format!("ble://{}", 1 - larger),
            transport: Transport::Ble,
            record: said.encode(),
            rssi_dbm: None,
        };
        room.hand(larger, Input::Sighted(sighting));
        room.run(SECOND);
    }
    assert_eq!(room.dials.len(), 1);
    assert!(room.dials[0].0.since(start) >= BLE_PATIENCE);
    assert_eq!(room.open(0, Transport::Ble).len(), 1);
}

#[test]
fn a_radio_that_answers_nobody_is_dialled_seldom_and_gone_after_half_a_minute_of_silence() {
    let radio = || config(NodeKind::Regular, &[], &["ble"]);
    let mut room = Room::new(vec![radio(), radio()]);
    room.radios_answer = false;
    for _ in 0..600 {
        room.advertise(&[0, 1], -60);
        room.run(SECOND);
    }
    assert!((5..80).contains(&room.dials.len()), "{} dials in ten minutes", room.dials.len());
    room.run(SECOND * 31);
    let gone = room.events.iter().filter(|(_, e)| matches!(e, Event::PeerGone { .. })).count();
    let seen = room.events.iter().filter(|(_, e)| matches!(e, Event::PeerSighted { .. })).count();
    assert_eq!((gone, seen), (2, 2));
    assert!(room.nodes[0].as_ref().unwrap().view(room.now).nearby.is_empty());
}

#[test]
fn a_plan_is_made_for_whoever_has_an_adapter_and_rests_once_nobody_is_missed() {
    let radio = || config(NodeKind::Regular, &[], &["ble"]);
    let mut room = Room::new(vec![radio(), radio()]);
    room.run(SECOND);
    assert!(room.plans.is_empty());
    let adapter = Adapter::On { name: "hci0".to_owned() };
    let report = RadioReport { adapter, peripheral: true, not_applied: Vec::new() };
    room.hand(0, Input::Radio(report.clone()));
    let searching = room.plans[&0].clone();
    let said = Advertisement::decode(searching.advertisement.as_ref().unwrap()).unwrap();
    assert_eq!(said.prefix, prefix_of(room.ids[0]));
    for _ in 0..5 {
        room.advertise(&[0, 1], -60);
        room.run(SECOND);
    }
    assert!(room.plans[&0].scan_on < searching.scan_on, "linked: no need to search so much");
    let view = room.nodes[0].as_ref().unwrap().view(room.now);
    assert_eq!((view.radio, room.plans.len()), (Some(report), 1));
}

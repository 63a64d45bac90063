//! Map and route together over a virtual mesh: what one room says is the other's input, as in
//! `node`.

use bitcraps_core::{
    crypto::identity::Identity,
    id::PeerId,
    map::{self, AnnouncedLink, Map},
    route::{self, Delivery, Router, Topology},
    seed::{Rng, Seed},
    time::{Duration, Instant},
    transport::{Class, Transport},
};
use std::collections::{BTreeMap, BTreeSet};

const WALL_MS: u64 = 1_000_000;
const HOP: Duration = Duration::from_millis(5);

enum Wire {
    Map(map::Message),
    Route(route::Message),
}

struct Node {
    map: Map,
    router: Router,
    up: BTreeSet<usize>,
    topology: u64,
    delivered: Vec<(PeerId, Vec<u8>)>,
    answered: Vec<route::Output>,
    told: Vec<map::Output>,
}

fn identity(n: usize) -> Identity {
    Identity::generate(&Seed::from_number(n as u64), 0)
}

impl Node {
    fn new(n: usize, now: Instant, wall_ms: u64) -> Node {
        let (identity, seed) = (identity(n), Seed::from_number(n as u64).fork("test"));
        let config = map::Config { work_bits: 0, ..map::Config::default() };
        Node {
            map: Map::new(config, &identity, &seed, now, wall_ms),
            router: Router::new(route::Config::default(), &identity, &seed, wall_ms),
            up: BTreeSet::new(),
            topology: 0,
            delivered: Vec::new(),
            answered: Vec::new(),
            told: Vec::new(),
        }
    }
}

struct World {
    nodes: Vec<Node>,
    ids: Vec<PeerId>,
    now: Instant,
    sequence: u64,
    flying: BTreeMap<(Instant, u64), (usize, usize, Wire)>,
    /// Nodes that neither hear nor speak, though their neighbours do not know yet.
    dead: BTreeSet<usize>,
    loss: f64,
    rng: Rng,
    carried: u64,
}

impl World {
    fn new(nodes: usize, loss: f64) -> World {
        let now = Instant::from_millis(1);
        World {
            nodes: (0..nodes).map(|n| Node::new(n, now, WALL_MS)).collect(),
            ids: (0..nodes).map(|n| identity(n).id()).collect(),
            now,
            sequence: 0,
            flying: BTreeMap::new(),
            dead: BTreeSet::new(),
            loss,
            rng: Seed::from_number(99).rng(),
            carried: 0,
        }
    }

    /// A ring with a chord from every fourth node.
    fn ring_with_chords(nodes: usize, loss: f64) -> World {
        let mut world = World::new(nodes, loss);
        for n in 0..nodes {
            world.connect(n, (n + 1) % nodes);
        }
        for n in (0..nodes / 2).step_by(4) {
            world.connect(n, n + nodes / 2);
        }
        world
    }

    fn grid(side: usize, loss: f64) -> World {
        let mut world = World::new(side * side, loss);
        for n in 0..side * side {
            if n % side + 1 < side {
                world.connect(n, n + 1);
            }
            if n + side < side * side {
                world.connect(n, n + side);
            }
        }
        world
    }

    fn connect(&mut self, a: usize, b: usize) {
        for (n, other) in [(a, b), (b, a)] {
            self.nodes[n].up.insert(other);
            self.tell_links(n);
            self.nodes[n].map.on_neighbour_up(self.ids[other], self.now);
        }
        self.drain();
    }

    fn cut(&mut self, a: usize, b: usize) {
        for (n, other) in [(a, b), (b, a)] {
            self.nodes[n].up.remove(&other);
            self.nodes[n].map.on_neighbour_down(self.ids[other], self.now);
            self.tell_links(n);
        }
        self.drain();
    }

    fn tell_links(&mut self, n: usize) {
        let peers: Vec<PeerId> = self.nodes[n].up.iter().map(|other| self.ids[*other]).collect();
        let links = peers.iter().map(|peer| AnnouncedLink {
            peer: *peer,
            transport: Transport::Tcp,
            latency_us: Some(5000),
            reliability: u16::MAX,
        });
        let links = links.collect();
        self.nodes[n].router.set_neighbours(peers);
        self.nodes[n].map.set_links(links, self.now);
    }

    fn node(&self, id: PeerId) -> usize {
        self.ids.iter().position(|known| *known == id).expect("a node of this world")
    }

    fn put(&mut self, from: usize, to: PeerId, wire: Wire) {
        let to = self.node(to);
        self.carried += 1;
        let linked = self.nodes[from].up.contains(&to);
        let alive = !self.dead.contains(&from) && !self.dead.contains(&to);
        if linked && alive && !self.rng.chance(self.loss) {
            self.sequence += 1;
            self.flying.insert((self.now + HOP, self.sequence), (from, to, wire));
        }
    }

    fn drain(&mut self) {
        for n in 0..self.nodes.len() {
            while self.drain_map(n) || self.drain_router(n) {}
        }
    }

    fn drain_map(&mut self, n: usize) -> bool {
        let node = &mut self.nodes[n];
        if node.topology != node.map.version() {
            node.topology = node.map.version();
            let edge = |e: &map::Edge| route::Edge {
                a: e.a,
                b: e.b,
                latency: e.latency,
                reliability: e.reliability,
            };
            node.router.set_topology(Topology {
                nodes: node.map.peers().map(|p| (p.id(), p.link_key())).collect(),
                edges: node.map.edges().iter().map(edge).collect(),
            });
        }
        match node.map.poll_output() {
            None => return false,
            Some(map::Output::Flood(body)) => node.router.flood(body),
            Some(map::Output::Send { to, message }) => self.put(n, to, Wire::Map(message)),
            Some(map::Output::EarlierLifeHeard { version }) => node.router.number_from(version),
            Some(told) => node.told.push(told),
        }
        true
    }

    fn drain_router(&mut self, n: usize) -> bool {
        let node = &mut self.nodes[n];
        match node.router.poll_output() {
            None => return false,
            Some(route::Output::Forward { to, message }) => self.put(n, to, Wire::Route(message)),
            Some(route::Output::Deliver { from, body }) => node.delivered.push((from, body)),
            Some(route::Output::Flooded { key, body, .. }) => {
                match node.map.on_announcement(&body, self.now) {
                    Ok(map::Freshness::New) => node.router.relay(key),
                    Ok(map::Freshness::Stale) | Err(_) => node.router.drop_flood(key),
                }
            }
            Some(answer) => node.answered.push(answer),
        }
        true
    }

    fn step(&mut self) {
        let timers = self.nodes.iter().flat_map(|n| [n.map.deadline(), n.router.deadline()]);
        let timer = timers.flatten().min();
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let next = timer.into_iter().chain(arrival).min().expect("maps always wait for something");
        self.now = self.now.max(next);
        if arrival == Some(next) {
            let Some((_, (from, to, wire))) = self.flying.pop_first() else { return };
            let (sender, node) = (self.ids[from], &mut self.nodes[to]);
            // What flew when the link was cut is lost with it.
            if node.up.contains(&from) {
                match wire {
                    Wire::Map(message) => node.map.on_message(sender, message, self.now),
                    Wire::Route(message) => node.router.on_message(sender, message, self.now),
                }
            }
        } else {
            for node in &mut self.nodes {
                node.map.on_timeout(self.now);
                node.router.on_timeout(self.now);
            }
        }
        self.drain();
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Virtual milliseconds until every living node of `group` knows exactly the links there are
    /// between them; at most `limit_ms`.
    fn converge(&mut self, group: &[usize], limit_ms: u64) -> u64 {
        let start = self.now;
        loop {
            if self.agrees(group) {
                return self.now.since(start).as_millis() as u64;
            }
            let passed = self.now.since(start).as_millis() as u64;
            assert!(passed <= limit_ms, "not converged after {passed} ms");
            self.step();
        }
    }

    fn agrees(&self, group: &[usize]) -> bool {
        let mut links = BTreeSet::new();
        for n in group {
            for other in &self.nodes[*n].up {
                let (a, b) = (self.ids[*n], self.ids[*other]);
                links.insert((a.min(b), a.max(b)));
            }
        }
        let members: BTreeSet<PeerId> = group.iter().map(|n| self.ids[*n]).collect();
        group.iter().all(|n| {
            let edges = self.nodes[*n].map.edges();
            let known: BTreeSet<_> = edges
                .iter()
                .map(|e| (e.a, e.b))
                .filter(|(a, b)| members.contains(a) && members.contains(b))
                .collect();
            known == links
        })
    }

    fn everyone(&self) -> Vec<usize> {
        (0..self.nodes.len()).collect()
    }
}

#[test]
fn twenty_nodes_agree_on_the_map_within_150_ms_of_meeting() {
    let mut world = World::ring_with_chords(20, 0.0);
    let took = world.converge(&world.everyone(), 2000);

    assert!(took <= 150, "{took} ms");
    assert!(world.carried < 1500, "{} messages", world.carried);
    for node in &world.nodes {
        assert_eq!((node.map.peers().len(), node.map.parts().len()), (20, 1));
        assert!(world.ids.iter().all(|id| node.router.reachable(*id)));
    }
    // Afterwards the mesh is quiet: no announcement is due, and digests find nothing to say.
    let before = world.carried;
    world.run_for(Duration::from_secs(5));
    assert!(world.carried - before < 100, "{} messages", world.carried - before);
}

#[test]
fn a_lost_link_is_known_everywhere_within_60_ms() {
    let mut world = World::ring_with_chords(20, 0.0);
    world.converge(&world.everyone(), 2000);
    world.run_for(Duration::from_secs(1));
    world.cut(3, 4);
    let took = world.converge(&world.everyone(), 500);

    assert!(took <= 60, "{took} ms");
}

#[test]
fn a_mesh_that_loses_every_fifth_message_still_converges() {
    let mut world = World::grid(4, 0.2);
    let took = world.converge(&world.everyone(), 10_000);

    assert!(took <= 5000, "{took} ms");
    assert!(world.nodes.iter().all(|node| node.map.peers().len() == 16));
}

#[test]
fn two_meshes_that_meet_know_each_other_within_60_ms() {
    // Nothing of one side is flooded to the other before its next refresh: digests carry it.
    let mut world = World::new(8, 0.0);
    for n in [0, 1, 2, 4, 5, 6] {
        world.connect(n, n + 1);
    }
    world.run_for(Duration::from_secs(1));
    world.connect(3, 4);
    let took = world.converge(&world.everyone(), 1000);

    assert!(took <= 60, "{took} ms");
}

#[test]
fn a_late_joiner_gets_the_whole_map_within_100_ms() {
    let mut world = World::new(21, 0.0);
    for n in 0..20 {
        world.connect(n, (n + 1) % 20);
    }
    world.run_for(Duration::from_secs(3));
    world.connect(20, 7);
    world.run_for(Duration::from_millis(100));
    assert_eq!(world.nodes[20].map.peers().len(), 21);
    assert_eq!(world.nodes[20].map.edges().len(), 21);
}

#[test]
fn a_partition_is_told_on_both_sides_and_so_is_its_end() {
    let mut world = World::ring_with_chords(12, 0.0);
    world.converge(&world.everyone(), 2000);
    world.run_for(Duration::from_secs(2));
    let (left, right): (Vec<usize>, Vec<usize>) = (0..12).partition(|n| *n < 5);
    for (a, b) in [(11, 0), (4, 5), (0, 6), (4, 10)] {
        world.cut(a, b);
    }
    world.run_for(Duration::from_millis(1300));
    let part = |group: &[usize]| {
        let mut part: Vec<PeerId> = group.iter().map(|n| world.ids[*n]).collect();
        part.sort_unstable();
        part
    };
    let formed = map::Output::PartitionFormed { parts: vec![part(&right), part(&left)] };
    for node in &world.nodes {
        assert_eq!(node.told.iter().filter(|told| **told == formed).count(), 1);
        assert_eq!(node.map.counters().partitions_formed, 1);
    }
    world.connect(4, 5);
    let took = world.converge(&world.everyone(), 2000);

    assert!(took <= 100, "{took} ms");
    for node in &world.nodes {
        let healed = node.told.iter().filter(|told| **told == map::Output::PartitionHealed);
        assert_eq!(healed.count(), 1);
    }
}

#[test]
fn a_relay_that_dies_unnoticed_costs_no_payload() {
    let mut world = World::ring_with_chords(12, 0.0);
    world.converge(&world.everyone(), 2000);
    let to = world.ids[3];
    let relay = world.nodes[0].router.path(to).expect("the mesh is whole")[1];
    let relay = world.node(relay);
    for n in 0..20u8 {
        if n == 10 {
            world.dead.insert(relay);
        }
        let now = world.now;
        world.nodes[0]
            .router
            .send(to, &[n], Class::Bets, Delivery::Acked, now)
            .expect("there is a path");
        world.drain();
        world.run_for(Duration::from_millis(20));
    }
    world.run_for(Duration::from_secs(16));
    let mut bodies: Vec<u8> = world.nodes[3].delivered.iter().map(|(_, body)| body[0]).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..20).collect::<Vec<u8>>());
    let done = |o: &&route::Output| matches!(o, route::Output::Delivered { .. });
    assert_eq!(world.nodes[0].answered.iter().filter(done).count(), 20);
    assert!(world.nodes[0].router.counters().retried >= 10);
}

#[test]
fn two_hundred_payloads_arrive_exactly_once_though_every_fifth_message_is_lost() {
    let mut world = World::grid(3, 0.0);
    world.converge(&world.everyone(), 2000);
    world.loss = 0.2;
    let to = world.ids[4];
    assert_eq!(world.nodes[0].router.path(to).map(|path| path.len()), Some(3));
    for n in 0..200u8 {
        let now = world.now;
        world.nodes[0]
            .router
            .send(to, &[n], Class::Bets, Delivery::Acked, now)
            .expect("room and a path");
        world.drain();
        world.run_for(Duration::from_millis(50));
    }
    world.run_for(Duration::from_secs(16));
    let mut bodies: Vec<u8> = world.nodes[4].delivered.iter().map(|(_, body)| body[0]).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..200).collect::<Vec<u8>>());
    // Two hops there and two back: two sendings in five come through, and up to twelve are tried.
    let done = |o: &&route::Output| matches!(o, route::Output::Delivered { .. });
    let acknowledged = world.nodes[0].answered.iter().filter(done).count();
    assert!(acknowledged >= 195, "{acknowledged}");
    assert_eq!(world.nodes[0].answered.len(), 200);
}

#[test]
fn a_node_whose_clock_went_back_is_believed_again_soon_after_its_restart() {
    let mut world = World::new(3, 0.0);
    world.connect(0, 1);
    world.connect(1, 2);
    world.converge(&world.everyone(), 1000);
    let (now, to) = (world.now, world.ids[2]);
    world.nodes[0]
        .router
        .send(to, b"before", Class::Bets, Delivery::Once, now)
        .expect("there is a path");
    world.run_for(Duration::from_secs(1));
    world.cut(0, 1);
    world.run_for(Duration::from_secs(1));
    world.nodes[0] = Node::new(0, world.now, WALL_MS / 2);
    world.connect(0, 1);
    let took = world.converge(&world.everyone(), 1000);
    assert!(took <= 150, "{took} ms");
    let now = world.now;
    world.nodes[0]
        .router
        .send(to, b"after", Class::Bets, Delivery::Acked, now)
        .expect("there is a path");
    world.drain();
    world.run_for(Duration::from_millis(50));
    let bodies: Vec<&[u8]> = world.nodes[2].delivered.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"before"[..], b"after"]);
}

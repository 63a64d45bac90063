//! One small mesh of routers, which serves every case.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

pub const HOP: Duration = Duration::from_millis(5);

/// Routers that all know one topology, and the wires between them.
pub struct Mesh {
    pub ids: Vec<PeerId>,
    pub routers: Vec<Router>,
    pub topology: Topology,
    /// Wires that swallow everything, though the topology still shows them.
    pub cut: BTreeSet<(usize, usize)>,
    /// Every message arrives this often.
    pub copies: usize,
    pub now: Instant,
    pub sequence: u64,
    pub flying: BTreeMap<(Instant, u64), (usize, usize, Message)>,
    pub carried: Vec<(usize, usize, Message)>,
    pub told: Vec<Vec<Output>>,
    /// Whether floods are relayed, by node.
    pub believes: Vec<bool>,
}

pub fn identity(n: usize) -> Identity {
    Identity::generate(&Seed::from_number(n as u64), 0)
}

impl Mesh {
    pub fn new(nodes: usize, links: &[(usize, usize, u64)]) -> Mesh {
        let identities: Vec<Identity> = (0..nodes).map(identity).collect();
        let ids: Vec<PeerId> = identities.iter().map(Identity::id).collect();
        let edges = links
            .iter()
            .map(|(a, b, ms)| Edge {
                a: ids[*a],
                b: ids[*b],
                latency: Some(Duration::from_millis(*ms)),
                reliability: 1.0,
            })
            .collect();
        let nodes_and_keys = identities.iter().map(|i| (i.id(), i.link_key())).collect();
        let topology = Topology { nodes: nodes_and_keys, edges };
        let routers = identities
            .iter()
            .enumerate()
            .map(|(n, identity)| {
                let seed = Seed::from_number(1000 + n as u64);
                let mut router = Router::new(Config::default(), identity, &seed, 1_000);
                router.set_topology(topology.clone());
                let ends = links.iter().map(|(a, b, _)| (*a, *b));
                let others = ends.flat_map(|(a, b)| [(a, b), (b, a)]).filter(|(a, _)| *a == n);
                router.set_neighbours(others.map(|(_, b)| ids[b]).collect());
                router
            })
            .collect();
        Mesh {
            routers,
            topology,
            cut: BTreeSet::new(),
            copies: 1,
            now: Instant::from_millis(1),
            sequence: 0,
            flying: BTreeMap::new(),
            carried: Vec::new(),
            told: vec![Vec::new(); nodes],
            believes: vec![true; nodes],
            ids,
        }
    }

    pub fn line(nodes: usize) -> Mesh {
        Mesh::new(nodes, &(1..nodes).map(|n| (n - 1, n, 5)).collect::<Vec<_>>())
    }

    /// 0-1-2-3 is the cheap way, 0-5-4-3 the other.
    pub fn ring() -> Mesh {
        Mesh::new(6, &[(0, 1, 5), (1, 2, 5), (2, 3, 5), (3, 4, 8), (4, 5, 8), (5, 0, 8)])
    }

    pub fn send(&mut self, from: usize, to: usize, body: &[u8], delivery: Delivery) -> PacketId {
        let id =
            self.routers[from].send(self.ids[to], body, Class::Bets, delivery, self.now).unwrap();
        self.drain();
        id
    }

    pub fn node(&self, id: PeerId) -> usize {
        self.ids.iter().position(|known| *known == id).unwrap()
    }

    pub fn drain(&mut self) {
        for n in 0..self.routers.len() {
            while let Some(output) = self.routers[n].poll_output() {
                match output {
                    Output::Forward { to, message } => {
                        let to = self.node(to);
                        self.carried.push((n, to, message.clone()));
                        if self.cut.contains(&(n.min(to), n.max(to))) {
                            continue;
                        }
                        for _ in 0..self.copies {
                            self.sequence += 1;
                            let at = (self.now + HOP, self.sequence);
                            self.flying.insert(at, (n, to, message.clone()));
                        }
                    }
                    Output::Flooded { key, .. } => {
                        if self.believes[n] {
                            self.routers[n].relay(key);
                        } else {
                            self.routers[n].drop_flood(key);
                        }
                        self.told[n].push(output);
                    }
                    other => self.told[n].push(other),
                }
            }
        }
    }

    /// Until nothing flies and nobody waits.
    pub fn run(&mut self) {
        loop {
            self.drain();
            let timer = self.routers.iter().filter_map(Router::deadline).min();
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let Some(next) = timer.into_iter().chain(arrival).min() else { return };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                let (_, (from, to, message)) = self.flying.pop_first().unwrap();
                let from = self.ids[from];
                self.routers[to].on_message(from, message, self.now);
            } else {
                for router in &mut self.routers {
                    router.on_timeout(self.now);
                }
            }
        }
    }

    pub fn bodies(&self, node: usize) -> Vec<(PeerId, Vec<u8>)> {
        let deliveries = self.told[node].iter().filter_map(|output| match output {
            Output::Deliver { from, body } => Some((*from, body.clone())),
            _ => None,
        });
        deliveries.collect()
    }

    pub fn datagram_to(&mut self, from: usize, to: usize, delivery: Delivery) -> Datagram {
        self.routers[from].send(self.ids[to], b"body", Class::Bets, delivery, self.now).unwrap();
        match self.routers[from].poll_output() {
            Some(Output::Forward { message: Message::Datagram(datagram), .. }) => datagram,
            other => panic!("{other:?}"),
        }
    }
}

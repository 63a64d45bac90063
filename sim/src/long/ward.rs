//! A mesh of shipped nodes that is well, and what can be done to it.
//!
//! Every link has a quality of its own, drawn from the seed: one in three is a radio, the others
//! are wired and half of those lose one frame in a thousand. Every node is linked to the next two
//! on either side of a ring, which survives any three failures and passes no alert's threshold. An
//! injury is drawn, too: what it hits and how hard; healing undoes it.

use crate::{
    machine::Death,
    net::{Cut, Delivery, EdgeId, Quality},
    world::{Fault, World},
};
use bitcraps_core::{
    id::PeerId,
    node::Config,
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::collections::BTreeSet;

/// Work that a simulated identity has to show, in bits.
const WORK_BITS: u8 = 4;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Injury {
    /// A link becomes slower by three times and 30 ms at least; a radio may lose frames instead.
    Degrade,
    /// A node dies, by a crash or with its machine.
    Death,
    /// A link is cut for 3 to 8 s, is well for 6 to 12 s, and so on.
    Flap,
    /// The queue of a link is full of others' traffic: half a second to a second of delay, and
    /// room for one or two frames.
    Congest,
    /// Two to half of the nodes are cut off from the others, loudly or silently.
    Split,
    /// A node sends every frame 100 to 300 times more.
    Flood,
}

pub(super) const INJURIES: [(Injury, &str); 6] = [
    (Injury::Degrade, "link degradation"),
    (Injury::Death, "node death"),
    (Injury::Flap, "flapping link"),
    (Injury::Congest, "congestion"),
    (Injury::Split, "partition"),
    (Injury::Flood, "flooding peer"),
];

/// What was hit.
#[derive(Clone, Debug)]
pub(super) struct Wound {
    pub injury: Injury,
    /// The node that died or floods.
    pub node: Option<usize>,
    /// The link that was made worse, flaps or is congested.
    pub edge: Option<(EdgeId, usize, usize)>,
    cut: Vec<EdgeId>,
}

pub(super) struct Ward {
    pub world: World,
    qualities: Vec<Quality>,
    rng: Rng,
}

impl Ward {
    /// All nodes are started; no time has passed.
    pub fn new(seed: &Seed, nodes: usize) -> Ward {
        let mut rng = seed.fork("ward").rng();
        let mut world = World::new(seed);
        let next = |node: usize, by: usize| (node + by) % nodes;
        let around = (0..nodes).flat_map(|n| [(n, next(n, 1)), (n, next(n, 2))]);
        let edges: BTreeSet<_> = around.map(|(a, b)| (a.min(b), a.max(b))).collect();
        for node in 0..nodes {
            let dial = edges.iter().filter(|e| e.0 == node).map(|e| World::address(e.1)).collect();
            let name = format!("node {node}");
            world.add_node(Config { name, work_bits: WORK_BITS, dial, ..Config::default() });
        }
        let mut qualities = Vec::new();
        for (a, b) in edges {
            let quality = draw_quality(&mut rng);
            world.add_edge(a, b, quality.clone());
            qualities.push(quality);
        }
        for node in 0..nodes {
            world.inflict(Fault::Restart { node });
        }
        Ward { world, qualities, rng }
    }

    pub fn run_until(&mut self, until: Instant) {
        while self.world.step(until).is_some() {}
    }

    pub fn index(&self, peer: PeerId) -> Option<usize> {
        (0..self.world.nodes()).find(|node| self.world.peer_id(*node) == peer)
    }

    /// Hurts the mesh from now on; `lasting` says for how long a link flaps.
    pub fn injure(&mut self, injury: Injury, lasting: Duration) -> Wound {
        let mut wound = Wound { injury, node: None, edge: None, cut: Vec::new() };
        match injury {
            Injury::Degrade | Injury::Congest => {
                let (edge, ..) = self.pick_edge(&mut wound);
                let worse = self.worse(edge, injury);
                self.world.set_quality(edge, worse);
            }
            Injury::Flap => {
                let (edge, ..) = self.pick_edge(&mut wound);
                self.plan_flapping(edge, lasting);
            }
            Injury::Death => {
                let node = self.pick_node(&mut wound);
                let how = if self.rng.below(2) == 0 { Death::Killed } else { Death::PowerLost };
                self.world.inflict(Fault::Crash { node, how });
            }
            Injury::Split => {
                let nodes = self.world.nodes();
                let first = self.rng.below(nodes as u64) as usize;
                let count = 2 + self.rng.below(nodes as u64 / 2 - 1) as usize;
                let inside = |node: usize| (node + nodes - first) % nodes < count;
                let how = if self.rng.below(2) == 0 { Cut::Loud } else { Cut::Silent };
                let edges = self.world.edges().iter().enumerate();
                let across = edges.filter(|(_, e)| inside(e.a) != inside(e.b));
                wound.cut = across.map(|(number, _)| EdgeId(number)).collect();
                for edge in &wound.cut {
                    self.world.inflict(Fault::Cut { edge: *edge, how });
                }
            }
            Injury::Flood => {
                let node = self.pick_node(&mut wound);
                let times = 100 + self.rng.below(201) as u32;
                self.world.flood(node, times);
            }
        }
        wound
    }

    pub fn heal(&mut self, wound: &Wound) {
        if let Some((edge, ..)) = wound.edge {
            self.world.set_quality(edge, self.qualities[edge.0].clone());
            self.world.inflict(Fault::Restore { edge });
        }
        for edge in &wound.cut {
            self.world.inflict(Fault::Restore { edge: *edge });
        }
        if let Some(node) = wound.node {
            self.world.flood(node, 0);
            self.world.inflict(Fault::Restart { node });
        }
    }

    fn pick_node(&mut self, wound: &mut Wound) -> usize {
        let node = self.rng.below(self.world.nodes() as u64) as usize;
        wound.node = Some(node);
        node
    }

    fn pick_edge(&mut self, wound: &mut Wound) -> (EdgeId, usize, usize) {
        let number = self.rng.below(self.world.edges().len() as u64) as usize;
        let edge = &self.world.edges()[number];
        let picked = (EdgeId(number), edge.a, edge.b);
        wound.edge = Some(picked);
        picked
    }

    fn worse(&mut self, edge: EdgeId, injury: Injury) -> Quality {
        let quality = self.qualities[edge.0].clone();
        if injury == Injury::Congest {
            let latency = quality.latency + Duration::from_millis(500 + self.rng.below(501));
            let queue_frames_max = 1 + self.rng.below(2) as usize;
            return Quality { latency, queue_frames_max, ..quality };
        }
        if quality.delivery == Delivery::Unreliable && self.rng.below(2) == 0 {
            let loss_permille = 200 + self.rng.below(201) as u32;
            return Quality { loss_permille, ..quality };
        }
        let times = 3 + self.rng.below(8) as u32;
        let latency = (quality.latency * times).max(quality.latency + Duration::from_millis(30));
        Quality { latency, ..quality }
    }

    fn plan_flapping(&mut self, edge: EdgeId, lasting: Duration) {
        let until = self.world.now() + lasting;
        let mut at = self.world.now();
        loop {
            let how = if self.rng.below(4) == 0 { Cut::Silent } else { Cut::Loud };
            self.world.plan(at, Fault::Cut { edge, how });
            at = at + Duration::from_millis(3000 + self.rng.below(5001));
            self.world.plan(at, Fault::Restore { edge });
            at = at + Duration::from_millis(6000 + self.rng.below(6001));
            if at >= until {
                return;
            }
        }
    }
}

fn draw_quality(rng: &mut Rng) -> Quality {
    let latency = Duration::from_millis(5 + rng.below(36));
    if rng.below(3) == 0 {
        return Quality { latency, ..Quality::radio(2) };
    }
    let jitter = Duration::from_millis(1 + rng.below(5));
    let loss_permille = rng.below(2) as u32;
    Quality { latency, jitter, loss_permille, ..Quality::wired() }
}

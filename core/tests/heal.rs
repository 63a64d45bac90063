//! Many healing rooms that see one map: what they do together, without links or announcements.
//!
//! Dials along pairs within reach succeed at once, all others fail; everybody sees what changed a
//! second later, as a snapshot would show it.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::{
    graph::{Analyser, Edge, Figures, Graph},
    heal::{Config, Goal, Heal, Heard, Listening, Mesh, Output, REPAIRS_MAX, State},
    id::{LinkId, PeerId},
    seed::Seed,
    time::{Duration, Instant},
};
use std::collections::BTreeSet;

type Pairs = BTreeSet<(u32, u32)>;

/// Between a change and the snapshot that shows it.
const SEEN_AFTER: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(50);

const NODES: u32 = 50;

struct Room {
    now: Instant,
    reach: Pairs,
    links: Pairs,
    healers: Vec<Heal>,
    ids: Vec<PeerId>,
    /// When all see the links as they are.
    look_at: Option<Instant>,
    next_link: u64,
    dials: Vec<u64>,
    /// Every repair that ended, and how.
    ended: Vec<(Goal, State)>,
}

fn id(n: u32) -> PeerId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PeerId::from_bytes(bytes)
}

impl Room {
    fn new(nodes: u32, links: Pairs, reach: Pairs) -> Room {
        let config = Config {
            schemes: vec!["sim".to_owned()],
            listening: Listening::ForOthers,
            ..Config::default()
        };
        let heal = |n| Heal::new(config.clone(), id(n), &Seed::from_number(u64::from(n)));
        Room {
            now: Instant::from_millis(1000),
            reach,
            links,
            healers: (0..nodes).map(heal).collect(),
            ids: (0..nodes).map(id).collect(),
            look_at: Some(Instant::ZERO),
            next_link: 0,
            dials: vec![0; nodes as usize],
            ended: Vec::new(),
        }
    }

    fn figures(&self) -> (Graph, Figures) {
        let edges: Vec<Edge> =
            self.links.iter().map(|(a, b)| Edge { a: *a, b: *b, cost: 1 }).collect();
        let graph = Graph::new(self.ids.len() as u32, &edges);
        let figures = Analyser::new().analyse(&graph).clone();
        (graph, figures)
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + TICK;
            if self.look_at.is_some_and(|at| at <= self.now) {
                self.look_at = None;
                self.look();
            }
            for n in 0..self.healers.len() as u32 {
                self.turn(n);
            }
        }
    }

    fn look(&mut self) {
        let (graph, figures) = self.figures();
        let heard = |n: u32| Heard {
            peer: id(n),
            addresses: vec![format!("sim://{n}")],
            near: graph.neighbours(n).iter().map(|to| id(*to)).collect(),
            mended: self.healers[n as usize].made(),
        };
        let heard: Vec<Heard> = (0..self.ids.len() as u32).map(heard).collect();
        let mesh = Mesh { ids: &self.ids, graph: &graph, figures: &figures };
        for (n, heal) in self.healers.iter_mut().enumerate() {
            heal.on_peers(heard.clone(), self.now);
            let own = figures.component[n];
            let part = self.ids.iter().zip(&figures.component).filter(|(_, c)| **c == own);
            heal.on_part(part.map(|(id, _)| *id).collect(), self.now);
            heal.on_mesh(&mesh, &[], self.now);
        }
    }

    fn turn(&mut self, n: u32) {
        self.healers[n as usize].on_timeout(self.now);
        while let Some(output) = self.healers[n as usize].poll_output() {
            match output {
                Output::Dial { address } => self.dial(n, &address),
                Output::Tried { .. } => self.dials[n as usize] += 1,
                Output::Ended { goal, state, .. } => self.ended.push((goal, state)),
            }
        }
    }

    fn dial(&mut self, from: u32, address: &str) {
        let to: u32 = address.strip_prefix("sim://").unwrap().parse().unwrap();
        let pair = (from.min(to), from.max(to));
        assert!(!self.links.contains(&pair), "{pair:?} are linked already");
        if !self.reach.contains(&pair) {
            self.healers[from as usize].on_dial_failed(address, self.now);
            return;
        }
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.healers[from as usize].on_up(link, address);
        self.healers[from as usize].on_opened(link, id(to), self.now);
        self.healers[to as usize].on_opened(link, id(from), self.now);
        self.links.insert(pair);
        self.look_at.get_or_insert(self.now + SEEN_AFTER);
    }
}

/// Pairs of nodes on a floor that are at most so far apart, for each of the distances.
fn floor<const N: usize>(seed: u64, reaches: [i64; N]) -> [Pairs; N] {
    let mut rng = Seed::from_number(seed).rng();
    let places: Vec<_> =
        (0..NODES).map(|_| (rng.below(10_000) as i64, rng.below(10_000) as i64)).collect();
    let square = |a: usize, b: usize| {
        let (x, y) = (places[a].0 - places[b].0, places[a].1 - places[b].1);
        x * x + y * y
    };
    reaches.map(|reach| {
        let pairs = (0..NODES).flat_map(|a| (a + 1..NODES).map(move |b| (a, b)));
        pairs.filter(|(a, b)| square(*a as usize, *b as usize) <= reach * reach).collect()
    })
}

#[test]
fn a_floor_of_nodes_mends_itself_within_a_minute_and_grows_by_less_than_half() {
    let (mut before, mut after) = (0, 0);
    for seed in 0..20 {
        let [links, reach] = floor(seed, [1800, 2900]);
        let mut room = Room::new(NODES, links.clone(), reach);
        before += room.figures().1.cut_nodes.len();
        room.run(Duration::from_secs(60));
        let (_, figures) = room.figures();
        after += figures.cut_nodes.len();
        let grown = room.links.len() * 2;
        assert!(grown <= links.len() * 3, "seed {seed}: {} became {}", links.len(), grown / 2);
    }
    println!("{before} cut nodes became {after}");
    assert!(before > 100 && after * 5 <= before, "{before} cut nodes became {after}");
}

#[test]
fn parts_that_forgot_each_other_are_joined_as_soon_as_somebody_is_in_reach() {
    let line = |from: u32, to: u32| (from + 1..to).map(|n| (n - 1, n)).collect::<Pairs>();
    let mut room = Room::new(12, line(0, 12), line(0, 12));
    room.run(Duration::from_secs(2));
    room.links.remove(&(5, 6));
    room.reach.remove(&(5, 6));
    room.look_at = Some(room.now);
    room.run(Duration::from_secs(1200));
    assert_eq!(room.figures().1.component_sizes, [6, 6], "nobody is in reach");
    // Somebody walked nearer.
    room.reach.insert((3, 8));
    for _ in 0..40 {
        room.look_at = Some(room.now);
        room.run(Duration::from_secs(10));
    }
    assert_eq!(room.figures().1.component_sizes, [12]);
    assert!(room.ended.contains(&(Goal::JoinParts, State::Verified)));
}

#[test]
fn whoever_cannot_be_reached_costs_few_dials() {
    let [links] = floor(7, [1500]);
    let mut room = Room::new(NODES, links.clone(), links);
    for _ in 0..120 {
        room.look_at = Some(room.now);
        room.run(Duration::from_secs(30));
    }
    assert!(room.links.len() == room.figures().0.edges() && room.next_link == 0);
    // Three tries of each repair, and five minutes of rest.
    let most = *room.dials.iter().max().unwrap();
    println!("{most} dials in an hour");
    assert!(most > 0 && most <= 12 * 3 * REPAIRS_MAX as u64, "{most} dials in an hour");
    assert!(room.healers.iter().all(|heal| heal.repairs().len() <= REPAIRS_MAX));
}

//! What healing is worth: shipped nodes strewn over a plane, with radios that reach farther than
//! their links.
//!
//! Rules, fixed before anything was judged. A mesh has 50 nodes; those within [`LINK_REACH`] of
//! each other are linked from the start, and as many more as it takes to join all. Within
//! [`RADIO_REACH`] a link can be made; nobody but the world knows who is within it.
//!
//! *Weak meshes.* The cut nodes of the links from the start are compared with those a minute after
//! these links stood.
//!
//! *Split meshes.* After [`SETTLING`] everything that links two sides of a random line is cut for
//! good, links that were made by healing included; every other cut is silent. A split can be
//! healed if what is left of the radio pairs joins all nodes. It is healed when open links do, and
//! its time is that since the cut.
//!
//! *Hopeless meshes.* The same with every radio pair between the sides cut: nothing can be healed,
//! and what is counted are the dials.
//!
//! In all of them: how many links there are compared with the start, how many one node has, and
//! how many links ended though nobody cut them, which is what two repairs that fight would show.
//! A link that ends because its peer has another one, as both ends dialled at once, is no loss.

use super::{Experiment, Figure, Length, Outcome, Target};
use crate::{
    net::{Cut, EdgeId, Quality},
    topology::Plane,
    world::{Fault, Step, World},
};
use bitcraps_core::{
    id::{LinkId, PeerId},
    limits::NODE_LINKS_MAX,
    node::{CloseReason, Config, Event, RepairState},
    seed::Seed,
    time::Duration,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const HEAL: Experiment = Experiment {
    name: "heal",
    about: "splits and cut nodes of meshes of 50 radios, mended by the nodes themselves",
    run,
};

/// In steps of the plane's side of 10 000: nodes have about four links, and reach about ten.
const LINK_REACH: u64 = 1700;
const RADIO_REACH: u64 = 2800;

/// Latencies are 10 ms and up to this.
const LATENCY_SPREAD_MS: u64 = 20;

/// Work that a simulated identity has to show, in bits.
const WORK_BITS: u8 = 4;

/// Before a mesh is split.
const SETTLING: Duration = Duration::from_secs(20);

/// A split that is not healed by then counts as one that was not.
const GIVEN: Duration = Duration::from_secs(180);

/// After a split was healed, before its links are counted.
const AFTERWARDS: Duration = Duration::from_secs(20);

/// How long a weak mesh has.
const MINUTE: Duration = Duration::from_secs(60);

/// How long a hopeless one is watched.
const HOPELESS: Duration = Duration::from_secs(300);

/// The smaller side of a split has at least one in so many nodes.
const SIDE_SHARE: usize = 5;

struct Sizes {
    nodes: usize,
    weak: u64,
    split: u64,
    hopeless: u64,
}

fn run(seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let sizes = match length {
        Length::Short => Sizes { nodes: 20, weak: 2, split: 4, hopeless: 1 },
        Length::Full => Sizes { nodes: 50, weak: 20, split: 100, hopeless: 2 },
    };
    let seed = Seed::from_number(seed).fork("heal");
    let mut found = Found::default();
    for number in 0..sizes.weak {
        Field::new(sizes.nodes, &seed.fork(&format!("weak {number}"))).weak(&mut found);
        says(&format!(
            "{} of {} weak meshes: {:?}",
            number + 1,
            sizes.weak,
            found.cut_nodes.last()
        ));
    }
    for number in 0..sizes.split {
        let how = if number % 2 == 0 { Cut::Loud } else { Cut::Silent };
        let seed = seed.fork(&format!("split {number}"));
        let became = Field::new(sizes.nodes, &seed).split(how, &seed, &mut found);
        says(&format!("{} of {} splits: {became}", number + 1, sizes.split));
    }
    for number in 0..sizes.hopeless {
        let seed = seed.fork(&format!("hopeless {number}"));
        Field::new(sizes.nodes, &seed).hopeless(&seed, &mut found);
        says(&format!("{} of {} hopeless meshes", number + 1, sizes.hopeless));
    }
    found.outcome()
}

/// What a node may dial in five minutes without any hope: 64 peers of other parts, three times
/// each.
const DIALS_MAX: f64 = 192.0;

/// What was found in all meshes.
#[derive(Default)]
struct Found {
    /// Of every weak mesh.
    cut_nodes: Vec<(usize, usize)>,
    /// Milliseconds to heal, by how it was cut; missing when it was not healed.
    healed: Vec<(Cut, Option<u64>)>,
    beyond_healing: u64,
    /// Links with repairs, in thousandths of those from the start: the most.
    growth_max: u64,
    links_max: usize,
    lost: BTreeMap<CloseReason, u64>,
    /// Of every node of a hopeless mesh.
    dials: Vec<u64>,
    outcomes: BTreeMap<RepairState, u64>,
}

impl Found {
    fn outcome(self) -> Outcome {
        let times = |which: Option<Cut>| {
            let of = self.healed.iter().filter(|(how, _)| which.is_none_or(|w| w == *how));
            let mut times: Vec<u64> = of.map(|(_, ms)| ms.unwrap_or(u64::MAX)).collect();
            times.sort_unstable();
            times
        };
        let seconds = |times: &[u64], permille: usize| {
            let at = times.len().saturating_sub(1) * permille / 1000;
            times.get(at).map_or(f64::NAN, |ms| *ms as f64 / 1000.0)
        };
        let (all, loud, silent) = (times(None), times(Some(Cut::Loud)), times(Some(Cut::Silent)));
        let healed = all.iter().filter(|ms| **ms != u64::MAX).count();
        let (before, after) =
            self.cut_nodes.iter().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        let dials_max = self.dials.iter().max().copied().unwrap_or(0) as f64;
        let dials: u64 = self.dials.iter().sum();
        let figures = vec![
            Figure::new("splits that can be healed", all.len() as f64, "splits"),
            Figure::new("of these healed", share(healed, all.len()), "of 1")
                .promised(Target::AtLeast(0.99)),
            Figure::new("median time to heal", seconds(&all, 500), "s")
                .promised(Target::AtMost(10.0)),
            Figure::new("95th percentile of it", seconds(&all, 950), "s"),
            Figure::new("longest", seconds(&all, 1000), "s"),
            Figure::new("median after a loud cut", seconds(&loud, 500), "s"),
            Figure::new("median after a silent cut", seconds(&silent, 500), "s"),
            Figure::new("splits that nothing can heal", self.beyond_healing as f64, "splits"),
            Figure::new(
                "dials in 5 hopeless minutes",
                share(dials as usize, self.dials.len()),
                "a node",
            ),
            Figure::new("most of one node", dials_max, "dials").promised(Target::AtMost(DIALS_MAX)),
            Figure::new("cut nodes at the start", before as f64, "nodes"),
            Figure::new("cut nodes a minute later", after as f64, "nodes"),
            Figure::new("fewer", 1.0 - share(after, before), "of 1").promised(Target::AtLeast(0.8)),
            Figure::new(
                "most links, of those at the start",
                self.growth_max as f64 / 1000.0,
                "of 1",
            )
            .promised(Target::AtMost(1.5)),
            Figure::new("most links of one node", self.links_max as f64, "links")
                .promised(Target::AtMost(NODE_LINKS_MAX as f64)),
            Figure::new(
                "links that ended though nobody cut them",
                self.lost.values().sum::<u64>() as f64,
                "links",
            )
            .promised(Target::AtMost(0.0)),
        ];
        let mut table = "Repairs by outcome\n\n| outcome | repairs |\n|---|---|".to_owned();
        for (state, count) in &self.outcomes {
            table += &format!("\n| {state:?} | {count} |");
        }
        if !self.lost.is_empty() {
            table += "\n\nLinks that ended though nobody cut them\n\n| reason | ends |\n|---|---|";
            for (reason, count) in &self.lost {
                table += &format!("\n| {} | {count} |", reason.name());
            }
        }
        Outcome { figures, tables: vec![table] }
    }
}

/// One mesh.
struct Field {
    world: World,
    plane: Plane,
    /// Linked from the start, and able to link.
    links: BTreeSet<(usize, usize)>,
    radio: Vec<(usize, usize)>,
    cut: BTreeSet<(usize, usize)>,
    ids: BTreeMap<PeerId, usize>,
    /// Open links by the node that has them: where to.
    open: BTreeMap<(usize, LinkId), usize>,
    /// Links that ended though their edge was up, by what the end that tells it says.
    lost: BTreeMap<CloseReason, u64>,
    dials: Vec<u64>,
    outcomes: BTreeMap<RepairState, u64>,
    most_links: usize,
    most_of_one: usize,
}

impl Field {
    fn new(nodes: usize, seed: &Seed) -> Field {
        let mut rng = seed.fork("plane").rng();
        // Fewer nodes have a smaller floor, so that they are as dense.
        let wider = |reach: u64| (reach * reach * 50 / nodes as u64).isqrt();
        let plane = Plane::strewn(nodes, &mut rng);
        let links = plane.joined(plane.within(wider(LINK_REACH)));
        let radio: BTreeSet<_> = plane.within(wider(RADIO_REACH)).union(&links).copied().collect();
        let mut world = World::new(seed);
        for node in 0..nodes {
            world.add_node(Config {
                name: format!("node {node}"),
                work_bits: WORK_BITS,
                dial: links.iter().filter(|p| p.0 == node).map(|p| World::address(p.1)).collect(),
                addresses: vec![World::address(node)],
                dials: vec!["sim".to_owned()],
                ..Config::default()
            });
        }
        for (a, b) in &radio {
            let mut quality = Quality::wired();
            quality.latency += Duration::from_millis(rng.below(LATENCY_SPREAD_MS + 1));
            world.add_edge(*a, *b, quality);
        }
        let mut field = Field {
            ids: (0..nodes).map(|node| (world.peer_id(node), node)).collect(),
            world,
            plane,
            links,
            radio: radio.into_iter().collect(),
            cut: BTreeSet::new(),
            open: BTreeMap::new(),
            lost: BTreeMap::new(),
            dials: vec![0; nodes],
            outcomes: BTreeMap::new(),
            most_links: 0,
            most_of_one: 0,
        };
        for node in 0..nodes {
            let step = field.world.inflict(Fault::Restart { node });
            field.take(step);
        }
        field
    }

    fn weak(mut self, found: &mut Found) {
        let start = self.links.clone();
        let stands = self.run_until(GIVEN, |field| start.is_subset(&field.linked()));
        assert!(stands.is_some(), "links that nobody cut never stood");
        self.run_for(MINUTE);
        let nodes = self.ids.len();
        let after = cut_nodes(nodes, &self.linked());
        found.cut_nodes.push((cut_nodes(nodes, &start), after));
        self.add_to(found);
    }

    /// Says what became of it.
    fn split(mut self, how: Cut, seed: &Seed, found: &mut Found) -> String {
        self.run_for(SETTLING);
        let side = self.side(seed);
        let across = |(a, b): &(usize, usize)| side.contains(a) != side.contains(b);
        let dead: BTreeSet<_> = self.linked().union(&self.links).copied().filter(across).collect();
        self.cut_pairs(&dead, how);
        let left: BTreeSet<_> =
            self.radio.iter().copied().filter(|pair| !dead.contains(pair)).collect();
        if parts(self.ids.len(), &left) > 1 {
            found.beyond_healing += 1;
            return "nothing can heal it".to_owned();
        }
        let nodes = self.ids.len();
        let whole = |field: &Field| parts(nodes, &field.linked()) == 1;
        let took = self.run_until(GIVEN, whole).map(|took| took.as_millis() as u64);
        self.run_for(AFTERWARDS);
        found.healed.push((how, took));
        self.add_to(found);
        match took {
            Some(ms) => format!("{how:?}, {} pairs, healed after {ms} ms", dead.len()),
            None => format!("{how:?}, {} pairs, not healed", dead.len()),
        }
    }

    fn hopeless(mut self, seed: &Seed, found: &mut Found) {
        self.run_for(SETTLING);
        let side = self.side(seed);
        let across = |(a, b): &(usize, usize)| side.contains(a) != side.contains(b);
        let dead: BTreeSet<_> = self.radio.iter().copied().filter(across).collect();
        self.cut_pairs(&dead, Cut::Loud);
        self.dials.fill(0);
        self.run_for(HOPELESS);
        found.dials.extend(&self.dials);
        self.add_to(found);
    }

    fn side(&self, seed: &Seed) -> BTreeSet<usize> {
        let mut rng = seed.fork("side").rng();
        let least = self.ids.len() / SIDE_SHARE;
        let count = least + rng.below((self.ids.len() - 2 * least + 1) as u64) as usize;
        self.plane.side(count, &mut rng)
    }

    fn cut_pairs(&mut self, pairs: &BTreeSet<(usize, usize)>, how: Cut) {
        self.cut.extend(pairs);
        for (at, pair) in self.radio.clone().iter().enumerate() {
            if pairs.contains(pair) {
                let step = self.world.inflict(Fault::Cut { edge: EdgeId(at), how });
                self.take(step);
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// How long it took; nothing when it did not come to pass.
    fn run_until(&mut self, within: Duration, holds: impl Fn(&Field) -> bool) -> Option<Duration> {
        let start = self.world.now();
        let limit = start + within;
        let mut news = true;
        loop {
            if core::mem::take(&mut news) && holds(self) {
                return Some(self.world.now().since(start));
            }
            match self.world.step(limit) {
                Some(step) => news = self.take(step),
                None => return None,
            }
        }
    }

    /// Whether a link came or went.
    fn take(&mut self, step: Step) -> bool {
        assert!(step.breaches.is_empty(), "{:?}", step.breaches);
        let mut news = false;
        for (node, event) in step.events {
            match event {
                Event::LinkOpened { link, peer_id, .. } => {
                    self.open.insert((node, link), self.ids[&peer_id]);
                    news = true;
                }
                Event::LinkClosed { link, reason, .. } => {
                    let Some(to) = self.open.remove(&(node, link)) else { continue };
                    let replaced = self.has(node, to);
                    let was_cut = self.cut.contains(&(node.min(to), node.max(to)));
                    let doubled = reason == CloseReason::Duplicate;
                    if !replaced && !was_cut && !doubled {
                        *self.lost.entry(reason).or_default() += 1;
                    }
                    news = true;
                }
                Event::RepairTried { .. } => self.dials[node] += 1,
                Event::RepairEnded { state, .. } => *self.outcomes.entry(state).or_default() += 1,
                _ => {}
            }
        }
        if news {
            self.most_links = self.most_links.max(self.linked().len());
            let of_one = |node| self.open.range((node, LinkId(0))..(node + 1, LinkId(0))).count();
            let most = (0..self.ids.len()).map(of_one).max().unwrap_or(0);
            self.most_of_one = self.most_of_one.max(most);
        }
        news
    }

    fn has(&self, node: usize, to: usize) -> bool {
        self.open.range((node, LinkId(0))..(node + 1, LinkId(0))).any(|(_, peer)| *peer == to)
    }

    /// Pairs that are linked by both ends' word and can tell each other so.
    fn linked(&self) -> BTreeSet<(usize, usize)> {
        let one_way: BTreeSet<(usize, usize)> =
            self.open.iter().map(|((node, _), to)| (*node, *to)).collect();
        let both = |pair: &&(usize, usize)| {
            pair.0 < pair.1 && one_way.contains(&(pair.1, pair.0)) && !self.cut.contains(pair)
        };
        one_way.iter().filter(both).copied().collect()
    }

    fn add_to(self, found: &mut Found) {
        let growth = (self.most_links * 1000).div_ceil(self.links.len()) as u64;
        found.growth_max = found.growth_max.max(growth);
        found.links_max = found.links_max.max(self.most_of_one);
        for (reason, count) in self.lost {
            *found.lost.entry(reason).or_default() += count;
        }
        for (state, count) in self.outcomes {
            *found.outcomes.entry(state).or_default() += count;
        }
    }
}

/// Connected parts, by following every pair.
fn parts(nodes: usize, pairs: &BTreeSet<(usize, usize)>) -> usize {
    let mut part: Vec<usize> = (0..nodes).collect();
    for (a, b) in pairs {
        let (from, to) = (part[*a], part[*b]);
        if from != to {
            part.iter_mut().filter(|p| **p == from).for_each(|p| *p = to);
        }
    }
    part.into_iter().collect::<BTreeSet<_>>().len()
}

/// Nodes without which there are more parts, counted by leaving out each in turn.
fn cut_nodes(nodes: usize, pairs: &BTreeSet<(usize, usize)>) -> usize {
    let whole = parts(nodes, pairs);
    let splits = |node: &usize| {
        let rest = pairs.iter().copied().filter(|(a, b)| a != node && b != node).collect();
        // Left out, the node itself is one part more.
        parts(nodes, &rest) > whole + 1
    };
    (0..nodes).filter(splits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_cut_nodes_are_counted() {
        let pairs = BTreeSet::from([(0, 1), (1, 2), (2, 0), (2, 3), (4, 5)]);
        assert_eq!((parts(6, &pairs), cut_nodes(6, &pairs)), (2, 1));
        assert_eq!((parts(3, &BTreeSet::new()), cut_nodes(3, &BTreeSet::new())), (3, 0));
    }
}

//! A table among liars: who lies how, what else goes wrong, and what the honest must still do.
//!
//! Rules. First lies and faults together, and only safety is asked for; then the faults end, the
//! lies go on, and the honest members must agree and roll. The first node is an honest player: it
//! is the person who opens the table and plays. Worlds are short, because two thousand of them say
//! more than ten long ones.

use super::{
    Act, Goal, LiarPlan, Scenario, TableKey, TablePlan, rolled_by, secs, settle_in, stage,
};
use crate::{
    liar::Lie,
    net::{Cut, Quality},
    topology::Topology,
    world::{CrashAt, Moment},
};
use bitcraps_core::{
    limits::TABLE_MEMBERS_MIN,
    seed::{Rng, Seed},
    time::Duration,
};

/// The person rests so long after each roll, so that there are a few rolls to a world.
const PACE: Duration = Duration::from_millis(1500);

/// How many of two hundred worlds have so many members. Small tables are quick and have the
/// sharpest quorums; those of seven and ten have the most liars.
const SIZES: &[(u64, usize)] = &[(124, 4), (20, 5), (16, 6), (28, 7), (6, 8), (3, 9), (3, 10)];

/// A table of so many members and these liars, with a wired mesh in which nothing else goes wrong.
/// For tests that look at one kind of lie.
#[derive(Clone, Debug)]
pub struct Among {
    pub members: usize,
    pub liars: Vec<LiarPlan>,
    pub rolls: u64,
}

impl Among {
    /// The last `count` of so many members lie in these ways, at every chance.
    pub fn liars(members: usize, count: usize, lies: &[Lie]) -> Among {
        let plan = |node| LiarPlan {
            node,
            lies: lies.to_vec(),
            zeal: 100,
            second_half: (0..members).filter(|other| other % 2 == 1).collect(),
        };
        Among { members, liars: (members - count..members).map(plan).collect(), rolls: 5 }
    }

    pub fn scenario(self) -> Scenario {
        let plan = TablePlan { name: "among", host: 0, guests: (1..self.members).collect() };
        let honest = honest(self.members, &self.liars);
        let table = TableKey(0);
        let mut stages = settle_in(core::slice::from_ref(&plan), secs(60));
        let goal = rolled_by(table, self.rolls, honest);
        stages.push(stage("rolls among liars", vec![Act::Play(table)], vec![goal], secs(300)));
        Scenario {
            name: "among",
            nodes: self.members,
            bots: 0,
            topology: Topology::RingWithChords { chords: self.members },
            quality: Quality::wired(),
            also: vec![],
            latency_spread: Duration::from_millis(10),
            tables: vec![plan],
            pace: Duration::ZERO,
            liars: self.liars,
            crash: None,
            stages,
        }
    }
}

fn honest(nodes: usize, liars: &[LiarPlan]) -> Vec<usize> {
    (0..nodes).filter(|node| liars.iter().all(|liar| liar.node != *node)).collect()
}

pub(super) fn byzantine(nodes: Option<usize>, seed: u64) -> Scenario {
    let mut rng = Seed::from_number(seed).fork("byzantine scenario").rng();
    let drawn = size(&mut rng);
    let nodes = nodes.unwrap_or(drawn).max(TABLE_MEMBERS_MIN);
    let liars = liars(&mut rng, nodes);
    let quality = match rng.below(3) {
        0 => Quality::wired(),
        1 => Quality { loss_permille: 30, ..Quality::wired() },
        _ => Quality::radio(20 + rng.below(130) as u32),
    };
    let plan = TablePlan { name: "byzantine", host: 0, guests: (1..nodes).collect() };
    let honest = honest(nodes, &liars);
    let table = TableKey(0);
    let lasting = Duration::from_millis(2000 + rng.below(3000));
    let mut faults = vec![Act::Play(table)];
    if rng.below(4) > 0 {
        faults.push(Act::Churn { lasting });
    }
    if rng.below(3) == 0 {
        let side = some_of(&mut rng, nodes);
        let how = if rng.below(2) == 0 { Cut::Silent } else { Cut::Loud };
        faults.push(Act::Split { side, how });
    }
    let crash = (rng.below(2) == 0).then(|| CrashAt {
        node: honest[rng.below(honest.len() as u64) as usize],
        // Among the first two writes is the genesis: whoever loses it has no seat any more.
        write: 2 + rng.below(40),
        moment: [Moment::Asked, Moment::Written, Moment::Told][rng.below(3) as usize],
        back_after: Duration::from_millis(20 + rng.below(2000)),
    });
    let mut stages = settle_in(core::slice::from_ref(&plan), secs(120));
    stages.extend([
        stage("lies and faults", faults, vec![Goal::Elapsed(lasting)], lasting + secs(1)),
        stage("the faults end", vec![Act::Heal], vec![Goal::MapsAgree], secs(120)),
        stage("the honest go on", vec![], vec![rolled_by(table, 2, honest)], secs(240)),
    ]);
    Scenario {
        name: "byzantine",
        nodes,
        bots: 0,
        topology: Topology::RingWithChords { chords: nodes },
        quality,
        also: vec![],
        latency_spread: Duration::from_millis(20),
        tables: vec![plan],
        pace: PACE,
        liars,
        crash,
        stages,
    }
}

fn size(rng: &mut Rng) -> usize {
    let mut draw = rng.below(SIZES.iter().map(|(weight, _)| weight).sum());
    for (weight, size) in SIZES {
        match draw.checked_sub(*weight) {
            Some(rest) => draw = rest,
            None => return *size,
        }
    }
    TABLE_MEMBERS_MIN
}

/// Mostly as many as the table stands, sometimes fewer; one to four kinds of lies each.
fn liars(rng: &mut Rng, nodes: usize) -> Vec<LiarPlan> {
    let most = (nodes - 1) / 3;
    let count = if rng.below(5) == 0 { rng.below(most as u64 + 1) as usize } else { most };
    let mut others: Vec<usize> = (1..nodes).collect();
    let second_half = some_of(rng, nodes);
    (0..count)
        .map(|_| {
            let node = others.swap_remove(rng.below(others.len() as u64) as usize);
            let kinds = 1 + rng.below(4);
            let lies = (0..kinds)
                .map(|_| Lie::DRAWN[rng.below(Lie::DRAWN.len() as u64) as usize])
                .collect();
            let zeal = [30, 60, 100][rng.below(3) as usize];
            LiarPlan { node, lies, zeal, second_half: second_half.clone() }
        })
        .collect()
}

/// Some nodes, neither none nor all.
fn some_of(rng: &mut Rng, nodes: usize) -> Vec<usize> {
    let one = rng.below(nodes as u64) as usize;
    let other = (one + 1 + rng.below(nodes as u64 - 1) as usize) % nodes;
    (0..nodes).filter(|node| *node != other && (*node == one || rng.below(2) == 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_drawn_world_has_more_liars_than_its_table_stands_and_the_host_is_honest() {
        let mut most = 0;
        for seed in 0..500 {
            let scenario = byzantine(None, seed);
            let liars: Vec<usize> = scenario.liars.iter().map(|liar| liar.node).collect();
            assert!((4..=10).contains(&scenario.nodes), "seed {seed}");
            assert!(liars.len() <= (scenario.nodes - 1) / 3, "seed {seed}: {liars:?}");
            assert!(liars.iter().all(|node| (1..scenario.nodes).contains(node)), "seed {seed}");
            most = most.max(liars.len());
        }
        assert_eq!(most, 3);
    }

    #[test]
    fn every_size_and_every_kind_of_lie_is_drawn() {
        let worlds: Vec<Scenario> = (0..1000).map(|seed| byzantine(None, seed)).collect();
        for size in 4..=10 {
            assert!(worlds.iter().any(|world| world.nodes == size), "{size} members");
        }
        for lie in Lie::DRAWN {
            let told = |world: &Scenario| world.liars.iter().any(|liar| liar.lies.contains(&lie));
            assert!(worlds.iter().any(told), "{lie:?}");
        }
    }
}

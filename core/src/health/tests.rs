//! The risk of a split against a plain simulation, and the load of cut nodes against counting.

use super::{
    load::Loads,
    risk::{Links, Missing, RiskSampler, Standing},
    watched::Habit,
    words::RiskMethod,
};
use crate::{
    graph::{Analyser, Edge, Graph, components},
    seed::{Rng, Seed},
};

const HORIZON_S: f64 = 60.0;

fn uniform(rng: &mut Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A connected graph of `nodes` nodes with so many links beyond a tree.
fn connected(nodes: u32, more: usize, rng: &mut Rng) -> Vec<(u32, u32)> {
    let mut pairs: Vec<(u32, u32)> =
        (1..nodes).map(|n| (rng.below(u64::from(n)) as u32, n)).collect();
    for _ in 0..20 * more {
        let (a, b) = (rng.below(u64::from(nodes)) as u32, rng.below(u64::from(nodes)) as u32);
        if a < b && !pairs.contains(&(a, b)) && pairs.len() < nodes as usize - 1 + more {
            pairs.push((a, b));
        }
    }
    pairs.sort_unstable();
    pairs
}

fn graph_of(nodes: u32, pairs: &[(u32, u32)]) -> Graph {
    let edges: Vec<Edge> = pairs.iter().map(|(a, b)| Edge { a: *a, b: *b, cost: 1 }).collect();
    Graph::new(nodes, &edges)
}

fn standing(graph: &Graph, pairs: &[(u32, u32)], habit: impl Fn() -> Habit) -> Vec<Standing> {
    let mut analyser = Analyser::new();
    let cuts = analyser.analyse(graph).cut_edges.clone();
    let is_cut = |a, b| cuts.iter().any(|cut| (cut.a, cut.b) == (a, b));
    let link =
        |(a, b): &(u32, u32)| Standing { a: *a, b: *b, habit: habit(), is_cut: is_cut(*a, *b) };
    pairs.iter().map(link).collect()
}

/// Every link alternates on its own, and after every change all is looked at.
fn plain(
    nodes: u32,
    links: &[Standing],
    missing: &[Missing],
    asked: &[u32],
    rng: &mut Rng,
) -> bool {
    let all: Vec<(u32, u32, bool, Habit)> = links
        .iter()
        .map(|l| (l.a, l.b, true, l.habit))
        .chain(missing.iter().map(|m| (m.a, m.b, false, Habit { fails: 0.0, returns: m.returns })))
        .collect();
    let mut changes = Vec::new();
    for (index, (_, _, up, habit)) in all.iter().enumerate() {
        let (mut at, mut up) = (0.0, *up);
        loop {
            let rate = if up { habit.fails } else { habit.returns };
            at += if rate > 0.0 { -uniform(rng).ln() / rate } else { f64::INFINITY };
            if at > HORIZON_S {
                break;
            }
            up = !up;
            changes.push((at, index, up));
        }
    }
    changes.sort_by(|x, y| x.0.total_cmp(&y.0));
    let mut is_up: Vec<bool> = all.iter().map(|link| link.2).collect();
    changes.into_iter().any(|(_, index, up)| {
        is_up[index] = up;
        let pairs: Vec<(u32, u32)> =
            all.iter().zip(&is_up).filter(|(_, up)| **up).map(|(l, _)| (l.0, l.1)).collect();
        let part = components(&graph_of(nodes, &pairs));
        asked.iter().any(|node| part[*node as usize] != part[asked[0] as usize])
    })
}

#[test]
fn the_risk_is_that_of_a_plain_simulation() {
    let mut rng = Seed::from_number(5).rng();
    let mut sampler = RiskSampler::new(1);
    for case in 0..40 {
        let nodes = 3 + rng.below(8) as u32;
        let pairs = connected(nodes, rng.below(8) as usize, &mut rng);
        let graph = graph_of(nodes, &pairs);
        let rates: Vec<(f64, f64)> =
            pairs.iter().map(|_| (uniform(&mut rng) / 60.0, 0.02 + uniform(&mut rng))).collect();
        let next = core::cell::Cell::new(0);
        let habit = || {
            let (fails, returns) = rates[next.replace(next.get() + 1)];
            Habit { fails, returns }
        };
        let links = standing(&graph, &pairs, habit);
        let mut missing = Vec::new();
        for _ in 0..rng.below(3) {
            let (a, b) = (rng.below(u64::from(nodes)) as u32, rng.below(u64::from(nodes)) as u32);
            if a < b && !pairs.contains(&(a, b)) {
                missing.push(Missing { a, b, returns: 0.05 });
            }
        }
        let asked: Vec<u32> = match case % 2 {
            0 => (0..nodes).collect(),
            _ => [0, nodes / 2, nodes - 1].into_iter().collect(),
        };
        let question =
            Links { graph: &graph, standing: &links, missing: &missing, horizon_s: HORIZON_S };
        let risk = sampler.split(&question, &asked);
        let rounds = 4000;
        let splits =
            (0..rounds).filter(|_| plain(nodes, &links, &missing, &asked, &mut rng)).count();
        let rate = splits as f64 / f64::from(rounds);
        let usual = 2.6 * (rate * (1.0 - rate) / f64::from(rounds)).sqrt() + 0.002;
        let off = (risk.probability - rate).abs();
        // 2.6 deviations of each, where `error` is 1.96 of them.
        assert!(off <= usual + 1.33 * risk.error, "case {case}: {risk:?}, plain {rate}");
    }
}

#[test]
fn a_tree_splits_with_its_first_failure_and_that_is_exact() {
    let pairs = [(0, 1), (1, 2), (1, 3)];
    let graph = graph_of(4, &pairs);
    let links = standing(&graph, &pairs, || Habit { fails: 0.001, returns: 1.0 });
    let question = Links { graph: &graph, standing: &links, missing: &[], horizon_s: HORIZON_S };
    let mut sampler = RiskSampler::new(1);
    let all = sampler.split(&question, &[0, 1, 2, 3]);
    assert_eq!((all.method, all.error, all.horizon_ms), (RiskMethod::Exact, 0.0, 60_000));
    assert!((all.probability - (1.0 - (-0.18_f64).exp())).abs() < 1e-12, "{all:?}");
    let two = sampler.split(&question, &[0, 2]);
    assert!((two.probability - (1.0 - (-0.12_f64).exp())).abs() < 1e-12, "{two:?}");
    assert_eq!(sampler.split(&question, &[3]).probability, 0.0, "one cannot split");
}

#[test]
fn outages_that_are_short_against_their_distance_seldom_split_a_ring() {
    let pairs = [(0, 1), (0, 3), (1, 2), (2, 3)];
    let graph = graph_of(4, &pairs);
    let risk = |returns| {
        let links = standing(&graph, &pairs, || Habit { fails: 0.01, returns });
        let question =
            Links { graph: &graph, standing: &links, missing: &[], horizon_s: HORIZON_S };
        RiskSampler::new(1).split(&question, &[0, 1, 2, 3]).probability
    };
    let (short, long) = (risk(1.0), risk(0.001));
    assert!(short < 0.1 && long > 0.55, "{short} {long}");
}

#[test]
fn the_load_of_cut_nodes_is_what_counting_pairs_gives() {
    let mut rng = Seed::from_number(9).rng();
    let (mut loads, mut analyser) = (Loads::default(), Analyser::new());
    let mut seen = 0;
    for _ in 0..200 {
        let nodes = 2 + rng.below(14) as u32;
        let mut pairs = connected(nodes, rng.below(6) as usize, &mut rng);
        let dropped = rng.below(pairs.len() as u64 + 1) as usize;
        pairs.truncate(pairs.len() - dropped / 3);
        let graph = graph_of(nodes, &pairs);
        let figures = analyser.analyse(&graph);
        let measured = loads.measure(&graph, figures).to_vec();
        assert_eq!(measured.len(), figures.cut_nodes.len());
        let before = components(&graph);
        for (cut, load) in figures.cut_nodes.iter().zip(measured) {
            let rest: Vec<(u32, u32)> =
                pairs.iter().filter(|p| p.0 != cut.node && p.1 != cut.node).copied().collect();
            let after = components(&graph_of(nodes, &rest));
            let (mut joined, mut all) = (0.0, 0.0);
            for a in (0..nodes).filter(|n| *n != cut.node) {
                for b in (a + 1..nodes).filter(|n| *n != cut.node) {
                    let (a, b, at) = (a as usize, b as usize, cut.node as usize);
                    if before[a] == before[at] && before[b] == before[at] {
                        all += 1.0;
                        joined += f64::from(u8::from(after[a] != after[b]));
                    }
                }
            }
            assert!((load - joined / all).abs() < 1e-12, "{pairs:?} without {}", cut.node);
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen}");
}

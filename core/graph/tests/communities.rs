//! Communities: a plain formula as oracle, planted groups, and a club that fell apart.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "the whole program is a test")]

use bitcraps_graph::{Communities, Edge, Graph, components, modularity};
use std::collections::{BTreeMap, BTreeSet};

/// Friendships in a karate club before it split: W. W. Zachary, "An Information Flow Model for
/// Conflict and Fission in Small Groups", Journal of Anthropological Research 33 (1977), 452-473.
/// Members are numbered from 1, as there.
const KARATE_CLUB: &str = include_str!("karate.txt");

fn graph(nodes: u32, pairs: impl IntoIterator<Item = (u32, u32)>) -> Graph {
    let edges: Vec<Edge> = pairs.into_iter().map(|(a, b)| Edge { a, b, cost: 1 }).collect();
    Graph::new(nodes, &edges)
}

fn karate_club() -> Graph {
    let number = |text: &str| text.parse::<u32>().unwrap() - 1;
    let lines = KARATE_CLUB.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once(' ').unwrap());
    graph(34, pairs.map(|(a, b)| (number(a), number(b))))
}

struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: u32) -> u32 {
        (self.next() * f64::from(bound)) as u32
    }
}

/// Points in the unit square, linked when they are near each other.
fn geometric(nodes: u32, mean_degree: f64, draw: &mut Draw) -> BTreeSet<(u32, u32)> {
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (draw.next(), draw.next())).collect();
    let reach = mean_degree / (f64::from(nodes) * std::f64::consts::PI);
    let near = |a: u32, b: u32| {
        let (p, q) = (points[a as usize], points[b as usize]);
        (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2) < reach
    };
    (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))).filter(|(a, b)| near(*a, *b)).collect()
}

/// Groups of `size`, with edges likely within and unlikely between.
fn planted(groups: u32, size: u32, within: f64, between: f64, draw: &mut Draw) -> Graph {
    let nodes = groups * size;
    let pairs = (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b)));
    let pairs: Vec<_> = pairs
        .filter(|(a, b)| draw.next() < if a / size == b / size { within } else { between })
        .collect();
    graph(nodes, pairs)
}

fn assert_connected(graph: &Graph, community: &[u32]) {
    assert_eq!(community.len(), graph.nodes() as usize);
    let within = graph.each_edge().filter(|e| community[e.a as usize] == community[e.b as usize]);
    let pieces = components(&Graph::new(graph.nodes(), &within.collect::<Vec<_>>()));
    let mut piece_of = BTreeMap::new();
    for (node, piece) in pieces.iter().enumerate() {
        let same = piece_of.entry(community[node]).or_insert(*piece);
        assert_eq!(same, piece, "community {} is not connected", community[node]);
    }
}

mod by_properties {
    use super::*;
    use proptest::prelude::*;

    /// Newman and Girvan's formula pair by pair: Σ (A − k·k / 2m) / 2m over nodes that share a
    /// community.
    fn oracle(graph: &Graph, community: &[u32]) -> f64 {
        let ends = 2.0 * graph.edges() as f64;
        let mut sum = 0.0;
        for a in 0..graph.nodes() {
            for b in 0..graph.nodes() {
                if ends > 0.0 && community[a as usize] == community[b as usize] {
                    let linked = f64::from(u8::from(graph.neighbours(a).contains(&b)));
                    sum += linked - f64::from(graph.degree(a)) * f64::from(graph.degree(b)) / ends;
                }
            }
        }
        if ends > 0.0 { sum / ends } else { 0.0 }
    }

    prop_compose! {
        fn graphs()(nodes in 1u32..40)(
            nodes in Just(nodes),
            pairs in prop::collection::vec((0..nodes, 0..nodes), 0..90),
        ) -> Graph {
            graph(nodes, pairs)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn modularity_is_the_formula(
            graph in graphs(),
            community in prop::collection::vec(prop::num::u32::ANY.prop_map(|n| n % 5), 40),
        ) {
            let expected = oracle(&graph, &community);
            prop_assert!((modularity(&graph, &community) - expected).abs() < 1e-12);
        }

        #[test]
        fn communities_are_connected_no_worse_than_before_and_no_worse_than_none(
            graph in graphs(),
            previous in prop::collection::vec(0u32..9, 0..50),
        ) {
            let mut communities = Communities::new(1);
            for previous in [None, Some(&previous[..])] {
                let found = communities.find(&graph, previous).to_vec();
                assert_connected(&graph, &found);
                let mut before: Vec<u32> = (100..100 + graph.nodes()).collect();
                let known = previous.unwrap_or_default().iter();
                before.iter_mut().zip(known).for_each(|(old, number)| *old = *number);
                let whole = components(&graph);
                let singles: Vec<u32> = (0..graph.nodes()).collect();
                for other in [before, singles] {
                    let (found, other) = (modularity(&graph, &found), modularity(&graph, &other));
                    prop_assert!(found >= other - 1e-12, "{} < {}", found, other);
                }
                prop_assert!(modularity(&graph, &found) >= modularity(&graph, &whole) - 0.1);
                let again = communities.find(&graph, Some(&found)).to_vec();
                prop_assert_eq!(again, found);
            }
        }

        #[test]
        fn numbers_are_those_of_before_or_not_used_before(
            graph in graphs(),
            previous in prop::collection::vec(0u32..9, 0..50),
        ) {
            let mut communities = Communities::new(1);
            let found = communities.find(&graph, Some(&previous)).to_vec();
            let old: BTreeSet<u32> = previous.iter().copied().collect();
            let new: BTreeSet<u32> = found.iter().copied().filter(|n| !old.contains(n)).collect();
            let unused = (0..).filter(|number| !old.contains(number));
            let smallest: BTreeSet<u32> = unused.take(new.len()).collect();
            prop_assert_eq!(new, smallest);
            for number in found.iter().filter(|number| old.contains(number)) {
                let shares = previous.iter().zip(&found).any(|(a, b)| a == number && b == number);
                prop_assert!(shares, "{} was somewhere else", number);
            }
        }
    }
}

#[test]
fn the_karate_club_falls_into_its_known_communities() {
    let club = karate_club();
    assert_eq!((club.nodes(), club.edges()), (34, 78));
    for seed in 0..20 {
        let mut communities = Communities::new(seed);
        let found = communities.find(&club, None);
        assert_connected(&club, found);
        // The largest there is: 0.4198 (Brandes et al. 2008, "On Modularity Clustering").
        let quality = modularity(&club, found);
        assert!((0.41..0.41980).contains(&quality), "{quality} with seed {seed}");
    }
}

#[test]
fn planted_groups_are_found_and_numbered_by_their_smallest_nodes() {
    for seed in 0..20 {
        let graph = planted(8, 25, 0.5, 0.02, &mut Draw(seed));
        let found = Communities::new(seed).find(&graph, None).to_vec();
        let expected: Vec<u32> = (0..200).map(|node| node / 25).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn graphs_without_edges_have_nodes_on_their_own() {
    let mut communities = Communities::new(1);
    assert!(communities.find(&graph(0, []), None).is_empty());
    assert_eq!(communities.find(&graph(3, []), None), [0, 1, 2]);
    assert_eq!(communities.find(&graph(3, []), Some(&[7, 7, 7])), [7, 0, 1]);
    assert_eq!(communities.find(&graph(3, [(0, 2)]), None), [0, 1, 0]);
    assert_eq!(modularity(&graph(3, []), &[0, 0, 0]), 0.0);
}

#[test]
fn a_community_that_falls_apart_leaves_its_number_to_the_larger_part() {
    let clique = |from: u32, to: u32| (from..to).flat_map(move |b| (from..b).map(move |a| (a, b)));
    let both = graph(9, clique(0, 4).chain(clique(4, 9)));
    let found = Communities::new(1).find(&both, Some(&[3; 9])).to_vec();
    assert_eq!(found, [0, 0, 0, 0, 3, 3, 3, 3, 3]);
    // Two that become one keep the number of the larger.
    let whole = graph(9, clique(0, 9));
    assert_eq!(Communities::new(1).find(&whole, Some(&found)), [3; 9]);
}

#[test]
fn one_edge_toggled_leaves_nine_of_ten_nodes_where_they_were() {
    let (mut toggled, mut held, mut kept_in_all) = (0, 0, 0);
    for seed in 0..20 {
        let mut draw = Draw(seed);
        let mut pairs = geometric(200, 8.0, &mut draw);
        let mut communities = Communities::new(seed);
        let mut before = communities.find(&graph(200, pairs.iter().copied()), None).to_vec();
        for _ in 0..50 {
            let (a, b) = (draw.below(200), draw.below(200));
            let pair = match draw.next() < 0.5 {
                true => *pairs.iter().nth(draw.below(pairs.len() as u32) as usize).unwrap(),
                false => (a.min(b), a.max(b)),
            };
            if !pairs.remove(&pair) {
                pairs.insert(pair);
            }
            let now = graph(200, pairs.iter().copied());
            let found = communities.find(&now, Some(&before)).to_vec();
            assert_connected(&now, &found);
            let kept = found.iter().zip(&before).filter(|(now, before)| now == before).count();
            toggled += 1;
            held += u32::from(kept >= 180);
            kept_in_all += kept;
            before = found;
        }
        // What was kept from tick to tick is as good as what is found from nothing.
        let now = graph(200, pairs.iter().copied());
        let fresh = communities.find(&now, None).to_vec();
        let (kept, fresh) = (modularity(&now, &before), modularity(&now, &fresh));
        assert!(kept >= fresh - 0.02, "{kept} against {fresh}, seed {seed}");
    }
    // Once in a thousand, two communities of twenty nodes and more become one.
    assert!(f64::from(held) >= 0.99 * f64::from(toggled), "{held} of {toggled}");
    let mean = kept_in_all as f64 / f64::from(toggled);
    assert!(mean >= 198.0, "{mean} of 200 on average");
}

#[test]
fn the_same_graph_and_seed_give_the_same_communities() {
    let graph = graph(300, geometric(300, 6.0, &mut Draw(4)));
    let found = Communities::new(5).find(&graph, None).to_vec();
    let mut used = Communities::new(5);
    used.find(&karate_club(), Some(&[1, 2, 3]));
    assert_eq!(used.find(&graph, None), found);
}

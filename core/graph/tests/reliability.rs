//! Network reliability against brute force: all 2^m outcomes of m edges.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "the whole program is a test")]

use bitcraps_graph::{EFFORT, Effort, FailingEdge, Method, Reliability, Risk, documents_risk};

const PATIENT: Effort = Effort { transitions: 20_000_000, ..EFFORT };
const NO_COUNTING: Effort = Effort { transitions: 0, ..EFFORT };

fn edge(a: u32, b: u32, failure: f64) -> FailingEdge {
    FailingEdge { a, b, failure }
}

fn risk(nodes: u32, edges: &[FailingEdge], terminals: Option<&[u32]>) -> Risk {
    Reliability::with_effort(1, PATIENT).split_risk(nodes, edges, terminals)
}

fn exact(nodes: u32, edges: &[FailingEdge], terminals: Option<&[u32]>) -> f64 {
    let found = risk(nodes, edges, terminals);
    assert_eq!((found.method, found.error), (Method::Exact, 0.0));
    found.probability
}

/// Close in what is likely and in the leading digits of what is not.
fn assert_close(found: f64, expected: f64) {
    let off = (found / expected - 1.0).abs();
    assert!(off <= 1e-12, "{found} is not {expected}");
}

/// A small generator for test graphs, in 0..1.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Points in the unit square, linked when they are near each other.
fn geometric(
    nodes: u32,
    mean_degree: f64,
    draw: &mut Draw,
    failure: fn(&mut Draw) -> f64,
) -> Vec<FailingEdge> {
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (draw.next(), draw.next())).collect();
    let reach = mean_degree / (f64::from(nodes) * std::f64::consts::PI);
    let mut edges = Vec::new();
    for a in 0..nodes {
        for b in 0..a {
            let (p, q) = (points[a as usize], points[b as usize]);
            if (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2) < reach {
                edges.push(edge(a, b, failure(draw)));
            }
        }
    }
    edges
}

mod brute_force {
    use super::*;
    use proptest::prelude::*;

    /// The sum over all outcomes in which the terminals are apart.
    fn oracle(nodes: u32, edges: &[FailingEdge], terminals: Option<&[u32]>) -> f64 {
        let terminals: Vec<u32> = terminals.map_or_else(|| (0..nodes).collect(), <[u32]>::to_vec);
        let failure =
            |e: &FailingEdge| if e.failure.is_nan() { 1.0 } else { e.failure.clamp(0.0, 1.0) };
        let mut sum = 0.0;
        for outcome in 0..1u32 << edges.len() {
            let mut group: Vec<u32> = (0..nodes).collect();
            let mut probability = 1.0;
            for (index, edge) in edges.iter().enumerate() {
                let works = outcome >> index & 1 == 1;
                probability *= if works { 1.0 - failure(edge) } else { failure(edge) };
                if works && edge.a < nodes && edge.b < nodes {
                    let (from, to) = (group[edge.a as usize], group[edge.b as usize]);
                    group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
                }
            }
            let at = |t: &u32| group.get(*t as usize).copied().unwrap_or(u32::MAX);
            let (first, mut rest) = (terminals.first(), terminals.iter());
            if first.is_some_and(|first| rest.any(|t| t != first && at(t) != at(first))) {
                sum += probability;
            }
        }
        sum
    }

    fn failures() -> impl Strategy<Value = f64> {
        prop_oneof![
            6 => 0.0..1.0f64,
            2 => 1e-9..1e-3f64,
            1 => prop::sample::select(vec![0.0, 1.0, 0.5, f64::NAN, -1.0, 7.0]),
        ]
    }

    prop_compose! {
        fn meshes()(nodes in 1u32..9)(
            nodes in Just(nodes),
            edges in prop::collection::vec((0..nodes, 0..nodes, failures()), 0..14),
            terminals in prop::option::of(prop::collection::vec(0..nodes, 0..5)),
        ) -> (u32, Vec<FailingEdge>, Option<Vec<u32>>) {
            let edges = edges.into_iter().map(|(a, b, failure)| edge(a, b, failure)).collect();
            (nodes, edges, terminals)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn every_small_mesh_agrees_with_brute_force((nodes, edges, terminals) in meshes()) {
            let terminals = terminals.as_deref();
            let found = exact(nodes, &edges, terminals);
            let expected = oracle(nodes, &edges, terminals);
            prop_assert!((found - expected).abs() <= 1e-12, "{} is not {}", found, expected);
            if expected > 0.0 {
                let off = (found / expected - 1.0).abs();
                prop_assert!(off <= 1e-9, "{} is not {}", found, expected);
            }
        }

        #[test]
        fn no_sampling_is_needed_for_small_meshes((nodes, edges, terminals) in meshes()) {
            let found = Reliability::new(1).split_risk(nodes, &edges, terminals.as_deref());
            prop_assert_eq!(found.method, Method::Exact);
        }

        /// Dense ones, which no reduction takes apart, so that states are counted.
        #[test]
        fn small_dense_meshes_agree_with_brute_force(
            failures in prop::collection::vec(failures(), 14),
            skip in 0usize..15,
            terminals in prop::option::of(prop::collection::vec(0u32..6, 2..5)),
        ) {
            let pairs = (0..6).flat_map(|a| (0..a).map(move |b| (a, b)));
            let pairs = pairs.enumerate().filter(|(index, _)| *index != skip).map(|(_, pair)| pair);
            let edges: Vec<FailingEdge> =
                pairs.zip(&failures).map(|((a, b), failure)| edge(a, b, *failure)).collect();
            let terminals = terminals.as_deref();
            let (found, expected) = (exact(6, &edges, terminals), oracle(6, &edges, terminals));
            prop_assert!((found - expected).abs() <= 1e-12, "{} is not {}", found, expected);
        }
    }
}

#[test]
fn what_is_not_at_risk_is_at_none_and_what_is_apart_stays_apart() {
    let path = [edge(0, 1, 0.1), edge(1, 2, 0.2)];
    for terminals in [Some(&[][..]), Some(&[2]), Some(&[1, 1]), Some(&[9])] {
        assert_eq!(exact(3, &path, terminals), 0.0);
    }
    assert_eq!(
        (exact(0, &[], None), exact(1, &[], None), exact(0, &path, Some(&[0]))),
        (0.0, 0.0, 0.0)
    );
    assert_eq!(exact(2, &[], None), 1.0);
    assert_eq!(exact(4, &path, None), 1.0);
    assert_eq!(exact(4, &path, Some(&[0, 3])), 1.0);
    assert_eq!(exact(3, &path, Some(&[0, 9])), 1.0);
    assert_eq!(exact(3, &path, Some(&[8, 9])), 1.0);
    assert_eq!(exact(3, &[edge(0, 1, f64::NAN), edge(1, 2, 0.2)], None), 1.0);
    assert_eq!(exact(3, &[edge(0, 1, -5.0), edge(1, 2, 0.25)], None), 0.25);
}

#[test]
fn chains_rings_and_bundles_have_their_closed_forms() {
    let chain: Vec<_> = (0..500).map(|n| edge(n, n + 1, 0.001)).collect();
    assert_close(exact(501, &chain, None), -f64::exp_m1(500.0 * f64::ln_1p(-0.001)));
    assert_close(exact(501, &chain, Some(&[10, 12])), 0.001 + 0.999 * 0.001);
    // A ring splits when two of its edges fail.
    let ring: Vec<_> = (0..50).map(|n| edge(n, (n + 1) % 50, 0.01)).collect();
    let works = 0.99f64.powi(50) + 50.0 * 0.01 * 0.99f64.powi(49);
    assert!((exact(50, &ring, None) - (1.0 - works)).abs() < 1e-12);
    let bundle: Vec<_> = (0..5).map(|_| edge(0, 1, 1e-30)).collect();
    assert_close(exact(2, &bundle, None), 1e-150);
}

#[test]
fn tiny_risks_keep_their_leading_digits() {
    // In a complete mesh of four, alone are one node with three edges, or two with four.
    let f = 1e-6f64;
    let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
    let mesh: Vec<_> = pairs.iter().map(|(a, b)| edge(*a, *b, f)).collect();
    let found = exact(4, &mesh, None);
    let expected = 4.0 * f.powi(3);
    assert!((found / expected - 1.0).abs() < 1e-5, "{found} is not about {expected}");
}

#[test]
fn grids_are_counted_out() {
    // Eight wide and fifty long: no reduction helps, but the frontier is narrow.
    let mut edges = Vec::new();
    for n in 0..400u32 {
        let failure = f64::from(n % 7 + 1) / 50.0;
        edges.extend((n % 8 != 7).then(|| edge(n, n + 1, failure)));
        edges.extend((n + 8 < 400).then(|| edge(n, n + 8, failure)));
    }
    let found = Reliability::with_effort(1, PATIENT).split_risk(400, &edges, Some(&[0, 399]));
    assert_eq!(found.method, Method::Exact);
    let sampled = Reliability::with_effort(1, Effort { draws: 1 << 21, ..NO_COUNTING }).split_risk(
        400,
        &edges,
        Some(&[0, 399]),
    );
    assert!(matches!(sampled.method, Method::Sampled { samples: 2048.. }), "{sampled:?}");
    let off = (sampled.probability - found.probability).abs();
    assert!(off <= sampled.error, "{sampled:?} is not {found:?}");
}

#[test]
fn an_estimate_is_within_its_error_nineteen_times_of_twenty() {
    let kinds: [fn(&mut Draw) -> f64; 3] =
        [|d| d.next() * 0.6, |d| d.next() * 0.05, |d| 0.2 + d.next() * 0.1];
    let effort = Effort { transitions: 0, draws: 2000 };
    let (mut asked, mut held) = (0, 0);
    for (kind, failure) in kinds.into_iter().enumerate() {
        for mesh in 0..40 {
            let mut draw = Draw(kind as u64 * 1000 + mesh);
            let edges = geometric(24, 6.5, &mut draw, failure);
            let terminals = (mesh % 2 == 0).then_some(&[0, 5, 9][..]);
            let truth = risk(24, &edges, terminals);
            assert_eq!(truth.method, Method::Exact);
            for seed in 0..10 {
                let found =
                    Reliability::with_effort(seed, effort).split_risk(24, &edges, terminals);
                if found.method == Method::Exact {
                    continue;
                }
                asked += 1;
                held += u32::from((found.probability - truth.probability).abs() <= found.error);
            }
        }
    }
    assert!(asked >= 500, "{asked}");
    assert!(f64::from(held) >= 0.95 * f64::from(asked), "{held} of {asked}");
}

#[test]
fn a_risk_too_small_to_sample_is_told_by_its_isolated_nodes_and_has_an_honest_error() {
    let mut draw = Draw(5);
    let edges: Vec<_> = (0..12u32)
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .filter(|_| draw.next() < 0.6)
        .map(|(a, b)| edge(a, b, 0.001))
        .collect();
    let truth = exact(12, &edges, None);
    assert!(truth > 0.0 && truth < 1e-6, "{truth}");
    let found = Reliability::with_effort(1, NO_COUNTING).split_risk(12, &edges, None);
    assert!((found.probability / truth - 1.0).abs() < 0.01, "{found:?} is not {truth}");
    assert!(found.error > 0.0 && found.error < 1e-3, "{found:?}");
}

#[test]
fn a_mesh_of_a_thousand_is_sampled_with_a_stated_error_and_the_same_again() {
    let mut draw = Draw(11);
    let edges = geometric(1000, 8.0, &mut draw, |d| d.next() * 0.3);
    let mut reliability = Reliability::new(7);
    let seated = [1, 17, 400, 999];
    let found = reliability.split_risk(1000, &edges, Some(&seated));
    assert!(matches!(found.method, Method::Sampled { .. }), "{found:?}");
    assert!(found.error > 0.0 && found.error < 0.05, "{found:?}");
    reliability.split_risk(3, &[edge(0, 1, 0.5)], None);
    assert_eq!(reliability.split_risk(1000, &edges, Some(&seated)), found);
    assert_eq!(Reliability::new(7).split_risk(1000, &edges, Some(&seated)), found);
}

#[test]
fn what_hangs_on_a_bridge_is_exact_and_what_is_entangled_beyond_it_is_not() {
    let mut draw = Draw(3);
    let mut edges: Vec<_> = (0..10u32)
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .map(|(a, b)| edge(a, b, 0.3 + 0.3 * draw.next()))
        .collect();
    edges.push(edge(9, 10, 0.25));
    let near = Reliability::with_effort(1, NO_COUNTING).split_risk(11, &edges, Some(&[9, 10]));
    assert_eq!(near, Risk { probability: 0.25, error: 0.0, method: Method::Exact });
    let whole = Reliability::with_effort(1, NO_COUNTING).split_risk(11, &edges, None);
    let truth = exact(11, &edges, None);
    assert!(matches!(whole.method, Method::Sampled { .. }), "{whole:?}");
    assert!((whole.probability - truth).abs() <= whole.error, "{whole:?} is not {truth}");
}

#[test]
fn the_formula_of_the_documents_is_blind_from_degree_two_on() {
    assert_eq!(documents_risk(5, 10, 1.0), 0.25);
    assert_eq!(documents_risk(10, 10, 2.0), 0.0);
    assert_eq!(documents_risk(10, 10, 7.5), 0.0);
    assert_eq!(documents_risk(0, 0, 0.0), 0.0);
}

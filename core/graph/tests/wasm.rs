//! The same figures on every machine: each test here runs twice, under cargo and in a browser,
//! and compares with recorded values.
//!
//! Nodes decide what to repair from these figures, each by itself; a tab and a native node that
//! differed in one bit would disagree.

use bitcraps_graph::{
    Analyser, Communities, Distances, Edge, FailingEdge, Figures, Graph, HopTable, Live,
    Reliability,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

const NODES: u32 = 150;

/// Numbers from a number (Knuth's multiplier for 64 bits).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A ring with chords to nodes near by, and a tail.
fn edges() -> Vec<Edge> {
    let mut state = 7;
    let ring = NODES - 10;
    let mut edges: Vec<Edge> = (0..ring).map(|a| Edge { a, b: (a + 1) % ring, cost: 1 }).collect();
    for _ in 0..300 {
        let a = next(&mut state) as u32 % ring;
        let b = (a + 2 + next(&mut state) as u32 % 9) % ring;
        edges.push(Edge { a, b, cost: 1 + next(&mut state) as u32 % 50 });
    }
    edges.extend((ring..NODES).map(|b| Edge { a: b - 1, b, cost: 3 }));
    edges
}

/// FNV-1a (Fowler, Noll and Vo 1991).
fn digest(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().flat_map(u64::to_le_bytes).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn numbers(figures: &Figures) -> Vec<u64> {
    let mut all = vec![u64::from(figures.diameter), figures.component_sizes.len() as u64];
    all.extend(figures.cut_nodes.iter().map(|c| u64::from(c.node) << 32 | u64::from(c.cuts_off)));
    all.extend(figures.cut_edges.iter().map(|c| u64::from(c.a) << 32 | u64::from(c.b)));
    all.extend(figures.local_clustering.iter().map(|share| share.to_bits()));
    all.push(figures.global_clustering.map_or(0, f64::to_bits));
    all
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn a_full_look_and_its_upkeep_give_the_recorded_figures() {
    let graph = Graph::new(NODES, &edges());
    let mut analyser = Analyser::new();
    assert_eq!(digest(numbers(analyser.analyse(&graph))), 0x409d_b2d8_a196_c48d);
    let mut live = Live::of(&graph);
    for edge in graph.each_edge() {
        live.unlink(edge.a, edge.b);
        live.link(edge.a, edge.b);
    }
    assert_eq!(live.figures(), analyser.figures());
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn hops_distances_and_communities_are_the_recorded_ones() {
    let graph = Graph::new(NODES, &edges());
    let mut table = HopTable::new();
    table.fill(&graph).expect("few nodes");
    let pairs = (0..NODES).flat_map(|a| (0..NODES).map(move |b| (a, b)));
    let hops = pairs.map(|(a, b)| {
        let hop = |hop: Option<u32>| u64::from(hop.unwrap_or(0xffff));
        let far = table.distance(a, b).map_or(0xffff, u64::from);
        far << 32 | hop(table.next(a, b)) << 16 | hop(table.backup(a, b))
    });
    assert_eq!(digest(hops), 0xa400_dd8a_4bc6_fe6e);
    let mut distances = Distances::new();
    let found = distances.measure(&graph);
    let mean = found.mean_path.map_or(0, f64::to_bits);
    assert_eq!(
        digest(found.eccentricity.iter().map(|e| u64::from(*e)).chain([mean])),
        0x877d_e777_8908_db02
    );
    let mut communities = Communities::new(3);
    let found = communities.find(&graph, None);
    assert_eq!(digest(found.iter().map(|c| u64::from(*c))), 0xf59b_e57b_b0cc_7d63);
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn the_risk_of_a_split_is_the_recorded_one_whether_exact_or_sampled() {
    let mut state = 11;
    let failing: Vec<FailingEdge> = edges()
        .into_iter()
        .map(|edge| FailingEdge {
            a: edge.a,
            b: edge.b,
            failure: 0.01 + (next(&mut state) % 20) as f64 / 100.0,
        })
        .collect();
    let mut reliability = Reliability::new(5);
    let sampled = reliability.split_risk(NODES, &failing, None);
    let exact = reliability.split_risk(NODES, &failing[..NODES as usize - 8], Some(&[0, 70]));
    let bits = [sampled.probability, sampled.error, exact.probability, exact.error];
    assert_eq!(digest(bits.map(f64::to_bits)), 0x1bf1_de88_eb81_68ff, "{sampled:?} {exact:?}");
}

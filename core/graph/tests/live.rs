//! `Live` against a full pass: after every edit, all figures are equal. Up to 200 nodes the full
//! pass is as plain as can be; at 1 000 it is the `Analyser`.

#![cfg(not(target_arch = "wasm32"))]

use bitcraps_graph::{
    Analyser, CutEdge, CutNode, Edge, EditEffort as Effort, Figures, Graph, Live,
};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u32) -> u32 {
        (self.roll() % u64::from(limit)) as u32
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A graph, and the pairs whose links come and go in it as peers pass by.
#[derive(Clone, Debug)]
struct Place {
    links: Vec<(u32, u32)>,
    near: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Empty,
    Path,
    Cycle,
    Star,
    Grid,
    Complete,
    Tree,
    Ladder,
    Islands,
    Geometric,
    SmallWorld,
}

const SHAPES: [Shape; 11] = [
    Shape::Empty,
    Shape::Path,
    Shape::Cycle,
    Shape::Star,
    Shape::Grid,
    Shape::Complete,
    Shape::Tree,
    Shape::Ladder,
    Shape::Islands,
    Shape::Geometric,
    Shape::SmallWorld,
];

fn place(shape: Shape, nodes: u32, seed: u64) -> Place {
    let mut dice = Dice(seed);
    let steps = 1..nodes;
    let links: Vec<(u32, u32)> = match shape {
        Shape::Empty => Vec::new(),
        Shape::Path => steps.map(|n| (n - 1, n)).collect(),
        Shape::Cycle => (0..nodes).map(|n| (n, (n + 1) % nodes)).collect(),
        Shape::Star => steps.map(|n| (0, n)).collect(),
        Shape::Tree => steps.map(|n| (dice.below(n), n)).collect(),
        Shape::Ladder => steps.flat_map(|n| [(n - 1, n), (n.saturating_sub(2), n)]).collect(),
        Shape::Islands => {
            let inland = steps.filter(|n| n % 5 != 0);
            inland.flat_map(|n| [(n - 1, n), (n - n % 5 / 2, n)]).collect()
        }
        Shape::Complete => (0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))).collect(),
        Shape::Grid => {
            let wide = f64::from(nodes).sqrt() as u32;
            let right = (1..nodes).filter(|n| n % wide != 0).map(|n| (n - 1, n));
            right.chain((wide..nodes).map(|n| (n - wide, n))).collect()
        }
        Shape::SmallWorld => (0..nodes)
            .flat_map(|n| [(n, (n + 1) % nodes), (n, (n + 2) % nodes), (n, dice.below(nodes))])
            .collect(),
        Shape::Geometric => return geometric(nodes, 8.0, seed),
    };
    let near = (0..nodes).flat_map(|n| (1..4).map(move |step| (n, (n + step) % nodes))).collect();
    Place { links, near }
}

/// Points in a unit square, linked within the radius that gives this mean degree.
fn geometric(nodes: u32, degree: f64, seed: u64) -> Place {
    let mut dice = Dice(seed);
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (dice.unit(), dice.unit())).collect();
    let radius = (degree / (std::f64::consts::PI * f64::from(nodes.max(1)))).sqrt();
    let within = |reach: f64| {
        let mut pairs = Vec::new();
        for b in 0..nodes as usize {
            for a in 0..b {
                let (dx, dy) = (points[a].0 - points[b].0, points[a].1 - points[b].1);
                if dx.hypot(dy) < reach {
                    pairs.push((a as u32, b as u32));
                }
            }
        }
        pairs
    };
    Place { links: within(radius), near: within(radius * 1.3) }
}

fn graph(nodes: u32, links: impl IntoIterator<Item = (u32, u32)>) -> Graph {
    let edges: Vec<Edge> = links.into_iter().map(|(a, b)| Edge { a, b, cost: 1 }).collect();
    Graph::new(nodes, &edges)
}

fn graph_of(live: &Live) -> Graph {
    let pairs = (0..live.nodes()).flat_map(|a| live.neighbours(a).iter().map(move |b| (a, *b)));
    graph(live.nodes(), pairs)
}

/// Hops from one node, without another.
fn hops(graph: &Graph, from: u32, without: Option<u32>) -> Vec<Option<u32>> {
    let mut hops = vec![None; graph.nodes() as usize];
    hops[from as usize] = Some(0);
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        for to in graph.neighbours(node) {
            if Some(*to) != without && hops[*to as usize].is_none() {
                hops[*to as usize] = hops[node as usize].map(|h| h + 1);
                queue.push_back(*to);
            }
        }
    }
    hops
}

fn count(hops: &[Option<u32>]) -> u32 {
    hops.iter().flatten().count() as u32
}

/// The full pass: everything by definition.
fn plain(graph: &Graph) -> Figures {
    let nodes = graph.nodes();
    let mut figures = Figures { nodes, edges: graph.edges() as u32, ..Figures::default() };
    figures.component = bitcraps_graph::components(graph);
    for number in &figures.component {
        let number = *number as usize;
        figures.component_sizes.resize(figures.component_sizes.len().max(number + 1), 0);
        figures.component_sizes[number] += 1;
    }
    let (mut sum, mut counted) = (0.0, 0u32);
    for node in 0..nodes {
        let all = hops(graph, node, None);
        figures.diameter = all.iter().flatten().copied().fold(figures.diameter, u32::max);
        let near = graph.neighbours(node);
        let linked = |a: u32, b: &&u32| graph.neighbours(a).contains(b);
        let triangles =
            near.iter().map(|a| near.iter().filter(|b| linked(*a, b)).count() as u32).sum::<u32>()
                / 2;
        figures.triangles.push(triangles);
        let pairs = u64::from(graph.degree(node)) * u64::from(graph.degree(node).saturating_sub(1));
        let local = if pairs == 0 { 0.0 } else { f64::from(2 * triangles) / pairs as f64 };
        figures.local_clustering.push(local);
        sum += local;
        counted += u32::from(pairs > 0);
        if let Some(cuts_off) = cut_off(graph, node, count(&all)) {
            figures.cut_nodes.push(CutNode { node, cuts_off });
        }
    }
    figures.global_clustering = (counted > 0).then(|| sum / f64::from(counted));
    figures.cut_edges = cut_edges(graph, &figures);
    figures
}

fn cut_off(graph: &Graph, node: u32, component: u32) -> Option<u32> {
    let mut seen = BTreeSet::new();
    let mut largest = 0;
    for start in graph.neighbours(node) {
        if seen.insert(*start) {
            let piece = hops(graph, *start, Some(node));
            seen.extend((0..graph.nodes()).filter(|n| piece[*n as usize].is_some()));
            largest = largest.max(count(&piece));
        }
    }
    Some(component - 1 - largest).filter(|cut| *cut > 0 && largest > 0)
}

/// A link is a bridge when one end no longer reaches the other without it. Only links with an end
/// that is a cut node or has no other link can be.
fn cut_edges(graph: &Graph, figures: &Figures) -> Vec<CutEdge> {
    let weak =
        |node: u32| graph.degree(node) == 1 || figures.cut_nodes.iter().any(|cut| cut.node == node);
    let candidates = graph.each_edge().filter(|e| weak(e.a) && weak(e.b));
    let mut found = Vec::new();
    for Edge { a, b, .. } in candidates {
        let rest = graph.each_edge().map(|e| (e.a, e.b)).filter(|pair| *pair != (a, b));
        let rest = self::graph(graph.nodes(), rest);
        let side = hops(&rest, a, None);
        if side[b as usize].is_none() {
            let cuts_off = count(&side).min(count(&hops(&rest, b, None)));
            found.push(CutEdge { a, b, cuts_off });
        }
    }
    found
}

/// One edit; which depends on what the graph is like now.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Toggle(u32, u32),
    ToggleNear(u32),
    LoseAny(u32),
    LoseBridge(u32),
    Again,
}

fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        2 => (any::<u32>(), any::<u32>()).prop_map(|(a, b)| Edit::Toggle(a, b)),
        4 => any::<u32>().prop_map(Edit::ToggleNear),
        3 => any::<u32>().prop_map(Edit::LoseAny),
        2 => any::<u32>().prop_map(Edit::LoseBridge),
        3 => Just(Edit::Again),
    ];
    prop::collection::vec(edit, 0..most)
}

/// What the edit means here, if anything: a pair to toggle.
fn pair(live: &Live, place: &Place, edit: Edit, last: Option<(u32, u32)>) -> Option<(u32, u32)> {
    let nodes = live.nodes();
    if nodes == 0 {
        return None;
    }
    match edit {
        Edit::Toggle(a, b) => Some((a % nodes, b % nodes)),
        Edit::ToggleNear(at) => place.near.get(at as usize % place.near.len().max(1)).copied(),
        Edit::LoseAny(at) => {
            let a = at % nodes;
            let near = live.neighbours(a);
            near.get((at / nodes) as usize % near.len().max(1)).map(|b| (a, *b))
        }
        Edit::LoseBridge(at) => {
            let bridges = &live.figures().cut_edges;
            bridges.get(at as usize % bridges.len().max(1)).map(|bridge| (bridge.a, bridge.b))
        }
        Edit::Again => last,
    }
}

fn toggle(live: &mut Live, (a, b): (u32, u32)) {
    if live.has_link(a, b) {
        assert!(live.unlink(a, b) && !live.unlink(a, b), "{a} {b}");
    } else {
        assert_eq!((live.link(a, b), live.link(b, a)), (a != b, false), "{a} {b}");
    }
}

proptest! {
    #[test]
    fn after_every_edit_all_figures_equal_those_of_a_full_pass(
        shape in prop::sample::select(&SHAPES[..]),
        nodes in prop_oneof![3 => 1u32..24, 2 => 24u32..90, 1 => 90u32..200],
        seed in any::<u64>(),
        edits in edits(40),
    ) {
        let place = place(shape, nodes, seed);
        let start = graph(nodes, place.links.iter().copied());
        let mut live = Live::of(&start);
        prop_assert_eq!(live.figures(), &plain(&start));
        let mut last = None;
        for edit in edits {
            let Some(pair) = pair(&live, &place, edit, last) else { continue };
            toggle(&mut live, pair);
            last = Some(pair);
            let now = graph_of(&live);
            prop_assert_eq!(live.figures(), &plain(&now), "after {:?} {:?}", edit, pair);
        }
    }

    #[test]
    fn a_mesh_that_grows_from_nothing_and_one_rebuilt_are_the_same(
        nodes in 1u32..60,
        seed in any::<u64>(),
    ) {
        let place = geometric(nodes, 6.0, seed);
        let mut grown = Live::new(nodes);
        for (a, b) in &place.links {
            prop_assert!(grown.link(*b, *a));
        }
        let full = graph(nodes, place.links.iter().copied());
        let mut rebuilt = Live::of(&graph(7, [(1, 2), (2, 3)]));
        rebuilt.rebuild(&full);
        prop_assert_eq!(grown.figures(), rebuilt.figures());
        prop_assert_eq!(grown.figures(), &plain(&full));
        for (a, b) in &place.links {
            prop_assert!(grown.unlink(*a, *b));
        }
        prop_assert_eq!(grown.figures(), &plain(&graph(nodes, [])));
    }
}

#[test]
fn loops_and_nodes_that_are_not_there_change_nothing() {
    let mut live = Live::of(&graph(3, [(0, 1)]));
    let before = live.figures().clone();
    for (a, b) in [(1, 1), (0, 3), (3, 0), (9, 9), (u32::MAX, 0), (0, 1), (1, 0)] {
        assert!(!live.link(a, b), "{a} {b}");
    }
    for (a, b) in [(0, 2), (2, 2), (0, 3), (u32::MAX, u32::MAX)] {
        assert!(!live.unlink(a, b), "{a} {b}");
        assert!(!live.has_link(a, b), "{a} {b}");
    }
    assert_eq!(live.figures(), &before);
    assert_eq!((live.nodes(), live.neighbours(0), live.neighbours(2)), (3, &[1][..], &[][..]));
    assert_eq!(live.figures(), &plain(&graph_of(&live)));
    assert_eq!(Live::new(0).figures(), &plain(&graph(0, [])));
}

/// Applies edits, each checked against a full pass, and adds up how they were settled.
struct Run {
    live: Live,
    analyser: Analyser,
    edits: u32,
}

impl Run {
    fn of(nodes: u32, links: &[(u32, u32)]) -> Run {
        let live = Live::of(&graph(nodes, links.iter().copied()));
        Run { live, analyser: Analyser::new(), edits: 0 }
    }

    fn toggle(&mut self, pair: (u32, u32)) {
        toggle(&mut self.live, pair);
        self.edits += 1;
        let full = self.analyser.analyse(&graph_of(&self.live));
        assert!(self.live.figures() == full, "after edit {}: {pair:?}", self.edits);
    }
}

fn ways(effort: &Effort) -> [(&'static str, u64); 11] {
    [
        ("merges", effort.merges),
        ("splits", effort.splits),
        ("blocks untouched", effort.blocks_untouched),
        ("blocks by common neighbours", effort.blocks_by_common_neighbours),
        ("blocks by two paths", effort.blocks_by_two_paths),
        ("blocks searched", effort.blocks_searched),
        ("distances untouched", effort.distances_untouched),
        ("distances repaired", effort.distances_repaired),
        ("distances searched", effort.distances_searched),
        ("distances measured", effort.distances_measured),
        ("distances swept", effort.distances_swept),
    ]
}

fn every_way_is_taken(runs: &[Run]) {
    let mut sums = ways(&Effort::default());
    for run in runs {
        for (sum, (_, times)) in sums.iter_mut().zip(ways(run.live.effort())) {
            sum.1 += times;
        }
    }
    println!("{sums:?}");
    for (way, times) in sums {
        assert!(times > 0, "{way}: never; all: {sums:?}");
    }
    let edits: u64 = runs.iter().map(|run| u64::from(run.edits)).sum();
    let blocks: u64 = sums[..6].iter().map(|(_, times)| times).sum();
    let distances: u64 = sums[6..].iter().map(|(_, times)| times).sum();
    assert_eq!((blocks, distances), (edits, edits));
}

#[test]
fn thousands_of_edits_at_a_thousand_nodes_stay_exact_whatever_settles_them() {
    const NODES: u32 = 1_000;
    let mut runs = Vec::new();
    for (degree, seed) in [(8.0, 1), (8.0, 2), (3.5, 3)] {
        let place = geometric(NODES, degree, seed);
        let mut run = Run::of(NODES, &place.links);
        let mut dice = Dice(seed);
        // Peers pass each other.
        for _ in 0..1_000 {
            run.toggle(place.near[dice.below(place.near.len() as u32) as usize]);
        }
        // Links fail and return, one of them far.
        for _ in 0..300 {
            let near = place.links[dice.below(place.links.len() as u32) as usize];
            let far = (dice.below(NODES), dice.below(NODES - 1));
            for pair in [near, (far.0, far.1 + u32::from(far.1 >= far.0))] {
                run.toggle(pair);
                run.toggle(pair);
            }
        }
        // A peer leaves and comes back elsewhere.
        for _ in 0..30 {
            let node = dice.below(NODES);
            for to in run.live.neighbours(node).to_vec() {
                run.toggle((node, to));
            }
            let near = dice.below(NODES - 8);
            for to in (near..near + 8).filter(|to| *to != node) {
                run.toggle((node, to));
            }
        }
        runs.push(run);
    }
    // Where all eccentricities are about the same, and bounds prove little.
    for shape in [Shape::SmallWorld, Shape::Cycle] {
        let place = place(shape, 400, 4);
        let mut run = Run::of(400, &place.links);
        let mut dice = Dice(4);
        for _ in 0..300 {
            let any = (dice.below(400), dice.below(400));
            let linked = place.links[dice.below(place.links.len() as u32) as usize];
            for pair in [any, linked].into_iter().filter(|(a, b)| a != b) {
                run.toggle(pair);
                run.toggle(pair);
            }
        }
        runs.push(run);
    }
    every_way_is_taken(&runs);
}

#[test]
fn a_path_deeper_than_distances_are_kept_is_exact_when_it_breaks_and_heals() {
    const NODES: u32 = 24_000;
    let path: Vec<(u32, u32)> = (1..NODES).map(|n| (n - 1, n)).collect();
    let mut run = Run::of(NODES, &path);
    assert_eq!(run.live.figures().diameter, NODES - 1);
    for (pair, diameter) in [((4_000, 4_001), 19_998), ((12_000, 12_001), 12_000)] {
        run.toggle(pair);
        assert_eq!(run.live.figures().diameter, diameter);
        run.toggle(pair);
        assert_eq!(run.live.figures().diameter, NODES - 1);
    }
    for pair in [(0, 1), (4_000, 4_009), (4_004, 4_005), (9, 23_000)] {
        run.toggle(pair);
    }
}

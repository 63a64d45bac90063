//! The layout as its users see it: it settles, it stays, and it shows the graph.

use bitcraps_graph::{
    Edge, Graph, components,
    layout::{EDGE_LENGTH, Layout, Motion},
};

fn graph(nodes: u32, edges: &[(u32, u32)]) -> Graph {
    let edges: Vec<Edge> = edges.iter().map(|&(a, b)| Edge { a, b, cost: 1 }).collect();
    Graph::new(nodes, &edges)
}

fn grid(side: u32) -> Graph {
    let mut edges = Vec::new();
    for i in 0..side * side {
        if i % side + 1 < side {
            edges.push((i, i + 1));
        }
        if i + side < side * side {
            edges.push((i, i + side));
        }
    }
    graph(side * side, &edges)
}

fn ring(first: u32, nodes: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..nodes).map(move |i| (first + i, first + (i + 1) % nodes))
}

fn keys(nodes: u32) -> Vec<u64> {
    (0..nodes).map(|i| u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn settle(layout: &mut Layout) -> usize {
    (0..2_000).take_while(|_| layout.step() == Motion::Moving).count()
}

fn settled(graph: &Graph) -> Layout {
    let mut layout = Layout::default();
    layout.take(&keys(graph.nodes()), graph);
    settle(&mut layout);
    layout
}

fn distance(layout: &Layout, a: u32, b: u32) -> f32 {
    let ((ax, ay), (bx, by)) = (layout.at(a).unwrap(), layout.at(b).unwrap());
    (ax - bx).hypot(ay - by)
}

/// The mean over pairs of ((drawn distance · scale − hops) / hops)² at the best scale: 0 for a
/// drawing in which every pair is as far as it is in hops (Kamada and Kawai 1989).
fn stress(graph: &Graph, layout: &Layout) -> f64 {
    let mut pairs = Vec::new();
    for from in (0..graph.nodes()).step_by(7) {
        let tree = bitcraps_graph::shortest_paths(graph, from);
        for to in 0..graph.nodes() {
            if let Some(hops) = tree.distance(to).filter(|hops| *hops > 0) {
                pairs.push((f64::from(distance(layout, from, to)), hops as f64));
            }
        }
    }
    let up: f64 = pairs.iter().map(|(drawn, hops)| drawn / hops).sum();
    let down: f64 = pairs.iter().map(|(drawn, hops)| (drawn / hops).powi(2)).sum();
    let scale = up / down;
    let off = pairs.iter().map(|(drawn, hops)| (drawn * scale / hops - 1.0).powi(2));
    off.sum::<f64>() / pairs.len() as f64
}

#[test]
fn it_settles_within_two_hundred_steps_and_then_stays() {
    let grid = grid(12);
    let mut layout = Layout::default();
    layout.take(&keys(144), &grid);
    assert_eq!(layout.motion(), Motion::Moving);
    let steps = settle(&mut layout);
    assert!((10..200).contains(&steps), "{steps} steps");
    let before = layout.positions().to_vec();
    layout.take(&keys(144), &grid);
    assert_eq!((layout.step(), layout.motion()), (Motion::Settled, Motion::Settled));
    assert_eq!(layout.positions(), before);
}

#[test]
fn the_same_graphs_in_the_same_order_give_the_same_picture() {
    let run = || {
        let mut layout = settled(&grid(9));
        layout.take(&keys(100), &grid(10));
        settle(&mut layout);
        layout.positions().to_vec()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_grid_is_drawn_as_a_grid() {
    for side in [5, 30] {
        let grid = grid(side);
        let layout = settled(&grid);
        // Hops on a grid are not distances in a plane: the grid itself has 0.04.
        let stress = stress(&grid, &layout);
        assert!(stress < 0.06, "{side}: {stress}");
        let lengths: Vec<f32> = grid.each_edge().map(|e| distance(&layout, e.a, e.b)).collect();
        let mean = lengths.iter().sum::<f32>() / lengths.len() as f32;
        assert!((0.8..1.8).contains(&(mean / EDGE_LENGTH)), "{side}: {mean}");
        assert!(lengths.iter().all(|l| (0.5..1.8).contains(&(l / mean))), "{side}: {mean}");
    }
}

#[test]
fn nodes_keep_their_place_when_another_one_comes_and_when_the_order_changes() {
    let mut layout = settled(&grid(8));
    let before = layout.positions().to_vec();
    // The newcomer is node 0 now, and joined to what was node 63.
    let mut edges: Vec<(u32, u32)> = grid(8).each_edge().map(|e| (e.a + 1, e.b + 1)).collect();
    edges.push((0, 64));
    let mut known = vec![u64::MAX];
    known.extend(keys(64));
    let grown = graph(65, &edges);
    layout.take(&known, &grown);
    assert_eq!(layout.positions()[2..], before);
    assert!(distance(&layout, 0, 64) < 1.5 * EDGE_LENGTH);
    settle(&mut layout);
    let moved = layout.positions()[2..].iter().zip(&before).map(|(a, b)| (a - b).abs());
    assert!(moved.fold(0.0, f32::max) < EDGE_LENGTH);
}

#[test]
fn the_parts_of_a_fallen_mesh_stand_apart() {
    let mut edges: Vec<(u32, u32)> = grid(7).each_edge().map(|e| (e.a, e.b)).collect();
    edges.extend(ring(49, 20).chain(ring(69, 3)));
    let mut layout = settled(&graph(75, &edges));
    let check = |layout: &Layout, edges: &[(u32, u32)]| {
        let part = components(&graph(75, edges));
        for a in 0..75 {
            for b in a + 1..75 {
                let apart = part[a as usize] != part[b as usize];
                assert!(!apart || distance(layout, a, b) > EDGE_LENGTH, "{a} and {b}");
            }
        }
    };
    check(&layout, &edges);
    // The grid breaks between its third and fourth column.
    edges.retain(|(a, b)| !(*b < 49 && b == &(a + 1) && a % 7 == 2));
    layout.take(&keys(75), &graph(75, &edges));
    settle(&mut layout);
    check(&layout, &edges);
}

#[test]
fn more_parts_than_groups_are_drawn_too() {
    let pairs: Vec<(u32, u32)> = (0..100).map(|i| (2 * i, 2 * i + 1)).collect();
    let layout = settled(&graph(300, &pairs));
    assert!(layout.positions().iter().all(|v| v.abs() < 200.0 * EDGE_LENGTH));
    for a in 0..300 {
        for b in a + 1..300 {
            assert!(distance(&layout, a, b) > 0.1 * EDGE_LENGTH, "{a} and {b}");
        }
    }
}

#[test]
fn hubs_twins_and_tiny_graphs_give_finite_places() {
    let star: Vec<(u32, u32)> = (1..500).map(|i| (0, i)).collect();
    let clique: Vec<(u32, u32)> = (0..40).flat_map(|a| (a + 1..40).map(move |b| (a, b))).collect();
    let path: Vec<(u32, u32)> = (1..200).map(|i| (i - 1, i)).collect();
    for graph in [
        graph(0, &[]),
        graph(1, &[]),
        graph(2, &[]),
        graph(2, &[(0, 1)]),
        graph(500, &star),
        graph(40, &clique),
        graph(200, &path),
        graph(90, &[]),
    ] {
        let mut layout = Layout::default();
        // All of one key: told apart by their order alone.
        layout.take(&vec![7; graph.nodes() as usize], &graph);
        settle(&mut layout);
        layout.take(&vec![7; graph.nodes() as usize], &Graph::new(graph.nodes(), &[]));
        settle(&mut layout);
        let nodes = graph.nodes();
        assert!(layout.positions().iter().all(|v| v.abs() < 1e4), "{nodes} nodes");
        assert_eq!(layout.at(nodes), None);
        for a in 0..nodes.min(50) {
            assert!((0..a).all(|b| distance(&layout, a, b) > 0.01), "{nodes} nodes, node {a}");
        }
    }
}

#[test]
fn a_graph_that_is_replaced_is_drawn_anew() {
    let mut layout = settled(&grid(6));
    let ring: Vec<(u32, u32)> = ring(0, 30).collect();
    let other: Vec<u64> = (0..30).map(|i| i * 3 + 1).collect();
    layout.take(&other, &graph(30, &ring));
    settle(&mut layout);
    let (min, max) = (0..30)
        .map(|i| distance(&layout, i, (i + 15) % 30))
        .fold((f32::MAX, 0.0_f32), |(low, high), d| (low.min(d), high.max(d)));
    assert!(min > 0.6 * max, "a ring stays round: {min} to {max}");
}

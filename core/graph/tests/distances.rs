//! Eccentricities and mean paths against rustworkx-core's distance matrix.

#![cfg(not(target_arch = "wasm32"))]
// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod families;

use bitcraps_graph::{DistanceFigures, Distances, Edge, Graph, components};
use families::{Case, any_graph};
use petgraph::graph::UnGraph;
use proptest::prelude::*;
use rustworkx_core::shortest_path::distance_matrix;

/// By definition, from every distance.
fn expected(case: &Case) -> DistanceFigures {
    let mut peer = UnGraph::<(), ()>::default();
    let ids: Vec<_> = (0..case.nodes).map(|_| peer.add_node(())).collect();
    for edge in &case.edges {
        peer.add_edge(ids[edge.a as usize], ids[edge.b as usize], ());
    }
    let matrix = distance_matrix(&peer, usize::MAX, true, f64::INFINITY);
    let finite = |row: usize| matrix.row(row).into_iter().copied().filter(|d| d.is_finite());
    let eccentricity: Vec<u32> =
        (0..ids.len()).map(|row| finite(row).fold(0.0, f64::max) as u32).collect();
    let (sum, pairs) = (0..ids.len())
        .flat_map(finite)
        .filter(|distance| *distance > 0.0)
        .fold((0.0, 0u32), |(sum, pairs), distance| (sum + distance, pairs + 1));
    let component = components(&case.graph);
    let size = |piece: u32| component.iter().filter(|other| **other == piece).count();
    // Components are numbered by their smallest node.
    let largest = (0..case.nodes).rev().max_by_key(|piece| size(*piece)).unwrap();
    let members: Vec<u32> =
        (0..case.nodes).filter(|node| component[*node as usize] == largest).collect();
    let radius = members.iter().map(|node| eccentricity[*node as usize]).min().unwrap();
    let centre = members.into_iter().filter(|node| eccentricity[*node as usize] == radius);
    DistanceFigures {
        centre: centre.collect(),
        radius,
        mean_path: (pairs > 0).then(|| sum / f64::from(pairs)),
        diameter: eccentricity.iter().copied().max().unwrap(),
        eccentricity,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn figures_are_those_of_all_distances(before in any_graph(300), case in any_graph(700)) {
        let mut distances = Distances::new();
        distances.measure(&before.graph);
        prop_assert_eq!(distances.measure(&case.graph), &expected(&case));
    }
}

#[test]
fn the_centre_is_that_of_the_largest_component_of_equals_that_with_the_smallest_node() {
    let edges = [(1, 3), (3, 5), (2, 4), (4, 6)].map(|(a, b)| Edge { a, b, cost: 9 });
    let mut distances = Distances::new();
    let figures = distances.measure(&Graph::new(7, &edges));
    assert_eq!(figures.eccentricity, [0, 2, 2, 1, 1, 2, 2]);
    assert_eq!((figures.radius, &figures.centre[..], figures.diameter), (1, &[3][..], 2));
    assert_eq!(figures.mean_path, Some(4.0 / 3.0));
}

#[test]
fn without_edges_there_is_no_mean_path_and_without_nodes_no_centre() {
    let mut distances = Distances::new();
    let alone = distances.measure(&Graph::new(2, &[]));
    assert_eq!((alone.radius, &alone.centre[..], alone.mean_path), (0, &[0][..], None));
    assert_eq!(distances.measure(&Graph::new(0, &[])), &DistanceFigures::default());
}

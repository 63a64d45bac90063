//! A made-up mesh, to see how a device copes with a large one: a random geometric graph, which is
//! what radios of one range in a field make.
//!
//! Rules. The same number gives the same mesh. It is laid into the view of the own node in place
//! of the real map, without the own tables and links, and the page says that it is made up.

use bitcraps_core::{
    id::PeerId,
    node::{
        CutEdgeView, CutNodeView, EdgeView, HealthView, MapView, NodeKind, NodeView, PeerView,
        SeatRole, Transport,
    },
};
use bitcraps_graph::{Analyser, Edge, Graph, components};

/// Nodes of the largest example.
pub const NODES_MAX: u32 = 10_000;

/// Neighbours that a node has on the mean.
const DEGREE: f64 = 8.0;

const PI: f64 = core::f64::consts::PI;

/// A view of a mesh of so many nodes, at most [`NODES_MAX`].
pub fn view(own: &NodeView, nodes: u32) -> NodeView {
    let nodes = nodes.min(NODES_MAX);
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let places: Vec<(f64, f64)> = (0..nodes).map(|_| (draw.share(), draw.share())).collect();
    let ids: Vec<PeerId> = (0..nodes).map(|node| draw.id(node)).collect();
    let id = |node: u32| ids[node as usize];
    let peers = (0..nodes).map(|node| PeerView {
        peer_id: id(node),
        kind: match node % 40 {
            0 => NodeKind::Gateway,
            1..=9 => NodeKind::Regular,
            _ => NodeKind::Browser,
        },
        name: ["Example ", &(node + 1).to_string()].concat(),
        role: SeatRole::Player,
        reachable: true,
        age_ms: 0,
    });
    let peers = peers.collect();
    let links = links(&places);
    let edges = links.iter().map(|edge| EdgeView {
        a: id(edge.a),
        b: id(edge.b),
        transport: if edge.cost % 3 == 0 { Transport::Tcp } else { Transport::WebSocket },
        latency_ms: Some(f64::from(edge.cost) / 8.0),
    });
    let graph = Graph::new(nodes, &links);
    NodeView {
        peer_id: ids.first().copied().unwrap_or(own.peer_id),
        map: MapView { nodes: peers, edges: edges.collect() },
        partitions: partitions(&ids, &graph),
        leader: None,
        neighbours: Vec::new(),
        nearby: Vec::new(),
        radio: None,
        links: Vec::new(),
        tables: Vec::new(),
        lobby: Vec::new(),
        health: health(&ids, &graph),
        components: Vec::new(),
        ..own.clone()
    }
}

/// Every two nodes in range of each other; the cost grows with their distance, up to 1 000. Looked
/// for in the cells of a grid as wide as the range: O(n · DEGREE).
fn links(places: &[(f64, f64)]) -> Vec<Edge> {
    let range = (DEGREE / (PI * places.len().max(1) as f64)).sqrt().min(1.0);
    let side = (1.0 / range) as usize;
    let cell = |place: &(f64, f64)| {
        let along = |v: f64| ((v * side as f64) as usize).min(side - 1);
        (along(place.0), along(place.1))
    };
    let mut cells: Vec<Vec<u32>> = vec![Vec::new(); side * side];
    let mut links = Vec::new();
    for (place, a) in places.iter().zip(0..) {
        let (x, y) = cell(place);
        for row in y.saturating_sub(1)..(y + 2).min(side) {
            for column in x.saturating_sub(1)..(x + 2).min(side) {
                for &b in &cells[row * side + column] {
                    let other = places[b as usize];
                    let far = (place.0 - other.0).hypot(place.1 - other.1) / range;
                    if far < 1.0 {
                        links.push(Edge { a, b, cost: (far * far * 1000.0) as u32 });
                    }
                }
            }
        }
        cells[y * side + x].push(a);
    }
    links
}

/// Cut nodes and bridges, largest loss first.
fn health(ids: &[PeerId], graph: &Graph) -> HealthView {
    let mut analyser = Analyser::new();
    let figures = analyser.analyse(graph);
    let id = |node: u32| ids[node as usize];
    let nodes = order(figures.cut_nodes.iter().map(|cut| cut.cuts_off as usize));
    let nodes = nodes.into_iter().map(|i| figures.cut_nodes[i]).map(|cut| CutNodeView {
        peer_id: id(cut.node),
        cuts_off: cut.cuts_off,
        // Shown nowhere in an example.
        load: f64::NAN,
    });
    let edges = order(figures.cut_edges.iter().map(|cut| cut.cuts_off as usize));
    let edges = edges.into_iter().map(|i| figures.cut_edges[i]).map(|cut| CutEdgeView {
        a: id(cut.a),
        b: id(cut.b),
        cuts_off: cut.cuts_off,
    });
    let (cut_nodes, cut_edges) = (nodes.collect(), edges.collect());
    HealthView { cut_nodes, cut_edges, ..HealthView::default() }
}

/// The places of sizes, the largest first, of equal ones the first first.
fn order(sizes: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut order: Vec<u64> = sizes.zip(0..).map(|(size, i)| !(size as u64) << 32 | i).collect();
    order.sort_unstable();
    order.into_iter().map(|entry| entry as u32 as usize).collect()
}

/// Largest first.
fn partitions(ids: &[PeerId], graph: &Graph) -> Vec<Vec<PeerId>> {
    let mut parts: Vec<Vec<PeerId>> = Vec::new();
    for (part, id) in components(graph).into_iter().zip(ids) {
        if part as usize == parts.len() {
            parts.push(Vec::new());
        }
        parts[part as usize].push(*id);
    }
    let order = order(parts.iter().map(Vec::len));
    order.into_iter().map(|i| core::mem::take(&mut parts[i])).collect()
}

/// Marsaglia's xorshift (2003): even enough for a picture.
struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Ascending, as maps list their nodes.
    fn id(&mut self, node: u32) -> PeerId {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|part| {
            part.copy_from_slice(&self.bits().to_be_bytes());
        });
        let step = u32::MAX / NODES_MAX;
        bytes[..4].copy_from_slice(&(node * step + self.bits() as u32 % step).to_be_bytes());
        PeerId::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{mesh::Scene, sample};

    #[test]
    fn an_example_has_so_many_nodes_and_about_eight_neighbours_for_each() {
        let own = sample::view();
        for nodes in [0, 1, 2, 60, 2_000] {
            let view = view(&own, nodes);
            assert_eq!(view.map.nodes.len() as u32, nodes);
            assert_eq!(view.partitions.iter().map(Vec::len).sum::<usize>() as u32, nodes);
            let scene = Scene::of(&view);
            assert_eq!(scene.lines.len(), view.map.edges.len());
            assert!(nodes < 2_000 || (6.5..8.5).contains(&(2.0 * scene.lines.len() as f64 / 2e3)));
        }
        assert_eq!(view(&own, u32::MAX).map.nodes.len() as u32, NODES_MAX);
    }

    #[test]
    fn the_same_number_gives_the_same_mesh_and_nothing_of_ones_own() {
        let mut own = sample::view();
        own.tables = vec![sample::table()];
        let [one, two] = [(); 2].map(|()| Scene::of(&view(&own, 50)));
        assert_eq!(one, two);
        assert!(view(&own, 50).tables.is_empty());
    }
}

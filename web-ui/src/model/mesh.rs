//! The map as a picture needs it: nodes with their part of the mesh, their tables and their links.

use bitcraps_core::{
    id::PeerId,
    node::{EdgeView, LinkState, NodeView, PeerView},
    sorted::SortedMap,
};

/// Nodes that are drawn and listed. Above it a picture says nothing any more and costs a phone too
/// much; the page says how many are left out.
pub const DRAWN_NODES_MAX: usize = 300;

/// One node of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub peer: PeerView,
    pub own: bool,
    /// Sits at a table of this node.
    pub at_my_table: bool,
    /// Number of its part of the mesh; 0 is the largest.
    pub part: usize,
    pub links: usize,
}

/// Everything drawn. Edges name dots by index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    pub dots: Vec<Dot>,
    pub lines: Vec<(usize, usize, EdgeView)>,
    pub parts: usize,
    pub left_out: usize,
}

impl Scene {
    /// Own node first, then by id, so that the same map is the same scene.
    pub fn of(view: &NodeView) -> Scene {
        let place = |peer: &PeerView| (peer.peer_id != view.peer_id, peer.peer_id);
        let peers: SortedMap<_, &PeerView> =
            view.map.nodes.iter().map(|peer| (place(peer), peer)).collect();
        let left_out = peers.len().saturating_sub(DRAWN_NODES_MAX);
        let peers: Vec<&PeerView> = peers.into_values().take(DRAWN_NODES_MAX).collect();
        let index = numbered(peers.iter().map(|peer| peer.peer_id));
        let ends = |edge: &EdgeView| Some((*index.get(&edge.a)?, *index.get(&edge.b)?));
        let lines: Vec<(usize, usize, EdgeView)> = view
            .map
            .edges
            .iter()
            .filter_map(|edge| ends(edge).map(|(a, b)| (a, b, edge.clone())))
            .collect();
        let seated = |id: &PeerId| view.tables.iter().any(|table| table.members.contains(id));
        let part = parts(view);
        let dots = peers
            .into_iter()
            .map(|peer| Dot {
                own: peer.peer_id == view.peer_id,
                at_my_table: seated(&peer.peer_id),
                part: part.get(&peer.peer_id).copied().unwrap_or(view.partitions.len()),
                links: degree(view, &peer.peer_id),
                peer: peer.clone(),
            })
            .collect();
        Scene { dots, lines, parts: view.partitions.len(), left_out }
    }

    pub fn find(&self, id: &PeerId) -> Option<&Dot> {
        self.dots.iter().find(|dot| dot.peer.peer_id == *id)
    }
}

/// Ids by their place.
pub fn numbered(ids: impl Iterator<Item = PeerId>) -> SortedMap<PeerId, usize> {
    ids.zip(0..).collect()
}

fn parts(view: &NodeView) -> SortedMap<PeerId, usize> {
    let mut parts = SortedMap::new();
    for (number, part) in view.partitions.iter().enumerate() {
        for id in part {
            parts.insert(*id, number);
        }
    }
    parts
}

fn degree(view: &NodeView, id: &PeerId) -> usize {
    view.map.edges.iter().filter(|edge| edge.a == *id || edge.b == *id).count()
}

/// The name that a peer announces, or the start of its id.
pub fn name_of(view: &NodeView, id: &PeerId) -> String {
    view.map
        .nodes
        .iter()
        .find(|peer| peer.peer_id == *id && !peer.name.is_empty())
        .map_or_else(|| id.short(), |peer| peer.name.clone())
}

/// What is known of the way to a peer: measured on an own link, else on an announced link of ours.
pub fn round_trip(view: &NodeView, id: &PeerId) -> Option<f64> {
    let own = view.links.iter().filter(|link| link.state == LinkState::Open);
    own.filter(|link| link.peer_id.as_ref() == Some(id))
        .filter_map(|link| link.rtt_ms)
        .min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;
    use bitcraps_core::node::{NodeKind, SeatRole, Transport};

    fn view(nodes: usize) -> NodeView {
        let mut view = sample::view();
        let me = view.peer_id;
        view.map.nodes = (0..nodes)
            .map(|i| {
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&(i as u64).to_be_bytes());
                PeerId::from_bytes(bytes)
            })
            .chain([me])
            .map(|peer_id| PeerView {
                peer_id,
                kind: NodeKind::Regular,
                name: String::new(),
                role: SeatRole::Bot,
                reachable: true,
                age_ms: 0,
            })
            .collect();
        view
    }

    #[test]
    fn the_own_node_comes_first_and_a_large_map_is_cut_with_a_count() {
        let scene = Scene::of(&view(DRAWN_NODES_MAX + 10));
        assert_eq!((scene.dots.len(), scene.left_out), (DRAWN_NODES_MAX, 11));
        assert!(scene.dots[0].own);
    }

    #[test]
    fn edges_to_nodes_that_are_not_drawn_are_left_out() {
        let mut view = view(2);
        let (a, b) = (view.map.nodes[0].peer_id, view.map.nodes[1].peer_id);
        let edge = |a, b| EdgeView { a, b, transport: Transport::Tcp, latency_ms: None };
        view.map.edges = vec![edge(a, b), edge(a, PeerId::from_bytes([0xee; 32]))];
        view.partitions = vec![vec![a, b], vec![view.peer_id]];
        let scene = Scene::of(&view);
        assert_eq!(scene.lines.len(), 1);
        assert_eq!(scene.dots.iter().map(|d| d.part).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(scene.find(&a).map(|d| d.links), Some(2));
    }
}

//! The map as a picture needs it: nodes by index with what is known of each, links by the indices
//! of their ends.
//!
//! Rules. Own node first, then by id, so that the same map is the same scene. Building it looks
//! each id up once, O((n + m) log n): it happens at every change of the map.

use crate::picture::Same;
use bitcraps_core::{
    id::PeerId,
    node::{LinkState, NodeKind, NodeView, PeerView, SeatRole, Transport},
    sorted::SortedMap,
};
use bitcraps_graph::{Edge, Graph};

/// Nodes that are drawn and listed; the page says how many are left out. What a mid-range phone
/// still moves at once, and above the largest example.
pub const DRAWN_NODES_MAX: usize = 12_000;

/// Links that are drawn.
pub const DRAWN_LINKS_MAX: usize = 100_000;

/// One node of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    pub id: PeerId,
    /// What it announces, or the start of its id.
    pub name: String,
    pub kind: NodeKind,
    pub role: SeatRole,
    pub reachable: bool,
    /// Since its newest announcement arrived.
    pub age_ms: u64,
    pub own: bool,
    /// Sits at a table of this node.
    pub at_my_table: bool,
    /// Number of its part of the mesh; 0 is the largest.
    pub part: u32,
    pub links: u32,
    /// Measured on an own link to it.
    pub round_trip_ms: Option<f64>,
    /// Nodes that would be cut off without it; 0 when it is no cut node.
    pub cuts_off: u32,
}

/// One link of the picture. `a` and `b` are places in [`Scene::dots`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub a: u32,
    pub b: u32,
    pub transport: Transport,
    pub latency_ms: Option<f64>,
    /// Nodes that would be cut off without it; 0 when it is no bridge.
    pub cuts_off: u32,
    /// Further links between the same two, as far as they are this node's own.
    pub more: u32,
}

/// Everything drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    pub dots: Vec<Dot>,
    pub lines: Vec<Line>,
    /// The same by index, for algorithms.
    pub graph: Graph,
    /// Who a dot is from one scene to the next, for the layout.
    pub keys: Vec<u64>,
    /// Communities of dots.
    pub clusters: Vec<Vec<u32>>,
    pub parts: usize,
    pub left_out: usize,
    index: SortedMap<PeerId, u32>,
}

/// A scene as pages get it.
pub type Drawn = Same<Scene>;

impl Scene {
    pub fn of(view: &NodeView) -> Scene {
        // Where each is in the view; then, in the same map, where it is in the scene.
        let listed = view.map.nodes.iter().zip(0..);
        let mut index: SortedMap<PeerId, u32> =
            listed.map(|(peer, place)| (peer.peer_id, place)).collect();
        let own = index.get(&view.peer_id).copied();
        let others = index.iter().filter(|(id, _)| **id != view.peer_id);
        let places: Vec<u32> = own.into_iter().chain(others.map(|(_, place)| *place)).collect();
        let drawn = places.len().min(DRAWN_NODES_MAX);
        let peers = places[..drawn].iter().filter_map(|place| view.map.nodes.get(*place as usize));
        let dots: Vec<Dot> = peers.map(|peer| dot(view, peer)).collect();
        let mut next = if own.is_some() { 1 } else { 0 };
        index.retain(|id, place| {
            let other = *id != view.peer_id;
            *place = if other { next } else { 0 };
            next += if other { 1 } else { 0 };
            (*place as usize) < drawn
        });
        let mut scene = Scene {
            index,
            keys: dots.iter().map(|dot| key(&dot.id)).collect(),
            dots,
            parts: view.partitions.len(),
            left_out: places.len() - drawn,
            ..Scene::default()
        };
        scene.join(view);
        scene.mark(view);
        scene
    }

    /// The place of a node; `None` when it is not drawn.
    pub fn place(&self, id: &PeerId) -> Option<u32> {
        self.index.get(id).copied()
    }

    pub fn find(&self, id: &PeerId) -> Option<&Dot> {
        self.dots.get(self.place(id)? as usize)
    }

    /// The links of a node with who is at the other end, O(links).
    pub fn links_of(&self, dot: u32) -> impl Iterator<Item = (&Dot, &Line)> {
        self.lines.iter().filter_map(move |line| {
            let other = match dot {
                dot if dot == line.a => line.b,
                dot if dot == line.b => line.a,
                _ => return None,
            };
            Some((self.dots.get(other as usize)?, line))
        })
    }

    /// Lines, degrees and the graph.
    fn join(&mut self, view: &NodeView) {
        let mut cuts: Vec<(u32, u32, u32)> = Vec::new();
        for cut in &view.health.cut_edges {
            if let (Some(a), Some(b)) = (self.place(&cut.a), self.place(&cut.b)) {
                cuts.push((a.min(b), a.max(b), cut.cuts_off));
            }
        }
        for edge in view.map.edges.iter().take(DRAWN_LINKS_MAX) {
            let (Some(a), Some(b)) = (self.place(&edge.a), self.place(&edge.b)) else {
                continue;
            };
            let is = |cut: &&(u32, u32, u32)| (cut.0, cut.1) == (a.min(b), a.max(b));
            let cuts_off = cuts.iter().find(is).map_or(0, |cut| cut.2);
            let (transport, latency_ms) = (edge.transport, edge.latency_ms);
            self.lines.push(Line { a, b, transport, latency_ms, cuts_off, more: 0 });
            self.dots[a as usize].links += 1;
            self.dots[b as usize].links += 1;
        }
        let edges: Vec<Edge> =
            self.lines.iter().map(|line| Edge { a: line.a, b: line.b, cost: 1 }).collect();
        self.graph.rebuild(self.dots.len() as u32, &edges);
    }

    /// Parts, tables, own measurements, cut nodes and clusters.
    fn mark(&mut self, view: &NodeView) {
        let dots = &mut self.dots;
        let index = &self.index;
        let mut each = |id: &PeerId, note: &dyn Fn(&mut Dot)| {
            if let Some(place) = index.get(id) {
                note(&mut dots[*place as usize]);
            }
        };
        for (part, number) in view.partitions.iter().zip(0..) {
            part.iter().for_each(|id| each(id, &|dot| dot.part = number));
        }
        for id in view.tables.iter().flat_map(|table| &table.members) {
            each(id, &|dot| dot.at_my_table = true);
        }
        for link in view.links.iter().filter(|link| link.state == LinkState::Open) {
            if let (Some(id), Some(rtt)) = (&link.peer_id, link.rtt_ms) {
                each(id, &|dot| {
                    dot.round_trip_ms = Some(dot.round_trip_ms.map_or(rtt, |old| old.min(rtt)));
                });
            }
        }
        for cut in &view.health.cut_nodes {
            each(&cut.peer_id, &|dot| dot.cuts_off = cut.cuts_off);
        }
        let members = |cluster: &Vec<PeerId>| {
            cluster.iter().filter_map(|id| index.get(id).copied()).collect::<Vec<u32>>()
        };
        self.clusters = view.health.clusters.iter().map(members).collect();
        let (own, dots) = (index.get(&view.peer_id).copied(), &self.dots);
        for line in self.lines.iter_mut().filter(|l| Some(l.a) == own || Some(l.b) == own) {
            let other = if Some(line.a) == own { line.b } else { line.a };
            let Some(id) = dots.get(other as usize).map(|dot| dot.id) else { continue };
            let open = view.links.iter().filter(|link| link.state == LinkState::Open);
            let links = open.filter(|link| link.peer_id == Some(id)).count() as u32;
            line.more = links.saturating_sub(1);
        }
    }
}

fn dot(view: &NodeView, peer: &PeerView) -> Dot {
    Dot {
        id: peer.peer_id,
        name: if peer.name.is_empty() { peer.peer_id.short() } else { peer.name.clone() },
        kind: peer.kind,
        role: peer.role,
        reachable: peer.reachable,
        age_ms: peer.age_ms,
        own: peer.peer_id == view.peer_id,
        at_my_table: false,
        part: view.partitions.len() as u32,
        links: 0,
        round_trip_ms: None,
        cuts_off: 0,
    }
}

/// The start of an id: ids are spread evenly, and two that collide are told apart by their order.
fn key(id: &PeerId) -> u64 {
    let start = id.as_bytes().iter().take(8);
    start.fold(0, |key, byte| key << 8 | u64::from(*byte))
}

/// "A" to "Z" for the largest parts, numbers for the rest.
pub fn part_name(part: u32) -> String {
    match u8::try_from(part) {
        Ok(part @ 0..26) => char::from(b'A' + part).to_string(),
        _ => (part + 1).to_string(),
    }
}

/// The name that a peer announces, or the start of its id. O(nodes).
pub fn name_of(view: &NodeView, id: &PeerId) -> String {
    let named = |peer: &&PeerView| peer.peer_id == *id && !peer.name.is_empty();
    let found = view.map.nodes.iter().find(named);
    found.map_or_else(|| id.short(), |peer| peer.name.clone())
}

/// The round trip to a peer, measured on the best own link to it. O(own links).
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
    use bitcraps_core::{
        id::LinkId,
        node::{CutEdgeView, CutNodeView, EdgeView, LinkView},
    };

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

    fn edge(a: PeerId, b: PeerId) -> EdgeView {
        EdgeView { a, b, transport: Transport::Tcp, latency_ms: None }
    }

    #[test]
    fn the_own_node_comes_first_and_a_large_map_is_cut_with_a_count() {
        let scene = Scene::of(&view(DRAWN_NODES_MAX + 10));
        assert_eq!((scene.dots.len(), scene.left_out), (DRAWN_NODES_MAX, 11));
        assert!(scene.dots[0].own);
        assert_eq!(scene.graph.nodes() as usize, DRAWN_NODES_MAX);
    }

    #[test]
    fn no_more_links_are_drawn_than_the_limit() {
        let mut view = view(2);
        let (a, b) = (view.map.nodes[0].peer_id, view.map.nodes[1].peer_id);
        view.map.edges = vec![edge(a, b); DRAWN_LINKS_MAX + 5];
        assert_eq!(Scene::of(&view).lines.len(), DRAWN_LINKS_MAX);
    }

    #[test]
    fn edges_to_nodes_that_are_not_drawn_are_left_out() {
        let mut view = view(2);
        let (a, b) = (view.map.nodes[0].peer_id, view.map.nodes[1].peer_id);
        view.map.edges = vec![edge(a, b), edge(a, PeerId::from_bytes([0xee; 32]))];
        view.partitions = vec![vec![a, b], vec![view.peer_id]];
        let scene = Scene::of(&view);
        assert_eq!(scene.lines.len(), 1);
        assert_eq!(scene.dots.iter().map(|d| d.part).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(scene.find(&a).map(|d| d.links), Some(1));
        assert_eq!(scene.find(&PeerId::from_bytes([0xee; 32])), None);
    }

    #[test]
    fn cut_nodes_bridges_and_clusters_are_marked_by_place() {
        let mut view = view(3);
        let id = |i: usize| view.map.nodes[i].peer_id;
        let (me, ids) = (view.peer_id, [id(0), id(1), id(2)]);
        view.map.edges = vec![edge(me, ids[0]), edge(ids[0], ids[1]), edge(ids[2], ids[1])];
        let (a, b, cuts_off) = (ids[1], ids[0], 2);
        view.health.cut_edges = vec![CutEdgeView { a, b, cuts_off }];
        let cut = CutNodeView { peer_id: ids[1], cuts_off: 1, load: 0.5 };
        let gone = CutNodeView { peer_id: PeerId::from_bytes([0xee; 32]), ..cut };
        view.health.cut_nodes = vec![cut, gone];
        view.health.clusters = vec![vec![me, ids[0]], vec![ids[1], ids[2], gone.peer_id]];
        let scene = Scene::of(&view);
        let cuts: Vec<u32> = scene.lines.iter().map(|line| line.cuts_off).collect();
        assert_eq!(cuts, [0, 2, 0]);
        let place = |id: &PeerId| scene.place(id).unwrap();
        assert_eq!(scene.dots.iter().map(|d| d.cuts_off).sum::<u32>(), 1);
        assert_eq!(scene.find(&ids[1]).map(|d| d.cuts_off), Some(1));
        assert_eq!(scene.clusters[0], [place(&me), place(&ids[0])]);
        assert_eq!(scene.clusters[1], [place(&ids[1]), place(&ids[2])]);
        let others: Vec<PeerId> =
            scene.links_of(place(&ids[1])).map(|(other, _)| other.id).collect();
        assert_eq!(others, [ids[0], ids[2]]);
    }

    #[test]
    fn a_line_of_ones_own_knows_how_many_more_links_there_are_beside_it() {
        let mut view = view(2);
        let (me, a, b) = (view.peer_id, view.map.nodes[0].peer_id, view.map.nodes[1].peer_id);
        view.map.edges = vec![edge(me, a), edge(a, b), edge(b, me)];
        let link = |peer, state| LinkView {
            peer_id: Some(peer),
            ..LinkView::new(LinkId(1), Transport::Tcp, state)
        };
        view.links = vec![
            link(a, LinkState::Open),
            link(a, LinkState::Open),
            link(a, LinkState::Open),
            link(a, LinkState::Handshaking),
            link(b, LinkState::Open),
        ];
        let more: Vec<u32> = Scene::of(&view).lines.iter().map(|line| line.more).collect();
        assert_eq!(more, [2, 0, 0]);
    }

    #[test]
    fn parts_have_letters_as_long_as_there_are_any() {
        assert_eq!([0, 25, 26].map(part_name), ["A", "Z", "27"]);
    }
}

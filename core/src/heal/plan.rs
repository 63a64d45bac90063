//! Which pairs of nodes should link, from the map alone.
//!
//! Rules. The plan is a function of the graph, its figures and what peers announce, with ties by
//! index, so that every node makes the same plan and no two work on opposite repairs. A need (a
//! cut node, a diameter, …) has several candidate pairs, because only a dial tells whether two
//! nodes reach each other: the first is due at once and each of the others a slot later, so that
//! all ends of all candidates know without a word whose turn it is; a pair that was linked changes
//! the map and with it the plan.
//!
//! Pairs that are few hops apart come first: who shares a neighbour is likely to be in reach over
//! a radio. A pair's gain is what the graph with that link would show: for cut nodes by the pieces
//! that are left without each of them, otherwise by analysing a copy.
//!
//! Needs are handled in order of how much they cut off, and no more of them than links may be
//! added; a need that the best pair of an earlier one meets as well waits until that was tried.
//!
//! Joining parts is not planned here, because no map shows what the other part sees.

use super::{
    pieces::{Pieces, around, hops_from},
    words::Gain,
};
use crate::{
    graph::{Analyser, CutNode, Edge, Figures, Graph},
    id::PeerId,
};
use core::cmp::Reverse;

/// Cut nodes that are looked at in one plan. Guess: the rest has its turn when these are gone.
const CUT_NODES_MAX: usize = 32;

/// Nodes around a cut node that are paired, and how far from it they may be. Guess.
const AROUND_MAX: usize = 40;
const AROUND_HOPS_MAX: u32 = 3;

/// Candidate pairs of one need. Guess: those behind are too far apart to be in reach.
const CANDIDATES_MAX: usize = 24;

/// How likely two nodes reach each other by the hops between them, as weights of what their link
/// would gain. Guess: of nodes that share a neighbour half reach each other in a plane, and each
/// hop more halves it.
const REACH_WEIGHTS: [usize; 6] = [0, 0, 8, 4, 2, 1];

/// Slots that a need waits if the best pair of an earlier need meets it too, and slots before
/// what is less urgent than a cut node. Guesses.
const COVERED_RANK: u32 = 4;
const TABLE_RANK: u32 = 1;
const SHORTCUT_RANK: u32 = 8;
const THICKEN_RANK: u32 = 12;

/// Nodes whose surroundings are searched for open triangles, and links planned to close some.
const OPEN_MAX: usize = 16;
const THICKEN_MAX: usize = 4;

/// The mesh as the newest snapshot has it.
#[derive(Clone, Copy)]
pub struct Mesh<'a> {
    /// Ascending; a node of the graph is a place in it.
    pub ids: &'a [PeerId],
    pub graph: &'a Graph,
    pub figures: &'a Figures,
}

/// A node that a table of this node hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    pub peer: PeerId,
    /// Place of the table in what the room was shown.
    pub table: usize,
    /// Seats that would be cut off from the table's leader without it.
    pub seats_cut: u32,
}

/// What may be planned.
pub(super) struct Rules<'a> {
    /// By node: whether it announces an address.
    pub listens: &'a [bool],
    /// Links of a node that is given no more.
    pub links_max: usize,
    /// Links that may still be added to the mesh, and how many of them for thickness.
    pub spare: usize,
    pub spare_for_thickness: usize,
    pub diameter_max: u32,
    /// In thousandths.
    pub clustering_min: u32,
}

/// A pair that should link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub a: u32,
    pub b: u32,
    pub gain: Gain,
    /// Slots to wait before it is tried.
    pub rank: u32,
}

impl Rules<'_> {
    /// Whether the two could link at all.
    fn allow(&self, graph: &Graph, a: u32, b: u32) -> bool {
        let has_room = |node| (graph.degree(node) as usize) < self.links_max;
        a != b
            && (self.listens[a as usize] || self.listens[b as usize])
            && has_room(a)
            && has_room(b)
            && graph.neighbours(a).binary_search(&b).is_err()
    }
}

/// Everything that should link, most urgent first.
pub(super) fn plan(mesh: &Mesh<'_>, rules: &Rules<'_>, analyser: &mut Analyser) -> Vec<Want> {
    let mut wants = Vec::new();
    if rules.spare == 0 {
        return wants;
    }
    bypasses(mesh, rules, &mut wants);
    if mesh.figures.diameter > rules.diameter_max {
        shortcuts(mesh, rules, analyser, &mut wants);
    }
    let clustering = mesh.figures.global_clustering.map(thousandths);
    if rules.spare_for_thickness > 0 && clustering.is_some_and(|c| c < rules.clustering_min) {
        thicken(mesh, rules, analyser, &mut wants);
    }
    wants
}

// ---- cut nodes -----------------------------------------------------------------------------

fn bypasses(mesh: &Mesh<'_>, rules: &Rules<'_>, wants: &mut Vec<Want>) {
    let needs = heaviest(mesh);
    let splits: Vec<Pieces> =
        needs.iter().map(|cut| Pieces::without(mesh.graph, cut.node)).collect();
    let mut best: Vec<(u32, u32)> = Vec::new();
    for (need, split) in needs.iter().zip(&splits) {
        if best.len() >= rules.spare {
            return;
        }
        let pairs = around_pairs(mesh.graph, rules, need.node, split, &splits);
        let covered = split.count == 2 && best.iter().any(|(a, b)| split.part(*a, *b));
        let first = if covered { COVERED_RANK } else { 0 };
        if !covered {
            best.extend(pairs.first());
        }
        let (node, cuts_off) = (mesh.ids[need.node as usize], need.cuts_off);
        let gain = Gain::Around { node, cuts_off };
        wants.extend((first..).zip(pairs).map(|(rank, (a, b))| Want { a, b, gain, rank }));
    }
}

fn heaviest(mesh: &Mesh<'_>) -> Vec<CutNode> {
    let mut cuts: Vec<CutNode> = mesh.figures.cut_nodes.clone();
    cuts.sort_unstable_by_key(|cut| (Reverse(cut.cuts_off), cut.node));
    cuts.truncate(CUT_NODES_MAX);
    cuts
}

/// Pairs from different pieces around a cut node, best first.
fn around_pairs(
    graph: &Graph,
    rules: &Rules<'_>,
    node: u32,
    split: &Pieces,
    splits: &[Pieces],
) -> Vec<(u32, u32)> {
    let near = around(graph, node, AROUND_HOPS_MAX, AROUND_MAX);
    let mut ranked = Vec::new();
    for (i, (a_hops, a)) in near.iter().enumerate() {
        for (b_hops, b) in &near[i + 1..] {
            // Between pieces every path leads through the cut node.
            let hops = a_hops + b_hops;
            let weight = REACH_WEIGHTS.get(hops as usize).copied().unwrap_or(0);
            if weight == 0 || !split.part(*a, *b) || !rules.allow(graph, *a, *b) {
                continue;
            }
            let met = splits.iter().filter(|other| other.part(*a, *b)).count();
            let links = graph.degree(*a) + graph.degree(*b);
            ranked.push((Reverse(weight * met), hops, links, *a.min(b), *a.max(b)));
        }
    }
    ranked.sort_unstable();
    ranked.truncate(CANDIDATES_MAX);
    ranked.into_iter().map(|(.., a, b)| (a, b)).collect()
}

// ---- tables --------------------------------------------------------------------------------

/// What brings `player` nearer to `leader`: a link to it, or to one of its neighbours.
pub(super) fn nearer(mesh: &Mesh<'_>, rules: &Rules<'_>, player: u32, leader: u32) -> Vec<Want> {
    let hops = hops_from(mesh.graph, player);
    let from = hops[leader as usize];
    if from < 2 || from == u32::MAX || rules.spare == 0 {
        return Vec::new();
    }
    let name = mesh.ids[leader as usize];
    let mut ends = vec![(0, leader)];
    if from > 2 {
        let near = mesh.graph.neighbours(leader).iter();
        ends.extend(near.map(|near| (hops[*near as usize], *near)));
        ends[1..].sort_unstable();
    }
    let ends = ends.into_iter().map(|(_, end)| end).filter(|e| rules.allow(mesh.graph, player, *e));
    let want = |(rank, end)| {
        let to = if end == leader { 1 } else { 2 };
        let gain = Gain::Nearer { leader: name, from, to };
        Want { a: player.min(end), b: player.max(end), gain, rank }
    };
    (TABLE_RANK..).zip(ends.take(CANDIDATES_MAX)).map(want).collect()
}

/// The heaviest cut nodes whose loss would cut seats of a table off from its leader, the first
/// seat, each with how many.
pub(super) fn relays(mesh: &Mesh<'_>, tables: &[Vec<PeerId>]) -> Vec<Relay> {
    let place = |peer: &PeerId| mesh.ids.binary_search(peer).ok().map(|at| at as u32);
    let mut relays = Vec::new();
    if tables.is_empty() {
        return relays;
    }
    for cut in heaviest(mesh) {
        let split = Pieces::without(mesh.graph, cut.node);
        for (table, seats) in tables.iter().enumerate() {
            let mut seats = seats.iter().filter_map(place);
            let Some(leader) = seats.next() else { continue };
            let seats_cut = seats.filter(|seat| split.part(leader, *seat)).count() as u32;
            if seats_cut > 0 {
                relays.push(Relay { peer: mesh.ids[cut.node as usize], table, seats_cut });
            }
        }
    }
    relays
}

// ---- long ways -----------------------------------------------------------------------------

/// Links between places on a longest shortest path, found by sweeping twice (Magnien, Latapy and
/// Habib 2009): its ends, its quarters, its thirds and an end with the middle.
fn shortcuts(mesh: &Mesh<'_>, rules: &Rules<'_>, analyser: &mut Analyser, wants: &mut Vec<Want>) {
    let path = long_path(mesh);
    let at = |part: usize, of: usize| path[(path.len() - 1) * part / of];
    let pairs = [(0, 12), (3, 9), (2, 10), (0, 8), (4, 12), (0, 6), (6, 12), (4, 8)];
    let mut rank = SHORTCUT_RANK;
    let from = mesh.figures.diameter;
    for (a, b) in pairs.map(|(a, b)| (at(a, 12), at(b, 12))) {
        if !rules.allow(mesh.graph, a, b) {
            continue;
        }
        let to = with_link(mesh.graph, a, b, analyser).diameter;
        if to < from {
            let gain = Gain::Shorter { from, to };
            wants.push(Want { a: a.min(b), b: a.max(b), gain, rank });
            rank += 1;
        }
    }
}

/// A long shortest path of the largest component.
fn long_path(mesh: &Mesh<'_>) -> Vec<u32> {
    let sizes = &mesh.figures.component_sizes;
    let largest = (0..sizes.len()).max_by_key(|c| (sizes[*c], Reverse(*c))).unwrap_or(0) as u32;
    let start = mesh.figures.component.iter().position(|c| *c == largest).unwrap_or(0);
    let (end, _) = farthest(mesh.graph, start as u32);
    let (mut node, hops) = farthest(mesh.graph, end);
    let mut path = vec![node];
    while node != end {
        let nearer = |to: &&u32| hops[**to as usize] + 1 == hops[node as usize];
        let Some(next) = mesh.graph.neighbours(node).iter().find(nearer) else { break };
        node = *next;
        path.push(node);
    }
    path
}

fn farthest(graph: &Graph, from: u32) -> (u32, Vec<u32>) {
    let hops = hops_from(graph, from);
    let reached = (0..graph.nodes()).filter(|n| hops[*n as usize] != u32::MAX);
    let end = reached.max_by_key(|n| (hops[*n as usize], Reverse(*n))).unwrap_or(from);
    (end, hops)
}

// ---- open triangles ------------------------------------------------------------------------

/// Links between nodes with most neighbours in common, around those with fewest links.
fn thicken(mesh: &Mesh<'_>, rules: &Rules<'_>, analyser: &mut Analyser, wants: &mut Vec<Want>) {
    let graph = mesh.graph;
    let mut thin: Vec<u32> = (0..graph.nodes()).filter(|n| graph.degree(*n) > 0).collect();
    thin.sort_unstable_by_key(|n| (graph.degree(*n), *n));
    thin.truncate(OPEN_MAX);
    let mut ranked = Vec::new();
    for a in thin {
        for (_, b) in around(graph, a, 2, AROUND_MAX).into_iter().filter(|(hops, _)| *hops == 2) {
            if rules.allow(graph, a, b) {
                let shared = shared(graph.neighbours(a), graph.neighbours(b));
                ranked.push((
                    Reverse(shared),
                    graph.degree(a) + graph.degree(b),
                    a.min(b),
                    a.max(b),
                ));
            }
        }
    }
    ranked.sort_unstable();
    ranked.dedup();
    let from = thousandths(clustering(mesh.figures));
    let mut rank = THICKEN_RANK;
    for (.., a, b) in ranked.into_iter().take(2 * THICKEN_MAX) {
        let to = with_link(graph, a, b, analyser).global_clustering.map_or(0, thousandths);
        if to > from {
            wants.push(Want { a, b, gain: Gain::Thicker { from, to }, rank });
            rank += 1;
        }
        if rank - THICKEN_RANK == THICKEN_MAX as u32 {
            return;
        }
    }
}

/// How many two ascending lists have in common.
fn shared(mut a: &[u32], mut b: &[u32]) -> usize {
    let mut shared = 0;
    while let ([first, rest @ ..], [second, others @ ..]) = (a, b) {
        shared += usize::from(first == second);
        (a, b) = match first.cmp(second) {
            core::cmp::Ordering::Less => (rest, b),
            core::cmp::Ordering::Equal => (rest, others),
            core::cmp::Ordering::Greater => (a, others),
        };
    }
    shared
}

// ---- copies --------------------------------------------------------------------------------

/// The figures of the graph with one more link.
fn with_link<'a>(graph: &Graph, a: u32, b: u32, analyser: &'a mut Analyser) -> &'a Figures {
    let mut edges: Vec<Edge> = graph.each_edge().collect();
    edges.push(Edge { a, b, cost: 1 });
    analyser.analyse(&Graph::new(graph.nodes(), &edges))
}

/// Whether the mesh would be worse without a link that it has: in more parts, with more or heavier
/// cuts, or in what the link was made for.
pub(super) fn helps(
    mesh: &Mesh<'_>,
    link: (u32, u32),
    gain: Gain,
    analyser: &mut Analyser,
) -> bool {
    let (a, b) = (link.0.min(link.1), link.0.max(link.1));
    let edges: Vec<Edge> = mesh.graph.each_edge().filter(|e| (e.a, e.b) != (a, b)).collect();
    let without = Graph::new(mesh.graph.nodes(), &edges);
    if let Gain::Nearer { leader, .. } = gain
        && let Ok(leader) = mesh.ids.binary_search(&leader)
    {
        let hops = |graph: &Graph, end| hops_from(graph, end)[leader];
        if [a, b].into_iter().any(|end| hops(&without, end) > hops(mesh.graph, end)) {
            return true;
        }
    }
    let (with, without) = (mesh.figures, analyser.analyse(&without));
    let lost = |f: &Figures| f.cut_nodes.iter().map(|c| u64::from(c.cuts_off)).sum::<u64>();
    without.component_sizes.len() > with.component_sizes.len()
        || without.cut_nodes.len() > with.cut_nodes.len()
        || without.cut_edges.len() > with.cut_edges.len()
        || lost(without) > lost(with)
        || match gain {
            Gain::Shorter { .. } => without.diameter > with.diameter,
            Gain::Thicker { .. } => clustering(without) < clustering(with),
            Gain::Reaches | Gain::Around { .. } | Gain::Nearer { .. } => false,
        }
}

fn clustering(figures: &Figures) -> f64 {
    figures.global_clustering.unwrap_or(0.0)
}

fn thousandths(share: f64) -> u32 {
    (share * 1000.0) as u32
}

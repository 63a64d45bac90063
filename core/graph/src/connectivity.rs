//! How many links must fail before the graph falls apart.
//!
//! Grows a set from one node, always by the node with most edges into the set (a maximum-adjacency
//! order), and asks for each how many edge-disjoint paths lead into the set; the first cut found
//! below the best so far becomes the best. That is enough (Podderyugin 1973): nodes already in the
//! set are at least `best`-connected to each other, so a smaller cut has all of them on one side.
//! Edges straight into the set are paths already, so a flow is needed only for what is lacking, and
//! its paths are short because the set is everywhere near.
//!
//! It is exact. O(nodes · degree · edges) at worst, for the smallest degree; when that is half of
//! all nodes or more, it is the answer at once (Chartrand 1966).

use super::{Graph, components};

/// A smallest set of edges whose loss cuts a graph in two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The edge connectivity: how many edges `cut` has. 0 for a graph that is in pieces already,
    /// and for one of fewer than two nodes.
    pub edges: u32,
    /// With `a < b`, ascending.
    pub cut: Vec<(u32, u32)>,
    /// The nodes on the smaller side, ascending; of two equal sides, the one with node 0. For a
    /// graph in pieces the smallest component, of equals the one with the smallest node. Empty for
    /// fewer than two nodes.
    pub side: Vec<u32>,
}

/// One of the smallest cuts of the whole graph, by edges, whatever they cost. Equal graphs give the
/// same one.
pub fn edge_connectivity(graph: &Graph) -> Cut {
    let nodes = graph.nodes();
    if nodes < 2 {
        return Cut::default();
    }
    let component = components(graph);
    if component.iter().any(|piece| *piece != 0) {
        return Cut { side: smallest_piece(&component), ..Cut::default() };
    }
    let thinnest = (0..nodes).min_by_key(|node| graph.degree(*node)).unwrap_or(0);
    let mut search = Search::new(graph, thinnest);
    // A connected graph cannot do better than 1.
    if search.best > 1 && search.best < nodes / 2 {
        search.grow(thinnest);
    }
    let cut = cut_around(graph, &search.side);
    debug_assert_eq!(cut.edges, search.best, "the side that was kept is not that of the best cut");
    cut
}

fn smallest_piece(component: &[u32]) -> Vec<u32> {
    let pieces = component.iter().max().map_or(0, |last| *last as usize + 1);
    let mut sizes = vec![0; pieces];
    component.iter().for_each(|piece| sizes[*piece as usize] += 1);
    let smallest = (0..pieces).min_by_key(|piece| sizes[*piece]).unwrap_or(0);
    let nodes = (0..).zip(component);
    nodes.filter(|(_, piece)| **piece as usize == smallest).map(|(node, _)| node).collect()
}

/// The cut between `side` and the rest.
fn cut_around(graph: &Graph, side: &[u32]) -> Cut {
    let mut inside = vec![false; graph.nodes() as usize];
    side.iter().for_each(|node| inside[*node as usize] = true);
    let size = 2 * side.len();
    let flip = size > inside.len() || (size == inside.len() && !inside[0]);
    let cut: Vec<(u32, u32)> = graph
        .each_edge()
        .map(|edge| (edge.a, edge.b))
        .filter(|(a, b)| inside[*a as usize] != inside[*b as usize])
        .collect();
    let side = (0..graph.nodes()).filter(|node| inside[*node as usize] != flip).collect();
    Cut { edges: cut.len() as u32, cut, side }
}

const NO_ARC: u32 = u32::MAX;

struct Search<'a> {
    graph: &'a Graph,
    /// The smallest cut so far, and one side of it.
    best: u32,
    side: Vec<u32>,
    in_set: Vec<bool>,
    /// Edges from each node into the set.
    into_set: Vec<u32>,
    /// The nodes outside by that number, as far as it matters: up to `best`. Entries go stale when
    /// the number grows.
    waiting: Vec<Vec<u32>>,
    /// For each arc, its opposite.
    back: Vec<u32>,
    /// For each arc, whether the present flow uses it.
    used: Vec<bool>,
    used_arcs: Vec<u32>,
    /// For each node that the present search has reached, the arc that led there.
    led_by: Vec<u32>,
    reached: Vec<u32>,
}

impl<'a> Search<'a> {
    /// The best cut so far is the one around `thinnest`.
    fn new(graph: &'a Graph, thinnest: u32) -> Search<'a> {
        let nodes = graph.nodes() as usize;
        let best = graph.degree(thinnest);
        let mut filled = graph.offsets().to_vec();
        let back = graph
            .targets()
            .iter()
            .map(|to| {
                // Rows ascend and are walked in ascending order, so opposites come in order too.
                filled[*to as usize] += 1;
                filled[*to as usize] - 1
            })
            .collect();
        Search {
            graph,
            best,
            side: vec![thinnest],
            in_set: vec![false; nodes],
            into_set: vec![0; nodes],
            waiting: vec![Vec::new(); best as usize + 1],
            back,
            used: vec![false; graph.targets().len()],
            used_arcs: Vec::new(),
            led_by: vec![NO_ARC; nodes],
            reached: Vec::new(),
        }
    }

    /// Takes all nodes into the set, one by one, from `start`.
    fn grow(&mut self, start: u32) {
        self.take(start);
        let mut most = self.best;
        while self.best > 1 {
            most = most.min(self.best);
            match self.waiting[most as usize].pop() {
                Some(node) if self.in_set[node as usize] || self.rank(node) != most => {}
                Some(node) => {
                    self.connect(node);
                    self.take(node);
                    most = self.best;
                }
                None if most == 0 => return,
                None => most -= 1,
            }
        }
    }

    /// Where a node waits: more edges into the set than the best cut has make no difference.
    fn rank(&self, node: u32) -> u32 {
        self.into_set[node as usize].min(self.best)
    }

    fn take(&mut self, node: u32) {
        self.in_set[node as usize] = true;
        for to in self.graph.neighbours(node) {
            self.into_set[*to as usize] += 1;
            if !self.in_set[*to as usize] && self.into_set[*to as usize] <= self.best {
                self.waiting[self.into_set[*to as usize] as usize].push(*to);
            }
        }
    }

    /// Looks for `best` edge-disjoint paths from `node` into the set, unless as many edges lead
    /// there. When there are fewer, what the search still reaches is one side of a better cut.
    fn connect(&mut self, node: u32) {
        if self.rank(node) == self.best {
            return;
        }
        let mut paths = 0;
        while paths < self.best {
            if !self.augment(node) {
                self.best = paths;
                self.side.clone_from(&self.reached);
                break;
            }
            paths += 1;
        }
        for arc in self.used_arcs.drain(..) {
            self.used[arc as usize] = false;
        }
        self.forget();
    }

    fn forget(&mut self) {
        for node in self.reached.drain(..) {
            self.led_by[node as usize] = NO_ARC;
        }
    }

    /// One more path, by breadth-first search; false when there is none.
    fn augment(&mut self, source: u32) -> bool {
        self.forget();
        self.reached.push(source);
        let mut head = 0;
        while let Some(node) = self.reached.get(head).copied() {
            head += 1;
            let first = self.graph.offsets()[node as usize];
            for (arc, to) in (first..).zip(self.graph.neighbours(node)) {
                let known = *to == source || self.led_by[*to as usize] != NO_ARC;
                if known || self.used[arc as usize] {
                    continue;
                }
                if self.in_set[*to as usize] {
                    self.lay(source, arc);
                    return true;
                }
                self.led_by[*to as usize] = arc;
                self.reached.push(*to);
            }
        }
        false
    }

    /// Uses the path from `source` that ends with `arc`. What flows both ways does not flow.
    fn lay(&mut self, source: u32, mut arc: u32) {
        loop {
            let back = self.back[arc as usize];
            if self.used[back as usize] {
                self.used[back as usize] = false;
            } else {
                self.used[arc as usize] = true;
                self.used_arcs.push(arc);
            }
            let from = self.graph.targets()[back as usize];
            if from == source {
                return;
            }
            arc = self.led_by[from as usize];
        }
    }
}

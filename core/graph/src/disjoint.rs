//! Several ways at once that share nothing, so that one failure cannot take two of them.
//!
//! Successive cheapest paths in the graph with the earlier ones turned round (Suurballe 1974;
//! Suurballe and Tarjan 1984), with potentials that keep Dijkstra's costs from going negative. Each
//! path added keeps the total minimal, though it may reroute the earlier ones: the cheapest single
//! path is not always part of the best pair. Disjoint nodes come from splitting every node into an
//! entry and an exit with one arc between (Bhandari 1999). O(k (n + m) log m).

use super::Graph;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// What the paths must not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disjoint {
    Edges,
    /// But for the two ends.
    Nodes,
}

/// Up to `paths` disjoint paths `from, …, to`, as many as there are, of the least total cost; the
/// cheapest first, of equals the one with smaller nodes. None when `from` is `to` or either is no
/// node of the graph. No path visits a node twice.
pub fn disjoint_paths(
    graph: &Graph,
    from: u32,
    to: u32,
    paths: u32,
    disjoint: Disjoint,
) -> Vec<Vec<u32>> {
    let nodes = graph.nodes();
    if from == to || from >= nodes || to >= nodes {
        return Vec::new();
    }
    let mut residual = Residual::new(graph, disjoint);
    let (source, sink) = (residual.exit(from), residual.entry(to));
    let mut found = 0;
    while found < paths && residual.augment(source, sink) {
        found += 1;
    }
    let mut steps = residual.steps();
    let mut routes: Vec<(u64, Vec<u32>)> = (0..found).map(|_| walk(&mut steps, from, to)).collect();
    routes.sort_unstable();
    routes.into_iter().map(|(_, path)| path).collect()
}

const FAR: u64 = u64::MAX;
const NO_ARC: u32 = u32::MAX;

/// Arcs in pairs: an arc at an even place, and after it the one that takes its flow back.
struct Residual {
    nodes: u32,
    disjoint: Disjoint,
    /// The last arc out of each place, and for each arc the one before it.
    last: Vec<u32>,
    before: Vec<u32>,
    to: Vec<u32>,
    open: Vec<bool>,
    /// Of the arcs at even places; the way back costs as much less.
    cost: Vec<u32>,
    /// Costs of cheapest ways from the source before the last path was laid.
    potential: Vec<u64>,
    distance: Vec<u64>,
    led_by: Vec<u32>,
}

impl Residual {
    fn new(graph: &Graph, disjoint: Disjoint) -> Residual {
        let nodes = graph.nodes();
        let places = match disjoint {
            Disjoint::Edges => nodes as usize,
            Disjoint::Nodes => 2 * nodes as usize,
        };
        let mut residual = Residual {
            nodes,
            disjoint,
            last: vec![NO_ARC; places],
            before: Vec::new(),
            to: Vec::new(),
            open: Vec::new(),
            cost: Vec::new(),
            potential: vec![0; places],
            distance: Vec::new(),
            led_by: Vec::new(),
        };
        for node in 0..nodes {
            if disjoint == Disjoint::Nodes {
                residual.add(residual.entry(node), residual.exit(node), 0);
            }
            for (to, cost) in graph.neighbours(node).iter().zip(graph.costs(node)) {
                residual.add(residual.exit(node), residual.entry(*to), *cost);
            }
        }
        residual
    }

    fn entry(&self, node: u32) -> u32 {
        node
    }

    fn exit(&self, node: u32) -> u32 {
        match self.disjoint {
            Disjoint::Edges => node,
            Disjoint::Nodes => node + self.nodes,
        }
    }

    fn add(&mut self, from: u32, to: u32, cost: u32) {
        for (from, to, open) in [(from, to, true), (to, from, false)] {
            self.before.push(self.last[from as usize]);
            self.last[from as usize] = self.to.len() as u32;
            self.to.push(to);
            self.open.push(open);
        }
        self.cost.push(cost);
    }

    /// Lays one more path where it costs least; false when there is none.
    fn augment(&mut self, source: u32, sink: u32) -> bool {
        self.search(source, sink);
        let all = self.distance[sink as usize];
        if all == FAR {
            return false;
        }
        for (potential, distance) in self.potential.iter_mut().zip(&self.distance) {
            *potential += (*distance).min(all);
        }
        let mut place = sink;
        while place != source {
            let arc = self.led_by[place as usize] as usize;
            self.open[arc] = false;
            self.open[arc ^ 1] = true;
            place = self.to[arc ^ 1];
        }
        true
    }

    /// Distances in reduced costs, which are never negative, as far as the sink.
    fn search(&mut self, source: u32, sink: u32) {
        self.distance.clear();
        self.distance.resize(self.last.len(), FAR);
        self.led_by.clear();
        self.led_by.resize(self.last.len(), NO_ARC);
        self.distance[source as usize] = 0;
        let mut heap = BinaryHeap::from([Reverse((0, source))]);
        while let Some(Reverse((distance, place))) = heap.pop() {
            if distance > self.distance[place as usize] {
                continue;
            }
            if place == sink {
                return;
            }
            let mut next = self.last[place as usize];
            while next != NO_ARC {
                let arc = next as usize;
                next = self.before[arc];
                if !self.open[arc] {
                    continue;
                }
                let to = self.to[arc];
                let through = distance + self.reduced(arc, place, to);
                if through < self.distance[to as usize] {
                    self.distance[to as usize] = through;
                    self.led_by[to as usize] = arc as u32;
                    heap.push(Reverse((through, to)));
                }
            }
        }
    }

    /// Cost of an open arc + potential here − potential there: 0 or more for every one of them.
    fn reduced(&self, arc: usize, from: u32, to: u32) -> u64 {
        let cost = u64::from(self.cost[arc / 2]);
        let (here, there) = (self.potential[from as usize], self.potential[to as usize]);
        if arc.is_multiple_of(2) { here + cost - there } else { here - cost - there }
    }

    /// The steps between nodes that carry a path: from, to, cost; ascending. Over an edge that is
    /// used both ways nothing need go.
    fn steps(&self) -> Vec<(u32, u32, u32)> {
        let mut steps: Vec<(u32, u32, u32)> = (0..self.cost.len())
            .filter(|pair| !self.open[2 * pair])
            .map(|pair| {
                let (from, to) = (self.to[2 * pair + 1], self.to[2 * pair]);
                (from % self.nodes, to % self.nodes, self.cost[pair])
            })
            .filter(|(from, to, _)| from != to)
            .collect();
        steps.sort_unstable();
        let all = steps.clone();
        steps.retain(|(from, to, cost)| all.binary_search(&(*to, *from, *cost)).is_err());
        steps
    }
}

/// Takes the steps of one path out of `steps`; gives its cost and its nodes. Where it comes back to
/// a node it leaves the loop out, which costs nothing or the total would not be minimal.
fn walk(steps: &mut Vec<(u32, u32, u32)>, from: u32, to: u32) -> (u64, Vec<u32>) {
    let (mut path, mut costs) = (vec![from], Vec::new());
    let mut node = from;
    while node != to {
        let at = steps.partition_point(|step| step.0 < node);
        // What flows in flows out, so there is a step on from every node but `to`.
        let (_, next, cost) = steps.remove(at);
        if let Some(seen) = path.iter().position(|before| *before == next) {
            path.truncate(seen + 1);
            costs.truncate(seen);
        } else {
            path.push(next);
            costs.push(u64::from(cost));
        }
        node = next;
    }
    (costs.iter().sum(), path)
}

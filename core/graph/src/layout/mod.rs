//! Where the nodes of a picture stand: an incremental, stable force layout.
//!
//! Springs of length [`EDGE_LENGTH`] lie on the edges (Eades 1984), every two nodes repel each
//! other with the inverse square of their distance, which keeps the rim of large graphs from
//! swelling (Hu 2005), and a weak pull holds each part together. The repulsion is Barnes and Hut's
//! approximation (`tree`). A graph that is new starts from Brandes and Pich's pivot scaling
//! (`start`), so that the forces only have to refine.
//!
//! Rules. It is deterministic: the same graphs in the same order give the same picture. Nodes are
//! known by a key and keep their place when the graph changes; new ones start beside a neighbour.
//! Connected parts stand apart: each is moved as a whole (`groups`), its own shape is only its
//! own forces. It cools down and then stops, so a calm graph costs nothing. A step allocates
//! nothing.
//!
//! A step is O(n log n + m). What it does not do: avoid crossings, or leave room for names.

mod groups;
mod start;
mod tree;

use crate::{Graph, components};
use groups::Groups;
use tree::Tree;

/// The natural length of an edge, which is the unit of all positions.
pub const EDGE_LENGTH: f32 = 1.0;

/// The push of two nodes at distance [`EDGE_LENGTH`], as a share of a spring's pull when it is
/// twice as long as it should be. Tried by eye: less and paths fold, more and dense places burst.
const REPULSION: f32 = 0.12;

/// The pull of a part's outermost node to its centre, in the same unit. Guess.
const GRAVITY: f32 = 0.02;

/// Largest move of a node in a step: when the graph is new, when some of it changed, and when all
/// stop.
const HEAT_NEW: f32 = 0.6;
const HEAT_CHANGED: f32 = 0.3;
const HEAT_COLD: f32 = 0.008;

/// What is left of the heat after a step: 170 steps from new to cold.
const COOLING: f32 = 0.975;

/// Below this mean move of all nodes in a step nobody sees a difference any more.
const MOVE_SEEN: f32 = 0.0015;

/// Share of the way to where its own forces would vanish that a node goes in a step. More and
/// neighbours that move at the same time overshoot.
const PACE: f32 = 0.7;

/// Whether nodes still move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Moving,
    Settled,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    keys: Vec<u64>,
    /// x and y of every node.
    at: Vec<f32>,
    push: Vec<f32>,
    /// Every edge once, with a < b, ascending.
    springs: Vec<(u32, u32)>,
    /// PACE over the stiffness of all that holds a node.
    pace: Vec<f32>,
    groups: Groups,
    tree: Tree,
    heat: f32,
}

impl Layout {
    /// Takes a graph whose node `i` is known as `keys[i]` from one graph to the next; nodes of one
    /// key are told apart by their order. Does nothing when keys and edges are as before.
    /// O((n + m) log n), and 24 breadth-first searches in each part that is wholly new.
    ///
    /// # Panics
    ///
    /// When there is not one key for each node.
    pub fn take(&mut self, keys: &[u64], graph: &Graph) {
        assert_eq!(keys.len(), graph.nodes() as usize, "one key for each node");
        let edges = || graph.each_edge().map(|edge| (edge.a, edge.b));
        if self.keys == keys && edges().eq(self.springs.iter().copied()) {
            return;
        }
        let parts = components(graph);
        let (at, kept) = start::places(graph, &parts, keys, (&self.keys, &self.at));
        self.heat = if kept == 0 { HEAT_NEW } else { HEAT_CHANGED };
        self.at = at;
        self.keys.clear();
        self.keys.extend_from_slice(keys);
        self.springs.clear();
        self.springs.extend(edges());
        self.push.clear();
        self.push.resize(self.at.len(), 0.0);
        self.pace.clear();
        let nodes = 0..graph.nodes();
        self.pace.extend(nodes.map(|node| PACE / (graph.degree(node) as f32).max(1.0)));
        self.groups.take(&parts);
        self.tree.take(keys.len());
    }

    /// One step of every node. Does nothing once all stand still.
    pub fn step(&mut self) -> Motion {
        if self.motion() == Motion::Settled {
            return Motion::Settled;
        }
        self.tree.repel(&self.at, &mut self.push);
        self.attract();
        self.groups.gather(&self.at, &mut self.push);
        let moved = self.go();
        let parts = self.groups.part(&mut self.at);
        self.heat *= COOLING;
        if moved < MOVE_SEEN && parts == Motion::Settled {
            self.heat = 0.0;
        }
        self.motion()
    }

    pub fn motion(&self) -> Motion {
        if self.heat < HEAT_COLD || self.keys.len() < 2 { Motion::Settled } else { Motion::Moving }
    }

    /// Where a node stands; `None` when there is none of this index.
    pub fn at(&self, node: u32) -> Option<(f32, f32)> {
        let place = self.at.get(2 * node as usize..2 * node as usize + 2)?;
        Some((place[0], place[1]))
    }

    /// x and y of every node, one after the other.
    pub fn positions(&self) -> &[f32] {
        &self.at
    }

    fn attract(&mut self) {
        for &(a, b) in &self.springs {
            let (a, b) = (2 * a as usize, 2 * b as usize);
            let (dx, dy) = (self.at[b] - self.at[a], self.at[b + 1] - self.at[a + 1]);
            let pull = 1.0 - EDGE_LENGTH / (dx * dx + dy * dy).sqrt().max(0.05 * EDGE_LENGTH);
            let (dx, dy) = (dx * pull, dy * pull);
            self.push[a] += dx;
            self.push[a + 1] += dy;
            self.push[b] -= dx;
            self.push[b + 1] -= dy;
        }
    }

    /// Moves every node along what pushes it. Gives the mean move.
    fn go(&mut self) -> f32 {
        let mut sum = 0.0;
        let nodes = self.at.chunks_exact_mut(2).zip(self.push.chunks_exact(2));
        for ((at, push), pace) in nodes.zip(&self.pace) {
            let (dx, dy) = (push[0] * pace, push[1] * pace);
            let way = (dx * dx + dy * dy).sqrt();
            let share = if way > self.heat { self.heat / way } else { 1.0 };
            at[0] += dx * share;
            at[1] += dy * share;
            sum += way * share;
        }
        sum / self.keys.len() as f32
    }
}

/// The `i`-th point of a sequence that fills the square from -0.5 to 0.5 evenly: multiples of the
/// plastic number's inverse powers (Roberts 2018, the R2 sequence). It needs no sine.
fn scatter(i: u32) -> (f32, f32) {
    let share = |step: f64| ((f64::from(i) + 1.0) * step % 1.0 - 0.5) as f32;
    (share(0.754_877_666_246_692_7), share(0.569_840_290_998_053_3))
}

/// Of a vector. A square root is the same to the last bit everywhere; `hypot` is each platform's
/// own, and would make another picture in a browser than natively.
fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

//! The full pass: every figure of a graph, exact, in memory that is used again.
//!
//! All parts work on one renumbered copy of the graph (`order.rs`). Where its adjacency matrix has a
//! narrow band, as on meshes whose links are short, searches and triangles work on rows of bits
//! (`rows.rs`); else on lists (`lists.rs`).

mod diameter;
mod lists;
mod lowlink;
mod order;
mod rows;

use crate::{Figures, Graph};
use diameter::Diameter;
use lists::Lists;
use lowlink::LowLink;
use order::Order;
use rows::Rows;

/// Computes [`Figures`]. All its memory is kept for the next graph.
#[derive(Default)]
pub struct Analyser {
    order: Order,
    rows: Rows,
    lists: Lists,
    low_link: LowLink,
    diameter: Diameter,
    triangles: Vec<u32>,
    figures: Figures,
}

/// What a pass worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Rows of bits, so many words of 64 per node.
    Rows { words: u32 },
    /// Lists of neighbours.
    Lists,
}

/// What a breadth-first search found besides the hops.
struct Search {
    /// Hops to the last level.
    farthest: u32,
}

impl Analyser {
    pub fn new() -> Analyser {
        Analyser::default()
    }

    /// A full pass. Allocates only when it has never seen a graph so large.
    pub fn analyse(&mut self, graph: &Graph) -> &Figures {
        self.figures.nodes = graph.nodes();
        self.figures.edges = graph.edges() as u32;
        self.order.find(graph, &mut self.figures);
        self.low_link.find(&self.order, &mut self.figures);
        match self.layout() {
            Layout::Rows { words: 2 } => self.on_rows::<2>(),
            Layout::Rows { words: 4 } => self.on_rows::<4>(),
            Layout::Rows { words: 8 } => self.on_rows::<8>(),
            Layout::Rows { .. } => self.on_rows::<16>(),
            Layout::Lists => self.on_lists(),
        }
        self.cluster(graph);
        &self.figures
    }

    /// The figures of the last pass.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What the last pass worked on. Rows make it fast; it gets them when its links are short.
    pub fn layout(&self) -> Layout {
        match self.order.band {
            0..=2 => Layout::Rows { words: 2 },
            3..=4 => Layout::Rows { words: 4 },
            5..=8 => Layout::Rows { words: 8 },
            9..=16 => Layout::Rows { words: 16 },
            _ => Layout::Lists,
        }
    }

    fn on_rows<const W: usize>(&mut self) {
        let order = &self.order;
        let nodes = order.position.len();
        self.rows.build::<W>(order, nodes);
        fill(&mut self.triangles, nodes, 0);
        self.rows.triangles::<W>(order, &mut self.triangles);
        let rows = &mut self.rows;
        self.figures.diameter =
            self.diameter.find(order, |from, size, hops| rows.search::<W>(order, from, size, hops));
    }

    fn on_lists(&mut self) {
        let order = &self.order;
        fill(&mut self.triangles, order.position.len(), 0);
        self.lists.triangles(order, &mut self.triangles);
        let lists = &mut self.lists;
        self.figures.diameter =
            self.diameter.find(order, |from, size, hops| lists.search(order, from, size, hops));
    }

    /// Triangles and clustering in the numbering of the caller.
    fn cluster(&mut self, graph: &Graph) {
        let figures = &mut self.figures;
        figures.triangles.clear();
        figures.local_clustering.clear();
        let (mut sum, mut counted) = (0.0, 0u32);
        for (position, ends) in self.order.position.iter().zip(graph.offsets().windows(2)) {
            let triangles = self.triangles[*position as usize];
            let degree = f64::from(ends[1] - ends[0]);
            let pairs = degree * (degree - 1.0);
            let local = if pairs > 0.0 { 2.0 * f64::from(triangles) / pairs } else { 0.0 };
            figures.triangles.push(triangles);
            figures.local_clustering.push(local);
            sum += local;
            counted += u32::from(pairs > 0.0);
        }
        figures.global_clustering = (counted > 0).then(|| sum / f64::from(counted));
    }
}

/// Becomes `len` times `value`.
fn fill<T: Copy>(list: &mut Vec<T>, len: usize, value: T) {
    list.clear();
    list.resize(len, value);
}

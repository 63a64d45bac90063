//! The full pass: every figure of a graph, exact, in memory that is used again.
//!
//! All parts work on one renumbered copy of the graph (`order.rs`). Where its adjacency matrix has
//! a narrow band, as on meshes whose links are short, searches and triangles work on rows of bits
//! (`rows.rs`); else on lists (`lists.rs`).

mod batch;
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
    figures: Figures,
}

/// What a pass worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Rows of bits, so many words of 64 per node.
    Rows { words: u32 },
    /// Lists of neighbours.
    Lists,
}

/// What a pass did for the diameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searches {
    pub single: u32,
    /// Of up to 64 at once.
    pub batches: u32,
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
        // Most graphs have the storage of the one before.
        let guess = self.storage();
        match guess {
            Storage::Rows { words: 2 } => self.number::<2>(graph),
            Storage::Rows { words: 4 } => self.number::<4>(graph),
            Storage::Rows { .. } => self.number::<8>(graph),
            Storage::Lists => self.number::<1>(graph),
        }
        let built = guess == self.storage();
        // The numbering is done: its queue is room for the diameter.
        core::mem::swap(&mut self.order.queue, &mut self.diameter.blocker);
        match self.storage() {
            Storage::Rows { words: 2 } => self.on_rows::<2>(built),
            Storage::Rows { words: 4 } => self.on_rows::<4>(built),
            Storage::Rows { .. } => self.on_rows::<8>(built),
            Storage::Lists => self.on_lists(),
        }
        core::mem::swap(&mut self.order.queue, &mut self.diameter.blocker);
        self.cluster(graph);
        &self.figures
    }

    /// The figures of the last pass.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What the last pass worked on. Rows make it fast; it gets them when its links are short.
    pub fn storage(&self) -> Storage {
        self.order.storage()
    }

    /// The searches for the diameter in the last pass, without those that number the nodes.
    pub fn searches(&self) -> Searches {
        self.diameter.searches
    }

    /// What it keeps for the next pass, in bytes.
    pub fn bytes(&self) -> usize {
        let figures = &self.figures;
        self.order.bytes()
            + self.rows.bytes()
            + self.lists.bytes()
            + self.low_link.bytes()
            + self.diameter.bytes()
            + held(&figures.component)
            + held(&figures.component_sizes)
            + held(&figures.cut_nodes)
            + held(&figures.cut_edges)
            + held(&figures.triangles)
            + held(&figures.local_clustering)
    }

    fn number<const W: usize>(&mut self, graph: &Graph) {
        let rows = self.rows.clear::<W>(graph.nodes() as usize);
        self.order.find(graph, &mut self.figures, rows);
    }

    fn on_rows<const W: usize>(&mut self, built: bool) {
        let order = &self.order;
        let nodes = order.position.len();
        let rows = &mut self.rows;
        if !built {
            rows.build::<W>(order);
        }
        rows.forget();
        self.low_link.find(order, &mut self.figures, |ends, found, time| {
            rows.dive::<W>(order, ends, found, time)
        });
        fill(&mut self.figures.triangles, nodes, 0);
        rows.triangles::<W>(order, &mut self.figures.triangles);
        self.figures.diameter =
            self.diameter.find(order, |from, size, hops| rows.search::<W>(order, from, size, hops));
    }

    fn on_lists(&mut self) {
        let order = &self.order;
        let lists = &mut self.lists;
        lists.forget(order);
        self.low_link.find(order, &mut self.figures, |ends, found, time| {
            lists.dive(order, ends, found, time)
        });
        lists.triangles(order, &mut self.figures.triangles);
        // Rows of bits and batches on lists are never needed together.
        self.diameter.swap_memory(&mut self.rows.bits);
        self.figures.diameter =
            self.diameter.find(order, |from, size, hops| lists.search(order, from, size, hops));
        self.diameter.swap_memory(&mut self.rows.bits);
    }

    /// Clustering from triangles.
    fn cluster(&mut self, graph: &Graph) {
        let figures = &mut self.figures;
        fill(&mut figures.local_clustering, figures.triangles.len(), 0.0);
        let (mut sum, mut counted) = (0.0, 0u32);
        let counts = figures.triangles.iter().zip(graph.offsets().windows(2));
        for ((triangles, ends), local) in counts.zip(&mut figures.local_clustering) {
            let degree = f64::from(ends[1] - ends[0]);
            let pairs = degree * (degree - 1.0);
            if pairs > 0.0 {
                *local = 2.0 * f64::from(*triangles) / pairs;
            }
            sum += *local;
            counted += u32::from(pairs > 0.0);
        }
        figures.global_clustering = (counted > 0).then(|| sum / f64::from(counted));
    }
}

/// Becomes `len` times `value`. Sets no more aside, as doubling would hold twice as much.
fn fill<T: Copy>(list: &mut Vec<T>, len: usize, value: T) {
    list.clear();
    list.reserve_exact(len);
    list.resize(len, value);
}

/// The bytes set aside for a list.
fn held<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

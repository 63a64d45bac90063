//! A graph whose figures are kept up by edits.
//!
//! After each link that comes or goes, [`Live::figures`] equals that of a full pass over the same
//! graph, to the last bit; a link touches little of a mesh, and only what it touches is computed:
//! triangles at its ends' common neighbours (`clustering`), numbers of components where two merge
//! or one splits (`pieces`), blocks where two join or one falls apart (`blocks`), and the proof of
//! the diameter where a distance in it changed (`diameter`). Once warm, an edit allocates nothing.
//!
//! It does not know costs: figures count hops.

mod adjacency;
mod blocks;
mod clustering;
mod detour;
mod diameter;
mod distances;
mod pieces;
mod sources;
mod sweep;

use super::{CutEdge, CutNode, Figures, Graph};
use adjacency::Rows;
use blocks::{Blocks, Whole};
use clustering::Clustering;
use diameter::{Diameter, Settled};

/// Room is made for one cut node, cut edge and component in so many nodes. A guess: a
/// geometric mesh of mean degree 8 has fewer.
const USUAL_CUTS: usize = 16;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Live {
    rows: Rows,
    figures: Figures,
    clustering: Clustering,
    blocks: Blocks,
    diameter: Diameter,
    effort: Effort,
    /// Common neighbours, or nodes being walked.
    nodes: Vec<u32>,
}

/// How edits were settled: so many in each way. Blocks and distances of an edit count once each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Links between two components.
    pub merges: u64,
    /// Lost bridges.
    pub splits: u64,
    /// Links within a block.
    pub blocks_untouched: u64,
    /// Lost links whose ends have two common neighbours.
    pub blocks_by_common_neighbours: u64,
    /// Lost links with two short ways around them.
    pub blocks_by_two_paths: u64,
    /// Edits after which the blocks of a component were found anew.
    pub blocks_searched: u64,
    /// No kept distance changed.
    pub distances_untouched: u64,
    /// Some changed, and were repaired.
    pub distances_repaired: u64,
    /// More sources were searched from to prove the diameter.
    pub distances_searched: u64,
    /// Only distances that the link could have changed were measured.
    pub distances_measured: u64,
    /// Eccentricities of many nodes were found side by side.
    pub distances_swept: u64,
}

impl Live {
    /// So many nodes without links. O(nodes) time and memory; 1 000 nodes of mean degree 8 take
    /// about 240 kB ([`Live::bytes`]).
    pub fn new(nodes: u32) -> Live {
        Live::of(&Graph::new(nodes, &[]))
    }

    /// By one full pass.
    pub fn of(graph: &Graph) -> Live {
        let mut live = Live::default();
        live.rebuild(graph);
        live
    }

    /// Becomes this graph, by one full pass. Allocates only when it has never been so large.
    pub fn rebuild(&mut self, graph: &Graph) {
        let (rows, figures) = (&mut self.rows, &mut self.figures);
        rows.rebuild(graph);
        self.nodes.clear();
        self.nodes.reserve_exact(graph.nodes() as usize);
        let usual = graph.nodes() as usize / USUAL_CUTS;
        figures.cut_nodes.clear();
        figures.cut_nodes.reserve(usual);
        figures.cut_edges.clear();
        figures.cut_edges.reserve(usual);
        figures.component_sizes.clear();
        figures.component_sizes.reserve(usual);
        figures.nodes = rows.nodes();
        figures.edges = rows.edges();
        pieces::rebuild(rows, figures, &mut self.nodes);
        self.clustering.rebuild(rows, figures, &mut self.nodes);
        self.blocks.rebuild(rows, figures, &mut self.nodes);
        self.diameter.rebuild(rows, figures);
    }

    /// Whether it was new. A loop or a node that is not there changes nothing and gives false.
    ///
    /// O(degrees + nodes / 2 additions) for most links in a mesh; see the parts for the rest.
    ///
    /// # Panics
    ///
    /// When there are 2³¹ links or so.
    pub fn link(&mut self, a: u32, b: u32) -> bool {
        if a == b || a.max(b) >= self.nodes() || self.rows.joined(a, b) {
            return false;
        }
        let (rows, figures) = (&mut self.rows, &mut self.figures);
        rows.shared(a, b, &mut self.nodes);
        rows.link(a, b);
        figures.edges = rows.edges();
        self.clustering.linked(rows, figures, [a, b], &self.nodes);
        let settled = if figures.component[a as usize] != figures.component[b as usize] {
            pieces::merge(figures, a, b);
            self.blocks.search(rows, figures, [a, b], &mut self.nodes);
            self.effort.merges += 1;
            self.diameter.merged(rows, figures, a, b)
        } else {
            if self.blocks.together(a, b) {
                self.effort.blocks_untouched += 1;
            } else {
                self.blocks.search(rows, figures, [a, b], &mut self.nodes);
                self.effort.blocks_searched += 1;
            }
            self.diameter.linked(rows, figures, a, b)
        };
        self.effort.count(settled);
        true
    }

    /// Whether it was there. The cost is that of [`Live::link`].
    pub fn unlink(&mut self, a: u32, b: u32) -> bool {
        if a.max(b) >= self.nodes() || !self.rows.joined(a, b) {
            return false;
        }
        let (rows, figures) = (&mut self.rows, &mut self.figures);
        let ends = (a.min(b), a.max(b));
        let bridge = figures.cut_edges.binary_search_by_key(&ends, |edge| (edge.a, edge.b)).is_ok();
        rows.shared(a, b, &mut self.nodes);
        rows.unlink(a, b);
        figures.edges = rows.edges();
        self.clustering.unlinked(rows, figures, [a, b], &self.nodes);
        let settled = if bridge {
            pieces::split(rows, figures, a, b, &mut self.nodes);
            self.blocks.search(rows, figures, [a, b], &mut self.nodes);
            self.effort.splits += 1;
            self.diameter.split(rows, figures, a, b)
        } else {
            match self.blocks.whole(rows, a, b, &self.nodes) {
                Some(Whole::ByCommonNeighbours) => self.effort.blocks_by_common_neighbours += 1,
                Some(Whole::ByTwoPaths) => self.effort.blocks_by_two_paths += 1,
                None => {
                    self.blocks.search(rows, figures, [a, b], &mut self.nodes);
                    self.effort.blocks_searched += 1;
                }
            }
            self.diameter.unlinked(rows, figures, a, b)
        };
        self.effort.count(settled);
        true
    }

    /// Those of the graph as it is now.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    pub fn nodes(&self) -> u32 {
        self.rows.nodes()
    }

    /// False for nodes that are not there.
    pub fn has_link(&self, a: u32, b: u32) -> bool {
        a.max(b) < self.nodes() && self.rows.joined(a, b)
    }

    /// Ascending. `node` must be a node of the graph.
    pub fn neighbours(&self, node: u32) -> &[u32] {
        self.rows.of(node)
    }

    /// How edits were settled so far.
    pub fn effort(&self) -> &Effort {
        &self.effort
    }

    /// Heap memory held, in bytes.
    pub fn bytes(&self) -> usize {
        let figures = &self.figures;
        let words = figures.component.capacity()
            + figures.component_sizes.capacity()
            + figures.triangles.capacity()
            + self.nodes.capacity();
        words * size_of::<u32>()
            + figures.cut_nodes.capacity() * size_of::<CutNode>()
            + figures.cut_edges.capacity() * size_of::<CutEdge>()
            + figures.local_clustering.capacity() * size_of::<f64>()
            + self.rows.bytes()
            + self.clustering.bytes()
            + self.blocks.bytes()
            + self.diameter.bytes()
    }
}

impl Effort {
    fn count(&mut self, settled: Settled) {
        *match settled {
            Settled::Untouched => &mut self.distances_untouched,
            Settled::Repaired => &mut self.distances_repaired,
            Settled::Searched => &mut self.distances_searched,
            Settled::Measured => &mut self.distances_measured,
            Settled::Swept => &mut self.distances_swept,
        } += 1;
    }
}

//! What is timed: the same code natively and in a browser, with a clock that is handed in.

use crate::kinds::{GRAPHS, Kind, edges};
use bitcraps_graph::{Analyser, Distances, Edge, Figures, Graph, HopTable, Layout, Live, Motion};
use std::hint::black_box;

/// Something that is done to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// All figures of a graph that is built already.
    Snapshot,
    /// One link that goes or comes, and all figures after it.
    OneChange,
    /// Next hops, backup hops and distances between all pairs.
    Hops,
    /// All eccentricities and the mean path length.
    Distances,
    /// One step of the picture's layout.
    LayoutStep,
}

impl Work {
    pub const ALL: [Work; 5] =
        [Work::Snapshot, Work::OneChange, Work::Hops, Work::Distances, Work::LayoutStep];

    pub fn name(self) -> &'static str {
        match self {
            Work::Snapshot => "snapshot",
            Work::OneChange => "one change",
            Work::Hops => "hops",
            Work::Distances => "distances",
            Work::LayoutStep => "layout step",
        }
    }

    pub fn named(name: &str) -> Option<Work> {
        Work::ALL.into_iter().find(|work| work.name() == name)
    }
}

/// A median and what was computed, so that two runs can be compared before their times are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Of one piece of work: the median over all samples, in microseconds.
    pub micros: f64,
    /// A digest of every result.
    pub digest: u64,
}

/// Samples that are taken of each work.
const SAMPLES: usize = 15;

/// Edits of one graph in a row.
const EDITS: usize = 16;

/// Does this work on all graphs of a kind in turn. `clock` tells milliseconds; a sample lasts at
/// least `sample_ms`.
pub fn measure(
    work: Work,
    kind: Kind,
    nodes: u32,
    clock: &dyn Fn() -> f64,
    sample_ms: f64,
) -> Measured {
    let lists: Vec<Vec<Edge>> = (0..GRAPHS).map(|n| edges(kind, nodes, n)).collect();
    let graphs: Vec<Graph> = lists.iter().map(|list| Graph::new(nodes, list)).collect();
    let timed = |each: &mut dyn FnMut(usize), per_turn: usize| {
        micros(clock, sample_ms, per_turn, &mut || (0..graphs.len()).for_each(&mut *each))
    };
    match work {
        Work::Snapshot => {
            let mut analyser = Analyser::new();
            let mut digest = Digest::default();
            graphs.iter().for_each(|graph| digest.figures(analyser.analyse(graph)));
            let mut each = |n: usize| {
                black_box(analyser.analyse(&graphs[n]));
            };
            Measured { micros: timed(&mut each, graphs.len()), digest: digest.0 }
        }
        Work::OneChange => one_change(&graphs, clock, sample_ms),
        Work::Hops => {
            let mut table = HopTable::new();
            let mut digest = Digest::default();
            for graph in &graphs {
                table.fill(graph);
                digest.hops(&table, nodes);
            }
            let mut each = |n: usize| {
                table.fill(&graphs[n]);
                black_box(&table);
            };
            Measured { micros: timed(&mut each, graphs.len()), digest: digest.0 }
        }
        Work::Distances => {
            let mut distances = Distances::new();
            let mut digest = Digest::default();
            for graph in &graphs {
                let found = distances.measure(graph);
                found.eccentricity.iter().for_each(|e| digest.number(u64::from(*e)));
                digest.number(found.mean_path.unwrap_or(0.0).to_bits());
            }
            let mut each = |n: usize| {
                black_box(distances.measure(&graphs[n]));
            };
            Measured { micros: timed(&mut each, graphs.len()), digest: digest.0 }
        }
        Work::LayoutStep => layout_step(&graphs, clock, sample_ms),
    }
}

/// Links of every graph are taken away and put back; each graph ends as it began.
fn one_change(graphs: &[Graph], clock: &dyn Fn() -> f64, sample_ms: f64) -> Measured {
    let mut kept: Vec<(Live, Vec<Edge>)> =
        graphs.iter().map(|graph| (Live::of(graph), graph.each_edge().collect())).collect();
    let mut digest = Digest::default();
    let mut turn = 0;
    let mut edit = |kept: &mut [(Live, Vec<Edge>)], digest: &mut Option<&mut Digest>| {
        for (live, edges) in kept {
            for n in 0..EDITS / 2 {
                let edge = edges[(turn * 7919 + n * 104_729) % edges.len()];
                live.unlink(edge.a, edge.b);
                black_box(live.figures());
                if let Some(digest) = digest {
                    digest.figures(live.figures());
                }
                live.link(edge.a, edge.b);
                black_box(live.figures());
            }
        }
        turn += 1;
    };
    edit(&mut kept, &mut Some(&mut digest));
    let per_turn = graphs.len() * EDITS;
    let micros = micros(clock, sample_ms, per_turn, &mut || edit(&mut kept, &mut None));
    Measured { micros, digest: digest.0 }
}

/// The layouts are warmed up, so that the dots stand as they do while people look.
fn layout_step(graphs: &[Graph], clock: &dyn Fn() -> f64, sample_ms: f64) -> Measured {
    const WARM: usize = 30;
    let graphs = &graphs[..graphs.len().min(4)];
    let mut layouts: Vec<Layout> = graphs.iter().map(layout_of).collect();
    for layout in &mut layouts {
        (0..WARM).for_each(|_| {
            layout.step();
        });
    }
    let micros = micros(clock, sample_ms, layouts.len(), &mut || {
        for (layout, graph) in layouts.iter_mut().zip(graphs) {
            // One that came to rest would cost nothing.
            if layout.motion() == Motion::Settled {
                *layout = layout_of(graph);
            }
            layout.step();
            black_box(layout.positions());
        }
    });
    Measured { micros, digest: 0 }
}

fn layout_of(graph: &Graph) -> Layout {
    let mut layout = Layout::new();
    let keys: Vec<u64> = (0..u64::from(graph.nodes())).collect();
    layout.take(&keys, graph);
    layout
}

/// The median over samples of whole turns, per piece of work.
fn micros(
    clock: &dyn Fn() -> f64,
    sample_ms: f64,
    per_turn: usize,
    turn: &mut dyn FnMut(),
) -> f64 {
    turn();
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let (start, mut turns) = (clock(), 0);
            loop {
                turn();
                turns += 1;
                let elapsed = clock() - start;
                if elapsed >= sample_ms {
                    return elapsed * 1000.0 / (turns * per_turn) as f64;
                }
            }
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[SAMPLES / 2]
}

/// FNV-1a over numbers (Fowler, Noll and Vo 1991).
struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn number(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn figures(&mut self, figures: &Figures) {
        self.number(figures.component_sizes.len() as u64);
        self.number(u64::from(figures.diameter));
        self.number(figures.global_clustering.unwrap_or(0.0).to_bits());
        for node in &figures.cut_nodes {
            self.number(u64::from(node.node) << 32 | u64::from(node.cuts_off));
        }
        for edge in &figures.cut_edges {
            self.number(u64::from(edge.a) << 32 | u64::from(edge.b));
        }
    }

    fn hops(&mut self, table: &HopTable, nodes: u32) {
        for from in (0..nodes).step_by(17) {
            for to in (0..nodes).step_by(13) {
                let hop = |hop: Option<u32>| u64::from(hop.unwrap_or(u32::MAX));
                self.number(table.distance(from, to).map_or(u64::MAX, u64::from));
                self.number(hop(table.next(from, to)) << 32 | hop(table.backup(from, to)));
            }
        }
    }
}

//! What is timed: the same code natively and in a browser.

use crate::{
    digest::Digest,
    kinds::{GRAPHS, Kind, edges},
};
use bitcraps_graph::{
    Analyser, Distances, Edge, Graph, HopTable, Live,
    layout::{Layout, Motion},
};
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
            Work::Snapshot => "full pass",
            Work::OneChange => "one change",
            Work::Hops => "hops, backups",
            Work::Distances => "eccentricities",
            Work::LayoutStep => "layout step",
        }
    }

    pub fn named(name: &str) -> Option<Work> {
        Work::ALL.into_iter().find(|work| work.name() == name)
    }
}

/// Links that are taken from each graph before they are put back.
const LINKS: usize = 8;

/// Layouts of one kind; they change from step to step by themselves.
const LAYOUTS: usize = 4;
/// Steps before the first that counts, so that the dots stand as they do while people look.
const WARM_STEPS: usize = 30;

/// Work that can be done again and again, and what it came to the first time.
pub struct Prepared {
    pieces: usize,
    digest: u64,
    turn: Box<dyn FnMut()>,
}

impl Prepared {
    /// Builds the graphs, does the work on each once and digests every result.
    pub fn new(work: Work, kind: Kind, nodes: u32) -> Prepared {
        let graphs: Vec<Graph> =
            (0..GRAPHS).map(|number| Graph::new(nodes, &edges(kind, nodes, number))).collect();
        match work {
            Work::Snapshot => snapshot(graphs),
            Work::OneChange => one_change(&graphs),
            Work::Hops => hops(graphs),
            Work::Distances => distances(graphs),
            Work::LayoutStep => layout_step(&graphs[..LAYOUTS]),
        }
    }

    /// Pieces of work in a turn.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// Of every result.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Does the work once on each graph.
    pub fn turn(&mut self) {
        (self.turn)();
    }
}

fn snapshot(graphs: Vec<Graph>) -> Prepared {
    let (mut analyser, mut digest) = (Analyser::new(), Digest::new());
    graphs.iter().for_each(|graph| digest.figures(analyser.analyse(graph)));
    let turn = move || {
        for graph in &graphs {
            black_box(analyser.analyse(black_box(graph)));
        }
    };
    Prepared { pieces: GRAPHS as usize, digest: digest.finish(), turn: Box::new(turn) }
}

/// Some links of every graph are taken away, others in each turn, and put back in the same order.
fn one_change(graphs: &[Graph]) -> Prepared {
    let mut kept: Vec<(Live, Vec<Edge>)> =
        graphs.iter().map(|graph| (Live::of(graph), graph.each_edge().collect())).collect();
    let mut digest = Digest::new();
    edit(&mut kept, 0, &mut |live| digest.figures(live.figures()));
    let mut turns = 0;
    let turn = move || {
        turns += 1;
        edit(&mut kept, turns, &mut |live| {
            black_box(live.figures());
        });
    };
    let pieces = graphs.len() * LINKS * 2;
    Prepared { pieces, digest: digest.finish(), turn: Box::new(turn) }
}

fn edit(kept: &mut [(Live, Vec<Edge>)], turn: usize, look: &mut dyn FnMut(&Live)) {
    for (live, edges) in kept {
        // Steps that are prime lead to links that have nothing to do with each other.
        let chosen = |n: usize| edges[(turn * 7_919 + n * 104_729) % edges.len()];
        for edge in (0..LINKS).map(chosen) {
            live.unlink(edge.a, edge.b);
            look(live);
        }
        for edge in (0..LINKS).map(chosen) {
            live.link(edge.a, edge.b);
            look(live);
        }
    }
}

fn hops(graphs: Vec<Graph>) -> Prepared {
    let (mut table, mut digest) = (HopTable::new(), Digest::new());
    let mut fill = move |graph: &Graph, digest: Option<&mut Digest>| {
        table.fill(black_box(graph)).expect("no graph here has more nodes than a table holds");
        black_box(&table);
        if let Some(digest) = digest {
            digest.hops(&table, graph.nodes());
        }
    };
    graphs.iter().for_each(|graph| fill(graph, Some(&mut digest)));
    let turn = move || graphs.iter().for_each(|graph| fill(graph, None));
    Prepared { pieces: GRAPHS as usize, digest: digest.finish(), turn: Box::new(turn) }
}

fn distances(graphs: Vec<Graph>) -> Prepared {
    let (mut distances, mut digest) = (Distances::new(), Digest::new());
    graphs.iter().for_each(|graph| digest.distances(distances.measure(graph)));
    let turn = move || {
        for graph in &graphs {
            black_box(distances.measure(black_box(graph)));
        }
    };
    Prepared { pieces: GRAPHS as usize, digest: digest.finish(), turn: Box::new(turn) }
}

fn layout_step(graphs: &[Graph]) -> Prepared {
    let mut digest = Digest::new();
    let warm: Vec<Layout> = graphs.iter().map(warm_layout).collect();
    for place in warm.iter().flat_map(|layout| layout.positions()) {
        digest.number(u64::from(place.to_bits()));
    }
    let mut layouts = warm.clone();
    let turn = move || {
        for (layout, warm) in layouts.iter_mut().zip(&warm) {
            layout.step();
            // One that came to rest would cost nothing.
            if black_box(&*layout).motion() == Motion::Settled {
                layout.clone_from(warm);
            }
        }
    };
    Prepared { pieces: graphs.len(), digest: digest.finish(), turn: Box::new(turn) }
}

fn warm_layout(graph: &Graph) -> Layout {
    let mut layout = Layout::default();
    let keys: Vec<u64> = (0..u64::from(graph.nodes())).collect();
    layout.take(&keys, graph);
    (0..WARM_STEPS).for_each(|_| {
        layout.step();
    });
    layout
}

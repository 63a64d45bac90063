//! What the figures of a mesh of a thousand nodes weigh, counted by the allocator.

use anyhow::Result;
use bitcraps_graph::{Analyser, Graph, Live};
use bitcraps_graphs::{GRAPHS, KINDS, edges};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

const NODES: u32 = 1_000;
const STATE_MAX_KB: f64 = 256.0;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// An allocator cannot be written otherwise; all it does is count and hand on.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The largest state over all graphs, after every one of them was seen.
pub fn state() -> Result<()> {
    println!("\nstate for {NODES} nodes, in kB (promised: at most {STATE_MAX_KB})");
    for kind in KINDS {
        let lists: Vec<_> = (0..GRAPHS).map(|n| edges(kind, NODES, n)).collect();
        let graphs: Vec<Graph> = lists.iter().map(|list| Graph::new(NODES, list)).collect();
        let analyser = held(|| {
            let mut analyser = Analyser::new();
            graphs.iter().for_each(|graph| {
                analyser.analyse(graph);
            });
            analyser
        });
        let live = held(|| {
            let mut live = Live::new(0);
            for graph in &graphs {
                live.rebuild(graph);
                for edge in graph.each_edge().take(200) {
                    live.unlink(edge.a, edge.b);
                    live.link(edge.a, edge.b);
                }
            }
            live
        });
        let verdict = |kb: f64| if kb <= STATE_MAX_KB { "ok" } else { "over" };
        let name = kind.name();
        println!("{name:<12} full pass {analyser:>7.1}  {}", verdict(analyser));
        println!("{name:<12} upkeep    {live:>7.1}  {}", verdict(live));
    }
    Ok(())
}

fn held<T>(make: impl FnOnce() -> T) -> f64 {
    let before = HELD.load(Ordering::Relaxed);
    let made = make();
    let bytes = HELD.load(Ordering::Relaxed) - before;
    drop(made);
    bytes as f64 / 1000.0
}

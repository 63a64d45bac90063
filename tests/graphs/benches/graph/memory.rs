//! What the figures of a mesh of a thousand nodes weigh, counted by the allocator.

use bitcraps_graph::{Analyser, Graph, HopTable, Live};
use bitcraps_graphs::{GRAPHS, KINDS, edges};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed},
};

const NODES: u32 = 1_000;
const STATE_MAX_KB: f64 = 256.0;

/// Links of each graph that come and go before its state is weighed.
const LINKS: usize = 200;

/// The system's allocator; it counts only while something is weighed, so that the peers, who
/// allocate in each call, are not slowed.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static HELD: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    if COUNTS.load(Relaxed) {
        HELD.fetch_add(bytes, Relaxed);
    }
}

// An allocator cannot be written otherwise; all it does is count and hand on.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What each state weighs after it has seen all graphs of a kind.
pub fn state() {
    println!("\nstate for {NODES} nodes in kB (promised: at most {STATE_MAX_KB})\n");
    for kind in KINDS {
        let graphs: Vec<Graph> =
            (0..GRAPHS).map(|n| Graph::new(NODES, &edges(kind, NODES, n))).collect();
        let analyser = weigh(|| {
            let mut analyser = Analyser::new();
            for graph in &graphs {
                analyser.analyse(graph);
            }
            analyser
        });
        let live = weigh(|| {
            let mut live = Live::new(0);
            for graph in &graphs {
                live.rebuild(graph);
                for edge in graph.each_edge().take(LINKS) {
                    live.unlink(edge.a, edge.b);
                    live.link(edge.a, edge.b);
                }
            }
            live
        });
        let hops = weigh(|| {
            let mut table = HopTable::new();
            for graph in &graphs {
                table.fill(graph).expect("a thousand nodes are fewer than a table holds");
            }
            table
        });
        let verdict = |kb: f64| if kb <= STATE_MAX_KB { "ok" } else { "over" };
        let name = kind.name();
        println!("{name:<12} full pass     {analyser:>8.1}  {}", verdict(analyser));
        println!("{name:<12} one change    {live:>8.1}  {}", verdict(live));
        println!("{name:<12} hops, backups {hops:>8.1}  (a table of all pairs, not promised)");
    }
}

/// In kB of a thousand bytes.
fn weigh<T>(make: impl FnOnce() -> T) -> f64 {
    HELD.store(0, Relaxed);
    COUNTS.store(true, Relaxed);
    let made = make();
    COUNTS.store(false, Relaxed);
    drop(made);
    HELD.load(Relaxed) as f64 / 1e3
}

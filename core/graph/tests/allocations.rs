//! What a pass costs in memory: nothing new once it has seen a graph as large, and a bound on what
//! it keeps.
//!
//! A file of its own, since it replaces the allocator of its whole program.

#![cfg(not(target_arch = "wasm32"))]
// A global allocator cannot be written without; it only counts and hands on.
#![allow(unsafe_code)]

use bitcraps_graph::{Analyser, Edge, Graph, Layout};
use std::alloc::{GlobalAlloc, Layout as Block, System};
use std::cell::Cell;

thread_local! {
    /// Per thread, so that the test harness does not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, at: *mut u8, block: Block) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, block) }
    }

    unsafe fn realloc(&self, at: *mut u8, block: Block, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(at, block, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Nodes strewn in a square of side 1, linked when close, to 8 others in the mean; or to anywhere
/// with this chance.
fn mesh(nodes: u32, astray: f64, seed: u64) -> Graph {
    let mut state = seed * 2 + 1;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let at: Vec<(f64, f64)> = (0..nodes).map(|_| (unit(), unit())).collect();
    let area = 8.6 / f64::from(nodes);
    let mut edges = Vec::new();
    for a in 0..nodes {
        for b in 0..a {
            let ((ax, ay), (bx, by)) = (at[a as usize], at[b as usize]);
            if ((ax - bx).powi(2) + (ay - by).powi(2)) * std::f64::consts::PI < area {
                let to = if unit() < astray { (unit() * f64::from(nodes)) as u32 } else { b };
                edges.push(Edge { a, b: to, cost: 1 });
            }
        }
    }
    Graph::new(nodes, &edges)
}

#[test]
fn a_pass_over_graphs_as_large_as_before_allocates_nothing() {
    for (nodes, astray) in [(100, 0.0), (1_000, 0.0), (1_000, 0.1), (1_600, 0.3)] {
        let graphs: Vec<Graph> = (1..=32).map(|seed| mesh(nodes, astray, seed)).collect();
        let mut analyser = Analyser::new();
        let mut lists = 0;
        for graph in &graphs {
            analyser.analyse(graph);
            lists += u32::from(analyser.layout() == Layout::Lists);
        }
        assert_eq!(lists, if nodes == 1_600 { 32 } else { 0 });
        let before = ALLOCATIONS.get();
        for _ in 0..3 {
            for graph in &graphs {
                analyser.analyse(graph);
            }
        }
        assert_eq!(ALLOCATIONS.get(), before, "{nodes} nodes, {astray} astray");
    }
}

#[test]
fn a_thousand_nodes_take_at_most_256_kilobytes() {
    for astray in [0.0, 0.02, 0.1, 1.0] {
        let mut analyser = Analyser::new();
        for seed in 1..=32 {
            analyser.analyse(&mesh(1_000, astray, seed));
        }
        assert!(analyser.bytes() <= 256 * 1_024, "{} bytes, {astray} astray", analyser.bytes());
    }
}

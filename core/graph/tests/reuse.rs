//! What is asked again and again allocates nothing when asked again.

// A counting allocator is an `unsafe impl`; it only counts, and hands on to the system's.
#![allow(unsafe_code)]
#![cfg(not(target_arch = "wasm32"))]

use bitcraps_graph::{Distances, Edge, Graph, HopTable};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Per thread, because the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// A grid with every `gap`-th edge missing.
fn grid(width: u32, gap: usize) -> Graph {
    let nodes = width * width;
    let right = (1..nodes).filter(|b| b % width != 0).map(|b| (b - 1, b));
    let edges: Vec<Edge> = right
        .chain((width..nodes).map(|b| (b - width, b)))
        .enumerate()
        .filter(|(at, _)| at % gap != 0)
        .map(|(_, (a, b))| Edge { a, b, cost: 1 })
        .collect();
    Graph::new(nodes, &edges)
}

#[test]
fn a_hop_table_and_distances_allocate_only_the_first_time() {
    let (large, other) = (grid(30, 7), grid(28, 5));
    let (mut table, mut distances) = (HopTable::new(), Distances::new());
    let first = allocations(|| {
        table.fill(&large).unwrap();
        distances.measure(&large);
    });
    assert!(first > 10, "the allocator does not count: {first}");
    let again = allocations(|| {
        for graph in [&large, &other, &large] {
            table.fill(graph).unwrap();
            distances.measure(graph);
        }
    });
    assert_eq!(again, 0);
}

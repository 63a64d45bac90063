//! A step of the layout allocates nothing. Alone in its file: the count is of the whole process.
#![allow(unsafe_code, reason = "an allocator that counts cannot be written without")]

use bitcraps_graph::{
    Edge, Graph,
    layout::{Layout, Motion},
};
use std::{
    alloc::{GlobalAlloc, Layout as Block, System},
    sync::atomic::{AtomicUsize, Ordering},
};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, at: *mut u8, block: Block) {
        unsafe { System.dealloc(at, block) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_step_allocates_nothing() {
    // A ring of 600, a crowd that hangs on one node, and single nodes.
    let ring = (0..600).map(|i| (i, (i + 1) % 600));
    let edges: Vec<Edge> =
        ring.chain((601..900).map(|i| (600, i))).map(|(a, b)| Edge { a, b, cost: 1 }).collect();
    let graph = Graph::new(1000, &edges);
    let keys: Vec<u64> = (0..1000).collect();
    let mut layout = Layout::default();
    layout.take(&keys, &graph);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut steps = 0;
    while layout.step() == Motion::Moving {
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), before);
}

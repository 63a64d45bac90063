//! Once warm, `Live` allocates nothing, and what it holds stays within the budget of a node.

// A counting allocator cannot be written without: it hands every call on as it is.
#![allow(unsafe_code)]
#![cfg(not(target_arch = "wasm32"))]

use bitcraps_graph::{Edge, Graph, Live};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    ALLOCATIONS.with(|count| count.set(count.get() + 1));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes that the state for 1 000 nodes may take.
const BUDGET_BYTES: usize = 256_000;

/// Edits before allocations count: until the pool of rows has been at its largest.
const WARMING: u32 = 24_000;

/// SplitMix64 (Steele, Lea and Flood 2014).
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Points in a square and all pairs of them nearer than what gives this mean degree.
fn near_pairs(nodes: u32, degree: f64, seed: &mut u64) -> Vec<(u32, u32)> {
    let unit = |state: &mut u64| (roll(state) >> 11) as f64 / (1u64 << 53) as f64;
    let points: Vec<(f64, f64)> = (0..nodes).map(|_| (unit(seed), unit(seed))).collect();
    let reach = (degree / (std::f64::consts::PI * f64::from(nodes))).sqrt();
    let mut pairs = Vec::new();
    for b in 0..nodes as usize {
        for a in 0..b {
            let (dx, dy) = (points[a].0 - points[b].0, points[a].1 - points[b].1);
            if dx.hypot(dy) < reach {
                pairs.push((a as u32, b as u32));
            }
        }
    }
    pairs
}

fn toggle(live: &mut Live, (a, b): (u32, u32)) {
    if !live.unlink(a, b) {
        live.link(a, b);
    }
}

/// Each mesh holds about two thirds of the near pairs, and changes.
fn moving(degree: f64, far: u64) {
    const NODES: u32 = 1_000;
    let mut seed = 7;
    let pairs = near_pairs(NODES, degree * 1.5, &mut seed);
    let kept = pairs.iter().filter(|_| roll(&mut seed) % 3 < 2);
    let edges: Vec<Edge> = kept.map(|(a, b)| Edge { a: *a, b: *b, cost: 1 }).collect();
    let graph = Graph::new(NODES, &edges);
    let mut live = Live::of(&graph);
    let mut run = |live: &mut Live, edits: u32| {
        for _ in 0..edits {
            if roll(&mut seed).is_multiple_of(10) && far > 0 {
                let a = roll(&mut seed) % u64::from(NODES);
                let pair = (a as u32, ((a + far) % u64::from(NODES)) as u32);
                toggle(live, pair);
                toggle(live, pair);
            } else {
                let pick = |seed: &mut u64| pairs[(roll(seed) % pairs.len() as u64) as usize];
                // Two thirds of the pairs stay linked: a missing one always comes back.
                let pair = pick(&mut seed);
                if !live.link(pair.0, pair.1) && roll(&mut seed).is_multiple_of(2) {
                    live.unlink(pair.0, pair.1);
                }
            }
        }
    };
    run(&mut live, WARMING);
    let before = ALLOCATIONS.with(Cell::get);
    run(&mut live, 8_000);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(live.bytes() <= BUDGET_BYTES, "{} bytes", live.bytes());
    live.rebuild(&graph);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
}

#[test]
fn thousands_of_edits_and_a_rebuild_allocate_nothing_and_stay_within_the_budget() {
    moving(8.0, 0);
}

#[test]
fn nor_do_those_of_a_mesh_with_far_links_or_of_one_that_falls_apart() {
    moving(7.0, 313);
    moving(3.0, 0);
}

#[test]
fn the_allocator_counts() {
    let before = ALLOCATIONS.with(Cell::get);
    assert_eq!(vec![1, 2, 3].len(), 3);
    let live = Live::new(10);
    assert!(ALLOCATIONS.with(Cell::get) > before && live.bytes() > 0);
}

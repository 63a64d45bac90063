//! The door for a page: work by name.

use crate::{GRAPHS, Kind, Prepared, Work, edges};
use wasm_bindgen::prelude::wasm_bindgen;

/// Work that a page can time.
#[wasm_bindgen]
pub struct Bench(Prepared);

#[wasm_bindgen]
impl Bench {
    /// Nothing when there is no such work or kind.
    pub fn prepare(work: &str, kind: &str, nodes: u32) -> Option<Bench> {
        Some(Bench(Prepared::new(Work::named(work)?, Kind::named(kind)?, nodes)))
    }

    /// In hexadecimal, which JavaScript does not round.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.0.digest())
    }

    /// Pieces of work in a turn.
    pub fn pieces(&self) -> usize {
        self.0.pieces()
    }

    pub fn turns(&mut self, turns: u32) {
        (0..turns).for_each(|_| self.0.turn());
    }
}

/// The ends of every edge of one graph, two by two.
#[wasm_bindgen]
pub fn ends(kind: &str, nodes: u32, number: u32) -> Vec<u32> {
    let Some(kind) = Kind::named(kind) else { return Vec::new() };
    let edges = edges(kind, nodes, u64::from(number) % GRAPHS);
    edges.iter().flat_map(|edge| [edge.a, edge.b]).collect()
}

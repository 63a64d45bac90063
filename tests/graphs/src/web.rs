//! The door for a page: figures by name.

use crate::{GRAPHS, Kind, Work, edges, measure};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Microseconds and the digest in hexadecimal, as `12.5 cbf29ce484222325`; empty when there is no
/// such work or kind.
#[wasm_bindgen]
pub fn micros(work: &str, kind: &str, nodes: u32, sample_ms: f64) -> String {
    let (Some(work), Some(kind)) = (Work::named(work), Kind::named(kind)) else {
        return String::new();
    };
    let measured = measure(work, kind, nodes, &now, sample_ms);
    format!("{} {:016x}", measured.micros, measured.digest)
}

/// The ends of every edge of one graph, two by two.
#[wasm_bindgen]
pub fn ends(kind: &str, nodes: u32, number: u32) -> Vec<u32> {
    let Some(kind) = Kind::named(kind) else { return Vec::new() };
    let edges = edges(kind, nodes, u64::from(number) % GRAPHS);
    edges.iter().flat_map(|edge| [edge.a, edge.b]).collect()
}

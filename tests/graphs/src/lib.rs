//! The graphs that the comparison of graph algorithms is run on, and what is measured on them.
//!
//! Rules. Everything comes from a number, so native code, wasm and the libraries beside it see the
//! same graphs. Thirty-two graphs of one kind are visited in turn: looping over one lets the branch
//! predictor learn it, which flatters everybody two- to fourfold. A sample is one or more whole
//! turns, long enough that a browser's coarse clock can time it.

#![forbid(unsafe_code)]

mod kinds;
mod measure;
#[cfg(target_arch = "wasm32")]
mod web;

pub use kinds::{GRAPHS, KINDS, Kind, edges};
pub use measure::{Measured, Work, measure};

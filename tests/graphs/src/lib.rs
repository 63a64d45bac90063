//! The graphs that the comparison of graph algorithms is run on, and the work that is timed.
//!
//! Rules. Everything comes from a number, so native code, wasm and the libraries beside it see the
//! same graphs. Thirty-two graphs of one kind are visited in turn: looping over one lets the branch
//! predictor learn it, which flatters everybody two- to fourfold. There is no clock here: whoever
//! has one times whole turns.

#![forbid(unsafe_code)]

mod digest;
mod kinds;
#[cfg(target_arch = "wasm32")]
mod web;
mod work;

pub use kinds::{GRAPHS, KINDS, Kind, edges};
pub use work::{Prepared, Work};

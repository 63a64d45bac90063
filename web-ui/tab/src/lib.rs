//! The wasm that a browser loads: all of `bitcraps-web`, and nothing else.
//!
//! With link-time optimisation over all packages, the last one decides which passes run. The
//! client is compiled for size and would switch the vectoriser off for the graph package too; this
//! one is compiled for speed and has nothing in it that could grow.

#![forbid(unsafe_code)]

pub use bitcraps_web::*;

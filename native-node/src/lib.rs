//! The tokio shell around a peer: links, store, dashboard and command line.
//!
//! The peer itself is `bitcraps_core::node::Node`; this crate gives it sockets, a clock, a disk
//! and people. It decides nothing about the mesh or a table. [`start::start`] runs a node inside
//! the caller's runtime, which is what the binary, the tests and the benchmarks do.

#![forbid(unsafe_code)]

pub mod admission;
pub mod clock;
pub mod components;
pub mod config;
pub mod counters;
pub mod discovery;
pub mod driver;
pub mod http;
pub mod identity;
pub mod start;
pub mod store;
pub mod transport;

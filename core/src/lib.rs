//! The peer without I/O: one encrypted mesh, and the craps tables its peers agree on.
//!
//! Everything here is a state machine. Bytes, time and randomness come in as arguments; what to
//! send, when to wake, what to store and what to tell the user come out as values. The same code
//! is driven by tokio (`native-node`), by a browser tab (`web-ui`) and by a seeded simulator
//! (`sim`).
//!
//! Shells use [`node::Node`] and the types it takes and gives; `docs/ARCHITECTURE.md` says which
//! room may look into which.

#![forbid(unsafe_code)]

// Layer 0: std only (and one hash).
pub mod id;
pub mod limits;
pub mod seed;
pub mod sorted;
pub mod store;
pub mod time;
pub mod transport;

// Layer 1.
pub mod crypto;
pub use bitcraps_graph as graph;

// Layer 2.
pub mod craps;

// Layer 3: protocols. They never import each other; they meet in `node`.
pub mod agree;
pub mod discover;
pub mod elect;
pub mod heal;
pub mod health;
pub mod link;
pub mod map;
pub mod route;
pub mod trust;

// Layer 4.
pub mod game;
pub mod wire;

// Layer 5.
pub mod node;

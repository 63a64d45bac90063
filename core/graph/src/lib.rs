//! Algorithms on compact index graphs: what a mesh must know of itself, exact and fast.
//!
//! Rules. Nodes are `0..nodes` as `u32`; names, protocols and clocks are somebody else's. Equal
//! graphs give equal answers on every machine: ties are broken by index, never by address or hash,
//! and where chance helps it comes from a seed. Whatever is asked again and again owns its buffers
//! and reuses them. Each function names its complexity and its source.
//!
//! It is a package of its own, so that it is compiled for speed where the rest of the browser
//! client is compiled for size.

#![forbid(unsafe_code)]

mod communities;
mod components;
mod connectivity;
mod csr;
mod disjoint;
mod distances;
mod figures;
mod flow;
mod hops;
mod joined;
pub mod layout;
mod live;
mod random;
mod reliability;
mod shortest;
mod snapshot;
mod spanning;
mod waves;

pub use communities::{Communities, modularity};
pub use components::components;
pub use connectivity::{Cut, edge_connectivity};
pub use csr::{Edge, Graph};
pub use disjoint::{Disjoint, disjoint_paths};
pub use distances::{DistanceFigures, Distances};
pub use figures::{CutEdge, CutNode, Figures};
pub use flow::{CapacityEdge, Flow, max_flow};
pub use hops::{HOP_NODES_MAX, HopTable, TooManyNodes};
pub use live::{Effort as EditEffort, Live};
pub use reliability::{EFFORT, Effort, FailingEdge, Method, Reliability, Risk, documents_risk};
pub use shortest::{Tree, path_avoiding, shortest_paths};
pub use snapshot::{Analyser, Storage};
pub use spanning::{SpanningForest, minimum_spanning_forest};

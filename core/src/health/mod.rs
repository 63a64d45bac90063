//! What the mesh is like now, what is unusual about it, and what is likely to come.
//!
//! Nothing here acts: `heal` does, on what is found here.

mod words;

pub use words::{
    AlertKind, Detector, METRICS, Metric, Risk, RiskMethod, Severity, Snapshot, Subject,
};

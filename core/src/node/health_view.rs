//! The health of the mesh as dashboards show it: part of the JSON of `GET /api/v1/view`.
//!
//! Fields are only ever added (`docs/API.md`). What was not measured is `None`, never 0.

use super::Transport;
use crate::{
    heal::{Goal as RepairGoal, State as RepairState},
    health::{AlertKind, Detector, Metric, Risk, Severity, Snapshot, Subject},
    id::{PeerId, TableId},
};
use serde::{Deserialize, Serialize};

/// What a node knows of the health of its mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthView {
    /// The newest snapshot; missing before the first.
    pub snapshot: Option<Snapshot>,
    pub age_ms: Option<u64>,
    /// Largest loss first.
    pub cut_nodes: Vec<CutNodeView>,
    pub cut_edges: Vec<CutEdgeView>,
    /// Communities, each ascending; a community keeps its place from one snapshot to the next.
    pub clusters: Vec<Vec<PeerId>>,
    /// That the members of a table that reach each other now split within the horizon.
    pub tables: Vec<TableRiskView>,
    /// Those that stand first, then the last that were cleared, newest first.
    pub alerts: Vec<AlertView>,
    /// Newest first.
    pub anomalies: Vec<AnomalyView>,
    pub forecasts: Vec<ForecastView>,
    /// Most urgent first.
    pub advice: Vec<AdviceView>,
    /// Nodes that the tables of this node hang on, the one that cuts most off first.
    #[serde(default)]
    pub relays: Vec<RelayView>,
    /// Newest first.
    pub repairs: Vec<RepairView>,
    /// Oldest first. Only filled when it is asked for.
    pub history: Vec<SampleView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutNodeView {
    pub peer_id: PeerId,
    /// Nodes that would be cut off with it.
    pub cuts_off: u32,
    /// Share of the pairs of other nodes in its part that only it joins.
    pub load: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutEdgeView {
    pub a: PeerId,
    pub b: PeerId,
    pub cuts_off: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableRiskView {
    pub table_id: TableId,
    pub risk: Risk,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertView {
    pub kind: AlertKind,
    pub severity: Severity,
    /// The figure when it was raised, and what it must not pass.
    pub value: f64,
    pub threshold: f64,
    /// How long ago it was raised.
    pub raised_ms: u64,
    /// How long ago it was cleared; missing while it stands.
    pub cleared_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnomalyView {
    pub subject: Subject,
    pub metric: Metric,
    pub detector: Detector,
    pub severity: Severity,
    pub value: f64,
    /// What was usual, and how far from it this is in the detector's own unit.
    pub expected: f64,
    pub score: f64,
    pub age_ms: u64,
    /// What probably happened, as a sentence.
    pub cause: String,
    /// What to do about it, as a sentence.
    pub action: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForecastView {
    pub metric: Metric,
    pub now: f64,
    pub horizon_ms: u64,
    /// The expected figure at the horizon and the band it lies in nine times of ten; missing when
    /// past forecasts were no better than "as now".
    pub expected: Option<BandView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandView {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdviceView {
    pub severity: Severity,
    /// What to do and why, as a sentence with the figures behind it.
    pub text: String,
    /// The repair that would do it, when this node can; see `Command::Repair`.
    pub repair: Option<u64>,
}

/// A node whose loss would cut seats of a table off from its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayView {
    pub peer_id: PeerId,
    pub table_id: TableId,
    pub seats_cut: u32,
}

/// A link that should be made, or was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepairView {
    pub id: u64,
    pub a: PeerId,
    pub b: PeerId,
    /// What would carry it.
    pub transport: Option<Transport>,
    pub goal: RepairGoal,
    /// What it will gain, as a sentence.
    pub gain: String,
    pub state: RepairState,
    /// Since the state was entered.
    pub age_ms: u64,
}

/// One snapshot of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleView {
    pub age_ms: u64,
    pub snapshot: Snapshot,
}

/// A part of a node, as the node's own watch sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentView {
    pub name: String,
    pub state: ComponentState,
    /// Since it last reported; missing before its first report.
    pub last_report_ms: Option<u64>,
    /// How long its last check took.
    pub latency_ms: Option<f64>,
}

/// JSON form: `{"state": "degraded", "why": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ComponentState {
    Healthy,
    /// Not there and not missed: nothing is wrong.
    Off {
        why: String,
    },
    Degraded {
        why: String,
    },
    Unhealthy {
        error: String,
    },
    Unknown,
}

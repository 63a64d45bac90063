//! The figures of the mesh and the words that alerts, anomalies and forecasts share.
//!
//! Their JSON is part of the view (`docs/API.md`): fields are only ever added, and what was not
//! measured is `None`, never 0.

use crate::id::PeerId;
use serde::{Deserialize, Serialize};

/// One look at the mesh as the map shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub nodes: usize,
    /// Pairs of nodes that are linked; several transports count once.
    pub links: usize,
    /// Connected parts.
    pub parts: usize,
    /// One way, over all links that were measured.
    pub mean_latency_ms: Option<f64>,
    /// Mean of the links' reliability, 0 to 1.
    pub mean_reliability: Option<f64>,
    /// Longest shortest path within a part, in hops.
    pub diameter: u32,
    /// Mean of the local clustering over nodes with two links or more.
    pub clustering: Option<f64>,
    /// Nodes whose loss cuts others off, and links likewise.
    pub cut_nodes: usize,
    pub cut_edges: usize,
    /// Communities of nodes that are linked more among each other than with the rest.
    pub clusters: usize,
    /// The largest share, over all cut nodes, of the pairs of other nodes that only it joins;
    /// missing when there is no cut node.
    pub cut_node_load: Option<f64>,
    /// The risk formula of the documents that asked for this system: (cut nodes / nodes) ×
    /// max(0, (2 − mean degree) / 2). Shown because it was asked for; nothing is decided by it.
    pub documents_risk: f64,
    /// That what is one part now splits within the horizon; missing until links were watched for
    /// long enough.
    pub risk: Option<Risk>,
    /// Links that came or went, per minute, since the last snapshot.
    pub link_changes: f64,
    /// What this node received, of all its links, per second.
    pub bytes_in: f64,
    pub packets_in: f64,
    /// Frames that its links could not take, per second.
    pub congested: f64,
}

/// How likely it is that nodes that reach each other now do not at some time within the horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// 0 to 1.
    pub probability: f64,
    /// Half the width of its 95 % interval from sampling; 0 when it is exact.
    pub error: f64,
    pub method: RiskMethod,
    pub horizon_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskMethod {
    Exact,
    Sampled,
}

/// Every figure that is watched over time. The order is that of [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    Nodes,
    Links,
    Parts,
    MeanLatency,
    MeanReliability,
    Diameter,
    Clustering,
    CutNodes,
    CutEdges,
    CutNodeLoad,
    Risk,
    LinkChanges,
    BytesIn,
    PacketsIn,
    Congested,
}

pub const METRICS: [Metric; 15] = [
    Metric::Nodes,
    Metric::Links,
    Metric::Parts,
    Metric::MeanLatency,
    Metric::MeanReliability,
    Metric::Diameter,
    Metric::Clustering,
    Metric::CutNodes,
    Metric::CutEdges,
    Metric::CutNodeLoad,
    Metric::Risk,
    Metric::LinkChanges,
    Metric::BytesIn,
    Metric::PacketsIn,
    Metric::Congested,
];

impl Snapshot {
    /// `None` for what was not measured.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Nodes => Some(self.nodes as f64),
            Metric::Links => Some(self.links as f64),
            Metric::Parts => Some(self.parts as f64),
            Metric::MeanLatency => self.mean_latency_ms,
            Metric::MeanReliability => self.mean_reliability,
            Metric::Diameter => Some(f64::from(self.diameter)),
            Metric::Clustering => self.clustering,
            Metric::CutNodes => Some(self.cut_nodes as f64),
            Metric::CutEdges => Some(self.cut_edges as f64),
            Metric::CutNodeLoad => self.cut_node_load,
            Metric::Risk => self.risk.map(|risk| risk.probability),
            Metric::LinkChanges => Some(self.link_changes),
            Metric::BytesIn => Some(self.bytes_in),
            Metric::PacketsIn => Some(self.packets_in),
            Metric::Congested => Some(self.congested),
        }
    }
}

/// What a reading is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The mesh as a whole, or this node's traffic as a whole.
    Mesh,
    /// The neighbour with this id and the link to it.
    Neighbour(PeerId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

/// How an anomaly was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// Distance from the mean in standard deviations.
    ZScore,
    /// Distance from the median in median absolute deviations.
    Median,
    /// A lasting shift, by cumulative sums.
    ChangePoint,
    /// A step between two readings.
    RateOfChange,
}

/// What an alert is about; the threshold is in the health settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Partition risk above its threshold.
    Risk,
    /// Diameter above its threshold.
    Diameter,
    /// Clustering below its threshold.
    Clustering,
    /// A cut node joins too large a share of all pairs.
    CutNodeLoad,
    /// The mesh is in more than one part.
    Partitioned,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_listed_once_in_order() {
        assert!(METRICS.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(METRICS[METRICS.len() - 1], Metric::Congested);
    }

    #[test]
    fn a_snapshot_tells_nothing_it_did_not_measure() {
        let nothing = Snapshot::default();
        let missing: Vec<Metric> =
            METRICS.into_iter().filter(|m| nothing.value(*m).is_none()).collect();
        assert_eq!(
            missing,
            [
                Metric::MeanLatency,
                Metric::MeanReliability,
                Metric::Clustering,
                Metric::CutNodeLoad,
                Metric::Risk
            ]
        );
    }
}

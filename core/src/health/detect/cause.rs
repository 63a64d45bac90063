//! What probably happened, from which figures moved together, and what to do about it.

use crate::health::{Metric, Severity, Subject};

/// Anomalies of one subject and cause are one incident, whichever figure shows it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Partition,
    NodesLost,
    LinksLost,
    Flapping,
    Fragile,
    Slow,
    Lossy,
    Failing,
    Congestion,
    Flood,
    Busier,
}

impl Cause {
    /// `moved` tells whether another figure of the same subject is out, too.
    pub fn of(subject: Subject, metric: Metric, moved: impl Fn(Metric) -> bool) -> Cause {
        match metric {
            Metric::Parts => Cause::Partition,
            Metric::Nodes => Cause::NodesLost,
            Metric::Links => Cause::LinksLost,
            Metric::LinkChanges => Cause::Flapping,
            Metric::Congested => Cause::Congestion,
            Metric::MeanLatency | Metric::MeanReliability if moved(Metric::Congested) => {
                Cause::Congestion
            }
            Metric::MeanLatency if moved(Metric::MeanReliability) => Cause::Failing,
            Metric::MeanReliability if moved(Metric::MeanLatency) => Cause::Failing,
            Metric::MeanLatency => Cause::Slow,
            Metric::MeanReliability => Cause::Lossy,
            Metric::BytesIn | Metric::PacketsIn => match subject {
                Subject::Neighbour(_) => Cause::Flood,
                Subject::Mesh => Cause::Busier,
            },
            Metric::Diameter
            | Metric::Clustering
            | Metric::CutNodes
            | Metric::CutEdges
            | Metric::CutNodeLoad
            | Metric::Risk => Cause::Fragile,
        }
    }

    /// Whether nothing new is said by `other` after this was told: lost nodes and links are how a
    /// mesh that fell apart looks, and fewer ways through it how lost links do.
    pub fn covers(self, other: Cause) -> bool {
        let rank = |cause| match cause {
            Cause::Partition => Some(0),
            Cause::NodesLost => Some(1),
            Cause::LinksLost => Some(2),
            Cause::Fragile => Some(3),
            Cause::Flapping
            | Cause::Slow
            | Cause::Lossy
            | Cause::Failing
            | Cause::Congestion
            | Cause::Flood
            | Cause::Busier => None,
        };
        self == other || rank(self).zip(rank(other)).is_some_and(|(told, new)| told < new)
    }

    pub fn severity(self) -> Severity {
        match self {
            Cause::Partition => Severity::Critical,
            Cause::Fragile | Cause::Busier => Severity::Info,
            Cause::NodesLost
            | Cause::LinksLost
            | Cause::Flapping
            | Cause::Slow
            | Cause::Lossy
            | Cause::Failing
            | Cause::Congestion
            | Cause::Flood => Severity::Warning,
        }
    }

    /// Says where and what, with the figures, as a sentence.
    pub fn sentence(self, subject: Subject, metric: Metric, value: f64, usual: f64) -> String {
        let place = match subject {
            Subject::Mesh => String::new(),
            Subject::Neighbour(peer) => peer.short(),
        };
        let (before, after) = match (self, subject) {
            (Cause::Partition, _) => ("Nodes died or were cut off, so the mesh fell apart", ""),
            (Cause::NodesLost, _) => ("Nodes left the mesh or died", ""),
            (Cause::LinksLost, _) => ("Links were lost", ""),
            (Cause::Flapping, Subject::Neighbour(_)) => ("The link to ", " comes and goes"),
            (Cause::Flapping, Subject::Mesh) => ("Links come and go", ""),
            (Cause::Fragile, _) => ("The mesh has lost links that held it together", ""),
            (Cause::Slow, Subject::Neighbour(_)) => ("The link to ", " has become slower"),
            (Cause::Slow, Subject::Mesh) => ("Links of the mesh have become slower", ""),
            (Cause::Lossy, Subject::Neighbour(_)) => ("The link to ", " loses packets"),
            (Cause::Lossy, Subject::Mesh) => ("Links of the mesh lose packets", ""),
            (Cause::Failing, Subject::Neighbour(_)) => {
                ("The link to ", " is slow and loses packets")
            }
            (Cause::Failing, Subject::Mesh) => ("Links of the mesh are slow and lose packets", ""),
            (Cause::Congestion, Subject::Neighbour(_)) => ("The link to ", " carries all it can"),
            (Cause::Congestion, Subject::Mesh) => ("A link of this node carries all it can", ""),
            (Cause::Flood, _) => ("", " floods this node"),
            (Cause::Busier, _) => ("Much more than usual arrives at this node", ""),
        };
        let name = name(metric);
        format!("{before}{place}{after}: {name} is {}, usually {}.", short(value), short(usual))
    }

    pub fn action(self) -> &'static str {
        match self {
            Cause::Partition => {
                "Bring the parts within reach of each other, or link a node of each."
            }
            Cause::NodesLost => "Find out whether they were stopped; start them again if not.",
            Cause::LinksLost => "Watch whether they return; add links where nodes now hang on one.",
            Cause::Flapping => "Move the nodes closer or use another transport between them.",
            Cause::Fragile => "Add links around the cut nodes.",
            Cause::Slow => "Prefer another path; look for interference or a busy network.",
            Cause::Lossy => "Move the nodes closer, or use another transport between them.",
            Cause::Failing => "Add another link before this one fails.",
            Cause::Congestion => "Send less over it, or add a link beside it.",
            Cause::Flood => "Hang up if it goes on: no peer needs to send so much.",
            Cause::Busier => "Nothing, if a table was opened; else look which neighbour sends it.",
        }
    }
}

fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Nodes => "nodes",
        Metric::Links => "links",
        Metric::Parts => "parts",
        Metric::MeanLatency => "latency in ms",
        Metric::MeanReliability => "the share of answered pings",
        Metric::Diameter => "the diameter in hops",
        Metric::Clustering => "clustering",
        Metric::CutNodes => "the number of cut nodes",
        Metric::CutEdges => "the number of cut links",
        Metric::CutNodeLoad => "the load of a cut node",
        Metric::Risk => "the risk of a split",
        Metric::LinkChanges => "link changes per minute",
        Metric::BytesIn => "bytes received per second",
        Metric::PacketsIn => "frames received per second",
        Metric::Congested => "frames refused per second",
    }
}

/// Two decimals below 10, none above or where there is nothing behind the point.
fn short(value: f64) -> String {
    let decimals = if value.abs() < 10.0 && value.fract() != 0.0 { 2 } else { 0 };
    format!("{value:.decimals$}")
}

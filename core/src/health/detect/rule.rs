//! What is noise and what is bad, figure by figure.
//!
//! Rules. Every figure has a side on which it is bad: a mesh that grows or a link that becomes
//! faster is no anomaly. Every figure has a least spread, because a figure that never moved has
//! none of its own, and the first ripple would be infinitely far from usual. A reading is out
//! when it is [`ROBUST_LIMIT`](super::ROBUST_LIMIT) spreads on the bad side, so a quarter of what
//! is worth telling is the least spread here.

use crate::health::{Metric, Subject};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    Up,
    Down,
}

impl Bad {
    /// How far `value` lies from `usual` on the bad side; negative on the good side.
    pub fn distance(self, value: f64, usual: f64) -> f64 {
        match self {
            Bad::Up => value - usual,
            Bad::Down => usual - value,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub bad: Bad,
    /// The least spread: so much in the unit of the figure, and so much of what is usual.
    pub floor: f64,
    pub floor_share: f64,
    /// An anomaly is `needed` readings out of the `last` ones that are out.
    pub needed: u32,
    pub last: u32,
}

const fn level(bad: Bad, floor: f64, floor_share: f64, needed: u32) -> Rule {
    Rule { bad, floor, floor_share, needed, last: needed }
}

const fn rate(floor: f64, floor_share: f64, needed: u32, last: u32) -> Rule {
    Rule { bad: Bad::Up, floor, floor_share, needed, last }
}

/// The rule of one series. Floors are guesses but where a comment says otherwise.
pub(super) fn rule(subject: Subject, metric: Metric) -> Rule {
    match (metric, subject) {
        // Whole numbers: one part, and one node or link of up to fifty, is worth
        // telling when it stays so.
        (Metric::Nodes | Metric::Links, _) => level(Bad::Down, 0.2, 0.001, 2),
        (Metric::Parts, _) => level(Bad::Up, 0.25, 0.0, 2),
        // Smoothed over eight pings, so a single late answer lasts for three readings.
        (Metric::MeanLatency, _) => level(Bad::Up, 2.0, 0.1, 4),
        // One lost ping takes 0.1 away; three in half a minute happen on a good radio.
        (Metric::MeanReliability, Subject::Neighbour(_)) => level(Bad::Down, 0.075, 0.0, 2),
        (Metric::MeanReliability, Subject::Mesh) => level(Bad::Down, 0.03, 0.0, 4),
        (Metric::Diameter, _) => level(Bad::Up, 0.5, 0.05, 3),
        (Metric::Clustering, _) => level(Bad::Down, 0.05, 0.0, 3),
        (Metric::CutNodes | Metric::CutEdges, _) => level(Bad::Up, 0.5, 0.05, 3),
        (Metric::CutNodeLoad | Metric::Risk, _) => level(Bad::Up, 0.1, 0.0, 3),
        // One change in 5 s is 12 a minute. A node that leaves or returns is over within two or
        // three readings; what still changes after that flaps.
        (Metric::LinkChanges, _) => rate(3.0, 0.5, 4, 12),
        (Metric::BytesIn, _) => rate(10_000.0, 0.5, 3, 3),
        (Metric::PacketsIn, _) => rate(12.5, 0.5, 3, 3),
        (Metric::Congested, _) => rate(0.25, 0.5, 2, 6),
    }
}

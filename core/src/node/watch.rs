//! The health room's place in the node: what it is fed with, and how its findings are told.

use super::{
    AdviceView, CutEdgeView, CutNodeView, HealthView, Node, SampleView, TableRiskView,
    picture::millis,
};
use crate::{
    health::{self, NeighbourReading, Readings},
    id::{PeerId, TableId},
    map::{self, KnownPeer},
    sorted::SortedMap,
    time::Instant,
};

/// Packets of each neighbour since its link opened.
#[derive(Default)]
pub(super) struct Heard(SortedMap<PeerId, u64>);

impl Heard {
    pub(super) fn on_packet(&mut self, from: PeerId) {
        *self.0.or_default(from) += 1;
    }

    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }
}

impl Node {
    /// Tells the health room what the map shows.
    pub(super) fn watch_topology(&mut self, now: Instant) {
        let left = |peer: &&KnownPeer| peer.links().is_empty() && peer.id() != self.identity.id();
        let topology = health::Topology {
            nodes: self.map.peers().map(KnownPeer::id).collect(),
            left: self.map.peers().filter(left).map(KnownPeer::id).collect(),
            links: merged(self.map.edges()),
        };
        self.health.on_topology(topology, now);
    }

    /// Takes a snapshot; the caller has seen that one is due.
    pub(super) fn take_snapshot(&mut self, now: Instant) {
        let counters = self.links.counters();
        let readings = Readings {
            bytes_in: counters.bytes_in,
            packets_in: counters.packets_in,
            congested: counters.congested,
            neighbours: self.links.neighbours().map(|n| self.neighbour_reading(&n)).collect(),
            tables: self
                .tables
                .sessions()
                .map(|s| (s.id(), s.ledger().seats().map(|(_, seat)| seat.peer).collect()))
                .collect(),
        };
        self.health.on_timeout(readings, now);
    }

    fn neighbour_reading(&self, neighbour: &crate::link::Neighbour) -> NeighbourReading {
        NeighbourReading {
            peer: neighbour.peer,
            rtt: neighbour.rtt,
            reliability: neighbour.reliability,
            packets_in: self.heard.0.get(&neighbour.peer).copied().unwrap_or_default(),
        }
    }

    pub(super) fn drain_health(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.health.poll_output() {
            busy = true;
            match output {
                health::Output::SnapshotTaken => self.tell_tables(now),
            }
        }
        busy
    }

    /// Betting rests at a table whose members may lose each other.
    fn tell_tables(&mut self, now: Instant) {
        let tables: Vec<TableId> = self.tables.sessions().map(|session| session.id()).collect();
        for table in tables {
            let mut risks = self.health.table_risks().iter();
            let risk = risks.find(|(of, _)| *of == table).map(|(_, risk)| *risk);
            self.tables.on_risk(table, risk, &self.identity, now);
        }
    }

    /// What this node knows of the health of its mesh, without the history.
    pub fn health(&self, now: Instant) -> HealthView {
        let mesh = self.health.mesh();
        let id = |node: u32| mesh.ids[node as usize];
        let loads = self.health.cut_node_loads();
        let cut_node = |(cut, load): (&crate::graph::CutNode, &f64)| CutNodeView {
            peer_id: id(cut.node),
            cuts_off: cut.cuts_off,
            load: *load,
        };
        let cut_edge = |cut: &crate::graph::CutEdge| CutEdgeView {
            a: id(cut.a),
            b: id(cut.b),
            cuts_off: cut.cuts_off,
        };
        let mut view = HealthView {
            snapshot: self.health.snapshot().map(|(_, snapshot)| snapshot.clone()),
            age_ms: self.health.snapshot().map(|(at, _)| millis(now, at)),
            cut_nodes: mesh.figures.cut_nodes.iter().zip(loads).map(cut_node).collect(),
            cut_edges: mesh.figures.cut_edges.iter().map(cut_edge).collect(),
            tables: self.table_risks(),
            advice: self.advice(),
            ..HealthView::default()
        };
        view.cut_nodes.sort_by_key(|cut| core::cmp::Reverse(cut.cuts_off));
        view.cut_edges.sort_by_key(|cut| core::cmp::Reverse(cut.cuts_off));
        view
    }

    /// The snapshots of the past, oldest first: at most [`health::HISTORY_MAX`].
    pub fn health_history(&self, now: Instant) -> Vec<SampleView> {
        let sample = |(at, snapshot): (Instant, &health::Snapshot)| SampleView {
            age_ms: millis(now, at),
            snapshot: snapshot.clone(),
        };
        self.health.history().map(sample).collect()
    }

    fn table_risks(&self) -> Vec<TableRiskView> {
        let view = |(table_id, risk): &_| TableRiskView { table_id: *table_id, risk: *risk };
        self.health.table_risks().iter().map(view).collect()
    }

    fn advice(&self) -> Vec<AdviceView> {
        let name = |peer: PeerId| match self.map.peer(peer) {
            Some(known) => known.name().to_owned(),
            None => peer.short(),
        };
        let view = |advice: health::Advice| AdviceView {
            severity: advice.severity,
            text: advice.text,
            repair: None,
        };
        self.health.advice(&name).into_iter().map(view).collect()
    }
}

/// Several transports between two nodes are one link, as good as the best of them.
fn merged(edges: &[map::Edge]) -> Vec<health::Link> {
    let mut links: Vec<health::Link> = Vec::with_capacity(edges.len());
    for edge in edges {
        let (a, b, latency, reliability) = (edge.a, edge.b, edge.latency, edge.reliability);
        match links.last_mut().filter(|link| (link.a, link.b) == (a, b)) {
            Some(link) => {
                link.latency = link.latency.into_iter().chain(latency).min();
                link.reliability = link.reliability.max(reliability);
            }
            None => links.push(health::Link { a, b, latency, reliability }),
        }
    }
    links
}

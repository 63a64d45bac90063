//! The healing room's place in the node: what it is fed with, and what it asks for.
//!
//! Rules. Parts of the mesh are told as soon as the map knows them, because a table stands still
//! while its members cannot reach each other; everything else is planned on snapshots. A node
//! whose driver can dial nothing plans nothing, and is not made to read all announcements.

use super::{
    Address, CommandError, Config, Event, Node, Output, RelayView, RepairGoal, RepairState,
    RepairView, message::Announced, picture::millis,
};
use crate::{
    discover::WEBRTC_SCHEME,
    heal::{self, Heard, STATES},
    health::About,
    id::{PeerId, TableId},
    map::KnownPeer,
    time::Instant,
};
use std::collections::BTreeMap;

/// What the room is told of this node.
pub(super) fn settings(config: &Config) -> heal::Config {
    let announced: Vec<String> = config.addresses.iter().map(|a| a.0.clone()).collect();
    heal::Config {
        mode: config.healing,
        // A tab is met through the mesh, which is of no use to whoever lost the mesh.
        schemes: config.dials.iter().filter(|s| *s != WEBRTC_SCHEME).cloned().collect(),
        kept: config.dial.iter().map(|address| address.0.clone()).collect(),
        listening: heal::Listening::at(&announced),
        diameter_max: config.health.thresholds.diameter,
        clustering_min: (config.health.thresholds.clustering * 1000.0) as u32,
        ..heal::Config::default()
    }
}

impl Node {
    fn mends(&self) -> bool {
        self.heal.can_dial()
    }

    /// Tells whom a path leads to.
    pub(super) fn mend_parts(&mut self, now: Instant) {
        let own = self.identity.id();
        let part = self.map.parts().iter().find(|part| part.binary_search(&own).is_ok());
        if let Some(part) = part.filter(|part| self.mends() && self.heal.is_news(part)) {
            let part = part.clone();
            self.heal.on_peers(self.announced_peers(), now);
            self.heal.on_part(part, now);
        }
    }

    /// Shows the newest snapshot.
    pub(super) fn mend_mesh(&mut self, now: Instant) {
        if self.mends() {
            self.heal.on_peers(self.announced_peers(), now);
        }
        let seats = |s: &crate::game::Session| s.ledger().seats().map(|(_, s)| s.peer).collect();
        let tables: Vec<Vec<PeerId>> = self.tables.sessions().map(seats).collect();
        self.tables_shown = self.tables.sessions().map(crate::game::Session::id).collect();
        let mesh = self.health.mesh();
        let mesh = heal::Mesh { ids: mesh.ids, graph: mesh.graph, figures: mesh.figures };
        self.heal.on_mesh(&mesh, &tables, now);
    }

    fn announced_peers(&self) -> Vec<Heard> {
        let heard = |peer: &KnownPeer| {
            let announced = Announced::decode(peer.extra());
            Heard {
                peer: peer.id(),
                addresses: announced.addresses,
                near: peer.links().iter().map(|link| link.peer).collect(),
                mended: announced.mended,
            }
        };
        self.map.peers().map(heard).collect()
    }

    pub(super) fn drain_heal(&mut self) -> bool {
        let mut busy = false;
        while let Some(output) = self.heal.poll_output() {
            busy = true;
            match output {
                heal::Output::Dial { address } => {
                    self.out.push_back(Output::Dial { address: Address(address) });
                }
                heal::Output::Tried { repair, peer, goal } => {
                    self.tell(Event::RepairTried { repair, peer_id: peer, goal });
                }
                heal::Output::Ended { repair, peer, goal, state } => {
                    self.tell(Event::RepairEnded { repair, peer_id: peer, goal, state });
                }
            }
        }
        busy
    }

    pub(super) fn repair(
        &mut self,
        repair: u64,
        now: Instant,
    ) -> Result<Option<TableId>, CommandError> {
        let applied = self.heal.apply(repair, now);
        applied.map(|()| None).map_err(|heal::Unknown| CommandError::UnknownRepair { repair })
    }

    /// A repair that waits and would do what is advised.
    pub(super) fn repair_about(&self, about: About) -> Option<u64> {
        let (goal, around) = match about {
            About::Parts => (RepairGoal::JoinParts, None),
            About::CutNode(peer) => (RepairGoal::Bypass, Some(peer)),
            About::CutEdge(..) | About::WeakLink(..) | About::Risk => (RepairGoal::Bypass, None),
            About::Diameter => (RepairGoal::Shortcut, None),
            About::Clustering => (RepairGoal::Thicken, None),
            About::Congestion => return None,
        };
        self.heal.waiting(goal, around)
    }

    pub(super) fn repair_views(&self, now: Instant) -> Vec<RepairView> {
        let own = self.identity.id();
        let view = |repair: heal::Shown| RepairView {
            id: repair.id,
            a: own.min(repair.peer),
            b: own.max(repair.peer),
            transport: repair.transport,
            goal: repair.goal,
            gain: repair.gain,
            state: repair.state,
            age_ms: millis(now, repair.since),
        };
        self.heal.repairs().into_iter().map(view).collect()
    }

    pub(super) fn relay_views(&self) -> Vec<RelayView> {
        let view = |relay: &heal::Relay| RelayView {
            peer_id: relay.peer,
            table_id: self.tables_shown[relay.table],
            seats_cut: relay.seats_cut,
        };
        self.heal.relays().iter().map(view).collect()
    }

    /// How often repairs came to be in each state; states never entered are left out.
    pub(super) fn repair_counts(&self) -> BTreeMap<RepairState, u64> {
        let counts = STATES.into_iter().zip(self.heal.entered());
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

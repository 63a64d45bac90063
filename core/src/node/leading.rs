//! Who leads: what the election room is shown, and what follows from what it says.
//!
//! The end of a leader is noticed by its neighbours, which ask it more often than others; from
//! them the map learns it, and from the map everybody.

use super::{Event, LeaderView, Node, picture::millis};
use crate::{
    elect::{self, Elector, Worth},
    id::PeerId,
    map::KnownPeer,
    route::Delivery,
    sorted::SortedMap,
    time::Instant,
    transport::Class,
    trust::Deed,
    wire::{Body, News},
};

impl Node {
    /// Everybody of this node's part of the map may vote.
    pub(super) fn show_electors(&mut self, now: Instant) {
        let own = self.identity.id();
        let part = self.map.parts().iter().find(|part| part.binary_search(&own).is_ok());
        let Some(part) = part else { return };
        let mut links: SortedMap<PeerId, usize> = SortedMap::new();
        for edge in self.map.edges() {
            *links.or_default(edge.a) += 1;
            *links.or_default(edge.b) += 1;
        }
        let elector = |peer: &KnownPeer| Elector {
            peer: peer.id(),
            key: peer.card().key,
            kind: peer.kind(),
            links: links.get(&peer.id()).copied().unwrap_or_default(),
            trust: self.trust.of(peer.id(), now),
        };
        let peers = part.iter().filter_map(|peer| self.map.peer(*peer));
        let electors = peers.map(elector).collect();
        self.elect.on_electors(electors, now);
    }

    /// Whether what was said of an election is news.
    pub(super) fn election(&mut self, bytes: &[u8], now: Instant) -> bool {
        self.elect.on_bytes(bytes, &self.identity, now) == Worth::Relay
    }

    pub(super) fn drain_elect(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.elect.poll_output() {
            busy = true;
            match output {
                elect::Output::Flood(bytes) => {
                    self.router.flood(News::Election(&bytes).encode());
                }
                elect::Output::Send { to, bytes } => {
                    let body = Body::Election(&bytes).encode();
                    // A vote that is lost is asked for again by the next candidacy.
                    let _ = self.router.send(to, &body, Class::Mesh, Delivery::Acked, now);
                }
                elect::Output::Elected { leader, term } => {
                    self.links.watch(Some(leader), now);
                    self.tell(Event::LeaderElected { peer_id: leader, term });
                }
                elect::Output::Lost { leader, term } => {
                    self.links.watch(None, now);
                    self.tell(Event::LeaderLost { peer_id: leader, term });
                }
                elect::Output::DoubleVote { culprit, term } => {
                    self.trust.on_deed(culprit, Deed::Equivocated, now);
                    self.tell(Event::DoubleVote { culprit, term });
                }
            }
        }
        busy
    }

    pub(super) fn leader_view(&self, now: Instant) -> Option<LeaderView> {
        let leader = self.elect.leader()?;
        Some(LeaderView {
            peer_id: leader.peer,
            term: leader.term,
            age_ms: millis(now, leader.since),
            votes: leader.votes(),
            electors: self.elect.electors(),
        })
    }
}

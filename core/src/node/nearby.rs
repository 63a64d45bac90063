//! The discovery room's place in the node: what it is fed with, and what it asks for.
//!
//! Rules. Only tabs meet (`NodeKind::Browser` that announce the ability), so that no other
//! announcement has to be read when the map changes. What a shell signals goes to peers that the
//! map shows as able to meet, and comes from such peers alone.

use super::{
    Address, Config, Event, NearbyView, Node, NodeKind, Output,
    message::{Announced, Meets},
    picture::millis,
};
use crate::{
    discover::{self, Circumstances, Near, News, Prefix, Sighting, WEBRTC_SCHEME, prefix_of},
    game,
    id::PeerId,
    map::KnownPeer,
    route::Delivery,
    time::Instant,
    transport::Class,
    trust::Deed,
    wire::Body,
};

/// What the room is told of this node.
pub(super) fn settings(config: &Config, own: PeerId) -> discover::Config {
    discover::Config {
        own,
        work_bits: config.work_bits,
        schemes: config.dials.clone(),
        kept: config.dial.iter().map(|address| address.0.clone()).collect(),
    }
}

/// What this node announces of its ways to meet.
pub(super) fn meets(config: &Config) -> Meets {
    let webrtc = config.dials.iter().any(|scheme| scheme == WEBRTC_SCHEME);
    if webrtc { Meets::WEBRTC } else { Meets::NOT }
}

impl Node {
    /// Tells who can be met, after the map or the paths changed.
    pub(super) fn meet(&mut self) {
        if !self.discover.meets() {
            return;
        }
        let own = self.identity.id();
        let tabs = self.map.peers().filter(|peer| can_meet(peer)).map(KnownPeer::id);
        let tabs = tabs.filter(|peer| *peer != own && self.router.reachable(*peer)).collect();
        self.discover.on_tabs(tabs);
    }

    fn meets_peer(&self, peer: PeerId) -> bool {
        self.map.peer(peer).is_some_and(can_meet)
    }

    /// The shell says something to a peer. What is refused is counted; the shell hears nothing of
    /// it, as of anything that gets lost on the way: it has a time-out of its own.
    pub(super) fn signal(&mut self, to: PeerId, body: &[u8], now: Instant) {
        let known = self.meets_peer(to);
        if self.discover.check_outgoing(to, body, known, now).is_ok() {
            let body = Body::Signal(body).encode();
            // Out of reach is as good as lost on the way.
            let _ = self.router.send(to, &body, Class::Mesh, Delivery::Acked, now);
        }
    }

    /// A peer's shell said something.
    pub(super) fn signalled(&mut self, from: PeerId, body: &[u8], now: Instant) {
        let known = self.meets_peer(from);
        if self.discover.check_incoming(from, body, known, now).is_ok() {
            self.out.push_back(Output::Signal { from, body: body.to_vec() });
        }
    }

    /// What the shell noticed. What is refused is counted.
    pub(super) fn sighted(&mut self, sighting: Sighting, now: Instant) {
        let _ = self.discover.on_sighted(sighting, now);
    }

    /// What a peer sent to this one, by what it says of itself.
    pub(super) fn delivered(&mut self, from: PeerId, body: &[u8], now: Instant) {
        match Body::decode(body) {
            Ok(Body::Game(bytes)) => match game::message::Message::decode(bytes) {
                Ok(message) => self.tables.on_message(from, message, &self.identity, now),
                Err(_) => self.garbled(from, now),
            },
            Ok(Body::Signal(body)) => self.signalled(from, body, now),
            Ok(Body::Election(body)) => {
                self.election(body, now);
            }
            Err(_) => self.garbled(from, now),
        }
    }

    /// What is sealed to this node is as its sender made it.
    fn garbled(&mut self, from: PeerId, now: Instant) {
        self.counted.decode_refused += 1;
        self.trust.on_deed(from, Deed::Garbage, now);
    }

    pub(super) fn drain_discover(&mut self, now: Instant) -> bool {
        let circumstances = Circumstances {
            gaming: self.tables.sessions().next().is_some(),
            missed: self.links.neighbours().next().is_none() || self.map.parts().len() > 1,
        };
        if let Some(plan) = self.discover.poll_plan(circumstances) {
            self.out.push_back(Output::Radio(plan));
        }
        while let Some(news) = self.discover.poll_news() {
            self.tell(match news {
                News::Sighted { address, transport } => {
                    Event::PeerSighted { address: Address(address), transport }
                }
                News::RangeChanged { address, distance_dm } => {
                    Event::PeerRangeChanged { address: Address(address), distance_dm }
                }
                News::Gone { address } => Event::PeerGone { address: Address(address) },
            });
        }
        let mut busy = false;
        while let Some(address) = self.discover.poll_dial(now) {
            busy = true;
            self.out.push_back(Output::Dial { address: Address(address) });
        }
        busy
    }

    pub(super) fn nearby_views(&self, now: Instant) -> Vec<NearbyView> {
        let view = |near: Near| NearbyView {
            peer_id: near.peer.or_else(|| self.only_peer_with(near.prefix)),
            address: near.address,
            transport: near.transport,
            rssi_dbm: near.rssi_dbm,
            distance_m: near.distance_m,
            age_ms: millis(now, near.heard_at),
        };
        self.discover.near().into_iter().map(view).collect()
    }

    /// Of two peers of the map with these first bytes, neither.
    fn only_peer_with(&self, prefix: Prefix) -> Option<PeerId> {
        let mut same = self.map.peers().map(KnownPeer::id).filter(|id| prefix_of(*id) == prefix);
        same.next().filter(|_| same.next().is_none())
    }
}

fn can_meet(peer: &KnownPeer) -> bool {
    peer.kind() == NodeKind::Browser && Announced::decode(peer.extra()).meets.has(Meets::WEBRTC)
}

//! The discovery room's place in the node: what it is fed with, and what it asks for.
//!
//! Rules. Only tabs meet (`NodeKind::Browser` that announce the ability), so that no other
//! announcement has to be read when the map changes. What a shell signals goes to peers that the
//! map shows as able to meet, and comes from such peers alone.

use super::{
    Address, Config, Node, NodeKind, Output,
    message::{Announced, Meets},
};
use crate::{
    discover::{self, WEBRTC_SCHEME},
    id::PeerId,
    map::KnownPeer,
    route::Delivery,
    time::Instant,
    transport::Class,
    wire::Body,
};

/// What the room is told of this node.
pub(super) fn settings(config: &Config, own: PeerId) -> discover::Config {
    discover::Config { own, schemes: config.dials.clone() }
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
    pub(super) fn signal(&mut self, to: PeerId, body: Vec<u8>, now: Instant) {
        let known = self.meets_peer(to);
        if self.discover.check_outgoing(to, &body, known, now).is_ok() {
            let body = Body::Signal(body).encode();
            // Out of reach is as good as lost on the way.
            let _ = self.router.send(to, &body, Class::Mesh, Delivery::Acked, now);
        }
    }

    /// A peer's shell said something.
    pub(super) fn signalled(&mut self, from: PeerId, body: Vec<u8>, now: Instant) {
        let known = self.meets_peer(from);
        if self.discover.check_incoming(from, &body, known, now).is_ok() {
            self.out.push_back(Output::Signal { from, body });
        }
    }

    pub(super) fn drain_discover(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(address) = self.discover.poll_dial(now) {
            busy = true;
            self.out.push_back(Output::Dial { address: Address(address) });
        }
        busy
    }
}

fn can_meet(peer: &KnownPeer) -> bool {
    peer.kind() == NodeKind::Browser && Announced::decode(peer.extra()).meets.has(Meets::WEBRTC)
}

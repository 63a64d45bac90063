//! The nodes and links of the map, as others may read them.

use super::message::{AnnouncedLink, VerifiedAnnouncement};
use crate::{
    crypto::identity::Card,
    id::{NodeKind, PeerId},
    time::{Duration, Instant},
    transport::Transport,
};

/// A link that both ends announce; `a` is the smaller id.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub a: PeerId,
    pub b: PeerId,
    pub transport: Transport,
    /// One way; missing until one end measured it.
    pub latency: Option<Duration>,
    /// 0 to 1.
    pub reliability: f32,
}

/// A node of the map: ourselves, or whoever announced itself and has not expired.
#[derive(Clone, Debug)]
pub struct KnownPeer {
    pub(super) said: VerifiedAnnouncement,
    pub(super) heard_at: Instant,
    /// Whether it ever was in one part with us.
    pub(super) joined: bool,
    pub(super) reachable: bool,
}

impl KnownPeer {
    pub fn id(&self) -> PeerId {
        self.said.id()
    }

    pub fn card(&self) -> Card {
        self.said.announcement().card
    }

    /// X25519 public key to seal to.
    pub fn link_key(&self) -> [u8; 32] {
        self.said.announcement().link_key
    }

    pub fn version(&self) -> u64 {
        self.said.announcement().version
    }

    pub fn kind(&self) -> NodeKind {
        self.said.announcement().kind
    }

    pub fn name(&self) -> &str {
        &self.said.announcement().name
    }

    /// Its own word on its links, ascending by peer and transport.
    pub fn links(&self) -> &[AnnouncedLink] {
        &self.said.announcement().links
    }

    /// What the layer above attached.
    pub fn extra(&self) -> &[u8] {
        &self.said.announcement().extra
    }

    /// When its newest announcement left it, as far as can be told.
    pub fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Whether the map shows a path to it.
    pub fn is_reachable(&self) -> bool {
        self.reachable
    }

    /// As it travels, signature included.
    pub fn announcement_bytes(&self) -> &[u8] {
        self.said.bytes()
    }
}

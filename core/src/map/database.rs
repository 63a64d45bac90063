//! What is known of every node, and the graph that follows from it.
//!
//! Rules. A version only ever rises: older ones are stale, the same one with other content is
//! refused. An edge exists when both of its ends announce each other, over whatever transport: an
//! end chooses its links by itself. Its transport is what the end with the smaller id says; its
//! latency is the larger and its reliability the smaller of what the ends say, so that both sides
//! of every node compute equal costs. A node that was forgotten stays remembered by its version
//! for a while, so that an old announcement which still travels does not bring it back. When the
//! map is full, a newcomer takes the place of the longest silent unreachable node, or is refused.

use super::{
    AnnouncementError, Config, Counters, Edge, Freshness, KnownPeer,
    message::{Announcement, VerifiedAnnouncement},
};
use crate::{
    graph::{self, Graph},
    id::PeerId,
    limits,
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
};
use core::cmp::Reverse;

/// How many expiry times a forgotten node's version is remembered. Guess.
const REMEMBERED_EXPIRIES: u32 = 10;

struct Forgotten {
    version: u64,
    at: Instant,
}

pub(super) struct Database {
    own: PeerId,
    peers: SortedMap<PeerId, KnownPeer>,
    /// Everyone but ourselves, longest silent first.
    by_age: SortedSet<(Instant, PeerId)>,
    forgotten: SortedMap<PeerId, Forgotten>,
    edges: Vec<Edge>,
    parts: Vec<Vec<PeerId>>,
    counted: Vec<Vec<PeerId>>,
    version: u64,
    /// Nodes or links differ from what `edges` and `parts` say.
    topology_is_stale: bool,
    /// Something visible changed since the last [`Database::settle`].
    changed: bool,
}

impl Database {
    pub(super) fn new(own: VerifiedAnnouncement, now: Instant) -> Database {
        let id = own.id();
        let mut database = Database {
            own: id,
            peers: SortedMap::new(),
            by_age: SortedSet::new(),
            forgotten: SortedMap::new(),
            edges: Vec::new(),
            parts: Vec::new(),
            counted: Vec::new(),
            version: 0,
            topology_is_stale: true,
            changed: false,
        };
        database.put(own, now);
        database.settle();
        database
    }

    pub(super) fn peers(&self) -> &SortedMap<PeerId, KnownPeer> {
        &self.peers
    }

    pub(super) fn own(&self) -> &Announcement {
        self.peers[&self.own].said.announcement()
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    pub(super) fn parts(&self) -> &[Vec<PeerId>] {
        &self.parts
    }

    /// The parts of what counts as our mesh: ourselves and everyone who once was in one part with
    /// us and did not leave by its own word.
    pub(super) fn counted_parts(&self) -> &[Vec<PeerId>] {
        &self.counted
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Whether this version of `peer` would be news.
    pub(super) fn lacks(&self, peer: &PeerId, version: u64) -> bool {
        let held = self.peers.get(peer).map(KnownPeer::version);
        let forgotten = self.forgotten.get(peer).map(|f| f.version);
        held.max(forgotten).is_none_or(|newest| newest < version)
    }

    /// Takes in somebody else's announcement, last heard from its author at `heard_at`.
    pub(super) fn admit(
        &mut self,
        said: VerifiedAnnouncement,
        heard_at: Instant,
        now: Instant,
        config: &Config,
        counters: &mut Counters,
    ) -> Result<Freshness, AnnouncementError> {
        let (id, version) = (said.id(), said.announcement().version);
        if let Some(held) = self.peers.get(&id)
            && held.version() == version
            && held.said.bytes() != said.bytes()
        {
            return Err(AnnouncementError::Conflict { version });
        }
        if !self.lacks(&id, version) || heard_at + config.expiry <= now {
            return Ok(Freshness::Stale);
        }
        if !self.peers.contains_key(&id) && self.peers.len() >= limits::MAP_NODES_MAX {
            self.make_room()?;
            counters.evicted += 1;
        }
        self.forgotten.remove(&id);
        self.put(said, heard_at);
        Ok(Freshness::New)
    }

    /// Replaces what is known of a node. The caller has checked that it is newer.
    pub(super) fn put(&mut self, said: VerifiedAnnouncement, heard_at: Instant) {
        let id = said.id();
        let before = self.peers.remove(&id);
        match &before {
            Some(before) => {
                let (old, new) = (before.said.announcement(), said.announcement());
                self.topology_is_stale |= old.links != new.links || old.link_key != new.link_key;
                self.changed |=
                    old.name != new.name || old.extra != new.extra || old.kind != new.kind;
                self.by_age.remove(&(before.heard_at, id));
            }
            None => self.topology_is_stale = true,
        }
        if id != self.own {
            self.by_age.insert((heard_at, id));
        }
        let (joined, reachable) = before.map_or((false, false), |b| (b.joined, b.reachable));
        self.peers.insert(id, KnownPeer { said, heard_at, joined, reachable });
    }

    fn make_room(&mut self) -> Result<(), AnnouncementError> {
        let full = AnnouncementError::Full { max: limits::MAP_NODES_MAX };
        let unreachable = |(_, id): &&(Instant, PeerId)| !self.peers[id].reachable;
        let (_, id) = *self.by_age.iter().find(unreachable).ok_or(full)?;
        self.remove(&id);
        Ok(())
    }

    fn remove(&mut self, id: &PeerId) -> Option<KnownPeer> {
        let known = self.peers.remove(id)?;
        self.by_age.remove(&(known.heard_at, *id));
        self.topology_is_stale = true;
        Some(known)
    }

    /// When the next node will have been silent for too long.
    pub(super) fn next_expiry(&self, expiry: Duration) -> Option<Instant> {
        self.by_age.first().map(|(heard_at, _)| *heard_at + expiry)
    }

    /// Forgets the silent; returns how many.
    pub(super) fn expire(&mut self, now: Instant, expiry: Duration) -> u64 {
        let mut expired = 0;
        while let Some((heard_at, id)) = self.by_age.first().copied()
            && heard_at + expiry <= now
        {
            if let Some(known) = self.remove(&id) {
                self.remember(id, known.version(), now);
                expired += 1;
            }
        }
        self.forgotten.retain(|_, f| f.at + expiry * REMEMBERED_EXPIRIES > now);
        expired
    }

    fn remember(&mut self, id: PeerId, version: u64, now: Instant) {
        if self.forgotten.len() >= limits::MAP_NODES_MAX {
            let oldest = self.forgotten.iter().min_by_key(|(id, f)| (f.at, **id));
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.forgotten.remove(&oldest);
            }
        }
        self.forgotten.insert(id, Forgotten { version, at: now });
    }

    /// Recomputes edges and parts if nodes or links changed. True when anything visible changed
    /// since the last call.
    pub(super) fn settle(&mut self) -> bool {
        if self.topology_is_stale {
            self.edges = self.agreed_edges();
            self.parts = self.connected_parts();
            let ours: SortedSet<PeerId> = self
                .parts
                .iter()
                .find(|p| p.contains(&self.own))
                .into_iter()
                .flatten()
                .copied()
                .collect();
            for (id, known) in &mut self.peers {
                known.reachable = ours.contains(id);
                known.joined |= known.reachable;
            }
            self.counted = self.parts_that_count();
            self.version += 1;
            self.changed = true;
            self.topology_is_stale = false;
        }
        core::mem::take(&mut self.changed)
    }

    /// O(links · log links per node).
    fn agreed_edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (a, known) in &self.peers {
            // The first link to each peer stands for all of them.
            let firsts = known.links().chunk_by(|one, next| one.peer == next.peer);
            for one in firsts.map(|alike| alike[0]).filter(|link| link.peer > *a) {
                let Some(other) = self.peers.get(&one.peer) else { continue };
                let at = other.links().partition_point(|link| link.peer < *a);
                let Some(two) = other.links().get(at).filter(|link| link.peer == *a) else {
                    continue;
                };
                edges.push(Edge {
                    a: *a,
                    b: one.peer,
                    transport: one.transport,
                    latency: one
                        .latency_us
                        .max(two.latency_us)
                        .map(|us| Duration::from_micros(u64::from(us))),
                    reliability: f32::from(one.reliability.min(two.reliability))
                        / f32::from(u16::MAX),
                });
            }
        }
        edges
    }

    /// Largest first, then by smallest id.
    fn connected_parts(&self) -> Vec<Vec<PeerId>> {
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        // An edge joins two nodes of the map, so both are found.
        let index = |id: &PeerId| ids.binary_search(id).map_or(u32::MAX, |i| i as u32);
        let edges: Vec<graph::Edge> = self
            .edges
            .iter()
            .map(|e| graph::Edge { a: index(&e.a), b: index(&e.b), cost: 1 })
            .collect();
        let mut parts: Vec<Vec<PeerId>> = Vec::new();
        let part_of = graph::components(&Graph::new(ids.len() as u32, &edges));
        for (id, part) in ids.iter().zip(part_of) {
            // Parts are numbered in the order of their smallest node.
            if part as usize == parts.len() {
                parts.push(Vec::new());
            }
            parts[part as usize].push(*id);
        }
        largest_first(parts)
    }

    /// Nodes that were never in one part with us, or left by their own word, left out.
    fn parts_that_count(&self) -> Vec<Vec<PeerId>> {
        let counts = |id: &&PeerId| {
            let known = &self.peers[*id];
            **id == self.own || (known.joined && !known.links().is_empty())
        };
        let parts = self
            .parts
            .iter()
            .map(|part| part.iter().filter(counts).copied().collect())
            .filter(|part: &Vec<PeerId>| !part.is_empty())
            .collect();
        largest_first(parts)
    }
}

/// Of equal parts the order stays.
fn largest_first(parts: Vec<Vec<PeerId>>) -> Vec<Vec<PeerId>> {
    let numbered = parts.into_iter().enumerate();
    let by_size: SortedMap<_, _> =
        numbered.map(|(number, part)| ((Reverse(part.len()), number), part)).collect();
    by_size.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::identity::Identity, id::NodeKind, seed::Seed};

    #[test]
    fn only_so_many_forgotten_versions_are_remembered_and_the_oldest_goes() {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let own = Announcement {
            card: identity.card(),
            link_key: identity.link_key(),
            version: 1,
            kind: NodeKind::Regular,
            name: "ann".to_owned(),
            links: Vec::new(),
            extra: Vec::new(),
        };
        let own = VerifiedAnnouncement::own(own, &identity);
        let mut database = Database::new(own, Instant::ZERO);
        let peer = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
            PeerId::from_bytes(bytes)
        };
        for n in 0..=limits::MAP_NODES_MAX {
            database.remember(peer(n), 7, Instant::from_millis(n as u64));
        }
        assert_eq!(database.forgotten.len(), limits::MAP_NODES_MAX);
        assert!(database.lacks(&peer(0), 7) && !database.lacks(&peer(1), 7));
        let expiry = Duration::from_secs(1);
        database.expire(Instant::from_millis(60_000), expiry);
        assert!(database.forgotten.is_empty());
    }
}

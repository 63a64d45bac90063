//! The mesh map: signed announcements, who is linked to whom, partitions.
//!
//! Rules. Every node says only what it sees itself, its own links, signed and with a version that
//! only rises; everybody derives the same graph from the same sayings. Announcements are flooded
//! (by `route`; this room judges them) at once when a neighbour is lost, within
//! [`Config::quiet_gap`] when one is gained, and every [`Config::refresh`] in any case; what is
//! not refreshed expires. Neighbours compare digests when they meet and every
//! [`Config::digest_every`], so that a late joiner gets the whole map and lost floods are made
//! good; what is learned that way goes on to the other neighbours in the same manner.
//!
//! A restart is newer than the life before it because versions start from Unix time; should the
//! clock have gone back, the node jumps past its own older word when it hears it. A node leaves
//! gracefully by announcing no links: hand in an empty list before hanging up.
//!
//! What this room does not do: find paths (`route`), measure links (`link`), or read what the layer
//! above attaches.

mod database;
mod io;
mod known;
pub mod message;
mod news;
mod partition;
mod sync;

pub use io::{Config, Counters, Freshness, Output};
pub use known::{Edge, KnownPeer};
pub use message::{AnnouncedLink, AnnouncementError, Message};

use crate::{
    crypto::identity::Identity,
    id::PeerId,
    limits,
    seed::{Rng, Seed},
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
};
use database::Database;
use message::{Announcement, DIGEST_BUCKETS, VerifiedAnnouncement};
use news::{News, news_of};
use partition::{PartitionWatch, Verdict};
use std::collections::VecDeque;
use zeroize::Zeroize as _;

/// Digests of one neighbour are answered, and answered by one of ours, at most this often: an
/// answer can be a thousand times as long as the question. Guess.
const DIGEST_GAP: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Neighbour {
    digest_answered_at: Option<Instant>,
    digest_sent_at: Option<Instant>,
}

/// See the module.
pub struct Map {
    config: Config,
    /// A second copy of the node's identity, wiped when dropped: most calls may have to sign.
    identity: Identity,
    rng: Rng,
    database: Database,
    neighbours: SortedMap<PeerId, Neighbour>,
    /// What the next announcement will say.
    name: String,
    links: Vec<AnnouncedLink>,
    extra: Vec<u8>,
    /// Of our last announcement, or of a newer word of an earlier life.
    version: u64,
    /// Missing until others were told anything.
    announced_at: Option<Instant>,
    announce_at: Option<Instant>,
    refresh_at: Instant,
    digest_at: Instant,
    changed_at: Instant,
    watch: PartitionWatch,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Map {
    /// A map of ourselves alone, with no links. `wall_ms` is Unix time.
    pub fn new(
        config: Config,
        identity: &Identity,
        seed: &Seed,
        now: Instant,
        wall_ms: u64,
    ) -> Map {
        let identity = copy_of(identity);
        let mut rng = seed.fork("map").rng();
        let name = match message::check_name(&config.name) {
            Ok(()) => config.name.clone(),
            Err(_) => identity.id().short(),
        };
        let first = Announcement {
            card: identity.card(),
            link_key: identity.link_key(),
            version: wall_ms,
            kind: config.kind,
            name: name.clone(),
            links: Vec::new(),
            extra: Vec::new(),
        };
        Map {
            database: Database::new(VerifiedAnnouncement::own(first, &identity), now),
            identity,
            neighbours: SortedMap::new(),
            name,
            links: Vec::new(),
            extra: Vec::new(),
            version: wall_ms,
            announced_at: None,
            announce_at: None,
            refresh_at: now + varied(&mut rng, config.refresh),
            digest_at: now + varied(&mut rng, config.digest_every),
            changed_at: now,
            watch: PartitionWatch::new(config.settling_time),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            rng,
            config,
        }
    }

    /// Our links as they are now, in any order. A lost one is announced at once, a new one within
    /// [`Config::quiet_gap`], new figures within [`Config::figures_gap`] if they differ by a
    /// quarter. Beyond 64 links, the fastest are announced.
    pub fn set_links(&mut self, links: Vec<AnnouncedLink>, now: Instant) {
        let own = self.identity.id();
        let mut links = in_order(links.into_iter().filter(|link| link.peer != own));
        links.dedup_by_key(|link| (link.peer, link.transport));
        if links.len() > limits::NODE_LINKS_MAX {
            let timed = |link: AnnouncedLink| (link.latency_us.unwrap_or(u32::MAX), link);
            let fastest: SortedSet<_> = links.into_iter().map(timed).collect();
            let announced = fastest.into_iter().take(limits::NODE_LINKS_MAX);
            links = in_order(announced.map(|(_, link)| link));
        }
        let wait = news_of(&self.database.own().links, &links).map(|news| match news {
            News::Lost => Duration::ZERO,
            News::Gained => self.config.quiet_gap,
            News::Figures => self.config.figures_gap,
        });
        self.links = links;
        if let Some(wait) = wait {
            self.announce_within(wait, now);
        }
    }

    /// What the layer above wants told of this node; at most 2048 bytes.
    pub fn set_extra(&mut self, extra: Vec<u8>, now: Instant) -> Result<(), AnnouncementError> {
        message::check_extra(&extra)?;
        if extra != self.extra {
            self.extra = extra;
            self.announce_within(self.config.quiet_gap, now);
        }
        Ok(())
    }

    /// Another display name.
    pub fn rename(&mut self, name: String, now: Instant) -> Result<(), AnnouncementError> {
        message::check_name(&name)?;
        if name != self.name {
            self.name = name;
            self.announce_within(self.config.quiet_gap, now);
        }
        Ok(())
    }

    /// Judges an announcement that was flooded here. An error leaves the map as it was.
    pub fn on_announcement(
        &mut self,
        bytes: &[u8],
        now: Instant,
    ) -> Result<Freshness, AnnouncementError> {
        let said = VerifiedAnnouncement::parse(bytes, self.config.work_bits);
        let freshness = self.take_in(said, now, now).map(|(_, freshness)| freshness);
        self.settle(now);
        freshness
    }

    /// A neighbour can be sent messages from now on.
    pub fn on_neighbour_up(&mut self, peer: PeerId, now: Instant) {
        self.neighbours.insert(peer, Neighbour::default());
        let buckets = sync::digest(&self.database);
        self.send_digest(peer, buckets, now);
        self.settle(now);
    }

    /// A neighbour cannot be reached directly any more.
    pub fn on_neighbour_down(&mut self, peer: PeerId, now: Instant) {
        self.neighbours.remove(&peer);
        self.settle(now);
    }

    /// A message from a neighbour. What breaks a bound is counted and changes nothing.
    pub fn on_message(&mut self, from: PeerId, message: Message, now: Instant) {
        let Some(neighbour) = self.neighbours.get_mut(&from) else {
            self.counters.messages_refused += 1;
            return;
        };
        match message {
            Message::Digest { buckets } => {
                if neighbour.digest_answered_at.is_some_and(|at| at + DIGEST_GAP > now) {
                    self.counters.digests_unanswered += 1;
                    return;
                }
                neighbour.digest_answered_at = Some(now);
                let asked_lately = neighbour.digest_sent_at.is_some_and(|at| at + DIGEST_GAP > now);
                let ours = sync::digest(&self.database);
                let pages = sync::have(&self.database, &ours, &buckets);
                self.send_all(from, pages);
                // Whoever asks may be the one who knows more.
                if ours != buckets && !asked_lately {
                    self.send_digest(from, ours, now);
                }
            }
            Message::Have(entries) if sync::is_sound(&entries) => {
                let wants = sync::wants(&self.database, &entries);
                self.send_all(from, wants);
            }
            Message::Want { peers } if peers.len() <= message::WANT_PEERS_MAX => {
                let batches = sync::batches(&self.database, &peers, now);
                self.send_all(from, batches);
            }
            Message::Announcements(batch) if batch.len() <= message::BATCH_ANNOUNCEMENTS_MAX => {
                self.on_batch(from, &batch, now);
            }
            Message::Have(_) | Message::Want { .. } | Message::Announcements(_) => {
                self.counters.messages_refused += 1;
            }
        }
        self.settle(now);
    }

    /// Does what is due.
    pub fn on_timeout(&mut self, now: Instant) {
        if self.refresh_at <= now || self.announce_at.is_some_and(|at| at <= now) {
            self.announce(now);
        }
        if self.digest_at <= now {
            let change_is_due = self.changed_at + self.config.digest_after_change;
            let regularly = now + varied(&mut self.rng, self.config.digest_every);
            self.digest_at = if change_is_due > now { change_is_due } else { regularly };
            let buckets = sync::digest(&self.database);
            let neighbours: Vec<PeerId> = self.neighbours.keys().copied().collect();
            for neighbour in neighbours {
                self.send_digest(neighbour, buckets, now);
            }
        }
        self.counters.expired += self.database.expire(now, self.config.expiry);
        self.settle(now);
    }

    /// When [`Map::on_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        let others = [
            self.announce_at,
            Some(self.digest_at),
            self.database.next_expiry(self.config.expiry),
            self.watch.deadline(),
        ];
        others.into_iter().flatten().chain([self.refresh_at]).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Every node of the map by ascending id, ourselves included.
    pub fn peers(&self) -> impl ExactSizeIterator<Item = &KnownPeer> {
        self.database.peers().values()
    }

    pub fn peer(&self, peer: PeerId) -> Option<&KnownPeer> {
        self.database.peers().get(&peer)
    }

    /// Ascending by `a`, `b` and transport.
    pub fn edges(&self) -> &[Edge] {
        self.database.edges()
    }

    /// The connected parts of all nodes, largest first, then by smallest id.
    pub fn parts(&self) -> &[Vec<PeerId>] {
        self.database.parts()
    }

    /// Rises when nodes, edges or their figures change.
    pub fn version(&self) -> u64 {
        self.database.version()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Announces at once if the last announcement is `wait` old, and when it will be otherwise.
    fn announce_within(&mut self, wait: Duration, now: Instant) {
        let due = self.announced_at.map_or(now, |at| (at + wait).max(now));
        let due = self.announce_at.map_or(due, |at| at.min(due));
        self.announce_at = Some(due);
        if due <= now {
            self.announce(now);
            self.settle(now);
        }
    }

    fn announce(&mut self, now: Instant) {
        self.version = self.version.saturating_add(1);
        let said = Announcement {
            card: self.identity.card(),
            link_key: self.identity.link_key(),
            version: self.version,
            kind: self.config.kind,
            name: self.name.clone(),
            links: self.links.clone(),
            extra: self.extra.clone(),
        };
        let said = VerifiedAnnouncement::own(said, &self.identity);
        let bytes = said.bytes().to_vec();
        self.database.put(said, now);
        self.announced_at = Some(now);
        self.announce_at = None;
        self.refresh_at = now + varied(&mut self.rng, self.config.refresh);
        self.counters.announced += 1;
        self.push(Output::Flood(bytes));
    }

    fn take_in(
        &mut self,
        said: Result<VerifiedAnnouncement, AnnouncementError>,
        heard_at: Instant,
        now: Instant,
    ) -> Result<(PeerId, Freshness), AnnouncementError> {
        let taken = said.and_then(|said| {
            let id = said.id();
            let freshness = if id == self.identity.id() {
                self.on_own_word(&said, now);
                Freshness::Stale
            } else {
                self.database.admit(said, heard_at, now, &self.config, &mut self.counters)?
            };
            Ok((id, freshness))
        });
        match &taken {
            Ok((_, Freshness::New)) => self.counters.accepted += 1,
            Ok((_, Freshness::Stale)) => self.counters.stale += 1,
            Err(_) => self.counters.refused += 1,
        }
        taken
    }

    /// Our own announcement came back. One that we did not make is of an earlier life (or of a
    /// twin that runs with the same key: then both go on at the pace of the quiet gap).
    fn on_own_word(&mut self, said: &VerifiedAnnouncement, now: Instant) {
        let version = said.announcement().version;
        let ours = &self.database.peers()[&self.identity.id()];
        let is_ours = version == ours.version() && said.bytes() == ours.announcement_bytes();
        if version < self.version || is_ours {
            return;
        }
        self.counters.own_word_overtaken += 1;
        self.version = version;
        self.push(Output::EarlierLifeHeard { version });
        self.announce_within(self.config.quiet_gap, now);
    }

    /// Takes in what a neighbour sent on request or passed on, and tells the others the news.
    fn on_batch(&mut self, from: PeerId, batch: &[message::AgedAnnouncement], now: Instant) {
        let mut news = Vec::new();
        let all = batch.iter().map(|aged| aged.bytes.as_slice());
        let all = VerifiedAnnouncement::parse_all(all, self.config.work_bits);
        for (aged, said) in batch.iter().zip(all) {
            let age_us = u64::from(aged.age_ms) * 1000;
            let heard_at = Instant::from_micros(now.as_micros().saturating_sub(age_us));
            if let Ok((id, Freshness::New)) = self.take_in(said, heard_at, now) {
                news.push(id);
            }
        }
        if news.is_empty() {
            return;
        }
        let batches = sync::batches(&self.database, &news, now);
        let others: Vec<PeerId> =
            self.neighbours.keys().copied().filter(|peer| *peer != from).collect();
        for other in others {
            self.send_all(other, batches.clone());
        }
    }

    /// Ends every call that may have changed something: recompute, tell, watch for partitions.
    fn settle(&mut self, now: Instant) {
        if self.database.settle() {
            self.changed_at = now;
            self.digest_at = self.digest_at.min(now + self.config.digest_after_change);
            self.push(Output::Changed);
        }
        let parts = self.database.counted_parts();
        match self.watch.observe(parts.len(), now) {
            Some(Verdict::Formed) => {
                let parts = parts.to_vec();
                self.counters.partitions_formed += 1;
                self.push(Output::PartitionFormed { parts });
            }
            Some(Verdict::Healed) => self.push(Output::PartitionHealed),
            None => {}
        }
    }

    fn send_digest(&mut self, to: PeerId, buckets: [[u8; 8]; DIGEST_BUCKETS], now: Instant) {
        if let Some(neighbour) = self.neighbours.get_mut(&to) {
            neighbour.digest_sent_at = Some(now);
        }
        self.counters.digests_sent += 1;
        self.push(Output::Send { to, message: Message::Digest { buckets } });
    }

    fn send_all(&mut self, to: PeerId, messages: Vec<Message>) {
        for message in messages {
            self.push(Output::Send { to, message });
        }
    }

    fn push(&mut self, output: Output) {
        if self.outputs.len() >= limits::OUTPUTS_MAX {
            self.counters.outputs_dropped += 1;
            return;
        }
        self.outputs.push_back(output);
    }
}

fn in_order(links: impl Iterator<Item = AnnouncedLink>) -> Vec<AnnouncedLink> {
    links.collect::<SortedSet<_>>().into_iter().collect()
}

/// Between 4/5 of `period` and all of it, so that nodes that started together drift apart.
fn varied(rng: &mut Rng, period: Duration) -> Duration {
    let micros = period.as_micros() as u64;
    Duration::from_micros(micros - rng.below(micros / 5 + 1))
}

fn copy_of(identity: &Identity) -> Identity {
    let mut secret = identity.secret();
    let copy = Identity::restore(&secret, identity.card().nonce, 0)
        .expect("a card made from its own secret is sound, and no work is asked for");
    secret.zeroize();
    copy
}

#[cfg(test)]
mod tests;

//! Who was noticed in reach, and whom of them to dial.
//!
//! Rules. A sighting is worth what its record is worth: over Bluetooth an advertisement of this
//! protocol, which proves nothing; on the LAN a signed record that names the address. Whoever was
//! not noticed for [`SILENCE_MAX`] is gone. Of two that could both dial, the one with the smaller
//! id does at once; the other only after its patience without a link, because two radios that
//! dial each other at the same moment block each other for half a minute (seen with BlueZ).
//! Over Bluetooth, only what is near or of unknown distance is dialled, one at a time, nearest
//! first, and nobody whose prefix a linked peer has; on the LAN, whoever is not linked over IP
//! yet, until there are links enough.

use super::{
    attempts::{Attempts, Backoff},
    distance::Strength,
    message::{
        ADDRESS_BYTES_MAX, Advertisement, Capabilities, LanRecord, LanRecordError, Prefix,
        prefix_of,
    },
};
use crate::{
    id::{LinkId, PeerId},
    seed::Rng,
    sorted::SortedMap,
    time::{Duration, Instant},
    transport::Transport,
};
use std::collections::VecDeque;

/// Bytes of a record that came with a sighting: a signed record on the LAN is the largest.
pub const SIGHTING_RECORD_BYTES_MAX: usize = 512;

/// Addresses that are remembered; whoever is silent longest makes room. Guess: a crowded hall.
pub const SIGHTINGS_MAX: usize = 128;

/// Without a word for so long, somebody is gone (SYSTEMS C11).
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Within this a radio is dialled, in metres (SYSTEMS C12).
pub const AUTO_CONNECT_M: f64 = 10.0;

/// Before the larger id dials a radio. BlueZ gives a dial that met another one up after 20 to 30
/// seconds (measured with 5.82).
pub const BLE_PATIENCE: Duration = Duration::from_secs(30);

/// Before the larger id dials on the LAN: for networks that let one see the other but not back.
/// Guess.
pub const LAN_PATIENCE: Duration = Duration::from_secs(5);

/// Patience varies by up to this, so that a room full of radios does not dial at once.
const JITTER: Duration = Duration::from_secs(5);

/// Bluetooth links at which no more are dialled: a controller keeps seven or so. Guess.
pub const BLE_LINKS_MAX: usize = 6;

/// Bluetooth dials at once: controllers and BlueZ do one after the other.
const BLE_DIALS_AT_ONCE: usize = 1;

/// Links over IP at which nobody on the LAN is dialled any more. Guess: enough for a mesh that
/// holds; the healing room adds what is missing.
pub const LAN_LINKS_MAX: usize = 8;

const LAN_DIALS_AT_ONCE: usize = 2;

const BLE_BACKOFF: Backoff =
    Backoff { base: Duration::from_secs(5), max: Duration::from_secs(120) };
const LAN_BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(60) };

/// A change of distance is told from this ratio on. Guess: less is noise.
const RANGE_RATIO: f64 = 1.5;

/// News that may wait to be drained; the oldest go.
const NEWS_MAX: usize = 4 * SIGHTINGS_MAX;

/// Somebody who can be dialled was noticed. Said anew whenever it is noticed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What to dial: `ble://AA:BB:CC:DD:EE:FF`, or any other address.
    pub address: String,
    pub transport: Transport,
    /// What was advertised: for Bluetooth the manufacturer data without the company identifier,
    /// on the LAN the signed record, which names the address.
    pub record: Vec<u8>,
    /// How strongly it was heard, in dBm; 127 is as good as nothing.
    pub rssi_dbm: Option<i8>,
}

/// Why a sighting was not believed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SightingRefused {
    #[error("an address has 1 to {ADDRESS_BYTES_MAX} bytes, got {got}")]
    Address { got: usize },
    #[error("not an advertisement of this version")]
    Advertisement,
    #[error(transparent)]
    Record(#[from] LanRecordError),
    #[error("the signed record does not name the address that was seen")]
    OtherAddress,
    #[error("the record is older than one that is known of this peer")]
    Older,
    #[error("it is this node")]
    Ourselves,
    #[error("nobody is noticed over this transport")]
    Transport,
}

/// What happened to those in reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Sighted { address: String, transport: Transport },
    RangeChanged { address: String, distance_dm: u32 },
    Gone { address: String },
}

/// Somebody in reach as others may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    pub address: String,
    pub transport: Transport,
    /// Proved by a record or by a link to this address.
    pub peer: Option<PeerId>,
    pub prefix: Prefix,
    pub rssi_dbm: Option<i8>,
    pub distance_m: Option<f64>,
    pub heard_at: Instant,
}

struct Known {
    transport: Transport,
    prefix: Prefix,
    peer: Option<PeerId>,
    capabilities: Capabilities,
    /// Of a signed record: its bytes, which need not be verified twice, and its version.
    record: Vec<u8>,
    version: u64,
    strength: Strength,
    told_m: Option<f64>,
    heard_at: Instant,
    /// Since when there is no link to it, with the jitter of its patience in it.
    patient_from: Instant,
}

/// See the module.
pub(super) struct Sightings {
    own: PeerId,
    work_bits: u8,
    schemes: Vec<String>,
    kept: Vec<String>,
    known: SortedMap<String, Known>,
    ble: Attempts,
    lan: Attempts,
    open: SortedMap<LinkId, (PeerId, Transport)>,
    /// What the connections under way were dialled at.
    dialled: SortedMap<LinkId, String>,
    news: VecDeque<News>,
}

impl Sightings {
    pub(super) fn new(
        own: PeerId,
        work_bits: u8,
        schemes: Vec<String>,
        kept: Vec<String>,
    ) -> Sightings {
        Sightings {
            own,
            work_bits,
            schemes,
            kept,
            known: SortedMap::new(),
            ble: Attempts::new(BLE_BACKOFF),
            lan: Attempts::new(LAN_BACKOFF),
            open: SortedMap::new(),
            dialled: SortedMap::new(),
            news: VecDeque::new(),
        }
    }

    /// Somebody was noticed.
    pub(super) fn on_sighted(
        &mut self,
        sighting: Sighting,
        rng: &mut Rng,
        now: Instant,
    ) -> Result<(), SightingRefused> {
        let Sighting { address, transport, record, rssi_dbm } = sighting;
        if !(1..=ADDRESS_BYTES_MAX).contains(&address.len()) {
            return Err(SightingRefused::Address { got: address.len() });
        }
        match transport {
            Transport::Ble => {
                let said = Advertisement::decode(&record).ok_or(SightingRefused::Advertisement)?;
                if said.prefix == prefix_of(self.own) {
                    return Err(SightingRefused::Ourselves);
                }
                let known = self.notice(address.clone(), transport, said.prefix, rng, now);
                if known.prefix != said.prefix {
                    // Another radio took over this address.
                    (known.prefix, known.peer) = (said.prefix, None);
                    known.strength = Strength::default();
                }
                known.capabilities = said.capabilities;
            }
            Transport::Tcp | Transport::WebSocket | Transport::Quic | Transport::Udp => {
                self.on_record(&address, transport, record, rng, now)?;
            }
            Transport::WebRtc => return Err(SightingRefused::Transport),
        }
        self.hear(&address, rssi_dbm, now);
        Ok(())
    }

    fn on_record(
        &mut self,
        address: &str,
        transport: Transport,
        record: Vec<u8>,
        rng: &mut Rng,
        now: Instant,
    ) -> Result<(), SightingRefused> {
        if self.known.get(address).is_some_and(|known| known.record == record) {
            return Ok(());
        }
        let said = LanRecord::verify(&record, self.work_bits)?;
        if said.peer() == self.own {
            return Err(SightingRefused::Ourselves);
        }
        if !said.addresses().iter().any(|named| named == address) {
            return Err(SightingRefused::OtherAddress);
        }
        let of_peer = self.known.values().filter(|known| known.peer == Some(said.peer()));
        if of_peer.map(|known| known.version).max() > Some(said.version()) {
            return Err(SightingRefused::Older);
        }
        let prefix = prefix_of(said.peer());
        let known = self.notice(address.to_owned(), transport, prefix, rng, now);
        (known.prefix, known.peer) = (prefix, Some(said.peer()));
        (known.record, known.version) = (record, said.version());
        Ok(())
    }

    /// The entry of an address, a new one if need be.
    fn notice(
        &mut self,
        address: String,
        transport: Transport,
        prefix: Prefix,
        rng: &mut Rng,
        now: Instant,
    ) -> &mut Known {
        if !self.known.contains_key(&address) {
            if self.known.len() >= SIGHTINGS_MAX {
                let silent = self.known.iter().min_by_key(|(_, known)| known.heard_at);
                if let Some(silent) = silent.map(|(address, _)| address.clone()) {
                    self.forget(&silent);
                }
            }
            self.tell(News::Sighted { address: address.clone(), transport });
        }
        let jitter = Duration::from_micros(rng.below(JITTER.as_micros() as u64));
        self.known.or_insert_with(address, || Known {
            transport,
            prefix,
            peer: None,
            capabilities: Capabilities::ALL,
            record: Vec::new(),
            version: 0,
            strength: Strength::default(),
            told_m: None,
            heard_at: now,
            patient_from: now + jitter,
        })
    }

    fn hear(&mut self, address: &str, rssi_dbm: Option<i8>, now: Instant) {
        let Some(known) = self.known.get_mut(address) else { return };
        known.heard_at = now;
        known.strength.hear(rssi_dbm);
        let Some(distance_m) = known.strength.distance_m() else { return };
        let told = *known.told_m.get_or_insert(distance_m);
        if distance_m > told * RANGE_RATIO || distance_m * RANGE_RATIO < told {
            known.told_m = Some(distance_m);
            let distance_dm = (distance_m * 10.0).round() as u32;
            self.tell(News::RangeChanged { address: address.to_owned(), distance_dm });
        }
    }

    fn forget(&mut self, address: &str) {
        if self.known.remove(address).is_some() {
            self.tell(News::Gone { address: address.to_owned() });
        }
    }

    fn tell(&mut self, news: News) {
        if self.news.len() >= NEWS_MAX {
            self.news.pop_front();
        }
        self.news.push_back(news);
    }

    pub(super) fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    // ---- dialling ------------------------------------------------------------------------

    pub(super) fn poll_dial(&mut self, now: Instant) -> Option<String> {
        let due = self.due().filter(|(at, ..)| *at <= now);
        let (_, _, address) = due.min_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(b.2)))?;
        let address = address.clone();
        let attempts = match self.known.get(&address)?.transport {
            Transport::Ble => &mut self.ble,
            _ => &mut self.lan,
        };
        attempts.begin(&address, now).then_some(address)
    }

    /// When something is to be dialled or somebody has been silent for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let dials = self.due().map(|(at, ..)| at);
        let silent = self.known.values().map(|known| known.heard_at + SILENCE_MAX);
        dials.chain(silent).min()
    }

    /// Whom to dial, from when on, and how far away each is.
    fn due(&self) -> impl Iterator<Item = (Instant, f64, &String)> {
        let ble_links = self.links(|transport| transport == Transport::Ble);
        let lan_links = self.links(is_ip);
        let (ble_dials, lan_dials) = (self.ble.dialling(), self.lan.dialling());
        let ble = ble_dials < BLE_DIALS_AT_ONCE && ble_links + ble_dials < BLE_LINKS_MAX;
        let lan = lan_dials < LAN_DIALS_AT_ONCE && lan_links + lan_dials < LAN_LINKS_MAX;
        self.known.iter().filter_map(move |(address, known)| {
            let is_ble = known.transport == Transport::Ble;
            let room = if is_ble { ble } else { lan };
            if !room || !self.may_dial(address) || self.is_linked(known) || self.is_tried(known) {
                return None;
            }
            let far = known.strength.distance_m().unwrap_or_default();
            if far >= AUTO_CONNECT_M || !known.capabilities.has(Capabilities::MESH_ROUTING) {
                return None;
            }
            let (attempts, patience) =
                if is_ble { (&self.ble, BLE_PATIENCE) } else { (&self.lan, LAN_PATIENCE) };
            let ready = attempts.ready_at(address)?;
            let is_first = match known.peer.filter(|_| !is_ble) {
                Some(peer) => self.own < peer,
                None => prefix_of(self.own) < known.prefix,
            };
            let turn = if is_first { Instant::ZERO } else { known.patient_from + patience };
            Some((ready.max(turn), far, address))
        })
    }

    fn links(&self, of: impl Fn(Transport) -> bool) -> usize {
        self.open.values().filter(|(_, transport)| of(*transport)).count()
    }

    fn may_dial(&self, address: &str) -> bool {
        let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
        self.schemes.iter().any(|s| s == scheme) && !self.kept.iter().any(|kept| kept == address)
    }

    /// Whether another address of the same peer on the LAN is dialled or in its handshake. Of
    /// several the first in the order of letters is, which puts QUIC in front.
    fn is_tried(&self, known: &Known) -> bool {
        let same = |other: &Known| other.peer == known.peer && is_ip(other.transport);
        let tried = |(address, other): (&String, &Known)| {
            same(other) && self.lan.ready_at(address).is_none()
        };
        is_ip(known.transport) && self.known.iter().any(tried)
    }

    fn is_linked(&self, known: &Known) -> bool {
        let same = |(peer, transport): &(PeerId, Transport)| match known.transport {
            Transport::Ble => *transport == Transport::Ble && prefix_of(*peer) == known.prefix,
            _ => is_ip(*transport) && Some(*peer) == known.peer,
        };
        self.open.values().any(same)
    }

    // ---- links ---------------------------------------------------------------------------

    pub(super) fn on_up(&mut self, link: LinkId, address: &str) {
        if self.ble.on_up(link, address) || self.lan.on_up(link, address) {
            self.dialled.insert(link, address.to_owned());
        }
    }

    pub(super) fn on_dial_failed(
        &mut self,
        address: &str,
        rng: &mut Rng,
        now: Instant,
    ) -> Option<Duration> {
        let ble = self.ble.on_dial_failed(address, rng, now);
        ble.or_else(|| self.lan.on_dial_failed(address, rng, now))
    }

    pub(super) fn on_opened(&mut self, link: LinkId, peer: PeerId, transport: Transport) {
        self.ble.on_opened(link);
        self.lan.on_opened(link);
        self.open.insert(link, (peer, transport));
        let known = self.dialled.get(&link).and_then(|address| self.known.get_mut(address));
        if let Some(known) = known.filter(|known| known.transport == Transport::Ble) {
            known.peer = Some(peer);
        }
    }

    pub(super) fn on_closed(&mut self, link: LinkId, rng: &mut Rng, now: Instant) {
        self.ble.on_closed(link, rng, now);
        self.lan.on_closed(link, rng, now);
        self.dialled.remove(&link);
        let Some((peer, transport)) = self.open.remove(&link) else { return };
        let is_ble = transport == Transport::Ble;
        let jitter = Duration::from_micros(rng.below(JITTER.as_micros() as u64));
        for known in self.known.values_mut() {
            let lost_it =
                is_ble == (known.transport == Transport::Ble) && known.prefix == prefix_of(peer);
            if lost_it {
                known.patient_from = now + jitter;
            }
        }
    }

    /// Whether this is an open link over Bluetooth.
    pub(super) fn is_ble(&self, link: LinkId) -> bool {
        self.open.get(&link).is_some_and(|(_, transport)| *transport == Transport::Ble)
    }

    /// Those who were silent for too long are gone.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        let is_silent = |known: &Known| known.heard_at + SILENCE_MAX <= now;
        let gone: Vec<String> = self
            .known
            .iter()
            .filter(|(_, known)| is_silent(known))
            .map(|(address, _)| address.clone())
            .collect();
        gone.iter().for_each(|address| self.forget(address));
    }

    /// Nearest first; those of unknown distance last.
    pub(super) fn near(&self) -> Vec<Near> {
        let near = |(address, known): (&String, &Known)| Near {
            address: address.clone(),
            transport: known.transport,
            peer: known.peer,
            prefix: known.prefix,
            rssi_dbm: known.strength.rssi_dbm(),
            distance_m: known.strength.distance_m(),
            heard_at: known.heard_at,
        };
        let mut all: Vec<Near> = self.known.iter().map(near).collect();
        let far = |near: &Near| near.distance_m.unwrap_or(f64::INFINITY);
        all.sort_by(|a, b| far(a).total_cmp(&far(b)).then_with(|| a.address.cmp(&b.address)));
        all
    }
}

fn is_ip(transport: Transport) -> bool {
    match transport {
        Transport::Tcp | Transport::WebSocket | Transport::Quic | Transport::Udp => true,
        Transport::Ble | Transport::WebRtc => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use crate::{crypto::identity::Identity, seed::Seed};

    const NOW: Instant = Instant::from_millis(100_000);
    const SECOND: Duration = Duration::from_secs(1);

    struct Room {
        sightings: Sightings,
        rng: Rng,
    }

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    fn room(own: PeerId) -> Room {
        let schemes = ["ble", "tcp", "quic"].map(str::to_owned).to_vec();
        let kept = vec!["tcp://kept:1".to_owned()];
        Room { sightings: Sightings::new(own, 0, schemes, kept), rng: Seed::from_number(1).rng() }
    }

    fn radio(n: u8, rssi_dbm: Option<i8>) -> Sighting {
        let said = Advertisement { prefix: [n; 4], capabilities: Capabilities::ALL };
        let (address, record) = (format!("ble://{n}"), said.encode());
        Sighting { address, transport: Transport::Ble, record, rssi_dbm }
    }

    fn on_lan(address: &str, record: &[u8]) -> Sighting {
        let transport = if address.starts_with("quic") { Transport::Quic } else { Transport::Tcp };
        let (address, record) = (address.to_owned(), record.to_vec());
        Sighting { address, transport, record, rssi_dbm: None }
    }

    impl Room {
        fn see(&mut self, sighting: Sighting, now: Instant) -> Result<(), SightingRefused> {
            self.sightings.on_sighted(sighting, &mut self.rng, now)
        }

        fn dials(&mut self, now: Instant) -> Vec<String> {
            core::iter::from_fn(|| self.sightings.poll_dial(now)).collect()
        }

        fn news(&mut self) -> Vec<News> {
            core::iter::from_fn(|| self.sightings.poll_news()).collect()
        }

        fn open(&mut self, link: u64, address: Option<&str>, with: PeerId, over: Transport) {
            address.iter().for_each(|address| self.sightings.on_up(LinkId(link), address));
            self.sightings.on_opened(LinkId(link), with, over);
        }

        fn close(&mut self, link: u64, now: Instant) {
            self.sightings.on_closed(LinkId(link), &mut self.rng, now);
        }

        fn fail(&mut self, address: &str, now: Instant) -> Option<Duration> {
            self.sightings.on_dial_failed(address, &mut self.rng, now)
        }
    }

    #[test]
    fn the_smaller_prefix_dials_at_once_and_the_larger_after_its_patience() {
        let mut smaller = room(peer(1));
        smaller.see(radio(9, Some(-60)), NOW).unwrap();
        assert_eq!(smaller.dials(NOW), ["ble://9"]);
        assert_eq!(smaller.dials(NOW), [""; 0], "it is being dialled");

        let mut larger = room(peer(9));
        let mut dialled_at = None;
        for tick in 0..60 {
            let now = NOW + SECOND * tick;
            larger.see(radio(1, Some(-60)), now).unwrap();
            if !larger.dials(now).is_empty() {
                dialled_at.get_or_insert(tick);
            }
        }
        let patience = BLE_PATIENCE.as_secs() as u32;
        assert!((patience..=patience + 6).contains(&dialled_at.unwrap()), "{dialled_at:?}");
    }

    #[test]
    fn who_is_linked_over_bluetooth_is_not_dialled_and_patience_starts_when_the_link_ends() {
        let mut room = room(peer(9));
        room.see(radio(1, None), NOW).unwrap();
        room.open(7, None, peer(1), Transport::Tcp);
        let later = NOW + BLE_PATIENCE + JITTER;
        room.see(radio(1, None), later).unwrap();
        assert_eq!(room.dials(later), ["ble://1"], "another kind of link is no reason");

        let mut room = self::room(peer(9));
        room.see(radio(1, None), NOW).unwrap();
        room.open(7, None, peer(1), Transport::Ble);
        room.see(radio(1, None), later).unwrap();
        assert_eq!(room.dials(later), [""; 0]);
        room.close(7, later);
        assert_eq!(room.dials(later + BLE_PATIENCE / 2), [""; 0]);
        room.see(radio(1, None), later + BLE_PATIENCE).unwrap();
        assert_eq!(room.dials(later + BLE_PATIENCE + JITTER), ["ble://1"]);
    }

    #[test]
    fn a_failed_dial_backs_off_with_full_jitter_and_up_to_two_minutes() {
        let mut room = room(peer(1));
        let (mut now, mut waits) = (NOW, Vec::new());
        for _ in 0..40 {
            room.see(radio(9, None), now).unwrap();
            assert_eq!(room.dials(now), ["ble://9"]);
            let wait = room.fail("ble://9", now).unwrap();
            assert!(wait.is_zero() || room.dials(now).is_empty());
            waits.push(wait);
            now = now + wait;
        }
        assert!(waits[0] <= BLE_BACKOFF.base && waits.iter().all(|w| *w <= BLE_BACKOFF.max));
        assert!(waits[10..].iter().any(|w| *w > BLE_BACKOFF.max / 2), "{waits:?}");
        assert!(waits[10..].iter().any(|w| *w < BLE_BACKOFF.max / 4), "{waits:?}");
        assert_eq!(room.fail("ble://other", now), None);
    }

    #[test]
    fn only_who_is_near_or_of_unknown_distance_is_dialled_nearest_first_and_one_at_a_time() {
        let mut room = room(peer(0));
        room.see(radio(1, Some(-85)), NOW).unwrap();
        assert_eq!(room.dials(NOW), [""; 0], "20 metres");
        room.see(radio(2, Some(-70)), NOW).unwrap();
        room.see(radio(3, Some(-50)), NOW).unwrap();
        assert_eq!(room.dials(NOW), ["ble://3"]);
        room.open(1, Some("ble://3"), peer(3), Transport::Ble);
        assert_eq!(room.dials(NOW), ["ble://2"]);
        room.fail("ble://2", NOW);
        room.see(radio(4, Some(127)), NOW).unwrap();
        assert_eq!(room.dials(NOW), ["ble://4"]);
        room.fail("ble://4", NOW);
        for _ in 0..30 {
            room.see(radio(1, Some(-60)), NOW).unwrap();
        }
        assert_eq!(room.dials(NOW), ["ble://1"], "it came nearer");
        for n in 10..10 + BLE_LINKS_MAX as u64 {
            room.open(n, None, peer(n as u8), Transport::Ble);
        }
        room.fail("ble://1", NOW);
        assert_eq!(room.dials(NOW + BLE_BACKOFF.max), [""; 0], "links enough");
    }

    #[test]
    fn who_comes_and_goes_is_told_and_half_a_minute_of_silence_is_gone() {
        let mut room = room(peer(1));
        let (address, transport) = ("ble://9".to_owned(), Transport::Ble);
        room.see(radio(9, Some(-60)), NOW).unwrap();
        room.see(radio(9, Some(-60)), NOW + SECOND).unwrap();
        assert_eq!(room.dials(NOW + SECOND).len(), 1);
        assert_eq!(room.news(), [News::Sighted { address: address.clone(), transport }]);
        for _ in 0..20 {
            room.see(radio(9, Some(-79)), NOW + SECOND).unwrap();
        }
        let news = room.news();
        let Some(News::RangeChanged { distance_dm, .. }) = news.last() else { panic!("{news:?}") };
        assert!((50..=100).contains(distance_dm) && news.len() <= 6, "{news:?}");

        let last = NOW + SECOND + SILENCE_MAX;
        assert_eq!(room.sightings.deadline(), Some(last));
        room.sightings.on_timeout(Instant::from_micros(last.as_micros() - 1));
        assert_eq!(room.news(), []);
        room.sightings.on_timeout(last);
        assert_eq!(room.news(), [News::Gone { address }]);
        assert_eq!((room.sightings.deadline(), room.sightings.near()), (None, vec![]));
    }

    #[test]
    fn the_table_is_bounded_and_the_longest_silent_makes_room() {
        let mut room = room(peer(9));
        for n in 0..=SIGHTINGS_MAX as u64 {
            let mut sighting = radio(1, None);
            sighting.address = format!("ble://{n:04}");
            room.see(sighting, NOW + SECOND * n as u32 / 1000).unwrap();
        }
        assert_eq!(room.sightings.known.len(), SIGHTINGS_MAX);
        assert_eq!(
            room.news().last(),
            Some(&News::Sighted {
                address: format!("ble://{SIGHTINGS_MAX:04}"),
                transport: Transport::Ble,
            })
        );
        assert!(!room.sightings.known.contains_key("ble://0000"));
        for n in 0..NEWS_MAX as u64 + 9 {
            let mut sighting = radio(1, None);
            sighting.address = format!("ble://x{n:04}");
            room.see(sighting, NOW).unwrap();
        }
        assert_eq!(room.news().len(), NEWS_MAX);
    }

    #[test]
    fn what_is_no_sighting_is_refused_and_changes_nothing() {
        let mut room = room(peer(9));
        let own = Advertisement { prefix: [9; 4], capabilities: Capabilities::ALL }.encode();
        let with = |record: Vec<u8>| Sighting { record, ..radio(1, None) };
        let address = |n: usize| Sighting { address: "x".repeat(n), ..radio(1, None) };
        assert_eq!(room.see(with(own), NOW), Err(SightingRefused::Ourselves));
        assert_eq!(room.see(with(vec![1; 9]), NOW), Err(SightingRefused::Advertisement));
        for got in [0, ADDRESS_BYTES_MAX + 1] {
            assert_eq!(room.see(address(got), NOW), Err(SightingRefused::Address { got }));
        }
        let webrtc = Sighting { transport: Transport::WebRtc, ..radio(1, None) };
        assert_eq!(room.see(webrtc, NOW), Err(SightingRefused::Transport));
        assert!(room.sightings.known.is_empty() && room.news().is_empty());
    }

    #[test]
    fn a_signed_record_on_the_lan_is_dialled_once_and_a_forged_or_older_one_is_refused() {
        let (a, b) = (identity(1), identity(2));
        let (smaller, larger) = if a.id() < b.id() { (a, b) } else { (b, a) };
        let addresses = ["tcp://b:1".to_owned(), "quic://b:2".to_owned()];
        let record = LanRecord::sign(&larger, &addresses, 5);
        let mut room = room(smaller.id());
        let mut forged = record.clone();
        forged[40] ^= 1;
        for (sighting, refused) in [
            (on_lan("tcp://b:1", &forged), None),
            (on_lan("tcp://evil:1", &record), Some(SightingRefused::OtherAddress)),
            (
                on_lan("tcp://a:1", &LanRecord::sign(&smaller, &["tcp://a:1".to_owned()], 5)),
                Some(SightingRefused::Ourselves),
            ),
        ] {
            let got = room.see(sighting, NOW).unwrap_err();
            assert!(refused.is_none_or(|refused| refused == got), "{got}");
        }
        assert!(room.sightings.known.is_empty());
        for address in &addresses {
            room.see(on_lan(address, &record), NOW).unwrap();
        }
        let older = LanRecord::sign(&larger, &["tcp://old:1".to_owned()], 4);
        assert_eq!(room.see(on_lan("tcp://old:1", &older), NOW), Err(SightingRefused::Older));
        assert_eq!(room.dials(NOW), ["quic://b:2"], "one address of a peer at a time");
        assert_eq!(room.sightings.near()[0].peer, Some(larger.id()));
        room.fail("quic://b:2", NOW);
        assert_eq!(room.dials(NOW), ["tcp://b:1"], "and then the next");
        room.open(1, Some("tcp://b:1"), larger.id(), Transport::Tcp);
        assert_eq!(room.dials(NOW + LAN_BACKOFF.max), [""; 0], "linked over IP already");

        let mut waiting = self::room(larger.id());
        let theirs =
            LanRecord::sign(&smaller, &["tcp://kept:1".to_owned(), addresses[0].clone()], 5);
        waiting.see(on_lan("tcp://kept:1", &theirs), NOW).unwrap();
        waiting.see(on_lan("tcp://b:1", &theirs), NOW).unwrap();
        assert_eq!(waiting.dials(NOW), [""; 0]);
        let later = NOW + LAN_PATIENCE + JITTER;
        assert_eq!(waiting.dials(later), ["tcp://b:1"], "not the one that is kept up anyway");
    }

    #[test]
    fn a_crowded_lan_is_not_linked_whole() {
        let own = (0..).map(identity).find(|i| i.id().as_bytes()[0] < 16).unwrap();
        let mut room = room(own.id());
        let mut dialled = 0;
        for n in 100..140 {
            let other = identity(n);
            let address = format!("tcp://{n}:1");
            let record = LanRecord::sign(&other, core::slice::from_ref(&address), 1);
            room.see(on_lan(&address, &record), NOW).unwrap();
            for address in room.dials(NOW) {
                dialled += 1;
                room.open(n, Some(&address), other.id(), Transport::Tcp);
            }
        }
        assert_eq!(dialled, LAN_LINKS_MAX);
    }

    fn identity(n: u64) -> Identity {
        Identity::generate(&Seed::from_number(n), 0)
    }
}

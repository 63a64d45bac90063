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
mod tests;

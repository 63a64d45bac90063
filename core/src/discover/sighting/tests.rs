//! One node and whom it notices, without links or a mesh.

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
    let theirs = LanRecord::sign(&smaller, &["tcp://kept:1".to_owned(), addresses[0].clone()], 5);
    waiting.see(on_lan("tcp://kept:1", &theirs), NOW).unwrap();
    waiting.see(on_lan("tcp://b:1", &theirs), NOW).unwrap();
    let before = NOW + (LAN_PATIENCE - Duration::from_millis(1));
    assert_eq!(waiting.dials(before), [""; 0], "the smaller id may still dial");
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

//! What is remembered of everyone we exchange payloads with: the key, the numbers given out, the
//! numbers seen, the round trip.
//!
//! Rules. Numbers rise per destination and kind, from Unix time at the start shifted left by 20
//! bits, so a restarted source is newer than before unless it sent a million datagrams per
//! millisecond. A forgotten destination never gets a number twice: the floor for new ones rises.
//! A source that was forgotten could be replayed once; that takes more other known nodes than the
//! map holds. Likewise after our own restart: who must not hear a thing twice across restarts
//! keeps its own record.

use super::window::Window;
use crate::{
    crypto::seal::PairKey,
    id::PeerId,
    limits,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Peers with keys and windows; as many as the map can name.
pub const PEERS_MAX: usize = limits::MAP_NODES_MAX;

/// Shortest wait for an acknowledgement. RFC 6298 asks for a second; meshes here are small. Guess.
const RTO_MIN: Duration = Duration::from_millis(100);
/// Longest wait: short enough for a dozen tries before giving up on a lossy path. Guess.
const RTO_MAX: Duration = Duration::from_secs(2);
/// Added to four times the expected one-way time until a round trip was measured. Guess.
const RTO_MARGIN: Duration = Duration::from_millis(200);

/// Smoothed round trip (RFC 6298, section 2).
#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
}

pub(super) struct Peer {
    link_key: [u8; 32],
    pub(super) key: PairKey,
    pub(super) next_once: u64,
    pub(super) next_acked: u64,
    pub(super) seen_once: Window,
    pub(super) seen_acked: Window,
    round_trip: Option<RoundTrip>,
    used_at: Instant,
}

impl Peer {
    pub(super) fn on_round_trip(&mut self, measured: Duration) {
        self.round_trip = Some(match self.round_trip {
            None => RoundTrip { smoothed: measured, variation: measured / 2 },
            Some(old) => RoundTrip {
                variation: (old.variation * 3 + old.smoothed.abs_diff(measured)) / 4,
                smoothed: (old.smoothed * 7 + measured) / 8,
            },
        });
    }

    /// How long to wait for an acknowledgement before the first repetition.
    pub(super) fn timeout(&self, expected_one_way: Duration) -> Duration {
        let wait = match self.round_trip {
            Some(known) => known.smoothed + known.variation * 4,
            None => expected_one_way.saturating_mul(4).saturating_add(RTO_MARGIN),
        };
        wait.clamp(RTO_MIN, RTO_MAX)
    }
}

/// The wait after `timeout` ran out in vain.
pub(super) fn back_off(timeout: Duration) -> Duration {
    (timeout * 2).min(RTO_MAX)
}

pub(super) struct Peers {
    peers: SortedMap<PeerId, Peer>,
    /// Where the numbers for a new destination start.
    floor: u64,
}

impl Peers {
    pub(super) fn new(wall_ms: u64) -> Peers {
        Peers { peers: SortedMap::new(), floor: first_id(wall_ms) }
    }

    /// The peer with this key, made known if it was not: one scalar multiplication the first time
    /// and when the key changes. `None` when the key has low order.
    pub(super) fn meet(
        &mut self,
        own: PeerId,
        own_secret: &[u8; 32],
        id: PeerId,
        link_key: &[u8; 32],
        now: Instant,
    ) -> Option<&mut Peer> {
        if !self.peers.contains_key(&id) {
            let key = PairKey::new(own_secret, own, link_key, id)?;
            if self.peers.len() >= PEERS_MAX {
                self.forget_longest_unused();
            }
            let peer = Peer {
                link_key: *link_key,
                key,
                next_once: self.floor,
                next_acked: self.floor,
                seen_once: Window::new(),
                seen_acked: Window::new(),
                round_trip: None,
                used_at: now,
            };
            self.peers.insert(id, peer);
        }
        let peer = self.peers.get_mut(&id)?;
        if peer.link_key != *link_key {
            peer.key = PairKey::new(own_secret, own, link_key, id)?;
            peer.link_key = *link_key;
        }
        peer.used_at = now;
        Some(peer)
    }

    /// Gives out no number below the first of `wall_ms` any more.
    pub(super) fn number_from(&mut self, wall_ms: u64) {
        self.floor = self.floor.max(first_id(wall_ms));
        for peer in self.peers.values_mut() {
            peer.next_once = peer.next_once.max(self.floor);
            peer.next_acked = peer.next_acked.max(self.floor);
        }
    }

    pub(super) fn known(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(id)
    }

    fn forget_longest_unused(&mut self) {
        let oldest = self.peers.iter().min_by_key(|(id, peer)| (peer.used_at, **id));
        if let Some(id) = oldest.map(|(id, _)| *id)
            && let Some(gone) = self.peers.remove(&id)
        {
            self.floor = self.floor.max(gone.next_once).max(gone.next_acked);
        }
    }
}

/// The first number of a life that started at `wall_ms` of Unix time. Half of all numbers are left
/// to count on, whatever the clock says.
pub(super) fn first_id(wall_ms: u64) -> u64 {
    wall_ms.min(1 << 43) << 20
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::identity::Identity, seed::Seed};

    fn met() -> Peers {
        let (a, b) = (
            Identity::generate(&Seed::from_number(1), 0),
            Identity::generate(&Seed::from_number(2), 0),
        );
        let mut peers = Peers::new(1);
        peers.meet(a.id(), a.link_secret(), b.id(), &b.link_key(), Instant::ZERO).unwrap();
        peers
    }

    #[test]
    fn the_wait_follows_rfc_6298_between_its_bounds() {
        let ms = Duration::from_millis;
        let mut peers = met();
        let peer = peers.peers.values_mut().next().unwrap();
        assert_eq!(peer.timeout(ms(50)), ms(400));
        assert_eq!(peer.timeout(Duration::MAX), RTO_MAX);
        peer.on_round_trip(ms(100));
        assert_eq!(peer.timeout(ms(50)), ms(300));
        peer.on_round_trip(ms(100));
        assert_eq!(peer.timeout(ms(50)), ms(250));
        for _ in 0..50 {
            peer.on_round_trip(ms(10));
        }
        assert_eq!(peer.timeout(ms(50)), RTO_MIN);
        assert_eq!(back_off(ms(1500)), RTO_MAX);
    }

    #[test]
    fn a_full_table_forgets_the_longest_unused_and_repeats_no_number() {
        let own = Identity::generate(&Seed::from_number(1), 0);
        let other = Identity::generate(&Seed::from_number(2), 0).link_key();
        let mut peers = Peers::new(1);
        let id = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
            PeerId::from_bytes(bytes)
        };
        for n in 0..=PEERS_MAX {
            let now = Instant::from_millis(n as u64 + 1);
            let peer = peers.meet(own.id(), own.link_secret(), id(n), &other, now).unwrap();
            if n == 0 {
                peer.next_acked += 7;
            }
        }
        assert_eq!(peers.peers.len(), PEERS_MAX);
        assert!(peers.known(&id(0)).is_none());
        let back = peers.meet(own.id(), own.link_secret(), id(0), &other, Instant::ZERO).unwrap();
        assert_eq!(back.next_acked, first_id(1) + 7);
    }
}

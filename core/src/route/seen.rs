//! Floods that came by already, and floods that wait to be judged.
//!
//! Rules. A flood is known by the digest of its origin, number and body: with the body left out, a
//! liar could block a flood it expects by sending another of the same number first. Both lists are
//! bounded and forget their oldest.

use super::message::Flood;
use crate::{
    id::PeerId,
    sorted::{SortedMap, SortedSet},
};
use std::collections::VecDeque;

/// Floods remembered as seen: a minute of a 1000-node mesh announcing every 25 s, three times
/// over. Guess.
pub const FLOODS_SEEN_MAX: usize = 8192;
/// Floods that wait for [`super::Router::relay`] or [`super::Router::drop_flood`]; whoever drains
/// outputs judges them at once.
pub const FLOODS_HELD_MAX: usize = 64;

/// Names one flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FloodKey([u8; 16]);

impl FloodKey {
    pub(super) fn of(flood: &Flood) -> FloodKey {
        let mut h = blake3::Hasher::new_derive_key("bitcraps v1 flood");
        h.update(flood.origin.as_bytes());
        h.update(&flood.id.to_le_bytes());
        h.update(&flood.body);
        let mut key = [0; 16];
        h.finalize_xof().fill(&mut key);
        FloodKey(key)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    First,
    Again,
}

#[derive(Default)]
pub(super) struct Seen {
    keys: SortedSet<FloodKey>,
    order: VecDeque<FloodKey>,
}

impl Seen {
    pub(super) fn note(&mut self, key: FloodKey) -> Sighting {
        if !self.keys.insert(key) {
            return Sighting::Again;
        }
        self.order.push_back(key);
        if self.order.len() > FLOODS_SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        Sighting::First
    }
}

#[derive(Default)]
pub(super) struct Held {
    floods: SortedMap<FloodKey, (PeerId, Flood)>,
    order: VecDeque<FloodKey>,
}

impl Held {
    /// Keeps a flood; returns how many older ones had to go.
    pub(super) fn put(&mut self, key: FloodKey, from: PeerId, flood: Flood) -> u64 {
        self.floods.insert(key, (from, flood));
        self.order.push_back(key);
        let mut dropped = 0;
        while self.floods.len() > FLOODS_HELD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            dropped += u64::from(self.floods.remove(&oldest).is_some());
        }
        dropped
    }

    pub(super) fn take(&mut self, key: FloodKey) -> Option<(PeerId, Flood)> {
        let taken = self.floods.remove(&key)?;
        self.order.retain(|held| *held != key);
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flood(id: u64, body: &[u8]) -> Flood {
        Flood { origin: PeerId::from_bytes([1; 32]), id, ttl: 9, body: body.to_vec() }
    }

    #[test]
    fn the_oldest_sighting_is_forgotten_when_the_cache_is_full() {
        let mut seen = Seen::default();
        let key = |id| FloodKey::of(&flood(id, b""));
        for id in 0..=FLOODS_SEEN_MAX as u64 {
            assert_eq!(seen.note(key(id)), Sighting::First);
        }
        assert_eq!(seen.keys.len(), FLOODS_SEEN_MAX);
        assert_eq!(seen.note(key(1)), Sighting::Again);
        assert_eq!(seen.note(key(0)), Sighting::First);
    }

    #[test]
    fn the_oldest_unjudged_flood_goes_when_too_many_wait() {
        let mut held = Held::default();
        let from = PeerId::from_bytes([2; 32]);
        let flood = |id| flood(id, b"");
        let dropped: u64 = (0..FLOODS_HELD_MAX as u64 + 3)
            .map(|id| held.put(FloodKey::of(&flood(id)), from, flood(id)))
            .sum();
        assert_eq!((dropped, held.floods.len()), (3, FLOODS_HELD_MAX));
        assert_eq!(held.take(FloodKey::of(&flood(2))), None);
        assert_eq!(held.take(FloodKey::of(&flood(3))), Some((from, flood(3))));
        assert_eq!(held.order.len(), FLOODS_HELD_MAX - 1);
    }

    #[test]
    fn another_body_is_another_flood() {
        assert_ne!(FloodKey::of(&flood(1, b"a")), FloodKey::of(&flood(1, b"b")));
    }
}

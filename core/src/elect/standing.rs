//! How well a peer would lead, as one number from what can be seen of it.
//!
//! Rules. Nothing counts that a peer could say of itself: how long it has been here and how many
//! links it has are read from the map, where a link stands only when both ends say so; its power
//! follows from its kind. Every part is bounded, so none swamps the others. A twentieth is drawn
//! by lot from a seed that was not known when keys were made, so that no key can be searched for
//! that wins every time.

use crate::{
    id::{NodeKind, PeerId},
    time::Duration,
};

/// Beyond this, more time here counts nothing.
pub const UPTIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Beyond this, more links count nothing. Guess: enough to reach any mesh of players quickly.
pub const LINKS_COUNTED_MAX: usize = 16;

/// What is known of a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// How long it has been on the map.
    pub uptime: Duration,
    pub links: usize,
    /// From 0 to 1; 0.5 for whoever nothing is known of.
    pub trust: f64,
    pub kind: NodeKind,
}

impl Standing {
    /// The documents' weights, each part bounded: 0.3 time, 0.25 links, 0.2 trust, 0.15 power,
    /// 0.1 battery; and a lot of at most 0.05. `lot` is from 0 to 1.
    pub fn priority(&self, lot: f64) -> f64 {
        let share = |part: f64| part.clamp(0.0, 1.0);
        let uptime = share(self.uptime.as_micros() as f64 / UPTIME_MAX.as_micros() as f64);
        let links = share(self.links as f64 / LINKS_COUNTED_MAX as f64);
        // A page is suspended with its tab and runs on whatever its device has left.
        let (power, battery) = match self.kind {
            NodeKind::Browser => (0.2, 0.5),
            NodeKind::Regular | NodeKind::Gateway => (1.0, 1.0),
        };
        0.3 * uptime
            + 0.25 * links
            + 0.2 * share(self.trust)
            + 0.15 * power
            + 0.1 * battery
            + 0.05 * share(lot)
    }
}

/// A peer's lot, from 0 to 1.
pub fn lot(seed: &[u8; 32], peer: PeerId) -> f64 {
    let mut hasher = blake3::Hasher::new_derive_key("bitcraps v1 election lot");
    hasher.update(seed);
    hasher.update(peer.as_bytes());
    let drawn = hasher.finalize();
    let first = drawn.as_bytes().first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    f64::from(first) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Standing = Standing {
        uptime: UPTIME_MAX,
        links: LINKS_COUNTED_MAX,
        trust: 1.0,
        kind: NodeKind::Regular,
    };

    #[test]
    fn no_part_can_swamp_the_others() {
        let best = GOOD.priority(1.0);
        assert!((best - 1.05).abs() < 1e-9, "{best}");
        let endless =
            Standing { uptime: Duration::from_secs(1 << 30), links: 1 << 20, trust: 9.0, ..GOOD };
        assert_eq!(endless.priority(1.0), best);
        let lucky = Standing { uptime: Duration::ZERO, ..GOOD }.priority(1.0);
        assert!(lucky < GOOD.priority(0.0), "the lot decides among equals only");
    }

    #[test]
    fn lots_of_one_seed_are_spread_and_those_of_another_are_others() {
        let peer = |byte| PeerId::from_bytes([byte; 32]);
        let lots = |seed| (0..100).map(|n| lot(&[seed; 32], peer(n))).collect::<Vec<_>>();
        let mean = lots(1).iter().sum::<f64>() / 100.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert_ne!(lots(1), lots(2));
    }
}

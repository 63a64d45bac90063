//! How far a peer is to be trusted, from what this node saw it do.
//!
//! Rules, and why.
//! 1. Everybody starts at 0.5 and drifts back there, by half each [`HALF_LIFE`]: neither merit nor
//!    guilt is for ever, since keys change hands and software is mended.
//! 2. Only deeds that this node saw count, or that carry their own proof. Nobody's opinion is
//!    asked, so nobody can praise itself, or others slander it.
//! 3. Good deeds move it a little, bad ones much: it takes long to earn and one lie to lose.
//!
//! It decides nothing: who elects, seats and relays looks at it.

use crate::{
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Nothing is known.
pub const NEUTRAL: f64 = 0.5;

/// Below this a peer is not asked to a table. Guess: several failures in a row, or one lie.
pub const DOUBTFUL: f64 = 0.25;

/// Guess: an evening.
pub const HALF_LIFE: Duration = Duration::from_secs(3 * 3600);

/// Peers that are remembered; who stands nearest to neutral goes first.
pub const PEERS_MAX: usize = 1024;

/// What a peer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A payload to it was acknowledged.
    Delivered,
    /// One never was.
    Undelivered,
    /// It sent what no honest program sends.
    Garbage,
    /// It signed two things that exclude each other.
    Equivocated,
}

impl Deed {
    /// Towards what the trust moves, and by which share of the way. Guesses: a hundred payloads
    /// that arrive make up for three that do not.
    const fn pull(self) -> (f64, f64) {
        match self {
            Deed::Delivered => (1.0, 0.002),
            Deed::Undelivered => (0.0, 0.05),
            Deed::Garbage => (0.0, 0.25),
            Deed::Equivocated => (0.0, 1.0),
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct Trust(SortedMap<PeerId, (f64, Instant)>);

impl Trust {
    pub fn on_deed(&mut self, peer: PeerId, deed: Deed, now: Instant) {
        let (goal, share) = deed.pull();
        let before = self.of(peer, now);
        if self.0.len() >= PEERS_MAX && !self.0.contains_key(&peer) {
            self.forget_one(now);
        }
        self.0.insert(peer, (before + (goal - before) * share, now));
    }

    /// From 0 to 1.
    pub fn of(&self, peer: PeerId, now: Instant) -> f64 {
        self.0.get(&peer).map_or(NEUTRAL, |(trust, at)| drifted(*trust, now.since(*at)))
    }

    fn forget_one(&mut self, now: Instant) {
        let distance = |(peer, (trust, at)): (&PeerId, &(f64, Instant))| {
            ((drifted(*trust, now.since(*at)) - NEUTRAL).abs(), *peer)
        };
        let nearest = self.0.iter().map(distance);
        let nearest = nearest.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        nearest.and_then(|(_, peer)| self.0.remove(&peer));
    }
}

/// Rule 1 of the module. Halves are taken whole and the rest of one on a straight line, so that
/// every platform computes the same.
fn drifted(trust: f64, since: Duration) -> f64 {
    let lives = since.as_micros() as f64 / HALF_LIFE.as_micros() as f64;
    let whole = lives.floor().min(64.0);
    let mut left = trust - NEUTRAL;
    for _ in 0..whole as u32 {
        left /= 2.0;
    }
    NEUTRAL + left * (1.0 - (lives - whole).clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u64) -> PeerId {
        PeerId::from_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    fn after(deeds: &[(Deed, u32)]) -> f64 {
        let mut trust = Trust::default();
        for (deed, times) in deeds {
            (0..*times).for_each(|_| trust.on_deed(peer(1), *deed, Instant::ZERO));
        }
        trust.of(peer(1), Instant::ZERO)
    }

    #[test]
    fn it_takes_long_to_earn_and_one_lie_to_lose() {
        assert_eq!(after(&[]), NEUTRAL);
        assert!((0.7..0.99).contains(&after(&[(Deed::Delivered, 500)])));
        assert!(after(&[(Deed::Delivered, 100_000)]) <= 1.0);
        assert_eq!(after(&[(Deed::Delivered, 100_000), (Deed::Equivocated, 1)]), 0.0);
        assert!(after(&[(Deed::Garbage, 3)]) < DOUBTFUL);
        assert!(after(&[(Deed::Undelivered, 5)]) > DOUBTFUL);
        assert!(after(&[(Deed::Undelivered, 20)]) < DOUBTFUL);
        assert!(after(&[(Deed::Undelivered, 3), (Deed::Delivered, 100)]) >= NEUTRAL);
    }

    #[test]
    fn what_is_known_fades_by_half_in_every_half_life_and_never_crosses_the_middle() {
        let mut trust = Trust::default();
        trust.on_deed(peer(1), Deed::Equivocated, Instant::ZERO);
        let at = |lives: f64| {
            let micros = (HALF_LIFE.as_micros() as f64 * lives) as u64;
            trust.of(peer(1), Instant::from_micros(micros))
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(at(1.0), 0.25) && near(at(2.0), 0.375) && near(at(0.5), 0.125));
        assert!((0..200).all(|n| at(f64::from(n) / 7.0) <= at(f64::from(n + 1) / 7.0)));
        assert!(at(1000.0) <= NEUTRAL);
    }

    #[test]
    fn nobodys_deeds_count_for_another_and_the_least_known_is_forgotten_first() {
        let mut trust = Trust::default();
        trust.on_deed(peer(0), Deed::Equivocated, Instant::ZERO);
        for number in 1..2 * PEERS_MAX as u64 {
            trust.on_deed(peer(number), Deed::Delivered, Instant::ZERO);
        }
        assert_eq!(trust.0.len(), PEERS_MAX);
        assert_eq!(trust.of(peer(0), Instant::ZERO), 0.0, "a liar is not washed out by strangers");
        assert_eq!(trust.of(peer(5000), Instant::ZERO), NEUTRAL);
    }
}

//! Which addresses were dialled and when each may be dialled again.
//!
//! After a failure the next try comes at a random time between now and a bound that doubles with
//! each failure ("full jitter"; Brooker, "Exponential Backoff And Jitter", AWS 2015). A link that
//! proved who is at its other end starts the waits anew. Nothing is dialled here: who asks decides
//! what is worth a try.

use crate::{
    id::LinkId,
    seed::Rng,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Addresses that are remembered. Those that may be dialled at once anyway make room first.
pub const ATTEMPTS_MAX: usize = 256;

/// Bounds of the waits.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Bound of the first wait.
    pub base: Duration,
    /// No wait is longer.
    pub max: Duration,
}

/// The addresses of one source of peers.
pub struct Attempts {
    backoff: Backoff,
    entries: SortedMap<String, Attempt>,
    /// The address of each connection that answers a dial.
    dialled: SortedMap<LinkId, String>,
}

struct Attempt {
    state: State,
    /// Failures since a handshake last succeeded.
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting {
        at: Instant,
    },
    /// Asked of the driver.
    Dialling,
    /// Connected, the handshake included.
    Connected,
}

impl Attempts {
    pub fn new(backoff: Backoff) -> Attempts {
        Attempts { backoff, entries: SortedMap::new(), dialled: SortedMap::new() }
    }

    /// When this address may be dialled; `None` while it is being dialled or connected.
    pub fn ready_at(&self, address: &str) -> Option<Instant> {
        match self.entries.get(address).map(|entry| entry.state) {
            None => Some(Instant::ZERO),
            Some(State::Waiting { at }) => Some(at),
            Some(State::Dialling | State::Connected) => None,
        }
    }

    /// How many addresses the driver is dialling.
    pub fn dialling(&self) -> usize {
        self.entries.values().filter(|entry| entry.state == State::Dialling).count()
    }

    /// The driver is asked to dial this address. Whether there is room to remember it.
    pub fn begin(&mut self, address: &str, now: Instant) -> bool {
        if let Some(entry) = self.entries.get_mut(address) {
            entry.state = State::Dialling;
            return true;
        }
        if self.entries.len() >= ATTEMPTS_MAX {
            self.entries.retain(|_, e| !matches!(e.state, State::Waiting { at } if at <= now));
        }
        if self.entries.len() >= ATTEMPTS_MAX {
            return false;
        }
        let attempt = Attempt { state: State::Dialling, failures: 0 };
        self.entries.insert(address.to_owned(), attempt);
        true
    }

    /// The dial led to no connection. Gives the time to the next try; `None` for an address that
    /// is not being dialled by this room.
    pub fn on_dial_failed(
        &mut self,
        address: &str,
        rng: &mut Rng,
        now: Instant,
    ) -> Option<Duration> {
        let entry = self.entries.get_mut(address).filter(|e| e.state == State::Dialling)?;
        Some(entry.back_off(self.backoff, rng, now))
    }

    /// A connection stands that answers a dial. Whether this room asked for it.
    pub fn on_up(&mut self, link: LinkId, address: &str) -> bool {
        let Some(entry) = self.entries.get_mut(address).filter(|e| e.state == State::Dialling)
        else {
            return false;
        };
        entry.state = State::Connected;
        self.dialled.insert(link, address.to_owned());
        true
    }

    /// Its other end proved who it is.
    pub fn on_opened(&mut self, link: LinkId) {
        let entry = self.dialled.get(&link).and_then(|address| self.entries.get_mut(address));
        if let Some(entry) = entry {
            entry.failures = 0;
        }
    }

    /// The connection is gone, opened or not.
    pub fn on_closed(&mut self, link: LinkId, rng: &mut Rng, now: Instant) {
        let Some(address) = self.dialled.remove(&link) else { return };
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.back_off(self.backoff, rng, now);
        }
    }
}

impl Attempt {
    fn back_off(&mut self, backoff: Backoff, rng: &mut Rng, now: Instant) -> Duration {
        let bound = backoff.base.saturating_mul(1 << self.failures.min(16)).min(backoff.max);
        let wait = Duration::from_micros(rng.below(bound.as_micros() as u64 + 1));
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting { at: now + wait };
        wait
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use crate::seed::Seed;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(60) };
    const NOW: Instant = Instant::from_millis(5000);

    fn rng(seed: u64) -> Rng {
        Seed::from_number(seed).rng()
    }

    #[test]
    fn waits_double_up_to_their_bound_are_spread_and_start_anew_after_a_handshake() {
        let mut longest = [Duration::ZERO; 9];
        for seed in 0..100 {
            let (mut attempts, mut rng) = (Attempts::new(BACKOFF), rng(seed));
            for (i, longest) in longest.iter_mut().enumerate() {
                assert!(attempts.begin("a", NOW));
                assert_eq!(attempts.ready_at("a"), None);
                let wait = attempts.on_dial_failed("a", &mut rng, NOW).unwrap();
                assert!(wait <= (BACKOFF.base * (1 << i)).min(BACKOFF.max));
                assert_eq!(attempts.ready_at("a"), Some(NOW + wait));
                assert_eq!(attempts.on_dial_failed("a", &mut rng, NOW), None, "not dialled");
                *longest = wait.max(*longest);
            }
            attempts.begin("a", NOW);
            assert!(attempts.on_up(LinkId(1), "a") && !attempts.on_up(LinkId(2), "a"));
            attempts.on_opened(LinkId(1));
            attempts.on_closed(LinkId(1), &mut rng, NOW);
            assert!(attempts.ready_at("a").unwrap() <= NOW + BACKOFF.base);
        }
        for (i, longest) in longest.iter().enumerate() {
            assert!(*longest > (BACKOFF.base * (1 << i)).min(BACKOFF.max) * 9 / 10, "{i}");
        }
    }

    #[test]
    fn the_memory_is_bounded_and_what_may_be_dialled_anyway_makes_room() {
        let mut attempts = Attempts::new(BACKOFF);
        for n in 0..ATTEMPTS_MAX {
            assert!(attempts.begin(&n.to_string(), NOW));
        }
        assert!(!attempts.begin("one more", NOW));
        attempts.on_dial_failed("7", &mut rng(1), NOW);
        assert!(attempts.begin("one more", NOW + BACKOFF.base));
        assert_eq!(attempts.ready_at("7"), Some(Instant::ZERO));
    }
}

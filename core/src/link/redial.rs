//! When to dial the addresses a node was told to keep up.
//!
//! One link per address. After a failure the next try comes at a random time between now and a
//! bound that doubles with each failure ("full jitter"; Brooker, "Exponential Backoff And
//! Jitter", AWS 2015), so that peers that lost the same gateway do not come back all at once.
//!
//! Rules. Several addresses may lead to one peer, and each is kept up. An address that turned out
//! to be this node is never dialled again. One whose link was one too many, while its peer has
//! others, rests until one of those is gone: two nodes that dial each other would else open and
//! close a second link for ever. The node forwards what it hears; everything is decided here.

use crate::{
    id::{LinkId, PeerId},
    seed::{Rng, Seed},
    sorted::SortedMap,
    time::{Duration, Instant},
    transport::CloseReason,
};

/// Bound of the first wait. Guess: a process that restarts is back in less.
pub const BACKOFF_BASE: Duration = Duration::from_millis(250);

/// No wait is longer: a person who plugs the cable in again should not wonder.
pub const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Addresses kept up; more are ignored.
pub const ADDRESSES_MAX: usize = 64;

/// The addresses of one node.
pub struct Redial {
    own: PeerId,
    rng: Rng,
    addresses: SortedMap<String, Address>,
    /// The address of each connection that answers a dial.
    dialled: SortedMap<LinkId, String>,
    /// Open links, dialled or not.
    open: SortedMap<LinkId, PeerId>,
}

struct Address {
    state: State,
    /// Failures since a handshake last succeeded.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting {
        at: Instant,
    },
    /// Asked of the driver, or connected.
    Busy,
    /// The peer there has the links it may have.
    Resting {
        peer: PeerId,
    },
    /// It is this node.
    Ourselves,
}

impl Redial {
    /// Every address is due at once.
    pub fn new(
        own: PeerId,
        addresses: impl IntoIterator<Item = String>,
        seed: Seed,
        now: Instant,
    ) -> Redial {
        let fresh = |address| (address, Address { state: State::Waiting { at: now }, failures: 0 });
        Redial {
            own,
            rng: seed.rng(),
            addresses: addresses.into_iter().take(ADDRESSES_MAX).map(fresh).collect(),
            dialled: SortedMap::new(),
            open: SortedMap::new(),
        }
    }

    /// The next address to dial now. Each must be answered by [`Redial::on_up`] or
    /// [`Redial::on_dial_failed`].
    pub fn poll_dial(&mut self, now: Instant) -> Option<String> {
        let due = |a: &Address| matches!(a.state, State::Waiting { at } if at <= now);
        let (name, address) = self.addresses.iter_mut().find(|(_, address)| due(address))?;
        address.state = State::Busy;
        Some(name.clone())
    }

    /// When [`Redial::poll_dial`] next has something.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.addresses.values().filter_map(|address| match address.state {
            State::Waiting { at } => Some(at),
            State::Busy | State::Resting { .. } | State::Ourselves => None,
        });
        waiting.min()
    }

    /// The dial led to no connection. Gives the time to the next try; `None` for an address that
    /// is not being dialled.
    pub fn on_dial_failed(&mut self, address: &str, now: Instant) -> Option<Duration> {
        let known = self.addresses.get_mut(address).filter(|a| a.state == State::Busy)?;
        Some(back_off(known, &mut self.rng, now))
    }

    /// A connection stands that answers a dial to `address`. An address that this node was not
    /// told to keep up is none of this room's business.
    pub fn on_up(&mut self, link: LinkId, address: &str) {
        if let Some(known) = self.addresses.get_mut(address) {
            known.state = State::Busy;
            self.dialled.insert(link, address.to_owned());
        }
    }

    /// Any link opened, dialled or not.
    pub fn on_opened(&mut self, link: LinkId, peer: PeerId) {
        self.open.insert(link, peer);
        let address = self.dialled.get(&link).and_then(|name| self.addresses.get_mut(name));
        if let Some(address) = address {
            address.failures = 0;
        }
    }

    /// Any link closed, with what [`super::Output::Closed`] said. Gives the time to the next try
    /// when a dialled address waits for one now.
    pub fn on_closed(
        &mut self,
        link: LinkId,
        peer: Option<PeerId>,
        reason: CloseReason,
        now: Instant,
    ) -> Option<Duration> {
        let ended = self.open.remove(&link);
        for address in self.addresses.values_mut() {
            if matches!(address.state, State::Resting { peer } if Some(peer) == ended) {
                back_off(address, &mut self.rng, now);
            }
        }
        let linked = peer.is_some_and(|peer| self.open.values().any(|open| *open == peer));
        let surplus = matches!(reason, CloseReason::Duplicate | CloseReason::Limit);
        let name = self.dialled.remove(&link)?;
        let address = self.addresses.get_mut(&name)?;
        match peer {
            Some(peer) if peer == self.own => address.state = State::Ourselves,
            Some(peer) if surplus && linked => {
                address.state = State::Resting { peer };
                address.failures = 0;
            }
            _ => return Some(back_off(address, &mut self.rng, now)),
        }
        None
    }
}

fn back_off(address: &mut Address, rng: &mut Rng, now: Instant) -> Duration {
    let bound = BACKOFF_BASE.saturating_mul(1 << address.failures.min(16)).min(BACKOFF_MAX);
    let wait = Duration::from_micros(rng.below(bound.as_micros() as u64 + 1));
    address.failures = address.failures.saturating_add(1);
    address.state = State::Waiting { at: now + wait };
    wait
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "tcp://home:9000";
    const NOW: Instant = Instant::from_millis(1000);

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    fn one(seed: u64) -> Redial {
        Redial::new(peer(0), [HOME.to_owned()], Seed::from_number(seed), NOW)
    }

    #[test]
    fn every_address_is_dialled_at_once_and_once() {
        let both = [HOME.to_owned(), "ws://bar".to_owned()];
        let mut r = Redial::new(peer(0), both.clone(), Seed::from_number(1), NOW);
        assert_eq!(r.deadline(), Some(NOW));
        assert_eq!([r.poll_dial(NOW), r.poll_dial(NOW)], both.map(Some));
        assert_eq!((r.poll_dial(NOW), r.deadline()), (None, None));
    }

    #[test]
    fn waits_double_up_to_their_bound_and_are_spread_over_all_of_it() {
        let mut longest = [Duration::ZERO; 10];
        let mut shortest = [Duration::MAX; 10];
        for seed in 0..200 {
            let mut r = one(seed);
            let mut now = NOW;
            for i in 0..10 {
                assert_eq!(r.poll_dial(now).as_deref(), Some(HOME));
                let wait = r.on_dial_failed(HOME, now).unwrap();
                assert_eq!(r.deadline(), Some(now + wait));
                now = now + wait;
                longest[i] = longest[i].max(wait);
                shortest[i] = shortest[i].min(wait);
            }
        }
        for i in 0..10 {
            let bound = (BACKOFF_BASE * (1 << i)).min(BACKOFF_MAX);
            assert!(longest[i] <= bound && longest[i] > bound * 9 / 10, "{i}: {longest:?}");
            assert!(shortest[i] < bound / 10, "{i}: {shortest:?}");
        }
    }

    #[test]
    fn a_handshake_that_succeeded_starts_the_waits_anew() {
        for seed in 0..50 {
            let mut r = one(seed);
            for _ in 0..8 {
                r.poll_dial(Instant::NEVER);
                r.on_dial_failed(HOME, NOW);
            }
            r.poll_dial(Instant::NEVER);
            r.on_up(LinkId(1), HOME);
            assert_eq!(r.poll_dial(Instant::NEVER), None, "one link per address");
            r.on_opened(LinkId(1), peer(1));
            let wait = r.on_closed(LinkId(1), Some(peer(1)), CloseReason::Silent, NOW).unwrap();
            assert!(wait <= BACKOFF_BASE);
        }
    }

    #[test]
    fn a_handshake_that_failed_counts_as_a_failure() {
        let mut r = one(1);
        let mut longest = Duration::ZERO;
        for n in 0..20 {
            r.poll_dial(Instant::NEVER);
            r.on_up(LinkId(n), HOME);
            let wait = r.on_closed(LinkId(n), None, CloseReason::NoWork, NOW).unwrap();
            longest = longest.max(wait);
        }
        assert!(longest > BACKOFF_BASE * 8);
    }

    #[test]
    fn an_address_that_is_this_node_is_never_dialled_again() {
        let mut r = one(1);
        r.poll_dial(NOW);
        r.on_up(LinkId(1), HOME);
        assert_eq!(r.on_closed(LinkId(1), Some(peer(0)), CloseReason::Duplicate, NOW), None);
        assert_eq!((r.deadline(), r.poll_dial(Instant::NEVER)), (None, None));
        assert_eq!(r.on_dial_failed(HOME, NOW), None);
    }

    #[test]
    fn an_address_that_is_one_too_many_rests_until_a_link_of_its_peer_is_gone() {
        let mut r = one(1);
        r.poll_dial(NOW);
        r.on_opened(LinkId(7), peer(1));
        r.on_up(LinkId(1), HOME);
        assert_eq!(r.on_closed(LinkId(1), Some(peer(1)), CloseReason::Duplicate, NOW), None);
        assert_eq!(r.deadline(), None);
        r.on_opened(LinkId(8), peer(1));
        r.on_closed(LinkId(7), Some(peer(1)), CloseReason::TransportClosed, NOW);
        assert!(r.deadline().is_some_and(|at| at <= NOW + BACKOFF_BASE), "8 is left");
    }

    #[test]
    fn two_addresses_of_one_peer_are_both_kept_up() {
        let both = [HOME.to_owned(), "ws://home".to_owned()];
        let mut r = Redial::new(peer(0), both.clone(), Seed::from_number(1), NOW);
        for (link, address) in (0..).map(LinkId).zip(&both) {
            r.poll_dial(NOW);
            r.on_up(link, address);
            r.on_opened(link, peer(1));
        }
        for (link, address) in (0..).map(LinkId).zip(&both) {
            assert!(r.on_closed(link, Some(peer(1)), CloseReason::Silent, NOW).is_some());
            assert_eq!(r.poll_dial(Instant::NEVER).as_ref(), Some(address));
        }
    }

    #[test]
    fn an_address_past_the_links_of_one_peer_rests_too() {
        let mut r = one(1);
        r.poll_dial(NOW);
        r.on_opened(LinkId(7), peer(1));
        r.on_up(LinkId(1), HOME);
        assert_eq!(r.on_closed(LinkId(1), Some(peer(1)), CloseReason::Limit, NOW), None);
        assert_eq!(r.deadline(), None);
    }

    #[test]
    fn a_duplicate_of_a_link_that_is_gone_already_is_dialled_again() {
        let mut r = one(1);
        r.poll_dial(NOW);
        r.on_up(LinkId(1), HOME);
        assert!(r.on_closed(LinkId(1), Some(peer(1)), CloseReason::Duplicate, NOW).is_some());
        assert!(r.deadline().is_some());
    }

    #[test]
    fn more_addresses_than_the_limit_are_ignored() {
        let many = (0..ADDRESSES_MAX + 5).map(|n| format!("tcp://{n:04}"));
        let mut r = Redial::new(peer(0), many, Seed::from_number(1), NOW);
        assert_eq!(core::iter::from_fn(|| r.poll_dial(NOW)).count(), ADDRESSES_MAX);
    }
}

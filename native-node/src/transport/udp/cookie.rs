//! Cookies: what a listener gives away instead of memory.
//!
//! Rules. A cookie is a keyed hash of the dialer's address, its id and the time, so the listener
//! keeps nothing for a hello and believes no address before something came back from it. It holds
//! for one to two turns of the clock. The key dies with the process.

use super::message::{Cookie, Id};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

/// One turn. Guess: a dialer that needs longer has given up.
const TURN: Duration = Duration::from_secs(10);

/// Makes cookies and knows its own.
pub struct Baker {
    key: [u8; 32],
    since: Instant,
}

impl Baker {
    pub fn new(key: [u8; 32]) -> Baker {
        Baker { key, since: Instant::now() }
    }

    pub fn bake(&self, from: SocketAddr, dialer: Id, now: Instant) -> Cookie {
        *self.hash(from, dialer, self.turn(now)).as_bytes()
    }

    pub fn knows(&self, cookie: Cookie, from: SocketAddr, dialer: Id, now: Instant) -> bool {
        let turn = self.turn(now);
        // `blake3::Hash` compares in constant time.
        let is = |turn| self.hash(from, dialer, turn) == blake3::Hash::from_bytes(cookie);
        is(turn) || turn.checked_sub(1).is_some_and(is)
    }

    fn turn(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.since).as_secs() / TURN.as_secs()
    }

    fn hash(&self, from: SocketAddr, dialer: Id, turn: u64) -> blake3::Hash {
        let ip = match from.ip().to_canonical() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            std::net::IpAddr::V6(ip) => ip.octets(),
        };
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&ip).update(&from.port().to_le_bytes());
        hasher.update(&dialer.0).update(&turn.to_le_bytes());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_holds_for_its_address_its_dialer_and_its_time_alone() {
        let baker = Baker::new([7; 32]);
        let from = SocketAddr::from(([192, 0, 2, 1], 9));
        let (dialer, now) = (Id([1; 8]), Instant::now());
        let cookie = baker.bake(from, dialer, now);
        assert!(baker.knows(cookie, from, dialer, now));
        assert!(baker.knows(cookie, from, dialer, now + TURN));
        assert!(!baker.knows(cookie, from, dialer, now + TURN * 2));
        assert!(!baker.knows(cookie, from, Id([2; 8]), now));
        assert!(!baker.knows(cookie, SocketAddr::from(([192, 0, 2, 1], 10)), dialer, now));
        assert!(!baker.knows(cookie, SocketAddr::from(([192, 0, 2, 2], 9)), dialer, now));
        assert!(!Baker::new([8; 32]).knows(cookie, from, dialer, now));
        assert!(!baker.knows([0; 32], from, dialer, now));
    }
}

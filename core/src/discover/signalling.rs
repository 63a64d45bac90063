//! What two shells tell each other to open a direct link, as far as the mesh lets them.
//!
//! A body is opaque here: a description or a candidate of WebRTC in a form of the shells' own. It
//! travels sealed to its recipient, is repeated until acknowledged, arrives at most once and in
//! any order. Rules. A body has a bound; each direction with each peer has an allowance that
//! refills slowly, so that nobody can use the mesh's most patient kind of message as a channel;
//! only as many peers are remembered as can meet. What is refused is counted and changes nothing.

use crate::{
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Bytes of one body. A description of one data channel takes about 600, with its candidates
/// about 2 000 (guess from descriptions of today's browsers); four times that.
pub const SIGNAL_BYTES_MAX: usize = 8 * 1024;

/// Bodies to or from one peer at once: a description and the candidates of a machine with many
/// interfaces, twice. Guess.
pub const SIGNALS_BURST: u32 = 48;

/// After the burst one more body is allowed every so often. Guess.
pub const SIGNAL_EVERY: Duration = Duration::from_millis(500);

/// Peers whose allowance is remembered in one direction; whoever is idle longest makes room.
pub const SIGNALLERS_MAX: usize = 256;

/// Why a body was not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalRefused {
    #[error("this node does not meet others directly")]
    CannotMeet,
    #[error("a body has 1 to {max} bytes, got {got}")]
    Size { got: usize, max: usize },
    #[error("the peer is not known to meet others directly")]
    UnknownPeer,
    #[error("too many bodies for this peer; the next is allowed a little later")]
    TooMany,
}

/// The allowances of one direction.
#[derive(Default)]
pub struct Allowances {
    peers: SortedMap<PeerId, Allowance>,
}

struct Allowance {
    left: u32,
    /// When `left` was last brought up to date.
    at: Instant,
}

impl Allowances {
    /// Takes one body of `bytes` with `peer` off its allowance.
    pub fn take(&mut self, peer: PeerId, bytes: usize, now: Instant) -> Result<(), SignalRefused> {
        if !(1..=SIGNAL_BYTES_MAX).contains(&bytes) {
            return Err(SignalRefused::Size { got: bytes, max: SIGNAL_BYTES_MAX });
        }
        if !self.peers.contains_key(&peer) {
            self.make_room();
            self.peers.insert(peer, Allowance { left: SIGNALS_BURST, at: now });
        }
        let allowance = self.peers.get_mut(&peer).ok_or(SignalRefused::UnknownPeer)?;
        allowance.refill(now);
        allowance.left = allowance.left.checked_sub(1).ok_or(SignalRefused::TooMany)?;
        Ok(())
    }

    fn make_room(&mut self) {
        if self.peers.len() < SIGNALLERS_MAX {
            return;
        }
        let idle = self.peers.iter().min_by_key(|(peer, allowance)| (allowance.at, **peer));
        if let Some(idle) = idle.map(|(peer, _)| *peer) {
            self.peers.remove(&idle);
        }
    }
}

impl Allowance {
    fn refill(&mut self, now: Instant) {
        let earned = now.since(self.at).as_micros() / SIGNAL_EVERY.as_micros();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        if self.left.saturating_add(earned) >= SIGNALS_BURST {
            (self.left, self.at) = (SIGNALS_BURST, now);
        } else {
            self.left += earned;
            self.at = self.at + SIGNAL_EVERY.saturating_mul(earned);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(60_000);

    fn peer(n: usize) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        PeerId::from_bytes(bytes)
    }

    #[test]
    fn a_burst_is_allowed_and_then_one_body_at_a_time() {
        let mut allowances = Allowances::default();
        for _ in 0..SIGNALS_BURST {
            assert_eq!(allowances.take(peer(1), 9, NOW), Ok(()));
        }
        assert_eq!(allowances.take(peer(1), 9, NOW), Err(SignalRefused::TooMany));
        assert_eq!(allowances.take(peer(2), 9, NOW), Ok(()), "another peer has its own");
        let later = NOW + SIGNAL_EVERY;
        assert_eq!(allowances.take(peer(1), 9, later), Ok(()));
        assert_eq!(allowances.take(peer(1), 9, later), Err(SignalRefused::TooMany));
        let rested = later + SIGNAL_EVERY * 1000;
        let taken = (0..1000).filter(|_| allowances.take(peer(1), 9, rested).is_ok()).count();
        assert_eq!(taken as u32, SIGNALS_BURST, "no more than a burst is ever saved up");
    }

    #[test]
    fn a_body_that_is_empty_or_too_long_is_refused_and_costs_nothing() {
        let mut allowances = Allowances::default();
        for got in [0, SIGNAL_BYTES_MAX + 1] {
            let refused = Err(SignalRefused::Size { got, max: SIGNAL_BYTES_MAX });
            assert_eq!(allowances.take(peer(1), got, NOW), refused);
        }
        for _ in 0..SIGNALS_BURST {
            assert_eq!(allowances.take(peer(1), SIGNAL_BYTES_MAX, NOW), Ok(()));
        }
    }

    #[test]
    fn only_so_many_peers_are_remembered_and_the_idle_one_goes() {
        let mut allowances = Allowances::default();
        for n in 0..=SIGNALLERS_MAX {
            let at = NOW + Duration::from_millis(n as u64);
            assert_eq!(allowances.take(peer(n), 9, at), Ok(()));
        }
        assert_eq!(allowances.peers.len(), SIGNALLERS_MAX);
        assert!(!allowances.peers.contains_key(&peer(0)));
    }
}

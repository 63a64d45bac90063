//! Datagrams that wait for their acknowledgement.
//!
//! Rules. Every one has exactly one timer. Their number is limited per node and per destination,
//! their bytes per node; what does not fit is refused when it is sent, never dropped later. The
//! oldest of a destination may not fall so far behind the newest that the destination would take
//! it for a replay.

use super::{PacketId, SendError, window::WINDOW_IDS};
use crate::{
    id::PeerId,
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
    transport::Class,
};

/// Datagrams waiting at one node. Guess: 16 tables of 16 members, four each.
pub const OUTSTANDING_MAX: usize = 1024;
/// Datagrams waiting for one destination. Guess.
pub const OUTSTANDING_PER_PEER_MAX: usize = 128;
/// Bytes of sealed payloads waiting at one node.
pub const OUTSTANDING_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) struct Waiting {
    pub(super) packet: PacketId,
    pub(super) class: Class,
    pub(super) sealed: Vec<u8>,
    /// The path in force when it was first sent, ourselves included.
    pub(super) first_path: Vec<PeerId>,
    pub(super) sent_at: Instant,
    pub(super) tries: u32,
    pub(super) timeout: Duration,
    pub(super) due: Instant,
}

#[derive(Default)]
pub(super) struct Outstanding {
    waiting: SortedMap<(PeerId, u64), Waiting>,
    timers: SortedSet<(Instant, PeerId, u64)>,
    bytes: usize,
}

impl Outstanding {
    /// Whether one more fits: `id` to `to`, of `bytes` sealed bytes. What waits under a number
    /// below `numbered_from` was overtaken by an earlier life and keeps nobody back.
    pub(super) fn check_room(
        &self,
        to: PeerId,
        id: u64,
        numbered_from: u64,
        bytes: usize,
    ) -> Result<(), SendError> {
        if self.waiting.len() >= OUTSTANDING_MAX {
            return Err(SendError::TooManyWaiting { max: OUTSTANDING_MAX });
        }
        if self.bytes + bytes > OUTSTANDING_BYTES_MAX {
            return Err(SendError::TooManyBytesWaiting { max: OUTSTANDING_BYTES_MAX });
        }
        let mut theirs = self.waiting.range((to, 0)..=(to, u64::MAX)).map(|((_, id), _)| *id);
        if theirs.clone().count() >= OUTSTANDING_PER_PEER_MAX {
            return Err(SendError::TooManyWaitingForPeer { max: OUTSTANDING_PER_PEER_MAX });
        }
        let oldest = theirs.find(|waiting| *waiting >= numbered_from);
        if oldest.is_some_and(|oldest| id.saturating_sub(oldest) >= WINDOW_IDS) {
            return Err(SendError::TooFarAhead { max: WINDOW_IDS });
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, to: PeerId, id: u64, waiting: Waiting) {
        self.bytes += waiting.sealed.len();
        self.timers.insert((waiting.due, to, id));
        self.waiting.insert((to, id), waiting);
    }

    pub(super) fn remove(&mut self, to: PeerId, id: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&(to, id))?;
        self.timers.remove(&(waiting.due, to, id));
        self.bytes -= waiting.sealed.len();
        Some(waiting)
    }

    /// Takes out the next one whose timer ran out.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(PeerId, u64, Waiting)> {
        let (due, to, id) = *self.timers.first()?;
        if due > now {
            return None;
        }
        self.remove(to, id).map(|waiting| (to, id, waiting))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _, _)| *due)
    }
}

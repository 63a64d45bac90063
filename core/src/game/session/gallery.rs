//! Peers without a seat that look on: whom this member shows the table, and how this peer looks
//! on itself.
//!
//! Rules, and why.
//! 1. Whoever looks on says so to one member every few seconds and gets from it each batch as it
//!    is decided, and what is said. A member that does not answer, because it is full, gone or
//!    unwilling, is left for the next one.
//! 2. Batches carry their certificates, so no member has to be believed, and whoever looks on can
//!    be shown an old state of the table but never a wrong one.
//! 3. Places are bounded and given up by silence. Members do not look on.
//!
//! It does not hide a table from anybody: logs are public, see `docs/SECURITY.md`.

use super::{Output, Session, Standing};
use crate::{
    game::{
        message::Message,
        refused::{CommandError, RequestId},
    },
    id::PeerId,
    time::{Duration, Instant},
};

/// Peers to whom one member shows a table. Guess: a batch of a roll is some ten KiB, and sixteen
/// copies of it are what a phone's uplink still carries.
pub const WATCHERS_MAX: usize = 16;
/// How often whoever looks on says so.
const WATCH_AGAIN: Duration = Duration::from_secs(2);
/// The place of a peer that was silent for this long is free.
const WATCHER_GONE: Duration = Duration::from_secs(10);

impl Session {
    pub(super) fn on_watch(&mut self, from: PeerId, height: u64, now: Instant) {
        self.forget_watchers(now);
        let known = self.watchers.contains_key(&from);
        let full = self.watchers.len() >= WATCHERS_MAX;
        if self.standing != Standing::Seated || self.ledger.seat(from).is_some() || !known && full {
            return;
        }
        self.watchers.insert(from, now);
        self.answer_log(from, height, now);
    }

    pub(super) fn forget_watchers(&mut self, now: Instant) {
        self.watchers.retain(|_, at| now.since(*at) < WATCHER_GONE);
    }

    /// Who looks on by this member's help.
    pub fn watchers(&self) -> usize {
        self.watchers.len()
    }

    pub(super) fn to_watchers(&mut self, message: &Message) {
        let peers: Vec<PeerId> = self.watchers.keys().copied().collect();
        for to in peers {
            self.send(to, message.clone());
        }
    }

    /// The batch that was just decided.
    pub(super) fn show_watchers(&mut self) {
        let Some(decision) = self.log.last().filter(|_| !self.watchers.is_empty()) else { return };
        let (tip, decisions) = (decision.height, vec![decision.encode()]);
        self.to_watchers(&Message::Log { table: self.id(), tip, decisions });
    }

    /// The member that shows this peer the table, or that is asked next.
    pub(super) fn window(&self) -> Option<PeerId> {
        let peers = || self.ledger.seats().map(|(_, s)| s.peer);
        let reachable: Vec<_> =
            peers().filter(|peer| *peer != self.my_id && self.reach.contains(peer)).collect();
        (!reachable.is_empty()).then(|| reachable[self.follow_turn % reachable.len()])
    }

    /// Rule 1 of the module.
    pub(super) fn look_on(&mut self, now: Instant) {
        self.follow_at = now + WATCH_AGAIN;
        if !std::mem::take(&mut self.shown) {
            self.follow_turn = self.follow_turn.wrapping_add(1);
        }
        if let Some(to) = self.window() {
            let from = self.ledger.height() + 1;
            self.send(to, Message::Watch { table: self.id(), from });
        }
    }

    /// This peer wants a seat, or no longer looks on.
    pub(super) fn take_part(&mut self, request: RequestId, name: String, now: Instant) {
        self.standing = Standing::Joining;
        self.looked_on = true;
        let until = now + super::COMMAND_TIMEOUT;
        self.newcomer = Some(super::Newcomer::CatchingUp { request, name, until });
        self.follow_at = now;
    }

    pub(super) fn look_away(&mut self, request: RequestId) {
        self.standing = Standing::Left;
        self.out.push_back(Output::Answer { request, result: Ok(()) });
    }

    /// Why this peer may not take a seat, when it may not.
    pub(super) fn barred(&self) -> Option<CommandError> {
        self.ledger.offence_of(&self.me).map(|_| CommandError::Expelled)
    }
}

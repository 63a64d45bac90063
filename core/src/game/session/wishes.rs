//! What this peer and others want on the log, until the log holds it or makes it void.
//!
//! Rules. A wish is tried on a copy of the ledger before it is signed, so that most refusals are
//! told at once; what the log did with it is told when it is decided. Every `Submit` carries all
//! own ops that are not on the log, so that no later one overtakes an earlier one.

use super::{Newcomer, Output, Session, Standing};
use crate::{
    crypto::identity::{Identity, peer_id},
    game::{
        habit::Shooter,
        ledger::Phase,
        message::{Action, Batch, DEALS_PER_OP_MAX, Entry, Key, Message, OPS_PER_SUBMIT_MAX, Op},
        refused::{CommandError, RequestId},
    },
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Ops kept for one author until the log holds them.
pub const POOL_PER_AUTHOR_MAX: usize = 32;
/// Authors without a seat (those who want to join) whose ops are kept.
pub const POOL_STRANGERS_MAX: usize = 8;
/// A stranger's wish that is not repeated is forgotten after this: ten times [`RESEND`].
const STRANGER_MAX: Duration = Duration::from_secs(10);
/// Commands of this peer that may wait for the log.
const WAITING_MAX: usize = 32;
/// Deals a member keeps ahead, in rolls. Guess: a few seconds of fast play.
const DEALS_AHEAD: u64 = 8;
/// Deals are topped up when fewer than this are left.
const DEALS_LOW: usize = 5;
/// From a roll until its dealers top up. Guess: every member has seen the roll by then.
const DEAL_PAUSE: Duration = Duration::from_millis(60);
/// Ops and shares that the log does not hold yet are sent again this often.
const RESEND: Duration = Duration::from_millis(1000);
/// A command that the log did not answer by then has failed.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);

/// A command that the log has to answer.
pub(super) struct Waiting {
    pub seq: u64,
    pub request: RequestId,
    pub until: Instant,
}

impl Session {
    pub(super) fn command(
        &mut self,
        request: RequestId,
        action: Action,
        identity: &Identity,
        now: Instant,
    ) {
        match self.admit(&action, identity) {
            Ok(()) => {
                self.submit(action, Some(request), identity, now);
                self.advance(identity, now);
            }
            Err(error) => {
                self.out.push_back(Output::Answer { request, result: Err(error) });
            }
        }
    }

    /// Whether a wish of ours would be taken now, on top of those that wait already.
    pub(super) fn admit(&self, action: &Action, identity: &Identity) -> Result<(), CommandError> {
        if self.ledger.seat(self.my_id).is_none() {
            return Err(CommandError::NotSeated);
        }
        if self.frozen {
            return Err(CommandError::Frozen {
                reachable: self.reachable,
                members: self.members(),
                needed: self.quorum(),
            });
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(CommandError::Busy);
        }
        let open = self.ledger.phase() == Phase::Betting;
        if !open && matches!(action, Action::Bet { .. } | Action::Ready { .. }) {
            return Err(CommandError::BetsClosed);
        }
        if matches!(action, Action::Bet { .. } | Action::Ready { .. }) {
            self.check_pause()?;
        }
        let mut trial = self.ledger.clone();
        for op in self.pool.get(&self.me).into_iter().flat_map(SortedMap::values) {
            // An op that became void is dropped later; it does not stand in the way of this one.
            let _ = trial.try_entry(&Entry::Op(op.clone()));
        }
        let op = Op::sign(identity, self.id(), self.next_seq(), action.clone());
        match trial.try_entry(&Entry::Op(op)) {
            Ok(_) => Ok(()),
            Err(why) => Err(CommandError::BetRefused { why: why.to_string() }),
        }
    }

    pub(super) fn submit(
        &mut self,
        action: Action,
        request: Option<RequestId>,
        identity: &Identity,
        now: Instant,
    ) {
        let op = Op::sign(identity, self.id(), self.next_seq(), action);
        if let Some(request) = request {
            self.waiting.push(Waiting { seq: op.seq, request, until: now + COMMAND_TIMEOUT });
        }
        self.pool.or_default(self.me).insert(op.seq, op);
        self.draft = super::Draft::Stale;
        self.resend_at = now + RESEND;
        self.send_own_ops();
    }

    pub(super) fn next_seq(&self) -> u64 {
        let pooled = self.pool.get(&self.me).and_then(|ops| ops.keys().next_back().copied());
        self.ledger.last_seq(&self.me).max(pooled.unwrap_or(0)) + 1
    }

    /// Everybody sends its own wishes, so nobody can fill another one's place.
    pub(super) fn on_ops(&mut self, from: PeerId, ops: Vec<Op>, now: Instant) {
        for op in ops {
            let author = peer_id(&op.author);
            if author != from || op.author == self.me {
                self.counters.ops_refused += 1;
                continue;
            }
            let seated = self.ledger.seat(author).is_some();
            if !seated && self.pool.contains_key(&op.author) {
                self.heard.insert(op.author, now);
            }
            let known = self.pool.get(&op.author);
            if op.seq <= self.ledger.last_seq(&op.author)
                || known.is_some_and(|ops| ops.contains_key(&op.seq))
            {
                continue;
            }
            let full = known.is_some_and(|ops| ops.len() >= POOL_PER_AUTHOR_MAX);
            let welcome = seated || self.is_welcome(&op, now);
            if full || !welcome || op.verify(self.id()).is_err() {
                self.counters.ops_refused += 1;
                continue;
            }
            self.pool.or_default(op.author).insert(op.seq, op);
            self.draft = super::Draft::Stale;
        }
    }

    /// Whether a stranger's wish is kept: one wish to join that the log would take now, while
    /// there is a place. Strangers that no longer repeat theirs lose it.
    fn is_welcome(&mut self, op: &Op, now: Instant) -> bool {
        let stale = |at: &Instant| now.since(*at) >= STRANGER_MAX;
        let (pool, ledger) = (&mut self.pool, &self.ledger);
        self.heard.retain(|key, at| {
            let gone = stale(at) || ledger.seat(peer_id(key)).is_some();
            if stale(at) && ledger.seat(peer_id(key)).is_none() {
                pool.remove(key);
            }
            !gone
        });
        let fits = matches!(op.action, Action::Join(_))
            && !self.pool.contains_key(&op.author)
            && self.heard.len() < POOL_STRANGERS_MAX
            && self.ledger.clone().try_entry(&Entry::Op(op.clone())).is_ok();
        if fits {
            self.heard.insert(op.author, now);
        }
        fits
    }

    /// The log grew by these ops of ours, or by none.
    pub(super) fn answer_waiting(&mut self, own: &SortedMap<u64, Op>) {
        let last = self.ledger.last_seq(&self.me);
        let (done, rest) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.seq <= last);
        self.waiting = rest;
        for waiting in done {
            let wished = self.pool.get(&self.me).and_then(|ops| ops.get(&waiting.seq));
            let result = match (own.get(&waiting.seq), wished) {
                // An op of an earlier life, forgotten here but not by others, took its number.
                (Some(op), Some(wished)) if op.signature != wished.signature => {
                    self.again.push((wished.action.clone(), waiting));
                    continue;
                }
                (Some(_), _) => Ok(()),
                (None, _) => Err(CommandError::BetsClosed),
            };
            self.out.push_back(Output::Answer { request: waiting.request, result });
        }
    }

    /// Wishes whose number was taken get another one. Whether there was any.
    pub(super) fn wish_again(&mut self, identity: &Identity, now: Instant) -> bool {
        let again = std::mem::take(&mut self.again);
        let any = !again.is_empty();
        for (action, Waiting { request, .. }) in again {
            let over = match &action {
                Action::Bet { roll, .. } | Action::Ready { roll } => *roll < self.ledger.roll(),
                Action::Join(_) | Action::Leave | Action::Deal { .. } | Action::Absent { .. } => {
                    false
                }
            };
            if over {
                let result = Err(CommandError::BetsClosed);
                self.out.push_back(Output::Answer { request, result });
            } else {
                self.submit(action, Some(request), identity, now);
            }
        }
        any
    }

    /// Forgets ops that the log holds or that no longer can enter it.
    pub(super) fn prune_pool(&mut self) {
        let (roll, phase) = (self.ledger.roll(), self.ledger.phase());
        let ledger = &self.ledger;
        let void = |op: &Op| match &op.action {
            Action::Bet { roll: at, .. } | Action::Ready { roll: at } => {
                *at < roll || *at == roll && phase == Phase::Opening
            }
            Action::Deal { epoch, deals } => ledger.deals_are_void(*epoch, deals),
            Action::Absent { member, epoch, seq } => {
                !ledger.claim_counts(&op.author, member, *epoch, *seq)
            }
            Action::Join(_) | Action::Leave => false,
        };
        let mut voided = Vec::new();
        for (author, ops) in &mut self.pool {
            let last = self.ledger.last_seq(author);
            ops.retain(|seq, op| {
                let keep = *seq > last && !void(op);
                let wish = !matches!(op.action, Action::Absent { .. });
                if wish && !keep && *author == self.me && *seq > last {
                    voided.push(*seq);
                }
                keep
            });
        }
        self.pool.retain(|_, ops| !ops.is_empty());
        let (done, rest) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| voided.contains(&w.seq));
        self.waiting = rest;
        for Waiting { request, .. } in done {
            let result = Err(CommandError::BetsClosed);
            self.out.push_back(Output::Answer { request, result });
        }
    }

    pub(super) fn resend(&mut self, now: Instant) {
        self.resend_at = now + RESEND;
        self.send_own_ops();
        if let Some(share) = self.shared {
            self.broadcast(&Message::Share { table: self.id(), share });
        }
    }

    pub(super) fn send(&mut self, to: PeerId, message: Message) {
        self.out.push_back(Output::Send { to, message });
    }

    pub(super) fn send_own_ops(&mut self) {
        let own = self.pool.get(&self.me).into_iter().flat_map(SortedMap::values);
        let ops: Vec<Op> = own.take(OPS_PER_SUBMIT_MAX).cloned().collect();
        if !ops.is_empty() {
            self.broadcast(&Message::Submit { table: self.id(), ops });
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let late =
            |n: &mut Newcomer| matches!(n, Newcomer::CatchingUp { until, .. } if *until <= now);
        if let Some(Newcomer::CatchingUp { request, .. }) = self.newcomer.take_if(late) {
            let result = Err(CommandError::TimedOut);
            self.out.push_back(Output::Answer { request, result });
            self.standing = if self.looked_on { Standing::Watching } else { Standing::Left };
        }
        let (late, rest) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.until <= now);
        self.waiting = rest;
        for Waiting { request, .. } in late {
            let result = Err(CommandError::TimedOut);
            self.out.push_back(Output::Answer { request, result });
            if self.standing == Standing::Joining && self.looked_on {
                self.pool.remove(&self.me);
                self.newcomer = None;
                self.standing = Standing::Watching;
            }
        }
    }

    pub(super) fn act_by_habit(&mut self, identity: &Identity, now: Instant) -> bool {
        let Some(seat) = self.my_seat() else { return false };
        if !self.may_act_by_habit() {
            return false;
        }
        let shooter = match self.ledger.shooter() {
            Some(peer) if self.reaches(peer) => Shooter::InReach,
            Some(_) | None => Shooter::OutOfReach,
        };
        let action = self.watch.action(&self.ledger, seat, shooter, now);
        let Some(action) = action else { return false };
        self.submit(action, None, identity, now);
        true
    }

    /// One wish at a time: the next one depends on what became of it.
    pub(super) fn may_act_by_habit(&self) -> bool {
        !self.frozen && self.paused.is_none() && self.pending() == 0
    }

    pub(super) fn deal_ahead(&mut self, identity: &Identity, now: Instant) -> bool {
        if self.deal_due().is_none_or(|at| at > now) {
            return false;
        }
        let Some(seat) = self.my_seat() else { return false };
        let deals: Vec<_> = self
            .ledger
            .deals_missing(seat, DEALS_AHEAD)
            .into_iter()
            .take(DEALS_PER_OP_MAX)
            .filter_map(|roll| self.ledger.make_deal(seat, &self.secret, roll, &self.dice_entropy))
            .collect();
        if deals.is_empty() {
            // Seated under a dice key that is not ours: no reason to try at every moment.
            self.rolled_at = now + RESEND;
            return false;
        }
        let epoch = self.ledger.epoch_number();
        self.submit(Action::Deal { epoch, deals }, None, identity, now);
        true
    }

    /// When this seat tops up its deals: at once when there are none, otherwise when the roll is
    /// out of the way, so that nobody waits for dice while others deal.
    pub(super) fn deal_due(&self) -> Option<Instant> {
        let seat = self.my_seat()?;
        let waits = |op: &Op| matches!(op.action, Action::Deal { .. });
        let stock = self.ledger.deals_in_stock(seat);
        if self.frozen
            || stock >= DEALS_LOW
            || self.pool.get(&self.me).is_some_and(|ops| ops.values().any(waits))
            || self.ledger.deals_missing(seat, DEALS_AHEAD).is_empty()
        {
            return None;
        }
        Some(if stock == 0 { self.rolled_at } else { self.rolled_at + DEAL_PAUSE })
    }
}

/// Our ops in a batch by their numbers.
pub(super) fn own_ops(value: &[u8], me: &Key) -> SortedMap<u64, Op> {
    let entries = Batch::decode(value).map(|b| b.0).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Op(op) if op.author == *me => Some((op.seq, op)),
            _ => None,
        })
        .collect()
}

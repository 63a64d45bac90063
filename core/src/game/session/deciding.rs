//! Takes batches through agreement and into the ledger, and gives the log to those who lack it.

use super::{Draft, HISTORY_MAX, Newcomer, Output, Session, Standing, wishes::own_ops};
use crate::{
    agree::{
        self, Decision, MemberKey, Members,
        message::{Message as AgreeMessage, Resting, Status},
    },
    game::{
        keys::{decision_key, record_key, records_prefix, seatless_key},
        ledger::{Happened, Ledger, Parting, Rolled},
        message::{LOG_ANSWER_BYTES_MAX, Message, SeatRole},
    },
    id::PeerId,
    store::Write,
    time::{Duration, Instant},
};

/// How often a peer without a seat asks for more of the log.
const FOLLOW: Duration = Duration::from_millis(400);
/// Least time between two answers to one peer's questions for the log. Guess.
const ANSWER_GAP: Duration = Duration::from_millis(20);
/// Peers answered within that time.
const ANSWERED_MAX: usize = 32;
/// Judged values of one height that are kept. Usually there is one.
const JUDGED_MAX: usize = 4;

/// A value that fits the log as it is, and what it leads to. Forgotten when the log grows.
pub(super) struct Judged {
    pub(super) value: Vec<u8>,
    pub(super) ledger: Ledger,
    pub(super) happened: Vec<Happened>,
}

impl Session {
    pub(super) fn on_agree(&mut self, from: PeerId, bytes: &[u8], now: Instant) {
        if self.standing != Standing::Seated {
            return;
        }
        let next = self.ledger.height() + 1;
        let Some(key) = self.ledger.seat(from).map(|(_, s)| s.key) else {
            // It lost its seat while it was away, and does not know.
            if let Ok(
                AgreeMessage::Resting(Resting { height })
                | AgreeMessage::Status(Status { height, .. }),
            ) = AgreeMessage::decode(bytes)
                && height < next
            {
                self.answer_log(from, height, now);
            }
            return;
        };
        let speaks_of = match AgreeMessage::decode(bytes) {
            // Says only that its sender waits for that height too.
            Ok(AgreeMessage::Resting(resting)) => resting.height.saturating_sub(1),
            Ok(message) => message.height(),
            Err(_) => 0,
        };
        if speaks_of == next && !self.is_deciding() {
            self.start_height(&[], now);
        }
        // Messages of the height after ours are kept by agreement, which asks for what is missing.
        if speaks_of > next + 1 {
            self.send(from, Message::GetLog { table: self.id(), from: next });
        }
        self.with_agree(now, agree::Input::Message { from: MemberKey(key), bytes });
    }

    /// Not too often: an answer can be a thousand times as long as its question.
    pub(super) fn answer_log(&mut self, to: PeerId, from: u64, now: Instant) {
        let recent = |at: &Instant| now.since(*at) < ANSWER_GAP;
        self.answered.retain(|_, at| recent(at));
        if self.answered.contains_key(&to) || self.answered.len() >= ANSWERED_MAX {
            return;
        }
        self.answered.insert(to, now);
        let mut decisions = Vec::new();
        let mut bytes = 0;
        let first = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        for decision in self.log.iter().skip(first) {
            let encoded = decision.encode();
            bytes += encoded.len() + 4;
            if bytes > LOG_ANSWER_BYTES_MAX && !decisions.is_empty() {
                break;
            }
            decisions.push(encoded);
        }
        let tip = self.ledger.height();
        self.send(to, Message::Log { table: self.id(), tip, decisions });
    }

    /// Certified batches. Agreement checks each against the members of its height.
    pub(super) fn on_log(&mut self, from: PeerId, decisions: &[Vec<u8>], tip: u64, now: Instant) {
        self.shown |= self.window() == Some(from);
        let before = self.ledger.height();
        let mut missed = false;
        for bytes in decisions {
            let height = self.ledger.height();
            let of = Decision::decode(bytes).map_or(0, |decision| decision.height);
            if of != height + 1 {
                missed |= of > height + 1;
                continue;
            }
            if !self.is_deciding() {
                self.start_height(&[], now);
            }
            let from = MemberKey(self.me);
            self.with_agree(now, agree::Input::Message { from, bytes });
            self.drain_agree(now);
            if self.ledger.height() == height {
                self.counters.ops_refused += 1;
                return;
            }
        }
        let behind = self.ledger.height() < tip;
        if behind && (self.ledger.height() > before || missed) {
            let next = self.ledger.height() + 1;
            self.send(from, Message::GetLog { table: self.id(), from: next });
        }
    }

    pub(super) fn start_height(&mut self, records: &[Vec<u8>], now: Instant) {
        let Some(members) = members_of(&self.ledger) else { return };
        let height = self.ledger.height() + 1;
        self.owed_round = None;
        self.with_agree(now, agree::Input::Height { height, members, replay: records });
    }

    /// Whether agreement is at work on the height after our log. It may still be at an older one
    /// when certified batches came in from elsewhere.
    pub(super) fn is_deciding(&self) -> bool {
        self.agree.is_deciding() && self.agree.height() == self.ledger.height() + 1
    }

    pub(super) fn with_agree(&mut self, now: Instant, input: agree::Input<'_>) {
        let (ledger, judged) = (&self.ledger, &mut self.judged);
        self.agree.handle(now, input, &mut |height, value| {
            if height != ledger.height() + 1 {
                return false;
            }
            if judged.iter().any(|j| j.value == value) {
                return true;
            }
            let Ok((after, happened)) = ledger.after(value) else { return false };
            judged.truncate(JUDGED_MAX - 1);
            judged.insert(0, Judged { value: value.to_vec(), ledger: after, happened });
            true
        });
    }

    pub(super) fn keep_judged(&mut self, judged: Judged) {
        self.judged.truncate(JUDGED_MAX - 1);
        self.judged.insert(0, judged);
    }

    pub(super) fn drain_agree(&mut self, now: Instant) {
        while let Some(output) = self.agree.poll_output() {
            self.on_agree_output(output, now);
        }
    }

    pub(super) fn on_agree_output(&mut self, output: agree::Output, now: Instant) {
        let seated = self.standing == Standing::Seated;
        match output {
            // Whoever has no seat follows by other questions, and no member listens to its votes.
            agree::Output::Broadcast { .. } | agree::Output::Send { .. } if !seated => {}
            agree::Output::Persist { seq, height, place, record } => {
                let key = record_key(self.id(), height, place);
                let writes = vec![Write::Put { key, value: record }];
                self.out.push_back(Output::Store { writes, mark: Some(seq) });
            }
            agree::Output::Broadcast { bytes } => {
                self.broadcast(&Message::Agree { table: self.id(), bytes });
            }
            agree::Output::Send { to, bytes } => {
                self.send(to.peer_id(), Message::Agree { table: self.id(), bytes });
            }
            agree::Output::NeedValue { round, .. } => {
                self.owed_round = Some(round);
                if round > 0 {
                    self.counters.rounds_failed += 1;
                }
            }
            agree::Output::Decided(decision) => self.decided(decision, now),
            agree::Output::Evidence(evidence) => {
                self.counters.equivocations += 1;
                let culprit = evidence.culprit.peer_id();
                self.out.push_back(Output::Equivocation { culprit });
                self.accuse(&evidence);
            }
            agree::Output::WantsHistory { peer, from } => {
                self.answer_log(peer.peer_id(), from, now)
            }
            agree::Output::PeerAhead { peer, height } => {
                if !self.is_deciding() {
                    self.start_height(&[], now);
                }
                let next = self.ledger.height() + 1;
                if height > next {
                    self.send(peer.peer_id(), Message::GetLog { table: self.id(), from: next });
                }
            }
        }
    }

    /// Takes a certified batch into the log. The certificate was verified by whoever calls.
    pub(super) fn decided(&mut self, decision: Decision, now: Instant) {
        if decision.height != self.ledger.height() + 1 {
            return;
        }
        let before = (self.ledger.roll(), self.ledger.phase());
        // A quorum signed it, so more than f members are liars if it does not fit: nothing sound
        // can follow, and this peer takes no further part.
        let Some(happened) = self.apply(&decision.value) else {
            self.standing = Standing::Halted;
            return;
        };
        if (self.ledger.roll(), self.ledger.phase()) != before {
            self.moved_at = now;
        }
        self.counters.decisions += 1;
        self.owed_round = None;
        self.draft = Draft::Stale;
        let table = self.id();
        let writes = vec![
            Write::Put { key: decision_key(table, decision.height), value: decision.encode() },
            Write::DeletePrefix { prefix: records_prefix(table) },
        ];
        self.out.push_back(Output::Store { writes, mark: None });
        let own = own_ops(&decision.value, &self.me);
        self.log.push(decision);
        for event in happened {
            self.remember(&event);
            if matches!(event, Happened::Rolled(_)) {
                self.rolled_at = now;
            }
            self.out.push_back(Output::Happened(event));
        }
        self.take_early_shares();
        self.answer_waiting(&own);
        self.prune_pool();
        self.prune_evidence();
        self.show_watchers();
        self.settle_standing();
        self.judge_reach(now);
        self.watch.observe(&self.ledger, self.my_id, now);
        self.out.push_back(Output::Changed);
    }

    /// Applies a value, or takes what judging it led to already.
    fn apply(&mut self, value: &[u8]) -> Option<Vec<Happened>> {
        let known = std::mem::take(&mut self.judged).into_iter().find(|j| j.value == value);
        match known {
            Some(judged) => {
                self.ledger = judged.ledger;
                Some(judged.happened)
            }
            None => self.ledger.apply(value).ok(),
        }
    }

    pub(super) fn remember(&mut self, what: &Happened) {
        match what {
            Happened::Rolled(rolled) => {
                self.counters.rolls += 1;
                self.history.push_front(Rolled::clone(rolled));
                self.history.truncate(HISTORY_MAX);
                self.shares.clear();
                self.early_shares.clear();
                self.shared = None;
            }
            Happened::BetsClosed { .. } => {
                self.shares.clear();
                self.shared = None;
            }
            Happened::BetsOpened { .. }
            | Happened::MembersChanged
            | Happened::Away { .. }
            | Happened::Expelled { .. } => {}
        }
    }

    pub(super) fn settle_standing(&mut self) {
        let seated = self.ledger.seat(self.my_id).is_some();
        let before = self.standing;
        self.standing = match (before, &self.newcomer, seated) {
            (Standing::Halted, _, _) => Standing::Halted,
            (Standing::Joining, Some(Newcomer::CatchingUp { .. }), _) => Standing::Joining,
            (Standing::Joining, Some(Newcomer::SeatedBefore { height, .. }), true)
                if self.ledger.height() <= *height =>
            {
                Standing::Joining
            }
            // An earlier life of this peer may hold a seat; looking on casts no votes for it.
            (Standing::Watching, _, _) => Standing::Watching,
            (_, _, true) => Standing::Seated,
            (Standing::Seated, _, false) if self.was_put_out() => Standing::Watching,
            (Standing::Seated | Standing::Left, _, false) => Standing::Left,
            (Standing::Joining, _, false) => Standing::Joining,
        };
        if matches!(self.standing, Standing::Joining | Standing::Watching) {
            return;
        }
        if (before, self.standing) == (Standing::Joining, Standing::Seated) {
            let writes = vec![Write::DeletePrefix { prefix: seatless_key(self.id()) }];
            self.out.push_back(Output::Store { writes, mark: None });
        }
        if let Some(Newcomer::SeatedBefore { request, .. }) = self.newcomer.take() {
            self.out.push_back(Output::Answer { request, result: Ok(()) });
        }
    }

    /// Whether a person lost the seat against its will. It looks on and can see why.
    fn was_put_out(&self) -> bool {
        let last = self.ledger.departures().find(|departure| departure.peer == self.my_id);
        self.role == SeatRole::Player
            && last.is_some_and(|departure| departure.parting != Parting::Left)
    }

    /// Rule 4 of the module: one reachable member after the other is asked.
    pub(super) fn follow(&mut self, now: Instant) {
        if self.standing == Standing::Watching {
            return self.look_on(now);
        }
        self.follow_at = now + FOLLOW;
        if self.standing != Standing::Joining {
            return;
        }
        let peers = self.ledger.seats().map(|(_, s)| s.peer);
        let reachable: Vec<_> = peers.filter(|peer| self.reach.contains(peer)).collect();
        if reachable.is_empty() {
            return;
        }
        let to = reachable[self.follow_turn % reachable.len()];
        self.follow_turn = self.follow_turn.wrapping_add(1);
        self.send(to, Message::GetLog { table: self.id(), from: self.ledger.height() + 1 });
    }
}

/// Those who agree on the next height.
pub(super) fn members_of(ledger: &Ledger) -> Option<Members> {
    let keys: Vec<MemberKey> = ledger.member_keys().into_iter().map(MemberKey).collect();
    Members::new(&keys).ok()
}

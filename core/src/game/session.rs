//! One table at this peer: its ledger, its agreement, and what waits to be agreed.
//!
//! Rules, and why.
//! 1. A height is started only when there is something to agree on, or a member already speaks of
//!    it; an idle table is silent but for its `Tip`s.
//! 2. Own ops are sent again until the log holds them or makes them void; other members' ops are
//!    kept too, so any proposer can include them.
//! 3. Our share of a roll leaves only after the batch that closed its bets is decided.
//! 4. A peer without a seat, or behind by more than one height, follows by certified batches.
//!
//! It does not invite, list or store tables: that is `tables`.

use super::{
    habit::Watch,
    ledger::{Happened, KEY_EPOCH, Ledger, Phase, Rolled},
    message::{
        Action, BATCH_ENTRIES_MAX, Batch, Entry, Genesis, Key, LOG_ANSWER_BYTES_MAX, Message,
        OPS_PER_SUBMIT_MAX, Op, SeatRole,
    },
    refused::{CommandError, RequestId},
};
use crate::{
    agree::{self, Agree, Decision, MemberKey, Members, message::Message as AgreeMessage},
    craps::{Chips, Seat, Wager},
    crypto::{
        dice,
        identity::{Identity, peer_id},
    },
    id::{PeerId, TableId},
    limits::BATCH_BYTES_MAX,
    seed::Seed,
    store::Write,
    time::{Duration, Instant},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Rolls kept for people to look at.
pub const HISTORY_MAX: usize = 64;
/// Ops kept for one author until the log holds them.
pub const POOL_PER_AUTHOR_MAX: usize = 32;
/// Authors without a seat (those who want to join) whose ops are kept.
pub const POOL_STRANGERS_MAX: usize = 8;
/// Commands of this peer that may wait for the log.
const WAITING_MAX: usize = 32;
/// Deals a member keeps ahead, in rolls. Guess: a few seconds of fast play.
const DEALS_AHEAD: u64 = 8;
/// Deals are topped up when fewer than this are left.
const DEALS_LOW: usize = 5;
/// Ops and shares that the log does not hold yet are sent again this often.
const RESEND: Duration = Duration::from_millis(1000);
/// How often a peer without a seat asks for more of the log.
const FOLLOW: Duration = Duration::from_millis(400);
/// A command that the log did not answer by then has failed.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);

/// Which peers can be reached now.
pub type Reach = BTreeSet<PeerId>;

/// Where this peer stands at a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Has asked for a seat and follows the log.
    Joining,
    Seated,
    /// Gave its seat up.
    Left,
}

/// What a session asks of `tables`.
#[derive(Clone, Debug)]
pub(super) enum Output {
    Send {
        to: PeerId,
        message: Message,
    },
    /// `mark` is set when agreement waits for these to be stored.
    Store {
        writes: Vec<Write>,
        mark: Option<u64>,
    },
    Answer {
        request: RequestId,
        result: Result<(), CommandError>,
    },
    Happened(Happened),
    Changed,
    Frozen {
        reachable: usize,
        needed: usize,
    },
    Thawed,
    Equivocation {
        culprit: PeerId,
    },
}

/// A command that the log has to answer.
struct Waiting {
    seq: u64,
    request: RequestId,
    until: Instant,
}

/// See the module's first line.
pub struct Session {
    me: Key,
    my_id: PeerId,
    role: SeatRole,
    genesis: Genesis,
    ledger: Ledger,
    agree: Agree,
    secret: dice::MemberSecret,
    dice_entropy: Seed,
    standing: Standing,
    /// Every certified batch, from height 1 on.
    log: Vec<Decision>,
    /// The last rolls, newest first.
    history: VecDeque<Rolled>,
    pool: BTreeMap<Key, BTreeMap<u64, Op>>,
    shares: BTreeMap<Seat, dice::Share>,
    /// The roll our share was made for.
    shared: Option<dice::Share>,
    waiting: Vec<Waiting>,
    watch: Watch,
    /// The round in which agreement asked us for a value that we did not have yet.
    owed_round: Option<u32>,
    draft: Draft,
    reachable: usize,
    frozen: bool,
    reach: Reach,
    resend_at: Instant,
    follow_at: Instant,
    follow_turn: usize,
    counters: SessionCounters,
    out: VecDeque<Output>,
}

/// What this session has seen, for `/metrics`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionCounters {
    pub decisions: u64,
    pub rounds_failed: u64,
    pub ops_refused: u64,
    pub rolls: u64,
    pub equivocations: u64,
}

/// The batch that could be proposed now.
enum Draft {
    /// Something changed since it was made.
    Stale,
    Empty,
    Ready(Vec<u8>),
}

impl Session {
    /// A table that was just formed, or is about to be followed. `None` when the genesis is not
    /// sound.
    pub(super) fn new(
        genesis: Genesis,
        identity: &Identity,
        role: SeatRole,
        now: Instant,
    ) -> Option<Session> {
        let ledger = Ledger::new(&genesis)?;
        let me = identity.card().key;
        let standing = match ledger.seat(peer_id(&me)) {
            Some(_) => Standing::Seated,
            None => Standing::Joining,
        };
        let members = members_of(&ledger)?;
        let group = *ledger.table().as_bytes();
        let agree = Agree::new(agree::Config::default(), group, identity, 0, members, now);
        Some(Session {
            me,
            my_id: identity.id(),
            role,
            secret: member_secret(identity, &genesis),
            dice_entropy: identity.seed("bitcraps v1 dice entropy"),
            genesis,
            ledger,
            agree,
            standing,
            log: Vec::new(),
            history: VecDeque::new(),
            pool: BTreeMap::new(),
            shares: BTreeMap::new(),
            shared: None,
            waiting: Vec::new(),
            watch: Watch::default(),
            owed_round: None,
            draft: Draft::Stale,
            reachable: 0,
            frozen: false,
            reach: Reach::new(),
            resend_at: now,
            follow_at: now,
            follow_turn: 0,
            counters: SessionCounters::default(),
            out: VecDeque::new(),
        })
    }

    /// A table as it was stored: its certified batches in order, then the records of the height
    /// that was being decided. `false` when a batch does not fit, which a sound store never holds.
    pub(super) fn restore(
        &mut self,
        decisions: Vec<Decision>,
        records: &[Vec<u8>],
        identity: &Identity,
        now: Instant,
    ) -> bool {
        for decision in decisions {
            if decision.height != self.ledger.height() + 1 {
                return false;
            }
            let Ok(happened) = self.ledger.apply(&decision.value) else { return false };
            happened.iter().for_each(|what| self.remember(what));
            self.log.push(decision);
        }
        self.settle_standing();
        self.watch.observe(&self.ledger, now);
        let Some(members) = members_of(&self.ledger) else { return false };
        let (group, height) = (*self.id().as_bytes(), self.ledger.height());
        self.agree = Agree::new(agree::Config::default(), group, identity, height, members, now);
        if !records.is_empty() {
            self.start_height(records, now);
        }
        true
    }

    // ---- inputs --------------------------------------------------------------------------

    pub(super) fn on_message(
        &mut self,
        from: PeerId,
        message: Message,
        identity: &Identity,
        now: Instant,
    ) {
        match message {
            Message::Agree { bytes, .. } => self.on_agree(from, &bytes, now),
            Message::Submit { ops, .. } => self.on_ops(ops),
            Message::Share { share, .. } => self.on_share(share),
            Message::GetLog { from: height, .. } => self.answer_log(from, height),
            Message::Log { decisions, .. } => self.on_log(from, &decisions, now),
            Message::GetTable { table } => {
                debug_assert_eq!(table, self.id());
                self.send(from, Message::Start(self.genesis.clone()));
            }
            // These concern no running table; `tables` takes them.
            Message::Invite(_)
            | Message::Accept { .. }
            | Message::Decline { .. }
            | Message::Start(_) => {}
        }
        self.advance(identity, now);
    }

    pub(super) fn on_stored(&mut self, mark: u64, identity: &Identity, now: Instant) {
        self.with_agree(now, agree::Input::Persisted { seq: mark });
        self.advance(identity, now);
    }

    pub(super) fn on_timeout(&mut self, identity: &Identity, now: Instant) {
        self.with_agree(now, agree::Input::Tick);
        if self.resend_at <= now {
            self.resend(now);
        }
        if self.follow_at <= now {
            self.follow(now);
        }
        self.expire(now);
        self.advance(identity, now);
    }

    /// Who can be reached changed, or may have.
    pub(super) fn on_reach(&mut self, reach: &Reach, identity: &Identity, now: Instant) {
        if self.reach == *reach {
            return;
        }
        self.reach = reach.clone();
        self.judge_reach(now);
        self.advance(identity, now);
    }

    pub(super) fn bet(
        &mut self,
        request: RequestId,
        wager: Wager,
        chips: Chips,
        identity: &Identity,
        now: Instant,
    ) {
        let action = Action::Bet { roll: self.ledger.roll(), wager, chips };
        self.command(request, action, identity, now);
    }

    pub(super) fn ready(&mut self, request: RequestId, identity: &Identity, now: Instant) {
        let action = Action::Ready { roll: self.ledger.roll() };
        self.command(request, action, identity, now);
    }

    pub(super) fn leave(&mut self, request: RequestId, identity: &Identity, now: Instant) {
        self.command(request, Action::Leave, identity, now);
    }

    /// Asks for a seat; answered when the log holds the wish.
    pub(super) fn join(
        &mut self,
        request: RequestId,
        name: String,
        identity: &Identity,
        now: Instant,
    ) {
        if self.ledger.seat(self.my_id).is_some() {
            let error = CommandError::AlreadySeated;
            self.out.push_back(Output::Answer { request, result: Err(error) });
            return;
        }
        let seating = seating(identity, &self.genesis, name, self.role);
        self.standing = Standing::Joining;
        self.submit(Action::Join(Box::new(seating)), Some(request), identity, now);
        self.follow_at = now;
        self.advance(identity, now);
    }

    fn command(&mut self, request: RequestId, action: Action, identity: &Identity, now: Instant) {
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
    fn admit(&self, action: &Action, identity: &Identity) -> Result<(), CommandError> {
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
        let mut trial = self.ledger.clone();
        for op in self.pool.get(&self.me).into_iter().flat_map(BTreeMap::values) {
            // An op that became void is dropped later; it does not stand in the way of this one.
            let _ = trial.try_entry(&Entry::Op(op.clone()));
        }
        let op = Op::sign(identity, self.id(), self.next_seq(), action.clone());
        match trial.try_entry(&Entry::Op(op)) {
            Ok(_) => Ok(()),
            Err(why) => Err(CommandError::BetRefused { why: why.to_string() }),
        }
    }

    fn submit(
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
        self.pool.entry(self.me).or_default().insert(op.seq, op);
        self.draft = Draft::Stale;
        self.resend_at = now + RESEND;
        self.send_own_ops();
    }

    fn next_seq(&self) -> u64 {
        let pooled = self.pool.get(&self.me).and_then(|ops| ops.keys().next_back().copied());
        self.ledger.last_seq(&self.me).max(pooled.unwrap_or(0)) + 1
    }

    // ---- messages ------------------------------------------------------------------------

    fn on_agree(&mut self, from: PeerId, bytes: &[u8], now: Instant) {
        if self.standing != Standing::Seated {
            return;
        }
        let Some(key) = self.ledger.seat(from).map(|(_, s)| s.key) else { return };
        let next = self.ledger.height() + 1;
        let speaks_of = match AgreeMessage::decode(bytes) {
            // Says only that its sender waits for that height too.
            Ok(AgreeMessage::Resting(resting)) => resting.height.saturating_sub(1),
            Ok(message) => message.height(),
            Err(_) => 0,
        };
        if speaks_of == next && !self.is_deciding() {
            self.start_height(&[], now);
        }
        if speaks_of > next {
            self.send(from, Message::GetLog { table: self.id(), from: next });
        }
        self.with_agree(now, agree::Input::Message { from: MemberKey(key), bytes });
    }

    fn on_ops(&mut self, ops: Vec<Op>) {
        for op in ops {
            if op.author == self.me || op.seq <= self.ledger.last_seq(&op.author) {
                continue;
            }
            let seated = self.ledger.seat(peer_id(&op.author)).is_some();
            let known = self.pool.get(&op.author);
            let full = known.is_some_and(|ops| ops.len() >= POOL_PER_AUTHOR_MAX);
            if known.is_some_and(|ops| ops.contains_key(&op.seq)) {
                continue;
            }
            let stranger_full =
                !seated && known.is_none() && self.strangers() >= POOL_STRANGERS_MAX;
            if full || stranger_full || op.verify(self.id()).is_err() {
                self.counters.ops_refused += 1;
                continue;
            }
            self.pool.entry(op.author).or_default().insert(op.seq, op);
            self.draft = Draft::Stale;
        }
    }

    fn strangers(&self) -> usize {
        self.pool.keys().filter(|key| self.ledger.seat(peer_id(key)).is_none()).count()
    }

    fn on_share(&mut self, share: dice::Share) {
        if self.ledger.phase() != Phase::Opening || self.shares.len() >= self.members() {
            return;
        }
        match self.ledger.share_is_valid(&share) {
            Some(seat) => {
                if self.shares.insert(seat, share).is_none() {
                    self.draft = Draft::Stale;
                }
            }
            None => self.counters.ops_refused += 1,
        }
    }

    fn answer_log(&mut self, to: PeerId, from: u64) {
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
        if !decisions.is_empty() {
            self.send(to, Message::Log { table: self.id(), decisions });
        }
    }

    /// Certified batches. Agreement checks each against the members of its height.
    fn on_log(&mut self, from: PeerId, decisions: &[Vec<u8>], now: Instant) {
        let before = self.ledger.height();
        for bytes in decisions {
            let height = self.ledger.height();
            let fits = Decision::decode(bytes).is_ok_and(|d| d.height == height + 1);
            if !fits {
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
        if self.ledger.height() > before {
            let next = self.ledger.height() + 1;
            self.send(from, Message::GetLog { table: self.id(), from: next });
        }
    }

    // ---- agreement -----------------------------------------------------------------------

    fn start_height(&mut self, records: &[Vec<u8>], now: Instant) {
        let Some(members) = members_of(&self.ledger) else { return };
        let height = self.ledger.height() + 1;
        self.owed_round = None;
        self.with_agree(now, agree::Input::Height { height, members, replay: records });
    }

    /// Whether agreement is at work on the height after our log. It may still be at an older one
    /// when certified batches came in from elsewhere.
    fn is_deciding(&self) -> bool {
        self.agree.is_deciding() && self.agree.height() == self.ledger.height() + 1
    }

    fn with_agree(&mut self, now: Instant, input: agree::Input<'_>) {
        let ledger = &self.ledger;
        self.agree.handle(now, input, &|height, value| {
            height == ledger.height() + 1 && ledger.accepts(value)
        });
    }

    fn drain_agree(&mut self, now: Instant) {
        while let Some(output) = self.agree.poll_output() {
            self.on_agree_output(output, now);
        }
    }

    fn on_agree_output(&mut self, output: agree::Output, now: Instant) {
        match output {
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
            }
            agree::Output::WantsHistory { peer, from } => self.answer_log(peer.peer_id(), from),
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
    fn decided(&mut self, decision: Decision, now: Instant) {
        if decision.height != self.ledger.height() + 1 {
            return;
        }
        // A quorum signed it, so more than f members are liars if it does not fit: nothing sound
        // can follow, and this peer takes no further part.
        let Ok(happened) = self.ledger.apply(&decision.value) else {
            self.standing = Standing::Left;
            return;
        };
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
            self.out.push_back(Output::Happened(event));
        }
        self.answer_waiting(&own);
        self.prune_pool();
        self.settle_standing();
        self.judge_reach(now);
        self.watch.observe(&self.ledger, now);
        self.out.push_back(Output::Changed);
    }

    fn remember(&mut self, what: &Happened) {
        match what {
            Happened::Rolled(rolled) => {
                self.counters.rolls += 1;
                self.history.push_front(Rolled::clone(rolled));
                self.history.truncate(HISTORY_MAX);
                self.shares.clear();
                self.shared = None;
            }
            Happened::BetsClosed { .. } => {
                self.shares.clear();
                self.shared = None;
            }
            Happened::BetsOpened { .. } | Happened::MembersChanged => {}
        }
    }

    fn settle_standing(&mut self) {
        let seated = self.ledger.seat(self.my_id).is_some();
        self.standing = match (self.standing, seated) {
            (_, true) => Standing::Seated,
            (Standing::Seated | Standing::Left, false) => Standing::Left,
            (Standing::Joining, false) => Standing::Joining,
        };
    }

    fn answer_waiting(&mut self, own: &BTreeSet<u64>) {
        let last = self.ledger.last_seq(&self.me);
        let (done, rest) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.seq <= last);
        self.waiting = rest;
        for Waiting { seq, request, .. } in done {
            let result = if own.contains(&seq) { Ok(()) } else { Err(CommandError::BetsClosed) };
            self.out.push_back(Output::Answer { request, result });
        }
    }

    /// Forgets ops that the log holds or that no longer can enter it.
    fn prune_pool(&mut self) {
        let (roll, phase) = (self.ledger.roll(), self.ledger.phase());
        let ledger = &self.ledger;
        let void = |op: &Op| match &op.action {
            Action::Bet { roll: at, .. } | Action::Ready { roll: at } => {
                *at < roll || *at == roll && phase == Phase::Opening
            }
            Action::Deal { epoch, deals } => ledger.deals_are_void(*epoch, deals),
            Action::Join(_) | Action::Leave => false,
        };
        let mut voided = Vec::new();
        for (author, ops) in &mut self.pool {
            let last = self.ledger.last_seq(author);
            ops.retain(|seq, op| {
                let keep = *seq > last && !void(op);
                if !keep && *author == self.me && *seq > last {
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

    // ---- moving on -----------------------------------------------------------------------

    /// Does everything that is due until nothing is.
    fn advance(&mut self, identity: &Identity, now: Instant) {
        loop {
            self.drain_agree(now);
            if self.standing != Standing::Seated {
                return;
            }
            let busy = self.act_by_habit(identity, now)
                || self.deal_ahead(identity, now)
                || self.open_share()
                || self.propose(now);
            if !busy {
                return;
            }
        }
    }

    fn my_seat(&self) -> Option<Seat> {
        self.ledger.seat(self.my_id).map(|(seat, _)| seat)
    }

    fn act_by_habit(&mut self, identity: &Identity, now: Instant) -> bool {
        let Some(seat) = self.my_seat() else { return false };
        if !self.may_act_by_habit() {
            return false;
        }
        let Some(action) = self.watch.action(&self.ledger, seat, now) else { return false };
        self.submit(action, None, identity, now);
        true
    }

    /// One wish at a time: the next one depends on what became of it.
    fn may_act_by_habit(&self) -> bool {
        !self.frozen && self.pending() == 0
    }

    fn deal_ahead(&mut self, identity: &Identity, now: Instant) -> bool {
        let Some(seat) = self.my_seat() else { return false };
        let waits = |op: &Op| matches!(op.action, Action::Deal { .. });
        if self.frozen
            || self.ledger.deals_in_stock(seat) >= DEALS_LOW
            || self.pool.get(&self.me).is_some_and(|ops| ops.values().any(waits))
        {
            return false;
        }
        let missing = self.ledger.deals_missing(seat, DEALS_AHEAD);
        let deals: Vec<_> = missing
            .into_iter()
            .take(super::message::DEALS_PER_OP_MAX)
            .filter_map(|roll| self.ledger.make_deal(seat, &self.secret, roll, &self.dice_entropy))
            .collect();
        if deals.is_empty() {
            return false;
        }
        let epoch = self.ledger.epoch_number();
        self.submit(Action::Deal { epoch, deals }, None, identity, now);
        true
    }

    /// Rule 3 of the module.
    fn open_share(&mut self) -> bool {
        let Some(seat) = self.my_seat() else { return false };
        if self.ledger.phase() != Phase::Opening || self.shared.is_some() {
            return false;
        }
        let made = self.ledger.make_share(seat, &self.secret, &self.dice_entropy);
        let Some(share) = made else { return false };
        self.shared = Some(share);
        self.shares.insert(seat, share);
        self.draft = Draft::Stale;
        self.broadcast(&Message::Share { table: self.id(), share });
        true
    }

    /// Starts a height when there is something to agree on, and answers for our turn.
    fn propose(&mut self, now: Instant) -> bool {
        if matches!(self.draft, Draft::Stale) {
            self.draft = self.compose();
        }
        let Draft::Ready(value) = &self.draft else { return false };
        if !self.is_deciding() {
            self.start_height(&[], now);
            return true;
        }
        let Some(round) = self.owed_round.take() else { return false };
        let (height, value) = (self.ledger.height() + 1, value.clone());
        self.with_agree(now, agree::Input::Value { height, round, value });
        true
    }

    /// The largest batch that fits the ledger, in an order that makes a roll as short as it can
    /// be: open the last roll, open the bets, take the wishes, close the bets.
    fn compose(&self) -> Draft {
        let mut trial = self.ledger.clone();
        let mut draft = Composer { trial: &mut trial, entries: Vec::new(), bytes: 0 };
        if draft.trial.phase() == Phase::Opening && self.shares.len() >= draft.trial.threshold() {
            for share in self.shares.values().take(draft.trial.threshold()) {
                draft.add(Entry::Share(*share));
            }
        }
        draft.add_due();
        for op in self.pool.values().flat_map(BTreeMap::values) {
            draft.add(Entry::Op(op.clone()));
        }
        draft.add_due();
        if draft.entries.is_empty() {
            return Draft::Empty;
        }
        Draft::Ready(Batch(draft.entries).encode())
    }

    // ---- time ----------------------------------------------------------------------------

    pub(super) fn deadline(&self) -> Option<Instant> {
        let habit = self
            .ledger
            .seat(self.my_id)
            .and_then(|(_, state)| self.watch.deadline(&self.ledger, state))
            .filter(|_| self.may_act_by_habit());
        let resend =
            (self.pool.contains_key(&self.me) || self.shared.is_some()).then_some(self.resend_at);
        let follow = (self.standing == Standing::Joining).then_some(self.follow_at);
        let waiting = self.waiting.iter().map(|w| w.until).min();
        let agree = (self.standing == Standing::Seated).then(|| self.agree.deadline());
        [agree, habit, resend, follow, waiting].into_iter().flatten().min()
    }

    fn resend(&mut self, now: Instant) {
        self.resend_at = now + RESEND;
        self.send_own_ops();
        if let Some(share) = self.shared {
            self.broadcast(&Message::Share { table: self.id(), share });
        }
    }

    fn send_own_ops(&mut self) {
        let own = self.pool.get(&self.me).into_iter().flat_map(BTreeMap::values);
        let ops: Vec<Op> = own.take(OPS_PER_SUBMIT_MAX).cloned().collect();
        if !ops.is_empty() {
            self.broadcast(&Message::Submit { table: self.id(), ops });
        }
    }

    /// Rule 4 of the module: one reachable member after the other is asked.
    fn follow(&mut self, now: Instant) {
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

    fn expire(&mut self, now: Instant) {
        let (late, rest) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.until <= now);
        self.waiting = rest;
        for Waiting { request, .. } in late {
            let result = Err(CommandError::TimedOut);
            self.out.push_back(Output::Answer { request, result });
        }
    }

    fn judge_reach(&mut self, now: Instant) {
        let others = self.ledger.seats().filter(|(_, s)| self.reach.contains(&s.peer)).count();
        let seated = usize::from(self.ledger.seat(self.my_id).is_some());
        let before = std::mem::replace(&mut self.reachable, others + seated);
        let frozen = self.standing == Standing::Seated && self.reachable < self.quorum();
        if frozen != self.frozen {
            self.frozen = frozen;
            self.out.push_back(if frozen {
                Output::Frozen { reachable: self.reachable, needed: self.quorum() }
            } else {
                Output::Thawed
            });
        }
        if self.reachable != before {
            self.out.push_back(Output::Changed);
        }
        if self.reachable > before {
            self.resend_at = now;
            self.with_agree(now, agree::Input::Nudge);
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.out.push_back(Output::Send { to, message });
    }

    fn broadcast(&mut self, message: &Message) {
        let peers: Vec<PeerId> =
            self.ledger.seats().map(|(_, s)| s.peer).filter(|p| *p != self.my_id).collect();
        for to in peers {
            self.send(to, message.clone());
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    // ---- what others read ----------------------------------------------------------------

    pub fn id(&self) -> TableId {
        self.ledger.table()
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    pub fn is_frozen(&self) -> bool {
        self.frozen
    }

    pub fn members(&self) -> usize {
        self.ledger.seats().count()
    }

    pub fn quorum(&self) -> usize {
        self.members() * 2 / 3 + 1
    }

    /// Members in reach, this peer included.
    pub fn reachable(&self) -> usize {
        self.reachable
    }

    pub fn reaches(&self, peer: PeerId) -> bool {
        peer == self.my_id || self.reach.contains(&peer)
    }

    /// Wishes of this peer that wait for the log.
    pub fn pending(&self) -> usize {
        let wishes = |op: &&Op| !matches!(op.action, Action::Deal { .. });
        self.pool.get(&self.me).map_or(0, |ops| ops.values().filter(wishes).count())
    }

    /// Whether this member's share of the roll being opened is here.
    pub fn has_share(&self, seat: Seat) -> bool {
        self.shares.contains_key(&seat)
    }

    /// The decided values in order; with the genesis, everything a replay needs.
    pub fn log(&self) -> impl Iterator<Item = &Decision> {
        self.log.iter()
    }

    /// The last rolls, newest first.
    pub fn history(&self) -> impl Iterator<Item = &Rolled> {
        self.history.iter()
    }

    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    pub fn counters(&self) -> SessionCounters {
        self.counters
    }

    /// Messages of agreement that were refused for a reason other than being late or known.
    pub fn agree_refused(&self) -> u64 {
        let refused = self.agree.refused();
        refused.garbled
            + refused.signature
            + refused.wrong_proposer
            + refused.round
            + refused.proposals
            + refused.early
            + refused.questions
            + refused.waiting
            + refused.driver
    }
}

/// Tries entries on a copy of the ledger and keeps those that fit.
struct Composer<'a> {
    trial: &'a mut Ledger,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Composer<'_> {
    fn add(&mut self, entry: Entry) {
        let bytes = postcard_len(&entry);
        let full =
            self.entries.len() >= BATCH_ENTRIES_MAX || self.bytes + bytes + 8 > BATCH_BYTES_MAX;
        if !full && self.trial.try_entry(&entry).is_ok() {
            self.bytes += bytes;
            self.entries.push(entry);
        }
    }

    /// What follows from the state alone.
    fn add_due(&mut self) {
        let roll = self.trial.roll();
        if self.trial.open_due() {
            self.add(Entry::BetsOpen { roll });
        }
        if self.trial.close_due() {
            self.add(Entry::BetsClosed { roll });
        }
    }
}

/// Those who agree on the next height.
fn members_of(ledger: &Ledger) -> Option<Members> {
    let keys: Vec<MemberKey> = ledger.member_keys().into_iter().map(MemberKey).collect();
    Members::new(&keys).ok()
}

fn postcard_len(entry: &Entry) -> usize {
    Batch(vec![entry.clone()]).encode().len()
}

fn own_ops(value: &[u8], me: &Key) -> BTreeSet<u64> {
    let entries = Batch::decode(value).map(|b| b.0).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Op(op) if op.author == *me => Some(op.seq),
            _ => None,
        })
        .collect()
}

/// The dice key of this peer at one table. Derived, so that a lost store cannot lose it.
pub(super) fn member_secret(identity: &Identity, genesis: &Genesis) -> dice::MemberSecret {
    secret_for(identity, &genesis.invitation.id().0)
}

pub(super) fn secret_for(identity: &Identity, invitation: &[u8; 32]) -> dice::MemberSecret {
    let seed = identity.seed("bitcraps v1 dice key");
    let label = crate::id::TableId::from_bytes(*invitation).to_string();
    dice::MemberSecret::derive(&seed.fork(&label))
}

pub(super) fn seating(
    identity: &Identity,
    genesis: &Genesis,
    name: String,
    role: SeatRole,
) -> super::message::Seating {
    seating_for(identity, &genesis.invitation, name, role)
}

pub(super) fn seating_for(
    identity: &Identity,
    invitation: &super::message::Invitation,
    name: String,
    role: SeatRole,
) -> super::message::Seating {
    let id = invitation.id();
    let secret = secret_for(identity, &id.0);
    let dice_key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
    super::message::Seating::sign(identity, id, name, role, dice_key)
}

// ---- storage keys --------------------------------------------------------------------------

/// Everything of one table starts with this.
pub(super) fn table_prefix(table: TableId) -> Vec<u8> {
    [&b"table/"[..], table.as_bytes(), b"/"].concat()
}

pub(super) fn genesis_key(table: TableId) -> Vec<u8> {
    [&table_prefix(table)[..], b"genesis"].concat()
}

/// Big-endian, so that keys sort by height.
fn decision_key(table: TableId, height: u64) -> Vec<u8> {
    [&table_prefix(table)[..], b"log/", &height.to_be_bytes()].concat()
}

fn records_prefix(table: TableId) -> Vec<u8> {
    [&table_prefix(table)[..], b"now/"].concat()
}

fn record_key(table: TableId, height: u64, seq: u64) -> Vec<u8> {
    [&records_prefix(table)[..], &height.to_be_bytes(), &seq.to_be_bytes()].concat()
}

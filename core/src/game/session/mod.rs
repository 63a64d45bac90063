//! One table at this peer: its ledger, its agreement, and what waits to be agreed.
//!
//! Rules, and why.
//! 1. A height is started only when there is something to agree on, or a member already speaks of
//!    it; at an idle table members only say now and then which height comes next.
//! 2. Own ops are sent again until the log holds them or makes them void; other members' ops are
//!    kept too, so any proposer can include them.
//! 3. Our share of a roll leaves only after the batch that closed its bets is decided.
//! 4. A peer without a seat, or behind by more than one height, follows by certified batches.
//!
//! `wishes` holds what this peer and others want on the log, `draft` makes a batch of it,
//! `deciding` takes batches through agreement and into the ledger; `caution` lets betting rest,
//! `conduct` speaks up against liars and the absent, `gallery` shows the table to those without a
//! seat, `chat` is what they all say.
//!
//! It does not invite, list or store tables: that is `tables`.

mod caution;
mod chat;
mod conduct;
mod deciding;
mod draft;
mod gallery;
mod wishes;

use super::{
    habit::Watch,
    ledger::{Happened, Ledger, Rolled},
    message::{Action, Genesis, Key, Message, Op, SeatRole},
    refused::{CommandError, RequestId},
    seating::{seating_for, secret_for},
    strategy::Strategy,
};
use crate::{
    agree::{self, Agree, Decision},
    craps::{Chips, Seat, Wager},
    crypto::{
        dice,
        identity::{Identity, peer_id},
    },
    id::{PeerId, TableId},
    seed::Seed,
    sorted::{SortedMap, SortedSet},
    store::Write,
    time::Instant,
};
pub use caution::{PAUSE_ABOVE, Pause, RESUME_BELOW};
pub use chat::{LINES_MAX, Said};
pub use conduct::ABSENT_AFTER;
use deciding::{Judged, members_of};
use draft::Draft;
pub use gallery::WATCHERS_MAX;
use std::collections::VecDeque;
use wishes::{COMMAND_TIMEOUT, Waiting};

/// Rolls kept for people to look at.
pub const HISTORY_MAX: usize = 64;

/// Which peers can be reached now.
pub type Reach = SortedSet<PeerId>;

/// Where this peer stands at a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Has asked for a seat and follows the log.
    Joining,
    Seated,
    /// Follows the log without a seat: it looks on, or it lost its seat against its will.
    Watching,
    /// Gave its seat up, or no longer looks on.
    Left,
    /// A quorum signed a batch that does not fit the log, so more than f members lie. The log is
    /// kept as it is, and this peer takes no further part.
    Halted,
}

/// How far a peer that wants a seat has come.
enum Newcomer {
    /// Takes in the log and asks for a seat when it has all of it.
    CatchingUp { request: RequestId, name: String, until: Instant },
    /// Found itself seated by an earlier life whose votes at this height it has forgotten, and
    /// must not vote again: it goes on when one more height is decided without it.
    SeatedBefore { request: RequestId, height: u64 },
    /// Has asked for a seat.
    Asked,
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
    Paused {
        percent: u8,
    },
    Resumed,
    Equivocation {
        culprit: PeerId,
    },
    Said {
        peer: PeerId,
        text: String,
    },
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
    newcomer: Option<Newcomer>,
    /// Every certified batch, from height 1 on.
    log: Vec<Decision>,
    /// The last rolls, newest first.
    history: VecDeque<Rolled>,
    pool: SortedMap<Key, SortedMap<u64, Op>>,
    shares: SortedMap<Seat, dice::Share>,
    /// Shares of the roll being bet on, by sender: its bets are closed elsewhere already.
    early_shares: SortedMap<PeerId, dice::Share>,
    /// Who sent a share that does not verify for the roll being opened.
    bad_openers: SortedSet<Seat>,
    /// The roll our share was made for.
    shared: Option<dice::Share>,
    waiting: Vec<Waiting>,
    /// Wishes of commands whose number an op of an earlier life took: no more than waited.
    again: Vec<(Action, Waiting)>,
    watch: Watch,
    /// The round in which agreement asked us for a value that we did not have yet.
    owed_round: Option<u32>,
    draft: Draft,
    /// Ledgers after values that were judged sound at this height.
    judged: Vec<Judged>,
    reachable: usize,
    frozen: bool,
    paused: Option<Pause>,
    reach: Reach,
    /// When the last roll was decided.
    rolled_at: Instant,
    resend_at: Instant,
    follow_at: Instant,
    follow_turn: usize,
    /// When each peer's last question for the log was answered.
    answered: SortedMap<PeerId, Instant>,
    /// When strangers' wishes in the pool were last heard.
    heard: SortedMap<Key, Instant>,
    attendance: conduct::Attendance,
    /// Verified evidence that the log does not hold yet, by culprit.
    evidence: SortedMap<Key, Vec<u8>>,
    /// Peers without a seat that look on by our help, and when they last said so.
    watchers: SortedMap<PeerId, Instant>,
    /// Whether the member that shows us the table answered since we last asked.
    shown: bool,
    /// Whether this peer looked on before it asked for a seat, and will again without one.
    looked_on: bool,
    talk: chat::Talk,
    /// When the roll or its phase changed last.
    moved_at: Instant,
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
    /// Lines of chat that were not taken: too fast, not signed, by nobody of this table.
    pub lines_refused: u64,
}

impl Session {
    /// A table that was just formed. `None` when the genesis is not sound.
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
            secret: secret_for(identity, &genesis.invitation.id()),
            dice_entropy: identity.seed("bitcraps v1 dice entropy"),
            genesis,
            ledger,
            agree,
            standing,
            newcomer: None,
            log: Vec::new(),
            history: VecDeque::new(),
            pool: SortedMap::new(),
            shares: SortedMap::new(),
            early_shares: SortedMap::new(),
            bad_openers: SortedSet::new(),
            shared: None,
            waiting: Vec::new(),
            again: Vec::new(),
            watch: Watch::default(),
            owed_round: None,
            draft: Draft::Stale,
            judged: Vec::new(),
            reachable: 0,
            frozen: false,
            paused: None,
            reach: Reach::new(),
            rolled_at: now,
            resend_at: now,
            follow_at: now,
            follow_turn: 0,
            answered: SortedMap::new(),
            heard: SortedMap::new(),
            attendance: conduct::Attendance::new(now),
            evidence: SortedMap::new(),
            watchers: SortedMap::new(),
            shown: false,
            looked_on: false,
            talk: chat::Talk::default(),
            moved_at: now,
            counters: SessionCounters::default(),
            out: VecDeque::new(),
        })
    }

    /// How this seat bets when nobody tells it to.
    pub(super) fn play_by(&mut self, strategy: Strategy) {
        self.watch.play_by(strategy);
    }

    /// A table that others play at, to be joined when its log is taken in. The genesis may name
    /// this peer: it may have left since, or have lost its store.
    pub(super) fn follow_table(
        genesis: Genesis,
        identity: &Identity,
        role: SeatRole,
        (request, name): (RequestId, String),
        now: Instant,
    ) -> Option<Session> {
        let mut session = Session::new(genesis, identity, role, now)?;
        session.standing = Standing::Joining;
        let until = now + COMMAND_TIMEOUT;
        session.newcomer = Some(Newcomer::CatchingUp { request, name, until });
        Some(session)
    }

    /// A table that others play at, to look on without a seat. The genesis may name this peer.
    pub(super) fn watch_table(
        genesis: Genesis,
        identity: &Identity,
        role: SeatRole,
        now: Instant,
    ) -> Option<Session> {
        let mut session = Session::new(genesis, identity, role, now)?;
        session.standing = Standing::Watching;
        Some(session)
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
        self.watch.observe(&self.ledger, self.my_id, now);
        let Some(members) = members_of(&self.ledger) else { return false };
        let (group, height) = (*self.id().as_bytes(), self.ledger.height());
        self.agree = Agree::new(agree::Config::default(), group, identity, height, members, now);
        if !records.is_empty() {
            self.start_height(records, now);
        }
        true
    }

    pub(super) fn on_message(
        &mut self,
        from: PeerId,
        message: Message,
        identity: &Identity,
        now: Instant,
    ) {
        self.on_heard(from, now);
        match message {
            Message::Agree { bytes, .. } => self.on_agree(from, &bytes, now),
            Message::Submit { ops, .. } => self.on_ops(from, ops, now),
            Message::Share { share, .. } => self.on_share(from, share),
            Message::GetLog { from: height, .. } => self.answer_log(from, height, now),
            Message::Log { decisions, tip, .. } => {
                self.on_log(from, &decisions, tip, now);
                if self.ledger.height() >= tip {
                    self.caught_up(identity, now);
                }
            }
            Message::GetTable { table } => {
                debug_assert_eq!(table, self.id());
                self.send(from, Message::Start(self.genesis.clone()));
            }
            Message::Evidence { evidence, .. } => self.on_evidence(from, &evidence),
            Message::Watch { from: height, .. } => self.on_watch(from, height, now),
            Message::Chat { line, .. } => self.on_line(from, line, now),
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
        if self.standing == Standing::Seated && self.attendance.next_look() <= now {
            self.look_around(identity, now);
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
        if self.standing == Standing::Watching {
            return self.look_away(request);
        }
        self.command(request, Action::Leave, identity, now);
    }

    /// This peer wants a seat at a table that it holds already.
    pub(super) fn join(&mut self, request: RequestId, name: String, now: Instant) {
        let error = match (self.standing, self.barred()) {
            (Standing::Watching, None) => return self.take_part(request, name, now),
            (Standing::Watching, Some(error)) => error,
            (Standing::Joining, _) => CommandError::Busy,
            (Standing::Seated | Standing::Left | Standing::Halted, _) => {
                CommandError::AlreadySeated
            }
        };
        self.out.push_back(Output::Answer { request, result: Err(error) });
    }

    /// The log is here as far as a member's reaches: time to ask for a seat.
    fn caught_up(&mut self, identity: &Identity, now: Instant) {
        let Some(Newcomer::CatchingUp { request, name, .. }) =
            self.newcomer.take_if(|newcomer| matches!(newcomer, Newcomer::CatchingUp { .. }))
        else {
            return;
        };
        if self.ledger.seat(self.my_id).is_some() {
            let height = self.ledger.height();
            self.newcomer = Some(Newcomer::SeatedBefore { request, height });
            return;
        }
        if let Some(error) = self.barred() {
            self.out.push_back(Output::Answer { request, result: Err(error) });
            self.standing = Standing::Watching;
            return;
        }
        let seating = seating_for(identity, &self.genesis.invitation, name, self.role);
        self.submit(Action::Join(Box::new(seating)), Some(request), identity, now);
        self.newcomer = Some(Newcomer::Asked);
    }

    /// Does everything that is due until nothing is.
    fn advance(&mut self, identity: &Identity, now: Instant) {
        loop {
            self.drain_agree(now);
            if self.standing != Standing::Seated {
                return;
            }
            let busy = self.wish_again(identity, now)
                || self.act_by_habit(identity, now)
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

    pub(super) fn deadline(&self) -> Option<Instant> {
        let habit = self
            .ledger
            .seat(self.my_id)
            .and_then(|(_, state)| self.watch.deadline(&self.ledger, state))
            .filter(|_| self.may_act_by_habit());
        let resend =
            (self.pool.contains_key(&self.me) || self.shared.is_some()).then_some(self.resend_at);
        let follows = matches!(self.standing, Standing::Joining | Standing::Watching);
        let follow = follows.then_some(self.follow_at);
        let waiting = self.waiting.iter().map(|w| w.until).min();
        let agree = (self.standing == Standing::Seated).then(|| self.agree.deadline());
        let deal = self.deal_due().filter(|_| self.standing == Standing::Seated);
        let look = (self.standing == Standing::Seated).then(|| self.attendance.next_look());
        [agree, habit, resend, follow, waiting, deal, look].into_iter().flatten().min()
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
        let wishes = |op: &&Op| !matches!(op.action, Action::Deal { .. } | Action::Absent { .. });
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

    /// When the roll or its phase changed last, as this peer saw it.
    pub fn moved_at(&self) -> Instant {
        self.moved_at
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

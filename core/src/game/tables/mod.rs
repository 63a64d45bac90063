//! All tables of this peer: forming them, finding them, and giving each its messages.
//!
//! Rules, and why.
//! 1. A table is formed by consent: the host asks, each member signs its seating for that one
//!    invitation, and the genesis with all signatures names the table. Nobody is seated unasked.
//! 2. Whoever wants to join fetches the genesis by the table's id, which is its digest, and
//!    replays certified batches; it trusts no single member.
//! 3. Tables, invitations and waiting joins are bounded; what does not fit is refused.

mod forming;

use super::{
    keys::{seatless_key, table_prefix},
    ledger::Happened,
    message::{Genesis, InvitationId, Message, SeatRole},
    refused::{CommandError, RequestId},
    session::{self, Reach, Session, Standing},
    strategy::Strategy,
};
use crate::{
    agree::Decision,
    craps::{Chips, Wager},
    crypto::identity::Identity,
    health::Risk,
    id::{PeerId, TableId},
    seed::{Rng, Seed},
    sorted::SortedMap,
    store::Write,
    time::Instant,
};
use forming::{Fetching, Forming};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Tables this peer sits at or joins at once.
pub const TABLES_MAX: usize = 100;
/// Tables one announcement may name: what fits its attachment.
pub const ADS_MAX: usize = 16;

/// A table as its members announce it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ad {
    pub table: TableId,
    pub name: String,
    pub members: u8,
}

/// How this peer takes part.
#[derive(Clone, Debug)]
pub struct Config {
    pub role: SeatRole,
    /// Granted to everybody who sits down at a table hosted here.
    pub buy_in: Chips,
    /// What the house of such a table starts with.
    pub bank: Chips,
    /// How this peer bets in the role of a bot.
    pub strategy: Strategy,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            role: SeatRole::Player,
            buy_in: Chips(1_000),
            bank: Chips(100_000),
            strategy: Strategy::default(),
        }
    }
}

/// What the tables ask of the node.
#[derive(Clone, Debug)]
pub enum Output {
    Send {
        to: PeerId,
        message: Message,
    },
    /// Answer with [`Tables::on_stored`] when it survives a crash.
    Store {
        ticket: u64,
        writes: Vec<Write>,
    },
    Answer {
        request: RequestId,
        result: Result<Option<TableId>, CommandError>,
    },
    Opened {
        table: TableId,
    },
    Happened {
        table: TableId,
        what: Happened,
    },
    Changed {
        table: TableId,
    },
    /// What [`Tables::ads`] gives is not what it was.
    AdsChanged,
    Frozen {
        table: TableId,
        reachable: usize,
        needed: usize,
    },
    Thawed {
        table: TableId,
    },
    /// Betting rests here, because the members lose each other with this likelihood.
    Paused {
        table: TableId,
        percent: u8,
    },
    Resumed {
        table: TableId,
    },
    Equivocation {
        table: TableId,
        culprit: PeerId,
    },
    Said {
        table: TableId,
        peer: PeerId,
        text: String,
    },
}

/// See the module's first line.
pub struct Tables {
    config: Config,
    name: String,
    sessions: SortedMap<TableId, Session>,
    forming: SortedMap<InvitationId, Forming>,
    accepted: VecDeque<InvitationId>,
    fetching: SortedMap<TableId, Fetching>,
    reach: Reach,
    rng: Rng,
    ticket: u64,
    /// Agreement marks that wait for a ticket, oldest first.
    marks: VecDeque<(u64, TableId, u64)>,
    writes: Vec<Write>,
    out: VecDeque<Output>,
}

impl Tables {
    pub fn new(config: Config, name: String, seed: &Seed) -> Tables {
        Tables {
            config,
            name,
            sessions: SortedMap::new(),
            forming: SortedMap::new(),
            accepted: VecDeque::new(),
            fetching: SortedMap::new(),
            reach: Reach::new(),
            rng: seed.fork("tables").rng(),
            // Before the first ticket is stored, the driver's word is 0.
            ticket: 1,
            marks: VecDeque::new(),
            writes: Vec::new(),
            out: VecDeque::new(),
        }
    }

    /// Takes back what was stored. Returns how many tables came back and how many did not fit.
    pub fn restore(
        &mut self,
        stored: &[(Vec<u8>, Vec<u8>)],
        identity: &Identity,
        now: Instant,
    ) -> (usize, usize) {
        let mut lost = 0;
        let seatless = |session: &Session| {
            let mark = seatless_key(session.id());
            stored.iter().any(|(key, _)| *key == mark)
        };
        let geneses = stored.iter().filter(|(key, _)| key.ends_with(b"/genesis"));
        for (_, value) in geneses {
            match self.restore_one(value, stored, identity, now) {
                Some(session) if session.standing() == Standing::Seated && !seatless(&session) => {
                    self.sessions.insert(session.id(), session);
                }
                // It was looked at or being joined, and the wish died with the process.
                Some(session) => {
                    self.writes.push(Write::DeletePrefix { prefix: table_prefix(session.id()) });
                }
                None => lost += 1,
            }
        }
        (self.sessions.len(), lost)
    }

    fn restore_one(
        &self,
        genesis: &[u8],
        stored: &[(Vec<u8>, Vec<u8>)],
        identity: &Identity,
        now: Instant,
    ) -> Option<Session> {
        let genesis = Genesis::decode(genesis)?;
        let mut session = Session::new(genesis, identity, self.config.role, now)?;
        session.play_by(self.config.strategy);
        let prefix = table_prefix(session.id());
        let under = |part: &[u8]| -> Vec<&Vec<u8>> {
            let start = [&prefix[..], part].concat();
            stored.iter().filter(|(key, _)| key.starts_with(&start)).map(|(_, v)| v).collect()
        };
        let decisions: Option<Vec<Decision>> =
            under(b"log/").into_iter().map(|bytes| Decision::decode(bytes).ok()).collect();
        let records: Vec<Vec<u8>> = under(b"now/").into_iter().cloned().collect();
        session.restore(decisions?, &records, identity, now).then_some(session)
    }

    pub fn leave(&mut self, request: RequestId, table: TableId, id: &Identity, now: Instant) {
        self.with(request, table, |session| session.leave(request, id, now));
    }

    pub fn bet(
        &mut self,
        request: RequestId,
        table: TableId,
        (wager, chips): (Wager, Chips),
        identity: &Identity,
        now: Instant,
    ) {
        self.with(request, table, |session| session.bet(request, wager, chips, identity, now));
    }

    pub fn ready(&mut self, request: RequestId, table: TableId, id: &Identity, now: Instant) {
        self.with(request, table, |session| session.ready(request, id, now));
    }

    /// Words for everybody at the table. Never on the log.
    pub fn say(
        &mut self,
        request: RequestId,
        table: TableId,
        text: String,
        identity: &Identity,
        now: Instant,
    ) {
        let salt = self.rng.bytes();
        self.with(request, table, |session| session.say(request, (text, salt), identity, now));
    }

    /// The name new seats are taken under; seats already taken keep theirs.
    pub fn rename(&mut self, name: String) {
        self.name = name;
    }

    fn with(&mut self, request: RequestId, table: TableId, act: impl FnOnce(&mut Session)) {
        match self.sessions.get_mut(&table) {
            Some(session) => {
                act(session);
                self.collect(table);
            }
            None => self.answer(request, Err(CommandError::UnknownTable { table })),
        }
    }

    pub fn on_message(
        &mut self,
        from: PeerId,
        message: Message,
        identity: &Identity,
        now: Instant,
    ) {
        match message {
            Message::Invite(invitation) => self.on_invite(from, &invitation, identity),
            Message::Accept { invitation, seating } => {
                self.on_answer(from, invitation, Some(*seating), identity, now);
            }
            Message::Decline { invitation } => {
                self.on_answer(from, invitation, None, identity, now);
            }
            Message::Start(genesis) => self.on_start(&genesis, identity, now),
            message => self.on_table_message(from, message, identity, now),
        }
    }

    fn on_table_message(
        &mut self,
        from: PeerId,
        message: Message,
        identity: &Identity,
        now: Instant,
    ) {
        let Some(table) = table_of(&message) else { return };
        match self.sessions.get_mut(&table) {
            Some(session) => {
                session.on_message(from, message, identity, now);
                self.collect(table);
            }
            // We may have accepted an invitation and missed the start.
            None if !self.accepted.is_empty() && matches!(message, Message::Agree { .. }) => {
                self.send(from, Message::GetTable { table });
            }
            None => {}
        }
    }

    pub fn on_reach(&mut self, reach: Reach, identity: &Identity, now: Instant) {
        self.reach = reach;
        let reach = &self.reach;
        self.sessions.values_mut().for_each(|s| s.on_reach(reach, identity, now));
        self.collect_all();
    }

    /// That the members of a table split within the horizon; `None` when nobody can say. What is
    /// no table of ours is ignored.
    pub fn on_risk(
        &mut self,
        table: TableId,
        risk: Option<Risk>,
        identity: &Identity,
        now: Instant,
    ) {
        if let Some(session) = self.sessions.get_mut(&table) {
            session.on_risk(risk, identity, now);
            self.collect(table);
        }
    }

    /// Everything up to this ticket survives a crash from now on.
    pub fn on_stored(&mut self, ticket: u64, identity: &Identity, now: Instant) {
        while self.marks.front().is_some_and(|(waits, _, _)| *waits <= ticket) {
            let Some((_, table, mark)) = self.marks.pop_front() else { return };
            if let Some(session) = self.sessions.get_mut(&table) {
                session.on_stored(mark, identity, now);
                self.collect(table);
            }
        }
    }

    pub fn on_timeout(&mut self, identity: &Identity, now: Instant) {
        for session in self.sessions.values_mut() {
            if session.deadline().is_some_and(|at| at <= now) {
                session.on_timeout(identity, now);
            }
        }
        self.collect_all();
        let late = |f: &Forming| f.until <= now;
        let ids: Vec<_> = self.forming.iter().filter(|(_, f)| late(f)).map(|(i, _)| *i).collect();
        for id in ids {
            self.form(id, identity, now);
        }
        self.fetch(now);
    }

    pub fn deadline(&self) -> Option<Instant> {
        let sessions = self.sessions.values().filter_map(Session::deadline);
        let forming = self.forming.values().map(|f| f.until);
        let fetching = self.fetching.values().map(|f| f.again_at.min(f.until));
        sessions.chain(forming).chain(fetching).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.out.pop_front() {
            return Some(output);
        }
        if self.writes.is_empty() {
            return None;
        }
        let writes = std::mem::take(&mut self.writes);
        let ticket = self.ticket;
        self.ticket += 1;
        Some(Output::Store { ticket, writes })
    }

    fn collect_all(&mut self) {
        let ids: Vec<TableId> = self.sessions.keys().copied().collect();
        ids.into_iter().for_each(|table| self.collect(table));
    }

    /// Takes what a session wants done, and lets it go when its seat is given up.
    fn collect(&mut self, table: TableId) {
        let Some(session) = self.sessions.get_mut(&table) else { return };
        while let Some(output) = session.poll_output() {
            let output = match output {
                session::Output::Send { to, message } => Output::Send { to, message },
                session::Output::Store { writes, mark } => {
                    self.writes.extend(writes);
                    // The ticket of the next `Store`.
                    self.marks.extend(mark.map(|mark| (self.ticket, table, mark)));
                    continue;
                }
                session::Output::Answer { request, result } => {
                    Output::Answer { request, result: result.map(|()| Some(table)) }
                }
                session::Output::Happened(what) => {
                    if matches!(what, Happened::MembersChanged) {
                        self.out.push_back(Output::AdsChanged);
                    }
                    Output::Happened { table, what }
                }
                session::Output::Changed => Output::Changed { table },
                session::Output::Frozen { reachable, needed } => {
                    Output::Frozen { table, reachable, needed }
                }
                session::Output::Thawed => Output::Thawed { table },
                session::Output::Paused { percent } => Output::Paused { table, percent },
                session::Output::Resumed => Output::Resumed { table },
                session::Output::Equivocation { culprit } => {
                    Output::Equivocation { table, culprit }
                }
                session::Output::Said { peer, text } => Output::Said { table, peer, text },
            };
            self.out.push_back(output);
        }
        if session.standing() == Standing::Left {
            self.sessions.remove(&table);
            self.marks.retain(|(_, of, _)| *of != table);
            self.writes.push(Write::DeletePrefix { prefix: table_prefix(table) });
            self.out.push_back(Output::AdsChanged);
            self.out.push_back(Output::Changed { table });
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.out.push_back(Output::Send { to, message });
    }

    fn answer(&mut self, request: RequestId, result: Result<Option<TableId>, CommandError>) {
        self.out.push_back(Output::Answer { request, result });
    }

    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    pub fn session(&self, table: TableId) -> Option<&Session> {
        self.sessions.get(&table)
    }

    /// The tables to announce: those this peer sits at.
    pub fn ads(&self) -> Vec<Ad> {
        let seated = self.sessions.values().filter(|s| s.standing() == Standing::Seated);
        let ad = |s: &Session| Ad {
            table: s.id(),
            name: s.ledger().name().to_owned(),
            members: u8::try_from(s.members()).unwrap_or(u8::MAX),
        };
        seated.take(ADS_MAX).map(ad).collect()
    }
}

fn table_of(message: &Message) -> Option<TableId> {
    match message {
        Message::GetTable { table }
        | Message::Agree { table, .. }
        | Message::Submit { table, .. }
        | Message::Share { table, .. }
        | Message::GetLog { table, .. }
        | Message::Log { table, .. }
        | Message::Evidence { table, .. }
        | Message::Watch { table, .. }
        | Message::Chat { table, .. } => Some(*table),
        Message::Invite(_)
        | Message::Accept { .. }
        | Message::Decline { .. }
        | Message::Start(_) => None,
    }
}

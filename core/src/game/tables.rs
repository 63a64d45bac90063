//! All tables of this peer: forming them, finding them, and giving each its messages.
//!
//! Rules, and why.
//! 1. A table is formed by consent: the host asks, each member signs its seating for that one
//!    invitation, and the genesis with all signatures names the table. Nobody is seated unasked.
//! 2. Whoever wants to join fetches the genesis by the table's id, which is its digest, and
//!    replays certified batches; it trusts no single member.
//! 3. Tables, invitations and waiting joins are bounded; what does not fit is refused.

use super::{
    ledger::{Happened, KEY_EPOCH},
    message::{Genesis, Invitation, InvitationId, Message, SeatRole, Seating},
    refused::{CommandError, RequestId},
    session::{self, Reach, Session, Standing, genesis_key, seating_for, table_prefix},
};
use crate::{
    agree::Decision,
    craps::{Chips, Wager},
    crypto::identity::{Identity, peer_id},
    id::{PeerId, TableId},
    limits::{NAME_BYTES_MAX, TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN},
    seed::{Rng, Seed},
    store::Write,
    time::{Duration, Instant},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Tables this peer sits at or joins at once.
pub const TABLES_MAX: usize = 100;
/// Tables one announcement may name: what fits its attachment.
pub const ADS_MAX: usize = 16;
/// Invitations that wait for answers at once.
const FORMING_MAX: usize = 8;
/// Invitations this peer accepted and was not told the outcome of.
const ACCEPTED_MAX: usize = 64;
/// How long a host waits for answers. Guess: a few round trips on a slow radio.
const FORMING_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a joiner waits for the genesis.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it asks again.
const FETCH_AGAIN: Duration = Duration::from_secs(1);
/// Members a host asks for when it names none. Guess: quick rounds, one or two liars tolerated.
const MEMBERS_WANTED: usize = 7;

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
}

impl Default for Config {
    fn default() -> Self {
        Config { role: SeatRole::Player, buy_in: Chips(1_000), bank: Chips(100_000) }
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
    Equivocation {
        table: TableId,
        culprit: PeerId,
    },
}

/// A table this peer is forming as its host.
struct Forming {
    request: RequestId,
    invitation: Invitation,
    mine: Seating,
    asked: Vec<PeerId>,
    answers: BTreeMap<PeerId, Option<Seating>>,
    until: Instant,
}

/// A table whose genesis is being fetched.
struct Fetching {
    request: RequestId,
    hosts: Vec<PeerId>,
    next: usize,
    again_at: Instant,
    until: Instant,
}

/// See the module's first line.
pub struct Tables {
    config: Config,
    name: String,
    sessions: BTreeMap<TableId, Session>,
    forming: BTreeMap<InvitationId, Forming>,
    accepted: VecDeque<InvitationId>,
    fetching: BTreeMap<TableId, Fetching>,
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
            sessions: BTreeMap::new(),
            forming: BTreeMap::new(),
            accepted: VecDeque::new(),
            fetching: BTreeMap::new(),
            reach: Reach::new(),
            rng: seed.fork("tables").rng(),
            ticket: 0,
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
        let geneses = stored.iter().filter(|(key, _)| key.ends_with(b"/genesis"));
        for (_, value) in geneses {
            match self.restore_one(value, stored, identity, now) {
                Some(session) if session.standing() == Standing::Seated => {
                    self.sessions.insert(session.id(), session);
                }
                // It was being joined, and the wish died with the process.
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

    // ---- wishes --------------------------------------------------------------------------

    /// Asks `invite` to form a table; all of `willing` (nearest first), up to seven members, when
    /// nobody is named.
    pub fn create(
        &mut self,
        request: RequestId,
        name: String,
        invite: Vec<PeerId>,
        willing: Vec<PeerId>,
        identity: &Identity,
        now: Instant,
    ) {
        let mut asked = if invite.is_empty() {
            willing.into_iter().take(MEMBERS_WANTED - 1).collect()
        } else {
            invite
        };
        asked.retain(|peer| *peer != identity.id());
        asked.truncate(TABLE_MEMBERS_MAX - 1);
        if let Err(error) = self.may_create(&name, asked.len()) {
            return self.answer(request, Err(error));
        }
        let invitation = Invitation {
            host: identity.card().key,
            salt: self.rng.bytes(),
            name,
            buy_in: self.config.buy_in,
            bank: self.config.bank,
        };
        let mine = seating_for(identity, &invitation, self.name.clone(), self.config.role);
        for peer in &asked {
            self.send(*peer, Message::Invite(invitation.clone()));
        }
        let until = now + FORMING_TIMEOUT;
        let answers = BTreeMap::new();
        let id = invitation.id();
        self.forming.insert(id, Forming { request, invitation, mine, asked, answers, until });
    }

    fn may_create(&self, name: &str, asked: usize) -> Result<(), CommandError> {
        if !name_is_sound(name) {
            return Err(CommandError::BadName { got: name.len(), max: NAME_BYTES_MAX });
        }
        if self.sessions.len() >= TABLES_MAX {
            return Err(CommandError::TooManyTables { max: TABLES_MAX });
        }
        if self.forming.len() >= FORMING_MAX {
            return Err(CommandError::Busy);
        }
        if asked + 1 < TABLE_MEMBERS_MIN {
            let need = TABLE_MEMBERS_MIN;
            return Err(CommandError::TooFewMembers { have: asked + 1, need });
        }
        Ok(())
    }

    /// `hosts` are the peers that announce the table.
    pub fn join(
        &mut self,
        request: RequestId,
        table: TableId,
        hosts: Vec<PeerId>,
        identity: &Identity,
        now: Instant,
    ) {
        if let Some(session) = self.sessions.get_mut(&table) {
            session.join(request, self.name.clone(), identity, now);
            return self.collect(table);
        }
        let error = if hosts.is_empty() {
            Some(CommandError::UnknownTable { table })
        } else if self.sessions.len() >= TABLES_MAX {
            Some(CommandError::TooManyTables { max: TABLES_MAX })
        } else if self.fetching.len() >= FORMING_MAX || self.fetching.contains_key(&table) {
            Some(CommandError::Busy)
        } else {
            None
        };
        if let Some(error) = error {
            return self.answer(request, Err(error));
        }
        let until = now + FETCH_TIMEOUT;
        self.fetching.insert(table, Fetching { request, hosts, next: 0, again_at: now, until });
        self.fetch(now);
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

    // ---- messages ------------------------------------------------------------------------

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

    fn on_invite(&mut self, from: PeerId, invitation: &Invitation, identity: &Identity) {
        let id = invitation.id();
        let willing = self.config.role != SeatRole::Player
            && peer_id(&invitation.host) == from
            && name_is_sound(&invitation.name)
            && self.sessions.len() < TABLES_MAX;
        if !willing {
            return self.send(from, Message::Decline { invitation: id });
        }
        if !self.accepted.contains(&id) {
            self.accepted.push_back(id);
            if self.accepted.len() > ACCEPTED_MAX {
                self.accepted.pop_front();
            }
        }
        let seating = seating_for(identity, invitation, self.name.clone(), self.config.role);
        let seating = Box::new(seating);
        self.send(from, Message::Accept { invitation: id, seating });
    }

    fn on_answer(
        &mut self,
        from: PeerId,
        id: InvitationId,
        seating: Option<Seating>,
        identity: &Identity,
        now: Instant,
    ) {
        let Some(forming) = self.forming.get_mut(&id) else { return };
        let sound = |s: &Seating| {
            peer_id(&s.key) == from
                && name_is_sound(&s.name)
                && s.verify(id).is_ok()
                && s.dice_key.identity == s.key
                && s.dice_key.verify(&id.0, KEY_EPOCH).is_ok()
        };
        if forming.asked.contains(&from) {
            forming.answers.insert(from, seating.filter(sound));
        }
        if forming.answers.len() == forming.asked.len() {
            self.form(id, identity, now);
        }
    }

    /// Everybody answered, or time is up.
    fn form(&mut self, id: InvitationId, identity: &Identity, now: Instant) {
        let Some(forming) = self.forming.remove(&id) else { return };
        let mut seatings = vec![forming.mine];
        // In the order they were asked, so that the host's choice decides the seats.
        for peer in &forming.asked {
            seatings.extend(forming.answers.get(peer).cloned().flatten());
        }
        if seatings.len() < TABLE_MEMBERS_MIN {
            let (have, need) = (seatings.len(), TABLE_MEMBERS_MIN);
            return self.answer(forming.request, Err(CommandError::TooFewMembers { have, need }));
        }
        let genesis = Genesis { invitation: forming.invitation, seatings };
        for seating in &genesis.seatings[1..] {
            self.send(peer_id(&seating.key), Message::Start(genesis.clone()));
        }
        let table = genesis.id();
        match self.open(genesis, identity, now) {
            true => self.answer(forming.request, Ok(Some(table))),
            false => self.answer(forming.request, Err(CommandError::Busy)),
        }
    }

    fn on_start(&mut self, genesis: &Genesis, identity: &Identity, now: Instant) {
        let table = genesis.id();
        if self.sessions.contains_key(&table) || self.sessions.len() >= TABLES_MAX {
            return;
        }
        if let Some(fetching) = self.fetching.remove(&table) {
            if self.open(genesis.clone(), identity, now) {
                if let Some(session) = self.sessions.get_mut(&table) {
                    session.join(fetching.request, self.name.clone(), identity, now);
                }
                self.collect(table);
            } else {
                let error = CommandError::UnknownTable { table };
                self.answer(fetching.request, Err(error));
            }
            return;
        }
        // Only a table that holds our own signed consent is opened unasked.
        let mine = genesis.seatings.iter().any(|s| s.key == identity.card().key);
        let id = genesis.invitation.id();
        if mine && self.accepted.contains(&id) && self.open(genesis.clone(), identity, now) {
            self.accepted.retain(|other| *other != id);
        }
    }

    fn open(&mut self, genesis: Genesis, identity: &Identity, now: Instant) -> bool {
        let Some(mut session) = Session::new(genesis, identity, self.config.role, now) else {
            return false;
        };
        let table = session.id();
        let key = genesis_key(table);
        self.writes.push(Write::Put { key, value: session.genesis().encode() });
        session.on_reach(&self.reach, identity, now);
        self.sessions.insert(table, session);
        self.out.push_back(Output::Opened { table });
        self.out.push_back(Output::AdsChanged);
        self.collect(table);
        true
    }

    // ---- time and reach ------------------------------------------------------------------

    pub fn on_reach(&mut self, reach: Reach, identity: &Identity, now: Instant) {
        self.reach = reach;
        let reach = &self.reach;
        self.sessions.values_mut().for_each(|s| s.on_reach(reach, identity, now));
        self.collect_all();
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

    fn fetch(&mut self, now: Instant) {
        let mut asks = Vec::new();
        let mut late = Vec::new();
        for (table, fetching) in &mut self.fetching {
            if fetching.until <= now {
                late.push((*table, fetching.request));
            } else if fetching.again_at <= now {
                fetching.again_at = now + FETCH_AGAIN;
                let host = fetching.hosts[fetching.next % fetching.hosts.len()];
                fetching.next += 1;
                asks.push((host, *table));
            }
        }
        for (host, table) in asks {
            self.send(host, Message::GetTable { table });
        }
        for (table, request) in late {
            self.fetching.remove(&table);
            self.answer(request, Err(CommandError::TimedOut));
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let sessions = self.sessions.values().filter_map(Session::deadline);
        let forming = self.forming.values().map(|f| f.until);
        let fetching = self.fetching.values().map(|f| f.again_at.min(f.until));
        sessions.chain(forming).chain(fetching).min()
    }

    // ---- outputs -------------------------------------------------------------------------

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
                session::Output::Equivocation { culprit } => {
                    Output::Equivocation { table, culprit }
                }
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

    // ---- what others read ----------------------------------------------------------------

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

/// 1 to 32 bytes without control characters.
pub fn name_is_sound(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn table_of(message: &Message) -> Option<TableId> {
    match message {
        Message::GetTable { table }
        | Message::Agree { table, .. }
        | Message::Submit { table, .. }
        | Message::Share { table, .. }
        | Message::GetLog { table, .. }
        | Message::Log { table, .. } => Some(*table),
        Message::Invite(_)
        | Message::Accept { .. }
        | Message::Decline { .. }
        | Message::Start(_) => None,
    }
}

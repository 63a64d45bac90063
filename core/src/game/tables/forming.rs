//! How a table comes to be, and how one that others play at is found.

use super::{Output, TABLES_MAX, Tables};
use crate::{
    craps::Rules,
    crypto::identity::{Identity, peer_id},
    game::{
        keys::{genesis_key, seatless_key},
        ledger::KEY_EPOCH,
        message::{Genesis, Invitation, InvitationId, Message, SeatRole, Seating, name_is_sound},
        refused::{CommandError, RequestId},
        seating::seating_for,
        session::{Session, Standing},
    },
    id::{PeerId, TableId},
    limits::{NAME_BYTES_MAX, TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN},
    sorted::SortedMap,
    store::Write,
    time::{Duration, Instant},
};

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

/// A table this peer is forming as its host.
pub(super) struct Forming {
    pub request: RequestId,
    pub invitation: Invitation,
    pub mine: Seating,
    pub asked: Vec<PeerId>,
    pub answers: SortedMap<PeerId, Option<Seating>>,
    pub until: Instant,
}

/// What a table is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Join,
    Watch,
}

/// A table whose genesis is being fetched.
pub(super) struct Fetching {
    pub request: RequestId,
    pub purpose: Purpose,
    pub hosts: Vec<PeerId>,
    pub next: usize,
    pub again_at: Instant,
    pub until: Instant,
}

impl Tables {
    /// Asks `invite` to form a table; all of `willing` (nearest first), up to seven members, when
    /// nobody is named.
    pub fn create(
        &mut self,
        request: RequestId,
        (name, rules): (String, Rules),
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
        let sound = rules.check().map_err(|why| CommandError::BadRules { why: why.to_string() });
        if let Err(error) = self.may_create(&name, asked.len()).and(sound) {
            return self.answer(request, Err(error));
        }
        let invitation = Invitation {
            host: identity.card().key,
            salt: self.rng.bytes(),
            name,
            buy_in: self.config.buy_in,
            bank: self.config.bank,
            rules,
        };
        let mine = seating_for(identity, &invitation, self.name.clone(), self.config.role);
        for peer in &asked {
            self.send(*peer, Message::Invite(invitation.clone()));
        }
        let until = now + FORMING_TIMEOUT;
        let answers = SortedMap::new();
        let id = invitation.id();
        self.forming.insert(id, Forming { request, invitation, mine, asked, answers, until });
    }

    pub(super) fn may_create(&self, name: &str, asked: usize) -> Result<(), CommandError> {
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

    pub(super) fn on_invite(&mut self, from: PeerId, invitation: &Invitation, identity: &Identity) {
        let id = invitation.id();
        let willing = self.config.role != SeatRole::Player
            && peer_id(&invitation.host) == from
            && name_is_sound(&invitation.name)
            && invitation.rules.check().is_ok()
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

    pub(super) fn on_answer(
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
    pub(super) fn form(&mut self, id: InvitationId, identity: &Identity, now: Instant) {
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
        match Session::new(genesis, identity, self.config.role, now) {
            Some(session) => {
                self.open(session, identity, now);
                self.answer(forming.request, Ok(Some(table)));
            }
            None => self.answer(forming.request, Err(CommandError::Busy)),
        }
    }

    pub(super) fn on_start(&mut self, genesis: &Genesis, identity: &Identity, now: Instant) {
        let table = genesis.id();
        if self.sessions.contains_key(&table) || self.sessions.len() >= TABLES_MAX {
            return;
        }
        if let Some(Fetching { request, purpose, .. }) = self.fetching.remove(&table) {
            let (role, wish) = (self.config.role, (request, self.name.clone()));
            let session = match purpose {
                Purpose::Join => Session::follow_table(genesis.clone(), identity, role, wish, now),
                Purpose::Watch => Session::watch_table(genesis.clone(), identity, role, now),
            };
            match session {
                Some(session) => {
                    self.open(session, identity, now);
                    if purpose == Purpose::Watch {
                        self.answer(request, Ok(Some(table)));
                    }
                }
                None => self.answer(request, Err(CommandError::UnknownTable { table })),
            }
            return;
        }
        // Only a table that holds our own signed consent is opened unasked.
        let mine = genesis.seatings.iter().any(|s| s.key == identity.card().key);
        let id = genesis.invitation.id();
        if !mine || !self.accepted.contains(&id) {
            return;
        }
        let formed = Session::new(genesis.clone(), identity, self.config.role, now);
        if let Some(session) = formed {
            self.accepted.retain(|other| *other != id);
            self.open(session, identity, now);
        }
    }

    fn open(&mut self, mut session: Session, identity: &Identity, now: Instant) {
        session.play_by(self.config.strategy);
        let table = session.id();
        let key = genesis_key(table);
        self.writes.push(Write::Put { key, value: session.genesis().encode() });
        if session.standing() != Standing::Seated {
            self.writes.push(Write::Put { key: seatless_key(table), value: Vec::new() });
        }
        session.on_reach(&self.reach, identity, now);
        self.sessions.insert(table, session);
        self.out.push_back(Output::Opened { table });
        self.out.push_back(Output::AdsChanged);
        self.collect(table);
    }

    /// `hosts` are the peers that announce the table.
    pub fn join(&mut self, request: RequestId, table: TableId, hosts: Vec<PeerId>, now: Instant) {
        if let Some(session) = self.sessions.get_mut(&table) {
            session.join(request, self.name.clone(), now);
            return self.collect(table);
        }
        self.fetch_for(Purpose::Join, request, (table, hosts), now);
    }

    /// To see it without a seat. `hosts` are the peers that announce the table.
    pub fn watch(&mut self, request: RequestId, table: TableId, hosts: Vec<PeerId>, now: Instant) {
        match self.session(table).map(Session::standing) {
            Some(Standing::Watching) => self.answer(request, Ok(Some(table))),
            Some(_) => self.answer(request, Err(CommandError::AlreadySeated)),
            None => self.fetch_for(Purpose::Watch, request, (table, hosts), now),
        }
    }

    fn fetch_for(
        &mut self,
        purpose: Purpose,
        request: RequestId,
        (table, hosts): (TableId, Vec<PeerId>),
        now: Instant,
    ) {
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
        let fetching = Fetching { request, purpose, hosts, next: 0, again_at: now, until };
        self.fetching.insert(table, fetching);
        self.fetch(now);
    }

    pub(super) fn fetch(&mut self, now: Instant) {
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
}

//! What a table does about members that lied and members that are away.
//!
//! Rules, and why.
//! 1. Evidence proves itself against the members of its height, so it needs no author. The culprit
//!    acts no more, its bets go to the bank (nobody else's bet changes), it has the dice no longer
//!    and loses its seat at the next change of members; its stack is counted as cashed out. It
//!    gets no seat at this table again. A roll in progress is finished: the rest are enough.
//! 2. The last member sets are kept, because evidence usually enters the log a height later, and
//!    the members may have changed between. Older evidence is refused.
//! 3. A member is away when a quorum (n - f) of the seated say so within one membership, none of
//!    them having seen it act since: f liars are too few to say it of anybody present, and one
//!    honest member's bad link is not enough. Every act of its own ends it.
//! 4. Who is away has no dice and gets back the bets that may be taken down. At a table of more
//!    than four it gives the seat up with its chips, which it gets back when it returns; four
//!    keep it, because dice need four members, and three of them are enough for a roll.

use super::{BatchError, Happened, Ledger, Phase, SeatState};
use crate::{
    agree::{Evidence, MemberKey, Members, message::Step},
    craps::{Chips, Seat},
    crypto::identity::peer_id,
    game::message::Key,
    id::PeerId,
};
use serde::{Deserialize, Serialize};

/// Member sets that evidence is checked against. Guess: members of a busy table change a few times
/// a minute, and evidence enters the log within seconds.
pub const MEMBERSHIPS_MAX: usize = 16;
/// Departures that a table shows: as many as it has seats.
pub const DEPARTURES_MAX: usize = 16;

/// What an expelled member signed twice in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffenceKind {
    TwoProposals,
    TwoPrevotes,
    TwoPrecommits,
}

/// What a member was expelled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    pub kind: OffenceKind,
    /// Of the log.
    pub height: u64,
    /// Of agreement on that height.
    pub round: u32,
}

/// Why a member gave its seat up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Parting {
    Left,
    Away,
    Expelled { offence: Offence },
}

/// A seat that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    pub peer: PeerId,
    pub name: String,
    pub parting: Parting,
    /// What it brought and what it was cashed out.
    pub brought: Chips,
    pub chips: Chips,
    /// Of the log.
    pub height: u64,
}

impl Ledger {
    pub(super) fn evidence(
        &mut self,
        bytes: &[u8],
        happened: &mut Vec<Happened>,
    ) -> Result<(), BatchError> {
        let evidence = Evidence::decode(bytes).map_err(|_| BatchError::Malformed)?;
        let (culprit, height) = (evidence.culprit.0, evidence.height);
        let peer = peer_id(&culprit);
        if self.expelled.contains_key(&culprit) {
            return Err(BatchError::Expelled { peer });
        }
        let members = self.members_at(height).ok_or(BatchError::UnknownHeight { height })?;
        evidence.verify(self.table.as_bytes(), &members)?;
        let kind = match evidence.step() {
            None => OffenceKind::TwoProposals,
            Some(Step::Prevote) => OffenceKind::TwoPrevotes,
            Some(Step::Precommit) => OffenceKind::TwoPrecommits,
        };
        let offence = Offence { kind, height, round: evidence.round };
        self.expelled.insert(culprit, offence);
        self.joining.retain(|(seating, _)| seating.key != culprit);
        if let Some(seat) = self.seat_of(&culprit) {
            self.expel(seat);
        }
        happened.push(Happened::Expelled { peer, offence });
        Ok(())
    }

    fn expel(&mut self, seat: Seat) {
        self.bank.0 += self.felt.take_seat(seat).0;
        for state in self.seats.values_mut() {
            state.absent_by.remove(&seat);
        }
        if let Some(state) = self.seats.get_mut(&seat) {
            (state.expelled, state.leaving) = (true, true);
            (state.ready, state.acted) = (false, false);
        }
        // A roll whose bets are closed was thrown by whoever closed them.
        if self.phase != Phase::Opening {
            self.pass_dice();
        }
    }

    pub(super) fn absent(
        &mut self,
        claimant: Seat,
        member: &Key,
        (epoch, seq): (u64, u64),
        happened: &mut Vec<Happened>,
    ) -> Result<(), BatchError> {
        let peer = peer_id(member);
        let seat = self.seat_of(member).ok_or(BatchError::NotSeated { author: peer })?;
        let enough = self.seats.len() - self.seats.len().saturating_sub(1) / 3;
        let (now, last) = (self.epoch_number, self.last_seq(member));
        let stale = BatchError::StaleClaim { peer };
        let Some(state) = self.seats.get_mut(&seat) else { return Err(stale) };
        let fits = (epoch, seq) == (now, last)
            && seat != claimant
            && !state.away
            && !state.leaving
            && !state.absent_by.contains(&claimant);
        if !fits {
            return Err(stale);
        }
        state.absent_by.insert(claimant);
        if state.absent_by.len() < enough {
            return Ok(());
        }
        state.away = true;
        self.take_down(seat);
        if self.phase != Phase::Opening {
            self.pass_dice();
        }
        happened.push(Happened::Away { peer });
        Ok(())
    }

    /// What was on the felt of a roll that has fallen since may be taken down now.
    pub(super) fn take_down_bets_of_the_gone(&mut self) {
        let gone = |state: &SeatState| state.leaving || state.away;
        let seats: Vec<Seat> =
            self.seats.iter().filter(|(_, s)| gone(s)).map(|(seat, _)| *seat).collect();
        seats.into_iter().for_each(|seat| self.take_down(seat));
    }

    /// The members as they are agree from the next height on.
    pub(super) fn keep_membership(&mut self) {
        self.memberships.push_back((self.height + 1, self.member_keys()));
        while self.memberships.len() > MEMBERSHIPS_MAX {
            self.memberships.pop_front();
        }
    }

    pub(super) fn note_departure(&mut self, state: &SeatState) {
        let parting = match self.expelled.get(&state.key) {
            Some(offence) => Parting::Expelled { offence: *offence },
            None if state.leaving => Parting::Left,
            None => Parting::Away,
        };
        self.departures.push_front(Departure {
            peer: state.peer,
            name: state.name.clone(),
            parting,
            brought: state.brought,
            chips: state.stack,
            height: self.height,
        });
        self.departures.truncate(DEPARTURES_MAX);
    }

    /// Who agreed, or agrees, on this height; `None` when that is too long ago, or still open.
    pub fn members_at(&self, height: u64) -> Option<Members> {
        if height > self.height + 1 {
            return None;
        }
        let (_, keys) = self.memberships.iter().rev().find(|(first, _)| *first <= height)?;
        let keys: Vec<MemberKey> = keys.iter().copied().map(MemberKey).collect();
        Members::new(&keys).ok()
    }

    /// Who gave a seat up last, newest first.
    pub fn departures(&self) -> impl Iterator<Item = &Departure> {
        self.departures.iter()
    }

    /// What this identity was expelled for, if it was.
    pub fn offence_of(&self, key: &Key) -> Option<Offence> {
        self.expelled.get(key).copied()
    }

    /// Whether one member's claim that another is absent would count now.
    pub fn claim_counts(&self, claimant: &Key, member: &Key, epoch: u64, seq: u64) -> bool {
        let seats = self.seat_of(claimant).zip(self.seat_of(member));
        let Some((by, state)) = seats.and_then(|(by, of)| Some((by, self.seats.get(&of)?))) else {
            return false;
        };
        (epoch, seq) == (self.epoch_number, self.last_seq(member))
            && claimant != member
            && !state.away
            && !state.leaving
            && !state.absent_by.contains(&by)
    }
}

impl SeatState {
    /// How many say that it is absent.
    pub fn absent_claims(&self) -> usize {
        self.absent_by.len()
    }
}

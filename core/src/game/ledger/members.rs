//! Who sits: joining, leaving, whose turn it is to shoot.

use super::{BatchError, Epoch, KEY_EPOCH, Ledger, MINTED_MAX, Phase, REMEMBERED_MAX, SeatState};
use crate::{
    craps::Seat,
    crypto::{
        dice::{self, DiceTable, Params},
        identity::peer_id,
    },
    game::message::{InvitationId, Key, Op, SeatRole, Seating, name_is_sound},
    id::PeerId,
    limits::{TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN},
    sorted::SortedSet,
};

impl Ledger {
    pub(super) fn join(&mut self, op: &Op, seating: &Seating) -> Result<(), BatchError> {
        let author = peer_id(&op.author);
        let known = self.cashed_out.contains_key(&op.author);
        let waiting = self.joining.iter().any(|(s, _)| s.key == op.author);
        if seating.key != op.author || waiting {
            return Err(BatchError::WrongSeat { author });
        }
        if self.seats.len() + self.joining.len() >= TABLE_MEMBERS_MAX
            || (!known && self.cashed_out.len() + self.seats.len() >= REMEMBERED_MAX)
            || self.minted.0 + self.buy_in.0 > MINTED_MAX.0
        {
            return Err(BatchError::NoSeat { max: TABLE_MEMBERS_MAX });
        }
        if !name_is_sound(&seating.name) {
            return Err(BatchError::BadName);
        }
        seating.verify(self.invitation).map_err(|_| BatchError::BadSignature)?;
        let key = verified_key(seating, self.invitation)?;
        // One person's second identity with the same dice key would stop the next epoch for all.
        let held =
            self.seats.values().map(|s| &s.dice_key).chain(self.joining.iter().map(|j| &j.1));
        if held.into_iter().any(|other| other.key() == key.key()) {
            return Err(BatchError::Dice(dice::Fault::BadKey));
        }
        self.joining.push((seating.clone(), key));
        Ok(())
    }

    pub(super) fn leave(&mut self, seat: Seat, author: PeerId) -> Result<(), BatchError> {
        if self.seat_mut(seat, author)?.leaving {
            return Err(BatchError::WrongSeat { author });
        }
        self.seat_mut(seat, author)?.leaving = true;
        self.take_down(seat);
        Ok(())
    }

    /// Bets that may be taken down come back; the others are resolved as they fall.
    pub(super) fn take_down(&mut self, seat: Seat) {
        if self.phase == Phase::Opening {
            return;
        }
        let returned: u64 = self.felt.clear_seat(seat).iter().map(|(_, chips)| chips.0).sum();
        if let Some(state) = self.seats.get_mut(&seat) {
            state.stack.0 += returned;
        }
    }

    /// Whether somebody waits to sit down or to go, and may.
    pub(super) fn members_due(&self) -> bool {
        !self.joining.is_empty() || !self.going().is_empty()
    }

    /// Who gives a seat up at the next change: those that leave or were expelled, then those that
    /// are away as long as enough stay for fair dice.
    fn going(&self) -> Vec<Seat> {
        let free = |seat: Seat| self.felt.bets_of(seat).next().is_none();
        let all = || self.seats.iter().filter(|(seat, _)| free(**seat));
        let mut going: Vec<Seat> = all().filter(|(_, s)| s.leaving).map(|(n, _)| *n).collect();
        let stay = self.seats.len() + self.joining.len() - going.len();
        let away = all().filter(|(_, s)| s.away && !s.leaving).map(|(n, _)| *n);
        going.extend(away.take(stay.saturating_sub(TABLE_MEMBERS_MIN)));
        going
    }

    pub(super) fn change_members(&mut self) -> Result<(), BatchError> {
        for seat in self.going() {
            let Some(state) = self.seats.remove(&seat) else { continue };
            self.cashed_out.insert(state.key, state.stack);
            self.note_departure(&state);
        }
        for (seating, dice_key) in std::mem::take(&mut self.joining) {
            let held = self.cashed_out.remove(&seating.key).unwrap_or_default();
            let stack = if held.0 == 0 {
                self.minted.0 += self.buy_in.0;
                self.buy_in
            } else {
                held
            };
            let free = (0..=u8::MAX).map(Seat).find(|seat| !self.seats.contains_key(seat));
            let Some(seat) = free else { return Err(BatchError::NoSeat { max: 256 }) };
            let state = SeatState {
                key: seating.key,
                peer: peer_id(&seating.key),
                name: seating.name,
                role: seating.role,
                stack,
                ready: false,
                acted: false,
                leaving: false,
                brought: stack,
                away: false,
                expelled: false,
                absent_by: SortedSet::new(),
                dice_key,
            };
            self.seats.insert(seat, state);
        }
        self.seats.values_mut().for_each(|state| state.absent_by.clear());
        self.keep_membership();
        self.pass_dice();
        self.start_epoch()
    }

    pub(super) fn start_epoch(&mut self) -> Result<(), BatchError> {
        self.epoch_number += 1;
        self.epoch = None;
        if self.seats.len() < TABLE_MEMBERS_MIN {
            return Ok(());
        }
        let params = Params::recommended(self.seats.len())?;
        let members: Vec<_> = self.seats.values().map(|s| s.dice_key).collect();
        let table = DiceTable::new(params, self.table.as_bytes(), self.epoch_number, &members)?;
        self.epoch = Some(Epoch {
            seats: self.seats.keys().copied().collect(),
            table,
            deals: dice::Ledger::new(self.roll),
        });
        Ok(())
    }

    pub(super) fn can_shoot(&self, seat: Seat) -> bool {
        self.seats.get(&seat).is_some_and(|s| s.role != SeatRole::Witness && !s.leaving && !s.away)
    }

    /// The dice go on when whoever has them cannot shoot.
    pub(super) fn pass_dice(&mut self) {
        if !self.shooter.is_some_and(|seat| self.can_shoot(seat)) {
            self.shooter = self.next_shooter();
        }
    }

    /// The next seat in order that can shoot; people and bots take turns alike.
    pub(super) fn next_shooter(&self) -> Option<Seat> {
        let after = |seat: &&Seat| self.shooter.is_none_or(|now| **seat > now);
        let order = self.seats.keys().filter(after).chain(self.seats.keys());
        order.copied().find(|seat| self.can_shoot(*seat))
    }

    pub(super) fn seat_of(&self, key: &Key) -> Option<Seat> {
        self.seats.iter().find(|(_, s)| s.key == *key).map(|(seat, _)| *seat)
    }

    pub(super) fn seat_mut(
        &mut self,
        seat: Seat,
        author: PeerId,
    ) -> Result<&mut SeatState, BatchError> {
        self.seats.get_mut(&seat).ok_or(BatchError::NotSeated { author })
    }
}

/// The dice key of a seating: proven to be possessed, for this invitation and by this member.
pub(super) fn verified_key(
    seating: &Seating,
    invitation: InvitationId,
) -> Result<dice::VerifiedKey, dice::Fault> {
    if seating.dice_key.identity != seating.key {
        return Err(dice::Fault::BadKey);
    }
    seating.dice_key.verify(&invitation.0, KEY_EPOCH)
}

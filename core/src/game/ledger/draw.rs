//! The dice of a table: deals ahead of the bets, shares after them.

use super::{BatchError, Epoch, Happened, Ledger, Phase, Rolled};
use crate::{
    craps::{Dice, Seat},
    crypto::dice,
    game::message::DEALS_PER_OP_MAX,
    id::PeerId,
    seed::Seed,
};

impl Ledger {
    pub(super) fn deal(
        &mut self,
        seat: Seat,
        number: u64,
        deals: &[dice::Deal],
    ) -> Result<(), BatchError> {
        if number != self.epoch_number {
            return Err(BatchError::NotDue);
        }
        let epoch = self.epoch.as_mut().ok_or(BatchError::NotDue)?;
        let me = epoch.index_of(seat).ok_or(BatchError::NotDue)?;
        if deals.is_empty()
            || deals.len() > DEALS_PER_OP_MAX
            || deals.iter().any(|d| d.dealer != me)
        {
            return Err(BatchError::Malformed);
        }
        Ok(epoch.deals.apply_deals(&epoch.table, deals)?)
    }

    pub(super) fn share(
        &mut self,
        share: &dice::Share,
        happened: &mut Vec<Happened>,
    ) -> Result<(), BatchError> {
        let epoch = self.epoch.as_mut().ok_or(BatchError::NotDue)?;
        let Some(opened) = epoch.deals.apply(&epoch.table, dice::Entry::Share(share))? else {
            return Ok(());
        };
        let name = |members: &[u8]| -> Vec<PeerId> {
            let seats = members.iter().filter_map(|i| epoch.seats.get(usize::from(*i)));
            seats.filter_map(|seat| self.seats.get(seat)).map(|s| s.peer).collect()
        };
        let (dealers, openers) = (name(&opened.dealers), name(&opened.openers));
        let (shooter, point) = (self.shooter(), self.felt.point());
        let dice = Dice(opened.dice[0], opened.dice[1]);
        let paid = self.settle(dice);
        let rolled = Rolled {
            roll: self.roll,
            height: self.height + 1,
            dice,
            shooter,
            point,
            dealers,
            openers,
            opened: opened.opened,
            paid,
        };
        self.roll += 1;
        self.phase = Phase::Dealing;
        happened.push(Happened::Rolled(Box::new(rolled)));
        Ok(())
    }

    /// Counts memberships: deals of an older one are void.
    pub fn epoch_number(&self) -> u64 {
        self.epoch_number
    }

    /// Whether deals of this membership number and for these rolls can still enter the log.
    pub fn deals_are_void(&self, number: u64, deals: &[dice::Deal]) -> bool {
        let first = self.first_deal_roll();
        number < self.epoch_number || deals.iter().any(|deal| deal.roll < first)
    }

    /// The first roll whose set of deals is not frozen yet.
    pub(super) fn first_deal_roll(&self) -> u64 {
        if self.phase == Phase::Dealing { self.roll } else { self.roll + 1 }
    }

    /// The rolls for which this seat has dealt nothing yet, among the next `ahead`.
    pub fn deals_missing(&self, seat: Seat, ahead: u64) -> Vec<u64> {
        let Some((epoch, me)) = self.epoch_and_index(seat) else { return Vec::new() };
        let first = self.first_deal_roll();
        (first..first + ahead).filter(|roll| !epoch.deals.dealers(*roll).contains(&me)).collect()
    }

    /// Deals of this seat for rolls to come.
    pub fn deals_in_stock(&self, seat: Seat) -> usize {
        let Some((epoch, me)) = self.epoch_and_index(seat) else { return 0 };
        epoch.deals.stock_of(me)
    }

    /// This member's secret for one roll to come.
    pub fn make_deal(
        &self,
        seat: Seat,
        secret: &dice::MemberSecret,
        roll: u64,
        entropy: &Seed,
    ) -> Option<dice::Deal> {
        let (epoch, me) = self.epoch_and_index(seat)?;
        epoch.table.deal(me, secret, roll, entropy).ok()
    }

    /// This member's share of the roll whose bets are closed. Only call it when the batch that
    /// closed them is decided: a share is public for good.
    pub fn make_share(
        &self,
        seat: Seat,
        secret: &dice::MemberSecret,
        entropy: &Seed,
    ) -> Option<dice::Share> {
        let (epoch, me) = self.epoch_and_index(seat)?;
        epoch.table.share(me, secret, epoch.deals.to_open()?, entropy).ok()
    }

    /// The seat a share belongs to, if it is a valid one of the roll being opened. It is not
    /// verified again when it comes in a batch.
    pub fn check_share(&mut self, share: &dice::Share) -> Option<Seat> {
        let epoch = self.epoch.as_mut()?;
        epoch.deals.check_share(&epoch.table, share).ok()?;
        self.opener(share)
    }

    /// The seat whose share this says it is.
    pub fn opener(&self, share: &dice::Share) -> Option<Seat> {
        self.epoch.as_ref()?.seats.get(usize::from(share.member)).copied()
    }

    /// Shares that open a roll.
    pub fn threshold(&self) -> usize {
        self.epoch.as_ref().map_or(usize::MAX, |e| e.table.params().threshold())
    }

    pub(super) fn epoch_and_index(&self, seat: Seat) -> Option<(&Epoch, u8)> {
        let epoch = self.epoch.as_ref()?;
        Some((epoch, epoch.index_of(seat)?))
    }
}

impl Epoch {
    fn index_of(&self, seat: Seat) -> Option<u8> {
        let index = self.seats.iter().position(|s| *s == seat)?;
        u8::try_from(index).ok()
    }
}

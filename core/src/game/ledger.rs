//! A table as its log describes it: who sits, who holds which chips, which dice fell.
//!
//! A pure function of the genesis and the decided batches: every member, and anyone who replays
//! the log, computes the same. A batch is applied whole or not at all.
//!
//! Rules, and why.
//! 1. Members change only while no bets are open, because the set of dealers and the threshold
//!    are fixed when `BetsOpen` stands. A change starts a new dice epoch with new deals.
//! 2. Bets are closed by the shooter's `Ready`, or by those of f+1 members: at least one of them
//!    is honest and saw the window pass, so an absent shooter stops nothing and a liar alone
//!    closes nothing.
//! 3. A bet that the house could not pay in the worst case is refused, so `bank` never runs dry.
//! 4. Chips are conserved: bank + stacks + felt + cashed out = minted, asserted after every batch,
//!    also in release builds.
//!
//! It does not decide who may propose, nor when: that is `agree` and `session`.

use super::message::{Action, Batch, Entry, Genesis, InvitationId, Key, Op, SeatRole, Seating};
use crate::{
    craps::{Chips, Dice, Felt, Number, RollOutcome, Seat, Wager},
    crypto::{
        dice::{self, DiceTable, Params},
        identity::peer_id,
    },
    id::{PeerId, TableId},
    limits::{TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN},
    seed::Seed,
};
use std::collections::{BTreeMap, BTreeSet};

/// Identities a table remembers after they left. Guess: a busy bar in one night.
pub const REMEMBERED_MAX: usize = 1024;
/// Batches after which a table takes no more: about 5 000 rolls. Start another one.
pub const HEIGHT_MAX: u64 = 20_000;
/// Chips a table may ever mint, far below overflow of any sum of payouts.
pub const MINTED_MAX: Chips = Chips(1 << 50);

/// Dice keys are registered once for a table and serve all its epochs; `crypto::dice` says why
/// that is sound.
pub const KEY_EPOCH: u64 = 0;

/// What a table is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between two rolls: members may change, secrets are dealt.
    Dealing,
    Betting,
    /// Bets are final; shares open the sum of the dealt secrets.
    Opening,
}

/// A member and its chips.
#[derive(Clone, Debug)]
pub struct SeatState {
    pub key: Key,
    pub peer: PeerId,
    pub name: String,
    pub role: SeatRole,
    pub stack: Chips,
    pub ready: bool,
    /// Whether it has bet since the bets were opened.
    pub acted: bool,
    /// Gives the seat up at the next chance.
    pub leaving: bool,
    dice_key: dice::VerifiedKey,
}

/// A finished roll and what it was made of.
#[derive(Clone, Debug)]
pub struct Rolled {
    pub roll: u64,
    pub height: u64,
    pub dice: Dice,
    pub shooter: Option<PeerId>,
    pub point: Option<Number>,
    pub dealers: Vec<PeerId>,
    pub openers: Vec<PeerId>,
    pub opened: [u8; 32],
    /// Stakes and winnings by seat.
    pub paid: BTreeMap<PeerId, Chips>,
}

/// What applying a batch brought about, in order.
#[derive(Clone, Debug)]
pub enum Happened {
    MembersChanged,
    BetsOpened { roll: u64 },
    BetsClosed { roll: u64 },
    Rolled(Box<Rolled>),
}

/// Why a batch was refused. The ledger is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("not a batch of table entries")]
    Malformed,
    #[error("the table has reached its {max} batches")]
    Full { max: u64 },
    #[error("op {seq} of {author} is older than what the log holds ({last})")]
    Replayed { author: PeerId, seq: u64, last: u64 },
    #[error("a signature does not verify")]
    BadSignature,
    #[error("{author} has no seat")]
    NotSeated { author: PeerId },
    #[error("{author} already sits or has given up its seat")]
    WrongSeat { author: PeerId },
    #[error("the table is full: {max} members")]
    NoSeat { max: usize },
    #[error("entry for roll {got}, the table is at roll {at}")]
    WrongRoll { got: u64, at: u64 },
    #[error("the entry is not due in this phase")]
    NotDue,
    #[error("{have} chips are at hand, {need} are needed")]
    NotEnoughChips { have: Chips, need: Chips },
    #[error("the house holds {bank} and could have to pay {exposure}")]
    BankTooSmall { bank: Chips, exposure: Chips },
    #[error(transparent)]
    Bet(#[from] crate::craps::BetError),
    #[error("dice: {0}")]
    Dice(#[from] dice::Fault),
}

/// The dice of one membership.
#[derive(Clone)]
struct Epoch {
    /// Seat of each member in dice order.
    seats: Vec<Seat>,
    table: DiceTable,
    deals: dice::Ledger,
}

/// See the module's first line.
#[derive(Clone)]
pub struct Ledger {
    table: TableId,
    invitation: InvitationId,
    name: String,
    buy_in: Chips,
    height: u64,
    log_hash: [u8; 32],
    epoch_number: u64,
    /// Missing while fewer than four members sit.
    epoch: Option<Epoch>,
    seats: BTreeMap<Seat, SeatState>,
    joining: Vec<(Seating, dice::VerifiedKey)>,
    cashed_out: BTreeMap<Key, Chips>,
    last_seq: BTreeMap<Key, u64>,
    bank: Chips,
    minted: Chips,
    felt: Felt,
    phase: Phase,
    roll: u64,
    shooter: Option<Seat>,
}

impl Ledger {
    /// The table at height 0. `None` when the genesis is not sound: signatures, doubles, members.
    pub fn new(genesis: &Genesis) -> Option<Ledger> {
        let invitation = genesis.invitation.id();
        let keys: BTreeSet<Key> = genesis.seatings.iter().map(|s| s.key).collect();
        let count = genesis.seatings.len();
        let sound = count == keys.len()
            && (TABLE_MEMBERS_MIN..=TABLE_MEMBERS_MAX).contains(&count)
            && keys.contains(&genesis.invitation.host)
            && genesis.invitation.bank.0 <= MINTED_MAX.0 / 4
            && genesis.invitation.buy_in.0 <= MINTED_MAX.0 / 4096
            && genesis.seatings.iter().all(|s| s.verify(invitation).is_ok());
        if !sound {
            return None;
        }
        let joining = genesis
            .seatings
            .iter()
            .map(|s| Some((s.clone(), verified_key(s, invitation).ok()?)))
            .collect::<Option<Vec<_>>>()?;
        let table = genesis.id();
        let mut ledger = Ledger {
            table,
            invitation,
            name: genesis.invitation.name.clone(),
            buy_in: genesis.invitation.buy_in,
            height: 0,
            log_hash: blake3::derive_key("bitcraps v1 log start", table.as_bytes()),
            epoch_number: 0,
            epoch: None,
            seats: BTreeMap::new(),
            joining,
            cashed_out: BTreeMap::new(),
            last_seq: BTreeMap::new(),
            bank: genesis.invitation.bank,
            minted: genesis.invitation.bank,
            felt: Felt::new(),
            phase: Phase::Dealing,
            roll: 0,
            shooter: None,
        };
        ledger.change_members().ok()?;
        ledger.epoch.is_some().then_some(ledger)
    }

    /// Applies one decided value. On an error nothing has changed.
    pub fn apply(&mut self, value: &[u8]) -> Result<Vec<Happened>, BatchError> {
        let mut next = self.clone();
        let happened = next.run(value)?;
        *self = next;
        Ok(happened)
    }

    /// Whether [`Ledger::apply`] would accept this value.
    pub fn accepts(&self, value: &[u8]) -> bool {
        self.clone().run(value).is_ok()
    }

    /// One more entry towards the next batch; on an error nothing has changed. A proposer tries
    /// candidates on a copy of the ledger and keeps those that fit.
    pub fn try_entry(&mut self, entry: &Entry) -> Result<Vec<Happened>, BatchError> {
        let mut happened = Vec::new();
        self.entry(entry, &mut happened)?;
        Ok(happened)
    }

    fn run(&mut self, value: &[u8]) -> Result<Vec<Happened>, BatchError> {
        if self.height >= HEIGHT_MAX {
            return Err(BatchError::Full { max: HEIGHT_MAX });
        }
        let batch = Batch::decode(value).map_err(|_| BatchError::Malformed)?;
        let mut happened = Vec::new();
        for entry in &batch.0 {
            self.entry(entry, &mut happened)?;
        }
        self.height += 1;
        if self.phase == Phase::Dealing && self.members_due() {
            self.change_members()?;
            happened.push(Happened::MembersChanged);
        }
        let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 log");
        hash.update(&self.log_hash).update(&self.height.to_le_bytes()).update(value);
        self.log_hash = *hash.finalize().as_bytes();
        self.assert_conserved();
        Ok(happened)
    }

    // ---- entries -------------------------------------------------------------------------

    /// Every check comes before the first change, so a refused entry leaves nothing behind.
    fn entry(&mut self, entry: &Entry, happened: &mut Vec<Happened>) -> Result<(), BatchError> {
        match entry {
            Entry::Op(op) => self.op(op),
            Entry::BetsOpen { roll } => {
                self.due(Phase::Dealing, *roll)?;
                if self.members_due() {
                    return Err(BatchError::NotDue);
                }
                let epoch = self.epoch.as_mut().ok_or(BatchError::NotDue)?;
                epoch.deals.apply(&epoch.table, dice::Entry::BetsOpen { roll: *roll })?;
                self.phase = Phase::Betting;
                for seat in self.seats.values_mut() {
                    (seat.ready, seat.acted) = (false, false);
                }
                happened.push(Happened::BetsOpened { roll: *roll });
                Ok(())
            }
            Entry::BetsClosed { roll } => {
                self.due(Phase::Betting, *roll)?;
                if !self.close_due() {
                    return Err(BatchError::NotDue);
                }
                let epoch = self.epoch.as_mut().ok_or(BatchError::NotDue)?;
                epoch.deals.apply(&epoch.table, dice::Entry::BetsClosed { roll: *roll })?;
                self.phase = Phase::Opening;
                happened.push(Happened::BetsClosed { roll: *roll });
                Ok(())
            }
            Entry::Share(share) => self.share(share, happened),
        }
    }

    fn op(&mut self, op: &Op) -> Result<(), BatchError> {
        let author = peer_id(&op.author);
        let last = self.last_seq.get(&op.author).copied().unwrap_or(0);
        if op.seq <= last {
            return Err(BatchError::Replayed { author, seq: op.seq, last });
        }
        let seat = self.seat_of(&op.author);
        // Unknown authors may only join; checked before the costly signature.
        if seat.is_none() && !matches!(op.action, Action::Join(_)) {
            return Err(BatchError::NotSeated { author });
        }
        op.verify(self.table).map_err(|_| BatchError::BadSignature)?;
        match (&op.action, seat) {
            (Action::Join(seating), None) => self.join(op, seating)?,
            (Action::Join(_), Some(_)) => return Err(BatchError::WrongSeat { author }),
            (Action::Leave, Some(seat)) => self.leave(seat, author)?,
            (Action::Deal { epoch, deals }, Some(seat)) => self.deal(seat, *epoch, deals)?,
            (Action::Bet { roll, wager, chips }, Some(seat)) => {
                self.bet(seat, *roll, *wager, *chips)?;
            }
            (Action::Ready { roll }, Some(seat)) => {
                self.due(Phase::Betting, *roll)?;
                self.seat_mut(seat, author)?.ready = true;
            }
            (_, None) => return Err(BatchError::NotSeated { author }),
        }
        self.last_seq.insert(op.author, op.seq);
        Ok(())
    }

    fn join(&mut self, op: &Op, seating: &Seating) -> Result<(), BatchError> {
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
        seating.verify(self.invitation).map_err(|_| BatchError::BadSignature)?;
        let key = verified_key(seating, self.invitation)?;
        self.joining.push((seating.clone(), key));
        Ok(())
    }

    fn leave(&mut self, seat: Seat, author: PeerId) -> Result<(), BatchError> {
        if self.seat_mut(seat, author)?.leaving {
            return Err(BatchError::WrongSeat { author });
        }
        // Bets that may be taken down come back; the others are resolved as they fall.
        let returned =
            if self.phase == Phase::Opening { Vec::new() } else { self.felt.clear_seat(seat) };
        let state = self.seat_mut(seat, author)?;
        state.stack.0 += returned.iter().map(|(_, chips)| chips.0).sum::<u64>();
        state.leaving = true;
        Ok(())
    }

    fn deal(&mut self, seat: Seat, number: u64, deals: &[dice::Deal]) -> Result<(), BatchError> {
        if number != self.epoch_number {
            return Err(BatchError::NotDue);
        }
        let epoch = self.epoch.as_mut().ok_or(BatchError::NotDue)?;
        let me = epoch.index_of(seat).ok_or(BatchError::NotDue)?;
        if deals.is_empty()
            || deals.len() > super::message::DEALS_PER_OP_MAX
            || deals.iter().any(|d| d.dealer != me)
        {
            return Err(BatchError::Malformed);
        }
        // A later deal of the op may be bad: apply to a copy, so that none counts then.
        let mut next = epoch.deals.clone();
        for deal in deals {
            next.apply(&epoch.table, dice::Entry::Deal(deal))?;
        }
        epoch.deals = next;
        Ok(())
    }

    fn bet(&mut self, seat: Seat, roll: u64, wager: Wager, chips: Chips) -> Result<(), BatchError> {
        self.due(Phase::Betting, roll)?;
        let state = self.seats.get(&seat).ok_or(BatchError::NotDue)?;
        if state.ready || state.leaving || state.role == SeatRole::Witness {
            return Err(BatchError::NotDue);
        }
        if state.stack < chips {
            return Err(BatchError::NotEnoughChips { have: state.stack, need: chips });
        }
        let mut felt = self.felt.clone();
        felt.place(seat, wager, chips)?;
        let exposure = felt.exposure();
        if exposure > self.bank {
            return Err(BatchError::BankTooSmall { bank: self.bank, exposure });
        }
        self.felt = felt;
        if let Some(state) = self.seats.get_mut(&seat) {
            state.stack.0 -= chips.0;
            state.acted = true;
        }
        Ok(())
    }

    fn share(
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

    /// Pays and collects; returns what each seat was paid.
    fn settle(&mut self, dice: Dice) -> BTreeMap<PeerId, Chips> {
        let settlement = self.felt.roll(dice);
        let mut paid: BTreeMap<PeerId, Chips> = BTreeMap::new();
        for bet in &settlement.resolved {
            let back = bet.paid();
            // The stake was on the felt; what does not go back to the seat goes to the bank.
            self.bank.0 = self.bank.0 + bet.stake.0 - back.0;
            if let Some(state) = self.seats.get_mut(&bet.seat) {
                state.stack.0 += back.0;
                if back.0 > 0 {
                    paid.entry(state.peer).or_default().0 += back.0;
                }
            }
        }
        if settlement.outcome == RollOutcome::SevenOut {
            self.shooter = self.next_shooter();
        }
        paid
    }

    // ---- members -------------------------------------------------------------------------

    /// Whether somebody waits to sit down or to go, and may.
    fn members_due(&self) -> bool {
        !self.joining.is_empty() || self.seats.iter().any(|(n, s)| self.may_go(*n, s))
    }

    fn may_go(&self, seat: Seat, state: &SeatState) -> bool {
        state.leaving && self.felt.bets_of(seat).next().is_none()
    }

    fn change_members(&mut self) -> Result<(), BatchError> {
        let gone: Vec<Seat> =
            self.seats.iter().filter(|(n, s)| self.may_go(**n, s)).map(|(n, _)| *n).collect();
        for state in gone.iter().filter_map(|seat| self.seats.remove(seat)) {
            self.cashed_out.insert(state.key, state.stack);
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
                dice_key,
            };
            self.seats.insert(seat, state);
        }
        if !self.shooter.is_some_and(|seat| self.can_shoot(seat)) {
            self.shooter = self.next_shooter();
        }
        self.start_epoch()
    }

    fn start_epoch(&mut self) -> Result<(), BatchError> {
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

    fn can_shoot(&self, seat: Seat) -> bool {
        self.seats.get(&seat).is_some_and(|s| s.role != SeatRole::Witness && !s.leaving)
    }

    /// The next seat in order that can shoot; people and bots take turns alike.
    fn next_shooter(&self) -> Option<Seat> {
        let after = |seat: &&Seat| self.shooter.is_none_or(|now| **seat > now);
        let order = self.seats.keys().filter(after).chain(self.seats.keys());
        order.copied().find(|seat| self.can_shoot(*seat))
    }

    fn seat_of(&self, key: &Key) -> Option<Seat> {
        self.seats.iter().find(|(_, s)| s.key == *key).map(|(seat, _)| *seat)
    }

    fn seat_mut(&mut self, seat: Seat, author: PeerId) -> Result<&mut SeatState, BatchError> {
        self.seats.get_mut(&seat).ok_or(BatchError::NotSeated { author })
    }

    // ---- conditions ----------------------------------------------------------------------

    fn due(&self, phase: Phase, roll: u64) -> Result<(), BatchError> {
        if roll != self.roll {
            return Err(BatchError::WrongRoll { got: roll, at: self.roll });
        }
        if self.phase != phase { Err(BatchError::NotDue) } else { Ok(()) }
    }

    /// Rule 2 of the module.
    pub fn close_due(&self) -> bool {
        let ready = self.seats.values().filter(|s| s.ready).count();
        let faulty_max = self.seats.len().saturating_sub(1) / 3;
        let shooter = self.shooter.and_then(|seat| self.seats.get(&seat));
        self.phase == Phase::Betting && (shooter.is_some_and(|s| s.ready) || ready > faulty_max)
    }

    /// Whether enough members have dealt for the next roll.
    pub fn open_due(&self) -> bool {
        self.phase == Phase::Dealing
            && !self.members_due()
            && self
                .epoch
                .as_ref()
                .is_some_and(|e| e.deals.dealers(self.roll).len() >= e.table.params().threshold())
    }

    /// Rule 4 of the module.
    fn assert_conserved(&self) {
        let stacks: u64 = self.seats.values().map(|s| s.stack.0).sum();
        let out: u64 = self.cashed_out.values().map(|c| c.0).sum();
        let total = self.bank.0 + stacks + self.felt.total().0 + out;
        assert_eq!(total, self.minted.0, "chips at {} are not conserved", self.table);
    }

    // ---- what others read ----------------------------------------------------------------

    pub fn table(&self) -> TableId {
        self.table
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn invitation(&self) -> InvitationId {
        self.invitation
    }

    /// Batches applied.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// BLAKE3 chain over the applied values.
    pub fn log_hash(&self) -> [u8; 32] {
        self.log_hash
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The roll that is being dealt for, bet on or opened.
    pub fn roll(&self) -> u64 {
        self.roll
    }

    pub fn felt(&self) -> &Felt {
        &self.felt
    }

    pub fn bank(&self) -> Chips {
        self.bank
    }

    pub fn minted(&self) -> Chips {
        self.minted
    }

    /// Chips of identities that have left.
    pub fn cashed_out(&self) -> Chips {
        Chips(self.cashed_out.values().map(|c| c.0).sum())
    }

    pub fn shooter(&self) -> Option<PeerId> {
        self.shooter.and_then(|seat| self.seats.get(&seat)).map(|s| s.peer)
    }

    /// Members in seat order.
    pub fn seats(&self) -> impl Iterator<Item = (Seat, &SeatState)> {
        self.seats.iter().map(|(seat, state)| (*seat, state))
    }

    pub fn seat(&self, peer: PeerId) -> Option<(Seat, &SeatState)> {
        self.seats().find(|(_, s)| s.peer == peer)
    }

    /// Keys of those who agree on the next height.
    pub fn member_keys(&self) -> Vec<Key> {
        self.seats.values().map(|s| s.key).collect()
    }

    /// The last op of this author on the log; the next one has to be larger.
    pub fn last_seq(&self, author: &Key) -> u64 {
        self.last_seq.get(author).copied().unwrap_or(0)
    }

    // ---- dice ----------------------------------------------------------------------------

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
    fn first_deal_roll(&self) -> u64 {
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

    /// The seat a share belongs to, if it is a valid one of the roll being opened.
    pub fn share_is_valid(&self, share: &dice::Share) -> Option<Seat> {
        let epoch = self.epoch.as_ref()?;
        epoch.table.verify_share(epoch.deals.to_open()?, share).ok()?;
        epoch.seats.get(usize::from(share.member)).copied()
    }

    /// Shares that open a roll.
    pub fn threshold(&self) -> usize {
        self.epoch.as_ref().map_or(usize::MAX, |e| e.table.params().threshold())
    }

    fn epoch_and_index(&self, seat: Seat) -> Option<(&Epoch, u8)> {
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

/// The dice key of a seating: proven to be possessed, for this invitation and by this member.
fn verified_key(
    seating: &Seating,
    invitation: InvitationId,
) -> Result<dice::VerifiedKey, dice::Fault> {
    if seating.dice_key.identity != seating.key {
        return Err(dice::Fault::BadKey);
    }
    seating.dice_key.verify(&invitation.0, KEY_EPOCH)
}

//! A table as its log describes it: who sits, who holds which chips, which dice fell.
//!
//! A pure function of the genesis and the decided batches: every member, and anyone who replays
//! the log, computes the same. A batch is applied whole or not at all.
//!
//! Rules, and why.
//! 1. Members change between two rolls, because the set of dealers and the threshold are fixed
//!    when `BetsOpen` stands, or while nobody has bet on the roll yet: its deals are void then,
//!    which favours nobody, as no share of them was ever made. A change starts a new dice epoch
//!    with new deals.
//! 2. Bets are closed by the shooter's `Ready`, or by those of f+1 members: at least one of them
//!    is honest and saw the window pass, so an absent shooter stops nothing and a liar alone
//!    closes nothing.
//! 3. A bet that the house could not pay in the worst case is refused, so `bank` never runs dry.
//! 4. Chips are conserved: bank + stacks + felt + cashed out = minted, asserted after every batch,
//!    also in release builds.
//! 5. Whoever is proven to have lied is expelled, whoever is away for long gives the dice and, at
//!    a table of more than four, the seat up: `conduct` says how.
//!
//! It does not decide who may propose, nor when: that is `agree` and `session`.

mod conduct;
mod draw;
mod members;
mod read;

pub use conduct::{DEPARTURES_MAX, Departure, MEMBERSHIPS_MAX, Offence, OffenceKind, Parting};

use super::message::{
    Action, Batch, Entry, Genesis, InvitationId, Key, Op, SeatRole, Seating, name_is_sound,
};
use crate::{
    agree,
    craps::{Chips, Dice, Felt, Number, RollOutcome, Seat, Wager},
    crypto::{
        dice::{self, DiceTable},
        identity::peer_id,
    },
    id::{PeerId, TableId},
    limits::{TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN},
    sorted::{SortedMap, SortedSet},
};
use members::verified_key;
use std::collections::{BTreeMap, VecDeque};

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
    /// What it brought when it sat down.
    pub brought: Chips,
    /// A quorum has not heard it for long; over when it acts again.
    pub away: bool,
    /// Proven to have lied: it goes at the next chance and does nothing until then.
    pub expelled: bool,
    /// Who says that it is absent, since it acted last and since the members changed last.
    absent_by: SortedSet<Seat>,
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
    BetsOpened {
        roll: u64,
    },
    BetsClosed {
        roll: u64,
    },
    Rolled(Box<Rolled>),
    /// A quorum has not heard this member for long.
    Away {
        peer: PeerId,
    },
    /// A member was proven to have lied.
    Expelled {
        peer: PeerId,
        offence: Offence,
    },
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
    #[error("a name is 1 to 32 bytes of UTF-8 without control characters")]
    BadName,
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
    #[error("{peer} was expelled from this table")]
    Expelled { peer: PeerId },
    #[error("who was a member at height {height} is not known any more, or not yet")]
    UnknownHeight { height: u64 },
    #[error("the evidence proves nothing: {0}")]
    NoProof(#[from] agree::EvidenceError),
    #[error("{peer} acted since, the members changed, or the same was said before")]
    StaleClaim { peer: PeerId },
    #[error("{why}")]
    MayNotBet { why: &'static str },
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
    seats: SortedMap<Seat, SeatState>,
    joining: Vec<(Seating, dice::VerifiedKey)>,
    cashed_out: SortedMap<Key, Chips>,
    last_seq: SortedMap<Key, u64>,
    bank: Chips,
    minted: Chips,
    felt: Felt,
    phase: Phase,
    roll: u64,
    shooter: Option<Seat>,
    /// The last member sets, each with the first height it agreed on.
    memberships: VecDeque<(u64, Vec<Key>)>,
    expelled: SortedMap<Key, Offence>,
    /// Who gave a seat up last, newest first.
    departures: VecDeque<Departure>,
}

impl Ledger {
    /// The table at height 0. `None` when the genesis is not sound: signatures, doubles, members.
    pub fn new(genesis: &Genesis) -> Option<Ledger> {
        let invitation = genesis.invitation.id();
        let keys: SortedSet<Key> = genesis.seatings.iter().map(|s| s.key).collect();
        let count = genesis.seatings.len();
        let sound = count == keys.len()
            && (TABLE_MEMBERS_MIN..=TABLE_MEMBERS_MAX).contains(&count)
            && keys.contains(&genesis.invitation.host)
            && genesis.invitation.bank.0 <= MINTED_MAX.0 / 4
            && genesis.invitation.buy_in.0 <= MINTED_MAX.0 / 4096
            && name_is_sound(&genesis.invitation.name)
            && genesis.invitation.rules.check().is_ok()
            && genesis.seatings.iter().all(|s| name_is_sound(&s.name))
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
            seats: SortedMap::new(),
            joining,
            cashed_out: SortedMap::new(),
            last_seq: SortedMap::new(),
            bank: genesis.invitation.bank,
            minted: genesis.invitation.bank,
            felt: Felt::new(genesis.invitation.rules),
            phase: Phase::Dealing,
            roll: 0,
            shooter: None,
            memberships: VecDeque::new(),
            expelled: SortedMap::new(),
            departures: VecDeque::new(),
        };
        ledger.change_members().ok()?;
        ledger.epoch.is_some().then_some(ledger)
    }

    /// Applies one decided value. On an error nothing has changed.
    pub fn apply(&mut self, value: &[u8]) -> Result<Vec<Happened>, BatchError> {
        let (next, happened) = self.after(value)?;
        *self = next;
        Ok(happened)
    }

    /// The ledger after this value, and what it brings about.
    pub fn after(&self, value: &[u8]) -> Result<(Ledger, Vec<Happened>), BatchError> {
        let mut next = self.clone();
        let happened = next.run(value)?;
        Ok((next, happened))
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
        self.finish(value, &mut happened)?;
        Ok(happened)
    }

    /// What follows the last entry of a batch whose encoding is `value`. After an error this
    /// ledger is of no use.
    pub(super) fn finish(
        &mut self,
        value: &[u8],
        happened: &mut Vec<Happened>,
    ) -> Result<(), BatchError> {
        self.height += 1;
        self.take_down_bets_of_the_gone();
        if self.members_due() && self.is_between_rolls() {
            self.phase = Phase::Dealing;
            self.change_members()?;
            happened.push(Happened::MembersChanged);
        }
        let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 log");
        hash.update(&self.log_hash).update(&self.height.to_le_bytes()).update(value);
        self.log_hash = *hash.finalize().as_bytes();
        self.assert_conserved();
        Ok(())
    }

    /// Every check comes before the first change, so a refused entry leaves nothing behind.
    fn entry(&mut self, entry: &Entry, happened: &mut Vec<Happened>) -> Result<(), BatchError> {
        match entry {
            Entry::Op(op) => self.op(op, happened),
            Entry::Evidence(bytes) => self.evidence(bytes, happened),
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

    fn op(&mut self, op: &Op, happened: &mut Vec<Happened>) -> Result<(), BatchError> {
        let author = peer_id(&op.author);
        let last = self.last_seq.get(&op.author).copied().unwrap_or(0);
        if op.seq <= last {
            return Err(BatchError::Replayed { author, seq: op.seq, last });
        }
        if self.expelled.contains_key(&op.author) {
            return Err(BatchError::Expelled { peer: author });
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
            (Action::Absent { member, epoch, seq }, Some(seat)) => {
                self.absent(seat, member, (*epoch, *seq), happened)?;
            }
            (_, None) => return Err(BatchError::NotSeated { author }),
        }
        self.last_seq.insert(op.author, op.seq);
        if let Some(state) = seat.and_then(|seat| self.seats.get_mut(&seat)) {
            state.away = false;
            state.absent_by.clear();
        }
        Ok(())
    }

    fn bet(&mut self, seat: Seat, roll: u64, wager: Wager, chips: Chips) -> Result<(), BatchError> {
        let refused = |why| Err(BatchError::MayNotBet { why });
        if roll == self.roll && self.phase != Phase::Betting {
            return refused("bets are closed for this roll; wait for the next one");
        }
        self.due(Phase::Betting, roll)?;
        let state = self.seats.get(&seat).ok_or(BatchError::NotDue)?;
        if state.role == SeatRole::Witness {
            return refused("a witness votes and never bets; sit down as a player to bet");
        }
        if state.leaving {
            return refused("this seat is being given up; take one again to bet");
        }
        if state.ready {
            return refused("this seat has no more bets for this roll; wait for the next one");
        }
        if state.stack < chips {
            return Err(BatchError::NotEnoughChips { have: state.stack, need: chips });
        }
        let exposure = self.felt.exposure_with(seat, wager, chips)?;
        if exposure > self.bank {
            return Err(BatchError::BankTooSmall { bank: self.bank, exposure });
        }
        self.felt.place(seat, wager, chips)?;
        if let Some(state) = self.seats.get_mut(&seat) {
            state.stack.0 -= chips.0;
            state.acted = true;
        }
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

    fn due(&self, phase: Phase, roll: u64) -> Result<(), BatchError> {
        if roll != self.roll {
            return Err(BatchError::WrongRoll { got: roll, at: self.roll });
        }
        if self.phase != phase { Err(BatchError::NotDue) } else { Ok(()) }
    }

    /// Rule 1 of the module.
    fn is_between_rolls(&self) -> bool {
        let untouched = || self.seats.values().all(|seat| !seat.acted && !seat.ready);
        self.phase == Phase::Dealing || self.phase == Phase::Betting && untouched()
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
}

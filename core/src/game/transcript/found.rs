//! What a checked transcript shows: rolls, payments, who sat when and who has what.

use crate::{
    craps::Chips,
    crypto::identity::peer_id,
    game::{
        ledger::{Happened, Ledger, Phase, Rolled},
        message::{Action, Batch, Entry, Genesis, Key},
    },
    id::{PeerId, TableId},
    sorted::SortedMap,
};

/// Everything that follows from the lines so far.
#[derive(Clone, Debug)]
pub struct Verified {
    pub table: TableId,
    pub name: String,
    /// Batches, which is also the last line's number.
    pub height: u64,
    /// BLAKE3 chain over the batches: what `log_hash` of a view shows at this height.
    pub log_hash: [u8; 32],
    pub phase: Phase,
    /// Oldest first.
    pub rolls: Vec<ProvenRoll>,
    pub accounts: SortedMap<PeerId, Account>,
    /// Who sat from which line on, oldest first.
    pub memberships: Vec<Membership>,
    pub bank: Chips,
    pub bank_at_first: Chips,
    pub minted: Chips,
    /// Lines of deals for rolls that are not thrown yet, by roll and dealer.
    dealt: SortedMap<(u64, PeerId), u64>,
}

/// One roll, recomputed.
#[derive(Clone, Debug)]
pub struct ProvenRoll {
    pub rolled: Rolled,
    /// The line on which each dealer's secret stood, in the order of `rolled.dealers`. All of them
    /// are before the line that opened the bets.
    pub dealt_at: Vec<u64>,
}

/// What one identity put in and has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub seated: bool,
    /// Chips granted on sitting down.
    pub bought_in: Chips,
    /// Chips put on the felt, every bet counted.
    pub bet: Chips,
    /// Stakes and winnings that rolls paid.
    pub paid: Chips,
    /// Stack, felt and chips taken away.
    pub holds: Chips,
}

/// The members from a line on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The first line that these members decided.
    pub from: u64,
    /// In seat order.
    pub members: Vec<PeerId>,
}

impl Verified {
    pub(super) fn at_first(genesis: &Genesis, ledger: &Ledger) -> Verified {
        let mut verified = Verified {
            table: ledger.table(),
            name: ledger.name().to_owned(),
            height: 0,
            log_hash: ledger.log_hash(),
            phase: ledger.phase(),
            rolls: Vec::new(),
            accounts: SortedMap::new(),
            memberships: Vec::new(),
            bank: ledger.bank(),
            bank_at_first: genesis.invitation.bank,
            minted: ledger.minted(),
            dealt: SortedMap::new(),
        };
        let nobody = |_: &Key| Chips::ZERO;
        verified.seat_members(genesis.invitation.buy_in, ledger, nobody);
        verified
    }

    /// Takes one line into account: the ledger before it and after it, and what it brought about.
    pub(super) fn take(
        &mut self,
        batch: &Batch,
        happened: &[Happened],
        buy_in: Chips,
        (before, after): (&Ledger, &Ledger),
    ) {
        self.height = after.height();
        for entry in &batch.0 {
            self.take_entry(entry);
        }
        for what in happened {
            if let Happened::Rolled(rolled) = what {
                self.take_roll(rolled);
            }
        }
        let changed = |what: &Happened| matches!(what, Happened::MembersChanged);
        if happened.iter().any(changed) {
            // Deals of the membership before are void.
            self.dealt.clear();
            self.seat_members(buy_in, after, |key| before.cashed_out_of(key));
        }
        self.log_hash = after.log_hash();
        self.phase = after.phase();
        (self.bank, self.minted) = (after.bank(), after.minted());
    }

    fn take_entry(&mut self, entry: &Entry) {
        let Entry::Op(op) = entry else { return };
        let author = peer_id(&op.author);
        match &op.action {
            Action::Bet { chips, .. } => {
                let account = self.accounts.or_default(author);
                account.bet = account.bet.saturating_add(*chips);
            }
            Action::Deal { deals, .. } => {
                for deal in deals {
                    self.dealt.insert((deal.roll, author), self.height);
                }
            }
            _ => {}
        }
    }

    fn take_roll(&mut self, rolled: &Rolled) {
        for (peer, chips) in &rolled.paid {
            let account = self.accounts.or_default(*peer);
            account.paid = account.paid.saturating_add(*chips);
        }
        let line = |dealer: &PeerId| self.dealt.get(&(rolled.roll, *dealer)).copied().unwrap_or(0);
        let dealt_at = rolled.dealers.iter().map(line).collect();
        self.dealt.retain(|(roll, _), _| *roll > rolled.roll);
        self.rolls.push(ProvenRoll { rolled: rolled.clone(), dealt_at });
    }

    fn seat_members(
        &mut self,
        buy_in: Chips,
        ledger: &Ledger,
        held_before: impl Fn(&Key) -> Chips,
    ) {
        for account in self.accounts.values_mut() {
            account.seated = false;
        }
        let last = self.memberships.last().map_or(&[][..], |m| &m.members);
        let sat = |peer: &PeerId| last.contains(peer);
        for (_, seat) in ledger.seats() {
            let account = self.accounts.or_default(seat.peer);
            if !sat(&seat.peer) && held_before(&seat.key) == Chips::ZERO {
                account.bought_in = account.bought_in.saturating_add(buy_in);
            }
            account.name.clone_from(&seat.name);
            account.seated = true;
        }
        let members = ledger.seats().map(|(_, seat)| seat.peer).collect();
        self.memberships.push(Membership { from: self.height + 1, members });
    }

    /// Fills in what everybody has now.
    pub(super) fn count_chips(&mut self, ledger: &Ledger) {
        for account in self.accounts.values_mut() {
            account.holds = Chips::ZERO;
        }
        for (key, chips) in ledger.all_cashed_out() {
            self.accounts.or_default(peer_id(key)).holds = chips;
        }
        for (seat, state) in ledger.seats() {
            let felt: u64 = ledger.felt().bets_of(seat).map(|(_, chips)| chips.0).sum();
            self.accounts.or_default(state.peer).holds = Chips(state.stack.0 + felt);
        }
    }
}

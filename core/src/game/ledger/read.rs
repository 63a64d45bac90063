//! What others read of a table.

use super::{Ledger, Phase, SeatState};
use crate::{
    craps::{Chips, Felt, Seat},
    game::message::{InvitationId, Key},
    id::{PeerId, TableId},
};

impl Ledger {
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

    /// What is granted to an identity that sits down for the first time, or broke.
    pub fn buy_in(&self) -> Chips {
        self.buy_in
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
}

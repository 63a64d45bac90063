//! Dice for the members of a table, which nobody can bias, foresee or hold back.
//!
//! 1. *Deal, ahead of time.* Every member shares a random secret among all members: encrypted
//!    shares and one proof, which anybody can check (DHPVSS of Cascudo, David, Garms, Konring,
//!    "YOLO YOSO", ASIACRYPT '22, eprint 2022/242). A deal is valid for everybody or for nobody, so
//!    there are no complaints and no time-outs.
//! 2. *Bet.* Opening the bets freezes the set of deals of the roll; closing them ends the bets.
//! 3. *Open.* Once the closing is final on the table's log, each member publishes its decrypted
//!    share of the *sum* of all deals, with a proof. Any t valid shares give the roll, always the
//!    same roll. There is no dealer left who could withhold anything.
//!
//! Why it is fair, with at most f < t members colluding: at least one of the t dealers is outside
//! the coalition, its secret is uniform and stays hidden until t members open, and every other
//! summand is known to its dealer, which the proof shows, hence independent of it. With t ≤ n − f
//! the silent cannot stop a roll either. It rests on decisional Diffie–Hellman in ristretto255, on
//! BLAKE3 as a random oracle, and on the log's finality.
//!
//! Rules that keep it so:
//! - A share is made only after the closing of the bets is *final*: one released earlier could be
//!   known before a surviving closing.
//! - The frozen set is never changed, not even for a dealer who is offline.
//! - Only the deals decide the dice: no block, time, bet, proposer or opener.
//! - One roll number serves one purpose.
//!
//! What it does not do: signatures on messages, who may open and close the bets, finality. Those
//! are the log's. Tables of two or three members are refused: with them one member could stop a
//! roll or see it first, which takes other rules.

mod deal;
mod draw;
mod hash;
mod keys;
mod ledger;
mod message;
mod proof;
mod share;

#[cfg(test)]
mod tests;

pub use deal::VerifiedDeal;
pub use keys::{MemberSecret, VerifiedKey};
pub use ledger::{Entry, Ledger, ROLLS_AHEAD_MAX, Roll, RollPhase, verify_transcript};
pub use message::{Deal, MemberKey, Proof, Share};
pub use share::{Pot, VerifiedShare};

use crate::limits::{TABLE_MEMBERS_MAX, TABLE_MEMBERS_MIN};
use curve25519_dalek::{RistrettoPoint, Scalar};
use hash::Hash;

/// What is wrong, and whose message it is. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{members} members and {threshold} to open is no fair table")]
    BadParams { members: usize, threshold: usize },
    #[error("a dice key without a valid proof of possession")]
    BadKey,
    #[error("member {member} brings an identity or a dice key that is already taken")]
    TakenKey { member: u8 },
    #[error("member {member} does not exist or has another key")]
    NotThisMember { member: u8 },
    #[error("the deal of member {dealer} for roll {roll} does not verify")]
    BadDeal { roll: u64, dealer: u8 },
    #[error("the share of member {member} for roll {roll} does not verify")]
    BadShare { roll: u64, member: u8 },
    #[error("member {dealer} has dealt for roll {roll}, or repeats an ephemeral key")]
    RepeatedDeal { roll: u64, dealer: u8 },
    #[error("member {member} has opened roll {roll} already")]
    RepeatedShare { roll: u64, member: u8 },
    #[error("shares of different rolls or different sets of deals do not add up")]
    MixedShares,
    #[error("{have} where {need} are needed")]
    TooFew { have: usize, need: usize },
    #[error("not the moment for this entry of roll {roll}; the next roll is {next}")]
    OutOfOrder { roll: u64, next: u64 },
}

/// How many members a table has, and how many of them open a roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    members: usize,
    threshold: usize,
}

impl Params {
    /// Needs f < t ≤ n − f with f = ⌊(n − 1) / 3⌋, and n within the table's limits.
    pub fn new(members: usize, threshold: usize) -> Result<Params, Fault> {
        let fair = (TABLE_MEMBERS_MIN..=TABLE_MEMBERS_MAX).contains(&members) && {
            let f = (members - 1) / 3;
            threshold > f && threshold <= members - f
        };
        if fair {
            Ok(Params { members, threshold })
        } else {
            Err(Fault::BadParams { members, threshold })
        }
    }

    /// t = n − f: the quorum that the log needs anyway, and the most colluders kept in the dark.
    pub fn recommended(members: usize) -> Result<Params, Fault> {
        Params::new(members, members - members.saturating_sub(1) / 3)
    }

    pub fn members(&self) -> usize {
        self.members
    }

    /// Members who open a roll, and dealers a roll needs.
    pub fn threshold(&self) -> usize {
        self.threshold
    }
}

/// The members of one epoch of one table: about 260 bytes each. Whatever was made for another
/// table, epoch, list of members or threshold has another context and does not verify here.
#[derive(Clone, Debug)]
pub struct DiceTable {
    params: Params,
    context: [u8; 32],
    keys: Vec<VerifiedKey>,
    /// v_i = ∏_{j≠i} 1 / (a_i − a_j): weights of the dual of the Reed–Solomon code (SCRAPE,
    /// Cascudo and David, eprint 2017/216).
    dual: Vec<Scalar>,
}

/// Where the secret polynomial is evaluated for the member at place `i`; 0 is the secret itself.
fn at(i: usize) -> Scalar {
    Scalar::from(i as u64 + 1)
}

impl DiceTable {
    /// `members` in the table's order: a member's place is its number in deals and shares.
    pub fn new(
        params: Params,
        table: &[u8; 32],
        epoch: u64,
        members: &[VerifiedKey],
    ) -> Result<DiceTable, Fault> {
        let (n, t) = (params.members, params.threshold);
        if members.len() != n {
            return Err(Fault::BadParams { members: members.len(), threshold: t });
        }
        let taken = |i: usize| {
            let it = &members[i];
            members[..i].iter().any(|o| o.identity == it.identity || o.bytes == it.bytes)
        };
        if let Some(i) = (0..n).find(|i| taken(*i)) {
            return Err(Fault::TakenKey { member: i as u8 });
        }
        let head = Hash::new("bitcraps v1 dice table").put(table).num(epoch);
        let context = members
            .iter()
            .fold(head.num(n as u64).num(t as u64), |h, m| h.put(&m.identity).put(&m.bytes))
            .digest();
        let differences = |i: usize| (0..n).filter(move |j| *j != i).map(move |j| at(i) - at(j));
        let dual = (0..n).map(|i| differences(i).product::<Scalar>().invert()).collect();
        Ok(DiceTable { params, context, keys: members.to_vec(), dual })
    }

    pub fn params(&self) -> Params {
        self.params
    }

    /// BLAKE3 digest over table, epoch, members, keys and threshold.
    pub fn context(&self) -> &[u8; 32] {
        &self.context
    }

    fn batch(&self) -> proof::Batch {
        proof::Batch::new(self.points().copied().collect())
    }

    fn points(&self) -> impl Iterator<Item = &RistrettoPoint> {
        self.keys.iter().map(|key| &key.point)
    }

    /// Whether `secret` belongs to the member at this place.
    fn own(&self, member: u8, secret: &MemberSecret) -> Result<usize, Fault> {
        let place = usize::from(member);
        match self.keys.get(place) {
            Some(key) if key.bytes == secret.key => Ok(place),
            _ => Err(Fault::NotThisMember { member }),
        }
    }
}

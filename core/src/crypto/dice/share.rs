//! Opening: decrypted shares of the sum of all deals, and the secret from any t of them.
//!
//! Everything is linear, so the sum of deals is a deal: C*_i = A*_i + x_i·D*, where D* is the sum
//! of the ephemeral keys (homomorphic secret sharing as in Schoenmakers, CRYPTO '99).

use super::{
    DiceTable, Fault, MemberSecret, VerifiedDeal, at,
    hash::Hash,
    message::Share,
    proof::{self, Batch, point},
};
use crate::{seed::Seed, sorted::SortedMap};
use curve25519_dalek::{
    RistrettoPoint, Scalar,
    traits::{Identity, VartimeMultiscalarMul},
};
use zeroize::Zeroizing;

/// The growing sum of the deals of one roll: 160 bytes per member and 65 per dealer, because the
/// deals themselves are not kept.
#[derive(Clone, Debug)]
pub(super) struct Stock {
    /// Ordered by dealer.
    dealt: Vec<Dealt>,
    pub(super) ephemeral: RistrettoPoint,
    shares: Vec<RistrettoPoint>,
}

#[derive(Clone, Copy, Debug)]
struct Dealt {
    dealer: u8,
    statement: [u8; 32],
    ephemeral: [u8; 32],
}

impl Stock {
    pub fn empty(members: usize) -> Stock {
        let zero = RistrettoPoint::identity();
        Stock { dealt: Vec::new(), ephemeral: zero, shares: vec![zero; members] }
    }

    pub fn dealers(&self) -> impl Iterator<Item = u8> + '_ {
        self.dealt.iter().map(|d| d.dealer)
    }

    pub fn uses(&self, ephemeral: &[u8; 32]) -> bool {
        self.dealt.iter().any(|d| d.ephemeral == *ephemeral)
    }

    /// The caller has checked that this dealer is new.
    pub fn add(&mut self, deal: &VerifiedDeal) {
        let place = self.dealt.partition_point(|d| d.dealer < deal.dealer);
        let (dealer, statement) = (deal.dealer, deal.statement);
        self.dealt.insert(place, Dealt { dealer, statement, ephemeral: deal.ephemeral_bytes });
        self.ephemeral += deal.ephemeral;
        self.shares.iter_mut().zip(&deal.shares).for_each(|(sum, share)| *sum += share);
    }
}

/// The frozen sum of the deals of one roll: what members open.
#[derive(Clone, Debug)]
pub struct Pot {
    roll: u64,
    /// Covers context, roll, dealers, ephemeral keys and encrypted shares.
    digest: [u8; 32],
    pub(super) stock: Stock,
}

impl Pot {
    pub fn roll(&self) -> u64 {
        self.roll
    }

    /// Whose secrets are in the sum, in ascending order.
    pub fn dealers(&self) -> impl Iterator<Item = u8> + '_ {
        self.stock.dealers()
    }

    pub(super) fn uses(&self, ephemeral: &[u8; 32]) -> bool {
        self.stock.uses(ephemeral)
    }
}

/// A share whose proof was accepted.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedShare {
    pub(super) member: u8,
    pot: [u8; 32],
    pub(super) value: RistrettoPoint,
}

impl DiceTable {
    /// The sum of these deals, in any order.
    pub fn pot(&self, deals: &[VerifiedDeal]) -> Result<Pot, Fault> {
        let roll = deals.first().ok_or(Fault::TooFew { have: 0, need: 1 })?.roll;
        let mut stock = Stock::empty(self.params.members);
        for deal in deals {
            if deal.roll != roll || stock.dealers().any(|dealer| dealer == deal.dealer) {
                return Err(Fault::RepeatedDeal { roll, dealer: deal.dealer });
            }
            stock.add(deal);
        }
        Ok(self.freeze(roll, stock))
    }

    pub(super) fn freeze(&self, roll: u64, stock: Stock) -> Pot {
        let head = Hash::new("bitcraps v1 dice pot").put(&self.context).num(roll);
        let digest = stock.dealt.iter().fold(head, |h, d| h.put(&d.statement)).digest();
        Pot { roll, digest, stock }
    }

    /// The share of member `me` (DHPVSS.DecShare): A*_i = C*_i − x_i·D*, with the proof
    /// DLEQ(G, E_i; D*, C*_i − A*_i). Only after the closing of this roll's bets is *final*.
    pub fn share(
        &self,
        me: u8,
        secret: &MemberSecret,
        pot: &Pot,
        entropy: &Seed,
    ) -> Result<Share, Fault> {
        let place = self.own(me, secret)?;
        let encrypted = pot.stock.shares.get(place).ok_or(Fault::NotThisMember { member: me })?;
        let base = &pot.stock.ephemeral;
        let value = (encrypted - secret.x * base).compress().to_bytes();
        let statement = share_proof(pot, me, &value);
        let mut stream =
            secret.stream("bitcraps v1 dice share nonce", &statement.digest(), entropy);
        let nonce = Zeroizing::new(stream.scalar());
        let proof = proof::prove(&statement, &secret.x, base, &nonce);
        Ok(Share { roll: pot.roll, member: me, value, proof })
    }

    /// Checks a share alone.
    pub fn verify_share(&self, pot: &Pot, share: &Share) -> Result<VerifiedShare, Fault> {
        let mut batch = self.batch();
        let verified = self.queue_share(pot, share, &mut batch)?;
        let bad = Fault::BadShare { roll: share.roll, member: share.member };
        batch.holds().then_some(verified).ok_or(bad)
    }

    /// Decodes a share and queues both equations of its proof: valid only if the batch holds.
    pub(super) fn queue_share(
        &self,
        pot: &Pot,
        share: &Share,
        batch: &mut Batch,
    ) -> Result<VerifiedShare, Fault> {
        let bad = Fault::BadShare { roll: share.roll, member: share.member };
        let place = usize::from(share.member);
        if share.roll != pot.roll || place >= self.params.members {
            return Err(bad);
        }
        let encrypted = pot.stock.shares.get(place).ok_or(bad)?;
        let value = point(&share.value).ok_or(bad)?;
        let proof = proof::decode(&share.proof).ok_or(bad)?;
        let statement = share_proof(pot, share.member, &share.value);
        let c = proof::challenge(&statement, &share.proof.r1, &share.proof.r2);
        batch.bind(&c, &proof.z);
        // R1 + c·E_i − z·G = 0
        batch.push(-proof.z, vec![(place, c)], [(Scalar::ONE, proof.r1)]);
        // R2 + c·(C*_i − A*_i) − z·D* = 0
        let opened = (c, encrypted - value);
        let terms = [(-proof.z, pot.stock.ephemeral), (Scalar::ONE, proof.r2), opened];
        batch.push(Scalar::ZERO, Vec::new(), terms);
        Ok(VerifiedShare { member: share.member, pot: pot.digest, value })
    }

    /// The opened element: Lagrange interpolation at 0 in the exponent (Schoenmakers '99, section
    /// 3.1). Any t shares of one pot give the same 32 bytes.
    pub fn combine(&self, shares: &[VerifiedShare]) -> Result<[u8; 32], Fault> {
        if shares.windows(2).any(|two| two[0].pot != two[1].pot) {
            return Err(Fault::MixedShares);
        }
        let mut by_member = SortedMap::new();
        for share in shares {
            by_member.or_insert_with(share.member, || share);
        }
        let (have, need) = (by_member.len(), self.params.threshold);
        if have < need {
            return Err(Fault::TooFew { have, need });
        }
        let shares: Vec<&VerifiedShare> = by_member.into_values().take(need).collect();
        let who: Vec<usize> = shares.iter().map(|share| usize::from(share.member)).collect();
        let values = shares.iter().map(|share| share.value);
        let sum = RistrettoPoint::vartime_multiscalar_mul(lagrange_at_zero(&who), values);
        Ok(sum.compress().to_bytes())
    }
}

pub(super) fn share_proof(pot: &Pot, member: u8, value: &[u8; 32]) -> Hash {
    Hash::new("bitcraps v1 dice share proof").put(&pot.digest).num(u64::from(member)).put(value)
}

/// λ_i = ∏_{j≠i} a_j / (a_j − a_i). Inverting all at once costs little more than inverting one.
pub(super) fn lagrange_at_zero(who: &[usize]) -> Vec<Scalar> {
    let others = |i: usize| who.iter().filter(move |j| **j != i);
    let below = who.iter().map(|i| others(*i).map(|j| at(*j) - at(*i)).product());
    let mut inverted: Vec<Scalar> = below.collect();
    Scalar::batch_invert(&mut inverted);
    let above = who.iter().map(|i| others(*i).map(|j| at(*j)).product::<Scalar>());
    above.zip(inverted).map(|(above, inverted)| above * inverted).collect()
}

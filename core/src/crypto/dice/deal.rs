//! Dealing: one member shares a random secret among all, ahead of time.
//!
//! DHPVSS (algorithm names as in eprint 2022/242). G is the generator; the member at place i has
//! the secret x_i and the key E_i = x_i·G. A deal has a *fresh* ephemeral secret d, D = d·G, and a
//! polynomial p of degree t − 1; C_i = p(a_i)·G + d·E_i is sent, and p(0)·G is the secret.

use super::{
    DiceTable, Fault, MemberSecret, at,
    hash::Hash,
    message::{Deal, Proof},
    proof::{self, Batch, point},
};
use crate::seed::Seed;
use curve25519_dalek::{
    RistrettoPoint, Scalar,
    traits::{IsIdentity, VartimeMultiscalarMul},
};
use zeroize::Zeroizing;

/// A deal whose proof was accepted. Nothing else can be summed: opening a sum that holds an
/// ephemeral key nobody proved to know would decrypt for its author.
#[derive(Clone, Debug)]
pub struct VerifiedDeal {
    pub(super) roll: u64,
    pub(super) dealer: u8,
    pub(super) statement: [u8; 32],
    pub(super) ephemeral_bytes: [u8; 32],
    pub(super) ephemeral: RistrettoPoint,
    pub(super) shares: Vec<RistrettoPoint>,
}

impl DiceTable {
    /// The deal of member `me` for `roll` (DHPVSS.Share). The same arguments give the same deal; a
    /// member that lost its store can deal again and never uses one ephemeral key for two
    /// polynomials. Costs 2n + 3 scalar multiplications.
    pub fn deal(
        &self,
        me: u8,
        secret: &MemberSecret,
        roll: u64,
        entropy: &Seed,
    ) -> Result<Deal, Fault> {
        self.own(me, secret)?;
        let seed = Hash::new("bitcraps v1 dice deal seed")
            .put(&self.context)
            .num(roll)
            .num(u64::from(me))
            .digest();
        let mut stream = secret.stream("bitcraps v1 dice deal secrets", &seed, entropy);
        let d = Zeroizing::new(stream.scalar());
        let polynomial: Zeroizing<Vec<Scalar>> =
            Zeroizing::new((0..self.params.threshold).map(|_| stream.scalar()).collect());
        let nonce = Zeroizing::new(stream.scalar());
        Ok(self.deal_exactly(me, roll, &d, &polynomial, &nonce))
    }

    pub(super) fn deal_exactly(
        &self,
        dealer: u8,
        roll: u64,
        d: &Scalar,
        polynomial: &[Scalar],
        nonce: &Scalar,
    ) -> Deal {
        let shares = self.points().enumerate().map(|(i, key)| {
            let value = Zeroizing::new(evaluate(polynomial, at(i)));
            (RistrettoPoint::mul_base(&value) + d * key).compress().to_bytes()
        });
        let ephemeral = RistrettoPoint::mul_base(d).compress().to_bytes();
        let blank = Proof { r1: [0; 32], r2: [0; 32], z: [0; 32] };
        let mut deal = Deal { roll, dealer, ephemeral, shares: shares.collect(), proof: blank };
        let statement = self.deal_statement(&deal);
        // U = Σ w_i E_i and V = Σ w_i C_i = d·U, so the proof is DLEQ(G, D; U, V).
        let u = RistrettoPoint::vartime_multiscalar_mul(self.code_word(&statement), self.points());
        deal.proof = proof::prove(&deal_proof(&statement), d, &u, nonce);
        deal
    }

    /// Covers everything but the proof.
    pub(super) fn deal_statement(&self, deal: &Deal) -> [u8; 32] {
        let head = Hash::new("bitcraps v1 dice deal statement")
            .put(&self.context)
            .num(deal.roll)
            .num(u64::from(deal.dealer))
            .put(&deal.ephemeral);
        deal.shares.iter().fold(head, |h, share| h.put(share)).digest()
    }

    /// w_i = v_i·m(a_i) with m of degree n − t − 1 drawn from the statement (DHPVSS.Share; SCRAPE).
    /// Σ w_i p(a_i) = 0 for every p of degree below t, and anything else passes with probability
    /// 1/q, because m is drawn after the shares are fixed.
    pub(super) fn code_word(&self, statement: &[u8; 32]) -> Vec<Scalar> {
        let mut stream = Hash::new("bitcraps v1 dice code word").put(statement).stream();
        let degree = self.params.members - self.params.threshold;
        let m: Vec<Scalar> = (0..degree).map(|_| stream.scalar()).collect();
        self.dual.iter().enumerate().map(|(i, v)| v * evaluate(&m, at(i))).collect()
    }

    /// Checks a deal alone.
    pub fn verify_deal(&self, deal: &Deal) -> Result<VerifiedDeal, Fault> {
        let mut batch = self.batch();
        let verified = self.queue_deal(deal, &mut batch)?;
        let bad = Fault::BadDeal { roll: deal.roll, dealer: deal.dealer };
        batch.holds().then_some(verified).ok_or(bad)
    }

    /// Decodes a deal and queues both equations of its proof: valid only if the batch holds.
    pub(super) fn queue_deal(&self, deal: &Deal, batch: &mut Batch) -> Result<VerifiedDeal, Fault> {
        let bad = Fault::BadDeal { roll: deal.roll, dealer: deal.dealer };
        let n = self.params.members;
        if usize::from(deal.dealer) >= n || deal.shares.len() != n {
            return Err(bad);
        }
        let ephemeral = point(&deal.ephemeral).filter(|p| !p.is_identity()).ok_or(bad)?;
        let shares: Vec<_> = deal.shares.iter().map(point).collect::<Option<_>>().ok_or(bad)?;
        let proof = proof::decode(&deal.proof).ok_or(bad)?;
        let statement = self.deal_statement(deal);
        let c = proof::challenge(&deal_proof(&statement), &deal.proof.r1, &deal.proof.r2);
        let w = self.code_word(&statement);
        batch.bind(&c, &proof.z);
        // R1 + c·D − z·G = 0
        batch.push(-proof.z, Vec::new(), [(Scalar::ONE, proof.r1), (c, ephemeral)]);
        // R2 + c·V − z·U = 0
        let on_members = w.iter().map(|w| -(proof.z * w)).enumerate().collect();
        let v = w.iter().zip(&shares).map(|(w, share)| (c * w, *share));
        batch.push(Scalar::ZERO, on_members, [(Scalar::ONE, proof.r2)].into_iter().chain(v));
        Ok(VerifiedDeal {
            roll: deal.roll,
            dealer: deal.dealer,
            statement,
            ephemeral_bytes: deal.ephemeral,
            ephemeral,
            shares,
        })
    }
}

pub(super) fn deal_proof(statement: &[u8; 32]) -> Hash {
    Hash::new("bitcraps v1 dice deal proof").put(statement)
}

/// Horner's rule, the constant term first.
fn evaluate(polynomial: &[Scalar], x: Scalar) -> Scalar {
    polynomial.iter().rev().fold(Scalar::ZERO, |sum, c| sum * x + c)
}

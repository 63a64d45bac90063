//! A member's decryption key for the dice.
//!
//! It opens shares of sums and does nothing else: decrypting anything more with it would be an
//! oracle. A registered key is a proof of knowledge bound to what it was registered for (a table
//! or an invitation), an epoch number and the identity of its owner; without it a member could
//! register "minus the sum of the others" and read their sums.
//!
//! One key may serve several epochs of a table. Everything a member ever does with it is to open
//! sums of deals whose dealers proved, for the context of that very table, epoch, member list and
//! threshold, that they know the deal's ephemeral secret. An opening in one epoch therefore says
//! nothing about a deal of another: to make it so, somebody would have to put that deal's
//! ephemeral key, or a shift of it, into a sum of the first epoch, with a proof that only the one
//! who knows its secret can make. Epochs are to the key what rolls are, and a key serves many
//! rolls anyhow. What a fresh key per epoch would add is that a stolen one ends with its epoch.

use super::{
    Fault,
    hash::{Hash, Stream},
    message::MemberKey,
    proof::{point, scalar},
};
use crate::seed::Seed;
use curve25519_dalek::{RistrettoPoint, Scalar, traits::IsIdentity};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Wiped when dropped, and never printed.
#[derive(ZeroizeOnDrop)]
pub struct MemberSecret {
    pub(super) x: Scalar,
    #[zeroize(skip)]
    pub(super) key: [u8; 32],
}

/// A registered key whose proof of possession was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    pub(super) identity: [u8; 32],
    pub(super) bytes: [u8; 32],
    pub(super) point: RistrettoPoint,
}

pub(super) fn statement(
    binding: &[u8; 32],
    epoch: u64,
    identity: &[u8; 32],
    key: &[u8; 32],
) -> Hash {
    Hash::new("bitcraps v1 dice member key").put(binding).num(epoch).put(identity).put(key)
}

impl VerifiedKey {
    /// The compressed point. Two members of one table must not bring the same.
    pub fn key(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl MemberSecret {
    /// The same seed gives the same key. Fork it for this purpose and this table or invitation.
    pub fn derive(seed: &Seed) -> MemberSecret {
        let x = Hash::new("bitcraps v1 dice member secret").put(seed.as_bytes()).scalar();
        MemberSecret { x, key: RistrettoPoint::mul_base(&x).compress().to_bytes() }
    }

    /// The public key with its proof of possession, for `binding` (the id of a table or of an
    /// invitation), `epoch` and the owner's Ed25519 key alone.
    pub fn register(&self, binding: &[u8; 32], epoch: u64, identity: &[u8; 32]) -> MemberKey {
        let statement = statement(binding, epoch, identity, &self.key);
        // The secret and the whole statement decide the nonce, so it never serves two statements.
        let mut nonce = Hash::new("bitcraps v1 dice member key nonce")
            .put(self.x.as_bytes())
            .put(&statement.digest())
            .scalar();
        let r = RistrettoPoint::mul_base(&nonce).compress().to_bytes();
        let z = nonce + statement.put(&r).scalar() * self.x;
        nonce.zeroize();
        MemberKey { identity: *identity, key: self.key, r, z: z.to_bytes() }
    }

    /// A secret stream for one purpose and statement. Hedged: entropy that repeats never repeats a
    /// value for another statement, and entropy that leaks reveals nothing without the key.
    pub(super) fn stream(
        &self,
        purpose: &'static str,
        statement: &[u8; 32],
        entropy: &Seed,
    ) -> Stream {
        Hash::new(purpose).put(self.x.as_bytes()).put(statement).put(entropy.as_bytes()).stream()
    }
}

impl MemberKey {
    /// Checks the proof of possession. The identity is believed only as far as the caller checked
    /// that its owner sent this key.
    pub fn verify(&self, binding: &[u8; 32], epoch: u64) -> Result<VerifiedKey, Fault> {
        let key = point(&self.key).filter(|key| !key.is_identity()).ok_or(Fault::BadKey)?;
        let r = point(&self.r).ok_or(Fault::BadKey)?;
        let z = scalar(&self.z).ok_or(Fault::BadKey)?;
        let c = statement(binding, epoch, &self.identity, &self.key).put(&self.r).scalar();
        if RistrettoPoint::vartime_double_scalar_mul_basepoint(&-c, &key, &z) != r {
            return Err(Fault::BadKey);
        }
        Ok(VerifiedKey { identity: self.identity, bytes: self.key, point: key })
    }
}

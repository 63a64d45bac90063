//! Who a peer is: an Ed25519 key, the id derived from it, and proof of work for both.
//!
//! The work makes a new identity cost something without asking anybody: a nonce for which the
//! BLAKE3 digest of key and nonce starts with enough zero bits (hashcash; Back 2002). Every peer
//! checks it before it believes anything else; a card without work never becomes a
//! [`VerifiedCard`].

use super::batch::Claim;
use crate::{id::PeerId, seed::Seed};
use curve25519_dalek::MontgomeryPoint;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The work every peer has to show unless configured otherwise, in leading zero bits.
pub const WORK_BITS_DEFAULT: u8 = 16;

/// An Ed25519 signature as it travels: 64 bytes, R then s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    r: [u8; 32],
    s: [u8; 32],
}

impl Signature {
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&bytes[..32]);
        s.copy_from_slice(&bytes[32..]);
        Signature { r, s }
    }

    pub fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..].copy_from_slice(&self.s);
        bytes
    }

    /// R and s.
    pub(super) fn parts(&self) -> (&[u8; 32], &[u8; 32]) {
        (&self.r, &self.s)
    }

    fn to_dalek(self) -> ed25519_dalek::Signature {
        ed25519_dalek::Signature::from_components(self.r, self.s)
    }
}

/// What a peer shows to prove who it is. Not believed until verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Ed25519 public key.
    pub key: [u8; 32],
    /// The nonce that proves the work.
    pub nonce: u64,
}

/// A card whose key is sound and whose work was checked.
#[derive(Clone, Copy, Debug)]
pub struct VerifiedCard {
    card: Card,
    id: PeerId,
    key: VerifyingKey,
}

/// Why a card or a signature was not believed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("not an Ed25519 public key of full order")]
    BadKey,
    #[error("the identity shows {got} bits of work, {expected} are asked for")]
    NoWork { expected: u8, got: u8 },
    #[error("the signature does not verify")]
    BadSignature,
}

/// The peer id of a public key.
pub fn peer_id(key: &[u8; 32]) -> PeerId {
    PeerId::from_bytes(*blake3::hash(key).as_bytes())
}

/// Leading zero bits of the work digest of `key` and `nonce`.
pub fn work_of(key: &[u8; 32], nonce: u64) -> u8 {
    WorkSearch::new(key).bits(nonce)
}

impl Card {
    pub fn verify(self, work_bits: u8) -> Result<VerifiedCard, IdentityError> {
        let got = work_of(&self.key, self.nonce);
        if got < work_bits {
            return Err(IdentityError::NoWork { expected: work_bits, got });
        }
        let key = VerifyingKey::from_bytes(&self.key).map_err(|_| IdentityError::BadKey)?;
        if key.is_weak() {
            return Err(IdentityError::BadKey);
        }
        Ok(VerifiedCard { card: self, id: peer_id(&self.key), key })
    }
}

impl VerifiedCard {
    pub fn id(&self) -> PeerId {
        self.id
    }

    pub fn card(&self) -> Card {
        self.card
    }

    /// `purpose` is the domain separator the signer used.
    pub fn verify(
        &self,
        purpose: &str,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), IdentityError> {
        self.key
            .verify_strict(&digest(purpose, message), &signature.to_dalek())
            .map_err(|_| IdentityError::BadSignature)
    }

    /// The same to be checked together with others, by the rule of [`super::batch`].
    pub fn claim(&self, purpose: &str, message: &[u8], signature: &Signature) -> Claim {
        Claim { key: self.key, digest: digest(purpose, message), signature: *signature }
    }
}

/// Verifies a signature under a bare public key, where the work was checked before or does not
/// matter (a finished log).
pub fn verify_with_key(
    key: &[u8; 32],
    purpose: &str,
    message: &[u8],
    signature: &Signature,
) -> Result<(), IdentityError> {
    VerifyingKey::from_bytes(key)
        .map_err(|_| IdentityError::BadKey)?
        .verify_strict(&digest(purpose, message), &signature.to_dalek())
        .map_err(|_| IdentityError::BadSignature)
}

/// What is signed: a digest bound to its purpose (BLAKE3 derive_key mode), never raw bytes.
fn digest(purpose: &str, message: &[u8]) -> [u8; 32] {
    let mut h = blake3::Hasher::new_derive_key("bitcraps v1 signature");
    h.update(&(purpose.len() as u64).to_le_bytes());
    h.update(purpose.as_bytes());
    h.update(message);
    *h.finalize().as_bytes()
}

/// Looks for a nonce with enough work. Cheap to copy: threads share the range by stepping.
#[derive(Clone)]
pub struct WorkSearch(blake3::Hasher);

impl WorkSearch {
    pub fn new(key: &[u8; 32]) -> Self {
        let mut h = blake3::Hasher::new_derive_key("bitcraps v1 proof of work");
        h.update(key);
        WorkSearch(h)
    }

    fn bits(&self, nonce: u64) -> u8 {
        let digest = self.0.clone().update(&nonce.to_le_bytes()).finalize();
        let zeros = digest
            .as_bytes()
            .iter()
            .position(|b| *b != 0)
            .map_or(256, |i| i as u32 * 8 + digest.as_bytes()[i].leading_zeros());
        u8::try_from(zeros).unwrap_or(u8::MAX)
    }

    /// The first nonce of `start`, `start + step`, … with `work_bits` of work, within `tries`.
    pub fn run(&self, work_bits: u8, start: u64, step: u64, tries: u64) -> Option<u64> {
        (0..tries)
            .map(|i| start.wrapping_add(i.wrapping_mul(step)))
            .find(|nonce| self.bits(*nonce) >= work_bits)
    }
}

/// A peer's secrets: its signing key, and the X25519 key of its links and sealed payloads.
#[derive(ZeroizeOnDrop)]
pub struct Identity {
    signing: SigningKey,
    /// X25519 secret, derived from the signing key so that one secret is kept.
    link_secret: [u8; 32],
    #[zeroize(skip)]
    card: Card,
    #[zeroize(skip)]
    id: PeerId,
    #[zeroize(skip)]
    link_key: [u8; 32],
}

impl Identity {
    /// A fresh identity, its work found on this thread (about 2^`work_bits` hashes).
    pub fn generate(seed: &Seed, work_bits: u8) -> Identity {
        let mut secret: [u8; 32] = seed.fork("identity").rng().bytes();
        let key = SigningKey::from_bytes(&secret).verifying_key().to_bytes();
        let search = WorkSearch::new(&key);
        let mut nonce = None;
        let mut start = 0u64;
        while nonce.is_none() {
            nonce = search.run(work_bits, start, 1, 1 << 20);
            start += 1 << 20;
        }
        let identity = Identity::assemble(&secret, nonce.unwrap_or_default());
        secret.zeroize();
        identity
    }

    /// The identity of a stored secret and its nonce.
    pub fn restore(
        secret: &[u8; 32],
        nonce: u64,
        work_bits: u8,
    ) -> Result<Identity, IdentityError> {
        let identity = Identity::assemble(secret, nonce);
        identity.card.verify(work_bits)?;
        Ok(identity)
    }

    fn assemble(secret: &[u8; 32], nonce: u64) -> Identity {
        let signing = SigningKey::from_bytes(secret);
        let key = signing.verifying_key().to_bytes();
        let link_secret = blake3::derive_key("bitcraps v1 link key", secret);
        let link_key = MontgomeryPoint::mul_base_clamped(link_secret).to_bytes();
        Identity { signing, link_secret, card: Card { key, nonce }, id: peer_id(&key), link_key }
    }

    pub fn id(&self) -> PeerId {
        self.id
    }

    pub fn card(&self) -> Card {
        self.card
    }

    /// X25519 public key: the Noise static key of every link and the key others seal to.
    pub fn link_key(&self) -> [u8; 32] {
        self.link_key
    }

    /// X25519 secret key. For `link` and `crypto::seal` alone.
    pub fn link_secret(&self) -> &[u8; 32] {
        &self.link_secret
    }

    /// The 32 bytes to store; see [`Identity::restore`].
    pub fn secret(&self) -> [u8; 32] {
        self.signing.to_bytes()
    }

    pub fn sign(&self, purpose: &str, message: &[u8]) -> Signature {
        Signature::from_bytes(&self.signing.sign(&digest(purpose, message)).to_bytes())
    }

    /// A seed that only this identity can derive; for secrets that must survive a lost store.
    pub fn seed(&self, purpose: &str) -> Seed {
        let mut secret = self.signing.to_bytes();
        let seed = Seed::from_bytes(secret).fork(purpose);
        secret.zeroize();
        seed
    }
}

/// The shared secret of an X25519 key pair, or `None` when the other key has low order.
pub fn shared_secret(secret: &[u8; 32], key: &[u8; 32]) -> Option<[u8; 32]> {
    let shared = MontgomeryPoint(*key).mul_clamped(*secret).to_bytes();
    (shared != [0; 32]).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_identity_shows_its_work_and_comes_back_from_its_secret() {
        let identity = Identity::generate(&Seed::from_number(1), 8);
        let card = identity.card();
        assert!(card.verify(8).is_ok());
        let back = Identity::restore(&identity.secret(), card.nonce, 8).unwrap();
        assert_eq!((back.id(), back.link_key()), (identity.id(), identity.link_key()));
    }

    #[test]
    fn too_little_work_is_refused_with_both_figures() {
        let identity = Identity::generate(&Seed::from_number(2), 0);
        let card = identity.card();
        let got = work_of(&card.key, card.nonce);
        assert_eq!(
            card.verify(got + 1).unwrap_err(),
            IdentityError::NoWork { expected: got + 1, got }
        );
    }

    #[test]
    fn a_signature_holds_for_its_purpose_and_message_alone() {
        let identity = Identity::generate(&Seed::from_number(3), 0);
        let card = identity.card().verify(0).unwrap();
        let signature = identity.sign("test a", b"message");
        assert_eq!(card.verify("test a", b"message", &signature), Ok(()));
        for (purpose, message) in [("test b", &b"message"[..]), ("test a", b"other")] {
            assert_eq!(card.verify(purpose, message, &signature), Err(IdentityError::BadSignature));
        }
    }

    #[test]
    fn a_small_order_key_is_no_identity() {
        let mut key = [0; 32];
        key[0] = 1;
        let nonce = WorkSearch::new(&key).run(0, 0, 1, 1).unwrap();
        assert_eq!(Card { key, nonce }.verify(0).unwrap_err(), IdentityError::BadKey);
    }

    #[test]
    fn both_sides_share_one_secret() {
        let a = Identity::generate(&Seed::from_number(4), 0);
        let b = Identity::generate(&Seed::from_number(5), 0);
        assert_eq!(
            shared_secret(a.link_secret(), &b.link_key()),
            shared_secret(b.link_secret(), &a.link_key())
        );
        assert_eq!(shared_secret(a.link_secret(), &[0; 32]), None);
    }
}

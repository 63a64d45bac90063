//! A payload that only its recipient can read, from a sender that nobody can imitate.
//!
//! Both ends compute the same key: X25519 of their static keys, bound by BLAKE3 to the shared
//! secret and both peer ids. The payload is sealed by XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha)
//! under a random 24-byte nonce, together with associated data that travels in the clear. A seal
//! that opens was made by the other end of the pair (or by ourselves: the key is shared, so the
//! associated data has to name who speaks to whom).
//!
//! What it does not give: forward secrecy (the sessions of the links give that, hop by hop) and
//! proof towards third parties (either end could have made any seal; what must convince others is
//! signed by itself). It does not know a replay either: `route` does.

use super::identity::shared_secret;
use crate::id::PeerId;
use chacha20poly1305::{AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroize as _;

/// Bytes of the nonce in front of every seal.
pub const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// What sealing adds to a payload, in bytes.
pub const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// The key of two peers. Wiped when dropped (by the cipher that holds it).
pub struct PairKey(XChaCha20Poly1305);

impl PairKey {
    /// One scalar multiplication. `None` when the other key has low order.
    pub fn new(
        own_secret: &[u8; 32],
        own: PeerId,
        other_key: &[u8; 32],
        other: PeerId,
    ) -> Option<PairKey> {
        let mut shared = shared_secret(own_secret, other_key)?;
        let mut h = blake3::Hasher::new_derive_key("bitcraps v1 sealed payload");
        h.update(&shared);
        h.update(own.min(other).as_bytes());
        h.update(own.max(other).as_bytes());
        let mut key = *h.finalize().as_bytes();
        let cipher = XChaCha20Poly1305::new(&key.into());
        shared.zeroize();
        key.zeroize();
        Some(PairKey(cipher))
    }

    /// Nonce, ciphertext and tag in one. The nonce must never repeat under one key: draw it from a
    /// seed that is fresh in every run.
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], clear: &[u8], body: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(SEAL_BYTES + body.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(body);
        let tag = self
            .0
            .encrypt_in_place_detached(
                XNonce::from_slice(&nonce),
                clear,
                &mut sealed[NONCE_BYTES..],
            )
            .expect("a payload is far shorter than the cipher's 256 GiB");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// The payload, or `None` when the seal, its length or the associated data is not genuine.
    pub fn open(&self, clear: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let length = sealed.len().checked_sub(SEAL_BYTES)?;
        let (nonce, rest) = sealed.split_at(NONCE_BYTES);
        let (body, tag) = rest.split_at(length);
        let mut body = body.to_vec();
        self.0
            .decrypt_in_place_detached(
                XNonce::from_slice(nonce),
                clear,
                &mut body,
                Tag::from_slice(tag),
            )
            .ok()?;
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::identity::Identity, seed::Seed};

    fn pair(own: &Identity, other: &Identity) -> PairKey {
        PairKey::new(own.link_secret(), own.id(), &other.link_key(), other.id()).unwrap()
    }

    fn somebody(number: u64) -> Identity {
        Identity::generate(&Seed::from_number(number), 0)
    }

    #[test]
    fn the_other_end_alone_opens_a_seal() {
        let (a, b, c) = (somebody(1), somebody(2), somebody(3));
        let sealed = pair(&a, &b).seal([7; 24], b"to b", b"chips");
        assert_eq!(sealed.len(), 5 + SEAL_BYTES);
        assert_eq!(pair(&b, &a).open(b"to b", &sealed), Some(b"chips".to_vec()));
        assert_eq!(pair(&c, &a).open(b"to b", &sealed), None);
        assert_eq!(pair(&c, &b).open(b"to b", &sealed), None);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (a, b) = (somebody(1), somebody(2));
        let key = pair(&a, &b);
        let sealed = key.seal([7; 24], b"clear", b"body");
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(b"clear", &forged), None);
        }
        for length in 0..sealed.len() {
            assert_eq!(key.open(b"clear", &sealed[..length]), None);
        }
        assert_eq!(key.open(b"clean", &sealed), None);
    }

    #[test]
    fn a_key_of_low_order_makes_no_pair() {
        let (a, b) = (somebody(1), somebody(2));
        assert!(PairKey::new(a.link_secret(), a.id(), &[0; 32], b.id()).is_none());
    }
}

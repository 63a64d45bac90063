//! Many Ed25519 signatures checked in one equation, for what arrives in heaps.
//!
//! For signatures (R, s) of keys A over digests, with k = SHA-512(R, A, digest) and a weight z of
//! 128 bits for each: 8 (Σ z s B − Σ z R − Σ z k A) must be the neutral point (Bernstein et al.,
//! *High-speed high-security signatures*, 2012, section 5). What one key signed is added up first.
//!
//! Rules.
//! - The weights are BLAKE3 of all that is checked, so whoever made the signatures could not know
//!   them, and every peer comes to the same answer without any randomness.
//! - The factor 8 is what makes one signature and a heap of them agree: without it, parts of small
//!   order in R or A cancel in one heap and not in another. [`VerifiedCard::verify`] is stricter
//!   than this and refuses some of what holds here. So of one kind of thing all are checked here,
//!   a single one as a heap of one, or none is. Votes and the entries of a table's log are not.
//! - A heap that does not hold says nothing about its members: ask for each.
//!
//! [`VerifiedCard::verify`]: super::identity::VerifiedCard::verify

use super::identity::Signature;
use crate::sorted::SortedMap;
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::ED25519_BASEPOINT_POINT,
    edwards::CompressedEdwardsY,
    traits::{IsIdentity as _, VartimeMultiscalarMul as _},
};
use ed25519_dalek::VerifyingKey;
use sha2::{Digest as _, Sha512};

/// That a key signed a digest. See [`VerifiedCard::claim`](super::identity::VerifiedCard::claim).
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub(super) key: VerifyingKey,
    pub(super) digest: [u8; 32],
    pub(super) signature: Signature,
}

/// Whether every claim holds. True of none.
pub fn all_hold(claims: &[Claim]) -> bool {
    let mut transcript = blake3::Hasher::new_derive_key("bitcraps v1 batch of signatures");
    for claim in claims {
        transcript.update(claim.key.as_bytes());
        transcript.update(&claim.signature.to_bytes());
        transcript.update(&claim.digest);
    }
    let mut weights = transcript.finalize_xof();
    let mut of_base = Scalar::ZERO;
    let mut of_keys = SortedMap::new();
    let (mut scalars, mut points) = (Vec::new(), Vec::new());
    for claim in claims {
        let (r, s) = claim.signature.parts();
        let Some(point) = CompressedEdwardsY(*r).decompress() else { return false };
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)) else {
            return false;
        };
        let hash = Sha512::new().chain_update(r).chain_update(claim.key.as_bytes());
        let k = hash.chain_update(claim.digest).finalize().into();
        let mut weight = [0; 32];
        weights.fill(&mut weight[..16]);
        let z = Scalar::from_bytes_mod_order(weight);
        of_base += z * s;
        scalars.push(-z);
        points.push(point);
        let (of_key, _) =
            of_keys.or_insert_with(claim.key.to_bytes(), || (Scalar::ZERO, claim.key));
        *of_key -= z * Scalar::from_bytes_mod_order_wide(&k);
    }
    scalars.push(of_base);
    points.push(ED25519_BASEPOINT_POINT);
    scalars.extend(of_keys.values().map(|(scalar, _)| scalar));
    points.extend(of_keys.values().map(|(_, key)| key.to_edwards()));
    EdwardsPoint::vartime_multiscalar_mul(&scalars, &points).mul_by_cofactor().is_identity()
}

/// Which claims hold: all of them for the price of a heap; where one does not, each for its own.
pub fn which_hold(claims: &[Claim]) -> Vec<bool> {
    if all_hold(claims) {
        return vec![true; claims.len()];
    }
    claims.iter().map(|claim| all_hold(core::slice::from_ref(claim))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::identity::Identity, seed::Seed};
    use curve25519_dalek::constants::EIGHT_TORSION;

    const PURPOSE: &str = "test batch";

    fn claim_of(author: u64, message: &[u8]) -> Claim {
        let author = Identity::generate(&Seed::from_number(author), 0);
        let card = author.card().verify(0).unwrap();
        card.claim(PURPOSE, message, &author.sign(PURPOSE, message))
    }

    fn claims(count: u64, authors: u64) -> Vec<Claim> {
        (0..count).map(|n| claim_of(n % authors, &n.to_le_bytes())).collect()
    }

    /// A signature whose R has a part of small order, as only its own author can make it.
    fn claim_with_torsion(number: u64, torsion: usize) -> Claim {
        let mut rng = Seed::from_number(number).rng();
        let [secret, nonce] = [(); 2].map(|()| Scalar::from_bytes_mod_order(rng.bytes()));
        let key = (secret * ED25519_BASEPOINT_POINT).compress();
        let r = (nonce * ED25519_BASEPOINT_POINT + EIGHT_TORSION[torsion]).compress();
        let digest = [5; 32];
        let hash = Sha512::new().chain_update(r.0).chain_update(key.0).chain_update(digest);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r.0);
        signature[32..].copy_from_slice((nonce + k * secret).as_bytes());
        let key = VerifyingKey::from_bytes(&key.0).unwrap();
        Claim { key, digest, signature: Signature::from_bytes(&signature) }
    }

    #[test]
    fn what_was_signed_holds_in_heaps_of_any_size_by_any_number_of_authors() {
        for (count, authors) in [(0, 1), (1, 1), (2, 1), (5, 5), (64, 7), (200, 200), (300, 1)] {
            assert!(all_hold(&claims(count, authors)), "{count} by {authors}");
        }
    }

    #[test]
    fn one_bad_signature_is_found_wherever_it_is_and_spoils_no_other() {
        let good = claims(9, 3);
        for bad in 0..good.len() {
            let mut heap = good.clone();
            heap[bad].digest[0] ^= 1;
            assert!(!all_hold(&heap));
            let expected: Vec<bool> = (0..heap.len()).map(|at| at != bad).collect();
            assert_eq!(which_hold(&heap), expected);
        }
    }

    #[test]
    fn two_wrongs_that_would_cancel_without_weights_do_not() {
        let mut heap = claims(2, 1);
        let moved = |claim: &Claim, by: Scalar| {
            let (r, s) = claim.signature.parts();
            let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)).unwrap() + by;
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(r);
            bytes[32..].copy_from_slice(s.as_bytes());
            Claim { signature: Signature::from_bytes(&bytes), ..*claim }
        };
        heap = vec![moved(&heap[0], Scalar::ONE), moved(&heap[1], -Scalar::ONE)];
        assert_eq!(which_hold(&heap), [false, false]);
    }

    #[test]
    fn a_part_of_small_order_is_judged_alike_alone_and_in_every_heap() {
        for torsion in 1..8 {
            let odd = claim_with_torsion(torsion as u64, torsion);
            assert!(all_hold(&[odd]), "alone, {torsion}");
            // Without the factor 8, one heap of eight would hold by chance, the others not.
            for size in 1..20 {
                let mut heap = claims(size, 2);
                heap.push(odd);
                assert!(all_hold(&heap), "{torsion} with {size}");
            }
            assert!(odd.key.verify_strict(&odd.digest, &dalek(&odd.signature)).is_err());
        }
    }

    fn dalek(signature: &Signature) -> ed25519_dalek::Signature {
        ed25519_dalek::Signature::from_bytes(&signature.to_bytes())
    }

    #[test]
    fn what_the_strict_check_takes_and_refuses_is_taken_and_refused_here() {
        for (n, good) in claims(20, 4).into_iter().enumerate() {
            let mut bad = good;
            let mut bytes = bad.signature.to_bytes();
            bytes[(n * 13) % 64] ^= 1 << (n % 8);
            bad.signature = Signature::from_bytes(&bytes);
            for claim in [good, bad] {
                let strict = claim.key.verify_strict(&claim.digest, &dalek(&claim.signature));
                assert_eq!(all_hold(&[claim]), strict.is_ok(), "{n}");
            }
        }
    }

    #[test]
    fn a_number_that_is_not_reduced_is_refused() {
        let mut claim = claim_of(1, b"message");
        let (r, s) = claim.signature.parts();
        // The group's order, little-endian: s + order names the same residue.
        let order = (-Scalar::ONE).to_bytes();
        let (mut sum, mut carry) = ([0u8; 32], 1u16);
        for at in 0..32 {
            let digit = u16::from(s[at]) + u16::from(order[at]) + carry;
            (sum[at], carry) = (digit as u8, digit >> 8);
        }
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(r);
        bytes[32..].copy_from_slice(&sum);
        claim.signature = Signature::from_bytes(&bytes);
        assert!(!all_hold(&[claim]));
    }
}

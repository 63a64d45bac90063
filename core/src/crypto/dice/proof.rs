//! Proofs of equal discrete logarithms, and many of them checked at once.
//!
//! Chaum–Pedersen (CRYPTO '92, section 3.2), non-interactive by Fiat–Shamir. A proof travels as
//! commitments and response, not challenge and response: 32 bytes more, but then verifying is a
//! linear equation between points, and thousands of proofs become one multi-scalar multiplication.
//! Ristretto has prime order, so a batch and single proofs always agree.

use super::{
    hash::{Hash, Stream},
    message::Proof,
};
use curve25519_dalek::{
    Scalar,
    ristretto::{CompressedRistretto, RistrettoPoint},
    traits::{IsIdentity, VartimeMultiscalarMul},
};

pub(super) struct DecodedProof {
    pub r1: RistrettoPoint,
    pub r2: RistrettoPoint,
    pub z: Scalar,
}

/// `None` for anything but the one canonical encoding of a point.
pub(super) fn point(bytes: &[u8; 32]) -> Option<RistrettoPoint> {
    CompressedRistretto(*bytes).decompress()
}

pub(super) fn scalar(bytes: &[u8; 32]) -> Option<Scalar> {
    Scalar::from_canonical_bytes(*bytes).into()
}

pub(super) fn decode(proof: &Proof) -> Option<DecodedProof> {
    Some(DecodedProof { r1: point(&proof.r1)?, r2: point(&proof.r2)?, z: scalar(&proof.z)? })
}

/// Strong Fiat–Shamir (Bernhard, Pereira, Warinschi, ASIACRYPT '12): `statement` has absorbed
/// table, epoch, members, roll, author and every public point before the commitments go in.
pub(super) fn challenge(statement: &Hash, r1: &[u8; 32], r2: &[u8; 32]) -> Scalar {
    statement.clone().put(r1).put(r2).scalar()
}

/// Proves log_G(x·G) = log_base(x·base). `nonce` is secret and belongs to this statement alone:
/// callers derive it from the secret, the statement and fresh entropy, so that neither a bad
/// generator nor a restored tab repeats it for another statement.
pub(super) fn prove(statement: &Hash, x: &Scalar, base: &RistrettoPoint, nonce: &Scalar) -> Proof {
    let r1 = RistrettoPoint::mul_base(nonce).compress().to_bytes();
    let r2 = (nonce * base).compress().to_bytes();
    let z = nonce + challenge(statement, &r1, &r2) * x;
    Proof { r1, r2, z: z.to_bytes() }
}

/// Equations of the form "scalars times points add up to nothing", checked all at once by a random
/// combination. Commitments go in with a factor of one, not minus one: their scalar is then the
/// weight itself, which is half as long as others and as quick to multiply by.
///
/// The weights are 128 bits from a hash over everything collected, drawn when nothing can be added
/// any more, so a check is repeatable and accepts a false equation with probability 2^-128 (the
/// small-exponents test of Bellare, Garay, Rabin, EUROCRYPT '98).
pub(super) struct Batch {
    seed: Hash,
    equations: Vec<Equation>,
    terms: Vec<(Scalar, RistrettoPoint)>,
    members: Vec<RistrettoPoint>,
}

/// One equation. The generator and the members' keys are shared by all of them.
struct Equation {
    on_g: Scalar,
    /// Scalars on the members' keys, as (member, scalar).
    on_members: Vec<(usize, Scalar)>,
    /// Where its own terms end in [`Batch::terms`].
    end: usize,
}

impl Batch {
    pub fn new(members: Vec<RistrettoPoint>) -> Self {
        Batch {
            seed: Hash::new("bitcraps v1 dice batch"),
            equations: Vec::new(),
            terms: Vec::new(),
            members,
        }
    }

    /// How many equations wait.
    pub fn len(&self) -> usize {
        self.equations.len()
    }

    /// Challenge and response together fix the whole proof, hence the weights.
    pub fn bind(&mut self, challenge: &Scalar, response: &Scalar) {
        self.seed.absorb(challenge.as_bytes());
        self.seed.absorb(response.as_bytes());
    }

    pub fn push(
        &mut self,
        on_g: Scalar,
        on_members: Vec<(usize, Scalar)>,
        terms: impl IntoIterator<Item = (Scalar, RistrettoPoint)>,
    ) {
        self.terms.extend(terms);
        self.equations.push(Equation { on_g, on_members, end: self.terms.len() });
    }

    /// Where the equations' weights come from, one [`weight`] each in the order they were pushed.
    pub(super) fn weights(&self) -> Stream {
        self.seed.stream()
    }

    /// Whether every equation holds.
    pub fn holds(self) -> bool {
        let mut weights = self.weights();
        let mut on_g = Scalar::ZERO;
        let mut on_members = vec![Scalar::ZERO; self.members.len()];
        let mut scalars: Vec<Scalar> = Vec::with_capacity(self.terms.len() + self.members.len());
        for equation in &self.equations {
            let weight = weight(&mut weights);
            on_g += weight * equation.on_g;
            for (member, scalar) in &equation.on_members {
                on_members[*member] += weight * scalar;
            }
            let own = scalars.len()..equation.end;
            scalars.extend(self.terms[own].iter().map(|(scalar, _)| weight * scalar));
        }
        // Most shares are checked alone, and one share leaves all but one member's key out.
        let members = on_members.iter().zip(&self.members).filter(|(by, _)| **by != Scalar::ZERO);
        let (on_members, members): (Vec<Scalar>, Vec<&RistrettoPoint>) = members.unzip();
        scalars.extend(on_members);
        let points = self.terms.iter().map(|(_, point)| point).chain(members);
        let rest = RistrettoPoint::vartime_multiscalar_mul(&scalars, points);
        (rest + RistrettoPoint::mul_base(&on_g)).is_identity()
    }
}

pub(super) fn weight(weights: &mut Stream) -> Scalar {
    let mut weight = [0; 32];
    weights.fill(&mut weight[..16]);
    Scalar::from_bytes_mod_order(weight)
}

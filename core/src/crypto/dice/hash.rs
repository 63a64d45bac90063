//! One hash for every purpose of the dice: BLAKE3 in `derive_key` mode (BLAKE3 paper, section 2.3).
//!
//! The context string separates the purposes; every field carries its length, so no two lists of
//! fields share an encoding.

use curve25519_dalek::Scalar;
use zeroize::Zeroize;

#[derive(Clone)]
pub(super) struct Hash(blake3::Hasher);

impl Hash {
    /// `purpose` is a constant that no other use has.
    pub fn new(purpose: &'static str) -> Self {
        Hash(blake3::Hasher::new_derive_key(purpose))
    }

    pub fn put(mut self, field: &[u8]) -> Self {
        self.absorb(field);
        self
    }

    pub fn absorb(&mut self, field: &[u8]) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    pub fn num(self, n: u64) -> Self {
        self.put(&n.to_le_bytes())
    }

    pub fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    pub fn stream(&self) -> Stream {
        Stream(self.0.finalize_xof())
    }

    pub fn scalar(&self) -> Scalar {
        self.stream().scalar()
    }
}

pub(super) struct Stream(blake3::OutputReader);

impl Stream {
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    /// 512 bits reduced modulo the group order: less than 2^-259 away from uniform.
    pub fn scalar(&mut self) -> Scalar {
        let mut wide = [0; 64];
        self.0.fill(&mut wide);
        let scalar = Scalar::from_bytes_mod_order_wide(&wide);
        wide.zeroize();
        scalar
    }
}

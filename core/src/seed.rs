//! Randomness that is handed in: a 32-byte seed, forked once per component by label.
//!
//! Rules. A fork depends only on the seed and the label, so a new draw in one protocol does not
//! shift another; a generator is never shared. Streams are BLAKE3 in XOF mode (BLAKE3 paper,
//! section 2.6), which is also what makes a simulated run repeatable on every machine.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 secret bytes. A shell takes them from the operating system once; a simulation from its case.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Seed(bytes)
    }

    /// For simulations and tests: a short number as a whole seed.
    pub fn from_number(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Seed(blake3::derive_key("bitcraps v1 numbered seed", &bytes))
    }

    /// An independent seed for the component called `label`.
    pub fn fork(&self, label: &str) -> Seed {
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(label.as_bytes());
        Seed(*h.finalize().as_bytes())
    }

    /// The stream of this seed. Call it once per seed: two calls give the same stream.
    pub fn rng(&self) -> Rng {
        Rng(blake3::Hasher::new_keyed(&self.0).update(b"\0stream").finalize_xof())
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A stream of uniform bytes.
#[derive(Clone)]
pub struct Rng(blake3::OutputReader);

impl Rng {
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    pub fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// Uniform in `0..bound` by rejection; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let fair = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.next_u64();
            if draw < fair {
                return draw % bound;
            }
        }
    }

    /// True once in `1/probability` draws.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 random bits are exactly representable, so this is the same on every machine.
        ((self.next_u64() >> 11) as f64) < probability * 9_007_199_254_740_992.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_depends_on_its_label_alone() {
        let seed = Seed::from_number(7);
        let mut a = seed.fork("a").rng();
        assert_eq!(a.next_u64(), seed.fork("a").rng().next_u64());
        assert_ne!(a.next_u64(), seed.fork("b").rng().next_u64());
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Seed::from_number(1).rng();
        let mut seen = [0u32; 6];
        for _ in 0..600 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
        assert_eq!(rng.below(0), 0);
    }
}

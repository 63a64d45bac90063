//! ChaCha20-Poly1305 (RFC 8439) under the Noise nonce of a counter: the cipher of link sessions.
//!
//! Two implementations of the same bytes: `ring`, whose inner loops are assembly, where the
//! feature `native-crypto` is on, and pure Rust, which compiles to wasm, everywhere else. Tests
//! seal with the one and open with the other.
//!
//! Rules. A cipher is made once per key, not once per packet. Keys are wiped when they are left:
//! pure Rust does it, ring does not, so [`Cipher`] writes other keys over ring's. Copies that a
//! move left on the stack are beyond both.
//!
//! Not here: which counter is next, and which was seen (`link::session`).

/// Bytes that sealing appends.
pub const TAG_BYTES: usize = 16;

#[cfg(feature = "native-crypto")]
pub use native::Cipher;
#[cfg(not(feature = "native-crypto"))]
pub use pure::Cipher;

/// The Noise nonce of a counter: four zero bytes, then the counter, little-endian.
fn nonce(counter: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_le_bytes());
    bytes
}

#[cfg(feature = "native-crypto")]
mod native {
    use super::{TAG_BYTES, nonce};
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

    /// One key, ready to seal and open.
    pub struct Cipher(LessSafeKey);

    fn key_of(bytes: &[u8; 32]) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes);
        LessSafeKey::new(key.expect("a key of this cipher has 32 bytes"))
    }

    impl Cipher {
        pub fn new(key: &[u8; 32]) -> Cipher {
            Cipher(key_of(key))
        }

        /// Encrypts what `frame` holds from `start` on and appends the tag. A counter is used once.
        pub fn seal(&self, counter: u64, frame: &mut Vec<u8>, start: usize) {
            let nonce = Nonce::assume_unique_for_key(nonce(counter));
            let tag = self
                .0
                .seal_in_place_separate_tag(nonce, Aad::empty(), &mut frame[start..])
                .expect("a packet is far shorter than the cipher's 256 GiB");
            frame.extend_from_slice(tag.as_ref());
        }

        /// What was sealed, or `None` when the tag does not verify.
        pub fn open(&self, counter: u64, sealed: &[u8]) -> Option<Vec<u8>> {
            let length = sealed.len().checked_sub(TAG_BYTES)?;
            let nonce = Nonce::assume_unique_for_key(nonce(counter));
            let mut plain = sealed.to_vec();
            self.0.open_in_place(nonce, Aad::empty(), &mut plain).ok()?;
            plain.truncate(length);
            Some(plain)
        }
    }

    impl Drop for Cipher {
        fn drop(&mut self) {
            self.0 = key_of(&[0; 32]);
            // The write must not be left out because nobody reads it.
            core::hint::black_box(&self.0);
        }
    }
}

#[cfg(any(test, not(feature = "native-crypto")))]
mod pure {
    use super::{TAG_BYTES, nonce};
    use chacha20poly1305::{AeadInPlace as _, ChaCha20Poly1305, KeyInit as _, Tag};

    /// One key, ready to seal and open.
    pub struct Cipher(ChaCha20Poly1305);

    impl Cipher {
        pub fn new(key: &[u8; 32]) -> Cipher {
            Cipher(ChaCha20Poly1305::new(key.into()))
        }

        /// Encrypts what `frame` holds from `start` on and appends the tag. A counter is used once.
        pub fn seal(&self, counter: u64, frame: &mut Vec<u8>, start: usize) {
            let tag = self
                .0
                .encrypt_in_place_detached(&nonce(counter).into(), &[], &mut frame[start..])
                .expect("a packet is far shorter than the cipher's 256 GiB");
            frame.extend_from_slice(&tag);
        }

        /// What was sealed, or `None` when the tag does not verify.
        pub fn open(&self, counter: u64, sealed: &[u8]) -> Option<Vec<u8>> {
            let length = sealed.len().checked_sub(TAG_BYTES)?;
            let (body, tag) = sealed.split_at(length);
            let mut plain = body.to_vec();
            let tag = Tag::from_slice(tag);
            let nonce = nonce(counter).into();
            self.0.decrypt_in_place_detached(&nonce, &[], &mut plain, tag).ok()?;
            Some(plain)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn sealed(cipher: &Cipher, counter: u64, plain: &[u8]) -> Vec<u8> {
        let mut out = plain.to_vec();
        cipher.seal(counter, &mut out, 0);
        out
    }

    #[test]
    fn what_one_implementation_seals_the_other_opens() {
        let (built, pure) = (Cipher::new(&KEY), pure::Cipher::new(&KEY));
        // Around the block sizes of both ciphers and of the assembly's wider steps.
        for length in (0..=300).chain([1023, 1024, 1025, 16_384]) {
            let plain: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let counter = length as u64 * 0x0123_4567_89ab;
            let by_built = sealed(&built, counter, &plain);
            let mut by_pure = plain.clone();
            pure.seal(counter, &mut by_pure, 0);
            assert_eq!(by_built, by_pure, "{length} bytes");
            assert_eq!(pure.open(counter, &by_built).as_ref(), Some(&plain), "{length} bytes");
            assert_eq!(built.open(counter, &by_pure).as_ref(), Some(&plain), "{length} bytes");
            assert_eq!(built.open(counter + 1, &by_pure), None, "{length} bytes");
        }
    }

    #[test]
    fn sealing_leaves_what_stands_before_the_start() {
        let cipher = Cipher::new(&KEY);
        let mut frame = b"header".to_vec();
        frame.extend_from_slice(b"body");
        cipher.seal(1, &mut frame, 6);
        assert_eq!(&frame[..6], b"header");
        assert_eq!(cipher.open(1, &frame[6..]), Some(b"body".to_vec()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let cipher = Cipher::new(&KEY);
        let whole = sealed(&cipher, 3, b"body");
        for bit in 0..whole.len() * 8 {
            let mut forged = whole.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cipher.open(3, &forged), None, "bit {bit}");
        }
        for length in 0..whole.len() {
            assert_eq!(cipher.open(3, &whole[..length]), None, "{length} bytes");
        }
    }
}

//! Sealing and opening the packets of one link after its handshake.
//!
//! A sealed packet is `counter (8, LE) ‖ ciphertext ‖ tag (16)`: ChaCha20-Poly1305 with the Noise
//! nonce of the counter (four zero bytes, then the counter) and no associated data. Each
//! direction has its own key and counts from 0.
//!
//! Rules. The key changes by REKEY (Noise specification, revision 34, sections 4.2 and 11.3) with
//! every epoch of packets, and the epoch follows from the counter alone: no message announces it,
//! so none can be lost. A receiver holds the keys of its newest epoch and of the one before, for
//! packets that were overtaken; it tries the next epoch at most, and moves there only after a tag
//! verified. Keys that are left behind are wiped, which gives forward secrecy within a link.
//!
//! An epoch lost as a whole cannot be bridged: nothing opens any more and the link falls silent.

use super::{
    frame::SEALED,
    message::{self, Message},
    window::{Old, Window},
};
use crate::crypto::cipher::{Cipher, TAG_BYTES};
use zeroize::Zeroizing;

const COUNTER_BYTES: usize = 8;

/// A frame's kind, a counter, a message's kind and length, a tag.
const OVERHEAD_BYTES: usize = 1 + COUNTER_BYTES + 4 + TAG_BYTES;

/// Class, eras and numbers, while they are below 2¹⁴ and 2²¹.
const NUMBERED_BYTES: usize = 12;

/// The nonce that Noise keeps for REKEY; no packet has it.
const REKEY_COUNTER: u64 = u64::MAX;

/// One direction's key in one epoch.
pub struct Key(Cipher);

impl Key {
    pub fn new(bytes: [u8; 32]) -> Key {
        Key(Cipher::new(&Zeroizing::new(bytes)))
    }

    /// REKEY: the first 32 bytes of zeros encrypted under the reserved nonce.
    fn next(&self) -> Key {
        let mut next = Zeroizing::new(Vec::with_capacity(32 + TAG_BYTES));
        next.resize(32, 0);
        self.0.seal(REKEY_COUNTER, &mut next, 0);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&next[..32]);
        Key::new(bytes)
    }
}

/// The sending direction.
pub struct Sealer {
    key: Key,
    epoch_packets: u64,
    counter: u64,
}

impl Sealer {
    /// `epoch_packets` is at least 1 and the same at both ends.
    pub fn new(key: Key, epoch_packets: u64) -> Sealer {
        Sealer { key, epoch_packets, counter: 0 }
    }

    /// A whole frame: [`SEALED`], then the sealed packet.
    pub fn seal(&mut self, message: &Message) -> Vec<u8> {
        let counter = self.counter;
        if counter != 0 && counter.is_multiple_of(self.epoch_packets) {
            self.key = self.key.next();
        }
        self.counter += 1;
        let packet_bytes = match message {
            Message::Packet(packet) => packet.len(),
            Message::Numbered(numbered) => NUMBERED_BYTES + numbered.packet.len(),
            Message::Arrived(arrived) => NUMBERED_BYTES + arrived.beyond.len(),
            Message::Ping { .. } | Message::Pong { .. } | Message::Close { .. } => 10,
        };
        let mut frame = Vec::with_capacity(OVERHEAD_BYTES + packet_bytes);
        frame.push(SEALED);
        frame.extend(counter.to_le_bytes());
        let mut frame = message::encode(message, frame);
        self.key.0.seal(counter, &mut frame, 1 + COUNTER_BYTES);
        frame
    }
}

/// The receiving direction.
pub struct Opener {
    key: Key,
    previous: Option<Key>,
    epoch_packets: u64,
    epoch: u64,
    window: Window,
}

/// Why a sealed packet was not opened. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("a sealed packet of {got} bytes has no room for a counter and a tag")]
    Short { got: usize },
    #[error("the packet was opened before")]
    Replayed,
    #[error("the packet is older than the replay window or the keys kept")]
    TooOld,
    #[error("the packet is more than one epoch ahead")]
    TooNew,
    #[error("the tag does not verify")]
    Forged,
}

impl Opener {
    pub fn new(key: Key, epoch_packets: u64) -> Opener {
        Opener { key, previous: None, epoch_packets, epoch: 0, window: Window::default() }
    }

    /// The message inside `sealed`, still encoded.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let short = OpenError::Short { got: sealed.len() };
        let (counter, rest) = sealed.split_first_chunk::<COUNTER_BYTES>().ok_or(short)?;
        if rest.len() < TAG_BYTES {
            return Err(short);
        }
        let counter = u64::from_le_bytes(*counter);
        if counter == REKEY_COUNTER {
            return Err(OpenError::TooNew);
        }
        self.window.check(counter).map_err(|old| match old {
            Old::Replayed => OpenError::Replayed,
            Old::TooOld => OpenError::TooOld,
        })?;
        let decrypt = |key: &Key| key.0.open(counter, rest).ok_or(OpenError::Forged);
        let epoch = counter / self.epoch_packets;
        let plain = if epoch == self.epoch {
            decrypt(&self.key)?
        } else if epoch == self.epoch + 1 {
            let next = self.key.next();
            let plain = decrypt(&next)?;
            self.previous = Some(core::mem::replace(&mut self.key, next));
            self.epoch = epoch;
            plain
        } else if epoch > self.epoch {
            return Err(OpenError::TooNew);
        } else {
            let previous = self.previous.as_ref().filter(|_| epoch + 1 == self.epoch);
            decrypt(previous.ok_or(OpenError::TooOld)?)?
        };
        self.window.mark(counter);
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u64 = 4;

    fn pair() -> (Sealer, Opener) {
        (Sealer::new(Key::new([7; 32]), EPOCH), Opener::new(Key::new([7; 32]), EPOCH))
    }

    fn sealed(sealer: &mut Sealer, token: u64) -> Vec<u8> {
        sealer.seal(&Message::Ping { token })[1..].to_vec()
    }

    fn opened(opener: &mut Opener, sealed: &[u8]) -> Result<u64, OpenError> {
        let plain = opener.open(sealed)?;
        match message::decode(&plain) {
            Ok(Message::Ping { token }) => Ok(token),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn packets_open_in_order_over_many_epochs_and_never_twice() {
        let (mut sealer, mut opener) = pair();
        for token in 0..EPOCH * 10 {
            let packet = sealed(&mut sealer, token);
            assert_eq!(opened(&mut opener, &packet), Ok(token));
            assert_eq!(opened(&mut opener, &packet), Err(OpenError::Replayed));
        }
    }

    #[test]
    fn packets_overtaken_across_a_change_of_key_still_open() {
        let (mut sealer, mut opener) = pair();
        let packets: Vec<_> = (0..EPOCH * 3).map(|t| sealed(&mut sealer, t)).collect();
        assert_eq!(opened(&mut opener, &packets[5]), Ok(5));
        assert_eq!(opened(&mut opener, &packets[1]), Ok(1));
        assert_eq!(opened(&mut opener, &packets[8]), Ok(8));
        assert_eq!(opened(&mut opener, &packets[4]), Ok(4));
        assert_eq!(opened(&mut opener, &packets[0]), Err(OpenError::TooOld));
    }

    #[test]
    fn a_packet_two_epochs_ahead_changes_nothing() {
        let (mut sealer, mut opener) = pair();
        let packets: Vec<_> = (0..EPOCH * 3).map(|t| sealed(&mut sealer, t)).collect();
        assert_eq!(opened(&mut opener, &packets[8]), Err(OpenError::TooNew));
        assert_eq!(opened(&mut opener, &packets[0]), Ok(0));
    }

    #[test]
    fn a_forgery_in_the_next_epoch_does_not_move_the_keys() {
        let (mut sealer, mut opener) = pair();
        let packets: Vec<_> = (0..EPOCH * 2).map(|t| sealed(&mut sealer, t)).collect();
        let mut forged = packets[4].clone();
        forged[9] ^= 1;
        assert_eq!(opened(&mut opener, &forged), Err(OpenError::Forged));
        assert_eq!(opened(&mut opener, &packets[0]), Ok(0));
        assert_eq!(opened(&mut opener, &packets[4]), Ok(4));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (mut sealer, mut opener) = pair();
        let packet = sealed(&mut sealer, 1);
        for at in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(opener.open(&flipped).is_err(), "bit {at}");
        }
        for len in 0..packet.len() {
            assert!(opener.open(&packet[..len]).is_err(), "{len} bytes");
        }
        assert_eq!(opened(&mut opener, &packet), Ok(1));
    }

    #[test]
    fn the_key_changes_with_the_epoch_and_the_counter_names_the_packet() {
        let (mut sealer, _) = pair();
        let first = sealed(&mut sealer, 0);
        for token in 1..EPOCH {
            sealed(&mut sealer, token);
        }
        let next = sealed(&mut sealer, 0);
        assert_eq!((first[0], next[0]), (0, EPOCH as u8));
        let mut old_key = Opener::new(Key::new([7; 32]), u64::MAX);
        assert!(old_key.open(&first).is_ok());
        assert_eq!(old_key.open(&next), Err(OpenError::Forged));
    }
}

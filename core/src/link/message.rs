//! What neighbours say to each other: inside the handshake, before it failed, and after it.
//!
//! Rules. Decoding is total and takes every byte: what is left over is an error, because two
//! programs that read the same bytes must see the same message. Packets are opaque here.
//!
//! Not here: the frames that carry these bytes (`frame`).

use crate::{
    crypto::identity::{Card, Signature},
    transport::{Class, CloseReason},
};
use serde::{Deserialize, Serialize, Serializer};

/// The version of everything in this room. Both ends mix it into the handshake.
pub const VERSION: u8 = 2;

/// Payload of handshake messages 2 and 3: who speaks, and that the Noise static key is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    pub card: Card,
    /// By the card's key over the Noise static key, for the purpose [`STATIC_KEY_PURPOSE`].
    pub signature: Signature,
    /// Random, drawn once per run of a node: tells a peer that restarted from one that has several
    /// links.
    pub instance: [u8; 8],
}

/// Domain separator of [`Introduction::signature`].
pub const STATIC_KEY_PURPOSE: &str = "bitcraps v1 link static key";

/// Said in the clear when a handshake fails, so that the other side can say why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub reason: CloseReason,
}

/// The content of one sealed packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message<'a> {
    /// Answer with the same token.
    Ping {
        token: u64,
    },
    Pong {
        token: u64,
    },
    /// The last message of a link.
    Close {
        reason: CloseReason,
    },
    /// For the layer above, at most [`crate::limits::PACKET_BYTES_MAX`] bytes.
    Packet(#[serde(borrow, serialize_with = "write_bytes")] &'a [u8]),
    /// The same, of a class that is acknowledged.
    Numbered(#[serde(borrow)] Numbered<'a>),
    /// What arrived of a class.
    Arrived(#[serde(borrow)] Arrived<'a>),
}

/// A message that is sent again until it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered<'a> {
    pub class: Class,
    /// From which beginning the sender counts: rising within one run of the sender, from 1.
    pub era: u32,
    /// From 0, per peer, class and era.
    pub number: u64,
    /// Of the same class the other way: its era, and the first number that did not arrive. Era 0:
    /// nothing came yet.
    pub their_era: u32,
    pub their_next: u64,
    #[serde(borrow, serialize_with = "write_bytes")]
    pub packet: &'a [u8],
}

/// An acknowledgement by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived<'a> {
    pub class: Class,
    pub era: u32,
    /// Everything below arrived.
    pub next: u64,
    /// Microseconds from the arrival of the highest number to this acknowledgement.
    pub delay_us: u32,
    /// Bit by bit, lowest first, what arrived from `next + 1` on.
    #[serde(borrow, serialize_with = "write_bytes")]
    pub beyond: &'a [u8],
}

/// Bytes that are no message of this version. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this version")]
pub struct Malformed;

/// Appends `message` to `out`.
pub fn encode<T: Serialize>(message: &T, out: Vec<u8>) -> Vec<u8> {
    postcard::to_extend(message, out)
        .expect("a Vec takes every byte and no map or sequence of unknown length is written")
}

/// Reads one message that takes all of `bytes`.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Malformed> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(Malformed),
    }
}

// Postcard writes a slice of bytes in one go only when it is told that it is one.
fn write_bytes<S: Serializer>(bytes: &&[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden(message: Message, bytes: &[u8]) {
        assert_eq!(encode(&message, Vec::new()), bytes);
        assert_eq!(decode::<Message>(bytes), Ok(message));
    }

    #[test]
    fn messages_have_the_bytes_that_version_two_wrote_down() {
        golden(Message::Ping { token: 1 }, &[0, 1]);
        golden(Message::Pong { token: 300 }, &[1, 0xac, 0x02]);
        golden(Message::Packet(&[]), &[3, 0]);
        golden(Message::Packet(&[7, 8, 9]), &[3, 3, 7, 8, 9]);
        let numbered = Numbered {
            class: Class::Bets,
            era: 1,
            number: 300,
            their_era: 2,
            their_next: 5,
            packet: &[7, 8, 9],
        };
        golden(Message::Numbered(numbered), &[4, 1, 1, 0xac, 0x02, 2, 5, 3, 7, 8, 9]);
        let arrived =
            Arrived { class: Class::Sync, era: 1, next: 300, delay_us: 25, beyond: &[0x81] };
        golden(Message::Arrived(arrived), &[5, 3, 1, 0xac, 0x02, 25, 1, 0x81]);
        let reasons = [
            CloseReason::TransportClosed,
            CloseReason::TooSlow,
            CloseReason::Silent,
            CloseReason::HandshakeTimeout,
            CloseReason::Garbage,
            CloseReason::WrongVersion,
            CloseReason::BadSignature,
            CloseReason::NoWork,
            CloseReason::Duplicate,
            CloseReason::Limit,
            CloseReason::PeerLeft,
            CloseReason::Stopping,
        ];
        for (number, reason) in (0u8..).zip(reasons) {
            golden(Message::Close { reason }, &[2, number]);
            assert_eq!(encode(&Refusal { reason }, Vec::new()), [number]);
        }
    }

    #[test]
    fn an_introduction_has_the_bytes_that_version_two_wrote_down() {
        let introduction = Introduction {
            card: Card { key: [0xaa; 32], nonce: 300 },
            signature: Signature::from_bytes(&core::array::from_fn(|i| i as u8)),
            instance: *b"instance",
        };
        let mut bytes = vec![0xaa; 32];
        bytes.extend([0xac, 0x02]);
        bytes.extend(0..64);
        bytes.extend(b"instance");
        assert_eq!(encode(&introduction, Vec::new()), bytes);
        assert_eq!(decode::<Introduction>(&bytes), Ok(introduction));
    }

    #[test]
    fn what_is_left_over_or_missing_is_malformed() {
        assert_eq!(decode::<Message>(&[0, 1, 0]), Err(Malformed));
        assert_eq!(decode::<Message>(&[3, 3, 7, 8]), Err(Malformed));
        assert_eq!(decode::<Message>(&[6]), Err(Malformed));
        assert_eq!(decode::<Message>(&[4, 5, 1, 0, 0, 0, 0]), Err(Malformed), "no such class");
        assert_eq!(decode::<Message>(&[]), Err(Malformed));
        assert_eq!(decode::<Message>(&[2, 99]), Err(Malformed));
    }
}

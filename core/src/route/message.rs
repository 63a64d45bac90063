//! What travels across the mesh: datagrams for one peer, floods for all.

use crate::{crypto::seal::SEAL_BYTES, id::PeerId, limits, transport::Class};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hops of an explicit path. Guess: paths worth taking are far shorter.
pub const VIA_HOPS_MAX: usize = 16;
/// Bytes of a payload before sealing: what is left of a packet after ids, path and seal (at most
/// 670 bytes), rounded down.
pub const BODY_BYTES_MAX: usize = limits::PACKET_BYTES_MAX - 1024;

/// What the ends of a datagram expect of each other. Each kind numbers its datagrams by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Sent once.
    Once,
    /// To be acknowledged; repeated until it is.
    Acked,
    /// Acknowledges the datagram with the same id that went the other way.
    Ack,
}

/// For one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagram {
    pub src: PeerId,
    pub dst: PeerId,
    /// Rising per source, destination and kind.
    pub id: u64,
    /// Hops it may still take, this one included.
    pub ttl: u8,
    pub kind: Kind,
    /// What it is for: every relay chooses a link by it.
    pub class: Class,
    /// The hops after the source up to the destination; empty: every relay decides.
    pub via: Vec<PeerId>,
    /// Which of them this message is handed to; 0 when there are none.
    pub hop: u8,
    /// Sealed by the source to the destination, with what is in the clear for good
    /// as associated data.
    #[serde(serialize_with = "put_bytes", deserialize_with = "take_bytes")]
    pub body: Vec<u8>,
}

/// For everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flood {
    pub origin: PeerId,
    /// Rising per origin.
    pub id: u64,
    /// Hops it may still take, this one included.
    pub ttl: u8,
    #[serde(serialize_with = "put_bytes", deserialize_with = "take_bytes")]
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Datagram(Datagram),
    Flood(Flood),
}

impl Message {
    /// What it is for. Floods are the mesh's own.
    pub fn class(&self) -> Class {
        match self {
            Message::Datagram(datagram) => datagram.class,
            Message::Flood(_) => Class::Mesh,
        }
    }

    /// Whether every part keeps its bound.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Message::Datagram(d) => {
                let bytes_max = BODY_BYTES_MAX + SEAL_BYTES;
                let hop_exists = d.via.is_empty() || usize::from(d.hop) < d.via.len();
                d.body.len() <= bytes_max && d.via.len() <= VIA_HOPS_MAX && hop_exists
            }
            Message::Flood(f) => f.body.len() <= BODY_BYTES_MAX,
        }
    }
}

/// Bytes of a datagram's associated data.
const CLEAR_BYTES: usize = 32 + 32 + 8 + 1 + 1;

/// What the seal covers besides the body: source, destination, id (little-endian), kind, class.
pub(super) fn clear(
    src: PeerId,
    dst: PeerId,
    id: u64,
    kind: Kind,
    class: Class,
) -> [u8; CLEAR_BYTES] {
    let mut clear = [0; CLEAR_BYTES];
    clear[..32].copy_from_slice(src.as_bytes());
    clear[32..64].copy_from_slice(dst.as_bytes());
    clear[64..72].copy_from_slice(&id.to_le_bytes());
    clear[72] = match kind {
        Kind::Once => 0,
        Kind::Acked => 1,
        Kind::Ack => 2,
    };
    clear[73] = match class {
        Class::Dice => 0,
        Class::Bets => 1,
        Class::Chat => 2,
        Class::Sync => 3,
        Class::Mesh => 4,
    };
    clear
}

/// The same bytes as a sequence of `u8`, in one step.
fn put_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

fn take_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    <&[u8]>::deserialize(deserializer).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(byte: u8) -> PeerId {
        PeerId::from_bytes([byte; 32])
    }

    #[test]
    fn every_message_has_these_bytes() {
        let datagram = |kind, class, via, hop| {
            let (src, dst) = (peer(1), peer(2));
            Message::Datagram(Datagram {
                src,
                dst,
                id: 300,
                ttl: 32,
                kind,
                class,
                via,
                hop,
                body: vec![9],
            })
        };
        let ends = format!("{}{}", "01".repeat(32), "02".repeat(32));
        let path = format!("02{}{}", "03".repeat(32), "02".repeat(32));
        let flood = Flood { origin: peer(1), id: 300, ttl: 32, body: vec![7, 8] };
        let table = [
            (datagram(Kind::Once, Class::Dice, vec![], 0), format!("00{ends}ac0220000000000109")),
            (
                datagram(Kind::Acked, Class::Bets, vec![peer(3), peer(2)], 1),
                format!("00{ends}ac02200101{path}010109"),
            ),
            (datagram(Kind::Ack, Class::Mesh, vec![], 0), format!("00{ends}ac0220020400000109")),
            (Message::Flood(flood), format!("01{}ac0220020708", "01".repeat(32))),
        ];
        for (message, golden) in table {
            let bytes = postcard::to_allocvec(&message).unwrap();
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, golden);
            assert_eq!(postcard::from_bytes::<Message>(&bytes).unwrap(), message);
        }
    }

    #[test]
    fn the_largest_datagram_fits_a_packet_with_room_for_an_envelope() {
        let largest = Message::Datagram(Datagram {
            src: peer(1),
            dst: peer(2),
            id: u64::MAX,
            ttl: 255,
            kind: Kind::Acked,
            class: Class::Mesh,
            via: vec![peer(3); VIA_HOPS_MAX],
            hop: 15,
            body: vec![0; BODY_BYTES_MAX + SEAL_BYTES],
        });
        assert!(largest.is_sound());
        assert!(postcard::to_allocvec(&largest).unwrap().len() <= limits::PACKET_BYTES_MAX - 256);
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn random_bytes_decode_to_a_message_or_an_error(bytes: Vec<u8>) {
            let _ = postcard::from_bytes::<Message>(&bytes);
        }
    }
}

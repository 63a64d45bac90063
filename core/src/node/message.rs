//! What a node attaches to its announcement for the layers above the map.

use crate::{
    game::{ADS_MAX, Ad, SeatRole, name_is_sound},
    heal::{ADDRESS_BYTES_MAX, ADDRESSES_MAX},
};
use serde::{Deserialize, Serialize};

/// Postcard in the announcement's `extra`: a head, then a tail and the ways to meet, which older
/// nodes do not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    /// How this peer behaves when it is asked to a table.
    pub role: SeatRole,
    pub tables: Vec<Ad>,
    /// Where this peer can be dialled.
    pub addresses: Vec<String>,
    /// How many of its open links repairs made that it tried.
    pub mended: u16,
    pub meets: Meets,
}

/// How a peer that cannot be dialled by an address can be met, as a bit set; unknown bits are
/// ignored, so that others can be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meets(u8);

impl Meets {
    /// Over a data channel of WebRTC, signalled through the mesh.
    pub const WEBRTC: Meets = Meets(0x01);
    pub const NOT: Meets = Meets(0);

    pub fn has(self, other: Meets) -> bool {
        self.0 & other.0 != 0
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    role: SeatRole,
    tables: Vec<Ad>,
}

#[derive(Default, Serialize, Deserialize)]
struct Tail {
    addresses: Vec<String>,
    mended: u16,
}

impl Announced {
    /// Addresses past the limit, or too long, are left out.
    pub fn encode(&self) -> Vec<u8> {
        let addresses = self.addresses.iter().filter(|a| a.len() <= ADDRESS_BYTES_MAX);
        let addresses = addresses.take(ADDRESSES_MAX).collect::<Vec<_>>();
        postcard::to_allocvec(&(self.role, &self.tables, addresses, self.mended, self.meets))
            .expect("plain data always encodes into a growing buffer")
    }

    /// A peer whose attachment does not decode counts as one that was not asked: a player. Tables
    /// whose names could not be are left out, and addresses past their bounds; a tail that does
    /// not decode is none, and what does not decode after it likewise.
    pub fn decode(bytes: &[u8]) -> Announced {
        let nobody = (Head { role: SeatRole::Player, tables: Vec::new() }, &[][..]);
        let (mut head, rest) = postcard::take_from_bytes::<Head>(bytes).unwrap_or(nobody);
        head.tables.retain(|ad| name_is_sound(&ad.name));
        head.tables.truncate(ADS_MAX);
        let (mut tail, rest) =
            postcard::take_from_bytes::<Tail>(rest).unwrap_or((Tail::default(), &[]));
        let meets = match postcard::take_from_bytes::<Meets>(rest) {
            Ok((meets, [])) => meets,
            Ok(_) | Err(_) => Meets::NOT,
        };
        tail.addresses.retain(|address| address.len() <= ADDRESS_BYTES_MAX);
        tail.addresses.truncate(ADDRESSES_MAX);
        Announced {
            role: head.role,
            tables: head.tables,
            addresses: tail.addresses,
            mended: tail.mended,
            meets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::TableId, limits::ANNOUNCED_EXTRA_BYTES_MAX};

    fn nobody() -> Announced {
        let (tables, addresses) = (Vec::new(), Vec::new());
        Announced { role: SeatRole::Player, tables, addresses, mended: 0, meets: Meets::NOT }
    }

    fn ad(name: &str) -> Ad {
        Ad { table: TableId::from_bytes([0x55; 32]), name: name.to_owned(), members: 4 }
    }

    #[test]
    fn an_attachment_has_these_bytes() {
        let announced = Announced {
            role: SeatRole::Witness,
            tables: vec![ad("ann")],
            addresses: vec!["tcp://a:1".to_owned(), "ws://b:2".to_owned()],
            mended: 300,
            meets: Meets::WEBRTC,
        };
        let bytes = announced.encode();
        let head = [&[2, 1][..], &[0x55; 32], &[3], b"ann", &[4]].concat();
        let tail = [&[2, 9][..], b"tcp://a:1", &[8], b"ws://b:2", &[0xac, 0x02], &[1]].concat();
        assert_eq!(bytes, [head, tail].concat());
        assert_eq!(Announced::decode(&bytes), announced);
    }

    #[test]
    fn an_attachment_without_its_tail_is_that_of_an_older_node() {
        let older = [&[2, 1][..], &[0x55; 32], &[3], b"ann", &[4]].concat();
        let known = Announced { role: SeatRole::Witness, tables: vec![ad("ann")], ..nobody() };
        assert_eq!(Announced::decode(&older), known);
        for tail in [&[1][..], &[1, 9, b'x'], &[0, 0], &[0, 0, 1, 9], &[1, 1, 0xff, 0]] {
            assert_eq!(Announced::decode(&[&older, tail].concat()), known, "{tail:?}");
        }
        let meeting = Announced::decode(&[&older[..], &[0, 0, 0x81]].concat());
        assert!(meeting.meets.has(Meets::WEBRTC), "bits of the future do no harm");
    }

    #[test]
    fn the_largest_attachment_fits_and_what_is_past_the_bounds_is_left_out() {
        let longest = "x".repeat(ADDRESS_BYTES_MAX);
        let mut announced = Announced {
            tables: vec![ad(&"n".repeat(32)); ADS_MAX],
            addresses: vec![longest.clone(); ADDRESSES_MAX],
            mended: u16::MAX,
            ..nobody()
        };
        let bytes = announced.encode();
        assert!(bytes.len() <= ANNOUNCED_EXTRA_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Announced::decode(&bytes), announced);
        let sound = announced.clone();
        announced.addresses.insert(0, longest.clone() + "x");
        announced.addresses.push(longest);
        assert_eq!(announced.encode(), bytes);
        let raw = (SeatRole::Player, &announced.tables, &announced.addresses, u16::MAX, Meets::NOT);
        let raw = postcard::to_allocvec(&raw).unwrap();
        assert_eq!(Announced::decode(&raw), sound);
    }

    #[test]
    fn what_is_no_attachment_is_a_player_without_tables() {
        assert_eq!(nobody().encode(), [0, 0, 0, 0, 0]);
        for bytes in [&[][..], &[3, 0], &[2], &[2, 1, 0x55]] {
            assert_eq!(Announced::decode(bytes), nobody());
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Announced::decode(&bytes);
        }
    }
}

//! What a node attaches to its announcement for the layers above the map.

use crate::game::{ADS_MAX, Ad, SeatRole, name_is_sound};
use serde::{Deserialize, Serialize};

/// Postcard in the announcement's `extra`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Announced {
    /// How this peer behaves when it is asked to a table.
    pub role: SeatRole,
    pub tables: Vec<Ad>,
}

impl Announced {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("plain data always encodes into a growing buffer")
    }

    /// A peer whose attachment does not decode counts as one that was not asked: a player. Tables
    /// whose names could not be are left out.
    pub fn decode(bytes: &[u8]) -> Announced {
        let nobody = Announced { role: SeatRole::Player, tables: Vec::new() };
        match postcard::take_from_bytes::<Announced>(bytes) {
            Ok((mut announced, [])) => {
                announced.tables.retain(|ad| name_is_sound(&ad.name));
                announced.tables.truncate(ADS_MAX);
                announced
            }
            Ok(_) | Err(_) => nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TableId;

    #[test]
    fn an_attachment_has_these_bytes() {
        let ad = Ad { table: TableId::from_bytes([0x55; 32]), name: "ann".to_owned(), members: 4 };
        let announced = Announced { role: SeatRole::Witness, tables: vec![ad] };
        let bytes = announced.encode();
        let golden = [&[2, 1][..], &[0x55; 32], &[3], b"ann", &[4]].concat();
        assert_eq!(bytes, golden);
        assert_eq!(Announced::decode(&bytes), announced);
    }

    #[test]
    fn what_is_no_attachment_is_a_player_without_tables() {
        let nobody = Announced { role: SeatRole::Player, tables: Vec::new() };
        assert_eq!(nobody.encode(), [0, 0]);
        for bytes in [&[][..], &[3, 0], &[2], &[2, 1, 0x55]] {
            assert_eq!(Announced::decode(bytes), nobody);
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

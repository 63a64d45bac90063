//! What members send each other for the dice, as it travels and as the table's log keeps it.
//!
//! Every point is 32 bytes of compressed ristretto255 (RFC 9496, section 4.3.1), every scalar 32
//! bytes little-endian below the group order; anything else is refused when it is verified, so no
//! value can be changed without its author. Rolls and counts are postcard varints, which can also
//! be written longer than needed: what is hashed or compared is the value, encoded again, never the
//! bytes as they came.

use crate::limits::TABLE_MEMBERS_MAX;
use core::fmt;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

/// Chaum–Pedersen proof of equal discrete logarithms: 96 bytes, two points and a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub r1: [u8; 32],
    pub r2: [u8; 32],
    pub z: [u8; 32],
}

/// A member's public key for the dice and the proof that it knows the secret: 128 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberKey {
    /// Ed25519 public key of the peer that owns the key.
    pub identity: [u8; 32],
    /// E = x·G.
    pub key: [u8; 32],
    /// Schnorr commitment of the proof of possession.
    pub r: [u8; 32],
    /// Schnorr response.
    pub z: [u8; 32],
}

/// One member's contribution to one roll, made ahead of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    pub roll: u64,
    /// The dealer's place in the table's list of members.
    pub dealer: u8,
    /// D = d·G, fresh for every deal.
    pub ephemeral: [u8; 32],
    /// C_i = p(a_i)·G + d·E_i, one for each member in the table's order.
    #[serde(deserialize_with = "at_most_one_per_member")]
    pub shares: Vec<[u8; 32]>,
    pub proof: Proof,
}

/// One member's decrypted share of the sum of all deals of one roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub roll: u64,
    /// The author's place in the table's list of members.
    pub member: u8,
    /// A*_i.
    pub value: [u8; 32],
    pub proof: Proof,
}

/// Refuses a longer list before it allocates anything for it.
fn at_most_one_per_member<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<[u8; 32]>, D::Error> {
    struct Shares;
    impl<'de> Visitor<'de> for Shares {
        type Value = Vec<[u8; 32]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {TABLE_MEMBERS_MAX} encrypted shares")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut shares = Vec::with_capacity(TABLE_MEMBERS_MAX);
            while let Some(share) = seq.next_element()? {
                if shares.len() == TABLE_MEMBERS_MAX {
                    return Err(A::Error::invalid_length(TABLE_MEMBERS_MAX + 1, &self));
                }
                shares.push(share);
            }
            Ok(shares)
        }
    }
    d.deserialize_seq(Shares)
}

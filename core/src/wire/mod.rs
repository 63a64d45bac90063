//! What travels between neighbours: one envelope, one version byte.
//!
//! A packet is the version byte and then the postcard encoding of [`Packet`]. It is what `link`
//! encrypts and fragments. Bodies of datagrams are sealed to their recipient and open to a
//! [`game::Message`](crate::game::message::Message), which has its own decoder.

use crate::{limits::PACKET_BYTES_MAX, map, route, transport::Class};
use serde::{Deserialize, Serialize};

/// Raised whenever the meaning of any byte changes. Golden bytes pin each version.
pub const VERSION: u8 = 2;

/// The union of what the rooms send to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packet {
    Map(map::Message),
    Route(route::Message),
}

/// Bytes from a neighbour that are no packet of this version. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    #[error("packet version {got}, expected {VERSION}")]
    Version { got: u8 },
    #[error("{got} bytes do not decode as a packet")]
    Malformed { got: usize },
}

impl Packet {
    /// What it is for.
    pub fn class(&self) -> Class {
        match self {
            Packet::Map(_) => Class::Mesh,
            Packet::Route(message) => message.class(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION])
            .expect("plain data always encodes into a growing buffer")
    }

    pub fn decode(bytes: &[u8]) -> Result<Packet, PacketError> {
        let malformed = PacketError::Malformed { got: bytes.len() };
        let (version, body) = bytes.split_first().ok_or(malformed)?;
        if *version != VERSION {
            return Err(PacketError::Version { got: *version });
        }
        if bytes.len() > PACKET_BYTES_MAX {
            return Err(malformed);
        }
        match postcard::take_from_bytes(body) {
            Ok((packet, [])) => Ok(packet),
            Ok(_) | Err(_) => Err(malformed),
        }
    }
}

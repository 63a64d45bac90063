//! What travels between neighbours: one envelope, one version byte.
//!
//! A packet is the version byte and then the postcard encoding of [`Packet`]. It is what `link`
//! encrypts and fragments. Bodies of datagrams are sealed to their recipient and open to a
//! [`Body`]: one byte that says for whom, and then what that room decodes by itself.

use crate::{limits::PACKET_BYTES_MAX, map, route, transport::Class};
use serde::{Deserialize, Serialize};

/// Raised whenever the meaning of any byte changes. Golden bytes pin each version.
pub const VERSION: u8 = 3;

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

/// What a datagram carries from one peer to another, for one of the rooms above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A message about tables.
    Game(&'a [u8]),
    /// From shell to shell, to open a direct link; opaque.
    Signal(&'a [u8]),
}

/// Bytes from a peer that are no body of this version. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no body is of kind {got:?}")]
pub struct BodyError {
    pub got: Option<u8>,
}

const GAME: u8 = 0;
const SIGNAL: u8 = 1;

impl Body<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Body::Game(body) => (GAME, body),
            Body::Signal(body) => (SIGNAL, body),
        };
        [&[kind], *body].concat()
    }

    pub fn decode(bytes: &[u8]) -> Result<Body<'_>, BodyError> {
        match bytes.split_first() {
            Some((&GAME, body)) => Ok(Body::Game(body)),
            Some((&SIGNAL, body)) => Ok(Body::Signal(body)),
            got => Err(BodyError { got: got.map(|(kind, _)| *kind) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_for_whom_it_is() {
        for (body, golden) in [
            (Body::Game(&[4, 0x55]), &[0, 4, 0x55][..]),
            (Body::Signal(&[9, 8]), &[1, 9, 8]),
            (Body::Signal(&[]), &[1]),
        ] {
            assert_eq!(body.encode(), golden);
            assert_eq!(Body::decode(golden), Ok(body));
        }
        assert_eq!(Body::decode(&[]), Err(BodyError { got: None }));
        assert_eq!(Body::decode(&[2, 9]), Err(BodyError { got: Some(2) }));
    }
}

//! What travels between neighbours: one envelope, one version byte.
//!
//! A packet is the version byte and then the postcard encoding of [`Packet`]. It is what `link`
//! encrypts and fragments. Bodies of datagrams are sealed to their recipient and open to a
//! [`Body`]: one byte that says for whom, and then what that room decodes by itself.

use crate::{game, limits::PACKET_BYTES_MAX, map, route, transport::Class};
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

/// What a datagram carries from one peer to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// About tables.
    Game(game::message::Message),
    /// From shell to shell, to open a direct link; opaque.
    Signal(Vec<u8>),
}

/// Bytes from a peer that are no body of this version. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("no body is of kind {got:?}")]
    Kind { got: Option<u8> },
    #[error(transparent)]
    Game(#[from] game::message::MessageError),
}

const GAME: u8 = 0;
const SIGNAL: u8 = 1;

impl Body {
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Body::Game(message) => message.encode_after(vec![GAME]),
            Body::Signal(body) => [&[SIGNAL], body.as_slice()].concat(),
        }
    }

    pub fn decode(bytes: &[u8]) -> Result<Body, BodyError> {
        match bytes.split_first() {
            Some((&GAME, rest)) => Ok(Body::Game(game::message::Message::decode(rest)?)),
            Some((&SIGNAL, rest)) => Ok(Body::Signal(rest.to_vec())),
            got => Err(BodyError::Kind { got: got.map(|(kind, _)| *kind) }),
        }
    }
}

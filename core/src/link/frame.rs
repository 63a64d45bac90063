//! The outermost bytes of a frame: what kind it is and, for a piece, where it belongs.
//!
//! ```text
//! handshake  BC  version  step  index  count  chunk…      step 1, 2, 3
//! refusal    BC  version  00    reason
//! sealed     01  counter(8, LE)  ciphertext…  tag(16)
//! piece      02  id(2, LE)  index(2, LE)  count(2, LE)  chunk…
//! ```
//!
//! Rules. The first three bytes of a handshake frame and the whole refusal mean the same in every
//! version, so that an older or newer peer can be told from noise and can be told why. Every
//! chunk but the last is at least what the smallest frame carries, so that the number of pieces
//! is bounded by the bytes of the packet. Nothing here is authenticated: whoever relies on a
//! field checks the tag first.

use super::message::{self, Refusal, VERSION};
use crate::{
    limits::{FRAME_BYTES_MIN, PACKET_BYTES_MAX},
    transport::CloseReason,
};

/// First byte of every handshake frame, in every version.
pub const HANDSHAKE: u8 = 0xbc;
pub const SEALED: u8 = 0x01;
pub const PIECE: u8 = 0x02;

const STEP_REFUSAL: u8 = 0;
const HANDSHAKE_HEADER_BYTES: usize = 5;
const PIECE_HEADER_BYTES: usize = 7;

/// Bytes of one handshake message: 80 of Noise, up to 114 of introduction, two tags, and room.
pub const HANDSHAKE_BYTES_MAX: usize = 256;

/// Bytes of one sealed packet: counter, message (its kind, a class, two eras, two numbers, a length
/// and the packet), tag.
pub const SEALED_BYTES_MAX: usize = 8 + (1 + 1 + 5 + 5 + 10 + 10 + 3) + PACKET_BYTES_MAX + 16;

/// Bytes of a chunk that is not the last, at least.
pub const HANDSHAKE_CHUNK_BYTES_MIN: usize = FRAME_BYTES_MIN - HANDSHAKE_HEADER_BYTES;
pub const PIECE_CHUNK_BYTES_MIN: usize = FRAME_BYTES_MIN - PIECE_HEADER_BYTES;

/// Pieces of one handshake message on the narrowest link.
const HANDSHAKE_PIECES_MAX: usize = HANDSHAKE_BYTES_MAX.div_ceil(HANDSHAKE_CHUNK_BYTES_MIN);

/// Pieces of one sealed packet on the narrowest link.
pub const PIECES_MAX: usize = SEALED_BYTES_MAX.div_ceil(PIECE_CHUNK_BYTES_MIN);

/// The three messages of Noise XX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    One = 1,
    Two = 2,
    Three = 3,
}

/// Where a chunk belongs in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub index: u16,
    pub count: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    Handshake {
        step: Step,
        place: Place,
        chunk: &'a [u8],
    },
    Refusal {
        reason: CloseReason,
    },
    /// Counter, ciphertext and tag.
    Sealed(&'a [u8]),
    Piece {
        id: u16,
        place: Place,
        chunk: &'a [u8],
    },
}

/// Why bytes are no frame of this version. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a handshake frame of version {got}, this is version {VERSION}")]
    Version { got: u8 },
    #[error("no frame of this protocol")]
    Garbage,
    #[error("a frame of {got} bytes, {SEALED_BYTES_MAX} is the most")]
    TooLong { got: usize },
}

pub fn parse(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    if bytes.len() > 1 + SEALED_BYTES_MAX {
        return Err(FrameError::TooLong { got: bytes.len() });
    }
    match *bytes {
        [HANDSHAKE, VERSION, STEP_REFUSAL, ref rest @ ..] => message::decode(rest)
            .map(|Refusal { reason }| Frame::Refusal { reason })
            .map_err(|_| FrameError::Garbage),
        [HANDSHAKE, VERSION, step, index, count, ref chunk @ ..] => {
            let step = match step {
                1 => Step::One,
                2 => Step::Two,
                3 => Step::Three,
                _ => return Err(FrameError::Garbage),
            };
            if usize::from(count) > HANDSHAKE_PIECES_MAX {
                return Err(FrameError::Garbage);
            }
            let place = place(index.into(), count.into(), chunk, HANDSHAKE_CHUNK_BYTES_MIN)?;
            Ok(Frame::Handshake { step, place, chunk })
        }
        [HANDSHAKE, got, _, ..] if got != VERSION => Err(FrameError::Version { got }),
        [SEALED, ref sealed @ ..] => Ok(Frame::Sealed(sealed)),
        [PIECE, id0, id1, i0, i1, c0, c1, ref chunk @ ..] => {
            let (index, count) = (u16::from_le_bytes([i0, i1]), u16::from_le_bytes([c0, c1]));
            if usize::from(count) > PIECES_MAX {
                return Err(FrameError::Garbage);
            }
            let place = place(index, count, chunk, PIECE_CHUNK_BYTES_MIN)?;
            Ok(Frame::Piece { id: u16::from_le_bytes([id0, id1]), place, chunk })
        }
        _ => Err(FrameError::Garbage),
    }
}

fn place(
    index: u16,
    count: u16,
    chunk: &[u8],
    chunk_bytes_min: usize,
) -> Result<Place, FrameError> {
    let last = index.checked_add(1) == Some(count);
    let long_enough = if last { !chunk.is_empty() } else { chunk.len() >= chunk_bytes_min };
    if index < count && long_enough { Ok(Place { index, count }) } else { Err(FrameError::Garbage) }
}

pub fn refusal(reason: CloseReason) -> Vec<u8> {
    message::encode(&Refusal { reason }, vec![HANDSHAKE, VERSION, STEP_REFUSAL])
}

/// A handshake message as frames of at most `mtu` bytes.
pub fn handshake(step: Step, message: &[u8], mtu: usize) -> impl Iterator<Item = Vec<u8>> {
    // At most HANDSHAKE_PIECES_MAX.
    let chunks = message.chunks(chunk_bytes(mtu, HANDSHAKE_HEADER_BYTES));
    let count = chunks.len() as u8;
    (0..count).zip(chunks).map(move |(index, chunk)| {
        let mut frame = Vec::with_capacity(HANDSHAKE_HEADER_BYTES + chunk.len());
        frame.extend([HANDSHAKE, VERSION, step as u8, index, count]);
        frame.extend(chunk);
        frame
    })
}

/// A sealed packet that is too long for one frame, as pieces of at most `mtu` bytes.
pub fn pieces(id: u16, sealed: &[u8], mtu: usize) -> impl Iterator<Item = Vec<u8>> {
    let chunks = sealed.chunks(chunk_bytes(mtu, PIECE_HEADER_BYTES));
    let count = chunks.len() as u16;
    (0..count).zip(chunks).map(move |(index, chunk)| {
        let mut frame = Vec::with_capacity(PIECE_HEADER_BYTES + chunk.len());
        frame.push(PIECE);
        frame.extend(id.to_le_bytes());
        frame.extend(index.to_le_bytes());
        frame.extend(count.to_le_bytes());
        frame.extend(chunk);
        frame
    })
}

fn chunk_bytes(mtu: usize, header_bytes: usize) -> usize {
    mtu.max(FRAME_BYTES_MIN) - header_bytes
}

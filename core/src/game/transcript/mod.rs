//! A table's log as a file that anybody can check without asking anybody.
//!
//! ```text
//!     magic      20 bytes, "bitcraps transcript\n"
//!     version    1 byte
//!     table      32 bytes, the id that follows from line 0
//!     line       4 bytes of length, little-endian, and so many bytes; again until the end
//! ```
//!
//! Line 0 is the genesis (invitation and first members), line h the batch of height h with its
//! certificate, as [`Decision`] encodes it. Bets, deals, openings, rolls and payouts follow from
//! these, so nothing else is written. `docs/TRANSCRIPT.md` describes it for other programs.
//!
//! Rules, and why.
//! 1. Bytes in, lines out ([`Check`]): at most one line waits, so a transcript of any length is
//!    checked in little memory, and while it still arrives.
//! 2. One table has one transcript of one certificate per height: every length and number is
//!    written in the only form that is taken, and what was decoded must encode to the same bytes.
//!    So no bit can be changed unnoticed, not even one that no signature covers.
//! 3. A line is judged by what stands before it: the certificate by the members that the lines
//!    before it seated, the batch by the ledger after them. The first line that is wrong is named,
//!    and nothing behind it is believed.
//! 4. Certificates are checked signature by signature, as members do: what holds in a heap is not
//!    exactly what holds alone (see `crypto::batch`), and a transcript must not be taken by some
//!    and refused by others.
//!
//! A transcript may end at any line: the table may still be running, and whoever cuts lines off
//! its end leaves a shorter true one. Nor does it say who stands behind the keys: four keys of one
//! person make a flawless transcript of a game that nobody else saw.

mod check;
mod fault;
mod found;

pub use check::{Check, Line, verify};
pub use fault::{Fault, Why};
pub use found::{Account, Membership, ProvenRoll, Verified};

use super::message::Genesis;
use crate::agree::{Decision, message::MESSAGE_BYTES_MAX};

/// How every transcript begins.
pub const MAGIC: &[u8; 20] = b"bitcraps transcript\n";
/// The version that is written, and the only one that is read.
pub const VERSION: u8 = 1;
/// Magic, version and table.
const HEAD_BYTES: usize = MAGIC.len() + 1 + 32;
/// The length in front of a line.
const LENGTH_BYTES: usize = 4;
/// Bytes of line 0. Guess: a full table's seatings take 5 KiB, the invitation less than 1.
pub const GENESIS_BYTES_MAX: usize = 16 * 1024;
/// Bytes of any other line: a batch and its certificate.
pub const LINE_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// Bytes of one [`Part`], unless its first line alone is longer. Guess: much for a socket, little
/// for the node that copies it between two of its messages.
pub const PART_BYTES_MAX: usize = 256 * 1024;

/// Some lines of a transcript, as they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// None when `next` is past the end.
    pub bytes: Vec<u8>,
    /// The line that follows.
    pub next: u64,
}

/// The lines from `from` on, as many as fit [`PART_BYTES_MAX`] and at least one. Line 0 brings the
/// head of the file.
pub fn part<'a>(genesis: &Genesis, log: impl Iterator<Item = &'a Decision>, from: u64) -> Part {
    let (mut bytes, mut next) = (Vec::new(), from);
    if from == 0 {
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(genesis.id().as_bytes());
        push_line(&mut bytes, &genesis.encode());
        next = 1;
    }
    let skipped = usize::try_from(next - 1).unwrap_or(usize::MAX);
    for decision in log.skip(skipped) {
        let line = decision.encode();
        if !bytes.is_empty() && bytes.len() + LENGTH_BYTES + line.len() > PART_BYTES_MAX {
            break;
        }
        push_line(&mut bytes, &line);
        next += 1;
    }
    Part { bytes, next }
}

fn push_line(bytes: &mut Vec<u8>, line: &[u8]) {
    let length = u32::try_from(line.len()).expect("lines are limited to less than 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(line);
}

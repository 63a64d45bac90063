//! What is wrong with a transcript, and where.

use super::{GENESIS_BYTES_MAX, VERSION};
use crate::{
    agree::{DecisionError, MembersError, message::DecodeError},
    game::ledger::BatchError,
    id::{PeerId, TableId},
};
use core::fmt;

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// 0 is the head with the genesis, h the batch of height h.
    pub line: u64,
    /// Where the line starts in the file, in bytes.
    pub offset: u64,
    /// The entry of the batch, counted from 1, and who signed it, where one entry is to blame.
    pub entry: Option<(usize, Option<PeerId>)>,
    pub why: Why,
}

impl core::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} (at byte {})", self.line, self.offset)?;
        if let Some((entry, author)) = &self.entry {
            write!(f, ", entry {entry}")?;
            if let Some(author) = author {
                write!(f, " by {}", author.short())?;
            }
        }
        write!(f, ": {}", self.why)
    }
}

/// Why a line is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("this is no transcript: it does not begin as one")]
    NoTranscript,
    #[error("version {got} of the format; this program reads version {VERSION}")]
    Version { got: u8 },
    #[error("the file ends in the middle of this line: {have} of {need} bytes are there")]
    CutShort { have: u64, need: u64 },
    #[error("the line claims {got} bytes; at most {max} are possible")]
    TooLong { got: u64, max: u64 },
    #[error("these are no first members of a table (up to {GENESIS_BYTES_MAX} bytes)")]
    NoGenesis,
    #[error("the file says it is of table {written}, but its first members make table {made}")]
    OtherTable { written: TableId, made: TableId },
    #[error("the signature of member {member} under the invitation does not verify")]
    Seating { member: PeerId },
    #[error(
        "these first members make no table: it takes 4 to 16 different ones, the host among them, \
         with sound names and dice keys"
    )]
    UnsoundGenesis,
    #[error("not a certified batch: {0}")]
    NoDecision(DecodeError),
    #[error("the same can be written shorter; only one form is taken")]
    NotCanonical,
    #[error("the batch of height {got} stands here again; height {due} is due")]
    Again { got: u64, due: u64 },
    #[error("batches are missing: height {due} is due, and this one is of height {got}")]
    Missing { got: u64, due: u64 },
    #[error("nobody sits at the table any more who could decide this: {0}")]
    NoMembers(MembersError),
    #[error("the certificate does not hold: {why}{}", named(signer))]
    Certificate {
        why: DecisionError,
        /// Whose signature it should be.
        signer: Option<PeerId>,
    },
    #[error("{0}")]
    Batch(BatchError),
}

fn named(signer: &Option<PeerId>) -> String {
    signer.map_or_else(String::new, |signer| [" (member ", &signer.short(), ")"].concat())
}

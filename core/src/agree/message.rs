//! What agreement sends and what it writes to its log, as bytes (postcard).
//!
//! Rules. Decoding is total and leaves nothing over. Values and signatures are borrowed from the
//! input, so nothing is allocated for a length that was only claimed. Rounds end long before
//! `u32::MAX`, because the driver computes `round + 1`. Members are named by their place in the
//! sorted member set of the height; whether that place exists is checked later, where the set is
//! known. Signatures are not over these bytes but over the digests in [`super::digest`].

use crate::limits::BATCH_BYTES_MAX;
use core::cmp::Ordering;
use serde::{Deserialize, Serialize, Serializer};

/// Bytes of one message: a value, sixteen signatures, and the rest of a decision.
pub const MESSAGE_BYTES_MAX: usize = BATCH_BYTES_MAX + 2048;
/// Bytes of one [`Evidence`]: two proposals, with every number at its longest.
pub const EVIDENCE_BYTES_MAX: usize = 256;
/// Rounds one [`Status`] may list.
pub const STATUS_ROUNDS_MAX: usize = 4;
/// The last round anyone may speak of. At one round per second it is 68 years away.
pub const ROUND_MAX: u32 = u32::MAX / 2;

/// The name of a value in votes: BLAKE3 of its bytes, see [`super::digest::value_id`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueId(pub [u8; 32]);

/// An Ed25519 signature: 64 raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Halves", into = "Halves")]
pub struct Signature(pub [u8; 64]);

/// Serde knows arrays up to 32 only.
type Halves = ([u8; 32], [u8; 32]);

impl From<Halves> for Signature {
    fn from((r, s): Halves) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        Signature(bytes)
    }
}

impl From<Signature> for Halves {
    fn from(signature: Signature) -> Self {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature.0[..32]);
        s.copy_from_slice(&signature.0[32..]);
        (r, s)
    }
}

/// Bytes borrowed from a message: a varint length, then the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// The two votes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    Prevote,
    Precommit,
}

/// One member's vote; `None` is a vote for nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    pub height: u64,
    pub round: u32,
    pub step: Step,
    pub value: Option<ValueId>,
    /// Place in the member set.
    pub member: u8,
    pub signature: Signature,
}

/// A value offered by the proposer of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal<'a> {
    pub height: u64,
    pub round: u32,
    /// The earlier round whose polka for this value lets locked members follow.
    pub lock_round: Option<u32>,
    /// Place in the member set.
    pub member: u8,
    pub signature: Signature,
    #[serde(borrow)]
    pub value: Bytes<'a>,
}

/// A value with the precommits of a quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided<'a> {
    pub height: u64,
    pub round: u32,
    /// Bit i is member i.
    pub signers: u16,
    /// 64 bytes per signer, in the order of the members.
    #[serde(borrow)]
    pub signatures: Bytes<'a>,
    #[serde(borrow)]
    pub value: Bytes<'a>,
}

/// The prevotes of a quorum for one value in one round, whole.
///
/// Relaying single votes is not enough. A member that equivocates gives different prevotes to
/// different members, each keeps the first it saw, and a lock that rests on one of them can then
/// never be shown vote by vote: the height would hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polka<'a> {
    pub height: u64,
    pub round: u32,
    pub value: ValueId,
    /// Bit i is member i.
    pub signers: u16,
    /// 64 bytes per signer, in the order of the members.
    #[serde(borrow)]
    pub signatures: Bytes<'a>,
}

/// What a member holds of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub round: u32,
    /// Bit i is member i.
    pub prevotes: u16,
    pub precommits: u16,
    pub proposal: bool,
    pub polka: bool,
}

/// "This is what I hold of the height I work on": answered with what is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub height: u64,
    pub round: u32,
    pub held: Vec<Held>,
}

/// "I have decided all heights below this one and work on none": answered with decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    pub height: u64,
}

/// Everything members say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message<'a> {
    Vote(Vote),
    #[serde(borrow)]
    Proposal(Proposal<'a>),
    #[serde(borrow)]
    Decided(Decided<'a>),
    #[serde(borrow)]
    Polka(Polka<'a>),
    Status(Status),
    Resting(Resting),
}

/// One of two votes of the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voted {
    pub value: Option<ValueId>,
    pub signature: Signature,
}

/// One of two proposals of the same round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub lock_round: Option<u32>,
    pub value: ValueId,
    pub signature: Signature,
}

/// What was signed twice, the lesser first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lie {
    Votes { step: Step, pair: [Voted; 2] },
    Proposals([Proposed; 2]),
}

impl Lie {
    /// The pair with the lesser first; `None` when both say the same. Signatures do not count: one
    /// can sign the same twice and has not lied.
    pub fn in_order(mut self) -> Option<Lie> {
        let order = self.order();
        match &mut self {
            Lie::Votes { pair, .. } if order.is_gt() => pair.reverse(),
            Lie::Proposals(pair) if order.is_gt() => pair.reverse(),
            _ => {}
        }
        order.is_ne().then_some(self)
    }

    fn order(&self) -> Ordering {
        match self {
            Lie::Votes { pair: [a, b], .. } => a.value.cmp(&b.value),
            Lie::Proposals([a, b]) => (a.lock_round, a.value).cmp(&(b.lock_round, b.value)),
        }
    }
}

/// Proof that a member signed two things of one round: an entry of a log, no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub height: u64,
    pub round: u32,
    /// The raw key: whoever reads it may not have the member set at hand.
    pub culprit: [u8; 32],
    pub lie: Lie,
}

impl Evidence {
    pub fn encode(&self) -> Vec<u8> {
        to_bytes(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > EVIDENCE_BYTES_MAX {
            return Err(DecodeError::TooLong { got: bytes.len(), max: EVIDENCE_BYTES_MAX });
        }
        let evidence: Evidence = whole(bytes)?;
        round(evidence.round)?;
        if let Lie::Proposals(pair) = &evidence.lie
            && pair.iter().any(|p| p.lock_round.is_some_and(|lock| lock >= evidence.round))
        {
            return Err(DecodeError::Round);
        }
        if evidence.lie.order().is_lt() { Ok(evidence) } else { Err(DecodeError::Pair) }
    }
}

/// Why bytes are no message. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("{got} bytes, at most {max} are taken")]
    TooLong { got: usize, max: usize },
    #[error("not a message of agreement")]
    Malformed,
    #[error("{left} bytes after the end of the message")]
    Trailing { left: usize },
    #[error("a round past {ROUND_MAX}, or a lock round that is not before its proposal")]
    Round,
    #[error("{signatures} bytes of signatures for {signers} signers")]
    Signatures { signers: u32, signatures: usize },
    #[error("a value of {got} bytes, at most {max} are taken")]
    Value { got: usize, max: usize },
    #[error("a status of {got} rounds, at most {max} are taken")]
    Rounds { got: usize, max: usize },
    #[error("a pair that does not ascend, so that it is no proof or not its one form")]
    Pair,
}

impl<'a> Message<'a> {
    pub fn encode(&self) -> Vec<u8> {
        to_bytes(self)
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(DecodeError::TooLong { got: bytes.len(), max: MESSAGE_BYTES_MAX });
        }
        let message: Message<'a> = whole(bytes)?;
        message.check()?;
        Ok(message)
    }

    /// The height the message speaks of.
    pub fn height(&self) -> u64 {
        match self {
            Message::Vote(vote) => vote.height,
            Message::Proposal(proposal) => proposal.height,
            Message::Decided(decided) => decided.height,
            Message::Polka(polka) => polka.height,
            Message::Status(status) => status.height,
            Message::Resting(resting) => resting.height,
        }
    }

    fn check(&self) -> Result<(), DecodeError> {
        match self {
            Message::Vote(vote) => round(vote.round),
            Message::Proposal(proposal) => {
                round(proposal.round)?;
                if proposal.lock_round.is_some_and(|lock| lock >= proposal.round) {
                    return Err(DecodeError::Round);
                }
                value(proposal.value)
            }
            Message::Decided(decided) => {
                round(decided.round)?;
                signatures(decided.signers, decided.signatures)?;
                value(decided.value)
            }
            Message::Polka(polka) => {
                round(polka.round)?;
                signatures(polka.signers, polka.signatures)
            }
            Message::Status(status) => {
                if status.held.len() > STATUS_ROUNDS_MAX {
                    let got = status.held.len();
                    return Err(DecodeError::Rounds { got, max: STATUS_ROUNDS_MAX });
                }
                status.held.iter().map(|held| held.round).chain([status.round]).try_for_each(round)
            }
            Message::Resting(_) => Ok(()),
        }
    }
}

fn round(round: u32) -> Result<(), DecodeError> {
    if round < ROUND_MAX { Ok(()) } else { Err(DecodeError::Round) }
}

fn value(value: Bytes<'_>) -> Result<(), DecodeError> {
    let got = value.0.len();
    if got <= BATCH_BYTES_MAX {
        Ok(())
    } else {
        Err(DecodeError::Value { got, max: BATCH_BYTES_MAX })
    }
}

fn signatures(signers: u16, signatures: Bytes<'_>) -> Result<(), DecodeError> {
    let (signers, signatures) = (signers.count_ones(), signatures.0.len());
    if signatures == signers as usize * 64 {
        Ok(())
    } else {
        Err(DecodeError::Signatures { signers, signatures })
    }
}

/// One input the driver took, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// A verified message, and what the table said of the value in it.
    Message {
        sound: bool,
        #[serde(borrow)]
        message: Bytes<'a>,
    },
    /// A timer that ran out.
    TimedOut { round: u32, timer: Timer },
    /// Our own value for a round.
    Value {
        round: u32,
        #[serde(borrow)]
        value: Bytes<'a>,
    },
}

/// What a round waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timer {
    Propose,
    Prevote,
    Precommit,
}

impl<'a> Record<'a> {
    pub fn encode(&self) -> Vec<u8> {
        to_bytes(self)
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        whole(bytes)
    }
}

fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("every sequence here knows its length")
}

fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::Trailing { left: rest.len() }),
        Err(_) => Err(DecodeError::Malformed),
    }
}

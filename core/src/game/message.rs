//! What the members of a table send each other, and what stands on its log.
//!
//! Everything that spends chips or fills a seat is an [`Op`] signed by its author, so a proposer
//! can order wishes but never invent one. What follows from the state alone (opening and closing
//! the bets) is unsigned: every member checks that it was due.

use crate::{
    agree::message::EVIDENCE_BYTES_MAX,
    craps::{Chips, Rules, Wager},
    crypto::{
        dice,
        identity::{Identity, IdentityError, Signature, verify_with_key},
    },
    id::TableId,
    limits::{BATCH_BYTES_MAX, LINE_BYTES_MAX, NAME_BYTES_MAX, TABLE_MEMBERS_MAX},
};
use serde::{Deserialize, Serialize};

/// An Ed25519 public key of a member.
pub type Key = [u8; 32];

const SEATING_PURPOSE: &str = "bitcraps v1 seating";
const OP_PURPOSE: &str = "bitcraps v1 table op";
const LINE_PURPOSE: &str = "bitcraps v1 table line";

/// Entries of one batch. Guess: every member of a full table betting, dealing and opening at once.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// Deals in one op. Measured: 16 members dealing at once still fit one batch.
pub const DEALS_PER_OP_MAX: usize = 4;
/// Ops in one `Submit`.
pub const OPS_PER_SUBMIT_MAX: usize = 32;
/// Bytes of certified batches in one `Log` answer: fits a packet with its envelope.
pub const LOG_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How a member behaves at a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatRole {
    /// A person decides; invitations are not accepted without one.
    Player,
    /// Accepts every invitation, bets the pass line and shoots when its turn comes.
    Bot,
    /// Accepts every invitation, votes, deals and opens dice, never bets and never shoots.
    Witness,
}

/// A table before anybody sits: what its host proposes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub host: Key,
    /// Makes two tables of one host and name different.
    pub salt: [u8; 16],
    pub name: String,
    /// Chips granted to an identity that sits down for the first time, or broke.
    pub buy_in: Chips,
    /// What the house starts with; bets it could not pay are refused.
    pub bank: Chips,
    /// Limits and payouts, where houses differ.
    pub rules: Rules,
}

/// The digest that seatings of the first members are signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InvitationId(pub [u8; 32]);

/// One member's signed wish to sit: who it is and the key its dice shares are sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seating {
    pub key: Key,
    pub name: String,
    pub role: SeatRole,
    pub dice_key: dice::MemberKey,
    pub signature: Signature,
}

/// A table's first page: the invitation and everybody who accepted it, in seat order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    pub invitation: Invitation,
    pub seatings: Vec<Seating>,
}

/// What a member may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Take a seat between two rolls.
    Join(Box<Seating>),
    /// Give the seat up between two rolls, once no bet of it is left on the felt.
    Leave,
    /// Secrets for rolls to come under one membership, at most [`DEALS_PER_OP_MAX`].
    Deal {
        epoch: u64,
        deals: Vec<dice::Deal>,
    },
    Bet {
        roll: u64,
        wager: Wager,
        chips: Chips,
    },
    /// No more bets from this seat for this roll.
    Ready {
        roll: u64,
    },
    /// "I have not heard this member for long." It counts under this membership only, and only
    /// while the log holds nothing newer of that member than `seq`: whoever acts is there.
    Absent {
        member: Key,
        epoch: u64,
        seq: u64,
    },
}

/// An action, signed. `seq` grows with every op of one author, so none counts twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    pub author: Key,
    pub seq: u64,
    pub action: Action,
    pub signature: Signature,
}

/// One line of a table's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    Op(Op),
    /// Freezes the deals of this roll; bets follow.
    BetsOpen {
        roll: u64,
    },
    /// No bets after it; once it is final, shares are opened.
    BetsClosed {
        roll: u64,
    },
    /// Self-proving, so it needs no signature of its author.
    Share(dice::Share),
    /// `agree::Evidence` as it is encoded: a member signed two things of one round. Self-proving.
    Evidence(Vec<u8>),
}

/// The value that agreement decides at one height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch(pub Vec<Entry>);

/// What travels between two peers about tables, sealed end to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Invite(Invitation),
    Accept {
        invitation: InvitationId,
        seating: Box<Seating>,
    },
    Decline {
        invitation: InvitationId,
    },
    /// The table exists; answers `GetTable` too.
    Start(Genesis),
    GetTable {
        table: TableId,
    },
    /// Bytes of the table's agreement.
    Agree {
        table: TableId,
        bytes: Vec<u8>,
    },
    /// Every op of the sender that the log does not hold yet, oldest first.
    Submit {
        table: TableId,
        ops: Vec<Op>,
    },
    Share {
        table: TableId,
        share: dice::Share,
    },
    /// Asks for certified batches from this height on.
    GetLog {
        table: TableId,
        from: u64,
    },
    /// Certified batches in order, and how far the sender's log reaches.
    Log {
        table: TableId,
        tip: u64,
        decisions: Vec<Vec<u8>>,
    },
    /// Evidence that the log does not hold yet.
    Evidence {
        table: TableId,
        evidence: Vec<u8>,
    },
    /// A peer without a seat wants to see this table: batches from this height on, every new one
    /// as it is decided, and what is said. Answered by `Log`; repeated while it looks on.
    Watch {
        table: TableId,
        from: u64,
    },
    /// What somebody at the table says.
    Chat {
        table: TableId,
        line: Line,
    },
}

/// Words of a member or of somebody who looks on. Signed, because members hand it on to those who
/// look on. It never enters the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub author: Key,
    /// Drawn at random, so that the same words can be said twice.
    pub salt: [u8; 8],
    pub text: String,
    pub signature: Signature,
}

/// Bytes from outside that are no message of this room. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("{got} bytes do not decode as a table message")]
    Malformed { got: usize },
    #[error("{got} where at most {max} are allowed")]
    TooMany { got: usize, max: usize },
}

impl Message {
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        let message: Message = postcard::from_bytes(bytes)
            .map_err(|_| MessageError::Malformed { got: bytes.len() })?;
        let (got, max) = match &message {
            Message::Submit { ops, .. } => (ops.len(), OPS_PER_SUBMIT_MAX),
            Message::Start(genesis) => (genesis.seatings.len(), TABLE_MEMBERS_MAX),
            Message::Invite(invitation) => (invitation.name.len(), NAME_BYTES_MAX),
            Message::Accept { seating, .. } => (seating.name.len(), NAME_BYTES_MAX),
            Message::Evidence { evidence, .. } => (evidence.len(), EVIDENCE_BYTES_MAX),
            Message::Chat { line, .. } => (line.text.len(), LINE_BYTES_MAX),
            _ => (0, 0),
        };
        if got > max { Err(MessageError::TooMany { got, max }) } else { Ok(message) }
    }
}

impl Batch {
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Refuses what is empty, too long, too many, or has bytes left over.
    pub fn decode(bytes: &[u8]) -> Result<Batch, MessageError> {
        if bytes.len() > BATCH_BYTES_MAX {
            return Err(MessageError::TooMany { got: bytes.len(), max: BATCH_BYTES_MAX });
        }
        let malformed = MessageError::Malformed { got: bytes.len() };
        let batch: Batch = decode_whole(bytes).ok_or(malformed)?;
        let got = batch.0.len();
        if got > BATCH_ENTRIES_MAX {
            return Err(MessageError::TooMany { got, max: BATCH_ENTRIES_MAX });
        }
        if got > 0 { Ok(batch) } else { Err(malformed) }
    }
}

impl Invitation {
    pub fn id(&self) -> InvitationId {
        InvitationId(blake3::derive_key("bitcraps v1 invitation", &encode(self)))
    }
}

impl Genesis {
    pub fn id(&self) -> TableId {
        TableId::from_bytes(blake3::derive_key("bitcraps v1 table", &self.encode()))
    }

    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub fn decode(bytes: &[u8]) -> Option<Genesis> {
        decode_whole(bytes)
    }
}

impl Seating {
    /// Signed for one invitation: it seats nobody at another table.
    pub fn sign(
        identity: &Identity,
        invitation: InvitationId,
        name: String,
        role: SeatRole,
        dice_key: dice::MemberKey,
    ) -> Seating {
        let key = identity.card().key;
        let signed = encode(&(invitation, &key, &name, role, &dice_key));
        let signature = identity.sign(SEATING_PURPOSE, &signed);
        Seating { key, name, role, dice_key, signature }
    }

    pub fn verify(&self, invitation: InvitationId) -> Result<(), IdentityError> {
        let signed = encode(&(invitation, &self.key, &self.name, self.role, &self.dice_key));
        verify_with_key(&self.key, SEATING_PURPOSE, &signed, &self.signature)
    }
}

impl Op {
    pub fn sign(identity: &Identity, table: TableId, seq: u64, action: Action) -> Op {
        let author = identity.card().key;
        let signature = identity.sign(OP_PURPOSE, &encode(&(table, &author, seq, &action)));
        Op { author, seq, action, signature }
    }

    pub fn verify(&self, table: TableId) -> Result<(), IdentityError> {
        let signed = encode(&(table, &self.author, self.seq, &self.action));
        verify_with_key(&self.author, OP_PURPOSE, &signed, &self.signature)
    }
}

impl Line {
    pub fn sign(identity: &Identity, table: TableId, salt: [u8; 8], text: String) -> Line {
        let author = identity.card().key;
        let signature = identity.sign(LINE_PURPOSE, &encode(&(table, &author, salt, &text)));
        Line { author, salt, text, signature }
    }

    pub fn verify(&self, table: TableId) -> Result<(), IdentityError> {
        let signed = encode(&(table, &self.author, self.salt, &self.text));
        verify_with_key(&self.author, LINE_PURPOSE, &signed, &self.signature)
    }
}

/// Decided values one after the other, each with its length as a varint.
pub fn encode_log<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    values.fold(Vec::new(), |bytes, value| {
        postcard::to_extend(value, bytes).expect("plain bytes always encode into a growing buffer")
    })
}

/// 1 to 32 bytes without control characters.
pub fn name_is_sound(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// 1 to 256 bytes without control characters, and not blanks alone.
pub fn line_is_sound(text: &str) -> bool {
    (1..=LINE_BYTES_MAX).contains(&text.len())
        && !text.chars().any(char::is_control)
        && !text.trim().is_empty()
}

/// Nothing may be left over.
fn decode_whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        Ok(_) | Err(_) => None,
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data always encodes into a growing buffer")
}

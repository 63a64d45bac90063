//! The types Malachite's driver is generic over, filled in for this project, and the way between
//! them and the wire.
//!
//! The driver verifies nothing: what stands in these types has been verified by `filter`, or was
//! made by ourselves. Its bounds ask for `Send + Sync + 'static` everywhere, hence `Arc` for the
//! bytes of a value.

use super::{
    digest,
    members::{Member, MemberKey, Members},
    message::{self, Bytes, Message, Signature, Step, ValueId},
};
use core::{fmt, time::Duration};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use malachite_types::{self as mt, NilOrVal, Round, SignedExtension, VoteType};
use std::sync::Arc;

pub(super) type SignedVote = mt::SignedVote<Ctx>;
pub(super) type SignedProposal = mt::SignedProposal<Ctx>;
pub(super) type PolkaCertificate = mt::PolkaCertificate<Ctx>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ctx;

impl mt::Address for MemberKey {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Height(pub(super) u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl mt::Height for Height {
    const ZERO: Self = Height(0);
    const INITIAL: Self = Height(1);
    fn increment_by(&self, n: u64) -> Self {
        Height(self.0.saturating_add(n))
    }
    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Height)
    }
    fn as_u64(&self) -> u64 {
        self.0
    }
}

fn short(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0, f)
    }
}

impl fmt::Debug for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueId({self})")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(")?;
        short(&self.0, f)?;
        f.write_str(")")
    }
}

/// A value and its name. Equality and order go by the name.
#[derive(Clone)]
pub(super) struct Value {
    id: ValueId,
    bytes: Arc<[u8]>,
}

impl Value {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Value { id: digest::value_id(bytes), bytes: bytes.into() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({}, {} bytes)", self.id, self.bytes.len())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

impl mt::Value for Value {
    type Id = ValueId;
    fn id(&self) -> ValueId {
        self.id
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) step: VoteType,
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) value: NilOrVal<ValueId>,
    pub(super) member: MemberKey,
}

impl mt::Vote<Ctx> for Vote {
    fn height(&self) -> Height {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &NilOrVal<ValueId> {
        &self.value
    }
    fn take_value(self) -> NilOrVal<ValueId> {
        self.value
    }
    fn vote_type(&self) -> VoteType {
        self.step
    }
    fn validator_address(&self) -> &MemberKey {
        &self.member
    }
    // Vote extensions are not part of this protocol: the driver finds none and adds none.
    fn extension(&self) -> Option<&SignedExtension<Ctx>> {
        None
    }
    fn take_extension(&mut self) -> Option<SignedExtension<Ctx>> {
        None
    }
    fn extend(self, _: SignedExtension<Ctx>) -> Self {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) height: Height,
    pub(super) round: Round,
    pub(super) value: Value,
    pub(super) lock_round: Round,
    pub(super) member: MemberKey,
}

impl mt::Proposal<Ctx> for Proposal {
    fn height(&self) -> Height {
        self.height
    }
    fn round(&self) -> Round {
        self.round
    }
    fn value(&self) -> &Value {
        &self.value
    }
    fn take_value(self) -> Value {
        self.value
    }
    fn pol_round(&self) -> Round {
        self.lock_round
    }
    fn validator_address(&self) -> &MemberKey {
        &self.member
    }
}

/// A proposal carries its whole value, so there are no parts: this type has no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoPart {}

impl mt::ProposalPart<Ctx> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }
    fn is_last(&self) -> bool {
        match *self {}
    }
}

impl mt::Validator<Ctx> for Member {
    fn address(&self) -> &MemberKey {
        &self.key
    }
    fn public_key(&self) -> &VerifyingKey {
        &self.verifying
    }
    fn voting_power(&self) -> u64 {
        1
    }
}

impl mt::ValidatorSet<Ctx> for Members {
    fn count(&self) -> usize {
        Members::count(self)
    }
    fn total_voting_power(&self) -> u64 {
        Members::count(self) as u64
    }
    fn get_by_address(&self, key: &MemberKey) -> Option<&Member> {
        self.find(key)
    }
    fn get_by_index(&self, place: usize) -> Option<&Member> {
        self.member(place)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ed25519;

impl mt::SigningScheme for Ed25519 {
    type DecodingError = &'static str;
    type Signature = Signature;
    type PublicKey = VerifyingKey;
    type PrivateKey = SigningKey;
    fn decode_signature(bytes: &[u8]) -> Result<Signature, &'static str> {
        bytes.try_into().map(Signature).map_err(|_| "a signature has 64 bytes")
    }
    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.0.to_vec()
    }
    fn decode_public_key(bytes: &[u8]) -> Result<VerifyingKey, &'static str> {
        let bytes = bytes.try_into().map_err(|_| "a key has 32 bytes")?;
        VerifyingKey::from_bytes(bytes).map_err(|_| "not a point of the curve")
    }
    fn encode_public_key(key: &VerifyingKey) -> Vec<u8> {
        key.to_bytes().to_vec()
    }
}

/// `Context` wants timeouts that are `Copy + Default`. The driver never reads them; only the
/// upstream engine would. [`super::Config`] holds the real ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NoTimeouts;

impl mt::Timeouts<Ctx> for NoTimeouts {
    fn duration_for(&self, _: mt::Timeout) -> Duration {
        Duration::ZERO
    }
}

impl mt::Context for Ctx {
    type Address = MemberKey;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Member;
    type ValidatorSet = Members;
    type Timeouts = NoTimeouts;
    type Value = Value;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(
        &self,
        members: &'a Members,
        height: Height,
        round: Round,
    ) -> &'a Member {
        members.member_to_propose(height.0, number(round))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Value,
        lock_round: Round,
        member: MemberKey,
    ) -> Proposal {
        Proposal { height, round, value, lock_round, member }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<ValueId>,
        member: MemberKey,
    ) -> Vote {
        Vote { step: VoteType::Prevote, height, round, value, member }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<ValueId>,
        member: MemberKey,
    ) -> Vote {
        Vote { step: VoteType::Precommit, height, round, value, member }
    }
}

/// The number of a round; 0 for the driver's "not yet in any round".
pub(super) fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

/// The group and member set that signatures are bound to.
#[derive(Clone, Copy)]
pub(super) struct Domain<'a> {
    pub(super) group: &'a [u8; 32],
    pub(super) members: &'a Members,
}

impl Domain<'_> {
    fn vote_digest(&self, vote: &Vote) -> [u8; 32] {
        let step = step_of(vote.step);
        let value = id_of(&vote.value);
        let (height, round) = (vote.height.0, number(vote.round));
        digest::vote(self.group, self.members, step, height, round, value.as_ref())
    }

    fn proposal_digest(&self, proposal: &Proposal) -> [u8; 32] {
        digest::proposal(
            self.group,
            self.members,
            proposal.height.0,
            number(proposal.round),
            proposal.lock_round.as_u32(),
            &proposal.value.id,
        )
    }

    pub(super) fn sign_vote(&self, key: &SigningKey, vote: Vote) -> SignedVote {
        let signature = Signature(key.sign(&self.vote_digest(&vote)).to_bytes());
        SignedVote::new(vote, signature)
    }

    pub(super) fn sign_proposal(&self, key: &SigningKey, proposal: Proposal) -> SignedProposal {
        let signature = Signature(key.sign(&self.proposal_digest(&proposal)).to_bytes());
        SignedProposal::new(proposal, signature)
    }

    pub(super) fn verifies_vote(&self, vote: &SignedVote) -> bool {
        self.members.find(&vote.message.member).is_some_and(|member| {
            digest::verifies(&member.verifying, &self.vote_digest(&vote.message), &vote.signature)
        })
    }

    pub(super) fn verifies_proposal(&self, proposal: &SignedProposal) -> bool {
        self.members.find(&proposal.message.member).is_some_and(|member| {
            let digest = self.proposal_digest(&proposal.message);
            digest::verifies(&member.verifying, &digest, &proposal.signature)
        })
    }
}

pub(super) fn step_of(step: VoteType) -> Step {
    match step {
        VoteType::Prevote => Step::Prevote,
        VoteType::Precommit => Step::Precommit,
    }
}

/// What a vote is for; `None` is nil.
pub(super) fn id_of(value: &NilOrVal<ValueId>) -> Option<ValueId> {
    match value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(*id),
    }
}

/// The vote of a message; `None` when it names a place that the member set does not have.
pub(super) fn lift_vote(vote: &message::Vote, members: &Members) -> Option<SignedVote> {
    let member = members.key(usize::from(vote.member))?;
    let step = match vote.step {
        Step::Prevote => VoteType::Prevote,
        Step::Precommit => VoteType::Precommit,
    };
    let value = vote.value.map_or(NilOrVal::Nil, NilOrVal::Val);
    let (height, round) = (Height(vote.height), Round::new(vote.round));
    Some(SignedVote::new(Vote { step, height, round, value, member }, vote.signature))
}

/// The proposal of a message; `None` when it names a place that the member set does not have.
pub(super) fn lift_proposal(
    proposal: &message::Proposal<'_>,
    members: &Members,
) -> Option<SignedProposal> {
    let member = members.key(usize::from(proposal.member))?;
    let lifted = Proposal {
        height: Height(proposal.height),
        round: Round::new(proposal.round),
        value: Value::new(proposal.value.0),
        lock_round: proposal.lock_round.map_or(Round::Nil, Round::new),
        member,
    };
    Some(SignedProposal::new(lifted, proposal.signature))
}

/// The place of a member the driver knows. The driver only holds votes of members.
fn place(member: &MemberKey, members: &Members) -> u8 {
    members.place(member).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

pub(super) fn vote_message<'a>(vote: &SignedVote, members: &Members) -> Message<'a> {
    let signed = &vote.message;
    Message::Vote(message::Vote {
        height: signed.height.0,
        round: number(signed.round),
        step: step_of(signed.step),
        value: id_of(&signed.value),
        member: place(&signed.member, members),
        signature: vote.signature,
    })
}

pub(super) fn proposal_message<'a>(proposal: &'a SignedProposal, members: &Members) -> Message<'a> {
    let signed = &proposal.message;
    Message::Proposal(message::Proposal {
        height: signed.height.0,
        round: number(signed.round),
        lock_round: signed.lock_round.as_u32(),
        member: place(&signed.member, members),
        signature: proposal.signature,
        value: Bytes(signed.value.bytes()),
    })
}

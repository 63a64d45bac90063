//! Proof for people who were not there: decisions, polkas, and evidence of lying.
//!
//! Whoever knows the group and the member set of a height can check all three; nothing else is
//! needed, and nobody has to be asked.

use super::{
    context::{
        Ctx, Domain, Height, PolkaCertificate, SignedProposal, SignedVote, Vote, id_of, number,
        step_of,
    },
    digest,
    members::{MemberKey, Members},
    message::{self, Bytes, DecodeError, Lie, Message, Proposed, Signature, Step, ValueId, Voted},
};
use crate::sorted::SortedMap;
use malachite_types::{NilOrVal, PolkaSignature, Round, Value as _, VoteType};

/// A value with the precommits of a quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub height: u64,
    /// The round its precommits belong to.
    pub round: u32,
    pub value: Vec<u8>,
    pub(super) quorum: Quorum,
}

/// Why a decision is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    #[error("{got} members signed, {needed} are needed")]
    TooFew { got: usize, needed: usize },
    #[error("the signature of place {place} does not verify for this group and member set")]
    Signature { place: usize },
}

impl Decision {
    /// The places of those who signed, as bits: bit i is member i.
    pub fn signers(&self) -> u16 {
        self.quorum.signers
    }

    /// One per signer, in the order of the places.
    pub fn signatures(&self) -> &[Signature] {
        &self.quorum.signatures
    }

    /// Checks that a quorum of `members` precommitted exactly this value at this height.
    /// `members` must be the set of that height, which the caller knows from the log before it.
    pub fn verify(&self, group: &[u8; 32], members: &Members) -> Result<(), DecisionError> {
        let id = digest::value_id(&self.value);
        let domain = Domain { group, members };
        self.quorum.verify(domain, VoteType::Precommit, self.height, self.round, id)
    }

    /// The form it travels in: a message like any other.
    pub fn encode(&self) -> Vec<u8> {
        Message::Decided(message::Decided {
            height: self.height,
            round: self.round,
            signers: self.quorum.signers,
            signatures: Bytes(&self.quorum.bytes()),
            value: Bytes(&self.value),
        })
        .encode()
    }

    /// A decision as it was encoded. Decoded is not verified: see [`Decision::verify`].
    pub fn decode(bytes: &[u8]) -> Result<Decision, DecodeError> {
        match Message::decode(bytes)? {
            Message::Decided(decided) => Ok(Decision::lift(&decided)),
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(super) fn lift(decided: &message::Decided<'_>) -> Decision {
        Decision {
            height: decided.height,
            round: decided.round,
            value: decided.value.0.to_vec(),
            quorum: Quorum::lift(decided.signers, decided.signatures),
        }
    }
}

/// Signatures of several members under the same vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quorum {
    signers: u16,
    signatures: Vec<Signature>,
}

impl Quorum {
    pub(super) fn collect(
        votes: impl Iterator<Item = (MemberKey, Signature)>,
        members: &Members,
    ) -> Quorum {
        let mut signed: SortedMap<usize, Signature> = SortedMap::new();
        for (member, signature) in votes {
            if let Some(place) = members.place(&member) {
                signed.or_insert_with(place, || signature);
            }
        }
        Quorum {
            signers: signed.keys().fold(0, |bits, place| bits | 1 << place),
            signatures: signed.into_values().collect(),
        }
    }

    fn lift(signers: u16, signatures: Bytes<'_>) -> Quorum {
        let signatures = signatures
            .0
            .chunks_exact(64)
            .filter_map(|chunk| chunk.try_into().ok())
            .map(Signature)
            .collect();
        Quorum { signers, signatures }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.signatures.iter().flat_map(|signature| signature.0).collect()
    }

    fn places(&self) -> impl Iterator<Item = usize> {
        let signers = self.signers;
        (0..16).filter(move |place| signers >> place & 1 == 1)
    }

    fn verify(
        &self,
        domain: Domain<'_>,
        step: VoteType,
        height: u64,
        round: u32,
        id: ValueId,
    ) -> Result<(), DecisionError> {
        let (got, needed) = (self.signatures.len(), domain.members.quorum());
        if got < needed || got != self.signers.count_ones() as usize {
            return Err(DecisionError::TooFew { got, needed });
        }
        let (height, round, value) = (Height(height), Round::new(round), NilOrVal::Val(id));
        for (place, signature) in self.places().zip(&self.signatures) {
            let sound = domain.members.key(place).is_some_and(|member| {
                let vote = Vote { step, height, round, value, member };
                domain.verifies_vote(&SignedVote::new(vote, *signature))
            });
            if !sound {
                return Err(DecisionError::Signature { place });
            }
        }
        Ok(())
    }
}

/// The prevotes of a quorum for one value in one round.
#[derive(Clone, Debug)]
pub(super) struct Polka {
    height: u64,
    round: u32,
    id: ValueId,
    quorum: Quorum,
}

impl Polka {
    pub(super) fn of_message(polka: &message::Polka<'_>) -> Polka {
        let quorum = Quorum::lift(polka.signers, polka.signatures);
        Polka { height: polka.height, round: polka.round, id: polka.value, quorum }
    }

    pub(super) fn of_driver(certificate: &PolkaCertificate, members: &Members) -> Polka {
        let votes = certificate.polka_signatures.iter().map(|s| (s.address, s.signature));
        Polka {
            height: certificate.height.0,
            round: number(certificate.round),
            id: certificate.value_id,
            quorum: Quorum::collect(votes, members),
        }
    }

    pub(super) fn verify(&self, domain: Domain<'_>) -> Result<(), DecisionError> {
        self.quorum.verify(domain, VoteType::Prevote, self.height, self.round, self.id)
    }

    pub(super) fn for_driver(&self, members: &Members) -> PolkaCertificate {
        let signed = self.quorum.places().zip(&self.quorum.signatures);
        PolkaCertificate {
            height: Height(self.height),
            round: Round::new(self.round),
            value_id: self.id,
            polka_signatures: signed
                .filter_map(|(place, signature)| {
                    Some(PolkaSignature::<Ctx>::new(members.key(place)?, *signature))
                })
                .collect(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        Message::Polka(message::Polka {
            height: self.height,
            round: self.round,
            value: self.id,
            signers: self.quorum.signers,
            signatures: Bytes(&self.quorum.bytes()),
        })
        .encode()
    }
}

/// Two signed messages of one member at one height and round that no honest member signs both
/// of, without the values: a signature covers a value by its id, so proof about the longest value
/// is as short as any other and fits into an entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub height: u64,
    pub round: u32,
    pub culprit: MemberKey,
    lie: Lie,
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    #[error("{culprit} was no member at height {height}, so nothing it signed counts")]
    NotMember { culprit: MemberKey, height: u64 },
    #[error("the signatures are not {culprit}'s for this group and member set")]
    Signature { culprit: MemberKey },
}

impl Evidence {
    /// What was signed twice: a vote of this step, or (`None`) a proposal.
    pub fn step(&self) -> Option<Step> {
        match &self.lie {
            Lie::Votes { step, .. } => Some(*step),
            Lie::Proposals(_) => None,
        }
    }

    /// Checks that the culprit, a member at this height, voted or proposed twice in this round.
    /// `members` must be the set of that height, which the caller knows from the log before it.
    pub fn verify(&self, group: &[u8; 32], members: &Members) -> Result<(), EvidenceError> {
        let Evidence { height, round, culprit, lie } = self;
        let (height, round, culprit) = (*height, *round, *culprit);
        let member = members.find(&culprit).ok_or(EvidenceError::NotMember { culprit, height })?;
        let signed = |digest: [u8; 32], signature: &Signature| {
            digest::verifies(&member.verifying, &digest, signature)
        };
        // That the two differ is part of the form: see `Evidence::decode`.
        let sound = match lie {
            Lie::Votes { step, pair } => pair.iter().all(|Voted { value, signature }| {
                let id = value.as_ref();
                signed(digest::vote(group, members, *step, height, round, id), signature)
            }),
            Lie::Proposals(pair) => pair.iter().all(|proposed| {
                let Proposed { lock_round, value, signature } = proposed;
                let digest = digest::proposal(group, members, height, round, *lock_round, value);
                signed(digest, signature)
            }),
        };
        if sound { Ok(()) } else { Err(EvidenceError::Signature { culprit }) }
    }

    /// At most [`message::EVIDENCE_BYTES_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Evidence { height, round, culprit, lie } = *self;
        message::Evidence { height, round, culprit: culprit.0, lie }.encode()
    }

    /// Evidence as it was encoded, in this one form: the pair ascends, so it differs, and the same
    /// pair has the same bytes whoever found it. Decoded is not verified: see
    /// [`Evidence::verify`].
    pub fn decode(bytes: &[u8]) -> Result<Evidence, DecodeError> {
        let message::Evidence { height, round, culprit, lie } = message::Evidence::decode(bytes)?;
        Ok(Evidence { height, round, culprit: MemberKey(culprit), lie })
    }

    /// `None` when the two say the same, or are not of one member, height, round and step.
    pub(super) fn of_votes(a: &SignedVote, b: &SignedVote) -> Option<Evidence> {
        let (x, y) = (&a.message, &b.message);
        let step = step_of(x.step);
        let voted = |vote: &SignedVote| Voted {
            value: id_of(&vote.message.value),
            signature: vote.signature,
        };
        let lie = Lie::Votes { step, pair: [voted(a), voted(b)] }.in_order()?;
        let same = (x.height, x.round, x.step, x.member) == (y.height, y.round, y.step, y.member);
        let (height, round, culprit) = (x.height.0, number(x.round), x.member);
        same.then_some(Evidence { height, round, culprit, lie })
    }

    /// `None` when the two say the same, or are not of one member, height and round.
    pub(super) fn of_proposals(a: &SignedProposal, b: &SignedProposal) -> Option<Evidence> {
        let (x, y) = (&a.message, &b.message);
        let proposed = |proposal: &SignedProposal| Proposed {
            lock_round: proposal.message.lock_round.as_u32(),
            value: proposal.message.value.id(),
            signature: proposal.signature,
        };
        let lie = Lie::Proposals([proposed(a), proposed(b)]).in_order()?;
        let same = (x.height, x.round, x.member) == (y.height, y.round, y.member);
        let (height, round, culprit) = (x.height.0, number(x.round), x.member);
        same.then_some(Evidence { height, round, culprit, lie })
    }
}

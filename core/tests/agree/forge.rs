//! What a liar needs: a member's key, and messages signed with it.

use bitcraps_core::{
    agree::{
        MemberKey, Members, digest,
        message::{Bytes, Decided, Message, Polka, Proposal, Signature, Step, ValueId, Vote},
    },
    crypto::identity::Identity,
    seed::Seed,
};
use ed25519_dalek::{Signer as _, SigningKey};

pub const GROUP: [u8; 32] = [7; 32];

/// A member whose key the test holds.
pub struct Person {
    pub identity: Identity,
    pub signing: SigningKey,
    pub key: MemberKey,
}

impl Person {
    pub fn numbered(number: u64) -> Person {
        let identity = Identity::generate(&Seed::from_number(number), 0);
        let signing = SigningKey::from_bytes(&identity.secret());
        let key = MemberKey(identity.card().key);
        Person { identity, signing, key }
    }

    /// Any vote this person may or may not be entitled to, as it travels.
    pub fn vote(
        &self,
        group: &[u8; 32],
        members: &Members,
        step: Step,
        (height, round): (u64, u32),
        value: Option<ValueId>,
    ) -> Vec<u8> {
        let digest = digest::vote(group, members, step, height, round, value.as_ref());
        let signature = Signature(self.signing.sign(&digest).to_bytes());
        let member = members.place(&self.key).map_or(255, |place| place as u8);
        Message::Vote(Vote { height, round, step, value, member, signature }).encode()
    }

    /// Any proposal, as it travels.
    pub fn proposal(
        &self,
        members: &Members,
        (height, round): (u64, u32),
        lock_round: Option<u32>,
        value: &[u8],
    ) -> Vec<u8> {
        let id = digest::value_id(value);
        let digest = digest::proposal(&GROUP, members, height, round, lock_round, &id);
        let signature = Signature(self.signing.sign(&digest).to_bytes());
        let member = members.place(&self.key).map_or(255, |place| place as u8);
        let value = Bytes(value);
        Message::Proposal(Proposal { height, round, lock_round, member, signature, value }).encode()
    }
}

pub fn set_of(people: &[Person]) -> Members {
    Members::new(&people.iter().map(|person| person.key).collect::<Vec<_>>()).unwrap()
}

/// The places in `by` as bits, and their signatures under one vote.
fn quorum(
    people: &[Person],
    members: &Members,
    (step, height, round): (Step, u64, u32),
    by: &[usize],
    id: ValueId,
) -> (u16, Vec<u8>) {
    let mut by = by.to_vec();
    by.sort_unstable();
    let digest = digest::vote(&GROUP, members, step, height, round, Some(&id));
    let signatures = by.iter().flat_map(|by| people[*by].signing.sign(&digest).to_bytes());
    (by.iter().fold(0, |bits, by| bits | 1 << by), signatures.collect())
}

/// The prevotes of the members at the places `by`, whole; people stand in the order of places.
pub fn polka(
    people: &[Person],
    members: &Members,
    (height, round): (u64, u32),
    by: &[usize],
    value: ValueId,
) -> Vec<u8> {
    let vote = (Step::Prevote, height, round);
    let (signers, signatures) = quorum(people, members, vote, by, value);
    let signatures = Bytes(&signatures);
    Message::Polka(Polka { height, round, value, signers, signatures }).encode()
}

/// A decision by the members at the places `by`.
pub fn decision(
    people: &[Person],
    members: &Members,
    (height, round): (u64, u32),
    by: &[usize],
    value: &[u8],
) -> Vec<u8> {
    let vote = (Step::Precommit, height, round);
    let (signers, signatures) = quorum(people, members, vote, by, digest::value_id(value));
    let (signatures, value) = (Bytes(&signatures), Bytes(value));
    Message::Decided(Decided { height, round, signers, signatures, value }).encode()
}

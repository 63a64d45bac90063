//! Well-signed messages of agreement that no honest member writes.

use bitcraps_core::{
    agree::{
        MemberKey, Members, digest,
        message::{Bytes, Message, Proposal, Signature, Step, ValueId, Vote},
    },
    crypto::identity::Identity,
};
use ed25519_dalek::{Signer as _, SigningKey};

/// A member's signing key, as agreement holds it.
pub(super) struct Pen {
    signing: SigningKey,
    pub key: MemberKey,
}

/// Where in a table's log a message belongs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub group: &'a [u8; 32],
    pub members: &'a Members,
    pub height: u64,
    pub round: u32,
}

impl Pen {
    pub fn of(identity: &Identity) -> Pen {
        let signing = SigningKey::from_bytes(&identity.secret());
        Pen { signing, key: MemberKey(identity.card().key) }
    }

    /// A vote under the name of `member`, which is ours or a lie.
    pub fn vote(&self, at: Place, step: Step, value: Option<ValueId>, member: u8) -> Vec<u8> {
        let Place { group, members, height, round } = at;
        let digest = digest::vote(group, members, step, height, round, value.as_ref());
        let signature = self.sign(&digest);
        Message::Vote(Vote { height, round, step, value, member, signature }).encode()
    }

    pub fn proposal(&self, at: Place, lock_round: Option<u32>, value: &[u8]) -> Vec<u8> {
        let Place { group, members, height, round } = at;
        let id = digest::value_id(value);
        let digest = digest::proposal(group, members, height, round, lock_round, &id);
        let signature = self.sign(&digest);
        let (member, value) = (self.place(members), Bytes(value));
        Message::Proposal(Proposal { height, round, lock_round, member, signature, value }).encode()
    }

    pub fn sign(&self, digest: &[u8; 32]) -> Signature {
        Signature(self.signing.sign(digest).to_bytes())
    }

    /// 255 when we are no member.
    pub fn place(&self, members: &Members) -> u8 {
        members.place(&self.key).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }
}

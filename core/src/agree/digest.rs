//! What members sign: BLAKE3 digests that name the group, the member set, the height and the
//! round, so that no signature can be carried to another table, epoch or step.
//!
//! Every field has a fixed width and integers are little-endian; `docs/PROTOCOL.md` has the table.

use super::{
    members::Members,
    message::{Signature, Step, ValueId},
};
use ed25519_dalek::VerifyingKey;

/// The name of a value.
pub fn value_id(value: &[u8]) -> ValueId {
    ValueId(blake3::derive_key("bitcraps v1 agree value", value))
}

/// What the signature of a vote covers.
pub fn vote(
    group: &[u8; 32],
    members: &Members,
    step: Step,
    height: u64,
    round: u32,
    value: Option<&ValueId>,
) -> [u8; 32] {
    let kind = match step {
        Step::Prevote => 1,
        Step::Precommit => 2,
    };
    let mut hash = head(group, members, kind, height, round);
    match value {
        None => hash.update(&[0; 33]),
        Some(id) => hash.update(&[1]).update(&id.0),
    };
    *hash.finalize().as_bytes()
}

/// What the signature of a proposal covers. The value is covered by its id.
pub fn proposal(
    group: &[u8; 32],
    members: &Members,
    height: u64,
    round: u32,
    lock_round: Option<u32>,
    value: &ValueId,
) -> [u8; 32] {
    let mut hash = head(group, members, 3, height, round);
    match lock_round {
        None => hash.update(&[0; 5]),
        Some(lock) => hash.update(&[1]).update(&lock.to_le_bytes()),
    };
    hash.update(&value.0);
    *hash.finalize().as_bytes()
}

fn head(group: &[u8; 32], members: &Members, kind: u8, height: u64, round: u32) -> blake3::Hasher {
    let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 agree signature");
    hash.update(group).update(members.digest());
    hash.update(&[kind]).update(&height.to_le_bytes()).update(&round.to_le_bytes());
    hash
}

pub(super) fn verifies(key: &VerifyingKey, digest: &[u8; 32], signature: &Signature) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(digest, &signature).is_ok()
}

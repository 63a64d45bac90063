//! Who agrees on a height: a sorted set of Ed25519 keys, one vote each.
//!
//! The keys are kept decompressed, because every vote is verified under one of them.

use crate::{crypto::identity, id::PeerId, limits::TABLE_MEMBERS_MAX};
use core::fmt;
use ed25519_dalek::VerifyingKey;
use std::sync::Arc;

/// A member: its raw Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey(pub [u8; 32]);

impl MemberKey {
    pub fn peer_id(&self) -> PeerId {
        identity::peer_id(&self.0)
    }
}

impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberKey({self})")
    }
}

/// Why keys are no member set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    #[error("{got} members; a table has 1 to {max}")]
    Count { got: usize, max: usize },
    #[error("member {key} is listed twice")]
    Twice { key: MemberKey },
    #[error("{key} is not an Ed25519 public key of full order")]
    BadKey { key: MemberKey },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: MemberKey,
    pub(super) verifying: VerifyingKey,
}

/// The members of one height. Cheap to clone: the driver wants a copy of its own, and its trait
/// bounds (`Send + Sync`) leave `Arc` as the way to share.
#[derive(Clone, PartialEq, Eq)]
pub struct Members {
    list: Arc<[Member]>,
    digest: [u8; 32],
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|member| member.key)).finish()
    }
}

impl Members {
    /// In any order; the set sorts them.
    pub fn new(keys: &[MemberKey]) -> Result<Self, MembersError> {
        if keys.is_empty() || keys.len() > TABLE_MEMBERS_MAX {
            return Err(MembersError::Count { got: keys.len(), max: TABLE_MEMBERS_MAX });
        }
        let mut keys = keys.to_vec();
        keys.sort();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(MembersError::Twice { key: pair[0] });
        }
        let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 agree members");
        let mut list = Vec::with_capacity(keys.len());
        for key in keys {
            let verifying = VerifyingKey::from_bytes(&key.0)
                .ok()
                .filter(|verifying| !verifying.is_weak())
                .ok_or(MembersError::BadKey { key })?;
            hash.update(&key.0);
            list.push(Member { key, verifying });
        }
        Ok(Members { list: list.into(), digest: *hash.finalize().as_bytes() })
    }

    /// 1 to 16.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Members that may be away or lie while the rest still agrees: f of n = 3f + 1.
    pub fn faulty_max(&self) -> usize {
        (self.count() - 1) / 3
    }

    /// Votes that decide: more than two thirds.
    pub fn quorum(&self) -> usize {
        self.count() * 2 / 3 + 1
    }

    /// In the order of their places.
    pub fn keys(&self) -> impl Iterator<Item = MemberKey> {
        self.list.iter().map(|member| member.key)
    }

    pub fn key(&self, place: usize) -> Option<MemberKey> {
        self.list.get(place).map(|member| member.key)
    }

    pub fn place(&self, key: &MemberKey) -> Option<usize> {
        self.list.binary_search_by_key(key, |member| member.key).ok()
    }

    /// Whose turn it is to offer a value: members in turn, by height and by round.
    pub fn proposer(&self, height: u64, round: u32) -> MemberKey {
        self.member_to_propose(height, round).key
    }

    /// The set's name in every signature: BLAKE3 over the sorted keys.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn member_to_propose(&self, height: u64, round: u32) -> &Member {
        let count = self.count() as u64;
        &self.list[((height % count + u64::from(round) % count) % count) as usize]
    }

    pub(super) fn member(&self, place: usize) -> Option<&Member> {
        self.list.get(place)
    }

    pub(super) fn find(&self, key: &MemberKey) -> Option<&Member> {
        self.place(key).map(|place| &self.list[place])
    }
}

//! What a liar hears of the others' votes: whoever votes twice in one round is overheard.
//!
//! Honest members accuse each other only of what reaches them while a height is open. A liar sits
//! at the table, opens what is sealed to it, and keeps it: so the invariant that no honest member
//! ever votes twice, whatever crashes between, is checked on the wire itself.

use bitcraps_core::{
    agree::{
        MemberKey, Members, digest,
        message::{Message, Signature, Step, ValueId, Vote},
    },
    id::PeerId,
};
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;

/// Heights whose votes are kept. Guess: nobody speaks of older ones.
const HEIGHTS_KEPT: u64 = 4;
/// Rounds of one height that are listened to: more are a flood.
const ROUNDS_MAX: u32 = 64;

/// One member's vote for two different values in one step of one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoubleVote {
    pub member: PeerId,
    pub height: u64,
    pub round: u32,
    pub step: Step,
}

type Key = (u64, u32, Step, MemberKey);

#[derive(Default)]
pub(super) struct Ear {
    votes: BTreeMap<Key, (Option<ValueId>, Signature)>,
    pub doubles: Vec<DoubleVote>,
    /// Votes heard for the first time.
    pub heard: u64,
}

impl Ear {
    /// `members` are those of `height`; what is of another height is not judged.
    pub fn hear(&mut self, group: &[u8; 32], members: &Members, height: u64, bytes: &[u8]) {
        let Ok(Message::Vote(vote)) = Message::decode(bytes) else { return };
        let Some(member) = members.key(usize::from(vote.member)) else { return };
        if vote.height != height || vote.round >= ROUNDS_MAX {
            return;
        }
        let oldest = height.saturating_sub(HEIGHTS_KEPT);
        self.votes.retain(|(height, ..), _| *height >= oldest);
        let key = (vote.height, vote.round, vote.step, member);
        let Some((value, signature)) = self.votes.get(&key).copied() else {
            self.votes.insert(key, (vote.value, vote.signature));
            self.heard += 1;
            return;
        };
        // Verified only now: nearly all votes are sound, and none of those comes to this.
        if value == vote.value || !is_sound(group, members, member, &vote) {
            return;
        }
        if is_sound(group, members, member, &Vote { value, signature, ..vote }) {
            let Vote { height, round, step, .. } = vote;
            let member = member.peer_id();
            let double = DoubleVote { member, height, round, step };
            if !self.doubles.contains(&double) {
                self.doubles.push(double);
            }
        } else {
            self.votes.insert(key, (vote.value, vote.signature));
        }
    }
}

fn is_sound(group: &[u8; 32], members: &Members, member: MemberKey, vote: &Vote) -> bool {
    let Vote { height, round, step, value, signature, .. } = vote;
    let digest = digest::vote(group, members, *step, *height, *round, value.as_ref());
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    VerifyingKey::from_bytes(&member.0)
        .is_ok_and(|key| key.verify_strict(&digest, &signature).is_ok())
}

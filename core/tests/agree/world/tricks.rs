//! Liars with one trick each: a real member inside, and a wrapper that bends what it sends.

use super::World;
use crate::forge::{GROUP, Person};
use bitcraps_core::{
    agree::{
        Members, digest,
        message::{Bytes, Decided, Held, Message, Polka, Proposal, Status, ValueId, Vote},
    },
    limits::BATCH_BYTES_MAX,
};

/// What a wrapper does to the messages of the member inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trick {
    /// Offers odd members another value than even ones, and the first one both.
    TwoProposals,
    /// Votes otherwise towards odd members, and towards the first both ways.
    TwoVotes,
    /// Votes towards even members alone.
    Withhold,
    /// Sends old messages of anyone, of this height and earlier ones, along with each.
    Replay,
    /// Signs the opposite for another table, and for another member set.
    OtherTable,
    /// Votes in the name of others.
    ForgedSignatures,
    /// Certificates in which every signature is its own.
    ForgedCertificates,
    /// Values ten times as long as they may be, and statuses of a thousand rounds.
    TooLong,
    NeverProposes,
    /// Everything twenty times, with votes for all rounds there are.
    Flood,
    /// Any of these, message by message.
    Mixed,
}

const EACH: [Trick; 10] = [
    Trick::TwoProposals,
    Trick::TwoVotes,
    Trick::Withhold,
    Trick::Replay,
    Trick::OtherTable,
    Trick::ForgedSignatures,
    Trick::ForgedCertificates,
    Trick::TooLong,
    Trick::NeverProposes,
    Trick::Flood,
];

/// Messages kept to be replayed.
const HEARD_MAX: usize = 4000;

impl World {
    /// What really goes from `me` to `to` instead of `bytes`.
    pub(super) fn bend(
        &mut self,
        trick: Trick,
        me: usize,
        to: usize,
        bytes: &[u8],
    ) -> Vec<Vec<u8>> {
        let trick = match trick {
            Trick::Mixed => EACH[self.rng.below(EACH.len() as u64) as usize],
            trick => trick,
        };
        if self.heard.len() < HEARD_MAX {
            self.heard.push(bytes.to_vec());
        }
        let same = vec![bytes.to_vec()];
        let Ok(message) = Message::decode(bytes) else { return same };
        let members = self.members(message.height());
        let person = &self.nodes[me].person;
        let mine = members.place(&person.key).map_or(255, |place| place as u8);
        match (trick, message) {
            (Trick::TwoProposals, Message::Proposal(proposal)) if proposal.member == mine => {
                either(to, bytes, other_proposal(person, &members, &proposal))
            }
            (Trick::TwoVotes, Message::Vote(vote)) if vote.member == mine => {
                either(to, bytes, other_vote(person, &GROUP, &members, &vote))
            }
            (Trick::Withhold, Message::Vote(vote)) if vote.member == mine && to % 2 == 1 => vec![],
            (Trick::Replay, _) => {
                let mut all = same;
                for _ in 0..5 {
                    let old = self.rng.below(self.heard.len() as u64) as usize;
                    all.push(self.heard[old].clone());
                }
                all
            }
            (Trick::OtherTable, Message::Vote(vote)) if vote.member == mine => {
                let other = other_vote(person, &[8; 32], &members, &vote);
                let alone = Members::new(&[person.key]).unwrap();
                let mut epoch = other_vote(person, &GROUP, &alone, &vote);
                // Its place in this set, so that the signature alone is of another one.
                let at = epoch.len() - 65;
                epoch[at] = mine;
                vec![other, epoch, bytes.to_vec()]
            }
            (Trick::ForgedSignatures, Message::Vote(vote)) if vote.member == mine => {
                let forged =
                    (0..members.count() as u8).filter(|place| *place != mine).map(|place| {
                        let value = Some(digest::value_id(b"forged"));
                        Message::Vote(Vote { member: place, value, ..vote }).encode()
                    });
                same.into_iter().chain(forged).collect()
            }
            (Trick::ForgedCertificates, Message::Vote(vote)) if vote.member == mine => {
                same.into_iter().chain(certificates(&members, &vote)).collect()
            }
            (Trick::TooLong, Message::Proposal(proposal)) if proposal.member == mine => {
                let value = vec![b'l'; 10 * BATCH_BYTES_MAX];
                let at = (proposal.height, proposal.round);
                vec![person.proposal(&members, at, proposal.lock_round, &value)]
            }
            (Trick::TooLong, Message::Status(status)) => {
                let held = vec![Held::default(); 1000];
                vec![Message::Status(Status { held, ..status }).encode()]
            }
            (Trick::NeverProposes, Message::Proposal(proposal)) if proposal.member == mine => {
                vec![]
            }
            (Trick::Flood, Message::Vote(vote)) if vote.member == mine => {
                let mut all = vec![bytes.to_vec(); 20];
                for ahead in 1..20 {
                    let at = (vote.height, vote.round + ahead);
                    all.push(person.vote(&GROUP, &members, vote.step, at, None));
                }
                all
            }
            (Trick::Flood, _) => vec![bytes.to_vec(); 20],
            _ => same,
        }
    }
}

/// Odd members get the other one, the first one both.
fn either(to: usize, bytes: &[u8], other: Vec<u8>) -> Vec<Vec<u8>> {
    match to {
        0 => vec![bytes.to_vec(), other],
        to if to % 2 == 1 => vec![other],
        _ => vec![bytes.to_vec()],
    }
}

fn other_proposal(person: &Person, members: &Members, proposal: &Proposal<'_>) -> Vec<u8> {
    let mut value = proposal.value.0.to_vec();
    value.push(b'!');
    person.proposal(members, (proposal.height, proposal.round), proposal.lock_round, &value)
}

/// Nil for a value, and a value nobody has for nil.
fn other_vote(person: &Person, group: &[u8; 32], members: &Members, vote: &Vote) -> Vec<u8> {
    let other: Option<ValueId> = match vote.value {
        Some(_) => None,
        None => Some(digest::value_id(b"nobody has it")),
    };
    person.vote(group, members, vote.step, (vote.height, vote.round), other)
}

/// A polka and a decision signed by one member in the name of all.
fn certificates(members: &Members, vote: &Vote) -> [Vec<u8>; 2] {
    let (height, round, value) = (vote.height, vote.round, b"forged");
    let signers = (1 << members.count()) - 1;
    let signatures = vote.signature.0.repeat(members.count());
    let signatures = Bytes(&signatures);
    let id = digest::value_id(value);
    let polka = Polka { height, round, value: id, signers, signatures };
    let decided = Decided { height, round, signers, signatures, value: Bytes(value) };
    [Message::Polka(polka).encode(), Message::Decided(decided).encode()]
}

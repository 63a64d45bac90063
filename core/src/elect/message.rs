//! What electors say to each other. All of it is signed and means the same to anybody.

use crate::{
    crypto::identity::{Identity, IdentityError, Signature, verify_with_key},
    id::PeerId,
};
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "bitcraps v1 election vote";

/// Votes in one certificate: no electorate is larger.
pub const VOTES_MAX: usize = super::ELECTORS_MAX;

/// A vote for one candidate in one term. Of one life of a voter there may be one per term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    pub voter: PeerId,
    pub term: u64,
    pub candidate: PeerId,
    pub mark: Mark,
}

/// What makes a vote its voter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When the voter started: a node that forgot its votes is not taken for a liar.
    pub life: u64,
    pub signature: Signature,
}

/// The votes that made a leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    pub term: u64,
    pub leader: PeerId,
    /// By voter, ascending.
    pub votes: Vec<(PeerId, Mark)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A candidate's vote for itself, which asks everybody for theirs. Flooded.
    Candidacy(Ballot),
    /// To its candidate alone.
    Vote(Ballot),
    /// Flooded.
    Elected(Certificate),
    /// Two votes of one voter in one term. Flooded.
    Double(Ballot, Ballot),
}

impl Message {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("plain data always encodes into a growing buffer")
    }

    /// `None` for what is no message, has bytes left over or votes beyond the limit.
    pub fn decode(bytes: &[u8]) -> Option<Message> {
        let (message, rest) = postcard::take_from_bytes(bytes).ok()?;
        let votes = match &message {
            Message::Elected(certificate) => certificate.votes.len(),
            Message::Candidacy(_) | Message::Vote(_) | Message::Double(..) => 0,
        };
        (rest.is_empty() && votes <= VOTES_MAX).then_some(message)
    }
}

impl Ballot {
    pub fn sign(identity: &Identity, life: u64, term: u64, candidate: PeerId) -> Ballot {
        let voter = identity.id();
        let signature = identity.sign(PURPOSE, &signed(life, term, candidate));
        Ballot { voter, term, candidate, mark: Mark { life, signature } }
    }

    /// `key` is the voter's.
    pub fn verify(&self, key: &[u8; 32]) -> Result<(), IdentityError> {
        let signed = signed(self.mark.life, self.term, self.candidate);
        verify_with_key(key, PURPOSE, &signed, &self.mark.signature)
    }
}

fn signed(life: u64, term: u64, candidate: PeerId) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[..8].copy_from_slice(&life.to_le_bytes());
    bytes[8..16].copy_from_slice(&term.to_le_bytes());
    bytes[16..].copy_from_slice(candidate.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn messages_have_these_bytes_and_no_others() {
        let peer = |byte| PeerId::from_bytes([byte; 32]);
        let mark = Mark { life: 5, signature: Signature::from_bytes(&[9; 64]) };
        let ballot = Ballot { voter: peer(1), term: 300, candidate: peer(2), mark };
        let body = [&[1; 32][..], &[0xac, 0x02], &[2; 32], &[5], &[9; 64]].concat();
        let certificate = Certificate { term: 3, leader: peer(2), votes: vec![(peer(1), mark)] };
        let votes = [&[3][..], &[2; 32], &[1], &[1; 32], &[5], &[9; 64]].concat();
        for (message, golden) in [
            (Message::Candidacy(ballot), [&[0][..], &body].concat()),
            (Message::Vote(ballot), [&[1][..], &body].concat()),
            (Message::Elected(certificate), [&[2][..], &votes].concat()),
            (Message::Double(ballot, ballot), [&[3][..], &body, &body].concat()),
        ] {
            assert_eq!(message.encode(), golden);
            assert_eq!(Message::decode(&golden), Some(message));
            assert_eq!(Message::decode(&[&golden[..], &[0]].concat()), None);
            assert_eq!(Message::decode(&golden[..golden.len() - 1]), None);
        }
        let many = Certificate { term: 3, leader: peer(2), votes: vec![(peer(1), mark); 257] };
        assert_eq!(Message::decode(&Message::Elected(many).encode()), None);
    }

    #[test]
    fn a_vote_holds_for_its_voter_its_life_its_term_and_its_candidate() {
        let [voter, other] = [1, 2].map(|n| Identity::generate(&Seed::from_number(n), 0));
        let ballot = Ballot::sign(&voter, 1, 7, other.id());
        assert_eq!(ballot.verify(&voter.card().key), Ok(()));
        assert!(ballot.verify(&other.card().key).is_err());
        assert!(Ballot { term: 8, ..ballot }.verify(&voter.card().key).is_err());
        let mark = Mark { life: 2, ..ballot.mark };
        assert!(Ballot { mark, ..ballot }.verify(&voter.card().key).is_err());
        assert!(Ballot { candidate: voter.id(), ..ballot }.verify(&voter.card().key).is_err());
    }
}

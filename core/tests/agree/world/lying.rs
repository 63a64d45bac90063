//! Liars that say whatever comes to mind, signed properly.

use super::World;
use crate::forge::GROUP;
use bitcraps_core::agree::{
    digest,
    message::{Message, Step},
};

impl World {
    /// A liar answers what it hears with conflicting votes and proposals, different for everyone.
    pub(super) fn lie(&mut self, me: usize, heard: &[u8]) {
        let Ok(message) = Message::decode(heard) else { return };
        let height = message.height();
        let (round, step) = match &message {
            Message::Vote(vote) => {
                self.ids.entry(height).or_default().extend(vote.value);
                (vote.round, vote.step as u8)
            }
            Message::Proposal(proposal) => {
                self.values.entry(height).or_default().insert(proposal.value.0.to_vec());
                (proposal.round, 0)
            }
            Message::Status(status) => (status.round, 0),
            Message::Decided(_) | Message::Polka(_) | Message::Resting(_) => return,
        };
        if height == 0 || height > self.plan.heights || !self.lied.insert((me, height, round, step))
        {
            return;
        }
        // At every other height the liars act together.
        if (height + self.plan.seed).is_multiple_of(2) {
            self.split_them(me, height, round);
        } else {
            self.lie_at_random(me, height, round, heard);
        }
    }

    /// One value for the even members, another for the odd ones, from proposal to precommit.
    fn split_them(&mut self, me: usize, height: u64, round: u32) {
        let members = self.members(height);
        for round in [round, round + 1] {
            if !self.lied.insert((me, height, round, 9)) {
                continue;
            }
            let lock = (round > 0 && self.rng.chance(0.5)).then(|| round - 1);
            for to in 0..self.plan.members {
                let value = format!("split {} h{height}", to % 2).into_bytes();
                let person = &self.nodes[me].person;
                let mut lies = Vec::new();
                if members.proposer(height, round) == person.key {
                    lies.push(person.proposal(&members, (height, round), lock, &value));
                }
                let id = Some(digest::value_id(&value));
                for step in [Step::Prevote, Step::Precommit] {
                    let vote = person.vote(&GROUP, &members, step, (height, round), id);
                    lies.extend([vote.clone(), vote]);
                }
                for lie in lies {
                    self.send(me, to, &lie);
                }
            }
        }
    }

    fn lie_at_random(&mut self, me: usize, height: u64, round: u32, heard: &[u8]) {
        let members = self.members(height);
        for round in [round, round + 1] {
            let turn = members.proposer(height, round) == self.nodes[me].person.key;
            if turn && self.lied.insert((me, height, round, 8)) {
                let mut values: Vec<_> =
                    self.values.get(&height).into_iter().flatten().cloned().collect();
                values.extend((0..2).map(|k| format!("lie {me} {height} {round} {k}").into()));
                values.push(b"bad value".to_vec());
                for to in 0..self.plan.members {
                    let value = values[self.rng.below(values.len() as u64) as usize].clone();
                    let lock = (round > 0 && self.rng.chance(0.6))
                        .then(|| self.rng.below(u64::from(round)) as u32);
                    self.ids.entry(height).or_default().insert(digest::value_id(&value));
                    let person = &self.nodes[me].person;
                    let lie = person.proposal(&members, (height, round), lock, &value);
                    self.send(me, to, &lie);
                }
            }
        }
        let mut ids: Vec<_> =
            self.ids.get(&height).into_iter().flatten().copied().map(Some).collect();
        ids.push(None);
        for to in 0..self.plan.members {
            for step in [Step::Prevote, Step::Precommit] {
                let far = self.rng.below(4) as u32 * u32::from(self.rng.chance(0.3));
                for round in [round, round + far] {
                    let id = ids[self.rng.below(ids.len() as u64) as usize];
                    let person = &self.nodes[me].person;
                    let lie = person.vote(&GROUP, &members, step, (height, round), id);
                    self.send(me, to, &lie);
                }
            }
            if self.rng.chance(0.05) {
                let mut noise = heard.to_vec();
                let at = self.rng.below(noise.len() as u64) as usize;
                noise[at] ^= 1 << self.rng.below(8);
                self.send(me, to, &noise);
            }
        }
    }
}

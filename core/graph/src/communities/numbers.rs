//! Which number a community has: that of the one before it.

use core::cmp::Reverse;

const NONE: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Nodes in the order of their previous numbers; later previous number and community of each.
    pairs: Vec<(u32, u32)>,
    /// How many nodes a previous community (by its place in `old`) shares with one of now.
    shares: Vec<(Reverse<u32>, u32, u32)>,
    /// Previous numbers, ascending, and whether they are given away.
    old: Vec<(u32, bool)>,
    number: Vec<u32>,
}

impl Numbers {
    /// Groups by the `previous` numbers, each named by its first node; the rest are on their own.
    pub fn group(&mut self, nodes: u32, previous: &[u32], groups: &mut Vec<u32>) {
        groups.clear();
        groups.extend(0..nodes);
        self.pairs.clear();
        self.pairs.extend(previous.iter().copied().zip(0..nodes));
        self.pairs.sort_unstable();
        for together in self.pairs.chunk_by(|a, b| a.0 == b.0) {
            together.iter().for_each(|(_, node)| groups[*node as usize] = together[0].1);
        }
    }

    /// See [`super::Communities::find`]. Comes with numbers below the number of nodes.
    pub fn give(&mut self, found: &mut [u32], previous: &[u32]) {
        let count = self.compact(found);
        self.list_old(previous);
        self.list_shares(found, previous);
        self.number.clear();
        self.number.resize(count, NONE);
        let mut given = 0;
        for (_, old, new) in &self.shares {
            let (number, is_given) = &mut self.old[*old as usize];
            if !*is_given && self.number[*new as usize] == NONE {
                *is_given = true;
                self.number[*new as usize] = *number;
                given += 1;
            }
        }
        let mut taken = self.old.iter().map(|(number, _)| *number).peekable();
        let mut free = (0..).filter(|number| taken.next_if_eq(number).is_none());
        let rest = self.number.iter_mut().filter(|number| **number == NONE);
        for (number, free) in rest.take(count - given).zip(&mut free) {
            *number = free;
        }
        found.iter_mut().for_each(|community| *community = self.number[*community as usize]);
    }

    /// Numbers from 0 in the order of the first nodes; gives how many.
    fn compact(&mut self, found: &mut [u32]) -> usize {
        self.number.clear();
        self.number.resize(found.len(), NONE);
        let mut count = 0;
        for community in found {
            let number = &mut self.number[*community as usize];
            if *number == NONE {
                *number = count;
                count += 1;
            }
            *community = *number;
        }
        count as usize
    }

    fn list_old(&mut self, previous: &[u32]) {
        self.old.clear();
        self.old.extend(previous.iter().map(|number| (*number, false)));
        self.old.sort_unstable();
        self.old.dedup();
    }

    fn list_shares(&mut self, found: &[u32], previous: &[u32]) {
        self.pairs.clear();
        self.pairs.extend(previous.iter().copied().zip(found.iter().copied()));
        self.pairs.sort_unstable();
        self.shares.clear();
        let mut old = 0;
        for same in self.pairs.chunk_by(|a, b| a == b) {
            let (number, new) = same[0];
            while self.old[old].0 != number {
                old += 1;
            }
            self.shares.push((Reverse(same.len() as u32), old as u32, new));
        }
        self.shares.sort_unstable();
    }
}

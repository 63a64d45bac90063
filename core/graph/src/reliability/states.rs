//! Counting out: the exact risk of a block, by the states of its frontier.
//!
//! Links are looked at one by one, each works or has failed, and what has happened so far matters
//! only by which nodes of the frontier are connected and which of these groups hold a terminal
//! (Hardy, Lucet and Limnios 2007). Ways to the same state are added up, so the work is links ×
//! states rather than 2^links. The block has split once a group with a terminal falls out of the
//! frontier while there are terminals elsewhere: that probability is what is summed.
//!
//! A state is a byte for every place: which group its node is in, named by the lowest place of the
//! group, and a bit for a terminal in the group. So equal states are equal bytes.

use super::order::{FRONTIER_MAX, Step};

type Places = [u8; FRONTIER_MAX];

/// The group holds a terminal.
const TERMINAL: u8 = 0x80;
const EMPTY: u8 = 0x7f;
const NOT_THERE: u32 = u32::MAX;

#[derive(Clone, Debug, Default)]
pub struct States {
    now: Vec<(u128, f64)>,
    next: Vec<(u128, f64)>,
    /// Open addressing: where in `next` a state is.
    table: Vec<u32>,
}

/// What became of a state.
enum After {
    Open(Places),
    /// Terminals were cut off from each other.
    Split,
    /// All terminals are in one group.
    Together,
}

impl States {
    /// The probability that the terminals do not all stay connected; `None` when `transitions`
    /// do not suffice. Those that were used up are taken off.
    pub fn count(&mut self, steps: &[Step], transitions: &mut u32) -> Option<f64> {
        self.now.clear();
        self.now.push((u128::from_le_bytes([EMPTY; FRONTIER_MAX]), 1.0));
        let mut risk = 0.0;
        for step in steps {
            let states = std::mem::take(&mut self.now);
            let work = 2 * states.len() as u32;
            self.next.clear();
            self.table.clear();
            self.table.resize((2 * work as usize).next_power_of_two(), NOT_THERE);
            let enough = *transitions >= work;
            if enough {
                *transitions -= work;
                for (state, probability) in &states {
                    risk += self.look_at(step, state.to_le_bytes(), *probability);
                }
            }
            self.now = states;
            std::mem::swap(&mut self.now, &mut self.next);
            if !enough {
                return None;
            }
        }
        Some(risk)
    }

    /// Goes on from one state; gives how much of its probability has split.
    fn look_at(&mut self, step: &Step, mut state: Places, probability: f64) -> f64 {
        for side in 0..2 {
            if step.enters[side] {
                let terminal = if step.terminal[side] { TERMINAL } else { 0 };
                state[step.ends[side] as usize] = step.ends[side] | terminal;
            }
        }
        let [a, b] = step.ends.map(|end| state[end as usize]);
        if a == b {
            return self.arrive(step, state, probability);
        }
        let mut joined = state;
        let group = (a & !TERMINAL).min(b & !TERMINAL) | ((a | b) & TERMINAL);
        for place in &mut joined {
            *place = if *place == a || *place == b { group } else { *place };
        }
        self.arrive(step, state, probability * step.failure)
            + self.arrive(step, joined, probability * (1.0 - step.failure))
    }

    fn arrive(&mut self, step: &Step, state: Places, probability: f64) -> f64 {
        match after(step, state) {
            After::Split => probability,
            After::Together => 0.0,
            After::Open(state) => {
                self.add(u128::from_le_bytes(state), probability);
                0.0
            }
        }
    }

    fn add(&mut self, state: u128, probability: f64) {
        let mask = self.table.len() - 1;
        let folded = (state as u64 ^ 0x9e37_79b9_7f4a_7c15)
            .wrapping_mul((state >> 64) as u64 ^ 0xd6e8_feb8_6659_fd93);
        let mut at = (folded ^ (folded >> 32)) as usize & mask;
        while self.table[at] != NOT_THERE {
            let known = &mut self.next[self.table[at] as usize];
            if known.0 == state {
                known.1 += probability;
                return;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = self.next.len() as u32;
        self.next.push((state, probability));
    }
}

/// Lets nodes leave whose last link this was.
fn after(step: &Step, mut state: Places) -> After {
    if step.unseen == 0 && one_group_holds_all(&state) {
        return After::Together;
    }
    for side in 0..2 {
        if !step.leaves[side] {
            continue;
        }
        let leaves = step.ends[side];
        let group = std::mem::replace(&mut state[leaves as usize], EMPTY);
        match state.iter().position(|place| *place == group) {
            Some(heir) if group & !TERMINAL == leaves => {
                let renamed = heir as u8 | (group & TERMINAL);
                for place in &mut state {
                    *place = if *place == group { renamed } else { *place };
                }
            }
            // There are terminals elsewhere, or all would have been in one group.
            None if group & TERMINAL != 0 => return After::Split,
            Some(_) | None => {}
        }
    }
    After::Open(state)
}

fn one_group_holds_all(state: &Places) -> bool {
    let mut groups = state.iter().filter(|place| **place & TERMINAL != 0);
    let one = groups.next();
    groups.all(|group| Some(group) == one)
}

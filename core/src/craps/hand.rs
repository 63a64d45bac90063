//! What the felt remembers of the rolls before, for the bets that count: fire and repeater.
//!
//! Points made count from one seven-out to the next, whoever throws: a shooter who leaves in
//! between passes the count on with the dice. Totals count from one 7 to the next.

use super::{Dice, Number, Phase, Total};
use serde::{Deserialize, Serialize};

/// The points made and the totals seen.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Hand {
    /// One bit for each of [`Number::ALL`].
    made: u8,
    /// How often each total from 2 on fell, as far as anybody counts.
    seen: [u8; 11],
}

impl Hand {
    /// Different points made since the last seven-out.
    pub fn points_made(&self) -> impl Iterator<Item = Number> + use<> {
        let made = self.made;
        Number::ALL.into_iter().filter(move |n| made & bit(*n) != 0)
    }

    pub const fn points(&self) -> u32 {
        self.made.count_ones()
    }

    /// How often the total fell since the last 7; counting stops where its repeater bet has won.
    pub fn seen(&self, total: Total) -> u8 {
        self.seen[slot(total)]
    }

    /// [`Hand::seen`] of 2, 3, … 12; 7 stays 0.
    pub fn totals(&self) -> &[u8; 11] {
        &self.seen
    }

    pub(super) fn after(mut self, phase: Phase, dice: Dice) -> Hand {
        match (Total::new(dice.total()), phase) {
            (None, Phase::ComeOut) => self.seen = [0; 11],
            (None, Phase::Point(_)) => self = Hand::default(),
            (Some(total), _) => {
                let seen = &mut self.seen[slot(total)];
                *seen = (*seen + 1).min(needed(total));
                match phase {
                    Phase::Point(n) if n.total() == total.get() => self.made |= bit(n),
                    Phase::Point(_) | Phase::ComeOut => {}
                }
            }
        }
        self
    }

    /// Only what the fire bet counts.
    pub(super) fn points_only(self) -> Hand {
        Hand { made: self.made, ..Hand::default() }
    }

    /// Only what this repeater bet counts.
    pub(super) fn total_only(self, total: Total) -> Hand {
        let mut only = Hand::default();
        only.seen[slot(total)] = self.seen(total);
        only
    }
}

/// How often a repeater's total has to fall: 2 twice, 3 three times, up to 6 six times, and the
/// same beyond 7.
pub(super) const fn needed(total: Total) -> u8 {
    match total.get() {
        low @ 2..=6 => low,
        high => 14 - high,
    }
}

const fn bit(number: Number) -> u8 {
    1 << number as u8
}

const fn slot(total: Total) -> usize {
    total.get() as usize - 2
}

//! The rules of craps alone: bets, phases, rolls and payouts.
//!
//! A library of its own right: no peers, no network, no signatures. A roll is a function of the
//! felt and two dice; money is whole chips and every rounding favours the house, as printed.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Whole play chips.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Chips(pub u64);

impl fmt::Display for Chips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that can be the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    Four,
    Five,
    Six,
    Eight,
    Nine,
    Ten,
}

/// Two dice, each 1 to 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dice(pub u8, pub u8);

/// A bet as a player asks for it. Come and don't come bets travel to their number by themselves;
/// odds name the number they stand behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wager {
    Pass,
    DontPass,
    Come,
    DontCome,
    /// Behind the pass line, on the point.
    PassOdds,
    /// Behind don't pass, against the point.
    DontPassOdds,
    /// Behind a come bet that has travelled to this number.
    ComeOdds(Number),
    DontComeOdds(Number),
    Field,
    Place(Number),
}

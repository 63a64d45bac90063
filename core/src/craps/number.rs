//! The words of the dice: numbers, totals, pairs, throws and seats.

use core::fmt;
use serde::{Deserialize, Serialize};

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

impl Number {
    pub const ALL: [Number; 6] =
        [Number::Four, Number::Five, Number::Six, Number::Eight, Number::Nine, Number::Ten];

    /// `None` for totals that cannot be the point.
    pub const fn of(total: u8) -> Option<Number> {
        match total {
            4 => Some(Number::Four),
            5 => Some(Number::Five),
            6 => Some(Number::Six),
            8 => Some(Number::Eight),
            9 => Some(Number::Nine),
            10 => Some(Number::Ten),
            _ => None,
        }
    }

    pub const fn total(self) -> u8 {
        match self {
            Number::Four => 4,
            Number::Five => 5,
            Number::Six => 6,
            Number::Eight => 8,
            Number::Nine => 9,
            Number::Ten => 10,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.total().fmt(f)
    }
}

/// Two dice, each 1 to 6; decoding refuses anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)")]
pub struct Dice(pub u8, pub u8);

/// A die shows 1 to 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} and {1} are not two dice")]
pub struct BadDice(pub u8, pub u8);

impl TryFrom<(u8, u8)> for Dice {
    type Error = BadDice;
    fn try_from((a, b): (u8, u8)) -> Result<Dice, BadDice> {
        if (1..=6).contains(&a) && (1..=6).contains(&b) {
            Ok(Dice(a, b))
        } else {
            Err(BadDice(a, b))
        }
    }
}

impl Dice {
    pub const fn total(self) -> u8 {
        self.0.saturating_add(self.1)
    }

    pub const fn is_pair(self) -> bool {
        self.0 == self.1
    }

    /// The 36 equally likely rolls.
    pub fn all() -> impl Iterator<Item = Dice> {
        (1..=6).flat_map(|a| (1..=6).map(move |b| Dice(a, b)))
    }
}

/// A place at the table, 0 first; the same number as the member's in the table's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seat(pub u8);

/// A number that falls as a pair or otherwise: what hardways are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hard {
    Four,
    Six,
    Eight,
    Ten,
}

impl Hard {
    pub const ALL: [Hard; 4] = [Hard::Four, Hard::Six, Hard::Eight, Hard::Ten];

    pub const fn total(self) -> u8 {
        match self {
            Hard::Four => 4,
            Hard::Six => 6,
            Hard::Eight => 8,
            Hard::Ten => 10,
        }
    }
}

/// Two dice without their order, the lower first: the 21 things a hop bet names. Decoding refuses
/// anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Hop(Dice);

impl Hop {
    /// `None` unless both are dice and the lower comes first.
    pub const fn new(low: u8, high: u8) -> Option<Hop> {
        if 1 <= low && low <= high && high <= 6 { Some(Hop(Dice(low, high))) } else { None }
    }

    pub const fn low(self) -> u8 {
        self.0.0
    }

    pub const fn high(self) -> u8 {
        self.0.1
    }

    pub const fn is_pair(self) -> bool {
        self.0.is_pair()
    }

    /// Whether the dice show it, in either order.
    pub const fn fell(self, dice: Dice) -> bool {
        (self.low() == dice.0 && self.high() == dice.1)
            || (self.low() == dice.1 && self.high() == dice.0)
    }

    pub fn all() -> impl Iterator<Item = Hop> {
        Dice::all().filter(|dice| dice.0 <= dice.1).map(Hop)
    }
}

impl TryFrom<(u8, u8)> for Hop {
    type Error = BadDice;
    fn try_from((low, high): (u8, u8)) -> Result<Hop, BadDice> {
        Hop::new(low, high).ok_or(BadDice(low, high))
    }
}

impl From<Hop> for (u8, u8) {
    fn from(hop: Hop) -> (u8, u8) {
        (hop.low(), hop.high())
    }
}

/// A total of two dice other than 7: what repeater bets count. Decoding refuses anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Total(u8);

/// Totals other than 7 are 2 to 6 and 8 to 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a total from 2 to 12 other than 7")]
pub struct BadTotal(pub u8);

impl Total {
    pub const fn new(total: u8) -> Option<Total> {
        match total {
            2..=6 | 8..=12 => Some(Total(total)),
            _ => None,
        }
    }

    pub const fn get(self) -> u8 {
        self.0
    }

    pub fn all() -> impl Iterator<Item = Total> {
        (2..=12).filter_map(Total::new)
    }
}

impl TryFrom<u8> for Total {
    type Error = BadTotal;
    fn try_from(total: u8) -> Result<Total, BadTotal> {
        Total::new(total).ok_or(BadTotal(total))
    }
}

impl From<Total> for u8 {
    fn from(total: Total) -> u8 {
        total.0
    }
}

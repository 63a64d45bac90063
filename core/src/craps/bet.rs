//! The words of the game: dice, numbers, bets as they are asked for and where they lie.

use core::{fmt, str::FromStr};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

    /// The 36 equally likely rolls.
    pub fn all() -> impl Iterator<Item = Dice> {
        (1..=6).flat_map(|a| (1..=6).map(move |b| Dice(a, b)))
    }
}

/// A place at the table, 0 first; the same number as the member's in the table's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seat(pub u8);

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

impl Wager {
    /// Every bet there is.
    pub fn all() -> impl Iterator<Item = Wager> {
        use Wager::*;
        let numbered = [ComeOdds, DontComeOdds, Place];
        [Pass, DontPass, Come, DontCome, PassOdds, DontPassOdds, Field]
            .into_iter()
            .chain(numbered.into_iter().flat_map(|bet| Number::ALL.map(bet)))
    }

    /// Where the chips lie first.
    pub const fn spot(self) -> Spot {
        match self {
            Wager::Pass => Spot::Pass,
            Wager::DontPass => Spot::DontPass,
            Wager::Come => Spot::Come,
            Wager::DontCome => Spot::DontCome,
            Wager::PassOdds => Spot::PassOdds,
            Wager::DontPassOdds => Spot::DontPassOdds,
            Wager::ComeOdds(n) => Spot::ComeOdds(n),
            Wager::DontComeOdds(n) => Spot::DontComeOdds(n),
            Wager::Field => Spot::Field,
            Wager::Place(n) => Spot::Place(n),
        }
    }
}

impl fmt::Display for Wager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spot().fmt(f)
    }
}

/// Where chips lie on the felt. The text form (`pass`, `don't come 6`, `come odds 6`, `place 8`) is
/// both shown and read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    Pass,
    DontPass,
    PassOdds,
    DontPassOdds,
    /// In the come box, for the next roll.
    Come,
    DontCome,
    /// A come bet that has travelled.
    ComeOn(Number),
    DontComeOn(Number),
    ComeOdds(Number),
    DontComeOdds(Number),
    Field,
    Place(Number),
}

impl Spot {
    /// Every spot there is: what one seat can have at most.
    pub fn all() -> impl Iterator<Item = Spot> {
        use Spot::*;
        let numbered = [ComeOn, DontComeOn, ComeOdds, DontComeOdds, Place];
        [Pass, DontPass, PassOdds, DontPassOdds, Come, DontCome, Field]
            .into_iter()
            .chain(numbered.into_iter().flat_map(|spot| Number::ALL.map(spot)))
    }

    /// The bet that odds stand behind.
    pub const fn backed(self) -> Option<Spot> {
        match self {
            Spot::PassOdds => Some(Spot::Pass),
            Spot::DontPassOdds => Some(Spot::DontPass),
            Spot::ComeOdds(n) => Some(Spot::ComeOn(n)),
            Spot::DontComeOdds(n) => Some(Spot::DontComeOn(n)),
            Spot::Pass
            | Spot::DontPass
            | Spot::Come
            | Spot::DontCome
            | Spot::ComeOn(_)
            | Spot::DontComeOn(_)
            | Spot::Field
            | Spot::Place(_) => None,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Pass => f.write_str("pass"),
            Spot::DontPass => f.write_str("don't pass"),
            Spot::PassOdds => f.write_str("pass odds"),
            Spot::DontPassOdds => f.write_str("don't pass odds"),
            Spot::Come => f.write_str("come"),
            Spot::DontCome => f.write_str("don't come"),
            Spot::ComeOn(n) => write!(f, "come {n}"),
            Spot::DontComeOn(n) => write!(f, "don't come {n}"),
            Spot::ComeOdds(n) => write!(f, "come odds {n}"),
            Spot::DontComeOdds(n) => write!(f, "don't come odds {n}"),
            Spot::Field => f.write_str("field"),
            Spot::Place(n) => write!(f, "place {n}"),
        }
    }
}

/// The text names no spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a spot on the felt")]
pub struct ParseSpotError;

impl FromStr for Spot {
    type Err = ParseSpotError;
    fn from_str(text: &str) -> Result<Spot, ParseSpotError> {
        Spot::all().find(|spot| spot.to_string() == text).ok_or(ParseSpotError)
    }
}

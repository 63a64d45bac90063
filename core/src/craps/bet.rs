//! The words of the bets: as they are asked for, and where they lie.

use super::{Hard, Hop, Number, Total};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Serialize};

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
    /// The number before 7 at true odds, less a commission.
    Buy(Number),
    /// 7 before the number at true odds, less a commission.
    Lay(Number),
    /// The number as a pair before it falls otherwise and before 7.
    Hard(Hard),
    BigSix,
    BigEight,
    AnySeven,
    AnyCraps,
    CrapsTwo,
    CrapsThree,
    CrapsTwelve,
    Eleven,
    /// A quarter each on 2, 3, 11 and 12.
    Horn,
    /// Half on any craps, half on eleven.
    CAndE,
    /// These two dice on the next roll.
    Hop(Hop),
    /// Four or more different points made before the shooter sevens out.
    Fire,
    /// The total several times before 7.
    Repeater(Total),
}

impl Wager {
    /// Every bet there is.
    pub fn all() -> impl Iterator<Item = Wager> {
        use Wager::*;
        let numbered = [ComeOdds, DontComeOdds, Place, Buy, Lay];
        [Pass, DontPass, Come, DontCome, PassOdds, DontPassOdds, Field]
            .into_iter()
            .chain(numbered.into_iter().flat_map(|bet| Number::ALL.map(bet)))
            .chain(super::Hard::ALL.map(Hard))
            .chain([BigSix, BigEight, AnySeven, AnyCraps, CrapsTwo, CrapsThree, CrapsTwelve])
            .chain([Eleven, Horn, CAndE])
            .chain(super::Hop::all().map(Hop))
            .chain([Fire])
            .chain(Total::all().map(Repeater))
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
            Wager::Buy(n) => Spot::Buy(n),
            Wager::Lay(n) => Spot::Lay(n),
            Wager::Hard(n) => Spot::Hard(n),
            Wager::BigSix => Spot::BigSix,
            Wager::BigEight => Spot::BigEight,
            Wager::AnySeven => Spot::AnySeven,
            Wager::AnyCraps => Spot::AnyCraps,
            Wager::CrapsTwo => Spot::CrapsTwo,
            Wager::CrapsThree => Spot::CrapsThree,
            Wager::CrapsTwelve => Spot::CrapsTwelve,
            Wager::Eleven => Spot::Eleven,
            Wager::Horn => Spot::Horn,
            Wager::CAndE => Spot::CAndE,
            Wager::Hop(hop) => Spot::Hop(hop),
            Wager::Fire => Spot::Fire,
            Wager::Repeater(total) => Spot::Repeater(total),
        }
    }
}

impl fmt::Display for Wager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spot().fmt(f)
    }
}

/// Where chips lie on the felt. The text form (`pass`, `don't come 6`, `come odds 6`, `place 8`,
/// `hop 1 2`) is both shown and read back.
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
    Buy(Number),
    Lay(Number),
    Hard(Hard),
    BigSix,
    BigEight,
    AnySeven,
    AnyCraps,
    CrapsTwo,
    CrapsThree,
    CrapsTwelve,
    Eleven,
    Horn,
    CAndE,
    Hop(Hop),
    Fire,
    Repeater(Total),
}

impl Spot {
    /// Every spot there is: what one seat can have at most.
    pub fn all() -> impl Iterator<Item = Spot> {
        let travelled = [Spot::ComeOn, Spot::DontComeOn];
        let travelled = travelled.into_iter().flat_map(|spot| Number::ALL.map(spot));
        Wager::all().map(Wager::spot).chain(travelled)
    }

    /// The bet that odds stand behind.
    pub const fn backed(self) -> Option<Spot> {
        match self {
            Spot::PassOdds => Some(Spot::Pass),
            Spot::DontPassOdds => Some(Spot::DontPass),
            Spot::ComeOdds(n) => Some(Spot::ComeOn(n)),
            Spot::DontComeOdds(n) => Some(Spot::DontComeOn(n)),
            _ => None,
        }
    }

    /// The text form without its number or dice.
    const fn word(self) -> &'static str {
        match self {
            Spot::Pass => "pass",
            Spot::DontPass => "don't pass",
            Spot::PassOdds => "pass odds",
            Spot::DontPassOdds => "don't pass odds",
            Spot::Come | Spot::ComeOn(_) => "come",
            Spot::DontCome | Spot::DontComeOn(_) => "don't come",
            Spot::ComeOdds(_) => "come odds",
            Spot::DontComeOdds(_) => "don't come odds",
            Spot::Field => "field",
            Spot::Place(_) => "place",
            Spot::Buy(_) => "buy",
            Spot::Lay(_) => "lay",
            Spot::Hard(_) => "hard",
            Spot::BigSix => "big 6",
            Spot::BigEight => "big 8",
            Spot::AnySeven => "any seven",
            Spot::AnyCraps => "any craps",
            Spot::CrapsTwo => "craps 2",
            Spot::CrapsThree => "craps 3",
            Spot::CrapsTwelve => "craps 12",
            Spot::Eleven => "eleven",
            Spot::Horn => "horn",
            Spot::CAndE => "c and e",
            Spot::Hop(_) => "hop",
            Spot::Fire => "fire",
            Spot::Repeater(_) => "repeater",
        }
    }

    /// The total in the text form.
    const fn total(self) -> Option<u8> {
        match self {
            Spot::ComeOn(n)
            | Spot::DontComeOn(n)
            | Spot::ComeOdds(n)
            | Spot::DontComeOdds(n)
            | Spot::Place(n)
            | Spot::Buy(n)
            | Spot::Lay(n) => Some(n.total()),
            Spot::Hard(n) => Some(n.total()),
            Spot::Repeater(total) => Some(total.get()),
            _ => None,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match (self, self.total()) {
            (Spot::Hop(hop), _) => write!(f, " {} {}", hop.low(), hop.high()),
            (_, Some(total)) => write!(f, " {total}"),
            (_, None) => Ok(()),
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
        // Pages read a hundred of them for every picture: most are told apart by their first word.
        let named = |spot: &Spot| text.starts_with(spot.word()) && spot.to_string() == text;
        Spot::all().find(named).ok_or(ParseSpotError)
    }
}

//! The rules of one table, where houses differ. Agreed when a table is created and fixed for its
//! life, because every member computes every payout from them.

use super::Chips;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The largest stake that any rules allow on one spot, odds apart, which are limited by the bet
/// behind them. Guess: far more than anybody is granted, far less than what could overflow.
pub const CHIPS_PER_BET_MAX: Chips = Chips(1_000_000);
/// The largest multiple of odds that any rules allow: the most that casinos advertise.
pub const ODDS_TIMES_MAX: u8 = 100;

/// What the creator of a table chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The least that may lie on a spot; odds may be as little as one chip.
    pub min: Chips,
    /// The most that may lie on a spot, odds apart.
    pub max: Chips,
    /// The most that may lie on a fire or repeater spot: they pay up to 999 for each chip, which
    /// the bank must hold.
    pub side_max: Chips,
    pub odds: OddsLimit,
    pub field: FieldPays,
    pub barred: Barred,
    pub hop: HopPays,
    pub commission: Commission,
}

/// How many times the bet behind them odds may be. Laid odds may win as much as taken ones may
/// risk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OddsLimit {
    /// 3 times on 4 and 10, 4 times on 5 and 9, 5 times on 6 and 8.
    #[default]
    ThreeFourFive,
    /// The same on every number, 1 to 100.
    Times(u8),
}

/// What the field pays on 2 and 12; 1:1 on its other numbers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum FieldPays {
    /// 2:1 on 2, 3:1 on 12.
    #[default]
    TripleTwelve,
    /// 3:1 on 2, 2:1 on 12.
    TripleTwo,
    /// 2:1 on both.
    Double,
}

/// The come-out roll on which don't pass and don't come only get their stake back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Barred {
    #[default]
    Twelve,
    Two,
}

/// What one throw of 36 pays and what two throws of 36 pay: hop bets, 2, 3, 11, 12, the horn and
/// the eleven of C&E.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum HopPays {
    /// 30:1 and 15:1.
    #[default]
    ThirtyFifteen,
    /// 29:1 and 14:1.
    TwentyNineFourteen,
}

/// When buy and lay bets pay their commission of 5 %: of the stake of a buy bet, of the winnings of
/// a lay bet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Commission {
    /// Out of the winnings.
    #[default]
    OnWin,
    /// With the bet, won or lost: it is part of the chips on the spot, so of 21 chips bought 20 are
    /// at work.
    OnBet,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            min: Chips(1),
            max: Chips(10_000),
            side_max: Chips(10),
            odds: OddsLimit::default(),
            field: FieldPays::default(),
            barred: Barred::default(),
            hop: HopPays::default(),
            commission: Commission::default(),
        }
    }
}

/// Why rules are not sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error("the smallest bet is {got} chips; it is at least 1 and at most the largest, {max}")]
    Min { got: Chips, max: Chips },
    #[error("the largest bet is {got} chips; at most {allowed} are allowed")]
    Max { got: Chips, allowed: Chips },
    #[error(
        "the largest side bet is {got} chips; it lies between the smallest bet, {min}, and the \
         largest, {max}"
    )]
    SideMax { got: Chips, min: Chips, max: Chips },
    #[error("odds of {got} times the bet; 1 to {allowed} times are allowed")]
    Odds { got: u8, allowed: u8 },
}

impl Rules {
    /// Whether a table can be played by these rules; the first fault.
    pub fn check(&self) -> Result<(), RulesError> {
        if self.max > CHIPS_PER_BET_MAX {
            return Err(RulesError::Max { got: self.max, allowed: CHIPS_PER_BET_MAX });
        }
        if !(Chips(1)..=self.max).contains(&self.min) {
            return Err(RulesError::Min { got: self.min, max: self.max });
        }
        if !(self.min..=self.max).contains(&self.side_max) {
            let (min, max) = (self.min, self.max);
            return Err(RulesError::SideMax { got: self.side_max, min, max });
        }
        match self.odds {
            OddsLimit::Times(got) if !(1..=ODDS_TIMES_MAX).contains(&got) => {
                Err(RulesError::Odds { got, allowed: ODDS_TIMES_MAX })
            }
            OddsLimit::ThreeFourFive | OddsLimit::Times(_) => Ok(()),
        }
    }
}

impl OddsLimit {
    pub(super) fn text(self) -> String {
        match self {
            OddsLimit::ThreeFourFive => {
                "3 times the bet on 4 and 10, 4 times on 5 and 9, 5 times on 6 and 8".to_owned()
            }
            OddsLimit::Times(1) => "as much as the bet".to_owned(),
            OddsLimit::Times(times) => format!("{times} times the bet"),
        }
    }
}

impl FieldPays {
    pub(super) const fn text(self) -> &'static str {
        match self {
            FieldPays::TripleTwelve => "2:1 on 2, 3:1 on 12",
            FieldPays::TripleTwo => "3:1 on 2, 2:1 on 12",
            FieldPays::Double => "2:1 on 2 and 12",
        }
    }
}

impl Commission {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Commission::OnWin => "paid out of the winnings",
            Commission::OnBet => "paid with the bet, won or lost",
        }
    }
}

/// A few sentences for people.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let barred = match self.barred {
            Barred::Twelve => "12",
            Barred::Two => "2",
        };
        let hop = match self.hop {
            HopPays::ThirtyFifteen => "15:1, pairs 30:1",
            HopPays::TwentyNineFourteen => "14:1, pairs 29:1",
        };
        write!(
            f,
            "{} to {} chips on a bet, side bets up to {}. Odds up to {}. Don't pass and don't come \
             get their stake back on {barred}. The field pays {}. Hops pay {hop}. The 5 % for buy \
             and lay bets is {}.",
            self.min,
            self.max,
            self.side_max,
            self.odds.text(),
            self.field.text(),
            self.commission.text(),
        )
    }
}

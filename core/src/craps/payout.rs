//! What a roll does to a chip on a spot, and what it pays: a pure table.

use super::{Chips, Number, Phase, Spot};

/// How many times the bet behind them laid odds may be, on every number: they then win three, four
/// or five times that bet, as much as the other side may take. Standard with 3-4-5× odds.
pub const LAY_ODDS_MULTIPLE_MAX: u64 = 6;

/// `pays` to `per`: 7 to 6 is `Ratio { pays: 7, per: 6 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    pub pays: u64,
    pub per: u64,
}

const fn ratio(pays: u64, per: u64) -> Ratio {
    Ratio { pays, per }
}

const EVEN: Ratio = ratio(1, 1);

impl Ratio {
    /// Winnings without the stake, rounded down: the house keeps the fraction. Stakes that are a
    /// multiple of `per` lose nothing. Saturates.
    pub fn winnings(self, stake: Chips) -> Chips {
        let exact = u128::from(stake.0) * u128::from(self.pays) / u128::from(self.per.max(1));
        Chips(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

/// What one roll does to one bet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Travels(Spot),
    Wins(Ratio),
    Loses,
    /// Barred or off: the stake goes back.
    Returned,
}

/// The true odds of `number` before seven.
pub(super) const fn taken_odds(number: Number) -> Ratio {
    match number {
        Number::Four | Number::Ten => ratio(2, 1),
        Number::Five | Number::Nine => ratio(3, 2),
        Number::Six | Number::Eight => ratio(6, 5),
    }
}

/// The true odds of seven before `number`.
pub(super) const fn laid_odds(number: Number) -> Ratio {
    let taken = taken_odds(number);
    ratio(taken.per, taken.pays)
}

/// How many times the bet behind them taken odds may be: 3-4-5×.
pub(super) const fn taken_odds_multiple_max(number: Number) -> u64 {
    match number {
        Number::Four | Number::Ten => 3,
        Number::Five | Number::Nine => 4,
        Number::Six | Number::Eight => 5,
    }
}

pub(super) const fn place_odds(number: Number) -> Ratio {
    match number {
        Number::Four | Number::Ten => ratio(9, 5),
        Number::Five | Number::Nine => ratio(7, 5),
        Number::Six | Number::Eight => ratio(7, 6),
    }
}

/// The most a spot can pay from here on, if it pays anything.
pub(super) fn best(spot: Spot, phase: Phase) -> Ratio {
    match (spot, phase) {
        (Spot::PassOdds, Phase::Point(n)) => taken_odds(n),
        (Spot::DontPassOdds, Phase::Point(n)) => laid_odds(n),
        (Spot::PassOdds | Spot::DontPassOdds, Phase::ComeOut) => ratio(0, 1),
        (Spot::ComeOdds(n), _) => taken_odds(n),
        (Spot::DontComeOdds(n), _) => laid_odds(n),
        (Spot::Place(n), _) => place_odds(n),
        (Spot::Field, _) => ratio(3, 1),
        (
            Spot::Pass
            | Spot::DontPass
            | Spot::Come
            | Spot::DontCome
            | Spot::ComeOn(_)
            | Spot::DontComeOn(_),
            _,
        ) => EVEN,
    }
}

/// The whole game, one spot and one roll at a time.
pub(super) fn fate(spot: Spot, phase: Phase, total: u8) -> Fate {
    match (spot, phase) {
        (Spot::Pass, Phase::ComeOut) => first_roll(total, None),
        (Spot::Pass, Phase::Point(n)) => number_first(n, total, EVEN),
        (Spot::DontPass, Phase::ComeOut) => first_roll_against(total, None),
        (Spot::DontPass, Phase::Point(n)) => seven_first(n, total, EVEN),
        (Spot::PassOdds, Phase::Point(n)) => number_first(n, total, taken_odds(n)),
        (Spot::DontPassOdds, Phase::Point(n)) => seven_first(n, total, laid_odds(n)),
        // Never on the felt without a point; harmless if it were.
        (Spot::PassOdds | Spot::DontPassOdds, Phase::ComeOut) => Fate::Returned,
        (Spot::Come, _) => first_roll(total, Number::of(total).map(Spot::ComeOn)),
        (Spot::DontCome, _) => first_roll_against(total, Number::of(total).map(Spot::DontComeOn)),
        (Spot::ComeOn(n), _) => number_first(n, total, EVEN),
        (Spot::DontComeOn(n), _) => seven_first(n, total, EVEN),
        (Spot::ComeOdds(n), Phase::Point(_)) => number_first(n, total, taken_odds(n)),
        (Spot::ComeOdds(n), Phase::ComeOut) => match number_first(n, total, EVEN) {
            Fate::Stays => Fate::Stays,
            Fate::Travels(_) | Fate::Wins(_) | Fate::Loses | Fate::Returned => Fate::Returned,
        },
        (Spot::DontComeOdds(n), _) => seven_first(n, total, laid_odds(n)),
        (Spot::Place(n), Phase::Point(_)) => number_first(n, total, place_odds(n)),
        (Spot::Place(_), Phase::ComeOut) => Fate::Stays,
        (Spot::Field, _) => field(total),
    }
}

/// A bet with the shooter on its first roll; `next` is where it travels.
fn first_roll(total: u8, next: Option<Spot>) -> Fate {
    match total {
        7 | 11 => Fate::Wins(EVEN),
        2 | 3 | 12 => Fate::Loses,
        _ => next.map_or(Fate::Stays, Fate::Travels),
    }
}

/// A bet against the shooter on its first roll.
fn first_roll_against(total: u8, next: Option<Spot>) -> Fate {
    match total {
        7 | 11 => Fate::Loses,
        2 | 3 => Fate::Wins(EVEN),
        12 => Fate::Returned,
        _ => next.map_or(Fate::Stays, Fate::Travels),
    }
}

fn number_first(number: Number, total: u8, pays: Ratio) -> Fate {
    match total {
        7 => Fate::Loses,
        t if t == number.total() => Fate::Wins(pays),
        _ => Fate::Stays,
    }
}

fn seven_first(number: Number, total: u8, pays: Ratio) -> Fate {
    match total {
        7 => Fate::Wins(pays),
        t if t == number.total() => Fate::Loses,
        _ => Fate::Stays,
    }
}

fn field(total: u8) -> Fate {
    match total {
        2 => Fate::Wins(ratio(2, 1)),
        12 => Fate::Wins(ratio(3, 1)),
        3 | 4 | 9 | 10 | 11 => Fate::Wins(EVEN),
        _ => Fate::Loses,
    }
}

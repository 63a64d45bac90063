//! What a roll does to a chip on a spot, and what it pays: a pure table.

use super::{
    Barred, Chips, Commission, Dice, FieldPays, Hand, Hard, HopPays, Number, OddsLimit, Phase,
    Rules, Spot, Total, hand::needed,
};
use core::fmt;

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
const NOTHING: Ratio = ratio(0, 1);

impl Ratio {
    /// Winnings without the stake, rounded down: the house keeps the fraction. Stakes that are a
    /// multiple of `per` lose nothing. Saturates.
    pub fn winnings(self, stake: Chips) -> Chips {
        let exact = u128::from(stake.0) * u128::from(self.pays) / u128::from(self.per.max(1));
        Chips(u64::try_from(exact).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pays, self.per)
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

/// The most that may lie behind a bet of `flat` chips as taken odds.
pub(super) fn taken_odds_max(rules: &Rules, number: Number, flat: Chips) -> Chips {
    let times = match (rules.odds, number) {
        (OddsLimit::Times(times), _) => times,
        (OddsLimit::ThreeFourFive, Number::Four | Number::Ten) => 3,
        (OddsLimit::ThreeFourFive, Number::Five | Number::Nine) => 4,
        (OddsLimit::ThreeFourFive, Number::Six | Number::Eight) => 5,
    };
    flat.saturating_mul(times.into())
}

/// The same for laid odds: they then win as much as the other side may risk.
pub(super) fn laid_odds_max(rules: &Rules, number: Number, flat: Chips) -> Chips {
    taken_odds(number).winnings(taken_odds_max(rules, number, flat))
}

const fn place_odds(number: Number) -> Ratio {
    match number {
        Number::Four | Number::Ten => ratio(9, 5),
        Number::Five | Number::Nine => ratio(7, 5),
        Number::Six | Number::Eight => ratio(7, 6),
    }
}

/// True odds less 5 % of the stake: of 20 chips at work one is the commission.
const fn buy_odds(rules: &Rules, number: Number) -> Ratio {
    match (rules.commission, number) {
        (Commission::OnWin, Number::Four | Number::Ten) => ratio(39, 20),
        (Commission::OnWin, Number::Five | Number::Nine) => ratio(29, 20),
        (Commission::OnWin, Number::Six | Number::Eight) => ratio(23, 20),
        (Commission::OnBet, Number::Four | Number::Ten) => ratio(13, 7),
        (Commission::OnBet, Number::Five | Number::Nine) => ratio(29, 21),
        (Commission::OnBet, Number::Six | Number::Eight) => ratio(23, 21),
    }
}

/// True odds less 5 % of the winnings: 40, 30 or 24 chips at work win 20, and one is the
/// commission.
const fn lay_odds(rules: &Rules, number: Number) -> Ratio {
    let commission = match rules.commission {
        Commission::OnWin => 0,
        Commission::OnBet => 1,
    };
    match number {
        Number::Four | Number::Ten => ratio(19, 40 + commission),
        Number::Five | Number::Nine => ratio(19, 30 + commission),
        Number::Six | Number::Eight => ratio(19, 24 + commission),
    }
}

const fn hard_odds(hard: Hard) -> Ratio {
    match hard {
        Hard::Four | Hard::Ten => ratio(7, 1),
        Hard::Six | Hard::Eight => ratio(9, 1),
    }
}

/// A throw that one of 36 rolls makes.
const fn pair_odds(rules: &Rules) -> Ratio {
    match rules.hop {
        HopPays::ThirtyFifteen => ratio(30, 1),
        HopPays::TwentyNineFourteen => ratio(29, 1),
    }
}

/// A throw that two of 36 rolls make.
const fn mixed_odds(rules: &Rules) -> Ratio {
    match rules.hop {
        HopPays::ThirtyFifteen => ratio(15, 1),
        HopPays::TwentyNineFourteen => ratio(14, 1),
    }
}

/// A bet in equal `parts`, of which one wins by `part` and the others lose.
const fn one_part(part: Ratio, parts: u64) -> Ratio {
    match part.pays - (parts - 1) {
        net if net % parts == 0 => ratio(net / parts, 1),
        net if net % 2 == 0 && parts % 2 == 0 => ratio(net / 2, parts / 2),
        net => ratio(net, parts),
    }
}

const ANY_SEVEN: Ratio = ratio(4, 1);
const ANY_CRAPS: Ratio = ratio(7, 1);

/// By the different points made. The paytable of the first casinos that offered the bet (25, 250
/// and 1 000 for 1), published with a house edge of 20.76 %.
pub(super) const fn fire_odds(points: u32) -> Option<Ratio> {
    match points {
        4 => Some(ratio(24, 1)),
        5 => Some(ratio(249, 1)),
        6 => Some(ratio(999, 1)),
        _ => None,
    }
}

/// The usual paytable: 40, 50, 65, 80 and 90 for 1.
const fn repeater_odds(total: Total) -> Ratio {
    match total.get() {
        2 | 12 => ratio(39, 1),
        3 | 11 => ratio(49, 1),
        4 | 10 => ratio(64, 1),
        5 | 9 => ratio(79, 1),
        _ => ratio(89, 1),
    }
}

/// The most a spot can pay from here on, if it pays anything.
pub(super) const fn best(rules: &Rules, spot: Spot, phase: Phase) -> Ratio {
    match (spot, phase) {
        (Spot::PassOdds, Phase::Point(n)) => taken_odds(n),
        (Spot::DontPassOdds, Phase::Point(n)) => laid_odds(n),
        (Spot::PassOdds | Spot::DontPassOdds, Phase::ComeOut) => NOTHING,
        (Spot::ComeOdds(n), _) => taken_odds(n),
        (Spot::DontComeOdds(n), _) => laid_odds(n),
        (Spot::Place(n), _) => place_odds(n),
        (Spot::Buy(n), _) => buy_odds(rules, n),
        (Spot::Lay(n), _) => lay_odds(rules, n),
        (Spot::Hard(n), _) => hard_odds(n),
        (Spot::Field, _) => match rules.field {
            FieldPays::TripleTwelve | FieldPays::TripleTwo => ratio(3, 1),
            FieldPays::Double => ratio(2, 1),
        },
        (Spot::AnySeven, _) => ANY_SEVEN,
        (Spot::AnyCraps, _) => ANY_CRAPS,
        (Spot::CrapsTwo | Spot::CrapsTwelve, _) => pair_odds(rules),
        (Spot::CrapsThree | Spot::Eleven, _) => mixed_odds(rules),
        (Spot::Horn, _) => horn(rules, 2),
        (Spot::CAndE, _) => c_and_e(rules, 11),
        (Spot::Hop(hop), _) => {
            if hop.is_pair() {
                pair_odds(rules)
            } else {
                mixed_odds(rules)
            }
        }
        (Spot::Fire, _) => ratio(999, 1),
        (Spot::Repeater(total), _) => repeater_odds(total),
        (
            Spot::Pass
            | Spot::DontPass
            | Spot::Come
            | Spot::DontCome
            | Spot::ComeOn(_)
            | Spot::DontComeOn(_)
            | Spot::BigSix
            | Spot::BigEight,
            _,
        ) => EVEN,
    }
}

/// The whole game, one spot and one roll at a time. `hand` is what came before the roll.
pub(super) fn fate(rules: &Rules, spot: Spot, phase: Phase, hand: Hand, dice: Dice) -> Fate {
    let total = dice.total();
    let pays = best(rules, spot, phase);
    let next_roll = |wins: bool| if wins { Fate::Wins(pays) } else { Fate::Loses };
    match (spot, phase) {
        (Spot::Pass, Phase::ComeOut) => first_roll(total, None),
        (Spot::DontPass, Phase::ComeOut) => first_roll_against(rules, total, None),
        (Spot::Pass | Spot::PassOdds, Phase::Point(n)) => number_first(n, total, pays),
        (Spot::DontPass | Spot::DontPassOdds, Phase::Point(n)) => seven_first(n, total, pays),
        // Never on the felt without a point; harmless if it were.
        (Spot::PassOdds | Spot::DontPassOdds, Phase::ComeOut) => Fate::Returned,
        (Spot::Come, _) => first_roll(total, Number::of(total).map(Spot::ComeOn)),
        (Spot::DontCome, _) => {
            first_roll_against(rules, total, Number::of(total).map(Spot::DontComeOn))
        }
        (Spot::ComeOdds(n), Phase::ComeOut) => match number_first(n, total, pays) {
            Fate::Stays => Fate::Stays,
            Fate::Travels(_) | Fate::Wins(_) | Fate::Loses | Fate::Returned => Fate::Returned,
        },
        (Spot::Place(_) | Spot::Buy(_) | Spot::Hard(_), Phase::ComeOut) => Fate::Stays,
        (
            Spot::ComeOn(n) | Spot::ComeOdds(n) | Spot::Place(n) | Spot::Buy(n),
            Phase::ComeOut | Phase::Point(_),
        ) => number_first(n, total, pays),
        (Spot::DontComeOn(n) | Spot::DontComeOdds(n) | Spot::Lay(n), _) => {
            seven_first(n, total, pays)
        }
        (Spot::Hard(n), Phase::Point(_)) => match total {
            7 => Fate::Loses,
            t if t != n.total() => Fate::Stays,
            _ => next_roll(dice.is_pair()),
        },
        (Spot::BigSix, _) => number_first(Number::Six, total, pays),
        (Spot::BigEight, _) => number_first(Number::Eight, total, pays),
        (Spot::Field, _) => field(rules, total),
        (Spot::AnySeven, _) => next_roll(total == 7),
        (Spot::AnyCraps, _) => next_roll(matches!(total, 2 | 3 | 12)),
        (Spot::CrapsTwo, _) => next_roll(total == 2),
        (Spot::CrapsThree, _) => next_roll(total == 3),
        (Spot::CrapsTwelve, _) => next_roll(total == 12),
        (Spot::Eleven, _) => next_roll(total == 11),
        (Spot::Horn, _) => match total {
            2 | 3 | 11 | 12 => Fate::Wins(horn(rules, total)),
            _ => Fate::Loses,
        },
        (Spot::CAndE, _) => match total {
            2 | 3 | 11 | 12 => Fate::Wins(c_and_e(rules, total)),
            _ => Fate::Loses,
        },
        (Spot::Hop(hop), _) => next_roll(hop.fell(dice)),
        (Spot::Fire, _) => fire(phase, hand, dice),
        (Spot::Repeater(counted), _) => match total {
            7 => Fate::Loses,
            t if t != counted.get() || hand.seen(counted) + 1 < needed(counted) => Fate::Stays,
            _ => Fate::Wins(pays),
        },
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
fn first_roll_against(rules: &Rules, total: u8, next: Option<Spot>) -> Fate {
    match (total, rules.barred) {
        (7 | 11, _) => Fate::Loses,
        (2, Barred::Two) | (12, Barred::Twelve) => Fate::Returned,
        (2 | 3 | 12, _) => Fate::Wins(EVEN),
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

fn field(rules: &Rules, total: u8) -> Fate {
    match (total, rules.field) {
        (2, FieldPays::TripleTwo) | (12, FieldPays::TripleTwelve) => Fate::Wins(ratio(3, 1)),
        (2 | 12, _) => Fate::Wins(ratio(2, 1)),
        (3 | 4 | 9 | 10 | 11, _) => Fate::Wins(EVEN),
        _ => Fate::Loses,
    }
}

/// A quarter lies on each of 2, 3, 11 and 12.
pub(super) const fn horn(rules: &Rules, total: u8) -> Ratio {
    match total {
        2 | 12 => one_part(pair_odds(rules), 4),
        _ => one_part(mixed_odds(rules), 4),
    }
}

/// Half lies on any craps, half on eleven.
pub(super) const fn c_and_e(rules: &Rules, total: u8) -> Ratio {
    match total {
        11 => one_part(mixed_odds(rules), 2),
        _ => one_part(ANY_CRAPS, 2),
    }
}

/// Paid when the shooter sevens out, or at once when nothing more can be won.
fn fire(phase: Phase, hand: Hand, dice: Dice) -> Fate {
    let points = hand.after(phase, dice).points();
    match phase {
        Phase::Point(_) if dice.total() == 7 => {
            fire_odds(hand.points()).map_or(Fate::Loses, Fate::Wins)
        }
        Phase::Point(_) if points > hand.points() && points == 6 => {
            fire_odds(points).map_or(Fate::Stays, Fate::Wins)
        }
        Phase::Point(_) | Phase::ComeOut => Fate::Stays,
    }
}

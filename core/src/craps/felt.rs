//! The felt: which chips lie where, what may be added, and what a roll does to all of it.
//!
//! A value that is cloned to judge a proposed batch; it holds at most one stake per seat and spot.
//! It neither knows stacks nor the bank: whoever places a bet takes the chips from a stack, and
//! whoever rolls moves what [`Settlement`] says.

use super::{
    Chips, Dice, Number, Ratio, Seat, Spot, Wager,
    payout::{self, Fate, LAY_ODDS_MULTIPLE_MAX},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The smallest bet.
pub const CHIPS_PER_BET_MIN: Chips = Chips(1);

/// The largest stake on one spot, odds apart, which are limited by the bet behind them. Guess: far
/// more than anybody is granted, far less than what could overflow.
pub const CHIPS_PER_BET_MAX: Chips = Chips(1_000_000);

/// What the next roll is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    ComeOut,
    Point(Number),
}

/// The chips on the table and the point.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Felt {
    phase: Phase,
    bets: BTreeMap<(Seat, Spot), Chips>,
}

/// Why a bet is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BetError {
    #[error("a bet is at least {min} chip")]
    TooSmall { min: Chips },
    #[error("at most {max} chips may lie on {spot}, and {lies} lie there already")]
    TooLarge { spot: Spot, max: Chips, lies: Chips },
    #[error("{wager} is bet on the come-out roll only; bet {instead} while there is a point")]
    ComeOutOnly { wager: Wager, instead: Wager },
    #[error("{wager} needs a point; wait until the come-out roll has set one")]
    NeedsPoint { wager: Wager },
    #[error("{wager} goes behind a bet on {behind}, and there is none of yours")]
    NothingBehind { wager: Wager, behind: Spot },
}

/// What a roll meant for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollOutcome {
    /// 7 or 11 on the come-out.
    Natural,
    /// 2, 3 or 12 on the come-out.
    Craps,
    PointSet(Number),
    PointMade(Number),
    /// The point is lost, and the dice go to the next shooter.
    SevenOut,
    NoDecision,
}

/// How a bet ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetResult {
    /// The stake goes back with these winnings.
    Won { winnings: Chips },
    /// The bank keeps the stake.
    Lost,
    /// The stake goes back.
    Pushed,
}

/// A bet that has left the felt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    pub seat: Seat,
    pub spot: Spot,
    pub stake: Chips,
    pub result: BetResult,
}

impl Resolved {
    /// What the seat gets, stake included.
    pub fn paid(&self) -> Chips {
        match self.result {
            BetResult::Won { winnings } => self.stake.saturating_add(winnings),
            BetResult::Lost => Chips::ZERO,
            BetResult::Pushed => self.stake,
        }
    }
}

/// What a roll did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub outcome: RollOutcome,
    /// In the order of seats, then of spots.
    pub resolved: Vec<Resolved>,
}

impl Felt {
    /// An empty felt before a come-out roll.
    pub fn new() -> Felt {
        Felt::default()
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn point(&self) -> Option<Number> {
        match self.phase {
            Phase::ComeOut => None,
            Phase::Point(number) => Some(number),
        }
    }

    /// All chips on the felt, in the order of seats, then of spots.
    pub fn bets(&self) -> impl Iterator<Item = (Seat, Spot, Chips)> + '_ {
        self.bets.iter().map(|((seat, spot), chips)| (*seat, *spot, *chips))
    }

    pub fn bets_of(&self, seat: Seat) -> impl Iterator<Item = (Spot, Chips)> + '_ {
        self.bets().filter(move |(owner, ..)| *owner == seat).map(|(_, spot, chips)| (spot, chips))
    }

    /// Zero where nothing lies.
    pub fn chips_on(&self, seat: Seat, spot: Spot) -> Chips {
        self.bets.get(&(seat, spot)).copied().unwrap_or_default()
    }

    /// Everything that lies on the felt.
    pub fn total(&self) -> Chips {
        self.bets.values().fold(Chips::ZERO, |sum, chips| sum.saturating_add(*chips))
    }

    /// Whether the bet may be placed now, and where it would lie.
    pub fn check(&self, seat: Seat, wager: Wager, chips: Chips) -> Result<Spot, BetError> {
        let spot = wager.spot();
        let max = self.limit(seat, wager)?;
        if chips < CHIPS_PER_BET_MIN {
            return Err(BetError::TooSmall { min: CHIPS_PER_BET_MIN });
        }
        let lies = self.chips_on(seat, spot);
        match lies.checked_add(chips) {
            Some(sum) if sum <= max => Ok(spot),
            Some(_) | None => Err(BetError::TooLarge { spot, max, lies }),
        }
    }

    /// The most that may lie on the wager's spot, or why it is not offered now.
    pub fn limit(&self, seat: Seat, wager: Wager) -> Result<Chips, BetError> {
        let needs_point = BetError::NeedsPoint { wager };
        let odds = |multiple: u64| {
            let behind = wager.spot().backed().unwrap_or(Spot::Pass);
            match self.chips_on(seat, behind) {
                Chips::ZERO => Err(BetError::NothingBehind { wager, behind }),
                flat => Ok(flat.saturating_mul(multiple)),
            }
        };
        match (wager, self.phase) {
            (Wager::Pass, Phase::Point(_)) => {
                Err(BetError::ComeOutOnly { wager, instead: Wager::Come })
            }
            (Wager::DontPass, Phase::Point(_)) => {
                Err(BetError::ComeOutOnly { wager, instead: Wager::DontCome })
            }
            (Wager::Come | Wager::DontCome, Phase::ComeOut) => Err(needs_point),
            (Wager::PassOdds | Wager::DontPassOdds, Phase::ComeOut) => Err(needs_point),
            (Wager::PassOdds, Phase::Point(n)) => odds(payout::taken_odds_multiple_max(n)),
            (Wager::ComeOdds(n), _) => odds(payout::taken_odds_multiple_max(n)),
            (Wager::DontPassOdds, Phase::Point(_)) => odds(LAY_ODDS_MULTIPLE_MAX),
            (Wager::DontComeOdds(_), _) => odds(LAY_ODDS_MULTIPLE_MAX),
            (Wager::Pass | Wager::DontPass, Phase::ComeOut)
            | (Wager::Come | Wager::DontCome, Phase::Point(_))
            | (Wager::Field | Wager::Place(_), _) => Ok(CHIPS_PER_BET_MAX),
        }
    }

    /// What the wager would pay now at best. A multiple of its `per` is the unit to bet in: less
    /// loses its fraction to rounding.
    pub fn pays(&self, wager: Wager) -> Ratio {
        payout::best(wager.spot(), self.phase)
    }

    /// Puts chips on the felt, on top of what lies there. The caller has taken them from the stack.
    pub fn place(&mut self, seat: Seat, wager: Wager, chips: Chips) -> Result<Spot, BetError> {
        let spot = self.check(seat, wager, chips)?;
        let stake = self.bets.entry((seat, spot)).or_default();
        *stake = stake.saturating_add(chips);
        Ok(spot)
    }

    /// An upper bound of what the bank has to pay out for the bets that lie here, whatever is
    /// rolled until they are all decided: winnings without stakes, and no loss counted against
    /// them.
    pub fn exposure(&self) -> Chips {
        let best = |(_, spot, chips)| payout::best(spot, self.phase).winnings(chips);
        self.bets().map(best).fold(Chips::ZERO, Chips::saturating_add)
    }

    /// [`Felt::exposure`] as it would be with this bet, or why it may not be placed. What the bet
    /// would add is not a matter of the bet alone: chips on one spot are rounded together.
    pub fn exposure_with(&self, seat: Seat, wager: Wager, chips: Chips) -> Result<Chips, BetError> {
        let mut felt = self.clone();
        felt.place(seat, wager, chips)?;
        Ok(felt.exposure())
    }

    /// Settles every bet, lets come bets travel and moves the phase on.
    pub fn roll(&mut self, dice: Dice) -> Settlement {
        let total = dice.total();
        let (mut resolved, mut stay) = (Vec::new(), BTreeMap::new());
        for ((seat, spot), stake) in std::mem::take(&mut self.bets) {
            let result = match payout::fate(spot, self.phase, total) {
                Fate::Stays => {
                    stay.insert((seat, spot), stake);
                    continue;
                }
                Fate::Travels(next) => {
                    // What lay on that number was decided by this very roll.
                    stay.insert((seat, next), stake);
                    continue;
                }
                Fate::Wins(pays) => BetResult::Won { winnings: pays.winnings(stake) },
                Fate::Loses => BetResult::Lost,
                Fate::Returned => BetResult::Pushed,
            };
            resolved.push(Resolved { seat, spot, stake, result });
        }
        self.bets = stay;
        let outcome = outcome(self.phase, total);
        self.phase = match outcome {
            RollOutcome::PointSet(number) => Phase::Point(number),
            RollOutcome::PointMade(_) | RollOutcome::SevenOut => Phase::ComeOut,
            RollOutcome::Natural | RollOutcome::Craps | RollOutcome::NoDecision => self.phase,
        };
        Settlement { outcome, resolved }
    }

    /// Gives a leaving seat back what may be taken down: everything but pass bets whose point is
    /// set and come bets, which are contracts; those stay and are decided as they fall. Between
    /// two rolls only, never while bets are closed.
    pub fn clear_seat(&mut self, seat: Seat) -> Vec<(Spot, Chips)> {
        let phase = self.phase;
        let contract = |spot: Spot| match spot {
            Spot::Pass => phase != Phase::ComeOut,
            Spot::Come | Spot::ComeOn(_) => true,
            Spot::DontPass
            | Spot::PassOdds
            | Spot::DontPassOdds
            | Spot::DontCome
            | Spot::DontComeOn(_)
            | Spot::ComeOdds(_)
            | Spot::DontComeOdds(_)
            | Spot::Field
            | Spot::Place(_) => false,
        };
        let returned: Vec<_> = self.bets_of(seat).filter(|(spot, _)| !contract(*spot)).collect();
        for (spot, _) in &returned {
            self.bets.remove(&(seat, *spot));
        }
        returned
    }

    /// Takes every bet of a seat away, also those that nobody may take down. Returns the chips.
    pub fn take_seat(&mut self, seat: Seat) -> Chips {
        let taken: Vec<_> = self.bets_of(seat).collect();
        for (spot, _) in &taken {
            self.bets.remove(&(seat, *spot));
        }
        Chips(taken.iter().map(|(_, chips)| chips.0).sum())
    }
}

fn outcome(phase: Phase, total: u8) -> RollOutcome {
    match (phase, total, Number::of(total)) {
        (Phase::ComeOut, 7 | 11, _) => RollOutcome::Natural,
        (Phase::ComeOut, 2 | 3 | 12, _) => RollOutcome::Craps,
        (Phase::ComeOut, _, Some(number)) => RollOutcome::PointSet(number),
        (Phase::Point(_), 7, _) => RollOutcome::SevenOut,
        (Phase::Point(point), _, Some(number)) if point == number => RollOutcome::PointMade(point),
        (Phase::ComeOut | Phase::Point(_), ..) => RollOutcome::NoDecision,
    }
}

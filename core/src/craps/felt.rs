//! The felt: which chips lie where, what may be added, and what a roll does to all of it.
//!
//! A value that is cloned to judge a proposed batch; it holds at most one stake per seat and spot.
//! It neither knows stacks nor the bank: whoever places a bet takes the chips from a stack, and
//! whoever rolls moves what [`Settlement`] says.

use super::{
    Chips, Dice, Hand, Number, Ratio, Rules, Seat, Spot, Wager,
    payout::{self, Fate},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

impl Phase {
    pub(super) fn after(self, dice: Dice) -> Phase {
        match outcome(self, dice.total()) {
            RollOutcome::PointSet(number) => Phase::Point(number),
            RollOutcome::PointMade(_) | RollOutcome::SevenOut => Phase::ComeOut,
            RollOutcome::Natural | RollOutcome::Craps | RollOutcome::NoDecision => self,
        }
    }
}

/// The rules, the chips on the table, the point and what was rolled before.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Felt {
    rules: Rules,
    phase: Phase,
    hand: Hand,
    bets: BTreeMap<(Seat, Spot), Chips>,
}

/// Why a bet is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BetError {
    #[error("a bet is at least one chip")]
    Nothing,
    #[error("at least {min} chips must lie on {spot}; bet more at once")]
    TooSmall { spot: Spot, min: Chips },
    #[error("at most {max} chips may lie on {spot}, and {lies} lie there already")]
    TooLarge { spot: Spot, max: Chips, lies: Chips },
    #[error("{wager} is bet on the come-out roll only; bet {instead} while there is a point")]
    ComeOutOnly { wager: Wager, instead: Wager },
    #[error("{wager} needs a point; wait until the come-out roll has set one")]
    NeedsPoint { wager: Wager },
    #[error("{wager} goes behind a bet on {behind}, and there is none of yours")]
    NothingBehind { wager: Wager, behind: Spot },
    #[error("{wager} is bet before the shooter's first point; wait until the shooter sevens out")]
    PointsUnderWay { wager: Wager },
    #[error("{wager} is bet before its total has fallen; wait for a 7")]
    TotalsUnderWay { wager: Wager },
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
    /// An empty felt before a come-out roll. The rules are to be sound ([`Rules::check`]).
    pub fn new(rules: Rules) -> Felt {
        Felt { rules, ..Felt::default() }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What fire and repeater bets count.
    pub fn hand(&self) -> Hand {
        self.hand
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
        if chips == Chips::ZERO {
            return Err(BetError::Nothing);
        }
        let lies = self.chips_on(seat, spot);
        let sum = lies.saturating_add(chips);
        if sum > max {
            return Err(BetError::TooLarge { spot, max, lies });
        }
        if sum < self.rules.min && spot.backed().is_none() {
            return Err(BetError::TooSmall { spot, min: self.rules.min });
        }
        Ok(spot)
    }

    /// The most that may lie on the wager's spot, or why it is not offered now.
    pub fn limit(&self, seat: Seat, wager: Wager) -> Result<Chips, BetError> {
        let needs_point = BetError::NeedsPoint { wager };
        let odds = |most: fn(&Rules, Number, Chips) -> Chips, number| {
            let behind = wager.spot().backed().unwrap_or(Spot::Pass);
            match self.chips_on(seat, behind) {
                Chips::ZERO => Err(BetError::NothingBehind { wager, behind }),
                flat => Ok(most(&self.rules, number, flat)),
            }
        };
        match (wager, self.phase) {
            (Wager::Pass, Phase::Point(_)) => {
                Err(BetError::ComeOutOnly { wager, instead: Wager::Come })
            }
            (Wager::DontPass, Phase::Point(_)) => {
                Err(BetError::ComeOutOnly { wager, instead: Wager::DontCome })
            }
            (
                Wager::Come | Wager::DontCome | Wager::PassOdds | Wager::DontPassOdds,
                Phase::ComeOut,
            ) => Err(needs_point),
            (Wager::PassOdds, Phase::Point(n)) | (Wager::ComeOdds(n), _) => {
                odds(payout::taken_odds_max, n)
            }
            (Wager::DontPassOdds, Phase::Point(n)) | (Wager::DontComeOdds(n), _) => {
                odds(payout::laid_odds_max, n)
            }
            // Before the first point of a hand and before the first fall of a total nothing has
            // been counted yet, so a later bet is as good as one before the first roll.
            (Wager::Fire, phase) if phase != Phase::ComeOut || self.hand.points() > 0 => {
                Err(BetError::PointsUnderWay { wager })
            }
            (Wager::Repeater(total), _) if self.hand.seen(total) > 0 => {
                Err(BetError::TotalsUnderWay { wager })
            }
            (Wager::Fire | Wager::Repeater(_), _) => Ok(self.rules.side_max),
            _ => Ok(self.rules.max),
        }
    }

    /// What the wager would pay now at best. A multiple of its `per` is the unit to bet in: less
    /// loses its fraction to rounding.
    pub fn pays(&self, wager: Wager) -> Ratio {
        payout::best(&self.rules, wager.spot(), self.phase)
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
        let best = |(_, spot, chips)| self.worst_case(spot, chips);
        self.bets().map(best).fold(Chips::ZERO, Chips::saturating_add)
    }

    /// [`Felt::exposure`] as it would be with this bet, or why it may not be placed. What the bet
    /// would add is not a matter of the bet alone: chips on one spot are rounded together.
    pub fn exposure_with(&self, seat: Seat, wager: Wager, chips: Chips) -> Result<Chips, BetError> {
        let at = (seat, self.check(seat, wager, chips)?);
        let others = self.bets().filter(|(seat, spot, _)| (*seat, *spot) != at);
        let sum = self.chips_on(at.0, at.1).saturating_add(chips);
        let this = self.worst_case(at.1, sum);
        let best = |(_, spot, chips)| self.worst_case(spot, chips);
        Ok(others.map(best).fold(this, Chips::saturating_add))
    }

    fn worst_case(&self, spot: Spot, chips: Chips) -> Chips {
        payout::best(&self.rules, spot, self.phase).winnings(chips)
    }

    /// Settles every bet, lets come bets travel and moves the phase on.
    pub fn roll(&mut self, dice: Dice) -> Settlement {
        let (mut resolved, mut stay) = (Vec::new(), BTreeMap::new());
        for ((seat, spot), stake) in std::mem::take(&mut self.bets) {
            let result = match payout::fate(&self.rules, spot, self.phase, self.hand, dice) {
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
        self.hand = self.hand.after(self.phase, dice);
        let outcome = outcome(self.phase, dice.total());
        self.phase = self.phase.after(dice);
        Settlement { outcome, resolved }
    }

    /// Gives a leaving seat back what may be taken down: everything but pass bets whose point is
    /// set, come bets, fire and repeater bets, which are contracts; those stay and are decided as
    /// they fall. Between two rolls only, never while bets are closed.
    pub fn clear_seat(&mut self, seat: Seat) -> Vec<(Spot, Chips)> {
        let phase = self.phase;
        let contract = |spot: Spot| match spot {
            Spot::Pass => phase != Phase::ComeOut,
            Spot::Come | Spot::ComeOn(_) | Spot::Fire | Spot::Repeater(_) => true,
            _ => false,
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

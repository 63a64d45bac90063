//! How bots bet: named strategies, each a function of the table and of what the seat remembers.
//!
//! Rules. A strategy says one bet at a time, only bets that the log would take now, and says none
//! once it has what it wants on the felt; so a bot never waits for a bet that cannot come.

use crate::{
    craps::{Chips, Felt, Number, Seat, Spot, Wager},
    seed::Seed,
};
use core::{fmt, str::FromStr};

/// What a bot puts on a spot, where the table's limits allow it. Divisible by what the common bets
/// pay per: 5 for place bets on 5, 6 more on 6 and 8.
pub const BOT_BET: Chips = Chips(10);
/// The same on 6 and 8.
const BOT_BET_SIX: Chips = Chips(12);
/// Spots that the random strategy keeps chips on at once. Guess: lively, but easy to follow.
const RANDOM_SPOTS_MAX: usize = 4;
/// The most it puts on one.
const RANDOM_CHIPS_MAX: u64 = 12;
/// Bets it draws until one is allowed; then it waits for another state of the table.
const RANDOM_DRAWS: usize = 16;

/// How a bot bets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The pass line, and full odds once there is a point.
    #[default]
    Conservative,
    /// With a point: field and place bets on 5, 6 and 8, so that only 7 loses.
    IronCross,
    /// The pass line, twice as much after every loss, up to the table's limit or the stack.
    Martingale,
    /// Any bets that are allowed, drawn from the table's log.
    Random,
}

/// What a strategy looks at.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub felt: &'a Felt,
    pub bank: Chips,
    pub seat: Seat,
    pub stack: Chips,
    /// Pass bets lost in a row.
    pub losses: u32,
    /// Changes with every entry of the log, and is the same on every machine.
    pub log_hash: [u8; 32],
}

impl Strategy {
    pub const ALL: [Strategy; 4] =
        [Strategy::Conservative, Strategy::IronCross, Strategy::Martingale, Strategy::Random];

    /// For people; part of a bot's name.
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::Conservative => "conservative",
            Strategy::IronCross => "iron cross",
            Strategy::Martingale => "martingale",
            Strategy::Random => "random",
        }
    }

    /// The bet this seat makes next.
    pub(super) fn bet(self, at: Situation<'_>) -> Option<(Wager, Chips)> {
        let Situation { felt, seat, stack, .. } = at;
        let allowed = |wager: Wager, chips: Chips| {
            let exposure = felt.exposure_with(seat, wager, chips);
            let paid = exposure.is_ok_and(|exposure| exposure <= at.bank);
            (chips <= stack && paid).then_some((wager, chips))
        };
        let free = |wager: Wager| felt.chips_on(seat, wager.spot()) == Chips::ZERO;
        let usual = |chips: Chips| chips.max(felt.rules().min).min(felt.rules().max);
        match self {
            Strategy::Conservative if free(Wager::Pass) => allowed(Wager::Pass, usual(BOT_BET)),
            Strategy::Conservative => {
                let most = felt.limit(seat, Wager::PassOdds).ok()?;
                let more = most.checked_sub(felt.chips_on(seat, Spot::PassOdds))?;
                allowed(Wager::PassOdds, more.min(stack))
            }
            Strategy::IronCross => {
                felt.point()?;
                let cross = [
                    (Wager::Place(Number::Five), BOT_BET),
                    (Wager::Place(Number::Six), BOT_BET_SIX),
                    (Wager::Place(Number::Eight), BOT_BET_SIX),
                    (Wager::Field, BOT_BET),
                ];
                let missing = cross.into_iter().filter(|(wager, _)| free(*wager));
                missing.filter_map(|(wager, chips)| allowed(wager, usual(chips))).next()
            }
            Strategy::Martingale => {
                if !free(Wager::Pass) {
                    return None;
                }
                let doubled = usual(BOT_BET).saturating_mul(1 << at.losses.min(32));
                let most = usual(doubled).min(stack);
                // What the bank could not pay is begun anew.
                allowed(Wager::Pass, most).or_else(|| allowed(Wager::Pass, usual(BOT_BET)))
            }
            Strategy::Random => {
                if felt.bets_of(seat).count() >= RANDOM_SPOTS_MAX {
                    return None;
                }
                let fork = Seed::from_bytes(at.log_hash).fork("bitcraps v1 random bot");
                let mut rng = fork.fork(&seat.0.to_string()).rng();
                let wagers: Vec<Wager> = Wager::all().filter(|wager| free(*wager)).collect();
                (0..RANDOM_DRAWS).find_map(|_| {
                    let wager = *wagers.get(rng.below(wagers.len() as u64) as usize)?;
                    allowed(wager, usual(Chips(1 + rng.below(RANDOM_CHIPS_MAX))))
                })
            }
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("strategies are conservative, iron_cross, martingale and random")]
pub struct ParseStrategyError;

/// With an underscore or a space.
impl FromStr for Strategy {
    type Err = ParseStrategyError;
    fn from_str(text: &str) -> Result<Strategy, ParseStrategyError> {
        let named = |strategy: &Strategy| strategy.name() == text.replace('_', " ");
        Strategy::ALL.into_iter().find(named).ok_or(ParseStrategyError)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]
    use super::*;
    use crate::craps::{Dice, Rules};

    const ME: Seat = Seat(0);

    fn at(felt: &Felt) -> Situation<'_> {
        let (bank, stack) = (Chips(100_000), Chips(1_000));
        Situation { felt, bank, seat: ME, stack, losses: 0, log_hash: [1; 32] }
    }

    /// Everything the strategy bets before it rests.
    fn bets(strategy: Strategy, felt: &mut Felt) -> Vec<(Wager, u64)> {
        let mut made = Vec::new();
        while let Some((wager, chips)) = strategy.bet(at(felt)) {
            felt.place(ME, wager, chips).unwrap();
            made.push((wager, chips.0));
            assert!(made.len() < 20, "{strategy} never rests: {made:?}");
        }
        made
    }

    #[test]
    fn conservative_takes_full_odds_behind_the_pass_line() {
        let mut felt = Felt::new(Rules::default());
        assert_eq!(bets(Strategy::Conservative, &mut felt), [(Wager::Pass, 10)]);
        felt.roll(Dice(2, 2));
        assert_eq!(bets(Strategy::Conservative, &mut felt), [(Wager::PassOdds, 30)]);
        felt.roll(Dice(1, 2));
        assert_eq!(bets(Strategy::Conservative, &mut felt), []);
        let mut late = Felt::new(Rules::default());
        late.roll(Dice(2, 2));
        assert_eq!(bets(Strategy::Conservative, &mut late), [], "the pass line is closed");
    }

    #[test]
    fn the_iron_cross_covers_every_number_but_seven_once_there_is_a_point() {
        let mut felt = Felt::new(Rules::default());
        assert_eq!(bets(Strategy::IronCross, &mut felt), []);
        felt.roll(Dice(2, 2));
        let place = Wager::Place;
        let cross = [
            (place(Number::Five), 10),
            (place(Number::Six), 12),
            (place(Number::Eight), 12),
            (Wager::Field, 10),
        ];
        assert_eq!(bets(Strategy::IronCross, &mut felt), cross);
        for dice in Dice::all().filter(|dice| dice.total() != 7) {
            let settled = felt.clone().roll(dice).resolved;
            let net: i64 = settled.iter().map(|r| r.paid().0 as i64 - r.stake.0 as i64).sum();
            assert!(net > 0, "{dice:?}");
        }
        felt.roll(Dice(1, 1));
        assert_eq!(bets(Strategy::IronCross, &mut felt), [(Wager::Field, 10)]);
    }

    #[test]
    fn martingale_doubles_up_to_the_table_the_stack_or_the_bank() {
        let felt = Felt::new(Rules { max: Chips(100), ..Rules::default() });
        let next = |situation| Strategy::Martingale.bet(situation).map(|(_, chips)| chips.0);
        let usual = at(&felt);
        for (losses, chips) in [(0, 10), (1, 20), (2, 40), (3, 80), (4, 100), (u32::MAX, 100)] {
            assert_eq!(next(Situation { losses, ..usual }), Some(chips));
        }
        assert_eq!(next(Situation { losses: 3, stack: Chips(50), ..usual }), Some(50));
        assert_eq!(next(Situation { losses: 3, bank: Chips(50), ..usual }), Some(10));
        assert_eq!(next(Situation { stack: Chips(0), ..usual }), None);
    }

    #[test]
    fn random_bets_only_what_is_allowed_and_rests_with_a_few() {
        let mut kinds = Vec::new();
        let rules = Rules { min: Chips(3), max: Chips(9), side_max: Chips(5), ..Rules::default() };
        for case in 0..200 {
            let mut felt = Felt::new(rules);
            if case % 2 == 1 {
                felt.roll(Dice(3, 3));
            }
            let log_hash = *Seed::from_number(case).as_bytes();
            while let Some((wager, chips)) =
                Strategy::Random.bet(Situation { log_hash, ..at(&felt) })
            {
                assert_eq!(felt.check(ME, wager, chips), Ok(wager.spot()));
                felt.place(ME, wager, chips).unwrap();
                kinds.push(wager);
            }
            let spots = felt.bets().count();
            assert!(spots <= RANDOM_SPOTS_MAX && spots > 0, "{spots} spots");
        }
        kinds.sort();
        kinds.dedup();
        assert!(kinds.len() > 40, "only {} kinds of bets", kinds.len());
    }

    #[test]
    fn nobody_bets_without_chips_or_against_an_empty_bank() {
        let mut on = Felt::new(Rules::default());
        on.roll(Dice(3, 3));
        for felt in [&Felt::new(Rules::default()), &on] {
            for strategy in Strategy::ALL {
                assert_eq!(strategy.bet(Situation { stack: Chips(0), ..at(felt) }), None);
                assert_eq!(strategy.bet(Situation { bank: Chips(0), ..at(felt) }), None);
            }
        }
    }

    #[test]
    fn strategies_have_names_that_are_read_back() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert_eq!("iron_cross".parse(), Ok(Strategy::IronCross));
        assert_eq!("lucky".parse::<Strategy>(), Err(ParseStrategyError));
    }
}

//! How bots bet: named strategies, each a function of the table and of what the seat remembers.
//!
//! Rules. A strategy says one bet at a time, only bets that the log would take now, and says none
//! once it has what it wants on the felt; so a bot never waits for a bet that cannot come.

use super::ledger::{Ledger, SeatState};
use crate::{
    craps::{Chips, Number, Seat, Spot, Wager},
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

    /// The bet this seat would make next, having lost its last `losses` pass bets in a row.
    pub(super) fn bet(
        self,
        ledger: &Ledger,
        (seat, me): (Seat, &SeatState),
        losses: u32,
    ) -> Option<(Wager, Chips)> {
        let felt = ledger.felt();
        let allowed = |wager: Wager, chips: Chips| {
            let exposure = felt.exposure_with(seat, wager, chips);
            let paid = exposure.is_ok_and(|exposure| exposure <= ledger.bank());
            (chips <= me.stack && paid).then_some((wager, chips))
        };
        let free = |wager: Wager| felt.chips_on(seat, wager.spot()) == Chips::ZERO;
        let usual = |chips: Chips| chips.max(felt.rules().min).min(felt.rules().max);
        match self {
            Strategy::Conservative if free(Wager::Pass) => allowed(Wager::Pass, usual(BOT_BET)),
            Strategy::Conservative => {
                let most = felt.limit(seat, Wager::PassOdds).ok()?;
                let more = most.checked_sub(felt.chips_on(seat, Spot::PassOdds))?;
                allowed(Wager::PassOdds, more.min(me.stack))
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
                let doubled = usual(BOT_BET).saturating_mul(1 << losses.min(32));
                let most = usual(doubled).min(me.stack);
                // What the bank could not pay is begun anew.
                allowed(Wager::Pass, most).or_else(|| allowed(Wager::Pass, usual(BOT_BET)))
            }
            Strategy::Random => {
                if felt.bets_of(seat).count() >= RANDOM_SPOTS_MAX {
                    return None;
                }
                // The same on every machine, and another draw with every change of the log.
                let fork = Seed::from_bytes(ledger.log_hash()).fork("bitcraps v1 random bot");
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

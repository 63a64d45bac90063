//! The rules of craps alone: bets, phases, rolls and payouts.
//!
//! A library of its own right: no peers, no network, no signatures. A roll is a function of the
//! felt and two dice; money is whole chips and every rounding favours the house, as printed.
//!
//! The rules of this house, where houses differ:
//! - Twelve is barred for don't pass and don't come: they get their stake back.
//! - Odds: three, four or five times the bet behind (on 4 and 10, 5 and 9, 6 and 8); laying them,
//!   up to six times, which wins just as much as the taker would risk.
//! - On a come-out roll, place bets and the odds of come bets are off: place bets stay untouched,
//!   the odds go back when their come bet is decided. Laid odds always work.
//! - Pass and come bets cannot be added to or taken back once their number is set; there are no
//!   put bets. Don't pass is offered on the come-out only.
//! - Every bet that is decided leaves the felt, a winning place bet too.
//! - The field pays double on 2 and triple on 12.
//!
//! What it does not do: hold stacks or the bank, say whose turn it is to shoot, or decide when bets
//! are open. That is the game's.

mod bet;
mod chips;
mod felt;
mod guide;
mod payout;
mod typed;

#[cfg(test)]
mod tests;

pub use bet::{BadDice, Dice, Number, ParseSpotError, Seat, Spot, Wager};
pub use chips::Chips;
pub use felt::{
    BetError, BetResult, CHIPS_PER_BET_MAX, CHIPS_PER_BET_MIN, Felt, Phase, Resolved, RollOutcome,
    Settlement,
};
pub use guide::{Edge, WagerGuide};
pub use payout::{LAY_ODDS_MULTIPLE_MAX, Ratio};
pub use typed::{ParseBetError, TYPED_BYTES_MAX, parse_bet};

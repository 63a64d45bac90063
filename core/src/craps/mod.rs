//! The rules of craps alone: bets, phases, rolls and payouts.
//!
//! A library of its own right: no peers, no network, no signatures. A roll is a function of the
//! felt and two dice; money is whole chips and every rounding favours the house, as printed.
//!
//! Where houses differ, a table's creator chooses ([`Rules`]): limits, odds multiples, what the
//! field and hop bets pay, which number is barred, when commissions are paid. The same everywhere:
//! - On a come-out roll, place, buy and hardway bets and the odds of come bets are off: bets stay
//!   untouched, odds go back when their come bet is decided. All other bets always work.
//! - Pass and come bets cannot be added to or taken back once their number is set; there are no
//!   put bets. Don't pass is offered on the come-out only.
//! - Every bet that is decided leaves the felt, a winning place bet too.
//! - Hardways pay 7:1 (4, 10) and 9:1 (6, 8), any seven 4:1, any craps 7:1, big 6 and 8 even
//!   money. A horn is a quarter on each of its four, C&E half and half: what wins pays for what
//!   loses, and the whole bet is decided by one roll.
//! - Fire pays 24:1, 249:1, 999:1 for 4, 5, 6 different points between two seven-outs; repeaters
//!   pay 40, 50, 65, 80, 90 for 1. Both are bet before anything of theirs has been counted.
//!
//! What it does not do: hold stacks or the bank, say whose turn it is to shoot, or decide when bets
//! are open. That is the game's.

mod bet;
mod chips;
mod exact;
mod felt;
mod guide;
mod hand;
mod number;
mod odds;
mod payout;
mod rules;
mod typed;

#[cfg(test)]
mod tests;

pub use bet::{ParseSpotError, Spot, Wager};
pub use chips::Chips;
pub use exact::Fraction;
pub use felt::{BetError, BetResult, Felt, Phase, Resolved, RollOutcome, Settlement};
pub use guide::{Priced, WagerGuide, price_list};
pub use hand::Hand;
pub use number::{BadDice, BadTotal, Dice, Hard, Hop, Number, Seat, Total};
pub use odds::Odds;
pub use payout::Ratio;
pub use rules::{
    Barred, CHIPS_PER_BET_MAX, Commission, FieldPays, HopPays, ODDS_TIMES_MAX, OddsLimit, Rules,
    RulesError,
};
pub use typed::{ParseBetError, TYPED_BYTES_MAX, parse_bet};

//! A line of typed words: a bet in the core's own language, or one of two more orders.

use bitcraps_core::craps::{Chips, Spot, Wager, parse_bet};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Bet(Wager, Chips),
    /// `roll` or `ready`.
    Roll,
    /// `leave`.
    Leave,
}

/// `held` are the spots where the seat has chips. The error is a sentence with an example.
pub fn parse(line: &str, held: &[Spot]) -> Result<Typed, String> {
    match line.trim().to_lowercase().as_str() {
        "roll" | "ready" => Ok(Typed::Roll),
        "leave" => Ok(Typed::Leave),
        words => parse_bet(words, held)
            .map(|(wager, chips)| Typed::Bet(wager, chips))
            .map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::craps::Number;

    #[test]
    fn words_become_bets_and_orders() {
        for (line, typed) in [
            ("pass 10", Typed::Bet(Wager::Pass, Chips(10))),
            (" Place 6 12 ", Typed::Bet(Wager::Place(Number::Six), Chips(12))),
            ("odds 20", Typed::Bet(Wager::DontPassOdds, Chips(20))),
            ("ROLL", Typed::Roll),
            ("ready", Typed::Roll),
            ("leave", Typed::Leave),
        ] {
            assert_eq!(parse(line, &[Spot::DontPass]), Ok(typed), "{line}");
        }
    }

    #[test]
    fn what_is_no_bet_is_answered_with_an_example() {
        for line in ["", "pass", "odds 20", "hop 5"] {
            let error = parse(line, &[]).unwrap_err();
            assert!(error.len() > 20, "{line}: {error}");
        }
    }
}

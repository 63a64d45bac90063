//! Bets as typed words: `pass 10`, `odds 20`, `place 6 12`.
//!
//! `odds` alone means the odds that this seat can take; when there are several, the words have to
//! say which.

use super::felt;
use bitcraps_core::{
    craps::{Chips, Wager},
    id::PeerId,
    node::TableView,
};

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    Bet(Wager, Chips),
    /// `roll`, `ready`.
    Roll,
    /// `leave`.
    Leave,
}

/// Why a line was not understood, as a sentence with an example.
pub type Misread = &'static str;

const EXAMPLES: Misread =
    "Type a bet and an amount, such as “pass 10”, “odds 20” or “place 6 12”; or “roll”.";

pub fn parse(line: &str, table: &TableView, me: &PeerId) -> Result<Typed, Misread> {
    let plain = line.to_lowercase().replace(['\'', '’'], "");
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    match words.as_slice() {
        ["roll" | "ready" | "r"] => return Ok(Typed::Roll),
        ["leave"] => return Ok(Typed::Leave),
        _ => {}
    }
    let amount = words.pop().and_then(|word| word.parse::<u64>().ok()).filter(|n| *n > 0);
    let chips = Chips(amount.ok_or(EXAMPLES)?);
    let number = words.last().and_then(|word| felt::number(word));
    if number.is_some() {
        words.pop();
    }
    let wager = match (words.concat().as_str(), number) {
        ("pass" | "passline" | "line", None) => Wager::Pass,
        ("dontpass" | "dont" | "dp", None) => Wager::DontPass,
        ("come", None) => Wager::Come,
        ("dontcome" | "dc", None) => Wager::DontCome,
        ("field", None) => Wager::Field,
        ("place" | "", Some(number)) => Wager::Place(number),
        ("passodds", None) => Wager::PassOdds,
        ("dontpassodds", None) => Wager::DontPassOdds,
        ("comeodds", Some(number)) => Wager::ComeOdds(number),
        ("dontcomeodds", Some(number)) => Wager::DontComeOdds(number),
        ("odds", None) => only(&felt::odds(table, me))?,
        _ => return Err(EXAMPLES),
    };
    Ok(Typed::Bet(wager, chips))
}

fn only(odds: &[Wager]) -> Result<Wager, Misread> {
    match odds {
        [one] => Ok(*one),
        [] => Err("There is no bet to put odds behind yet: they need a point or a come bet."),
        _ => Err("Say which odds: “pass odds 20”, “come odds 6 20”, “don’t pass odds 20”."),
    }
}

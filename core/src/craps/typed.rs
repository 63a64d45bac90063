//! Bets as people type them: `pass 10`, `odds 20`, `place 6 12`, `come 5`, `don't pass 10`,
//! `field 5`, `odds 6 20` behind a come bet, and the full names of the spots.

use super::{Chips, Number, Spot, Wager};

/// Bytes of a typed bet. The longest that means anything is half of it.
pub const TYPED_BYTES_MAX: usize = 80;

/// Why the text is no bet, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseBetError {
    #[error("type a bet and its chips, for example: pass 10")]
    Empty,
    #[error("a bet is at most {max} characters, for example: place 6 12")]
    TooLong { max: usize },
    #[error(
        "there is no bet \"{word}\"; bets are pass, don't pass, come, don't come, odds, field and \
         place"
    )]
    UnknownBet { word: String },
    #[error("say which number, for example: {example}")]
    MissingNumber { example: &'static str },
    #[error("\"{word}\" is not one of the numbers 4, 5, 6, 8, 9 and 10")]
    BadNumber { word: String },
    #[error("say how many chips, for example: {wager} 10")]
    MissingChips { wager: Wager },
    #[error("\"{word}\" is not a whole number of chips")]
    BadChips { word: String },
    #[error("\"{word}\" is too much; a bet ends with its chips, for example: {wager} 10")]
    TrailingWord { wager: Wager, word: String },
    #[error("odds go behind a pass or don't pass bet, and there is none of yours")]
    NoLineBet,
    #[error("odds on {number} go behind a come bet on {number}, and there is none of yours")]
    NoComeBet { number: Number },
}

/// Reads a typed bet. `held` are the spots the seat has bets on: `odds` alone goes behind whichever
/// line bet is there (pass first), `odds 6` behind the come or don't come bet on 6.
pub fn parse_bet(text: &str, held: &[Spot]) -> Result<(Wager, Chips), ParseBetError> {
    if text.len() > TYPED_BYTES_MAX {
        return Err(ParseBetError::TooLong { max: TYPED_BYTES_MAX });
    }
    let text = text.to_lowercase().replace(['\'', '’'], "");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (wager, rest) = match words.as_slice() {
        [] => return Err(ParseBetError::Empty),
        ["dont", "pass", "odds", rest @ ..] => (Wager::DontPassOdds, rest),
        ["dont", "pass", rest @ ..] => (Wager::DontPass, rest),
        ["dont", "come", "odds", rest @ ..] => {
            numbered(Wager::DontComeOdds, rest, "don't come odds 6 12")?
        }
        ["dont", "come", rest @ ..] => (Wager::DontCome, rest),
        ["dont", word, ..] => {
            return Err(ParseBetError::UnknownBet { word: format!("don't {word}") });
        }
        ["pass", "odds", rest @ ..] => (Wager::PassOdds, rest),
        ["pass", rest @ ..] => (Wager::Pass, rest),
        ["come", "odds", rest @ ..] => numbered(Wager::ComeOdds, rest, "come odds 6 10")?,
        ["come", rest @ ..] => (Wager::Come, rest),
        ["odds", number, rest @ ..] if !rest.is_empty() => (come_odds(number, held)?, rest),
        ["odds", rest @ ..] => (line_odds(held)?, rest),
        ["field", rest @ ..] => (Wager::Field, rest),
        ["place", rest @ ..] => numbered(Wager::Place, rest, "place 6 12")?,
        [word, ..] => return Err(ParseBetError::UnknownBet { word: (*word).to_owned() }),
    };
    match rest {
        [] => Err(ParseBetError::MissingChips { wager }),
        [chips] => match chips.parse() {
            Ok(chips) => Ok((wager, Chips(chips))),
            Err(_) => Err(ParseBetError::BadChips { word: (*chips).to_owned() }),
        },
        [_, word, ..] => Err(ParseBetError::TrailingWord { wager, word: (*word).to_owned() }),
    }
}

fn number(word: &str) -> Result<Number, ParseBetError> {
    let parsed = word.parse().ok().and_then(Number::of);
    parsed.ok_or_else(|| ParseBetError::BadNumber { word: word.to_owned() })
}

fn numbered<'a, 'b>(
    wager: fn(Number) -> Wager,
    rest: &'a [&'b str],
    example: &'static str,
) -> Result<(Wager, &'a [&'b str]), ParseBetError> {
    let (first, rest) = rest.split_first().ok_or(ParseBetError::MissingNumber { example })?;
    Ok((wager(number(first)?), rest))
}

fn line_odds(held: &[Spot]) -> Result<Wager, ParseBetError> {
    if held.contains(&Spot::Pass) {
        Ok(Wager::PassOdds)
    } else if held.contains(&Spot::DontPass) {
        Ok(Wager::DontPassOdds)
    } else {
        Err(ParseBetError::NoLineBet)
    }
}

fn come_odds(word: &str, held: &[Spot]) -> Result<Wager, ParseBetError> {
    let number = number(word)?;
    if held.contains(&Spot::ComeOn(number)) {
        Ok(Wager::ComeOdds(number))
    } else if held.contains(&Spot::DontComeOn(number)) {
        Ok(Wager::DontComeOdds(number))
    } else {
        Err(ParseBetError::NoComeBet { number })
    }
}

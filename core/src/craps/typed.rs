//! Bets as people type them: `pass 10`, `odds 20`, `place 6 12`, `come 5`, `don't pass 10`,
//! `field 5`, `odds 6 20` behind a come bet, `hard 8 5`, `hop 1 2 5`, `yo 5`, and the full names of
//! the spots.

use super::{Chips, Hard, Hop, Number, Spot, Total, Wager};

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
        "there is no bet \"{word}\"; bets are pass, don't pass, come, don't come, odds, field, \
         place, buy, lay, hard, big, any seven, any craps, craps, eleven, horn, c&e, hop, fire and \
         repeater"
    )]
    UnknownBet { word: String },
    #[error("say which number, for example: {example}")]
    MissingNumber { example: &'static str },
    #[error("\"{word}\" is not one of the numbers {numbers}")]
    BadNumber { word: String, numbers: &'static str },
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
        ["buy", rest @ ..] => numbered(Wager::Buy, rest, "buy 4 20")?,
        ["lay", rest @ ..] => numbered(Wager::Lay, rest, "lay 4 40")?,
        ["hard" | "hardway", rest @ ..] => of(rest, "hard 8 5", "4, 6, 8 and 10", |n| {
            Hard::ALL.into_iter().find(|hard| hard.total() == n).map(Wager::Hard)
        })?,
        ["big", rest @ ..] => of(rest, "big 6 5", "6 and 8", |n| match n {
            6 => Some(Wager::BigSix),
            8 => Some(Wager::BigEight),
            _ => None,
        })?,
        ["any", "seven" | "7", rest @ ..] => (Wager::AnySeven, rest),
        ["any", "craps", rest @ ..] => (Wager::AnyCraps, rest),
        ["any", word, ..] => {
            return Err(ParseBetError::UnknownBet { word: format!("any {word}") });
        }
        ["craps", rest @ ..] => of(rest, "craps 12 5", "2, 3 and 12", |n| match n {
            2 => Some(Wager::CrapsTwo),
            3 => Some(Wager::CrapsThree),
            12 => Some(Wager::CrapsTwelve),
            _ => None,
        })?,
        ["eleven" | "yo", rest @ ..] => (Wager::Eleven, rest),
        ["horn", rest @ ..] => (Wager::Horn, rest),
        ["c", "and" | "&", "e", rest @ ..] | ["c&e" | "ce", rest @ ..] => (Wager::CAndE, rest),
        ["hop", rest @ ..] => hop(rest)?,
        ["fire", rest @ ..] => (Wager::Fire, rest),
        ["repeater", rest @ ..] => {
            of(rest, "repeater 6 5", "2 to 6 and 8 to 12", |n| Total::new(n).map(Wager::Repeater))?
        }
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
    let numbers = "4, 5, 6, 8, 9 and 10";
    parsed.ok_or_else(|| ParseBetError::BadNumber { word: word.to_owned(), numbers })
}

/// A bet and the words after it.
type Read<'a, 'b> = Result<(Wager, &'a [&'b str]), ParseBetError>;

fn numbered<'a, 'b>(
    wager: fn(Number) -> Wager,
    rest: &'a [&'b str],
    example: &'static str,
) -> Read<'a, 'b> {
    let (first, rest) = rest.split_first().ok_or(ParseBetError::MissingNumber { example })?;
    Ok((wager(number(first)?), rest))
}

/// A bet on one of other `numbers`.
fn of<'a, 'b>(
    rest: &'a [&'b str],
    example: &'static str,
    numbers: &'static str,
    wager: fn(u8) -> Option<Wager>,
) -> Read<'a, 'b> {
    let (word, rest) = rest.split_first().ok_or(ParseBetError::MissingNumber { example })?;
    let bet = word.parse().ok().and_then(wager);
    let bet = bet.ok_or_else(|| ParseBetError::BadNumber { word: (*word).to_owned(), numbers });
    Ok((bet?, rest))
}

/// The two dice may be typed in either order, with a space or a hyphen between them.
fn hop<'a, 'b>(rest: &'a [&'b str]) -> Read<'a, 'b> {
    let example = "hop 1 2 5";
    let (first, rest) = rest.split_first().ok_or(ParseBetError::MissingNumber { example })?;
    let (a, b, rest) = match (first.split_once('-'), rest) {
        (Some((a, b)), _) => (a, b, rest),
        (None, [second, rest @ ..]) => (*first, *second, rest),
        (None, []) => return Err(ParseBetError::MissingNumber { example }),
    };
    let dice = (a.parse::<u8>().ok(), b.parse::<u8>().ok());
    let bet = match dice {
        (Some(a), Some(b)) => Hop::new(a.min(b), a.max(b)),
        _ => None,
    };
    let word = [a, " ", b].concat();
    let bet = bet.ok_or(ParseBetError::BadNumber { word, numbers: "of two dice, 1 to 6" });
    Ok((Wager::Hop(bet?), rest))
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

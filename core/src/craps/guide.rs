//! What to tell a player about each bet: its rule, what it pays and what it costs on average.

use super::{Number, Wager};
use core::fmt;

/// The house's share of a bet on average, as an exact fraction of the stake: chips that are given
/// back count as a decided bet. Holds for stakes that lose nothing to rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub numerator: u64,
    pub denominator: u64,
}

impl Edge {
    /// In percent, rounded to two digits.
    pub fn percent(self) -> String {
        let denominator = self.denominator.max(1);
        let hundredths = (self.numerator * 10_000 + denominator / 2) / denominator;
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.numerator {
            0 => f.write_str("0"),
            numerator => write!(f, "{numerator}/{} = {}", self.denominator, self.percent()),
        }
    }
}

/// One bet, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WagerGuide {
    pub name: String,
    /// One or two sentences.
    pub rule: String,
    pub payout: &'static str,
    pub edge: Edge,
    /// How the edge comes about.
    pub derivation: &'static str,
}

const fn edge(numerator: u64, denominator: u64) -> Edge {
    Edge { numerator, denominator }
}

const FAIR: &str = "Paid at true odds: no edge.";
const WITH: &str = "Wins 244 of 495 times, so 251 − 244 = 7 of 495.";
const AGAINST: &str =
    "In 1980 bets 949 win, 976 lose and 55 come back on a first 12, so 27 of 1980.";

impl Wager {
    /// What to show on hover, focus and long-press.
    pub fn guide(self) -> WagerGuide {
        let (rule, payout, edge, derivation) = match self {
            Wager::Pass => (PASS.to_owned(), "1:1", edge(7, 495), WITH),
            Wager::DontPass => (DONT_PASS.to_owned(), "1:1", edge(3, 220), AGAINST),
            Wager::Come => (COME.to_owned(), "1:1", edge(7, 495), WITH),
            Wager::DontCome => (DONT_COME.to_owned(), "1:1", edge(3, 220), AGAINST),
            Wager::PassOdds => (PASS_ODDS.to_owned(), TAKEN, edge(0, 1), FAIR),
            Wager::DontPassOdds => (DONT_PASS_ODDS.to_owned(), LAID, edge(0, 1), FAIR),
            Wager::ComeOdds(n) => (
                format!(
                    "Behind your come bet on {n}: wins with it. Off on a come-out roll, when they \
                     go back."
                ),
                TAKEN,
                edge(0, 1),
                FAIR,
            ),
            Wager::DontComeOdds(n) => (
                format!("Behind your don't come bet on {n}: wins with it. Always on."),
                LAID,
                edge(0, 1),
                FAIR,
            ),
            Wager::Field => (FIELD.to_owned(), "1:1, 2:1 on 2, 3:1 on 12", edge(1, 36), FIELD_EDGE),
            Wager::Place(n) => place(n),
        };
        WagerGuide { name: self.to_string(), rule, payout, edge, derivation }
    }
}

const PASS: &str = "With the shooter, on the come-out: 7 and 11 win, 2, 3 and 12 lose; any other \
    total is the point, which wins if it comes before 7.";
const DONT_PASS: &str = "Against the shooter, on the come-out: 2 and 3 win, 7 and 11 lose, 12 \
    gives the stake back; then 7 before the point wins.";
const COME: &str = "Like pass, but starting with the next roll while there is a point; the bet \
    travels to its own number.";
const DONT_COME: &str = "Like don't pass, but starting with the next roll while there is a point; \
    the bet travels to its own number.";
const PASS_ODDS: &str = "Behind your pass bet, on the point: up to 3 times the bet on 4 and 10, 4 \
    times on 5 and 9, 5 times on 6 and 8.";
const DONT_PASS_ODDS: &str =
    "Behind your don't pass bet, against the point: up to 6 times the bet.";
const FIELD: &str = "On the next roll alone: 2, 3, 4, 9, 10, 11 and 12 win.";
const FIELD_EDGE: &str = "Of 36 rolls 20 lose 1, 14 win 1, one wins 2 and one wins 3: 1 of 36.";
const TAKEN: &str = "2:1 on 4 and 10, 3:2 on 5 and 9, 6:5 on 6 and 8";
const LAID: &str = "1:2 on 4 and 10, 2:3 on 5 and 9, 5:6 on 6 and 8";

fn place(n: Number) -> (String, &'static str, Edge, &'static str) {
    let (payout, unit, edge, derivation) = match n {
        Number::Four | Number::Ten => {
            ("9:5", 5, edge(1, 15), "3 rolls win 9, 6 lose 5: (30 − 27) of 45.")
        }
        Number::Five | Number::Nine => {
            ("7:5", 5, edge(1, 25), "4 rolls win 7, 6 lose 5: (30 − 28) of 50.")
        }
        Number::Six | Number::Eight => {
            ("7:6", 6, edge(1, 66), "5 rolls win 7, 6 lose 6: (36 − 35) of 66.")
        }
    };
    let rule = format!(
        "Wins if {n} comes before 7. Off on a come-out roll. Bet multiples of {unit}: the house \
         keeps fractions."
    );
    (rule, payout, edge, derivation)
}

//! What to tell a player about each bet: its rule, what it pays and what it costs on average.

use super::{
    Barred, Fraction, Number, Odds, Phase, Rules, Wager,
    payout::{best, c_and_e, fire_odds, horn},
};

/// One bet, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WagerGuide {
    /// One or two sentences.
    pub rule: String,
    pub pays: String,
    /// Per bet made; [`Odds`] says what that means.
    pub edge: Fraction,
}

/// One line of the table of odds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// `pass`, `pass_odds_4`, `place_6`, `hop_1_2`: lower case, without spaces.
    pub name: String,
    pub wager: Wager,
    pub pays: String,
    pub odds: Odds,
}

impl Wager {
    /// What to show on hover, focus and long-press.
    pub fn guide(self, rules: &Rules) -> WagerGuide {
        // The edge of odds is the same behind every point.
        let edge = Odds::of(rules, self, self.made_in(Number::Five)).edge;
        WagerGuide { rule: self.rule(rules), pays: self.pays(rules, None), edge }
    }

    /// What the bet pays, for people: `7:6`, `1:1, 2:1 on 2, 3:1 on 12`.
    pub fn pays(self, rules: &Rules, point: Option<Number>) -> String {
        match (self, point) {
            (Wager::PassOdds, None) => "2:1 on 4 and 10, 3:2 on 5 and 9, 6:5 on 6 and 8".to_owned(),
            (Wager::DontPassOdds, None) => {
                "1:2 on 4 and 10, 2:3 on 5 and 9, 5:6 on 6 and 8".to_owned()
            }
            (Wager::Field, _) => ["1:1, ", rules.field.text()].concat(),
            (Wager::Horn, _) => {
                format!("{} on 2 and 12, {} on 3 and 11", horn(rules, 2), horn(rules, 3))
            }
            (Wager::CAndE, _) => {
                format!("{} on 2, 3 and 12, {} on 11", c_and_e(rules, 2), c_and_e(rules, 11))
            }
            (Wager::Fire, _) => {
                let of =
                    |points| fire_odds(points).map(|pays| format!("{pays} for {points} points"));
                [4, 5, 6].into_iter().filter_map(of).collect::<Vec<_>>().join(", ")
            }
            _ => best(rules, self.spot(), point.map_or(Phase::ComeOut, Phase::Point)).to_string(),
        }
    }

    fn rule(self, rules: &Rules) -> String {
        let (barred, other) = match rules.barred {
            Barred::Twelve => (12, 2),
            Barred::Two => (2, 12),
        };
        match self {
            Wager::Pass => {
                "With the shooter, on the come-out: 7 and 11 win, 2, 3 and 12 lose; any \
                            other total is the point, which wins if it comes before 7."
                    .to_owned()
            }
            Wager::DontPass => format!(
                "Against the shooter, on the come-out: 3 and {other} win, 7 and 11 lose, {barred} \
                 gives the stake back; then 7 before the point wins."
            ),
            Wager::Come => {
                "Like pass, but starting with the next roll while there is a point; the \
                            bet travels to its own number."
                    .to_owned()
            }
            Wager::DontCome => "Like don't pass, but starting with the next roll while there is a \
                                point; the bet travels to its own number."
                .to_owned(),
            Wager::PassOdds => {
                format!("Behind your pass bet, on the point: up to {}.", rules.odds.text())
            }
            Wager::DontPassOdds => format!(
                "Behind your don't pass bet, against the point: may win up to {}.",
                rules.odds.text()
            ),
            Wager::ComeOdds(n) => format!(
                "Behind your come bet on {n}: wins with it. Off on a come-out roll, when they go \
                 back."
            ),
            Wager::DontComeOdds(n) => {
                format!("Behind your don't come bet on {n}: wins with it. Always on.")
            }
            Wager::Field => "On the next roll alone: 2, 3, 4, 9, 10, 11 and 12 win.".to_owned(),
            Wager::Place(n) => {
                let unit = self.unit(rules);
                format!(
                    "Wins if {n} comes before 7. Off on a come-out roll. Bet multiples of {unit}: \
                     the house keeps fractions."
                )
            }
            Wager::Buy(n) => format!(
                "Wins if {n} comes before 7, at true odds less 5 % of the stake, {}. Off on a \
                 come-out roll. Bet multiples of {}: the house keeps fractions.",
                rules.commission.text(),
                self.unit(rules)
            ),
            Wager::Lay(n) => format!(
                "Wins if 7 comes before {n}, at true odds less 5 % of the winnings, {}. Always on. \
                 Bet multiples of {}: the house keeps fractions.",
                rules.commission.text(),
                self.unit(rules)
            ),
            Wager::Hard(n) => {
                let (total, die) = (n.total(), n.total() / 2);
                format!(
                    "Wins if {total} comes as {die} and {die} before it comes otherwise and before \
                     7. Off on a come-out roll."
                )
            }
            Wager::BigSix => "Wins if 6 comes before 7. Always on; place 6 pays better.".to_owned(),
            Wager::BigEight => {
                "Wins if 8 comes before 7. Always on; place 8 pays better.".to_owned()
            }
            Wager::AnySeven => next_roll("7 wins."),
            Wager::AnyCraps => next_roll("2, 3 and 12 win."),
            Wager::CrapsTwo => next_roll("2 wins."),
            Wager::CrapsThree => next_roll("3 wins."),
            Wager::CrapsTwelve => next_roll("12 wins."),
            Wager::Eleven => next_roll("11 wins."),
            Wager::Horn => next_roll("a quarter each lies on 2, 3, 11 and 12. Bet multiples of 4."),
            Wager::CAndE => {
                next_roll("half lies on any craps, half on eleven. Bet multiples of 2.")
            }
            Wager::Hop(hop) => {
                next_roll(&format!("{} and {} win, in either order.", hop.low(), hop.high()))
            }
            Wager::Fire => "Wins if four or more different points are made before the shooter \
                            sevens out. Bet before the first point; stays until then."
                .to_owned(),
            Wager::Repeater(total) => {
                let times = super::hand::needed(total);
                let total = total.get();
                format!(
                    "Wins if {total} comes {times} times before 7. Bet before the first {total} \
                     after a 7."
                )
            }
        }
    }

    /// Stakes that are a multiple of it lose nothing to rounding.
    fn unit(self, rules: &Rules) -> u64 {
        best(rules, self.spot(), Phase::ComeOut).per
    }
}

fn next_roll(what: &str) -> String {
    ["On the next roll alone: ", what].concat()
}

/// Every bet with its odds; those behind the pass line once for each point.
pub fn price_list(rules: &Rules) -> Vec<Priced> {
    let priced = |wager: Wager, point: Option<Number>| {
        let mut name = wager.to_string().replace('\'', "").replace(' ', "_");
        if let Some(point) = point {
            name = format!("{name}_{point}");
        }
        let made_in = wager.made_in(point.unwrap_or(Number::Five));
        Priced {
            name,
            wager,
            pays: wager.pays(rules, point),
            odds: Odds::of(rules, wager, made_in),
        }
    };
    Wager::all()
        .flat_map(|wager| match wager {
            Wager::PassOdds | Wager::DontPassOdds => {
                Number::ALL.map(|n| priced(wager, Some(n))).to_vec()
            }
            _ => vec![priced(wager, None)],
        })
        .collect()
}

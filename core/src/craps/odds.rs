//! The exact odds of every bet, computed from the rules: no figure here is written down.
//!
//! A bet is a Markov chain: what lies where, the phase, and what its spot counts. The chain is
//! walked with the very function that pays bets, over the 36 rolls, and solved in whole numbers.
//!
//! The edge is the share of a chip that the house keeps on average **per bet made**: a stake given
//! back counts as a bet made, which is how 3/220 of don't pass is meant. It holds for stakes that
//! lose nothing to rounding (multiples of `per` of what the bet pays).

use super::{
    Dice, Fraction, Hand, Number, Phase, Rules, Spot, Wager,
    exact::Natural,
    payout::{self, Fate},
};

/// How often a bet wins and loses, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Odds {
    /// How likely a bet wins; it loses or is given back otherwise.
    pub wins: Fraction,
    pub loses: Fraction,
    /// The house's share of a chip on average, per bet made.
    pub edge: Fraction,
}

/// What a bet can still become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    spot: Spot,
    phase: Phase,
    hand: Hand,
}

/// `below` times what a state comes to is the sum of `moves`, each a state and its weight, and of
/// `ends`: the chance to win, the chance to lose, the winnings.
struct Row {
    below: Natural,
    moves: Vec<(usize, Natural)>,
    ends: [Natural; 3],
}

impl Wager {
    /// A phase in which the bet is made; odds behind pass and don't pass need to know the point.
    pub fn made_in(self, point: Number) -> Phase {
        match self {
            Wager::Come
            | Wager::DontCome
            | Wager::PassOdds
            | Wager::DontPassOdds
            | Wager::Place(_)
            | Wager::Buy(_)
            | Wager::Hard(_) => Phase::Point(point),
            _ => Phase::ComeOut,
        }
    }
}

impl Odds {
    /// Of a bet made in this phase, before anything is counted.
    pub fn of(rules: &Rules, wager: Wager, phase: Phase) -> Odds {
        let start = State { spot: wager.spot(), phase, hand: Hand::default() };
        let [wins, loses, winnings] = solve(chain(rules, start));
        let below = &loses.below;
        // Winnings and losses over one denominator; the house's share is what is left.
        let paid = winnings.above.times(below);
        let kept = loses.above.times(&winnings.below);
        let edge = Fraction::new(kept.minus(&paid), below.times(&winnings.below));
        Odds { wins, loses, edge }
    }
}

impl State {
    /// After a roll that does not decide the bet. What its spot does not count is left out, or
    /// there would be millions of states.
    fn after(self, spot: Spot, dice: Dice) -> State {
        let hand = self.hand.after(self.phase, dice);
        let hand = match spot {
            Spot::Fire => hand.points_only(),
            Spot::Repeater(total) => hand.total_only(total),
            _ => Hand::default(),
        };
        State { spot, phase: self.phase.after(dice), hand }
    }
}

/// Every state that can follow, in the order they are found: later ones lead back seldom.
fn chain(rules: &Rules, start: State) -> Vec<Row> {
    let mut states = vec![start];
    let mut rows = Vec::new();
    while let Some(at) = states.get(rows.len()).copied() {
        let mut moves: Vec<(usize, u64)> = Vec::new();
        // Chances in 36ths, winnings in 36ths of the common denominator of what may be paid.
        let (mut wins, mut loses, mut winnings) =
            (0, 0, Fraction::new(Natural::ZERO, Natural::new(1)));
        for dice in Dice::all() {
            let spot = match payout::fate(rules, at.spot, at.phase, at.hand, dice) {
                Fate::Stays => at.spot,
                Fate::Travels(spot) => spot,
                Fate::Wins(pays) => {
                    wins += 1;
                    let (pays, per) = (Natural::new(pays.pays), Natural::new(pays.per));
                    let above = winnings.above.times(&per).plus(&pays.times(&winnings.below));
                    winnings = Fraction::new(above, winnings.below.times(&per));
                    continue;
                }
                Fate::Loses => {
                    loses += 1;
                    continue;
                }
                Fate::Returned => continue,
            };
            let next = at.after(spot, dice);
            let place = states.iter().position(|state| *state == next).unwrap_or_else(|| {
                states.push(next);
                states.len() - 1
            });
            match moves.iter_mut().find(|(to, _)| *to == place) {
                Some((_, ways)) => *ways += 1,
                None => moves.push((place, 1)),
            }
        }
        let scaled = |n: u64| Natural::new(n).times(&winnings.below);
        rows.push(Row {
            below: scaled(36),
            moves: moves.iter().map(|(to, ways)| (*to, scaled(*ways))).collect(),
            ends: [scaled(wins), scaled(loses), winnings.above.clone()],
        });
    }
    rows
}

/// Takes one state after the other out of the chain, the last one first; what is left says what
/// the first one comes to.
fn solve(mut rows: Vec<Row>) -> [Fraction; 3] {
    while let Some(mut gone) = rows.pop() {
        let me = rows.len();
        // What leads from the state to itself only delays it.
        if let Some(itself) = gone.take(me) {
            gone.below = gone.below.minus(&itself);
        }
        if rows.is_empty() {
            return gone.ends.map(|above| Fraction::new(above, gone.below.clone()));
        }
        for row in &mut rows {
            if let Some(weight) = row.take(me) {
                row.replace(&weight, &gone);
            }
        }
    }
    [(); 3].map(|()| Fraction::new(Natural::ZERO, Natural::new(1)))
}

impl Row {
    /// Removes the move to this state and gives its weight.
    fn take(&mut self, to: usize) -> Option<Natural> {
        let at = self.moves.iter().position(|(state, _)| *state == to)?;
        Some(self.moves.swap_remove(at).1)
    }

    /// Puts what `gone` comes to in the place of `weight` times its state.
    fn replace(&mut self, weight: &Natural, gone: &Row) {
        self.each(|n| *n = n.times(&gone.below));
        for (to, more) in &gone.moves {
            let more = more.times(weight);
            match self.moves.iter_mut().find(|(state, _)| state == to) {
                Some((_, sum)) => *sum = sum.plus(&more),
                None => self.moves.push((*to, more)),
            }
        }
        for (sum, more) in self.ends.iter_mut().zip(&gone.ends) {
            *sum = sum.plus(&more.times(weight));
        }
        let mut common = self.below.clone();
        self.each(|n| common = common.common(n));
        self.each(|n| *n = n.part(&common));
    }

    fn each(&mut self, mut change: impl FnMut(&mut Natural)) {
        change(&mut self.below);
        self.moves.iter_mut().for_each(|(_, weight)| change(weight));
        self.ends.iter_mut().for_each(change);
    }
}

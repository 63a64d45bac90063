//! The house edges the guide states, computed again from the rules: a Markov chain over the felts
//! that a bet can lead to, solved exactly in fractions.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fraction {
    above: i128,
    below: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs().max(1) } else { gcd(b, a % b) }
}

fn fraction(above: i128, below: i128) -> Fraction {
    let common = gcd(above, below) * below.signum();
    Fraction { above: above / common, below: below / common }
}

impl Fraction {
    const ZERO: Fraction = Fraction { above: 0, below: 1 };

    fn plus(self, o: Fraction) -> Fraction {
        fraction(self.above * o.below + o.above * self.below, self.below * o.below)
    }

    fn minus(self, o: Fraction) -> Fraction {
        self.plus(Fraction { above: -o.above, below: o.below })
    }

    fn times(self, o: Fraction) -> Fraction {
        fraction(self.above * o.above, self.below * o.below)
    }

    fn over(self, o: Fraction) -> Fraction {
        fraction(self.above * o.below, self.below * o.above)
    }
}

/// What the watched chips gain on average until they are decided; the others only play along.
fn expected_gain(start: &Felt, watched: &dyn Fn(Spot) -> bool) -> Fraction {
    let watches = |felt: &Felt| felt.bets().any(|(_, spot, _)| watched(spot));
    let mut states = vec![start.clone()];
    let mut rows: Vec<(Vec<(usize, Fraction)>, Fraction)> = Vec::new();
    while rows.len() < states.len() {
        let (mut moves, mut gain) = (Vec::new(), Fraction::ZERO);
        for dice in Dice::all() {
            let mut next = states[rows.len()].clone();
            for r in next.roll(dice).resolved.iter().filter(|r| watched(r.spot)) {
                let chips = r.paid().0 as i128 - r.stake.0 as i128;
                gain = gain.plus(fraction(chips, 36));
            }
            if watches(&next) {
                let known = states.iter().position(|state| *state == next);
                let place = known.unwrap_or_else(|| {
                    states.push(next);
                    states.len() - 1
                });
                moves.push((place, fraction(1, 36)));
            }
        }
        rows.push((moves, gain));
    }
    solve(&rows)
}

/// x = A·x + b by Gauss, from the last state to the first; gives x of the first.
fn solve(rows: &[(Vec<(usize, Fraction)>, Fraction)]) -> Fraction {
    let n = rows.len();
    let mut a = vec![vec![Fraction::ZERO; n + 1]; n];
    for (i, (moves, gain)) in rows.iter().enumerate() {
        a[i][i] = fraction(1, 1);
        for (j, chance) in moves {
            a[i][*j] = a[i][*j].minus(*chance);
        }
        a[i][n] = *gain;
    }
    for pivot in (0..n).rev() {
        for i in 0..pivot {
            if a[i][pivot] != Fraction::ZERO {
                let factor = a[i][pivot].over(a[pivot][pivot]);
                for j in (0..=pivot).chain([n]) {
                    let change = factor.times(a[pivot][j]);
                    a[i][j] = a[i][j].minus(change);
                }
            }
        }
    }
    a[0][n].over(a[0][0])
}

#[test]
fn every_edge_in_the_guide_is_exact() {
    // A multiple of every `per`, so that nothing is lost to rounding.
    const STAKE: u64 = 30;
    for wager in Wager::all() {
        let spot = wager.spot();
        let phases = [Phase::ComeOut, Phase::Point(Number::Five), Phase::Point(Number::Eight)];
        for phase in phases.into_iter().chain(Number::ALL.map(Phase::Point)) {
            let offered = match wager {
                Wager::Pass | Wager::DontPass => phase == Phase::ComeOut,
                Wager::Come | Wager::DontCome | Wager::PassOdds | Wager::DontPassOdds => {
                    phase != Phase::ComeOut
                }
                _ => true,
            };
            if !offered {
                continue;
            }
            let Some(felt) = felt_with(spot, phase, Chips(STAKE)) else { continue };
            let watched = |s: Spot| match (spot, s) {
                (Spot::Come, Spot::ComeOn(_)) | (Spot::DontCome, Spot::DontComeOn(_)) => true,
                _ => s == spot,
            };
            let gain = expected_gain(&felt, &watched).over(fraction(STAKE.into(), 1));
            let Edge { numerator, denominator } = wager.guide().edge;
            let stated = fraction(-i128::from(numerator), denominator.into());
            assert_eq!(gain, stated, "{wager} in {phase:?}");
        }
    }
}

#[test]
fn the_edges_are_the_published_ones() {
    let text = |wager: Wager| wager.guide().edge.to_string();
    for (wager, expected) in [
        (Wager::Pass, "7/495 = 1.41 %"),
        (Wager::DontPass, "3/220 = 1.36 %"),
        (Wager::Come, "7/495 = 1.41 %"),
        (Wager::DontCome, "3/220 = 1.36 %"),
        (Wager::Field, "1/36 = 2.78 %"),
        (Wager::Place(Number::Four), "1/15 = 6.67 %"),
        (Wager::Place(Number::Nine), "1/25 = 4.00 %"),
        (Wager::Place(Number::Six), "1/66 = 1.52 %"),
        (Wager::PassOdds, "0"),
        (Wager::DontComeOdds(Number::Ten), "0"),
    ] {
        assert_eq!(text(wager), expected);
    }
}

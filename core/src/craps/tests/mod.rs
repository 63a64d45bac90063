//! The rules against tables, the money against conservation, the edges against arithmetic.

mod edges;
mod golden;
mod limits;
mod money;
mod rules;
mod side;
mod words;

use super::*;

const ME: Seat = Seat(0);

/// Side bets as large as the others, so that every bet takes the same stakes.
fn rules() -> Rules {
    Rules { side_max: Chips(10_000), ..Rules::default() }
}

/// Some dice with this total.
fn dice(total: u8) -> Dice {
    Dice::all().find(|dice| dice.total() == total).unwrap()
}

/// A number that is neither of these.
fn other_than(a: Number, b: Number) -> Number {
    Number::ALL.into_iter().find(|n| *n != a && *n != b).unwrap()
}

/// The bet that starts on this spot.
fn wager_on(spot: Spot) -> Wager {
    Wager::all().find(|wager| wager.spot() == spot).unwrap()
}

/// A felt in this phase with `stake` on `spot` (and what must lie behind it), brought about by
/// play. `None` for what cannot happen: a come bet on the point's own number.
fn felt_with(spot: Spot, phase: Phase, stake: Chips) -> Option<Felt> {
    let mut felt = Felt::new(rules());
    let put = |felt: &mut Felt, wager| {
        assert_eq!(felt.place(ME, wager, stake), Ok(Wager::spot(wager)));
    };
    let point = |felt: &mut Felt| {
        if let Phase::Point(n) = phase {
            assert_eq!(felt.roll(dice(n.total())).outcome, RollOutcome::PointSet(n));
        }
    };
    match spot {
        Spot::Pass | Spot::PassOdds => put(&mut felt, Wager::Pass),
        Spot::DontPass | Spot::DontPassOdds => put(&mut felt, Wager::DontPass),
        Spot::Come | Spot::DontCome => {}
        Spot::ComeOn(n) | Spot::ComeOdds(n) | Spot::DontComeOn(n) | Spot::DontComeOdds(n) => {
            if phase == Phase::Point(n) {
                return None;
            }
            let first = other_than(n, n);
            felt.roll(dice(first.total()));
            let against = matches!(spot, Spot::DontComeOn(_) | Spot::DontComeOdds(_));
            put(&mut felt, if against { Wager::DontCome } else { Wager::Come });
            felt.roll(dice(n.total()));
            felt.roll(dice(first.total()));
            assert_eq!(felt.phase(), Phase::ComeOut);
        }
        // Before anything is counted for it.
        Spot::Fire | Spot::Repeater(_) => put(&mut felt, wager_on(spot)),
        _ => {}
    }
    point(&mut felt);
    match spot {
        Spot::Pass | Spot::DontPass | Spot::ComeOn(_) | Spot::DontComeOn(_) => {}
        Spot::Fire | Spot::Repeater(_) => {}
        _ => put(&mut felt, wager_on(spot)),
    }
    assert_eq!((felt.phase(), felt.chips_on(ME, spot)), (phase, stake));
    Some(felt)
}

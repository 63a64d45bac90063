//! Every bet, every phase, all 36 rolls; and what may be placed when.

use super::*;

const PHASES: [Phase; 7] = [
    Phase::ComeOut,
    Phase::Point(Number::Four),
    Phase::Point(Number::Five),
    Phase::Point(Number::Six),
    Phase::Point(Number::Eight),
    Phase::Point(Number::Nine),
    Phase::Point(Number::Ten),
];

/// What becomes of 30 chips for totals 2 to 12: winnings, `-` lost, `=` returned, `.` stays, `>`
/// travels to the number rolled.
fn row(spot: Spot, phase: Phase) -> String {
    let on = |n: Number, number: &str, seven: &str| {
        let cell = |total: u8| match total {
            7 => seven.to_owned(),
            t if t == n.total() => number.to_owned(),
            _ => ".".to_owned(),
        };
        (2..=12).map(cell).collect::<Vec<_>>().join(" ")
    };
    let taken = |n| match n {
        Number::Four | Number::Ten => "60",
        Number::Five | Number::Nine => "45",
        Number::Six | Number::Eight => "36",
    };
    let laid = |n| match n {
        Number::Four | Number::Ten => "15",
        Number::Five | Number::Nine => "20",
        Number::Six | Number::Eight => "25",
    };
    let place = |n| match n {
        Number::Four | Number::Ten => "54",
        Number::Five | Number::Nine => "42",
        Number::Six | Number::Eight => "35",
    };
    let horn = |two: &str, three: &str| format!("{two} {three} - - - - - - - {three} {two}");
    let next = |winner: u8, pays: &str| {
        let cell = |total| if total == winner { pays } else { "-" };
        (2..=12).map(cell).collect::<Vec<_>>().join(" ")
    };
    match (spot, phase) {
        //                           2  3  4 5 6 7  8 9 10 11 12
        (Spot::Pass, Phase::ComeOut) => "- - . . . 30 . . . 30 -".to_owned(),
        (Spot::DontPass, Phase::ComeOut) => "30 30 . . . - . . . - =".to_owned(),
        (Spot::Come, Phase::Point(_)) => "- - > > > 30 > > > 30 -".to_owned(),
        (Spot::DontCome, Phase::Point(_)) => "30 30 > > > - > > > - =".to_owned(),
        (Spot::Field, _) => "60 30 30 - - - - 30 30 30 90".to_owned(),
        (Spot::Pass, Phase::Point(n)) | (Spot::ComeOn(n), _) => on(n, "30", "-"),
        (Spot::DontPass, Phase::Point(n)) | (Spot::DontComeOn(n), _) => on(n, "-", "30"),
        (Spot::PassOdds, Phase::Point(n)) => on(n, taken(n), "-"),
        (Spot::DontPassOdds, Phase::Point(n)) => on(n, "-", laid(n)),
        (Spot::ComeOdds(n), Phase::ComeOut) => on(n, "=", "="),
        (Spot::ComeOdds(n), Phase::Point(_)) => on(n, taken(n), "-"),
        (Spot::DontComeOdds(n), _) => on(n, "-", laid(n)),
        (Spot::Place(_) | Spot::Buy(_) | Spot::Hard(_) | Spot::Fire, Phase::ComeOut) => {
            ". . . . . . . . . . .".to_owned()
        }
        (Spot::Place(n), Phase::Point(_)) => on(n, place(n), "-"),
        // 5 % of 30 and of 15, 20, 25 is paid on a win, and what is left rounds down.
        (Spot::Buy(n), Phase::Point(_)) => match n {
            Number::Four | Number::Ten => on(n, "58", "-"),
            Number::Five | Number::Nine => on(n, "43", "-"),
            Number::Six | Number::Eight => on(n, "34", "-"),
        },
        (Spot::Lay(n), _) => match n {
            Number::Four | Number::Ten => on(n, "-", "14"),
            Number::Five | Number::Nine => on(n, "-", "19"),
            Number::Six | Number::Eight => on(n, "-", "23"),
        },
        // As a pair or otherwise.
        (Spot::Hard(n), Phase::Point(_)) => match n {
            Hard::Four => ". . 210/- . . - . . . . .".to_owned(),
            Hard::Six => ". . . . 270/- - . . . . .".to_owned(),
            Hard::Eight => ". . . . . - 270/- . . . .".to_owned(),
            Hard::Ten => ". . . . . - . . 210/- . .".to_owned(),
        },
        (Spot::BigSix, _) => on(Number::Six, "30", "-"),
        (Spot::BigEight, _) => on(Number::Eight, "30", "-"),
        (Spot::AnySeven, _) => next(7, "120"),
        (Spot::AnyCraps, _) => "210 210 - - - - - - - - 210".to_owned(),
        (Spot::CrapsTwo, _) => next(2, "900"),
        (Spot::CrapsThree, _) => next(3, "450"),
        (Spot::CrapsTwelve, _) => next(12, "900"),
        (Spot::Eleven, _) => next(11, "450"),
        (Spot::Horn, _) => horn("202", "90"),
        (Spot::CAndE, _) => "90 90 - - - - - - - 210 90".to_owned(),
        (Spot::Fire, Phase::Point(_)) => ". . . . . - . . . . .".to_owned(),
        // None of them is won by one roll after at most one that set the point.
        (Spot::Repeater(_), _) => ". . . . . - . . . . .".to_owned(),
        (Spot::Hop(_), _) => unreachable!("named by its dice, not by their total"),
        (Spot::PassOdds | Spot::DontPassOdds | Spot::Come | Spot::DontCome, Phase::ComeOut) => {
            unreachable!("needs a point")
        }
    }
}

fn needs_point(spot: Spot) -> bool {
    matches!(spot, Spot::PassOdds | Spot::DontPassOdds | Spot::Come | Spot::DontCome)
}

#[test]
fn every_bet_does_what_the_table_says_on_all_36_rolls_of_every_phase() {
    let mut cases = 0;
    for spot in Spot::all() {
        for phase in PHASES {
            if phase == Phase::ComeOut && needs_point(spot) {
                continue;
            }
            let Some(felt) = felt_with(spot, phase, Chips(30)) else { continue };
            let row = match spot {
                Spot::Hop(_) => String::new(),
                _ => row(spot, phase),
            };
            let cells: Vec<&str> = row.split(' ').collect();
            for dice in Dice::all() {
                let total = dice.total();
                let mut after = felt.clone();
                let settlement = after.roll(dice);
                let mut mine = settlement.resolved.iter().filter(|r| r.spot == spot);
                let travelled = match spot {
                    Spot::Come => Number::of(total).map(Spot::ComeOn),
                    Spot::DontCome => Number::of(total).map(Spot::DontComeOn),
                    _ => None,
                };
                let seen = match mine.next() {
                    Some(r) => match r.result {
                        BetResult::Won { winnings } => {
                            assert_eq!(r.paid(), Chips(30 + winnings.0));
                            winnings.to_string()
                        }
                        BetResult::Lost => "-".to_owned(),
                        BetResult::Pushed => "=".to_owned(),
                    },
                    None if after.chips_on(ME, spot) == Chips(30) => ".".to_owned(),
                    None if travelled.is_some_and(|to| after.chips_on(ME, to) == Chips(30)) => {
                        ">".to_owned()
                    }
                    None => panic!("{spot} vanished on {total}"),
                };
                let expected = match spot {
                    Spot::Hop(hop) if !hop.fell(dice) => "-",
                    Spot::Hop(hop) if hop.is_pair() => "900",
                    Spot::Hop(_) => "450",
                    _ => match cells[total as usize - 2].split_once('/') {
                        Some((pair, other)) => [other, pair][usize::from(dice.is_pair())],
                        None => cells[total as usize - 2],
                    },
                };
                assert_eq!(seen, expected, "{spot}, {phase:?}, {dice:?}");
                assert_eq!(mine.next(), None);
                cases += 1;
            }
        }
    }
    // 7 spots without numbers (4 of them with a point only), 24 on a number other than the
    // point's, 18 on a number whatever the point, and 46 others.
    assert_eq!(cases, 36 * (3 * 7 + 4 * 6 + 24 * 6 + 18 * 7 + 46 * 7));
}

#[test]
fn the_phase_and_the_outcome_follow_the_dice() {
    use RollOutcome::*;
    for dice in Dice::all() {
        let total = dice.total();
        let mut felt = Felt::new(rules());
        let first = felt.roll(dice).outcome;
        match Number::of(total) {
            Some(n) => assert_eq!((first, felt.point()), (PointSet(n), Some(n))),
            None => {
                let expected = if total == 7 || total == 11 { Natural } else { Craps };
                assert_eq!((first, felt.phase()), (expected, Phase::ComeOut));
            }
        }
        for n in Number::ALL {
            let mut felt = felt_with(Spot::Field, Phase::Point(n), Chips(1)).unwrap();
            let (outcome, after) = (felt.roll(dice).outcome, felt.phase());
            match total {
                7 => assert_eq!((outcome, after), (SevenOut, Phase::ComeOut)),
                t if t == n.total() => assert_eq!((outcome, after), (PointMade(n), Phase::ComeOut)),
                _ => assert_eq!((outcome, after), (NoDecision, Phase::Point(n))),
            }
        }
    }
}

#[test]
fn a_come_bet_travels_while_the_old_one_on_that_number_is_paid() {
    let mut felt =
        felt_with(Spot::ComeOn(Number::Six), Phase::Point(Number::Nine), Chips(30)).unwrap();
    felt.place(ME, Wager::Come, Chips(5)).unwrap();
    felt.place(ME, Wager::DontCome, Chips(7)).unwrap();
    let settlement = felt.roll(dice(6));
    let won = BetResult::Won { winnings: Chips(30) };
    let paid =
        Resolved { seat: ME, spot: Spot::ComeOn(Number::Six), stake: Chips(30), result: won };
    assert_eq!(settlement.resolved, [paid]);
    assert_eq!(felt.chips_on(ME, Spot::ComeOn(Number::Six)), Chips(5));
    assert_eq!(felt.chips_on(ME, Spot::DontComeOn(Number::Six)), Chips(7));
    assert_eq!(felt.total(), Chips(12));
}

#[test]
fn what_is_not_offered_is_refused_and_changes_nothing() {
    let mut come_out = Felt::new(rules());
    let mut on = Felt::new(rules());
    on.roll(dice(6));
    let only = |wager, instead| Err(BetError::ComeOutOnly { wager, instead });
    let needs = |wager| Err(BetError::NeedsPoint { wager });
    let nothing = |wager, behind| Err(BetError::NothingBehind { wager, behind });
    let n = Number::Six;
    let cases = [
        (&on, Wager::Pass, only(Wager::Pass, Wager::Come)),
        (&on, Wager::DontPass, only(Wager::DontPass, Wager::DontCome)),
        (&on, Wager::PassOdds, nothing(Wager::PassOdds, Spot::Pass)),
        (&on, Wager::DontPassOdds, nothing(Wager::DontPassOdds, Spot::DontPass)),
        (&on, Wager::ComeOdds(n), nothing(Wager::ComeOdds(n), Spot::ComeOn(n))),
        (&on, Wager::DontComeOdds(n), nothing(Wager::DontComeOdds(n), Spot::DontComeOn(n))),
        (&come_out, Wager::Come, needs(Wager::Come)),
        (&come_out, Wager::DontCome, needs(Wager::DontCome)),
        (&come_out, Wager::PassOdds, needs(Wager::PassOdds)),
        (&come_out, Wager::DontPassOdds, needs(Wager::DontPassOdds)),
    ];
    for (before, wager, expected) in cases {
        let mut felt = before.clone();
        assert_eq!(felt.place(ME, wager, Chips(10)), expected);
        assert_eq!(felt, *before);
    }
    assert_eq!(come_out.place(ME, Wager::Pass, Chips(10)), Ok(Spot::Pass));
    come_out.roll(dice(6));
    let stranger = come_out.place(Seat(1), Wager::PassOdds, Chips(1));
    assert_eq!(stranger, nothing(Wager::PassOdds, Spot::Pass), "odds go behind one's own bet");
}

#[test]
fn a_spot_is_full_at_its_limit() {
    let refused = |felt: &Felt, wager: Wager, chips: u64, max: u64, lies: u64| {
        let expected =
            BetError::TooLarge { spot: wager.spot(), max: Chips(max), lies: Chips(lies) };
        assert_eq!(felt.check(ME, wager, Chips(chips)), Err(expected));
    };
    let mut felt = Felt::new(rules());
    assert_eq!(felt.check(ME, Wager::Field, Chips::ZERO), Err(BetError::Nothing));
    let max = rules().max.0;
    refused(&felt, Wager::Field, max + 1, max, 0);
    felt.place(ME, Wager::Field, Chips(1)).unwrap();
    felt.place(ME, Wager::Field, Chips(max - 1)).unwrap();
    refused(&felt, Wager::Field, 1, max, max);
    refused(&felt, Wager::Field, u64::MAX, max, max);

    for (n, taken) in Number::ALL.into_iter().zip([3, 4, 5, 5, 4, 3]) {
        let phase = Phase::Point(n);
        let other = Phase::Point(other_than(n, n));
        for (wager, behind, phase, times) in [
            (Wager::PassOdds, Spot::Pass, phase, taken),
            (Wager::DontPassOdds, Spot::DontPass, phase, 6),
            (Wager::ComeOdds(n), Spot::ComeOn(n), other, taken),
            (Wager::DontComeOdds(n), Spot::DontComeOn(n), other, 6),
        ] {
            let mut felt = felt_with(behind, phase, Chips(10)).unwrap();
            felt.place(ME, wager, Chips(1)).unwrap();
            refused(&felt, wager, 10 * times, 10 * times, 1);
            felt.place(ME, wager, Chips(10 * times - 1)).unwrap();
            refused(&felt, wager, 1, 10 * times, 10 * times);
            // The most that odds can win is what they can risk on the other side.
            let risk = felt.chips_on(ME, wager.spot());
            let wins = felt.pays(wager).winnings(risk).0;
            assert_eq!(wins, if times == 6 { 10 * taken } else { 60 });
        }
    }
}

#[test]
fn a_leaver_gets_back_what_is_no_contract() {
    let mut felt = felt_with(Spot::ComeOn(Number::Five), Phase::ComeOut, Chips(10)).unwrap();
    for wager in [Wager::Pass, Wager::DontPass, Wager::ComeOdds(Number::Five)] {
        felt.place(ME, wager, Chips(10)).unwrap();
    }
    let before_the_point = felt.clone();
    felt.roll(dice(8));
    for wager in [
        Wager::Come,
        Wager::DontCome,
        Wager::PassOdds,
        Wager::DontPassOdds,
        Wager::Field,
        Wager::Place(Number::Six),
    ] {
        felt.place(ME, wager, Chips(10)).unwrap();
    }
    felt.place(Seat(1), Wager::Field, Chips(3)).unwrap();
    let total = felt.total();
    let returned: u64 = felt.clear_seat(ME).iter().map(|(_, chips)| chips.0).sum();
    let stay: Vec<_> = felt.bets_of(ME).map(|(spot, _)| spot).collect();
    assert_eq!(stay, [Spot::Pass, Spot::Come, Spot::ComeOn(Number::Five)]);
    assert_eq!(felt.total(), Chips(total.0 - returned));
    assert_eq!(felt.chips_on(Seat(1), Spot::Field), Chips(3));

    let mut felt = before_the_point;
    felt.clear_seat(ME);
    let stay: Vec<_> = felt.bets_of(ME).map(|(spot, _)| spot).collect();
    assert_eq!(stay, [Spot::ComeOn(Number::Five)], "a pass bet is free until there is a point");
}

#[test]
fn fractions_stay_with_the_house() {
    for (wager, phase, stake, total, winnings) in [
        (Wager::Place(Number::Six), Phase::Point(Number::Five), 5, 6, 5),
        (Wager::Place(Number::Six), Phase::Point(Number::Five), 11, 6, 12),
        (Wager::Place(Number::Four), Phase::Point(Number::Five), 1, 4, 1),
        (Wager::PassOdds, Phase::Point(Number::Five), 3, 5, 4),
        (Wager::DontPassOdds, Phase::Point(Number::Ten), 1, 7, 0),
        (Wager::DontPassOdds, Phase::Point(Number::Six), 5, 7, 4),
    ] {
        let mut felt = felt_with(wager.spot(), phase, Chips(stake)).unwrap();
        let Ratio { pays, per } = felt.pays(wager);
        assert_eq!(stake * pays / per, winnings);
        let settlement = felt.roll(dice(total));
        let mine = settlement.resolved.iter().find(|r| r.spot == wager.spot()).unwrap();
        assert_eq!(mine.result, BetResult::Won { winnings: Chips(winnings) });
    }
    assert_eq!(Ratio { pays: 2, per: 1 }.winnings(Chips(u64::MAX)), Chips(u64::MAX));
}

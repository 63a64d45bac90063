//! What a table's rules allow, and the sentences that refuse the rest.

use super::*;

#[test]
fn unsound_rules_are_refused_with_a_sentence() {
    let sound = Rules::default();
    assert_eq!(sound.check(), Ok(()));
    for (rules, sentence) in [
        (
            Rules { min: Chips(0), ..sound },
            "the smallest bet is 0 chips; it is at least 1 and at most the largest, 10000",
        ),
        (
            Rules { min: Chips(10_001), ..sound },
            "the smallest bet is 10001 chips; it is at least 1 and at most the largest, 10000",
        ),
        (
            Rules { max: Chips(1_000_001), ..sound },
            "the largest bet is 1000001 chips; at most 1000000 are allowed",
        ),
        (
            Rules { side_max: Chips(10_001), ..sound },
            "the largest side bet is 10001 chips; it lies between the smallest bet, 1, and the \
             largest, 10000",
        ),
        (
            Rules { min: Chips(11), ..sound },
            "the largest side bet is 10 chips; it lies between the smallest bet, 11, and the \
             largest, 10000",
        ),
        (
            Rules { odds: OddsLimit::Times(0), ..sound },
            "odds of 0 times the bet; 1 to 100 times are allowed",
        ),
        (
            Rules { odds: OddsLimit::Times(101), ..sound },
            "odds of 101 times the bet; 1 to 100 times are allowed",
        ),
    ] {
        assert_eq!(rules.check().unwrap_err().to_string(), sentence);
    }
    let widest = Rules {
        max: CHIPS_PER_BET_MAX,
        side_max: CHIPS_PER_BET_MAX,
        odds: OddsLimit::Times(ODDS_TIMES_MAX),
        ..sound
    };
    assert_eq!(widest.check(), Ok(()));
}

#[test]
fn every_choice_of_rules_leaves_the_house_an_edge_or_none() {
    for odds in [OddsLimit::ThreeFourFive, OddsLimit::Times(1), OddsLimit::Times(100)] {
        for field in [FieldPays::TripleTwelve, FieldPays::TripleTwo, FieldPays::Double] {
            for (barred, hop, commission) in [
                (Barred::Twelve, HopPays::ThirtyFifteen, Commission::OnWin),
                (Barred::Two, HopPays::TwentyNineFourteen, Commission::OnBet),
            ] {
                let rules = Rules { odds, field, barred, hop, commission, ..Rules::default() };
                assert_eq!(rules.check(), Ok(()));
                for wager in Wager::all().filter(|wager| *wager != Wager::Fire) {
                    let odds = wager.spot().backed().is_some();
                    assert_eq!(wager.guide(&rules).edge.is_zero(), odds, "{wager} by {rules}");
                }
            }
        }
    }
}

#[test]
fn the_least_and_the_most_hold_for_what_lies_on_a_spot() {
    let rules = Rules { min: Chips(5), max: Chips(50), side_max: Chips(6), ..Rules::default() };
    for wager in Wager::all() {
        let mut felt = Felt::new(rules);
        let Ok(max) = felt.limit(ME, wager) else { continue };
        let spot = wager.spot();
        let low = Err(BetError::TooSmall { spot, min: Chips(5) });
        assert_eq!(felt.place(ME, wager, Chips(4)), low);
        assert_eq!(felt, Felt::new(rules));
        felt.place(ME, wager, Chips(5)).unwrap();
        felt.place(ME, wager, Chips(1)).unwrap();
        assert_eq!(felt.chips_on(ME, spot), Chips(6));
        let over = felt.check(ME, wager, Chips(max.0 - 5));
        assert_eq!(over, Err(BetError::TooLarge { spot, max, lies: Chips(6) }));
        assert!(felt.check(ME, wager, Chips(u64::MAX)).is_err());
    }
    let mut felt = Felt::new(rules);
    felt.place(ME, Wager::Pass, Chips(5)).unwrap();
    felt.roll(dice(6));
    felt.place(ME, Wager::PassOdds, Chips(1)).unwrap();
}

#[test]
fn odds_go_up_to_the_multiple_agreed() {
    for times in [1, 2, 10, 100] {
        let rules = Rules { odds: OddsLimit::Times(times), ..Rules::default() };
        for (n, taken, laid) in [
            (Number::Four, 10, 20),
            (Number::Five, 10, 15),
            (Number::Six, 10, 12),
            (Number::Ten, 10, 20),
        ] {
            let mut felt = Felt::new(rules);
            felt.place(ME, Wager::Pass, Chips(10)).unwrap();
            felt.place(ME, Wager::DontPass, Chips(10)).unwrap();
            felt.roll(dice(n.total()));
            let times = u64::from(times);
            assert_eq!(felt.limit(ME, Wager::PassOdds), Ok(Chips(taken * times)));
            assert_eq!(felt.limit(ME, Wager::DontPassOdds), Ok(Chips(laid * times)));
        }
    }
}

#[test]
fn a_refused_bet_is_told_why() {
    let come_out = Felt::new(Rules { min: Chips(5), ..Rules::default() });
    let mut on = come_out.clone();
    on.roll(dice(6));
    for (felt, wager, chips, sentence) in [
        (&come_out, Wager::Pass, 0, "a bet is at least one chip"),
        (&come_out, Wager::Horn, 4, "at least 5 chips must lie on horn; bet more at once"),
        (
            &come_out,
            Wager::Field,
            10_001,
            "at most 10000 chips may lie on field, and 0 lie there already",
        ),
        (&come_out, Wager::Come, 5, "come needs a point; wait until the come-out roll has set one"),
        (
            &on,
            Wager::Pass,
            5,
            "pass is bet on the come-out roll only; bet come while there is a point",
        ),
        (
            &on,
            Wager::PassOdds,
            5,
            "pass odds goes behind a bet on pass, and there is none of yours",
        ),
        (
            &on,
            Wager::Fire,
            5,
            "fire is bet before the shooter's first point; wait until the shooter sevens out",
        ),
        (
            &on,
            Wager::Repeater(Total::new(6).unwrap()),
            5,
            "repeater 6 is bet before its total has fallen; wait for a 7",
        ),
    ] {
        let mut tried = felt.clone();
        assert_eq!(tried.place(ME, wager, Chips(chips)).unwrap_err().to_string(), sentence);
        assert_eq!(tried, *felt);
    }
}

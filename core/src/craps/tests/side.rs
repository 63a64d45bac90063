//! The bets that count over many rolls: fire and repeaters.

use super::*;

fn roll(felt: &mut Felt, totals: &[u8]) -> Vec<Resolved> {
    totals.iter().flat_map(|total| felt.roll(dice(*total)).resolved).collect()
}

fn won(spot: Spot, stake: u64, winnings: u64) -> Resolved {
    let result = BetResult::Won { winnings: Chips(winnings) };
    Resolved { seat: ME, spot, stake: Chips(stake), result }
}

fn lost(spot: Spot, stake: u64) -> Resolved {
    Resolved { seat: ME, spot, stake: Chips(stake), result: BetResult::Lost }
}

#[test]
fn fire_pays_for_the_different_points_one_shooter_makes() {
    // Points made, each twice, before the seven-out.
    for (points, expected) in [
        (&[][..], lost(Spot::Fire, 10)),
        (&[4, 5, 6], lost(Spot::Fire, 10)),
        (&[4, 5, 6, 8], won(Spot::Fire, 10, 240)),
        (&[4, 5, 6, 8, 9], won(Spot::Fire, 10, 2_490)),
    ] {
        let mut felt = Felt::new(rules());
        felt.place(ME, Wager::Fire, Chips(10)).unwrap();
        for point in points {
            assert_eq!(roll(&mut felt, &[*point, *point, *point, *point]), []);
        }
        assert_eq!(felt.hand().points() as usize, points.len());
        // Naturals and craps on the come-out count for nothing.
        assert_eq!(roll(&mut felt, &[7, 11, 2]), []);
        assert_eq!(roll(&mut felt, &[6, 7]), [expected]);
        assert_eq!(felt.hand(), Hand::default());
    }
    let mut felt = Felt::new(rules());
    felt.place(ME, Wager::Fire, Chips(10)).unwrap();
    assert_eq!(roll(&mut felt, &[4, 4, 5, 5, 6, 6, 8, 8, 9, 9, 10]), []);
    assert_eq!(roll(&mut felt, &[10]), [won(Spot::Fire, 10, 9_990)], "at once with the sixth");
    assert_eq!(felt.hand().points_made().collect::<Vec<_>>(), Number::ALL);
    assert_eq!(roll(&mut felt, &[4, 4]), [], "and once only");
}

#[test]
fn a_repeater_pays_when_its_total_has_come_often_enough_before_seven() {
    for (total, times, pays) in [
        (2, 2, 39),
        (3, 3, 49),
        (4, 4, 64),
        (5, 5, 79),
        (6, 6, 89),
        (8, 6, 89),
        (9, 5, 79),
        (10, 4, 64),
        (11, 3, 49),
        (12, 2, 39),
    ] {
        let wager = Wager::Repeater(Total::new(total).unwrap());
        let mut felt = Felt::new(rules());
        felt.place(ME, wager, Chips(10)).unwrap();
        let almost = vec![total; times - 1];
        assert_eq!(roll(&mut felt, &almost), []);
        let mut unlucky = felt.clone();
        assert_eq!(roll(&mut unlucky, &[7]), [lost(wager.spot(), 10)]);
        assert_eq!(roll(&mut felt, &[total]), [won(wager.spot(), 10, 10 * pays)]);
        assert_eq!(felt.exposure(), Chips::ZERO);
    }
}

#[test]
fn side_bets_are_refused_once_something_is_counted_for_them() {
    let mut felt = Felt::new(Rules::default());
    let repeater = Wager::Repeater(Total::new(6).unwrap());
    let points = Err(BetError::PointsUnderWay { wager: Wager::Fire });
    let totals = Err(BetError::TotalsUnderWay { wager: repeater });
    let fresh = |felt: &Felt| (felt.limit(ME, Wager::Fire), felt.limit(ME, repeater));
    let max = Rules::default().side_max;
    assert_eq!(fresh(&felt), (Ok(max), Ok(max)));
    roll(&mut felt, &[11, 2, 5]);
    assert_eq!(fresh(&felt), (points, Ok(max)), "a point is set");
    roll(&mut felt, &[6]);
    assert_eq!(fresh(&felt), (points, totals));
    roll(&mut felt, &[5]);
    assert_eq!(fresh(&felt), (points, totals), "a point is made");
    roll(&mut felt, &[7]);
    assert_eq!(fresh(&felt), (points, Ok(max)), "7 on the come-out ends no hand");
    roll(&mut felt, &[4, 7]);
    assert_eq!(fresh(&felt), (Ok(max), Ok(max)));
    let large = felt.check(ME, Wager::Fire, Chips(max.0 + 1));
    assert_eq!(large, Err(BetError::TooLarge { spot: Spot::Fire, max, lies: Chips::ZERO }));
}

#[test]
fn a_leaver_cannot_take_down_what_counts() {
    let mut felt = Felt::new(rules());
    let repeater = Wager::Repeater(Total::new(6).unwrap());
    for wager in [Wager::Fire, repeater, Wager::Hard(Hard::Six), Wager::Buy(Number::Six)] {
        felt.place(ME, wager, Chips(10)).unwrap();
    }
    let back: Vec<Spot> = felt.clear_seat(ME).into_iter().map(|(spot, _)| spot).collect();
    assert_eq!(back, [Spot::Buy(Number::Six), Spot::Hard(Hard::Six)]);
    assert_eq!(felt.total(), Chips(20));
}

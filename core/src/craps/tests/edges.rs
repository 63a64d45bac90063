//! The odds against published figures, and against play on a whole felt.

use super::*;

/// Every edge by its published figure (as the Wizard of Odds and other tables of the game give
/// it), in lowest terms.
fn published() -> Vec<(&'static str, &'static str)> {
    let mut edges = vec![
        ("pass", "7/495"),
        ("dont_pass", "3/220"),
        ("come", "7/495"),
        ("dont_come", "3/220"),
        ("field", "1/36"),
        ("hard_4", "1/9"),
        ("hard_6", "1/11"),
        ("hard_8", "1/11"),
        ("hard_10", "1/9"),
        ("big_6", "1/11"),
        ("big_8", "1/11"),
        ("any_seven", "1/6"),
        ("any_craps", "1/9"),
        ("craps_2", "5/36"),
        ("craps_3", "1/9"),
        ("craps_12", "5/36"),
        ("eleven", "1/9"),
        ("horn", "1/8"),
        ("c_and_e", "1/9"),
        ("repeater_2", "9/49"),
        ("repeater_3", "7/32"),
        ("repeater_4", "16/81"),
        ("repeater_5", "113/625"),
        ("repeater_6", "365311/1771561"),
        ("repeater_8", "365311/1771561"),
        ("repeater_9", "113/625"),
        ("repeater_10", "16/81"),
        ("repeater_11", "7/32"),
        ("repeater_12", "9/49"),
    ];
    for (numbers, place, vigorish) in
        [([4, 10], "1/15", "1/60"), ([5, 9], "1/25", "1/50"), ([6, 8], "1/66", "1/44")]
    {
        for n in numbers {
            for (name, edge) in [("place", place), ("buy", vigorish), ("lay", vigorish)] {
                edges.push((format!("{name}_{n}").leak(), edge));
            }
            for name in ["pass_odds", "dont_pass_odds", "come_odds", "dont_come_odds"] {
                edges.push((format!("{name}_{n}").leak(), "0/1"));
            }
        }
    }
    for hop in Hop::all() {
        let edge = if hop.is_pair() { "5/36" } else { "1/9" };
        edges.push((format!("hop_{}_{}", hop.low(), hop.high()).leak(), edge));
    }
    edges
}

#[test]
fn the_edges_are_the_published_ones() {
    let list = price_list(&Rules::default());
    let published = published();
    for (name, edge) in &published {
        let priced = list.iter().find(|priced| priced.name == *name);
        let computed =
            priced.unwrap_or_else(|| panic!("{name} is not in the list")).odds.edge.to_string();
        assert_eq!(computed, *edge, "{name}");
    }
    // The fire bet is left: its edge is published as 20.76 %.
    let rest: Vec<&Priced> =
        list.iter().filter(|p| !published.iter().any(|(name, _)| p.name == *name)).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].name.as_str(), rest[0].odds.edge.percent().as_str()), ("fire", "20.76 %"));
    // By a second program, in fractions of Python.
    assert_eq!(
        rest[0].odds.edge.to_string(),
        "3155010189076512755518373649266277142847/15195531003242259962803834074351444164892"
    );
}

#[test]
fn other_rules_have_the_edges_published_for_them() {
    let edge = |rules: &Rules, wager: Wager| {
        Odds::of(rules, wager, wager.made_in(Number::Five)).edge.to_string()
    };
    let field = |field| edge(&Rules { field, ..Rules::default() }, Wager::Field);
    assert_eq!(field(FieldPays::Double), "1/18");
    assert_eq!(field(FieldPays::TripleTwo), "1/36");

    let two = Rules { barred: Barred::Two, ..Rules::default() };
    assert_eq!(edge(&two, Wager::DontPass), "3/220");
    assert_eq!(edge(&two, Wager::DontCome), "3/220");

    let hop = Rules { hop: HopPays::TwentyNineFourteen, ..Rules::default() };
    for (wager, expected) in [
        (Wager::Hop(Hop::new(1, 2).unwrap()), "1/6"),
        (Wager::Hop(Hop::new(3, 3).unwrap()), "1/6"),
        (Wager::Eleven, "1/6"),
        (Wager::CrapsTwelve, "1/6"),
        (Wager::Horn, "1/6"),
        (Wager::CAndE, "5/36"),
        (Wager::AnyCraps, "1/9"),
    ] {
        assert_eq!(edge(&hop, wager), expected, "{wager}");
    }

    let on_bet = Rules { commission: Commission::OnBet, ..Rules::default() };
    for (numbers, buy, lay) in [
        ([Number::Four, Number::Ten], "1/21", "1/41"),
        ([Number::Five, Number::Nine], "1/21", "1/31"),
        ([Number::Six, Number::Eight], "1/21", "1/25"),
    ] {
        for n in numbers {
            assert_eq!(edge(&on_bet, Wager::Buy(n)), buy);
            assert_eq!(edge(&on_bet, Wager::Lay(n)), lay);
        }
    }
}

#[test]
fn the_chances_are_the_known_ones() {
    let odds = |wager: Wager| {
        let odds = Odds::of(&Rules::default(), wager, wager.made_in(Number::Five));
        (odds.wins.to_string(), odds.loses.to_string())
    };
    let known = |wins: &str, loses: &str| (wins.to_owned(), loses.to_owned());
    assert_eq!(odds(Wager::Pass), known("244/495", "251/495"));
    assert_eq!(odds(Wager::DontPass), known("949/1980", "244/495"));
    assert_eq!(odds(Wager::Place(Number::Four)), known("1/3", "2/3"));
    assert_eq!(odds(Wager::Lay(Number::Six)), known("6/11", "5/11"));
    assert_eq!(odds(Wager::Hard(Hard::Eight)), known("1/11", "10/11"));
    assert_eq!(odds(Wager::Repeater(Total::new(2).unwrap())), known("1/49", "48/49"));
    assert_eq!(odds(Wager::Field), known("4/9", "5/9"));
}

/// Play on whole felts, millions of states short-cut by nothing: the same bets decided by chance.
#[test]
fn played_bets_win_and_lose_as_often_as_computed() {
    use crate::seed::Seed;
    // 1 in 49 at the rarest; four standard deviations of 50 000 bets.
    const BETS: u32 = 50_000;
    for (wager, seed) in [
        (Wager::Pass, 1),
        (Wager::DontCome, 2),
        (Wager::Hard(Hard::Six), 3),
        (Wager::Buy(Number::Nine), 4),
        (Wager::Repeater(Total::new(12).unwrap()), 5),
        (Wager::Horn, 6),
    ] {
        let mut rng = Seed::from_number(seed).rng();
        let mut wins = 0;
        for _ in 0..BETS {
            let mut felt = Felt::new(rules());
            if wager.made_in(Number::Five) != Phase::ComeOut {
                felt.roll(dice(5));
            }
            felt.place(ME, wager, Chips(60)).unwrap();
            let result = loop {
                let throw = Dice(rng.below(6) as u8 + 1, rng.below(6) as u8 + 1);
                if let Some(bet) = felt.roll(throw).resolved.first() {
                    break bet.result;
                }
            };
            wins += u32::from(matches!(result, BetResult::Won { .. }));
        }
        let odds = Odds::of(&rules(), wager, wager.made_in(Number::Five));
        let text = odds.wins.to_string();
        let (above, below) = text.split_once('/').unwrap();
        let share = above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap();
        let deviation = (f64::from(BETS) * share * (1.0 - share)).sqrt();
        let off = (f64::from(wins) - f64::from(BETS) * share).abs();
        assert!(off < 4.0 * deviation, "{wager}: {wins} of {BETS}, computed {share}");
    }
}

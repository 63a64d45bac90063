//! What is typed, shown and stored.

use super::*;

#[test]
fn typed_bets_are_understood() {
    use Number::*;
    let held = [Spot::Pass, Spot::ComeOn(Six), Spot::DontComeOn(Nine)];
    for (text, wager, chips) in [
        ("pass 10", Wager::Pass, 10),
        ("  PASS   10 ", Wager::Pass, 10),
        ("don't pass 10", Wager::DontPass, 10),
        ("dont pass 10", Wager::DontPass, 10),
        ("don’t pass 10", Wager::DontPass, 10),
        ("come 5", Wager::Come, 5),
        ("don't come 5", Wager::DontCome, 5),
        ("odds 20", Wager::PassOdds, 20),
        ("odds 6", Wager::PassOdds, 6),
        ("odds 6 20", Wager::ComeOdds(Six), 20),
        ("odds 9 20", Wager::DontComeOdds(Nine), 20),
        ("pass odds 20", Wager::PassOdds, 20),
        ("don't pass odds 20", Wager::DontPassOdds, 20),
        ("come odds 4 20", Wager::ComeOdds(Four), 20),
        ("don't come odds 10 20", Wager::DontComeOdds(Ten), 20),
        ("field 5", Wager::Field, 5),
        ("place 6 12", Wager::Place(Six), 12),
        ("place 8 18446744073709551615", Wager::Place(Eight), u64::MAX),
        ("buy 4 20", Wager::Buy(Four), 20),
        ("lay 10 40", Wager::Lay(Ten), 40),
        ("hard 8 5", Wager::Hard(Hard::Eight), 5),
        ("hardway 4 5", Wager::Hard(Hard::Four), 5),
        ("big 6 5", Wager::BigSix, 5),
        ("any 7 5", Wager::AnySeven, 5),
        ("any craps 5", Wager::AnyCraps, 5),
        ("craps 12 5", Wager::CrapsTwelve, 5),
        ("yo 5", Wager::Eleven, 5),
        ("c&e 4", Wager::CAndE, 4),
        ("C & E 4", Wager::CAndE, 4),
        ("hop 2-1 5", Wager::Hop(Hop::new(1, 2).unwrap()), 5),
        ("hop 6 6 5", Wager::Hop(Hop::new(6, 6).unwrap()), 5),
        ("fire 1", Wager::Fire, 1),
        ("repeater 12 1", Wager::Repeater(Total::new(12).unwrap()), 1),
    ] {
        assert_eq!(parse_bet(text, &held), Ok((wager, Chips(chips))), "{text}");
    }
    let against = parse_bet("odds 20", &[Spot::DontPass]);
    assert_eq!(against, Ok((Wager::DontPassOdds, Chips(20))));
    for wager in Wager::all() {
        assert_eq!(parse_bet(&format!("{wager} 7"), &[]), Ok((wager, Chips(7))));
    }
}

#[test]
fn what_is_no_bet_is_answered_with_what_would_be() {
    for (text, answer) in [
        ("", "type a bet and its chips, for example: pass 10"),
        (
            "tough 8 10",
            "there is no bet \"tough\"; bets are pass, don't pass, come, don't come, odds, field, \
             place, buy, lay, hard, big, any seven, any craps, craps, eleven, horn, c&e, hop, fire \
             and repeater",
        ),
        (
            "don't place 6",
            "there is no bet \"don't place\"; bets are pass, don't pass, come, don't come, odds, \
             field, place, buy, lay, hard, big, any seven, any craps, craps, eleven, horn, c&e, \
             hop, fire and repeater",
        ),
        ("pass", "say how many chips, for example: pass 10"),
        ("don't pass odds", "say how many chips, for example: don't pass odds 10"),
        ("pass ten", "\"ten\" is not a whole number of chips"),
        ("pass -1", "\"-1\" is not a whole number of chips"),
        ("pass 18446744073709551616", "\"18446744073709551616\" is not a whole number of chips"),
        ("field 5 5", "\"5\" is too much; a bet ends with its chips, for example: field 10"),
        ("place", "say which number, for example: place 6 12"),
        ("place 7 10", "\"7\" is not one of the numbers 4, 5, 6, 8, 9 and 10"),
        ("place 262 10", "\"262\" is not one of the numbers 4, 5, 6, 8, 9 and 10"),
        ("hard 5 10", "\"5\" is not one of the numbers 4, 6, 8 and 10"),
        ("hard", "say which number, for example: hard 8 5"),
        ("big 4 10", "\"4\" is not one of the numbers 6 and 8"),
        ("craps 7 10", "\"7\" is not one of the numbers 2, 3 and 12"),
        ("repeater 7 1", "\"7\" is not one of the numbers 2 to 6 and 8 to 12"),
        ("hop 1", "say which number, for example: hop 1 2 5"),
        ("hop 0 1 5", "\"0 1\" is not one of the numbers of two dice, 1 to 6"),
        ("hop 1 2", "say how many chips, for example: hop 1 2 10"),
        ("place 6", "say how many chips, for example: place 6 10"),
        ("odds 20", "odds go behind a pass or don't pass bet, and there is none of yours"),
        ("odds 6 20", "odds on 6 go behind a come bet on 6, and there is none of yours"),
    ] {
        assert_eq!(parse_bet(text, &[]).unwrap_err().to_string(), answer, "{text}");
    }
    let full = format!("pass {:0>75}", 1);
    assert_eq!(parse_bet(&full, &[]), Ok((Wager::Pass, Chips(1))));
    let over = format!("pass {:0>76}", 1);
    let too_long = Err(ParseBetError::TooLong { max: TYPED_BYTES_MAX });
    assert_eq!(parse_bet(&over, &[]), too_long);
}

#[test]
fn a_spot_is_read_back_as_it_is_shown() {
    for spot in Spot::all() {
        assert_eq!(spot.to_string().parse(), Ok(spot));
    }
    assert_eq!("come 7".parse::<Spot>(), Err(ParseSpotError));
    let shown: Vec<String> = Wager::all().map(|wager| wager.to_string()).collect();
    assert_eq!(
        shown[..7].join(", "),
        "pass, don't pass, come, don't come, pass odds, don't pass odds, field"
    );
    assert_eq!(shown[9], "come odds 6");
    let text = shown.join(", ");
    for part in [
        "place 10, buy 4",
        "lay 10, hard 4, hard 6, hard 8, hard 10, big 6, big 8, any seven, any craps, craps 2, \
         craps 3, craps 12, eleven, horn, c and e, hop 1 1, hop 1 2",
        "hop 5 6, hop 6 6, fire, repeater 2",
        "repeater 6, repeater 8",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!((Wager::all().count(), Spot::all().count()), (83, 95));
}

/// Golden: shells and scripts send these.
#[test]
fn bets_have_their_json_form() {
    for (wager, json) in [
        (Wager::Pass, r#""pass""#),
        (Wager::DontPass, r#""dont_pass""#),
        (Wager::Come, r#""come""#),
        (Wager::DontCome, r#""dont_come""#),
        (Wager::PassOdds, r#""pass_odds""#),
        (Wager::DontPassOdds, r#""dont_pass_odds""#),
        (Wager::ComeOdds(Number::Four), r#"{"come_odds":"four"}"#),
        (Wager::DontComeOdds(Number::Five), r#"{"dont_come_odds":"five"}"#),
        (Wager::Field, r#""field""#),
        (Wager::Place(Number::Ten), r#"{"place":"ten"}"#),
        (Wager::Buy(Number::Four), r#"{"buy":"four"}"#),
        (Wager::Lay(Number::Ten), r#"{"lay":"ten"}"#),
        (Wager::Hard(Hard::Eight), r#"{"hard":"eight"}"#),
        (Wager::BigSix, r#""big_six""#),
        (Wager::BigEight, r#""big_eight""#),
        (Wager::AnySeven, r#""any_seven""#),
        (Wager::AnyCraps, r#""any_craps""#),
        (Wager::CrapsTwo, r#""craps_two""#),
        (Wager::CrapsThree, r#""craps_three""#),
        (Wager::CrapsTwelve, r#""craps_twelve""#),
        (Wager::Eleven, r#""eleven""#),
        (Wager::Horn, r#""horn""#),
        (Wager::CAndE, r#""c_and_e""#),
        (Wager::Hop(Hop::new(1, 2).unwrap()), r#"{"hop":[1,2]}"#),
        (Wager::Fire, r#""fire""#),
        (Wager::Repeater(Total::new(2).unwrap()), r#"{"repeater":2}"#),
    ] {
        assert_eq!(serde_json::to_string(&wager).unwrap(), json);
        assert_eq!(serde_json::from_str::<Wager>(json).unwrap(), wager);
    }
    assert_eq!(serde_json::to_string(&(Dice(3, 4), Chips(5))).unwrap(), "[[3,4],5]");
    for json in [r#"{"hop":[2,1]}"#, r#"{"hop":[0,1]}"#, r#"{"repeater":7}"#, r#"{"repeater":13}"#]
    {
        assert!(serde_json::from_str::<Wager>(json).is_err(), "{json}");
    }
}

#[test]
fn a_felt_survives_storing_and_false_dice_do_not() {
    for spot in Spot::all() {
        for phase in [Phase::ComeOut, Phase::Point(Number::Six)] {
            let needs_point =
                matches!(spot, Spot::Come | Spot::DontCome | Spot::PassOdds | Spot::DontPassOdds);
            if phase == Phase::ComeOut && needs_point {
                continue;
            }
            let Some(felt) = felt_with(spot, phase, Chips(30)) else { continue };
            let bytes = postcard::to_allocvec(&felt).unwrap();
            assert_eq!(postcard::from_bytes(&bytes), Ok(felt));
        }
    }
    assert_eq!(postcard::from_bytes::<Dice>(&[1, 6]), Ok(Dice(1, 6)));
    for bytes in [[0, 1], [1, 7], [255, 255]] {
        assert!(postcard::from_bytes::<Dice>(&bytes).is_err());
    }
}

#[test]
fn every_bet_is_explained() {
    for wager in Wager::all() {
        let guide = wager.guide(&rules());
        for text in [&guide.rule, &guide.pays] {
            assert!(!text.is_empty() && !text.contains("  "), "{wager}: {text:?}");
        }
    }
}

//! The bytes of bets and rules, as `docs/PROTOCOL.md` describes them.

use super::*;
use serde::{Serialize, de::DeserializeOwned};

fn golden<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(value: T, form: &[u8]) {
    assert_eq!(postcard::to_allocvec(&value).unwrap(), form, "{value:?}");
    assert_eq!(postcard::from_bytes::<T>(form).as_ref(), Ok(&value));
    for length in 0..form.len() {
        assert!(postcard::from_bytes::<T>(&form[..length]).is_err(), "{length} of {value:?}");
    }
}

#[test]
fn wagers_and_rules_have_these_bytes() {
    golden(Rules::default(), &[1, 0x90, 0x4e, 10, 0, 0, 0, 0, 0]);
    let other = Rules {
        min: Chips(5),
        max: Chips(500),
        side_max: Chips(5),
        odds: OddsLimit::Times(10),
        field: FieldPays::Double,
        barred: Barred::Two,
        hop: HopPays::TwentyNineFourteen,
        commission: Commission::OnBet,
    };
    golden(other, &[5, 0xf4, 3, 5, 1, 10, 2, 1, 1, 1]);
    golden(FieldPays::TripleTwo, &[1]);
    for (wager, form) in [
        (Wager::Pass, &[0][..]),
        (Wager::DontPass, &[1]),
        (Wager::Come, &[2]),
        (Wager::DontCome, &[3]),
        (Wager::PassOdds, &[4]),
        (Wager::DontPassOdds, &[5]),
        (Wager::ComeOdds(Number::Four), &[6, 0]),
        (Wager::DontComeOdds(Number::Five), &[7, 1]),
        (Wager::Field, &[8]),
        (Wager::Place(Number::Six), &[9, 2]),
        (Wager::Place(Number::Eight), &[9, 3]),
        (Wager::Place(Number::Nine), &[9, 4]),
        (Wager::Place(Number::Ten), &[9, 5]),
        (Wager::Buy(Number::Four), &[10, 0]),
        (Wager::Lay(Number::Ten), &[11, 5]),
        (Wager::Hard(Hard::Four), &[12, 0]),
        (Wager::Hard(Hard::Six), &[12, 1]),
        (Wager::Hard(Hard::Eight), &[12, 2]),
        (Wager::Hard(Hard::Ten), &[12, 3]),
        (Wager::BigSix, &[13]),
        (Wager::BigEight, &[14]),
        (Wager::AnySeven, &[15]),
        (Wager::AnyCraps, &[16]),
        (Wager::CrapsTwo, &[17]),
        (Wager::CrapsThree, &[18]),
        (Wager::CrapsTwelve, &[19]),
        (Wager::Eleven, &[20]),
        (Wager::Horn, &[21]),
        (Wager::CAndE, &[22]),
        (Wager::Hop(Hop::new(1, 6).unwrap()), &[23, 1, 6]),
        (Wager::Fire, &[24]),
        (Wager::Repeater(Total::new(12).unwrap()), &[25, 12]),
    ] {
        golden(wager, form);
    }
    for bytes in [&[23, 6, 1][..], &[23, 0, 1], &[25, 7], &[25, 1], &[26]] {
        assert!(postcard::from_bytes::<Wager>(bytes).is_err(), "{bytes:?}");
    }
}

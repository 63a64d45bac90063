//! The felt as a page needs it: the boxes, what lies in each, and which bets are of this phase.
//!
//! What is allowed is the core's decision. This only knows what a printed layout says: which bets
//! a phase is about, so that those come first and the others step back.

use super::{table, text};
use bitcraps_core::{
    craps::{Number, Wager},
    id::PeerId,
    node::{BetView, TableView},
};

/// The six numbers that can be the point, as they stand on the felt.
pub const NUMBERS: [Number; 6] =
    [Number::Four, Number::Five, Number::Six, Number::Eight, Number::Nine, Number::Ten];

/// A printed box where chips can lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Pass,
    DontPass,
    Come,
    DontCome,
    Field,
    Number(Number),
}

/// Chips in a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pile {
    pub area: Area,
    /// "pass", "come 6", "odds", …: what tells it from other piles in the same box.
    pub label: String,
    pub chips: u64,
}

/// Whether the layout offers a bet in this phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Now,
    /// Says when.
    Later(&'static str),
}

/// The chips of one seat, box by box. A spot whose name is not known stays out of the picture; it
/// still stands in the list of seats, as the core wrote it.
pub fn piles(bets: &[BetView]) -> Vec<Pile> {
    bets.iter()
        .filter_map(|bet| {
            let (area, label) = place(&bet.spot)?;
            Some(Pile { area, label, chips: bet.chips.0 })
        })
        .collect()
}

/// The sum of what all seats but `me` have in a box.
pub fn others(table: &TableView, me: &PeerId, area: Area) -> u64 {
    let seats = table.seats.iter().filter(|seat| seat.peer_id != *me);
    seats
        .flat_map(|seat| piles(&seat.bets))
        .filter(|pile| pile.area == area)
        .fold(0, |sum, pile| sum.saturating_add(pile.chips))
}

/// The box of a spot's name, and what to call the pile there.
fn place(spot: &str) -> Option<(Area, String)> {
    let plain = spot.to_lowercase().replace(['\'', '’'], "").replace(['_', '-'], " ");
    let mut words: Vec<&str> = plain.split_whitespace().collect();
    let number = words.last().and_then(|word| number(word));
    if number.is_some() {
        words.pop();
    }
    let kind = words.concat();
    let area = match (kind.as_str(), number) {
        ("pass" | "passline" | "passodds", _) => Area::Pass,
        ("dontpass" | "dontpassodds", _) => Area::DontPass,
        ("come", None) => Area::Come,
        ("dontcome", None) => Area::DontCome,
        ("field", None) => Area::Field,
        ("come" | "comeodds" | "dontcome" | "dontcomeodds" | "place", Some(number)) => {
            Area::Number(number)
        }
        _ => return None,
    };
    Some((area, words.join(" ").replace("dont", "don’t")))
}

/// "4" or "four".
pub fn number(word: &str) -> Option<Number> {
    Some(match word {
        "4" | "four" => Number::Four,
        "5" | "five" => Number::Five,
        "6" | "six" => Number::Six,
        "8" | "eight" => Number::Eight,
        "9" | "nine" => Number::Nine,
        "10" | "ten" => Number::Ten,
        _ => return None,
    })
}

/// The odds that this seat could take: behind its line bet and behind its travelled bets.
pub fn odds(table: &TableView, me: &PeerId) -> Vec<Wager> {
    let Some(seat) = table::seat(table, me) else {
        return Vec::new();
    };
    let piles = piles(&seat.bets);
    let has = |area, label: &str| piles.iter().any(|p| p.area == area && p.label == label);
    let mut odds = Vec::new();
    if table.point.is_some() {
        if has(Area::Pass, "pass") {
            odds.push(Wager::PassOdds);
        }
        if has(Area::DontPass, "don’t pass") {
            odds.push(Wager::DontPassOdds);
        }
    }
    for number in NUMBERS {
        if has(Area::Number(number), "come") {
            odds.push(Wager::ComeOdds(number));
        }
        if has(Area::Number(number), "don’t come") {
            odds.push(Wager::DontComeOdds(number));
        }
    }
    odds
}

pub fn offer(wager: Wager, point: Option<Number>) -> Offer {
    match (wager, point) {
        (Wager::Pass | Wager::DontPass, Some(_)) => Offer::Later("when the point is decided"),
        (Wager::Come | Wager::DontCome, None) => Offer::Later("when there is a point"),
        (Wager::PassOdds | Wager::DontPassOdds, None) => Offer::Later("when there is a point"),
        _ => Offer::Now,
    }
}

/// What a bet is called on buttons and in sentences.
pub fn label(wager: Wager) -> String {
    let on = |name: &str, number: Number| [name, " ", &text::pips(number).to_string()].concat();
    match wager {
        Wager::Pass => "pass line".to_owned(),
        Wager::DontPass => "don’t pass".to_owned(),
        Wager::Come => "come".to_owned(),
        Wager::DontCome => "don’t come".to_owned(),
        Wager::PassOdds => "odds behind pass".to_owned(),
        Wager::DontPassOdds => "odds behind don’t pass".to_owned(),
        Wager::ComeOdds(number) => on("odds behind come", number),
        Wager::DontComeOdds(number) => on("odds behind don’t come", number),
        Wager::Field => "field".to_owned(),
        Wager::Place(number) => on("place", number),
    }
}

/// A name without spaces for tests and styles: `pass`, `dont-pass`, `place-6`, `odds-come-8`.
pub fn slug(wager: Wager) -> String {
    let on = |name: &str, number: Number| [name, "-", &text::pips(number).to_string()].concat();
    match wager {
        Wager::Pass => "pass".to_owned(),
        Wager::DontPass => "dont-pass".to_owned(),
        Wager::Come => "come".to_owned(),
        Wager::DontCome => "dont-come".to_owned(),
        Wager::PassOdds => "odds-pass".to_owned(),
        Wager::DontPassOdds => "odds-dont-pass".to_owned(),
        Wager::ComeOdds(number) => on("odds-come", number),
        Wager::DontComeOdds(number) => on("odds-dont-come", number),
        Wager::Field => "field".to_owned(),
        Wager::Place(number) => on("place", number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::craps::Chips;

    #[test]
    fn chips_lie_in_the_box_that_the_spot_names() {
        for (spot, area, label) in [
            ("pass", Area::Pass, "pass"),
            ("pass odds", Area::Pass, "pass odds"),
            ("don't pass", Area::DontPass, "don’t pass"),
            ("come", Area::Come, "come"),
            ("come 6", Area::Number(Number::Six), "come"),
            ("come odds 6", Area::Number(Number::Six), "come odds"),
            ("don't come odds 10", Area::Number(Number::Ten), "don’t come odds"),
            ("place 8", Area::Number(Number::Eight), "place"),
            ("field", Area::Field, "field"),
        ] {
            let bets = [BetView { spot: spot.to_owned(), chips: Chips(3) }];
            let expected = Pile { area, label: label.to_owned(), chips: 3 };
            assert_eq!(piles(&bets), [expected], "{spot}");
        }
    }

    #[test]
    fn a_spot_that_is_not_printed_here_is_left_out_of_the_picture() {
        for spot in ["hardway 8", "", "place", "7", "come 7"] {
            let bets = [BetView { spot: spot.to_owned(), chips: Chips(3) }];
            assert_eq!(piles(&bets), [], "{spot}");
        }
    }

    #[test]
    fn line_bets_belong_to_the_come_out_and_come_bets_to_the_point() {
        let point = Some(Number::Six);
        assert_eq!(offer(Wager::Pass, None), Offer::Now);
        assert_ne!(offer(Wager::Pass, point), Offer::Now);
        assert_ne!(offer(Wager::Come, None), Offer::Now);
        assert_eq!(offer(Wager::Come, point), Offer::Now);
        assert_eq!(offer(Wager::Field, None), Offer::Now);
    }
}

//! The felt as a page needs it: the boxes, what lies in each, and which bets are of this phase.
//!
//! What is allowed is the core's decision. This only knows what a printed layout says: which bets
//! a phase is about, so that those come first and the others step back.

use super::table;
use bitcraps_core::{
    craps::{Number, Spot, Wager},
    id::PeerId,
    node::{BetView, TableView},
};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pile {
    pub spot: Spot,
    pub chips: u64,
}

/// Whether the layout offers a bet in this phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Now,
    /// Says when.
    Later(&'static str),
}

/// Where a spot is printed.
pub fn area(spot: Spot) -> Area {
    match spot {
        Spot::Pass | Spot::PassOdds => Area::Pass,
        Spot::DontPass | Spot::DontPassOdds => Area::DontPass,
        Spot::Come => Area::Come,
        Spot::DontCome => Area::DontCome,
        Spot::Field => Area::Field,
        Spot::ComeOn(number)
        | Spot::DontComeOn(number)
        | Spot::ComeOdds(number)
        | Spot::DontComeOdds(number)
        | Spot::Place(number) => Area::Number(number),
    }
}

/// The chips of one seat, spot by spot. A name that is no spot stays out of the picture; it still
/// stands in the list of seats, as the core wrote it.
pub fn piles(bets: &[BetView]) -> Vec<Pile> {
    let pile = |bet: &BetView| Some(Pile { spot: bet.spot.parse().ok()?, chips: bet.chips.0 });
    bets.iter().filter_map(pile).collect()
}

/// The spots where this seat has chips.
pub fn held(table: &TableView, me: &PeerId) -> Vec<Spot> {
    let bets = table::seat(table, me).map_or(&[][..], |seat| &seat.bets);
    piles(bets).into_iter().map(|pile| pile.spot).collect()
}

/// The sum of what all seats but `me` have in a box.
pub fn others(table: &TableView, me: &PeerId, wanted: Area) -> u64 {
    let seats = table.seats.iter().filter(|seat| seat.peer_id != *me);
    seats
        .flat_map(|seat| piles(&seat.bets))
        .filter(|pile| area(pile.spot) == wanted)
        .fold(0, |sum, pile| sum.saturating_add(pile.chips))
}

/// The odds that this seat could take: behind its line bet and behind its travelled bets.
pub fn odds(table: &TableView, me: &PeerId) -> Vec<Wager> {
    let held = held(table, me);
    Wager::all()
        .filter(|wager| wager.spot().backed().is_some_and(|behind| held.contains(&behind)))
        .filter(|wager| offer(*wager, table.point) == Offer::Now)
        .collect()
}

pub fn offer(wager: Wager, point: Option<Number>) -> Offer {
    match (wager, point) {
        (Wager::Pass | Wager::DontPass, Some(_)) => Offer::Later("when the point is decided"),
        (Wager::Come | Wager::DontCome | Wager::PassOdds | Wager::DontPassOdds, None) => {
            Offer::Later("when there is a point")
        }
        (Wager::Pass | Wager::DontPass, None)
        | (Wager::Come | Wager::DontCome | Wager::PassOdds | Wager::DontPassOdds, Some(_))
        | (
            Wager::ComeOdds(_) | Wager::DontComeOdds(_) | Wager::Field | Wager::Place(_),
            None | Some(_),
        ) => Offer::Now,
    }
}

/// A bet's name without spaces, for tests and styles: `dont-pass`, `place-6`, `come-odds-8`.
pub fn slug(wager: Wager) -> String {
    wager.to_string().replace('\'', "").replace(' ', "-")
}

/// What to know before betting: the rule, what it pays, what it costs on average.
pub fn rule(wager: Wager) -> String {
    let guide = wager.guide();
    let edge = guide.edge.to_string();
    [&guide.rule, " Pays ", guide.payout, ". House edge ", &edge, "."].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{bet, peer, table};

    #[test]
    fn every_spot_of_the_rules_has_a_box_and_its_name_is_understood() {
        for spot in Spot::all() {
            let piles = piles(&[bet(&spot.to_string(), 3)]);
            assert_eq!(piles, [Pile { spot, chips: 3 }]);
        }
        assert_eq!(area(Spot::DontComeOdds(Number::Ten)), Area::Number(Number::Ten));
        assert_eq!(area(Spot::PassOdds), Area::Pass);
    }

    #[test]
    fn a_name_that_is_no_spot_is_left_out_of_the_picture() {
        for spot in ["hardway 8", "", "place", "7", "come 7"] {
            assert_eq!(piles(&[bet(spot, 3)]), [], "{spot}");
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

    #[test]
    fn odds_are_offered_behind_the_bets_that_are_there() {
        let mut table = table();
        assert_eq!(odds(&table, &peer(0)), []);
        table.seats[0].bets = vec![bet("pass", 10), bet("come 6", 5), bet("don't come 4", 5)];
        let travelled = [Wager::ComeOdds(Number::Six), Wager::DontComeOdds(Number::Four)];
        assert_eq!(odds(&table, &peer(0)), travelled);
        table.point = Some(Number::Nine);
        let all = [Wager::PassOdds, travelled[0], travelled[1]];
        assert_eq!(odds(&table, &peer(0)), all);
        assert_eq!(odds(&table, &peer(1)), []);
    }

    #[test]
    fn the_chips_of_the_others_are_summed_box_by_box() {
        let mut table = table();
        table.seats[0].bets = vec![bet("pass", 100)];
        table.seats[1].bets = vec![bet("pass", 10), bet("pass odds", 20), bet("field", 1)];
        table.seats[2].bets = vec![bet("pass", 5)];
        assert_eq!(others(&table, &peer(0), Area::Pass), 35);
        assert_eq!(others(&table, &peer(0), Area::Come), 0);
    }
}

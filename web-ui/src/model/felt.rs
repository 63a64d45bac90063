//! The felt as a page needs it: the boxes, what lies in each, and which bets are of this phase.
//!
//! What is allowed is the core's decision. This only knows what a printed layout says: which bets
//! a phase is about, so that those come first and the others step back.

use super::table;
use bitcraps_core::{
    craps::{Hard, Hop, Number, Rules, Spot, Total, Wager},
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
    /// A box of its own, for this one bet.
    Own(Spot),
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
        | Spot::Place(number)
        | Spot::Buy(number)
        | Spot::Lay(number) => Area::Number(number),
        _ => Area::Own(spot),
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

/// All chips on the felt, read once for all boxes.
pub struct Laid {
    pub mine: Vec<Pile>,
    others: Vec<Pile>,
}

pub fn laid(table: &TableView, me: &PeerId) -> Laid {
    let of = |mine: bool| {
        let seats = table.seats.iter().filter(|seat| (seat.peer_id == *me) == mine);
        seats.flat_map(|seat| piles(&seat.bets)).collect()
    };
    Laid { mine: of(true), others: of(false) }
}

impl Laid {
    /// The sum of what all seats but one's own have in a box.
    pub fn others(&self, wanted: Area) -> u64 {
        let there = self.others.iter().filter(|pile| area(pile.spot) == wanted);
        there.fold(0, |sum, pile| sum.saturating_add(pile.chips))
    }

    /// Own piles on these bets.
    pub fn mine_on(&self, wagers: &[Wager]) -> usize {
        let on = |pile: &&Pile| wagers.iter().any(|wager| wager.spot() == pile.spot);
        self.mine.iter().filter(on).count()
    }
}

/// The odds that this seat could take: behind its line bet and behind its travelled bets.
pub fn odds(table: &TableView, me: &PeerId) -> Vec<Wager> {
    let held = held(table, me);
    Wager::all()
        .filter(|wager| wager.spot().backed().is_some_and(|behind| held.contains(&behind)))
        .filter(|wager| offer(*wager, table) == Offer::Now)
        .collect()
}

pub fn offer(wager: Wager, table: &TableView) -> Offer {
    match (wager, table.point) {
        (Wager::Pass | Wager::DontPass, Some(_)) => Offer::Later("when the point is decided"),
        (Wager::Come | Wager::DontCome | Wager::PassOdds | Wager::DontPassOdds, None) => {
            Offer::Later("when there is a point")
        }
        (Wager::Fire, point) if point.is_some() || !table.hand.points_made.is_empty() => {
            Offer::Later("when the shooter has sevened out")
        }
        (Wager::Repeater(total), _) if table.hand.totals[usize::from(total.get()) - 2] > 0 => {
            Offer::Later("after the next 7")
        }
        _ => Offer::Now,
    }
}

/// The bets in the middle of the felt, as a printed layout groups them.
pub fn propositions() -> [(&'static str, Vec<Wager>); 4] {
    let hard = Hard::ALL.map(Wager::Hard).into_iter().chain([Wager::BigSix, Wager::BigEight]);
    let next = [
        Wager::AnySeven,
        Wager::AnyCraps,
        Wager::CrapsTwo,
        Wager::CrapsThree,
        Wager::CrapsTwelve,
        Wager::Eleven,
        Wager::Horn,
        Wager::CAndE,
    ];
    let side = core::iter::once(Wager::Fire).chain(Total::all().map(Wager::Repeater));
    [
        ("Hardways, big 6 and 8", hard.collect()),
        ("Next roll", next.to_vec()),
        ("Hops", Hop::all().map(Wager::Hop).collect()),
        ("Fire and repeaters", side.collect()),
    ]
}

/// A bet's name without spaces, for tests and styles: `dont-pass`, `place-6`, `come-odds-8`.
pub fn slug(wager: Wager) -> String {
    wager.to_string().replace('\'', "").replace(' ', "-")
}

/// What to know before betting: the rule, what it pays, what it costs on average.
pub fn rule(wager: Wager, rules: &Rules) -> String {
    let guide = wager.guide(rules);
    let edge = match guide.edge.to_string() {
        _ if guide.edge.is_zero() => "none: paid at true odds".to_owned(),
        // Eighty digits help nobody here.
        long if long.len() > 24 => guide.edge.percent(),
        exact => [&exact, " = ", &guide.edge.percent()].concat(),
    };
    [&guide.rule, " Pays ", &guide.pays, ". House edge ", &edge, "."].concat()
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
        let come_out = table();
        let point = TableView { point: Some(Number::Six), ..table() };
        assert_eq!(offer(Wager::Pass, &come_out), Offer::Now);
        assert_ne!(offer(Wager::Pass, &point), Offer::Now);
        assert_ne!(offer(Wager::Come, &come_out), Offer::Now);
        assert_eq!(offer(Wager::Come, &point), Offer::Now);
        assert_eq!(offer(Wager::Field, &come_out), Offer::Now);
    }

    #[test]
    fn bets_that_count_are_offered_before_anything_is_counted() {
        let twelve = Wager::Repeater(Total::new(12).unwrap());
        let mut table = table();
        assert_eq!((offer(Wager::Fire, &table), offer(twelve, &table)), (Offer::Now, Offer::Now));
        table.hand.points_made = vec![Number::Ten];
        table.hand.totals[10] = 1;
        assert_ne!(offer(Wager::Fire, &table), Offer::Now);
        assert_ne!(offer(twelve, &table), Offer::Now);
        assert_eq!(offer(Wager::Repeater(Total::new(11).unwrap()), &table), Offer::Now);
    }

    #[test]
    fn every_bet_has_one_place_on_the_felt() {
        let grouped: Vec<Wager> = propositions().into_iter().flat_map(|(_, bets)| bets).collect();
        for wager in Wager::all() {
            let own = matches!(area(wager.spot()), Area::Own(_));
            let times = grouped.iter().filter(|other| **other == wager).count();
            assert_eq!(times, usize::from(own), "{wager}");
        }
    }

    #[test]
    fn a_rule_tells_the_payout_and_the_exact_edge_at_this_table() {
        let rules = Rules::default();
        for (wager, end) in [
            (Wager::Pass, "Pays 1:1. House edge 7/495 = 1.41 %."),
            (Wager::PassOdds, "House edge none: paid at true odds."),
            (Wager::Hard(Hard::Eight), "Pays 9:1. House edge 1/11 = 9.09 %."),
            (Wager::Fire, "House edge 20.76 %."),
        ] {
            let told = rule(wager, &rules);
            assert!(told.ends_with(end), "{told}");
        }
        let double = Rules { field: bitcraps_core::craps::FieldPays::Double, ..rules };
        let told = rule(Wager::Field, &double);
        assert!(told.ends_with("Pays 1:1, 2:1 on 2 and 12. House edge 1/18 = 5.56 %."), "{told}");
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
        let laid = laid(&table, &peer(0));
        assert_eq!((laid.others(Area::Pass), laid.others(Area::Come)), (35, 0));
        assert_eq!((laid.mine_on(&[Wager::Pass]), laid.mine_on(&[Wager::Come])), (1, 0));
    }
}

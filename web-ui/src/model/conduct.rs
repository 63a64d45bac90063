//! What a table says of its members' conduct: who lied, who is away, who is slow, and who left
//! with what.

use super::{
    table::{name_of, seat},
    text,
};
use bitcraps_core::{
    id::PeerId,
    limits::TABLE_MEMBERS_MIN,
    node::{
        DepartureView, Offence, OffenceKind, Parting, SeatRole, SeatView, TablePhase, TableState,
        TableView,
    },
};

/// What an expelled member did, to follow its name.
pub fn offended(offence: &Offence) -> String {
    let what = match offence.kind {
        OffenceKind::TwoProposals => "proposed two different batches",
        OffenceKind::TwoPrevotes => "voted twice in the first step",
        OffenceKind::TwoPrecommits => "voted twice in the deciding step",
    };
    let (height, round) = (offence.height.to_string(), offence.round.to_string());
    [what, " of round ", &round, " at height ", &height, ", both signed"].concat()
}

/// How somebody came to give a seat up, with what it sat down with and was cashed out.
pub fn parted(gone: &DepartureView) -> String {
    let why = match &gone.parting {
        Parting::Left => "left".to_owned(),
        Parting::Away => "was away for too long; its chips wait for it".to_owned(),
        Parting::Expelled { offence } => {
            ["expelled: ", &offended(offence), "; its bets went to the bank"].concat()
        }
    };
    let brought = ["brought ", &gone.brought.0.to_string()].concat();
    let chips = ["cashed out ", &gone.chips.0.to_string()].concat();
    [why.as_str(), " · ", &brought, ", ", &chips].concat()
}

/// Members whose part in the present phase is missing for longer than this are slow. Guess: with
/// everybody awake every part but a person's bets is there within a second.
const SLOW_MS: u64 = 5_000;

/// Who holds the table up, with what is missing, once it is late; people who still bet are not
/// slow, but the shooter that everybody else waits for is.
pub fn slow(table: &TableView) -> Vec<String> {
    let plays = matches!(table.state, TableState::Playing | TableState::Watching);
    if !plays || table.phase_ms < SLOW_MS {
        return Vec::new();
    }
    let others_ready = table.seats.iter().all(|seat| {
        seat.ready
            || seat.away
            || seat.role == SeatRole::Witness
            || Some(seat.peer_id) == table.shooter
    });
    let missing = |seat: &&SeatView| match table.phase {
        TablePhase::Dealing => (seat.deals == 0).then_some("no secret dealt"),
        TablePhase::Opening => (!seat.opened).then_some("no share of the dice"),
        TablePhase::Betting => {
            let holds = others_ready && Some(seat.peer_id) == table.shooter && !seat.ready;
            holds.then_some("has the dice")
        }
    };
    let late = table.seats.iter().filter_map(|seat| Some((seat, missing(&seat)?)));
    late.map(|(seat, what)| [&name_of(table, &seat.peer_id), " (", what, ")"].concat()).collect()
}

/// Why no dice can fall, when too few members are left.
pub fn too_few(table: &TableView) -> Option<String> {
    let have = table.members.len();
    if have >= TABLE_MEMBERS_MIN || table.state == TableState::Joining {
        return None;
    }
    let members = text::counted(have, "member is", "members are");
    Some(
        [
            &members,
            " left: the table waits for a fourth, because fair dice need four. Send somebody the \
             link to this page; a bot or a witness sits down by bitcraps table join.",
        ]
        .concat(),
    )
}

/// Why this peer lost its seat against its will, when it looks on because of that.
pub fn put_out(table: &TableView, me: &PeerId) -> Option<String> {
    if table.state != TableState::Watching || seat(table, me).is_some() {
        return None;
    }
    let gone = table.departures.iter().find(|gone| gone.peer_id == *me)?;
    match &gone.parting {
        Parting::Left => None,
        Parting::Away => Some(
            [
                "You lost your seat because nobody heard you for a minute. Your ",
                &gone.chips.0.to_string(),
                " chips wait for you: take a seat again.",
            ]
            .concat(),
        ),
        Parting::Expelled { offence } => Some(
            [
                "The table expelled you: this peer ",
                &offended(offence),
                ". It gets no seat here \
              again. If you run the same identity on two devices, stop one of them.",
            ]
            .concat(),
        ),
    }
}

/// What there is to say of one seat: expelled, away, leaving, or for how long it was not heard.
pub fn remark(seat: &SeatView) -> Option<String> {
    if let Some(offence) = &seat.offence {
        return Some(["expelled: ", &offended(offence)].concat());
    }
    if seat.away {
        return Some("away: it has no dice until it acts again".to_owned());
    }
    if seat.leaving {
        return Some("leaving".to_owned());
    }
    let silent = seat.silent_ms.filter(|ms| *ms >= SILENT_MS)?;
    let claims = match seat.absent_claims {
        0 => String::new(),
        n => [", ", &text::counted(n, "member says", "members say"), " it is absent"].concat(),
    };
    Some(["not heard for ", &(silent / 1000).to_string(), " s", &claims].concat())
}

/// Silence worth a remark. Guess: at rest a member is heard every ten seconds or so.
const SILENT_MS: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{peer, table};
    use bitcraps_core::craps::Chips;

    const OFFENCE: Offence = Offence { kind: OffenceKind::TwoPrecommits, height: 12, round: 1 };

    fn gone(n: u8, parting: Parting) -> DepartureView {
        let name = "Eve".to_owned();
        let (brought, chips) = (Chips(100), Chips(70));
        DepartureView { peer_id: peer(n), name, parting, brought, chips, height: 13 }
    }

    #[test]
    fn whoever_holds_the_table_up_is_named_with_what_is_missing_once_it_is_late() {
        let mut table = table();
        table.phase = TablePhase::Opening;
        table.seats.iter_mut().for_each(|seat| seat.opened = seat.name != "Bob");
        assert!(slow(&table).is_empty(), "it has only begun");
        table.phase_ms = SLOW_MS;
        assert_eq!(slow(&table), ["Bob (no share of the dice)"]);
        table.phase = TablePhase::Dealing;
        table.seats[2].deals = 0;
        assert_eq!(slow(&table), ["Cid (no secret dealt)"]);
        table.phase = TablePhase::Betting;
        assert!(slow(&table).is_empty(), "people who bet are not slow");
        table.seats.iter_mut().for_each(|seat| seat.ready = seat.name != "Ann");
        assert_eq!(slow(&table), ["Ann (has the dice)"]);
    }

    #[test]
    fn who_was_expelled_is_named_with_what_it_did_and_what_became_of_its_chips() {
        let mut table = table();
        table.departures = vec![gone(9, Parting::Expelled { offence: OFFENCE })];
        let said = parted(&table.departures[0]);
        let did = "voted twice in the deciding step of round 1 at height 12, both signed";
        assert!(said.contains(did), "{said}");
        assert!(said.ends_with("brought 100, cashed out 70"), "{said}");
        assert_eq!(name_of(&table, &peer(9)), "Eve", "a name outlives the seat");
        table.seats[1].offence = Some(OFFENCE);
        assert!(remark(&table.seats[1]).unwrap_or_default().starts_with("expelled: voted"));
    }

    #[test]
    fn whoever_lost_its_seat_is_told_why_and_whoever_left_is_not() {
        let mut table = table();
        table.state = TableState::Watching;
        let me = peer(9);
        assert_eq!(put_out(&table, &me), None, "it only looks on");
        table.departures = vec![gone(9, Parting::Left)];
        assert_eq!(put_out(&table, &me), None);
        table.departures[0].parting = Parting::Away;
        assert!(put_out(&table, &me).unwrap_or_default().contains("Your 70 chips wait"));
        table.departures[0].parting = Parting::Expelled { offence: OFFENCE };
        assert!(put_out(&table, &me).unwrap_or_default().contains("expelled you"));
        table.state = TableState::Playing;
        assert_eq!(put_out(&table, &me), None);
    }

    #[test]
    fn silence_is_remarked_on_when_it_is_long_and_absence_when_others_claim_it() {
        let mut table = table();
        assert_eq!(remark(&table.seats[0]), None);
        table.seats[0].silent_ms = Some(SILENT_MS - 1);
        assert_eq!(remark(&table.seats[0]), None);
        (table.seats[0].silent_ms, table.seats[0].absent_claims) = (Some(61_000), 2);
        let said = "not heard for 61 s, 2 members say it is absent";
        assert_eq!(remark(&table.seats[0]).as_deref(), Some(said));
        table.seats[0].away = true;
        assert!(remark(&table.seats[0]).unwrap_or_default().starts_with("away"));
    }

    #[test]
    fn a_table_of_three_says_that_it_waits_for_a_fourth() {
        let mut table = table();
        assert_eq!(too_few(&table), None);
        table.members.pop();
        let said = too_few(&table).unwrap_or_default();
        assert!(said.starts_with("3 members are left: the table waits for a fourth"), "{said}");
    }
}

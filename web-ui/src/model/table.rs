//! A table in words: what is going on, who is waited for, what can be done next.

use super::text;
use bitcraps_core::{
    id::{PeerId, TableId},
    node::{NodeView, SeatRole, SeatView, TablePhase, TableState, TableView},
};

/// What the one large button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The dice are this seat's.
    Roll,
    /// Somebody else shoots; say that there are no more bets.
    Ready,
    /// Nothing to press; says what comes next.
    Wait(&'static str),
}

/// The table of that name, when this node sits or sat there.
pub fn known<'a>(view: &'a NodeView, id: &TableId) -> Option<&'a TableView> {
    view.tables.iter().find(|table| table.table_id == *id)
}

/// Rolls that have fallen: the core numbers them from 0, people count from 1.
pub fn thrown(table: &TableView) -> u64 {
    table.history.first().map_or(0, |roll| roll.roll.saturating_add(1))
}

/// This peer's seat.
pub fn seat<'a>(table: &'a TableView, me: &PeerId) -> Option<&'a SeatView> {
    table.seats.iter().find(|seat| seat.peer_id == *me)
}

/// The name that the table shows for a member.
pub fn name_of(table: &TableView, peer: &PeerId) -> String {
    table
        .seats
        .iter()
        .map(|seat| (&seat.peer_id, &seat.name))
        .chain(table.departures.iter().map(|gone| (&gone.peer_id, &gone.name)))
        .find(|(id, name)| *id == peer && !name.is_empty())
        .map_or_else(|| peer.short(), |(_, name)| name.clone())
}

/// Players whose bets are not final yet, by name; the shooter last, who waits for the others.
pub fn awaited(table: &TableView) -> Vec<String> {
    let open = |seat: &&SeatView| match seat.role {
        SeatRole::Witness => false,
        SeatRole::Player | SeatRole::Bot => !seat.ready,
    };
    let shooting = |seat: &&SeatView| Some(seat.peer_id) == table.shooter;
    let waiting = table.seats.iter().filter(open);
    waiting
        .clone()
        .filter(|seat| !shooting(seat))
        .chain(waiting.filter(shooting))
        .map(|seat| name_of(table, &seat.peer_id))
        .collect()
}

pub fn step(table: &TableView, me: &PeerId) -> Step {
    let Some(seat) = seat(table, me) else {
        return Step::Wait("You have no seat here");
    };
    match (table.state, table.phase) {
        (TableState::Joining, _) => Step::Wait("Taking in the log"),
        (TableState::Watching, _) => Step::Wait("Looking on"),
        (TableState::Left, _) => Step::Wait("You left"),
        (TableState::Halted, _) => Step::Wait("Halted"),
        (TableState::Frozen, _) => Step::Wait("Frozen"),
        (TableState::Playing, TablePhase::Dealing) => Step::Wait("Dealing"),
        (TableState::Playing, TablePhase::Opening) => Step::Wait("Opening the dice"),
        (TableState::Playing, TablePhase::Betting) if seat.role == SeatRole::Witness => {
            Step::Wait("Witnesses do not bet")
        }
        (TableState::Playing, TablePhase::Betting) if table.paused.is_some() => {
            Step::Wait("Betting rests")
        }
        (TableState::Playing, TablePhase::Betting) if seat.ready => Step::Wait("Waiting"),
        (TableState::Playing, TablePhase::Betting) if table.shooter == Some(*me) => Step::Roll,
        (TableState::Playing, TablePhase::Betting) => Step::Ready,
    }
}

/// One sentence that says what the table is doing.
pub fn headline(table: &TableView, me: &PeerId) -> String {
    match table.state {
        TableState::Joining => "Taking in the table’s log from the other members.".to_owned(),
        TableState::Left => "You gave up your seat here.".to_owned(),
        TableState::Halted => "More members lied than a table can bear. This peer takes no \
                               further part; its log is kept."
            .to_owned(),
        TableState::Frozen => {
            let gone = table.seats.iter().filter(|s| !s.reachable && s.peer_id != *me);
            let gone: Vec<String> = gone.map(|seat| name_of(table, &seat.peer_id)).collect();
            ["Waiting to reach ", &some(&gone), "."].concat()
        }
        TableState::Playing | TableState::Watching => match table.phase {
            TablePhase::Dealing => dealing(table),
            TablePhase::Betting => betting(table, me),
            TablePhase::Opening => opening(table),
        },
    }
}

/// "3 of 5 reachable, 4 needed", as a sentence with what happens next.
pub fn frozen(table: &TableView) -> String {
    [
        "Frozen: ",
        &table.reachable.to_string(),
        " of ",
        &table.members.len().to_string(),
        " reachable, ",
        &table.quorum.to_string(),
        " needed. It goes on by itself when they are back.",
    ]
    .concat()
}

/// Why betting rests, as sentences; `None` when it does not.
pub fn paused(table: &TableView) -> Option<String> {
    let pause = table.paused.as_ref()?;
    let percent = (pause.risk.probability * 100.0) as u32;
    let said = [
        "Betting rests: with a likelihood of ",
        &percent.to_string(),
        " % the members lose each other within ",
        &(pause.risk.horizon_ms / 1000).to_string(),
        " s. No chip moves; it goes on by itself when the mesh is safer.",
    ];
    Some(said.concat())
}

fn dealing(table: &TableView) -> String {
    let dealt = table.seats.iter().filter(|seat| seat.deals > 0).count();
    ["The members deal secrets for the next dice: ", &of(dealt, table), " have."].concat()
}

fn opening(table: &TableView) -> String {
    let opened = table.seats.iter().filter(|seat| seat.opened).count();
    ["Bets are final. The dice are being opened: ", &of(opened, table), " shares are in."].concat()
}

fn betting(table: &TableView, me: &PeerId) -> String {
    let mine = table.shooter == Some(*me);
    let ready = seat(table, me).is_some_and(|seat| seat.ready);
    let waiting = awaited(table);
    match (mine, ready) {
        (_, true) if waiting.is_empty() => "All bets are in.".to_owned(),
        (_, true) => ["Your bets are in. Waiting for ", &some(&waiting), "."].concat(),
        (true, false) => "Your dice. Place your bets, then roll.".to_owned(),
        (false, false) => match &table.shooter {
            Some(shooter) => {
                [&name_of(table, shooter), " shoots. Place your bets, then say ready."].concat()
            }
            None => "Place your bets, then say ready.".to_owned(),
        },
    }
}

fn of(n: usize, table: &TableView) -> String {
    [&n.to_string(), " of ", &table.members.len().to_string()].concat()
}

/// At most three names, then how many more.
fn some(names: &[String]) -> String {
    if names.len() <= 3 {
        return text::list(names);
    }
    let more = text::counted(names.len() - 2, "other", "others");
    text::list(&[names[0].clone(), names[1].clone(), more])
}

/// What the table's money adds up to: bank, stacks, felt and what was cashed out. It is what was
/// ever minted.
pub fn accounted(table: &TableView) -> u64 {
    let apart = table.bank.0.saturating_add(table.cashed_out.0);
    table.seats.iter().fold(apart, |sum, seat| {
        let felt = seat.bets.iter().fold(0u64, |sum, bet| sum.saturating_add(bet.chips.0));
        sum.saturating_add(seat.stack.0).saturating_add(felt)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::{bet, peer, table};
    use bitcraps_core::node::{PauseView, Risk, RiskMethod};

    #[test]
    fn the_button_rolls_for_the_shooter_and_says_ready_for_the_others() {
        let table = table();
        assert_eq!(step(&table, &peer(0)), Step::Roll);
        assert_eq!(step(&table, &peer(1)), Step::Ready);
        assert!(matches!(step(&table, &peer(3)), Step::Wait(_)), "a witness never bets");
        assert!(matches!(step(&table, &peer(77)), Step::Wait(_)), "no seat");
    }

    #[test]
    fn there_is_nothing_to_press_outside_an_open_betting_window() {
        for (state, phase) in [
            (TableState::Frozen, TablePhase::Betting),
            (TableState::Joining, TablePhase::Betting),
            (TableState::Left, TablePhase::Betting),
            (TableState::Playing, TablePhase::Dealing),
            (TableState::Playing, TablePhase::Opening),
        ] {
            let mut table = table();
            (table.state, table.phase) = (state, phase);
            assert!(matches!(step(&table, &peer(0)), Step::Wait(_)), "{state:?} {phase:?}");
        }
        let mut table = table();
        table.seats[0].ready = true;
        assert_eq!(step(&table, &peer(0)), Step::Wait("Waiting"));
    }

    #[test]
    fn who_is_waited_for_are_the_players_without_a_word_yet_the_shooter_last() {
        let mut table = table();
        assert_eq!(awaited(&table), ["Bob", "Cid", "Ann"]);
        table.seats[1].ready = true;
        table.seats[2].ready = true;
        assert_eq!(awaited(&table), ["Ann"]);
        assert_eq!(headline(&table, &peer(1)), "Your bets are in. Waiting for Ann.");
    }

    #[test]
    fn the_first_roll_is_counted_as_one() {
        let mut table = table();
        assert_eq!(thrown(&table), 0);
        table.history = vec![crate::model::sample::roll(0)];
        assert_eq!(thrown(&table), 1);
    }

    #[test]
    fn a_table_whose_betting_rests_says_why_and_takes_no_bets() {
        let mut table = table();
        let me = peer(0);
        assert_eq!(paused(&table), None);
        assert_ne!(step(&table, &me), Step::Wait("Betting rests"));
        let risk =
            Risk { probability: 0.857, error: 0.0, method: RiskMethod::Exact, horizon_ms: 60_000 };
        table.paused = Some(PauseView { risk, since_ms: 0 });
        let said = paused(&table).unwrap_or_default();
        assert!(said.starts_with("Betting rests: with a likelihood of 85 %"), "{said}");
        assert!(said.contains("within 60 s"), "{said}");
        assert_eq!(step(&table, &me), Step::Wait("Betting rests"));
    }

    #[test]
    fn a_frozen_table_gives_the_three_figures_and_the_names() {
        let mut table = table();
        (table.state, table.reachable) = (TableState::Frozen, 2);
        table.seats[1].reachable = false;
        table.seats[3].reachable = false;
        assert!(frozen(&table).starts_with("Frozen: 2 of 4 reachable, 3 needed."));
        assert_eq!(headline(&table, &peer(0)), "Waiting to reach Bob and Dee.");
    }

    #[test]
    fn all_money_is_counted_and_the_sum_never_overflows() {
        let mut table = table();
        table.seats[0].bets = vec![bet("pass", 10), bet("field", 5)];
        table.cashed_out.0 = 85;
        assert_eq!(accounted(&table), 1500);
        table.bank.0 = u64::MAX;
        assert_eq!(accounted(&table), u64::MAX);
    }
}

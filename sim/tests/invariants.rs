//! The checker sees each kind of fault: every test shows it an honest picture, then a wrong one.

use bitcraps_core::{
    craps::{Chips, Dice},
    id::{NodeKind, PeerId, TableId},
    limits::LINKS_MAX,
    node::{
        BetView, Counters, Event, HistoryView, LinkState, LinkView, MapView, NodeView, Offence,
        OffenceKind, RequestId, SeatRole, SeatView, TablePhase, TableState, TableView, Transport,
    },
    time::Instant,
};
use bitcraps_sim::{
    Life,
    invariant::{Checker, Invariant, VIOLATIONS_MAX, Witness},
    liar::{DoubleVote, Step},
    world::Breach,
};

const TABLE: TableId = TableId::from_bytes([7; 32]);

fn peer(number: u8) -> PeerId {
    PeerId::from_bytes([number; 32])
}

fn by(node: usize) -> Witness {
    Witness { at: Instant::from_millis(5), node, life: Life(1) }
}

/// Two seats with 90 chips each and a ten on the pass line, the house has 800: 1000 in all.
fn table() -> TableView {
    let seat = |number| SeatView {
        peer_id: peer(number),
        name: String::new(),
        role: SeatRole::Bot,
        stack: Chips(90),
        bets: vec![BetView { spot: "pass".to_owned(), chips: Chips(10) }],
        reachable: true,
        ready: false,
        deals: 1,
        opened: false,
        brought: Chips(100),
        silent_ms: None,
        absent_claims: 0,
        away: false,
        leaving: false,
        offence: None,
    };
    TableView {
        table_id: TABLE,
        name: "t".to_owned(),
        state: TableState::Playing,
        phase: TablePhase::Opening,
        members: vec![peer(1), peer(2)],
        seats: vec![seat(1), seat(2)],
        height: 4,
        log_hash: "aa".to_owned(),
        shooter: Some(peer(1)),
        point: None,
        rules: Default::default(),
        hand: Default::default(),
        roll: 3,
        bank: Chips(800),
        minted: Chips(1000),
        cashed_out: Chips(0),
        reachable: 2,
        quorum: 2,
        pending: 0,
        paused: None,
        buy_in: Chips(100),
        phase_ms: 0,
        departures: Vec::new(),
        watchers: 0,
        chat: Vec::new(),
        history: vec![HistoryView {
            roll: 2,
            height: 3,
            dice: Dice(3, 4),
            shooter: Some(peer(1)),
            point: None,
            dealers: vec![peer(1), peer(2)],
            openers: vec![peer(1)],
            opened: "bb".to_owned(),
            paid: [(peer(1), Chips(20))].into(),
        }],
    }
}

fn view(table: TableView) -> NodeView {
    NodeView {
        peer_id: peer(1),
        name: String::new(),
        kind: NodeKind::Regular,
        role: SeatRole::Bot,
        uptime_ms: 0,
        neighbours: Vec::new(),
        nearby: Vec::new(),
        radio: None,
        links: vec![],
        map: MapView::default(),
        leader: None,
        partitions: vec![],
        tables: vec![table],
        lobby: vec![],
        health: Default::default(),
        components: Vec::new(),
        counters: Counters::default(),
    }
}

/// What a checker finds wrong when node 0 shows the honest table and node 1 this one.
fn found(change: impl Fn(&mut TableView)) -> Vec<Invariant> {
    let mut checker = Checker::default();
    checker.on_view(by(0), &view(table()));
    checker.on_view(by(1), &view(table()));
    assert_eq!(checker.violations(), [], "the honest picture is clean");
    let mut changed = table();
    change(&mut changed);
    checker.on_view(by(1), &view(changed));
    checker.violations().iter().map(|v| v.invariant).collect()
}

#[test]
fn a_chip_too_many_or_too_few_anywhere_is_seen() {
    assert_eq!(found(|t| t.bank = Chips(801)), [Invariant::ChipsConserved]);
    assert_eq!(found(|t| t.seats[1].stack = Chips(89)), [Invariant::ChipsConserved]);
    assert_eq!(found(|t| t.minted = Chips(999)), [Invariant::ChipsConserved]);
    let huge = |t: &mut TableView| {
        t.bank = Chips(u64::MAX);
        t.seats[0].stack = Chips(u64::MAX);
    };
    assert_eq!(found(huge), [Invariant::ChipsConserved], "sums do not overflow");
}

#[test]
fn another_log_at_the_same_height_is_seen_and_a_longer_one_is_fine() {
    assert_eq!(found(|t| t.log_hash = "ab".to_owned()), [Invariant::OneLog]);
    let longer = |t: &mut TableView| {
        t.height = 5;
        t.log_hash = "cc".to_owned();
    };
    assert_eq!(found(longer), []);
}

#[test]
fn a_log_that_goes_back_within_one_life_is_seen() {
    let mut checker = Checker::default();
    checker.on_view(by(0), &view(table()));
    let mut earlier = table();
    earlier.height = 3;
    checker.on_view(Witness { life: Life(2), ..by(0) }, &view(earlier.clone()));
    assert_eq!(checker.violations(), [], "a restart may come back with less");
    checker.on_view(by(0), &view(earlier));
    assert_eq!(checker.violations()[0].invariant, Invariant::OneLog);
}

#[test]
fn another_outcome_or_payout_of_the_same_roll_is_seen_but_other_openers_are_fine() {
    assert_eq!(found(|t| t.history[0].dice = Dice(1, 1)), [Invariant::OneLog]);
    assert_eq!(found(|t| t.history[0].paid.clear()), [Invariant::OneLog]);
    assert_eq!(found(|t| t.history[0].opened = "bc".to_owned()), [Invariant::OneLog]);
    assert_eq!(found(|t| t.history[0].openers = vec![peer(2)]), []);
}

#[test]
fn a_bet_that_moves_while_the_dice_are_opened_is_seen() {
    let moved = |t: &mut TableView| {
        t.seats[0].stack = Chips(80);
        t.seats[0].bets[0].chips = Chips(20);
    };
    assert_eq!(found(moved), [Invariant::BetsBeforeDice]);
    let while_betting = |t: &mut TableView| {
        moved(t);
        t.phase = TablePhase::Betting;
    };
    assert_eq!(found(while_betting), []);
}

#[test]
fn bets_of_an_expelled_liar_may_vanish_while_a_roll_is_opened_but_never_appear() {
    let checked = |liars: &[u8], change: fn(&mut TableView)| {
        let mut checker = Checker::with_liars(liars.iter().map(|n| peer(*n)).collect());
        checker.on_view(by(0), &view(table()));
        let offence = Offence { kind: OffenceKind::TwoPrevotes, height: 4, round: 0 };
        let expelled = Event::MemberExpelled { table: TABLE, peer_id: peer(2), offence };
        checker.on_event(by(0), &expelled);
        let mut after = table();
        change(&mut after);
        after.height = 5;
        after.bank = Chips(1000 - 180 - after.seats.iter().map(bets_of).sum::<u64>());
        checker.on_view(by(0), &view(after));
        checker.violations().iter().map(|v| v.invariant).collect::<Vec<_>>()
    };
    fn bets_of(seat: &SeatView) -> u64 {
        seat.bets.iter().map(|bet| bet.chips.0).sum()
    }
    assert_eq!(checked(&[2], |t| t.seats[1].bets.clear()), []);
    let changed = |t: &mut TableView| t.seats[1].bets[0].chips = Chips(20);
    assert_eq!(checked(&[2], changed), [Invariant::BetsBeforeDice]);
    assert_eq!(checked(&[2], |t| t.seats[0].bets.clear()), [Invariant::BetsBeforeDice]);
    let false_expulsion = [Invariant::NoFalseAccusation, Invariant::BetsBeforeDice];
    assert_eq!(checked(&[], |t| t.seats[1].bets.clear()), false_expulsion);
}

#[test]
fn dice_before_their_bets_are_fixed_are_seen() {
    let rolled = Event::Rolled { table: TABLE, roll: 3, dice: Dice(2, 5) };
    let mut honest = Checker::default();
    honest.on_view(by(0), &view(table()));
    honest.on_event(by(1), &rolled);
    assert_eq!(honest.violations(), []);
    assert_eq!(honest.rolls(), 1);

    let mut early = Checker::default();
    let mut betting = table();
    betting.phase = TablePhase::Betting;
    early.on_view(by(0), &view(betting));
    early.on_event(by(1), &rolled);
    assert_eq!(early.violations()[0].invariant, Invariant::BetsBeforeDice);
}

#[test]
fn different_or_impossible_dice_are_seen() {
    let mut checker = Checker::default();
    checker.on_view(by(0), &view(table()));
    checker.on_event(by(0), &Event::Rolled { table: TABLE, roll: 3, dice: Dice(2, 5) });
    checker.on_event(by(1), &Event::Rolled { table: TABLE, roll: 3, dice: Dice(7, 5) });
    let found: Vec<Invariant> = checker.violations().iter().map(|v| v.invariant).collect();
    assert_eq!(found, [Invariant::OneLog, Invariant::Bounded]);
}

#[test]
fn what_is_told_twice_in_one_life_is_seen() {
    let done = |n| Event::CommandDone { request: RequestId(n), result: Ok(None) };
    for event in [
        Event::Rolled { table: TABLE, roll: 3, dice: Dice(2, 5) },
        Event::Paid { table: TABLE, roll: 3, chips: Chips(20) },
        Event::TableOpened { table: TABLE },
        done(1),
    ] {
        let mut checker = Checker::default();
        checker.on_view(by(0), &view(table()));
        checker.on_event(by(0), &event);
        checker.on_event(by(1), &event);
        checker.on_event(by(0), &done(2));
        assert_eq!(checker.violations(), [], "{event:?}: once per node is fine");
        checker.on_event(by(0), &event);
        assert_eq!(checker.violations()[0].invariant, Invariant::AtMostOnce);
    }
}

#[test]
fn an_accusation_among_honest_nodes_is_seen() {
    let mut checker = Checker::default();
    checker.on_event(by(0), &Event::Equivocation { table: TABLE, culprit: peer(2) });
    assert_eq!(checker.violations()[0].invariant, Invariant::NoFalseAccusation);
}

#[test]
fn an_accusation_of_a_liar_is_no_violation_and_is_counted_once() {
    let mut checker = Checker::with_liars([peer(2)].into());
    let accused = |culprit| Event::Equivocation { table: TABLE, culprit };
    checker.on_event(by(0), &accused(peer(2)));
    checker.on_event(by(1), &accused(peer(2)));
    assert_eq!((checker.violations().len(), checker.accused()), (0, 1));
    checker.on_event(by(0), &accused(peer(1)));
    assert_eq!(checker.violations()[0].invariant, Invariant::NoFalseAccusation);
}

#[test]
fn a_bet_in_an_honest_nodes_name_is_seen() {
    let mut forged = table();
    forged.phase = TablePhase::Betting;
    forged.seats[0].bets[0].spot = "field".to_owned();
    for (liar, found) in [(1, vec![]), (2, vec![Invariant::OwnBets])] {
        let mut checker = Checker::with_liars([peer(liar)].into());
        checker.on_view(by(0), &view(forged.clone()));
        let seen: Vec<Invariant> = checker.violations().iter().map(|v| v.invariant).collect();
        assert_eq!(seen, found);
    }
}

#[test]
fn two_votes_of_an_honest_node_are_seen_and_those_of_a_liar_are_not_judged() {
    let heard = |member| DoubleVote { member, height: 3, round: 0, step: Step::Prevote };
    let mut checker = Checker::with_liars([peer(2)].into());
    checker.on_double_vote(Instant::ZERO, 3, &heard(peer(2)));
    assert_eq!(checker.violations(), []);
    checker.on_double_vote(Instant::ZERO, 3, &heard(peer(1)));
    assert_eq!(checker.violations()[0].invariant, Invariant::OneVote);
}

#[test]
fn more_than_a_limit_allows_is_seen_and_the_report_itself_is_bounded() {
    let mut checker = Checker::default();
    let mut crowded = view(table());
    let number = bitcraps_core::id::LinkId(0);
    let link = LinkView::new(number, Transport::Tcp, LinkState::Handshaking);
    crowded.links = vec![link.clone(); LINKS_MAX];
    checker.on_view(by(0), &crowded);
    assert_eq!(checker.violations(), []);
    crowded.links.push(link);
    for _ in 0..2 * VIOLATIONS_MAX {
        checker.on_view(by(0), &crowded);
        checker.on_breach(Instant::ZERO, 0, &Breach::TooManyOutputs);
    }
    assert_eq!(checker.violations().len(), VIOLATIONS_MAX);
    assert_eq!(checker.violations()[1].invariant, Invariant::Bounded);
}

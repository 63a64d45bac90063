//! The dice of a table of whole peers: when shares leave, who can hold a roll up, and what liars
//! get for theirs.

use super::World;
use bitcraps_core::{
    craps::Dice,
    crypto::dice::{Deal, Proof, Share},
    game::{
        Phase,
        message::{Action, Message, Op},
    },
    id::TableId,
};

/// What happens to shares on their way, and what was seen of them.
#[derive(Default)]
pub struct Opening {
    /// From whom to whom, for which roll.
    sent: Vec<(usize, usize, u64)>,
    spoilt: Option<(usize, Spoilt)>,
}

/// What one member does instead of opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoilt {
    Withholds,
    /// Is gone as soon as the first of the others has its share.
    DiesInTheMiddle,
    /// Says in every other member's name, and its own, what does not verify.
    Forges,
}

impl World {
    /// Hands a message over to the wire, unless its sender is the one that spoils openings.
    pub fn put_on_wire(&mut self, from: usize, to: usize, message: Message) {
        let Message::Share { table, share } = message else {
            self.wire.push_back((from, to, message));
            return;
        };
        let ledger = self.session(from, table).unwrap().ledger();
        let is_closed = ledger.phase() == Phase::Opening || ledger.roll() > share.roll;
        assert!(is_closed, "a share left while bets on roll {} could be made", share.roll);
        self.opening.sent.push((from, to, share.roll));
        let spoilt = self.opening.spoilt.filter(|(who, _)| *who == from);
        match spoilt.map(|(_, how)| how) {
            None | Some(Spoilt::DiesInTheMiddle) => self.wire.push_back((from, to, message)),
            Some(Spoilt::Withholds) => {}
            Some(Spoilt::Forges) => {
                let proof = Proof { r1: share.value, ..share.proof };
                for member in 0..5 {
                    let forged = Share { member, proof, ..share };
                    let message = Message::Share { table, share: forged };
                    self.wire.push_back((from, to, message));
                }
            }
        }
    }

    /// Whether its sender is gone once this message has arrived.
    pub fn dies_of(&self, from: usize, message: &Message) -> bool {
        matches!(message, Message::Share { .. })
            && self.opening.spoilt == Some((from, Spoilt::DiesInTheMiddle))
    }

    fn last_roll(&self, who: usize, table: TableId) -> (u64, Dice, [u8; 32]) {
        let last = self.session(who, table).unwrap().history().next().unwrap();
        (last.roll, last.dice, last.opened)
    }

    fn refused(&self, who: usize, table: TableId) -> u64 {
        self.session(who, table).unwrap().counters().ops_refused
    }

    fn stock(&self, table: TableId) -> Vec<usize> {
        let ledger = self.session(0, table).unwrap().ledger();
        ledger.seats().map(|(seat, _)| ledger.deals_in_stock(seat)).collect()
    }
}

/// That none leaves earlier is checked of every share in every test of this file and its
/// neighbours ([`World::put_on_wire`]).
#[test]
fn one_wave_of_shares_after_the_closing_opens_a_roll() {
    let (mut world, table) = World::with_table();
    for _ in 0..3 {
        world.opening.sent.clear();
        let roll = world.session(0, table).unwrap().ledger().roll();
        world.roll(table);
        assert_eq!(world.session(0, table).unwrap().ledger().roll(), roll + 1);
        let mut sent = world.opening.sent.clone();
        sent.sort_unstable();
        let all = (0..5).flat_map(|from| (0..5).map(move |to| (from, to, roll)));
        let once: Vec<_> = all.filter(|(from, to, _)| from != to).collect();
        assert_eq!(sent, once, "each member says it to each other member, once");
    }
}

/// The next roll of a table that is the same in every run, with one member that spoils it.
fn next_roll(spoilt: Option<(usize, Spoilt)>) -> (World, TableId, (u64, Dice, [u8; 32])) {
    let (mut world, table) = World::with_table();
    world.opening.spoilt = spoilt;
    world.roll(table);
    let witness = (0..5).find(|who| spoilt.is_none_or(|(liar, _)| liar != *who)).unwrap();
    let roll = world.last_roll(witness, table);
    (world, table, roll)
}

#[test]
fn whoever_withholds_its_share_changes_neither_the_roll_nor_its_time() {
    let (undisturbed, table, expected) = next_roll(None);
    for who in 0..5 {
        let (world, _, roll) = next_roll(Some((who, Spoilt::Withholds)));
        assert_eq!(roll, expected, "{who} withholds");
        // The one that said nothing gets the roll like all others.
        assert_eq!(world.last_roll(who, table), expected);
        let rolls = |world: &World| {
            let session = world.session(1, table).unwrap();
            (session.ledger().roll(), session.ledger().height())
        };
        assert_eq!(rolls(&world), rolls(&undisturbed));
    }
}

#[test]
fn a_member_that_dies_in_the_middle_of_the_opening_leaves_the_same_roll() {
    let (_, _, expected) = next_roll(None);
    for who in 0..5 {
        let (mut world, table, roll) = next_roll(Some((who, Spoilt::DiesInTheMiddle)));
        assert_eq!(world.gone, Some(who), "it died");
        assert_eq!(roll, expected, "{who} died");
        world.opening.spoilt = None;
        world.gone = None;
        world.run(5_000);
        let history: Vec<_> = world.session(who, table).unwrap().history().collect();
        let its = history.iter().find(|rolled| rolled.roll == expected.0).unwrap();
        assert_eq!((its.roll, its.dice, its.opened), expected, "it reads what the others saw");
    }
}

#[test]
fn shares_forged_in_everybodys_name_count_against_their_sender_alone() {
    let (_, _, expected) = next_roll(None);
    let mut looked_at = 0;
    for who in [0, 2, 4] {
        let (world, table, roll) = next_roll(Some((who, Spoilt::Forges)));
        assert_eq!(roll, expected, "{who} forges");
        for other in (0..5).filter(|other| *other != who) {
            let session = world.session(other, table).unwrap();
            let openers = &session.history().next().unwrap().openers;
            assert!(!openers.contains(&world.id(who)), "its share does not verify");
            assert_eq!(openers.len(), 4, "all the honest are there");
            let refused = world.refused(other, table);
            assert!(refused <= 5, "each at most once");
            looked_at += refused;
        }
    }
    assert!(looked_at > 0, "some came before the roll was decided without them");
}

/// A deal is its author's by signature, so a bad one is refused under its name. It must not be
/// looked at again with every batch.
#[test]
fn a_bad_deal_is_refused_once_and_holds_nobody_up() {
    let (mut world, table) = World::with_table();
    let ledger = world.session(0, table).unwrap().ledger().clone();
    let key = world.identities[4].card().key;
    let place = ledger.member_keys().iter().position(|k| *k == key).unwrap();
    let nothing = Proof { r1: [0; 32], r2: [0; 32], z: [0; 32] };
    let deal = Deal {
        roll: ledger.roll() + 20,
        dealer: place as u8,
        ephemeral: [2; 32],
        shares: vec![[0; 32]; 5],
        proof: nothing,
    };
    let action = Action::Deal { epoch: ledger.epoch_number(), deals: vec![deal] };
    let op = Op::sign(&world.identities[4], table, ledger.last_seq(&key) + 1, action);
    let before: Vec<u64> = (0..4).map(|who| world.refused(who, table)).collect();
    let from = world.id(4);
    for to in 0..4 {
        let message = Message::Submit { table, ops: vec![op.clone()] };
        world.tables[to].on_message(from, message, &world.identities[to], world.now);
    }
    let roll = ledger.roll();
    world.roll(table);
    world.roll(table);
    assert!(world.session(0, table).unwrap().ledger().roll() >= roll + 2);
    let after: Vec<u64> = (0..4).map(|who| world.refused(who, table)).collect();
    assert!(after.iter().zip(&before).any(|(after, before)| *after == before + 1), "{after:?}");
    assert!(after.iter().zip(&before).all(|(after, before)| *after <= before + 1), "{after:?}");
}

/// Deals are made while nobody waits for them; who rolls faster than anybody can think uses the
/// stock up, and nothing but that happens.
#[test]
fn ten_quick_rolls_are_rolled_and_a_pause_fills_the_stock_again() {
    let (mut world, table) = World::with_table();
    world.run(1000);
    let is_full = |stock: &[usize]| stock.iter().all(|deals| *deals >= 5);
    assert!(is_full(&world.stock(table)), "{:?}", world.stock(table));
    let took = quick_rolls(&mut world, table);
    assert!(took.iter().all(|took| *took <= 50), "{took:?}");
    world.run(1000);
    assert!(is_full(&world.stock(table)), "{:?}", world.stock(table));
}

/// Its own decision waits for its disk while the others certify the next: without what they
/// certified it would hold the table up until the next status, three rolls in ten.
#[test]
fn a_member_whose_disk_is_slow_takes_what_the_others_certified() {
    let (mut world, table) = World::with_table();
    world.starved = true;
    world.run(1000);
    let took = quick_rolls(&mut world, table);
    assert!(took.iter().filter(|took| **took > 50).count() <= 1, "{took:?}");
}

/// How many milliseconds each of ten rolls took that nobody waits before.
fn quick_rolls(world: &mut World, table: TableId) -> Vec<u64> {
    let first = world.session(0, table).unwrap().ledger().roll();
    let mut took = Vec::new();
    for roll in first..first + 10 {
        let began = world.now;
        while world.session(0, table).unwrap().ledger().roll() == roll {
            for who in 0..3 {
                let request = world.request();
                world.tables[who].ready(request, table, &world.identities[who], world.now);
            }
            world.run(10);
            assert!(world.now.since(began).as_millis() < 2000, "roll {roll}: {took:?}");
        }
        took.push(world.now.since(began).as_millis() as u64);
    }
    took
}

//! Members that lie and members that are away, at tables of whole peers.

use super::World;
use bitcraps_core::{
    agree::{
        MemberKey, Members, digest,
        message::{Evidence, Lie, Message as Agreed, Signature, Step, ValueId, Vote, Voted},
    },
    craps::Chips,
    game::{
        ABSENT_AFTER, CommandError, Happened, OffenceKind, Parting, Standing,
        message::{Action, Message, Op},
    },
    id::TableId,
    time::{Duration, Instant},
};
use ed25519_dalek::{Signer as _, SigningKey};

const MINUTE: u64 = ABSENT_AFTER.as_millis() as u64;

impl World {
    /// One of many votes that this peer signs for the next height.
    fn vote(&self, liar: usize, table: TableId, value: [u8; 32]) -> Vote {
        let ledger = self.session(0, table).unwrap().ledger();
        let keys: Vec<MemberKey> = ledger.member_keys().into_iter().map(MemberKey).collect();
        let members = Members::new(&keys).unwrap();
        let (step, value, height) = (Step::Prevote, Some(ValueId(value)), ledger.height() + 1);
        let digest = digest::vote(table.as_bytes(), &members, step, height, 0, value.as_ref());
        let signing = SigningKey::from_bytes(&self.identities[liar].secret());
        let signature = Signature(signing.sign(&digest).to_bytes());
        let place = members.place(&MemberKey(self.identities[liar].card().key)).unwrap();
        Vote { height, round: 0, step, value, member: place as u8, signature }
    }

    fn hand(&mut self, from: usize, to: usize, message: Message) {
        let from = self.id(from);
        self.tables[to].on_message(from, message, &self.identities[to], self.now);
    }

    fn seated(&self, at: usize, who: usize, table: TableId) -> bool {
        let session = self.session(at, table).unwrap();
        session.ledger().seat(self.id(who)).is_some()
    }

    fn claims(&self, table: TableId) -> usize {
        let session = self.session(0, table).unwrap();
        session.ledger().seats().map(|(_, seat)| seat.absent_claims()).sum()
    }

    fn is_told_of(&self, at: usize, what: impl Fn(&Happened) -> bool) -> bool {
        self.conduct.iter().any(|(who, happened)| *who == at && what(happened))
    }
}

#[test]
fn a_member_that_votes_twice_is_expelled_by_all_the_others_and_the_table_plays_on() {
    let (mut world, table) = World::with_table();
    world.liar = Some(world.id(4));
    for value in [[1; 32], [2; 32]] {
        let vote = Agreed::Vote(world.vote(4, table, value));
        // One honest member sees both, and no other sees either.
        world.hand(4, 2, Message::Agree { table, bytes: vote.encode() });
    }
    world.run(10_000);
    let named = |h: &Happened| matches!(h, Happened::Expelled { .. });
    assert!((0..4).all(|who| world.is_told_of(who, named)), "whoever proposes has the proof");
    // The bots have bet, so the members change when the dice have fallen.
    world.roll(table);
    world.run(30_000);
    for who in 0..4 {
        let session = world.session(who, table).unwrap();
        assert_eq!(session.members(), 4, "seen by {who}");
        let gone = session.ledger().departures().next().unwrap();
        let Parting::Expelled { offence } = gone.parting else { panic!("{gone:?}") };
        assert_eq!((gone.peer, offence.kind), (world.id(4), OffenceKind::TwoPrevotes));
        let named =
            |h: &Happened| matches!(h, Happened::Expelled { peer, .. } if *peer == gone.peer);
        assert!(world.is_told_of(who, named));
    }
    assert!(world.session(4, table).is_none(), "it knows by itself that it has no seat");
    let roll = world.session(0, table).unwrap().ledger().roll();
    world.roll(table);
    world.run(30_000);
    assert!(world.session(0, table).unwrap().ledger().roll() > roll);
    assert_eq!(world.join(4, table), Err(CommandError::Expelled));
    assert_eq!(world.session(0, table).unwrap().members(), 4);
}

#[test]
fn evidence_that_nobody_signed_waits_nowhere() {
    let (mut world, table) = World::with_table();
    let (a, b) = (world.vote(4, table, [1; 32]), world.vote(4, table, [2; 32]));
    let voted = |vote: &Vote| Voted { value: vote.value, signature: a.signature };
    let lie = Lie::Votes { step: Step::Prevote, pair: [voted(&a), voted(&b)] };
    let culprit = world.identities[4].card().key;
    let evidence = Evidence { height: a.height, round: 0, culprit, lie }.encode();
    let refused = |world: &World| world.session(0, table).unwrap().counters().ops_refused;
    let before = (refused(&world), world.session(0, table).unwrap().ledger().height());
    world.hand(1, 0, Message::Evidence { table, evidence });
    world.run(5_000);
    let after = (refused(&world), world.session(0, table).unwrap().ledger().height());
    assert_eq!(after, (before.0 + 1, before.1));
    assert!(world.seated(0, 4, table));
}

#[test]
fn a_member_that_nobody_hears_is_put_out_after_a_minute_and_gets_its_chips_when_it_returns() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.join(5, table), Ok(Some(table)));
    world.run(10_000);
    // The last one is a person and is cut off without a word; the map still shows it.
    world.gone = Some(5);
    world.run(MINUTE - 15_000);
    assert!(world.seated(0, 5, table));
    world.run(30_000);
    for who in 0..5 {
        assert!(!world.seated(who, 5, table), "seen by {who}");
        let away = |h: &Happened| matches!(h, Happened::Away { peer } if *peer == world.id(5));
        assert!(world.is_told_of(who, away));
    }
    let minted = world.session(0, table).unwrap().ledger().minted();
    world.gone = None;
    world.run(30_000);
    let mine = world.session(5, table).unwrap();
    assert_eq!(mine.standing(), Standing::Watching, "it sees what happened");
    assert_eq!(mine.ledger().log_hash(), world.session(0, table).unwrap().ledger().log_hash());
    assert_eq!(world.join(5, table), Ok(Some(table)));
    let ledger = world.session(5, table).unwrap().ledger();
    assert_eq!(world.session(5, table).unwrap().standing(), Standing::Seated);
    assert_eq!((ledger.minted(), ledger.cashed_out()), (minted, Chips(0)), "its own chips");
}

#[test]
fn whoever_is_heard_in_time_stays_and_nobody_says_it_is_absent() {
    let (mut world, table) = World::with_table();
    for _ in 0..3 {
        world.gone = Some(4);
        world.run(MINUTE - 20_000);
        world.gone = None;
        world.run(20_000);
    }
    assert!(world.seated(0, 4, table));
    assert_eq!(world.claims(table), 0);
}

#[test]
fn as_many_liars_as_a_table_bears_put_out_nobody_who_is_there() {
    // Five members bear one liar; it says of everybody that they are absent.
    let (mut world, table) = World::with_table();
    let ledger = world.session(0, table).unwrap().ledger().clone();
    let liar = &world.identities[4];
    let first = ledger.last_seq(&liar.card().key) + 1;
    let others = ledger.seats().filter(|(_, s)| s.key != liar.card().key);
    let claims: Vec<Op> = others
        .zip(first..)
        .map(|((_, seat), seq)| {
            let (member, epoch) = (seat.key, ledger.epoch_number());
            let action = Action::Absent { member, epoch, seq: ledger.last_seq(&seat.key) };
            Op::sign(liar, table, seq, action)
        })
        .collect();
    assert_eq!(claims.len(), 4);
    for to in 0..4 {
        world.hand(4, to, Message::Submit { table, ops: claims.clone() });
    }
    world.run(3 * MINUTE);
    assert!(world.claims(table) > 0, "they are on the log");
    assert!((0..4).all(|who| world.seated(0, who, table)));
    let ledger = world.session(0, table).unwrap().ledger();
    assert!(ledger.seats().all(|(_, seat)| !seat.away));
}

#[test]
fn when_everybody_slept_nobody_is_called_absent() {
    let (mut world, table) = World::with_table();
    world.run(10_000);
    let height = world.session(0, table).unwrap().ledger().height();
    world.now = Instant::from_millis(world.now.as_millis() + 10 * MINUTE);
    world.run(MINUTE / 2);
    assert_eq!(world.session(0, table).unwrap().ledger().height(), height);
}

#[test]
fn a_sleeping_shooter_holds_nobody_up_for_longer_than_one_window_and_then_loses_the_dice() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.join(5, table), Ok(Some(table)));
    let ledger = |world: &World| world.session(5, table).unwrap().ledger().clone();
    assert_eq!(ledger(&world).shooter(), Some(world.id(0)), "seed 0 has the dice in this run");
    // Its links stand, so the map shows it in reach; it only does nothing.
    world.gone = Some(0);
    let roll = ledger(&world).roll();
    let request = world.request();
    world.tables[5].ready(request, table, &world.identities[5], world.now);
    world.run(25_000);
    assert_eq!(ledger(&world).roll(), roll + 1, "one window of twenty seconds");
    world.run(MINUTE);
    assert_ne!(ledger(&world).shooter(), Some(world.id(0)));
    assert!(ledger(&world).seat(world.id(0)).unwrap().1.away);
    let request = world.request();
    world.tables[5].ready(request, table, &world.identities[5], world.now);
    world.run(25_000);
    assert!(!world.seated(5, 0, table), "five are left, so it gives up its seat");
    assert!(
        world.session(5, table).unwrap().silence(world.id(1), world.now).unwrap()
            < Duration::from_secs(30)
    );
}

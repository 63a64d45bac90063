//! What the log does about members that lied and members that are away.

use super::{Bench, member};
use bitcraps_core::{
    agree::{
        Members, digest,
        message::{Evidence, Lie, Signature, Step, ValueId, Voted},
    },
    craps::{Chips, Wager},
    crypto::identity::Identity,
    game::{
        BatchError, DEPARTURES_MAX, Happened, MEMBERSHIPS_MAX, OffenceKind, Parting, Phase,
        SeatRole,
        message::{Action, Entry},
    },
    id::{PeerId, TableId},
};
use ed25519_dalek::{Signer as _, SigningKey};

/// Proof that this identity prevoted twice at a height whose members are these.
pub fn two_votes(liar: &Identity, table: TableId, members: &Members, height: u64) -> Evidence {
    let signing = SigningKey::from_bytes(&liar.secret());
    let voted = |value: [u8; 32]| {
        let value = Some(ValueId(value));
        let (group, step) = (table.as_bytes(), Step::Prevote);
        let signed = digest::vote(group, members, step, height, 0, value.as_ref());
        Voted { value, signature: Signature(signing.sign(&signed).to_bytes()) }
    };
    let lie = Lie::Votes { step: Step::Prevote, pair: [voted([1; 32]), voted([2; 32])] };
    Evidence { height, round: 0, culprit: liar.card().key, lie }
}

impl Bench {
    fn proof(&self, who: usize, height: u64) -> Entry {
        let members = self.ledger.members_at(height).unwrap();
        let liar = &self.members[who].identity;
        Entry::Evidence(two_votes(liar, self.table(), &members, height).encode())
    }

    fn id(&self, who: usize) -> PeerId {
        self.members[who].identity.id()
    }

    fn key(&self, who: usize) -> [u8; 32] {
        self.members[who].identity.card().key
    }

    fn has_seat(&self, who: usize) -> bool {
        self.ledger.seat(self.id(who)).is_some()
    }

    fn absent(&mut self, by: usize, of: usize) -> Result<Vec<Happened>, BatchError> {
        let member = self.key(of);
        let (epoch, seq) = (self.ledger.epoch_number(), self.ledger.last_seq(&member));
        let claim = self.op(by, Action::Absent { member, epoch, seq });
        self.apply(vec![claim])
    }

    fn shooter(&self) -> usize {
        let shooter = self.ledger.shooter().unwrap();
        self.members.iter().position(|m| m.identity.id() == shooter).unwrap()
    }
}

#[test]
fn a_member_that_voted_twice_is_expelled_and_named_with_what_it_did() {
    let mut bench = Bench::new(5);
    let proof = bench.proof(1, 1);
    let happened = bench.apply(vec![proof.clone()]).unwrap();
    let [Happened::Expelled { peer, offence }, Happened::MembersChanged] = happened[..] else {
        panic!("{happened:?}")
    };
    assert_eq!(peer, bench.id(1));
    assert_eq!((offence.kind, offence.height), (OffenceKind::TwoPrevotes, 1));
    assert_eq!(bench.ledger.offence_of(&bench.key(1)), Some(offence));
    assert!(!bench.has_seat(1));
    let gone = bench.ledger.departures().next().unwrap().clone();
    assert_eq!((gone.peer, gone.parting), (bench.id(1), Parting::Expelled { offence }));
    assert_eq!((gone.brought, gone.chips), (Chips(1000), Chips(1000)));
    assert_eq!(bench.total(), bench.ledger.minted().0);
    // Once is enough, and the seat is closed to it.
    assert_eq!(bench.apply(vec![proof]).unwrap_err(), BatchError::Expelled { peer });
    let back = bench.genesis.seatings[1].clone();
    let join = bench.op(1, Action::Join(Box::new(back)));
    assert_eq!(bench.apply(vec![join]).unwrap_err(), BatchError::Expelled { peer });
    bench.members.remove(1);
    bench.open();
    bench.close();
    assert!(matches!(bench.roll()[..], [Happened::Rolled(_)]), "the others play on");
}

#[test]
fn evidence_that_proves_nothing_expels_nobody() {
    let mut bench = Bench::new(4);
    let members = bench.ledger.members_at(1).unwrap();
    let (liar, table) = (&bench.members[1].identity, bench.table());
    let sound = two_votes(liar, table, &members, 1);
    let mut framed = sound;
    framed.culprit = bench.members[2].identity.card().key;
    let mut later = sound;
    later.height = 2;
    let mut same = sound;
    if let Lie::Votes { pair, .. } = &mut same.lie {
        pair[1] = pair[0];
    }
    let stranger = member(9, &bench.genesis.invitation, SeatRole::Player).0.identity;
    let elsewhere = TableId::from_bytes([9; 32]);
    let refused = [
        two_votes(&stranger, table, &members, 1).encode(),
        two_votes(liar, elsewhere, &members, 1).encode(),
        two_votes(liar, table, &members, 0).encode(),
        two_votes(liar, table, &members, 2).encode(),
        framed.encode(),
        later.encode(),
        same.encode(),
        Vec::new(),
        vec![0; 300],
    ];
    for bytes in refused {
        let error = bench.apply(vec![Entry::Evidence(bytes.clone())]).unwrap_err();
        let expected = matches!(
            error,
            BatchError::NoProof(_) | BatchError::UnknownHeight { .. } | BatchError::Malformed
        );
        assert!(expected, "{error} for {bytes:?}");
    }
    assert_eq!(bench.ledger.seats().count(), 4);
    assert!((0..4).all(|who| bench.ledger.offence_of(&bench.key(who)).is_none()));
}

#[test]
fn an_expelled_members_bets_go_to_the_bank_and_its_stack_is_cashed_out() {
    let mut bench = Bench::new(5);
    bench.open();
    // A contract bet and one that a leaving seat would get back.
    bench.bet(1, Wager::Pass, 100).unwrap();
    bench.bet(1, Wager::Field, 50).unwrap();
    bench.bet(2, Wager::DontPass, 10).unwrap();
    let (bank, proof) = (bench.ledger.bank().0, bench.proof(1, 1));
    bench.apply(vec![proof]).unwrap();
    assert_eq!(bench.ledger.bank().0, bank + 150);
    assert_eq!(bench.ledger.felt().total(), Chips(10), "nobody else's bet moves");
    assert!(bench.has_seat(1), "a roll with a bet on it is on");
    let (_, seat) = bench.ledger.seat(bench.id(1)).unwrap();
    assert!(seat.expelled);
    assert_eq!(
        bench.bet(1, Wager::Pass, 1).unwrap_err(),
        BatchError::Expelled { peer: bench.id(1) }
    );
    bench.close();
    let happened = bench.roll();
    assert!(matches!(happened[..], [Happened::Rolled(_), Happened::MembersChanged]));
    assert!(!bench.has_seat(1));
    assert_eq!(bench.ledger.cashed_out(), Chips(850));
    assert_eq!(bench.total(), bench.ledger.minted().0);
}

#[test]
fn an_expelled_shooter_has_the_dice_no_longer_and_a_roll_in_progress_completes() {
    let mut bench = Bench::new(4);
    bench.open();
    let liar = bench.shooter();
    bench.bet((liar + 1) % 4, Wager::Pass, 10).unwrap();
    let proof = bench.proof(liar, 1);
    let (mut early, entry) = (bench, proof.clone());
    early.apply(vec![entry]).unwrap();
    assert_ne!(early.shooter(), liar, "the next one closes the bets");
    early.close();

    // Bets are closed, and the liar keeps its share back: the others are enough.
    let mut bench = Bench::new(4);
    bench.open();
    bench.bet((liar + 1) % 4, Wager::Pass, 10).unwrap();
    bench.close();
    bench.apply(vec![proof]).unwrap();
    assert_eq!((bench.ledger.phase(), bench.has_seat(liar)), (Phase::Opening, true));
    let others = (0..4).filter(|who| *who != liar).map(|who| Entry::Share(bench.share(who)));
    let happened = bench.apply(others.collect()).unwrap();
    let [Happened::Rolled(rolled), Happened::MembersChanged] = &happened[..] else {
        panic!("{happened:?}")
    };
    assert_eq!(rolled.shooter, Some(bench.id(liar)), "who threw these dice is history");
    assert!(!bench.has_seat(liar));
    assert_eq!(bench.ledger.seats().count(), 3);
    // Three members agree on, but dice need a fourth; a newcomer brings them back.
    let (newcomer, seating) = member(9, &bench.genesis.invitation, SeatRole::Witness);
    bench.members.push(newcomer);
    assert_eq!(bench.ledger.threshold(), usize::MAX);
    let join = bench.op(4, Action::Join(Box::new(seating)));
    bench.apply(vec![join]).unwrap();
    assert_eq!((bench.ledger.seats().count(), bench.ledger.threshold()), (4, 3));
}

#[test]
fn evidence_counts_against_the_members_of_its_height_while_those_are_remembered() {
    let mut bench = Bench::new(6);
    let first = bench.proof(1, 1);
    let back = bench.genesis.seatings[5].clone();
    // Each leaving and each coming back is a membership of its own.
    for n in 0..MEMBERSHIPS_MAX - 1 {
        let action = if n % 2 == 0 { Action::Leave } else { Action::Join(Box::new(back.clone())) };
        let change = bench.op(5, action);
        bench.apply(vec![change]).unwrap();
    }
    let now = bench.ledger.height() + 1;
    assert!(bench.ledger.members_at(now + 1).is_none(), "nobody knows who is a member then");
    assert!(bench.ledger.members_at(1).is_some());
    let (mut in_time, entry) = (bench.ledger.clone(), first.clone());
    assert!(in_time.try_entry(&entry).is_ok());
    let action =
        if MEMBERSHIPS_MAX % 2 == 1 { Action::Leave } else { Action::Join(Box::new(back)) };
    let change = bench.op(5, action);
    bench.apply(vec![change]).unwrap();
    let error = bench.apply(vec![first]).unwrap_err();
    assert_eq!(error, BatchError::UnknownHeight { height: 1 });
    let now = bench.ledger.height() + 1;
    let newest = bench.proof(1, now);
    assert!(bench.apply(vec![newest]).is_ok());
    assert!(bench.ledger.departures().count() <= DEPARTURES_MAX);
}

#[test]
fn a_table_remembers_a_bounded_number_of_departures() {
    let mut bench = Bench::new(6);
    let back = bench.genesis.seatings[5].clone();
    for _ in 0..DEPARTURES_MAX + 3 {
        let leave = bench.op(5, Action::Leave);
        bench.apply(vec![leave]).unwrap();
        let join = bench.op(5, Action::Join(Box::new(back.clone())));
        bench.apply(vec![join]).unwrap();
    }
    assert_eq!(bench.ledger.departures().count(), DEPARTURES_MAX);
    assert!(bench.ledger.departures().all(|d| d.parting == Parting::Left));
}

#[test]
fn a_member_is_away_when_a_quorum_says_so_and_f_liars_are_too_few() {
    // Seven members, of whom two may lie: five have to say it.
    let mut bench = Bench::new(7);
    for by in 1..5 {
        assert!(bench.absent(by, 0).unwrap().is_empty(), "{by} of five");
        assert!(bench.has_seat(0) && !bench.ledger.seat(bench.id(0)).unwrap().1.away);
    }
    let again = bench.absent(4, 0).unwrap_err();
    assert_eq!(again, BatchError::StaleClaim { peer: bench.id(0) }, "nobody counts twice");
    bench.members[4].seq -= 1;
    let happened = bench.absent(5, 0).unwrap();
    assert!(
        matches!(happened[..], [Happened::Away { .. }, Happened::MembersChanged]),
        "{happened:?}"
    );
    assert!(!bench.has_seat(0));
    let gone = bench.ledger.departures().next().unwrap().clone();
    assert_eq!((gone.parting, gone.chips), (Parting::Away, Chips(1000)));
    // It comes back and gets its chips, not a second buy-in.
    let join = bench.op(0, Action::Join(Box::new(bench.genesis.seatings[0].clone())));
    bench.apply(vec![join]).unwrap();
    assert!(bench.has_seat(0));
    assert_eq!(bench.ledger.minted(), Chips(17_000));
}

#[test]
fn a_member_that_acts_voids_what_was_said_of_its_absence() {
    let mut bench = Bench::new(7);
    for by in 1..5 {
        bench.absent(by, 0).unwrap();
    }
    let (member, epoch) = (bench.key(0), bench.ledger.epoch_number());
    let late = bench.op(5, Action::Absent { member, epoch, seq: 0 });
    let deal = bench.deal(0, &[0]);
    bench.apply(vec![deal]).unwrap();
    assert_eq!(bench.ledger.seat(bench.id(0)).unwrap().1.absent_claims(), 0);
    let error = bench.apply(vec![late]).unwrap_err();
    assert_eq!(error, BatchError::StaleClaim { peer: bench.id(0) }, "said before it acted");
}

#[test]
fn what_was_said_under_another_membership_does_not_count() {
    let mut bench = Bench::new(8);
    for by in 1..5 {
        bench.absent(by, 0).unwrap();
    }
    let (member, epoch) = (bench.key(0), bench.ledger.epoch_number());
    let late = bench.op(5, Action::Absent { member, epoch, seq: 0 });
    let leave = bench.op(7, Action::Leave);
    bench.apply(vec![leave]).unwrap();
    assert_eq!(bench.ledger.seats().count(), 7);
    assert_eq!(bench.ledger.seat(bench.id(0)).unwrap().1.absent_claims(), 0);
    assert_eq!(bench.apply(vec![late]).unwrap_err(), BatchError::StaleClaim { peer: bench.id(0) });
    assert!(bench.has_seat(0));
}

#[test]
fn one_of_four_that_is_away_keeps_its_seat_without_the_dice_until_a_fifth_comes() {
    let mut bench = Bench::new(4);
    bench.open();
    let sleeper = bench.shooter();
    bench.bet(sleeper, Wager::Field, 100).unwrap();
    for by in (0..4).filter(|by| *by != sleeper) {
        bench.absent(by, sleeper).unwrap();
    }
    let (_, seat) = bench.ledger.seat(bench.id(sleeper)).unwrap();
    assert!(seat.away);
    assert_eq!(seat.stack, Chips(1000), "what may be taken down came back");
    assert_ne!(bench.shooter(), sleeper, "the dice go on");
    let awake: Vec<usize> = (0..4).filter(|who| *who != sleeper).collect();
    bench.close();
    let shares = awake.iter().map(|who| Entry::Share(bench.share(*who))).collect();
    assert!(matches!(bench.apply(shares).unwrap()[..], [Happened::Rolled(_)]));
    assert!(bench.has_seat(sleeper));

    let (newcomer, seating) = member(9, &bench.genesis.invitation, SeatRole::Player);
    bench.members.push(newcomer);
    let join = bench.op(4, Action::Join(Box::new(seating)));
    bench.apply(vec![join]).unwrap();
    assert!(!bench.has_seat(sleeper), "the fifth makes four without it");
    assert_eq!(bench.ledger.seats().count(), 4);
    assert_eq!(bench.total(), bench.ledger.minted().0);
}

#[test]
fn whoever_is_away_and_acts_again_is_back() {
    let mut bench = Bench::new(4);
    for by in 1..4 {
        bench.absent(by, 0).unwrap();
    }
    assert!(bench.ledger.seat(bench.id(0)).unwrap().1.away);
    let deal = bench.deal(0, &[0]);
    bench.apply(vec![deal]).unwrap();
    assert!(!bench.ledger.seat(bench.id(0)).unwrap().1.away);
}

#[test]
fn nobody_says_of_itself_or_of_strangers_that_they_are_absent() {
    let mut bench = Bench::new(4);
    assert!(bench.absent(0, 0).is_err());
    bench.members[0].seq -= 1;
    let (newcomer, _) = member(9, &bench.genesis.invitation, SeatRole::Player);
    bench.members.push(newcomer);
    assert!(bench.absent(0, 4).is_err());
    assert!(bench.absent(4, 0).is_err());
}

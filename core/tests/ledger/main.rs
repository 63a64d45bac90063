//! A table's ledger: what enters the log, what is refused, and that chips are conserved.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod conduct;

use bitcraps_core::{
    craps::{Chips, Rules, Wager},
    crypto::{
        dice::{MemberSecret, Share},
        identity::Identity,
    },
    game::{
        BatchError, Happened, KEY_EPOCH, Ledger, Phase, SeatRole,
        message::{Action, Batch, Entry, Genesis, Invitation, Op, Seating},
    },
    id::TableId,
    seed::Seed,
};

/// Members of one table that act by hand.
struct Bench {
    genesis: Genesis,
    ledger: Ledger,
    members: Vec<Member>,
}

struct Member {
    identity: Identity,
    secret: MemberSecret,
    seq: u64,
}

fn member(number: u64, invitation: &Invitation, role: SeatRole) -> (Member, Seating) {
    let identity = Identity::generate(&Seed::from_number(number), 0);
    let secret = MemberSecret::derive(&Seed::from_number(number).fork("dice"));
    let id = invitation.id();
    let dice_key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
    let seating = Seating::sign(&identity, id, format!("m{number}"), role, dice_key);
    (Member { identity, secret, seq: 0 }, seating)
}

fn invitation() -> Invitation {
    Invitation {
        host: Identity::generate(&Seed::from_number(0), 0).card().key,
        salt: [1; 16],
        name: "table".to_owned(),
        buy_in: Chips(1000),
        bank: Chips(10_000),
        rules: Rules::default(),
    }
}

impl Bench {
    fn new(members: u64) -> Bench {
        let invitation = invitation();
        let (members, seatings): (Vec<_>, Vec<_>) =
            (0..members).map(|n| member(n, &invitation, SeatRole::Player)).unzip();
        let genesis = Genesis { invitation, seatings };
        let ledger = Ledger::new(&genesis).unwrap();
        Bench { genesis, ledger, members }
    }

    fn table(&self) -> TableId {
        self.ledger.table()
    }

    fn op(&mut self, who: usize, action: Action) -> Entry {
        let table = self.table();
        let member = &mut self.members[who];
        member.seq += 1;
        Entry::Op(Op::sign(&member.identity, table, member.seq, action))
    }

    fn apply(&mut self, entries: Vec<Entry>) -> Result<Vec<Happened>, BatchError> {
        self.ledger.apply(&Batch(entries).encode())
    }

    fn deal(&mut self, who: usize, rolls: &[u64]) -> Entry {
        let (seat, _) = self.ledger.seat(self.members[who].identity.id()).unwrap();
        let deals = rolls
            .iter()
            .map(|roll| {
                self.ledger
                    .make_deal(seat, &self.members[who].secret, *roll, &Seed::from_number(1))
                    .unwrap()
            })
            .collect();
        let epoch = self.ledger.epoch_number();
        self.op(who, Action::Deal { epoch, deals })
    }

    fn share(&self, who: usize) -> Share {
        let (seat, _) = self.ledger.seat(self.members[who].identity.id()).unwrap();
        self.ledger.make_share(seat, &self.members[who].secret, &Seed::from_number(1)).unwrap()
    }

    /// A deal of the first member for a roll to come, as it could be on its way.
    fn deal_ahead(&mut self) -> Entry {
        let roll = self.ledger.roll() + 1;
        self.deal(0, &[roll])
    }

    fn open(&mut self) {
        let roll = self.ledger.roll();
        let dealers = self.ledger.threshold();
        let deals = (0..dealers).map(|who| self.deal(who, &[roll])).collect();
        self.apply(deals).unwrap();
        self.apply(vec![Entry::BetsOpen { roll }]).unwrap();
    }

    fn bet(&mut self, who: usize, wager: Wager, chips: u64) -> Result<Vec<Happened>, BatchError> {
        let roll = self.ledger.roll();
        let entry = self.op(who, Action::Bet { roll, wager, chips: Chips(chips) });
        self.apply(vec![entry])
    }

    fn close(&mut self) {
        let roll = self.ledger.roll();
        let shooter = self.ledger.shooter().unwrap();
        let who = self.members.iter().position(|m| m.identity.id() == shooter).unwrap();
        let ready = self.op(who, Action::Ready { roll });
        self.apply(vec![ready, Entry::BetsClosed { roll }]).unwrap();
    }

    fn roll(&mut self) -> Vec<Happened> {
        let shares = (0..self.ledger.threshold()).map(|who| Entry::Share(self.share(who)));
        self.apply(shares.collect()).unwrap()
    }

    fn total(&self) -> u64 {
        let ledger = &self.ledger;
        let stacks: u64 = ledger.seats().map(|(_, s)| s.stack.0).sum();
        ledger.bank().0 + stacks + ledger.felt().total().0 + ledger.cashed_out().0
    }
}

#[test]
fn a_hundred_rolls_conserve_every_chip() {
    let mut bench = Bench::new(4);
    for round in 0..100 {
        bench.open();
        for who in 0..4 {
            let wager = [Wager::Pass, Wager::DontPass, Wager::Field, Wager::Come][who];
            // Refusals (a come bet without a point, no chips left) change nothing.
            let _ = bench.bet(who, wager, 5 + round % 7);
        }
        bench.close();
        let happened = bench.roll();
        assert!(matches!(happened[..], [Happened::Rolled(_)]), "{happened:?}");
        assert_eq!(bench.total(), bench.ledger.minted().0);
    }
    assert_eq!(bench.ledger.minted(), Chips(14_000));
    assert_eq!(bench.ledger.roll(), 100);
}

#[test]
fn any_threshold_of_shares_gives_the_same_roll() {
    let dice = |openers: [usize; 3]| {
        let mut bench = Bench::new(4);
        bench.open();
        bench.close();
        let shares = openers.iter().map(|who| Entry::Share(bench.share(*who))).collect();
        match &bench.apply(shares).unwrap()[..] {
            [Happened::Rolled(rolled)] => (rolled.dice, rolled.opened),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(dice([0, 1, 2]), dice([3, 2, 1]));
}

#[test]
fn a_refused_batch_changes_nothing_even_when_its_first_entries_were_fine() {
    let mut bench = Bench::new(4);
    bench.open();
    let before = (bench.ledger.log_hash(), bench.ledger.felt().total(), bench.ledger.height());
    let roll = bench.ledger.roll();
    let good = bench.op(0, Action::Bet { roll, wager: Wager::Pass, chips: Chips(10) });
    let bad = bench.op(1, Action::Bet { roll, wager: Wager::Pass, chips: Chips(5000) });
    assert_eq!(
        bench.apply(vec![good, bad]).unwrap_err(),
        BatchError::NotEnoughChips { have: Chips(1000), need: Chips(5000) }
    );
    let after = (bench.ledger.log_hash(), bench.ledger.felt().total(), bench.ledger.height());
    assert_eq!(before, after);
}

#[test]
fn an_op_counts_once_and_only_under_its_authors_signature() {
    let mut bench = Bench::new(4);
    bench.open();
    let roll = bench.ledger.roll();
    let bet = bench.op(0, Action::Bet { roll, wager: Wager::Pass, chips: Chips(10) });
    bench.apply(vec![bet.clone()]).unwrap();
    assert!(matches!(bench.apply(vec![bet.clone()]), Err(BatchError::Replayed { .. })));
    let Entry::Op(mut forged) = bet else { unreachable!() };
    forged.seq += 1;
    assert_eq!(bench.apply(vec![Entry::Op(forged)]).unwrap_err(), BatchError::BadSignature);
}

#[test]
fn bets_stand_only_between_open_and_closed() {
    let mut bench = Bench::new(4);
    let closed =
        BatchError::MayNotBet { why: "bets are closed for this roll; wait for the next one" };
    assert_eq!(bench.bet(0, Wager::Pass, 10).unwrap_err(), closed);
    bench.open();
    assert!(bench.bet(0, Wager::Pass, 10).is_ok());
    bench.close();
    assert_eq!(bench.ledger.phase(), Phase::Opening);
    assert_eq!(bench.bet(0, Wager::Field, 10).unwrap_err(), closed);
}

#[test]
fn bets_open_only_with_enough_deals_and_close_only_when_due() {
    let mut bench = Bench::new(4);
    let deals = (0..2).map(|who| bench.deal(who, &[0])).collect();
    bench.apply(deals).unwrap();
    assert!(!bench.ledger.open_due());
    assert!(bench.apply(vec![Entry::BetsOpen { roll: 0 }]).is_err());
    let third = bench.deal(2, &[0]);
    bench.apply(vec![third]).unwrap();
    bench.apply(vec![Entry::BetsOpen { roll: 0 }]).unwrap();
    assert_eq!(
        bench.apply(vec![Entry::BetsClosed { roll: 0 }]).unwrap_err(),
        BatchError::NotDue,
        "nobody is ready"
    );
}

#[test]
fn one_member_that_is_not_the_shooter_closes_nothing_but_f_plus_one_do() {
    let mut bench = Bench::new(4);
    bench.open();
    let shooter = bench.ledger.shooter().unwrap();
    let others: Vec<usize> =
        (0..4).filter(|who| bench.members[*who].identity.id() != shooter).collect();
    let first = bench.op(others[0], Action::Ready { roll: 0 });
    bench.apply(vec![first]).unwrap();
    assert!(!bench.ledger.close_due());
    let second = bench.op(others[1], Action::Ready { roll: 0 });
    bench.apply(vec![second]).unwrap();
    assert!(bench.ledger.close_due());
}

#[test]
fn a_forged_share_is_refused_and_the_roll_goes_on_without_it() {
    let mut bench = Bench::new(4);
    bench.open();
    bench.close();
    let mut forged = bench.share(0);
    forged.member = 1;
    assert!(bench.ledger.check_share(&forged).is_none());
    assert!(bench.apply(vec![Entry::Share(forged)]).is_err());
    assert!(matches!(bench.roll()[..], [Happened::Rolled(_)]));
}

#[test]
fn a_bet_the_house_could_not_pay_is_refused() {
    let mut bench = Bench::new(4);
    // The bank holds 10 000; a field bet can win three times its stake.
    bench.open();
    for who in 0..4 {
        assert!(bench.bet(who, Wager::Field, 800).is_ok());
    }
    let mut poor = Bench::new(4);
    poor.genesis.invitation.bank = Chips(1500);
    let (members, seatings): (Vec<_>, Vec<_>) =
        (0..4).map(|n| member(n, &poor.genesis.invitation, SeatRole::Player)).unzip();
    poor.genesis.seatings = seatings;
    poor.members = members;
    poor.ledger = Ledger::new(&poor.genesis).unwrap();
    poor.open();
    assert!(matches!(poor.bet(0, Wager::Field, 1000), Err(BatchError::BankTooSmall { .. })));
}

#[test]
fn a_bet_that_is_not_allowed_is_refused_with_a_sentence_and_changes_nothing() {
    let mut invitation = invitation();
    invitation.rules =
        Rules { min: Chips(5), max: Chips(500), side_max: Chips(5), ..invitation.rules };
    let role = |n| if n == 3 { SeatRole::Witness } else { SeatRole::Player };
    let (members, seatings): (Vec<_>, Vec<_>) =
        (0..4).map(|n| member(n, &invitation, role(n))).unzip();
    let genesis = Genesis { invitation, seatings };
    let ledger = Ledger::new(&genesis).unwrap();
    let mut bench = Bench { genesis, ledger, members };
    let (stranger, _) = member(9, &bench.genesis.invitation, SeatRole::Player);
    let nobody = stranger.identity.id();
    bench.members.push(stranger);
    let refused = |bench: &mut Bench, who: usize, wager, chips, sentence: &str| {
        let before = (bench.ledger.log_hash(), bench.total(), bench.ledger.felt().clone());
        let why = bench.bet(who, wager, chips).unwrap_err().to_string();
        assert_eq!(why, sentence, "{wager} {chips}");
        assert_eq!(before, (bench.ledger.log_hash(), bench.total(), bench.ledger.felt().clone()));
    };
    refused(&mut bench, 0, Wager::Pass, 10, "bets are closed for this roll; wait for the next one");
    bench.open();
    let witness = "a witness votes and never bets; sit down as a player to bet";
    for (who, wager, chips, sentence) in [
        (0, Wager::Come, 10, "come needs a point; wait until the come-out roll has set one"),
        (0, Wager::Pass, 0, "a bet is at least one chip"),
        (0, Wager::Pass, 4, "at least 5 chips must lie on pass; bet more at once"),
        (0, Wager::Pass, 501, "at most 500 chips may lie on pass, and 0 lie there already"),
        (0, Wager::Fire, 6, "at most 5 chips may lie on fire, and 0 lie there already"),
        (0, Wager::Pass, 1001, "1000 chips are at hand, 1001 are needed"),
        (0, Wager::CrapsTwo, 400, "the house holds 10000 and could have to pay 12000"),
        (3, Wager::Pass, 10, witness),
        (4, Wager::Pass, 10, &*format!("{nobody} has no seat")),
    ] {
        refused(&mut bench, who, wager, chips, sentence);
    }
    bench.bet(0, Wager::Pass, 10).unwrap();
    let shooter = bench.ledger.shooter().unwrap();
    let other = (0..3).find(|who| bench.members[*who].identity.id() != shooter).unwrap();
    let ready = bench.op(other, Action::Ready { roll: 0 });
    bench.apply(vec![ready]).unwrap();
    let ready = "this seat has no more bets for this roll; wait for the next one";
    refused(&mut bench, other, Wager::Pass, 10, ready);
    bench.close();
    refused(&mut bench, 0, Wager::Pass, 10, "bets are closed for this roll; wait for the next one");
}

#[test]
fn a_table_by_unsound_rules_does_not_exist() {
    let mut invitation = invitation();
    invitation.rules.min = Chips(0);
    let (_, seatings): (Vec<_>, Vec<_>) =
        (0..4).map(|n| member(n, &invitation, SeatRole::Player)).unzip();
    assert!(Ledger::new(&Genesis { invitation, seatings }).is_none());
}

#[test]
fn members_come_and_go_between_rolls_and_take_their_chips_back() {
    let mut bench = Bench::new(4);
    bench.open();
    bench.bet(1, Wager::DontPass, 10).unwrap();
    let (newcomer, seating) = member(9, &bench.genesis.invitation, SeatRole::Player);
    bench.members.push(newcomer);
    let join = bench.op(4, Action::Join(Box::new(seating)));
    bench.apply(vec![join]).unwrap();
    assert_eq!(bench.ledger.seats().count(), 4, "a roll is on");
    bench.close();
    let happened = bench.roll();
    assert!(matches!(happened[..], [Happened::Rolled(_), Happened::MembersChanged]));
    assert_eq!(bench.ledger.seats().count(), 5);
    assert_eq!(bench.ledger.epoch_number(), 2);

    let leave = bench.op(0, Action::Leave);
    bench.apply(vec![leave]).unwrap();
    assert_eq!(bench.ledger.seats().count(), 4);
    assert_eq!(bench.ledger.cashed_out(), Chips(1000));
    assert_eq!(bench.total(), bench.ledger.minted().0);

    let back = bench.genesis.seatings[0].clone();
    let join = bench.op(0, Action::Join(Box::new(back)));
    bench.apply(vec![join]).unwrap();
    assert_eq!(bench.ledger.seats().count(), 5);
    assert_eq!(bench.ledger.minted(), Chips(15_000), "no second buy-in for a full purse");
}

#[test]
fn a_newcomer_need_not_wait_for_a_roll_that_nobody_has_bet_on() {
    let mut bench = Bench::new(4);
    bench.open();
    let stale = bench.deal_ahead();
    let (newcomer, seating) = member(9, &bench.genesis.invitation, SeatRole::Player);
    bench.members.push(newcomer);
    let join = bench.op(4, Action::Join(Box::new(seating)));
    let happened = bench.apply(vec![join]).unwrap();
    assert!(matches!(happened[..], [Happened::MembersChanged]), "{happened:?}");
    assert_eq!((bench.ledger.phase(), bench.ledger.roll()), (Phase::Dealing, 0));
    assert_eq!(bench.ledger.seats().count(), 5);
    // What was dealt for the smaller table is void: the same roll is dealt for again.
    assert!(bench.apply(vec![stale]).is_err());
    assert!(!bench.ledger.open_due());
    bench.open();
    bench.close();
    assert!(matches!(bench.roll()[..], [Happened::Rolled(_)]));
}

#[test]
fn a_genesis_without_everybodys_consent_is_no_table() {
    let bench = Bench::new(4);
    let mut unsigned = bench.genesis.clone();
    unsigned.seatings[2].name = "someone else".to_owned();
    assert!(Ledger::new(&unsigned).is_none());
    let mut few = bench.genesis.clone();
    few.seatings.truncate(3);
    assert!(Ledger::new(&few).is_none());
    let mut twice = bench.genesis.clone();
    twice.seatings.push(twice.seatings[0].clone());
    assert!(Ledger::new(&twice).is_none());
}

#[test]
fn bytes_that_are_no_batch_are_refused() {
    let mut bench = Bench::new(4);
    for bytes in [&[][..], &[0], &[1], &[0xff; 64], &[0; 70_000]] {
        assert_eq!(bench.ledger.apply(bytes).unwrap_err(), BatchError::Malformed);
    }
}

#[test]
fn a_second_identity_with_a_dice_key_that_is_taken_gets_no_seat_and_stops_nothing() {
    let mut bench = Bench::new(4);
    bench.open();
    bench.bet(1, Wager::DontPass, 10).unwrap();
    let (newcomer, honest) = member(9, &bench.genesis.invitation, SeatRole::Player);
    let id = bench.genesis.invitation.id();
    let key = newcomer.identity.card().key;
    let taken = bench.members[0].secret.register(&id.0, KEY_EPOCH, &key);
    let (name, role) = (honest.name.clone(), honest.role);
    let twin = Seating::sign(&newcomer.identity, id, name, role, taken);
    bench.members.push(newcomer);
    let join = bench.op(4, Action::Join(Box::new(twin)));
    assert!(matches!(bench.apply(vec![join]), Err(BatchError::Dice(_))));
    bench.close();
    assert!(matches!(bench.roll()[..], [Happened::Rolled(_)]));
}

//! What the log takes and refuses of deals and shares, and who is named for it.

use super::{Bench, member};
use bitcraps_core::{
    craps::Wager,
    crypto::dice::Fault,
    game::{
        BatchError, Happened, Phase, SeatRole,
        message::{Action, Entry},
    },
};

#[test]
fn any_three_of_four_open_the_same_roll_and_two_open_none() {
    let opened = |openers: &[usize]| {
        let mut bench = Bench::new(4);
        bench.open();
        bench.close();
        let shares = openers.iter().map(|who| Entry::Share(bench.share(*who))).collect();
        match bench.apply(shares).unwrap().pop() {
            Some(Happened::Rolled(rolled)) => Some((rolled.dice, rolled.opened)),
            _ => None,
        }
    };
    let all = opened(&[0, 1, 2]);
    assert!(all.is_some());
    for three in [[0, 1, 3], [0, 2, 3], [1, 2, 3], [3, 2, 1]] {
        assert_eq!(opened(&three), all);
    }
    assert_eq!(opened(&[0, 3]), None);
}

#[test]
fn a_bad_deal_is_refused_in_its_dealers_name() {
    let mut bench = Bench::new(4);
    let Entry::Op(op) = bench.deal(2, &[0, 1]) else { unreachable!() };
    let Action::Deal { epoch, mut deals } = op.action else { unreachable!() };
    deals[1].shares.swap(0, 1);
    let bad = bench.op(2, Action::Deal { epoch, deals: deals.clone() });
    let dealer = deals[1].dealer;
    let fault = BatchError::Dice(Fault::BadDeal { roll: 1, dealer });
    assert_eq!(bench.apply(vec![bad]).unwrap_err(), fault);
    let (seat, _) = bench.ledger.seat(bench.members[2].identity.id()).unwrap();
    assert_eq!(bench.ledger.deals_in_stock(seat), 0, "nor is the good one beside it taken");
    // Somebody else's good deal is not the sender's.
    let Entry::Op(op) = bench.deal(1, &[0]) else { unreachable!() };
    let carried = bench.op(0, op.action);
    assert_eq!(bench.apply(vec![carried]).unwrap_err(), BatchError::Malformed);
    bench.open();
}

#[test]
fn deals_are_frozen_before_the_first_bet_and_shares_come_after_the_last() {
    let mut bench = Bench::new(4);
    assert!(bench.bet(0, Wager::Pass, 10).is_err(), "no bet before the freeze");
    bench.open();
    let late = bench.deal(3, &[0]);
    let frozen = BatchError::Dice(Fault::OutOfOrder { roll: 0, next: 0 });
    assert_eq!(bench.apply(vec![late.clone()]).unwrap_err(), frozen);
    bench.bet(0, Wager::Pass, 10).unwrap();

    // The same table one step ahead, as a liar could have it: its shares are good ones.
    let (ahead, members) = (bench.ledger.clone(), std::mem::take(&mut bench.members));
    let mut other = Bench { genesis: bench.genesis.clone(), ledger: ahead, members };
    other.close();
    let shares: Vec<Entry> = (0..3).map(|who| Entry::Share(other.share(who))).collect();
    let early = bench.apply(shares.clone()).unwrap_err();
    assert_eq!(early, BatchError::Dice(Fault::OutOfOrder { roll: 0, next: 0 }));
    assert_eq!(bench.ledger.phase(), Phase::Betting);

    assert_eq!(other.apply(vec![late]).unwrap_err(), frozen, "nor once the bets are closed");
    let happened = other.apply(shares).unwrap();
    let [Happened::Rolled(rolled)] = &happened[..] else { panic!("{happened:?}") };
    assert_eq!(rolled.dealers.len(), 3, "those that were frozen");
}

#[test]
fn when_members_change_all_stock_is_void_and_the_same_rolls_are_dealt_anew() {
    let mut bench = Bench::new(4);
    for who in 0..4 {
        let ahead = bench.deal(who, &[0, 1, 2, 3]);
        bench.apply(vec![ahead]).unwrap();
    }
    let stock = |bench: &Bench| -> Vec<usize> {
        bench.ledger.seats().map(|(seat, _)| bench.ledger.deals_in_stock(seat)).collect()
    };
    assert_eq!(stock(&bench), [4; 4]);
    let (newcomer, seating) = member(9, &bench.genesis.invitation, SeatRole::Player);
    let Entry::Op(old) = bench.deal(0, &[4]) else { unreachable!() };
    bench.members.push(newcomer);
    let join = bench.op(4, Action::Join(Box::new(seating)));
    bench.apply(vec![join]).unwrap();
    assert_eq!(stock(&bench), [0; 5]);
    assert!(!bench.ledger.open_due());
    // The older deal, as it was signed and under the new epoch's number.
    let Action::Deal { epoch, deals } = old.action.clone() else { unreachable!() };
    assert_eq!(bench.apply(vec![Entry::Op(old)]).unwrap_err(), BatchError::NotDue);
    let dealer = deals[0].dealer;
    let relabelled = bench.op(0, Action::Deal { epoch: epoch + 1, deals });
    let fault = BatchError::Dice(Fault::BadDeal { roll: 4, dealer });
    assert_eq!(bench.apply(vec![relabelled]).unwrap_err(), fault);
    bench.open();
    bench.close();
    assert!(matches!(bench.roll()[..], [Happened::Rolled(_)]));
}

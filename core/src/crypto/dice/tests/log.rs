//! The order of the log: what is refused when, and that refusing changes nothing.

use super::*;

#[test]
fn the_order_of_the_log_is_kept() {
    let (table, secrets) = table(4, 3);
    let mut ledger = Ledger::new(0);
    let deal = |i, roll| deal_of(&table, &secrets, i, roll);
    let open = |roll| Entry::BetsOpen { roll };
    let close = |roll| Entry::BetsClosed { roll };
    let early = |roll| Err(Fault::OutOfOrder { roll, next: 0 });
    let mut apply = |entry: Entry<'_>| ledger.apply(&table, entry);

    assert_eq!(apply(open(0)), Err(Fault::TooFew { have: 0, need: 3 }));
    assert_eq!(apply(Entry::Deal(&deal(0, 0))), Ok(None));
    let repeated = Err(Fault::RepeatedDeal { roll: 0, dealer: 0 });
    assert_eq!(apply(Entry::Deal(&deal(0, 0))), repeated);
    assert_eq!(apply(Entry::Deal(&deal(1, 0))), Ok(None));
    assert_eq!(apply(open(0)), Err(Fault::TooFew { have: 2, need: 3 }));
    assert_eq!(apply(Entry::Deal(&deal(2, 0))), Ok(None));
    assert_eq!(apply(close(0)), early(0), "nothing is open");
    assert_eq!(apply(open(1)), early(1), "rolls in order");
    assert_eq!(apply(open(0)), Ok(None));
    assert_eq!(apply(open(0)), early(0), "opened once");
    assert_eq!(apply(Entry::Deal(&deal(3, 0))), early(0), "the deals are frozen");
    for i in 0..3 {
        assert_eq!(apply(Entry::Deal(&deal(i, 1))), Ok(None), "later rolls go on dealing");
    }
    assert_eq!(apply(close(1)), early(1));
    assert!(ledger.to_open().is_none(), "nothing to open while bets run");
    assert_eq!((ledger.phase(), ledger.stock_of(0)), (RollPhase::Betting, 1));
    assert_eq!(ledger.apply(&table, close(0)), Ok(None));
    let pot = ledger.to_open().unwrap().clone();
    let share = |i| share_of(&table, &secrets, i, &pot);
    let mut apply = |entry: Entry<'_>| ledger.apply(&table, entry);
    assert_eq!(apply(close(0)), early(0), "closed once");
    assert_eq!(apply(Entry::Share(&Share { roll: 1, ..share(3) })), early(1));
    assert_eq!(apply(Entry::Share(&share(3))), Ok(None));
    let repeated = Err(Fault::RepeatedShare { roll: 0, member: 3 });
    assert_eq!(apply(Entry::Share(&share(3))), repeated);
    assert_eq!(apply(Entry::Share(&share(0))), Ok(None));
    let roll = apply(Entry::Share(&share(1))).unwrap().unwrap();
    assert_eq!(
        (roll.roll, &roll.dealers[..], &roll.openers[..]),
        (0, &[0, 1, 2][..], &[0, 1, 3][..])
    );
    let done = |roll| Err(Fault::OutOfOrder { roll, next: 1 });
    assert_eq!(apply(Entry::Share(&share(2))), done(0));
    assert_eq!(apply(Entry::Deal(&deal(3, 0))), done(0));
    assert_eq!(apply(open(1)), Ok(None));
    assert_eq!((ledger.next(), ledger.dealers(1)), (1, vec![0, 1, 2]));
}

#[test]
fn the_stock_is_full_at_its_limit_and_moves_on_with_the_rolls() {
    let (table, secrets) = table(4, 3);
    let mut ledger = Ledger::new(5);
    let fill = |ledger: &mut Ledger, roll| {
        ledger.apply(&table, Entry::Deal(&deal_of(&table, &secrets, 0, roll)))
    };
    let refused = |roll| Err(Fault::OutOfOrder { roll, next: 5 });
    assert_eq!(fill(&mut ledger, 4), refused(4));
    for roll in 5..5 + ROLLS_AHEAD_MAX {
        assert_eq!(fill(&mut ledger, roll), Ok(None));
    }
    for roll in [5 + ROLLS_AHEAD_MAX, u64::MAX] {
        assert_eq!(fill(&mut ledger, roll), refused(roll));
    }
    assert_eq!(ledger.stock_of(0), ROLLS_AHEAD_MAX as usize);
    let mut last = Ledger::new(u64::MAX);
    assert_eq!(fill(&mut last, u64::MAX), Ok(None), "no overflow at the end of time");
}

/// One check for all deals of a batch. One bad deal spoils it, and is the one that is named.
#[test]
fn of_several_deals_all_are_taken_or_none_and_the_bad_one_is_named() {
    let (table, secrets) = table(4, 3);
    for bad in 0..4u64 {
        let mut deals: Vec<Deal> = (0..4).map(|roll| deal_of(&table, &secrets, 1, roll)).collect();
        let mut ledger = Ledger::new(0);
        assert_eq!(ledger.clone().apply_deals(&table, &deals), Ok(()));
        let it = &mut deals[bad as usize];
        it.shares[3] = shifted(&it.shares[3], &Scalar::ONE);
        let fault = Fault::BadDeal { roll: bad, dealer: 1 };
        assert_eq!(ledger.apply_deals(&table, &deals), Err(fault));
        assert_eq!(ledger.stock_of(1), 0);
    }
}

/// A deal that comes after the bets were opened could be chosen by who has seen them, so it is
/// refused, and what is opened is the sum as it was frozen, whoever is here by then.
#[test]
fn what_was_frozen_is_what_is_opened_whoever_dealt_late() {
    let (table, secrets) = table(4, 3);
    let expected = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let mut ledger = Ledger::new(0);
    for i in 0..3 {
        ledger.apply(&table, Entry::Deal(&deal_of(&table, &secrets, i, 0))).unwrap();
    }
    let late = deal_of(&table, &secrets, 3, 0);
    let refused = Err(Fault::OutOfOrder { roll: 0, next: 0 });
    ledger.apply(&table, Entry::BetsOpen { roll: 0 }).unwrap();
    assert_eq!(ledger.apply(&table, Entry::Deal(&late)), refused);
    ledger.apply(&table, Entry::BetsClosed { roll: 0 }).unwrap();
    assert_eq!(ledger.apply(&table, Entry::Deal(&late)), refused);
    assert_eq!(ledger.dealers(0), [0, 1, 2]);
    // The one that dealt too late opens all the same; one that dealt does not.
    let mut made = None;
    for i in [3, 1, 2] {
        let share = share_of(&table, &secrets, i, &expected);
        made = ledger.apply(&table, Entry::Share(&share)).unwrap();
    }
    assert_eq!(made.unwrap().openers, [1, 2, 3]);
}

/// No share counts before the bets are closed, even the best one: whoever has t of them early
/// knows the dice while others bet.
#[test]
fn shares_before_the_closing_are_refused() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let share = share_of(&table, &secrets, 3, &pot);
    let mut ledger = Ledger::new(0);
    let early = Fault::OutOfOrder { roll: 0, next: 0 };
    let refuses = |ledger: &mut Ledger| {
        assert_eq!(ledger.apply(&table, Entry::Share(&share)), Err(early));
        assert_eq!(ledger.check_share(&table, &share), Err(early));
        assert!(ledger.to_open().is_none());
    };
    refuses(&mut ledger);
    for i in 0..3 {
        ledger.apply(&table, Entry::Deal(&deal_of(&table, &secrets, i, 0))).unwrap();
    }
    refuses(&mut ledger);
    ledger.apply(&table, Entry::BetsOpen { roll: 0 }).unwrap();
    refuses(&mut ledger);
    ledger.apply(&table, Entry::BetsClosed { roll: 0 }).unwrap();
    assert_eq!(ledger.check_share(&table, &share), Ok(()));
    assert_eq!(ledger.apply(&table, Entry::Share(&share)), Ok(None));
}

/// Good and bad entries at any time: what is refused leaves the state as it was, to the last bit.
#[test]
fn whatever_is_refused_changes_nothing() {
    let (table, secrets) = table(4, 3);
    let (log, _) = play(&table, &secrets, 2, &[0, 1, 2, 3]);
    let mut rng = Seed::from_number(1).rng();
    let (mut ledger, mut refused) = (Ledger::new(0), 0);
    for next in &log {
        for _ in 0..8 {
            let mut entry = log[rng.below(log.len() as u64) as usize].clone();
            let spoilt = rng.chance(0.3);
            match &mut entry {
                Owned::Deal(deal) if spoilt => deal.proof.z[3] ^= 1,
                Owned::Share(share) if spoilt => {
                    share.value = shifted(&share.value, &Scalar::ONE);
                }
                Owned::Deal(_) | Owned::Share(_) | Owned::Open(_) | Owned::Close(_) => {}
            }
            let mut trial = ledger.clone();
            if trial.apply(&table, entry.entry()).is_err() {
                refused += 1;
                assert_eq!(format!("{trial:?}"), format!("{ledger:?}"));
            }
        }
        assert!(ledger.apply(&table, next.entry()).is_ok());
    }
    assert!(refused > 50, "{refused}");
}

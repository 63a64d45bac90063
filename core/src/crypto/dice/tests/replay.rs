//! Messages that were good once, somewhere else.

use super::*;

#[test]
fn nothing_is_valid_at_another_table_epoch_member_list_or_threshold() {
    let (ours, secrets) = table(4, 3);
    let deal = deal_of(&ours, &secrets, 0, 0);
    let pot = pot_of(&ours, &secrets, &[0, 1], 0);
    let share = share_of(&ours, &secrets, 1, &pot);
    let params = |t| Params::new(4, t).unwrap();
    let mut swapped = keys(4);
    swapped.swap(2, 3);
    let mut replaced = keys(5);
    replaced.swap_remove(3);
    for other in [
        DiceTable::new(params(3), &[9; 32], 1, &keys(4)).unwrap(),
        DiceTable::new(params(3), &TABLE, 2, &keys(4)).unwrap(),
        DiceTable::new(params(3), &TABLE, 1, &swapped).unwrap(),
        DiceTable::new(params(3), &TABLE, 1, &replaced).unwrap(),
        DiceTable::new(params(2), &TABLE, 1, &keys(4)).unwrap(),
        DiceTable::new(Params::new(5, 4).unwrap(), &TABLE, 1, &keys(5)).unwrap(),
    ] {
        assert_ne!(other.context(), ours.context());
        assert_eq!(other.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
        let theirs = pot_of(&other, &secrets, &[0, 1], 0);
        assert_eq!(other.verify_share(&theirs, &share).unwrap_err(), bad_share(&share));
    }
}

/// One key serves all epochs of a table, so this must not matter: the same member deals for the
/// same roll of a later epoch from the same entropy.
#[test]
fn the_next_epoch_deals_something_else_for_the_same_roll() {
    let (old, secrets) = table(4, 3);
    let new = DiceTable::new(old.params(), &TABLE, 2, &keys(4)).unwrap();
    for i in 0..4 {
        let (a, b) = (deal_of(&old, &secrets, i, 7), deal_of(&new, &secrets, i, 7));
        assert_ne!(a.ephemeral, b.ephemeral);
        assert!(a.shares.iter().all(|share| !b.shares.contains(share)));
    }
    let opened = |table: &DiceTable| {
        let pot = pot_of(table, &secrets, &[0, 1, 2], 7);
        let share = |i| table.verify_share(&pot, &share_of(table, &secrets, i, &pot)).unwrap();
        table.combine(&[share(0), share(1), share(2)]).unwrap()
    };
    assert_ne!(opened(&old), opened(&new));
}

/// A host can make two tables of one invitation; their members have the same dice keys at both.
#[test]
fn what_is_opened_at_one_table_of_an_invitation_says_nothing_about_the_other() {
    let (ours, secrets) = table(4, 3);
    let theirs = DiceTable::new(ours.params(), &[9; 32], 1, &keys(4)).unwrap();
    let honest = deal_of(&ours, &secrets, 0, 0);
    // A liar carries the honest deal over, under its own name or the dealer's.
    for dealer in 0..4 {
        let carried = Deal { dealer, ..honest.clone() };
        assert_eq!(theirs.verify_deal(&carried).unwrap_err(), bad_deal(&carried));
        let mut ledger = Ledger::new(0);
        assert_eq!(ledger.apply(&theirs, Entry::Deal(&carried)), Err(bad_deal(&carried)));
        assert!(ledger.dealers(0).is_empty());
    }
}

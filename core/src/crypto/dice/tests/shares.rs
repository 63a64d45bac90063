//! Openers that lie, forge each other's shares, or open too little.

use super::*;

#[test]
fn a_wrong_share_is_named_and_harms_nothing() {
    let (table, secrets) = table(7, 5);
    let all: Vec<usize> = (0..7).collect();
    let (mut log, _) = play(&table, &secrets, 2, &all);
    let place = |roll| {
        let is_it = |e: &Owned| matches!(e, Owned::Share(s) if s.roll == roll && s.member == 3);
        log.iter().position(is_it).unwrap()
    };
    let (old, at) = (place(0), place(1));
    let Owned::Share(old) = log[old] else { panic!("found as a share") };
    log[at] = Owned::Share(Share { roll: 1, ..old });
    let bad = Fault::BadShare { roll: 1, member: 3 };
    assert_eq!(verify(&table, &log), Err((at, bad)));

    let mut ledger = Ledger::new(0);
    for entry in &log[..at] {
        ledger.apply(&table, entry.entry()).unwrap();
    }
    let pot = ledger.to_open().unwrap().clone();
    let forged = Share { member: 3, ..share_of(&table, &secrets, 5, &pot) };
    assert_eq!(ledger.apply(&table, Entry::Share(&forged)), Err(bad));
    assert!(!ledger.has_opened(3));
    let honest = share_of(&table, &secrets, 3, &pot);
    assert_eq!(ledger.apply(&table, Entry::Share(&honest)), Ok(None));
    assert!(ledger.has_opened(3));
}

/// A share forged in somebody's name is blamed, not the honest one that follows it.
#[test]
fn the_consequence_of_a_forgery_is_not_blamed() {
    let (table, secrets) = table(4, 3);
    let (mut log, _) = play(&table, &secrets, 1, &[0, 1, 2]);
    let at = log.len() - 2;
    let Owned::Share(mut forged) = log[at] else { panic!("the log ends with shares") };
    forged.proof.z[0] ^= 1;
    log.insert(at, Owned::Share(forged));
    assert_eq!(verify(&table, &log), Err((at, Fault::BadShare { roll: 0, member: 1 })));
}

/// Shares are checked as they arrive, before they stand in a batch. What is remembered of them
/// must not let a later one pass.
#[test]
fn a_share_that_was_checked_vouches_for_no_other() {
    let (table, secrets) = table(4, 3);
    let mut ledger = Ledger::new(0);
    for i in 0..3 {
        ledger.apply(&table, Entry::Deal(&deal_of(&table, &secrets, i, 0))).unwrap();
    }
    ledger.apply(&table, Entry::BetsOpen { roll: 0 }).unwrap();
    ledger.apply(&table, Entry::BetsClosed { roll: 0 }).unwrap();
    let pot = ledger.to_open().unwrap().clone();
    let honest = share_of(&table, &secrets, 1, &pot);
    let forged = Share { value: shifted(&honest.value, &random(1)), ..honest };
    assert_eq!(ledger.check_share(&table, &forged), Err(bad_share(&forged)));
    assert_eq!(ledger.check_share(&table, &honest), Ok(()));
    assert_eq!(ledger.check_share(&table, &forged), Err(bad_share(&forged)));
    assert_eq!(ledger.apply(&table, Entry::Share(&forged)), Err(bad_share(&forged)));
    assert_eq!(ledger.apply(&table, Entry::Share(&honest)), Ok(None));
}

/// The liar knows its key and takes the true nonce; only the value is another.
#[test]
fn a_value_changed_before_its_proof_is_made_is_refused() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let honest = share_of(&table, &secrets, 1, &pot);
    for by in [Scalar::ONE, -Scalar::ONE, random(5)] {
        let value = shifted(&honest.value, &by);
        let statement = share::share_proof(&pot, 1, &value);
        let base = &pot.stock.ephemeral;
        let proof = prove(&statement, &secrets[1].x, base, &random(6));
        let share = Share { value, proof, ..honest };
        assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
    }
}

/// A member has one value to give: its key fixes it. Only the proof can be made in many ways.
#[test]
fn two_openings_by_one_member_differ_in_their_proof_alone() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let open = |entropy| table.share(1, &secrets[1], &pot, &Seed::from_number(entropy)).unwrap();
    let (a, b) = (open(1), open(2));
    assert_ne!(a.proof, b.proof);
    assert_eq!(a.value, b.value);
    let swapped = Share { proof: Proof { z: b.proof.z, ..a.proof }, ..a };
    assert_eq!(table.verify_share(&pot, &swapped).unwrap_err(), bad_share(&swapped));
}

#[test]
fn a_share_of_another_roll_or_of_other_deals_is_refused() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 5);
    for other in [
        pot_of(&table, &secrets, &[0, 1, 2], 4),
        pot_of(&table, &secrets, &[0, 1, 3], 5),
        pot_of(&table, &secrets, &[0, 1, 2, 3], 5),
        pot_of(&table, &secrets, &[0, 1], 5),
    ] {
        let share = Share { roll: 5, ..share_of(&table, &secrets, 2, &other) };
        assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
    }
}

#[test]
fn shares_of_a_member_beyond_the_table_are_refused() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    for member in [4, 16, 255] {
        let share = Share { member, ..share_of(&table, &secrets, 3, &pot) };
        assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
    }
}

#[test]
fn a_share_counts_once_and_fewer_than_t_open_nothing() {
    let (table, secrets) = table(7, 5);
    let pot = pot_of(&table, &secrets, &[0, 1, 2, 3, 4], 0);
    let share = |i| table.verify_share(&pot, &share_of(&table, &secrets, i, &pot)).unwrap();
    let four = [share(0), share(1), share(2), share(3)];
    let repeated = [&four[..], &four[..], &four[..1]].concat();
    for too_few in [&[][..], &four[..1], &four, &repeated] {
        let members = too_few.len().min(4);
        let fault = Fault::TooFew { have: members, need: 5 };
        assert_eq!(table.combine(too_few), Err(fault));
    }
    let five = [&four[..], &[share(6)]].concat();
    let opened = table.combine(&five).unwrap();
    assert_eq!(table.combine(&[&repeated[..], &[share(6)]].concat()), Ok(opened));
}

#[test]
fn shares_of_two_sums_are_not_added_up() {
    let (table, secrets) = table(4, 2);
    let pots = [&[0, 1][..], &[0, 1, 2]].map(|dealers| pot_of(&table, &secrets, dealers, 0));
    let share = |at: usize, i: usize| {
        let share = share_of(&table, &secrets, i, &pots[at]);
        table.verify_share(&pots[at], &share).unwrap()
    };
    assert!(table.combine(&[share(0, 0), share(0, 1)]).is_ok());
    assert_eq!(table.combine(&[share(0, 0), share(1, 1)]), Err(Fault::MixedShares));
    assert_eq!(table.combine(&[share(0, 0), share(0, 1), share(1, 2)]), Err(Fault::MixedShares));
}

#[test]
fn another_members_secret_neither_deals_nor_opens() {
    let (table, secrets) = table(4, 3);
    let entropy = Seed::from_number(1);
    let pot = pot_of(&table, &secrets, &[0], 0);
    for me in [0, 4, 255] {
        let refused = Fault::NotThisMember { member: me };
        assert_eq!(table.deal(me, &secrets[1], 0, &entropy), Err(refused));
        assert_eq!(table.share(me, &secrets[1], &pot, &entropy), Err(refused));
    }
}

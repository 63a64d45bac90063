//! Proofs one by one and in heaps: nonces, challenges, weights, and what is hashed into them.

use super::*;

/// Openings of one member: the challenge and the response of each.
fn response(pot: &Pot, share: &Share) -> (Scalar, Scalar) {
    let statement = share::share_proof(pot, share.member, &share.value);
    let c = proof::challenge(&statement, &share.proof.r1, &share.proof.r2);
    (c, proof::scalar(&share.proof.z).unwrap())
}

/// What two responses to two challenges say about the key, if the nonce was the same.
fn extracted(a: (Scalar, Scalar), b: (Scalar, Scalar)) -> Scalar {
    (a.1 - b.1) * (a.0 - b.0).invert()
}

/// Why nonces matter: one that serves two openings is the end of the key.
#[test]
fn one_nonce_for_two_openings_gives_the_key_away() {
    let (table, secrets) = table(4, 3);
    let open = |roll| {
        let pot = pot_of(&table, &secrets, &[0, 1, 2], roll);
        let share = share_of(&table, &secrets, 1, &pot);
        let statement = share::share_proof(&pot, 1, &share.value);
        let proof = prove(&statement, &secrets[1].x, &pot.stock.ephemeral, &random(1));
        let share = Share { proof, ..share };
        assert!(table.verify_share(&pot, &share).is_ok(), "nobody can see it by one opening");
        response(&pot, &share)
    };
    assert_eq!(extracted(open(0), open(1)), secrets[1].x);
}

/// A tab or a machine that was put back to an earlier state draws the same entropy again and then
/// meets another roll, other dealers, another table.
#[test]
fn the_same_entropy_again_gives_another_nonce_for_another_statement() {
    let (first, secrets) = table(4, 3);
    let later = DiceTable::new(first.params(), &TABLE, 2, &keys(4)).unwrap();
    let pots = [
        (&first, pot_of(&first, &secrets, &[0, 1, 2], 0)),
        (&first, pot_of(&first, &secrets, &[0, 1, 2], 1)),
        (&first, pot_of(&first, &secrets, &[0, 1, 3], 0)),
        (&later, pot_of(&later, &secrets, &[0, 1, 2], 0)),
    ];
    let opened = pots.iter().map(|(table, pot)| (pot, share_of(table, &secrets, 1, pot)));
    let opened: Vec<_> = opened.collect();
    for (i, (pot, share)) in opened.iter().enumerate() {
        for (other, earlier) in &opened[..i] {
            assert_ne!(share.proof.r1, earlier.proof.r1);
            let guess = extracted(response(pot, share), response(other, earlier));
            assert_ne!(guess, secrets[1].x);
        }
    }
    let entropy = Seed::from_number(1);
    let deal = |table: &DiceTable, roll| table.deal(1, &secrets[1], roll, &entropy).unwrap();
    let deals = [deal(&first, 0), deal(&first, 1), deal(&later, 0)];
    for (i, deal) in deals.iter().enumerate() {
        for earlier in &deals[..i] {
            assert_ne!(deal.ephemeral, earlier.ephemeral);
            assert_ne!(deal.proof.r1, earlier.proof.r1);
        }
    }
}

/// The other way round: what is said twice is said in the same bytes, so saying it again after a
/// restart tells nobody anything, and no second deal for one roll can come about.
#[test]
fn the_same_statement_again_is_the_same_bytes() {
    let (table, secrets) = table(4, 3);
    assert_eq!(deal_of(&table, &secrets, 1, 0), deal_of(&table, &secrets, 1, 0));
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    assert_eq!(share_of(&table, &secrets, 1, &pot), share_of(&table, &secrets, 1, &pot));
}

/// Entropy that is known to others is no secret to lose: the key alone hides what comes of it.
#[test]
fn members_with_the_same_entropy_deal_and_open_differently() {
    let (table, secrets) = table(4, 3);
    let entropy = Seed::from_number(1);
    let deals: Vec<_> =
        (0..4).map(|i| table.deal(i, &secrets[usize::from(i)], 0, &entropy).unwrap()).collect();
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let shares: Vec<_> = (0..4).map(|i| share_of(&table, &secrets, i, &pot)).collect();
    for i in 0..4 {
        for j in 0..i {
            assert_ne!(deals[i].ephemeral, deals[j].ephemeral);
            assert_ne!(deals[i].proof.r1, deals[j].proof.r1);
            assert_ne!(shares[i].proof.r1, shares[j].proof.r1);
        }
    }
}

/// A member that registered one key for two purposes used two nonces, or the key would be public.
#[test]
fn two_registrations_of_one_key_share_no_nonce() {
    let register = |binding, epoch, owner| secret(0).register(binding, epoch, &[owner; 32]);
    let all = [
        register(&INVITATION, 1, 0),
        register(&INVITATION, 2, 0),
        register(&INVITATION, 1, 1),
        register(&TABLE, 1, 0),
    ];
    for (i, a) in all.iter().enumerate() {
        assert_eq!(a.key, all[0].key);
        assert!(all[..i].iter().all(|b| a.r != b.r));
    }
}

fn holds_together(table: &DiceTable, pot: &Pot, shares: &[Share]) -> bool {
    let mut batch = table.batch();
    for share in shares {
        table.queue_share(pot, share, &mut batch).unwrap();
    }
    batch.holds()
}

/// The name of the first whose own check fails.
fn blamed(table: &DiceTable, pot: &Pot, shares: &[Share]) -> Option<Fault> {
    shares.iter().find_map(|share| table.verify_share(pot, share).err())
}

#[test]
fn two_wrong_shares_that_would_cancel_without_weights_do_not() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let mut shares = [0, 1].map(|i| share_of(&table, &secrets, i, &pot));
    assert!(holds_together(&table, &pot, &shares));
    // Both equations of the first are off by as much as those of the second, the other way.
    for (share, by) in shares.iter_mut().zip([random(1), -random(1)]) {
        share.proof.z = (proof::scalar(&share.proof.z).unwrap() + by).to_bytes();
    }
    assert!(!holds_together(&table, &pot, &shares));
    assert_eq!(blamed(&table, &pot, &shares), Some(bad_share(&shares[0])));
}

/// Two colluders who know the weights before they choose their responses pass two wrong values:
/// four errors, two of them free, and two sums that must vanish. Here the weights follow from the
/// responses, too.
#[test]
fn shares_fitted_to_the_weights_of_a_heap_move_them() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let base = &pot.stock.ephemeral;
    // Values that are off by u·D*, proven as well as can be: the second equation of each is off by
    // c·u·D*.
    let off = [random(1), random(2)];
    let mut shares = [0usize, 1].map(|i| {
        let honest = share_of(&table, &secrets, i, &pot);
        let value = encoded(point(&honest.value).unwrap() + off[i] * base);
        let statement = share::share_proof(&pot, i as u8, &value);
        let proof = prove(&statement, &secrets[i].x, base, &random(3 + i as u64));
        Share { value, proof, ..honest }
    });
    let mut batch = table.batch();
    shares.iter().for_each(|share| {
        table.queue_share(&pot, share, &mut batch).unwrap();
    });
    let mut weights = batch.weights();
    let w: [Scalar; 4] = [(); 4].map(|()| proof::weight(&mut weights));
    let error = [0, 1].map(|i| response(&pot, &shares[i]).0 * off[i]);
    // w0·x + w2·y = 0 and w1·(x + error0) + w3·(y + error1) = 0.
    let ratio = w[0] * w[2].invert();
    let x = -(w[1] * error[0] + w[3] * error[1]) * (w[1] - w[3] * ratio).invert();
    let y = -ratio * x;
    for (share, by) in shares.iter_mut().zip([x, y]) {
        share.proof.z = (proof::scalar(&share.proof.z).unwrap() + by).to_bytes();
    }
    let on_g = w[0] * x + w[2] * y;
    let on_base = w[1] * (x + error[0]) + w[3] * (y + error[1]);
    assert_eq!((on_g, on_base), (Scalar::ZERO, Scalar::ZERO), "the older weights would be fooled");
    assert!(!holds_together(&table, &pot, &shares));
    assert_eq!(blamed(&table, &pot, &shares), Some(bad_share(&shares[0])));
}

/// No weight may serve two heaps that differ in anything, nor two equations of one heap.
#[test]
fn every_heap_and_every_equation_has_weights_of_its_own() {
    let (table, secrets) = table(4, 3);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let shares = [0, 1, 2].map(|i| share_of(&table, &secrets, i, &pot));
    let heaps: [&[usize]; 5] = [&[0], &[0, 1], &[1, 0], &[0, 1, 2], &[0, 0]];
    let mut seen: Vec<[u8; 32]> = Vec::new();
    for heap in heaps {
        let mut batch = table.batch();
        for i in heap {
            table.queue_share(&pot, &shares[*i], &mut batch).unwrap();
        }
        let mut weights = batch.weights();
        for _ in 0..batch.len() {
            let weight = proof::weight(&mut weights).to_bytes();
            assert!(weight[16..].iter().all(|byte| *byte == 0), "128 bits");
            assert!(!seen.contains(&weight));
            seen.push(weight);
        }
    }
}

/// A dealer need not know its polynomial, only the points: it can fit its deal to a share that was
/// made before, and to the deals of others. Only that the share's challenge covers the whole sum
/// keeps a wrong value out.
#[test]
fn a_deal_fitted_to_a_share_made_before_it_does_not_make_it_good() {
    let (table, secrets) = table(4, 3);
    let honest = [0, 2].map(|i| table.verify_deal(&deal_of(&table, &secrets, i, 0)).unwrap());
    let (d, x) = (random(60), secrets[1].x);
    let first = table.deal_exactly(1, 0, &d, &polynomial(3, 0), &random(61));
    let sum = |own: &Deal| {
        let own = table.verify_deal(own).unwrap();
        table.pot(&[honest[0].clone(), honest[1].clone(), own]).unwrap()
    };
    // A share of nothing in particular, and a challenge drawn for it.
    let (value, nonce) = (encoded(RistrettoPoint::mul_base(&random(1))), random(2));
    let (r1, r2) = (RistrettoPoint::mul_base(&nonce), RistrettoPoint::mul_base(&random(3)));
    let statement = share::share_proof(&sum(&first), 1, &value);
    let c = proof::challenge(&statement, &encoded(r1), &encoded(r2));
    let z = nonce + c * x;
    let base = sum(&first).stock.ephemeral;
    let wanted = point(&value).unwrap() + c.invert() * (z * base - r2);
    // The own deal takes up the difference, and the last share follows from the first three.
    let encrypted = wanted - honest[0].shares[1] - honest[1].shares[1];
    let keys: Vec<_> = table.points().collect();
    let mut plain = vec![
        RistrettoPoint::mul_base(&random(4)),
        encrypted - d * keys[1],
        RistrettoPoint::mul_base(&random(5)),
    ];
    let lagrange = |i: usize| -> Scalar {
        let others = (0..3).filter(|j| *j != i);
        others.map(|j| (at(3) - at(j)) * (at(i) - at(j)).invert()).product()
    };
    plain.push(weighted(&plain, &[lagrange(0), lagrange(1), lagrange(2)]));
    let shares = plain.iter().zip(&keys).map(|(p, key)| encoded(p + d * *key)).collect();
    let fitted = proven(&table, Deal { shares, ..first }, &d);
    let pot = sum(&fitted);
    let opened = honest[0].shares[1] + honest[1].shares[1] + point(&fitted.shares[1]).unwrap();
    assert_eq!(z * base, r2 + c * (opened - point(&value).unwrap()), "the older challenge");
    let proof = Proof { r1: encoded(r1), r2: encoded(r2), z: z.to_bytes() };
    let share = Share { roll: 0, member: 1, value, proof };
    assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
}

/// A heap of nothing holds: there is nothing wrong in it.
#[test]
fn an_empty_heap_holds() {
    let (table, _) = table(4, 3);
    assert!(table.batch().holds());
}

#[test]
fn fields_keep_their_bounds_in_what_is_hashed() {
    let digest = |fields: &[&[u8]]| {
        let head = Hash::new("bitcraps v1 dice test");
        fields.iter().fold(head, |hash, field| hash.put(field)).digest()
    };
    let spellings: [&[&[u8]]; 6] =
        [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[]];
    for (i, a) in spellings.iter().enumerate() {
        assert!(spellings[..i].iter().all(|b| digest(a) != digest(b)));
    }
    // A field that holds another's length and bytes is not two fields.
    let inner = [&1u64.to_le_bytes()[..], b"a", &1u64.to_le_bytes(), b"b"].concat();
    assert_ne!(digest(&[&inner]), digest(&[b"a", b"b"]));
}

/// Two uses under one context could be played against each other.
#[test]
fn every_use_of_the_hash_has_a_context_of_its_own() {
    let sources = [
        include_str!("../mod.rs"),
        include_str!("../deal.rs"),
        include_str!("../draw.rs"),
        include_str!("../keys.rs"),
        include_str!("../ledger.rs"),
        include_str!("../proof.rs"),
        include_str!("../share.rs"),
    ];
    let mut contexts = Vec::new();
    for source in sources {
        let quoted = source.split("\"bitcraps v1 ").skip(1);
        contexts.extend(quoted.filter_map(|rest| rest.split('"').next()));
    }
    assert!(contexts.len() >= 12, "{contexts:?}");
    for (i, context) in contexts.iter().enumerate() {
        assert!(context.starts_with("dice "), "{context}");
        assert!(!contexts[..i].contains(context), "{context} is used twice");
    }
}

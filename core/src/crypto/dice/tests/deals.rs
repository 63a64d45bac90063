//! Dealers that lie: about the polynomial, about what they know, about whose deal it is.

use super::*;

#[test]
fn a_deal_off_the_polynomial_is_caught_whoever_is_cheated() {
    let (table, _) = table(7, 5);
    let d = random(60);
    for victim in 0..7 {
        let mut deal = table.deal_exactly(2, 0, &d, &polynomial(5, 0), &random(61));
        deal.shares[victim] = shifted(&deal.shares[victim], &random(62));
        let deal = proven(&table, deal, &d);
        assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
    }
}

/// With too high a degree, different members would open different values.
#[test]
fn a_polynomial_of_any_higher_degree_is_caught() {
    for (n, t) in [(4, 2), (4, 3), (7, 5), (16, 11)] {
        let (table, _) = table(n, t);
        let deal =
            |terms| table.deal_exactly(1, 3, &random(60), &polynomial(terms, 0), &random(61));
        assert!(table.verify_deal(&deal(t)).is_ok());
        for terms in t + 1..=n {
            let deal = deal(terms);
            assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal), "{terms} of {t}");
        }
    }
}

/// The code word is drawn from the shares, so errors that weigh nothing under one word come under
/// another. A word that depended on less could be cheated by any dealer.
#[test]
fn errors_fitted_to_the_code_word_move_it() {
    let (table, _) = table(7, 5);
    let d = random(60);
    let honest = table.deal_exactly(2, 0, &d, &polynomial(5, 0), &random(61));
    let word = table.code_word(&table.deal_statement(&honest));
    let mut deal = honest.clone();
    deal.shares[0] = shifted(&deal.shares[0], &word[1]);
    deal.shares[1] = shifted(&deal.shares[1], &-word[0]);
    let sum = |deal: &Deal| {
        let points: Vec<_> = deal.shares.iter().map(|share| point(share).unwrap()).collect();
        weighted(&points, &word)
    };
    assert_eq!(sum(&deal), sum(&honest), "this word would not have noticed");
    let deal = proven(&table, deal, &d);
    assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
}

/// Whether both equations of the proof hold for a challenge and a code word drawn before.
fn holds_under(table: &DiceTable, deal: &Deal, c: &Scalar, word: &[Scalar]) -> bool {
    let proof = proof::decode(&deal.proof).unwrap();
    let shares: Vec<_> = deal.shares.iter().map(|share| point(share).unwrap()).collect();
    let (u, v) = (weighted(table.points(), word), weighted(&shares, word));
    RistrettoPoint::mul_base(&proof.z) == proof.r1 + c * point(&deal.ephemeral).unwrap()
        && proof.z * u == proof.r2 + c * v
}

fn challenge_of(table: &DiceTable, deal: &Deal) -> (Scalar, Vec<Scalar>) {
    let statement = table.deal_statement(deal);
    let hash = deal::deal_proof(&statement);
    let c = proof::challenge(&hash, &deal.proof.r1, &deal.proof.r2);
    (c, table.code_word(&statement))
}

/// Weak Fiat–Shamir: with a challenge that does not cover the shares, one is solved for a proof
/// that was made before it.
#[test]
fn a_share_solved_for_a_proof_made_before_it_is_caught() {
    let (table, _) = table(4, 3);
    let honest = table.deal_exactly(0, 0, &random(60), &polynomial(3, 0), &random(61));
    let (c, word) = challenge_of(&table, &honest);
    // What R2 lacks of the truth, one share makes up for: z·U = R2 + c·Σ w_i C_i.
    let lacks = random(64);
    let mut deal = honest.clone();
    deal.proof.r2 = shifted(&deal.proof.r2, &-lacks);
    deal.shares[0] = shifted(&deal.shares[0], &(lacks * (c * word[0]).invert()));
    assert!(holds_under(&table, &deal, &c, &word), "the older challenge is satisfied");
    assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
}

/// Without a proof of knowledge, the ephemeral key of an honest later deal put into today's sum
/// would turn today's opening into a decryption of that deal; a negated copy would cancel it.
#[test]
fn a_borrowed_copied_or_negated_deal_is_refused() {
    let (table, secrets) = table(4, 3);
    let honest = deal_of(&table, &secrets, 0, 9);
    let negated = |bytes: &[u8; 32]| encoded(-point(bytes).unwrap());
    let borrowed = Deal { ephemeral: honest.ephemeral, ..deal_of(&table, &secrets, 1, 8) };
    let cancelling = Deal {
        dealer: 1,
        ephemeral: negated(&honest.ephemeral),
        shares: honest.shares.iter().map(negated).collect(),
        ..honest.clone()
    };
    let renamed = Deal { dealer: 1, ..honest.clone() };
    let moved = Deal { roll: 10, ..honest.clone() };
    for deal in [borrowed, cancelling, renamed, moved] {
        assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
    }
    assert!(table.verify_deal(&honest).is_ok());
}

/// The encryption and the proof are linear, so a copy that is scaled, encrypted anew or shifted
/// satisfies the equations under the old challenge. Only that the challenge covers everything
/// keeps a liar from dealing what depends on another's secret.
#[test]
fn a_copy_changed_together_with_its_proof_is_refused() {
    let (table, secrets) = table(4, 3);
    let honest = deal_of(&table, &secrets, 0, 9);
    let (c, word) = challenge_of(&table, &honest);
    let by = random(80);
    let times = |bytes: &[u8; 32]| encoded(by * point(bytes).unwrap());
    let z = proof::scalar(&honest.proof.z).unwrap();
    let scaled = Deal {
        ephemeral: times(&honest.ephemeral),
        shares: honest.shares.iter().map(times).collect(),
        proof: Proof {
            r1: times(&honest.proof.r1),
            r2: times(&honest.proof.r2),
            z: (by * z).to_bytes(),
        },
        ..honest.clone()
    };
    let with_keys = honest.shares.iter().zip(table.points());
    let encrypted_anew = Deal {
        ephemeral: shifted(&honest.ephemeral, &by),
        shares: with_keys.map(|(c, e)| encoded(point(c).unwrap() + by * e)).collect(),
        proof: Proof { z: (z + c * by).to_bytes(), ..honest.proof },
        ..honest.clone()
    };
    let secret_shifted = Deal {
        shares: honest.shares.iter().map(|share| shifted(share, &by)).collect(),
        ..honest.clone()
    };
    for deal in [scaled, encrypted_anew, secret_shifted] {
        assert!(holds_under(&table, &deal, &c, &word), "the older challenge is satisfied");
        for dealer in [0, 1] {
            let deal = Deal { dealer, ..deal.clone() };
            assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
        }
    }
}

#[test]
fn two_deals_under_one_ephemeral_key_leak_and_are_refused() {
    let (table, _) = table(4, 3);
    let (p, q) = (polynomial(3, 0), polynomial(3, 10));
    let a = table.deal_exactly(0, 0, &random(70), &p, &random(71));
    let b = table.deal_exactly(0, 1, &random(70), &q, &random(72));
    let (va, vb) = (table.verify_deal(&a).unwrap(), table.verify_deal(&b).unwrap());
    let differences: Vec<_> = va.shares.iter().zip(&vb.shares).map(|(x, y)| x - y).collect();
    let leak = weighted(&differences[..3], &lagrange_at_zero(&[0, 1, 2]));
    assert_eq!(leak, RistrettoPoint::mul_base(&(p[0] - q[0])), "no key was needed for this");

    let mut ledger = Ledger::new(0);
    assert_eq!(ledger.apply(&table, Entry::Deal(&a)), Ok(None));
    let repeated = |deal: &Deal| Err(Fault::RepeatedDeal { roll: deal.roll, dealer: deal.dealer });
    assert_eq!(ledger.apply(&table, Entry::Deal(&b)), repeated(&b));
    let anothers = table.deal_exactly(1, 0, &random(70), &q, &random(72));
    assert!(table.verify_deal(&anothers).is_ok(), "two who share a secret can both prove it");
    assert_eq!(ledger.apply(&table, Entry::Deal(&anothers)), repeated(&anothers));
    for i in 1..4 {
        let deal = table.deal_exactly(i, 0, &random(73), &q, &random(72));
        let deal = Deal { dealer: i, ..deal };
        let own = table.deal_exactly(i, 0, &random(80 + u64::from(i)), &q, &random(72));
        assert_eq!(ledger.apply(&table, Entry::Deal(&own)), Ok(None));
        assert_eq!(ledger.apply(&table, Entry::Deal(&deal)), repeated(&deal), "one deal each");
    }
    assert_eq!(ledger.apply(&table, Entry::BetsOpen { roll: 0 }), Ok(None));
    assert_eq!(ledger.apply(&table, Entry::Deal(&b)), repeated(&b), "frozen deals count, too");
}

/// Nothing makes a dealer's secret a good one. It need not be: it is added to the others'.
#[test]
fn who_deals_nothing_or_the_same_to_all_moves_the_sum_by_that_and_no_more() {
    let (table, secrets) = table(4, 3);
    let zeros = |first: Scalar| vec![first, Scalar::ZERO, Scalar::ZERO];
    for (lazy, adds) in [(zeros(Scalar::ZERO), Scalar::ZERO), (zeros(random(9)), random(9))] {
        let honest = |i: u8| {
            let salt = 10 * u64::from(i);
            table.deal_exactly(i, 0, &random(200 + salt), &polynomial(3, salt), &random(300 + salt))
        };
        let lazy = table.deal_exactly(2, 0, &random(60), &lazy, &random(61));
        let deals: Vec<_> = [honest(0), honest(1), lazy]
            .iter()
            .map(|deal| table.verify_deal(deal).unwrap())
            .collect();
        let pot = table.pot(&deals).unwrap();
        let shares: Vec<_> = [0, 1, 3]
            .map(|i| table.verify_share(&pot, &share_of(&table, &secrets, i, &pot)).unwrap())
            .to_vec();
        let sum = polynomial(3, 0)[0] + polynomial(3, 10)[0] + adds;
        assert_eq!(table.combine(&shares), Ok(encoded(RistrettoPoint::mul_base(&sum))));
    }
}

/// A zero ephemeral secret would publish every share of the secret.
#[test]
fn a_deal_that_is_not_encrypted_is_refused() {
    let (table, _) = table(4, 3);
    let deal = table.deal_exactly(2, 0, &Scalar::ZERO, &polynomial(3, 0), &random(61));
    assert_eq!(deal.ephemeral, [0; 32], "the identity element");
    assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
}

#[test]
fn a_dealer_beyond_the_table_and_another_number_of_shares_are_refused() {
    let (table, secrets) = table(4, 3);
    let honest = deal_of(&table, &secrets, 3, 0);
    for dealer in [4, 16, 255] {
        let deal = Deal { dealer, ..honest.clone() };
        assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
    }
    // Its dealer proves it as well as it can: with some more it would otherwise succeed.
    let own = table.deal_exactly(2, 0, &random(60), &polynomial(3, 0), &random(61));
    for count in [0, 1, 3, 5, 16] {
        let mut deal = own.clone();
        deal.shares.resize(count, own.shares[0]);
        let deal = if count < 4 { deal } else { proven(&table, deal, &random(60)) };
        assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal), "{count} shares");
    }
}

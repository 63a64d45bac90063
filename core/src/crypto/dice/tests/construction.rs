//! Any t of n open one value, t − 1 nothing, and silence changes neither.

use super::*;

#[test]
fn any_t_shares_open_the_same_element_and_fewer_open_nothing() {
    for (n, t) in [(4, 2), (4, 3), (7, 3), (7, 5)] {
        let (table, secrets) = table(n, t);
        let deals: Vec<_> =
            (0..n).map(|i| table.verify_deal(&deal_of(&table, &secrets, i, 0)).unwrap()).collect();
        let pot = table.pot(&deals).unwrap();
        let shares: Vec<_> = (0..n)
            .map(|i| table.verify_share(&pot, &share_of(&table, &secrets, i, &pot)).unwrap())
            .collect();
        let mut seen = None;
        for mask in 0u32..1 << n {
            let some: Vec<_> = (0..n).filter(|i| mask >> i & 1 == 1).map(|i| shares[i]).collect();
            match table.combine(&some) {
                Ok(opened) => {
                    assert!(some.len() >= t);
                    assert_eq!(*seen.get_or_insert(opened), opened);
                }
                Err(fault) => {
                    assert!(some.len() < t);
                    assert_eq!(fault, Fault::TooFew { have: some.len(), need: t });
                }
            }
        }
    }
}

/// A deal, and another with the same t − 1 plain shares but another secret: what t − 1 colluders
/// see fits every secret. t of them do learn it, so the bound is sharp.
#[test]
fn t_minus_one_shares_fit_any_secret() {
    for (n, t) in [(4, 3), (7, 5), (10, 4), (16, 11)] {
        let (table, secrets) = table(n, t);
        let p = polynomial(t, 0);
        // q = p + k·∏ (x − a_i) over the coalition, of degree t − 1 as well.
        let mut bump = vec![random(99)];
        for i in 0..t - 1 {
            let mut next = vec![Scalar::ZERO; bump.len() + 1];
            for (k, b) in bump.iter().enumerate() {
                next[k + 1] += b;
                next[k] -= b * at(i);
            }
            bump = next;
        }
        let q: Vec<Scalar> = p.iter().zip(&bump).map(|(a, b)| a + b).collect();
        let open = |polynomial: &[Scalar]| {
            let deal = table.deal_exactly(0, 5, &random(50), polynomial, &random(51));
            let pot = table.pot(&[table.verify_deal(&deal).unwrap()]).unwrap();
            (0..n)
                .map(|i| table.verify_share(&pot, &share_of(&table, &secrets, i, &pot)).unwrap())
                .collect::<Vec<_>>()
        };
        let (a, b) = (open(&p), open(&q));
        assert!((0..t - 1).all(|i| a[i].value == b[i].value), "the coalition sees the same");
        assert_ne!(table.combine(&a), table.combine(&b), "the secrets differ");
        let opened = RistrettoPoint::mul_base(&p[0]).compress().to_bytes();
        assert_eq!(table.combine(&a[..t]), Ok(opened));
    }
}

#[test]
fn the_silent_change_nothing() {
    for n in [4, 7, 10, 16] {
        let f = (n - 1) / 3;
        let (table, secrets) = table(n, n - f);
        let all: Vec<usize> = (0..n).collect();
        let (log, a) = play(&table, &secrets, 2, &all);
        let (_, b) = play(&table, &secrets, 2, &all[f..]);
        let said = |rolls: &[Roll]| rolls.iter().map(|r| (r.dice, r.opened)).collect::<Vec<_>>();
        assert_eq!(said(&a), said(&b));
        assert_eq!(verify(&table, &log), Ok(a));
    }
}

#[test]
fn a_threshold_is_more_than_the_liars_and_at_most_the_honest() {
    for n in 0..=20usize {
        let f = n.saturating_sub(1) / 3;
        for t in 0..=n + 1 {
            let fair = (4..=16).contains(&n) && t > f && t <= n - f;
            assert_eq!(Params::new(n, t).is_ok(), fair, "{n} {t}");
        }
        assert_eq!(Params::recommended(n).is_ok(), (4..=16).contains(&n));
    }
    assert_eq!(Params::recommended(7).unwrap().threshold(), 5);
}

/// Golden: fixed secrets give these dice, on every machine.
#[test]
fn a_fixed_transcript_gives_its_dice() {
    let (table, secrets) = table(4, 3);
    let (log, rolls) = play(&table, &secrets, 8, &[3, 1, 0]);
    let dice: Vec<[u8; 2]> = rolls.iter().map(|roll| roll.dice).collect();
    assert_eq!(dice, [[3, 2], [5, 3], [5, 3], [3, 2], [1, 6], [2, 5], [5, 2], [6, 5]]);
    assert_eq!(verify(&table, &log), Ok(rolls));
    let wire: Vec<u8> = log
        .iter()
        .flat_map(|entry| match entry {
            Owned::Deal(deal) => postcard::to_allocvec(deal).unwrap(),
            Owned::Share(share) => postcard::to_allocvec(share).unwrap(),
            Owned::Open(_) | Owned::Close(_) => Vec::new(),
        })
        .collect();
    assert_eq!(
        blake3::hash(&wire).to_string(),
        "2bd5bc5b687ef83d45f2918bb0c836187063ba7c205cb81460100dd798db345e",
        "and these bytes"
    );
}

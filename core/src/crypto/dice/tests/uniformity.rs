//! That the dice are uniform: by counting, by statistics over many rolls, and for any one honest
//! secret among liars.
//!
//! Inputs are fixed, so each of these says the same on every run. A statistic of fair dice lies
//! outside its bounds two times in a thousand; that it can lie outside is shown with unfair dice.

use super::{draw::draw, *};

/// Bounds that a statistic of fair dice crosses once in a thousand on either side: of chi-square
/// with so many degrees of freedom (tables; the last by Wilson and Hilferty's approximation).
const DEGREES_5: (f64, f64) = (0.21, 20.52);
const DEGREES_10: (f64, f64) = (1.48, 29.59);
const DEGREES_35: (f64, f64) = (14.69, 66.62);
const DEGREES_1260: (f64, f64) = (1110.0, 1420.0);

/// Lags of the serial test.
const LAGS: usize = 5;

/// Counts of what was rolled.
struct Tally {
    rolls: u64,
    pairs: [u64; 36],
    /// Of a roll and the one that came so many rolls before.
    serial: Vec<[u64; 36 * 36]>,
    last: [usize; LAGS],
}

impl Tally {
    fn of(rolls: impl Iterator<Item = [u8; 2]>) -> Tally {
        let serial = vec![[0; 36 * 36]; LAGS];
        let mut tally = Tally { rolls: 0, pairs: [0; 36], serial, last: [0; LAGS] };
        for [a, b] in rolls {
            assert!((1..=6).contains(&a) && (1..=6).contains(&b));
            let pair = (usize::from(a) - 1) * 6 + usize::from(b) - 1;
            tally.pairs[pair] += 1;
            for (lag, before) in tally.last.iter().enumerate() {
                // The first rolls have nothing before them; zeros stand in, five of millions.
                tally.serial[lag][before * 36 + pair] += 1;
            }
            tally.last.rotate_right(1);
            tally.last[0] = pair;
            tally.rolls += 1;
        }
        tally
    }

    /// What is not as it should be.
    fn unfair(&self) -> Vec<String> {
        let mut unfair = Vec::new();
        let mut judge = |what: String, chi2: f64, (low, high): (f64, f64)| {
            if !(low..high).contains(&chi2) {
                unfair.push(format!("{what}: {chi2:.1} not in {low}..{high}"));
            }
        };
        let sum = |is_it: &dyn Fn(usize, usize) -> bool| -> u64 {
            let pairs = self.pairs.iter().enumerate();
            pairs.filter(|(at, _)| is_it(at / 6 + 1, at % 6 + 1)).map(|(_, n)| n).sum()
        };
        let even = |cells: &[u64]| {
            let share = self.rolls as f64 / cells.len() as f64;
            let cells: Vec<(u64, f64)> = cells.iter().map(|seen| (*seen, share)).collect();
            chi2(&cells)
        };
        let first: Vec<u64> = (1..=6).map(|face| sum(&|a, _| a == face)).collect();
        let second: Vec<u64> = (1..=6).map(|face| sum(&|_, b| b == face)).collect();
        judge("first die".to_owned(), even(&first), DEGREES_5);
        judge("second die".to_owned(), even(&second), DEGREES_5);
        let pairs = even(&self.pairs);
        judge("pairs".to_owned(), pairs, DEGREES_35);
        let totals: Vec<(u64, f64)> = (2..=12)
            .map(|total: usize| {
                let ways = (6 - total.abs_diff(7)) as f64;
                (sum(&|a, b| a + b == total), self.rolls as f64 * ways / 36.0)
            })
            .collect();
        judge("totals".to_owned(), chi2(&totals), DEGREES_10);
        for (lag, serial) in self.serial.iter().enumerate() {
            // Overlapping pairs: the difference is chi-square, the sum itself is not (I. J. Good,
            // "The serial test for sampling numbers and other tests for randomness", 1953).
            judge(format!("lag {}", lag + 1), even(serial) - pairs, DEGREES_1260);
        }
        unfair
    }
}

/// Pearson's, over cells as (seen, expected).
fn chi2(cells: &[(u64, f64)]) -> f64 {
    cells.iter().map(|(seen, expected)| (*seen as f64 - expected).powi(2) / expected).sum()
}

/// From the opened element on, which is all that the dice depend on.
#[test]
fn ten_million_rolls_are_uniform_and_without_memory() {
    let context = [5; 32];
    let rolls = (0..10_000_000u64).map(|i| {
        let mut opened = [0; 32];
        opened[..8].copy_from_slice(&i.to_le_bytes());
        draw(&context, i, &opened)
    });
    let tally = Tally::of(rolls);
    assert_eq!((tally.rolls, tally.unfair()), (10_000_000, Vec::new()));
}

/// As above, but the elements are those of one honest dealer among liars who know each other and
/// all else: theirs is a fixed sum, the honest secret is drawn anew for each roll.
#[test]
fn one_honest_secret_among_fixed_ones_makes_the_rolls_uniform() {
    let (table, _) = table(4, 3);
    let liars = RistrettoPoint::mul_base(&random(1));
    // Steps of a random element through the group: cheaper than a secret from a hash for each.
    let step = RistrettoPoint::mul_base(&random(2));
    let mut honest = RistrettoPoint::mul_base(&random(3));
    let mut rolls = Vec::new();
    for first in (0..500_000u64).step_by(500) {
        let half = Scalar::from(2u64).invert() * liars;
        let sums: Vec<RistrettoPoint> = (0..500)
            .map(|_| {
                honest += step;
                honest + half
            })
            .collect();
        // Doubled, because compressing many doubles them: 2·honest + liars.
        let opened = RistrettoPoint::double_and_compress_batch(&sums);
        let made = opened.iter().zip(first..).map(|(s, i)| draw(table.context(), i, &s.to_bytes()));
        rolls.extend(made);
    }
    let tally = Tally::of(rolls.into_iter());
    assert_eq!((tally.rolls, tally.unfair()), (500_000, Vec::new()));
}

/// What the two tests above lean on: for fixed deals of all others, whatever they are, the opened
/// element is the honest secret plus a constant, so it takes every value once.
#[test]
fn whatever_the_others_dealt_the_honest_secret_shifts_the_sum_by_itself() {
    for (n, t) in [(4, 3), (7, 5)] {
        let (table, secrets) = table(n, t);
        for others in 0..3u64 {
            // Zero, the same to all, anything.
            let of_liar = |i: u64| match others {
                0 => vec![Scalar::ZERO; t],
                1 => [vec![random(i)], vec![Scalar::ZERO; t - 1]].concat(),
                _ => polynomial(t, 1000 * i),
            };
            let opened = |honest: &[Scalar]| {
                let liar = |i: u64| {
                    let (d, nonce) = (random(10 + i), random(30 + i));
                    table.deal_exactly(i as u8, 0, &d, &of_liar(i), &nonce)
                };
                let mut deals: Vec<Deal> = (1..t as u64).map(liar).collect();
                deals.push(table.deal_exactly(0, 0, &random(50), honest, &random(51)));
                let deals: Vec<_> =
                    deals.iter().map(|deal| table.verify_deal(deal).unwrap()).collect();
                let pot = table.pot(&deals).unwrap();
                let share = |i: usize| {
                    table.verify_share(&pot, &share_of(&table, &secrets, i, &pot)).unwrap()
                };
                let shares: Vec<_> = (n - t..n).map(share).collect();
                point(&table.combine(&shares).unwrap()).unwrap()
            };
            let constant = opened(&vec![Scalar::ZERO; t]);
            for salt in 0..4 {
                let honest = polynomial(t, 7000 + 100 * salt);
                let shift = opened(&honest) - constant;
                assert_eq!(shift, RistrettoPoint::mul_base(&honest[0]));
            }
        }
    }
}

/// Deals, openings and all.
#[test]
fn rolls_through_the_whole_protocol_are_uniform() {
    let (table, secrets) = table(4, 3);
    let (_, rolls) = play(&table, &secrets, 360, &[0, 1, 2]);
    let mut seen = [0; 36];
    for roll in &rolls {
        let [a, b] = roll.dice;
        seen[(a as usize - 1) * 6 + b as usize - 1] += 1;
    }
    let chi2 = chi2(&seen.map(|n| (n, 10.0)));
    assert!((DEGREES_35.0..DEGREES_35.1).contains(&chi2), "{chi2}");
}

/// The checks can fail: of a hash, a remainder without rejection, faces that favour one in a
/// thousand, and rolls that repeat once in three hundred.
#[test]
fn unfair_dice_are_found_out() {
    const ROLLS: u64 = 1_000_000;
    let mut rng = Seed::from_number(1).rng();
    let mut bytes = || {
        let mut all = vec![0; ROLLS as usize * 2];
        rng.fill(&mut all);
        all
    };
    let fair = |byte: u8| byte % 252;
    let pair = |byte: u8| [byte % 36 / 6 + 1, byte % 6 + 1];
    let (a, b) = (bytes(), bytes());
    let named = |tally: &Tally, what: &str| tally.unfair().iter().any(|said| said.contains(what));

    let remainder = Tally::of(a.iter().map(|byte| pair(*byte)));
    assert!(named(&remainder, "pairs") && named(&remainder, "totals"));
    let favoured = a.iter().zip(&b).filter(|(a, _)| **a < 252).map(|(a, b)| match (pair(*a), b) {
        ([1, second], 0..=7) => [6, second],
        (pair, _) => pair,
    });
    let favoured = Tally::of(favoured);
    assert!(named(&favoured, "first die") && !named(&favoured, "second die"));
    let mut last = 0;
    let sticky = a.iter().zip(&b).filter(|(a, _)| **a < 252).map(|(a, b)| {
        if *b > 2 {
            last = fair(*a);
        }
        pair(last)
    });
    let sticky = Tally::of(sticky);
    assert!(named(&sticky, "lag 1") && !named(&sticky, "lag 2"), "{:?}", sticky.unfair());
}

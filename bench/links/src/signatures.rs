//! What signing and checking cost by themselves: one signature, and heaps of one or many authors.

use crate::relay::thread_time;
use anyhow::{Result, ensure};
use bitcraps_core::{
    crypto::{
        batch::{self, Claim},
        identity::{Identity, Signature, VerifiedCard},
    },
    seed::Seed,
};

const PURPOSE: &str = "bench signatures";
/// Signatures that a heap is made of; the shortest time of several counts, as nothing waits here.
const HEAPS: [usize; 4] = [1, 16, 64, 256];
const TRIES: usize = 9;

fn micros(count: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..TRIES {
        let started = thread_time();
        work()?;
        best = best.min((thread_time() - started).as_secs_f64() * 1e6 / count as f64);
    }
    Ok(best)
}

/// A name and microseconds for each.
pub fn costs() -> Result<Vec<(String, f64)>> {
    let authors: Vec<Identity> =
        (0..256).map(|number| Identity::generate(&Seed::from_number(number), 0)).collect();
    let cards: Result<Vec<VerifiedCard>, _> =
        authors.iter().map(|author| author.card().verify(0)).collect();
    let cards = cards?;
    let message = [7; 64];
    let mut costs = Vec::new();
    let signing = micros(256, || {
        authors.iter().for_each(|author| {
            std::hint::black_box(author.sign(PURPOSE, &message));
        });
        Ok(())
    });
    costs.push(("signing".to_owned(), signing?));
    let signed: Vec<Signature> = authors.iter().map(|a| a.sign(PURPOSE, &message)).collect();
    let strict = micros(256, || {
        for (card, signature) in cards.iter().zip(&signed) {
            card.verify(PURPOSE, &message, signature)?;
        }
        Ok(())
    });
    costs.push(("checking strictly, one by one".to_owned(), strict?));
    for heap in HEAPS {
        let many: Vec<Claim> =
            (0..heap).map(|at| cards[at].claim(PURPOSE, &message, &signed[at])).collect();
        let one: Vec<Claim> = (0..heap as u64)
            .map(|at| {
                let message = at.to_le_bytes();
                cards[0].claim(PURPOSE, &message, &authors[0].sign(PURPOSE, &message))
            })
            .collect();
        for (what, claims) in [("as many authors", many), ("one author", one)] {
            let cost = micros(heap, || {
                ensure!(batch::all_hold(&claims), "a signature does not hold");
                Ok(())
            });
            costs.push((format!("checking a heap of {heap}, {what}"), cost?));
        }
    }
    Ok(costs)
}

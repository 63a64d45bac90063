//! The construction as a whole, and the attacks it has to withstand, by what is attacked.
//!
//! Rules. A liar here does everything but break discrete logarithms: it knows its own secrets and
//! may compute with them whatever it likes, so its messages are made with the real steps over
//! wrong points. Where an attack would work against a weaker construction, the test first shows
//! that it would. Tables have names and keys of their own, so that no test rests on another.
//!
//! What is not here: who may open and close bets, signatures, finality (`tests/ledger.rs`), and
//! shares on their way (`tests/tables.rs`).

mod construction;
mod deals;
mod encoding;
mod keys;
mod log;
mod proofs;
mod replay;
mod shares;
mod uniformity;

use super::*;
use crate::seed::Seed;
use curve25519_dalek::traits::VartimeMultiscalarMul;
use proof::{point, prove};
use share::lagrange_at_zero;

const TABLE: [u8; 32] = [7; 32];
const INVITATION: [u8; 32] = [8; 32];

fn secret(i: usize) -> MemberSecret {
    MemberSecret::derive(&Seed::from_number(i as u64 + 100))
}

fn keys(n: usize) -> Vec<VerifiedKey> {
    let register = |i| secret(i).register(&INVITATION, 1, &[i as u8; 32]);
    (0..n).map(|i| register(i).verify(&INVITATION, 1).unwrap()).collect()
}

fn table(n: usize, t: usize) -> (DiceTable, Vec<MemberSecret>) {
    let table = DiceTable::new(Params::new(n, t).unwrap(), &TABLE, 1, &keys(n)).unwrap();
    (table, (0..n).map(secret).collect())
}

fn random(n: u64) -> Scalar {
    Hash::new("bitcraps v1 dice test").num(n).scalar()
}

fn polynomial(t: usize, salt: u64) -> Vec<Scalar> {
    (0..t as u64).map(|i| random(salt + i)).collect()
}

fn deal_of(table: &DiceTable, secrets: &[MemberSecret], me: usize, roll: u64) -> Deal {
    table.deal(me as u8, &secrets[me], roll, &Seed::from_number(roll)).unwrap()
}

fn share_of(table: &DiceTable, secrets: &[MemberSecret], me: usize, pot: &Pot) -> Share {
    table.share(me as u8, &secrets[me], pot, &Seed::from_number(3)).unwrap()
}

fn pot_of(table: &DiceTable, secrets: &[MemberSecret], dealers: &[usize], roll: u64) -> Pot {
    let deal = |i: &usize| table.verify_deal(&deal_of(table, secrets, *i, roll)).unwrap();
    table.pot(&dealers.iter().map(deal).collect::<Vec<_>>()).unwrap()
}

/// The same deal with the best proof its dealer can make for it, knowing the ephemeral secret.
fn proven(table: &DiceTable, mut deal: Deal, d: &Scalar) -> Deal {
    let statement = table.deal_statement(&deal);
    let base = weighted(table.points(), &table.code_word(&statement));
    deal.proof = prove(&deal::deal_proof(&statement), d, &base, &random(63));
    deal
}

fn weighted<'a>(
    points: impl IntoIterator<Item = &'a RistrettoPoint>,
    scalars: &[Scalar],
) -> RistrettoPoint {
    RistrettoPoint::vartime_multiscalar_mul(scalars, points)
}

fn encoded(point: RistrettoPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// The point with this many generators more.
fn shifted(bytes: &[u8; 32], by: &Scalar) -> [u8; 32] {
    encoded(point(bytes).unwrap() + RistrettoPoint::mul_base(by))
}

fn bad_deal(deal: &Deal) -> Fault {
    Fault::BadDeal { roll: deal.roll, dealer: deal.dealer }
}

fn bad_share(share: &Share) -> Fault {
    Fault::BadShare { roll: share.roll, member: share.member }
}

#[derive(Clone, Debug)]
enum Owned {
    Deal(Deal),
    Open(u64),
    Close(u64),
    Share(Share),
}

impl Owned {
    fn entry(&self) -> Entry<'_> {
        match self {
            Owned::Deal(deal) => Entry::Deal(deal),
            Owned::Open(roll) => Entry::BetsOpen { roll: *roll },
            Owned::Close(roll) => Entry::BetsClosed { roll: *roll },
            Owned::Share(share) => Entry::Share(share),
        }
    }
}

fn verify(table: &DiceTable, log: &[Owned]) -> Result<Vec<Roll>, (usize, Fault)> {
    verify_transcript(table, 0, &log.iter().map(Owned::entry).collect::<Vec<_>>())
}

/// The log of `rolls` rolls that everybody deals for and `openers` open.
fn play(
    table: &DiceTable,
    secrets: &[MemberSecret],
    rolls: u64,
    openers: &[usize],
) -> (Vec<Owned>, Vec<Roll>) {
    let (mut log, mut made, mut ledger) = (Vec::new(), Vec::new(), Ledger::new(0));
    for roll in 0..rolls {
        let deals = (0..secrets.len()).map(|i| Owned::Deal(deal_of(table, secrets, i, roll)));
        let entries: Vec<Owned> = deals.chain([Owned::Open(roll), Owned::Close(roll)]).collect();
        for entry in &entries {
            assert_eq!(ledger.apply(table, entry.entry()), Ok(None));
        }
        log.extend(entries);
        let pot = ledger.to_open().unwrap().clone();
        for opener in openers.iter().take(table.params().threshold()) {
            let share = share_of(table, secrets, *opener, &pot);
            made.extend(ledger.apply(table, Entry::Share(&share)).unwrap());
            log.push(Owned::Share(share));
        }
    }
    (log, made)
}

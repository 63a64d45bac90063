//! One table as several observers show it, compared height by height.
//!
//! - At one height all observers must show the same log hash, bank, stacks and bets: the first
//!   difference is an error that names both.
//! - Chips are conserved at every height: bank, stacks, felt and what those took who left add up to
//!   what was minted.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What must be equal at one height.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    log_hash: String,
    bank: u64,
    minted: u64,
    /// Peer to stack and chips on the felt.
    seats: BTreeMap<String, (u64, u64)>,
}

/// What was seen so far.
#[derive(Default)]
pub struct Ledger {
    pages: BTreeMap<u64, (Page, BTreeSet<String>)>,
}

impl Ledger {
    /// Takes one observer's `TableView`. An error when it contradicts an earlier one or itself.
    pub fn record(&mut self, observer: &str, table: &Value) -> Result<()> {
        let height = number(table, "height")?;
        let page = page(table)?;
        let chips: u64 = page.seats.values().map(|(stack, felt)| stack + felt).sum();
        let cashed_out = table["cashed_out"].as_u64().unwrap_or(0);
        if page.bank + chips + cashed_out != page.minted {
            bail!(
                "{observer} at height {height}: bank {}, {chips} of the players and {cashed_out} \
                 taken away are not the {} minted",
                page.bank,
                page.minted
            );
        }
        let (first, observers) =
            self.pages.entry(height).or_insert_with(|| (page.clone(), BTreeSet::new()));
        if *first != page {
            bail!(
                "at height {height} {observer} has {page:?}, but {} have {first:?}",
                Vec::from_iter(observers.iter().cloned()).join(" and ")
            );
        }
        observers.insert(observer.to_owned());
        Ok(())
    }

    /// The highest height that this many observers agreed on.
    pub fn agreed_by(&self, observers: usize) -> Option<u64> {
        let agreed = self.pages.iter().rev().find(|(_, (_, seen))| seen.len() >= observers);
        agreed.map(|(height, _)| *height)
    }
}

fn page(table: &Value) -> Result<Page> {
    let log_hash = table["log_hash"].as_str().context("a table without a log hash")?.to_owned();
    let mut seats = BTreeMap::new();
    for seat in table["seats"].as_array().context("a table without seats")? {
        let peer = seat["peer_id"].as_str().context("a seat without a peer")?;
        let mut felt = 0;
        for bet in seat["bets"].as_array().into_iter().flatten() {
            felt += number(bet, "chips")?;
        }
        seats.insert(peer.to_owned(), (number(seat, "stack")?, felt));
    }
    Ok(Page { log_hash, bank: number(table, "bank")?, minted: number(table, "minted")?, seats })
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().with_context(|| format!("{key} is no number in {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(height: u64, hash: &str, bank: u64) -> Value {
        json!({"height": height, "log_hash": hash, "bank": bank, "minted": 120, "seats": [
            {"peer_id": "p", "stack": 10, "bets": [{"spot": "pass", "chips": 10}]},
        ]})
    }

    #[test]
    fn equal_pages_agree_and_are_counted_by_observer() {
        let mut ledger = Ledger::default();
        ledger.record("a", &table(1, "x", 100)).unwrap();
        ledger.record("a", &table(1, "x", 100)).unwrap();
        assert_eq!(ledger.agreed_by(2), None);
        ledger.record("b", &table(1, "x", 100)).unwrap();
        ledger.record("a", &table(2, "y", 100)).unwrap();
        assert_eq!(ledger.agreed_by(2), Some(1));
    }

    #[test]
    fn a_fork_and_a_lost_chip_are_errors() {
        let mut ledger = Ledger::default();
        ledger.record("a", &table(1, "x", 100)).unwrap();
        assert!(ledger.record("b", &table(1, "y", 100)).is_err());
        assert!(ledger.record("b", &table(2, "y", 99)).is_err());
        let mut left = table(2, "y", 99);
        left["cashed_out"] = 1.into();
        ledger.record("b", &left).unwrap();
    }
}

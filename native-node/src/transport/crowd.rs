//! How many connections one address may have, so that one machine cannot take every seat.
//!
//! Rules. An IPv6 host has at least 64 bits of addresses to itself, so the first 64 bits count as
//! one address. Places are free again when dropped; the table holds nobody who has none.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts by address. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Crowd {
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    per_address_max: usize,
}

/// One taken place; free again when dropped.
#[derive(Debug)]
pub struct Place {
    address: IpAddr,
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

impl Crowd {
    pub fn new(per_address_max: usize) -> Crowd {
        Crowd { counts: Arc::default(), per_address_max }
    }

    /// `None` when this address has all the places it may have.
    pub fn enter(&self, from: IpAddr) -> Option<Place> {
        let address = network(from);
        let mut counts = lock(&self.counts);
        let count = counts.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place { address, counts: self.counts.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        match counts.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.address);
            }
        }
    }
}

fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

fn lock(counts: &Mutex<BTreeMap<IpAddr, usize>>) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
    // No panic can happen between two related changes of the table, so it is sound after one.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_places_and_takes_nobody_elses() {
        let crowd = Crowd::new(2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = crowd.enter(ip("192.0.2.1")).unwrap();
        let _second = crowd.enter(ip("::ffff:192.0.2.1")).unwrap();
        assert!(crowd.enter(ip("192.0.2.1")).is_none());
        let _other = crowd.enter(ip("192.0.2.2")).unwrap();
        drop(first);
        assert!(crowd.enter(ip("192.0.2.1")).is_some());

        let neighbours = ["2001:db8::1", "2001:db8::2"].map(|text| crowd.enter(ip(text)).unwrap());
        assert!(crowd.enter(ip("2001:db8::3")).is_none());
        assert!(crowd.enter(ip("2001:db8:0:1::3")).is_some());
        drop(neighbours);
        assert_eq!(lock(&crowd.counts).len(), 2, "who has left is forgotten");
    }
}

//! The node's own identity: created once, kept in the store, its work found on every core.
//!
//! When the configured work grew, the same key gets a new nonce: the peer id stays.

use crate::store::{Store, StoreError, StoredIdentity};
use bitcraps_core::{
    crypto::identity::{Identity, WorkSearch},
    seed::Seed,
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Nonces a thread tries before it looks whether another one was faster. About 0.1 ms of hashing.
const TRIES_PER_LOOK: u64 = 1024;

/// The stored identity, or a new one from `seed`, stored before it is returned.
pub fn load_or_create(store: &Store, seed: &Seed, work_bits: u8) -> Result<Identity, StoreError> {
    let mut kept = match store.identity()? {
        Some(kept) => {
            if let Ok(identity) = Identity::restore(&kept.secret, kept.nonce, work_bits) {
                return Ok(identity);
            }
            kept
        }
        None => StoredIdentity { secret: seed.fork("identity").rng().bytes(), nonce: 0 },
    };
    // Without a demand for work any secret is an identity: its card names the key to work on.
    let key = restore(&kept, 0)?.card().key;
    kept.nonce = find_nonce(&key, work_bits);
    let identity = restore(&kept, work_bits)?;
    store.put_identity(&kept)?;
    Ok(identity)
}

fn restore(kept: &StoredIdentity, work_bits: u8) -> Result<Identity, StoreError> {
    Identity::restore(&kept.secret, kept.nonce, work_bits)
        .map_err(|e| StoreError::WriteFailed { why: e.to_string() })
}

/// A nonce with `work_bits` of work for `key`, searched by all cores in turn.
pub fn find_nonce(key: &[u8; 32], work_bits: u8) -> u64 {
    let threads = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let search = WorkSearch::new(key);
    let done = AtomicBool::new(false);
    let walk = |first: u64| {
        let mut start = first;
        while !done.load(Ordering::Relaxed) {
            if let Some(nonce) = search.run(work_bits, start, threads, TRIES_PER_LOOK) {
                done.store(true, Ordering::Relaxed);
                return Some(nonce);
            }
            start = start.wrapping_add(threads * TRIES_PER_LOOK);
        }
        None
    };
    thread::scope(|scope| {
        let walk = &walk;
        let others: Vec<_> = (1..threads).map(|first| scope.spawn(move || walk(first))).collect();
        let mine = walk(0);
        let theirs = others.into_iter().filter_map(|thread| thread.join().ok().flatten()).min();
        mine.or(theirs).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::crypto::identity::work_of;

    #[test]
    fn the_identity_outlives_the_node_and_keeps_its_id_when_more_work_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let seed = Seed::from_number(1);
        let store = Store::open(dir.path()).unwrap();
        let first = load_or_create(&store, &seed, 8).unwrap();
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        let other_seed = Seed::from_number(2);
        assert_eq!(load_or_create(&store, &other_seed, 8).unwrap().id(), first.id());
        let stronger = load_or_create(&store, &other_seed, 12).unwrap();
        assert_eq!(stronger.id(), first.id());
        assert!(stronger.card().verify(12).is_ok());
    }

    #[test]
    fn all_cores_together_find_enough_work() {
        for number in 0..4 {
            let key = *Seed::from_number(number).as_bytes();
            assert!(work_of(&key, find_nonce(&key, 14)) >= 14);
        }
    }
}

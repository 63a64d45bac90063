//! From an opened page to a running peer: a slot, its store, an identity, the node.
//!
//! Rules. Every step is shown while it lasts, and none blocks the page for longer than
//! [`SLICE_MS`]. A new identity is stored before the node first speaks, so that a crash cannot
//! leave a peer that others know and this browser does not.
//!
//! Where nothing can be kept (a private window, a page that is neither https nor from this
//! device), the peer lives for this visit only. That is safe for its votes: its key exists nowhere
//! but in this tab, so nothing can ever speak for it again after a crash.

use crate::{
    clock,
    model::names,
    slot::{self, Claim},
    store::{Entries, OWN_BYTES, Store, StoreError},
    transport::webrtc,
};
use bitcraps_core::{
    crypto::identity::{Identity, WORK_BITS_DEFAULT, WorkSearch},
    node::{Address, Config, Node, NodeKind, SeatRole},
    seed::Seed,
};

/// What the page shows while the peer starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Claiming,
    Opening,
    /// Proof of work: hashes tried so far.
    Working {
        tries: u64,
    },
}

/// Why there is no peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootError {
    AllTaken,
    NoRandomness,
    /// What is stored under this identity cannot be read.
    Unreadable(String),
}

/// Where this peer's state is kept.
pub enum Keeping {
    Database(Store),
    /// Nowhere, and why.
    ThisVisit(String),
}

/// A node that waits for its driver.
pub struct Booted {
    pub node: Node,
    pub keeping: Keeping,
}

/// Longest stretch of work without giving the page back to the browser.
const SLICE_MS: u64 = 12;

/// Hashes between two looks at the clock: under a millisecond.
const CHUNK: u64 = 512;

/// Runs the steps; `tell` hears of each.
pub async fn boot(tell: impl Fn(Step)) -> Result<Booted, BootError> {
    tell(Step::Claiming);
    let keeping = match slot::claim().await {
        Claim::Held(slot) => {
            tell(Step::Opening);
            match Store::open(&slot::database(slot)).await {
                Ok(store) => Keeping::Database(store),
                Err(StoreError(why)) => Keeping::ThisVisit(why),
            }
        }
        Claim::AllTaken => return Err(BootError::AllTaken),
        Claim::NoLocks => Keeping::ThisVisit(
            "the page was opened neither over https nor from this device itself".to_owned(),
        ),
    };
    let seed = fresh_seed()?;
    let (identity, entries) = match &keeping {
        Keeping::Database(store) => kept(store, &seed, &tell).await?,
        Keeping::ThisVisit(_) => (search(&seed, &tell).await, Entries::new()),
    };
    let now = clock::now();
    let node = Node::new(config(&identity), identity, &seed, entries, now, clock::wall_ms());
    Ok(Booted { node, keeping })
}

async fn kept(
    store: &Store,
    seed: &Seed,
    tell: &impl Fn(Step),
) -> Result<(Identity, Entries), BootError> {
    let unreadable = |StoreError(why)| BootError::Unreadable(why);
    if let Some(own) = store.own().await.map_err(unreadable)? {
        let entries = store.load().await.map_err(unreadable)?;
        return Ok((unpack(&own).map_err(BootError::Unreadable)?, entries));
    }
    let identity = search(seed, tell).await;
    store.keep_own(&pack(&identity)).await.map_err(unreadable)?;
    Ok((identity, Entries::new()))
}

fn config(identity: &Identity) -> Config {
    Config {
        name: names::suggested(&identity.id()),
        kind: NodeKind::Browser,
        role: SeatRole::Player,
        work_bits: WORK_BITS_DEFAULT,
        dial: home().into_iter().collect(),
        // Over the network the page may connect to the node that served it and to no other.
        dials: webrtc::is_offered().then(|| webrtc::SCHEME.to_owned()).into_iter().collect(),
        ..Config::default()
    }
}

/// The node that served this page.
pub fn home() -> Option<Address> {
    let location = web_sys::window()?.location();
    let host = location.host().ok()?;
    let scheme = if location.protocol().ok()? == "https:" { "wss://" } else { "ws://" };
    Some(Address([scheme, &host, "/mesh"].concat()))
}

fn fresh_seed() -> Result<Seed, BootError> {
    let mut bytes = [0; 32];
    web_sys::window()
        .and_then(|w| w.crypto().ok())
        .and_then(|c| c.get_random_values_with_u8_array(&mut bytes).ok())
        .ok_or(BootError::NoRandomness)?;
    Ok(Seed::from_bytes(bytes))
}

/// Proof of work in slices, so that the page stays alive.
async fn search(seed: &Seed, tell: &impl Fn(Step)) -> Identity {
    let secret: [u8; 32] = seed.fork("identity").rng().bytes();
    let mut nonce = 0;
    let Ok(bare) = Identity::restore(&secret, nonce, 0) else {
        // No work is asked for and a key made from a secret is sound.
        unreachable!("a fresh key was refused")
    };
    let work = WorkSearch::new(&bare.card().key);
    loop {
        tell(Step::Working { tries: nonce });
        let slice = clock::now();
        while clock::now().since(slice).as_millis() < u128::from(SLICE_MS) {
            if let Some(found) = work.run(WORK_BITS_DEFAULT, nonce, 1, CHUNK)
                && let Ok(identity) = Identity::restore(&secret, found, WORK_BITS_DEFAULT)
            {
                return identity;
            }
            nonce += CHUNK;
        }
        slot::pause(0).await;
    }
}

fn pack(identity: &Identity) -> [u8; OWN_BYTES] {
    let mut own = [0; OWN_BYTES];
    own[..32].copy_from_slice(&identity.secret());
    own[32..].copy_from_slice(&identity.card().nonce.to_le_bytes());
    own
}

fn unpack(own: &[u8; OWN_BYTES]) -> Result<Identity, String> {
    let (mut secret, mut nonce) = ([0; 32], [0; 8]);
    secret.copy_from_slice(&own[..32]);
    nonce.copy_from_slice(&own[32..]);
    Identity::restore(&secret, u64::from_le_bytes(nonce), WORK_BITS_DEFAULT)
        .map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_comes_back_from_what_was_kept() {
        let identity = Identity::generate(&Seed::from_number(1), WORK_BITS_DEFAULT);
        let back = unpack(&pack(&identity)).unwrap();
        assert_eq!(back.id(), identity.id());
    }

    #[test]
    fn a_damaged_record_is_refused_and_not_replaced() {
        let identity = Identity::generate(&Seed::from_number(1), WORK_BITS_DEFAULT);
        let mut own = pack(&identity);
        own[0] ^= 1;
        assert!(unpack(&own).is_err());
    }
}

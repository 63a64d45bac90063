//! One machine of the world: a node while it runs, and what is left of it while it does not.
//!
//! Rules. A machine's disk holds exactly what reached it before a crash; what was on its way is
//! gone. Every life has its own clock origin and its own seed, so nothing can come to rely on two
//! nodes sharing a clock or on randomness coming back after a restart.

use crate::{
    liar::{Liar, Plot},
    net::{ConnectionId, Side},
};
use bitcraps_core::{
    crypto::identity::Identity,
    id::{LinkId, PeerId},
    node::{Config, Input, Node, Output, Write},
    seed::Seed,
    time::{Duration, Instant},
};
use std::collections::BTreeMap;

/// Unix time at the start of every world, in milliseconds: 2025-01-01T00:00:00Z.
const EPOCH_MS: u64 = 1_735_689_600_000;

/// Wall clocks are wrong by up to this, either way. Guess: a laptop without NTP for a month.
const SKEW_MS_MAX: u64 = 2000;

/// Clock origins are drawn from zero to this many microseconds: one hour.
const ORIGIN_MICROS_MAX: u64 = 3_600_000_000;

/// How a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The process is killed: its machine closes the connections.
    Killed,
    /// The machine loses power: nobody is told until it is back.
    PowerLost,
}

/// Counts the starts of one machine. What belongs to an earlier life is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life(pub u32);

/// What runs on a machine.
pub(crate) enum Actor {
    Honest(Box<Node>),
    Lying(Box<Liar>),
}

impl Actor {
    pub fn handle(&mut self, input: Input, now: Instant) {
        match self {
            Actor::Honest(node) => node.handle(input, now),
            Actor::Lying(liar) => liar.handle(input, now),
        }
    }

    pub fn poll_output(&mut self) -> Output {
        match self {
            Actor::Honest(node) => node.poll_output(),
            Actor::Lying(liar) => liar.poll_output(),
        }
    }
}

pub(crate) enum State {
    Running(Actor),
    Dead(Death),
}

pub(crate) struct Machine {
    pub config: Config,
    /// Set when a liar runs here instead of a node.
    pub plot: Option<Plot>,
    pub state: State,
    pub life: Life,
    pub links: BTreeMap<LinkId, (ConnectionId, Side)>,
    pub wake: Option<(Instant, u64)>,
    /// When the disk has written everything it was given.
    pub disk_free_at: Instant,
    /// When the node has heard of everything written.
    pub reported_at: Instant,
    /// Writes of this life: asked for, on the disk, reported to the node.
    pub asked: u64,
    pub written: u64,
    pub told: u64,
    id: PeerId,
    secret: [u8; 32],
    nonce: u64,
    seed: Seed,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    /// World time at which this life's clock would have shown zero, as an offset.
    origin: Duration,
    skew: Skew,
    next_link: u64,
}

#[derive(Clone, Copy)]
enum Skew {
    AheadMs(u64),
    BehindMs(u64),
}

impl Machine {
    /// A machine that was never switched on.
    pub fn new(config: Config, seed: Seed) -> Machine {
        let identity = Identity::generate(&seed, config.work_bits);
        let mut rng = seed.fork("clock").rng();
        let skew = rng.below(2 * SKEW_MS_MAX + 1);
        let skew = match skew.checked_sub(SKEW_MS_MAX) {
            Some(ahead) => Skew::AheadMs(ahead),
            None => Skew::BehindMs(SKEW_MS_MAX - skew),
        };
        Machine {
            config,
            plot: None,
            state: State::Dead(Death::Killed),
            life: Life(0),
            links: BTreeMap::new(),
            wake: None,
            disk_free_at: Instant::ZERO,
            reported_at: Instant::ZERO,
            asked: 0,
            written: 0,
            told: 0,
            id: identity.id(),
            secret: identity.secret(),
            nonce: identity.card().nonce,
            seed,
            store: BTreeMap::new(),
            origin: Duration::ZERO,
            skew,
            next_link: 0,
        }
    }

    pub fn peer_id(&self) -> PeerId {
        self.id
    }

    pub fn actor(&self) -> Option<&Actor> {
        match &self.state {
            State::Running(actor) => Some(actor),
            State::Dead(_) => None,
        }
    }

    pub fn actor_mut(&mut self) -> Option<&mut Actor> {
        match &mut self.state {
            State::Running(actor) => Some(actor),
            State::Dead(_) => None,
        }
    }

    /// The shipped node, while one runs here.
    pub fn node(&self) -> Option<&Node> {
        match self.actor() {
            Some(Actor::Honest(node)) => Some(node),
            Some(Actor::Lying(_)) | None => None,
        }
    }

    pub fn liar(&self) -> Option<&Liar> {
        match self.actor() {
            Some(Actor::Lying(liar)) => Some(liar),
            Some(Actor::Honest(_)) | None => None,
        }
    }

    /// Starts the next life from what the disk holds.
    pub fn start(&mut self, now: Instant) {
        self.life = Life(self.life.0 + 1);
        let seed = self.seed.fork(&format!("life {}", self.life.0));
        self.origin = Duration::from_micros(seed.fork("origin").rng().below(ORIGIN_MICROS_MAX));
        let identity = Identity::restore(&self.secret, self.nonce, self.config.work_bits)
            .expect("the identity was generated with this work");
        let (local, wall_ms) = (self.local(now), self.wall_ms(now));
        let actor = match &self.plot {
            Some(plot) => {
                let plot = plot.clone();
                Actor::Lying(Box::new(Liar::new(
                    &self.config,
                    plot,
                    identity,
                    &seed,
                    local,
                    wall_ms,
                )))
            }
            None => {
                let stored = self.store.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                let config = self.config.clone();
                Actor::Honest(Box::new(Node::new(config, identity, &seed, stored, local, wall_ms)))
            }
        };
        self.state = State::Running(actor);
        self.disk_free_at = now;
        (self.asked, self.written, self.told) = (0, 0, 0);
    }

    /// Forgets everything but the disk.
    pub fn die(&mut self, how: Death) {
        self.state = State::Dead(how);
        self.links.clear();
    }

    pub fn write(&mut self, writes: Vec<Write>) {
        for write in writes {
            match write {
                Write::Put { key, value } => {
                    self.store.insert(key, value);
                }
                Write::DeletePrefix { prefix } => {
                    self.store.retain(|key, _| !key.starts_with(&prefix));
                }
            }
        }
    }

    pub fn attach(&mut self, connection: ConnectionId, side: Side) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (connection, side));
        link
    }

    pub fn link_of(&self, connection: ConnectionId, side: Side) -> Option<LinkId> {
        self.links.iter().find(|(_, end)| **end == (connection, side)).map(|(link, _)| *link)
    }

    /// The world's time as this life's clock shows it.
    pub fn local(&self, now: Instant) -> Instant {
        now + self.origin
    }

    /// This life's clock reading as the world's time.
    pub fn world(&self, local: Instant) -> Instant {
        match local {
            Instant::NEVER => Instant::NEVER,
            local => Instant::ZERO + local.since(Instant::ZERO + self.origin),
        }
    }

    fn wall_ms(&self, now: Instant) -> u64 {
        let wall = EPOCH_MS + now.as_millis();
        match self.skew {
            Skew::AheadMs(ms) => wall + ms,
            Skew::BehindMs(ms) => wall - ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: u64) -> Machine {
        let config = Config { work_bits: 4, ..Config::default() };
        Machine::new(config, Seed::from_number(number))
    }

    #[test]
    fn a_clock_reading_comes_back_as_the_worlds_time() {
        let mut machine = machine(1);
        machine.start(Instant::from_millis(5));
        let now = Instant::from_millis(77);
        assert_ne!(machine.local(now), now);
        assert_eq!(machine.world(machine.local(now)), now);
        assert_eq!(machine.world(Instant::NEVER), Instant::NEVER);
    }

    #[test]
    fn the_disk_applies_changes_in_order_and_survives_death() {
        let mut machine = machine(2);
        machine.start(Instant::ZERO);
        let put = |key: &[u8]| Write::Put { key: key.to_vec(), value: vec![1] };
        machine.write(vec![put(b"a1"), put(b"a2"), put(b"b")]);
        machine.write(vec![Write::DeletePrefix { prefix: b"a".to_vec() }, put(b"a3")]);
        machine.die(Death::PowerLost);
        assert!(machine.actor().is_none());
        let keys: Vec<&[u8]> = machine.store.keys().map(Vec::as_slice).collect();
        assert_eq!(keys, [&b"a3"[..], b"b"]);
    }

    #[test]
    fn every_life_has_a_clock_and_a_number_of_its_own() {
        let mut machine = machine(3);
        machine.start(Instant::ZERO);
        let first = (machine.life, machine.local(Instant::ZERO));
        machine.die(Death::Killed);
        machine.start(Instant::ZERO);
        let second = (machine.life, machine.local(Instant::ZERO));
        assert_eq!((first.0, second.0), (Life(1), Life(2)));
        assert_ne!(first.1, second.1);
    }

    #[test]
    fn walls_differ_between_machines_but_never_by_more_than_the_limit() {
        let walls: Vec<u64> = (0..20).map(|n| machine(n).wall_ms(Instant::ZERO)).collect();
        assert!(walls.iter().all(|w| w.abs_diff(EPOCH_MS) <= SKEW_MS_MAX));
        assert!(walls.iter().any(|w| *w > EPOCH_MS) && walls.iter().any(|w| *w < EPOCH_MS));
    }
}

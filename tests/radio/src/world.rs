//! The state of the air, and the one loop that everything happens in.

use crate::{
    Job,
    bus::Bus,
    gap::{Adapter, Air, Link},
    gatt::Characteristic,
};
use dbus::Message;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    io::Read as _,
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::mpsc::{self, TryRecvError},
    time::{Duration, Instant},
};

/// How often scanning adapters hear each advertisement. Advertising intervals of phones lie
/// between 100 ms and 1 s.
pub const TICK: Duration = Duration::from_millis(100);

/// The MTU that BlueZ offers unless told otherwise.
const MTU: u16 = 517;

/// Longest wait for a program to answer what we ask it.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Where the dice of loss start, so that a run can be repeated.
const SEED: u64 = 1;

/// Shares of values lost, from 0.0 (none) to 1.0 (all). Writes with a response are never lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    pub writes: f64,
    pub notifications: f64,
}

/// What happened on the air.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub links: u64,
    /// Values that arrived.
    pub writes: u64,
    pub notifications: u64,
    /// Values that the air lost.
    pub writes_lost: u64,
    pub notifications_lost: u64,
    /// Values larger than the link or GATT takes.
    pub writes_refused: u64,
    pub notifications_refused: u64,
}

pub struct Settings {
    pub mtu: u16,
    pub delay: Duration,
    pub loss: Loss,
    pub adverts_end: bool,
}

/// What is done with the answer of a program.
pub type Then = Box<dyn FnOnce(&mut World, Result<Message, String>) + Send>;

/// Two adapters, the smaller index first.
pub type Pair = (usize, usize);

pub fn pair(a: usize, b: usize) -> Pair {
    (a.min(b), a.max(b))
}

pub struct World {
    pub buses: Vec<Bus>,
    pub adapters: Vec<Adapter>,
    pub links: BTreeMap<Pair, Link>,
    pub air: BTreeMap<Pair, Air>,
    /// By their path on the bus of whoever looks at them, with the adapter's index.
    pub characteristics: BTreeMap<(usize, String), Characteristic>,
    pub settings: Settings,
    pub counters: Counters,
    timers: BTreeMap<(Instant, u64), Job>,
    /// By bus and number of the message.
    waiting: BTreeMap<(usize, u32), Then>,
    numbers: u64,
    random: u64,
    ticked: Instant,
}

impl World {
    pub fn new() -> World {
        World {
            buses: Vec::new(),
            adapters: Vec::new(),
            links: BTreeMap::new(),
            air: BTreeMap::new(),
            characteristics: BTreeMap::new(),
            settings: Settings {
                mtu: MTU,
                delay: Duration::ZERO,
                loss: Loss::default(),
                adverts_end: true,
            },
            counters: Counters::default(),
            timers: BTreeMap::new(),
            waiting: BTreeMap::new(),
            numbers: 0,
            random: SEED,
            ticked: Instant::now(),
        }
    }

    /// Runs until nobody can ask any more.
    pub fn run(mut self, woken: &UnixStream, jobs: &mpsc::Receiver<Job>) {
        loop {
            let ready = self.wait(woken);
            let mut bytes = [0; 64];
            while matches!((&*woken).read(&mut bytes), Ok(n) if n > 0) {}
            loop {
                match jobs.try_recv() {
                    Ok(job) => job(&mut self),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            for index in 0..self.buses.len() {
                for message in self.buses[index].exchange() {
                    self.on_message(index, message);
                }
            }
            for key in ready {
                self.read_notifications(&key);
            }
            let now = Instant::now();
            while let Some(entry) = self.timers.first_entry()
                && entry.key().0 <= now
            {
                entry.remove()(&mut self);
            }
            if now >= self.ticked + TICK {
                self.ticked = now;
                self.tick();
            }
            let keys: Vec<_> = self.characteristics.keys().cloned().collect();
            for key in keys {
                self.deliver_writes(&key, now);
                self.deliver_notifications(&key, now);
            }
        }
    }

    /// Waits until something can be read, written or is due, and tells whose notifications wait.
    fn wait(&self, woken: &UnixStream) -> Vec<(usize, String)> {
        let mut fds = vec![PollFd::new(woken, PollFlags::IN)];
        for bus in &self.buses {
            let Some((socket, wants_write)) = bus.socket() else { continue };
            let flags = if wants_write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::new(socket, flags));
        }
        let mut due = self.timers.keys().next().map(|(when, _)| *when);
        let mut sooner = |when: Instant| due = Some(due.map_or(when, |due| due.min(when)));
        if self.adapters.iter().any(Adapter::needs_ticks) {
            sooner(self.ticked + TICK);
        }
        let mut readers = Vec::new();
        for (key, characteristic) in &self.characteristics {
            if let Some(socket) = characteristic.blocked_writer() {
                fds.push(PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT));
            } else {
                characteristic.next_write().map(&mut sooner);
            }
            characteristic.next_notification().map(&mut sooner);
            let congested = self.buses[self.adapters[characteristic.viewer].bus].is_congested();
            if let Some(socket) = characteristic.notifier().filter(|_| !congested) {
                readers.push((fds.len(), key));
                fds.push(PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN));
            }
        }
        let timeout = due.map(|due| {
            let left = due.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        match poll(&mut fds, timeout.as_ref()) {
            // A signal is no reason to stop, only to look around.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("cannot wait for the radio's sockets: {error}"),
        }
        let ready = readers.iter().filter(|(at, _)| !fds[*at].revents().is_empty());
        ready.map(|(_, key)| (*key).clone()).collect()
    }

    /// Does something after a while.
    pub fn after(&mut self, delay: Duration, job: impl FnOnce(&mut World) + Send + 'static) {
        let number = self.number();
        self.timers.insert((Instant::now() + delay, number), Box::new(job));
    }

    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Whether a thing of this share happens (SplitMix64).
    pub fn happens(&mut self, share: f64) -> bool {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64) < share * (1u64 << 53) as f64
    }

    /// Calls a method of a program. Without an answer in time there is an error.
    pub fn call(
        &mut self,
        bus: usize,
        to: &str,
        (path, interface, method): (&str, &str, &str),
        fill: impl FnOnce(Message) -> Message,
        then: impl FnOnce(&mut World, Result<Message, String>) + Send + 'static,
    ) {
        let message = match Message::new_method_call(
            to.to_owned(),
            path.to_owned(),
            interface.to_owned(),
            method.to_owned(),
        ) {
            Ok(message) => fill(message),
            Err(why) => return then(self, Err(why)),
        };
        let serial = self.buses[bus].send(message);
        self.waiting.insert((bus, serial), Box::new(then));
        self.after(ANSWER_MAX, move |world| {
            world.on_answer(bus, serial, Err("no answer in time".to_owned()));
        });
    }

    pub fn on_answer(&mut self, bus: usize, serial: u32, answer: Result<Message, String>) {
        if let Some(then) = self.waiting.remove(&(bus, serial)) {
            then(self, answer);
        }
    }
}

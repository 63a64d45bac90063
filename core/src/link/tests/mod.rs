//! Two or more [`Links`] wired together by queues of frames, in virtual time.

mod attacks;
mod choosing;
mod duplicates;
mod golden;
mod lab;
mod lasting;
mod lossy;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
mod session;

use super::{Config, Links, Output};
use crate::{
    crypto::identity::Identity,
    id::{LinkId, PeerId},
    seed::{Rng, Seed},
    time::{Duration, Instant},
    transport::{Class, CloseReason, LinkRole, PathClass, SwitchReason, Transport},
};
use std::collections::BTreeMap;

pub const MTU: usize = 16 * 1024;

/// Tests need no work, and change keys often.
pub fn config() -> Config {
    Config { work_bits: 0, epoch_packets: 8, ..Config::default() }
}

pub fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

pub struct End {
    pub links: Links,
    pub id: PeerId,
    /// What came out besides frames, oldest first.
    pub log: Vec<Output>,
}

impl End {
    pub fn new(number: u64, config: Config) -> End {
        End::run(number, number, config)
    }

    /// Another run of the same peer has another `seed`.
    pub fn run(number: u64, seed: u64, config: Config) -> End {
        let identity = identity(number);
        let links = Links::new(config, &identity, Seed::from_number(seed).fork("links"));
        End { links, id: identity.id(), log: Vec::new() }
    }

    /// Frames that want to leave; everything else goes to the log.
    pub fn drain(&mut self) -> Vec<(LinkId, Vec<u8>)> {
        let mut frames = Vec::new();
        while let Some(output) = self.links.poll_output() {
            match output {
                Output::Send { link, bytes } => frames.push((link, bytes)),
                other => self.log.push(other),
            }
        }
        frames
    }

    pub fn opened(&self) -> Vec<(LinkId, PeerId)> {
        let opened = |o: &Output| match o {
            Output::Opened { link, peer, .. } => Some((*link, peer.id())),
            _ => None,
        };
        self.log.iter().filter_map(opened).collect()
    }

    pub fn closed(&self) -> Vec<(LinkId, Option<PeerId>, CloseReason)> {
        let closed = |o: &Output| match o {
            Output::Closed { link, peer, reason } => Some((*link, *peer, *reason)),
            _ => None,
        };
        self.log.iter().filter_map(closed).collect()
    }

    pub fn reason(&self) -> Option<CloseReason> {
        self.closed().last().map(|(_, _, reason)| *reason)
    }

    pub fn received(&self) -> Vec<Vec<u8>> {
        let received = |o: &Output| match o {
            Output::Received { packet, .. } => Some(packet.clone()),
            _ => None,
        };
        self.log.iter().filter_map(received).collect()
    }

    pub fn hung_up(&self, link: LinkId) -> bool {
        self.log.iter().any(|o| matches!(o, Output::Hangup { link: hung, .. } if *hung == link))
    }
}

/// What becomes of one frame: copies with their delays.
pub type Fate<'a> = dyn FnMut(&[u8]) -> Vec<(Duration, Vec<u8>)> + 'a;

/// Ends wired by connections that carry frames until one side hangs up.
pub struct World {
    pub now: Instant,
    pub ends: Vec<End>,
    wires: BTreeMap<(usize, LinkId), (usize, LinkId)>,
    /// Frames under way by time and order.
    queue: BTreeMap<(Instant, u64), (usize, LinkId, Vec<u8>)>,
    sent: u64,
}

pub const DELAY: Duration = Duration::from_millis(10);

impl World {
    pub fn new(ends: Vec<End>) -> World {
        let now = Instant::from_millis(1000);
        World { now, ends, wires: BTreeMap::new(), queue: BTreeMap::new(), sent: 0 }
    }

    pub fn pair() -> World {
        World::new(vec![End::new(1, config()), End::new(2, config())])
    }

    /// A pair with an open link 1 (at end 0, the dialer) to 2 (at end 1).
    pub fn open_pair(mtu: usize) -> World {
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(2)), mtu);
        world.pass(Duration::from_millis(100));
        assert_eq!(world.ends[0].opened(), [(LinkId(1), world.ends[1].id)]);
        assert_eq!(world.ends[1].opened(), [(LinkId(2), world.ends[0].id)]);
        world
    }

    pub fn connect(&mut self, dialer: (usize, LinkId), listener: (usize, LinkId), mtu: usize) {
        self.connect_by(Transport::Tcp, dialer, listener, mtu);
    }

    pub fn connect_by(
        &mut self,
        transport: Transport,
        dialer: (usize, LinkId),
        listener: (usize, LinkId),
        mtu: usize,
    ) {
        self.wires.insert(dialer, listener);
        self.wires.insert(listener, dialer);
        for ((end, link), role) in [(listener, LinkRole::Listener), (dialer, LinkRole::Dialer)] {
            self.ends[end].links.on_up(link, (transport, PathClass::Lan), role, mtu, self.now);
        }
    }

    /// Lets time pass over perfect wires.
    pub fn pass(&mut self, time: Duration) {
        self.pass_with(time, &mut |frame| vec![(DELAY, frame.to_vec())]);
    }

    pub fn pass_with(&mut self, time: Duration, fate: &mut Fate) {
        let end = self.now + time;
        loop {
            self.collect(fate);
            let frame_at = self.queue.keys().next().map(|(at, _)| *at);
            let timers = self.ends.iter().filter_map(|e| e.links.deadline());
            let next = timers.chain(frame_at).min().unwrap_or(Instant::NEVER);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            if frame_at.is_some_and(|at| at <= self.now) {
                let ((_, _), (to, link, bytes)) = self.queue.pop_first().unwrap();
                self.ends[to].links.on_frame(link, &bytes, self.now);
            }
            for end in &mut self.ends {
                end.links.on_timeout(self.now);
            }
        }
    }

    fn collect(&mut self, fate: &mut Fate) {
        for from in 0..self.ends.len() {
            for (link, bytes) in self.ends[from].drain() {
                let Some((to, other)) = self.wires.get(&(from, link)).copied() else { continue };
                for (delay, bytes) in fate(&bytes) {
                    self.queue.insert((self.now + delay, self.sent), (to, other, bytes));
                    self.sent += 1;
                }
            }
        }
    }

    /// Takes the wires of a connection away without telling anybody.
    pub fn cut(&mut self, end: (usize, LinkId)) {
        if let Some(other) = self.wires.remove(&end) {
            self.wires.remove(&other);
        }
    }

    pub fn send(&mut self, from: usize, to: usize, packet: &[u8]) {
        let peer = self.ends[to].id;
        assert_eq!(self.ends[from].links.send(peer, Class::Mesh, packet, self.now), Ok(()));
    }

    /// No panic, no leftovers: both views agree that nothing is open.
    pub fn assert_nothing_open(&self) {
        for end in &self.ends {
            assert_eq!(end.links.links().count(), 0);
            assert_eq!(end.links.neighbours().count(), 0);
        }
    }
}

pub fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    rng.fill(&mut out);
    out
}

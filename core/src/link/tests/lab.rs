//! Two ends with any number of wires between them, each with its own delay, loss and ways to fail.

use super::*;
use crate::sorted::SortedMap;

pub const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How a wire treats the frames of one connection.
#[derive(Clone, Debug)]
pub struct Wire {
    pub delay: Duration,
    /// Added at random: frames overtake each other.
    pub spread: Duration,
    pub loss: f64,
    /// It swallows everything and tells nobody.
    pub silent: bool,
}

impl Wire {
    pub fn good(delay: Duration) -> Wire {
        Wire { delay, spread: Duration::ZERO, loss: 0.0, silent: false }
    }
}

pub struct Lab {
    pub now: Instant,
    pub ends: Vec<End>,
    /// Both ends use the same number for a connection.
    pub wires: SortedMap<LinkId, Wire>,
    pub rng: Rng,
    /// What each end got, and when.
    pub got: [Vec<(Instant, Vec<u8>)>; 2],
    queue: BTreeMap<(Instant, u64), (usize, LinkId, Vec<u8>)>,
    frames: u64,
    links: u64,
}

impl Lab {
    pub fn new(seed: u64) -> Lab {
        let quiet = Config { epoch_packets: 1 << 16, ..config() };
        Lab {
            now: Instant::from_millis(1000),
            ends: vec![End::new(1, quiet.clone()), End::new(2, quiet)],
            wires: SortedMap::new(),
            rng: Seed::from_number(seed).fork("lab").rng(),
            got: Default::default(),
            queue: BTreeMap::new(),
            frames: 0,
            links: 0,
        }
    }

    /// Wires of these kinds, with time to open.
    pub fn with(seed: u64, kinds: &[(Transport, u64)]) -> (Lab, Vec<LinkId>) {
        let mut lab = Lab::new(seed);
        let wire = |lab: &mut Lab, (kind, delay): &(Transport, u64)| {
            lab.connect(*kind, Wire::good(ms(*delay)))
        };
        let links: Vec<LinkId> = kinds.iter().map(|kind| wire(&mut lab, kind)).collect();
        lab.pass(ms(3000));
        for end in &mut lab.ends {
            assert_eq!(end.opened().len(), kinds.len());
            end.log.clear();
        }
        (lab, links)
    }

    pub fn connect(&mut self, transport: Transport, wire: Wire) -> LinkId {
        self.links += 1;
        let link = LinkId(self.links);
        self.wires.insert(link, wire);
        for (end, role) in [(1, LinkRole::Listener), (0, LinkRole::Dialer)] {
            self.ends[end].links.on_up(link, (transport, PathClass::Lan), role, MTU, self.now);
        }
        link
    }

    /// Both ends are told that a connection is gone.
    pub fn cut(&mut self, link: LinkId) {
        self.wires.remove(&link);
        for end in &mut self.ends {
            end.links.on_down(link, CloseReason::TransportClosed, self.now);
        }
    }

    pub fn wire(&mut self, link: LinkId) -> &mut Wire {
        self.wires.get_mut(&link).unwrap()
    }

    pub fn send(&mut self, from: usize, class: Class, packet: &[u8]) -> bool {
        let peer = self.ends[1 - from].id;
        self.ends[from].links.send(peer, class, packet, self.now).is_ok()
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.collect();
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
                if self.wires.contains_key(&link) {
                    self.ends[to].links.on_frame(link, &bytes, self.now);
                }
            }
            for end in &mut self.ends {
                end.links.on_timeout(self.now);
            }
        }
    }

    fn collect(&mut self) {
        for from in 0..2 {
            while let Some(output) = self.ends[from].links.poll_output() {
                match output {
                    Output::Send { link, bytes } => self.carry(from, link, bytes),
                    Output::Received { packet, .. } => self.got[from].push((self.now, packet)),
                    Output::Hangup { link, .. } => {
                        if self.wires.remove(&link).is_some() {
                            let (now, reason) = (self.now, CloseReason::TransportClosed);
                            self.ends[1 - from].links.on_down(link, reason, now);
                        }
                    }
                    other => self.ends[from].log.push(other),
                }
            }
        }
    }

    fn carry(&mut self, from: usize, link: LinkId, bytes: Vec<u8>) {
        let Some(wire) = self.wires.get(&link) else { return };
        if wire.silent || self.rng.chance(wire.loss) {
            return;
        }
        let spread = Duration::from_micros(self.rng.below(wire.spread.as_micros() as u64 + 1));
        self.frames += 1;
        self.queue.insert((self.now + wire.delay + spread, self.frames), (1 - from, link, bytes));
    }

    /// Reason, old and new kind of the changes that end 0 told for a class.
    pub fn switched(&self, class: Class) -> Vec<crate::link::Switch> {
        let of = |output: &Output| match output {
            Output::Switched { switch, .. } if switch.class == class => Some(*switch),
            _ => None,
        };
        self.ends[0].log.iter().filter_map(of).collect()
    }

    pub fn serving(&self, class: Class) -> Vec<LinkId> {
        let links = self.ends[0].links.links();
        links.filter(|info| info.serves.contains(&class)).map(|info| info.link).collect()
    }
}

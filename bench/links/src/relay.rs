//! A relay hop by itself: what one datagram costs the node between its two neighbours.
//!
//! Three peers in one process without sockets: the ends are bare sessions and routers, the relay is
//! a whole `Node`. A datagram is sealed end to end by one router, sealed for the link, and handed
//! to the relay as a frame; the relay opens it, checks its number against the replay window,
//! decodes, routes, encodes and seals it for the next link. Only the relay is timed, by the time
//! that its thread ran; every frame it gives out is opened at the far end and compared.

use anyhow::{Context as _, Result, ensure};
use bitcraps_core::{
    crypto::identity::Identity,
    id::{LinkId, NodeKind, PeerId},
    link::{self, Links},
    map::{
        self, AnnouncedLink,
        message::{AgedAnnouncement, Announcement},
    },
    node::{self, Class, Input, LinkRole, Node, PathClass, Transport},
    route::{self, Delivery, Router, Topology},
    seed::Seed,
    time::Instant,
    wire::Packet,
};
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const NOW: Instant = Instant::ZERO;
const MTU: usize = 16 * 1024;
const WALL_MS: u64 = 1;
/// Datagrams handed to the relay between two looks at the clock.
const HEAP: u64 = 512;

fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

/// A neighbour of the relay.
struct End {
    link: LinkId,
    identity: Identity,
    links: Links,
    packets: Vec<Vec<u8>>,
}

impl End {
    fn new(number: u64) -> End {
        let identity = identity(number);
        let config = link::Config { work_bits: 0, ..link::Config::default() };
        let links = Links::new(config, &identity, Seed::from_number(number).fork("links"));
        End { link: LinkId(number), identity, links, packets: Vec::new() }
    }

    /// Frames for the relay.
    fn frames(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(output) = self.links.poll_output() {
            match output {
                link::Output::Send { bytes, .. } => frames.push(bytes),
                link::Output::Received { packet, .. } => self.packets.push(packet),
                _ => {}
            }
        }
        frames
    }

    fn announcement(&self, of: PeerId) -> Vec<u8> {
        let (transport, reliability) = (Transport::Tcp, u16::MAX);
        let link = AnnouncedLink { peer: of, transport, latency_us: None, reliability };
        let said = Announcement {
            card: self.identity.card(),
            link_key: self.identity.link_key(),
            version: WALL_MS,
            kind: NodeKind::Regular,
            name: "end".to_owned(),
            links: vec![link],
            extra: Vec::new(),
        };
        said.sign(&self.identity)
    }
}

struct Line {
    relay: Node,
    ends: [End; 2],
    router: Router,
    far_router: Router,
}

impl Line {
    fn new() -> Result<Line> {
        let config = node::Config { work_bits: 0, ..node::Config::default() };
        let seed = Seed::from_number(9);
        let relay = Node::new(config, identity(9), &seed, Vec::new(), NOW, WALL_MS);
        let mut ends = [End::new(1), End::new(2)];
        let hub = relay.peer_id();
        let topology = Topology {
            nodes: [&ends[0].identity, &ends[1].identity, &identity(9)]
                .map(|identity| (identity.id(), identity.link_key()))
                .to_vec(),
            edges: ends
                .iter()
                .map(|end| route::Edge {
                    a: hub,
                    b: end.identity.id(),
                    latency: None,
                    reliability: 1.0,
                })
                .collect(),
        };
        let [router, far_router] = [0, 1].map(|at| {
            let config = route::Config::default();
            let seed = Seed::from_number(at as u64);
            let mut router = Router::new(config, &ends[at].identity, &seed, WALL_MS);
            router.set_neighbours(vec![hub]);
            router.set_topology(topology.clone());
            router
        });
        let said = ends.each_ref().map(|end| end.announcement(hub));
        for end in &mut ends {
            let kind = (Transport::Tcp, PathClass::Lan);
            end.links.on_up(end.link, kind, LinkRole::Dialer, MTU, NOW);
        }
        let mut line = Line { relay, ends, router, far_router };
        for at in 0..2 {
            let (transport, path, role) = (Transport::Tcp, PathClass::Lan, LinkRole::Listener);
            let link = line.ends[at].link;
            let up = Input::LinkUp { link, transport, path, role, mtu: MTU, address: None };
            line.relay.handle(up, NOW);
        }
        while line.carry() {}
        for (end, bytes) in line.ends.iter_mut().zip(said) {
            let aged = vec![AgedAnnouncement { age_ms: 0, bytes }];
            let packet = Packet::Map(map::Message::Announcements(aged));
            end.links.send(hub, Class::Mesh, &packet.encode(), NOW)?;
        }
        while line.carry() {}
        for end in &mut line.ends {
            end.packets.clear();
        }
        Ok(line)
    }

    /// Hands over all frames, both ways; whether there were any.
    fn carry(&mut self) -> bool {
        let mut any = false;
        for end in &mut self.ends {
            for bytes in end.frames() {
                any = true;
                self.relay.handle(Input::LinkBytes { link: end.link, bytes }, NOW);
            }
        }
        for (link, bytes) in self.given() {
            any = true;
            let end = self.ends.iter_mut().find(|end| end.link == link);
            end.expect("there are two links").links.on_frame(link, &bytes, NOW);
        }
        any
    }

    fn given(&mut self) -> Vec<(LinkId, Vec<u8>)> {
        let mut frames = Vec::new();
        loop {
            match self.relay.poll_output() {
                node::Output::Send { link, bytes } => frames.push((link, bytes)),
                node::Output::Wait(_) => return frames,
                _ => {}
            }
        }
    }
}

/// CPU time of one hop in nanoseconds: the median of `rounds` heaps.
pub fn hop(size: usize, class: Class, rounds: usize) -> Result<f64> {
    let mut line = Line::new()?;
    let (hub, far) = (line.relay.peer_id(), line.ends[1].identity.id());
    let mut times = Vec::new();
    for _ in 0..rounds {
        let body = vec![7; size];
        for _ in 0..HEAP {
            line.router.send(far, &body, class, Delivery::Once, NOW)?;
        }
        while let Some(output) = line.router.poll_output() {
            if let route::Output::Forward { to, message } = output {
                ensure!(to == hub, "another first hop");
                line.ends[0].links.send(hub, class, &Packet::Route(message).encode(), NOW)?;
            }
        }
        let (link, frames) = (line.ends[0].link, line.ends[0].frames());
        let mut given = Vec::with_capacity(frames.len());
        let started = thread_time();
        for bytes in frames {
            line.relay.handle(Input::LinkBytes { link, bytes }, NOW);
            loop {
                match line.relay.poll_output() {
                    node::Output::Send { link, bytes } => given.push((link, bytes)),
                    node::Output::Wait(_) => break,
                    _ => {}
                }
            }
        }
        times.push((thread_time() - started).as_nanos() as f64 / HEAP as f64);
        let end = &mut line.ends[1];
        for (link, bytes) in given {
            ensure!(link == end.link, "the relay said something else");
            end.links.on_frame(link, &bytes, NOW);
        }
        end.frames();
        let mut delivered = 0;
        for packet in end.packets.drain(..) {
            let Packet::Route(message) = Packet::decode(&packet)? else { continue };
            line.far_router.on_message(hub, message, NOW);
        }
        while let Some(output) = line.far_router.poll_output() {
            if let route::Output::Deliver { body: got, .. } = output {
                ensure!(got == body, "the body differs");
                delivered += 1;
            }
        }
        ensure!(delivered == HEAP, "{delivered} of {HEAP} arrived");
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("no rounds")
}

pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

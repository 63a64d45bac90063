//! Links to one peer that cross, and links to oneself.

use super::*;
use crate::link::redial::Redial;

/// Both ends have the same single link open.
fn survivor(world: &World) -> (LinkId, LinkId) {
    let link = |end: usize| {
        let links: Vec<_> = world.ends[end].links.links().map(|info| info.link).collect();
        assert_eq!(links.len(), 1, "end {end} has {links:?}");
        assert_eq!(world.ends[end].links.neighbours().count(), 1);
        links[0]
    };
    let (a, b) = (link(0), link(1));
    assert_eq!(world.wires.get(&(0, a)), Some(&(1, b)), "the ends kept different links");
    (a, b)
}

#[test]
fn of_two_simultaneous_dials_exactly_one_link_stays() {
    for seed in 0..60 {
        let mut rng = Seed::from_number(seed).rng();
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(1)), MTU);
        world.connect((1, LinkId(2)), (0, LinkId(2)), MTU);
        let mut fate = |frame: &[u8]| vec![(Duration::from_millis(rng.below(50)), frame.to_vec())];
        world.pass_with(Duration::from_secs(4), &mut fate);
        let smaller_dialled =
            if world.ends[0].id < world.ends[1].id { LinkId(1) } else { LinkId(2) };
        assert_eq!(survivor(&world), (smaller_dialled, smaller_dialled), "seed {seed}");
        let closed = world.ends[0].closed();
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].2, CloseReason::Duplicate);
        world.send(0, 1, b"still here");
        world.pass(Duration::from_millis(50));
        assert_eq!(world.ends[1].received(), [b"still here"]);
    }
}

#[test]
fn two_dials_by_one_peer_both_stay_and_so_do_two_kinds_that_cross() {
    let mut world = World::pair();
    world.connect((0, LinkId(1)), (1, LinkId(8)), MTU);
    world.connect((0, LinkId(2)), (1, LinkId(7)), MTU);
    world.connect_by(Transport::Ble, (1, LinkId(3)), (0, LinkId(3)), MTU);
    world.pass(Duration::from_secs(4));
    for end in &world.ends {
        assert_eq!((end.opened().len(), end.reason()), (3, None));
        assert_eq!(end.links.neighbours().count(), 1);
    }
    let first = |o: &&Output| matches!(o, Output::Opened { first: true, .. });
    assert_eq!(world.ends[0].log.iter().filter(first).count(), 1);
}

#[test]
fn a_peer_that_restarted_takes_over_from_its_dead_link_at_once() {
    for (dialer, listener) in [(0, 1), (1, 0)] {
        let mut world = World::open_pair(MTU);
        world.cut((0, LinkId(1)));
        world.ends[0] = End::run(1, 77, config());
        // Its numbers start anew with it.
        world.connect((dialer, LinkId(0)), (listener, LinkId(0)), MTU);
        world.pass(Duration::from_millis(200));
        survivor(&world);
        assert_eq!(world.ends[1].closed()[0].2, CloseReason::Duplicate);
    }
}

#[test]
fn an_open_link_is_announced_before_the_one_it_replaces_is_closed() {
    let mut world = World::pair();
    let smaller = usize::from(world.ends[0].id > world.ends[1].id);
    world.connect((1 - smaller, LinkId(1)), (smaller, LinkId(2)), MTU);
    world.pass(Duration::from_millis(100));
    world.connect((smaller, LinkId(3)), (1 - smaller, LinkId(4)), MTU);
    world.pass(Duration::from_millis(100));
    for end in &world.ends {
        let opened = end.log.iter().rposition(|o| matches!(o, Output::Opened { .. }));
        let closed = end.log.iter().position(|o| matches!(o, Output::Closed { .. }));
        assert!(opened < closed);
        assert_eq!(end.closed()[0].2, CloseReason::Duplicate);
    }
    survivor(&world);
}

#[test]
fn a_node_that_reaches_itself_hangs_up_and_says_whom_it_met() {
    let mut world = World::new(vec![End::new(1, config())]);
    world.connect((0, LinkId(1)), (0, LinkId(2)), MTU);
    world.pass(Duration::from_millis(100));
    let own = world.ends[0].id;
    assert!(world.ends[0].opened().is_empty());
    assert_eq!(
        world.ends[0].closed(),
        [(LinkId(1), Some(own), CloseReason::Duplicate), (LinkId(2), None, CloseReason::Duplicate)]
    );
    world.assert_nothing_open();
}

/// Ends whose redials do what a node does with them, over wires that always connect.
struct Dialling {
    world: World,
    redials: Vec<Redial>,
    /// Outputs of each end already forwarded.
    told: Vec<usize>,
    dials: u64,
}

impl Dialling {
    /// `dials[end]` lists the ends that an end was told to dial.
    fn new(dials: &[&[usize]]) -> Dialling {
        let ends = (0..dials.len() as u64).map(|n| End::new(n + 1, config())).collect();
        let world = World::new(ends);
        let redial = |(end, to): (usize, &&[usize])| {
            let addresses = to.iter().map(|to| to.to_string());
            Redial::new(world.ends[end].id, addresses, Seed::from_number(end as u64), world.now)
        };
        let redials = dials.iter().enumerate().map(redial).collect();
        Dialling { redials, told: vec![0; dials.len()], dials: 0, world }
    }

    fn pass(&mut self, time: Duration) {
        let end_at = self.world.now + time;
        while self.world.now < end_at {
            for end in 0..self.redials.len() {
                while let Some(address) = self.redials[end].poll_dial(self.world.now) {
                    self.dials += 1;
                    let link = LinkId(self.dials);
                    self.redials[end].on_up(link, &address);
                    let to = address.parse().unwrap();
                    self.world.connect((end, link), (to, LinkId(1000 + self.dials)), MTU);
                }
            }
            self.world.pass(Duration::from_millis(5));
            for end in 0..self.redials.len() {
                self.forward(end);
            }
        }
    }

    fn forward(&mut self, end: usize) {
        let log = &self.world.ends[end].log;
        for output in &log[self.told[end]..] {
            match output {
                Output::Opened { link, peer, .. } => {
                    self.redials[end].on_opened(*link, peer.id());
                }
                Output::Closed { link, peer, reason } => {
                    self.redials[end].on_closed(*link, *peer, *reason, self.world.now);
                }
                _ => {}
            }
        }
        self.told[end] = log.len();
    }
}

#[test]
fn two_nodes_told_to_dial_each_other_settle_on_one_link() {
    let mut net = Dialling::new(&[&[1], &[0]]);
    net.pass(Duration::from_secs(60));
    let (kept, other) = survivor(&net.world);
    let settled = net.dials;
    assert!(settled <= 4, "{settled} dials");
    net.world.cut((0, kept));
    net.pass(Duration::from_secs(30));
    assert_ne!(survivor(&net.world), (kept, other));
    assert!(net.dials > settled && net.dials <= settled + 4, "{} dials", net.dials);
}

#[test]
fn a_node_told_to_dial_itself_does_so_once() {
    let mut net = Dialling::new(&[&[0]]);
    net.pass(Duration::from_secs(60));
    assert_eq!(net.dials, 1);
    net.world.assert_nothing_open();
}

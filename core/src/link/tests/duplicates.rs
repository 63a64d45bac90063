//! Two links to one peer, and links to oneself.

use super::*;

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
fn of_two_dials_by_one_peer_the_later_stays_in_whatever_order_they_finish() {
    for seed in 0..60 {
        let mut rng = Seed::from_number(seed).rng();
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(8)), MTU);
        world.connect((0, LinkId(2)), (1, LinkId(7)), MTU);
        let mut fate = |frame: &[u8]| vec![(Duration::from_millis(rng.below(50)), frame.to_vec())];
        world.pass_with(Duration::from_secs(4), &mut fate);
        assert_eq!(survivor(&world), (LinkId(2), LinkId(7)), "seed {seed}");
    }
}

#[test]
fn a_peer_that_restarted_takes_over_from_its_dead_link_at_once() {
    for (dialer, listener) in [(0, 1), (1, 0)] {
        let mut world = World::open_pair(MTU);
        world.cut((0, LinkId(1)));
        world.ends[0] = End::run(1, 77, config());
        world.connect((dialer, LinkId(5)), (listener, LinkId(6)), MTU);
        world.pass(Duration::from_millis(200));
        survivor(&world);
        assert_eq!(world.ends[1].closed()[0].2, CloseReason::Duplicate);
    }
}

#[test]
fn an_open_link_is_announced_before_the_one_it_replaces_is_closed() {
    let mut world = World::open_pair(MTU);
    world.connect((0, LinkId(3)), (1, LinkId(4)), MTU);
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

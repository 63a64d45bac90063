//! What a link does when nobody is hostile.

use super::*;
use crate::{
    limits::{FRAME_BYTES_MIN, OUTPUTS_MAX, PACKET_BYTES_MAX},
    link::{LinkPhase, SendError},
};

#[test]
fn two_peers_prove_themselves_and_exchange_packets_both_ways() {
    let mut world = World::open_pair(MTU);
    world.send(0, 1, b"hello");
    world.send(1, 0, b"");
    world.pass(Duration::from_millis(20));
    assert_eq!(world.ends[1].received(), [b"hello"]);
    assert_eq!(world.ends[0].received(), [b""]);
    let neighbour = world.ends[0].links.neighbours().next().unwrap();
    assert_eq!(neighbour.link_key, identity(2).link_key());
    assert!(world.ends[0].links.is_linked(&identity(2).id()));
}

#[test]
fn a_small_packet_leaves_in_one_frame_with_27_bytes_around_it() {
    let mut world = World::open_pair(MTU);
    world.send(0, 1, &[7; 64]);
    let frames = world.ends[0].drain();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].1.len(), 1 + 8 + 2 + 64 + 16);
}

#[test]
fn every_frame_fits_and_every_packet_arrives_at_any_mtu() {
    for mtu in [20, 21, 22, 27, 33, 64, 100, 185, 512, 1200, 1 << 20] {
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(2)), mtu);
        let mut longest = 0;
        let mut fate = |frame: &[u8]| {
            longest = longest.max(frame.len());
            vec![(DELAY, frame.to_vec())]
        };
        world.pass_with(Duration::from_millis(100), &mut fate);
        let mut rng = Seed::from_number(mtu as u64).rng();
        let packets = [0, 1, 10, 64, 1000, PACKET_BYTES_MAX].map(|len| bytes(&mut rng, len));
        for packet in &packets {
            world.send(0, 1, packet);
        }
        world.pass_with(Duration::from_millis(100), &mut fate);
        assert_eq!(world.ends[1].received(), packets, "mtu {mtu}");
        assert!(longest <= mtu, "{longest} over {mtu}");
    }
}

#[test]
fn a_frame_too_small_to_carry_anything_is_refused() {
    let mut end = End::new(1, config());
    let (tcp, now) = ((Transport::Tcp, PathClass::Lan), Instant::ZERO);
    end.links.on_up(LinkId(1), tcp, LinkRole::Dialer, FRAME_BYTES_MIN - 1, now);
    end.drain();
    assert_eq!(end.closed(), [(LinkId(1), None, CloseReason::Limit)]);
}

#[test]
fn a_packet_over_the_limit_or_for_a_stranger_is_not_sent() {
    let mut world = World::open_pair(MTU);
    let (peer, now) = (world.ends[1].id, world.now);
    let links = &mut world.ends[0].links;
    let got = PACKET_BYTES_MAX + 1;
    let too_long = SendError::TooLong { got, max: PACKET_BYTES_MAX };
    assert_eq!(links.send(peer, Class::Mesh, &vec![0; got], now), Err(too_long));
    assert_eq!(links.send(identity(9).id(), Class::Mesh, &[], now), Err(SendError::NotLinked));
    assert!(world.ends[0].drain().is_empty());
}

#[test]
fn packets_that_nobody_drains_are_refused_at_the_limit() {
    let mut world = World::open_pair(MTU);
    let (peer, now) = (world.ends[1].id, world.now);
    let links = &mut world.ends[0].links;
    let sent =
        (0..OUTPUTS_MAX + 1).filter(|_| links.send(peer, Class::Mesh, b"x", now).is_ok()).count();
    assert_eq!(sent, OUTPUTS_MAX);
    assert_eq!(links.send(peer, Class::Mesh, b"x", now), Err(SendError::Busy));
}

#[test]
fn keys_change_many_times_without_anybody_noticing() {
    let mut world = World::open_pair(MTU);
    for n in 0..200u8 {
        world.send(0, 1, &[n]);
        world.pass(Duration::from_millis(1));
    }
    world.pass(Duration::from_millis(20));
    assert_eq!(world.ends[1].received(), (0..200).map(|n| vec![n]).collect::<Vec<_>>());
}

#[test]
fn pings_measure_the_round_trip() {
    let mut world = World::open_pair(MTU);
    world.pass(Duration::from_secs(20));
    for end in &world.ends {
        let neighbour = end.links.neighbours().next().unwrap();
        assert_eq!(neighbour.rtt, Some(DELAY * 2));
        assert!((neighbour.reliability - 1.0).abs() < 1e-6);
        let measured = end.log.iter().filter(|o| matches!(o, Output::Measured { .. })).count();
        assert_eq!(measured, 1, "a steady link is told once");
    }
}

#[test]
fn unanswered_pings_lower_the_reliability_and_answers_raise_it() {
    let mut world = World::open_pair(MTU);
    let mut rng = Seed::from_number(1).rng();
    world.pass_with(Duration::from_secs(60), &mut |frame| {
        if rng.chance(0.2) { Vec::new() } else { vec![(DELAY, frame.to_vec())] }
    });
    let low = world.ends[0].links.neighbours().next().unwrap().reliability;
    assert!((0.1..0.9).contains(&low), "{low}");
    world.pass(Duration::from_secs(120));
    let high = world.ends[0].links.neighbours().next().unwrap().reliability;
    assert!(high > 0.95, "{high}");
    assert!(world.ends[0].log.iter().filter(|o| matches!(o, Output::Measured { .. })).count() > 2);
}

#[test]
fn a_link_that_falls_silent_is_closed() {
    let mut world = World::open_pair(MTU);
    let start = world.now;
    world.cut((0, LinkId(1)));
    world.pass(Duration::from_secs(7));
    assert_eq!(world.ends[0].reason(), None);
    world.pass(Duration::from_secs(2));
    for end in &world.ends {
        assert_eq!(end.reason(), Some(CloseReason::Silent), "{:?} after", world.now - start);
    }
    world.assert_nothing_open();
}

#[test]
fn an_idle_link_that_answers_stays_open() {
    let mut world = World::open_pair(MTU);
    world.pass(Duration::from_secs(600));
    assert_eq!(world.ends[0].links.neighbours().count(), 1);
}

#[test]
fn a_goodbye_is_heard_on_the_other_side() {
    let mut world = World::open_pair(MTU);
    let now = world.now;
    world.ends[0].links.close_all(CloseReason::Stopping, now);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.ends[0].reason(), Some(CloseReason::Stopping));
    assert_eq!(world.ends[1].reason(), Some(CloseReason::PeerLeft));
    assert!(world.ends[0].hung_up(LinkId(1)) && world.ends[1].hung_up(LinkId(2)));
    world.assert_nothing_open();
}

#[test]
fn a_connection_that_the_driver_lost_is_not_hung_up_again() {
    let mut world = World::open_pair(MTU);
    let now = world.now;
    world.ends[0].links.on_down(LinkId(1), CloseReason::TransportClosed, now);
    assert!(world.ends[0].drain().is_empty());
    let peer = world.ends[1].id;
    assert_eq!(world.ends[0].closed(), [(LinkId(1), Some(peer), CloseReason::TransportClosed)]);
    assert!(!world.ends[0].hung_up(LinkId(1)));
    world.ends[0].links.on_down(LinkId(1), CloseReason::TransportClosed, now);
    assert_eq!(world.ends[0].closed().len(), 1);
}

#[test]
fn links_show_their_phase_from_the_first_moment() {
    let mut world = World::pair();
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    let info = world.ends[0].links.links().next().unwrap();
    assert_eq!((info.phase, info.peer), (LinkPhase::Handshaking, None));
    world.pass(Duration::from_millis(100));
    let info = world.ends[0].links.links().next().unwrap();
    assert_eq!((info.phase, info.peer), (LinkPhase::Open, Some(world.ends[1].id)));
}

#[test]
fn counters_tell_what_happened() {
    let mut world = World::open_pair(MTU);
    world.send(0, 1, b"hello");
    world.ends[0].links.on_congested(LinkId(1), Instant::ZERO);
    world.pass(Duration::from_millis(50));
    let c = world.ends[0].links.counters();
    assert_eq!((c.opened, c.packets_out, c.congested), (1, 1, 1));
    assert_eq!(world.ends[0].links.links().next().unwrap().congested, 1);
    let other = world.ends[1].links.counters();
    assert_eq!((other.packets_in, other.frames_in), (1, c.frames_out));
    assert_eq!(other.bytes_in, c.bytes_out);
}

#[test]
fn the_same_seed_says_the_same_bytes() {
    let run = || {
        let mut world = World::pair();
        let mut said = Vec::new();
        world.connect((0, LinkId(1)), (1, LinkId(2)), 100);
        world.pass_with(Duration::from_secs(10), &mut |frame| {
            said.push(frame.to_vec());
            vec![(DELAY, frame.to_vec())]
        });
        said
    };
    assert_eq!(run(), run());
}

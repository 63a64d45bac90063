//! Frames that are lost, doubled and late.

use super::*;
use crate::link::{UNFINISHED_AGE_MAX, UNFINISHED_MAX};

/// Loses, doubles and delays each frame by chance.
fn weather(rng: &mut Rng, loss: f64, frame: &[u8]) -> Vec<(Duration, Vec<u8>)> {
    let copies = if rng.chance(loss) { 0 } else { 1 + u64::from(rng.chance(0.2)) };
    (0..copies).map(|_| (Duration::from_millis(1 + rng.below(30)), frame.to_vec())).collect()
}

#[test]
fn a_handshake_gets_through_a_lossy_link() {
    for seed in 0..40 {
        let mut rng = Seed::from_number(seed).rng();
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(2)), 100);
        world.pass_with(Duration::from_secs(5), &mut |frame| weather(&mut rng, 0.2, frame));
        for end in &world.ends {
            assert_eq!((end.opened().len(), end.reason()), (1, None), "seed {seed}");
        }
    }
}

#[test]
fn any_one_handshake_message_may_be_lost() {
    for lost in 0..3 {
        let mut world = World::pair();
        world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
        let mut n = 0;
        world.pass_with(Duration::from_secs(2), &mut |frame| {
            n += 1;
            if n == lost + 1 { Vec::new() } else { vec![(DELAY, frame.to_vec())] }
        });
        assert_eq!(world.ends[0].opened().len(), 1, "message {lost}");
        assert_eq!(world.ends[1].opened().len(), 1, "message {lost}");
    }
}

#[test]
fn packets_arrive_at_most_once_and_whole_whatever_the_link_does() {
    for seed in 0..10 {
        let mut rng = Seed::from_number(seed).rng();
        let mut world = World::open_pair(64);
        let mut sent = Vec::new();
        for n in 0..300u32 {
            let len = rng.below(200) as usize;
            let mut packet = n.to_le_bytes().to_vec();
            packet.extend(bytes(&mut rng, len));
            world.send(0, 1, &packet);
            sent.push(packet);
            let time = Duration::from_millis(10);
            world.pass_with(time, &mut |frame| weather(&mut rng, 0.05, frame));
        }
        world.pass(Duration::from_millis(100));
        let received = world.ends[1].received();
        let mut distinct = received.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), received.len(), "seed {seed}: one came twice");
        assert!(received.iter().all(|packet| sent.contains(packet)));
        assert!(received.len() > 200, "seed {seed}: {}", received.len());
        assert_eq!(world.ends[1].reason(), None);
        assert!(world.ends[1].links.counters().replayed > 0);
    }
}

#[test]
fn a_recorded_packet_is_not_delivered_again() {
    let mut world = World::open_pair(MTU);
    world.send(0, 1, b"once");
    let frame = world.ends[0].drain().remove(0).1;
    for _ in 0..3 {
        world.ends[1].links.on_frame(LinkId(2), &frame, world.now);
    }
    world.ends[1].drain();
    assert_eq!(world.ends[1].received(), [b"once"]);
    assert_eq!(world.ends[1].links.counters().replayed, 2);
}

#[test]
fn packets_that_overtook_message_three_do_no_harm() {
    let mut world = World::pair();
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    world.pass_with(Duration::from_secs(1), &mut |frame| {
        let late = frame.starts_with(&[0xbc, 2, 3]);
        vec![(if late { DELAY * 3 } else { DELAY }, frame.to_vec())]
    });
    assert_eq!(world.ends[1].opened().len(), 1);
    assert!(world.ends[1].links.counters().early > 0);
}

#[test]
fn packets_with_lost_pieces_are_forgotten_and_the_link_lives_on() {
    let long = Config { epoch_packets: 1000, ..config() };
    let mut world = World::new(vec![End::new(1, long.clone()), End::new(2, long)]);
    world.connect((0, LinkId(1)), (1, LinkId(2)), 64);
    world.pass(Duration::from_millis(100));
    for _ in 0..UNFINISHED_MAX * 2 {
        world.send(0, 1, &[7; 100]);
        let mut frames = world.ends[0].drain();
        frames.pop();
        for (_, frame) in frames {
            world.ends[1].links.on_frame(LinkId(2), &frame, world.now);
            world.ends[0].links.on_congested(LinkId(1), world.now);
        }
    }
    assert_eq!(world.ends[1].links.counters().unfinished, UNFINISHED_MAX as u64);
    world.pass(UNFINISHED_AGE_MAX - Duration::from_millis(1));
    assert_eq!(world.ends[1].links.counters().unfinished, UNFINISHED_MAX as u64);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.ends[1].links.counters().unfinished, 2 * UNFINISHED_MAX as u64);
    assert_eq!(world.ends[1].reason(), None);
    world.send(0, 1, b"whole");
    world.pass(Duration::from_millis(100));
    assert_eq!(world.ends[1].received(), [b"whole"]);
}

#[test]
fn a_whole_epoch_of_lost_packets_ends_in_silence() {
    let mut world = World::open_pair(MTU);
    for _ in 0..17 {
        world.send(0, 1, b"lost");
    }
    world.ends[0].drain();
    world.pass(Duration::from_secs(9));
    assert_eq!(world.ends[1].reason(), Some(CloseReason::Silent));
    assert!(world.ends[1].links.counters().stale > 0);
}

//! What holds for every input.

use super::*;
use proptest::prelude::*;

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let head = prop_oneof![
        Just(vec![]),
        Just(vec![0xbc, 2]),
        Just(vec![0xbc, 2, 1, 0, 1]),
        Just(vec![0xbc, 2, 2, 0, 1]),
        Just(vec![1]),
        Just(vec![2]),
        Just(vec![2, 0, 0, 0, 0, 2, 0]),
    ];
    let frame = (head, prop::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(head, tail)| [head, tail].concat());
    prop::collection::vec(frame, 1..8)
}

fn cases() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_frames_never_panic_and_never_open_a_link(frames in frames(), dial: bool) {
        let mut end = End::new(1, config());
        let role = if dial { LinkRole::Dialer } else { LinkRole::Listener };
        end.links.on_up(LinkId(1), (Transport::Tcp, PathClass::Lan), role, 20, Instant::ZERO);
        for frame in frames {
            end.links.on_frame(LinkId(1), &frame, Instant::ZERO);
            end.drain();
        }
        prop_assert!(end.opened().is_empty());
    }

    #[test]
    fn random_frames_on_an_open_link_never_panic_and_deliver_nothing(frames in frames()) {
        let mut world = World::open_pair(MTU);
        for frame in frames {
            world.ends[1].links.on_frame(LinkId(2), &frame, world.now);
        }
        world.pass(Duration::from_secs(20));
        prop_assert!(world.ends[1].received().is_empty());
    }

    #[test]
    fn every_packet_arrives_at_every_mtu(
        mtu in 20usize..2000,
        lengths in prop::collection::vec(0usize..5000, 1..6),
        seed: u64,
    ) {
        let mut rng = Seed::from_number(seed).rng();
        let mut world = World::open_pair(mtu);
        let packets: Vec<_> = lengths.into_iter().map(|len| bytes(&mut rng, len)).collect();
        for packet in &packets {
            world.send(0, 1, packet);
        }
        // Pieces come in any order; packets with it.
        let mut fate = |frame: &[u8]| {
            assert!(frame.len() <= mtu);
            vec![(Duration::from_millis(rng.below(20)), frame.to_vec())]
        };
        world.pass_with(Duration::from_millis(100), &mut fate);
        let (mut received, mut sent) = (world.ends[1].received(), packets);
        received.sort();
        sent.sort();
        prop_assert_eq!(received, sent);
    }
}

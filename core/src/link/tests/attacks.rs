//! Garbage, lies and floods: closed with a reason, counted, nothing else changed.

use super::*;
use crate::{
    crypto::identity::{Card, Signature, work_of},
    limits::LINKS_MAX,
    link::{HANDSHAKE_BYTES_MAX, SEALED_BYTES_MAX, STRANGERS_MAX},
};
use snow::{Builder, HandshakeState, params::NoiseParams};

const NOW: Instant = Instant::from_millis(1000);
const LINK: LinkId = LinkId(2);

fn listener() -> End {
    let mut end = End::new(2, config());
    end.links.on_up(LINK, (Transport::Tcp, PathClass::Lan), LinkRole::Listener, MTU, NOW);
    end
}

/// What a listener does with one frame.
fn after(frame: &[u8]) -> End {
    let mut end = listener();
    end.links.on_frame(LINK, frame, NOW);
    end.drain();
    end
}

#[test]
fn what_is_no_frame_is_garbage() {
    let noise: [&[u8]; 10] = [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xbc],
        &[0xbc, 2],
        &[0xbc, 2, 1, 0],
        &[0xbc, 2, 4, 0, 1, 9],
        &[0xbc, 2, 1, 1, 1, 9],
        &[0xbc, 2, 1, 0, 2, 9],
        &[0xbc, 2, 1, 0, 19, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    ];
    for frame in noise {
        let end = after(frame);
        assert_eq!(end.closed(), [(LINK, None, CloseReason::Garbage)], "{frame:?}");
        assert!(end.hung_up(LINK));
        let counters = end.links.counters();
        assert_eq!(counters.closed.get(&CloseReason::Garbage), Some(&1));
        assert_eq!(counters.handshakes_failed, 1);
    }
}

#[test]
fn a_step_out_of_turn_is_garbage() {
    let full = |step| [&[0xbc, 2, step, 0, 1][..], &[9; 32]].concat();
    for frame in [full(2), full(3), vec![1; 40], vec![2, 0, 0, 0, 0, 1, 0, 9]] {
        assert_eq!(after(&frame).reason(), Some(CloseReason::Garbage), "{frame:?}");
    }
}

#[test]
fn another_version_is_told_ours_and_learns_that_it_differs() {
    let mut end = listener();
    end.links.on_frame(LINK, &[0xbc, 9, 1, 0, 1, 0, 0], NOW);
    let said = end.drain();
    assert_eq!(end.reason(), Some(CloseReason::WrongVersion));
    assert_eq!(said, [(LINK, vec![0xbc, 2, 0, 5])]);

    let mut dialer = End::new(1, config());
    dialer.links.on_up(LinkId(1), (Transport::Tcp, PathClass::Lan), LinkRole::Dialer, MTU, NOW);
    dialer.links.on_frame(LinkId(1), &[0xbc, 9, 0, 5], NOW);
    dialer.drain();
    assert_eq!(dialer.reason(), Some(CloseReason::WrongVersion));
}

#[test]
fn handshakes_that_are_too_long_reach_a_limit() {
    let chunk = |index: u8| [&[0xbc, 2, 1, index, 18][..], &[9; 60]].concat();
    let mut end = listener();
    for index in 0..5 {
        end.links.on_frame(LINK, &chunk(index), NOW);
    }
    end.drain();
    const { assert!(5 * 60 > HANDSHAKE_BYTES_MAX) };
    assert_eq!(end.reason(), Some(CloseReason::Limit));
    assert_eq!(after(&vec![1; SEALED_BYTES_MAX + 2]).reason(), Some(CloseReason::Limit));
}

#[test]
fn pieces_over_their_limits_close_the_link() {
    let piece = |index: u16, count: u16, chunk: &[u8]| {
        let mut frame = vec![2, 0, 0];
        frame.extend(index.to_le_bytes());
        frame.extend(count.to_le_bytes());
        frame.extend(chunk);
        frame
    };
    let cases = [
        (vec![piece(0, u16::MAX, &[0; 13])], CloseReason::Garbage),
        (vec![piece(0, 3, &[0; 12])], CloseReason::Garbage),
        (vec![piece(3, 3, &[0; 13])], CloseReason::Garbage),
        (vec![piece(0, 0, &[0; 13])], CloseReason::Garbage),
        (vec![piece(2, 3, &[])], CloseReason::Garbage),
        (vec![piece(0, 2, &[0; 60_000]), piece(1, 2, &[0; 60_000])], CloseReason::Limit),
    ];
    for (frames, reason) in cases {
        let mut world = World::open_pair(MTU);
        for frame in frames {
            world.ends[1].links.on_frame(LINK, &frame, world.now);
        }
        world.ends[1].drain();
        assert_eq!(world.ends[1].reason(), Some(reason));
    }
}

/// Runs a handshake in which `spoil` changes the nth frame; what became of both ends.
fn spoiled(mtu: usize, nth: usize, spoil: &dyn Fn(&mut Vec<u8>)) -> World {
    let third = End::new(3, config());
    let mut world = World::new(vec![End::new(1, config()), End::new(2, config()), third]);
    world.connect((2, LinkId(9)), (1, LinkId(9)), MTU);
    world.pass(Duration::from_millis(100));
    world.connect((0, LinkId(1)), (1, LINK), mtu);
    let mut n = 0;
    world.pass_with(Duration::from_millis(800), &mut |frame| {
        let mut frame = frame.to_vec();
        if n == nth {
            spoil(&mut frame);
        }
        n += 1;
        vec![(DELAY, frame)]
    });
    world
}

fn assert_refused(world: &World, case: &str) {
    let refused = |end: usize, link| world.ends[end].closed().iter().any(|(l, _, _)| *l == link);
    assert!(refused(1, LINK) || refused(0, LinkId(1)), "{case}: nobody noticed");
    assert!(world.ends[1].links.is_linked(&world.ends[2].id), "{case}: a bystander was hurt");
    assert_eq!(world.ends[2].reason(), None, "{case}");
}

#[test]
fn every_flipped_byte_of_every_handshake_message_is_noticed() {
    // Frames of the handshake: message 1, message 2, message 3.
    let lengths = [37, 5 + 32 + 48 + 16 + 105, 5 + 48 + 16 + 105];
    for (nth, len) in lengths.into_iter().enumerate() {
        for at in 0..len * 2 {
            let (at, bit) = (at / 2, [0x40, 0x01][at % 2]);
            let spoil = |frame: &mut Vec<u8>| {
                assert_eq!(frame.len(), len);
                frame[at] ^= bit;
            };
            assert_refused(&spoiled(MTU, nth, &spoil), &format!("message {nth}, byte {at}"));
        }
    }
}

#[test]
fn every_cut_of_every_handshake_message_is_noticed() {
    for nth in 0..3 {
        for keep in (0..169).step_by(7).chain([1, 2, 3, 4, 5, 6]) {
            let spoil = |frame: &mut Vec<u8>| frame.truncate(keep.min(frame.len() - 1));
            let world = spoiled(MTU, nth, &spoil);
            assert_refused(&world, &format!("message {nth}, {keep} bytes"));
        }
    }
}

#[test]
fn a_flipped_byte_after_the_handshake_closes_the_link() {
    let mut world = World::open_pair(MTU);
    world.send(0, 1, b"hello");
    let mut frame = world.ends[0].drain().remove(0).1;
    *frame.last_mut().unwrap() ^= 1;
    world.ends[1].links.on_frame(LINK, &frame, world.now);
    world.pass(Duration::from_millis(50));
    assert_eq!(world.ends[1].reason(), Some(CloseReason::BadSignature));
    assert_eq!(world.ends[0].reason(), Some(CloseReason::BadSignature));
    assert!(world.ends[1].received().is_empty());
}

/// A dialer of our own making, honest up to its introduction.
struct Liar {
    noise: HandshakeState,
}

impl Liar {
    fn new(secret: &[u8; 32], epoch_packets: u64) -> Liar {
        let params: NoiseParams = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
        let mut prologue = b"bitcraps link\x02".to_vec();
        prologue.extend(epoch_packets.to_le_bytes());
        let resolver = super::super::handshake::resolver(Seed::from_number(99));
        let noise = Builder::with_resolver(params, resolver)
            .local_private_key(secret)
            .and_then(|b| b.prologue(&prologue))
            .and_then(Builder::build_initiator)
            .unwrap();
        Liar { noise }
    }

    /// Introduces itself with `payload` to a listener; how that ended.
    fn introduce(mut self, listener: Config, payload: &[u8]) -> End {
        let mut end = End::new(2, listener);
        end.links.on_up(LINK, (Transport::Tcp, PathClass::Lan), LinkRole::Listener, MTU, NOW);
        let mut buffer = [0; 1024];
        let len = self.noise.write_message(&[], &mut buffer).unwrap();
        end.links.on_frame(LINK, &[&[0xbc, 2, 1, 0, 1], &buffer[..len]].concat(), NOW);
        let second = end.drain().remove(0).1;
        self.noise.read_message(&second[5..], &mut buffer).unwrap();
        let len = self.noise.write_message(payload, &mut buffer).unwrap();
        end.links.on_frame(LINK, &[&[0xbc, 2, 3, 0, 1], &buffer[..len]].concat(), NOW);
        end.drain();
        end
    }
}

fn introduction(card: Card, signature: Signature) -> Vec<u8> {
    use super::super::message::{Introduction, encode};
    encode(&Introduction { card, signature, instance: [0; 8] }, Vec::new())
}

const PURPOSE: &str = "bitcraps v1 link static key";

#[test]
fn an_honest_introduction_by_hand_is_believed() {
    let me = identity(1);
    let payload = introduction(me.card(), me.sign(PURPOSE, &me.link_key()));
    let end = Liar::new(me.link_secret(), 8).introduce(config(), &payload);
    assert_eq!(end.opened(), [(LINK, me.id())]);
}

#[test]
fn an_introduction_that_does_not_hold_is_refused_by_name() {
    let (me, other) = (identity(1), identity(3));
    let good = me.sign(PURPOSE, &me.link_key());
    let mut flipped = good.to_bytes();
    flipped[40] ^= 1;
    let flipped = Signature::from_bytes(&flipped);
    let mut trailing = introduction(me.card(), good);
    trailing.push(0);
    let weak = {
        let mut key = [0; 32];
        key[0] = 1;
        Card { key, nonce: 0 }
    };
    let cases = [
        ("signature", introduction(me.card(), flipped), CloseReason::BadSignature),
        ("another's card", introduction(other.card(), good), CloseReason::BadSignature),
        (
            "another's card and signature",
            introduction(other.card(), other.sign(PURPOSE, &other.link_key())),
            CloseReason::BadSignature,
        ),
        (
            "another purpose",
            introduction(me.card(), me.sign("bitcraps v1 map", &me.link_key())),
            CloseReason::BadSignature,
        ),
        ("a weak key", introduction(weak, good), CloseReason::BadSignature),
        ("nothing", Vec::new(), CloseReason::Garbage),
        ("too much", trailing, CloseReason::Garbage),
    ];
    for (case, payload, reason) in cases {
        let end = Liar::new(me.link_secret(), 8).introduce(config(), &payload);
        assert_eq!((end.reason(), end.opened().len()), (Some(reason), 0), "{case}");
    }
}

#[test]
fn an_identity_without_its_work_is_refused_on_both_sides() {
    let me = identity(1);
    let work_bits = work_of(&me.card().key, me.card().nonce) + 1;
    let strict = Config { work_bits, ..config() };
    let payload = introduction(me.card(), me.sign(PURPOSE, &me.link_key()));
    let end = Liar::new(me.link_secret(), 8).introduce(strict.clone(), &payload);
    assert_eq!(end.reason(), Some(CloseReason::NoWork));

    let strict_dialer = End::new(2, strict);
    let mut world = World::new(vec![strict_dialer, End::new(1, config())]);
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.ends[0].reason(), Some(CloseReason::NoWork));
    assert_eq!(world.ends[1].reason(), Some(CloseReason::NoWork), "and the other side hears why");
}

#[test]
fn peers_that_would_change_keys_at_different_times_never_connect() {
    let other = Config { epoch_packets: 9, ..config() };
    let mut world = World::new(vec![End::new(1, config()), End::new(2, other)]);
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.ends[0].reason(), Some(CloseReason::BadSignature));
    world.assert_nothing_open();
}

#[test]
fn a_handshake_that_does_not_finish_times_out() {
    let mut world = World::pair();
    world.connect((0, LinkId(1)), (1, LinkId(2)), MTU);
    world.cut((0, LinkId(1)));
    world.pass(Duration::from_millis(4999));
    assert!(world.ends.iter().all(|end| end.reason().is_none()));
    world.pass(Duration::from_millis(1));
    for end in &mut world.ends {
        end.drain();
        assert_eq!(end.reason(), Some(CloseReason::HandshakeTimeout));
    }
    world.assert_nothing_open();
}

#[test]
fn strangers_crowd_out_strangers_but_never_neighbours_or_newcomers() {
    let mut world = World::open_pair(MTU);
    for n in 0..10_000 {
        let (link, now) = (LinkId(100 + n), world.now);
        world.ends[1].links.on_up(
            link,
            (Transport::Tcp, PathClass::Lan),
            LinkRole::Listener,
            MTU,
            now,
        );
        world.ends[1].drain();
    }
    assert_eq!(world.ends[1].links.links().count(), STRANGERS_MAX + 1);
    let limited = world.ends[1].links.counters().closed[&CloseReason::Limit];
    assert_eq!(limited, 10_000 - STRANGERS_MAX as u64);
    world.ends.push(End::new(3, config()));
    world.connect((2, LinkId(1)), (1, LinkId(50)), MTU);
    world.pass(Duration::from_secs(6));
    assert_eq!(world.ends[1].links.neighbours().count(), 2);
    assert_eq!(world.ends[1].links.links().count(), 2, "the strangers timed out");
}

#[test]
fn links_in_all_are_limited_and_dials_count() {
    let mut end = End::new(1, config());
    for n in 0..LINKS_MAX as u64 + 10 {
        end.links.on_up(LinkId(n), (Transport::Tcp, PathClass::Lan), LinkRole::Dialer, MTU, NOW);
    }
    end.drain();
    assert_eq!(end.links.links().count(), LINKS_MAX);
    assert_eq!(end.closed().len(), 10);
    assert_eq!(end.closed()[0], (LinkId(LINKS_MAX as u64), None, CloseReason::Limit));
}

#[test]
fn frames_in_the_clear_cannot_close_an_open_link() {
    let mut world = World::open_pair(MTU);
    for end in 0..2 {
        let link = world.ends[end].links.links().next().unwrap().link;
        for frame in [&[0xbc, 2, 0, 7][..], &[0xbc, 2, 2, 0, 1, 9], &[0xbc, 2, 3, 0, 1, 9]] {
            world.ends[end].links.on_frame(link, frame, world.now);
        }
        assert!(world.ends[end].drain().is_empty());
        assert_eq!((world.ends[end].reason(), world.ends[end].links.counters().early), (None, 3));
    }
}

#[test]
fn inputs_about_connections_that_are_not_there_change_nothing() {
    let mut world = World::open_pair(MTU);
    let (now, links) = (world.now, &mut world.ends[0].links);
    links.on_frame(LinkId(77), b"x", now);
    links.on_down(LinkId(77), CloseReason::TransportClosed, now);
    links.on_up(LinkId(1), (Transport::Tcp, PathClass::Lan), LinkRole::Listener, MTU, now);
    assert_eq!(links.counters().stray, 3);
    assert!(world.ends[0].drain().is_empty());
    assert_eq!(world.ends[0].reason(), None);
}

#[test]
fn forged_datagrams_end_no_open_link_over_udp_and_are_counted() {
    for (transport, stays) in [(Transport::Udp, true), (Transport::Tcp, false)] {
        let mut world = World::pair();
        world.connect_by(transport, (0, LinkId(1)), (1, LINK), 1191);
        world.pass(Duration::from_millis(100));
        let sealed = [&[1][..], &100_u64.to_le_bytes(), &[7; 40]].concat();
        let piece = [&[2, 0, 0, 0, 0, 1, 0][..], &101_u64.to_le_bytes(), &[7; 60]].concat();
        let forged: [&[u8]; 5] = [b"G", &[1, 2, 3], &sealed, &piece, &[0xbc, 9, 1, 0, 1, 0, 0]];
        for frame in forged {
            world.ends[1].links.on_frame(LINK, frame, world.now);
        }
        world.ends[1].drain();
        assert_eq!(world.ends[1].closed().is_empty(), stays, "{transport:?}");
        if stays {
            assert_eq!(world.ends[1].links.counters().forged, forged.len() as u64);
            world.send(0, 1, b"still here");
            world.pass(Duration::from_secs(1));
            assert!(world.ends[1].received().contains(&b"still here".to_vec()));
        }
    }
}

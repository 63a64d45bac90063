//! Nothing lost, nothing twice, in order where asked, whatever the links do.

use super::{lab::*, *};
use crate::link::{
    KEEP, LINKS_PER_PEER_MAX, REMEMBER, REMEMBERED_MAX, SERVICES, SendError,
    UNACKNOWLEDGED_BYTES_MAX, WINDOW_MESSAGES, neighbour::Peer,
};

const KINDS: [Transport; 6] = Transport::ALL;
const ACKNOWLEDGED: [Class; 4] = [Class::Dice, Class::Bets, Class::Chat, Class::Sync];

/// Class, sender and a number in front; then something of any length.
fn message(rng: &mut Rng, class: Class, from: usize, number: u32) -> Vec<u8> {
    let mut packet = vec![class as u8, from as u8];
    packet.extend(number.to_le_bytes());
    let len = if rng.chance(0.05) { rng.below(20_000) } else { rng.below(300) };
    packet.resize(6 + len as usize, 7);
    packet
}

/// What becomes of the wires in one moment.
fn weather(lab: &mut Lab) {
    let links: Vec<LinkId> = lab.wires.keys().copied().collect();
    let of = |lab: &mut Lab| links[lab.rng.below(links.len() as u64) as usize];
    let alive = links.iter().filter(|link| !lab.wires.get(link).unwrap().silent).count();
    if alive == 0 || links.len() < 5 && lab.rng.chance(0.3) {
        let kind = KINDS[lab.rng.below(6) as usize];
        let delay = ms(1 + lab.rng.below(80));
        let spread = ms(lab.rng.below(40));
        lab.connect(kind, Wire { spread, ..Wire::good(delay) });
        return;
    }
    let link = of(lab);
    match lab.rng.below(6) {
        0 => lab.cut(link),
        1 => lab.wire(link).silent = true,
        2 => lab.wire(link).loss = lab.rng.below(70) as f64 / 100.0,
        3 => {
            let (delay, spread) = (ms(lab.rng.below(300)), ms(lab.rng.below(100)));
            let wire = lab.wire(link);
            (wire.delay, wire.spread) = (delay, spread);
        }
        _ => {
            let wire = lab.wire(link);
            (wire.silent, wire.loss) = (false, 0.0);
        }
    }
}

/// One random life of two peers. Panics with the seed when something is lost, doubled or out of
/// order.
fn live(seed: u64) -> u64 {
    let mut lab = Lab::new(seed);
    lab.connect(Transport::Tcp, Wire::good(ms(5)));
    lab.pass(ms(200));
    let mut sent: [Vec<Vec<u8>>; 2] = Default::default();
    let mut number = 0;
    for _ in 0..20 {
        if lab.rng.chance(0.4) {
            weather(&mut lab);
        }
        for _ in 0..lab.rng.below(6) {
            let from = lab.rng.below(2) as usize;
            let class = ACKNOWLEDGED[lab.rng.below(4) as usize];
            let packet = message(&mut lab.rng, class, from, number);
            if lab.send(from, class, &packet) {
                number += 1;
                sent[from].push(packet);
            }
        }
        let pause = ms(lab.rng.below(700));
        lab.pass(pause);
    }
    // The weather clears: what was accepted must arrive.
    let links: Vec<LinkId> = lab.wires.keys().copied().collect();
    for link in links {
        let wire = lab.wire(link);
        (wire.loss, wire.silent) = (0.0, false);
    }
    lab.connect(Transport::Tcp, Wire::good(ms(5)));
    for _ in 0..60 {
        lab.pass(ms(1000));
        if (0..2).all(|from| lab.got[1 - from].len() >= sent[from].len()) {
            break;
        }
    }
    lab.pass(ms(2000));
    for from in 0..2 {
        let got: Vec<&Vec<u8>> = lab.got[1 - from].iter().map(|(_, packet)| packet).collect();
        for (index, class) in ACKNOWLEDGED.into_iter().enumerate() {
            let of = |packet: &&Vec<u8>| packet[0] == class as u8;
            let mut got: Vec<&Vec<u8>> = got.iter().copied().filter(|p| of(p)).collect();
            let mut sent: Vec<&Vec<u8>> = sent[from].iter().filter(of).collect();
            if !SERVICES[index].ordered {
                got.sort();
                sent.sort();
            }
            let numbers = |packets: &[&Vec<u8>]| -> Vec<u32> {
                packets.iter().map(|p| u32::from_le_bytes(p[2..6].try_into().unwrap())).collect()
            };
            assert_eq!(numbers(&got), numbers(&sent), "seed {seed}, from {from}, {class:?}");
            assert_eq!(got, sent, "seed {seed}, from {from}, {class:?}");
        }
    }
    let counters = lab.ends[0].links.counters();
    assert_eq!(counters.given_up, 0, "seed {seed}");
    counters.moved
}

/// 5 000 worlds in all, in four tests that run side by side.
fn worlds(quarter: u64) {
    let moved: u64 = (0..1250).map(|n| live(4 * n + quarter)).sum();
    assert!(moved > 100, "the worlds are too friendly: {moved} messages moved");
}

#[test]
fn nothing_is_lost_or_doubled_in_the_first_quarter_of_5000_worlds() {
    worlds(0);
}

#[test]
fn nothing_is_lost_or_doubled_in_the_second_quarter_of_5000_worlds() {
    worlds(1);
}

#[test]
fn nothing_is_lost_or_doubled_in_the_third_quarter_of_5000_worlds() {
    worlds(2);
}

#[test]
fn nothing_is_lost_or_doubled_in_the_last_quarter_of_5000_worlds() {
    worlds(3);
}

#[test]
fn balanced_sends_all_arrive_and_healthy_links_share_alike_while_one_fails() {
    for seed in 0..10 {
        let (mut lab, links) = Lab::with(seed, &[(Transport::Tcp, 10); 4]);
        let failing = links[lab.rng.below(4) as usize];
        let mut sent = 0;
        for _ in 0..20 {
            for _ in 0..50 {
                let packet = [&(sent as u32).to_le_bytes()[..], &[7; 200]].concat();
                assert!(lab.send(0, Class::Sync, &packet), "seed {seed}");
                sent += 1;
            }
            if lab.wires.contains_key(&failing) {
                let (silent, loss) = (lab.rng.chance(0.3), lab.rng.below(60) as f64 / 100.0);
                let wire = lab.wire(failing);
                (wire.silent, wire.loss) = (silent, loss);
            }
            lab.pass(ms(30));
        }
        lab.pass(ms(20_000));
        let mut got: Vec<Vec<u8>> = lab.got[1].iter().map(|(_, p)| p[..4].to_vec()).collect();
        got.sort();
        got.dedup();
        assert_eq!((got.len(), lab.got[1].len(), sent), (1000, 1000, 1000), "seed {seed}");
        let of = |l: &crate::link::LinkInfo| l.link != failing;
        let shares: Vec<u64> =
            lab.ends[0].links.links().filter(of).map(|l| l.messages_out).collect();
        let mean = shares.iter().sum::<u64>() as f64 / 3.0;
        let even = shares.iter().all(|share| (*share as f64 - mean).abs() <= mean * 0.1);
        assert!(shares.len() == 3 && even, "seed {seed}: {shares:?}");
    }
}

/// Sends in both game classes every 20 ms; gives how late the latest arrived.
fn latest(lab: &mut Lab, rounds: u32, mut each: impl FnMut(&mut Lab, u32)) -> Duration {
    let mut left = Vec::new();
    let before = lab.got[1].len();
    for round in 0..rounds {
        each(lab, round);
        for class in [Class::Dice, Class::Bets] {
            let packet = [&[class as u8][..], &round.to_le_bytes()].concat();
            if lab.send(0, class, &packet) {
                left.push((lab.now, packet));
            }
        }
        lab.pass(ms(20));
    }
    lab.pass(ms(5000));
    let arrived = |packet: &Vec<u8>| {
        lab.got[1][before..].iter().find(|(_, got)| got == packet).map(|(at, _)| *at)
    };
    assert_eq!(left.len() as u32, 2 * rounds, "every send was accepted");
    left.iter().map(|(at, packet)| arrived(packet).expect("it arrives") - *at).max().unwrap()
}

#[test]
fn the_game_goes_on_within_a_second_and_a_half_after_a_silent_death() {
    for seed in 0..20 {
        let delay = 1 + 4 * seed;
        let (mut lab, links) = Lab::with(seed, &[(Transport::Quic, delay), (Transport::Ble, 40)]);
        let used = lab.serving(Class::Dice);
        let late = latest(&mut lab, 200, |lab, round| {
            if round == 50 {
                lab.wire(used[0]).silent = true;
            }
        });
        assert!(late <= ms(1500), "seed {seed}: {late:?}");
        assert_eq!(links.len(), 2);
        let switches = lab.switched(Class::Dice);
        let (reason, time) = (switches[0].reason, switches[0].interruption.unwrap());
        assert!(reason == SwitchReason::Silent && time <= ms(1500), "seed {seed}: {switches:?}");
    }
}

#[test]
fn a_handoff_from_a_fading_link_interrupts_for_no_more_than_a_round_trip() {
    for seed in 0..20 {
        let (mut lab, links) = Lab::with(seed, &[(Transport::Tcp, 5), (Transport::Ble, 15 + seed)]);
        assert_eq!(lab.serving(Class::Dice), [links[0]]);
        // It weakens by 2 dB every half second and is gone at −92 dBm.
        let late = latest(&mut lab, 600, |lab, round| {
            let rssi = -60 - 2 * (round / 25).min(20) as i8;
            if round % 25 == 0 && lab.wires.contains_key(&links[0]) {
                let now = lab.now;
                lab.ends.iter_mut().for_each(|end| end.links.on_signal(links[0], rssi, now));
                lab.wire(links[0]).silent = rssi < -92;
            }
        });
        assert!(late <= ms(15 + seed) * 2, "seed {seed}: {late:?}");
        let switches = lab.switched(Class::Dice);
        assert_eq!((switches.len(), switches[0].reason), (1, SwitchReason::Fading));
    }
}

#[test]
fn what_waits_goes_out_on_the_next_link_and_in_order() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.wire(links[0]).silent = true;
    for n in 0..5 {
        assert!(lab.send(0, Class::Bets, &[n]));
    }
    lab.pass(ms(10));
    lab.cut(links[0]);
    assert!(!lab.send(0, Class::Bets, b"x"), "there is no link");
    lab.pass(KEEP - ms(500));
    lab.connect(Transport::Ble, Wire::good(ms(30)));
    lab.pass(ms(1000));
    let got: Vec<u8> = lab.got[1].iter().map(|(_, packet)| packet[0]).collect();
    assert_eq!(got, [0, 1, 2, 3, 4]);
    assert_eq!(lab.ends[0].links.counters().given_up, 0);
    let switch = lab.switched(Class::Bets)[0];
    assert_eq!((switch.from, switch.to), (Some(Transport::Tcp), Transport::Ble));
    assert!(switch.interruption.unwrap() >= KEEP - ms(500));
}

#[test]
fn what_waits_too_long_is_given_up_and_what_follows_is_not_held_up() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.wire(links[0]).silent = true;
    lab.send(0, Class::Bets, b"lost");
    lab.send(0, Class::Bets, b"lost too");
    lab.pass(ms(10));
    lab.cut(links[0]);
    lab.pass(KEEP + ms(1));
    assert_eq!(lab.ends[0].links.counters().given_up, 2);
    lab.connect(Transport::Tcp, Wire::good(ms(10)));
    lab.pass(ms(500));
    lab.send(0, Class::Bets, b"next");
    lab.pass(ms(100));
    assert_eq!(lab.got[1].iter().map(|(_, p)| p.as_slice()).collect::<Vec<_>>(), [b"next"]);
}

#[test]
fn a_peer_that_restarted_gets_nothing_of_its_former_life() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.send(0, Class::Bets, b"before");
    lab.pass(ms(100));
    lab.wire(links[0]).silent = true;
    lab.send(0, Class::Bets, b"unheard");
    lab.ends[1] = End::run(2, 77, Config { epoch_packets: 1 << 16, ..config() });
    lab.connect(Transport::Tcp, Wire::good(ms(10)));
    lab.pass(ms(500));
    assert_eq!(lab.ends[0].links.counters().given_up, 1);
    lab.send(0, Class::Bets, b"after");
    lab.send(1, Class::Bets, b"back");
    lab.pass(ms(100));
    let got = |end: usize| lab.got[end].iter().map(|(_, p)| p.as_slice()).collect::<Vec<_>>();
    assert_eq!(got(1), [&b"before"[..], b"after"]);
    assert_eq!(got(0), [b"back"]);
}

#[test]
fn what_is_not_acknowledged_is_limited_in_number_and_bytes() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.wire(links[0]).silent = true;
    let peer = lab.ends[1].id;
    for _ in 0..WINDOW_MESSAGES {
        assert!(lab.send(0, Class::Dice, b"x"));
    }
    let refused = lab.ends[0].links.send(peer, Class::Dice, b"x", lab.now);
    assert_eq!(refused, Err(SendError::Busy));
    assert!(lab.send(0, Class::Bets, b"x"), "another class has room");
    lab.wire(links[0]).silent = false;
    lab.pass(ms(20_000));
    assert_eq!(lab.got[1].len(), WINDOW_MESSAGES + 1);
    assert_eq!(lab.ends[0].links.peers().next().unwrap().unacknowledged, 0);
}

#[test]
fn bytes_that_are_not_acknowledged_and_those_that_wait_for_a_link_are_limited() {
    let large = vec![0; 64 * 1024];
    let accepted = |lab: &mut Lab| (0..100).filter(|_| lab.send(0, Class::Sync, &large)).count();
    // A quarter of a megabyte flies by a link, and as much may wait for it.
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.wire(links[0]).silent = true;
    assert_eq!(accepted(&mut lab), 8);
    assert!(lab.send(0, Class::Bets, b"x"), "another class has room");
    lab.wire(links[0]).silent = false;
    lab.pass(ms(20_000));
    assert_eq!(lab.got[1].len(), 9);
    // By many links more flies than is kept for one peer.
    let (mut lab, _) = Lab::with(1, &[(Transport::Tcp, 10); LINKS_PER_PEER_MAX]);
    let fit = UNACKNOWLEDGED_BYTES_MAX / large.len();
    assert_eq!(accepted(&mut lab), fit);
    lab.pass(ms(20_000));
    assert_eq!(lab.got[1].len(), fit);
}

#[test]
fn those_who_left_are_remembered_for_a_time_and_in_a_number() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.cut(links[0]);
    let known = |lab: &Lab| lab.ends[0].links.peers.len();
    lab.pass(REMEMBER - ms(1));
    assert_eq!(known(&lab), 1);
    lab.pass(ms(1));
    assert_eq!(known(&lab), 0);
    for n in 0..=REMEMBERED_MAX as u64 {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&n.to_le_bytes());
        let gone = Peer { gone_at: Some(Instant::from_millis(n)), ..Peer::new([0; 8], 1) };
        lab.ends[0].links.peers.insert(PeerId::from_bytes(id), gone);
    }
    lab.ends[0].links.forget_surplus();
    assert_eq!(known(&lab), REMEMBERED_MAX);
    assert!(!lab.ends[0].links.peers.contains_key(&PeerId::from_bytes([0; 32])));
}

#[test]
fn an_answered_message_takes_no_frame_but_its_own() {
    let (mut lab, _) = Lab::with(1, &[(Transport::Tcp, 1)]);
    let before = lab.ends.iter().map(|e| e.links.counters().frames_out).sum::<u64>();
    for n in 0..100u8 {
        assert!(lab.send(0, Class::Dice, &[n]));
        lab.pass(ms(1));
        assert!(lab.send(1, Class::Dice, &[n]));
        lab.pass(ms(1));
    }
    let after = lab.ends.iter().map(|e| e.links.counters().frames_out).sum::<u64>();
    assert!(after - before <= 200 + 4, "{} frames", after - before);
    lab.pass(ms(100));
    assert!(lab.ends.iter().all(|e| e.links.peers().all(|p| p.unacknowledged == 0)));
}

#[test]
fn nothing_counts_as_lost_on_links_that_lose_nothing() {
    let kinds = [(Transport::Tcp, 1), (Transport::Quic, 1), (Transport::WebSocket, 1)];
    for seed in 0..20 {
        let (mut lab, _) = Lab::with(seed, &kinds);
        for n in 0..300u16 {
            let class = Class::ALL[lab.rng.below(Class::ALL.len() as u64) as usize];
            let from = lab.rng.below(2) as usize;
            assert!(lab.send(from, class, &n.to_le_bytes()));
            let pause = Duration::from_micros(lab.rng.below(4000));
            lab.pass(pause);
        }
        lab.pass(ms(3000));
        for end in &lab.ends {
            let counters = end.links.counters();
            assert_eq!((counters.lost, counters.resent, counters.moved), (0, 0, 0), "seed {seed}");
        }
        let changed = Class::ALL.into_iter().flat_map(|class| lab.switched(class));
        assert_eq!(changed.collect::<Vec<_>>(), [], "seed {seed}");
        assert_eq!(lab.got[0].len() + lab.got[1].len(), 300);
    }
}

#[test]
fn no_more_datagrams_fly_than_a_listener_keeps() {
    let (mut lab, _) = Lab::with(1, &[(Transport::Udp, 10)]);
    for n in 0..200u32 {
        assert!(lab.send(0, Class::Bets, &n.to_le_bytes()));
    }
    let sent = |lab: &Lab| lab.ends[0].links.links().next().unwrap().messages_out;
    assert_eq!(sent(&lab), 48);
    lab.pass(ms(1000));
    assert_eq!((sent(&lab), lab.got[1].len()), (200, 200));
}

#[test]
fn half_of_what_may_fly_is_acknowledged_without_waiting_for_more() {
    let (mut lab, _) = Lab::with(1, &[(Transport::Ble, 5)]);
    let unacknowledged =
        |lab: &Lab| lab.ends[0].links.peers().map(|peer| peer.unacknowledged).sum::<usize>();
    assert!(lab.send(0, Class::Bets, &[7; 1000]));
    lab.pass(ms(15));
    assert_eq!(unacknowledged(&lab), 1, "more may come that takes the word along");
    assert!(lab.send(0, Class::Bets, &[7; 1100]));
    lab.pass(ms(11));
    assert_eq!(unacknowledged(&lab), 0);
}

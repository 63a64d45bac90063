//! Which link a class takes, and when it takes another.

use super::{lab::*, *};
use crate::{
    limits::LINKS_MAX,
    link::{FAILURES, IDLE_EVICT, LINKS_PER_PEER_MAX, SWITCHES_MAX, SendError},
    transport::BreakerState,
};

#[test]
fn a_better_link_is_taken_after_its_time_and_not_again_within_the_cool_down() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 50)]);
    let fast = lab.connect(Transport::Tcp, Wire::good(ms(5)));
    lab.pass(ms(7500));
    assert_eq!(lab.serving(Class::Dice), [links[0]]);
    lab.pass(ms(3000));
    assert_eq!(lab.serving(Class::Dice), [fast]);
    let switches = lab.switched(Class::Dice);
    assert_eq!((switches.len(), switches[0].reason), (1, SwitchReason::Better));
    // The old one becomes the better one at once.
    lab.wire(links[0]).delay = ms(1);
    lab.wire(fast).delay = ms(100);
    lab.pass(ms(14_000));
    assert_eq!(lab.serving(Class::Dice), [fast]);
    lab.pass(ms(16_000));
    assert_eq!(lab.serving(Class::Dice), [links[0]]);
}

#[test]
fn a_link_that_is_better_for_a_moment_is_not_taken() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 30), (Transport::Quic, 30)]);
    let used = lab.serving(Class::Dice)[0];
    let other = if used == links[0] { links[1] } else { links[0] };
    for _ in 0..6 {
        lab.wire(other).delay = ms(20);
        lab.pass(ms(6000));
        lab.wire(other).delay = ms(60);
        lab.pass(ms(15_000));
    }
    assert_eq!(lab.switched(Class::Dice), []);
}

#[test]
fn a_link_that_loses_most_is_left_at_once() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Quic, 5), (Transport::Ble, 40)]);
    lab.wire(links[0]).loss = 0.9;
    for n in 0..200u8 {
        lab.send(0, Class::Dice, &[n]);
        lab.pass(ms(20));
    }
    assert_eq!(lab.serving(Class::Dice), [links[1]]);
    let reason = lab.switched(Class::Dice)[0].reason;
    assert!(matches!(reason, SwitchReason::Lossy | SwitchReason::Silent | SwitchReason::Fading));
}

#[test]
fn each_class_has_its_own_link() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 5), (Transport::Ble, 60)]);
    assert_eq!(lab.serving(Class::Dice), [links[0]]);
    assert_eq!(lab.serving(Class::Chat), [links[0]]);
    assert_eq!(lab.serving(Class::Sync), links, "all share it");
    let now = lab.now;
    lab.ends[0].links.on_power(Some(40), false, now);
    lab.pass(ms(12_000));
    assert_eq!(lab.serving(Class::Chat), links, "small by Bluetooth, large by the other");
    let carried =
        |lab: &Lab| -> Vec<u64> { lab.ends[0].links.links().map(|l| l.messages_out).collect() };
    assert!(lab.send(0, Class::Chat, &[7; 999]));
    assert_eq!(carried(&lab), [0, 1]);
    assert!(lab.send(0, Class::Chat, &[7; 1000]));
    assert_eq!(carried(&lab), [1, 1]);
    lab.ends[0].links.on_power(Some(41), true, now);
    lab.pass(ms(40_000));
    assert_eq!(lab.serving(Class::Chat), [links[0]]);
}

#[test]
fn a_breaker_opens_on_silence_names_what_was_tried_and_closes_on_answers() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10)]);
    lab.wire(links[0]).silent = true;
    assert!(lab.send(0, Class::Bets, b"kept"));
    let breaker = |lab: &Lab| lab.ends[0].links.links().next().unwrap().breaker;
    let opened = (0..70).find(|_| {
        lab.pass(ms(100));
        breaker(&lab) == BreakerState::Open
    });
    assert!(opened.is_some(), "{:?}", breaker(&lab));
    let peer = lab.ends[1].id;
    let refused = lab.ends[0].links.send(peer, Class::Bets, b"x", lab.now);
    let Err(SendError::NoneWorks { tried }) = &refused else { panic!("{refused:?}") };
    assert_eq!((tried.len(), tried[0].link, tried[0].transport), (1, links[0], Transport::Tcp));
    assert!(tried[0].failures >= FAILURES);
    assert!(refused.unwrap_err().to_string().contains("tcp ("));
    lab.wire(links[0]).silent = false;
    lab.pass(ms(6000));
    assert_eq!(breaker(&lab), BreakerState::Closed);
    assert!(lab.send(0, Class::Bets, b"next"));
    lab.pass(ms(1000));
    let got: Vec<&[u8]> = lab.got[1].iter().map(|(_, p)| p.as_slice()).collect();
    assert_eq!(got, [&b"kept"[..], b"next"]);
}

#[test]
fn a_link_that_begins_to_lose_messages_is_left_before_it_is_silent() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Quic, 10), (Transport::Udp, 10)]);
    assert_eq!(lab.serving(Class::Dice), [links[0]]);
    lab.wire(links[0]).loss = 0.4;
    for n in 0..400u32 {
        assert!(lab.send(0, Class::Dice, &n.to_le_bytes()));
        lab.pass(ms(5));
    }
    let first = lab.switched(Class::Dice)[0];
    assert_eq!((first.reason, first.to), (SwitchReason::Fading, Transport::Udp));
    lab.pass(ms(5000));
    assert_eq!(lab.got[1].len(), 400);
}

#[test]
fn a_fading_link_without_another_asks_for_one() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Ble, 20)]);
    for n in 0..10i8 {
        let now = lab.now;
        lab.ends[0].links.on_signal(links[0], -70 - 2 * n, now);
        lab.pass(ms(500));
    }
    let peer = lab.ends[1].id;
    let asked = |o: &&Output| matches!(o, Output::Prepare { peer: of } if *of == peer);
    let times = lab.ends[0].log.iter().filter(asked).count();
    assert!((1..=2).contains(&times), "{times}");
}

#[test]
fn the_links_of_one_peer_are_limited_and_the_newest_is_refused() {
    let kinds = [(Transport::Tcp, 10); LINKS_PER_PEER_MAX];
    let (mut lab, _) = Lab::with(1, &kinds);
    let surplus = lab.connect(Transport::Tcp, Wire::good(ms(10)));
    lab.pass(ms(200));
    for end in &lab.ends {
        assert_eq!(end.links.links().count(), LINKS_PER_PEER_MAX);
    }
    let peer = lab.ends[1].id;
    assert_eq!(lab.ends[0].closed(), [(surplus, Some(peer), CloseReason::Limit)]);
}

#[test]
fn an_idle_link_that_its_peer_can_spare_makes_room() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Tcp, 10), (Transport::Quic, 10)]);
    let (tcp, dialer) = ((Transport::Tcp, PathClass::Lan), LinkRole::Dialer);
    let fill = |lab: &mut Lab, from: u64| {
        for n in 0..LINKS_MAX as u64 {
            let now = lab.now;
            lab.ends[0].links.on_up(LinkId(from + n), tcp, dialer, MTU, now);
        }
    };
    fill(&mut lab, 1000);
    assert!(links.iter().all(|link| lab.ends[0].links.links().any(|l| l.link == *link)));
    lab.pass(IDLE_EVICT);
    lab.send(0, Class::Bets, b"in use");
    fill(&mut lab, 2000);
    let left: Vec<LinkId> = lab.ends[0].links.links().map(|l| l.link).take(2).collect();
    let used = lab.serving(Class::Bets);
    assert_eq!((left[0], left[1]), (used[0], LinkId(2000)), "the other one went");
}

#[test]
fn changes_are_remembered_up_to_a_number() {
    let (mut lab, _) = Lab::with(1, &[(Transport::Tcp, 10)]);
    for _ in 0..SWITCHES_MAX {
        let link = lab.wires.keys().next().copied().unwrap();
        lab.connect(Transport::Tcp, Wire::good(ms(10)));
        lab.pass(ms(100));
        lab.cut(link);
    }
    let switches = lab.ends[0].links.peers().next().unwrap().switches;
    assert_eq!(switches.len(), SWITCHES_MAX);
    assert!(switches.iter().all(|s| s.reason == SwitchReason::Ended));
    let counted = lab.ends[0].links.counters().switches[&SwitchReason::Ended];
    assert_eq!(counted, 4 * SWITCHES_MAX as u64, "in four classes that hold on to a link");
}

#[test]
fn the_link_of_the_dice_is_the_one_that_is_announced() {
    let (mut lab, links) = Lab::with(1, &[(Transport::Quic, 5), (Transport::Ble, 40)]);
    let shown = |lab: &Lab| lab.ends[0].links.neighbours().next().unwrap().transport;
    assert_eq!(shown(&lab), Transport::Quic);
    lab.cut(links[0]);
    lab.pass(ms(100));
    assert_eq!(shown(&lab), Transport::Ble);
    assert!(lab.ends[0].log.iter().any(|o| matches!(o, Output::Measured { .. })));
    let kinds: Vec<_> = lab.ends[0].links.transports(&lab.ends[1].id).collect();
    assert_eq!(kinds, [Transport::Ble]);
}

#[test]
fn a_link_that_works_is_not_left_because_the_other_way_took_one_that_died() {
    let kinds = [(Transport::Quic, 10), (Transport::WebSocket, 10)];
    let (mut lab, links) = Lab::with(1, &kinds);
    // Only the second end hears that QUIC fades, and leaves it.
    for n in 0..10i8 {
        let now = lab.now;
        lab.ends[1].links.on_signal(links[0], -70 - 2 * n, now);
        lab.pass(ms(500));
    }
    assert_eq!(lab.serving(Class::Dice), [links[0]]);
    let serves = |lab: &Lab| {
        let mut links = lab.ends[1].links.links();
        links.find(|info| info.serves.contains(&Class::Dice)).map(|info| info.link)
    };
    assert_eq!(serves(&lab), Some(links[1]));
    lab.wire(links[0]).silent = true;
    for _ in 0..100 {
        lab.send(0, Class::Dice, b"from the first");
        lab.pass(ms(3));
        lab.send(1, Class::Dice, b"from the second");
        lab.pass(ms(20));
    }
    lab.pass(ms(1000));
    assert_eq!((lab.got[0].len(), lab.got[1].len()), (100, 100));
    assert_eq!(serves(&lab), Some(links[1]));
    let left = |o: &Output| match o {
        Output::Switched { switch, .. } => switch.from == Some(Transport::WebSocket),
        _ => false,
    };
    assert!(!lab.ends[1].log.iter().any(left));
    assert_eq!(lab.ends[1].links.counters().resent, 0);
}

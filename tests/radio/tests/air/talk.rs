//! Values go both ways, in order, between everybody who hears each other.

use crate::peer::Peer;
use bitcraps_radio::{Adapter, Radio};
use std::time::Duration;

/// Starts to scan and waits until exactly these are seen.
pub fn see(central: &mut Peer, others: &[&Adapter]) {
    if central.ask("scan") != "scanning" {
        // It scans already.
    }
    central.ask_until("seen", |seen| {
        let seen: Vec<&str> = seen.split(", ").filter_map(|one| one.split(' ').next()).collect();
        let mut wanted: Vec<&str> = others.iter().map(|other| other.address()).collect();
        wanted.sort_unstable();
        seen == wanted
    });
}

pub fn connect(central: &mut Peer, to: &Adapter) -> String {
    see(central, &[to]);
    let answer = central.ask(&format!("connect {}", to.address()));
    assert!(answer.starts_with("connected"), "{answer}");
    // The other side's program may still be told of the subscription.
    central.ask_until("try 18", |answer| answer == "pong");
    answer
}

#[test]
fn a_thousand_values_each_way_arrive_in_order() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    assert_eq!(connect(&mut central, &a), "connected with an MTU of 517");
    for size in ["20", "244", "512"] {
        let answer = central.ask(&format!("count 1000 {size}"));
        assert_eq!(answer, "there 1000/1000, back 1000/1000", "{size} bytes");
    }
    let counters = radio.counters().unwrap();
    assert_eq!(counters.links, 1);
    assert_eq!((counters.writes_lost, counters.notifications_lost), (0, 0));
}

#[test]
fn delay_keeps_the_order_and_slows_the_round() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    radio.set_delay(Duration::from_millis(20)).unwrap();
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    let started = std::time::Instant::now();
    assert_eq!(central.ask("ping 20"), "pong");
    assert!(started.elapsed() >= Duration::from_millis(40));
    assert_eq!(central.ask("count 200 100"), "there 200/200, back 200/200");
}

#[test]
fn in_a_line_of_three_the_ends_do_not_hear_each_other() {
    let radio = Radio::start().unwrap();
    let [a, b, c] = [(); 3].map(|()| radio.adapter().unwrap());
    radio.set_range(&a, &c, false).unwrap();
    let mut middle = Peer::peripheral(&b);
    let _end = Peer::peripheral(&c);
    let mut left = Peer::central(&a);
    connect(&mut left, &b);
    // The advertisement through which somebody came in has ended.
    let mut right = Peer::central(&c);
    assert_eq!(right.ask("scan"), "scanning");
    assert_eq!(middle.ask("advertise"), "advertising");
    connect(&mut right, &b);
    assert_eq!(left.ask("count 300 244"), "there 300/300, back 300/300");
    assert_eq!(right.ask("count 300 244"), "there 300/300, back 300/300");
    assert!(radio.is_linked(&a, &b).unwrap() && radio.is_linked(&b, &c).unwrap());
    assert!(!radio.is_linked(&a, &c).unwrap());
}

#[test]
fn two_adapters_of_one_machine_talk_over_one_bus() {
    let radio = Radio::start().unwrap();
    let first = radio.adapter().unwrap();
    let second = radio.adapter_beside(&first).unwrap();
    assert_eq!(first.bus(), second.bus());
    let other = radio.adapter().unwrap();
    let _peripheral = Peer::peripheral(&first);
    let mut central = Peer::central(&other);
    connect(&mut central, &first);
    radio.set_power(&second, false).unwrap();
    assert_eq!(central.ask("count 50 100"), "there 50/50, back 50/50");
}

#[test]
fn the_strength_is_what_the_air_says() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    see(&mut central, &[&a]);
    for rssi in [-40, -91] {
        radio.set_rssi(&a, &b, rssi).unwrap();
        let wanted = format!("{} {rssi}", a.address());
        central.ask_until("seen", |seen| seen == wanted);
    }
}

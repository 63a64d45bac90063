//! What goes wrong on a real radio goes wrong here in the same way.

use crate::{
    peer::Peer,
    talk::{connect, see},
};
use bitcraps_radio::{ADAPTERS_MAX, ADVERTS_MAX, Loss, Radio};
use std::time::Duration;

#[test]
fn a_cut_link_is_told_and_can_be_made_again() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    for _ in 0..3 {
        connect(&mut central, &a);
        assert_eq!(central.ask("ping 20"), "pong");
        assert!(radio.cut(&a, &b).unwrap());
        assert_eq!(central.ask("lost"), "true");
        assert_eq!(central.ask("linked"), "false");
    }
    assert!(!radio.cut(&a, &b).unwrap());
}

#[test]
fn out_of_range_ends_the_link_and_nothing_connects_until_back() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    radio.set_range(&a, &b, false).unwrap();
    assert_eq!(central.ask("lost"), "true");
    let refused = central.ask(&format!("connect {}", a.address()));
    assert!(refused.contains("le-connection-abort-by-local"), "{refused}");
    radio.set_range(&a, &b, true).unwrap();
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
}

#[test]
fn an_adapter_that_was_off_serves_again() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let mut peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    radio.set_power(&a, false).unwrap();
    assert_eq!(central.ask("lost"), "true");
    assert_eq!(peripheral.ask("power"), "false");
    radio.set_power(&a, true).unwrap();
    assert_eq!(peripheral.ask("power"), "true");
    connect(&mut central, &a);
    radio.set_power(&b, false).unwrap();
    assert_eq!(central.ask("lost"), "true");
    assert_eq!(central.ask("scan"), "scanning", "the library switches the adapter on");
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
}

#[test]
fn a_blocked_adapter_cannot_be_switched_on() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    radio.set_blocked(&b, true).unwrap();
    assert_eq!(central.ask("lost"), "true");
    let refused = central.ask("scan");
    assert!(refused.contains("rfkill"), "{refused}");
    radio.set_blocked(&b, false).unwrap();
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
}

#[test]
fn an_adapter_can_be_absent_at_first_and_come_later() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    radio.set_present(&b, false).unwrap();
    let mut central = Peer::central(&b);
    assert_eq!(central.ask("scan"), "no adapter");
    radio.set_present(&b, true).unwrap();
    let _peripheral = Peer::peripheral(&a);
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
}

#[test]
fn a_link_outlives_the_program_that_served_it() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let mut peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
    peripheral.kill();
    let refused = central.ask_until("try 20", |answer| answer.starts_with("refused"));
    assert!(refused.contains("exist") || refused.contains("not found"), "{refused}");
    assert_eq!(central.ask("linked"), "true");
    let _peripheral = Peer::peripheral(&a);
    let refused = central.ask("ping 20");
    assert!(refused.starts_with("refused"), "old handles stay dead: {refused}");
    assert_eq!(central.ask("disconnect"), "Ok(())");
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
}

#[test]
fn an_advertisement_ends_when_a_central_comes_in_through_it() {
    let radio = Radio::start().unwrap();
    let [a, b, c] = [(); 3].map(|()| radio.adapter().unwrap());
    let mut peripheral = Peer::peripheral(&a);
    let mut first = Peer::central(&b);
    connect(&mut first, &a);
    let mut second = Peer::central(&c);
    assert_eq!(second.ask("scan"), "scanning");
    assert_eq!(second.ask("seen"), "");
    let refused = second.ask(&format!("connect {}", a.address()));
    assert_eq!(refused, "not seen");
    assert_eq!(peripheral.ask("advertise"), "advertising");
    connect(&mut second, &a);
    assert_eq!(first.ask("ping 20"), "pong");
    assert_eq!(second.ask("ping 20"), "pong");
    assert_eq!(first.ask("disconnect"), "Ok(())");
    assert_eq!(second.ask("ping 20"), "pong");
}

#[test]
fn values_beyond_the_link_are_refused_and_beyond_gatt_vanish() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 512"), "pong");
    assert_eq!(central.ask("try 513"), "silence");
    assert!(central.ask("ping 515").starts_with("refused"));
    assert_eq!(radio.counters().unwrap().writes_refused, 2);
    radio.set_mtu(23).unwrap();
    assert!(radio.cut(&a, &b).unwrap());
    assert_eq!(central.ask("lost"), "true");
    assert_eq!(connect(&mut central, &a), "connected with an MTU of 23");
    assert!(central.ask("ping 21").starts_with("refused"));
    // The library serves five bytes less than the MTU, not three.
    assert_eq!(central.ask("ping 18"), "pong");
}

#[test]
fn loss_takes_its_share_of_both_directions() {
    let radio = Radio::start().unwrap();
    let (a, b) = (radio.adapter().unwrap(), radio.adapter().unwrap());
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    radio.set_loss(Loss { writes: 1.0, notifications: 0.0 }).unwrap();
    assert_eq!(central.ask("try 20"), "silence");
    radio.set_loss(Loss { writes: 0.0, notifications: 1.0 }).unwrap();
    assert_eq!(central.ask("try 20"), "silence");
    radio.set_loss(Loss { writes: 0.3, notifications: 0.3 }).unwrap();
    for _ in 0..200 {
        central.ask("try 20");
        if radio.counters().unwrap().notifications >= 12 {
            break;
        }
    }
    radio.set_loss(Loss::default()).unwrap();
    assert_eq!(central.ask("ping 20"), "pong");
    let counters = radio.counters().unwrap();
    assert!(counters.writes_lost > 1 && counters.notifications_lost > 1, "{counters:?}");
}

#[test]
fn an_advertisement_that_does_not_fit_is_refused() {
    let radio = Radio::start().unwrap();
    let a = radio.adapter().unwrap();
    let mut peripheral = Peer::peripheral(&a);
    let refused = peripheral.ask("advertise too much");
    assert!(refused.contains("too long"), "{refused}");
}

#[test]
fn an_adapter_has_no_more_advertisements_than_its_limit() {
    let radio = Radio::start().unwrap();
    let a = radio.adapter().unwrap();
    let mut peripheral = Peer::peripheral(&a);
    for _ in 1..ADVERTS_MAX {
        assert_eq!(peripheral.ask("advertise once more"), "advertising");
    }
    let refused = peripheral.ask("advertise once more");
    assert!(refused.contains("Maximum advertisements"), "{refused}");
}

#[test]
fn a_radio_has_no_more_adapters_than_its_limit() {
    let radio = Radio::start().unwrap();
    let first = radio.adapter().unwrap();
    for _ in 1..ADAPTERS_MAX {
        radio.adapter_beside(&first).unwrap();
    }
    let refused = radio.adapter_beside(&first).unwrap_err().to_string();
    assert!(refused.contains("at most"), "{refused}");
}

#[test]
fn a_bus_that_dies_takes_only_its_own_adapters() {
    let radio = Radio::start().unwrap();
    let [a, b, c] = [(); 3].map(|()| radio.adapter().unwrap());
    radio.kill_bus(&c).unwrap();
    let _peripheral = Peer::peripheral(&a);
    let mut central = Peer::central(&b);
    connect(&mut central, &a);
    assert_eq!(central.ask("ping 20"), "pong");
    see(&mut central, &[&a]);
    std::thread::sleep(Duration::from_millis(10));
    assert_eq!(central.ask("ping 20"), "pong");
}

//! The same peers on a real BlueZ, where there is one: what the radio does must be true of it.
//!
//! `cargo xtask ble-vm` names adapters of its machine; elsewhere nothing is done, because a test
//! does not use the Bluetooth of the machine it runs on.

use crate::peer::Peer;
use std::env;

const ADAPTERS: &str = "BITCRAPS_BLUETOOTH_ADAPTERS";

#[test]
fn a_thousand_values_each_way_arrive_in_order_over_bluez() {
    let Ok(adapters) = env::var(ADAPTERS) else {
        println!("skipped: no adapters in {ADAPTERS}; cargo xtask ble-vm has some");
        return;
    };
    let mut adapters = adapters.split(',');
    let (first, second) = (adapters.next().unwrap(), adapters.next().unwrap());
    let mut peripheral = Peer::real("peripheral", first).serving();
    let address = peripheral.ask("address");
    let mut central = Peer::real("central", second);
    assert_eq!(central.ask("scan"), "scanning");
    central.ask_until("seen", |seen| seen.starts_with(&address));
    assert_eq!(central.ask(&format!("connect {address}")), "connected with an MTU of 517");
    // BlueZ asks for the program's socket at the first value; of values that come while it waits
    // for that, it hands over the newest in the place of each. So the first is waited for.
    central.ask_until("try 20", |answer| answer == "pong");
    for size in ["20", "244", "512"] {
        let answer = central.ask(&format!("count 1000 {size}"));
        assert_eq!(answer, "there 1000/1000, back 1000/1000", "{size} bytes");
    }
    assert_eq!(central.ask("try 513"), "silence");
    assert!(central.ask("ping 515").starts_with("refused"));
    peripheral.kill();
    let refused = central.ask_until("try 20", |answer| answer.starts_with("refused"));
    println!("after the program that served is gone: {refused}");
    assert_eq!(central.ask("linked"), "true");
    assert_eq!(central.ask("disconnect"), "Ok(())");
    assert_eq!(central.ask("linked"), "false");
}

//! What hosts see of the air, packet by packet.

#![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

use super::*;

/// A line: the first and the third do not hear each other.
fn line() -> Air {
    Air::new(3, &[(2, 0)])
}

fn command(air: &mut Air, who: usize, opcode: u16, given: &[u8]) -> Vec<ToHost> {
    let [low, high] = opcode.to_le_bytes();
    let head = [hci::COMMAND, low, high, given.len() as u8];
    air.on_packet(who, &[&head, given].concat())
}

/// One command that is completed well.
fn done(air: &mut Air, who: usize, opcode: u16, given: &[u8]) -> Vec<u8> {
    let told = command(air, who, opcode, given);
    let [ToHost { controller, packet }] = &told[..] else { panic!("{told:?}") };
    let [low, high] = opcode.to_le_bytes();
    assert_eq!((*controller, &packet[..2]), (who, &[hci::EVENT, 0x0e][..]));
    assert_eq!(packet[4..7], [low, high, OK]);
    packet[7..].to_vec()
}

fn advertise(air: &mut Air, who: usize, data: &[u8]) {
    let parameters = [0, 8, 0, 8, CONNECTABLE, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0];
    done(air, who, hci::LE_SET_ADVERTISING_PARAMETERS, &parameters);
    let data = [&[data.len() as u8], data].concat();
    done(air, who, hci::LE_SET_ADVERTISING_DATA, &data);
    done(air, who, hci::LE_SET_ADVERTISING, &[1]);
}

fn scan(air: &mut Air, who: usize, actively: bool, once: bool) {
    done(air, who, hci::LE_SET_SCAN_PARAMETERS, &[actively.into(), 16, 0, 16, 0, 0, 0]);
    done(air, who, hci::LE_SET_SCAN, &[1, once.into()]);
}

/// Who heard whom: kind and the lowest byte of the address.
fn heard(told: &[ToHost]) -> Vec<(usize, u8, u8)> {
    let report = |to: &ToHost| match &to.packet[..] {
        [hci::EVENT, 0x3e, _, 0x02, 1, kind, _, lowest, ..] => {
            Some((to.controller, *kind, *lowest))
        }
        _ => None,
    };
    told.iter().filter_map(report).collect()
}

fn address(of: usize) -> [u8; 6] {
    [of as u8, 0, 0, 0, 0xbb, 0]
}

fn ask_for(air: &mut Air, central: usize, peripheral: usize) -> Vec<ToHost> {
    let head = [16, 0, 16, 0, 0, 0];
    let rest = [0, 40, 0, 40, 0, 0, 0, 144, 1, 0, 0, 0, 0];
    let given = [&head[..], &address(peripheral), &rest].concat();
    command(air, central, hci::LE_CREATE_CONNECTION, &given)
}

/// Links two; gives the handle that both are told.
fn link(air: &mut Air, central: usize, peripheral: usize) -> u16 {
    advertise(air, peripheral, b"x");
    let told = ask_for(air, central, peripheral);
    assert_eq!(told[0].packet[..4], [hci::EVENT, 0x0f, 4, OK]);
    let told = air.on_advertising_event();
    let links: Vec<(usize, u8, u16)> = told.iter().filter_map(linked_to).collect();
    let [(first, 0, handle), (second, 1, same)] = links[..] else { panic!("{told:?}") };
    assert_eq!((first, second, handle), (central, peripheral, same));
    handle
}

/// Who is told of a link, its role and the handle.
fn linked_to(to: &ToHost) -> Option<(usize, u8, u16)> {
    match &to.packet[..] {
        [hci::EVENT, 0x3e, 19, 0x01, OK, low, high, role, ..] => {
            Some((to.controller, *role, u16::from_le_bytes([*low, *high])))
        }
        _ => None,
    }
}

fn data(handle: u16, boundary: u16, bytes: &[u8]) -> Vec<u8> {
    let [low, high] = (handle | boundary << 12).to_le_bytes();
    let [len_low, len_high] = (bytes.len() as u16).to_le_bytes();
    [&[hci::DATA, low, high, len_low, len_high], bytes].concat()
}

#[test]
fn who_scans_in_range_hears_an_advertisement_and_nobody_else_does() {
    let mut air = line();
    advertise(&mut air, 0, b"hello");
    assert!(air.on_advertising_event().is_empty(), "nobody scans");
    scan(&mut air, 1, true, false);
    scan(&mut air, 2, true, false);
    for _ in 0..2 {
        let told = air.on_advertising_event();
        assert_eq!(heard(&told), [(1, CONNECTABLE, 0), (1, SCAN_RESPONSE, 0)]);
        assert!(told[0].packet.windows(5).any(|bytes| bytes == b"hello"));
    }
    scan(&mut air, 1, false, true);
    assert_eq!(heard(&air.on_advertising_event()), [(1, CONNECTABLE, 0)], "it does not ask");
    assert!(air.on_advertising_event().is_empty(), "it has heard that");
    done(&mut air, 0, hci::LE_SET_ADVERTISING, &[0]);
    scan(&mut air, 1, true, false);
    assert!(air.on_advertising_event().is_empty(), "nobody advertises");
}

#[test]
fn the_middle_of_a_line_has_two_links_and_mixes_up_neither() {
    let mut air = line();
    let (first, second) = (link(&mut air, 0, 1), link(&mut air, 1, 2));
    assert_ne!(first, second);
    for (from, to, handle) in [(0, 1, first), (1, 0, first), (1, 2, second), (2, 1, second)] {
        let told = air.on_packet(from, &data(handle, 0, b"beginning"));
        let expected = [
            ToHost { controller: to, packet: data(handle, 2, b"beginning") },
            ToHost { controller: from, packet: hci::packet_completed(handle) },
        ];
        assert_eq!(told, expected);
        let told = air.on_packet(from, &data(handle, 1, b"rest"));
        assert_eq!(told[0].packet, data(handle, 1, b"rest"));
    }
    assert!(air.on_packet(0, &data(second, 0, b"not its link")).is_empty());
    let [low, high] = second.to_le_bytes();
    let told = command(&mut air, 2, hci::DISCONNECT, &[low, high, 0x13]);
    assert_eq!(told[1].packet, hci::disconnected(second, hci::ENDED_BY_HOST));
    let other = ToHost { controller: 1, packet: hci::disconnected(second, hci::ENDED_BY_REMOTE) };
    assert_eq!(told[2], other);
    assert_eq!(air.on_packet(0, &data(first, 0, b"still there")).len(), 2);
}

#[test]
fn a_link_ends_the_advertisement_and_two_have_no_second_one() {
    let mut air = line();
    link(&mut air, 0, 1);
    scan(&mut air, 2, true, false);
    assert!(air.on_advertising_event().is_empty(), "the advertisement has ended");
    done(&mut air, 1, hci::LE_SET_ADVERTISING, &[1]);
    assert_eq!(heard(&air.on_advertising_event()).len(), 2);
    let told = ask_for(&mut air, 0, 1);
    assert_eq!(told[0].packet[..4], [hci::EVENT, 0x0f, 4, hci::ALREADY_LINKED]);
}

#[test]
fn whoever_is_out_of_range_is_waited_for_until_the_host_gives_up() {
    let mut air = line();
    advertise(&mut air, 2, b"x");
    assert_eq!(ask_for(&mut air, 0, 2)[0].packet[3], OK);
    assert_eq!(ask_for(&mut air, 0, 2)[0].packet[3], hci::NOT_NOW, "one at a time");
    assert!(air.on_advertising_event().is_empty());
    let told = command(&mut air, 0, hci::LE_CANCEL_CONNECTION, &[]);
    assert_eq!(told[0].packet[6], OK);
    assert_eq!(told[1].packet[3..5], [0x01, hci::UNKNOWN_CONNECTION]);
    let told = command(&mut air, 0, hci::LE_CANCEL_CONNECTION, &[]);
    assert_eq!(told[0].packet[6], hci::NOT_NOW);
}

#[test]
fn a_reset_ends_the_links_and_forgets_all_but_the_address() {
    let mut air = line();
    let handle = link(&mut air, 0, 1);
    advertise(&mut air, 1, b"x");
    let told = command(&mut air, 1, hci::RESET, &[]);
    let lost = ToHost { controller: 0, packet: hci::disconnected(handle, hci::TIMED_OUT) };
    assert!(told.contains(&lost), "{told:?}");
    assert_eq!(done(&mut air, 1, hci::READ_ADDRESS, &[]), address(1));
    scan(&mut air, 0, true, false);
    assert!(air.on_advertising_event().is_empty());
}

#[test]
fn links_are_limited() {
    let mut air = Air::new(CONTROLLERS_MAX + 1, &[]);
    assert_eq!(air.controllers.len(), CONTROLLERS_MAX);
    let pairs = (0..CONTROLLERS_MAX).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mut pairs = pairs.collect::<Vec<_>>().into_iter();
    for (a, b) in pairs.by_ref().take(LINKS_MAX) {
        link(&mut air, a, b);
    }
    let (a, b) = pairs.next().unwrap();
    assert_eq!(ask_for(&mut air, a, b)[0].packet[3], hci::LIMIT_EXCEEDED);
}

#[test]
fn what_was_heard_is_remembered_up_to_a_limit() {
    let mut air = line();
    scan(&mut air, 1, false, true);
    for n in 0..=HEARD_MAX {
        advertise(&mut air, 0, &[n as u8]);
        assert_eq!(heard(&air.on_advertising_event()).len(), 1);
    }
    assert_eq!(heard(&air.on_advertising_event()).len(), 1, "what found no room is told again");
}

#[test]
fn whatever_a_host_writes_is_answered_or_ignored() {
    let mut air = line();
    link(&mut air, 0, 1);
    // Every command with too few bytes, then everything up to four bytes long that is likely.
    for opcode in 0..=u16::MAX {
        for given in [&[][..], &[1], &[1, 0], &[40, 1, 2]] {
            let told = command(&mut air, 0, opcode, given);
            assert!(!told.is_empty(), "{opcode:#x} is not answered");
        }
    }
    for kind in 0..=u8::MAX {
        for rest in [&[][..], &[1], &[1, 0], &[1, 0, 0], &[1, 0, 255, 255], &[0xff; 300]] {
            air.on_packet(2, &[&[kind], rest].concat());
        }
    }
    assert!(air.on_packet(2, &[]).is_empty());
    assert!(air.on_packet(99, &[hci::COMMAND, 3, 12, 0]).is_empty());
}

//! What holds for routes, delivery and floods.

#[cfg(not(target_arch = "wasm32"))]
mod hostile;
mod mesh;

use super::*;
use crate::limits::PACKET_BYTES_MAX;
use mesh::{HOP, Mesh, identity};

#[test]
fn a_payload_crosses_a_line_and_its_acknowledgement_comes_back() {
    let mut mesh = Mesh::line(5);
    let id = mesh.send(0, 4, b"hello", Delivery::Acked);
    mesh.run();
    assert_eq!(mesh.bodies(4), [(mesh.ids[0], b"hello".to_vec())]);
    let rtt = HOP * 8;
    assert_eq!(mesh.told[0], [Output::Delivered { id, to: mesh.ids[4], rtt }]);
    assert_eq!(mesh.carried.len(), 8);
    assert!(mesh.routers[1..4].iter().all(|r| r.counters().forwarded == 2));
    assert_eq!(mesh.routers[0].path(mesh.ids[4]), Some(mesh.ids.clone()));
    assert_eq!(mesh.routers[0].distance(mesh.ids[4]), Some(Duration::from_micros(4 * 5500)));
}

#[test]
fn the_cheaper_way_is_taken_and_losses_make_a_way_dear() {
    let mut mesh = Mesh::ring();
    assert_eq!(mesh.routers[0].path(mesh.ids[3]).unwrap()[1], mesh.ids[1]);
    mesh.topology.edges[1].reliability = 0.3;
    mesh.routers[0].set_topology(mesh.topology.clone());
    assert_eq!(mesh.routers[0].path(mesh.ids[3]).unwrap()[1], mesh.ids[5]);
}

#[test]
fn a_retry_takes_a_path_that_shares_no_link_with_the_first() {
    let mut mesh = Mesh::ring();
    mesh.cut.insert((1, 2));
    let id = mesh.send(0, 3, b"hello", Delivery::Acked);
    mesh.run();
    assert_eq!(mesh.bodies(3), [(mesh.ids[0], b"hello".to_vec())]);
    assert!(matches!(mesh.told[0][..], [Output::Delivered { id: got, .. }] if got == id));
    assert_eq!(mesh.routers[0].counters().retried, 1);
    // There by the written path, and the acknowledgement back along it.
    let hops: Vec<_> = mesh.carried.iter().map(|(a, b, _)| (*a, *b)).collect();
    assert_eq!(hops, [(0, 1), (1, 2), (0, 5), (5, 4), (4, 3), (3, 4), (4, 5), (5, 0)]);
}

#[test]
fn without_a_second_path_the_same_one_is_tried_again() {
    let mut mesh = Mesh::line(3);
    mesh.cut.insert((1, 2));
    let id = mesh.send(0, 2, b"hello", Delivery::Acked);
    mesh.now = mesh.now + Duration::from_millis(1);
    mesh.drain();
    while mesh.routers[0].counters().retried < 2 {
        let due = mesh.routers[0].deadline().unwrap();
        mesh.routers[0].on_timeout(due);
        mesh.now = due;
    }
    mesh.cut.clear();
    mesh.run();
    assert_eq!(mesh.bodies(2).len(), 1);
    assert!(matches!(mesh.told[0][..], [Output::Delivered { id: got, .. }] if got == id));
}

#[test]
fn what_is_never_acknowledged_is_given_up_in_time() {
    let mut mesh = Mesh::line(3);
    mesh.cut.insert((1, 2));
    let start = mesh.now;
    let id = mesh.send(0, 2, b"hello", Delivery::Acked);
    mesh.run();
    let to = mesh.ids[2];
    let [Output::Undeliverable { id: got, to: whom, tries }] = mesh.told[0][..] else {
        panic!("{:?}", mesh.told[0]);
    };
    assert_eq!((got, whom), (id, to));
    assert!(tries <= 12);
    assert!(mesh.now.since(start) <= Config::default().give_up_after);
    assert_eq!(mesh.routers[0].deadline(), None);
    assert_eq!(mesh.routers[0].counters().given_up, 1);
}

#[test]
fn duplicated_messages_are_delivered_at_most_once() {
    let mut mesh = Mesh::line(4);
    mesh.copies = 2;
    for n in 0..30u8 {
        let delivery = if n % 2 == 0 { Delivery::Once } else { Delivery::Acked };
        mesh.send(0, 3, &[n], delivery);
    }
    mesh.run();
    let mut bodies: Vec<u8> = mesh.bodies(3).iter().map(|(_, body)| body[0]).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..30).collect::<Vec<u8>>());
    assert_eq!(mesh.told[0].len(), 15);
    assert_eq!(mesh.routers[3].counters().duplicate, 30 * 7);
}

#[test]
fn a_repetition_is_acknowledged_again_but_not_delivered_again() {
    let mut mesh = Mesh::line(2);
    let datagram = mesh.datagram_to(0, 1, Delivery::Acked);
    let from = mesh.ids[0];
    for _ in 0..3 {
        mesh.routers[1].on_message(from, Message::Datagram(datagram.clone()), mesh.now);
    }
    mesh.drain();
    assert_eq!((mesh.bodies(1).len(), mesh.carried.len()), (1, 3));
}

#[test]
fn what_is_forged_on_the_way_is_refused() {
    let mut mesh = Mesh::line(3);
    let good = mesh.datagram_to(0, 2, Delivery::Acked);
    let relay = mesh.ids[1];
    let table: [fn(&mut Datagram, PeerId); 6] = [
        |d, _| d.body[30] ^= 1,
        |d, _| d.id += 1,
        |d, _| d.kind = Kind::Once,
        |d, _| d.kind = Kind::Ack,
        |d, relay| d.src = relay,
        |d, _| d.src = d.dst,
    ];
    for (n, forge) in table.iter().enumerate() {
        let mut forged = good.clone();
        forge(&mut forged, relay);
        mesh.routers[2].on_message(relay, Message::Datagram(forged), mesh.now);
        assert_eq!(mesh.routers[2].poll_output(), None);
        assert_eq!(mesh.routers[2].counters().refused, n as u64 + 1);
    }
    assert!(!good.body.windows(4).any(|w| w == b"body"));
    mesh.routers[2].on_message(relay, Message::Datagram(good), mesh.now);
    mesh.drain();
    assert_eq!(mesh.bodies(2).len(), 1);
}

#[test]
fn a_forged_acknowledgement_does_not_end_the_waiting() {
    let mut mesh = Mesh::line(3);
    let sent = mesh.datagram_to(0, 2, Delivery::Acked);
    let forged = Datagram {
        src: sent.dst,
        dst: sent.src,
        kind: Kind::Ack,
        body: vec![0; SEAL_BYTES],
        ..sent
    };
    let relay = mesh.ids[1];
    mesh.routers[0].on_message(relay, Message::Datagram(forged), mesh.now);
    assert_eq!(mesh.routers[0].poll_output(), None);
    assert!(mesh.routers[0].deadline().is_some());
}

#[test]
fn a_relay_forwards_the_class_and_cannot_change_it() {
    let mut mesh = Mesh::line(3);
    let sent = mesh.datagram_to(0, 2, Delivery::Once);
    assert_eq!(sent.class, Class::Bets);
    let (source, relay) = (mesh.ids[0], mesh.ids[1]);
    mesh.routers[1].on_message(source, Message::Datagram(sent.clone()), mesh.now);
    let Some(Output::Forward { message, .. }) = mesh.routers[1].poll_output() else {
        panic!("nothing was forwarded")
    };
    assert_eq!(message.class(), Class::Bets);
    let changed = Datagram { class: Class::Chat, ..sent };
    mesh.routers[2].on_message(relay, Message::Datagram(changed), mesh.now);
    assert_eq!(mesh.routers[2].poll_output(), None);
    assert_eq!(mesh.routers[2].counters().refused, 1);
}

#[test]
fn a_datagram_is_never_handed_back_to_whom_it_came_from() {
    let mut mesh = Mesh::line(4);
    let datagram = mesh.datagram_to(0, 3, Delivery::Once);
    // 1 lost its link to 2; the only way it knows is none.
    let a = mesh.ids[0];
    mesh.routers[1].set_neighbours(vec![a]);
    mesh.routers[1].on_message(a, Message::Datagram(datagram.clone()), mesh.now);
    // 1's map says that 0 leads there by another way; it still must not go back.
    let shortcut =
        Edge { a, b: mesh.ids[3], latency: Some(Duration::from_millis(1)), reliability: 1.0 };
    mesh.topology.edges.push(shortcut);
    mesh.routers[1].set_topology(mesh.topology.clone());
    assert!(mesh.routers[1].reachable(mesh.ids[3]));
    mesh.routers[1].on_message(a, Message::Datagram(datagram), mesh.now);
    assert_eq!(mesh.routers[1].poll_output(), None);
    assert_eq!(mesh.routers[1].counters().unreachable, 2);
}

#[test]
fn who_can_be_handed_a_message_outranks_the_map() {
    let mut mesh = Mesh::ring();
    let (one, two, five) = (mesh.ids[1], mesh.ids[2], mesh.ids[5]);
    mesh.routers[0].set_neighbours(vec![five]);
    assert_eq!(mesh.routers[0].path(one).map(|path| path[1]), Some(five));
    mesh.routers[0].set_neighbours(vec![five, two]);
    assert_eq!(mesh.routers[0].path(two), Some(vec![mesh.ids[0], two]));
    assert_eq!(
        mesh.routers[0].distance(two),
        Some(LATENCY_UNMEASURED + Duration::from_micros(500))
    );
    mesh.routers[0].set_neighbours(Vec::new());
    assert!(!mesh.routers[0].reachable(one));
    assert!(mesh.routers[0].reachable(mesh.ids[0]));
}

#[test]
fn a_datagram_has_only_so_many_hops() {
    let mut mesh = Mesh::line(36);
    for (to, expected) in [(32, 1), (33, 0)] {
        mesh.send(0, to, b"far", Delivery::Once);
        mesh.run();
        assert_eq!(mesh.bodies(to).len(), expected, "{to} hops");
    }
    assert_eq!(mesh.routers[32].counters().hops_exceeded, 1);
    let mut endless = mesh.datagram_to(0, 35, Delivery::Once);
    endless.ttl = 255;
    let (from, now) = (mesh.ids[0], mesh.now);
    mesh.routers[1].on_message(from, Message::Datagram(endless), now);
    match mesh.routers[1].poll_output() {
        Some(Output::Forward { message: Message::Datagram(d), .. }) => assert_eq!(d.ttl, 31),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_broken_written_path_is_left_for_the_cheapest_one() {
    let mut mesh = Mesh::ring();
    let mut datagram = mesh.datagram_to(0, 3, Delivery::Acked);
    datagram.via = vec![mesh.ids[5], mesh.ids[1], mesh.ids[3]];
    let (from, now) = (mesh.ids[0], mesh.now);
    mesh.routers[5].on_message(from, Message::Datagram(datagram), now);
    mesh.run();
    assert_eq!(mesh.bodies(3).len(), 1);
    let hops: Vec<_> = mesh.carried.iter().take(2).map(|(a, b, _)| (*a, *b)).collect();
    assert_eq!(hops, [(5, 4), (4, 3)]);
}

#[test]
fn sending_to_oneself_delivers_here() {
    let mut mesh = Mesh::line(2);
    let id = mesh.send(0, 0, b"me", Delivery::Acked);
    let me = mesh.ids[0];
    let delivered = Output::Delivered { id, to: me, rtt: Duration::ZERO };
    assert_eq!(mesh.told[0], [Output::Deliver { from: me, body: b"me".to_vec() }, delivered]);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let mut mesh = Mesh::line(3);
    let now = mesh.now;
    let stranger = PeerId::from_bytes([9; 32]);
    let to = mesh.ids[2];
    let send = |mesh: &mut Mesh, to, length: usize| {
        mesh.routers[0].send(to, &vec![0; length], Class::Bets, Delivery::Acked, now)
    };
    assert_eq!(send(&mut mesh, stranger, 1), Err(SendError::UnknownPeer { to: stranger }));
    let (got, max) = (BODY_BYTES_MAX + 1, BODY_BYTES_MAX);
    assert!(got < PACKET_BYTES_MAX);
    assert_eq!(send(&mut mesh, to, got), Err(SendError::TooLong { got, max }));
    mesh.topology.nodes.push((stranger, [0; 32]));
    mesh.topology.edges.push(Edge { a: stranger, b: to, latency: None, reliability: 1.0 });
    mesh.routers[0].set_topology(mesh.topology.clone());
    assert_eq!(send(&mut mesh, stranger, 1), Err(SendError::BadKey { to: stranger }));
    mesh.routers[0].set_neighbours(Vec::new());
    assert_eq!(send(&mut mesh, to, 1), Err(SendError::Unreachable { to }));
    assert_eq!(mesh.routers[0].counters().sent, 0);
    assert_eq!((mesh.routers[0].deadline(), mesh.routers[0].poll_output()), (None, None));
}

#[test]
fn waiting_payloads_are_limited_per_peer_per_node_and_in_bytes() {
    let star: Vec<_> = (1..10).map(|n| (0, n, 5)).collect();
    let mut mesh = Mesh::new(10, &star);
    let (ids, now) = (mesh.ids.clone(), mesh.now);
    let router = &mut mesh.routers[0];
    for to in &ids[1..9] {
        for _ in 0..OUTSTANDING_PER_PEER_MAX {
            if let Err(error) = router.send(*to, b"x", Class::Bets, Delivery::Acked, now) {
                panic!("{error}");
            }
        }
        if *to == ids[1] {
            let max = OUTSTANDING_PER_PEER_MAX;
            let refused = router.send(*to, b"x", Class::Bets, Delivery::Acked, now);
            assert_eq!(refused, Err(SendError::TooManyWaitingForPeer { max }));
            assert!(router.send(*to, b"x", Class::Bets, Delivery::Once, now).is_ok());
        }
    }
    let refused = router.send(ids[9], b"x", Class::Bets, Delivery::Acked, now);
    assert_eq!(refused, Err(SendError::TooManyWaiting { max: OUTSTANDING_MAX }));

    let router = &mut Mesh::new(10, &star).routers[0];
    let large = vec![0; BODY_BYTES_MAX];
    let fit = OUTSTANDING_BYTES_MAX / (BODY_BYTES_MAX + SEAL_BYTES);
    for n in 0..fit {
        router.send(ids[1 + n % 9], &large, Class::Bets, Delivery::Acked, now).unwrap();
    }
    let refused = router.send(ids[1], &large, Class::Bets, Delivery::Acked, now);
    let max = OUTSTANDING_BYTES_MAX;
    assert_eq!(refused, Err(SendError::TooManyBytesWaiting { max }));
}

#[test]
fn the_oldest_unacknowledged_payload_stays_within_the_window_of_its_reader() {
    let mut mesh = Mesh::line(2);
    let (to, now) = (mesh.ids[1], mesh.now);
    // The first never arrives; all others are acknowledged.
    mesh.routers[0].send(to, b"first", Class::Bets, Delivery::Acked, now).unwrap();
    while mesh.routers[0].poll_output().is_some() {}
    for _ in 1..window::WINDOW_IDS {
        mesh.send(0, 1, b"x", Delivery::Acked);
        while let Some((_, (from, to, message))) = mesh.flying.pop_first() {
            let from = mesh.ids[from];
            mesh.routers[to].on_message(from, message, now);
            mesh.drain();
        }
    }
    let refused = mesh.routers[0].send(to, b"x", Class::Bets, Delivery::Acked, now);
    assert_eq!(refused, Err(SendError::TooFarAhead { max: window::WINDOW_IDS }));
    mesh.run();
    assert_eq!(mesh.bodies(1).last().unwrap().1, b"first");
    assert!(mesh.routers[0].send(to, b"x", Class::Bets, Delivery::Acked, mesh.now).is_ok());
}

#[test]
fn numbering_above_an_earlier_life_does_not_hold_up_what_is_sent_next() {
    let mut mesh = Mesh::line(2);
    let (to, now) = (mesh.ids[1], mesh.now);
    mesh.routers[0].send(to, b"lost", Class::Bets, Delivery::Acked, now).unwrap();
    while mesh.routers[0].poll_output().is_some() {}
    mesh.routers[0].number_from(2_000);
    mesh.send(0, 1, b"next", Delivery::Acked);
    mesh.run();
    assert_eq!(mesh.bodies(1), [(mesh.ids[0], b"next".to_vec())]);
    assert!(matches!(mesh.told[0][1], Output::Undeliverable { .. }));
}

#[test]
fn a_restarted_source_is_newer_and_one_with_an_older_clock_is_refused() {
    let mut mesh = Mesh::line(2);
    mesh.send(0, 1, b"before", Delivery::Once);
    for (wall_ms, expected) in [(2_000, 2), (500, 2)] {
        let seed = Seed::from_number(wall_ms);
        let mut again = Router::new(Config::default(), &identity(0), &seed, wall_ms);
        again.set_topology(mesh.topology.clone());
        again.set_neighbours(vec![mesh.ids[1]]);
        mesh.routers[0] = again;
        mesh.send(0, 1, b"after", Delivery::Once);
        mesh.run();
        assert_eq!(mesh.bodies(1).len(), expected);
    }
    assert_eq!(mesh.routers[1].counters().refused, 1);
    mesh.routers[0].number_from(2_001);
    mesh.send(0, 1, b"after", Delivery::Once);
    mesh.run();
    assert_eq!(mesh.bodies(1).len(), 3);
}

#[test]
fn a_flood_reaches_everyone_once_and_crosses_no_link_needlessly() {
    let side = 5;
    let at = |x: usize, y: usize| y * side + x;
    let mut links = Vec::new();
    for y in 0..side {
        for x in 0..side {
            links.extend((x + 1 < side).then(|| (at(x, y), at(x + 1, y), 5)));
            links.extend((y + 1 < side).then(|| (at(x, y), at(x, y + 1), 5)));
        }
    }
    let mut mesh = Mesh::new(side * side, &links);
    mesh.routers[0].flood(b"news".to_vec());
    mesh.run();
    assert!(mesh.told[0].is_empty());
    for told in &mesh.told[1..] {
        assert!(matches!(&told[..], [Output::Flooded { body, .. }] if body == b"news"));
    }
    // Each node sends it to all neighbours but the one it came from.
    assert_eq!(mesh.carried.len(), 2 * links.len() - (side * side - 1));
}

#[test]
fn a_flood_that_is_not_believed_goes_no_further() {
    let mut mesh = Mesh::line(4);
    mesh.believes[1] = false;
    mesh.routers[0].flood(b"nonsense".to_vec());
    mesh.run();
    assert_eq!((mesh.told[1].len(), mesh.told[2].len()), (1, 0));
}

#[test]
fn a_flood_ends_with_its_hops_and_its_own_echo_is_dropped() {
    let mut mesh = Mesh::line(36);
    mesh.routers[0].flood(b"far".to_vec());
    mesh.run();
    assert_eq!((mesh.told[32].len(), mesh.told[33].len()), (1, 0));
    let (_, _, echo) = mesh.carried[0].clone();
    let from = mesh.ids[1];
    mesh.routers[0].on_message(from, echo, mesh.now);
    assert_eq!(mesh.routers[0].poll_output(), None);
    assert_eq!(mesh.routers[0].counters().floods_duplicate, 1);
}

#[test]
fn messages_outside_their_bounds_are_refused() {
    let mut mesh = Mesh::line(3);
    let good = mesh.datagram_to(0, 2, Delivery::Once);
    let from = mesh.ids[0];
    let mut long = good.clone();
    long.body = vec![0; BODY_BYTES_MAX + SEAL_BYTES + 1];
    let mut far = good.clone();
    far.via = vec![mesh.ids[2]; message::VIA_HOPS_MAX + 1];
    let mut lost = good.clone();
    (lost.via, lost.hop) = (vec![mesh.ids[2]], 1);
    let loud = Flood { origin: from, id: 1, ttl: 9, body: vec![0; BODY_BYTES_MAX + 1] };
    let bad = [long, far, lost].map(Message::Datagram);
    for message in bad.into_iter().chain([Message::Flood(loud)]) {
        mesh.routers[1].on_message(from, message, mesh.now);
    }
    assert_eq!(mesh.routers[1].poll_output(), None);
    assert_eq!(mesh.routers[1].counters().refused, 4);
    mesh.routers[0].flood(vec![0; BODY_BYTES_MAX + 1]);
    assert_eq!(mesh.routers[0].poll_output(), None);
}

#[test]
fn outputs_that_nobody_drains_are_limited_and_counted() {
    let mut mesh = Mesh::line(2);
    let (to, now) = (mesh.ids[1], mesh.now);
    for _ in 0..limits::OUTPUTS_MAX + 5 {
        mesh.routers[0].send(to, b"x", Class::Bets, Delivery::Once, now).unwrap();
    }
    assert_eq!(mesh.routers[0].counters().outputs_dropped, 5);
}

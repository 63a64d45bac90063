//! The network does what its quality says: it loses, delays, doubles, reorders, stalls and cuts.

use bitcraps_core::{
    node::Transport,
    seed::Seed,
    time::{Duration, Instant},
};
use bitcraps_sim::net::{ConnectionId, Cut, EdgeId, Item, Net, Quality, Sent, Side, Transit};

/// A net with one edge between nodes 0 and 1 and an open connection over it, dialled by 0.
fn connected(quality: Quality) -> (Net, EdgeId, ConnectionId) {
    let mut net = Net::new(&Seed::from_number(1));
    let edge = net.add_edge(0, 1, Transport::Tcp, quality);
    let (id, knock) = net.dial(Instant::ZERO, edge, 0, 1);
    assert!(knock.and_then(|knock| net.arrive(knock)).is_some());
    let answer = net.accept(Instant::ZERO, id).expect("the connection exists");
    assert!(net.is_opening(id));
    assert!(net.arrive(answer).is_some());
    assert!(!net.is_opening(id));
    (net, edge, id)
}

fn frame(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn send(net: &mut Net, at: Instant, id: ConnectionId, number: u32) -> Vec<Transit> {
    match net.send(at, id, Side::Dialer, frame(number)) {
        Sent::OnItsWay(transits) => transits,
        other => panic!("{other:?}"),
    }
}

/// Sends `count` frames a millisecond apart and gives what arrives, in order of time.
fn arrivals(net: &mut Net, id: ConnectionId, count: u32) -> Vec<(Instant, u32)> {
    let mut transits = Vec::new();
    for number in 0..count {
        transits.extend(send(net, Instant::from_millis(u64::from(number)), id, number));
    }
    transits.sort_by_key(|t| t.at);
    let mut arrived = Vec::new();
    for transit in transits {
        let at = transit.at;
        if let Some(arrival) = net.arrive(transit) {
            assert_eq!((arrival.node, arrival.to), (1, Side::Listener));
            let Item::Frame(bytes) = arrival.item else { panic!("a frame was sent") };
            arrived
                .push((at, u32::from_le_bytes(bytes.try_into().expect("frames are four bytes"))));
        }
    }
    arrived
}

fn unbounded(quality: Quality) -> Quality {
    Quality { queue_frames_max: usize::MAX, ..quality }
}

#[test]
fn a_radio_loses_and_doubles_at_its_rates_and_reorders() {
    let (mut net, _, id) = connected(unbounded(Quality::radio(200)));
    let arrived = arrivals(&mut net, id, 10_000);
    let counts = net.counts();
    assert!((1_800..2_200).contains(&counts.lost), "{counts:?}");
    assert!((110..220).contains(&counts.duplicated), "{counts:?}");
    assert_eq!(arrived.len() as u64, 10_000 - counts.lost + counts.duplicated);
    let overtakes = arrived.windows(2).filter(|w| w[1].1 < w[0].1).count();
    assert!(overtakes > 1_000, "{overtakes}");
}

#[test]
fn a_reliable_link_delivers_each_frame_once_and_in_order_and_loss_shows_as_delay() {
    let lossy = Quality { loss_permille: 200, ..Quality::wired() };
    let (mut net, _, id) = connected(unbounded(lossy));
    let arrived = arrivals(&mut net, id, 1_000);
    assert!(arrived.iter().map(|(_, n)| *n).eq(0..1_000));
    assert_eq!(net.counts().lost, 0);
    let late = arrived.iter().filter(|(at, n)| at.as_millis() - u64::from(*n) > 12).count();
    assert!(late > 800, "behind a lost frame everything waits: {late}");

    let (mut net, _, id) = connected(unbounded(Quality::wired()));
    let arrived = arrivals(&mut net, id, 1_000);
    assert!(arrived.iter().all(|(at, n)| (10..=12).contains(&(at.as_millis() - u64::from(*n)))));
}

#[test]
fn a_full_queue_is_congestion_until_frames_arrive() {
    let (mut net, _, id) = connected(Quality { queue_frames_max: 3, ..Quality::wired() });
    let on_the_way: Vec<_> = (0..3).flat_map(|n| send(&mut net, Instant::ZERO, id, n)).collect();
    assert_eq!(net.send(Instant::ZERO, id, Side::Dialer, frame(3)), Sent::Congested);
    assert_eq!(net.counts().congested, 1);
    let other_way = net.send(Instant::ZERO, id, Side::Listener, frame(4));
    assert!(matches!(other_way, Sent::OnItsWay(_)), "each direction has its own queue");
    assert!(net.arrive(on_the_way[0].clone()).is_some());
    assert_eq!(send(&mut net, Instant::ZERO, id, 5).len(), 1);
}

#[test]
fn bandwidth_spaces_frames_and_the_mtu_is_the_largest() {
    let slow =
        Quality { bytes_per_s: Some(4_000), jitter: Duration::ZERO, mtu: 4, ..Quality::wired() };
    let (mut net, _, id) = connected(slow);
    let times: Vec<u64> =
        (0..3).map(|n| send(&mut net, Instant::ZERO, id, n)[0].at.as_millis()).collect();
    assert_eq!(times, [11, 12, 13], "four bytes take a millisecond");
    assert_eq!(net.send(Instant::ZERO, id, Side::Dialer, vec![0; 5]), Sent::TooLarge { mtu: 4 });
}

#[test]
fn a_silent_cut_stalls_a_reliable_link_and_loses_on_a_radio() {
    let (mut net, edge, id) = connected(Quality::wired());
    let before = send(&mut net, Instant::ZERO, id, 0).remove(0);
    assert!(net.cut(edge, Cut::Silent).is_empty());
    let during = send(&mut net, Instant::ZERO, id, 1).remove(0);
    assert!(net.arrive(before).is_none() && net.arrive(during).is_none());
    let released: Vec<Item> = net.restore(edge).into_iter().map(|a| a.item).collect();
    assert_eq!(released, [Item::Frame(frame(0)), Item::Frame(frame(1))]);

    let sure = Quality { duplicate_permille: 0, ..Quality::radio(0) };
    let (mut net, edge, id) = connected(sure);
    let before = send(&mut net, Instant::ZERO, id, 0).remove(0);
    net.cut(edge, Cut::Silent);
    assert!(send(&mut net, Instant::ZERO, id, 1).is_empty());
    assert!(net.arrive(before).is_none());
    assert!(net.restore(edge).is_empty());
    assert_eq!(net.counts().lost, 2);
}

#[test]
fn a_loud_cut_tells_both_ends_and_nothing_arrives_afterwards() {
    let (mut net, edge, id) = connected(Quality::wired());
    let on_the_way = send(&mut net, Instant::ZERO, id, 0).remove(0);
    let told: Vec<(usize, Item)> =
        net.cut(edge, Cut::Loud).into_iter().map(|a| (a.node, a.item)).collect();
    assert_eq!(told, [(0, Item::End), (1, Item::End)]);
    net.restore(edge);
    assert!(net.arrive(on_the_way).is_none());
    assert_eq!(net.send(Instant::ZERO, id, Side::Dialer, frame(1)), Sent::Gone);
}

#[test]
fn a_close_arrives_after_what_was_sent_before_it_and_ends_the_connection() {
    let (mut net, _, id) = connected(Quality::wired());
    let first = send(&mut net, Instant::ZERO, id, 0).remove(0);
    let end = net.close(Instant::ZERO, id, Side::Dialer).unwrap();
    assert!(end.at >= first.at);
    assert_eq!(net.ends_of(1), [(id, Side::Listener)]);
    assert!(net.ends_of(0).is_empty());
    assert!(matches!(net.arrive(first).unwrap().item, Item::Frame(_)));
    assert_eq!(net.arrive(end).unwrap().item, Item::End);
    assert!(net.ends_of(1).is_empty());
    assert!(net.close(Instant::ZERO, id, Side::Listener).is_none());
}

#[test]
fn a_knock_is_no_end_of_its_listener_until_it_is_accepted() {
    let mut net = Net::new(&Seed::from_number(1));
    let edge = net.add_edge(0, 1, Transport::Tcp, Quality::wired());
    let (id, _) = net.dial(Instant::ZERO, edge, 0, 1);
    assert_eq!(net.ends_of(0), [(id, Side::Dialer)]);
    assert!(net.ends_of(1).is_empty());
    net.accept(Instant::ZERO, id);
    assert_eq!(net.ends_of(1), [(id, Side::Listener)]);
}

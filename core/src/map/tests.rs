//! What holds for the map.

use super::{
    message::{AgedAnnouncement, HeldVersion},
    *,
};
use crate::{crypto::identity::IdentityError, id::NodeKind, transport::Transport};

const WALL_MS: u64 = 1_000_000;

fn identity(n: usize) -> Identity {
    Identity::generate(&Seed::from_number(n as u64), 0)
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn new_map(n: usize) -> Map {
    let config = Config { work_bits: 0, ..Config::default() };
    Map::new(config, &identity(n), &Seed::from_number(n as u64), at(0), WALL_MS)
}

fn link(peer: PeerId) -> AnnouncedLink {
    AnnouncedLink { peer, transport: Transport::Tcp, latency_us: Some(2000), reliability: u16::MAX }
}

fn announcement(identity: &Identity, version: u64, peers: &[PeerId]) -> Announcement {
    let mut links: Vec<AnnouncedLink> = peers.iter().map(|peer| link(*peer)).collect();
    links.sort_unstable();
    Announcement {
        card: identity.card(),
        link_key: identity.link_key(),
        version,
        kind: NodeKind::Regular,
        name: "somebody".to_owned(),
        links,
        extra: Vec::new(),
    }
}

/// The signed word of node `n` on its links.
fn word(n: usize, version: u64, peers: &[PeerId]) -> Vec<u8> {
    let identity = identity(n);
    announcement(&identity, version, peers).sign(&identity)
}

fn drain(map: &mut Map) -> Vec<Output> {
    core::iter::from_fn(|| map.poll_output()).collect()
}

fn floods(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Flood(_))).count()
}

/// Everything that a refused input must leave alone.
#[derive(Debug, PartialEq)]
struct Picture {
    version: u64,
    peers: Vec<(PeerId, u64, Instant)>,
    edges: Vec<Edge>,
    parts: Vec<Vec<PeerId>>,
}

fn picture(map: &Map) -> Picture {
    Picture {
        version: map.version(),
        peers: map.peers().map(|p| (p.id(), p.version(), p.heard_at())).collect(),
        edges: map.edges().to_vec(),
        parts: map.parts().to_vec(),
    }
}

/// A map of node 0 in which 0-1-2 is a line, everything told.
fn line_of_three() -> (Map, [PeerId; 3]) {
    let ids = [0, 1, 2].map(|n| identity(n).id());
    let mut map = new_map(0);
    map.set_links(vec![link(ids[1])], at(1000));
    map.on_announcement(&word(1, 5, &[ids[0], ids[2]]), at(1000)).unwrap();
    map.on_announcement(&word(2, 5, &[ids[1]]), at(1000)).unwrap();
    drain(&mut map);
    (map, ids)
}

#[test]
fn a_new_map_knows_itself_alone() {
    let map = new_map(0);
    let own = identity(0).id();
    assert_eq!(map.peers().map(KnownPeer::id).collect::<Vec<_>>(), [own]);
    assert_eq!(map.parts(), [vec![own]]);
    assert_eq!((map.edges().len(), map.peer(own).unwrap().version()), (0, WALL_MS));
}

#[test]
fn an_edge_exists_when_both_ends_announce_it() {
    let [a, b] = [0, 1].map(|n| identity(n).id());
    let mut map = new_map(0);
    let slow = AnnouncedLink { latency_us: Some(9000), reliability: 0x7fff, ..link(b) };
    map.set_links(vec![slow], at(1000));
    assert!(map.edges().is_empty());
    map.on_announcement(&word(1, 1, &[]), at(1000)).unwrap();
    assert!(map.edges().is_empty());
    assert_eq!(map.parts().len(), 2);
    let before = map.version();
    map.on_announcement(&word(1, 2, &[a]), at(1000)).unwrap();
    let edge = Edge {
        a: a.min(b),
        b: a.max(b),
        transport: Transport::Tcp,
        latency: Some(Duration::from_millis(9)),
        reliability: f32::from(0x7fffu16) / 65535.0,
    };
    assert_eq!(map.edges(), [edge]);
    assert_eq!(map.parts().len(), 1);
    assert!(map.version() > before);
    assert!(map.peer(b).unwrap().is_reachable());
}

#[test]
fn ends_that_name_different_transports_make_one_edge_of_the_smaller_ends() {
    let [a, b] = [0, 1].map(|n| identity(n).id());
    let mut map = new_map(0);
    let other = AnnouncedLink { transport: Transport::WebSocket, ..link(b) };
    map.set_links(vec![other], at(1000));
    map.on_announcement(&word(1, 1, &[a]), at(1000)).unwrap();
    let kinds = |map: &Map| -> Vec<_> { map.edges().iter().map(|e| e.transport).collect() };
    let smaller_says = if a < b { Transport::WebSocket } else { Transport::Tcp };
    assert_eq!(kinds(&map), [smaller_says]);
    map.set_links(vec![link(b), other], at(9000));
    map.on_timeout(at(20_000));
    assert_eq!(kinds(&map), [Transport::Tcp], "the first of several stands for all");
}

#[test]
fn stale_conflicting_forged_and_lazy_announcements_leave_the_map_as_it_was() {
    let (mut map, ids) = line_of_three();
    let before = picture(&map);
    assert_eq!(map.on_announcement(&word(1, 4, &[]), at(2000)), Ok(Freshness::Stale));
    let same = word(1, 5, &[ids[0], ids[2]]);
    assert_eq!(map.on_announcement(&same, at(2000)), Ok(Freshness::Stale));
    let conflict = map.on_announcement(&word(1, 5, &[]), at(2000));
    assert_eq!(conflict, Err(AnnouncementError::Conflict { version: 5 }));
    let mut forged = word(1, 6, &[]);
    forged[50] ^= 1;
    assert!(map.on_announcement(&forged, at(2000)).is_err());
    assert!(map.on_announcement(&[], at(2000)).is_err());
    let oversized = vec![0; message::ANNOUNCEMENT_BYTES_MAX + 1];
    assert!(map.on_announcement(&oversized, at(2000)).is_err());
    assert_eq!(picture(&map), before);
    assert_eq!((map.counters().stale, map.counters().refused), (2, 4));
    assert!(drain(&mut map).is_empty());

    map.config.work_bits = 60;
    let refused = map.on_announcement(&word(3, 1, &[]), at(2000));
    assert!(matches!(
        refused,
        Err(AnnouncementError::Identity(IdentityError::NoWork { expected: 60, .. }))
    ));
    assert_eq!(picture(&map), before);
}

#[test]
fn what_is_not_refreshed_expires_and_old_words_do_not_bring_it_back() {
    let (mut map, ids) = line_of_three();
    map.on_announcement(&word(1, 6, &[ids[0], ids[2]]), at(50_000)).unwrap();
    map.on_timeout(at(90_999));
    assert!(map.peer(ids[2]).is_some());
    map.on_timeout(at(91_000));
    assert!(map.peer(ids[2]).is_none() && map.peer(ids[1]).is_some());
    assert_eq!(map.counters().expired, 1);
    assert_eq!(map.on_announcement(&word(2, 5, &[ids[1]]), at(92_000)), Ok(Freshness::Stale));
    assert!(map.peer(ids[2]).is_none());
    assert_eq!(map.on_announcement(&word(2, 6, &[ids[1]]), at(92_000)), Ok(Freshness::New));
    assert!(map.peer(ids[2]).is_some());
}

#[test]
fn passing_an_announcement_around_does_not_keep_it_young() {
    let (mut map, ids) = line_of_three();
    map.on_neighbour_up(ids[1], at(2000));
    let aged = |age_ms| {
        let bytes = word(3, 1, &[]);
        Message::Announcements(vec![AgedAnnouncement { age_ms, bytes }])
    };
    let three = identity(3).id();
    map.on_message(ids[1], aged(90_000), at(100_000));
    assert!(map.peer(three).is_none());
    map.on_message(ids[1], aged(60_000), at(100_000));
    assert_eq!(map.peer(three).unwrap().heard_at(), at(40_000));
    map.on_timeout(at(130_000));
    assert!(map.peer(three).is_none());
}

#[test]
fn a_lost_neighbour_is_announced_at_once_and_a_gained_one_within_the_quiet_gap() {
    let [_, b, c] = [0, 1, 2].map(|n| identity(n).id());
    let mut map = new_map(0);
    map.set_links(vec![link(b)], at(1000));
    assert_eq!(floods(&drain(&mut map)), 1);
    map.set_links(vec![link(b), link(c)], at(1001));
    assert_eq!(floods(&drain(&mut map)), 0);
    assert_eq!(map.deadline(), Some(at(1100)));
    map.on_timeout(at(1100));
    assert_eq!(floods(&drain(&mut map)), 1);
    map.set_links(vec![link(c)], at(1101));
    assert_eq!(floods(&drain(&mut map)), 1);
    let own = map.peer(identity(0).id()).unwrap();
    assert_eq!((own.version(), own.links()), (WALL_MS + 3, &[link(c)][..]));
}

#[test]
fn the_first_link_of_a_new_node_is_announced_at_once() {
    let mut map = new_map(0);
    map.set_links(vec![link(identity(1).id())], at(1));
    assert_eq!(floods(&drain(&mut map)), 1);
}

#[test]
fn a_flapping_link_is_announced_a_bounded_number_of_times() {
    let b = identity(1).id();
    let mut map = new_map(0);
    let mut announced = 0;
    for ms in 1000..2000 {
        let links = if ms % 2 == 0 { vec![link(b)] } else { Vec::new() };
        map.set_links(links, at(ms));
        map.on_timeout(at(ms));
        announced += floods(&drain(&mut map));
    }
    assert!(announced <= 22, "{announced}");
}

#[test]
fn figures_are_announced_late_and_only_when_they_differ_by_much() {
    let b = identity(1).id();
    let figures = |us| vec![AnnouncedLink { latency_us: us, ..link(b) }];
    let mut map = new_map(0);
    map.set_links(figures(Some(20_000)), at(1000));
    drain(&mut map);
    map.set_links(figures(Some(24_000)), at(10_000));
    assert_eq!(floods(&drain(&mut map)), 0);
    map.set_links(figures(Some(26_000)), at(10_001));
    assert_eq!(floods(&drain(&mut map)), 1);
    map.set_links(figures(None), at(10_002));
    assert_eq!(floods(&drain(&mut map)), 0);
    map.on_timeout(at(15_001));
    assert_eq!(floods(&drain(&mut map)), 1);
}

#[test]
fn a_node_announces_itself_again_before_others_forget_it() {
    let mut map = new_map(0);
    let mut times = Vec::new();
    while times.len() < 20 {
        let now = map.deadline().unwrap();
        map.on_timeout(now);
        times.extend((floods(&drain(&mut map)) > 0).then_some(now.as_millis()));
    }
    let gaps: Vec<u64> = times.windows(2).map(|t| t[1] - t[0]).collect();
    assert!(gaps.iter().all(|gap| (20_000..=25_000).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| gap != &gaps[0]));
}

#[test]
fn a_newer_word_of_an_earlier_life_is_overtaken() {
    let own = identity(0).id();
    let mut map = new_map(0);
    for said in [word(0, WALL_MS + 500, &[]), word(0, WALL_MS + 501, &[])] {
        assert_eq!(map.on_announcement(&said, at(5000)), Ok(Freshness::Stale));
    }
    assert_eq!(map.peer(own).unwrap().version(), WALL_MS + 501);
    let told = drain(&mut map);
    assert_eq!(floods(&told), 1);
    assert!(told.contains(&Output::EarlierLifeHeard { version: WALL_MS + 500 }), "{told:?}");
    map.on_timeout(at(5100));
    assert_eq!(map.peer(own).unwrap().version(), WALL_MS + 502);
    let newest = map.peer(own).unwrap().announcement_bytes().to_vec();
    assert_eq!(map.on_announcement(&newest, at(5200)), Ok(Freshness::Stale));
    assert_eq!(map.counters().own_word_overtaken, 2);
}

#[test]
fn a_split_is_told_when_it_has_settled_and_healing_at_once() {
    let (mut map, ids) = line_of_three();
    map.on_announcement(&word(1, 6, &[ids[0]]), at(2000)).unwrap();
    assert_eq!(drain(&mut map), [Output::Changed]);
    assert_eq!(map.parts(), [sorted(&[ids[0], ids[1]]), vec![ids[2]]]);
    map.on_timeout(at(2001));
    assert_eq!(map.deadline(), Some(at(3000)));
    map.on_timeout(at(2999));
    assert!(drain(&mut map).is_empty());
    map.on_timeout(at(3000));
    let parts = vec![sorted(&[ids[0], ids[1]]), vec![ids[2]]];
    assert_eq!(drain(&mut map), [Output::PartitionFormed { parts }]);
    map.on_timeout(at(4000));
    assert!(drain(&mut map).is_empty());
    map.on_announcement(&word(1, 7, &[ids[0], ids[2]]), at(5000)).unwrap();
    assert_eq!(drain(&mut map), [Output::Changed, Output::PartitionHealed]);
    assert_eq!(map.counters().partitions_formed, 1);
}

fn sorted(ids: &[PeerId]) -> Vec<PeerId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

#[test]
fn a_flap_a_goodbye_and_a_stranger_are_no_split() {
    let (mut map, ids) = line_of_three();
    let quiet = |map: &mut Map, until: u64| {
        map.on_timeout(at(until));
        let told = drain(map);
        assert!(!told.iter().any(|o| matches!(o, Output::PartitionFormed { .. })), "{told:?}");
    };
    // A flap shorter than the settling time.
    map.on_announcement(&word(1, 6, &[ids[0]]), at(2000)).unwrap();
    quiet(&mut map, 2900);
    map.on_announcement(&word(1, 7, &[ids[0], ids[2]]), at(2950)).unwrap();
    quiet(&mut map, 5000);
    // Somebody who was never connected with us.
    map.on_announcement(&word(3, 1, &[ids[2]]), at(5000)).unwrap();
    quiet(&mut map, 8000);
    assert_eq!(map.parts().len(), 2);
    // A goodbye: no links by its own word.
    map.on_announcement(&word(2, 8, &[]), at(9000)).unwrap();
    map.on_announcement(&word(1, 8, &[ids[0]]), at(9000)).unwrap();
    quiet(&mut map, 20_000);
    assert_eq!(map.parts().len(), 3);
}

#[test]
fn a_node_that_is_gone_for_good_stops_being_counted_when_it_expires() {
    let (mut map, ids) = line_of_three();
    map.on_announcement(&word(1, 6, &[ids[0]]), at(20_000)).unwrap();
    map.on_timeout(at(21_000));
    drain(&mut map);
    map.on_timeout(at(91_000));
    let told = drain(&mut map);
    assert!(told.contains(&Output::PartitionHealed), "{told:?}");
}

/// A tree of `size` nodes below node 0 that all announce each other.
fn tree_words(size: usize, fan_out: usize) -> Vec<Vec<u8>> {
    let ids: Vec<PeerId> = (0..size).map(|n| identity(n).id()).collect();
    (1..size)
        .map(|n| {
            let children = (n * fan_out + 1).min(size)..(n * fan_out + fan_out + 1).min(size);
            let others: Vec<PeerId> =
                children.chain([(n - 1) / fan_out]).map(|other| ids[other]).collect();
            word(n, 1, &others)
        })
        .collect()
}

#[test]
fn a_full_map_refuses_newcomers_unless_somebody_unreachable_can_go() {
    let mut map = new_map(0);
    let size = limits::MAP_NODES_MAX;
    let words = tree_words(size, 60);
    map.set_links((1..=60).map(|n| link(identity(n).id())).collect(), at(1000));
    // The last leaf comes unconnected.
    map.on_announcement(&word(size - 1, 1, &[]), at(1000)).unwrap();
    let from = identity(1).id();
    map.on_neighbour_up(from, at(1000));
    for batch in words[..size - 2].chunks(message::BATCH_ANNOUNCEMENTS_MAX) {
        let aged = |bytes: &Vec<u8>| AgedAnnouncement { age_ms: 0, bytes: bytes.clone() };
        let batch = batch.iter().map(aged).collect();
        map.on_message(from, Message::Announcements(batch), at(1000));
    }
    assert_eq!((map.peers().len(), map.parts().len()), (size, 2));
    let (leaf, newcomer) = (identity(size - 1).id(), identity(size).id());
    let parent = identity((size - 2) / 60).id();
    assert_eq!(map.on_announcement(&word(size, 1, &[]), at(1001)), Ok(Freshness::New));
    assert!(map.peer(leaf).is_none() && map.peer(newcomer).is_some());
    assert_eq!(map.counters().evicted, 1);
    // The leaf takes the newcomer's place, and now everybody is reachable.
    let back = word(size - 1, 2, &[parent]);
    assert_eq!(map.on_announcement(&back, at(1002)), Ok(Freshness::New));
    assert_eq!((map.peers().len(), map.parts().len()), (size, 1));
    let before = picture(&map);
    let full = AnnouncementError::Full { max: size };
    assert_eq!(map.on_announcement(&word(size, 1, &[]), at(1003)), Err(full));
    assert_eq!(picture(&map), before);
}

#[test]
fn more_links_than_can_be_announced_leave_the_fastest() {
    let mut map = new_map(0);
    let peer = |n: u32| PeerId::from_bytes([n as u8; 32]);
    let links =
        (0..80u32).map(|n| AnnouncedLink { latency_us: Some(1000 - n), ..link(peer(n)) }).collect();
    map.set_links(links, at(1000));
    let own = map.peer(identity(0).id()).unwrap();
    let kept: Vec<PeerId> = own.links().iter().map(|l| l.peer).collect();
    assert_eq!(kept, (16..80).map(peer).collect::<Vec<_>>());
}

#[test]
fn names_and_attachments_are_bounded_and_announced() {
    let mut map = new_map(0);
    assert!(map.rename("n".repeat(33), at(1000)).is_err());
    assert!(map.set_extra(vec![0; 2049], at(1000)).is_err());
    assert!(drain(&mut map).is_empty());
    map.rename("ann".to_owned(), at(1000)).unwrap();
    map.set_extra(vec![0; 2048], at(1100)).unwrap();
    assert_eq!(floods(&drain(&mut map)), 2);
    let own = map.peer(identity(0).id()).unwrap();
    assert_eq!((own.name(), own.extra().len()), ("ann", 2048));
    let config = Config { name: "\u{7}".to_owned(), ..Config::default() };
    let nameless = Map::new(config, &identity(0), &Seed::from_number(0), at(0), 1);
    assert_eq!(nameless.peers().next().unwrap().name(), identity(0).id().short());
}

#[test]
fn a_late_joiner_asks_for_what_it_lacks_and_passes_it_on() {
    let (mut old, ids) = line_of_three();
    let (joiner, other) = (identity(7).id(), identity(8).id());
    let mut new = new_map(7);
    new.on_neighbour_up(ids[0], at(2000));
    new.on_neighbour_up(other, at(2000));
    old.on_neighbour_up(joiner, at(2000));
    // What one says to the other, in turns, until both are silent; not what `new` tells `other`.
    let mut passed_on = Vec::new();
    let mut said: Vec<Message> = Vec::new();
    loop {
        let mut spoke = 0;
        for output in drain(&mut new) {
            let Output::Send { to, message } = output else { continue };
            if to == other {
                passed_on.push(message);
            } else {
                spoke += 1;
                old.on_message(joiner, message.clone(), at(2000));
                said.push(message);
            }
        }
        for output in drain(&mut old) {
            let Output::Send { message, .. } = output else { continue };
            spoke += 1;
            new.on_message(ids[0], message.clone(), at(2000));
            said.push(message);
        }
        if spoke == 0 {
            break;
        }
    }
    assert_eq!(new.peers().len(), 4);
    assert_eq!(old.peers().len(), 4);
    // Two digests, two lists, two requests, two answers.
    assert_eq!(said.len(), 8);
    let batches = |m: &&Message| matches!(m, Message::Announcements(batch) if batch.len() == 3);
    assert_eq!(passed_on.iter().filter(batches).count(), 1);
    assert_eq!(new.peer(ids[2]).unwrap().heard_at(), at(1000));
}

#[test]
fn maps_are_compared_soon_after_the_last_change_and_then_now_and_again() {
    let (mut map, ids) = line_of_three();
    map.on_neighbour_up(ids[1], at(1500));
    map.on_announcement(&word(1, 6, &[ids[0]]), at(1900)).unwrap();
    drain(&mut map);
    let mut times = Vec::new();
    while times.len() < 4 {
        let now = map.deadline().unwrap();
        map.on_timeout(now);
        let is_digest = |o: &Output| matches!(o, Output::Send { .. });
        times.extend(drain(&mut map).iter().any(is_digest).then_some(now.as_millis()));
    }
    assert_eq!(times[..2], [2000, 2900]);
    assert!((10_900..=12_900).contains(&times[2]), "{times:?}");
    assert!((8_000..=10_000).contains(&(times[3] - times[2])), "{times:?}");
}

#[test]
fn messages_between_neighbours_are_bounded() {
    let (mut map, ids) = line_of_three();
    let digest = || Message::Digest { buckets: [[0; 8]; DIGEST_BUCKETS] };
    map.on_message(ids[1], digest(), at(2000));
    assert_eq!(map.counters().messages_refused, 1);
    map.on_neighbour_up(ids[1], at(2000));
    drain(&mut map);
    let peer = |n: usize| PeerId::from_bytes([n as u8; 32]);
    let entry = |peer| HeldVersion { peer, version: 1 };
    let many = (0..=message::HAVE_ENTRIES_MAX)
        .map(|n| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&(n as u16).to_be_bytes());
            entry(PeerId::from_bytes(bytes))
        })
        .collect();
    let aged = AgedAnnouncement { age_ms: 0, bytes: Vec::new() };
    let unsound = [
        Message::Have(many),
        Message::Have(vec![entry(peer(2)), entry(peer(1))]),
        Message::Want { peers: vec![peer(1); message::WANT_PEERS_MAX + 1] },
        Message::Announcements(vec![aged; message::BATCH_ANNOUNCEMENTS_MAX + 1]),
    ];
    let before = picture(&map);
    for message in unsound {
        map.on_message(ids[1], message, at(2000));
    }
    assert_eq!(map.counters().messages_refused, 5);
    assert!(drain(&mut map).is_empty());
    for (now, answers) in [(3000, 2), (3499, 0), (3500, 2)] {
        map.on_message(ids[1], digest(), at(now));
        assert_eq!(drain(&mut map).len(), answers, "at {now}");
    }
    assert_eq!(map.counters().digests_unanswered, 1);
    assert_eq!(picture(&map), before);
}

#[test]
fn long_answers_come_in_messages_that_keep_their_bounds() {
    let mut map = new_map(0);
    let neighbour = identity(1).id();
    map.on_neighbour_up(neighbour, at(0));
    let everybody: Vec<PeerId> = (1..=40)
        .map(|n| {
            let identity = identity(n);
            let mut long = announcement(&identity, 1, &[]);
            long.extra = vec![0; limits::ANNOUNCED_EXTRA_BYTES_MAX];
            map.on_announcement(&long.sign(&identity), at(0)).unwrap();
            identity.id()
        })
        .collect();
    drain(&mut map);
    map.on_message(neighbour, Message::Want { peers: everybody }, at(1));
    let answers = drain(&mut map);
    assert_eq!(answers.len(), 3);
    for answer in answers {
        let Output::Send { message, .. } = answer else { panic!("{answer:?}") };
        let bytes = postcard::to_allocvec(&message).unwrap();
        assert!(bytes.len() <= message::BATCH_ANNOUNCEMENT_BYTES_MAX + 1024);
    }
}

#[test]
fn outputs_that_nobody_drains_are_limited_and_counted() {
    let mut map = new_map(0);
    let peer = identity(1).id();
    for _ in 0..limits::OUTPUTS_MAX + 5 {
        map.on_neighbour_up(peer, at(0));
    }
    assert_eq!(map.counters().outputs_dropped, 5);
}

#[cfg(not(target_arch = "wasm32"))]
mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn random_messages_change_nothing_and_never_panic(
            bytes: Vec<u8>,
            entries in prop::collection::vec((any::<u8>(), any::<u64>()), 0..8),
            age_ms: u32,
            buckets: [[u8; 8]; DIGEST_BUCKETS],
        ) {
            let (mut map, ids) = line_of_three();
            map.on_neighbour_up(ids[1], at(2000));
            let before = picture(&map);
            let peer = |byte| PeerId::from_bytes([byte; 32]);
            let entries: Vec<HeldVersion> = entries
                .into_iter()
                .map(|(byte, version)| HeldVersion { peer: peer(byte), version })
                .collect();
            let peers = entries.iter().map(|e| e.peer).collect();
            prop_assert!(map.on_announcement(&bytes, at(2000)).is_err());
            map.on_message(ids[1], Message::Digest { buckets }, at(2000));
            map.on_message(ids[1], Message::Have(entries), at(2000));
            map.on_message(ids[1], Message::Want { peers }, at(2000));
            let aged = AgedAnnouncement { age_ms, bytes };
            map.on_message(ids[1], Message::Announcements(vec![aged]), at(2000));
            prop_assert_eq!(picture(&map), before);
        }
    }
}

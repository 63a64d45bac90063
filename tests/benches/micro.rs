//! The parts, one by one: what each costs without a network, a disk or another thread.
//!
//! Figures with a promise are in `figures`; these say where the time of those goes.

// A benchmark stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::{
    agree::{Agree, Config as AgreeConfig, Input, MemberKey, Members, Output as Agreed},
    craps::{Chips, Rules, Wager},
    crypto::{
        dice::{DiceTable, MemberSecret, Params, Pot, VerifiedDeal},
        identity::Identity,
    },
    game::{
        KEY_EPOCH, Ledger, SeatRole,
        message::{Action, Batch, Entry, Genesis, Invitation, Op, Seating},
    },
    graph::{self, Graph},
    id::{LinkId, PeerId},
    link::{Config as LinkConfig, Links, Output as Linked},
    node::{Class, LinkRole, PathClass, Transport},
    route::{self, Router, Topology},
    seed::Seed,
    time::{Duration, Instant},
};
use divan::{Bencher, black_box};
use petgraph::{algo::dijkstra, graph::UnGraph};

fn main() {
    divan::main();
}

fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

// ---- link --------------------------------------------------------------------------------

const LINK: LinkId = LinkId(0);

/// Two ends of one link in memory, its handshake done.
fn linked() -> (Links, Links, PeerId) {
    let config = LinkConfig { work_bits: 0, ..LinkConfig::default() };
    let [mut a, mut b] =
        [1, 2].map(|n| Links::new(config.clone(), &identity(n), Seed::from_number(n).fork("link")));
    a.on_up(LINK, (Transport::Tcp, PathClass::Lan), LinkRole::Dialer, 16 * 1024, Instant::ZERO);
    b.on_up(LINK, (Transport::Tcp, PathClass::Lan), LinkRole::Listener, 16 * 1024, Instant::ZERO);
    while carry(&mut a, &mut b) + carry(&mut b, &mut a) > 0 {}
    (a, b, identity(2).id())
}

/// Hands every frame over; gives how many there were.
fn carry(from: &mut Links, to: &mut Links) -> usize {
    let mut frames = 0;
    while let Some(output) = from.poll_output() {
        if let Linked::Send { bytes, .. } = output {
            to.on_frame(LINK, &bytes, Instant::ZERO);
            frames += 1;
        }
    }
    frames
}

/// Seals a packet at one end and opens it at the other.
#[divan::bench(args = [64, 1024, 16 * 1024])]
fn link_seal_and_open(bencher: Bencher<'_, '_>, bytes: usize) {
    let (mut a, mut b, peer) = linked();
    let packet = vec![7; bytes];
    bencher.counter(divan::counter::BytesCount::new(bytes)).bench_local(|| {
        a.send(peer, Class::Mesh, &packet, Instant::ZERO).unwrap();
        carry(&mut a, &mut b);
        while let Some(output) = b.poll_output() {
            black_box(output);
        }
    });
}

// ---- agree -------------------------------------------------------------------------------

/// One height of all members together, with a disk that takes no time.
#[divan::bench(args = [4, 7, 16])]
fn agree_decision_by_all_members(bencher: Bencher<'_, '_>, count: u64) {
    let people: Vec<Identity> = (0..count).map(identity).collect();
    let keys: Vec<MemberKey> = people.iter().map(|p| MemberKey(p.card().key)).collect();
    let members = Members::new(&keys).unwrap();
    let mut group: Vec<Agree> = people
        .iter()
        .map(|p| {
            let config = AgreeConfig::default();
            Agree::new(config, [1; 32], p, 0, members.clone(), Instant::ZERO)
        })
        .collect();
    let mut height = 0;
    bencher.bench_local(|| {
        height += 1;
        for member in &mut group {
            let members = members.clone();
            feed(member, Input::Height { height, members, replay: &[] });
        }
        let mut decided = 0;
        while decided < keys.len() {
            for at in 0..keys.len() {
                decided += usize::from(turn(&mut group, &keys, at));
            }
        }
    });
}

fn feed(member: &mut Agree, input: Input<'_>) {
    member.handle(Instant::ZERO, input, &mut |_, _| true);
}

/// Does what one member wants done; whether it decided.
fn turn(group: &mut [Agree], keys: &[MemberKey], at: usize) -> bool {
    let mut decided = false;
    while let Some(output) = group[at].poll_output() {
        match output {
            Agreed::Persist { seq, .. } => feed(&mut group[at], Input::Persisted { seq }),
            Agreed::Broadcast { bytes } => {
                for to in (0..keys.len()).filter(|to| *to != at) {
                    let (from, bytes) = (keys[at], &bytes);
                    feed(&mut group[to], Input::Message { from, bytes });
                }
            }
            Agreed::NeedValue { height, round } => {
                let value = vec![7; 512];
                feed(&mut group[at], Input::Value { height, round, value });
            }
            Agreed::Decided(_) => decided = true,
            // Nobody is behind and nobody lies.
            Agreed::Send { .. }
            | Agreed::Evidence(_)
            | Agreed::WantsHistory { .. }
            | Agreed::PeerAhead { .. } => {}
        }
    }
    decided
}

// ---- dice --------------------------------------------------------------------------------

struct Dice {
    table: DiceTable,
    secrets: Vec<MemberSecret>,
    entropy: Seed,
}

impl Dice {
    fn new(members: usize) -> Dice {
        let secrets: Vec<MemberSecret> =
            (0..members as u64).map(|n| MemberSecret::derive(&Seed::from_number(n))).collect();
        let keys: Vec<_> = secrets
            .iter()
            .enumerate()
            .map(|(n, s)| s.register(&[1; 32], 0, &[n as u8; 32]).verify(&[1; 32], 0).unwrap())
            .collect();
        let params = Params::recommended(members).unwrap();
        let table = DiceTable::new(params, &[1; 32], 0, &keys).unwrap();
        Dice { table, secrets, entropy: Seed::from_number(9) }
    }

    fn pot(&self) -> Pot {
        let deals: Vec<VerifiedDeal> = (0..self.table.params().threshold())
            .map(|me| {
                let deal = self.table.deal(me as u8, &self.secrets[me], 0, &self.entropy).unwrap();
                self.table.verify_deal(&deal).unwrap()
            })
            .collect();
        self.table.pot(&deals).unwrap()
    }
}

#[divan::bench(args = [4, 7])]
fn dice_deal(bencher: Bencher<'_, '_>, members: usize) {
    let dice = Dice::new(members);
    let mut roll = 0;
    bencher.bench_local(|| {
        roll += 1;
        dice.table.deal(0, &dice.secrets[0], roll, &dice.entropy).unwrap()
    });
}

#[divan::bench(args = [4, 7])]
fn dice_verify_deal(bencher: Bencher<'_, '_>, members: usize) {
    let dice = Dice::new(members);
    let deal = dice.table.deal(0, &dice.secrets[0], 0, &dice.entropy).unwrap();
    bencher.bench_local(|| dice.table.verify_deal(black_box(&deal)).unwrap());
}

#[divan::bench(args = [4, 7])]
fn dice_share(bencher: Bencher<'_, '_>, members: usize) {
    let dice = Dice::new(members);
    let pot = dice.pot();
    bencher.bench_local(|| dice.table.share(0, &dice.secrets[0], &pot, &dice.entropy).unwrap());
}

#[divan::bench(args = [4, 7])]
fn dice_verify_share(bencher: Bencher<'_, '_>, members: usize) {
    let dice = Dice::new(members);
    let pot = dice.pot();
    let share = dice.table.share(0, &dice.secrets[0], &pot, &dice.entropy).unwrap();
    bencher.bench_local(|| dice.table.verify_share(&pot, black_box(&share)).unwrap());
}

#[divan::bench(args = [4, 7])]
fn dice_combine(bencher: Bencher<'_, '_>, members: usize) {
    let dice = Dice::new(members);
    let pot = dice.pot();
    let shares: Vec<_> = (0..dice.table.params().threshold())
        .map(|me| {
            let share = dice.table.share(me as u8, &dice.secrets[me], &pot, &dice.entropy);
            dice.table.verify_share(&pot, &share.unwrap()).unwrap()
        })
        .collect();
    bencher.bench_local(|| dice.table.combine(black_box(&shares)).unwrap());
}

// ---- ledger ------------------------------------------------------------------------------

/// A batch of one pass bet by every member, signatures included.
#[divan::bench(args = [4, 7])]
fn ledger_apply_bets(bencher: Bencher<'_, '_>, count: u64) {
    let people: Vec<Identity> = (0..count).map(identity).collect();
    let invitation = Invitation {
        host: people[0].card().key,
        salt: [1; 16],
        name: "bench".to_owned(),
        buy_in: Chips(1000),
        bank: Chips(100_000),
        rules: Rules::default(),
    };
    let (id, seed) = (invitation.id(), Seed::from_number(9));
    let secrets: Vec<_> = (0..count).map(|n| MemberSecret::derive(&Seed::from_number(n))).collect();
    let seat = |(person, secret): (&Identity, &MemberSecret)| {
        let key = secret.register(&id.0, KEY_EPOCH, &person.card().key);
        Seating::sign(person, id, "m".to_owned(), SeatRole::Player, key)
    };
    let seatings = people.iter().zip(&secrets).map(seat).collect();
    let mut ledger = Ledger::new(&Genesis { invitation, seatings }).unwrap();
    let (table, roll) = (ledger.table(), ledger.roll());
    let mut entries: Vec<Entry> = people
        .iter()
        .zip(&secrets)
        .map(|(person, secret)| {
            let (seat, _) = ledger.seat(person.id()).unwrap();
            let deals = vec![ledger.make_deal(seat, secret, roll, &seed).unwrap()];
            let action = Action::Deal { epoch: ledger.epoch_number(), deals };
            Entry::Op(Op::sign(person, table, 1, action))
        })
        .collect();
    entries.push(Entry::BetsOpen { roll });
    ledger.apply(&Batch(entries).encode()).unwrap();
    let bet = |person: &Identity| {
        let action = Action::Bet { roll, wager: Wager::Pass, chips: Chips(10) };
        Entry::Op(Op::sign(person, table, 2, action))
    };
    let value = Batch(people.iter().map(bet).collect()).encode();
    bencher.with_inputs(|| ledger.clone()).bench_local_refs(|ledger| ledger.apply(&value).unwrap());
}

// ---- route -------------------------------------------------------------------------------

/// Node, node, cost in µs: a ring, and two more links per node to anywhere.
fn mesh(nodes: u32) -> Vec<(u32, u32, u32)> {
    let mut rng = Seed::from_number(u64::from(nodes)).rng();
    let mut edges: Vec<_> = (0..nodes).map(|n| (n, (n + 1) % nodes, 1000)).collect();
    for n in 0..nodes {
        for _ in 0..2 {
            let other = rng.below(u64::from(nodes)) as u32;
            edges.push((n, other, 500 + rng.below(20_000) as u32));
        }
    }
    edges
}

/// Our own algorithm on a graph that is built already.
#[divan::bench(args = [100, 1000])]
fn route_shortest_paths(bencher: Bencher<'_, '_>, nodes: u32) {
    let edges = mesh(nodes).into_iter().map(|(a, b, cost)| graph::Edge { a, b, cost });
    let built = Graph::new(nodes, &edges.collect::<Vec<_>>());
    bencher.bench_local(|| graph::shortest_paths(black_box(&built), 0));
}

/// The published one, on the same graph.
#[divan::bench(args = [100, 1000])]
fn route_shortest_paths_petgraph(bencher: Bencher<'_, '_>, nodes: u32) {
    let mut built = UnGraph::<(), u64>::new_undirected();
    let ids: Vec<_> = (0..nodes).map(|_| built.add_node(())).collect();
    for (a, b, cost) in mesh(nodes) {
        built.add_edge(ids[a as usize], ids[b as usize], u64::from(cost));
    }
    bencher.bench_local(|| dijkstra(black_box(&built), ids[0], None, |edge| *edge.weight()));
}

/// What a node does when the map has moved: from peers and links to a table of next hops.
#[divan::bench(args = [100, 1000])]
fn route_table_from_the_map(bencher: Bencher<'_, '_>, nodes: u32) {
    let peer = |n: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        PeerId::from_bytes(bytes)
    };
    let own = identity(1);
    let (a, b) = (own.id(), peer(0));
    let link = |(a, b, us): (u32, u32, u32)| {
        let latency = Some(Duration::from_micros(u64::from(us)));
        route::Edge { a: peer(a), b: peer(b), latency, reliability: 1.0 }
    };
    let mut edges: Vec<_> = mesh(nodes).into_iter().map(link).collect();
    edges.push(route::Edge { a, b, latency: None, reliability: 1.0 });
    let mut peers: Vec<_> = (0..nodes).map(|n| (peer(n), [1; 32])).collect();
    peers.push((a, own.link_key()));
    let topology = Topology { nodes: peers, edges };
    let mut router = Router::new(route::Config::default(), &own, &Seed::from_number(1), 1);
    router.set_neighbours(vec![b]);
    bencher.bench_local(|| {
        router.set_topology(topology.clone());
        router.path(peer(nodes - 1)).unwrap()
    });
}

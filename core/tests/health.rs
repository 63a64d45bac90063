//! The health room from outside: when it looks, what it learns of links, what it advises.

use bitcraps_core::{
    health::{
        About, Config, HISTORY_MAX, Health, LINKS_WATCHED_MAX, Link, Output, Readings, RiskMethod,
        Severity, Topology,
    },
    id::{PeerId, TableId},
    seed::{Rng, Seed},
    time::{Duration, Instant},
};

fn peer(n: u32) -> PeerId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PeerId::from_bytes(bytes)
}

fn mesh(nodes: u32, pairs: &[(u32, u32)]) -> Topology {
    let link = |(a, b): &(u32, u32)| Link {
        a: peer(*a),
        b: peer(*b),
        latency: Some(Duration::from_millis(10)),
        reliability: 1.0,
    };
    Topology {
        nodes: (0..nodes).map(peer).collect(),
        left: Vec::new(),
        links: pairs.iter().map(link).collect(),
    }
}

fn ring(nodes: u32) -> Vec<(u32, u32)> {
    let mut pairs: Vec<_> = (1..nodes).map(|n| (n - 1, n)).chain([(0, nodes - 1)]).collect();
    pairs.sort_unstable();
    pairs
}

const fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn new() -> Health {
    Health::new(Config::default(), peer(0), &Seed::from_number(1), Instant::ZERO)
}

/// Lets time pass; returns when snapshots were taken, in milliseconds.
fn wait(health: &mut Health, until: Instant, readings: &Readings) -> Vec<u64> {
    let mut taken = Vec::new();
    while let Some(due) = health.deadline().filter(|due| *due <= until) {
        health.on_timeout(readings.clone(), due);
        while let Some(output) = health.poll_output() {
            if output == Output::SnapshotTaken {
                taken.push(due.as_millis());
            }
        }
    }
    taken
}

fn at_once(topology: Topology) -> Health {
    let mut health = new();
    health.on_topology(topology, Instant::ZERO);
    wait(&mut health, ms(500), &Readings::default());
    health
}

#[test]
fn a_quiet_mesh_is_looked_at_every_five_seconds_and_a_change_once_it_is_over() {
    let mut health = new();
    health.on_topology(mesh(4, &ring(4)), ms(100));
    let none = Readings::default();
    assert_eq!(wait(&mut health, ms(16_000), &none), [600, 5600, 10_600, 15_600]);
    health.on_topology(mesh(4, &ring(4)), ms(16_500));
    assert_eq!(health.deadline(), Some(ms(20_600)), "nothing changed");
    health.on_topology(mesh(4, &ring(4)[1..]), ms(17_000));
    health.on_topology(mesh(4, &ring(4)), ms(17_300));
    assert_eq!(wait(&mut health, ms(23_000), &none), [17_800, 22_800]);
    health.on_topology(mesh(4, &ring(4)[1..]), ms(23_000));
    assert_eq!(health.deadline(), Some(ms(23_800)), "a second after the last one");
}

#[test]
fn steady_change_delays_a_snapshot_by_two_seconds_and_no_more() {
    let mut health = at_once(mesh(4, &ring(4)));
    let mut taken = Vec::new();
    for step in 0..100 {
        let now = ms(2000 + step * 100);
        health.on_topology(mesh(4, &ring(4)[(step % 2) as usize..]), now);
        taken.extend(wait(&mut health, now, &Readings::default()));
    }
    // The first change of each is a tenth of a second after the snapshot before.
    assert_eq!(taken, [4100, 6200, 8300, 10_400]);
}

#[test]
fn figures_kept_up_by_edits_are_those_of_a_first_look() {
    let mut rng = Seed::from_number(3).rng();
    let nodes = 30;
    let mut pairs = ring(nodes);
    let mut health = at_once(mesh(nodes, &pairs));
    for step in 1..200_u64 {
        for _ in 0..1 + rng.below(if step % 10 == 0 { 30 } else { 3 }) {
            toggle(&mut pairs, nodes, &mut rng);
        }
        // Now and then a node comes or goes.
        let nodes = nodes + (step / 20 % 2) as u32;
        let now = ms(step * 10_000);
        health.on_topology(mesh(nodes, &pairs), now);
        wait(&mut health, ms(step * 10_000 + 500), &Readings::default());
        let fresh = at_once(mesh(nodes, &pairs));
        assert_eq!(health.mesh().ids, fresh.mesh().ids);
        assert_eq!(health.mesh().graph, fresh.mesh().graph);
        assert_eq!(health.mesh().figures, fresh.mesh().figures, "step {step}");
        assert_eq!(health.cut_node_loads(), fresh.cut_node_loads());
    }
}

fn toggle(pairs: &mut Vec<(u32, u32)>, nodes: u32, rng: &mut Rng) {
    let (a, b) = (rng.below(u64::from(nodes)) as u32, rng.below(u64::from(nodes)) as u32);
    match pairs.binary_search(&(a.min(b), a.max(b))) {
        Ok(at) => drop(pairs.remove(at)),
        Err(at) if a != b => pairs.insert(at, (a.min(b), a.max(b))),
        Err(_) => {}
    }
}

#[test]
fn a_snapshot_has_the_figures_of_the_mesh() {
    let mut topology = mesh(5, &[(0, 1), (0, 2), (1, 2), (2, 3)]);
    topology.links[0].latency = None;
    topology.links[1].latency = Some(Duration::from_millis(40));
    topology.links[3].reliability = 0.6;
    let mut health = new();
    health.on_topology(topology, Instant::ZERO);
    let readings = Readings { bytes_in: 500, packets_in: 10, congested: 1, ..Readings::default() };
    wait(&mut health, ms(500), &readings);
    let (at, snapshot) = health.snapshot().map(|(at, s)| (at, s.clone())).unwrap();
    assert_eq!((at, snapshot.nodes, snapshot.links, snapshot.parts), (ms(500), 5, 4, 2));
    assert_eq!(snapshot.mean_latency_ms, Some(20.0));
    assert!((snapshot.mean_reliability.unwrap() - 0.9).abs() < 1e-6);
    assert_eq!((snapshot.diameter, snapshot.cut_nodes, snapshot.cut_edges), (2, 1, 1));
    assert!((snapshot.clustering.unwrap() - (1.0 + 1.0 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
    // Without node 2, of the pairs of 0, 1 and 3 two have no way.
    assert_eq!(snapshot.cut_node_load, Some(2.0 / 3.0));
    assert!((snapshot.documents_risk - 0.2 * 0.2).abs() < 1e-12, "mean degree 1.6");
    assert_eq!(snapshot.risk, None, "nothing was watched yet");
    assert_eq!(snapshot.link_changes, 4.0 * 120.0);
    assert_eq!((snapshot.bytes_in, snapshot.packets_in), (1000.0, 20.0));
    assert_eq!(snapshot.congested, 2.0);
}

/// A line of six whose first link goes away for a second every so often, for ten minutes.
fn with_one_that_fails(every_s: u64) -> Health {
    let mut health = new();
    for second in 0..602 {
        let away = second % every_s == every_s - 1;
        let pairs: Vec<(u32, u32)> = (1..6).map(|n| (n - 1, n)).collect();
        health.on_topology(mesh(6, &pairs[usize::from(away)..]), ms(second * 1000));
        wait(&mut health, ms(second * 1000 + 999), &Readings::default());
    }
    health
}

#[test]
fn the_more_often_links_fail_the_greater_is_the_risk() {
    let risk = |health: &Health| health.snapshot().unwrap().1.risk.unwrap().probability;
    let quiet = risk(&with_one_that_fails(10_000));
    let (seldom, often) = (risk(&with_one_that_fails(200)), risk(&with_one_that_fails(20)));
    assert!(quiet < seldom && seldom < often, "{quiet} {seldom} {often}");
    assert!(quiet < 0.1 && often > 0.8, "{quiet} {often}");
}

#[test]
fn a_link_of_a_node_that_left_by_its_own_word_did_not_fail() {
    let risk = |leaves: bool| {
        let mut health = new();
        let all: Vec<(u32, u32)> = vec![(0, 1), (0, 2), (1, 2), (2, 3)];
        for second in 0..600_u64 {
            let gone = second % 60 >= 50;
            let mut topology = mesh(4, if gone { &all[..3] } else { &all });
            if gone && leaves {
                topology.left.push(peer(3));
            }
            health.on_topology(topology, ms(second * 1000));
            wait(&mut health, ms(second * 1000 + 999), &Readings::default());
        }
        health.on_topology(mesh(4, &all), ms(600_000));
        wait(&mut health, ms(601_000), &Readings::default());
        health.snapshot().unwrap().1.risk.unwrap().probability
    };
    let (left, failed) = (risk(true), risk(false));
    assert!(left < 0.1 && failed > 0.4, "left {left}, failed {failed}");
}

#[test]
fn a_tables_risk_is_that_of_its_members_and_not_that_of_the_whole_mesh() {
    // Nodes 0 to 3 all linked to each other; 4 hangs on 3.
    let pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (3, 4)];
    let (safe, far) = (TableId::from_bytes([1; 32]), TableId::from_bytes([2; 32]));
    let tables = vec![(safe, (0..4).map(peer).collect()), (far, vec![peer(0), peer(4), peer(9)])];
    let readings = Readings { tables, ..Readings::default() };
    let mut health = new();
    health.on_topology(mesh(5, &pairs), Instant::ZERO);
    wait(&mut health, ms(120_000), &readings);
    let whole = health.snapshot().unwrap().1.risk.unwrap();
    let risks = health.table_risks().to_vec();
    assert_eq!(risks.iter().map(|(table, _)| *table).collect::<Vec<_>>(), [safe, far]);
    assert!(risks[0].1.probability < whole.probability / 4.0, "{risks:?} {whole:?}");
    assert!((risks[1].1.probability - whole.probability).abs() < 0.01, "{risks:?} {whole:?}");
    assert_eq!(whole.method, RiskMethod::Sampled);
}

#[test]
fn advice_names_cut_nodes_with_their_load_and_the_most_urgent_comes_first() {
    // Node 2 joins two triangles; the last two nodes are another part.
    let pairs = [(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (5, 6)];
    let health = at_once(mesh(7, &pairs));
    let advice = health.advice(&|id| format!("number {}", id.as_bytes()[3]));
    assert!(advice.windows(2).all(|pair| pair[0].severity >= pair[1].severity));
    assert_eq!((advice[0].severity, advice[0].about), (Severity::Critical, About::Parts));
    assert_eq!(advice[1].about, About::CutNode(peer(2)));
    assert_eq!(advice[1].severity, Severity::Info, "few nodes hang on one of them");
    let text = "Without “number 2” 2 nodes would be cut off: it alone joins 67% of the pairs of \
                other nodes. Link its neighbours to each other.";
    assert_eq!(advice[1].text, text);
    assert_eq!(at_once(mesh(3, &ring(3))).advice(&|id| id.short()), []);
}

#[test]
fn a_split_mesh_asks_for_advice_on_the_link_that_holds_it_and_on_long_ways() {
    let pairs: Vec<(u32, u32)> = (1..12).map(|n| (n - 1, n)).collect();
    let advice = at_once(mesh(12, &pairs)).advice(&|id| id.short());
    let holds = advice.iter().find(|a| a.about == About::CutEdge(peer(5), peer(6)));
    assert_eq!(holds.map(|a| a.severity), Some(Severity::Warning));
    assert!(advice.iter().any(|a| a.about == About::Diameter && a.text.contains("11 hops")));
    assert!(advice.len() <= 12);
}

#[test]
fn the_history_is_bounded_and_the_oldest_goes() {
    let mut health = at_once(mesh(3, &ring(3)));
    wait(&mut health, ms(5000 * (HISTORY_MAX as u64 + 9)), &Readings::default());
    assert_eq!(health.history().len(), HISTORY_MAX);
    let times: Vec<Instant> = health.history().map(|(at, _)| at).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]) && times[0] > ms(5000));
}

#[test]
fn more_links_than_are_watched_are_taken_for_links_like_the_others() {
    let nodes = 200;
    let mut pairs: Vec<(u32, u32)> =
        (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect();
    pairs.truncate(LINKS_WATCHED_MAX + 100);
    assert_eq!(pairs.len(), LINKS_WATCHED_MAX + 100);
    let mut health = new();
    health.on_topology(mesh(nodes, &pairs), Instant::ZERO);
    wait(&mut health, ms(500), &Readings::default());
    assert_eq!(health.links_watched(), LINKS_WATCHED_MAX);
    assert!(health.snapshot().unwrap().1.risk.is_some(), "ten link-minutes in half a second");
    // All go, others come: there is room again.
    health.on_topology(mesh(nodes, &ring(nodes)), ms(12_000));
    health.on_topology(mesh(nodes, &pairs), ms(13_000));
    assert!(health.links_watched() <= LINKS_WATCHED_MAX);
}

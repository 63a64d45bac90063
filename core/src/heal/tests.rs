//! What the room plans, tries, verifies and gives up, on small meshes.

use super::{attempt::*, book::REMEMBERED, pieces::Pieces, plan::Rules, turns::*, *};
use crate::graph::{Edge, Figures, Graph};

const NOW: Instant = Instant::from_millis(1_000_000);

fn id(n: u32) -> PeerId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    PeerId::from_bytes(bytes)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn address(n: u32) -> String {
    format!("sim://{n}")
}

/// A mesh whose nodes all listen.
#[derive(Clone)]
struct Seen {
    ids: Vec<PeerId>,
    graph: Graph,
    figures: Figures,
    heard: Vec<Heard>,
}

impl Seen {
    fn new(nodes: u32, edges: &[(u32, u32)]) -> Seen {
        let graph_edges: Vec<Edge> = edges.iter().map(|(a, b)| edge(*a, *b)).collect();
        let graph = Graph::new(nodes, &graph_edges);
        let near = |n| graph.neighbours(n).iter().map(|to| id(*to)).collect();
        let heard = (0..nodes)
            .map(|n| Heard { peer: id(n), addresses: vec![address(n)], near: near(n), mended: 0 })
            .collect();
        let figures = Analyser::new().analyse(&graph).clone();
        Seen { ids: (0..nodes).map(id).collect(), graph, figures, heard }
    }

    fn path(nodes: u32) -> Seen {
        Seen::new(nodes, &(1..nodes).map(|n| (n - 1, n)).collect::<Vec<_>>())
    }

    fn mesh(&self) -> Mesh<'_> {
        Mesh { ids: &self.ids, graph: &self.graph, figures: &self.figures }
    }

    fn show(&self, heal: &mut Heal, now: Instant) {
        self.show_with(heal, &[], now);
    }

    fn show_with(&self, heal: &mut Heal, tables: &[Vec<PeerId>], now: Instant) {
        heal.on_peers(self.heard.clone(), now);
        heal.on_part(self.ids.clone(), now);
        heal.on_mesh(&self.mesh(), tables, now);
    }
}

fn edge(a: u32, b: u32) -> Edge {
    Edge { a, b, cost: 1 }
}

fn config() -> Config {
    Config { schemes: vec!["sim".to_owned()], listening: Listening::ForOthers, ..Config::default() }
}

fn heal(own: u32, config: Config) -> Heal {
    Heal::new(config, id(own), &Seed::from_number(u64::from(own)))
}

/// Everything that is planned: the other end, the goal.
fn planned(heal: &Heal) -> Vec<(PeerId, Goal)> {
    let waiting = |r: &Shown| r.state == State::Planned;
    heal.repairs().into_iter().filter(waiting).map(|r| (r.peer, r.goal)).collect()
}

fn state_of(heal: &Heal, peer: u32) -> Option<State> {
    heal.repairs().into_iter().find(|r| r.peer == id(peer)).map(|r| r.state)
}

/// What it dials up to this time.
fn dials(heal: &mut Heal, now: Instant) -> Vec<String> {
    heal.on_timeout(now);
    let dialled = |output| match output {
        Output::Dial { address } => Some(address),
        Output::Tried { .. } | Output::Ended { .. } => None,
    };
    core::iter::from_fn(|| heal.poll_output()).filter_map(dialled).collect()
}

/// Lets a dial succeed.
fn link(heal: &mut Heal, number: u64, to: u32, now: Instant) {
    heal.on_up(LinkId(number), &address(to));
    heal.on_opened(LinkId(number), id(to), now);
}

#[test]
fn a_cut_node_is_led_around_by_the_smaller_of_two_ends_first() {
    let line = Seen::path(3);
    let due = |own| {
        let mut heal = heal(own, config());
        line.show(&mut heal, NOW);
        (planned(&heal), heal.deadline())
    };
    let (first, second) = (due(0), due(2));
    assert_eq!(first.0, [(id(2), Goal::Bypass)]);
    assert_eq!(second.0, [(id(0), Goal::Bypass)]);
    assert!(second.1 >= Some(NOW + SECOND_END_AFTER) && first.1 < second.1);
    assert_eq!(due(1), (vec![], None));
}

#[test]
fn every_node_makes_the_same_plan() {
    let mut rng = Seed::from_number(1).rng();
    for _ in 0..20 {
        let edges: Vec<_> = (1..30).map(|n| (rng.below(u64::from(n)) as u32, n)).collect();
        let tree = Seen::new(30, &edges);
        let mut pairs = Vec::new();
        for own in 0..30 {
            let mut heal = heal(own, config());
            tree.show(&mut heal, NOW);
            let own = id(own);
            let gain = |r: Shown| (own.min(r.peer), own.max(r.peer), r.gain);
            pairs.extend(heal.repairs().into_iter().map(gain));
        }
        pairs.sort_unstable();
        assert!(!pairs.is_empty() && pairs.len().is_multiple_of(2));
        assert!(pairs.chunks(2).all(|ends| ends[0] == ends[1]), "{pairs:?}");
    }
}

#[test]
fn whatever_is_planned_around_a_cut_node_joins_pieces_that_only_it_joined() {
    let mut rng = Seed::from_number(2).rng();
    for _ in 0..30 {
        let mut edges: Vec<_> = (1..40).map(|n| (rng.below(u64::from(n)) as u32, n)).collect();
        edges.extend((0..10).map(|_| (rng.below(40) as u32, rng.below(40) as u32)));
        let seen = Seen::new(40, &edges);
        let rules = Rules {
            listens: &[true; 40],
            links_max: LINKS_MAX,
            spare: 99,
            spare_for_thickness: 0,
            diameter_max: 99,
            clustering_min: 0,
        };
        let wants = plan::plan(&seen.mesh(), &rules, &mut Analyser::new());
        assert_eq!(wants.is_empty(), seen.figures.cut_nodes.is_empty());
        for want in wants {
            let Gain::Around { node, .. } = want.gain else { panic!("{want:?}") };
            let node = seen.ids.binary_search(&node).unwrap() as u32;
            let before = Pieces::without(&seen.graph, node).count;
            let more: Vec<Edge> = seen.graph.each_edge().chain([edge(want.a, want.b)]).collect();
            let after = Pieces::without(&Graph::new(40, &more), node).count;
            assert_eq!(after, before - 1, "{want:?}");
        }
    }
}

#[test]
fn nobody_dials_what_it_cannot_or_what_is_kept_up_already() {
    let line = Seen::path(3);
    let plans = |config: Config, line: &Seen| {
        let mut heal = heal(0, config);
        line.show(&mut heal, NOW);
        !planned(&heal).is_empty()
    };
    assert!(plans(config(), &line));
    assert!(!plans(Config { schemes: vec!["ws".to_owned()], ..config() }, &line));
    assert!(!plans(Config { kept: vec![address(2)], ..config() }, &line));
    let mut silent = line.clone();
    silent.heard[2].addresses.clear();
    assert!(!plans(config(), &silent), "the other end has to dial");
    let mut other = heal(2, Config { listening: Listening::Nowhere, ..config() });
    silent.show(&mut other, NOW);
    assert!(other.deadline().is_some_and(|at| at < NOW + SECOND_END_AFTER), "and at once");
}

#[test]
fn loopback_is_dialled_only_by_who_announces_nothing_else() {
    let at = |addresses: &[&str]| {
        Listening::at(&addresses.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(at(&[]), Listening::Nowhere);
    assert_eq!(at(&["tcp://127.0.0.1:9", "ws://[::1]:80/mesh"]), Listening::OnThisMachine);
    assert_eq!(at(&["tcp://127.0.0.1:9", "tcp://10.0.0.1:9"]), Listening::ForOthers);
    let mut line = Seen::path(3);
    for (address, elsewhere) in
        [("sim://127.0.0.1:9", false), ("sim://localhost:9", false), ("sim://10.0.0.1:9", true)]
    {
        line.heard[2].addresses = vec![address.to_owned()];
        for listening in [Listening::Nowhere, Listening::OnThisMachine, Listening::ForOthers] {
            let mut heal = heal(0, Config { listening, ..config() });
            line.show(&mut heal, NOW);
            let dials = elsewhere || listening == Listening::OnThisMachine;
            assert_eq!(!planned(&heal).is_empty(), dials, "{address}, {listening:?}");
        }
    }
}

#[test]
fn a_link_that_helped_is_verified_and_one_that_did_not_is_not_made_again() {
    for (shown, state) in [
        (Seen::new(3, &[(0, 1), (1, 2), (0, 2)]), State::Verified),
        (Seen::new(4, &[(0, 1), (1, 2), (0, 2), (0, 3), (1, 3), (2, 3)]), State::NoGain),
    ] {
        let mut heal = heal(0, config());
        Seen::path(3).show(&mut heal, NOW);
        assert_eq!(dials(&mut heal, NOW + secs(1)), [address(2)]);
        link(&mut heal, 7, 2, NOW + secs(1));
        assert_eq!((state_of(&heal, 2), heal.made()), (Some(State::Linked), 1));
        Seen::path(3).show(&mut heal, NOW + secs(2));
        assert_eq!(state_of(&heal, 2), Some(State::Linked), "a snapshot from before the link");
        shown.show(&mut heal, NOW + secs(3));
        assert_eq!(state_of(&heal, 2), Some(state));
        heal.on_closed(LinkId(7), Some(id(2)), CloseReason::Silent, NOW + secs(4));
        assert_eq!(heal.made(), 0);
        Seen::path(3).show(&mut heal, NOW + secs(5));
        let again = dials(&mut heal, NOW + secs(60)).contains(&address(2));
        assert_eq!(!again, state == State::NoGain, "{state:?}");
    }
}

#[test]
fn failures_wait_longer_each_time_until_the_repair_is_given_up_for_a_while() {
    let mut heal = heal(0, config());
    let mut now = NOW;
    for failure in 1..=TRIES_MAX {
        Seen::path(3).show(&mut heal, now);
        now = heal.deadline().unwrap();
        assert_eq!(dials(&mut heal, now), [address(2)]);
        heal.on_dial_failed(&address(2), now);
        let bound = BACKOFF_BASE * (1 << (failure - 1));
        Seen::path(3).show(&mut heal, now);
        let wait = heal.deadline().map(|at| at.since(now));
        let given_up = failure == TRIES_MAX;
        assert_eq!(wait.is_none(), given_up);
        assert!(given_up || wait.is_some_and(|w| w >= bound / 2 && w <= bound), "{wait:?}");
    }
    assert_eq!(state_of(&heal, 2), Some(State::GivenUp));
    Seen::path(3).show(&mut heal, now + (GIVEN_UP_FOR - secs(1)));
    assert_eq!(heal.deadline(), None);
    Seen::path(3).show(&mut heal, now + GIVEN_UP_FOR);
    assert!(heal.deadline().is_some());
    let entered = heal.entered();
    assert_eq!(entered[State::Failed as usize], u64::from(TRIES_MAX) - 1);
    assert_eq!(entered[State::GivenUp as usize], 1);
}

#[test]
fn a_handshake_that_fails_or_another_peer_that_answers_is_a_failure() {
    let mut heal = heal(0, config());
    Seen::path(3).show(&mut heal, NOW);
    let now = NOW + secs(1);
    assert_eq!(dials(&mut heal, now), [address(2)]);
    heal.on_up(LinkId(1), &address(2));
    heal.on_closed(LinkId(1), None, CloseReason::HandshakeTimeout, now);
    assert_eq!(state_of(&heal, 2), Some(State::Failed));
    Seen::path(3).show(&mut heal, now);
    let now = heal.deadline().unwrap();
    assert_eq!(dials(&mut heal, now), [address(2)]);
    heal.on_up(LinkId(2), &address(2));
    heal.on_opened(LinkId(2), id(77), now);
    assert_eq!(state_of(&heal, 2), Some(State::Failed));
    assert_eq!(heal.made(), 1, "the link is there all the same");
}

#[test]
fn no_more_than_two_are_tried_at_once() {
    // Node 0 is the leaf of a star, so that it may be linked to every other leaf.
    let star = Seen::new(12, &(0..12).filter(|n| *n != 5).map(|n| (5, n)).collect::<Vec<_>>());
    let mut heal = heal(0, config());
    star.show(&mut heal, NOW);
    let late = NOW + secs(100);
    assert_eq!(dials(&mut heal, late).len(), TRIES_AT_ONCE);
    assert_eq!((dials(&mut heal, late).len(), heal.deadline()), (0, None));
    let tried = heal.repairs().into_iter().find(|r| r.state == State::Trying).unwrap();
    let number = (0..12).find(|n| id(*n) == tried.peer).unwrap();
    heal.on_dial_failed(&address(number), late);
    assert_eq!(dials(&mut heal, late).len(), 1);
}

#[test]
fn the_mesh_grows_by_no_more_than_was_allowed() {
    let mut line = Seen::path(9);
    let plans = |line: &Seen| {
        let mut all = 0;
        for own in 0..9 {
            let mut heal = heal(own, config());
            line.show(&mut heal, NOW);
            all += planned(&heal).len();
        }
        all > 0
    };
    assert!(plans(&line));
    // Of eight links three were made by repairs: five and two more are allowed.
    line.heard[1].mended = 1;
    line.heard[2].mended = 1;
    line.heard[3].mended = 1;
    assert!(!plans(&line));
    // Nobody is believed to have made more links than it has.
    line.heard[2].mended = 0;
    line.heard[3].mended = 0;
    line.heard[1].mended = u16::MAX;
    assert!(plans(&line), "six and two of nine");
}

#[test]
fn nodes_with_as_many_links_as_they_may_have_are_given_no_more() {
    // 0 is joined to the rest by 1 alone and has no room left.
    let leaves = LINKS_MAX as u32 - 1;
    let mut edges = vec![(0, 1), (1, 2), (2, 3), (1, 3)];
    edges.extend((4..4 + leaves).flat_map(|n| [(0, n), (n, n + leaves)]));
    let mut heal = heal(2, config());
    Seen::new(4 + 2 * leaves, &edges).show(&mut heal, NOW);
    assert!(planned(&heal).iter().all(|(peer, _)| *peer != id(0)), "{:?}", planned(&heal));
    assert!(!planned(&heal).is_empty());
    for n in 0..LINKS_MAX as u32 {
        heal.on_opened(LinkId(u64::from(n)), id(500 + n), NOW);
    }
    assert_eq!((dials(&mut heal, NOW + secs(100)).len(), heal.deadline()), (0, None));
}

#[test]
fn peers_without_a_path_are_dialled_nearest_first_until_one_path_leads_to_them() {
    let mut heal = heal(1, config());
    let line = Seen::path(7);
    line.show(&mut heal, NOW);
    heal.on_part(vec![id(0), id(1), id(2)], NOW);
    let mut joins = heal.repairs();
    joins.retain(|r| r.goal == Goal::JoinParts);
    assert_eq!(joins.len(), 4);
    let now = NOW + JOIN_AFTER + JITTER;
    assert_eq!(dials(&mut heal, now), [address(3)]);
    heal.on_dial_failed(&address(3), now);
    let next = dials(&mut heal, now + JOIN_SLOT * 6 + JITTER);
    assert_eq!(next[0], address(4));
    heal.on_part((0..7).map(id).collect(), now + secs(2));
    assert!(planned(&heal).iter().all(|(_, goal)| *goal != Goal::JoinParts));
}

#[test]
fn a_part_that_the_map_forgot_is_looked_for_until_the_hour_is_over() {
    let mut heal = heal(0, config());
    let line = Seen::path(3);
    line.show(&mut heal, NOW);
    let alone = |heal: &mut Heal, now| {
        let mut seen = Seen::new(1, &[]);
        seen.heard[0].near.clear();
        seen.show(heal, now);
    };
    alone(&mut heal, NOW + (REMEMBERED - secs(1)));
    assert_eq!(planned(&heal).len(), 2);
    alone(&mut heal, NOW + REMEMBERED);
    assert_eq!((planned(&heal).len(), heal.remembered()), (0, 1));
}

#[test]
fn who_said_goodbye_is_not_looked_for() {
    let mut heal = heal(0, config());
    let mut line = Seen::path(3);
    line.heard[2].near.clear();
    line.show(&mut heal, NOW);
    heal.on_part(vec![id(0)], NOW);
    let joins: Vec<_> =
        planned(&heal).into_iter().filter(|(_, goal)| *goal == Goal::JoinParts).collect();
    assert_eq!(joins, [(id(1), Goal::JoinParts)]);
}

#[test]
fn on_request_nothing_is_dialled_before_it_is_applied() {
    let mut heal = heal(0, Config { mode: Mode::OnRequest, ..config() });
    Seen::path(3).show(&mut heal, NOW);
    assert_eq!((heal.deadline(), dials(&mut heal, NOW + secs(100))), (None, vec![]));
    let repair = heal.repairs()[0].id;
    assert_eq!(heal.waiting(Goal::Bypass, Some(id(1))), Some(repair));
    assert_eq!(heal.waiting(Goal::Bypass, Some(id(2))), None);
    assert_eq!(heal.waiting(Goal::Shortcut, None), None);
    assert_eq!(heal.apply(repair + 1, NOW), Err(Unknown));
    assert_eq!(heal.apply(repair, NOW), Ok(()));
    assert_eq!(dials(&mut heal, NOW), [address(2)]);
    assert_eq!(heal.waiting(Goal::Bypass, None), None, "it is being tried");
}

#[test]
fn a_seated_player_is_brought_to_the_leader_or_to_its_neighbours() {
    let mut heal = heal(0, config());
    // A ring of nine: no cut nodes, and a diameter that nobody minds.
    let ring: Vec<_> = (0..9).map(|n| (n, (n + 1) % 9)).collect();
    Seen::new(9, &ring).show_with(&mut heal, &[vec![id(4), id(0), id(8)]], NOW);
    let table: Vec<_> =
        planned(&heal).into_iter().filter(|(_, goal)| *goal == Goal::Table).map(|p| p.0).collect();
    assert_eq!(table.len(), 3);
    assert_eq!(dials(&mut heal, NOW + SLOT + JITTER), [address(4)]);
    let gain = heal.repairs().into_iter().find(|r| r.peer == id(4)).unwrap().gain;
    assert!(gain.ends_with("falls from 4 to 1 hops"), "{gain}");
}

#[test]
fn nodes_that_a_table_hangs_on_are_marked_even_where_nothing_can_be_dialled() {
    let mut heal = heal(0, Config::default());
    // 4 leads: 3 and 2 cut both others off, 1 the one behind it, 5 and 6 nobody who sits here.
    Seen::path(8).show_with(&mut heal, &[vec![], vec![id(4), id(0), id(1)]], NOW);
    let relay = |n, seats_cut| Relay { peer: id(n), table: 1, seats_cut };
    assert_eq!(heal.relays(), [relay(3, 2), relay(2, 2), relay(1, 1)]);
    assert!(heal.repairs().is_empty());
}

#[test]
fn long_ways_get_a_shortcut_and_thin_meshes_a_triangle() {
    // Twelve rungs: no cut node and no triangle.
    let mut ladder: Vec<_> = (0..12).map(|n| (2 * n, 2 * n + 1)).collect();
    ladder.extend((0..22).map(|n| (n, n + 2)));
    let goals = |edges: &[(u32, u32)]| {
        let seen = Seen::new(24, edges);
        let mut goals = Vec::new();
        for own in 0..24 {
            let mut heal = heal(own, config());
            seen.show(&mut heal, NOW);
            goals.extend(heal.repairs().into_iter().map(|r| r.goal));
        }
        goals.sort_unstable();
        goals.dedup();
        goals
    };
    assert_eq!(goals(&ladder), [Goal::Shortcut, Goal::Thicken]);
    let thick: Vec<_> = (0..24).flat_map(|n| [(n, (n + 1) % 24), (n, (n + 2) % 24)]).collect();
    assert_eq!(goals(&thick), []);
}

#[test]
fn more_repairs_than_the_limit_push_out_old_outcomes_and_nothing_that_is_wanted() {
    let mut heal = heal(0, config());
    let mut now = NOW;
    for round in 0..40 {
        let first = 10 + round * JOINS_MAX as u32;
        let mut heard = vec![Heard { near: vec![id(first)], ..Seen::path(1).heard[0].clone() }];
        heard.extend((first..first + JOINS_MAX as u32).map(|n| Heard {
            peer: id(n),
            addresses: vec![address(n)],
            near: vec![id(0), id(n + 1)],
            mended: 0,
        }));
        heal.on_peers(heard, now);
        heal.on_part(vec![id(0)], now);
        assert!(heal.repairs().len() <= REPAIRS_MAX);
        assert!(planned(&heal).len() <= JOINS_MAX);
        // All are tried, and none answers.
        for _ in 0..JOINS_MAX {
            now = now + secs(1);
            for address in dials(&mut heal, now) {
                heal.on_dial_failed(&address, now);
            }
        }
        now = now + REMEMBERED;
    }
    assert_eq!(heal.repairs().len(), REPAIRS_MAX);
}

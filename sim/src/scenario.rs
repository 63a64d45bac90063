//! Scenarios as data: who is there, what goes wrong when, and what must hold by when.
//!
//! Rules. A scenario is a list of stages. A stage acts, then waits until all its goals hold; a
//! goal missed by the stage's deadline is a violation of liveness. Faults belong to stages whose
//! goals ask for nothing, or only for what the faults leave possible; the stages after them heal
//! and demand. Deadlines are virtual and generous: they tell a stall from slowness, no more.

use crate::{
    liar::Lie,
    net::{Cut, Quality},
    topology::Topology,
    world::CrashAt,
};
use bitcraps_core::{limits::TABLE_MEMBERS_MIN, node::Transport, time::Duration};

mod byzantine;

pub use byzantine::Among;

/// Index into [`Scenario::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableKey(pub usize);

/// A table that a scenario opens.
#[derive(Clone, Debug)]
pub struct TablePlan {
    pub name: &'static str,
    /// The player who opens it and plays.
    pub host: usize,
    /// The others, all bots.
    pub guests: Vec<usize>,
}

impl TablePlan {
    pub fn members(&self) -> impl Iterator<Item = usize> + '_ {
        core::iter::once(self.host).chain(self.guests.iter().copied())
    }
}

/// A node that lies.
#[derive(Clone, Debug)]
pub struct LiarPlan {
    pub node: usize,
    pub lies: Vec<Lie>,
    /// At how many of a hundred chances.
    pub zeal: u64,
    /// Nodes that see the other face of [`Lie::TwoFaces`].
    pub second_half: Vec<usize>,
}

#[derive(Clone, Debug)]
pub enum Act {
    /// The host asks for the table, again and again until it stands.
    Open(TableKey),
    /// The host bets and rolls whenever it can, from now on.
    Play(TableKey),
    /// Cuts every edge between these nodes and all others.
    Split { side: Vec<usize>, how: Cut },
    /// Cuts every edge of this kind.
    CutKind { kind: Transport, how: Cut },
    /// Random crashes of honest nodes and cuts for this long, each ended a little later.
    Churn { lasting: Duration },
    /// Restores every edge and starts every dead node.
    Heal,
}

#[derive(Clone, Debug)]
pub enum Goal {
    /// Every honest node runs and its map is the truth: every node, and every edge that is up.
    MapsAgree,
    /// This much time has passed.
    Elapsed(Duration),
    /// Every honest member shows the table as playing.
    Seated(TableKey),
    /// Each of these members has decided so many more rolls than any had when the stage began, or
    /// shows that liars were expelled and too few are left to roll.
    Rolled { table: TableKey, more: u64, by: Vec<usize> },
    /// Every running member shows the table as frozen.
    Frozen(TableKey),
    /// No member gets past the height that any had when the stage began, for this long.
    StandsStill { table: TableKey, lasting: Duration },
}

#[derive(Clone, Debug)]
pub struct Stage {
    pub name: &'static str,
    pub acts: Vec<Act>,
    pub until: Vec<Goal>,
    pub within: Duration,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub nodes: usize,
    /// More nodes that only make a table complete.
    pub bots: usize,
    pub topology: Topology,
    pub quality: Quality,
    /// More links between the same nodes, each of another kind.
    pub also: Vec<(Transport, Quality)>,
    /// Latencies differ from edge to edge: the quality's, plus up to this.
    pub latency_spread: Duration,
    pub tables: Vec<TablePlan>,
    /// How long a host rests after each roll.
    pub pace: Duration,
    pub liars: Vec<LiarPlan>,
    /// A death at one write, besides those of the stages.
    pub crash: Option<CrashAt>,
    pub stages: Vec<Stage>,
}

/// A scenario by name, for the sizes it is defined for.
pub struct Listed {
    pub name: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
    /// Missing: drawn from the seed.
    pub nodes_default: Option<usize>,
    pub nodes_min: usize,
    pub nodes_max: usize,
    build: Build,
}

enum Build {
    /// The seed decides about topology and luck alone.
    Fixed(fn(usize) -> Scenario),
    /// The seed also decides who is there and what happens.
    Drawn(fn(Option<usize>, u64) -> Scenario),
}

/// Every scenario there is.
pub const SCENARIOS: [Listed; 7] = [
    Listed {
        name: "converge",
        about: "a mesh starts at once and every node learns the whole map",
        nodes_default: Some(20),
        nodes_min: 2,
        nodes_max: 200,
        build: Build::Fixed(converge),
    },
    Listed {
        name: "line",
        about: "nodes in a line; the first plays with the last ones through the others",
        nodes_default: Some(5),
        nodes_min: 3,
        nodes_max: 16,
        build: Build::Fixed(line),
    },
    Listed {
        name: "churn",
        about: "nodes crash and links flap for a minute while a table is played",
        nodes_default: Some(8),
        nodes_min: 7,
        nodes_max: 64,
        build: Build::Fixed(churn),
    },
    Listed {
        name: "partition",
        about: "the mesh splits with a table on each side and one across, then heals",
        nodes_default: Some(7),
        nodes_min: 7,
        nodes_max: 32,
        build: Build::Fixed(partition),
    },
    Listed {
        name: "lossy",
        about: "one frame in five is lost, others double or overtake, and a table is played",
        nodes_default: Some(6),
        nodes_min: 4,
        nodes_max: 32,
        build: Build::Fixed(lossy),
    },
    Listed {
        name: "links",
        about: "a table is played while one kind of link after the other dies, down to Bluetooth",
        nodes_default: Some(5),
        nodes_min: 4,
        nodes_max: 16,
        build: Build::Fixed(links),
    },
    Listed {
        name: "byzantine",
        about: "up to f members lie in drawn ways among loss, cuts and crashes",
        nodes_default: None,
        nodes_min: 4,
        nodes_max: 10,
        build: Build::Drawn(byzantine::byzantine),
    },
];

/// No scenario of that name, or not for that many nodes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownScenario {
    #[error("no scenario is called {got:?}; there are: {}", names())]
    Name { got: String },
    #[error("{name} runs with {min} to {max} nodes, not with {got}")]
    Nodes { name: &'static str, got: usize, min: usize, max: usize },
}

fn names() -> String {
    SCENARIOS.map(|s| s.name).join(", ")
}

/// The scenario of this name with this many nodes, or its usual number.
pub fn named(name: &str, nodes: Option<usize>, seed: u64) -> Result<Scenario, UnknownScenario> {
    let listed = SCENARIOS
        .iter()
        .find(|s| s.name == name)
        .ok_or_else(|| UnknownScenario::Name { got: name.to_owned() })?;
    let (min, max) = (listed.nodes_min, listed.nodes_max);
    let nodes = nodes.or(listed.nodes_default);
    if let Some(got) = nodes.filter(|got| *got < min || *got > max) {
        return Err(UnknownScenario::Nodes { name: listed.name, got, min, max });
    }
    Ok(match listed.build {
        Build::Fixed(build) => build(nodes.unwrap_or(min)),
        Build::Drawn(build) => build(nodes, seed),
    })
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn stage(name: &'static str, acts: Vec<Act>, until: Vec<Goal>, within: Duration) -> Stage {
    Stage { name, acts, until, within }
}

/// The mesh stands, the table stands, the host plays.
fn settle_in(tables: &[TablePlan], within: Duration) -> Vec<Stage> {
    let keys = || (0..tables.len()).map(TableKey);
    vec![
        stage("the mesh forms", vec![], vec![Goal::MapsAgree], within),
        stage(
            "the tables open",
            keys().map(Act::Open).collect(),
            keys().map(Goal::Seated).collect(),
            within,
        ),
    ]
}

fn rolled(table: TableKey, more: u64, plan: &TablePlan) -> Goal {
    rolled_by(table, more, plan.members().collect())
}

fn rolled_by(table: TableKey, more: u64, by: Vec<usize>) -> Goal {
    Goal::Rolled { table, more, by }
}

fn converge(nodes: usize) -> Scenario {
    Scenario {
        name: "converge",
        nodes,
        bots: 0,
        topology: Topology::RingWithChords { chords: nodes / 2 },
        quality: Quality::wired(),
        also: vec![],
        latency_spread: Duration::from_millis(30),
        tables: vec![],
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages: vec![stage("the mesh forms", vec![], vec![Goal::MapsAgree], secs(60))],
    }
}

/// A–B–C is the shortest: there a bot of B's makes the fourth member.
fn line(nodes: usize) -> Scenario {
    let bots = TABLE_MEMBERS_MIN.saturating_sub(nodes);
    let all = nodes + bots;
    let plan = TablePlan { name: "line", host: 0, guests: (all - 3..all).collect() };
    let table = TableKey(0);
    let goal = rolled(table, 5, &plan);
    let mut stages = settle_in(core::slice::from_ref(&plan), secs(60));
    stages.push(stage("five rolls", vec![Act::Play(table)], vec![goal], secs(300)));
    Scenario {
        name: "line",
        nodes,
        bots,
        topology: Topology::Line { length: nodes },
        quality: Quality::wired(),
        also: vec![],
        latency_spread: Duration::from_millis(10),
        tables: vec![plan],
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages,
    }
}

/// Neighbours in a line have four kinds of link; three die, two of them without a word, and then
/// all come back.
fn links(nodes: usize) -> Scenario {
    let plan = TablePlan { name: "links", host: 0, guests: (nodes - 3..nodes).collect() };
    let table = TableKey(0);
    let more = || vec![rolled(table, 2, &plan)];
    let cut = |kind, how| vec![Act::CutKind { kind, how }];
    let mut stages = settle_in(core::slice::from_ref(&plan), secs(60));
    stages.extend([
        stage("the table runs", vec![Act::Play(table)], more(), secs(120)),
        stage("QUIC dies silently", cut(Transport::Quic, Cut::Silent), more(), secs(120)),
        stage("TCP is cut", cut(Transport::Tcp, Cut::Loud), more(), secs(120)),
        stage("WebSocket dies silently", cut(Transport::WebSocket, Cut::Silent), more(), secs(120)),
        stage("all come back", vec![Act::Heal], vec![Goal::MapsAgree], secs(60)),
        stage("the table goes on", vec![], more(), secs(120)),
    ]);
    Scenario {
        name: "links",
        nodes,
        bots: 0,
        topology: Topology::Line { length: nodes },
        quality: Quality::wired(),
        also: vec![
            (Transport::Quic, Quality::wired()),
            (Transport::WebSocket, Quality::wired()),
            (Transport::Ble, Quality::bluetooth()),
        ],
        latency_spread: Duration::from_millis(10),
        tables: vec![plan],
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages,
    }
}

fn churn(nodes: usize) -> Scenario {
    let plan = TablePlan { name: "churn", host: 0, guests: vec![2, 4, 6] };
    let table = TableKey(0);
    let more = |n| rolled(table, n, &plan);
    let mut stages = settle_in(core::slice::from_ref(&plan), secs(60));
    stages.extend([
        stage("the table runs", vec![Act::Play(table)], vec![more(1)], secs(120)),
        stage(
            "a minute of churn",
            vec![Act::Churn { lasting: secs(60) }],
            vec![Goal::Elapsed(secs(60))],
            secs(61),
        ),
        stage("the mesh is whole again", vec![Act::Heal], vec![Goal::MapsAgree], secs(120)),
        stage("the table goes on", vec![], vec![more(3)], secs(300)),
    ]);
    Scenario {
        name: "churn",
        nodes,
        bots: 0,
        topology: Topology::RingWithChords { chords: nodes / 2 },
        quality: Quality::wired(),
        also: vec![],
        latency_spread: Duration::from_millis(20),
        tables: vec![plan],
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages,
    }
}

/// The left table keeps all its members, the right one a quorum (with seven nodes its fourth
/// member is on the left), and the one across is left with two of four on either side.
fn partition(nodes: usize) -> Scenario {
    let last = nodes - 1;
    let side: Vec<usize> = (0..nodes.div_ceil(2)).collect();
    let tables = vec![
        TablePlan { name: "left", host: 0, guests: vec![1, 2, 3] },
        TablePlan { name: "right", host: last, guests: vec![last - 1, last - 2, last - 3] },
        TablePlan { name: "across", host: 0, guests: vec![1, last - 1, last - 2] },
    ];
    let [left, right, across] = [TableKey(0), TableKey(1), TableKey(2)];
    let more = |key: TableKey, n| rolled(key, n, &tables[key.0]);
    let on_the_right = Goal::Rolled {
        table: right,
        more: 2,
        by: tables[right.0].members().filter(|m| !side.contains(m)).collect(),
    };
    let mut stages = settle_in(&tables, secs(60));
    stages.extend([
        stage(
            "all tables run",
            vec![Act::Play(left), Act::Play(right), Act::Play(across)],
            vec![more(left, 2), more(right, 2), more(across, 2)],
            secs(300),
        ),
        stage(
            "the mesh splits",
            vec![Act::Split { side: side.clone(), how: Cut::Silent }],
            vec![Goal::Frozen(across)],
            secs(120),
        ),
        stage(
            "majorities go on, minorities do not",
            vec![],
            vec![
                more(left, 2),
                on_the_right,
                Goal::StandsStill { table: across, lasting: secs(30) },
            ],
            secs(300),
        ),
        stage("the mesh heals", vec![Act::Heal], vec![Goal::MapsAgree], secs(120)),
        stage(
            "everyone catches up and all tables go on",
            vec![],
            vec![more(left, 2), more(right, 2), more(across, 2)],
            secs(300),
        ),
    ]);
    Scenario {
        name: "partition",
        nodes,
        bots: 0,
        topology: Topology::RingWithChords { chords: nodes / 2 },
        quality: Quality::wired(),
        also: vec![],
        latency_spread: Duration::from_millis(20),
        tables,
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages,
    }
}

fn lossy(nodes: usize) -> Scenario {
    let plan =
        TablePlan { name: "lossy", host: 0, guests: vec![nodes - 1, nodes / 2, nodes / 2 - 1] };
    let table = TableKey(0);
    let goal = rolled(table, 5, &plan);
    let mut stages = settle_in(core::slice::from_ref(&plan), secs(180));
    stages.push(stage("five rolls", vec![Act::Play(table)], vec![goal], secs(600)));
    Scenario {
        name: "lossy",
        nodes,
        bots: 0,
        topology: Topology::RingWithChords { chords: nodes / 2 },
        quality: Quality::radio(200),
        also: vec![],
        latency_spread: Duration::from_millis(10),
        tables: vec![plan],
        pace: Duration::ZERO,
        liars: vec![],
        crash: None,
        stages,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_seats_different_nodes_at_each_table_at_every_size() {
        for listed in &SCENARIOS {
            for nodes in listed.nodes_min..=listed.nodes_max.min(40) {
                let scenario = named(listed.name, Some(nodes), 1).unwrap();
                for plan in &scenario.tables {
                    let members: BTreeSet<usize> = plan.members().collect();
                    let wanted = if listed.name == "byzantine" { nodes } else { 4 };
                    assert_eq!(members.len(), wanted, "{} with {nodes} nodes", listed.name);
                    assert!(members.iter().all(|m| *m < nodes + scenario.bots));
                }
                let hosts: BTreeSet<usize> = scenario.tables.iter().map(|t| t.host).collect();
                let invited = scenario.tables.iter().flat_map(|t| t.guests.iter());
                assert_eq!(invited.filter(|g| hosts.contains(g)).count(), 0, "{}", listed.name);
            }
        }
    }

    #[test]
    fn a_partition_leaves_no_quorum_across_and_one_on_each_side() {
        for nodes in 7..=32 {
            let scenario = named("partition", Some(nodes), 1).unwrap();
            let left = |m: &usize| *m < nodes.div_ceil(2);
            let counts: Vec<usize> =
                scenario.tables.iter().map(|t| t.members().filter(left).count()).collect();
            assert_eq!((counts[0], counts[2]), (4, 2));
            assert!(counts[1] <= 1);
        }
    }

    #[test]
    fn what_is_not_a_scenario_is_refused_with_what_there_is() {
        let error = named("nothing", None, 1).unwrap_err();
        assert!(error.to_string().contains("converge, line, churn, partition, lossy"));
        let error = named("line", Some(2), 1).unwrap_err();
        assert_eq!(error.to_string(), "line runs with 3 to 16 nodes, not with 2");
    }
}

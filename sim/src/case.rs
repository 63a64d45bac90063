//! One case: a scenario run from a seed, judged after every event.
//!
//! Rules. After each entry of the calendar the nodes that told something are looked at again and
//! their views go through the checker before anything else happens; every [`LOOK_EVERY`] all nodes
//! are. Goals are judged on the same views. The host of a table is asked after each look.

use crate::{
    host::Host,
    invariant::{Checker, Invariant, Witness},
    liar::{Liar, Plot},
    machine::{Death, Life},
    net::{Cut, EdgeId, EdgeState},
    report::{Report, StageReport},
    scenario::{Act, Goal, Scenario, Stage, TableKey},
    world::{Breach, Fault, Step, World},
};
use bitcraps_core::{
    id::PeerId,
    limits::TABLE_MEMBERS_MIN,
    node::{
        Address, Config, Event, NodeView, SeatRole, SeatView, TableState, TableView, Transport,
    },
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::collections::{BTreeMap, BTreeSet};

/// Every node is looked at this often, whether it told something or not.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Work that a simulated identity has to show, in bits: enough that it is checked, no more.
const WORK_BITS: u8 = 4;

/// Calendar entries of one run; it ends with a violation when it needs more. Guess: a hundred
/// times the longest green run.
const STEPS_MAX: u64 = 50_000_000;

/// Between two faults of a churn, in milliseconds.
const CHURN_GAP_MS: (u64, u64) = (500, 3000);

/// How long one fault of a churn lasts, in milliseconds: some shorter and some longer than a node
/// waits before it calls a link silent.
const CHURN_FAULT_MS: (u64, u64) = (500, 12_000);

/// A map as far as all nodes must see it alike.
#[derive(PartialEq, Eq)]
struct Figure {
    nodes: Vec<PeerId>,
    edges: Vec<(PeerId, PeerId)>,
}

/// What a stage's goals are measured from.
struct Mark {
    at: Instant,
    rolls: Vec<u64>,
    heights: Vec<u64>,
}

/// Where a node is dialled, by every kind of link.
fn dials(kinds: &[Transport], node: usize) -> impl Iterator<Item = Address> + '_ {
    kinds.iter().map(move |kind| World::address_by(node, *kind))
}

pub(crate) struct Case {
    scenario: Scenario,
    seed_number: u64,
    world: World,
    checker: Checker,
    /// How many of the double votes that each liar heard were checked.
    doubles: BTreeMap<usize, usize>,
    views: Vec<Option<NodeView>>,
    figures: Vec<Option<Figure>>,
    hosts: Vec<Host>,
    churn: Rng,
    next_look: Instant,
    converged_at: Option<Instant>,
    /// Whether a view changed since the goals were last judged.
    news: bool,
    /// Something broke after which going on tells nothing.
    stuck: bool,
}

impl Case {
    pub fn new(scenario: Scenario, seed_number: u64) -> Case {
        let seed = Seed::from_number(seed_number).fork(scenario.name);
        let mut world = World::new(&seed);
        let mut rng = seed.fork("topology").rng();
        let edges = scenario.topology.edges(scenario.nodes + scenario.bots, &mut rng);
        let also = scenario.also.iter().map(|(kind, _)| *kind);
        let kinds: Vec<Transport> = [Transport::Tcp].into_iter().chain(also).collect();
        for node in 0..scenario.nodes + scenario.bots {
            let hosts = scenario.tables.iter().any(|t| t.host == node);
            world.add_node(Config {
                name: format!("node {node}"),
                role: if hosts { SeatRole::Player } else { SeatRole::Bot },
                work_bits: WORK_BITS,
                addresses: vec![World::address(node)],
                dials: vec!["sim".to_owned()],
                dial: edges
                    .iter()
                    .filter(|e| e.0 == node)
                    .flat_map(|e| dials(&kinds, e.1))
                    .collect(),
                ..Config::default()
            });
        }
        for (a, b) in edges {
            let mut quality = scenario.quality.clone();
            let spread = scenario.latency_spread.as_micros() as u64;
            quality.latency += Duration::from_micros(rng.below(spread + 1));
            world.add_edge(a, b, quality);
            for (kind, quality) in &scenario.also {
                world.add_edge_by(a, b, *kind, quality.clone());
            }
        }
        let id = |world: &World, node: &usize| world.peer_id(*node);
        let liars: BTreeSet<PeerId> = scenario.liars.iter().map(|l| id(&world, &l.node)).collect();
        for plan in &scenario.liars {
            let own = world.peer_id(plan.node);
            let plot = Plot {
                lies: plan.lies.iter().copied().collect(),
                zeal: plan.zeal,
                accomplices: liars.iter().copied().filter(|liar| *liar != own).collect(),
                second_half: plan.second_half.iter().map(|node| id(&world, node)).collect(),
            };
            world.corrupt(plan.node, plot);
        }
        if let Some(plan) = scenario.crash {
            world.crash_at(plan);
        }
        let hosts = scenario
            .tables
            .iter()
            .map(|t| {
                let guests = t.guests.iter().map(|g| world.peer_id(*g)).collect();
                Host::new(t.host, t.name, guests, scenario.pace)
            })
            .collect();
        Case {
            views: (0..scenario.nodes + scenario.bots).map(|_| None).collect(),
            figures: (0..scenario.nodes + scenario.bots).map(|_| None).collect(),
            scenario,
            seed_number,
            world,
            checker: Checker::with_liars(liars),
            doubles: BTreeMap::new(),
            hosts,
            churn: seed.fork("churn").rng(),
            next_look: Instant::ZERO,
            converged_at: None,
            news: true,
            stuck: false,
        }
    }

    pub fn run(mut self) -> Report {
        for node in 0..self.world.nodes() {
            let step = self.world.inflict(Fault::Restart { node });
            self.take(step);
        }
        let mut stages = Vec::new();
        for stage in core::mem::take(&mut self.scenario.stages) {
            let start = self.world.now();
            let reached = self.run_stage(&stage);
            let took_ms = reached.then(|| self.world.now().since(start).as_millis() as u64);
            stages.push(StageReport { name: stage.name.to_owned(), took_ms });
            if !reached {
                break;
            }
        }
        self.look_at_all();
        self.into_report(stages)
    }

    /// Whether all goals were reached in time.
    fn run_stage(&mut self, stage: &Stage) -> bool {
        let mark = Mark {
            at: self.world.now(),
            rolls: self.each_table(|t| t.roll),
            heights: self.each_table(|t| t.height),
        };
        for act in &stage.acts {
            self.act(act);
        }
        let deadline = mark.at + stage.within;
        self.news = true;
        loop {
            if core::mem::take(&mut self.news) {
                self.judge_growth(stage, &mark);
                if stage.until.iter().all(|goal| self.holds(goal, &mark)) {
                    return true;
                }
            }
            if self.stuck {
                return false;
            }
            if self.world.now() >= deadline || self.world.steps() > STEPS_MAX {
                self.report_missed(stage, &mark);
                return false;
            }
            match self.world.step(self.next_look.min(deadline)) {
                Some(step) => self.take(step),
                None => self.look_at_all(),
            }
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Open(key) => self.hosts[key.0].wish_open(),
            Act::Play(key) => self.hosts[key.0].wish_play(),
            Act::Split { side, how } => {
                for edge in self.edges(|a, b| side.contains(&a) != side.contains(&b)) {
                    self.inflict(Fault::Cut { edge, how: *how });
                }
            }
            Act::CutKind { kind, how } => {
                let edges = self.world.edges().iter().enumerate();
                let of_kind = edges.filter(|(_, e)| e.transport == *kind);
                let edges: Vec<EdgeId> = of_kind.map(|(i, _)| EdgeId(i)).collect();
                for edge in edges {
                    self.inflict(Fault::Cut { edge, how: *how });
                }
            }
            Act::Churn { lasting } => self.plan_churn(*lasting),
            Act::Heal => {
                for edge in self.edges(|_, _| true) {
                    if self.world.edges()[edge.0].state != EdgeState::Up {
                        self.inflict(Fault::Restore { edge });
                    }
                }
                for node in 0..self.world.nodes() {
                    self.inflict(Fault::Restart { node });
                }
            }
        }
    }

    fn lies(&self, node: usize) -> bool {
        self.scenario.liars.iter().any(|liar| liar.node == node)
    }

    fn honest(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.world.nodes()).filter(|node| !self.lies(*node))
    }

    /// The honest members of a table.
    fn members(&self, key: TableKey) -> impl Iterator<Item = usize> + '_ {
        self.scenario.tables[key.0].members().filter(|node| !self.lies(*node))
    }

    /// The liars that run.
    fn liars(&self) -> impl Iterator<Item = (usize, &Liar)> + '_ {
        self.scenario.liars.iter().filter_map(|l| Some((l.node, self.world.liar(l.node)?)))
    }

    fn edges(&self, chosen: impl Fn(usize, usize) -> bool) -> Vec<EdgeId> {
        let edges = self.world.edges().iter().enumerate();
        edges.filter(|(_, e)| chosen(e.a, e.b)).map(|(i, _)| EdgeId(i)).collect()
    }

    fn inflict(&mut self, fault: Fault) {
        let step = self.world.inflict(fault);
        self.take(step);
    }

    /// Every fault ends by itself; the scenario's `Heal` ends what is left.
    fn plan_churn(&mut self, lasting: Duration) {
        let honest: Vec<usize> = self.honest().collect();
        let rng = &mut self.churn;
        let between = |rng: &mut Rng, (min, max): (u64, u64)| {
            Duration::from_millis(min + rng.below(max - min + 1))
        };
        let end = self.world.now() + lasting;
        let mut at = self.world.now();
        loop {
            at = at + between(rng, CHURN_GAP_MS);
            let over = (at + between(rng, CHURN_FAULT_MS)).min(end);
            if at >= end {
                return;
            }
            let (node, edge) = (honest[rng.below(honest.len() as u64) as usize], {
                EdgeId(rng.below(self.world.edges().len() as u64) as usize)
            });
            let (fault, undo) = match rng.below(4) {
                0 => (Fault::Crash { node, how: Death::Killed }, Fault::Restart { node }),
                1 => (Fault::Crash { node, how: Death::PowerLost }, Fault::Restart { node }),
                2 => (Fault::Cut { edge, how: Cut::Silent }, Fault::Restore { edge }),
                _ => (Fault::Cut { edge, how: Cut::Loud }, Fault::Restore { edge }),
            };
            self.world.plan(at, fault);
            self.world.plan(over, undo);
        }
    }

    /// Checks what one step led to, looks at the nodes it touched and lets their hosts act.
    fn take(&mut self, step: Step) {
        let now = self.world.now();
        for (node, breach) in step.breaches {
            self.checker.on_breach(now, node, &breach);
            self.stuck |= matches!(breach, Breach::TimeStandsStill | Breach::TooManyOutputs);
        }
        let mut touched = step.lives;
        for (node, event) in step.events {
            if let Some(life) = self.world.life(node) {
                self.checker.on_event(Witness { at: now, node, life }, &event);
            }
            if let Event::CommandDone { request, result } = &event {
                for host in self.hosts.iter_mut().filter(|h| h.node == node) {
                    host.on_answer(now, *request, result);
                }
            }
            touched.push(node);
        }
        touched.sort_unstable();
        touched.dedup();
        for node in touched {
            self.look_at(node);
        }
    }

    fn look_at_all(&mut self) {
        for node in 0..self.world.nodes() {
            self.look_at(node);
        }
        self.next_look = self.world.now() + LOOK_EVERY;
        let heard: Vec<_> = self.liars().map(|(node, l)| (node, l.doubles().to_vec())).collect();
        for (node, doubles) in heard {
            let known = self.doubles.insert(node, doubles.len()).unwrap_or(0);
            for double in doubles.iter().skip(known) {
                self.checker.on_double_vote(self.world.now(), node, double);
            }
        }
        for host in &mut self.hosts {
            if let Some(request) = host.overdue(self.world.now()) {
                let what = format!("{request:?} was not answered");
                self.checker.report(self.world.now(), Some(host.node), Invariant::Live, what);
            }
        }
    }

    fn look_at(&mut self, node: usize) {
        self.news = true;
        let view = self.world.view(node);
        self.figures[node] = view.as_ref().map(figure_of);
        if let (Some(view), Some(life)) = (&view, self.world.life(node)) {
            self.checker.on_view(Witness { at: self.world.now(), node, life }, view);
            self.let_hosts_act(node, life, view);
        }
        self.views[node] = view;
        if self.converged_at.is_none() && self.maps_agree() {
            self.converged_at = Some(self.world.now());
        }
    }

    fn let_hosts_act(&mut self, node: usize, life: Life, view: &NodeView) {
        let now = self.world.now();
        for host in self.hosts.iter_mut().filter(|h| h.node == node) {
            let Some(command) = host.next(now, life, view) else { continue };
            if let Some(request) = self.world.command(node, command.clone()) {
                host.on_asked(now, request, &command, view);
            }
        }
    }

    fn table_at(&self, node: usize, key: TableKey) -> Option<&TableView> {
        let id = self.hosts[key.0].table?;
        self.views[node].as_ref()?.tables.iter().find(|t| t.table_id == id)
    }

    /// For every table, the largest figure that any member shows.
    fn each_table(&self, figure: impl Fn(&TableView) -> u64) -> Vec<u64> {
        let tables = self.scenario.tables.iter().enumerate();
        tables
            .map(|(i, plan)| {
                let shown = plan.members().filter_map(|m| self.table_at(m, TableKey(i)));
                shown.map(&figure).max().unwrap_or(0)
            })
            .collect()
    }

    fn all_show(&self, key: TableKey, what: impl Fn(&TableView) -> bool) -> bool {
        self.members(key).all(|m| self.table_at(m, key).is_some_and(&what))
    }

    fn holds(&self, goal: &Goal, mark: &Mark) -> bool {
        match goal {
            Goal::MapsAgree => self.maps_agree(),
            Goal::Elapsed(time) => self.world.now().since(mark.at) >= *time,
            Goal::Seated(key) => self.all_show(*key, |t| t.state == TableState::Playing),
            Goal::Rolled { table, more, by } => {
                let wanted = mark.rolls[table.0] + more;
                let rolled = |t: &TableView| t.roll >= wanted || is_short(t);
                by.iter().all(|m| self.table_at(*m, *table).is_some_and(rolled))
            }
            Goal::Frozen(key) => self.all_show(*key, |t| t.state == TableState::Frozen),
            Goal::StandsStill { lasting, .. } => self.world.now().since(mark.at) >= *lasting,
        }
    }

    /// A table that must stand still and does not is a violation at once.
    fn judge_growth(&mut self, stage: &Stage, mark: &Mark) {
        for goal in &stage.until {
            let Goal::StandsStill { table, .. } = goal else { continue };
            let (now, then) = (self.each_table(|t| t.height)[table.0], mark.heights[table.0]);
            if now > then {
                let what = format!("{}: {goal:?}, but height {then} became {now}", stage.name);
                self.checker.report(self.world.now(), None, Invariant::OneLog, what);
                self.stuck = true;
            }
        }
    }

    fn maps_agree(&self) -> bool {
        let mut honest = self.honest().map(|node| self.figures[node].as_ref());
        let Some(first) = honest.next().flatten() else { return false };
        honest.all(|figure| figure == Some(first)) && *first == self.truth()
    }

    fn truth(&self) -> Figure {
        let id = |node| self.world.peer_id(node);
        let up = self.world.edges().iter().filter(|e| e.state == EdgeState::Up);
        // However many links two nodes have, the map shows one.
        let pairs: BTreeSet<(usize, usize)> = up.map(|e| (e.a.min(e.b), e.a.max(e.b))).collect();
        let edges = pairs.into_iter().map(|(a, b)| (id(a), id(b))).collect();
        figure((0..self.world.nodes()).map(id).collect(), edges)
    }

    fn report_missed(&mut self, stage: &Stage, mark: &Mark) {
        for goal in &stage.until {
            if self.holds(goal, mark) {
                continue;
            }
            let what = format!("{}: {}", stage.name, self.explain(goal));
            self.checker.report(self.world.now(), None, Invariant::Live, what);
        }
    }

    fn explain(&self, goal: &Goal) -> String {
        let key = match goal {
            Goal::MapsAgree => {
                let truth = self.truth();
                let behind = self.honest().filter_map(|node| {
                    let figure = self.figures[node].as_ref();
                    let (nodes, edges) = figure.map_or((0, 0), |f| (f.nodes.len(), f.edges.len()));
                    (figure != Some(&truth)).then(|| format!("{node}: {nodes}, {edges}"))
                });
                return format!(
                    "maps should show {} nodes and {} edges; these do not: {}",
                    truth.nodes.len(),
                    truth.edges.len(),
                    behind.collect::<Vec<_>>().join("; ")
                );
            }
            Goal::Elapsed(_) => return format!("{goal:?}"),
            Goal::Seated(key) | Goal::Frozen(key) => *key,
            Goal::Rolled { table, .. } | Goal::StandsStill { table, .. } => *table,
        };
        let members = self.members(key).map(|m| match self.table_at(m, key) {
            Some(t) => {
                let is_ready = |seat: &&SeatView| seat.ready;
                let ready = t.seats.iter().filter(is_ready).map(|seat| seat.peer_id.short());
                format!(
                    "{m}: {:?} {:?} roll {} height {} reaches {} pending {} ready {:?} dice {:?}",
                    t.state,
                    t.phase,
                    t.roll,
                    t.height,
                    t.reachable,
                    t.pending,
                    ready.collect::<Vec<_>>(),
                    t.shooter.map(|peer| peer.short()),
                )
            }
            None => format!("{m}: no seat"),
        });
        let refused = &self.hosts[key.0].refused;
        let members = members.collect::<Vec<_>>().join("; ");
        format!("{goal:?} was missed; {members}; last refusal: {refused:?}")
    }

    fn into_report(self, stages: Vec<StageReport>) -> Report {
        let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 simulated state");
        for view in &self.views {
            let bytes = postcard::to_allocvec(view).expect("a view has nothing postcard refuses");
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(&bytes);
        }
        hash.update(self.world.digest().as_bytes());
        let counts = self.world.counts();
        let mut lies = BTreeMap::new();
        for (lie, times) in self.liars().flat_map(|(_, liar)| liar.told()) {
            *lies.entry(*lie).or_insert(0) += times;
        }
        Report {
            scenario: self.scenario.name.to_owned(),
            nodes: self.scenario.nodes,
            seed: self.seed_number,
            virtual_ms: self.world.now().as_millis(),
            converged_ms: self.converged_at.map(Instant::as_millis),
            messages: counts.frames,
            bytes: counts.bytes,
            lost: counts.lost,
            duplicated: counts.duplicated,
            congested: counts.congested,
            rolls: self.checker.rolls(),
            tables: self.checker.tables(),
            liars: self.scenario.liars.iter().map(|liar| liar.node).collect(),
            lies,
            votes: self.liars().map(|(_, liar)| liar.heard()).sum(),
            unread: self.views.iter().flatten().map(|view| view.counters.packets_refused).sum(),
            crashes: self.world.crashes(),
            accused: self.checker.accused(),
            expelled: self.checker.expelled(),
            events: self.world.steps(),
            stages,
            violations: self.checker.into_violations(),
            state_hash: hash.finalize().to_hex().to_string(),
        }
    }
}

/// Whoever was proven to lie has gone, and too few are left for fair dice until somebody joins.
fn is_short(table: &TableView) -> bool {
    table.members.len() < TABLE_MEMBERS_MIN
}

fn figure_of(view: &NodeView) -> Figure {
    figure(
        view.map.nodes.iter().map(|n| n.peer_id).collect(),
        view.map.edges.iter().map(|e| (e.a, e.b)).collect(),
    )
}

fn figure(mut nodes: Vec<PeerId>, edges: Vec<(PeerId, PeerId)>) -> Figure {
    let mut edges: Vec<_> = edges.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
    nodes.sort_unstable();
    edges.sort_unstable();
    edges.dedup();
    Figure { nodes, edges }
}

//! A network in memory: virtual time, seeded randomness, loss, delay, reordering, duplication, slow
//! disks, crashes that lose what was not durable, and members that lie.
//!
//! Checked while it runs: one value per height, certificates that verify, no honest member signs
//! two votes for one step, no honest member is accused. Checked at its end: every honest member
//! decided every height.

use crate::forge::{GROUP, Person, set_of};
use bitcraps_core::{
    agree::{
        Agree, Config, Decision, Evidence, Input, MemberKey, Members, Output, digest,
        message::{Message, Step, ValueId},
    },
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Honest,
    Silent,
    Liar,
}

/// When a host starts the next height.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// At once.
    Always,
    /// Someone has something to say every so many milliseconds; the others follow
    /// [`Output::PeerAhead`].
    Idle(u64),
}

/// From the start, the members with their bit in `side` and the rest do not hear each other.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub until_ms: u64,
    pub side: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub members: usize,
    pub heights: u64,
    pub seed: u64,
    /// The last members are the faulty ones.
    pub silent: usize,
    pub liars: usize,
    pub loss: f64,
    pub duplication: f64,
    /// Chance of a crash per second and honest member.
    pub crash: f64,
    /// Milliseconds of every ten seconds in which the network is cut in two.
    pub split_ms: u64,
    /// Healed with a nudge for everyone.
    pub cut: Cut,
    /// Members change every so many heights; 0: never.
    pub epoch: u64,
    /// Break the rules on purpose: a crash loses what was durable as well.
    pub forgetful: bool,
    pub pace: Pace,
}

impl Plan {
    pub fn new(members: usize, heights: u64, seed: u64) -> Plan {
        Plan {
            members,
            heights,
            seed,
            silent: 0,
            liars: 0,
            loss: 0.2,
            duplication: 0.05,
            crash: 0.0,
            split_ms: 0,
            cut: Cut { until_ms: 0, side: 0 },
            epoch: 0,
            forgetful: false,
            pace: Pace::Always,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    pub virtual_ms: u64,
    pub messages: u64,
    pub bytes: u64,
    pub crashes: u64,
    pub evidence: u64,
    pub worst_round: u32,
    pub rounds: u64,
    pub histories: u64,
}

enum Event {
    Message { to: usize, from: usize, bytes: Vec<u8> },
    Wake { node: usize, life: u64 },
    Disk { node: usize, life: u64, seq: u64 },
    Up { node: usize },
    Second,
    Healed,
    Wish,
}

struct Node {
    kind: Kind,
    person: Person,
    agree: Option<Agree>,
    life: u64,
    /// Durable records of the current height, by place.
    log: BTreeMap<u64, Vec<u8>>,
    pending: Vec<(u64, u64, u64, Vec<u8>)>,
    decided: BTreeMap<u64, Decision>,
    wake: u64,
}

pub struct World {
    plan: Plan,
    nodes: Vec<Node>,
    report: Report,
    rng: Rng,
    now: u64,
    order: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    /// Every vote an honest member put on the wire.
    signed: BTreeMap<(usize, u64, u32, Step), Option<ValueId>>,
    /// What the liars heard and said.
    ids: BTreeMap<u64, BTreeSet<ValueId>>,
    values: BTreeMap<u64, BTreeSet<Vec<u8>>>,
    lied: BTreeSet<(usize, u64, u32, u8)>,
}

/// The table's opinion: whatever does not start with "bad" is fine.
fn judge(_height: u64, value: &[u8]) -> bool {
    !value.starts_with(b"bad")
}

/// Short, so that virtual hours stay affordable.
fn config() -> Config {
    let ms = Duration::from_millis;
    Config {
        propose: ms(400),
        prevote: ms(200),
        precommit: ms(200),
        delta: ms(100),
        longest: ms(3000),
        sync: ms(150),
        sync_longest: ms(1000),
        rest: ms(1000),
        keep: 2,
    }
}

impl World {
    pub fn new(plan: Plan) -> World {
        let honest = plan.members - plan.liars - plan.silent;
        let nodes = (0..plan.members)
            .map(|i| Node {
                kind: match i {
                    _ if i < honest => Kind::Honest,
                    _ if i < honest + plan.silent => Kind::Silent,
                    _ => Kind::Liar,
                },
                person: Person::numbered(plan.seed * 100 + i as u64),
                agree: None,
                life: 0,
                log: BTreeMap::new(),
                pending: Vec::new(),
                decided: BTreeMap::new(),
                wake: u64::MAX,
            })
            .collect();
        let mut world = World {
            plan,
            nodes,
            report: Report::default(),
            rng: Seed::from_number(plan.seed).fork("world").rng(),
            now: 0,
            order: 0,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            signed: BTreeMap::new(),
            ids: BTreeMap::new(),
            values: BTreeMap::new(),
            lied: BTreeSet::new(),
        };
        for node in 0..honest {
            world.start(node);
        }
        world.push(1000, Event::Second);
        if plan.cut.until_ms > 0 {
            world.push(plan.cut.until_ms, Event::Healed);
        }
        if plan.pace != Pace::Always {
            world.push(10, Event::Wish);
        }
        world
    }

    /// Runs until every honest member decided everything; panics past `limit_ms`.
    pub fn run(mut self, limit_ms: u64) -> Report {
        while !self.is_done() {
            let Reverse((at, order)) = self.queue.pop().expect("timers never end");
            self.now = at;
            assert!(at <= limit_ms, "LIVENESS: {}", self.describe());
            let event = self.events.remove(&order).expect("queued with its number");
            self.on_event(event);
        }
        self.report.virtual_ms = self.now;
        self.report
    }

    fn describe(&self) -> String {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|n| (n.decided.len(), n.agree.as_ref().map(|a| (a.height(), a.round()))))
            .collect();
        format!("at {} ms of {:?}: {nodes:?}", self.now, self.plan)
    }

    fn is_done(&self) -> bool {
        let mut honest = self.nodes.iter().filter(|n| n.kind == Kind::Honest);
        honest.all(|n| n.decided.len() as u64 >= self.plan.heights)
    }

    fn instant(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    /// With epochs, one honest member sits out in turn.
    fn members(&self, height: u64) -> Members {
        let mut keys: Vec<MemberKey> = self.nodes.iter().map(|n| n.person.key).collect();
        if let Some(epoch) = (height.saturating_sub(1)).checked_div(self.plan.epoch)
            && epoch % 2 == 1
        {
            let honest = self.nodes.iter().filter(|n| n.kind == Kind::Honest).count();
            keys.remove((epoch / 2) as usize % honest);
        }
        Members::new(&keys).unwrap()
    }

    fn push(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.insert(self.order, event);
        self.queue.push(Reverse((at, self.order)));
    }

    fn start(&mut self, i: usize) {
        let decided = self.nodes[i].decided.last_key_value().map_or(0, |(height, _)| *height);
        let members = self.members(decided + 1);
        let now = self.instant();
        let node = &mut self.nodes[i];
        let agree = Agree::new(config(), GROUP, &node.person.identity, decided, members, now);
        node.life += 1;
        node.agree = Some(agree);
        // A stored record says that the next height had been started.
        if self.plan.pace == Pace::Always || !self.nodes[i].log.is_empty() {
            self.start_next(i);
        }
        self.drain(i);
    }

    fn start_next(&mut self, i: usize) {
        let now = self.instant();
        let Some(height) = self.nodes[i].agree.as_ref().map(|a| a.height() + 1) else { return };
        if height > self.plan.heights {
            return;
        }
        let members = self.members(height);
        let node = &mut self.nodes[i];
        let replay: Vec<Vec<u8>> = node.log.values().cloned().collect();
        if let Some(agree) = &mut node.agree {
            agree.handle(now, Input::Height { height, members, replay: &replay }, &mut judge);
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: &[u8]) {
        if from == to {
            return;
        }
        if self.nodes[from].kind == Kind::Honest {
            self.report.messages += 1;
            self.report.bytes += bytes.len() as u64;
        }
        if self.now % 10_000 < self.plan.split_ms {
            let sides = Seed::from_number(self.plan.seed ^ (self.now / 10_000)).rng().next_u64();
            if sides >> from & 1 != sides >> to & 1 {
                return;
            }
        }
        let cut = self.plan.cut;
        if self.now < cut.until_ms && cut.side >> from & 1 != cut.side >> to & 1 {
            return;
        }
        for _ in 0..1 + u32::from(self.rng.chance(self.plan.duplication)) {
            if !self.rng.chance(self.plan.loss) {
                let at = self.now + 10 + self.rng.below(71);
                self.push(at, Event::Message { to, from, bytes: bytes.to_vec() });
            }
        }
    }

    /// No honest member ever signs two different votes for one height, round and step.
    fn audit(&mut self, from: usize, bytes: &[u8]) {
        let Ok(Message::Vote(vote)) = Message::decode(bytes) else { return };
        let members = self.members(vote.height);
        if members.key(usize::from(vote.member)) != Some(self.nodes[from].person.key) {
            return;
        }
        let step = (from, vote.height, vote.round, vote.step);
        let first = *self.signed.entry(step).or_insert(vote.value);
        assert_eq!(first, vote.value, "VOTED TWICE: {step:?}, {:?}", self.plan);
    }

    fn drain(&mut self, i: usize) {
        while let Some(agree) = &mut self.nodes[i].agree {
            let Some(output) = agree.poll_output() else {
                let at = agree.deadline().as_micros().div_ceil(1000).max(self.now);
                let node = &mut self.nodes[i];
                if node.wake > at || node.wake <= self.now {
                    node.wake = at;
                    let life = node.life;
                    self.push(at, Event::Wake { node: i, life });
                }
                return;
            };
            self.on_output(i, output);
        }
    }

    fn place(&self, key: MemberKey) -> usize {
        self.nodes.iter().position(|n| n.person.key == key).unwrap()
    }

    fn on_output(&mut self, i: usize, output: Output) {
        match output {
            Output::Persist { seq, height, place, record } => {
                self.nodes[i].pending.push((seq, height, place, record));
                let (at, life) = (self.now + 1 + self.rng.below(4), self.nodes[i].life);
                self.push(at, Event::Disk { node: i, life, seq });
            }
            Output::Broadcast { bytes } => {
                self.audit(i, &bytes);
                for to in 0..self.plan.members {
                    self.send(i, to, &bytes);
                }
            }
            Output::Send { to, bytes } => {
                self.audit(i, &bytes);
                self.send(i, self.place(to), &bytes);
            }
            Output::NeedValue { height, round } => {
                let life = self.nodes[i].life;
                let mut value = format!("h{height} r{round} by {i} in life {life} ").into_bytes();
                value.resize(200, b'.');
                self.feed(i, Input::Value { height, round, value });
            }
            Output::Decided(decision) => self.on_decided(i, decision),
            Output::Evidence(evidence) => {
                let culprit = self.place(evidence.culprit);
                assert_eq!(self.nodes[culprit].kind, Kind::Liar, "ACCUSED: {:?}", self.plan);
                let members = self.members(evidence.height);
                assert_eq!(evidence.verify(&GROUP, &members), Ok(()));
                assert_eq!(Evidence::decode(&evidence.encode()), Ok(evidence));
                self.report.evidence += 1;
            }
            Output::WantsHistory { peer, from } => {
                let to = self.place(peer);
                let decided = self.nodes[i].decided.range(from..).take(4);
                let found: Vec<Vec<u8>> = decided.map(|(_, d)| d.encode()).collect();
                for bytes in found {
                    self.report.histories += 1;
                    self.send(i, to, &bytes);
                }
            }
            Output::PeerAhead { .. } => self.start_next(i),
        }
    }

    fn on_decided(&mut self, i: usize, decision: Decision) {
        let members = self.members(decision.height);
        assert_eq!(decision.verify(&GROUP, &members), Ok(()));
        assert_eq!(Decision::decode(&decision.encode()).as_ref(), Ok(&decision));
        for other in &self.nodes {
            if let Some(known) = other.decided.get(&decision.height) {
                assert_eq!(known.value, decision.value, "SAFETY: two values, {:?}", self.plan);
            }
        }
        self.report.worst_round = self.report.worst_round.max(decision.round);
        self.report.rounds += u64::from(decision.round);
        // Stored at once, before the next height is started.
        let node = &mut self.nodes[i];
        node.decided.insert(decision.height, decision);
        node.log.clear();
        if self.plan.pace == Pace::Always {
            self.start_next(i);
        }
    }

    fn feed(&mut self, i: usize, input: Input<'_>) {
        let now = self.instant();
        if let Some(agree) = &mut self.nodes[i].agree {
            agree.handle(now, input, &mut judge);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Message { to, from, bytes } => match self.nodes[to].kind {
                Kind::Honest => {
                    let from = self.nodes[from].person.key;
                    self.feed(to, Input::Message { from, bytes: &bytes });
                    self.drain(to);
                }
                // Among themselves liars would never stop.
                Kind::Liar if self.nodes[from].kind == Kind::Honest => self.lie(to, &bytes),
                Kind::Liar | Kind::Silent => {}
            },
            Event::Wake { node, life } if self.nodes[node].life == life => {
                self.nodes[node].wake = u64::MAX;
                self.feed(node, Input::Tick);
                self.drain(node);
            }
            Event::Disk { node, life, seq } if self.nodes[node].life == life => {
                self.flush(node, seq);
                self.feed(node, Input::Persisted { seq });
                self.drain(node);
            }
            Event::Wake { .. } | Event::Disk { .. } => {}
            Event::Up { node } => self.start(node),
            Event::Second => self.on_second(),
            Event::Healed => {
                for node in 0..self.plan.members {
                    self.feed(node, Input::Nudge);
                    self.drain(node);
                }
            }
            Event::Wish => {
                let wisher = self.rng.below(self.plan.members as u64) as usize;
                if self.nodes[wisher].agree.as_ref().is_some_and(|a| !a.is_deciding()) {
                    self.start_next(wisher);
                    self.drain(wisher);
                }
                if let Pace::Idle(every) = self.plan.pace {
                    self.push(self.now + every, Event::Wish);
                }
            }
        }
    }

    /// The log is written in order: what is durable includes all before it.
    fn flush(&mut self, i: usize, upto: u64) {
        let node = &mut self.nodes[i];
        let current = node.decided.last_key_value().map_or(1, |(height, _)| height + 1);
        for (seq, height, place, record) in std::mem::take(&mut node.pending) {
            if seq > upto {
                node.pending.push((seq, height, place, record));
            } else if height == current {
                assert_eq!(place, node.log.len() as u64, "places have no gaps");
                node.log.insert(place, record);
            }
        }
    }

    fn on_second(&mut self) {
        for i in 0..self.plan.members {
            if self.nodes[i].agree.is_some() && self.rng.chance(self.plan.crash) {
                let node = &mut self.nodes[i];
                node.agree = None;
                node.pending.clear();
                node.wake = u64::MAX;
                node.life += 1;
                if self.plan.forgetful {
                    node.log.clear();
                }
                self.report.crashes += 1;
                let at = self.now + 200 + self.rng.below(1500);
                self.push(at, Event::Up { node: i });
            }
        }
        self.push(self.now + 1000, Event::Second);
    }

    /// A liar answers what it hears with conflicting votes and proposals, different for everyone.
    fn lie(&mut self, me: usize, heard: &[u8]) {
        let Ok(message) = Message::decode(heard) else { return };
        let height = message.height();
        let (round, step) = match &message {
            Message::Vote(vote) => {
                self.ids.entry(height).or_default().extend(vote.value);
                (vote.round, vote.step as u8)
            }
            Message::Proposal(proposal) => {
                self.values.entry(height).or_default().insert(proposal.value.0.to_vec());
                (proposal.round, 0)
            }
            Message::Status(status) => (status.round, 0),
            Message::Decided(_) | Message::Polka(_) | Message::Resting(_) => return,
        };
        if height == 0 || height > self.plan.heights || !self.lied.insert((me, height, round, step))
        {
            return;
        }
        // At every other height the liars act together.
        if (height + self.plan.seed).is_multiple_of(2) {
            self.split_them(me, height, round);
        } else {
            self.lie_at_random(me, height, round, heard);
        }
    }

    /// One value for the even members, another for the odd ones, from proposal to precommit.
    fn split_them(&mut self, me: usize, height: u64, round: u32) {
        let members = self.members(height);
        for round in [round, round + 1] {
            if !self.lied.insert((me, height, round, 9)) {
                continue;
            }
            let lock = (round > 0 && self.rng.chance(0.5)).then(|| round - 1);
            for to in 0..self.plan.members {
                let value = format!("split {} h{height}", to % 2).into_bytes();
                let person = &self.nodes[me].person;
                let mut lies = Vec::new();
                if members.proposer(height, round) == person.key {
                    lies.push(person.proposal(&members, (height, round), lock, &value));
                }
                let id = Some(digest::value_id(&value));
                for step in [Step::Prevote, Step::Precommit] {
                    let vote = person.vote(&GROUP, &members, step, (height, round), id);
                    lies.extend([vote.clone(), vote]);
                }
                for lie in lies {
                    self.send(me, to, &lie);
                }
            }
        }
    }

    fn lie_at_random(&mut self, me: usize, height: u64, round: u32, heard: &[u8]) {
        let members = self.members(height);
        for round in [round, round + 1] {
            let turn = members.proposer(height, round) == self.nodes[me].person.key;
            if turn && self.lied.insert((me, height, round, 8)) {
                let mut values: Vec<_> =
                    self.values.get(&height).into_iter().flatten().cloned().collect();
                values.extend((0..2).map(|k| format!("lie {me} {height} {round} {k}").into()));
                values.push(b"bad value".to_vec());
                for to in 0..self.plan.members {
                    let value = values[self.rng.below(values.len() as u64) as usize].clone();
                    let lock = (round > 0 && self.rng.chance(0.6))
                        .then(|| self.rng.below(u64::from(round)) as u32);
                    self.ids.entry(height).or_default().insert(digest::value_id(&value));
                    let person = &self.nodes[me].person;
                    let lie = person.proposal(&members, (height, round), lock, &value);
                    self.send(me, to, &lie);
                }
            }
        }
        let mut ids: Vec<_> =
            self.ids.get(&height).into_iter().flatten().copied().map(Some).collect();
        ids.push(None);
        for to in 0..self.plan.members {
            for step in [Step::Prevote, Step::Precommit] {
                let far = self.rng.below(4) as u32 * u32::from(self.rng.chance(0.3));
                for round in [round, round + far] {
                    let id = ids[self.rng.below(ids.len() as u64) as usize];
                    let person = &self.nodes[me].person;
                    let lie = person.vote(&GROUP, &members, step, (height, round), id);
                    self.send(me, to, &lie);
                }
            }
            if self.rng.chance(0.05) {
                let mut noise = heard.to_vec();
                let at = self.rng.below(noise.len() as u64) as usize;
                noise[at] ^= 1 << self.rng.below(8);
                self.send(me, to, &noise);
            }
        }
    }
}

/// Members with a key each, and their set.
pub fn people(count: u64) -> (Vec<Person>, Members) {
    let mut people: Vec<Person> = (1..=count).map(Person::numbered).collect();
    people.sort_by_key(|person| person.key);
    let members = set_of(&people);
    (people, members)
}

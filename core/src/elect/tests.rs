//! Elections among many nodes in virtual time: floods reach everybody of a part late, out of order
//! and not always.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::id::NodeKind;

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

struct Mesh {
    rng: Rng,
    now: Instant,
    people: Vec<Identity>,
    nodes: Vec<Option<Elect>>,
    /// Which part each node is in.
    part: Vec<usize>,
    links: Vec<usize>,
    /// Due, to whom, what.
    air: Vec<(Instant, usize, Vec<u8>)>,
    loss: f64,
    told: Vec<(usize, Output)>,
    /// Who was seen to lead each term, by the electors of who saw it.
    reigns: SortedMap<(u64, Vec<PeerId>), PeerId>,
}

impl Mesh {
    fn new(nodes: usize, seed: u64) -> Mesh {
        let seed = Seed::from_number(seed);
        let people: Vec<Identity> =
            (0..nodes).map(|n| Identity::generate(&seed.fork(&n.to_string()), 0)).collect();
        let make = |(n, person): (usize, &Identity)| {
            Some(Elect::new(person.id(), 1, &seed.fork(&format!("elect {n}")), Instant::ZERO))
        };
        let mut mesh = Mesh {
            rng: seed.fork("mesh").rng(),
            now: Instant::ZERO,
            nodes: people.iter().enumerate().map(make).collect(),
            part: vec![0; nodes],
            links: vec![4; nodes],
            people,
            air: Vec::new(),
            loss: 0.05,
            told: Vec::new(),
            reigns: SortedMap::new(),
        };
        mesh.show();
        mesh
    }

    fn elector(&self, n: usize) -> Elector {
        let person = &self.people[n];
        Elector {
            peer: person.id(),
            key: person.card().key,
            kind: NodeKind::Regular,
            links: self.links[n],
            trust: 0.5,
        }
    }

    /// Tells everybody who is in its part.
    fn show(&mut self) {
        for n in 0..self.nodes.len() {
            let alive = |m: &usize| self.part[*m] == self.part[n] && self.nodes[*m].is_some();
            let part = (0..self.nodes.len()).filter(alive).map(|m| self.elector(m)).collect();
            let now = self.now;
            if let Some(node) = &mut self.nodes[n] {
                node.on_electors(part, now);
            }
            self.drain(n);
        }
    }

    fn drain(&mut self, n: usize) {
        while let Some(output) = self.nodes[n].as_mut().and_then(Elect::poll_output) {
            match &output {
                Output::Flood(bytes) => {
                    for to in (0..self.nodes.len()).filter(|to| *to != n) {
                        // By two ways, as a rule: the second copy is dropped as known.
                        self.send(n, to, bytes.clone());
                        self.send(n, to, bytes.clone());
                    }
                }
                Output::Send { to, bytes } => {
                    let to = self.people.iter().position(|person| person.id() == *to).unwrap();
                    self.send(n, to, bytes.clone());
                }
                Output::Elected { .. } | Output::Lost { .. } | Output::DoubleVote { .. } => {}
            }
            self.told.push((n, output));
        }
    }

    fn send(&mut self, from: usize, to: usize, bytes: Vec<u8>) {
        if self.part[from] == self.part[to] && !self.rng.chance(self.loss) {
            let delay = Duration::from_millis(10 + self.rng.below(70));
            self.air.push((self.now + delay, to, bytes));
        }
    }

    fn run(&mut self, lasting: Duration) {
        let end = self.now + lasting;
        loop {
            let timers = self.nodes.iter().flatten().filter_map(Elect::deadline);
            let arrivals = self.air.iter().map(|(at, ..)| *at);
            let Some(next) = timers.chain(arrivals).min().filter(|at| *at <= end) else { break };
            self.now = next.max(self.now);
            while let Some(at) = self.air.iter().position(|(at, ..)| *at <= self.now) {
                let (_, to, bytes) = self.air.swap_remove(at);
                self.hear(to, &bytes);
            }
            for n in 0..self.nodes.len() {
                let (now, person) = (self.now, &self.people[n]);
                if let Some(node) =
                    self.nodes[n].as_mut().filter(|node| node.deadline() <= Some(now))
                {
                    node.on_timeout(person, now);
                    self.drain(n);
                }
            }
            self.check();
        }
        self.now = end;
    }

    fn hear(&mut self, to: usize, bytes: &[u8]) -> Worth {
        let (now, person) = (self.now, &self.people[to]);
        let worth = self.nodes[to].as_mut().map(|node| node.on_bytes(bytes, person, now));
        self.drain(to);
        worth.unwrap_or(Worth::Drop)
    }

    /// Nodes that see the same electors never see two leaders of one term.
    fn check(&mut self) {
        for node in self.nodes.iter().flatten() {
            let Some(leader) = node.leader() else { continue };
            let seen: Vec<PeerId> = node.electors.keys().copied().collect();
            match self.reigns.get(&(leader.term, seen.clone())) {
                Some(known) => assert_eq!(*known, leader.peer, "two leaders of {}", leader.term),
                None => drop(self.reigns.insert((leader.term, seen), leader.peer)),
            }
        }
    }

    /// Who leads each living node, without those who know of nobody.
    fn leaders(&self) -> Vec<Option<PeerId>> {
        self.nodes.iter().flatten().map(|n| n.leader().map(|leader| leader.peer)).collect()
    }

    fn is_led(&self) -> bool {
        let leaders = self.leaders();
        leaders[0].is_some() && leaders.iter().all(|leader| *leader == leaders[0])
    }

    fn place_of(&self, peer: PeerId) -> usize {
        self.people.iter().position(|person| person.id() == peer).unwrap()
    }

    fn kill(&mut self, n: usize) {
        self.nodes[n] = None;
    }

    fn restart(&mut self, n: usize, seed: &Seed) {
        self.nodes[n] = Some(Elect::new(self.people[n].id(), self.now.as_micros(), seed, self.now));
    }
}

#[test]
fn fifty_nodes_have_one_leader_and_a_new_one_soon_after_it_is_gone() {
    for seed in 0..10 {
        let mut mesh = Mesh::new(50, seed);
        mesh.run(REST + Duration::from_secs(3));
        assert!(mesh.is_led(), "seed {seed}: {:?}", mesh.leaders());
        let first = mesh.place_of(mesh.leaders()[0].unwrap());
        mesh.kill(first);
        // Until then the map does not know; links to the leader are asked so often.
        mesh.run(Duration::from_secs(3));
        mesh.show();
        mesh.run(Duration::from_secs(2));
        assert!(mesh.is_led(), "seed {seed}: {:?}", mesh.leaders());
        assert_ne!(mesh.place_of(mesh.leaders()[0].unwrap()), first);
    }
}

#[test]
fn parts_have_leaders_of_their_own_and_one_again_when_they_meet() {
    for seed in 0..20 {
        let mut mesh = Mesh::new(12, 100 + seed);
        mesh.run(REST + Duration::from_secs(3));
        let before = mesh.leaders()[0].unwrap();
        for n in 0..12 {
            mesh.part[n] = usize::from(n < 5);
        }
        mesh.show();
        mesh.run(Duration::from_secs(8));
        let (left, right) = (mesh.leaders()[0].unwrap(), mesh.leaders()[11].unwrap());
        assert_ne!(left, right);
        assert_eq!(mesh.leaders().iter().filter(|l| **l == Some(left)).count(), 5);
        assert!(
            mesh.told
                .iter()
                .any(|(_, o)| matches!(o, Output::Lost { leader, .. } if *leader == before))
        );
        mesh.part = vec![0; 12];
        mesh.show();
        mesh.run(Duration::from_secs(8));
        assert!(mesh.is_led(), "seed {seed}: {:?}", mesh.leaders());
    }
}

#[test]
fn under_churn_no_term_has_two_leaders_for_those_who_see_the_same() {
    for seed in 0..60 {
        let mut mesh = Mesh::new(10, 1000 + seed);
        mesh.loss = 0.2;
        let mut rng = Seed::from_number(seed).fork("churn").rng();
        for turn in 0..40u64 {
            match rng.below(4) {
                0 => mesh.kill(rng.below(10) as usize),
                1 => {
                    let n = rng.below(10) as usize;
                    if mesh.nodes[n].is_none() {
                        mesh.restart(n, &Seed::from_number(turn).fork("again"));
                    }
                }
                2 => mesh.part[rng.below(10) as usize] = rng.below(2) as usize,
                _ => {}
            }
            if rng.chance(0.7) {
                mesh.show();
            }
            mesh.run(Duration::from_millis(rng.below(1500)));
        }
        mesh.part = vec![0; 10];
        for n in 0..10 {
            if mesh.nodes[n].is_none() {
                mesh.restart(n, &Seed::from_number(seed).fork("last"));
            }
        }
        mesh.show();
        mesh.run(Duration::from_secs(25));
        assert!(mesh.is_led(), "seed {seed}: {:?}", mesh.leaders());
    }
}

#[test]
fn a_voter_that_votes_twice_is_exposed_by_its_votes_and_counts_no_more() {
    let mut mesh = Mesh::new(7, 5);
    mesh.run(REST + Duration::from_secs(3));
    let leader = mesh.nodes[0].as_ref().unwrap().leader().unwrap().clone();
    let voters: Vec<usize> = leader.votes.keys().map(|v| mesh.place_of(*v)).collect();
    let other = (0..7).find(|n| mesh.people[*n].id() != leader.peer).unwrap();
    let candidate = mesh.people[other].id();
    // Two of them sign for another candidate of the same term, as does that one itself.
    let liars: Vec<usize> = voters.iter().copied().filter(|v| *v != other).take(2).collect();
    let sign = |n: usize| {
        let ballot = Ballot::sign(&mesh.people[n], 1, leader.term, candidate);
        (ballot.voter, ballot.mark)
    };
    let mut votes: Vec<_> = liars.iter().map(|n| sign(*n)).collect();
    votes.sort_by_key(|(voter, _)| *voter);
    let forged = Message::Elected(Certificate { term: leader.term, leader: candidate, votes });
    let bytes = forged.encode();
    let hearer = (0..7).find(|n| !liars.contains(n) && *n != other).unwrap();
    mesh.hear(hearer, &bytes);
    mesh.run(Duration::from_secs(5));
    let exposed: Vec<PeerId> = mesh
        .told
        .iter()
        .filter_map(|(_, output)| match output {
            Output::DoubleVote { culprit, .. } => Some(*culprit),
            _ => None,
        })
        .collect();
    assert!(!exposed.is_empty());
    assert!(exposed.iter().all(|peer| liars.contains(&mesh.place_of(*peer))), "nobody else");
    let node = mesh.nodes[hearer].as_ref().unwrap();
    assert!(!node.electors.contains_key(&exposed[0]));
    mesh.show();
    assert!(!mesh.nodes[hearer].as_ref().unwrap().electors.contains_key(&exposed[0]), "for good");
    assert!(mesh.leaders().iter().all(|l| *l != Some(candidate)));
}

#[test]
fn what_is_forged_repeated_or_from_nobody_is_refused_and_changes_nothing() {
    let mut mesh = Mesh::new(4, 6);
    mesh.run(REST + Duration::from_secs(3));
    let stranger = Identity::generate(&Seed::from_number(99), 0);
    let leader = mesh.nodes[0].as_ref().unwrap().leader().unwrap().clone();
    let me = &mesh.people[0];
    let own = Ballot::sign(&mesh.people[1], 1, leader.term + 1, mesh.people[1].id());
    let votes: Vec<_> = leader.votes.iter().map(|(v, s)| (*v, *s)).collect();
    let twice = [votes.clone(), votes.clone()].concat();
    let certificate = |term, votes| Certificate { term, leader: mesh.people[1].id(), votes };
    let cases = [
        ("a stranger stands", Message::Candidacy(Ballot::sign(&stranger, 1, 99, stranger.id()))),
        ("another stands in its name", Message::Candidacy(Ballot { voter: me.id(), ..own })),
        ("a later term under an old signature", Message::Candidacy(Ballot { term: 77, ..own })),
        ("a vote for somebody else", Message::Vote(own)),
        ("votes of another term", Message::Elected(certificate(leader.term + 1, votes.clone()))),
        ("a vote given twice", Message::Elected(certificate(leader.term + 1, twice))),
        ("no votes", Message::Elected(certificate(leader.term + 1, Vec::new()))),
        ("the same vote as two", Message::Double(own, own)),
        ("two terms", Message::Double(own, Ballot::sign(&mesh.people[1], 1, 50, me.id()))),
    ];
    let bytes: Vec<_> = cases.iter().map(|(what, message)| (*what, message.encode())).collect();
    for (what, bytes) in bytes.into_iter().chain([("rubbish", vec![9; 40]), ("nothing", vec![])]) {
        let before = mesh.nodes[0].as_ref().unwrap();
        let before = (before.term, before.voted, before.counters.refused, before.electors.len());
        assert_eq!(mesh.hear(0, &bytes), Worth::Drop, "{what}");
        let after = mesh.nodes[0].as_ref().unwrap();
        let expected = (before.0, before.1, before.2 + 1, before.3);
        assert_eq!(
            (after.term, after.voted, after.counters.refused, after.electors.len()),
            expected,
            "{what}"
        );
        assert_eq!(after.leader().unwrap().peer, leader.peer, "{what}");
    }
}

#[test]
fn a_node_that_just_started_does_not_vote_and_each_votes_once_a_term() {
    let mut mesh = Mesh::new(4, 7);
    let stand = |mesh: &Mesh, n: usize, term| {
        Message::Candidacy(Ballot::sign(&mesh.people[n], 1, term, mesh.people[n].id())).encode()
    };
    mesh.now = ms(4900);
    let bytes = stand(&mesh, 1, 3);
    mesh.hear(0, &bytes);
    assert_eq!(mesh.nodes[0].as_ref().unwrap().counters.voted, 0);
    mesh.now = ms(5100);
    for (candidate, term, voted) in [(1, 4, 1), (2, 4, 1), (2, 5, 2), (1, 4, 2), (1, 5, 2)] {
        let bytes = stand(&mesh, candidate, term);
        mesh.hear(0, &bytes);
        assert_eq!(mesh.nodes[0].as_ref().unwrap().counters.voted, voted, "{candidate} in {term}");
    }
}

#[test]
fn a_better_candidate_unseats_a_leader_only_after_it_stood_better_for_long() {
    let mut mesh = Mesh::new(5, 8);
    mesh.loss = 0.0;
    mesh.run(REST + Duration::from_secs(3));
    let leader = mesh.leaders()[0].unwrap();
    let better = (0..5).find(|n| mesh.people[*n].id() != leader).unwrap();
    mesh.links[better] = 16;
    for _ in 0..55 {
        mesh.show();
        mesh.run(Duration::from_secs(1));
        assert_eq!(mesh.leaders()[0], Some(leader));
    }
    for _ in 0..10 {
        mesh.show();
        mesh.run(Duration::from_secs(1));
    }
    assert!(mesh.is_led());
    assert_eq!(mesh.leaders()[0], Some(mesh.people[better].id()));
}

#[test]
fn a_better_candidate_whose_lead_comes_and_goes_unseats_nobody() {
    let mut mesh = Mesh::new(5, 9);
    mesh.run(REST + Duration::from_secs(3));
    let leader = mesh.leaders()[0].unwrap();
    let better = (0..5).find(|n| mesh.people[*n].id() != leader).unwrap();
    for turn in 0..200 {
        mesh.links[better] = if turn % 30 == 0 { 4 } else { 16 };
        mesh.show();
        mesh.run(Duration::from_secs(1));
        assert_eq!(mesh.leaders()[0], Some(leader));
    }
}

#[test]
fn among_equals_no_key_wins_much_more_often_than_another() {
    let mut wins = [0; 5];
    for seed in 0..100 {
        let people: Vec<Identity> =
            (0..5).map(|n| Identity::generate(&Seed::from_number(n), 0)).collect();
        let mut mesh = Mesh::new(5, 10_000 + seed);
        // The same keys every time, an electorate's first seed aside.
        mesh.people = people;
        for n in 0..5 {
            mesh.restart(n, &Seed::from_number(seed).fork(&n.to_string()));
        }
        let drawn = *blake3::hash(&seed.to_le_bytes()).as_bytes();
        for node in mesh.nodes.iter_mut().flatten() {
            node.seed = drawn;
        }
        mesh.show();
        mesh.run(REST + Duration::from_secs(3));
        wins[mesh.place_of(mesh.leaders()[0].unwrap())] += 1;
    }
    assert!(wins.iter().all(|wins| (8..=35).contains(wins)), "{wins:?}");
}

#[test]
fn terms_rise_by_bounded_steps_and_every_list_has_an_end() {
    let mut mesh = Mesh::new(4, 11);
    mesh.now = Instant::ZERO + REST;
    let far = Message::Candidacy(Ballot::sign(&mesh.people[1], 1, u64::MAX, mesh.people[1].id()));
    assert_eq!(mesh.hear(0, &far.encode()), Worth::Relay);
    let node = mesh.nodes[0].as_mut().unwrap();
    assert_eq!((node.term, node.counters.voted), (TERM_STEP_MAX, 0));

    for n in 0..2 * LIARS_MAX as u64 {
        let bytes = *blake3::hash(&n.to_le_bytes()).as_bytes();
        node.expose(PeerId::from_bytes(bytes), 1, mesh.now);
    }
    assert_eq!(node.liars.len(), LIARS_MAX);
    for _ in 0..2 * OUTPUTS_MAX {
        node.say(Output::Lost { leader: node.own, term: 1 });
    }
    assert_eq!(node.out.len(), OUTPUTS_MAX);

    let own = mesh.elector(0);
    let many = (0..2 * ELECTORS_MAX as u64).map(|n| {
        let peer = PeerId::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes());
        Elector { peer, ..own }
    });
    let node = mesh.nodes[0].as_mut().unwrap();
    node.on_electors(many.collect(), mesh.now);
    assert_eq!(node.electors(), ELECTORS_MAX);
}

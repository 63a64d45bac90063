//! Who leads a part of the mesh, for housekeeping; never for money.
//!
//! The electors are all peers of this node's part of the map, at most [`ELECTORS_MAX`]. Each gives
//! one vote per term, signed. Who has the votes of a quorum, more than two thirds of the electors,
//! leads; the votes together are its certificate, which anybody can check.
//!
//! Rules, and why.
//! 1. A leader is one while its certificate holds votes of a quorum of the electors as this node
//!    sees them, and it is one of them. Two quorums of one electorate share an honest voter while
//!    less than a third lie, and an honest voter votes once a term: so nodes that see the same
//!    electors never see two leaders of one term.
//! 2. Without a leader, whoever stands best ([`Standing::priority`]) stands first, the others each
//!    a little later, so that one candidate is usual. Voters do not vote for the badly placed
//!    before the others had their time.
//! 3. While there is a leader nobody votes, unless the candidate has stood clearly better for a
//!    long time: a good leader is not unseated at once.
//! 4. Votes are not stored. After its start a node neither votes nor stands for [`REST`], by when
//!    every term that it may have voted in before is decided or given up.
//! 5. Two votes of one voter in one term prove that it lies, unless it started anew in between: the
//!    proof is flooded, and whoever holds it counts that voter no more.
//! 6. Terms only rise, and a candidate cannot lift them by more than [`TERM_STEP_MAX`] at once.
//!
//! It does not find out whether the leader lives: the map does, and `node` lets the links of its
//! neighbours ask it more often. Nothing of value may ever depend on who leads.

mod io;
pub mod message;
mod standing;
#[cfg(test)]
mod tests;

pub use io::{Counters, Elector, Leader, Output, Worth};
pub use message::{Ballot, Certificate, Mark, Message};

use crate::{
    crypto::identity::Identity,
    id::PeerId,
    seed::{Rng, Seed},
    sorted::SortedMap,
    time::{Duration, Instant},
};
use standing::{Standing, lot};
use std::collections::VecDeque;

/// Electors of one part. Of a larger one the smallest ids elect. Guess: a certificate of so many
/// votes is 24 KiB, and takes a phone about 20 ms to check.
pub const ELECTORS_MAX: usize = 256;

/// After a start, before the first vote.
pub const REST: Duration = Duration::from_secs(5);

/// How far a candidacy may be past the terms that are known.
pub const TERM_STEP_MAX: u64 = 16;

/// Liars that are remembered; the first go first.
pub const LIARS_MAX: usize = 64;

/// Outputs that wait to be drained; more are dropped, since all of it is said again.
pub const OUTPUTS_MAX: usize = 256;

/// Without a leader, before anybody stands: floods about who left are still on their way. Guess.
const SETTLE: Duration = Duration::from_millis(300);

/// Between candidates. Guess: a flood and the votes' way back.
const STAGGER: Duration = Duration::from_millis(250);

/// Candidates that take their turns; all others stand after them, at random.
const RANKS: usize = 6;

/// How long a candidate waits for votes.
const CAMPAIGN: Duration = Duration::from_millis(1500);

/// Without a leader for this long, a voter takes any candidate.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Votes that come late strengthen the certificate, which is then told again.
const LATE: Duration = Duration::from_millis(500);

/// Between two tellings of one certificate.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How much better a peer must stand than the leader, and for how long, to unseat it. Guess: a
/// third of what a day here counts.
const BETTER_BY: f64 = 0.1;
const BETTER_FOR: Duration = Duration::from_secs(60);

/// Voters see each other's clocks a little apart: they grant after this share of the time.
const GRANTED_AFTER: Duration = Duration::from_secs(45);

/// An elector and since when it has been one without a break.
#[derive(Clone, Copy)]
struct Known {
    elector: Elector,
    since: Instant,
}

/// This node's candidacy.
struct Campaign {
    term: u64,
    until: Instant,
    votes: SortedMap<PeerId, Mark>,
}

/// See the module.
pub struct Elect {
    own: PeerId,
    /// See [`Mark::life`].
    life: u64,
    rng: Rng,
    rested: Instant,
    electors: SortedMap<PeerId, Known>,
    /// What lots are drawn from: the last certificate, or before any the electors.
    seed: [u8; 32],
    /// The highest heard of.
    term: u64,
    /// The last one this node voted in.
    voted: u64,
    leader: Option<Leader>,
    campaign: Option<Campaign>,
    /// Since when there has been no leader though there could be.
    vacant: Option<Instant>,
    stand_at: Option<Instant>,
    /// When the own certificate is told again, and when it was told last.
    tell_at: Option<Instant>,
    told_at: Instant,
    /// Who stands clearly better than the leader, and since when.
    better: Option<(PeerId, Instant)>,
    liars: VecDeque<PeerId>,
    counters: Counters,
    out: VecDeque<Output>,
}

/// Votes that make a leader of `electors`: more than two thirds.
pub fn quorum(electors: usize) -> usize {
    electors * 2 / 3 + 1
}

impl Elect {
    /// `life` must differ from that of every earlier run under this identity.
    pub fn new(own: PeerId, life: u64, seed: &Seed, now: Instant) -> Elect {
        Elect {
            own,
            life,
            rng: seed.rng(),
            rested: now + REST,
            electors: SortedMap::new(),
            seed: [0; 32],
            term: 0,
            voted: 0,
            leader: None,
            campaign: None,
            vacant: None,
            stand_at: None,
            tell_at: None,
            told_at: Instant::ZERO,
            better: None,
            liars: VecDeque::new(),
            counters: Counters::default(),
            out: VecDeque::new(),
        }
    }

    /// Everybody of this node's part of the map, itself included, in any order.
    pub fn on_electors(&mut self, mut part: Vec<Elector>, now: Instant) {
        part.retain(|elector| !self.liars.contains(&elector.peer));
        let mut electors: SortedMap<PeerId, Known> = SortedMap::new();
        for elector in part {
            let since = self.electors.get(&elector.peer).map_or(now, |known| known.since);
            electors.insert(elector.peer, Known { elector, since });
        }
        while electors.len() > ELECTORS_MAX {
            let last = electors.keys().next_back().copied();
            last.and_then(|last| electors.remove(&last));
        }
        let grown = electors.keys().any(|peer| !self.electors.contains_key(peer));
        self.electors = electors;
        self.judge(now);
        if grown && self.leads() {
            // Whoever is new has heard of no leader.
            self.tell_at.get_or_insert(now + SETTLE);
        }
        self.compare(now);
    }

    /// Bytes of a flood or of a datagram to this node.
    pub fn on_bytes(&mut self, bytes: &[u8], identity: &Identity, now: Instant) -> Worth {
        let worth = match Message::decode(bytes) {
            Some(Message::Candidacy(ballot)) => self.on_candidacy(&ballot, identity, now),
            Some(Message::Vote(ballot)) => self.on_vote(&ballot, now),
            Some(Message::Elected(certificate)) => self.on_elected(&certificate, now),
            Some(Message::Double(a, b)) => self.on_double(&a, &b, now),
            None => None,
        };
        self.counters.refused += u64::from(worth.is_none());
        worth.unwrap_or(Worth::Drop)
    }

    pub fn on_timeout(&mut self, identity: &Identity, now: Instant) {
        if self.campaign.as_ref().is_some_and(|campaign| campaign.until <= now) {
            self.campaign = None;
            self.stand_again(now);
        }
        if self.stand_at.is_some_and(|at| at <= now) {
            self.stand_at = None;
            self.stand(identity, now);
        }
        if self.tell_at.is_some_and(|at| at <= now) {
            self.tell(now);
        }
        self.compare(now);
        let challenged = self.better.filter(|(_, since)| *since + BETTER_FOR <= now);
        if challenged.is_some_and(|(peer, _)| peer == self.own) && self.campaign.is_none() {
            // Others may not agree: the next try is a full wait away.
            self.better = Some((self.own, now));
            self.stand(identity, now);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let campaign = self.campaign.as_ref().map(|campaign| campaign.until);
        let better = self.better.filter(|(peer, _)| *peer == self.own);
        let better = better.map(|(_, since)| since + BETTER_FOR);
        [campaign, self.stand_at, self.tell_at, better].into_iter().flatten().min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    pub fn leader(&self) -> Option<&Leader> {
        self.leader.as_ref()
    }

    /// The highest term heard of.
    pub fn term(&self) -> u64 {
        self.term
    }

    pub fn electors(&self) -> usize {
        self.electors.len()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    // ---- what others say; `None` is refused ------------------------------------------------

    fn on_candidacy(
        &mut self,
        ballot: &Ballot,
        identity: &Identity,
        now: Instant,
    ) -> Option<Worth> {
        let candidate = ballot.candidate;
        let elector = self.electors.get(&candidate)?.elector;
        if ballot.voter != candidate || candidate == self.own {
            return None;
        }
        if ballot.term <= self.term {
            // Somebody who has not heard who leads is told.
            if self.leads() {
                self.tell_at.get_or_insert(self.told_at.max(now) + TELL_EVERY);
            }
            return Some(Worth::Drop);
        }
        ballot.verify(&elector.key).ok()?;
        if self.leads() {
            self.tell_at.get_or_insert((self.told_at + TELL_EVERY).max(now));
        }
        self.term = ballot.term.min(self.term.saturating_add(TERM_STEP_MAX));
        if self.term == ballot.term && self.grants(candidate, now) {
            self.vote(ballot.term, candidate, identity, now);
        }
        Some(Worth::Relay)
    }

    /// Rules 2 to 4 of the module.
    fn grants(&self, candidate: PeerId, now: Instant) -> bool {
        if now < self.rested || self.term <= self.voted {
            return false;
        }
        match &self.leader {
            Some(leader) if leader.peer != candidate => self
                .better
                .is_some_and(|(peer, since)| peer == candidate && since + GRANTED_AFTER <= now),
            Some(_) => true,
            None => {
                let waited = self.vacant.is_some_and(|since| since + PATIENCE <= now);
                waited || self.rank(candidate, now) < RANKS / 2
            }
        }
    }

    fn vote(&mut self, term: u64, candidate: PeerId, identity: &Identity, now: Instant) {
        self.voted = term;
        self.campaign = None;
        self.counters.voted += 1;
        self.stand_again(now);
        let bytes = Message::Vote(Ballot::sign(identity, self.life, term, candidate)).encode();
        self.say(Output::Send { to: candidate, bytes });
    }

    fn on_vote(&mut self, ballot: &Ballot, now: Instant) -> Option<Worth> {
        if ballot.candidate != self.own {
            return None;
        }
        let key = self.electors.get(&ballot.voter)?.elector.key;
        if let Some(leader) =
            self.leader.as_mut().filter(|l| l.peer == self.own && l.term == ballot.term)
        {
            if !leader.votes.contains_key(&ballot.voter) {
                ballot.verify(&key).ok()?;
                leader.votes.insert(ballot.voter, ballot.mark);
                self.tell_at.get_or_insert(now + LATE);
            }
            return Some(Worth::Drop);
        }
        let campaign = self.campaign.as_mut().filter(|campaign| campaign.term == ballot.term)?;
        if !campaign.votes.contains_key(&ballot.voter) {
            ballot.verify(&key).ok()?;
            campaign.votes.insert(ballot.voter, ballot.mark);
        }
        self.count(now);
        Some(Worth::Drop)
    }

    fn on_elected(&mut self, certificate: &Certificate, now: Instant) -> Option<Worth> {
        let (leader, term) = (certificate.leader, certificate.term);
        if let Some(known) = &self.leader {
            let newer = (term, certificate.votes.len()) > (known.term, known.votes.len());
            if term < known.term || term == known.term && leader == known.peer && !newer {
                return Some(Worth::Drop);
            }
        }
        if leader == self.own {
            return Some(Worth::Drop);
        }
        let votes = self.verified(certificate)?;
        if let Some((liar, other)) = self.liar_between(&votes, certificate) {
            self.accuse(liar, other, now);
            return Some(Worth::Relay);
        }
        if votes.len() < quorum(self.electors.len()) {
            // Elected by others than this node sees; who sees them may be further on.
            return votes.contains_key(&leader).then_some(Worth::Relay);
        }
        self.term = self.term.max(term);
        self.campaign = None;
        self.install(leader, term, votes, now);
        Some(Worth::Relay)
    }

    /// The votes of electors; `None` when one is false or given twice.
    fn verified(&self, certificate: &Certificate) -> Option<SortedMap<PeerId, Mark>> {
        if !certificate.votes.is_sorted_by(|(a, _), (b, _)| a < b) {
            return None;
        }
        let mut votes = SortedMap::new();
        for (voter, mark) in &certificate.votes {
            let Some(known) = self.electors.get(voter) else { continue };
            let (term, candidate) = (certificate.term, certificate.leader);
            let ballot = Ballot { voter: *voter, term, candidate, mark: *mark };
            ballot.verify(&known.elector.key).ok()?;
            votes.insert(*voter, *mark);
        }
        Some(votes)
    }

    /// A voter of the leader's who voted for another in the same term.
    fn liar_between(
        &self,
        votes: &SortedMap<PeerId, Mark>,
        certificate: &Certificate,
    ) -> Option<(Ballot, Ballot)> {
        let known = self.leader.as_ref()?;
        if known.term != certificate.term || known.peer == certificate.leader {
            return None;
        }
        let twice = known.votes.iter().find_map(|(voter, mark)| {
            let other = votes.get(voter).filter(|other| other.life == mark.life)?;
            Some((*voter, *mark, *other))
        });
        let (voter, first, second) = twice?;
        let ballot = |candidate, mark| Ballot { voter, term: known.term, candidate, mark };
        Some((ballot(known.peer, first), ballot(certificate.leader, second)))
    }

    fn on_double(&mut self, a: &Ballot, b: &Ballot, now: Instant) -> Option<Worth> {
        if self.liars.contains(&a.voter) {
            return Some(Worth::Drop);
        }
        let key = self.electors.get(&a.voter)?.elector.key;
        let same = a.voter == b.voter && a.term == b.term && a.mark.life == b.mark.life;
        if !same || a.candidate == b.candidate || a.verify(&key).is_err() || b.verify(&key).is_err()
        {
            return None;
        }
        self.expose(a.voter, a.term, now);
        Some(Worth::Relay)
    }

    fn accuse(&mut self, a: Ballot, b: Ballot, now: Instant) {
        self.say(Output::Flood(Message::Double(a, b).encode()));
        self.expose(a.voter, a.term, now);
    }

    /// Rule 5 of the module.
    fn expose(&mut self, culprit: PeerId, term: u64, now: Instant) {
        self.counters.double_votes += 1;
        if self.liars.len() >= LIARS_MAX {
            self.liars.pop_front();
        }
        self.liars.push_back(culprit);
        self.electors.remove(&culprit);
        self.say(Output::DoubleVote { culprit, term });
        self.judge(now);
    }

    // ---- standing and leading -------------------------------------------------------------

    fn leads(&self) -> bool {
        self.leader.as_ref().is_some_and(|leader| leader.peer == self.own)
    }

    /// Rule 1 of the module: whether the leader still is one, and what follows if there is none.
    fn judge(&mut self, now: Instant) {
        if let Some(leader) = &self.leader {
            let votes = leader.votes.keys().filter(|voter| self.electors.contains_key(*voter));
            let holds = votes.count() >= quorum(self.electors.len());
            if !holds || !self.electors.contains_key(&leader.peer) {
                let (leader, term) = (leader.peer, leader.term);
                self.leader = None;
                self.tell_at = None;
                self.better = None;
                self.counters.lost += 1;
                self.say(Output::Lost { leader, term });
            }
        }
        let eligible = self.electors.len() > 1 && self.electors.contains_key(&self.own);
        if self.leader.is_some() || !eligible {
            (self.vacant, self.stand_at) = (None, None);
            return;
        }
        if self.vacant.is_none() {
            self.vacant = Some(now);
            self.stand_at = Some(self.turn(now + SETTLE, now));
        }
    }

    /// When this node stands, if everybody may from `start` on: rule 2 of the module.
    fn turn(&mut self, start: Instant, now: Instant) -> Instant {
        let rank = self.rank(self.own, now);
        let wait = STAGGER.saturating_mul(rank.min(RANKS) as u32);
        let spread = if rank < RANKS { STAGGER / 4 } else { STAGGER * RANKS as u32 };
        start.max(self.rested) + wait + self.jitter(spread)
    }

    fn stand_again(&mut self, now: Instant) {
        if self.vacant.is_some() {
            self.stand_at = Some(self.turn(now + CAMPAIGN, now));
        }
    }

    fn jitter(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.rng.below(longest.as_micros() as u64 + 1))
    }

    fn stand(&mut self, identity: &Identity, now: Instant) {
        if now < self.rested || !self.electors.contains_key(&self.own) {
            return;
        }
        self.term = self.term.max(self.voted).saturating_add(1);
        self.voted = self.term;
        self.counters.stood += 1;
        let ballot = Ballot::sign(identity, self.life, self.term, self.own);
        let mut votes = SortedMap::new();
        votes.insert(self.own, ballot.mark);
        self.campaign = Some(Campaign { term: self.term, until: now + CAMPAIGN, votes });
        self.say(Output::Flood(Message::Candidacy(ballot).encode()));
        self.count(now);
    }

    fn count(&mut self, now: Instant) {
        let needed = quorum(self.electors.len());
        let Some(won) = self.campaign.take_if(|campaign| campaign.votes.len() >= needed) else {
            return;
        };
        self.install(self.own, won.term, won.votes, now);
        self.tell(now);
        // Votes that are still on their way make it last through changes of the mesh.
        self.tell_at = Some(now + LATE);
    }

    fn install(&mut self, peer: PeerId, term: u64, votes: SortedMap<PeerId, Mark>, now: Instant) {
        let known = self.leader.as_ref().filter(|known| known.peer == peer && known.term == term);
        let since = known.map(|known| known.since);
        if since.is_none() {
            self.counters.elected += 1;
            self.say(Output::Elected { leader: peer, term });
            let mut hasher = blake3::Hasher::new_derive_key("bitcraps v1 election seed");
            votes.values().for_each(|mark| {
                hasher.update(&mark.signature.to_bytes());
            });
            self.seed = *hasher.finalize().as_bytes();
            self.better = None;
        }
        if peer != self.own {
            self.tell_at = None;
        }
        (self.vacant, self.stand_at) = (None, None);
        self.leader = Some(Leader { peer, term, since: since.unwrap_or(now), votes });
    }

    fn tell(&mut self, now: Instant) {
        self.tell_at = None;
        let Some(leader) = self.leader.as_ref().filter(|leader| leader.peer == self.own) else {
            return;
        };
        self.told_at = now;
        let votes = leader.votes.iter().map(|(voter, mark)| (*voter, *mark)).collect();
        let certificate = Certificate { term: leader.term, leader: leader.peer, votes };
        self.say(Output::Flood(Message::Elected(certificate).encode()));
    }

    /// Keeps watch on who stands better than the leader: rule 3 of the module.
    fn compare(&mut self, now: Instant) {
        let Some(leader) = &self.leader else { return };
        let priority = |known: &Known| (self.priority(known, now), known.elector.peer);
        let Some((led, _)) = self.electors.get(&leader.peer).map(priority) else { return };
        let best = self.electors.values().map(priority);
        let best = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        self.better = match best.filter(|(priority, _)| *priority > led + BETTER_BY) {
            Some((_, peer)) if self.better.is_some_and(|(known, _)| known == peer) => self.better,
            Some((_, peer)) => Some((peer, now)),
            None => None,
        };
    }

    /// How many electors stand better than this one.
    fn rank(&self, peer: PeerId, now: Instant) -> usize {
        let Some(own) = self.electors.get(&peer).map(|known| self.priority(known, now)) else {
            return self.electors.len();
        };
        self.electors.values().filter(|known| self.priority(known, now) > own).count()
    }

    fn priority(&self, known: &Known, now: Instant) -> f64 {
        let Elector { peer, kind, links, trust, .. } = known.elector;
        let standing = Standing { uptime: now.since(known.since), links, trust, kind };
        standing.priority(lot(&self.seed, peer))
    }

    fn say(&mut self, output: Output) {
        if self.out.len() < OUTPUTS_MAX {
            self.out.push_back(output);
        }
    }
}

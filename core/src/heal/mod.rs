//! Healing: which links the mesh lacks, and making them.
//!
//! Rules. Every node makes the same plan from the same map ([`plan`](self) says how) and tries
//! only the pairs that it is an end of and may dial; if both ends can dial, the smaller id does,
//! and the other steps in after [`SECOND_END_AFTER`]. What was linked is judged by the first
//! snapshot that shows the link: would the mesh be worse without it? What did not help is not done
//! again, what failed is tried again later, and what fails too often is given up for a while.
//! Nothing is ever closed here, so no two nodes can fight over a link.
//!
//! How much is added is read from the map too: every node announces how many of its links repairs
//! made, so that all know how many there were without, and nobody plans past [`Config::growth`].
//!
//! Peers that no path leads to are planned for by each side alone, from the address book: nearest
//! first by where they stood when they were last heard. Their number is bounded, tries are few at
//! once, and every failure waits longer; a part that is out of reach costs a few dials a minute.
//!
//! What this room does not do: find out that the mesh fell apart (`map`), compute its figures
//! (`health`), or keep up the links that the node was told to keep up (`link`).

mod attempt;
mod book;
mod io;
mod pieces;
mod plan;
mod turns;
mod words;

pub use book::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, Heard};
pub use io::{Config, Listening, Output, Shown, Unknown};
pub use plan::{Mesh, Relay};
pub use words::{Goal, Mode, STATES, State};

use crate::{
    graph::Analyser,
    id::{LinkId, PeerId},
    limits::NODE_LINKS_MAX,
    seed::{Rng, Seed},
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
    transport::{CloseReason, Transport},
};
use attempt::{Repair, Wanted};
use book::Book;
use core::cmp::Reverse;
use std::collections::VecDeque;
use words::Gain;

/// Repairs that are remembered, the outcomes of old ones included.
pub const REPAIRS_MAX: usize = 128;

/// Repairs of one node that are dialled at the same time. Guess: one that hangs must not stop
/// the next.
pub const TRIES_AT_ONCE: usize = 2;

/// Between two candidates of one need: a handshake, a flood and a snapshot. Guess.
const SLOT: Duration = Duration::from_millis(1500);

/// Every try is put off by up to this, so that two ends do not dial at the same moment.
const JITTER: Duration = Duration::from_millis(200);

/// Links that repairs may bring a node to; the rest is for those who come by themselves. Guess.
const LINKS_MAX: usize = NODE_LINKS_MAX - 8;

/// See the module.
pub struct Heal {
    config: Config,
    own: PeerId,
    rng: Rng,
    analyser: Analyser,
    book: Book,
    /// Who can be reached, ascending.
    part: Vec<PeerId>,
    open: SortedMap<LinkId, PeerId>,
    /// Open links that answer a dial of ours.
    made: SortedSet<LinkId>,
    relays: Vec<Relay>,
    repairs: Vec<Repair>,
    next_id: u64,
    /// How often a state was entered, in the order of [`STATES`].
    entered: [u64; STATES.len()],
    outputs: VecDeque<Output>,
}

impl Heal {
    pub fn new(config: Config, own: PeerId, seed: &Seed) -> Heal {
        Heal {
            config,
            own,
            rng: seed.rng(),
            analyser: Analyser::new(),
            book: Book::default(),
            part: vec![own],
            open: SortedMap::new(),
            made: SortedSet::new(),
            relays: Vec::new(),
            repairs: Vec::new(),
            next_id: 1,
            entered: [0; STATES.len()],
            outputs: VecDeque::new(),
        }
    }

    // ---- what is known -------------------------------------------------------------------

    /// Whether the driver can dial anything that others could listen on.
    pub fn can_dial(&self) -> bool {
        !self.config.schemes.is_empty()
    }

    /// Everybody the map shows, this node included.
    pub fn on_peers(&mut self, heard: Vec<Heard>, now: Instant) {
        self.book.hear(heard, now);
    }

    /// Whether `part` is news; ask before gathering what [`Heal::on_peers`] wants.
    pub fn is_news(&self, part: &[PeerId]) -> bool {
        self.part != part
    }

    /// Everybody whom a path leads to, ascending, this node included.
    pub fn on_part(&mut self, part: Vec<PeerId>, now: Instant) {
        self.part = part;
        self.plan_joins(now);
    }

    /// A new snapshot. `tables` are the seats of the tables that this node sits at, each with its
    /// leader first.
    pub fn on_mesh(&mut self, mesh: &Mesh<'_>, tables: &[Vec<PeerId>], now: Instant) {
        self.relays = plan::relays(mesh, tables);
        if self.config.schemes.is_empty() {
            return;
        }
        self.verify(mesh, now);
        let Ok(own) = mesh.ids.binary_search(&self.own) else { return };
        let wants = self.wants(mesh, own as u32, tables);
        let mut due = Vec::new();
        for want in wants {
            let other = if want.a == own as u32 { want.b } else { want.a };
            due.push((mesh.ids[other as usize], want.gain, SLOT.saturating_mul(want.rank)));
        }
        self.adopt(Kind::Better, due, now);
        self.plan_joins(now);
    }

    // ---- repairs -------------------------------------------------------------------------

    /// Takes over what the plan has of one kind, each with how long it waits for its turn; what it
    /// has no more is dropped, or remembered if it was tried.
    fn adopt(&mut self, kind: Kind, wants: Vec<(PeerId, Gain, Duration)>, now: Instant) {
        for repair in self.repairs.iter_mut().filter(|r| kind.of(r) && r.wanted != Wanted::Asked) {
            repair.wanted = Wanted::No;
        }
        for (peer, gain, wait) in wants {
            let Some(turn) = self.turn(peer) else { continue };
            let jitter = self.rng.below(JITTER.as_micros() as u64);
            let due = now + turn + wait + Duration::from_micros(jitter);
            if let Some(repair) = self.repairs.iter_mut().find(|r| r.peer == peer) {
                repair.plan(gain, due, now);
            } else if !self.is_linked(peer) && self.make_room() {
                self.repairs.push(Repair::new(self.next_id, peer, gain, now, due));
                self.next_id += 1;
                self.entered[State::Planned as usize] += 1;
            }
        }
        self.repairs.retain(|r| r.state != State::Planned || r.wanted != Wanted::No);
    }

    /// Forgets the outcome that is oldest, if there are too many.
    fn make_room(&mut self) -> bool {
        if self.repairs.len() < REPAIRS_MAX {
            return true;
        }
        let idle = |r: &&Repair| {
            r.wanted == Wanted::No && !matches!(r.state, State::Trying | State::Linked)
        };
        let oldest = self.repairs.iter().filter(idle).min_by_key(|r| (r.since, r.id));
        let Some(oldest) = oldest.map(|r| r.id) else { return false };
        self.repairs.retain(|r| r.id != oldest);
        true
    }

    /// Tries this repair now, whatever the mode and whatever became of it before.
    pub fn apply(&mut self, repair: u64, now: Instant) -> Result<(), Unknown> {
        let found = self.repairs.iter_mut().find(|r| r.id == repair).ok_or(Unknown)?;
        match found.state {
            State::Planned | State::Failed | State::GivenUp => {
                found.start_anew(now, now);
                found.wanted = Wanted::Asked;
            }
            State::Trying | State::Linked | State::Verified | State::NoGain => {}
        }
        Ok(())
    }

    /// Starts the tries that are due.
    pub fn on_timeout(&mut self, now: Instant) {
        while let Some(at) = self.next_due(now) {
            let (peer, failures) = (self.repairs[at].peer, self.repairs[at].failures());
            if self.is_linked(peer) {
                self.repairs.remove(at);
                continue;
            }
            let Some(address) = self.address(peer, failures) else {
                self.fail(at, now);
                continue;
            };
            let repair = &mut self.repairs[at];
            repair.address.clone_from(&address);
            let (id, goal) = (repair.id, repair.gain.goal());
            self.enter(at, State::Trying, now);
            self.outputs.push_back(Output::Tried { repair: id, peer, goal });
            self.outputs.push_back(Output::Dial { address });
        }
    }

    /// When [`Heal::on_timeout`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        if !self.may_try() {
            return None;
        }
        self.repairs.iter().filter(|r| self.is_eligible(r)).map(|r| r.due).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn may_try(&self) -> bool {
        let trying = self.repairs.iter().filter(|r| r.state == State::Trying).count();
        trying < TRIES_AT_ONCE && self.open.len() + trying < LINKS_MAX
    }

    fn is_eligible(&self, repair: &Repair) -> bool {
        let is_wanted = match self.config.mode {
            Mode::Automatic => repair.wanted != Wanted::No,
            Mode::OnRequest => repair.wanted == Wanted::Asked,
        };
        is_wanted && repair.is_waiting()
    }

    /// The most urgent of those that are due.
    fn next_due(&self, now: Instant) -> Option<usize> {
        if !self.may_try() {
            return None;
        }
        let due = |r: &Repair| self.is_eligible(r) && r.due <= now;
        let found = self.repairs.iter().enumerate().filter(|(_, r)| due(r));
        found.min_by_key(|(_, r)| (r.gain.goal(), r.due, r.id)).map(|(at, _)| at)
    }

    fn is_linked(&self, peer: PeerId) -> bool {
        self.open.values().any(|open| *open == peer)
    }

    // ---- what became of it ---------------------------------------------------------------

    /// A connection stands that answers a dial to `address`. What this room did not dial is none
    /// of its business.
    pub fn on_up(&mut self, link: LinkId, address: &str) {
        if let Some(at) = self.dialling(address) {
            self.repairs[at].link = Some(link);
        }
    }

    pub fn on_dial_failed(&mut self, address: &str, now: Instant) {
        if let Some(at) = self.dialling(address) {
            self.fail(at, now);
        }
    }

    fn dialling(&self, address: &str) -> Option<usize> {
        self.repairs
            .iter()
            .position(|r| r.state == State::Trying && r.link.is_none() && r.address == address)
    }

    /// Any link opened. That another peer answers where this one was expected is a failure; the
    /// link is that peer's and stays.
    pub fn on_opened(&mut self, link: LinkId, peer: PeerId, now: Instant) {
        self.open.insert(link, peer);
        let Some(at) = self.repairs.iter().position(|r| r.link == Some(link)) else { return };
        self.made.insert(link);
        if self.repairs[at].peer == peer {
            self.repairs[at].succeed();
            self.enter(at, State::Linked, now);
        } else {
            self.fail(at, now);
        }
    }

    /// Any connection ended, with what is known of it.
    pub fn on_closed(
        &mut self,
        link: LinkId,
        peer: Option<PeerId>,
        reason: CloseReason,
        now: Instant,
    ) {
        self.open.remove(&link);
        self.made.remove(&link);
        let Some(at) = self.repairs.iter().position(|r| r.link == Some(link)) else { return };
        if reason == CloseReason::Duplicate && peer != Some(self.own) {
            // The other end was faster, or its link is the newer one.
            self.repairs.remove(at);
        } else if self.repairs[at].state == State::NoGain {
            self.repairs[at].link = None;
        } else {
            self.fail(at, now);
        }
    }

    fn fail(&mut self, at: usize, now: Instant) {
        let repair = &mut self.repairs[at];
        repair.fail(&mut self.rng, now);
        let (id, peer) = (repair.id, repair.peer);
        let (goal, state) = (repair.gain.goal(), repair.state);
        self.entered[state as usize] += 1;
        self.outputs.push_back(Output::Ended { repair: id, peer, goal, state });
    }

    fn enter(&mut self, at: usize, state: State, now: Instant) {
        self.repairs[at].enter(state, now);
        self.entered[state as usize] += 1;
    }

    /// Judges what was linked and is in the map by now.
    fn verify(&mut self, mesh: &Mesh<'_>, now: Instant) {
        let place = |peer: &PeerId| mesh.ids.binary_search(peer).ok().map(|at| at as u32);
        let Some(own) = place(&self.own) else { return };
        for at in 0..self.repairs.len() {
            let repair = &self.repairs[at];
            let Some(peer) = place(&repair.peer).filter(|_| repair.state == State::Linked) else {
                continue;
            };
            if mesh.graph.neighbours(own).binary_search(&peer).is_err() {
                continue;
            }
            let (id, gain) = (repair.id, repair.gain);
            let helps = plan::helps(mesh, (own, peer), gain, &mut self.analyser);
            let state = if helps { State::Verified } else { State::NoGain };
            self.enter(at, state, now);
            let (peer, goal) = (self.repairs[at].peer, gain.goal());
            self.outputs.push_back(Output::Ended { repair: id, peer, goal, state });
        }
    }

    // ---- what others may see -------------------------------------------------------------

    /// What the tables hang on, by the newest snapshot; what cuts most off comes first.
    pub fn relays(&self) -> &[Relay] {
        &self.relays
    }

    /// A repair of this goal that waits, the next that is due; around this cut node, if one is
    /// named.
    pub fn waiting(&self, goal: Goal, around: Option<PeerId>) -> Option<u64> {
        let fits = |r: &&Repair| {
            let node = match r.gain {
                Gain::Around { node, .. } => Some(node),
                _ => None,
            };
            r.gain.goal() == goal && r.is_waiting() && (around.is_none() || node == around)
        };
        self.repairs.iter().filter(fits).min_by_key(|r| (r.due, r.id)).map(|r| r.id)
    }

    /// Newest first.
    pub fn repairs(&self) -> Vec<Shown> {
        let transport = |address: &str| {
            Transport::of_scheme(address.split_once("://").map_or(address, |(scheme, _)| scheme))
        };
        let shown = |r: &Repair| {
            let planned = || self.address(r.peer, r.failures()).unwrap_or_default();
            let address = if r.address.is_empty() { &planned() } else { &r.address };
            Shown {
                id: r.id,
                peer: r.peer,
                transport: transport(address),
                goal: r.gain.goal(),
                gain: r.gain.sentence(),
                state: r.state,
                since: r.since,
            }
        };
        let mut shown: Vec<Shown> = self.repairs.iter().map(shown).collect();
        shown.sort_unstable_by_key(|repair| Reverse((repair.since, repair.id)));
        shown
    }

    /// Open links that repairs of this node made, to be announced.
    pub fn made(&self) -> u16 {
        self.made.len() as u16
    }

    /// How often a repair came to be in each of [`STATES`].
    pub fn entered(&self) -> [u64; STATES.len()] {
        self.entered
    }

    /// Peers in the address book.
    pub fn remembered(&self) -> usize {
        self.book.len()
    }
}

/// The two plans that repairs come from.
#[derive(Clone, Copy)]
enum Kind {
    Join,
    Better,
}

impl Kind {
    fn of(self, repair: &Repair) -> bool {
        let joins = repair.gain.goal() == Goal::JoinParts;
        joins == matches!(self, Kind::Join)
    }
}

#[cfg(test)]
mod tests;

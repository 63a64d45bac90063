//! Turns what an honest member would say into what this liar says, and says more on its own.
//!
//! Rules. Every message is made with core's public types and the liar's own keys, so it is as good
//! on the wire as an honest one until somebody judges it. What is told is counted by its kind, so
//! that a test can see that there was something to withstand.

use super::{
    lie::{Lie, Plot},
    pen::{Pen, Place},
};
use bitcraps_core::{
    agree::{
        MemberKey, Members, digest,
        message::{Bytes, Decided, Message as Agree, Polka, Proposal, Status, Step, ValueId, Vote},
    },
    craps::{Chips, Wager},
    crypto::{dice, identity::Identity},
    game::{
        Ledger, Phase, Session,
        message::{Action, Batch, Entry, Message, Op},
    },
    id::{PeerId, TableId},
    route,
    seed::Rng,
};
use std::collections::{BTreeMap, VecDeque};

/// Messages of one flood to one member; five floods a second.
const FLOOD: u64 = 10;
/// Messages remembered for being said again.
const MEMORY: usize = 64;
/// Old messages said again at one chance.
const REPLAYS: usize = 4;
/// The largest value that the mesh carries, above what a batch may have.
const HUGE: usize = route::message::BODY_BYTES_MAX - 512;

/// The table as the liar sees it.
pub(super) struct Scene<'a> {
    pub identity: &'a Identity,
    pub session: &'a Session,
}

impl Scene<'_> {
    fn ledger(&self) -> &Ledger {
        self.session.ledger()
    }

    fn table(&self) -> TableId {
        self.session.id()
    }

    /// Those who agree on the next height.
    pub fn members(&self) -> Option<Members> {
        let keys: Vec<MemberKey> = self.ledger().member_keys().into_iter().map(MemberKey).collect();
        Members::new(&keys).ok()
    }

    /// The height that the log does not hold yet.
    pub fn next(&self) -> u64 {
        self.ledger().height() + 1
    }

    pub fn others(&self) -> Vec<PeerId> {
        let me = self.identity.id();
        self.ledger().seats().map(|(_, seat)| seat.peer).filter(|peer| *peer != me).collect()
    }

    /// Every other one of the others.
    fn is_in_second_half(&self, peer: PeerId) -> bool {
        self.others().iter().position(|other| *other == peer).is_some_and(|at| at % 2 == 1)
    }
}

pub(super) struct Tongue {
    plot: Plot,
    rng: Rng,
    pen: Pen,
    memory: VecDeque<Message>,
    /// The other value shown at a height and round.
    others: BTreeMap<(u64, u32), Vec<u8>>,
    told: BTreeMap<Lie, u64>,
}

impl Tongue {
    pub fn new(plot: Plot, identity: &Identity, rng: Rng) -> Tongue {
        let pen = Pen::of(identity);
        let (memory, others, told) = (VecDeque::new(), BTreeMap::new(), BTreeMap::new());
        Tongue { plot, rng, pen, memory, others, told }
    }

    pub fn told(&self) -> &BTreeMap<Lie, u64> {
        &self.told
    }

    pub fn count(&mut self, lie: Lie) {
        *self.told.entry(lie).or_default() += 1;
    }

    /// Something that was heard or said, worth saying again.
    pub fn remember(&mut self, message: &Message) {
        if self.plot.has(Lie::Replays) {
            self.memory.push_back(message.clone());
            if self.memory.len() > MEMORY {
                self.memory.pop_front();
            }
        }
    }

    /// Whether to lie this way now. It is counted as told.
    fn lies(&mut self, lie: Lie) -> bool {
        let lies = self.plot.has(lie) && self.rng.below(100) < self.plot.zeal;
        if lies {
            self.count(lie);
        }
        lies
    }

    /// What goes to `to` in the place of an honest message.
    pub fn speak(&mut self, scene: &Scene, to: PeerId, message: Message) -> Vec<Message> {
        self.remember(&message);
        let (table, me) = (scene.table(), self.pen.key);
        match message {
            Message::Agree { table, bytes } => {
                let mine =
                    |place: u8, members: &Members| members.key(usize::from(place)) == Some(me);
                let told = match (Agree::decode(&bytes), scene.members()) {
                    (Ok(Agree::Vote(vote)), Some(members)) if mine(vote.member, &members) => {
                        self.vote(scene, &members, to, &vote, bytes)
                    }
                    (Ok(Agree::Proposal(offer)), Some(members)) if mine(offer.member, &members) => {
                        self.proposal(scene, &members, to, &offer, &bytes)
                    }
                    _ => vec![bytes],
                };
                told.into_iter().map(|bytes| Message::Agree { table, bytes }).collect()
            }
            Message::Submit { ops, .. } => {
                let ops = ops.into_iter().map(|op| self.op(scene, op)).collect();
                vec![Message::Submit { table, ops }]
            }
            Message::Share { mut share, .. } => {
                if self.lies(Lie::WithheldShares) {
                    return Vec::new();
                }
                if self.lies(Lie::BadShares) {
                    // A point of the group all right, but not the one the proof speaks of.
                    share.value = share.proof.r1;
                }
                vec![Message::Share { table, share }]
            }
            message => vec![message],
        }
    }

    /// What the liar says without being asked, and to whom.
    pub fn interject(&mut self, scene: &Scene) -> Vec<(PeerId, Message)> {
        let Some(members) = scene.members() else { return Vec::new() };
        let others = scene.others();
        if others.is_empty() {
            return Vec::new();
        }
        let mut said = Vec::new();
        for _ in 0..REPLAYS {
            if !self.memory.is_empty() && self.lies(Lie::Replays) {
                let at = self.rng.below(self.memory.len() as u64) as usize;
                said.push((self.one_of(&others), self.memory[at].clone()));
            }
        }
        let mut to_all = Vec::new();
        if self.lies(Lie::ForgedVotes) {
            to_all.extend(self.forged_votes(scene, &members));
        }
        if self.lies(Lie::ForgedCertificates) {
            to_all.extend(self.forged_certificates(scene, &members));
        }
        if self.lies(Lie::Overspending) {
            let ops = vec![self.overspent(scene)];
            to_all.push(Message::Submit { table: scene.table(), ops });
        }
        if self.lies(Lie::OthersName) {
            let ops = vec![self.in_anothers_name(scene)];
            to_all.push(Message::Submit { table: scene.table(), ops });
        }
        if self.lies(Lie::Flood) {
            to_all.extend(self.flood(scene, &members));
        }
        for message in to_all {
            said.extend(others.iter().map(|to| (*to, message.clone())));
        }
        said
    }

    fn one_of(&mut self, peers: &[PeerId]) -> PeerId {
        peers[self.rng.below(peers.len() as u64) as usize]
    }

    // ---- votes -----------------------------------------------------------------------------

    fn vote(
        &mut self,
        scene: &Scene,
        members: &Members,
        to: PeerId,
        vote: &Vote,
        honest: Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let group = *scene.table().as_bytes();
        let at = Place { group: &group, members, height: vote.height, round: vote.round };
        let second_half = scene.is_in_second_half(to);
        if self.lies(Lie::NoVotes) {
            return Vec::new();
        }
        if second_half && self.lies(Lie::WithheldVotes) {
            return Vec::new();
        }
        let mut told = vec![honest];
        if second_half && self.lies(Lie::TwoVotes) {
            let other = match vote.value {
                Some(_) => None,
                None => Some(ValueId(self.rng.bytes())),
            };
            if self.rng.below(2) == 0 {
                told.clear();
            }
            told.push(self.pen.vote(at, vote.step, other, vote.member));
        }
        if self.lies(Lie::AnotherTable) {
            let group: [u8; 32] = self.rng.bytes();
            let at = Place { group: &group, ..at };
            told.push(self.pen.vote(at, vote.step, vote.value, vote.member));
        }
        if self.lies(Lie::AnotherEpoch) {
            // The same table after its last member left.
            let keys: Vec<MemberKey> = members.keys().take(members.count() - 1).collect();
            if let Ok(fewer) = Members::new(&keys) {
                let at = Place { members: &fewer, ..at };
                told.push(self.pen.vote(at, vote.step, vote.value, vote.member));
            }
        }
        told
    }

    fn forged_votes(&mut self, scene: &Scene, members: &Members) -> Vec<Message> {
        let (table, height) = (scene.table(), scene.next());
        let at = Place { group: table.as_bytes(), members, height, round: 0 };
        let mine = self.pen.place(members);
        let step = if self.rng.below(2) == 0 { Step::Prevote } else { Step::Precommit };
        let places = (0..members.count()).filter_map(|place| u8::try_from(place).ok());
        places
            .filter(|place| *place != mine)
            .map(|place| Message::Agree { table, bytes: self.pen.vote(at, step, None, place) })
            .collect()
    }

    // ---- proposals -------------------------------------------------------------------------

    fn proposal(
        &mut self,
        scene: &Scene,
        members: &Members,
        to: PeerId,
        offer: &Proposal,
        honest: &[u8],
    ) -> Vec<Vec<u8>> {
        let group = *scene.table().as_bytes();
        let at = Place { group: &group, members, height: offer.height, round: offer.round };
        let lock = offer.lock_round;
        if self.lies(Lie::NoProposals) {
            return Vec::new();
        }
        if self.lies(Lie::HugeProposals) {
            return vec![self.pen.proposal(at, lock, &vec![0x55; HUGE])];
        }
        for (lie, is_bet) in [(Lie::Overspending, true), (Lie::OthersName, false)] {
            if self.plot.has(lie) && self.lies(lie) {
                let op = if is_bet { self.overspent(scene) } else { self.in_anothers_name(scene) };
                let mut entries = entries_of(offer.value.0);
                entries.push(Entry::Op(op));
                return vec![self.pen.proposal(at, lock, &Batch(entries).encode())];
            }
        }
        if self.plot.has(Lie::BadDeals) && self.lies(Lie::BadDeals) {
            let spoil = |entry| match entry {
                Entry::Op(op) if op.author == self.pen.key.0 => Entry::Op(spoiled(scene, op)),
                entry => entry,
            };
            let entries = entries_of(offer.value.0).into_iter().map(spoil).collect();
            return vec![self.pen.proposal(at, lock, &Batch(entries).encode())];
        }
        if scene.is_in_second_half(to) && self.lies(Lie::TwoProposals) {
            let key = (offer.height, offer.round);
            self.others.retain(|(height, _), _| *height >= offer.height);
            let other = match self.others.get(&key) {
                Some(other) => other.clone(),
                None => self.another_value(scene, offer.value.0),
            };
            self.others.insert(key, other.clone());
            let mut told = vec![self.pen.proposal(at, lock, &other)];
            if self.rng.below(2) == 0 {
                told.push(honest.to_vec());
            }
            return told;
        }
        vec![honest.to_vec()]
    }

    /// Another value that the log would take as well, if there is one.
    fn another_value(&mut self, scene: &Scene, value: &[u8]) -> Vec<u8> {
        let ledger = scene.ledger();
        let entries = entries_of(value);
        let mut tries: Vec<Vec<Entry>> = Vec::new();
        if entries.len() > 1 {
            tries.push(entries[..entries.len() - 1].to_vec());
            tries.push(entries[1..].to_vec());
        }
        let seq = ledger.last_seq(&self.pen.key.0) + 1;
        let action = match ledger.phase() {
            Phase::Betting => Some(Action::Ready { roll: ledger.roll() }),
            Phase::Dealing | Phase::Opening => self.late_deal(scene),
        };
        let own =
            action.map(|action| Entry::Op(Op::sign(scene.identity, scene.table(), seq, action)));
        tries.extend(own.map(|own| vec![own]));
        let values = tries.into_iter().map(|entries| Batch(entries).encode());
        let sound = values.into_iter().find(|other| ledger.after(other).is_ok() && other != value);
        // Nothing else is due: a value that nobody takes will do.
        sound.unwrap_or_else(|| vec![0x55; 16])
    }

    fn late_deal(&self, scene: &Scene) -> Option<Action> {
        let ledger = scene.ledger();
        let (seat, _) = ledger.seat(scene.identity.id())?;
        let roll = *ledger.deals_missing(seat, 16).last()?;
        let secret = secret_of(scene.identity, ledger);
        let deal = ledger.make_deal(seat, &secret, roll, &scene.identity.seed("late deal"))?;
        Some(Action::Deal { epoch: ledger.epoch_number(), deals: vec![deal] })
    }

    // ---- certificates ----------------------------------------------------------------------

    fn forged_certificates(&mut self, scene: &Scene, members: &Members) -> Vec<Message> {
        let (table, height) = (scene.table(), scene.next());
        let action = Action::Bet {
            roll: scene.ledger().roll(),
            wager: Wager::Field,
            chips: Chips(1_000_000),
        };
        let op = Op::sign(scene.identity, table, u64::MAX, action);
        let value = Batch(vec![Entry::Op(op)]).encode();
        let id = digest::value_id(&value);
        let precommit =
            digest::vote(table.as_bytes(), members, Step::Precommit, height, 0, Some(&id));
        let prevote = digest::vote(table.as_bytes(), members, Step::Prevote, height, 0, Some(&id));
        let (count, quorum) = (members.count(), members.quorum());
        let signers = (0..count).take(quorum).fold(0u16, |bits, place| bits | 1 << place);
        let repeated = |digest| self.pen.sign(digest).0.repeat(quorum);
        let (decided, polka) = (repeated(&precommit), repeated(&prevote));
        let decided = Agree::Decided(Decided {
            height,
            round: 0,
            signers,
            signatures: Bytes(&decided),
            value: Bytes(&value),
        })
        .encode();
        let polka =
            Agree::Polka(Polka { height, round: 0, value: id, signers, signatures: Bytes(&polka) })
                .encode();
        vec![
            Message::Agree { table, bytes: decided.clone() },
            Message::Agree { table, bytes: polka },
            Message::Log { table, tip: height, decisions: vec![decided] },
        ]
    }

    // ---- wishes and dice -------------------------------------------------------------------

    fn op(&mut self, scene: &Scene, op: Op) -> Op {
        let deals = matches!(op.action, Action::Deal { .. });
        if deals && self.lies(Lie::BadDeals) { spoiled(scene, op) } else { op }
    }

    fn overspent(&mut self, scene: &Scene) -> Op {
        let ledger = scene.ledger();
        let have = ledger.seat(scene.identity.id()).map_or(Chips(0), |(_, seat)| seat.stack);
        let chips = Chips(have.0 + 1 + self.rng.below(1_000));
        let action = Action::Bet { roll: ledger.roll(), wager: Wager::Field, chips };
        let seq = ledger.last_seq(&self.pen.key.0) + 1 + self.rng.below(8);
        Op::sign(scene.identity, scene.table(), seq, action)
    }

    /// Another member's bet, under our signature.
    fn in_anothers_name(&mut self, scene: &Scene) -> Op {
        let ledger = scene.ledger();
        let keys = ledger.member_keys();
        let author = keys[self.rng.below(keys.len() as u64) as usize];
        let action = Action::Bet { roll: ledger.roll(), wager: Wager::Field, chips: Chips(10) };
        let seq = ledger.last_seq(&author) + 1 + self.rng.below(8);
        Op { author, ..Op::sign(scene.identity, scene.table(), seq, action) }
    }

    fn flood(&mut self, scene: &Scene, members: &Members) -> Vec<Message> {
        let (table, height) = (scene.table(), scene.next());
        let mine = self.pen.place(members);
        (0..FLOOD)
            .map(|at| match at % 5 {
                0 => Message::GetLog { table, from: 1 + self.rng.below(height) },
                1 => {
                    let status = Status { height, round: 0, held: Vec::new() };
                    Message::Agree { table, bytes: Agree::Status(status).encode() }
                }
                2 => {
                    let round = self.rng.below(1_000) as u32;
                    let at = Place { group: table.as_bytes(), members, height, round };
                    Message::Agree { table, bytes: self.pen.vote(at, Step::Prevote, None, mine) }
                }
                3 => {
                    let (height, round) = (height + 1, self.rng.below(4) as u32);
                    let at = Place { group: table.as_bytes(), members, height, round };
                    Message::Agree { table, bytes: self.pen.vote(at, Step::Precommit, None, mine) }
                }
                _ => {
                    let action = Action::Ready { roll: scene.ledger().roll() + 1_000 };
                    let seq = 1_000 + self.rng.below(1_000_000);
                    let op = Op::sign(scene.identity, table, seq, action);
                    Message::Submit { table, ops: vec![op] }
                }
            })
            .collect()
    }
}

fn entries_of(value: &[u8]) -> Vec<Entry> {
    Batch::decode(value).map(|batch| batch.0).unwrap_or_default()
}

/// The same op with deals that do not verify, signed again.
fn spoiled(scene: &Scene, op: Op) -> Op {
    let Action::Deal { epoch, mut deals } = op.action else { return op };
    for deal in &mut deals {
        deal.shares.rotate_left(1);
    }
    Op::sign(scene.identity, scene.table(), op.seq, Action::Deal { epoch, deals })
}

/// The dice key that this identity registered at a table: derived as `game::seating` derives it.
fn secret_of(identity: &Identity, ledger: &Ledger) -> dice::MemberSecret {
    let name = TableId::from_bytes(ledger.invitation().0).to_string();
    dice::MemberSecret::derive(&identity.seed("bitcraps v1 dice key").fork(&name))
}

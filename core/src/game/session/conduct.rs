//! Speaks up against members: hands on proof that one lied, and says which one has been silent.
//!
//! Rules, and why.
//! 1. Evidence goes to every member at once and waits here for the log, so that whoever proposes
//!    next can put it there: else an idle table would run rounds until the turn of the only one
//!    who saw both signatures, and a crash of that one would lose them. It is verified first, so
//!    what waits is at most one proof for each member that the ledger remembers.
//! 2. A member is silent when nothing of it about this table arrived for [`ABSENT_AFTER`]. At rest
//!    members say every few seconds which height comes next, so silence means asleep, cut off or
//!    unwilling. Time in which this peer slept or was cut off itself does not count.
//! 3. What is silent is said once for every membership and every deed of that member; the log
//!    counts (`ledger`).

use super::{Session, Standing};
use crate::{
    agree::Evidence,
    crypto::identity::Identity,
    game::{
        ledger::Ledger,
        message::{Action, Entry, Key, Message, Op},
    },
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Silence after which a member says that another one is absent. Guess: a phone that changes from
/// one network to another is back by then, and people at a table still wait.
pub const ABSENT_AFTER: Duration = Duration::from_secs(60);
/// How often the silence of members is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A look that comes later than this slept.
const SLEPT: Duration = Duration::from_secs(15);

/// When this peer heard the other members last.
pub(super) struct Attendance {
    heard: SortedMap<PeerId, Instant>,
    looked_at: Instant,
}

impl Attendance {
    pub(super) fn new(now: Instant) -> Attendance {
        Attendance { heard: SortedMap::new(), looked_at: now }
    }

    pub(super) fn next_look(&self) -> Instant {
        self.looked_at + LOOK
    }
}

impl Session {
    pub(super) fn on_heard(&mut self, from: PeerId, now: Instant) {
        if self.ledger.seat(from).is_some() {
            self.attendance.heard.insert(from, now);
        }
    }

    /// For how long nothing of this member was heard; `None` for this peer itself, and before the
    /// first look after it sat down.
    pub fn silence(&self, peer: PeerId, now: Instant) -> Option<Duration> {
        self.attendance.heard.get(&peer).map(|at| now.since(*at))
    }

    /// Rule 2 and 3 of the module.
    pub(super) fn look_around(&mut self, identity: &Identity, now: Instant) {
        self.forget_watchers(now);
        let before = std::mem::replace(&mut self.attendance.looked_at, now);
        let excused = self.frozen || now.since(before) > SLEPT;
        let (ledger, me) = (&self.ledger, self.my_id);
        self.attendance.heard.retain(|peer, _| ledger.seat(*peer).is_some());
        for (_, seat) in ledger.seats().filter(|(_, seat)| seat.peer != me) {
            let at = self.attendance.heard.or_insert_with(seat.peer, || now);
            if excused {
                *at = now;
            }
        }
        let silent = |peer: &PeerId| {
            self.attendance.heard.get(peer).is_some_and(|at| now.since(*at) >= ABSENT_AFTER)
        };
        let silent: Vec<Key> =
            ledger.seats().filter(|(_, s)| silent(&s.peer)).map(|(_, s)| s.key).collect();
        for member in silent {
            self.claim_absent(member, identity, now);
        }
    }

    fn claim_absent(&mut self, member: Key, identity: &Identity, now: Instant) {
        let (epoch, seq) = (self.ledger.epoch_number(), self.ledger.last_seq(&member));
        let same = |op: &Op| match &op.action {
            Action::Absent { member: other, .. } => *other == member,
            _ => false,
        };
        let said = self.pool.get(&self.me).is_some_and(|ops| ops.values().any(same));
        if !said && self.ledger.claim_counts(&self.me, &member, epoch, seq) {
            self.submit(Action::Absent { member, epoch, seq }, None, identity, now);
        }
    }

    /// Evidence that agreement found here: the others need it as well.
    pub(super) fn accuse(&mut self, evidence: &Evidence) {
        let evidence = evidence.encode();
        if self.keep_evidence(&evidence) {
            self.broadcast(&Message::Evidence { table: self.id(), evidence });
        }
    }

    pub(super) fn on_evidence(&mut self, from: PeerId, evidence: &[u8]) {
        let member = self.ledger.seat(from).is_some();
        if !member || self.standing != Standing::Seated || !self.keep_evidence(evidence) {
            self.counters.ops_refused += 1;
        }
    }

    /// Keeps it for the next batch, once per culprit, if the log would take it.
    fn keep_evidence(&mut self, bytes: &[u8]) -> bool {
        let Ok(Evidence { culprit, .. }) = Evidence::decode(bytes) else { return false };
        let fits =
            |ledger: &Ledger| ledger.clone().try_entry(&Entry::Evidence(bytes.to_vec())).is_ok();
        if self.evidence.contains_key(&culprit.0) || !fits(&self.ledger) {
            return false;
        }
        self.evidence.insert(culprit.0, bytes.to_vec());
        self.draft = super::Draft::Stale;
        true
    }

    /// Forgets evidence that the log holds, or that is too old for it by now.
    pub(super) fn prune_evidence(&mut self) {
        let ledger = &self.ledger;
        self.evidence.retain(|culprit, bytes| {
            let known = |evidence: Evidence| ledger.members_at(evidence.height).is_some();
            ledger.offence_of(culprit).is_none() && Evidence::decode(bytes).is_ok_and(known)
        });
    }
}

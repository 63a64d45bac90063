//! Byzantine agreement on one table's log, one value per height, without I/O.
//!
//! Round logic is Tendermint (Buchman, Kwon, Milosevic, arXiv:1807.04938) as Malachite's driver
//! runs it. This room adds what the driver leaves out: signatures, timers, the filter in front of
//! it, repair under loss, certificates, catching up, and the write-ahead log.
//!
//! Rules, with their reasons:
//! - Nothing reaches the driver unverified (`filter`): it panics on two proposers in one round,
//!   overflows at the last round, and stores whatever it is given.
//! - Nothing that carries our signature leaves before the inputs it follows from are durable
//!   (`log`): a member that forgets a vote casts another one. A decision waits as well, because
//!   its certificate may contain our own precommit.
//! - A height runs timers, so it is started only when there is something to agree on, or when
//!   [`Output::PeerAhead`] says that another member already did.
//! - A quorum is more than two thirds. With one to three members that is all of them: such a
//!   table agrees, but tolerates nobody away.
//! - Fewer than a quorum in reach: the round stands still, and all that is sent are statuses, ever
//!   more rarely. [`Input::Nudge`] wakes them.
//!
//! The host's duties:
//! 1. Append every [`Output::Persist`] to storage, in order, and hand in [`Input::Persisted`] when
//!    it is durable.
//! 2. On [`Output::Decided`], store the decision, then start the next height whenever it likes.
//!    Records of decided heights can be deleted.
//! 3. Drain [`Agree::poll_output`] after every input; hand in [`Input::Tick`] at the deadline.
//! 4. After a restart, pass the stored records of the height in [`Input::Height`]. A device that
//!    lost them but kept its key must not vote at that height again: it comes back under a new key
//!    or leaves itself out of `members` until the height is decided, and only watches.
//! 5. Hand in messages only of peers whose identity the link has proved.
//!
//! What it does not do: choose values, know what they mean (the `judge` argument does), keep
//! decisions for ever ([`Output::WantsHistory`] asks the host), or change members (each height is
//! started with its own set).
//!
//! Memory of one height is bounded by: votes, two per member and round within a window of rounds;
//! one polka per round since the newest value that has one; proposals, [`PROPOSALS_PER_ROUND`] a
//! round and [`VALUE_BYTES_PER_MEMBER`] per member; early messages, [`EARLY_PER_PEER`] and
//! [`EARLY_BYTES_PER_PEER`] per member; outputs that wait, [`WAITING_MAX`]. The log of a height
//! grows by what one round can bring for every round the height takes; the driver cannot be
//! restored from less.

mod certificate;
mod context;
pub mod digest;
mod filter;
mod log;
mod members;
pub mod message;
mod rounds;
mod sync;

pub use certificate::{Decision, DecisionError, Evidence, EvidenceError};
pub use members::{MemberKey, Members, MembersError};

use crate::{
    crypto::identity::Identity,
    limits::BATCH_BYTES_MAX,
    sorted::{SortedMap, SortedSet},
    time::{Duration, Instant},
};
use context::{Ctx, Domain};
use ed25519_dalek::SigningKey;
use malachite_driver::Driver;
use malachite_types::Timeout;
use std::collections::VecDeque;
use zeroize::Zeroize as _;

/// Rounds past the one that more than f members have reached, from which messages are taken.
/// Guess: a member that hears others at all is never that far behind them.
pub const LOOKAHEAD: u32 = 10;
/// Rounds before the current one whose votes are still taken and kept. Guess: older ones matter
/// only through their polka, which travels whole.
pub const LOOKBACK: u32 = 16;
/// Proposals kept per round; more only when f + 1 members prevoted for them. Two show that the
/// proposer lies.
pub const PROPOSALS_PER_ROUND: usize = 2;
/// Bytes of values kept of one proposer at one height, unless f + 1 members prevoted for more.
/// Guess: a liar's turns for some hundred rounds.
pub const VALUE_BYTES_PER_MEMBER: usize = 4 * 1024 * 1024;
/// Messages of the next height kept per member until we start it. Guess: its proposal, its two
/// votes, and the same again.
pub const EARLY_PER_PEER: usize = 6;
/// Bytes of those messages: one value and its company.
pub const EARLY_BYTES_PER_PEER: usize = message::MESSAGE_BYTES_MAX + 2048;
/// Decisions sent at once to a member that lags. Guess: a quarter MiB at most.
pub const CATCH_UP: u64 = 4;
/// Bytes of values in one answer to a status.
pub const ANSWER_VALUE_BYTES: usize = 2 * BATCH_BYTES_MAX;
/// Peers whose last question is remembered, members and others.
pub const ASKING_PEERS_MAX: usize = 64;
/// Outputs that wait for the log or the host before messages are dropped; peers ask again.
pub const WAITING_MAX: usize = 1024;

/// Durations of one group's agreement.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// How long to wait for a proposal. Guess: mesh players within half a second of each other.
    pub propose: Duration,
    /// How long to wait for more prevotes once a quorum of them differs. Guess.
    pub prevote: Duration,
    /// How long to wait for more precommits once a quorum of them differs. Guess.
    pub precommit: Duration,
    /// Added to each of the three per round, so that some round is long enough (the paper's
    /// section on termination). Guess.
    pub delta: Duration,
    /// None of the three gets longer than this. Guess: what people at a table stand.
    pub longest: Duration,
    /// How often to say what we hold while a height is undecided and things move. Guess.
    pub sync: Duration,
    /// The same when nothing moves.
    pub sync_longest: Duration,
    /// How often to say which height we rest at.
    pub rest: Duration,
    /// Decisions kept in memory to serve members that lag.
    pub keep: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            propose: Duration::from_millis(1000),
            prevote: Duration::from_millis(500),
            precommit: Duration::from_millis(500),
            delta: Duration::from_millis(250),
            longest: Duration::from_millis(3000),
            sync: Duration::from_millis(250),
            sync_longest: Duration::from_millis(2000),
            rest: Duration::from_millis(5000),
            keep: 64,
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Start a height. It must be past [`Agree::height`], and the decision of that one must have
    /// been drained; anything else is refused. `replay`: the records stored for it, in order;
    /// empty unless restarting.
    Height { height: u64, members: Members, replay: &'a [Vec<u8>] },
    /// The answer to [`Output::NeedValue`]. Of several answers the first counts; one that comes
    /// after the round stopped waiting is refused and asked for again in our next turn.
    Value { height: u64, round: u32, value: Vec<u8> },
    /// Bytes from a peer over an authenticated link.
    Message { from: MemberKey, bytes: &'a [u8] },
    /// All records up to and including this number survive a crash.
    Persisted { seq: u64 },
    /// Members came back into reach: ask all of them at once.
    Nudge,
    /// The deadline is due.
    Tick,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Append `record` to the log of `height`, at `place` (0, 1, 2, … also across restarts), then
    /// say [`Input::Persisted`] with `seq`.
    Persist {
        seq: u64,
        height: u64,
        place: u64,
        record: Vec<u8>,
    },
    /// To every other member of the height.
    Broadcast {
        bytes: Vec<u8>,
    },
    Send {
        to: MemberKey,
        bytes: Vec<u8>,
    },
    /// It is our turn to propose: answer with [`Input::Value`].
    NeedValue {
        height: u64,
        round: u32,
    },
    Decided(Decision),
    /// A member lied, and this proves it. Once per member and height.
    Evidence(Evidence),
    /// A peer asks for decisions from this height on that are no longer in memory: send it
    /// [`Decision::encode`] of the first few.
    WantsHistory {
        peer: MemberKey,
        from: u64,
    },
    /// While we rest, a peer speaks of a height that we have not started: start the next one.
    /// Repeated while the peer keeps speaking.
    PeerAhead {
        peer: MemberKey,
        height: u64,
    },
}

/// Inputs that were refused, by reason. They changed nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// No message, or one that names a place without a member.
    pub garbled: u64,
    /// Of a height that is over or was never started.
    pub other_height: u64,
    /// Held already, or our own come back.
    pub duplicate: u64,
    /// Does not verify under its member's key, this group and this member set.
    pub signature: u64,
    /// A proposal by a member whose turn it is not.
    pub wrong_proposer: u64,
    /// Too many rounds ahead or behind.
    pub round: u64,
    /// More proposals or bytes than are kept of one proposer.
    pub proposals: u64,
    /// More messages of the next height than are kept of one member.
    pub early: u64,
    /// A question too soon after the last one, or by too many peers.
    pub questions: u64,
    /// A value of ours that came too late, twice, too long, or that the judge does not like.
    pub value: u64,
    /// Messages dropped because too many outputs wait.
    pub waiting: u64,
    /// Inputs the driver returned an error for.
    pub driver: u64,
}

/// Whether a height is being decided, and how we take part.
enum Stage {
    /// The height is decided; the next one is not started.
    Resting,
    /// Not a member of the height: we wait for its decision.
    Watching,
    Voting(Box<Driver<Ctx>>),
}

/// An output, and the record that must be durable before it may leave.
struct Waiting {
    after: u64,
    output: Output,
}

/// The host's test of a proposed value at the current height, true when it may be decided. Every
/// honest member must give the same answer for the same log.
pub type Judge<'a> = &'a mut dyn FnMut(u64, &[u8]) -> bool;

/// One member's side of one group's agreement.
pub struct Agree {
    config: Config,
    group: [u8; 32],
    /// Wiped when dropped.
    signing: SigningKey,
    me: MemberKey,
    now: Instant,
    /// Being decided, or decided last.
    height: u64,
    members: Members,
    stage: Stage,
    timers: Vec<(Instant, Timeout)>,
    sync: sync::Pace,
    /// Messages of the next height.
    early: SortedMap<MemberKey, VecDeque<Vec<u8>>>,
    recent: SortedMap<u64, Decision>,
    accused: SortedSet<MemberKey>,
    log: log::Log,
    out: VecDeque<Waiting>,
    refused: Refused,
}

impl Agree {
    /// At rest after height `decided` (0: nothing is decided yet). `members` are those that may
    /// speak of the next height. Starts nothing: see [`Input::Height`].
    pub fn new(
        config: Config,
        group: [u8; 32],
        identity: &Identity,
        decided: u64,
        members: Members,
        now: Instant,
    ) -> Agree {
        let mut secret = identity.secret();
        let signing = SigningKey::from_bytes(&secret);
        secret.zeroize();
        Agree {
            me: MemberKey(signing.verifying_key().to_bytes()),
            signing,
            group,
            now,
            height: decided,
            members,
            stage: Stage::Resting,
            timers: Vec::new(),
            sync: sync::Pace::new(now + config.rest, config.sync),
            early: SortedMap::new(),
            recent: SortedMap::new(),
            accused: SortedSet::new(),
            log: log::Log::default(),
            out: VecDeque::new(),
            refused: Refused::default(),
            config,
        }
    }

    /// Takes one input. Then drain [`Agree::poll_output`].
    pub fn handle(&mut self, now: Instant, input: Input<'_>, judge: Judge<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Height { height, members, replay } => {
                self.on_height(height, members, replay, judge);
            }
            Input::Value { height, round, value } => self.on_value(height, round, &value, judge),
            Input::Message { from, bytes } => self.on_message(from, bytes, judge),
            Input::Persisted { seq } => self.log.on_persisted(seq),
            Input::Nudge => self.on_nudge(),
            Input::Tick => {}
        }
        self.on_time();
    }

    /// The next thing to do, if any may be done now.
    pub fn poll_output(&mut self) -> Option<Output> {
        let durable = self.log.durable();
        let next = self.out.iter().position(|waiting| waiting.after <= durable)?;
        self.out.remove(next).map(|waiting| waiting.output)
    }

    /// When to hand in [`Input::Tick`].
    pub fn deadline(&self) -> Instant {
        self.timers.iter().map(|(at, _)| *at).fold(self.sync.next(), Instant::min)
    }

    /// The height being decided, or the last one decided.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The round of the height being decided; 0 at rest.
    pub fn round(&self) -> u32 {
        match &self.stage {
            Stage::Voting(driver) => context::number(driver.round()),
            Stage::Resting | Stage::Watching => 0,
        }
    }

    /// Whether a height is started whose [`Output::Decided`] was not handed out yet.
    pub fn is_deciding(&self) -> bool {
        !self.is_resting() || self.has_undrained_decision()
    }

    /// The members of the height being decided, or of the last one.
    pub fn members(&self) -> &Members {
        &self.members
    }

    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    fn is_resting(&self) -> bool {
        matches!(self.stage, Stage::Resting)
    }

    fn has_undrained_decision(&self) -> bool {
        self.out.iter().any(|waiting| matches!(waiting.output, Output::Decided(_)))
    }

    fn domain(&self) -> Domain<'_> {
        Domain { group: &self.group, members: &self.members }
    }

    /// The last height that is decided.
    fn decided(&self) -> u64 {
        if self.is_resting() { self.height } else { self.height.saturating_sub(1) }
    }

    /// Queue an output that needs nothing to be durable first.
    fn push(&mut self, output: Output) {
        self.push_after(0, output);
    }

    fn push_after(&mut self, after: u64, output: Output) {
        let droppable = matches!(output, Output::Broadcast { .. } | Output::Send { .. });
        if droppable && self.out.len() >= WAITING_MAX {
            self.refused.waiting += 1;
        } else {
            self.out.push_back(Waiting { after, output });
        }
    }
}

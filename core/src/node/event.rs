//! What happened, in the past tense, for people, logs and tests.

use super::{
    Address, Class, CloseReason, CommandError, RepairGoal, RepairState, RequestId, SwitchReason,
    Transport,
};
use crate::{
    craps::{Chips, Dice},
    game::Offence,
    health::{AlertKind, Metric, Severity, Subject},
    id::{LinkId, PeerId, TableId},
};
use serde::{Deserialize, Serialize};

/// JSON form: `{"event": "link_opened", "peer_id": "…", …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The answer to a command: the table it made or touched, if any.
    CommandDone { request: RequestId, result: Result<Option<TableId>, CommandError> },
    /// A neighbour proved who it is.
    LinkOpened { link: LinkId, peer_id: PeerId, transport: Transport },
    /// `peer_id` is missing when the link never proved an identity.
    LinkClosed { link: LinkId, peer_id: Option<PeerId>, reason: CloseReason },
    /// Messages of this class take another link to that peer from now on. The interruption is
    /// how long none was delivered because of it; missing when none waited.
    LinkSwitched {
        peer_id: PeerId,
        class: Class,
        from: Option<Transport>,
        to: Transport,
        reason: SwitchReason,
        interruption_ms: Option<u64>,
    },
    /// Somebody new was noticed in reach.
    PeerSighted { address: Address, transport: Transport },
    /// It came clearly nearer or went farther; the distance in decimetres.
    PeerRangeChanged { address: Address, distance_dm: u32 },
    /// It has not been noticed for half a minute.
    PeerGone { address: Address },
    /// A dial failed; the next try is in `retry_ms`.
    DialFailed { address: Address, why: String, retry_ms: u64 },
    /// The map changed: nodes, links or names.
    MapChanged,
    /// The mesh as seen from here fell into these parts, largest first.
    PartitionFormed { parts: Vec<Vec<PeerId>> },
    /// One mesh again.
    PartitionHealed,
    /// A link that the mesh lacks is being dialled; its number is in the view.
    RepairTried { repair: u64, peer_id: PeerId, goal: RepairGoal },
    /// It helped, did not help, could not be linked, or failed too often.
    RepairEnded { repair: u64, peer_id: PeerId, goal: RepairGoal, state: RepairState },
    /// A table was formed, or this node took a seat.
    TableOpened { table: TableId },
    /// The table's log grew, its phase moved or its members' reach changed.
    TableChanged { table: TableId, height: u64 },
    /// The dice of a roll, as the log has them.
    Rolled { table: TableId, roll: u64, dice: Dice },
    /// What a roll paid this node's seat: stake and winnings together.
    Paid { table: TableId, roll: u64, chips: Chips },
    /// Fewer than a quorum can be reached; the table waits.
    TableFrozen { table: TableId, reachable: usize, needed: usize },
    /// A quorum is back.
    TableThawed { table: TableId },
    /// Betting rests here: with this likelihood the members lose each other soon.
    BettingPaused { table: TableId, percent: u8 },
    /// The mesh is safer; betting goes on.
    BettingResumed { table: TableId },
    /// A figure of the mesh passed its threshold; both in thousandths of the figure's unit.
    AlertRaised { kind: AlertKind, severity: Severity, value_milli: u64, threshold_milli: u64 },
    /// It is well again.
    AlertCleared { kind: AlertKind },
    /// A figure is not what it used to be; both in thousandths of its unit. The view says more.
    AnomalyFound {
        subject: Subject,
        metric: Metric,
        severity: Severity,
        value_milli: u64,
        expected_milli: u64,
    },
    /// A member signed two conflicting messages.
    Equivocation { table: TableId, culprit: PeerId },
    /// The log holds the proof, and the member loses its seat.
    MemberExpelled { table: TableId, peer_id: PeerId, offence: Offence },
    /// A quorum has not heard this member for long: it gives the dice up and, at a table of more
    /// than four, its seat.
    MemberAway { table: TableId, peer_id: PeerId },
    /// Somebody said something at a table.
    Said { table: TableId, peer_id: PeerId, text: String },
}

//! An immutable picture of a node for dashboards and tests: the JSON of `GET /api/v1/view`.
//!
//! Fields are only ever added (`docs/API.md`). What was not measured is `None`, never 0.

use super::{
    BreakerState, Class, CloseReason, ComponentView, HealthView, LinkState, NodeKind, Offence,
    Parting, PathClass, RadioReport, RepairState, Risk, SeatRole, SwitchReason, Transport,
};
use crate::{
    craps::{Chips, Dice, Number, Rules},
    id::{LinkId, PeerId, TableId},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    pub peer_id: PeerId,
    pub name: String,
    pub kind: NodeKind,
    pub role: SeatRole,
    pub uptime_ms: u64,
    pub links: Vec<LinkView>,
    #[serde(default)]
    pub neighbours: Vec<NeighbourView>,
    /// Who was noticed in reach, nearest first.
    #[serde(default)]
    pub nearby: Vec<NearbyView>,
    /// Missing where no shell has said anything of Bluetooth.
    #[serde(default)]
    pub radio: Option<RadioReport>,
    pub map: MapView,
    /// Connected parts of the map, largest first; one part means a whole mesh.
    pub partitions: Vec<Vec<PeerId>>,
    /// Tables this node has a seat at.
    pub tables: Vec<TableView>,
    /// Tables that others announce.
    pub lobby: Vec<LobbyView>,
    #[serde(default)]
    pub health: HealthView,
    /// The parts of the node that hold this view, reported by its shell.
    #[serde(default)]
    pub components: Vec<ComponentView>,
    pub counters: Counters,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    pub link: LinkId,
    /// Missing until the handshake is done.
    pub peer_id: Option<PeerId>,
    pub transport: Transport,
    pub state: LinkState,
    /// Smoothed round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Since the driver reported the connection.
    #[serde(default)]
    pub age_ms: Option<u64>,
    #[serde(default)]
    pub path: Option<PathClass>,
    #[serde(default)]
    pub measured: MeasuredView,
    #[serde(default)]
    pub breaker: BreakerState,
    /// The classes of messages that take this link now.
    #[serde(default)]
    pub serves: Vec<Class>,
}

/// What was measured on a link.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasuredView {
    pub jitter_ms: Option<f64>,
    /// Share of messages that were not acknowledged in time, 0 to 1.
    pub loss: Option<f64>,
    /// Share of messages that got through, 0 to 1, as the documents reckon it.
    pub reliability: Option<f64>,
    /// Acknowledged payload, in bytes per second.
    pub delivered_bytes_per_s: Option<f64>,
    pub rssi_dbm: Option<i8>,
    /// The last minutes, oldest first.
    pub history: Vec<MeasuredSample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredSample {
    pub age_ms: u64,
    pub rtt_ms: Option<f64>,
    pub loss: Option<f64>,
    pub rssi_dbm: Option<i8>,
}

/// A proven peer with at least one open link, or with messages that wait for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeighbourView {
    pub peer_id: PeerId,
    /// Messages sent and not acknowledged yet.
    pub unacknowledged: usize,
    /// The last changes of link, newest first.
    pub switches: Vec<SwitchView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchView {
    pub age_ms: u64,
    pub class: Class,
    pub from: Option<Transport>,
    pub to: Transport,
    pub reason: SwitchReason,
    /// How long nothing was delivered because of it; missing when nothing waited.
    pub interruption_ms: Option<f64>,
}

/// Somebody who was noticed in reach and may be dialled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NearbyView {
    pub address: String,
    pub transport: Transport,
    /// Missing when the advertisement names it in part only and the map has nobody like it.
    pub peer_id: Option<PeerId>,
    pub rssi_dbm: Option<i8>,
    /// Reckoned from how strongly it is heard.
    pub distance_m: Option<f64>,
    pub age_ms: u64,
}

impl LinkView {
    /// A link of which nothing is known yet.
    pub fn new(link: LinkId, transport: Transport, state: LinkState) -> LinkView {
        LinkView {
            link,
            peer_id: None,
            transport,
            state,
            rtt_ms: None,
            age_ms: None,
            path: None,
            measured: MeasuredView::default(),
            breaker: BreakerState::default(),
            serves: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapView {
    pub nodes: Vec<PeerView>,
    pub edges: Vec<EdgeView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerView {
    pub peer_id: PeerId,
    pub kind: NodeKind,
    pub name: String,
    pub role: SeatRole,
    /// Whether a path to it exists now.
    pub reachable: bool,
    /// Since its newest announcement arrived.
    pub age_ms: u64,
}

/// A link that both ends announce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeView {
    pub a: PeerId,
    pub b: PeerId,
    pub transport: Transport,
    /// Half the round trip; missing until measured.
    pub latency_ms: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableView {
    pub table_id: TableId,
    pub name: String,
    pub state: TableState,
    pub phase: TablePhase,
    pub members: Vec<PeerId>,
    /// The members in seat order, with what is known of each.
    pub seats: Vec<SeatView>,
    /// Batches decided.
    pub height: u64,
    /// BLAKE3 chain over the decided batches, hex: equal on every member at the same height.
    pub log_hash: String,
    pub shooter: Option<PeerId>,
    pub point: Option<Number>,
    /// Limits and payouts, agreed when the table was created.
    #[serde(default)]
    pub rules: Rules,
    /// What fire and repeater bets count.
    #[serde(default)]
    pub hand: HandView,
    /// The roll being bet on or opened.
    pub roll: u64,
    /// What the house holds.
    pub bank: Chips,
    /// Everything ever granted: bank, stacks, felt and cashed-out chips add up to it.
    pub minted: Chips,
    /// Chips of identities that have left.
    pub cashed_out: Chips,
    /// Members in reach, this node included.
    pub reachable: usize,
    /// Members a decision needs.
    pub quorum: usize,
    /// Valid bets of this node that wait for agreement.
    pub pending: usize,
    /// Set while betting rests because the members may lose each other.
    #[serde(default)]
    pub paused: Option<PauseView>,
    /// The last rolls, newest first.
    pub history: Vec<HistoryView>,
    /// What an identity is granted that sits down for the first time, or broke.
    #[serde(default)]
    pub buy_in: Chips,
    /// How long the table has been in this phase of this roll, as this node saw it.
    #[serde(default)]
    pub phase_ms: u64,
    /// Who gave a seat up last and why, newest first: at most 16.
    #[serde(default)]
    pub departures: Vec<DepartureView>,
    /// Peers without a seat that look on by this node's help.
    #[serde(default)]
    pub watchers: usize,
    /// What was said lately, oldest first: at most 64 lines.
    #[serde(default)]
    pub chat: Vec<ChatView>,
}

/// A seat that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepartureView {
    pub peer_id: PeerId,
    pub name: String,
    pub parting: Parting,
    /// What it sat down with, and what it was cashed out.
    pub brought: Chips,
    pub chips: Chips,
    pub height: u64,
}

/// A line of chat. Its author signed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatView {
    /// Counts the lines heard since this node follows the table, so that none is taken for another.
    pub number: u64,
    pub peer_id: PeerId,
    /// As the seat or the map has it; the start of the id where neither knows one.
    pub name: String,
    pub text: String,
    pub age_ms: u64,
}

/// The rolls before, as far as bets count them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandView {
    /// Different points made since the last seven-out.
    pub points_made: Vec<Number>,
    /// How often 2, 3, … 12 fell since the last 7, as far as a repeater bet counts.
    pub totals: [u8; 11],
}

/// Why betting rests. It goes on by itself when the risk is low again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseView {
    /// That the members split within the horizon.
    pub risk: Risk,
    pub since_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableState {
    /// Taking in the log from the other members.
    Joining,
    Playing,
    /// Fewer than a quorum in reach.
    Frozen,
    /// Looking on without a seat.
    Watching,
    /// This node gave up its seat.
    Left,
    /// More than f members lied, and this node takes no further part.
    Halted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TablePhase {
    /// Waiting for enough dealt secrets.
    Dealing,
    Betting,
    /// Bets are final, shares are being opened.
    Opening,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeatView {
    pub peer_id: PeerId,
    pub name: String,
    pub role: SeatRole,
    pub stack: Chips,
    pub bets: Vec<BetView>,
    pub reachable: bool,
    /// Whether the seat has said that it has no more bets for this roll.
    pub ready: bool,
    /// Dealt secrets in stock for rolls to come.
    pub deals: usize,
    /// Whether its share of the roll being opened has arrived.
    pub opened: bool,
    /// What it sat down with.
    #[serde(default)]
    pub brought: Chips,
    /// How long nothing of it was heard; missing for this node's own seat.
    #[serde(default)]
    pub silent_ms: Option<u64>,
    /// Members that say it is absent; a quorum makes it `away`.
    #[serde(default)]
    pub absent_claims: usize,
    #[serde(default)]
    pub away: bool,
    /// Gives the seat up at the next change of members.
    #[serde(default)]
    pub leaving: bool,
    /// Set when it was proven to have lied: it goes at the next change of members.
    #[serde(default)]
    pub offence: Option<Offence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BetView {
    /// Where the chips lie: `pass`, `come 6`, `place 8`, `pass odds`, …
    pub spot: String,
    pub chips: Chips,
}

/// One roll and what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryView {
    pub roll: u64,
    pub height: u64,
    pub dice: Dice,
    pub shooter: Option<PeerId>,
    /// The point before the roll.
    pub point: Option<Number>,
    /// Whose secrets were summed.
    pub dealers: Vec<PeerId>,
    /// Whose shares opened the sum.
    pub openers: Vec<PeerId>,
    /// The opened group element, hex: the dice derive from it alone.
    pub opened: String,
    /// What each seat was paid, stakes included; seats that were paid nothing are left out.
    pub paid: BTreeMap<PeerId, Chips>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LobbyView {
    pub table_id: TableId,
    pub name: String,
    /// Who announces it.
    pub hosts: Vec<PeerId>,
    pub members: usize,
    pub members_max: usize,
}

/// Counts since the start, under the names that `/metrics` uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub frames_in: u64,
    pub frames_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub links_opened: u64,
    /// Links that ended, by reason.
    pub links_closed: BTreeMap<CloseReason, u64>,
    pub congested: u64,
    pub handshakes_failed: u64,
    /// Classes of messages that took another link, by reason.
    #[serde(default)]
    pub link_switches: BTreeMap<SwitchReason, u64>,
    /// Acknowledged messages between neighbours: overtaken and so lost, sent again by whatever
    /// link, moved off a link that failed, received twice and handed up once, given up because the
    /// peer was gone for too long.
    #[serde(default)]
    pub messages_lost: u64,
    #[serde(default)]
    pub messages_resent: u64,
    #[serde(default)]
    pub messages_moved: u64,
    #[serde(default)]
    pub messages_again: u64,
    #[serde(default)]
    pub messages_given_up: u64,
    pub announcements_accepted: u64,
    pub announcements_refused: u64,
    pub floods_forwarded: u64,
    pub floods_duplicate: u64,
    pub packets_sent: u64,
    pub packets_forwarded: u64,
    pub packets_delivered: u64,
    pub packets_duplicate: u64,
    pub packets_refused: u64,
    pub packets_retried: u64,
    pub packets_unreachable: u64,
    pub decisions: u64,
    pub rounds_failed: u64,
    pub agree_refused: u64,
    pub equivocations: u64,
    pub rolls: u64,
    pub ops_refused: u64,
    #[serde(default)]
    pub lines_refused: u64,
    pub partitions_formed: u64,
    /// Looks at the figures of the mesh.
    #[serde(default)]
    pub snapshots: u64,
    #[serde(default)]
    pub alerts_raised: u64,
    #[serde(default)]
    pub alerts_cleared: u64,
    #[serde(default)]
    pub anomalies: u64,
    /// How often repairs came to be in a state.
    #[serde(default)]
    pub repairs: BTreeMap<RepairState, u64>,
    /// Advertisements and records that were not believed.
    #[serde(default)]
    pub sightings_refused: u64,
    /// What shells said to each other through the mesh to open direct links.
    #[serde(default)]
    pub signals_sent: u64,
    #[serde(default)]
    pub signals_delivered: u64,
    #[serde(default)]
    pub signals_refused: u64,
    /// Stored tables that did not fit and were left aside at the start.
    pub tables_lost: u64,
}

//! What a driver hands in, and what it is asked to do.

use super::{Command, Event, RequestId};
use crate::{
    discover::{RadioPlan, RadioReport, Sighting},
    id::{LinkId, PeerId},
    store::Write,
    time::Instant,
    transport::{CloseReason, LinkRole, PathClass, Transport},
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Where a driver can dial: a URL such as `tcp://host:9000` or `ws://host:8080/mesh`. The core
/// never looks inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened. Hand it to `Node::handle` with the time.
#[derive(Clone, Debug)]
pub enum Input {
    /// A connection stands. `mtu` is the largest frame it carries, in bytes. `address` is set when
    /// it answers an [`Output::Dial`].
    LinkUp {
        link: LinkId,
        transport: Transport,
        path: PathClass,
        role: LinkRole,
        mtu: usize,
        address: Option<Address>,
    },
    /// One whole frame arrived.
    LinkBytes { link: LinkId, bytes: Vec<u8> },
    /// The connection is gone. Nothing more is sent on it.
    LinkDown { link: LinkId, reason: CloseReason },
    /// A frame given to [`Output::Send`] was dropped because the link's queue was full.
    Congested { link: LinkId },
    /// An [`Output::Dial`] did not lead to a connection.
    DialFailed { address: Address, why: String },
    /// How strongly a link's other end is heard, in dBm.
    LinkSignal { link: LinkId, rssi_dbm: i8 },
    /// Somebody who can be dialled was noticed: a Bluetooth advertisement, a record on the LAN.
    Sighted(Sighting),
    /// What the Bluetooth adapter is and which wishes it could not meet. Said at the start and
    /// whenever it changes.
    Radio(RadioReport),
    /// The share of packets lost on each of the 37 data channels of Bluetooth LE, in percent,
    /// lowest first; `None` where it was not measured. Few platforms let a program measure it.
    Interference { lost_percent: Vec<Option<u8>> },
    /// What feeds this device.
    Power { battery_percent: Option<u8>, charging: bool },
    /// The shell wants to tell a peer how to reach it directly (a description or a candidate of
    /// WebRTC); the mesh carries it, sealed to that peer, and repeats it until it is acknowledged.
    ///
    /// 1 to [`super::SIGNAL_BYTES_MAX`] bytes, opaque to the core. It goes only to tabs that
    /// announce that they can meet; 48 bodies to one peer at once and two a second after that.
    /// What is too much, too long or out of reach is dropped and counted, and the shell is not
    /// told: its own time-out ends the dial. Several bodies may arrive in any order, none twice.
    Signal { to: PeerId, body: Vec<u8> },
    /// Everything up to and including this ticket survives a crash from now on.
    Stored { ticket: u64 },
    /// A person or a program asks for something. Answered by [`Event::CommandDone`].
    Command { request: RequestId, command: Command },
    /// Time passed; the deadline of the last [`Output::Wait`] is due.
    Wake,
    /// Stop: say goodbye on every link, then wait for nothing.
    Stop,
}

/// What to do next. Drain until [`Output::Wait`].
#[derive(Clone, Debug)]
pub enum Output {
    /// Send one frame. When the link's queue is full: drop it and say [`Input::Congested`].
    Send { link: LinkId, bytes: Vec<u8> },
    /// Close the connection after what was sent before. No [`Input::LinkDown`] is expected.
    Hangup { link: LinkId, reason: CloseReason },
    /// Open a connection. Answer with [`Input::LinkUp`] or [`Input::DialFailed`].
    ///
    /// `webrtc://<peer id in hex>` is said only to drivers whose [`super::Config::dials`] name
    /// `webrtc`, and only by the smaller of the two ids: offer to that peer by [`Input::Signal`]
    /// and report the open data channel as the dialer; whoever gets the offer answers and reports
    /// it as the listener, without an address.
    Dial { address: Address },
    /// How to advertise, scan and tune Bluetooth from now on. Said only to shells whose
    /// [`Input::Radio`] named an adapter.
    Radio(RadioPlan),
    /// A peer's shell said this by [`Input::Signal`]. `from` is proved; what it says is not.
    Signal { from: PeerId, body: Vec<u8> },
    /// Store these changes, in order and all or nothing, then say [`Input::Stored`].
    Persist { ticket: u64, writes: Vec<Write> },
    /// Something worth telling.
    Event(Event),
    /// Nothing more to do. Hand in [`Input::Wake`] at this time if nothing else comes first.
    Wait(Option<Wakeup>),
}

/// When to wake, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wakeup {
    pub at: Instant,
    pub why: WakeReason,
}

/// The room that asked for the earliest deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WakeReason {
    /// A handshake, a ping, an idle limit, a stale piece.
    Link,
    /// A dial whose back-off is over.
    Redial,
    /// Announce again, compare digests, forget the silent.
    Map,
    /// An acknowledgement that did not come.
    Route,
    /// A round of agreement, a bot, a betting window, an invitation.
    Table,
    /// A look at the figures of the mesh.
    Health,
    /// A repair whose turn it is.
    Heal,
    /// Somebody near to be dialled, or not heard for too long.
    Discover,
    /// An election's next step.
    Elect,
}

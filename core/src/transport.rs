//! What carries a link, who opened it and why it ended: words that every layer shares.
//!
//! A transport is named here only once bytes move through it.

use serde::{Deserialize, Serialize};

/// What carries a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    #[serde(rename = "websocket")]
    WebSocket,
    Quic,
    Udp,
    /// Bluetooth LE, in a browser too.
    Ble,
    #[serde(rename = "webrtc")]
    WebRtc,
}

/// The GATT service that every peer on Bluetooth offers.
pub const BLE_SERVICE_UUID: u128 = 0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0000;

/// Its characteristic that a central writes frames to, without response.
pub const BLE_WRITE_UUID: u128 = 0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0001;

/// Its characteristic that notifies a central of frames. The first value after a subscription is
/// the largest frame of this connection in bytes, two of them, little-endian.
pub const BLE_NOTIFY_UUID: u128 = 0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0002;

/// Bytes of the largest value that GATT carries, however large the MTU (Bluetooth Core
/// Specification 5.4, volume 3, part F, section 3.2.9).
pub const BLE_VALUE_BYTES_MAX: usize = 512;

/// What lies between the two ends of a link, told by the shell from addresses and interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathClass {
    /// The same machine or one network, Wi-Fi Direct included.
    Lan,
    Internet,
    Bluetooth,
}

/// What a message is for, which decides how its way is chosen and what the link owes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Agreement and shares of the dice: as fast as can be.
    Dice,
    /// What somebody's chips depend on.
    Bets,
    /// Words between people.
    Chat,
    /// Logs and other bulk.
    Sync,
    /// The mesh about itself: announcements, digests, acknowledgements.
    Mesh,
}

/// Who opened the connection, which decides who speaks first in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkRole {
    Dialer,
    Listener,
}

/// Why a link ended. Shown to people and counted under these names in `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The transport ended: end of file, reset, tab closed.
    TransportClosed,
    /// The driver could not write fast enough for too long.
    TooSlow,
    /// Nothing was heard for the link's idle limit.
    Silent,
    /// The handshake did not finish in time.
    HandshakeTimeout,
    /// Bytes that are no frame, piece, handshake or packet of this protocol.
    Garbage,
    /// The other side speaks another version of the protocol.
    WrongVersion,
    /// A signature or an authentication tag did not verify.
    BadSignature,
    /// The identity lacks its proof of work.
    NoWork,
    /// Reached ourselves, or a peer that we already have a better link to.
    Duplicate,
    /// A limit on links, pieces or bytes was reached.
    Limit,
    /// The other side said goodbye.
    PeerLeft,
    /// This node is stopping.
    Stopping,
}

/// Why messages of one class took another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwitchReason {
    /// The first link to that peer.
    First,
    /// Clearly better for long enough.
    Better,
    /// The old one fades: it was left before it died.
    Fading,
    /// The old one ended.
    Ended,
    /// Nothing came back on the old one in time.
    Silent,
    /// The old one lost too much.
    Lossy,
}

/// Whether a link is trusted with messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    #[default]
    Closed,
    /// It failed too often; nothing is sent for a while.
    Open,
    /// A few messages may try it.
    HalfOpen,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    Handshaking,
    Open,
}

impl Transport {
    pub const ALL: [Transport; 6] = [
        Transport::Tcp,
        Transport::WebSocket,
        Transport::Quic,
        Transport::Udp,
        Transport::Ble,
        Transport::WebRtc,
    ];

    /// The name used in JSON and as a label in `/metrics`.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::WebSocket => "websocket",
            Transport::Quic => "quic",
            Transport::Udp => "udp",
            Transport::Ble => "ble",
            Transport::WebRtc => "webrtc",
        }
    }
}

impl Transport {
    /// The kind of link that an address leads to, by what is in front of its `://`.
    pub fn of_scheme(scheme: &str) -> Option<Transport> {
        match scheme {
            "tcp" => Some(Transport::Tcp),
            "ws" | "wss" => Some(Transport::WebSocket),
            "quic" => Some(Transport::Quic),
            "udp" => Some(Transport::Udp),
            "ble" => Some(Transport::Ble),
            "webrtc" => Some(Transport::WebRtc),
            _ => None,
        }
    }
}

impl Class {
    pub const ALL: [Class; 5] = [Class::Dice, Class::Bets, Class::Chat, Class::Sync, Class::Mesh];

    /// The name used in JSON and as a label in `/metrics`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Dice => "dice",
            Class::Bets => "bets",
            Class::Chat => "chat",
            Class::Sync => "sync",
            Class::Mesh => "mesh",
        }
    }
}

impl CloseReason {
    /// The name used in JSON and as a label in `/metrics`.
    pub const fn name(&self) -> &'static str {
        match self {
            CloseReason::TransportClosed => "transport_closed",
            CloseReason::TooSlow => "too_slow",
            CloseReason::Silent => "silent",
            CloseReason::HandshakeTimeout => "handshake_timeout",
            CloseReason::Garbage => "garbage",
            CloseReason::WrongVersion => "wrong_version",
            CloseReason::BadSignature => "bad_signature",
            CloseReason::NoWork => "no_work",
            CloseReason::Duplicate => "duplicate",
            CloseReason::Limit => "limit",
            CloseReason::PeerLeft => "peer_left",
            CloseReason::Stopping => "stopping",
        }
    }
}

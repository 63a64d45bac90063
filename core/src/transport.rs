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

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    Handshaking,
    Open,
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

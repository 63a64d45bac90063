//! The composition root: one `Node` per peer, driven by a shell.
//!
//! The contract of the loop, the same for tokio, a browser tab and the simulator: drain
//! [`Output`]s until [`Output::Wait`], wait for one thing, hand it in with `now`.

mod command;
mod config;
mod event;
mod io;
mod view;

pub use crate::id::NodeKind;
pub use crate::transport::{CloseReason, LinkRole, Transport};
pub use command::{Command, CommandError, RequestId};
pub use config::{Config, SeatRole};
pub use event::Event;
pub use io::{Address, Input, Output, WakeReason, Wakeup, Write};
pub use view::{
    BetView, Counters, EdgeView, HistoryView, LinkState, LinkView, LobbyView, MapView, NodeView,
    PeerView, SeatView, TablePhase, TableState, TableView,
};

use crate::{crypto::identity::Identity, id::PeerId, seed::Seed, time::Instant};

/// One peer.
pub struct Node {
    identity: Identity,
    config: Config,
    started: Instant,
}

impl Node {
    /// A node as it was stored, or a new one when `stored` is empty. `stored` is every key and
    /// value that was asked to be persisted, in key order. `wall_ms` is Unix time, used only to
    /// number announcements so that a restart is newer than what came before.
    pub fn new(
        config: Config,
        identity: Identity,
        seed: &Seed,
        stored: Vec<(Vec<u8>, Vec<u8>)>,
        now: Instant,
        wall_ms: u64,
    ) -> Node {
        let _ = (seed, stored, wall_ms);
        Node { identity, config, started: now }
    }

    pub fn peer_id(&self) -> PeerId {
        self.identity.id()
    }

    /// Takes one input. Then drain [`Node::poll_output`] to [`Output::Wait`].
    pub fn handle(&mut self, input: Input, now: Instant) {
        let _ = (input, now);
    }

    /// The next thing to do; [`Output::Wait`] when there is nothing left.
    pub fn poll_output(&mut self) -> Output {
        Output::Wait(None)
    }

    /// A picture of everything this node knows.
    pub fn view(&self, now: Instant) -> NodeView {
        NodeView {
            peer_id: self.identity.id(),
            name: self.config.name.clone(),
            kind: self.config.kind,
            role: self.config.role,
            uptime_ms: now.since(self.started).as_millis() as u64,
            links: Vec::new(),
            map: MapView::default(),
            partitions: Vec::new(),
            tables: Vec::new(),
            lobby: Vec::new(),
            counters: Counters::default(),
        }
    }
}

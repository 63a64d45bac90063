//! How the rest of the shell talks to the driver: by mail, and through a handle that writes it.

use super::waiting::CommandAnswer;
use crate::{
    admission::SeatKey,
    counters::ShellCounters,
    store::{Progress, StoreProbe},
    transport::LinkQueue,
};
use bitcraps_core::{
    id::{LinkId, PeerId, TableId},
    node::{
        Address, CloseReason, Command, Event, Input, LinkRole, NodeView, PathClass, SampleView,
        Transport, transcript::Part,
    },
};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// What reaches the driver.
#[derive(Debug)]
pub enum Mail {
    LinkUp {
        link: LinkId,
        transport: Transport,
        path: PathClass,
        mtu: usize,
        role: LinkRole,
        address: Option<Address>,
        queue: LinkQueue,
        key: Option<SeatKey>,
    },
    Frame {
        link: LinkId,
        bytes: Vec<u8>,
    },
    LinkDown {
        link: LinkId,
        reason: CloseReason,
    },
    DialFailed {
        address: Address,
        why: String,
    },
    /// What a part of the shell noticed: a sighting, a signal's strength, the state of a radio.
    Noticed(Input),
    Command {
        command: Command,
        answer: oneshot::Sender<CommandAnswer>,
    },
    View {
        answer: oneshot::Sender<Arc<NodeView>>,
    },
    /// Answered at once: the decided batches of a table, if this node has them.
    TableLog {
        table: TableId,
        answer: oneshot::Sender<Option<Vec<u8>>>,
    },
    /// Answered at once: lines of a table's transcript, if this node has it.
    Transcript {
        table: TableId,
        from: u64,
        answer: oneshot::Sender<Option<Part>>,
    },
    /// Answered at once: the health of the mesh over time.
    History {
        answer: oneshot::Sender<Vec<SampleView>>,
    },
    /// Answered at once: the loop turns.
    Ping {
        answer: oneshot::Sender<()>,
    },
    Stop,
}

/// The driver did not answer: it has stopped, or too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is stopping or too busy; try again in a moment")]
pub struct Unanswered;

/// A running node as the rest of the shell sees it. Clones talk to the same node.
#[derive(Clone)]
pub struct NodeHandle {
    pub(super) peer_id: PeerId,
    pub(super) inbox: mpsc::Sender<Mail>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) store: StoreProbe,
    pub counters: Arc<ShellCounters>,
}

impl NodeHandle {
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// A picture that is newer than this call.
    pub async fn view(&self) -> Result<Arc<NodeView>, Unanswered> {
        self.ask(|answer| Mail::View { answer }).await
    }

    /// The decided batches of a table this node sits at, as bytes that every member has equal.
    pub async fn table_log(&self, table: TableId) -> Result<Option<Vec<u8>>, Unanswered> {
        self.ask(|answer| Mail::TableLog { table, answer }).await
    }

    /// Lines of a table's transcript from `from` on; the node copies a part at a time, so that a
    /// long log does not hold it up.
    pub async fn transcript(&self, table: TableId, from: u64) -> Result<Option<Part>, Unanswered> {
        self.ask(|answer| Mail::Transcript { table, from, answer }).await
    }

    /// The health of the mesh over time, oldest first.
    pub async fn history(&self) -> Result<Vec<SampleView>, Unanswered> {
        self.ask(|answer| Mail::History { answer }).await
    }

    /// Resolves when the loop has turned.
    pub async fn ping(&self) -> Result<(), Unanswered> {
        self.ask(|answer| Mail::Ping { answer }).await
    }

    /// Waits for the answer however long it takes; drop the future to stop waiting.
    pub async fn command(&self, command: Command) -> Result<CommandAnswer, Unanswered> {
        self.ask(|answer| Mail::Command { command, answer }).await
    }

    async fn ask<T>(&self, mail: impl FnOnce(oneshot::Sender<T>) -> Mail) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(mail(answer)).await.map_err(|_| Unanswered)?;
        answered.await.map_err(|_| Unanswered)
    }

    /// Everything the node says from now on. Who falls behind by [`super::EVENTS_KEPT`]
    /// loses the oldest and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Messages that wait for the driver, of [`super::INBOX_MAX`].
    pub fn inbox_depth(&self) -> usize {
        self.inbox.max_capacity() - self.inbox.capacity()
    }

    /// Resolves when the store has written everything it was handed; the error says why it will
    /// not.
    pub async fn check_store(&self) -> Result<(), String> {
        self.store.check().await
    }

    pub fn store_progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Asks the node to say goodbye and end. Does not wait for it.
    pub async fn stop(&self) {
        // A node that has already stopped cannot be asked again.
        let _ = self.inbox.send(Mail::Stop).await;
    }
}

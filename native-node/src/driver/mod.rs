//! The driver: one task owns the `Node`, feeds it and does what it asks.
//!
//! The loop is the core's contract: hand in one input, drain the outputs until it says *wait*,
//! wait for one thing. Rules:
//!
//! - The driver never waits for a peer. A frame for a full queue is dropped and the core is told,
//!   after the drain, once per link.
//! - It does wait for the store when too many tickets are on their way, because nothing may leave
//!   that the disk has not seen; the store reports over a channel that never blocks, so the two
//!   cannot wait for each other.
//! - Views are drawn at most every `waiting::VIEW_INTERVAL`, one for all who asked meanwhile and
//!   always newer than the question, so that many dashboards cost as much as one.
//! - When the store fails the node stops: it must not sign what it could forget.

mod handle;
mod timer;
mod waiting;

pub use handle::{Mail, NodeHandle, Unanswered};
pub use timer::Timer;
pub use waiting::{COMMANDS_WAITING_MAX, CommandAnswer, VIEW_INTERVAL, VIEW_READERS_MAX};
use waiting::{Commands, ViewReaders};

use crate::{
    admission::SeatKey,
    clock::Clock,
    counters::ShellCounters,
    store::{Job, Progress, StoreError, StoreWriter},
    transport::{LinkQueue, Ports, Pushed, Trust},
};
use bitcraps_core::{
    id::LinkId,
    node::{Event, Input, Node, Output, WakeReason, Wakeup},
    time::Instant,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tracing::Instrument as _;

/// Messages that wait for the driver; with frames of 16 KiB, 4 MiB.
pub const INBOX_MAX: usize = 256;

/// Messages handled before the loop looks at its timer and the store again.
const BATCH_MAX: usize = 32;

/// Events kept for a slow subscriber before it loses the oldest.
pub const EVENTS_KEPT: usize = 512;

/// How long links may take to be flushed when the node stops.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a node ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A node that runs in its own task.
pub struct Running {
    pub handle: NodeHandle,
    pub ports: Ports,
    /// Ends after [`NodeHandle::stop`] or with the error that ended the node.
    pub task: JoinHandle<Result<(), DriverError>>,
}

/// Starts the loop. `build` makes the node with the clock the loop runs on.
pub fn spawn(
    build: impl FnOnce(Instant) -> Node,
    store: StoreWriter,
    connections_max: usize,
    trust: Trust,
) -> Running {
    let clock = Clock::start();
    let node = build(clock.now());
    let (sender, inbox) = mpsc::channel(INBOX_MAX);
    let (events, _) = broadcast::channel(EVENTS_KEPT);
    let (alive, links_alive) = mpsc::channel(1);
    let counters = Arc::new(ShellCounters::default());
    let tasks = alive.downgrade();
    let ports = Ports::new(sender.clone(), connections_max, trust, counters.clone(), tasks);
    let handle = NodeHandle {
        peer_id: node.peer_id(),
        inbox: sender,
        events: events.clone(),
        progress: store.progress.clone(),
        store: store.probe(),
        counters,
    };
    let driver = Driver {
        node,
        clock,
        inbox,
        events,
        ports: ports.clone(),
        progress: store.progress.clone(),
        store,
        links: BTreeMap::new(),
        alive,
        links_alive,
        dials: JoinSet::new(),
        congested: BTreeSet::new(),
        commands: Commands::default(),
        readers: ViewReaders::default(),
        wake: None,
        stored: 0,
    };
    // Bots log from the same process: each line names its node.
    let span = tracing::error_span!("node", id = handle.peer_id.short());
    Running { handle, ports, task: tokio::spawn(driver.run().instrument(span)) }
}

struct Driver {
    node: Node,
    clock: Clock,
    inbox: mpsc::Receiver<Mail>,
    events: broadcast::Sender<Arc<Event>>,
    ports: Ports,
    progress: watch::Receiver<Progress>,
    store: StoreWriter,
    links: BTreeMap<LinkId, Link>,
    /// Kept so that the receiver ends only after the node has stopped.
    alive: mpsc::Sender<Infallible>,
    links_alive: mpsc::Receiver<Infallible>,
    dials: JoinSet<()>,
    /// Links that lost a frame in the last drain.
    congested: BTreeSet<LinkId>,
    commands: Commands,
    readers: ViewReaders,
    /// The deadline of the last drain.
    wake: Option<Wakeup>,
    /// The highest ticket the core was told of.
    stored: u64,
}

struct Link {
    queue: LinkQueue,
    key: Option<SeatKey>,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    Stop,
}

impl Driver {
    async fn run(mut self) -> Result<(), DriverError> {
        self.drain().await;
        let mut mail = Vec::with_capacity(BATCH_MAX);
        let mut timer = Timer::new();
        loop {
            self.report_stored().await?;
            self.report_congestion().await;
            self.wake_if_due().await;
            self.answer_views();
            let deadline = self.deadline();
            tokio::select! {
                _ = self.inbox.recv_many(&mut mail, BATCH_MAX) => {}
                changed = self.progress.changed() => if changed.is_err() {
                    return Err(StoreError::WriteFailed {
                        why: "the store thread ended".to_owned(),
                    }.into());
                },
                Some(_) = self.dials.join_next() => {}
                () = timer.until(deadline, &self.clock) => {}
            }
            for message in mail.drain(..) {
                if self.take(message).await == Turn::Stop {
                    return self.stop().await;
                }
            }
        }
    }

    /// When the loop has something to do by itself: now while there is feedback to hand in.
    fn deadline(&self) -> Option<Instant> {
        let now = self.clock.now();
        let view_at = self.readers.due_at(now);
        let feedback_at = (!self.congested.is_empty()).then_some(now);
        let wake_at = self.wake.map(|wakeup| wakeup.at);
        [wake_at, view_at, feedback_at].into_iter().flatten().min()
    }

    async fn take(&mut self, mail: Mail) -> Turn {
        match mail {
            Mail::LinkUp { link, transport, path, mtu, role, address, queue, key } => {
                self.links.insert(link, Link { queue, key });
                self.handle(Input::LinkUp { link, transport, path, role, mtu, address }).await;
            }
            // After a hang-up the core wants to hear no more of the link.
            Mail::Frame { link, bytes } => {
                if self.links.contains_key(&link) {
                    self.handle(Input::LinkBytes { link, bytes }).await;
                }
            }
            Mail::LinkDown { link, reason } => {
                if self.links.remove(&link).is_some() {
                    self.congested.remove(&link);
                    self.handle(Input::LinkDown { link, reason }).await;
                }
            }
            Mail::DialFailed { address, why } => {
                self.handle(Input::DialFailed { address, why }).await;
            }
            Mail::Noticed(input) => self.handle(input).await,
            Mail::Command { command, answer } => {
                if let Some(request) = self.commands.admit(answer) {
                    self.handle(Input::Command { request, command }).await;
                }
            }
            Mail::View { answer } => self.readers.admit(answer),
            Mail::TableLog { table, answer } => {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(self.node.table_log(table));
            }
            Mail::History { answer } => {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(self.node.health_history(self.clock.now()));
            }
            Mail::Ping { answer } => {
                // Whoever asked may have stopped waiting.
                let _ = answer.send(());
            }
            Mail::Stop => return Turn::Stop,
        }
        Turn::GoOn
    }

    async fn handle(&mut self, input: Input) {
        self.node.handle(input, self.clock.now());
        self.drain().await;
    }

    async fn drain(&mut self) {
        loop {
            match self.node.poll_output() {
                Output::Send { link, bytes } => self.send(link, bytes),
                Output::Hangup { link, reason } => {
                    tracing::info!("link {} ended here: {}", link.0, reason.name());
                    self.links.remove(&link);
                    self.congested.remove(&link);
                }
                // At most one per configured address: the core redials after an answer.
                Output::Dial { address } => {
                    self.dials.spawn(self.ports.clone().dial(address));
                }
                Output::Radio(plan) => {
                    if let Some(bluetooth) = self.ports.bluetooth.get() {
                        bluetooth.plan(plan);
                    }
                }
                // Only browsers offer what is signalled.
                Output::Signal { .. } => {}
                Output::Persist { ticket, writes } => {
                    self.store.store(Job { ticket, writes }).await;
                }
                Output::Event(event) => self.tell(event),
                Output::Wait(wakeup) => {
                    self.wake = wakeup;
                    return;
                }
            }
        }
    }

    fn send(&mut self, link: LinkId, bytes: Vec<u8>) {
        let Some(entry) = self.links.get(&link) else { return };
        match entry.queue.push(bytes) {
            Pushed::Queued | Pushed::Ended => {}
            Pushed::Full => {
                self.ports.counters.frames_dropped.one();
                self.congested.insert(link);
            }
        }
    }

    fn tell(&mut self, event: Event) {
        log(&event);
        match &event {
            Event::CommandDone { request, result } => {
                self.commands.answer(*request, result.clone());
            }
            Event::LinkOpened { link, .. } => {
                if let Some(key) = self.links.get(link).and_then(|link| link.key.as_ref()) {
                    key.settle();
                }
            }
            _ => {}
        }
        // Without subscribers there is nobody to tell.
        let _ = self.events.send(Arc::new(event));
    }

    async fn report_stored(&mut self) -> Result<(), DriverError> {
        let Progress { stored, failed, .. } = self.progress.borrow_and_update().clone();
        if let Some(why) = failed {
            return Err(StoreError::WriteFailed { why }.into());
        }
        if stored > self.stored {
            self.stored = stored;
            self.handle(Input::Stored { ticket: stored }).await;
        }
        Ok(())
    }

    async fn report_congestion(&mut self) {
        for link in std::mem::take(&mut self.congested) {
            if self.links.contains_key(&link) {
                self.handle(Input::Congested { link }).await;
            }
        }
    }

    async fn wake_if_due(&mut self) {
        let Some(due) = self.wake.filter(|wakeup| wakeup.at <= self.clock.now()) else { return };
        let started = std::time::Instant::now();
        self.handle(Input::Wake).await;
        if due.why == WakeReason::Health {
            self.ports.counters.analysis.observe(started.elapsed().as_secs_f64());
        }
    }

    fn answer_views(&mut self) {
        let now = self.clock.now();
        if self.readers.due_at(now).is_some_and(|due| due <= now) {
            self.readers.answer(Arc::new(self.node.view(now)), now);
        }
    }

    /// Says goodbye, flushes the links, then the store.
    async fn stop(mut self) -> Result<(), DriverError> {
        self.handle(Input::Stop).await;
        self.dials.abort_all();
        let Driver { links, alive, inbox, mut links_alive, store, .. } = self;
        // Closing the inbox frees every link task that waits to hand in a frame.
        drop((inbox, links, alive));
        let _ = tokio::time::timeout(FLUSH_TIMEOUT, links_alive.recv()).await;
        let closed = tokio::task::spawn_blocking(|| store.close()).await;
        match closed {
            Ok(result) => Ok(result?),
            Err(e) => Err(StoreError::WriteFailed { why: e.to_string() }.into()),
        }
    }
}

/// The events an operator wants to read, as sentences; all others for whoever debugs.
fn log(event: &Event) {
    match event {
        Event::LinkOpened { link, peer_id, transport } => {
            tracing::info!("link {} to {} over {transport:?}", link.0, peer_id.short());
        }
        Event::LinkClosed { link, reason, .. } => {
            tracing::info!("link {} closed: {}", link.0, reason.name());
        }
        Event::DialFailed { address, why, retry_ms } => {
            tracing::warn!("cannot reach {address}: {why}; next try in {retry_ms} ms");
        }
        Event::TableFrozen { table, reachable, needed } => {
            let table = table.short();
            tracing::warn!("table {table} is frozen: {reachable} reachable, {needed} needed");
        }
        Event::AlertRaised { kind, value_milli, threshold_milli, .. } => {
            let (value, limit) = (*value_milli as f64 / 1e3, *threshold_milli as f64 / 1e3);
            tracing::warn!("alert: {kind:?} is {value}, its threshold {limit}");
        }
        Event::AlertCleared { kind } => tracing::info!("alert over: {kind:?}"),
        Event::TableThawed { table } => tracing::info!("table {} goes on", table.short()),
        Event::BettingPaused { table, percent } => {
            let table = table.short();
            tracing::warn!("betting rests at table {table}: {percent} % risk of a split");
        }
        Event::BettingResumed { table } => {
            tracing::info!("table {} takes bets again", table.short());
        }
        Event::Equivocation { table, culprit } => {
            let (table, culprit) = (table.short(), culprit.short());
            tracing::warn!("member {culprit} of table {table} signed two conflicting messages");
        }
        Event::MemberExpelled { table, peer_id, offence } => {
            let (table, who, height) = (table.short(), peer_id.short(), offence.height);
            tracing::warn!("table {table} expelled {who}: it lied at height {height}");
        }
        Event::MemberAway { table, peer_id } => {
            tracing::info!("member {} of table {} is away", peer_id.short(), table.short());
        }
        event => tracing::debug!(?event),
    }
}

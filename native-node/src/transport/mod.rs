//! Connections: how a link's frames reach the driver and leave it, whatever carries them.
//!
//! Rules. Each link has a task and a bounded queue of its own, so a slow peer stops nobody: the
//! driver never waits for a link. Reading waits for the driver instead, which lets TCP's own
//! window push back on a peer that sends too fast. A link is announced to the driver before its
//! first byte, and its end is the last thing said about it.
//!
//! Each transport is a file with the same three functions: `dial` opens a connection and gives a
//! [`Dialled`], `listen` accepts until it is aborted, `carry` moves frames until the link ends.
//! [`Target`] reads its addresses, [`Ports::dial`] is the one place that lists them all.

pub mod ble;
mod crowd;
pub mod frame;
pub mod path;
pub mod quic;
pub mod shared;
mod stream;
mod target;
pub mod tcp;
mod trust;
pub mod udp;
pub mod websocket;

pub use target::{Target, Tls};
pub use trust::{Trust, TrustError};

use crate::{
    admission::{Admission, Admitted, Seat},
    counters::{Count, ShellCounters},
    driver::Mail,
};
use bitcraps_core::{
    id::LinkId,
    node::{Address, CloseReason, Input, LinkRole, PathClass, Transport},
};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// Largest frame of every stream transport, in bytes. Guess: a few frames carry the largest packet.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Frames that wait for one link.
pub const LINK_QUEUE_FRAMES_MAX: usize = 256;

/// Bytes that wait for one link: three of the largest packets.
pub const LINK_QUEUE_BYTES_MAX: usize = 256 * 1024;

/// A link whose write takes longer is closed as too slow.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A dial that takes longer has failed.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Addresses of one name that are tried.
const RESOLVED_MAX: usize = 4;

const NO_ANSWER: &str = "no answer in time";

/// Pause of a listener after a failed accept: out of file descriptors, it must not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every transport needs to hand connections to the driver.
#[derive(Clone)]
pub struct Ports {
    inbox: mpsc::Sender<Mail>,
    next_link: Arc<AtomicU64>,
    pub admission: Admission,
    pub interfaces: path::Interfaces,
    quic: quic::Dialer,
    pub trust: Trust,
    /// Set once the radio's task runs; bots share no radio.
    pub bluetooth: Arc<OnceLock<ble::Bluetooth>>,
    pub counters: Arc<ShellCounters>,
    /// A clone is held by each link's task; when all are dropped every link has been flushed and
    /// closed. Weak, because listeners and web pages keep ports for longer.
    alive: mpsc::WeakSender<Infallible>,
}

impl Ports {
    pub fn new(
        inbox: mpsc::Sender<Mail>,
        connections_max: usize,
        trust: Trust,
        counters: Arc<ShellCounters>,
        alive: mpsc::WeakSender<Infallible>,
    ) -> Ports {
        let admission = Admission::new(connections_max);
        let (next_link, interfaces, quic) = Default::default();
        let bluetooth = Arc::default();
        Ports { inbox, next_link, admission, interfaces, quic, trust, bluetooth, counters, alive }
    }

    /// Announces a connection to the driver. `None` when the driver has stopped.
    pub async fn open(&self, connection: Connection) -> Option<LinkEnds> {
        let alive = self.alive.upgrade()?;
        let link = LinkId(self.next_link.fetch_add(1, Ordering::Relaxed));
        let (frames, outgoing) = mpsc::channel(LINK_QUEUE_FRAMES_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let queue = LinkQueue { frames, waiting_bytes: waiting_bytes.clone() };
        let Connection { transport, path, mtu, role, address, seat } = connection;
        let key = seat.as_ref().map(Seat::key);
        let mail = Mail::LinkUp { link, transport, path, mtu, role, address, queue, key };
        self.inbox.send(mail).await.ok()?;
        let incoming = Incoming { link, inbox: self.inbox.clone() };
        let outgoing = Outgoing { frames: outgoing, waiting_bytes };
        let counters = self.counters.clone();
        let guard = LinkGuard { incoming: incoming.clone(), seat, counters, _alive: alive };
        Some(LinkEnds { incoming, outgoing, guard })
    }

    /// Seats an accepted connection; `None` when every seat is held by a settled one.
    pub fn admit(&self, accepted: &Count, refused: &Count) -> Option<Seat> {
        let seat = match self.admission.admit() {
            Admitted::Seated(seat) => seat,
            Admitted::SeatedByEviction(seat) => {
                self.counters.connections_evicted.one();
                seat
            }
            Admitted::Refused => {
                refused.one();
                return None;
            }
        };
        accepted.one();
        Some(seat)
    }

    /// Opens a connection and gives it a task of its own; the driver is told when that fails.
    pub async fn dial(self, address: Address) {
        let target = Target::parse(&address.0);
        let limit = match &target {
            Ok(Target::Ble { .. }) => ble::DIAL_MAX,
            _ => DIAL_TIMEOUT,
        };
        let attempt = async {
            match target? {
                Target::Tcp { authority } => tcp::dial(&self, &authority).await,
                Target::Quic { authority } => quic::dial(&self, &authority).await,
                Target::Udp { authority } => udp::dial(&self, &authority).await,
                Target::Ble { device } => ble::dial(&self, &device).await,
                Target::WebSocket { authority, url, tls } => {
                    websocket::dial(&self, &authority, &url, tls).await
                }
            }
        };
        let dialled = match tokio::time::timeout(limit, attempt).await {
            Ok(Ok(dialled)) => dialled,
            Ok(Err(why)) => return self.dial_failed(address, why).await,
            Err(_) => return self.dial_failed(address, NO_ANSWER.to_owned()).await,
        };
        self.counters.dials_connected.one();
        let (role, seat, address) = (LinkRole::Dialer, None, Some(address));
        let Dialled { transport, path, mtu, carry } = dialled;
        let connection = Connection { transport, path, mtu, role, address, seat };
        if let Some(ends) = self.open(connection).await {
            tokio::spawn(carry(ends));
        }
    }

    /// Hands in what a part of the shell noticed; waits while the driver is busy.
    pub async fn notice(&self, input: Input) {
        // A stopped driver needs no news.
        let _ = self.inbox.send(Mail::Noticed(input)).await;
    }

    /// The same for what will be said again: `false` when the driver is busy and it was dropped.
    pub fn mention(&self, input: Input) -> bool {
        self.inbox.try_send(Mail::Noticed(input)).is_ok()
    }

    async fn dial_failed(&self, address: Address, why: String) {
        self.counters.dials_failed.one();
        // A stopped driver needs no answer.
        let _ = self.inbox.send(Mail::DialFailed { address, why }).await;
    }
}

/// A connection that this node opened and that waits to be announced: what every transport's
/// `dial` gives.
pub struct Dialled {
    transport: Transport,
    path: PathClass,
    mtu: usize,
    carry: Carry,
}

/// Carries a link to its end.
type Carry = Box<dyn FnOnce(LinkEnds) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

impl Dialled {
    /// `mtu` is the largest frame in bytes; `carry` runs once the driver knows of the link.
    pub fn new<F>(
        transport: Transport,
        path: PathClass,
        mtu: usize,
        carry: impl FnOnce(LinkEnds) -> F + Send + 'static,
    ) -> Dialled
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Dialled { transport, path, mtu, carry: Box::new(move |ends| Box::pin(carry(ends))) }
    }
}

/// A connection that stands.
pub struct Connection {
    pub transport: Transport,
    pub path: PathClass,
    /// Bytes of the largest frame it carries.
    pub mtu: usize,
    pub role: LinkRole,
    /// What was dialled.
    pub address: Option<Address>,
    /// Connections this node opened itself take no seat.
    pub seat: Option<Seat>,
}

/// The driver's end of a link. Dropping it closes the link after what was queued.
#[derive(Debug)]
pub struct LinkQueue {
    frames: mpsc::Sender<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// What became of a frame handed to [`LinkQueue::push`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Queued,
    /// The queue is full; the frame was dropped.
    Full,
    /// The link's task has ended and its last word is on the way.
    Ended,
}

impl LinkQueue {
    pub fn push(&self, frame: Vec<u8>) -> Pushed {
        let len = frame.len();
        if self.waiting_bytes.load(Ordering::Relaxed) + len > LINK_QUEUE_BYTES_MAX {
            return Pushed::Full;
        }
        self.waiting_bytes.fetch_add(len, Ordering::Relaxed);
        match self.frames.try_send(frame) {
            Ok(()) => Pushed::Queued,
            Err(refused) => {
                self.waiting_bytes.fetch_sub(len, Ordering::Relaxed);
                match refused {
                    mpsc::error::TrySendError::Full(_) => Pushed::Full,
                    mpsc::error::TrySendError::Closed(_) => Pushed::Ended,
                }
            }
        }
    }
}

/// The task's end of a link.
pub struct LinkEnds {
    pub incoming: Incoming,
    pub outgoing: Outgoing,
    pub guard: LinkGuard,
}

/// Keeps the link's seat, and has its last word.
pub struct LinkGuard {
    incoming: Incoming,
    seat: Option<Seat>,
    pub counters: Arc<ShellCounters>,
    _alive: mpsc::Sender<Infallible>,
}

/// Frames to the driver.
#[derive(Clone)]
pub struct Incoming {
    link: LinkId,
    inbox: mpsc::Sender<Mail>,
}

/// The driver has stopped; there is nobody left to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverStopped;

impl Incoming {
    /// Waits while the driver is busy.
    pub async fn frame(&self, bytes: Vec<u8>) -> Result<(), DriverStopped> {
        let mail = Mail::Frame { link: self.link, bytes };
        self.inbox.send(mail).await.map_err(|_| DriverStopped)
    }
}

/// Frames from the driver.
pub struct Outgoing {
    frames: mpsc::Receiver<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Outgoing {
    /// Waits for frames and adds up to `limit` of them to `batch`; 0 when the driver hung up.
    pub async fn take(&mut self, batch: &mut Vec<Vec<u8>>, limit: usize) -> usize {
        let taken = self.frames.recv_many(batch, limit).await;
        let bytes = batch[batch.len() - taken..].iter().map(Vec::len).sum();
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        taken
    }
}

/// How a link's task came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The driver hung up and everything queued was written.
    HungUp,
    Broken(CloseReason),
}

impl LinkGuard {
    /// Runs both directions until one ends or the seat is taken, then tells the driver.
    async fn run(
        mut self,
        reading: impl Future<Output = LinkEnd>,
        writing: impl Future<Output = LinkEnd>,
    ) -> LinkEnd {
        let evicted = async {
            match &mut self.seat {
                Some(seat) => seat.evicted().await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            end = reading => end,
            end = writing => end,
            () = evicted => LinkEnd::Broken(CloseReason::Limit),
        };
        match end {
            LinkEnd::HungUp => {}
            LinkEnd::Broken(reason) => {
                if reason == CloseReason::TooSlow {
                    self.counters.writes_timed_out.one();
                }
                // A stopped driver needs no news.
                let mail = Mail::LinkDown { link: self.incoming.link, reason };
                let _ = self.incoming.inbox.send(mail).await;
            }
        }
        end
    }
}

/// Tries the addresses of `host:port` one after the other until one answers. Each gets an equal
/// share of [`DIAL_TIMEOUT`], because silence is the only sign of a dead one.
async fn first_answer<T, F>(authority: &str, dial: impl Fn(SocketAddr) -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let found = tokio::net::lookup_host(authority).await.map_err(|e| describe(&e))?;
    let addresses: Vec<_> = found.take(RESOLVED_MAX).collect();
    let mut failed = "the name has no address".to_owned();
    for address in &addresses {
        let share = DIAL_TIMEOUT / addresses.len() as u32;
        match tokio::time::timeout(share, dial(*address)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(why)) => failed = why,
            Err(_) => failed = NO_ANSWER.to_owned(),
        }
    }
    Err(failed)
}

/// A short reason for people: the kind of the error, without numbers.
pub fn describe(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::AddrInUse => "address in use".to_owned(),
        // The library has no name for it: the system's own words say more.
        kind if kind.to_string().starts_with("uncategorized") => e.to_string(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> (LinkQueue, Outgoing) {
        let (frames, outgoing) = mpsc::channel(LINK_QUEUE_FRAMES_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let queue = LinkQueue { frames, waiting_bytes: waiting_bytes.clone() };
        (queue, Outgoing { frames: outgoing, waiting_bytes })
    }

    #[tokio::test]
    async fn a_links_queue_is_full_by_frames_or_by_bytes_and_takes_again_once_drained() {
        let (by_frames, _outgoing) = queue();
        for _ in 0..LINK_QUEUE_FRAMES_MAX {
            assert_eq!(by_frames.push(vec![0]), Pushed::Queued);
        }
        assert_eq!(by_frames.push(vec![0]), Pushed::Full);

        let (by_bytes, mut outgoing) = queue();
        let frames = LINK_QUEUE_BYTES_MAX / FRAME_BYTES_MAX;
        for _ in 0..frames {
            assert_eq!(by_bytes.push(vec![0; FRAME_BYTES_MAX]), Pushed::Queued);
        }
        assert_eq!(by_bytes.push(vec![0]), Pushed::Full);
        assert_eq!(outgoing.take(&mut Vec::new(), frames).await, frames);
        assert_eq!(by_bytes.push(vec![0]), Pushed::Queued);
        drop(outgoing);
        assert_eq!(by_bytes.push(vec![0]), Pushed::Ended);
    }
}

//! `udp://host:port`: a frame is a datagram, and nothing repeats it.
//!
//! For what may be lost and must not wait. Rules. The dialer shows a cookie before the listener
//! keeps anything for it ([`cookie`]); each end names the link by a random id, which keeps out who
//! cannot see the datagrams. Who can see them can forge them, so nothing in a datagram ends a
//! link: the core drops and counts what does not verify, and its own sealed goodbye is the only
//! one. A link ends when the driver hangs up or nothing is heard for [`IDLE_MAX`].
//!
//! An address that changes ends the link by silence. To follow it would let whoever sees an id
//! draw the link away; QUIC has the challenge for that.
//!
//! What cannot be sent is lost, whatever the system's reason: a route that is gone may come back,
//! and the core notices a link that does not answer.

mod cookie;
mod message;

use super::{
    ACCEPT_PAUSE, Connection, Dialled, Incoming, LinkEnd, LinkEnds, Outgoing, Ports,
    crowd::{Crowd, Place},
    describe, first_answer,
    shared::Received,
};
use crate::{
    components::{REPORT_EVERY, Reporter},
    counters::ShellCounters,
};
use bitcraps_core::node::{CloseReason, LinkRole, Transport};
use cookie::Baker;
use message::{DATAGRAM_BYTES_MAX, Datagram, FRAME_BYTES_MAX, Id};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdSocket},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{net::UdpSocket, sync::mpsc, time::timeout};

/// A link on which nothing is heard for longer is gone.
pub const IDLE_MAX: Duration = Duration::from_secs(30);

/// Something is sent at least this often: routers forget a UDP flow after 30 s (RFC 4787).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Between the first two hellos; each pause is twice the one before. Guess: a slow round trip.
const HELLO_PAUSE: Duration = Duration::from_millis(250);

/// Datagrams that wait for one link's task. More are lost, as on the way.
const LINK_DATAGRAMS_MAX: usize = 64;

/// Links from one address. Guess: a household behind one router, and then some.
const PER_ADDRESS_MAX: usize = 64;

/// Frames sent before the loop looks at its other side again.
const FRAMES_PER_WRITE: usize = 16;

/// Where a link's datagrams come from.
enum Source {
    /// The dialer's socket, which is connected to the listener.
    Socket,
    /// The listener, which sorts what arrives on its one socket.
    Listener(mpsc::Receiver<Arrived>),
}

/// Where a link's datagrams go.
struct Way {
    socket: Arc<UdpSocket>,
    /// `None`: the socket is connected.
    remote: Option<SocketAddr>,
    /// The other end's id.
    peer: Id,
}

/// What the listener hands to a link.
enum Arrived {
    Frame(Vec<u8>),
    Alive,
}

/// Says hello until the listener welcomes. The error is for people.
pub async fn dial(ports: &Ports, authority: &str) -> Result<Dialled, String> {
    let (socket, own, peer) = first_answer(authority, greet).await?;
    let path = match socket.peer_addr() {
        Ok(remote) => ports.interfaces.class(remote, socket.local_addr().ok()),
        Err(e) => return Err(describe(&e)),
    };
    let way = Way { socket: Arc::new(socket), remote: None, peer };
    let carry = move |ends| carry(way, Source::Socket, own, ends);
    Ok(Dialled::new(Transport::Udp, path, FRAME_BYTES_MAX, carry))
}

async fn greet(to: SocketAddr) -> Result<(UdpSocket, Id, Id), String> {
    let any = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let own = Id(random().map_err(|e| describe(&e))?);
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.map_err(|e| describe(&e))?;
    socket.connect(to).await.map_err(|e| describe(&e))?;
    let (mut cookie, mut pause) = ([0; 32], HELLO_PAUSE);
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        socket.send(&message::hello(own, &cookie)).await.map_err(|e| describe(&e))?;
        let again = tokio::time::Instant::now() + pause;
        loop {
            let received = tokio::time::timeout_at(again, socket.recv(&mut buffer)).await;
            let Ok(received) = received else { break };
            // Nobody listens there, says the other machine.
            let len = received.map_err(|e| describe(&e))?;
            match message::parse(&buffer[..len]) {
                Some(Datagram::Cookie { dialer, cookie: new })
                    if dialer == own && new != cookie =>
                {
                    cookie = new;
                    break;
                }
                Some(Datagram::Welcome { dialer, listener }) if dialer == own => {
                    return Ok((socket, own, listener));
                }
                // Somebody else's words, or late ones.
                _ => {}
            }
        }
        // After a cookie the answer is due at once, after silence less and less often.
        if tokio::time::Instant::now() >= again {
            pause *= 2;
        }
    }
}

/// A bound socket as tokio's. Must run inside a runtime.
pub fn adopt(socket: StdSocket) -> io::Result<Arc<UdpSocket>> {
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket).map(Arc::new)
}

/// Reads a listener's own socket; a shared one is read by QUIC.
pub fn receive(socket: Arc<UdpSocket>) -> mpsc::Receiver<Received> {
    let (sender, received) = mpsc::channel(LINK_DATAGRAMS_MAX);
    tokio::spawn(async move {
        let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
        loop {
            let arrived = tokio::select! {
                arrived = socket.recv_from(&mut buffer) => arrived,
                () = sender.closed() => return,
            };
            match arrived {
                Ok((len, from)) => {
                    if sender.send((from, buffer[..len].to_vec())).await.is_err() {
                        return;
                    }
                }
                // What an earlier datagram met on its way: it says nothing about the socket.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    });
    received
}

/// Accepts until the task is aborted, and reports that it does. `socket` sends, `received` is what
/// arrives on it.
pub async fn listen(
    socket: Arc<UdpSocket>,
    mut received: mpsc::Receiver<Received>,
    ports: Ports,
    reporter: Reporter,
) {
    let key = match random() {
        Ok(key) => key,
        Err(e) => return reporter.degraded(format!("no randomness: {}", describe(&e))),
    };
    let mut listener = Listener {
        socket,
        ports,
        baker: Baker::new(key),
        crowd: Crowd::new(PER_ADDRESS_MAX),
        links: Arc::default(),
    };
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        let arrived = tokio::select! {
            arrived = received.recv() => arrived,
            _ = ticks.tick() => {
                reporter.healthy();
                continue;
            }
        };
        // The socket's reader is gone, and nothing will come any more.
        let Some((from, bytes)) = arrived else { return };
        match message::parse(&bytes) {
            Some(Datagram::Hello { dialer, cookie }) => {
                listener.on_hello(from, dialer, cookie).await;
            }
            Some(Datagram::Frame { to, frame }) => {
                listener.pass(from, to, Arrived::Frame(frame.to_vec()));
            }
            Some(Datagram::Alive { to }) => listener.pass(from, to, Arrived::Alive),
            Some(Datagram::Cookie { .. } | Datagram::Welcome { .. }) | None => {
                listener.ports.counters.udp_dropped.one();
            }
        }
    }
}

struct Listener {
    socket: Arc<UdpSocket>,
    ports: Ports,
    baker: Baker,
    crowd: Crowd,
    links: Arc<Mutex<Links>>,
}

/// The links of one socket; as many as there are seats.
#[derive(Default)]
struct Links {
    by_id: BTreeMap<Id, Entry>,
    /// A dialer repeats its hello when the welcome was lost.
    by_dialer: BTreeMap<(SocketAddr, Id), Id>,
}

struct Entry {
    remote: SocketAddr,
    arrived: mpsc::Sender<Arrived>,
}

impl Listener {
    async fn on_hello(&mut self, from: SocketAddr, dialer: Id, cookie: message::Cookie) {
        let now = Instant::now();
        if !self.baker.knows(cookie, from, dialer, now) {
            let cookie = self.baker.bake(from, dialer, now);
            return self.say(from, &message::cookie(dialer, &cookie));
        }
        let known = lock(&self.links).by_dialer.get(&(from, dialer)).copied();
        if let Some(own) = known {
            return self.say(from, &message::welcome(dialer, own));
        }
        let counters = &self.ports.counters;
        let Some(place) = self.crowd.enter(from.ip()) else {
            return counters.udp_refused.one();
        };
        let Some(seat) = self.ports.admit(&counters.udp_accepted, &counters.udp_refused) else {
            return;
        };
        // Without randomness for a name there is no link; the dialer asks again.
        let Ok(own) = random().map(Id) else { return };
        let (sender, arrived) = mpsc::channel(LINK_DATAGRAMS_MAX);
        let leaving =
            Leaving { own, dialer, remote: from, links: self.links.clone(), _place: place };
        {
            let mut links = lock(&self.links);
            links.by_id.insert(own, Entry { remote: from, arrived: sender });
            links.by_dialer.insert((from, dialer), own);
        }
        let (transport, role, address) = (Transport::Udp, LinkRole::Listener, None);
        let path = self.ports.interfaces.class(from, self.socket.local_addr().ok());
        let (mtu, seat) = (FRAME_BYTES_MAX, Some(seat));
        let connection = Connection { transport, path, mtu, role, address, seat };
        let Some(ends) = self.ports.open(connection).await else { return };
        self.say(from, &message::welcome(dialer, own));
        let way = Way { socket: self.socket.clone(), remote: Some(from), peer: dialer };
        tokio::spawn(async move {
            carry(way, Source::Listener(arrived), own, ends).await;
            drop(leaving);
        });
    }

    fn pass(&self, from: SocketAddr, to: Id, arrived: Arrived) {
        let links = lock(&self.links);
        let entry = links.by_id.get(&to).filter(|entry| entry.remote == from);
        if entry.is_none_or(|entry| entry.arrived.try_send(arrived).is_err()) {
            self.ports.counters.udp_dropped.one();
        }
    }

    /// A datagram that cannot be sent now is lost; the dialer asks again.
    fn say(&self, to: SocketAddr, bytes: &[u8]) {
        let _ = self.socket.try_send_to(bytes, to);
    }
}

/// Takes a link off its listener's lists when dropped.
struct Leaving {
    own: Id,
    dialer: Id,
    remote: SocketAddr,
    links: Arc<Mutex<Links>>,
    _place: Place,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut links = lock(&self.links);
        links.by_id.remove(&self.own);
        links.by_dialer.remove(&(self.remote, self.dialer));
    }
}

fn lock(links: &Mutex<Links>) -> MutexGuard<'_, Links> {
    // No panic can happen between the two related changes, so it is sound after one.
    links.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one link to its end. `own` is this end's id.
async fn carry(way: Way, source: Source, own: Id, ends: LinkEnds) {
    let LinkEnds { incoming, outgoing, guard } = ends;
    let counters = guard.counters.clone();
    let reading = async {
        match source {
            Source::Socket => read_socket(&way.socket, own, incoming, &counters).await,
            Source::Listener(arrived) => read_arrived(arrived, incoming).await,
        }
    };
    guard.run(reading, write_frames(&way, outgoing)).await;
}

async fn read_socket(
    socket: &UdpSocket,
    own: Id,
    incoming: Incoming,
    counters: &ShellCounters,
) -> LinkEnd {
    let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
    let mut silent_at = tokio::time::Instant::now() + IDLE_MAX;
    loop {
        let Ok(received) = tokio::time::timeout_at(silent_at, socket.recv(&mut buffer)).await
        else {
            return LinkEnd::Broken(CloseReason::Silent);
        };
        let Ok(len) = received else {
            // "Nobody listens there" may be forged, or true for a moment: silence decides.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        match message::parse(&buffer[..len]) {
            Some(Datagram::Frame { to, frame }) if to == own => {
                silent_at = tokio::time::Instant::now() + IDLE_MAX;
                if incoming.frame(frame.to_vec()).await.is_err() {
                    return LinkEnd::HungUp;
                }
            }
            Some(Datagram::Alive { to }) if to == own => {
                silent_at = tokio::time::Instant::now() + IDLE_MAX;
            }
            _ => counters.udp_dropped.one(),
        }
    }
}

async fn read_arrived(mut arrived: mpsc::Receiver<Arrived>, incoming: Incoming) -> LinkEnd {
    loop {
        match timeout(IDLE_MAX, arrived.recv()).await {
            Ok(Some(Arrived::Frame(frame))) => {
                if incoming.frame(frame).await.is_err() {
                    return LinkEnd::HungUp;
                }
            }
            Ok(Some(Arrived::Alive)) => {}
            // The listener is gone.
            Ok(None) => return LinkEnd::Broken(CloseReason::TransportClosed),
            Err(_) => return LinkEnd::Broken(CloseReason::Silent),
        }
    }
}

async fn write_frames(way: &Way, mut outgoing: Outgoing) -> LinkEnd {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    loop {
        match timeout(KEEP_ALIVE, outgoing.take(&mut batch, FRAMES_PER_WRITE)).await {
            Ok(0) => return LinkEnd::HungUp,
            Ok(_) => {
                for frame in batch.drain(..) {
                    message::frame(way.peer, &frame, &mut bytes);
                    way.send(&bytes).await;
                }
            }
            Err(_) => way.send(&message::alive(way.peer)).await,
        }
    }
}

impl Way {
    /// What cannot be sent is lost.
    async fn send(&self, bytes: &[u8]) {
        let _ = match self.remote {
            Some(remote) => self.socket.send_to(bytes, remote).await,
            None => self.socket.send(bytes).await,
        };
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{super::Trust, *};
    use crate::driver::Mail;
    use bitcraps_core::node::PathClass;
    use std::convert::Infallible;
    use tokio::time::{Instant as Tokio, sleep};

    /// A link's ends, with what must live as long as they do.
    async fn ends() -> (LinkEnds, mpsc::Receiver<Mail>, mpsc::Sender<Infallible>) {
        let (inbox, mail) = mpsc::channel(8);
        let (alive, _) = mpsc::channel(1);
        let counters = Arc::default();
        let ports = Ports::new(inbox, 1, Trust::default(), counters, alive.downgrade());
        let connection = Connection {
            transport: Transport::Udp,
            path: PathClass::Lan,
            mtu: FRAME_BYTES_MAX,
            role: LinkRole::Listener,
            address: None,
            seat: None,
        };
        (ports.open(connection).await.unwrap(), mail, alive)
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_is_kept_by_what_is_heard_and_ends_by_silence() {
        let (ends, _mail, _alive) = ends().await;
        let (heard, arrived) = mpsc::channel(1);
        let (begun, keeping) = (Tokio::now(), 5);
        tokio::spawn(async move {
            for _ in 0..keeping {
                sleep(KEEP_ALIVE).await;
                heard.send(Arrived::Alive).await.unwrap();
            }
            // Held, so that the listener is not what ends the link.
            std::future::pending::<()>().await;
        });
        let end = read_arrived(arrived, ends.incoming).await;
        assert_eq!(end, LinkEnd::Broken(CloseReason::Silent));
        assert!(begun.elapsed() >= KEEP_ALIVE * keeping + IDLE_MAX);
        assert!(KEEP_ALIVE * 2 < IDLE_MAX, "one that is lost ends no link");
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_says_nothing_still_shows_that_it_is_alive() {
        let (ends, mail, _alive) = ends().await;
        let socket = || StdSocket::bind("127.0.0.1:0").unwrap();
        let (here, there) = (adopt(socket()).unwrap(), socket());
        let remote = Some(there.local_addr().unwrap());
        let way = Way { socket: here, remote, peer: Id([7; 8]) };
        let begun = Tokio::now();
        let writing = write_frames(&way, ends.outgoing);
        assert!(timeout(KEEP_ALIVE * 3 + HELLO_PAUSE, writing).await.is_err(), "{mail:?}");
        assert!(begun.elapsed() >= KEEP_ALIVE * 3);
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        for _ in 0..3 {
            let (len, _) = there.recv_from(&mut buffer).unwrap();
            let said = message::parse(&buffer[..len]);
            assert!(matches!(said, Some(Datagram::Alive { to }) if to == way.peer), "{said:?}");
        }
    }
}

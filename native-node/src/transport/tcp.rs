//! `tcp://host:port`: frames on a plain TCP stream. Encryption is the core's business.

use super::{
    ACCEPT_PAUSE, Connection, Dialled, FRAME_BYTES_MAX, LinkEnds, Ports, describe, stream,
};
use crate::components::{REPORT_EVERY, Reporter};
use bitcraps_core::node::{LinkRole, PathClass, Transport};
use std::{io, net::TcpListener as StdListener};
use tokio::net::{TcpListener, TcpStream};

/// A bound socket as tokio's. Must run inside a runtime.
pub fn adopt(listener: StdListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Connects. The error is for people.
pub async fn dial(ports: &Ports, authority: &str) -> Result<Dialled, String> {
    let stream = connect(authority).await.map_err(|e| describe(&e))?;
    let path = path_of(&stream, ports);
    Ok(Dialled::new(Transport::Tcp, path, FRAME_BYTES_MAX, |ends| carry(stream, ends)))
}

/// Connects with small delays switched off: frames are whole messages.
pub(super) async fn connect(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A socket that has lost its peer already tells nothing, and nothing depends on it then.
pub(super) fn path_of(stream: &TcpStream, ports: &Ports) -> PathClass {
    match stream.peer_addr() {
        Ok(remote) => ports.interfaces.class(remote, stream.local_addr().ok()),
        Err(_) => PathClass::Internet,
    }
}

/// Accepts until the task is aborted, and reports that it does.
pub async fn listen(listener: TcpListener, ports: Ports, reporter: Reporter) {
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ticks.tick() => {
                reporter.healthy();
                continue;
            }
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(e) => {
                ports.counters.accept_failed.one();
                let why = format!("cannot accept a connection: {}", super::describe(&e));
                tracing::warn!("{why}");
                reporter.degraded(why);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let counters = &ports.counters;
        let Some(seat) = ports.admit(&counters.tcp_accepted, &counters.tcp_refused) else {
            continue;
        };
        // A socket that is already gone shows itself at the first read.
        let _ = stream.set_nodelay(true);
        let (transport, role, address) = (Transport::Tcp, LinkRole::Listener, None);
        let (path, mtu) = (path_of(&stream, &ports), FRAME_BYTES_MAX);
        let connection = Connection { transport, path, mtu, role, address, seat: Some(seat) };
        let Some(ends) = ports.open(connection).await else { return };
        tokio::spawn(carry(stream, ends));
    }
}

/// Carries one link to its end.
pub async fn carry(stream: TcpStream, ends: LinkEnds) {
    let (read, write) = stream.into_split();
    let LinkEnds { incoming, outgoing, guard } = ends;
    let reading = stream::read_frames(read, incoming, guard.counters.clone());
    let writing = stream::write_frames(write, outgoing);
    guard.run(reading, writing).await;
}

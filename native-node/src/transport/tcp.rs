//! `tcp://host:port`: frames on a plain TCP stream. Encryption is the core's business.

use super::{
    ACCEPT_PAUSE, Connection, Dialled, FRAME_BYTES_MAX, LinkEnd, LinkEnds, Outgoing, Ports,
    WRITE_TIMEOUT, describe,
    frame::{self, FrameDecoder, FrameError, READ_BYTES_MAX},
};
use crate::{
    components::{REPORT_EVERY, Reporter},
    counters::ShellCounters,
};
use bitcraps_core::node::{CloseReason, LinkRole, PathClass, Transport};
use std::{io, net::TcpListener as StdListener, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Frames written with one system call.
const FRAMES_PER_WRITE: usize = 16;

/// Buffers kept between two writes, in bytes; larger ones are given back.
const WRITE_BUFFER_KEPT_BYTES: usize = 16 * 1024;

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
    let reading = read_frames(read, incoming, guard.counters.clone());
    let writing = write_frames(write, outgoing);
    guard.run(reading, writing).await;
}

async fn read_frames(
    mut stream: OwnedReadHalf,
    incoming: super::Incoming,
    counters: Arc<ShellCounters>,
) -> LinkEnd {
    let mut decoder = FrameDecoder::default();
    let mut frames = Vec::new();
    loop {
        let mut limited = (&mut stream).take(READ_BYTES_MAX as u64);
        match limited.read_buf(decoder.buffer()).await {
            Ok(0) | Err(_) => return LinkEnd::Broken(CloseReason::TransportClosed),
            Ok(_) => {}
        }
        let decoded = decoder.frames(&mut frames);
        for bytes in frames.drain(..) {
            if incoming.frame(bytes).await.is_err() {
                return LinkEnd::HungUp;
            }
        }
        match decoded {
            Ok(()) => {}
            Err(e) => {
                match e {
                    FrameError::Oversize { .. } => counters.frames_oversize.one(),
                    FrameError::Empty => counters.frames_garbage.one(),
                }
                return LinkEnd::Broken(CloseReason::Garbage);
            }
        }
    }
}

async fn write_frames(mut stream: OwnedWriteHalf, mut outgoing: Outgoing) -> LinkEnd {
    let mut batch = Vec::new();
    let mut bytes = Vec::new();
    while outgoing.take(&mut batch, FRAMES_PER_WRITE).await > 0 {
        batch.drain(..).for_each(|frame| frame::encode(&frame, &mut bytes));
        match tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return LinkEnd::Broken(CloseReason::TransportClosed),
            Err(_) => return LinkEnd::Broken(CloseReason::TooSlow),
        }
        bytes.clear();
        bytes.shrink_to(WRITE_BUFFER_KEPT_BYTES);
    }
    // The other side sees the end of the stream after the last frame.
    let _ = stream.shutdown().await;
    LinkEnd::HungUp
}

//! One UDP socket for `quic://` and `udp://`, so that a node needs one open port number.
//!
//! Rules. Every QUIC packet of ours has the fixed bit of its first byte set (RFC 9000, section
//! 17.2; we do not offer to grease it, RFC 9287), every datagram of a `udp` link has it clear: RFC
//! 9443 tells protocols on one port apart in the same way. QUIC reads the socket, because it wants
//! several datagrams per system call; what is not QUIC is handed on and dropped when too much
//! waits.

use quinn::{
    AsyncUdpSocket, Runtime as _, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use std::{
    fmt, io,
    io::IoSliceMut,
    net::{SocketAddr, UdpSocket as StdSocket},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// Set in the first byte of every QUIC packet.
const QUIC_FIXED_BIT: u8 = 0x40;

/// Datagrams that wait for the `udp` listener. Guess: a burst of every link at once.
const DATAGRAMS_WAITING_MAX: usize = 1024;

/// A datagram and where it came from.
pub type Received = (SocketAddr, Vec<u8>);

/// The socket as QUIC sees it.
pub struct Shared {
    inner: Arc<dyn AsyncUdpSocket>,
    others: mpsc::Sender<Received>,
}

/// QUIC's view of the socket, and what arrives on it that is not QUIC. Must run inside a runtime.
pub fn share(socket: StdSocket) -> io::Result<(Arc<Shared>, mpsc::Receiver<Received>)> {
    let inner = TokioRuntime.wrap_udp_socket(socket)?;
    let (others, received) = mpsc::channel(DATAGRAMS_WAITING_MAX);
    Ok((Arc::new(Shared { inner, others }), received))
}

impl Shared {
    /// Keeps the QUIC packets of what one system call read into `buffer`, in order, and gives
    /// their bytes; hands on the rest.
    fn sort(&self, buffer: &mut [u8], meta: &RecvMeta) -> usize {
        let stride = meta.stride.max(1);
        let (mut kept, mut from) = (0, 0);
        while from < meta.len {
            let to = (from + stride).min(meta.len);
            if buffer[from] & QUIC_FIXED_BIT == 0 {
                // When too much waits a datagram is lost, which its protocol expects.
                let _ = self.others.try_send((meta.addr, buffer[from..to].to_vec()));
            } else {
                buffer.copy_within(from..to, kept);
                kept += to - from;
            }
            from = to;
        }
        kept
    }
}

impl AsyncUdpSocket for Shared {
    fn poll_recv(
        &self,
        cx: &mut Context,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let read = match self.inner.poll_recv(cx, bufs, meta) {
                Poll::Ready(Ok(read)) => read,
                other => return other,
            };
            let mut any = false;
            for (buffer, meta) in bufs.iter_mut().zip(meta.iter_mut()).take(read) {
                meta.len = self.sort(buffer, meta);
                any |= meta.len > 0;
            }
            if any {
                return Poll::Ready(Ok(read));
            }
        }
    }

    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_quic_is_handed_on_and_dropped_when_too_much_waits() {
        let socket = StdSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let (shared, mut others) = share(socket).unwrap();
        let mut buffer = *b"\x41aa\x01bb\x42cc\x02d";
        let addr = SocketAddr::from(([127, 0, 0, 1], 9));
        let meta = RecvMeta { addr, len: buffer.len(), stride: 3, ecn: None, dst_ip: None };
        assert_eq!(shared.sort(&mut buffer, &meta), 6);
        assert_eq!(&buffer[..6], b"\x41aa\x42cc");
        assert_eq!(others.try_recv(), Ok((addr, b"\x01bb".to_vec())));
        assert_eq!(others.try_recv(), Ok((addr, b"\x02d".to_vec())));

        for _ in 0..DATAGRAMS_WAITING_MAX + 1 {
            let meta = RecvMeta { len: 3, ..meta };
            assert_eq!(shared.sort(&mut b"\x01xx".to_owned(), &meta), 0);
        }
        assert_eq!(others.len(), DATAGRAMS_WAITING_MAX);
    }
}

//! A link's frames on any stream of bytes, both ways.

use super::{
    Incoming, LinkEnd, Outgoing, WRITE_TIMEOUT,
    frame::{self, FrameDecoder, FrameError, READ_BYTES_MAX},
};
use crate::counters::ShellCounters;
use bitcraps_core::node::CloseReason;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Frames written with one system call.
const FRAMES_PER_WRITE: usize = 16;

/// Buffers kept between two writes, in bytes; larger ones are given back.
const WRITE_BUFFER_KEPT_BYTES: usize = 16 * 1024;

/// Reads frames until the stream ends or holds something else.
pub async fn read_frames(
    mut stream: impl AsyncRead + Unpin,
    incoming: Incoming,
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

/// Writes what the driver sends, then ends the stream.
pub async fn write_frames(mut stream: impl AsyncWrite + Unpin, mut outgoing: Outgoing) -> LinkEnd {
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

//! `ws://host:port/mesh`: one binary message per frame, for browsers and for nodes that can only
//! reach a web port. `wss://` is the same inside TLS, whose certificate has to be trusted.
//!
//! Rules. Text is no frame of this protocol. Messages above the limit are refused by the library
//! before they are assembled; its buffers are sized for many idle peers.

use super::{
    Dialled, FRAME_BYTES_MAX, Incoming, LinkEnd, LinkEnds, Outgoing, Ports, Tls, WRITE_TIMEOUT,
    describe, tcp,
};
use crate::counters::ShellCounters;
use axum::extract::ws;
use bitcraps_core::node::{CloseReason, PathClass, Transport};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::{self, error::CapacityError, protocol::WebSocketConfig};

/// Bytes a connection's read buffer holds. The library's default of 128 KiB is for few peers.
pub const READ_BUFFER_BYTES: usize = 4096;

/// Messages handed to the library before they are flushed together.
const MESSAGES_PER_FLUSH: usize = 16;

/// Connects and upgrades. The error is for people.
pub async fn dial(ports: &Ports, authority: &str, url: &str, tls: Tls) -> Result<Dialled, String> {
    let stream = tcp::connect(authority).await.map_err(|e| describe(&e))?;
    let path = tcp::path_of(&stream, ports);
    match tls {
        Tls::Off => upgrade(stream, url, path).await,
        Tls::On => upgrade(ports.trust.connect(stream, authority).await?, url, path).await,
    }
}

async fn upgrade<S>(stream: S, url: &str, path: PathClass) -> Result<Dialled, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    match tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await {
        Ok((stream, _)) => {
            let carry = |ends| carry(stream, ends);
            Ok(Dialled::new(Transport::WebSocket, path, FRAME_BYTES_MAX, carry))
        }
        Err(tungstenite::Error::Http(response)) => {
            Err(format!("the server refused with status {}", response.status().as_u16()))
        }
        Err(_) => Err("the server does not speak WebSocket".to_owned()),
    }
}

/// Sets the same limits on an accepted connection.
pub fn limit<F>(upgrade: ws::WebSocketUpgrade<F>) -> ws::WebSocketUpgrade<F> {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
}

/// Carries one link to its end, whichever side opened it.
pub async fn carry<S, M, E>(stream: S, ends: LinkEnds)
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
    M: Message,
    E: Failure,
{
    let (write, read) = stream.split();
    let LinkEnds { incoming, outgoing, guard } = ends;
    let reading = read_frames(read, incoming, guard.counters.clone());
    let writing = write_frames(write, outgoing);
    guard.run(reading, writing).await;
}

async fn read_frames<M: Message, E: Failure>(
    mut stream: impl Stream<Item = Result<M, E>> + Unpin,
    incoming: Incoming,
    counters: Arc<ShellCounters>,
) -> LinkEnd {
    while let Some(message) = stream.next().await {
        let content = match message {
            Ok(message) => message.content(),
            Err(e) => match e.kind() {
                FailureKind::Oversize => {
                    counters.frames_oversize.one();
                    return LinkEnd::Broken(CloseReason::Garbage);
                }
                FailureKind::Protocol => Content::Foreign,
                FailureKind::Io => break,
            },
        };
        match content {
            Content::Frame(bytes) if !bytes.is_empty() => {
                if incoming.frame(bytes).await.is_err() {
                    return LinkEnd::HungUp;
                }
            }
            Content::Frame(_) | Content::Foreign => {
                counters.frames_garbage.one();
                return LinkEnd::Broken(CloseReason::Garbage);
            }
            Content::Control => {}
            Content::Close => break,
        }
    }
    LinkEnd::Broken(CloseReason::TransportClosed)
}

async fn write_frames<M: Message, E>(
    mut stream: impl Sink<M, Error = E> + Unpin,
    mut outgoing: Outgoing,
) -> LinkEnd {
    let mut batch = Vec::new();
    while outgoing.take(&mut batch, MESSAGES_PER_FLUSH).await > 0 {
        let write = async {
            for frame in batch.drain(..) {
                stream.feed(M::binary(frame)).await?;
            }
            stream.flush().await
        };
        match tokio::time::timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return LinkEnd::Broken(CloseReason::TransportClosed),
            Err(_) => return LinkEnd::Broken(CloseReason::TooSlow),
        }
    }
    // Says goodbye; a peer that does not take it is cut off by the drop that follows.
    let _ = tokio::time::timeout(WRITE_TIMEOUT, stream.close()).await;
    LinkEnd::HungUp
}

/// What a message means here.
pub enum Content {
    Frame(Vec<u8>),
    /// Pings and pongs, which the library answers.
    Control,
    Close,
    /// Well-formed, but not of this protocol.
    Foreign,
}

/// Why a stream failed.
pub enum FailureKind {
    Oversize,
    Protocol,
    Io,
}

/// A WebSocket message: the accepting and the dialling library have one type each.
pub trait Message {
    fn content(self) -> Content;
    fn binary(frame: Vec<u8>) -> Self;
}

/// A WebSocket error, likewise.
pub trait Failure {
    fn kind(&self) -> FailureKind;
}

impl Message for ws::Message {
    fn content(self) -> Content {
        match self {
            ws::Message::Binary(bytes) => Content::Frame(bytes.into()),
            ws::Message::Text(_) => Content::Foreign,
            ws::Message::Ping(_) | ws::Message::Pong(_) => Content::Control,
            ws::Message::Close(_) => Content::Close,
        }
    }

    fn binary(frame: Vec<u8>) -> Self {
        ws::Message::Binary(frame.into())
    }
}

impl Message for tungstenite::Message {
    fn content(self) -> Content {
        match self {
            tungstenite::Message::Binary(bytes) => Content::Frame(bytes.into()),
            tungstenite::Message::Text(_) | tungstenite::Message::Frame(_) => Content::Foreign,
            tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) => Content::Control,
            tungstenite::Message::Close(_) => Content::Close,
        }
    }

    fn binary(frame: Vec<u8>) -> Self {
        tungstenite::Message::Binary(frame.into())
    }
}

impl Failure for tungstenite::Error {
    fn kind(&self) -> FailureKind {
        match self {
            tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                FailureKind::Oversize
            }
            tungstenite::Error::Io(_)
            | tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => FailureKind::Io,
            _ => FailureKind::Protocol,
        }
    }
}

impl Failure for axum::Error {
    fn kind(&self) -> FailureKind {
        let inner = std::error::Error::source(self);
        inner
            .and_then(|e| e.downcast_ref::<tungstenite::Error>())
            .map_or(FailureKind::Io, Failure::kind)
    }
}

//! quinn by itself: one stream with the node's framing, TLS 1.3 by rustls.

use crate::exchange::{Answering, Client};
use anyhow::{Context as _, Result};
use bitcraps_node::transport::frame::{self, FrameDecoder};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use std::{collections::VecDeque, sync::Arc};

pub async fn serve(ready: impl FnOnce(String)) -> Result<()> {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let certificate = own.cert.der().clone();
    let config = quinn::ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse()?)?;
    let hex: String = certificate.iter().map(|byte| format!("{byte:02x}")).collect();
    ready(format!("{},{hex}", endpoint.local_addr()?));
    let connection = endpoint.accept().await.context("no connection came")?.await?;
    let (send, recv) = connection.accept_bi().await?;
    let mut stream = Streamed::new(connection, endpoint, send, recv);
    let mut answering = Answering::default();
    loop {
        let message = stream.recv().await?;
        if let Some(answer) = answering.answer(&message)? {
            stream.send(vec![answer]).await?;
        }
    }
}

pub async fn connect(address: &str) -> Result<Streamed> {
    let (address, hex) = address.split_once(',').context("an address and a certificate")?;
    let bytes: Result<Vec<u8>, _> =
        (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16)).collect();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(bytes?.into())?;
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    endpoint
        .set_default_client_config(quinn::ClientConfig::with_root_certificates(Arc::new(roots))?);
    let connection = endpoint.connect(address.parse()?, "localhost")?.await?;
    let (send, recv) = connection.open_bi().await?;
    Ok(Streamed::new(connection, endpoint, send, recv))
}

pub struct Streamed {
    /// Kept, because dropping them ends the stream.
    _alive: (Connection, Endpoint),
    send: SendStream,
    recv: RecvStream,
    decoder: FrameDecoder,
    frames: Vec<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Streamed {
    fn new(c: Connection, endpoint: Endpoint, send: SendStream, recv: RecvStream) -> Streamed {
        let (decoder, frames, bytes) = (FrameDecoder::default(), Vec::new(), Vec::new());
        let waiting = VecDeque::new();
        Streamed { _alive: (c, endpoint), send, recv, decoder, frames, waiting, bytes }
    }
}

impl Client for Streamed {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        self.bytes.clear();
        batch.iter().for_each(|message| frame::encode(message, &mut self.bytes));
        Ok(self.send.write_all(&self.bytes).await?)
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            let chunk = self.recv.read_chunk(usize::MAX, true).await?;
            let chunk = chunk.context("the other end is gone")?;
            self.decoder.buffer().extend_from_slice(&chunk.bytes);
            self.decoder.frames(&mut self.frames)?;
            self.waiting.extend(self.frames.drain(..));
        }
    }
}

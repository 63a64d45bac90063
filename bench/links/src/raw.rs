//! The floor: tokio's TCP with the node's framing and nothing else.

use crate::exchange::{Answering, Client};
use anyhow::{Result, bail};
use bitcraps_node::transport::frame::{self, FrameDecoder};
use std::collections::VecDeque;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub async fn serve(ready: impl FnOnce(String)) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    ready(listener.local_addr()?.to_string());
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let mut stream = Framed::new(stream);
    let mut answering = Answering::default();
    loop {
        let message = stream.recv().await?;
        if let Some(answer) = answering.answer(&message)? {
            stream.send(vec![answer]).await?;
        }
    }
}

pub async fn connect(address: &str) -> Result<Framed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(Framed::new(stream))
}

pub struct Framed {
    stream: TcpStream,
    decoder: FrameDecoder,
    frames: Vec<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Framed {
    fn new(stream: TcpStream) -> Framed {
        let (decoder, frames, bytes) = (FrameDecoder::default(), Vec::new(), Vec::new());
        Framed { stream, decoder, frames, waiting: VecDeque::new(), bytes }
    }
}

impl Client for Framed {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        self.bytes.clear();
        batch.iter().for_each(|message| frame::encode(message, &mut self.bytes));
        Ok(self.stream.write_all(&self.bytes).await?)
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            if self.stream.read_buf(self.decoder.buffer()).await? == 0 {
                bail!("the other end is gone");
            }
            self.decoder.frames(&mut self.frames)?;
            self.waiting.extend(self.frames.drain(..));
        }
    }
}

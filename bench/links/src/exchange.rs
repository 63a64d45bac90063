//! What every system carries, and how it is timed: the same messages, windows and clocks for all.
//!
//! Rules. A message says what it is and carries its number and bytes that follow from the number;
//! whoever gets it checks both. An echo is compared byte by byte, a stream by count and sum, and a
//! wrong one ends the run before a time is told. At most [`WINDOW`] messages of a stream wait for
//! the other end's word, which it gives every [`ACK_EVERY`]: what fits every system's queues.

use anyhow::{Context as _, Result, ensure};
use std::time::{Duration, Instant};

/// Messages of a stream on their way.
pub const WINDOW: u64 = 224;
/// Messages between two words of the other end.
pub const ACK_EVERY: u64 = 32;
/// Messages handed over at once, as many as the node writes with one system call.
pub const BATCH: u64 = 16;

const ECHO: u8 = 0;
const STREAM: u8 = 1;
const STREAM_ACKED: u8 = 2;

/// A kind, a number, and bytes of that number up to `size`.
fn message(kind: u8, number: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![number as u8; size];
    bytes[0] = kind;
    bytes[1..9].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The number of one message of a stream, its bytes checked. `None` of what is to be echoed.
pub fn number(message: &[u8]) -> Result<Option<u64>> {
    let (kind, rest) = message.split_first().context("a message without bytes")?;
    if *kind == ECHO {
        return Ok(None);
    }
    let (number, rest) = rest.split_first_chunk::<8>().context("a message too short")?;
    let number = u64::from_le_bytes(*number);
    ensure!(rest.iter().all(|byte| *byte == number as u8), "message {number} was changed");
    Ok(Some(number))
}

/// What the other end says of a stream: how many, and the sum of their numbers.
pub fn word(count: u64, sum: u64) -> Vec<u8> {
    let mut word = vec![STREAM_ACKED];
    word.extend(count.to_le_bytes());
    word.extend(sum.to_le_bytes());
    word
}

/// The other end.
#[derive(Default)]
pub struct Answering {
    count: u64,
    sum: u64,
}

impl Answering {
    /// The answer to one message, if it wants one.
    pub fn answer(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(number) = number(message)? else { return Ok(Some(message.to_vec())) };
        if number == 0 {
            *self = Answering::default();
        }
        self.count += 1;
        self.sum += number;
        Ok((message[0] == STREAM_ACKED).then(|| word(self.count, self.sum)))
    }
}

/// One system, at the end that is timed.
pub trait Client {
    /// Sends messages in order.
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()>;

    /// The next answer.
    async fn recv(&mut self) -> Result<Vec<u8>>;

    /// Keeps the connection alive between two orders. Dropped when one comes.
    async fn idle(&mut self) -> Result<()> {
        std::future::pending().await
    }

    /// Makes what comes a stream or single messages, where that is a choice.
    fn is_streaming(&mut self, _streaming: bool) {}
}

/// Round trips, each after the one before. Ascending, in nanoseconds.
pub async fn round_trips(client: &mut impl Client, size: usize, count: u64) -> Result<Vec<u64>> {
    client.is_streaming(false);
    let mut times = Vec::new();
    for number in 0..count {
        let sent = message(ECHO, number, size);
        let started = Instant::now();
        client.send(vec![sent.clone()]).await?;
        let got = client.recv().await?;
        times.push(started.elapsed().as_nanos() as u64);
        ensure!(got == sent, "the echo differs: sent {sent:?}, got {got:?}");
    }
    times.sort_unstable();
    Ok(times)
}

/// How long it takes until the other end has said that it has all of a stream.
pub async fn stream(client: &mut impl Client, size: usize, count: u64) -> Result<Duration> {
    ensure!(count.is_multiple_of(ACK_EVERY), "a stream ends with an answer");
    client.is_streaming(true);
    let started = Instant::now();
    let (mut sent, mut known) = (0, 0);
    while known < count {
        if sent < count && sent + BATCH <= known + WINDOW {
            let kind = |number: u64| {
                if (number + 1).is_multiple_of(ACK_EVERY) { STREAM_ACKED } else { STREAM }
            };
            let batch = (sent..sent + BATCH).map(|n| message(kind(n), n, size)).collect();
            client.send(batch).await?;
            sent += BATCH;
            continue;
        }
        let answer = client.recv().await?;
        let (count, sum) = answer[1..].split_at(8);
        let number = |bytes: &[u8]| Ok::<_, anyhow::Error>(u64::from_le_bytes(bytes.try_into()?));
        known = number(count)?;
        ensure!(number(sum)? == known * known.saturating_sub(1) / 2, "other messages arrived");
    }
    Ok(started.elapsed())
}

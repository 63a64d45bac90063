//! What no agreement of this kind can be faster than: three bare steps of signed messages.
//!
//! As many threads as members, each with a plain TCP connection to every other. In a step each
//! signs 64 bytes, sends them to all, and goes on when it has verified those of a quorum. Nothing
//! is encrypted, routed or stored, nobody is told anything.

use crate::figures::Samples;
use anyhow::{Context as _, Result};
use bitcraps_core::{
    crypto::identity::{Identity, Signature, verify_with_key},
    seed::Seed,
};
use std::time::Instant;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Barrier, mpsc},
};

const PURPOSE: &str = "bitcraps v1 bench floor";
const STEPS: u8 = 3;
const BODY_BYTES: usize = 64;
const SIGNATURE_BYTES: usize = 64;
const WARM_UP: usize = 20;
const ROUNDS: usize = 200;

struct Member {
    identity: Identity,
    to: Vec<OwnedWriteHalf>,
    from: mpsc::Receiver<Vec<u8>>,
}

/// The time until the last member had done all steps, over many rounds.
pub async fn three_steps(members: usize) -> Result<Samples> {
    let keys: Vec<[u8; 32]> = (0..members as u64).map(|n| identity(n).card().key).collect();
    let barrier = std::sync::Arc::new(Barrier::new(members));
    let mut tasks = Vec::new();
    for (place, member) in linked(members).await?.into_iter().enumerate() {
        let (keys, barrier) = (keys.clone(), barrier.clone());
        tasks.push(tokio::spawn(steps(member, place, keys, barrier)));
    }
    let mut spans = Vec::new();
    for task in tasks {
        spans.push(task.await??);
    }
    let mut samples = Samples::default();
    for round in WARM_UP..WARM_UP + ROUNDS {
        let first = spans.iter().map(|s| s[round].0).min().context("no members")?;
        let last = spans.iter().map(|s| s[round].1).max().context("no members")?;
        samples.push(last - first);
    }
    Ok(samples)
}

fn identity(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

async fn steps(
    mut member: Member,
    place: usize,
    keys: Vec<[u8; 32]>,
    barrier: std::sync::Arc<Barrier>,
) -> Result<Vec<(Instant, Instant)>> {
    let quorum = keys.len() - (keys.len() - 1) / 3;
    let mut spans = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        barrier.wait().await;
        let started = Instant::now();
        let mut early: Vec<Vec<u8>> = Vec::new();
        for step in 0..STEPS {
            let mut body = [0; BODY_BYTES];
            body[..8].copy_from_slice(&(round as u64).to_le_bytes());
            (body[8], body[9]) = (step, u8::try_from(place)?);
            let signature = member.identity.sign(PURPOSE, &body);
            let frame = [&body[..], &signature.to_bytes()].concat();
            for to in &mut member.to {
                to.write_all(&frame).await?;
            }
            let mut verified = 1;
            let mut waiting = std::mem::take(&mut early);
            while verified < quorum {
                let frame = match waiting.pop() {
                    Some(frame) => frame,
                    None => member.from.recv().await.context("a member left")?,
                };
                let of: u64 = u64::from_le_bytes(*frame.first_chunk().context("short")?);
                if of > round as u64 || of == round as u64 && frame[8] > step {
                    early.push(frame);
                } else if of == round as u64 && frame[8] == step {
                    let (body, signature) = frame.split_at(BODY_BYTES);
                    let signature =
                        Signature::from_bytes(signature.first_chunk().context("short")?);
                    verify_with_key(&keys[usize::from(body[9])], PURPOSE, body, &signature)?;
                    verified += 1;
                }
            }
            early.extend(waiting);
        }
        spans.push((started, Instant::now()));
        barrier.wait().await;
    }
    Ok(spans)
}

/// Members with a connection between every two.
async fn linked(members: usize) -> Result<Vec<Member>> {
    let (mut all, mut inboxes) = (Vec::new(), Vec::new());
    for number in 0..members as u64 {
        let (inbox, from) = mpsc::channel(1024);
        inboxes.push(inbox);
        all.push(Member { identity: identity(number), to: Vec::new(), from });
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    for a in 0..members {
        for b in a + 1..members {
            let dialled = TcpStream::connect(listener.local_addr()?).await?;
            let (accepted, _) = listener.accept().await?;
            for (place, stream) in [(a, dialled), (b, accepted)] {
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                all[place].to.push(write);
                tokio::spawn(receive(read, inboxes[place].clone()));
            }
        }
    }
    Ok(all)
}

async fn receive(mut from: OwnedReadHalf, inbox: mpsc::Sender<Vec<u8>>) {
    loop {
        let mut frame = vec![0; BODY_BYTES + SIGNATURE_BYTES];
        if from.read_exact(&mut frame).await.is_err() || inbox.send(frame).await.is_err() {
            return;
        }
    }
}

//! zenoh: publish and subscribe over TCP, in the clear.

use crate::exchange::{Answering, Client};
use anyhow::{Result, anyhow};
use std::net::TcpListener;
use zenoh::{
    Session,
    handlers::FifoChannelHandler,
    pubsub::{Publisher, Subscriber},
    qos::CongestionControl,
    sample::Sample,
};

const TO: &str = "bench/to";
const BACK: &str = "bench/back";

pub async fn serve(ready: impl FnOnce(String)) -> Result<()> {
    // zenoh does not tell which port it was given.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let endpoint = format!("tcp/{address}");
    let session = open("listen/endpoints", &endpoint).await?;
    let to = session.declare_subscriber(TO).await.map_err(told)?;
    let back = publisher(&session, BACK, true).await?;
    ready(endpoint);
    let mut answering = Answering::default();
    loop {
        let sample = to.recv_async().await.map_err(told)?;
        if let Some(answer) = answering.answer(&sample.payload().to_bytes())? {
            back.put(answer).await.map_err(told)?;
        }
    }
}

pub async fn connect(endpoint: &str) -> Result<Joined> {
    let session = open("connect/endpoints", endpoint).await?;
    let back = session.declare_subscriber(BACK).await.map_err(told)?;
    let single = publisher(&session, TO, true).await?;
    let streamed = publisher(&session, TO, false).await?;
    while !single.matching_status().await.map_err(told)?.matching() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(Joined { _session: session, back, single, streamed, streaming: false })
}

async fn open(side: &str, endpoint: &str) -> Result<Session> {
    let mut config = zenoh::Config::default();
    let other = if side.starts_with("listen") { "connect/endpoints" } else { "listen/endpoints" };
    for (key, value) in [
        ("mode", "\"peer\"".to_owned()),
        ("scouting/multicast/enabled", "false".to_owned()),
        (other, "[]".to_owned()),
        (side, format!("[\"{endpoint}\"]")),
    ] {
        config.insert_json5(key, &value).map_err(told)?;
    }
    zenoh::open(config).await.map_err(told)
}

/// `express`: every message by itself, at once.
async fn publisher(
    session: &Session,
    key: &'static str,
    express: bool,
) -> Result<Publisher<'static>> {
    let publisher = session.declare_publisher(key).congestion_control(CongestionControl::Block);
    publisher.express(express).await.map_err(told)
}

fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("zenoh: {error}")
}

pub struct Joined {
    _session: Session,
    back: Subscriber<FifoChannelHandler<Sample>>,
    single: Publisher<'static>,
    streamed: Publisher<'static>,
    streaming: bool,
}

impl Client for Joined {
    async fn send(&mut self, batch: Vec<Vec<u8>>) -> Result<()> {
        let publisher = if self.streaming { &self.streamed } else { &self.single };
        for message in batch {
            publisher.put(message).await.map_err(told)?;
        }
        Ok(())
    }

    async fn recv(&mut self) -> Result<Vec<u8>> {
        let sample = self.back.recv_async().await.map_err(told)?;
        Ok(sample.payload().to_bytes().into_owned())
    }

    fn is_streaming(&mut self, streaming: bool) {
        self.streaming = streaming;
    }
}

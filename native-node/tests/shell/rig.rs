//! What several tests need: a node in this process, and a plain HTTP client.

use bitcraps_core::node::Address;
use bitcraps_node::{
    config::{LanDiscovery, Settings},
    start::{self, Started},
    transport::ble,
};
use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything takes on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A node without bots on ports of its own, with little work so that tests start fast.
pub fn settings(data: &Path) -> Settings {
    Settings {
        http: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        listen: Some(vec![Address("tcp://127.0.0.1:0".to_owned())]),
        bots: 0,
        work_bits: 4,
        lan_discovery: LanDiscovery::Off,
        ble: ble::Options { mode: ble::Mode::Off, adapter: None },
        ..Settings::new(data.to_path_buf())
    }
}

pub async fn start(settings: &Settings) -> Started {
    start::start(settings, Instant::now()).await.unwrap()
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Sends one request with these header lines and reads the answer to its end.
pub async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n\
         {headers}\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = String::from_utf8(timeout(DEADLINE, exchange).await.unwrap()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

pub async fn get(to: SocketAddr, path: &str) -> Answer {
    request(to, "GET", path, "", "").await
}

/// Asks again until the answer is yes.
pub async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let give_up = Instant::now() + DEADLINE;
    while !ask().await {
        assert!(Instant::now() < give_up, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

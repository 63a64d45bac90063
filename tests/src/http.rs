//! As much of HTTP as a test needs: one request, one answer, end of connection.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Longest wait for a whole answer. An emulated machine may take its time.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Fetches `path`, which starts with `/`.
pub async fn fetch(addr: SocketAddr, path: &str) -> Result<Answer> {
    // Version 1.0: the answer is neither chunked nor followed by another.
    exchange(addr, path, format!("GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")).await
}

/// Posts JSON to `path` with the node's token.
pub async fn post(addr: SocketAddr, path: &str, token: &str, body: &str) -> Result<Answer> {
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: {addr}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(addr, path, request).await
}

async fn exchange(addr: SocketAddr, path: &str, request: String) -> Result<Answer> {
    let whole = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(ANSWER_MAX, whole).await.context("no answer in time");
    let answer = answer.and_then(|answer| parse(&answer?));
    answer.with_context(|| format!("http://{addr}{path}"))
}

/// The body of a 200 as JSON.
pub async fn json(addr: SocketAddr, path: &str) -> Result<Value> {
    let answer = fetch(addr, path).await?;
    if answer.status != 200 {
        bail!("http://{addr}{path}: status {}: {}", answer.status, answer.text());
    }
    serde_json::from_slice(&answer.body).with_context(|| format!("http://{addr}{path}: no JSON"))
}

/// The sum of a metric over its labels; 0 when it has not been counted yet.
pub fn metric(text: &str, name: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labels) => labels.split_once('}')?.1,
            None => rest,
        };
        rest.strip_prefix(' ')?.split_whitespace().next()?.parse::<f64>().ok()
    };
    text.lines().filter_map(value).fold(0.0, |sum, value| sum + value)
}

fn parse(answer: &[u8]) -> Result<Answer> {
    let head_len = answer.windows(4).position(|w| w == b"\r\n\r\n").context("no whole header")?;
    let head = String::from_utf8_lossy(&answer[..head_len]).into_owned();
    let status = head.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.with_context(|| format!("no status in {head:?}"))?;
    Ok(Answer { status, body: answer[head_len + 4..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = parse(b"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nno\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"no\r\n\r\n"[..]));
        assert!(parse(b"HTTP/1.0 200 OK\r\n").is_err());
    }

    #[test]
    fn a_metric_is_summed_over_its_labels() {
        let text = "# HELP a x\na_total{r=\"x\"} 2\na_total{r=\"y\"} 3\na_total_more 9\nb 1\n";
        assert_eq!(metric(text, "a_total"), 5.0);
        assert_eq!(metric(text, "b"), 1.0);
        assert_eq!(metric(text, "c"), 0.0);
    }
}

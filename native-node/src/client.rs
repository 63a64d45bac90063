//! A small HTTP client for the commands that ask a running node.

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use hyper_util::rt::TokioIo;
use std::{io::Write, time::Duration};
use tokio::net::TcpStream;

/// Bytes of an answer: the view of the largest mesh fits.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longer than the node itself waits for a command.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Client {
    url: String,
    authority: String,
}

/// An answer and its status.
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(url: &str) -> anyhow::Result<Client> {
        let authority = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '@']) {
            bail!("{url:?} is no address of a node; write it as http://127.0.0.1:8080");
        }
        let with_port = match authority.parse::<std::net::IpAddr>().is_err()
            && authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
        {
            true => authority.to_owned(),
            false => format!("{authority}:80"),
        };
        Ok(Client { url: format!("http://{authority}"), authority: with_port })
    }

    /// Asks once and waits, on a runtime of its own.
    pub fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = async {
            tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(method, path, token, body)).await
        };
        runtime.block_on(answer).with_context(|| format!("{} did not answer in time", self.url))?
    }

    /// Fetches a path of any length into `out`, on a runtime of its own. Only the waiting for each
    /// piece is limited. An answer other than 200 comes back as such, and nothing is written.
    pub fn save(&self, path: &str, out: &mut impl Write) -> anyhow::Result<Option<Answer>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let late = || format!("{} did not answer in time", self.url);
            let sent = self.send(Method::GET, path, None, Vec::new());
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, sent).await.with_context(late)??;
            if answer.status() != StatusCode::OK {
                return self.whole(answer).await.map(Some);
            }
            let mut body = answer.into_body();
            loop {
                let piece = tokio::time::timeout(ANSWER_TIMEOUT, body.frame());
                let Some(piece) = piece.await.with_context(late)? else { return Ok(None) };
                let broke = || format!("{} broke off; what was written is not whole", self.url);
                if let Ok(bytes) = piece.with_context(broke)?.into_data() {
                    out.write_all(&bytes).context("cannot write")?;
                }
            }
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let answer = self.send(method, path, token, body).await?;
        self.whole(answer).await
    }

    async fn whole(&self, answer: Response<Incoming>) -> anyhow::Result<Answer> {
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|e| anyhow::anyhow!("{}: {e}", self.not_ours()))?.to_bytes();
        Ok(Answer { status, body: body.into() })
    }

    fn not_ours(&self) -> String {
        format!("{} does not answer like a BitCraps node", self.url)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Response<Incoming>> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|e| {
            let why = bitcraps_node::transport::describe(&e);
            anyhow::anyhow!(
                "cannot reach {}: {why}; start a node with `bitcraps run` or pass --http URL",
                self.url
            )
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, &self.authority);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        sender.send_request(request).await.with_context(|| self.not_ours())
    }
}

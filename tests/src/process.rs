//! The real node as a process of its own.

use crate::{http, workspace};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{
    collections::VecDeque,
    env,
    ffi::{OsStr, OsString},
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

/// Longest time from start to ready, and from a signal to the end.
const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(20);

/// Lines kept of each output of one node.
const LOG_LINES_MAX: usize = 2000;

/// Any free port of this machine.
const ANY_HTTP: &str = "127.0.0.1:0";
const ANY_TCP: &str = "tcp://127.0.0.1:0";

/// How a node is started.
#[derive(Clone, Debug)]
pub struct Setup {
    pub name: String,
    pub bots: usize,
    /// URLs of nodes to keep a link to.
    pub connect: Vec<String>,
    pub healing: Healing,
    /// What it does at a table; none: the node's default.
    pub role: Option<&'static str>,
    /// Nodes of a test are not to meet over the Bluetooth of the machine that runs it.
    pub bluetooth: Bluetooth,
    pub place: Place,
}

/// Whether a node uses Bluetooth, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bluetooth {
    Off,
    /// The adapter behind this message bus, a virtual one.
    Bus(String),
    /// This adapter of the machine.
    Adapter(String),
}

/// Where a node runs and listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What stands before the command, such as that of a network namespace.
    pub prefix: Vec<String>,
    /// `IP:PORT` of the pages, and the address at which the test reaches them.
    pub http: String,
    pub seen_at: Option<IpAddr>,
    /// URLs to accept peers at; the first is TCP.
    pub listen: Vec<String>,
    /// Where others are told to dial it; none: where it listens.
    pub advertise: Option<&'static str>,
}

impl Default for Place {
    /// Any free ports of this machine.
    fn default() -> Place {
        let (http, listen) = (ANY_HTTP.to_owned(), vec![ANY_TCP.to_owned()]);
        Place { prefix: Vec::new(), http, seen_at: None, listen, advertise: None }
    }
}

/// Whether a node may make links that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// A mesh keeps the shape that a test gives it.
    OnRequest,
    Automatic,
}

impl Setup {
    pub fn named(name: &str) -> Setup {
        Setup {
            name: name.to_owned(),
            bots: 0,
            connect: Vec::new(),
            healing: Healing::OnRequest,
            role: None,
            bluetooth: Bluetooth::Off,
            place: Place::default(),
        }
    }
}

/// A running node, or one that was killed and can be started again.
pub struct NodeProcess {
    setup: Setup,
    data: TempDir,
    child: Child,
    ready: Ready,
    log: Log,
    events: Log,
}

/// What a node says once it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ready {
    http: SocketAddr,
    /// `tcp://…`
    listen: String,
    peer_id: String,
}

/// The newest lines of one output.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

/// The binary under test.
pub fn binary() -> PathBuf {
    let built = || {
        let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = target.unwrap_or_else(|| workspace().join("target"));
        target.join("release").join(format!("bitcraps{}", env::consts::EXE_SUFFIX))
    };
    env::var_os("BITCRAPS_BIN").map_or_else(built, PathBuf::from)
}

impl NodeProcess {
    /// Starts a node on free ports and an empty data directory, and waits until it serves.
    pub async fn start(setup: Setup) -> Result<NodeProcess> {
        let data = tempfile::tempdir()?;
        let (log, events) = <(Log, Log)>::default();
        let (child, ready) = launch(&setup, data.path(), &setup.place, (&log, &events)).await?;
        Ok(NodeProcess { setup, data, child, ready, log, events })
    }

    pub fn http(&self) -> SocketAddr {
        self.ready.http
    }

    /// Where other nodes reach it: `tcp://…`.
    pub fn url(&self) -> String {
        self.ready.listen.clone()
    }

    pub fn peer_id(&self) -> &str {
        &self.ready.peer_id
    }

    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// `GET /api/v1/view`.
    pub async fn view(&self) -> Result<Value> {
        http::json(self.ready.http, "/api/v1/view").await
    }

    /// `POST /api/v1/command`; gives status and answer.
    pub async fn order(&self, command: &Value) -> Result<(u16, Value)> {
        let token = std::fs::read_to_string(self.data.path().join("token"))?;
        let path = "/api/v1/command";
        let answer = http::post(self.ready.http, path, token.trim(), &command.to_string()).await?;
        let body = serde_json::from_slice(&answer.body).context("an answer without JSON")?;
        Ok((answer.status, body))
    }

    /// `GET /metrics`.
    pub async fn metrics(&self) -> Result<String> {
        Ok(http::fetch(self.ready.http, "/metrics").await?.text())
    }

    /// Bytes of memory the process holds, where the system tells.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    }

    /// Ends the process without giving it a chance to say anything, as `kill -9` does.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("cannot kill {}", self.setup.name))
    }

    /// Asks the process to end, and waits.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let id = self.child.id().context("it has ended already")?;
        let sent = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        if !sent.success() {
            bail!("cannot signal {}", self.setup.name);
        }
        let ended = timeout(STOP_MAX, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} does not stop", self.setup.name))??)
    }

    /// Starts it again on the same data and the same ports. It must still be the same peer.
    pub async fn restart(&mut self) -> Result<()> {
        let place = Place {
            http: self.ready.http.to_string(),
            listen: vec![self.ready.listen.clone()],
            ..self.setup.place.clone()
        };
        let logs = (&self.log, &self.events);
        let (child, ready) = launch(&self.setup, self.data.path(), &place, logs).await?;
        self.child = child;
        if ready != self.ready {
            bail!("{} came back as another: {:?}, then {ready:?}", self.setup.name, self.ready);
        }
        Ok(())
    }

    /// What it said of this kind so far, oldest first.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let lines = self.events.lines();
        let events = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == kind).collect()
    }

    /// Runs another command of the program beside this node, with its data.
    pub async fn program(&self, args: &[&str]) -> Result<String> {
        let mut command = beside(&self.setup.place.prefix);
        let output = command.args(args).arg("--data").arg(self.data.path()).output().await?;
        if !output.status.success() {
            bail!("{args:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `POST /api/v1/command` from the machine the node runs on, by the shell's own sockets: the
    /// API answers that machine alone.
    pub async fn post(&self, body: &Value) -> Result<()> {
        let token = std::fs::read_to_string(self.data.path().join("token"))?;
        let (body, port) = (body.to_string(), self.ready.http.port());
        let request = format!(
            "POST /api/v1/command HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            token.trim(),
            body.len()
        );
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf %s \"$0\" >&3; cat <&3");
        let mut command = match self.setup.place.prefix.split_first() {
            None => Command::new("bash"),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg("bash");
                command
            }
        };
        let run = command.arg("-c").arg(script).arg(request).kill_on_drop(true).output();
        let output = timeout(STOP_MAX, run).await.context("no answer to a command")??;
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        match answer.split_whitespace().nth(1) {
            Some("200") => Ok(()),
            _ => bail!("{body}: {answer}"),
        }
    }

    /// An error when the node logged one.
    pub fn logged_no_error(&self) -> Result<()> {
        let lines = self.log.lines();
        match lines.iter().find(|line| line.contains("ERROR")) {
            Some(line) => bail!("{} logged: {line}", self.setup.name),
            None => Ok(()),
        }
    }
}

impl Log {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

async fn launch(
    setup: &Setup,
    data: &Path,
    place: &Place,
    (log, heard): (&Log, &Log),
) -> Result<(Child, Ready)> {
    let mut args: Vec<OsString> = vec!["run".into(), "--json".into(), "--data".into(), data.into()];
    let bots = setup.bots.to_string();
    let healing = match setup.healing {
        Healing::OnRequest => "on_request",
        Healing::Automatic => "automatic",
    };
    let pairs = [
        ("--http", place.http.as_str()),
        ("--name", &setup.name),
        ("--bots", &bots),
        ("--healing", healing),
    ];
    let (ble, adapter, bus) = match &setup.bluetooth {
        Bluetooth::Off => ("off", None, None),
        Bluetooth::Bus(bus) => ("on", None, Some(bus)),
        Bluetooth::Adapter(name) => ("on", Some(("--ble-adapter", name.as_str())), None),
    };
    let role = setup.role.map(|role| ("--role", role));
    let advertise = place.advertise.map(|url| ("--advertise", url));
    let more = [("--ble", ble)].into_iter().chain(adapter).chain(role).chain(advertise);
    let connect = setup.connect.iter().map(|url| ("--connect", url.as_str()));
    let listen = place.listen.iter().map(|url| ("--listen", url.as_str()));
    for (flag, value) in pairs.into_iter().chain(more).chain(connect).chain(listen) {
        args.extend([flag.into(), value.into()]);
    }
    let mut command = beside(&place.prefix);
    if let Some(bus) = bus {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
    }
    let mut child = command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| {
            format!("cannot run {}; build it: cargo xtask test --only node", binary().display())
        })?;
    let (events, mut told) = mpsc::unbounded_channel();
    if let Some(stdout) = child.stdout.take() {
        let heard = heard.clone();
        tokio::spawn(each_line(stdout, move |line| {
            heard.push(line.clone());
            // Nobody listens any more once the node is ready, but its pipe must not fill.
            let _ = events.send(line);
        }));
    }
    if let Some(stderr) = child.stderr.take() {
        let log = log.clone();
        tokio::spawn(each_line(stderr, move |line| log.push(line)));
    }
    let wait = async {
        while let Some(line) = told.recv().await {
            if let Some(mut ready) = parse_ready(&line) {
                ready.http.set_ip(place.seen_at.unwrap_or(ready.http.ip()));
                return Some(ready);
            }
        }
        None
    };
    match timeout(READY_MAX, wait).await {
        Ok(Some(ready)) => Ok((child, ready)),
        Ok(None) => {
            let status = child.wait().await?;
            bail!("{} ended with {status}: {}", setup.name, log.lines().join("\n"))
        }
        Err(_) => bail!("{} is not ready in time: {}", setup.name, log.lines().join("\n")),
    }
}

/// The program, where this prefix leads.
fn beside(prefix: &[String]) -> Command {
    let mut command = match prefix.split_first() {
        None => Command::new(binary()),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(binary());
            command
        }
    };
    // What the tests are told is no setting of the node.
    for (key, _) in env::vars_os().filter(|(key, _)| is_ours(key)) {
        command.env_remove(key);
    }
    command
}

fn is_ours(key: &OsStr) -> bool {
    key.to_string_lossy().starts_with("BITCRAPS_")
}

async fn each_line(pipe: impl AsyncRead + Unpin, mut take: impl FnMut(String)) {
    let mut lines = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(line);
    }
}

/// `{"event": "ready", "http": "127.0.0.1:8080", "listen": ["tcp://…"], "peer_id": "…"}`
fn parse_ready(line: &str) -> Option<Ready> {
    let event: Value = serde_json::from_str(line).ok()?;
    if event["event"] != "ready" {
        return None;
    }
    let http = event["http"].as_str()?;
    let http = http.strip_prefix("http://").unwrap_or(http).trim_end_matches('/');
    let mut listen = event["listen"].as_array()?.iter().filter_map(Value::as_str);
    Some(Ready {
        http: http.parse().ok()?,
        listen: listen.find(|url| url.starts_with("tcp://"))?.to_owned(),
        peer_id: event["peer_id"].as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read_with_and_without_a_scheme() {
        for http in ["127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080/"] {
            let line = serde_json::json!({
                "event": "ready", "http": http, "listen": ["tcp://127.0.0.1:9"], "peer_id": "ab",
            });
            let ready = parse_ready(&line.to_string()).unwrap();
            assert_eq!(ready.http.port(), 8080);
            assert_eq!(ready.listen, "tcp://127.0.0.1:9");
        }
        assert_eq!(parse_ready(r#"{"event":"map_changed"}"#), None);
        assert_eq!(parse_ready("calm words"), None);
    }

    #[test]
    fn the_log_keeps_only_the_newest_lines() {
        let log = Log::default();
        for number in 0..=LOG_LINES_MAX {
            log.push(number.to_string());
        }
        assert_eq!(log.lines().len(), LOG_LINES_MAX);
        assert_eq!(log.lines()[0], "1");
    }
}

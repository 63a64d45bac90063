//! `bitcraps run`: start, say where, wait, stop.

use crate::{
    cli,
    lines::Lines,
    terminal::{self, StatusLine},
};
use bitcraps_core::node::{LinkState, NodeView, Transport};
use bitcraps_node::{
    config::{Debug, Settings},
    driver::DriverError,
    start::{self, Started},
};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::broadcast::error::RecvError,
};

/// Between two updates of the status line.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// A stop that takes longer is given up.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Threads that drive nodes and links: two, so that a bot's curve arithmetic does not hold up the
/// served node. Guess: a machine for one table needs no more. On one processor one: a second would
/// only add a change of threads between a link and its node.
const WORKERS_MAX: usize = 2;

pub fn run(flags: cli::Run, since: Instant) -> anyhow::Result<()> {
    let settings = flags.settings()?;
    let status = StatusLine::default();
    terminal::log(settings.log_level(), &status);
    raise_file_limit();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    let done = runtime.block_on(serve(&settings, flags.json, since, &status));
    runtime.shutdown_timeout(Duration::ZERO);
    done
}

async fn serve(
    settings: &Settings,
    json: bool,
    since: Instant,
    status: &StatusLine,
) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let mut started = start::start(settings, since).await?;
    let mut events = started.node.events();
    let mut lines = json.then(Lines::new);
    match &mut lines {
        Some(lines) => lines.say(ready_line(&started)),
        None => announce(settings, &started),
    }
    let mut tick = tokio::time::interval(STATUS_INTERVAL);
    let with_status = !json && StatusLine::is_wanted();
    let failed: Option<DriverError> = loop {
        tokio::select! {
            () = signals.next() => break None,
            error = started.failed() => break Some(error),
            _ = tick.tick(), if with_status => {
                if let Ok(view) = started.node.view().await {
                    status.show(&status_line(&view));
                }
            }
            event = events.recv(), if json => match (event, &mut lines) {
                (Ok(event), Some(lines)) => lines.say(serde_json::to_string(&*event)?),
                (Err(RecvError::Lagged(missed)), Some(lines)) => lines.missed(missed),
                // The node's end is reported by `failed`.
                (Err(RecvError::Closed), _) | (_, None) => break Some(started.failed().await),
            },
        }
    };
    status.show("");
    tokio::select! {
        stopped = tokio::time::timeout(STOP_TIMEOUT, started.stop()) => match stopped {
            Ok(stopped) => failed.map_or(stopped, Err)?,
            Err(_) => anyhow::bail!("stopping took longer than {} s", STOP_TIMEOUT.as_secs()),
        },
        () = signals.next() => anyhow::bail!("stopped at once, as asked twice"),
    }
    if let Some(mut lines) = lines {
        lines.say(r#"{"event":"stopped"}"#.to_owned());
        lines.end();
    }
    Ok(())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn ready_line(started: &Started) -> String {
    let line = serde_json::json!({
        "event": "ready",
        "http": http_url(started),
        "https": started.https.map(|address| format!("https://{address}")),
        "invitation": started.invitation.link,
        "listen": started.listen.urls(),
        "peer_id": started.node.peer_id(),
        "bots": started.bots,
        "token": started.token.as_str(),
        "startup_ms": started.startup.as_secs_f64() * 1000.0,
    });
    line.to_string()
}

fn http_url(started: &Started) -> Option<String> {
    started.http.map(|address| format!("http://{address}"))
}

fn announce(settings: &Settings, started: &Started) {
    terminal::say(&match http_url(started) {
        Some(url) => format!("BitCraps is ready: open {url}"),
        None => "BitCraps is ready (no web pages: http is off)".to_owned(),
    });
    terminal::say(&format!("  this node    {}", started.node.peer_id()));
    terminal::say(&format!("  peers join   {}", started.listen.urls().join(", ")));
    if let Some(at) = started.https {
        terminal::say(&format!("  over TLS     https://{at}"));
    }
    terminal::say(&format!("  bots         {}", started.bots.len()));
    terminal::say(&format!("  data         {}", absolute(&settings.data)));
    match (&started.invitation.link, &started.invitation.why) {
        (Some(link), _) => {
            terminal::say(&format!("  guests open  {link}"));
            terminal::say(&started.invitation.text());
        }
        (None, Some(why)) => terminal::say(&format!("  guests       none: {why}")),
        (None, None) => {}
    }
    terminal::say("  stop         Ctrl-C");
    if settings.debug == Debug::On || settings.log >= tracing::Level::DEBUG {
        terminal::say(&format!("  API token    {}", started.token.as_str()));
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}

fn status_line(view: &NodeView) -> String {
    let open = view.links.iter().filter(|link| link.state == LinkState::Open);
    let by = |transport: Transport| {
        let count = open.clone().filter(|link| link.transport == transport).count();
        (count > 0).then(|| format!("{} {count}", transport.name()))
    };
    let kinds: Vec<String> = Transport::ALL.into_iter().filter_map(by).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let health = match view.partitions.len() {
        0 => "nobody in reach yet".to_owned(),
        1 => "whole".to_owned(),
        parts => format!("{parts} parts"),
    };
    format!(
        "{} links{kinds} · mesh of {}, {health} · {} tables",
        open.clone().count(),
        view.map.nodes.len(),
        view.tables.len(),
    )
}

/// A full house of connections needs more files than the usual soft limit of 1024 leaves.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if let Err(e) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!("the limit of open files stays as it is: {e}");
    }
}

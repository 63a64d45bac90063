//! From settings to a running node with its bots, and back.
//!
//! Rules. Everything is bound before anything is written, so that a port in use leaves no trace.
//! What starts together is opened in parallel. Stopping goes the other way round: bots, listeners,
//! the node, its store.

mod bots;
mod doors;
mod reach;
mod web;

pub use doors::Listening;

use doors::Doors;
use web::WebSockets;

use crate::{
    clock::wall_ms,
    components::Components,
    config::{LanDiscovery, Settings},
    discovery::lan::{self, Lan},
    driver::{self, DriverError, NodeHandle},
    http::{
        self, Dashboard,
        guard::{TOKEN_FILE, Token},
        invitation::Invitation,
    },
    identity,
    store::{Entry, Store, StoreError},
    transport::{Ports, Target, Trust, TrustError, ble, describe},
};
use bitcraps_core::{
    crypto::identity::Identity,
    id::{NodeKind, PeerId},
    node::{Address, ComponentState, Config, Node},
    seed::Seed,
};
use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinSet},
};

/// The name of the file that tells the peer id to programs that cannot open the store.
const PEER_ID_FILE: &str = "peer_id";

/// Why a node did not start. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "cannot listen on {address}: {why}; {advice} or pass --listen {}://127.0.0.1:PORT",
        address.0.split(':').next().unwrap_or_default()
    )]
    Listen { address: Address, why: String, advice: &'static str },
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("cannot listen on http://{address}: {why}; {advice} or pass --http 127.0.0.1:PORT")]
    Http { address: SocketAddr, why: String, advice: &'static str },
    #[error("bots need an address to connect to; pass --listen tcp://127.0.0.1:0 or --bots 0")]
    BotsCannotConnect,
    #[error("cannot listen on https://{address}: {why}; {advice} or pass --https 127.0.0.1:PORT")]
    Https { address: SocketAddr, why: String, advice: &'static str },
    #[error("http and https cannot share {address}; give one of them another port")]
    SharedAddress { address: SocketAddr },
    #[error("no certificate in {}: {why}; pass --https off to do without", data.display())]
    Certificate { data: PathBuf, why: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot use {}: {why}", path.display())]
    File { path: PathBuf, why: String },
    #[error("the operating system gives no random bytes: {why}")]
    Entropy { why: String },
}

/// Sockets that listen already, though nobody answers yet.
struct Bound {
    web: WebSockets,
    doors: Doors,
}

/// A node's files, opened.
struct Opened {
    store: Store,
    identity: Identity,
    seed: Seed,
    entries: Vec<Entry>,
}

/// A started node. Dropping it without [`Started::stop`] leaves the tasks to the runtime's end.
pub struct Started {
    pub node: NodeHandle,
    /// Where the pages are, with the real port.
    pub http: Option<SocketAddr>,
    /// Where the pages are over TLS, with the real port.
    pub https: Option<SocketAddr>,
    pub invitation: Arc<Invitation>,
    /// Where peers are accepted, with the real ports.
    pub listen: Listening,
    pub bots: Vec<PeerId>,
    pub token: Token,
    /// From `since` (see [`start`]) until everything listened.
    pub startup: Duration,
    bot_handles: Vec<NodeHandle>,
    listeners: Vec<AbortHandle>,
    stopping: watch::Sender<bool>,
    /// Ends with this.
    _lan: Option<Lan>,
    drivers: JoinSet<Result<(), DriverError>>,
}

/// Starts a node with its bots. `since` is when the process started, for the figure of
/// `/metrics`. On an error nothing runs, and what is on disk is whole.
pub async fn start(settings: &Settings, since: Instant) -> Result<Started, StartError> {
    let bound = bind(settings)?;
    let trust = settings.trust.as_deref().map_or(Ok(Trust::default()), Trust::with_file)?;
    let listen = bound.doors.listening();
    let http = bound.web.http();
    let entry = bots::entry(&listen, http);
    if settings.bots > 0 && entry.is_none() {
        return Err(StartError::BotsCannotConnect);
    }
    let seed = entropy()?;
    // The node's own directory is locked before any of its bots' is made.
    let opened = open(settings.data.clone(), seed.clone(), settings.work_bits).await?;
    let token = token(&settings.data, &opened.seed)?;
    let front = bound.web.front(settings)?;
    let dirs = bots::directories(&settings.data, settings.bots);
    let opened_bots = open_all(dirs, &seed, settings.work_bits).await?;

    let (stopping, stop_seen) = watch::channel(false);
    let startup = Arc::new(OnceLock::new());
    let mut drivers = JoinSet::new();
    let mut listeners = Vec::new();
    let config = node_config(settings, &listen, http);
    let publication = lan::Publication::new(&opened.identity, &config, wall_ms());
    let main = run(config, opened, settings.max_concurrent_connections, trust)?;
    let components = Components::default();
    if settings.ble.mode != ble::Mode::Off {
        let part = components.part("bluetooth");
        let (bluetooth, radio) = ble::start(settings.ble.clone(), main.ports.clone(), part);
        // It is set nowhere else.
        let _ = main.ports.bluetooth.set(bluetooth);
        listeners.push(radio);
    }
    drivers.spawn(join(main.task));
    listeners.extend(bound.doors.open(&main.ports, &components)?);
    let lan = look_around(settings, publication, &main.ports, &components, &mut listeners);
    let router = http::router(Dashboard {
        node: main.handle.clone(),
        components: components.clone(),
        ports: main.ports,
        token: token.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        invitation: front.invitation.clone(),
        startup: startup.clone(),
        stopping: stop_seen.clone(),
    });
    let report = (&components, &main.handle.counters);
    listeners.extend(bound.web.serve(&front, &router, report, &stop_seen)?);
    let mut bot_handles = Vec::new();
    for (opened, config) in opened_bots.into_iter().zip(bots::configs(settings, entry)) {
        let bot = run(config, opened, 1, Trust::default())?;
        drivers.spawn(join(bot.task));
        bot_handles.push(bot.handle);
    }
    listeners.extend(watch_parts(&components, &main.handle, &bot_handles));
    let startup = *startup.get_or_init(|| since.elapsed());
    let bots = bot_handles.iter().map(NodeHandle::peer_id).collect();
    let node = main.handle;
    Ok(Started {
        node,
        http,
        https: front.https,
        invitation: front.invitation,
        listen,
        bots,
        token,
        startup,
        bot_handles,
        listeners,
        stopping,
        _lan: lan,
        drivers,
    })
}

impl Started {
    /// Waits until a node ends by itself, which only an error makes it do.
    pub async fn failed(&mut self) -> DriverError {
        loop {
            match self.drivers.join_next().await {
                Some(Ok(Err(error))) => return error,
                Some(Ok(Ok(()))) => {}
                Some(Err(e)) => return ended(&e.to_string()),
                None => return ended("it ended"),
            }
        }
    }

    /// Says goodbye to every peer, writes everything, closes the files.
    pub async fn stop(mut self) -> Result<(), DriverError> {
        for bot in &self.bot_handles {
            bot.stop().await;
        }
        // Nobody may be watching any more.
        let _ = self.stopping.send(true);
        self.listeners.iter().for_each(AbortHandle::abort);
        self.node.stop().await;
        let mut result = Ok(());
        while let Some(ended) = self.drivers.join_next().await {
            match ended {
                Ok(ended) => result = result.and(ended),
                Err(e) => result = result.and(Err(self::ended(&e.to_string()))),
            }
        }
        result
    }
}

/// The parts that have to be asked.
fn watch_parts(
    components: &Components,
    node: &NodeHandle,
    bots: &[NodeHandle],
) -> Vec<AbortHandle> {
    let asked = node.clone();
    let mut watching = vec![components.watch("node", move || {
        let node = asked.clone();
        async move { node_state(&node).await }
    })];
    let asked = node.clone();
    watching.push(components.watch("store", move || {
        let node = asked.clone();
        async move {
            match node.check_store().await {
                Ok(()) => ComponentState::Healthy,
                Err(error) => ComponentState::Unhealthy { error },
            }
        }
    }));
    for (number, bot) in (1..).zip(bots) {
        let bot = bot.clone();
        watching.push(components.watch(format!("bot {number}"), move || {
            let bot = bot.clone();
            async move { node_state(&bot).await }
        }));
    }
    watching
}

/// Whether a node's loop turns, and how much waits for it.
async fn node_state(node: &NodeHandle) -> ComponentState {
    let (waiting, limit) = (node.inbox_depth(), driver::INBOX_MAX);
    match node.ping().await {
        Ok(()) if waiting * 4 > limit * 3 => {
            ComponentState::Degraded { why: format!("{waiting} of {limit} messages wait for it") }
        }
        Ok(()) => ComponentState::Healthy,
        Err(error) => ComponentState::Unhealthy { error: error.to_string() },
    }
}

fn ended(why: &str) -> DriverError {
    StoreError::WriteFailed { why: format!("the node's task failed: {why}") }.into()
}

async fn join(task: tokio::task::JoinHandle<Result<(), DriverError>>) -> Result<(), DriverError> {
    match task.await {
        Ok(result) => result,
        Err(e) => Err(ended(&e.to_string())),
    }
}

/// The peer id of a data directory; makes the identity when there is none.
pub fn peer_id(dir: &Path, work_bits: u8) -> Result<PeerId, StartError> {
    // A running node holds the store, so its id is also kept where it can be read.
    let kept = fs::read_to_string(dir.join(PEER_ID_FILE)).ok();
    if let Some(id) = kept.and_then(|text| text.trim().parse().ok()) {
        return Ok(id);
    }
    let store = Store::open(dir)?;
    let identity = identity::load_or_create(&store, &entropy()?, work_bits)?;
    write_peer_id(dir, identity.id())?;
    Ok(identity.id())
}

fn write_peer_id(dir: &Path, id: PeerId) -> Result<(), StartError> {
    let path = dir.join(PEER_ID_FILE);
    let text = format!("{id}\n");
    if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return Ok(());
    }
    fs::write(&path, text).map_err(|e| StartError::File { path, why: describe(&e) })
}

fn token(dir: &Path, seed: &Seed) -> Result<Token, StartError> {
    Token::read_or_create(dir, seed).map_err(|e| {
        let why = match e.kind() {
            io::ErrorKind::Other => e.to_string(),
            _ => describe(&e),
        };
        StartError::File { path: dir.join(TOKEN_FILE), why }
    })
}

fn entropy() -> Result<Seed, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| StartError::Entropy { why: e.to_string() })?;
    Ok(Seed::from_bytes(bytes))
}

fn bind(settings: &Settings) -> Result<Bound, StartError> {
    let doors = Doors::bind(&settings.listen_addresses())?;
    Ok(Bound { web: WebSockets::bind(settings)?, doors })
}

/// What a person can do about a socket that cannot be had.
fn advice(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::AddrInUse => "stop the other program",
        io::ErrorKind::PermissionDenied => "use a port above 1023",
        _ => "use an address of this machine",
    }
}

/// Opens on a thread that may wait for the disk and look for work.
async fn open(dir: PathBuf, seed: Seed, work_bits: u8) -> Result<Opened, StartError> {
    let opening = tokio::task::spawn_blocking(move || -> Result<Opened, StartError> {
        let store = Store::open(&dir)?;
        let identity = identity::load_or_create(&store, &seed, work_bits)?;
        write_peer_id(&dir, identity.id())?;
        let entries = store.entries()?;
        Ok(Opened { store, identity, seed, entries })
    });
    opening.await.unwrap_or_else(|e| Err(StoreError::WriteFailed { why: e.to_string() }.into()))
}

async fn open_all(
    dirs: Vec<PathBuf>,
    seed: &Seed,
    work_bits: u8,
) -> Result<Vec<Opened>, StartError> {
    let opening: Vec<_> = dirs
        .into_iter()
        .enumerate()
        .map(|(i, dir)| tokio::spawn(open(dir, seed.fork(&format!("bot {i}")), work_bits)))
        .collect();
    let mut opened = Vec::new();
    for task in opening {
        let result = task.await;
        opened.push(result.map_err(|e| StoreError::WriteFailed { why: e.to_string() })??);
    }
    Ok(opened)
}

/// Finds peers on the same network, or says why not.
fn look_around(
    settings: &Settings,
    publication: lan::Publication,
    ports: &Ports,
    components: &Components,
    listeners: &mut Vec<AbortHandle>,
) -> Option<Lan> {
    if settings.lan_discovery == LanDiscovery::Off {
        return None;
    }
    let name = "lan discovery";
    if let Some(why) = lan::off_because(&publication.addresses) {
        listeners.push(
            components
                .watch(name, move || async move { ComponentState::Off { why: why.to_owned() } }),
        );
        return None;
    }
    Some(lan::start(publication, ports.clone(), components.part(name)))
}

fn node_config(settings: &Settings, listen: &Listening, http: Option<SocketAddr>) -> Config {
    let told = || reach::addresses(listen, http, reach::outbound);
    Config {
        name: settings.name.clone(),
        kind: if http.is_some() { NodeKind::Gateway } else { NodeKind::Regular },
        role: settings.role,
        strategy: settings.bot_strategies.first().copied().unwrap_or_default(),
        work_bits: settings.work_bits,
        dial: settings.connect.clone(),
        health: settings.health.clone(),
        addresses: settings.advertise.clone().unwrap_or_else(told),
        dials: dials(settings),
        healing: settings.healing,
    }
}

/// What this node can dial.
fn dials(settings: &Settings) -> Vec<String> {
    let uses = |scheme: &&str| *scheme != "ble" || settings.ble.mode != ble::Mode::Off;
    Target::SCHEMES.into_iter().filter(uses).map(str::to_owned).collect()
}

fn run(
    config: Config,
    opened: Opened,
    connections_max: usize,
    trust: Trust,
) -> Result<driver::Running, StoreError> {
    let Opened { store, identity, seed, entries } = opened;
    let writer = store.write_behind()?;
    let seed = seed.fork("node");
    let build = |now| Node::new(config, identity, &seed, entries, now, wall_ms());
    Ok(driver::spawn(build, writer, connections_max, trust))
}

//! What a person can set: a TOML file, then `BITCRAPS_*` environment, then flags; later wins.
//!
//! Rules. Every value from every source is checked and every fault is reported at once, each with
//! its key, value, allowed range and source. An unknown key is a fault, with the nearest known key
//! beside it: a misspelt limit must not be silently the default.

mod keys;
mod layers;

pub use keys::{BOTS_MAX, KEYS};
pub use layers::{Problem, Problems, Source, load};

use crate::transport::ble;
use bitcraps_core::node::{Address, Healing, HealthConfig, SeatRole, Strategy};
use std::{net::SocketAddr, path::PathBuf};

/// Everything that starts a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub name: String,
    /// Of the default listen address.
    pub port: u16,
    pub data: PathBuf,
    /// `None` serves no pages, no API and no WebSocket.
    pub http: Option<SocketAddr>,
    /// `tcp://`, `quic://` and `udp://`. `None` listens for all three on every interface at `port`.
    pub listen: Option<Vec<Address>>,
    pub connect: Vec<Address>,
    /// The same over TLS, with a certificate that the node makes itself.
    pub https: Option<SocketAddr>,
    /// Where others can dial this node. `None`: what can be told from where it listens.
    pub advertise: Option<Vec<Address>>,
    /// Certificates that `wss://` may rest on besides the system's.
    pub trust: Option<PathBuf>,
    /// Whether and with which adapter Bluetooth is used.
    pub ble: ble::Options,
    pub lan_discovery: LanDiscovery,
    pub healing: Healing,
    pub bots: usize,
    /// How the bots bet, in turn and from the first again.
    pub bot_strategies: Vec<Strategy>,
    pub role: SeatRole,
    pub work_bits: u8,
    pub max_concurrent_connections: usize,
    pub debug: Debug,
    pub log: tracing::Level,
    pub allowed_origins: Vec<String>,
    /// How often the mesh is looked at, and what raises an alert.
    pub health: HealthConfig,
}

/// Whether peers on the same network are looked for, and told that this node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanDiscovery {
    On,
    Off,
}

/// Whether the program says more than a person wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debug {
    Off,
    /// Log at debug level, and print the API token at the start.
    On,
}

impl Settings {
    /// The defaults, with `data` where this system keeps a user's data.
    pub fn new(data: PathBuf) -> Settings {
        Settings {
            name: "node".to_owned(),
            port: 9000,
            data,
            http: Some(SocketAddr::from(([127, 0, 0, 1], 8080))),
            listen: None,
            connect: Vec::new(),
            https: None,
            advertise: None,
            lan_discovery: LanDiscovery::On,
            trust: None,
            ble: ble::Options { mode: ble::Mode::Auto, adapter: None },
            healing: Healing::Automatic,
            bots: 3,
            bot_strategies: vec![Strategy::Conservative],
            role: SeatRole::Witness,
            work_bits: bitcraps_core::crypto::identity::WORK_BITS_DEFAULT,
            max_concurrent_connections: 200,
            debug: Debug::Off,
            log: tracing::Level::WARN,
            allowed_origins: Vec::new(),
            health: HealthConfig::default(),
        }
    }

    /// Where to accept peers, such as `tcp://0.0.0.0:9000`.
    pub fn listen_addresses(&self) -> Vec<Address> {
        let everywhere = || {
            let at = |scheme| Address(format!("{scheme}://0.0.0.0:{}", self.port));
            ["tcp", "quic", "udp"].map(at).to_vec()
        };
        self.listen.clone().unwrap_or_else(everywhere)
    }

    pub fn log_level(&self) -> tracing::Level {
        match self.debug {
            Debug::On => self.log.max(tracing::Level::DEBUG),
            Debug::Off => self.log,
        }
    }
}

/// Where this system keeps a user's data, if it says so.
pub fn default_data_dir(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = set("XDG_DATA_HOME") {
        return Some(dir.join("bitcraps"));
    }
    let below = match cfg!(target_os = "macos") {
        true => "Library/Application Support",
        false => ".local/share",
    };
    set("HOME").map(|home| home.join(below).join("bitcraps"))
}

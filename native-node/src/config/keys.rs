//! The keys, what each allows, and how its text becomes a setting.

use super::{Debug, LanDiscovery, Settings};
use crate::transport::{Target, ble};
use bitcraps_core::{
    limits::{LINKS_MAX, NAME_BYTES_MAX},
    node::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, Address, Healing, SeatRole, Strategy},
};
use std::{path::PathBuf, time::Duration};

/// Bots of one process. Guess: each is a whole node with its own file and links.
pub const BOTS_MAX: usize = 15;

/// Work that a laptop finds within minutes, in bits.
pub const WORK_BITS_MAX: u8 = 28;

/// Addresses to listen on or to connect to, and origins: entries of one list.
pub const LIST_MAX: usize = 64;

const LISTEN: &str =
    "tcp://HOST:PORT, quic://HOST:PORT or udp://HOST:PORT (WebSocket peers join through `http`)";

const CONNECT: &str = "tcp://, quic://, udp://, ws:// or wss:// with HOST:PORT, or ble://ADDRESS";

const ADVERTISE: &str =
    "up to 4 of tcp://, quic:// and udp:// with HOST:PORT, ws:// and wss:// with HOST:PORT/mesh";

const STRATEGIES: &str = "at most 15 of conservative, iron_cross, martingale and random";

/// One setting.
pub struct Key {
    pub name: &'static str,
    /// What is allowed, for people.
    pub allowed: &'static str,
    pub arity: Arity,
    /// `false`: the value is not allowed.
    set: fn(&mut Settings, &str) -> bool,
}

/// How many values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    One,
    /// A TOML list, a repeated flag, or a variable with commas.
    Many,
}

impl Key {
    const fn one(
        name: &'static str,
        allowed: &'static str,
        set: fn(&mut Settings, &str) -> bool,
    ) -> Key {
        Key { name, allowed, arity: Arity::One, set }
    }

    const fn many(
        name: &'static str,
        allowed: &'static str,
        set: fn(&mut Settings, &str) -> bool,
    ) -> Key {
        Key { name, allowed, arity: Arity::Many, set }
    }

    pub fn set(&self, settings: &mut Settings, value: &str) -> bool {
        (self.set)(settings, value)
    }

    /// Starts a list anew: a later source replaces it, it does not add to it.
    pub fn clear(&self, settings: &mut Settings) {
        match self.name {
            "listen" => settings.listen = Some(Vec::new()),
            "connect" => settings.connect.clear(),
            "advertise" => settings.advertise = Some(Vec::new()),
            "allowed_origins" => settings.allowed_origins.clear(),
            "bot_strategies" => settings.bot_strategies.clear(),
            _ => debug_assert_eq!(self.arity, Arity::One),
        }
    }
}

/// Every key there is.
pub const KEYS: [Key; 27] = [
    Key::one("name", "1 to 32 bytes without control characters", |s, v| {
        let sound = (1..=NAME_BYTES_MAX).contains(&v.len()) && !v.chars().any(char::is_control);
        v.clone_into(&mut s.name);
        sound
    }),
    Key::one("port", "0 to 65535, the TCP and UDP port when `listen` is not set", |s, v| {
        number(v, 0, u16::MAX, &mut s.port)
    }),
    Key::one("data", "a directory", |s, v| {
        s.data = PathBuf::from(v);
        !v.is_empty()
    }),
    Key::one("http", "IP:PORT, or off", |s, v| match v {
        "off" => {
            s.http = None;
            true
        }
        _ => v.parse().map(|address| s.http = Some(address)).is_ok(),
    }),
    Key::one("https", "IP:PORT, or off", |s, v| match v {
        "off" => {
            s.https = None;
            true
        }
        _ => v.parse().map(|address| s.https = Some(address)).is_ok(),
    }),
    Key::many("listen", LISTEN, |s, v| {
        let listens = matches!(
            Target::parse(v),
            Ok(Target::Tcp { .. } | Target::Quic { .. } | Target::Udp { .. })
        );
        let list = s.listen.get_or_insert_default();
        list.push(Address(v.to_owned()));
        listens && list.len() <= LIST_MAX
    }),
    Key::many("connect", CONNECT, |s, v| {
        s.connect.push(Address(v.to_owned()));
        Target::parse(v).is_ok() && s.connect.len() <= LIST_MAX
    }),
    Key::many("advertise", ADVERTISE, |s, v| {
        let list = s.advertise.get_or_insert_default();
        list.push(Address(v.to_owned()));
        Target::parse(v).is_ok() && v.len() <= ADDRESS_BYTES_MAX && list.len() <= ADDRESSES_MAX
    }),
    Key::one("trust", "a PEM file of certificates that wss:// may rest on, or none", |s, v| {
        s.trust = (v != "none").then(|| PathBuf::from(v));
        !v.is_empty()
    }),
    Key::one("ble", "on, auto or off", |s, v| {
        s.ble.mode = match v {
            "on" => ble::Mode::On,
            "auto" => ble::Mode::Auto,
            "off" => ble::Mode::Off,
            _ => return false,
        };
        true
    }),
    Key::one("ble_adapter", "the name of a Bluetooth adapter such as hci0, or any", |s, v| {
        s.ble.adapter = (v != "any").then(|| v.to_owned());
        (1..=32).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_alphanumeric())
    }),
    Key::one("lan_discovery", "on or off", |s, v| {
        s.lan_discovery = match v {
            "on" => LanDiscovery::On,
            "off" => LanDiscovery::Off,
            _ => return false,
        };
        true
    }),
    Key::one("healing", "automatic or on_request", |s, v| {
        s.healing = match v {
            "automatic" => Healing::Automatic,
            "on_request" => Healing::OnRequest,
            _ => return false,
        };
        true
    }),
    Key::one("bots", "0 to 15", |s, v| number(v, 0, BOTS_MAX, &mut s.bots)),
    Key::many("bot_strategies", STRATEGIES, |s, v| {
        let strategy: Result<Strategy, _> = v.parse();
        s.bot_strategies.extend(strategy);
        strategy.is_ok() && s.bot_strategies.len() <= BOTS_MAX
    }),
    Key::one("role", "player, bot or witness", |s, v| {
        s.role = match v {
            "player" => SeatRole::Player,
            "bot" => SeatRole::Bot,
            "witness" => SeatRole::Witness,
            _ => return false,
        };
        true
    }),
    Key::one("work_bits", "0 to 28, the same on every peer of a mesh", |s, v| {
        number(v, 0, WORK_BITS_MAX, &mut s.work_bits)
    }),
    Key::one("max_concurrent_connections", "1 to 256", |s, v| {
        number(v, 1, LINKS_MAX, &mut s.max_concurrent_connections)
    }),
    Key::one("debug", "true or false", |s, v| {
        s.debug = match v {
            "true" => Debug::On,
            "false" => Debug::Off,
            _ => return false,
        };
        true
    }),
    Key::one("log", "error, warn, info, debug or trace", |s, v| {
        v.parse().map(|level| s.log = level).is_ok() && v.chars().all(char::is_alphabetic)
    }),
    Key::many("allowed_origins", "an origin such as https://play.example:8443", |s, v| {
        s.allowed_origins.push(v.to_owned());
        let host = v.strip_prefix("http://").or_else(|| v.strip_prefix("https://"));
        host.is_some_and(|h| !h.is_empty() && !h.contains('/'))
            && s.allowed_origins.len() <= LIST_MAX
    }),
    Key::one("coordination.network_monitor.health_check_interval_seconds", "1 to 3600", |s, v| {
        let mut seconds = 0;
        let sound = number(v, 1, 3600, &mut seconds);
        s.health.interval = Duration::from_secs(seconds);
        sound
    }),
    Key::one("coordination.network_monitor.anomaly_threshold_multiplier", "0.5 to 10", |s, v| {
        number(v, 0.5, 10.0, &mut s.health.anomaly_multiplier)
    }),
    Key::one("coordination.network_monitor.partition_risk_alert_threshold", "0 to 1", |s, v| {
        share(v, &mut s.health.thresholds.risk)
    }),
    Key::one("coordination.network_monitor.max_diameter_alert", "1 to 1000 hops", |s, v| {
        number(v, 1, 1000, &mut s.health.thresholds.diameter)
    }),
    Key::one("coordination.network_monitor.min_clustering_coefficient", "0 to 1", |s, v| {
        share(v, &mut s.health.thresholds.clustering)
    }),
    Key::one("coordination.network_monitor.bridge_node_load_threshold", "0 to 1", |s, v| {
        share(v, &mut s.health.thresholds.cut_node_load)
    }),
];

fn number<T: std::str::FromStr + PartialOrd>(text: &str, min: T, max: T, out: &mut T) -> bool {
    match text.parse() {
        Ok(n) if n >= min && n <= max => {
            *out = n;
            true
        }
        _ => false,
    }
}

fn share(text: &str, out: &mut f64) -> bool {
    number(text, 0.0, 1.0, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_takes_what_it_allows_and_nothing_else() {
        let cases: [(&str, &[&str], &[&str]); 27] = [
            ("name", &["a", "Größe"], &["", "a\nb", "0123456789012345678901234567890123"]),
            ("port", &["0", "65535"], &["65536", "-1", ""]),
            ("data", &["/tmp/x"], &[""]),
            ("http", &["127.0.0.1:0", "[::1]:80", "off"], &["localhost", "127.0.0.1", "on"]),
            ("https", &["0.0.0.0:8443", "off"], &["localhost", "https://h:1"]),
            (
                "listen",
                &["tcp://0.0.0.0:0", "quic://[::]:1", "udp://h:1"],
                &["ws://h:1", "0.0.0.0:1", "tcp://h", "ble://AA:BB:CC:DD:EE:FF"],
            ),
            (
                "connect",
                &["tcp://h:1", "quic://h:1", "udp://h:1", "wss://h:1/mesh"],
                &["http://h:1", "tcp://:1"],
            ),
            ("advertise", &["tcp://h:1", "ws://h:1/mesh"], &["http://h:1", "h:1"]),
            ("trust", &["/tmp/ca.pem", "none"], &[""]),
            ("ble", &["on", "auto", "off"], &["true", ""]),
            ("ble_adapter", &["hci0", "any"], &["", "/org/bluez", "hci 0"]),
            ("lan_discovery", &["on", "off"], &["auto", ""]),
            ("healing", &["automatic", "on_request"], &["off", ""]),
            ("bots", &["0", "15"], &["16", "-1", "three"]),
            ("bot_strategies", &["conservative", "iron_cross", "random"], &["lucky", ""]),
            ("role", &["player", "bot", "witness"], &["Player", ""]),
            ("work_bits", &["0", "28"], &["29", "256"]),
            ("max_concurrent_connections", &["1", "256"], &["0", "257"]),
            ("debug", &["true", "false"], &["yes", "1"]),
            ("log", &["error", "trace"], &["loud", "3"]),
            (
                "allowed_origins",
                &["https://a.b", "http://h:1"],
                &["a.b", "https://a/b", "https://"],
            ),
            (
                "coordination.network_monitor.health_check_interval_seconds",
                &["1", "60"],
                &["0", "1.5"],
            ),
            (
                "coordination.network_monitor.anomaly_threshold_multiplier",
                &["2", "0.5"],
                &["0", "11", "inf"],
            ),
            (
                "coordination.network_monitor.partition_risk_alert_threshold",
                &["0", "0.7", "1"],
                &["1.1", "NaN", "-0.1"],
            ),
            ("coordination.network_monitor.max_diameter_alert", &["1", "8"], &["0", "few"]),
            ("coordination.network_monitor.min_clustering_coefficient", &["0.3"], &["2"]),
            ("coordination.network_monitor.bridge_node_load_threshold", &["0.8"], &["80"]),
        ];
        assert_eq!(cases.map(|case| case.0), KEYS.map(|key| key.name));
        for ((name, good, bad), key) in cases.iter().zip(&KEYS) {
            let settings = Settings::new(PathBuf::new());
            for value in *good {
                assert!(key.set(&mut settings.clone(), value), "{name} = {value}");
            }
            for value in *bad {
                assert!(!key.set(&mut settings.clone(), value), "{name} = {value}");
            }
        }
    }

    #[test]
    fn a_list_is_full_at_its_limit() {
        for key in KEYS.iter().filter(|key| key.arity == Arity::Many) {
            let mut settings = Settings::new(PathBuf::new());
            let value = match key.name {
                "allowed_origins" => "http://h",
                "bot_strategies" => "martingale",
                _ => "tcp://h:1",
            };
            key.clear(&mut settings);
            let most = match key.name {
                "advertise" => ADDRESSES_MAX,
                "bot_strategies" => BOTS_MAX,
                _ => LIST_MAX,
            };
            assert!((0..most).all(|_| key.set(&mut settings, value)), "{}", key.name);
            assert!(!key.set(&mut settings, value), "{}", key.name);
        }
    }
}

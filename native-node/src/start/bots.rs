//! Bots: whole nodes in the same process, so that one person can play at once.
//!
//! Each has its own identity, file and task, and reaches the served node over real loopback TCP,
//! as any other peer would.

use super::Listening;
use crate::config::Settings;
use bitcraps_core::{
    id::NodeKind,
    node::{Address, Config, SeatRole, Strategy},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// As many as the configuration allows bots.
const NAMES: [&str; crate::config::BOTS_MAX] = [
    "Ada",
    "Blaise",
    "Chandra",
    "Dorothy",
    "Emmy",
    "Fermat",
    "Grace",
    "Hedy",
    "Isaac",
    "Jamila",
    "Katherine",
    "Leonhard",
    "Maryam",
    "Noor",
    "Omar",
];

/// Where bots connect: the node's first TCP address, or another door.
pub fn entry(listen: &Listening, http: Option<SocketAddr>) -> Option<Address> {
    let first = |scheme: &str, list: &[SocketAddr]| {
        list.first().map(|address| format!("{scheme}://{}", reachable(*address)))
    };
    let tcp = first("tcp", &listen.tcp);
    let quic = || first("quic", &listen.quic);
    let websocket = || http.map(|address| format!("ws://{}/mesh", reachable(address)));
    tcp.or_else(quic).or_else(websocket).map(Address)
}

/// "Every interface" is an address to listen on, not to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

pub fn directories(data: &Path, bots: usize) -> Vec<PathBuf> {
    (1..=bots).map(|i| data.join("bots").join(i.to_string())).collect()
}

pub fn configs(settings: &Settings, entry: Option<Address>) -> impl Iterator<Item = Config> {
    let work_bits = settings.work_bits;
    let strategies = strategies(&settings.bot_strategies);
    NAMES.iter().zip(strategies).map(move |(name, strategy)| Config {
        name: format!("{name} ({strategy})"),
        kind: NodeKind::Regular,
        role: SeatRole::Bot,
        strategy,
        work_bits,
        dial: entry.iter().cloned().collect(),
        // A way around the node would lead through the same process.
        ..Config::default()
    })
}

/// One for each bot: those that were asked for, in turn.
fn strategies(asked: &[Strategy]) -> impl Iterator<Item = Strategy> + use<> {
    let asked = if asked.is_empty() { vec![Strategy::default()] } else { asked.to_vec() };
    asked.into_iter().cycle()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_says_in_its_name_how_it_bets() {
        let mut settings = Settings::new(PathBuf::new());
        let names = |settings: &Settings| -> Vec<String> {
            configs(settings, None).map(|config| config.name).collect()
        };
        assert_eq!(names(&settings)[..2], ["Ada (conservative)", "Blaise (conservative)"]);
        settings.bot_strategies = vec![Strategy::IronCross, Strategy::Random];
        let mixed = names(&settings);
        assert_eq!(mixed[..3], ["Ada (iron cross)", "Blaise (random)", "Chandra (iron cross)"]);
        for strategy in Strategy::ALL {
            settings.bot_strategies = vec![strategy];
            let longest = names(&settings).iter().map(String::len).max();
            assert!(longest <= Some(bitcraps_core::limits::NAME_BYTES_MAX));
        }
        settings.bot_strategies.clear();
        assert_eq!(names(&settings)[0], "Ada (conservative)");
    }

    #[test]
    fn bots_connect_to_an_address_that_can_be_reached() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let entry = |tcp: &[SocketAddr], http| {
            let listen = Listening { tcp: tcp.to_vec(), ..Listening::default() };
            entry(&listen, http).map(|address| address.0)
        };
        assert_eq!(entry(&[at("0.0.0.0:9000")], None).unwrap(), "tcp://127.0.0.1:9000");
        assert_eq!(entry(&[at("[::]:9000")], None).unwrap(), "tcp://[::1]:9000");
        assert_eq!(entry(&[], Some(at("10.0.0.1:80"))).unwrap(), "ws://10.0.0.1:80/mesh");
        assert_eq!(entry(&[], None), None);
        let quic = Listening { quic: vec![at("[::]:9000")], ..Listening::default() };
        assert_eq!(super::entry(&quic, None).unwrap().0, "quic://[::1]:9000");
    }
}

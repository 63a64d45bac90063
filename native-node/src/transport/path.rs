//! What lies between the two ends of an IP link, told from addresses and interfaces.
//!
//! Rules. One pure function decides for every transport, so that no two of them can disagree. This
//! machine, a shared subnet, link-local and private addresses are the LAN; a home often has more
//! than one subnet, and routers do not pass private addresses on. What goes through a tunnel is
//! the Internet whatever its addresses look like: they are private by habit, and the other end is
//! anywhere. Wi-Fi Direct is the LAN: two radios and nothing between them. Who cannot be told is
//! on the Internet, which promises less.
//!
//! It does not ask which gateway a packet takes, and measures nothing: quality is the core's
//! business.

use bitcraps_core::node::PathClass;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long the list of interfaces is believed. Guess: shorter than anybody takes to change a
/// network and dial again, long enough that a flood of connections costs few readings.
const LIST_KEPT: Duration = Duration::from_secs(2);

/// Addresses of interfaces that are looked at. Guess: far more than a machine has.
const INTERFACES_MAX: usize = 256;

/// How the names of Wi-Fi Direct interfaces start: wpa_supplicant's, Android's, and Apple's own.
const WIFI_DIRECT: [&str; 3] = ["p2p", "awdl", "llw"];

/// How the names of tunnels start.
const TUNNELS: [&str; 9] =
    ["tun", "utun", "wg", "ppp", "tailscale", "zt", "ipsec", "gre", "nebula"];

/// One address of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub ip: IpAddr,
    pub prefix_bits: u8,
}

/// This machine's interfaces, read again when the last reading is old. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    kept: Arc<Mutex<Option<Reading>>>,
}

#[derive(Debug)]
struct Reading {
    at: Instant,
    list: Arc<[Interface]>,
}

impl Interfaces {
    /// The class of a connection between these two addresses. `local` is what the socket says of
    /// itself; one that is bound to every interface says nothing.
    pub fn class(&self, remote: SocketAddr, local: Option<SocketAddr>) -> PathClass {
        class(remote.ip(), local.map(|at| at.ip()), &self.list())
    }

    fn list(&self) -> Arc<[Interface]> {
        // Nothing is left half done under this lock.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(reading) if reading.at.elapsed() < LIST_KEPT => reading.list.clone(),
            _ => {
                let list = read();
                *kept = Some(Reading { at: Instant::now(), list: list.clone() });
                list
            }
        }
    }
}

/// An empty list where the system does not tell: addresses alone still say much.
fn read() -> Arc<[Interface]> {
    let found = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let interfaces = found.map(|found| {
        let prefix_bits = match &found.addr {
            if_addrs::IfAddr::V4(v4) => v4.prefixlen,
            if_addrs::IfAddr::V6(v6) => v6.prefixlen,
        };
        Interface { ip: found.ip(), name: found.name, prefix_bits }
    });
    interfaces.take(INTERFACES_MAX).collect()
}

/// The class of a connection to `remote`; `local` is this end's address if it is known.
pub fn class(remote: IpAddr, local: Option<IpAddr>, interfaces: &[Interface]) -> PathClass {
    let remote = remote.to_canonical();
    let local = local.map(|ip| ip.to_canonical()).filter(|ip| !ip.is_unspecified());
    let own = |ip: IpAddr| interfaces.iter().find(|interface| interface.ip.to_canonical() == ip);
    if remote.is_loopback() || own(remote).is_some() {
        return PathClass::Lan;
    }
    let carries = local.and_then(own);
    let carries = carries.or_else(|| interfaces.iter().find(|i| shares_subnet(i, remote)));
    let named = |prefixes: &[&str]| {
        carries.is_some_and(|i| prefixes.iter().any(|prefix| i.name.starts_with(prefix)))
    };
    if named(&WIFI_DIRECT) {
        return PathClass::Lan;
    }
    if named(&TUNNELS) {
        return PathClass::Internet;
    }
    let near = carries.is_some_and(|i| shares_subnet(i, remote));
    if near || is_private(remote) { PathClass::Lan } else { PathClass::Internet }
}

fn shares_subnet(interface: &Interface, remote: IpAddr) -> bool {
    let shares = |a: u128, b: u128, bits: u32| {
        let prefix = u32::from(interface.prefix_bits).min(bits);
        // The default route is no subnet.
        prefix > 0 && (a ^ b).checked_shr(bits - prefix).unwrap_or(0) == 0
    };
    match (interface.ip.to_canonical(), remote) {
        (IpAddr::V4(a), IpAddr::V4(b)) => shares(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => shares(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

/// Addresses that no router on the Internet passes on (RFC 1918, 3927, 4193, 4291).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, ip: &str, prefix_bits: u8) -> Interface {
        Interface { name: name.to_owned(), ip: ip.parse().unwrap(), prefix_bits }
    }

    #[test]
    fn addresses_and_interfaces_tell_the_lan_from_the_internet() {
        let interfaces = [
            interface("lo", "127.0.0.1", 8),
            interface("wlan0", "192.168.1.7", 24),
            interface("wlan0", "2001:db8:1::7", 64),
            interface("eth0", "203.0.113.7", 28),
            interface("p2p-wlan0-0", "203.0.113.129", 32),
            interface("wg0", "10.8.0.2", 24),
            interface("ppp0", "198.51.100.1", 0),
        ];
        use PathClass::{Internet, Lan};
        for (remote, local, expected) in [
            ("127.0.0.1", "127.0.0.1", Lan),
            ("::1", "::1", Lan),
            ("203.0.113.7", "", Lan),
            ("192.168.1.9", "192.168.1.7", Lan),
            ("::ffff:192.168.1.9", "::ffff:192.168.1.7", Lan),
            ("10.1.2.3", "192.168.1.7", Lan),
            ("172.16.0.1", "", Lan),
            ("172.32.0.1", "", Internet),
            ("169.254.3.4", "", Lan),
            ("fe80::1", "", Lan),
            ("fd12::1", "", Lan),
            ("2001:db8:1::9", "", Lan),
            ("2001:db8:2::9", "2001:db8:1::7", Internet),
            ("203.0.113.1", "203.0.113.7", Lan),
            ("203.0.113.17", "203.0.113.7", Internet),
            ("203.0.113.130", "203.0.113.129", Lan),
            ("10.8.0.1", "10.8.0.2", Internet),
            ("10.8.0.1", "", Internet),
            ("10.8.0.1", "0.0.0.0", Internet),
            ("198.51.100.9", "", Internet),
            ("100.64.0.1", "", Internet),
            ("8.8.8.8", "192.168.1.7", Internet),
        ] {
            let local = local.parse().ok();
            let told = class(remote.parse().unwrap(), local, &interfaces);
            assert_eq!(told, expected, "{remote} from {local:?}");
        }
        assert_eq!(class("192.168.1.9".parse().unwrap(), None, &[]), Lan);
        assert_eq!(class("8.8.8.8".parse().unwrap(), None, &[]), Internet);
    }

    #[test]
    fn this_machines_own_addresses_are_on_the_lan() {
        let here = Interfaces::default();
        for interface in here.list().iter() {
            let at = SocketAddr::new(interface.ip, 9);
            assert_eq!(here.class(at, None), PathClass::Lan, "{interface:?}");
        }
    }
}

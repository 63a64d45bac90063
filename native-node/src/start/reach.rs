//! Where others can dial this node, as far as it can tell by itself.
//!
//! Rules. Nothing is made up: an address is one that a socket listens on, or, for a socket that
//! listens on every interface, the address of the interface that leads to other machines. Loopback
//! leads every machine to itself, so it is told only when there is nothing else: then all nodes
//! are on this machine. Of a long list the first are told: streams, then datagrams. What the world
//! sees behind a router is for a person to say (`advertise`).

use super::Listening;
use bitcraps_core::node::{ADDRESSES_MAX, Address};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses of these listeners for others. `outbound` gives the address from which a packet
/// of the same family would leave this machine.
pub fn addresses(
    listen: &Listening,
    http: Option<SocketAddr>,
    outbound: impl Fn(IpAddr) -> Option<IpAddr>,
) -> Vec<Address> {
    let tcp = listen.tcp.iter().map(|at| ("tcp://", *at, ""));
    let quic = listen.quic.iter().map(|at| ("quic://", *at, ""));
    let websocket = http.iter().map(|at| ("ws://", *at, "/mesh"));
    let udp = listen.udp.iter().map(|at| ("udp://", *at, ""));
    let all: Vec<_> = tcp.chain(quic).chain(websocket).chain(udp).collect();
    let only_loopback = all.iter().all(|(_, at, _)| at.ip().is_loopback());
    let told = |(scheme, at, path): (&str, SocketAddr, &str)| {
        let ip = if at.ip().is_unspecified() { outbound(at.ip())? } else { at.ip() };
        let useful = ip.is_loopback() == only_loopback;
        useful.then(|| Address(format!("{scheme}{}{path}", SocketAddr::new(ip, at.port()))))
    };
    all.into_iter().filter_map(told).take(ADDRESSES_MAX).collect()
}

/// Asks the routing table by connecting a datagram socket, which sends nothing. The address is one
/// that is reserved for documentation (RFC 5737, RFC 3849).
pub fn outbound(family: IpAddr) -> Option<IpAddr> {
    let far = match family {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    };
    let socket = UdpSocket::bind(SocketAddr::new(family, 0)).ok()?;
    socket.connect(SocketAddr::new(far, 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_what_leads_here_from_elsewhere() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let out = |family: IpAddr| match family {
            IpAddr::V4(_) => Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7))),
            IpAddr::V6(_) => None,
        };
        let told = |listen: &[&str], http: Option<&str>| {
            let tcp = listen.iter().map(|text| at(text)).collect();
            let told = addresses(&Listening { tcp, ..Listening::default() }, http.map(at), out);
            told.into_iter().map(|address| address.0).collect::<Vec<_>>()
        };
        assert_eq!(told(&["0.0.0.0:9000"], Some("127.0.0.1:80")), ["tcp://10.0.0.7:9000"]);
        assert_eq!(told(&["[::]:9000"], Some("127.0.0.1:80")), [""; 0]);
        assert_eq!(
            told(&["192.168.1.2:1", "[fd00::1]:2"], Some("10.0.0.1:80")),
            ["tcp://192.168.1.2:1", "tcp://[fd00::1]:2", "ws://10.0.0.1:80/mesh"]
        );
        let here = ["tcp://127.0.0.1:9", "ws://127.0.0.1:80/mesh"];
        assert_eq!(told(&["127.0.0.1:9"], Some("127.0.0.1:80")), here);
        assert_eq!(told(&["10.0.0.1:9"; 9], None).len(), ADDRESSES_MAX);
        assert_eq!(told(&[], None), [""; 0]);
        let one = vec![at("0.0.0.0:9000")];
        let every = Listening { tcp: one.clone(), quic: one.clone(), udp: one };
        let every = addresses(&every, Some(at("10.0.0.7:80")), out);
        assert_eq!(
            every.iter().map(|address| address.0.as_str()).collect::<Vec<_>>(),
            [
                "tcp://10.0.0.7:9000",
                "quic://10.0.0.7:9000",
                "ws://10.0.0.7:80/mesh",
                "udp://10.0.0.7:9000"
            ]
        );
    }
}

//! The sockets at which peers are accepted.
//!
//! Rules. `quic://` and `udp://` with the same host and port share one socket, so that a node needs
//! one port number. Everything is bound before anything is opened.

use super::{StartError, advice};
use crate::{
    components::Components,
    transport::{Ports, Target, describe, quic, shared, tcp, udp},
};
use bitcraps_core::node::Address;
use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
};
use tokio::task::AbortHandle;

/// Bound sockets, though nobody answers yet.
#[derive(Default)]
pub struct Doors {
    tcp: Vec<TcpListener>,
    datagram: Vec<Datagram>,
}

/// One UDP socket and what it carries.
struct Datagram {
    socket: UdpSocket,
    carries: Carries,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Carries {
    Quic,
    Udp,
    Both,
}

/// Where peers are accepted, with the real ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    pub tcp: Vec<SocketAddr>,
    pub quic: Vec<SocketAddr>,
    pub udp: Vec<SocketAddr>,
}

impl Listening {
    /// The same as addresses that can be dialled where they lead to this machine.
    pub fn urls(&self) -> Vec<String> {
        let all = [("tcp", &self.tcp), ("quic", &self.quic), ("udp", &self.udp)];
        let urls = |(scheme, list): (&str, &Vec<SocketAddr>)| {
            list.iter().map(|at| format!("{scheme}://{at}")).collect::<Vec<_>>()
        };
        all.into_iter().flat_map(urls).collect()
    }
}

impl Doors {
    pub fn bind(addresses: &[Address]) -> Result<Doors, StartError> {
        let mut doors = Doors::default();
        // Which socket an authority got.
        let mut bound: BTreeMap<String, usize> = BTreeMap::new();
        for address in addresses {
            let refused = |e: io::Error| {
                let (why, advice) = (describe(&e), advice(&e));
                StartError::Listen { address: address.clone(), why, advice }
            };
            let (authority, carries) = match Target::parse(&address.0) {
                Ok(Target::Tcp { authority }) => {
                    doors.tcp.push(TcpListener::bind(authority).map_err(refused)?);
                    continue;
                }
                Ok(Target::Quic { authority }) => (authority, Carries::Quic),
                Ok(Target::Udp { authority }) => (authority, Carries::Udp),
                Ok(Target::WebSocket { .. } | Target::Ble { .. }) | Err(_) => {
                    let why = "no peers are accepted there".to_owned();
                    let advice = "use tcp, quic or udp";
                    return Err(StartError::Listen { address: address.clone(), why, advice });
                }
            };
            let shares = bound.get(&authority).and_then(|at| doors.datagram.get_mut(*at));
            match shares {
                Some(door) if door.carries != carries && door.carries != Carries::Both => {
                    door.carries = Carries::Both;
                }
                _ => {
                    let socket = UdpSocket::bind(&authority).map_err(refused)?;
                    bound.insert(authority, doors.datagram.len());
                    doors.datagram.push(Datagram { socket, carries });
                }
            }
        }
        Ok(doors)
    }

    pub fn listening(&self) -> Listening {
        let at = |other: Carries| {
            let doors = self.datagram.iter().filter(move |door| door.carries != other);
            doors.filter_map(|door| door.socket.local_addr().ok()).collect()
        };
        Listening {
            tcp: self.tcp.iter().filter_map(|socket| socket.local_addr().ok()).collect(),
            quic: at(Carries::Udp),
            udp: at(Carries::Quic),
        }
    }

    /// Starts to accept. Must run inside a runtime.
    pub fn open(
        self,
        ports: &Ports,
        components: &Components,
    ) -> Result<Vec<AbortHandle>, StartError> {
        let mut listeners = Vec::new();
        for socket in self.tcp {
            let at = socket.local_addr().ok();
            let socket = tcp::adopt(socket).map_err(|e| refused("tcp", at, &e))?;
            let listening = tcp::listen(socket, ports.clone(), part(components, "tcp", at));
            listeners.push(tokio::spawn(listening).abort_handle());
        }
        for Datagram { socket, carries } in self.datagram {
            let at = socket.local_addr().ok();
            let (endpoint, udp) = match carries {
                Carries::Quic => {
                    (Some(quic::adopt(socket).map_err(|e| refused("quic", at, &e))?), None)
                }
                Carries::Udp => {
                    let socket = udp::adopt(socket).map_err(|e| refused("udp", at, &e))?;
                    (None, Some((socket.clone(), udp::receive(socket))))
                }
                Carries::Both => {
                    let (endpoint, udp) = both(socket).map_err(|e| refused("quic", at, &e))?;
                    (Some(endpoint), Some(udp))
                }
            };
            if let Some(endpoint) = endpoint {
                let part = part(components, "quic", at);
                let listening = quic::listen(endpoint, ports.clone(), part);
                listeners.push(tokio::spawn(listening).abort_handle());
            }
            if let Some((socket, received)) = udp {
                let part = part(components, "udp", at);
                let listening = udp::listen(socket, received, ports.clone(), part);
                listeners.push(tokio::spawn(listening).abort_handle());
            }
        }
        Ok(listeners)
    }
}

type UdpDoor = (Arc<tokio::net::UdpSocket>, tokio::sync::mpsc::Receiver<shared::Received>);

/// QUIC reads the socket and hands on what is not QUIC; both send.
fn both(socket: UdpSocket) -> io::Result<(quinn::Endpoint, UdpDoor)> {
    let sends = udp::adopt(socket.try_clone()?)?;
    let (socket, received) = shared::share(socket)?;
    Ok((quic::adopt_shared(socket)?, (sends, received)))
}

fn part(
    components: &Components,
    scheme: &str,
    at: Option<SocketAddr>,
) -> crate::components::Reporter {
    components.part(at.map_or_else(|| scheme.to_owned(), |at| format!("{scheme} {at}")))
}

fn refused(scheme: &str, at: Option<SocketAddr>, e: &io::Error) -> StartError {
    let at = at.map_or_else(String::new, |at| at.to_string());
    let (why, advice) = (describe(e), "try again");
    StartError::Listen { address: Address(format!("{scheme}://{at}")), why, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quic_and_udp_share_a_socket_and_tcp_has_its_own() {
        let address = |text: &str| Address(text.to_owned());
        let at = |scheme: &str| address(&format!("{scheme}://127.0.0.1:0"));
        let doors = Doors::bind(&[at("udp"), at("tcp"), at("quic")]).unwrap();
        let listening = doors.listening();
        assert_eq!((doors.tcp.len(), doors.datagram.len()), (1, 1));
        assert_eq!(listening.quic, listening.udp);
        let urls = listening.urls();
        assert_eq!(urls[0], format!("tcp://{}", listening.tcp[0]));
        assert_eq!(urls[1], format!("quic://{}", listening.quic[0]));
        assert_eq!(urls[2], format!("udp://{}", listening.udp[0]));

        let quic = Doors::bind(&[at("quic"), at("quic")]).unwrap().listening();
        assert_eq!((quic.quic.len(), quic.udp.len()), (2, 0));
        let taken = address(&format!("udp://{}", listening.quic[0]));
        assert!(matches!(Doors::bind(&[taken]), Err(StartError::Listen { .. })));
        assert!(Doors::bind(&[address("ws://h:1")]).is_err());
    }
}

//! What carries bytes out of a tab, behind one façade: [`Carriers`].
//!
//! - [`websocket`]: to the node that served the page.
//! - [`webrtc`]: to other tabs, without a node in between.
//! - [`web_bluetooth`]: to a node in the same room, without any network.
//!
//! Rules. Every link of a tab has its own number, whatever carries it. A dial goes to the carrier
//! that its address names; a frame to the one that holds the link. A frame for a link that ended
//! is dropped without a word: its end is already in the inbox.
//!
//! What it does not do: decide what to dial, or when. Bluetooth alone dials again by itself,
//! because a browser lets a page connect only to what a person chose, and the core cannot name it.

pub mod web_bluetooth;
pub mod webrtc;
pub mod websocket;

use crate::inbox::Inbox;
use bitcraps_core::{
    id::{LinkId, PeerId},
    node::{Address, CloseReason, Input, PathClass},
};
use std::{cell::Cell, net::IpAddr, rc::Rc};
use web_bluetooth::Radios;
use webrtc::Channels;
use websocket::Sockets;

/// Bytes that may wait in the browser for one slow link. Guess: four of the largest packets.
pub const BUFFERED_BYTES_MAX: u32 = 288 * 1024;

/// Whether a frame went on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Queued,
    /// Too much waits already; the frame was dropped.
    Congested,
}

/// Whether a frame of that length still fits behind what the browser has not sent yet.
fn room_for(length: usize, buffered: u32) -> Sent {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if buffered.saturating_add(length) > BUFFERED_BYTES_MAX {
        Sent::Congested
    } else {
        Sent::Queued
    }
}

/// The numbers of this tab's links: each is given once.
#[derive(Clone, Default)]
pub struct LinkIds(Rc<Cell<u64>>);

impl LinkIds {
    pub fn next(&self) -> LinkId {
        self.0.set(self.0.get() + 1);
        LinkId(self.0.get())
    }
}

/// Everything that carries links of this tab.
pub struct Carriers {
    inbox: Inbox,
    sockets: Sockets,
    channels: Channels,
    radios: Radios,
}

impl Carriers {
    pub fn new(inbox: Inbox) -> Carriers {
        let ids = LinkIds::default();
        Carriers {
            sockets: Sockets::new(inbox.clone(), ids.clone()),
            channels: Channels::new(inbox.clone(), ids.clone()),
            radios: Radios::new(inbox.clone(), ids),
            inbox,
        }
    }

    /// The Bluetooth of this tab, which a person starts.
    pub fn radios(&self) -> &Radios {
        &self.radios
    }

    /// Answered later by `LinkUp` or `DialFailed`.
    pub fn dial(&mut self, address: Address) {
        match address.0.split_once("://") {
            Some(("ws" | "wss", _)) => self.sockets.dial(address),
            Some((webrtc::SCHEME, peer)) => match peer.parse::<PeerId>() {
                Ok(peer) => self.channels.dial(address, peer),
                Err(_) => self.refuse(address, "the address names no peer"),
            },
            _ => self.refuse(address, "a page can dial WebSocket addresses and other tabs only"),
        }
    }

    fn refuse(&self, address: Address, why: &str) {
        self.inbox.answer(Input::DialFailed { address, why: why.to_owned() });
    }

    pub fn send(&mut self, link: LinkId, bytes: &[u8]) -> Sent {
        if self.radios.holds(link) {
            self.radios.send(link, bytes)
        } else if self.channels.holds(link) {
            self.channels.send(link, bytes)
        } else {
            self.sockets.send(link, bytes)
        }
    }

    /// Closes after what was sent before; no `LinkDown` follows.
    pub fn hang_up(&mut self, link: LinkId, reason: CloseReason) {
        self.radios.hang_up(link, reason);
        self.channels.hang_up(link);
        self.sockets.hang_up(link, reason);
    }

    /// What another tab says about a link to it, brought by the mesh.
    pub fn on_signal(&mut self, from: PeerId, body: &[u8]) {
        self.channels.on_signal(from, body);
    }

    /// The driver has read from the inbox that something ended.
    pub fn on_input(&mut self, input: &Input) {
        match input {
            Input::LinkDown { link, .. } => {
                self.sockets.forget(*link);
                self.channels.forget(*link);
            }
            Input::DialFailed { .. } => {
                self.sockets.forget_closed();
                self.channels.forget_closed();
            }
            _ => {}
        }
    }
}

/// What lies between this device and a host, as far as its name or number tells.
pub fn path_to(host: &str) -> PathClass {
    let local = host == "localhost"
        || host.ends_with(".local")
        || host.parse::<IpAddr>().is_ok_and(|ip| match ip {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        });
    if local { PathClass::Lan } else { PathClass::Internet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_does_not_fit_behind_the_others_is_congested() {
        assert_eq!(room_for(10, BUFFERED_BYTES_MAX - 10), Sent::Queued);
        assert_eq!(room_for(11, BUFFERED_BYTES_MAX - 10), Sent::Congested);
        assert_eq!(room_for(usize::MAX, u32::MAX), Sent::Congested);
    }

    #[test]
    fn what_lies_on_the_way_is_told_from_the_host() {
        for host in
            ["localhost", "a.local", "127.0.0.1", "192.168.3.4", "::1", "fe80::1", "fd00::1"]
        {
            assert_eq!(path_to(host), PathClass::Lan, "{host}");
        }
        for host in ["play.example", "8.8.8.8", "2001:db8::1", "", "local"] {
            assert_eq!(path_to(host), PathClass::Internet, "{host}");
        }
    }

    #[test]
    fn no_number_is_given_to_two_links() {
        let (one, two) = (LinkIds::default(), LinkIds::default());
        let shared = one.clone();
        assert_eq!([one.next(), shared.next(), one.next()], [1, 2, 3].map(LinkId));
        assert_eq!(two.next(), LinkId(1));
    }
}

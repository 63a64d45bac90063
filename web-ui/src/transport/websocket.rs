//! Links over WebSocket: the one thing that a page can dial everywhere.
//!
//! Rules. One binary message is one frame. A browser never says why a connection was refused, so
//! neither does this. When to dial again is the core's decision. Text, or a frame above the limit,
//! ends the link as garbage: no peer of this protocol sends either.

use super::{LinkIds, Sent, path_to, room_for};
use crate::inbox::Inbox;
use bitcraps_core::{
    id::LinkId,
    node::{Address, CloseReason, Input, LinkRole, PathClass, Transport},
    sorted::SortedMap,
};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

/// Bytes of one frame. A browser has no limit of its own; small frames keep a slow link fair.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Connections open or being opened at once. A tab needs one; the core may ask for a few more.
pub const SOCKETS_MAX: usize = 16;

/// Every connection of this tab.
pub struct Sockets {
    inbox: Inbox,
    open: SortedMap<LinkId, Socket>,
    ids: LinkIds,
}

struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Sockets {
    pub fn new(inbox: Inbox, ids: LinkIds) -> Self {
        Sockets { inbox, open: SortedMap::new(), ids }
    }

    /// Answered later by `LinkUp` or `DialFailed`.
    pub fn dial(&mut self, address: Address) {
        if self.open.len() >= SOCKETS_MAX {
            let why = "this tab has too many connections open already".to_owned();
            return self.inbox.answer(Input::DialFailed { address, why });
        }
        let Ok(socket) = WebSocket::new(&address.0) else {
            let why = "the browser does not allow this page to connect there".to_owned();
            return self.inbox.answer(Input::DialFailed { address, why });
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let link = self.ids.next();
        self.open.insert(link, Socket::listen(socket, link, address, &self.inbox));
    }

    pub fn send(&mut self, link: LinkId, bytes: &[u8]) -> Sent {
        let Some(entry) = self.open.get(&link) else {
            // Its end is already in the inbox.
            return Sent::Queued;
        };
        let sent = room_for(bytes.len(), entry.socket.buffered_amount());
        if sent == Sent::Queued && entry.socket.send_with_u8_array(bytes).is_err() {
            return Sent::Congested;
        }
        sent
    }

    /// Closes after what was sent before; no `LinkDown` follows.
    pub fn hang_up(&mut self, link: LinkId, reason: CloseReason) {
        if let Some(entry) = self.open.remove(&link) {
            entry.mute();
            // 4000 to 4999 are for applications (RFC 6455, 7.4.2); the text is for people.
            let _ = entry.socket.close_with_code_and_reason(4000, reason.name());
        }
    }

    /// A link whose end the driver has read from the inbox.
    pub fn forget(&mut self, link: LinkId) {
        if let Some(entry) = self.open.remove(&link) {
            entry.mute();
        }
    }

    /// Sockets that closed before they opened: a failed dial has no link to name.
    pub fn forget_closed(&mut self) {
        self.open.retain(|_, entry| {
            let gone = entry.socket.ready_state() == WebSocket::CLOSED;
            if gone {
                entry.mute();
            }
            !gone
        });
    }

    pub fn count(&self) -> usize {
        self.open.len()
    }
}

impl Socket {
    fn listen(socket: WebSocket, link: LinkId, address: Address, inbox: &Inbox) -> Socket {
        let opened = Rc::new(Cell::new(false));
        let on_open = on_open(link, address.clone(), inbox.clone(), Rc::clone(&opened));
        let on_message = on_message(link, socket.clone(), inbox.clone());
        let on_close = on_close(link, address, inbox.clone(), opened);
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Socket { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close }
    }

    fn mute(&self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
    }
}

fn on_open(
    link: LinkId,
    address: Address,
    inbox: Inbox,
    opened: Rc<Cell<bool>>,
) -> Closure<dyn FnMut(Event)> {
    Closure::new(move |_: Event| {
        opened.set(true);
        inbox.answer(Input::LinkUp {
            link,
            transport: Transport::WebSocket,
            path: path_of(&address),
            role: LinkRole::Dialer,
            mtu: FRAME_BYTES_MAX,
            address: Some(address.clone()),
        });
    })
}

fn on_message(link: LinkId, socket: WebSocket, inbox: Inbox) -> Closure<dyn FnMut(MessageEvent)> {
    Closure::new(move |event: MessageEvent| {
        let end = |reason: CloseReason| {
            socket.set_onmessage(None);
            socket.set_onclose(None);
            let _ = socket.close();
            inbox.answer(Input::LinkDown { link, reason });
        };
        let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() else {
            return end(CloseReason::Garbage);
        };
        if buffer.byte_length() as usize > FRAME_BYTES_MAX {
            return end(CloseReason::Garbage);
        }
        let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
        if inbox.push(Input::LinkBytes { link, bytes }).is_err() {
            end(CloseReason::Limit);
        }
    })
}

fn on_close(
    link: LinkId,
    address: Address,
    inbox: Inbox,
    opened: Rc<Cell<bool>>,
) -> Closure<dyn FnMut(CloseEvent)> {
    Closure::new(move |event: CloseEvent| {
        if opened.get() {
            inbox.answer(Input::LinkDown { link, reason: CloseReason::TransportClosed });
            return;
        }
        let code = event.code().to_string();
        let why = ["the node did not answer (close code ", &code, ")"].concat();
        inbox.answer(Input::DialFailed { address: address.clone(), why });
    })
}

/// `ws://host:port/path`, where the host may be an IPv6 address in brackets.
fn path_of(address: &Address) -> PathClass {
    let rest = address.0.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or("");
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    };
    path_to(host.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_told_from_the_host_of_the_address() {
        for (url, path) in [
            ("ws://127.0.0.1:8080/mesh", PathClass::Lan),
            ("ws://[::1]:8080/mesh", PathClass::Lan),
            ("wss://localhost/mesh", PathClass::Lan),
            ("wss://play.example/mesh", PathClass::Internet),
            ("ws://", PathClass::Internet),
        ] {
            assert_eq!(path_of(&Address(url.to_owned())), path, "{url}");
        }
    }
}

//! Links between tabs, as data channels of WebRTC: they outlive the node that served the page.
//!
//! Rules. The core decides who dials, and only one of two tabs does, so calls never cross. The two
//! descriptions travel through the mesh ([`message`]); no server is asked for anything, neither
//! STUN nor TURN, so both tabs are on one machine or one network. Frames are neither ordered nor
//! dropped by the channel: the core takes them in any order, so a frame that was lost on the way
//! holds up itself alone, and what the channel repeats within a round trip the core need not
//! repeat after a time-out. A description from another peer that the browser cannot read ends that
//! call and nothing else.

pub mod message;

use super::{LinkIds, Sent, room_for};
use crate::inbox::Inbox;
use bitcraps_core::{
    id::{LinkId, PeerId},
    node::{Address, CloseReason, Input, LinkRole, PathClass, Transport},
    sorted::SortedMap,
};
use js_sys::Function;
use message::{Call, Kind, local_only};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, convert::FromWasmAbi};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Event, MessageEvent, RtcDataChannel, RtcDataChannelEvent, RtcDataChannelInit,
    RtcDataChannelState, RtcDataChannelType, RtcIceGatheringState, RtcPeerConnection,
    RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};

/// The part of an address in front of `://`; behind it stands the peer's id.
pub const SCHEME: &str = "webrtc";

/// Bytes of one frame: what every browser takes as one message (RFC 8831, 6.6).
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Calls open or being opened at once. Guess: a table full of tabs.
pub const CALLS_MAX: usize = 16;

/// Longest from a dial to an open channel, in milliseconds. Guess: two descriptions over a slow
/// mesh, and the browser's own tries on a local network.
pub const OPENING_MS_MAX: i32 = 15_000;

/// Longest that the browser may look for its own addresses, in milliseconds; what it found by then
/// is said. Local ones take a few.
const GATHERING_MS_MAX: i32 = 2_000;

/// How long a channel that was hung up may send what waits: Chromium drops it when it closes.
/// Guess: several round trips of a local network.
const LINGER_MS: i32 = 250;

/// From then on to the end of the connection, so that the other side hears of the close.
const CLOSE_MS_MAX: i32 = 1_000;

/// Whether this browser has WebRTC.
pub fn is_offered() -> bool {
    js_sys::Reflect::has(&js_sys::global(), &"RTCPeerConnection".into()).unwrap_or(false)
}

/// Every call of this tab.
pub struct Channels {
    inbox: Inbox,
    calls: SortedMap<LinkId, Connection>,
    ids: LinkIds,
}

struct Connection {
    peer: PeerId,
    number: u64,
    shared: Rc<Shared>,
}

/// What the callbacks of one call have in common.
struct Shared {
    link: LinkId,
    inbox: Inbox,
    connection: RtcPeerConnection,
    channel: RefCell<Option<RtcDataChannel>>,
    /// What was dialled; nothing for a call that was taken.
    address: Option<Address>,
    stage: Cell<Stage>,
    timer: Cell<Option<i32>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A dialer that has not heard the answer.
    Calling,
    Opening,
    Open,
    Over,
}

impl Channels {
    pub fn new(inbox: Inbox, ids: LinkIds) -> Channels {
        Channels { inbox, calls: SortedMap::new(), ids }
    }

    pub fn holds(&self, link: LinkId) -> bool {
        self.calls.contains_key(&link)
    }

    pub fn count(&self) -> usize {
        self.calls.len()
    }

    /// Answered later by `LinkUp` or `DialFailed`.
    pub fn dial(&mut self, address: Address, peer: PeerId) {
        let refused =
            |why: &str| Input::DialFailed { address: address.clone(), why: why.to_owned() };
        self.forget_closed();
        if self.calls.len() >= CALLS_MAX {
            return self.inbox.answer(refused("this tab is linked to too many others already"));
        }
        let Ok(connection) = RtcPeerConnection::new() else {
            return self
                .inbox
                .answer(refused("this browser does not let pages talk to each other"));
        };
        let init = RtcDataChannelInit::new();
        init.set_ordered(false);
        let channel = connection.create_data_channel_with_data_channel_dict("bitcraps", &init);
        // Which call it is, not a secret: descriptions are sealed to their reader.
        let number = (js_sys::Math::random() * 9e15) as u64;
        let shared = self.take(connection, peer, number, Some((address, channel)));
        spawn_local(async move {
            let offer = async {
                let offer = JsFuture::from(shared.connection.create_offer()).await?;
                shared.describe(offer.unchecked_ref()).await
            };
            match offer.await {
                Ok(sdp) => shared.say(peer, Kind::Offer, number, sdp),
                Err(_) => shared.end("the browser could not make an offer to the other tab"),
            }
        });
    }

    /// Another tab's description. What cannot be read, or was not asked for, is dropped.
    pub fn on_signal(&mut self, from: PeerId, body: &[u8]) {
        let Some(Call { kind, number, sdp }) = Call::decode(body) else { return };
        match kind {
            Kind::Offer => self.on_offer(from, number, &sdp),
            Kind::Answer => self.on_answer(from, number, &sdp),
        }
    }

    fn on_offer(&mut self, from: PeerId, number: u64, sdp: &str) {
        self.forget_closed();
        // Whoever calls anew has given up on the call before.
        let given_up = |c: &Connection| c.peer == from && c.shared.stage.get() == Stage::Opening;
        let old: Vec<LinkId> =
            self.calls.iter().filter(|(_, c)| given_up(c)).map(|(link, _)| *link).collect();
        for link in old {
            self.forget(link);
        }
        if self.calls.len() >= CALLS_MAX {
            return;
        }
        let Ok(connection) = RtcPeerConnection::new() else { return };
        let shared = self.take(connection, from, number, None);
        shared.stage.set(Stage::Opening);
        let offer = RtcSessionDescriptionInit::new(RtcSdpType::Offer);
        offer.set_sdp(&local_only(sdp));
        spawn_local(async move {
            let answer = async {
                JsFuture::from(shared.connection.set_remote_description(&offer)).await?;
                let answer = JsFuture::from(shared.connection.create_answer()).await?;
                shared.describe(answer.unchecked_ref()).await
            };
            match answer.await {
                Ok(sdp) => shared.say(from, Kind::Answer, number, sdp),
                Err(_) => shared.end("the other tab's offer cannot be read"),
            }
        });
    }

    fn on_answer(&mut self, from: PeerId, number: u64, sdp: &str) {
        let asked = |c: &&Connection| {
            c.peer == from && c.number == number && c.shared.stage.get() == Stage::Calling
        };
        let Some(call) = self.calls.values().find(asked) else { return };
        let shared = Rc::clone(&call.shared);
        shared.stage.set(Stage::Opening);
        let answer = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
        answer.set_sdp(&local_only(sdp));
        spawn_local(async move {
            let taken = JsFuture::from(shared.connection.set_remote_description(&answer)).await;
            if taken.is_err() {
                shared.end("the other tab's answer cannot be read");
            }
        });
    }

    /// Keeps a new call and listens to it.
    fn take(
        &mut self,
        connection: RtcPeerConnection,
        peer: PeerId,
        number: u64,
        dialled: Option<(Address, RtcDataChannel)>,
    ) -> Rc<Shared> {
        let link = self.ids.next();
        let (address, channel) = dialled.unzip();
        let shared = Rc::new(Shared {
            link,
            inbox: self.inbox.clone(),
            connection,
            channel: RefCell::new(None),
            address,
            stage: Cell::new(Stage::Calling),
            timer: Cell::new(None),
        });
        shared.listen(channel);
        let taken = Rc::clone(&shared);
        self.calls.insert(link, Connection { peer, number, shared: taken });
        shared
    }

    pub fn send(&mut self, link: LinkId, bytes: &[u8]) -> Sent {
        let Some(call) = self.calls.get(&link) else { return Sent::Queued };
        let channel = call.shared.channel.borrow();
        let Some(channel) = channel.as_ref() else { return Sent::Queued };
        let sent = room_for(bytes.len(), channel.buffered_amount());
        if sent == Sent::Queued && channel.send_with_u8_array(bytes).is_err() {
            return Sent::Congested;
        }
        sent
    }

    /// Closes after what was sent before; no `LinkDown` follows.
    pub fn hang_up(&mut self, link: LinkId) {
        if let Some(call) = self.calls.remove(&link) {
            call.shared.mute();
            let (shared, last) = (Rc::clone(&call.shared), Rc::clone(&call.shared));
            let close = Closure::once_into_js(move || {
                if let Some(channel) = shared.channel.borrow().as_ref() {
                    channel.close();
                }
            });
            later(LINGER_MS, close.unchecked_ref());
            let end = Closure::once_into_js(move || last.connection.close());
            later(LINGER_MS + CLOSE_MS_MAX, end.unchecked_ref());
        }
    }

    /// A link whose end the driver has read from the inbox.
    pub fn forget(&mut self, link: LinkId) {
        if let Some(call) = self.calls.remove(&link) {
            call.shared.mute();
            call.shared.connection.close();
        }
    }

    /// Calls that ended before they led to a link.
    pub fn forget_closed(&mut self) {
        self.calls.retain(|_, call| call.shared.stage.get() != Stage::Over);
    }
}

impl Shared {
    /// Sets the own description and gives it once all own addresses are in it.
    async fn describe(&self, own: &RtcSessionDescriptionInit) -> Result<String, JsValue> {
        JsFuture::from(self.connection.set_local_description(own)).await?;
        let gathered = js_sys::Promise::new(&mut |resolve, _| {
            if self.connection.ice_gathering_state() == RtcIceGatheringState::Complete {
                let _ = resolve.call0(&JsValue::NULL);
                return;
            }
            later(GATHERING_MS_MAX, &resolve);
            let connection = self.connection.clone();
            let look = function(move |_: Event| {
                if connection.ice_gathering_state() == RtcIceGatheringState::Complete {
                    let _ = resolve.call0(&JsValue::NULL);
                }
            });
            self.connection.set_onicegatheringstatechange(Some(&look));
        });
        JsFuture::from(gathered).await?;
        self.connection.set_onicegatheringstatechange(None);
        let own = self.connection.local_description().ok_or(JsValue::NULL)?;
        Ok(local_only(&own.sdp()))
    }

    fn say(&self, to: PeerId, kind: Kind, number: u64, sdp: String) {
        if self.stage.get() == Stage::Over {
            return;
        }
        match (Call { kind, number, sdp }).encode() {
            Some(body) => self.inbox.answer(Input::Signal { to, body }),
            None => self.end("this tab has too many addresses to tell the other"),
        }
    }

    /// The browser keeps what it is given here until [`Shared::mute`].
    fn listen(self: &Rc<Self>, channel: Option<RtcDataChannel>) {
        let late = Rc::clone(self);
        let late = Closure::once_into_js(move || late.end("the other tab did not answer in time"));
        self.timer.set(later(OPENING_MS_MAX, late.unchecked_ref()));
        let broken = Rc::clone(self);
        let on_state = function(move |_: Event| {
            if broken.connection.connection_state() == RtcPeerConnectionState::Failed {
                broken.end("the other tab cannot be reached over this network");
            }
        });
        self.connection.set_onconnectionstatechange(Some(&on_state));
        if let Some(channel) = channel {
            return self.adopt(channel);
        }
        let called = Rc::clone(self);
        let on_channel = function(move |event: RtcDataChannelEvent| {
            // One channel is the link; a peer that opens more gets nothing for it.
            if called.channel.borrow().is_none() {
                called.adopt(event.channel());
            }
        });
        self.connection.set_ondatachannel(Some(&on_channel));
    }

    fn adopt(self: &Rc<Self>, channel: RtcDataChannel) {
        let [opened, heard, closed] = [0; 3].map(|_| Rc::clone(self));
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_onopen(Some(&function(move |_: Event| opened.open())));
        channel.set_onmessage(Some(&function(move |event| heard.on_message(&event))));
        let why = "the other tab closed the connection";
        channel.set_onclose(Some(&function(move |_: Event| closed.end(why))));
        let is_open = channel.ready_state() == RtcDataChannelState::Open;
        *self.channel.borrow_mut() = Some(channel);
        if is_open {
            self.open();
        }
    }

    fn open(&self) {
        if !matches!(self.stage.get(), Stage::Calling | Stage::Opening) {
            return;
        }
        self.stage.set(Stage::Open);
        self.clear_timer();
        self.inbox.answer(Input::LinkUp {
            link: self.link,
            transport: Transport::WebRtc,
            path: PathClass::Lan,
            role: if self.address.is_some() { LinkRole::Dialer } else { LinkRole::Listener },
            mtu: FRAME_BYTES_MAX,
            address: self.address.clone(),
        });
    }

    fn on_message(&self, event: &MessageEvent) {
        let end = |reason| {
            self.shut();
            self.inbox.answer(Input::LinkDown { link: self.link, reason });
        };
        let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() else {
            return end(CloseReason::Garbage);
        };
        if buffer.byte_length() as usize > FRAME_BYTES_MAX {
            return end(CloseReason::Garbage);
        }
        let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
        if self.inbox.push(Input::LinkBytes { link: self.link, bytes }).is_err() {
            end(CloseReason::Limit);
        }
    }

    /// It is over, however far it came. `why` is told when it was a dial that led to nothing.
    fn end(&self, why: &str) {
        let stage = self.stage.get();
        self.shut();
        match (stage, &self.address) {
            (Stage::Over, _) => {}
            (Stage::Open, _) => {
                let reason = CloseReason::TransportClosed;
                self.inbox.answer(Input::LinkDown { link: self.link, reason });
            }
            (_, Some(address)) => {
                let (address, why) = (address.clone(), why.to_owned());
                self.inbox.answer(Input::DialFailed { address, why });
            }
            // A call that was taken and led nowhere: its dialer is told by its own browser.
            (_, None) => {}
        }
    }

    fn shut(&self) {
        self.stage.set(Stage::Over);
        self.mute();
        self.connection.close();
    }

    fn mute(&self) {
        self.clear_timer();
        self.connection.set_onconnectionstatechange(None);
        self.connection.set_ondatachannel(None);
        self.connection.set_onicegatheringstatechange(None);
        if let Some(channel) = self.channel.borrow().as_ref() {
            channel.set_onopen(None);
            channel.set_onmessage(None);
            channel.set_onclose(None);
        }
    }

    fn clear_timer(&self) {
        if let (Some(window), Some(timer)) = (web_sys::window(), self.timer.take()) {
            window.clear_timeout_with_handle(timer);
        }
    }
}

/// A function that lives as long as the browser holds it.
fn function<E: FromWasmAbi + 'static>(heard: impl FnMut(E) + 'static) -> Function {
    Closure::<dyn FnMut(E)>::new(heard).into_js_value().unchecked_into()
}

fn later(millis: i32, then: &Function) -> Option<i32> {
    let window = web_sys::window()?;
    window.set_timeout_with_callback_and_timeout_and_arguments_0(then, millis).ok()
}

//! Links over Bluetooth LE: a page as a central, a native node as the peripheral.
//!
//! A person chooses the device once, by a click and in the browser's own list. From then on one
//! task per device connects, subscribes, writes and, when the link is gone, waits and connects
//! again; that needs no click.
//!
//! Rules.
//! - A device does one thing at a time: its task awaits each operation before the next, because
//!   some platforms refuse operations that overlap. Frames wait in a queue with a limit.
//! - The first value notified is the largest frame of this connection. A platform that refuses
//!   that length all the same is asked for shorter ones, from the next connection on: the core
//!   is told the size of a frame when a link comes up and not again.
//! - One tab of a browser uses Bluetooth. Tabs share the connection to a device, so a second one
//!   would mix its frames with those of the first.
//! - Every failure becomes a sentence with a next step, and none ends the tries but a person.
//!
//! What it does not do: scan, measure the strength of a signal, or be found by others. Browsers
//! let no page do that.

mod bell;
pub mod platform;

use super::{LinkIds, Sent};
use crate::{
    clock,
    inbox::Inbox,
    model::bluetooth::{Ask, Bluetooth, Device as DeviceFace, DeviceState, Offer},
    slot::{self, Held},
};
use bell::{Bell, within};
use bitcraps_core::{
    id::LinkId,
    limits::FRAME_BYTES_MIN,
    node::{CloseReason, Input, LinkRole, PathClass, Transport},
    time::Instant,
    transport::{BLE_NOTIFY_UUID, BLE_SERVICE_UUID, BLE_VALUE_BYTES_MAX, BLE_WRITE_UUID},
};
use js_sys::{Promise, Uint8Array};
use platform::{Characteristic, Device, Server, Service, name_of, uuid};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Event;

/// Devices of one tab. Guess: half of what a phone's radio holds connections to.
pub const DEVICES_MAX: usize = 4;

/// Bytes that may wait for one device: one of the largest packets in the smallest frames.
pub const QUEUED_BYTES_MAX: usize = 128 * 1024;

/// Sizes of frames to fall back to when the platform refuses a longer one, largest first: data
/// length extension, what iPhones take, a round number, the default MTU.
const FRAME_BYTES_LADDER: [usize; 4] = [244, 182, 100, FRAME_BYTES_MIN];

/// Longest that a connection may take, in milliseconds. Android gives up after 30 s.
const CONNECT_MS_MAX: i32 = 30_000;

/// Longest that any other operation may take, in milliseconds: that of the attribute protocol.
const OPERATION_MS_MAX: i32 = 30_000;

/// Longest from a subscription to the first value, in milliseconds. Guess: ten of the longest
/// intervals between two connection events.
const FIRST_VALUE_MS_MAX: i32 = 40_000;

/// A write is tried this often, with pauses: radios that are busy refuse.
const WRITE_TRIES: u32 = 8;
const WRITE_PAUSE_MS: i32 = 15;

/// Bounds of the wait before connecting again; the wait is a random part of a bound that doubles.
/// Guess: a person walks out of range and back.
const RETRY_MS_BASE: u64 = 500;
const RETRY_MS_MAX: u64 = 15_000;

/// A link that lived this long was a good one: the next failure is the first again.
const GOOD_MS_MIN: u64 = 10_000;

const LOCK: &str = "bitcraps-bluetooth";

/// The Bluetooth of this tab; cheap to clone.
#[derive(Clone)]
pub struct Radios(Rc<All>);

struct All {
    inbox: Inbox,
    ids: LinkIds,
    offer: Offer,
    choosing: Cell<Option<Instant>>,
    /// Counts choices, so that the answer to one that was given up is not taken for another's.
    choice: Cell<u32>,
    refused: RefCell<Option<String>>,
    devices: RefCell<Vec<Rc<Chosen>>>,
    lock: RefCell<Option<Held>>,
}

/// A device and the state of its task.
struct Chosen {
    number: u32,
    device: Device,
    state: RefCell<State>,
    session: RefCell<Option<Session>>,
    /// Rung for whatever the task should look at.
    bell: Bell,
    forgotten: Cell<bool>,
    failures: Cell<u32>,
    /// Bytes of the longest frame that the platform has not refused.
    frame_bytes_max: Cell<usize>,
}

enum State {
    Connecting,
    Linked { frame_bytes: usize },
    Waiting { why: String, until: Instant },
}

/// One connection that carries frames.
struct Session {
    link: LinkId,
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    end: Option<End>,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The core hung up: send what waits, then disconnect. Nobody has to be told.
    Hangup(CloseReason),
    /// It broke, or brought what it must not.
    Broken(CloseReason),
}

impl PartialEq for Radios {
    fn eq(&self, other: &Radios) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Radios {
    pub fn new(inbox: Inbox, ids: LinkIds) -> Radios {
        let offer = match platform::bluetooth() {
            Some(_) => Offer::Yes,
            None if platform::is_secure() => Offer::No,
            None => Offer::Insecure,
        };
        Radios(Rc::new(All {
            inbox,
            ids,
            offer,
            choosing: Cell::new(None),
            choice: Cell::new(0),
            refused: RefCell::new(None),
            devices: RefCell::new(Vec::new()),
            lock: RefCell::new(None),
        }))
    }

    /// What to show of it.
    pub fn face(&self) -> Bluetooth {
        let now = clock::now();
        let choosing_ms = self.0.choosing.get().map(|since| millis(now, since));
        let face = |chosen: &Rc<Chosen>| DeviceFace {
            number: chosen.number,
            name: chosen.name(),
            state: match &*chosen.state.borrow() {
                State::Connecting => DeviceState::Connecting,
                State::Linked { frame_bytes } => DeviceState::Linked { frame_bytes: *frame_bytes },
                State::Waiting { why, until } => {
                    DeviceState::Waiting { why: why.clone(), retry_ms: millis(*until, now) }
                }
            },
        };
        Bluetooth {
            offer: self.0.offer,
            choosing_ms,
            refused: self.0.refused.borrow().clone(),
            devices: self.0.devices.borrow().iter().map(face).collect(),
        }
    }

    /// To be called from the click itself: browsers ask nobody without one.
    pub fn ask(&self, ask: Ask) {
        match ask {
            Ask::Choose => self.choose(),
            Ask::StopWaiting => self.stop_waiting(),
            Ask::Forget(number) => self.0.forget(number),
        }
        self.0.changed();
    }

    fn choose(&self) {
        let Some(bluetooth) = platform::bluetooth() else { return };
        if self.0.choosing.get().is_some() {
            return;
        }
        *self.0.refused.borrow_mut() = None;
        if self.0.devices.borrow().len() >= DEVICES_MAX {
            return self.0.refuse("This tab is linked to enough devices; forget one first.");
        }
        let choice = self.0.choice.get() + 1;
        self.0.choice.set(choice);
        self.0.choosing.set(Some(clock::now()));
        let asked = bluetooth.request_device(&platform::filter(&uuid(BLE_SERVICE_UUID)));
        let all = Rc::clone(&self.0);
        spawn_local(async move {
            let chosen = match asked {
                Ok(promise) => JsFuture::from(promise).await,
                Err(thrown) => Err(thrown),
            };
            if all.choice.get() != choice || all.choosing.get().is_none() {
                return;
            }
            all.choosing.set(None);
            match chosen {
                Ok(device) => all.take(device.unchecked_into()).await,
                Err(thrown) => {
                    let (name, message) = name_of(&thrown);
                    let available = match bluetooth.get_availability() {
                        Ok(promise) => JsFuture::from(promise).await.is_ok_and(|a| a.is_truthy()),
                        Err(_) => false,
                    };
                    all.refuse(&platform::why_not_chosen(&name, &message, available));
                }
            }
        });
    }

    /// The browser may still answer; then nobody listens any more.
    fn stop_waiting(&self) {
        self.0.choosing.set(None);
    }

    pub fn holds(&self, link: LinkId) -> bool {
        self.0.of(link).is_some()
    }

    pub fn send(&self, link: LinkId, bytes: &[u8]) -> Sent {
        let Some(chosen) = self.0.of(link) else { return Sent::Queued };
        if let Some(session) = chosen.session.borrow_mut().as_mut() {
            if session.end.is_some() {
                return Sent::Queued;
            }
            if session.queued_bytes + bytes.len() > QUEUED_BYTES_MAX {
                return Sent::Congested;
            }
            session.queued_bytes += bytes.len();
            session.queue.push_back(bytes.to_vec());
        }
        chosen.bell.ring();
        Sent::Queued
    }

    /// Disconnects after what was sent before; no `LinkDown` follows.
    pub fn hang_up(&self, link: LinkId, reason: CloseReason) {
        if let Some(chosen) = self.0.of(link) {
            chosen.end(End::Hangup(reason));
        }
    }
}

impl All {
    fn of(&self, link: LinkId) -> Option<Rc<Chosen>> {
        let holds = |c: &&Rc<Chosen>| c.session.borrow().as_ref().is_some_and(|s| s.link == link);
        self.devices.borrow().iter().find(holds).cloned()
    }

    /// The page is drawn after a turn of the driver.
    fn changed(&self) {
        self.inbox.answer(Input::Wake);
    }

    fn refuse(&self, why: &str) {
        *self.refused.borrow_mut() = Some(why.to_owned());
        self.changed();
    }

    async fn take(self: &Rc<Self>, device: Device) {
        let known = |chosen: &&Rc<Chosen>| chosen.device.id() == device.id();
        let again = self.devices.borrow().iter().find(known).cloned();
        if let Some(again) = again {
            // Chosen once more: a person does not want to wait for the next try.
            again.bell.ring();
            return self.changed();
        }
        if self.lock.borrow().is_none() {
            match slot::hold(LOCK).await {
                Some(held) => *self.lock.borrow_mut() = Some(held),
                None => {
                    return self.refuse(
                        "Another tab of this browser uses Bluetooth already. Play there, or \
                         close it and try again.",
                    );
                }
            }
        }
        let chosen = Rc::new(Chosen {
            number: self.choice.get(),
            device,
            state: RefCell::new(State::Connecting),
            session: RefCell::new(None),
            bell: Bell::default(),
            forgotten: Cell::new(false),
            failures: Cell::new(0),
            frame_bytes_max: Cell::new(BLE_VALUE_BYTES_MAX),
        });
        self.devices.borrow_mut().push(Rc::clone(&chosen));
        self.changed();
        spawn_local(Rc::clone(self).run(chosen));
    }

    fn forget(&self, number: u32) {
        let mut devices = self.devices.borrow_mut();
        let Some(at) = devices.iter().position(|chosen| chosen.number == number) else { return };
        let chosen = devices.remove(at);
        chosen.forgotten.set(true);
        chosen.end(End::Broken(CloseReason::Stopping));
        chosen.bell.ring();
        if devices.is_empty()
            && let Some(held) = self.lock.borrow_mut().take()
        {
            held.release();
        }
    }

    /// The life of one device in this tab.
    async fn run(self: Rc<Self>, chosen: Rc<Chosen>) {
        while !chosen.forgotten.get() {
            *chosen.state.borrow_mut() = State::Connecting;
            self.changed();
            let since = clock::now();
            let why = match self.connect(&chosen).await {
                Ok(why) => {
                    if millis(clock::now(), since) >= GOOD_MS_MIN {
                        chosen.failures.set(0);
                    }
                    why
                }
                Err(thrown) => {
                    let (name, message) = name_of(&thrown);
                    platform::why_not_linked(&name, &message)
                }
            };
            chosen.device.gatt().disconnect();
            if chosen.forgotten.get() {
                return;
            }
            let wait = retry_ms(chosen.failures.get(), js_sys::Math::random());
            chosen.failures.set(chosen.failures.get().saturating_add(1));
            let until = clock::now() + Duration::from_millis(wait);
            *chosen.state.borrow_mut() = State::Waiting { why, until };
            self.changed();
            chosen.bell.wait(Some(wait as i32)).await;
        }
    }

    /// From nothing to a session, and through it to its end. Gives why it ended, or what the
    /// platform threw.
    async fn connect(&self, chosen: &Rc<Chosen>) -> Result<String, JsValue> {
        let gatt = chosen.device.gatt();
        within(gatt.connect()?, CONNECT_MS_MAX).await?;
        let service: Service =
            step(gatt.get_primary_service(&uuid(BLE_SERVICE_UUID))?).await?.unchecked_into();
        let out: Characteristic =
            step(service.get_characteristic(&uuid(BLE_WRITE_UUID))?).await?.unchecked_into();
        let back: Characteristic =
            step(service.get_characteristic(&uuid(BLE_NOTIFY_UUID))?).await?.unchecked_into();
        let listening = Listening::new(self, chosen, &back);
        step(back.start_notifications()?).await?;
        let asked = clock::now();
        while listening.first.get().is_none() && gatt.connected() && !chosen.forgotten.get() {
            let left = i64::from(FIRST_VALUE_MS_MAX) - millis(clock::now(), asked) as i64;
            if left <= 0 {
                break;
            }
            chosen.bell.wait(Some(left as i32)).await;
        }
        let said = match listening.first.get() {
            Some(First::Frame(bytes)) => bytes,
            Some(First::Other) => {
                return Ok("The device speaks another version of BitCraps".to_owned());
            }
            None if !gatt.connected() => return Ok("The connection broke".to_owned()),
            None => return Ok("The device did not answer in time".to_owned()),
        };
        if chosen.forgotten.get() {
            return Ok(String::new());
        }
        let frame_bytes = said.min(chosen.frame_bytes_max.get());
        let link = self.ids.next();
        let queue = VecDeque::new();
        let session = Session { link, queue, queued_bytes: 0, end: None };
        *chosen.session.borrow_mut() = Some(session);
        *chosen.state.borrow_mut() = State::Linked { frame_bytes };
        self.inbox.answer(Input::LinkUp {
            link,
            transport: Transport::Ble,
            path: PathClass::Bluetooth,
            role: LinkRole::Dialer,
            mtu: frame_bytes,
            address: None,
        });
        let end = self.carry(chosen, &gatt, &out).await;
        drop(listening);
        *chosen.session.borrow_mut() = None;
        if let End::Broken(reason) = end {
            self.inbox.answer(Input::LinkDown { link, reason });
        }
        Ok(match end {
            End::Broken(CloseReason::TransportClosed) => "The connection broke".to_owned(),
            End::Broken(reason) | End::Hangup(reason) => {
                ["The link ended: ", crate::model::text::close_reason(reason)].concat()
            }
        })
    }

    /// Writes what waits until the session is over.
    async fn carry(&self, chosen: &Chosen, gatt: &Server, out: &Characteristic) -> End {
        loop {
            if !gatt.connected() {
                chosen.end(End::Broken(CloseReason::TransportClosed));
            }
            match chosen.next() {
                Next::Write(frame) => {
                    if let Err(end) = write(chosen, gatt, out, &frame).await {
                        chosen.end(end);
                    }
                }
                Next::Wait => chosen.bell.wait(None).await,
                Next::End(end) => return end,
            }
        }
    }
}

enum Next {
    Write(Vec<u8>),
    Wait,
    End(End),
}

impl Chosen {
    fn name(&self) -> String {
        self.device.name().unwrap_or_else(|| "a device without a name".to_owned())
    }

    /// The first end counts.
    fn end(&self, end: End) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.end.get_or_insert(end);
        }
        self.bell.ring();
    }

    fn next(&self) -> Next {
        let mut session = self.session.borrow_mut();
        let Some(session) = session.as_mut() else {
            return Next::End(End::Broken(CloseReason::TransportClosed));
        };
        match session.end {
            Some(end @ End::Broken(_)) => return Next::End(end),
            Some(end @ End::Hangup(_)) if session.queue.is_empty() => return Next::End(end),
            Some(End::Hangup(_)) | None => {}
        }
        match session.queue.pop_front() {
            Some(frame) => {
                session.queued_bytes -= frame.len();
                Next::Write(frame)
            }
            None => Next::Wait,
        }
    }
}

/// One frame, tried again while the radio is busy.
async fn write(
    chosen: &Chosen,
    gatt: &Server,
    out: &Characteristic,
    frame: &[u8],
) -> Result<(), End> {
    let broken = Err(End::Broken(CloseReason::TransportClosed));
    for _ in 0..WRITE_TRIES {
        let written = match out.write(&Uint8Array::from(frame)) {
            Ok(promise) => step(promise).await,
            Err(thrown) => Err(thrown),
        };
        let Err(thrown) = written else { return Ok(()) };
        if name_of(&thrown).0 == "InvalidModificationError" {
            // Too long for this platform: shorter ones from the next connection on, at once.
            chosen.frame_bytes_max.set(shorter_than(frame.len()));
            chosen.failures.set(0);
            return broken;
        }
        if !gatt.connected() {
            return broken;
        }
        slot::pause(WRITE_PAUSE_MS).await;
    }
    broken
}

async fn step(promise: Promise) -> Result<JsValue, JsValue> {
    within(promise, OPERATION_MS_MAX).await
}

/// What the first notified value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Frame(usize),
    Other,
}

impl First {
    fn read(value: &[u8]) -> First {
        match <[u8; 2]>::try_from(value).map(|bytes| usize::from(u16::from_le_bytes(bytes))) {
            Ok(bytes) if bytes >= FRAME_BYTES_MIN => First::Frame(bytes.min(BLE_VALUE_BYTES_MAX)),
            _ => First::Other,
        }
    }
}

/// The listeners of one connection; they go when it is dropped.
struct Listening {
    device: Device,
    back: Characteristic,
    first: Rc<Cell<Option<First>>>,
    on_value: Closure<dyn FnMut(Event)>,
    on_lost: Closure<dyn FnMut(Event)>,
}

const VALUE: &str = "characteristicvaluechanged";
const LOST: &str = "gattserverdisconnected";

impl Listening {
    fn new(all: &All, chosen: &Rc<Chosen>, back: &Characteristic) -> Listening {
        let first = Rc::new(Cell::new(None));
        let on_value = {
            let (inbox, chosen, back) = (all.inbox.clone(), Rc::clone(chosen), back.clone());
            let first = Rc::clone(&first);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                let Some(value) = back.value() else { return };
                let bytes = platform::bytes(&value);
                if first.get().is_none() {
                    first.set(Some(First::read(&bytes)));
                    return chosen.bell.ring();
                }
                let link = chosen.session.borrow().as_ref().map(|session| session.link);
                let Some(link) = link else { return };
                if bytes.len() > BLE_VALUE_BYTES_MAX {
                    chosen.end(End::Broken(CloseReason::Garbage));
                } else if inbox.push(Input::LinkBytes { link, bytes }).is_err() {
                    chosen.end(End::Broken(CloseReason::Limit));
                }
            })
        };
        let on_lost = {
            let chosen = Rc::clone(chosen);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                chosen.end(End::Broken(CloseReason::TransportClosed));
            })
        };
        let listening = Listening {
            device: chosen.device.clone(),
            back: back.clone(),
            first,
            on_value,
            on_lost,
        };
        let (value, lost) = (listening.on_value.as_ref(), listening.on_lost.as_ref());
        let _ = listening.back.add_event_listener_with_callback(VALUE, value.unchecked_ref());
        let _ = listening.device.add_event_listener_with_callback(LOST, lost.unchecked_ref());
        listening
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let (value, lost) = (self.on_value.as_ref(), self.on_lost.as_ref());
        let _ = self.back.remove_event_listener_with_callback(VALUE, value.unchecked_ref());
        let _ = self.device.remove_event_listener_with_callback(LOST, lost.unchecked_ref());
    }
}

/// The wait before the next try, with a random number below 1.
fn retry_ms(failures: u32, random: f64) -> u64 {
    let bound = RETRY_MS_BASE.saturating_mul(1 << failures.min(16)).min(RETRY_MS_MAX);
    (bound as f64 * random) as u64
}

/// The next size to try when frames of that length are refused.
fn shorter_than(length: usize) -> usize {
    FRAME_BYTES_LADDER.into_iter().find(|bytes| *bytes < length).unwrap_or(FRAME_BYTES_MIN)
}

fn millis(later: Instant, earlier: Instant) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_the_size_of_a_frame_or_another_version() {
        let read = |value: &[u8]| First::read(value);
        assert_eq!(read(&[244, 0]), First::Frame(244));
        assert_eq!(read(&[0xff, 0xff]), First::Frame(BLE_VALUE_BYTES_MAX));
        assert_eq!(read(&[20, 0]), First::Frame(FRAME_BYTES_MIN));
        for value in [&[19, 0][..], &[], &[244], &[244, 0, 0]] {
            assert_eq!(read(value), First::Other, "{value:?}");
        }
    }

    #[test]
    fn a_refused_length_leads_to_shorter_frames_down_to_the_smallest() {
        let mut length = BLE_VALUE_BYTES_MAX;
        let mut seen = Vec::new();
        while length > FRAME_BYTES_MIN {
            length = shorter_than(length);
            seen.push(length);
        }
        assert_eq!(seen, FRAME_BYTES_LADDER);
        assert_eq!(shorter_than(FRAME_BYTES_MIN), FRAME_BYTES_MIN);
    }

    #[test]
    fn waits_double_up_to_their_bound_and_are_spread_over_all_of_it() {
        assert_eq!(retry_ms(0, 0.0), 0);
        assert_eq!(retry_ms(0, 0.5), RETRY_MS_BASE / 2);
        assert_eq!(retry_ms(2, 0.5), RETRY_MS_BASE * 2);
        assert_eq!(retry_ms(60, 0.5), RETRY_MS_MAX / 2);
    }
}

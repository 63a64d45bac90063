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
mod chosen;
mod listening;
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
    node::{CloseReason, Input, LinkRole, PathClass, Transport},
    time::Instant,
    transport::{BLE_NOTIFY_UUID, BLE_SERVICE_UUID, BLE_VALUE_BYTES_MAX, BLE_WRITE_UUID},
};
use chosen::{Chosen, End, Next, Session, State, write};
use listening::{First, Listening, Lost};
use platform::{Characteristic, Device, Server, Service, name_of, uuid};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Devices of one tab. Guess: half of what a phone's radio holds connections to.
pub const DEVICES_MAX: usize = 4;

/// Bytes that may wait for one device: one of the largest packets in the smallest frames.
pub const QUEUED_BYTES_MAX: usize = 128 * 1024;

/// Longest that a connection may take, in milliseconds. Android gives up after 30 s.
const CONNECT_MS_MAX: i32 = 30_000;

/// Longest from a subscription to the first value, in milliseconds. Guess: ten of the longest
/// intervals between two connection events.
const FIRST_VALUE_MS_MAX: i32 = 40_000;

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
            abort: RefCell::new(None),
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
        let _lost = Lost::new(chosen);
        within(gatt.connect()?, CONNECT_MS_MAX).await?;
        let service: Service =
            chosen.step(gatt.get_primary_service(&uuid(BLE_SERVICE_UUID))?).await?.unchecked_into();
        let out: Characteristic =
            chosen.step(service.get_characteristic(&uuid(BLE_WRITE_UUID))?).await?.unchecked_into();
        let back: Characteristic = chosen
            .step(service.get_characteristic(&uuid(BLE_NOTIFY_UUID))?)
            .await?
            .unchecked_into();
        let listening = Listening::new(self, chosen, &back);
        chosen.step(back.start_notifications()?).await?;
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

/// The wait before the next try, with a random number below 1.
fn retry_ms(failures: u32, random: f64) -> u64 {
    let bound = RETRY_MS_BASE.saturating_mul(1 << failures.min(16)).min(RETRY_MS_MAX);
    (bound as f64 * random) as u64
}

fn millis(later: Instant, earlier: Instant) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_are_spread_over_all_of_it() {
        assert_eq!(retry_ms(0, 0.0), 0);
        assert_eq!(retry_ms(0, 0.5), RETRY_MS_BASE / 2);
        assert_eq!(retry_ms(2, 0.5), RETRY_MS_BASE * 2);
        assert_eq!(retry_ms(60, 0.5), RETRY_MS_MAX / 2);
    }
}

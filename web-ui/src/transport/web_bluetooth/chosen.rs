//! A device that was chosen: what its task does, what it knows, and the frames that wait for it.

use super::{
    bell::{Bell, within},
    platform,
};
use crate::slot;
use bitcraps_core::{id::LinkId, limits::FRAME_BYTES_MIN, node::CloseReason, time::Instant};
use js_sys::{Array, Function, Promise, Uint8Array};
use platform::{Characteristic, Device, Server, name_of};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};
use wasm_bindgen::JsValue;

/// Sizes of frames to fall back to when the platform refuses a longer one, largest first: data
/// length extension, what iPhones take, a round number, the default MTU.
const FRAME_BYTES_LADDER: [usize; 4] = [244, 182, 100, FRAME_BYTES_MIN];

/// Longest that any other operation may take, in milliseconds: that of the attribute protocol.
const OPERATION_MS_MAX: i32 = 30_000;

/// A write is tried this often, with pauses: radios that are busy refuse.
const WRITE_TRIES: u32 = 8;
const WRITE_PAUSE_MS: i32 = 15;

/// A device and the state of its task.
pub struct Chosen {
    pub number: u32,
    pub device: Device,
    pub state: RefCell<State>,
    pub session: RefCell<Option<Session>>,
    /// Rung for whatever the task should look at.
    pub bell: Bell,
    /// Ends the wait for an operation: Chromium leaves those unanswered that a loss interrupts.
    pub abort: RefCell<Option<Function>>,
    pub forgotten: Cell<bool>,
    pub failures: Cell<u32>,
    /// Bytes of the longest frame that the platform has not refused.
    pub frame_bytes_max: Cell<usize>,
}

pub enum State {
    Connecting,
    Linked { frame_bytes: usize },
    Waiting { why: String, until: Instant },
}

/// One connection that carries frames.
pub struct Session {
    pub link: LinkId,
    pub queue: VecDeque<Vec<u8>>,
    pub queued_bytes: usize,
    pub end: Option<End>,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The core hung up: send what waits, then disconnect. Nobody has to be told.
    Hangup(CloseReason),
    /// It broke, or brought what it must not.
    Broken(CloseReason),
}

pub enum Next {
    Write(Vec<u8>),
    Wait,
    End(End),
}

impl Chosen {
    pub fn name(&self) -> String {
        self.device.name().unwrap_or_else(|| "a device without a name".to_owned())
    }

    /// The first end counts.
    pub fn end(&self, end: End) {
        if let Some(session) = self.session.borrow_mut().as_mut() {
            session.end.get_or_insert(end);
        }
        if let End::Broken(_) = end
            && let Some(reject) = self.abort.take()
        {
            let _ = reject.call1(&JsValue::NULL, &JsValue::NULL);
        }
        self.bell.ring();
    }

    /// The value of an operation on the device, unless the link breaks or time is over.
    pub async fn step(&self, promise: Promise) -> Result<JsValue, JsValue> {
        let broken = Promise::new(&mut |_, reject| {
            *self.abort.borrow_mut() = Some(reject);
        });
        let first = Promise::race(&Array::of2(&promise, &broken));
        let value = within(first, OPERATION_MS_MAX).await;
        *self.abort.borrow_mut() = None;
        value
    }

    pub fn next(&self) -> Next {
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
pub async fn write(
    chosen: &Chosen,
    gatt: &Server,
    out: &Characteristic,
    frame: &[u8],
) -> Result<(), End> {
    let broken = Err(End::Broken(CloseReason::TransportClosed));
    for _ in 0..WRITE_TRIES {
        let written = match out.write(&Uint8Array::from(frame)) {
            Ok(promise) => chosen.step(promise).await,
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

/// The next size to try when frames of that length are refused.
fn shorter_than(length: usize) -> usize {
    FRAME_BYTES_LADDER.into_iter().find(|bytes| *bytes < length).unwrap_or(FRAME_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::transport::BLE_VALUE_BYTES_MAX;

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
}

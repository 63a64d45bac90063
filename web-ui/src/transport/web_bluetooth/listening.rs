//! What a connection hears: the first value, then frames, then that it is lost.

use super::{
    All,
    chosen::{Chosen, End},
    platform::{self, Characteristic, Device},
};
use bitcraps_core::{
    limits::FRAME_BYTES_MIN,
    node::{CloseReason, Input},
    transport::BLE_VALUE_BYTES_MAX,
};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::Event;

/// What the first notified value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
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

/// Listens to the values of one connection until it is dropped.
pub struct Listening {
    back: Characteristic,
    pub first: Rc<Cell<Option<First>>>,
    on_value: Closure<dyn FnMut(Event)>,
}

/// Listens to the loss of a device until it is dropped.
pub struct Lost {
    device: Device,
    on_lost: Closure<dyn FnMut(Event)>,
}

const VALUE: &str = "characteristicvaluechanged";
const LOST: &str = "gattserverdisconnected";

impl Listening {
    pub fn new(all: &All, chosen: &Rc<Chosen>, back: &Characteristic) -> Listening {
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
        let heard = on_value.as_ref().unchecked_ref();
        let _ = back.add_event_listener_with_callback(VALUE, heard);
        Listening { back: back.clone(), first, on_value }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let heard = self.on_value.as_ref().unchecked_ref();
        let _ = self.back.remove_event_listener_with_callback(VALUE, heard);
    }
}

impl Lost {
    pub fn new(chosen: &Rc<Chosen>) -> Lost {
        let (device, lost) = (chosen.device.clone(), Rc::clone(chosen));
        let on_lost = Closure::<dyn FnMut(Event)>::new(move |_| {
            lost.end(End::Broken(CloseReason::TransportClosed));
        });
        let heard = on_lost.as_ref().unchecked_ref();
        let _ = device.add_event_listener_with_callback(LOST, heard);
        Lost { device, on_lost }
    }
}

impl Drop for Lost {
    fn drop(&mut self) {
        let heard = self.on_lost.as_ref().unchecked_ref();
        let _ = self.device.remove_event_listener_with_callback(LOST, heard);
    }
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
}

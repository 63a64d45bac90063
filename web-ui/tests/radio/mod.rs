//! A Bluetooth device for tests, in the page's own JavaScript.

use bitcraps_core::{
    id::LinkId,
    node::{Input, LinkRole, PathClass, Transport},
};
use bitcraps_web::{
    inbox::Inbox,
    model::bluetooth::{Ask, DeviceState},
    slot,
    transport::{LinkIds, web_bluetooth::Radios},
};
use js_sys::Function;
use wasm_bindgen::JsValue;

/// A tab's Bluetooth in front of a fresh device.
pub struct Garden {
    pub inbox: Inbox,
    pub radios: Radios,
}

impl Garden {
    pub fn new() -> Garden {
        run(include_str!("fake.js"));
        let inbox = Inbox::default();
        let radios = Radios::new(inbox.clone(), LinkIds::default());
        Garden { inbox, radios }
    }

    /// The next input that is not about drawing.
    pub async fn next(&self) -> Input {
        for _ in 0..1500 {
            match self.inbox.pop() {
                Some(Input::Wake) => {}
                Some(input) => return input,
                None => slot::pause(10).await,
            }
        }
        panic!("no input; {:?}", self.radios.face())
    }

    /// Waits for a link with frames of that size.
    pub async fn up(&self, frame_bytes: usize) -> LinkId {
        match self.next().await {
            Input::LinkUp { link, transport, path, role, mtu, address } => {
                assert_eq!((transport, path), (Transport::Ble, PathClass::Bluetooth));
                assert_eq!((role, mtu, address), (LinkRole::Dialer, frame_bytes, None));
                link
            }
            other => panic!("no link: {other:?}"),
        }
    }

    pub async fn joined(&self, frame_bytes: usize) -> LinkId {
        self.radios.ask(Ask::Choose);
        self.up(frame_bytes).await
    }

    pub fn device(&self) -> DeviceState {
        self.radios.face().devices[0].state.clone()
    }

    /// So that the next test finds the tab's lock free.
    pub async fn leave(self) {
        while let Some(device) = self.radios.face().devices.first() {
            self.radios.ask(Ask::Forget(device.number));
        }
        slot::pause(50).await;
    }
}

pub fn run(script: &str) -> JsValue {
    Function::new_no_args(script).call0(&JsValue::NULL).unwrap()
}

/// A number of the device's.
pub fn count(what: &str) -> f64 {
    run(&["return fake.", what].concat()).as_f64().unwrap()
}

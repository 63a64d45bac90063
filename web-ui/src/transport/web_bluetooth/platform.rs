//! Web Bluetooth as JavaScript has it, and its failures as sentences.
//!
//! Written by hand: the types of `web-sys` are behind a flag of the compiler that every build,
//! test and editor would have to carry.

use js_sys::{Array, DataView, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{DomException, EventTarget};

#[wasm_bindgen]
extern "C" {
    pub type Bluetooth;

    #[wasm_bindgen(catch, method, js_name = requestDevice)]
    pub fn request_device(this: &Bluetooth, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method, js_name = getAvailability)]
    pub fn get_availability(this: &Bluetooth) -> Result<Promise, JsValue>;

    #[wasm_bindgen(extends = EventTarget)]
    #[derive(Clone)]
    pub type Device;

    #[wasm_bindgen(method, getter)]
    pub fn id(this: &Device) -> String;

    #[wasm_bindgen(method, getter)]
    pub fn name(this: &Device) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    pub fn gatt(this: &Device) -> Server;

    pub type Server;

    #[wasm_bindgen(method, getter)]
    pub fn connected(this: &Server) -> bool;

    #[wasm_bindgen(catch, method)]
    pub fn connect(this: &Server) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    pub fn disconnect(this: &Server);

    #[wasm_bindgen(catch, method, js_name = getPrimaryService)]
    pub fn get_primary_service(this: &Server, uuid: &str) -> Result<Promise, JsValue>;

    pub type Service;

    #[wasm_bindgen(catch, method, js_name = getCharacteristic)]
    pub fn get_characteristic(this: &Service, uuid: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(extends = EventTarget)]
    #[derive(Clone)]
    pub type Characteristic;

    #[wasm_bindgen(method, getter)]
    pub fn value(this: &Characteristic) -> Option<DataView>;

    #[wasm_bindgen(catch, method, js_name = startNotifications)]
    pub fn start_notifications(this: &Characteristic) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, method, js_name = writeValueWithoutResponse)]
    pub fn write(this: &Characteristic, value: &Uint8Array) -> Result<Promise, JsValue>;
}

/// The browser's Bluetooth, where pages may use it.
pub fn bluetooth() -> Option<Bluetooth> {
    let navigator = web_sys::window()?.navigator();
    let found = Reflect::get(&navigator, &"bluetooth".into()).ok()?;
    found.is_object().then(|| found.unchecked_into())
}

pub fn is_secure() -> bool {
    js_sys::global().unchecked_into::<web_sys::Window>().is_secure_context()
}

/// `{filters: [{services: [uuid]}]}`
pub fn filter(uuid: &str) -> JsValue {
    let (options, filter) = (Object::new(), Object::new());
    let _ = Reflect::set(&filter, &"services".into(), &Array::of1(&uuid.into()));
    let _ = Reflect::set(&options, &"filters".into(), &Array::of1(&filter));
    options.into()
}

/// A number as browsers write UUIDs.
pub fn uuid(number: u128) -> String {
    let mut out = String::with_capacity(36);
    for digit in (0..32).rev() {
        out.extend(char::from_digit((number >> (digit * 4)) as u32 & 15, 16));
        if matches!(digit, 24 | 20 | 16 | 12) {
            out.push('-');
        }
    }
    out
}

/// The bytes behind a `DataView`.
pub fn bytes(view: &DataView) -> Vec<u8> {
    let (offset, length) = (view.byte_offset() as u32, view.byte_length() as u32);
    Uint8Array::new_with_byte_offset_and_length(&view.buffer(), offset, length).to_vec()
}

/// The standard name of what was thrown, and the browser's own words.
pub fn name_of(thrown: &JsValue) -> (String, String) {
    match thrown.dyn_ref::<DomException>() {
        Some(thrown) => (thrown.name(), thrown.message()),
        // What this room itself ends a wait with.
        None if thrown.is_null() => ("AbortError".to_owned(), String::new()),
        None => Default::default(),
    }
}

/// Why nobody was chosen. `available` is what the browser says of the adapter now.
pub fn why_not_chosen(name: &str, message: &str, available: bool) -> String {
    match name {
        "NotFoundError" if !available => "This device has no Bluetooth that the browser can use. \
            Plug an adapter in, or allow the browser to use Bluetooth in the system's settings."
            .to_owned(),
        "NotFoundError" => "No peer was chosen. If the list stayed empty, ask the host to switch \
            Bluetooth on in the node, come closer and try again."
            .to_owned(),
        "SecurityError" => {
            "The browser asks for a click of your own first: press the button again.".to_owned()
        }
        "NotAllowedError" => "The browser was told not to let this page use Bluetooth. Allow it \
            in the settings of this site and try again."
            .to_owned(),
        _ => ["Bluetooth failed: ", message, " Try again."].concat(),
    }
}

/// Why a chosen peer is not linked. No full stop: the time of the next try follows.
pub fn why_not_linked(name: &str, message: &str) -> String {
    match name {
        "NetworkError" => "The peer cannot be reached or refused the connection; come closer",
        "NotFoundError" => "The device no longer offers BitCraps; its node may have stopped",
        "SecurityError" | "NotAllowedError" => {
            "The browser no longer lets this page use the device"
        }
        "NotSupportedError" => "The device cannot send to a browser",
        "AbortError" => "The connection broke",
        "" => "The device did not answer in time",
        _ => return ["Bluetooth failed: ", message.trim_end_matches('.')].concat(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::transport::BLE_SERVICE_UUID;

    #[test]
    fn a_uuid_is_written_as_the_standard_wants_it() {
        assert_eq!(uuid(BLE_SERVICE_UUID), "ac5c30c5-92bd-4f59-91c9-de16ec3b0000");
        assert_eq!(uuid(0x2902), "00000000-0000-0000-0000-000000002902");
    }

    #[test]
    fn every_failure_of_the_platform_is_a_sentence() {
        let chosen = |name, available| why_not_chosen(name, "It went wrong.", available);
        let words = [
            ("NotFoundError", false, "no Bluetooth"),
            ("NotFoundError", true, "No peer was chosen"),
            ("SecurityError", true, "click"),
            ("NotAllowedError", true, "Allow it"),
            ("UnknownError", true, "It went wrong."),
        ];
        for (name, available, word) in words {
            let why = chosen(name, available);
            assert!(why.contains(word) && why.ends_with('.'), "{name}: {why}");
        }
        let names =
            ["NetworkError", "NotFoundError", "SecurityError", "NotSupportedError", "", "X"];
        for name in names {
            let why = why_not_linked(name, "It went wrong.");
            assert!(!why.is_empty() && !why.ends_with('.'), "{name}: {why}");
        }
    }
}

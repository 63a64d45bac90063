//! Waiting for a ring, or until a time is over: what a task of this room sleeps on.

use js_sys::{Function, Promise};
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// One task waits, anybody rings. A ring that nobody waits for is not kept: look at what it was
/// for before waiting.
#[derive(Default)]
pub struct Bell(RefCell<Option<Function>>);

impl Bell {
    pub async fn wait(&self, limit_ms: Option<i32>) {
        let mut timer = None;
        let rung = Promise::new(&mut |resolve, _| {
            if let (Some(limit), Some(window)) = (limit_ms, web_sys::window()) {
                let set = window
                    .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, limit.max(0));
                timer = set.ok();
            }
            *self.0.borrow_mut() = Some(resolve);
        });
        // Nothing rejects it.
        let _ = JsFuture::from(rung).await;
        *self.0.borrow_mut() = None;
        if let (Some(timer), Some(window)) = (timer, web_sys::window()) {
            window.clear_timeout_with_handle(timer);
        }
    }

    pub fn ring(&self) {
        if let Some(resolve) = self.0.borrow_mut().take() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    }
}

/// A promise's value. When it takes longer than that: an error that is no exception.
pub async fn within(promise: Promise, limit_ms: i32) -> Result<JsValue, JsValue> {
    let mut timer = None;
    let late = Promise::new(&mut |_, reject| {
        let Some(window) = web_sys::window() else { return };
        let reject = Closure::once_into_js(move || {
            let _ = reject.call1(&JsValue::NULL, &JsValue::UNDEFINED);
        });
        let set = window.set_timeout_with_callback_and_timeout_and_arguments_0(
            reject.unchecked_ref(),
            limit_ms,
        );
        timer = set.ok();
    });
    let first = JsFuture::from(Promise::race(&js_sys::Array::of2(&promise, &late))).await;
    if let (Some(timer), Some(window)) = (timer, web_sys::window()) {
        window.clear_timeout_with_handle(timer);
    }
    first
}

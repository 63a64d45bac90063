//! Which of this browser's identities a tab may use.
//!
//! Two tabs with one key would sign conflicting votes, and every table would be right to expel
//! them. So each identity is a numbered slot with a database of its own, and a tab holds the Web
//! Lock of its slot for as long as it lives; the browser frees it when the tab dies, however it
//! dies. A second tab takes the next slot and is a second peer.
//!
//! A reloaded tab wants its own slot back, but the old page's lock may be freed a moment after the
//! new page asks. So the slot is noted in the tab's session storage, and asked for again for up to
//! a second before another is taken.

use js_sys::Function;
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

/// Tabs of one browser profile that can be peers at once.
pub const SLOTS_MAX: u32 = 16;

/// How often, and in what steps, a reloaded tab asks for its own slot: one second in all.
const RECLAIM_TRIES: u32 = 20;
const RECLAIM_STEP_MS: i32 = 50;

const NOTE: &str = "bitcraps-slot";

/// The outcome of asking for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This tab alone holds the slot until it closes.
    Held(u32),
    /// All slots are held by other tabs.
    AllTaken,
    /// The page was not loaded over https or from this device, so the browser offers no locks.
    NoLocks,
}

#[wasm_bindgen]
extern "C" {
    type Locks;

    #[wasm_bindgen(catch, method)]
    fn request(
        this: &Locks,
        name: &str,
        options: &JsValue,
        callback: &JsValue,
    ) -> Result<JsValue, JsValue>;
}

/// Takes the noted slot of this tab, or the lowest that is free.
pub async fn claim() -> Claim {
    let Some(locks) = locks() else {
        return Claim::NoLocks;
    };
    if let Some(slot) = noted() {
        for _ in 0..RECLAIM_TRIES {
            if try_hold(&locks, slot).await {
                return Claim::Held(slot);
            }
            pause(RECLAIM_STEP_MS).await;
        }
    }
    for slot in 0..SLOTS_MAX {
        if try_hold(&locks, slot).await {
            note(slot);
            return Claim::Held(slot);
        }
    }
    Claim::AllTaken
}

/// The database, and the lock, of a slot.
pub fn database(slot: u32) -> String {
    ["bitcraps-", &slot.to_string()].concat()
}

/// Resolves after that many milliseconds.
pub async fn pause(millis: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
        }
    });
    // A promise that only a timer resolves is never rejected.
    let _ = JsFuture::from(promise).await;
}

fn locks() -> Option<Locks> {
    let navigator = web_sys::window()?.navigator();
    let locks = js_sys::Reflect::get(&navigator, &"locks".into()).ok()?;
    locks.is_object().then(|| locks.unchecked_into())
}

async fn try_hold(locks: &Locks, slot: u32) -> bool {
    // Not released: held as long as the tab lives.
    hold_of(locks, &database(slot)).await.is_some()
}

/// A Web Lock that this tab holds until it is released or the tab is gone.
pub struct Held(Function);

impl Held {
    pub fn release(self) {
        let _ = self.0.call0(&JsValue::NULL);
    }
}

/// Takes the lock of that name, unless another tab holds it or the browser offers none.
pub async fn hold(name: &str) -> Option<Held> {
    hold_of(&locks()?, name).await
}

async fn hold_of(locks: &Locks, name: &str) -> Option<Held> {
    let release = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&release);
    let answer = js_sys::Promise::new(&mut |resolve, _| {
        let (settle, kept) = (resolve.clone(), Rc::clone(&kept));
        let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            // The lock lasts until this promise settles.
            let held = (!lock.is_null()).then(|| {
                js_sys::Promise::new(&mut |release, _| *kept.borrow_mut() = Some(release))
            });
            let _ = settle.call0(&JsValue::NULL);
            held.map_or(JsValue::UNDEFINED, JsValue::from)
        });
        let options = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
        if locks.request(name, &options, &granted).is_err() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    // Settled by the lock's manager, and never rejected.
    let _ = JsFuture::from(answer).await;
    release.take().map(Held)
}

fn noted() -> Option<u32> {
    let storage = web_sys::window()?.session_storage().ok()??;
    let slot = storage.get_item(NOTE).ok()??.parse().ok()?;
    (slot < SLOTS_MAX).then_some(slot)
}

fn note(slot: u32) {
    let storage = web_sys::window().and_then(|w| w.session_storage().ok()?);
    if let Some(storage) = storage {
        // Without the note a reload may take another slot: a new name, nothing lost.
        let _ = storage.set_item(NOTE, &slot.to_string());
    }
}

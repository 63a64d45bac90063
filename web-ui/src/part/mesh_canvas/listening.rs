//! The picture's ears: events of the page, its size, and animation frames. All end with this value.

use super::{MeshCanvas, Msg, hands::KEYS};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    AddEventListenerOptions, Element, Event, EventTarget, KeyboardEvent, MediaQueryList,
    ResizeObserver,
};
use yew::html::Scope;

const OF_HOST: [&str; 8] = [
    "pointerdown",
    "pointermove",
    "pointerup",
    "pointercancel",
    "pointerleave",
    "wheel",
    "dblclick",
    "keydown",
];
const OF_PICTURE: [&str; 2] = ["webglcontextlost", "webglcontextrestored"];

pub struct Listening {
    hear: Closure<dyn FnMut(JsValue)>,
    tick: Closure<dyn FnMut()>,
    /// The frame that was asked for.
    asked: Option<i32>,
    targets: Vec<(EventTarget, &'static [&'static str])>,
    size: Option<ResizeObserver>,
    still: Option<MediaQueryList>,
}

impl Listening {
    pub fn start(host: &Element, picture: Option<Element>, link: &Scope<MeshCanvas>) -> Listening {
        let (heard, came) = (link.clone(), link.clone());
        let hear = Closure::<dyn FnMut(JsValue)>::new(move |what: JsValue| {
            if let Some(event) = what.dyn_ref::<Event>() {
                hold_back(event);
            }
            heard.send_message(Msg::Heard(what));
        });
        let tick = Closure::<dyn FnMut()>::new(move || came.send_message(Msg::Frame));
        let function = hear.as_ref().unchecked_ref();
        let size = ResizeObserver::new(function).ok();
        if let Some(size) = &size {
            size.observe(host);
        }
        let query = |query| web_sys::window().and_then(|w| w.match_media(query).ok()?);
        let mut targets: Vec<(EventTarget, &'static [&'static str])> =
            vec![(host.clone().into(), &OF_HOST)];
        targets.extend(picture.map(|picture| (picture.into(), &OF_PICTURE[..])));
        let light = query("(prefers-color-scheme: light)");
        targets.extend(light.map(|light| (light.into(), &["change"][..])));
        // A wheel that must not scroll the page needs a listener that says so.
        let options = AddEventListenerOptions::new();
        options.set_passive(false);
        for (target, name) in pairs(&targets) {
            // Refused are only options that are none.
            let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
                name, function, &options,
            );
        }
        let still = query("(prefers-reduced-motion: reduce)");
        Listening { hear, tick, asked: None, targets, size, still }
    }

    /// Asks for one frame, however often it is called before it comes.
    pub fn ask_for_frame(&mut self) {
        if self.asked.is_none() {
            let tick = self.tick.as_ref().unchecked_ref();
            self.asked =
                web_sys::window().and_then(|window| window.request_animation_frame(tick).ok());
        }
    }

    pub fn frame_came(&mut self) {
        self.asked = None;
    }

    pub fn wants_no_motion(&self) -> bool {
        self.still.as_ref().is_some_and(MediaQueryList::matches)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let function = self.hear.as_ref().unchecked_ref();
        for (target, name) in pairs(&self.targets) {
            let _ = target.remove_event_listener_with_callback(name, function);
        }
        if let Some(size) = &self.size {
            size.disconnect();
        }
        if let (Some(window), Some(asked)) = (web_sys::window(), self.asked) {
            let _ = window.cancel_animation_frame(asked);
        }
    }
}

fn pairs<'a>(
    targets: &'a [(EventTarget, &'static [&'static str])],
) -> impl Iterator<Item = (&'a EventTarget, &'static str)> {
    targets.iter().flat_map(|(target, names)| names.iter().map(move |name| (target, *name)))
}

/// Keeps the browser from scrolling the page with what moves the picture, and from giving up a
/// lost context for good.
fn hold_back(event: &Event) {
    let ours = match event.type_().as_str() {
        "wheel" | "webglcontextlost" => true,
        "keydown" => {
            let key: &KeyboardEvent = event.unchecked_ref();
            let plain = !(key.ctrl_key() || key.meta_key() || key.alt_key());
            plain && KEYS.contains(&key.key().as_str())
        }
        _ => false,
    };
    if ours {
        event.prevent_default();
    }
}

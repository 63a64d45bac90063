//! What the node that served this page says of itself and of the mesh.

use crate::{model::told::Read, picture::Same};
use bitcraps_core::node::NodeView;
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

const VIEW: &str = "/api/v1/view";
const HISTORY: &str = "/api/v1/history";

/// What the node knows, as far as a page shows it; its tables are not asked for.
pub type Report = Same<NodeView>;

/// Whether the health of the mesh over time is asked for too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    Asked,
    NotAsked,
}

/// Asks now and then every so often, until what it gives is dropped.
pub fn ask_every(
    millis: u32,
    past: Past,
    told: impl Fn(Result<Report, String>) + 'static,
) -> Option<Asking> {
    let window = web_sys::window()?;
    let told = Rc::new(told);
    // Answers that come after the asking has ended are for nobody.
    let alive = Rc::new(RefCell::new(true));
    let ask = {
        let alive = Rc::clone(&alive);
        move || {
            let (told, alive) = (Rc::clone(&told), Rc::clone(&alive));
            wasm_bindgen_futures::spawn_local(async move {
                let report = ask(past).await.map(Same::new);
                if *alive.borrow() {
                    told(report);
                }
            });
        }
    };
    ask();
    let again = Closure::<dyn FnMut()>::new(ask);
    let every = i32::try_from(millis).unwrap_or(i32::MAX);
    let timer = window
        .set_interval_with_callback_and_timeout_and_arguments_0(
            again.as_ref().unchecked_ref(),
            every,
        )
        .ok()?;
    Some(Asking { timer, alive, _again: again })
}

/// Drop it to stop asking.
pub struct Asking {
    timer: i32,
    alive: Rc<RefCell<bool>>,
    _again: Closure<dyn FnMut()>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.alive.replace(false);
        if let Some(window) = web_sys::window() {
            window.clear_interval_with_handle(self.timer);
        }
    }
}

async fn ask(past: Past) -> Result<NodeView, String> {
    let mut view: NodeView = parse(&fetch(VIEW).await?)?;
    if past == Past::Asked {
        view.health.history = parse(&fetch(HISTORY).await?)?;
    }
    Ok(view)
}

fn parse<T: Read>(text: &str) -> Result<T, String> {
    let json = serde_json::from_str(text).ok();
    json.and_then(|json| T::read(&json)).ok_or_else(|| "it sent what is no view".to_owned())
}

async fn fetch(path: &str) -> Result<String, String> {
    let window = web_sys::window().ok_or("there is no window")?;
    let failed = |e: JsValue| {
        let told = e.dyn_ref::<js_sys::Error>().map(|e| String::from(e.message()));
        told.unwrap_or_else(|| "the request failed".to_owned())
    };
    let response = JsFuture::from(window.fetch_with_str(path)).await.map_err(failed)?;
    let response: web_sys::Response = response.dyn_into().map_err(failed)?;
    if !response.ok() {
        return Err(["it answered ", &response.status().to_string()].concat());
    }
    let text = JsFuture::from(response.text().map_err(failed)?).await.map_err(failed)?;
    text.as_string().ok_or_else(|| "it sent no text".to_owned())
}

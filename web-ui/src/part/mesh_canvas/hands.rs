//! What mouse, fingers and keys do to the picture.

use super::{Goal, MeshCanvas, camera::Camera, theme::Theme};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, KeyboardEvent, PointerEvent, WheelEvent};
use yew::Context;

/// Pixels that a pointer may move and still mean the point.
const STILL: f32 = 5.0;

/// Pixels around a node that count as the node: half a fingertip.
const NEAR: f32 = 18.0;

/// What one press of a key pans and zooms.
const PAN: f32 = 64.0;
const ZOOM: f32 = 1.3;

/// Fingers that are followed.
const POINTERS_MAX: usize = 2;

/// Keys that the picture takes for itself.
pub const KEYS: [&str; 12] = [
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "ArrowDown",
    "+",
    "=",
    "-",
    "0",
    "n",
    "p",
    "Escape",
    "Home",
];

#[derive(Debug, Default)]
pub struct Hands {
    /// Pointers that are down: number and place.
    down: Vec<(i32, f32, f32)>,
    /// Whether they have moved so far that they drag.
    dragging: bool,
    /// The dot below the mouse.
    pub pointed: Option<u32>,
    /// The newest pick was made on the picture, where the node is in sight.
    pub picked_here: bool,
}

impl MeshCanvas {
    pub(super) fn heard(&mut self, context: &Context<Self>, what: JsValue) {
        let Ok(event) = what.dyn_into::<Event>() else {
            // The observer of the size calls with a list.
            self.fill();
            self.ask();
            return;
        };
        match event.type_().as_str() {
            "pointerdown" => self.touch(event.unchecked_ref()),
            "pointermove" => {
                if !self.drag(event.unchecked_ref(), context) {
                    return;
                }
            }
            "pointerup" => self.let_go(event.unchecked_ref(), context),
            "pointercancel" | "pointerleave" => self.forget(event.unchecked_ref()),
            "wheel" => self.wheel(event.unchecked_ref()),
            "dblclick" => self.press(context, "0"),
            "keydown" => self.press(context, &event.unchecked_ref::<KeyboardEvent>().key()),
            "webglcontextlost" => {
                self.brush = None;
                self.note("data-brush", "canvas");
            }
            "webglcontextrestored" => self.take_hold(context),
            // The page has become dark or light.
            _ => {
                if let Some(host) = self.host.cast::<Element>() {
                    self.theme = Theme::of(&host);
                }
            }
        }
        self.ask();
    }

    /// A key by its name; one that means nothing here does nothing.
    pub(super) fn press(&mut self, context: &Context<Self>, key: &str) {
        let middle = (self.size.0 / 2.0, self.size.1 / 2.0);
        let from = match self.goal {
            Goal::Place(camera) => camera,
            _ => self.camera,
        };
        self.goal = Goal::Place(match key {
            "ArrowLeft" => from.panned(PAN, 0.0),
            "ArrowRight" => from.panned(-PAN, 0.0),
            "ArrowUp" => from.panned(0.0, PAN),
            "ArrowDown" => from.panned(0.0, -PAN),
            "+" | "=" => from.zoomed(ZOOM, middle, self.size),
            "-" => from.zoomed(1.0 / ZOOM, middle, self.size),
            "0" | "Home" => return self.goal = Goal::Whole,
            "n" => return self.next(context, 1),
            "p" => return self.next(context, -1),
            "Escape" => return context.props().on_pick.emit(None),
            _ => return,
        });
    }

    /// Picks the next or previous node in the order of the table.
    fn next(&mut self, context: &Context<Self>, step: i32) {
        let props = context.props();
        let count = props.scene.dots.len() as i32;
        let now = props.picked.and_then(|id| props.scene.place(&id));
        let next = now.map_or(0, |now| (now as i32 + step).rem_euclid(count.max(1)));
        let dot = props.scene.dots.get(next as usize);
        props.on_pick.emit(dot.map(|dot| dot.id));
    }

    fn touch(&mut self, event: &PointerEvent) {
        if event.button() != 0 || self.hands.down.len() == POINTERS_MAX {
            return;
        }
        if let Some(host) = self.host.cast::<Element>() {
            // Refused when the pointer is gone already.
            let _ = host.set_pointer_capture(event.pointer_id());
        }
        self.hands.dragging = !self.hands.down.is_empty();
        self.hands.down.push((
            event.pointer_id(),
            event.offset_x() as f32,
            event.offset_y() as f32,
        ));
    }

    /// Tells whether anything changed.
    fn drag(&mut self, event: &PointerEvent, context: &Context<Self>) -> bool {
        let at = (event.offset_x() as f32, event.offset_y() as f32);
        let id = event.pointer_id();
        let Some(moved) = self.hands.down.iter().position(|pointer| pointer.0 == id) else {
            let pointed = self.dot_at(context, at);
            return core::mem::replace(&mut self.hands.pointed, pointed) != pointed;
        };
        let (_, x, y) = self.hands.down[moved];
        if !self.hands.dragging && (at.0 - x).hypot(at.1 - y) < STILL {
            return false;
        }
        self.hands.dragging = true;
        self.hands.down[moved] = (id, at.0, at.1);
        let other = self.hands.down.iter().find(|pointer| pointer.0 != id).copied();
        self.camera = match other {
            None => self.camera.panned(at.0 - x, at.1 - y),
            Some((_, ox, oy)) => {
                let before = (x - ox).hypot(y - oy).max(1.0);
                let factor = (at.0 - ox).hypot(at.1 - oy).max(1.0) / before;
                let middle = ((x + ox) / 2.0, (y + oy) / 2.0);
                let panned = ((at.0 - x) / 2.0, (at.1 - y) / 2.0);
                self.camera.zoomed(factor, middle, self.size).panned(panned.0, panned.1)
            }
        };
        self.goal = Goal::Rest;
        true
    }

    fn let_go(&mut self, event: &PointerEvent, context: &Context<Self>) {
        let was_down = self.hands.down.iter().any(|pointer| pointer.0 == event.pointer_id());
        self.forget(event);
        if was_down && !self.hands.dragging {
            let at = (event.offset_x() as f32, event.offset_y() as f32);
            let scene = &context.props().scene;
            let dot = self.dot_at(context, at).and_then(|dot| scene.dots.get(dot as usize));
            let picked = dot.map(|dot| dot.id);
            self.hands.picked_here = picked != context.props().picked;
            context.props().on_pick.emit(picked);
        }
    }

    fn forget(&mut self, event: &PointerEvent) {
        self.hands.down.retain(|pointer| pointer.0 != event.pointer_id());
        self.hands.pointed = None;
    }

    fn wheel(&mut self, event: &WheelEvent) {
        // Lines and pages are as many pixels as browsers make of them.
        let unit = [1.0, 16.0, 400.0][event.delta_mode().min(2) as usize];
        let turn = (event.delta_y() as f32 * unit).clamp(-300.0, 300.0) * 0.0022;
        let factor = if turn > 0.0 { 1.0 / (1.0 + turn) } else { 1.0 - turn };
        let at = (event.offset_x() as f32, event.offset_y() as f32);
        self.camera = self.camera.zoomed(factor, at, self.size);
        self.goal = Goal::Rest;
    }

    /// The nearest dot to a pixel, if it is near. Looks at all: 12 000 take some 20 µs, less than
    /// keeping a grid of what moves would.
    fn dot_at(&self, context: &Context<Self>, at: (f32, f32)) -> Option<u32> {
        let camera: &Camera = &self.camera;
        let (x, y) = camera.place(at, self.size);
        let near = NEAR / camera.scale;
        let mut best = (near * near, None);
        let places = self.layout.positions().chunks_exact(2).zip(0..);
        for (place, dot) in places.take(context.props().scene.dots.len()) {
            let (dx, dy) = (place[0] - x, place[1] - y);
            let square = dx * dx + dy * dy;
            if square < best.0 {
                best = (square, Some(dot));
            }
        }
        best.1
    }
}

//! The mesh drawn, on a canvas that can be dragged, zoomed and asked: WebGL2, or paths on a 2-D
//! canvas where there is none.
//!
//! Rules. Frames are only asked for while something moves, so a calm mesh costs nothing. The layout
//! gets a budget of each frame, so a large mesh settles later but dragging stays smooth. The
//! camera follows the whole picture until somebody takes hold of it. Who asked for no motion sees
//! nothing move: the picture is drawn again when it has settled, and the camera jumps.
//!
//! What it does not do: say what it shows to those who cannot see it. The table on the page does.

mod camera;
mod flat;
mod gl;
mod hands;
mod hulls;
mod labels;
mod listening;
mod paint;
mod theme;

use crate::{clock, model::mesh::Drawn};
use bitcraps_core::{id::PeerId, time::Instant};
use bitcraps_graph::layout::{Layout, Motion};
use camera::{Camera, Size};
use gl::Gl;
use hands::Hands;
use hulls::Hulls;
use labels::Labels;
use listening::Listening;
use paint::Paint;
pub use paint::dashes;
use theme::Theme;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement, HtmlElement};
use yew::{Callback, Component, Context, Html, NodeRef, Properties, html};

/// Time for the layout in each frame, and while nobody watches it move, in milliseconds: half of
/// what a frame at 60 Hz has, and as long as a page may be busy without feeling stuck.
const LAYOUT_MS: u64 = 8;
const LAYOUT_UNSEEN_MS: u64 = 40;

/// Steps of the layout in a frame: a small mesh settles within one and a half seconds.
const STEPS_MAX: usize = 2;

/// A frame is slow when it takes longer than at 25 Hz; longer than a second it was no frame, but
/// a pause between two movements.
const SLOW_FRAME_MICROS: u64 = 40_000;
const LONG_FRAME_MICROS: u64 = 1_000_000;

/// Finer screens get no more pixels: nobody sees them, and every one is computed.
const RATIO_MAX: f64 = 2.0;

/// A node that is looked for is shown at least at this scale.
const FOUND_SCALE: f32 = 26.0;

/// Whether the page wants to know how long frames take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    No,
    /// Counts frames and microseconds in `data-` attributes of the picture.
    Yes,
}

#[derive(PartialEq, Properties)]
pub struct MeshCanvasProps {
    pub scene: Drawn,
    pub picked: Option<PeerId>,
    pub on_pick: Callback<Option<PeerId>>,
    pub measured: Measured,
}

pub struct MeshCanvas {
    host: NodeRef,
    picture: NodeRef,
    names: NodeRef,
    /// From when the elements are there.
    listening: Option<Listening>,
    brush: Option<Gl>,
    layout: Layout,
    hulls: Hulls,
    labels: Labels,
    theme: Theme,
    size: Size,
    ratio: f32,
    camera: Camera,
    goal: Goal,
    hands: Hands,
    spent: Spent,
    /// When the last frame began.
    last: Instant,
}

/// Where the camera goes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    /// Nothing was seen yet: to the whole picture at once.
    Start,
    /// The whole picture, also while it grows.
    Whole,
    Place(Camera),
    /// Where it was put.
    Rest,
}

/// What drawing has cost so far.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    frames: u64,
    steps: u64,
    layout_micros: u64,
    draw_micros: u64,
    scene_micros: u64,
}

pub enum Msg {
    Frame,
    /// An event, or that the size has changed.
    Heard(JsValue),
    Key(&'static str),
}

impl Component for MeshCanvas {
    type Message = Msg;
    type Properties = MeshCanvasProps;

    fn create(_: &Context<Self>) -> Self {
        MeshCanvas {
            host: NodeRef::default(),
            picture: NodeRef::default(),
            names: NodeRef::default(),
            listening: None,
            brush: None,
            layout: Layout::default(),
            hulls: Hulls::default(),
            labels: Labels::default(),
            theme: Theme::default(),
            size: (0.0, 0.0),
            ratio: 1.0,
            camera: Camera { x: 0.0, y: 0.0, scale: 1.0 },
            goal: Goal::Start,
            hands: Hands::default(),
            spent: Spent::default(),
            last: Instant::ZERO,
        }
    }

    fn rendered(&mut self, context: &Context<Self>, first: bool) {
        if !first {
            return;
        }
        if let Some(host) = self.host.cast::<Element>() {
            self.listening =
                Some(Listening::start(&host, self.picture.cast::<Element>(), context.link()));
            self.theme = Theme::of(&host);
        }
        self.take_hold(context);
        self.take(context);
        self.fill();
        self.ask();
    }

    fn changed(&mut self, context: &Context<Self>, old: &MeshCanvasProps) -> bool {
        let props = context.props();
        if props.scene != old.scene {
            self.take(context);
        }
        if props.picked != old.picked {
            self.look_for(context);
        }
        self.ask();
        true
    }

    fn update(&mut self, context: &Context<Self>, message: Msg) -> bool {
        match message {
            Msg::Frame => self.frame(context),
            Msg::Heard(what) => self.heard(context, what),
            Msg::Key(key) => {
                self.press(context, key);
                self.ask();
            }
        }
        false
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let nodes = context.props().scene.dots.len().to_string();
        let key = |key: &'static str, label: &'static str, sign: &'static str| {
            let press = context.link().callback(move |_: yew::MouseEvent| Msg::Key(key));
            html! {
                <button type="button" class="map-button" title={label} aria-label={label}
                    onclick={press}>{ sign }</button>
            }
        };
        html! {
            <div class="map-frame">
                <div class="map" ref={self.host.clone()} tabindex="0" role="application"
                    aria-label={["Map of ", &nodes, " nodes"].concat()}
                    aria-describedby="map-keys" data-testid="map" data-nodes={nodes.clone()}>
                    <canvas ref={self.picture.clone()} aria-hidden="true"></canvas>
                    <canvas ref={self.names.clone()} class="map-names" aria-hidden="true"></canvas>
                </div>
                <div class="map-buttons" role="group" aria-label="Zoom">
                    { key("+", "Nearer", "+") }
                    { key("-", "Farther", "−") }
                    { key("0", "Show all", "⤢") }
                </div>
            </div>
        }
    }

    fn destroy(&mut self, _: &Context<Self>) {
        self.listening = None;
    }
}

impl MeshCanvas {
    /// A new scene.
    fn take(&mut self, context: &Context<Self>) {
        let began = clock::now();
        let scene = &context.props().scene;
        self.layout.take(&scene.keys, &scene.graph);
        self.labels.take(scene);
        if let Some(brush) = &mut self.brush {
            brush.take(scene);
        }
        self.hulls.take(&scene.clusters, self.layout.positions());
        self.hands.pointed = None;
        self.spent.scene_micros = since(began);
    }

    /// Starts the graphics processor. Without one the picture is drawn on the other canvas.
    fn take_hold(&mut self, context: &Context<Self>) {
        self.brush = self.picture.cast::<HtmlCanvasElement>().and_then(|canvas| Gl::new(&canvas));
        if let Some(brush) = &mut self.brush {
            brush.take(&context.props().scene);
        }
        let brush = if self.brush.is_some() { "webgl2" } else { "canvas" };
        self.note("data-brush", brush);
    }

    /// Makes both canvases as large as the page has room.
    fn fill(&mut self) {
        let Some(host) = self.host.cast::<HtmlElement>() else { return };
        let ratio = web_sys::window().map_or(1.0, |w| w.device_pixel_ratio());
        self.ratio = ratio.clamp(1.0, RATIO_MAX) as f32;
        self.size = (host.client_width() as f32, host.client_height() as f32);
        for canvas in [&self.picture, &self.names] {
            if let Some(canvas) = canvas.cast::<HtmlCanvasElement>() {
                canvas.set_width((self.size.0 * self.ratio) as u32);
                canvas.set_height((self.size.1 * self.ratio) as u32);
            }
        }
    }

    fn ask(&mut self) {
        if let Some(listening) = &mut self.listening {
            listening.ask_for_frame();
        }
    }

    fn frame(&mut self, context: &Context<Self>) {
        let Some(listening) = &mut self.listening else { return };
        listening.frame_came();
        let still = listening.wants_no_motion();
        let began = clock::now();
        let moving = self.lay_out(began, still);
        let laid_out = since(began);
        // Until it has settled, those who want no motion see what they saw.
        if still && moving == Motion::Moving {
            self.ask();
            return;
        }
        let gliding = self.glide(still);
        self.draw(context);
        self.spent.frames += 1;
        self.spent.layout_micros += laid_out;
        self.spent.draw_micros += since(began) - laid_out;
        if context.props().measured == Measured::Yes {
            self.tell(moving);
        }
        if moving == Motion::Moving || gliding == Motion::Moving {
            self.ask();
        }
    }

    fn lay_out(&mut self, began: Instant, still: bool) -> Motion {
        if self.layout.motion() == Motion::Settled {
            return Motion::Settled;
        }
        // Where drawing is slow a frame does more of what is cheap, and the mesh settles as soon.
        let frame = began.since(self.last).as_micros() as u64;
        self.last = began;
        let (micros, steps) = match frame {
            _ if still => (LAYOUT_UNSEEN_MS * 1000, usize::MAX),
            SLOW_FRAME_MICROS..LONG_FRAME_MICROS => (frame / 4, usize::MAX),
            _ => (LAYOUT_MS * 1000, STEPS_MAX),
        };
        for _ in 0..steps {
            self.spent.steps += 1;
            if self.layout.step() == Motion::Settled || since(began) > micros {
                break;
            }
        }
        self.layout.motion()
    }

    /// Moves the camera.
    fn glide(&mut self, still: bool) -> Motion {
        let goal = match self.goal {
            Goal::Rest => return Motion::Settled,
            Goal::Place(camera) => camera,
            Goal::Start | Goal::Whole => Camera::fit(self.layout.positions(), self.size),
        };
        let jump = still || self.goal == Goal::Start;
        self.camera = if jump { goal } else { self.camera.towards(goal) };
        match self.goal {
            Goal::Start => self.goal = Goal::Whole,
            Goal::Place(_) if self.camera == goal => self.goal = Goal::Rest,
            _ => {}
        }
        if self.camera == goal { Motion::Settled } else { Motion::Moving }
    }

    fn draw(&mut self, context: &Context<Self>) {
        let names = self.names.cast::<HtmlCanvasElement>();
        let names = names.and_then(|canvas| canvas.get_context("2d").ok()?);
        let Some(names) = names.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok()) else {
            return;
        };
        let props = context.props();
        let places = self.layout.positions();
        if self.spent.steps > 0 && !props.scene.clusters.is_empty() {
            self.hulls.take(&props.scene.clusters, places);
        }
        let paint = Paint {
            scene: &props.scene,
            places,
            hulls: &self.hulls,
            theme: &self.theme,
            camera: self.camera,
            size: self.size,
            ratio: self.ratio,
            picked: props.picked.and_then(|id| props.scene.place(&id)),
            pointed: self.hands.pointed,
        };
        let ratio = f64::from(self.ratio);
        // Refused are only scales that are no numbers.
        let _ = names.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
        names.clear_rect(0.0, 0.0, self.size.0.into(), self.size.1.into());
        match &mut self.brush {
            Some(brush) => brush.draw(&paint),
            None => flat::draw(&names, &paint),
        }
        self.labels.draw(&names, &paint);
    }

    /// Glides to the picked node when it cannot be seen well, unless it was picked here.
    fn look_for(&mut self, context: &Context<Self>) {
        let props = context.props();
        if core::mem::take(&mut self.hands.picked_here) {
            return;
        }
        let place = props.picked.and_then(|id| props.scene.place(&id));
        if let Some((x, y)) = place.and_then(|place| self.layout.at(place)) {
            let scale = self.camera.scale.max(FOUND_SCALE);
            self.goal = Goal::Place(Camera { x, y, scale });
        }
    }

    fn tell(&self, moving: Motion) {
        let spent = self.spent;
        for (name, value) in [
            ("data-frames", spent.frames),
            ("data-steps", spent.steps),
            ("data-layout-micros", spent.layout_micros),
            ("data-draw-micros", spent.draw_micros),
            ("data-scene-micros", spent.scene_micros),
        ] {
            self.note(name, &value.to_string());
        }
        self.note("data-motion", if moving == Motion::Moving { "moving" } else { "settled" });
    }

    fn note(&self, name: &str, value: &str) {
        if let Some(host) = self.host.cast::<Element>() {
            // Refused are only names that no attribute may have.
            let _ = host.set_attribute(name, value);
        }
    }
}

fn since(began: Instant) -> u64 {
    clock::now().since(began).as_micros() as u64
}

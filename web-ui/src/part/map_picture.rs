//! The mesh drawn: dots, lines, and a tint behind each part of a mesh that fell apart.
//!
//! It moves only while the layout is hot, one step batch per animation frame, and then stands
//! still. Who asked for no motion sees the settled picture at once.

use crate::{
    layout::{HEIGHT, Layout, Motion, Point, WIDTH},
    model::{
        mesh::{Dot, Scene},
        text,
    },
};
use bitcraps_core::{
    id::PeerId,
    node::{NodeKind, Transport},
};
use std::rc::Rc;
use wasm_bindgen::{JsCast, closure::Closure};
use yew::{Callback, Component, Context, Html, Properties, classes, html};

/// Steps of the layout per frame: it settles within about a second.
const STEPS_PER_FRAME: usize = 2;

/// Steps that surely reach the rest, for those who want no motion.
const STEPS_TO_REST: usize = 200;

/// Names are drawn up to this many dots; beyond it they would cover each other.
const NAMED_DOTS_MAX: usize = 60;

#[derive(PartialEq, Properties)]
pub struct MapPictureProps {
    pub scene: Rc<Scene>,
    pub picked: Option<PeerId>,
    pub on_pick: Callback<PeerId>,
}

pub struct MapPicture {
    layout: Layout,
    /// Held while a frame is asked for.
    frame: Option<(i32, Closure<dyn FnMut()>)>,
}

pub enum Msg {
    Step,
}

impl Component for MapPicture {
    type Message = Msg;
    type Properties = MapPictureProps;

    fn create(context: &Context<Self>) -> Self {
        let mut picture = MapPicture { layout: Layout::default(), frame: None };
        picture.take(context);
        picture
    }

    fn changed(&mut self, context: &Context<Self>, _: &MapPictureProps) -> bool {
        self.take(context);
        true
    }

    fn update(&mut self, context: &Context<Self>, Msg::Step: Msg) -> bool {
        self.frame = None;
        let mut motion = Motion::Settled;
        for _ in 0..STEPS_PER_FRAME {
            motion = self.layout.step();
        }
        if motion == Motion::Moving {
            self.ask(context);
        }
        true
    }

    fn view(&self, context: &Context<Self>) -> Html {
        let scene = &context.props().scene;
        let view_box = ["0 0 ", &whole(WIDTH), " ", &whole(HEIGHT)].concat();
        html! {
            <svg class="map" viewBox={view_box} role="group" aria-label="Map of the mesh"
                data-testid="map">
                if scene.parts > 1 {
                    { for (0..scene.parts).filter_map(|part| self.tint(scene, part)) }
                }
                { for scene.lines.iter().filter_map(|(a, b, edge)| {
                    let (a, b) = (self.layout.at(*a)?, self.layout.at(*b)?);
                    Some(line(a, b, edge.transport, edge.latency_ms))
                }) }
                { for scene.dots.iter().enumerate().filter_map(|(i, dot)| {
                    Some(self.dot(context, dot, self.layout.at(i)?))
                }) }
            </svg>
        }
    }

    fn destroy(&mut self, _: &Context<Self>) {
        if let (Some(window), Some((id, _))) = (web_sys::window(), self.frame.take()) {
            let _ = window.cancel_animation_frame(id);
        }
    }
}

impl MapPicture {
    fn take(&mut self, context: &Context<Self>) {
        self.layout.take(&context.props().scene);
        if wants_no_motion() {
            for _ in 0..STEPS_TO_REST {
                if self.layout.step() == Motion::Settled {
                    break;
                }
            }
        } else if self.layout.motion() == Motion::Moving && self.frame.is_none() {
            self.ask(context);
        }
    }

    fn ask(&mut self, context: &Context<Self>) {
        let link = context.link().clone();
        let step = Closure::<dyn FnMut()>::new(move || link.send_message(Msg::Step));
        let asked = web_sys::window()
            .and_then(|w| w.request_animation_frame(step.as_ref().unchecked_ref()).ok());
        self.frame = asked.map(|id| (id, step));
    }

    /// A disc around all dots of a part.
    fn tint(&self, scene: &Scene, part: usize) -> Option<Html> {
        let points: Vec<Point> = scene
            .dots
            .iter()
            .enumerate()
            .filter(|(_, dot)| dot.part == part)
            .filter_map(|(i, _)| self.layout.at(i))
            .collect();
        let count = points.len() as f64;
        let x = points.iter().map(|p| p.x).sum::<f64>() / count;
        let y = points.iter().map(|p| p.y).sum::<f64>() / count;
        let reach = points.iter().map(|p| (p.x - x).hypot(p.y - y)).fold(0.0, f64::max) + 46.0;
        let tint = ["tint-", &(part % 4).to_string()].concat();
        (!points.is_empty()).then(|| {
            let class = classes!("tint", tint);
            html! { <circle {class} cx={whole(x)} cy={whole(y)} r={whole(reach)} /> }
        })
    }

    fn dot(&self, context: &Context<Self>, dot: &Dot, at: Point) -> Html {
        let props = context.props();
        let id = dot.peer.peer_id;
        let name = if dot.peer.name.is_empty() { id.short() } else { dot.peer.name.clone() };
        let pick = props.on_pick.clone();
        let press = props.on_pick.clone();
        let picked = props.picked == Some(id);
        let place = ["translate(", &whole(at.x), " ", &whole(at.y), ")"].concat();
        html! {
            <g
                key={id.to_string()}
                class={classes!(
                    "dot",
                    kind_class(dot.peer.kind),
                    dot.own.then_some("own"),
                    picked.then_some("picked"),
                    (!dot.peer.reachable && !dot.own).then_some("gone"),
                )}
                transform={place}
                role="button"
                tabindex="0"
                aria-pressed={picked.to_string()}
                aria-label={spoken(dot, &name)}
                onclick={move |_| pick.emit(id)}
                onkeydown={move |event: yew::KeyboardEvent| {
                    if matches!(event.key().as_str(), "Enter" | " ") {
                        event.prevent_default();
                        press.emit(id);
                    }
                }}
            >
                if dot.at_my_table {
                    <circle class="ring" r="24" />
                }
                { shape(dot.peer.kind) }
                if props.scene.dots.len() <= NAMED_DOTS_MAX || dot.own || picked {
                    <text class="dot-name" y="40" text-anchor="middle">{ name }</text>
                }
            </g>
        }
    }
}

/// The kinds differ in shape, so that nobody needs to tell colours apart.
pub fn shape(kind: NodeKind) -> Html {
    match kind {
        NodeKind::Regular => html! { <circle class="mark" r="15" /> },
        NodeKind::Gateway => {
            html! { <rect class="mark" x="-14" y="-14" width="28" height="28" rx="6" /> }
        }
        NodeKind::Browser => html! { <path class="mark" d="M0 -18 16 12 -16 12Z" /> },
    }
}

fn kind_class(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Regular => "regular",
        NodeKind::Gateway => "gateway",
        NodeKind::Browser => "browser",
    }
}

pub fn transport_class(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::WebSocket => "websocket",
    }
}

fn line(a: Point, b: Point, transport: Transport, latency_ms: Option<f64>) -> Html {
    let title = [text::transport(transport), ", ", &text::latency(latency_ms)].concat();
    html! {
        <line class={classes!("edge", transport_class(transport))}
            x1={whole(a.x)} y1={whole(a.y)} x2={whole(b.x)} y2={whole(b.y)}>
            <title>{ title }</title>
        </line>
    }
}

fn spoken(dot: &Dot, name: &str) -> String {
    let mut said =
        [name, ", ", text::kind(dot.peer.kind), ", ", &text::counted(dot.links, "link", "links")]
            .concat();
    if dot.own {
        said.push_str(", this tab");
    }
    if dot.at_my_table {
        said.push_str(", at your table");
    }
    if !dot.peer.reachable && !dot.own {
        said.push_str(", out of reach");
    }
    said
}

/// Whole units are finer than a pixel and cost less to print.
fn whole(value: f64) -> String {
    (value as i32).to_string()
}

fn wants_no_motion() -> bool {
    web_sys::window()
        .and_then(|w| w.match_media("(prefers-reduced-motion: reduce)").ok()?)
        .is_some_and(|query| query.matches())
}

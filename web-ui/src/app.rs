//! The root of the page: starts the peer, keeps the room of the address bar, hands commands on.

use crate::{
    boot::{self, BootError, Booted, Step},
    clock,
    driver::{self, Asker, Told},
    model::{
        bluetooth::Ask,
        story::{Saying, Tone},
    },
    page::{
        self, Frame,
        asked::{Asked, Pending},
        starting,
    },
    picture::Shown,
    route::Room,
};
use bitcraps_core::{
    id::TableId,
    node::{Command, CommandError, RequestId},
};
use wasm_bindgen::{JsCast, closure::Closure};
use yew::{Component, Context, Html};

/// Puts the page where `#app` is.
pub fn mount() {
    let document = web_sys::window().and_then(|w| w.document());
    match document.and_then(|d| d.get_element_by_id("app")) {
        Some(root) => yew::Renderer::<App>::with_root(root).render(),
        None => yew::Renderer::<App>::new().render(),
    };
}

/// The whole page.
pub struct App {
    peer: Peer,
    room: Room,
    asked: Pending,
    /// What the page itself refused: no event of the node stands behind it.
    refused: Option<Saying>,
    _on_hash: Closure<dyn FnMut()>,
}

enum Peer {
    Starting(Step),
    /// Started; the first picture comes with the next frame.
    Started(Asker),
    Running(Asker, Shown),
    Failed(BootError),
}

pub enum Msg {
    Step(Step),
    Booted(Result<Box<Booted>, BootError>),
    Told(Told),
    Room(Room),
    Do(Command),
    Bluetooth(Ask),
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(context: &Context<App>) -> App {
        let (steps, done) = (context.link().clone(), context.link().clone());
        wasm_bindgen_futures::spawn_local(async move {
            let booted = boot::boot(|step| steps.send_message(Msg::Step(step))).await;
            done.send_message(Msg::Booted(booted.map(Box::new)));
        });
        let moved = context.link().clone();
        let on_hash = Closure::<dyn FnMut()>::new(move || {
            moved.send_message(Msg::Room(Room::current()));
        });
        if let Some(window) = web_sys::window() {
            window.set_onhashchange(Some(on_hash.as_ref().unchecked_ref()));
        }
        App {
            peer: Peer::Starting(Step::Claiming),
            room: Room::current(),
            asked: Pending::default(),
            refused: None,
            _on_hash: on_hash,
        }
    }

    fn update(&mut self, context: &Context<App>, message: Msg) -> bool {
        match message {
            Msg::Step(step) => self.peer = Peer::Starting(step),
            Msg::Booted(Err(error)) => self.peer = Peer::Failed(error),
            Msg::Booted(Ok(booted)) => {
                let tell = context.link().callback(Msg::Told);
                self.peer = Peer::Started(driver::start(*booted, tell));
            }
            Msg::Told(Told::Picture(picture)) => self.take(picture),
            Msg::Told(Told::Done(request, result)) => self.answered(request, result),
            Msg::Room(room) => self.room = room,
            Msg::Do(command) => self.ask(command),
            Msg::Bluetooth(ask) => {
                if let Peer::Running(asker, _) = &self.peer {
                    asker.bluetooth(ask);
                }
            }
        }
        true
    }

    fn view(&self, context: &Context<App>) -> Html {
        match &self.peer {
            Peer::Starting(step) => starting::page(Ok(step)),
            Peer::Failed(error) => starting::page(Err(error)),
            Peer::Started(_) => starting::page(Ok(&Step::Opening)),
            Peer::Running(_, picture) => page::frame(Frame {
                picture,
                room: self.room,
                asked: self.asked.all(),
                refused: self.refused.as_ref(),
                on_do: context.link().callback(Msg::Do),
                on_bluetooth: context.link().callback(Msg::Bluetooth),
            }),
        }
    }
}

impl App {
    fn take(&mut self, picture: Shown) {
        if let Peer::Started(asker) | Peer::Running(asker, _) = &self.peer {
            self.peer = Peer::Running(asker.clone(), picture);
        }
    }

    fn ask(&mut self, command: Command) {
        let Peer::Running(asker, _) = &self.peer else {
            return;
        };
        self.refused = None;
        let asked = Asked::of(&command);
        match asker.ask(command) {
            Ok(request) => self.asked.note(request, asked),
            Err(driver::Full) => {
                self.refused = Some(Saying {
                    number: 0,
                    at: clock::now(),
                    tone: Tone::Bad,
                    text: "Too many requests are waiting; try again in a moment.".to_owned(),
                });
            }
        }
    }

    fn answered(&mut self, request: RequestId, result: Result<Option<TableId>, CommandError>) {
        let asked = self.asked.answered(request);
        match (asked, result) {
            (Some(Asked::Create | Asked::Join(_)), Ok(Some(table))) => Room::Table(table).enter(),
            (Some(Asked::Leave(left)), Ok(_)) if self.room == Room::Table(left) => {
                Room::Lobby.enter();
            }
            // The rest shows in the picture, and refusals are among its sayings.
            _ => {}
        }
    }
}

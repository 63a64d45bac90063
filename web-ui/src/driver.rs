//! The one owner of the node, and the loop that every shell has: drain outputs until *wait*, wait
//! for one thing, hand it in with the time.
//!
//! Rules. Callbacks of the browser only fill the [`Inbox`]; one task empties it, so the node is
//! never entered twice. Everything that waits is handled before anything is drawn, and a picture
//! is published at most once per animation frame. A hidden tab has no frames: it plays on and is
//! drawn with the slow tick, so that it shows the truth at the moment it is looked at.
//! Browsers slow the timers of hidden tabs down to one a minute; what arrives from other peers is
//! handled at once all the same, and finds a passed deadline first.

pub use crate::inbox::Full;

use crate::{
    boot::{self, Booted, Keeping},
    clock,
    inbox::Inbox,
    model::{
        bluetooth::Ask,
        connection::{Connection, Network},
        story::Story,
    },
    picture::{Picture, Saving, Shown},
    transport::{Carriers, Sent, web_bluetooth::Radios},
};
use bitcraps_core::{
    id::TableId,
    node::{
        Command, CommandError, Event, Input, Node, NodeView, Output, RequestId, SampleView, Wakeup,
    },
    time::Instant,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast, closure::Closure};
use yew::Callback;

/// Longest sleep of `setTimeout`, in milliseconds; a later deadline is looked at again then.
const SLEEP_MS_MAX: u64 = 60_000;

/// How often the page is drawn though nothing happened, because ages grow.
const TICK_MS: i32 = 1_000;

/// What the driver tells the page.
pub enum Told {
    Picture(Shown),
    /// The answer to a command.
    Done(RequestId, Result<Option<TableId>, CommandError>),
}

/// Hands commands to the node; cheap to clone.
#[derive(Clone)]
pub struct Asker {
    inbox: Inbox,
    next: Rc<Cell<u64>>,
    radios: Radios,
}

impl Asker {
    /// The number under which [`Told::Done`] will answer.
    pub fn ask(&self, command: Command) -> Result<RequestId, Full> {
        let request = RequestId(self.next.get());
        self.inbox.push(Input::Command { request, command })?;
        self.next.set(request.0 + 1);
        Ok(request)
    }

    /// What no node knows of: which device the browser lets this page use. From a click.
    pub fn bluetooth(&self, ask: Ask) {
        self.radios.ask(ask);
    }
}

impl PartialEq for Asker {
    fn eq(&self, other: &Asker) -> bool {
        Rc::ptr_eq(&self.next, &other.next)
    }
}

thread_local! {
    /// The running peer of this tab, for what JavaScript calls.
    static PEER: RefCell<Option<Rc<RefCell<Driver>>>> = const { RefCell::new(None) };
}

/// The node's picture of this very moment.
pub fn current_view() -> Option<NodeView> {
    let peer = PEER.with_borrow(Clone::clone)?;
    let driver = peer.try_borrow().ok()?;
    Some(driver.node.view(clock::now()))
}

/// What the node remembers of the health of its mesh, oldest first.
pub fn current_history() -> Vec<SampleView> {
    let Some(peer) = PEER.with_borrow(Clone::clone) else { return Vec::new() };
    let Ok(driver) = peer.try_borrow() else { return Vec::new() };
    driver.node.health_history(clock::now())
}

/// A table's decided log, as the node keeps it.
pub fn current_log(table: TableId) -> Option<Vec<u8>> {
    let peer = PEER.with_borrow(Clone::clone)?;
    let driver = peer.try_borrow().ok()?;
    driver.node.table_log(table)
}

/// Starts the loop. It runs until the tab is closed.
pub fn start(booted: Booted, tell: Callback<Told>) -> Asker {
    let inbox = Inbox::default();
    let driver = Driver::new(booted, inbox.clone(), tell);
    let radios = driver.carriers.radios().clone();
    let driver = Rc::new(RefCell::new(driver));
    PEER.set(Some(Rc::clone(&driver)));
    let frame = draw_on_frame(&driver);
    let task = Rc::clone(&driver);
    let waiting = inbox.clone();
    wasm_bindgen_futures::spawn_local(async move {
        loop {
            waiting.filled().await;
            task.borrow_mut().turn();
            frame();
        }
    });
    listen_to_the_page(&driver, &inbox);
    // The first drain: dials that the configuration asks for.
    inbox.answer(Input::Wake);
    Asker { inbox, next: Rc::new(Cell::new(1)), radios }
}

struct Driver {
    node: Node,
    inbox: Inbox,
    carriers: Carriers,
    keeping: Keeping,
    story: Story,
    deadline: Option<Wakeup>,
    /// What `setTimeout` was last asked for, so that it is not asked again.
    timer: Option<(i32, Instant)>,
    on_time: Closure<dyn FnMut()>,
    tell: Callback<Told>,
    home: String,
}

impl Driver {
    fn new(booted: Booted, inbox: Inbox, tell: Callback<Told>) -> Driver {
        let woken = inbox.clone();
        Driver {
            node: booted.node,
            carriers: Carriers::new(inbox.clone()),
            inbox,
            keeping: booted.keeping,
            story: Story::new(clock::now()),
            deadline: None,
            timer: None,
            on_time: Closure::new(move || woken.answer(Input::Wake)),
            tell,
            home: boot::home().map_or_else(String::new, |address| address.0),
        }
    }

    /// Everything that waits, then the timer.
    fn turn(&mut self) {
        while let Some(input) = self.inbox.pop() {
            let due = self.deadline.is_some_and(|wakeup| wakeup.at <= clock::now());
            match input {
                // The timer has fired, or the page woke up: ask for it anew.
                Input::Wake => self.clear_timer(),
                _ if due => self.hand_in(Input::Wake),
                _ => {}
            }
            self.hand_in(input);
        }
        self.set_timer();
    }

    /// One input, then drain to *wait*.
    fn hand_in(&mut self, input: Input) {
        self.carriers.on_input(&input);
        self.node.handle(input, clock::now());
        loop {
            match self.node.poll_output() {
                Output::Send { link, bytes } => {
                    if self.carriers.send(link, &bytes) == Sent::Congested {
                        self.inbox.answer(Input::Congested { link });
                    }
                }
                Output::Hangup { link, reason } => self.carriers.hang_up(link, reason),
                Output::Dial { address } => self.carriers.dial(address),
                Output::Signal { from, body } => self.carriers.on_signal(from, &body),
                // Browsers let no page tune a radio, so none was reported.
                Output::Radio(_) => {}
                Output::Persist { ticket, writes } => match &self.keeping {
                    Keeping::Database(store) => store.write(ticket, &writes, &self.inbox),
                    // The key lives as long as this tab, so nothing can outlive what it signs.
                    Keeping::ThisVisit(_) => self.inbox.answer(Input::Stored { ticket }),
                },
                Output::Event(event) => self.on_event(event),
                Output::Wait(wakeup) => {
                    self.deadline = wakeup;
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = clock::now();
        let tables = match &event {
            Event::Rolled { .. }
            | Event::TableOpened { .. }
            | Event::TableFrozen { .. }
            | Event::TableThawed { .. }
            | Event::BettingPaused { .. }
            | Event::BettingResumed { .. }
            | Event::MemberExpelled { .. }
            | Event::MemberAway { .. }
            | Event::Equivocation { .. } => self.node.view(now).tables,
            _ => Vec::new(),
        };
        self.story.take(&event, &tables, now);
        if let Event::CommandDone { request, result } = event {
            self.tell.emit(Told::Done(request, result));
        }
    }

    fn set_timer(&mut self) {
        let wanted = self.deadline.map(|wakeup| wakeup.at);
        if wanted == self.timer.map(|(_, at)| at) && wanted.is_none_or(|at| at > clock::now()) {
            return;
        }
        self.clear_timer();
        let (Some(window), Some(at)) = (web_sys::window(), wanted) else {
            return;
        };
        // Rounded up: a timer that fires early would only be set again.
        let sleep = at.since(clock::now()).as_micros().div_ceil(1000);
        let sleep = sleep.min(u128::from(SLEEP_MS_MAX)) as i32;
        let on_time = self.on_time.as_ref().unchecked_ref();
        if let Ok(id) = window.set_timeout_with_callback_and_timeout_and_arguments_0(on_time, sleep)
        {
            self.timer = Some((id, at));
        }
    }

    fn clear_timer(&mut self) {
        if let (Some(window), Some((id, _))) = (web_sys::window(), self.timer.take()) {
            window.clear_timeout_with_handle(id);
        }
    }

    fn publish(&mut self) {
        let now = clock::now();
        self.story.age(now);
        let view = self.node.view(now);
        let online = web_sys::window().is_none_or(|w| w.navigator().on_line());
        let network = if online { Network::Online } else { Network::Offline };
        let connection = Connection::of(&view, &self.story, network, now);
        let picture = Picture {
            view,
            story: self.story.clone(),
            connection,
            saving: self.saving(),
            bluetooth: self.carriers.radios().face(),
            home: self.home.clone(),
        };
        self.tell.emit(Told::Picture(Shown::new(picture)));
    }

    fn saving(&self) -> Saving {
        match &self.keeping {
            Keeping::ThisVisit(why) => Saving::ThisVisit(why.clone()),
            Keeping::Database(store) => match store.failure() {
                Some(failure) => Saving::Broken(failure.0),
                None => Saving::Kept,
            },
        }
    }
}

/// Gives a function that asks for one drawing on the next animation frame, and starts the slow
/// tick. Both are for good, as the peer is.
fn draw_on_frame(driver: &Rc<RefCell<Driver>>) -> Rc<dyn Fn()> {
    let asked = Rc::new(Cell::new(false));
    let (drawn, peer) = (Rc::clone(&asked), Rc::clone(driver));
    let draw = Closure::<dyn FnMut()>::new(move || {
        drawn.set(false);
        peer.borrow_mut().publish();
    });
    let ask: Rc<dyn Fn()> = Rc::new(move || {
        let window = web_sys::window().filter(|_| !asked.replace(true));
        if let Some(window) = window {
            let _ = window.request_animation_frame(draw.as_ref().unchecked_ref());
        }
    });
    let (ticked, behind) = (Rc::clone(&ask), Rc::clone(driver));
    let tick = Closure::<dyn FnMut()>::new(move || {
        let document = web_sys::window().and_then(|w| w.document());
        if document.is_some_and(|d| d.hidden()) {
            behind.borrow_mut().publish();
        } else {
            ticked();
        }
    });
    if let Some(window) = web_sys::window() {
        let _ = window.set_interval_with_callback_and_timeout_and_arguments_0(
            tick.as_ref().unchecked_ref(),
            TICK_MS,
        );
    }
    tick.forget();
    ask
}

/// A closing tab says goodbye at once; one that is shown again looks at the time.
fn listen_to_the_page(driver: &Rc<RefCell<Driver>>, inbox: &Inbox) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let (peer, last) = (Rc::clone(driver), inbox.clone());
    listen(&window, "pagehide", move |_| {
        last.answer(Input::Stop);
        // Nothing runs after this callback, so the turn is now.
        if let Ok(mut driver) = peer.try_borrow_mut() {
            driver.turn();
        }
    });
    let opened = window.clone();
    listen(&window, "pageshow", move |event| {
        // Brought back from the browser's cache after its goodbye: start anew.
        let persisted = js_sys::Reflect::get(&event, &"persisted".into());
        if persisted.is_ok_and(|persisted| persisted.is_truthy()) {
            let _ = opened.location().reload();
        }
    });
    if let Some(document) = window.document() {
        let shown = inbox.clone();
        listen(&document, "visibilitychange", move |_| shown.answer(Input::Wake));
    }
    for change in ["online", "offline"] {
        let changed = inbox.clone();
        listen(&window, change, move |_| changed.answer(Input::Wake));
    }
}

fn listen(target: &web_sys::EventTarget, event: &str, heard: impl FnMut(web_sys::Event) + 'static) {
    let heard = Closure::<dyn FnMut(web_sys::Event)>::new(heard);
    let _ = target.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
    heard.forget();
}

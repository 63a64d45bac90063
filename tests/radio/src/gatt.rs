//! Characteristics as centrals see them, and the way of a value from one program to the other.
//!
//! - Values of one characteristic stay in order, in both directions.
//! - A program that offers sockets (`AcquireWrite`, `AcquireNotify`) gets one per central and
//!   direction, as from BlueZ 5.82; otherwise it is called and listened to over the bus.
//! - Nothing is read from a program while [`FRAMES_MAX`] of its values are on their way, and a
//!   write is answered once there is room: so the air pushes back.

use crate::{
    bus::Interfaces,
    gap::{DEVICE, Owned},
    lane::{FRAMES_MAX, Lane},
    served::{CHARACTERISTIC, SERVICE, Served},
    value::{Properties, Value, get_text, text},
    world::World,
};
use dbus::{
    Message, Path,
    arg::{PropMap, RefArg, Variant},
};
use std::{
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::ErrorKind,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    time::{Duration, Instant},
};

pub const DESCRIPTOR: &str = "org.bluez.GattDescriptor1";

/// The descriptor by which a central subscribes; Chromium wants to see it.
const SUBSCRIPTION_UUID: &str = "00002902-0000-1000-8000-00805f9b34fb";

/// Bytes of the largest value of an attribute, however large the MTU.
pub const VALUE_BYTES_MAX: usize = 512;

/// Bytes of a packet that are not the value.
const ATT_HEADER_BYTES: u16 = 3;

/// Writes that wait for room on the air. A program that has more of them unanswered than this is
/// refused.
pub const WRITES_HELD_MAX: usize = 1024;

/// How long the services of a lost link stay in sight. Guess: longer than a call is on its way.
const SERVICES_LINGER: Duration = Duration::from_millis(50);

/// A characteristic as one central sees it.
pub struct Characteristic {
    pub viewer: usize,
    pub server: usize,
    /// Who serves it.
    application: Owned,
    served: Served,
    service_path: String,
    mtu: u16,
    to_server: Lane,
    writing: Way,
    /// Calls to be answered once there is room.
    held: VecDeque<Message>,
    to_viewer: Lane,
    notifying: Way,
    pub subscribers: BTreeSet<String>,
}

/// How values get to or from the program that serves a characteristic.
enum Way {
    Idle,
    Asked,
    Socket {
        socket: UnixDatagram,
        blocked: bool,
    },
    /// By method calls and signals.
    Bus,
}

type Key = (usize, String);

impl Characteristic {
    /// The socket that a value waits for, if one does.
    pub fn blocked_writer(&self) -> Option<&UnixDatagram> {
        match &self.writing {
            Way::Socket { socket, blocked: true } => Some(socket),
            _ => None,
        }
    }

    /// The socket that more notifications can be read from now.
    pub fn notifier(&self) -> Option<&UnixDatagram> {
        match &self.notifying {
            Way::Socket { socket, .. } if !self.to_viewer.is_full() => Some(socket),
            _ => None,
        }
    }

    pub fn next_write(&self) -> Option<Instant> {
        match self.writing {
            Way::Asked => None,
            _ => self.to_server.next(),
        }
    }

    pub fn next_notification(&self) -> Option<Instant> {
        self.to_viewer.next()
    }

    fn value_max(&self) -> usize {
        usize::from(self.mtu.saturating_sub(ATT_HEADER_BYTES))
    }
}

impl World {
    /// Shows one program's services to an adapter that has a link to its adapter.
    pub fn show_services(&mut self, viewer: usize, server: usize, owned: &Owned) {
        let Some(application) = self.adapters[server].applications.get(owned).cloned() else {
            return;
        };
        let device = self.device_path(viewer, server);
        let mtu = self.links.get(&crate::world::pair(viewer, server)).map_or(23, |link| link.mtu);
        let mut uuids = match self.bus_of(viewer).property(&device, DEVICE, "UUIDs") {
            Some(Value::Texts(uuids)) => uuids.clone(),
            _ => Vec::new(),
        };
        for service in application.services {
            let service_path = format!("{device}/service{:04x}", self.number());
            let told = Properties::from([
                ("UUID", text(service.uuid.clone())),
                ("Primary", Value::Bool(service.primary)),
                ("Device", Value::Path(device.clone())),
                ("Includes", Value::Paths(Vec::new())),
            ]);
            self.bus_of(viewer).add(&service_path, Interfaces::from([(SERVICE, told)]));
            for served in service.characteristics {
                let path = format!("{service_path}/char{:04x}", self.number());
                let told = Properties::from([
                    ("UUID", text(served.uuid.clone())),
                    ("Service", Value::Path(service_path.clone())),
                    ("Value", Value::Bytes(Vec::new())),
                    ("Notifying", Value::Bool(false)),
                    ("Flags", Value::Texts(served.flags.clone())),
                    ("MTU", Value::U16(mtu)),
                ]);
                self.bus_of(viewer).add(&path, Interfaces::from([(CHARACTERISTIC, told)]));
                if served.can(&["notify", "indicate"]) {
                    let told = Properties::from([
                        ("UUID", text(SUBSCRIPTION_UUID)),
                        ("Characteristic", Value::Path(path.clone())),
                        ("Value", Value::Bytes(Vec::new())),
                        ("Flags", Value::Texts(vec!["read".to_owned(), "write".to_owned()])),
                    ]);
                    let below = format!("{path}/desc{:04x}", self.number());
                    self.bus_of(viewer).add(&below, Interfaces::from([(DESCRIPTOR, told)]));
                }
                let characteristic = Characteristic {
                    viewer,
                    server,
                    application: owned.clone(),
                    served,
                    service_path: service_path.clone(),
                    mtu,
                    to_server: Lane::default(),
                    writing: Way::Idle,
                    held: VecDeque::new(),
                    to_viewer: Lane::default(),
                    notifying: Way::Idle,
                    subscribers: BTreeSet::new(),
                };
                self.characteristics.insert((viewer, path), characteristic);
            }
            if !uuids.contains(&service.uuid) {
                uuids.push(service.uuid);
            }
        }
        self.change_device(viewer, server, [("UUIDs", Value::Texts(uuids))]);
    }

    /// Takes away what a viewer saw of a server, with everything on its way.
    pub fn hide_services(&mut self, viewer: usize, which: impl Fn(&Characteristic) -> bool) {
        for path in self.end_services(viewer, which) {
            self.bus_of(viewer).remove(&path);
        }
    }

    /// The services of a link that is gone. They stay in sight for a moment, as in BlueZ: what was
    /// on its way to them is told that there is no connection. Were they gone at once, Chromium
    /// would drop the answer, and with it all of the page's Bluetooth.
    pub fn lose_services(&mut self, viewer: usize, server: usize) {
        let paths = self.end_services(viewer, |c| c.server == server);
        self.after(SERVICES_LINGER, move |world| {
            if !world.is_linked(viewer, server) {
                for path in paths {
                    world.bus_of(viewer).remove(&path);
                }
            }
        });
    }

    /// Ends what goes on with services, and gives their paths.
    fn end_services(
        &mut self,
        viewer: usize,
        which: impl Fn(&Characteristic) -> bool,
    ) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let gone: Vec<Key> = self
            .characteristics
            .iter()
            .filter(|(key, characteristic)| key.0 == viewer && which(characteristic))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            let Some(characteristic) = self.characteristics.remove(&key) else { continue };
            let waiting = characteristic.to_server.frames.into_iter().filter_map(|f| f.call);
            for call in waiting.chain(characteristic.held) {
                self.bus_of(viewer).reply_error(&call, "org.bluez.Error.Failed", "Not connected");
            }
            if matches!(characteristic.notifying, Way::Bus) {
                let (server, (sender, _)) = (characteristic.server, characteristic.application);
                let what = (characteristic.served.path.as_str(), CHARACTERISTIC, "StopNotify");
                self.call(self.adapters[server].bus, &sender, what, |message| message, |_, _| {});
            }
            paths.insert(characteristic.service_path);
        }
        paths
    }

    /// Takes away what a program served, from everybody who saw it. Links stay.
    pub fn remove_application(&mut self, server: usize, owned: &Owned) {
        if self.adapters[server].applications.remove(owned).is_none() {
            return;
        }
        for viewer in self.linked_to(server) {
            self.hide_services(viewer, |c| c.server == server && c.application == *owned);
        }
    }

    /// `WriteValue` of a central.
    pub fn write(&mut self, key: &Key, call: Message) {
        let (data, options): (Option<Vec<u8>>, Option<PropMap>) = call.get2();
        let (Some(data), Some(options)) = (data, options) else {
            return self.refuse(
                key.0,
                &call,
                "InvalidArguments",
                "Invalid arguments in method call",
            );
        };
        let Some(characteristic) = self.characteristics.get(key) else {
            return self.refuse(key.0, &call, "Failed", "Not connected");
        };
        let served = &characteristic.served;
        let command = match get_text(&options, "type").as_deref() {
            Some("command") => true,
            Some(_) => false,
            None => !served.can(&["write"]),
        };
        let needed = if command { "write-without-response" } else { "write" };
        if !served.can(&[needed]) {
            return self.refuse(key.0, &call, "NotSupported", "Operation is not supported");
        }
        if data.len() > characteristic.value_max() {
            self.counters.writes_refused += 1;
            return self.refuse(key.0, &call, "InvalidValueLength", "Invalid Length");
        }
        let full = characteristic.to_server.is_full();
        if characteristic.to_server.frames.len() >= FRAMES_MAX + WRITES_HELD_MAX {
            return self.refuse(key.0, &call, "Failed", "Too many writes at once");
        }
        if data.len() > VALUE_BYTES_MAX {
            // The far side takes no such value, and a write without response has no way to say so.
            self.counters.writes_refused += 1;
            return match command {
                true => self.bus_of(key.0).reply(&call, |reply| reply),
                false => self.refuse(key.0, &call, "InvalidValueLength", "Invalid Length"),
            };
        }
        if command && self.happens(self.settings.loss.writes) {
            self.counters.writes_lost += 1;
            return self.bus_of(key.0).reply(&call, |reply| reply);
        }
        let due = Instant::now() + self.settings.delay;
        if command && !full {
            self.bus_of(key.0).reply(&call, |reply| reply);
        }
        let Some(characteristic) = self.characteristics.get_mut(key) else { return };
        match (command, full) {
            (false, _) => characteristic.to_server.push(due, data, Some(call)),
            (true, false) => characteristic.to_server.push(due, data, None),
            (true, true) => {
                characteristic.to_server.push(due, data, None);
                characteristic.held.push_back(call);
            }
        }
        self.deliver_writes(key, Instant::now());
    }

    /// Hands values that have arrived to the program that serves them.
    pub fn deliver_writes(&mut self, key: &Key, now: Instant) {
        loop {
            let Some(characteristic) = self.characteristics.get_mut(key) else { return };
            if characteristic.to_server.next().is_none_or(|due| due > now) {
                return;
            }
            match &mut characteristic.writing {
                Way::Asked => return,
                Way::Idle if characteristic.served.takes_writes => {
                    characteristic.writing = Way::Asked;
                    return self.acquire(key, "AcquireWrite");
                }
                Way::Idle => characteristic.writing = Way::Bus,
                Way::Socket { socket, blocked } => {
                    let Some(frame) = characteristic.to_server.frames.front() else { return };
                    match socket.send(&frame.data) {
                        Ok(_) => *blocked = false,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            *blocked = true;
                            return;
                        }
                        // The program closed it; the next value asks for another.
                        Err(_) => {
                            characteristic.writing = Way::Idle;
                            continue;
                        }
                    }
                    self.wrote(key);
                }
                Way::Bus => self.write_by_call(key),
            }
        }
    }

    fn write_by_call(&mut self, key: &Key) {
        let Some(characteristic) = self.characteristics.get(key) else { return };
        let Some(frame) = characteristic.to_server.frames.front() else { return };
        let (data, sender) = (frame.data.clone(), characteristic.application.0.clone());
        let (path, server) = (characteristic.served.path.clone(), characteristic.server);
        let mut options = self.options(key);
        let kind =
            if frame_is_request(self.characteristics.get(key)) { "request" } else { "command" };
        options.insert("type".to_owned(), Variant(Box::new(kind.to_owned())));
        let what = (path.as_str(), CHARACTERISTIC, "WriteValue");
        self.call(
            self.adapters[server].bus,
            &sender,
            what,
            |message| message.append2(data, options),
            |_, _| {},
        );
        self.wrote(key);
    }

    /// The first value has arrived: whoever waited for that, or for room, is answered.
    fn wrote(&mut self, key: &Key) {
        let Some(characteristic) = self.characteristics.get_mut(key) else { return };
        let frame = characteristic.to_server.frames.pop_front();
        let held = characteristic.held.pop_front();
        self.counters.writes += 1;
        if let Some(held) = held {
            self.bus_of(key.0).reply(&held, |reply| reply);
        }
        if let Some(call) = frame.and_then(|frame| frame.call) {
            let viewer = key.0;
            self.after(self.settings.delay, move |world| {
                world.bus_of(viewer).reply(&call, |reply| reply);
            });
        }
    }

    /// `StartNotify` of a central.
    pub fn start_notify(&mut self, key: &Key, who: &str, call: Message) {
        let Some(characteristic) = self.characteristics.get_mut(key) else {
            return self.bus_of(key.0).unknown(&call);
        };
        if !characteristic.served.can(&["notify", "indicate"]) {
            return self.refuse(key.0, &call, "NotSupported", "Operation is not supported");
        }
        characteristic.subscribers.insert(who.to_owned());
        if !matches!(characteristic.notifying, Way::Idle) {
            return self.bus_of(key.0).reply(&call, |reply| reply);
        }
        if characteristic.served.gives_notifications {
            characteristic.notifying = Way::Asked;
            self.acquire(key, "AcquireNotify");
        } else {
            characteristic.notifying = Way::Bus;
            let (server, sender) = (characteristic.server, characteristic.application.0.clone());
            let path = characteristic.served.path.clone();
            let what = (path.as_str(), CHARACTERISTIC, "StartNotify");
            self.call(self.adapters[server].bus, &sender, what, |message| message, |_, _| {});
        }
        self.bus_of(key.0).change(&key.1, CHARACTERISTIC, notifying(true));
        self.bus_of(key.0).reply(&call, |reply| reply);
    }

    pub fn stop_notify(&mut self, key: &Key, who: &str) {
        let Some(characteristic) = self.characteristics.get_mut(key) else { return };
        if !characteristic.subscribers.remove(who) || !characteristic.subscribers.is_empty() {
            return;
        }
        let way = std::mem::replace(&mut characteristic.notifying, Way::Idle);
        characteristic.to_viewer = Lane::default();
        let (server, sender) = (characteristic.server, characteristic.application.0.clone());
        let path = characteristic.served.path.clone();
        if matches!(way, Way::Bus) {
            let what = (path.as_str(), CHARACTERISTIC, "StopNotify");
            self.call(self.adapters[server].bus, &sender, what, |message| message, |_, _| {});
        }
        self.bus_of(key.0).change(&key.1, CHARACTERISTIC, notifying(false));
    }

    /// Asks a program for a socket.
    fn acquire(&mut self, key: &Key, method: &'static str) {
        let Some(characteristic) = self.characteristics.get(key) else { return };
        let (server, sender) = (characteristic.server, characteristic.application.0.clone());
        let path = characteristic.served.path.clone();
        let options = self.options(key);
        let mine = key.clone();
        let what = (path.as_str(), CHARACTERISTIC, method);
        self.call(
            self.adapters[server].bus,
            &sender,
            what,
            |message| message.append1(options),
            move |world, answer| {
                world.acquired(&mine, method, answer);
            },
        );
    }

    fn acquired(&mut self, key: &Key, method: &str, answer: Result<Message, String>) {
        let socket = answer.ok().and_then(|answer| answer.get1::<File>());
        let socket = socket.map(|file| UnixDatagram::from(OwnedFd::from(file)));
        let socket = socket.filter(|socket| socket.set_nonblocking(true).is_ok());
        // A link that ended meanwhile drops the socket, and so tells the program.
        let Some(characteristic) = self.characteristics.get_mut(key) else { return };
        let way = match socket {
            Some(socket) => Way::Socket { socket, blocked: false },
            None => Way::Bus,
        };
        match method {
            "AcquireWrite" => characteristic.writing = way,
            // Unsubscribed meanwhile.
            _ if characteristic.subscribers.is_empty() => characteristic.notifying = Way::Idle,
            _ => characteristic.notifying = way,
        }
    }

    /// Takes what a program has put into its socket.
    pub fn read_notifications(&mut self, key: &Key) {
        // One more than may be, to see that something is longer.
        let mut buffer = [0; VALUE_BYTES_MAX + 1];
        loop {
            let Some(characteristic) = self.characteristics.get_mut(key) else { return };
            let Some(socket) = characteristic.notifier() else { return };
            match socket.recv(&mut buffer) {
                Ok(0) => {
                    // The program closed it. The central hears nothing of that.
                    characteristic.notifying = Way::Idle;
                    return;
                }
                Ok(length) => self.notify(key, &buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    characteristic.notifying = Way::Idle;
                    return;
                }
            }
        }
    }

    /// A value that a program told over the bus.
    pub fn on_told(&mut self, bus: usize, sender: &str, path: &str, value: &[u8]) {
        let keys: Vec<Key> = self
            .characteristics
            .iter()
            .filter(|(_, c)| {
                self.adapters[c.server].bus == bus
                    && c.application.0 == sender
                    && c.served.path == path
                    && matches!(c.notifying, Way::Bus)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            self.notify(&key, value);
        }
    }

    fn notify(&mut self, key: &Key, data: &[u8]) {
        let Some(characteristic) = self.characteristics.get(key) else { return };
        if data.len() > characteristic.value_max().min(VALUE_BYTES_MAX) {
            self.counters.notifications_refused += 1;
            return;
        }
        if characteristic.to_viewer.is_full() || self.happens(self.settings.loss.notifications) {
            self.counters.notifications_lost += 1;
            return;
        }
        let due = Instant::now() + self.settings.delay;
        if let Some(characteristic) = self.characteristics.get_mut(key) {
            characteristic.to_viewer.push(due, data.to_vec(), None);
        }
    }

    /// Tells a central the values that have arrived.
    pub fn deliver_notifications(&mut self, key: &Key, now: Instant) {
        loop {
            let Some(characteristic) = self.characteristics.get_mut(key) else { return };
            if characteristic.to_viewer.next().is_none_or(|due| due > now) {
                return;
            }
            let Some(frame) = characteristic.to_viewer.frames.pop_front() else { return };
            self.counters.notifications += 1;
            let told = Properties::from([("Value", Value::Bytes(frame.data))]);
            self.bus_of(key.0).changed(&key.1, CHARACTERISTIC, &told, &[]);
        }
    }

    /// `ReadValue` of a central, passed on to the program.
    pub fn read(&mut self, key: &Key, call: Message) {
        let Some(characteristic) = self.characteristics.get(key) else {
            return self.bus_of(key.0).unknown(&call);
        };
        let (server, sender) = (characteristic.server, characteristic.application.0.clone());
        let path = characteristic.served.path.clone();
        let options = self.options(key);
        let viewer = key.0;
        let what = (path.as_str(), CHARACTERISTIC, "ReadValue");
        self.call(
            self.adapters[server].bus,
            &sender,
            what,
            |message| message.append1(options),
            move |world, answer| match answer.map(|answer| answer.get1::<Vec<u8>>()) {
                Ok(Some(value)) => world.bus_of(viewer).reply(&call, |reply| reply.append1(value)),
                Ok(None) => world.refuse(viewer, &call, "Failed", "no value"),
                Err(why) => world.refuse(viewer, &call, "Failed", &why),
            },
        );
    }

    /// What a program is told about a central.
    fn options(&self, key: &Key) -> PropMap {
        let mut options = PropMap::new();
        if let Some(characteristic) = self.characteristics.get(key) {
            let device = self.device_path(characteristic.server, characteristic.viewer);
            let device: Box<dyn RefArg> = Box::new(Path::new(device).unwrap_or_default());
            options.insert("device".to_owned(), Variant(device));
            options.insert("link".to_owned(), Variant(Box::new("LE".to_owned())));
            options.insert("mtu".to_owned(), Variant(Box::new(characteristic.mtu)));
        }
        options
    }

    pub fn refuse(&mut self, adapter: usize, call: &Message, name: &str, words: &str) {
        self.bus_of(adapter).reply_error(call, &format!("org.bluez.Error.{name}"), words);
    }
}

fn notifying(on: bool) -> Properties {
    Properties::from([("Notifying", Value::Bool(on))])
}

fn frame_is_request(characteristic: Option<&Characteristic>) -> bool {
    let front = characteristic.and_then(|c| c.to_server.frames.front());
    front.is_some_and(|frame| frame.call.is_some())
}

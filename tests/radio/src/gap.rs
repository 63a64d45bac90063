//! Adapters, advertisements, scanning and links.

use crate::{
    ADAPTERS_MAX,
    bus::{Bus, Interfaces},
    served::Application,
    value::{Properties, Value, text},
    world::{World, pair},
};
use dbus::Message;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

pub const ADAPTER: &str = "org.bluez.Adapter1";
pub const DEVICE: &str = "org.bluez.Device1";
pub const GATT_MANAGER: &str = "org.bluez.GattManager1";
pub const ADVERTISING_MANAGER: &str = "org.bluez.LEAdvertisingManager1";

/// Advertisements at once, as BlueZ tells for most controllers.
pub const ADVERTS_MAX: usize = 5;

/// Bytes of a legacy advertisement (Bluetooth Core Specification 5.4, volume 6, part B, 2.3.1).
pub const ADVERT_BYTES_MAX: usize = 31;

/// How well adapters hear each other unless told otherwise, in dBm.
const RSSI: i16 = -60;

/// How long a connection is tried. Linux tries for 20 s, which tests need not wait for.
pub const CONNECT_MAX: Duration = Duration::from_secs(2);

/// How long a device that was only seen is remembered: BlueZ's `TemporaryTimeout`.
const REMEMBERED: Duration = Duration::from_secs(30);

/// What lies between two adapters.
#[derive(Clone, Copy, Debug)]
pub struct Air {
    pub hear: bool,
    pub rssi: i16,
}

impl Default for Air {
    fn default() -> Air {
        Air { hear: true, rssi: RSSI }
    }
}

pub struct Link {
    pub mtu: u16,
}

/// A program's object on a bus.
pub type Owned = (String, String);

pub struct Adapter {
    pub bus: usize,
    pub path: String,
    pub address: String,
    present: bool,
    powered: bool,
    /// Programs cannot switch it on.
    pub blocked: bool,
    pub adverts: BTreeMap<Owned, Advert>,
    pub applications: BTreeMap<Owned, Application>,
    /// By client: the services it asked for, none for all.
    pub filters: BTreeMap<String, Vec<String>>,
    pub scans: BTreeMap<String, Vec<String>>,
    dials: BTreeMap<usize, Dial>,
    /// Devices that were seen and never connected to.
    seen: BTreeMap<usize, Instant>,
}

#[derive(Clone, Debug, Default)]
pub struct Advert {
    pub uuids: Vec<String>,
    pub manufacturer: BTreeMap<u16, Vec<u8>>,
    pub service_data: BTreeMap<String, Vec<u8>>,
    pub connectable: bool,
    /// The link through which it ended.
    pub ended_by: Option<usize>,
}

struct Dial {
    call: Message,
    deadline: Instant,
    underway: bool,
}

impl Advert {
    /// Bytes on the air: flags, then each part with its length and type.
    pub fn bytes(&self) -> usize {
        let uuid = |uuid: &String| match uuid.len() {
            0..=4 => 2,
            5..=8 => 4,
            _ => 16,
        };
        let uuids: usize = self.uuids.iter().map(uuid).sum();
        let listed = if uuids > 0 { 2 + uuids } else { 0 };
        let manufacturer: usize = self.manufacturer.values().map(|data| 4 + data.len()).sum();
        let service: usize = self.service_data.iter().map(|(u, d)| 2 + uuid(u) + d.len()).sum();
        3 + listed + manufacturer + service
    }
}

impl Adapter {
    pub fn needs_ticks(&self) -> bool {
        !self.scans.is_empty() || !self.dials.is_empty() || !self.seen.is_empty()
    }

    pub fn is_on(&self) -> bool {
        self.present && self.powered
    }

    fn open_advert(&mut self) -> Option<&mut Advert> {
        self.adverts.values_mut().find(|advert| advert.connectable && advert.ended_by.is_none())
    }

    /// Forgets a program that has left the bus.
    pub fn forget(&mut self, who: &str) {
        self.adverts.retain(|(owner, _), _| owner != who);
        self.filters.remove(who);
        self.scans.remove(who);
    }
}

impl World {
    /// Adds a bus and gives its index.
    pub fn add_bus(&mut self, mut bus: Bus) -> usize {
        let managers = ["org.bluez.AgentManager1", "org.bluez.ProfileManager1"];
        let managers: Interfaces = managers.into_iter().map(|m| (m, Properties::new())).collect();
        bus.add("/org/bluez", managers);
        self.buses.push(bus);
        self.buses.len() - 1
    }

    /// Adds an adapter to a bus, and gives its index, name and address.
    pub fn add_adapter(&mut self, bus: usize) -> Option<(usize, String, String)> {
        let index = self.adapters.len();
        if index == ADAPTERS_MAX {
            return None;
        }
        let address = format!("00:AA:01:00:00:{index:02X}");
        let number = self.adapters.iter().filter(|adapter| adapter.bus == bus).count();
        self.adapters.push(Adapter {
            bus,
            path: format!("/org/bluez/hci{number}"),
            address: address.clone(),
            present: false,
            powered: false,
            blocked: false,
            adverts: BTreeMap::new(),
            applications: BTreeMap::new(),
            filters: BTreeMap::new(),
            scans: BTreeMap::new(),
            dials: BTreeMap::new(),
            seen: BTreeMap::new(),
        });
        self.set_present(index, true);
        Some((index, format!("hci{number}"), address))
    }

    pub fn bus_of(&mut self, adapter: usize) -> &mut Bus {
        let bus = self.adapters[adapter].bus;
        &mut self.buses[bus]
    }

    pub fn set_range(&mut self, a: usize, b: usize, hear: bool) {
        self.air.entry(pair(a, b)).or_default().hear = hear;
        if !hear {
            self.link_down(a, b);
        }
    }

    pub fn set_rssi(&mut self, a: usize, b: usize, rssi: i16) {
        self.air.entry(pair(a, b)).or_default().rssi = rssi;
    }

    pub fn is_linked(&self, a: usize, b: usize) -> bool {
        self.links.contains_key(&pair(a, b))
    }

    /// Adapters that this one has a link to.
    pub fn linked_to(&self, adapter: usize) -> Vec<usize> {
        let other = |(a, b): &(usize, usize)| match adapter {
            x if x == *a => Some(*b),
            x if x == *b => Some(*a),
            _ => None,
        };
        self.links.keys().filter_map(other).collect()
    }

    /// Ends a bus: all its adapters fall silent.
    pub fn kill_bus(&mut self, adapter: usize) {
        let bus = self.adapters[adapter].bus;
        for adapter in self.adapters_on(bus) {
            self.set_present(adapter, false);
        }
        self.buses[bus].kill();
    }

    pub fn adapters_on(&self, bus: usize) -> Vec<usize> {
        (0..self.adapters.len()).filter(|index| self.adapters[*index].bus == bus).collect()
    }

    pub fn set_power(&mut self, adapter: usize, on: bool) {
        if !self.adapters[adapter].present || self.adapters[adapter].powered == on {
            return;
        }
        if !on {
            self.go_silent(adapter);
        }
        self.adapters[adapter].powered = on;
        self.change_adapter(adapter, [("Powered", Value::Bool(on))]);
    }

    pub fn set_present(&mut self, adapter: usize, present: bool) {
        if self.adapters[adapter].present == present {
            return;
        }
        let path = self.adapters[adapter].path.clone();
        if present {
            let here = &mut self.adapters[adapter];
            (here.present, here.powered) = (true, true);
            let interfaces = adapter_interfaces(&here.address);
            self.bus_of(adapter).add(&path, interfaces);
            return;
        }
        self.go_silent(adapter);
        let here = &mut self.adapters[adapter];
        (here.present, here.powered) = (false, false);
        here.adverts.clear();
        here.applications.clear();
        here.filters.clear();
        here.seen.clear();
        self.bus_of(adapter).remove(&path);
    }

    /// Ends everything that is on the air from this adapter.
    fn go_silent(&mut self, adapter: usize) {
        for other in self.linked_to(adapter) {
            self.link_down(adapter, other);
        }
        let dials = std::mem::take(&mut self.adapters[adapter].dials);
        for dial in dials.into_values() {
            self.bus_of(adapter).reply_error(
                &dial.call,
                "org.bluez.Error.NotReady",
                "Resource Not Ready",
            );
        }
        self.adapters[adapter].scans.clear();
        self.scans_changed(adapter);
    }

    /// The device by which `viewer` knows `other`.
    pub fn device_path(&self, viewer: usize, other: usize) -> String {
        let address = self.adapters[other].address.replace(':', "_");
        format!("{}/dev_{address}", self.adapters[viewer].path)
    }

    /// The adapter behind a device's path, or behind something below it.
    pub fn device_at(&self, viewer: usize, path: &str) -> Option<usize> {
        let rest = path.strip_prefix(&self.adapters[viewer].path)?.strip_prefix("/dev_")?;
        let address = rest.split('/').next()?.replace('_', ":");
        self.adapters.iter().position(|adapter| adapter.address == address)
    }

    /// Shows a device, or changes what of it is different.
    fn show_device(&mut self, viewer: usize, other: usize, changed: Properties) {
        let path = self.device_path(viewer, other);
        if self.bus_of(viewer).has(&path) {
            let bus = self.bus_of(viewer);
            let differs = |(name, value): &(&'static str, Value)| {
                // Every advertisement that is heard tells its strength anew.
                *name == "RSSI" || bus.property(&path, DEVICE, name) != Some(value)
            };
            let changed: Properties = changed.into_iter().filter(differs).collect();
            if !changed.is_empty() {
                bus.change(&path, DEVICE, changed);
            }
            return;
        }
        let name = format!("radio-{other}");
        let address = self.adapters[other].address.clone();
        let adapter = self.adapters[viewer].path.clone();
        let mut properties = Properties::from([
            ("Address", text(address)),
            ("AddressType", text("public")),
            ("Name", text(name.clone())),
            ("Alias", text(name)),
            ("Adapter", Value::Path(adapter)),
            ("Paired", Value::Bool(false)),
            ("Bonded", Value::Bool(false)),
            ("Trusted", Value::Bool(false)),
            ("Blocked", Value::Bool(false)),
            ("LegacyPairing", Value::Bool(false)),
            ("Connected", Value::Bool(false)),
            ("ServicesResolved", Value::Bool(false)),
            ("UUIDs", Value::Texts(Vec::new())),
        ]);
        properties.extend(changed);
        self.bus_of(viewer).add(&path, Interfaces::from([(DEVICE, properties)]));
    }

    pub fn change_device(
        &mut self,
        viewer: usize,
        other: usize,
        changed: impl IntoIterator<Item = (&'static str, Value)>,
    ) {
        let path = self.device_path(viewer, other);
        self.bus_of(viewer).change(&path, DEVICE, changed.into_iter().collect());
    }

    pub fn change_adapter(
        &mut self,
        adapter: usize,
        changed: impl IntoIterator<Item = (&'static str, Value)>,
    ) {
        let path = self.adapters[adapter].path.clone();
        self.bus_of(adapter).change(&path, ADAPTER, changed.into_iter().collect());
    }

    /// Tells whether somebody scans, and when nobody does any more takes back the strengths.
    pub fn scans_changed(&mut self, adapter: usize) {
        let scanning = !self.adapters[adapter].scans.is_empty();
        let path = self.adapters[adapter].path.clone();
        if self.bus_of(adapter).is_true(&path, ADAPTER, "Discovering") != scanning {
            self.change_adapter(adapter, [("Discovering", Value::Bool(scanning))]);
        }
        if !scanning {
            for other in 0..self.adapters.len() {
                let path = self.device_path(adapter, other);
                self.bus_of(adapter).forget(&path, DEVICE, "RSSI");
            }
        }
    }

    pub fn count_adverts(&mut self, adapter: usize) {
        let active = self.adapters[adapter].adverts.len();
        let left = ADVERTS_MAX.saturating_sub(active);
        let byte = |n: usize| Value::Byte(u8::try_from(n).unwrap_or(u8::MAX));
        let path = self.adapters[adapter].path.clone();
        let changed = Properties::from([
            ("ActiveInstances", byte(active)),
            ("SupportedInstances", byte(left)),
        ]);
        self.bus_of(adapter).change(&path, ADVERTISING_MANAGER, changed);
    }

    fn hears(&self, a: usize, b: usize) -> bool {
        let air = self.air.get(&pair(a, b)).copied().unwrap_or_default();
        a != b && air.hear && self.adapters[a].is_on() && self.adapters[b].is_on()
    }

    /// One interval of scanning, dialling and forgetting.
    pub fn tick(&mut self) {
        for adapter in 0..self.adapters.len() {
            self.hear(adapter);
            self.redial(adapter);
            self.forget_devices(adapter);
        }
    }

    /// Everything that an adapter hears of the others in one interval.
    pub fn hear(&mut self, adapter: usize) {
        let scans = &self.adapters[adapter].scans;
        if scans.is_empty() {
            return;
        }
        let everything = scans.values().any(Vec::is_empty);
        let wanted: BTreeSet<String> = scans.values().flatten().cloned().collect();
        for other in 0..self.adapters.len() {
            if !self.hears(adapter, other) {
                continue;
            }
            let mut uuids = Vec::new();
            let (mut manufacturer, mut service_data) = (BTreeMap::new(), BTreeMap::new());
            let mut heard = false;
            for advert in self.adapters[other].adverts.values() {
                let fits = everything || advert.uuids.iter().any(|uuid| wanted.contains(uuid));
                if advert.ended_by.is_none() && fits {
                    heard = true;
                    uuids.extend(advert.uuids.clone());
                    manufacturer.extend(advert.manufacturer.clone());
                    service_data.extend(advert.service_data.clone());
                }
            }
            if !heard {
                continue;
            }
            let rssi = self.air.get(&pair(adapter, other)).copied().unwrap_or_default().rssi;
            let mut told = Properties::from([("RSSI", Value::I16(rssi))]);
            let linked = self.is_linked(adapter, other);
            // Once the services are known, they are more than what the advertisement lists.
            if !uuids.is_empty() && !linked {
                told.insert("UUIDs", Value::Texts(uuids));
            }
            if !manufacturer.is_empty() {
                told.insert("ManufacturerData", Value::Manufacturer(manufacturer));
            }
            if !service_data.is_empty() {
                told.insert("ServiceData", Value::ServiceData(service_data));
            }
            self.show_device(adapter, other, told);
            if !linked {
                let kept = &mut self.adapters[adapter].seen;
                kept.insert(other, Instant::now());
            }
        }
    }

    fn forget_devices(&mut self, adapter: usize) {
        let old =
            |(other, seen): (&usize, &Instant)| (seen.elapsed() > REMEMBERED).then_some(*other);
        let gone: Vec<usize> = self.adapters[adapter].seen.iter().filter_map(old).collect();
        for other in gone {
            self.adapters[adapter].seen.remove(&other);
            if !self.is_linked(adapter, other) {
                let path = self.device_path(adapter, other);
                self.bus_of(adapter).remove(&path);
            }
        }
    }

    /// `Device1.Connect`: answered when the link is up and its services are known, or it failed.
    pub fn connect(&mut self, adapter: usize, other: usize, call: Message) {
        let error = |world: &mut World, name: &str, words: &str| {
            world.bus_of(adapter).reply_error(&call, name, words);
        };
        if !self.adapters[adapter].is_on() {
            return error(self, "org.bluez.Error.NotReady", "Resource Not Ready");
        }
        if self.is_linked(adapter, other) {
            return self.bus_of(adapter).reply(&call, |reply| reply);
        }
        if self.adapters[adapter].dials.contains_key(&other) {
            return error(self, "org.bluez.Error.InProgress", "In Progress");
        }
        let deadline = Instant::now() + CONNECT_MAX;
        self.adapters[adapter].dials.insert(other, Dial { call, deadline, underway: false });
        self.try_dial(adapter, other);
    }

    /// `Device1.Disconnect`, which also ends an attempt to connect.
    pub fn disconnect(&mut self, adapter: usize, other: usize) {
        if let Some(dial) = self.adapters[adapter].dials.remove(&other) {
            self.refuse_dial(adapter, &dial.call);
        }
        self.link_down(adapter, other);
    }

    fn refuse_dial(&mut self, adapter: usize, call: &Message) {
        let words = "le-connection-abort-by-local";
        self.bus_of(adapter).reply_error(call, "org.bluez.Error.Failed", words);
    }

    fn redial(&mut self, adapter: usize) {
        let others: Vec<usize> = self.adapters[adapter].dials.keys().copied().collect();
        for other in others {
            let dials = &mut self.adapters[adapter].dials;
            let Some(dial) = dials.get(&other).filter(|dial| !dial.underway) else { continue };
            if dial.deadline > Instant::now() {
                self.try_dial(adapter, other);
            } else if let Some(dial) = dials.remove(&other) {
                self.refuse_dial(adapter, &dial.call);
            }
        }
    }

    fn can_reach(&mut self, adapter: usize, other: usize) -> bool {
        self.hears(adapter, other) && self.adapters[other].open_advert().is_some()
    }

    fn try_dial(&mut self, adapter: usize, other: usize) {
        if !self.can_reach(adapter, other) {
            return;
        }
        if let Some(dial) = self.adapters[adapter].dials.get_mut(&other) {
            dial.underway = true;
            self.after(2 * self.settings.delay, move |world| world.end_dial(adapter, other));
        }
    }

    fn end_dial(&mut self, adapter: usize, other: usize) {
        if !self.adapters[adapter].dials.contains_key(&other) {
            return;
        }
        if self.can_reach(adapter, other) {
            self.link_up(adapter, other);
        } else if let Some(dial) = self.adapters[adapter].dials.get_mut(&other) {
            dial.underway = false;
        }
    }

    fn link_up(&mut self, central: usize, peripheral: usize) {
        let mtu = self.settings.mtu;
        self.links.insert(pair(central, peripheral), Link { mtu });
        self.counters.links += 1;
        let ends = self.settings.adverts_end;
        if let Some(advert) = self.adapters[peripheral].open_advert().filter(|_| ends) {
            advert.ended_by = Some(central);
        }
        let sides = [(central, peripheral), (peripheral, central)];
        for (here, there) in sides {
            self.adapters[here].seen.remove(&there);
            self.show_device(here, there, Properties::from([("Connected", Value::Bool(true))]));
        }
        for (here, there) in sides {
            // What is left of the last link.
            let device = self.device_path(here, there);
            self.bus_of(here).remove_below(&device);
            let applications: Vec<_> = self.adapters[there].applications.keys().cloned().collect();
            for application in applications {
                self.show_services(here, there, &application);
            }
            self.change_device(here, there, [("ServicesResolved", Value::Bool(true))]);
            if let Some(dial) = self.adapters[here].dials.remove(&there) {
                self.bus_of(here).reply(&dial.call, |reply| reply);
            }
        }
    }

    /// Ends a link, from whichever side; tells whether there was one.
    pub fn link_down(&mut self, a: usize, b: usize) -> bool {
        if self.links.remove(&pair(a, b)).is_none() {
            return false;
        }
        for (here, there) in [(a, b), (b, a)] {
            for advert in self.adapters[here].adverts.values_mut() {
                advert.ended_by = advert.ended_by.filter(|through| *through != there);
            }
            let device = self.device_path(here, there);
            let gone =
                [("Connected", Value::Bool(false)), ("ServicesResolved", Value::Bool(false))];
            self.bus_of(here).change(&device, DEVICE, Properties::from(gone));
            self.lose_services(here, there);
        }
        true
    }
}

fn adapter_interfaces(address: &str) -> Interfaces {
    let texts = |words: &[&str]| Value::Texts(words.iter().map(|w| (*w).to_owned()).collect());
    let includes = texts(&["tx-power", "appearance", "local-name"]);
    let adapter = Properties::from([
        ("Address", text(address)),
        ("AddressType", text("public")),
        ("Name", text("radio")),
        ("Alias", text("radio")),
        ("Class", Value::U32(0)),
        ("Powered", Value::Bool(true)),
        ("Discoverable", Value::Bool(false)),
        ("DiscoverableTimeout", Value::U32(180)),
        ("Pairable", Value::Bool(false)),
        ("PairableTimeout", Value::U32(0)),
        ("Discovering", Value::Bool(false)),
        ("UUIDs", Value::Texts(Vec::new())),
        ("Modalias", text("usb:v1D6Bp0246d0552")),
        ("Roles", texts(&["central", "peripheral"])),
    ]);
    let advertising = Properties::from([
        ("ActiveInstances", Value::Byte(0)),
        ("SupportedInstances", Value::Byte(u8::try_from(ADVERTS_MAX).unwrap_or(u8::MAX))),
        ("SupportedIncludes", includes),
    ]);
    Interfaces::from([
        (ADAPTER, adapter),
        (GATT_MANAGER, Properties::new()),
        (ADVERTISING_MANAGER, advertising),
    ])
}

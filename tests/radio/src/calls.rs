//! What programs ask: D-Bus method calls, told apart by object, interface and method.
//!
//! A call that is not known is answered with an error, as BlueZ does, and changes nothing.

use crate::{
    bus::{OBJECT_MANAGER, PROPERTIES},
    gap::{
        ADAPTER, ADVERT_BYTES_MAX, ADVERTISING_MANAGER, ADVERTS_MAX, Adapter, Advert, DEVICE,
        GATT_MANAGER,
    },
    served::{Application, CHARACTERISTIC, Objects},
    value::wire,
    value::{
        Properties, Value, get_bytes, get_manufacturer, get_service_data, get_text, get_texts,
    },
    world::World,
};
use dbus::{
    Message, MessageType, Path,
    arg::{PropMap, RefArg, Variant},
};

const ADVERTISEMENT: &str = "org.bluez.LEAdvertisement1";
const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
const PEER: &str = "org.freedesktop.DBus.Peer";

/// Programs that scan or set a filter on one adapter at once.
const CLIENTS_MAX: usize = 64;

/// What a call is about.
struct Call {
    message: Message,
    adapter: usize,
    path: String,
    sender: String,
}

impl World {
    pub fn on_message(&mut self, bus: usize, mut message: Message) {
        match message.msg_type() {
            MessageType::MethodCall => self.on_call(bus, message),
            MessageType::Signal => self.on_signal(bus, &message),
            MessageType::MethodReturn | MessageType::Error => {
                let Some(serial) = message.get_reply_serial() else { return };
                let error = message.as_result().err();
                let answer = match error {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message),
                };
                self.on_answer(bus, serial, answer);
            }
        }
    }

    fn on_signal(&mut self, bus: usize, message: &Message) {
        let member = message.member().map(|member| member.to_string()).unwrap_or_default();
        if member == "NameOwnerChanged" {
            let (name, _old, new): (Option<String>, Option<String>, Option<String>) =
                message.get3();
            if let (Some(name), Some("")) = (name, new.as_deref()) {
                self.forget_program(bus, &name);
            }
        } else if member == "PropertiesChanged" {
            let (Some(sender), Some(path)) = (message.sender(), message.path()) else { return };
            let (_, changed): (Option<String>, Option<PropMap>) = message.get2();
            if let Some(value) = changed.and_then(|changed| get_bytes(&changed, "Value")) {
                self.on_told(bus, &sender, &path, &value);
            }
        }
    }

    /// A program has left the bus. Its links stay, as on the real stack.
    fn forget_program(&mut self, bus: usize, who: &str) {
        for adapter in self.adapters_on(bus) {
            let served = self.adapters[adapter].applications.keys();
            let served: Vec<_> = served.filter(|(owner, _)| owner == who).cloned().collect();
            for owned in served {
                self.remove_application(adapter, &owned);
            }
            self.adapters[adapter].forget(who);
            self.scans_changed(adapter);
            self.count_adverts(adapter);
            let subscribed: Vec<_> = self
                .characteristics
                .iter()
                .filter(|(key, c)| key.0 == adapter && c.subscribers.contains(who))
                .map(|(key, _)| key.clone())
                .collect();
            for key in subscribed {
                self.stop_notify(&key, who);
            }
        }
    }

    fn on_call(&mut self, bus: usize, message: Message) {
        let text = |value: Option<String>| value.unwrap_or_default();
        let path = text(message.path().map(|path| path.to_string()));
        let interface = text(message.interface().map(|name| name.to_string()));
        let member = text(message.member().map(|name| name.to_string()));
        let sender = text(message.sender().map(|name| name.to_string()));
        let shown = &self.buses[bus];
        match (interface.as_str(), member.as_str()) {
            (OBJECT_MANAGER, "GetManagedObjects") if path == "/" => {
                let all = shown.managed();
                return shown.reply(&message, |reply| reply.append1(all));
            }
            (INTROSPECTABLE, "Introspect") => {
                let xml = shown.introspection(&path);
                return shown.reply(&message, |reply| reply.append1(xml));
            }
            (PEER, "Ping") => return shown.reply(&message, |reply| reply),
            _ => {}
        }
        let known = shown.interfaces(&path);
        let offers = |name: &str| known.is_some_and(|all| all.contains_key(name));
        if interface != PROPERTIES && !offers(&interface) {
            return shown.unknown(&message);
        }
        // What belongs to no adapter is answered for any of the bus.
        let here = self.adapters_on(bus).into_iter();
        let below = |adapter: &Adapter| path.strip_prefix(&adapter.path).is_some_and(is_below);
        let mut here = here.filter(|index| path == "/org/bluez" || below(&self.adapters[*index]));
        let Some(adapter) = here.next() else { return shown.unknown(&message) };
        let call = Call { message, adapter, path, sender };
        match interface.as_str() {
            PROPERTIES => self.on_properties(call, &member),
            ADAPTER => self.on_adapter(call, &member),
            DEVICE => self.on_device(call, &member),
            GATT_MANAGER => self.on_gatt_manager(call, &member),
            ADVERTISING_MANAGER => self.on_advertising(call, &member),
            CHARACTERISTIC => self.on_characteristic(call, &member),
            // Agents and profiles: nothing here pairs, so nobody is ever asked.
            _ => self.done(&call),
        }
    }

    fn done(&mut self, call: &Call) {
        self.bus_of(call.adapter).reply(&call.message, |reply| reply);
    }

    fn fail(&mut self, call: &Call, name: &str, words: &str) {
        self.refuse(call.adapter, &call.message, name, words);
    }

    fn on_properties(&mut self, call: Call, member: &str) {
        let invalid = "org.freedesktop.DBus.Error.InvalidArgs";
        let (interface, name): (Option<String>, Option<String>) = call.message.get2();
        let bus = self.bus_of(call.adapter);
        let properties = bus.interfaces(&call.path).zip(interface);
        let properties = properties
            .and_then(|(all, interface)| all.get_key_value(interface.as_str()))
            .map(|(interface, properties)| (*interface, properties));
        let Some((interface, properties)) = properties else {
            return self.bus_of(call.adapter).unknown(&call.message);
        };
        if member == "GetAll" {
            let all = wire(properties);
            return bus.reply(&call.message, |reply| reply.append1(all));
        }
        let property = name.as_deref().and_then(|name| properties.get_key_value(name));
        let Some((&name, value)) = property else {
            return bus.reply_error(&call.message, invalid, "No such property");
        };
        if member == "Get" {
            let value = value.wire();
            return bus.reply(&call.message, |reply| reply.append1(value));
        }
        let set = call.message.get3::<String, String, Variant<Box<dyn RefArg>>>().2;
        let Some(set) = set.and_then(|set| Value::read(&*set.0)) else {
            return bus.reply_error(&call.message, invalid, "Not a value that can be set");
        };
        if (interface, name) == (ADAPTER, "Powered") && self.adapters[call.adapter].blocked {
            return self.fail(&call, "Blocked", "Blocked through rfkill");
        }
        let bus = self.bus_of(call.adapter);
        match (interface, name, &set) {
            (ADAPTER, "Powered", Value::Bool(on)) => self.set_power(call.adapter, *on),
            (ADAPTER | DEVICE, "Alias" | "Trusted" | "Blocked" | "Discoverable", _)
            | (ADAPTER, "DiscoverableTimeout" | "Pairable" | "PairableTimeout", _) => {
                bus.change(&call.path, interface, Properties::from([(name, set)]));
            }
            _ => {
                let name = "org.freedesktop.DBus.Error.PropertyReadOnly";
                return bus.reply_error(&call.message, name, "Cannot be set");
            }
        }
        self.done(&call);
    }

    fn on_adapter(&mut self, call: Call, member: &str) {
        let here = call.adapter;
        let adapter = &mut self.adapters[here];
        match member {
            "SetDiscoveryFilter" => {
                let filter: PropMap = call.message.get1().unwrap_or_default();
                let uuids = get_texts(&filter, "UUIDs");
                let uuids: Vec<String> = uuids.iter().map(|uuid| uuid.to_lowercase()).collect();
                if adapter.filters.len() >= CLIENTS_MAX {
                    return self.fail(&call, "Failed", "Too many clients");
                }
                if let Some(scan) = adapter.scans.get_mut(&call.sender) {
                    scan.clone_from(&uuids);
                }
                adapter.filters.insert(call.sender.clone(), uuids);
            }
            "StartDiscovery" => {
                if !adapter.is_on() {
                    return self.fail(&call, "NotReady", "Resource Not Ready");
                }
                if adapter.scans.contains_key(&call.sender) || adapter.scans.len() >= CLIENTS_MAX {
                    return self.fail(&call, "InProgress", "Operation already in progress");
                }
                let filter = adapter.filters.get(&call.sender).cloned().unwrap_or_default();
                adapter.scans.insert(call.sender.clone(), filter);
                self.scans_changed(here);
                self.hear(here);
            }
            "StopDiscovery" => {
                if adapter.scans.remove(&call.sender).is_none() {
                    return self.fail(&call, "Failed", "No discovery started");
                }
                self.scans_changed(here);
            }
            "RemoveDevice" => {
                let path = call.message.get1::<Path>().map(|path| path.to_string());
                let Some(path) = path.filter(|path| self.bus_of(here).has(path)) else {
                    return self.fail(&call, "DoesNotExist", "Does Not Exist");
                };
                if let Some(other) = self.device_at(here, &path) {
                    self.disconnect(here, other);
                    self.bus_of(here).remove(&path);
                }
            }
            "GetDiscoveryFilters" => {
                let filters = vec!["UUIDs", "RSSI", "Transport", "DuplicateData"];
                return self.bus_of(here).reply(&call.message, |reply| reply.append1(filters));
            }
            _ => return self.bus_of(here).unknown(&call.message),
        }
        self.done(&call);
    }

    fn on_device(&mut self, call: Call, member: &str) {
        let Some(other) = self.device_at(call.adapter, &call.path) else {
            return self.bus_of(call.adapter).unknown(&call.message);
        };
        match member {
            "Connect" => self.connect(call.adapter, other, call.message),
            "Disconnect" => {
                self.disconnect(call.adapter, other);
                self.done(&call);
            }
            _ => self.fail(&call, "NotSupported", "Operation is not supported"),
        }
    }

    fn on_gatt_manager(&mut self, call: Call, member: &str) {
        let Some(path) = call.message.get1::<Path>().map(|path| path.to_string()) else {
            return self.fail(&call, "InvalidArguments", "Invalid arguments in method call");
        };
        let owned = (call.sender.clone(), path.clone());
        if member != "RegisterApplication" {
            if !self.adapters[call.adapter].applications.contains_key(&owned) {
                return self.fail(&call, "DoesNotExist", "Does Not Exist");
            }
            self.remove_application(call.adapter, &owned);
            return self.done(&call);
        }
        if self.adapters[call.adapter].applications.contains_key(&owned) {
            return self.fail(&call, "AlreadyExists", "Already Exists");
        }
        let what = (path.as_str(), OBJECT_MANAGER, "GetManagedObjects");
        let (bus, sender) = (self.adapters[call.adapter].bus, call.sender.clone());
        self.call(
            bus,
            &sender,
            what,
            |message| message,
            move |world, answer| {
                let objects = answer.and_then(|answer| {
                    answer.read1::<Objects>().map_err(|error| error.to_string())
                });
                match objects.and_then(|objects| Application::read(&objects)) {
                    Err(why) => world.fail(&call, "Failed", &why),
                    Ok(application) => {
                        let here = call.adapter;
                        world.adapters[here].applications.insert(owned.clone(), application);
                        for viewer in world.linked_to(here) {
                            world.show_services(viewer, here, &owned);
                        }
                        world.done(&call);
                    }
                }
            },
        );
    }

    fn on_advertising(&mut self, call: Call, member: &str) {
        let Some(path) = call.message.get1::<Path>().map(|path| path.to_string()) else {
            return self.fail(&call, "InvalidArguments", "Invalid arguments in method call");
        };
        let owned = (call.sender.clone(), path.clone());
        let adverts = &mut self.adapters[call.adapter].adverts;
        if member != "RegisterAdvertisement" {
            if adverts.remove(&owned).is_none() {
                return self.fail(&call, "DoesNotExist", "Does Not Exist");
            }
            self.count_adverts(call.adapter);
            return self.done(&call);
        }
        if adverts.contains_key(&owned) {
            return self.fail(&call, "AlreadyExists", "Already Exists");
        }
        if adverts.len() >= ADVERTS_MAX {
            return self.fail(&call, "NotPermitted", "Maximum advertisements reached");
        }
        let what = (path.as_str(), PROPERTIES, "GetAll");
        let (bus, sender) = (self.adapters[call.adapter].bus, call.sender.clone());
        let fill = |message: Message| message.append1(ADVERTISEMENT);
        self.call(bus, &sender, what, fill, move |world, answer| {
            let properties =
                answer.and_then(|a| a.read1::<PropMap>().map_err(|error| error.to_string()));
            let properties = match properties {
                Ok(properties) => properties,
                Err(why) => return world.fail(&call, "Failed", &why),
            };
            let advert = Advert {
                uuids: get_texts(&properties, "ServiceUUIDs"),
                manufacturer: get_manufacturer(&properties),
                service_data: get_service_data(&properties),
                connectable: get_text(&properties, "Type").as_deref() == Some("peripheral"),
                ended_by: None,
            };
            if advert.bytes() > ADVERT_BYTES_MAX {
                return world.fail(&call, "InvalidLength", "Advertising data too long");
            }
            world.adapters[call.adapter].adverts.insert(owned, advert);
            world.count_adverts(call.adapter);
            world.done(&call);
            for adapter in 0..world.adapters.len() {
                world.hear(adapter);
            }
        });
    }

    fn on_characteristic(&mut self, call: Call, member: &str) {
        let key = (call.adapter, call.path.clone());
        match member {
            "WriteValue" => self.write(&key, call.message),
            "ReadValue" => self.read(&key, call.message),
            "StartNotify" => self.start_notify(&key, &call.sender, call.message),
            "StopNotify" => {
                self.stop_notify(&key, &call.sender);
                self.done(&call);
            }
            _ => self.fail(&call, "NotSupported", "Operation is not supported"),
        }
    }
}

/// Whether the rest of a path goes on below an object, or is the object itself.
fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

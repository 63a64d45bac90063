//! What a program serves: its services and characteristics, read from what it registers.

use crate::value::{get_bool, get_text, get_texts};
use dbus::{Path, arg::PropMap};
use std::collections::HashMap;

pub const SERVICE: &str = "org.bluez.GattService1";
pub const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";

/// Services and characteristics of one program.
pub const APPLICATION_OBJECTS_MAX: usize = 64;

/// A program's objects, as `GetManagedObjects` gives them.
pub type Objects = HashMap<Path<'static>, HashMap<String, PropMap>>;

/// What one program serves.
#[derive(Clone, Debug, Default)]
pub struct Application {
    pub services: Vec<Service>,
}

#[derive(Clone, Debug)]
pub struct Service {
    pub uuid: String,
    pub primary: bool,
    pub characteristics: Vec<Served>,
}

#[derive(Clone, Debug)]
pub struct Served {
    pub path: String,
    pub uuid: String,
    pub flags: Vec<String>,
    /// Whether the program takes values through a socket.
    pub takes_writes: bool,
    pub gives_notifications: bool,
}

impl Application {
    /// Reads what a program offers. An error says what is wrong with it.
    pub fn read(objects: &Objects) -> Result<Application, String> {
        if objects.len() > APPLICATION_OBJECTS_MAX {
            return Err(format!("more than {APPLICATION_OBJECTS_MAX} objects"));
        }
        let of = |interface: &str| {
            let mut found: Vec<(String, &PropMap)> = objects
                .iter()
                .filter_map(|(path, all)| Some((path.to_string(), all.get(interface)?)))
                .collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found
        };
        let mut services = Vec::new();
        for (path, service) in of(SERVICE) {
            let uuid = get_text(service, "UUID").ok_or("a service without a UUID")?;
            let mut characteristics = Vec::new();
            for (served, properties) in of(CHARACTERISTIC) {
                if get_text(properties, "Service").as_ref() == Some(&path) {
                    characteristics.push(Served {
                        path: served,
                        uuid: get_text(properties, "UUID").ok_or("no UUID")?.to_lowercase(),
                        flags: get_texts(properties, "Flags"),
                        takes_writes: properties.contains_key("WriteAcquired"),
                        gives_notifications: properties.contains_key("NotifyAcquired"),
                    });
                }
            }
            let primary = get_bool(service, "Primary").unwrap_or(true);
            services.push(Service { uuid: uuid.to_lowercase(), primary, characteristics });
        }
        match services.is_empty() {
            true => Err("no service".to_owned()),
            false => Ok(Application { services }),
        }
    }
}

impl Served {
    /// Whether it has one of these flags.
    pub fn can(&self, flags: &[&str]) -> bool {
        self.flags.iter().any(|flag| flags.contains(&flag.as_str()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use dbus::arg::{RefArg, Variant};

    fn objects(characteristics: usize) -> Objects {
        let word = |word: &str| Variant(Box::new(word.to_owned()) as Box<dyn RefArg>);
        let object = |interface: &str, properties: PropMap| {
            HashMap::from([(interface.to_owned(), properties)])
        };
        let service = PropMap::from([("UUID".to_owned(), word("AB"))]);
        let mut all = Objects::from([(Path::from("/s"), object(SERVICE, service))]);
        for n in 0..characteristics {
            let served = PropMap::from([
                ("UUID".to_owned(), word("cd")),
                ("Service".to_owned(), word("/s")),
            ]);
            all.insert(Path::from(format!("/s/c{n}")), object(CHARACTERISTIC, served));
        }
        all
    }

    #[test]
    fn an_application_is_read_up_to_its_limit() {
        let read = Application::read(&objects(APPLICATION_OBJECTS_MAX - 1)).unwrap();
        assert_eq!(read.services[0].uuid, "ab");
        assert_eq!(read.services[0].characteristics.len(), APPLICATION_OBJECTS_MAX - 1);
        let refused = Application::read(&objects(APPLICATION_OBJECTS_MAX)).unwrap_err();
        assert!(refused.contains("more than"), "{refused}");
        assert!(Application::read(&Objects::new()).is_err());
    }
}

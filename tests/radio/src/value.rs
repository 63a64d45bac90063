//! D-Bus values as BlueZ uses them: the few types there are, and reading what an application says.
//!
//! Everything that an application sends is read without trust: a property of another type counts
//! as absent.

use dbus::arg::{ArgType, PropMap, RefArg, Variant};
use std::collections::BTreeMap;

/// The value of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Byte(u8),
    I16(i16),
    U16(u16),
    U32(u32),
    Text(String),
    Path(String),
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    Paths(Vec<String>),
    /// By company identifier.
    Manufacturer(BTreeMap<u16, Vec<u8>>),
    /// By UUID.
    ServiceData(BTreeMap<String, Vec<u8>>),
}

/// The properties of one interface of one object.
pub type Properties = BTreeMap<&'static str, Value>;

/// Properties as they are put into a message.
pub type Wire = BTreeMap<String, Variant<Box<dyn RefArg>>>;

impl Value {
    pub fn wire(&self) -> Variant<Box<dyn RefArg>> {
        let path = |p: &String| dbus::Path::new(p.clone()).unwrap_or_default();
        Variant(match self {
            Value::Bool(v) => Box::new(*v),
            Value::Byte(v) => Box::new(*v),
            Value::I16(v) => Box::new(*v),
            Value::U16(v) => Box::new(*v),
            Value::U32(v) => Box::new(*v),
            Value::Text(v) => Box::new(v.clone()),
            Value::Path(v) => Box::new(path(v)),
            Value::Bytes(v) => Box::new(v.clone()),
            Value::Texts(v) => Box::new(v.clone()),
            Value::Paths(v) => Box::new(v.iter().map(path).collect::<Vec<_>>()),
            Value::Manufacturer(v) => Box::new(variants(v)),
            Value::ServiceData(v) => Box::new(variants(v)),
        })
    }

    /// Reads a simple value; none for a type that BlueZ lets nobody set.
    pub fn read(arg: &dyn RefArg) -> Option<Value> {
        Some(match arg.arg_type() {
            ArgType::Variant => Value::read(arg.as_iter()?.next()?)?,
            ArgType::Boolean => Value::Bool(arg.as_u64()? != 0),
            ArgType::UInt32 => Value::U32(u32::try_from(arg.as_u64()?).ok()?),
            ArgType::String => Value::Text(arg.as_str()?.to_owned()),
            _ => return None,
        })
    }
}

pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

pub fn wire(properties: &Properties) -> Wire {
    properties.iter().map(|(name, value)| ((*name).to_owned(), value.wire())).collect()
}

/// A string or an object path.
pub fn get_text(map: &PropMap, name: &str) -> Option<String> {
    unwrapped(map, name)?.as_str().map(str::to_owned)
}

pub fn get_texts(map: &PropMap, name: &str) -> Vec<String> {
    let items = unwrapped(map, name).and_then(|arg| arg.as_iter());
    items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

pub fn get_bool(map: &PropMap, name: &str) -> Option<bool> {
    unwrapped(map, name)?.as_u64().map(|v| v != 0)
}

pub fn get_bytes(map: &PropMap, name: &str) -> Option<Vec<u8>> {
    bytes(unwrapped(map, name)?)
}

pub fn get_manufacturer(map: &PropMap) -> BTreeMap<u16, Vec<u8>> {
    pairs(map, "ManufacturerData", |key| u16::try_from(key.as_u64()?).ok())
}

pub fn get_service_data(map: &PropMap) -> BTreeMap<String, Vec<u8>> {
    pairs(map, "ServiceData", |key| key.as_str().map(str::to_owned))
}

fn variants<K: Clone + Ord>(map: &BTreeMap<K, Vec<u8>>) -> BTreeMap<K, Variant<Vec<u8>>> {
    map.iter().map(|(key, value)| (key.clone(), Variant(value.clone()))).collect()
}

fn unwrapped<'a>(map: &'a PropMap, name: &str) -> Option<&'a dyn RefArg> {
    Some(&*map.get(name)?.0)
}

fn bytes(arg: &dyn RefArg) -> Option<Vec<u8>> {
    match arg.arg_type() {
        ArgType::Variant => bytes(arg.as_iter()?.next()?),
        ArgType::Array => arg.as_iter()?.map(|b| u8::try_from(b.as_u64()?).ok()).collect(),
        _ => None,
    }
}

fn pairs<K: Ord>(
    map: &PropMap,
    name: &str,
    key: impl Fn(&dyn RefArg) -> Option<K>,
) -> BTreeMap<K, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Some(mut items) = unwrapped(map, name).and_then(|arg| arg.as_iter()) else { return found };
    while let (Some(k), Some(v)) = (items.next(), items.next()) {
        if let (Some(k), Some(v)) = (key(k), bytes(v)) {
            found.insert(k, v);
        }
    }
    found
}

//! The side that finds and connects: `btleplug`.

use crate::{
    COMPANY, COUNT_TO, ECHO, HOW_MANY, NOTIFY, NUMBER, SERVICE, WRITE,
    peer::{adapter_name, answer, questions},
    peripheral::{number, numbered},
};
use btleplug::{
    api::{
        Central as _, CentralEvent, Characteristic, Manager as _, Peripheral as _, ScanFilter,
        WriteType,
    },
    platform::{Adapter, Manager, Peripheral},
};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};

/// Longest wait for a value from the other side, and for one that is expected not to come.
const VALUE_MAX: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_millis(500);

struct Linked {
    peripheral: Peripheral,
    write: Characteristic,
    values: UnboundedReceiver<Vec<u8>>,
}

pub async fn run() {
    let manager = Manager::new().await.unwrap();
    let mut questions = questions();
    let mut adapter = None;
    let mut linked = None;
    let mut events = None;
    while let Some(line) = questions.recv().await {
        let words: Vec<&str> = line.split(' ').collect();
        if adapter.is_none() {
            adapter = find_adapter(&manager).await;
        }
        let Some(adapter) = &adapter else {
            answer("no adapter");
            continue;
        };
        if events.is_none() {
            // One for the life of the process: the library panics when one is dropped.
            events = Some(adapter.events().await.unwrap());
        }
        match words.as_slice() {
            ["scan"] => {
                let filter = ScanFilter { services: vec![SERVICE] };
                match adapter.start_scan(filter).await {
                    Ok(()) => answer("scanning"),
                    Err(error) => answer(error),
                }
            }
            ["seen"] => answer(seen(adapter).await),
            ["connect", address] => match connect(adapter, address).await {
                Ok(link) => {
                    answer(format!("connected with an MTU of {}", link.peripheral.mtu()));
                    linked = Some(link);
                }
                Err(why) => answer(why),
            },
            ["disconnect"] => {
                let link: &Linked = linked.as_ref().unwrap();
                answer(format!("{:?}", link.peripheral.disconnect().await));
            }
            ["count", to, size] => {
                let link = linked.as_mut().unwrap();
                answer(count(link, to.parse().unwrap(), size.parse().unwrap()).await);
            }
            ["ping", size] => {
                let link = linked.as_mut().unwrap();
                answer(ping(link, size.parse().unwrap(), VALUE_MAX).await);
            }
            ["try", size] => {
                let link = linked.as_mut().unwrap();
                answer(ping(link, size.parse().unwrap(), SILENCE).await);
            }
            ["linked"] => {
                let link = linked.as_ref().unwrap();
                answer(link.peripheral.is_connected().await.unwrap());
            }
            ["lost"] => {
                let events = events.as_mut().unwrap();
                let lost = async {
                    while let Some(event) = events.next().await {
                        if matches!(event, CentralEvent::DeviceDisconnected(_)) {
                            return true;
                        }
                    }
                    false
                };
                answer(timeout(VALUE_MAX, lost).await.is_ok_and(|lost| lost));
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn find_adapter(manager: &Manager) -> Option<Adapter> {
    let name = format!("{} ", adapter_name());
    for adapter in manager.adapters().await.unwrap() {
        // It begins with the name, then tells the model.
        if adapter.adapter_info().await.is_ok_and(|info| info.starts_with(&name)) {
            return Some(adapter);
        }
    }
    None
}

/// Addresses and strengths of everybody who offers the service, in order.
async fn seen(adapter: &Adapter) -> String {
    let mut seen = Vec::new();
    for peripheral in adapter.peripherals().await.unwrap() {
        let Ok(Some(known)) = peripheral.properties().await else { continue };
        let data = known.manufacturer_data.get(&COMPANY);
        if known.services.contains(&SERVICE) && data.is_some_and(|data| data == &[7; 6]) {
            let rssi = known.rssi.map_or("?".to_owned(), |rssi| rssi.to_string());
            seen.push(format!("{} {rssi}", known.address));
        }
    }
    seen.sort();
    seen.join(", ")
}

async fn connect(adapter: &Adapter, address: &str) -> Result<Linked, String> {
    let why = |error: btleplug::Error| error.to_string();
    let mut found = None;
    for peripheral in adapter.peripherals().await.map_err(why)? {
        if peripheral.address().to_string() == address {
            found = Some(peripheral);
        }
    }
    let peripheral = found.ok_or("not seen")?;
    peripheral.connect().await.map_err(why)?;
    peripheral.discover_services().await.map_err(why)?;
    let of = |uuid| peripheral.characteristics().into_iter().find(|c| c.uuid == uuid);
    let (write, notify) = of(WRITE).zip(of(NOTIFY)).ok_or("no characteristics")?;
    let mut stream = peripheral.notifications().await.map_err(why)?;
    let (sender, values) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(told) = stream.next().await {
            if told.uuid == NOTIFY && sender.send(told.value).is_err() {
                return;
            }
        }
    });
    peripheral.subscribe(&notify).await.map_err(why)?;
    Ok(Linked { peripheral, write, values })
}

async fn say(link: &Linked, value: &[u8]) -> Result<(), String> {
    let written = link.peripheral.write(&link.write, value, WriteType::WithoutResponse).await;
    written.map_err(|error| error.to_string())
}

async fn hear(link: &mut Linked) -> Option<Vec<u8>> {
    timeout(VALUE_MAX, link.values.recv()).await.ok().flatten()
}

/// Numbers there and numbers back: `came/in order` of each direction.
async fn count(link: &mut Linked, to: u32, size: usize) -> String {
    for n in 0..to {
        if let Err(why) = say(link, &numbered(n, size)).await {
            return why;
        }
    }
    say(link, &[HOW_MANY]).await.unwrap();
    let told = loop {
        match hear(link).await {
            // Of an earlier try.
            Some(late) if late[0] == ECHO => {}
            Some(told) => break told,
            None => return "no report".to_owned(),
        }
    };
    assert_eq!(told[0], HOW_MANY);
    let there = (number(&told[1..]), number(&told[5..]));
    let mut ask = vec![COUNT_TO];
    ask.extend([to, size as u32].map(u32::to_le_bytes).concat());
    say(link, &ask).await.unwrap();
    let (mut came, mut in_order) = (0, 0);
    while came < to {
        let Ok(Some(value)) = timeout(VALUE_MAX, link.values.recv()).await else { break };
        assert_eq!(value[0], NUMBER);
        assert_eq!(value.len(), size);
        in_order += u32::from(number(&value[1..]) == came);
        came += 1;
    }
    format!("there {}/{}, back {came}/{in_order}", there.0, there.1)
}

async fn ping(link: &mut Linked, size: usize, wait: Duration) -> String {
    while link.values.try_recv().is_ok() {}
    let value = vec![ECHO; size];
    if let Err(why) = say(link, &value).await {
        return format!("refused: {why}");
    }
    match timeout(wait, link.values.recv()).await {
        Ok(Some(back)) if back == value => "pong".to_owned(),
        Ok(Some(_)) => "something else".to_owned(),
        Ok(None) => "closed".to_owned(),
        Err(_) => "silence".to_owned(),
    }
}

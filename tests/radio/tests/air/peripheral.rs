//! The serving side: `bluer` with its I/O model.

use crate::{
    COMPANY, COUNT_TO, ECHO, HOW_MANY, NOTIFY, NUMBER, SERVICE, WRITE,
    peer::{adapter_name, answer, questions},
};
use bluer::{
    Adapter, Address, Session,
    adv::Advertisement,
    gatt::{
        CharacteristicReader, CharacteristicWriter,
        local::{
            Application, ApplicationHandle, Characteristic, CharacteristicControlEvent,
            CharacteristicNotify, CharacteristicNotifyMethod, CharacteristicWrite,
            CharacteristicWriteMethod, Service, characteristic_control,
        },
    },
};
use futures_util::StreamExt as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::sleep,
};

/// Values that wait to be notified.
const WAITING_MAX: usize = 64;

pub async fn run() {
    let session = Session::new().await.unwrap();
    let adapter = session.adapter(&adapter_name()).unwrap();
    let mut questions = questions();
    let (mut application, mut advertisement, mut more) = (None, None, Vec::new());
    while let Some(line) = questions.recv().await {
        match line.as_str() {
            "serve" => {
                application = Some(loop {
                    match serve(&adapter).await {
                        Ok(handle) => break handle,
                        // Seen once on a busy machine; the test's own deadline is what ends this.
                        Err(error) => eprintln!("cannot serve yet: {error}"),
                    }
                    sleep(Duration::from_millis(50)).await;
                });
                answer("serving");
            }
            "advertise" => {
                // One that has ended is still registered.
                drop(advertisement.take());
                advertisement = Some(loop {
                    match adapter.advertise(advert(6)).await {
                        Ok(handle) => break handle,
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                });
                answer("advertising");
            }
            "advertise once more" => match adapter.advertise(advert(6)).await {
                Ok(handle) => {
                    more.push(handle);
                    answer("advertising");
                }
                Err(error) => answer(error),
            },
            "advertise too much" => match adapter.advertise(advert(7)).await {
                Ok(_) => answer("advertising"),
                Err(error) => answer(error),
            },
            "address" => answer(adapter.address().await.unwrap()),
            "power" => answer(adapter.is_powered().await.unwrap()),
            other => panic!("{other}"),
        }
    }
    drop(application);
}

/// With as much data of the manufacturer as asked for; six bytes fit.
fn advert(bytes: usize) -> Advertisement {
    Advertisement {
        service_uuids: [SERVICE].into_iter().collect(),
        manufacturer_data: BTreeMap::from([(COMPANY, vec![7; bytes])]),
        discoverable: Some(true),
        ..Default::default()
    }
}

async fn serve(adapter: &Adapter) -> bluer::Result<ApplicationHandle> {
    let (writes, write_handle) = characteristic_control();
    let (notifications, notify_handle) = characteristic_control();
    let application = Application {
        services: vec![Service {
            uuid: SERVICE,
            primary: true,
            characteristics: vec![
                Characteristic {
                    uuid: WRITE,
                    write: Some(CharacteristicWrite {
                        write_without_response: true,
                        method: CharacteristicWriteMethod::Io,
                        ..Default::default()
                    }),
                    control_handle: write_handle,
                    ..Default::default()
                },
                Characteristic {
                    uuid: NOTIFY,
                    notify: Some(CharacteristicNotify {
                        notify: true,
                        method: CharacteristicNotifyMethod::Io,
                        ..Default::default()
                    }),
                    control_handle: notify_handle,
                    ..Default::default()
                },
            ],
            ..Default::default()
        }],
        ..Default::default()
    };
    let handle = adapter.serve_gatt_application(application).await?;
    tokio::spawn(async move {
        let mut events = futures_util::stream::select(writes, notifications);
        let queues = Queues::default();
        while let Some(event) = events.next().await {
            match event {
                CharacteristicControlEvent::Write(request) => {
                    let address = request.device_address();
                    tokio::spawn(read(request.accept().unwrap(), address, queues.clone()));
                }
                CharacteristicControlEvent::Notify(writer) => {
                    let (sender, receiver) = mpsc::channel(WAITING_MAX);
                    queues.lock().unwrap().insert(writer.device_address(), sender);
                    tokio::spawn(write(writer, receiver));
                }
            }
        }
    });
    Ok(handle)
}

/// By central: what it is to be told. The library may tell of its first value before it tells of
/// its subscription, so this is asked at every value.
type Queues = Arc<Mutex<BTreeMap<Address, Sender<Vec<u8>>>>>;

/// Without a subscription there is nobody to tell.
async fn tell(queues: &Queues, address: Address, value: Vec<u8>) {
    let queue = queues.lock().unwrap().get(&address).cloned();
    if let Some(queue) = queue {
        // One that has ended is of a link that has.
        let _ = queue.send(value).await;
    }
}

async fn read(reader: CharacteristicReader, address: Address, queues: Queues) {
    let (mut came, mut in_order) = (0u32, 0u32);
    // The first that came out of turn, and what came in its place.
    let mut wrong = None;
    // An empty value, for ever, is how the library tells the end.
    while let Ok(value) = reader.recv().await
        && let Some(kind) = value.first()
    {
        match *kind {
            NUMBER => {
                let here = number(&value[1..]);
                match here == came {
                    true => in_order += 1,
                    false => wrong = wrong.or(Some((came, here))),
                }
                came += 1;
            }
            HOW_MANY => {
                if let Some((place, here)) = wrong.take() {
                    eprintln!("in the place of {place} came {here}");
                }
                let mut told = vec![HOW_MANY];
                told.extend([came, in_order].map(u32::to_le_bytes).concat());
                (came, in_order) = (0, 0);
                tell(&queues, address, told).await;
            }
            COUNT_TO => {
                let (to, size) = (number(&value[1..]), number(&value[5..]) as usize);
                let queues = queues.clone();
                tokio::spawn(async move {
                    for n in 0..to {
                        tell(&queues, address, numbered(n, size)).await;
                    }
                });
            }
            ECHO => tell(&queues, address, value).await,
            other => panic!("{other}"),
        }
    }
}

async fn write(writer: CharacteristicWriter, mut values: Receiver<Vec<u8>>) {
    while let Some(value) = values.recv().await {
        if writer.send(&value).await.is_err() {
            return;
        }
    }
}

/// A value of `size` bytes that carries a number.
pub fn numbered(n: u32, size: usize) -> Vec<u8> {
    let mut value = vec![0; size];
    value[0] = NUMBER;
    value[1..5].copy_from_slice(&n.to_le_bytes());
    value
}

pub fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

//! The half that is found: advertises, serves the GATT service, gives each central a link.
//!
//! Rules, each for something that BlueZ does (found out with BlueZ 5.82 and Linux 6.12):
//!
//! - Values go through sockets (`AcquireWrite`, `AcquireNotify`), not through method calls: those
//!   overtake each other and end the session in a burst.
//! - A subscription is a new session and ends the last one of that device. BlueZ from 5.82 on gives
//!   each central sockets of its own; before, all share the first one's. A central that gets no
//!   first value of its own gives up, so an older BlueZ serves one central at a time.
//! - An empty read means that the other side has closed. It would be said again for ever.
//! - A notify socket that closes ends the link and disconnects the device, even while its central
//!   still writes: BlueZ 5.82 closes the first central's socket when the second one leaves, and a
//!   link that only carries one way is none.
//! - Linux stops advertising when a central connects, so advertising starts anew after each.
//!
//! A central must subscribe, take the first value and write before it costs the core a link.

use super::{
    ANSWER_MAX, Air, FIRST_VALUE_MAX, LINGER, NOTIFY, SERVICE, SESSIONS_MAX, WRITE, first_value,
    notifier::Notifier, words,
};
use crate::{
    admission::Seat,
    transport::{Connection, LinkEnd, LinkEnds, Outgoing, WRITE_TIMEOUT},
};
use bitcraps_core::node::{
    BLE_COMPANY_ID, CloseReason, Knob, LinkRole, PathClass, RadioPlan, Transport,
};
use bluer::{
    Adapter, Address, Device, Session,
    adv::{Advertisement, PlatformFeature},
    gatt::{
        CharacteristicReader,
        local::{
            Application, ApplicationHandle, Characteristic, CharacteristicControl,
            CharacteristicControlEvent, CharacteristicControlHandle, CharacteristicNotify,
            CharacteristicNotifyMethod, CharacteristicWrite, CharacteristicWriteMethod, ReqError,
            Service, characteristic_control,
        },
    },
};
use futures_util::StreamExt as _;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Between two registrations of an advertisement: BlueZ takes the last one down in that time.
const PAUSE: Duration = Duration::from_millis(200);

/// Until advertising is tried again after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked whether the advertisement still stands: a service that was restarted
/// has forgotten it and says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What BlueZ takes for an interval (`org.bluez.LEAdvertisement`).
const INTERVAL_MIN: Duration = Duration::from_millis(20);
const INTERVAL_MAX: Duration = Duration::from_millis(10_485);

/// Transmission powers that BlueZ takes, in dBm.
const TX_POWER_DBM: std::ops::RangeInclusive<i8> = -127..=20;

/// What no program can set through BlueZ's D-Bus interface.
const OUT_OF_REACH: [Knob; 4] =
    [Knob::ConnectionInterval, Knob::PeripheralLatency, Knob::SupervisionTimeout, Knob::ChannelMap];

/// Serves until it is dropped.
pub struct Peripheral {
    tasks: JoinSet<String>,
    /// Somebody connected.
    nudge: mpsc::Sender<()>,
    /// Wishes of a plan that will not come true.
    pub not_applied: Vec<Knob>,
}

impl Peripheral {
    /// Registers the service and starts to advertise what `plans` says.
    pub async fn start(
        adapter: &str,
        air: Air,
        plans: watch::Receiver<Option<RadioPlan>>,
    ) -> Result<Peripheral, String> {
        let starting = async {
            let session = Session::new().await?;
            let adapter = session.adapter(adapter)?;
            let features = adapter.supported_advertising_features().await.ok().flatten();
            // The same kernel interface brings both the interval and the power.
            let extended = features.is_some_and(|f| f.contains(&PlatformFeature::CanSetTxPower));
            let (writes, write) = characteristic_control();
            let (notifies, notify) = characteristic_control();
            let served = adapter.serve_gatt_application(application(write, notify)).await?;
            Ok::<_, bluer::Error>((session, adapter, extended, served, writes, notifies))
        };
        let started = timeout(ANSWER_MAX, starting).await;
        let (session, adapter, extended, served, writes, notifies) = started
            .map_err(|_| "the Bluetooth service does not answer".to_owned())?
            .map_err(|e| words::service(&e.to_string()))?;
        let (nudge, nudged) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        tasks.spawn(advertise(adapter.clone(), plans, nudged));
        let server = Server { adapter, air, nudge: nudge.clone(), _served: served, _bus: session };
        tasks.spawn(server.serve(writes, notifies));
        let mut not_applied = OUT_OF_REACH.to_vec();
        if !extended {
            not_applied.extend([Knob::AdvertisingInterval, Knob::TxPower]);
        }
        not_applied.sort();
        Ok(Peripheral { tasks, nudge, not_applied })
    }

    /// Somebody connected, so that advertising may have stopped.
    pub fn on_connected(&self) {
        // A nudge that waits already says the same.
        let _ = self.nudge.try_send(());
    }

    /// Resolves with why it serves no more and must be started anew.
    pub async fn failed(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(Ok(why)) => why,
            Some(Err(e)) => format!("a task failed: {e}"),
            None => "it ended".to_owned(),
        }
    }
}

fn application(
    write: CharacteristicControlHandle,
    notify: CharacteristicControlHandle,
) -> Application {
    let write = Characteristic {
        uuid: WRITE,
        write: Some(CharacteristicWrite {
            write_without_response: true,
            method: CharacteristicWriteMethod::Io,
            ..CharacteristicWrite::default()
        }),
        control_handle: write,
        ..Characteristic::default()
    };
    let notify = Characteristic {
        uuid: NOTIFY,
        notify: Some(CharacteristicNotify {
            notify: true,
            method: CharacteristicNotifyMethod::Io,
            ..CharacteristicNotify::default()
        }),
        control_handle: notify,
        ..Characteristic::default()
    };
    let service = Service {
        uuid: SERVICE,
        primary: true,
        characteristics: vec![write, notify],
        ..Service::default()
    };
    Application { services: vec![service], ..Application::default() }
}

/// Advertises what the plan says, anew after each nudge. Ends with why it cannot.
async fn advertise(
    adapter: Adapter,
    mut plans: watch::Receiver<Option<RadioPlan>>,
    mut nudged: mpsc::Receiver<()>,
) -> String {
    loop {
        let wanted = plans.borrow_and_update().as_ref().and_then(advertisement);
        let Some(advertisement) = wanted else {
            if plans.changed().await.is_err() {
                return "the node is stopping".to_owned();
            }
            continue;
        };
        let advertised = timeout(ANSWER_MAX, adapter.advertise(advertisement.clone())).await;
        let handle = match advertised {
            Ok(Ok(handle)) => handle,
            failed => {
                let why = match failed {
                    Ok(Err(e)) => words::service(&e.to_string()),
                    _ => "no answer".to_owned(),
                };
                tracing::warn!("cannot advertise over Bluetooth: {why}");
                sleep(TRY_AGAIN).await;
                continue;
            }
        };
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.reset();
        loop {
            tokio::select! {
                changed = plans.changed() => {
                    if changed.is_err() {
                        return "the node is stopping".to_owned();
                    }
                    let wanted = plans.borrow_and_update().as_ref().and_then(self::advertisement);
                    if wanted.as_ref() != Some(&advertisement) {
                        break;
                    }
                }
                _ = nudged.recv() => break,
                _ = look.tick() => {
                    let standing = timeout(ANSWER_MAX, adapter.active_advertising_instances());
                    if matches!(standing.await, Ok(Ok(0))) {
                        return "the Bluetooth service has forgotten this node".to_owned();
                    }
                }
            }
        }
        sleep(PAUSE).await;
        drop(handle);
        sleep(PAUSE).await;
    }
}

/// `None`: be silent.
fn advertisement(plan: &RadioPlan) -> Option<Advertisement> {
    let record = plan.advertisement.clone()?;
    let interval = plan.advertise_every.clamp(INTERVAL_MIN, INTERVAL_MAX);
    let power = plan.tx_power_dbm.clamp(*TX_POWER_DBM.start(), *TX_POWER_DBM.end());
    Some(Advertisement {
        service_uuids: [SERVICE].into_iter().collect(),
        manufacturer_data: BTreeMap::from([(BLE_COMPANY_ID, record)]),
        discoverable: Some(true),
        min_interval: Some(interval),
        max_interval: Some(interval),
        tx_power: Some(power.into()),
        ..Advertisement::default()
    })
}

struct Server {
    adapter: Adapter,
    air: Air,
    nudge: mpsc::Sender<()>,
    _served: ApplicationHandle,
    _bus: Session,
}

/// What the acceptor tells a session: the socket that its central writes to.
type Readers = mpsc::Sender<CharacteristicReader>;

impl Server {
    async fn serve(self, writes: CharacteristicControl, notifies: CharacteristicControl) -> String {
        let mut sessions = BTreeMap::<Address, Readers>::new();
        let mut events = futures_util::stream::select(writes, notifies);
        loop {
            let event = events.next().await;
            sessions.retain(|_, readers| !readers.is_closed());
            match event {
                None => return "the Bluetooth service has dropped this node's service".to_owned(),
                Some(CharacteristicControlEvent::Notify(writer)) => {
                    let address = writer.device_address();
                    // Dropping its sender tells the last session that it is replaced.
                    sessions.remove(&address);
                    // Advertising has stopped for everybody else.
                    let _ = self.nudge.try_send(());
                    let Ok(device) = self.adapter.device(address) else { continue };
                    let counters = &self.air.ports.counters;
                    let seat = match sessions.len() < SESSIONS_MAX {
                        true => self.air.ports.admit(&counters.ble_accepted, &counters.ble_refused),
                        false => {
                            counters.ble_refused.one();
                            None
                        }
                    };
                    let Some(seat) = seat else {
                        tokio::spawn(disconnect(device));
                        continue;
                    };
                    let notifier = Notifier::new(writer);
                    let (readers, told) = mpsc::channel(1);
                    sessions.insert(address, readers);
                    // A task of its own, so that it has its last word when this one is ended:
                    // then its sender goes, too.
                    tokio::spawn(session(notifier, told, self.air.clone(), seat, device));
                }
                Some(CharacteristicControlEvent::Write(request)) => {
                    match sessions.get(&request.device_address()) {
                        Some(readers) => {
                            if let Ok(reader) = request.accept() {
                                // A session that has its reader needs no second one.
                                let _ = readers.try_send(reader);
                            }
                        }
                        // It must subscribe first, or it could not be answered.
                        None => request.reject(ReqError::NotPermitted),
                    }
                }
            }
        }
    }
}

/// Serves one central to the end of its link.
async fn session(
    notifier: Notifier,
    mut readers: mpsc::Receiver<CharacteristicReader>,
    air: Air,
    mut seat: Seat,
    device: Device,
) {
    let mtu = notifier.frame_bytes();
    let beginning = async {
        notifier.send(&first_value(mtu)).await.ok()?;
        tokio::select! {
            reader = readers.recv() => reader,
            () = notifier.closed() => None,
            () = seat.evicted() => None,
        }
    };
    let Ok(Some(reader)) = timeout(FIRST_VALUE_MAX, beginning).await else {
        // A session that was replaced leaves the device to the next.
        if !readers.is_closed() {
            disconnect(device).await;
        }
        return;
    };
    let (transport, path, role) = (Transport::Ble, PathClass::Bluetooth, LinkRole::Listener);
    let connection = Connection { transport, path, mtu, role, address: None, seat: Some(seat) };
    let Some(ends) = air.ports.open(connection).await else { return };
    let LinkEnds { incoming, outgoing, guard } = ends;
    let linked = air.link(&incoming, &device.address().to_string());
    let mut replaced = false;
    let reading = async {
        loop {
            let read = tokio::select! {
                read = reader.recv() => read,
                () = notifier.closed() => break,
                more = readers.recv() => match more {
                    Some(_) => continue,
                    None => {
                        replaced = true;
                        break;
                    }
                },
            };
            match read {
                Ok(bytes) if !bytes.is_empty() => {
                    if incoming.frame(bytes).await.is_err() {
                        return LinkEnd::HungUp;
                    }
                }
                _ => break,
            }
        }
        LinkEnd::Broken(CloseReason::TransportClosed)
    };
    guard.run(reading, write_frames(&notifier, outgoing)).await;
    drop(linked);
    if !replaced {
        disconnect(device).await;
    }
}

async fn write_frames(notifier: &Notifier, mut outgoing: Outgoing) -> LinkEnd {
    let mut batch = Vec::new();
    while outgoing.take(&mut batch, 1).await > 0 {
        for frame in batch.drain(..) {
            match timeout(WRITE_TIMEOUT, notifier.send(&frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return LinkEnd::Broken(CloseReason::TransportClosed),
                Err(_) => return LinkEnd::Broken(CloseReason::TooSlow),
            }
        }
    }
    sleep(LINGER).await;
    LinkEnd::HungUp
}

/// Best effort: a device that is gone cannot be disconnected.
async fn disconnect(device: Device) {
    let _ = timeout(ANSWER_MAX, device.disconnect()).await;
}

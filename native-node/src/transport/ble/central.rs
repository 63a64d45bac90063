//! The half that dials: scanning finds devices, a dial connects to one and subscribes.
//!
//! Rules. One connection is made at a time, because controllers make one at a time and answer
//! the second with an error. "Connected already" is a success: two nodes share one connection of
//! the radio, whichever dialled, and each may carry its own link on it. A device has one link of
//! this half at most.
//!
//! The stream of a device's notifications is kept for as long as the device is known and emptied
//! at once, because the library fails loudly in a task of its own when a stream is dropped while
//! signals still flow, and because its own queue has no limit. Ours has: what finds no room is
//! lost and counted, as on any lossy link.

use super::{
    ANSWER_MAX, Air, CONNECT_MAX, FIRST_VALUE_MAX, FRAMES_WAITING_MAX, LINGER, NOTIFY, SERVICE,
    WRITE, frame_bytes, read_first_value, words,
};
use crate::transport::{Dialled, LinkEnd, LinkEnds, Outgoing, WRITE_TIMEOUT};
use bitcraps_core::node::{CloseReason, PathClass, Transport};
use btleplug::{
    api::{Central as _, Characteristic, DEFAULT_MTU_SIZE, Peripheral as _, WriteType},
    platform::{Adapter, Peripheral},
};
use futures_util::StreamExt as _;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as TurnMutex, OwnedMutexGuard, mpsc},
    task::AbortHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

/// Devices whose notifications are kept open.
const KNOWN_MAX: usize = 64;

/// Tries of one dial that the platform refuses at once.
const TRIES_MAX: usize = 3;

/// Between two tries.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Frames handed to the platform before the queue is looked at again.
const FRAMES_PER_TURN: usize = 16;

/// Devices and links of one adapter.
pub struct Central {
    adapter: Adapter,
    air: Air,
    known: Mutex<BTreeMap<String, Arc<Known>>>,
    /// Whose turn it is to connect.
    connecting: TurnMutex<()>,
}

/// A device that was dialled before.
struct Known {
    address: String,
    peripheral: Peripheral,
    frames: Arc<Mutex<Option<mpsc::Sender<Vec<u8>>>>>,
    /// Held while a link is made, stands or ends.
    link: Arc<TurnMutex<()>>,
    pump: AbortHandle,
}

/// A subscription whose largest frame is known.
struct Subscribed {
    known: Arc<Known>,
    write: Characteristic,
    frames: mpsc::Receiver<Vec<u8>>,
    _link: OwnedMutexGuard<()>,
}

impl Central {
    pub fn new(adapter: Adapter, air: Air) -> Central {
        Central { adapter, air, known: Mutex::default(), connecting: TurnMutex::default() }
    }

    /// The link to this device is gone, says the platform.
    pub fn lost(&self, address: &str) {
        if let Some(known) = lock(&self.known).get(address) {
            lock(&known.frames).take();
        }
    }

    /// The adapter is gone.
    pub fn lost_all(&self) {
        lock(&self.known).values().for_each(|known| drop(lock(&known.frames).take()));
    }

    pub async fn dial(&self, address: &str) -> Result<Dialled, String> {
        let known = self.know(address).await?;
        let Ok(link) = known.link.clone().try_lock_owned() else {
            return Err("the last link to it has not ended yet".to_owned());
        };
        let deadline = Instant::now() + CONNECT_MAX;
        let turn = timeout_at(deadline, self.connecting.lock()).await;
        let turn = turn.map_err(|_| "the adapter is busy with other connections".to_owned())?;
        let connected = connect(&known.peripheral, deadline).await;
        drop(turn);
        let subscribed = match connected {
            Ok(()) => subscribe(&known, deadline).await,
            Err(why) => Err(why),
        };
        let (write, frames, mtu) = match subscribed {
            Ok(subscribed) => subscribed,
            Err(why) => {
                lock(&known.frames).take();
                disconnect(&known.peripheral).await;
                return Err(why);
            }
        };
        let air = self.air.clone();
        let subscribed = Subscribed { known, write, frames, _link: link };
        let carry = move |ends| carry(subscribed, air, ends);
        Ok(Dialled::new(Transport::Ble, PathClass::Bluetooth, mtu, carry))
    }

    async fn know(&self, address: &str) -> Result<Arc<Known>, String> {
        if let Some(known) = lock(&self.known).get(address) {
            return Ok(known.clone());
        }
        let devices = timeout(ANSWER_MAX, self.adapter.peripherals()).await;
        let devices = devices
            .map_err(|_| "the Bluetooth service does not answer".to_owned())?
            .map_err(|e| words::service(&e.to_string()))?;
        let peripheral = devices
            .into_iter()
            .find(|device| address_of(device) == address)
            .ok_or_else(|| "it has not been heard lately".to_owned())?;
        let stream = peripheral.notifications().await;
        let mut stream = stream.map_err(|e| words::connect(&e.to_string()))?;
        let frames = Arc::new(Mutex::new(None::<mpsc::Sender<Vec<u8>>>));
        let (to, air) = (frames.clone(), self.air.clone());
        let pump = tokio::spawn(async move {
            while let Some(value) = stream.next().await {
                let slot = lock(&to);
                let Some(frames) = slot.as_ref().filter(|_| value.uuid == NOTIFY) else { continue };
                if let Err(mpsc::error::TrySendError::Full(_)) = frames.try_send(value.value) {
                    air.ports.counters.ble_frames_lost.one();
                }
            }
        });
        let known = Arc::new(Known {
            address: address.to_owned(),
            peripheral,
            frames,
            link: Arc::default(),
            pump: pump.abort_handle(),
        });
        let mut all = lock(&self.known);
        if all.len() >= KNOWN_MAX {
            let idle = all.iter().find(|(_, known)| known.link.try_lock().is_ok());
            let idle = idle.map(|(address, _)| address.clone());
            let idle = idle.ok_or_else(|| "too many Bluetooth links stand".to_owned())?;
            all.remove(&idle);
        }
        all.insert(address.to_owned(), known.clone());
        Ok(known)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// How a device is called in `ble://…`: by its address, or where the platform hides that by the
/// platform's own name for it.
pub fn address_of(peripheral: &Peripheral) -> String {
    let address = peripheral.address();
    match address.into_inner() {
        [0, 0, 0, 0, 0, 0] => peripheral.id().to_string(),
        _ => address.to_string(),
    }
}

async fn connect(peripheral: &Peripheral, deadline: Instant) -> Result<(), String> {
    let mut refused = 0;
    loop {
        if matches!(timeout(ANSWER_MAX, peripheral.is_connected()).await, Ok(Ok(true))) {
            return Ok(());
        }
        let Ok(connected) = timeout_at(deadline, peripheral.connect()).await else {
            return Err("it did not answer in time".to_owned());
        };
        let Err(error) = connected else { return Ok(()) };
        let error = error.to_string();
        if words::is_connected_already(&error) {
            return Ok(());
        }
        if !words::is_busy(&error) {
            refused += 1;
        }
        if refused == TRIES_MAX || Instant::now() + TRY_AGAIN > deadline {
            return Err(words::connect(&error));
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Finds the service, subscribes and waits for the first value.
async fn subscribe(
    known: &Known,
    deadline: Instant,
) -> Result<(Characteristic, mpsc::Receiver<Vec<u8>>, usize), String> {
    let peripheral = &known.peripheral;
    let discovered = timeout_at(deadline, peripheral.discover_services()).await;
    discovered
        .map_err(|_| "it does not tell its services in time".to_owned())?
        .map_err(|e| words::connect(&e.to_string()))?;
    let all = peripheral.characteristics();
    let find = |uuid| all.iter().find(|c| c.service_uuid == SERVICE && c.uuid == uuid).cloned();
    let (Some(write), Some(notify)) = (find(WRITE), find(NOTIFY)) else {
        return Err("it does not offer this game's service now".to_owned());
    };
    let (sender, mut frames) = mpsc::channel(FRAMES_WAITING_MAX);
    *lock(&known.frames) = Some(sender);
    let subscribed = timeout_at(deadline, peripheral.subscribe(&notify)).await;
    subscribed
        .map_err(|_| "it does not answer to the subscription".to_owned())?
        .map_err(|e| words::connect(&e.to_string()))?;
    let first = match timeout(FIRST_VALUE_MAX, frames.recv()).await {
        Ok(Some(first)) => first,
        Ok(None) => return Err("the connection was lost at once".to_owned()),
        Err(_) => return Err("it does not say how long a frame may be".to_owned()),
    };
    // A service that cannot tell its centrals apart sends us what is meant for another.
    let told = read_first_value(&first)
        .ok_or_else(|| "its Bluetooth service is busy with another peer".to_owned())?;
    let att = peripheral.mtu();
    // The platform's own figure is only a default where it does not know.
    let own = if att > DEFAULT_MTU_SIZE { frame_bytes(usize::from(att)) } else { told };
    Ok((write, frames, told.min(own)))
}

/// Carries one link to its end, then disconnects.
async fn carry(subscribed: Subscribed, air: Air, ends: LinkEnds) {
    let Subscribed { known, write, frames, _link } = subscribed;
    let LinkEnds { incoming, outgoing, guard } = ends;
    let linked = air.link(&incoming, &known.address);
    let reading = async {
        let mut frames = frames;
        while let Some(bytes) = frames.recv().await {
            if bytes.is_empty() {
                air.ports.counters.frames_garbage.one();
                return LinkEnd::Broken(CloseReason::Garbage);
            }
            if incoming.frame(bytes).await.is_err() {
                return LinkEnd::HungUp;
            }
        }
        LinkEnd::Broken(CloseReason::TransportClosed)
    };
    let writing = write_frames(&known.peripheral, &write, outgoing);
    guard.run(reading, writing).await;
    drop(linked);
    lock(&known.frames).take();
    disconnect(&known.peripheral).await;
}

/// A write that fails means that the link is lost: when the peripheral's process dies the
/// connection stays, and this is all that shows it.
async fn write_frames(
    peripheral: &Peripheral,
    write: &Characteristic,
    mut outgoing: Outgoing,
) -> LinkEnd {
    let mut batch = Vec::new();
    while outgoing.take(&mut batch, FRAMES_PER_TURN).await > 0 {
        for frame in batch.drain(..) {
            let written = peripheral.write(write, &frame, WriteType::WithoutResponse);
            match timeout(WRITE_TIMEOUT, written).await {
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
async fn disconnect(peripheral: &Peripheral) {
    let _ = timeout(ANSWER_MAX, peripheral.disconnect()).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one call, so a panic elsewhere leaves the content whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

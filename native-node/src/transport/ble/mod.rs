//! `ble://ADDRESS`: frames as values of one GATT service over Bluetooth LE.
//!
//! A node is both: a peripheral that others find and write to (`peripheral`, where the platform
//! lets a program be one) and a central that finds and dials others (`central`). Frames go to the
//! peripheral by write-without-response and come back as notifications. The first notified value
//! says how long a frame may be (`docs/PROTOCOL.md`, "Bluetooth").
//!
//! Rules. Without an adapter, without its service or with the adapter off the node runs on: the
//! part `bluetooth` says why and what to do, and `radio` looks again until there is one. What to
//! advertise, when to scan and whom to dial is decided in the core ([`Bluetooth::plan`]); here it
//! is only done, and what the platform does not let a program do is reported. A link ends when the
//! platform says so or a write fails; a link that is up but silent is found by the core's pings.
//! A link's end always disconnects the device: both stacks then forget what they knew, which is
//! the only way that a peer whose process died is met afresh.
//!
//! It pairs with nobody and encrypts nothing: the session inside does.

mod central;
mod heard;
#[cfg(target_os = "linux")]
mod notifier;
#[cfg(target_os = "linux")]
mod peripheral;
mod radio;
mod words;

use super::{Dialled, Incoming, Ports};
use crate::components::Reporter;
use bitcraps_core::{
    id::LinkId,
    node::{Input, RadioPlan},
    transport::{BLE_NOTIFY_UUID, BLE_SERVICE_UUID, BLE_VALUE_BYTES_MAX, BLE_WRITE_UUID},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
};
use uuid::Uuid;

/// Centrals served at once. Guess: controllers hold seven to ten links, and some are dialled.
pub const SESSIONS_MAX: usize = 6;

/// Frames that arrived on one link and wait for the driver.
pub const FRAMES_WAITING_MAX: usize = 256;

/// A connection that takes longer has failed. Two that dial each other at once block each other
/// for up to 30 s (BlueZ).
pub const CONNECT_MAX: Duration = Duration::from_secs(40);

/// From the subscription to the first value, and from that to the first write. A first exchange
/// takes less than a second on a good link.
pub const FIRST_VALUE_MAX: Duration = Duration::from_secs(15);

/// Everything a dial may take, the turn of others and the clearing up included.
pub const DIAL_MAX: Duration = Duration::from_secs(70);

/// What a question to the Bluetooth service may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What was handed over last is sent before a link is cut. Guess: several connection intervals.
const LINGER: Duration = Duration::from_millis(250);

/// Dials that wait for the radio: more than the core has peers to meet at once.
const DIALS_WAITING_MAX: usize = 16;

const SERVICE: Uuid = Uuid::from_u128(BLE_SERVICE_UUID);
const WRITE: Uuid = Uuid::from_u128(BLE_WRITE_UUID);
const NOTIFY: Uuid = Uuid::from_u128(BLE_NOTIFY_UUID);

/// Bytes of ATT before each value.
const ATT_HEADER_BYTES: usize = 3;

/// Whether Bluetooth is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Off,
    /// Where there is an adapter; without one nothing is wrong.
    Auto,
    /// A missing adapter is a fault to show.
    On,
}

/// How Bluetooth is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub mode: Mode,
    /// Such as `hci0`; none: the first.
    pub adapter: Option<String>,
}

/// The way to the radio's task. Clones lead to the same radio.
#[derive(Clone)]
pub struct Bluetooth {
    plan: Arc<watch::Sender<Option<RadioPlan>>>,
    dials: mpsc::Sender<Dial>,
}

/// Somebody wants a link to this device.
struct Dial {
    device: String,
    answer: oneshot::Sender<Result<Dialled, String>>,
}

/// Opens a connection. The error is for people.
pub async fn dial(ports: &Ports, device: &str) -> Result<Dialled, String> {
    match ports.bluetooth.get() {
        Some(bluetooth) => bluetooth.dial(device).await,
        None => Err("Bluetooth is not used here; set `ble` to auto".to_owned()),
    }
}

/// Starts the task that keeps the radio.
pub fn start(options: Options, ports: Ports, reporter: Reporter) -> (Bluetooth, AbortHandle) {
    let (plan, plans) = watch::channel(None);
    let (dials, dialled) = mpsc::channel(DIALS_WAITING_MAX);
    let bluetooth = Bluetooth { plan: Arc::new(plan), dials };
    let radio = radio::Radio {
        options,
        air: Air::new(ports),
        reporter,
        plans,
        dials: dialled,
        _own: bluetooth.clone(),
        manager: None,
        watched: None,
        said: None,
        unfound: None,
    };
    (bluetooth, tokio::spawn(radio.run()).abort_handle())
}

impl Bluetooth {
    /// What to advertise and when to scan, from now on.
    pub fn plan(&self, plan: RadioPlan) {
        self.plan.send_replace(Some(plan));
    }

    /// Connects. The error is for people.
    pub async fn dial(&self, device: &str) -> Result<Dialled, String> {
        let (answer, answered) = oneshot::channel();
        let dial = Dial { device: device.to_owned(), answer };
        self.dials.try_send(dial).map_err(|_| "too many dials wait for Bluetooth".to_owned())?;
        answered.await.unwrap_or_else(|_| Err("Bluetooth is stopping".to_owned()))
    }
}

/// What both roles share: the way to the driver, and who is linked.
#[derive(Clone)]
struct Air {
    ports: Ports,
    linked: Arc<Mutex<BTreeMap<LinkId, String>>>,
}

/// A link is listed with its device's address until this is dropped.
struct Linked {
    air: Air,
    link: LinkId,
}

impl Air {
    fn new(ports: Ports) -> Air {
        Air { ports, linked: Arc::default() }
    }

    fn link(&self, incoming: &Incoming, address: &str) -> Linked {
        let link = incoming.link;
        self.links().insert(link, address.to_owned());
        Linked { air: self.clone(), link }
    }

    /// The links to a device.
    fn links_to(&self, address: &str) -> Vec<LinkId> {
        let links = self.links();
        links.iter().filter(|(_, to)| *to == address).map(|(link, _)| *link).collect()
    }

    fn links(&self) -> std::sync::MutexGuard<'_, BTreeMap<LinkId, String>> {
        // Every change is one call, so a panic elsewhere leaves the list whole.
        self.linked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something that will be said again; it is dropped when the driver is busy.
    fn mention(&self, input: Input) {
        if !self.ports.mention(input) {
            self.ports.counters.ble_sightings_dropped.one();
        }
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        self.air.links().remove(&self.link);
    }
}

/// The largest frame of a connection with this MTU of ATT.
fn frame_bytes(att_mtu: usize) -> usize {
    att_mtu.saturating_sub(ATT_HEADER_BYTES).min(BLE_VALUE_BYTES_MAX)
}

/// The first notified value.
fn first_value(frame_bytes: usize) -> [u8; 2] {
    u16::try_from(frame_bytes).unwrap_or(u16::MAX).to_le_bytes()
}

/// Reads the first notified value; `None` when it is none.
fn read_first_value(value: &[u8]) -> Option<usize> {
    let value = usize::from(u16::from_le_bytes(value.try_into().ok()?));
    (1..=BLE_VALUE_BYTES_MAX).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_into_one_value_whatever_the_mtu() {
        for (mtu, frame) in [(0, 0), (3, 0), (23, 20), (247, 244), (515, 512), (517, 512)] {
            assert_eq!(frame_bytes(mtu), frame, "{mtu}");
        }
    }

    #[test]
    fn the_first_value_is_read_as_it_was_written_and_nothing_else_is() {
        assert_eq!(first_value(244), [0xf4, 0]);
        for bytes in [1, 20, 244, 512] {
            assert_eq!(read_first_value(&first_value(bytes)), Some(bytes));
        }
        for wrong in [&[][..], &[20], &[0, 0], &[1, 2], &[20, 0, 0], &[0xff, 0xff]] {
            assert_eq!(read_first_value(wrong), None, "{wrong:?}");
        }
    }
}

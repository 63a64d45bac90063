//! Keeps the adapter: finds it, waits for it, runs both halves on it, and says how it is.
//!
//! Rules. Nothing here ends the node. The radio is looked for again and again, less often the
//! longer there is none; switching the adapter on is left to its owner. Whoever dials meanwhile is
//! told at once why that cannot be.
//!
//! One stream of the adapter's events is kept for as long as the connection to the service lasts,
//! whether the adapter is on or off, because the library fails loudly when one is dropped while
//! signals flow.

use super::{
    ANSWER_MAX, Air, Bluetooth, Dial, Mode, Options, SERVICE,
    central::{Central, address_of},
    heard::{Heard, News, Then},
    words,
};
use crate::components::{REPORT_EVERY, Reporter};
use bitcraps_core::node::{
    Adapter as AdapterState, BLE_COMPANY_ID, ComponentState, Input, Knob, RadioPlan, RadioReport,
    Sighting, Transport,
};
use btleplug::{
    api::{Central as _, CentralEvent, CentralState, Manager as _, Peripheral as _, ScanFilter},
    platform::{Adapter, Manager, PeripheralId},
};
use futures_util::{Stream, StreamExt as _};
use std::{
    future::pending,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Between two looks for an adapter: at first, and at most.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LAST: Duration = Duration::from_secs(15);

/// How often an adapter in use is looked at, beside what it says by itself.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Until a scan that could not be started or stopped is tried again.
const SCAN_AGAIN: Duration = Duration::from_secs(5);

/// Until it is tried again to be a peripheral: a new adapter may not be ready at once.
const FOUND_AGAIN: Duration = Duration::from_secs(5);

/// Dials at work; each waits its turn to connect.
const DIALS_MAX: usize = 16;

pub(super) struct Radio {
    pub options: Options,
    pub air: Air,
    pub reporter: Reporter,
    pub plans: watch::Receiver<Option<RadioPlan>>,
    pub dials: mpsc::Receiver<Dial>,
    /// Keeps its own channels open, so that waiting for them never fails.
    pub _own: Bluetooth,
    pub manager: Option<Manager>,
    pub watched: Option<Watched>,
    pub said: Option<RadioReport>,
    /// Why it is no peripheral.
    pub unfound: Option<String>,
}

/// An adapter and its events.
pub(super) struct Watched {
    name: String,
    adapter: Adapter,
    events: Pin<Box<dyn Stream<Item = CentralEvent> + Send>>,
}

/// What a look found.
enum Found {
    On,
    Off(String),
    Absent(String),
}

/// The adapter scans while it is on.
struct Scan {
    on: bool,
    /// When to turn it; never without a plan.
    turn_at: Option<tokio::time::Instant>,
}

#[cfg(target_os = "linux")]
type Peripheral = super::peripheral::Peripheral;

/// What is in the peripheral's place where a program cannot be one.
#[cfg(not(target_os = "linux"))]
struct Peripheral {
    not_applied: Vec<Knob>,
}

#[cfg(not(target_os = "linux"))]
impl Peripheral {
    async fn start(
        _: &str,
        _: Air,
        _: watch::Receiver<Option<RadioPlan>>,
    ) -> Result<Peripheral, String> {
        Err("on this system the node can find others over Bluetooth but not be found".to_owned())
    }

    fn on_connected(&self) {}

    async fn failed(&mut self) -> String {
        pending().await
    }
}

impl Radio {
    /// Runs until it is aborted.
    pub async fn run(mut self) {
        let mut pause = LOOK_FIRST;
        loop {
            let (adapter, why) = match self.look().await {
                Found::On => {
                    let why = self.serve().await;
                    pause = LOOK_FIRST;
                    tracing::info!("Bluetooth: {why}");
                    continue;
                }
                Found::Off(why) => (AdapterState::Off { why: why.clone() }, why),
                Found::Absent(why) => (AdapterState::Absent { why: why.clone() }, why),
            };
            let report = RadioReport { adapter, peripheral: false, not_applied: Vec::new() };
            self.say(report).await;
            self.wait(pause, &why).await;
            pause = (pause * 2).min(LOOK_LAST);
        }
    }

    /// Finds the adapter and whether it is on.
    async fn look(&mut self) -> Found {
        match timeout(ANSWER_MAX, self.find()).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                // The service may have been restarted: the way to it is opened anew.
                (self.manager, self.watched) = (None, None);
                Found::Absent(words::service(&error.to_string()))
            }
            Err(_) => Found::Absent("the Bluetooth service does not answer".to_owned()),
        }
    }

    async fn find(&mut self) -> Result<Found, btleplug::Error> {
        let manager = match &self.manager {
            Some(manager) => manager.clone(),
            None => self.manager.insert(connect().await?).clone(),
        };
        let mut names = Vec::new();
        for adapter in manager.adapters().await? {
            // Such as "hci0 (usb:v1D6Bp0246d0540)".
            let info = adapter.adapter_info().await?;
            let name = info.split(' ').next().unwrap_or_default().to_owned();
            let wanted = self.options.adapter.as_ref().is_none_or(|wanted| *wanted == name);
            if !wanted {
                names.push(name);
                continue;
            }
            if self.watched.as_ref().is_none_or(|watched| watched.name != name) {
                let events = adapter.events().await?;
                self.watched =
                    Some(Watched { name: name.clone(), adapter: adapter.clone(), events });
            }
            return Ok(match adapter.adapter_state().await? {
                CentralState::PoweredOn => Found::On,
                CentralState::PoweredOff => Found::Off(format!(
                    "the Bluetooth adapter {name} is off; switch Bluetooth on in the settings of \
                     this system"
                )),
                CentralState::Unknown => Found::Off(
                    "this system has not said yet whether this program may use Bluetooth"
                        .to_owned(),
                ),
            });
        }
        Ok(Found::Absent(match &self.options.adapter {
            Some(wanted) if !names.is_empty() => {
                format!("there is no Bluetooth adapter {wanted}, only {}", names.join(", "))
            }
            Some(wanted) => format!("there is no Bluetooth adapter {wanted}"),
            None => "this machine has no Bluetooth adapter".to_owned(),
        }))
    }

    /// Waits until it is time to look again, or until the adapter says that it is on.
    async fn wait(&mut self, pause: Duration, why: &str) {
        let over = sleep(pause);
        tokio::pin!(over);
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        loop {
            let event = async {
                match &mut self.watched {
                    Some(watched) => watched.events.next().await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = &mut over => return,
                event = event => match event {
                    Some(CentralEvent::StateUpdate(CentralState::PoweredOn)) => return,
                    Some(_) => {}
                    None => (self.manager, self.watched) = (None, None),
                },
                Some(dial) = self.dials.recv() => {
                    // Whoever asked may have stopped waiting.
                    let _ = dial.answer.send(Err(why.to_owned()));
                }
                _ = ticks.tick() => self.report(),
            }
        }
    }

    /// Runs both halves until the adapter is on no longer; says why.
    async fn serve(&mut self) -> String {
        let Some(mut watched) = self.watched.take() else { return "no adapter".to_owned() };
        let (name, adapter) = (watched.name.clone(), watched.adapter.clone());
        let central = Arc::new(Central::new(adapter.clone(), self.air.clone()));
        let mut peripheral = self.be_found(&name).await;
        let mut again_at = tokio::time::Instant::now() + FOUND_AGAIN;
        let mut heard = Heard::default();
        let mut dialling = JoinSet::new();
        let mut scan = Scan { on: false, turn_at: Some(tokio::time::Instant::now()) };
        let mut checks = tokio::time::interval(CHECK_EVERY);
        let why = loop {
            let failed = async {
                match &mut peripheral {
                    Ok(peripheral) => peripheral.failed().await,
                    Err(_) => pending().await,
                }
            };
            let turn = async {
                match scan.turn_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                event = watched.events.next() => match event {
                    Some(CentralEvent::StateUpdate(CentralState::PoweredOff)) => {
                        break "the adapter was switched off".to_owned();
                    }
                    Some(event) => {
                        if let CentralEvent::DeviceConnected(_) = &event
                            && let Ok(peripheral) = &peripheral
                        {
                            peripheral.on_connected();
                        }
                        self.on_event(&adapter, &central, &mut heard, event).await;
                    }
                    None => {
                        self.manager = None;
                        break "the connection to the Bluetooth service ended".to_owned();
                    }
                },
                Some(dial) = self.dials.recv() => {
                    if dialling.len() == DIALS_MAX {
                        // Whoever asked may have stopped waiting.
                        let _ = dial.answer.send(Err("too many dials at once".to_owned()));
                        continue;
                    }
                    let central = central.clone();
                    dialling.spawn(async move {
                        // Likewise: then the connection ends with the answer.
                        let _ = dial.answer.send(central.dial(&dial.device).await);
                    });
                }
                Some(_) = dialling.join_next() => {}
                changed = self.plans.changed() => if changed.is_ok() {
                    scan.turn_at = Some(tokio::time::Instant::now());
                },
                () = turn => self.turn(&adapter, &mut scan).await,
                why = failed => break why,
                _ = checks.tick() => {
                    self.report();
                    match timeout(ANSWER_MAX, adapter.adapter_state()).await {
                        Ok(Ok(CentralState::PoweredOn)) => {}
                        _ => break "the adapter is gone or off".to_owned(),
                    }
                    let now = tokio::time::Instant::now();
                    if cfg!(target_os = "linux") && peripheral.is_err() && now >= again_at {
                        peripheral = self.be_found(&name).await;
                        again_at = now + FOUND_AGAIN;
                    }
                }
            }
        };
        central.lost_all();
        // Fails when the adapter is gone, which ends the scan too.
        let _ = timeout(ANSWER_MAX, adapter.stop_scan()).await;
        if self.manager.is_some() {
            self.watched = Some(watched);
        }
        why
    }

    /// Starts to be a peripheral, and says how that went.
    async fn be_found(&mut self, name: &str) -> Result<Peripheral, String> {
        let peripheral = Peripheral::start(name, self.air.clone(), self.plans.clone()).await;
        if let Err(why) = &peripheral {
            tracing::warn!("Bluetooth: cannot be found by others: {why}");
        }
        self.unfound = peripheral.as_ref().err().cloned();
        self.say(on(name, &peripheral)).await;
        peripheral
    }

    /// Starts or stops scanning as the plan says.
    async fn turn(&mut self, adapter: &Adapter, scan: &mut Scan) {
        let plan = self.plans.borrow_and_update().clone();
        let Some((on_for, off_for)) = plan.as_ref().and_then(scan_times) else {
            scan.turn_at = None;
            if std::mem::take(&mut scan.on) {
                // A scan that cannot be stopped has ended.
                let _ = timeout(ANSWER_MAX, adapter.stop_scan()).await;
            }
            return;
        };
        let now = tokio::time::Instant::now();
        if scan.on && off_for.is_zero() {
            scan.turn_at = None;
            return;
        }
        let turned = match scan.on {
            true => timeout(ANSWER_MAX, adapter.stop_scan()).await,
            false => {
                let filter = ScanFilter { services: vec![SERVICE] };
                timeout(ANSWER_MAX, adapter.start_scan(filter)).await
            }
        };
        if let Ok(Err(e)) = &turned {
            tracing::debug!("Bluetooth scan: {e}");
        }
        scan.on = !scan.on;
        scan.turn_at = match (matches!(turned, Ok(Ok(()))), scan.on) {
            (true, true) if off_for.is_zero() => None,
            (true, true) => Some(now + on_for),
            (true, false) => Some(now + off_for),
            (false, turned_on) => {
                // A scan that did not start is off.
                scan.on = false;
                Some(now + if turned_on { SCAN_AGAIN } else { off_for })
            }
        };
    }

    async fn on_event(
        &mut self,
        adapter: &Adapter,
        central: &Central,
        heard: &mut Heard<PeripheralId>,
        event: CentralEvent,
    ) {
        let (id, news) = match event {
            CentralEvent::DeviceDisconnected(id) => {
                if let Ok(Ok(device)) = timeout(ANSWER_MAX, adapter.peripheral(&id)).await {
                    central.lost(&address_of(&device));
                }
                return;
            }
            CentralEvent::ServicesAdvertisement { id, .. } => {
                heard.doubt(&id);
                return;
            }
            CentralEvent::DeviceDiscovered(id) => (id, News::default()),
            CentralEvent::RssiUpdate { id, rssi } => {
                (id, News { rssi: Some(rssi), ..News::default() })
            }
            CentralEvent::ManufacturerDataAdvertisement { id, mut manufacturer_data } => {
                let record = manufacturer_data.remove(&BLE_COMPANY_ID);
                (id, News { record, ..News::default() })
            }
            _ => return,
        };
        let then = match heard.on_heard(&id, news, Instant::now()) {
            Then::Ask => match timeout(ANSWER_MAX, ask(adapter, &id)).await {
                Ok(Some((peer, rssi))) => heard.told(&id, peer, rssi, Instant::now()),
                // It is gone again, or the platform is slow: the next event asks again.
                Ok(None) | Err(_) => Then::Nothing,
            },
            then => then,
        };
        match then {
            Then::Ask | Then::Nothing => {}
            Then::Drop => self.air.ports.counters.ble_sightings_dropped.one(),
            Then::Mention { address, record, rssi } => self.mention(address, record, rssi),
        }
    }

    fn mention(&self, address: String, record: Vec<u8>, rssi_dbm: Option<i8>) {
        if let Some(rssi_dbm) = rssi_dbm {
            for link in self.air.links_to(&address) {
                self.air.mention(Input::LinkSignal { link, rssi_dbm });
            }
        }
        self.air.ports.counters.ble_sightings.one();
        let (address, transport) = (format!("ble://{address}"), Transport::Ble);
        self.air.mention(Input::Sighted(Sighting { address, transport, record, rssi_dbm }));
    }

    /// Tells the core when something changed, and the list of parts in any case.
    async fn say(&mut self, report: RadioReport) {
        if self.said.as_ref() != Some(&report) {
            self.air.ports.notice(Input::Radio(report.clone())).await;
            self.said = Some(report);
        }
        self.report();
    }

    fn report(&self) {
        let Some(report) = &self.said else { return };
        let unfound = self.unfound.as_deref().unwrap_or_default();
        self.reporter.report(state(self.options.mode, report, unfound), None);
    }
}

/// How long to scan and how long not to; `None`: never.
fn scan_times(plan: &RadioPlan) -> Option<(Duration, Duration)> {
    let on = plan.scan_on.min(plan.scan_period);
    (!on.is_zero()).then(|| (on, plan.scan_period - on))
}

/// What the list of parts says of the radio.
fn state(mode: Mode, report: &RadioReport, unfound: &str) -> ComponentState {
    match (&report.adapter, mode) {
        (AdapterState::On { .. }, _) if report.peripheral => ComponentState::Healthy,
        (AdapterState::On { .. }, _) => ComponentState::Degraded {
            why: format!("it finds others but cannot be found by them: {unfound}"),
        },
        (AdapterState::Off { why } | AdapterState::Absent { why }, Mode::On) => {
            ComponentState::Degraded { why: why.clone() }
        }
        (AdapterState::Off { why } | AdapterState::Absent { why }, _) => {
            ComponentState::Off { why: why.clone() }
        }
    }
}

fn on(name: &str, peripheral: &Result<Peripheral, String>) -> RadioReport {
    let all = || {
        vec![
            Knob::AdvertisingInterval,
            Knob::ConnectionInterval,
            Knob::PeripheralLatency,
            Knob::SupervisionTimeout,
            Knob::TxPower,
            Knob::ChannelMap,
        ]
    };
    RadioReport {
        adapter: AdapterState::On { name: name.to_owned() },
        peripheral: peripheral.is_ok(),
        not_applied: peripheral.as_ref().map_or_else(|_| all(), |p| p.not_applied.clone()),
    }
}

/// Opens the way to the service on a thread that may wait: the library blocks there.
async fn connect() -> Result<Manager, btleplug::Error> {
    let runtime = Handle::current();
    let opening = tokio::task::spawn_blocking(move || runtime.block_on(Manager::new()));
    opening.await.unwrap_or_else(|e| Err(btleplug::Error::RuntimeError(e.to_string())))
}

/// Whether a device is a peer's, and how strongly it is heard.
async fn ask(
    adapter: &Adapter,
    id: &PeripheralId,
) -> Option<(Option<(String, Vec<u8>)>, Option<i16>)> {
    let device = adapter.peripheral(id).await.ok()?;
    let mut properties = device.properties().await.ok()??;
    let record = properties.manufacturer_data.remove(&BLE_COMPANY_ID);
    let record = record.filter(|_| properties.services.contains(&SERVICE));
    Some((record.map(|record| (address_of(&device), record)), properties.rssi))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_list_says_why_there_is_no_bluetooth_and_blames_only_who_asked_for_it() {
        let report = |adapter, peripheral| RadioReport { adapter, peripheral, not_applied: vec![] };
        let off = report(AdapterState::Off { why: "off".to_owned() }, false);
        let absent = report(AdapterState::Absent { why: "none".to_owned() }, false);
        let on = |peripheral| report(AdapterState::On { name: "hci0".to_owned() }, peripheral);
        assert_eq!(state(Mode::Auto, &off, ""), ComponentState::Off { why: "off".to_owned() });
        assert_eq!(state(Mode::Auto, &absent, ""), ComponentState::Off { why: "none".to_owned() });
        assert_eq!(
            state(Mode::On, &absent, ""),
            ComponentState::Degraded { why: "none".to_owned() }
        );
        assert_eq!(state(Mode::Auto, &on(true), ""), ComponentState::Healthy);
        assert!(matches!(state(Mode::On, &on(false), "no"), ComponentState::Degraded { .. }));
    }

    #[test]
    fn a_plan_says_how_long_to_scan_and_how_long_to_rest() {
        let plan = |on: u64, period: u64| RadioPlan {
            advertisement: None,
            advertise_every: Duration::from_secs(1),
            scan_on: Duration::from_secs(on),
            scan_period: Duration::from_secs(period),
            connection_interval: Duration::from_millis(20),
            peripheral_latency: 0,
            supervision_timeout: Duration::from_secs(4),
            tx_power_dbm: 0,
            channels: 0,
        };
        let seconds = |on, off| Some((Duration::from_secs(on), Duration::from_secs(off)));
        assert_eq!(scan_times(&plan(1, 4)), seconds(1, 3));
        assert_eq!(scan_times(&plan(4, 4)), seconds(4, 0));
        assert_eq!(scan_times(&plan(9, 4)), seconds(4, 0));
        assert_eq!(scan_times(&plan(0, 4)), None);
        assert_eq!(scan_times(&plan(3, 0)), None);
    }
}

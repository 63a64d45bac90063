//! How a Bluetooth adapter should be run, and what it says of itself.

use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// What to do with the adapter. A shell does what its platform lets it and reports the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioPlan {
    /// Manufacturer data to advertise, at most 6 bytes beside the service UUID; none: be silent.
    pub advertisement: Option<Vec<u8>>,
    /// Between two advertisements.
    pub advertise_every: Duration,
    /// Scan for `scan_on` out of every `scan_period`; zero: do not scan.
    pub scan_on: Duration,
    pub scan_period: Duration,
    /// Of connections, by the specification in steps of 1.25 ms.
    pub connection_interval: Duration,
    pub peripheral_latency: u16,
    pub supervision_timeout: Duration,
    pub tx_power_dbm: i8,
    /// The 37 data channels, lowest bit first; a cleared bit is not used.
    pub channels: u64,
}

/// What can be wished for but not everywhere be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    AdvertisingInterval,
    ConnectionInterval,
    PeripheralLatency,
    SupervisionTimeout,
    TxPower,
    ChannelMap,
}

/// The state of Bluetooth on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioReport {
    pub adapter: Adapter,
    /// Whether this machine can be found and connected to, not only find others.
    pub peripheral: bool,
    /// Wishes of the plan that the platform does not let a program make.
    pub not_applied: Vec<Knob>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Adapter {
    On {
        name: String,
    },
    /// Switched off, or refused to this program; `why` is a sentence.
    Off {
        why: String,
    },
    /// None, or no Bluetooth service; `why` is a sentence.
    Absent {
        why: String,
    },
}

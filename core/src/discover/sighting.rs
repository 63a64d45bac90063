//! What a shell noticed in reach.

use crate::transport::Transport;

/// Bytes of a record that came with a sighting: a signed record on the LAN is the largest.
pub const SIGHTING_RECORD_BYTES_MAX: usize = 512;

/// Somebody who can be dialled was noticed. Said anew whenever it is noticed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What to dial: `ble://AA:BB:CC:DD:EE:FF`, or any other address.
    pub address: String,
    pub transport: Transport,
    /// What was advertised: for Bluetooth the manufacturer data, on the LAN the signed record.
    pub record: Vec<u8>,
    /// How strongly it was heard, in dBm.
    pub rssi_dbm: Option<i8>,
}

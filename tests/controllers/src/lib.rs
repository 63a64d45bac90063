//! Virtual Bluetooth LE controllers and the air between them, as far as a kernel and BlueZ use
//! one: advertising, scanning, links and the data on them.
//!
//! - They are here because `btvirt` mixes up the handles of two links of one controller, and lets
//!   every controller hear every other: a node in the middle of a line needs both.
//! - A controller is what the Bluetooth Core Specification 4.2 calls one that has LE only (volume
//!   2, part E, "HCI"): legacy advertising, no encryption, because the node pairs with nobody.
//! - The host decides nothing here but by packets: whatever it writes is answered or ignored, and
//!   a command that is not known is answered so.
//!
//! No radio is modelled: no loss, no air time, no connection interval; who is in range is heard
//! with one strength. Nothing here does I/O: `main.rs` joins it to `/dev/vhci`.

#![forbid(unsafe_code)]

mod air;
mod hci;

pub use air::{Air, CONTROLLERS_MAX, LINKS_MAX, ToHost};

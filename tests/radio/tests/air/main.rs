//! The radio with the two libraries that the node uses, unmodified: `bluer` serves, `btleplug`
//! finds, connects and talks.
//!
//! libdbus knows one system bus per process, so each peer is a process: this binary again, told
//! its role in the environment. The test asks it in lines and gets lines.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

mod bluez;
mod central;
mod faults;
mod peer;
mod peripheral;
mod talk;

/// What each side calls the other's service by.
const SERVICE: uuid::Uuid = uuid::Uuid::from_u128(0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0000);
const WRITE: uuid::Uuid = uuid::Uuid::from_u128(0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0001);
const NOTIFY: uuid::Uuid = uuid::Uuid::from_u128(0xac5c_30c5_92bd_4f59_91c9_de16_ec3b_0002);

/// The company identifier for tests.
const COMPANY: u16 = 0xffff;

/// First bytes of what is said: a number of a row, how many came, so many numbers back, as it is.
const NUMBER: u8 = b'N';
const HOW_MANY: u8 = b'Q';
const COUNT_TO: u8 = b'G';
const ECHO: u8 = b'P';

//! The shell over real sockets, disks and processes.

#![allow(clippy::unwrap_used, reason = "the whole program is a test")]

mod cli;
mod datagrams;
mod graph;
mod http;
mod loopback;
mod near;
mod odds;
mod rig;
mod tls;
mod transport;
mod verify;

//! Messages over Bluetooth in the virtual radio, for each size of ATT's packets.
//!
//! Each end is a process of its own with the node's own Bluetooth driver, the virtual radio's bus
//! as its system bus, and sessions of core's `Links`: radio → link task → inbox → `Links`, and
//! back. Messages are bets: acknowledged by the neighbour and in order; what is longer than a value
//! goes in pieces. An echo is compared byte by byte, a stream counted and numbered.
//!
//! The air of this radio has no rate and no loss. So the figures say what the program, D-Bus and
//! the radio's own thread cost; over a real radio its connection interval decides.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("Bluetooth: skipped, the virtual radio is of Linux only");
}

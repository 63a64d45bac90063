//! The figures that people notice, each beside what was promised: `cargo xtask bench`.
//!
//! Everything is measured on the release build that is shipped, on this machine, now. Whatever
//! has a target says whether it was met; whatever cannot be measured here is left out, with the
//! reason.

mod figures;
mod floor;
mod game;
mod message;
mod page;
mod start;
mod table;
mod verify;

use anyhow::Result;
use figures::Report;

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` passes flags for the standard harness, which this is not.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let mut report = Report::new(wanted);
    report.section("start", start::start).await;
    report.section("memory", start::memory).await;
    report.section("game", game::measure).await;
    report.section("message", message::measure).await;
    report.section("size", page::size).await;
    report.section("page", page::joined).await;
    report.section("verify", verify::measure).await;
    report.finish()
}

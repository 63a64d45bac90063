//! Graph algorithms beside those of petgraph and rustworkx-core, natively and in a browser:
//! `cargo xtask bench graph`.
//!
//! Rules. Peers do the same work on the same graphs in the same run, each in the way its own
//! documentation shows, and for every part of the work the faster of the two counts. Results are
//! compared for equality before any time is told. What is told are medians and ratios. One thread,
//! no unsafe code of ours.

mod browser;
mod clock;
mod memory;
mod native;
mod peers;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    // `cargo bench` passes flags for the standard harness, which this is not.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("graph") {
        native::compare()?;
        memory::state();
    }
    if is_wanted("graph") || is_wanted("wasm") {
        browser::beside_native().await?;
    }
    if is_wanted("layout") {
        browser::layout().await?;
    }
    Ok(())
}

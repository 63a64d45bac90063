//! What tests with real parts share: nodes as processes, tabs of a real browser, plain HTTP.
//!
//! - Nothing here knows the core: the tests see what a person or a script would see.
//! - Waiting is polling for a condition with a deadline, and a deadline that passes says what was
//!   seen last.
//! - What a test started ends with it, also when it panics.
//!
//! Which binary and which browser is told by `cargo xtask test`; without it they are looked for
//! where a release build and a package manager put them.

#![forbid(unsafe_code)]

pub mod browser;
pub mod cables;
mod devtools;
pub mod http;
pub mod ledger;
pub mod player;
pub mod process;
pub mod wait;

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is a folder of the workspace")
}

/// Where pictures go: `BITCRAPS_SCREENSHOTS`, or below the target directory.
pub fn pictures() -> PathBuf {
    std::env::var_os("BITCRAPS_SCREENSHOTS")
        .map_or_else(|| workspace().join("target").join("screenshots"), PathBuf::from)
}

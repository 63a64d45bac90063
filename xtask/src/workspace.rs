//! Where things are, and how cargo is called.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{
    env, fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The browser's target.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Where the end-to-end test puts its pictures. Nobody else is told: a node refuses settings with
/// its own prefix that it does not know.
pub const SCREENSHOTS: &str = "BITCRAPS_SCREENSHOTS";

/// The directories everything else is relative to.
pub struct Workspace {
    /// Where the workspace's `Cargo.toml` is.
    pub root: PathBuf,
    /// Cargo's target directory, wherever the user has put it.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo. An error when xtask does not run inside the workspace.
    pub fn find() -> Result<Workspace> {
        let mut command = Command::new(cargo_path());
        command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
        if let Some(manifest_dir) = env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(manifest_dir);
        }
        let metadata = json_of(&mut command)?;
        let path = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo gave no {key}"))
        };
        Ok(Workspace { root: path("workspace_root")?, target: path("target_directory")? })
    }

    /// A cargo command in the workspace's root. Nothing it starts can wait for a keyboard.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_path());
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        command.env_remove(SCREENSHOTS);
        if !std::io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "never");
        }
        command
    }

    /// Packages and their resolution for one platform. An error when `Cargo.lock` is out of date.
    pub fn metadata(&self, platform: &str) -> Result<Value> {
        json_of(&mut self.cargo(&[
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--filter-platform",
            platform,
        ]))
    }

    /// The node's binary as `cargo build --release` leaves it.
    pub fn node_binary(&self) -> PathBuf {
        self.target.join("release").join(format!("bitcraps{}", env::consts::EXE_SUFFIX))
    }

    /// The version of a package in `Cargo.lock`; the first one when there are several.
    pub fn locked_version(&self, package: &str) -> Result<Option<String>> {
        let path = self.root.join("Cargo.lock");
        let lock =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(version_in_lock(&lock, package).map(str::to_owned))
    }
}

/// The platform this program was built for, as rustc names it.
pub fn host_platform() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot run rustc")?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .context("`rustc -vV` names no host")
}

/// A program on the PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(&name)).find(|file| is_program(file))
}

/// Whether this is a file that could be run.
pub fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn cargo_path() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn json_of(command: &mut Command) -> Result<Value> {
    let output = command.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")
}

fn version_in_lock<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_exactly_that_package_is_read_from_the_lock() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"a\"\nversion = \"2.3.4\"\nsource = \"x\"\n";
        assert_eq!(version_in_lock(lock, "a"), Some("2.3.4"));
        assert_eq!(version_in_lock(lock, "b"), None);
    }
}

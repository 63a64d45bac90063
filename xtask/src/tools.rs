//! What the commands need beside a Rust toolchain: found, else installed, else named.
//!
//! - The wasm tools go below the target directory, so that nothing of the user's is replaced.
//! - System packages are installed only where that can work without a question: apt-get as root.

use crate::{
    steps::{self, Shown},
    workspace::{WASM, Workspace, is_program, on_path},
};
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const WASM_PACK_VERSION: &str = "0.15.1";
const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const BROWSER_PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// What a browser test needs on a machine without a screen, a sandbox or the Internet.
const CHROMIUM_FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser and the program that drives it.
pub struct Browser {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

/// `wasm-pack`, and the directory of a `wasm-bindgen` of the locked version.
pub struct WasmTools {
    pub wasm_pack: PathBuf,
    pub bindgen_dir: PathBuf,
}

/// Sees to it that rustc can compile for the browser.
pub fn wasm_target(workspace: &Workspace, shown: Shown) -> Result<()> {
    let has_target = || -> Result<bool> {
        let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.current_dir(&workspace.root).args(["--print", "target-libdir", "--target", WASM]);
        let output = rustc.output().context("cannot run rustc")?;
        Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    if has_target()? {
        return Ok(());
    }
    println!("      adding the target {WASM}");
    let mut rustup = Command::new("rustup");
    rustup.current_dir(&workspace.root).args(["target", "add", WASM]);
    let added = steps::run(&mut rustup, shown).is_ok_and(|finished| finished.success);
    if !added || !has_target()? {
        bail!("the Rust target {WASM} is missing; type: rustup target add {WASM}");
    }
    Ok(())
}

/// Chromium and its driver.
pub fn browser() -> Result<Browser> {
    if let Some(browser) = find_browser() {
        return Ok(browser);
    }
    install("Chromium and chromedriver", "CHROMIUM=… CHROMEDRIVER=…", &BROWSER_PACKAGES)?;
    find_browser().context("Chromium is installed but not on the PATH")
}

/// The message bus on which the virtual radio shows its adapters.
pub fn message_bus() -> Result<()> {
    let there = || {
        let named = env::var_os("DBUS_DAEMON").map(PathBuf::from);
        named.or_else(|| on_path("dbus-daemon")).is_some_and(|program| is_program(&program))
    };
    // Only Linux has BlueZ, and with it a radio that is shown on a bus.
    if !cfg!(target_os = "linux") || there() {
        return Ok(());
    }
    install("dbus-daemon", "DBUS_DAEMON=…", &["dbus-daemon"])?;
    match there() {
        true => Ok(()),
        false => bail!("dbus-daemon is installed but not on the PATH"),
    }
}

/// Installs Debian packages where that can work without a question, and otherwise says what to
/// type.
fn install(what: &str, variables: &str, names: &[&str]) -> Result<()> {
    let packages = names.join(" ");
    if on_path("apt-get").is_none() {
        bail!(
            "needed and not on the PATH: {what}; install with the system's package manager (on \
             Debian: apt-get install {packages}), or name it in the environment: {variables}"
        );
    }
    if !is_root() {
        bail!("needed: {what}; type: sudo apt-get update && sudo apt-get install --yes {packages}");
    }
    println!("      installing {packages} with apt-get");
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        steps::must(&mut command, Shown::OnFailure)
    };
    // A list that cannot be renewed may still be good enough to install from.
    let updated = apt(&["update"]);
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(names);
    if let Err(error) = apt(&install) {
        updated?;
        return Err(error);
    }
    Ok(())
}

/// The two programs that wasm tests need, built at the locked versions where they are missing.
pub fn wasm_tools(workspace: &Workspace) -> Result<WasmTools> {
    let own = workspace.target.join("tools");
    let bindgen_version =
        workspace.locked_version("wasm-bindgen")?.context("Cargo.lock has no wasm-bindgen")?;
    let wasm_pack = tool(workspace, &own, "wasm-pack", "wasm-pack", WASM_PACK_VERSION)?;
    let bindgen = tool(workspace, &own, "wasm-bindgen", "wasm-bindgen-cli", &bindgen_version)?;
    let bindgen_dir = bindgen.parent().context("wasm-bindgen is in no directory")?.to_path_buf();
    // What they were built from is large and not needed again.
    let build = own.join("build");
    if build.exists() {
        fs::remove_dir_all(&build).with_context(|| format!("cannot clear {}", build.display()))?;
    }
    Ok(WasmTools { wasm_pack, bindgen_dir })
}

/// Writes the file from which the wasm test runner takes the browser's settings.
pub fn webdriver_settings(workspace: &Workspace, browser: &Browser) -> Result<PathBuf> {
    let settings = json!({
        "goog:chromeOptions": { "args": CHROMIUM_FLAGS, "binary": browser.chromium },
    });
    let path = workspace.target.join("webdriver.json");
    fs::write(&path, settings.to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn find_browser() -> Option<Browser> {
    let named = |variable: &str| env::var_os(variable).map(PathBuf::from);
    let chromium =
        named("CHROMIUM").or_else(|| CHROMIUM_NAMES.iter().find_map(|name| on_path(name)))?;
    let chromedriver = named("CHROMEDRIVER").or_else(|| on_path("chromedriver"))?;
    (is_program(&chromium) && is_program(&chromedriver))
        .then_some(Browser { chromium, chromedriver })
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A program of exactly this version: from the PATH, from `own`, or built into `own`.
fn tool(
    workspace: &Workspace,
    own: &Path,
    program: &str,
    package: &str,
    version: &str,
) -> Result<PathBuf> {
    let built = own.join("bin").join(format!("{program}{}", env::consts::EXE_SUFFIX));
    let known = [Some(built.clone()), on_path(program)];
    for path in known.into_iter().flatten() {
        if has_version(&path, version) {
            return Ok(path);
        }
    }
    println!("      building {package} {version} (once; kept in the target directory)");
    let install = |locked: &[&str]| {
        let mut command = workspace.cargo(&["install", package, "--version", version, "--force"]);
        command.args(locked).arg("--root").arg(own);
        command.env("CARGO_TARGET_DIR", own.join("build"));
        steps::must(&mut command, Shown::OnFailure)
    };
    if let Err(locked) = install(&["--locked"]) {
        println!("      with its own lock file it cannot be built here; trying without");
        install(&[]).map_err(|_| locked)?;
    }
    if !has_version(&built, version) {
        bail!(
            "{package} {version} could not be made; type: cargo install {package} --version \
             {version} --root {}",
            own.display()
        );
    }
    Ok(built)
}

fn has_version(program: &Path, version: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| {
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success() && words.split_whitespace().nth(1) == Some(version)
    })
}

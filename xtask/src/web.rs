//! Building the web client: wasm, its JavaScript, the static files, and a brotli copy of each.
//!
//! - A file is written only when its content changed, so that what embeds it is not rebuilt.
//! - A file's `.br` is written before the file itself: a file that is up to date vouches for it.
//! - What is no longer produced is removed.

use crate::{
    source,
    steps::{self, Shown},
    tools,
    workspace::{WASM, Workspace},
};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{DefaultHasher, Hasher as _},
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

/// What is made into wasm.
pub struct Client {
    pub package: &'static str,
    /// Of the generated files: `bitcraps_web.js` and `bitcraps_web_bg.wasm`.
    pub stem: &'static str,
    pub loaded: Loaded,
}

/// How a page loads the JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loaded {
    AsModule,
    /// By a script of the old kind, which leaves a global `wasm_bindgen`.
    AsScript,
}

const CLIENT: Client =
    Client { package: "bitcraps-tab", stem: "bitcraps_web", loaded: Loaded::AsModule };

/// Formats that are compressed already.
const PACKED: [&str; 7] = ["png", "jpg", "webp", "woff2", "gz", "br", "ico"];
/// Brotli's best, and its largest window that every browser takes.
const BROTLI_QUALITY: u32 = 11;
const BROTLI_WINDOW_LOG: u32 = 22;

/// Builds everything into `web` in the target directory and prints the sizes.
pub fn build(workspace: &Workspace, shown: Shown) -> Result<()> {
    let started = Instant::now();
    let generated = workspace.target.join("web-generated");
    generate(workspace, &CLIENT, &generated, shown)?;

    let out = workspace.target.join("web");
    fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    let wanted = collect(&[generated, workspace.root.join("www")])?;
    for (name, content) in &wanted {
        place(&out, name, content)?;
    }
    remove_others(&out, &wanted)?;
    report(&out, started)
}

/// Makes wasm and its JavaScript, alone in `out`.
pub fn generate(workspace: &Workspace, client: &Client, out: &Path, shown: Shown) -> Result<()> {
    tools::wasm_target(workspace, shown)?;
    let wasm = compile(workspace, client, shown)?;
    let version = workspace.locked_version("wasm-bindgen-cli-support")?.unwrap_or_default();
    bind(&wasm, client, &version, out)
}

/// Compiles the package and gives the path of its `.wasm`.
fn compile(workspace: &Workspace, client: &Client, shown: Shown) -> Result<PathBuf> {
    // The library is built as a cdylib alone: beside an rlib, cargo leaves out link-time
    // optimisation, and the wasm grows by a quarter.
    let mut command = workspace.cargo(&["rustc", "--package", client.package, "--lib"]);
    command.args(["--crate-type", "cdylib", "--profile", "web"]);
    // A directory of its own: cargo would put the host's part of this profile where the output is.
    command.args(["--target", WASM, "--target-dir"]).arg(workspace.target.join("browser"));
    steps::must(&mut command, shown)?;
    // Asked a second time, cargo has nothing left to do but to name what it made.
    command.args(["--quiet", "--message-format", "json"]);
    let artifacts = steps::must(&mut command, Shown::OnFailure)?;
    wasm_artifact(&artifacts, client.package).with_context(|| {
        format!("{} makes no .wasm: it needs `crate-type = [\"cdylib\"]` or a main", client.package)
    })
}

/// A library is named as its package, with underscores or without.
fn same_name(target: &str, package: &str) -> bool {
    target.replace('-', "_") == package.replace('-', "_")
}

fn wasm_artifact(messages: &str, package: &str) -> Option<PathBuf> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = None;
    for artifact in artifacts.filter(|a| a["reason"] == "compiler-artifact") {
        let ours = artifact["target"]["name"].as_str().is_some_and(|name| same_name(name, package));
        let files = artifact["filenames"].as_array().map(Vec::as_slice).unwrap_or_default();
        let wasm = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"));
        if ours && let Some(wasm) = wasm {
            found = Some(PathBuf::from(wasm));
        }
    }
    found
}

/// Runs wasm-bindgen unless it has already run on this very wasm.
fn bind(wasm: &Path, client: &Client, version: &str, out: &Path) -> Result<()> {
    let bytes = fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let stamp = format!("{:016x} {version}", hasher.finish());
    let stamp_file = out.with_extension("stamp");
    if out.is_dir() && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
        return Ok(());
    }
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("cannot clear {}", out.display()))?;
    }
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    match client.loaded {
        Loaded::AsModule => bindgen.web(true)?,
        Loaded::AsScript => bindgen.no_modules(true)?,
    };
    bindgen
        .input_bytes(client.stem, bytes)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .context("wasm-bindgen could not read the wasm")?;
    fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))
}

/// Every file below these directories under its relative name. Two of one name are an error.
fn collect(dirs: &[PathBuf]) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for dir in dirs {
        let mut paths = Vec::new();
        source::walk(dir, &mut paths)?;
        for path in paths {
            let name = path.strip_prefix(dir).unwrap_or(&path).to_path_buf();
            let content =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if all.insert(name.clone(), content).is_some() {
                bail!("{} is both generated and in {}", name.display(), dir.display());
            }
        }
    }
    Ok(all)
}

fn place(out: &Path, name: &Path, content: &[u8]) -> Result<()> {
    let file = out.join(name);
    if fs::read(&file).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    if is_compressible(name) {
        write(&brotli_name(&file), &compress(content)?)?;
    }
    write(&file, content)
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

fn is_compressible(name: &Path) -> bool {
    let extension = name.extension().and_then(|e| e.to_str()).unwrap_or("");
    !PACKED.contains(&extension)
}

fn brotli_name(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    PathBuf::from(name)
}

fn compress(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer =
        brotli::CompressorWriter::new(Vec::new(), 1 << 16, BROTLI_QUALITY, BROTLI_WINDOW_LOG);
    writer.write_all(content)?;
    writer.flush()?;
    Ok(writer.into_inner())
}

fn remove_others(out: &Path, wanted: &BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let keep: BTreeSet<PathBuf> = wanted
        .keys()
        .flat_map(|name| [Some(name.clone()), is_compressible(name).then(|| brotli_name(name))])
        .flatten()
        .collect();
    let mut present = Vec::new();
    source::walk(out, &mut present)?;
    for path in present {
        if !keep.contains(path.strip_prefix(out).unwrap_or(&path)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn report(out: &Path, started: Instant) -> Result<()> {
    let size = |path: &Path| fs::metadata(path).map(|m| m.len()).unwrap_or(0);
    let mut files = Vec::new();
    source::walk(out, &mut files)?;
    files.retain(|file| file.extension().is_none_or(|e| e != "br"));
    let raw: u64 = files.iter().map(|file| size(file)).sum();
    let packed = |file: &PathBuf| match size(&brotli_name(file)) {
        0 => size(file),
        packed => packed,
    };
    let wasm = out.join(format!("{}_bg.wasm", CLIENT.stem));
    println!(
        "      web client: {} files, {} bytes, {} with brotli; wasm {} and {}; {}",
        files.len(),
        raw,
        files.iter().map(packed).sum::<u64>(),
        size(&wasm),
        size(&brotli_name(&wasm)),
        steps::seconds(started.elapsed()),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wasm_is_found_among_what_cargo_says() {
        let artifact = |name: &str, files: [&str; 2]| {
            let target = serde_json::json!({ "name": name });
            serde_json::json!({"reason": "compiler-artifact", "target": target, "filenames": files})
        };
        let other = artifact("other", ["a/other.rlib", "a/other.wasm"]);
        let ours = artifact("bitcraps_web", ["a/b.rlib", "a/bitcraps_web.wasm"]);
        let messages = format!("not json\n{ours}\n{other}\n");
        assert_eq!(
            wasm_artifact(&messages, "bitcraps-web"),
            Some(PathBuf::from("a/bitcraps_web.wasm"))
        );
        assert_eq!(wasm_artifact("{}", "bitcraps-web"), None);
    }

    #[test]
    fn a_file_is_rewritten_only_when_it_changed_and_leaves_when_unwanted() {
        let out = std::env::temp_dir().join(format!("bitcraps-web-{}", std::process::id()));
        let name = PathBuf::from("part/a.js");
        let text = b"let a = 1;".repeat(100);
        fs::create_dir_all(&out).unwrap();
        place(&out, &name, &text).unwrap();
        let packed = fs::read(out.join("part/a.js.br")).unwrap();
        assert!(packed.len() < text.len());

        // An untouched file keeps its brotli copy, whatever stands there.
        fs::write(out.join("part/a.js.br"), b"mark").unwrap();
        place(&out, &name, &text).unwrap();
        assert_eq!(fs::read(out.join("part/a.js.br")).unwrap(), b"mark");
        place(&out, &name, b"let a = 2;").unwrap();
        assert_ne!(fs::read(out.join("part/a.js.br")).unwrap(), b"mark");

        fs::write(out.join("old.js"), b"old").unwrap();
        let wanted = BTreeMap::from([(name, text)]);
        remove_others(&out, &wanted).unwrap();
        assert!(!out.join("old.js").exists());
        assert!(out.join("part/a.js.br").exists());
        fs::remove_dir_all(&out).unwrap();
    }
}

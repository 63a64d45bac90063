//! Debian packages below the target directory: fetched by apt-get with a state of its own,
//! unpacked, never installed. No root, nothing of the system is touched.

use crate::{
    steps::{self, Shown},
    workspace::on_path,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// BlueZ 5.82 and Linux 6.12.
pub const SUITE: &str = "trixie";

/// Where packages come from when the system's own list names no place.
const MIRROR: &str = "http://deb.debian.org/debian";

const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Fetches packages with everything they need, and unpacks all of it into one directory.
pub fn fetch(dir: &Path, packages: &[&str]) -> Result<PathBuf> {
    let unpacked = dir.join("packages");
    if unpacked.exists() {
        return Ok(unpacked);
    }
    for program in ["apt-get", "dpkg-deb"] {
        on_path(program)
            .with_context(|| format!("there is no {program} to fetch packages with"))?;
    }
    if !Path::new(KEYS).exists() {
        bail!("{KEYS} is missing; type: sudo apt-get install debian-archive-keyring");
    }
    let apt = dir.join("apt");
    for part in ["lists/partial", "archives/partial"] {
        fs::create_dir_all(apt.join(part))?;
    }
    // Nothing counts as installed, so everything needed is fetched.
    fs::write(apt.join("status"), "")?;
    let sources = format!(
        "Types: deb\nURIs: {}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYS}\n",
        mirror().unwrap_or_else(|| MIRROR.to_owned())
    );
    fs::write(apt.join("debian.sources"), sources)?;
    let get = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        let mut set = |name: &str, value: &Path| {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        };
        set("Dir::Etc::SourceList", &apt.join("debian.sources"));
        set("Dir::Etc::SourceParts", Path::new("/dev/null"));
        set("Dir::State::Lists", &apt.join("lists"));
        set("Dir::State::Status", &apt.join("status"));
        set("Dir::Cache::Archives", &apt.join("archives"));
        set("Dir::Cache::PkgCache", &apt.join("packages.bin"));
        set("Dir::Cache::SrcPkgCache", &apt.join("sources.bin"));
        for option in ["APT::Architecture=amd64", "Acquire::Languages=none", "Debug::NoLocking=1"] {
            command.args(["-o", option]);
        }
        command.args(["-o", "APT::Sandbox::User=root", "-o", "APT::Get::AllowUnauthenticated=0"]);
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        steps::must(&mut command, Shown::OnFailure)
    };
    get(&["update"])?;
    let mut install =
        vec!["install", "--yes", "--download-only", "--no-install-recommends", "--quiet"];
    install.extend(packages);
    get(&install)?;
    // Whoever comes after an interrupted run must not take half of it for the whole.
    let partial = dir.join("packages.partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    for entry in fs::read_dir(apt.join("archives"))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            steps::must(unpack.arg("-x").arg(&file).arg(&partial), Shown::OnFailure)?;
        }
    }
    fs::rename(&partial, &unpacked)?;
    fs::remove_dir_all(apt)?;
    Ok(unpacked)
}

/// Where the system itself gets Debian's packages from.
fn mirror() -> Option<String> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let new = read("/etc/apt/sources.list.d/debian.sources");
    mirror_in(&new).or_else(|| mirror_in(&read("/etc/apt/sources.list")))
}

fn mirror_in(list: &str) -> Option<String> {
    let words =
        list.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
            line.strip_prefix("URIs:")
                .or_else(|| line.strip_prefix("deb "))
                .map(str::split_whitespace)
        });
    let mut places = words.flatten().filter(|word| word.contains("://"));
    places.find(|place| place.trim_end_matches('/').ends_with("debian")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_both_kinds_of_lists() {
        let new = "Types: deb\n# http://snapshot/debian\nURIs: http://a.example/debian\n\
                   Suites: bookworm\n\nURIs: http://a.example/debian-security\n";
        assert_eq!(mirror_in(new).as_deref(), Some("http://a.example/debian"));
        let old = "# deb http://no.example/debian x main\n\
                   deb [arch=amd64] https://b.example/debian/ bookworm main\n";
        assert_eq!(mirror_in(old).as_deref(), Some("https://b.example/debian/"));
        assert_eq!(mirror_in("deb http://archive.example/ubuntu noble main\n"), None);
    }
}

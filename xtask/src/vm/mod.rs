//! `cargo xtask ble-vm`: the node's Bluetooth test with a real kernel and a real `bluetoothd`.
//!
//! - A small machine without a disk, in QEMU without the host's help: Debian's kernel with virtual
//!   controllers (`hci_vhci`, `tests/controllers`), Debian's BlueZ, the node and the test as they
//!   were built here. Its console tells what happens; the exit status of the test travels on it.
//! - QEMU comes from the same packages as the machine and runs with their libraries, so the host
//!   needs apt-get and dpkg-deb, and nothing of it is changed.
//! - The controllers are in a line: its ends do not hear each other. `btvirt`, which comes with
//!   BlueZ, knows no ranges, mixes up the links of a controller that has two, and its controllers
//!   can vanish in the middle of a run (seen with 5.82).
//!
//! - Times that are printed before a line are the host's; those in lines are the machine's.
//!
//! It says nothing about radios: these controllers have no air, no interference and no loss.

mod cpio;
mod packages;

use crate::{
    run,
    steps::{self, Shown},
    totals::Totals,
    workspace::{SCREENSHOTS, Workspace, on_path},
};
use anyhow::{Context as _, Result, bail};
use cpio::{Archive, FILE, PROGRAM};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// What runs in the machine, and the emulator.
const PACKAGES: [&str; 6] =
    ["linux-image-amd64", "bluez", "busybox-static", "dbus-daemon", "dbus-bin", "qemu-system-x86"];

/// Programs of the machine, by their place in the packages.
const PROGRAMS: [&str; 4] = [
    "usr/bin/busybox",
    "usr/bin/dbus-daemon",
    "usr/bin/dbus-send",
    "usr/libexec/bluetooth/bluetoothd",
];

/// The kernel's modules that Bluetooth needs; what these need comes by itself.
const MODULES: [&str; 9] = [
    "ecb",
    "cmac",
    "ecdh_generic",
    "algif_hash",
    "algif_skcipher",
    "crc16",
    "uhid",
    "bluetooth",
    "hci_vhci",
];

const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const LOADER: &str = "lib64/ld-linux-x86-64.so.2";

/// What runs in the machine: package, program and which of its tests. The libraries alone, then
/// whole nodes at a table.
const TESTS: [(&str, &str, &str); 2] =
    [("bitcraps-radio", "air", "bluez::"), ("bitcraps-tests", "bluetooth", "")];

/// Controllers of Bluetooth, one for each node of a line.
const CONTROLLERS: usize = 3;

/// By this the tests are told which adapters there are, from one end of the line to the other.
const ADAPTERS: &str = "BITCRAPS_BLUETOOTH_ADAPTERS";

/// The machine's clock counts instructions, a nanosecond each, and skips what it would sleep: what
/// runs in it takes as long on a busy host as on an idle one, and its deadlines hold.
const CLOCK: &str = "shift=0,sleep=off";

/// Longest life of the machine, by the host's clock: for a host with a fifth of a processor to
/// spare.
const RUN_MAX: Duration = Duration::from_secs(1500);

/// Lines of the console that say how far it is begin so.
const PROGRESS: [&str; 3] = ["VM ", "-- ", "test "];

/// Longest silence before a line says that it still runs.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Runs the tests, in a machine that is there.
pub fn run(workspace: &Workspace, machine: &Machine) -> Result<Totals> {
    run::build_node(workspace, Shown::OnFailure)?;
    boot(machine, &stage(workspace)?)
}

/// Why there can be no machine here, if so.
fn missing() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("it is for Linux on x86-64".to_owned());
    }
    let needed = ["apt-get", "dpkg-deb", "readelf"];
    let absent = needed.into_iter().find(|program| on_path(program).is_none())?;
    Some(format!("there is no {absent}"))
}

/// What every run has in common.
pub struct Machine {
    packages: PathBuf,
    kernel: PathBuf,
    base: PathBuf,
}

/// Fetches and puts together what is not there yet.
pub fn prepare(workspace: &Workspace) -> Result<Machine> {
    if let Some(why) = missing() {
        bail!("no test machine: {why}");
    }
    let dir = workspace.target.join("ble-vm");
    fs::create_dir_all(&dir)?;
    println!("      fetching Debian's kernel, BlueZ and QEMU where they are missing");
    let packages = packages::fetch(&dir, &PACKAGES)?;
    let (kernel, modules) = kernel(&packages)?;
    let base = dir.join("base.cpio");
    fs::write(&base, root(&workspace.root, &packages, &modules)?)?;
    Ok(Machine { packages, kernel, base })
}

fn kernel(packages: &Path) -> Result<(PathBuf, PathBuf)> {
    let all = packages.join("usr/lib/modules");
    let version = fs::read_dir(&all)?.next().context("no kernel among the packages")??;
    let name = version.file_name().to_string_lossy().into_owned();
    Ok((packages.join("boot").join(format!("vmlinuz-{name}")), version.path()))
}

/// The machine's root, without the test.
fn root(workspace: &Path, packages: &Path, modules: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for directory in ["dev", "proc", "sys", "run", "tmp", "root", "var/lib/dbus"] {
        archive.directory(directory);
    }
    let ours = workspace.join("tests/vm");
    archive.add_file("init", PROGRAM, &ours.join("init"))?;
    archive.add_file("etc/dbus-1/test.conf", FILE, &ours.join("dbus.conf"))?;
    archive.add_file("etc/bluetooth/main.conf", FILE, &ours.join("bluetooth.conf"))?;
    archive.add("etc/passwd", FILE, b"root:x:0:0:root:/tmp:/bin/sh\n");
    archive.add("etc/group", FILE, b"root:x:0:\n");
    archive.add("etc/hosts", FILE, b"127.0.0.1 localhost\n");
    archive.add("etc/nsswitch.conf", FILE, b"passwd: files\ngroup: files\nhosts: files\n");
    for program in PROGRAMS {
        let name = program.rsplit('/').next().unwrap_or(program);
        archive.add_file(&format!("bin/{name}"), PROGRAM, &packages.join(program))?;
    }
    let libraries = packages.join(LIBRARIES);
    let mut needed = BTreeSet::new();
    for program in PROGRAMS {
        closure(&packages.join(program), &libraries, &mut needed)?;
    }
    // For the node and the test, which are linked on the host.
    for name in ["libgcc_s.so.1", "libm.so.6", "libc.so.6"] {
        needed.insert(name.to_owned());
    }
    for name in &needed {
        archive.add_file(&format!("{LIBRARIES}/{name}"), PROGRAM, &libraries.join(name))?;
    }
    archive.add_file(LOADER, PROGRAM, &libraries.join("ld-linux-x86-64.so.2"))?;
    archive.link("lib/x86_64-linux-gnu", "../usr/lib/x86_64-linux-gnu");
    let mut order = Vec::new();
    for name in MODULES {
        module(name, packages, modules, &mut order, &mut archive)?;
    }
    archive.add("lib/modules/order", FILE, order.join("\n").as_bytes());
    Ok(archive.finish())
}

/// The libraries that a program is linked to, and those that they are.
fn closure(file: &Path, libraries: &Path, found: &mut BTreeSet<String>) -> Result<()> {
    let told = steps::must(Command::new("readelf").arg("-d").arg(file), Shown::OnFailure)?;
    let names = told.lines().filter(|line| line.contains("(NEEDED)"));
    for name in names.filter_map(|line| line.split(['[', ']']).nth(1)) {
        if libraries.join(name).exists() && found.insert(name.to_owned()) {
            closure(&libraries.join(name), libraries, found)?;
        }
    }
    Ok(())
}

/// Adds a module after those it depends on. One that the kernel contains is no file.
fn module(
    name: &str,
    packages: &Path,
    modules: &Path,
    order: &mut Vec<String>,
    archive: &mut Archive,
) -> Result<()> {
    let Some(file) = find_module(name, &modules.join("kernel"))? else { return Ok(()) };
    let mut unpack = Command::new(packages.join("usr/bin/busybox"));
    let unpacked = unpack.arg("xzcat").arg(&file).output()?;
    if !unpacked.status.success() {
        bail!("cannot unpack {}", file.display());
    }
    for other in depends(&unpacked.stdout) {
        module(&other, packages, modules, order, archive)?;
    }
    if !order.iter().any(|known| known == name) {
        archive.add(&format!("lib/modules/{name}.ko"), FILE, &unpacked.stdout);
        order.push(name.to_owned());
    }
    Ok(())
}

fn find_module(name: &str, dir: &Path) -> Result<Option<PathBuf>> {
    let same = |file: &str| {
        let stem = file.strip_suffix(".ko.xz").map(|stem| stem.replace('-', "_"));
        stem.is_some_and(|stem| stem == name.replace('-', "_"))
    };
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if let Some(found) = find_module(name, &entry.path())? {
                return Ok(Some(found));
            }
        } else if same(&entry.file_name().to_string_lossy()) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// What a module says it depends on: `depends=a,b` in its own description.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = &module[at + KEY.len()..];
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(0);
    let names = String::from_utf8_lossy(&rest[..end]).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Puts the tests and what they need into an archive of their own.
fn stage(workspace: &Workspace) -> Result<Vec<u8>> {
    let adapters: Vec<String> = (0..CONTROLLERS).map(|n| format!("hci{n}")).collect();
    let mut script = format!(
        "#!/bin/sh\nexport BITCRAPS_BIN=/test/bitcraps {ADAPTERS}={} {SCREENSHOTS}=/tmp\n",
        adapters.join(",")
    );
    let mut archive = Archive::default();
    add_slim(&mut archive, workspace, "controllers", &controllers(workspace)?)?;
    add_slim(&mut archive, workspace, "bitcraps", &workspace.node_binary())?;
    for (package, test, filter) in TESTS {
        add_slim(&mut archive, workspace, test, &test_program(workspace, package, test)?)?;
        script.push_str(&format!("/test/{test} {filter} --nocapture --test-threads=1 || exit\n"));
    }
    archive.add("test/run", PROGRAM, script.as_bytes());
    Ok(archive.finish())
}

/// Builds a test and gives its program.
fn test_program(workspace: &Workspace, package: &str, test: &str) -> Result<PathBuf> {
    built(workspace, &["test", "--package", package, "--test", test, "--no-run"], test)
}

/// Builds the program that serves the controllers.
fn controllers(workspace: &Workspace) -> Result<PathBuf> {
    built(workspace, &["build", "--package", "bitcraps-controllers"], "controllers")
}

/// Runs cargo with these and gives the program of this name that it built.
fn built(workspace: &Workspace, args: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = workspace.cargo(args);
    command.args(["--locked", "--message-format", "json-render-diagnostics"]);
    let told = steps::must(&mut command, Shown::OnFailure)?;
    let mut artifacts = told.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == name;
        message["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    artifacts.next_back().with_context(|| format!("cargo names no program {name}"))
}

/// Adds a program without what only debuggers read, where that can be left out.
fn add_slim(archive: &mut Archive, workspace: &Workspace, name: &str, from: &Path) -> Result<()> {
    let slim = workspace.target.join("ble-vm").join(name);
    let mut strip = Command::new("strip");
    let stripped = steps::run(strip.arg("-o").arg(&slim).arg(from), Shown::OnFailure);
    let slim = if stripped.is_ok_and(|done| done.success) { &slim } else { from };
    archive.add_file(&format!("test/{name}"), PROGRAM, slim)
}

/// Runs the machine to its end and reads the verdict from its console.
fn boot(machine: &Machine, test: &[u8]) -> Result<Totals> {
    let mut whole = fs::read(&machine.base)?;
    whole.extend(test);
    let initrd = machine.base.with_file_name("initrd");
    fs::write(&initrd, whole)?;
    let libraries = machine.packages.join(LIBRARIES);
    let share = machine.packages.join("usr/share");
    let mut qemu = Command::new(libraries.join("ld-linux-x86-64.so.2"));
    qemu.arg("--library-path").arg(&libraries);
    qemu.arg(machine.packages.join("usr/bin/qemu-system-x86_64"));
    qemu.arg("-L").arg(share.join("qemu")).arg("-L").arg(share.join("seabios"));
    qemu.args(["-M", "q35", "-accel", "tcg,thread=single,tb-size=256", "-cpu", "max,la57=off"]);
    qemu.args(["-icount", CLOCK]);
    qemu.args(["-smp", "1", "-m", "1024", "-nodefaults", "-no-user-config", "-no-reboot"]);
    qemu.args(["-display", "none", "-serial", "stdio"]);
    qemu.arg("-kernel").arg(&machine.kernel).arg("-initrd").arg(&initrd).arg("-append").arg(
        format!(
            "console=ttyS0 quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on audit=0 \
             tsc=reliable controllers={CONTROLLERS}"
        ),
    );
    qemu.env("QEMU_MODULE_DIR", libraries.join("qemu"));
    qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = qemu.spawn().context("cannot run QEMU")?;
    let (sender, lines) = mpsc::channel();
    let pipes: [Option<Box<dyn std::io::Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut console = String::new();
    let mut status = None;
    while started.elapsed() < RUN_MAX {
        match lines.recv_timeout(HEARTBEAT) {
            Ok(line) => {
                if PROGRESS.iter().any(|start| line.starts_with(start)) {
                    println!("      {:4.0} s  {line}", started.elapsed().as_secs_f64());
                }
                let exit = line.strip_prefix("VM exit ").and_then(|rest| rest.split(' ').next());
                status = status.or(exit.and_then(|code| code.parse::<i32>().ok()));
                console.push_str(&line);
                console.push('\n');
            }
            Err(RecvTimeoutError::Timeout) => {
                println!("      {:4.0} s  it runs", started.elapsed().as_secs_f64());
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // Still there when the time is over; otherwise it has ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    let totals = Totals::read(&console);
    match status {
        Some(0) if totals.passed > 0 => Ok(totals),
        Some(0) => bail!("no test ran in the machine; its console:\n{console}"),
        Some(code) => bail!("the test ended with {code} in the machine; its console:\n{console}"),
        None => bail!("the machine did not end in {RUN_MAX:?}; its console:\n{console}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_tells_what_it_depends_on() {
        assert_eq!(depends(b"\x7fELF\0license=GPL\0depends=a,b_c\0name=x\0"), ["a", "b_c"]);
        assert!(depends(b"\0depends=\0retpoline=Y\0").is_empty());
        assert!(depends(b"nothing").is_empty());
    }
}

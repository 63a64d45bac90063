//! `controllers COUNT [A-B…]`: gives the kernel this many controllers of Bluetooth through
//! `/dev/vhci`, all in range of each other but for the pairs named, and serves them until it is
//! ended. `controllers 3 0-2` is a line of three.

#![forbid(unsafe_code)]

use anyhow::{Context as _, Result, bail};
use bitcraps_controllers::{Air, CONTROLLERS_MAX, ToHost};
use std::{
    env,
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

const DEVICE: &str = "/dev/vhci";

/// Asks the kernel for a controller of the ordinary kind.
const CREATE: [u8; 2] = [0xff, 0];

/// Between two advertisements of one controller: the usual interval of one that wants to be found.
const ADVERTISE_EVERY: Duration = Duration::from_millis(100);

/// No packet of HCI is longer: four bytes of header and a length of two.
const PACKET_BYTES_MAX: usize = 4 + 65_536;

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let count = args.next().context("how many controllers?")?;
    let count: usize = count.parse().with_context(|| format!("{count:?} is no number"))?;
    if !(1..=CONTROLLERS_MAX).contains(&count) {
        bail!("1 to {CONTROLLERS_MAX} controllers, not {count}");
    }
    let apart = args.map(|pair| pair_of(&pair)).collect::<Result<Vec<_>>>()?;
    let air = Arc::new(Mutex::new(Air::new(count, &apart)));
    let devices = (0..count).map(|_| create()).collect::<Result<Vec<_>>>()?;
    let hosts = Arc::new(devices);
    for controller in 0..count {
        let (air, hosts) = (air.clone(), hosts.clone());
        thread::spawn(move || {
            let mut packet = vec![0; PACKET_BYTES_MAX];
            let mut host = &hosts[controller];
            loop {
                match host.read(&mut packet) {
                    Ok(bytes) if bytes > 0 => {
                        serve(&air, &hosts, |air| air.on_packet(controller, &packet[..bytes]));
                    }
                    ended => {
                        eprintln!("controller {controller} has ended: {ended:?}");
                        return;
                    }
                }
            }
        });
    }
    loop {
        thread::sleep(ADVERTISE_EVERY);
        serve(&air, &hosts, Air::on_advertising_event);
    }
}

fn pair_of(text: &str) -> Result<(usize, usize)> {
    let pair = text.split_once('-').with_context(|| format!("{text:?} is no pair like 0-2"))?;
    Ok((pair.0.parse()?, pair.1.parse()?))
}

fn create() -> Result<File> {
    let opened = OpenOptions::new().read(true).write(true).open(DEVICE);
    let mut device = opened.with_context(|| format!("cannot open {DEVICE}"))?;
    device.write_all(&CREATE).with_context(|| format!("{DEVICE} makes no controller"))?;
    Ok(device)
}

/// What follows is written before anything else happens in the air, so each host reads it in the
/// order in which it happened.
fn serve(air: &Mutex<Air>, hosts: &[File], happen: impl FnOnce(&mut Air) -> Vec<ToHost>) {
    let mut air = air.lock().unwrap_or_else(PoisonError::into_inner);
    for ToHost { controller, packet } in happen(&mut air) {
        if let Err(error) = (&hosts[controller]).write_all(&packet) {
            // A controller that is switched off takes no packets.
            eprintln!("controller {controller} was not told: {error}");
        }
    }
}

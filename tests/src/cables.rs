//! Two machines and the cables between them, as network namespaces of this machine.
//!
//! - Each cable is a network of its own with a switch in the middle. Cutting it takes one plug out
//!   of the switch: both ends go silent, nobody is told.
//! - Each machine has one more cable that leads to the test alone and is never cut.
//! - It needs Linux, root and `ip`. Where these are missing [`Lab::new`] says so, and the test is
//!   skipped with one visible line.

use anyhow::{Context as _, Result, bail};
use std::{
    io::Write as _,
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// Labs that this process made.
static LABS: AtomicU32 = AtomicU32::new(0);

/// One of the two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

impl Side {
    pub const BOTH: [Side; 2] = [Side::Left, Side::Right];

    fn letter(self) -> char {
        match self {
            Side::Left => 'a',
            Side::Right => 'b',
        }
    }

    fn number(self) -> u8 {
        match self {
            Side::Left => 1,
            Side::Right => 2,
        }
    }
}

/// Both machines. Everything is taken down when it is dropped.
pub struct Lab {
    /// Tells its namespaces and interfaces from those of other tests and processes.
    mark: u32,
}

impl Lab {
    /// `None` where namespaces cannot be made, after one line that says why.
    pub fn new(cables: u8) -> Result<Option<Lab>> {
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let lab = Lab { mark: std::process::id() % 10_000 * 10 + number % 10 };
        if let Err(why) = ip(&["netns", "add", &lab.switch()]) {
            // Not `eprintln`: what a test that passes prints is not shown.
            let line = format!("skipped: network namespaces cannot be made here: {why:#}\n");
            std::io::stderr().write_all(line.as_bytes())?;
            return Ok(None);
        }
        for side in Side::BOTH {
            let name = lab.namespace(side);
            ip(&["netns", "add", &name])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            let (here, there) = (lab.plug(side), "test");
            ip(&["link", "add", &here, "type", "veth", "peer", "name", there, "netns", &name])?;
            ip(&["addr", "add", &format!("{}/30", lab.test_address(side, 1)), "dev", &here])?;
            ip(&["link", "set", &here, "up"])?;
            let address = format!("{}/30", lab.test_address(side, 2));
            ip(&["-n", &name, "addr", "add", &address, "dev", there])?;
            ip(&["-n", &name, "link", "set", there, "up"])?;
        }
        (0..cables).try_for_each(|cable| lab.lay(cable))?;
        Ok(Some(lab))
    }

    fn lay(&self, cable: u8) -> Result<()> {
        let (switch, bridge) = (self.switch(), format!("switch{cable}"));
        ip(&["-n", &switch, "link", "add", &bridge, "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", &bridge, "up"])?;
        for side in Side::BOTH {
            let (name, interface) = (self.namespace(side), interface(cable));
            let port = format!("{}{cable}", side.letter());
            ip(&[
                "-n", &name, "link", "add", &interface, "type", "veth", "peer", "name", &port,
                "netns", &switch,
            ])?;
            ip(&["-n", &switch, "link", "set", &port, "master", &bridge, "up"])?;
            let address = format!("{}/24", self.address(side, cable));
            ip(&["-n", &name, "addr", "add", &address, "dev", &interface])?;
            ip(&["-n", &name, "link", "set", &interface, "up"])?;
        }
        Ok(())
    }

    /// Takes the left machine's plug out of the switch.
    pub fn cut(&self, cable: u8) -> Result<()> {
        ip(&["-n", &self.switch(), "link", "set", &format!("a{cable}"), "down"])
    }

    pub fn heal(&self, cable: u8) -> Result<()> {
        ip(&["-n", &self.switch(), "link", "set", &format!("a{cable}"), "up"])
    }

    /// Gives a machine another address on a cable, and takes the old one away.
    pub fn readdress(&self, side: Side, cable: u8) -> Result<()> {
        let (name, interface) = (self.namespace(side), interface(cable));
        let [a, b, c, _] = self.address(side, cable).octets();
        let new = Ipv4Addr::new(a, b, c, 100 + side.number());
        ip(&["-n", &name, "addr", "flush", "dev", &interface])?;
        ip(&["-n", &name, "addr", "add", &format!("{new}/24"), "dev", &interface])
    }

    /// A machine's first address on a cable.
    pub fn address(&self, side: Side, cable: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.network(), cable, side.number())
    }

    /// Where the test reaches a machine.
    pub fn test_address_of(&self, side: Side) -> Ipv4Addr {
        self.test_address(side, 2)
    }

    /// What stands before a command that runs on a machine.
    pub fn prefix(&self, side: Side) -> Vec<String> {
        ["ip", "netns", "exec", &self.namespace(side)].map(str::to_owned).to_vec()
    }

    fn test_address(&self, side: Side, host: u8) -> Ipv4Addr {
        // On the machine that runs the test these lie beside those of other labs.
        let [second, third] = [200 + self.mark % 50, self.mark / 50 % 250].map(|n| n as u8);
        Ipv4Addr::new(10, second, third, side.number() * 4 + host)
    }

    /// Of the cables; only both machines know it.
    fn network(&self) -> u8 {
        100 + (self.mark % 100) as u8
    }

    fn namespace(&self, side: Side) -> String {
        format!("bitcraps-{}-{}", self.mark, side.letter())
    }

    fn switch(&self) -> String {
        format!("bitcraps-{}-switch", self.mark)
    }

    fn plug(&self, side: Side) -> String {
        format!("bc{}{}", self.mark, side.letter())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let names = Side::BOTH.map(|side| self.namespace(side));
        for name in names.iter().chain([&self.switch()]) {
            // What was never made cannot be taken down.
            let _ = ip(&["netns", "del", name]);
        }
    }
}

fn interface(cable: u8) -> String {
    format!("cable{cable}")
}

fn ip(args: &[&str]) -> Result<()> {
    let ran = Command::new("ip").args(args).stdin(Stdio::null()).output();
    let output = ran.context("cannot run ip (package iproute2)")?;
    if !output.status.success() {
        bail!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

//! A virtual Bluetooth LE radio: any number of adapters, each an `org.bluez` on a message bus of
//! its own, with one piece of air between them.
//!
//! Programs that reach Bluetooth through BlueZ talk over it unchanged: `btleplug`, `bluer`, and
//! Chromium's Web Bluetooth. Each is told its adapter's bus in `DBUS_SYSTEM_BUS_ADDRESS` and finds
//! the adapter as `hci0`.
//!
//! - Whatever one program registers as a peripheral (`GattManager1`, `LEAdvertisingManager1`) is
//!   what another finds by scanning, connects to, writes to and is notified by.
//! - The air can be changed at any time: who hears whom and how well, delay, loss, the MTU of new
//!   links, a link that is cut, an adapter that is off or gone.
//! - What the real stack does unasked is done here too: values beyond 512 bytes vanish, an
//!   advertisement ends when a central comes in through it, a link outlives the program that
//!   served it.
//!
//! Not modelled: pairing and encryption, air time and connection intervals, two adapters that dial
//! each other in the same instant, BlueZ's two seconds for a disconnect.
//!
//! Everything runs in one thread of its own, so the order of what happens is the order in which it
//! was seen there.

#![cfg(target_os = "linux")]

mod bus;
mod calls;
mod gap;
mod gatt;
mod lane;
mod served;
mod value;
mod world;

pub use gap::ADVERTS_MAX;
pub use world::{Counters, Loss};

use anyhow::{Context as _, Result, bail};
use bus::Bus;
use std::{
    io::Write as _,
    os::unix::net::UnixStream,
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use world::World;

/// Adapters of one radio: each has a daemon and a byte of address of its own.
pub const ADAPTERS_MAX: usize = 64;

/// The air and everything in it. It ends when dropped, and every program on it sees its bus go.
pub struct Radio {
    jobs: Mutex<mpsc::Sender<Job>>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// One adapter of the radio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    index: usize,
    bus_number: usize,
    bus: String,
    name: String,
    address: String,
}

type Job = Box<dyn FnOnce(&mut World) + Send>;

impl Adapter {
    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// What it is called on its bus: `hci0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As other adapters see it: `00:AA:01:00:00:01`.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Radio {
    /// An empty piece of air where everybody who joins hears everybody.
    pub fn start() -> Result<Radio> {
        let (jobs, waiting) = mpsc::channel();
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let thread = std::thread::Builder::new()
            .name("radio".to_owned())
            .spawn(move || World::new().run(&woken, &waiting))?;
        Ok(Radio { jobs: Mutex::new(jobs), wake, thread: Some(thread) })
    }

    /// A further adapter: switched on, `hci0` of a bus of its own, in everybody's range.
    pub fn adapter(&self) -> Result<Adapter> {
        let bus = Bus::start()?;
        let address = bus.address.clone();
        let number = self.ask(move |world| world.add_bus(bus))?;
        self.add(number, address)
    }

    /// A further adapter of the same machine: `hci1` and so on of another one's bus.
    pub fn adapter_beside(&self, other: &Adapter) -> Result<Adapter> {
        self.add(other.bus_number, other.bus.clone())
    }

    fn add(&self, bus_number: usize, bus: String) -> Result<Adapter> {
        let added = self.ask(move |world| world.add_adapter(bus_number))?;
        let Some((index, name, address)) = added else {
            bail!("a radio has at most {ADAPTERS_MAX} adapters");
        };
        Ok(Adapter { index, bus_number, bus, name, address })
    }

    /// Whether two adapters hear each other. Going out of range ends their link.
    pub fn set_range(&self, a: &Adapter, b: &Adapter, hear: bool) -> Result<()> {
        let (a, b) = (a.index, b.index);
        self.ask(move |world| world.set_range(a, b, hear))
    }

    /// How strongly two adapters hear each other, in dBm.
    pub fn set_rssi(&self, a: &Adapter, b: &Adapter, rssi: i16) -> Result<()> {
        let (a, b) = (a.index, b.index);
        self.ask(move |world| world.set_rssi(a, b, rssi))
    }

    /// The ATT MTU of links that begin from now on.
    pub fn set_mtu(&self, mtu: u16) -> Result<()> {
        self.ask(move |world| world.settings.mtu = mtu)
    }

    /// How long a value is on its way. A new link takes twice that.
    pub fn set_delay(&self, delay: Duration) -> Result<()> {
        self.ask(move |world| world.settings.delay = delay)
    }

    /// Which share of what nobody acknowledges is lost.
    pub fn set_loss(&self, loss: Loss) -> Result<()> {
        self.ask(move |world| world.settings.loss = loss)
    }

    /// Whether an advertisement ends when a central comes in through it, until that link ends or
    /// it is registered anew. So does Linux 6.12, and so does a radio unless told otherwise.
    pub fn set_adverts_end(&self, end: bool) -> Result<()> {
        self.ask(move |world| world.settings.adverts_end = end)
    }

    /// Ends the link of two adapters; tells whether there was one.
    pub fn cut(&self, a: &Adapter, b: &Adapter) -> Result<bool> {
        let (a, b) = (a.index, b.index);
        self.ask(move |world| world.link_down(a, b))
    }

    /// Whether two adapters have a link.
    pub fn is_linked(&self, a: &Adapter, b: &Adapter) -> Result<bool> {
        let (a, b) = (a.index, b.index);
        self.ask(move |world| world.is_linked(a, b))
    }

    /// Switches an adapter on or off. Programs can do that too: `btleplug` switches on whatever it
    /// is to scan with.
    pub fn set_power(&self, adapter: &Adapter, on: bool) -> Result<()> {
        let index = adapter.index;
        self.ask(move |world| world.set_power(index, on))
    }

    /// Switches an adapter off so that no program can switch it on, as `rfkill` and flight mode
    /// do, or allows it again.
    pub fn set_blocked(&self, adapter: &Adapter, blocked: bool) -> Result<()> {
        let index = adapter.index;
        self.ask(move |world| {
            world.adapters[index].blocked = blocked;
            if blocked {
                world.set_power(index, false);
            }
        })
    }

    /// Plugs an adapter in or out. What programs had registered with it is gone afterwards.
    pub fn set_present(&self, adapter: &Adapter, present: bool) -> Result<()> {
        let index = adapter.index;
        self.ask(move |world| world.set_present(index, present))
    }

    /// Ends the adapter's message bus, for ever.
    pub fn kill_bus(&self, adapter: &Adapter) -> Result<()> {
        let index = adapter.index;
        self.ask(move |world| world.kill_bus(index))
    }

    /// What happened so far.
    pub fn counters(&self) -> Result<Counters> {
        self.ask(|world| world.counters.clone())
    }

    /// Runs something in the radio's thread and waits for what it gives.
    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T> {
        let (answered, answer) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |world| {
            // Whoever asked waits below.
            let _ = answered.send(job(world));
        });
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(job)
            .ok()
            .context("the radio has ended")?;
        self.wake();
        answer.recv().context("the radio ended")
    }

    fn wake(&self) {
        // A full pipe wakes as well as one more byte would.
        let _ = (&self.wake).write(&[1]);
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        // The thread ends when nobody can ask any more; dropping the sender is how it is told.
        let (gone, _) = mpsc::channel();
        *self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner) = gone;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // Its panic was printed where it happened.
            let _ = thread.join();
        }
    }
}

//! A private `dbus-daemon`, the connection on which we are `org.bluez`, and the objects shown
//! there.
//!
//! The configuration gives everybody everything, as the machine's own bus never would: it lives in
//! a temporary directory that only its user can read, and ends with the test.

use crate::value::{Properties, Value, Wire, wire};
use anyhow::{Context as _, Result, bail};
use dbus::{
    Message,
    channel::Channel,
    strings::{ErrorName, Interface, Member, Path},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::CString,
    fs,
    os::fd::{BorrowedFd, OwnedFd},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
pub const OBJECT_MANAGER: &str = "org.freedesktop.DBus.ObjectManager";
const DAEMON: &str = "org.freedesktop.DBus";

/// Longest wait for the daemon to listen, and for its answers.
const START_MAX: Duration = Duration::from_secs(20);

/// Interfaces of an object with their properties.
pub type Interfaces = BTreeMap<&'static str, Properties>;

/// One bus with what is shown on it.
pub struct Bus {
    pub address: String,
    channel: Channel,
    /// The channel's socket, to wait for it.
    socket: OwnedFd,
    objects: BTreeMap<String, Interfaces>,
    /// The daemon has gone: there is nothing to wait for any more.
    ended: bool,
    // In this order: the daemon ends before its directory goes.
    daemon: Daemon,
    _dir: TempDir,
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has nothing to save, and a daemon that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bus {
    /// Starts the daemon named by `DBUS_DAEMON`, or that of the PATH, and becomes `org.bluez`.
    pub fn start() -> Result<Bus> {
        let dir = tempfile::tempdir()?;
        let socket = dir.path().join("bus");
        let address = format!("unix:path={}", socket.display());
        let config = dir.path().join("bus.conf");
        fs::write(&config, configuration(&address))?;
        let program = std::env::var_os("DBUS_DAEMON").unwrap_or_else(|| "dbus-daemon".into());
        let child = Command::new(&program)
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--nosyslog", "--nopidfile"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // As root it grumbles about its limit of files.
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                let program = program.to_string_lossy();
                format!("cannot run {program}; on Debian: apt-get install dbus-daemon")
            })?;
        let mut daemon = Daemon(child);
        let mut channel = connect(&address, &mut daemon.0)?;
        channel.set_watch_enabled(true);
        let fd = channel.watch().fd;
        // SAFETY: the channel owns this descriptor and lives; what is kept is a copy of our own.
        #[allow(unsafe_code, reason = "libdbus tells its socket as a number only")]
        let socket = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
        let objects = BTreeMap::new();
        let bus = Bus { address, channel, socket, objects, ended: false, daemon, _dir: dir };
        for rule in [
            "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'",
            "type='signal',interface='org.freedesktop.DBus.Properties',\
             member='PropertiesChanged',arg0='org.bluez.GattCharacteristic1'",
        ] {
            bus.ask_daemon("AddMatch", |message| message.append1(rule))?;
        }
        bus.ask_daemon("RequestName", |message| message.append2("org.bluez", 0u32))?;
        Ok(bus)
    }

    /// What to wait for, if the daemon lives: the socket, and whether something waits to be
    /// written.
    pub fn socket(&self) -> Option<(&OwnedFd, bool)> {
        (!self.ended).then(|| (&self.socket, self.channel.watch().write))
    }

    /// Whether the bus does not take what was said so far.
    pub fn is_congested(&self) -> bool {
        self.channel.has_messages_to_send()
    }

    /// Reads and writes what can be without waiting, and gives what came.
    pub fn exchange(&mut self) -> Vec<Message> {
        if !self.ended {
            // A daemon that has gone is noticed by the next line.
            let _ = self.channel.read_write(Some(Duration::ZERO));
            self.ended = !self.channel.is_connected();
        }
        std::iter::from_fn(|| self.channel.pop_message()).collect()
    }

    /// Ends the daemon, as if the machine's message bus died.
    pub fn kill(&mut self) {
        let _ = self.daemon.0.kill();
    }

    /// Sends, and gives the number by which an answer refers to it. It fails only without memory.
    pub fn send(&self, message: Message) -> u32 {
        self.channel.send(message).unwrap_or_default()
    }

    pub fn reply_error(&self, call: &Message, name: &str, words: &str) {
        if call.get_no_reply() {
            return;
        }
        let words = CString::new(words).unwrap_or_default();
        if let Ok(name) = ErrorName::new(name) {
            self.send(call.error(&name, &words));
        }
    }

    /// As libdbus answers for an object that is not there.
    pub fn unknown(&self, call: &Message) {
        let path = call.path().map(|path| path.to_string()).unwrap_or_default();
        let member = call.member().map(|member| member.to_string()).unwrap_or_default();
        let words = format!("Method \"{member}\" of {path} doesn't exist");
        self.reply_error(call, "org.freedesktop.DBus.Error.UnknownObject", &words);
    }

    pub fn reply(&self, call: &Message, fill: impl FnOnce(Message) -> Message) {
        if !call.get_no_reply() {
            self.send(fill(call.method_return()));
        }
    }

    pub fn has(&self, path: &str) -> bool {
        self.objects.contains_key(path)
    }

    pub fn interfaces(&self, path: &str) -> Option<&Interfaces> {
        self.objects.get(path)
    }

    pub fn property(&self, path: &str, interface: &str, name: &str) -> Option<&Value> {
        self.objects.get(path)?.get(interface)?.get(name)
    }

    pub fn is_true(&self, path: &str, interface: &str, name: &str) -> bool {
        self.property(path, interface, name) == Some(&Value::Bool(true))
    }

    /// Shows an object.
    pub fn add(&mut self, path: &str, interfaces: Interfaces) {
        let told: BTreeMap<String, Wire> =
            interfaces.iter().map(|(name, p)| ((*name).to_owned(), wire(p))).collect();
        self.objects.insert(path.to_owned(), interfaces);
        let object = Path::new(path.to_owned()).unwrap_or_default();
        self.signal("/", OBJECT_MANAGER, "InterfacesAdded", |m| m.append2(object, told));
    }

    /// Takes an object and everything below it away.
    pub fn remove(&mut self, path: &str) {
        self.remove_all(|other| other == path || is_below(other, path));
    }

    /// Takes everything below an object away.
    pub fn remove_below(&mut self, path: &str) {
        self.remove_all(|other| is_below(other, path));
    }

    fn remove_all(&mut self, which: impl Fn(&str) -> bool) {
        let gone: Vec<String> = self.objects.keys().filter(|path| which(path)).cloned().collect();
        for path in gone.into_iter().rev() {
            let Some(interfaces) = self.objects.remove(&path) else { continue };
            let names: Vec<String> = interfaces.keys().map(|name| (*name).to_owned()).collect();
            let object = Path::new(path).unwrap_or_default();
            self.signal("/", OBJECT_MANAGER, "InterfacesRemoved", |m| m.append2(object, names));
        }
    }

    /// Changes properties of an object that is shown, and tells everybody.
    pub fn change(&mut self, path: &str, interface: &'static str, changed: Properties) {
        let Some(properties) = self.objects.get_mut(path).and_then(|o| o.get_mut(interface)) else {
            return;
        };
        properties.extend(changed.clone());
        self.changed(path, interface, &changed, &[]);
    }

    /// Takes a property away, as BlueZ does with the RSSI when nobody scans.
    pub fn forget(&mut self, path: &str, interface: &'static str, name: &'static str) {
        let properties = self.objects.get_mut(path).and_then(|o| o.get_mut(interface));
        if properties.is_some_and(|properties| properties.remove(name).is_some()) {
            self.changed(path, interface, &Properties::new(), &[name]);
        }
    }

    /// Tells of properties without keeping them: values that pass by.
    pub fn changed(&self, path: &str, interface: &str, changed: &Properties, gone: &[&str]) {
        let (changed, gone) = (wire(changed), gone.to_vec());
        self.signal(path, PROPERTIES, "PropertiesChanged", |m| m.append3(interface, changed, gone));
    }

    /// Everything shown, as `GetManagedObjects` tells it.
    pub fn managed(&self) -> BTreeMap<Path<'static>, BTreeMap<String, Wire>> {
        let interfaces = |interfaces: &Interfaces| {
            interfaces.iter().map(|(name, p)| ((*name).to_owned(), wire(p))).collect()
        };
        self.objects
            .iter()
            .map(|(path, all)| (Path::new(path.clone()).unwrap_or_default(), interfaces(all)))
            .collect()
    }

    /// What `Introspect` tells: clients walk this to find services and characteristics.
    pub fn introspection(&self, path: &str) -> String {
        let below = format!("{}/", path.trim_end_matches('/'));
        let mut xml = String::from("<node>");
        for name in self.objects.get(path).into_iter().flat_map(|all| all.keys()) {
            xml.push_str(&format!("<interface name=\"{name}\"/>"));
        }
        let children = self.objects.keys().filter_map(|other| other.strip_prefix(&below));
        let names: BTreeSet<&str> = children.filter_map(|rest| rest.split('/').next()).collect();
        for name in names {
            xml.push_str(&format!("<node name=\"{name}\"/>"));
        }
        xml.push_str("</node>");
        xml
    }

    fn signal(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        fill: impl FnOnce(Message) -> Message,
    ) {
        let names = (Path::new(path), Interface::new(interface), Member::new(member));
        if let (Ok(path), Ok(interface), Ok(member)) = names {
            self.send(fill(Message::signal(&path, &interface, &member)));
        }
    }

    fn ask_daemon(&self, method: &str, fill: impl FnOnce(Message) -> Message) -> Result<()> {
        let message = Message::new_method_call(DAEMON, "/org/freedesktop/DBus", DAEMON, method);
        let message = fill(message.map_err(anyhow::Error::msg)?);
        self.channel
            .send_with_reply_and_block(message, START_MAX)
            .with_context(|| format!("the message bus refused {method}"))?;
        Ok(())
    }
}

/// The daemon's file is there a moment before it listens.
fn connect(address: &str, daemon: &mut Child) -> Result<Channel> {
    let deadline = Instant::now() + START_MAX;
    loop {
        match Channel::open_private(address) {
            Ok(mut channel) => {
                channel.register()?;
                return Ok(channel);
            }
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
        if let Some(status) = daemon.try_wait()? {
            bail!("dbus-daemon ended with {status}");
        }
    }
}

/// With the limits of a session's bus; those of the system's bus are far lower.
fn configuration(address: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
</busconfig>
"#
    )
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

//! The air: who advertises, who scans, who has a link with whom.
//!
//! Rules. A link has one handle, the same at both ends and no other link's, so no end can mix up
//! two of its links. Two controllers have at most one link. Whoever waits for a connection gets it
//! at the first advertisement it hears, and the advertisement ends with that, as the specification
//! says.

use crate::hci::{self, OK};
use std::collections::{BTreeMap, BTreeSet};

/// Controllers of one air. The kernel would take more; a line needs three.
pub const CONTROLLERS_MAX: usize = 16;

/// Links in the air at once; handles have twelve bits, and a test has a handful of links.
pub const LINKS_MAX: usize = 64;

/// Bytes of one packet of data, and packets that a host may have on the way: those of an adapter
/// with data length extension.
const DATA_BYTES_MAX: u16 = 251;
const DATA_PACKETS_MAX: u8 = 16;

/// What is filtered as heard already; the filter of a controller that is full lets everything
/// through.
const HEARD_MAX: usize = 64;

/// How strongly everybody is heard, in dBm: about a metre away.
const RSSI: i8 = -60;

/// Kinds of advertisements, and of reports of them.
const CONNECTABLE: u8 = 0;
const SCANNABLE: u8 = 2;
const SCAN_RESPONSE: u8 = 4;

const OWN_ADDRESS_RANDOM: u8 = 1;

/// Data of an advertisement.
const ADVERTISEMENT_BYTES_MAX: usize = 31;

/// A packet for the host of a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToHost {
    pub controller: usize,
    pub packet: Vec<u8>,
}

/// As it is on the air: kind and bytes, lowest first.
type Address = (u8, [u8; 6]);

#[derive(Default)]
struct Controller {
    address: [u8; 6],
    random: [u8; 6],
    advertising: bool,
    advertised_kind: u8,
    advertised_as: u8,
    advertisement: Vec<u8>,
    scan_response: Vec<u8>,
    scanning: bool,
    /// Whether it asks for scan responses.
    asks: bool,
    /// What it has reported, where it is to report everything once.
    heard: Option<BTreeSet<(Address, u8, Vec<u8>)>>,
    /// Whom it waits for to connect to, and the kind of its own address.
    wanted: Option<(Address, u8)>,
}

impl Controller {
    fn new(address: [u8; 6]) -> Controller {
        Controller { address, ..Controller::default() }
    }

    fn address_as(&self, kind: u8) -> Address {
        match kind & OWN_ADDRESS_RANDOM {
            OWN_ADDRESS_RANDOM => (OWN_ADDRESS_RANDOM, self.random),
            _ => (0, self.address),
        }
    }

    fn advertised(&self) -> Address {
        self.address_as(self.advertised_as)
    }
}

/// See the module.
#[derive(Default)]
pub struct Air {
    controllers: Vec<Controller>,
    /// Pairs that do not hear each other, the smaller first.
    apart: BTreeSet<(usize, usize)>,
    /// Handle to central and peripheral.
    links: BTreeMap<u16, (usize, usize)>,
    out: Vec<ToHost>,
}

impl Air {
    /// As many controllers as may be, all in range of each other but for these pairs.
    pub fn new(controllers: usize, apart: &[(usize, usize)]) -> Air {
        let address = |n: usize| Controller::new([n as u8, 0, 0, 0, 0xbb, 0]);
        Air {
            controllers: (0..controllers.min(CONTROLLERS_MAX)).map(address).collect(),
            apart: apart.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect(),
            ..Air::default()
        }
    }

    /// A packet from a controller's host. What is no packet is ignored.
    pub fn on_packet(&mut self, controller: usize, packet: &[u8]) -> Vec<ToHost> {
        if controller < self.controllers.len() {
            match packet {
                [hci::COMMAND, low, high, _, parameters @ ..] => {
                    let opcode = u16::from_le_bytes([*low, *high]);
                    if self.command(controller, opcode, parameters).is_none() {
                        self.complete(controller, opcode, &[hci::WRONG_PARAMETERS]);
                    }
                }
                [hci::DATA, low, high, rest @ ..] => {
                    self.data(controller, u16::from_le_bytes([*low, *high]), rest);
                }
                _ => {}
            }
        }
        std::mem::take(&mut self.out)
    }

    /// Everybody who advertises is heard once.
    pub fn on_advertising_event(&mut self) -> Vec<ToHost> {
        for from in 0..self.controllers.len() {
            if !self.controllers[from].advertising {
                continue;
            }
            for to in 0..self.controllers.len() {
                if self.hears(from, to) {
                    self.report(from, to);
                }
            }
            let wants = |to: &usize| self.hears(from, *to) && self.is_wanted_by(from, *to);
            if let Some(central) = (0..self.controllers.len()).find(wants) {
                self.link(central, from);
            }
        }
        std::mem::take(&mut self.out)
    }

    fn hears(&self, a: usize, b: usize) -> bool {
        a != b && !self.apart.contains(&(a.min(b), a.max(b)))
    }

    fn send(&mut self, controller: usize, packet: Vec<u8>) {
        self.out.push(ToHost { controller, packet });
    }

    fn complete(&mut self, controller: usize, opcode: u16, result: &[u8]) {
        self.send(controller, hci::command_complete(opcode, result));
    }

    /// `None` where parameters are missing.
    fn command(&mut self, who: usize, opcode: u16, given: &[u8]) -> Option<()> {
        let own = &mut self.controllers[who];
        let mut result = vec![OK];
        match opcode {
            hci::RESET => {
                let address = own.address;
                *own = Controller::new(address);
                let linked = |(_, ends): &(&u16, &(usize, usize))| ends.0 == who || ends.1 == who;
                let links: Vec<u16> = self.links.iter().filter(linked).map(|(h, _)| *h).collect();
                for handle in links {
                    self.unlink(handle, who, hci::TIMED_OUT, None);
                }
            }
            hci::READ_LOCAL_VERSION => {
                let [low, high] = hci::MANUFACTURER.to_le_bytes();
                result.extend([hci::VERSION, 0, 0, hci::VERSION, low, high, 0, 0]);
            }
            hci::READ_LOCAL_COMMANDS => {
                let mut commands = [0; 64];
                hci::COMMANDS.into_iter().for_each(|(byte, bits)| commands[byte] = bits);
                result.extend(commands);
            }
            hci::READ_LOCAL_FEATURES => result.extend(hci::FEATURES),
            hci::READ_ADDRESS => result.extend(own.address),
            hci::READ_RSSI => {
                result.extend(given.get(..2)?);
                result.push(RSSI as u8);
            }
            hci::READ_TRANSMIT_POWER => {
                result.extend(given.get(..2)?);
                result.push(0);
            }
            hci::LE_READ_BUFFER_SIZE => {
                result.extend(DATA_BYTES_MAX.to_le_bytes());
                result.push(DATA_PACKETS_MAX);
            }
            hci::LE_READ_LOCAL_FEATURES => result.extend([0; 8]),
            hci::LE_READ_STATES => result.extend(hci::STATES),
            hci::LE_READ_ADVERTISING_POWER => result.push(0),
            hci::LE_READ_ACCEPT_LIST_SIZE => result.push(CONTROLLERS_MAX as u8),
            // Whom a host does not mean it leaves out itself.
            hci::SET_EVENT_MASK
            | hci::LE_SET_EVENT_MASK
            | hci::LE_CLEAR_ACCEPT_LIST
            | hci::LE_ADD_TO_ACCEPT_LIST
            | hci::LE_REMOVE_FROM_ACCEPT_LIST => {}
            hci::LE_SET_RANDOM_ADDRESS => own.random = given.get(..6)?.try_into().ok()?,
            hci::LE_SET_ADVERTISING_PARAMETERS => {
                (own.advertised_kind, own.advertised_as) = (*given.get(4)?, *given.get(5)?);
            }
            hci::LE_SET_ADVERTISING_DATA => own.advertisement = counted(given)?,
            hci::LE_SET_SCAN_RESPONSE => own.scan_response = counted(given)?,
            hci::LE_SET_ADVERTISING => own.advertising = *given.first()? != 0,
            hci::LE_SET_SCAN_PARAMETERS => own.asks = *given.first()? != 0,
            hci::LE_SET_SCAN => {
                own.scanning = *given.first()? != 0;
                own.heard = (*given.get(1)? != 0).then(BTreeSet::new);
            }
            hci::LE_CREATE_CONNECTION => {
                let address: [u8; 6] = given.get(6..12)?.try_into().ok()?;
                let wanted = (given[5] & OWN_ADDRESS_RANDOM, address);
                let own_kind = *given.get(12)?;
                let status = self.connect(who, wanted, own_kind);
                self.send(who, hci::command_status(opcode, status));
                return Some(());
            }
            hci::LE_CANCEL_CONNECTION => {
                let waited = own.wanted.take();
                let status = if waited.is_some() { OK } else { hci::NOT_NOW };
                self.complete(who, opcode, &[status]);
                if let Some((address, _)) = waited {
                    let nothing = linked(hci::UNKNOWN_CONNECTION, 0, 0, address);
                    self.send(who, nothing);
                }
                return Some(());
            }
            hci::DISCONNECT
            | hci::READ_REMOTE_VERSION
            | hci::LE_READ_REMOTE_FEATURES
            | hci::LE_UPDATE_CONNECTION => {
                self.about_link(who, opcode, given)?;
                return Some(());
            }
            _ => result = vec![hci::UNKNOWN_COMMAND],
        }
        self.complete(who, opcode, &result);
        Some(())
    }

    /// Commands about a link are answered twice: at once, and when they are done.
    fn about_link(&mut self, who: usize, opcode: u16, given: &[u8]) -> Option<()> {
        let bytes = [*given.first()?, *given.get(1)?];
        let handle = u16::from_le_bytes(bytes);
        let Some(other) = self.other_end(handle, who) else {
            self.send(who, hci::command_status(opcode, hci::UNKNOWN_CONNECTION));
            return Some(());
        };
        let [low, high] = bytes;
        let interval = given.get(4..10);
        self.send(who, hci::command_status(opcode, OK));
        match opcode {
            hci::DISCONNECT => {
                self.unlink(handle, who, hci::ENDED_BY_REMOTE, Some(hci::ENDED_BY_HOST));
            }
            hci::READ_REMOTE_VERSION => {
                let [m_low, m_high] = hci::MANUFACTURER.to_le_bytes();
                let version = [OK, low, high, hci::VERSION, m_low, m_high, 0, 0];
                self.send(who, hci::event(0x0c, &version));
            }
            hci::LE_READ_REMOTE_FEATURES => {
                let features = [OK, low, high, 0, 0, 0, 0, 0, 0, 0, 0];
                self.send(who, hci::le_event(0x04, &features));
            }
            _ => {
                // Of the shortest and the longest interval the longest is taken.
                let interval = interval?;
                let updated = [&[OK, low, high][..], interval].concat();
                self.send(who, hci::le_event(0x03, &updated));
                self.send(other, hci::le_event(0x03, &updated));
            }
        }
        Some(())
    }

    /// Begins to wait for an advertisement; gives the status.
    fn connect(&mut self, who: usize, wanted: Address, own_kind: u8) -> u8 {
        let linked_to = |other: usize| self.link_between(who, other).is_some();
        let same = |other: &usize| self.controllers[*other].advertised() == wanted;
        if self.controllers[who].wanted.is_some() {
            return hci::NOT_NOW;
        }
        if (0..self.controllers.len()).filter(same).any(linked_to) {
            return hci::ALREADY_LINKED;
        }
        if self.links.len() >= LINKS_MAX {
            return hci::LIMIT_EXCEEDED;
        }
        self.controllers[who].wanted = Some((wanted, own_kind));
        OK
    }

    fn is_wanted_by(&self, advertiser: usize, central: usize) -> bool {
        let own = &self.controllers[advertiser];
        let wanted = self.controllers[central].wanted.map(|(address, _)| address);
        own.advertised_kind == CONNECTABLE
            && wanted == Some(own.advertised())
            && self.link_between(advertiser, central).is_none()
    }

    fn link_between(&self, a: usize, b: usize) -> Option<u16> {
        let same = |(_, ends): &(&u16, &(usize, usize))| **ends == (a, b) || **ends == (b, a);
        self.links.iter().find(same).map(|(handle, _)| *handle)
    }

    fn other_end(&self, handle: u16, who: usize) -> Option<usize> {
        match self.links.get(&handle) {
            Some((central, peripheral)) if *central == who => Some(*peripheral),
            Some((central, peripheral)) if *peripheral == who => Some(*central),
            _ => None,
        }
    }

    fn link(&mut self, central: usize, peripheral: usize) {
        let free = (1..).find(|handle| !self.links.contains_key(handle));
        let Some(handle) = free.filter(|_| self.links.len() < LINKS_MAX) else { return };
        let Some((_, own_kind)) = self.controllers[central].wanted.take() else { return };
        self.links.insert(handle, (central, peripheral));
        self.controllers[peripheral].advertising = false;
        let to_peripheral = self.controllers[peripheral].advertised();
        let to_central = self.controllers[central].address_as(own_kind);
        self.send(central, linked(OK, handle, 0, to_peripheral));
        self.send(peripheral, linked(OK, handle, 1, to_central));
    }

    /// Ends a link that is there; its own end is told only with a reason.
    fn unlink(&mut self, handle: u16, who: usize, to_other: u8, to_own: Option<u8>) {
        let Some(other) = self.other_end(handle, who) else { return };
        self.links.remove(&handle);
        if let Some(reason) = to_own {
            self.send(who, hci::disconnected(handle, reason));
        }
        self.send(other, hci::disconnected(handle, to_other));
    }

    /// Takes data to the other end. That of a link which has just ended is lost.
    fn data(&mut self, from: usize, flags: u16, rest: &[u8]) {
        let handle = flags & 0x0fff;
        let Some(to) = self.other_end(handle, from) else { return };
        // A host begins a message with 0 and reads its beginning as 2; a continuation is 1.
        let boundary = if flags >> 12 & 0b11 == 1 { 1 } else { 2 };
        let [low, high] = (handle | boundary << 12).to_le_bytes();
        self.send(to, [&[hci::DATA, low, high], rest].concat());
        self.send(from, hci::packet_completed(handle));
    }

    fn report(&mut self, from: usize, to: usize) {
        let (own, scanner) = (&self.controllers[from], &self.controllers[to]);
        if !scanner.scanning {
            return;
        }
        let mut reports = vec![(own.advertised_kind, own.advertisement.clone())];
        if scanner.asks && matches!(own.advertised_kind, CONNECTABLE | SCANNABLE) {
            reports.push((SCAN_RESPONSE, own.scan_response.clone()));
        }
        let address = own.advertised();
        for (kind, data) in reports {
            if let Some(heard) = &mut self.controllers[to].heard {
                let known = heard.contains(&(address, kind, data.clone()));
                if known {
                    continue;
                }
                if heard.len() < HEARD_MAX {
                    heard.insert((address, kind, data.clone()));
                }
            }
            let head = [&[1, kind, address.0][..], &address.1, &[data.len() as u8]].concat();
            let report = [&head[..], &data, &[RSSI as u8]].concat();
            self.send(to, hci::le_event(0x02, &report));
        }
    }
}

/// Bytes behind their number.
fn counted(given: &[u8]) -> Option<Vec<u8>> {
    let bytes = usize::from(*given.first()?);
    Some(given.get(1..1 + bytes.min(ADVERTISEMENT_BYTES_MAX))?.to_vec())
}

/// "LE Connection Complete": an interval of 50 ms and a timeout of 4 s.
fn linked(status: u8, handle: u16, role: u8, (kind, peer): Address) -> Vec<u8> {
    let [low, high] = handle.to_le_bytes();
    let head = [&[status, low, high, role, kind][..], &peer].concat();
    hci::le_event(0x01, &[&head[..], &[40, 0, 0, 0, 144, 1, 0]].concat())
}

#[cfg(test)]
mod tests;

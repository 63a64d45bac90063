//! The words of HCI that are used here, by their names in the specification, and how the packets
//! that a controller sends are put together.

/// First byte of each packet.
pub const COMMAND: u8 = 0x01;
pub const DATA: u8 = 0x02;
pub const EVENT: u8 = 0x04;

pub const DISCONNECT: u16 = 0x0406;
pub const READ_REMOTE_VERSION: u16 = 0x041d;
pub const SET_EVENT_MASK: u16 = 0x0c01;
pub const RESET: u16 = 0x0c03;
pub const READ_TRANSMIT_POWER: u16 = 0x0c2d;
pub const READ_LOCAL_VERSION: u16 = 0x1001;
pub const READ_LOCAL_COMMANDS: u16 = 0x1002;
pub const READ_LOCAL_FEATURES: u16 = 0x1003;
pub const READ_ADDRESS: u16 = 0x1009;
pub const READ_RSSI: u16 = 0x1405;
pub const LE_SET_EVENT_MASK: u16 = 0x2001;
pub const LE_READ_BUFFER_SIZE: u16 = 0x2002;
pub const LE_READ_LOCAL_FEATURES: u16 = 0x2003;
pub const LE_SET_RANDOM_ADDRESS: u16 = 0x2005;
pub const LE_SET_ADVERTISING_PARAMETERS: u16 = 0x2006;
pub const LE_READ_ADVERTISING_POWER: u16 = 0x2007;
pub const LE_SET_ADVERTISING_DATA: u16 = 0x2008;
pub const LE_SET_SCAN_RESPONSE: u16 = 0x2009;
pub const LE_SET_ADVERTISING: u16 = 0x200a;
pub const LE_SET_SCAN_PARAMETERS: u16 = 0x200b;
pub const LE_SET_SCAN: u16 = 0x200c;
pub const LE_CREATE_CONNECTION: u16 = 0x200d;
pub const LE_CANCEL_CONNECTION: u16 = 0x200e;
pub const LE_READ_ACCEPT_LIST_SIZE: u16 = 0x200f;
pub const LE_CLEAR_ACCEPT_LIST: u16 = 0x2010;
pub const LE_ADD_TO_ACCEPT_LIST: u16 = 0x2011;
pub const LE_REMOVE_FROM_ACCEPT_LIST: u16 = 0x2012;
pub const LE_UPDATE_CONNECTION: u16 = 0x2013;
pub const LE_READ_REMOTE_FEATURES: u16 = 0x2016;
pub const LE_READ_STATES: u16 = 0x201c;

/// Bit by bit, as "Supported Commands" numbers them: byte of the list, bits in it.
pub const COMMANDS: [(usize, u8); 10] = [
    (0, 1 << 5),
    (2, 1 << 7),
    (5, 1 << 6 | 1 << 7),
    (10, 1 << 2),
    (14, 1 << 3 | 1 << 5),
    (15, 1 << 1 | 1 << 5),
    (25, 0b1111_0111),
    (26, 0b1111_1111),
    (27, 0b0010_0111),
    (28, 1 << 3),
];

/// Of a controller that has LE and not BR/EDR.
pub const FEATURES: [u8; 8] = [0, 0, 0, 0, 0x60, 0, 0, 0];

/// Every combination of roles at once.
pub const STATES: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 0];

/// Version 4.2, of nobody ("for use in internal tests").
pub const VERSION: u8 = 0x08;
pub const MANUFACTURER: u16 = 0xffff;

pub const OK: u8 = 0x00;
pub const UNKNOWN_COMMAND: u8 = 0x01;
pub const UNKNOWN_CONNECTION: u8 = 0x02;
pub const TIMED_OUT: u8 = 0x08;
pub const LIMIT_EXCEEDED: u8 = 0x09;
pub const ALREADY_LINKED: u8 = 0x0b;
pub const NOT_NOW: u8 = 0x0c;
pub const WRONG_PARAMETERS: u8 = 0x12;
pub const ENDED_BY_REMOTE: u8 = 0x13;
pub const ENDED_BY_HOST: u8 = 0x16;

/// Commands that the host may send before it hears again.
const COMMANDS_AT_ONCE: u8 = 1;

pub fn event(code: u8, parameters: &[u8]) -> Vec<u8> {
    let mut packet = vec![EVENT, code, parameters.len() as u8];
    packet.extend(parameters);
    packet
}

/// One of the events of LE.
pub fn le_event(code: u8, parameters: &[u8]) -> Vec<u8> {
    event(0x3e, &[&[code], parameters].concat())
}

pub fn command_complete(opcode: u16, result: &[u8]) -> Vec<u8> {
    let [low, high] = opcode.to_le_bytes();
    event(0x0e, &[&[COMMANDS_AT_ONCE, low, high], result].concat())
}

pub fn command_status(opcode: u16, status: u8) -> Vec<u8> {
    let [low, high] = opcode.to_le_bytes();
    event(0x0f, &[status, COMMANDS_AT_ONCE, low, high])
}

pub fn disconnected(handle: u16, reason: u8) -> Vec<u8> {
    let [low, high] = handle.to_le_bytes();
    event(0x05, &[OK, low, high, reason])
}

/// The host may send one packet more.
pub fn packet_completed(handle: u16) -> Vec<u8> {
    let [low, high] = handle.to_le_bytes();
    event(0x13, &[1, low, high, 1, 0])
}

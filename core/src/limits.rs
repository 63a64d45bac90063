//! Every limit that crosses rooms, with its unit and where the number comes from.
//!
//! A limit that only one room needs stands at the top of that room. Nothing in the program grows
//! without one.

/// Bytes of one packet between neighbours before encryption: the largest is an agreed batch with
/// its certificate. Guess: room for a 64 KiB value and its envelope.
pub const PACKET_BYTES_MAX: usize = 72 * 1024;

/// Bytes of one agreed batch of table entries. Guess: 16 members dealing for four rolls each, and
/// half as much again in bets and shares.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;

/// Members of one table: 2f+1 signatures must stay small enough for a phone (docs/PROTOCOL.md).
pub const TABLE_MEMBERS_MAX: usize = 16;

/// Members a table needs before it can roll fairly with one liar among them: n = 3f + 1.
pub const TABLE_MEMBERS_MIN: usize = 4;

/// Nodes the map holds. Guess: far past what a flat link-state mesh should grow to.
pub const MAP_NODES_MAX: usize = 4096;

/// Links one node announces.
pub const NODE_LINKS_MAX: usize = 64;

/// Connections a node keeps, handshakes included.
pub const LINKS_MAX: usize = 256;

/// Bytes of a display name (UTF-8).
pub const NAME_BYTES_MAX: usize = 32;

/// Bytes of one line of chat, UTF-8. Guess: two sentences.
pub const LINE_BYTES_MAX: usize = 256;

/// Bytes that the layer above may attach to its announcement.
pub const ANNOUNCED_EXTRA_BYTES_MAX: usize = 2048;

/// Smallest frame a transport may offer, in bytes: BLE's ATT payload at its default MTU of 23.
pub const FRAME_BYTES_MIN: usize = 20;

/// Outputs that may wait for the driver to drain them.
pub const OUTPUTS_MAX: usize = 16 * 1024;

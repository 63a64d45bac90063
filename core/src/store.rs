//! Changes to what must survive a crash: an ordered map from bytes to bytes.
//!
//! The core never reads it back while running; a shell hands everything in once, at the start.

/// One change. A driver applies those of one ticket in order, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Put {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    /// Removes every key that starts with these bytes.
    DeletePrefix {
        prefix: Vec<u8>,
    },
}

//! What carries bytes out of a tab.

pub mod websocket;

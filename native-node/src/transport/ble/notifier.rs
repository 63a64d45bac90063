//! Sends the notifications of one central into BlueZ's socket.
//!
//! The library cuts five bytes off the MTU of ATT, three of which are its header and two a
//! precaution that only matters above 512 bytes. At Bluetooth's default MTU of 23 that leaves less
//! than the smallest frame, so the last two bytes are won back here.

use super::frame_bytes;
use bluer::gatt::CharacteristicWriter;
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, send},
};
use std::{io, os::fd::AsRawFd as _, time::Duration};
use tokio::time::sleep;

/// What the library subtracts.
const CUT_BYTES: usize = 5;

/// Between two tries to put a value into a full socket. Guess: a connection interval is longer.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// The socket; closed when dropped, which ends the subscription.
pub struct Notifier {
    writer: CharacteristicWriter,
    frame_bytes: usize,
}

impl Notifier {
    pub fn new(writer: CharacteristicWriter) -> Notifier {
        let frame_bytes = frame_bytes(writer.mtu() + CUT_BYTES);
        Notifier { writer, frame_bytes }
    }

    /// Bytes of the longest value.
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Waits while the socket is full.
    pub async fn send(&self, value: &[u8]) -> io::Result<()> {
        if value.len() > self.frame_bytes {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if value.len() <= self.writer.mtu() {
            return self.writer.send(value).await;
        }
        loop {
            self.writer.sendable().await?;
            let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
            match send(self.writer.as_raw_fd(), value, flags) {
                Ok(_) => return Ok(()),
                // The library still believes that there is room.
                Err(Errno::EAGAIN) => sleep(TRY_AGAIN).await,
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Resolves when the central unsubscribed or is gone: BlueZ never writes, it only closes.
    pub async fn closed(&self) {
        // An error says the same.
        let _ = self.writer.closed().await;
    }
}

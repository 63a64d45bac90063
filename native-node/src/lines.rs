//! JSON lines on standard output, written by a thread of their own.
//!
//! A reader that does not read must not hold up the program, least of all its answer to a signal:
//! what does not fit into the queue is dropped, and the reader is told how much.

use crate::terminal;
use std::{
    sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel},
    thread,
    time::Duration,
};

/// Lines that wait for a slow reader.
const LINES_WAITING_MAX: usize = 1024;

/// How long the last lines may take when the program ends.
const END_TIMEOUT: Duration = Duration::from_millis(300);

pub struct Lines {
    queue: SyncSender<String>,
    missed: u64,
    written: Receiver<()>,
}

impl Lines {
    pub fn new() -> Lines {
        let (queue, waiting) = sync_channel::<String>(LINES_WAITING_MAX);
        let (done, written) = channel();
        thread::spawn(move || {
            waiting.iter().for_each(|line| terminal::say(&line));
            // Whoever waited may have given up.
            let _ = done.send(());
        });
        Lines { queue, missed: 0, written }
    }

    pub fn say(&mut self, line: String) {
        if self.missed > 0 {
            let lagged = format!(r#"{{"event":"lagged","missed":{}}}"#, self.missed);
            if self.queue.try_send(lagged).is_ok() {
                self.missed = 0;
            }
        }
        match self.queue.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.missed += 1,
        }
    }

    /// Adds lines that were lost elsewhere.
    pub fn missed(&mut self, lines: u64) {
        self.missed += lines;
    }

    /// Waits a moment for the reader to take what is left.
    pub fn end(self) {
        drop(self.queue);
        // A reader that does not read loses the rest.
        let _ = self.written.recv_timeout(END_TIMEOUT);
    }
}

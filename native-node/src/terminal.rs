//! What people see: plain lines, and on a terminal one calm line at the bottom that updates.
//!
//! A reader that went away (`bitcraps table list | head`) is no reason to panic, so nothing here
//! uses `println!`.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Columns of the status line: what every terminal has.
const STATUS_COLUMNS: usize = 79;

/// One line for programs and people who asked.
pub fn say(line: &str) {
    // Nobody reads any more.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// One line for people when something is wrong.
pub fn complain(line: &str) {
    // Nobody reads any more.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Standard error with an updating last line, shared by the log and the status.
#[derive(Clone, Default)]
pub struct StatusLine {
    shown: Arc<Mutex<String>>,
}

impl StatusLine {
    /// Whether there is a person to update a line for.
    pub fn is_wanted() -> bool {
        io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Replaces the line; an empty one takes it away.
    pub fn show(&self, line: &str) {
        let mut shown = self.lock();
        let line: String = line.chars().take(STATUS_COLUMNS).collect();
        if *shown != line {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{line}");
            *shown = line;
        }
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Log lines above the status line.
impl Write for StatusLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = self.lock();
        let mut out = io::stderr().lock();
        if shown.is_empty() {
            return out.write(bytes);
        }
        out.write_all(b"\r\x1b[2K")?;
        out.write_all(bytes)?;
        out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Logs to standard error from `level` on; colour only for people who did not refuse it.
pub fn log(level: tracing::Level, status: &StatusLine) {
    let colour = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let status = status.clone();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(colour)
        .with_target(false)
        .with_writer(move || status.clone())
        .init();
}

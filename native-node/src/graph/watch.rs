//! Says what takes long, so that nobody wonders whether the program hangs.

use crate::terminal::{StatusLine, complain};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// What is done by then needs no word.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the line of a terminal changes.
const TICK: Duration = Duration::from_millis(250);

/// Watches stages until it is dropped. On a terminal a stage has a line that updates and goes
/// away; elsewhere one line when it has taken long.
pub struct Watch {
    stages: Option<Sender<&'static str>>,
    thread: Option<JoinHandle<()>>,
    /// Lines read so far.
    pub lines: Arc<AtomicU64>,
}

impl Watch {
    pub fn start() -> Watch {
        let (stages, next) = channel();
        let lines = Arc::new(AtomicU64::new(0));
        let read = lines.clone();
        let thread = std::thread::spawn(move || watch(&next, &read));
        Watch { stages: Some(stages), thread: Some(thread), lines }
    }

    /// Something else is being done from here on.
    pub fn stage(&self, name: &'static str) {
        if let Some(stages) = &self.stages {
            // Whoever watches ends only with this.
            let _ = stages.send(name);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stages = None;
        if let Some(thread) = self.thread.take() {
            // It only writes.
            let _ = thread.join();
        }
    }
}

fn watch(next: &Receiver<&'static str>, lines: &AtomicU64) {
    let status = StatusLine::is_wanted().then(StatusLine::default);
    let Ok(mut stage) = next.recv() else { return };
    let (mut since, mut told) = (Instant::now(), false);
    loop {
        let wait = if told { TICK } else { PATIENCE };
        match next.recv_timeout(wait) {
            Ok(name) => {
                if let Some(status) = &status {
                    status.show("");
                }
                (stage, since, told) = (name, Instant::now(), false);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let seconds = since.elapsed().as_secs();
                let line = match stage {
                    READING => format!("reading, {} lines", lines.load(Ordering::Relaxed)),
                    _ => format!("computing {stage}"),
                };
                match &status {
                    Some(status) => status.show(&format!("{line}, {seconds} s")),
                    None if !told => complain(&line),
                    None => {}
                }
                told = true;
            }
        }
    }
    if let Some(status) = &status {
        status.show("");
    }
}

/// The stage in which lines are counted.
pub const READING: &str = "reading";

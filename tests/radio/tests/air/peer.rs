//! Peers as processes of their own, and the lines that go between them and the test.

use crate::{central, peripheral};
use bitcraps_radio::Adapter;
use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

const ROLE: &str = "RADIO_TEST_ROLE";

/// The adapter's name on its bus.
const ADAPTER: &str = "RADIO_TEST_ADAPTER";

/// Before each line that is meant for the test; the test harness prints lines too.
const MARK: &str = "@ ";

/// Longest wait for an answer.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);

pub struct Peer {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

/// Entry of the processes that [`Peer::start`] starts; in an ordinary run it does nothing.
#[test]
fn peer_process() {
    let Ok(role) = env::var(ROLE) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        match role.as_str() {
            "central" => central::run().await,
            _ => peripheral::run().await,
        }
    });
}

/// The name of the adapter that this process is to use.
pub fn adapter_name() -> String {
    env::var(ADAPTER).unwrap()
}

/// What the test asks for, line by line; none at its end.
pub fn questions() -> tokio::sync::mpsc::Receiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

pub fn answer(words: impl std::fmt::Display) {
    // The harness may have left a line open.
    println!("\n{MARK}{words}");
}

impl Peer {
    pub fn central(adapter: &Adapter) -> Peer {
        Peer::start("central", adapter.name(), Some(adapter.bus()))
    }

    pub fn peripheral(adapter: &Adapter) -> Peer {
        Peer::start("peripheral", adapter.name(), Some(adapter.bus())).serving()
    }

    /// On an adapter of the machine.
    pub fn real(role: &str, adapter: &str) -> Peer {
        Peer::start(role, adapter, None)
    }

    pub fn serving(self) -> Peer {
        let mut peer = self;
        assert_eq!(peer.ask("serve"), "serving");
        assert_eq!(peer.ask("advertise"), "advertising");
        peer
    }

    fn start(role: &str, adapter: &str, bus: Option<&str>) -> Peer {
        let mut command = Command::new(env::current_exe().unwrap());
        if let Some(bus) = bus {
            command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
        }
        let mut child = command
            .args(["peer::peer_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ADAPTER, adapter)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(words) = line.strip_prefix(MARK)
                    && sender.send(words.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Peer { child, stdin, lines }
    }

    pub fn ask(&mut self, question: &str) -> String {
        writeln!(self.stdin, "{question}").unwrap();
        match self.lines.recv_timeout(ANSWER_MAX) {
            Ok(words) => words,
            Err(why) => panic!("no answer to {question:?}: {why}"),
        }
    }

    /// Asks until the answer fits.
    pub fn ask_until(&mut self, question: &str, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            let words = self.ask(question);
            if fits(&words) {
                return words;
            }
            assert!(Instant::now() < deadline, "{question:?} is still answered {words:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

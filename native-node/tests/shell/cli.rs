//! The built program: exit codes, one-line errors, starting and stopping.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(30);

fn bitcraps(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcraps"));
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("BITCRAPS_") {
            command.env_remove(key);
        }
    }
    command
}

pub fn run(args: &[&str]) -> Output {
    bitcraps(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running node, killed when the test ends.
pub struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
    pub ready: Value,
}

impl Process {
    pub fn start(data: &Path, more: &[&str]) -> Process {
        Process::start_at(data, "tcp://127.0.0.1:0", more)
    }

    pub fn start_at(data: &Path, listen: &str, more: &[&str]) -> Process {
        let data = data.to_str().unwrap();
        let mut args = vec!["run", "--json", "--data", data, "--http", "127.0.0.1:0"];
        args.extend(["--listen", listen, "--work-bits", "4"]);
        args.extend(more);
        let mut child =
            bitcraps(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let ready = lines.recv_timeout(DEADLINE).unwrap_or_else(|e| {
            let mut text = String::new();
            let _ = child.kill();
            child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
            panic!("{e}: {text}")
        });
        let ready: Value = serde_json::from_str(&ready).unwrap();
        assert_eq!(ready["event"], "ready");
        Process { child, lines, ready }
    }

    pub fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        let give_up = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < give_up, "the node does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_shows_examples_first_and_is_no_failure() {
    for args in [
        &["--help"][..],
        &["run", "--help"],
        &["status", "--help"],
        &["verify", "--help"],
        &["table", "--help"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("Examples:"), "{args:?}");
    }
}

#[test]
fn wrong_usage_and_wrong_configuration_end_with_2() {
    let none: &[&str] = &[];
    for args in [none, &["fly"], &["run", "--botz", "1"], &["table", "join"]] {
        assert_eq!(run(args).status.code(), Some(2), "{args:?}");
    }
    let output = bitcraps(&["run", "--bots", "many", "--role", "king"])
        .env("BITCRAPS_PORT", "99999")
        .env("BITCRAPS_HTPP", "off")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("did you mean BITCRAPS_HTTP?"), "{text}");
    assert!(text.lines().all(|line| line.starts_with("bitcraps: ")), "{text}");
}

#[test]
fn a_port_in_use_is_one_line_and_leaves_no_trace() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let url = format!("tcp://{address}");
    let free = "127.0.0.1:0";
    for (http, listen, expected) in [
        (
            free,
            url.as_str(),
            format!(
                "bitcraps: cannot listen on {url}: address in use; stop the other program or pass \
             --listen tcp://127.0.0.1:PORT\n"
            ),
        ),
        (
            address.as_str(),
            "tcp://127.0.0.1:0",
            format!(
                "bitcraps: cannot listen on http://{address}: address in use; stop the other \
                 program or pass --http 127.0.0.1:PORT\n"
            ),
        ),
    ] {
        let data = data.to_str().unwrap();
        let output = run(&["run", "--data", data, "--http", http, "--listen", listen]);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(stderr(&output), expected);
    }
    assert!(!data.exists(), "something was written");
}

#[test]
fn a_second_node_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let mut first = Process::start(data.path(), &["--bots", "0"]);
    let dir = data.path().to_str().unwrap();
    let args = ["--http", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0", "--bots", "0"];
    let output = run(&[&["run", "--data", dir][..], &args].concat());
    assert_eq!(output.status.code(), Some(1));
    let expected = format!("bitcraps: another node is using {dir}; stop it or pass --data\n");
    assert_eq!(stderr(&output), expected);
    assert_eq!(run(&["status", "--http", &first.text("http")]).status.code(), Some(0));
    first.signal(Signal::TERM);
    assert_eq!(first.exit_code(), Some(0));
}

#[test]
fn a_directory_that_cannot_be_written_is_one_line() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "").unwrap();
    let under_a_file = file.join("data");
    for data in [under_a_file.to_str().unwrap(), "/proc/bitcraps"] {
        let args = ["--http", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0"];
        let output = run(&[&["run", "--data", data][..], &args].concat());
        assert_eq!(output.status.code(), Some(1), "{data}");
        let text = stderr(&output);
        assert!(text.starts_with(&format!("bitcraps: cannot write to {data}: ")), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn the_id_is_the_same_before_during_and_after_a_killed_run() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().to_str().unwrap();
    let id = || {
        let output = bitcraps(&["id", "--data", dir]).env("BITCRAPS_WORK_BITS", "4").output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let before = id();
    let mut first = Process::start(data.path(), &["--bots", "2"]);
    let bots = first.ready["bots"].clone();
    assert_eq!((first.text("peer_id"), id()), (before.clone(), before.clone()));
    assert_eq!(bots.as_array().unwrap().len(), 2);
    first.signal(Signal::KILL);
    assert_eq!(first.exit_code(), None);
    let second = Process::start(data.path(), &["--bots", "2"]);
    assert_eq!((second.text("peer_id"), &second.ready["bots"]), (before.clone(), &bots));
    assert_eq!(id(), before);
}

#[test]
fn a_node_stops_in_order_on_either_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let data = tempfile::tempdir().unwrap();
        let mut node = Process::start(data.path(), &["--bots", "1"]);
        node.signal(signal);
        assert_eq!(node.exit_code(), Some(0));
        let lines: Vec<String> = node.lines.iter().collect();
        assert_eq!(lines.last().map(String::as_str), Some(r#"{"event":"stopped"}"#));
        for line in &lines {
            assert!(serde_json::from_str::<Value>(line).unwrap()["event"].is_string(), "{line}");
        }
        let mut log = String::new();
        node.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(log, "");
    }
}

#[test]
fn a_reader_that_does_not_read_does_not_hold_up_the_stop() {
    let data = tempfile::tempdir().unwrap();
    let args = ["run", "--json", "--http", "off", "--listen", "tcp://127.0.0.1:0", "--bots", "0"];
    let mut command = bitcraps(&args);
    command.args(["--work-bits", "4", "--data", data.path().to_str().unwrap()]);
    let (reader, mut writer) = std::io::pipe().unwrap();
    command.stdout(writer.try_clone().unwrap()).stderr(Stdio::null());
    // Keeps the pipe full until its reader is dropped.
    std::thread::spawn(move || while writer.write_all(&[b'x'; 4096]).is_ok() {});
    let child = command.spawn().unwrap();
    let mut node = Process { child, lines: mpsc::channel().1, ready: Value::Null };
    // The file appears once the node runs, just before it would say so.
    let give_up = Instant::now() + DEADLINE;
    while !data.path().join("token").exists() {
        assert!(Instant::now() < give_up, "the node does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    node.signal(Signal::TERM);
    assert_eq!(node.exit_code(), Some(0));
    drop(reader);
}

#[test]
fn questions_without_a_node_or_without_its_token_fail_with_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{free}");
    let output = run(&["status", "--http", &nobody]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "bitcraps: cannot reach {nobody}: connection refused; start a node with `bitcraps run` or \
         pass --http URL\n"
    );
    assert_eq!(stderr(&output), expected);

    let data = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let node = Process::start(data.path(), &["--bots", "0"]);
    let http = node.text("http");
    let elsewhere = elsewhere.path().to_str().unwrap();
    let output = run(&["table", "create", "t", "--http", &http, "--data", elsewhere]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no token in"), "{}", stderr(&output));
    let output = run(&["table", "create", "t", "--http", &http, "--token", "not-the-token-at-all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Bearer"), "{}", stderr(&output));
    let output = run(&["table", "list", "--http", &http, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let tables: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(tables["tables"].is_array() && tables["lobby"].is_array());
    let output = run(&["status", "--http", &http, "--json"]);
    let view: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(view["peer_id"], node.text("peer_id"));
}

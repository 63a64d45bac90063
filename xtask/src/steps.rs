//! Running another program so that nobody has to wonder whether it hangs.
//!
//! What a captured program prints is kept and shown only when it fails; while it runs, a line with
//! its newest words appears every ten seconds.

use anyhow::{Context as _, Result, bail};
use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Longest silence.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long output is still waited for once the program has ended: something that it started may
/// hold the pipe open for ever.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What becomes of a program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It goes to the terminal as it comes.
    Live,
    /// It is kept for the case that the program fails.
    OnFailure,
}

/// A program that has ended.
pub struct Finished {
    pub success: bool,
    /// Standard output and standard error as they came; empty when shown live.
    pub output: String,
}

/// Runs a program to its end. An error only when it could not be started.
pub fn run(command: &mut Command, shown: Shown) -> Result<Finished> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null());
    if shown == Shown::Live {
        let status = command.status().with_context(|| format!("cannot run {name}"))?;
        return Ok(Finished { success: status.success(), output: String::new() });
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {name}"))?;
    let (status, output) = follow(&mut child)?;
    Ok(Finished { success: status.success(), output })
}

/// Runs a program whose failure is an error that carries its output.
pub fn must(command: &mut Command, shown: Shown) -> Result<String> {
    let finished = run(command, shown)?;
    if finished.success {
        return Ok(finished.output);
    }
    let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let program = command.get_program().to_string_lossy().into_owned();
    bail!("`{program} {}` failed\n{}", args.join(" "), finished.output.trim_end())
}

/// Says what begins, for work whose output is shown live.
pub fn announce(number: usize, of: usize, what: &str) {
    println!("[{number}/{of}] {what}");
}

/// Seconds for people.
pub fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

fn follow(child: &mut Child) -> Result<(ExitStatus, String)> {
    let started = Instant::now();
    let (sender, lines) = mpsc::channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for pipe in pipes.into_iter().flatten() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(n) if n > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
    }
    drop(sender);

    let mut output = String::new();
    let mut spoke = Instant::now();
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => output.push_str(&line),
            Err(RecvTimeoutError::Disconnected) => return Ok((child.wait()?, output)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        if let Some((status, when)) = ended
            && when.elapsed() > AFTERWARDS
        {
            return Ok((status, output));
        }
        if spoke.elapsed() >= HEARTBEAT {
            let last = output.lines().rev().find(|line| !line.trim().is_empty());
            let words: String = last.unwrap_or("").trim().chars().take(80).collect();
            println!("      {:4.0} s  {words}", started.elapsed().as_secs_f64());
            spoke = Instant::now();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_are_kept_and_the_status_is_told() {
        let finished = run(&mut shell("echo out; echo err >&2; exit 3"), Shown::OnFailure).unwrap();
        assert!(!finished.success);
        assert!(finished.output.contains("out\n") && finished.output.contains("err\n"));
    }

    #[test]
    fn an_orphan_that_keeps_the_pipe_open_is_not_waited_for() {
        let script = "(sleep 60; echo late) & echo early";
        let finished = run(&mut shell(script), Shown::OnFailure).unwrap();
        assert!(finished.success);
        assert_eq!(finished.output, "early\n");
    }

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = must(&mut shell("echo why; exit 1"), Shown::OnFailure).unwrap_err();
        assert!(error.to_string().contains("sh -c") && error.to_string().contains("why"));
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = must(&mut Command::new("no-such-program"), Shown::OnFailure).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }
}

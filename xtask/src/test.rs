//! `cargo xtask test`: everything that must hold, cheapest first.
//!
//! - It stops at the first step that fails; what failed is printed whole.
//! - The last line is the sum over all tests: `N passed, N failed`. A step that fails without a
//!   failed test of its own counts as one failure.
//! - Each step can be run alone with `--only`, and then brings what it needs from earlier ones.

use crate::{
    deps, layers, run,
    source::Finding,
    steps::{self, Shown},
    tidy,
    tools::{self, Browser},
    totals::Totals,
    vm, web,
    workspace::{SCREENSHOTS, WASM, Workspace},
};
use anyhow::{Context as _, Result, anyhow, bail};
use std::{
    env,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// Packages whose tests also run in a browser.
const WASM_TESTED: [&str; 4] = ["core/graph", "core", "sim", "web-ui"];

/// Simulator scenarios run by the shipped binary, with the number of nodes.
const SCENARIOS: [(&str, &str); 5] =
    [("converge", "20"), ("line", "3"), ("churn", "12"), ("partition", "10"), ("lossy", "10")];

/// Random worlds with liars, run by the shipped binary: seeds 1 to this.
const WORLDS: &str = "2000";

/// Runs one step and gives what its tests said.
type Check = fn(&Workspace) -> Result<Totals, Failure>;

struct Step {
    name: &'static str,
    what: &'static str,
    check: Check,
}

/// Why a step did not pass, and how many tests it ran before.
struct Failure {
    totals: Totals,
    why: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(why: E) -> Failure {
        Failure { totals: Totals::default(), why: why.into() }
    }
}

const STEPS: [Step; 15] = [
    Step { name: "fmt", what: "formatting", check: fmt },
    Step { name: "tidy", what: "house rules", check: |w| no_findings(tidy::check(w)?) },
    Step { name: "layers", what: "rooms of the core", check: |w| no_findings(layers::check(w)?) },
    Step { name: "deps", what: "licences, duplicates", check: |w| no_findings(deps::check(w)?) },
    Step { name: "browser", what: "Chromium is there", check: browser },
    Step { name: "bus", what: "a message bus is there", check: message_bus },
    Step { name: "clippy", what: "lints, native", check: clippy },
    Step { name: "clippy-wasm", what: "lints, browser", check: clippy_wasm },
    Step { name: "native", what: "unit tests, simulation", check: native },
    Step { name: "web", what: "building the web client", check: build_web },
    Step { name: "node", what: "building the node", check: build_node },
    Step { name: "sim", what: "the shipped simulator", check: simulator },
    Step { name: "wasm", what: "tests in a browser", check: wasm },
    Step { name: "e2e", what: "nodes and tabs together", check: end_to_end },
    Step { name: "ble-vm", what: "Bluetooth on a real BlueZ", check: real_bluetooth },
];

/// Runs the steps that `args` ask for.
pub fn test(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    let chosen = match choose(args)? {
        Asked::List => {
            for step in &STEPS {
                println!("{:<12} {}", step.name, step.what);
            }
            return Ok(ExitCode::SUCCESS);
        }
        Asked::Run(chosen) => chosen,
    };
    let mut sum = Totals::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut broken = None;
    for (index, step) in chosen.iter().enumerate() {
        println!("[{:>2}/{}] {}: {}", index + 1, chosen.len(), step.name, step.what);
        let started = Instant::now();
        let result = (step.check)(workspace);
        times.push((step.name, started.elapsed()));
        println!("        {}", steps::seconds(started.elapsed()));
        match result {
            Ok(totals) => sum += totals,
            Err(failure) => {
                sum += failure.totals;
                sum.failed += u64::from(failure.totals.failed == 0);
                println!("\n{} failed:\n{:#}", step.name, failure.why);
                broken = Some(step.name);
                break;
            }
        }
    }
    println!();
    for (name, elapsed) in &times {
        println!("{name:<12} {:>7.1} s", elapsed.as_secs_f64());
    }
    if let Some(name) = broken {
        println!("stopped at {name}; again from there: cargo xtask test --only {name}");
    }
    println!("{sum}");
    Ok(if broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

enum Asked {
    List,
    Run(Vec<&'static Step>),
}

fn choose(args: &[&str]) -> Result<Asked> {
    let mut chosen = Vec::new();
    let mut rest = args;
    loop {
        rest = match rest {
            [] => break,
            ["--list", ..] => return Ok(Asked::List),
            ["--only", name, rest @ ..] => {
                let step = STEPS.iter().find(|step| step.name == *name);
                let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
                chosen.push(step.with_context(|| {
                    format!("there is no step {name:?}; these are: {}", names.join(", "))
                })?);
                rest
            }
            [other, ..] => bail!("`test` takes --only STEP and --list, not {other:?}"),
        };
    }
    if chosen.is_empty() {
        chosen.extend(&STEPS);
    }
    Ok(Asked::Run(chosen))
}

fn no_findings(findings: Vec<Finding>) -> Result<Totals, Failure> {
    if findings.is_empty() {
        return Ok(Totals::default());
    }
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    Err(anyhow!("{}", lines.join("\n")).into())
}

/// A command that passes or fails and reports no tests.
fn passes(mut command: Command) -> Result<Totals, Failure> {
    steps::must(&mut command, Shown::OnFailure)?;
    Ok(Totals::default())
}

/// A command that reports tests.
fn tests(mut command: Command) -> Result<Totals, Failure> {
    let finished = steps::run(&mut command, Shown::OnFailure)?;
    let totals = Totals::read(&finished.output);
    if finished.success {
        return Ok(totals);
    }
    Err(Failure { totals, why: anyhow!("{}", finished.output.trim_end().to_owned()) })
}

fn fmt(workspace: &Workspace) -> Result<Totals, Failure> {
    passes(workspace.cargo(&["fmt", "--all", "--check", "--", "--color", "never"]))
}

fn browser(_workspace: &Workspace) -> Result<Totals, Failure> {
    tools::browser()?;
    Ok(Totals::default())
}

fn message_bus(_workspace: &Workspace) -> Result<Totals, Failure> {
    tools::message_bus()?;
    Ok(Totals::default())
}

fn clippy(workspace: &Workspace) -> Result<Totals, Failure> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    passes(workspace.cargo(&args))
}

fn clippy_wasm(workspace: &Workspace) -> Result<Totals, Failure> {
    tools::wasm_target(workspace, Shown::OnFailure)?;
    let mut command = workspace.cargo(&["clippy", "--target", WASM, "--all-targets", "--locked"]);
    for package in ["bitcraps-graph", "bitcraps-core", "bitcraps-sim", "bitcraps-web"] {
        command.args(["--package", package]);
    }
    command.args(["--", "-D", "warnings"]);
    passes(command)
}

fn native(workspace: &Workspace) -> Result<Totals, Failure> {
    tools::message_bus()?;
    let args = ["test", "--workspace", "--exclude", "bitcraps-tests", "--locked", "--no-fail-fast"];
    tests(workspace.cargo(&args))
}

fn build_web(workspace: &Workspace) -> Result<Totals, Failure> {
    web::build(workspace, Shown::OnFailure)?;
    Ok(Totals::default())
}

fn build_node(workspace: &Workspace) -> Result<Totals, Failure> {
    web::build(workspace, Shown::OnFailure)?;
    run::build_node(workspace, Shown::OnFailure)?;
    Ok(Totals::default())
}

/// Every scenario once, as a person would run it, then the worlds with liars. Each scenario counts
/// as one test, and all worlds together as one.
fn simulator(workspace: &Workspace) -> Result<Totals, Failure> {
    build_node(workspace)?;
    let mut totals = Totals::default();
    let mut broken = Vec::new();
    for (scenario, nodes) in SCENARIOS {
        let mut command = Command::new(workspace.node_binary());
        command.env_remove(SCREENSHOTS);
        command.args(["sim", "--scenario", scenario, "--nodes", nodes, "--seed", "1", "--json"]);
        match steps::must(&mut command, Shown::OnFailure) {
            Ok(_) => totals.passed += 1,
            Err(error) => {
                totals.failed += 1;
                broken.push(error.to_string());
            }
        }
    }
    let mut command = Command::new(workspace.node_binary());
    command.env_remove(SCREENSHOTS);
    command.args(["sim", "--scenario", "byzantine", "--worlds", WORLDS, "--seed", "1"]);
    match steps::must(&mut command, Shown::OnFailure) {
        Ok(said) => {
            totals.passed += 1;
            println!("        {}", said.trim_end());
        }
        Err(error) => {
            totals.failed += 1;
            broken.push(error.to_string());
        }
    }
    if broken.is_empty() {
        return Ok(totals);
    }
    Err(Failure { totals, why: anyhow!("{}", broken.join("\n")) })
}

fn wasm(workspace: &Workspace) -> Result<Totals, Failure> {
    tools::wasm_target(workspace, Shown::OnFailure)?;
    let browser = tools::browser()?;
    let tools = tools::wasm_tools(workspace)?;
    let settings = tools::webdriver_settings(workspace, &browser)?;
    let path = env::join_paths(
        std::iter::once(tools.bindgen_dir.clone())
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )?;
    let mut sum = Totals::default();
    for package in WASM_TESTED {
        let mut command = Command::new(&tools.wasm_pack);
        command.current_dir(&workspace.root).env("PATH", &path);
        command.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &settings);
        // The runner's own limits are 20 s for all tests and 5 s for the driver to start.
        command.env("WASM_BINDGEN_TEST_TIMEOUT", "900");
        command.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
        command.args(["test", "--headless", "--chrome", "--mode", "no-install"]);
        command.arg("--chromedriver").arg(&browser.chromedriver).arg(package);
        match tests(command) {
            // A package that is not configured for the browser is skipped without a word.
            Ok(Totals { passed: 0, .. }) => {
                let why = anyhow!("{package} ran no test in the browser; see run_in_browser");
                return Err(Failure { totals: sum, why });
            }
            Ok(totals) => sum += totals,
            Err(mut failure) => {
                failure.totals += sum;
                return Err(failure);
            }
        }
    }
    Ok(sum)
}

fn end_to_end(workspace: &Workspace) -> Result<Totals, Failure> {
    let Browser { chromium, .. } = tools::browser()?;
    tools::message_bus()?;
    build_node(workspace)?;
    let pictures = env::var_os(SCREENSHOTS).unwrap_or_default();
    let pictures = match pictures.is_empty() {
        true => workspace.target.join("screenshots"),
        false => workspace.root.join(pictures),
    };
    let args = ["test", "--package", "bitcraps-tests", "--locked", "--no-fail-fast"];
    let mut command = workspace.cargo(&args);
    command.env("BITCRAPS_BIN", workspace.node_binary()).env("CHROMIUM", chromium);
    let frames = pictures.join("mesh-frames.txt");
    // Of an earlier run; if it cannot be removed, it is written anew or the test fails.
    let _ = std::fs::remove_file(&frames);
    command.env(SCREENSHOTS, pictures);
    let totals = tests(command)?;
    if let Ok(table) = std::fs::read_to_string(&frames) {
        println!("        frames of the mesh page:\n{}", table.trim_end());
    }
    Ok(totals)
}

/// Without packages there is no machine; that says nothing about the node, but it is said.
fn real_bluetooth(workspace: &Workspace) -> Result<Totals, Failure> {
    let machine = match vm::prepare(workspace) {
        Ok(machine) => machine,
        Err(why) => {
            let words = format!("{why:#}");
            println!("        SKIPPED: {}", words.lines().next().unwrap_or_default());
            return Ok(Totals { skipped: 1, ..Totals::default() });
        }
    };
    web::build(workspace, Shown::OnFailure)?;
    Ok(vm::run(workspace, &machine)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_every_step_runs_in_order() {
        let Ok(Asked::Run(chosen)) = choose(&[]) else { panic!("nothing chosen") };
        assert_eq!(chosen.len(), STEPS.len());
        assert_eq!(chosen.first().map(|step| step.name), Some("fmt"));
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let Err(error) = choose(&["--only", "everything"]) else { panic!("accepted") };
        assert!(error.to_string().contains("fmt, tidy"));
        assert!(choose(&["--onlyfmt"]).is_err());
    }
}

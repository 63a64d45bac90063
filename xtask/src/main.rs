//! Every habit of this project as one command: `cargo xtask NAME`.
//!
//! - Two of them are for everybody: `run` starts a node that one can play on, `test` checks
//!   everything. The others are their parts, for those who work on one thing.
//! - What is missing is fetched, or named with the exact command that fetches it.
//! - Nothing is written outside the target directory, except packages that were missing.
//!
//! It builds on every fresh clone before anything else, so its dependencies are few.

#![forbid(unsafe_code)]

mod bench;
mod deps;
mod layers;
mod run;
mod source;
mod steps;
mod test;
mod tidy;
mod tools;
mod totals;
mod vm;
mod web;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "\
cargo xtask run [-- ARGS]    build everything in release and start a node; ARGS go to `bitcraps run`
cargo xtask test             check everything, cheapest first; ends with one line of totals
        [--only STEP]        only this step, and again for a further one
        [--list]             name the steps
cargo xtask ci               the same as test
cargo xtask web              build the web client into target/web
cargo xtask sim [ARGS]        build in release and run `bitcraps sim`; --long for the experiments
cargo xtask ble-vm           Bluetooth between nodes in a machine with a real kernel and BlueZ
cargo xtask bench            build in release and run the benchmarks; `bench links` by itself
cargo xtask tidy             the house rules that no compiler knows
cargo xtask layers           which room of the core may look into which
cargo xtask deps             licences and duplicate versions of dependencies
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[&str]) -> Result<ExitCode> {
    let (name, rest) = match args {
        [] | ["help" | "--help" | "-h", ..] => {
            print!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        [name, rest @ ..] => (*name, rest),
    };
    let workspace = Workspace::find()?;
    match name {
        "run" => run::run(&workspace, rest),
        "test" | "ci" => test::test(&workspace, rest),
        "web" => {
            no_arguments(name, rest)?;
            web::build(&workspace, steps::Shown::Live)?;
            Ok(ExitCode::SUCCESS)
        }
        "sim" => run::simulate(&workspace, rest),
        "bench" => bench::bench(&workspace, rest),
        "ble-vm" => {
            no_arguments(name, rest)?;
            let machine = vm::prepare(&workspace)?;
            println!("{}", vm::run(&workspace, &machine)?);
            Ok(ExitCode::SUCCESS)
        }
        "tidy" => verdict(name, rest, tidy::check(&workspace)?),
        "layers" => verdict(name, rest, layers::check(&workspace)?),
        "deps" => verdict(name, rest, deps::check(&workspace)?),
        other => bail!("there is no command {other:?}; these are:\n\n{USAGE}"),
    }
}

fn verdict(name: &str, rest: &[&str], findings: Vec<source::Finding>) -> Result<ExitCode> {
    no_arguments(name, rest)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{name}: nothing found");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{name}: {} found", findings.len());
    Ok(ExitCode::FAILURE)
}

fn no_arguments(name: &str, rest: &[&str]) -> Result<()> {
    match rest {
        [] => Ok(()),
        [first, ..] => bail!("`{name}` takes no arguments, got {first:?}"),
    }
}

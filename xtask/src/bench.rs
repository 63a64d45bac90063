//! `cargo xtask bench`: the benchmarks, on what is shipped.
//!
//! The links beside published ones are a workspace of their own, `bench/links`, because those take
//! ten minutes to build: `links` is run when it is asked for by name alone.
//!
//! Each other benchmark is a program, and built and run only when something of it is asked for.
//! What there is to ask for is read from their sources, so that it is written once.

use crate::{
    run,
    steps::{self, Shown},
    tools,
    web::{self, Client, Loaded},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// One benchmark.
struct Bench {
    name: &'static str,
    package: &'static str,
    source: &'static str,
    /// What stands before and after the names that can be asked for.
    names: (&'static str, &'static str),
    /// Whether part of a name is enough.
    matching: Matching,
    needs: Needs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matching {
    Whole,
    Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Node,
    GraphWeb,
    /// A program for private D-Bus buses.
    Bus,
}

/// What is asked for by this name first is not of [`BENCHES`].
const LINKS: &str = "links";

/// The parts first, so that the table of figures that people notice ends what is printed.
const BENCHES: [Bench; 4] = [
    Bench {
        name: "micro",
        package: "bitcraps-tests",
        source: "tests/benches/micro.rs",
        names: ("\nfn ", "(bencher"),
        matching: Matching::Part,
        needs: Needs::Node,
    },
    Bench {
        name: "graph",
        package: "bitcraps-graphs",
        source: "tests/graphs/benches/graph/main.rs",
        names: ("is_wanted(\"", "\")"),
        matching: Matching::Whole,
        needs: Needs::GraphWeb,
    },
    Bench {
        name: "ble",
        package: "bitcraps-tests",
        source: "tests/benches/ble/linux.rs",
        names: ("is_wanted(\"", "\")"),
        matching: Matching::Whole,
        needs: Needs::Bus,
    },
    Bench {
        name: "figures",
        package: "bitcraps-tests",
        source: "tests/benches/figures/main.rs",
        names: (".section(\"", "\""),
        matching: Matching::Whole,
        needs: Needs::Node,
    },
];

/// The graph algorithms and what is done with them, for a page.
const GRAPHS: Client =
    Client { package: "bitcraps-graphs", stem: "bitcraps_graphs", loaded: Loaded::AsScript };

/// The published layout that ours runs beside: package, version, file for a page, its name here.
const PEERS: [(&str, &str, &str, &str); 2] = [
    ("ngraph.graph", "20.1.2", "dist/ngraph.graph.umd.js", "ngraph.graph.js"),
    ("ngraph.forcelayout", "3.3.1", "dist/ngraph.forcelayout.min.js", "ngraph.forcelayout.js"),
];

/// Runs the benchmarks of which `args` names something; all without names. Builds in release what
/// they need.
pub fn bench(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    if let [LINKS, rest @ ..] = args {
        return links(workspace, rest);
    }
    let mut asked = Vec::new();
    for bench in &BENCHES {
        let path = workspace.root.join(bench.source);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        asked.push((bench, names(&text, bench.names)));
    }
    let mut chosen = choose(&asked, args)?;
    chosen.retain(|(_, wanted)| args.is_empty() || !wanted.is_empty());
    let is_needed = |needs| chosen.iter().any(|(bench, _)| bench.needs == needs);
    if is_needed(Needs::Node) {
        run::build(workspace)?;
    }
    let graph_web = workspace.target.join("graph-web");
    let steps = if is_needed(Needs::Node) { 3 } else { 2 };
    if is_needed(Needs::GraphWeb) {
        steps::announce(steps - 1, steps, "building the graph algorithms for the browser");
        web::generate(workspace, &GRAPHS, &graph_web, Shown::Live)?;
        fetch_peers(workspace, &graph_web)?;
    }
    steps::announce(steps, steps, "running the benchmarks");
    let mut success = true;
    for (bench, wanted) in chosen {
        let mut command = workspace.cargo(&["bench", "--package", bench.package]);
        command.args(["--bench", bench.name, "--"]).args(wanted);
        command.env("CARGO_TARGET_DIR", &workspace.target);
        match bench.needs {
            Needs::Bus => {
                tools::message_bus()?;
                &mut command
            }
            Needs::Node => command.env("BITCRAPS_BIN", workspace.node_binary()),
            Needs::GraphWeb => {
                command.env("CHROMIUM", tools::browser()?.chromium);
                command.env("BITCRAPS_GRAPH_WEB", &graph_web)
            }
        };
        success &= steps::run(&mut command, Shown::Live)?.success;
    }
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the links and what they run beside, each at the version locked there, and runs them.
fn links(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    let cargo = |verb| {
        let mut command = workspace.cargo(&[verb, "--release", "--locked", "--manifest-path"]);
        command.arg("bench/links/Cargo.toml");
        command.env("CARGO_TARGET_DIR", workspace.target.join("bench-links"));
        command
    };
    steps::announce(1, 2, "building the links and their peers");
    steps::must(&mut cargo("build"), Shown::Live)?;
    steps::announce(2, 2, "running the benchmark");
    let success = steps::run(cargo("run").arg("--").args(args), Shown::Live)?.success;
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every text between `before` and `after` on one line, in order, once.
fn names(text: &str, (before, after): (&str, &str)) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.split(before).skip(1) {
        let line = part.lines().next().unwrap_or_default();
        if let Some((name, _)) = line.split_once(after)
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// Which arguments are for which benchmark; part of a name is none where it is somewhere a whole
/// name. An error when one is for none.
fn choose<'a>(
    asked: &[(&'a Bench, Vec<String>)],
    args: &[&'a str],
) -> Result<Vec<(&'a Bench, Vec<&'a str>)>> {
    let is_whole = |arg: &str| asked.iter().any(|(_, names)| names.iter().any(|n| n == arg));
    let is_for = |bench: &Bench, names: &[String], arg: &str| {
        names.iter().any(|name| match bench.matching {
            Matching::Part if !is_whole(arg) => name.contains(arg),
            _ => name == arg,
        })
    };
    for arg in args {
        if !asked.iter().any(|(bench, names)| is_for(bench, names, arg)) {
            let lists: Vec<String> = asked
                .iter()
                .map(|(bench, names)| format!("{}: {}", bench.name, names.join(" ")))
                .collect();
            bail!(
                "there is no benchmark {arg:?}; these are:\n\n{}\nby itself: {LINKS}",
                lists.join("\n")
            );
        }
    }
    let chosen = asked.iter().map(|(bench, names)| {
        (*bench, args.iter().copied().filter(|arg| is_for(bench, names, arg)).collect())
    });
    Ok(chosen.collect())
}

/// Puts the peer's scripts beside the wasm, fetched with npm once.
fn fetch_peers(workspace: &Workspace, out: &Path) -> Result<()> {
    let own = workspace.target.join("tools").join("npm");
    let dir = |package: &str| own.join("node_modules").join(package);
    let is_there = |package: &str, version: &str| {
        let manifest = fs::read_to_string(dir(package).join("package.json")).unwrap_or_default();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
        manifest["version"] == version
    };
    if !PEERS.iter().all(|(package, version, ..)| is_there(package, version)) {
        let wanted: Vec<String> =
            PEERS.iter().map(|(package, version, ..)| format!("{package}@{version}")).collect();
        println!("      fetching {} with npm", wanted.join(" and "));
        fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
        let mut npm = Command::new(npm()?);
        npm.args(["install", "--no-audit", "--no-fund", "--save-exact", "--prefix"]).arg(&own);
        steps::must(npm.args(wanted), Shown::OnFailure)?;
    }
    for (package, _, file, name) in PEERS {
        let from = dir(package).join(file);
        fs::copy(&from, out.join(name))
            .with_context(|| format!("{} is not in {package}", from.display()))?;
    }
    Ok(())
}

fn npm() -> Result<PathBuf> {
    let names = if cfg!(windows) { ["npm.cmd", "npm"] } else { ["npm", "npm"] };
    names.iter().find_map(|name| crate::workspace::on_path(name)).context(
        "npm is needed to fetch the layout that ours is compared with, and is not on the PATH; \
         install Node.js, which brings it (on Debian: apt-get install npm)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The benchmarks with the names that their sources have.
    fn asked() -> Vec<(&'static Bench, Vec<String>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let of = |bench: &'static Bench| {
            (bench, names(&fs::read_to_string(root.join(bench.source)).unwrap(), bench.names))
        };
        BENCHES.iter().map(of).collect()
    }

    /// The arguments that each benchmark gets.
    fn chosen(args: &[&'static str]) -> Vec<(&'static str, Vec<&'static str>)> {
        let chosen = choose(&asked(), args).unwrap();
        chosen.into_iter().map(|(bench, wanted)| (bench.name, wanted)).collect()
    }

    #[test]
    fn every_benchmark_has_names_to_ask_for() {
        let asked = asked();
        let of = |name: &str| &asked.iter().find(|(bench, _)| bench.name == name).unwrap().1;
        assert_eq!(of("graph"), &["graph", "wasm", "layout"]);
        assert_eq!(of("ble"), &["ble"]);
        assert_eq!(
            of("figures"),
            &["start", "memory", "game", "message", "size", "page", "verify"]
        );
        assert!(of("micro").iter().any(|name| name == "link_seal_and_open"));
        assert!(!of("micro").iter().any(|name| name == "main"));
    }

    #[test]
    fn a_name_goes_to_the_benchmarks_that_have_it_alone() {
        let none = Vec::new;
        assert_eq!(
            chosen(&["graph", "game"]),
            [
                ("micro", none()),
                ("graph", vec!["graph"]),
                ("ble", none()),
                ("figures", vec!["game"])
            ]
        );
        assert_eq!(
            chosen(&["dice_", "layout"]),
            [
                ("micro", vec!["dice_"]),
                ("graph", vec!["layout"]),
                ("ble", none()),
                ("figures", none())
            ]
        );
        // Part of many names of micro, and a whole one.
        assert_eq!(
            chosen(&["ble"]),
            [("micro", none()), ("graph", none()), ("ble", vec!["ble"]), ("figures", none())]
        );
    }

    #[test]
    fn a_name_that_no_benchmark_has_is_an_error_that_tells_them_all() {
        let error = choose(&asked(), &["rol"]).err().unwrap().to_string();
        assert!(error.contains("\"rol\""), "{error}");
        assert!(error.contains("graph: graph wasm layout\nble: ble\n"), "{error}");
        assert!(error.contains("figures: start memory game message size page verify"), "{error}");
    }
}

//! Licences and duplicate versions of what cargo pulls in.
//!
//! - Every package of the graph must offer a licence from `deny.toml`.
//! - A package that is compiled into the node or the web client is there in one version, or is
//!   listed in `deny.toml` with a reason. Proc macros, build scripts, tests and this tool are not
//!   looked at: their doubles cost building time, not the user's.
//! - An exception that nothing needs any more is itself a finding.

use crate::{
    source::Finding,
    steps::{self, Shown},
    workspace::{WASM, Workspace, host_platform},
};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const RULES: &str = "deny.toml";

/// What is shipped, and for which platform: none is the machine this runs on.
const SHIPPED: [(&str, Option<&str>); 2] = [("bitcraps-node", None), ("bitcraps-web", Some(WASM))];

/// The tables of `deny.toml`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rules {
    licences: BTreeSet<String>,
    /// `name@version` to the reason.
    twice: BTreeMap<String, String>,
}

pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let path = workspace.root.join(RULES);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rules = read_rules(&text);
    let host = host_platform()?;
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for (package, platform) in SHIPPED {
        let platform = platform.unwrap_or(&host);
        findings.extend(licence_findings(&workspace.metadata(platform)?, &rules));
        let tree = tree(workspace, package, platform)?;
        findings.extend(duplicate_findings(&tree, package, &rules, &mut used));
    }
    for entry in rules.twice.keys().filter(|entry| !used.contains(*entry)) {
        findings.push(Finding::new(RULES, 0, format!("the exception for {entry} is not needed")));
    }
    findings.sort_by_key(Finding::to_string);
    findings.dedup();
    Ok(findings)
}

/// Reads as much of TOML as `deny.toml` is written in: one value or one list entry to a line.
fn read_rules(text: &str) -> Rules {
    let mut rules = Rules::default();
    let mut list = "";
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.split_once('=').map(|(key, _)| key.trim()) {
            Some(key @ ("allow" | "skip")) => list = key,
            _ if line.starts_with(['[', ']']) => list = "",
            _ => {}
        }
        let mut quoted = line.split('"').skip(1).step_by(2).map(str::to_owned);
        match list {
            "allow" => rules.licences.extend(quoted),
            "skip" => {
                if let Some(package) = quoted.next() {
                    rules.twice.insert(package, quoted.next().unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    rules
}

fn licence_findings(metadata: &Value, rules: &Rules) -> Vec<Finding> {
    let resolved: BTreeSet<&str> = nodes(metadata).filter_map(|node| node["id"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages(metadata) {
        if !package["id"].as_str().is_some_and(|id| resolved.contains(id)) {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or("");
        if !is_allowed(licence, &rules.licences) {
            let told = if licence.is_empty() { "no licence" } else { licence };
            let what = format!("{} has {told}, which {RULES} does not allow", label(package));
            findings.push(Finding::new("Cargo.lock", 0, what));
        }
    }
    findings
}

/// What is compiled into a package, a line each. `cargo metadata` would also name what only
/// features that are off would bring.
fn tree(workspace: &Workspace, package: &str, platform: &str) -> Result<String> {
    let mut command = workspace.cargo(&["tree", "--locked", "--prefix", "none"]);
    command.args(["--edges", "normal,no-proc-macro", "--format", "{p}"]);
    command.args(["--package", package, "--target", platform]);
    steps::must(&mut command, Shown::OnFailure)
}

fn duplicate_findings(
    tree: &str,
    root: &str,
    rules: &Rules,
    used: &mut BTreeSet<String>,
) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next())
            && let Some(version) = version.strip_prefix('v')
        {
            versions.entry(name).or_default().insert(version);
        }
    }
    let mut findings = Vec::new();
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        let (excused, left): (Vec<_>, Vec<_>) = versions
            .iter()
            .map(|version| format!("{name}@{version}"))
            .partition(|entry| rules.twice.get(entry).is_some_and(|reason| !reason.is_empty()));
        used.extend(excused);
        if left.len() > 1 {
            let what = format!(
                "{root} contains {}; agree on one, or list all but one in {RULES} with a reason",
                left.join(" and ")
            );
            findings.push(Finding::new("Cargo.lock", 0, what));
        }
    }
    findings
}

/// Whether an SPDX expression can be satisfied with these licences. `/` is the old form of `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let value = any_of(&mut rest, allowed);
    value && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut value = all_of(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        value |= all_of(words, allowed);
    }
    value
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut value = licence(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        value &= licence(words, allowed);
    }
    value
}

fn licence(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let value = any_of(words, allowed);
            let [")", rest @ ..] = *words else { return false };
            *words = rest;
            value
        }
        [name, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, rest @ ..] => {
            *words = rest;
            allowed.contains(*name)
        }
        [] => false,
    }
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    list(&metadata["packages"])
}

fn nodes(metadata: &Value) -> impl Iterator<Item = &Value> {
    list(&metadata["resolve"]["nodes"])
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn label(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or("?").to_owned();
    format!("{} {}", text("name"), text("version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules() -> Rules {
        read_rules(
            "# allow = [\"GPL-3.0\"]\n[licenses]\nallow = [\n\"MIT\",\n\"Apache-2.0\",\n]\n\n\
             [bans]\nskip = [\n{ crate = \"a@1.0.0\", reason = \"b needs it\" },\n]\n",
        )
    }

    #[test]
    fn the_rules_are_read_from_what_cargo_deny_reads() {
        let rules = rules();
        assert_eq!(rules.licences, BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]));
        assert_eq!(rules.twice["a@1.0.0"], "b needs it");
        assert_eq!(rules.twice.len(), 1);
    }

    #[test]
    fn a_licence_expression_must_be_satisfiable() {
        let allowed = rules().licences;
        for good in ["MIT", "MIT OR GPL-3.0", "MIT/GPL-3.0", "(GPL-3.0 OR MIT) AND Apache-2.0"] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH LLVM-exception", "(MIT", "MIT )"]
        {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }

    const TREE: &str = "app v0.1.0 (/app)\na v1.0.0\nb v1.0.0\na v2.0.0\na v1.0.0 (*)\n";

    #[test]
    fn two_shipped_versions_are_found_and_an_excuse_covers_one_of_them() {
        let mut used = BTreeSet::new();
        let strict = Rules::default();
        let found = duplicate_findings(TREE, "app", &strict, &mut used);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("a@1.0.0 and a@2.0.0"), "{}", found[0]);
        assert!(duplicate_findings(TREE, "app", &rules(), &mut used).is_empty());
        assert!(used.contains("a@1.0.0"));
    }

    #[test]
    fn a_forbidden_licence_is_found_with_its_package() {
        let package = |name: &str, licence: &str| {
            let mut package = json!({"id": name, "name": name, "version": "1.0.0"});
            package["license"] = licence.into();
            package
        };
        let metadata = json!({
            "packages": [
                package("a", "MIT"), package("b", "GPL-3.0-only"), package("other", "GPL-3.0-only"),
            ],
            "resolve": {"nodes": [{"id": "a"}, {"id": "b"}]},
        });
        let found = licence_findings(&metadata, &rules());
        assert_eq!(found.len(), 1, "what is not built for this platform does not count");
        assert!(found[0].what.contains("b 1.0.0 has GPL-3.0-only"));
    }
}

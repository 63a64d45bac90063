//! Licences and duplicate versions of what cargo pulls in.
//!
//! - Every package of the graph must offer a licence from `deny.toml`.
//! - A package that is compiled into the node or the web client is there in one version, or is
//!   listed in `deny.toml` with a reason. Proc macros, build scripts, tests and this tool are not
//!   looked at: their doubles cost building time, not the user's.
//! - An exception that nothing needs any more is itself a finding.

use crate::{
    source::Finding,
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
        let metadata = workspace.metadata(platform.unwrap_or(&host))?;
        findings.extend(licence_findings(&metadata, &rules));
        findings.extend(duplicate_findings(&metadata, package, &rules, &mut used));
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

fn duplicate_findings(
    metadata: &Value,
    root: &str,
    rules: &Rules,
    used: &mut BTreeSet<String>,
) -> Vec<Finding> {
    let shipped = shipped_ids(metadata, root);
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages(metadata) {
        let (id, name, version) = (&package["id"], &package["name"], &package["version"]);
        if let (Some(id), Some(name), Some(version)) =
            (id.as_str(), name.as_str(), version.as_str())
            && shipped.contains(id)
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

/// The packages reached from `root` over normal dependencies, proc macros left out.
fn shipped_ids<'a>(metadata: &'a Value, root: &str) -> BTreeSet<&'a str> {
    let by_id: BTreeMap<&str, &Value> =
        packages(metadata).filter_map(|p| Some((p["id"].as_str()?, p))).collect();
    let links: BTreeMap<&str, &Value> =
        nodes(metadata).filter_map(|n| Some((n["id"].as_str()?, n))).collect();
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> =
        by_id.iter().filter(|(_, p)| p["name"] == root).map(|(id, _)| *id).collect();
    while let Some(id) = open.pop() {
        if by_id.get(id).is_none_or(|package| is_proc_macro(package)) || !found.insert(id) {
            continue;
        }
        for dep in links.get(id).into_iter().flat_map(|node| list(&node["deps"])) {
            let normal = list(&dep["dep_kinds"]).any(|kind| kind["kind"].is_null());
            if let Some(id) = dep["pkg"].as_str().filter(|_| normal) {
                open.push(id);
            }
        }
    }
    found
}

fn is_proc_macro(package: &Value) -> bool {
    list(&package["targets"]).any(|target| list(&target["kind"]).any(|k| k == "proc-macro"))
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

    /// `app` uses `a` 1 and `b`, `b` uses `a` 2; a proc macro uses `a` 3.
    fn metadata(licence_of_b: &str) -> Value {
        let package = |id: &str, name: &str, version: &str, licence: &str, kind: &str| {
            json!({"id": id, "name": name, "version": version, "license": licence,
                   "targets": [{"kind": [kind]}]})
        };
        let dep = |id: &str| json!({"pkg": id, "dep_kinds": [{"kind": null}]});
        json!({
            "packages": [
                package("app", "app", "0.1.0", "MIT", "bin"),
                package("a1", "a", "1.0.0", "MIT", "lib"),
                package("a2", "a", "2.0.0", "MIT", "lib"),
                package("a3", "a", "3.0.0", "MIT", "lib"),
                package("b", "b", "1.0.0", licence_of_b, "lib"),
                package("m", "m", "1.0.0", "MIT", "proc-macro"),
            ],
            "resolve": {"nodes": [
                {"id": "app", "deps": [dep("a1"), dep("b"), dep("m"),
                    {"pkg": "a3", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b", "deps": [dep("a2")]},
                {"id": "m", "deps": [dep("a3")]},
                {"id": "a1", "deps": []}, {"id": "a2", "deps": []}, {"id": "a3", "deps": []},
            ]},
        })
    }

    #[test]
    fn two_shipped_versions_are_found_and_an_excuse_covers_one_of_them() {
        let mut used = BTreeSet::new();
        let strict = Rules::default();
        let found = duplicate_findings(&metadata("MIT"), "app", &strict, &mut used);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("a@1.0.0 and a@2.0.0"), "{}", found[0]);
        assert!(!found[0].what.contains("3.0.0"));
        assert!(duplicate_findings(&metadata("MIT"), "app", &rules(), &mut used).is_empty());
        assert!(used.contains("a@1.0.0"));
    }

    #[test]
    fn a_forbidden_licence_is_found_with_its_package() {
        let found = licence_findings(&metadata("GPL-3.0-only"), &rules());
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("b 1.0.0 has GPL-3.0-only"));
    }
}

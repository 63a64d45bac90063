//! A reason for every dependency, none in the core that could do I/O, and versions that agree.

use crate::source::{Finding, Source};

/// Packages that would bring a clock, a socket, a scheduler or ambient randomness into the core.
const NOT_IN_CORE: [&str; 10] = [
    "tokio",
    "futures",
    "futures-util",
    "async-trait",
    "web-sys",
    "js-sys",
    "getrandom",
    "rand",
    "tracing",
    "reqwest",
];

/// One dependency line of a manifest.
struct Dependency<'a> {
    name: &'a str,
    value: &'a str,
    line: usize,
    section: &'a str,
    /// Whether a comment stands above it, or above the lines it follows without a gap.
    explained: bool,
}

pub fn findings(source: &Source) -> Vec<Finding> {
    if source.file_name() != "Cargo.toml" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for dependency in dependencies(&source.text) {
        let name = dependency.name;
        let told_elsewhere = dependency.name.ends_with(".workspace")
            || dependency.value.contains("workspace = true")
            || dependency.value.contains("path =");
        if !dependency.explained && !told_elsewhere {
            let what = format!("`{name}` has no comment above it that says what it is for");
            findings.push(Finding::new(&source.path, dependency.line, what));
        }
        let package = name.trim_end_matches(".workspace");
        let shipped = !dependency.section.contains("dev-dependencies");
        if source.path == "core/Cargo.toml" && shipped && NOT_IN_CORE.contains(&package) {
            let what =
                format!("`{package}` in the core, which does no I/O and draws no randomness");
            findings.push(Finding::new(&source.path, dependency.line, what));
        }
    }
    findings
}

/// The generator of the JavaScript and the library in the wasm share an unstable format.
pub fn agreement(sources: &[Source], locked: Option<String>) -> Vec<Finding> {
    let path = "xtask/Cargo.toml";
    let Some(manifest) = sources.iter().find(|source| source.path == path) else {
        return Vec::new();
    };
    let wanted = format!("={}", locked.unwrap_or_default());
    dependencies(&manifest.text)
        .filter(|dependency| dependency.name == "wasm-bindgen-cli-support")
        .filter(|dependency| dependency.value.trim_matches('"') != wanted)
        .map(|dependency| {
            let what = format!("must be \"{wanted}\", the wasm-bindgen of Cargo.lock");
            Finding::new(path, dependency.line, what)
        })
        .collect()
}

fn dependencies(text: &str) -> impl Iterator<Item = Dependency<'_>> {
    let mut section = "";
    let mut explained = false;
    let mut open_brackets = 0usize;
    (1..).zip(text.lines()).filter_map(move |(line, content)| {
        let content = content.trim();
        if open_brackets > 0 {
            open_brackets = brackets_left(open_brackets, content);
            return None;
        }
        if content.starts_with('[') {
            section = content.trim_matches(['[', ']']);
        }
        if content.is_empty() || content.starts_with('[') {
            explained = false;
            return None;
        }
        if content.starts_with('#') {
            explained = true;
            return None;
        }
        let (name, value) = content.split_once('=')?;
        open_brackets = brackets_left(0, value);
        section.ends_with("dependencies").then_some(Dependency {
            name: name.trim(),
            value: value.trim(),
            line,
            section,
            explained,
        })
    })
}

fn brackets_left(open: usize, text: &str) -> usize {
    let count = |brackets: [char; 2]| text.matches(brackets).count();
    (open + count(['[', '{'])).saturating_sub(count([']', '}']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let text = "[package]\nname = \"x\"\n\n[dependencies]\na.workspace = true\n\
                    b = { path = \"../b\" }\n# Reads c.\nc = \"1\"\nd = { version = \"1\", \
                    features = [\n    \"x\",\n] }\n\ne = \"1\"\n";
        let found = findings(&source("sim/Cargo.toml", text));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("`e`") && found[0].line == 13, "{}", found[0]);
    }

    #[test]
    fn the_core_takes_nothing_that_does_io_except_in_tests() {
        let text = "[dependencies]\ntokio.workspace = true\n\n[dev-dependencies]\n\
                    rand.workspace = true\n";
        assert_eq!(findings(&source("core/Cargo.toml", text)).len(), 1);
        assert!(findings(&source("native-node/Cargo.toml", text)).is_empty());
    }

    #[test]
    fn the_generator_has_the_version_of_the_lock() {
        let manifest = "[dependencies]\n# Why.\nwasm-bindgen-cli-support = \"=0.2.1\"\n";
        let sources = [source("xtask/Cargo.toml", manifest)];
        assert!(agreement(&sources, Some("0.2.1".to_owned())).is_empty());
        assert_eq!(agreement(&sources, Some("0.2.2".to_owned())).len(), 1);
        assert_eq!(agreement(&sources, None).len(), 1);
    }
}

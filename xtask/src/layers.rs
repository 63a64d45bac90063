//! Which room of the core may look into which, and what of the core the shells may use.
//!
//! - A room imports only from lower layers; the rooms of one layer above 0 never import each
//!   other. They meet in `node`, where the output of one becomes the input of another in one
//!   visible place.
//! - The shells use the core through `node` and the words of layer 0, so that a shell can never
//!   reach around the node. The simulator's liars are the exception: they are put together of
//!   the rooms, because a node would keep the rules.
//!
//! Tests inside a room keep the same rules: what needs two rooms belongs to the room above.

use crate::{
    source::{Finding, Source, code_of, files, paths_after},
    workspace::Workspace,
};
use anyhow::Result;

/// Every room of the core with its layer.
const ROOMS: [(&str, u8); 22] = [
    ("id", 0),
    ("limits", 0),
    ("seed", 0),
    ("sorted", 0),
    ("store", 0),
    ("time", 0),
    ("transport", 0),
    ("crypto", 1),
    ("graph", 1),
    ("craps", 2),
    ("agree", 3),
    ("discover", 3),
    ("elect", 3),
    ("heal", 3),
    ("health", 3),
    ("link", 3),
    ("map", 3),
    ("route", 3),
    ("trust", 3),
    ("game", 4),
    ("wire", 4),
    ("node", 5),
];

/// What shells may use of the core; a longer path narrows it.
const FOR_SHELLS: [&str; 9] =
    ["node", "id", "time", "seed", "sorted", "craps", "crypto::identity", "transport", "limits"];

const SHELLS: [&str; 3] = ["native-node/", "web-ui/", "sim/"];

/// A second composition root, for members that lie (docs/adr/0017).
const LIARS: &str = "sim/src/liar/";

pub fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let sources = files(&workspace.root, &["rs"])?;
    Ok(sources.iter().flat_map(findings_in).collect())
}

fn findings_in(source: &Source) -> Vec<Finding> {
    if let Some(inner) = source.path.strip_prefix("core/src/") {
        return room_findings(source, inner);
    }
    if source.path.starts_with(LIARS) {
        return Vec::new();
    }
    if SHELLS.iter().any(|shell| source.path.starts_with(shell)) {
        return shell_findings(source);
    }
    Vec::new()
}

/// `inner` is the path below `core/src`.
fn room_findings(source: &Source, inner: &str) -> Vec<Finding> {
    let room = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs");
    if room == "lib" {
        return Vec::new();
    }
    let Some(layer) = layer_of(room) else {
        let what = format!("the room `{room}` has no layer; give it one in xtask's table");
        return vec![Finding::new(&source.path, 0, what)];
    };
    let code = code_of(&source.text);
    let mut named = paths_after(&code, "crate");
    // From a file of a room, this many `super` reach the root of the core.
    let depth = inner.split('/').count() - usize::from(inner.ends_with("/mod.rs"));
    named.extend(paths_after(&code, &vec!["super"; depth].join("::")));

    let mut findings = Vec::new();
    for path in named {
        let other = path.segments[0].as_str();
        let Some(other_layer) = layer_of(other).filter(|_| other != room) else { continue };
        if other_layer < layer || (layer == 0 && other_layer == 0) {
            continue;
        }
        let rule = match other_layer == layer {
            true => "rooms of one layer never import each other; let them meet in `node`",
            false => "a room imports only from lower layers",
        };
        let what =
            format!("`{room}` (layer {layer}) looks into `{other}` (layer {other_layer}): {rule}");
        findings.push(Finding::new(&source.path, path.line, what));
    }
    findings
}

fn shell_findings(source: &Source) -> Vec<Finding> {
    let code = code_of(&source.text);
    let mut findings = Vec::new();
    for path in paths_after(&code, "bitcraps_core") {
        let full = path.segments.join("::");
        let allowed = |door: &&str| full == **door || full.starts_with(&format!("{door}::"));
        if !FOR_SHELLS.iter().any(allowed) {
            let what = format!(
                "a shell uses `bitcraps_core::{full}`; shells use only {}",
                FOR_SHELLS.join(", ")
            );
            findings.push(Finding::new(&source.path, path.line, what));
        }
    }
    findings
}

fn layer_of(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        findings_in(&source).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_room_may_look_down_but_not_up_or_aside() {
        let text = "use crate::{\n    id::PeerId,\n    crypto::sign,\n};\n";
        assert!(findings("core/src/link/mod.rs", text).is_empty());

        let aside = findings("core/src/link/pool.rs", "\nuse crate::{id, map::Map};\n");
        assert_eq!(aside.len(), 1);
        assert!(aside[0].starts_with("core/src/link/pool.rs:2: `link` (layer 3)"), "{}", aside[0]);
        assert!(aside[0].contains("`map` (layer 3): rooms of one layer"), "{}", aside[0]);

        let up = findings("core/src/craps/mod.rs", "fn f() -> crate::node::Event {}");
        assert!(up[0].contains("a room imports only from lower layers"), "{}", up[0]);
    }

    #[test]
    fn the_rooms_of_layer_zero_may_use_each_other_and_a_room_itself() {
        assert!(findings("core/src/seed.rs", "use crate::time::Instant;").is_empty());
        assert!(findings("core/src/map/store.rs", "use crate::map::message;").is_empty());
    }

    #[test]
    fn going_round_by_super_is_seen() {
        assert_eq!(findings("core/src/link/noise.rs", "use super::super::map;").len(), 1);
        assert_eq!(findings("core/src/link/mod.rs", "use super::route::Table;").len(), 1);
        assert!(findings("core/src/link/noise.rs", "use super::route::Hop;").is_empty());
    }

    #[test]
    fn comments_do_not_import() {
        assert!(findings("core/src/link/mod.rs", "//! see [`crate::map`]\n").is_empty());
    }

    #[test]
    fn a_room_without_a_layer_is_told() {
        assert!(findings("core/src/bag/mod.rs", "")[0].contains("has no layer"));
    }

    #[test]
    fn shells_use_only_the_doors() {
        let good = "use bitcraps_core::{crypto::identity::Identity, node::{Input, Node}};";
        assert!(findings("native-node/src/main.rs", good).is_empty());
        assert!(findings("sim/src/lib.rs", "use bitcraps_core::{limits, node};").is_empty());
        assert_eq!(findings("web-ui/src/lib.rs", "use bitcraps_core::crypto::sign;").len(), 1);
        assert_eq!(findings("sim/src/world.rs", "bitcraps_core::link::Frame::x()").len(), 1);
        assert!(findings("core/tests/a.rs", "use bitcraps_core::link;").is_empty());
        assert!(findings("sim/src/liar/mod.rs", "use bitcraps_core::link;").is_empty());
    }
}

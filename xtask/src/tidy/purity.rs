//! The core does no I/O, reads no clock and shares nothing: then the same code runs under tokio,
//! in a tab and in the simulator, and a run can be repeated from its seed.

use crate::source::{Finding, Source, has_word, shipped_code_of};

const CORE: [&str; 2] = ["core/src/", "core/graph/src/"];

/// What the core's source must not say, and what to do instead.
const FORBIDDEN: [(&str, &str); 26] = [
    ("std::time::Instant", "time comes in as `now`"),
    ("Instant::now", "time comes in as `now`"),
    ("SystemTime", "time comes in as `now` or `wall_ms`"),
    ("std::net", "bytes come in as inputs and leave as outputs"),
    ("std::fs", "what must survive leaves as `Persist`"),
    ("std::env", "settings come in as `Config`"),
    ("std::thread", "a driver may have threads, the core has none"),
    ("thread::spawn", "a driver may have threads, the core has none"),
    ("getrandom", "randomness comes from a `Seed`"),
    ("OsRng", "randomness comes from a `Seed`"),
    ("thread_rng", "randomness comes from a `Seed`"),
    ("async fn", "a driver may wait, the core does not"),
    ("async move", "a driver may wait, the core does not"),
    (".await", "a driver may wait, the core does not"),
    ("Arc<", "own it or borrow it"),
    ("Arc::new", "own it or borrow it"),
    ("sync::Arc", "own it or borrow it"),
    ("Rc<", "own it or borrow it"),
    ("Rc::new", "own it or borrow it"),
    ("rc::Rc", "own it or borrow it"),
    ("Mutex", "own it or borrow it"),
    ("RwLock", "own it or borrow it"),
    ("RefCell", "own it or borrow it"),
    ("println!", "tell it as an event"),
    ("eprintln!", "tell it as an event"),
    ("tokio", "a driver may use it, the core does not"),
];

/// Where one of these words is right: below this path, this word, for this reason.
const EXCEPTIONS: [(&str, &str, &str); 3] = [
    ("core/src/agree/", "Arc<", "the bounds of the agreement driver's traits ask for it"),
    ("core/src/agree/", "Arc::new", "the bounds of the agreement driver's traits ask for it"),
    ("core/src/agree/", "sync::Arc", "the bounds of the agreement driver's traits ask for it"),
];

/// Collections whose order is not the same in every run.
const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];

/// How the reason begins why that order cannot be seen.
const UNORDERED_REASON: &str = "Unordered:";

/// Reading and writing postcard, which belongs to the wire types in `message.rs`.
const CODEC: [&str; 6] = [
    "postcard::to_allocvec",
    "postcard::to_vec",
    "postcard::to_slice",
    "postcard::to_extend",
    "postcard::from_bytes",
    "postcard::take_from_bytes",
];

/// Further files that encode, and why.
const ENCODING: [(&str, &str); 1] =
    [("core/src/wire/", "the envelope around every message and the one codec for it")];

pub fn findings(source: &Source) -> Vec<Finding> {
    if !CORE.iter().any(|core| source.path.starts_with(core))
        || source.extension() != "rs"
        || source.is_test_file()
    {
        return Vec::new();
    }
    let code = shipped_code_of(&source.text);
    let explains_order = source.text.contains(UNORDERED_REASON);
    let encodes = source.file_name() == "message.rs"
        || ENCODING.iter().any(|(path, _)| source.path.starts_with(path));
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        let mut found = |what: String| findings.push(Finding::new(&source.path, number, what));
        for (word, instead) in FORBIDDEN.iter().filter(|(word, _)| has_word(line, word)) {
            let excepted = |(path, excepted, _): &(&str, &str, &str)| {
                excepted == word && source.path.starts_with(path)
            };
            if !EXCEPTIONS.iter().any(excepted) {
                found(format!("`{word}` in the core: {instead}"));
            }
        }
        for word in UNORDERED.iter().filter(|word| has_word(line, word) && !explains_order) {
            found(format!(
                "`{word}`: use a BTreeMap or a Vec, or say in a comment that starts with \
                 \"{UNORDERED_REASON}\" why its order cannot be seen"
            ));
        }
        if !encodes && CODEC.iter().any(|call| has_word(line, call)) {
            found("postcard is called only in files named message.rs".to_owned());
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        findings(&source).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn clocks_locks_and_waiting_are_found_outside_comments_and_tests() {
        for line in ["let t = SystemTime::now();", "x: Arc<T>,", "async fn f() {}", "y.await;"] {
            assert_eq!(found("core/src/link/mod.rs", line).len(), 1, "{line}");
            assert!(found("core/src/link/mod.rs", &format!("// {line}")).is_empty(), "{line}");
            let test = format!("#[cfg(test)]\nmod tests {{\n    {line}\n}}\n");
            assert!(found("core/src/link/mod.rs", &test).is_empty(), "{line}");
            assert!(found("sim/src/lib.rs", line).is_empty(), "{line}");
        }
        assert!(found("core/src/time.rs", "pub struct Instant(u64);").is_empty());
        assert!(found("core/graph/src/csr.rs", "arcs: Vec<Arc>,").is_empty(), "a graph has arcs");
    }

    #[test]
    fn an_exception_holds_in_its_room_only() {
        assert!(found("core/src/agree/driver.rs", "x: Arc<T>,").is_empty());
        assert_eq!(found("core/src/agree/driver.rs", "x: Mutex<T>,").len(), 1);
    }

    #[test]
    fn an_unordered_map_needs_its_reason() {
        let line = "use std::collections::HashMap;";
        assert_eq!(found("core/src/map/mod.rs", line).len(), 1);
        let explained = format!("// Unordered: only looked up by key.\n{line}");
        assert!(found("core/src/map/mod.rs", &explained).is_empty());
    }

    #[test]
    fn encoding_stays_in_message_files() {
        let line = "let b = postcard::to_allocvec(&x);";
        assert_eq!(found("core/src/map/mod.rs", line).len(), 1);
        assert!(found("core/src/map/message.rs", line).is_empty());
        assert!(found("core/src/wire/codec.rs", line).is_empty());
    }
}

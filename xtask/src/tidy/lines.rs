//! The form of a file.

use crate::source::{Finding, Source};

/// Columns of Rust code; rustfmt leaves comments and strings alone.
const COLUMNS_MAX: usize = 100;

/// Lines a file may have before its module doc must say why it is long.
const LINES_MAX: usize = 600;

/// How that reason begins.
const LONG_BECAUSE: &str = "Long because";

pub fn findings(source: &Source) -> Vec<Finding> {
    let rust = source.extension() == "rs";
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let mut found = |what: &str| findings.push(Finding::new(&source.path, number, what));
        // Two blanks at the end of a line of Markdown are a line break.
        if line.ends_with([' ', '\t']) && source.extension() != "md" {
            found("blanks at the end of the line");
        }
        if line.contains('\t') {
            found("a tab; indent with spaces");
        }
        if rust && line.chars().count() > COLUMNS_MAX {
            found(&format!("longer than {COLUMNS_MAX} columns"));
        }
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        findings.push(Finding::new(&source.path, 0, "no newline at the end of the file"));
    }
    if rust {
        findings.extend(module_doc_findings(source));
    }
    findings
}

fn module_doc_findings(source: &Source) -> Option<Finding> {
    let doc: Vec<&str> = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
    let says_something = doc.first().is_some_and(|line| line.trim_start_matches("//!").len() > 1);
    if !says_something {
        let what = "does not start with a `//!` that says what the file is for";
        return Some(Finding::new(&source.path, 1, what));
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX && !doc.iter().any(|line| line.contains(LONG_BECAUSE)) {
        let what = format!(
            "{lines} lines; over {LINES_MAX} the module doc says why: a sentence with \
             \"{LONG_BECAUSE}\""
        );
        return Some(Finding::new(&source.path, 0, what));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_of(path: &str, text: &str) -> Vec<Finding> {
        findings(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_proper_file_passes() {
        assert!(findings_of("a.rs", "//! What it is for.\n\nfn f() {}\n").is_empty());
    }

    #[test]
    fn each_rule_names_its_line() {
        let found = findings_of("a.rs", "//! Doc.\nfn f() {} \n\tg();\n");
        let lines: Vec<usize> = found.iter().map(|f| f.line).collect();
        assert_eq!(lines, [2, 3]);
        let full = format!("//! Doc.\n// {}\n", "ä".repeat(97));
        assert!(findings_of("a.rs", &full).is_empty(), "columns are characters, not bytes");
        let long = format!("//! Doc.\n// {}\n", "ä".repeat(98));
        assert_eq!(findings_of("a.rs", &long)[0].line, 2);
        assert!(findings_of("a.md", &long).is_empty());
        assert_eq!(findings_of("a.rs", "//! Doc.\nfn f() {}").len(), 1);
    }

    #[test]
    fn a_file_without_words_about_itself_is_told() {
        for text in ["fn f() {}\n", "//!\nfn f() {}\n", "\n//! Late.\n"] {
            assert_eq!(findings_of("a.rs", text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_long_file_gives_its_reason() {
        let body = "// x\n".repeat(LINES_MAX);
        assert_eq!(findings_of("a.rs", &format!("//! Doc.\n{body}")).len(), 1);
        assert!(
            findings_of("a.rs", &format!("//! Long because it is one table.\n{body}")).is_empty()
        );
    }
}

//! Words that say that something is pretended, or whose machine it was written on.

use crate::source::{Finding, Source, has_word};

/// Not wanted in any program text. What is not done does not exist.
const PRETENCE: [&str; 9] = [
    "todo!",
    "unimplemented!",
    "TODO",
    "FIXME",
    "for now",
    "in a real implementation",
    "simulate success",
    "placeholder",
    "#[ignore",
];

/// What HTML and CSS call the grey text in an empty field.
const FIELD_HINTS: [&str; 3] = ["placeholder=", "::placeholder", ":placeholder-shown"];

/// Directories that exist on one machine only.
const MACHINE_PATHS: [&str; 4] = ["/home/", "/root/", "/Users/", "/work/"];

/// Where these lists stand.
const THIS_FILE: &str = "xtask/src/tidy/words.rs";

pub fn findings(source: &Source) -> Vec<Finding> {
    if source.path == THIS_FILE {
        return Vec::new();
    }
    let program = matches!(source.extension(), "rs" | "js" | "html" | "css");
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        if program {
            let line =
                FIELD_HINTS.iter().fold(line.to_owned(), |line, hint| line.replace(hint, ""));
            for word in PRETENCE.iter().filter(|word| has_word(&line, word)) {
                let what = format!("{word:?}: what is not done does not exist");
                findings.push(Finding::new(&source.path, number, what));
            }
        }
        for path in MACHINE_PATHS.iter().filter(|path| has_machine_path(line, path)) {
            let what = format!("{path:?} is a path of one machine");
            findings.push(Finding::new(&source.path, number, what));
        }
    }
    findings
}

/// Whether an absolute path begins there, and not the middle of a URL or of a longer path.
fn has_machine_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        findings(&Source { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn pretence_is_found_in_code_and_comments() {
        for text in ["todo!()", "// good enough for now", "#[ignore = \"slow\"]", "a placeholder"] {
            assert_eq!(count("core/src/a.rs", text), 1, "{text}");
        }
        assert_eq!(count("docs/a.md", "no placeholder"), 0);
    }

    #[test]
    fn the_hint_in_a_field_is_no_pretence() {
        assert_eq!(count("web-ui/src/a.rs", "<input placeholder=\"pass 10\" />"), 0);
        assert_eq!(count("www/a.css", "input::placeholder { color: grey }"), 0);
    }

    #[test]
    fn machine_paths_are_found_and_urls_are_not() {
        assert_eq!(count("a.md", "see /home/me/notes"), 1);
        assert_eq!(count("a.toml", "path = \"/root/x\""), 1);
        assert_eq!(count("a.md", "https://example.org/work/x"), 0);
    }
}

//! Reading sources the way the checks need them: which files there are, which part of a Rust file
//! is code, and which paths it names.
//!
//! This is no parser. It knows comments, string literals and `use` trees, which is what the rules
//! in `tidy` and `layers` speak about; a macro that pastes identifiers together escapes it.

use anyhow::{Context as _, Result};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Directories that hold no sources.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the workspace, with `/`.
    pub file: String,
    /// Counted from 1; 0 when the whole file is meant.
    pub line: usize,
    pub what: String,
}

impl Finding {
    pub fn new(file: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// A text file.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether the whole file is test code.
    pub fn is_test_file(&self) -> bool {
        let mut parts = self.path.split('/');
        self.file_name() == "tests.rs" || parts.any(|part| part == "tests" || part == "benches")
    }
}

/// Every text file below `root` with one of these extensions, in order of path.
pub fn files(root: &Path, extensions: &[&str]) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    walk(root, &mut paths)?;
    paths.sort();
    let wanted = |path: &&PathBuf| {
        path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e))
    };
    let mut sources = Vec::new();
    for path in paths.iter().filter(wanted) {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let relative = path.strip_prefix(root).unwrap_or(path);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        sources.push(Source { path: parts.join("/"), text });
    }
    Ok(sources)
}

/// Every file below `dir`, sources or not.
pub fn walk(dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !SKIPPED.contains(&entry.file_name().to_string_lossy().as_ref()) {
                walk(&path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The same text with comments and the insides of string literals blanked out, so that lines and
/// columns stay where they are.
pub fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => line_end(&chars, at),
            '/' if chars.get(at + 1) == Some(&'*') => block_comment_end(&chars, at),
            '"' => string_end(&chars, at, raw_hashes_before(&chars, at)),
            '\'' => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        for c in &chars[at..end] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    out
}

/// [`code_of`] without the `#[cfg(test)] mod … { … }` blocks.
pub fn shipped_code_of(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        kept.push_str(line);
        kept.push('\n');
        let Some(indent) = line.strip_suffix("#[cfg(test)]").filter(|i| i.trim().is_empty()) else {
            continue;
        };
        // rustfmt puts the closing brace of a block at the indent of its first line.
        let close = format!("{indent}}}");
        let mut inside = false;
        for line in lines.by_ref() {
            kept.push('\n');
            inside |= line.trim_end().ends_with('{');
            if (inside && line == close) || (!inside && line.trim_end().ends_with(';')) {
                break;
            }
        }
    }
    code_of(&kept)
}

/// Whether `word` occurs in `line` with no letter, digit or underscore on its open ends.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts_with_name = word.chars().next().is_some_and(is_name);
        let ends_with_name = word.chars().next_back().is_some_and(is_name);
        let goes_on_before = starts_with_name && before.is_some_and(is_name);
        let goes_on_after = ends_with_name && after.is_some_and(is_name);
        !goes_on_before && !goes_on_after
    })
}

/// A path named in code after a given root, such as `a::b` in `use crate::{a::{b, c}, d};`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

/// Every path that follows `root::` in `code`, with groups in braces taken apart.
pub fn paths_after(code: &str, root: &str) -> Vec<Named> {
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut rest = Tree { code: &code[at + start.len()..], line, found: &mut found };
        rest.path(Vec::new());
    }
    found
}

/// What is left to read of a path or a tree of paths.
struct Tree<'a> {
    code: &'a str,
    line: usize,
    found: &'a mut Vec<Named>,
}

impl Tree<'_> {
    fn path(&mut self, mut segments: Vec<String>) {
        loop {
            self.blank();
            if self.take("{") {
                return self.group(&segments);
            }
            let end = self
                .code
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(self.code.len());
            if end == 0 {
                break;
            }
            segments.push(self.code[..end].to_owned());
            self.code = &self.code[end..];
            if !self.take("::") {
                break;
            }
        }
        if !segments.is_empty() {
            self.found.push(Named { segments, line: self.line });
        }
    }

    fn group(&mut self, prefix: &[String]) {
        loop {
            self.blank();
            if self.code.is_empty() || self.take("}") {
                return;
            }
            self.path(prefix.to_vec());
            // What may stand here is an alias or a glob, with neither commas nor braces.
            let end = self.code.find([',', '}']).unwrap_or(self.code.len());
            self.code = &self.code[end..];
            self.take(",");
        }
    }

    fn blank(&mut self) {
        let trimmed = self.code.trim_start();
        self.line += self.code[..self.code.len() - trimmed.len()].matches('\n').count();
        self.code = trimmed;
    }

    fn take(&mut self, token: &str) -> bool {
        match self.code.strip_prefix(token) {
            Some(rest) => {
                self.code = rest;
                true
            }
            None => false,
        }
    }
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0usize;
    let mut i = at;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                i += 1;
                continue;
            }
        }
        i += 2;
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

/// The number of `#` between an `r` and the quote, or none when the string is not a raw one.
fn raw_hashes_before(chars: &[char], quote: usize) -> Option<usize> {
    let hashes = chars[..quote].iter().rev().take_while(|c| **c == '#').count();
    let r = quote.checked_sub(hashes + 1)?;
    let before = r.checked_sub(1).map(|i| chars[i]);
    let starts_word = !before.is_some_and(|c| (c.is_alphanumeric() && c != 'b') || c == '_');
    (chars[r] == 'r' && starts_word).then_some(hashes)
}

fn string_end(chars: &[char], at: usize, raw: Option<usize>) -> usize {
    let mut i = at + 1;
    while i < chars.len() {
        match (chars[i], raw) {
            ('\\', None) => i += 1,
            ('"', None) => return i + 1,
            ('"', Some(hashes)) => {
                let closing = chars[i + 1..].iter().take_while(|c| **c == '#').count();
                if closing >= hashes {
                    return i + 1 + hashes;
                }
            }
            _ => {}
        }
        i += 1;
    }
    chars.len()
}

/// The end of a character literal, or `at` when the quote starts a lifetime.
fn char_end(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let close = chars.iter().skip(at + 3).position(|c| *c == '\'');
        return close.map_or(at, |n| at + 3 + n + 1);
    }
    if chars.get(at + 2) == Some(&'\'') { at + 3 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, root: &str) -> Vec<String> {
        paths_after(code, root).into_iter().map(|n| n.segments.join("::")).collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let code = code_of("let a = \"crate::x\"; // crate::y\n/* crate::z */ crate::w");
        assert_eq!(names(&code, "crate"), ["w"]);
        assert_eq!(code.lines().count(), 2);
        assert!(!code_of("let a = r#\"a \" crate::x\"#; b").contains("crate"));
        assert!(code_of("fn f<'a>(x: &'a str) { g('\"') } crate::x").contains("crate::x"));
        assert!(code_of(r"let c = '\''; crate::x").contains("crate::x"));
    }

    #[test]
    fn groups_are_taken_apart_with_their_lines() {
        let code = "use crate::{\n    a::{self, b},\n    c as d,\n    e::*,\n};\nf(crate::g::h());";
        assert_eq!(names(code, "crate"), ["a::self", "a::b", "c", "e", "g::h"]);
        let lines: Vec<usize> = paths_after(code, "crate").iter().map(|n| n.line).collect();
        assert_eq!(lines, [2, 2, 3, 4, 6]);
    }

    #[test]
    fn a_longer_name_is_another_root() {
        assert!(names("mycrate::a", "crate").is_empty());
    }

    #[test]
    fn test_modules_are_not_shipped_and_lines_stay() {
        let text = "a\n#[cfg(test)]\nmod tests {\n    b\n}\nc\n#[cfg(test)]\nmod tests;\nd\n";
        let code = shipped_code_of(text);
        assert!(!code.contains('b'));
        assert_eq!(code.lines().nth(5), Some("c"));
        assert_eq!(code.lines().nth(8), Some("d"));
    }

    #[test]
    fn words_end_where_names_end() {
        assert!(has_word("x: Arc<T>", "Arc<"));
        assert!(!has_word("x: MyArc<T>", "Arc<"));
        assert!(has_word("at the end.", "the end"));
        assert!(!has_word("at the ending", "the end"));
    }
}

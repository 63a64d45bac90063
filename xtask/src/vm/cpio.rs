//! Archives in the form that the kernel unpacks as its first root ("newc" of cpio).
//!
//! Written here and not by a program, so that owner, mode and order are the same everywhere.

use anyhow::{Context as _, Result};
use std::{collections::BTreeSet, fs, path::Path};

const DIRECTORY: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
pub const FILE: u32 = 0o100_644;
pub const PROGRAM: u32 = 0o100_755;

#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
    directories: BTreeSet<String>,
}

impl Archive {
    /// Puts a file's bytes at a path such as `usr/bin/x`; directories come by themselves.
    pub fn add(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.parents(path);
        self.entry(path, mode, content);
    }

    pub fn add_file(&mut self, path: &str, mode: u32, from: &Path) -> Result<()> {
        let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.add(path, mode, &content);
        Ok(())
    }

    pub fn link(&mut self, path: &str, to: &str) {
        self.parents(path);
        self.entry(path, LINK, to.as_bytes());
    }

    pub fn directory(&mut self, path: &str) {
        self.parents(path);
        if self.directories.insert(path.to_owned()) {
            self.entry(path, DIRECTORY, &[]);
        }
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            if self.directories.insert(parent.to_owned()) {
                self.entry(parent, DIRECTORY, &[]);
            }
        }
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let links = if mode == DIRECTORY { 2 } else { 1 };
        let (size, name) = (content.len() as u32, path.len() as u32 + 1);
        // inode, mode, user, group, links, time, size, device (2), its own device (2), name, sum
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_each_directory_once_before_what_is_in_it() {
        let mut archive = Archive::default();
        archive.add("a/b/one", FILE, b"1");
        archive.add("a/b/two", PROGRAM, b"22");
        archive.link("a/three", "b/one");
        archive.directory("a/b");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        let names = ["a\0", "a/b\0", "a/b/one\0", "a/b/two\0", "a/three\0", "TRAILER!!!\0"];
        let at: Vec<usize> = names.iter().map(|name| text.find(name).unwrap()).collect();
        assert!(at.is_sorted(), "{at:?}");
        assert_eq!(text.matches("070701").count(), names.len());
    }

    #[test]
    fn a_header_is_what_the_kernel_expects() {
        let mut archive = Archive::default();
        archive.add("x", PROGRAM, b"hello");
        let bytes = archive.finish();
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[6 + 8..6 + 16], b"000081ED", "mode 100755");
        assert_eq!(&bytes[6 + 6 * 8..6 + 7 * 8], b"00000005", "size");
        // 110 bytes of header and a name of two fill up to 112; then the content.
        assert_eq!(&bytes[112..117], b"hello");
    }
}

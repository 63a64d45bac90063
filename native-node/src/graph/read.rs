//! An edge list as text: one edge a line, `u v [weight]`.
//!
//! Rules. What cannot be read with certainty is a bad line, and bad lines are all told at once,
//! because a figure of half a file is no figure. Fields are separated by blanks and tabs, or by
//! commas when the line has one; never by both. Loops and repeated edges are what real files have:
//! they are counted and left out.

use bitcraps_graph::{Edge, Graph};
use std::{
    collections::HashMap,
    fmt,
    io::{self, BufRead, Read as _},
    sync::atomic::{AtomicU64, Ordering},
};

/// A list of this many edges takes about 3 GB while it is read.
pub const EDGES_MAX: usize = 50_000_000;

/// Bytes of a line: more than two labels and a weight need.
pub const LINE_BYTES_MAX: usize = 4096;

/// Bad lines that are quoted; the rest is counted.
pub const BAD_LINES_SHOWN_MAX: usize = 10;

/// Characters of a field that are quoted.
const QUOTED_MAX: usize = 40;

/// What a file says.
#[derive(Debug, Default)]
pub struct EdgeList {
    /// In the order in which they were first seen; a node is its place in here.
    pub labels: Vec<String>,
    /// Costs are ranks of weights: equal weights have equal ones, larger weights larger ones.
    pub edges: Vec<Edge>,
    /// The weight of each rank, ascending.
    pub weights: Vec<f64>,
    /// Lines that link a node with itself.
    pub loops: usize,
}

/// Why there is no list.
#[derive(Debug)]
pub enum Unreadable {
    Io(io::Error),
    Lines(BadLines),
    /// More than [`EDGES_MAX`].
    TooMany,
}

/// The first few with their numbers and what is wrong, and how many there are.
#[derive(Debug, Default)]
pub struct BadLines {
    pub first: Vec<(u64, String)>,
    pub count: u64,
}

impl EdgeList {
    /// Reads to the end, and counts the lines as it goes.
    pub fn read(text: impl BufRead, lines: &AtomicU64) -> Result<EdgeList, Unreadable> {
        EdgeList::read_at_most(EDGES_MAX, text, lines)
    }

    fn read_at_most(
        edges_max: usize,
        mut text: impl BufRead,
        lines: &AtomicU64,
    ) -> Result<EdgeList, Unreadable> {
        let mut list = EdgeList::default();
        let mut weights = Vec::new();
        let mut nodes = HashMap::new();
        let mut bad = BadLines::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            let room = LINE_BYTES_MAX as u64 + 1;
            let read = text.by_ref().take(room).read_until(b'\n', &mut line);
            if read.map_err(Unreadable::Io)? == 0 {
                break;
            }
            let number = lines.fetch_add(1, Ordering::Relaxed) + 1;
            if line.len() > LINE_BYTES_MAX {
                bad.add(number, format!("longer than {LINE_BYTES_MAX} bytes"));
                if !line.ends_with(b"\n") {
                    text.skip_until(b'\n').map_err(Unreadable::Io)?;
                }
                continue;
            }
            let start = if number == 1 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            match Line::parse(&line[start..]) {
                Err(why) => bad.add(number, why),
                Ok(None) => {}
                Ok(Some(_)) if weights.len() == edges_max => return Err(Unreadable::TooMany),
                Ok(Some(edge)) => {
                    let mut node = |label: &str| match nodes.get(label) {
                        Some(node) => *node,
                        None => {
                            let node = list.labels.len() as u32;
                            list.labels.push(label.to_owned());
                            nodes.insert(label.to_owned(), node);
                            node
                        }
                    };
                    let (a, b) = (node(edge.a), node(edge.b));
                    list.loops += usize::from(a == b);
                    list.edges.push(Edge { a, b, cost: 0 });
                    weights.push(edge.weight);
                }
            }
        }
        if bad.count > 0 {
            return Err(Unreadable::Lines(bad));
        }
        list.rank(&weights);
        Ok(list)
    }

    pub fn graph(&self) -> Graph {
        Graph::new(self.labels.len() as u32, &self.edges)
    }

    /// Spanning trees depend on the order of the weights alone, and ranks keep it exactly.
    fn rank(&mut self, weights: &[f64]) {
        self.weights.extend_from_slice(weights);
        self.weights.sort_unstable_by(f64::total_cmp);
        self.weights.dedup();
        for (edge, weight) in self.edges.iter_mut().zip(weights) {
            edge.cost = self.weights.partition_point(|known| known < weight) as u32;
        }
    }
}

/// One edge.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    a: &'a str,
    b: &'a str,
    weight: f64,
}

impl<'a> Line<'a> {
    /// `None` for a blank line and for a comment; what is wrong with it when it is neither.
    fn parse(line: &'a [u8]) -> Result<Option<Line<'a>>, String> {
        let line = line.strip_suffix(b"\n").unwrap_or(line).trim_ascii();
        if matches!(line.first(), None | Some(b'#' | b'%')) {
            return Ok(None);
        }
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let text = without_comment(text);
        let fields: Vec<&str> = fields(text).take(4).collect();
        if text.contains(',') && fields.iter().any(|field| field.is_empty()) {
            return Err(format!("nothing before or after a comma: {}", quoted(text)));
        }
        if let Some(field) = fields.iter().find(|field| field.contains(char::is_whitespace)) {
            let why = "a blank within a field; separate by commas or by blanks, not both";
            return Err(format!("{why}: {}", quoted(field)));
        }
        let (a, b, weight) = match fields[..] {
            [a, b] => (a, b, 1.0),
            [a, b, weight] => match weight.parse::<f64>() {
                Ok(number) if number > 0.0 && number.is_finite() => (a, b, number),
                _ => return Err(format!("the weight is no number above 0: {}", quoted(weight))),
            },
            [one] => return Err(format!("one label, and an edge has two: {}", quoted(one))),
            _ => {
                let why = "more than two labels and a weight";
                return Err(format!("{why}: {}", quoted(text)));
            }
        };
        Ok(Some(Line { a, b, weight }))
    }
}

/// By commas if there are any, else by blanks.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    let commas = text.contains(',');
    text.split(move |c: char| if commas { c == ',' } else { c.is_whitespace() })
        .map(str::trim)
        .filter(move |field| commas || !field.is_empty())
}

/// Cuts off what begins with `#` or `%` after a blank, once there are two labels before it.
fn without_comment(text: &str) -> &str {
    let begins = text.match_indices(['#', '%']).map(|(at, _)| text[..at].trim_end());
    let comment = |before: &&str| {
        text[before.len()..].starts_with(char::is_whitespace)
            && fields(before).filter(|field| !field.is_empty()).nth(1).is_some()
            && !before.ends_with(',')
    };
    begins.into_iter().find(comment).unwrap_or(text)
}

/// A field of somebody else's file, fit for a terminal.
fn quoted(field: &str) -> String {
    let short: String = field.chars().take(QUOTED_MAX).collect();
    let more = if short.len() < field.len() { "…" } else { "" };
    format!("{:?}{more}", short)
}

impl BadLines {
    fn add(&mut self, number: u64, why: String) {
        self.count += 1;
        if self.first.len() < BAD_LINES_SHOWN_MAX {
            self.first.push((number, why));
        }
    }
}

impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (number, why)) in self.first.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n" };
            write!(f, "{gap}  line {number}: {why}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<(&str, &str, f64)> {
        Line::parse(line.as_bytes()).unwrap().map(|edge| (edge.a, edge.b, edge.weight))
    }

    fn read(text: &[u8]) -> Result<EdgeList, Unreadable> {
        EdgeList::read(text, &AtomicU64::new(0))
    }

    #[test]
    fn an_edge_is_read_whatever_separates_its_fields() {
        for line in ["a b", " a\tb \r\n", "a,b", "a , b", "\ta,\tb\n", "a  b # c, d", "a,b % c d"] {
            assert_eq!(parsed(line), Some(("a", "b", 1.0)), "{line:?}");
        }
        for line in ["a b 2.5", "a\tb\t2.5", "a,b,2.5", "a, b, 25e-1 # why", "a b 2.5 %"] {
            assert_eq!(parsed(line), Some(("a", "b", 2.5)), "{line:?}");
        }
        assert_eq!(parsed("a#1 b%2"), Some(("a#1", "b%2", 1.0)));
        assert_eq!(parsed("a #b"), Some(("a", "#b", 1.0)));
        assert_eq!(parsed("a, #b"), Some(("a", "#b", 1.0)));
        assert_eq!(parsed("Zürich 東京"), Some(("Zürich", "東京", 1.0)));
        for line in ["", "  \t\r\n", "# a b", "  % a b"] {
            assert_eq!(parsed(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_edge_says_why() {
        for (line, why) in [
            ("a", "one label, and an edge has two: \"a\""),
            ("a b c", "the weight is no number above 0: \"c\""),
            ("a b -1", "the weight is no number above 0: \"-1\""),
            ("a b 0", "the weight is no number above 0: \"0\""),
            ("a b nan", "the weight is no number above 0: \"nan\""),
            ("a b inf", "the weight is no number above 0: \"inf\""),
            ("a b 1 2", "more than two labels and a weight: \"a b 1 2\""),
            ("a,,b", "nothing before or after a comma: \"a,,b\""),
            ("a,b,", "nothing before or after a comma: \"a,b,\""),
            ("a b,c", "a blank within a field; separate by commas or by blanks, not both: \"a b\""),
        ] {
            assert_eq!(Line::parse(line.as_bytes()).unwrap_err(), why, "{line:?}");
        }
        assert_eq!(Line::parse(b"a \xff").unwrap_err(), "not UTF-8");
        let long = format!("a b {}", "\u{7}".repeat(100));
        let why = Line::parse(long.as_bytes()).unwrap_err();
        assert!(why.ends_with("\\u{7}\"…") && why.is_ascii() != why.contains('…'), "{why}");
    }

    #[test]
    fn labels_keep_the_order_in_which_they_were_seen_and_weights_theirs() {
        let list = read(b"\xef\xbb\xbfz y 7\ny x 0.5\nz z\nx y 7").unwrap();
        assert_eq!(list.labels, ["z", "y", "x"]);
        assert_eq!((list.loops, list.weights), (1, vec![0.5, 1.0, 7.0]));
        let costs: Vec<_> = list.edges.iter().map(|e| (e.a, e.b, e.cost)).collect();
        assert_eq!(costs, [(0, 1, 2), (1, 2, 0), (0, 0, 1), (2, 1, 2)]);
    }

    #[test]
    fn a_line_too_long_is_bad_and_the_next_is_read_again() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let fits = "x".repeat(LINE_BYTES_MAX - 3);
        assert_eq!(read(format!("{fits} y\n").as_bytes()).unwrap().edges.len(), 1);
        let text = format!("{long}\na b\nc\n{fits} y");
        let Err(Unreadable::Lines(bad)) = read(text.as_bytes()) else { panic!("read") };
        let numbers: Vec<u64> = bad.first.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 3]);
        assert!(bad.to_string().starts_with("  line 1: longer than 4096 bytes\n  line 3: one"));
    }

    #[test]
    fn a_list_longer_than_the_limit_is_refused() {
        let read = |max| EdgeList::read_at_most(max, &b"a b\n\nb c\nc d"[..], &AtomicU64::new(0));
        assert_eq!(read(3).unwrap().edges.len(), 3);
        assert!(matches!(read(2), Err(Unreadable::TooMany)));
    }

    #[test]
    fn bad_lines_beyond_the_limit_are_counted() {
        let text = "a\n".repeat(BAD_LINES_SHOWN_MAX + 7);
        let Err(Unreadable::Lines(bad)) = read(text.as_bytes()) else { panic!("read") };
        assert_eq!((bad.first.len(), bad.count), (BAD_LINES_SHOWN_MAX, 17));
        assert!(bad.to_string().ends_with("\n  and 7 more"), "{bad}");
    }
}

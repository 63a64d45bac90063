//! Every system the project must have keeps its row in `docs/STATUS.md`, done or not.

use crate::source::{Finding, Source};

const STATUS: &str = "docs/STATUS.md";

/// The letters of the systems with the number of each; ids are never reused.
const SYSTEMS: [(char, u32); 11] = [
    ('A', 10),
    ('B', 9),
    ('C', 14),
    ('D', 11),
    ('E', 8),
    ('F', 5),
    ('G', 6),
    ('H', 10),
    ('I', 10),
    ('J', 6),
    ('K', 7),
];

pub fn findings(sources: &[Source]) -> Vec<Finding> {
    let Some(status) = sources.iter().find(|source| source.path == STATUS) else {
        return vec![Finding::new(STATUS, 0, "is missing; it has a row for every system")];
    };
    let rows: Vec<&str> = status.text.lines().filter_map(first_cell).collect();
    SYSTEMS
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |number| format!("{letter}{number}")))
        .filter(|id| rows.iter().filter(|row| *row == id).count() != 1)
        .map(|id| Finding::new(STATUS, 0, format!("{id} must have exactly one row")))
        .collect()
}

fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix('|')?.split('|').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: String) -> [Source; 1] {
        [Source { path: STATUS.to_owned(), text }]
    }

    #[test]
    fn every_system_has_one_row() {
        let rows = SYSTEMS.iter().flat_map(|(letter, count)| {
            (1..=*count).map(move |number| format!("| {letter}{number} | done |\n"))
        });
        let all: Vec<String> = rows.collect();
        assert_eq!(all.len(), 96);
        assert!(findings(&status(all.concat())).is_empty());
        let missing = findings(&status(all[1..].concat()));
        assert_eq!(missing.len(), 1);
        assert!(missing[0].what.starts_with("A1 "));
        assert_eq!(findings(&status(all.concat() + "| A1 | twice |\n")).len(), 1);
        assert_eq!(findings(&[]).len(), 1);
    }
}

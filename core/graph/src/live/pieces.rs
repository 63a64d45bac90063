//! Components, which a link merges and a lost bridge splits.
//!
//! The numbers are those of a full pass: in the order of the smallest node. So a merge or a split
//! moves the numbers behind it by one. O(nodes) each; any other change costs nothing.

use super::{super::Figures, adjacency::Rows};

/// Every component from scratch. O(nodes + edges).
pub fn rebuild(rows: &Rows, figures: &mut Figures, queue: &mut Vec<u32>) {
    const UNSEEN: u32 = u32::MAX;
    figures.component.clear();
    figures.component.resize(rows.nodes() as usize, UNSEEN);
    figures.component_sizes.clear();
    for node in 0..rows.nodes() {
        if figures.component[node as usize] == UNSEEN {
            let number = figures.component_sizes.len() as u32;
            spread(rows, figures, node, number, queue);
            figures.component_sizes.push(queue.len() as u32);
        }
    }
}

/// After a link between nodes of two components.
pub fn merge(figures: &mut Figures, a: u32, b: u32) {
    let (a, b) = (figures.component[a as usize], figures.component[b as usize]);
    let (stays, goes) = (a.min(b), a.max(b));
    for number in &mut figures.component {
        let moved = *number - u32::from(*number > goes);
        *number = if *number == goes { stays } else { moved };
    }
    let size = figures.component_sizes.remove(goes as usize);
    figures.component_sizes[stays as usize] += size;
}

/// After the only link between the sides of `a` and `b` is gone. O(nodes + edges of the side of
/// `b`).
pub fn split(rows: &Rows, figures: &mut Figures, a: u32, b: u32, queue: &mut Vec<u32>) {
    let old = figures.component[b as usize];
    let passing = figures.component_sizes.len() as u32;
    spread(rows, figures, b, passing, queue);
    let size = queue.len() as u32;
    // The side that holds the smallest node of both keeps the number.
    let first = |number| figures.component.iter().position(|other| *other == number);
    let (stay, moves, moved_size) = if first(old) < first(passing) {
        (old, passing, size)
    } else {
        (passing, old, figures.component_sizes[old as usize] - size)
    };
    debug_assert_ne!(figures.component[a as usize], figures.component[b as usize]);
    let before = first(moves).unwrap_or_default();
    let new = figures.component[..before].iter().filter(|n| **n != stay).max();
    let new = new.map_or(old, |n| old.max(*n)) + 1;
    for number in &mut figures.component {
        *number = if *number == moves {
            new
        } else if *number == stay {
            old
        } else {
            *number + u32::from(*number >= new)
        };
    }
    figures.component_sizes[old as usize] -= moved_size;
    figures.component_sizes.insert(new as usize, moved_size);
}

/// Gives `number` to all that `start` reaches, and leaves them in `queue`.
fn spread(rows: &Rows, figures: &mut Figures, start: u32, number: u32, queue: &mut Vec<u32>) {
    queue.clear();
    queue.push(start);
    figures.component[start as usize] = number;
    let mut next = 0;
    while let Some(node) = queue.get(next).copied() {
        next += 1;
        for to in rows.of(node) {
            let slot = &mut figures.component[*to as usize];
            if *slot != number {
                *slot = number;
                queue.push(*to);
            }
        }
    }
}

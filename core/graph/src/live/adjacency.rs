//! Rows of neighbours that links come and go in, without an allocation for each.
//!
//! All rows share one pool. A row has room for 4, 6, 8, 12, 16, 24, … neighbours; when it is full
//! it moves to a larger room, and to a smaller one when half of it is free. A room left behind
//! waits in the list of its size for the next row that needs one, so the pool stops growing once
//! the mesh has been at its densest. Rows ascend, as those of a `Graph` do.

use super::super::Graph;

/// Sizes of rooms, up to more than 2³² neighbours, and two that stay empty.
const SIZES: usize = 64;
/// No room; the end of a list of free rooms.
const NONE: u32 = u32::MAX;
/// How much of the pool is reserved beyond what is in use: one part of so many. Measured: with a
/// quarter, the pool of a moving mesh of mean degree 8 grew once in 24 000 changes,
/// near the beginning.
const RESERVE: usize = 4;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pool: Vec<u32>,
    rows: Vec<Row>,
    /// The first free room of each size; each names the next in its first word.
    free: Vec<u32>,
    edges: u32,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    len: u32,
    /// Index of the room's size, or [`NONE`].
    size: u32,
}

/// How many neighbours a room of this size holds.
fn room(size: u32) -> usize {
    if size == NONE { 0 } else { (4 + 2 * (size as usize & 1)) << (size >> 1) }
}

/// The smallest size that holds so many.
fn size_for(len: usize) -> u32 {
    if len == 0 {
        return NONE;
    }
    let mut size = 0;
    while room(size) < len {
        size += 1;
    }
    size
}

impl Rows {
    /// Becomes the rows of this graph.
    pub fn rebuild(&mut self, graph: &Graph) {
        self.clear(graph.nodes());
        let needed: usize = graph.targets().len();
        self.pool.reserve(needed + needed / RESERVE);
        for node in 0..graph.nodes() {
            let from = graph.neighbours(node);
            self.move_to(node, size_for(from.len()));
            let row = &mut self.rows[node as usize];
            row.len = from.len() as u32;
            let start = row.start as usize;
            self.pool[start..start + from.len()].copy_from_slice(from);
        }
        self.edges = graph.edges() as u32;
        let slack = self.pool.len() / RESERVE;
        self.pool.reserve_exact(slack);
    }

    /// So many nodes, no edges.
    pub fn clear(&mut self, nodes: u32) {
        self.pool.clear();
        self.rows.clear();
        self.rows.resize(nodes as usize, Row { start: 0, len: 0, size: NONE });
        self.free.clear();
        self.free.resize(SIZES, NONE);
        self.edges = 0;
    }

    pub fn nodes(&self) -> u32 {
        self.rows.len() as u32
    }

    pub fn edges(&self) -> u32 {
        self.edges
    }

    /// Ascending.
    #[inline]
    pub fn of(&self, node: u32) -> &[u32] {
        let row = self.rows[node as usize];
        &self.pool[row.start as usize..][..row.len as usize]
    }

    pub fn degree(&self, node: u32) -> u32 {
        self.rows[node as usize].len
    }

    pub fn joined(&self, a: u32, b: u32) -> bool {
        self.of(a).binary_search(&b).is_ok()
    }

    /// Adds an edge that is not there.
    pub fn link(&mut self, a: u32, b: u32) {
        self.insert(a, b);
        self.insert(b, a);
        self.edges += 1;
    }

    /// Removes an edge that is there.
    pub fn unlink(&mut self, a: u32, b: u32) {
        self.remove(a, b);
        self.remove(b, a);
        self.edges -= 1;
    }

    /// The nodes next to both, ascending.
    pub fn shared(&self, a: u32, b: u32, out: &mut Vec<u32>) {
        out.clear();
        let (mut left, mut right) = (self.of(a), self.of(b));
        while let ([l, rest_l @ ..], [r, rest_r @ ..]) = (left, right) {
            if l == r {
                out.push(*l);
            }
            (left, right) =
                (if l <= r { rest_l } else { left }, if r <= l { rest_r } else { right });
        }
    }

    pub fn bytes(&self) -> usize {
        self.pool.capacity() * size_of::<u32>()
            + self.rows.capacity() * size_of::<Row>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn insert(&mut self, node: u32, to: u32) {
        let at = self.of(node).partition_point(|other| *other < to);
        let len = self.degree(node) as usize;
        if len == room(self.rows[node as usize].size) {
            self.move_to(node, size_for(len + 1));
        }
        let row = &mut self.rows[node as usize];
        row.len += 1;
        let row = &mut self.pool[row.start as usize..][..=len];
        row.copy_within(at..len, at + 1);
        row[at] = to;
    }

    fn remove(&mut self, node: u32, to: u32) {
        let at = self.of(node).partition_point(|other| *other < to);
        let row = &mut self.rows[node as usize];
        self.pool[row.start as usize..][..row.len as usize].copy_within(at + 1.., at);
        row.len -= 1;
        let (len, size) = (row.len as usize, row.size);
        if len * 2 <= room(size) {
            self.move_to(node, size_for(len + len / 2));
        }
    }

    /// Moves a row to a room of this size, which must hold it.
    fn move_to(&mut self, node: u32, size: u32) {
        let old = self.rows[node as usize];
        if old.size == size {
            return;
        }
        let (start, size) = self.take(size);
        let row = old.start as usize..(old.start + old.len) as usize;
        self.pool.copy_within(row, start as usize);
        if old.size != NONE {
            let first = &mut self.free[old.size as usize];
            self.pool[old.start as usize] = *first;
            *first = old.start;
        }
        self.rows[node as usize] = Row { start, len: old.len, size };
    }

    /// A room of this size or, when only those are free, of up to twice as much.
    fn take(&mut self, size: u32) -> (u32, u32) {
        if size == NONE {
            return (0, NONE);
        }
        for free in size..size + 3 {
            let first = &mut self.free[free as usize];
            if *first != NONE {
                let start = *first;
                *first = self.pool[start as usize];
                return (start, free);
            }
        }
        let start = self.pool.len();
        let end = start + room(size);
        assert!(end < NONE as usize, "the rows of {} edges outgrow u32 offsets", self.edges);
        if end > self.pool.capacity() {
            self.pool.reserve_exact(room(size) + start / RESERVE);
        }
        self.pool.resize(end, NONE);
        (start as u32, size)
    }
}

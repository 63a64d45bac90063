//! The push of all nodes on each other, approximated by a tree of groups (Barnes and Hut 1986).
//!
//! The nodes lie in the order of a Z-shaped curve through the plane (Morton 1966). Eight that
//! follow each other are a leaf, four leaves a cell, four cells a cell of the next level: a tree
//! without pointers that is balanced however the nodes lie, also when all lie in one place. The
//! order is renewed every `SORT_EVERY` steps; in between cells overlap a little more, but what
//! they sum up is always measured anew, so this costs time and no accuracy.
//!
//! The nodes of a leaf look at the tree together (Barnes 1990) and then compute eight abreast. A
//! cell counts as one heavy node when its longer side is at most `THETA` of its distance, the
//! distance being from its centre of mass to the *nearest corner or side* of the leaf: for each
//! single node the criterion is at least as strict as Barnes and Hut's own.

use super::{EDGE_LENGTH, REPULSION};

/// The usual value, and the default of the libraries this one is compared with.
const THETA: f32 = 0.8;

/// Nodes in a leaf: two vectors of four.
const LEAF: usize = 8;

/// Children of a cell.
const FAN: usize = 4;

/// Levels of the largest tree: LEAF · FAN^14 > 2³¹.
const LEVELS_MAX: usize = 15;

/// Opened cells that wait: at each level all but one of the children.
const OPEN_MAX: usize = FAN * LEVELS_MAX;

/// Heavy nodes that are collected before they are summed up.
const LIST: usize = 512;

/// Steps between two sorts. Measured: nodes move too little in four to be worth more.
const SORT_EVERY: u32 = 4;

/// Squared distance below which the push grows no more.
const SOFT: f32 = 0.01 * EDGE_LENGTH * EDGE_LENGTH;

/// The nodes of a leaf side by side.
type Lanes = [f32; LEAF];

/// A place with its weight.
#[derive(Clone, Copy, Debug, Default)]
struct Heavy {
    x: f32,
    y: f32,
    mass: f32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    heavy: Heavy,
    /// Square of the longer side over that of [`THETA`].
    reach: f32,
    low: (f32, f32),
    high: (f32, f32),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// Place on the curve above, node below.
    order: Vec<u64>,
    spare: Vec<u64>,
    leaves: Vec<(Lanes, Lanes)>,
    /// Leaves first, the top last.
    cells: Vec<Cell>,
    /// Where each level starts in `cells`, and one past the last.
    levels: [u32; LEVELS_MAX + 1],
    top: usize,
    list: Vec<Heavy>,
    steps: u32,
}

impl Tree {
    /// Makes room for so many nodes.
    pub(super) fn take(&mut self, nodes: usize) {
        self.order.clear();
        self.order.extend(0..nodes as u64);
        self.spare.clear();
        self.spare.resize(nodes, 0);
        let mut width = nodes.div_ceil(LEAF);
        self.leaves.clear();
        self.leaves.resize(width, ([0.0; LEAF], [0.0; LEAF]));
        self.top = 0;
        let mut sum = width;
        self.levels[1] = sum as u32;
        while width > FAN {
            width = width.div_ceil(FAN);
            sum += width;
            self.top += 1;
            self.levels[self.top + 1] = sum as u32;
        }
        self.cells.clear();
        self.cells.resize(sum, Cell::default());
        self.list.reserve(LIST + LEAF);
        self.steps = 0;
    }

    /// Overwrites `push` with the repulsion of all nodes. Both hold x and y of every node.
    pub(super) fn repel(&mut self, at: &[f32], push: &mut [f32]) {
        if self.steps.is_multiple_of(SORT_EVERY) {
            self.sort(at);
        }
        self.steps = self.steps.wrapping_add(1);
        self.measure(at);
        for leaf in 0..self.leaves.len() {
            let (x, y) = self.push_on(leaf);
            let nodes = &self.order[leaf * LEAF..self.order.len().min((leaf + 1) * LEAF)];
            for (lane, node) in nodes.iter().enumerate() {
                let node = *node as u32 as usize;
                push[2 * node] = x[lane];
                push[2 * node + 1] = y[lane];
            }
        }
    }

    /// Puts the nodes in the order of the curve, by least significant digit first.
    fn sort(&mut self, at: &[f32]) {
        let far = f32::INFINITY;
        let (mut low, mut high) = ((far, far), (-far, -far));
        for place in at.chunks_exact(2) {
            low = (low.0.min(place[0]), low.1.min(place[1]));
            high = (high.0.max(place[0]), high.1.max(place[1]));
        }
        let scale = 65_535.0 / (high.0 - low.0).max(high.1 - low.1).max(1e-6);
        for entry in &mut self.order {
            let node = *entry as u32 as usize;
            let x = ((at[2 * node] - low.0) * scale) as u32;
            let y = ((at[2 * node + 1] - low.1) * scale) as u32;
            *entry = u64::from(spread(x) | spread(y) << 1) << 32 | node as u64;
        }
        for shift in [32, 40, 48, 56] {
            let mut starts = [0u32; 257];
            for entry in &self.order {
                starts[(entry >> shift & 255) as usize + 1] += 1;
            }
            for digit in 1..257 {
                starts[digit] += starts[digit - 1];
            }
            for entry in &self.order {
                let start = &mut starts[(entry >> shift & 255) as usize];
                self.spare[*start as usize] = *entry;
                *start += 1;
            }
            core::mem::swap(&mut self.order, &mut self.spare);
        }
    }

    /// Fills leaves and cells from where the nodes are now.
    fn measure(&mut self, at: &[f32]) {
        for (leaf, nodes) in self.order.chunks(LEAF).enumerate() {
            let (xs, ys) = &mut self.leaves[leaf];
            let mut cell = Cell::EMPTY;
            for lane in 0..LEAF {
                // The last leaf is filled up with its last node, whose copies weigh nothing.
                let node = nodes[lane.min(nodes.len() - 1)] as u32 as usize;
                (xs[lane], ys[lane]) = (at[2 * node], at[2 * node + 1]);
                if lane < nodes.len() {
                    let (x, y) = (xs[lane], ys[lane]);
                    cell.add(Heavy { x, y, mass: 1.0 }, (x, y), (x, y));
                }
            }
            self.cells[leaf] = cell.closed();
        }
        for level in 1..=self.top {
            let below = self.levels[level - 1] as usize..self.levels[level] as usize;
            let (below, above) = (below.clone(), below.end);
            let (lower, upper) = self.cells.split_at_mut(above);
            for (children, parent) in lower[below].chunks(FAN).zip(upper) {
                let mut cell = Cell::EMPTY;
                for child in children {
                    cell.add(child.heavy, child.low, child.high);
                }
                *parent = cell.closed();
            }
        }
    }

    /// The push on the nodes of a leaf.
    fn push_on(&mut self, leaf: usize) -> (Lanes, Lanes) {
        let (low, high) = (self.cells[leaf].low, self.cells[leaf].high);
        let (xs, ys) = self.leaves[leaf];
        let mut push = ([0.0; LEAF], [0.0; LEAF]);
        let mut open = [(0u32, 0u32); OPEN_MAX];
        let mut opened = 0;
        // Cells of one parent, or those at the top.
        let (mut level, mut first) = (self.top, 0);
        loop {
            let start = self.levels[level];
            let last = (first + FAN as u32).min(self.levels[level + 1] - start);
            for index in first..last {
                let cell = &self.cells[(start + index) as usize];
                let dx = (low.0 - cell.heavy.x).max(cell.heavy.x - high.0).max(0.0);
                let dy = (low.1 - cell.heavy.y).max(cell.heavy.y - high.1).max(0.0);
                if cell.reach <= dx * dx + dy * dy {
                    self.list.push(cell.heavy);
                } else if level > 0 {
                    open[opened] = (level as u32 - 1, index * FAN as u32);
                    opened += 1;
                } else {
                    let (xs, ys) = &self.leaves[index as usize];
                    let whole = cell.heavy.mass as usize;
                    let nodes = xs.iter().zip(ys).take(whole);
                    self.list.extend(nodes.map(|(x, y)| Heavy { x: *x, y: *y, mass: 1.0 }));
                }
            }
            if self.list.len() >= LIST - FAN * LEAF {
                sum_up(&self.list, &xs, &ys, &mut push);
                self.list.clear();
            }
            if opened == 0 {
                break;
            }
            opened -= 1;
            (level, first) = (open[opened].0 as usize, open[opened].1);
        }
        sum_up(&self.list, &xs, &ys, &mut push);
        self.list.clear();
        push
    }
}

impl Cell {
    const EMPTY: Cell = Cell {
        heavy: Heavy { x: 0.0, y: 0.0, mass: 0.0 },
        reach: 0.0,
        low: (f32::INFINITY, f32::INFINITY),
        high: (f32::NEG_INFINITY, f32::NEG_INFINITY),
    };

    fn add(&mut self, heavy: Heavy, low: (f32, f32), high: (f32, f32)) {
        self.heavy.x += heavy.x * heavy.mass;
        self.heavy.y += heavy.y * heavy.mass;
        self.heavy.mass += heavy.mass;
        self.low = (self.low.0.min(low.0), self.low.1.min(low.1));
        self.high = (self.high.0.max(high.0), self.high.1.max(high.1));
    }

    /// Turns the sums into a centre of mass.
    fn closed(mut self) -> Cell {
        self.heavy.x /= self.heavy.mass;
        self.heavy.y /= self.heavy.mass;
        let side = (self.high.0 - self.low.0).max(self.high.1 - self.low.1);
        self.reach = side * side / (THETA * THETA);
        self
    }
}

/// Adds the push of a list on eight nodes. A node's push on itself is nought.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn sum_up(list: &[Heavy], xs: &Lanes, ys: &Lanes, push: &mut (Lanes, Lanes)) {
    let (mut px, mut py) = *push;
    for heavy in list {
        let strength = heavy.mass * REPULSION;
        for lane in 0..LEAF {
            let (dx, dy) = (xs[lane] - heavy.x, ys[lane] - heavy.y);
            let square = dx * dx + dy * dy + SOFT;
            let force = strength / (square * square.sqrt());
            px[lane] += dx * force;
            py[lane] += dy * force;
        }
    }
    *push = (px, py);
}

/// The same in so many words: link-time optimisation for size, which the browser client is built
/// with, makes no vectors of loops. Every lane computes what it computes above, in the same order.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn sum_up(list: &[Heavy], xs: &Lanes, ys: &Lanes, push: &mut (Lanes, Lanes)) {
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_div, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sqrt,
        f32x4_sub,
    };
    let soft = f32x4_splat(SOFT);
    for half in [0, LEAF / 2] {
        let four = |all: &Lanes| f32x4(all[half], all[half + 1], all[half + 2], all[half + 3]);
        let (x, y) = (four(xs), four(ys));
        let (mut px, mut py) = (four(&push.0), four(&push.1));
        for heavy in list {
            let strength = f32x4_splat(heavy.mass * REPULSION);
            let dx = f32x4_sub(x, f32x4_splat(heavy.x));
            let dy = f32x4_sub(y, f32x4_splat(heavy.y));
            let square = f32x4_add(f32x4_add(f32x4_mul(dx, dx), f32x4_mul(dy, dy)), soft);
            let force = f32x4_div(strength, f32x4_mul(square, f32x4_sqrt(square)));
            px = f32x4_add(px, f32x4_mul(dx, force));
            py = f32x4_add(py, f32x4_mul(dy, force));
        }
        for (all, sum) in [(&mut push.0, px), (&mut push.1, py)] {
            all[half] = f32x4_extract_lane::<0>(sum);
            all[half + 1] = f32x4_extract_lane::<1>(sum);
            all[half + 2] = f32x4_extract_lane::<2>(sum);
            all[half + 3] = f32x4_extract_lane::<3>(sum);
        }
    }
}

/// Moves the sixteen low bits to the even places.
fn spread(bits: u32) -> u32 {
    let bits = (bits | bits << 8) & 0x00ff_00ff;
    let bits = (bits | bits << 4) & 0x0f0f_0f0f;
    let bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::{super::scatter, *};

    fn exact(at: &[f32]) -> Vec<f32> {
        let mut push = vec![0.0; at.len()];
        for (i, a) in at.chunks_exact(2).enumerate() {
            for b in at.chunks_exact(2) {
                let (dx, dy) = (f64::from(a[0] - b[0]), f64::from(a[1] - b[1]));
                let square = dx * dx + dy * dy + f64::from(SOFT);
                let force = f64::from(REPULSION) / (square * square.sqrt());
                push[2 * i] += (dx * force) as f32;
                push[2 * i + 1] += (dy * force) as f32;
            }
        }
        push
    }

    fn places(nodes: u32, size: f32) -> Vec<f32> {
        let place = |(x, y): (f32, f32)| [x * size, y * size * (1.0 + x)];
        (0..nodes).flat_map(|i| place(scatter(i))).collect()
    }

    #[test]
    fn the_tree_pushes_like_all_pairs_to_within_three_percent() {
        for (nodes, size) in [(2, 1.0), (8, 2.0), (9, 2.0), (33, 5.0), (700, 25.0), (3000, 40.0)] {
            let at = places(nodes, size);
            let mut tree = Tree::default();
            tree.take(nodes as usize);
            let mut push = vec![f32::NAN; at.len()];
            tree.repel(&at, &mut push);
            let exact = exact(&at);
            let norm = |v: &mut dyn Iterator<Item = f32>| v.map(|p| p * p).sum::<f32>().sqrt();
            let error = norm(&mut push.iter().zip(&exact).map(|(a, b)| a - b));
            let whole = norm(&mut exact.iter().copied());
            assert!(error <= 0.03 * whole, "{nodes} nodes: {error} of {whole}");
        }
    }

    #[test]
    fn an_order_that_is_a_few_steps_old_loses_no_accuracy() {
        let mut at = places(500, 20.0);
        let mut tree = Tree::default();
        tree.take(500);
        let mut push = vec![0.0; at.len()];
        tree.repel(&at, &mut push);
        at.iter_mut().enumerate().for_each(|(i, v)| *v += (i % 7) as f32 * 0.3);
        tree.repel(&at, &mut push);
        let exact = exact(&at);
        let error: f32 = push.iter().zip(&exact).map(|(a, b)| (a - b) * (a - b)).sum();
        let whole: f32 = exact.iter().map(|p| p * p).sum();
        assert!(error.sqrt() <= 0.03 * whole.sqrt(), "{error} of {whole}");
    }

    #[test]
    fn nodes_in_one_place_do_not_push_each_other_to_infinity() {
        let at = vec![3.0; 2 * 1000];
        let mut tree = Tree::default();
        tree.take(1000);
        let mut push = vec![1.0; at.len()];
        tree.repel(&at, &mut push);
        assert!(push.iter().all(|p| p.abs() < 1.0), "{:?}", &push[..4]);
    }
}

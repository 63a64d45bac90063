//! The parts of a fallen-apart graph, each moved as a whole so that they stand apart.
//!
//! Each of the largest `GROUPS_MAX` - 1 parts is a group; all smaller ones share the last. Forces
//! between groups are taken out again: a group's mean push is subtracted from its nodes. Instead
//! the discs around the groups push each other out where they overlap and are otherwise drawn to
//! the middle, the smaller one moving more. O(n + g²) for g groups.

use super::{EDGE_LENGTH, GRAVITY, Motion, length};

/// Every pair of groups is looked at in each step.
const GROUPS_MAX: usize = 64;

/// Room between the discs of two groups.
const GAP: f32 = 2.5 * EDGE_LENGTH;

/// Share of an overlap that is undone in a step, and of the way to the middle that is gone.
const OUT: f32 = 0.3;
const IN: f32 = 0.01;

/// Farthest that a group goes in a step.
const MOVE_MAX: f32 = 3.0 * EDGE_LENGTH;

/// Groups that move less than this in a step stand still.
const MOVE_SEEN: f32 = 0.02 * EDGE_LENGTH;

/// Pictures are wider than high: the way to the middle is gone faster downwards.
const FLAT: f32 = 1.6;

#[derive(Clone, Copy, Debug, Default)]
struct Group {
    size: f32,
    x: f32,
    y: f32,
    radius: f32,
    /// What pushes its nodes on the whole, then where it goes.
    push: (f32, f32),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    of: Vec<u32>,
    all: Vec<Group>,
}

impl Groups {
    pub(super) fn take(&mut self, parts: &[u32]) {
        self.of.clear();
        self.of.extend_from_slice(&ranks(parts));
        let groups = self.of.iter().max().map_or(0, |last| last + 1);
        self.all.clear();
        self.all.resize(groups as usize, Group::default());
        for group in &self.of {
            self.all[*group as usize].size += 1.0;
        }
    }

    /// Measures the groups, takes out what pushes them as a whole and pulls their nodes inwards.
    pub(super) fn gather(&mut self, at: &[f32], push: &mut [f32]) {
        self.measure(at);
        for ((at, push), group) in at.chunks_exact(2).zip(push.chunks_exact_mut(2)).zip(&self.of) {
            let group = &mut self.all[*group as usize];
            let pull = GRAVITY / (group.radius + EDGE_LENGTH);
            push[0] += (group.x - at[0]) * pull;
            push[1] += (group.y - at[1]) * pull;
            group.push.0 += push[0];
            group.push.1 += push[1];
        }
        for (push, group) in push.chunks_exact_mut(2).zip(&self.of) {
            let group = &self.all[*group as usize];
            push[0] -= group.push.0 / group.size;
            push[1] -= group.push.1 / group.size;
        }
    }

    /// Moves the groups apart.
    pub(super) fn part(&mut self, at: &mut [f32]) -> Motion {
        if self.all.len() < 2 {
            return Motion::Settled;
        }
        self.go_in();
        for a in 0..self.all.len() {
            for b in a + 1..self.all.len() {
                self.push_out(a, b);
            }
        }
        let mut farthest = 0.0_f32;
        for group in &mut self.all {
            let way = length(group.push.0, group.push.1);
            let share = if way > MOVE_MAX { MOVE_MAX / way } else { 1.0 };
            group.push = (group.push.0 * share, group.push.1 * share);
            farthest = farthest.max(way);
        }
        for (at, group) in at.chunks_exact_mut(2).zip(&self.of) {
            let group = &self.all[*group as usize];
            at[0] += group.push.0;
            at[1] += group.push.1;
        }
        if farthest < MOVE_SEEN { Motion::Settled } else { Motion::Moving }
    }

    fn measure(&mut self, at: &[f32]) {
        for group in &mut self.all {
            *group = Group { size: group.size, ..Group::default() };
        }
        for (at, group) in at.chunks_exact(2).zip(&self.of) {
            let group = &mut self.all[*group as usize];
            group.x += at[0] / group.size;
            group.y += at[1] / group.size;
        }
        for (at, group) in at.chunks_exact(2).zip(&self.of) {
            let group = &mut self.all[*group as usize];
            let (dx, dy) = (at[0] - group.x, at[1] - group.y);
            group.radius = group.radius.max(dx * dx + dy * dy);
        }
        for group in &mut self.all {
            group.radius = group.radius.sqrt();
        }
    }

    fn go_in(&mut self) {
        let all: f32 = self.all.iter().map(|group| group.size).sum();
        for group in &mut self.all {
            let share = IN * (1.0 - group.size / all);
            group.push = (-group.x * share, -group.y * share * FLAT);
        }
    }

    fn push_out(&mut self, a: usize, b: usize) {
        let (one, two) = (self.all[a], self.all[b]);
        let (dx, dy) = (two.x - one.x, two.y - one.y);
        let distance = length(dx, dy);
        let overlap = one.radius + two.radius + GAP - distance;
        if overlap <= 0.0 {
            return;
        }
        // Two centres in one place part sideways.
        let (dx, dy) = if distance > 1e-3 { (dx / distance, dy / distance) } else { (1.0, 0.0) };
        let way = overlap * OUT / (one.size + two.size);
        self.all[a].push.0 -= dx * way * two.size;
        self.all[a].push.1 -= dy * way * two.size;
        self.all[b].push.0 += dx * way * one.size;
        self.all[b].push.1 += dy * way * one.size;
    }
}

/// The group of every node: parts by size, the largest first, of equal ones the first first.
pub(super) fn ranks(parts: &[u32]) -> Vec<u32> {
    // Size above, upside down, the number of the part below.
    let mut sizes: Vec<u64> = Vec::new();
    for part in parts {
        let part = *part as usize;
        if part >= sizes.len() {
            sizes.resize(part + 1, 0);
        }
        sizes[part] += 1;
    }
    for (size, number) in sizes.iter_mut().zip(0..) {
        *size = (u64::from(u32::MAX) - *size) << 32 | number;
    }
    sizes.sort_unstable();
    let mut rank = vec![0; sizes.len()];
    for (part, place) in sizes.iter().zip(0..) {
        rank[*part as u32 as usize] = GROUPS_MAX.min(place + 1) as u32 - 1;
    }
    parts.iter().map(|part| rank[*part as usize]).collect()
}

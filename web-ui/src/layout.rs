//! Where the dots of the mesh stand: a small force layout (Fruchterman and Reingold 1991).
//!
//! Rules. It is deterministic: the same scenes in the same order give the same picture. Dots keep
//! their place when the map changes, new ones start beside a neighbour. Parts of a fallen-apart
//! mesh are pulled to separate centres. It cools down and then stops, so a calm mesh costs
//! nothing.

use crate::model::mesh::{Scene, numbered};
use bitcraps_core::id::PeerId;

/// The picture is this wide and high, in its own units.
pub const WIDTH: f64 = 1000.0;
pub const HEIGHT: f64 = 640.0;

/// Where the parts of a fallen-apart mesh gather, as shares of the picture around its middle, the
/// largest part first. Further parts share these places.
const CENTRES: [(f64, f64); 6] =
    [(-0.25, 0.0), (0.25, 0.0), (0.0, -0.28), (0.0, 0.28), (0.25, -0.3), (0.25, 0.3)];

/// Room kept free at the sides, where names are long, and above and below.
const MARGIN_X: f64 = 96.0;
const MARGIN_Y: f64 = 52.0;

/// Largest step of a dot at the start, and below which step all stand still.
const HEAT: f64 = 60.0;
const COLD: f64 = 0.4;

/// Steps of one round of cooling: `HEAT * COOLING^STEPS` is just below `COLD`.
const COOLING: f64 = 0.96;

/// Share of the push that a dot follows in one step: more and it would swing.
const PACE: f64 = 0.15;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// Whether dots still move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Moving,
    Settled,
}

#[derive(Clone, Debug, Default)]
pub struct Layout {
    ids: Vec<PeerId>,
    at: Vec<Point>,
    parts: Vec<usize>,
    part_count: usize,
    springs: Vec<(usize, usize)>,
    heat: f64,
}

impl Layout {
    /// Takes a new scene. Heats up only when nodes, links or parts differ.
    pub fn take(&mut self, scene: &Scene) {
        let ids: Vec<PeerId> = scene.dots.iter().map(|dot| dot.peer.peer_id).collect();
        let springs: Vec<(usize, usize)> = scene.lines.iter().map(|(a, b, _)| (*a, *b)).collect();
        let parts: Vec<usize> = scene.dots.iter().map(|dot| dot.part).collect();
        if ids == self.ids && springs == self.springs && parts == self.parts {
            return;
        }
        let known = numbered(self.ids.iter().copied());
        let at: Vec<Option<Point>> =
            ids.iter().map(|id| known.get(id).and_then(|i| self.at(*i))).collect();
        self.heat = if known.is_empty() { HEAT } else { HEAT / 3.0 };
        self.at =
            (0..ids.len()).map(|i| at[i].unwrap_or_else(|| beside(i, &springs, &at))).collect();
        self.part_count = parts.iter().max().map_or(0, |part| part + 1);
        (self.ids, self.parts, self.springs) = (ids, parts, springs);
    }

    pub fn at(&self, index: usize) -> Option<Point> {
        self.at.get(index).copied()
    }

    pub fn motion(&self) -> Motion {
        if self.heat < COLD || self.at.len() < 2 { Motion::Settled } else { Motion::Moving }
    }

    /// One step of every dot.
    pub fn step(&mut self) -> Motion {
        if self.motion() == Motion::Settled {
            return Motion::Settled;
        }
        let room = (WIDTH * HEIGHT / self.at.len() as f64).sqrt() * 0.62;
        let mut push = vec![Point { x: 0.0, y: 0.0 }; self.at.len()];
        self.repel(room, &mut push);
        self.attract(room, &mut push);
        self.gather(room, &mut push);
        for (at, push) in self.at.iter_mut().zip(&push) {
            let length = push.x.hypot(push.y).max(1e-9);
            let step = (length * PACE).min(self.heat) / length;
            at.x = (at.x + push.x * step).clamp(MARGIN_X, WIDTH - MARGIN_X);
            at.y = (at.y + push.y * step).clamp(MARGIN_Y, HEIGHT - MARGIN_Y);
        }
        self.heat *= COOLING;
        Motion::Moving
    }

    fn repel(&self, room: f64, push: &mut [Point]) {
        for i in 0..self.at.len() {
            for j in i + 1..self.at.len() {
                let (dx, dy, distance) = self.between(i, j);
                let force = room * room / distance / distance;
                push[i].x += dx * force;
                push[i].y += dy * force;
                push[j].x -= dx * force;
                push[j].y -= dy * force;
            }
        }
    }

    fn attract(&self, room: f64, push: &mut [Point]) {
        for &(a, b) in &self.springs {
            let (dx, dy, distance) = self.between(a, b);
            let force = distance / room;
            push[a].x -= dx * force;
            push[a].y -= dy * force;
            push[b].x += dx * force;
            push[b].y += dy * force;
        }
    }

    /// Towards the centre of the dot's part, just strongly enough that the part fills its share of
    /// the picture: there the pull equals the push of all dots on the outermost one.
    fn gather(&self, room: f64, push: &mut [Point]) {
        let parts = self.part_count.max(1) as f64;
        let spread = if self.part_count < 2 { 0.42 } else { 0.21 };
        let whole = room * room * self.at.len() as f64 / parts;
        let (pull_x, pull_y) =
            (whole / (WIDTH * spread).powi(2), whole / (HEIGHT * spread).powi(2));
        for (i, push) in push.iter_mut().enumerate() {
            let centre = self.centre(self.parts[i]);
            push.x += (centre.x - self.at[i].x) * pull_x;
            push.y += (centre.y - self.at[i].y) * pull_y;
        }
    }

    fn centre(&self, part: usize) -> Point {
        let middle = Point { x: WIDTH / 2.0, y: HEIGHT / 2.0 };
        if self.part_count < 2 {
            return middle;
        }
        let (x, y) = CENTRES[part % CENTRES.len()];
        Point { x: middle.x + x * WIDTH, y: middle.y + y * HEIGHT }
    }

    fn between(&self, i: usize, j: usize) -> (f64, f64, f64) {
        let (a, b) = (self.at[i], self.at[j]);
        let (dx, dy) = (a.x - b.x, a.y - b.y);
        let distance = dx.hypot(dy);
        if distance < 1.0 {
            // Two dots in one place part in a direction of their own.
            let (x, y) = scatter(i * 7 + j * 13);
            return (x, y, 1.0);
        }
        (dx, dy, distance)
    }
}

/// A start beside a placed neighbour, else anywhere around the middle.
fn beside(i: usize, springs: &[(usize, usize)], at: &[Option<Point>]) -> Point {
    let neighbour = springs.iter().find_map(|&(a, b)| match i {
        i if i == a => at[b],
        i if i == b => at[a],
        _ => None,
    });
    let (centre, reach) = match neighbour {
        Some(point) => (point, 60.0),
        None => (Point { x: WIDTH / 2.0, y: HEIGHT / 2.0 }, HEIGHT * 0.7),
    };
    let (x, y) = scatter(i);
    Point { x: centre.x + x * reach, y: centre.y + y * reach }
}

/// The `i`-th point of a sequence that fills the square from -0.5 to 0.5 evenly: multiples of the
/// plastic number's inverse powers (Roberts 2018, the R2 sequence). It needs no sine, which would
/// cost the page as much as all of this file.
fn scatter(i: usize) -> (f64, f64) {
    let share = |step: f64| (i as f64 + 1.0) * step % 1.0 - 0.5;
    (share(0.754_877_666_246_692_7), share(0.569_840_290_998_053_3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mesh::Dot;
    use bitcraps_core::node::{EdgeView, NodeKind, PeerView, SeatRole, Transport};

    fn id(n: usize) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
        PeerId::from_bytes(bytes)
    }

    /// `n` dots in a ring per part.
    fn scene(n: usize, parts: usize) -> Scene {
        let dots = (0..n)
            .map(|i| Dot {
                peer: PeerView {
                    peer_id: id(i),
                    kind: NodeKind::Regular,
                    name: String::new(),
                    role: SeatRole::Bot,
                    reachable: true,
                    age_ms: 0,
                },
                own: i == 0,
                at_my_table: false,
                part: i % parts,
                links: 2,
            })
            .collect();
        let edge = |a, b| {
            let (transport, latency_ms) = (Transport::Tcp, None);
            (a, b, EdgeView { a: id(a), b: id(b), transport, latency_ms })
        };
        let lines = (0..n.saturating_sub(parts)).map(|i| edge(i, i + parts)).collect();
        Scene { dots, lines, parts, left_out: 0 }
    }

    fn settle(layout: &mut Layout) -> usize {
        (0..1_000).take_while(|_| layout.step() == Motion::Moving).count()
    }

    #[test]
    fn it_settles_and_then_stays() {
        let mut layout = Layout::default();
        layout.take(&scene(40, 1));
        assert!((50..200).contains(&settle(&mut layout)));
        let before = layout.at.clone();
        assert_eq!(layout.step(), Motion::Settled);
        layout.take(&scene(40, 1));
        assert_eq!(layout.motion(), Motion::Settled);
        assert_eq!(layout.at, before);
    }

    #[test]
    fn the_same_scenes_give_the_same_picture() {
        let run = || {
            let mut layout = Layout::default();
            layout.take(&scene(30, 1));
            settle(&mut layout);
            layout.take(&scene(33, 2));
            settle(&mut layout);
            layout.at
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn every_dot_stays_inside_and_apart_from_the_others() {
        for n in [0, 1, 2, 9, 300] {
            let mut layout = Layout::default();
            layout.take(&scene(n, 1));
            settle(&mut layout);
            for (i, a) in layout.at.iter().enumerate() {
                assert!((0.0..=WIDTH).contains(&a.x) && (0.0..=HEIGHT).contains(&a.y));
                let apart = |b: &Point| (a.x - b.x).hypot(a.y - b.y) > 2.0;
                assert!(layout.at[i + 1..].iter().all(apart), "{n} dots, dot {i}");
            }
        }
    }

    #[test]
    fn the_parts_of_a_fallen_mesh_stand_apart() {
        let mut layout = Layout::default();
        layout.take(&scene(16, 2));
        settle(&mut layout);
        let middle = |part: usize| {
            let of_part = layout.at.iter().skip(part).step_by(2);
            of_part.map(|p| p.x).sum::<f64>() / 8.0
        };
        assert!((middle(0) - middle(1)).abs() > WIDTH / 4.0);
    }

    #[test]
    fn dots_keep_their_place_when_another_one_comes() {
        let mut layout = Layout::default();
        layout.take(&scene(12, 1));
        settle(&mut layout);
        let before = layout.at.clone();
        layout.take(&scene(13, 1));
        assert_eq!(layout.at[..12], before);
    }
}

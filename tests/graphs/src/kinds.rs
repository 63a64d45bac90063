//! Random graphs by kind, size and number.

use bitcraps_graph::Edge;

/// Graphs visited in turn.
pub const GRAPHS: u64 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Points in the unit square, linked when they are near; mean degree about 8.
    Geometric,
    /// A ring, each node linked to the three next on either side, a tenth of the links led
    /// elsewhere (Watts and Strogatz 1998).
    SmallWorld,
    /// A random tree over near points and half as many links again; mean degree about 3.
    LowDegree,
}

pub const KINDS: [Kind; 3] = [Kind::Geometric, Kind::SmallWorld, Kind::LowDegree];

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Geometric => "geometric",
            Kind::SmallWorld => "small-world",
            Kind::LowDegree => "low-degree",
        }
    }

    pub fn named(name: &str) -> Option<Kind> {
        KINDS.into_iter().find(|kind| kind.name() == name)
    }
}

/// The edges of one graph. Nodes are numbered at random, as ids would have it.
pub fn edges(kind: Kind, nodes: u32, number: u64) -> Vec<Edge> {
    let mut random = Random(0x9e37_79b9 ^ (number << 32) ^ u64::from(nodes));
    let pairs = match kind {
        Kind::Geometric => geometric(nodes, &mut random),
        Kind::SmallWorld => small_world(nodes, &mut random),
        Kind::LowDegree => low_degree(nodes, &mut random),
    };
    let mut names: Vec<u32> = (0..nodes).collect();
    for i in (1..names.len()).rev() {
        names.swap(i, random.below(i as u64 + 1) as usize);
    }
    let name = |n: u32| names[n as usize];
    pairs.into_iter().map(|(a, b)| Edge { a: name(a), b: name(b), cost: 1 }).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Points, and for every point those within `reach`, found by cells of that width.
fn near(points: &[(f64, f64)], reach: f64) -> Vec<(u32, u32)> {
    let across = ((1.0 / reach) as usize).clamp(1, 4096);
    let cell = |(x, y): (f64, f64)| {
        let at = |v: f64| ((v * across as f64) as usize).min(across - 1);
        (at(x), at(y))
    };
    let mut cells = vec![Vec::new(); across * across];
    for (n, point) in points.iter().enumerate() {
        let (x, y) = cell(*point);
        cells[y * across + x].push(n);
    }
    let mut pairs = Vec::new();
    for (a, point) in points.iter().enumerate() {
        let (x, y) = cell(*point);
        for row in y.saturating_sub(1)..(y + 2).min(across) {
            for column in x.saturating_sub(1)..(x + 2).min(across) {
                for b in cells[row * across + column].iter().copied().filter(|b| *b > a) {
                    let (dx, dy) = (point.0 - points[b].0, point.1 - points[b].1);
                    if dx * dx + dy * dy <= reach * reach {
                        pairs.push((a as u32, b as u32));
                    }
                }
            }
        }
    }
    pairs
}

fn geometric(nodes: u32, random: &mut Random) -> Vec<(u32, u32)> {
    let points: Vec<_> = (0..nodes).map(|_| (random.unit(), random.unit())).collect();
    // A node away from the border sees n π r² others; 9 there is about 8 on average.
    near(&points, (9.0 / (std::f64::consts::PI * f64::from(nodes))).sqrt())
}

fn small_world(nodes: u32, random: &mut Random) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for a in 0..nodes {
        for step in 1..=3 {
            let far = random.below(10) == 0;
            let b = if far { random.below(u64::from(nodes)) as u32 } else { (a + step) % nodes };
            pairs.push((a, b));
        }
    }
    pairs
}

fn low_degree(nodes: u32, random: &mut Random) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    for b in 1..nodes {
        // A parent among the last few, so that the tree is long and thin like a walk of people.
        let back = 1 + random.below(u64::from(b.min(12))) as u32;
        pairs.push((b - back, b));
    }
    for _ in 0..nodes / 2 {
        let a = random.below(u64::from(nodes)) as u32;
        let b = (a + 1 + random.below(40) as u32) % nodes;
        pairs.push((a, b));
    }
    pairs
}

//! How much gets from one node to another, and what stands in the way.
//!
//! Dinic's algorithm (1970) on undirected edges: levels by breadth-first search, then a blocking
//! flow along them with a current arc for each node. O(nodes² · edges) at worst, near linear on
//! meshes. Iterative: a long path does not exhaust the stack of a browser.

/// An undirected edge; what flows in one direction leaves room for twice as much in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityEdge {
    pub a: u32,
    pub b: u32,
    pub capacity: u32,
}

/// A maximum flow, and a cut of the same weight that proves it is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    pub value: u64,
    /// Ends of the cut's edges of positive capacity, `a < b`, ascending, parallel edges once. Their
    /// capacities add up to `value`.
    pub cut: Vec<(u32, u32)>,
    /// The nodes on the source's side, ascending. Of all minimum cuts it is the one nearest to the
    /// source.
    pub source_side: Vec<u32>,
}

/// The most that flows from `source` to `sink`. Parallel edges add up; loops and edges to nodes
/// that are not there carry nothing. When `source` is `sink` or either is no node, nothing flows
/// and nothing is cut.
pub fn max_flow(nodes: u32, edges: &[CapacityEdge], source: u32, sink: u32) -> Flow {
    if source == sink || source >= nodes || sink >= nodes {
        return Flow::default();
    }
    let mut residual = Residual::new(nodes as usize, edges);
    let mut value = 0;
    while residual.find_levels(source, sink) {
        value += residual.block(source, sink);
    }
    let on_source_side = |node: u32| residual.level[node as usize] != UNREACHED;
    let mut cut: Vec<(u32, u32)> = edges
        .iter()
        .filter(|edge| edge.a < nodes && edge.b < nodes && edge.capacity > 0)
        .filter(|edge| on_source_side(edge.a) != on_source_side(edge.b))
        .map(|edge| (edge.a.min(edge.b), edge.a.max(edge.b)))
        .collect();
    cut.sort_unstable();
    cut.dedup();
    Flow { value, cut, source_side: (0..nodes).filter(|node| on_source_side(*node)).collect() }
}

const UNREACHED: u32 = u32::MAX;

struct Arc {
    to: u32,
    /// Its opposite.
    back: u32,
    /// What may still flow: at most twice a `u32`.
    room: u64,
}

/// What is left to flow, as rows of arcs.
struct Residual {
    first: Vec<u32>,
    arcs: Vec<Arc>,
    level: Vec<u32>,
    /// The first arc of each node that may still lead on at these levels.
    current: Vec<u32>,
    queue: Vec<u32>,
}

impl Residual {
    fn new(nodes: usize, edges: &[CapacityEdge]) -> Residual {
        let sound = |edge: &&CapacityEdge| {
            (edge.a as usize) < nodes && (edge.b as usize) < nodes && edge.a != edge.b
        };
        let mut first = vec![0; nodes + 1];
        for edge in edges.iter().filter(sound) {
            first[edge.a as usize] += 1;
            first[edge.b as usize] += 1;
        }
        // Each row's end; filling a row from its end leaves its start.
        let mut sum = 0;
        for end in &mut first {
            sum += *end;
            *end = sum;
        }
        let mut arcs: Vec<Arc> = Vec::new();
        arcs.resize_with(sum as usize, || Arc { to: 0, back: 0, room: 0 });
        for edge in edges.iter().filter(sound) {
            let [a, b] = [edge.a, edge.b].map(|node| {
                first[node as usize] -= 1;
                first[node as usize]
            });
            let room = u64::from(edge.capacity);
            arcs[a as usize] = Arc { to: edge.b, back: b, room };
            arcs[b as usize] = Arc { to: edge.a, back: a, room };
        }
        let (level, current) = (vec![UNREACHED; nodes], vec![0; nodes]);
        Residual { first, arcs, level, current, queue: Vec::new() }
    }

    /// Levels of what the source still reaches, all of it once the sink is out of reach. Gives
    /// whether the sink is in reach.
    fn find_levels(&mut self, source: u32, sink: u32) -> bool {
        self.level.fill(UNREACHED);
        self.level[source as usize] = 0;
        self.queue.clear();
        self.queue.push(source);
        let mut head = 0;
        while let Some(node) = self.queue.get(head).copied() {
            head += 1;
            let row = self.first[node as usize] as usize..self.first[node as usize + 1] as usize;
            for arc in &self.arcs[row] {
                if arc.room > 0 && self.level[arc.to as usize] == UNREACHED {
                    self.level[arc.to as usize] = self.level[node as usize] + 1;
                    if arc.to == sink {
                        return true;
                    }
                    self.queue.push(arc.to);
                }
            }
        }
        false
    }

    /// Saturates the paths along the levels; gives what they carry.
    fn block(&mut self, source: u32, sink: u32) -> u64 {
        self.current.copy_from_slice(&self.first[..self.level.len()]);
        let mut value = 0;
        let mut path: Vec<u32> = Vec::new();
        loop {
            let node = path.last().map_or(source, |arc| self.arcs[*arc as usize].to);
            if node == sink {
                value += self.push(&path);
                // Back to where the first saturated arc starts.
                let full = path.iter().position(|arc| self.arcs[*arc as usize].room == 0);
                path.truncate(full.unwrap_or(0));
            } else if let Some(arc) = self.advance(node) {
                path.push(arc);
            } else if let Some(arc) = path.pop() {
                let back = self.arcs[arc as usize].back;
                self.current[self.arcs[back as usize].to as usize] += 1;
            } else {
                return value;
            }
        }
    }

    /// The first arc from `node` that leads one level on.
    fn advance(&mut self, node: u32) -> Option<u32> {
        let end = self.first[node as usize + 1];
        while self.current[node as usize] < end {
            let at = self.current[node as usize];
            let arc = &self.arcs[at as usize];
            if arc.room > 0 && self.level[arc.to as usize] == self.level[node as usize] + 1 {
                return Some(at);
            }
            self.current[node as usize] += 1;
        }
        None
    }

    /// Sends as much along the path as its tightest arc lets through.
    fn push(&mut self, path: &[u32]) -> u64 {
        let room = path.iter().map(|arc| self.arcs[*arc as usize].room).min().unwrap_or(0);
        for arc in path {
            let back = self.arcs[*arc as usize].back;
            self.arcs[*arc as usize].room -= room;
            self.arcs[back as usize].room += room;
        }
        room
    }
}

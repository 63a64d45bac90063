//! The graph itself: undirected, in compressed sparse rows.
//!
//! One array of offsets, one of targets, one of costs: a graph of n nodes and m edges takes
//! 4(n + 1) + 16m bytes and is walked in memory order. Rows ascend, so two neighbourhoods can be
//! intersected by merging. Loops and edges to nodes that are not there are left out; of parallel
//! edges the cheapest stays.

/// An undirected edge with its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub a: u32,
    pub b: u32,
    /// Any unit, as long as it is the same for all; distances are sums of it.
    pub cost: u32,
}

/// See the module. Two are equal when they have the same nodes, edges and costs.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Where each row starts, and one past the last.
    first: Vec<u32>,
    to: Vec<u32>,
    cost: Vec<u32>,
    /// Rows being sorted: target and cost.
    scratch: Vec<(u32, u32)>,
}

impl PartialEq for Graph {
    fn eq(&self, other: &Graph) -> bool {
        (&self.first, &self.to, &self.cost) == (&other.first, &other.to, &other.cost)
    }
}

impl Graph {
    /// O(nodes + edges · log of the largest degree).
    ///
    /// # Panics
    ///
    /// When there are 2³¹ edges or more.
    pub fn new(nodes: u32, edges: &[Edge]) -> Graph {
        let mut graph = Graph::default();
        graph.rebuild(nodes, edges);
        graph
    }

    /// Becomes the graph of these edges. Allocates only when it has never been so large.
    ///
    /// # Panics
    ///
    /// When there are 2³¹ edges or more.
    pub fn rebuild(&mut self, nodes: u32, edges: &[Edge]) {
        assert!(edges.len() < 1 << 31, "{} edges do not fit u32 offsets", edges.len());
        let sound = |e: &&Edge| e.a < nodes && e.b < nodes && e.a != e.b;
        self.first.clear();
        self.first.resize(nodes as usize + 2, 0);
        // Counted two places on: summed up, each row's start stands one place on, and filling the
        // row moves it to its end, which is where the next row starts.
        for edge in edges.iter().filter(sound) {
            self.first[edge.a as usize + 2] += 1;
            self.first[edge.b as usize + 2] += 1;
        }
        let mut sum = 0;
        for start in &mut self.first {
            sum += *start;
            *start = sum;
        }
        self.scratch.clear();
        self.scratch.resize(sum as usize, (0, 0));
        for edge in edges.iter().filter(sound) {
            for (from, to) in [(edge.a, edge.b), (edge.b, edge.a)] {
                let slot = &mut self.first[from as usize + 1];
                self.scratch[*slot as usize] = (to, edge.cost);
                *slot += 1;
            }
        }
        self.first.truncate(nodes as usize + 1);
        self.settle_rows();
    }

    /// Sorts each row and drops what is parallel to something cheaper.
    fn settle_rows(&mut self) {
        self.to.clear();
        self.cost.clear();
        let mut start = 0;
        for row in 1..self.first.len() {
            let end = self.first[row] as usize;
            let arcs = &mut self.scratch[start..end];
            arcs.sort_unstable();
            let mut last = None;
            for (to, cost) in arcs.iter().filter(|arc| last.replace(arc.0) != Some(arc.0)) {
                self.to.push(*to);
                self.cost.push(*cost);
            }
            start = end;
            self.first[row] = self.to.len() as u32;
        }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.first.len().saturating_sub(1) as u32
    }

    /// How many edges are left after merging.
    pub fn edges(&self) -> usize {
        self.to.len() / 2
    }

    /// Ascending. `node` must be a node of the graph, here and below.
    pub fn neighbours(&self, node: u32) -> &[u32] {
        &self.to[self.row(node)]
    }

    /// The costs of the edges to [`Graph::neighbours`], in the same order.
    pub fn costs(&self, node: u32) -> &[u32] {
        &self.cost[self.row(node)]
    }

    pub fn degree(&self, node: u32) -> u32 {
        self.row(node).len() as u32
    }

    /// Every edge once, with `a < b`, ascending.
    pub fn each_edge(&self) -> impl Iterator<Item = Edge> {
        (0..self.nodes()).flat_map(move |a| {
            let row = self.neighbours(a).iter().zip(self.costs(a));
            row.filter(move |(b, _)| a < **b).map(move |(b, cost)| Edge { a, b: *b, cost: *cost })
        })
    }

    /// Where each row starts in [`Graph::targets`], and one past the last.
    pub fn offsets(&self) -> &[u32] {
        &self.first
    }

    /// All rows, one after the other.
    pub fn targets(&self) -> &[u32] {
        &self.to
    }

    fn row(&self, node: u32) -> core::ops::Range<usize> {
        self.first[node as usize] as usize..self.first[node as usize + 1] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(a: u32, b: u32, cost: u32) -> Edge {
        Edge { a, b, cost }
    }

    #[test]
    fn rows_ascend_and_only_the_cheapest_of_parallel_edges_stays() {
        let edges = [edge(2, 0, 5), edge(0, 1, 7), edge(1, 0, 3), edge(3, 0, 1), edge(0, 2, 9)];
        let graph = Graph::new(4, &edges);
        assert_eq!((graph.nodes(), graph.edges(), graph.degree(0)), (4, 3, 3));
        assert_eq!((graph.neighbours(0), graph.costs(0)), (&[1, 2, 3][..], &[3, 5, 1][..]));
        assert_eq!((graph.neighbours(3), graph.costs(3)), (&[0][..], &[1][..]));
        let all: Vec<Edge> = graph.each_edge().collect();
        assert_eq!(all, [edge(0, 1, 3), edge(0, 2, 5), edge(0, 3, 1)]);
        assert_eq!(Graph::new(4, &all), graph);
    }

    #[test]
    fn loops_and_edges_to_nowhere_are_left_out() {
        let graph = Graph::new(3, &[edge(1, 1, 1), edge(0, 3, 1), edge(9, 9, 1), edge(2, 1, 1)]);
        assert_eq!(graph.each_edge().collect::<Vec<_>>(), [edge(1, 2, 1)]);
        assert_eq!((Graph::new(0, &[]).nodes(), Graph::default().edges()), (0, 0));
    }

    #[test]
    fn a_graph_that_is_rebuilt_forgets_what_it_was() {
        let mut graph = Graph::new(5, &[edge(0, 4, 1), edge(1, 2, 1), edge(3, 4, 1)]);
        graph.rebuild(3, &[edge(0, 2, 8)]);
        assert_eq!(graph, Graph::new(3, &[edge(0, 2, 8)]));
        graph.rebuild(0, &[]);
        assert_eq!(graph, Graph::new(0, &[]));
    }
}

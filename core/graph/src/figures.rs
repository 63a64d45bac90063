//! What a full look at a graph gives: pieces, weak points, clustering, diameter.

/// The figures of one graph. They are exact, and equal graphs have equal figures, so those kept up
/// by edits can be compared with those of a full pass by `==`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub nodes: u32,
    pub edges: u32,
    /// The component of every node; components are numbered in the order of their smallest node.
    pub component: Vec<u32>,
    /// How many nodes each component has.
    pub component_sizes: Vec<u32>,
    /// Nodes whose loss cuts others off from each other, ascending.
    pub cut_nodes: Vec<CutNode>,
    /// Edges whose loss does so, ascending by `a`, then `b`.
    pub cut_edges: Vec<CutEdge>,
    /// Triangles through every node.
    pub triangles: Vec<u32>,
    /// 2 · triangles / (degree · (degree − 1)) for every node; 0 where the degree is below 2.
    /// Watts and Strogatz 1998.
    pub local_clustering: Vec<f64>,
    /// The mean of these over all nodes with degree 2 or more, summed in the order of the nodes;
    /// missing when there is none.
    pub global_clustering: Option<f64>,
    /// Longest shortest path in hops within a component; 0 for a graph without edges.
    pub diameter: u32,
}

/// An articulation point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutNode {
    pub node: u32,
    /// Nodes that would no longer reach the largest piece of what is left of the component.
    pub cuts_off: u32,
}

/// A bridge, with `a < b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutEdge {
    pub a: u32,
    pub b: u32,
    /// Nodes on its smaller side.
    pub cuts_off: u32,
}

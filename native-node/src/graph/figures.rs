//! The figures of an edge list: which there are, what they come to, how long each took.

use super::{read::EdgeList, watch::Watch};
use bitcraps_graph::{
    Analyser, Communities, DistanceFigures, Distances, Edge, Figures, Graph, edge_connectivity,
    minimum_spanning_forest, modularity,
};
use clap::ValueEnum;
use serde::{Serialize, Serializer};
use std::time::Instant;

/// The same file gives the same communities.
const SEED: u64 = 1;

/// Nodes up to which radius, mean path and edge connectivity are found without being asked for:
/// they take about the square of it.
pub const SQUARE_NODES_MAX: u32 = 20_000;

/// What `--what` may name: keys of the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Figure {
    Nodes,
    Edges,
    Components,
    Diameter,
    Clustering,
    CutNodes,
    CutEdges,
    Radius,
    MeanPath,
    EdgeConnectivity,
    Mst,
    Communities,
}

/// Figures that come out of one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Known once the file is read.
    Reading,
    Pass,
    AllPairs,
    EdgeConnectivity,
    Spanning,
    Communities,
}

/// What is printed; figures that were not asked for are missing.
#[derive(Default, Serialize)]
pub struct Report {
    pub nodes: u32,
    pub edges: usize,
    /// Lines left out because they link a node with itself.
    pub loops: usize,
    /// Lines left out because their edge was there before.
    pub repeated: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diameter: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clustering: Option<Clustering>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_nodes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_edges: Option<Vec<[String; 2]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<u32>,
    /// `Some(None)` when no two nodes have a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_path: Option<Option<f64>>,
    /// How many edges must go before the graph falls apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge_connectivity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mst: Option<Spanning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communities: Option<Vec<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modularity: Option<f64>,
    /// How long each figure took. Those that come out of one piece of work have its time.
    #[serde(serialize_with = "as_map")]
    pub micros: Vec<(&'static str, f64)>,
}

/// A minimum spanning tree, or one for each component.
#[derive(Serialize)]
pub struct Spanning {
    pub weight: f64,
    /// Lightest first.
    pub edges: Vec<(String, String, f64)>,
}

#[derive(Serialize)]
pub struct Clustering {
    /// Missing when no node has two neighbours.
    pub global: Option<f64>,
    /// The share of paths of two edges that a third closes to a triangle; missing likewise.
    pub transitivity: Option<f64>,
    /// By label, in the order of the file.
    #[serde(serialize_with = "as_map")]
    pub local: Vec<(String, f64)>,
}

impl Figure {
    /// The key in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Figure::Nodes => "nodes",
            Figure::Edges => "edges",
            Figure::Components => "components",
            Figure::Diameter => "diameter",
            Figure::Clustering => "clustering",
            Figure::CutNodes => "cut_nodes",
            Figure::CutEdges => "cut_edges",
            Figure::Radius => "radius",
            Figure::MeanPath => "mean_path",
            Figure::EdgeConnectivity => "edge_connectivity",
            Figure::Mst => "mst",
            Figure::Communities => "communities",
        }
    }

    fn work(self) -> Work {
        match self {
            Figure::Nodes | Figure::Edges => Work::Reading,
            Figure::Components
            | Figure::Diameter
            | Figure::Clustering
            | Figure::CutNodes
            | Figure::CutEdges => Work::Pass,
            Figure::Radius | Figure::MeanPath => Work::AllPairs,
            Figure::EdgeConnectivity => Work::EdgeConnectivity,
            Figure::Mst => Work::Spanning,
            Figure::Communities => Work::Communities,
        }
    }
}

impl Work {
    const ALL: [Work; 5] =
        [Work::Pass, Work::AllPairs, Work::EdgeConnectivity, Work::Spanning, Work::Communities];

    fn is_square(self) -> bool {
        matches!(self, Work::AllPairs | Work::EdgeConnectivity)
    }

    fn name(self) -> &'static str {
        match self {
            Work::Reading => "the graph",
            Work::Pass => "components, diameter, clustering and cuts",
            Work::AllPairs => "distances between all pairs",
            Work::EdgeConnectivity => "edge connectivity",
            Work::Spanning => "the spanning tree",
            Work::Communities => "communities",
        }
    }
}

impl Report {
    /// Computes what is named; with nothing named, all that is not too much work for so large a
    /// graph.
    pub fn of(list: &EdgeList, named: &[Figure], watch: &Watch) -> Report {
        watch.stage(Work::Reading.name());
        let graph = list.graph();
        let mut report = Report {
            nodes: graph.nodes(),
            edges: graph.edges(),
            loops: list.loops,
            repeated: list.edges.len() - list.loops - graph.edges(),
            ..Report::default()
        };
        let is_wanted = |figure: &Figure| match named {
            [] => !figure.work().is_square() || graph.nodes() <= SQUARE_NODES_MAX,
            named => named.contains(figure),
        };
        let wanted: Vec<Figure> =
            Figure::value_variants().iter().copied().filter(is_wanted).collect();
        for work in Work::ALL {
            let figures: Vec<Figure> =
                wanted.iter().copied().filter(|figure| figure.work() == work).collect();
            if figures.is_empty() {
                continue;
            }
            watch.stage(work.name());
            let micros = report.compute(work, &figures, &graph, list);
            report.micros.extend(figures.iter().map(|figure| (figure.key(), micros)));
        }
        report
    }

    /// Gives the microseconds of the work itself, without what it takes to label its figures.
    fn compute(&mut self, work: Work, figures: &[Figure], graph: &Graph, list: &EdgeList) -> f64 {
        match work {
            Work::Reading => 0.0,
            Work::Pass => {
                let mut analyser = Analyser::new();
                let (found, micros) = timed(|| analyser.analyse(graph));
                figures.iter().for_each(|figure| self.take(*figure, found, graph, list));
                micros
            }
            Work::AllPairs => {
                let mut distances = Distances::new();
                let (found, micros) = timed(|| distances.measure(graph));
                let DistanceFigures { radius, mean_path, .. } = found;
                self.radius = figures.contains(&Figure::Radius).then_some(*radius);
                self.mean_path = figures.contains(&Figure::MeanPath).then_some(*mean_path);
                micros
            }
            Work::EdgeConnectivity => {
                let (found, micros) = timed(|| edge_connectivity(graph));
                self.edge_connectivity = Some(found.edges);
                micros
            }
            Work::Spanning => {
                let (found, micros) = timed(|| minimum_spanning_forest(graph));
                self.mst = Some(Spanning::of(&found.edges, list));
                micros
            }
            Work::Communities => {
                let mut communities = Communities::new(SEED);
                let (found, micros) = timed(|| communities.find(graph, None));
                self.modularity = Some(modularity(graph, found));
                self.communities = Some(members(found, list));
                micros
            }
        }
    }

    fn take(&mut self, figure: Figure, figures: &Figures, graph: &Graph, list: &EdgeList) {
        let label = |node: u32| list.labels[node as usize].clone();
        match figure {
            Figure::Components => self.components = Some(figures.component_sizes.len()),
            Figure::Diameter => self.diameter = Some(figures.diameter),
            Figure::Clustering => self.clustering = Some(clustering(figures, graph, list)),
            Figure::CutNodes => {
                let cuts = figures.cut_nodes.iter();
                self.cut_nodes = Some(cuts.map(|cut| label(cut.node)).collect());
            }
            Figure::CutEdges => {
                let cuts = figures.cut_edges.iter();
                self.cut_edges = Some(cuts.map(|cut| [label(cut.a), label(cut.b)]).collect());
            }
            Figure::Nodes
            | Figure::Edges
            | Figure::Radius
            | Figure::MeanPath
            | Figure::EdgeConnectivity
            | Figure::Mst
            | Figure::Communities => {}
        }
    }
}

impl Spanning {
    fn of(edges: &[Edge], list: &EdgeList) -> Spanning {
        let label = |node: u32| list.labels[node as usize].clone();
        let edges: Vec<_> = edges
            .iter()
            .map(|edge| (label(edge.a), label(edge.b), list.weights[edge.cost as usize]))
            .collect();
        // From 0, because a sum of nothing is −0.
        let weight = edges.iter().fold(0.0, |sum, (_, _, weight)| sum + weight);
        Spanning { weight, edges }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let since = Instant::now();
    let found = work();
    // A tenth of a microsecond is what the clock can tell.
    (found, (since.elapsed().as_nanos() / 100) as f64 / 10.0)
}

fn clustering(figures: &Figures, graph: &Graph, list: &EdgeList) -> Clustering {
    // A node with d neighbours is in the middle of d(d−1)/2 paths of two edges.
    let paths = |node: u32| {
        let degree = u64::from(graph.degree(node));
        degree * degree.saturating_sub(1) / 2
    };
    let paths: u64 = (0..graph.nodes()).map(paths).sum();
    let closed: u64 = figures.triangles.iter().map(|count| u64::from(*count)).sum();
    let local = list.labels.iter().cloned().zip(figures.local_clustering.iter().copied());
    Clustering {
        global: figures.global_clustering,
        transitivity: (paths > 0).then(|| closed as f64 / paths as f64),
        local: local.collect(),
    }
}

/// The labels of each community, in the order of the file.
fn members(community: &[u32], list: &EdgeList) -> Vec<Vec<String>> {
    let mut members: Vec<Vec<String>> = Vec::new();
    for (number, label) in community.iter().zip(&list.labels) {
        // They are numbered in the order of their first nodes.
        if *number as usize == members.len() {
            members.push(Vec::new());
        }
        members[*number as usize].push(label.clone());
    }
    members
}

/// An object whose keys keep their order.
fn as_map<S: Serializer>(pairs: &[(impl Serialize, f64)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

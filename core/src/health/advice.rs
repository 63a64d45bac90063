//! What to do about the figures: plain sentences with the figures behind them.
//!
//! Each names what it is about, so that whoever can repair it is found by that. The most urgent
//! comes first; of equally urgent ones, the one that concerns more nodes.

use super::{Forecast, Link, Mesh, SHAPE_NODES_MIN, Severity, Snapshot, Thresholds};
use crate::id::PeerId;

/// Sentences at once; more than anybody reads.
pub const ADVICE_MAX: usize = 12;

/// Cut nodes and cut edges that are named, each.
const NAMED_MAX: usize = 4;

/// A risk above this share of its threshold is worth a word.
const WORTH_A_WORD: f64 = 0.5;

/// A link that answers a smaller share of its pings is weak: it loses one packet in five.
const WEAK_BELOW: f32 = 0.8;

/// Meshes of fewer nodes are too small to ask for triangles or for short ways.
const NODES_MIN: usize = 6;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    pub severity: Severity,
    pub about: About,
    /// A sentence or two.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The mesh is in parts.
    Parts,
    CutNode(PeerId),
    /// The smaller id first.
    CutEdge(PeerId, PeerId),
    /// The smaller id first.
    WeakLink(PeerId, PeerId),
    Risk,
    Diameter,
    Clustering,
    Congestion,
}

/// What is advised on: all of one snapshot.
pub(super) struct Seen<'a> {
    pub thresholds: &'a Thresholds,
    pub snapshot: &'a Snapshot,
    pub mesh: Mesh<'a>,
    pub links: &'a [Link],
    /// Of the mesh's cut nodes, in their order.
    pub loads: &'a [f64],
    pub risk_ahead: Option<Forecast>,
}

/// What the figures of one snapshot ask for.
pub(super) fn advise(seen: &Seen<'_>, name: &dyn Fn(PeerId) -> String) -> Vec<Advice> {
    let mut all = Vec::new();
    parts(seen.snapshot, &mut all);
    risk(seen, &mut all);
    cut_nodes(seen, name, &mut all);
    cut_edges(seen.mesh, name, &mut all);
    weakest_link(seen.links, name, &mut all);
    shape(seen.thresholds, seen.snapshot, &mut all);
    if seen.snapshot.congested > 0.0 {
        let rate = tenths(seen.snapshot.congested);
        let text = [
            "Links of this node drop ",
            &rate,
            " frames a second because their queues are full. Send less over them, or add a faster \
             link.",
        ];
        all.push(Advice {
            severity: Severity::Warning,
            about: About::Congestion,
            text: text.concat(),
        });
    }
    all.sort_by_key(|advice| core::cmp::Reverse(advice.severity));
    all.truncate(ADVICE_MAX);
    all
}

fn parts(snapshot: &Snapshot, all: &mut Vec<Advice>) {
    if snapshot.parts > 1 {
        let text = [
            "The mesh is in ",
            &snapshot.parts.to_string(),
            " parts. Link any two nodes of different parts to join them.",
        ];
        let (severity, about) = (Severity::Critical, About::Parts);
        all.push(Advice { severity, about, text: text.concat() });
    }
}

fn risk(seen: &Seen<'_>, all: &mut Vec<Advice>) {
    let (Some(risk), thresholds) = (seen.snapshot.risk, seen.thresholds) else { return };
    if risk.probability <= thresholds.risk {
        risk_ahead(seen, all);
    }
    if risk.probability <= thresholds.risk * WORTH_A_WORD {
        return;
    }
    let above = risk.probability > thresholds.risk;
    let text = [
        "With a probability of ",
        &percent(risk.probability),
        " this part of the mesh splits within ",
        &(risk.horizon_ms / 1000).to_string(),
        " s. Add links between nodes that few ways join.",
    ];
    let severity = if above { Severity::Critical } else { Severity::Warning };
    all.push(Advice { severity, about: About::Risk, text: text.concat() });
}

fn risk_ahead(seen: &Seen<'_>, all: &mut Vec<Advice>) {
    let Some(ahead) = &seen.risk_ahead else { return };
    let Some(band) = ahead.expected.filter(|band| band.value > seen.thresholds.risk) else {
        return;
    };
    let text = [
        "The risk of a split is ",
        &percent(ahead.now),
        " and rising: ",
        &percent(band.value),
        " is expected in ",
        &ahead.horizon.as_secs().to_string(),
        " s. Add links before it comes to that.",
    ];
    all.push(Advice { severity: Severity::Warning, about: About::Risk, text: text.concat() });
}

fn cut_nodes(seen: &Seen<'_>, name: &dyn Fn(PeerId) -> String, all: &mut Vec<Advice>) {
    let Seen { mesh, thresholds, .. } = seen;
    let mut cuts: Vec<_> = mesh.figures.cut_nodes.iter().zip(seen.loads).collect();
    cuts.sort_by(|x, y| y.1.total_cmp(x.1).then(x.0.node.cmp(&y.0.node)));
    for (cut, load) in cuts.into_iter().take(NAMED_MAX) {
        let peer = mesh.ids[cut.node as usize];
        let text = [
            "Without “",
            &name(peer),
            "”",
            &nodes(cut.cuts_off, " node would be cut off", " nodes would be cut off"),
            ": it alone joins ",
            &percent(*load),
            " of the pairs of other nodes. Link its neighbours to each other.",
        ];
        let severity = match *load > thresholds.cut_node_load {
            _ if mesh.ids.len() < SHAPE_NODES_MIN => Severity::Info,
            true => Severity::Critical,
            false => Severity::Warning,
        };
        all.push(Advice { severity, about: About::CutNode(peer), text: text.concat() });
    }
}

fn cut_edges(mesh: Mesh<'_>, name: &dyn Fn(PeerId) -> String, all: &mut Vec<Advice>) {
    // A leaf's only link is told of with the node that it hangs on.
    let mut cuts: Vec<_> = mesh.figures.cut_edges.iter().filter(|cut| cut.cuts_off > 1).collect();
    cuts.sort_by_key(|cut| core::cmp::Reverse(cut.cuts_off));
    for cut in cuts.into_iter().take(NAMED_MAX) {
        let (a, b) = (mesh.ids[cut.a as usize], mesh.ids[cut.b as usize]);
        let text = [
            "The link between “",
            &name(a),
            "” and “",
            &name(b),
            "” is the only one that joins",
            &nodes(cut.cuts_off, " node", " nodes"),
            " to the rest. Add another between the two sides.",
        ];
        let small = mesh.ids.len() < SHAPE_NODES_MIN;
        let severity = if small { Severity::Info } else { Severity::Warning };
        let about = About::CutEdge(a, b);
        all.push(Advice { severity, about, text: text.concat() });
    }
}

fn weakest_link(links: &[Link], name: &dyn Fn(PeerId) -> String, all: &mut Vec<Advice>) {
    let weakest = links.iter().min_by(|x, y| x.reliability.total_cmp(&y.reliability));
    let Some(link) = weakest.filter(|link| link.reliability < WEAK_BELOW) else { return };
    let text = [
        "The link between ",
        &name(link.a),
        " and ",
        &name(link.b),
        " is the weakest: ",
        &percent(f64::from(link.reliability)),
        " of its pings are answered. Move the two nearer to each other, or link them otherwise.",
    ];
    let about = About::WeakLink(link.a, link.b);
    all.push(Advice { severity: Severity::Warning, about, text: text.concat() });
}

fn shape(thresholds: &Thresholds, snapshot: &Snapshot, all: &mut Vec<Advice>) {
    if snapshot.diameter > thresholds.diameter {
        let text = [
            "The longest way in the mesh has ",
            &snapshot.diameter.to_string(),
            " hops, more than ",
            &thresholds.diameter.to_string(),
            ". A link between far ends would shorten it.",
        ];
        let (severity, about) = (Severity::Warning, About::Diameter);
        all.push(Advice { severity, about, text: text.concat() });
    }
    let low = snapshot.clustering.filter(|clustering| *clustering < thresholds.clustering);
    if let Some(clustering) = low.filter(|_| snapshot.nodes >= NODES_MIN) {
        let text = [
            "Of the pairs of neighbours of a node ",
            &percent(clustering),
            " are linked to each other, less than ",
            &percent(thresholds.clustering),
            ". Links between neighbours give packets a second way.",
        ];
        let (severity, about) = (Severity::Info, About::Clustering);
        all.push(Advice { severity, about, text: text.concat() });
    }
}

fn nodes(count: u32, one: &str, many: &str) -> String {
    [" ", &count.to_string(), if count == 1 { one } else { many }].concat()
}

fn percent(share: f64) -> String {
    let mut text = ((share * 100.0).round() as u64).to_string();
    text.push('%');
    text
}

fn tenths(value: f64) -> String {
    let tenths = (value * 10.0).round() as u64;
    [&(tenths / 10).to_string(), ".", &(tenths % 10).to_string()].concat()
}

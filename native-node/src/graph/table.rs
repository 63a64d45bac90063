//! The figures for people: a table that says from left to right what, how long, how much.

use super::figures::{Report, SQUARE_NODES_MAX};
use std::fmt::Write as _;

/// Labels that are listed; the JSON has all.
const LISTED_MAX: usize = 8;

/// Communities whose sizes are listed.
const SIZES_MAX: usize = 12;

/// Lines, the last without its end. `all` says that nothing was named, so that what is missing
/// was too much work.
pub fn lines(report: &Report, all: bool) -> String {
    let (nodes, edges) = (many(report.nodes as usize, "node"), many(report.edges, "edge"));
    let mut text = format!("{nodes}, {edges}");
    if report.loops + report.repeated > 0 {
        let loops = many(report.loops, "loop");
        let repeated = many(report.repeated, "repeated edge");
        let _ = write!(text, "; left out: {loops}, {repeated}");
    }
    if !report.micros.is_empty() {
        text.push('\n');
    }
    for (key, micros) in &report.micros {
        let name = key.replace('_', " ");
        let _ = write!(text, "\n  {name:<17} {:>9}   {}", time(*micros), value(report, key));
    }
    if report.micros.windows(2).any(|two| two[0].1 == two[1].1) {
        text.push_str("\n\nFigures with the same time were computed together.");
    }
    if all && report.radius.is_none() {
        let _ = write!(
            text,
            "\nBeyond {SQUARE_NODES_MAX} nodes some figures take long; ask for them: \
             --what radius,mean_path,edge_connectivity"
        );
    }
    text
}

fn value(report: &Report, key: &str) -> String {
    let hops = |hops: Option<u32>| hops.map(|hops| many(hops as usize, "hop"));
    let found = match key {
        "components" => report.components.map(|count| count.to_string()),
        "diameter" => hops(report.diameter),
        "radius" => hops(report.radius),
        "mean_path" => report.mean_path.map(|mean| match mean {
            Some(mean) => format!("{mean:.4} hops"),
            None => "no two nodes have a path".to_owned(),
        }),
        "edge_connectivity" => report.edge_connectivity.map(|edges| many(edges as usize, "edge")),
        "mst" => report
            .mst
            .as_ref()
            .map(|mst| format!("weight {}, {}", short(mst.weight), many(mst.edges.len(), "edge"))),
        "clustering" => report.clustering.as_ref().map(|c| match (c.global, c.transitivity) {
            (Some(global), Some(closed)) => format!("{global:.4}, transitivity {closed:.4}"),
            _ => "no node has two neighbours".to_owned(),
        }),
        "cut_nodes" => {
            report.cut_nodes.as_ref().map(|cuts| listed(cuts.len(), cuts.iter().cloned()))
        }
        "cut_edges" => report
            .cut_edges
            .as_ref()
            .map(|cuts| listed(cuts.len(), cuts.iter().map(|[a, b]| format!("{a} to {b}")))),
        "communities" => report.communities.as_ref().map(|all| {
            let modularity = report.modularity.unwrap_or(0.0);
            format!("{}, modularity {modularity:.4}", sizes(all))
        }),
        _ => None,
    };
    found.unwrap_or_default()
}

fn sizes(communities: &[Vec<String>]) -> String {
    if communities.is_empty() {
        return "none".to_owned();
    }
    let mut sizes: Vec<usize> = communities.iter().map(Vec::len).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let shown: Vec<String> = sizes.iter().take(SIZES_MAX).map(usize::to_string).collect();
    let more = if sizes.len() > SIZES_MAX { ", …" } else { "" };
    format!("{}, of {}{more} nodes", sizes.len(), shown.join(", "))
}

/// How many there are, then the first few, with nothing in them that moves a cursor.
fn listed(count: usize, labels: impl Iterator<Item = String>) -> String {
    if count == 0 {
        return "none".to_owned();
    }
    let shown: Vec<String> = labels.take(LISTED_MAX).map(plain).collect();
    let more = match count - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more (--json lists all)"),
    };
    format!("{count}: {}{more}", shown.join(", "))
}

fn plain(label: String) -> String {
    match label.contains(char::is_control) {
        true => label.escape_debug().to_string(),
        false => label,
    }
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// With four digits after the point, as far as there are any.
fn short(number: f64) -> String {
    let digits = format!("{number:.4}");
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn time(micros: f64) -> String {
    match micros {
        ..1000.0 => format!("{micros:.1} µs"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}
